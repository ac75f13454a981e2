package rooms

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func (p *person) assign(room RoomID, group string, on bool) replyFrame {
	p.w.t.Helper()
	return p.set(room, "workgroups", map[string]any{"clientId": "friend_wg_" + group, "value": on})
}

// ruled runs a test in a room of an admin; cy and dan are in group 11, dan and eve in 12.
func ruled(t *testing.T, test func(t *testing.T, w *world, room RoomID, adm, cy, dan *person)) {
	inWorld(t, func(t *testing.T, w *world) {
		adm, cy, dan := w.login("adm"), w.login("cy"), w.login("dan")
		w.resolve(user("eve"))
		w.sync(group("11", "cy", "dan"), group("12", "dan", "eve"))
		room := adm.makeRoom("Road map")
		adm.take()
		cy.take()
		dan.take()
		test(t, w, room, adm, cy, dan)
	})
}

// TestAssign: assigned, update, then the members come, and those who are there join.
func TestAssign(t *testing.T) {
	ruled(t, func(t *testing.T, w *world, room RoomID, adm, cy, dan *person) {
		adm.to(room, "settings", "setting", map[string]any{"setting": "workgroups", "value": map[string]any{"clientId": "friend_wg_11", "value": true}}, "r-1")
		frames := adm.take()
		done := `{"success":true,"setting":"workgroups","value":{"clientId":"friend_wg_11","value":true}}`
		inOrder(t, frames, `{"type":"workgroup","data":{"type":"assigned","data":[{"fId":"11","fUId":"u-11","roomId":"`+string(room)+`","setById":"`+string(adm.id)+
			`","setTime":"2000-01-01T00:00:00.000Z","clientId":"friend_wg_11","name":"Group 11"}]}}`,
			`{"type":"update","data":`+done+`}`, `"type":"at-add","data":"Cy"`, `"type":"join","data":{"clientId":"`+string(cy.id)+`"`)
		if index(frames, `"type":"join"`, `"isAuthed":false`, `"workgroups":["friend_wg_11","friend_wg_12"]`) < 0 {
			t.Errorf("the admin got %q", frames)
		}
		for _, p := range []*person{cy, dan} {
			frames := p.take()
			if len(frames) == 0 || index(frames, `{"type":"join","data":{"joined":{"clientId":"`+string(room)) != 0 {
				t.Errorf("%s got %q", p.id, frames)
			}
		}
		cy.say(room, "hello")
		adm.got("hello")
		adm.to(room, "settings", "setting", map[string]any{"setting": "workgroups", "value": map[string]any{"clientId": "friend_wg_11", "value": true}}, "")
		if frames := adm.take(); len(frames) != 1 || index(frames, done) != 0 { // again: the update alone
			t.Errorf("the admin got %q", frames)
		}
		s := adm.state(room)
		if len(s.Users) != 3 || !slices.Equal(s.Settings.Workgroups.Assigned, []WorkgroupID{"friend_wg_11"}) || len(s.Workgroups.Assigned) != 1 || len(s.Authed) != 1 {
			t.Errorf("the state is %+v", s)
		}
		w.restart()
		w.sync(group("11", "cy", "dan"))
		w.login("cy").got(`"type":"join"`, string(room))
	})
}

// TestDismiss: those leave who have no other reason to stay.
func TestDismiss(t *testing.T) {
	ruled(t, func(t *testing.T, w *world, room RoomID, adm, cy, dan *person) {
		adm.assign(room, "11", true).into(t, new(any))
		adm.add(room, dan)
		adm.take()
		cy.take()
		dan.take()
		adm.to(room, "settings", "setting", map[string]any{"setting": "workgroups", "value": map[string]any{"clientId": "friend_wg_11", "value": false}}, "")
		frames := adm.take()
		inOrder(t, frames, `"type":"assigned","data":[]`, `{"type":"leave","data":"`+string(cy.id)+`"}`)
		if index(frames, `"setting":"workgroups","value":{"clientId":"friend_wg_11","value":false}`) < 0 || index(frames, `"type":"leave","data":"`+string(dan.id)) >= 0 {
			t.Errorf("the admin got %q", frames)
		}
		cy.got(`{"type":"close","data":"` + string(room) + `"}`)
		dan.gotNone("close")
		w.pass(namesDelay)
		adm.got(`"type":"at-names","data":["Adm","Dan"]`)
		if len(w.store.rooms[room].Assigned) > 0 {
			t.Error("the assignment is still stored")
		}
	})
}

