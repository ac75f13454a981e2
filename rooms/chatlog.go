package rooms

import (
	"context"
	"slices"
	"sort"
)

// Sizes of the part of the log that is kept in memory.
const (
	tailMax  = 100
	tailKept = 50
)

// chatLog is the newest part of a room's log: always contiguous, without deleted
// messages, oldest first.
type chatLog struct {
	tail     []Message
	complete bool // nothing older exists
	lastTime int64
}

func (l *chatLog) load(tail []Message, complete bool) {
	l.tail, l.complete = tail, complete
	if last := l.last(); last != nil {
		l.lastTime = last.Time
	}
}

// nextTime is the time of a new message: the clock's, but later than that of every
// message before (docs/protocol.md 8.1).
func (l *chatLog) nextTime() int64 {
	l.lastTime = max(nowMillis(), l.lastTime+1)
	return l.lastTime
}

// add enters a message. In work rooms it may be older than the newest, because it
// comes from another room.
func (l *chatLog) add(m Message) {
	l.lastTime = max(l.lastTime, m.Time)
	at := l.from(m.Time + 1)
	if at == 0 && len(l.tail) > 0 && !l.complete {
		return // older than what is in memory
	}
	l.tail = slices.Insert(l.tail, at, m)
	if len(l.tail) > tailMax {
		first := l.from(l.tail[len(l.tail)-tailKept].Time) // messages of the same time stay together
		l.tail = slices.Clone(l.tail[first:])
		l.complete = false
	}
}

// last is the newest message, nil if there is none.
func (l *chatLog) last() *Message {
	if len(l.tail) == 0 {
		return nil
	}
	return &l.tail[len(l.tail)-1]
}

// from is the index of the first message that is not older than the given time.
func (l *chatLog) from(time int64) int {
	return sort.Search(len(l.tail), func(n int) bool { return l.tail[n].Time >= time })
}

// covers says whether every message from the given time on is in memory.
func (l *chatLog) covers(time int64) bool {
	return l.complete || len(l.tail) > 0 && l.tail[0].Time <= time
}

// page answers a query from memory; false if it needs the database.
func (l *chatLog) page(q PageQuery) ([]Message, bool) {
	if q.After > 0 {
		found := l.tail[l.from(q.After):]
		return found[:min(len(found), q.Limit)], l.covers(q.After)
	}
	older := l.tail[:l.from(q.Before)]
	if len(older) >= q.Limit {
		return older[len(older)-q.Limit:], true
	}
	return older, l.complete
}

// find returns the message with this id, newest first, nil if it is not in memory.
func (l *chatLog) find(id string) *Message {
	for n := len(l.tail) - 1; n >= 0; n-- {
		if l.tail[n].ID == id {
			return &l.tail[n]
		}
	}
	return nil
}

// replace puts a changed message in the place of the former one.
func (l *chatLog) replace(m Message) {
	if old := l.find(m.ID); old != nil {
		*old = m
	}
}

// remove takes a message out; the log stays without gaps.
func (l *chatLog) remove(id string) {
	l.tail = slices.DeleteFunc(l.tail, func(m Message) bool { return m.ID == id })
}

// logPage is the data of a log answer (docs/protocol.md 8.2).
type logPage struct {
	Type string    `json:"type"`
	Data logEvents `json:"data"`
}

type logEvents struct {
	Events    any `json:"events"`              // array of message events; null: nothing there
	Relations any `json:"relations,omitempty"` // contact rooms only
}

func newLogPage(typ string, messages []Message, empty any) logPage {
	page := logPage{Type: typ}
	page.Data.Events = empty
	if len(messages) > 0 {
		events := make([]event, len(messages))
		for n := range messages {
			events[n] = messages[n].blanked().event()
		}
		page.Data.Events = events
	}
	return page
}

// defaultPage and maxPage are the lengths of log pages.
const (
	defaultPage = 30
	maxPage     = 100
)

// chatLogPage answers with a part of the log, to the asking connection only. What
// is not in memory is read in the background: the room goes on meanwhile.
func (r *Room) chatLogPage(c call) {
	if r.isWork() {
		r.workLogPage(c)
		return
	}
	q, typ, paging := logQuery(c)
	q.Deleted = r.isContact()
	var relations any
	if r.isContact() {
		relations = r.logRelations()
	}
	if !paging && len(r.chat.tail) == 0 {
		r.refill() // if that failed before
	}
	if !paging {
		r.answerLog(c, newLogPage("before", r.chat.tail, []event{}), relations)
		return
	}
	messages, ok := r.chat.page(q)
	if ok || !r.persistent {
		r.answerLog(c, newLogPage(typ, messages, nil), relations)
		return
	}
	begun := r.hub.background(func(ctx context.Context) {
		messages, err := r.hub.store.Page(ctx, r.id, q)
		if err != nil {
			r.log.Error("log page not read", "err", err)
			r.refuseLog(c)
			return
		}
		r.answerLog(c, newLogPage(typ, messages, nil), relations)
	})
	if !begun {
		r.log.Warn("log page not read: too many are being read")
		r.refuseLog(c)
	}
}

func (r *Room) refuseLog(c call) {
	r.toAsker(c, "chat", "error", chatError{"ERR_LOG_FAILED", "The log could not be read; please try again.", ""})
	r.answer(c, "chat", nil, "ERR_LOG_FAILED")
}

// answerLog answers with a page; relations is nil but in contact rooms.
func (r *Room) answerLog(c call, page logPage, relations any) {
	page.Data.Relations = relations
	if c.isRequest() {
		r.answer(c, "chat", event{"log", page}, "")
		return
	}
	r.toAsker(c, "chat", "log", page)
}

// logQuery reads the arguments of log. Unusable values count as absent; paging is
// false if the newest messages are asked for.
func logQuery(c call) (q PageQuery, typ string, paging bool) {
	var in struct {
		FirstTime any `json:"firstTime"`
		LastTime  any `json:"lastTime"`
		Length    any `json:"length"`
	}
	c.into(&in)
	q.Limit = defaultPage
	if n, ok := positive(in.Length); ok {
		q.Limit = int(min(n, maxPage))
	}
	if t, ok := positive(in.LastTime); ok {
		q.After = t
		return q, "after", true
	}
	if t, ok := positive(in.FirstTime); ok {
		q.Before = t
		return q, "before", true
	}
	return q, "before", false
}

// positive reads a positive whole number that a double can hold.
func positive(v any) (int64, bool) {
	f, ok := v.(float64)
	if !ok || f < 1 || f > 1<<53 {
		return 0, false
	}
	return int64(f), true
}
