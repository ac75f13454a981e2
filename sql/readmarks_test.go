package sql_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

func TestReadMarksNeverMoveBack(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		ctx := t.Context()
		acc := accounts(t, db, 2)
		room(t, db, "room-1", acc[0])
		log := messages("a", acc[0], 5)
		add(t, db, "room-1", log...)
		at := func(n int) rooms.ReadMark {
			return rooms.ReadMark{Account: acc[1], MsgID: log[n].ID, Time: log[n].Time}
		}
		for _, step := range []struct {
			save, want rooms.ReadMark
		}{
			{rooms.ReadMark{Account: acc[1]}, rooms.ReadMark{Account: acc[1]}}, // created
			{at(2), at(2)},
			{at(1), at(2)},
			{rooms.ReadMark{Account: acc[1]}, at(2)},
			{at(2), at(2)},
			{at(4), at(4)},
			{at(0), at(4)},
		} {
			must(t, db.SaveReadMarks(ctx, "room-1", []rooms.ReadMark{step.save}))
			same(t, mark(t, db, "room-1", acc[1]), step.want)
		}
		must(t, db.AddMessages(ctx, "room-1", []rooms.Message{{ID: "msg-late", From: acc[0], Time: start + 1, Type: "msg"}}, acc))
		same(t, mark(t, db, "room-1", acc[1]), at(4)) // also not by an older message that is written later
		must(t, db.SaveReadMarks(ctx, "room-1", nil))
	})
}

func TestReadMarkPointsToItsRoomOnly(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		ctx := t.Context()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		room(t, db, "room-2", acc...)
		add(t, db, "room-2", messages("b", acc[0], 1)...)
		must(t, db.SaveReadMarks(ctx, "room-1", []rooms.ReadMark{{Account: acc[0], MsgID: "msg-b-0", Time: start}}))
		same(t, mark(t, db, "room-1", acc[0]), rooms.ReadMark{Account: acc[0], Time: start})
	})
}

func TestReadMarksFailures(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		ctx := t.Context()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		wantErr(t, db.SaveReadMarks(ctx, "room-1", []rooms.ReadMark{{Account: "acc-unknown"}}), rooms.ErrNotFound)
		wantErr(t, db.SaveReadMarks(ctx, "room-unknown", []rooms.ReadMark{{Account: acc[0]}}), rooms.ErrNotFound)
		wantErr(t, db.SaveReadMarks(ctx, "room-1", []rooms.ReadMark{{}}), sql.ErrInvalid)
		long := rooms.ReadMark{Account: acc[0], MsgID: strings.Repeat("x", 192)}
		wantErr(t, db.SaveReadMarks(ctx, "room-1", []rooms.ReadMark{long}), sql.ErrTooLong)
		must(t, db.SaveReadMarks(ctx, "room-1", []rooms.ReadMark{{Account: "guest-1"}}))
	})
}

func TestHundredsOfReadMarksAtOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 450)
		room(t, db, "room-1", acc[0])
		log := messages("a", acc[0], 2)
		add(t, db, "room-1", log...)
		marks := make([]rooms.ReadMark, len(acc))
		for n, a := range acc {
			marks[n] = rooms.ReadMark{Account: a, MsgID: log[n%2].ID, Time: log[n%2].Time}
		}
		before := db.Queries()
		must(t, db.SaveReadMarks(t.Context(), "room-1", marks))
		if n := db.Queries() - before; n > 3 {
			t.Errorf("%d statements for %d marks", n, len(marks))
		}
		got := load(t, db, "room-1").Marks
		if len(got) != len(acc) {
			t.Fatalf("%d marks, want %d", len(got), len(acc))
		}
		must(t, db.AddMessages(t.Context(), "room-1", []rooms.Message{{ID: "msg-z", From: acc[0], Time: start + 9, Type: "msg"}}, acc))
		for _, m := range load(t, db, "room-1").Marks {
			if m.MsgID != "msg-z" || m.Time != start+9 {
				t.Fatalf("mark of %s is at %s", m.Account, m.MsgID)
			}
		}
	})
}

