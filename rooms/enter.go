package rooms

import (
	"errors"
	"time"
)

// enterEvent asks to be let in: as a member at login, with an invite token, or as a
// guest whose token has been taken already.
type enterEvent struct {
	account AccountID
	token   string // empty at login
	unread  Unread // at login; zero if it is not known
	guest   bool
	call    call
	req     string
	// inResponse: the answer is that of invite-response, which has null in the place
	// of the room and the code of a refusal in the place of the response (9).
	inResponse bool
	contact    AccountID // for contact rooms: with whom
	silent     bool      // nobody is told but who asked: hidden-open
}

func (e enterEvent) refused(r *Room) refusedEvent {
	if e.inResponse {
		return refusedEvent{room: r.id, call: e.call, response: "ERR_COULD_NOT_JOIN"}
	}
	return refusedEvent{room: r.id, call: e.call, code: "ERR_COULD_NOT_JOIN", contact: e.contact}
}

func (e enterEvent) entered(r *Room) enteredEvent {
	in := enteredEvent{room: r.id, conf: r.confFor(e.account), call: e.call, req: e.req, silent: e.silent}
	if r.isContact() {
		in.contact = r.other(e.account)
	}
	if !e.inResponse {
		in.response = in.conf
	}
	return in
}

func (e enterEvent) apply(r *Room) {
	if !r.ready || !r.lets(e) {
		r.hub.toAccount(e.account, e.refused(r))
		return
	}
	r.used()
	r.takeUnread(r.members[e.account], e.unread)
	r.withdraw(e.account) // who is in needs no invitation
	switch in := r.letIn(e.account, e.entered(r)); {
	case !in && e.guest:
		r.guestGone(r.members[e.account])
	case r.isContact() && !e.silent:
		r.callOther(e.account)
	}
}

// lets says whether the account may enter; if it is new it has become a member.
func (r *Room) lets(e enterEvent) bool {
	switch {
	case e.guest:
		return r.admitGuest(e.account)
	case r.belongs(r.members[e.account]):
		return true
	case r.isContact(), r.isWork():
		return false
	case e.token != "":
		return r.admitByToken(e)
	}
	return r.persistent && r.readMembers() && r.belongs(r.members[e.account])
}

// readMembers reads who is authorized anew: somebody who is said to be was not when
// the room was loaded, because the account was disabled.
func (r *Room) readMembers() bool {
	data, err := r.read()
	if err != nil {
		r.log.Warn("members not read", "err", err)
		return false
	}
	for _, i := range r.hub.dir.getAll(data.Authorized) {
		m := r.members[i.ID]
		if m != nil && m.authorized {
			continue
		}
		known := m != nil
		m = r.addMember(i)
		m.authorized = true
		r.authorized = append(r.authorized, i.ID)
		r.tellAuthorized(m, i, known)
	}
	r.makeMarks()
	return true
}

// admitByToken takes an invite token for an account (docs/protocol.md 9).
func (r *Room) admitByToken(e enterEvent) bool {
	if r.hub.isDisabled(e.account) {
		return false
	}
	// Failures of others do not shut out who was invited by name.
	if t := r.findToken(e.token); (t == nil || t.Target != e.account) && !r.hub.tries.allowed(string(e.account), r.id) {
		return false
	}
	token, err := r.useToken(e.token, e.account)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			r.hub.tries.failed(string(e.account), r.id)
		} else {
			r.log.Error("invite token not taken", "account", e.account, "err", err)
		}
		return false
	}
	r.tokenUsed(token)
	return r.admit(e.account) == ""
}

// admit makes an account a member for good and tells the others. It returns the
// code of the refusal, empty on success.
func (r *Room) admit(id AccountID) (code string) {
	i := r.hub.dir.get(id)
	if i == nil || i.Disabled || i.guest {
		return "ERR_INVALID_ID"
	}
	mark, err := r.authorize(id)
	if err != nil {
		r.log.Error("account not let in", "account", id, "err", err)
		return "ERR_NOT_STORED"
	}
	known := r.members[id] != nil
	m := r.addMember(i)
	m.authorized, m.marked = true, true
	if m.mark.Time <= mark.Time {
		m.mark, m.counted = mark, false
	}
	r.withdraw(id)
	r.authorized = append(r.authorized, id)
	r.tellAuthorized(m, i, known)
	return ""
}

// tellAuthorized tells that a member was let in by name; known says that it was a
// member through a workgroup already.
func (r *Room) tellAuthorized(m *member, i *identity, known bool) {
	if known {
		r.toAll("", "authed", authedData{UserID: m.id, IsAuthed: true})
		return
	}
	r.tellJoin(m, i)
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

// attachEvent says that the account has told its client of the room: from now on
// it gets the room's events.
type attachEvent struct {
	account AccountID
	visible bool
}

func (e attachEvent) apply(r *Room) {
	m := r.members[e.account]
	if m == nil {
		r.hub.toAccount(e.account, leftEvent{room: r.id}) // removed in the meantime
		return
	}
	m.visible = e.visible
	if !m.attached {
		m.attached = true
		if m.role == workViewer {
			r.work.viewers = append(r.work.viewers, m.id)
		} else {
			r.attached = append(r.attached, m.id)
		}
	}
	for _, held := range r.arrived(m) {
		r.hub.post.Deliver([]AccountID{m.id}, "", held)
	}
	r.watchEmpty()
	r.refresh()
}

// showEvent says that others do or do not see the account online. A guest who is
// lost has left, for the others, until it is back (docs/protocol.md 2.6).
type showEvent struct {
	account AccountID
	on      bool
}

func (e showEvent) apply(r *Room) {
	m := r.members[e.account]
	if m == nil {
		return
	}
	m.visible = e.on
	r.setActive(m, m.active && e.on)
	if e.on {
		r.call.Back(time.Now(), string(m.id))
	} else {
		r.call.Away(time.Now(), string(m.id))
	}
	r.watchCall()
	if i := r.hub.dir.get(e.account); m.guest && i != nil {
		r.setAbsent(m, i, !e.on)
	}
	r.refresh()
}

// detachEvent says that the account logged out. It stays a member, unless it is a
// guest.
type detachEvent struct{ account AccountID }

func (e detachEvent) apply(r *Room) {
	m := r.members[e.account]
	switch {
	case m == nil:
	case m.guest:
		r.guestGone(m)
	default:
		r.leaveCall(m.id)
		r.detach(m)
	}
}

func (r *Room) detach(m *member) {
	r.setActive(m, false)
	r.arrived(m)
	m.attached, m.visible = false, false
	if m.role == workViewer {
		r.work.viewers = remove(r.work.viewers, m.id)
	} else {
		r.attached = remove(r.attached, m.id)
	}
	r.used()
	r.refresh()
}
