package friendcore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"
)

const (
	subprotocol   = "FriendService-v1"
	maxFrame      = 64 << 20 // bytes; a list of 5000 users has half a million
	outQueue      = 1024     // frames waiting to be written
	maxAnswering  = 32       // requests of apps at the same time
	writeLimit    = 5 * time.Second
	maxLoggedText = 2048 // bytes of an event in the log
)

// session is one registered connection.
type session struct {
	link    *Link
	conn    *websocket.Conn
	out     chan []byte
	pongs   chan string
	pending *pending

	answering chan struct{}  // one slot per request of an app
	handlers  sync.WaitGroup // their goroutines
}

// connection opens one connection, registers it and keeps it until it ends or ctx
// does. Nothing of it runs any more when it returns.
func (l *Link) connection(ctx context.Context) error {
	l.status.set(Dialing)
	conn, err := l.open(ctx)
	if err != nil {
		return dialError{err}
	}
	defer conn.Close()
	l.status.set(Authenticating)
	if err := l.authenticate(ctx, conn); err != nil {
		return err
	}
	l.status.connections.Add(1)
	l.log.Info("registered with FriendCore", "url", l.url)
	l.status.set(Loading)
	s := &session{
		link: l, conn: conn,
		out: make(chan []byte, outQueue), pongs: make(chan string, 1),
		pending:   newPending(),
		answering: make(chan struct{}, maxAnswering),
	}
	return registeredError{s.run(ctx)}
}

func (l *Link) open(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.times.Dial)
	defer cancel()
	d := websocket.Dialer{
		NetDialContext:  l.dial,
		TLSClientConfig: l.tls,
		Subprotocols:    []string{subprotocol},
	}
	conn, response, err := d.DialContext(ctx, l.url, nil)
	switch {
	case errors.Is(err, websocket.ErrBadHandshake) && response != nil:
		return nil, fmt.Errorf("open the service websocket: HTTP status %d instead of a websocket; see ws_port in section [friendcore]", response.StatusCode)
	case err != nil:
		return nil, fmt.Errorf("open the service websocket: %w", explain(err, "ws_use_tls"))
	case response.StatusCode != http.StatusSwitchingProtocols || conn.Subprotocol() != subprotocol:
		conn.Close()
		return nil, errors.New("open the service websocket: what answers there is not FriendCore's service port; see ws_port in section [friendcore]")
	}
	conn.SetReadLimit(maxFrame)
	return conn, nil
}

// authenticate registers the connection, once: a second time would double every
// reply and event (docs/protocol.md 12.2).
func (l *Link) authenticate(ctx context.Context, conn *websocket.Conn) error {
	release := closeWith(ctx, conn)
	defer release()
	deadline := time.Now().Add(l.times.Authenticate)
	conn.SetWriteDeadline(deadline)
	conn.SetReadDeadline(deadline)
	frame := authenticateFrame(l.options.ServiceKey, l.options.ServiceName)
	if err := conn.WriteMessage(websocket.TextMessage, frame); err != nil {
		return fmt.Errorf("send authenticate: %w", err)
	}
	for first := true; ; first = false {
		_, raw, err := conn.ReadMessage()
		switch {
		case first && silentClose(err):
			return errSilentClose
		case err != nil:
			return fmt.Errorf("wait for the answer to authenticate: %w", err)
		}
		switch f, _ := parseFrame(raw); f := f.(type) {
		case accepted:
			conn.SetReadDeadline(time.Time{})
			return nil
		case refused:
			if f.status == 4 || f.status == 5 {
				return fmt.Errorf("%w with status %d", errRefused, f.status)
			}
			return fmt.Errorf("authenticate: FriendCore answered with status %d (%s)", f.status, f.message)
		}
	}
}

// closeWith closes the connection when ctx ends, until release is called; nothing
// of it runs after that.
func closeWith(ctx context.Context, conn *websocket.Conn) (release func()) {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		conn.Close()
	})
	return func() {
		if !stop() {
			<-closed
		}
	}
}

