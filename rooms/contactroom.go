package rooms

// A contact room is the room behind a one-to-one chat (docs/protocol.md 4.7): two
// members for good, each of whom knows it by the other one's id.

// isContact says whether the room is one.
func (r *Room) isContact() bool { return len(r.pair) > 0 }

// other is the other one of the two.
func (r *Room) other(id AccountID) AccountID {
	if !r.isContact() {
		return ""
	}
	if rel := r.pair[0]; rel.Account != id {
		return rel.Account
	}
	return r.pair[0].Contact
}

// both are the two. Of a damaged relation there may be one direction only.
func (r *Room) both() []AccountID { return []AccountID{r.pair[0].Account, r.pair[0].Contact} }

// takeRelation makes the two of the relation the members.
func (r *Room) takeRelation() {
	for _, rel := range r.pair {
		i := r.hub.dir.get(rel.Account)
		if i == nil {
			continue
		}
		m := r.addMember(i)
		m.authorized, m.absent, m.marked = true, false, true
		m.mark, m.readAt = rel.Read, rel.ReadAt
		m.mark.Account = rel.Account
		m.unread, m.counted = rel.Unread, true
	}
}

// confFor is what an account is told of the room when it joins.
func (r *Room) confFor(id AccountID) *roomConf {
	if r.isContact() {
		return r.hub.contactConf(r.other(id))
	}
	conf := r.conf.Load()
	if m := r.members[id]; m != nil && r.isWork() {
		own := *conf
		own.workConf = r.work.place.conf(m.role)
		return &own
	}
	return conf
}

// contactConf is a contact room as told to the one whose contact it is with.
func (h *Hub) contactConf(contact AccountID) *roomConf {
	conf := &roomConf{ClientID: RoomID(contact), Persistent: true, IsPrivate: true}
	if i := h.dir.get(contact); i != nil {
		conf.Name = i.Name
	}
	return conf
}

// callOther has the other one join as well, if it is logged in: when the chat is
// opened and, because it may have logged in since, when something is written.
func (r *Room) callOther(from AccountID) {
	other := r.other(from)
	if m := r.members[other]; m == nil || m.attached || m.coming {
		return
	}
	if r.hub.isDisabled(other) {
		return
	}
	r.letIn(other, enteredEvent{room: r.id, contact: from, conf: r.confFor(other), relation: r.entryFor(other)})
}

// entryFor is the relation as the other one is told of it who did not know it: the
// chat is open.
func (r *Room) entryFor(id AccountID) *relationEntry {
	online := []AccountID{}
	for _, m := range r.members {
		if m.attached || m.coming {
			online = append(online, m.id)
		}
	}
	return &relationEntry{r.other(id), r.relationOf(r.members[id]), chatState{r.order, online, r.callPeers()}}
}

// open answers that the chat is open (docs/protocol.md 4.7).
func (r *Room) open(c call) {
	r.toOne(c.from.Account, "", "open", true)
	r.answer(c, "", true, "")
}

// contactState is the data of a contact room's initialize (docs/protocol.md 7.3).
type contactState struct {
	ID         AccountID    `json:"id"`
	Name       string       `json:"name"`
	OwnerID    AccountID    `json:"ownerId"`
	Persistent bool         `json:"persistent"`
	IsPrivate  bool         `json:"isPrivate"`
	Settings   struct{}     `json:"settings"`
	Users      []AccountID  `json:"users"`
	Online     []AccountID  `json:"online"`
	Recent     []AccountID  `json:"recent"`
	AtNames    []string     `json:"atNames"`
	Peers      []AccountID  `json:"peers"`
	Workgroups any          `json:"workgroups"`
	Relation   roomRelation `json:"relation"`
}

func (r *Room) contactState(m *member) contactState {
	conf := r.confFor(m.id)
	return contactState{
		ID: AccountID(conf.ClientID), Name: conf.Name, OwnerID: r.record.OwnerID, Persistent: true, IsPrivate: true,
		Users: r.present(), Online: r.online(), Recent: r.recently(), AtNames: r.names(), Peers: r.callPeers(),
		Relation: r.relationOf(m),
	}
}

// logRelations is the part of a log answer that only contact rooms have: how far
// each of the two has read (docs/protocol.md 8.2).
func (r *Room) logRelations() map[string]any {
	relations := map[string]any{"lastMsgId": nil, "lastMsgFrom": nil}
	if last := r.chat.last(); last != nil {
		relations["lastMsgId"], relations["lastMsgFrom"] = last.ID, nullable(last.From)
	}
	for _, id := range r.both() {
		m := r.members[id]
		if m == nil {
			m = &member{} // an account that does not exist any more
		}
		relations[string(id)] = struct {
			UserID       AccountID `json:"userId"`
			LastReadID   any       `json:"lastReadId"`
			LastReadTime any       `json:"lastReadTime"`
		}{id, nullable(m.mark.MsgID), zeroIsNull(m.readAt)}
	}
	return relations
}

func zeroIsNull(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// confirmContact moves the read mark to a message of the other one, and tells it
// (docs/protocol.md 8.4).
func (r *Room) confirmContact(m *member, msg Message) {
	if msg.From == m.id || msg.Time <= m.mark.Time {
		return
	}
	now := nowMillis()
	mark := ReadMark{m.id, msg.ID, msg.Time}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	if err := r.hub.store.SaveContactMark(ctx, m.id, r.other(m.id), mark, now); err != nil {
		r.log.Error("read mark not stored", "account", m.id, "err", err)
		return
	}
	m.mark, m.readAt, m.counted = mark, now, false
	r.recount(m)
	r.toOne(r.other(m.id), "chat", "confirm", event{"message", struct {
		UserID       AccountID `json:"userId"`
		FromID       AccountID `json:"fromId"`
		MsgID        string    `json:"msgId"`
		LastReadTime int64     `json:"lastReadTime"`
	}{m.id, r.other(m.id), msg.ID, now}})
}
