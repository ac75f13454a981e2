package rooms

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// grove makes a table of workgroups from lines "id parent name"; - is no parent.
func grove(lines ...string) map[WorkgroupID]*workgroup {
	all := map[WorkgroupID]*workgroup{}
	for _, line := range lines {
		parts := strings.SplitN(line, " ", 3)
		g := Group{ID: parts[0], Name: "Group " + parts[0]}
		if parts[1] != "-" {
			g.ParentID = parts[1]
		}
		if len(parts) == 3 {
			g.Name = parts[2]
		}
		all[workgroupID(g.ID)] = &workgroup{Group: g}
	}
	return all
}

// drawn writes a tree down: each node with its parent, * for super groups.
func drawn(nodes []*workNode, refused []WorkgroupID) string {
	short := func(id WorkgroupID) string { return strings.TrimPrefix(string(id), "friend_wg_") }
	var parts []string
	for _, n := range nodes {
		text := short(n.id)
		if n.super {
			text += "*"
		}
		if n.parent != "" {
			text += "<" + short(n.parent)
		}
		for _, c := range n.children {
			text += " " + short(c)
		}
		parts = append(parts, text)
	}
	for _, id := range refused {
		parts = append(parts, "!"+short(id))
	}
	return strings.Join(parts, ", ")
}

