package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Options are what a Hub is made of. Every field is needed that does not say otherwise.
type Options struct {
	Store Store
	Post  Post
	Log   *slog.Logger

	Host       string        // public address that guests connect to (docs/protocol.md 1.1)
	MaxText    int           // longest chat message, bytes
	EmptyAfter time.Duration // a room without anybody leaves memory after this time
	RecentFor  time.Duration // how long somebody who wrote counts as active
	EditGrace  time.Duration // how long authors may change a message without a trace
	UserLimit  int           // default participant limit of calls
	Work       WorkRules

	Relays        Relays
	HideAddresses bool     // of peers in calls, in all rooms
	Rate          int      // events a second that one account can send; 0: no limit
	AvatarSide    int      // side of pictures, pixels
	Notifier      Notifier // where messages go for those who do not look on; may be nil
}

func (o Options) check() error {
	switch {
	case o.Store == nil, o.Post == nil, o.Log == nil:
		return errors.New("rooms: Store, Post and Log are needed")
	case o.Relays == nil:
		return errors.New("rooms: Relays is needed")
	case o.HideAddresses && !o.Relays.CanHide():
		return errors.New("rooms: HideAddresses needs Relays that can hide")
	case o.MaxText <= 0, o.EmptyAfter <= 0, o.RecentFor <= 0, o.EditGrace <= 0, o.AvatarSide <= 0:
		return errors.New("rooms: MaxText, EmptyAfter, RecentFor, EditGrace and AvatarSide must be positive")
	}
	return nil
}

// Limits that no installation needs to change.
const (
	storeTimeout = 5 * time.Second // one database call
	readers      = 16              // reads in the background at once
	maxReading   = 256             // those that are read or wait to be
	mailboxSize  = 256             // client events that wait for a room or an account
)

// Hub is the service as the outside sees it: accounts log in, their events go to
// the account or room they are addressed to. It is safe for concurrent use.
type Hub struct {
	opt     Options
	store   Store
	post    Post
	log     *slog.Logger
	dir     *directory
	groups  *workgroups
	pics    *pictures
	stats   counters
	reading chan struct{}      // a token per database read in the background
	waiting chan struct{}      // the same, for those that wait too
	records chan struct{}      // one writer of account records at a time
	missing map[AccountID]bool // whom FriendCore's last list lacked; records guards it
	drawing chan struct{}      // a token per picture that is decoded
	tries   *throttle

	notifier Notifier

	work         *workKeeper
	lastWorkTime atomic.Int64 // of a message in any work room, milliseconds

	wg      sync.WaitGroup // all goroutines of rooms and accounts
	stopped atomic.Bool
	done    chan struct{} // closed by Stop

	mu       sync.Mutex // guards the tables below
	accounts map[AccountID]*Account
	rooms    map[RoomID]*Room
	temps    map[AccountID]map[RoomID]struct{}       // temporary rooms by member
	guests   map[AccountID]RoomID                    // guests and their rooms
	invited  map[AccountID]map[string]invitationWire // invitations to temporary rooms, by token
}

// counters are what Stats reports.
type counters struct {
	messages, notStored, panics atomic.Uint64
	calls, peers                atomic.Int64
	relayed                     atomic.Uint64
}

// Stats are figures for metrics.
type Stats struct {
	Rooms     int    // in memory
	Accounts  int    // logged in
	Messages  uint64 // chat messages accepted since the start
	NotStored uint64 // chat messages refused because the database failed
	Panics    uint64 // rooms and sessions that were closed because of a defect
	Calls     int    // that go on
	Peers     int    // in them
	Relayed   uint64 // events from peer to peer since the start
}

// New loads all accounts and returns a Hub that is ready. It starts nothing.
func New(ctx context.Context, o Options) (*Hub, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	h := &Hub{
		opt: o, store: o.Store, post: o.Post, log: o.Log,
		dir: newDirectory(), groups: newWorkgroups(), pics: newPictures(o.AvatarSide),
		reading: make(chan struct{}, readers), waiting: make(chan struct{}, maxReading),
		records: make(chan struct{}, 1), done: make(chan struct{}),
		accounts: map[AccountID]*Account{}, rooms: map[RoomID]*Room{},
		temps: map[AccountID]map[RoomID]struct{}{}, guests: map[AccountID]RoomID{},
		invited: map[AccountID]map[string]invitationWire{},
		drawing: make(chan struct{}, 2), tries: newThrottle(), notifier: o.Notifier,
	}
	h.work = newWorkKeeper(h)
	records, err := o.Store.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("load accounts: %w", err)
	}
	h.dir.put(records)
	return h, nil
}

