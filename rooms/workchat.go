package rooms

import (
	"encoding/json"
	"fmt"
	"slices"
)

// workMsg is the type of messages that are aimed at other workgroups (docs/protocol.md
// 15.4).
const workMsg = "work-msg"

// workPart is what such a message has more than others.
type workPart struct {
	Source  WorkgroupID `json:"source"`
	Targets workTargets `json:"targets"`
}

func (m *Message) workPart() *workPart {
	if m.Type != workMsg {
		return nil
	}
	return &workPart{m.Source, m.Targets}
}

// workTargets is written as an object: true for a whole workgroup, else its members.
type workTargets []WorkTarget

// MarshalJSON implements json.Marshaler.
func (t workTargets) MarshalJSON() ([]byte, error) {
	all := make(map[WorkgroupID]any, len(t))
	for _, target := range t {
		if len(target.Members) == 0 {
			all[target.Group] = true
		} else {
			all[target.Group] = target.Members
		}
	}
	return json.Marshal(all)
}

// target finds what of the targets is aimed at a workgroup.
func (m *Message) target(group WorkgroupID) (WorkTarget, bool) {
	for _, t := range m.Targets {
		if t.Group == group {
			return t, true
		}
	}
	return WorkTarget{}, false
}

// Targets that stand for many.
const (
	allGroups  = "all_groups"  // every child group
	allMembers = "all_members" // every member of every child group, by name
)

// readTargets keeps what of the targets a message may have: linked workgroups, and
// those of their members who are named.
func (p *workPlace) readTargets(in map[string]json.RawMessage) []WorkTarget {
	var targets []WorkTarget
	switch {
	case isTrue(in[allGroups]):
		for _, c := range p.children {
			targets = append(targets, WorkTarget{Group: c.group, Standing: Below})
		}
		return targets
	case isTrue(in[allMembers]):
		for _, c := range p.children {
			if len(c.members) > 0 {
				targets = append(targets, WorkTarget{c.group, c.members, Below})
			}
		}
		return targets
	}
	for _, n := range p.neighbors() {
		standing := Below
		if p.child(n.group) == nil {
			standing = Above
		}
		switch raw := in[string(n.group)]; {
		case isTrue(raw):
			targets = append(targets, WorkTarget{Group: n.group, Standing: standing})
		case len(raw) > 0:
			if named := namedMembers(raw, n.members); len(named) > 0 {
				targets = append(targets, WorkTarget{n.group, named, standing})
			}
		}
	}
	return targets
}

func isTrue(raw json.RawMessage) bool { return string(raw) == "true" }

// namedMembers keeps those of a list of accounts who are members, each once.
func namedMembers(raw json.RawMessage, members []AccountID) []AccountID {
	var listed []any
	if json.Unmarshal(raw, &listed) != nil {
		return nil
	}
	wanted := make(map[AccountID]bool, len(listed))
	for _, v := range listed {
		if id, ok := v.(string); ok {
			wanted[AccountID(id)] = true
		}
	}
	var named []AccountID
	for _, id := range members {
		if wanted[id] {
			named = append(named, id)
		}
	}
	return named
}

// errNoTarget is told to who writes to nobody.
var errNoTarget = &Refusal{"ERR_NO_TARGET", "The message is for nobody who can be reached from this room; nobody has seen it."}

// workMessage takes a message to other workgroups (docs/protocol.md 15.4).
func (r *Room) workMessage(c call) {
	text := c.messageText()
	if text == "" {
		r.answer(c, "chat", nil, "ERR_INVALID_MESSAGE")
		return
	}
	var in struct {
		Targets json.RawMessage `json:"targets"`
	}
	c.into(&in)
	var listed map[string]json.RawMessage
	_ = json.Unmarshal(in.Targets, &listed) // what is no object has no targets
	m := r.members[c.from.Account]
	u := r.newWorkMessage(c, m, text, r.work.place.readTargets(listed))
	switch n := countNamed(u.msg.Targets); {
	case len(u.msg.Targets) == 0:
		r.tellNotStored(u, errNoTarget)
	case n > maxNamed:
		r.tellNotStored(u, &Refusal{"ERR_TOO_MANY_TARGETS",
			fmt.Sprintf("The message names %d people; %d are allowed. Send it to whole groups.", n, maxNamed)})
	default:
		r.accept(u)
	}
}

