package rooms

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// assigned makes a stored room to which a workgroup is assigned.
func (w *world) assigned(room RoomID, group string, owner AccountID, authorized ...AccountID) {
	w.store.rooms[room] = &RoomData{
		Room:       RoomRecord{ID: room, Name: "Assigned", OwnerID: owner, Settings: []byte("{}")},
		Authorized: authorized, Assigned: []Assignment{{FID: group, SetByID: owner}},
	}
}

func TestRoomAdd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo, cy := w.login("ada"), w.login("bo"), w.login("cy")
		w.sync(group("11", "cy"))
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		bo.take()
		ada.take()
		cy.take()

		bo.ask(room, "invite", "room-add", map[string]any{"clientId": cy.id}).is(t, "null")
		frames := ada.take()
		inOrder(t, frames, `{"type":"at-add","data":"Cy"}`, `"type":"join"`)
		want := `{"type":"` + string(room) + `","data":{"type":"join","data":{"clientId":"` + string(cy.id) +
			`","name":"Cy","isAdmin":false,"isGuest":false,"isOnline":true,"isRecent":false,"isAuthed":true,"workgroups":["friend_wg_11"]}}}`
		if index(frames, want) < 0 {
			t.Errorf("ada did not get %s but\n%s", want, strings.Join(frames, "\n"))
		}
		frames = cy.take()
		if len(frames) != 1 || index(frames, `{"type":"join","data":{"joined":{"clientId":"`+string(room)) != 0 {
			t.Errorf("cy got %q, want the join of the account alone", frames)
		}
		if got := w.store.rooms[room].Authorized; !slices.Equal(got, []AccountID{ada.id, bo.id, cy.id}) {
			t.Errorf("authorized are %v", got)
		}
		ada.add(room, cy) // again means nothing
		for _, p := range []*person{ada, bo, cy} {
			p.gotNone("join")
		}
	})
}

// TestRoomAddOfSomebodyWithAKnownName: at-add tells new names only.
func TestRoomAddOfSomebodyWithAKnownName(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		other := w.resolve(User{ID: "f-x", Login: "x", Name: "Ada"})
		room := ada.makeRoom("Road map")
		ada.take()
		ada.add(room, &person{w, other})
		frames := ada.take()
		if index(frames, "at-add") >= 0 || index(frames, `"type":"join"`, string(other)) < 0 {
			t.Errorf("ada got %q", frames)
		}
		if s := ada.state(room); !slices.Equal(s.AtNames, []string{"Ada"}) || len(s.Users) != 2 {
			t.Errorf("names are %v of %v", s.AtNames, s.Users)
		}
	})
}

// TestRoomAddOfSomebodyOffline: the room is there at the next login.
func TestRoomAddOfSomebodyOffline(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		bo := &person{w, w.resolve(user("bo"))}
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		ada.got(`"type":"join"`, `"isOnline":false`)
		w.login("bo").got(`"type":"join"`, string(room))
	})
}

func TestRoomAddFails(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		w.syncUsers(User{ID: "f-gone", Login: "gone", Disabled: true})
		gone := w.hub.dir.byFriendID("f-gone").ID
		room := ada.makeRoom("Road map")
		add := func(id AccountID) replyFrame {
			return ada.ask(room, "invite", "room-add", map[string]any{"clientId": id})
		}
		add(gone).fails(t, "ERR_INVALID_ID")
		add("acc-unknown").fails(t, "ERR_INVALID_ID")
		w.store.failOnly("Authorize")
		add(bo.id).fails(t, "ERR_NOT_STORED")
		w.store.setFault(nil)
		if s := ada.state(room); len(s.Users) != 1 || len(s.Authed) != 1 {
			t.Errorf("users are %v, authed %v", s.Users, s.Authed)
		}
		bo.gotNone("join")
	})
}

// TestWorkgroupMemberIsAuthorized: who was in the room through a workgroup only is
// no newcomer when he is let in by name.
func TestWorkgroupMemberIsAuthorized(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.resolve(user("ada")), w.resolve(user("bo"))
		w.sync(group("11", "bo"))
		w.assigned("room-1", "11", ada, ada)
		owner, member := w.login("ada"), w.login("bo")
		owner.take()
		member.take()
		owner.add("room-1", member)
		for _, p := range []*person{owner, member} {
			frames := p.take()
			if len(frames) != 1 || index(frames, `{"type":"authed","data":{"userId":"`+string(bo)+`","worgId":null,"isAuthed":true}}`) != 0 {
				t.Errorf("%s got %q, want authed alone", p.id, frames)
			}
		}
		w.sync() // and so stays without the workgroup
		w.restart()
		w.login("bo").got("join", "room-1")
	})
}