// TestDismissedBeforeItKnows: somebody who is let in and dismissed before the room has
// heard that its client knows of the room is told all of it, in its order.
func TestDismissedBeforeItKnows(t *testing.T) {
	ruled(t, func(t *testing.T, w *world, room RoomID, adm, cy, _ *person) {
		hold := make(chan struct{})
		w.hub.account(cy.id).box.force(heldEvent{hold})
		w.settle()
		for _, on := range []bool{true, false} {
			adm.assign(room, "11", on).into(t, new(any))
		}
		close(hold)
		inOrder(t, cy.take(), `{"type":"join","data":{"joined":{"clientId":"`+string(room), `"type":"assigned","data":[]`, `{"type":"close","data":"`+string(room)+`"}`)
	})
}

// TestMemberOfTwoWorkgroups stays when one of them is dismissed (defect 21).
func TestMemberOfTwoWorkgroups(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		ruled(t, func(t *testing.T, w *world, room RoomID, adm, cy, dan *person) {
			adm.assign(room, "11", true).into(t, new(any))
			adm.assign(room, "12", true).into(t, new(any))
			if restarted {
				w.restart()
				adm, dan = w.login("adm"), w.login("dan")
				w.sync(group("11", "cy", "dan"), group("12", "dan", "eve"))
			}
			dan.take()
			adm.assign(room, "11", false).into(t, new(any))
			dan.gotNone("close")
			dan.say(room, "still here")
			adm.got("still here")
			adm.assign(room, "12", false).into(t, new(any))
			dan.got(`"type":"close"`)
			if s := adm.state(room); len(s.Users) != 1 {
				t.Errorf("the members are %v", s.Users)
			}
		})
	}
}

func TestAssignRefused(t *testing.T) {
	ruled(t, func(t *testing.T, w *world, room RoomID, adm, cy, dan *person) {
		adm.set(room, "workgroups", map[string]any{"clientId": "friend_wg_99", "value": true}).fails(t, "ERR_NO_GROUP")
		for _, v := range []any{nil, 7, "friend_wg_11", map[string]any{"clientId": "friend_wg_11"}, map[string]any{"clientId": "friend_wg_11", "value": "yes"}, map[string]any{"value": true}} {
			adm.set(room, "workgroups", v).fails(t, "ERR_NO_CLIENTID")
		}
		temporary := adm.makeRoom("")
		adm.assign(temporary, "11", true).fails(t, "ERR_ROOM_NOT_PERSISTED")
		w.store.failOnly("Assign")
		adm.assign(room, "11", true).fails(t, "ERR_DISMISS_FAILED")
		w.store.setFault(nil)
		adm.assign(room, "11", true).into(t, new(any))
		cy.take()
		w.store.failOnly("Dismiss")
		adm.assign(room, "11", false).fails(t, "ERR_DISMISS_FAILED")
		cy.gotNone("close")
	})
}

