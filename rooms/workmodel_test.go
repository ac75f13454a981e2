package rooms

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// replica is what a browser knows of its work rooms, kept by the events that it got.
type replica struct {
	t     *testing.T
	p     *person
	rooms map[RoomID]*seenRoom
}

type seenRoom struct {
	conf  seenConf
	state bool // it was asked for
	users map[AccountID]bool
	names map[string]bool
	subs  []WorkgroupID
	links map[WorkgroupID][]AccountID
}

type seenConf struct {
	ClientID    RoomID
	Name        string
	IsView      bool
	WorkgroupID WorkgroupID
	Priority    int
}

type seenState struct {
	Name       string
	Users      []AccountID
	AtNames    []string
	Workgroups struct {
		SubIDs  []WorkgroupID
		Members map[WorkgroupID][]AccountID
	}
}

func (v *replica) into(data json.RawMessage, to any) {
	v.t.Helper()
	if err := json.Unmarshal(data, to); err != nil {
		v.t.Fatalf("%v in %s", err, data)
	}
}

type seenEvent struct {
	Type string
	Data json.RawMessage
}

// feed takes account events in their order.
func (v *replica) feed(frames []string) {
	v.t.Helper()
	for _, frame := range frames {
		var e seenEvent
		v.into(json.RawMessage(frame), &e)
		switch {
		case e.Type == "join":
			var in struct{ Joined seenConf }
			v.into(e.Data, &in)
			if !isWorkRoom(in.Joined.ClientID) {
				continue
			}
			if v.rooms[in.Joined.ClientID] != nil {
				v.t.Fatalf("%s joined twice: %s", v.p.id, frame)
			}
			v.rooms[in.Joined.ClientID] = &seenRoom{conf: in.Joined, users: map[AccountID]bool{}, names: map[string]bool{}, links: map[WorkgroupID][]AccountID{}}
		case e.Type == "close":
			var id RoomID
			v.into(e.Data, &id)
			if v.rooms[id] == nil {
				v.t.Fatalf("%s is told to leave where it is not: %s", v.p.id, frame)
			}
			delete(v.rooms, id)
		case isWorkRoom(RoomID(e.Type)):
			r := v.rooms[RoomID(e.Type)]
			if r == nil {
				v.t.Fatalf("%s is not in the room of %s", v.p.id, frame)
			}
			var inner seenEvent
			v.into(e.Data, &inner)
			v.roomEvent(r, inner)
		}
	}
}

func (v *replica) roomEvent(r *seenRoom, e seenEvent) {
	v.t.Helper()
	hidden := []string{"join", "leave", "at-add", "at-names", "recent-add", "recent-remove", "admin-add", "admin-remove"}
	if r.conf.IsView && slices.Contains(hidden, e.Type) {
		v.t.Fatalf("%s looks in and hears %s %s", v.p.id, e.Type, e.Data)
	}
	switch e.Type {
	case "initialize":
		var s seenState
		v.into(e.Data, &s)
		r.state, r.conf.Name = true, s.Name
		r.users, r.names = setOf(s.Users), setOf(s.AtNames)
		r.subs, r.links = s.Workgroups.SubIDs, s.Workgroups.Members
	case "join":
		var m struct{ ClientID AccountID }
		v.into(e.Data, &m)
		r.users[m.ClientID] = true
	case "leave":
		var id AccountID
		v.into(e.Data, &id)
		delete(r.users, id)
	case "at-add":
		var name string
		v.into(e.Data, &name)
		r.names[name] = true
	case "at-names":
		var names []string
		v.into(e.Data, &names)
		r.names = setOf(names)
	case "priority":
		v.into(e.Data, &r.conf.Priority)
	case "room-update":
		var u struct{ Name string }
		v.into(e.Data, &u)
		r.conf.Name = u.Name
	case "workgroup":
		var inner seenEvent
		v.into(e.Data, &inner)
		switch inner.Type {
		case "sub-rooms":
			r.subs = nil
			v.into(inner.Data, &r.subs)
		case "members":
			var m workMembers
			v.into(inner.Data, &m)
			if r.conf.IsView && (len(m.Members) != 1 || m.Members[0] != v.p.id) {
				v.t.Fatalf("%s looks in and hears of %v", v.p.id, m)
			}
			r.links[m.WorkID] = m.Members
		}
	}
}

func setOf[E comparable](list []E) map[E]bool {
	set := map[E]bool{}
	for _, e := range list {
		set[e] = true
	}
	return set
}

// catchUp takes what came and asks for the state of rooms that are new.
func (v *replica) catchUp() {
	v.t.Helper()
	v.feed(v.p.take())
	for id, r := range v.rooms {
		if !r.state {
			v.p.raw(map[string]any{"type": id, "data": map[string]any{"type": "initialize"}})
		}
	}
	v.feed(v.p.take())
}

