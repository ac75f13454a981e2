package rooms

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// unread asks for the person's number of unread messages.
func (p *person) unread(room RoomID) string {
	p.w.t.Helper()
	return fmt.Sprint(p.state(room).Relation.UnreadMessages)
}

// mark is the stored read mark of an account.
func (w *world) mark(room RoomID, id AccountID) ReadMark {
	for _, m := range w.store.rooms[room].Marks {
		if m.Account == id {
			return m
		}
	}
	return ReadMark{}
}

func TestUnreadDoesNotCountOwnMessages(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		for n := range 3 {
			ada.say(room, fmt.Sprint("by ada ", n))
			bo.say(room, fmt.Sprint("by bo ", n))
		}
		if got := ada.unread(room); got != "3" {
			t.Errorf("%s unread for ada, want bo's 3", got)
		}
		w.restart() // and the same from the database
		ada = w.login("ada")
		if got := ada.unread(room); got != "3" {
			t.Errorf("%s unread after a restart, want 3", got)
		}
	})
}

// TestUnreadBeyondMemory is counted by the database; null if that does not answer.
func TestUnreadBeyondMemory(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		bo, cy, di := w.login("bo"), w.login("cy"), w.login("di")
		room := ada.makeRoom("Road map")
		for _, p := range []*person{bo, cy, di} {
			ada.add(room, p)
		}
		w.fillLog(room, 200, 10)
		bo = w.login("bo")
		if got := bo.unread(room); got != "200" || w.store.count("CountUnread") != 0 {
			t.Errorf("%s unread, want 200 as read with the room; counted %d times", got, w.store.count("CountUnread"))
		}
		di = w.login("di") // the room is in memory, but not what she has not read
		bo.say(room, "and one more")
		if got := di.unread(room); got != "201" || w.store.count("CountUnread") != 0 || w.store.count("UnreadIn") != 1 {
			t.Errorf("%s unread, want 201; counted %d times", got, w.store.count("CountUnread"))
		}
		w.store.failOnly("UnreadIn")
		cy = w.login("cy")
		w.store.failOnly("CountUnread")
		if got := cy.unread(room); got != "<nil>" {
			t.Errorf("%s unread while the database is away, want null", got)
		}
		w.store.setFault(nil)
		for range 3 {
			if got := cy.unread(room); got != "201" {
				t.Errorf("%s unread, want 201", got)
			}
		}
		if n := w.store.count("CountUnread"); n != 2 {
			t.Errorf("counted %d times, want once more than failed", n)
		}
	})
}

func TestConfirmMovesForwardOnly(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		for n := range 5 {
			ada.say(room, fmt.Sprint(n))
		}
		msgs := w.store.messages[room]
		for _, tc := range []struct {
			msg  any
			want string
		}{
			{msgs[2].ID, "2"},
			{msgs[1].ID, "2"}, // older
			{msgs[2].ID, "2"}, // the same
			{nil, "2"},        // a log page without messages
			{"", "2"}, {7, "2"}, {"msg-unknown", "2"},
			{msgs[4].ID, "0"},
			{msgs[0].ID, "0"},
		} {
			bo.confirm(room, tc.msg)
			if got := bo.unread(room); got != tc.want {
				t.Errorf("after %v: %s unread, want %s", tc.msg, got, tc.want)
			}
		}
		w.pass(marksDelay)
		if got := w.mark(room, bo.id); got.MsgID != msgs[4].ID || got.Time != msgs[4].Time {
			t.Errorf("stored is %v, want the last message", got)
		}
		ada.gotNone("confirm")
	})
}

// TestConfirmOfForeignMessages: only messages of this room count.
func TestConfirmOfForeignMessages(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		here, there := ada.makeRoom("Here"), ada.makeRoom("There")
		ada.add(here, bo)
		ada.add(there, bo)
		w.fillLog(here, 100, 10) // longer than what memory keeps
		ada, bo = w.login("ada"), w.login("bo")
		ada.say(there, "elsewhere")
		bo.confirm(here, w.store.messages[there][0].ID)
		if got := bo.unread(here); got != "100" {
			t.Errorf("%s unread, want 100", got)
		}
		if n := w.store.count("Message"); n != 1 {
			t.Errorf("the database was asked %d times; the test is about nothing", n)
		}
	})
}

// TestConfirmOfAnOldMessage that is no longer in memory.
func TestConfirmOfAnOldMessage(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		w.fillLog(room, 100, 10)
		bo = w.login("bo")
		w.store.failOnly("Message")
		bo.confirm(room, "msg-20")
		w.store.setFault(nil)
		if got := bo.unread(room); got != "100" {
			t.Errorf("%s unread after a failure, want 100", got)
		}
		bo.confirm(room, "msg-20")
		if got := bo.unread(room); got != "79" {
			t.Errorf("%s unread, want 79", got)
		}
		bo.confirm(room, "msg-99")
		asked := w.store.count("Message")
		bo.confirm(room, "msg-5")
		if got := bo.unread(room); got != "0" || w.store.count("Message") != asked {
			t.Errorf("%s unread; asked the database for what must be older: %v", got, w.store.count("Message") != asked)
		}
	})
}

