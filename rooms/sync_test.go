package rooms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// syncUsers takes over records as FriendCore lists them; who is known is in the list.
func (w *world) syncUsers(changed ...User) {
	w.t.Helper()
	present := map[string]bool{}
	for id := range w.hub.KnownUsers() {
		present[id] = true
	}
	for _, u := range changed {
		present[u.ID] = true
	}
	if err := w.hub.SyncUsers(context.Background(), changed, present); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

// TestDeletedUser: who is missing from two lists in a row is logged out; neither is
// somebody who is new, nor a user of this program's own, nor anybody because of an
// empty list.
func TestDeletedUser(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		w.login("bo")
		cy, err := w.hub.Resolve(t.Context(), User{ID: LocalPrefix + "cy", Login: "cy"})
		if err == nil {
			err = w.hub.Open(t.Context(), cy)
		}
		if err != nil {
			t.Fatal(err)
		}
		steps := []struct {
			list []string
			out  []AccountID
		}{
			{list: []string{"f-bo"}},
			{list: []string{"f-bo", "f-ada"}},
			{list: []string{"f-bo"}},
			{list: nil},
			{list: []string{"f-bo"}, out: []AccountID{ada.id}},
		}
		for n, s := range steps {
			present := map[string]bool{}
			for _, id := range s.list {
				present[id] = true
			}
			if err := w.hub.SyncUsers(t.Context(), nil, present); err != nil {
				t.Fatal(err)
			}
			w.settle()
			w.in.mu.Lock()
			out := slices.Clone(w.in.dismissed)
			w.in.mu.Unlock()
			if !slices.Equal(out, s.out) {
				t.Errorf("after list %d: %v are logged out, wanted %v", n+1, out, s.out)
			}
		}
	})
}

func TestSyncUsersMakesAccountsAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.syncUsers(
			User{ID: "f-1", Login: "ada", Name: "Ada", LastUpdate: 5},
			User{ID: "f-2", Login: "bo", LastUpdate: 6},
			User{ID: "f-3", Login: "cy", Name: "Cy", Disabled: true},
		)
		if n := w.store.count("CreateAccounts"); n != 1 {
			t.Errorf("%d writes, want one", n)
		}
		want := map[string]int64{"f-1": 5, "f-2": 6, "f-3": 0}
		if got := w.hub.KnownUsers(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("known are %v, want %v", got, want)
		}
		if i := w.hub.dir.byFriendID("f-2"); i.Name != "bo" {
			t.Errorf("without full name the name is %q, want the login name", i.Name)
		}
		w.syncUsers(User{ID: "f-1", Login: "ada", Name: "Ada", LastUpdate: 5})
		if w.store.count("CreateAccounts") != 1 || w.store.count("UpdateAccounts") != 0 {
			t.Error("what is known already was written again")
		}
	})
}

func TestSyncUsersUpdates(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		ada.post("identity", map[string]any{"type": "get", "data": ada.id, "requestId": "r"}, "")
		ada.take()
		w.syncUsers(User{ID: "f-ada", Login: "ada", Name: "Ada Lovelace", LastUpdate: 9})
		ada.got(`{"type":"identity-update","data":{"key":"name","value":"Ada Lovelace","clientId":"` + string(ada.id) + `"`)
		if got := w.hub.KnownUsers()["f-ada"]; got != 9 {
			t.Errorf("the time of the last change is %d, want 9", got)
		}
	})
}

// TestSyncUsersKeepsAdmin: the list of users does not know who is an admin, even
// if a record claims to.
func TestSyncUsersKeepsAdmin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		admin, bo := w.login("admin"), w.login("bo")
		yes, no := true, false
		w.syncUsers(
			User{ID: "f-admin", Login: "admin", Name: "Renamed", Admin: &no},
			User{ID: "f-bo", Login: "bo", Name: "Renamed too", Admin: &yes},
		)
		if !w.hub.dir.get(admin.id).isAdmin() || w.hub.dir.get(bo.id).isAdmin() {
			t.Error("the admin flag was taken from the list of users")
		}
	})
}

