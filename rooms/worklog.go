package rooms

import (
	"context"
	"math"
	"slices"
)

// reader says what an account sees of the room's log (docs/protocol.md 15.6). What it
// says is said again by seen, for messages in memory. above is that of the place.
func (p *workPlace) reader(id AccountID, role workRole, rules WorkRules, above []WorkgroupID) WorkReader {
	w := WorkReader{
		Room: p.room, Group: p.group, Children: p.childIDs, Up: above, AllUp: !p.super,
		Account: id, View: role == workViewer,
	}
	switch {
	case role == workMember:
		w.Whole = true
		if !rules.SubsHaveSuperView {
			w.Private = SeesOwn
		}
	case role == workSuper:
		w.Whole = true
		if !rules.SupersSubHideSuper {
			w.Private = SeesAll
		}
	}
	return w
}

// goesUp says whether a message of this room is for a room above it. A workgroup that
// is no super group has none below it.
func (p *workPlace) goesUp(msg *Message) bool {
	return msg.Type == workMsg && goesUp(msg, p.above(), !p.super)
}

func goesUp(msg *Message, above []WorkgroupID, all bool) bool {
	return slices.ContainsFunc(msg.Targets, func(t WorkTarget) bool {
		return t.Standing == Above || t.Standing == UnknownStanding && (all || slices.Contains(above, t.Group))
	})
}

// seen returns the message as the reader sees it: with its own part of the targets.
func (w *WorkReader) seen(msg *Message) (own Message, ok bool) {
	own = *msg
	here := msg.Room == w.Room
	switch {
	case msg.Type != workMsg:
		return own, here && !w.View
	case len(msg.Targets) == 0:
		return own, here && !w.View && msg.From == w.Account // whom it was for is not known any more
	case w.View:
		own.Targets = w.viewed(msg, here)
		return own, len(own.Targets) > 0
	case here:
		return own, !goesUp(msg, w.Up, w.AllUp) ||
			w.Private == SeesAll || w.Private == SeesOwn && msg.From == w.Account
	}
	t, aimed := msg.target(w.Group)
	own.Targets = []WorkTarget{t}
	switch {
	case !aimed:
		return own, false
	case slices.Contains(w.Children, msg.Source), w.Private == SeesAll:
		return own, true
	case len(t.Members) == 0:
		return own, w.Whole
	case w.Private == SeesOwn && slices.Contains(t.Members, w.Account):
		own.Targets = []WorkTarget{{t.Group, []AccountID{w.Account}, t.Standing}}
		return own, true
	}
	return own, false
}

// viewed are the targets that somebody sees who looks into the room.
func (w *WorkReader) viewed(msg *Message, here bool) (own []WorkTarget) {
	if !here {
		if t, aimed := msg.target(w.Group); aimed && msg.From == w.Account {
			own = []WorkTarget{t}
		}
		return own
	}
	for _, t := range msg.Targets {
		if slices.Contains(t.Members, w.Account) {
			own = append(own, WorkTarget{t.Group, []AccountID{w.Account}, t.Standing})
		}
	}
	return own
}

// allSeen keeps what the reader sees.
func (w *WorkReader) allSeen(messages []Message) []Message {
	kept := make([]Message, 0, len(messages))
	for n := range messages {
		if own, ok := w.seen(&messages[n]); ok {
			kept = append(kept, own)
		}
	}
	return kept
}

// readerOf says what somebody in this work room sees of its log.
func (r *Room) readerOf(m *member) *WorkReader {
	w := r.work.place.reader(m.id, m.role, r.hub.opt.Work, r.work.above)
	return &w
}

// sees says whether somebody in the room sees a message in its log: in other rooms than
// work rooms everybody sees everything.
func (r *Room) sees(m *member, msg *Message) bool {
	switch {
	case !r.isWork():
		return true
	case msg.Type != workMsg: // it may be of another room: ids are looked up in all of them
		return msg.Room == r.id && m.role != workViewer
	}
	_, ok := r.readerOf(m).seen(msg)
	return ok
}

// lastSeen is the newest message in memory that somebody sees, nil if there is none.
func (r *Room) lastSeen(m *member) *Message {
	w := r.readerOf(m)
	for n := len(r.chat.tail) - 1; n >= 0; n-- {
		if own, ok := w.seen(&r.chat.tail[n]); ok {
			return own.blanked()
		}
	}
	return nil
}

