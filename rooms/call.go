package rooms

import (
	"slices"
	"time"

	"presence/rooms/live"
)

// The call of a room (docs/protocol.md 16): package live decides, this file connects it
// with the room.

// ICEServer is a STUN or TURN server as clients get it. The first of URLs begins with
// stun: or turn: (docs/protocol.md 16.2).
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// How long the place of somebody in a call is kept whose connection is lost.
const (
	callGrace      = 10 * time.Second
	callGraceGuest = 5 * time.Second
)

// callRules are the installation's rules for calls.
func (h *Hub) callRules() live.Rules {
	return live.Rules{Rate: min(maxCallRate, float64(h.opt.Rate)/2), IsRelay: h.opt.Relays.IsRelay}
}

// maxCallRate is what an account may send the others of a call for long, events a second.
const maxCallRate = 200

// hidesAddresses says whether the next call of the room keeps the addresses of its peers
// from each other.
func (r *Room) hidesAddresses() bool {
	return r.hub.opt.HideAddresses || r.settings.HideAddresses
}

// callOut is where the events of a room's call go.
type callOut struct{ r *Room }

func (o callOut) ToRoom(e live.Event) { o.r.toAll("live", e.Type, e.Data) }

func (o callOut) ToPeer(id string, e live.Event) { o.r.toOne(AccountID(id), "live", e.Type, e.Data) }

// liveJoin lets a browser into the call.
func (r *Room) liveJoin(c call) {
	var in comer
	if !c.into(&in) && !c.into(&in.ClientID) {
		r.answer(c, "", nil, "ERR_INVALID_DATA")
		return
	}
	r.enterCall(c, in, false)
}

// comer is a browser that wants to be in the call. Clients that understand no more than
// the original did send their live id alone.
type comer struct {
	ClientID string `json:"clientId"`
	Features any    `json:"features"` // what it understands, a list of words
}

// iceRestart is the feature of clients, and the event that they understand then.
const iceRestart = "ice-restart"

func (b comer) understands(feature string) bool {
	words, _ := b.Features.([]any)
	return slices.Contains(words, any(feature))
}

// liveRestore takes up a call after the connection was lost.
func (r *Room) liveRestore(c call) {
	var in comer
	if !c.into(&in) {
		r.answer(c, "", nil, "ERR_INVALID_DATA")
		return
	}
	r.enterCall(c, in, true)
}

func (r *Room) enterCall(c call, b comer, restore bool) {
	liveID := b.ClientID
	if liveID == "" || len(liveID) > maxName {
		r.answer(c, "", nil, "ERR_INVALID_DATA")
		return
	}
	id := c.from.Account
	if r.isContact() {
		r.callOther(id)
	}
	if r.hidesAddresses() && !r.hub.opt.Relays.CanHide() {
		r.log.Warn("a call was refused: the room hides the addresses of those in a call, and without the built-in TURN server they cannot be hidden")
		r.call.Full(string(id), callOut{r})
		r.answer(c, "", nil, "ERR_NO_RELAY")
		return
	}
	if limit := r.settings.UserLimit; limit > 0 && !r.isContact() && !r.call.Has(string(id)) && len(r.call.Peers()) >= limit {
		r.call.Full(string(id), callOut{r})
		r.answer(c, "", nil, "ERR_CALL_FULL")
		return
	}
	grace := callGrace
	if r.members[id].guest {
		grace = callGraceGuest
	}
	j := live.Join{Peer: string(id), LiveID: liveID, Conn: uint64(c.from.Conn), Grace: grace,
		Restarts: b.understands(iceRestart), NewID: newID("ls"), Hides: r.hidesAddresses()}
	fresh := r.call.Enter(time.Now(), j, callOut{r})
	r.toOne(id, "live", "open", r.callOpen(id, liveID))
	if restore || !fresh {
		r.call.RestoredPeers(string(id), callOut{r})
	}
	r.askRestart(id)
	r.answer(c, "", nil, "")
	r.watchCall()
}

// openData is the data of open: everything that a browser needs to take part
// (docs/protocol.md 16.2).
type openData struct {
	ClientID string   `json:"clientId"`
	Live     openLive `json:"live"`
}

type openLive struct {
	SessionID string   `json:"sessionId"`
	LiveConf  liveConf `json:"liveConf"`
}

type liveConf struct {
	ICE         []ICEServer   `json:"ICE"`
	Policy      string        `json:"iceTransportPolicy,omitempty"` // relay: addresses are hidden
	UserID      AccountID     `json:"userId"`
	SourceID    any           `json:"sourceId"`
	PeerList    []string      `json:"peerList"`
	Quality     live.Quality  `json:"quality"`
	Mode        *live.Mode    `json:"mode"`
	Topology    string        `json:"topology"`
	IsRecording any           `json:"isRecording"`
	LogTail     []event       `json:"logTail"`
	Speaking    live.Speakers `json:"speaking"`
}

