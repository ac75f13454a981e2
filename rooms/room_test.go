package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCreateTemporaryRoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		ada.take()
		ada.send("room-create", map[string]any{"req": "mark", "invite": []string{}}, "r-1")
		frames := ada.take()
		inOrder(t, frames, `"type":"join"`, `"requestId":"r-1"`)
		var conf roomConf
		ada.reply(frames, "r-1").into(t, &conf)
		if conf.Persistent || conf.IsPrivate || conf.Name != "[ temp ] created by: Ada" || !strings.HasPrefix(string(conf.ClientID), "room-") || conf.Req != "" {
			t.Errorf("the room is %v", conf)
		}
		if conf.Avatar != w.hub.pics.ofRoom(conf.Name) {
			t.Error("the picture is not that of the name")
		}
		if index(frames, `"type":"join"`, `"req":"mark"`, `"current":["`+string(conf.ClientID)+`"]`) < 0 {
			t.Errorf("the join has no mark: %q", frames)
		}
		if n := w.store.count("CreateRoom"); n != 0 {
			t.Error("a temporary room was stored")
		}
		if s := ada.state(conf.ClientID); len(s.Authed) != 0 || s.Relation.LastMessage != nil {
			t.Errorf("authed are %v, the last message is %v", s.Authed, s.Relation.LastMessage)
		}
	})
}

func TestCreateNamedRoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		ada.take()
		ada.send("room-create", map[string]any{"name": "  Road map "}, "r-1")
		frames := ada.take()
		inOrder(t, frames, `"type":"join"`, `"requestId":"r-1"`)
		var conf roomConf
		ada.reply(frames, "r-1").into(t, &conf)
		if !conf.Persistent || conf.Name != "Road map" {
			t.Errorf("the room is %v", conf)
		}
		stored := w.store.rooms[conf.ClientID]
		if stored == nil || stored.Room.OwnerID != ada.id || stored.Room.IsPrivate || !slices.Equal(stored.Authorized, []AccountID{ada.id}) {
			t.Errorf("stored is %v", stored)
		}
	})
}

func TestRoomThatCannotBeStored(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		w.store.setFault(errAway)
		ada.request("room-create", map[string]any{"name": "Road map"}).fails(t, "ERR_CREATE_FAILED")
		if n := w.hub.Stats().Rooms; n != 0 {
			t.Errorf("%d rooms are in memory", n)
		}
		ada.take()
		ada.send("room-create", nil, "r-1") // needs no database
		ada.got(`"type":"join"`)
	})
}

func TestRoomState(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		admin, bo := w.login("admin"), w.login("bo")
		g := group("11", "admin")
		w.sync(g)
		room := admin.makeRoom("Road map")
		admin.add(room, bo)
		bo.say(room, "hello")
		bo.logout()
		admin.take()
		admin.raw(map[string]any{"type": room, "data": map[string]any{"type": "initialize"}})
		var e struct {
			Data struct{ Data map[string]json.RawMessage }
		}
		if err := json.Unmarshal([]byte(admin.got(`"type":"initialize"`)), &e); err != nil {
			t.Fatal(err)
		}
		groups := string(w.hub.groups.all())
		msg := w.store.messages[room][0]
		for key, want := range map[string]string{
			"id": `"` + string(room) + `"`, "name": `"Road map"`, "ownerId": `"` + string(admin.id) + `"`, "persistent": `true`,
			"settings":    `{"userLimit":0,"roomName":"Road map","workgroups":{"available":` + groups + `,"assigned":[]}}`,
			"guestAvatar": `"` + w.hub.pics.guest + `"`,
			"users":       fmt.Sprintf(`["%s","%s"]`, admin.id, bo.id), "admins": `["` + string(admin.id) + `"]`,
			"online": `["` + string(admin.id) + `"]`, "recent": `["` + string(bo.id) + `"]`, "guests": `[]`, "peers": `[]`,
			"atNames": `["Admin","Bo"]`, "authed": fmt.Sprintf(`["%s","%s"]`, admin.id, bo.id),
			"workgroups": `{"available":` + groups + `,"assigned":[]}`,
			"relation": `{"unreadMessages":1,"lastMessage":{"type":"msg","data":{"msgId":"` + msg.ID + `","roomId":"` + string(room) +
				`","fromId":"` + string(bo.id) + `","time":` + fmt.Sprint(msg.Time) + `,"type":"msg","name":"Bo","message":"hello",` +
				`"statusId":null,"status":"","editId":null,"editBy":null,"editTime":null,"editReason":null}}}`,
		} {
			if got := string(e.Data.Data[key]); got != want {
				t.Errorf("%s is\n%s, want\n%s", key, got, want)
			}
		}
		if len(e.Data.Data) != 16 {
			t.Errorf("the state has %d keys, want 16", len(e.Data.Data))
		}
	})
}

