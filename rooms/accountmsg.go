package rooms

import (
	"encoding/json"
	"slices"
	"strings"
)

// clientCall is an account event of a client.
type clientCall struct{ call }

func (e clientCall) apply(a *Account) { accountHandlers[e.Type].do(a, e.call) }

// accountState is the data of initialize (docs/protocol.md 4.1).
type accountState struct {
	Identities struct{}        `json:"identities"`
	Rooms      []*roomConf     `json:"rooms"`
	Relations  any             `json:"relations"` // entries by contact
	Contacts   []AccountID     `json:"contacts"`
	Invites    any             `json:"invites"`
	Workgroups workgroupsState `json:"workgroups"`
	Account    struct {
		Host     string    `json:"host"`
		ClientID AccountID `json:"clientId"`
		Identity any       `json:"identity"`
	} `json:"account"`
}

// workgroupsState: ids and the keys of members always agree.
type workgroupsState struct {
	IDs     []WorkgroupID               `json:"ids"`
	Members map[WorkgroupID][]AccountID `json:"members"`
}

func (a *Account) initialize(c call) {
	first := !a.initialized.Swap(true)
	a.hub.post.Reply(c.from, encode(event{"initialize", a.anyState()}))
	if first {
		a.loadRooms()
	}
}

// guestState is the data of a guest's initialize (docs/protocol.md 4.1).
type guestState struct {
	Account struct {
		Host     string    `json:"host"`
		ClientID AccountID `json:"clientId"`
		Name     string    `json:"name"`
	} `json:"account"`
	Rooms    []*roomConf `json:"rooms"`
	Contacts []AccountID `json:"contacts"`
}

// anyState is the data of initialize, for accounts and guests.
func (a *Account) anyState() any {
	if a.guestOf == "" {
		return a.state()
	}
	s := guestState{Rooms: a.confs(), Contacts: []AccountID{}}
	s.Account.Host, s.Account.ClientID = a.hub.opt.Host, a.id
	if i := a.hub.dir.get(a.id); i != nil {
		s.Account.Name = i.Name
	}
	return s
}

// confs are the joined rooms.
func (a *Account) confs() []*roomConf {
	confs := []*roomConf{}
	for _, id := range a.rooms() {
		if conf := a.hub.conf(id, a.id); conf != nil {
			confs = append(confs, conf)
		}
	}
	return confs
}

// state renders the account as its client sees it.
func (a *Account) state() accountState {
	var s accountState
	s.Rooms = a.confs()
	s.Relations = a.loadRelations()
	s.Invites = a.invitations()
	s.Contacts = a.hub.onlineOf(a.hub.groups.contacts(a.id))
	s.Workgroups = workgroupsState{[]WorkgroupID{}, map[WorkgroupID][]AccountID{}}
	for _, id := range a.hub.groups.ofAccount(a.id) {
		s.Workgroups.IDs = append(s.Workgroups.IDs, id)
		s.Workgroups.Members[id] = list(a.hub.groups.membersOf(id))
	}
	s.Account.Host = a.hub.opt.Host
	s.Account.ClientID = a.id
	s.Account.Identity = a.hub.identityWire(a.hub.dir.get(a.id))
	return s
}

// roomGet answers with the conf of a joined room, to the asking connection only.
func (a *Account) roomGet(c call) {
	var id RoomID
	if c.into(&id) && a.isIn(id) {
		if conf := a.hub.conf(id, a.id); conf != nil {
			a.hub.post.Reply(c.from, encode(event{"join", joinData{conf, nil}}))
		}
	}
	a.answer(c, nil, "")
}

// roomCreate makes a room (docs/protocol.md 7.2): named if there is a name, else
// temporary.
func (a *Account) roomCreate(c call) {
	var in struct {
		Name   any   `json:"name"`
		Req    any   `json:"req"`
		Groups []any `json:"assignWorgs"`
	}
	if len(c.Data) > 0 && json.Unmarshal(c.Data, &in) != nil {
		a.answer(c, nil, "ERR_INVALID_DATA")
		return
	}
	name, _ := in.Name.(string)
	if name = strings.TrimSpace(name); name != "" && !validName(name) {
		a.answer(c, nil, "ERR_INVALID_NAME")
		return
	}
	groups, code := a.groupsFor(name, in.Groups)
	if code != "" {
		a.answer(c, nil, code)
		return
	}
	req, _ := in.Req.(string)
	r := newRoom(a.hub, RoomID(newID("room")))
	a.hub.addRoom(r)
	r.box.force(createEvent{owner: a.id, name: name, groups: groups, call: c, req: clip(req, maxName)})
}

// groupsFor finds the workgroups that are to be assigned to a new room: an admin's
// right, and to named rooms only (docs/protocol.md 7.2).
func (a *Account) groupsFor(name string, ids []any) (groups []Group, code string) {
	if len(ids) == 0 {
		return nil, ""
	}
	switch i := a.hub.dir.get(a.id); {
	case !i.isAdmin():
		return nil, "ERR_NOT_ADMIN"
	case name == "":
		return nil, "ERR_ROOM_NOT_PERSISTED"
	}
	for _, v := range ids {
		id, _ := v.(string)
		g, known := a.hub.groups.group(WorkgroupID(id))
		if !known {
			return nil, "ERR_NO_GROUP"
		}
		groups = append(groups, g)
	}
	return groups, ""
}