// TestSyncUsersLeavesOutWhatIsOfNoUse: one bad record does not keep the others out.
func TestSyncUsersLeavesOutWhatIsOfNoUse(t *testing.T) {
	long := strings.Repeat("x", 192)
	inWorld(t, func(t *testing.T, w *world) {
		w.syncUsers(
			User{ID: "", Login: "nobody"},
			User{ID: "f-1", Login: ""},
			User{ID: "f-2", Login: long},
			User{ID: long, Login: "long"},
			User{ID: "f-3", Login: "cy", Name: "First"},
			User{ID: "f-3", Login: "cy", Name: "Second"},
			User{ID: "f-4", Login: "dee", Name: strings.Repeat("n", 500)},
		)
		if len(w.store.accounts) != 2 {
			t.Fatalf("%d accounts, want 2", len(w.store.accounts))
		}
		if got := w.hub.dir.byFriendID("f-3").Name; got != "Second" {
			t.Errorf("of two records %q counts, want the last", got)
		}
		if got := len(w.hub.dir.byFriendID("f-4").Name); got != maxName {
			t.Errorf("the name has %d characters", got)
		}
	})
}

func TestSyncUsersFails(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.syncUsers(User{ID: "f-1", Login: "ada", Name: "Ada"})
		w.store.setFault(errAway)
		for what, u := range map[string]User{
			"new":     {ID: "f-2", Login: "bo"},
			"changed": {ID: "f-1", Login: "ada", Name: "Other"},
		} {
			if err := w.hub.SyncUsers(context.Background(), []User{u}, nil); !errors.Is(err, errAway) {
				t.Errorf("%s: the error is %v", what, err)
			}
		}
		if len(w.hub.KnownUsers()) != 1 || w.hub.dir.byFriendID("f-1").Name != "Ada" {
			t.Error("what was not stored was taken over")
		}
	})
}

func TestSyncGroupsTellsDifferences(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo, cy := w.login("ada"), w.login("bo"), w.login("cy")
		w.sync(group("11", "ada", "bo"))
		ada.got(`{"type":"contact-add","data":{"clientId":"` + string(bo.id) + `"}}`)
		for _, p := range []*person{ada, bo, cy} {
			p.post("identity", map[string]any{"type": "get-list", "data": []AccountID{ada.id, bo.id, cy.id}, "requestId": "r"}, "")
			p.take()
		}

		w.sync(group("11", "ada", "cy")) // cy comes, bo goes
		frames := ada.take()
		for _, want := range []string{
			`{"type":"workgroup-update","data":{"add":["` + string(cy.id) + `"],"id":"friend_wg_11"}}`,
			`{"type":"workgroup-update","data":{"id":"friend_wg_11","remove":["` + string(bo.id) + `"]}}`,
			`{"type":"contact-add","data":{"clientId":"` + string(cy.id) + `"}}`,
			`{"type":"contact-remove","data":"` + string(bo.id) + `"}`,
			`{"type":"identity-update","data":{"key":"workgroups","value":["friend_wg_11"],"clientId":"` + string(cy.id) + `"`,
			`{"type":"identity-update","data":{"key":"workgroups","value":[],"clientId":"` + string(bo.id) + `"`,
		} {
			if index(frames, want) < 0 {
				t.Errorf("ada did not get %s but\n%s", want, strings.Join(frames, "\n"))
			}
		}
		if len(frames) != 6 {
			t.Errorf("ada got %d events, want 6:\n%s", len(frames), strings.Join(frames, "\n"))
		}
		// The one who was removed is told as well, and loses his contacts.
		frames = bo.take()
		if index(frames, "workgroup-update", `"remove":["`+string(bo.id)) < 0 || index(frames, "contact-remove", string(ada.id)) < 0 {
			t.Errorf("bo got %q", frames)
		}
		if index(frames, "contact-add") >= 0 {
			t.Errorf("bo got %q", frames)
		}
		bo.request("contact-list", nil).is(t, "[]")
	})
}

