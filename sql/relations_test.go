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

func contactRoom(id rooms.RoomID) rooms.RoomRecord {
	return rooms.RoomRecord{ID: id, Name: "contact-room"}
}

func relations(t testing.TB, db *sql.DB, account rooms.AccountID) []rooms.Relation {
	t.Helper()
	all, err := db.Relations(t.Context(), account)
	must(t, err)
	return all
}

func contactsOf(all []rooms.Relation) (contacts []rooms.AccountID) {
	for _, r := range all {
		contacts = append(contacts, r.Contact)
	}
	return contacts
}

// relation is the direction between two accounts.
func relation(t testing.TB, db *sql.DB, a, b rooms.AccountID) rooms.Relation {
	t.Helper()
	all, err := db.Relation(t.Context(), a, b)
	must(t, err)
	if len(all) != 2 || all[0].Account != a || all[0].Contact != b || all[1].Account != b || all[1].Contact != a || all[0].ID != all[1].ID {
		t.Fatalf("no relation of two directions: %+v", all)
	}
	return all[0]
}

func TestRelate(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		ctx := t.Context()
		acc := accounts(t, db, 4)
		made, err := db.Relate(ctx, acc[1], []rooms.AccountID{acc[2], acc[0], acc[2]})
		must(t, err)
		same(t, made, []rooms.AccountID{acc[2], acc[0]})
		made, err = db.Relate(ctx, acc[0], acc[1:])
		must(t, err)
		same(t, made, acc[2:])
		same(t, contactsOf(relations(t, db, acc[0])), acc[1:])
		same(t, contactsOf(relations(t, db, acc[1])), []rooms.AccountID{acc[0], acc[2]})
		r := relation(t, db, acc[1], acc[0])
		if !strings.HasPrefix(r.ID, "rel-") || len(r.ID) != 40 || r.ID == relation(t, db, acc[1], acc[2]).ID {
			t.Errorf("ids: %s", r.ID)
		}
		same(t, r, rooms.Relation{ID: r.ID, Account: acc[1], Contact: acc[0], Read: rooms.ReadMark{Account: acc[1]}})

		made, err = db.Relate(ctx, acc[0], nil)
		if len(made) != 0 || err != nil {
			t.Errorf("made %v, %v", made, err)
		}
		for _, tc := range []struct {
			a    rooms.AccountID
			with []rooms.AccountID
			want error
		}{
			{acc[3], []rooms.AccountID{acc[1], "acc-unknown"}, rooms.ErrNotFound},
			{acc[3], []rooms.AccountID{acc[1], "ACC-2"}, rooms.ErrNotFound},
			{acc[3], []rooms.AccountID{acc[1], "guest-1"}, rooms.ErrNotFound},
			{"acc-unknown", acc[1:2], rooms.ErrNotFound},
			{acc[3], []rooms.AccountID{acc[1], acc[3]}, sql.ErrInvalid},
			{acc[3], []rooms.AccountID{acc[1], ""}, sql.ErrInvalid},
			{acc[3], []rooms.AccountID{rooms.AccountID(strings.Repeat("x", 192))}, sql.ErrTooLong},
		} {
			_, err := db.Relate(ctx, tc.a, tc.with)
			wantErr(t, err, tc.want)
		}
		_, err = db.Relation(ctx, acc[3], acc[1]) // all or none
		wantErr(t, err, rooms.ErrNotFound)
		_, err = db.Relation(ctx, "ACC-1", acc[0])
		wantErr(t, err, rooms.ErrNotFound)
		if all := relations(t, db, "ACC-1"); len(all) != 0 {
			t.Errorf("another spelling has %v", all)
		}
	})
}

