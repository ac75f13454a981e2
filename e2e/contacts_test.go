package e2e

import (
	dbsql "database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"presence/friendcore/friendcoretest"
	"presence/sql"
	"presence/sql/sqltest"
)

// openChat opens the chat with somebody, from one side.
func (u *user) openChat(other *user) {
	u.t.Helper()
	u.account(object{"type": "contact", "data": object{"type": "open-chat", "data": other.id}})
	u.expect(u.event(object{"type": "join", "data": object{"joined": object{"clientId": other.id, "isPrivate": true}}}))
}

// inChat opens the chat of two who are logged in.
func inChat(a, b *user) {
	a.t.Helper()
	a.openChat(b)
	b.expect(b.event(object{"type": "join", "data": object{"joined": object{"clientId": a.id}}}))
}

// goes ends the only connection of a user, and waits until the session has ended.
func (s *server) goes(u *user, left int) {
	u.t.Helper()
	u.send(object{"type": "session", "data": nil})
	u.expectEnd()
	s.awaitAdmin("/metrics", func(_ int, body string) bool { return metric(body, "presence_sessions") == float64(left) })
}

// count counts the frames that match, of all that came so far.
func (c *client) count(p pattern) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, f := range c.frames {
		if match(p, f, newBindings()) == nil {
			n++
		}
	}
	return n
}

// onEach runs a test on the embedded database and on MariaDB.
func onEach(t *testing.T, test func(t *testing.T, c sql.Config)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqltest.SQLite(t)) })
	t.Run("mariadb", func(t *testing.T) { test(t, sqltest.Server(t).Fresh(t)) })
}

// counted asks the database of a server that has stopped.
func counted(t *testing.T, c sql.Config, query string) (n int) {
	t.Helper()
	driver, source := "sqlite", c.File
	if c.Driver != sql.SQLite {
		driver, source = "mysql", fmt.Sprintf("%s:%s@tcp(%s:%d)/%s", c.User, c.Pass, c.Host, c.Port, c.Name)
	}
	db, err := dbsql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// unreadFrom is what the account's state says of a contact.
func (u *user) unreadFrom(other *user) any {
	return dig(u.state, "relations", other.id, "relation", "unreadMessages")
}

// TestBothOpenTheChat: two who open the chat with each other at the same time, and
// write before it is there, are in one room, once, and read everything in the order
// in which it was written.
func TestBothOpenTheChat(t *testing.T) {
	onEach(t, func(t *testing.T, c sql.Config) {
		s := newServer(t)
		s.useDatabase(c)
		s.localUsers("ada", "bo")
		s.start()
		ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), tcp)
		const written = 30
		atOnce([]*user{ada, bo}, func(me, other *user) {
			_ = me.trySend(me.event(object{"type": "contact", "data": object{"type": "open-chat", "data": other.id}}))
			for n := range written {
				_ = me.trySend(me.inRoom(other.id, chat("msg", object{"message": fmt.Sprint(me.login, " ", n)})))
			}
		})
		order := readTogether(t, ada, bo, 2*written)
		for n, me := range []*user{ada, bo} {
			other := []*user{bo, ada}[n]
			me.barrier(other.id)
			if joins := me.count(me.event(object{"type": "join"})); joins != 1 {
				t.Errorf("%s joined %d times", me.login, joins)
			}
			if told := me.count(me.event(object{"type": "relation-add"})); told != 1 {
				t.Errorf("%s was told of the relation %d times", me.login, told)
			}
		}
		s.stop()
		for query, want := range map[string]int{
			"SELECT COUNT(*) FROM room":                               1,
			"SELECT COUNT(*) FROM user_relation":                      2,
			"SELECT COUNT(DISTINCT relationId) FROM user_relation":    1,
			"SELECT COUNT(DISTINCT roomId) FROM user_relation":        1,
			"SELECT COUNT(*) FROM message":                            2 * written,
			"SELECT COUNT(DISTINCT roomId) FROM message":              1,
			"SELECT COUNT(*) FROM user_relation WHERE roomId IS NULL": 0,
		} {
			if got := counted(t, c, query); got != want {
				t.Errorf("%s: %d, want %d", query, got, want)
			}
		}
		s.start()
		ada = s.login(t, local("ada"), ws)
		if got := ada.unreadFrom(bo); got != float64(written) {
			t.Errorf("unread after the restart: %v", got)
		}
		ada.openChat(bo)
		newest := ada.logMessages(bo.id, nil)
		older := ada.logPage(bo.id, object{"firstTime": newest[0]["time"], "length": 2 * written})
		for _, msg := range newest {
			older = append(older, fmt.Sprint(msg["message"]))
		}
		if !slices.Equal(older, order) {
			t.Errorf("the log after the restart is %q, want %q", older, order)
		}
	})
}

