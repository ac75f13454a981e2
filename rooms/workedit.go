package rooms

import (
	"context"
	"errors"
)

// workGet answers with one message of a work room, if the asker sees it; else null
// (docs/protocol.md 15.6).
func (r *Room) workGet(c call, id string) {
	if !c.isRequest() {
		return // nobody would hear the answer
	}
	w := r.readerOf(r.members[c.from.Account])
	answer := func(msg *Message) {
		if own, ok := w.seen(msg); ok {
			r.answer(c, "chat", own.blanked().event(), "")
			return
		}
		r.answer(c, "chat", nil, "")
	}
	if msg := r.chat.find(id); msg != nil {
		answer(msg)
		return
	}
	started := r.hub.background(func(ctx context.Context) {
		msg, err := r.hub.store.WorkMessage(ctx, id)
		switch {
		case err == nil:
			answer(&msg)
		case errors.Is(err, ErrNotFound):
			r.answer(c, "chat", nil, "")
		default:
			r.log.Error("message not read", "err", err)
			r.answer(c, "chat", nil, "ERR_LOG_FAILED")
		}
	})
	if !started {
		r.answer(c, "chat", nil, "ERR_LOG_FAILED")
	}
}

// workEdit changes a message that the asker sees in this room. The room in which it was
// written does it, because it owns the message.
func (r *Room) workEdit(c call) {
	var in struct {
		MsgID string `json:"msgId"`
	}
	c.into(&in)
	m := r.members[c.from.Account]
	msg, code := r.messageToChange(in.MsgID, "ERR_EVENT_NOT_FOUND", "ERR_UPDATE_FAILED")
	if code == "" && !r.sees(m, &msg) {
		code = "ERR_EVENT_NOT_FOUND"
	}
	e := workEditEvent{call: c, others: r.mayEditOthers(m.id) && m.role != workViewer, asked: r.id}
	switch {
	case code != "":
		r.answer(c, "chat", event{"error", code}, "")
	case msg.Room == r.id:
		e.apply(r)
	case !r.hub.toRoomIfThere(msg.Room, e):
		r.answer(c, "chat", event{"error", "ERR_UPDATE_FAILED"}, "") // that room has closed
	}
}

// workEditEvent asks the room in which a message was written to change it.
type workEditEvent struct {
	call   call
	others bool   // who asks may edit what others wrote
	asked  RoomID // where it was asked for
}

func (e workEditEvent) apply(r *Room) {
	if !r.isPlaced() {
		e.answer(r, event{"error", "ERR_UPDATE_FAILED"})
		return
	}
	msg, done, code := r.edit(e.call, e.others)
	if code != "" {
		e.answer(r, event{"error", code})
		return
	}
	r.workChangedHere(done.Type, msg)
	r.toTargets(&msg, workEdited{done.Type, msg})
	e.answer(r, done)
}

func (e workEditEvent) answer(r *Room, response event) {
	if e.call.isRequest() {
		answer := event{"chat", reply{e.call.RequestID, response, nil}}
		r.hub.post.Reply(e.call.from, encode(event{string(e.asked), answer}))
	}
}

// workChangedHere tells a change wherever in this room the message was shown.
func (r *Room) workChangedHere(typ string, msg Message) {
	if msg.Type != workMsg {
		r.toAll("chat", typ, msg.blanked().event())
		return
	}
	r.tellCopies(typ, &msg, func(m *Message) any { return m.blanked().event() })
}

// workEdited tells a room that a message which it shows was changed.
type workEdited struct {
	typ string // update or edit
	msg Message
}

func (e workEdited) apply(r *Room) {
	if r.isPlaced() {
		r.chat.replace(e.msg)
		r.workChangedHere(e.typ, e.msg)
	}
}

// workDeleted tells that a message which was written here is deleted, wherever it was
// shown, and what is the newest one now for each who saw it.
func (r *Room) workDeleted(msg Message) {
	r.removeWork(msg)
	if msg.Type == workMsg {
		r.toTargets(&msg, workRemoved{msg})
	}
}

// workRemoved tells a room that a message which it shows was deleted.
type workRemoved struct{ msg Message }

func (e workRemoved) apply(r *Room) {
	if r.isPlaced() {
		r.removeWork(e.msg)
	}
}

func (r *Room) removeWork(msg Message) {
	r.forgetMessage(msg)
	r.workChangedHere("remove", msg)
	for _, id := range append(append([]AccountID{}, r.attached...), r.work.viewers...) {
		m := r.members[id]
		if !r.sees(m, &msg) {
			continue
		}
		if last := r.lastSeen(m); last != nil && last.Time < msg.Time {
			r.toOne(id, "chat", "last-message", last.event())
		}
	}
}
