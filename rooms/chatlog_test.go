package rooms

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// logAnswer asks for a part of the log and returns its type and messages; nil for
// events:null.
func (p *person) logAnswer(room RoomID, data any) (typ string, messages []Message) {
	p.w.t.Helper()
	p.take()
	p.to(room, "chat", "log", data, "")
	return p.logIn(p.got(`"type":"log"`), room)
}

func (p *person) logIn(frame string, room RoomID) (typ string, messages []Message) {
	p.w.t.Helper()
	inner, ok := unwrap([]byte(frame), []string{string(room), "chat", "log"})
	var page struct {
		Type string
		Data *struct {
			Events []struct {
				Type string
				Data messageWire
			}
		}
	}
	if !ok || json.Unmarshal(inner, &page) != nil || page.Data == nil {
		p.w.t.Fatalf("the answer is %s", frame)
	}
	if page.Data.Events != nil {
		messages = []Message{}
	}
	for _, e := range page.Data.Events {
		if e.Type != e.Data.Type {
			p.w.t.Fatalf("an event of type %s has a message of type %s", e.Type, e.Data.Type)
		}
		messages = append(messages, Message{ID: e.Data.MsgID, Time: e.Data.Time, Text: e.Data.Message})
	}
	return page.Type, messages
}

// fillLog stores n messages, one each step milliseconds, and restarts.
func (w *world) fillLog(room RoomID, n int, step int64) []Message {
	w.stop()
	all := make([]Message, n)
	for i := range all {
		all[i] = Message{
			ID: fmt.Sprint("msg-", i), Room: room, From: w.store.rooms[room].Room.OwnerID, Type: "msg", Name: "Ada",
			Time: 1_000_000 + int64(i)*step, Text: fmt.Sprint("text ", i),
		}
	}
	w.store.messages[room] = all
	w.start()
	return all
}

func texts(messages []Message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, m.Text)
	}
	return all
}

// same fails unless the answer has these messages.
func sameMessages(t *testing.T, what string, got, want []Message) {
	t.Helper()
	if !slices.Equal(texts(got), texts(want)) || (got == nil) != (want == nil) {
		t.Errorf("%s gives %q, want %q", what, texts(got), texts(want))
	}
}

func TestLogPages(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		room := w.login("ada").makeRoom("Road map")
		all := w.fillLog(room, 200, 10)
		at := func(n int) int64 { return all[n].Time }
		ada := w.login("ada")
		for _, tc := range []struct {
			what string
			data map[string]any
			typ  string
			want []Message
		}{
			{"nothing", nil, "before", all[170:]},
			{"empty object", map[string]any{}, "before", all[170:]},
			{"before the newest, in memory", map[string]any{"firstTime": at(199), "length": 10}, "before", all[189:199]},
			{"before, all of memory", map[string]any{"firstTime": at(199), "length": 29}, "before", all[170:199]},
			{"before, over the edge of memory", map[string]any{"firstTime": at(199)}, "before", all[169:199]},
			{"before the edge of memory", map[string]any{"firstTime": at(170)}, "before", all[140:170]},
			{"before, between two", map[string]any{"firstTime": at(170) + 1}, "before", all[141:171]},
			{"before the oldest", map[string]any{"firstTime": at(0)}, "before", nil},
			{"before the second", map[string]any{"firstTime": at(1)}, "before", all[:1]},
			{"before the future", map[string]any{"firstTime": at(199) + 1}, "before", all[170:]},
			{"after the newest", map[string]any{"lastTime": at(199)}, "after", all[199:]},
			{"after it", map[string]any{"lastTime": at(199) + 1}, "after", nil},
			{"after, in memory", map[string]any{"lastTime": at(170)}, "after", all[170:]},
			{"after, in the database", map[string]any{"lastTime": at(169)}, "after", all[169:199]},
			{"after, between two", map[string]any{"lastTime": at(20) + 1, "length": 2}, "after", all[21:23]},
			{"after everything", map[string]any{"lastTime": 1, "length": 3}, "after", all[:3]},
			{"both times", map[string]any{"lastTime": at(198), "firstTime": at(10)}, "after", all[198:]},
			{"long", map[string]any{"firstTime": at(150), "length": 100}, "before", all[50:150]},
			{"too long", map[string]any{"firstTime": at(150), "length": 5000}, "before", all[50:150]},
		} {
			typ, got := ada.logAnswer(room, tc.data)
			if typ != tc.typ {
				t.Errorf("%s: the type is %s, want %s", tc.what, typ, tc.typ)
			}
			sameMessages(t, tc.what, got, tc.want)
		}
	})
}

