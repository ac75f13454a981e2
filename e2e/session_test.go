package e2e

import (
	"testing"

	"presence/friendcore/friendcoretest"
)

// watching logs in two users of whom the second hears whether the first is online.
func watching(t *testing.T, s *server) (ada, bo *user, room string) {
	t.Helper()
	ada, bo = s.login(t, local("ada"), ws), s.login(t, local("bo"), ws)
	room = ada.createRoom("Harbor")
	ada.add(room, bo)
	bo.account(object{"type": "identity", "data": object{"type": "get", "data": ada.id, "requestId": "req-i"}})
	bo.expect(bo.event(object{"type": "identity", "data": object{"requestId": "req-i", "response": object{"isOnline": true}}}))
	return ada, bo, room
}

func (u *user) online(other *user, on bool) object {
	return u.event(object{"type": "identity-update", "data": object{"key": "isOnline", "value": on, "clientId": other.id}})
}

// TestResumeAfterLoss: a connection that is lost is taken up again; nobody has seen
// the user go, and nothing was missed (docs/protocol.md 2.6).
func TestResumeAfterLoss(t *testing.T) {
	for _, tr := range []transport{ws, tcp} {
		t.Run(string(tr), func(t *testing.T) {
			s := newServer(t)
			s.localUsers("ada", "bo")
			s.start()
			ada, bo, room := watching(t, s)
			ada.abort()
			bo.say(room, "are you there?")
			bo.say(room, "Ada?")
			bo.sees(room, "Ada?")

			again := s.resume(t, ada, tr)
			again.expect(object{"type": "session", "data": ada.session})
			again.expect(stage("ready", nil))
			again.sees(room, "are you there?")
			again.sees(room, "Ada?")
			again.say(room, "I am")
			bo.sees(room, "I am")
			bo.refute(bo.online(ada, false))
		})
	}
}

// TestAnnouncedEnd: after a farewell the user is seen to go, and to come back when
// the session is taken up.
func TestAnnouncedEnd(t *testing.T) {
	for _, tr := range []transport{ws, tcp} {
		t.Run(string(tr), func(t *testing.T) {
			s := newServer(t)
			s.localUsers("ada", "bo")
			s.start()
			ada, bo, room := watching(t, s)
			ada.close()
			bo.expect(bo.online(ada, false))
			bo.say(room, "gone")
			bo.sees(room, "gone")

			again := s.resume(t, ada, tr)
			again.expect(object{"type": "session", "data": ada.session})
			again.sees(room, "gone")
			bo.expect(bo.online(ada, true))
		})
	}
}

// TestLogout: session:null ends the session for good.
func TestLogout(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada", "bo")
	s.start()
	ada, bo, _ := watching(t, s)
	ada.send(object{"type": "session", "data": nil})
	ada.expect(object{"type": "session", "data": nil})
	ada.expectEnd()
	bo.expect(bo.online(ada, false))

	again := s.resume(t, ada, ws)
	again.expect(object{"type": "session", "data": false})
	again.expectEnd()
}

// TestKeepAlive: the server pings from the start, before any login, and echoes the
// connection checks of clients (docs/protocol.md 1.6).
func TestKeepAlive(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada")
	s.ini.set("session", "ping = 1s\ndead_after = 4s\nlogin_timeout = 6s")
	s.start()
	for _, tr := range []transport{ws, tcp} {
		t.Run(string(tr), func(t *testing.T) {
			stranger := s.dial(t, "stranger", tr)
			if err := match(object{"type": "ping", "data": "<time>"}, stranger.awaitPing(2), newBindings()); err != nil {
				t.Error(err)
			}
			ada := s.login(t, local("ada"), tr)
			ada.sendRaw(`{"type":"ping","data":1709283600123}`)
			ada.expect(object{"type": "pong", "data": 1709283600123})
			ada.sendRaw(`{"type":"verify","data":1709283600124}`)
			ada.expect(object{"type": "verify", "data": 1709283600124})
			stranger.expectEnd() // it never logs in
		})
	}
}

// TestRefusals are the rows of docs/protocol.md 1.9 that a login can end in.
func TestRefusals(t *testing.T) {
	core := newFriendCore(t, friendcoretest.Options{})
	s := core.serve(t).start()
	ada := core.person("ada")
	off := core.personOf(friendcoretest.User{Login: "off", FullName: "Off", Status: friendcoretest.Disabled})
	refused := object{"type": "authenticate", "data": false}

	for _, c := range []struct {
		name string
		p    person
	}{
		{"unknown authid", person{login: "ada", authID: "0123456789abcdef0123456789abcdef"}},
		{"another login name", person{login: "Ada", authID: ada.authID}},
		{"empty login name", person{login: "", authID: ada.authID}},
		{"empty authid", person{login: "ada"}},
		{"disabled", off},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := &user{client: s.dial(t, c.name, ws), person: c.p}
			u.authenticate()
			u.expect(refused)
			u.expectEnd()
		})
	}

	t.Run("another user id at the login", func(t *testing.T) {
		u := &user{client: s.dial(t, "ada", tcp), person: ada}
		u.authenticate()
		u.expect(object{"type": "authenticate", "data": true})
		u.send(stage("login", object{"fUserId": off.fUserID, "fUsername": "ada"}))
		u.expect(stage("error", object{"error": "ERR_INVALID_AUTH", "data": object{"fUserId": off.fUserID, "fUsername": "ada"}}))
		u.expect(refused)
		u.expectEnd()
	})

	t.Run("FriendCore does not answer", func(t *testing.T) {
		core.Close()
		u := &user{client: s.dial(t, "ada", ws), person: ada}
		u.authenticate()
		u.expectEnd() // the client tries again: it is not refused
		u.refute(refused)
	})
}
