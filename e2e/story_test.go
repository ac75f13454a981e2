package e2e

import (
	"fmt"
	"slices"
	"testing"

	"presence/friendcore/friendcoretest"
	"presence/sql"
	"presence/sql/sqltest"
)

// onEachDatabase runs body on the embedded database and on MariaDB.
func onEachDatabase(t *testing.T, body func(t *testing.T, c sql.Config)) {
	t.Run("sqlite", func(t *testing.T) { body(t, sqltest.SQLite(t)) })
	t.Run("mariadb", func(t *testing.T) { body(t, sqltest.Server(t).Fresh(t)) })
}

// TestStory is what the service is for: log in through FriendCore, open a room,
// talk, name it, and find room and log again after a restart.
func TestStory(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, c sql.Config) {
		core := newFriendCore(t, friendcoretest.Options{})
		s := core.serve(t)
		s.useDatabase(c)
		s.start()
		ada, bo := core.person("ada"), core.person("bo")

		adaNow, boNow := s.login(t, ada, ws), s.login(t, bo, tcp)
		room := adaNow.createRoom("")
		adaNow.add(room, boNow)
		adaNow.say(room, "hello Bo")
		boNow.sees(room, "hello Bo")
		boNow.say(room, "hello Ada 👋")
		adaNow.sees(room, "hello Ada 👋")
		adaNow.nameRoom(room, "Road map")
		boNow.expect(boNow.inRoom(room, object{"type": "persistent", "data": object{"persistent": true, "name": "Road map"}}))
		boNow.say(room, "a good name")
		last := adaNow.sees(room, "a good name")

		s.restart()

		adaAgain := s.login(t, ada, tcp)
		if adaAgain.id != adaNow.id {
			t.Errorf("after the restart Ada is %s, before she was %s", adaAgain.id, adaNow.id)
		}
		adaAgain.expect(adaAgain.event(object{"type": "join", "data": object{
			"joined":  object{"clientId": room, "name": "Road map", "persistent": true, "avatar": "<png>"},
			"current": list{room},
		}}))
		state := adaAgain.roomState(room)
		want := object{
			"name": "Road map", "ownerId": adaNow.id, "persistent": true,
			"users": list{adaNow.id, boNow.id}, "online": list{adaNow.id}, "authed": list{adaNow.id, boNow.id},
			"relation": object{"lastMessage": object{"data": object{"msgId": last["msgId"], "time": last["time"]}}},
		}
		if err := match(want, state, newBindings()); err != nil {
			t.Errorf("the state of the room after the restart: %v\n%s", err, show(state))
		}
		if texts := adaAgain.logOf(room); !slices.Equal(texts, []string{"hello Bo", "hello Ada 👋", "a good name"}) {
			t.Errorf("the log after the restart is %q", texts)
		}

		boAgain := s.login(t, bo, ws)
		boAgain.expect(boAgain.event(object{"type": "join", "data": object{"joined": object{"clientId": room}}}))
		adaAgain.say(room, "here again")
		boAgain.sees(room, "here again")
	})
}

// TestKilledWhileTalking: what anybody has seen is in the log, whatever happens to
// the process.
func TestKilledWhileTalking(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, c sql.Config) {
		s := newServer(t)
		s.useDatabase(c)
		s.localUsers("ada", "bo")
		s.ini.set("limits", "rate = 100000\nburst = 100000")
		s.start()
		ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), tcp)
		room := ada.createRoom("Harbor")
		ada.add(room, bo)

		talking := make(chan struct{})
		go func() {
			defer close(talking)
			for n := 0; ada.trySend(ada.inRoom(room, chat("msg", object{"message": fmt.Sprint("word ", n)}))) == nil; n++ {
			}
		}()
		bo.sees(room, "word 200") // in the middle of it
		s.proc.kill()
		<-talking
		<-bo.done
		<-ada.done
		seen := slices.Concat(shownTo(bo, room), shownTo(ada, room))

		s.start()
		again := s.login(t, local("bo"), ws)
		again.expect(again.event(object{"type": "join"}))
		logged := again.wholeLog(room)
		for id, text := range logged {
			if count := countOf(logged, text); count != 1 {
				t.Errorf("%s is %d times in the log (%s)", text, count, id)
			}
		}
		for _, msg := range seen {
			id, _ := msg["msgId"].(string)
			if logged[id] != msg["message"] {
				t.Errorf("%v was shown, but is not in the log", msg["message"])
			}
		}
		t.Logf("%d messages shown, %d in the log", len(seen), len(logged))
	})
}

