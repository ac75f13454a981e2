package rooms

import (
	"sort"
	"strings"
	"sync"
)

// directory is the table of all identities, and of who wants to hear of whose
// changes. It is a mutex and maps: nothing is called while the lock is held.
type directory struct {
	mu       sync.RWMutex // guards the fields below
	byID     map[AccountID]*identity
	byUser   map[string]AccountID                 // FriendCore user id
	byLogin  map[string]AccountID                 // FriendCore login name
	watchers map[AccountID]map[AccountID]struct{} // subject → accounts that asked for it
	watched  map[AccountID]map[AccountID]struct{} // the same, turned around
}

func newDirectory() *directory {
	return &directory{
		byID:     map[AccountID]*identity{},
		byUser:   map[string]AccountID{},
		byLogin:  map[string]AccountID{},
		watchers: map[AccountID]map[AccountID]struct{}{},
		watched:  map[AccountID]map[AccountID]struct{}{},
	}
}

// get returns an identity, or nil.
func (d *directory) get(id AccountID) *identity {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.byID[id]
}

// getAll returns the identities that exist, in the order of ids.
func (d *directory) getAll(ids []AccountID) []*identity {
	d.mu.RLock()
	defer d.mu.RUnlock()
	found := make([]*identity, 0, len(ids))
	for _, id := range ids {
		if i := d.byID[id]; i != nil {
			found = append(found, i)
		}
	}
	return found
}

// byFriendID finds the identity of a FriendCore user id, or nil.
func (d *directory) byFriendID(userID string) *identity {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.byID[d.byUser[userID]]
}

// find looks a Friend user up: by FriendCore's user id, else by login name among
// the accounts that have no user id yet (docs/protocol.md 2.4). A user who took
// over somebody's login name does not take over the account.
func (d *directory) find(u User) *identity {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if u.ID != "" {
		if i := d.byID[d.byUser[u.ID]]; i != nil {
			return i
		}
	}
	if i := d.byID[d.byLogin[u.Login]]; i != nil && (u.ID == "" || i.FUserID == "") {
		return i
	}
	return nil
}

// put enters new accounts.
func (d *directory) put(records []AccountRecord) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := nowMillis()
	for _, r := range records {
		d.set(&identity{AccountRecord: r, lastUpdate: now})
	}
}

// putGuest enters a guest.
func (d *directory) putGuest(id AccountID, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byID[id] = &identity{AccountRecord: AccountRecord{ID: id, Name: name}, guest: true, lastUpdate: nowMillis()}
}

// drop forgets a guest, and who wanted to hear of it.
func (d *directory) drop(id AccountID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := d.byID[id]; i == nil || !i.guest {
		return
	}
	delete(d.byID, id)
	for watcher := range d.watchers[id] {
		delete(d.watched[watcher], id)
	}
	delete(d.watchers, id)
}

// set enters or replaces an identity; mu is held.
func (d *directory) set(i *identity) {
	if old := d.byID[i.ID]; old != nil && old.FUsername != i.FUsername && d.byLogin[old.FUsername] == i.ID {
		delete(d.byLogin, old.FUsername)
	}
	d.byID[i.ID] = i
	if i.FUserID != "" {
		d.byUser[i.FUserID] = i.ID
	}
	if i.FUsername != "" {
		d.byLogin[i.FUsername] = i.ID
	}
}

// change replaces an identity by what edit makes of a copy. It returns the former
// and the new value, nil and nil if the account is unknown. edit returns false to
// leave it as it is.
func (d *directory) change(id AccountID, edit func(*identity) bool) (old, now *identity) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old = d.byID[id]
	if old == nil {
		return nil, nil
	}
	next := *old
	if !edit(&next) {
		return old, old
	}
	next.lastUpdate = max(nowMillis(), old.lastUpdate+1)
	d.set(&next)
	return old, &next
}

// knownUsers maps FriendCore's user ids to the last change that is stored.
func (d *directory) knownUsers() map[string]int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	known := make(map[string]int64, len(d.byUser))
	for user, id := range d.byUser {
		known[user] = d.byID[id].LastUpdate
	}
	return known
}

// watch notes that an account wants to hear of changes of the subjects.
func (d *directory) watch(watcher AccountID, subjects []*identity) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range subjects {
		join(d.watchers, s.ID, watcher)
		join(d.watched, watcher, s.ID)
	}
}

// unwatch forgets all interests of an account that went away.
func (d *directory) unwatch(watcher AccountID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for subject := range d.watched[watcher] {
		delete(d.watchers[subject], watcher)
		if len(d.watchers[subject]) == 0 {
			delete(d.watchers, subject)
		}
	}
	delete(d.watched, watcher)
}

// join adds a member to a set in a map of sets.
func join(sets map[AccountID]map[AccountID]struct{}, key, member AccountID) {
	if sets[key] == nil {
		sets[key] = map[AccountID]struct{}{}
	}
	sets[key][member] = struct{}{}
}

// watchersOf lists who wants to hear of changes of the subject.
func (d *directory) watchersOf(subject AccountID) []AccountID {
	d.mu.RLock()
	defer d.mu.RUnlock()
	ids := make([]AccountID, 0, len(d.watchers[subject]))
	for id := range d.watchers[subject] {
		ids = append(ids, id)
	}
	return ids
}

// search lists enabled accounts whose name contains the needle, whatever the
// case, by name.
func (d *directory) search(needle string) []*identity {
	needle = strings.ToLower(needle)
	d.mu.RLock()
	var found []*identity
	for _, i := range d.byID {
		if !i.Disabled && !i.guest && strings.Contains(strings.ToLower(i.Name), needle) {
			found = append(found, i)
		}
	}
	d.mu.RUnlock()
	sortByName(found)
	return found
}

// sortByName orders identities by name, whatever the case, then by id.
func sortByName(ids []*identity) {
	sort.Slice(ids, func(a, b int) bool {
		na, nb := strings.ToLower(ids[a].Name), strings.ToLower(ids[b].Name)
		if na != nb {
			return na < nb
		}
		return ids[a].ID < ids[b].ID
	})
}
