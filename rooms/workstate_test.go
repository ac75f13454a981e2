package rooms

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// joinedRooms are the work rooms that somebody was told to have joined, in this order,
// as group, role and priority; a close takes one out again.
func (f *firm) joinedRooms(frames []string) []string {
	var all []string
	for _, frame := range frames {
		var e struct {
			Type string
			Data struct {
				Joined map[string]any
			}
		}
		if json.Unmarshal([]byte(frame), &e) != nil || e.Type != "join" {
			continue
		}
		all = append(all, f.confText(e.Data.Joined))
	}
	return all
}

// confText checks the fields of a work room's conf that are the same for all, and writes
// the others down.
func (f *firm) confText(conf map[string]any) string {
	id := strings.TrimPrefix(fmt.Sprint(conf["workgroupId"]), "friend_wg_")
	keys := slices.Sorted(maps.Keys(conf))
	want := []string{"avatar", "clientId", "isPrivate", "name", "persistent", "priority", "supergroupId", "workgroupId"}
	if view, there := conf["isView"]; there {
		id, want = id+" view", slices.Insert(want, 3, "isView")
		slices.Sort(want)
		if view != true {
			f.t.Errorf("isView is %v", view)
		}
	}
	slices.Sort(want)
	if !slices.Equal(keys, want) || conf["persistent"] != true || conf["isPrivate"] != false || !strings.HasPrefix(fmt.Sprint(conf["avatar"]), "data:image/png") {
		f.t.Errorf("the conf is %v", conf)
	}
	if group, _, _ := strings.Cut(id, " "); conf["clientId"] != string(f.room(group)) || conf["name"] != "Group "+group {
		f.t.Errorf("the conf of %s is %v", group, conf)
	}
	parent := "-"
	if conf["supergroupId"] != nil {
		parent = strings.TrimPrefix(fmt.Sprint(conf["supergroupId"]), "friend_wg_")
	}
	return fmt.Sprint(id, " <", parent, " ", conf["priority"])
}

// confOf is the same as it should be.
func (f *firm) confOf(name, id string) string {
	role, parent := f.role(name, id), f.linked(id)
	text, priority := id, 2
	switch {
	case role == "view":
		text += " view"
	case role == "super":
		priority = 0
	case parent != "":
		priority = 4
	}
	if parent == "" {
		parent = "-"
	}
	return fmt.Sprint(text, " <", parent, " ", priority)
}

// TestWhoJoinsWhichWorkRoom: at login and while logged in, under all rules.
func TestWhoJoinsWhichWorkRoom(t *testing.T) {
	for _, rules := range allRules() {
		inFirm(t, nested(rules), func(t *testing.T, f *firm) {
			check := func(when string) {
				for _, name := range f.logins() {
					var want []string
					for _, id := range f.rooms() {
						if f.role(name, id) != "" {
							want = append(want, f.confOf(name, id))
						}
					}
					got := f.joinedRooms(f.who[name].take())
					slices.Sort(got)
					slices.Sort(want)
					if !slices.Equal(got, want) {
						t.Errorf("%v, %s: %s joined %q, want %q", rules, when, name, got, want)
					}
				}
			}
			check("at login")
			f.super()
			f.quiet()
			f.super(f.supers...)
			check("while logged in")
			for _, p := range f.who { // and what a client reads that comes back
				p.send("initialize", nil, "")
				var e struct {
					Data struct{ Rooms []map[string]any }
				}
				if err := json.Unmarshal([]byte(p.got(`{"type":"initialize"`)), &e); err != nil {
					t.Fatal(err)
				}
				for _, conf := range e.Data.Rooms {
					if name, got := f.nameOf(p.id), f.confText(conf); got != f.confOf(name, f.groupOf(fmt.Sprint(conf["clientId"]))) {
						t.Errorf("%v: the state of %s has %s", rules, name, got)
					}
				}
			}
		})
	}
}

// TestOrderOfWorkRooms: the own rooms and those below, then those that are looked into.
func TestOrderOfWorkRooms(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rules WorkRules
		want  string
	}{
		{"max", asShipped, "11 13 12 14"},
		{"bo", asShipped, "12 11"},
		{"cy", asShipped, "12 14 11 13"},
		{"dan", asShipped, "12 13 14 11"},
		{"cy", WorkRules{}, "12 14"},
		{"kim", WorkRules{SubsHaveSuperView: true}, "13 14 11"},
		{"sue", WorkRules{SupersHaveSubRoom: true}, "11 12 13"},
	} {
		inFirm(t, nested(tc.rules), func(t *testing.T, f *firm) {
			var got []string
			for _, e := range f.hub.workEntries(f.who[tc.name].id) {
				got = append(got, strings.TrimPrefix(string(e.place.group), "friend_wg_"))
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("%v: %s has %v, want %s", tc.rules, tc.name, got, tc.want)
			}
		})
	}
}

// workStateOf is a room state as somebody gets it.
func (f *firm) workStateOf(name, id string) map[string]any {
	f.t.Helper()
	p := f.who[name]
	p.take()
	p.raw(map[string]any{"type": f.room(id), "data": map[string]any{"type": "initialize"}})
	var e struct{ Data struct{ Data map[string]any } }
	if err := json.Unmarshal([]byte(p.got(`"type":"initialize"`)), &e); err != nil {
		f.t.Fatal(err)
	}
	return e.Data.Data
}