// TestMembersOfAnAssignedWorkgroupChange while the room is in memory.
func TestMembersOfAnAssignedWorkgroupChange(t *testing.T) {
	ruled(t, func(t *testing.T, w *world, room RoomID, adm, cy, dan *person) {
		adm.assign(room, "11", true).into(t, new(any))
		bo := w.login("bo")
		adm.take()
		cy.take()
		w.sync(group("11", "dan", "bo"), group("12", "dan", "eve"))
		frames := adm.take()
		if index(frames, `"type":"join","data":{"clientId":"`+string(bo.id)) < 0 || index(frames, `{"type":"leave","data":"`+string(cy.id)) < 0 {
			t.Errorf("the admin got %q", frames)
		}
		bo.got(`"type":"join"`, string(room))
		cy.got(`"type":"close"`, string(room))
		w.sync(group("12", "dan", "eve")) // the group is gone
		frames = adm.take()
		inOrder(t, frames, `{"type":"leave","data":"`, `{"type":"workgroup","data":{"type":"removed","data":"friend_wg_11"}}`)
		if index(frames, `"type":"assigned","data":[]`) < 0 {
			t.Errorf("the admin got %q", frames)
		}
		bo.got(`"type":"close"`, string(room))
		if s := adm.state(room); len(s.Users) != 1 || len(s.Workgroups.Assigned) != 0 {
			t.Errorf("the state is %+v", s)
		}
	})
}

// TestMembershipChangesOfARoomNotInMemory: who comes joins at once.
func TestMembershipChangesOfARoomNotInMemory(t *testing.T) {
	ruled(t, func(t *testing.T, w *world, room RoomID, adm, cy, dan *person) {
		adm.assign(room, "11", true).into(t, new(any))
		w.restart()
		w.sync(group("11", "cy"))
		bo, cy2 := w.login("bo"), w.open("cy")
		_ = cy2
		bo.gotNone(`"type":"join"`)
		cy2.logout()
		w.pass(11 * time.Minute)
		if w.loadedRoom(room) != nil {
			t.Fatal("the room is in memory")
		}
		w.sync(group("11", "cy", "bo"))
		bo.got(`"type":"join"`, string(room))
		w.sync(group("11", "cy"))
		bo.got(`"type":"close"`, string(room))
	})
}

// TestUnknownWorkgroupTakesEffectWhenAnnounced, and its name changes are told.
func TestUnknownWorkgroupTakesEffectWhenAnnounced(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, cy := w.login("ada"), w.login("cy")
		w.assigned("room-1", "11", ada.id, ada.id)
		ada.logout()
		ada = w.login("ada")
		if s := ada.state("room-1"); len(s.Users) != 1 || len(s.Workgroups.Assigned) != 0 {
			t.Errorf("the state is %+v", s)
		}
		ada.take()
		w.sync(group("11", "cy"), group("12"))
		frames := ada.take()
		inOrder(t, frames, `{"type":"workgroup","data":{"type":"added","data":{"fId":"`, `"type":"join","data":{"clientId":"`+string(cy.id), `"type":"assigned","data":[{"fId":"11"`)
		cy.got(`"type":"join"`, "room-1")
		renamed := group("11", "cy")
		renamed.Name = "Planning"
		w.sync(renamed, group("12"))
		ada.got(`"type":"assigned"`, `"name":"Planning"`)
		w.sync(renamed)
		ada.got(`"type":"removed","data":"friend_wg_12"`)
	})
}

// TestNewMembersHaveReadWhatWasThere: one query for all of them.
func TestNewMembersHaveReadWhatWasThere(t *testing.T) {
	ruled(t, func(t *testing.T, w *world, room RoomID, adm, cy, dan *person) {
		adm.say(room, "before")
		before := w.store.count("MakeReadMarks")
		adm.assign(room, "11", true).into(t, new(any))
		if n := w.store.count("MakeReadMarks") - before; n != 1 {
			t.Errorf("read marks were made %d times", n)
		}
		adm.say(room, "after")
		if got := cy.unread(room); got != "1" {
			t.Errorf("cy has %s unread", got)
		}
		w.restart()
		w.sync(group("11", "cy", "dan"))
		cy = w.login("cy")
		if got := cy.unread(room); got != "1" {
			t.Errorf("cy has %s unread after a restart", got)
		}
	})
}

