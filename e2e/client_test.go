package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// frame is one value that the server sent, decoded.
type frame = any

// client is one connection. A goroutine of its own reads what the server sends and
// answers pings; the test takes the frames in order with expect.
type client struct {
	t     testing.TB
	label string
	wire  wire
	done  chan struct{} // closed when the reader has ended

	mu     sync.Mutex // guards the fields below
	frames []frame    // without ping and pong
	used   []bool     // taken by an expectation
	next   int        // expectations look from here on
	pings  []frame
	synced float64 // last sync that was answered
	ended  error
	more   chan struct{} // closed at the next change

	writing sync.Mutex // one frame at a time

	// sink takes the frames instead, if it is set: measures only count them.
	sink atomic.Pointer[func(text []byte)]
}

// dial opens a connection; it is closed after the test.
func (s *server) dial(t testing.TB, label string, tr transport) *client {
	t.Helper()
	w, err := s.connect(tr)
	if err != nil {
		t.Fatalf("%s: connect: %v", label, err)
	}
	return newClient(t, label, w)
}

func newClient(t testing.TB, label string, w wire) *client {
	c := &client{t: t, label: label, wire: w, done: make(chan struct{}), more: make(chan struct{})}
	go c.read()
	t.Cleanup(c.close)
	return c
}

func (c *client) read() {
	defer close(c.done)
	for {
		text, err := c.wire.receive()
		if err != nil {
			c.change(func() { c.ended = err })
			return
		}
		if sink := c.sink.Load(); sink != nil && !bytes.HasPrefix(text, []byte(`{"type":"ping"`)) {
			(*sink)(text)
			continue
		}
		var f frame
		if err := json.Unmarshal(text, &f); err != nil {
			c.change(func() { c.ended = fmt.Errorf("the server sent %q: %w", text, err) })
			return
		}
		c.take(f)
	}
}

func (c *client) take(f frame) {
	o, _ := f.(object)
	if o["type"] == "ping" {
		c.change(func() { c.pings = append(c.pings, f) })
		// The raw number is echoed by its text; floats hold milliseconds exactly.
		_ = c.trySend(object{"type": "pong", "data": o["data"]})
		return
	}
	if n, ours := dig(o, "data", "sync").(float64); ours && o["type"] == "pong" {
		c.change(func() { c.synced = n })
		return
	}
	c.change(func() { c.frames, c.used = append(c.frames, f), append(c.used, false) })
}

func (c *client) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
	close(c.more)
	c.more = make(chan struct{})
}

func (c *client) trySend(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.trySendRaw(text)
}

func (c *client) trySendRaw(text []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.wire.send(text)
}

// send sends one value.
func (c *client) send(v any) {
	c.t.Helper()
	if err := c.trySend(v); err != nil {
		c.t.Fatalf("%s: send: %v", c.label, err)
	}
}

// sendRaw sends a text as it is.
func (c *client) sendRaw(text string) {
	c.t.Helper()
	if err := c.trySendRaw([]byte(text)); err != nil {
		c.t.Fatalf("%s: send: %v", c.label, err)
	}
}

// close says farewell and waits for the reader.
func (c *client) close() {
	c.writing.Lock()
	_ = c.wire.close() // it may be closed already
	c.writing.Unlock()
	<-c.done
}

// abort ends the connection as a lost network does.
func (c *client) abort() {
	_ = c.wire.abort()
	<-c.done
}

// find looks for the first frame from next on that matches, under the lock.
func (c *client) find(p pattern, b *bindings) (frame, *bindings, bool) {
	for n := c.next; n < len(c.frames); n++ {
		attempt := b.clone()
		if match(p, c.frames[n], attempt) == nil {
			c.used[n], c.next = true, n+1
			return c.frames[n], attempt, true
		}
	}
	return nil, nil, false
}

