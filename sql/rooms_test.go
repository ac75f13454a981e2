package sql_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

func TestRoomReadsBackAsWritten(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 3)
		want := rooms.RoomRecord{
			ID: "room-1", Name: "Ünïcode 😀", OwnerID: "guest-owner",
			Settings: json.RawMessage(`{"userLimit":3}`), IsPrivate: true, Created: time.Unix(1600000000, 0).UTC(),
		}
		must(t, db.CreateRoom(t.Context(), want, []rooms.AccountID{acc[2], acc[0], "guest-7", acc[2]}))
		data := load(t, db, "room-1")
		same(t, data.Room, want)
		same(t, data.Authorized, []rooms.AccountID{acc[2], acc[0]})
		less := cmpopts.SortSlices(func(a, b rooms.ReadMark) bool { return a.Account < b.Account })
		if d := cmp.Diff([]rooms.ReadMark{{Account: acc[0]}, {Account: acc[2]}}, data.Marks, less); d != "" {
			t.Errorf("marks (-want +got):\n%s", d)
		}
		if len(data.Tail) != 0 || data.PublicToken != "" || len(data.Assigned) != 0 {
			t.Errorf("a new room is not empty: %+v", data)
		}
	})
}

func TestCreateRoomIsAllOrNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		r := rooms.RoomRecord{ID: "room-1", Name: "x", OwnerID: acc[0]}
		wantErr(t, db.CreateRoom(t.Context(), r, []rooms.AccountID{acc[0], "acc-unknown"}), rooms.ErrNotFound)
		_, err := db.LoadRoom(t.Context(), "room-1", 10)
		wantErr(t, err, rooms.ErrNotFound)
		must(t, db.CreateRoom(t.Context(), r, acc))
		wantErr(t, db.CreateRoom(t.Context(), r, acc), sql.ErrExists)
	})
}

func TestRoomFieldsAreBounded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		long := strings.Repeat("ä", 192)
		before := db.Queries()
		ctx := t.Context()
		wantErr(t, db.CreateRoom(ctx, rooms.RoomRecord{ID: "room-2", Name: long}, nil), sql.ErrTooLong)
		wantErr(t, db.CreateRoom(ctx, rooms.RoomRecord{Name: "x"}, nil), sql.ErrInvalid)
		wantErr(t, db.CreateRoom(ctx, rooms.RoomRecord{ID: "room-2", Settings: json.RawMessage(`{`)}, nil), sql.ErrInvalid)
		wantErr(t, db.RenameRoom(ctx, "room-1", long), sql.ErrTooLong)
		wantErr(t, db.SetRoomSetting(ctx, "room-1", "", []byte(`1`)), sql.ErrInvalid)
		wantErr(t, db.SetRoomSetting(ctx, "room-1", "a", []byte(`{`)), sql.ErrInvalid)
		_, err := db.Authorize(ctx, "room-1", []rooms.AccountID{rooms.AccountID(long)})
		wantErr(t, err, sql.ErrTooLong)
		if db.Queries() != before {
			t.Error("the database was asked")
		}
	})
}

func TestLoadRoomLeavesOutDisabledAccounts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 2)
		room(t, db, "room-1", acc...)
		all, err := db.Accounts(t.Context())
		must(t, err)
		all[0].Disabled = true
		must(t, db.UpdateAccounts(t.Context(), all))
		same(t, load(t, db, "room-1").Authorized, acc[1:])
	})
}

func TestLoadRoomTellsUpperFromLowerCase(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		room(t, db, "room-a", accounts(t, db, 1)...)
		_, err := db.LoadRoom(t.Context(), "ROOM-A", 10)
		wantErr(t, err, rooms.ErrNotFound)
	})
}

func TestLoadRoomNeedsAConstantNumberOfQueries(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 500)
		count := func(id rooms.RoomID, members []rooms.AccountID) uint64 {
			room(t, db, id, members...)
			add(t, db, id, messages(string(id), acc[0], len(members))...)
			before := db.Queries()
			data := load(t, db, id)
			if len(data.Authorized) != len(members) || len(data.Marks) != len(members) {
				t.Fatalf("%d members, %d marks; want %d", len(data.Authorized), len(data.Marks), len(members))
			}
			return db.Queries() - before
		}
		few, many := count("room-5", acc[:5]), count("room-500", acc)
		if few != many || few == 0 {
			t.Errorf("%d queries for 5 members, %d for 500", few, many)
		}
	})
}