// TestMarksCannotBeMade: nobody is kept out by that.
func TestMarksCannotBeMade(t *testing.T) {
	ruled(t, func(t *testing.T, w *world, room RoomID, adm, cy, dan *person) {
		w.store.failOnly("MakeReadMarks")
		adm.assign(room, "11", true).into(t, new(any))
		cy.say(room, "hello")
		adm.got("hello")
	})
}

// TestAssigningKeepsReadMarks: the owner's is not moved back to what is stored.
func TestAssigningKeepsReadMarks(t *testing.T) {
	ruled(t, func(t *testing.T, w *world, room RoomID, adm, cy, dan *person) {
		adm.add(room, cy)
		id := cy.said(room, "hello")
		adm.confirm(room, id)
		adm.assign(room, "12", true).into(t, new(any))
		if got := adm.unread(room); got != "0" {
			t.Errorf("the admin has %s unread", got)
		}
	})
}

// TestRemoveMember: update to all first, then authed and close to the one, leave to the
// others.
func TestRemoveMember(t *testing.T) {
	withAdmin(t, func(t *testing.T, w *world, room RoomID, ada, bo, adm *person) {
		ada.set(room, "authorized", map[string]any{"clientId": bo.id}).into(t, new(any))
		frames := bo.take()
		inOrder(t, frames, `{"success":true,"setting":"authorized","value":{"clientId":"`+string(bo.id)+`"}}`,
			`"type":"authed","data":{"userId":"`+string(bo.id)+`","worgId":null,"isAuthed":false}`, `{"type":"close","data":"`+string(room)+`"}`)
		inOrder(t, adm.take(), `"setting":"authorized"`, `{"type":"leave","data":"`+string(bo.id)+`"}`)
		if slices.Contains(w.store.rooms[room].Authorized, bo.id) {
			t.Error("bo is still authorized")
		}
		cy := w.login("cy")
		for _, v := range []any{nil, 7, map[string]any{}, map[string]any{"clientId": bo.id}, map[string]any{"clientId": cy.id}, map[string]any{"clientId": 7}} {
			ada.set(room, "authorized", v).fails(t, "ERR_INVALID_ID")
		}
		w.store.failOnly("Unauthorize")
		ada.set(room, "authorized", map[string]any{"clientId": adm.id}).fails(t, "ERR_NOT_STORED")
		adm.gotNone("close")
	})
}

// TestOwnerIsProtected: only he himself and admins take the owner out.
func TestOwnerIsProtected(t *testing.T) {
	withAdmin(t, func(t *testing.T, w *world, room RoomID, ada, bo, adm *person) {
		bo.set(room, "authorized", map[string]any{"clientId": ada.id}).fails(t, "ERR_NOT_ADMIN")
		adm.set(room, "authorized", map[string]any{"clientId": ada.id}).into(t, new(any))
		ada.got(`"type":"close"`)
		adm.ask(room, "invite", "room-add", map[string]any{"clientId": ada.id}).is(t, "null")
		ada.set(room, "authorized", map[string]any{"clientId": ada.id}).into(t, new(any))
		if r := w.loadedRoom(room); r.record.OwnerID != ada.id {
			t.Error("the owner changed")
		}
	})
}

// TestRemoveMemberOfATemporaryRoom, who is not authorized by a row.
func TestRemoveMemberOfATemporaryRoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("")
		ada.add(room, bo)
		bo.take()
		ada.set(room, "authorized", map[string]any{"clientId": bo.id}).into(t, new(any))
		bo.got(`"type":"close"`)
		bo.logout()
		w.login("bo").gotNone(`"type":"join"`)
	})
}

