package rooms

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWorkRoomsOpenLater: if the database is away when rooms are to be opened, the joins
// come when it is back; however often something changes meanwhile, it is asked at an
// even pace.
func TestWorkRoomsOpenLater(t *testing.T) {
	for _, call := range []string{"MakeWorkRooms", "LoadWorkRooms", "MakeWorkMarks"} {
		t.Run(call, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.hub.opt.Work = asShipped
				sue, bo := w.login("sue"), w.login("bo")
				w.sync(group("11", "sue"), child(group("12", "bo"), "11"))
				sue.take()
				w.store.failOnly(call)
				w.super("11")
				for n := range 10 {
					w.sync(group("11", "sue"), child(group("12", "bo"), "11"), group("99", fmt.Sprint("n", n)))
					w.pass(2 * time.Second)
				}
				cy := w.login("cy") // somebody who comes meanwhile
				if n := w.store.count(call); n < 4 || n > 10+11 {
					t.Errorf("%d calls in 20 seconds", n)
				}
				sue.gotNone(`"type":"join"`)
				w.store.setFault(nil)
				w.sync(group("11", "sue", "cy"), child(group("12", "bo"), "11"))
				w.pass(maxLoadDelay)
				sue.got(`"type":"join"`, string(w.workRoom("friend_wg_11")))
				bo.got(`"type":"join"`, string(w.workRoom("friend_wg_12")))
				cy.got(`"type":"join"`, string(w.workRoom("friend_wg_11")))
				sue.say(w.workRoom("friend_wg_11"), "at last")
				cy.got("at last")
			})
		})
	}
}

// TestChangesWithoutDatabase: what needs no database is done at once.
func TestChangesWithoutDatabase(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		f.quiet()
		f.store.setFault(errAway)
		f.people["15"], f.parent["15"] = []string{"gil"}, "11" // cannot be opened
		f.alter(move("12", ""))
		f.who["bo"].got(`"type":"close"`, string(f.room("11")))
		f.who["sue"].got(`"sub-rooms","data":["friend_wg_13"]`)
		f.store.setFault(nil)
		f.pass(3 * time.Second)
		f.who["gil"].got(`"type":"join"`, string(f.room("15")))
	})
}

// TestChangesWhileRoomsLoad: rooms that wait for the database do not keep others from
// letting go who left their groups.
func TestChangesWhileRoomsLoad(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		f.quiet()
		release := f.store.holdUp("LoadWorkRooms")
		f.people["15"], f.parent["15"] = []string{"gil"}, "11"
		f.alter(put("12", "cy", "dan"))
		f.who["bo"].got(`"type":"close","data":"` + string(f.room("12")))
		f.who["gil"].gotNone(string(f.room("15")) + `","persistent"`)
		f.people["15"] = []string{"gil", "fay"} // while it is being loaded
		f.alter(put("14", "fay", "gil"))
		release()
		f.settle()
		for _, name := range []string{"gil", "fay"} {
			if got := f.heard(name); !slices.Contains(got, "join 15 4") {
				t.Errorf("%s hears %q", name, got)
			}
		}
		release = f.store.holdUp("LoadWorkRooms")
		f.people["16"], f.parent["16"] = []string{"gil"}, "11"
		f.alter(func(*firm) {})
		delete(f.people, "16") // gone before it is loaded
		f.alter(func(*firm) {})
		release()
		f.settle()
		if n := f.hub.Stats().Rooms; n != 5 || f.room("16") != "" {
			t.Errorf("%d rooms are in memory", n)
		}
		in := 0
		for _, line := range f.heard("gil") { // he may have been let in for a moment
			switch line {
			case "join 16 4":
				in++
			case "close 16":
				in--
			}
			if in < 0 || in > 1 {
				t.Errorf("gil hears %q", line)
			}
		}
		if in != 0 {
			t.Error("gil is in a room that is gone")
		}
	})
}