// The predecessor may have left one row of a relation, or two that differ.
func TestDamagedRelationsAreRepaired(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 5)
		for _, id := range []rooms.RoomID{"cont-1", "cont-2"} {
			r := contactRoom(id)
			r.IsPrivate = true
			must(t, db.CreateRoom(ctx, r, acc[:2]))
		}
		add(t, db, "cont-1", messages("a", acc[1], 2)...)
		sqltest.Exec(t, c, `INSERT INTO user_relation (relationId, userId, contactId, roomId, lastMsgId) VALUES
			('rel-1', 'acc-0', 'acc-1', 'cont-1', 'msg-a-1'), ('rel-2', 'acc-2', 'acc-0', NULL, NULL),
			('rel-3', 'acc-0', 'acc-3', NULL, NULL), ('rel-4', 'acc-3', 'acc-0', 'cont-2', NULL),
			('rel-5', 'acc-4', 'acc-0', NULL, NULL), ('rel-6', 'acc-0', 'acc-4', NULL, NULL)`)
		same(t, contactsOf(relations(t, db, acc[0])), []rooms.AccountID{acc[1], acc[3], acc[4]}) // by its own rows
		half, err := db.Relation(ctx, acc[1], acc[0])
		must(t, err)
		same(t, len(half), 1)
		same(t, half[0].Account, acc[0])

		made, err := db.Relate(ctx, acc[0], acc[1:])
		must(t, err)
		same(t, len(made), 0)
		for n, want := range map[int]rooms.Relation{
			1: {ID: "rel-1", Room: "cont-1"}, 2: {ID: "rel-2"}, 3: {ID: "rel-4", Room: "cont-2"}, 4: {ID: "rel-5"},
		} {
			for _, r := range []rooms.Relation{relation(t, db, acc[0], acc[n]), relation(t, db, acc[n], acc[0])} {
				same(t, []string{r.ID, string(r.Room)}, []string{want.ID, string(want.Room)})
			}
		}
		same(t, relation(t, db, acc[1], acc[0]).Last.ID, "msg-a-1")
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM user_relation`), 8)
	})
}

func TestOpenContact(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 4)
		_, err := db.Relate(ctx, acc[0], acc[1:2])
		must(t, err)
		got, err := db.OpenContact(ctx, acc[1], acc[0], contactRoom("cont-1")) // there is a relation already
		must(t, err)
		same(t, got, rooms.RoomID("cont-1"))
		got, err = db.OpenContact(ctx, acc[0], acc[1], contactRoom("cont-other"))
		must(t, err)
		same(t, got, rooms.RoomID("cont-1"))
		data := load(t, db, "cont-1")
		same(t, data.Room.IsPrivate, true)
		same(t, string(data.Room.OwnerID), relation(t, db, acc[0], acc[1]).ID)
		same(t, data.Authorized, []rooms.AccountID{acc[1], acc[0]})
		same(t, len(data.Relation), 2)
		same(t, relation(t, db, acc[1], acc[0]).Room, rooms.RoomID("cont-1"))
		if _, err := db.LoadRoom(ctx, "cont-other", 1); err == nil {
			t.Error("a second room was made")
		}

		got, err = db.OpenContact(ctx, acc[2], acc[0], contactRoom("cont-2")) // no relation yet
		must(t, err)
		same(t, got, rooms.RoomID("cont-2"))
		same(t, relation(t, db, acc[0], acc[2]).Room, rooms.RoomID("cont-2"))
		all, err := db.RoomsOf(ctx, acc[0], nil)
		if len(all) != 0 || err != nil {
			t.Errorf("contact rooms are listed: %v, %v", all, err)
		}

		// A half that the predecessor left, with its room.
		sqltest.Exec(t, c, `DELETE FROM user_relation WHERE userId = 'acc-0' AND contactId = 'acc-2'`,
			`DELETE FROM authorized_for_room WHERE roomId = 'cont-2' AND accountId = 'acc-0'`)
		got, err = db.OpenContact(ctx, acc[0], acc[2], contactRoom("cont-3"))
		must(t, err)
		same(t, got, rooms.RoomID("cont-2"))
		same(t, relation(t, db, acc[0], acc[2]).Room, rooms.RoomID("cont-2"))
		same(t, len(load(t, db, "cont-2").Authorized), 2)

		must(t, db.RemoveRoom(ctx, "cont-2"))
		got, err = db.OpenContact(ctx, acc[0], acc[2], contactRoom("cont-4"))
		must(t, err)
		same(t, got, rooms.RoomID("cont-4"))
		same(t, relation(t, db, acc[2], acc[0]).Room, rooms.RoomID("cont-4"))

		for _, tc := range []struct {
			a, b   rooms.AccountID
			record rooms.RoomRecord
			want   error
		}{
			{acc[3], "acc-unknown", contactRoom("cont-9"), rooms.ErrNotFound},
			{acc[3], "guest-1", contactRoom("cont-9"), rooms.ErrNotFound},
			{acc[3], acc[3], contactRoom("cont-9"), sql.ErrInvalid},
			{acc[3], acc[0], contactRoom(""), sql.ErrInvalid},
			{acc[3], acc[0], contactRoom("cont-1"), sql.ErrExists},
			{acc[3], acc[0], rooms.RoomRecord{ID: "cont-9", Name: strings.Repeat("x", 192)}, sql.ErrTooLong},
		} {
			_, err := db.OpenContact(ctx, tc.a, tc.b, tc.record)
			wantErr(t, err, tc.want)
		}
		_, err = db.Relation(ctx, acc[3], acc[0]) // nothing half-made is left behind
		wantErr(t, err, rooms.ErrNotFound)
	})
}

// Both sides open the chat at once, in two programs, and others relate them.
func TestContactsOpenedFromBothSidesAtOnce(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		two := [2]*sql.DB{sqltest.Open(t, c), sqltest.Open(t, c)}
		acc := accounts(t, two[0], 9)
		var wg sync.WaitGroup
		var mu sync.Mutex
		opened := map[rooms.AccountID]map[rooms.RoomID]bool{}
		made := map[rooms.AccountID]int{}
		for n := range 6 {
			for _, b := range acc[1:5] {
				wg.Go(func() {
					pair := [2]rooms.AccountID{acc[0], b}
					id := rooms.RoomID(fmt.Sprintf("cont-%s-%d", b, n))
					got, err := two[n%2].OpenContact(t.Context(), pair[n%2], pair[1-n%2], contactRoom(id))
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					if opened[b] == nil {
						opened[b] = map[rooms.RoomID]bool{}
					}
					opened[b][got] = true
				})
			}
			wg.Go(func() {
				all, err := two[n%2].Relate(t.Context(), acc[0], acc[5:])
				if err != nil {
					t.Error(err)
				}
				back, err := two[1-n%2].Relate(t.Context(), acc[5], acc[:1])
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, b := range all {
					made[b]++
				}
				if len(back) > 0 {
					made[acc[5]]++
				}
			})
		}
		wg.Wait()
		for _, b := range acc[1:5] {
			same(t, len(opened[b]), 1)
			r := relation(t, two[0], acc[0], b)
			same(t, r, relation(t, two[1], acc[0], b))
			same(t, opened[b][r.Room], true)
			same(t, len(load(t, two[0], r.Room).Authorized), 2)
		}
		for _, b := range acc[5:] {
			relation(t, two[0], acc[0], b)
			same(t, made[b], 1) // told to one of them
		}
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM user_relation`), 16)
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM room`), 4)
	})
}

func TestRelationsSayWhatIsUnread(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 4)
		all, err := db.Accounts(ctx)
		must(t, err)
		all[1].Name, all[2].Name, all[2].Disabled, all[3].Name = "bo", "Ada", true, "Cy"
		must(t, db.UpdateAccounts(ctx, all))
		for n := 1; n < 4; n++ {
			_, err := db.OpenContact(ctx, acc[0], acc[n], contactRoom(rooms.RoomID(fmt.Sprint("cont-", n))))
			must(t, err)
		}
		log := messages("a", acc[1], 6)
		log[2].From = acc[0]
		log[3].Status = "delete"
		log[5].Status = "delete"
		add(t, db, "cont-1", log...)
		add(t, db, "cont-2", messages("b", acc[2], 1)...)

		got := relations(t, db, acc[0])
		same(t, contactsOf(got), []rooms.AccountID{acc[2], acc[1], acc[3]}) // Ada, bo, Cy
		same(t, []bool{got[0].ContactDisabled, got[1].ContactDisabled}, []bool{true, false})
		same(t, []int{got[0].Unread, got[1].Unread, got[2].Unread}, []int{1, 3, 0})
		same(t, got[1].Last.ID, "msg-a-5") // also if deleted
		same(t, got[1].Last.Status, "delete")
		same(t, got[2].Last, (*rooms.Message)(nil))
		same(t, relation(t, db, acc[1], acc[0]).Unread, 1)

		mark := func(n int) rooms.ReadMark {
			return rooms.ReadMark{Account: acc[0], MsgID: log[n].ID, Time: log[n].Time}
		}
		for _, step := range []struct {
			save, want int
			at, since  int64
			unread     int
		}{{1, 1, 77, 77, 1}, {0, 1, 78, 77, 1}, {1, 1, 79, 77, 1}, {4, 4, 80, 80, 0}} {
			must(t, db.SaveContactMark(ctx, acc[0], acc[1], mark(step.save), step.at))
			r := relation(t, db, acc[0], acc[1])
			same(t, r.Read, mark(step.want))
			same(t, []int64{r.ReadAt, int64(r.Unread)}, []int64{step.since, int64(step.unread)})
		}
		same(t, relation(t, db, acc[1], acc[0]).Read, rooms.ReadMark{Account: acc[1]})

		for _, tc := range []struct {
			account, contact rooms.AccountID
			msgID            string
			want             error
		}{
			{acc[0], acc[1], "msg-b-0", rooms.ErrNotFound}, // of another room
			{acc[0], acc[1], "msg-unknown", rooms.ErrNotFound},
			{acc[1], acc[2], "msg-a-5", rooms.ErrNotFound},
			{"ACC-0", acc[1], "msg-a-5", rooms.ErrNotFound},
			{acc[0], acc[1], "", sql.ErrInvalid},
		} {
			wantErr(t, db.SaveContactMark(ctx, tc.account, tc.contact, rooms.ReadMark{MsgID: tc.msgID, Time: start + 99}, 99), tc.want)
		}

		twice := messages("c", acc[0], 2)
		twice[0].Time, twice[1].Time, twice[1].ID = start+20, start+21, "msg-a-0"
		wantErr(t, db.AddMessages(ctx, "cont-1", twice, nil), sql.ErrExists)
		same(t, relation(t, db, acc[1], acc[0]).Last.ID, "msg-a-5") // message and relation, or neither

		// The predecessor may not have noted the newest message.
		sqltest.Exec(t, c, `UPDATE user_relation SET lastMsgId = NULL`)
		same(t, relation(t, db, acc[1], acc[0]).Last.ID, "msg-a-5")
		must(t, db.AddMessages(ctx, "cont-1", []rooms.Message{{ID: "msg-old", From: acc[0], Time: start + 7, Type: "msg"}}, nil))
		must(t, db.AddMessages(ctx, "cont-1", []rooms.Message{{ID: "msg-older", From: acc[0], Time: start + 6, Type: "msg"}}, nil))
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM user_relation WHERE lastMsgId = 'msg-old'`), 2)
		must(t, db.AddEdit(ctx, "cont-1", edit("edit-1", "msg-old", acc[0], "edited")))
		same(t, relation(t, db, acc[0], acc[1]).Last.Text, "edited")
	})
}

