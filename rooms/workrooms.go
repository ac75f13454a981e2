package rooms

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"
)

// workKeeper opens and closes work rooms and tells each where it stands, whenever
// FriendCore's workgroups or the list of super groups changed (docs/protocol.md 15.1).
// It is an owner like a room: what it decides, it decides in its turn.
type workKeeper struct {
	hub  *Hub
	box  mailbox[workEvent]
	view atomic.Pointer[workView] // what others may read

	// owned by the mailbox
	rooms    map[WorkgroupID]RoomID
	told     map[RoomID]*workPlace // what each room knows
	closing  map[RoomID]bool       // told to close, and not at its end yet
	refused  []WorkgroupID         // as the log was told
	retrying bool                  // rooms are arranged again soon
}

// workEvent is something that the keeper handles.
type workEvent interface{ apply(k *workKeeper) }

func newWorkKeeper(h *Hub) *workKeeper {
	k := &workKeeper{
		hub: h, rooms: map[WorkgroupID]RoomID{}, told: map[RoomID]*workPlace{}, closing: map[RoomID]bool{},
	}
	k.box = mailbox[workEvent]{limit: mailboxSize, wg: &h.wg, handle: k.handle}
	k.view.Store(&workView{})
	return k
}

// handle takes what waits; however much changed, the rooms are arranged once.
func (k *workKeeper) handle(events []workEvent) {
	defer func() {
		if v := recover(); v != nil {
			k.hub.defect(k.hub.log, "work rooms not arranged because of a defect in the program; will try again", v)
			k.arrangeSoon()
		}
	}()
	for _, e := range events {
		e.apply(k)
	}
	k.arrange()
}

// workChanged says that workgroups or super groups changed.
type workChanged struct{}

func (workChanged) apply(*workKeeper) {}

// arrangeSoon tries again in a while, once however often it failed.
func (k *workKeeper) arrangeSoon() {
	if k.retrying {
		return
	}
	k.retrying = true
	k.hub.later(retryRooms, func() { k.box.force(workRetry{}) })
}

type workRetry struct{}

func (workRetry) apply(k *workKeeper) { k.retrying = false }

// workClosed says that a work room is at its end.
type workClosed struct{ room RoomID }

func (e workClosed) apply(k *workKeeper) {
	if k.closing[e.room] {
		delete(k.closing, e.room)
		return
	}
	// It failed. It is opened again, but not at once: it may fail again.
	k.closing[e.room] = true
	delete(k.told, e.room)
	maps.DeleteFunc(k.rooms, func(_ WorkgroupID, id RoomID) bool { return id == e.room })
	k.hub.later(retryRooms, func() { k.box.force(e) })
}

// workView is the state of all work rooms at one moment.
type workView struct {
	places  []*workPlace // in the order of their workgroups
	byGroup map[WorkgroupID]*workPlace
	byRoom  map[RoomID]*workPlace
}

func newWorkView(places []*workPlace) *workView {
	v := &workView{places, map[WorkgroupID]*workPlace{}, map[RoomID]*workPlace{}}
	for _, p := range places {
		v.byGroup[p.group], v.byRoom[p.room] = p, p
	}
	return v
}

// workEntry is a work room that an account is in.
type workEntry struct {
	place *workPlace
	role  workRole
}

// entries lists the work rooms of somebody who is in these workgroups: the own ones and
// their children's, then those that are looked into (docs/protocol.md 15.2).
func (v *workView) entries(groups []WorkgroupID, rules WorkRules) []workEntry {
	var found []workEntry
	taken := map[RoomID]bool{}
	add := func(p *workPlace, role workRole) {
		if p != nil && !taken[p.room] {
			taken[p.room] = true
			found = append(found, workEntry{p, role})
		}
	}
	for _, p := range v.places {
		if slices.Contains(groups, p.group) {
			add(p, workMember)
		}
	}
	own := slices.Clone(found)
	for _, e := range own {
		if !rules.SupersHaveSubRoom {
			break
		}
		for _, c := range e.place.children {
			add(v.byGroup[c.group], workSuper)
		}
	}
	for _, e := range own {
		if e.place.parent != nil && rules.SubsHaveSuperView {
			add(v.byGroup[e.place.parent.group], workViewer)
		}
	}
	return found
}

