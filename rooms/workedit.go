package rooms

// workEdit changes a message that the asker sees in this room. The room in which it was
// written does it, because it owns the message.
func (r *Room) workEdit(c call) {
	var in struct {
		MsgID string `json:"msgId"`
	}
	c.into(&in)
	m := r.members[c.from.Account]
	msg, code := r.messageToChange(in.MsgID, "ERR_EVENT_NOT_FOUND", "ERR_UPDATE_FAILED")
	own, sees := r.readerOf(m).seen(&msg)
	if code == "" && !sees {
		code = "ERR_EVENT_NOT_FOUND"
	}
	e := workEditEvent{call: c, others: r.mayEditOthers(m.id) && m.role != workViewer, asked: r.id, targets: own.Targets}
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
	call    call
	others  bool        // who asks may edit what others wrote
	asked   RoomID      // where it was asked for
	targets workTargets // as who asks sees them there
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
	own := msg
	own.Targets = e.targets
	e.answer(r, event{done.Type, own.event()})
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
