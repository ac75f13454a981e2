package rooms

import "context"

// relationEntry is what an account is told of a relation (docs/protocol.md 4.7).
type relationEntry struct {
	ClientID AccountID `json:"clientId"`
	Relation any       `json:"relation"` // a roomRelation
	State    any       `json:"state"`    // null: the chat is not open
}

// chatState is who is in an open chat.
type chatState struct {
	Users  []AccountID `json:"users"`
	Online []AccountID `json:"online"`
	Peers  []AccountID `json:"peers"`
}

func (h *Hub) relationEntry(rel Relation) relationEntry {
	e := relationEntry{ClientID: rel.Contact, Relation: roomRelation{UnreadMessages: rel.Unread}}
	if last := rel.Last; last != nil {
		e.Relation = roomRelation{rel.Unread, last.blanked().event()}
	}
	if rel.Room != "" && h.isLoaded(rel.Room) {
		there := h.onlineOf([]AccountID{rel.Contact})
		if a := h.account(rel.Account); a != nil {
			if _, open := a.chat(rel.Contact); open {
				there = append(there, rel.Account)
			}
		}
		e.State = chatState{[]AccountID{rel.Account, rel.Contact}, there, h.peersOf(rel.Room)}
	}
	return e
}

// loadRelations reads the account's relations; what was known stays if the database
// does not answer.
func (a *Account) loadRelations() map[AccountID]relationEntry {
	entries := map[AccountID]relationEntry{}
	relations, err := a.readRelations()
	if err != nil {
		for _, i := range a.hub.dir.getAll(a.contactIDs()) {
			if !i.Disabled {
				entries[i.ID] = relationEntry{ClientID: i.ID, Relation: roomRelation{}}
			}
		}
		return entries
	}
	for _, rel := range relations {
		if !rel.ContactDisabled {
			entries[rel.Contact] = a.hub.relationEntry(rel)
		}
	}
	return entries
}

// readRelations reads the account's relations and notes with whom they are.
func (a *Account) readRelations() ([]Relation, error) {
	ctx, cancel := a.hub.storeContext()
	defer cancel()
	relations, err := a.hub.store.Relations(ctx, a.id)
	if err != nil {
		a.hub.log.Error("relations not read", "account", a.id, "err", err)
		return nil, err
	}
	a.related = true
	for _, rel := range relations {
		if a.contacts[rel.Contact] == nil {
			a.contacts[rel.Contact] = &contact{}
		}
	}
	return relations, nil
}

// tellRelation tells the account's client of a relation that it does not know.
func (a *Account) tellRelation(contact AccountID) {
	if !a.initialized.Load() {
		return // it is in what the client asks for first
	}
	a.hub.background(func(ctx context.Context) {
		both, err := a.hub.store.Relation(ctx, a.id, contact)
		if err != nil || len(both) == 0 {
			a.hub.log.Error("relation not read", "account", a.id, "contact", contact, "err", err)
			return
		}
		a.send("relation-add", a.hub.relationEntry(both[0]))
	})
}

// relatedEvent says that there is a relation with somebody now.
type relatedEvent struct {
	entry relationEntry
	call  call // the request for it, or none
}

func (e relatedEvent) apply(a *Account) {
	id := e.entry.ClientID
	a.answer(e.call, id, "")
	c := a.contacts[id]
	if c == nil {
		c = &contact{}
		a.contacts[id] = c
	}
	told := c.told
	c.relating, c.told = false, false
	if i := a.hub.dir.get(id); a.initialized.Load() && !told && i != nil && !i.Disabled {
		a.send("relation-add", e.entry)
	}
	if len(c.asked)+len(c.waiting) > 0 {
		a.openChat(id, c, false)
	}
}

// notRelated says that a relation could not be made.
type notRelated struct {
	contact AccountID
	call    call // the request for it, or none
}

func (e notRelated) apply(a *Account) {
	a.answer(e.call, nil, "ERR_COULD_NOT_RELATE")
	if c := a.contacts[e.contact]; c != nil && c.relating {
		a.chatFailed(e.contact, "ERR_COULD_NOT_RELATE")
		delete(a.contacts, e.contact)
	}
}

// contactDisabled says that somebody was disabled or enabled (docs/protocol.md 4.7).
type contactDisabled struct {
	id AccountID
	on bool
}

func (e contactDisabled) apply(a *Account) {
	switch {
	case a.contacts[e.id] == nil || !a.initialized.Load():
	case e.on:
		if room, open := a.chat(e.id); open {
			a.leaveChat(room)
			a.hub.toRoomIfThere(room, detachEvent{a.id})
		}
		a.send("relation-remove", e.id)
	default:
		a.tellRelation(e.id)
	}
}

// relationAdd makes a relation (docs/protocol.md 4.5).
func (a *Account) relationAdd(c call) {
	var in struct {
		ClientID AccountID `json:"clientId"`
	}
	if !c.into(&in) || in.ClientID == "" {
		a.answer(c, nil, "ERR_INVALID_ID")
		return
	}
	if !a.mayRelate(in.ClientID) {
		a.answer(c, nil, "ERR_NOT_A_USER")
		return
	}
	if a.contacts[in.ClientID] == nil {
		a.contacts[in.ClientID] = &contact{relating: true}
	}
	a.relate(in.ClientID, c, true)
}

