package rooms

import (
	"fmt"
	"maps"
	"testing"
)

// crowded is a firm with many people in the room of 12, below 11; nobody is in 13.
func crowded(people int) *staff {
	s := &staff{
		parent: map[string]string{"12": "11", "13": "11", "14": "11"},
		people: map[string][]string{"11": {"sue"}, "12": {}, "13": {"eve"}, "14": {"kim"}},
		supers: []string{"11"}, rules: asShipped,
	}
	for n := range people {
		s.people["12"] = append(s.people["12"], fmt.Sprint("p", n))
	}
	return s
}

// costOf counts the calls of the store and of Deliver, until nothing moves, that something
// causes.
func (f *firm) costOf(do func()) (calls map[string]int, delivered int) {
	f.quiet()
	f.in.mu.Lock()
	f.in.deliveries = nil
	f.in.mu.Unlock()
	calls = f.callsBy(do)
	return calls, len(f.in.deliveriesOf(`"chat"`))
}

// TestWorkMessageCost: a message is encoded once per room and stored once, however many
// people see it; persons get a copy each.
func TestWorkMessageCost(t *testing.T) {
	inFirm(t, crowded(500), func(t *testing.T, f *firm) {
		for _, name := range []string{"p3", "p4", "p5"} { // look on, so that marks move
			f.who[name].ask(f.room("12"), "", "active", map[string]any{"isActive": true})
		}
		var persons []string
		for n := range 20 {
			persons = append(persons, fmt.Sprint("p", n))
		}
		for _, tc := range []struct {
			name  string
			write func()
			want  int
		}{
			{"an ordinary one", func() { f.who["p1"].say(f.room("12"), "hello") }, 1},
			{"one in a room that all look into", func() { f.who["sue"].say(f.room("11"), "hello") }, 1},
			{"to the group", func() { f.tell("sue", "11", "hello", map[string][]string{"12": {"all"}}) }, 2},
			{"to persons", func() { f.tell("sue", "11", "hello", map[string][]string{"12": persons}) }, 1 + len(persons)},
			{"up", func() { f.tell("p1", "12", "hello", map[string][]string{"11": {"all"}}) }, 2},
			{"by a viewer", func() { f.who["p1"].say(f.room("11"), "hello") }, 2},
		} {
			calls, delivered := f.costOf(tc.write)
			if !maps.Equal(calls, map[string]int{"AddMessages": 1}) || delivered != tc.want {
				t.Errorf("%s: %v and %d deliveries, want one call and %d", tc.name, calls, delivered, tc.want)
			}
		}
		calls, _ := f.costOf(func() { f.pass(marksDelay) }) // the marks of all who look on, together
		if len(calls) > 1 || calls["SaveReadMarks"] > 1 {
			t.Errorf("marks took %v", calls)
		}
	})
}

// TestWorkMessageTouchesItsRoomsOnly: the mailboxes of other rooms, and of accounts, get
// nothing.
func TestWorkMessageTouchesItsRoomsOnly(t *testing.T) {
	inFirm(t, crowded(20), func(t *testing.T, f *firm) {
		hold := make(chan struct{})
		waiting := map[string]func() int{}
		for _, id := range []string{"13", "14"} {
			r := f.loadedRoom(f.room(id))
			r.box.force(heldRoomEvent{hold})
			waiting["room "+id] = func() int { return waits(&r.box) }
		}
		for name, p := range f.who {
			a := f.hub.account(p.id)
			a.box.force(heldEvent{hold})
			waiting[name] = func() int { return waits(&a.box) }
		}
		f.hub.work.box.force(heldWorkEvent{hold})
		waiting["keeper"] = func() int { return waits(&f.hub.work.box) }
		f.settle()
		f.who["p1"].say(f.room("12"), "hello")
		f.who["sue"].say(f.room("11"), "hello")
		f.tell("sue", "11", "to the group", map[string][]string{"12": {"all"}})
		f.tell("sue", "11", "to persons", map[string][]string{"12": {"p1", "p2"}})
		f.tell("sue", "11", "to a person of another group, who has it here", map[string][]string{"13": {"eve"}})
		f.who["p1"].say(f.room("11"), "by a viewer")
		for what, n := range waiting {
			if n() != 0 {
				t.Errorf("%d events wait for %s", n(), what)
			}
		}
		f.who["p2"].got("to persons")
		close(hold)
	})
}

func waits[E any](box *mailbox[E]) int {
	box.mu.Lock()
	defer box.mu.Unlock()
	return len(box.queue)
}

// TestOneMemberChangeInALargeGroup: the others hear of the one, and each room tells the
// list of members once.
func TestOneMemberChangeInALargeGroup(t *testing.T) {
	inFirm(t, crowded(300), func(t *testing.T, f *firm) {
		f.who["zoe"] = f.login("zoe")
		calls, _ := f.costOf(func() { f.alter(func(f *firm) { f.people["12"] = append(f.people["12"], "zoe") }) })
		if n := len(f.in.deliveriesOf(`"type":"members"`)); n != 1 {
			t.Errorf("the list of members was sent in %d deliveries", n)
		}
		if n := len(f.in.deliveriesOf(`"isAuthed":false`)); n != 1 {
			t.Errorf("the join was sent in %d deliveries", n)
		}
		if calls["MakeWorkMarks"] > 2 || calls["LoadWorkRooms"]+calls["MakeWorkRooms"] > 0 {
			t.Errorf("it took %v", calls)
		}
	})
}