func (r *Room) callOpen(id AccountID, liveID string) openData {
	conf := r.call.Conf()
	policy := ""
	if r.call.Hides() {
		policy = "relay"
	}
	return openData{liveID, openLive{conf.SessionID, liveConf{
		ICE: r.callICE(id), Policy: policy, UserID: id, PeerList: conf.Peers, Quality: conf.Quality,
		Mode: conf.Mode, Topology: "peer", LogTail: r.callLog(r.members[id]), Speaking: conf.Speaking,
	}}}
}

func (r *Room) callICE(id AccountID) []ICEServer {
	return r.hub.opt.Relays.ICE(id, r.call.ID(), r.call.Hides())
}

// askRestart asks a browser that came back to restart ICE with the peers with whom it
// has to, if it understands that (docs/protocol.md 16.2).
func (r *Room) askRestart(id AccountID) {
	liveID, peers := r.call.TakeBroken(string(id))
	if len(peers) == 0 {
		return
	}
	r.toOne(id, "live", iceRestart, struct {
		ClientID string      `json:"clientId"`
		PeerIDs  []string    `json:"peerIds"`
		ICE      []ICEServer `json:"ICE"`
	}{liveID, peers, r.callICE(id)})
}

// callLogLength is how many messages a browser gets with a call.
const callLogLength = 20

// callLog are the newest messages that somebody may read.
func (r *Room) callLog(m *member) []event {
	events := []event{}
	for n := len(r.chat.tail) - 1; n >= 0 && len(events) < callLogLength; n-- {
		msg := &r.chat.tail[n]
		if r.isWork() {
			own, ok := r.readerOf(m).seen(msg)
			if !ok {
				continue
			}
			msg = &own
		}
		events = append(events, msg.blanked().event())
	}
	slices.Reverse(events)
	return events
}

// liveLeave takes the account out of the call.
func (r *Room) liveLeave(c call) {
	r.call.Hangup(time.Now(), string(c.from.Account), uint64(c.from.Conn), callOut{r})
	r.answer(c, "", nil, "")
	r.watchCall()
}

// liveCall takes a live event.
func (r *Room) liveCall(outer call) {
	c, ok := decodeCall(outer.from, outer.Data)
	if !ok {
		r.answer(outer, "", nil, "ERR_INVALID_DATA")
		return
	}
	r.call.Handle(time.Now(), string(c.from.Account), uint64(c.from.Conn), c.Type, c.Data, callOut{r})
	r.hub.stats.relayed.Add(uint64(r.call.TakeRelayed()))
	r.answer(outer, "", nil, "")
	r.watchCall()
}

// leaveCall takes somebody out of the call who is about to be out of the room, or has
// logged out.
func (r *Room) leaveCall(id AccountID) {
	if r.call.Has(string(id)) {
		r.call.Leave(time.Now(), string(id), callOut{r})
		r.watchCall()
	}
}

// callPeers lists who is in the call.
func (r *Room) callPeers() []AccountID {
	ids := []AccountID{}
	for _, id := range r.call.Peers() {
		ids = append(ids, AccountID(id))
	}
	return ids
}

// peersOf lists who is in the call of a room, if that is in memory.
func (h *Hub) peersOf(id RoomID) []AccountID {
	h.mu.Lock()
	r := h.rooms[id]
	h.mu.Unlock()
	if r != nil {
		if peers := r.inCall.Load(); peers != nil {
			return *peers
		}
	}
	return []AccountID{}
}

// noteCall renews the snapshot, and says who is out of the call.
func (r *Room) noteCall() {
	if r.callSeen == r.call.Changes() {
		return // an event between peers: there are many of those
	}
	r.callSeen = r.call.Changes()
	peers := r.callPeers()
	var before []AccountID
	if was := r.inCall.Load(); was != nil {
		before = *was
	}
	r.inCall.Store(&peers)
	r.hub.stats.peers.Add(int64(len(peers) - len(before)))
	r.hub.stats.calls.Add(int64(min(len(peers), 1) - min(len(before), 1)))
	for _, id := range before {
		if r.callID != r.call.ID() || !slices.Contains(peers, id) {
			r.hub.opt.Relays.Left(id, r.callID)
		}
	}
	r.callID = r.call.ID()
}

// watchCall sets the timer for what the call has to do next, and renews what others
// read of it.
func (r *Room) watchCall() {
	r.noteCall()
	next := r.call.Next()
	if r.timers.call != nil {
		if next.Equal(r.callAt) {
			return
		}
		r.timers.call.Stop()
		r.timers.call = nil
	}
	if r.callAt = next; !next.IsZero() && !r.closed {
		r.timers.call = r.hub.later(time.Until(next), r.post(callEvent{}))
	}
}

// callResumed says that somebody in the call lost a connection and has another one.
type callResumed struct {
	account AccountID
	by      ConnID
}

func (e callResumed) apply(r *Room) {
	r.call.Resumed(time.Now(), string(e.account), uint64(e.by))
	r.askRestart(e.account)
	r.watchCall()
}

// callEvent says that the call has something to do.
type callEvent struct{}

func (callEvent) apply(r *Room) {
	r.timers.call = nil
	r.call.Wake(time.Now(), callOut{r})
	r.watchCall()
}
