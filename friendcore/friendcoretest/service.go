package friendcoretest

import (
	"bytes"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

const (
	subprotocol  = "FriendService-v1"
	serviceQueue = 1 << 16 // frames; more than that and the service is cut off
	maxMessage   = 64 << 20
)

// service is a connection to the service port.
type service struct {
	server *Server
	conn   *websocket.Conn
	mute   bool // came without a sub-protocol: nothing is ever answered
	out    chan []byte
	gone   chan struct{} // closed when the connection is to end
}

// handleService is the service websocket: any path, no compression.
func (s *Server) handleService(w http.ResponseWriter, r *http.Request) {
	offered := websocket.Subprotocols(r)
	if !s.accepts(offered) {
		panic(http.ErrAbortHandler) // cut off within the handshake
	}
	upgrader := websocket.Upgrader{
		Subprotocols: []string{subprotocol},
		CheckOrigin:  func(*http.Request) bool { return true },
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	conn.SetReadLimit(maxMessage)
	c := &service{
		server: s, conn: conn, mute: len(offered) == 0,
		out: make(chan []byte, serviceQueue), gone: make(chan struct{}),
	}
	if !s.enter(c) {
		conn.Close()
		return
	}
	s.running.Go(c.write)
	c.read()
	s.leave(c)
}

func (s *Server) accepts(offered []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.RefuseServices {
		return false
	}
	return len(offered) == 0 || slices.Contains(offered, subprotocol)
}

func (s *Server) enter(c *service) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.services[c] = struct{}{}
	return true
}

// leave forgets a connection that ended.
func (s *Server) leave(c *service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(c)
	delete(s.services, c)
	s.registered = slices.DeleteFunc(s.registered, func(r *service) bool { return r == c })
	s.announce()
}

// end makes a connection end without a close frame; mu is held.
func (s *Server) end(c *service) {
	select {
	case <-c.gone:
	default:
		close(c.gone)
	}
}

// announce wakes up who waits for a registration or a notification; mu is held.
func (s *Server) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// emit sends a frame to every registered service; mu is held.
func (s *Server) emit(frame []byte) {
	for _, c := range s.registered {
		c.send(frame)
	}
}

// tell sends an event to every registered service; mu is held.
func (s *Server) tell(event []byte) {
	if !s.faults.SilentEvents {
		s.emit(event)
	}
}

// send queues a frame; a connection that does not take its frames ends.
func (c *service) send(frame []byte) {
	select {
	case c.out <- frame:
	default:
		c.server.end(c)
	}
}

func (c *service) read() {
	for {
		_, message, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		if received := c.server.options.Received; received != nil {
			received(message)
		}
		if !c.mute && c.server.pause() {
			c.message(message)
		}
	}
}

func (c *service) write() {
	defer c.conn.Close()
	for {
		select {
		case frame := <-c.out:
			c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
			if c.conn.WriteMessage(websocket.TextMessage, frame) != nil {
				return
			}
		case <-c.gone:
			return
		}
	}
}

// message acts on one frame of a service (docs/protocol.md 12.2, 12.3).
func (c *service) message(raw []byte) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		return // a bare word is never answered
	}
	all, ok := fields(raw)
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	switch {
	case !ok:
		c.send(errorFrame(7))
		return
	case at(all, 0, "type") == nil:
		c.send(errorFrame(1))
		return
	}
	data := at(all, 1, "data")
	switch text(all[0].value) {
	case "authenticate":
		c.authenticate(data)
	case "ping":
		if !c.server.faults.SilentPings {
			c.send([]byte(`{"type":"pong","data":"` + text(data) + `"}`))
		}
	case "service":
		c.command(data)
	default:
		c.send(errorFrame(2))
	}
}

// authenticate registers the connection, once more each time; mu is held.
func (c *service) authenticate(data []byte) {
	s := c.server
	all, _ := fields(data)
	key, name := named(all, "serviceKey"), named(all, "serviceName")
	switch {
	case s.faults.CrashOnAuthenticate:
		for other := range s.services {
			s.end(other)
		}
	case s.faults.SilentAuthenticate:
	case key == nil || name == nil:
		c.send(errorFrame(5))
	case s.faults.RefuseKey || text(key) != s.options.ServiceKey || text(name) != s.options.ServiceName:
		c.send(errorFrame(4))
	default:
		s.registered = append(s.registered, c)
		c.send([]byte(`{"type":"authenticate","data":{"status":0 }}`))
		s.announce()
	}
}

// command acts on a frame of type service; mu is held. What it does not know gets
// no answer.
func (c *service) command(data []byte) {
	all, _ := fields(data)
	kind, rest := at(all, 0, "type"), at(all, 1, "data")
	if kind == nil || rest == nil {
		return
	}
	switch text(kind) {
	case "user", "group":
		if !c.server.faults.SilentRequests {
			c.query(text(kind), rest)
		}
	case "room":
		c.server.answered(rest)
	case "notification":
		c.notification(rest)
	}
}

// query answers user list, user get and group list; mu is held. The reply goes to
// all registered services.
func (c *service) query(kind string, data []byte) {
	s := c.server
	all, _ := fields(data)
	what := at(all, 0, "type")
	body, _ := fields(at(all, 1, "data"))
	id := text(at(body, 0, "requestid"))
	switch {
	case what == nil:
	case kind == "user" && text(what) == "list":
		s.emit(replyFrame(id, s.userList()))
	case kind == "group" && text(what) == "list":
		s.emit(replyFrame(id, s.groupList()))
	case kind == "user" && text(what) == "get" && s.faults.SilentGets > 0:
		s.faults.SilentGets--
	case kind == "user" && text(what) == "get":
		if u := s.userByUnique(text(at(body, 1, "userid"))); u != nil {
			s.emit(replyFrame(id, s.userResult(u)))
		} else {
			s.emit(userNotFound(id))
		}
	}
}
