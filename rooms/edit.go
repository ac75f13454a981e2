package rooms

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// maxReason bounds the reason of an edit, in characters.
const maxReason = 1000

// chatGet answers msg-get and edit-get: one message, or null (docs/protocol.md 8.6).
func (r *Room) chatGet(c call) {
	var in struct {
		MsgID string `json:"msgId"`
	}
	if !c.into(&in) || in.MsgID == "" || len(in.MsgID) > maxName {
		r.answer(c, "chat", nil, "ERR_INVALID_DATA")
		return
	}
	if !c.isRequest() {
		return // nobody would hear the answer
	}
	answer := r.answerWith(c, r.members[c.from.Account])
	if msg := r.chat.find(in.MsgID); msg != nil {
		answer(msg)
		return
	}
	if !r.persistent {
		answer(nil)
		return
	}
	started := r.hub.background(func(ctx context.Context) {
		msg, err := r.readMessage(ctx, in.MsgID)
		switch {
		case err == nil:
			answer(&msg)
		case errors.Is(err, ErrNotFound):
			answer(nil)
		default:
			r.log.Error("message not read", "err", err)
			r.answer(c, "chat", nil, "ERR_LOG_FAILED")
		}
	})
	if !started {
		r.answer(c, "chat", nil, "ERR_LOG_FAILED")
	}
}

// answerWith returns a function that answers with a message as the member sees it: null
// if there is none, or none for him.
func (r *Room) answerWith(c call, m *member) func(*Message) {
	see := func(msg *Message) (Message, bool) { return *msg, true }
	if r.isWork() {
		see = r.readerOf(m).seen
	}
	return func(msg *Message) {
		if msg != nil {
			if own, ok := see(msg); ok {
				r.answer(c, "chat", own.blanked().event(), "")
				return
			}
		}
		r.answer(c, "chat", nil, "")
	}
}

// chatEditRefused is the answer to those who may not edit anything.
func (r *Room) chatEditRefused(c call) {
	r.answer(c, "chat", event{"error", "ERR_EDIT_NOT_ALLOWED"}, "")
}

// chatEdit changes the text of a message (docs/protocol.md 8.6). Its refusals are
// responses, as clients expect.
func (r *Room) chatEdit(c call) {
	if r.isWork() {
		r.workEdit(c)
		return
	}
	_, done, code := r.edit(c, r.mayEditOthers(c.from.Account))
	if code != "" {
		r.answer(c, "chat", event{"error", code}, "")
		return
	}
	r.toAll("chat", done.Type, done.Data)
	r.answer(c, "chat", done, "")
}

// edit does the change and returns the message and the event that tells it. others says
// whether who asks may edit what others wrote.
func (r *Room) edit(c call, others bool) (msg Message, done event, code string) {
	var in struct {
		MsgID   string `json:"msgId"`
		Message any    `json:"message"`
		Reason  any    `json:"reason"`
	}
	c.into(&in)
	text, _ := in.Message.(string)
	msg, code = r.messageToChange(in.MsgID, "ERR_EVENT_NOT_FOUND", "ERR_UPDATE_FAILED")
	switch {
	case code != "":
		return msg, done, code
	case text == "":
		return msg, done, "ERR_INVALID_MESSAGE"
	case len(text) > r.hub.opt.MaxText:
		return msg, done, "ERR_MESSAGE_TOO_LONG"
	}
	mine := msg.From != "" && msg.From == c.from.Account
	switch {
	case msg.Status != "" || !mine && !others:
		return msg, done, "ERR_EDIT_NOT_ALLOWED"
	case mine && msg.EditID == "" && nowMillis()-msg.Time < r.hub.opt.EditGrace.Milliseconds():
		return r.setText(msg, text)
	}
	reason, code := readReason(in.Reason)
	if code != "" {
		return msg, done, code
	}
	return r.addEdit(msg, c.from.Account, text, reason)
}

// mayEditOthers says whether the account may edit what others wrote: admins may, in
// contact rooms too.
func (r *Room) mayEditOthers(id AccountID) bool { return r.isAdmin(id) }

func readReason(v any) (reason, code string) {
	if v == nil {
		return "", "ERR_EDIT_NO_REASON"
	}
	reason, ok := v.(string)
	switch reason = strings.TrimSpace(reason); {
	case !ok || utf8.RuneCountInString(reason) > maxReason:
		return "", "ERR_EDIT_INVALID_REASON"
	case reason == "":
		return "", "ERR_EDIT_NO_REASON"
	}
	return reason, ""
}

