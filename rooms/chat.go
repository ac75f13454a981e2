package rooms

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// newMessage is a message as sent when it is written (docs/protocol.md 8.1).
type newMessage struct {
	Type    string `json:"type"`
	MsgID   string `json:"msgId"`
	RoomID  RoomID `json:"roomId"`
	FromID  any    `json:"fromId"`
	Name    string `json:"name"`
	Time    int64  `json:"time"`
	Message string `json:"message"`
	*workPart
}

func (m *Message) short() newMessage {
	return newMessage{m.Type, m.ID, m.Room, nullable(m.From), m.Name, m.Time, m.Text, m.workPart()}
}

// messageWire is the long form, as in logs.
type messageWire struct {
	MsgID      string `json:"msgId"`
	RoomID     RoomID `json:"roomId"`
	FromID     any    `json:"fromId"`
	Time       int64  `json:"time"`
	Type       string `json:"type"`
	Name       string `json:"name"`
	Message    string `json:"message"`
	StatusID   any    `json:"statusId"`
	Status     string `json:"status"`
	EditID     any    `json:"editId"`
	EditBy     any    `json:"editBy"`
	EditTime   any    `json:"editTime"`
	EditReason any    `json:"editReason"`
	*workPart
}

// event renders the message event that logs are made of.
func (m *Message) event() event {
	w := messageWire{
		MsgID: m.ID, RoomID: m.Room, FromID: nullable(m.From), Time: m.Time, Type: m.Type,
		Name: m.Name, Message: m.Text, StatusID: nullable(m.StatusID), Status: m.Status,
		workPart: m.workPart(),
	}
	if m.EditID != "" {
		w.EditID, w.EditBy, w.EditTime, w.EditReason = m.EditID, nullable(m.EditBy), m.EditTime, m.EditReason
	}
	return event{m.Type, w}
}

// unsentMessage is a message that was accepted and is shown once it is stored.
type unsentMessage struct {
	call   call
	author AccountID // also that of a guest, whom the message does not name
	msg    Message
	asked  RoomID // the room in which it was written by somebody who looks into it; else empty
}

// chatMessage takes a new message (docs/protocol.md 8.1). It is stored and shown
// at the end of the batch, together with those that came with it.
func (r *Room) chatMessage(c call) {
	text := c.messageText()
	if text == "" {
		r.answer(c, "chat", nil, "ERR_INVALID_MESSAGE")
		return
	}
	m := r.members[c.from.Account]
	if m.role == workViewer {
		r.viewerMessage(c, text)
		return
	}
	u := unsentMessage{call: c, author: m.id, msg: Message{
		ID: newID("msg"), Room: r.id, From: m.id, Type: "msg", Name: m.name, Text: text,
	}}
	if m.guest {
		u.msg.From = "" // guests have no row (docs/protocol.md 8.1)
	}
	r.accept(u)
}

// accept has a message stored and shown, unless it is too long.
func (r *Room) accept(u unsentMessage) {
	text := u.msg.Text
	if len(text) > r.hub.opt.MaxText {
		r.tellNotStored(u, &Refusal{"ERR_MESSAGE_TOO_LONG",
			fmt.Sprintf("The message has %d bytes; %d are allowed.", len(text), r.hub.opt.MaxText)})
		return
	}
	if r.isContact() {
		r.callOther(u.author)
	}
	u.msg.Time = r.nextTime()
	r.unsent = append(r.unsent, u)
}

// nextTime is the time of a new message.
func (r *Room) nextTime() int64 {
	if !r.isWork() {
		return r.chat.nextTime()
	}
	r.chat.lastTime = r.hub.nextWorkTime()
	return r.chat.lastTime
}

// flush stores the accepted messages in one transaction and then shows them. If
// that fails nobody sees them, and each author is told (docs/protocol.md 8.5).
func (r *Room) flush() {
	if len(r.unsent) == 0 {
		return
	}
	batch := r.unsent
	err := r.storeMessages(batch)
	r.unsent = nil
	if err != nil {
		r.hub.stats.notStored.Add(uint64(len(batch)))
		r.log.Error("messages not stored", "count", len(batch), "err", err)
		for _, u := range batch {
			r.tellNotStored(u, notStored(err))
		}
		return
	}
	for _, u := range batch {
		r.show(u)
	}
	r.hub.stats.messages.Add(uint64(len(batch)))
}

func notStored(err error) *Refusal {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	return &Refusal{"ERR_NOT_STORED", "The message could not be stored; nobody has seen it. Please send it again."}
}

