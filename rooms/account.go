package rooms

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Account is what a logged-in user sees: the rooms it has joined, and its answers
// to requests. It lives from Open to Close; its connections are transport's.
type Account struct {
	id   AccountID
	hub  *Hub
	box  mailbox[accountEvent]
	gone chan struct{} // closed when the account has left everything

	initialized atomic.Bool // the client has asked for its state at least once
	visible     atomic.Bool
	pending     atomic.Int32 // events to contacts that are in the mailbox

	mu     sync.Mutex           // guards what follows, which the mailbox alone writes
	joined []RoomID             // in the order of joining, contact rooms left out
	chats  map[AccountID]RoomID // contact rooms, by contact

	// owned by the mailbox
	contacts map[AccountID]*contact // everybody there is a relation with
	related  bool                   // contacts has been read
	retrying bool                   // rooms are read again soon
	inOrder  []RoomID               // rooms that are told in this order, whichever answers first
	early    map[RoomID]enteredEvent
	changing []func() // changes of the account's row, under way or waiting
	closed   bool     // the last event has been handled
	guestOf  RoomID   // the one room of a guest; empty for accounts
}

// accountEvent is something that an account handles in its turn.
type accountEvent interface{ apply(a *Account) }

func newAccount(h *Hub, id AccountID) *Account {
	a := &Account{
		id: id, hub: h, gone: make(chan struct{}),
		chats: map[AccountID]RoomID{}, contacts: map[AccountID]*contact{},
	}
	a.box = mailbox[accountEvent]{limit: mailboxSize, wg: &h.wg, handle: a.handle}
	return a
}

func (a *Account) handle(events []accountEvent) {
	for _, e := range events {
		if a.closed {
			a.reject(e)
			continue
		}
		a.apply(e)
	}
}

// reject answers an event that reached the account after its end.
func (a *Account) reject(e accountEvent) {
	if in, ok := e.(enteredEvent); ok {
		a.hub.toRoomIfThere(in.room, notComing{a.id})
	}
}

// apply handles one event. If the program fails over it, the session of this
// account ends and nothing else.
func (a *Account) apply(e accountEvent) {
	defer func() {
		if v := recover(); v != nil {
			a.hub.defect(a.hub.log.With("account", a.id), "session closed because of a defect in the program", v)
			a.hub.post.Dismiss(a.id)
		}
	}()
	e.apply(a)
}

// isIn says whether the account has joined the room.
func (a *Account) isIn(id RoomID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.joined, id)
}

// rooms lists the joined rooms, contact rooms left out.
func (a *Account) rooms() []RoomID {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.joined)
}

// allRooms lists the joined rooms and the open contact rooms.
func (a *Account) allRooms() []RoomID {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := slices.Clone(a.joined)
	for _, room := range a.chats {
		all = append(all, room)
	}
	return all
}

func (a *Account) dropRoom(id RoomID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.Index(a.joined, id)
	if i < 0 {
		return false
	}
	a.joined = slices.Delete(a.joined, i, i+1)
	return true
}

// send queues an account event on all connections of the account.
func (a *Account) send(typ string, data any) {
	a.hub.post.Deliver([]AccountID{a.id}, "", encode(event{typ, data}))
}

// answer replies to a request; code is empty on success.
func (a *Account) answer(c call, response any, code string) {
	if c.isRequest() {
		a.hub.post.Reply(c.from, encode(reply{c.RequestID, response, nullable(code)}))
	}
}

// Resolve finds the account of a Friend user who has proved his identity, or
// creates it (docs/protocol.md 2.4). The name, the login name and the admin flag
// are brought up to date. A refusal is a *Refusal.
func (h *Hub) Resolve(ctx context.Context, u User) (AccountID, error) {
	if !usable(u) {
		return "", refuse("ERR_INVALID_AUTH")
	}
	id, err := h.record(ctx, u)
	if err != nil {
		return "", err
	}
	if h.dir.get(id).Disabled {
		return "", refuse("ERR_ACCOUNT_DISABLED")
	}
	h.setAdmin(id, u.Admin)
	return id, nil
}