// TestActiveMembersReadAtOnce: whoever looks at the room has read what is written.
func TestActiveMembersReadAtOnce(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		bo.to(room, "", "active", map[string]any{"isActive": true, "time": 1}, "")
		ada.say(room, "seen")
		if got := bo.unread(room); got != "0" {
			t.Errorf("%s unread while looking on", got)
		}
		if got := w.mark(room, bo.id); got.MsgID != w.store.messages[room][0].ID {
			t.Errorf("stored is %v, want the message", got)
		}
		if n := w.store.count("SaveReadMarks"); n != 0 {
			t.Errorf("%d writes of its own, want none: it goes with the message", n)
		}
		bo.to(room, "", "active", map[string]any{"isActive": false}, "")
		ada.say(room, "unseen")
		if got := bo.unread(room); got != "1" {
			t.Errorf("%s unread after looking away, want 1", got)
		}
		bo.to(room, "", "active", map[string]any{"isActive": true}, "")
		bo.logout()
		ada.say(room, "unseen too")
		if got := w.login("bo").unread(room); got != "2" {
			t.Errorf("%s unread after logging out, want 2", got)
		}
	})
}

// TestReadMarksAreWrittenTogether: a second's worth in one go, the newest only.
func TestReadMarksAreWrittenTogether(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		var written []string
		for range 10 {
			ada.say(room, "x")
			msgs := w.store.messages[room]
			bo.confirm(room, msgs[len(msgs)-1].ID)
			ada.confirm(room, msgs[len(msgs)-1].ID)
		}
		w.store.onCall(func(name string) { written = append(written, name) })
		w.pass(time.Minute)
		if !slices.Equal(written, []string{"SaveReadMarks"}) {
			t.Errorf("written was %v, want the read marks once", written)
		}
		if last := w.store.messages[room][9]; w.mark(room, bo.id).MsgID != last.ID || w.mark(room, ada.id).MsgID != last.ID {
			t.Error("the stored marks are not the newest")
		}
	})
}

// TestReadMarksAreTriedAgain when the database was away, without hurry.
func TestReadMarksAreTriedAgain(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		ada.say(room, "x")
		w.store.failOnly("SaveReadMarks")
		bo.confirm(room, w.store.messages[room][0].ID)
		w.pass(time.Minute)
		if n := w.store.count("SaveReadMarks"); n < 2 || n > 10 {
			t.Errorf("%d attempts in a minute", n)
		}
		w.store.setFault(nil)
		w.pass(10 * marksDelay)
		if got := w.mark(room, bo.id); got.MsgID == "" {
			t.Error("the mark is not stored")
		}
	})
}

// TestLeaverReadsNoMore, although he was looking at the room.
func TestLeaverReadsNoMore(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		bo.to(room, "", "active", map[string]any{"isActive": true}, "")
		bo.to(room, "", "leave", nil, "")
		ada.say(room, "among ourselves")
		if got := w.mark(room, bo.id); got.MsgID != "" {
			t.Errorf("his stored mark is %v", got)
		}
	})
}

// TestReadMarkOfALeaver is not written to a room that he has left.
func TestReadMarkOfALeaver(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		ada.say(room, "x")
		bo.confirm(room, w.store.messages[room][0].ID)
		bo.to(room, "", "leave", nil, "")
		w.pass(time.Minute)
		if n := w.hub.Stats().Panics; n != 0 {
			t.Errorf("%d defects", n)
		}
		if n := w.store.count("SaveReadMarks"); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

// TestNewcomersHaveReadTheHistory, named room or temporary.
func TestNewcomersHaveReadTheHistory(t *testing.T) {
	for _, name := range []string{"Road map", ""} {
		inWorld(t, func(t *testing.T, w *world) {
			ada, bo := w.login("ada"), w.login("bo")
			room := ada.makeRoom(name)
			ada.say(room, "before")
			ada.add(room, bo)
			if got := bo.unread(room); got != "0" {
				t.Errorf("%s unread, want none", got)
			}
			ada.say(room, "after")
			if got := bo.unread(room); got != "1" {
				t.Errorf("%s unread, want 1", got)
			}
			bo.confirm(room, "msg-unknown")
			if n := w.store.count("Message"); n != 0 {
				t.Error("the database was asked although everything is in memory")
			}
		})
	}
}

// TestReturnersMarkStays: who comes back has read what he had read before.
func TestReturnersMarkStays(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		ada.say(room, "one")
		bo.confirm(room, w.store.messages[room][0].ID)
		w.pass(time.Minute)
		bo.to(room, "", "leave", nil, "")
		w.settle()
		ada.say(room, "two")
		ada.add(room, bo)
		if got := bo.unread(room); got != "1" {
			t.Errorf("%s unread, want what was written meanwhile", got)
		}
	})
}
