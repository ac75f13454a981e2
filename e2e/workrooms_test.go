package e2e

import (
	"fmt"
	"slices"
	"testing"

	"presence/friendcore/friendcoretest"
	"presence/sql"
)

// office is a server with a super group, the board, and two child groups: bo and cy
// work at the dock, eve in the mill. adm is an admin on the board.
type office struct {
	s           *server
	core        *friendCore
	observer    *observer
	people      map[string]person
	groups      map[string]string // client ids by name
	sue, bo, cy *user
	eve         *user
	board, dock string // rooms
	mill        string
}

func newOffice(t *testing.T, c sql.Config) *office {
	t.Helper()
	o := &office{core: newFriendCore(t, friendcoretest.Options{}), people: map[string]person{}, groups: map[string]string{}}
	o.s = o.core.serve(t)
	o.s.useDatabase(c)
	for _, login := range []string{"sue", "bo", "cy", "eve", "dan"} {
		o.people[login] = o.core.person(login)
	}
	o.people["adm"] = o.core.personOf(friendcoretest.User{Login: "adm", FullName: "Adm", Level: "Admin"})
	board := o.group("board", 0, "sue", "adm")
	o.group("dock", board, "bo", "cy")
	o.group("mill", board, "eve")
	o.core.SetSettings(fmt.Sprintf(`{"super_groups":"%d"}`, board))
	o.s.start()
	o.observer = o.core.observe(o.s)
	o.enter(t)
	return o
}

// group makes a workgroup of FriendCore and returns its number.
func (o *office) group(name string, parent int, logins ...string) int {
	var members []person
	for _, login := range logins {
		members = append(members, o.people[login])
	}
	g := o.core.AddGroup(name, parent, o.core.numbers(members)...)
	o.core.groups[name], o.groups[name] = g, workgroup(g.ID)
	return g.ID
}

// enter logs everybody in and waits for their rooms.
func (o *office) enter(t *testing.T) {
	t.Helper()
	o.sue, o.bo = o.s.login(t, o.people["sue"], ws), o.s.login(t, o.people["bo"], tcp)
	o.cy, o.eve = o.s.login(t, o.people["cy"], ws), o.s.login(t, o.people["eve"], ws)
	o.board, o.dock, o.mill = o.sue.workRoom(o.groups["board"]), o.bo.workRoom(o.groups["dock"]), o.eve.workRoom(o.groups["mill"])
	for _, who := range []*user{o.bo, o.cy, o.eve} {
		who.workRoom(o.groups["board"])
	}
	o.cy.workRoom(o.groups["dock"])
}

// workRoom waits until the user is in the room of a workgroup, and returns it. The
// joins of different rooms have no order.
func (u *user) workRoom(group string) string {
	u.t.Helper()
	want := u.event(object{"type": "join", "data": object{"joined": object{"workgroupId": group}}})
	var id string
	u.awaitState("the room of "+group, func() bool {
		for _, f := range u.frames {
			if match(want, f, newBindings()) == nil {
				id, _ = dig(f, "data", "data", "data", "joined", "clientId").(string)
			}
		}
		return id != ""
	})
	return id
}

// gets waits until so many frames came that match. What comes from different rooms, and
// from a room and the account, has no order.
func (u *user) gets(n int, p pattern) {
	u.t.Helper()
	u.awaitState(show(p), func() bool {
		found := 0
		for _, f := range u.frames {
			if match(p, f, newBindings()) == nil {
				found++
			}
		}
		return found >= n
	})
}

// closes is the word that the account is out of a room.
func (u *user) closes(room string) object { return u.event(object{"type": "close", "data": room}) }

// workMsg is a work message as it is told.
func workMsg(text string, targets any) object {
	return chat("work-msg", object{"type": "work-msg", "message": text, "targets": targets})
}

// aim writes a work message.
func (u *user) aim(room, text string, targets any) {
	u.t.Helper()
	u.toRoom(room, chat("work-msg", object{"message": text, "targets": targets}))
}

// TestWorkRooms tells the life of work rooms, as Friend Chat's users live it, on both
// databases and both transports.
func TestWorkRooms(t *testing.T) {
	onEach(t, func(t *testing.T, c sql.Config) {
		o := newOffice(t, c)
		o.states(t)
		o.messages(t)
		o.viewers(t)
		o.edits(t)
		o.outlive(t)
		o.changes(t)
	})
}

