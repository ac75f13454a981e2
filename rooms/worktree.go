package rooms

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// WorkRules say who sees what of work rooms (docs/protocol.md 15.8).
type WorkRules struct {
	SubsHaveSuperView  bool `json:"subsHaveSuperView"`  // members of a child group look into the parent room
	SupersHaveSubRoom  bool `json:"supersHaveSubRoom"`  // members of the parent are in the child rooms
	SupersSubHideSuper bool `json:"supersSubHideSuper"` // there, the log hides from them what goes up, or comes from above to persons
	ShowUserList       bool `json:"showUserList"`       // for clients
}

// workNode is a workgroup that has a work room.
type workNode struct {
	Group
	id       WorkgroupID
	super    bool        // it is listed as a super group
	parent   WorkgroupID // empty: none
	children []WorkgroupID
	members  []AccountID
}

// workTree finds the workgroups that have work rooms: the super groups, by id or name,
// and their direct children (docs/protocol.md 15.1). refused are those that are their
// own ancestors: they are nobody's children.
func workTree(groups map[WorkgroupID]*workgroup, super []string) (nodes []*workNode, refused []WorkgroupID) {
	supers := superGroups(groups, super)
	circular := ownAncestors(groups)
	byID := map[WorkgroupID]*workNode{}
	for id, g := range groups {
		parent := workgroupID(g.ParentID)
		child := g.ParentID != "" && supers[parent]
		if child && circular[id] {
			refused = append(refused, id)
			child = false
		}
		if !supers[id] && !child {
			continue
		}
		n := &workNode{Group: g.Group, id: id, super: supers[id], members: g.members}
		if child {
			n.parent = parent
		}
		byID[id] = n
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *workNode) int { return compareGroups(a.id, b.id) })
	slices.SortFunc(refused, compareGroups)
	for _, n := range nodes {
		if p := byID[n.parent]; p != nil {
			p.children = append(p.children, n.id)
		}
	}
	return nodes, refused
}

// superGroups finds the groups that a setting lists by id or by name.
func superGroups(groups map[WorkgroupID]*workgroup, listed []string) map[WorkgroupID]bool {
	supers, names := map[WorkgroupID]bool{}, map[string]bool{}
	for _, text := range listed {
		text = strings.TrimSpace(text)
		switch {
		case groups[workgroupID(text)] != nil:
			supers[workgroupID(text)] = true
		case text != "":
			names[text] = true
		}
	}
	for id, g := range groups {
		if names[strings.TrimSpace(g.Name)] {
			supers[id] = true
		}
	}
	return supers
}

// ownAncestors finds the groups from which the way up leads back to themselves.
func ownAncestors(groups map[WorkgroupID]*workgroup) map[WorkgroupID]bool {
	circular := map[WorkgroupID]bool{}
	seen := map[WorkgroupID]WorkgroupID{} // on the way up from which group
	for start := range groups {
		for at := start; ; {
			if from, known := seen[at]; known {
				if from != start {
					break
				}
				for id := at; !circular[id]; id = workgroupID(groups[id].ParentID) {
					circular[id] = true
				}
				break
			}
			g := groups[at]
			if g == nil || g.ParentID == "" {
				break
			}
			seen[at] = start
			at = workgroupID(g.ParentID)
		}
	}
	return circular
}

// compareGroups orders workgroups by FriendCore's numbers.
func compareGroups(a, b WorkgroupID) int {
	return cmp.Or(cmp.Compare(groupNumber(a), groupNumber(b)), cmp.Compare(a, b))
}

func groupNumber(id WorkgroupID) uint64 {
	n, _ := strconv.ParseUint(string(id[len(workgroupID("")):]), 10, 64)
	return n
}

// workPlace is where a work room stands among the others, and who is in it: all that
// it knows of them. It is not changed once made.
type workPlace struct {
	group    WorkgroupID
	room     RoomID
	name     string
	super    bool
	members  []AccountID
	parent   *workNeighbor // nil: none
	children []workNeighbor
	childIDs []WorkgroupID // of the children; whoever reads it does not change it
	supers   []WorkgroupID // all super groups there are; the places share the list
	core     WorkgroupID   // the parent in FriendCore, also if it has no room; empty: none
}

// workNeighbor is the parent or a child of a work room.
type workNeighbor struct {
	group   WorkgroupID
	room    RoomID
	name    string
	parent  WorkgroupID // empty: none
	members []AccountID
}