// maxNamed bounds the people that one message names: each is a row and a copy.
const maxNamed = 5000

func countNamed(targets []WorkTarget) (n int) {
	for _, t := range targets {
		n += len(t.Members)
	}
	return n
}

func (r *Room) newWorkMessage(c call, m *member, text string, targets []WorkTarget) unsentMessage {
	return unsentMessage{call: c, author: m.id, msg: Message{
		ID: newID("wrk"), Room: r.id, From: m.id, Type: workMsg, Name: m.name, Text: text,
		Source: r.work.place.group, Targets: targets,
	}}
}

// viewerMessage takes what somebody writes who looks into the room: it is written in
// the own room, and aimed at this one (docs/protocol.md 15.5).
func (r *Room) viewerMessage(c call, text string) {
	for _, child := range r.work.place.childrenOf(c.from.Account) {
		if r.hub.toRoomIfThere(child.room, viewerMessageEvent{c, text, r.work.place.group, r.id}) {
			return
		}
	}
	r.hub.tellNotStored(string(r.id), c, text, errNoTarget)
}

// viewerMessageEvent is such a message on its way to the room in which it is written.
type viewerMessageEvent struct {
	call  call
	text  string
	to    WorkgroupID
	asked RoomID // where it was written
}

func (e viewerMessageEvent) apply(r *Room) {
	m := r.members[e.call.from.Account]
	if !r.isWork() || m == nil || m.role != workMember || r.work.place.parent == nil || r.work.place.parent.group != e.to {
		r.hub.tellNotStored(string(e.asked), e.call, e.text, errNoTarget)
		return
	}
	u := r.newWorkMessage(e.call, m, e.text, []WorkTarget{{Group: e.to, Standing: Above}})
	u.asked = e.asked
	r.accept(u)
}

// showWork shows a message that was written here: in this room, and in those that it
// is aimed at.
func (r *Room) showWork(u unsentMessage) {
	msg := u.msg
	r.tellCopies("work-msg", &msg, func(m *Message) any { return m.short() })
	if u.asked == "" {
		r.answer(u.call, "chat", msg.event(), "")
	} else if u.call.isRequest() {
		answer := event{"chat", reply{u.call.RequestID, msg.event(), nil}}
		r.hub.post.Reply(u.call.from, encode(event{string(u.asked), answer}))
	}
	r.notifyWork(u.author, &msg)
	r.toTargets(&msg, workArrived{msg})
}

// workArrived brings a message that was written in another room to this one.
type workArrived struct{ msg Message }

func (e workArrived) apply(r *Room) {
	if !r.isPlaced() || r.chat.find(e.msg.ID) != nil {
		return // it is, or was, read with the room
	}
	msg := e.msg
	r.chat.add(msg)
	r.countUnread(msg.From, &msg)
	r.readWork(&msg)
	r.tellCopies("work-msg", &msg, func(m *Message) any { return m.short() })
	r.notifyWork(msg.From, &msg)
}

// toTargets hands an event to the rooms that a message of this room is shown in.
func (r *Room) toTargets(msg *Message, e roomEvent) {
	rules := r.hub.opt.Work
	// Those who are named have the message in this room already, if they look into it.
	namedThere := !rules.SubsHaveSuperView || rules.SupersHaveSubRoom && !rules.SupersSubHideSuper
	for _, n := range r.work.place.neighbors() {
		t, aimed := msg.target(n.group)
		if !aimed {
			continue
		}
		isChild := r.work.place.child(n.group) != nil
		if !isChild || len(t.Members) == 0 || namedThere {
			r.hub.toRoomIfThere(n.room, e)
		}
	}
}

// workCopy is a message as some of those in a room get it.
type workCopy struct {
	all     bool        // members, and members of the parent
	to      []AccountID // if not
	targets []WorkTarget
}

// copies says who in this room is shown a work message, and with which of its targets
// (docs/protocol.md 15.5).
func (r *Room) copies(msg *Message) []workCopy {
	if msg.Room == r.id {
		return r.copiesHere(msg)
	}
	t, aimed := msg.target(r.work.place.group)
	if !aimed {
		return nil
	}
	rules, own := r.hub.opt.Work, []WorkTarget{t}
	switch {
	case r.work.place.child(msg.Source) != nil:
		copies := []workCopy{{all: true, targets: own}}
		if m := r.members[msg.From]; m != nil && m.role == workViewer {
			copies = append(copies, workCopy{to: []AccountID{m.id}, targets: own})
		}
		return copies
	case len(t.Members) == 0:
		return []workCopy{{all: true, targets: own}}
	}
	var copies []workCopy
	if !rules.SubsHaveSuperView {
		copies = r.personal(t, workMember)
	}
	if !rules.SupersSubHideSuper {
		copies = append(copies, workCopy{to: r.having(workSuper), targets: own})
	}
	return copies
}