// TestWorkMessageNotStored: its author is told, where he wrote it; nobody else hears of
// it, and what is written afterwards arrives.
func TestWorkMessageNotStored(t *testing.T) {
	inNotifiedFirm(t, nested(asShipped), func(t *testing.T, f *firm, n *noted) {
		write := map[string]func(id string){
			"sue": func(id string) {
				f.who["sue"].to(f.room("11"), "chat", "work-msg", map[string]any{"message": "lost", "targets": f.targets(map[string][]string{"12": {"all"}, "13": {"eve"}})}, id)
			},
			"bo": func(id string) { f.who["bo"].to(f.room("11"), "chat", "msg", map[string]any{"message": "lost"}, id) },
		}
		for author, by := range write {
			f.quiet()
			f.store.failOnly("AddMessages")
			by("r-1")
			f.who[author].reply(f.who[author].take(), "r-1", string(f.room("11")), "chat").fails(t, "ERR_NOT_STORED")
			by("")
			frames := f.who[author].take()
			inOrder(t, frames, `{"type":"`+string(f.room("11")), `"name":"Presence"`)
			if index(frames, `{"type":"`+string(f.room("11")), `"error":"ERR_NOT_STORED"`) < 0 || len(frames) != 2 {
				t.Errorf("%s got %q", author, frames)
			}
			for name, p := range f.who {
				if frames := p.take(); name != author && len(frames) > 0 {
					t.Errorf("%s got %q", name, frames)
				}
			}
			f.store.setFault(nil)
			by("")
			f.who["sue"].got("lost")
		}
		for _, one := range n.take() {
			if !strings.HasSuffix(one.Message, ": lost") || slices.Contains(one.Users, "") {
				t.Errorf("notified are %+v", one)
			}
		}
	})
}

// TestWorkReadsFail: without the database what is not in memory is refused, and nothing
// is said to be unknown that may exist.
func TestWorkReadsFail(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		first := f.who["bo"].said(f.room("12"), "first")
		for n := range 120 {
			f.who["bo"].say(f.room("12"), fmt.Sprint(n))
		}
		f.again()
		adm := f.who["adm"]
		f.store.failOnly("WorkMessage")
		adm.ask(f.room("12"), "chat", "msg-get", map[string]any{"msgId": first}).fails(t, "ERR_LOG_FAILED")
		adm.ask(f.room("12"), "chat", "edit-save", map[string]any{"msgId": first, "message": "x", "reason": "x"}).is(t, refusedEdit("ERR_UPDATE_FAILED"))
		adm.ask(f.room("12"), "chat", "delete", map[string]any{"msgId": first}).is(t, `{"type":"error","data":{"error":"ERR_DELETE_FAIL"}}`)
		adm.confirm(f.room("12"), first)
		f.store.failOnly("WorkUnread")
		relation := f.workStateOf("cy", "12")["relation"].(map[string]any)
		if relation["unreadMessages"] != 121.0 && relation["unreadMessages"] != nil {
			t.Errorf("%v unread", relation["unreadMessages"])
		}
		f.store.failOnly("SetText")
		last := f.who["bo"].said(f.room("11"), "upwards")
		f.quiet()
		f.who["bo"].ask(f.room("11"), "chat", "edit-save", map[string]any{"msgId": last, "message": "x", "reason": nil}).is(t, refusedEdit("ERR_UPDATE_FAILED"))
		f.store.failOnly("DeleteMessage")
		mine := f.who["sue"].said(f.room("11"), "stays")
		adm.ask(f.room("11"), "chat", "delete", map[string]any{"msgId": mine}).is(t, `{"type":"error","data":{"error":"ERR_DELETE_FAIL"}}`)
		f.store.setFault(nil)
		f.who["sue"].gotNone(`"type":"update"`)
		f.who["sue"].gotNone(`"type":"remove"`)
	})
}

// TestUnreadCountFails: if unread messages of work rooms cannot be counted at login, the
// rooms count, each for itself.
func TestUnreadCountFails(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		for n := range 50 {
			f.who["bo"].say(f.room("12"), fmt.Sprint(n))
		}
		f.who["cy"].logout()
		f.again()
		f.who["cy"].logout()
		f.store.failOnly("WorkUnreadIn")
		f.who["cy"] = f.login("cy")
		f.store.setFault(nil)
		if got := f.workStateOf("cy", "12")["relation"].(map[string]any)["unreadMessages"]; got != 50.0 {
			t.Errorf("%v unread", got)
		}
	})
}