// ids are the account ids of some people, as decoded JSON.
func (f *firm) ids(names ...string) []any {
	all := []any{}
	for _, name := range names {
		all = append(all, string(f.who[name].id))
	}
	return all
}

// TestWorkRoomState: every field of every role's state, under all rules.
func TestWorkRoomState(t *testing.T) {
	for _, rules := range allRules() {
		inFirm(t, nested(rules), func(t *testing.T, f *firm) {
			for _, id := range f.rooms() {
				for _, name := range f.logins() {
					if f.role(name, id) == "" {
						f.who[name].ask(f.room(id), "", "active", nil) // is not in it
						continue
					}
					got := f.workStateOf(name, id)
					want := f.wantedState(name, id)
					groups := got["workgroups"].(map[string]any)
					available := groups["available"].(map[string]any)
					delete(groups, "available")
					for _, w := range append(groups["subIds"].([]any), groups["workId"], groups["superId"]) {
						if w != nil && available[w.(string)] == nil {
							t.Errorf("%v: %v is not available to %s in %s", rules, w, name, id)
						}
					}
					for key := range want {
						if !reflect.DeepEqual(got[key], want[key]) {
							t.Errorf("%v: %s (%s) in %s has the %s %v, want %v", rules, name, f.role(name, id), id, key, got[key], want[key])
						}
					}
					if a, b := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(a, b) {
						t.Errorf("%v: the state of %s in %s has %v, want %v", rules, name, id, a, b)
					}
				}
			}
		})
	}
}

// wantedState is a state as docs/protocol.md 15.3 has it; available is left out.
func (f *firm) wantedState(name, id string) map[string]any {
	sub := []any{}
	members, rooms := map[string]any{}, map[string]any{}
	group := func(g string, who []any) {
		var super any
		if up := f.linked(g); up != "" {
			super = "friend_wg_" + up
		}
		members["friend_wg_"+g] = who
		rooms["friend_wg_"+g] = map[string]any{
			"clientId": string(f.room(g)), "workId": "friend_wg_" + g, "superId": super, "name": "Group " + g, "avatar": f.hub.pics.ofRoom("Group " + g),
		}
	}
	view := f.role(name, id) == "view"
	for _, c := range f.children(id) {
		switch {
		case !view:
			group(c, f.ids(f.people[c]...))
		case f.has(name, c):
			group(c, f.ids(name))
		default:
			continue
		}
		sub = append(sub, "friend_wg_"+c)
	}
	var super any
	if up := f.linked(id); up != "" && !view {
		super = "friend_wg_" + up
		group(up, f.ids(f.people[up]...))
	}
	s := map[string]any{
		"id": string(f.room(id)), "name": "Group " + id, "ownerId": "system", "persistent": true, "settings": map[string]any{},
		"guestAvatar": f.hub.pics.guest, "users": []any{}, "online": f.ids(name), "peers": []any{},
		"relation": map[string]any{"unreadMessages": 0.0, "lastMessage": nil},
		"workgroups": map[string]any{
			"assigned": []any{}, "workId": "friend_wg_" + id, "superId": super, "subIds": sub, "members": members, "rooms": rooms,
		},
	}
	if view {
		return s
	}
	admins, names := []any{}, []any{}
	if f.role("adm", id) != "" {
		admins = f.ids("adm")
	}
	for _, who := range f.people[id] {
		names = append(names, user(who).Name)
	}
	s["users"], s["online"], s["recent"] = f.ids(f.people[id]...), f.ids(f.people[id]...), []any{}
	s["admins"], s["atNames"] = admins, names
	s["workConfig"] = map[string]any{
		"subsHaveSuperView": f.rules.SubsHaveSuperView, "supersHaveSubRoom": f.rules.SupersHaveSubRoom,
		"supersSubHideSuper": f.rules.SupersSubHideSuper, "showUserList": f.rules.ShowUserList,
	}
	return s
}

// TestStateWithoutGroupsThatAreGone: a room that has not heard yet that a child group is
// gone does not name it: clients look it up among those available.
func TestStateWithoutGroupsThatAreGone(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		hold := make(chan struct{})
		f.hub.work.box.force(heldWorkEvent{hold})
		delete(f.people, "12")
		f.sync(f.groups()...)
		s := f.workStateOf("sue", "11")["workgroups"].(map[string]any)
		if text := fmt.Sprint(s["subIds"], s["members"], s["rooms"]); strings.Contains(text, "friend_wg_12") || !strings.Contains(text, "friend_wg_13") {
			t.Errorf("the groups are %v", text)
		}
		view := f.workStateOf("bo", "11")["workgroups"].(map[string]any)
		if n := len(view["subIds"].([]any)); n != 0 {
			t.Errorf("a viewer sees %d groups", n)
		}
		close(hold)
		f.settle()
	})
}

// heldWorkEvent keeps the keeper of work rooms busy.
type heldWorkEvent struct{ until chan struct{} }

func (e heldWorkEvent) apply(*workKeeper) { <-e.until }
