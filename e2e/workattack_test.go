package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"presence/friendcore/friendcoretest"
	"presence/sql"
	"presence/sql/sqltest"
)

// How much the attacks on work rooms do. More finds rarer defects; the seed decides
// what is said.
const (
	attackSeed     = 20261125
	attackSteps    = 50 // of each conversation
	attackFlaps    = 8  // of FriendCore's workgroups
	attackMessages = 6  // of each writer between two starts
	attackPry      = 4  // each asks in each room for one of so many messages
)

// workRules are the settings of docs/protocol.md 15.8.
type workRules struct{ v, p, h bool }

func (r workRules) String() string { return fmt.Sprintf("V=%t P=%t H=%t", r.v, r.p, r.h) }

// house is a server with workgroups of which the tests know what must come of them. It
// is written from docs/protocol.md 15, not from the program.
type house struct {
	t       *testing.T
	s       *server
	core    *friendCore
	rules   workRules
	order   []string            // names of the workgroups with rooms, as FriendCore numbers them
	parent  map[string]string   // of them, below which room; empty: below none
	members map[string][]string // logins
	ids     map[string]string   // client ids of workgroups, by name
	names   map[string]string   // the reverse
	rooms   map[string]string   // room ids, by the workgroup's name
	people  map[string]person
	users   map[string]*user // who is logged in, by login
	admins  map[string]bool
}

// newHouse has three levels: the board stands below the top and above dock and mill. Mix
// is on the board and in the dock, cy in the dock and in the mill, lou in a workgroup
// without a room. Off is in the dock until he is disabled.
func newHouse(t *testing.T, c sql.Config, rules workRules) *house {
	t.Helper()
	h := &house{
		t: t, rules: rules, core: newFriendCore(t, friendcoretest.Options{}),
		order:  []string{"top", "board", "dock", "mill", "yard"},
		parent: map[string]string{"board": "top", "dock": "board", "mill": "board", "yard": "top"},
		members: map[string][]string{
			"top": {"tom", "ann"}, "board": {"sue", "abe", "mix"}, "dock": {"bo", "cy", "dee", "mix"}, "mill": {"eve", "cy"}, "yard": {"yan"},
		},
		ids: map[string]string{}, names: map[string]string{}, rooms: map[string]string{}, people: map[string]person{},
		users: map[string]*user{}, admins: map[string]bool{"ann": true, "abe": true, "dee": true},
	}
	h.s = h.core.serve(t)
	h.s.useDatabase(c)
	h.s.localUsers("loc")
	h.s.ini.set("limits", "rate = 100000\nburst = 100000")
	h.s.ini.set("workroom", "subs_have_super_view = %t\nsupers_have_sub_room = %t\nsupers_sub_hide_super = %t", rules.v, rules.p, rules.h)
	h.people["loc"] = local("loc")
	for _, login := range append(h.insiders(), "lou", "dan", "off") {
		level := map[bool]string{true: "Admin"}[h.admins[login]]
		h.people[login] = h.core.personOf(friendcoretest.User{Login: login, FullName: fullName(login), Level: level})
	}
	numbers := map[string]int{}
	for _, name := range h.order {
		logins := h.members[name]
		if name == "dock" {
			logins = append(slices.Clone(logins), "off")
		}
		numbers[name] = h.addGroup(name, numbers[h.parent[name]], logins...)
	}
	h.addGroup("lone", 0, "lou")
	h.core.SetSettings(fmt.Sprintf(`{"super_groups":"%d,board"}`, numbers["top"]))
	return h
}

func (h *house) addGroup(name string, parent int, logins ...string) int {
	var members []person
	for _, login := range logins {
		members = append(members, h.people[login])
	}
	g := h.core.AddGroup(name, parent, h.core.numbers(members)...)
	h.core.groups[name] = g
	h.ids[name], h.names[workgroup(g.ID)] = workgroup(g.ID), name
	return g.ID
}

// insiders are the logins of those who are in a work room.
func (h *house) insiders() []string {
	in := map[string]bool{}
	for _, members := range h.members {
		for _, login := range members {
			in[login] = true
		}
	}
	return slices.Sorted(maps.Keys(in))
}

// enter logs people in and waits until each is in the rooms where he has a role.
func (h *house) enter(logins ...string) {
	h.t.Helper()
	for n, login := range logins {
		h.users[login] = h.s.login(h.t, h.people[login], []transport{ws, tcp}[n%2])
	}
	for _, login := range logins {
		for _, group := range h.order {
			if h.role(login, group) != "" {
				h.rooms[group] = h.users[login].workRoom(h.ids[group])
			}
		}
	}
}

// children lists the workgroups below one, in their order.
func (h *house) children(group string) []string {
	return slices.DeleteFunc(slices.Clone(h.order), func(g string) bool { return h.parent[g] != group })
}

// role is what somebody is in the room of a workgroup (docs/protocol.md 15.2).
func (h *house) role(login, group string) string {
	switch {
	case slices.Contains(h.members[group], login):
		return "member"
	case h.rules.p && slices.Contains(h.members[h.parent[group]], login):
		return "super"
	case h.rules.v && len(h.ownChildren(login, group)) > 0:
		return "viewer"
	}
	return ""
}

// ownChildren lists the workgroups below one that somebody is in.
func (h *house) ownChildren(login, group string) []string {
	return slices.DeleteFunc(h.children(group), func(g string) bool { return !slices.Contains(h.members[g], login) })
}

func (h *house) having(group string, roles ...string) []string {
	return slices.DeleteFunc(h.insiders(), func(login string) bool { return !slices.Contains(roles, h.role(login, group)) })
}

// aims are the targets of a message: logins by the name of the workgroup, nil for all.
type aims map[string][]string

