package rooms

import (
	"context"
	"errors"
	"time"
)

// A chat with a contact is open while the account is in the room behind it. It opens
// with the first event for it, or because somebody asks; what comes meanwhile waits
// (docs/protocol.md 4.7).

// contact is what an account keeps of somebody it has a relation with. It belongs to
// the account's mailbox.
type contact struct {
	relating bool     // the relation is on its way
	told     bool     // the client knows it already, because the other one was quicker
	opening  bool     // the room behind the chat is on its way
	silent   bool     // only hidden-open asked for it
	asked    []opener // requests that are answered when the chat is open
	waiting  []call   // room events for it, in order
}

// opener is a request that opens a chat.
type opener struct {
	call
	hidden bool // hidden-open
}

// maxWaiting bounds the events, and the requests to open it, that wait for a contact
// room.
const maxWaiting = 256

// contactCall is an event of a client that is addressed to a contact whose chat is
// not open yet (docs/protocol.md 4.7).
type contactCall struct{ call }

func (e contactCall) apply(a *Account) {
	defer a.pending.Add(-1)
	id := AccountID(e.Type)
	inner, _ := decodeCall(e.from, e.Data) // an event: see toContact
	if room, open := a.chat(id); open {
		switch a.hub.offer(room, inner) {
		case nil:
			return
		case errFull:
			a.hub.undelivered(e.Type, inner, errTooBusy)
			return
		}
		a.leaveChat(room) // it has just ended
	}
	c, err := a.contactWith(id)
	switch {
	case err != nil:
		a.hub.undelivered(e.Type, inner, errTryLater)
	case c == nil:
		a.hub.notThere(e.call)
	case len(c.waiting) >= maxWaiting:
		a.hub.undelivered(e.Type, inner, errTooBusy)
	default:
		c.waiting = append(c.waiting, inner)
		a.openChat(id, c, false)
	}
}

// contactWith finds a contact; nil if there is no relation. The error says that the
// database did not tell.
func (a *Account) contactWith(id AccountID) (*contact, error) {
	if c := a.contacts[id]; c != nil || a.related {
		return c, nil
	}
	_, err := a.readRelations()
	return a.contacts[id], err
}

// offer hands an event of a client to its room without waiting: errClosed if that is
// gone, errFull if too much waits for it.
func (h *Hub) offer(room RoomID, c call) error {
	h.mu.Lock()
	r := h.rooms[room]
	h.mu.Unlock()
	if r == nil {
		return errClosed
	}
	return r.box.offer(clientCallRoom{c})
}

// chat is the room behind an open chat.
func (a *Account) chat(contact AccountID) (RoomID, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	room, open := a.chats[contact]
	return room, open
}

// openChat has the room behind a contact made, if need be, and entered.
func (a *Account) openChat(id AccountID, c *contact, silent bool) {
	c.silent = silent && (c.silent || !c.opening)
	if c.opening || c.relating {
		return
	}
	c.opening = true
	started := a.hub.background(func(ctx context.Context) {
		room, err := a.hub.store.OpenContact(ctx, a.id, id, RoomRecord{
			ID: RoomID(newID("cont")), Name: "contact-room", IsPrivate: true,
			Settings: []byte("{}"), Created: time.Now(),
		})
		a.box.force(chatOpened{id, room, err})
	})
	if !started {
		chatOpened{id, "", errBusy}.apply(a)
	}
}

// openFor is openChat for a request, which is answered when the chat is open.
func (a *Account) openFor(id AccountID, c *contact, by opener) {
	if len(c.asked) >= maxWaiting {
		a.answer(by.call, nil, "ERR_BUSY")
		return
	}
	c.asked = append(c.asked, by)
	a.openChat(id, c, by.hidden)
}

var errBusy = errors.New("too many reads wait")

// chatOpened says which room is behind a contact.
type chatOpened struct {
	contact AccountID
	room    RoomID
	err     error
}

func (e chatOpened) apply(a *Account) {
	if e.err != nil {
		a.hub.log.Error("chat not opened", "account", a.id, "contact", e.contact, "err", e.err)
		a.chatFailed(e.contact, errTryLater.Code)
		return
	}
	c := a.contacts[e.contact]
	a.hub.toRoomLoaded(e.room, enterEvent{account: a.id, contact: e.contact, silent: c != nil && c.silent})
}

// chatFailed gives up the events that wait for a chat, and tells who asked.
func (a *Account) chatFailed(id AccountID, code string) {
	c := a.contacts[id]
	if c == nil {
		return
	}
	asked, waiting := c.asked, c.waiting
	c.opening, c.asked, c.waiting = false, nil, nil
	for _, by := range asked {
		a.answer(by.call, nil, code)
	}
	for _, w := range waiting {
		a.hub.undelivered(string(id), w, errTryLater)
	}
}

// answerOpeners answers the requests that opened a chat.
func (a *Account) answerOpeners(id AccountID, conf *roomConf) {
	c := a.contacts[id]
	asked := c.asked
	c.asked = nil
	for _, by := range asked {
		if i := a.hub.dir.get(id); by.hidden && i != nil {
			a.answer(by.call, hiddenConf{conf, a.hub.identityWire(i)}, "")
		} else {
			a.answer(by.call, conf, "")
		}
	}
}

// enterChat joins the room behind a contact and hands it what waited, in order;
// false if it has closed meanwhile.
func (a *Account) enterChat(e enteredEvent) bool {
	c := a.contacts[e.contact]
	if c == nil || c.relating {
		if c == nil {
			c = &contact{}
			a.contacts[e.contact] = c
		}
		if e.relation != nil {
			a.send("relation-add", *e.relation)
			c.told = c.relating
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !e.silent {
		a.send("join", joinData{e.marked(), list(a.joined)})
	}
	if !a.hub.toRoomIfThere(e.room, attachEvent{a.id, a.visible.Load()}) {
		return false
	}
	a.chats[e.contact] = e.room
	for _, w := range c.waiting {
		if !a.hub.toRoomIfThere(e.room, clientCallRoom{w}) {
			a.hub.undelivered(string(e.contact), w, errTryLater)
		}
	}
	c.opening, c.waiting = false, nil
	return true
}

// leaveChat forgets the room behind a chat; the next event opens it again.
func (a *Account) leaveChat(room RoomID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for contact, behind := range a.chats {
		if behind == room {
			delete(a.chats, contact)
		}
	}
}
