package live

import (
	"encoding/json"
	"net/netip"
	"slices"
	"time"
)

// Event is what clients call a live event (docs/protocol.md 16.1).
type Event struct {
	Type string `json:"type"`
	Data any    `json:"data"`
}

// Out takes what a session tells. An event is not changed after the call.
type Out interface {
	ToRoom(Event)              // everybody who is in the room
	ToPeer(id string, e Event) // all browsers of one account
}

// Rules are those of the installation.
type Rules struct {
	// Rate is how many events a second an account may send for long; more than that for a
	// minute ends its part in the call. 0: no limit.
	Rate float64
	// IsRelay says whether an address is that of one of our relays, which is all that peers
	// learn in calls that hide addresses. Needed for those only.
	IsRelay func(netip.AddrPort) bool
}

// Session is one call of a room; it may begin and end any number of times. With no field
// but Rules set it is a room without a call.
type Session struct {
	Rules Rules

	id    string // empty: nobody is in the call
	peers []*peer
	hides bool // addresses of peers

	changes  uint64 // of who is in the call
	relayed  int    // events, since they were counted last
	level    string // of quality; empty: normal
	speaking speaking
	mode     *Mode
	echoes   map[string]echo // by account
	ghosts   map[[2]string]time.Time
}

// echo is how many leaves of browsers that were moved away are expected, until when.
type echo struct {
	count int
	until time.Time
}

// peer is an account in the call.
type peer struct {
	id     string
	liveID string // of the browser that it is in with
	conn   uint64 // the connection that this browser joined by; 0: it is lost, another one not known
	grace  time.Duration
	since  time.Time // when this browser joined

	restarts bool     // it understands ice-restart
	mended   uint64   // the connection by which it came back last; 0: it never did
	broken   []string // peers with whom it has to restart ICE

	sign       time.Time // the last sign of life
	nextPing   time.Time
	unanswered time.Time // of the first ping that nothing came after; zero: none
	away       time.Time // since when its connection is lost; zero: it is there

	tokens float64 // of the limit of relayed events
	load   float64 // events of late beyond what it may send for long
	filled time.Time
}

// Join is a browser that wants to be in the call.
type Join struct {
	Peer   string
	LiveID string        // made by the browser
	Conn   uint64        // the connection that it came by
	Grace  time.Duration // how long its place is kept when its connection is lost
	// Restarts: it understands that it is asked to restart ICE with some peers.
	Restarts bool
	// Both count if the session begins with this peer: its id, and whether no peer learns
	// the address of another.
	NewID string
	Hides bool
}

// Conf is what a browser is told of the call when it is in (docs/protocol.md 16.2).
type Conf struct {
	SessionID string
	Peers     []string
	Quality   Quality
	Mode      *Mode
	Speaking  Speakers
}

// Conf returns the state of this moment.
func (s *Session) Conf() Conf {
	return Conf{s.id, s.Peers(), s.quality(), s.mode, s.speaking.Speakers}
}

// ID is that of the session; empty if nobody is in the call.
func (s *Session) ID() string { return s.id }

// Hides says whether no peer learns the address of another.
func (s *Session) Hides() bool { return s.hides }

// Peers lists the accounts in the call, in the order in which they joined.
func (s *Session) Peers() []string {
	ids := make([]string, len(s.peers))
	for n, p := range s.peers {
		ids[n] = p.id
	}
	return ids
}

// Changes counts how often somebody came to a call of the room or went.
func (s *Session) Changes() uint64 { return s.changes }

// TakeRelayed counts the events that went from peer to peer since it was asked last.
func (s *Session) TakeRelayed() int {
	n := s.relayed
	s.relayed = 0
	return n
}

// Has says whether an account is in the call.
func (s *Session) Has(id string) bool { return s.find(id) != nil }

