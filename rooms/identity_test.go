package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// identities sends a request on the identity channel and returns its reply.
func (p *person) identities(typ string, data any) replyFrame {
	p.w.t.Helper()
	p.take()
	p.send("identity", map[string]any{"type": typ, "data": data, "requestId": "r-1"}, "")
	return p.reply(p.take(), "r-1", "identity")
}

func (p *person) identity(id AccountID) identityWire {
	p.w.t.Helper()
	var i identityWire
	p.identities("get", id).into(p.w.t, &i)
	return i
}

func TestIdentityShape(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.store.accounts["acc-never"] = AccountRecord{ID: "acc-never", Name: "Never seen", Disabled: true, Settings: []byte("{}")}
		w.restart()
		admin := w.login("admin")
		w.sync(group("11", "admin"))
		for id, want := range map[AccountID]string{
			admin.id: `{"clientId":"$ID","fUserId":"f-admin","fUsername":"admin","fLastUpdate":0,"name":"Admin","avatar":"$PNG",` +
				`"isAdmin":true,"isOnline":true,"lastUpdate":$TIME,"isGuest":false,"workgroups":["friend_wg_11"]}`,
			"acc-never": `{"clientId":"$ID","fUserId":null,"fUsername":null,"fLastUpdate":0,"fIsDisabled":true,"name":"Never seen","avatar":"$PNG",` +
				`"isAdmin":null,"isOnline":false,"lastUpdate":$TIME,"workgroups":[]}`,
		} {
			i := w.hub.dir.get(id)
			want = strings.NewReplacer("$ID", string(id), "$PNG", w.hub.pics.ofPerson(i.Name), "$TIME", fmt.Sprint(i.lastUpdate)).Replace(want)
			admin.identities("get", id).is(t, want)
		}
	})
}

func TestIdentityRequests(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		many := make([]string, maxIdentities+1)
		held := map[string]int{}
		for n := range many {
			many[n] = fmt.Sprint("acc-", n)
			held[many[n]] = 1
		}
		for _, tc := range []struct {
			typ  string
			data any
			code string
			n    int // identities in the reply
		}{
			{"get-list", []AccountID{bo.id, ada.id, "acc-unknown"}, "", 2},
			{"get-list", []AccountID{}, "", 0},
			{"get-list", many[:maxIdentities], "", 0},
			{"get-list", many, "ERR_INVALID_DATA", 0},
			{"get-list", "text", "ERR_INVALID_DATA", 0},
			{"get-list", []any{1, 2}, "ERR_INVALID_DATA", 0},
			{"refresh", map[AccountID]any{bo.id: 1, "acc-unknown": 1}, "", 1},
			{"refresh", map[AccountID]any{bo.id: "text", ada.id: nil}, "", 2},
			{"refresh", map[AccountID]any{}, "", 0},
			{"refresh", held, "ERR_INVALID_DATA", 0},
			{"refresh", []int{1}, "ERR_INVALID_DATA", 0},
		} {
			reply := ada.identities(tc.typ, tc.data)
			if tc.code != "" {
				reply.fails(t, tc.code)
				continue
			}
			var found []identityWire
			if reply.into(t, &found); found == nil || len(found) != tc.n {
				t.Errorf("%s of %v gives %d, want %d", tc.typ, tc.data, len(found), tc.n)
			}
		}
		ada.identities("get", "acc-unknown").is(t, "null")
		ada.identities("get", 7).fails(t, "ERR_INVALID_ID")
		ada.identities("add", nil).fails(t, "ERR_NO_LISTENER")
		ada.send("identity", map[string]any{"type": "get", "data": bo.id}, "") // nobody waits for it
		ada.gotNone("identity")
	})
}

// TestRefreshReturnsWhatDiffers, and reading changes nothing.
func TestRefreshReturnsWhatDiffers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		held := map[AccountID]any{ada.id: ada.identity(ada.id).LastUpdate, bo.id: ada.identity(bo.id).LastUpdate}
		ada.identities("refresh", held).is(t, "[]")
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bob"})
		var found []identityWire
		ada.identities("refresh", held).into(t, &found)
		if len(found) != 1 || found[0].Name != "Bob" {
			t.Errorf("refresh gives %v, want bo", found)
		}
	})
}