// copiesHere is the same for a message that was written here.
func (r *Room) copiesHere(msg *Message) []workCopy {
	var copies []workCopy
	views := r.hub.opt.Work.SubsHaveSuperView
	if !views || !r.work.place.goesUp(msg) {
		copies = append(copies, workCopy{all: true, targets: msg.Targets})
	}
	if !views {
		return copies
	}
	at := map[AccountID]int{} // one may be named for two groups, and gets one copy
	for _, t := range msg.Targets {
		for _, c := range r.personal(t, workViewer) {
			if n, again := at[c.to[0]]; again {
				copies[n].targets = append(copies[n].targets, c.targets...)
				continue
			}
			at[c.to[0]] = len(copies)
			copies = append(copies, c)
		}
	}
	return copies
}

// personal makes a copy for each of those named who have the role: it names nobody else.
func (r *Room) personal(t WorkTarget, role workRole) []workCopy {
	var copies []workCopy
	for _, id := range t.Members {
		if m := r.members[id]; m != nil && m.role == role && (m.attached || m.coming) {
			copies = append(copies, workCopy{to: []AccountID{id}, targets: []WorkTarget{{t.Group, []AccountID{id}, t.Standing}}})
		}
	}
	return copies
}

// having lists those who are there in a role.
func (r *Room) having(role workRole) []AccountID {
	var ids []AccountID
	for id, m := range r.members {
		if m.role == role && (m.attached || m.coming) {
			ids = append(ids, id)
		}
	}
	return ids
}

// tellCopies sends everybody who is shown a work message his copy.
func (r *Room) tellCopies(typ string, msg *Message, render func(*Message) any) {
	for _, c := range r.copies(msg) {
		own := *msg
		own.Targets = c.targets
		if c.all {
			r.toAll("chat", typ, render(&own))
			continue
		}
		if len(c.to) > 0 {
			r.toThese(c.to, encodeRoom(string(r.id), "chat", typ, render(&own)))
		}
	}
}

// readWork moves the read marks of those who look at a work room and see a new message.
func (r *Room) readWork(msg *Message) {
	if !r.isWork() {
		return
	}
	for _, m := range r.lookingOn {
		if r.sees(m, msg) {
			r.moveMark(ReadMark{m.id, msg.ID, msg.Time})
		}
	}
}

// toThese sends an encoded event to some of those who are there or come.
func (r *Room) toThese(ids []AccountID, e []byte) {
	there := make([]AccountID, 0, len(ids))
	for _, id := range ids {
		switch m := r.members[id]; {
		case m == nil:
		case m.coming:
			m.keep(e)
		case m.attached:
			there = append(there, id)
		}
	}
	if len(there) > 0 {
		r.hub.post.Deliver(there, "", e)
	}
}

// notifyWork tells those of a work message whom it concerns in this room, and who do not
// look at it (docs/protocol.md 15.5).
func (r *Room) notifyWork(author AccountID, msg *Message) {
	var ids []AccountID
	p, rules := r.work.place, r.hub.opt.Work
	switch {
	case msg.Room == r.id && p.goesUp(msg):
		return
	case msg.Room == r.id:
		ids = slices.Clone(r.order)
		for _, t := range msg.Targets {
			if rules.SubsHaveSuperView {
				ids = append(ids, t.Members...)
			}
		}
		slices.Sort(ids)
		ids = slices.Compact(ids) // one may be named for two groups
	case p.child(msg.Source) != nil:
		ids = slices.Clone(r.order)
		for id, m := range r.members {
			if m.role == workSuper {
				ids = append(ids, id)
			}
		}
	default:
		t, _ := msg.target(p.group)
		if len(t.Members) == 0 {
			ids = r.order
		} else if !rules.SubsHaveSuperView {
			ids = t.Members
		}
	}
	r.notifyThese(ids, author, msg)
}