// TestRoomOfTheOriginal: a room taken over from a database of the original, with a
// workgroup assigned to it.
func TestRoomOfTheOriginal(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo, cy := w.resolve(user("ada")), w.resolve(user("bo")), w.resolve(user("cy"))
		w.sync(group("11", "ada", "bo"), group("12", "bo"))
		set := time.Date(2024, 3, 1, 10, 0, 0, 0, time.FixedZone("CET", 3600))
		w.store.rooms["room-1"] = &RoomData{
			Room:       RoomRecord{ID: "room-1", Name: "Old", OwnerID: cy, Settings: []byte(`{"userLimit":5,"isStream":true}`)},
			Authorized: []AccountID{cy, bo, "acc-unknown"},
			Assigned:   []Assignment{{"11", cy, set}, {"12", cy, set}, {"99", cy, set}},
		}
		p := w.login("ada")
		p.got(`"type":"join"`, "room-1")
		s := p.state("room-1")
		if want := []AccountID{cy, bo, ada}; !slices.Equal(s.Users, want) {
			t.Errorf("users are %v, want %v", s.Users, want)
		}
		if want := []AccountID{cy, bo}; !slices.Equal(s.Authed, want) {
			t.Errorf("authed are %v, want %v", s.Authed, want)
		}
		want := assignmentWire{"11", "u-11", "room-1", cy, "2024-03-01T09:00:00.000Z", "friend_wg_11", "Group 11"}
		if len(s.Workgroups.Assigned) != 2 || s.Workgroups.Assigned[0] != want {
			t.Errorf("assigned are %v, want %v and another", s.Workgroups.Assigned, want)
		}
		if got := s.Settings.Workgroups.Assigned; !slices.Equal(got, []WorkgroupID{"friend_wg_11", "friend_wg_12"}) || s.Settings.UserLimit != 5 {
			t.Errorf("the settings are %v", s.Settings)
		}
	})
}

func TestEmptyTemporaryRoomIsGone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		ada.say(room, "hello")
		w.pass(time.Hour)
		if w.loadedRoom(room) == nil {
			t.Fatal("the room is gone although ada is there")
		}
		ada.logout()
		w.pass(9 * time.Minute)
		if w.loadedRoom(room) == nil {
			t.Fatal("the room is gone too early")
		}
		w.pass(2 * time.Minute)
		if w.loadedRoom(room) != nil {
			t.Fatal("the room is still there")
		}
		w.login("ada").gotNone("join")
	})
}

func TestEmptySavedRoomLeavesMemory(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		ada.say(room, "hello")
		ada.logout()
		w.pass(11 * time.Minute)
		if w.loadedRoom(room) != nil {
			t.Fatal("the room is still in memory")
		}
		ada = w.login("ada")
		ada.got("join", string(room))
		if n := w.store.count("LoadRooms"); n != 1 {
			t.Errorf("the room was loaded %d times, want once", n)
		}
		ada.to(room, "chat", "log", nil, "")
		ada.got(`"type":"log"`, "hello")
	})
}

