package rooms

import (
	"encoding/json"
	"slices"
)

// workState is the data of a work room's initialize for members and for members of the
// parent (docs/protocol.md 15.3).
type workState struct {
	ID          RoomID         `json:"id"`
	Name        string         `json:"name"`
	OwnerID     AccountID      `json:"ownerId"`
	Persistent  bool           `json:"persistent"`
	Settings    struct{}       `json:"settings"`
	WorkConfig  WorkRules      `json:"workConfig"`
	GuestAvatar string         `json:"guestAvatar"`
	Users       []AccountID    `json:"users"`
	Admins      []AccountID    `json:"admins"`
	Online      []AccountID    `json:"online"`
	Recent      []AccountID    `json:"recent"`
	AtNames     []string       `json:"atNames"`
	Peers       []AccountID    `json:"peers"`
	Workgroups  workRoomGroups `json:"workgroups"`
	Relation    roomRelation   `json:"relation"`
}

// viewState is the same for those who look in: they see nobody but themselves.
type viewState struct {
	ID          RoomID         `json:"id"`
	Name        string         `json:"name"`
	OwnerID     AccountID      `json:"ownerId"`
	Persistent  bool           `json:"persistent"`
	Settings    struct{}       `json:"settings"`
	GuestAvatar string         `json:"guestAvatar"`
	Users       []AccountID    `json:"users"`
	Online      []AccountID    `json:"online"`
	Peers       []AccountID    `json:"peers"`
	Workgroups  workRoomGroups `json:"workgroups"`
	Relation    roomRelation   `json:"relation"`
}

// workRoomGroups says where the room stands. Every id of SubIDs has an entry in Members.
type workRoomGroups struct {
	Available json.RawMessage                  `json:"available"`
	Assigned  []assignmentWire                 `json:"assigned"`
	WorkID    WorkgroupID                      `json:"workId"`
	SuperID   any                              `json:"superId"`
	SubIDs    []WorkgroupID                    `json:"subIds"`
	Members   map[WorkgroupID][]AccountID      `json:"members"`
	Rooms     map[WorkgroupID]workNeighborWire `json:"rooms"`
}

// workNeighborWire is the room of the parent or of a child.
type workNeighborWire struct {
	ClientID RoomID      `json:"clientId"`
	WorkID   WorkgroupID `json:"workId"`
	SuperID  any         `json:"superId"`
	Name     string      `json:"name"`
	Avatar   string      `json:"avatar"`
}

func (r *Room) workState(m *member) workState {
	p := r.work.place
	groups, known := r.workGroups(p.neighbors())
	for _, n := range known {
		groups.Members[n.group] = list(n.members)
		if p.parent != nil && n.group == p.parent.group {
			groups.SuperID = n.group
		} else {
			groups.SubIDs = append(groups.SubIDs, n.group)
		}
	}
	return workState{
		ID: r.id, Name: r.record.Name, OwnerID: r.record.OwnerID, Persistent: true,
		WorkConfig: r.hub.opt.Work, GuestAvatar: r.hub.pics.guest,
		Users: r.present(), Admins: r.workAdmins(), Online: r.online(), Recent: r.recently(),
		AtNames: r.names(), Peers: r.callPeers(), Workgroups: groups, Relation: r.relationOf(m),
	}
}

func (r *Room) viewState(m *member) viewState {
	groups, own := r.workGroups(r.work.place.childrenOf(m.id))
	groups.SubIDs = groupsOf(own)
	for _, n := range own {
		groups.Members[n.group] = []AccountID{m.id}
	}
	return viewState{
		ID: r.id, Name: r.record.Name, OwnerID: r.record.OwnerID, Persistent: true, GuestAvatar: r.hub.pics.guest,
		Users: []AccountID{}, Online: []AccountID{m.id}, Peers: []AccountID{}, Workgroups: groups, Relation: r.relationOf(m),
	}
}

// workGroups is the part that tells of some neighbors. Those that FriendCore does not
// list any more, and the room has not heard of that yet, are left out: clients look each
// of them up in Available, unchecked.
func (r *Room) workGroups(neighbors []workNeighbor) (g workRoomGroups, known []workNeighbor) {
	g = workRoomGroups{
		Assigned: []assignmentWire{}, WorkID: r.work.place.group, SubIDs: []WorkgroupID{},
		Members: map[WorkgroupID][]AccountID{}, Rooms: map[WorkgroupID]workNeighborWire{},
	}
	g.Available, known = r.hub.groups.known(neighbors)
	for _, n := range known {
		g.Rooms[n.group] = workNeighborWire{n.room, n.group, nullable(n.parent), n.name, r.hub.pics.ofRoom(n.name)}
	}
	return g, known
}

// workAdmins lists the admins among the members, and among the others who are there.
func (r *Room) workAdmins() []AccountID {
	admins := r.presentWhere(func(m *member) bool { return m.admin })
	var others []AccountID
	for id, m := range r.members {
		if m.role != workMember && m.admin && m.attached && m.visible {
			others = append(others, id)
		}
	}
	slices.Sort(others)
	return append(admins, others...)
}
