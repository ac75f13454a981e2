package e2e

import (
	"strings"
	"testing"

	"presence/friendcore/friendcoretest"
)

// TestNoSecretsInLogs: whatever happens, even at level debug with FriendCore's
// events, the log holds nothing that lets somebody in.
func TestNoSecretsInLogs(t *testing.T) {
	core := newFriendCore(t, friendcoretest.Options{})
	s := core.serve(t)
	s.ini.set("local_users", "local = %s, Local", localAuthID("local"))
	s.start()
	ada, bo := core.person("ada"), core.person("bo")
	secrets := map[string]string{
		"service key": core.ServiceKey(), "authid of Ada": ada.authID, "authid of Bo": bo.authID,
		"authid of a local user": localAuthID("local"), "password hash": friendcoretest.DefaultPassword,
		"password hash in FriendCore's answers": strings.Repeat("0", 40),
	}

	u := s.login(t, ada, ws)
	secrets["session id"] = u.session
	other := s.login(t, bo, tcp)
	secrets["session id of Bo"] = other.session
	secrets["session id of the local user"] = s.login(t, local("local"), ws).session
	room := u.createRoom("Vault")
	u.toRoom(room, object{"type": "invite", "data": object{"type": "public", "data": object{"reqId": "x"}}})
	f := u.expect(u.inRoom(room, object{"type": "invite", "data": object{"type": "public", "data": object{"reqId": "x"}}}))
	token, _ := dig(f, "data", "data", "data", "data", "data", "token").(string)
	secrets["invite token"] = token
	other.account(object{"type": "room-join", "data": object{"invite": object{"roomId": room, "token": token}}})
	other.expect(other.event(object{"type": "join"}))
	u.say(room, "the word is swordfish")
	other.sees(room, "the word is swordfish")
	secrets["chat text"] = "swordfish"

	// Failures say more than successes: refused, malformed, unknown, lost.
	guessed := "feedfacefeedfacefeedfacefeedface"
	secrets["refused authid"] = guessed
	refused := &user{client: s.dial(t, "refused", ws), person: person{login: "ada", authID: guessed}}
	refused.authenticate()
	refused.expectEnd()
	odd := s.dial(t, "odd", tcp)
	odd.expect(object{"type": "authenticate"})
	odd.sendRaw(`{"type":"authenticate","data":{"type":"authid","data":{"tokens":{"authId":"` + ada.authID + `"},"login":5}}}`)
	odd.expectEnd()
	broken := s.dial(t, "broken", tcp)
	broken.sendRaw(`{"type":"session","data":"` + u.session + `"`)
	broken.sendRaw(`}}}`)
	broken.expectEnd()
	unknown := s.dial(t, "unknown", ws)
	unknown.expect(object{"type": "authenticate"})
	secrets["unknown session id"] = "session-" + otherUUID
	unknown.send(object{"type": "session", "data": "session-" + otherUUID})
	unknown.expectEnd()
	u.abort()
	again := s.resume(t, u, tcp)
	again.expect(stage("ready", nil))
	core.SetFaults(friendcoretest.Faults{HTTP: friendcoretest.HTTPGarbage})
	ill := &user{client: s.dial(t, "ill", ws), person: bo}
	ill.authenticate()
	ill.expectEnd()
	core.Push([]byte(`{"type":"service","data":{"type":"user","data":{"type":"update","data":{"password":"` + friendcoretest.DefaultPassword + `"}}}}`))
	core.DropServices()
	s.stop()

	log := s.log.String()
	for what, secret := range secrets {
		if len(secret) < 8 {
			t.Fatalf("the test does not know the %s", what)
		}
		for line := range strings.Lines(log) {
			if strings.Contains(line, secret) {
				t.Errorf("the log has the %s: %s", what, line)
			}
		}
	}
	if !strings.Contains(log, "DEBUG") {
		t.Error("the log has no line of level debug: the test looked at nothing")
	}
}