// TestSomebodyComesInTime: the time counts from when the last one left.
func TestSomebodyComesInTime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		for range 3 {
			ada.logout()
			w.pass(6 * time.Minute)
			ada = w.login("ada")
			ada.got("join", string(room))
		}
		ada.logout()
		w.pass(9*time.Minute + 59*time.Second)
		if w.loadedRoom(room) == nil {
			t.Error("the room is gone too early")
		}
	})
}

// TestEmptyTimerThatRingsTooLate: a ring that was on the way when somebody came and
// went does not end the room.
func TestEmptyTimerThatRingsTooLate(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		ada.logout()
		w.loadedRoom(room).box.force(emptyEvent{})
		w.pass(9 * time.Minute)
		if w.loadedRoom(room) == nil {
			t.Error("the room is gone too early")
		}
		w.pass(2 * time.Minute)
		if w.loadedRoom(room) != nil {
			t.Error("the room is still there")
		}
	})
}

// TestLetInAtTheLastMoment: between being let in and entering the room does not end.
func TestLetInAtTheLastMoment(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		ada.logout()
		ada = w.login("ada")
		ada.logout()
		r := w.loadedRoom(room)
		w.pass(9*time.Minute + 59*time.Second)
		r.box.force(enterEvent{account: ada.id})
		w.pass(2 * time.Second)
		if w.loadedRoom(room) == nil {
			t.Error("the room ended under the feet of somebody who was let in")
		}
	})
}

// TestRoomThatNobodyEnters: loaded because of an invite that did not fit.
func TestRoomThatNobodyEnters(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		w.restart()
		bo := w.login("bo")
		bo.request("room-join", map[string]any{"invite": map[string]any{"token": "public-wrong", "roomId": room}}).fails(t, "ERR_COULD_NOT_JOIN")
		if w.loadedRoom(room) == nil {
			t.Fatal("the room was not loaded; the test is about nothing")
		}
		w.pass(11 * time.Minute)
		if w.loadedRoom(room) != nil {
			t.Error("the room is still in memory")
		}
	})
}

func TestUnknownRoomsAreNotRemembered(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		for n := range 20 {
			ada.request("room-join", map[string]any{"invite": map[string]any{"token": "public-1", "roomId": fmt.Sprint("room-", n)}}).
				fails(t, "ERR_COULD_NOT_JOIN")
		}
		if n := w.hub.Stats().Rooms; n != 0 {
			t.Errorf("%d rooms are in memory", n)
		}
	})
}

// TestReadMarksKeepARoom: a room whose read marks cannot be written stays.
func TestReadMarksKeepARoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		bo.say(room, "hello")
		w.store.failOnly("SaveReadMarks")
		ada.confirm(room, w.store.messages[room][0].ID)
		ada.logout()
		bo.logout()
		w.pass(15 * time.Minute)
		if w.loadedRoom(room) == nil {
			t.Fatal("the room left memory with what was not written")
		}
		w.store.setFault(nil)
		w.pass(15 * time.Minute)
		if w.loadedRoom(room) != nil {
			t.Error("the room is still in memory")
		}
	})
}

// TestDefectEndsOneRoom: when the program fails in a room, that room closes, its
// members are told, and everything else goes on.
func TestDefectEndsOneRoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		broken, other := ada.makeRoom("Broken"), ada.makeRoom("Other")
		ada.add(broken, bo)
		ada.take()
		bo.take()
		w.store.onCall(func(name string) {
			if name == "RenameRoom" {
				panic("a defect")
			}
		})
		ada.to(broken, "settings", "setting", map[string]any{"setting": "roomName", "value": "x"}, "")
		ada.got(`{"type":"close","data":"` + string(broken) + `"}`)
		bo.got(`{"type":"close","data":"` + string(broken) + `"}`)
		if s := w.hub.Stats(); s.Panics != 1 || s.Rooms != 1 {
			t.Errorf("the figures are %v", s)
		}
		w.store.onCall(nil)
		ada.say(other, "still here")
		ada.got("still here")
		ada.handle(roomEventText(broken, "chat/msg", `{"message":"into nothing"}`, ""))

		ada.logout()
		ada = w.login("ada") // the next login loads the room anew
		ada.got("join", string(broken))
		ada.say(broken, "back again")
		ada.got("back again")
	})
}

