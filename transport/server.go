package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"presence/rooms"
)

// ServerOptions are what a Server is made of. Every field is needed but for those
// that say what they are when empty.
type ServerOptions struct {
	Hub      Hub
	Auth     Authenticator
	Sessions *Sessions // the table that Hub posts to
	Metrics  *Metrics
	Log      *slog.Logger

	Times   Times
	Limits  Limits
	Proxy   string   // path below which everything is served as well; empty: none
	Origins []string // web pages that may connect; "*" alone: all
	Demo    *Demo    // nil: no demo page
}

// Times bound what connections may take their time for.
type Times struct {
	LoginTimeout time.Duration // from the connection to the end of the login
	Ping         time.Duration // between pings
	DeadAfter    time.Duration // silence after which a peer is gone; more than Ping
}

// Demo is the page that presence demo shows at its root.
type Demo struct {
	Files fs.FS       // index.html and what it needs
	Users []LocalUser // whom one can be; their authids are shown to everybody
}

func (o ServerOptions) check() error {
	switch {
	case o.Hub == nil, o.Auth == nil, o.Sessions == nil, o.Metrics == nil, o.Log == nil:
		return errors.New("transport: Hub, Auth, Sessions, Metrics and Log are needed")
	case o.Times.LoginTimeout <= 0, o.Times.Ping <= 0, o.Times.DeadAfter <= o.Times.Ping:
		return errors.New("transport: LoginTimeout and Ping must be positive, DeadAfter longer than Ping")
	case len(o.Origins) == 0:
		return errors.New("transport: Origins must name somebody")
	}
	return o.Limits.check()
}

// Server owns the listeners for clients and all their connections.
type Server struct {
	hub      Hub
	auth     Authenticator
	sessions *Sessions
	metrics  *Metrics
	log      *slog.Logger
	times    Times
	limits   Limits
	origins  origins
	gate     *turnstile
	pool     *buffers
	pages    http.Handler

	batches     sync.Pool // of *batch
	closeFrames sync.Pool // the websocket library's, for its rare own frames

	base context.Context // ends when everything must
	stop context.CancelFunc

	running sync.WaitGroup // connections

	mu       sync.Mutex // guards the fields below
	conns    map[*conn]struct{}
	stopping bool
}

// NewServer checks the options. It opens nothing.
func NewServer(o ServerOptions) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Server{
		hub: o.Hub, auth: o.Auth, sessions: o.Sessions, metrics: o.Metrics, log: o.Log,
		times: o.Times, limits: o.Limits, origins: newOrigins(o.Origins),
		gate: newTurnstile(o.Limits), pool: &buffers{},
		conns: map[*conn]struct{}{},
	}
	s.base, s.stop = context.WithCancel(context.Background())
	s.sessions.hub = o.Hub
	var err error
	if s.pages, err = newPages(o.Proxy, o.Demo, o.Log); err != nil {
		return nil, err
	}
	return s, nil
}

// Listeners are where clients come in. Run closes them.
type Listeners struct {
	WS  net.Listener // websocket and pages
	TCP net.Listener // TLS-TCP; nil: not offered
	TLS *tls.Config  // nil: no TLS, for a TLS proxy in front
}

// forcedEnd is how long connections may take to end by themselves when the server
// stops.
const forcedEnd = 3 * time.Second

// Run serves clients until ctx ends; then it tells all of them that the server goes
// away, closes all accounts, and returns nil when nothing runs any more. Before
// that it returns only if a listener fails.
func (s *Server) Run(ctx context.Context, l Listeners) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.serveWS(ctx, l.WS, l.TLS) })
	if l.TCP != nil {
		g.Go(func() error { return s.serveTCP(ctx, l.TCP, l.TLS) })
	}
	g.Go(func() error {
		<-ctx.Done()
		s.goAway()
		return nil
	})
	err := g.Wait()
	s.running.Wait()
	s.stop()
	return err
}

// goAway ends all sessions and all connections with the code that says that the
// server stops (docs/protocol.md 1.9).
func (s *Server) goAway() {
	force := time.AfterFunc(forcedEnd, s.abortAll)
	defer force.Stop()
	strangers := s.refuseNew()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.sessions.close()
	}()
	for _, c := range strangers {
		c.finish(closeGoingAway, endDismissed)
	}
	<-ended
	s.running.Wait()
}

// refuseNew lets no connection in from now on, and returns those that are there.
func (s *Server) refuseNew() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	strangers := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		if c.session.Load() == nil {
			strangers = append(strangers, c)
		}
	}
	return strangers
}

func (s *Server) abortAll() {
	s.stop()
	s.mu.Lock()
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		c.abort()
	}
}

// serve runs a connection until its end. The caller has counted it in running.
func (s *Server) serve(w wire) {
	c := newConn(s, rooms.ConnID(s.sessions.lastID.Add(1)), w)
	if ws, ok := w.(*wsWire); ok {
		ws.onPing(c.websocketPing)
	}
	if !s.add(c) {
		c.cancel()
		_ = w.raw().Close()
		return
	}
	defer s.remove(c)
	c.run()
}

// add enters a connection into the table; false if the server is stopping.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// begin counts a connection that is about to be served; false if the server is
// stopping.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.running.Add(1)
	return true
}

// keepItems is the longest list of items that is kept for the next queue.
const keepItems = 256

// takeBatch lends an empty queue.
func (s *Server) takeBatch() *batch {
	if b, ok := s.batches.Get().(*batch); ok {
		return b
	}
	return &batch{}
}

// putBatch takes a queue back.
func (s *Server) putBatch(b *batch) {
	clear(b.items) // the events are not ours to keep
	if cap(b.items) <= keepItems {
		b.items = b.items[:0]
		s.batches.Put(b)
	}
}
