package sql_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

func TestMakeWorkRooms(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		first := workRecords(2, 1)
		first[0].Settings, first[0].Created = json.RawMessage(`{"a":1}`), time.Unix(1600000000, 0).UTC()
		made, err := db.MakeWorkRooms(ctx, first)
		must(t, err)
		same(t, made[0], first[0])
		same(t, []rooms.RoomID{made[0].ID, made[1].ID}, []rooms.RoomID{"worg-2", "worg-1"})
		same(t, made[1].Settings, json.RawMessage(`{}`))
		if made[1].IsPrivate || made[1].Created.IsZero() {
			t.Errorf("made %+v", made[1])
		}

		must(t, db.RemoveRoom(ctx, "worg-2"))
		again := []rooms.RoomRecord{
			{ID: "worg-3", WorkgroupID: wg(3), Name: "Third", OwnerID: "system"},
			{ID: "worg-other", WorkgroupID: wg(2), Name: "Another name", OwnerID: "system"},
			{ID: "worg-third", WorkgroupID: wg(3), Name: "Third again", OwnerID: "system"},
		}
		for range 2 {
			found, err := db.MakeWorkRooms(ctx, again)
			must(t, err)
			same(t, found[1], made[0])
			same(t, []rooms.RoomID{found[0].ID, found[2].ID}, []rooms.RoomID{"worg-3", "worg-3"})
		}
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM room WHERE removed IS NULL AND isPrivate = 0`), 3)

		none, err := db.MakeWorkRooms(ctx, nil)
		must(t, err)
		same(t, len(none), 0)
	})
}

func TestMakeWorkRoomsFails(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		for name, tc := range map[string]struct {
			change func(*rooms.RoomRecord)
			want   error
		}{
			"no id":         {func(r *rooms.RoomRecord) { r.ID = "" }, sql.ErrInvalid},
			"no workgroup":  {func(r *rooms.RoomRecord) { r.WorkgroupID = "" }, sql.ErrInvalid},
			"long name":     {func(r *rooms.RoomRecord) { r.Name = strings.Repeat("ä", 192) }, sql.ErrTooLong},
			"bad settings":  {func(r *rooms.RoomRecord) { r.Settings = json.RawMessage(`[]`) }, sql.ErrInvalid},
			"id of another": {func(r *rooms.RoomRecord) { r.ID = "room-1" }, sql.ErrExists},
		} {
			records := workRecords(1, 2)
			tc.change(&records[1])
			_, err := db.MakeWorkRooms(t.Context(), records)
			if wantErr(t, err, tc.want); t.Failed() {
				t.Fatal(name)
			}
			same(t, scalar[int](t, c, `SELECT COUNT(*) FROM room`), 1)
		}
		_, err := db.MakeWorkRooms(t.Context(), workRecords(1))
		must(t, err)
		records := []rooms.RoomRecord{{ID: "worg-X", WorkgroupID: "FRIEND_wg_1", Name: "x", OwnerID: "system"}}
		made, err := db.MakeWorkRooms(t.Context(), records)
		if c.Driver == sql.MySQL { // the index of workgroups does not tell them apart
			wantErr(t, err, sql.ErrExists)
			if !strings.Contains(fmt.Sprint(err), "FRIEND_wg_1") {
				t.Errorf("the error does not say which: %v", err)
			}
		} else {
			must(t, err)
			same(t, made[0].ID, rooms.RoomID("worg-X"))
		}
	})
}

// Several programs that make the same rooms at once all find the same ones.
func TestMakeWorkRoomsAtOnce(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		const programs = 4
		groups := []int{1, 2, 3, 4, 5, 6, 7, 8}
		results := make([][]rooms.RoomRecord, programs)
		errs := make([]error, programs)
		var wg sync.WaitGroup
		for n := range programs {
			db := sqltest.Open(t, c)
			wg.Go(func() {
				records := workRecords(groups...)
				for k := range records {
					records[k].ID += rooms.RoomID(fmt.Sprint("-", n))
				}
				if n%2 == 1 {
					slices.Reverse(records)
				}
				results[n], errs[n] = db.MakeWorkRooms(t.Context(), records)
			})
		}
		wg.Wait()
		for n := range programs {
			must(t, errs[n])
			if n%2 == 1 {
				slices.Reverse(results[n])
			}
			same(t, results[n], results[0])
		}
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM room`), len(groups))
	})
}

