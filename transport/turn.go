package transport

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
)

// TURNOptions are what a TURN server is made of. Every field is needed but for those
// that say what they are when empty.
type TURNOptions struct {
	Realm  string
	Secret string        // clients' passwords are made from it
	TTL    time.Duration // how long credentials are good; at most 6 hours

	Listen     netip.Addr // where clients come in; not valid or unspecified: all addresses
	Port       int        // of UDP and TCP, for URLs
	TLSPort    int        // 0: no TLS
	PublicIP   netip.Addr // of the relays, behind address translation; not valid: the network card's
	FirstRelay int        // the range of ports for relays, both ends included
	LastRelay  int

	AllowPeers            []netip.Prefix // reached although they are private
	MaxAllocations        int
	MaxAllocationsPerUser int
	Idle                  time.Duration // an allocation without traffic ends; 0: 10 minutes

	Log *slog.Logger
}

const (
	maxTURNTTL      = 6 * time.Hour
	defaultTURNIdle = 10 * time.Minute
	maxRealm        = 128 // bytes
)

func (o TURNOptions) check() error {
	switch {
	case o.Log == nil:
		return errors.New("transport: Log is needed")
	case o.Realm == "" || len(o.Realm) > maxRealm:
		return fmt.Errorf("transport: Realm must have 1 to %d bytes", maxRealm)
	case len(o.Secret) < minTURNSecret:
		return fmt.Errorf("transport: Secret must have at least %d characters", minTURNSecret)
	case o.TTL < time.Second || o.TTL > maxTURNTTL:
		return fmt.Errorf("transport: TTL must be 1s to %s", maxTURNTTL)
	case o.Port <= 0 || o.Port > 65535 || o.TLSPort < 0 || o.TLSPort > 65535:
		return errors.New("transport: Port must be 1 to 65535, TLSPort as well or 0")
	case o.FirstRelay < 1024 || o.LastRelay < o.FirstRelay || o.LastRelay > 65535:
		return errors.New("transport: FirstRelay and LastRelay must be a range within 1024 to 65535")
	case o.Port >= o.FirstRelay && o.Port <= o.LastRelay:
		return errors.New("transport: Port must lie outside of the ports for relays")
	case o.MaxAllocations <= 0 || o.MaxAllocationsPerUser <= 0:
		return errors.New("transport: MaxAllocations and MaxAllocationsPerUser must be positive")
	case o.Idle < 0:
		return errors.New("transport: Idle must not be negative")
	}
	return nil
}

// TURN is the built-in STUN and TURN server (RFC 8489, RFC 8656): anybody may ask
// for its own address, accounts in a call may relay UDP to peers that the filter
// permits. There is no relay over TCP (RFC 6062).
//
// The library does the protocol. Its sockets are ours: turnlisten.go bounds what
// comes in, turnrelay.go what goes out.
type TURN struct {
	options TURNOptions
	log     *slog.Logger
	peers   *peerFilter
	homes   homes
	revoked *revocations
	strange *rates // requests, per address

	running sync.WaitGroup // relays, connections, loops
	failed  chan error     // the first listener that failed

	mu       sync.RWMutex // guards the fields below
	closing  bool
	relays   map[relayKey]*relay
	opening  map[*net.UDPAddr]*relay // by address; the library does not know them yet
	clients  map[clientKey]*relay    // of the library's allocations
	accounts map[string]int          // relays of an account
	conns    map[*turnConn]struct{}

	figures turnFigures
}

// turnFigures count since the start.
type turnFigures struct {
	allocations, packets, bytes                         atomic.Uint64
	badLogins, overQuota, badPeers, overRate, malformed atomic.Uint64
}