// TestLogWithUnusableArguments: they count as absent, and there is always an answer.
func TestLogWithUnusableArguments(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		room := w.login("ada").makeRoom("Road map")
		all := w.fillLog(room, 60, 10)
		ada := w.login("ada")
		for _, bad := range []any{nil, "text", -1, 0, 0.5, 1e300, true, []int{1}, map[string]int{"a": 1}} {
			for _, key := range []string{"firstTime", "lastTime"} {
				typ, got := ada.logAnswer(room, map[string]any{key: bad})
				if typ != "before" {
					t.Errorf("%s %v: the type is %s", key, bad, typ)
				}
				sameMessages(t, fmt.Sprint(key, " ", bad), got, all[30:])
			}
			_, got := ada.logAnswer(room, map[string]any{"lastTime": 1, "length": bad})
			if want := defaultPage; bad != 1e300 && len(got) != want {
				t.Errorf("length %v gives %d messages, want %d", bad, len(got), want)
			}
		}
		for _, data := range []any{"text", 7, []int{1}} {
			_, got := ada.logAnswer(room, data)
			sameMessages(t, fmt.Sprint(data), got, all[30:])
		}
	})
}

// TestEmptyLog: an array for the newest messages, null for a page.
func TestEmptyLog(t *testing.T) {
	for _, name := range []string{"Road map", ""} {
		inWorld(t, func(t *testing.T, w *world) {
			ada := w.login("ada")
			room := ada.makeRoom(name)
			_, got := ada.logAnswer(room, nil)
			sameMessages(t, "nothing", got, []Message{})
			_, got = ada.logAnswer(room, map[string]any{"firstTime": 99})
			sameMessages(t, "before", got, nil)
			_, got = ada.logAnswer(room, map[string]any{"lastTime": 99})
			sameMessages(t, "after", got, nil)
			if n := w.store.count("Page"); n != 0 {
				t.Errorf("the database was asked %d times for what is known to be empty", n)
			}
		})
	}
}

// TestLogAnswersOneConnection, as a reply if it was a request.
func TestLogAnswersOneConnection(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		ada.say(room, "hello")
		ada.take()
		w.in.repliesTo(ada.address())
		second := &person{w, ada.id}
		w.hub.Handle(t.Context(), Address{ada.id, 2}, []byte(roomEventText(room, "chat/log", "null", "")))
		w.settle()
		if got := w.in.repliesTo(Address{ada.id, 2}); len(got) != 1 {
			t.Errorf("the second connection got %q", got)
		}
		if got := w.in.repliesTo(ada.address()); len(got) != 0 {
			t.Errorf("the first connection got %q", got)
		}
		var e struct {
			Type string
			Data logPage
		}
		second.ask(room, "chat", "log", nil).into(t, &e)
		if e.Type != "log" || e.Data.Type != "before" || len(e.Data.Data.Events.([]any)) != 1 {
			t.Errorf("the reply is %v", e)
		}
	})
}

func TestLogCannotBeRead(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		room := w.login("ada").makeRoom("Road map")
		w.fillLog(room, 60, 10)
		ada := w.login("ada")
		w.store.failOnly("Page")
		ada.ask(room, "chat", "log", map[string]any{"lastTime": 1}).fails(t, "ERR_LOG_FAILED")
		ada.to(room, "chat", "log", map[string]any{"lastTime": 1}, "")
		ada.got(`"chat"`, `{"type":"error","data":{"error":"ERR_LOG_FAILED"`)
		if n := len(w.hub.waiting) + len(w.hub.reading); n != 0 {
			t.Errorf("%d places are still taken", n)
		}
	})
}

// TestReadingALogHoldsNobodyUp: the room goes on while pages are read.
func TestReadingALogHoldsNobodyUp(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		room := w.login("ada").makeRoom("Road map")
		w.fillLog(room, 60, 10)
		ada := w.login("ada")
		for range readers { // all places are taken
			w.hub.reading <- struct{}{}
		}
		for range maxReading {
			ada.to(room, "chat", "log", map[string]any{"lastTime": 1}, "")
		}
		w.settle()
		ada.say(room, "meanwhile")
		frames := ada.take()
		if index(frames, "meanwhile") < 0 || index(frames, `"log"`) >= 0 || index(frames, "ERR_") >= 0 {
			t.Errorf("ada got %.500q", frames)
		}
		ada.ask(room, "chat", "log", map[string]any{"lastTime": 1}).fails(t, "ERR_LOG_FAILED") // too many wait
		for range readers {
			<-w.hub.reading
		}
		if n := len(ada.take()); n != maxReading {
			t.Errorf("%d pages came, want %d", n, maxReading)
		}
	})
}

