package sql_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

// The files workrooms_test.go and worklog_test.go share one world.

// workWorld is a parent group 1 with the children 2, 3 and 4, of which 3 has a child 5;
// group 9 is not linked any more. acc-0 and acc-1 are in 1, acc-2 and acc-3 in 2, acc-4
// in 3 and 2, acc-5 in 4, acc-6 in 5, acc-7 in 9.
type workWorld struct {
	db       *sql.DB
	acc      []rooms.AccountID
	room     map[rooms.WorkgroupID]rooms.RoomID
	children map[rooms.WorkgroupID][]rooms.WorkgroupID
	messages []rooms.Message // those that are not deleted, by time and row
	next     int
}

func wg(n int) rooms.WorkgroupID { return rooms.WorkgroupID(fmt.Sprintf("friend_wg_%d", n)) }

// whole and persons are targets.
func whole(n int) rooms.WorkTarget { return rooms.WorkTarget{Group: wg(n)} }

func persons(n int, members ...rooms.AccountID) rooms.WorkTarget {
	return rooms.WorkTarget{Group: wg(n), Members: members}
}

func workRecords(groups ...int) []rooms.RoomRecord {
	var all []rooms.RoomRecord
	for _, n := range groups {
		all = append(all, rooms.RoomRecord{ID: rooms.RoomID(fmt.Sprintf("worg-%d", n)), WorkgroupID: wg(n), Name: fmt.Sprint("Group ", n), OwnerID: "system"})
	}
	return all
}

func newWorkWorld(t testing.TB, db *sql.DB) *workWorld {
	t.Helper()
	w := &workWorld{
		db: db, acc: accounts(t, db, 8), room: map[rooms.WorkgroupID]rooms.RoomID{},
		children: map[rooms.WorkgroupID][]rooms.WorkgroupID{wg(1): {wg(2), wg(3), wg(4)}, wg(3): {wg(5)}},
	}
	made, err := db.MakeWorkRooms(t.Context(), workRecords(1, 2, 3, 4, 5, 9))
	must(t, err)
	for _, r := range made {
		w.room[r.WorkgroupID] = r.ID
	}
	return w
}

// say writes a message in the room of a group; without targets it is an ordinary one.
// Two after each other have the same time.
func (w *workWorld) say(t testing.TB, group int, from rooms.AccountID, targets ...rooms.WorkTarget) rooms.Message {
	t.Helper()
	m := rooms.Message{
		ID: fmt.Sprintf("msg-%03d", w.next), Room: w.room[wg(group)], From: from, Time: start + int64(w.next/2),
		Type: "msg", Name: "User", Text: fmt.Sprintf("text %d", w.next),
	}
	if len(targets) > 0 {
		for n := range targets { // wherever it says that they stood
			targets[n].Standing = rooms.Standing((w.next + n) % 3)
		}
		m.Type, m.Source, m.Targets = "work-msg", wg(group), targets
	}
	w.next++
	add(t, w.db, m.Room, m)
	w.messages = append(w.messages, m)
	return m
}