// The number of statements depends on the number of rooms only by the 500s, and not at
// all on what is in them.
func TestWorkRoomStatements(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		ctx := t.Context()
		acc := accounts(t, db, 3)
		count := func(f func()) uint64 {
			before := db.Queries()
			f()
			return db.Queries() - before
		}
		many := func(n int) (records []rooms.RoomRecord) {
			for k := range n {
				records = append(records, workRecords(k+1)...)
			}
			return records
		}
		made := func(n int) func() {
			return func() {
				_, err := db.MakeWorkRooms(ctx, many(n))
				must(t, err)
			}
		}
		same(t, count(made(1)), uint64(5))     // look, insert, look again, two for times
		same(t, count(made(200)), uint64(5))   //
		same(t, count(made(200)), uint64(3))   // look, two for times
		same(t, count(made(501)), uint64(6+3)) // 300 of 500 are two inserts; the last one is there

		loaded := func(n int) func() {
			return func() {
				all, err := db.LoadWorkRooms(ctx, many(n), 20)
				must(t, err)
				same(t, len(all), n)
			}
		}
		same(t, count(loaded(1)), uint64(4)) // rooms, two for messages, marks
		for n := range 30 {
			m := rooms.Message{ID: fmt.Sprint("msg-", n), From: acc[0], Time: start + int64(n), Type: "work-msg", Source: wg(1), Targets: []rooms.WorkTarget{whole(2), persons(3, acc[1:]...)}}
			add(t, db, "worg-1", m)
		}
		same(t, count(loaded(1)), uint64(5)) // and their targets
		same(t, count(loaded(500)), uint64(5))
		same(t, count(loaded(501)), uint64(9))

		marks := map[rooms.RoomID][]rooms.ReadMark{}
		for n := range 60 {
			marks[rooms.RoomID(fmt.Sprint("worg-", n+1))] = emptyMarks(acc)
		}
		same(t, count(func() { must(t, db.MakeWorkMarks(ctx, marks)) }), uint64(1))
		same(t, count(func() { must(t, db.MakeWorkMarks(ctx, nil)) }), uint64(0))
		same(t, count(loaded(500)), uint64(5))
	})
}

func emptyMarks(accounts []rooms.AccountID) (marks []rooms.ReadMark) {
	for _, a := range accounts {
		marks = append(marks, rooms.ReadMark{Account: a})
	}
	return marks
}

// A tail is the end of the log that everything written in the room and everything aimed
// at its workgroup make, whichever of them is longer.
func TestLoadWorkRooms(t *testing.T) {
	eachWorkWorld(t, func(t *testing.T, _ sql.Config, w *workWorld) {
		ctx := t.Context()
		for range 30 { // long in one part
			w.say(t, 2, w.acc[2])
		}
		for range 30 { // and in the other
			w.say(t, 1, w.acc[0], persons(4, w.acc[4], w.acc[5]), persons(5, w.acc[6]))
		}
		w.say(t, 4, w.acc[5])
		must(t, w.db.RemoveRoom(ctx, w.room[wg(9)]))
		marks := []rooms.ReadMark{{Account: w.acc[2], MsgID: w.messages[3].ID, Time: w.messages[3].Time}}
		must(t, w.db.MakeWorkMarks(ctx, map[rooms.RoomID][]rooms.ReadMark{w.room[wg(2)]: marks}))
		records := workRecords(4, 9, 2, 1, 3, 5, 2, 77)
		for tail := range 70 {
			loaded, err := w.db.LoadWorkRooms(ctx, records, tail)
			must(t, err)
			var got []rooms.RoomID
			for _, data := range loaded {
				got = append(got, data.Room.ID)
				w.checkTail(t, data, tail)
			}
			same(t, got, []rooms.RoomID{"worg-4", "worg-2", "worg-1", "worg-3", "worg-5"})
			same(t, loaded[1].Marks, marks)
			same(t, len(loaded[0].Marks), 0)
		}
		wrong := workRecords(1, 2)
		wrong[0].WorkgroupID, wrong[1].ID = wg(2), "WORG-2"
		loaded, err := w.db.LoadWorkRooms(ctx, wrong, 10)
		must(t, err)
		same(t, len(loaded), 0)
	})
}

