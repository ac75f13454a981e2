package rooms

// Between letting an account in and hearing that its client knows of the room, a
// room keeps for it what is said meanwhile: a newcomer misses nothing, and hears of
// the room before anything from it (docs/protocol.md 3.8).

// maxHeld bounds the events that are kept for a newcomer: more than can wait for a
// chat on both sides (see maxWaiting). Beyond that it misses some, and has the log that
// every client asks for after a join.
const maxHeld = 4 * maxWaiting

// letIn tells a logged-in account that it is in the room, and keeps events for it
// until it is attached. False: it is not logged in.
func (r *Room) letIn(id AccountID, in enteredEvent) bool {
	if !r.hub.toAccount(id, in) {
		return false
	}
	if m := r.members[id]; m != nil && !m.attached && !m.coming {
		m.coming = true
		r.coming = append(r.coming, m)
	}
	return true
}

// hold keeps an event for those who are coming, but one, and but those who will look
// into a work room only: they do not get what goes to all.
func (r *Room) hold(except AccountID, e func(AccountID) []byte) {
	for _, m := range r.coming {
		if m.id != except && m.role != workViewer {
			m.keep(e(m.id))
		}
	}
}

// keep keeps an encoded event for somebody who is coming.
func (m *member) keep(e []byte) {
	if len(m.held) < maxHeld {
		m.held = append(m.held, e)
	}
}

// arrived ends the wait for a newcomer and returns what was kept.
func (r *Room) arrived(m *member) [][]byte {
	held := m.held
	m.coming, m.held = false, nil
	r.coming = remove(r.coming, m)
	return held
}

// notComing says that an account which was let in does not take part: its client has
// not asked for its state yet, or it is gone already.
type notComing struct{ account AccountID }

func (e notComing) apply(r *Room) {
	m := r.members[e.account]
	switch {
	case m == nil:
	case m.guest:
		r.guestGone(m)
	default:
		r.arrived(m)
	}
}