// fill writes messages of every kind, some of them deleted or edited.
func (w *workWorld) fill(t testing.TB) {
	t.Helper()
	a := w.acc
	for n := range 2 {
		w.say(t, 1, a[n])
		w.say(t, 2, a[2+n])
		w.say(t, 3, a[4])
		w.say(t, 5, a[6])
		w.say(t, 1, a[n], whole(2))
		w.say(t, 1, a[n], persons(2, a[2]))
		w.say(t, 1, a[n], persons(2, a[4], a[2]), persons(3, a[4]))
		w.say(t, 1, a[n], persons(3, a[4]))
		w.say(t, 1, a[n], whole(2), persons(3, a[4]), whole(4))
		w.say(t, 1, a[n], persons(4, a[5]))
		w.say(t, 2, a[2+n], whole(1))
		w.say(t, 2, a[2+n], persons(1, a[1], a[0]))
		w.say(t, 3, a[4], whole(1))
		w.say(t, 3, a[4], whole(1), whole(5))
		w.say(t, 3, a[4], persons(1, a[0]), persons(5, a[6]))
		w.say(t, 3, a[4], persons(5, a[6], a[2]))
		w.say(t, 5, a[6], whole(3))
		w.say(t, 5, a[6], persons(3, a[4]))
		w.say(t, 9, a[7], whole(1))
		w.say(t, 9, a[7], persons(1, a[1], a[2]), whole(2))
		w.say(t, 9, a[2], persons(1, a[0]), persons(2, a[3]))
		w.say(t, 1, a[2], whole(1), whole(9)) // aimed at its own room
	}
	guest := w.say(t, 1, "")
	for _, m := range []rooms.Message{w.say(t, 1, a[0], whole(2)), w.say(t, 2, a[2], whole(1)), w.say(t, 1, a[0])} {
		must(t, w.db.DeleteMessage(t.Context(), m.Room, rooms.Deletion{ID: "delete-" + m.ID, MsgID: m.ID, By: a[0], Time: m.Time}))
		w.messages = slices.DeleteFunc(w.messages, func(o rooms.Message) bool { return o.ID == m.ID })
	}
	for n := range w.messages {
		m := &w.messages[n]
		if n%5 == 0 && m.ID != guest.ID {
			e := rooms.Edit{ID: "edit-" + m.ID, MsgID: m.ID, By: m.From, Time: m.Time + 5000, Reason: "typo", Text: "mended " + m.ID}
			must(t, w.db.AddEdit(t.Context(), m.Room, e))
			m.Text, m.EditID, m.EditBy, m.EditTime, m.EditReason = e.Text, e.ID, e.By, e.Time, e.Reason
		}
	}
}

// expected is what a reader sees of the log, as rooms.WorkReader describes it.
func (w *workWorld) expected(r rooms.WorkReader) []rooms.Message {
	var all []rooms.Message
	for _, m := range w.messages {
		if seenBy(r, m) {
			all = append(all, m)
		}
	}
	return all
}

func seenBy(r rooms.WorkReader, m rooms.Message) bool {
	here := m.Room == r.Room
	names, up := false, false
	var aimed *rooms.WorkTarget
	for _, t := range m.Targets {
		names = names || slices.Contains(t.Members, r.Account)
		unknown := t.Standing == rooms.UnknownStanding
		up = up || t.Standing == rooms.Above || unknown && (r.AllUp || slices.Contains(r.Up, t.Group))
		if t.Group == r.Group {
			aimed = &t
		}
	}
	private := func(own bool) bool { return r.Private == rooms.SeesAll || r.Private == rooms.SeesOwn && own }
	switch {
	case r.View && here:
		return names
	case r.View:
		return m.From == r.Account && aimed != nil
	case here && up:
		return private(m.From == r.Account)
	case here:
		return true
	case aimed == nil:
		return false
	case slices.Contains(r.Children, m.Source):
		return true
	case len(aimed.Members) == 0:
		return r.Whole
	}
	return private(slices.Contains(aimed.Members, r.Account))
}

// readers are those of an account in four of the rooms, with all rules.
func (w *workWorld) readers(account rooms.AccountID) (all []rooms.WorkReader) {
	for _, n := range []int{1, 2, 3, 5} {
		r := rooms.WorkReader{Room: w.room[wg(n)], Group: wg(n), Children: w.children[wg(n)], Account: account}
		view := r
		view.View = true
		all = append(all, view)
		for _, private := range []rooms.Sight{rooms.SeesNone, rooms.SeesOwn, rooms.SeesAll} {
			for _, whole := range []bool{false, true} {
				r.Private, r.Whole = private, whole
				for _, up := range [][]rooms.WorkgroupID{nil, {wg(1), wg(3)}, {wg(1)}} {
					r.Up = slices.DeleteFunc(slices.Clone(up), func(g rooms.WorkgroupID) bool { return g == r.Group })
					r.AllUp = false
					all = append(all, r)
				}
				r.AllUp = true
				all = append(all, r)
			}
		}
	}
	return all
}

