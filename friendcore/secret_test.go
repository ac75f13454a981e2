package friendcore

import (
	"strings"
	"testing"
	"time"

	"presence/friendcore/friendcoretest"
)

// TestLinkKeepsSecrets logs everything, events included, through a life with all
// faults, and looks for what must not be there.
func TestLinkKeepsSecrets(t *testing.T) {
	inWorld(t, withEcho, func(w *world) {
		a := w.fc.AddUser(friendcoretest.User{Login: "alice", Email: "alice@example.test"})
		for _, f := range []friendcoretest.Faults{
			{RefuseKey: true}, {CrashOnAuthenticate: true}, {SilentAuthenticate: true}, {RefuseServices: true}, {SilentRequests: true}, {},
		} {
			w.fc.SetFaults(f)
			if w.stop == nil {
				w.run()
			}
			w.pass(3 * time.Minute)
		}
		w.pass(10 * time.Minute)
		w.wantState(Ready)
		w.fc.SetFaults(friendcoretest.Faults{SilentPings: true})
		w.pass(time.Minute)
		w.fc.SetFaults(friendcoretest.Faults{})
		w.pass(time.Minute)
		w.fc.SetStatus(a.ID, friendcoretest.Disabled)
		w.fc.Request(a.UniqueID, "room/echo", `{"token":"a-secret-token"}`)
		w.fc.Request(a.UniqueID, "room/fail", `{"token":"a-secret-token"}`)
		w.fc.Request(a.UniqueID, "room/echo", `{"token":"a-secret-token"`)
		w.fc.Push([]byte(`{"type":"error","data":{"status":4,"message":"x"}}`))
		w.pass(time.Minute)
		log := w.log.String()
		for _, secret := range []string{w.fc.ServiceKey(), a.AuthID, a.Email, "a-secret-token"} {
			if strings.Contains(log, secret) {
				t.Errorf("%q is in the log", secret)
			}
		}
		w.wantLog("event of FriendCore", 1)
	})
}
