package rooms

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// inRoom is a world with a named room of ada and bo.
func inRoom(t *testing.T, test func(t *testing.T, w *world, room RoomID, ada, bo *person)) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		ada.take()
		bo.take()
		test(t, w, room, ada, bo)
	})
}

func TestMessage(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		text := "hello <b>@Ada</b> & \u2028 \u200c\u200c\u200cjson:// \"\\\n \U0001F600"
		bo.say(room, text)
		stored := w.store.messages[room]
		if len(stored) != 1 || stored[0].Text != text {
			t.Fatalf("stored are %v", stored)
		}
		m := stored[0]
		if m.From != bo.id || m.Name != "Bo" || m.Type != "msg" || m.Time != nowMillis() || !strings.HasPrefix(m.ID, "msg-") {
			t.Errorf("stored is %v", m)
		}
		var shown newMessage
		want := newMessage{"msg", m.ID, room, string(bo.id), "Bo", m.Time, text, nil}
		for _, p := range []*person{ada, bo} {
			frames := p.take()
			inOrder(t, frames, `"msg"`, "recent-add")
			inner, ok := unwrap([]byte(frames[0]), []string{string(room), "chat", "msg"})
			if !ok || json.Unmarshal(inner, &shown) != nil || shown != want {
				t.Errorf("%s got %s", p.id, frames[0])
			}
		}
	})
}

// TestMessageAsRequest: everybody sees the message, the author gets a reply.
func TestMessageAsRequest(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		bo.to(room, "chat", "msg", map[string]any{"message": "hello"}, "r-1")
		frames := bo.take()
		inOrder(t, frames, `"type":"msg","data":{"type":"msg"`, `"requestId":"r-1"`)
		var e struct{ Type, Data any }
		bo.reply(frames, "r-1", string(room), "chat").into(t, &e)
		if e.Type != "msg" || !strings.Contains(fmt.Sprint(e.Data), w.store.messages[room][0].ID) {
			t.Errorf("the response is %v", e)
		}
		ada.got("hello")
	})
}

// TestStoredBeforeShown: when a message is being stored, nobody has seen it yet.
func TestStoredBeforeShown(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		seen := -1
		w.store.onCall(func(name string) {
			if name == "AddMessages" {
				seen = len(w.in.deliveriesOf("hello"))
			}
		})
		bo.say(room, "hello")
		if seen != 0 {
			t.Errorf("%d saw the message before it was stored (-1: it was not stored)", seen)
		}
		ada.got("hello")
	})
}

// TestMessagesTogether: what waits is stored in one go and shown in its order.
func TestMessagesTogether(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		hold := make(chan struct{})
		w.loadedRoom(room).box.force(heldRoomEvent{hold})
		w.settle()
		for n := range 20 {
			from := ada
			if n%2 == 1 {
				from = bo
			}
			from.to(room, "chat", "msg", map[string]any{"message": fmt.Sprintf("text %02d", n)}, "")
		}
		close(hold)
		w.settle()
		if n := w.store.count("AddMessages"); n != 1 {
			t.Errorf("%d writes, want one", n)
		}
		for n, m := range w.store.messages[room] {
			if m.Text != fmt.Sprintf("text %02d", n) {
				t.Fatalf("message %d is %q", n, m.Text)
			}
		}
		var shown []string
		for _, d := range w.in.deliveriesOf(`"chat"`, `"text `) {
			_, rest, _ := strings.Cut(string(d.event), `"text `)
			shown = append(shown, rest[:2])
		}
		if len(shown) != 20 || !slices.IsSorted(shown) {
			t.Errorf("shown are %v", shown)
		}
		if s := w.hub.Stats(); s.Messages != 20 || s.NotStored != 0 {
			t.Errorf("the figures are %v", s)
		}
	})
}

// TestOrderAmongOtherEvents: a message is shown before whatever its author did next.
func TestOrderAmongOtherEvents(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		hold := make(chan struct{})
		w.loadedRoom(room).box.force(heldRoomEvent{hold})
		w.settle()
		bo.to(room, "chat", "msg", map[string]any{"message": "first"}, "")
		bo.to(room, "chat", "state", map[string]any{"type": "clear-typing"}, "")
		bo.to(room, "chat", "msg", map[string]any{"message": "second"}, "")
		bo.to(room, "", "leave", nil, "")
		bo.to(room, "chat", "msg", map[string]any{"message": "third"}, "")
		close(hold)
		frames := ada.take()
		inOrder(t, frames, "first", "clear-typing", "second", `"type":"leave"`)
		if index(frames, "third") >= 0 {
			t.Error("somebody who had left was heard")
		}
	})
}