func eachWorkWorld(t *testing.T, body func(t *testing.T, c sql.Config, w *workWorld)) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		w := newWorkWorld(t, sqltest.Open(t, c))
		w.fill(t)
		body(t, c, w)
	})
}

func TestWorkLogIsWhatTheReaderSees(t *testing.T) {
	eachWorkWorld(t, func(t *testing.T, _ sql.Config, w *workWorld) {
		different := map[string]bool{}
		for _, account := range w.acc {
			for _, r := range w.readers(account) {
				want := w.expected(r)
				different[fmt.Sprint(r.Room, ids(want))] = true
				got, err := w.db.WorkPage(t.Context(), r, rooms.PageQuery{After: 1, Limit: 100})
				must(t, err)
				if len(want) != len(got) || len(want) > 0 && !slices.Equal(ids(got), ids(want)) {
					t.Fatalf("%+v sees\n%v, want\n%v", r, ids(got), ids(want))
				}
				same(t, got, append([]rooms.Message{}, want...))
				for _, after := range []int64{0, start + 11} {
					wantCount := 0
					for _, m := range want {
						if m.Time > after && m.From != account {
							wantCount++
						}
					}
					n, err := w.db.WorkUnread(t.Context(), r, after)
					must(t, err)
					if n != wantCount {
						t.Errorf("%+v has %d unread after %d, want %d", r, n, after, wantCount)
					}
				}
			}
		}
		if len(different) < 60 {
			t.Errorf("%d different logs: the rules are not told apart", len(different))
		}
	})
}

// Whoever pages through a log sees each message once, in both directions, in a constant
// number of statements.
func TestWorkPagesSeeEverythingOnce(t *testing.T) {
	eachWorkWorld(t, func(t *testing.T, _ sql.Config, w *workWorld) {
		walked := 0
		for _, account := range []rooms.AccountID{w.acc[0], w.acc[2], w.acc[4]} {
			for n, r := range w.readers(account) {
				if n%5 != 0 && !r.View {
					continue
				}
				want := ids(w.expected(r))
				for limit := 1; limit <= 3; limit++ {
					older, newer := w.walk(t, r, limit)
					if !slices.Equal(older, want) || !slices.Equal(newer, want) {
						t.Fatalf("%+v, pages of %d:\n%v backwards,\n%v forwards, want\n%v", r, limit, older, newer, want)
					}
				}
				walked++
			}
		}
		if walked < 60 {
			t.Errorf("only %d logs", walked)
		}
	})
}

// walk reads a whole log in pages, from its end and from its beginning.
func (w *workWorld) walk(t *testing.T, r rooms.WorkReader, limit int) (older, newer []string) {
	t.Helper()
	page := func(q rooms.PageQuery) []rooms.Message {
		before := w.db.Queries()
		q.Limit = limit
		p, err := w.db.WorkPage(t.Context(), r, q)
		must(t, err)
		if n := w.db.Queries() - before; n > 3 {
			t.Fatalf("%d statements for a page", n)
		}
		for _, m := range p[min(limit, len(p)):] { // only what has the time of the page's end
			end := p[len(p)-min(limit, len(p))].Time
			if q.After > 0 {
				end = p[limit-1].Time
			}
			if q.After > 0 && m.Time != end || q.Before > 0 && p[0].Time != end {
				t.Fatalf("a page of %d has %d messages", limit, len(p))
			}
		}
		return p
	}
	for before := int64(math.MaxInt64); ; {
		p := page(rooms.PageQuery{Before: before})
		if len(p) == 0 {
			break
		}
		older, before = append(ids(p), older...), p[0].Time
	}
	for after := int64(1); ; {
		p := page(rooms.PageQuery{After: after})
		if len(p) == 0 {
			break
		}
		newer, after = append(newer, ids(p)...), p[len(p)-1].Time+1
	}
	return append([]string{}, older...), append([]string{}, newer...)
}

