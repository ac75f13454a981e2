package rooms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// refused fails unless the error is a refusal with this code.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Fatalf("the error is %v, want %s", err, code)
	}
}

func (w *world) resolve(u User) AccountID {
	w.t.Helper()
	id, err := w.hub.Resolve(context.Background(), u)
	if err != nil {
		w.t.Fatal(err)
	}
	w.settle()
	return id
}

func TestFirstLoginMakesAccount(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.resolve(User{ID: "f-1", Login: "ada", Name: "Ada L", LastUpdate: 7})
		r, there := w.store.accounts[id]
		if !there || !strings.HasPrefix(string(id), "acc-") {
			t.Fatalf("account %s is not stored", id)
		}
		want := AccountRecord{ID: id, FUserID: "f-1", FUsername: "ada", Name: "Ada L", LastUpdate: 7, Settings: []byte("{}")}
		if fmt.Sprint(r) != fmt.Sprint(want) {
			t.Errorf("stored is %v, want %v", r, want)
		}
		if again := w.resolve(User{ID: "f-1", Login: "ada", Name: "Ada L"}); again != id {
			t.Errorf("the second login made another account")
		}
		if n := w.store.count("UpdateAccounts"); n != 0 {
			t.Errorf("%d updates although nothing changed", n)
		}
	})
}

func TestAccountFoundAfterRestart(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.resolve(user("ada"))
		w.restart()
		if again := w.resolve(user("ada")); again != id {
			t.Errorf("the account is %s, was %s", again, id)
		}
	})
}

func TestWhoseAccountItIs(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		old := AccountRecord{ID: "acc-old", FUsername: "bo", Name: "Bo", Settings: []byte("{}")}
		w.store.accounts[old.ID] = old
		w.restart()
		if id := w.resolve(User{ID: "f-bo", Login: "bo", Name: "Bo"}); id != "acc-old" {
			t.Errorf("the account without user id was not found by its login name")
		}
		if got := w.store.accounts["acc-old"].FUserID; got != "f-bo" {
			t.Errorf("its user id is %q now, want f-bo", got)
		}
		taken := w.resolve(User{ID: "f-other", Login: "bo", Name: "Other"})
		if taken == "acc-old" {
			t.Error("who took over the login name took over the account")
		}
		if id := w.resolve(User{ID: "f-bo", Login: "bo2", Name: "Bo"}); id != "acc-old" {
			t.Error("a new login name made another account")
		}
	})
}

func TestUnusableUsersAreRefused(t *testing.T) {
	long := strings.Repeat("ä", 192)
	inWorld(t, func(t *testing.T, w *world) {
		for what, u := range map[string]User{
			"no login":       {ID: "f-1", Name: "No login"},
			"long login":     {ID: "f-1", Login: long},
			"long user id":   {ID: long, Login: "ada"},
			"nothing at all": {},
		} {
			if _, err := w.hub.Resolve(context.Background(), u); err == nil {
				t.Errorf("%s: not refused", what)
			} else {
				refused(t, err, "ERR_INVALID_AUTH")
			}
		}
		if len(w.store.accounts) != 0 {
			t.Errorf("%d accounts were made", len(w.store.accounts))
		}
		id := w.resolve(User{ID: long[:191*2], Login: long[:191*2], Name: strings.Repeat("ä", 300)})
		if got := w.store.accounts[id].Name; got != long[:191*2] {
			t.Errorf("the name has %d bytes, want 191 characters", len(got))
		}
	})
}

func TestDisabledUsersAreRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		_, err := w.hub.Resolve(context.Background(), User{ID: "f-1", Login: "ada", Disabled: true})
		refused(t, err, "ERR_ACCOUNT_DISABLED")

		// A login answer that says nothing of it does not enable the account.
		_, err = w.hub.Resolve(context.Background(), User{ID: "f-1", Login: "ada"})
		refused(t, err, "ERR_ACCOUNT_DISABLED")

		w.syncUsers(User{ID: "f-1", Login: "ada"})
		w.resolve(User{ID: "f-1", Login: "ada"})
	})
}