// NewTURN checks the options and finds out the addresses of this machine. It opens
// nothing.
func NewTURN(o TURNOptions) (*TURN, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Idle == 0 {
		o.Idle = defaultTURNIdle
	}
	found, err := findHomes(o.Listen, o.PublicIP)
	if err != nil {
		return nil, err
	}
	filter, err := newPeerFilter(o.AllowPeers, found.announced())
	if err != nil {
		return nil, err
	}
	return &TURN{
		options: o, log: o.Log, homes: found, peers: filter,
		// What was handed out before the start belongs to calls that are over.
		revoked: newRevocations(time.Now().Add(o.TTL).Unix() - 1),
		strange: newRates(),
		failed:  make(chan error, 1),
		relays:  map[relayKey]*relay{}, opening: map[*net.UDPAddr]*relay{}, clients: map[clientKey]*relay{},
		accounts: map[string]int{}, conns: map[*turnConn]struct{}{},
	}, nil
}

// URLs are how clients name this server, all for one entry of their list of ICE
// servers. Browser clients judge an entry by its first URL.
func (t *TURN) URLs(host string) []string {
	at := net.JoinHostPort(host, strconv.Itoa(t.options.Port))
	urls := []string{"turn:" + at + "?transport=udp", "turn:" + at + "?transport=tcp"}
	if t.options.TLSPort != 0 {
		urls = append(urls, "turns:"+net.JoinHostPort(host, strconv.Itoa(t.options.TLSPort))+"?transport=tcp")
	}
	return append(urls, "stun:"+at)
}

// Allocations is the number of relays that are open.
func (t *TURN) Allocations() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.relays)
}

// IsRelay says whether an address is that of a relay that is open.
func (t *TURN) IsRelay(at netip.AddrPort) bool {
	addr := plainAddr(at.Addr())
	return t.peers.isAnnounced(addr) && t.isOpen(relayKey{addr.Is4(), at.Port()})
}

// Figures since the start: relays opened, packets and bytes relayed in both
// directions.
func (t *TURN) AllocationsTotal() uint64 { return t.figures.allocations.Load() }
func (t *TURN) PacketsRelayed() uint64   { return t.figures.packets.Load() }
func (t *TURN) BytesRelayed() uint64     { return t.figures.bytes.Load() }

// Figures of what was refused since the start.
func (t *TURN) RefusedLogins() uint64 { return t.figures.badLogins.Load() } // wrong, expired or revoked credentials
func (t *TURN) RefusedQuota() uint64  { return t.figures.overQuota.Load() } // one relay or connection too many
func (t *TURN) RefusedPeers() uint64  { return t.figures.badPeers.Load() }  // permissions and packets for denied peers
func (t *TURN) RefusedRate() uint64   { return t.figures.overRate.Load() }  // requests faster than an address may
func (t *TURN) Malformed() uint64     { return t.figures.malformed.Load() } // packets that are not of the protocol

// sweepEvery is the time between looks at relays and revocations.
const sweepEvery = 5 * time.Second

// Run serves clients until ctx ends, and returns nil when nothing runs any more.
// Before that it returns only if a listener fails. It is called once.
func (t *TURN) Run(ctx context.Context, l TURNListeners) error {
	server, err := t.start(l)
	if err != nil {
		return err
	}
	for _, home := range t.homes {
		t.log.Info("TURN relays from here", "announced", home.announced, "ports",
			fmt.Sprintf("%d-%d", t.options.FirstRelay, t.options.LastRelay))
		if !isPublic(home.announced) && !home.announced.IsLoopback() {
			t.log.Warn("peers on the internet cannot reach the address of the relays; set public_ip in section [turn] if there are any",
				"announced", home.announced)
		}
	}
	err = t.watch(ctx)
	t.shutDown(server)
	return err
}

// watch sweeps until ctx ends or a listener fails.
func (t *TURN) watch(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-t.failed:
			return err
		case now := <-ticker.C:
			t.sweep(now)
			if err := t.peers.readOwn(); err != nil {
				t.log.Warn("the TURN server goes on with the addresses read before", "err", err)
			}
		}
	}
}

