package rooms

import "slices"

// workRoom is what a room knows that is the work room of a workgroup (docs/protocol.md
// 15). It belongs to the room's mailbox.
type workRoom struct {
	place   *workPlace             // nil until the keeper has told it
	above   []WorkgroupID          // of the place; made once, it is asked for each member
	viewers []AccountID            // those of them who get the room's events
	marks   map[AccountID]ReadMark // of everybody who ever was there
}

// isWork says whether the room is the work room of a workgroup.
func (r *Room) isWork() bool { return r.work != nil }

// isPlaced says whether a work room is loaded and knows where it stands. What other
// rooms told it before that is in the log that it was loaded with.
func (r *Room) isPlaced() bool { return r.ready && r.isWork() && r.work.place != nil }

// workLoadEvent takes over what was read of several work rooms at once.
type workLoadEvent struct{ loading *workLoading }

func (e workLoadEvent) apply(r *Room) {
	r.work = &workRoom{marks: map[AccountID]ReadMark{}}
	select {
	case <-e.loading.done:
	case <-r.hub.done:
	}
	var data *RoomData
	select {
	case <-e.loading.done:
		data = e.loading.loaded[r.id]
	default: // the hub stops
	}
	if data == nil {
		r.end()
		return
	}
	for _, mark := range data.Marks {
		r.work.marks[mark.Account] = mark
	}
	r.take(data)
}

// closeWorkEvent ends the room of a workgroup that has none any more. Its log stays.
type closeWorkEvent struct{}

func (closeWorkEvent) apply(r *Room) {
	r.saveMarks()
	r.log.Info("work room closed", "workgroup", string(r.record.WorkgroupID))
	r.end()
}

// placeEvent tells a work room where it stands, and who belongs to it: everything that
// changed at once (docs/protocol.md 15.3).
type placeEvent struct{ place *workPlace }

func (e placeEvent) apply(r *Room) {
	if !r.ready {
		return
	}
	before := r.work.place
	r.work.place, r.work.above = e.place, e.place.above()
	seats := e.place.seats(r.hub.opt.Work)
	r.unseat(seats)
	fresh := r.seat(seats)
	r.makeMarks()
	r.takeName()
	if before != nil {
		r.tellLinks(before, e.place)
	} else {
		r.loadRecent()
	}
	for _, m := range fresh {
		r.letIn(m.id, enteredEvent{room: r.id, conf: r.confFor(m.id)})
	}
	r.refresh()
}

// unseat takes those out who have no role any more, or another one.
func (r *Room) unseat(seats []workSeat) {
	roles := make(map[AccountID]workRole, len(seats))
	for _, s := range seats {
		roles[s.account] = s.role
	}
	var gone []*member
	for id, m := range r.members {
		if role, in := roles[id]; !in || role != m.role {
			gone = append(gone, m)
		}
	}
	if len(gone) == 0 {
		return
	}
	r.saveMarks()
	slices.SortFunc(gone, func(a, b *member) int { return slices.Index(r.order, a.id) - slices.Index(r.order, b.id) })
	for _, m := range gone {
		if m.marked {
			r.work.marks[m.id] = m.mark
		}
		r.drop(m)
	}
}

// seat gives those a role who have none, and returns those of them who may enter.
func (r *Room) seat(seats []workSeat) (fresh []*member) {
	for _, s := range seats {
		i := r.hub.dir.get(s.account)
		if i == nil || r.members[s.account] != nil {
			continue
		}
		m := r.addSeat(i, s.role)
		if m.mark, m.marked = r.work.marks[m.id]; !m.marked {
			m.mark.Account = m.id
		}
		if m.role == workMember && r.work.place != nil && !m.absent {
			r.tellJoin(m, i)
		}
		if !m.absent {
			fresh = append(fresh, m)
		}
	}
	return fresh
}