func (a aims) String() string {
	var parts []string
	for group, logins := range a {
		named := "all"
		if logins != nil {
			named = strings.Join(slices.Sorted(slices.Values(logins)), "+")
		}
		parts = append(parts, group+":"+named)
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// spoken is a message of which the test knows everything.
type spoken struct {
	id, author, in string // in: the workgroup in whose room it was written
	aims           aims   // nil: an ordinary one
	texts          []string
	kinds          []string // of the events that told the later texts: update or edit
	deleted        bool
}

func (m *spoken) text() string { return m.texts[len(m.texts)-1] }

// seat is somebody in the room of a workgroup.
type seat struct{ login, group string }

// live says who is shown a new message, where, and with which targets (docs/protocol.md
// 15.4, 15.5).
func (h *house) live(m *spoken) map[seat]string {
	shown := map[seat]string{}
	show := func(group string, a aims, logins ...string) {
		for _, login := range logins {
			shown[seat{login, group}] = a.String()
		}
	}
	above := h.parent[m.in]
	_, up := m.aims[above]
	if m.aims == nil || !up || !h.rules.v {
		show(m.in, m.aims, h.having(m.in, "member", "super")...)
	}
	if h.rules.v {
		for _, login := range h.having(m.in, "viewer") {
			if own := m.aims.naming(login); len(own) > 0 {
				show(m.in, own, login)
			}
		}
	}
	for group, named := range m.aims {
		part := aims{group: named}
		switch {
		case group == above:
			show(group, part, h.having(group, "member", "super")...)
			if h.role(m.author, group) == "viewer" {
				show(group, part, m.author)
			}
		case named == nil:
			show(group, part, h.having(group, "member", "super")...)
		default:
			for _, login := range named {
				if !h.rules.v {
					show(group, aims{group: {login}}, login)
				}
			}
			if !h.rules.h {
				show(group, part, h.having(group, "super")...)
			}
		}
	}
	return shown
}

// naming is the part of the targets that names somebody, and nobody else.
func (a aims) naming(login string) aims {
	own := aims{}
	for group, named := range a {
		if slices.Contains(named, login) {
			own[group] = []string{login}
		}
	}
	return own
}

// logged says whether the log of a room shows a message to somebody, and with which
// targets (docs/protocol.md 15.6).
func (h *house) logged(login, group string, m *spoken) (string, bool) {
	role := h.role(login, group)
	named, aimed := m.aims[group]
	part := aims{group: named}
	_, up := m.aims[h.parent[m.in]]
	switch {
	case role == "":
		return "", false
	case role == "viewer":
		if own := m.aims.naming(login); m.in == group && len(own) > 0 {
			return own.String(), true
		}
		return part.String(), m.in != group && aimed && m.author == login
	case m.in == group:
		return m.aims.String(), m.aims == nil || !up || role == "super" && !h.rules.h || role == "member" && !h.rules.v && m.author == login
	case !aimed:
		return "", false
	case h.parent[m.in] == group, named == nil:
		return part.String(), true
	case role == "super":
		return part.String(), !h.rules.h
	}
	return aims{group: {login}}.String(), !h.rules.v && slices.Contains(named, login)
}

// notified says who is notified of a message, by room (docs/protocol.md 15.5).
func (h *house) notified(m *spoken) map[string][]string {
	told := map[string][]string{}
	tell := func(group string, logins ...string) { told[group] = append(told[group], logins...) }
	above := h.parent[m.in]
	if _, up := m.aims[above]; !up || m.aims == nil {
		tell(m.in, h.members[m.in]...)
		for _, named := range m.aims {
			if h.rules.v {
				tell(m.in, named...)
			}
		}
	}
	for group, named := range m.aims {
		switch {
		case group == above:
			tell(group, h.having(group, "member", "super")...)
		case named == nil:
			tell(group, h.members[group]...)
		case !h.rules.v:
			tell(group, named...)
		}
	}
	for group, logins := range told {
		slices.Sort(logins)
		told[group] = slices.DeleteFunc(slices.Compact(logins), func(login string) bool { return login == m.author })
	}
	return told
}

// wire renders targets as clients send them.
func (h *house) wire(a aims) object {
	o := object{}
	for group, named := range a {
		o[h.ids[group]] = true
		if named != nil {
			o[h.ids[group]] = h.accounts(named)
		}
	}
	return o
}

func (h *house) accounts(logins []string) list {
	l := list{}
	for _, login := range logins {
		l = append(l, h.users[login].id)
	}
	return l
}

// read is the reverse of wire. What the test does not know stands as it is.
func (h *house) read(targets any) string {
	a := aims{}
	o, _ := targets.(object)
	for id, value := range o {
		group := id
		if name := h.names[id]; name != "" {
			group = name
		}
		a[group] = nil
		for _, account := range asList(value) {
			login := show(account)
			for _, u := range h.users {
				if u.id == account {
					login = u.login
				}
			}
			a[group] = append(a[group], login)
		}
	}
	return a.String()
}

func asList(v any) list { l, _ := v.(list); return l }

// groupOf is the workgroup of a room.
func (h *house) groupOf(room any) string {
	for group, id := range h.rooms {
		if id == room {
			return group
		}
	}
	return ""
}

// conversation is all that was said in a house.
type conversation struct {
	*house
	random *rand.Rand
	said   []*spoken
	texts  int
}

// next makes a text that no other text contains.
func (c *conversation) next() string {
	c.texts++
	return fmt.Sprintf("secret s%dz", c.texts)
}

func pick[T any](c *conversation, from []T) T { return from[c.random.IntN(len(from))] }

// step lets somebody do something.
func (c *conversation) step() {
	login := pick(c, c.insiders())
	group := pick(c, slices.DeleteFunc(slices.Clone(c.order), func(g string) bool { return c.role(login, g) == "" }))
	switch n := c.random.IntN(10); {
	case n < 6 || len(c.said) == 0:
		c.speak(login, group)
	case n < 9:
		c.edit(login, group, pick(c, c.said))
	default:
		c.remove(login, group, pick(c, c.said))
	}
}

// speak writes a message of some kind.
func (c *conversation) speak(login, group string) {
	c.t.Helper()
	m := &spoken{author: login, in: group, texts: []string{c.next()}}
	kind, data := "msg", object{"message": m.text()}
	if c.role(login, group) == "viewer" {
		m.in, m.aims = c.ownChildren(login, group)[0], aims{group: nil}
	} else if targets := c.aim(group, m); targets != nil && c.random.IntN(4) > 0 {
		kind, data["targets"] = "work-msg", targets
	} else {
		m.aims = nil
	}
	reply := c.users[login].ask(c.rooms[group], "chat", kind, data)
	m.id, _ = dig(reply, "response", "data", "msgId").(string)
	if m.id == "" {
		c.t.Fatalf("%s writes %s in %s: %s", login, show(data), group, show(reply))
	}
	c.said = append(c.said, m)
}

// aim chooses targets; nil if there are none. Among them is what must be left out.
func (c *conversation) aim(group string, m *spoken) object {
	below := c.children(group)
	m.aims = aims{}
	switch n := c.random.IntN(8); {
	case n == 0 && len(below) > 0:
		for _, g := range below {
			m.aims[g] = nil
		}
		return object{"all_groups": true}
	case n == 1 && len(below) > 0:
		for _, g := range below {
			m.aims[g] = c.members[g]
		}
		return object{"all_members": true}
	}
	linked := below
	if above := c.parent[group]; above != "" {
		linked = append(linked, above)
	}
	for _, g := range linked {
		switch c.random.IntN(3) {
		case 0:
			m.aims[g] = nil
		case 1:
			some := slices.Clone(c.members[g])
			c.random.Shuffle(len(some), func(a, b int) { some[a], some[b] = some[b], some[a] })
			m.aims[g] = some[:1+c.random.IntN(len(some))]
		}
	}
	if len(m.aims) == 0 {
		return nil
	}
	targets := c.wire(m.aims)
	for g, named := range m.aims {
		if named != nil {
			targets[c.ids[g]] = append(asList(targets[c.ids[g]]), c.users["lou"].id, nil, c.users["yan"].id+"x")
		}
	}
	for _, g := range append(c.order, "lone") { // not linked
		if !slices.Contains(linked, g) && c.random.IntN(2) == 0 {
			targets[c.ids[g]] = true
		}
	}
	return targets
}

// edit tries to change a message, and knows what must come of it (docs/protocol.md 8.6,
// 15.6).
func (c *conversation) edit(login, group string, m *spoken) {
	c.t.Helper()
	text := c.next()
	_, sees := c.logged(login, group, m)
	want, others := "", c.admins[login] && c.role(login, group) != "viewer"
	switch mine := login == m.author; {
	case !sees:
		want = "ERR_EVENT_NOT_FOUND"
	case m.deleted || !mine && !others:
		want = "ERR_EDIT_NOT_ALLOWED"
	case mine && !slices.Contains(m.kinds, "edit"):
		m.kinds, m.texts = append(m.kinds, "update"), append(m.texts, text)
	default:
		m.kinds, m.texts = append(m.kinds, "edit"), append(m.texts, text)
	}
	got := c.users[login].outcome(c.rooms[group], "edit-save", object{"msgId": m.id, "message": text, "reason": "because"})
	if want == "ERR_EDIT_NOT_ALLOWED" && m.deleted && got == "ERR_EVENT_NOT_FOUND" {
		want = got // unknown to him
	}
	if got != want {
		c.t.Errorf("%s edits %s in %s: %q, want %q", login, m.id, group, got, want)
	}
}

// remove tries to delete a message.
func (c *conversation) remove(login, group string, m *spoken) {
	c.t.Helper()
	_, sees := c.logged(login, group, m)
	want := ""
	switch {
	case !c.admins[login] || c.role(login, group) == "viewer":
		want = "ERR_NOT_ADMIN"
	case !sees || m.deleted:
		want = "ERR_NO_MESSAGE"
	case m.in != group:
		want = "ERR_DELETE_NOT_ALLOWED"
	}
	if got := c.users[login].outcome(c.rooms[group], "delete", object{"msgId": m.id}); got != want {
		c.t.Errorf("%s (%s) deletes %s of %s in %s: %q, want %q", login, c.role(login, group), m.id, m.in, group, got, want)
	}
	m.deleted = m.deleted || want == ""
}

// settle waits until everybody has what was caused so far: what a room hands to another
// one is there after the first round, and told after the second.
func (h *house) settle() {
	h.t.Helper()
	for range 2 {
		for _, login := range h.insiders() {
			for _, group := range h.order {
				if h.role(login, group) != "" {
					h.users[login].barrier(h.rooms[group])
				}
			}
		}
	}
}

// told is a chat event as it came.
type told struct {
	room, kind string
	data       object
}

// all returns all frames so far.
func (c *client) all() []frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.frames)
}

// chats are the chat events that came to an account, live.
func (u *user) chats() []told {
	var events []told
	for _, f := range u.all() {
		e := dig(f, "data", "data", "data")
		if dig(f, "data", "type") != u.id || dig(e, "type") != "chat" {
			continue
		}
		room, _ := dig(f, "data", "data", "type").(string)
		kind, _ := dig(e, "data", "type").(string)
		data, _ := dig(e, "data", "data").(object)
		if kind == "update" || kind == "edit" || kind == "remove" || kind == "last-message" {
			data, _ = data["data"].(object)
		}
		events = append(events, told{room, kind, data})
	}
	return events
}

