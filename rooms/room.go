package rooms

import (
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"presence/rooms/live"
)

// Room is one chat room. All its fields but conf belong to its mailbox.
type Room struct {
	id      RoomID
	hub     *Hub
	log     *slog.Logger
	box     mailbox[roomEvent]
	conf    atomic.Pointer[roomConf]    // what others may read: a snapshot
	company company                     // the members, for guests' questions
	inCall  atomic.Pointer[[]AccountID] // who is in the call: a snapshot

	// owned by the mailbox
	ready      bool // loaded or created
	persistent bool
	record     RoomRecord
	settings   roomSettings
	members    map[AccountID]*member
	order      []AccountID // members, in the order they came
	guests     int         // how many of them are guests
	authorized []AccountID // in the order they were let in by name
	attached   []AccountID // who gets the room's events
	coming     []*member   // who will soon; see hold.go
	pair       []Relation  // both directions, in contact rooms only
	lookingOn  []*member   // those of them who see new messages at once
	work       *workRoom   // nil but for work rooms
	call       live.Session
	callAt     time.Time // when it has something to do
	callSeen   uint64    // how many changes of it inCall knows
	callID     string    // of the session that inCall is of
	assigned   []Assignment
	tokens     []Token // invite tokens that are valid
	chat       chatLog
	unsent     []unsentMessage // accepted in this batch, not stored yet
	behind     []roomEvent     // what waits in this batch
	usedAt     time.Time       // somebody was there, or was let in
	dirtyMarks map[AccountID]struct{}
	timers     timers
	closed     bool
}

// timers of a room; each posts an event. nil means: not running.
type timers struct {
	empty, names, recent, marks, call *time.Timer
}

// roomEvent is something that a room handles in its turn.
type roomEvent interface{ apply(r *Room) }

// roomConf is what a client is told of a room it joins (docs/protocol.md 4.2).
type roomConf struct {
	ClientID   RoomID `json:"clientId"`
	Persistent bool   `json:"persistent"`
	Name       string `json:"name"`
	Avatar     string `json:"avatar,omitempty"` // not in contact rooms
	IsPrivate  bool   `json:"isPrivate"`
	Req        string `json:"req,omitempty"`
	*workConf         // work rooms only
}

func newRoom(h *Hub, id RoomID) *Room {
	r := &Room{
		id: id, hub: h, log: h.log.With("room", string(id)),
		members:    map[AccountID]*member{},
		dirtyMarks: map[AccountID]struct{}{},
	}
	r.call.Rules = h.callRules()
	r.box = mailbox[roomEvent]{limit: mailboxSize, wg: &h.wg, handle: r.handle}
	return r
}

// handle takes what waits in the mailbox, one event after another. Chat messages
// that arrived together are stored together at the end.
func (r *Room) handle(events []roomEvent) {
	defer func() {
		if v := recover(); v != nil {
			r.fail(v)
		}
	}()
	for n, e := range events {
		r.behind = events[n:]
		if c, ok := e.(clientCallRoom); !ok || !c.isMessage() {
			r.flush()
		}
		r.behind = events[n+1:]
		if e.apply(r); r.closed {
			return
		}
	}
	r.behind = nil
	r.flush()
}

// reject answers an event that reached the room after its end.
func (r *Room) reject(e roomEvent) {
	switch e := e.(type) {
	case clientCallRoom:
		r.rejectCall(e.call)
	case enterEvent:
		r.hub.toAccount(e.account, e.refused(r))
	case attachEvent:
		r.hub.toAccount(e.account, leftEvent{room: r.id})
	case guestTokenEvent:
		e.answer <- ErrNotFound
	case declineEvent:
		r.hub.decline(r.id, e)
	case runEvent:
		close(e.done)
	case viewerMessageEvent:
		r.hub.tellNotStored(string(e.asked), e.call, e.text, errNoTarget)
	case workEditEvent:
		e.answer(r, event{"error", "ERR_UPDATE_FAILED"})
	}
}

// fail closes a room in which the program failed; the others go on.
func (r *Room) fail(v any) {
	r.hub.defect(r.log, "room closed because of a defect in the program", v)
	for _, u := range r.unsent {
		r.tellNotStored(u, &Refusal{"ERR_ROOM_FAILED",
			"The room failed and was closed; the message was not stored. Log in again to enter the room."})
	}
	r.unsent = nil
	r.end()
}

