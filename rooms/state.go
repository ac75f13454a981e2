package rooms

import "encoding/json"

// roomState is the data of a room's initialize (docs/protocol.md 7.3).
type roomState struct {
	ID          RoomID         `json:"id"`
	Name        string         `json:"name"`
	OwnerID     AccountID      `json:"ownerId"`
	Persistent  bool           `json:"persistent"`
	Settings    settingsState  `json:"settings"`
	GuestAvatar string         `json:"guestAvatar"`
	Users       []AccountID    `json:"users"`
	Admins      []AccountID    `json:"admins"`
	Online      []AccountID    `json:"online"`
	Recent      []AccountID    `json:"recent"`
	Guests      []AccountID    `json:"guests"`
	AtNames     []string       `json:"atNames"`
	Authed      []AccountID    `json:"authed"`
	Peers       []AccountID    `json:"peers"`
	Workgroups  roomWorkgroups `json:"workgroups"`
	Relation    roomRelation   `json:"relation"`
}

// roomWorkgroups has the assignments as objects; settingsState has their ids.
type roomWorkgroups struct {
	Available json.RawMessage  `json:"available"`
	Assigned  []assignmentWire `json:"assigned"`
}

// assignmentWire is an assigned workgroup (docs/protocol.md 7.3).
type assignmentWire struct {
	FID      string      `json:"fId"`
	FUID     string      `json:"fUId"`
	RoomID   RoomID      `json:"roomId"`
	SetByID  AccountID   `json:"setById"`
	SetTime  string      `json:"setTime"`
	ClientID WorkgroupID `json:"clientId"`
	Name     string      `json:"name"`
}

// roomRelation is how far the asking account has read.
type roomRelation struct {
	UnreadMessages any `json:"unreadMessages"`
	LastMessage    any `json:"lastMessage"`
}

func (r *Room) initialize(c call) {
	m := r.members[c.from.Account]
	switch {
	case r.isContact():
		r.toAsker(c, "", "initialize", r.contactState(m))
	case m.role == workViewer:
		r.toAsker(c, "", "initialize", r.viewState(m))
	case r.isWork():
		r.toAsker(c, "", "initialize", r.workState(m))
	default:
		r.toAsker(c, "", "initialize", r.state(m))
	}
}

func (r *Room) state(m *member) roomState {
	s := roomState{
		ID: r.id, Name: r.record.Name, OwnerID: r.record.OwnerID, Persistent: r.persistent,
		Settings: r.settingsState(), GuestAvatar: r.hub.pics.guest,
		Users:  r.present(),
		Admins: []AccountID{}, Online: r.online(), Recent: r.recently(),
		Guests: []AccountID{}, Peers: r.callPeers(),
		AtNames:    r.names(),
		Authed:     list(r.presentOf(r.authorized)),
		Workgroups: roomWorkgroups{r.hub.groups.all(), r.assignments()},
		Relation:   r.relationOf(m),
	}
	for _, id := range s.Users {
		switch m := r.members[id]; {
		case m.guest:
			s.Guests = append(s.Guests, id)
		case m.admin:
			s.Admins = append(s.Admins, id)
		}
	}
	return s
}

// online lists the members who are seen to be there.
func (r *Room) online() []AccountID {
	return r.presentWhere(func(m *member) bool { return m.attached && m.visible })
}

// recently lists the members who wrote lately.
func (r *Room) recently() []AccountID {
	return r.presentWhere(func(m *member) bool { return m.recent > 0 })
}

func (r *Room) presentWhere(is func(*member) bool) []AccountID {
	ids := []AccountID{}
	for _, id := range r.order {
		if m := r.members[id]; !m.absent && is(m) {
			ids = append(ids, id)
		}
	}
	return ids
}

// relationOf is how far a member has read, and the newest message.
func (r *Room) relationOf(m *member) roomRelation {
	relation := roomRelation{UnreadMessages: r.unread(m)}
	if r.isWork() {
		if last := r.newestSeen(m); last != nil {
			relation.LastMessage = last.event()
		}
		return relation
	}
	if last := r.chat.last(); last != nil && r.persistent {
		relation.LastMessage = last.blanked().event()
	}
	return relation
}

// assignments lists the assigned workgroups that FriendCore still knows.
func (r *Room) assignments() []assignmentWire {
	wires := []assignmentWire{}
	for _, a := range r.assigned {
		id := workgroupID(a.FID)
		if g, ok := r.hub.groups.group(id); ok {
			wires = append(wires, assignmentWire{
				FID: a.FID, FUID: g.UID, RoomID: r.id, SetByID: a.SetByID,
				SetTime:  a.SetTime.UTC().Format("2006-01-02T15:04:05.000Z"),
				ClientID: id, Name: g.Name,
			})
		}
	}
	return wires
}

// settingsState is the part of the settings that everybody sees.
type settingsState struct {
	UserLimit  int                `json:"userLimit"`
	RoomName   string             `json:"roomName"`
	Workgroups settingsWorkgroups `json:"workgroups"`
	// HideAddresses is absent where no call can hide them.
	HideAddresses *bool `json:"hideAddresses,omitempty"`
}

type settingsWorkgroups struct {
	Available json.RawMessage `json:"available"`
	Assigned  []WorkgroupID   `json:"assigned"`
}

func (r *Room) settingsState() settingsState {
	s := settingsState{UserLimit: r.settings.UserLimit, RoomName: r.record.Name}
	if r.hub.opt.Relays.CanHide() {
		hides := r.hidesAddresses()
		s.HideAddresses = &hides
	}
	s.Workgroups = settingsWorkgroups{r.hub.groups.all(), []WorkgroupID{}}
	for _, a := range r.assignments() {
		s.Workgroups.Assigned = append(s.Workgroups.Assigned, a.ClientID)
	}
	return s
}