// TestWorkAttackLeaks: whatever people say, change and ask for, each gets what is for
// him, once, and nothing else: neither a text nor another one's name among the targets
// (docs/protocol.md 15.5 to 15.7). With all settings.
func TestWorkAttackLeaks(t *testing.T) {
	for n := range 8 {
		rules := workRules{v: n&1 == 0, p: n&2 == 0, h: n&4 == 0}
		t.Run(rules.String(), func(t *testing.T) {
			t.Parallel()
			converse(t, sqltest.SQLite(t), rules, attackSteps)
		})
	}
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		database := sqltest.Server(t)
		for _, rules := range []workRules{{v: true, p: true, h: true}, {v: false, p: true, h: false}} {
			t.Run(rules.String(), func(t *testing.T) { converse(t, database.Fresh(t), rules, attackSteps) })
		}
	})
}

func converse(t *testing.T, db sql.Config, rules workRules, steps int) {
	h := newHouse(t, db, rules)
	h.s.start()
	h.disable("off")
	h.enter(h.insiders()...)
	h.enter("lou", "dan", "loc")
	ground := h.users["dan"].createRoom("Ground")
	guest := h.s.guest(t, ws, ground, h.users["dan"].token(ground, "public"), "Gil")
	c := &conversation{house: h, random: rand.New(rand.NewPCG(attackSeed, 1))}
	for range steps {
		c.step()
	}
	c.settle()
	c.judgeLive()
	c.judgeRelations()
	c.judgeLogs()
	c.pry(guest)
	c.judgeNotifications()
	c.judgeBytes(guest)
	c.judgeApps()
}

// disable has somebody be a member of the dock, and then be disabled.
func (h *house) disable(login string) {
	h.t.Helper()
	u := h.s.login(h.t, h.people[login], ws)
	u.workRoom(h.ids["dock"])
	known, _ := h.core.User(login)
	h.core.SetStatus(known.ID, friendcoretest.Disabled)
	u.expectEnd()
	h.users[login] = u
}

// judgeLive looks for losses, doubles, and what came although it is not shown.
func (c *conversation) judgeLive() {
	c.t.Helper()
	type key struct{ login, group, kind, id, text string }
	want, got := map[key]int{}, map[key]int{}
	for _, m := range c.said {
		kind := map[bool]string{true: "msg", false: "work-msg"}[m.aims == nil]
		for s := range c.live(m) {
			want[key{s.login, s.group, kind, m.id, m.texts[0]}]++
			for n, text := range m.texts[1:] {
				want[key{s.login, s.group, m.kinds[n], m.id, text}]++
			}
			if m.deleted {
				want[key{s.login, s.group, "remove", m.id, ""}]++
			}
		}
	}
	for login, u := range c.users {
		for _, e := range u.chats() {
			if slices.Contains([]string{"msg", "work-msg", "update", "edit", "remove"}, e.kind) {
				id, _ := e.data["msgId"].(string)
				text, _ := e.data["message"].(string)
				got[key{login, c.groupOf(e.room), e.kind, id, text}]++
			}
		}
	}
	for k := range want {
		if got[k] != want[k] {
			c.t.Errorf("%v came %d times, want %d", k, got[k], want[k])
		}
	}
	for k := range got {
		if want[k] == 0 {
			c.t.Errorf("%v came, and is not for him", k)
		}
	}
}

// shownTo lists what the log of a room shows to somebody, without deleted messages.
func (c *conversation) shownTo(login, group string) (ids []string) {
	for _, m := range c.said {
		if _, sees := c.logged(login, group, m); sees && !m.deleted {
			ids = append(ids, m.id)
		}
	}
	return ids
}

// seats lists everybody in every room.
func (c *conversation) seats() (all []seat) {
	for _, group := range c.order {
		for _, login := range c.having(group, "member", "super", "viewer") {
			all = append(all, seat{login, group})
		}
	}
	return all
}

// judgeRelations compares unread counts and newest messages with the logs.
func (c *conversation) judgeRelations() {
	c.t.Helper()
	for _, s := range c.seats() {
		relation := c.users[s.login].roomState(c.rooms[s.group])["relation"]
		shown, unread := c.shownTo(s.login, s.group), 0
		for _, m := range c.said {
			if m.author != s.login && slices.Contains(shown, m.id) {
				unread++
			}
		}
		var last any
		if len(shown) > 0 {
			last = shown[len(shown)-1]
		}
		if n := dig(relation, "unreadMessages"); n != float64(unread) {
			c.t.Errorf("%v (%s): %v unread messages, want %d", s, c.role(s.login, s.group), n, unread)
		}
		if got := dig(relation, "lastMessage", "data", "msgId"); got != last {
			c.t.Errorf("%v (%s): the newest message is %v, want %v", s, c.role(s.login, s.group), got, last)
		}
	}
}

// judgeLogs pages through every log in both directions, and searches it.
func (c *conversation) judgeLogs() {
	c.t.Helper()
	for n, s := range c.seats() {
		u, room, want := c.users[s.login], c.rooms[s.group], c.shownTo(s.login, s.group)
		exclusive := c.role(s.login, s.group) == "viewer"
		length := 2 + n%5
		if back := u.pageBack(room, length); !slices.Equal(back, want) {
			c.t.Errorf("%v: the log backwards is %v, want %v", s, back, want)
		}
		if onward := u.pageOn(room, length, exclusive); !slices.Equal(onward, want) {
			c.t.Errorf("%v: the log forwards is %v, want %v", s, onward, want)
		}
		var found []string
		reply := u.ask(room, "chat", "search", object{"text": "secret", "length": 100})
		for _, e := range asList(dig(reply, "response", "data", "events")) {
			id, _ := dig(e, "data", "msgId").(string)
			found = append(found, id)
		}
		var wanted []string
		for _, m := range c.said {
			if m.in == s.group && slices.Contains(want, m.id) && !exclusive {
				wanted = append(wanted, m.id)
			}
		}
		wanted = wanted[max(0, len(wanted)-100):]
		if !slices.Equal(found, wanted) {
			c.t.Errorf("%v: found %v, want %v", s, found, wanted)
		}
	}
}

// pageBack reads a log from the newest message on.
func (u *user) pageBack(room string, length int) (ids []string) {
	u.t.Helper()
	before := float64(1 << 52)
	for {
		page := u.logMessages(room, object{"firstTime": before, "length": length})
		if len(page) == 0 {
			return ids
		}
		before, _ = page[0]["time"].(float64)
		ids = append(idsOf(page), ids...)
	}
}

// pageOn reads a log from the oldest message on. exclusive: lastTime itself is not
// answered.
func (u *user) pageOn(room string, length int, exclusive bool) (ids []string) {
	u.t.Helper()
	after := 1.0
	for {
		page := u.logMessages(room, object{"lastTime": after, "length": length})
		if len(page) == 0 {
			return ids
		}
		after, _ = page[len(page)-1]["time"].(float64)
		if !exclusive {
			after++
		}
		ids = append(ids, idsOf(page)...)
	}
}

func idsOf(messages []object) (ids []string) {
	for _, m := range messages {
		id, _ := m["msgId"].(string)
		ids = append(ids, id)
	}
	return ids
}

// pry has everybody ask for everything, also where he has no business.
func (c *conversation) pry(guest *user) {
	c.t.Helper()
	everybody := append(slices.Collect(maps.Values(c.users)), guest)
	for _, u := range everybody {
		if u == c.users["off"] {
			continue
		}
		for _, group := range c.order {
			room := c.rooms[group]
			in := c.role(u.login, group) != "" && u != guest
			var wanted []*spoken
			for _, m := range c.said {
				if c.random.IntN(attackPry) == 0 {
					wanted = append(wanted, m)
				}
			}
			asked := func(n int) string { return fmt.Sprint("pry-", group, "-", n) }
			for n, m := range wanted {
				kind := []string{"msg-get", "edit-get"}[n%2]
				u.toRoom(room, object{"type": "chat", "data": object{"type": kind, "data": object{"msgId": m.id}, "requestId": asked(n)}})
			}
			answers := map[any]any{}
			if in { // the answers to strangers are among what judgeBytes looks at
				answers = u.answers(len(wanted), asked)
			}
			for n, m := range wanted {
				if !in {
					break
				}
				got := dig(answers[asked(n)], "response", "data", "message")
				want := any(nil)
				if _, sees := c.logged(u.login, group, m); sees && m.deleted {
					want = ""
				} else if sees {
					want = m.text()
				}
				if got != want {
					c.t.Errorf("%s asks in %s for %s: %v, want %v", u.label, group, m.id, got, want)
				}
			}
			if !in {
				u.toRoom(room, object{"type": "initialize"})
				for _, e := range []object{
					chat("log", nil), chat("log", object{"lastTime": 1}), chat("search", object{"text": "secret"}),
					chat("edit-save", object{"msgId": c.said[0].id, "message": "x", "reason": "x"}), chat("msg", object{"message": "hello"}),
				} {
					e["data"].(object)["requestId"] = "pry"
					u.toRoom(room, e)
				}
			}
		}
		u.sync()
	}
	c.settle()
}