// record returns the id of the user's account and writes what is new of him.
func (h *Hub) record(ctx context.Context, u User) (AccountID, error) {
	done, err := h.lockRecords(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	i := h.dir.find(u)
	if i == nil {
		r := newRecord(u)
		if err := h.store.CreateAccounts(ctx, []AccountRecord{r}); err != nil {
			return "", fmt.Errorf("create account: %w", err)
		}
		h.dir.put([]AccountRecord{r})
		h.log.Info("account created", "account", r.ID, "login", r.FUsername)
		return r.ID, nil
	}
	next, changed := updated(i.AccountRecord, vouched(i.AccountRecord, u))
	if changed {
		if err := h.store.UpdateAccounts(ctx, []AccountRecord{next}); err != nil {
			return "", fmt.Errorf("update account %s: %w", i.ID, err)
		}
		h.applyRecord(next)
	}
	return i.ID, nil
}

// maxName is the width of the columns for names and ids, in characters.
const maxName = 191

// usable says whether an account can be kept for the user.
func usable(u User) bool {
	return u.Login != "" && clip(u.Login, maxName) == u.Login && clip(u.ID, maxName) == u.ID
}

// vouched fills in what a login answer does not say. A missing full name is none;
// and only the list of users enables an account again (docs/protocol.md 2.4).
func vouched(r AccountRecord, u User) User {
	if u.Name == "" && r.Name != r.FUsername {
		u.Name = r.Name
	}
	u.Disabled = u.Disabled || r.Disabled
	return u
}

// newRecord makes the record of a user's first login.
func newRecord(u User) AccountRecord {
	return AccountRecord{
		ID:      AccountID(newID("acc")),
		FUserID: u.ID, FUsername: u.Login, LastUpdate: u.LastUpdate, Disabled: u.Disabled,
		Name: clip(u.DisplayName(), maxName), Settings: []byte("{}"),
	}
}

// updated is the record as the user now is; false if nothing is new.
func updated(r AccountRecord, u User) (AccountRecord, bool) {
	next := r
	if u.ID != "" {
		next.FUserID = u.ID
	}
	next.FUsername = u.Login
	next.Name = clip(u.DisplayName(), maxName)
	next.Disabled = u.Disabled
	next.LastUpdate = max(r.LastUpdate, u.LastUpdate)
	return next, next.FUserID != r.FUserID || next.FUsername != r.FUsername ||
		next.Name != r.Name || next.Disabled != r.Disabled || next.LastUpdate != r.LastUpdate
}

// clip cuts a text to at most n characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Open makes the account ready and shows it to others. It is called once, and
// again only after Close has returned.
func (h *Hub) Open(ctx context.Context, id AccountID) error {
	if h.dir.get(id) == nil {
		return fmt.Errorf("open account %s: %w", id, ErrNotFound)
	}
	h.dir.change(id, func(i *identity) bool { seen := i.seen; i.seen = true; return !seen })
	h.mu.Lock()
	if h.accounts[id] != nil {
		h.mu.Unlock()
		return fmt.Errorf("open account %s: it is open already", id)
	}
	a := newAccount(h, id)
	a.guestOf = h.guests[id]
	h.accounts[id] = a
	h.mu.Unlock()
	h.Show(id)
	if a.guestOf != "" {
		return nil // guests have no row
	}
	if err := h.store.TouchLogin(ctx, id); err != nil {
		h.log.Warn("time of login not stored", "account", id, "err", err)
	}
	return nil
}

// Close takes the account out of its rooms and out of sight, and returns when
// that is done.
func (h *Hub) Close(id AccountID) {
	h.Hide(id)
	a := h.account(id)
	if a == nil {
		h.forgetGuest(id) // one who never came
		return
	}
	if !a.box.force(closeAccount{}) {
		return
	}
	<-a.gone
	h.mu.Lock()
	delete(h.accounts, id)
	h.mu.Unlock()
	h.dir.unwatch(id)
	if a.guestOf != "" {
		h.forgetGuest(id)
		return
	}
	ctx, cancel := h.storeContext()
	defer cancel()
	if err := h.store.TouchOnline(ctx, id); err != nil {
		h.log.Warn("time of logout not stored", "account", id, "err", err)
	}
}

// closeAccount is the last event of an account.
type closeAccount struct{}

func (closeAccount) apply(a *Account) {
	for _, id := range a.allRooms() {
		a.hub.toRoomIfThere(id, detachEvent{a.id})
	}
	for id := range a.early {
		a.hub.toRoomIfThere(id, notComing{a.id})
	}
	a.closed = true
	for _, e := range a.box.close() {
		a.reject(e)
	}
	close(a.gone)
}

// Show makes the account visible to others, Hide the opposite: an account whose
// connection was lost stays in its rooms, unseen, while its session can still be
// resumed (docs/protocol.md 2.6).
func (h *Hub) Show(id AccountID) { h.setVisible(id, true) }

// Hide is the opposite of Show.
func (h *Hub) Hide(id AccountID) { h.setVisible(id, false) }

func (h *Hub) setVisible(id AccountID, on bool) {
	a := h.account(id)
	if a == nil || a.visible.Swap(on) == on {
		return
	}
	_, now := h.dir.change(id, func(i *identity) bool { i.online = on; return true })
	h.tellContacts(id, h.groups.contacts(id), on)
	h.tellChange(now, "isOnline", on)
	a.box.force(visibleEvent{on})
}

// visibleEvent tells the rooms, through the account, so that a room hears it
// after it has heard of the account itself.
type visibleEvent struct{ on bool }

func (e visibleEvent) apply(a *Account) {
	for _, id := range a.allRooms() {
		a.hub.toRoomIfThere(id, showEvent{a.id, e.on})
	}
}

// Resync tells an account whose connections missed events to send its state anew.
func (h *Hub) Resync(id AccountID) { h.toAccount(id, resyncEvent{}) }

type resyncEvent struct{}

func (resyncEvent) apply(a *Account) { a.send("initialize", a.anyState()) }

// Resumed says that the account's client took up its session by another connection.
func (h *Hub) Resumed(id AccountID, by ConnID) { h.toAccount(id, resumedEvent{by}) }

type resumedEvent struct{ by ConnID }

func (e resumedEvent) apply(a *Account) {
	for _, id := range a.allRooms() {
		if slices.Contains(a.hub.peersOf(id), a.id) {
			a.hub.toRoomIfThere(id, callResumed{a.id, e.by})
		}
	}
}

// retryRooms is how long an account waits before it asks again for its rooms when
// the database did not answer.
const retryRooms = 2 * time.Second

// loadRooms asks every room of the account to let it in; each answers with an
// event of its own. Rooms that are not in memory are read together.
func (a *Account) loadRooms() {
	if a.guestOf != "" {
		a.hub.toRoomLoaded(a.guestOf, enterEvent{account: a.id, guest: true})
		return
	}
	ids, unread, err := a.readRooms()
	if err != nil {
		a.hub.log.Error("rooms of an account not read, will try again", "account", a.id, "err", err)
		a.loadRoomsSoon()
	}
	for _, id := range append(ids, a.hub.temporaryRooms(a.id)...) {
		if !a.isIn(id) {
			a.hub.toRoomLoaded(id, enterEvent{account: a.id, unread: unread[id]})
		}
	}
	a.enterWorkRooms()
}

// loadRoomsSoon tries again in a while, once however often it failed.
func (a *Account) loadRoomsSoon() {
	if a.retrying {
		return
	}
	a.retrying = true
	a.hub.later(retryRooms, func() { a.box.force(loadRoomsEvent{}) })
}

// readRooms lists the saved rooms of the account, has those in memory that were not,
// and counts what the account has not read in the others. The number of queries does
// not depend on that of the rooms.
func (a *Account) readRooms() ([]RoomID, map[RoomID]Unread, error) {
	ctx, cancel := a.hub.storeContext()
	defer cancel()
	ids, err := a.hub.store.RoomsOf(ctx, a.id, a.hub.groups.friendIDs(a.id))
	if err != nil {
		return nil, nil, err
	}
	var missing, others []RoomID
	for _, id := range ids {
		if a.hub.isLoaded(id) {
			others = append(others, id)
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		loaded, err := a.hub.store.LoadRooms(ctx, missing, tailLoaded, a.id)
		if err != nil {
			return nil, nil, err
		}
		for _, data := range loaded {
			a.hub.addLoaded(data, a.id)
		}
	}
	if len(others) == 0 {
		return ids, nil, nil
	}
	unread, err := a.hub.store.UnreadIn(ctx, a.id, others)
	if err != nil {
		a.hub.log.Warn("unread messages not counted; the rooms will", "account", a.id, "err", err)
	}
	return ids, unread, nil
}

type loadRoomsEvent struct{}

func (loadRoomsEvent) apply(a *Account) {
	a.retrying = false
	a.loadRooms()
}

// moreRoomsEvent says that the account is in other workgroups than before: rooms
// that are assigned to them, and not in memory, may have to let it in.
type moreRoomsEvent struct{}

func (moreRoomsEvent) apply(a *Account) {
	if a.initialized.Load() {
		a.loadRooms()
	}
}

// enteredEvent says that a room lets the account in. The account tells its client
// and then lets the room deliver (docs/protocol.md 3.8): the client hears of the
// room before it hears anything from it.
type enteredEvent struct {
	room     RoomID
	contact  AccountID // for contact rooms: with whom
	conf     *roomConf
	call     call           // the request that led here, or none
	req      string         // the client's own mark of a join, echoed
	response any            // of the reply
	relation *relationEntry // of a chat that the other one opened
	silent   bool           // opened by hidden-open
}

func (e enteredEvent) apply(a *Account) {
	if !slices.Contains(a.inOrder, e.room) {
		e.enter(a)
		return
	}
	if a.early == nil {
		a.early = map[RoomID]enteredEvent{}
	}
	a.early[e.room] = e
	a.nextInOrder()
}

// nextInOrder lets those rooms in whose turn it is.
func (a *Account) nextInOrder() {
	for len(a.inOrder) > 0 {
		next, there := a.early[a.inOrder[0]]
		if !there {
			return
		}
		delete(a.early, next.room)
		a.inOrder = a.inOrder[1:]
		next.enter(a)
	}
}

func (e enteredEvent) enter(a *Account) {
	switch {
	case !a.initialized.Load():
		// The client hears of its rooms after it has asked for its state.
		a.hub.toRoomIfThere(e.room, notComing{a.id})
	case e.contact != "":
		a.enteredChat(e)
	case !a.isIn(e.room):
		if !a.enter(e) {
			leftEvent{room: e.room}.apply(a)
		}
	case e.call.from != (Address{}):
		a.hub.post.Reply(e.call.from, encode(event{"join", joinData{e.marked(), a.rooms()}}))
	}
	a.answer(e.call, e.response, "")
}

func (a *Account) enteredChat(e enteredEvent) {
	if _, open := a.chat(e.contact); !open && !a.enterChat(e) {
		a.chatFailed(e.contact, errTryLater.Code)
		return
	}
	a.answerOpeners(e.contact, e.conf)
}

// marked is the room with the client's mark of the request.
func (e enteredEvent) marked() *roomConf {
	conf := *e.conf
	conf.Req = e.req
	return &conf
}

// enter joins the room; false if it has closed meanwhile. What the client sends as
// soon as it hears of the room waits at the lock until the room counts it in.
func (a *Account) enter(e enteredEvent) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.joined = append(a.joined, e.room)
	a.send("join", joinData{e.marked(), a.joined})
	return a.hub.toRoomIfThere(e.room, attachEvent{a.id, a.visible.Load()})
}

// joinData is the data of join (docs/protocol.md 4.3).
type joinData struct {
	Joined  *roomConf `json:"joined"`
	Current []RoomID  `json:"current"`
}

// refusedEvent says that a room did not let the account in.
type refusedEvent struct {
	room     RoomID
	contact  AccountID // for contact rooms: with whom
	call     call
	response any // of the reply
	code     string
}

func (e refusedEvent) apply(a *Account) {
	a.inOrder = remove(a.inOrder, e.room)
	a.nextInOrder()
	if e.contact != "" {
		a.chatFailed(e.contact, errTryLater.Code)
	}
	a.answer(e.call, e.response, e.code)
}

// leftEvent says that the account is no longer in the room.
type leftEvent struct {
	room RoomID
	held [][]byte // what was said between its being let in and its client's knowing of that
}

func (e leftEvent) apply(a *Account) {
	a.leaveChat(e.room)
	if a.dropRoom(e.room) {
		for _, held := range e.held {
			a.hub.post.Deliver([]AccountID{a.id}, "", held)
		}
		a.send("close", e.room)
	}
}