// expect waits for a frame that matches and returns it. Frames before it are
// passed over, and expected no more.
func (c *client) expect(p pattern) object {
	c.t.Helper()
	f, _ := c.expectBound(p, newBindings())
	o, _ := f.(object)
	return o
}

func (c *client) expectBound(p pattern, b *bindings) (frame, *bindings) {
	c.t.Helper()
	f, bound, err := c.await(p, b, patience)
	if err != nil {
		c.t.Fatal(err)
	}
	return f, bound
}

// await is expect without ending the test.
func (c *client) await(p pattern, b *bindings, limit time.Duration) (frame, *bindings, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		c.mu.Lock()
		f, bound, ok := c.find(p, b)
		more, ended := c.more, c.ended
		c.mu.Unlock()
		if ok {
			return f, bound, nil
		}
		if ended != nil {
			return nil, nil, c.missing(p, b, fmt.Sprintf("the connection ended (%v)", ended))
		}
		select {
		case <-more:
		case <-timer.C:
			return nil, nil, c.missing(p, b, fmt.Sprintf("%v went by", limit))
		}
	}
}

// missing explains what was expected, what came instead and where it differs.
func (c *client) missing(p pattern, b *bindings, why string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s without\n  %s\n", c.label, why, show(b.resolve(p)))
	fmt.Fprintf(&text, "frames that were not expected yet:\n")
	for n := c.next; n < len(c.frames) && n < c.next+30; n++ {
		fmt.Fprintf(&text, "  %s\n    %v\n", show(c.frames[n]), match(p, c.frames[n], b.clone()))
	}
	return errors.New(text.String())
}

// leftovers are the frames that no expectation took.
func (c *client) leftovers() []frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []frame
	for n, f := range c.frames {
		if !c.used[n] {
			left = append(left, f)
		}
	}
	return left
}

// refute fails if a frame matches that has arrived since the last expectation.
// Call it after a frame that the server sends later than the refuted one.
func (c *client) refute(p pattern) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for n, f := range c.frames {
		if !c.used[n] && match(p, f, newBindings()) == nil {
			c.t.Errorf("%s: must not come: %s", c.label, show(f))
		}
	}
}

// expectEnd waits until the server has ended the connection and returns the close
// code; 0 on TLS-TCP, where there is none, and for a connection that broke.
func (c *client) expectEnd() int {
	c.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		c.t.Fatalf("%s: the server did not end the connection within %v", c.label, patience)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var closed *websocket.CloseError
	if errors.As(c.ended, &closed) && closed.Code != websocket.CloseAbnormalClosure {
		return closed.Code
	}
	if !errors.Is(c.ended, io.EOF) {
		c.t.Logf("%s: the connection ended: %v", c.label, c.ended)
	}
	return 0
}

// sync waits until the server has taken in everything that was sent on this
// connection: it answers a ping after what came before it.
func (c *client) sync() {
	c.t.Helper()
	c.mu.Lock()
	n := c.synced + 1
	c.mu.Unlock()
	c.send(object{"type": "ping", "data": object{"sync": n}})
	c.awaitState("the answer to a ping", func() bool { return c.synced >= n })
}

// awaitState waits until something is true of the fields under the lock.
func (c *client) awaitState(what string, reached func() bool) {
	c.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		c.mu.Lock()
		ok, more, ended := reached(), c.more, c.ended
		c.mu.Unlock()
		switch {
		case ok:
			return
		case ended != nil:
			c.t.Fatalf("%s: the connection ended without %s: %v", c.label, what, ended)
		}
		select {
		case <-more:
		case <-timer.C:
			c.t.Fatalf("%s: %v without %s", c.label, patience, what)
		}
	}
}

// awaitPing waits for the n-th ping of the server.
func (c *client) awaitPing(n int) frame {
	c.t.Helper()
	c.awaitState(fmt.Sprintf("ping %d", n), func() bool { return len(c.pings) >= n })
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pings[n-1]
}
