package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"presence/friendcore/friendcoretest"
	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

// household is somebody with many rooms and contacts, and somebody else who is in the
// same rooms.
type household struct {
	person
	twin            person
	rooms, contacts int
}

const (
	householdMembers  = 20 // of each room
	householdMessages = 50 // in each room, the newest of them unread
)

// fill writes somebody with rooms and contacts into a database that is empty or filled
// by fill; every fifth contact has been talked to.
func (h household) fill(t testing.TB, db *sql.DB) {
	t.Helper()
	ctx := t.Context()
	me, twin := rooms.AccountID("acc-"+h.login), rooms.AccountID("acc-"+h.twin.login)
	accounts := []rooms.AccountRecord{
		{ID: me, FUserID: h.fUserID, FUsername: h.login, Name: h.name, Settings: []byte("{}")},
		{ID: twin, FUserID: h.twin.fUserID, FUsername: h.twin.login, Name: h.twin.name, Settings: []byte("{}")},
	}
	var others []rooms.AccountID
	for n := range max(h.contacts, householdMembers) {
		login := fmt.Sprintf("%s-friend-%d", h.login, n)
		id := rooms.AccountID("acc-" + login)
		others = append(others, id)
		accounts = append(accounts, rooms.AccountRecord{
			ID: id, FUserID: "id-of-" + login, FUsername: login, Name: "Friend " + strconv.Itoa(n), Settings: []byte("{}"),
		})
	}
	done := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	done(db.CreateAccounts(ctx, accounts))
	_, err := db.Relate(ctx, me, others[:h.contacts])
	done(err)
	for n, contact := range others[:h.contacts] {
		if n%5 > 0 {
			continue
		}
		room, err := db.OpenContact(ctx, me, contact, rooms.RoomRecord{
			ID: rooms.RoomID(fmt.Sprintf("cont-%s-%d", h.login, n)), Name: "contact-room", Settings: []byte("{}"), Created: time.Now(),
		})
		done(err)
		done(db.AddMessages(ctx, room, h.messages(string(room), contact), nil))
	}
	for n := range h.rooms {
		id := rooms.RoomID(h.room(n))
		record := rooms.RoomRecord{ID: id, Name: fmt.Sprintf("Room %d", n), OwnerID: me, Settings: []byte("{}"), Created: time.Now()}
		done(db.CreateRoom(ctx, record, append([]rooms.AccountID{me, twin}, others[:householdMembers-2]...)))
		done(db.AddMessages(ctx, id, h.messages(string(id), others[0]), nil))
	}
}

func (h household) room(n int) string { return fmt.Sprintf("room-%s-%d", h.login, n) }

func (h household) messages(prefix string, from rooms.AccountID) []rooms.Message {
	all := make([]rooms.Message, householdMessages)
	for n := range all {
		all[n] = rooms.Message{
			ID: fmt.Sprintf("msg-%s-%d", prefix, n), From: from, Time: 1_700_000_000_000 + int64(n),
			Type: "msg", Name: "Friend 0", Text: fmt.Sprintf("message %d, which says something about as long as people do", n),
		}
	}
	return all
}

// arrive logs one of the two in and waits until the account is in all its rooms.
func (h household) arrive(t testing.TB, s *server, p person) *user {
	t.Helper()
	u := s.login(t, p, ws)
	h.awaitRooms(u)
	return u
}

func (h household) awaitRooms(u *user) {
	u.t.Helper()
	for range h.rooms {
		u.expect(u.event(object{"type": "join", "data": object{"joined": anything}}))
	}
}

// queries is how often the server has asked its database.
func (s *server) queries() float64 {
	s.t.Helper()
	body := s.awaitAdmin("/metrics", func(status int, _ string) bool { return status == http.StatusOK })
	return metric(body, "presence_db_queries_total")
}

// awaitSessions waits until so many sessions are open.
func (s *server) awaitSessions(n int) {
	s.t.Helper()
	s.awaitAdmin("/metrics", func(_ int, body string) bool { return metric(body, "presence_sessions") == float64(n) })
}