// arrange brings the rooms in line with the workgroups. If the database does not answer
// new rooms come later; what needs no database is done.
func (k *workKeeper) arrange() {
	if k.hub.stopped.Load() {
		return
	}
	nodes, refused := k.hub.groups.tree()
	k.tellRefused(refused)
	k.closeOthers(nodes)
	fresh, err := k.open(nodes)
	if err != nil {
		k.hub.log.Error("work rooms not opened, will try again", "err", err)
		k.arrangeSoon()
	}
	places := workPlaces(nodes, k.rooms)
	// First: who logs in once a room has let its people in finds the room here.
	k.view.Store(newWorkView(places))
	for _, p := range places {
		if known := k.told[p.room]; known == nil || !known.equal(p) {
			k.told[p.room] = p
			k.hub.toRoomIfThere(p.room, placeEvent{p})
		}
	}
	if fresh != nil {
		// Not here: if the database does not answer, who left a group is still to be let go.
		k.hub.wg.Go(func() { fresh.fill(k.hub, places) })
	}
}

func (k *workKeeper) tellRefused(refused []WorkgroupID) {
	for _, id := range refused {
		if !slices.Contains(k.refused, id) {
			k.hub.log.Warn("workgroup is its own ancestor in FriendCore: it gets no place below its parent's work room", "workgroup", string(id))
		}
	}
	k.refused = refused
}

// closeOthers ends the rooms of workgroups that have none any more; their logs stay.
func (k *workKeeper) closeOthers(nodes []*workNode) {
	stays := make(map[WorkgroupID]bool, len(nodes))
	for _, n := range nodes {
		stays[n.id] = true
	}
	for group, id := range k.rooms {
		if stays[group] || k.closing[id] {
			continue
		}
		delete(k.rooms, group)
		delete(k.told, id)
		k.closing[id] = true // until it says that it is at its end
		k.hub.toRoomIfThere(id, closeWorkEvent{})
	}
}