// TestDefectInAWorkRoom: the room closes, everything else goes on, and it is opened again
// soon, with its log.
func TestDefectInAWorkRoom(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		dock := f.room("12")
		f.who["bo"].say(dock, "before")
		for name := range f.who {
			f.heard(name)
		}
		f.loadedRoom(dock).box.force(brokenRoomEvent{})
		f.settle()
		for name, want := range map[string]string{"bo": "close 12", "sue": "close 12", "fay": ""} {
			if got := strings.Join(f.heard(name), "; "); !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("%s hears %q", name, got)
			}
		}
		f.who["sue"].say(f.room("11"), "meanwhile")
		f.who["max"].got("meanwhile")
		f.pass(retryRooms)
		for _, name := range []string{"bo", "cy", "dan"} {
			if got := f.heard(name); !slices.Contains(got, "join 12 4") {
				t.Errorf("%s hears %q", name, got)
			}
		}
		if f.room("12") != dock {
			t.Error("it is another room")
		}
		f.who["bo"].say(dock, "afterwards")
		f.who["cy"].got("afterwards")
		if _, page, _ := f.page("cy", "12", nil); len(page) != 2 {
			t.Errorf("the log is %v", page)
		}
		f.tell("sue", "11", "and from above", map[string][]string{"12": {"all"}})
		f.who["cy"].got("and from above")
		if s := f.hub.Stats(); s.Panics != 1 || s.Rooms != 4 {
			t.Errorf("the figures are %+v", s)
		}
	})
}

// TestDefectOverAndOver: a room that fails whenever it is opened is tried at an even pace.
func TestDefectOverAndOver(t *testing.T) {
	for _, call := range []string{"LoadWorkRooms", "MakeWorkRooms"} {
		t.Run(call, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.hub.opt.Work = asShipped
				sue := w.login("sue")
				w.sync(group("11", "sue"), child(group("12", "bo"), "11"))
				w.store.onCall(func(name string) {
					if name == call {
						panic("a defect")
					}
				})
				before := w.store.count(call)
				w.super("11")
				w.pass(time.Minute)
				if n := w.store.count(call) - before; n < 5 || n > 62 {
					t.Errorf("%d tries in a minute", n)
				}
				sue.makeRoom("Road map") // everything else goes on
				w.store.onCall(nil)
				w.pass(5 * time.Second)
				sue.got(`"type":"join"`, string(w.workRoom("friend_wg_11")))
				sue.say(w.workRoom("friend_wg_11"), "at last")
				sue.got("at last")
			})
		})
	}
}

// TestStopWhileWorkRoomsOpen: the process ends in the middle of it, nothing is left over.
func TestStopWhileWorkRoomsOpen(t *testing.T) {
	for _, call := range []string{"MakeWorkRooms", "LoadWorkRooms", "MakeWorkMarks"} {
		for _, away := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, store: newMemStore()}
				w.start()
				w.hub.opt.Work = asShipped
				w.login("sue")
				w.sync(group("11", "sue"), child(group("12", "bo"), "11"))
				release := func() {}
				if away {
					w.store.failOnly(call)
				} else {
					release = w.store.holdUp(call)
				}
				w.hub.ApplySettings(GroupSettings{Super: []string{"11"}})
				w.settle()
				done := make(chan struct{})
				go func() { w.stop(); close(done) }()
				w.settle()
				release()
				<-done
				if away {
					w.store.setFault(nil)
				}
				time.Sleep(time.Minute) // virtual: what would be tried again is not
				if n := len(w.hub.work.rooms); n > 0 && away && call == "MakeWorkRooms" {
					t.Errorf("%d rooms were opened after the end", n)
				}
			})
		}
	}
}

// TestMessagesWhileARoomOpens: what is aimed at a room that is being opened is in its log
// once, whether it was stored before or after the room was read.
func TestMessagesWhileARoomOpens(t *testing.T) {
	for _, call := range []string{"LoadWorkRooms", "MakeWorkMarks"} {
		t.Run(call, func(t *testing.T) {
			inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
				f.alter(move("12", ""))
				f.quiet()
				f.people["12"] = append(f.people["12"], "zoe") // somebody new, who needs a mark
				f.who["zoe"] = f.login("zoe")
				f.parent["12"] = "11"
				release := f.store.holdUp(call)
				f.sync(f.groups()...)
				f.tell("sue", "11", "to all of you", map[string][]string{"12": {"all"}})
				f.tell("sue", "11", "to bo", map[string][]string{"12": {"bo"}})
				release()
				f.settle()
				for _, name := range []string{"bo", "cy", "dan", "zoe"} {
					events, _ := f.chatEvents(f.who[name].take())
					live := map[shown]int{}
					for _, e := range events {
						if live[e]++; live[e] > 1 {
							t.Errorf("%s got %v twice", name, e)
						}
					}
					_, page, _ := f.page(name, "12", nil)
					if len(page) != 1 || page[0].text != "to all of you" {
						t.Errorf("%s has the log %v", name, page)
					}
				}
				if _, page, _ := f.page("bo", "11", nil); len(page) != 1 || page[0].text != "to bo" {
					t.Errorf("bo's view has the log %v", page)
				}
				f.tell("sue", "11", "and now", map[string][]string{"12": {"all"}})
				f.who["zoe"].got("and now")
			})
		})
	}
}