// TestTimesIncrease: strictly, also within a millisecond and after a restart.
func TestTimesIncrease(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		for range 40 {
			ada.say(room, "quick")
		}
		w.restart()
		ada = w.login("ada")
		for range 40 {
			ada.say(room, "quick")
		}
		var last int64
		for _, m := range w.store.messages[room] {
			if m.Time <= last {
				t.Fatalf("the time is %d after %d", m.Time, last)
			}
			last = m.Time
		}
		w.pass(time.Minute)
		ada.say(room, "later")
		if m := w.store.messages[room][80]; m.Time != nowMillis() {
			t.Errorf("the time does not follow the clock: %d", m.Time)
		}
	})
}

// TestNotStored: nobody sees the message, and its author hears why, on the
// connection that sent it.
func TestNotStored(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		w.store.failOnly("AddMessages")
		w.in.repliesTo(bo.address())
		bo.say(room, "lost")
		if frames := ada.take(); len(frames) > 0 {
			t.Errorf("ada got %q", frames)
		}
		frames := w.in.repliesTo(bo.address())
		inOrder(t, frames,
			`{"type":"chat","data":{"type":"error","data":{"error":"ERR_NOT_STORED","text":"The message could not be stored`,
			`{"type":"chat","data":{"type":"msg","data":{"type":"msg"`)
		if index(frames, `"message":"lost"`) != 0 || index(frames, `"name":"Presence"`, `"fromId":null`, `\n\nlost"`) != 1 {
			t.Errorf("bo got %q", frames)
		}
		if got := bo.take(); len(got) != 2 {
			t.Errorf("bo got %q", got)
		}

		bo.ask(room, "chat", "msg", map[string]any{"message": "lost too"}).fails(t, "ERR_NOT_STORED")
		if index(w.in.repliesTo(bo.address()), `"name":"Presence"`) >= 0 {
			t.Error("who gets a reply needs no notice")
		}
		if s := w.hub.Stats(); s.NotStored != 2 || s.Messages != 0 {
			t.Errorf("the figures are %v", s)
		}

		w.store.setFault(nil)
		bo.say(room, "found")
		ada.got("found")
		ada.to(room, "chat", "log", nil, "")
		if frame := ada.got(`"log"`); strings.Contains(frame, "lost") {
			t.Errorf("the log has what was not stored: %s", frame)
		}
	})
}

// TestBatchNotStored: each author of a batch is told of his own messages.
func TestBatchNotStored(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		hold := make(chan struct{})
		w.loadedRoom(room).box.force(heldRoomEvent{hold})
		w.settle()
		w.store.failOnly("AddMessages")
		ada.to(room, "chat", "msg", map[string]any{"message": "by ada"}, "r-1")
		bo.to(room, "chat", "msg", map[string]any{"message": "by bo"}, "")
		close(hold)
		w.settle()
		frames := ada.take()
		ada.reply(frames, "r-1", string(room), "chat").fails(t, "ERR_NOT_STORED")
		if index(frames, "by bo") >= 0 || index(bo.take(), "by ada") >= 0 {
			t.Error("somebody saw the other's message")
		}
	})
}

func TestRefusedTexts(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		w.hub.opt.MaxText = 10_000
		send := func(text any) replyFrame { return bo.ask(room, "chat", "msg", map[string]any{"message": text}) }
		for _, text := range []any{"", nil, 7, true, []string{"x"}, map[string]any{"a": 1}} {
			send(text).fails(t, "ERR_INVALID_MESSAGE")
			bo.to(room, "chat", "msg", map[string]any{"message": text}, "")
			if frames := bo.take(); len(frames) > 0 {
				t.Errorf("%v as event is answered with %q", text, frames)
			}
		}
		send(strings.Repeat("ä", 5_001)).fails(t, "ERR_MESSAGE_TOO_LONG")
		bo.say(room, strings.Repeat("x", 300_000))
		frames := bo.take()
		inOrder(t, frames, "ERR_MESSAGE_TOO_LONG", `"name":"Presence"`)
		for _, frame := range frames {
			if len(frame) > 11_000 {
				t.Errorf("%d bytes of a refused text come back", len(frame))
			}
		}
		if index(frames, "300000 bytes; 10000 are allowed") < 0 {
			t.Errorf("bo is not told what is allowed: %.300q", frames)
		}
		if frames := ada.take(); len(frames) > 0 || len(w.store.messages[room]) > 0 {
			t.Errorf("ada got %.300q", frames)
		}
		if r := send(strings.Repeat("ä", 5_000)); r.Error != nil {
			t.Errorf("the longest allowed text is refused with %v", r.Error)
		}
		send(" ").into(t, new(any)) // blanks are a text like any other
	})
}