// TestDefectWhileStoring: authors hear that their messages were not stored.
func TestDefectWhileStoring(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		bo.take()
		w.store.onCall(func(name string) {
			if name == "AddMessages" {
				panic("a defect")
			}
		})
		ada.ask(room, "chat", "msg", map[string]any{"message": "lost"}).fails(t, "ERR_ROOM_FAILED")
		bo.gotNone("lost")
	})
}

// TestDefectRejectsWhatWaits: who waits behind the event that failed is answered.
func TestDefectRejectsWhatWaits(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.take()
		hold := make(chan struct{})
		r := w.loadedRoom(room)
		r.box.force(heldRoomEvent{hold})
		w.settle()
		r.box.force(brokenRoomEvent{})
		bo.post("room-join", map[string]any{"invite": map[string]any{"token": "public-1", "roomId": room}}, "r-1")
		ada.to(room, "chat", "msg", map[string]any{"message": "behind"}, "")
		w.settle()
		close(hold)
		w.settle()
		bo.reply(bo.take(), "r-1").fails(t, "ERR_COULD_NOT_JOIN")
		ada.got(`"type":"close"`)
		if n := w.hub.Stats().Rooms; n != 0 {
			t.Errorf("%d rooms are in memory", n)
		}
	})
}

type brokenRoomEvent struct{}

func (brokenRoomEvent) apply(*Room) { panic("a defect") }

// heldRoomEvent occupies a room.
type heldRoomEvent struct{ until chan struct{} }

func (e heldRoomEvent) apply(*Room) { <-e.until }

// TestEnterARoomThatJustCloses: the account hears that it is not in it.
func TestEnterARoomThatJustCloses(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		r := w.loadedRoom(room)
		conf := r.conf.Load()
		r.box.force(brokenRoomEvent{})
		ada.take()
		w.hub.account(ada.id).box.force(enteredEvent{room: room, conf: conf})
		frames := ada.take()
		inOrder(t, frames, `"type":"join"`, `{"type":"close","data":"`+string(room)+`"}`)
		if w.hub.account(ada.id).isIn(room) {
			t.Error("the account believes to be in the room")
		}
	})
}

// TestAttachAfterTheEnd: the same when the room closes a moment later.
func TestAttachAfterTheEnd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		r := w.loadedRoom(room)
		r.box.mu.Lock()
		r.box.add(brokenRoomEvent{})
		r.box.add(attachEvent{ada.id, true})
		r.box.mu.Unlock()
		ada.got(`"type":"close"`)
		if w.hub.account(ada.id).isIn(room) {
			t.Error("the account believes to be in the room")
		}
	})
}

// TestEventsToARoomThatWasLeft: what was on the way is dropped.
func TestEventsToARoomThatWasLeft(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		bo.to(room, "", "leave", nil, "")
		bo.to(room, "chat", "msg", map[string]any{"message": "late"}, "")
		ada.gotNone("late")
		bo.take()
		bo.handle(rawEvent(string(room), `{"type":"initialize"}`, "r-1"))
		bo.reply(bo.take(), "r-1").fails(t, "ERR_NO_LISTENER")
	})
}