// TestWriteToClosedChat: two who write to each other at the same time, and have not
// opened their chat since the server started, read all of it in one order.
func TestWriteToClosedChat(t *testing.T) {
	onEach(t, func(t *testing.T, c sql.Config) {
		s := newServer(t)
		s.useDatabase(c)
		s.localUsers("ada", "bo")
		s.start()
		inChat(s.login(t, local("ada"), ws), s.login(t, local("bo"), ws))
		s.restart()
		ada, bo := s.login(t, local("ada"), tcp), s.login(t, local("bo"), ws)
		const written = 30
		atOnce([]*user{ada, bo}, func(me, other *user) {
			for n := range written {
				_ = me.trySend(me.inRoom(other.id, chat("msg", object{"message": fmt.Sprint(me.login, " ", n)})))
			}
		})
		readTogether(t, ada, bo, 2*written)
		s.stop()
		if got := counted(t, c, "SELECT COUNT(*) FROM room"); got != 1 {
			t.Errorf("%d rooms, want 1", got)
		}
	})
}

// atOnce has two do something to each other at the same time.
func atOnce(two []*user, do func(me, other *user)) {
	var both sync.WaitGroup
	both.Go(func() { do(two[0], two[1]) })
	both.Go(func() { do(two[1], two[0]) })
	both.Wait()
}

// readTogether reads a number of messages in the chat of two, who write under their
// login names with growing numbers; both must read the same.
func readTogether(t *testing.T, a, b *user, number int) []string {
	t.Helper()
	var order [2][]string
	behind := map[any]bool{}
	for n, me := range []*user{a, b} {
		other := []*user{b, a}[n]
		for range number {
			f := me.expect(me.inRoom(other.id, chat("msg", object{"message": containing(" ")})))
			msg, _ := dig(f, "data", "data", "data", "data", "data").(object)
			order[n] = append(order[n], fmt.Sprint(msg["message"]))
			behind[msg["roomId"]] = true
		}
	}
	if !slices.Equal(order[0], order[1]) {
		t.Errorf("one reads %q, the other %q", order[0], order[1])
	}
	if len(behind) != 1 {
		t.Errorf("the rooms behind the chat are %v", behind)
	}
	next := map[string]int{}
	for _, text := range order[0] {
		login, _, _ := strings.Cut(text, " ")
		if want := fmt.Sprint(login, " ", next[login]); text != want {
			t.Fatalf("%q comes where %q should: %q", text, want, order[0])
		}
		next[login]++
	}
	return order[0]
}

// TestContactWhoIsAway: who was not there finds what was written and how much of it
// is unread; read marks move forward only, to messages of the other one, who is told,
// and outlive a restart.
func TestContactWhoIsAway(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada", "bo", "cy")
	s.start()
	ada, cy := s.login(t, local("ada"), ws), s.login(t, local("cy"), ws)
	bo := s.login(t, local("bo"), ws)
	s.goes(bo, 2)
	ids := map[string]any{}
	ada.openChat(bo)
	for _, text := range []string{"one", "two", "three"} {
		ada.say(bo.id, text)
		ids[text] = ada.sees(bo.id, text)["msgId"]
	}
	ada.openChat(cy)
	ada.say(cy.id, "elsewhere")
	ids["elsewhere"] = ada.sees(cy.id, "elsewhere")["msgId"]

	bo = s.login(t, local("bo"), tcp)
	if got := bo.unreadFrom(ada); got != 3.0 {
		t.Errorf("unread: %v, want 3", got)
	}
	if got := dig(bo.state, "relations", ada.id, "relation", "lastMessage", "data", "message"); got != "three" {
		t.Errorf("last message: %v", got)
	}
	bo.openChat(ada)
	bo.say(ada.id, "mine")
	ids["mine"] = bo.sees(ada.id, "mine")["msgId"]
	confirm := func(text string) {
		bo.ask(ada.id, "chat", "confirm", object{"type": "message", "eventId": ids[text]})
		ada.barrier(bo.id)
	}
	told := func(text string) pattern {
		return ada.inRoom(bo.id, chat("confirm", object{"type": "message", "data": object{
			"userId": bo.id, "fromId": ada.id, "msgId": ids[text],
		}}))
	}
	confirm("two")
	if n := ada.count(told("two")); n != 1 {
		t.Errorf("ada was told %d times that two is read", n)
	}
	for _, text := range []string{"one", "two", "mine", "elsewhere"} {
		confirm(text)
	}
	for text, want := range map[string]int{"one": 0, "two": 1, "mine": 0, "elsewhere": 0} {
		if n := ada.count(told(text)); n != want {
			t.Errorf("ada was told %d times that %q is read, want %d", n, text, want)
		}
	}
	cy.refute(cy.inRoom(ada.id, chat("confirm", nil)))

	bo.initialize()
	if got := bo.unreadFrom(ada); got != 1.0 {
		t.Errorf("unread after reading two of three: %v, want 1", got)
	}
	s.restart()
	bo = s.login(t, local("bo"), ws)
	if got := bo.unreadFrom(ada); got != 1.0 {
		t.Errorf("unread after the restart: %v, want 1", got)
	}
}

