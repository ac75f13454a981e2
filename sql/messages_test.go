package sql_test

import (
	"fmt"
	"strings"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

func TestMessageReadsBackAsWritten(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		want := rooms.Message{
			ID: "msg-1", Room: "room-1", From: acc[0], Time: start, Type: "msg", Name: "Ada 😀",
			Text: "line\r\n\ttab \x00 zero 'quote' \"double\" \\ back 👩‍👩‍👧 \u202e %s ?", StatusID: "delete-1", Status: "delete",
		}
		guest := rooms.Message{ID: "msg-2", Room: "room-1", Time: start + 1, Type: "msg", Name: "Guest", Text: ""}
		add(t, db, "room-1", want, guest)
		for _, m := range []rooms.Message{want, guest} {
			got, err := db.Message(t.Context(), "room-1", m.ID)
			must(t, err)
			same(t, got, m)
		}
	})
}

func TestLongestText(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		long := strings.Repeat("😀", 65535/4) + "abc"
		if len(long) != 65535 {
			t.Fatal(len(long))
		}
		many := messages("a", acc[0], 40) // more than one insert
		for n := range many {
			many[n].Text = long
		}
		add(t, db, "room-1", many...)
		got, err := db.Page(t.Context(), "room-1", rooms.PageQuery{After: 1, Limit: 100})
		must(t, err)
		for n, m := range got {
			if m.Text != long || m.ID != many[n].ID {
				t.Fatalf("message %d is not as written", n)
			}
		}
		if len(got) != len(many) {
			t.Errorf("%d messages, want %d", len(got), len(many))
		}
	})
}

func TestMessageFieldsAreBounded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		before := db.Queries()
		for _, tc := range []struct {
			change func(*rooms.Message)
			want   error
		}{
			{func(m *rooms.Message) { m.Text = strings.Repeat("x", 65536) }, sql.ErrTooLong},
			{func(m *rooms.Message) { m.Name = strings.Repeat("x", 192) }, sql.ErrTooLong},
			{func(m *rooms.Message) { m.Type = strings.Repeat("x", 21) }, sql.ErrTooLong},
			{func(m *rooms.Message) { m.ID = strings.Repeat("x", 192) }, sql.ErrTooLong},
			{func(m *rooms.Message) { m.ID = "" }, sql.ErrInvalid},
			{func(m *rooms.Message) { m.Text = "secret \xf0\x9f" }, sql.ErrInvalid},
		} {
			m := messages("a", acc[0], 2)
			tc.change(&m[1])
			err := db.AddMessages(t.Context(), "room-1", m, nil)
			wantErr(t, err, tc.want)
			if strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("the error quotes the text: %v", err)
			}
		}
		if db.Queries() != before {
			t.Error("the database was asked")
		}
	})
}

func TestAddMessagesIsAllOrNothing(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		first := messages("a", acc[0], 1)
		must(t, db.AddMessages(ctx, "room-1", first, acc))
		same(t, mark(t, db, "room-1", acc[0]), rooms.ReadMark{Account: acc[0], MsgID: first[0].ID, Time: start})

		twice := messages("b", acc[0], 2)
		twice[1].ID = first[0].ID
		wantErr(t, db.AddMessages(ctx, "room-1", twice, acc), sql.ErrExists)
		wantErr(t, db.AddMessages(ctx, "room-1", messages("c", "acc-unknown", 1), nil), rooms.ErrNotFound)
		wantErr(t, db.AddMessages(ctx, "room-unknown", messages("d", acc[0], 1), nil), rooms.ErrNotFound)
		wantErr(t, db.AddMessages(ctx, "room-1", messages("e", acc[0], 1), []rooms.AccountID{"acc-unknown"}), rooms.ErrNotFound)
		same(t, ids(load(t, db, "room-1").Tail), ids(first))
		same(t, mark(t, db, "room-1", acc[0]), rooms.ReadMark{Account: acc[0], MsgID: first[0].ID, Time: start})

		must(t, db.AddMessages(ctx, "room-1", nil, acc))
		must(t, db.AddMessages(ctx, "room-1", messages("f", acc[0], 1), []rooms.AccountID{"guest-1", acc[0], acc[0]}))
		if n := scalar[int](t, c, `SELECT COUNT(*) FROM room WHERE lastActivity IS NOT NULL`); n != 1 {
			t.Error("the room's last activity is not noted")
		}
	})
}