// shownTo lists the chat messages that a connection has got.
func shownTo(u *user, room string) []object {
	u.mu.Lock()
	defer u.mu.Unlock()
	var messages []object
	for _, f := range u.frames {
		if match(u.inRoom(room, chat("msg", object{"msgId": anything})), f, newBindings()) == nil {
			msg, _ := dig(f, "data", "data", "data", "data", "data").(object)
			messages = append(messages, msg)
		}
	}
	return messages
}

// wholeLog pages through the log, forward; texts by message id.
func (u *user) wholeLog(room string) map[string]string {
	u.t.Helper()
	texts := map[string]string{}
	for from := 1.0; ; {
		page := u.logMessages(room, object{"lastTime": from, "length": 100})
		for _, msg := range page {
			id, _ := msg["msgId"].(string)
			text, _ := msg["message"].(string)
			texts[id] = text
			at, _ := msg["time"].(float64)
			from = max(from, at+1)
		}
		if len(page) == 0 {
			return texts
		}
	}
}

func countOf(texts map[string]string, text string) int {
	n := 0
	for _, other := range texts {
		if other == text {
			n++
		}
	}
	return n
}

// TestFirstLoginMakesTheAccount: without a service key FriendCore announces nobody;
// the account comes with the first login and is the same at the next.
func TestFirstLoginMakesTheAccount(t *testing.T) {
	core := newFriendCore(t, friendcoretest.Options{})
	s := newServer(t)
	s.ini.set("friendcore", "host = %s\nport = %d\nuse_tls = false", core.Host(), core.HTTPPort())
	s.start()
	p := core.personOf(friendcoretest.User{Login: "nova", FullName: "Nova Ö. Sterne", Level: "Admin"})

	u := s.login(t, p, ws)
	identity := dig(u.state, "account", "identity")
	want := object{
		"clientId": u.id, "fUserId": p.fUserID, "fUsername": "nova", "name": "Nova Ö. Sterne",
		"isAdmin": true, "isOnline": true, "isGuest": false, "avatar": "<png>",
	}
	if err := match(want, identity, newBindings()); err != nil {
		t.Errorf("the identity: %v\n%s", err, show(identity))
	}
	s.restart()
	if again := s.login(t, p, tcp); again.id != u.id {
		t.Errorf("the account is %s, before the restart it was %s", again.id, u.id)
	}
}

// TestSettingsShowWhatIsAllowed: owner and admin see who is authorized, only the
// admin sees the workgroups, others neither (docs/protocol.md 10).
func TestSettingsShowWhatIsAllowed(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada", "bo")
	s.ini.set("local_users", "root = %s, Root, admin", localAuthID("root"))
	s.start()
	ada, bo, root := s.login(t, local("ada"), ws), s.login(t, local("bo"), ws), s.login(t, local("root"), ws)
	room := ada.createRoom("Rules")
	ada.add(room, bo)
	ada.add(room, root)
	for _, c := range []struct {
		who  *user
		keys []string
	}{
		{ada, []string{"authorized", "roomName", "userLimit"}},
		{bo, []string{"roomName", "userLimit"}},
		{root, []string{"authorized", "roomName", "userLimit", "workgroups"}},
	} {
		c.who.toRoom(room, object{"type": "settings", "data": object{"type": "get", "requestId": "req-s"}})
		f := c.who.expect(c.who.inRoom(room, object{"type": "settings", "data": object{"requestId": "req-s", "error": nil}}))
		response, _ := dig(f, "data", "data", "data", "data", "response").(object)
		var keys []string
		for key := range response {
			keys = append(keys, key)
		}
		if slices.Sort(keys); !slices.Equal(keys, c.keys) {
			t.Errorf("%s sees %q, want %q", c.who.login, keys, c.keys)
		}
	}
}