// TestRemovedMemberOfAWorkgroupStays.
func TestRemovedMemberOfAWorkgroupStays(t *testing.T) {
	ruled(t, func(t *testing.T, w *world, room RoomID, adm, cy, dan *person) {
		adm.assign(room, "11", true).into(t, new(any))
		adm.add(room, cy)
		cy.take()
		adm.set(room, "authorized", map[string]any{"clientId": cy.id}).into(t, new(any))
		frames := cy.take()
		if index(frames, `"type":"close"`) >= 0 || index(frames, `"type":"authed","data":{"userId":"`+string(cy.id)+`","worgId":"friend_wg_11","isAuthed":false}`) < 0 {
			t.Errorf("cy got %q", frames)
		}
	})
}

// TestCreateWithWorkgroups: an admin's right, and nothing is made if it is refused
// (defect 18).
func TestCreateWithWorkgroups(t *testing.T) {
	ruled(t, func(t *testing.T, w *world, _ RoomID, adm, cy, dan *person) {
		create := func(p *person, name, id string) replyFrame {
			return p.request("room-create", map[string]any{"name": name, "assignWorgs": []string{id}})
		}
		rooms := len(w.store.rooms)
		create(cy, "Mine", "friend_wg_11").fails(t, "ERR_NOT_ADMIN")
		create(adm, "Mine", "friend_wg_99").fails(t, "ERR_NO_GROUP")
		create(adm, "", "friend_wg_11").fails(t, "ERR_ROOM_NOT_PERSISTED")
		if len(w.store.rooms) != rooms {
			t.Error("a room was made")
		}
		create(adm, "Mine", "friend_wg_11").into(t, new(any))
		cy.got(`"type":"join"`, `"name":"Mine"`)
		cy.request("room-create", map[string]any{"name": "Mine", "assignWorgs": []string{}}).into(t, new(any))
	})
}

// TestDisabledMember is out of sight until it is enabled, and cannot act meanwhile.
func TestDisabledMember(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bo", Disabled: true, LastUpdate: 1})
		ada.got(`{"type":"leave","data":"` + string(bo.id) + `"}`)
		bo.to(room, "chat", "msg", map[string]any{"message": "still typing"}, "") // its session is about to end
		ada.gotNone("still typing")
		if s := ada.state(room); slices.Contains(s.Users, bo.id) || slices.Contains(s.AtNames, "Bo") || slices.Contains(s.Authed, bo.id) {
			t.Errorf("the state is %+v", s)
		}
		bo.logout()
		ada.take()
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bo", LastUpdate: 2})
		inOrder(t, ada.take(), `"type":"at-add","data":"Bo"`, `"type":"join","data":{"clientId":"`+string(bo.id))
		w.login("bo").got(`"type":"join"`, string(room))
	})
}

// TestMemberWhoWasDisabledAtLoad comes back when it is enabled.
func TestMemberWhoWasDisabledAtLoad(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, _, _ *person) {
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bo", Disabled: true, LastUpdate: 1})
		w.restart()
		ada := w.login("ada")
		if s := ada.state(room); len(s.Users) != 1 {
			t.Errorf("the state is %+v", s)
		}
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bo", LastUpdate: 2})
		ada.take()
		bo := w.login("bo")
		bo.got(`"type":"join"`, string(room))
		ada.got(`"type":"join","data":{"clientId":"` + string(bo.id))
	})
}

// TestRoomOfTheDisabled is not removed when the last one in memory leaves.
func TestRoomOfTheDisabled(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, _, _ *person) {
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bo", Disabled: true, LastUpdate: 1})
		w.restart()
		ada := w.login("ada")
		ada.ask(room, "", "leave", nil).is(t, "null")
		if w.store.removed[room] {
			t.Fatal("the room is removed")
		}
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bo", LastUpdate: 2})
		w.login("bo").got(`"type":"join"`, string(room))
	})
}