// TestLoginUpdatesRecord: what a login answer says is taken over, what it leaves
// out stays.
func TestLoginUpdatesRecord(t *testing.T) {
	first := User{ID: "f-1", Login: "ada", Name: "Ada L", LastUpdate: 7}
	for what, tc := range map[string]struct {
		login User
		want  string // name, login name, time
	}{
		"new name":         {User{ID: "f-1", Login: "ada", Name: "Ada B", LastUpdate: 8}, "Ada B ada 8"},
		"new login name":   {User{ID: "f-1", Login: "ada2", Name: "Ada L", LastUpdate: 8}, "Ada L ada2 8"},
		"no name":          {User{ID: "f-1", Login: "ada"}, "Ada L ada 7"},
		"no name, renamed": {User{ID: "f-1", Login: "ada2"}, "Ada L ada2 7"},
		"no user id":       {User{Login: "ada", Name: "Ada B"}, "Ada B ada 7"},
		"older record":     {User{ID: "f-1", Login: "ada", Name: "Ada L", LastUpdate: 3}, "Ada L ada 7"},
	} {
		t.Run(what, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				id := w.resolve(first)
				w.resolve(tc.login)
				r := w.store.accounts[id]
				if got := fmt.Sprint(r.Name, " ", r.FUsername, " ", r.LastUpdate); got != tc.want {
					t.Errorf("stored is %s, want %s", got, tc.want)
				}
				if r.FUserID != "f-1" {
					t.Errorf("the user id is %q now", r.FUserID)
				}
			})
		})
	}
}

// TestNameFollowsLogin: who has no full name is called by the login name.
func TestNameFollowsLogin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.resolve(User{ID: "f-1", Login: "ada"})
		w.resolve(User{ID: "f-1", Login: "countess"})
		if got := w.store.accounts[id].Name; got != "countess" {
			t.Errorf("the name is %q, want countess", got)
		}
	})
}

func TestLoginTellsNewNameAndAdmin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		ada.post("identity", map[string]any{"type": "get", "data": bo.id, "requestId": "r"}, "")
		ada.take()

		admin := true
		w.resolve(User{ID: "f-bo", Login: "bo", Name: "Bob", Admin: &admin})
		frames := ada.take()
		inOrder(t, frames, `"key":"name","value":"Bob"`, `"key":"avatar"`)
		inOrder(t, frames, `"type":"at-names"`, `"type":"admin-add","data":"`+string(bo.id)+`"`)
		if index(frames, `"at-names"`, `"Bob"`) < 0 {
			t.Error("at-names has the old name")
		}
		if s := ada.state(room); len(s.Admins) != 1 || s.Admins[0] != bo.id {
			t.Errorf("admins are %v", s.Admins)
		}

		admin = false
		w.resolve(User{ID: "f-bo", Login: "bo", Name: "Bob", Admin: &admin})
		frames = ada.take()
		inOrder(t, frames, `"type":"admin-remove","data":"`+string(bo.id)+`"`)
		if index(frames, "at-names") >= 0 {
			t.Error("at-names although no name changed")
		}
	})
}

// TestRenamedBackTellsNoAdmin: a name that is back before the room looks is not
// taken for a change of the admin flag.
func TestRenamedBackTellsNoAdmin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		ada.take()
		w.loadedRoom(room).box.force(memberEvent{ada.id})
		ada.gotNone("admin-")
	})
}

func TestOpenAndCloseAreSeen(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		bo := w.resolve(user("bo"))
		w.sync(group("11", "ada", "bo"))
		ada.post("identity", map[string]any{"type": "get", "data": bo, "requestId": "r"}, "")
		ada.take()

		w.open("bo")
		inOrder(t, ada.take(), `{"type":"contact-add","data":{"clientId":"`+string(bo)+`"}}`, `"key":"isOnline","value":true`)
		w.hub.Close(bo)
		inOrder(t, ada.take(), `{"type":"contact-remove","data":"`+string(bo)+`"}`, `"key":"isOnline","value":false`)
	})
}

func TestContactEventsWaitForInitialize(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.resolve(user("bo"))
		ada := w.open("ada")
		w.sync(group("11", "ada", "bo"))
		bo := w.open("bo")
		ada.gotNone("contact-add")
		ada.send("initialize", nil, "")
		ada.got(`"contacts":["` + string(bo.id) + `"]`)
	})
}

// TestHideAndShow: an account whose connection was lost stays in its rooms, unseen,
// and still gets what is said there.
func TestHideAndShow(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		w.sync(group("11", "ada", "bo"))
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		ada.take()

		w.hub.Hide(bo.id)
		w.hub.Hide(bo.id) // again means nothing
		if n := len(ada.take()); n != 1 {
			t.Errorf("ada got %d events, want contact-remove once", n)
		}
		if s := ada.state(room); len(s.Online) != 1 || len(s.Users) != 2 {
			t.Errorf("online are %v of %v", s.Online, s.Users)
		}
		bo.take()
		ada.say(room, "are you there?")
		bo.got("are you there?")

		w.hub.Show(bo.id)
		ada.got("contact-add", string(bo.id))
		if s := ada.state(room); len(s.Online) != 2 {
			t.Errorf("online are %v", s.Online)
		}
	})
}

func TestHiddenAccountReadsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		bo.to(room, "", "active", map[string]any{"isActive": true}, "")
		w.settle()
		w.hub.Hide(bo.id)
		w.settle()
		ada.say(room, "unseen")
		w.hub.Show(bo.id)
		if got := fmt.Sprint(bo.state(room).Relation.UnreadMessages); got != "1" {
			t.Errorf("%s unread, want 1", got)
		}
	})
}

func TestOpenTwice(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		if err := w.hub.Open(context.Background(), ada.id); err == nil {
			t.Error("an open account was opened again")
		}
		if err := w.hub.Open(context.Background(), "acc-unknown"); !errors.Is(err, ErrNotFound) {
			t.Errorf("the error is %v, want ErrNotFound", err)
		}
		w.hub.Close("acc-unknown")
		ada.logout()
		ada.logout() // again means nothing
		if n := w.hub.Stats().Accounts; n != 0 {
			t.Errorf("%d accounts are open", n)
		}
	})
}

func TestLoginIsNoted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		ada.logout()
		if w.store.count("TouchLogin") != 1 || w.store.count("TouchOnline") != 1 {
			t.Error("login and logout are not noted")
		}
	})
}

// TestLoginWhileDatabaseIsAway: the times of login and logout are not worth a
// refusal; an account that cannot be made is.
func TestLoginWhileDatabaseIsAway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.resolve(user("ada"))
		w.store.setFault(errAway)
		if _, err := w.hub.Resolve(context.Background(), user("bo")); !errors.Is(err, errAway) {
			t.Errorf("the error is %v, want that of the database", err)
		}
		if _, err := w.hub.Resolve(context.Background(), User{ID: "f-ada", Login: "ada", Name: "New"}); !errors.Is(err, errAway) {
			t.Errorf("the error is %v, want that of the database", err)
		}
		if err := w.hub.Open(context.Background(), ada); err != nil {
			t.Error(err)
		}
		w.hub.Close(ada)
		w.store.setFault(nil)
		if bo := w.login("bo"); bo.id == "" {
			t.Error("bo cannot log in later")
		}
	})
}

func TestResolveGivesUpWithItsContext(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.hub.records <- struct{}{} // somebody else writes
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := w.hub.Resolve(ctx, user("ada")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v, want the deadline's", err)
		}
		<-w.hub.records
	})
}

func TestRoomsAreRejoinedAtLogin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		first := ada.makeRoom("First")
		w.pass(time.Second)
		second := ada.makeRoom("Second")
		w.restart()

		ada = w.login("ada")
		frames := ada.take()
		inOrder(t, frames, `"type":"initialize"`, `"type":"join"`, `"type":"join"`)
		if index(frames, `"type":"initialize"`, `"rooms":[]`) < 0 {
			t.Error("the first initialize lists rooms")
		}
		for _, room := range []RoomID{first, second} {
			if index(frames, `"joined":{"clientId":"`+string(room)+`"`) < 0 {
				t.Errorf("no join of %s", room)
			}
		}
		ada.send("initialize", nil, "")
		frames = ada.take()
		if index(frames, string(first), string(second)) != 0 || len(frames) != 1 {
			t.Errorf("the second initialize gave %q", frames)
		}
	})
}

func TestTemporaryRoomIsRejoinedWhileInMemory(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("")
		ada.add(room, bo)
		ada.say(room, "hello")
		ada.logout()
		bo.logout()
		w.pass(9 * time.Minute)

		bo = w.login("bo")
		bo.got(`"type":"join"`, string(room), `"persistent":false`)
		if s := bo.state(room); len(s.Users) != 2 || len(s.Online) != 1 {
			t.Errorf("users are %v, online %v", s.Users, s.Online)
		}
		bo.logout()
		w.pass(11 * time.Minute)
		w.login("bo").gotNone(`"type":"join"`)
		if len(w.hub.temps) != 0 {
			t.Errorf("temporary rooms are remembered: %v", w.hub.temps)
		}
	})
}

func TestRoomsComeLaterWhenDatabaseIsAwayAtLogin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		w.restart()
		w.store.failOnly("RoomsOf")
		ada = w.login("ada")
		ada.gotNone(`"type":"join"`)
		w.store.setFault(nil)
		w.pass(retryRooms)
		ada.got(`"type":"join"`, string(room))
	})
}