// workPlaces makes the places of all rooms that there are.
func workPlaces(nodes []*workNode, rooms map[WorkgroupID]RoomID) []*workPlace {
	neighbors := make(map[WorkgroupID]workNeighbor, len(nodes))
	var supers []WorkgroupID
	for _, n := range nodes {
		if room := rooms[n.id]; room != "" {
			neighbors[n.id] = workNeighbor{n.id, room, n.Name, n.parent, n.members}
		}
		if n.super {
			supers = append(supers, n.id)
		}
	}
	var places []*workPlace
	for _, n := range nodes {
		if _, there := neighbors[n.id]; !there {
			continue
		}
		p := &workPlace{group: n.id, room: rooms[n.id], name: n.Name, super: n.super, members: n.members, childIDs: []WorkgroupID{}, supers: supers}
		if n.ParentID != "" {
			p.core = workgroupID(n.ParentID)
		}
		if parent, there := neighbors[n.parent]; there {
			p.parent = &parent
		}
		for _, c := range n.children {
			if child, there := neighbors[c]; there {
				p.children = append(p.children, child)
				p.childIDs = append(p.childIDs, c)
			}
		}
		places = append(places, p)
	}
	return places
}

func (n workNeighbor) equal(o workNeighbor) bool {
	return n.group == o.group && n.room == o.room && n.name == o.name && n.parent == o.parent &&
		slices.Equal(n.members, o.members)
}

// equal says whether a room that knows one of the places learns nothing by the other.
func (p *workPlace) equal(o *workPlace) bool {
	if (p.parent == nil) != (o.parent == nil) || p.parent != nil && !p.parent.equal(*o.parent) {
		return false
	}
	return p.group == o.group && p.room == o.room && p.name == o.name && p.super == o.super &&
		slices.Equal(p.members, o.members) && slices.Equal(p.supers, o.supers) && p.core == o.core &&
		slices.EqualFunc(p.children, o.children, workNeighbor.equal)
}

// workRole is what an account is in a work room; it has one role per room
// (docs/protocol.md 15.2).
type workRole uint8

const (
	workMember workRole = iota // in the room's workgroup; in other kinds of rooms everybody
	workSuper                  // in the parent's workgroup only
	workViewer                 // in a child's workgroup only
)

// workSeat is an account in a work room.
type workSeat struct {
	account AccountID
	role    workRole
}

// seats lists who is in the room, each once: members, then those of the parent, then
// viewers.
func (p *workPlace) seats(rules WorkRules) []workSeat {
	var seats []workSeat
	taken := make(map[AccountID]bool, len(p.members))
	add := func(ids []AccountID, role workRole) {
		for _, id := range ids {
			if !taken[id] {
				taken[id] = true
				seats = append(seats, workSeat{id, role})
			}
		}
	}
	add(p.members, workMember)
	if p.parent != nil && rules.SupersHaveSubRoom {
		add(p.parent.members, workSuper)
	}
	if rules.SubsHaveSuperView {
		for _, c := range p.children {
			add(c.members, workViewer)
		}
	}
	return seats
}

// child finds a child by its workgroup; nil if there is none.
func (p *workPlace) child(group WorkgroupID) *workNeighbor {
	for n := range p.children {
		if p.children[n].group == group {
			return &p.children[n]
		}
	}
	return nil
}

// above lists the super groups that are not among the children, and the parent in
// FriendCore, which may have been one; none for a workgroup that is no super group,
// because from there every message goes up.
func (p *workPlace) above() []WorkgroupID {
	if !p.super {
		return nil
	}
	var ids []WorkgroupID
	for _, s := range p.supers {
		if s != p.group && p.child(s) == nil {
			ids = append(ids, s)
		}
	}
	if p.core != "" && p.core != p.group && p.child(p.core) == nil && !slices.Contains(ids, p.core) {
		ids = append(ids, p.core)
	}
	return ids
}

// childrenOf lists the children that an account is a member of.
func (p *workPlace) childrenOf(id AccountID) []workNeighbor {
	var own []workNeighbor
	for _, c := range p.children {
		if slices.Contains(c.members, id) {
			own = append(own, c)
		}
	}
	return own
}

// neighbors are the children and, if there is one, the parent.
func (p *workPlace) neighbors() []workNeighbor {
	if p.parent == nil {
		return p.children
	}
	return append(slices.Clone(p.children), *p.parent)
}

// priority is the number by which clients order the rooms of an account
// (docs/protocol.md 15.2).
func (p *workPlace) priority(role workRole) int {
	switch {
	case role == workSuper:
		return 0
	case role == workMember && p.parent != nil:
		return 4
	}
	return 2
}