// Stats returns the figures of this moment.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	rooms, accounts := len(h.rooms), len(h.accounts)
	h.mu.Unlock()
	return Stats{
		Rooms: rooms, Accounts: accounts,
		Messages:  h.stats.messages.Load(),
		NotStored: h.stats.notStored.Load(),
		Panics:    h.stats.panics.Load(),
		Calls:     int(h.stats.calls.Load()),
		Peers:     int(h.stats.peers.Load()),
		Relayed:   h.stats.relayed.Load(),
	}
}

// Stop writes what is still only in memory (read marks) and waits for every
// goroutine, at most until ctx ends. All accounts should be closed before.
func (h *Hub) Stop(ctx context.Context) error {
	if h.stopped.Swap(true) {
		return nil
	}
	h.mu.Lock()
	loaded := make([]*Room, 0, len(h.rooms))
	for _, r := range h.rooms {
		loaded = append(loaded, r)
	}
	h.mu.Unlock()
	close(h.done)
	for _, r := range loaded {
		r.box.force(stopEvent{})
	}
	idle := make(chan struct{})
	go func() { h.wg.Wait(); close(idle) }()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop rooms: %w", ctx.Err())
	}
}

// storeContext bounds one database call. It outlives the connection that caused
// the call: what was begun is finished.
func (h *Hub) storeContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), storeTimeout)
}

// Handle takes one event (docs/protocol.md 3.1, E2) from a connection. It may
// wait while the room or account it is meant for is busy, until ctx ends. Events
// that are malformed or meant for nobody are dropped; a request is answered. What
// is not UTF-8 is dropped as a whole: a part of it that was passed on would end
// the connections of other members.
func (h *Hub) Handle(ctx context.Context, from Address, data json.RawMessage) {
	a := h.account(from.Account)
	if a == nil || !utf8.Valid(data) {
		return
	}
	c, ok := decodeCall(from, data)
	if !ok {
		return
	}
	if handler, known := accountHandlers[c.Type]; known {
		if a.guestOf != "" && !handler.guests {
			h.refuseGuest(c)
			return
		}
		// An error means that the account or the connection is gone: nobody to tell.
		_ = a.box.post(ctx, clientCall{c})
		return
	}
	if id := RoomID(c.Type); a.isIn(id) {
		if inner, ok := h.inRoom(c); ok && h.toRoom(ctx, id, inner) != nil && ctx.Err() == nil {
			h.undelivered(c.Type, inner, errRoomGone)
		}
		return
	}
	if a.guestOf == "" && strings.HasPrefix(c.Type, "acc-") && len(c.Type) <= maxName {
		a.toContact(ctx, AccountID(c.Type), c)
		return
	}
	h.notThere(c)
}

// toContact hands an event to the chat with a contact: to its room if that is open
// and nothing waits for it, else to the account, which opens it. So the order of
// events is kept.
func (a *Account) toContact(ctx context.Context, id AccountID, c call) {
	inner, ok := a.hub.inRoom(c)
	if !ok {
		return
	}
	if room, open := a.chat(id); open && a.pending.Load() == 0 {
		if err := a.hub.toRoom(ctx, room, inner); err == nil || ctx.Err() != nil {
			return
		}
	}
	a.pending.Add(1)
	if a.box.post(ctx, contactCall{c}) != nil {
		a.pending.Add(-1)
	}
}

// refuseGuest answers a request that guests may not make (docs/protocol.md 2.7).
func (h *Hub) refuseGuest(c call) {
	if answer := c.refusal("ERR_NOT_ALLOWED", maxLayers); answer != nil {
		h.post.Reply(c.from, encode(answer))
	}
}

// notThere answers a request that is meant for nobody.
func (h *Hub) notThere(c call) {
	if answer := c.refusal("ERR_NO_LISTENER", maxLayers); answer != nil {
		h.post.Reply(c.from, encode(answer))
	}
}

// inRoom takes the room event out of an event that is addressed to a room; false if
// there is none.
func (h *Hub) inRoom(c call) (call, bool) {
	inner, ok := decodeCall(c.from, c.Data)
	if !ok && c.isRequest() {
		h.post.Reply(c.from, encode(reply{c.RequestID, nil, "ERR_INVALID_DATA"}))
	}
	return inner, ok
}