// settledQueries is the same when nobody is asking any more.
func (s *server) settledQueries() float64 {
	s.t.Helper()
	last := s.queries()
	for same := 0; same < 5; {
		pause(20 * time.Millisecond)
		if now := s.queries(); now == last {
			same++
		} else {
			last, same = now, 0
		}
	}
	return last
}

// TestLoginQueries: what a login asks of the database, until the state of each room is
// there, does not depend on how many rooms and contacts somebody has; nor does it for
// somebody who comes when the rooms are in memory.
func TestLoginQueries(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, c sql.Config) {
		core := newFriendCore(t, friendcoretest.Options{})
		few := household{core.person("few"), core.person("fewtwo"), 3, 5}
		many := household{core.person("many"), core.person("manytwo"), 60, 150}
		db := sqltest.Open(t, c)
		few.fill(t, db)
		many.fill(t, db)
		s := core.serve(t)
		s.useDatabase(c)
		s.start()
		asked := func(h household, p person) float64 {
			before := s.settledQueries()
			u := h.arrive(t, s, p)
			for n := range h.rooms {
				relation := dig(u.roomState(h.room(n)), "relation", "unreadMessages")
				if relation != float64(householdMessages) {
					t.Errorf("%s has %v unread messages in %s", p.login, relation, h.room(n))
				}
			}
			after := s.settledQueries()
			if got, _ := u.state["relations"].(object); p == h.person && len(got) != h.contacts {
				t.Errorf("%s has %d contacts, wanted %d", p.login, len(got), h.contacts)
			}
			return after - before
		}
		for _, c := range []struct {
			name        string
			small, many float64
		}{
			{"first", asked(few, few.person), asked(many, many.person)},
			{"later", asked(few, few.twin), asked(many, many.twin)},
		} {
			t.Logf("%s: %v queries with %d rooms and %d contacts, %v with %d and %d",
				c.name, c.small, few.rooms, few.contacts, c.many, many.rooms, many.contacts)
			// Something that is done from time to time may happen to fall in between.
			if slack := 4.0; c.many > c.small+slack {
				t.Errorf("%s: %v queries with %d rooms and %d contacts, %v with %d and %d",
					c.name, c.small, few.rooms, few.contacts, c.many, many.rooms, many.contacts)
			}
		}
	})
}

// BenchmarkLoginLarge: from the first byte of the connection until the state of an
// account with 200 rooms and 500 contacts is there, and until it is in all its rooms;
// right after the start of the program, and again when the rooms are in memory.
func BenchmarkLoginLarge(b *testing.B) {
	for _, kind := range []string{"sqlite", "mariadb"} {
		b.Run(kind, func(b *testing.B) {
			c := sqltest.SQLite(b)
			if kind == "mariadb" {
				c = sqltest.Server(b).Fresh(b)
			}
			core := newFriendCore(b, friendcoretest.Options{})
			h := household{core.person("ada"), core.person("bo"), 200, 500}
			h.fill(b, sqltest.Open(b, c))
			s := core.serve(b)
			s.useDatabase(c)
			measured(b, s)
			var state, cold, warm time.Duration
			for b.Loop() {
				s.restart()
				s.settledQueries()
				began := time.Now()
				u := s.login(b, h.person, ws)
				state += time.Since(began)
				h.awaitRooms(u)
				cold += time.Since(began)
				u.send(object{"type": "session", "data": nil}) // logs out
				u.expectEnd()
				s.awaitSessions(0)
				began = time.Now()
				u = h.arrive(b, s, h.person)
				warm += time.Since(began)
				u.close()
			}
			b.ReportMetric(milliseconds(state)/float64(b.N), "state-ms")
			b.ReportMetric(milliseconds(cold)/float64(b.N), "rooms-ms")
			b.ReportMetric(milliseconds(warm)/float64(b.N), "again-ms")
		})
	}
}