func TestLeave(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		ada.take()
		bo.ask(room, "", "leave", nil).is(t, "null")
		ada.got(`{"type":"leave","data":"` + string(bo.id) + `"}`)
		w.pass(namesDelay)
		ada.got(`{"type":"at-names","data":["Ada"]}`)
		if got := w.store.rooms[room].Authorized; !slices.Equal(got, []AccountID{ada.id}) {
			t.Errorf("authorized are %v", got)
		}
		bo.logout()
		w.login("bo").gotNone(`"type":"join"`)
	})
}

// TestLeaverIsTold: authed with his own id, then close; nothing of what follows.
func TestLeaverIsTold(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		bo.take()
		bo.to(room, "", "leave", nil, "")
		frames := bo.take()
		inOrder(t, frames,
			`{"type":"`+string(room)+`","data":{"type":"authed","data":{"userId":"`+string(bo.id)+`","worgId":null,"isAuthed":false}}}`,
			`{"type":"close","data":"`+string(room)+`"}`)
		ada.say(room, "alone")
		w.pass(time.Minute)
		if rest := bo.take(); len(frames) != 2 || len(rest) > 0 {
			t.Errorf("bo got %q and then %q", frames, rest)
		}
	})
}

func TestLeaveCannotBeStored(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		ada.take()
		w.store.failOnly("Unauthorize")
		bo.ask(room, "", "leave", nil).fails(t, "ERR_LEAVE_FAILED")
		ada.gotNone("leave")
		ada.say(room, "still with us?")
		bo.got("still with us?")
	})
}

// TestWorkgroupMemberStays when he leaves: only the authorization goes.
func TestWorkgroupMemberStays(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.resolve(user("ada")), w.resolve(user("bo"))
		w.sync(group("11", "bo"))
		w.assigned("room-1", "11", ada, ada, bo)
		owner, member := w.login("ada"), w.login("bo")
		member.take()
		member.to("room-1", "", "leave", nil, "")
		for _, p := range []*person{owner, member} {
			frames := p.take()
			if index(frames, `{"type":"authed","data":{"userId":"`+string(bo)+`","worgId":"friend_wg_11","isAuthed":false}}`) < 0 ||
				index(frames, `"type":"leave"`) >= 0 || index(frames, `"type":"close"`) >= 0 {
				t.Errorf("%s got %q", p.id, frames)
			}
		}
		if s := owner.state("room-1"); !slices.Equal(s.Authed, []AccountID{ada}) || len(s.Users) != 2 {
			t.Errorf("authed are %v of %v", s.Authed, s.Users)
		}
	})
}

// TestLastMemberLeaves: nobody can reach the room any more, so it is removed.
func TestLastMemberLeaves(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		var link inviteLink
		ada.ask(room, "invite", "public", nil).into(t, &link)
		ada.to(room, "", "leave", nil, "")
		ada.got(`"type":"close"`)
		if !w.store.removed[room] || w.loadedRoom(room) != nil {
			t.Error("the room is still there")
		}
		w.login("bo").request("room-join", map[string]any{"invite": map[string]any{"token": link.Token, "roomId": room}}).
			fails(t, "ERR_COULD_NOT_JOIN")
	})
}

// TestLastMemberLeavesWhileDatabaseIsAway: the room is out of the way all the same.
func TestLastMemberLeavesWhileDatabaseIsAway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		w.store.failOnly("RemoveRoom")
		ada.to(room, "", "leave", nil, "")
		ada.got(`"type":"close"`)
		w.pass(11 * time.Minute)
		if w.loadedRoom(room) != nil {
			t.Error("the room is still in memory")
		}
	})
}

func TestRoomWithWorkgroupOutlivesItsMembers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.resolve(user("ada"))
		w.sync(group("11"))
		w.assigned("room-1", "11", ada, ada)
		w.login("ada").to("room-1", "", "leave", nil, "")
		w.settle()
		if w.store.removed["room-1"] {
			t.Error("the room was removed although a workgroup is assigned to it")
		}
	})
}