func TestRenameAndSettings(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		room(t, db, "room-1", accounts(t, db, 1)...)
		ctx := t.Context()
		must(t, db.RenameRoom(ctx, "room-1", "New 😀"))
		must(t, db.RenameRoom(ctx, "room-1", "New 😀"))
		must(t, db.SetRoomSetting(ctx, "room-1", "userLimit", []byte(`12345678901234567890`)))
		must(t, db.SetRoomSetting(ctx, "room-1", `odd".$key`, []byte(`{"a":[null]}`)))
		must(t, db.SetRoomSetting(ctx, "room-1", "userLimit", []byte(`7`)))
		data := load(t, db, "room-1")
		same(t, data.Room.Name, "New 😀")
		same(t, string(data.Room.Settings), `{"odd\".$key":{"a":[null]},"userLimit":7}`)

		sqltest.Exec(t, c, `UPDATE room SET settings = '[]'`)
		must(t, db.SetRoomSetting(ctx, "room-1", "a", []byte(`1`)))
		same(t, string(load(t, db, "room-1").Room.Settings), `{"a":1}`)

		wantErr(t, db.RenameRoom(ctx, "room-9", "x"), rooms.ErrNotFound)
		wantErr(t, db.SetRoomSetting(ctx, "room-9", "a", []byte(`1`)), rooms.ErrNotFound)
		big := []byte(`"` + strings.Repeat("x", 65535) + `"`)
		wantErr(t, db.SetRoomSetting(ctx, "room-1", "b", big), sql.ErrTooLong)
	})
}

func TestSettingsOfSeveralWritersAreAllKept(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		room(t, db, "room-1", accounts(t, db, 1)...)
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				if err := db.SetRoomSetting(t.Context(), "room-1", fmt.Sprint("key", n), []byte(`1`)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var all map[string]int
		must(t, json.Unmarshal(load(t, db, "room-1").Room.Settings, &all))
		if len(all) != 20 {
			t.Errorf("%d settings are left, want 20", len(all))
		}
	})
}

func TestPersistRoom(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 3)
		tail := messages("p", acc[0], 3)
		tail[1].From = "" // a guest
		tail[2].From = "guest-7"
		data := &rooms.RoomData{
			Room:       rooms.RoomRecord{ID: "room-1", Name: "Kept", OwnerID: acc[0]},
			Authorized: []rooms.AccountID{acc[0], acc[1], "guest-7"}, Tail: tail,
			Marks: []rooms.ReadMark{
				{Account: acc[0], MsgID: tail[2].ID, Time: tail[2].Time},
				{Account: acc[1]},
				{Account: acc[2], MsgID: "msg-dropped-from-the-tail", Time: start - 5},
				{Account: "guest-7", MsgID: tail[2].ID, Time: tail[2].Time},
			},
			Tokens: []rooms.Token{
				{Type: "private", Token: "private-1", Room: "room-1", SingleUse: true, CreatedBy: acc[0]},
				{Type: "public", Token: "public-1", Room: "room-1", CreatedBy: acc[1]},
			},
		}
		must(t, db.PersistRoom(t.Context(), data))
		got := load(t, db, "room-1")
		same(t, got.Authorized, acc[:2])
		same(t, ids(got.Tail), ids(tail))
		same(t, []rooms.AccountID{got.Tail[0].From, got.Tail[1].From, got.Tail[2].From}, []rooms.AccountID{acc[0], "", ""})
		same(t, got.PublicToken, "public-1")
		same(t, mark(t, db, "room-1", acc[0]), data.Marks[0])
		same(t, mark(t, db, "room-1", acc[1]), data.Marks[1])
		same(t, mark(t, db, "room-1", acc[2]), rooms.ReadMark{Account: acc[2], Time: start - 5})
		if len(got.Marks) != 3 {
			t.Errorf("%d marks, want 3", len(got.Marks))
		}
		wantErr(t, db.PersistRoom(t.Context(), data), sql.ErrExists)
	})
}

func TestPersistRoomIsAllOrNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		room(t, db, "room-0", acc...)
		must(t, db.AddToken(t.Context(), rooms.Token{Type: "public", Token: "public-taken", Room: "room-0", CreatedBy: acc[0]}))
		data := &rooms.RoomData{
			Room: rooms.RoomRecord{ID: "room-1", Name: "Kept", OwnerID: acc[0]}, Authorized: acc, Tail: messages("p", acc[0], 3),
			Tokens: []rooms.Token{{Type: "public", Token: "public-taken", Room: "room-1", CreatedBy: acc[0]}},
		}
		err := db.PersistRoom(t.Context(), data)
		wantErr(t, err, sql.ErrExists)
		if strings.Contains(err.Error(), "public-taken") {
			t.Errorf("the error quotes a token: %v", err)
		}
		_, err = db.LoadRoom(t.Context(), "room-1", 10)
		wantErr(t, err, rooms.ErrNotFound)
		data.Tokens[0].Room = "room-0"
		wantErr(t, db.PersistRoom(t.Context(), data), sql.ErrInvalid)
		data.Tokens = nil
		must(t, db.PersistRoom(t.Context(), data)) // its messages are not there from before
	})
}

func TestAuthorize(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		ctx := t.Context()
		acc := accounts(t, db, 4)
		room(t, db, "room-0", acc...)
		add(t, db, "room-0", messages("other", acc[0], 9)...)
		room(t, db, "room-1", acc[0])

		marks, err := db.Authorize(ctx, "room-1", []rooms.AccountID{acc[1]})
		must(t, err)
		same(t, marks, []rooms.ReadMark{{Account: acc[1]}}) // nothing to read; not of room-0

		log := messages("a", acc[0], 3)
		add(t, db, "room-1", log...)
		marks, err = db.Authorize(ctx, "room-1", []rooms.AccountID{acc[3], acc[1], "guest-1", acc[2], acc[3]})
		must(t, err)
		newest := func(a rooms.AccountID) rooms.ReadMark {
			return rooms.ReadMark{Account: a, MsgID: log[2].ID, Time: log[2].Time}
		}
		same(t, marks, []rooms.ReadMark{newest(acc[3]), {Account: acc[1]}, newest(acc[2])})
		same(t, load(t, db, "room-1").Authorized, []rooms.AccountID{acc[0], acc[1], acc[3], acc[2]})

		must(t, db.Unauthorize(ctx, "room-1", acc[1]))
		must(t, db.Unauthorize(ctx, "room-1", acc[1]))
		same(t, load(t, db, "room-1").Authorized, []rooms.AccountID{acc[0], acc[3], acc[2]})
		marks, err = db.Authorize(ctx, "room-1", acc[1:2]) // goes on where he was
		must(t, err)
		same(t, marks, []rooms.ReadMark{{Account: acc[1]}})

		_, err = db.Authorize(ctx, "room-1", []rooms.AccountID{"acc-unknown"})
		wantErr(t, err, rooms.ErrNotFound)
		_, err = db.Authorize(ctx, "room-unknown", acc)
		wantErr(t, err, rooms.ErrNotFound)
		marks, err = db.Authorize(ctx, "room-1", []rooms.AccountID{"guest-1"})
		if len(marks) != 0 || err != nil {
			t.Errorf("a guest got %v, %v", marks, err)
		}
	})
}

func TestAuthorizeHundreds(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1201)
		room(t, db, "room-1", acc[0])
		marks, err := db.Authorize(t.Context(), "room-1", acc)
		must(t, err)
		if len(marks) != len(acc) || len(load(t, db, "room-1").Authorized) != len(acc) {
			t.Errorf("%d marks, want %d", len(marks), len(acc))
		}
	})
}