// compare fails unless what the events made of the rooms is what the server tells anew.
func (v *replica) compare(when string) {
	v.t.Helper()
	v.p.raw(map[string]any{"type": "initialize"})
	var e struct{ Data struct{ Rooms []seenConf } }
	v.into(json.RawMessage(v.p.got(`{"type":"initialize"`)), &e)
	if len(e.Data.Rooms) != len(v.rooms) {
		v.t.Fatalf("%s: %s is in %d rooms, the events say %d", when, v.p.id, len(e.Data.Rooms), len(v.rooms))
	}
	for _, conf := range e.Data.Rooms {
		r := v.rooms[conf.ClientID]
		if r == nil || r.conf != conf {
			v.t.Fatalf("%s: %s: the room is %+v, the events say %+v", when, v.p.id, conf, r)
		}
		v.p.raw(map[string]any{"type": conf.ClientID, "data": map[string]any{"type": "initialize"}})
		var fresh struct{ Data struct{ Data seenState } }
		v.into(json.RawMessage(v.p.got(`{"type":"`+string(conf.ClientID), `"initialize"`)), &fresh)
		s := fresh.Data.Data
		if s.Name != r.conf.Name || !maps.Equal(setOf(s.Users), r.users) || !maps.Equal(setOf(s.AtNames), r.names) || !slices.Equal(s.Workgroups.SubIDs, r.subs) {
			v.t.Fatalf("%s: %s: the state is %+v, the events say %+v", when, v.p.id, s, r)
		}
		for group, members := range s.Workgroups.Members {
			if !maps.Equal(setOf(members), setOf(r.links[group])) {
				v.t.Fatalf("%s: %s: in %s the members of %s are %v, the events say %v", when, v.p.id, conf.WorkgroupID, group, members, r.links[group])
			}
		}
	}
}

// upheaval changes workgroups at random while people are online.
type upheaval struct {
	*firm
	rng      *rand.Rand
	names    map[string]string // of groups that were renamed
	disabled map[string]bool
	replicas map[string]*replica
	ids      map[string]RoomID // every group's room, for good
	said     map[string][]string
}

var (
	somePeople = []string{"sue", "bo", "cy", "dan", "eve", "fay", "gil", "adm"}
	someGroups = []string{"11", "12", "13", "14", "15", "16"}
)

func (u *upheaval) list() []Group {
	all := u.groups()
	for n := range all {
		if name := u.names[all[n].ID]; name != "" {
			all[n].Name = name
		}
	}
	return all
}

func pick[E any](rng *rand.Rand, list []E) E { return list[rng.IntN(len(list))] }

// step changes one thing and says what.
func (u *upheaval) step() string {
	id, name := pick(u.rng, someGroups), pick(u.rng, somePeople)
	switch n := u.rng.IntN(20); {
	case n < 4 && u.people[id] != nil && !u.has(name, id):
		u.people[id] = append(u.people[id], name)
		return name + " into " + id
	case n < 8 && u.people[id] != nil:
		u.people[id] = append([]string{}, sortedWithout(u.people[id], name)...)
		return name + " out of " + id
	case n < 11:
		u.parent[id] = pick(u.rng, append([]string{""}, someGroups...))
		return id + " below " + u.parent[id]
	case n == 11:
		u.names[id] = fmt.Sprint("Name ", u.rng.IntN(1000))
		return id + " renamed"
	case n == 12:
		delete(u.people, id)
		return id + " deleted"
	case n < 15 && u.people[id] == nil:
		u.people[id] = []string{name}
		return id + " made"
	case n < 17 && slices.Contains(u.supers, id):
		u.supers = sortedWithout(u.supers, id)
		return id + " no super group"
	case n < 17:
		u.supers = append(slices.Clone(u.supers), id)
		return id + " a super group"
	case n == 17:
		u.disabled[name] = !u.disabled[name]
		record := user(name)
		record.Disabled = u.disabled[name]
		u.syncUsers(record)
		if record.Disabled && u.replicas[name] != nil {
			u.replicas[name].catchUp()
			u.who[name].logout() // as the client does that is dismissed
			delete(u.replicas, name)
		}
		return fmt.Sprint(name, " disabled: ", record.Disabled)
	case n == 18 && u.replicas[name] != nil:
		u.replicas[name].catchUp()
		u.who[name].logout()
		delete(u.replicas, name)
		return name + " logs out"
	case u.rng.IntN(4) == 0:
		u.supers = nil
		return "no super groups"
	}
	return "nothing"
}

