package rooms

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// workgroupWire is a workgroup as clients see it (docs/protocol.md 6).
type workgroupWire struct {
	FID       string      `json:"fId"`
	FUID      string      `json:"fUId"`
	FParentID any         `json:"fParentId"`
	Name      string      `json:"name"`
	ClientID  WorkgroupID `json:"clientId"`
	ParentID  any         `json:"parentId"`
}

// workgroupID is the protocol's name of FriendCore's group.
func workgroupID(fID string) WorkgroupID { return WorkgroupID("friend_wg_" + fID) }

func (g Group) wire() workgroupWire {
	w := workgroupWire{FID: g.ID, FUID: g.UID, Name: g.Name, ClientID: workgroupID(g.ID)}
	if g.ParentID != "" {
		w.FParentID, w.ParentID = g.ParentID, workgroupID(g.ParentID)
	}
	return w
}

// workgroup is a group with its members as accounts.
type workgroup struct {
	Group
	members []AccountID
}

// workgroups is the table of workgroups, as FriendCore last told it.
type workgroups struct {
	mu        sync.RWMutex // guards the fields below
	byID      map[WorkgroupID]*workgroup
	of        map[AccountID][]WorkgroupID // direct memberships, in the order of the groups
	available json.RawMessage             // all of them, keyed by id, as the room state has it
	settings  GroupSettings
}

func newWorkgroups() *workgroups {
	return &workgroups{
		byID:      map[WorkgroupID]*workgroup{},
		of:        map[AccountID][]WorkgroupID{},
		available: json.RawMessage("{}"),
	}
}

// groupChange is what one replacement of the table changed in one group.
type groupChange struct {
	id             WorkgroupID
	added, removed []AccountID
	members        []AccountID // after the change
}

// replace puts a new list of groups in the place of the old one and returns the
// changes of membership, and who is in other groups than before.
func (w *workgroups) replace(groups []*workgroup) (e groupsEvent, affected []AccountID) {
	byID := make(map[WorkgroupID]*workgroup, len(groups))
	of := map[AccountID][]WorkgroupID{}
	all := make(map[WorkgroupID]workgroupWire, len(groups))
	for _, g := range groups {
		id := workgroupID(g.ID)
		byID[id] = g
		all[id] = g.wire()
		for _, m := range g.members {
			of[m] = append(of[m], id)
		}
	}
	available := encode(all)

	w.mu.Lock()
	old, oldOf := w.byID, w.of
	w.byID, w.of, w.available = byID, of, available
	w.mu.Unlock()

	touched := map[AccountID]bool{}
	for id := range mergeKeys(old, byID) {
		c := groupChange{id: id}
		var before []AccountID
		was, is := old[id], byID[id]
		if was != nil {
			before = was.members
		}
		if is != nil {
			c.members = is.members
		}
		switch {
		case was == nil:
			e.added = append(e.added, is.wire())
		case is == nil:
			e.removed = append(e.removed, id)
		case was.Name != is.Name || was.ParentID != is.ParentID:
			e.renamed = true
		}
		c.added, c.removed = without(c.members, before), without(before, c.members)
		if len(c.added)+len(c.removed) > 0 {
			e.changes = append(e.changes, c)
		}
		for _, m := range append(c.added, c.removed...) {
			touched[m] = true
		}
	}
	for id := range touched {
		if !slices.Equal(oldOf[id], of[id]) {
			affected = append(affected, id)
		}
	}
	return e, affected
}

// byUID finds workgroups by FriendCore's unique ids, each once; others are left out.
func (w *workgroups) byUID(uids []any) []Group {
	w.mu.RLock()
	defer w.mu.RUnlock()
	var found []Group
	for _, g := range w.byID {
		if slices.Contains(uids, any(g.UID)) {
			found = append(found, g.Group)
		}
	}
	slices.SortFunc(found, func(a, b Group) int { return strings.Compare(a.ID, b.ID) })
	return found
}

func mergeKeys(a, b map[WorkgroupID]*workgroup) map[WorkgroupID]struct{} {
	keys := make(map[WorkgroupID]struct{}, len(b))
	for k := range a {
		keys[k] = struct{}{}
	}
	for k := range b {
		keys[k] = struct{}{}
	}
	return keys
}

// without returns the elements of a that are not in b.
func without(a, b []AccountID) []AccountID {
	in := make(map[AccountID]bool, len(b))
	for _, id := range b {
		in[id] = true
	}
	var rest []AccountID
	for _, id := range a {
		if !in[id] {
			rest = append(rest, id)
		}
	}
	return rest
}

// ofAccount lists the workgroups that the account is a direct member of.
func (w *workgroups) ofAccount(id AccountID) []WorkgroupID {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.of[id]
}

// members lists the members of a workgroup; nil if it is unknown.
func (w *workgroups) membersOf(id WorkgroupID) []AccountID {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if g := w.byID[id]; g != nil {
		return g.members
	}
	return nil
}

// group returns the group itself; false if it is unknown.
func (w *workgroups) group(id WorkgroupID) (Group, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if g := w.byID[id]; g != nil {
		return g.Group, true
	}
	return Group{}, false
}

// friendIDs lists FriendCore's numeric ids of the account's workgroups.
func (w *workgroups) friendIDs(id AccountID) []string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	var ids []string
	for _, g := range w.of[id] {
		ids = append(ids, w.byID[g].ID)
	}
	return ids
}

// contacts lists everybody who shares a direct workgroup with the account
// (docs/protocol.md 6), without itself.
func (w *workgroups) contacts(id AccountID) []AccountID {
	w.mu.RLock()
	defer w.mu.RUnlock()
	seen := map[AccountID]bool{id: true}
	var found []AccountID
	for _, g := range w.of[id] {
		for _, m := range w.byID[g].members {
			if !seen[m] {
				seen[m] = true
				found = append(found, m)
			}
		}
	}
	return found
}

// all returns every workgroup, encoded, keyed by id.
func (w *workgroups) all() json.RawMessage {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.available
}