// TestLostOnTheWay: what a viewer wrote, or asked to be changed, is answered if the room
// that it is for fails before it gets there.
func TestLostOnTheWay(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		board, bo := f.room("11"), f.who["bo"]
		id := bo.said(board, "helo")
		f.quiet()
		hold := make(chan struct{})
		r := f.loadedRoom(f.room("12"))
		r.box.force(heldRoomEvent{hold})
		f.settle()
		r.box.force(brokenRoomEvent{})
		bo.to(board, "chat", "msg", map[string]any{"message": "precious words"}, "")
		bo.to(board, "chat", "msg", map[string]any{"message": "more of them"}, "r-1")
		bo.to(board, "chat", "edit-save", map[string]any{"msgId": id, "message": "hello"}, "r-2")
		f.settle()
		close(hold)
		frames := bo.take()
		if index(frames, `{"type":"`+string(board), `"name":"Presence"`, "precious words") < 0 {
			t.Errorf("bo got %q", frames)
		}
		bo.reply(frames, "r-1", string(board), "chat").fails(t, "ERR_NO_TARGET")
		bo.reply(frames, "r-2", string(board), "chat").is(t, refusedEdit("ERR_UPDATE_FAILED"))
		f.pass(retryRooms)
	})
}

// TestOtherRoomIsNotThere: the same while that room is closed, and this one has not heard
// of it yet.
func TestOtherRoomIsNotThere(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		board, bo := f.room("11"), f.who["bo"]
		id := bo.said(board, "helo")
		hold := make(chan struct{})
		f.hub.work.box.force(heldWorkEvent{hold})
		f.loadedRoom(f.room("12")).box.force(brokenRoomEvent{})
		f.settle()
		f.quiet()
		bo.ask(board, "chat", "msg", map[string]any{"message": "precious words"}).fails(t, "ERR_NO_TARGET")
		bo.ask(board, "chat", "edit-save", map[string]any{"msgId": id, "message": "hello"}).is(t, refusedEdit("ERR_UPDATE_FAILED"))
		bo.say(board, "more of them")
		inOrder(t, bo.take(), `"error":"ERR_NO_TARGET"`, `"name":"Presence"`)
		f.tell("sue", "11", "is in the log later", map[string][]string{"12": {"all"}})
		close(hold)
		f.pass(retryRooms)
		if _, page, _ := f.page("cy", "12", nil); len(page) != 1 || page[0].text != "is in the log later" {
			t.Errorf("the log is %v", page)
		}
	})
}

// TestWorkEventsBeforeThePlace: a room that is loaded, and has not been told where it
// stands, takes what others tell it without harm.
func TestWorkEventsBeforeThePlace(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		id := f.aim("sue", "11", "hello", map[string][]string{"12": {"all"}})
		msg := f.message(f.room("11"), id)
		msg.ID = "wrk-new"
		r := f.loadedRoom(f.room("12"))
		r.work.place = nil // nothing moves now
		for _, e := range []roomEvent{workArrived{msg}, workEdited{"update", msg}, workRemoved{msg}, viewerMessageEvent{}, memberEvent{f.who["bo"].id}} {
			r.box.force(e)
		}
		f.settle()
		if n := f.hub.Stats().Panics; n != 0 {
			t.Errorf("%d defects", n)
		}
	})
}

// TestNobodyEntersAWorkRoom: neither guests nor accounts, whatever tokens there are.
func TestNobodyEntersAWorkRoom(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		for n, room := range []RoomID{f.room("11"), f.room("12")} {
			for _, typ := range []string{"public", "private", "room"} {
				f.store.tokens = append(f.store.tokens, Token{Type: typ, Token: fmt.Sprint(typ, n), Room: room, SingleUse: typ == "private"})
			}
		}
		f.quiet()
		for restarted := range 2 {
			gil := f.who["gil"]
			for n, room := range []RoomID{f.room("11"), f.room("12")} {
				for _, typ := range []string{"public", "private", "room"} {
					token := fmt.Sprint(typ, n)
					if _, err := f.hub.AdmitGuest(context.Background(), GuestClaim{Token: token, Room: room, Name: "Gus", From: fmt.Sprint("192.0.2.", n)}); !errors.Is(err, ErrDenied) {
						t.Errorf("a guest with the token %s: %v", token, err)
					}
					gil.send("room-join", map[string]any{"invite": map[string]any{"roomId": room, "token": token}}, "r-1")
					gil.send("invite-response", map[string]any{"accepted": true, "roomId": room, "token": token}, "r-2")
					f.loadedRoom(room).box.force(enterEvent{account: gil.id, token: token})
				}
				gil.send("room-get", room, "r-4")
				gil.to(room, "chat", "msg", map[string]any{"message": "let me in"}, "r-5")
			}
			frames := gil.take()
			if index(frames, `"type":"join"`) >= 0 || index(frames, `"r-5"`, "ERR_NO_LISTENER") < 0 {
				t.Errorf("gil got %q", frames)
			}
			for _, name := range []string{"sue", "bo"} {
				f.who[name].gotNone(string(gil.id))
			}
			if restarted == 0 {
				f.again()
				f.quiet()
			}
		}
	})
}