// TestUpdatesGoToThoseWhoAsked: get, get-list and refresh note an interest;
// search-user and friend-get do not; it ends with the session.
func TestUpdatesGoToThoseWhoAsked(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		bo := w.login("bo")
		people := map[string]*person{}
		for _, name := range []string{"get", "list", "refresh", "search", "friend", "none"} {
			people[name] = w.login(name)
		}
		people["get"].identities("get", bo.id)
		people["list"].identities("get-list", []AccountID{bo.id})
		people["refresh"].identities("refresh", map[AccountID]any{bo.id: 0})
		people["search"].request("search-user", map[string]any{"needle": "bo"})
		people["friend"].request("friend-get", map[string]any{"friendId": "f-bo"})

		rename := func(name string) { w.syncUsers(User{ID: "f-bo", Login: "bo", Name: name}) }
		rename("Bob")
		for name, p := range people {
			interested := name == "get" || name == "list" || name == "refresh"
			if got := index(p.take(), "identity-update", `"value":"Bob"`) >= 0; got != interested {
				t.Errorf("%s: got the update: %v, want %v", name, got, interested)
			}
		}
		people["get"].logout()
		people["get"] = w.login("get")
		rename("Bobby")
		people["get"].gotNone("identity-update")
		if n := len(w.hub.dir.watchersOf(bo.id)); n != 2 {
			t.Errorf("%d are noted as interested, want 2", n)
		}
	})
}

func TestUpdatesGoInOneDelivery(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		bo := w.login("bo")
		for n := range 5 {
			w.login(fmt.Sprint("user", n)).identities("get", bo.id)
		}
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bob"})
		if d := w.in.deliveriesOf(`"key":"name"`); len(d) != 1 || len(d[0].to) != 5 {
			t.Errorf("%d deliveries, want one to five", len(d))
		}
	})
}

// TestOwnAvatarStays: a new name brings a new picture only to those who have none
// of their own.
func TestOwnAvatarStays(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		own := "data:image/png;base64,AAAA"
		w.store.accounts["acc-own"] = AccountRecord{ID: "acc-own", FUserID: "f-own", FUsername: "own", Name: "Own", HasAvatar: true, Settings: []byte("{}")}
		w.store.avatars["acc-own"] = own
		w.restart()
		ada := w.login("ada")
		if got := ada.identity("acc-own").Avatar; got != own {
			t.Errorf("the picture is %v, want the own one", got)
		}
		ada.identity(ada.id)
		w.syncUsers(User{ID: "f-own", Login: "own", Name: "New name"}, User{ID: "f-ada", Login: "ada", Name: "Ada L"})
		frames := ada.take()
		if index(frames, `"key":"avatar"`, "acc-own") >= 0 {
			t.Error("the own picture was replaced")
		}
		if index(frames, `"key":"avatar"`, string(ada.id)) < 0 {
			t.Error("the generated picture was not replaced")
		}

		w.store.failOnly("Avatars")
		if got := ada.identity("acc-own").Avatar; got != w.hub.pics.ofPerson("New name") {
			t.Errorf("while the database is away the picture is %v, want the generated one", got)
		}
	})
}

// TestAvatarsAreReadAtOnce: an answer takes one read, however many it is about.
func TestAvatarsAreReadAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var ids []AccountID
		for n := range 40 {
			id := AccountID(fmt.Sprint("acc-", n))
			ids = append(ids, id)
			w.store.accounts[id] = AccountRecord{ID: id, Name: string(id), HasAvatar: n%2 == 0, Settings: []byte("{}")}
			w.store.avatars[id] = "data:own"
		}
		w.restart()
		ada := w.login("ada")
		before := w.store.count("Avatars")
		var found []identityWire
		ada.identities("get-list", ids).into(t, &found)
		if n := w.store.count("Avatars") - before; n != 1 {
			t.Errorf("%d reads, want one", n)
		}
		for n, i := range found {
			if own := i.Avatar == "data:own"; own != (n%2 == 0) {
				t.Errorf("%s: own picture: %v", i.ClientID, own)
			}
		}
	})
}

func TestIdentityRepliesGoToOneConnection(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		w.in.repliesTo(ada.address())
		second := Address{ada.id, 2}
		w.hub.Handle(context.Background(), second,
			json.RawMessage(`{"type":"identity","data":{"type":"get","data":"`+string(ada.id)+`","requestId":7}}`))
		w.settle()
		if got := w.in.repliesTo(second); len(got) != 1 || index(got, `{"type":"identity","data":{"requestId":7,"response":{"clientId":"`) != 0 {
			t.Errorf("the second connection got %q", got)
		}
		if got := w.in.repliesTo(ada.address()); len(got) != 0 {
			t.Errorf("the first connection got %q", got)
		}
	})
}