// TestStopEndsWaitingReads: whoever waits for a place does not hold up the end.
func TestStopEndsWaitingReads(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		room := w.login("ada").makeRoom("Road map")
		w.fillLog(room, 60, 10)
		ada := w.login("ada")
		for range readers {
			w.hub.reading <- struct{}{}
		}
		ada.to(room, "chat", "log", map[string]any{"lastTime": 1}, "")
		w.stop()
		if len(w.hub.waiting) != 0 {
			t.Error("the place is still taken")
		}
	})
}

// TestDefectWhileReading ends neither the room nor the process.
func TestDefectWhileReading(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		room := w.login("ada").makeRoom("Road map")
		w.fillLog(room, 60, 10)
		ada := w.login("ada")
		w.store.onCall(func(name string) {
			if name == "Page" {
				panic("a defect")
			}
		})
		ada.to(room, "chat", "log", map[string]any{"lastTime": 1}, "")
		ada.say(room, "going on")
		ada.got("going on")
		if s := w.hub.Stats(); s.Panics != 1 || s.Rooms != 1 || len(w.hub.waiting)+len(w.hub.reading) != 0 {
			t.Errorf("the figures are %v", s)
		}
	})
}

// TestTailIsBounded: memory keeps the newest part of a log, without gaps.
func TestTailIsBounded(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		r := w.loadedRoom(room)
		for n := range 250 {
			ada.say(room, fmt.Sprint("text ", n))
			tail := r.chat.tail
			if len(tail) > tailMax || len(tail) < min(n+1, tailKept) {
				t.Fatalf("after %d messages %d are in memory", n+1, len(tail))
			}
			all := w.store.messages[room]
			if !slices.Equal(texts(tail), texts(all[len(all)-len(tail):])) {
				t.Fatalf("after %d messages memory is not the end of the log", n+1)
			}
			if r.chat.complete != (len(tail) == n+1) {
				t.Fatalf("after %d messages %d in memory count as everything: %v", n+1, len(tail), r.chat.complete)
			}
		}
	})
}

// TestPagingSeesEverythingOnce: whoever pages through a log of random times, with
// random lengths of pages, sees every message exactly once, in both directions.
func TestPagingSeesEverythingOnce(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				random := rand.New(rand.NewPCG(seed, 1))
				room := w.login("ada").makeRoom("Road map")
				w.fillLog(room, random.IntN(150), 1+random.Int64N(3))
				ada := w.login("ada")
				for range random.IntN(150) { // and some that are written now
					ada.say(room, fmt.Sprint("new ", len(w.store.messages[room])))
				}
				all := w.store.messages[room]
				_, newest := ada.logAnswer(room, nil)
				if len(newest) > tailMax || !slices.Equal(texts(newest), texts(all[len(all)-len(newest):])) {
					t.Fatalf("the newest messages are %q", texts(newest))
				}
				sameMessages(t, "backwards", append(ada.pageBack(room, newest, random), newest...), append([]Message{}, all...))
				sameMessages(t, "forwards", ada.pageForward(room, random), append([]Message{}, all...))
			})
		})
	}
}

// pageBack reads everything before the messages that are there, as a browser does
// while its user scrolls up.
func (p *person) pageBack(room RoomID, shown []Message, random *rand.Rand) []Message {
	before := []Message{}
	for first := int64(1 << 50); ; {
		if len(shown) > 0 && len(before) == 0 {
			first = shown[0].Time
		}
		_, page := p.logAnswer(room, map[string]any{"firstTime": first, "length": 1 + random.IntN(60)})
		if page == nil {
			return before
		}
		before = append(slices.Clone(page), before...)
		first = page[0].Time
	}
}

// pageForward reads everything from the beginning; the boundary is inclusive.
func (p *person) pageForward(room RoomID, random *rand.Rand) []Message {
	seen := []Message{}
	for next := int64(1); ; {
		_, page := p.logAnswer(room, map[string]any{"lastTime": next, "length": 1 + random.IntN(60)})
		if page == nil {
			return seen
		}
		seen = append(seen, page...)
		next = page[len(page)-1].Time + 1
	}
}

func TestEditedMessageInTheLog(t *testing.T) {
	m := Message{
		ID: "msg-1", Room: "room-1", Time: 5, Type: "msg", Name: "Guest", Text: "new", StatusID: "delete-1", Status: "delete",
		EditID: "edit-1", EditBy: "acc-2", EditTime: 7, EditReason: "typo",
	}
	want := `{"type":"msg","data":{"msgId":"msg-1","roomId":"room-1","fromId":null,"time":5,"type":"msg","name":"Guest","message":"new",` +
		`"statusId":"delete-1","status":"delete","editId":"edit-1","editBy":"acc-2","editTime":7,"editReason":"typo"}}`
	if got := string(encode(m.event())); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
