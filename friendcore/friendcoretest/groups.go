package friendcoretest

import (
	"slices"
)

// Group is a group of users. Only those of type "Workgroup" are in group lists.
type Group struct {
	ID       int    // numeric id, counted up from 4
	UUID     string // 64 hex digits
	Name     string
	Type     string // default "Workgroup"
	ParentID int    // 0: none
	Members  []int  // numeric user ids, in the order they came
	Status   int    // disabled groups stay in the list
}

func (g *Group) remove(user int) {
	g.Members = slices.DeleteFunc(g.Members, func(m int) bool { return m == user })
}

// AddGroup creates a workgroup. With members FriendCore sends two events.
func (s *Server) AddGroup(name string, parent int, members ...int) Group {
	return s.AddGroupOf(Group{Name: name, ParentID: parent, Members: members})
}

// AddGroupOf creates a group of any type.
func (s *Server) AddGroupOf(g Group) Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastGroup = max(s.lastGroup+1, g.ID)
	g.ID = s.lastGroup
	if g.UUID == "" {
		g.UUID = randomHex(64)
	}
	if g.Type == "" {
		g.Type = "Workgroup"
	}
	g.Members = slices.Clone(g.Members)
	s.groups[g.ID] = &g
	s.tell(event("group", "create", `{"id":%d,"uuid":"%s","name":"%s","parentid":%d}`, g.ID, g.UUID, g.Name, g.ParentID))
	if len(g.Members) > 0 {
		s.tell(event("group", "setusers", `{"groupid":%d,"parentid":%d,"uuid":"%s","userids":%s}`,
			g.ID, g.ParentID, g.UUID, s.quotedIDs(g.Members)))
	}
	copied := g
	copied.Members = slices.Clone(g.Members)
	return copied
}

// SetGroup changes name, parent, status and members of the group with g.ID, as
// group/update does: the event says nothing of members or status.
func (s *Server) SetGroup(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.groups[g.ID]
	if old == nil {
		return
	}
	old.Name, old.ParentID, old.Status, old.Members = g.Name, g.ParentID, g.Status, slices.Clone(g.Members)
	s.tell(event("group", "update", `{"id":%d,"uuid":"%s","name":"%s","type":"%s","parentid":%d}`,
		old.ID, old.UUID, old.Name, old.Type, old.ParentID))
}

// AddUsers puts users into a group.
func (s *Server) AddUsers(group int, users ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.groups[group]; g != nil {
		for _, u := range users {
			s.join(group, u)
		}
		s.tell(event("group", "addusers", `{"groupid":%d,"uuid":"%s","userids":%s}`, g.ID, g.UUID, s.quotedIDs(users)))
	}
}

// RemoveUsers takes users out of a group.
func (s *Server) RemoveUsers(group int, users ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.groups[group]; g != nil {
		for _, u := range users {
			g.remove(u)
		}
		s.tell(event("group", "removeusers", `{"groupid":%d,"uuid":"%s","userids":%s}`, g.ID, g.UUID, s.quotedIDs(users)))
	}
}

// SetUsers replaces the members of a group. The event is not JSON as soon as
// there is one member (docs/protocol.md 12.5).
func (s *Server) SetUsers(group int, users ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.groups[group]; g != nil {
		g.Members = slices.Clone(users)
		s.tell(event("group", "setusers", `{"groupid":%d,"uuid":"%s","parentid":%d,"userids":%s}`,
			g.ID, g.UUID, g.ParentID, s.setUsersList(users)))
	}
}

// DeleteGroup removes a group.
func (s *Server) DeleteGroup(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.groups[id]; g != nil {
		delete(s.groups, id)
		s.tell(event("group", "delete", `{"id":%d,"uuid":"%s","name":"%s"}`, g.ID, g.UUID, g.Name))
	}
}

// AddRelation tells services of a relation, as user/addrelationship does with
// mode presence; contacts is passed on as it is.
func (s *Server) AddRelation(source, contacts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(event("user", "relation-add", `{"sourceId":"%s","contactIds":%s}`, source, contacts))
}

// join enters a member once; mu is held.
func (s *Server) join(group, user int) {
	if g := s.groups[group]; g != nil && !slices.Contains(g.Members, user) {
		g.Members = append(g.Members, user)
	}
}

// sortedGroups lists groups by id; mu is held.
func (s *Server) sortedGroups() []*Group {
	groups := make([]*Group, 0, len(s.groups))
	for _, g := range s.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *Group) int { return a.ID - b.ID })
	return groups
}

// groupsOf lists the groups of a user by id; mu is held.
func (s *Server) groupsOf(user int) []*Group {
	groups := s.sortedGroups()
	return slices.DeleteFunc(groups, func(g *Group) bool { return !slices.Contains(g.Members, user) })
}

// levelGroup is the numeric id of the group of a level, 0 for none.
func levelGroup(level string) int {
	return map[string]int{"Admin": 1, "User": 2, "API": 3}[level]
}

// Group returns a group by name as it is now; ok is false if there is none.
func (s *Server) Group(name string) (g Group, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, found := range s.groups {
		if found.Name == name {
			g = *found
			g.Members = slices.Clone(found.Members)
			return g, true
		}
	}
	return Group{}, false
}