// end closes the room: it leaves memory, and those in it are told that it closed. A
// temporary room is gone for good then, and with it what the hub keeps of it.
func (r *Room) end() {
	r.call.Close(time.Now(), callOut{r})
	r.watchCall()
	for id, m := range r.members {
		if m.attached {
			r.hub.toAccount(id, leftEvent{room: r.id})
		}
	}
	r.attached, r.lookingOn = nil, nil
	if !r.persistent {
		for _, id := range r.order {
			r.hub.setTemporary(r.id, id, false)
		}
		r.endInvitations()
	}
	for _, e := range r.shut() {
		r.reject(e)
	}
	r.hub.forget(r)
	if r.isWork() {
		r.hub.work.box.force(workClosed{r.id})
	}
}

// shut stops the room and returns the events that it does not handle any more, in
// their order.
func (r *Room) shut() []roomEvent {
	r.closed = true
	r.timers.stop()
	rest := append(slices.Clone(r.behind), r.box.close()...)
	r.behind = nil
	return rest
}

// sleep has the room leave memory. Whoever came at the same moment finds it loaded
// anew.
func (r *Room) sleep() {
	rest := r.shut()
	r.hub.forget(r)
	for _, e := range rest {
		switch e.(type) {
		case enterEvent, guestTokenEvent, runEvent, declineEvent:
			if !r.hub.toRoomLoaded(r.id, e) {
				r.reject(e)
			}
		default:
			r.reject(e)
		}
	}
}

func (t *timers) stop() {
	for _, timer := range []*time.Timer{t.empty, t.names, t.recent, t.marks, t.call} {
		if timer != nil {
			timer.Stop()
		}
	}
	*t = timers{}
}

// clientCallRoom is a room event of a client (docs/protocol.md 7 to 10).
type clientCallRoom struct{ call }

func (e clientCallRoom) apply(r *Room) {
	m := r.members[e.from.Account]
	if m == nil || !m.attached || m.absent && !m.guest {
		r.refuseStranger(e.call) // it left, or was disabled, while its event was on the way
		return
	}
	r.dispatch("", roomHandlers, e.call)
}

// refuseStranger answers a request of somebody who is not in the room.
func (r *Room) refuseStranger(c call) {
	if answer := c.refusal("ERR_NOT_MEMBER", maxLayers-1); answer != nil {
		r.hub.post.Reply(c.from, encode(event{r.address(c.from.Account), answer}))
	}
}

// isMessage says whether the event is a chat message, which may wait to be stored
// together with others.
func (e clientCallRoom) isMessage() bool {
	if e.Type != "chat" {
		return false
	}
	c, ok := decodeCall(e.from, e.Data)
	return ok && (c.Type == "msg" || c.Type == workMsg)
}

// address is the name under which an account knows the room: its id or, for a
// contact room, the other one of the two (docs/protocol.md 3.2).
func (r *Room) address(to AccountID) string {
	if r.isContact() {
		return string(r.other(to))
	}
	return string(r.id)
}

// encode renders a room event; the path leads from the room to the component, e.g.
// "chat" (docs/protocol.md 3.1).
func encodeRoom(address, component, typ string, data any) []byte {
	inner := event{typ, data}
	if component != "" {
		inner = event{component, inner}
	}
	return encode(event{address, inner})
}

// toAll sends a room event to everybody who is in the room.
func (r *Room) toAll(component, typ string, data any) {
	r.toOthers("", component, typ, data)
}

// toOthers sends a room event to all but one.
func (r *Room) toOthers(except AccountID, component, typ string, data any) {
	switch {
	case r.isContact():
		for _, id := range r.attached {
			if id != except {
				r.toOne(id, component, typ, data)
			}
		}
		r.hold(except, func(id AccountID) []byte { return encodeRoom(r.address(id), component, typ, data) })
	case len(r.attached)+len(r.coming) > 0:
		e := encodeRoom(string(r.id), component, typ, data)
		r.hub.post.Deliver(r.attached, except, e)
		r.hold(except, func(AccountID) []byte { return e })
	}
}

