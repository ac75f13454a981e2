package rooms

import (
	"slices"
	"time"
)

// member is an account that belongs to a room, whether online or not.
type member struct {
	id         AccountID
	name       string
	login      string // FriendCore's, for notifications
	guest      bool
	role       workRole      // in work rooms
	authorized bool          // by name
	groups     []WorkgroupID // assigned workgroups that it is in
	absent     bool          // disabled, or a guest who was lost: the others do not see it
	attached   bool          // logged in: gets the room's events
	coming     bool          // will soon
	held       [][]byte      // events that are kept for it until then
	visible    bool          // others see it online
	admin      bool          // as the others were told
	active     bool          // looks at the room; see setActive
	recent     int64
	mark       ReadMark
	marked     bool  // mark was read or made
	readAt     int64 // when the mark was set; in contact rooms
	unread     int   // messages of others behind the mark
	counted    bool  // unread is right
}

// memberWire is a member as told in join (docs/protocol.md 7.4).
type memberWire struct {
	ClientID   AccountID     `json:"clientId"`
	Name       string        `json:"name"`
	IsAdmin    *bool         `json:"isAdmin"`
	IsGuest    bool          `json:"isGuest"`
	IsOnline   bool          `json:"isOnline"`
	IsRecent   bool          `json:"isRecent"`
	IsAuthed   bool          `json:"isAuthed"`
	Workgroups []WorkgroupID `json:"workgroups"`
}

func (r *Room) memberWire(m *member, i *identity) memberWire {
	return memberWire{
		ClientID: m.id, Name: i.Name, IsAdmin: i.admin, IsGuest: m.guest, IsOnline: i.online,
		IsAuthed: m.authorized || !r.persistent, Workgroups: list(r.hub.groups.ofAccount(m.id)),
	}
}

// addMember enters an account into the list of members, once.
func (r *Room) addMember(i *identity) *member {
	if m := r.members[i.ID]; m != nil {
		return m
	}
	return r.addSeat(i, workMember)
}

// addSeat enters an account that is not there yet. Only members are listed: who is in
// a work room for another reason is not seen by others.
func (r *Room) addSeat(i *identity, role workRole) *member {
	m := &member{
		id: i.ID, name: i.Name, login: i.FUsername, guest: i.guest, admin: i.isAdmin(), role: role,
		absent: i.Disabled && !r.isContact(),
	}
	r.members[i.ID] = m
	if role == workMember {
		r.order = append(r.order, i.ID)
	}
	if !r.persistent && !m.guest {
		r.hub.setTemporary(r.id, i.ID, true)
	}
	r.showToGuests(m)
	return m
}

// belongs says whether the account has a reason to be in the room.
func (r *Room) belongs(m *member) bool {
	return m != nil && !m.absent && (r.isWork() || m.authorized || len(m.groups) > 0 || m.guest || !r.persistent)
}

// tellJoin tells the others that a member came.
func (r *Room) tellJoin(m *member, i *identity) {
	if r.namesakes(m.name) == 1 {
		r.toOthers(m.id, "", "at-add", m.name)
	}
	if r.isWork() {
		r.toOthers(m.id, "", "join", workMemberWire{m.id, false, list(r.hub.groups.ofAccount(m.id))})
		return
	}
	r.toOthers(m.id, "", "join", r.memberWire(m, i))
}

// workMemberWire is a member as told in the join of a work room (docs/protocol.md 15.3).
type workMemberWire struct {
	ClientID   AccountID     `json:"clientId"`
	IsAuthed   bool          `json:"isAuthed"`
	Workgroups []WorkgroupID `json:"workgroups"`
}

// namesakes counts the members who are seen under a name.
func (r *Room) namesakes(name string) (n int) {
	for _, m := range r.members {
		if !m.absent && m.name == name && m.role == workMember {
			n++
		}
	}
	return n
}

// names lists the names of all members, each once, for completion of @names.
func (r *Room) names() []string {
	seen := make(map[string]bool, len(r.order))
	names := make([]string, 0, len(r.order))
	for _, id := range r.order {
		if m := r.members[id]; !m.absent && !seen[m.name] {
			seen[m.name] = true
			names = append(names, m.name)
		}
	}
	return names
}

// memberEvent says that an identity changed: its name, its admin flag, or whether
// it is disabled.
type memberEvent struct{ account AccountID }

func (e memberEvent) apply(r *Room) {
	m, i := r.members[e.account], r.hub.dir.get(e.account)
	if m == nil || i == nil {
		return
	}
	m.login = i.FUsername
	if !m.guest && !r.isContact() && m.absent != i.Disabled {
		r.setAbsent(m, i, i.Disabled)
	}
	if m.name != i.Name {
		m.name = i.Name
		if m.role == workMember {
			r.toAll("", "at-names", r.names())
		}
	}
	if m.admin == i.isAdmin() {
		return
	}
	m.admin = i.isAdmin()
	if m.role == workViewer {
		return // others do not know that it is there
	}
	if m.admin {
		r.toAll("", "admin-add", m.id)
	} else {
		r.toAll("", "admin-remove", m.id)
	}
}

// setAbsent hides a member from the others, or shows it again: for them that is a
// leave and a join (docs/protocol.md 7.4).
func (r *Room) setAbsent(m *member, i *identity, on bool) {
	if m.absent == on {
		return
	}
	m.absent = on
	if m.role != workMember {
		return
	}
	if on {
		r.toOthers(m.id, "", "leave", m.id)
		r.namesChanged()
		return
	}
	r.tellJoin(m, i)
}