func TestReadMarksOfSeveralWriters(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 30)
		room(t, db, "room-1", acc...)
		log := messages("a", acc[0], 20)
		add(t, db, "room-1", log...)
		var wg sync.WaitGroup
		for n := range log {
			wg.Go(func() {
				marks := make([]rooms.ReadMark, len(acc))
				for i, p := range rand.Perm(len(acc)) {
					marks[i] = rooms.ReadMark{Account: acc[p], MsgID: log[n].ID, Time: log[n].Time}
				}
				if err := db.SaveReadMarks(t.Context(), "room-1", marks); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, m := range load(t, db, "room-1").Marks {
			if m.MsgID != log[19].ID {
				t.Errorf("mark of %s is at %s", m.Account, m.MsgID)
			}
		}
	})
}

// The predecessor moves marks without their time, and may run again in between.
func TestReadMarkOfThePredecessor(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		log := messages("a", acc[0], 3)
		add(t, db, "room-1", log...)
		sqltest.Exec(t, c, `UPDATE room_user_messages SET lastReadId = 'msg-a-1'`)
		same(t, mark(t, db, "room-1", acc[0]), rooms.ReadMark{Account: acc[0], MsgID: log[1].ID, Time: log[1].Time})
	})
}

func TestMakeReadMarks(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		ctx := t.Context()
		acc := accounts(t, db, 3)
		room(t, db, "room-1", acc[0])
		room(t, db, "room-2", acc...)
		add(t, db, "room-2", messages("other", acc[0], 3)...)
		marks, err := db.MakeReadMarks(ctx, "room-1", acc[1:2])
		must(t, err)
		same(t, marks, []rooms.ReadMark{{Account: acc[1]}}) // nothing to read; not of room-2
		log := messages("a", acc[0], 2)
		add(t, db, "room-1", log...)
		marks, err = db.MakeReadMarks(ctx, "room-1", []rooms.AccountID{acc[2], "guest-1", acc[1], acc[2]})
		must(t, err)
		same(t, marks, []rooms.ReadMark{{Account: acc[2], MsgID: log[1].ID, Time: log[1].Time}, {Account: acc[1]}})
		same(t, load(t, db, "room-1").Authorized, acc[:1])
		marks, err = db.MakeReadMarks(ctx, "room-1", []rooms.AccountID{"guest-1"})
		if len(marks) != 0 || err != nil {
			t.Errorf("a guest got %v, %v", marks, err)
		}
		_, err = db.MakeReadMarks(ctx, "room-1", []rooms.AccountID{"acc-unknown"})
		wantErr(t, err, rooms.ErrNotFound)
		_, err = db.MakeReadMarks(ctx, "room-unknown", acc)
		wantErr(t, err, rooms.ErrNotFound)
		_, err = db.MakeReadMarks(ctx, "room-1", []rooms.AccountID{""})
		wantErr(t, err, sql.ErrInvalid)
	})
}

// TestUnreadIn agrees with CountUnread, room by room.
func TestUnreadIn(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 2)
		var ids []rooms.RoomID
		for n := range 4 {
			id := rooms.RoomID(fmt.Sprint("room-", n))
			ids = append(ids, id)
			room(t, db, id, acc...)
			must(t, db.AddMessages(ctx, id, messages(string(id), acc[n%2], 10), nil))
		}
		must(t, db.SaveReadMarks(ctx, "room-1", []rooms.ReadMark{{Account: acc[0], MsgID: "msg-room-1-6", Time: start + 6}}))
		must(t, db.SaveReadMarks(ctx, "room-3", []rooms.ReadMark{{Account: acc[0], MsgID: "msg-room-3-9", Time: start + 9}}))
		must(t, db.DeleteMessage(ctx, "room-1", rooms.Deletion{ID: "delete-1", MsgID: "msg-room-1-9", By: acc[1]}))
		before := db.Queries()
		unread, err := db.UnreadIn(ctx, acc[0], append(ids, "room-unknown"))
		must(t, err)
		same(t, db.Queries()-before, uint64(1))
		// Own messages do not count, nor does what is deleted; read rooms are left out.
		same(t, unread, map[rooms.RoomID]rooms.Unread{"room-1": {Count: 2, After: start + 6, Newest: start + 8}})
		none, err := db.UnreadIn(ctx, acc[0], nil)
		must(t, err)
		same(t, len(none), 0)
	})
}