// toRoom hands a room event to its room. An error means that the room is gone, or
// that ctx has ended.
func (h *Hub) toRoom(ctx context.Context, id RoomID, c call) error {
	h.mu.Lock()
	r := h.rooms[id]
	h.mu.Unlock()
	if r == nil {
		return errClosed
	}
	return r.box.post(ctx, clientCallRoom{c})
}

// defect notes that the program failed over one event; it goes on without it.
func (h *Hub) defect(log *slog.Logger, what string, v any) {
	h.stats.panics.Add(1)
	log.Error(what, "panic", v, "stack", string(debug.Stack()))
}

// account returns the account if it is logged in.
func (h *Hub) account(id AccountID) *Account {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.accounts[id]
}

// toAccount posts an event to an account; false if it is not logged in.
func (h *Hub) toAccount(id AccountID, e accountEvent) bool {
	a := h.account(id)
	return a != nil && a.box.force(e)
}

// room returns the room, loading it if needed. It never waits: a room that is
// being loaded handles its events afterwards.
func (h *Hub) room(id RoomID) *Room {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[id]
	if r == nil {
		r = newRoom(h, id)
		h.rooms[id] = r
		r.box.force(loadEvent{})
	}
	return r
}

// isLoaded says whether a room is in memory.
func (h *Hub) isLoaded(id RoomID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[id] != nil
}

// addLoaded makes a room of what was read, unless it is in memory already. reader
// is whom the count of unread messages is for.
func (h *Hub) addLoaded(data *RoomData, reader AccountID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[data.Room.ID] != nil || h.stopped.Load() {
		return
	}
	r := newRoom(h, data.Room.ID)
	h.rooms[r.id] = r
	r.box.force(loadedEvent{data, reader})
}

// addRoom registers a room that is new.
func (h *Hub) addRoom(r *Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rooms[r.id] = r
}

// forget takes a closed room out of the registry, if it is still there.
func (h *Hub) forget(r *Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[r.id] == r {
		delete(h.rooms, r.id)
	}
}

// toRoomLoaded posts an event to a room, loading the room if needed; false if the
// hub has stopped.
func (h *Hub) toRoomLoaded(id RoomID, e roomEvent) bool {
	if isWorkRoom(id) {
		return h.toRoomIfThere(id, e) // its keeper opens it
	}
	for !h.stopped.Load() {
		r := h.room(id)
		if r.box.force(e) {
			return true
		}
		h.forget(r) // it closed between look-up and post; load it anew
	}
	return false
}

// toRoomIfThere posts an event to a room that is in memory.
func (h *Hub) toRoomIfThere(id RoomID, e roomEvent) bool {
	h.mu.Lock()
	r := h.rooms[id]
	h.mu.Unlock()
	return r != nil && r.box.force(e)
}

// conf returns what the account is told of a room in join, nil if the room is not in
// memory.
func (h *Hub) conf(id RoomID, account AccountID) *roomConf {
	h.mu.Lock()
	r := h.rooms[id]
	h.mu.Unlock()
	if r == nil {
		return nil
	}
	conf := r.conf.Load()
	if conf == nil || !isWorkRoom(id) {
		return conf
	}
	for _, e := range h.workEntries(account) {
		if e.place.room == id {
			own := *conf
			own.workConf = e.place.conf(e.role)
			return &own
		}
	}
	return nil // it is about to be out of the room
}

// isWorkRoom says whether an id is that of a work room.
func isWorkRoom(id RoomID) bool { return strings.HasPrefix(string(id), "worg-") }

// setTemporary notes who is in which temporary room, so that members find it
// again at their next login (docs/protocol.md 7.4).
func (h *Hub) setTemporary(room RoomID, member AccountID, in bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if in {
		if h.temps[member] == nil {
			h.temps[member] = map[RoomID]struct{}{}
		}
		h.temps[member][room] = struct{}{}
		return
	}
	delete(h.temps[member], room)
	if len(h.temps[member]) == 0 {
		delete(h.temps, member)
	}
}

// temporaryRooms lists the temporary rooms that the account is a member of.
func (h *Hub) temporaryRooms(id AccountID) []RoomID {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []RoomID
	for room := range h.temps[id] {
		ids = append(ids, room)
	}
	return ids
}