// TestTemporaryRoomStoresNothing, and works without database.
func TestTemporaryRoomStoresNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("")
		ada.add(room, bo)
		w.store.setFault(errAway)
		ada.say(room, "hello")
		bo.got("hello")
		if n := w.store.count("AddMessages"); n != 0 {
			t.Errorf("%d writes", n)
		}
		w.store.setFault(nil)
	})
}

// TestAuthorsCurrentName: who was renamed writes under the new name.
func TestAuthorsCurrentName(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bob"})
		bo.say(room, "hello")
		ada.got(`"name":"Bob"`, "hello")
		if s := ada.state(room); !slices.Equal(s.AtNames, []string{"Ada", "Bob"}) {
			t.Errorf("names are %v", s.AtNames)
		}
	})
}

func TestTyping(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		bo.to(room, "chat", "state", map[string]any{"type": "set-typing"}, "")
		ada.got(`{"type":"` + string(room) + `","data":{"type":"chat","data":{"type":"state","data":{"state":{"type":"set-typing"},"fromId":"` + string(bo.id) + `"}}}}`)
		bo.gotNone("state")
		bo.to(room, "chat", "state", strings.Repeat("x", maxTyping-2), "")
		ada.got(`"state"`)
		bo.to(room, "chat", "state", strings.Repeat("x", maxTyping-1), "")
		ada.gotNone(`"state"`)
	})
}

// TestBrokenTextReachesNobody: bytes that are no UTF-8 would end the connections
// of browsers.
func TestBrokenTextReachesNobody(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		for _, event := range []string{
			roomEventText(room, "chat/state", "\"\xff\"", ""), roomEventText(room, "chat/msg", "{\"message\":\"\xc3\"}", ""),
		} {
			bo.handle(event)
		}
		if frames := ada.take(); len(frames) > 0 {
			t.Errorf("ada got %q", frames)
		}
	})
}

// TestEncodedOncePerMessage: one call of Deliver with one slice for everybody.
func TestEncodedOncePerMessage(t *testing.T) {
	for _, members := range []int{10, 500} {
		t.Run(fmt.Sprint(members), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				author, room := w.crowd(members)
				author.say(room, "once")
				d := w.in.deliveriesOf(`"once"`)
				if len(d) != 1 || len(d[0].to) != members || d[0].except != "" {
					t.Errorf("%d deliveries, want one to %d", len(d), members)
				}
			})
		})
	}
}

// crowd makes a stored room with so many members, all of them in it.
func (w *world) crowd(members int) (*person, RoomID) {
	w.t.Helper()
	data := &RoomData{Room: RoomRecord{ID: "room-crowd", Name: "Crowd", Settings: []byte("{}")}}
	for n := range members {
		id := AccountID(fmt.Sprint("acc-", n))
		w.store.accounts[id] = AccountRecord{ID: id, FUserID: fmt.Sprint("f-", n), FUsername: fmt.Sprint("user", n), Name: fmt.Sprint("User ", n), Settings: []byte("{}")}
		data.Authorized = append(data.Authorized, id)
	}
	data.Room.OwnerID = data.Authorized[0]
	w.store.rooms[data.Room.ID] = data
	w.restart()
	for _, id := range data.Authorized {
		p := &person{w, id}
		if err := w.hub.Open(w.t.Context(), id); err != nil {
			w.t.Fatal(err)
		}
		p.post("initialize", nil, "")
	}
	w.settle()
	w.in.mu.Lock()
	w.in.frames, w.in.deliveries = map[AccountID][]string{}, nil
	w.in.mu.Unlock()
	return &person{w, data.Authorized[0]}, data.Room.ID
}