// answers waits for the replies to so many requests of a room's chat, in whatever order.
func (u *user) answers(n int, asked func(n int) string) map[any]any {
	u.t.Helper()
	ids, got, looked := map[any]bool{}, map[any]any{}, 0
	for i := range n {
		ids[asked(i)] = true
	}
	u.awaitState(fmt.Sprint(n, " answers"), func() bool {
		for ; looked < len(u.frames); looked++ {
			reply := dig(u.frames[looked], "data", "data", "data", "data")
			if id := dig(reply, "requestId"); id != nil && ids[id] {
				got[id] = reply
			}
		}
		return len(got) == n
	})
	return got
}

// judgeBytes looks at all that anybody ever got: no text and no targets but his own.
func (c *conversation) judgeBytes(guest *user) {
	c.t.Helper()
	everybody := maps.Clone(c.users)
	everybody["guest"] = guest
	for login, u := range everybody {
		for _, f := range u.all() {
			group := c.groupOf(dig(f, "data", "data", "type"))
			text := show(f)
			for _, m := range c.said {
				for _, secret := range m.texts {
					if strings.Contains(text, secret) && !c.mayHave(login, group, m) {
						c.t.Errorf("%s has %q of %s (%s, %v) in %q: %s", login, secret, m.author, m.in, m.aims, group, text)
					}
				}
			}
			c.judgeTargets(login, group, f)
		}
	}
}

func (c *conversation) mayHave(login, group string, m *spoken) bool {
	_, live := c.live(m)[seat{login, group}]
	_, logged := c.logged(login, group, m)
	return live || logged || login == m.author && group != ""
}

// judgeTargets looks for targets anywhere in a frame.
func (c *conversation) judgeTargets(login, group string, v any) {
	c.t.Helper()
	for _, e := range asList(v) {
		c.judgeTargets(login, group, e)
	}
	o, _ := v.(object)
	for _, value := range o {
		c.judgeTargets(login, group, value)
	}
	if o["targets"] == nil || o["msgId"] == nil {
		return
	}
	n := slices.IndexFunc(c.said, func(m *spoken) bool { return m.id == o["msgId"] })
	if n < 0 {
		c.t.Errorf("%s has a message that nobody wrote: %s", login, show(o))
		return
	}
	m, got := c.said[n], c.read(o["targets"])
	live, isLive := c.live(m)[seat{login, group}]
	logged, isLogged := c.logged(login, group, m)
	if isLive && got == live || isLogged && got == logged || login == m.author && got == m.aims.String() {
		return
	}
	c.t.Errorf("%s (%s in %s) has the targets %q of a message of %s in %s; his are %q, %q", login, c.role(login, group), group, got, m.author, m.in, live, logged)
}