func (o *office) states(t *testing.T) {
	state := o.sue.roomState(o.board)
	err := match(object{
		"name": "board", "ownerId": "system", "settings": object{},
		"workConfig": object{"subsHaveSuperView": true, "supersHaveSubRoom": true, "supersSubHideSuper": true, "showUserList": true},
		"users":      anything, "online": list{o.sue.id}, "atNames": anything, "peers": list{},
		"workgroups": object{
			"workId": o.groups["board"], "superId": nil, "subIds": list{o.groups["dock"], o.groups["mill"]},
			"members":   object{o.groups["dock"]: list{o.bo.id, o.cy.id}, o.groups["mill"]: list{o.eve.id}},
			"rooms":     object{o.groups["dock"]: object{"clientId": o.dock, "superId": o.groups["board"], "name": "dock"}},
			"available": object{o.groups["board"]: anything, o.groups["dock"]: anything, o.groups["mill"]: anything},
		},
		"relation": object{"unreadMessages": 0.0, "lastMessage": nil},
	}, state, newBindings())
	if err != nil {
		t.Errorf("sue's state is %s: %v", show(state), err)
	}
	view := o.bo.roomState(o.board)
	err = match(object{
		"users": list{}, "online": list{o.bo.id}, "peers": list{},
		"workgroups": object{
			"superId": nil, "subIds": list{o.groups["dock"]}, "members": object{o.groups["dock"]: list{o.bo.id}},
			"rooms": object{o.groups["dock"]: object{"clientId": o.dock}},
		},
	}, view, newBindings())
	if err != nil {
		t.Errorf("bo's view is %s: %v", show(view), err)
	}
	for _, key := range []string{"workConfig", "admins", "recent", "atNames"} {
		if _, there := view[key]; there {
			t.Errorf("a viewer is told %s", key)
		}
	}
	if got := o.sue.ask(o.board, "settings", "get", nil); match(object{"response": object{}, "error": nil}, got, newBindings()) != nil {
		t.Errorf("settings: %s", show(got))
	}
	if got := o.sue.ask(o.board, "settings", "setting", object{"setting": "roomName", "value": "x"}); got["error"] != "ERR_NOT_ALLOWED" {
		t.Errorf("setting: %s", show(got))
	}
}

func (o *office) messages(t *testing.T) {
	dock, mill := o.groups["dock"], o.groups["mill"]
	o.sue.aim(o.board, "who loads?", object{dock: true, mill: list{o.eve.id, o.bo.id}, "friend_wg_999": true})
	o.sue.expect(o.sue.inRoom(o.board, workMsg("who loads?", object{dock: true, mill: list{o.eve.id}})))
	for _, who := range []*user{o.bo, o.cy} {
		who.expect(who.inRoom(o.dock, workMsg("who loads?", object{dock: true})))
	}
	o.eve.expect(o.eve.inRoom(o.board, workMsg("who loads?", object{mill: list{o.eve.id}})))
	o.eve.barrier(o.mill)
	o.eve.refute(o.eve.inRoom(o.mill, workMsg("who loads?", anything)))
	o.bo.refute(o.bo.inRoom(o.board, workMsg("who loads?", anything)))

	o.bo.say(o.dock, "among ourselves")
	o.cy.sees(o.dock, "among ourselves")
	o.sue.sees(o.dock, "among ourselves") // a member of the parent is in the child room
	o.eve.barrier(o.mill)
	o.eve.refute(o.eve.inRoom(o.dock, anything))

	if got := o.sue.ask(o.board, "chat", "work-msg", object{"message": "anybody?", "targets": object{mill: list{o.bo.id}}}); got["error"] != "ERR_NO_TARGET" {
		t.Errorf("a message to nobody: %s", show(got))
	}
	if texts := o.cy.logOf(o.dock); !slices.Equal(texts, []string{"who loads?", "among ourselves"}) {
		t.Errorf("cy's log of the dock is %q", texts)
	}
	if texts := o.eve.logOf(o.mill); len(texts) != 0 {
		t.Errorf("eve's log of the mill is %q", texts)
	}
}