func TestContactRoomsAreLoadedWithTheirRelation(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		ctx := t.Context()
		acc := accounts(t, db, 2)
		_, err := db.OpenContact(ctx, acc[0], acc[1], contactRoom("cont-1"))
		must(t, err)
		room(t, db, "room-1", acc...)
		log := messages("a", acc[1], 3)
		log[1].Status = "delete"
		add(t, db, "cont-1", log...)
		all, err := db.Accounts(ctx)
		must(t, err)
		all[1].Disabled = true
		must(t, db.UpdateAccounts(ctx, all))

		loaded, err := db.LoadRooms(ctx, []rooms.RoomID{"cont-1", "room-1"}, 2, acc[0])
		must(t, err)
		data := loaded[0]
		same(t, data.Authorized, acc)
		same(t, ids(data.Tail), []string{"msg-a-1", "msg-a-2"}) // with the deleted one
		same(t, data.Unread, 2)                                 // without it
		same(t, len(data.Relation), 2)
		for _, r := range data.Relation {
			same(t, r, relation(t, db, r.Account, r.Contact))
			same(t, r.Last.ID, "msg-a-2")
		}
		same(t, loaded[1].Authorized, acc[:1])
		same(t, len(loaded[1].Relation), 0)
		must(t, db.SaveContactMark(ctx, acc[0], acc[1], rooms.ReadMark{MsgID: "msg-a-0", Time: start}, 1))
		loaded, err = db.LoadRooms(ctx, []rooms.RoomID{"cont-1"}, 0, acc[0])
		must(t, err)
		same(t, loaded[0].Unread, 1)
		same(t, len(loaded[0].Tail), 0)
	})
}

func TestRelationsNeedAConstantNumberOfQueries(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 620)
		_, err := db.Relate(t.Context(), acc[0], acc[1:])
		must(t, err)
		_, err = db.Relate(t.Context(), acc[1], acc[2:4])
		must(t, err)
		for n := range 3 {
			_, err := db.OpenContact(t.Context(), acc[0], acc[n+1], contactRoom(rooms.RoomID(fmt.Sprint("cont-", n))))
			must(t, err)
			add(t, db, rooms.RoomID(fmt.Sprint("cont-", n)), messages(fmt.Sprint(n), acc[n+1], 2)...)
		}
		count := func(account rooms.AccountID, want int) uint64 {
			before := db.Queries()
			same(t, len(relations(t, db, account)), want)
			return db.Queries() - before
		}
		few, many := count(acc[1], 3), count(acc[0], 619)
		if few != many || few != 3 {
			t.Errorf("%d statements for 3 relations, %d for 619; want 3", few, many)
		}
	})
}