// isAdmin says whether the account is an admin who is in the room (7.8).
func (r *Room) isAdmin(id AccountID) bool {
	m := r.members[id]
	return m != nil && m.admin && !m.guest
}

// rules says whether the account may name the room and change its settings.
func (r *Room) rules(id AccountID) bool {
	return id == r.record.OwnerID || r.isAdmin(id)
}

// authedData is the data of authed (docs/protocol.md 7.4).
type authedData struct {
	UserID   AccountID `json:"userId"`
	WorgID   any       `json:"worgId"`
	IsAuthed bool      `json:"isAuthed"`
}

// leave ends the membership of the account (docs/protocol.md 7.6). Somebody who
// is in the room through a workgroup stays.
func (r *Room) leave(c call) {
	m := r.members[c.from.Account]
	if err := r.unauthorize(m); err != nil {
		r.log.Error("leave not stored", "account", m.id, "err", err)
		r.answer(c, "", nil, "ERR_LEAVE_FAILED")
		return
	}
	r.answer(c, "", nil, "")
	r.release(m)
}

// release takes a member out who is not authorized any more, unless there is
// another reason to stay.
func (r *Room) release(m *member) {
	if len(m.groups) > 0 {
		r.toAll("", "authed", authedData{m.id, m.groups[0], false})
		return
	}
	if !m.guest {
		r.toOne(m.id, "", "authed", authedData{UserID: m.id})
	}
	r.drop(m)
	r.retireIfDeserted()
}

func (r *Room) unauthorize(m *member) error {
	if r.persistent && m.authorized {
		ctx, cancel := r.hub.storeContext()
		defer cancel()
		if err := r.hub.store.Unauthorize(ctx, r.id, m.id); err != nil {
			return err
		}
	}
	m.authorized = false
	r.authorized = remove(r.authorized, m.id)
	return nil
}

// drop takes a member out of the room and tells everybody.
func (r *Room) drop(m *member) {
	held := r.arrived(m)
	r.leaveCall(m.id)
	r.detach(m)
	delete(r.members, m.id)
	delete(r.dirtyMarks, m.id)
	r.order = remove(r.order, m.id)
	r.hideFromGuests(m)
	if !r.persistent {
		r.hub.setTemporary(r.id, m.id, false)
	}
	if !m.absent && m.role == workMember {
		r.toAll("", "leave", m.id)
		r.namesChanged()
	}
	r.hub.toAccount(m.id, leftEvent{room: r.id, held: held})
}

// namesDelay collects departures before the list of names is sent anew.
const namesDelay = 2 * time.Second

// namesChanged has the list of names sent anew, soon.
func (r *Room) namesChanged() {
	if r.timers.names == nil {
		r.timers.names = r.hub.later(namesDelay, r.post(namesEvent{}))
	}
}

type namesEvent struct{}

func (namesEvent) apply(r *Room) {
	r.timers.names = nil
	r.toAll("", "at-names", r.names())
}

// retireIfDeserted removes a saved room that nobody can reach any more (7.7). Disabled
// accounts, who may come back, are not among the members in memory.
func (r *Room) retireIfDeserted() {
	if len(r.order) > 0 || !r.persistent || len(r.assigned) > 0 {
		return
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	o, err := r.hub.store.Overview(ctx, r.id)
	switch {
	case err != nil:
		r.log.Error("room not removed: its members are not known", "err", err)
	case len(o.Authorized) == 0:
		r.retire()
	}
}

// retire removes a saved room for good; those in it hear that they are out.
func (r *Room) retire() error {
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	if err := r.hub.store.RemoveRoom(ctx, r.id); err != nil {
		r.log.Error("room not marked as removed", "err", err)
		return err
	}
	r.log.Info("room removed", "owner", r.record.OwnerID)
	for _, id := range r.attached {
		r.toOne(id, "", "authed", authedData{UserID: id})
	}
	r.endInvitations()
	r.end()
	return nil
}

// active notes that the account looks at the room, or no longer (8.4).
func (r *Room) active(c call) {
	var in struct {
		IsActive bool `json:"isActive"`
	}
	if c.into(&in) {
		r.setActive(r.members[c.from.Account], in.IsActive)
	}
	r.answer(c, "", nil, "")
}

// setActive notes whether a member who is in the room looks at it.
func (r *Room) setActive(m *member, on bool) {
	switch {
	case on == m.active:
		return
	case on:
		r.lookingOn = append(r.lookingOn, m)
	default:
		r.lookingOn = remove(r.lookingOn, m)
	}
	m.active = on
}

// counterReset tells the account's other browsers to reset their unread marks.
func (r *Room) counterReset(c call) {
	r.toOne(c.from.Account, "", "counter-reset", nowMillis())
	r.answer(c, "", nil, "")
}

// present lists the members whom the others see.
func (r *Room) present() []AccountID {
	ids := make([]AccountID, 0, len(r.order))
	for _, id := range r.order {
		if !r.members[id].absent {
			ids = append(ids, id)
		}
	}
	return ids
}

// presentOf keeps those of a list whom the others see.
func (r *Room) presentOf(list []AccountID) []AccountID {
	return slices.DeleteFunc(slices.Clone(list), func(id AccountID) bool {
		m := r.members[id]
		return m == nil || m.absent
	})
}