func (o *office) viewers(t *testing.T) {
	board := o.groups["board"]
	o.bo.say(o.board, "we need rope")
	o.sue.expect(o.sue.inRoom(o.board, workMsg("we need rope", object{board: true})))
	o.bo.expect(o.bo.inRoom(o.board, workMsg("we need rope", object{board: true})))
	o.bo.toRoom(o.board, chat("state", object{"typing": true}))
	o.bo.barrier(o.board)
	o.sue.barrier(o.board)
	o.sue.refute(o.sue.inRoom(o.board, chat("state", anything)))
	o.cy.barrier(o.dock)
	o.cy.refute(o.cy.inRoom(o.dock, workMsg("we need rope", anything)))
	for who, want := range map[*user][]string{o.bo: {"we need rope"}, o.eve: {"who loads?"}, o.cy: nil, o.sue: {"who loads?", "we need rope"}} {
		if texts := who.logOf(o.board); !slices.Equal(texts, want) {
			t.Errorf("%s's log of the board is %q, want %q", who.login, texts, want)
		}
	}
	relation, _ := o.eve.roomState(o.board)["relation"].(object)
	if relation["unreadMessages"] != 1.0 {
		t.Errorf("eve's unread messages of the board: %s", show(relation))
	}
	id, _ := dig(relation, "lastMessage", "data", "msgId").(string)
	o.eve.toRoom(o.board, chat("confirm", object{"type": "message", "eventId": id}))
	relation, _ = o.eve.roomState(o.board)["relation"].(object)
	if relation["unreadMessages"] != 0.0 {
		t.Errorf("after reading: %s", show(relation))
	}
	rope := o.bo.logMessages(o.board, nil)[0]
	if got := o.bo.ask(o.board, "chat", "msg-get", object{"msgId": rope["msgId"]}); dig(got, "response", "data", "message") != "we need rope" {
		t.Errorf("bo asks for what he wrote: %s", show(got))
	}
	if got := o.eve.ask(o.board, "chat", "msg-get", object{"msgId": rope["msgId"]}); got["response"] != nil || got["error"] != nil {
		t.Errorf("eve asks for what bo wrote: %s", show(got))
	}
}

func (o *office) edits(t *testing.T) {
	board := o.groups["board"]
	rope := o.bo.logMessages(o.board, nil)[0]
	o.bo.toRoom(o.board, chat("edit-save", object{"msgId": rope["msgId"], "message": "we need a rope"}))
	update := chat("update", object{"type": "work-msg", "data": object{"message": "we need a rope", "targets": object{board: true}}})
	o.sue.expect(o.sue.inRoom(o.board, update))
	o.bo.expect(o.bo.inRoom(o.board, update))
	adm := o.s.login(t, o.people["adm"], ws)
	adm.workRoom(board)
	if got := adm.ask(o.board, "chat", "delete", object{"msgId": rope["msgId"]}); dig(got, "response", "data", "error") != "ERR_DELETE_NOT_ALLOWED" {
		t.Errorf("deleted outside of its room: %s", show(got))
	}
	adm.workRoom(o.groups["dock"])
	loads := o.sue.logMessages(o.board, nil)[0]
	if got := adm.ask(o.board, "chat", "delete", object{"msgId": loads["msgId"]}); dig(got, "response", "type") != "delete" {
		t.Errorf("not deleted: %s", show(got))
	}
	remove := chat("remove", object{"type": "work-msg", "data": object{"msgId": loads["msgId"], "message": ""}})
	for _, who := range []*user{o.bo, o.cy} {
		who.expect(who.inRoom(o.dock, remove))
	}
	o.eve.expect(o.eve.inRoom(o.board, remove))
	if texts := o.cy.logOf(o.dock); !slices.Equal(texts, []string{"among ourselves"}) {
		t.Errorf("cy's log of the dock is %q", texts)
	}
	o.s.goes(adm, 5)
}