// TestAppsCannotChangeWorkRooms: neither admins nor members, by way of FriendCore's apps;
// members may read what there is of the room.
func TestAppsCannotChangeWorkRooms(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		room := f.room("12")
		f.quiet()
		for _, origin := range []string{"f-adm", "f-bo", "f-sue"} {
			for request, data := range map[string]any{
				"room/update": map[string]any{"roomId": room, "update": "name", "value": "Mine"}, "room/remove": map[string]any{"roomId": room},
			} {
				if got := f.serve(origin, request, data); got != "ERR_INVALID_ROOM_ID" {
					t.Errorf("%s by %s is answered with %s", request, origin, got)
				}
			}
			if got := f.serve(origin, "room/delete", map[string]any{"roomId": []RoomID{room}}); !strings.Contains(got, "ERR_") {
				t.Errorf("room/delete by %s is answered with %s", origin, got)
			}
		}
		for user, want := range map[string]string{"f-bo": "true", "f-fay": "false"} {
			if got := f.serve("f-eve", "room/isUserInRoom", map[string]any{"userId": user, "roomId": room}); got != want {
				t.Errorf("whether %s is in the room is answered with %s", user, got)
			}
		}
		for origin, want := range map[string]string{"f-bo": `"name":"Group 12","ownerId":"system"`, "f-fay": "ERR_NOT_MEMBER"} {
			if got := f.serve(origin, "room/get", string(encode(room))); !strings.Contains(got, want) {
				t.Errorf("room/get by %s is answered with %s", origin, got)
			}
		}
		for name, p := range f.who {
			if frames := p.take(); len(frames) > 0 {
				t.Errorf("%s got %q", name, frames)
			}
		}
		if d := f.store.rooms[room]; d.Room.Name != "Group 12" || f.store.removed[room] || f.loadedRoom(room) == nil {
			t.Errorf("the room is %+v", d.Room)
		}
	})
}

// TestViewComesFirst: whoever logs in when a room has let its people in already finds the
// room by himself; so the view has him before any room is told.
func TestViewComesFirst(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		hold := make(chan struct{})
		f.hub.work.box.force(heldWorkEvent{hold})
		f.alter(put("12", "bo", "cy", "dan", "eve"))
		f.hub.mu.Lock() // rooms cannot be told
		close(hold)
		has := func() bool {
			return slices.Contains(f.hub.work.view.Load().byGroup["friend_wg_12"].members, f.who["eve"].id)
		}
		for range 1_000_000 {
			if has() {
				break
			}
			runtime.Gosched()
		}
		if !has() {
			t.Error("the view waits for the rooms")
		}
		f.hub.mu.Unlock()
		f.settle()
	})
}

// TestWorkSecretsStayOutOfLogs: no text of a message is in the program's log.
func TestWorkSecretsStayOutOfLogs(t *testing.T) {
	var log bytes.Buffer
	inWorld(t, func(t *testing.T, w *world) {
		w.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		w.restart()
		f := &firm{world: w, staff: nested(asShipped)}
		f.begin()
		w.store.failOnly("AddMessages")
		f.tell("sue", "11", "top secret", map[string][]string{"12": {"bo"}})
		f.who["bo"].say(f.room("11"), "top secret")
		w.store.setFault(nil)
		id := f.who["bo"].said(f.room("11"), "top secret")
		w.store.failOnly("SetText")
		f.change("bo", "11", "edit-save", id, "top secret too", nil)
		f.loadedRoom(f.room("12")).box.force(brokenRoomEvent{})
		f.settle()
		w.store.setFault(nil)
		f.tell("sue", "11", "top secret", nil)
	})
	if strings.Contains(log.String(), "top secret") || log.Len() == 0 {
		t.Errorf("the log is %s", log.String())
	}
}