func TestSyncGroupsTellsNothingNew(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		w.login("bo")
		w.sync(group("11", "ada", "bo"), group("12", "ada"))
		before := w.hub.dir.get(ada.id).lastUpdate
		ada.take()
		w.sync(group("11", "ada", "bo"), group("12", "ada"))
		if frames := ada.take(); len(frames) > 0 {
			t.Errorf("ada got %q", frames)
		}
		if w.hub.dir.get(ada.id).lastUpdate != before {
			t.Error("lastUpdate changed although nothing else did")
		}
	})
}

// TestGroupDeletionReachesEveryMember: each of many loses the group, and is told.
func TestGroupDeletionReachesEveryMember(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var names []string
		var people []*person
		for n := range 7 {
			names = append(names, fmt.Sprint("user", n))
			people = append(people, w.login(names[n]))
		}
		w.sync(group("11", names...))
		for _, p := range people {
			p.post("identity", map[string]any{"type": "get", "data": p.id, "requestId": "r"}, "")
			p.take()
		}
		w.sync()
		for _, p := range people {
			frames := p.take()
			inOrder(t, frames, `"key":"workgroups","value":[]`)
			if index(frames, "workgroup-update", `"remove":[`) < 0 {
				t.Errorf("%s was not told", p.id)
			}
			gone := 0
			for _, f := range frames {
				if strings.Contains(f, "contact-remove") {
					gone++
				}
			}
			if gone != 6 {
				t.Errorf("%s lost %d contacts, want 6", p.id, gone)
			}
			if len(w.hub.groups.ofAccount(p.id)) != 0 {
				t.Errorf("%s keeps the dead group", p.id)
			}
		}
	})
}

// TestContactsKeptByAnotherGroup: who shares a second group stays a contact.
func TestContactsKeptByAnotherGroup(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		w.sync(group("11", "ada", "bo"), group("12", "ada", "bo"))
		ada.take()
		w.sync(group("11", "ada"), group("12", "ada", "bo"))
		ada.gotNone("contact-")
		w.sync(group("11", "ada"), group("12", "ada"))
		ada.got("contact-remove", string(bo.id))
	})
}

// TestOfflineContactsAreNotAnnounced: contact-add and -remove are about who is online.
func TestOfflineContactsAreNotAnnounced(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		w.resolve(user("bo"))
		w.sync(group("11", "ada", "bo"))
		w.sync(group("11", "ada"))
		ada.gotNone("contact-")
	})
}

// TestGroupsFromBadLists: unknown, disabled and repeated members, repeated groups.
func TestGroupsFromBadLists(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		w.syncUsers(User{ID: "f-gone", Login: "gone", Disabled: true})
		w.sync(group("11", "ada", "ada", "gone", "unknown"), group("11", "gone"), group("12"))
		if got := w.hub.groups.membersOf("friend_wg_11"); !slices.Equal(got, []AccountID{ada.id}) {
			t.Errorf("the members are %v, want ada once", got)
		}
		if got := w.hub.groups.ofAccount(ada.id); !slices.Equal(got, []WorkgroupID{"friend_wg_11"}) {
			t.Errorf("ada is in %v", got)
		}
		ada.take()
		ada.send("initialize", nil, "")
		ada.got(`"workgroups":{"ids":["friend_wg_11"],"members":{"friend_wg_11":["` + string(ada.id) + `"]}}`)
	})
}

func TestApplySettings(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.hub.ApplySettings(GroupSettings{Super: []string{"11"}})
		w.hub.ApplySettings(GroupSettings{Stream: []string{"Streamers"}})
		if got := w.hub.groups.settings; len(got.Super) != 0 || len(got.Stream) != 1 {
			t.Errorf("the settings are %v: an empty list counts as well", got)
		}
	})
}