// toOne sends a room event to all connections of one account.
func (r *Room) toOne(id AccountID, component, typ string, data any) {
	e := encodeRoom(r.address(id), component, typ, data)
	if m := r.members[id]; m != nil && m.coming {
		m.keep(e)
		return
	}
	r.hub.post.Deliver([]AccountID{id}, "", e)
}

// toAsker sends a room event to the connection that asked.
func (r *Room) toAsker(c call, component, typ string, data any) {
	r.hub.post.Reply(c.from, encodeRoom(r.address(c.from.Account), component, typ, data))
}

// answer replies to a request inside a component; without requestId it does nothing.
func (r *Room) answer(c call, component string, response any, code string) {
	if !c.isRequest() {
		return
	}
	var inner any = reply{c.RequestID, response, nullable(code)}
	if component != "" {
		inner = event{component, inner}
	}
	r.hub.post.Reply(c.from, encode(event{r.address(c.from.Account), inner}))
}

// refresh renews the snapshot that others read.
func (r *Room) refresh() {
	r.conf.Store(&roomConf{
		ClientID: r.id, Persistent: r.persistent, Name: r.record.Name,
		Avatar: r.hub.pics.ofRoom(r.record.Name), IsPrivate: r.record.IsPrivate,
	})
}

// post returns a function that posts the event to this room, for timers.
func (r *Room) post(e roomEvent) func() { return func() { r.box.force(e) } }

// stopEvent writes what is only in memory; the process is about to end.
type stopEvent struct{}

func (stopEvent) apply(r *Room) {
	r.saveMarks()
	for _, e := range r.shut() {
		r.reject(e)
	}
}

// createEvent makes a new room (docs/protocol.md 7.2).
type createEvent struct {
	owner  AccountID
	name   string  // empty: a temporary room
	groups []Group // that are assigned to it
	call   call
	req    string
}

func (e createEvent) apply(r *Room) {
	owner := r.hub.dir.get(e.owner)
	r.persistent = e.name != ""
	r.record = RoomRecord{
		ID: r.id, Name: e.name, OwnerID: e.owner,
		Settings: json.RawMessage("{}"), Created: time.Now(),
	}
	if !r.persistent {
		r.record.Name = clip("[ temp ] created by: "+owner.Name, maxName)
	} else if err := r.storeNew(); err != nil {
		r.log.Error("room not created", "err", err)
		r.hub.toAccount(e.owner, refusedEvent{call: e.call, code: "ERR_CREATE_FAILED"})
		r.end()
		return
	}
	r.ready = true
	r.settings = roomSettings{UserLimit: r.hub.opt.UserLimit}
	r.chat.load(nil, true)
	m := r.addMember(owner)
	m.authorized, m.marked = r.persistent, true
	if m.authorized {
		r.authorized = append(r.authorized, m.id)
	}
	r.refresh()
	r.used()
	for _, g := range e.groups {
		if !r.isAssigned(g.ID) && r.storeAssignment(g.ID, e.owner, true) {
			r.workgroupSet(workgroupValue{workgroupID(g.ID), true})
		}
	}
	conf := r.conf.Load()
	r.letIn(e.owner, enteredEvent{room: r.id, conf: conf, call: e.call, req: e.req, response: conf})
}

func (r *Room) storeNew() error {
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	return r.hub.store.CreateRoom(ctx, r.record, []AccountID{r.record.OwnerID})
}

// loadEvent reads the room from the database.
type loadEvent struct{}

// Delays between attempts to load a room from a database that does not answer.
const (
	firstLoadDelay = 500 * time.Millisecond
	maxLoadDelay   = 10 * time.Second
)

// tailLoaded is how many messages are read when a room is loaded.
const tailLoaded = 30

func (loadEvent) apply(r *Room) {
	data, err := r.read()
	for delay := firstLoadDelay; err != nil && !errors.Is(err, ErrNotFound); delay = min(2*delay, maxLoadDelay) {
		r.log.Error("room not loaded, will try again", "err", err, "in", delay)
		select {
		case <-time.After(delay):
		case <-r.hub.done:
			r.end()
			return
		}
		data, err = r.read()
	}
	if err != nil {
		r.end()
		return
	}
	r.take(data)
}

