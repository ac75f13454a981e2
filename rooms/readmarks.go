package rooms

import (
	"context"
	"errors"
	"time"
)

// marksDelay collects read marks before they are written together: every member
// confirms every message, and none of that is worth a write of its own.
const marksDelay = time.Second

// chatConfirm moves the account's read mark forward (docs/protocol.md 8.4). It
// never moves back, and only to a message of this room.
func (r *Room) chatConfirm(c call) {
	var in struct {
		Type    string `json:"type"`
		EventID any    `json:"eventId"`
	}
	if !c.into(&in) || in.Type != "message" {
		r.answer(c, "chat", nil, "ERR_INVALID_DATA")
		return
	}
	id, _ := in.EventID.(string)
	if id != "" && len(id) <= maxName && !r.members[c.from.Account].guest {
		r.confirm(c.from.Account, id)
	}
	r.answer(c, "chat", nil, "")
}

func (r *Room) confirm(account AccountID, msgID string) {
	if msg := r.chat.find(msgID); msg != nil {
		if r.sees(r.members[account], msg) {
			r.confirmed(account, *msg)
		}
		return
	}
	if r.chat.complete || r.chat.covers(r.members[account].mark.Time) {
		return // older than what has been read already, or of another room
	}
	r.hub.background(func(ctx context.Context) {
		msg, err := r.readMessage(ctx, msgID)
		if err == nil {
			r.box.force(markEvent{account, msg})
		} else if !errors.Is(err, ErrNotFound) {
			r.log.Warn("read mark not set", "account", account, "err", err)
		}
	})
}

// markEvent brings a read mark whose message had to be looked up.
type markEvent struct {
	account AccountID
	msg     Message
}

func (e markEvent) apply(r *Room) { r.confirmed(e.account, e.msg) }

// confirmed notes that a member has read up to a message.
func (r *Room) confirmed(account AccountID, msg Message) {
	m := r.members[account]
	switch {
	case m == nil || m.guest || !r.sees(m, &msg):
	case r.isContact():
		r.confirmContact(m, msg)
	default:
		r.moveMark(ReadMark{account, msg.ID, msg.Time})
	}
}

func (r *Room) moveMark(mark ReadMark) {
	m := r.members[mark.Account]
	if m == nil || mark.Time <= m.mark.Time {
		return
	}
	m.mark, m.counted = mark, false
	r.recount(m)
	if !r.persistent {
		return
	}
	r.dirtyMarks[m.id] = struct{}{}
	if r.timers.marks == nil {
		r.timers.marks = r.hub.later(marksDelay, r.post(saveMarksEvent{}))
	}
}

type saveMarksEvent struct{}

func (saveMarksEvent) apply(r *Room) {
	r.timers.marks = nil
	if r.saveMarks(); len(r.dirtyMarks) > 0 {
		r.timers.marks = r.hub.later(10*marksDelay, r.post(saveMarksEvent{}))
	}
}

// saveMarks writes the read marks that moved; what fails is tried again later.
func (r *Room) saveMarks() {
	if len(r.dirtyMarks) == 0 {
		return
	}
	marks := make([]ReadMark, 0, len(r.dirtyMarks))
	for id := range r.dirtyMarks {
		marks = append(marks, r.members[id].mark)
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	if err := r.hub.store.SaveReadMarks(ctx, r.id, marks); err != nil {
		r.log.Error("read marks not stored", "count", len(marks), "err", err)
		return
	}
	clear(r.dirtyMarks)
}

// unread counts the messages that are newer than the member's read mark and not
// its own (docs/protocol.md 8.4). It is kept for each member, so that the database
// is asked once at most. null: it did not answer.
func (r *Room) unread(m *member) any {
	if m.guest {
		return 0
	}
	if r.recount(m); m.counted {
		return m.unread
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	count, err := r.countStored(ctx, m)
	if err != nil {
		r.log.Error("unread messages not counted", "account", m.id, "err", err)
		return nil
	}
	m.unread, m.counted = count, true
	return count
}

// takeUnread takes over what was counted for a member from the stored read mark on.
// What came meanwhile is in memory.
func (r *Room) takeUnread(m *member, u Unread) {
	if m == nil || m.counted || u.Count == 0 || u.After != m.mark.Time || !r.chat.covers(u.Newest+1) {
		return
	}
	m.unread, m.counted = u.Count+r.unreadFrom(m, u.Newest+1), true
}

// recount counts from memory, if the log in memory reaches back to the mark.
func (r *Room) recount(m *member) {
	if !r.chat.covers(m.mark.Time+1) && r.persistent {
		return
	}
	m.unread, m.counted = r.unreadFrom(m, m.mark.Time+1), true
}

// unreadFrom counts messages of others in memory, from a time on.
func (r *Room) unreadFrom(m *member, time int64) (n int) {
	for _, msg := range r.chat.tail[r.chat.from(time):] {
		if msg.From != m.id && msg.Status == "" && r.sees(m, &msg) {
			n++
		}
	}
	return n
}