func (r *Room) storeMessages(batch []unsentMessage) error {
	if !r.persistent {
		return nil
	}
	messages := make([]Message, len(batch))
	for n, u := range batch {
		messages[n] = u.msg
	}
	readers := r.readers()
	readBy := make([]AccountID, len(readers))
	for n, m := range readers {
		readBy[n] = m.id
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	return r.hub.store.AddMessages(ctx, r.id, messages, readBy)
}

// readers are those who have read a message as soon as it is there. In contact rooms
// only confirm moves read marks, because the other one is told (docs/protocol.md 8.4); in
// work rooms not everybody sees every message: see readWork.
func (r *Room) readers() []*member {
	if r.isContact() || r.isWork() {
		return nil
	}
	return r.lookingOn
}

// show delivers a stored message to everybody in the room, its author included.
func (r *Room) show(u unsentMessage) {
	msg := u.msg
	r.chat.add(msg)
	for _, m := range r.readers() {
		m.mark = ReadMark{Account: m.id, MsgID: msg.ID, Time: msg.Time}
		delete(r.dirtyMarks, m.id)
	}
	r.countUnread(u.author, &msg)
	r.readWork(&msg)
	if msg.Type == workMsg {
		r.showWork(u)
		return
	}
	r.toAll("chat", "msg", msg.short())
	r.answer(u.call, "chat", msg.event(), "")
	r.noteRecent(u.author, msg.Time)
	r.notify(u.author, &msg)
}

// countUnread counts a new message for those who do not look at the room.
func (r *Room) countUnread(author AccountID, msg *Message) {
	for _, m := range r.members {
		switch {
		case !r.sees(m, msg):
		case m.active && !r.isContact():
			m.unread, m.counted = 0, true
		case m.id != author:
			m.unread++
		}
	}
}

// chatError tells the author that a message was not stored (docs/protocol.md 8.5).
type chatError struct {
	Error   string `json:"error"`
	Text    string `json:"text"`
	Message string `json:"message"`
}

func (r *Room) tellNotStored(u unsentMessage, why *Refusal) {
	address := r.address(u.author)
	if u.asked != "" {
		address = string(u.asked)
	}
	r.hub.tellNotStored(address, u.call, u.msg.Text, why)
}

// noticeName signs the server's own notices.
const noticeName = "Presence"

// tellNotStored tells the writing connection that nobody will see its message. A
// client that asked for a reply gets one; another would not understand the event,
// so that its user gets a notice in place of the message.
func (h *Hub) tellNotStored(address string, c call, text string, why *Refusal) {
	said := func(e any) {
		h.post.Reply(c.from, encode(event{address, event{"chat", e}}))
	}
	said(event{"error", chatError{why.Code, why.Text, clip(text, h.opt.MaxText)}})
	if c.isRequest() {
		said(reply{c.RequestID, nil, why.Code})
		return
	}
	notice := Message{
		ID: newID("msg"), Room: RoomID(address), Type: "msg", Name: noticeName, Time: nowMillis(),
		Text: why.Text + "\n\n" + clip(text, maxNotice),
	}
	said(event{"msg", notice.short()})
}

// maxNotice bounds how much of a refused text is repeated, in characters.
const maxNotice = 4096

// maxTyping bounds the typing state that is passed on unread, bytes (8.3).
const maxTyping = 256

func (r *Room) chatState(c call) {
	if len(c.Data) == 0 || len(c.Data) > maxTyping {
		r.answer(c, "chat", nil, "ERR_INVALID_DATA")
		return
	}
	r.toOthers(c.from.Account, "chat", "state", struct {
		State  json.RawMessage `json:"state"`
		FromID AccountID       `json:"fromId"`
	}{c.Data, c.from.Account})
	r.answer(c, "chat", nil, "")
}

// noteRecent counts the author among those who wrote lately (docs/protocol.md 7.4).
func (r *Room) noteRecent(id AccountID, at int64) {
	m := r.members[id]
	if m == nil || m.role != workMember {
		return
	}
	if m.recent == 0 {
		r.toAll("", "recent-add", id)
	}
	m.recent = at
	r.watchRecent()
}

// loadRecent derives from the loaded log who wrote lately.
func (r *Room) loadRecent() {
	since := nowMillis() - r.hub.opt.RecentFor.Milliseconds()
	for _, msg := range r.chat.tail {
		if m := r.members[msg.From]; m != nil && m.role == workMember && msg.Type != workMsg && msg.Time > since {
			m.recent = msg.Time
		}
	}
	r.watchRecent()
}

// watchRecent sets the timer for the next one who wrote long ago.
func (r *Room) watchRecent() {
	if r.timers.recent != nil {
		return
	}
	var oldest int64
	for _, m := range r.members {
		if m.recent > 0 && (oldest == 0 || m.recent < oldest) {
			oldest = m.recent
		}
	}
	if oldest > 0 {
		wait := time.Duration(oldest-nowMillis())*time.Millisecond + r.hub.opt.RecentFor
		r.timers.recent = r.hub.later(max(wait, time.Second), r.post(recentEvent{}))
	}
}

type recentEvent struct{}

func (recentEvent) apply(r *Room) {
	r.timers.recent = nil
	since := nowMillis() - r.hub.opt.RecentFor.Milliseconds()
	for _, id := range slices.Clone(r.order) {
		if m := r.members[id]; m.recent > 0 && m.recent <= since {
			m.recent = 0
			r.toAll("", "recent-remove", id)
		}
	}
	r.watchRecent()
}
