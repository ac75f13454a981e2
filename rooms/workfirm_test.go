package rooms

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// The expectations of the tests of work rooms are made from what is written here, not
// by the program: who is what in which room, as docs/protocol.md 15.1 and 15.2 say it.

// staff is a set of workgroups: FriendCore's id, its parent, its members by login name.
type staff struct {
	parent map[string]string
	people map[string][]string
	supers []string
	rules  WorkRules
}

// nested has a super group below a super group; some people are in two groups: dan in
// two siblings, max in parent and child, kim in child and grandchild, cy in a child and
// in another's child.
func nested(rules WorkRules) *staff {
	return &staff{
		parent: map[string]string{"12": "11", "13": "11", "14": "13"},
		people: map[string][]string{
			"11": {"sue", "adm", "max"}, "12": {"bo", "cy", "dan"}, "13": {"eve", "dan", "max", "kim"}, "14": {"fay", "gil", "kim", "cy"},
		},
		supers: []string{"11", "13"}, rules: rules,
	}
}

func (s *staff) groups() []Group {
	var all []Group
	for _, id := range slices.Sorted(maps.Keys(s.people)) {
		all = append(all, child(group(id, s.people[id]...), s.parent[id]))
	}
	return all
}

// logins lists everybody, each once.
func (s *staff) logins() []string {
	seen := map[string]bool{}
	for _, names := range s.people {
		for _, name := range names {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// linked is the parent whose room is above that of a group; empty: none.
func (s *staff) linked(id string) string {
	up := s.parent[id]
	if s.people[up] == nil || !slices.Contains(s.supers, up) {
		return ""
	}
	for at, steps := up, 0; s.people[at] != nil && steps < len(s.people); at, steps = s.parent[at], steps+1 {
		if at == id {
			return "" // its own ancestor
		}
	}
	return up
}

// rooms lists the groups that have a work room.
func (s *staff) rooms() []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(s.people)) {
		if slices.Contains(s.supers, id) || s.linked(id) != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

func (s *staff) children(id string) []string {
	var ids []string
	for _, c := range s.rooms() {
		if s.linked(c) == id {
			ids = append(ids, c)
		}
	}
	return ids
}

func (s *staff) has(name, id string) bool { return slices.Contains(s.people[id], name) }

// role is what somebody is in the room of a group: member, super, view or nothing.
func (s *staff) role(name, id string) string {
	switch up := s.linked(id); {
	case !slices.Contains(s.rooms(), id):
		return ""
	case s.has(name, id):
		return "member"
	case up != "" && s.has(name, up) && s.rules.SupersHaveSubRoom:
		return "super"
	case s.rules.SubsHaveSuperView && slices.ContainsFunc(s.children(id), func(c string) bool { return s.has(name, c) }):
		return "view"
	}
	return ""
}

// allRules are all combinations of the three rules.
func allRules() []WorkRules {
	var all []WorkRules
	for n := range 8 {
		all = append(all, WorkRules{n&4 != 0, n&2 != 0, n&1 != 0, n&3 == 0})
	}
	return all
}

func (r WorkRules) String() string {
	return fmt.Sprintf("view %v, sub room %v, hide %v", r.SubsHaveSuperView, r.SupersHaveSubRoom, r.SupersSubHideSuper)
}

// firm is a world with everybody of a staff logged in.
type firm struct {
	*world
	*staff
	who map[string]*person
}

func (f *firm) room(id string) RoomID { return f.workRoom(workgroupID(id)) }

// inFirm runs a test in a firm.
func inFirm(t *testing.T, s *staff, test func(*testing.T, *firm)) {
	t.Helper()
	inWorld(t, func(t *testing.T, w *world) {
		f := &firm{world: w, staff: s}
		f.begin()
		test(t, f)
	})
}

// begin sets the hub up and logs everybody in.
func (f *firm) begin() {
	f.hub.opt.Work = f.rules
	f.who = map[string]*person{}
	for _, name := range f.logins() {
		f.resolve(user(name))
	}
	f.sync(f.groups()...)
	f.super(f.supers...)
	for _, name := range f.logins() {
		f.who[name] = f.login(name)
	}
}

// again restarts the hub.
func (f *firm) again() {
	f.restart()
	f.begin()
}

// quiet forgets what everybody got so far.
func (f *firm) quiet() {
	for _, p := range f.who {
		p.take()
	}
}

// targets renders targets as they are sent: "all" is a whole group, else people.
func (f *firm) targets(to map[string][]string) map[string]any {
	wire := map[string]any{}
	for id, names := range to {
		if isWhole(names) {
			wire[string(workgroupID(id))] = true
			continue
		}
		var ids []AccountID
		for _, name := range names {
			ids = append(ids, f.who[name].id)
		}
		wire[string(workgroupID(id))] = ids
	}
	return wire
}

func isWhole(names []string) bool { return len(names) == 1 && names[0] == "all" }

// tell writes a work message.
func (f *firm) tell(name, room, text string, to map[string][]string) {
	f.who[name].to(f.room(room), "chat", "work-msg", map[string]any{"message": text, "targets": f.targets(to)}, "")
	f.settle()
}

// aim writes a work message and returns its id; what its author got is lost.
func (f *firm) aim(name, room, text string, to map[string][]string) string {
	f.t.Helper()
	var m struct{ Data struct{ MsgID string } }
	f.who[name].ask(f.room(room), "chat", "work-msg", map[string]any{"message": text, "targets": f.targets(to)}).into(f.t, &m)
	return m.Data.MsgID
}

// shown is a message as somebody is shown it.
type shown struct {
	room    string // of the group
	typ     string // of the event: msg, work-msg, log, update, edit, remove, last-message
	text    string
	targets string // as by render; empty for ordinary messages
}

// render writes targets down: 12:all 13:bo+cy.
func render(to map[string][]string) string {
	var parts []string
	for id, names := range to {
		names = slices.Clone(names)
		slices.Sort(names)
		parts = append(parts, id+":"+strings.Join(names, "+"))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// wireMessage is a message event of any kind.
type wireMessage struct {
	Type, Message string
	MsgID         string
	Time          int64
	RoomID        RoomID
	Source        WorkgroupID
	Targets       map[WorkgroupID]any
}

func (f *firm) rendered(m wireMessage) string {
	to := map[string][]string{}
	for id, v := range m.Targets {
		names := []string{"all"}
		if list, some := v.([]any); some {
			names = nil
			for _, who := range list {
				names = append(names, f.nameOf(AccountID(who.(string))))
			}
		} else if v != true {
			f.t.Fatalf("a target is %v", v)
		}
		to[strings.TrimPrefix(string(id), "friend_wg_")] = names
	}
	return render(to)
}

func (f *firm) nameOf(id AccountID) string {
	if i := f.hub.dir.get(id); i != nil {
		return i.FUsername
	}
	return string(id)
}

// groupOf finds the group of a room.
func (f *firm) groupOf(room string) string {
	for _, id := range f.rooms() {
		if string(f.room(id)) == room {
			return id
		}
	}
	return room
}

// chatEvents are the chat events among some frames, replies left out; others are counted.
func (f *firm) chatEvents(frames []string) (events []shown, others int) {
	for _, frame := range frames {
		var e struct {
			Type string
			Data struct {
				Type string
				Data json.RawMessage
			}
		}
		var inner struct {
			Type string
			Data json.RawMessage
		}
		if json.Unmarshal([]byte(frame), &e) != nil || e.Data.Type != "chat" || json.Unmarshal(e.Data.Data, &inner) != nil {
			others++
			continue
		}
		if inner.Type == "" {
			continue // a reply
		}
		var m wireMessage
		data := inner.Data
		if inner.Type != "msg" && inner.Type != "work-msg" {
			var long struct{ Data json.RawMessage }
			if json.Unmarshal(data, &long) == nil && long.Data != nil {
				data = long.Data
			}
		}
		if json.Unmarshal(data, &m) != nil {
			f.t.Fatalf("no message in %s", frame)
		}
		events = append(events, shown{f.groupOf(e.Type), inner.Type, m.Message, f.rendered(m)})
	}
	return events, others
}

// copies are who is shown a new work message where, as docs/protocol.md 15.5 has it.
func (s *staff) copies(author, room string, to map[string][]string) map[string]map[string]string {
	got := map[string]map[string]string{} // by person and room
	give := func(name, where string, targets map[string][]string) {
		if got[name] == nil {
			got[name] = map[string]string{}
		}
		got[name][where] = render(targets)
	}
	up := s.linked(room)
	_, goesUp := to[up]
	for _, name := range s.logins() {
		inside := func(id string) bool { r := s.role(name, id); return r == "member" || r == "super" }
		if inside(room) && !(goesUp && s.rules.SubsHaveSuperView) {
			give(name, room, to)
		}
		own := map[string][]string{}
		for id, names := range to {
			if s.role(name, room) == "view" && slices.Contains(names, name) {
				own[id] = []string{name}
			}
			part := map[string][]string{id: names}
			switch {
			case id == up:
				if inside(id) || name == author && s.role(name, id) == "view" {
					give(name, id, part)
				}
			case isWhole(names):
				if inside(id) {
					give(name, id, part)
				}
			default:
				if s.role(name, id) == "super" && !s.rules.SupersSubHideSuper {
					give(name, id, part)
				}
				if slices.Contains(names, name) && !s.rules.SubsHaveSuperView {
					give(name, id, map[string][]string{id: {name}})
				}
			}
		}
		if len(own) > 0 {
			give(name, room, own)
		}
	}
	return got
}

// notifiedIn are who is notified of a new work message in which room.
func (s *staff) notifiedIn(author, room string, to map[string][]string) map[string][]string {
	all := map[string][]string{}
	add := func(where string, names ...string) {
		for _, name := range names {
			if name != author && !slices.Contains(all[where], name) {
				all[where] = append(all[where], name)
				slices.Sort(all[where])
			}
		}
	}
	up := s.linked(room)
	_, goesUp := to[up]
	if !goesUp {
		add(room, s.people[room]...)
	}
	for id, names := range to {
		switch {
		case id == up:
			add(id, s.people[id]...)
			if above := s.linked(id); above != "" && s.rules.SupersHaveSubRoom {
				add(id, s.people[above]...)
			}
		case isWhole(names):
			add(id, s.people[id]...)
		case !s.rules.SubsHaveSuperView:
			add(id, names...)
		case !goesUp:
			add(room, names...)
		}
	}
	return all
}

// callsBy counts the calls of the store that something causes, until nothing moves.
func (w *world) callsBy(do func()) map[string]int {
	so := func() map[string]int {
		w.settle()
		w.store.mu.Lock()
		defer w.store.mu.Unlock()
		return maps.Clone(w.store.calls)
	}
	before := so()
	do()
	calls := map[string]int{}
	for name, n := range so() {
		if n -= before[name]; n > 0 {
			calls[name] = n
		}
	}
	return calls
}