// TestDisabledContact: a contact whose account is disabled goes out of sight, its log
// can still be read by who asks for it, and everything is there when it comes back.
func TestDisabledContact(t *testing.T) {
	s, core := withFriendCore(t)
	ada, bob := s.login(t, core.person("ada"), ws), s.login(t, core.person("bob"), tcp)
	inChat(ada, bob)
	bob.say(ada.id, "before")
	ada.sees(bob.id, "before")
	record, _ := core.User("bob")
	record.Status = friendcoretest.Disabled
	core.SetUser(record)
	ada.expect(ada.event(object{"type": "relation-remove", "data": bob.id}))
	bob.expect(object{"type": "session", "data": nil})
	bob.expectEnd()
	hidden, _ := ada.request("hidden-list", nil)["response"].(list)
	if len(hidden) != 1 || dig(hidden[0], "clientId") != bob.id || dig(hidden[0], "fIsDisabled") != true {
		t.Errorf("the hidden ones are %s", show(hidden))
	}
	opened := ada.request("hidden-open", bob.id)
	if opened["error"] != nil || dig(opened, "response", "clientId") != bob.id || dig(opened, "response", "identity", "clientId") != bob.id {
		t.Errorf("hidden-open: %s", show(opened))
	}
	if texts := ada.logOf(bob.id); !slices.Equal(texts, []string{"before"}) {
		t.Errorf("the hidden log is %q", texts)
	}
	ada.initialize()
	if got := dig(ada.state, "relations", bob.id); got != nil {
		t.Errorf("the disabled contact is in the state: %s", show(got))
	}
	if reply := ada.request("relation-add", object{"clientId": bob.id}); reply["error"] != "ERR_NOT_A_USER" {
		t.Errorf("relation-add: %s", show(reply))
	}
	ada.request("hidden-close", bob.id)

	record.Status = friendcoretest.Enabled
	core.SetUser(record)
	ada.expect(ada.event(object{"type": "relation-add", "data": object{"clientId": bob.id}}))
	if hidden := ada.request("hidden-list", nil)["response"]; show(hidden) != "[]" {
		t.Errorf("still hidden: %s", show(hidden))
	}
	core.Login(record.ID, "again") // being disabled ended all sessions
	again := s.login(t, bob.person, ws)
	if again.id != bob.id {
		t.Fatalf("bob is now %s, was %s", again.id, bob.id)
	}
	inChat(again, ada)
	again.say(ada.id, "back")
	ada.sees(again.id, "back")
	if texts := again.logOf(ada.id); !slices.Equal(texts, []string{"before", "back"}) {
		t.Errorf("the log is %q", texts)
	}
}