func TestRoomsOf(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 2)
		make := func(id rooms.RoomID, age int, private bool, authorized ...rooms.AccountID) {
			r := rooms.RoomRecord{ID: id, Name: "x", OwnerID: acc[0], IsPrivate: private, Created: time.Unix(1600000000-int64(age), 0)}
			must(t, db.CreateRoom(ctx, r, authorized))
		}
		make("room-new", 10, false, acc[0])
		make("room-old", 99, false, acc[0])
		make("room-private", 50, true, acc[0])
		make("room-removed", 50, false, acc[0])
		make("room-group", 50, false)
		make("room-both", 40, false, acc[0])
		make("room-other", 40, false, acc[1])
		must(t, db.RemoveRoom(ctx, "room-removed"))
		sqltest.Exec(t, c, `INSERT INTO workgroup_rooms (fId, roomId, setById) VALUES ('7', 'room-group', 'acc-0'),
			('7', 'room-both', 'acc-0'), ('8', 'room-both', 'acc-0'), ('9', 'room-other', 'acc-0'), ('7', 'room-removed', 'acc-0')`)

		groups := []string{"8", "7"}
		for len(groups) < 1500 {
			groups = append(groups, fmt.Sprintf("none-%d", len(groups)))
		}
		got, err := db.RoomsOf(ctx, acc[0], groups)
		must(t, err)
		same(t, got, []rooms.RoomID{"room-old", "room-group", "room-both", "room-new"})
		got, err = db.RoomsOf(ctx, acc[0], nil)
		must(t, err)
		same(t, got, []rooms.RoomID{"room-old", "room-both", "room-new"})
		got, err = db.RoomsOf(ctx, "guest-1", nil)
		if len(got) != 0 || err != nil {
			t.Errorf("a guest has %v, %v", got, err)
		}

		assigned := load(t, db, "room-both").Assigned
		if len(assigned) != 2 || assigned[0].FID != "7" || assigned[0].SetByID != acc[0] || assigned[0].SetTime.IsZero() {
			t.Errorf("assigned: %+v", assigned)
		}
	})
}

func TestRemovedRoomIsFoundByNobody(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		add(t, db, "room-1", messages("a", acc[0], 1)...)
		must(t, db.AddToken(ctx, rooms.Token{Type: "public", Token: "public-1", Room: "room-1", CreatedBy: acc[0]}))
		must(t, db.RemoveRoom(ctx, "room-1"))

		_, err := db.LoadRoom(ctx, "room-1", 10)
		wantErr(t, err, rooms.ErrNotFound)
		_, err = db.Authorize(ctx, "room-1", acc)
		wantErr(t, err, rooms.ErrNotFound)
		wantErr(t, db.RenameRoom(ctx, "room-1", "x"), rooms.ErrNotFound)
		wantErr(t, db.SetRoomSetting(ctx, "room-1", "a", []byte(`1`)), rooms.ErrNotFound)
		wantErr(t, db.AddMessages(ctx, "room-1", messages("b", acc[0], 1), nil), rooms.ErrNotFound)
		wantErr(t, db.RemoveRoom(ctx, "room-1"), rooms.ErrNotFound)
		wantErr(t, db.RemoveRoom(ctx, "room-unknown"), rooms.ErrNotFound)
		if n := scalar[int](t, c, `SELECT COUNT(*) FROM invite_token WHERE isValid = 1`); n != 0 {
			t.Error("its invite is still valid")
		}
		if n := scalar[int](t, c, `SELECT COUNT(*) FROM message`); n != 1 {
			t.Errorf("%d messages are left, want 1", n)
		}
	})
}