// silentClose says whether the peer went without a close frame.
func silentClose(err error) bool {
	return dropped(err) || websocket.IsCloseError(err, websocket.CloseAbnormalClosure)
}

// run keeps a registered connection until it fails or ctx ends.
func (s *session) run(ctx context.Context) error {
	s.link.notifier.attach(s)
	defer s.link.notifier.detach()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.read(ctx) })
	g.Go(func() error { return s.write(ctx) })
	g.Go(func() error { return s.keepAlive(ctx) })
	g.Go(func() error { return s.link.sync.run(ctx, s) })
	g.Go(func() error {
		<-ctx.Done() // at the first error, or when we are to stop
		s.hangUp()
		return nil
	})
	err := g.Wait()
	s.handlers.Wait()
	return err
}

// hangUp says good-bye, where that is still possible, and closes.
func (s *session) hangUp() {
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	s.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
	s.conn.Close()
}

// read takes FriendCore's frames. It never waits for anything but the next frame.
func (s *session) read(ctx context.Context) error {
	for {
		_, raw, err := s.conn.ReadMessage()
		if err != nil {
			return fmt.Errorf("read from FriendCore: %w", err)
		}
		s.frame(ctx, raw)
	}
}

// frame acts on one frame.
func (s *session) frame(ctx context.Context, raw []byte) {
	l := s.link
	f, repaired := parseFrame(raw)
	if repaired {
		l.status.repaired.Add(1)
	}
	switch f := f.(type) {
	case pong:
		select {
		case s.pongs <- f.data:
		default: // one nobody waits for
		}
	case reply:
		if !l.notifier.resolve(f) {
			s.pending.resolve(f)
		}
	case pushed:
		l.notifier.resolveOldest(reply(f))
	case event:
		s.event(f, raw)
	case appRequest:
		s.appRequest(ctx, f)
	case refused:
		if f.aboutPush() && l.notifier.resolveOldest(reply{failed: fmt.Sprintf("status %d", f.status)}) {
			return
		}
		l.log.Warn("FriendCore did not understand a message of ours", "status", f.status, "message", f.message)
	case unknown:
		l.log.Debug("a frame of FriendCore is of no use", "why", f.why, "bytes", len(raw))
	case garbage:
		l.status.damaged.Add(1)
		l.log.Debug("a frame of FriendCore cannot be read", "bytes", len(raw))
		l.sync.changed("") // it may have been an event
	}
}

// write sends what is queued.
func (s *session) write(ctx context.Context) error {
	for {
		select {
		case frame := <-s.out:
			s.conn.SetWriteDeadline(time.Now().Add(writeLimit))
			if err := s.conn.WriteMessage(websocket.TextMessage, frame); err != nil {
				return fmt.Errorf("write to FriendCore: %w", err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send queues a frame, and waits for room in the queue.
func (s *session) send(ctx context.Context, frame []byte) error {
	select {
	case s.out <- frame:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// trySend queues a frame if there is room.
func (s *session) trySend(frame []byte) bool {
	select {
	case s.out <- frame:
		return true
	default:
		return false
	}
}

// keepAlive pings FriendCore, which never pings by itself, and never sends a pong:
// FriendCore takes that for an error (docs/protocol.md 12.2).
func (s *session) keepAlive(ctx context.Context) error {
	every := time.NewTicker(s.link.times.PingEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := s.ping(ctx); err != nil {
			return err
		}
	}
}

func (s *session) ping(ctx context.Context) error {
	sent := pingFrame(time.Now().UnixMilli())
	if err := s.send(ctx, sent); err != nil {
		return err
	}
	limit := time.NewTimer(s.link.times.PingLimit)
	defer limit.Stop()
	select {
	case <-s.pongs:
		return nil
	case <-limit.C:
		return fmt.Errorf("FriendCore did not answer a ping within %s", s.link.times.PingLimit)
	case <-ctx.Done():
		return ctx.Err()
	}
}