func (w *workWorld) checkTail(t *testing.T, data *rooms.RoomData, tail int) {
	t.Helper()
	var log []rooms.Message
	for _, m := range w.messages {
		aimed := func(t rooms.WorkTarget) bool { return t.Group == data.Room.WorkgroupID }
		if m.Room == data.Room.ID || slices.ContainsFunc(m.Targets, aimed) {
			log = append(log, m)
		}
	}
	first := max(0, len(log)-tail)
	for first > 0 && first < len(log) && log[first-1].Time == log[first].Time {
		first--
	}
	if d := cmp.Diff(append([]rooms.Message(nil), log[first:]...), append([]rooms.Message(nil), data.Tail...)); d != "" {
		t.Errorf("tail %d of %s (-want +got):\n%s", tail, data.Room.ID, d)
	}
	if data.Older != (first > 0) {
		t.Errorf("tail %d of %s, %d of %d: older is %v", tail, data.Room.ID, len(log)-first, len(log), data.Older)
	}
}

func TestMakeWorkMarks(t *testing.T) {
	eachWorkWorld(t, func(t *testing.T, c sql.Config, w *workWorld) {
		ctx := t.Context()
		m := w.messages[1]
		old := rooms.ReadMark{Account: w.acc[0], MsgID: m.ID, Time: m.Time}
		must(t, w.db.MakeWorkMarks(ctx, map[rooms.RoomID][]rooms.ReadMark{"worg-1": {old}}))
		foreign := w.say(t, 3, w.acc[4], whole(1))
		must(t, w.db.MakeWorkMarks(ctx, map[rooms.RoomID][]rooms.ReadMark{
			"worg-1": {
				{Account: w.acc[0], MsgID: foreign.ID, Time: foreign.Time},
				{Account: w.acc[1], MsgID: foreign.ID, Time: foreign.Time},
				{Account: w.acc[2], MsgID: "msg-gone", Time: start + 7},
				{Account: w.acc[3]},
				{Account: "guest-1"},
			},
			"worg-2": {{Account: w.acc[1]}},
		}))
		loaded, err := w.db.LoadWorkRooms(ctx, workRecords(1, 2), 1)
		must(t, err)
		same(t, loaded[0].Marks, []rooms.ReadMark{
			old, {Account: w.acc[1], MsgID: foreign.ID, Time: foreign.Time}, {Account: w.acc[2], Time: start + 7}, {Account: w.acc[3]},
		})
		same(t, loaded[1].Marks, []rooms.ReadMark{{Account: w.acc[1]}})

		// A mark moves on as in other rooms; that of another room's message by its time.
		later := w.say(t, 5, w.acc[6])
		must(t, w.db.SaveReadMarks(ctx, "worg-1", []rooms.ReadMark{{Account: w.acc[1], MsgID: later.ID, Time: later.Time}}))
		unread, err := w.db.WorkUnreadIn(ctx, w.acc[1], []rooms.WorkReader{{Room: "worg-1", Group: wg(1), Account: w.acc[1], Children: w.children[wg(1)]}})
		must(t, err)
		same(t, len(unread), 0)

		count := scalar[int](t, c, `SELECT COUNT(*) FROM room_user_messages`)
		for name, tc := range map[string]struct {
			marks map[rooms.RoomID][]rooms.ReadMark
			want  error
		}{
			"no room":      {map[rooms.RoomID][]rooms.ReadMark{"worg-3": emptyMarks(w.acc), "worg-77": emptyMarks(w.acc)}, rooms.ErrNotFound},
			"no account":   {map[rooms.RoomID][]rooms.ReadMark{"worg-3": emptyMarks([]rooms.AccountID{w.acc[0], "acc-x"})}, rooms.ErrNotFound},
			"empty id":     {map[rooms.RoomID][]rooms.ReadMark{"worg-3": emptyMarks([]rooms.AccountID{""})}, sql.ErrInvalid},
			"empty room":   {map[rooms.RoomID][]rooms.ReadMark{"": emptyMarks(w.acc)}, sql.ErrInvalid},
			"long message": {map[rooms.RoomID][]rooms.ReadMark{"worg-3": {{Account: w.acc[0], MsgID: strings.Repeat("x", 192)}}}, sql.ErrTooLong},
		} {
			if wantErr(t, w.db.MakeWorkMarks(ctx, tc.marks), tc.want); t.Failed() {
				t.Fatal(name)
			}
		}
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM room_user_messages`), count)
	})
}

func TestTargetsReadBackAsWritten(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		w := newWorkWorld(t, db)
		ctx := t.Context()
		m := w.say(t, 1, w.acc[0], persons(3, w.acc[4], w.acc[2]), whole(2), persons(4, w.acc[5]))
		plain := w.say(t, 1, w.acc[0])
		for _, want := range []rooms.Message{m, plain} {
			got, err := db.WorkMessage(ctx, want.ID)
			must(t, err)
			same(t, got, want)
		}
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message_work_target WHERE source = 'friend_wg_1' AND sentTime = ?`, m.Time), 4)
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message_work_target WHERE memberId IS NULL AND target = 'friend_wg_2'`), 1)

		// Rows need not stand together.
		sqltest.Exec(t, c, fmt.Sprintf(`INSERT INTO message_work_target (msgId, source, target, memberId) VALUES ('%s', 'friend_wg_1', 'friend_wg_3', 'acc-6')`, m.ID))
		got, err := db.WorkMessage(ctx, m.ID)
		must(t, err)
		want := slices.Clone(m.Targets)
		want[0].Members = append(slices.Clone(want[0].Members), w.acc[6])
		same(t, got.Targets, want)

		must(t, db.DeleteMessage(ctx, m.Room, rooms.Deletion{ID: "delete-1", MsgID: m.ID}))
		got, err = db.WorkMessage(ctx, m.ID)
		must(t, err)
		same(t, []any{got.Status, len(got.Targets)}, []any{"delete", 3})
		for _, id := range []string{"", "msg-unknown", "MSG-000"} {
			_, err := db.WorkMessage(ctx, id)
			wantErr(t, err, rooms.ErrNotFound)
		}
	})
}

func TestTargetsAreBounded(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		w := newWorkWorld(t, db)
		many := make([]rooms.AccountID, 10_001)
		for n := range many {
			many[n] = rooms.AccountID(fmt.Sprint("acc-", n))
		}
		for name, tc := range map[string]struct {
			change func(*rooms.Message)
			want   error
		}{
			"none":              {func(m *rooms.Message) { m.Targets = nil }, sql.ErrInvalid},
			"no source":         {func(m *rooms.Message) { m.Source = "" }, sql.ErrInvalid},
			"long source":       {func(m *rooms.Message) { m.Source = rooms.WorkgroupID(strings.Repeat("x", 192)) }, sql.ErrTooLong},
			"ordinary":          {func(m *rooms.Message) { m.Type = "msg" }, sql.ErrInvalid},
			"ordinary, source":  {func(m *rooms.Message) { m.Type, m.Targets = "msg", nil }, sql.ErrInvalid},
			"empty group":       {func(m *rooms.Message) { m.Targets[0].Group = "" }, sql.ErrInvalid},
			"empty member":      {func(m *rooms.Message) { m.Targets[0].Members = []rooms.AccountID{""} }, sql.ErrInvalid},
			"no text":           {func(m *rooms.Message) { m.Targets[0].Group = "\xff" }, sql.ErrInvalid},
			"guest":             {func(m *rooms.Message) { m.Targets[0].Members = []rooms.AccountID{"guest-1"} }, sql.ErrInvalid},
			"group twice":       {func(m *rooms.Message) { m.Targets = append(m.Targets, whole(2)) }, sql.ErrInvalid},
			"member twice":      {func(m *rooms.Message) { m.Targets[0].Members = []rooms.AccountID{"acc-1", "acc-1"} }, sql.ErrInvalid},
			"too many":          {func(m *rooms.Message) { m.Targets[0].Members = many }, sql.ErrTooLong},
			"unknown member":    {func(m *rooms.Message) { m.Targets[0].Members = []rooms.AccountID{"acc-1", "acc-x"} }, rooms.ErrNotFound},
			"message id exists": {func(m *rooms.Message) { m.ID = "msg-000" }, sql.ErrExists},
		} {
			if w.next == 0 {
				w.say(t, 1, w.acc[0])
			}
			first := rooms.Message{ID: "msg-new", From: w.acc[0], Time: start + 8, Type: "msg", Text: "x"}
			m := rooms.Message{ID: "msg-secret", From: w.acc[0], Time: start + 9, Type: "work-msg", Text: "secret", Source: wg(1), Targets: []rooms.WorkTarget{whole(2)}}
			tc.change(&m)
			err := db.AddMessages(t.Context(), "worg-1", []rooms.Message{first, m}, w.acc[:1])
			if wantErr(t, err, tc.want); strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("the error quotes a message: %v", err)
			}
			same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message`), 1)
			same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message_work_target`), 0)
			if t.Failed() {
				t.Fatal(name)
			}
		}
	})
}

// A message is stored with its targets in one statement for them, however many.
func TestTargetsTakeOneStatement(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		w := newWorkWorld(t, db)
		before := db.Queries()
		w.say(t, 1, w.acc[0])
		plain := db.Queries() - before
		before = db.Queries()
		w.say(t, 1, w.acc[0], whole(2), persons(3, w.acc...), persons(4, w.acc...))
		same(t, db.Queries()-before, plain+1)
	})
}

// The predecessor's rows have no time; they are part of the logs as soon as the rooms
// are opened.
func TestTimesOfTargetsAreFilledIn(t *testing.T) {
	eachWorkWorld(t, func(t *testing.T, c sql.Config, w *workWorld) {
		ctx := t.Context()
		r := rooms.WorkReader{Room: w.room[wg(2)], Group: wg(2), Account: w.acc[2], Private: rooms.SeesAll, Whole: true}
		page := func() []string {
			got, err := w.db.WorkPage(ctx, r, rooms.PageQuery{After: 1, Limit: 100})
			must(t, err)
			return ids(got)
		}
		want := page()
		same(t, want, ids(w.expected(r)))
		sqltest.Exec(t, c, `UPDATE message_work_target SET sentTime = NULL`)
		if got := page(); len(got) == 0 || len(got) >= len(want) {
			t.Fatalf("%d of %d without the times", len(got), len(want))
		}
		_, err := w.db.MakeWorkRooms(ctx, workRecords(2, 4))
		must(t, err)
		same(t, page(), want)
		const untimed = `SELECT COUNT(*) FROM message_work_target WHERE sentTime IS NULL`
		same(t, scalar[int](t, c, untimed+` AND (target IN ('friend_wg_2', 'friend_wg_4') OR source IN ('friend_wg_2', 'friend_wg_4'))`), 0)
		if scalar[int](t, c, untimed) == 0 {
			t.Error("other workgroups' rows have been filled in too")
		}
		_, err = w.db.MakeWorkRooms(ctx, workRecords(1, 3, 5, 9))
		must(t, err)
		same(t, scalar[int](t, c, untimed+` OR sentTime <> (SELECT timestamp FROM message m WHERE m.msgId = message_work_target.msgId)`), 0)
	})
}

// Work rooms are no rooms of an account, whoever is authorized or assigned.
func TestOrdinaryReadsLeaveWorkRoomsOut(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		w := newWorkWorld(t, db)
		room(t, db, "room-1", w.acc[0])
		_, err := db.Authorize(ctx, w.room[wg(1)], w.acc[:1])
		must(t, err)
		must(t, db.Assign(ctx, w.room[wg(2)], rooms.Assignment{FID: "2", SetByID: w.acc[0]}))
		listed, err := db.RoomsOf(ctx, w.acc[0], []string{"1", "2"})
		must(t, err)
		same(t, listed, []rooms.RoomID{"room-1"})
		loaded, err := db.LoadRooms(ctx, []rooms.RoomID{"worg-1", "room-1", "worg-2"}, 10, w.acc[0])
		must(t, err)
		same(t, []any{len(loaded), loaded[0].Room.ID}, []any{1, rooms.RoomID("room-1")})
		_, err = db.LoadRoom(ctx, "worg-1", 10)
		wantErr(t, err, rooms.ErrNotFound)
	})
}