// open makes the rooms that are missing. What they hold is still to be filled in.
func (k *workKeeper) open(nodes []*workNode) (*workLoading, error) {
	var wanted []RoomRecord
	for _, n := range nodes {
		if k.rooms[n.id] == "" {
			wanted = append(wanted, RoomRecord{
				ID: RoomID(newID("worg")), WorkgroupID: n.id, Name: clip(n.Name, maxName), OwnerID: systemOwner,
				Settings: json.RawMessage("{}"), Created: time.Now(),
			})
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	ctx, cancel := k.hub.storeContext()
	defer cancel()
	records, err := k.hub.store.MakeWorkRooms(ctx, wanted)
	if err != nil {
		return nil, err
	}
	loading := &workLoading{done: make(chan struct{}), loaded: map[RoomID]*RoomData{}}
	for _, record := range records {
		if k.closing[record.ID] || k.hub.stopped.Load() {
			continue // opened again when it is at its end
		}
		r := newRoom(k.hub, record.ID)
		r.box.force(workLoadEvent{loading})
		k.hub.addRoom(r)
		k.rooms[record.WorkgroupID] = record.ID
		loading.records = append(loading.records, record)
	}
	return loading, nil
}

// systemOwner owns work rooms.
const systemOwner AccountID = "system"

// workLoading is the load of several rooms at once, for which each of them waits as it
// would for a read of its own.
type workLoading struct {
	records []RoomRecord
	loaded  map[RoomID]*RoomData
	done    chan struct{} // closed when loaded is filled in
}

// fill reads the rooms, until the database answers or the hub stops.
func (l *workLoading) fill(h *Hub, places []*workPlace) {
	defer close(l.done)
	defer func() {
		if v := recover(); v != nil {
			h.defect(h.log, "work rooms not loaded because of a defect in the program; will try again", v)
		}
	}()
	for delay := firstLoadDelay; len(l.records) > 0; delay = min(2*delay, maxLoadDelay) {
		err := l.read(h, places)
		if err == nil {
			return
		}
		h.log.Error("work rooms not loaded, will try again", "count", len(l.records), "err", err, "in", delay)
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-h.done:
			timer.Stop()
			return
		}
	}
}

func (l *workLoading) read(h *Hub, places []*workPlace) error {
	ctx, cancel := h.storeContext()
	defer cancel()
	all, err := h.store.LoadWorkRooms(ctx, l.records, tailLoaded)
	if err != nil {
		return err
	}
	marks := map[RoomID][]ReadMark{}
	for _, data := range all {
		l.loaded[data.Room.ID] = data
		h.workTime(newestTime(data.Tail))
	}
	for _, p := range places {
		if data := l.loaded[p.room]; data != nil {
			if missing := missingMarks(data, p.seats(h.opt.Work)); len(missing) > 0 {
				marks[p.room] = missing
				data.Marks = append(data.Marks, missing...)
			}
		}
	}
	if len(marks) == 0 {
		return nil
	}
	if err := h.store.MakeWorkMarks(ctx, marks); err != nil {
		return fmt.Errorf("read marks of new members: %w", err)
	}
	return nil
}

// missingMarks makes marks at the newest message for those in the room who have none:
// what was said before they came is not unread to them (docs/protocol.md 15.7).
func missingMarks(data *RoomData, seats []workSeat) []ReadMark {
	has := make(map[AccountID]bool, len(data.Marks))
	for _, m := range data.Marks {
		has[m.Account] = true
	}
	var missing []ReadMark
	for _, s := range seats {
		if !has[s.account] {
			missing = append(missing, markAt(s.account, data.Tail))
		}
	}
	return missing
}

// markAt is a read mark at the newest of some messages.
func markAt(id AccountID, tail []Message) ReadMark {
	if len(tail) == 0 {
		return ReadMark{Account: id}
	}
	last := tail[len(tail)-1]
	return ReadMark{id, last.ID, last.Time}
}

func newestTime(tail []Message) int64 {
	if len(tail) == 0 {
		return 0
	}
	return tail[len(tail)-1].Time
}

// workTime notes a time that was given to a message of a work room.
func (h *Hub) workTime(used int64) {
	for {
		last := h.lastWorkTime.Load()
		if used <= last || h.lastWorkTime.CompareAndSwap(last, used) {
			return
		}
	}
}

// nextWorkTime is the time of a new message in a work room: later than all before in
// all of them, because they share messages (docs/protocol.md 15.4).
func (h *Hub) nextWorkTime() int64 {
	for {
		last := h.lastWorkTime.Load()
		next := max(nowMillis(), last+1)
		if h.lastWorkTime.CompareAndSwap(last, next) {
			return next
		}
	}
}

// tree finds the workgroups that have work rooms.
func (w *workgroups) tree() (nodes []*workNode, refused []WorkgroupID) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return workTree(w.byID, w.settings.Super)
}

// known returns every workgroup, encoded, and those of some neighbors that are among them.
func (w *workgroups) known(neighbors []workNeighbor) (available json.RawMessage, known []workNeighbor) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, n := range neighbors {
		if w.byID[n.group] != nil {
			known = append(known, n)
		}
	}
	return w.available, known
}

// workEntries lists the work rooms that an account is in.
func (h *Hub) workEntries(id AccountID) []workEntry {
	return h.work.view.Load().entries(h.groups.ofAccount(id), h.opt.Work)
}

// enterWorkRooms has the account let into its work rooms.
func (a *Account) enterWorkRooms() {
	entries := a.hub.workEntries(a.id)
	unread := a.readWorkUnread(entries)
	for _, e := range entries {
		id := e.place.room
		if !a.isIn(id) && a.hub.toRoomIfThere(id, enterEvent{account: a.id, unread: unread[id]}) {
			a.inOrder = append(remove(a.inOrder, id), id)
		}
	}
}

// readWorkUnread counts what the account has not read in all of them at once; if that
// fails the rooms count, each for itself.
func (a *Account) readWorkUnread(entries []workEntry) map[RoomID]Unread {
	if len(entries) == 0 {
		return nil
	}
	readers := make([]WorkReader, len(entries))
	for n, e := range entries {
		readers[n] = e.place.reader(a.id, e.role, a.hub.opt.Work, e.place.above())
	}
	ctx, cancel := a.hub.storeContext()
	defer cancel()
	unread, err := a.hub.store.WorkUnreadIn(ctx, a.id, readers)
	if err != nil {
		a.hub.log.Warn("unread messages of work rooms not counted; the rooms will", "account", a.id, "err", err)
	}
	return unread
}