// makeWorkMarks gives those who were never here a read mark at the newest message.
func (r *Room) makeWorkMarks() {
	var marks []ReadMark
	for id, m := range r.members {
		if !m.marked {
			m.mark, m.marked = markAt(id, r.chat.tail), true
			marks = append(marks, m.mark)
		}
	}
	if len(marks) == 0 {
		return
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	if err := r.hub.store.MakeWorkMarks(ctx, map[RoomID][]ReadMark{r.id: marks}); err != nil {
		r.log.Warn("read marks of new members not stored", "count", len(marks), "err", err)
	}
}

// takeName gives the room its workgroup's name.
func (r *Room) takeName() {
	name := clip(r.work.place.name, maxName)
	if r.record.Name == name || name == "" {
		return
	}
	r.record.Name = name
	r.refresh()
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	if err := r.hub.store.RenameRoom(ctx, r.id, name); err != nil {
		r.log.Warn("work room not renamed in the database; it is at the next start", "err", err)
	}
	r.tellName()
}

// workMembers is the data of workgroup/members.
type workMembers struct {
	WorkID  WorkgroupID `json:"workId"`
	Members []AccountID `json:"members"`
}

// tellLinks tells what changed between the room and its neighbors.
func (r *Room) tellLinks(before, now *workPlace) {
	r.tellPriorities(before, now)
	if !slices.Equal(before.childIDs, now.childIDs) {
		r.toAll("workgroup", "sub-rooms", now.childIDs)
	}
	was := map[WorkgroupID][]AccountID{}
	for _, n := range before.neighbors() {
		was[n.group] = list(n.members)
	}
	for _, n := range now.neighbors() {
		if old, linked := was[n.group]; !linked || !slices.Equal(old, n.members) {
			r.toAll("workgroup", "members", workMembers{n.group, list(n.members)})
		}
	}
	for _, id := range r.having(workViewer) {
		r.tellViewerLinks(id, before.childrenOf(id), now.childrenOf(id))
	}
}

// tellViewerLinks tells a viewer which of its own groups are linked to the room: it
// learns nothing of others.
func (r *Room) tellViewerLinks(id AccountID, before, now []workNeighbor) {
	same := func(a, b workNeighbor) bool { return a.group == b.group }
	if slices.EqualFunc(before, now, same) {
		return
	}
	r.toOne(id, "workgroup", "sub-rooms", groupsOf(now))
	for _, n := range now {
		r.toOne(id, "workgroup", "members", workMembers{n.group, []AccountID{id}})
	}
}

func groupsOf(neighbors []workNeighbor) []WorkgroupID {
	ids := make([]WorkgroupID, len(neighbors))
	for n, c := range neighbors {
		ids[n] = c.group
	}
	return ids
}

// tellPriorities tells those who are in the room, or on their way in with the former
// number, when it changed.
func (r *Room) tellPriorities(before, now *workPlace) {
	for _, role := range []workRole{workMember, workSuper, workViewer} {
		if n := now.priority(role); n != before.priority(role) {
			for _, id := range r.having(role) {
				r.toOne(id, "", "priority", n)
			}
		}
	}
}

// toViewers sends a room event to those who look in. What they may not see goes by
// toAll, which leaves them out.
func (r *Room) toViewers(component, typ string, data any) {
	if !r.isWork() {
		return
	}
	for id, m := range r.members {
		if m.role == workViewer && (m.attached || m.coming) {
			r.toOne(id, component, typ, data)
		}
	}
}

// workConf is what a work room's conf has more than others.
type workConf struct {
	IsView       bool        `json:"isView,omitempty"`
	WorkgroupID  WorkgroupID `json:"workgroupId"`
	SupergroupID any         `json:"supergroupId"`
	Priority     int         `json:"priority"`
}

// conf is that part for an account with this role.
func (p *workPlace) conf(role workRole) *workConf {
	c := &workConf{IsView: role == workViewer, WorkgroupID: p.group, Priority: p.priority(role)}
	if p.parent != nil {
		c.SupergroupID = p.parent.group
	}
	return c
}
