package transport

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"presence/rooms"
)

// stage is how far a connection has come (docs/protocol.md 2.1).
type stage int32

const (
	stageChallenged stage = iota
	stageChecking         // somebody is asked who this is
	stageAccount          // accepted, waiting for the login event
	stageOpening          // the account is made ready
	stageAttached
	stageEnding // what still comes in is thrown away
)

// conn is one connection, on either transport.
type conn struct {
	id     rooms.ConnID
	srv    *Server
	wire   wire
	began  time.Time
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc

	stage   atomic.Int32
	waiting atomic.Bool             // the reader does not read now, so silence means nothing
	login   loginState              // see login.go
	session atomic.Pointer[session] // set before stageAttached
	faults  int                     // owned by the reader: malformed messages so far
	early   int                     // owned by the reader: messages before the login was complete

	tasks sync.WaitGroup // the writer and the login check
	write func()         // writeLoop; kept, so that starting it allocates nothing

	mu       sync.Mutex // guards the fields below
	timer    *time.Timer
	nextPing time.Time
	deadline time.Time // of the login, then of a goodbye; zero: none
	prefix   []byte    // stands before events; set with session
	queue    *batch    // nil: empty
	late     []item    // events that came after the goodbye was queued
	items    int       // queued or being written
	bytes    int       // the same in bytes
	maxBytes int
	writing  bool // the writer runs
	ending   bool // a goodbye with code is queued behind queue
	code     closeCode
	how      ending
	over     bool // the reader has ended: no session may take the connection
	dead     bool // nothing is sent any more
	missed   bool // events were lost on this connection

	// What the peer has surely got: a pong says that everything before its ping
	// arrived. Numbers of events, in the order in which they were queued.
	events   uint64
	pinged   uint64 // before the last ping
	pingTime int64  // what that ping says
	arrived  uint64
}

// ending is how a connection ended, for its session (docs/protocol.md 2.6).
type ending int

const (
	endUnknown   ending = iota
	endLeft             // session:null from the client
	endAnnounced        // close frame, or orderly end of the stream
	endLost             // anything else
	endDismissed        // the session was ended
)

// batch is a list of items on loan from the server's pool.
type batch struct{ items []item }

// maxItems is the longest queue of a connection; its bytes are bounded by the
// configuration as well.
const maxItems = 4096

// earlyBytes bounds the queue of a connection that has not logged in: the longest
// error, and the short frames of a login.
const earlyBytes = maxRepeated + 1<<10

func newConn(s *Server, id rooms.ConnID, w wire) *conn {
	c := &conn{id: id, srv: s, wire: w, began: time.Now(), maxBytes: earlyBytes}
	c.ctx, c.cancel = context.WithCancel(s.base)
	c.write = c.writeLoop
	return c
}

func (c *conn) at(s stage) bool { return stage(c.stage.Load()) == s }

// advance goes from one stage to the next, unless the connection is ending.
func (c *conn) advance(from, to stage) bool {
	return c.stage.CompareAndSwap(int32(from), int32(to))
}

// log is made when needed: most connections never log, and an idle one should
// hold nothing that it can do without.
func (c *conn) log() *slog.Logger {
	l := c.srv.log.With("conn", uint64(c.id))
	if s := c.session.Load(); s != nil {
		l = l.With("account", s.account)
	}
	return l
}

// run serves the connection until it has ended and everything that belongs to it
// is gone.
func (c *conn) run() {
	m := c.srv.metrics.transports[c.wire.transport()]
	m.opened()
	defer m.closed()
	c.log().Debug("connected", "transport", c.wire.transport(), "from", c.wire.raw().ticket.addr)
	c.send([]byte(challengeFrame))
	c.startClock()
	err := c.readAll()
	c.close(err)
}

// readAll handles messages until the connection ends.
func (c *conn) readAll() error {
	for {
		b, err := c.wire.read()
		if err != nil {
			return err
		}
		c.srv.metrics.messagesIn.Inc()
		c.srv.metrics.bytesIn.Add(float64(len(b)))
		c.receive(b)
	}
}

// maxFaults is how many malformed messages a connection may send, maxEarly how
// many messages of any kind before it has logged in.
const (
	maxFaults = 100
	maxEarly  = 200
)

// receive handles one message. Nothing that a message holds ends more than its
// own connection.
func (c *conn) receive(b []byte) {
	if !c.admit() {
		return
	}
	f, drop := decodeFrame(b)
	if drop == "" {
		drop = c.dispatch(f)
	}
	if drop != "" {
		c.drop(drop)
	}
}