// shutDown closes everything and waits for its end.
func (t *TURN) shutDown(server *turn.Server) {
	t.mu.Lock()
	t.closing = true
	conns := make([]*turnConn, 0, len(t.conns))
	for c := range t.conns {
		conns = append(conns, c)
	}
	t.mu.Unlock()
	_ = server.Close() // of what is closed already
	for _, c := range conns {
		c.abort()
	}
	t.closeRelays(func(*relay) bool { return true })
	t.running.Wait()
}

// sweep ends relays that are idle or whose credentials have expired, and forgets
// revocations that have.
func (t *TURN) sweep(now time.Time) {
	t.revoked.sweep(now.Unix())
	t.closeRelays(func(r *relay) bool {
		return now.Unix() >= r.user.expiry || now.Unix()-r.used.Load() >= int64(t.options.Idle/time.Second)
	})
}

// authenticate is the library's question for the key of a user; the library then
// checks that the client knows it.
func (t *TURN) authenticate(a *turn.RequestAttributes) (userID string, key []byte, ok bool) {
	u, ok := parseTURNUser(a.Username)
	if !ok || a.Realm != t.options.Realm || u.expiry <= time.Now().Unix() || u.expiry <= t.revoked.cutoff(u) {
		t.figures.badLogins.Add(1)
		return "", nil, false
	}
	// MD5 is what the protocol asks for (RFC 8489 9.2.2).
	sum := md5.Sum([]byte(a.Username + ":" + a.Realm + ":" + t.password(a.Username)))
	return a.Username, sum[:], true
}

// withinQuota is the library's question before it opens a relay. The relay asks
// again, together with taking its place.
func (t *TURN) withinQuota(username, _ string, _ net.Addr) bool {
	u, ok := parseTURNUser(username)
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !ok || !t.hasRoomLocked(u.account) {
		t.figures.overQuota.Add(1)
		return false
	}
	return true
}

func (t *TURN) hasRoomLocked(account string) bool {
	return len(t.relays) < t.options.MaxAllocations && t.accounts[account] < t.options.MaxAllocationsPerUser
}

// handlers are what the library tells.
func (t *TURN) handlers() turn.EventHandler {
	return turn.EventHandler{
		OnAuth: func(_, _ net.Addr, _, _, _, _ string, verdict bool) {
			if !verdict {
				t.figures.badLogins.Add(1)
			}
		},
		OnAllocationCreated: func(src, dst net.Addr, _, _, _ string, relayed net.Addr, _ int) {
			t.enter(keyOfClient(src, dst), relayed)
		},
		OnAllocationDeleted: func(src, dst net.Addr, _, _, _ string) { t.leave(keyOfClient(src, dst)) },
		OnPermissionCreated: func(src, dst net.Addr, _, _, _ string, _ net.Addr, peer net.IP) {
			t.clientRelay(keyOfClient(src, dst)).permitted(peer)
		},
		OnPermissionDeleted: func(src, dst net.Addr, _, _, _ string, _ net.Addr, peer net.IP) {
			t.clientRelay(keyOfClient(src, dst)).forgotten(peer)
		},
		OnChannelCreated: func(src, dst net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) {
			t.clientRelay(keyOfClient(src, dst)).channelOpened()
		},
		OnChannelDeleted: func(src, dst net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) {
			t.clientRelay(keyOfClient(src, dst)).channelClosed()
		},
	}
}

// silent drops the library's log: it would let strangers fill ours, and holds
// usernames.
type silent struct{}

func (silent) NewLogger(string) logging.LeveledLogger { return silent{} }
func (silent) Trace(string)                           {}
func (silent) Tracef(string, ...any)                  {}
func (silent) Debug(string)                           {}
func (silent) Debugf(string, ...any)                  {}
func (silent) Info(string)                            {}
func (silent) Infof(string, ...any)                   {}
func (silent) Warn(string)                            {}
func (silent) Warnf(string, ...any)                   {}
func (silent) Error(string)                           {}
func (silent) Errorf(string, ...any)                  {}