// newestSeen is the same, with the database if what is in memory does not go back far
// enough.
func (r *Room) newestSeen(m *member) *Message {
	last := r.lastSeen(m)
	if last != nil || r.chat.complete {
		return last
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	w := r.readerOf(m)
	page, err := r.hub.store.WorkPage(ctx, *w, PageQuery{Before: math.MaxInt64, Limit: 1})
	if err != nil {
		r.log.Error("newest message not read", "account", m.id, "err", err)
	}
	if page = w.allSeen(page); len(page) == 0 {
		return nil
	}
	return page[len(page)-1].blanked()
}

// wholePage is page for a log that may have messages of the same time: it does not part
// them (docs/protocol.md 15.6).
func (l *chatLog) wholePage(q PageQuery) ([]Message, bool) {
	page, ok := l.page(q)
	if !ok || len(page) == 0 {
		return page, ok
	}
	if q.After > 0 {
		first := l.from(q.After)
		return l.tail[first:max(first+len(page), l.from(page[len(page)-1].Time+1))], true
	}
	return l.tail[l.from(page[0].Time):l.from(q.Before)], true
}

// workLogPage answers with a part of the log as the asking account sees it.
func (r *Room) workLogPage(c call) {
	m := r.members[c.from.Account]
	q, typ, paging := logQuery(c)
	if m.role == workViewer {
		q, typ = viewerQuery(c, q, typ)
	}
	var empty any
	if !paging {
		q.Before, empty = math.MaxInt64, []event{}
	}
	w := r.readerOf(m)
	seen := chatLog{tail: w.allSeen(r.chat.tail), complete: r.chat.complete}
	messages, ok := seen.wholePage(q)
	if q.After > 0 {
		ok = r.chat.covers(q.After)
	}
	if ok {
		r.answerLog(c, newLogPage(typ, messages, empty), nil)
		return
	}
	begun := r.hub.background(func(ctx context.Context) {
		messages, err := r.hub.store.WorkPage(ctx, *w, q)
		if err != nil {
			r.log.Error("log page not read", "err", err)
			r.refuseLog(c)
			return
		}
		r.answerLog(c, newLogPage(typ, w.allSeen(messages), empty), nil)
	})
	if !begun {
		r.log.Warn("log page not read: too many are being read")
		r.refuseLog(c)
	}
}

// viewerQuery reads the arguments as somebody means them who looks into a room:
// firstTime comes first, and lastTime is not asked for itself (docs/protocol.md 15.6).
func viewerQuery(c call, q PageQuery, typ string) (PageQuery, string) {
	var in struct {
		FirstTime any `json:"firstTime"`
	}
	c.into(&in)
	if t, ok := positive(in.FirstTime); ok {
		return PageQuery{Before: t, Limit: q.Limit}, "before"
	}
	if q.After > 0 {
		q.After++
	}
	return q, typ
}

// readMessage reads a message of the room's log from the database.
func (r *Room) readMessage(ctx context.Context, id string) (Message, error) {
	if r.isWork() {
		return r.hub.store.WorkMessage(ctx, id)
	}
	return r.hub.store.Message(ctx, r.id, id)
}

// countStored counts in the database what somebody has not read.
func (r *Room) countStored(ctx context.Context, m *member) (int, error) {
	if r.isWork() {
		return r.hub.store.WorkUnread(ctx, *r.readerOf(m), m.mark.Time)
	}
	return r.hub.store.CountUnread(ctx, r.id, m.id, m.mark.Time)
}

// refillWork reads the newest part of the log when everything in memory was deleted.
func (r *Room) refillWork() {
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	all, err := r.hub.store.LoadWorkRooms(ctx, []RoomRecord{r.record}, tailLoaded)
	if err != nil || len(all) != 1 {
		r.log.Error("log not read", "err", err)
		return
	}
	r.chat.tail, r.chat.complete = all[0].Tail, !all[0].Older
}

// maxSearches bounds the reads of one search whose hits the asker does not see.
const maxSearches = 10

// workSearch finds messages that were written in this room and are seen by the asker.
func (r *Room) workSearch(m *member, q SearchQuery) func(context.Context) ([]Message, error) {
	w := r.readerOf(m)
	return func(ctx context.Context) (found []Message, err error) {
		limit := q.Limit
		for range maxSearches {
			page, err := r.hub.store.Search(ctx, r.id, q)
			if err != nil {
				return nil, err
			}
			found = append(w.allSeen(page), found...)
			if len(page) < q.Limit || len(found) >= limit {
				break
			}
			q.Before = page[0].Time
		}
		return found[max(0, len(found)-limit):], nil
	}
}