func (a *Account) mayRelate(id AccountID) bool {
	i := a.hub.dir.get(id)
	return i != nil && id != a.id && !i.guest && !i.Disabled
}

// relate makes a relation and answers c. If it is new and tellBoth is set, the other
// one is told as well.
func (a *Account) relate(contact AccountID, c call, tellBoth bool) {
	h := a.hub
	started := h.background(func(ctx context.Context) {
		made, err := h.store.Relate(ctx, a.id, []AccountID{contact})
		if err == nil {
			err = h.tellRelated(ctx, a.id, contact, c, tellBoth && len(made) > 0)
		}
		if err != nil {
			h.log.Error("relation not made", "account", a.id, "contact", contact, "err", err)
			a.box.force(notRelated{contact, c})
		}
	})
	if !started {
		notRelated{contact, c}.apply(a)
	}
}

// tellRelated tells a, which answers c first, of its relation with b, or both of them,
// before anything else comes of it.
func (h *Hub) tellRelated(ctx context.Context, a, b AccountID, c call, both bool) error {
	sides, err := h.store.Relation(ctx, a, b)
	if err != nil {
		return err
	}
	for _, rel := range sides {
		switch {
		case rel.Account == a:
			h.toAccount(a, relatedEvent{h.relationEntry(rel), c})
		case both:
			h.toAccount(rel.Account, relatedEvent{entry: h.relationEntry(rel)})
		}
	}
	return nil
}

// AddRelations makes relations that somebody made in FriendCore (12.4). Users are
// named by FriendCore's ids; those who are not known here are left out.
func (h *Hub) AddRelations(ctx context.Context, source string, contacts []string) error {
	from := h.dir.byFriendID(source)
	if from == nil || from.guest {
		return nil
	}
	var ids []AccountID
	for _, user := range contacts {
		if i := h.dir.byFriendID(user); i != nil && i.ID != from.ID {
			ids = append(ids, i.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	made, err := h.store.Relate(ctx, from.ID, ids)
	if err != nil {
		return err
	}
	for _, id := range made {
		if err := h.tellRelated(ctx, from.ID, id, call{}, true); err != nil {
			return err
		}
	}
	return nil
}

// contactEvent is the account event contact, of which open-chat is the only kind
// (docs/protocol.md 4.4).
func (a *Account) contactEvent(outer call) {
	c, ok := decodeCall(outer.from, outer.Data)
	var id AccountID
	switch {
	case !ok || c.Type != "open-chat":
		a.answer(outer, nil, "ERR_NO_LISTENER")
		return
	case !c.into(&id) || !a.mayRelate(id):
		a.answer(outer, nil, "ERR_NOT_A_USER")
		return
	}
	if _, open := a.chat(id); open {
		conf := a.hub.contactConf(id)
		a.hub.post.Reply(outer.from, encode(event{"join", joinData{conf, nil}}))
		a.answer(outer, conf, "")
		return
	}
	if known := a.contacts[id]; known != nil {
		a.openFor(id, known, opener{call: outer})
		return
	}
	// The other one hears of the relation as the chat opens.
	a.contacts[id] = &contact{relating: true, asked: []opener{{call: outer}}}
	a.relate(id, call{}, false)
}

// hiddenContact is a contact whose account is disabled (docs/protocol.md 4.5).
type hiddenContact struct {
	ClientID   AccountID `json:"clientId"`
	Name       string    `json:"name"`
	IsDisabled bool      `json:"fIsDisabled"`
}

// hiddenList answers with the contacts whose accounts are disabled.
func (a *Account) hiddenList(c call) {
	hidden := []hiddenContact{}
	for _, i := range a.hub.dir.getAll(a.contactIDs()) {
		if i.Disabled {
			hidden = append(hidden, hiddenContact{i.ID, i.Name, true})
		}
	}
	a.answer(c, hidden, "")
}

func (a *Account) contactIDs() []AccountID {
	ids := make([]AccountID, 0, len(a.contacts))
	for id := range a.contacts {
		ids = append(ids, id)
	}
	return ids
}

// hiddenOpen opens the log of a disabled contact, for who asked only.
func (a *Account) hiddenOpen(c call) {
	var id AccountID
	c.into(&id)
	i, known := a.hub.dir.get(id), a.contacts[id]
	if i == nil || known == nil || !i.Disabled {
		a.answer(c, nil, "")
		return
	}
	a.openFor(id, known, opener{c, true})
}

// hiddenConf answers hidden-open.
type hiddenConf struct {
	*roomConf
	Identity any `json:"identity"`
}

// hiddenClose closes what hidden-open opened.
func (a *Account) hiddenClose(c call) {
	var id AccountID
	c.into(&id)
	i := a.hub.dir.get(id)
	room, open := a.chat(id)
	if open && i != nil && i.Disabled {
		a.leaveChat(room)
		a.hub.toRoomIfThere(room, detachEvent{a.id})
		a.send("close", id)
	}
	a.answer(c, nil, "")
}