// loadedEvent brings a room that was read together with others.
type loadedEvent struct {
	data   *RoomData
	reader AccountID // whom Unread is for
}

func (e loadedEvent) apply(r *Room) {
	r.take(e.data)
	known := func(mark ReadMark) bool { return mark.Account == e.reader }
	if m := r.members[e.reader]; m != nil && slices.ContainsFunc(e.data.Marks, known) {
		m.unread, m.counted = e.data.Unread, true
	}
}

func (r *Room) read() (*RoomData, error) {
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	return r.hub.store.LoadRoom(ctx, r.id, tailLoaded)
}

// take makes the loaded data the room's own.
func (r *Room) take(data *RoomData) {
	if data.Room.WorkgroupID != "" && !r.isWork() {
		r.end() // a work room is opened by its keeper only
		return
	}
	r.ready, r.persistent = true, true
	r.record = data.Room
	r.settings = readSettings(data.Room.Settings, r.hub.opt.UserLimit)
	r.tokens = data.Tokens
	r.assigned = data.Assigned
	r.pair = data.Relation
	r.chat.load(data.Tail, len(data.Tail) < tailLoaded && !data.Older)
	for _, i := range r.hub.dir.getAll(data.Authorized) {
		r.addMember(i).authorized = true
		r.authorized = append(r.authorized, i.ID)
	}
	for _, a := range data.Assigned {
		id := workgroupID(a.FID)
		for _, i := range r.hub.dir.getAll(r.hub.groups.membersOf(id)) {
			m := r.addMember(i)
			m.groups = append(m.groups, id)
		}
	}
	for _, mark := range data.Marks {
		if m := r.members[mark.Account]; m != nil {
			m.mark, m.marked = mark, true
		}
	}
	r.takeRelation()
	r.makeMarks()
	r.loadRecent()
	r.refresh()
	r.used()
}

// makeMarks gives members through workgroups who were never here a read mark: what
// was said before is not unread to them (docs/protocol.md 8.4).
func (r *Room) makeMarks() {
	if r.isWork() {
		r.makeWorkMarks()
		return
	}
	var without []AccountID
	for _, id := range r.order {
		if m := r.members[id]; !m.marked && !m.guest && !r.isContact() {
			without = append(without, id)
		}
	}
	if len(without) == 0 || !r.persistent {
		return
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	marks, err := r.hub.store.MakeReadMarks(ctx, r.id, without)
	if err != nil {
		r.log.Warn("read marks of new members not stored", "count", len(without), "err", err)
		return
	}
	for _, mark := range marks {
		if m := r.members[mark.Account]; m != nil {
			m.mark, m.marked = mark, true
		}
	}
}

// used notes that somebody was there until now, or comes soon.
func (r *Room) used() {
	r.usedAt = time.Now()
	r.watchEmpty()
}

// watchEmpty starts or stops the timer of a room without anybody (docs/protocol.md
// 7.1): it leaves memory; a temporary room is gone for good.
func (r *Room) watchEmpty() {
	if r.isWork() {
		return
	}
	if len(r.attached) > 0 {
		if r.timers.empty != nil {
			r.timers.empty.Stop()
			r.timers.empty = nil
		}
		return
	}
	if r.timers.empty == nil {
		wait := time.Until(r.usedAt.Add(r.hub.opt.EmptyAfter))
		r.timers.empty = r.hub.later(wait, r.post(emptyEvent{}))
	}
}

type emptyEvent struct{}

func (emptyEvent) apply(r *Room) {
	r.timers.empty = nil
	if len(r.attached) > 0 || time.Since(r.usedAt) < r.hub.opt.EmptyAfter {
		r.watchEmpty() // somebody came while the event was on the way
		return
	}
	if r.saveMarks(); len(r.dirtyMarks) > 0 {
		r.used() // the database is away: keep what is not written
		return
	}
	r.log.Debug("room left memory", "persistent", r.persistent)
	if r.persistent {
		r.sleep()
		return
	}
	r.end()
}

// remove drops an element from a list.
func remove[E comparable](list []E, e E) []E {
	if i := slices.Index(list, e); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}