// TestThirdInChat: a third account gets into the chat of two under no name of it, and
// reads nothing of it; under the ids of the two it is in chats of its own.
func TestThirdInChat(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada", "bo", "eve")
	s.start()
	ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), ws)
	eve := s.login(t, local("eve"), tcp)
	inChat(ada, bo)
	ada.say(bo.id, "private matter")
	behind, _ := bo.sees(ada.id, "private matter")["roomId"].(string)

	eve.refusedIn(t, behind, ada.id, bo.id)
	if reply := eve.request("room-join", object{"invite": object{"token": "public-1", "roomId": behind}}); reply["error"] != "ERR_COULD_NOT_JOIN" {
		t.Errorf("room-join: %s", show(reply))
	}
	eve.request("room-get", behind)
	for _, hidden := range []string{ada.id, behind} {
		if reply := eve.request("hidden-open", hidden); reply["response"] != nil {
			t.Errorf("hidden-open of %s: %s", hidden, show(reply))
		}
	}
	inChat(eve, ada)
	inChat(eve, bo)
	eve.refusedIn(t, behind)
	for _, other := range []*user{ada, bo} {
		eve.say(other.id, "own chat")
		if msg := other.sees(eve.id, "own chat"); msg["roomId"] == behind {
			t.Error("eve writes into the chat of two")
		}
		if texts := eve.logOf(other.id); !slices.Equal(texts, []string{"own chat"}) {
			t.Errorf("the log of eve is %q", texts)
		}
		if found, _ := dig(eve.ask(other.id, "chat", "search", object{"text": "private"}), "response", "data", "events").(list); len(found) != 0 {
			t.Errorf("eve finds %s", show(found))
		}
	}
	if texts := ada.logOf(bo.id); !slices.Equal(texts, []string{"private matter"}) {
		t.Errorf("the log of the two is %q", texts)
	}
	for _, u := range []*user{ada, bo} {
		for _, text := range []string{"intruded", "renamed"} {
			if strings.Contains(show(u.leftovers()), text) {
				t.Errorf("%s got something of eve: %s", u.login, show(u.leftovers()))
			}
		}
	}
	eve.refute(func(v any) error {
		if strings.Contains(show(v), "private matter") {
			return nil
		}
		return fmt.Errorf("of no matter")
	})
}

// refusedIn tries everything in rooms that are not the user's.
func (u *user) refusedIn(t *testing.T, rooms ...string) {
	t.Helper()
	for _, room := range rooms {
		for kind, data := range map[string]any{
			"msg": object{"message": "intruded"}, "log": nil, "search": object{"text": "private"},
			"msg-get": object{"msgId": "msg-1"}, "confirm": object{"type": "message", "eventId": "msg-1"},
		} {
			u.say(room, "intruded")
			id := "req-" + kind + "-" + room
			u.toRoom(room, object{"type": "chat", "data": object{"type": kind, "data": data, "requestId": id}})
			f := u.expect(func(v any) error {
				if !strings.Contains(show(v), id) {
					return fmt.Errorf("another frame")
				}
				return nil
			})
			if answer := show(f); !strings.Contains(answer, "ERR_") {
				t.Errorf("%s in %s: %s", kind, room, answer)
			}
		}
	}
}

// TestChatClosedWhileDatabaseIsAway: what is written to a contact while the database
// cannot tell the room is said to be lost, and nothing of it comes later.
func TestChatClosedWhileDatabaseIsAway(t *testing.T) {
	database := sqltest.Server(t)
	s := newServer(t)
	s.useDatabase(database.Fresh(t))
	s.localUsers("ada", "bo")
	s.start()
	inChat(s.login(t, local("ada"), ws), s.login(t, local("bo"), ws))
	s.restart()
	ada, bo := s.login(t, local("ada"), tcp), s.login(t, local("bo"), ws)
	database.Stop()
	ada.say(bo.id, "lost")
	ada.expect(ada.inRoom(bo.id, chat("error", object{"error": "ERR_TRY_LATER", "message": "lost"})))
	ada.expect(ada.inRoom(bo.id, chat("msg", object{"fromId": nil, "name": "Presence", "message": containing("lost")})))
	if code := ada.outcome(bo.id, "msg", object{"message": "lost too"}); code != "ERR_TRY_LATER" {
		t.Errorf("a request is answered with %q", code)
	}
	if err := database.Start(); err != nil {
		t.Fatal(err)
	}
	poll(t, func() bool { return ada.outcome(bo.id, "msg", object{"message": "back"}) == "" }, func() string { return "no message is stored" })
	bo.sees(ada.id, "back")
	if texts := bo.logOf(ada.id); !slices.Equal(texts, []string{"back"}) {
		t.Errorf("the log is %q", texts)
	}
}
