package rooms

import (
	"slices"
	"time"
)

// setWorkgroup assigns a workgroup to the room, or dismisses one (docs/protocol.md
// 10): all its members are members of the room as long as it is assigned.
func (r *Room) setWorkgroup(c call, v any) (any, string) {
	in, _ := v.(map[string]any)
	text, _ := in["clientId"].(string)
	on, isBool := in["value"].(bool)
	g, known := r.hub.groups.group(WorkgroupID(text))
	switch {
	case text == "" || !isBool:
		return nil, "ERR_NO_CLIENTID"
	case !r.persistent:
		return nil, "ERR_ROOM_NOT_PERSISTED"
	case !known:
		return nil, "ERR_NO_GROUP"
	}
	change := workgroupValue{WorkgroupID(text), on}
	if r.isAssigned(g.ID) == on {
		return change, ""
	}
	if !r.storeAssignment(g.ID, c.from.Account, on) {
		return nil, "ERR_DISMISS_FAILED"
	}
	r.toAll("workgroup", "assigned", r.assignments())
	if !on {
		r.letGo(change.ClientID, r.order)
	}
	return change, ""
}

// workgroupValue is the value of the setting workgroups.
type workgroupValue struct {
	ClientID WorkgroupID `json:"clientId"`
	Value    bool        `json:"value"`
}

func (r *Room) isAssigned(fID string) bool {
	return slices.ContainsFunc(r.assigned, func(a Assignment) bool { return a.FID == fID })
}

func (r *Room) storeAssignment(fID string, by AccountID, on bool) bool {
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	var err error
	if on {
		a := Assignment{FID: fID, SetByID: by, SetTime: time.Now()}
		if err = r.hub.store.Assign(ctx, r.id, a); err == nil {
			r.assigned = append(r.assigned, a)
		}
	} else if err = r.hub.store.Dismiss(ctx, r.id, fID); err == nil {
		r.assigned = slices.DeleteFunc(r.assigned, func(a Assignment) bool { return a.FID == fID })
	}
	if err != nil {
		r.log.Error("workgroup not assigned or dismissed", "workgroup", fID, "err", err)
	}
	return err == nil
}

// workgroupSet brings the members of an assigned workgroup in.
func (r *Room) workgroupSet(v any) {
	if change, _ := v.(workgroupValue); change.Value {
		r.takeIn(change.ClientID, r.hub.groups.membersOf(change.ClientID))
	}
}

// takeIn makes accounts members because of a workgroup. Who is logged in joins.
func (r *Room) takeIn(group WorkgroupID, ids []AccountID) {
	var fresh []*identity
	for _, i := range r.hub.dir.getAll(ids) {
		known := r.members[i.ID] != nil
		m := r.addMember(i)
		if !slices.Contains(m.groups, group) {
			m.groups = append(m.groups, group)
		}
		if !known && !m.absent {
			fresh = append(fresh, i)
		}
	}
	r.makeMarks()
	for _, i := range fresh {
		r.tellJoin(r.members[i.ID], i)
	}
	for _, i := range fresh {
		r.letIn(i.ID, enteredEvent{room: r.id, conf: r.conf.Load()})
	}
}

// letGo takes a reason to be in the room away; who has none left leaves.
func (r *Room) letGo(group WorkgroupID, ids []AccountID) {
	for _, id := range slices.Clone(ids) {
		m := r.members[id]
		if m == nil || !slices.Contains(m.groups, group) {
			continue
		}
		m.groups = remove(m.groups, group)
		if !m.authorized && len(m.groups) == 0 && !m.guest {
			r.drop(m)
		}
	}
}

// groupsEvent says that FriendCore's workgroups changed.
type groupsEvent struct {
	changes []groupChange
	added   []workgroupWire // new workgroups
	removed []WorkgroupID   // workgroups that are gone
	renamed bool            // at least one has another name or parent
}

func (e groupsEvent) apply(r *Room) {
	if r.isContact() {
		return
	}
	for _, g := range e.added {
		r.toAll("workgroup", "added", g)
		r.toViewers("workgroup", "added", g)
	}
	concerned := false
	for _, c := range e.changes {
		if r.assignedGroup(c.id) {
			r.takeIn(c.id, c.added)
			r.letGo(c.id, c.removed)
		}
	}
	for _, id := range e.removed {
		concerned = concerned || r.assignedGroup(id)
		r.toAll("workgroup", "removed", id)
		r.toViewers("workgroup", "removed", id)
	}
	for _, g := range e.added {
		concerned = concerned || r.assignedGroup(g.ClientID)
	}
	if concerned || e.renamed && len(r.assigned) > 0 {
		r.toAll("workgroup", "assigned", r.assignments())
	}
}

func (r *Room) assignedGroup(id WorkgroupID) bool {
	return slices.ContainsFunc(r.assigned, func(a Assignment) bool { return workgroupID(a.FID) == id })
}

// setAuthorized takes an account's authorization away (docs/protocol.md 10). The
// owner can be removed by himself or by an admin only.
func (r *Room) setAuthorized(c call, v any) (any, string) {
	in, _ := v.(map[string]any)
	text, _ := in["clientId"].(string)
	m := r.members[AccountID(text)]
	switch {
	case m == nil || !m.authorized && r.persistent || m.guest:
		return nil, "ERR_INVALID_ID"
	case m.id == r.record.OwnerID && c.from.Account != m.id && !r.isAdmin(c.from.Account):
		return nil, "ERR_NOT_ADMIN"
	}
	if err := r.unauthorize(m); err != nil {
		r.log.Error("member not removed", "account", m.id, "err", err)
		return nil, "ERR_NOT_STORED"
	}
	r.log.Info("member removed", "member", m.id, "account", c.from.Account)
	return authorizedValue{m.id}, ""
}

// authorizedValue is the value of the setting authorized.
type authorizedValue struct {
	ClientID AccountID `json:"clientId"`
}

// authorizedSet lets the account go whose authorization was taken away.
func (r *Room) authorizedSet(v any) {
	if gone, ok := v.(authorizedValue); ok && r.members[gone.ClientID] != nil {
		r.release(r.members[gone.ClientID])
	}
}