// TestWorkTree: which workgroups have rooms, and how these are linked. 5*<2 7 8 reads:
// 5 is a super group, child of 2, with the children 7 and 8; !5: 5 is its own ancestor.
func TestWorkTree(t *testing.T) {
	plain := []string{"1 -", "2 1", "3 1", "4 2", "10 1", "20 -"}
	for _, tc := range []struct {
		name   string
		groups []string
		super  []string
		want   string
	}{
		{"no groups", nil, []string{"1"}, ""},
		{"no super groups", plain, nil, ""},
		{"by id", plain, []string{"1"}, "1* 2 3 10, 2<1, 3<1, 10<1"},
		{"by name", plain, []string{"Group 1"}, "1* 2 3 10, 2<1, 3<1, 10<1"},
		{"by both, twice", plain, []string{"Group 1", "1", "1"}, "1* 2 3 10, 2<1, 3<1, 10<1"},
		{"a name that several have", []string{"1 - Twin", "2 - Twin", "3 1"}, []string{"Twin"}, "1* 3, 2*, 3<1"},
		{"an id goes before a name", []string{"1 - 2", "2 - Two"}, []string{"2"}, "2*"},
		{"a name that is a number", []string{"1 - 77", "2 1"}, []string{"77"}, "1* 2, 2<1"},
		{"a name between spaces", []string{"1 -  Board ", "2 1"}, []string{"Board"}, "1* 2, 2<1"},
		{"listed between spaces", []string{"1 - Board", "2 1", "3 -  "}, []string{" Board ", " ", ""}, "1* 2, 2<1"},
		{"other letters", []string{"1 - Board"}, []string{"board", "Boar", "Board and more"}, ""},
		{"unknown ones", plain, []string{"99", "Nobody", "", " ", "friend_wg_1", "4"}, "4*"},
		{"without children", plain, []string{"20"}, "20*"},
		{"a parent that is unknown", []string{"1 99", "2 1"}, []string{"1", "99"}, "1* 2, 2<1"},
		{"nested", plain, []string{"1", "2"}, "1* 2 3 10, 2*<1 4, 3<1, 4<2, 10<1"},
		{"nested, listed the other way round", plain, []string{"2", "1"}, "1* 2 3 10, 2*<1 4, 3<1, 4<2, 10<1"},
		{"grandparent and grandchild", plain, []string{"1", "4"}, "1* 2 3 10, 2<1, 3<1, 4*, 10<1"},
		{"its own parent", []string{"1 1", "2 1"}, []string{"1"}, "1* 2, 2<1, !1"},
		{"its own parent, no super group", []string{"1 1", "2 1"}, []string{"2"}, "2*"},
		{"a cycle of two", []string{"1 2", "2 1", "3 1"}, []string{"1"}, "1* 3, 3<1, !2"},
		{"a cycle of two, both listed", []string{"1 2", "2 1", "3 2"}, []string{"1", "2"}, "1*, 2* 3, 3<2, !1, !2"},
		{"a cycle of three", []string{"1 3", "2 1", "3 2", "4 3"}, []string{"3", "2"}, "2*, 3* 4, 4<3, !1, !3"},
		{"a cycle above", []string{"1 2", "2 1", "3 1", "4 3"}, []string{"3"}, "3* 4, 4<3"},
		{"a cycle above, listed too", []string{"1 2", "2 1", "3 1", "4 3"}, []string{"3", "1"}, "1* 3, 3*<1 4, 4<3, !2"},
		{"a cycle below: there is none, its members have no other parent", []string{"1 -", "2 3", "3 2"}, []string{"1"}, "1*"},
		{"two cycles", []string{"1 2", "2 1", "8 9", "9 8"}, []string{"1", "9"}, "1*, 9*, !2, !8"},
		{"ids that are no numbers", []string{"b -", "a b", "10 b", "9 b", "c b"}, []string{"b"}, "a<b, b* 9 10 a c, c<b, 9<b, 10<b"},
	} {
		nodes, refused := workTree(grove(tc.groups...), tc.super)
		got := drawn(nodes, refused)
		if tc.name == "ids that are no numbers" {
			// They come first, as their number is 0; what counts is that the order is one.
			if again, _ := workTree(grove(tc.groups...), tc.super); drawn(again, nil) != got || len(nodes) != 5 {
				t.Errorf("%s: %s", tc.name, got)
			}
			continue
		}
		if got != tc.want {
			t.Errorf("%s: the tree is %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestWorkTreeIsOne: the same list gives the same tree, in whatever order it comes.
func TestWorkTreeIsOne(t *testing.T) {
	lines := []string{"1 2", "2 1", "3 1", "4 3", "5 3", "6 6", "7 6", "30 3", "21 4"}
	super := []string{"1", "3", "6", "Group 4", "Group 2"}
	rng, want := rand.New(rand.NewPCG(1, 2)), ""
	for range 50 {
		rng.Shuffle(len(lines), func(a, b int) { lines[a], lines[b] = lines[b], lines[a] })
		rng.Shuffle(len(super), func(a, b int) { super[a], super[b] = super[b], super[a] })
		got := drawn(workTree(grove(lines...), super))
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("the tree is %s, and was %s", got, want)
		}
	}
}

// TestLongChain: thousands of groups, each below the one before, all super groups; and
// the same as one cycle.
func TestLongChain(t *testing.T) {
	const length = 5000
	var lines, super []string
	for n := range length {
		lines = append(lines, fmt.Sprint(n+1, " ", n))
		super = append(super, fmt.Sprint(n+1))
	}
	nodes, refused := workTree(grove(lines...), super)
	if len(nodes) != length || len(refused) != 0 || nodes[0].parent != "" || nodes[length-1].parent != workgroupID(fmt.Sprint(length-1)) {
		t.Errorf("%d rooms, %d refused", len(nodes), len(refused))
	}
	places := workPlaces(nodes, roomsFor(nodes))
	for n, p := range places {
		if (p.parent == nil) != (n == 0) || (len(p.children) == 0) != (n == length-1) {
			t.Fatalf("%s is in the wrong place", p.group)
		}
	}
	lines[0] = fmt.Sprint("1 ", length)
	nodes, refused = workTree(grove(lines...), super)
	if len(refused) != length || slices.ContainsFunc(nodes, func(n *workNode) bool { return n.parent != "" }) {
		t.Errorf("%d refused of a cycle of %d", len(refused), length)
	}
}

func roomsFor(nodes []*workNode) map[WorkgroupID]RoomID {
	rooms := map[WorkgroupID]RoomID{}
	for _, n := range nodes {
		rooms[n.id] = RoomID("worg-" + string(n.id))
	}
	return rooms
}

// TestRolesAgree: what an account finds and what the rooms seat is the same, in any tree
// under any rules; everybody has one role per room.
func TestRolesAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		groups, of := map[WorkgroupID]*workgroup{}, map[AccountID][]WorkgroupID{}
		var super []string
		for n := range 2 + rng.IntN(7) {
			g := &workgroup{Group: Group{ID: fmt.Sprint(n), Name: "x", ParentID: fmt.Sprint(rng.IntN(9))}}
			if rng.IntN(4) == 0 {
				g.ParentID = ""
			}
			for m := range 6 {
				if rng.IntN(3) == 0 {
					id := AccountID(fmt.Sprint("acc-", m))
					g.members, of[id] = append(g.members, id), append(of[id], workgroupID(g.ID))
				}
			}
			if rng.IntN(2) == 0 {
				super = append(super, g.ID)
			}
			groups[workgroupID(g.ID)] = g
		}
		nodes, _ := workTree(groups, super)
		view := newWorkView(workPlaces(nodes, roomsFor(nodes)))
		for _, rules := range allRules() {
			seated, found := map[string]bool{}, map[string]bool{}
			for _, p := range view.places {
				for _, s := range p.seats(rules) {
					key := fmt.Sprint(s.account, p.room)
					if seated[key+"0"] || seated[key+"1"] || seated[key+"2"] {
						t.Fatalf("%s has two roles in %s", s.account, p.room)
					}
					seated[key+fmt.Sprint(s.role)] = true
				}
			}
			for id, in := range of {
				for _, e := range view.entries(in, rules) {
					found[fmt.Sprint(id, e.place.room, e.role)] = true
				}
			}
			if fmt.Sprint(seated) != fmt.Sprint(found) {
				t.Fatalf("%v: the rooms seat %v, the accounts find %v in %s", rules, seated, found, drawn(nodes, nil))
			}
		}
	}
}

// TestCycleIsToldOnce: the log says once that a group is its own ancestor, and again
// when that came back.
func TestCycleIsToldOnce(t *testing.T) {
	var log bytes.Buffer
	inWorld(t, func(t *testing.T, w *world) {
		w.log = slog.New(slog.NewTextHandler(&log, nil))
		w.restart()
		w.login("sue")
		told := func() int { return strings.Count(log.String(), "its own ancestor") }
		cycle := []Group{child(group("11", "sue"), "12"), child(group("12", "sue"), "11")}
		w.super("11")
		for n := range 5 {
			cycle[0].Name = fmt.Sprint("Name ", n)
			w.sync(cycle...)
		}
		if told() != 1 || w.workRoom("friend_wg_12") != "" || w.workRoom("friend_wg_11") == "" {
			t.Errorf("told %d times", told())
		}
		w.sync(group("11", "sue"), child(group("12", "sue"), "11"))
		if w.workRoom("friend_wg_12") == "" {
			t.Error("there is no room after the cycle is gone")
		}
		w.sync(cycle...)
		w.sync(cycle...)
		if told() != 2 || !strings.Contains(log.String(), "friend_wg_12") {
			t.Errorf("told %d times", told())
		}
	})
}