func TestWorkUnreadInManyRooms(t *testing.T) {
	eachWorkWorld(t, func(t *testing.T, _ sql.Config, w *workWorld) {
		ctx := t.Context()
		account := w.acc[2]
		foreign := w.messages[20] // of whatever room
		marks := map[rooms.RoomID][]rooms.ReadMark{
			w.room[wg(2)]: {{Account: account, MsgID: foreign.ID, Time: foreign.Time}},
			w.room[wg(3)]: {{Account: account, MsgID: "msg-gone", Time: start + 5}},
		}
		must(t, w.db.MakeWorkMarks(ctx, marks))
		since := map[rooms.RoomID]int64{w.room[wg(2)]: foreign.Time, w.room[wg(3)]: start + 5}
		byRule := map[string][]rooms.WorkReader{}
		for _, r := range w.readers(account) {
			rule := fmt.Sprint(r.View, r.Private, r.Whole, r.AllUp, len(r.Up))
			byRule[rule] = append(byRule[rule], r)
		}
		for rule, readers := range byRule {
			want := map[rooms.RoomID]rooms.Unread{}
			for _, r := range readers {
				u := rooms.Unread{After: since[r.Room]}
				for _, m := range w.expected(r) {
					if m.Time > u.After && m.From != account {
						u.Count++
						u.Newest = m.Time
					}
				}
				if u.Count > 0 {
					want[r.Room] = u
				}
			}
			before := w.db.Queries()
			got, err := w.db.WorkUnreadIn(ctx, account, readers)
			must(t, err)
			if n := w.db.Queries() - before; n != 2 {
				t.Errorf("%d statements", n)
			}
			if len(want) > 0 {
				same(t, got, want)
			} else if len(got) > 0 {
				t.Errorf("%s: %v, want none", rule, got)
			}
		}
	})
}

// As many rooms as an account never has take a few statements more.
func TestWorkUnreadInBounds(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		w := newWorkWorld(t, db)
		w.say(t, 2, w.acc[2], whole(1))
		r := rooms.WorkReader{Room: w.room[wg(1)], Group: wg(1), Account: w.acc[0], Private: rooms.SeesOwn}
		for n := range 5000 {
			r.Children = append(r.Children, wg(n+2))
		}
		readers := []rooms.WorkReader{r}
		for n := range 250 {
			readers = append(readers, rooms.WorkReader{Room: rooms.RoomID(fmt.Sprint("worg-x", n)), Group: wg(10_000 + n), Account: w.acc[0], Whole: true})
		}
		before := db.Queries()
		got, err := db.WorkUnreadIn(t.Context(), w.acc[0], readers)
		must(t, err)
		same(t, got, map[rooms.RoomID]rooms.Unread{"worg-1": {Count: 1, Newest: start}})
		same(t, db.Queries()-before, uint64(1+3)) // marks; 502 selects
		page, err := db.WorkPage(t.Context(), r, rooms.PageQuery{After: 1, Limit: 100})
		must(t, err)
		same(t, ids(page), []string{"msg-000"})
		got, err = db.WorkUnreadIn(t.Context(), w.acc[0], nil)
		must(t, err)
		same(t, len(got), 0)
	})
}

