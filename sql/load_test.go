package sql_test

import (
	"fmt"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

func TestLoadRooms(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 3)
		for n := range 5 {
			id := rooms.RoomID(fmt.Sprint("room-", n))
			room(t, db, id, acc[:2]...)
			log := messages(string(id), acc[n%2], 10*n)
			for i := range log {
				if i%5 == 4 {
					log[i].Status = "delete"
				}
				if i%5 == 3 {
					log[i].From = "" // a guest's
				}
			}
			must(t, db.AddMessages(ctx, id, log, nil))
			must(t, db.Assign(ctx, id, rooms.Assignment{FID: "7", SetByID: acc[0]}))
			for _, typ := range []string{"public", "public", "private"} {
				token := fmt.Sprintf("%s-%d-%d", typ, n, len(load(t, db, id).Tokens))
				must(t, db.AddToken(ctx, rooms.Token{Type: typ, Token: token, Room: id, CreatedBy: acc[0]}))
			}
		}
		must(t, db.SaveReadMarks(ctx, "room-2", []rooms.ReadMark{{Account: acc[0], MsgID: "msg-room-2-9", Time: start + 9}}))
		must(t, db.RemoveRoom(ctx, "room-3"))
		ids := []rooms.RoomID{"room-4", "room-unknown", "room-0", "room-3", "ROOM-1", "room-2", "room-1", "room-4"}
		all, err := db.LoadRooms(ctx, ids, 7, acc[0])
		must(t, err)
		same(t, len(all), 4)
		for n, want := range []struct {
			id     rooms.RoomID
			unread int
		}{{"room-4", 8}, {"room-0", 0}, {"room-2", 2}, {"room-1", 8}} {
			one, err := db.LoadRoom(ctx, want.id, 7)
			must(t, err)
			same(t, one.Unread, 0) // nobody asked
			one.Unread = want.unread
			same(t, all[n], one)
			same(t, all[n].Room.ID, want.id)
			same(t, len(all[n].Tail), min(7, len(all[n].Tail)))
			same(t, []int{len(one.Assigned), len(one.Tokens), len(one.Marks), len(one.Authorized)}, []int{1, 3, 2, 2})
			same(t, one.PublicToken, one.Tokens[1].Token)
			count, err := db.CountUnread(ctx, want.id, acc[0], mark(t, db, want.id, acc[0]).Time)
			must(t, err)
			same(t, count, want.unread)
		}
		same(t, fmt.Sprint(tailIDs(all[0])), "[msg-room-4-31 msg-room-4-32 msg-room-4-33 msg-room-4-35 msg-room-4-36 msg-room-4-37 msg-room-4-38]")
		none, err := db.LoadRooms(ctx, nil, 7, acc[0])
		if len(none) != 0 || err != nil {
			t.Errorf("no rooms are %v, %v", none, err)
		}
	})
}

func tailIDs(data *rooms.RoomData) []string { return ids(data.Tail) }

// Messages of the predecessor may have equal times.
func TestTailIsCutAmongEqualTimes(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		log := messages("a", acc[0], 9)
		for n := range log {
			log[n].Time = start + int64(n/4)
		}
		add(t, db, "room-1", log...)
		for tail := range 10 {
			data, err := db.LoadRoom(t.Context(), "room-1", tail)
			must(t, err)
			same(t, ids(data.Tail), ids(log[9-tail:]))
		}
	})
}

func TestLoadRoomsNeedsAConstantNumberOfQueries(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 20)
		var all []rooms.RoomID
		for n := range 520 {
			all = append(all, rooms.RoomID(fmt.Sprint("room-", n)))
			data := &rooms.RoomData{
				Room: rooms.RoomRecord{ID: all[n], Name: "x", OwnerID: acc[0]}, Authorized: acc[:1+n%20], Tail: messages(fmt.Sprint(n), acc[0], n%3),
			}
			if n < 120 {
				must(t, db.PersistRoom(t.Context(), data))
			}
		}
		_, err := db.OpenContact(t.Context(), acc[0], acc[1], contactRoom("cont-1"))
		must(t, err)
		all[119] = "cont-1"
		count := func(ids []rooms.RoomID, want int) uint64 {
			before := db.Queries()
			got, err := db.LoadRooms(t.Context(), ids, 10, acc[1])
			must(t, err)
			same(t, len(got), want)
			return db.Queries() - before
		}
		few, many := count(append([]rooms.RoomID{"cont-1"}, all[:2]...), 3), count(all[:500], 120)
		if few != many || few == 0 || few > 10 {
			t.Errorf("%d statements for 3 rooms, %d for 120", few, many)
		}
		if more := count(all, 120); more != many+1 { // there is none among the last 20
			t.Errorf("%d statements for one part of 500 rooms, %d for two", many, more)
		}
	})
}