// TestLastGuestLeaves: with it goes a room that nobody can reach any more.
func TestLastGuestLeaves(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		gus := w.guest(room, ada.publicToken(room), "Gus")
		ada.ask(room, "", "leave", nil).is(t, "null")
		gus.say(room, "alone")
		if w.store.removed[room] {
			t.Fatal("the room is removed while somebody is there")
		}
		gus.logout()
		if !w.store.removed[room] || w.loadedRoom(room) != nil {
			t.Error("the room is still there")
		}
	})
}

// TestNewcomerWhoGoesAtOnce: nothing is kept for somebody who logged out before it was
// told that it is in.
func TestNewcomerWhoGoesAtOnce(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		cy := w.login("cy")
		hold := make(chan struct{})
		w.hub.account(cy.id).box.force(heldEvent{hold})
		w.settle()
		gone := make(chan struct{})
		go func() { w.hub.Close(cy.id); close(gone) }()
		w.settle()
		ada.add(room, cy) // behind the end of the account
		close(hold)
		<-gone
		for range 300 {
			ada.say(room, "x")
		}
		r := w.loadedRoom(room)
		if m := r.members[cy.id]; m.coming || len(m.held) > 0 || m.attached {
			t.Errorf("%d events are kept for somebody who is gone", len(m.held))
		}
		frames := w.login("cy").take()
		if index(frames, `"message":"x"`) >= 0 || index(frames, `"type":"join"`) < 0 {
			t.Errorf("cy got %.200q", frames)
		}
	})
}

// TestEventsBehindADefect: a request is answered, a message's author gets a notice.
func TestEventsBehindADefect(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		r := w.loadedRoom(room)
		hold := make(chan struct{})
		r.box.force(heldRoomEvent{hold})
		w.settle()
		r.box.force(brokenRoomEvent{})
		ada.to(room, "chat", "msg", map[string]any{"message": "behind"}, "")
		ada.to(room, "settings", "get", nil, "r-1")
		close(hold)
		frames := ada.take()
		ada.reply(frames, "r-1", string(room), "settings").fails(t, "ERR_NOT_MEMBER")
		if index(frames, `"type":"error"`, `"message":"behind"`) < 0 || index(frames, `"name":"Presence"`, "behind") < 0 {
			t.Errorf("ada got %q", frames)
		}
		bo.gotNone("behind")
	})
}

// TestSleepingRoomLetsIn: who logs in while a room leaves memory finds it.
func TestSleepingRoomLetsIn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		ada.logout()
		r := w.loadedRoom(room)
		w.pass(10*time.Minute - time.Second)
		hold := make(chan struct{})
		r.box.force(heldRoomEvent{hold})
		w.pass(5 * time.Second) // the timer has fired
		ada = w.open("ada")
		ada.post("initialize", nil, "")
		w.settle()
		close(hold)
		ada.got(`"type":"join"`, string(room))
	})
}

// TestStopAnswersWhoWaits: nobody waits for a room that has stopped.
func TestStopAnswersWhoWaits(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		hold := make(chan struct{})
		r := w.loadedRoom(room)
		r.box.force(heldRoomEvent{hold})
		w.settle()
		r.box.force(stopEvent{})
		done := make(chan string)
		go func() { done <- w.serve("f-ada", "room/remove", `{"roomId":"`+string(room)+`"}`) }()
		time.Sleep(time.Millisecond) // virtual
		close(hold)
		if got := <-done; !strings.HasPrefix(got, "ERR_") {
			t.Errorf("answered with %s", got)
		}
	})
}

// TestContactListFollowsMembership: it is never older than the workgroups are.
func TestContactListFollowsMembership(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		w.sync(group("11", "ada", "bo"))
		ada.request("contact-list", nil).is(t, `["`+string(bo.id)+`"]`)
		w.sync(group("11", "ada"))
		ada.request("contact-list", nil).is(t, "[]")
		w.sync(group("11", "ada", "bo"))
		ada.request("contact-list", nil).is(t, `["`+string(bo.id)+`"]`)
	})
}
