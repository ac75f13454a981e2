package friendcore

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"presence/rooms"
)

// Directory takes over what FriendCore says of users and groups. Its methods are
// called by one goroutine at a time and may take their time; an error makes the
// Link try again later. Admin is nil in every user.
type Directory interface {
	// KnownUsers maps FriendCore's user ids to the last change that is known.
	KnownUsers() map[string]int64
	// SyncUsers takes the full records of users that are new or changed, and the
	// ids of all users that FriendCore lists, disabled ones included.
	SyncUsers(ctx context.Context, changed []rooms.User, present map[string]bool) error
	// SyncGroups takes all workgroups, in the place of all former ones.
	SyncGroups(ctx context.Context, groups []rooms.Group) error
	// AddRelations makes contacts of users: source and each of contacts, FriendCore's
	// ids, which are in KnownUsers.
	AddRelations(ctx context.Context, source string, contacts []string) error
}

// Handler answers requests of FriendCore's apps (docs/protocol.md 12.3).
type Handler interface {
	// ServiceRequest gets the FriendCore id of the caller, which may be any user and
	// is empty if the request names none, the path without its first part ("room",
	// "create"), and the JSON that the caller sent, null if there is none. The response
	// is encoded as JSON. A *rooms.Refusal is answered with its code, any other error
	// with ERR_INTERNAL and a log line. It must end when ctx does. Calls run at the same
	// time.
	ServiceRequest(ctx context.Context, origin string, path []string, data json.RawMessage) (response any, err error)
}

// LinkOptions are what a Link needs.
type LinkOptions struct {
	Host      string
	Port      int    // of the service websocket
	UseTLS    bool   // only with a TLS proxy in front of FriendCore
	ProxyPath string // path at a web proxy in front; then Port is not used
	TLS       TLSOptions

	ServiceKey  string
	ServiceName string
	LogEvents   bool // log events about users and groups; never requests or answers

	Directory Directory
	Handler   Handler      // nil: every request is answered with ERR_NO_LISTENER
	Logger    *slog.Logger // default: none
	Timings   Timings
}

// Timings are the Link's delays and limits. A zero is the default.
type Timings struct {
	Dial         time.Duration // to be connected: 10 s
	Authenticate time.Duration // to be accepted or refused: 10 s
	Request      time.Duration // to get a reply: 5 s
	PingEvery    time.Duration // 10 s
	PingLimit    time.Duration // to get a pong: 5 s
	RetryMin     time.Duration // first delay after a lost connection: 2 s
	RetryMax     time.Duration // last delay: 1 min
	Refused      time.Duration // delay after a refused key: 2 min
	Crashed      time.Duration // delay when authenticate crashes FriendCore: 5 min
	EventQuiet   time.Duration // from the last event to a re-sync: 300 ms
	EventMax     time.Duration // from the first event to a re-sync, at most: 2 s
	Resync       time.Duration // between re-syncs without any event: 5 min
	Answer       time.Duration // for a Handler to answer: 10 s
	NotifyRetry  time.Duration // from a failed notification to the next try: 10 s
	NotifyAge    time.Duration // from Notify to the last moment of sending: 2 min
}

func (t Timings) withDefaults() Timings {
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&t.Dial, 10 * time.Second},
		{&t.Authenticate, 10 * time.Second},
		{&t.Request, 5 * time.Second},
		{&t.PingEvery, 10 * time.Second},
		{&t.PingLimit, 5 * time.Second},
		{&t.RetryMin, 2 * time.Second},
		{&t.RetryMax, time.Minute},
		{&t.Refused, 2 * time.Minute},
		{&t.Crashed, 5 * time.Minute},
		{&t.EventQuiet, 300 * time.Millisecond},
		{&t.EventMax, 2 * time.Second},
		{&t.Resync, 5 * time.Minute},
		{&t.Answer, 10 * time.Second},
		{&t.NotifyRetry, 10 * time.Second},
		{&t.NotifyAge, 2 * time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.standard
		}
	}
	return t
}

// Link is the service websocket to FriendCore (docs/protocol.md 12.2). Run keeps
// it up; everything else only looks at it, or queues what Run sends.
type Link struct {
	options  LinkOptions
	times    Timings
	url      string
	tls      *tls.Config
	log      *slog.Logger
	sync     *syncer
	notifier *notifier

	// dial is replaced by tests that run without a network; nil otherwise.
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	status status
	ready  chan struct{} // closed after the first load
	once   sync.Once
}

// NewLink checks the options. It opens nothing.
func NewLink(o LinkOptions) (*Link, error) {
	if o.Directory == nil {
		return nil, errors.New("a service connection needs a directory")
	}
	return newLink(o)
}

func newLink(o LinkOptions) (*Link, error) {
	if o.Host == "" || o.ServiceKey == "" {
		return nil, errors.New("a service connection needs a host and a service key")
	}
	if o.ServiceName != strings.ToLower(o.ServiceName) || o.ServiceName == "" {
		return nil, fmt.Errorf("service_name %q of section [friendcore]: FriendCore knows names in lower case only", o.ServiceName)
	}
	config, err := o.TLS.config()
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Link{
		options: o,
		times:   o.Timings.withDefaults(),
		url:     serviceURL(o),
		tls:     config,
		log:     o.Logger,
		ready:   make(chan struct{}),
	}
	l.sync = newSyncer(o.Directory, l.times, &l.status, l.log)
	l.notifier = newNotifier(l.times, &l.status, l.log)
	l.status.set(Waiting)
	return l, nil
}

// serviceURL leaves the port out behind a proxy: it is the proxy's own.
func serviceURL(o LinkOptions) string {
	scheme := "ws://"
	if o.UseTLS {
		scheme = "wss://"
	}
	if o.ProxyPath != "" {
		host := o.Host
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return scheme + host + "/" + strings.TrimLeft(o.ProxyPath, "/")
	}
	return scheme + net.JoinHostPort(o.Host, strconv.Itoa(o.Port)) + "/"
}

// Run connects to FriendCore, again and again, until ctx ends; then it closes the
// connection, waits for everything that it started, and returns nil.
func (l *Link) Run(ctx context.Context) error {
	defer l.status.set(Stopped)
	var notifying sync.WaitGroup
	notifying.Go(func() { l.notifier.run(ctx) })
	defer notifying.Wait()
	var r retry
	for {
		err := l.connection(ctx)
		if ctx.Err() != nil {
			return nil
		}
		p := r.plan(err, l.times)
		l.explain(p, err)
		l.status.set(p.state)
		select {
		case <-time.After(p.wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// Ready is closed once users and groups have been loaded for the first time.
func (l *Link) Ready() <-chan struct{} { return l.ready }

// WaitReady waits for Ready.
func (l *Link) WaitReady(ctx context.Context) error {
	select {
	case <-l.ready:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for FriendCore's users and groups: %w", ctx.Err())
	}
}

// loaded is called after each successful load.
func (l *Link) loaded() {
	l.status.set(Ready)
	l.once.Do(func() { close(l.ready) })
}