// roomJoin enters a room by an invite (docs/protocol.md 9).
func (a *Account) roomJoin(c call) {
	var in struct {
		Req    any `json:"req"`
		Invite struct {
			Token  string `json:"token"`
			RoomID RoomID `json:"roomId"`
		} `json:"invite"`
	}
	if !c.into(&in) || in.Invite.Token == "" || len(in.Invite.Token) > maxName || !namedRoom(in.Invite.RoomID) {
		a.answer(c, nil, "ERR_COULD_NOT_JOIN")
		return
	}
	req, _ := in.Req.(string)
	a.hub.toRoomLoaded(in.Invite.RoomID, enterEvent{
		account: a.id, token: in.Invite.Token, call: c, req: clip(req, maxName),
	})
}

// contactList answers with all members of the account's workgroups, by name.
func (a *Account) contactList(c call) {
	found := a.hub.dir.getAll(a.hub.groups.contacts(a.id))
	sortByName(found)
	ids := make([]AccountID, len(found))
	for n, i := range found {
		ids[n] = i.ID
	}
	a.answer(c, ids, "")
}

// maxFound bounds the answer to search-user.
const maxFound = 50

func (a *Account) searchUser(c call) {
	var in struct {
		Needle string `json:"needle"`
	}
	if !c.into(&in) || len(in.Needle) > maxName*4 {
		a.answer(c, nil, "ERR_INVALID_DATA")
		return
	}
	var found []*identity
	if needle := strings.TrimSpace(in.Needle); needle != "" {
		found = a.hub.searchable(a.id, a.hub.dir.search(needle))
	}
	a.answer(c, a.hub.identityWires(found[:min(len(found), maxFound)]), "")
}

// friendGet finds an account by FriendCore's user id.
func (a *Account) friendGet(c call) {
	var in struct {
		FriendID string `json:"friendId"`
	}
	if !c.into(&in) {
		a.answer(c, nil, "ERR_INVALID_DATA")
		return
	}
	i := a.hub.dir.byFriendID(in.FriendID)
	if i == nil {
		a.answer(c, nil, "")
		return
	}
	a.answer(c, a.hub.identityWire(i), "")
}

// maxIdentities bounds how many identities one request may name.
const maxIdentities = 500

// identity answers the identity channel, whose requests are one level deeper
// (docs/protocol.md 3.5).
func (a *Account) identity(outer call) {
	c, ok := decodeCall(outer.from, outer.Data)
	if !ok {
		a.answer(outer, nil, "ERR_INVALID_DATA")
		return
	}
	if !c.isRequest() {
		return
	}
	response, code := a.identities(c)
	a.hub.post.Reply(c.from, encode(event{"identity", reply{c.RequestID, response, nullable(code)}}))
}

func (a *Account) identities(c call) (response any, code string) {
	switch c.Type {
	case "get":
		var id AccountID
		if !c.into(&id) {
			return nil, "ERR_INVALID_ID"
		}
		if found := a.interesting([]AccountID{id}); len(found) == 1 {
			return found[0], ""
		}
		return nil, ""
	case "get-list":
		var ids []AccountID
		if !c.into(&ids) || len(ids) > maxIdentities {
			return nil, "ERR_INVALID_DATA"
		}
		return a.interesting(ids), ""
	case "refresh":
		return a.refresh(c)
	}
	return nil, "ERR_NO_LISTENER"
}

// interesting returns identities and notes that the account wants to hear of
// their changes.
func (a *Account) interesting(ids []AccountID) []any {
	found := a.visibleTo(a.hub.dir.getAll(ids))
	a.hub.dir.watch(a.id, found)
	return a.hub.identityWires(found)
}

// refresh returns the identities that differ from what the client holds.
func (a *Account) refresh(c call) (response any, code string) {
	var held map[AccountID]any
	if !c.into(&held) || len(held) > maxIdentities {
		return nil, "ERR_INVALID_DATA"
	}
	ids := make([]AccountID, 0, len(held))
	for id := range held {
		ids = append(ids, id)
	}
	known := a.visibleTo(a.hub.dir.getAll(ids))
	a.hub.dir.watch(a.id, known)
	var differ []*identity
	for _, i := range known {
		if at, ok := held[i.ID].(float64); !ok || int64(at) != i.lastUpdate {
			differ = append(differ, i)
		}
	}
	return a.hub.identityWires(differ), ""
}

// visibleTo keeps those whom the account may ask about: a guest only those who are
// in its room.
func (a *Account) visibleTo(found []*identity) []*identity {
	if a.guestOf == "" {
		return found
	}
	return slices.DeleteFunc(found, func(i *identity) bool { return i.ID != a.id && !a.hub.shares(a.guestOf, i.ID) })
}

// shares says whether an account is in a room that has guests.
func (h *Hub) shares(room RoomID, id AccountID) bool {
	h.mu.Lock()
	r := h.rooms[room]
	h.mu.Unlock()
	return r != nil && r.company.has(id)
}
