package rooms

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// identityWire renders an identity with its avatar and workgroups: an identityWire
// or, for guests, a guestWire.
func (h *Hub) identityWire(i *identity) any {
	return h.identityWires([]*identity{i})[0]
}

// identityWires renders identities. Whoever has no own picture is shown with the
// one made from the name.
func (h *Hub) identityWires(found []*identity) []any {
	own := h.ownAvatars(found)
	wires := make([]any, len(found))
	for n, i := range found {
		if i.guest {
			wires[n] = i.guestWire()
			continue
		}
		avatar := own[i.ID]
		if avatar == "" {
			avatar = h.pics.ofPerson(i.Name)
		}
		wires[n] = i.wire(avatar, h.groups.ofAccount(i.ID))
	}
	return wires
}

// ownAvatars reads the own pictures of those who have one, all at once.
func (h *Hub) ownAvatars(found []*identity) map[AccountID]string {
	var ids []AccountID
	for _, i := range found {
		if i.HasAvatar {
			ids = append(ids, i.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := h.storeContext()
	defer cancel()
	own, err := h.store.Avatars(ctx, ids)
	if err != nil {
		h.log.Warn("avatars not read, generated ones are shown", "count", len(ids), "err", err)
		return nil
	}
	return own
}

// searchable leaves out those who hide in searches, unless the asker shares a
// workgroup with them (docs/protocol.md 4.5).
func (h *Hub) searchable(asker AccountID, found []*identity) []*identity {
	var contacts map[AccountID]bool
	kept := found[:0]
	for _, i := range found {
		if hidesInSearch(i) {
			if contacts == nil {
				contacts = map[AccountID]bool{asker: true}
				for _, id := range h.groups.contacts(asker) {
					contacts[id] = true
				}
			}
			if !contacts[i.ID] {
				continue
			}
		}
		kept = append(kept, i)
	}
	return kept
}

func hidesInSearch(i *identity) bool {
	var s struct {
		HideInSearch any `json:"hideInSearch"`
	}
	return json.Unmarshal(i.Settings, &s) == nil && s.HideInSearch == true
}

// isDisabled says whether an account is disabled or does not exist.
func (h *Hub) isDisabled(id AccountID) bool {
	i := h.dir.get(id)
	return i == nil || i.Disabled
}

// onlineOf keeps those who are online.
func (h *Hub) onlineOf(ids []AccountID) []AccountID {
	online := []AccountID{}
	for _, i := range h.dir.getAll(ids) {
		if i.online {
			online = append(online, i.ID)
		}
	}
	return online
}

// loggedIn lists the accounts that are open.
func (h *Hub) loggedIn() []AccountID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.accounts))
}

// listening keeps those whose client has asked for its state: contact events
// before that would be about a list the client does not have yet.
func (h *Hub) listening(ids []AccountID) []AccountID {
	h.mu.Lock()
	defer h.mu.Unlock()
	var kept []AccountID
	for _, id := range ids {
		if a := h.accounts[id]; a != nil && a.initialized.Load() {
			kept = append(kept, id)
		}
	}
	return kept
}

// tellContacts tells others that the account came or went (docs/protocol.md 4.6).
func (h *Hub) tellContacts(id AccountID, contacts []AccountID, on bool) {
	to := h.listening(contacts)
	if len(to) == 0 {
		return
	}
	if on {
		h.post.Deliver(to, "", encode(event{"contact-add", map[string]AccountID{"clientId": id}}))
		return
	}
	h.post.Deliver(to, "", encode(event{"contact-remove", id}))
}

// tellChange tells everybody who asked for the identity that a field changed.
func (h *Hub) tellChange(now *identity, key string, value any) {
	if now == nil {
		return
	}
	if to := h.dir.watchersOf(now.ID); len(to) > 0 {
		h.post.Deliver(to, "", encode(event{"identity-update", identityUpdate{key, value, now.ID, now.lastUpdate}}))
	}
}

// setAdmin takes over the admin flag where the source knows it (5.3).
func (h *Hub) setAdmin(id AccountID, admin *bool) {
	if admin == nil {
		return
	}
	old, _ := h.dir.change(id, func(i *identity) bool {
		if i.admin != nil && *i.admin == *admin {
			return false
		}
		value := *admin
		i.admin = &value
		return true
	})
	if old != nil && old.isAdmin() != *admin {
		h.eachRoom(memberEvent{id})
	}
}

// applyRecord takes over a record that was written, and announces what is new.
func (h *Hub) applyRecord(r AccountRecord) {
	old, now := h.dir.change(r.ID, func(i *identity) bool { i.AccountRecord = r; return true })
	if old == nil {
		return
	}
	if old.Name != now.Name {
		h.tellChange(now, "name", now.Name)
		if !now.HasAvatar {
			h.tellChange(now, "avatar", h.pics.ofPerson(now.Name))
		}
	}
	if old.Name != now.Name || old.FUsername != now.FUsername || old.Disabled != now.Disabled {
		h.eachRoom(memberEvent{now.ID})
	}
	if now.Disabled != old.Disabled {
		h.eachAccount(contactDisabled{now.ID, now.Disabled})
	}
	if now.Disabled && !old.Disabled {
		h.post.Dismiss(now.ID)
	}
}

// eachAccount posts an event to everybody who is logged in.
func (h *Hub) eachAccount(e accountEvent) {
	h.mu.Lock()
	all := make([]*Account, 0, len(h.accounts))
	for _, a := range h.accounts {
		all = append(all, a)
	}
	h.mu.Unlock()
	for _, a := range all {
		a.box.force(e)
	}
}

// eachRoom posts an event to every room in memory.
func (h *Hub) eachRoom(e roomEvent) {
	for _, r := range h.loadedRooms() {
		r.box.force(e)
	}
}

func (h *Hub) loadedRooms() []*Room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.rooms))
}

// later runs post after a time, unless the hub stops before. post must not block.
func (h *Hub) later(after time.Duration, post func()) *time.Timer {
	return time.AfterFunc(after, func() {
		if !h.stopped.Load() {
			post()
		}
	})
}
