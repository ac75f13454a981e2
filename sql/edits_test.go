package sql_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

func edit(id, msgID string, by rooms.AccountID, text string) rooms.Edit {
	return rooms.Edit{ID: id, MsgID: msgID, By: by, Time: start + 50, Reason: "typo", Text: text}
}

func text(t testing.TB, db *sql.DB, id string) string {
	t.Helper()
	m, err := db.Message(t.Context(), "room-1", id)
	must(t, err)
	return m.Text
}

func TestSetText(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		room(t, db, "room-2", acc...)
		log := messages("a", acc[0], 4)
		log[1].Status = "delete"
		add(t, db, "room-1", log...)
		must(t, db.SetText(ctx, "room-1", "msg-a-0", "new 😀"))
		must(t, db.SetText(ctx, "room-1", "msg-a-0", "new 😀")) // nothing changes: still found
		same(t, text(t, db, "msg-a-0"), "new 😀")
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message_edit`), 0) // leaves no trace

		must(t, db.AddEdit(ctx, "room-1", edit("edit-1", "msg-a-2", acc[0], "edited")))
		for _, tc := range []struct {
			room rooms.RoomID
			id   string
		}{
			{"room-1", "msg-a-1"}, {"room-1", "msg-a-2"}, {"room-2", "msg-a-0"}, {"room-1", "MSG-A-0"}, {"ROOM-1", "msg-a-0"},
			{"room-1", "msg-unknown"}, {"room-unknown", "msg-a-0"},
		} {
			wantErr(t, db.SetText(ctx, tc.room, tc.id, "lost"), rooms.ErrNotFound)
		}
		wantErr(t, db.SetText(ctx, "room-1", "msg-a-0", strings.Repeat("x", 65536)), sql.ErrTooLong)
		wantErr(t, db.SetText(ctx, "room-1", "msg-a-0", "secret \xff"), sql.ErrInvalid)
		wantErr(t, db.SetText(ctx, "room-1", "", "x"), sql.ErrInvalid)
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message WHERE message = 'lost'`), 0)
		must(t, db.RemoveRoom(ctx, "room-1"))
		wantErr(t, db.SetText(ctx, "room-1", "msg-a-0", "lost"), rooms.ErrNotFound)
	})
}

func TestEditsLeaveTheirTrace(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 2)
		room(t, db, "room-1", acc...)
		room(t, db, "room-2", acc...)
		add(t, db, "room-1", messages("a", acc[0], 2)...)
		must(t, db.AddEdit(ctx, "room-1", edit("edit-1", "msg-a-0", acc[1], "first")))
		// A later one wins, also one of the author: his edit is never lost.
		second := rooms.Edit{ID: "edit-2", MsgID: "msg-a-0", By: acc[0], Time: start + 60, Text: "second 😀"}
		must(t, db.AddEdit(ctx, "room-1", second))
		got, err := db.Message(ctx, "room-1", "msg-a-0")
		must(t, err)
		want := rooms.Message{
			ID: "msg-a-0", Room: "room-1", From: acc[0], Time: start, Type: "msg", Name: "User", Text: "second 😀",
			EditID: "edit-2", EditBy: acc[0], EditTime: start + 60,
		}
		same(t, got, want)
		same(t, load(t, db, "room-1").Tail[0], want)
		same(t, scalar[string](t, c, `SELECT message FROM message WHERE msgId = 'msg-a-0'`), "text 0")
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message_edit WHERE reason = 'typo' OR reason IS NULL`), 2)

		must(t, db.DeleteMessage(ctx, "room-1", rooms.Deletion{ID: "delete-1", MsgID: "msg-a-1", By: acc[0], Time: start}))
		for _, tc := range []struct {
			room   rooms.RoomID
			change func(*rooms.Edit)
			want   error
		}{
			{"room-2", func(*rooms.Edit) {}, rooms.ErrNotFound},
			{"room-1", func(e *rooms.Edit) { e.MsgID = "msg-a-1" }, rooms.ErrNotFound},
			{"room-1", func(e *rooms.Edit) { e.MsgID = "msg-unknown" }, rooms.ErrNotFound},
			{"room-1", func(e *rooms.Edit) { e.MsgID = "MSG-a-0" }, rooms.ErrNotFound},
			{"room-1", func(e *rooms.Edit) { e.By = "acc-unknown" }, rooms.ErrNotFound},
			{"room-1", func(e *rooms.Edit) { e.ID = "edit-1" }, sql.ErrExists},
			{"room-1", func(e *rooms.Edit) { e.ID = "" }, sql.ErrInvalid},
			{"room-1", func(e *rooms.Edit) { e.MsgID = strings.Repeat("x", 192) }, sql.ErrTooLong},
			{"room-1", func(e *rooms.Edit) { e.Reason = strings.Repeat("x", 65536) }, sql.ErrTooLong},
			{"room-1", func(e *rooms.Edit) { e.Text = "secret \xff" }, sql.ErrInvalid},
		} {
			e := edit("edit-3", "msg-a-0", acc[0], "secret")
			tc.change(&e)
			err := db.AddEdit(ctx, tc.room, e)
			wantErr(t, err, tc.want)
			if strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("the error quotes the text: %v", err)
			}
		}
		same(t, text(t, db, "msg-a-0"), "second 😀") // all or nothing
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message_edit`), 2)
	})
}