// settleAll lets everybody catch up and who is away log in again, now and then.
func (u *upheaval) settleAll() {
	u.sync(u.list()...)
	u.super(u.supers...)
	for _, name := range somePeople {
		if u.replicas[name] == nil && !u.disabled[name] && u.rng.IntN(2) == 0 {
			u.who[name] = u.login(name)
			u.replicas[name] = &replica{t: u.t, p: u.who[name], rooms: map[RoomID]*seenRoom{}}
		}
	}
	u.pass(namesDelay)
	for _, name := range somePeople {
		if v := u.replicas[name]; v != nil {
			v.catchUp()
		}
	}
}

// isRight compares everybody's rooms with the staff, and with what the server tells anew.
func (u *upheaval) isRight(when string) {
	u.t.Helper()
	for _, id := range someGroups {
		room := u.room(id)
		if slices.Contains(u.staff.rooms(), id) != (room != "") {
			u.t.Fatalf("%s: the room of %s is %q", when, id, room)
		}
		if u.ids[id] == "" {
			u.ids[id] = room
		}
		if room != "" && room != u.ids[id] {
			u.t.Fatalf("%s: %s has another room than before", when, id)
		}
	}
	for name, v := range u.replicas {
		want := 0
		for _, r := range v.rooms {
			id := strings.TrimPrefix(string(r.conf.WorkgroupID), "friend_wg_")
			if name := u.names[id]; r.conf.Name != name && (name != "" || r.conf.Name != "Group "+id) {
				u.t.Fatalf("%s: the room of %s is named %q, want %q", when, id, r.conf.Name, name)
			}
		}
		for _, id := range u.staff.rooms() {
			role := u.enabled().role(name, id)
			if r := v.rooms[u.room(id)]; (r != nil) != (role != "") || r != nil && r.conf.IsView != (role == "view") {
				u.t.Fatalf("%s: %s is %q in %s, the events say %+v", when, name, role, id, r)
			}
			if role != "" {
				want++
			}
		}
		if len(v.rooms) != want {
			u.t.Fatalf("%s: %s is in %d rooms, want %d", when, name, len(v.rooms), want)
		}
		v.compare(when)
	}
}

// enabled is the staff without those who are disabled.
func (u *upheaval) enabled() *staff {
	s := &staff{parent: u.parent, people: map[string][]string{}, supers: u.supers, rules: u.rules}
	for id, names := range u.people {
		s.people[id] = append([]string{}, slices.DeleteFunc(slices.Clone(names), func(n string) bool { return u.disabled[n] })...)
	}
	return s
}

// talk has somebody write in a room, and looks for what was written there before.
func (u *upheaval) talk(when string) {
	u.t.Helper()
	for name := range u.replicas {
		for _, id := range u.staff.rooms() {
			if u.enabled().role(name, id) != "member" {
				continue
			}
			text := fmt.Sprint("said ", len(u.said[id]), " in ", id)
			u.said[id] = append(u.said[id], text)
			u.who[name].say(u.room(id), text)
			page := string(u.who[name].ask(u.room(id), "chat", "log", map[string]any{"lastTime": 1, "length": 100}).Response)
			for _, text := range u.said[id][:min(100, len(u.said[id]))] {
				if !strings.Contains(page, text) {
					u.t.Fatalf("%s: %q is lost from the log of %s", when, text, id)
				}
			}
			return
		}
	}
}

// TestRandomChanges: after every change the events have made of every client's rooms
// what the server would tell anew.
func TestRandomChanges(t *testing.T) {
	for n, rules := range allRules() {
		t.Run(rules.String(), func(t *testing.T) {
			s := nested(rules)
			for id := range s.people {
				s.people[id] = slices.DeleteFunc(s.people[id], func(name string) bool { return !slices.Contains(somePeople, name) })
			}
			inFirm(t, s, func(t *testing.T, f *firm) {
				u := &upheaval{
					firm: f, rng: rand.New(rand.NewPCG(uint64(n), 7)), names: map[string]string{}, disabled: map[string]bool{},
					replicas: map[string]*replica{}, ids: map[string]RoomID{}, said: map[string][]string{},
				}
				for name, p := range f.who {
					u.replicas[name] = &replica{t: t, p: p, rooms: map[RoomID]*seenRoom{}}
					u.replicas[name].catchUp()
				}
				u.isRight("at first")
				var done []string
				for n := range 100 {
					for range 1 + u.rng.IntN(3) {
						done = append(done, u.step())
						if u.rng.IntN(2) == 0 { // or the next one comes at the same time
							u.sync(u.list()...)
						}
					}
					when := fmt.Sprintf("change %d (%s)", n, strings.Join(done, ", "))
					done = nil
					u.settleAll()
					u.isRight(when)
					if n%5 == 0 {
						u.talk(when)
						u.settleAll()
					}
				}
				if n := f.hub.Stats().Panics; n != 0 {
					t.Errorf("%d defects", n)
				}
			})
		})
	}
}