// admit says whether a message is looked at, which may have to wait for its turn.
func (c *conn) admit() bool {
	switch {
	case c.at(stageEnding):
		return false
	case c.at(stageAttached):
		return c.session.Load().allow(c)
	}
	if c.early++; c.early > maxEarly {
		c.finish(closePolicy, endLost)
		return false
	}
	return true
}

// websocketPing answers a ping of the websocket protocol, which counts as a message.
func (c *conn) websocketPing(payload []byte) {
	if c.admit() {
		c.enqueue(item{itemPong, payload})
	}
}

// drop counts a message that has no effect.
func (c *conn) drop(reason dropReason) {
	c.srv.metrics.drop(reason)
	c.log().Debug("message dropped", "reason", string(reason))
	if reason != dropSyntax {
		return
	}
	if c.faults++; c.faults > maxFaults {
		c.finish(closeMalformed, endLost)
	}
}

// frameHandlers serve the outer frames of docs/protocol.md 1.5.
var frameHandlers = map[string]func(*conn, frame) dropReason{
	"authenticate": (*conn).authenticate,
	"session":      (*conn).sessionEvent,
	"ping":         (*conn).ping,
	"pong":         (*conn).pong,
	"verify":       (*conn).verify,
	"msg":          (*conn).msg,
}

func (c *conn) dispatch(f frame) dropReason {
	h := frameHandlers[f.Type]
	if h == nil {
		return dropType
	}
	return h(c, f)
}

// maxEcho is the largest data that ping and verify repeat, in bytes.
const maxEcho = 256

func (c *conn) ping(f frame) dropReason { return c.echo("pong", f.Data) }

func (c *conn) verify(f frame) dropReason { return c.echo("verify", f.Data) }

func (c *conn) echo(typ string, data json.RawMessage) dropReason {
	switch {
	case len(data) == 0:
		data = json.RawMessage("null")
	case len(data) > maxEcho:
		return dropShape
	}
	c.send(echoFrame(typ, data))
	return ""
}

// msg handles an addressed event: of the account once attached, a stage message
// before (docs/protocol.md 3.1).
func (c *conn) msg(f frame) dropReason {
	switch stage(c.stage.Load()) {
	case stageAccount:
		return c.stageEvent(f)
	case stageAttached:
		from := rooms.Address{Account: c.session.Load().account, Conn: c.id}
		event, drop := decodeEvent(f.Data, from.Account)
		if drop == "" {
			c.wait(func() { c.srv.hub.Handle(c.ctx, from, event) })
		}
		return drop
	}
	return dropStage
}

// wait runs what may take a while in the reader. That is backpressure: nothing is
// read meanwhile, so the peer cannot be held to be dead.
func (c *conn) wait(f func()) {
	c.waiting.Store(true)
	f()
	c.wire.raw().touch()
	c.waiting.Store(false)
}

// close ends everything after the reader has ended with err.
func (c *conn) close(err error) {
	how := c.settle(err)
	c.cancel()
	if s := c.session.Load(); s != nil {
		s.detach(c, how)
	}
	switch {
	case errors.Is(err, errGoodbye):
		c.finish(closeNormal, how)
		c.tasks.Wait()
	case errors.Is(err, errTooBig):
		c.sayWhy(closeTooBig)
	case errors.Is(err, errSyntax):
		c.sayWhy(closeMalformed)
	}
	c.abort()
	c.tasks.Wait()
	if c.closedAs(closeSlow) {
		c.log().Warn("connection closed: it reads too slowly", "from", c.wire.raw().ticket.addr)
	}
	c.log().Debug("disconnected", "end", how.String(), "after", time.Since(c.began).Round(time.Millisecond))
}

// sayWhy tells the peer why it is cut off, and reads on for a moment so that it
// can hear it.
func (c *conn) sayWhy(code closeCode) {
	c.finish(code, endLost)
	c.tasks.Wait()
	_, _ = io.Copy(io.Discard, c.wire.raw())
}

// settle notes that the reader has ended, and how the connection did: from the
// server's own decision or else from the error that ended the reader. If it has no
// session now, it never will.
func (c *conn) settle(err error) ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.stage.Store(int32(stageEnding))
	if c.how == endUnknown {
		c.how = endLost
		if errors.Is(err, errGoodbye) {
			c.how = endAnnounced
		}
	}
	return c.how
}

// closedAs says whether the server ended the connection with the code.
func (c *conn) closedAs(code closeCode) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending && c.code == code
}

func (e ending) String() string {
	switch e {
	case endLeft:
		return "left"
	case endAnnounced:
		return "closed by peer"
	case endDismissed:
		return "dismissed"
	}
	return "lost"
}
