package cfg

import (
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
)

// Config holds all settings, one field for each section of presence.ini. The
// meaning and the default of each is in example.presence.ini under the same name.
// A Config is not changed after Load, so it may be read from anywhere.
type Config struct {
	Server     Server
	TLS        TLS
	TCP        TCP
	WS         WS
	Admin      Admin
	Database   Database
	FriendCore FriendCore
	LocalUsers LocalUsers
	Session    Session
	Room       Room
	Workroom   Workroom
	Messages   Messages
	TinyAvatar TinyAvatar
	Live       Live
	Janus      Janus
	ICE        []ICEServer // in the order of the file
	TURN       TURN
	Limits     Limits
	Log        Log

	origins map[keyName]origin // where a value comes from; missing: a default
}

// Server is section [server].
type Server struct {
	Domain  string
	DataDir string
}

// TLS is section [tls]. KeyPath and CertPath are both set or both empty.
type TLS struct {
	KeyPath  string
	CertPath string
	Off      bool
}

// TCP is section [tcp].
type TCP struct {
	Enabled bool
	Bind    string // an IP address or "localhost"; empty: all
	Port    int
}

// Addr is the address to listen on, for net.Listen.
func (t TCP) Addr() string { return listenAddr(t.Bind, t.Port) }

// WS is section [ws].
type WS struct {
	Bind    string // an IP address or "localhost"; empty: all
	Port    int
	Proxy   string   // begins and ends with a slash, or is empty
	Origins []string // "*" alone, or origins such as "https://host:port"
}

// Addr is the address to listen on, for net.Listen.
func (w WS) Addr() string { return listenAddr(w.Bind, w.Port) }

// Host is what clients are told as the place of the websocket: the domain with
// the proxy's path or, without a proxy, with the port (docs/protocol.md 9).
func (c *Config) Host() string {
	if c.WS.Proxy != "" {
		return inURL(c.Server.Domain) + c.WS.Proxy
	}
	return listenAddr(c.Server.Domain, c.WS.Port)
}

// Admin is section [admin].
type Admin struct {
	Listen string // host:port; empty: off
	Token  Secret
}

// Database is section [database].
type Database struct {
	Driver string // "sqlite" or "mysql"
	File   string
	Socket string
	Host   string
	Port   int
	User   string
	Pass   Secret
	Name   string
}

// DatabaseFile is the path of the embedded database, [database] file in data_dir.
func (c *Config) DatabaseFile() string {
	if filepath.IsAbs(c.Database.File) {
		return c.Database.File
	}
	return filepath.Join(c.Server.DataDir, c.Database.File)
}

// FriendCore is section [friendcore].
type FriendCore struct {
	Dir    string
	Host   string
	Port   int
	UseTLS bool
	// TLSName is the name to check FriendCore's certificate against; empty: Host.
	// It is no key: it is FriendCore's public name (fchost) when Host became this
	// machine's loopback address because of Dir, for which no certificate is made.
	TLSName     string
	CAFile      string
	Insecure    bool
	WSPort      int
	WSUseTLS    bool
	WSProxy     string // begins with a slash, or is empty
	ServiceKey  Secret // empty: no service connection
	ServiceName string
	LogEvents   bool
}

// LocalUsers is section [local_users].
type LocalUsers struct {
	AllowRemote bool
	Users       []LocalUser // in the order of the file
}

// LocalUser is an account that needs no FriendCore.
type LocalUser struct {
	Login  string
	AuthID Secret
	Name   string
	Admin  bool
}

// Session is section [session].
type Session struct {
	LoginTimeout time.Duration
	Grace        time.Duration
	GraceBuffer  Bytes
	Ping         time.Duration
	DeadAfter    time.Duration // longer than Ping
}

// Room is section [room].
type Room struct {
	EmptyAfter time.Duration
	RecentFor  time.Duration
}

// Workroom is section [workroom].
type Workroom struct {
	SubsHaveSuperView  bool
	SupersHaveSubRoom  bool
	SupersSubHideSuper bool
	ShowUserList       bool
}

// Messages is section [messages].
type Messages struct {
	ForceShowRead bool
	MaxSize       Bytes // less than Limits.SizeAfterLogin
	EditGrace     time.Duration
}

// TinyAvatar is section [tiny_avatar].
type TinyAvatar struct {
	ImageSidePX int
}

// Live is section [live].
type Live struct {
	UserLimit   int    // 0: no limit
	Mode        string // "auto", "mesh" or "janus"
	MeshLimit   int
	IsStream    *bool // nil: not set
	IsRecording *bool // nil: not set
	RecordPath  string
}

// Janus is section [janus].
type Janus struct {
	Servers     []string // ws:// or wss:// addresses
	APISecret   Secret
	Token       Secret
	AdminKey    Secret
	StaticRooms bool
}

// ICEServer is one section [ice "NAME"].
type ICEServer struct {
	Name       string
	URLs       []string
	Username   string
	Credential Secret
}

// TURN is section [turn].
type TURN struct {
	Enabled               bool
	Listen                string
	PublicIP              netip.Addr // not valid: not set
	RelayPorts            PortRange
	Realm                 string // empty: Server.Domain
	Secret                Secret
	TTL                   time.Duration
	AllowPeers            []netip.Prefix
	MaxAllocations        int
	MaxAllocationsPerUser int
	Idle                  time.Duration // a relay without traffic ends
	TLSPort               int           // 0: no TLS
	HideAddresses         bool          // of those in calls, in all rooms
}

// Limits is section [limits].
type Limits struct {
	SizeBeforeLogin           Bytes
	SizeAfterLogin            Bytes
	UnauthenticatedPerAddress int
	FailuresPerAddress        int // in a minute
	ConnectionsPerAddress     int // 0: no limit
	Rate                      int // messages per second and account
	Burst                     int
	Trusted                   []netip.Prefix
	TrustedProxies            []netip.Prefix
}

// Log is section [log].
type Log struct {
	Level  slog.Level
	Format string // "text" or "json"
	File   string // empty: standard error
}

// Bytes is a size in bytes.
type Bytes int64

// PortRange is a range of ports, both ends included.
type PortRange struct{ First, Last int }

// IsLoopback tells whether host, as written in a bind key, can be reached from
// this machine only. Empty means all addresses and is no loopback.
func IsLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// inURL puts brackets around an IPv6 address.
func inURL(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func listenAddr(host string, port int) string {
	return net.JoinHostPort(host, itoa(port))
}
