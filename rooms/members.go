package rooms

import (
	"slices"
	"time"
)

// member is an account that belongs to a room, whether online or not.
type member struct {
	id         AccountID
	name       string
	authorized bool // by name
	workgroups int  // assigned workgroups that it is in
	attached   bool // logged in: gets the room's events
	visible    bool // others see it online
	admin      bool // as the others were told
	active     bool // looks at the room; see setActive
	recent     int64
	mark       ReadMark
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

// addMember enters an account into the list of members, once.
func (r *Room) addMember(i *identity) *member {
	if m := r.members[i.ID]; m != nil {
		return m
	}
	m := &member{id: i.ID, name: i.Name, admin: i.isAdmin()}
	r.members[i.ID] = m
	r.order = append(r.order, i.ID)
	if !r.persistent {
		r.hub.setTemporary(r.id, i.ID, true)
	}
	return m
}

// belongs says whether the account has a reason to be in the room.
func (r *Room) belongs(m *member) bool {
	return m != nil && (m.authorized || m.workgroups > 0 || !r.persistent)
}

// enterEvent asks to be let in: as a member at login, or with an invite token.
type enterEvent struct {
	account AccountID
	token   string // empty at login
	call    call
	req     string
}

func (e enterEvent) apply(r *Room) {
	if !r.ready {
		return
	}
	m := r.members[e.account]
	if !r.belongs(m) {
		if e.token == "" || !r.validToken(e.token) || r.admit(e.account) != "" {
			r.hub.toAccount(e.account, refusedEvent{e.call, "ERR_COULD_NOT_JOIN"})
			return
		}
	}
	r.used()
	r.hub.toAccount(e.account, enteredEvent{r.id, r.conf.Load(), e.call, e.req})
}

// admit makes an account a member for good and tells the others. It returns the
// code of the refusal, empty on success.
func (r *Room) admit(id AccountID) (code string) {
	i := r.hub.dir.get(id)
	if i == nil || i.Disabled {
		return "ERR_INVALID_ID"
	}
	mark, err := r.authorize(id)
	if err != nil {
		r.log.Error("account not let in", "account", id, "err", err)
		return "ERR_NOT_STORED"
	}
	known := r.members[id] != nil
	newName := !slices.Contains(r.names(), i.Name)
	m := r.addMember(i)
	m.authorized = true
	if m.mark.Time <= mark.Time {
		m.mark = mark
	}
	r.authorized = append(r.authorized, id)
	if known { // through a workgroup, so far
		r.toAll("", "authed", authedData{UserID: id, IsAuthed: true})
		return ""
	}
	if newName {
		r.toOthers(id, "", "at-add", i.Name)
	}
	r.toOthers(id, "", "join", r.memberWire(m, i))
	return ""
}

// authorize stores that an account may enter, and returns how far it has read.
func (r *Room) authorize(id AccountID) (ReadMark, error) {
	mark := ReadMark{Account: id}
	if !r.persistent {
		if last := r.chat.last(); last != nil {
			mark.MsgID, mark.Time = last.ID, last.Time
		}
		return mark, nil
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	marks, err := r.hub.store.Authorize(ctx, r.id, []AccountID{id})
	if err != nil {
		return mark, err
	}
	if len(marks) > 0 {
		mark = marks[0]
	}
	return mark, nil
}

func (r *Room) memberWire(m *member, i *identity) memberWire {
	return memberWire{
		ClientID: m.id, Name: i.Name, IsAdmin: i.admin, IsOnline: i.online,
		IsAuthed: m.authorized, Workgroups: list(r.hub.groups.ofAccount(m.id)),
	}
}

// attachEvent says that the account has told its client of the room: from now on
// it gets the room's events.
type attachEvent struct {
	account AccountID
	visible bool
}

func (e attachEvent) apply(r *Room) {
	m := r.members[e.account]
	if m == nil {
		r.hub.toAccount(e.account, leftEvent{r.id}) // removed in the meantime
		return
	}
	m.visible = e.visible
	if !m.attached {
		m.attached = true
		r.attached = append(r.attached, m.id)
	}
	r.watchEmpty()
}

// showEvent says that others do or do not see the account online.
type showEvent struct {
	account AccountID
	on      bool
}

func (e showEvent) apply(r *Room) {
	if m := r.members[e.account]; m != nil {
		m.visible = e.on
		r.setActive(m, m.active && e.on)
	}
}

// detachEvent says that the account logged out. It stays a member.
type detachEvent struct{ account AccountID }

func (e detachEvent) apply(r *Room) {
	if m := r.members[e.account]; m != nil {
		r.detach(m)
	}
}

func (r *Room) detach(m *member) {
	r.setActive(m, false)
	m.attached, m.visible = false, false
	r.attached = remove(r.attached, m.id)
	r.used()
}

// memberEvent says that an identity changed: its name or its admin flag.
type memberEvent struct{ account AccountID }

func (e memberEvent) apply(r *Room) {
	m, i := r.members[e.account], r.hub.dir.get(e.account)
	if m == nil || i == nil {
		return
	}
	if m.name != i.Name {
		m.name = i.Name
		r.toAll("", "at-names", r.names())
	}
	if m.admin == i.isAdmin() {
		return
	}
	m.admin = i.isAdmin()
	if m.admin {
		r.toAll("", "admin-add", m.id)
	} else {
		r.toAll("", "admin-remove", m.id)
	}
}

// isAdmin says whether the account is an admin who is in the room (7.8).
func (r *Room) isAdmin(id AccountID) bool {
	i := r.hub.dir.get(id)
	return i != nil && i.isAdmin() && r.members[id] != nil
}

// rules says whether the account may name the room and change its settings.
func (r *Room) rules(id AccountID) bool {
	return id == r.record.OwnerID || r.isAdmin(id)
}

// names lists the names of all members, each once, for completion of @names.
func (r *Room) names() []string {
	seen := make(map[string]bool, len(r.order))
	names := make([]string, 0, len(r.order))
	for _, id := range r.order {
		if name := r.members[id].name; !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
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
	if m.workgroups > 0 {
		r.toAll("", "authed", authedData{m.id, r.assignedOf(m.id), false})
		r.answer(c, "", nil, "")
		return
	}
	r.toOne(m.id, "", "authed", authedData{UserID: m.id})
	r.answer(c, "", nil, "")
	r.drop(m)
	if len(r.order) == 0 && r.persistent && len(r.assigned) == 0 {
		r.retire()
	}
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

// assignedOf names an assigned workgroup that the account is in.
func (r *Room) assignedOf(id AccountID) any {
	for _, a := range r.assigned {
		if wg := workgroupID(a.FID); slices.Contains(r.hub.groups.membersOf(wg), id) {
			return wg
		}
	}
	return nil
}

// drop takes a member out of the room and tells everybody.
func (r *Room) drop(m *member) {
	r.detach(m)
	delete(r.members, m.id)
	delete(r.dirtyMarks, m.id)
	r.order = remove(r.order, m.id)
	if !r.persistent {
		r.hub.setTemporary(r.id, m.id, false)
	}
	r.toAll("", "leave", m.id)
	r.hub.toAccount(m.id, leftEvent{r.id})
	if r.timers.names == nil {
		r.timers.names = r.hub.later(namesDelay, r.post(namesEvent{}))
	}
}

// namesDelay collects departures before the list of names is sent anew.
const namesDelay = 2 * time.Second

type namesEvent struct{}

func (namesEvent) apply(r *Room) {
	r.timers.names = nil
	r.toAll("", "at-names", r.names())
}

// retire removes a saved room that nobody can reach any more (7.7).
func (r *Room) retire() {
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	if err := r.hub.store.RemoveRoom(ctx, r.id); err != nil {
		r.log.Error("room not marked as removed", "err", err)
		return
	}
	r.log.Info("room removed: its last member left")
	r.end()
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