// messageToChange finds a message of this room; the code says that there is none,
// or that the database did not answer.
func (r *Room) messageToChange(id, notFound, failed string) (Message, string) {
	if msg := r.chat.find(id); msg != nil {
		return *msg, ""
	}
	if !r.persistent || id == "" || len(id) > maxName {
		return Message{}, notFound
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	msg, err := r.readMessage(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return Message{}, notFound
	case err != nil:
		r.log.Error("message not read", "err", err)
		return Message{}, failed
	}
	return msg, ""
}

// setText replaces the text without a trace, within the time of grace.
func (r *Room) setText(msg Message, text string) (Message, event, string) {
	if code := r.storeChange("ERR_UPDATE_FAILED", func(ctx context.Context) error {
		return r.hub.store.SetText(ctx, r.id, msg.ID, text)
	}); code != "" {
		return msg, event{}, code
	}
	msg.Text = text
	r.chat.replace(msg)
	return msg, event{"update", msg.event()}, ""
}

// addEdit writes an edit with its reason.
func (r *Room) addEdit(msg Message, by AccountID, text, reason string) (Message, event, string) {
	e := Edit{ID: newID("edit"), MsgID: msg.ID, By: by, Time: nowMillis(), Reason: reason, Text: text}
	if code := r.storeChange("ERR_EDIT_FAILED", func(ctx context.Context) error {
		return r.hub.store.AddEdit(ctx, r.id, e)
	}); code != "" {
		return msg, event{}, code
	}
	msg.Text, msg.EditID, msg.EditBy, msg.EditTime, msg.EditReason = text, e.ID, e.By, e.Time, e.Reason
	r.chat.replace(msg)
	return msg, event{"edit", msg.event()}, ""
}

// storeChange stores a change of a saved room's log; the code is for a failure.
func (r *Room) storeChange(failed string, change func(context.Context) error) (code string) {
	if !r.persistent {
		return ""
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	if err := change(ctx); err != nil {
		r.log.Error("message not changed", "err", err)
		return failed
	}
	return ""
}

// deleteError is how a refused deletion is told (docs/protocol.md 8.7).
func deleteError(code string) event {
	return event{"error", map[string]string{"error": code}}
}

func (r *Room) chatDeleteRefused(c call) { r.answer(c, "chat", deleteError("ERR_NOT_ADMIN"), "") }

// chatDelete deletes a message: an admin's right in rooms, the author's in contact
// rooms. Its text is not told again (docs/protocol.md 8.7).
func (r *Room) chatDelete(c call) {
	var in struct {
		MsgID string `json:"msgId"`
	}
	c.into(&in)
	msg, code := r.messageToChange(in.MsgID, "ERR_NO_MESSAGE", "ERR_DELETE_FAIL")
	switch {
	case code != "":
	case msg.Status != "" || r.isWork() && !r.sees(r.members[c.from.Account], &msg):
		code = "ERR_NO_MESSAGE"
	case msg.Room != r.id:
		code = "ERR_DELETE_NOT_ALLOWED" // it is the other room's
	case r.isContact() && msg.From != c.from.Account:
		code = "ERR_DELETE_NOT_ALLOWED"
	default:
		code = r.deleteMessage(&msg, c.from.Account)
	}
	if code != "" {
		r.answer(c, "chat", deleteError(code), "")
		return
	}
	if r.isWork() {
		r.workDeleted(msg)
		r.answer(c, "chat", event{"delete", map[string]string{"msgId": msg.ID}}, "")
		return
	}
	r.forgetMessage(msg)
	said := "remove"
	if r.isContact() {
		said = "delete"
	}
	r.toAll("chat", said, msg.blanked().event())
	if last := r.newestShown(); last != nil && last.Time < msg.Time {
		r.toAll("chat", "last-message", last.event())
	}
	r.answer(c, "chat", event{"delete", map[string]string{"msgId": msg.ID}}, "")
}

func (r *Room) deleteMessage(msg *Message, by AccountID) (code string) {
	d := Deletion{ID: newID("delete"), MsgID: msg.ID, By: by, Time: nowMillis()}
	code = r.storeChange("ERR_DELETE_FAIL", func(ctx context.Context) error {
		return r.hub.store.DeleteMessage(ctx, r.id, d)
	})
	msg.Status, msg.StatusID = "delete", d.ID
	return code
}

// forgetMessage takes a deleted message out of the log in memory; contact rooms keep
// it, without its text.
func (r *Room) forgetMessage(msg Message) {
	if r.isContact() {
		r.chat.replace(msg)
	} else {
		r.chat.remove(msg.ID)
		r.refill()
	}
	for _, m := range r.members {
		if m.counted && msg.From != m.id && msg.Time > m.mark.Time && m.unread > 0 && r.sees(m, &msg) {
			m.unread--
		}
	}
}

// newestShown is the newest message that is not deleted; nil if there is none.
func (r *Room) newestShown() *Message {
	for n := len(r.chat.tail) - 1; n >= 0; n-- {
		if r.chat.tail[n].Status == "" {
			return &r.chat.tail[n]
		}
	}
	if r.chat.complete || !r.persistent {
		return nil
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	page, err := r.hub.store.Page(ctx, r.id, PageQuery{Before: math.MaxInt64, Limit: 1})
	if err != nil || len(page) == 0 {
		return nil // the client finds out when it asks for the log
	}
	return &page[0]
}

// refill reads the newest part of the log when everything in memory was deleted.
func (r *Room) refill() {
	if len(r.chat.tail) > 0 || r.chat.complete || !r.persistent {
		return
	}
	if r.isWork() {
		r.refillWork()
		return
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	page, err := r.hub.store.Page(ctx, r.id, PageQuery{Before: math.MaxInt64, Limit: tailLoaded})
	if err != nil {
		r.log.Error("log not read", "err", err)
		return
	}
	r.chat.tail, r.chat.complete = page, len(page) < tailLoaded
}

// blanked is the message as it may be told: a deleted one without its text.
func (m Message) blanked() *Message {
	if m.Status != "" {
		m.Text = ""
		m.EditReason = ""
	}
	return &m
}

// String keeps texts out of logs.
func (m Message) String() string { return fmt.Sprintf("message %s of room %s", m.ID, m.Room) }