func TestAssignAndDismiss(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 2)
		room(t, db, "room-1", acc...)
		first := rooms.Assignment{FID: "7", SetByID: acc[0], SetTime: time.Unix(1600000000, 0).UTC()}
		second := rooms.Assignment{FID: "8", SetByID: acc[1], SetTime: time.Unix(1600000001, 0).UTC()}
		must(t, db.Assign(ctx, "room-1", first))
		must(t, db.Assign(ctx, "room-1", second))
		must(t, db.Assign(ctx, "room-1", rooms.Assignment{FID: "7", SetByID: acc[1]}))
		same(t, load(t, db, "room-1").Assigned, []rooms.Assignment{first, second})
		must(t, db.Dismiss(ctx, "room-1", "7"))
		must(t, db.Dismiss(ctx, "room-1", "7"))
		must(t, db.Dismiss(ctx, "room-2", "8"))
		same(t, load(t, db, "room-1").Assigned, []rooms.Assignment{second})
		must(t, db.Assign(ctx, "room-1", rooms.Assignment{FID: "9", SetByID: acc[1]}))
		if load(t, db, "room-1").Assigned[1].SetTime.IsZero() {
			t.Error("an assignment without time has none")
		}
		for _, tc := range []struct {
			room rooms.RoomID
			a    rooms.Assignment
			want error
		}{
			{"room-unknown", first, rooms.ErrNotFound}, {"ROOM-1", first, rooms.ErrNotFound},
			{"room-1", rooms.Assignment{FID: "10", SetByID: "acc-unknown"}, rooms.ErrNotFound},
			{"room-1", rooms.Assignment{SetByID: acc[0]}, sql.ErrInvalid}, {"room-1", rooms.Assignment{FID: "10"}, sql.ErrInvalid},
			{"room-1", rooms.Assignment{FID: strings.Repeat("1", 192), SetByID: acc[0]}, sql.ErrTooLong},
		} {
			wantErr(t, db.Assign(ctx, tc.room, tc.a), tc.want)
		}
		must(t, db.RemoveRoom(ctx, "room-1"))
		wantErr(t, db.Assign(ctx, "room-1", first), rooms.ErrNotFound)
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM workgroup_rooms`)+scalar[int](t, c, `SELECT COUNT(*) FROM authorized_for_room`), 0)
	})
}

func TestOverview(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		ctx := t.Context()
		acc := accounts(t, db, 3)
		r := rooms.RoomRecord{ID: "room-1", WorkgroupID: "friend_wg_1", Name: "Plans", OwnerID: acc[0], Settings: json.RawMessage(`{"userLimit":3}`), Created: time.Unix(1600000000, 0).UTC()}
		must(t, db.CreateRoom(ctx, r, acc[:2]))
		room(t, db, "room-2", acc[2])
		got, err := db.Overview(ctx, "room-1")
		must(t, err)
		same(t, got, &rooms.Overview{Room: r, Authorized: acc[:2]})

		all, err := db.Accounts(ctx)
		must(t, err)
		all[1].Disabled = true
		must(t, db.UpdateAccounts(ctx, all))
		for _, id := range []rooms.RoomID{"room-1", "room-2"} {
			add(t, db, id, messages(string(id), acc[0], 3)...)
			must(t, db.AddEdit(ctx, id, edit("edit-"+string(id), "msg-"+string(id)+"-1", acc[0], "x")))
			must(t, db.DeleteMessage(ctx, id, rooms.Deletion{ID: "delete-" + string(id), MsgID: "msg-" + string(id) + "-2"}))
		}
		must(t, db.Assign(ctx, "room-1", rooms.Assignment{FID: "7", SetByID: acc[0]}))
		must(t, db.AddToken(ctx, rooms.Token{Type: "public", Token: "public-1", Room: "room-1", CreatedBy: acc[0]}))
		must(t, db.AddToken(ctx, rooms.Token{Type: "public", Token: "public-2", Room: "room-1", CreatedBy: acc[0]}))
		must(t, db.RevokeToken(ctx, "room-1", "public-2", acc[0]))
		got, err = db.Overview(ctx, "room-1")
		must(t, err)
		same(t, got.Authorized, acc[:2]) // the disabled one too
		same(t, []int{len(got.Assigned), len(got.Tokens), got.Messages, got.Edits}, []int{1, 1, 3, 1})
		same(t, got.Tokens[0].Token, "public-1")
		if got.LastActivity.IsZero() {
			t.Error("no last activity")
		}
		must(t, db.RemoveRoom(ctx, "room-2"))
		for _, id := range []rooms.RoomID{"room-2", "room-unknown", "ROOM-1", ""} {
			_, err := db.Overview(ctx, id)
			wantErr(t, err, rooms.ErrNotFound)
		}
	})
}