func TestPageBoundaries(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		room(t, db, "room-2", acc...)
		log := messages("a", acc[0], 10)
		log[4].Status = "delete"
		add(t, db, "room-1", log[5:]...) // not in the order of their rows
		add(t, db, "room-1", log[:5]...)
		add(t, db, "room-2", messages("other", acc[0], 10)...)
		want := func(numbers ...int) []string {
			all := []string{}
			for _, n := range numbers {
				all = append(all, log[n].ID)
			}
			return all
		}
		for _, tc := range []struct {
			q    rooms.PageQuery
			want []string
		}{
			{rooms.PageQuery{Before: start + 6, Limit: 3}, want(2, 3, 5)}, // exclusive, the newest of them
			{rooms.PageQuery{Before: start + 2, Limit: 100}, want(0, 1)},
			{rooms.PageQuery{Before: start, Limit: 100}, want()},
			{rooms.PageQuery{Before: start + 100, Limit: 1}, want(9)},
			{rooms.PageQuery{After: start + 3, Limit: 3}, want(3, 5, 6)}, // inclusive, the oldest of them
			{rooms.PageQuery{After: start + 9, Limit: 100}, want(9)},
			{rooms.PageQuery{After: start + 10, Limit: 100}, want()},
			{rooms.PageQuery{After: 1, Limit: 100}, want(0, 1, 2, 3, 5, 6, 7, 8, 9)},
		} {
			got, err := db.Page(t.Context(), "room-1", tc.q)
			must(t, err)
			same(t, ids(got), tc.want)
		}
		for _, q := range []rooms.PageQuery{
			{}, {Limit: 10}, {Before: 1, After: 1, Limit: 10}, {Before: 1}, {Before: 1, Limit: -1},
			{Before: 1, Limit: 101}, {Before: -1, Limit: 1}, {After: -1, Limit: 1}, {After: 1, Before: -1, Limit: 1},
		} {
			_, err := db.Page(t.Context(), "room-1", q)
			wantErr(t, err, sql.ErrInvalid)
		}
		got, err := db.Page(t.Context(), "room-unknown", rooms.PageQuery{After: 1, Limit: 1})
		if len(got) != 0 || err != nil {
			t.Errorf("an unknown room has %v, %v", got, err)
		}
	})
}

func TestEqualTimesKeepTheOrderOfWriting(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		log := messages("a", acc[0], 5)
		for n := range log {
			log[n].Time = start // as the predecessor wrote bursts
		}
		add(t, db, "room-1", log...)
		same(t, ids(load(t, db, "room-1").Tail), ids(log))
		for _, q := range []rooms.PageQuery{{After: start, Limit: 9}, {Before: start + 1, Limit: 9}} {
			got, err := db.Page(t.Context(), "room-1", q)
			must(t, err)
			same(t, ids(got), ids(log))
		}
	})
}

func TestEditsAreJoined(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		add(t, db, "room-1", messages("a", acc[0], 2)...)
		sqltest.Exec(t, c,
			`INSERT INTO message_edit (clientId, msgId, editBy, editTime, reason, message) VALUES
				('edit-1', 'msg-a-0', 'acc-0', 17, 'first', 'old'), ('edit-2', 'msg-a-0', 'acc-0', 18, 'typo', 'new text')`,
			`UPDATE message SET editId = 'edit-2' WHERE msgId = 'msg-a-0'`,
			`UPDATE message SET editId = 'edit-lost', status = 'delete', statusId = 'delete-1' WHERE msgId = 'msg-a-1'`)
		edited := rooms.Message{
			ID: "msg-a-0", Room: "room-1", From: acc[0], Time: start, Type: "msg", Name: "User", Text: "new text",
			EditID: "edit-2", EditBy: acc[0], EditTime: 18, EditReason: "typo",
		}
		got, err := db.Message(t.Context(), "room-1", "msg-a-0")
		must(t, err)
		same(t, got, edited)
		same(t, load(t, db, "room-1").Tail, []rooms.Message{edited}) // the deleted one is left out
		got, err = db.Message(t.Context(), "room-1", "msg-a-1")
		must(t, err)
		if got.Text != "text 1" || got.EditID != "" || got.Status != "delete" || got.StatusID != "delete-1" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestMessageOfAnotherRoomIsNotFound(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		room(t, db, "room-2", acc...)
		add(t, db, "room-1", messages("a", acc[0], 1)...)
		for _, tc := range []struct {
			room rooms.RoomID
			id   string
		}{{"room-2", "msg-a-0"}, {"room-1", "msg-unknown"}, {"room-1", "MSG-A-0"}, {"room-1", ""}} {
			_, err := db.Message(t.Context(), tc.room, tc.id)
			wantErr(t, err, rooms.ErrNotFound)
		}
	})
}

func TestCountUnread(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 3)
		room(t, db, "room-1", acc...)
		log := messages("a", acc[0], 6)
		log[1].From = acc[1] // own
		log[2].Status = "delete"
		log[3].From = "" // a guest's
		add(t, db, "room-1", log...)
		for _, tc := range []struct {
			account rooms.AccountID
			after   int64
			want    int
		}{
			{acc[1], 0, 4}, {acc[1], start, 3}, {acc[1], start + 4, 1}, {acc[1], start + 5, 0},
			{acc[0], 0, 2}, {acc[2], 0, 5}, {"guest-1", 0, 5},
		} {
			got, err := db.CountUnread(t.Context(), "room-1", tc.account, tc.after)
			must(t, err)
			if got != tc.want {
				t.Errorf("unread of %s after %d: %d, want %d", tc.account, tc.after-start, got, tc.want)
			}
		}
	})
}

// The predecessor's databases have null in status where ours have "".
func TestNullStatusIsNoStatus(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		upgradedOriginal(t, c)
		db := sqltest.Open(t, c)
		tail := load(t, db, "room-old").Tail
		same(t, ids(tail), []string{"msg-old-1", "msg-old-2"})
		same(t, tail[0].Status, "")
		n, err := db.CountUnread(t.Context(), "room-old", "acc-old-2", 0)
		must(t, err)
		same(t, n, 2)
	})
}
