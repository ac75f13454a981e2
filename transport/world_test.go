package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presence/rooms"
)

// world is a server with everything around it, in memory.
type world struct {
	t        testing.TB
	hub      *fakeHub
	auth     *fakeAuth
	server   ServerOptions
	session  SessionOptions
	tls      *tls.Config
	metrics  *Metrics
	sessions *Sessions
	srv      *Server
	ws, tcp  *memListener
	socket   net.Listener // used instead of ws, for measures
	log      *lockedBuffer

	cancel context.CancelFunc
	ended  chan error // gets what Run returned
}

// lockedBuffer is a log that a test can read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func testLimits() Limits {
	return Limits{
		SizeBeforeLogin: 64 << 10, SizeAfterLogin: 4 << 20, QueueBytes: 8 << 20,
		UnauthenticatedPerAddress: 1000, FailuresPerAddress: 1000,
	}
}

// newWorld makes a world that is not started, so that a test can change it.
func newWorld(t testing.TB) *world {
	w := &world{
		t: t, hub: &fakeHub{}, auth: newFakeAuth("ada", "bo", "cy"), metrics: NewMetrics(), log: &lockedBuffer{},
		ws: newMemListener(), tcp: newMemListener(), ended: make(chan error, 1),
	}
	w.session = SessionOptions{Grace: time.Minute, GraceBuffer: 1 << 20, Rate: 1000, Burst: 1000, Metrics: w.metrics}
	w.server = ServerOptions{
		Hub: w.hub, Auth: w.auth, Metrics: w.metrics,
		Log:    slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Times:  Times{LoginTimeout: 20 * time.Second, Ping: 5 * time.Second, DeadAfter: 15 * time.Second},
		Limits: testLimits(), Origins: []string{"*"}, Proxy: "/presence/guest/",
	}
	return w
}

// start serves until the test ends.
func (w *world) start() *world {
	w.t.Helper()
	var err error
	if w.sessions, err = NewSessions(w.session); err != nil {
		w.t.Fatal(err)
	}
	w.server.Sessions = w.sessions
	if w.srv, err = NewServer(w.server); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	l := Listeners{WS: w.ws, TCP: w.tcp, TLS: w.tls}
	if w.socket != nil {
		l.WS = w.socket
	}
	go func() { w.ended <- w.srv.Run(ctx, l) }()
	w.t.Cleanup(func() {
		if err := w.stop(); err != nil {
			w.t.Errorf("Run: %v", err)
		}
	})
	return w
}

// stop ends the server and returns what Run returned; it may be called again.
func (w *world) stop() error {
	w.cancel()
	err := <-w.ended
	w.ended <- err
	return err
}

// bubble runs a test in a world of its own, with a false clock.
func bubble(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
}

// onBoth runs a test on both transports.
func onBoth(t *testing.T, test func(t *testing.T, w *world, over string)) {
	t.Helper()
	for _, over := range []string{overWS, overTCP} {
		t.Run(over, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) { test(t, w, over) })
		})
	}
}

const testAddress = "198.51.100.7"

// connect opens a connection and does not take the challenge.
func (w *world) connect(over string) *client { return w.connectFrom(over, testAddress) }

func (w *world) connectFrom(over, ip string) *client {
	w.t.Helper()
	var c *client
	if over == overWS {
		var err error
		if c, _, err = dialWS(w.t, w.ws.dial(w.t, ip), w.tls != nil, nil); err != nil {
			w.t.Fatal(err)
		}
	} else {
		mem := w.tcp.dial(w.t, ip)
		var plain net.Conn = mem
		if w.tls != nil {
			plain = tls.Client(mem, &tls.Config{InsecureSkipVerify: true})
		}
		c = newClient(w.t, mem, plain, nil)
	}
	go c.read()
	w.t.Cleanup(func() { _ = c.mem.Close(); <-c.done })
	return c
}

func authFrame(login string) string {
	return fmt.Sprintf(`{"type":"authenticate","data":{"type":"authid","data":{"tokens":{"authId":"auth-%s"},"login":%q}}}`, login, login)
}

func loginEventFrame(login string) string {
	return fmt.Sprintf(`{"type":"msg","data":{"type":"login","data":{"fUserId":"id-%s","fUsername":%q}}}`, login, login)
}

// toAccount brings a connection to the account stage.
func (c *client) toAccount(login string) *client {
	c.t.Helper()
	c.want(challengeFrame)
	c.send(authFrame(login))
	c.want(acceptedFrame, accountChallengeFrame)
	return c
}

var sessionFrameText = regexp.MustCompile(`^\{"type":"session","data":"(session-[A-Z2-7]{26,})"\}$`)

// enter logs in from the account stage.
func (c *client) enter(login string) *client {
	c.t.Helper()
	c.send(loginEventFrame(login))
	return c.entered(login)
}

// entered takes the answer to a login.
func (c *client) entered(login string) *client {
	c.t.Helper()
	text := c.next()
	m := sessionFrameText.FindStringSubmatch(text)
	if m == nil {
		c.t.Fatalf("got %s, want a session id", text)
	}
	c.id, c.acc = m[1], "acc-"+login
	c.want(string(loginFrame(rooms.AccountID(c.acc))))
	return c
}

// login logs in on a new connection.
func (w *world) login(login, over string) *client {
	w.t.Helper()
	return w.connect(over).toAccount(login).enter(login)
}

// resume takes up a session on a new connection.
func (w *world) resume(old *client, over string) *client {
	w.t.Helper()
	c := w.connect(over)
	c.want(challengeFrame)
	c.send(string(sessionFrame(old.id)))
	c.want(string(sessionFrame(old.id)), readyFrame)
	c.id, c.acc = old.id, old.acc
	return c
}

// deliver sends an event to accounts as rooms do.
func (w *world) deliver(event string, to ...rooms.AccountID) {
	w.sessions.Deliver(to, "", []byte(event))
}

// acknowledged waits until the server knows that what it sent has arrived.
func acknowledged() {
	time.Sleep(6 * time.Second) // a ping and its answer
	synctest.Wait()
}

// wantCalls compares what the hub was asked since the last time.
func (w *world) wantCalls(want ...string) {
	w.t.Helper()
	synctest.Wait()
	got := w.hub.taken()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("the hub was asked %q, want %q", got, want)
	}
}

// conns are the connections of this moment.
func (w *world) conns() []*conn {
	w.srv.mu.Lock()
	defer w.srv.mu.Unlock()
	return slices.Collect(maps.Keys(w.srv.conns))
}

// value reads a metric; labels as "name=value".
func (w *world) value(name string, labels ...string) float64 {
	w.t.Helper()
	families, err := w.metrics.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			found := map[string]bool{}
			for _, l := range m.GetLabel() {
				found[l.GetName()+"="+l.GetValue()] = true
			}
			if !slices.ContainsFunc(labels, func(l string) bool { return !found[l] }) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	w.t.Fatalf("no metric %s %v", name, labels)
	return 0
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