func (s *Session) find(id string) *peer {
	for _, p := range s.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

// toPeers tells all who are in the call.
func (s *Session) toPeers(out Out, e Event) {
	for _, p := range s.peers {
		out.ToPeer(p.id, e)
	}
}

// joinData is the data of join.
type joinData struct {
	PeerID string `json:"peerId"`
	Meta   any    `json:"meta"` // always null
}

// Enter lets a browser into the call, as the last or in the place of another browser of
// its account. Whoever is in the call with it already keeps everything; then fresh is
// false. Afterwards it is told Conf.
func (s *Session) Enter(now time.Time, j Join, out Out) (fresh bool) {
	if p := s.find(j.Peer); p != nil {
		if p.liveID != j.LiveID {
			s.move(now, p, j, out)
			return true
		}
		if p.conn != j.Conn {
			s.mend(p, j.Conn)
		}
		p.conn, p.grace, p.restarts = j.Conn, j.Grace, j.Restarts
		p.back(now)
		return false
	}
	if s.id == "" {
		s.id, s.hides = j.NewID, j.Hides
	}
	p := &peer{
		id: j.Peer, liveID: j.LiveID, conn: j.Conn, grace: j.Grace, since: now, restarts: j.Restarts,
		sign: now, nextPing: now.Add(pingEvery), tokens: relayBurst, filled: now,
	}
	s.peers = append(s.peers, p)
	s.changes++
	delete(s.echoes, p.id)
	s.firstSpeaker(now, out)
	s.tellQuality(out)
	s.checkMode(out)
	out.ToRoom(Event{"join", joinData{PeerID: p.id}})
	return true
}

// closeData is the data of close. With a live id that browser is out and the account
// goes on elsewhere; null: the account is out.
type closeData struct {
	ClientID  any    `json:"clientId"`
	SessionID string `json:"sessionId"`
}

// move lets another browser of the account take the place of the present one.
func (s *Session) move(now time.Time, p *peer, j Join, out Out) {
	out.ToPeer(p.id, Event{"close", closeData{p.liveID, s.id}})
	s.expectEcho(now, p, j.Conn)
	p.liveID, p.conn, p.grace, p.restarts, p.since = j.LiveID, j.Conn, j.Grace, j.Restarts, now
	p.back(now)
	p.mended, p.broken = 0, nil // this browser has nothing to mend yet
	s.tellQuality(out)
	out.ToRoom(Event{"join", joinData{PeerID: p.id}})
}

// expectEcho notes that the present browser of a peer answers its close with a leave. By
// another connection than the coming one's that is known for what it is.
func (s *Session) expectEcho(now time.Time, p *peer, coming uint64) {
	switch {
	case p.conn != coming && p.conn != 0:
		delete(s.echoes, p.id)
	case now.Sub(p.sign) < echoWithin:
		if s.echoes == nil {
			s.echoes = map[string]echo{}
		}
		count := 1
		if e := s.echoes[p.id]; now.Before(e.until) {
			count += e.count
		}
		s.echoes[p.id] = echo{count, now.Add(echoWithin)}
	}
}

// echoWithin is how long after a move the former browser's own leave is expected, and
// how long ago it must have shown that it lives.
const echoWithin = 10 * time.Second

// Full tells an account that there is no place in the call.
func (s *Session) Full(id string, out Out) {
	out.ToPeer(id, Event{"close", closeData{nil, s.id}})
}

// RestoredPeers tells a browser that came back who is in the call.
func (s *Session) RestoredPeers(id string, out Out) {
	out.ToPeer(id, Event{"peers", map[string][]string{"peerIds": s.Peers()}})
}

// leaveData is the data of leave.
type leaveData struct {
	PeerID string `json:"peerId"`
}

// Hangup is the leave that a browser sends. What a browser sends whose account has moved
// to another one is not meant for that: it comes by another connection, or is the echo of
// its close.
func (s *Session) Hangup(now time.Time, id string, conn uint64, out Out) {
	p := s.find(id)
	if p == nil || p.conn != conn && p.conn != 0 {
		return
	}
	if e := s.echoes[id]; e.count > 0 && now.Before(e.until) {
		e.count--
		s.echoes[id] = e
		return
	}
	s.Leave(now, id, out)
}

// Leave takes an account out of the call; one that is not in it is no error.
func (s *Session) Leave(now time.Time, id string, out Out) {
	p := s.find(id)
	if p == nil {
		return
	}
	if s.mode != nil && s.mode.Data.Owner == id {
		s.setMode(nil, out)
	}
	out.ToRoom(Event{"leave", leaveData{id}})
	out.ToPeer(id, Event{"close", closeData{nil, s.id}})
	s.peers = slices.DeleteFunc(s.peers, func(o *peer) bool { return o == p })
	s.changes++
	delete(s.echoes, id)
	if len(s.peers) == 0 {
		*s = Session{Rules: s.Rules, changes: s.changes, relayed: s.relayed}
		return
	}
	s.tellQuality(out)
	s.speakerLeft(now, id, out)
	s.checkMode(out)
}

// Close ends the call for everybody.
func (s *Session) Close(now time.Time, out Out) {
	for _, id := range s.Peers() {
		s.Leave(now, id, out)
	}
}

// Handle takes a live event of a peer; of others it is ignored, and so is what nobody
// knows. It is a sign of life.
func (s *Session) Handle(now time.Time, from string, conn uint64, typ string, data json.RawMessage, out Out) {
	p := s.find(from)
	if p == nil {
		return
	}
	if typ != "leave" {
		p.alive(now)
	}
	p.fill(now, s.Rules.Rate)
	if !s.relay(now, p, typ, data, out) {
		s.act(now, p, conn, typ, data, out)
	}
	s.checkFlood(now, p, out)
}

// act takes what is meant for the server.
func (s *Session) act(now time.Time, p *peer, conn uint64, typ string, data json.RawMessage, out Out) {
	switch typ {
	case "leave":
		s.Hangup(now, p.id, conn, out)
	case "pong":
		if p.answers(data) {
			p.conn = conn // only the browser that is in the call answers
		}
	case "broadcast":
		s.broadcast(p, data, out)
	case "quality":
		p.load++
		s.setQuality(data, out)
	case "speaking":
		s.claim(now, p, data, out)
	case "mode":
		p.load++
		s.askMode(p, data, out)
	}
}