// judgeNotifications compares what FriendCore was asked to push.
func (c *conversation) judgeNotifications() {
	c.t.Helper()
	var want []string
	for _, m := range c.said {
		for group, logins := range c.notified(m) {
			if len(logins) > 0 {
				want = append(want, fmt.Sprint(m.id, " ", c.rooms[group], " ", logins, " ", m.texts[0]))
			}
		}
	}
	var got []string
	poll(c.t, func() bool { return len(c.core.Notifications()) >= len(want) }, func() string {
		return fmt.Sprintf("%d notifications, want %d", len(c.core.Notifications()), len(want))
	})
	for _, n := range c.core.Notifications() {
		var extra struct{ RoomID, MsgID string }
		if err := json.Unmarshal([]byte(n.Extra), &extra); err != nil {
			c.t.Errorf("extra %q: %v", n.Extra, err)
		}
		_, text, _ := strings.Cut(n.Message, ": ")
		slices.Sort(n.Users)
		if extra.RoomID != n.ChannelID {
			c.t.Errorf("channel %s, room %s", n.ChannelID, extra.RoomID)
		}
		got = append(got, fmt.Sprint(extra.MsgID, " ", extra.RoomID, " ", n.Users, " ", text))
	}
	slices.Sort(want)
	slices.Sort(got)
	for _, line := range got {
		if !slices.Contains(want, line) {
			c.t.Errorf("notified, and should not be: %s", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			c.t.Errorf("not notified: %s", line)
		}
	}
	if len(got) != len(want) {
		c.t.Errorf("%d notifications, want %d", len(got), len(want))
	}
}

// judgeApps has apps ask for the rooms in everybody's name: no text comes out.
func (c *conversation) judgeApps() {
	c.t.Helper()
	for login, p := range c.people {
		if login == "loc" {
			continue
		}
		for _, room := range c.rooms {
			if answer := show(c.core.asks(p, "room/get", room)); strings.Contains(answer, "secret") {
				c.t.Errorf("an app of %s gets %s", login, answer)
			}
		}
	}
}

// aimRaw writes a work message with any data as a request, and returns the error and the
// targets that were taken.
func (u *user) aimRaw(room, id, data string) (code, targets any) {
	u.t.Helper()
	u.sendRaw(fmt.Sprintf(`{"type":"msg","data":{"type":%q,"data":{"type":%q,"data":{"type":"chat","data":{"type":"work-msg","requestId":%q,"data":%s}}}}}`,
		u.id, room, id, data))
	reply := dig(u.expect(u.inRoom(room, object{"type": "chat", "data": object{"requestId": id}})), "data", "data", "data", "data")
	return dig(reply, "error"), dig(reply, "response", "data", "targets")
}

// TestWorkAttackTargets: of targets of whatever kind only linked workgroups and their
// members count, and the room goes on (docs/protocol.md 15.4).
func TestWorkAttackTargets(t *testing.T) {
	h := newHouse(t, sqltest.SQLite(t), workRules{true, true, true})
	h.s.start()
	h.disable("off")
	h.enter(h.insiders()...)
	h.enter("lou", "loc")
	sue, board := h.users["sue"], h.rooms["board"]
	dock, mill, top, own := h.ids["dock"], h.ids["mill"], h.ids["top"], h.ids["board"]
	bo, cy, eve, loc := h.users["bo"].id, h.users["cy"].id, h.users["eve"].id, h.users["loc"].id
	names := func(n int, of func(n int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf("%q", of(i))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	key := func(k, v string) string { return fmt.Sprintf(`{%q:%s}`, k, v) }
	const none = "ERR_NO_TARGET"
	for n, c := range []struct {
		targets string
		want    string // code, or the targets that are left
	}{
		{`null`, none}, {`5`, none}, {`true`, none}, {`"` + dock + `"`, none}, {`[]`, none}, {`{}`, none}, {`[["` + dock + `",true]]`, none},
		{`["` + dock + `"]`, none}, {key(dock, `null`), none}, {key(dock, `false`), none}, {key(dock, `1`), none}, {key(dock, `"true"`), none},
		{key(dock, `"`+bo+`"`), none}, {key(dock, `[]`), none}, {key(dock, `{}`), none}, {key(dock, `{"length":1,"0":"`+bo+`"}`), none},
		{key(dock, `[null,5,true,{},["`+bo+`"]]`), none}, {key(dock, `[["`+bo+`"]]`), none}, {key(dock, `["`+eve+`"]`), none},
		{key(dock, `["`+loc+`","acc-nobody","","*","`+strings.ToUpper(bo)+`"]`), none}, {key(dock, `["`+bo+` "]`), none},
		{key(own, `true`), none}, {key(own, `["`+sue.id+`"]`), none}, {key(h.ids["yard"], `true`), none}, {key(h.ids["lone"], `true`), none},
		{key("friend_wg_999999", `true`), none}, {key("", `true`), none}, {key(strings.ToUpper(dock), `true`), none}, {key(dock+" ", `true`), none},
		{key("__proto__", `{"`+dock+`":true}`), none}, {key("constructor", `true`), none}, {key("toString", `true`), none}, {key("dock", `true`), none},
		{key(strings.Repeat("x", 1<<20), `true`), none}, {key(strings.TrimPrefix(dock, "friend_wg_"), `true`), none},
		{`{"all_groups":false}`, none}, {`{"all_members":false}`, none}, {`{"all_groups":1,"all_members":"true"}`, none}, {`{"all_groups":[true]}`, none},
		{strings.Repeat(`{"`+dock+`":`, 150) + `true` + strings.Repeat(`}`, 150), none},
		{key(dock, `true`), "dock:all"}, {key(top, `true`), "top:all"}, {key(dock, `["`+bo+`","`+bo+`","`+bo+`"]`), "dock:bo"},
		{key(dock, `["`+bo+`",null,7,"`+eve+`","`+loc+`"]`), "dock:bo"}, {fmt.Sprintf(`{%q:false,%q:true}`, dock, dock), "dock:all"},
		{fmt.Sprintf(`{%q:true,%q:["%s"]}`, dock, dock, bo), "dock:bo"}, {fmt.Sprintf(`{"all_groups":true,%q:["%s"]}`, dock, bo), "dock:all mill:all"},
		{`{"all_groups":true,"all_members":true}`, "dock:all mill:all"}, {`{"all_members":true,"x":1}`, "dock:bo+cy+dee+mix mill:cy+eve"},
		{fmt.Sprintf(`{"all_groups":false,%q:["%s"],%q:true}`, mill, cy, h.ids["lone"]), "mill:cy"},
		{key(dock, names(5000, func(int) string { return bo })), "dock:bo"},
		{key(dock, names(20000, func(n int) string { return fmt.Sprint("acc-", n) })), none},
	} {
		code, targets := sue.aimRaw(board, fmt.Sprint("aim-", n), fmt.Sprintf(`{"message":"m%dz","targets":%s}`, n, c.targets))
		got := fmt.Sprint(code)
		if code == nil {
			got = h.read(targets)
		}
		if got != c.want {
			t.Errorf("targets %.100s: %s, want %s", c.targets, got, c.want)
		}
	}
	for n, data := range []string{
		`null`, `5`, `[]`, `{}`, `{"message":null,"targets":{"all_groups":true}}`, `{"message":5,"targets":{"all_groups":true}}`,
		`{"message":"","targets":{"all_groups":true}}`, `{"message":["x"],"targets":{"all_groups":true}}`, `{"message":{"a":1},"targets":{"all_groups":true}}`,
	} {
		if code, _ := sue.aimRaw(board, fmt.Sprint("text-", n), data); code != "ERR_INVALID_MESSAGE" {
			t.Errorf("%s: %v", data, code)
		}
	}
	if code, _ := sue.aimRaw(board, "long", `{"message":"`+strings.Repeat("x", 32<<10+1)+`","targets":{"all_groups":true}}`); code != "ERR_MESSAGE_TOO_LONG" {
		t.Errorf("too long: %v", code)
	}
	for _, id := range []string{`null`, `5`, `{}`, `[]`, `true`, `""`, `"` + strings.Repeat("r", 1<<16) + `"`, `"__proto__"`} {
		for _, data := range []string{`{"message":"with an odd id","targets":{"all_groups":true}}`, `{"message":"odd","targets":5}`, `null`} {
			sue.sendRaw(fmt.Sprintf(`{"type":"msg","data":{"type":%q,"data":{"type":%q,"data":{"type":"chat","data":{"type":"work-msg","requestId":%s,"data":%s}}}}}`,
				sue.id, board, id, data))
		}
	}
	h.settle()
	for _, login := range []string{"yan", "lou", "loc"} {
		if got := h.users[login].chats(); len(got) > 0 {
			t.Errorf("%s has got %v", login, got)
		}
	}
	for _, u := range []*user{h.users["bo"], h.users["eve"]} { // a viewer has no work-msg, a stranger nothing
		if code, _ := u.aimRaw(board, "viewer", `{"message":"x","targets":{"all_groups":true}}`); code != "ERR_NOT_ALLOWED" {
			t.Errorf("%s, who looks in, writes: %v", u.login, code)
		}
	}
	sue.aim(board, "still there", h.wire(aims{"mill": {"eve"}}))
	h.users["eve"].expect(h.users["eve"].inRoom(board, workMsg("still there", h.wire(aims{"mill": {"eve"}}))))
}

// TestWorkAttackRooms: what is for other kinds of rooms has no effect on work rooms, and
// who is not in one has no effect on it at all.
func TestWorkAttackRooms(t *testing.T) {
	db := sqltest.SQLite(t)
	h := newHouse(t, db, workRules{true, true, true})
	h.s.start()
	h.enter(h.insiders()...)
	h.enter("lou", "loc")
	board, dock := h.rooms["board"], h.rooms["dock"]
	eve, lou, sue, ann := h.users["eve"], h.users["lou"], h.users["sue"], h.users["ann"]
	state := func() string { return show(sue.roomState(board)) + show(h.users["bo"].roomState(dock)) }
	before := state()

	for _, u := range []*user{lou, h.users["loc"], eve, sue, h.users["yan"]} { // eve looks into the board, and not into the dock
		for _, room := range []string{board, dock} {
			in := h.role(u.login, h.groupOf(room)) != ""
			for _, token := range []string{"", "public-1", room} {
				if got := u.request("room-join", object{"invite": object{"roomId": room, "token": token}}); got["error"] == nil {
					t.Errorf("%s joins %s: %s", u.login, room, show(got))
				}
				u.request("invite-response", object{"accepted": true, "roomId": room, "token": token})
			}
			if got := u.request("room-get", room); !in && strings.Contains(show(got), "board") {
				t.Errorf("%s gets %s", u.login, show(got))
			}
			for _, e := range []object{
				{"type": "persist", "data": object{"name": "Taken", "persistent": true}}, {"type": "leave"}, {"type": "open"},
				{"type": "identity", "data": object{"name": "Taken"}}, {"type": "live"}, {"type": "live-join", "data": object{}},
				{"type": "live-restore", "data": object{}}, {"type": "live-leave"}, {"type": "sub-rooms"}, {"type": "workgroup", "data": object{"type": "members"}},
				{"type": "priority", "data": 4}, {"type": "join", "data": lou.id}, {"type": "settings", "data": object{"type": "save", "data": object{"roomName": "Taken"}}},
			} {
				u.toRoom(room, e)
				e["requestId"] = "odd"
				u.toRoom(room, e)
			}
			for _, kind := range []string{"public", "private", "room-invite", "room-add", "revoke", "state", "email"} {
				u.toRoom(room, object{"type": "invite", "data": object{"type": kind, "requestId": "odd", "data": object{"clientId": lou.id, "reqId": "x"}}})
			}
			for _, setting := range []string{"roomName", "userLimit", "workgroups", "authorized", "isStream"} {
				u.toRoom(room, object{"type": "settings", "data": object{"type": "setting", "requestId": "odd", "data": object{"setting": setting, "value": "Taken"}}})
			}
			u.account(object{"type": "contact", "data": object{"type": "open-chat", "data": room}})
			u.account(object{"type": "relation-add", "data": room, "requestId": "odd"})
			if !in {
				for _, e := range []object{chat("msg", object{"message": "intruder"}), chat("work-msg", object{"message": "intruder", "targets": object{"all_groups": true, h.ids["board"]: true}})} {
					u.toRoom(room, e)
				}
			}
		}
		u.sync()
	}
	h.settle()
	for _, u := range h.users {
		for _, word := range []string{"intruder", `"Taken"`} {
			if text := show(u.all()); strings.Contains(text, word) {
				t.Errorf("%s has %q", u.login, word)
			}
		}
		u.refute(u.closes(board))
	}

	update := object{"roomId": board, "update": "name", "value": "Taken"}
	for _, by := range []*user{sue, lou, eve, ann} {
		for _, c := range []struct {
			path string
			data any
		}{
			{"room/update", update}, {"room/remove", object{"roomId": board}}, {"room/get", board}, {"room/isUserInRoom", object{"userId": sue.fUserID, "roomId": board}},
		} {
			answer := h.core.asks(by.person, c.path, c.data)
			switch c.path {
			case "room/update", "room/remove":
				if answer["error"] == nil {
					t.Errorf("%s of %s: %s", c.path, by.login, show(answer))
				}
			case "room/get":
				if (answer["error"] == nil) != (by == sue || by == ann) {
					t.Errorf("%s of %s: %s", c.path, by.login, show(answer))
				}
			}
		}
		if answer := h.core.asks(by.person, "room/delete", object{"roomId": list{board, dock}}); dig(answer, "response", board) == 0.0 || dig(answer, "response", dock) == 0.0 {
			t.Errorf("room/delete of %s: %s", by.login, show(answer))
		}
	}
	h.settle()
	if after := state(); after != before {
		t.Errorf("the rooms were\n%s\nand are\n%s", before, after)
	}

	// A token that somebody wrote into the database lets nobody in, before and after a start.
	tokens := func() {
		t.Helper()
		for _, token := range []string{"public-forged", "private-forged"} {
			for range 2 {
				if _, in := h.s.try(t, ws, board, token); in {
					t.Errorf("a guest is in the board by %s", token)
				}
			}
			if got := h.users["lou"].request("room-join", object{"invite": object{"roomId": board, "token": token}}); got["error"] == nil {
				t.Errorf("lou joins by %s: %s", token, show(got))
			}
		}
	}
	for _, kind := range []string{"public", "private"} {
		sqltest.Exec(t, db, fmt.Sprintf(`INSERT INTO invite_token (type, token, roomId, singleUse, isValid, createdBy) VALUES ('%s', '%s-forged', '%s', 0, 1, '%s')`,
			kind, kind, board, sue.id))
		sqltest.Exec(t, db, fmt.Sprintf(`INSERT INTO invite_token (type, token, roomId, targetId, singleUse, isValid, createdBy) VALUES ('personal', 'personal-forged-%s', '%s', '%s', 0, 1, '%s')`,
			kind, board, lou.id, sue.id))
	}
	sqltest.Exec(t, db, fmt.Sprintf(`INSERT INTO authorized_for_room (roomId, accountId) VALUES ('%s', '%s')`, board, lou.id))
	tokens()
	h.s.restart()
	h.enter(h.insiders()...)
	h.enter("lou")
	tokens()
	lou = h.users["lou"]
	for _, token := range lou.invitesOf(board) {
		if got := lou.respond(board, token, true); got == nil {
			t.Errorf("lou accepts %s", token)
		}
	}
	lou.sync()
	lou.refute(lou.event(object{"type": "join", "data": object{"joined": object{"clientId": board}}}))
	sue = h.users["sue"]
	sue.roomState(board)
	sue.say(board, "among us")
	h.users["abe"].sees(board, "among us")
	lou.sync()
	if text := show(lou.all()); strings.Contains(text, "among us") {
		t.Errorf("lou is in the board: %s", text)
	}
}

// place is what somebody is told of a room that he is in: whether he looks into it, and
// the number by which clients order it.
type place struct {
	view     bool
	priority float64
}

// places lists the work rooms that an account is in, by workgroup, as its events tell.
func (u *user) places(frames []frame) map[string]place {
	now, groups := map[string]place{}, map[any]string{}
	for _, f := range frames {
		if dig(f, "data", "type") != u.id {
			continue
		}
		e := dig(f, "data", "data")
		kind, data := dig(e, "type"), dig(e, "data")
		group, _ := dig(data, "joined", "workgroupId").(string)
		switch {
		case kind == "join" && group != "":
			groups[dig(data, "joined", "clientId")] = group
			view, _ := dig(data, "joined", "isView").(bool)
			priority, _ := dig(data, "joined", "priority").(float64)
			now[group] = place{view, priority}
		case kind == "close":
			delete(now, groups[data])
		case groups[kind] != "" && dig(data, "type") == "priority":
			p := now[groups[kind]]
			p.priority, _ = dig(data, "data").(float64)
			now[groups[kind]] = p
		}
	}
	return now
}

// wanted are the places that somebody should have.
func (h *house) wanted(login string) map[string]place {
	all := map[string]place{}
	for _, group := range h.order {
		switch h.role(login, group) {
		case "member":
			all[h.ids[group]] = place{false, map[bool]float64{true: 4, false: 2}[h.parent[group] != ""]}
		case "super":
			all[h.ids[group]] = place{false, 0}
		case "viewer":
			all[h.ids[group]] = place{true, 2}
		}
	}
	return all
}

// findPlaces waits until everybody has the places that he should have, and no others.
func (h *house) findPlaces() {
	h.t.Helper()
	for _, login := range h.insiders() {
		u, want := h.users[login], h.wanted(login)
		poll(h.t, func() bool { return maps.Equal(u.places(u.all()), want) }, func() string {
			return fmt.Sprintf("%s is in %v, should be in %v", login, u.places(u.all()), want)
		})
	}
}

// change changes a workgroup in FriendCore.
func (h *house) change(name string, do func(g *friendcoretest.Group)) {
	g, _ := h.core.Group(name)
	do(&g)
	h.core.SetGroup(g)
}

func (h *house) under(name, parent string) {
	h.change(name, func(g *friendcoretest.Group) { g.ParentID = h.core.groups[parent].ID })
}

// rubbish are settings of FriendCore that no administrator should make.
func rubbish() []string {
	many := make([]string, 10000)
	for n := range many {
		many[n] = fmt.Sprintf("group %d", n)
	}
	listed, err := json.Marshal(object{"super_groups": many})
	if err != nil {
		panic(err) // texts can be encoded
	}
	return []string{
		``, `{`, `null`, `5`, `[]`, `"board"`, `{}`, `{"super_groups":null}`, `{"super_groups":5}`, `{"super_groups":{}}`, `{"super_groups":[1,null,{"a":[]},true]}`,
		`{"super_groups":[["board"]]}`, `{"super_groups":",,, ,\t,\u0000,"}`, `{"super_groups":"'; DROP TABLE room; --,\"board\",\\\\"}`, `{"super_groups":"-1,0,1e9,99999999999999999999,0x4"}`,
		string(listed), `{"super_groups":"` + strings.Join(many, ",") + `"}`, `{"super_groups":"` + strings.Repeat("x", 200000) + `"}`,
		strings.Repeat(`{"super_groups":`, 3000) + `1` + strings.Repeat(`}`, 3000), `{"super_groups":"lone","supergroups":[]}`,
	}
}

// TestWorkAttackFriendCore: whatever FriendCore says of workgroups, super groups and
// users, the program stays, says little of it in its log, and in the end everybody is
// where he would be after a login.
func TestWorkAttackFriendCore(t *testing.T) {
	h := newHouse(t, sqltest.SQLite(t), workRules{true, true, true})
	h.s.start()
	h.enter(h.insiders()...)
	rooms := maps.Clone(h.rooms)
	sound := fmt.Sprintf(`{"super_groups":"%d,board"}`, h.core.groups["top"].ID)
	write := func() {
		for _, login := range h.insiders() {
			for group, room := range rooms {
				u := h.users[login]
				u.toRoom(room, chat("msg", object{"message": "among the ruins"}))
				u.toRoom(room, chat("work-msg", object{"message": "over the ruins", "targets": object{"all_members": true, h.ids[group]: true}}))
			}
		}
	}
	bad := rubbish()
	for n := range max(attackFlaps, len(bad)) {
		for _, do := range []func(){
			func() { h.change("dock", func(g *friendcoretest.Group) { g.ParentID = 0 }) },
			func() { h.under("dock", "mill") },
			func() { h.under("board", "dock"); h.under("dock", "board") }, // a ring
			func() { h.under("top", "board"); h.under("board", "top") },   // a ring of super groups
			func() { h.under("board", "board") },
			func() { h.change("mill", func(g *friendcoretest.Group) { g.ParentID = 1 << 30 }) },
			func() { h.core.DeleteGroup(h.core.groups["yard"].ID) },
			func() { h.core.SetUsers(h.core.groups["dock"].ID) },
		}[n%8:] {
			do()
			break
		}
		h.core.SetSettings(bad[n%len(bad)])
		write()
		h.s.login(t, h.people["dan"], ws).close() // the setting is read
		if n%5 == 0 {
			h.core.DropServices()
		}
		if n%2 == 0 {
			h.core.SetSettings(sound)
			h.s.login(t, h.people["dan"], ws).close()
		}
		h.core.AddUsers(h.core.groups["dock"].ID, h.core.numbers([]person{h.people["bo"]})...)
		h.change("top", func(g *friendcoretest.Group) { g.ParentID = 0 })
		write()
	}

	// Half of the users are away for one reading.
	half := []string{"bo", "cy", "eve", "sue"}
	var lost []friendcoretest.User
	for _, login := range half {
		u, _ := h.core.User(login)
		lost = append(lost, u)
		h.core.DeleteUser(u.ID)
	}
	h.under("dock", "board")
	poll(t, func() bool { return len(h.users["bo"].places(h.users["bo"].all())) == 0 }, func() string { return "bo is still there" })
	for _, u := range lost {
		u.ID = 0
		h.core.AddUser(u)
	}

	// All is as it was, but for the yard, which is another workgroup, and the dock's name.
	h.core.SetSettings(sound)
	for name := range h.parent {
		if name != "yard" && name != "dock" {
			h.under(name, h.parent[name])
		}
	}
	h.change("top", func(g *friendcoretest.Group) { g.ParentID = 0 })
	if yard, there := h.core.Group("yard"); there {
		h.core.DeleteGroup(yard.ID)
	}
	h.addGroup("yard", h.core.groups["top"].ID, h.members["yard"]...)
	for _, name := range h.order {
		var members []person
		for _, login := range h.members[name] {
			members = append(members, h.people[login])
		}
		h.core.SetUsers(h.core.groups[name].ID, h.core.numbers(members)...)
	}
	h.change("dock", func(g *friendcoretest.Group) { g.Name, g.ParentID = `har,bor " \ 'x'`, h.core.groups["board"].ID })
	h.change(`har,bor " \ 'x'`, func(g *friendcoretest.Group) { g.Name = "dock" })
	h.s.login(t, h.people["dan"], ws).close()
	h.findPlaces()
	lines := strings.Count(h.s.log.String(), "\n")
	var loud int
	for line := range strings.Lines(h.s.log.String()) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			loud++
		}
	}
	t.Logf("%d lines in the log, %d of them warnings or errors", lines, loud)
	if lines > 50*len(bad) || loud > 2*len(bad) {
		t.Errorf("the log has %d lines, %d of them warnings or errors", lines, loud)
	}

	living := map[string]map[string]place{}
	for _, login := range h.insiders() {
		living[login] = h.users[login].places(h.users[login].all())
	}
	h.s.restart()
	h.enter(h.insiders()...)
	h.findPlaces()
	for login, places := range living {
		if fresh := h.users[login].places(h.users[login].all()); !maps.Equal(fresh, places) {
			t.Errorf("%s: %v before, %v after a start", login, places, fresh)
		}
	}
	h.users["bo"].say(h.rooms["board"], "still there")
	h.users["sue"].expect(h.users["sue"].inRoom(h.rooms["board"], workMsg("still there", anything)))
}

// shownAt is a message as an account saw it in a room.
type shownAt struct{ room, id string }

// seen lists the messages that came live in each room, in their order.
func seen(events []told) (order map[string][]string, times map[string]float64) {
	order, times = map[string][]string{}, map[string]float64{}
	for _, e := range events {
		if id, _ := e.data["msgId"].(string); e.kind == "msg" || e.kind == "work-msg" {
			order[e.room] = append(order[e.room], id)
			times[id], _ = e.data["time"].(float64)
		}
	}
	return order, times
}

// throng is everybody in a house on two connections each, who write all at once.
type throng struct {
	*house
	clients []*user
	shown   map[string]map[shownAt]bool // by login, over all starts
	count   int
}

func (c *throng) gather() {
	c.t.Helper()
	c.enter(c.insiders()...)
	c.clients = slices.Collect(maps.Values(c.users))
	for _, login := range c.insiders() {
		again := c.s.login(c.t, c.people[login], ws)
		again.label += " again"
		c.clients = append(c.clients, again)
	}
}

// write has each client write into its own workgroup's room, aimed at the neighbors. It
// returns when all has been sent, or the server is gone.
func (c *throng) write() {
	ended := make(chan struct{})
	for n, u := range c.clients {
		c.count++
		var frames []object
		for _, group := range c.order {
			if c.role(u.login, group) != "member" {
				continue
			}
			targets := object{"all_groups": true}
			if len(c.children(group)) == 0 || n%2 == 0 {
				targets = object{c.ids[c.parent[group]]: true}
				for _, g := range c.children(group) {
					targets[c.ids[g]] = c.accounts(c.members[g][:1])
				}
			}
			for k := range attackMessages {
				text := fmt.Sprintf("throng %d %s %d", c.count, group, k)
				frames = append(frames, u.inRoom(c.rooms[group], chat("work-msg", object{"message": text, "targets": targets})))
			}
		}
		go func() {
			defer func() { ended <- struct{}{} }()
			for _, f := range frames {
				if u.trySend(f) != nil {
					return
				}
			}
		}()
	}
	for range c.clients {
		<-ended
	}
}

// note keeps what was shown so far. No connection may have got a message twice.
func (c *throng) note() {
	c.t.Helper()
	for _, u := range c.clients {
		order, times := seen(u.chats())
		used := map[float64]string{}
		for room, ids := range order {
			distinct := map[string]bool{}
			for _, id := range ids {
				if distinct[id] {
					c.t.Errorf("%s got %s twice in %s", u.label, id, c.groupOf(room))
				}
				distinct[id] = true
				if other := used[times[id]]; other != "" && other != id {
					c.t.Errorf("%s and %s have the same time", other, id)
				}
				used[times[id]] = id
				if c.shown[u.login] == nil {
					c.shown[u.login] = map[shownAt]bool{}
				}
				c.shown[u.login][shownAt{room, id}] = true
			}
		}
	}
}

// judge compares logs with what was shown.
func (c *throng) judge() {
	c.t.Helper()
	for _, login := range c.insiders() {
		found := map[shownAt]bool{}
		for _, group := range c.order {
			if c.role(login, group) == "" {
				continue
			}
			room, last := c.rooms[group], 0.0
			before := float64(1 << 52)
			var pages [][]object
			for {
				page := c.users[login].logMessages(room, object{"firstTime": before, "length": 100})
				if len(page) == 0 {
					break
				}
				before, _ = page[0]["time"].(float64)
				pages = append(pages, page)
			}
			slices.Reverse(pages)
			unread := 0.0 // everybody was there before the first message
			for _, m := range slices.Concat(pages...) {
				if m["fromId"] != c.users[login].id {
					unread++
				}
				id, _ := m["msgId"].(string)
				time, _ := m["time"].(float64)
				if found[shownAt{room, id}] || time <= last {
					c.t.Errorf("%s: %s is doubled in the log of %s, or not later than the one before", login, id, group)
				}
				found[shownAt{room, id}], last = true, time
			}
			if n := dig(c.users[login].roomState(room), "relation", "unreadMessages"); n != unread {
				c.t.Errorf("%s has %v unread messages in %s, want %v", login, n, group, unread)
			}
		}
		lost := 0
		for at := range c.shown[login] {
			if !found[at] {
				lost++
			}
		}
		if lost > 0 || len(found) == 0 {
			c.t.Errorf("%s: %d messages that were shown are in no log, %d are", login, lost, len(found))
		}
	}
}

// TestWorkAttackCrowd: 20 clients write across workgroups while others come and go, and
// the program is stopped and killed in the middle. What was shown is in the logs, once.
func TestWorkAttackCrowd(t *testing.T) {
	onEach(t, func(t *testing.T, db sql.Config) {
		h := newHouse(t, db, workRules{true, true, true})
		h.s.start()
		c := &throng{house: h, shown: map[string]map[shownAt]bool{}}
		ends := []string{"killed", "stopped", ""}
		if db.Driver != sql.SQLite {
			ends = []string{"killed", ""}
		}
		for _, end := range ends {
			h.enter("lou")
			c.gather()
			written := make(chan struct{})
			go func() { defer close(written); c.write() }()
			c.flap()
			switch end {
			case "killed":
				h.s.proc.kill()
			case "stopped":
				h.s.stop()
			}
			<-written
			if end != "" {
				for _, u := range c.clients {
					<-u.done
				}
				c.note()
				h.s.start()
				continue
			}
			h.settle()
			for _, u := range c.clients {
				for _, group := range h.order {
					if h.role(u.login, group) != "" {
						u.barrier(h.rooms[group])
					}
				}
			}
			c.note()
			c.judge()
		}
	})
}

// flap has lou come to the dock and leave it, while messages are shown.
func (c *throng) flap() {
	c.t.Helper()
	sue, lou, dock := c.users["sue"], c.users["lou"], c.core.groups["dock"].ID
	shown, looked := 0, 0
	for shown < attackMessages {
		for _, in := range []bool{true, false} {
			if in {
				c.core.AddUsers(dock, c.core.numbers([]person{lou.person})...)
			} else {
				c.core.RemoveUsers(dock, c.core.numbers([]person{lou.person})...)
			}
			poll(c.t, func() bool {
				_, there := lou.places(lou.all())[c.ids["dock"]]
				return there == in
			}, func() string { return "lou is not where he should be" })
		}
		for _, f := range sue.all()[looked:] {
			looked++
			if strings.Contains(show(f), "throng ") {
				shown++
			}
		}
	}
}

// TestWorkAttackFormerRows: what the predecessor wrote is there for its readers after the
// start: targets without a time, messages without a status, several of the same time, and
// read marks at messages of other rooms (docs/protocol.md 11.2, 15.6, 15.7).
func TestWorkAttackFormerRows(t *testing.T) {
	onEach(t, func(t *testing.T, db sql.Config) {
		h := newHouse(t, db, workRules{true, true, true})
		h.s.start()
		h.enter(h.insiders()...)
		c := &conversation{house: h}
		h.s.stop()
		status := "''"
		if db.Driver == sql.MySQL { // there it may be null in a database of the predecessor
			sqltest.Exec(t, db, `ALTER TABLE message MODIFY status VARCHAR(20) NULL`)
			status = "NULL"
		}
		row := func(at int, m *spoken) {
			m.id, m.texts = fmt.Sprintf("wrk-old-%d", len(c.said)), []string{fmt.Sprintf("secret old %d", len(c.said))}
			kind, status := map[bool]string{true: "msg", false: "work-msg"}[m.aims == nil], status
			if m.deleted {
				status = "'delete'"
			}
			sqltest.Exec(t, db, fmt.Sprintf(`INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message, status) VALUES ('%s', '%s', '%s', %d, '%s', '%s', '%s', %s)`,
				m.id, h.rooms[m.in], h.users[m.author].id, 1600000000000+at, kind, fullName(m.author), m.text(), status))
			for _, group := range slices.Sorted(maps.Keys(m.aims)) {
				members := []string{"NULL"}
				if named := m.aims[group]; named != nil {
					members = nil
					for _, login := range named {
						members = append(members, "'"+h.users[login].id+"'")
					}
				}
				for _, member := range members {
					sqltest.Exec(t, db, fmt.Sprintf(`INSERT INTO message_work_target (msgId, source, target, memberId) VALUES ('%s', '%s', '%s', %s)`,
						m.id, h.ids[m.in], h.ids[group], member))
				}
			}
			c.said = append(c.said, m)
		}
		row(1, &spoken{author: "sue", in: "board"})
		row(2, &spoken{author: "sue", in: "board", aims: aims{"dock": nil}})
		row(2, &spoken{author: "bo", in: "dock", aims: aims{"board": nil}})
		row(2, &spoken{author: "abe", in: "board", aims: aims{"dock": {"cy", "bo"}, "mill": {"eve", "cy"}}})
		row(2, &spoken{author: "tom", in: "top", aims: aims{"board": nil}})
		row(3, &spoken{author: "cy", in: "dock", aims: aims{"board": nil}, deleted: true})
		row(3, &spoken{author: "tom", in: "top", aims: aims{"board": {"sue", "abe"}, "yard": nil}})
		row(4, &spoken{author: "eve", in: "mill", aims: aims{"board": nil}})
		row(5, &spoken{author: "sue", in: "board", aims: aims{"dock": nil, "top": nil}})
		row(6, &spoken{author: "dee", in: "dock"})
		// Bo has read up to the second one, which was written in another room than the dock.
		sqltest.Exec(t, db, fmt.Sprintf(`UPDATE room_user_messages SET lastReadId = 'wrk-old-1', lastReadTime = NULL WHERE roomId = '%s' AND userId = '%s'`,
			h.rooms["dock"], h.users["bo"].id))
		h.s.start()
		h.enter(h.insiders()...)
		c.judgeLogs()
		if n := dig(h.users["bo"].roomState(h.rooms["dock"]), "relation", "unreadMessages"); n != 2.0 {
			t.Errorf("bo has %v unread messages in the dock, want 2", n)
		}
		if got := dig(h.users["cy"].roomState(h.rooms["board"]), "relation", "lastMessage", "data", "targets"); h.read(got) != "dock:cy mill:cy" {
			t.Errorf("cy's newest message of the board is for %q", h.read(got))
		}
		for _, u := range h.users {
			for _, f := range u.all() {
				c.judgeTargets(u.login, h.groupOf(dig(f, "data", "data", "type")), f)
			}
		}
	})
}

// TestWorkAttackReconnect: who is cut off gets what was shown to him meanwhile, in order,
// once, as member, as member of the parent and looking in.
func TestWorkAttackReconnect(t *testing.T) {
	h := newHouse(t, sqltest.SQLite(t), workRules{true, true, true})
	h.s.start()
	h.enter(h.insiders()...)
	h.enter("lou")
	c := &conversation{house: h, random: rand.New(rand.NewPCG(attackSeed, 2))}
	away := []string{"cy", "sue", "tom"}
	speakers := slices.DeleteFunc(h.insiders(), func(login string) bool { return slices.Contains(away, login) })
	old := map[string]*user{}
	for _, login := range away {
		old[login] = h.users[login]
		old[login].abort()
	}
	for range attackSteps / 2 {
		login := pick(c, speakers)
		group := pick(c, slices.DeleteFunc(slices.Clone(c.order), func(g string) bool { return c.role(login, g) == "" }))
		c.speak(login, group)
	}
	for n, login := range away {
		again := h.s.resume(t, old[login], []transport{ws, tcp}[n%2])
		again.expect(object{"type": "session", "data": old[login].session})
		again.expect(stage("ready", nil))
		h.users[login] = again
	}
	c.settle()
	c.judgeLive()
	for _, login := range away {
		// What was written in one room comes in its order; different rooms store at their own pace.
		latest := map[[2]any]float64{}
		for _, e := range h.users[login].chats() {
			at, _ := e.data["time"].(float64)
			from := [2]any{e.room, e.data["roomId"]}
			if (e.kind == "msg" || e.kind == "work-msg") && at < latest[from] {
				t.Errorf("%s: in %s something came in another order", login, h.groupOf(e.room))
			}
			latest[from] = max(latest[from], at)
		}
	}
	h.users["cy"].refute(h.users["cy"].closes(h.rooms["dock"]))
}

// TestWorkAttackNewest: what somebody sees last is told, however much was said since that
// he does not see (docs/protocol.md 15.7).
func TestWorkAttackNewest(t *testing.T) {
	h := newHouse(t, sqltest.SQLite(t), workRules{true, true, true})
	h.s.start()
	h.enter(h.insiders()...)
	bo, sue, board := h.users["bo"], h.users["sue"], h.rooms["board"]
	sue.aim(board, "for bo", h.wire(aims{"dock": {"bo"}}))
	bo.expect(bo.inRoom(board, workMsg("for bo", anything)))
	for n := range 150 {
		sue.say(board, fmt.Sprint("among us ", n))
	}
	sue.sees(board, "among us 149")
	for _, when := range []string{"before", "after"} {
		relation := h.users["bo"].roomState(board)["relation"]
		if got := dig(relation, "lastMessage", "data", "message"); got != "for bo" {
			t.Errorf("%s a restart: the newest message is %v", when, got)
		}
		if got := h.users["bo"].logOf(board); !slices.Equal(got, []string{"for bo"}) {
			t.Errorf("%s a restart: the log is %q", when, got)
		}
		if when == "before" {
			h.s.restart()
			h.enter(h.insiders()...)
		}
	}
}

// TestWorkAttackMoved: what was written to the parent stays hidden from the own workgroup
// when that moves away, after a restart too (docs/protocol.md 15.6).
func TestWorkAttackMoved(t *testing.T) {
	h := newHouse(t, sqltest.SQLite(t), workRules{true, true, true})
	h.s.start()
	h.enter(h.insiders()...)
	abe, sue, ann := h.users["abe"], h.users["sue"], h.users["ann"]
	abe.say(h.rooms["top"], "sue must go") // from the board, where sue is, to the top
	ann.expect(ann.inRoom(h.rooms["top"], workMsg("sue must go", anything)))
	hidden := func(when string) {
		t.Helper()
		if got := h.users["sue"].logOf(h.rooms["board"]); slices.Contains(got, "sue must go") {
			t.Errorf("%s: sue reads %q", when, got)
		}
	}
	hidden("at first")
	h.change("board", func(g *friendcoretest.Group) { g.ParentID = 0 })
	sue.gets(1, sue.closes(h.rooms["top"]))
	hidden("moved away")
	h.s.restart()
	h.users["sue"] = h.s.login(t, h.people["sue"], ws)
	h.users["sue"].workRoom(h.ids["board"])
	hidden("after a restart")
}