// outlive restarts the server: rooms, logs and marks are what they were.
func (o *office) outlive(t *testing.T) {
	o.sue.aim(o.board, "before the restart", object{"all_members": true})
	o.eve.expect(o.eve.inRoom(o.board, workMsg("before the restart", anything)))
	board, dock := o.board, o.dock
	o.s.restart()
	o.observer.user = o.s.login(t, o.observer.person, ws)
	o.enter(t)
	if o.board != board || o.dock != dock {
		t.Error("other rooms than before")
	}
	for who, want := range map[*user][]string{
		o.bo: {"we need a rope", "before the restart"}, o.eve: {"before the restart"}, o.sue: {"we need a rope", "before the restart"},
	} {
		if texts := who.logOf(o.board); !slices.Equal(texts, want) {
			t.Errorf("%s's log of the board is %q, want %q", who.login, texts, want)
		}
	}
	if n := dig(o.eve.roomState(o.board), "relation", "unreadMessages"); n != 1.0 {
		t.Errorf("eve has %v unread messages", n)
	}
}

// changes moves people and workgroups about while everybody is there.
func (o *office) changes(t *testing.T) {
	dock := o.core.groups["dock"]
	dan := o.s.login(t, o.people["dan"], ws)
	o.core.AddUsers(dock.ID, o.core.numbers([]person{o.people["dan"]})...)
	o.bo.expect(o.bo.inRoom(o.dock, object{"type": "at-add", "data": "Dan"}))
	o.bo.expect(o.bo.inRoom(o.dock, object{"type": "join", "data": object{"clientId": dan.id, "isAuthed": false, "workgroups": list{o.groups["dock"]}}}))
	o.sue.gets(1, o.sue.inRoom(o.board, object{"type": "workgroup", "data": object{
		"type": "members", "data": object{"workId": o.groups["dock"], "members": list{o.bo.id, o.cy.id, dan.id}},
	}}))
	dan.workRoom(o.groups["dock"])
	dan.workRoom(o.groups["board"])

	o.core.RemoveUsers(dock.ID, o.core.numbers([]person{o.people["dan"]})...)
	o.bo.gets(1, o.bo.inRoom(o.dock, object{"type": "leave", "data": dan.id}))
	dan.gets(1, dan.closes(o.dock))
	dan.gets(1, dan.closes(o.board))

	dock.Name = "harbor"
	o.core.SetGroup(dock)
	renamed := object{"type": "room-update", "data": object{"clientId": o.dock, "name": "harbor", "avatar": anything}}
	o.bo.gets(1, o.bo.inRoom(o.dock, renamed))
	o.sue.gets(1, o.sue.inRoom(o.dock, renamed))

	dock.ParentID = 0
	o.core.SetGroup(dock) // the board has it no longer
	o.sue.gets(1, o.sue.inRoom(o.board, object{"type": "workgroup", "data": object{"type": "sub-rooms", "data": list{o.groups["mill"]}}}))
	o.bo.gets(1, o.bo.closes(o.dock))
	o.bo.gets(1, o.bo.closes(o.board))
	o.sue.gets(1, o.sue.closes(o.dock))

	// It becomes a super group itself, and then a child as well.
	o.core.SetSettings(fmt.Sprintf(`{"super_groups":"board, %d"}`, dock.ID))
	o.login(t, "dan") // the setting is read at a login
	joined := func(u *user, super any, priority float64) pattern {
		return u.event(object{"type": "join", "data": object{"joined": object{
			"clientId": o.dock, "name": "harbor", "supergroupId": super, "priority": priority,
		}}})
	}
	o.bo.gets(1, joined(o.bo, nil, 2))
	if texts := o.bo.logOf(o.dock); !slices.Contains(texts, "among ourselves") {
		t.Errorf("the log did not survive: %q", texts)
	}
	dock.ParentID = o.core.groups["board"].ID
	o.core.SetGroup(dock)
	o.bo.gets(1, o.bo.inRoom(o.dock, object{"type": "priority", "data": 4.0}))
	o.sue.gets(1, joined(o.sue, o.groups["board"], 0))

	o.core.DeleteGroup(o.core.groups["mill"].ID)
	o.eve.gets(1, o.eve.closes(o.mill))
	o.eve.gets(1, o.eve.closes(o.board))
	o.core.SetSettings(`{"super_groups":""}`)
	o.login(t, "adm")
	o.bo.gets(2, o.bo.closes(o.dock))
	o.sue.gets(1, o.sue.closes(o.board))
	if got := o.bo.ask(o.dock, "chat", "msg", object{"message": "still there?"}); got["error"] == nil {
		t.Errorf("a room that has closed: %s", show(got))
	}
}

// login logs somebody in on a connection more.
func (o *office) login(t *testing.T, login string) { o.s.login(t, o.people[login], ws) }