func TestJoinByToken(t *testing.T) {
	for kind, name := range map[string]string{"named": "Road map", "temporary": ""} {
		t.Run(kind, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				ada, bo := w.login("ada"), w.login("bo")
				room := ada.makeRoom(name)
				ada.say(room, "before bo")
				var link inviteLink
				ada.ask(room, "invite", "public", nil).into(t, &link)
				bo.take()
				ada.take()
				bo.send("room-join", map[string]any{"req": "mark", "invite": map[string]any{"token": link.Token, "roomId": room, "name": "x"}}, "r-1")
				frames := bo.take()
				inOrder(t, frames, `"type":"join"`, `"requestId":"r-1"`)
				if index(frames, `"type":"join"`, `"req":"mark"`) < 0 || index(frames, `"requestId":"r-1"`, `"req"`) >= 0 {
					t.Errorf("the mark is not where it belongs: %q", frames)
				}
				inOrder(t, ada.take(), "at-add", `"type":"join"`)
				if s := bo.state(room); s.Relation.UnreadMessages != float64(0) || len(s.Users) != 2 {
					t.Errorf("unread are %v, users %v", s.Relation.UnreadMessages, s.Users)
				}
				bo.logout()
				w.login("bo").got("join", string(room))
			})
		})
	}
}

// TestJoinAgain: who is in the room already needs no token; the asking connection
// gets the join that it waits for, and nobody else hears of it.
func TestJoinAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		ada.take()
		bo.take()
		w.in.repliesTo(bo.address())
		bo.send("room-join", map[string]any{"req": "mark", "invite": map[string]any{"token": "used up", "roomId": room}}, "r-1")
		frames := w.in.repliesTo(bo.address())
		inOrder(t, frames, `{"type":"join","data":{"joined":{"clientId":"`+string(room), `"requestId":"r-1"`)
		if index(frames, `"req":"mark"`, `"current":["`+string(room)+`"]`) < 0 {
			t.Errorf("bo got %q", frames)
		}
		if frames := ada.take(); len(frames) > 0 {
			t.Errorf("ada got %q", frames)
		}
		if s := ada.state(room); len(s.Users) != 2 || len(s.Authed) != 2 {
			t.Errorf("users are %v, authed %v", s.Users, s.Authed)
		}
	})
}

// TestRecent: who wrote lately, from the first message until eight hours after the
// last.
func TestRecent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		ada.take()
		ada.say(room, "one")
		inOrder(t, ada.take(), `"type":"msg"`, `{"type":"recent-add","data":"`+string(ada.id)+`"}`)
		w.pass(5 * time.Hour)
		ada.say(room, "two")
		ada.gotNone("recent-")
		w.pass(4 * time.Hour)
		ada.gotNone("recent-")
		if s := ada.state(room); len(s.Recent) != 1 {
			t.Errorf("recent are %v", s.Recent)
		}
		w.pass(4*time.Hour + time.Minute)
		ada.got(`{"type":"recent-remove","data":"` + string(ada.id) + `"}`)
		if s := ada.state(room); len(s.Recent) != 0 {
			t.Errorf("recent are %v", s.Recent)
		}
		ada.say(room, "three")
		ada.got("recent-add")
	})
}

// TestRecentOfALoadedRoom comes from its log.
func TestRecentOfALoadedRoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		bo.say(room, "long ago")
		w.pass(7 * time.Hour)
		ada.say(room, "lately")
		w.restart()
		w.pass(2 * time.Hour)
		ada = w.login("ada")
		if s := ada.state(room); !slices.Equal(s.Recent, []AccountID{ada.id}) {
			t.Errorf("recent are %v, want ada", s.Recent)
		}
		w.pass(6*time.Hour + time.Minute)
		ada.got("recent-remove")
	})
}

func TestMembersOnlineAndOffline(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		ada.take()
		bo.logout()
		w.login("bo")
		if frames := ada.take(); len(frames) > 0 {
			t.Errorf("coming and going online is no room event; ada got %q", frames)
		}
	})
}

func TestActiveAndCounterReset(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		ada.take()
		bo.take()
		bo.to(room, "", "counter-reset", nil, "")
		bo.got(`{"type":"` + string(room) + `","data":{"type":"counter-reset","data":9466848`)
		bo.to(room, "", "active", map[string]any{"isActive": true}, "")
		if frames := append(ada.take(), bo.take()...); len(frames) > 0 {
			t.Errorf("others got %q", frames)
		}
	})
}

func TestAdminMayRuleOnlyWhereHeIs(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, admin := w.login("ada"), w.login("admin")
		room := ada.makeRoom("Road map")
		r := w.loadedRoom(room)
		if r.rules(admin.id) {
			t.Error("an admin rules a room that he is not in")
		}
		ada.add(room, admin)
		if !r.rules(admin.id) || !r.rules(ada.id) {
			t.Error("admin or owner does not rule")
		}
		ada.to(room, "", "leave", nil, "")
		w.settle()
		if !r.rules(ada.id) {
			t.Error("the owner is no owner after leaving")
		}
	})
}