func TestRoomIsLoadedWhenDatabaseIsBack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		w.restart()
		w.store.failOnly("LoadRooms")
		ada = w.login("ada")
		w.pass(time.Minute)
		ada.gotNone(`"type":"join"`)
		if n := w.store.count("LoadRooms"); n < 5 || n > 35 {
			t.Errorf("%d attempts in a minute", n)
		}
		w.store.setFault(nil)
		w.pass(retryRooms)
		ada.got(`"type":"join"`, string(room))
	})
}

// TestRoomsOfFormerSession: a room that was asked for in a session that has ended
// does not speak up in the next one before that has asked for its state.
func TestRoomsOfFormerSession(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		w.restart()
		w.store.failOnly("LoadRoom")
		w.login("ada").logout()
		ada = w.open("ada")
		ada.take()
		w.store.setFault(nil)
		w.pass(time.Minute)
		if frames := ada.take(); len(frames) > 0 {
			t.Errorf("ada got %q before she asked", frames)
		}
		ada.send("initialize", nil, "")
		inOrder(t, ada.take(), `"type":"initialize"`, `"joined":{"clientId":"`+string(room)+`"`)
	})
}

// TestRoomAddBeforeInitialize: the client hears of the room after its state.
func TestRoomAddBeforeInitialize(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.open("bo")
		saved, temporary := ada.makeRoom("Road map"), ada.makeRoom("")
		ada.add(saved, bo)
		ada.add(temporary, bo)
		bo.gotNone(`"type":"join"`)
		bo.send("initialize", nil, "")
		frames := bo.take()
		inOrder(t, frames, `"type":"initialize"`, `"type":"join"`, `"type":"join"`)
		if index(frames, "joined", string(saved)) < 0 || index(frames, "joined", string(temporary)) < 0 {
			t.Errorf("bo got %q", frames)
		}
	})
}

func TestResyncSendsStateAnew(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		ada.take()
		w.hub.Resync(ada.id)
		ada.got(`"type":"initialize"`, string(room))
		w.hub.Resync("acc-unknown")
	})
}

// TestEventsAsSoonAsJoinIsSent: what a client sends the moment it hears of a room
// finds it in the room.
func TestEventsAsSoonAsJoinIsSent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		done := make(chan struct{})
		w.in.mu.Lock()
		w.in.onDeliver = func(event string) {
			room, ok := joinedIn(event)
			if !ok {
				return
			}
			go func() {
				defer close(done)
				ada.raw(map[string]any{"type": room, "data": map[string]any{"type": "initialize"}})
			}()
		}
		w.in.mu.Unlock()
		ada.send("room-create", nil, "")
		<-done
		ada.got(`"type":"initialize"`, `"users":["`+string(ada.id)+`"]`)
	})
}

// joinedIn returns the room of a join event.
func joinedIn(event string) (RoomID, bool) {
	rest, ok := strings.CutPrefix(event, `{"type":"join","data":{"joined":{"clientId":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return RoomID(id), ok
}

// TestDefectEndsOneSession: when the program fails over an account's event, its
// session ends; others and the process do not notice.
func TestDefectEndsOneSession(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		w.hub.account(ada.id).box.force(brokenEvent{})
		w.settle()
		if len(w.in.dismissed) != 1 || w.in.dismissed[0] != ada.id {
			t.Errorf("dismissed are %v, want ada alone", w.in.dismissed)
		}
		if w.hub.Stats().Panics != 1 {
			t.Error("the defect is not counted")
		}
		ada.logout()
		ada = w.login("ada")
		ada.got(`"type":"initialize"`)
		bo.request("contact-list", nil).is(t, "[]")
	})
}

// brokenEvent stands for a defect of the program.
type brokenEvent struct{}

func (brokenEvent) apply(*Account) { panic("a defect") }

func TestDisablingEndsTheSession(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		w.syncUsers(User{ID: "f-ada", Login: "ada", Name: "Ada", Disabled: true})
		if len(w.in.dismissed) != 1 || w.in.dismissed[0] != ada.id {
			t.Errorf("dismissed are %v, want ada", w.in.dismissed)
		}
	})
}

func TestClip(t *testing.T) {
	for _, tc := range []struct {
		in   string
		n    int
		want string
	}{
		{"", 0, ""},
		{"", 3, ""},
		{"abc", 0, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"äöüß", 3, "äöü"},
		{"äöü", 3, "äöü"},
		{"a😀b", 2, "a😀"},
		{"a\xff\xffb", 2, "a\xff"},
	} {
		if got := clip(tc.in, tc.n); got != tc.want {
			t.Errorf("clip(%q, %d) is %q, want %q", tc.in, tc.n, got, tc.want)
		}
	}
}
