package rooms

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// KnownUsers maps FriendCore's user ids to the time of the last change that is
// known here, so that only newer users need to be asked for.
func (h *Hub) KnownUsers() map[string]int64 { return h.dir.knownUsers() }

// SyncUsers takes over users as FriendCore lists them: changed are the records of
// new and changed ones, present the ids of all. Accounts are created and updated
// in one transaction each; changes are announced. Who is missing from two lists in a
// row was deleted and is logged out (docs/protocol.md 12.3).
func (h *Hub) SyncUsers(ctx context.Context, changed []User, present map[string]bool) error {
	done, err := h.lockRecords(ctx)
	if err != nil {
		return err
	}
	defer done()
	var created, edited []AccountRecord
	for _, u := range h.listed(changed) {
		if i := h.dir.find(u); i == nil {
			created = append(created, newRecord(u))
		} else if next, differs := updated(i.AccountRecord, u); differs {
			edited = append(edited, next)
		}
	}
	if len(created) > 0 {
		if err := h.store.CreateAccounts(ctx, created); err != nil {
			return fmt.Errorf("create %d accounts: %w", len(created), err)
		}
		h.dir.put(created)
	}
	if len(edited) > 0 {
		if err := h.store.UpdateAccounts(ctx, edited); err != nil {
			return fmt.Errorf("update %d accounts: %w", len(edited), err)
		}
		for _, r := range edited {
			h.applyRecord(r)
		}
	}
	h.dismissMissing(present)
	if len(created)+len(edited) > 0 {
		h.log.Info("users read from FriendCore", "listed", len(present), "new", len(created), "changed", len(edited))
	}
	return nil
}

// dismissMissing logs out who is missing from this list and was from the one before:
// somebody new may log in while a list is on its way. An empty list is no list.
func (h *Hub) dismissMissing(present map[string]bool) {
	if len(present) == 0 {
		return
	}
	missing := map[AccountID]bool{}
	for _, i := range h.dir.getAll(h.loggedIn()) {
		if i.guest || i.FUserID == "" || strings.HasPrefix(i.FUserID, LocalPrefix) || present[i.FUserID] {
			continue
		}
		if missing[i.ID] = true; h.missing[i.ID] {
			h.log.Info("logged out: FriendCore does not list the user any more", "account", i.ID, "login", i.FUsername)
			h.post.Dismiss(i.ID)
		}
	}
	h.missing = missing
}

// listed leaves out users that no account can be kept for; of several records of
// one user the last counts.
func (h *Hub) listed(users []User) []User {
	kept := make([]User, 0, len(users))
	at := make(map[string]int, len(users))
	for _, u := range users {
		n, again := at[u.ID]
		switch {
		case u.ID == "" || !usable(u):
			h.log.Warn("a user of FriendCore is left out: no usable id or login name", "user", clip(u.ID, maxName))
		case again:
			kept[n] = u
		default:
			at[u.ID] = len(kept)
			kept = append(kept, u)
		}
	}
	return kept
}

// SyncGroups puts FriendCore's list of workgroups in the place of the former one
// and announces the differences (docs/protocol.md 6).
func (h *Hub) SyncGroups(_ context.Context, groups []Group) error {
	next := make([]*workgroup, 0, len(groups))
	seen := make(map[string]bool, len(groups))
	for _, g := range groups {
		if !seen[g.ID] {
			seen[g.ID] = true
			next = append(next, &workgroup{g, h.membersOf(g)})
		}
	}
	before := h.contactsOfOnline()
	e, affected := h.groups.replace(next)
	concerned := h.loadedRooms() // later ones know the new list
	for _, c := range e.changes {
		h.tellGroup(append(slices.Clone(c.members), c.removed...), c.id, "remove", c.removed)
	}
	h.tellContactsGained(before)
	for _, c := range e.changes {
		h.tellGroup(c.members, c.id, "add", c.added)
	}
	h.tellContactsLost(before)
	for _, id := range affected {
		_, now := h.dir.change(id, func(*identity) bool { return true })
		h.tellChange(now, "workgroups", list(h.groups.ofAccount(id)))
	}
	if len(e.changes)+len(e.added)+len(e.removed) > 0 || e.renamed {
		for _, r := range concerned {
			r.box.force(e)
		}
	}
	for _, id := range affected {
		h.toAccount(id, moreRoomsEvent{})
	}
	h.work.box.force(workChanged{})
	return nil
}

// membersOf lists the enabled accounts of the group's members, each once.
func (h *Hub) membersOf(g Group) []AccountID {
	var ids []AccountID
	seen := make(map[AccountID]bool, len(g.Members))
	for _, user := range g.Members {
		if i := h.dir.byFriendID(user); i != nil && !i.Disabled && !seen[i.ID] {
			seen[i.ID] = true
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// ApplySettings takes over what FriendCore's system setting says of stream and
// super groups, as a whole: a list that is not there is empty (docs/protocol.md 12.6).
func (h *Hub) ApplySettings(s GroupSettings) {
	h.groups.mu.Lock()
	changed := !slices.Equal(h.groups.settings.Super, s.Super)
	h.groups.settings = s
	h.groups.mu.Unlock()
	if changed {
		h.work.box.force(workChanged{})
	}
}

// tellGroup tells who came to a workgroup or left it.
func (h *Hub) tellGroup(to []AccountID, group WorkgroupID, what string, who []AccountID) {
	if len(who) == 0 {
		return
	}
	if to = h.listening(to); len(to) > 0 {
		h.post.Deliver(to, "", encode(event{"workgroup-update", map[string]any{"id": group, what: who}}))
	}
}

// contactsOfOnline lists, for everybody who is logged in, the contacts he has now.
func (h *Hub) contactsOfOnline() map[AccountID][]AccountID {
	ids := h.listening(h.loggedIn())
	contacts := make(map[AccountID][]AccountID, len(ids))
	for _, id := range ids {
		contacts[id] = h.groups.contacts(id)
	}
	return contacts
}

// tellContactsGained tells everybody who is logged in which contacts came.
func (h *Hub) tellContactsGained(before map[AccountID][]AccountID) {
	for id, old := range before {
		for _, c := range h.onlineOf(without(h.groups.contacts(id), old)) {
			h.post.Deliver([]AccountID{id}, "", encode(event{"contact-add", map[string]AccountID{"clientId": c}}))
		}
	}
}

// tellContactsLost tells everybody who is logged in which contacts went.
func (h *Hub) tellContactsLost(before map[AccountID][]AccountID) {
	for id, old := range before {
		for _, c := range h.onlineOf(without(old, h.groups.contacts(id))) {
			h.post.Deliver([]AccountID{id}, "", encode(event{"contact-remove", c}))
		}
	}
}