// TestStrangersGetNothing: an id is no key.
func TestStrangersGetNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, eve := w.login("ada"), w.login("eve")
		room := ada.makeRoom("Road map")
		ada.say(room, "secret")
		eve.take()
		for name, all := range roomSamples {
			for _, s := range all.valid {
				eve.handle(roomEventText(room, name, s.data, "r-1"))
			}
		}
		for _, frame := range eve.take() {
			if !strings.Contains(frame, `"response":null,"error":"ERR_NO_LISTENER"`) {
				t.Errorf("a stranger got %s", frame)
			}
		}
		if s := ada.state(room); len(s.Users) != 1 || s.Name != "Road map" {
			t.Errorf("a stranger changed the room: %v", s)
		}
	})
}

// TestNoEventsBeforeJoin: what is said between being let in and hearing of it comes
// after the join, and is not lost.
func TestNoEventsBeforeJoin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		hold := make(chan struct{})
		w.hub.account(bo.id).box.force(heldEvent{hold})
		w.settle()
		ada.add(room, bo)
		ada.say(room, "too early")
		bo.gotNone("too early")
		close(hold)
		w.settle()
		ada.say(room, "in time")
		frames := bo.take()
		inOrder(t, frames, `"type":"join"`, "too early", "in time")
	})
}

func TestStopWaitsAndWrites(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		bo.say(room, "hello")
		ada.confirm(room, w.store.messages[room][0].ID)
		if n := w.store.count("SaveReadMarks"); n != 0 {
			t.Fatalf("read marks were written at once; the test is about nothing")
		}
		w.stop()
		if n := w.store.count("SaveReadMarks"); n != 1 {
			t.Errorf("read marks were written %d times, want once", n)
		}
		if err := w.hub.Stop(context.Background()); err != nil {
			t.Errorf("stopping again: %v", err)
		}
		w.hub.Handle(context.Background(), ada.address(), json.RawMessage(`{"type":"initialize"}`))
	})
}

func TestStopGivesUpInTime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		hold := make(chan struct{})
		w.loadedRoom(room).box.force(heldRoomEvent{hold})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.hub.Stop(ctx); err == nil {
			t.Error("Stop did not say that it gave up")
		}
		close(hold)
	})
}

// TestStopWhileDatabaseIsAway: a room that waits for the database does not hold
// the process up.
func TestStopWhileDatabaseIsAway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.login("ada").makeRoom("Road map")
		w.restart()
		w.store.failOnly("LoadRoom")
		w.login("ada")
		w.pass(time.Minute)
		began := time.Now()
		w.stop()
		if took := time.Since(began); took > 0 {
			t.Errorf("stopping took %s", took)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{
		Store: newMemStore(), Post: newInbox(), Log: discard(), Host: "h", MaxText: 1, EmptyAfter: 1, RecentFor: 1, EditGrace: 1, AvatarSide: 16,
		Relays: &testRelays{},
	}
	if _, err := New(context.Background(), good); err != nil {
		t.Errorf("good options are refused: %v", err)
	}
	for what, spoil := range map[string]func(*Options){
		"no store": func(o *Options) { o.Store = nil }, "no post": func(o *Options) { o.Post = nil }, "no log": func(o *Options) { o.Log = nil },
		"no text": func(o *Options) { o.MaxText = 0 }, "no time": func(o *Options) { o.EmptyAfter = 0 }, "never recent": func(o *Options) { o.RecentFor = -1 },
		"no side": func(o *Options) { o.AvatarSide = 0 }, "no grace": func(o *Options) { o.EditGrace = 0 }, "no relays": func(o *Options) { o.Relays = nil },
		"nothing to hide with": func(o *Options) { o.HideAddresses = true },
	} {
		bad := good
		spoil(&bad)
		if _, err := New(context.Background(), bad); err == nil {
			t.Errorf("%s: not refused", what)
		}
	}
	away := newMemStore()
	away.setFault(errAway)
	good.Store = away
	if _, err := New(context.Background(), good); err == nil {
		t.Error("a hub was made without knowing the accounts")
	}
}