func TestWorkQueriesAreBounded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		good := rooms.WorkReader{Room: "worg-1", Group: wg(1), Account: "acc-0"}
		page := rooms.PageQuery{Before: start, Limit: 10}
		before := db.Queries()
		for name, tc := range map[string]struct {
			reader func(*rooms.WorkReader)
			query  func(*rooms.PageQuery)
			want   error
		}{
			"no room":        {reader: func(r *rooms.WorkReader) { r.Room = "" }, want: sql.ErrInvalid},
			"no group":       {reader: func(r *rooms.WorkReader) { r.Group = "" }, want: sql.ErrInvalid},
			"no account":     {reader: func(r *rooms.WorkReader) { r.Account = "" }, want: sql.ErrInvalid},
			"no text":        {reader: func(r *rooms.WorkReader) { r.Account = "\xff" }, want: sql.ErrInvalid},
			"empty child":    {reader: func(r *rooms.WorkReader) { r.Children = []rooms.WorkgroupID{""} }, want: sql.ErrInvalid},
			"empty above":    {reader: func(r *rooms.WorkReader) { r.Up = []rooms.WorkgroupID{""} }, want: sql.ErrInvalid},
			"many groups":    {reader: func(r *rooms.WorkReader) { r.Up = slices.Repeat([]rooms.WorkgroupID{"x"}, 5001) }, want: sql.ErrTooLong},
			"unknown sight":  {reader: func(r *rooms.WorkReader) { r.Private = 3 }, want: sql.ErrInvalid},
			"negative sight": {reader: func(r *rooms.WorkReader) { r.Private = -1 }, want: sql.ErrInvalid},
			"no limit":       {query: func(q *rooms.PageQuery) { q.Limit = 0 }, want: sql.ErrInvalid},
			"limit":          {query: func(q *rooms.PageQuery) { q.Limit = 101 }, want: sql.ErrInvalid},
			"both":           {query: func(q *rooms.PageQuery) { q.After = 1 }, want: sql.ErrInvalid},
			"neither":        {query: func(q *rooms.PageQuery) { q.Before = 0 }, want: sql.ErrInvalid},
		} {
			r, q := good, page
			if tc.reader != nil {
				tc.reader(&r)
				_, err := db.WorkUnread(t.Context(), r, 0)
				wantErr(t, err, tc.want)
				_, err = db.WorkUnreadIn(t.Context(), r.Account, []rooms.WorkReader{r})
				wantErr(t, err, tc.want)
			} else {
				tc.query(&q)
			}
			_, err := db.WorkPage(t.Context(), r, q)
			if wantErr(t, err, tc.want); t.Failed() {
				t.Fatal(name)
			}
		}
		_, err := db.WorkUnreadIn(t.Context(), "acc-1", []rooms.WorkReader{good})
		wantErr(t, err, sql.ErrInvalid)
		if db.Queries() != before {
			t.Error("the database was asked")
		}
		n, err := db.WorkUnread(t.Context(), good, math.MaxInt64)
		must(t, err)
		same(t, n, 0)
	})
}

// Rows that the predecessor or an administrator has left: a member named twice, the
// whole group and one of its members.
func TestWorkLogCountsAMessageOnce(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		w := newWorkWorld(t, db)
		m := w.say(t, 1, w.acc[0], persons(2, w.acc[2]))
		both := w.say(t, 1, w.acc[0], persons(2, w.acc[3]))
		row := `INSERT INTO message_work_target (msgId, source, target, memberId, sentTime) VALUES ('%s', 'friend_wg_1', 'friend_wg_2', %s, %d)`
		sqltest.Exec(t, c, fmt.Sprintf(row, m.ID, "'acc-2'", m.Time), fmt.Sprintf(row, m.ID, "'acc-2'", m.Time),
			fmt.Sprintf(row, both.ID, "NULL", both.Time), fmt.Sprintf(row, both.ID, "NULL", both.Time))
		for _, tc := range []struct {
			reader rooms.WorkReader
			want   []string
		}{
			{rooms.WorkReader{}, []string{}},
			{rooms.WorkReader{Whole: true}, []string{both.ID}},
			{rooms.WorkReader{Private: rooms.SeesAll}, []string{m.ID, both.ID}},
			{rooms.WorkReader{Private: rooms.SeesAll, Whole: true}, []string{m.ID, both.ID}},
			{rooms.WorkReader{Private: rooms.SeesOwn}, []string{m.ID}},
			{rooms.WorkReader{Private: rooms.SeesOwn, Whole: true}, []string{m.ID, both.ID}},
			{rooms.WorkReader{Private: rooms.SeesOwn, Whole: true, Account: w.acc[3]}, []string{both.ID}},
			{rooms.WorkReader{Private: rooms.SeesOwn, Account: w.acc[3]}, []string{both.ID}},
			{rooms.WorkReader{Children: []rooms.WorkgroupID{wg(1)}}, []string{m.ID, both.ID}},
			{rooms.WorkReader{Room: "worg-1", Group: wg(1), View: true}, []string{m.ID}},
		} {
			r := tc.reader
			r.Account = cmp.Or(r.Account, w.acc[2])
			if r.Room == "" {
				r.Room, r.Group = w.room[wg(2)], wg(2)
			}
			for _, q := range []rooms.PageQuery{{After: 1, Limit: 100}, {Before: math.MaxInt64, Limit: 2}} {
				page, err := db.WorkPage(t.Context(), r, q)
				must(t, err)
				same(t, ids(page), tc.want)
			}
			n, err := db.WorkUnread(t.Context(), r, 0)
			must(t, err)
			same(t, n, len(tc.want))
		}
		got, err := db.WorkMessage(t.Context(), both.ID)
		must(t, err)
		same(t, got.Targets, []rooms.WorkTarget{{Group: wg(2), Standing: both.Targets[0].Standing}})
	})
}