func TestDeleteMessage(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		room(t, db, "room-2", acc...)
		add(t, db, "room-1", messages("a", acc[0], 3)...)
		d := rooms.Deletion{ID: "delete-1", MsgID: "msg-a-1", By: acc[0], Time: start + 9}
		wantErr(t, db.DeleteMessage(ctx, "room-2", d), rooms.ErrNotFound)
		must(t, db.DeleteMessage(ctx, "room-1", d))
		d.ID = "delete-2"
		wantErr(t, db.DeleteMessage(ctx, "room-1", d), rooms.ErrNotFound) // is deleted already
		d.MsgID = "msg-unknown"
		wantErr(t, db.DeleteMessage(ctx, "room-1", d), rooms.ErrNotFound)
		d.MsgID, d.ID = "msg-a-0", "delete-1"
		wantErr(t, db.DeleteMessage(ctx, "room-1", d), sql.ErrExists)
		d.ID = ""
		wantErr(t, db.DeleteMessage(ctx, "room-1", d), sql.ErrInvalid)
		d.ID, d.By = "delete-3", "acc-unknown"
		wantErr(t, db.DeleteMessage(ctx, "room-1", d), rooms.ErrNotFound)

		got, err := db.Message(ctx, "room-1", "msg-a-1")
		must(t, err)
		same(t, []string{got.Status, got.StatusID, got.Text}, []string{"delete", "delete-1", "text 1"})
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message_status WHERE status = 'delete' AND clientId = 'delete-1'
			AND msgId = 'msg-a-1' AND setBy = 'acc-0' AND setTime = 1709283600009 AND reason IS NULL AND message IS NULL`), 1)
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message_status`), 1)
		same(t, ids(load(t, db, "room-1").Tail), []string{"msg-a-0", "msg-a-2"})

		for _, tc := range []struct {
			q    rooms.PageQuery
			want []string
		}{
			{rooms.PageQuery{Before: start + 3, Limit: 2}, []string{"msg-a-0", "msg-a-2"}},
			{rooms.PageQuery{Before: start + 3, Limit: 2, Deleted: true}, []string{"msg-a-1", "msg-a-2"}},
			{rooms.PageQuery{After: start + 1, Limit: 1}, []string{"msg-a-2"}},
			{rooms.PageQuery{After: start + 1, Limit: 1, Deleted: true}, []string{"msg-a-1"}},
		} {
			page, err := db.Page(ctx, "room-1", tc.q)
			must(t, err)
			same(t, ids(page), tc.want)
		}
	})
}

// Of several who delete one message at once, one does.
func TestDeleteAtOnce(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		add(t, db, "room-1", messages("a", acc[0], 1)...)
		errs := make([]error, 10)
		var wg sync.WaitGroup
		for n := range errs {
			wg.Go(func() {
				errs[n] = db.DeleteMessage(t.Context(), "room-1", rooms.Deletion{ID: fmt.Sprint("delete-", n), MsgID: "msg-a-0", By: acc[0]})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			wantErr(t, err, rooms.ErrNotFound)
		}
		same(t, won, 1)
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message_status`), 1)
	})
}