// Many messages of the same time are not parted; deleted ones come if they are wanted.
func TestWorkPageOfEqualTimes(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		w := newWorkWorld(t, db)
		r := rooms.WorkReader{Room: w.room[wg(1)], Group: wg(1), Children: w.children[wg(1)], Account: w.acc[0]}
		var all []rooms.Message
		for n := range 12 {
			m := rooms.Message{ID: fmt.Sprint("msg-", n), From: w.acc[2], Time: start + int64((n+9)/10), Type: "work-msg", Source: wg(2 + n%3), Targets: []rooms.WorkTarget{whole(1)}}
			add(t, db, w.room[m.Source], m)
			all = append(all, m)
		}
		for _, tc := range []struct {
			query rooms.PageQuery
			want  []rooms.Message
		}{
			{rooms.PageQuery{Before: start + 5, Limit: 1}, all[11:]},
			{rooms.PageQuery{Before: start + 5, Limit: 2}, all[1:]},
			{rooms.PageQuery{Before: start + 5, Limit: 11}, all[1:]},
			{rooms.PageQuery{Before: start + 5, Limit: 12}, all},
			{rooms.PageQuery{Before: start + 1, Limit: 3}, all[:1]},
			{rooms.PageQuery{After: start, Limit: 1}, all[:1]},
			{rooms.PageQuery{After: start, Limit: 2}, all[:11]},
			{rooms.PageQuery{After: start + 1, Limit: 4}, all[1:11]},
			{rooms.PageQuery{After: start + 2, Limit: 4}, all[11:]},
		} {
			page, err := db.WorkPage(t.Context(), r, tc.query)
			must(t, err)
			same(t, ids(page), ids(tc.want))
		}
		must(t, db.DeleteMessage(t.Context(), w.room[all[11].Source], rooms.Deletion{ID: "delete-1", MsgID: "msg-11"}))
		for deleted, want := range map[bool]string{true: "msg-11", false: "msg-10"} {
			page, err := db.WorkPage(t.Context(), r, rooms.PageQuery{Before: start + 5, Limit: 1, Deleted: deleted})
			must(t, err)
			same(t, page[len(page)-1].ID, want)
		}
	})
}

// TestTableCalledTmp: the predecessor dropped a table of that name at each read.
func TestTableCalledTmp(t *testing.T) {
	eachWorkWorld(t, func(t *testing.T, c sql.Config, w *workWorld) {
		sqltest.Exec(t, c, `CREATE TABLE tmp (id INT)`, `INSERT INTO tmp (id) VALUES (7)`)
		r := w.readers(w.acc[0])[0]
		_, err := w.db.WorkPage(t.Context(), r, rooms.PageQuery{Before: math.MaxInt64, Limit: 10})
		must(t, err)
		_, err = w.db.WorkUnreadIn(t.Context(), r.Account, []rooms.WorkReader{r})
		must(t, err)
		_, err = w.db.LoadWorkRooms(t.Context(), workRecords(1, 2), 10)
		must(t, err)
		same(t, scalar[int](t, c, `SELECT id FROM tmp`), 7)
	})
}
