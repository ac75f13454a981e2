package rooms

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// desk is what the tests of read marks keep: who has read which room up to when.
type desk struct {
	*firm
	all   []saidMessage
	marks map[string]int64 // by name and room
	tail  int              // messages of each log that are in memory at least; zero: all
}

func key(name, room string) string { return name + " in " + room }

// eachSeat calls f for everybody in every room.
func (f *firm) eachSeat(do func(name, room string)) {
	for _, room := range f.rooms() {
		for _, name := range f.logins() {
			if f.role(name, room) != "" {
				do(name, room)
			}
		}
	}
}

// check compares unreadMessages and lastMessage of everybody in every room with the log.
func (d *desk) check(t *testing.T, when string) {
	t.Helper()
	d.eachSeat(func(name, room string) {
		want, last := 0, ""
		inLog := 0
		for n := len(d.all) - 1; n >= 0; n-- {
			m := d.all[n]
			_, visible := d.seenBy(m, name, room)
			if _, aimed := m.to[room]; (m.room == room || aimed) && !m.deleted {
				inLog++
			}
			if visible && m.author != name && m.time > d.marks[key(name, room)] {
				want++
			}
			if visible && last == "" && (d.tail == 0 || inLog <= d.tail) {
				last = m.text
			}
		}
		relation := d.workStateOf(name, room)["relation"].(map[string]any)
		got := relation["unreadMessages"]
		if got != float64(want) {
			t.Errorf("%v, %s: %s (%s) has %v unread in %s, want %d", d.rules, when, name, d.role(name, room), got, room, want)
		}
		text := ""
		if m, some := relation["lastMessage"].(map[string]any); some {
			text = fmt.Sprint(m["data"].(map[string]any)["message"])
		}
		if text != last {
			t.Errorf("%v, %s: the last message of %s (%s) in %s is %q, want %q", d.rules, when, name, d.role(name, room), room, text, last)
		}
	})
}

// visible lists what somebody sees in a room.
func (d *desk) visible(name, room string) (seen []saidMessage) {
	for _, m := range d.all {
		if _, ok := d.seenBy(m, name, room); ok {
			seen = append(seen, m)
		}
	}
	return seen
}

// write adds messages; who looks at a room has read what he sees of them.
func (d *desk) write(active map[string]bool) {
	fresh := d.chatter(1)
	d.all = append(d.all, fresh...)
	d.eachSeat(func(name, room string) {
		for _, m := range fresh {
			if _, ok := d.seenBy(m, name, room); ok && active[key(name, room)] {
				d.marks[key(name, room)] = m.time
			}
		}
	})
}

// TestWorkUnread: unread messages are those that the log shows, without own and deleted
// ones, in each role, whatever moves the marks, and also after a restart.
func TestWorkUnread(t *testing.T) {
	for _, rules := range allRules() {
		t.Run(rules.String(), func(t *testing.T) {
			inFirm(t, nested(rules), func(t *testing.T, f *firm) {
				d := &desk{firm: f, marks: map[string]int64{}}
				d.check(t, "at first")
				d.write(nil)
				d.check(t, "after messages")
				d.confirmSome()
				d.check(t, "after confirm")
				d.confirmUnseen()
				d.check(t, "after confirm of what is not seen")

				active, n := map[string]bool{}, 0
				d.eachSeat(func(name, room string) {
					if n++; n%2 == 0 {
						active[key(name, room)] = true
						f.who[name].ask(f.room(room), "", "active", map[string]any{"isActive": true})
					}
				})
				d.write(active)
				d.check(t, "while some look on")
				for n := range d.all { // an admin deletes some
					if m := &d.all[n]; n%5 == 0 && f.role("adm", m.room) != "" && f.role("adm", m.room) != "view" {
						if _, seen := f.seenBy(*m, "adm", m.room); seen {
							f.who["adm"].ask(f.room(m.room), "chat", "delete", map[string]any{"msgId": m.id}).is(t, `{"type":"delete","data":{"msgId":"`+m.id+`"}}`)
							m.deleted = true
						}
					}
				}
				d.check(t, "after deletions")

				f.again()
				d.tail = tailLoaded
				d.check(t, "after a restart")
				d.write(nil)
				d.tail += len(d.all) // what came is in memory too; nothing older was dropped
				d.confirmSome()
				f.again()
				d.tail = tailLoaded
				d.check(t, "after another")
			})
		})
	}
}

// confirmSome has everybody confirm one of the messages that he sees.
func (d *desk) confirmSome() {
	n := 0
	d.eachSeat(func(name, room string) {
		seen := d.visible(name, room)
		if n++; len(seen) == 0 {
			return
		}
		m := seen[n*7%len(seen)]
		d.who[name].confirm(d.room(room), m.id)
		d.marks[key(name, room)] = max(d.marks[key(name, room)], m.time)
	})
}

// confirmUnseen has everybody confirm what he does not see in the room.
func (d *desk) confirmUnseen() {
	d.eachSeat(func(name, room string) {
		for _, m := range d.all {
			if _, ok := d.seenBy(m, name, room); !ok {
				d.who[name].confirm(d.room(room), m.id)
			}
		}
		d.who[name].confirm(d.room(room), "msg-unknown")
	})
}

// TestConfirmOfOtherRooms: a mark goes to messages of this room's log only, also when
// the database must be asked.
func TestConfirmOfOtherRooms(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		f.who["bo"].say(f.room("12"), "unread")
		for n := range 120 { // more than is in memory
			f.who["sue"].say(f.room("11"), fmt.Sprint("m", n))
			f.who["bo"].say(f.room("12"), fmt.Sprint("m", n))
		}
		last := f.who["eve"].said(f.room("13"), "elsewhere")
		f.who["cy"].confirm(f.room("12"), last)
		if got := f.workStateOf("cy", "12")["relation"].(map[string]any)["unreadMessages"]; got != 121.0 {
			t.Errorf("%v unread", got)
		}
		first := f.store.messages[f.room("12")][0]
		f.who["cy"].confirm(f.room("12"), first.ID)
		if got := f.workStateOf("cy", "12")["relation"].(map[string]any)["unreadMessages"]; got != 120.0 {
			t.Errorf("%v unread after the first was read", got)
		}
	})
}

// TestNewAndReturningMembers: who comes new has read everything; who comes back goes on
// where he was.
func TestNewAndReturningMembers(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		unread := func(name string) any {
			return f.workStateOf(name, "12")["relation"].(map[string]any)["unreadMessages"]
		}
		id := f.who["cy"].said(f.room("12"), "one")
		f.who["cy"].said(f.room("12"), "two")
		f.who["bo"].confirm(f.room("12"), id)
		f.people["12"] = []string{"cy", "dan", "eve"} // eve is new, bo has gone
		f.sync(f.groups()...)
		if got := unread("eve"); got != 0.0 {
			t.Errorf("%v unread for somebody new", got)
		}
		f.who["cy"].said(f.room("12"), "three")
		if got := unread("eve"); got != 1.0 {
			t.Errorf("%v unread for somebody new, after one more", got)
		}
		f.people["12"] = []string{"cy", "dan", "eve", "bo"}
		f.sync(f.groups()...)
		if got := unread("bo"); got != 2.0 {
			t.Errorf("%v unread for somebody who is back", got)
		}
		f.people["12"] = []string{"cy", "bo", "sue"} // sue was a member of the parent, dan and eve go
		f.sync(f.groups()...)
		if got := unread("sue"); got != 3.0 {
			t.Errorf("%v unread for sue, who was there all the time", got)
		}
		f.again()
		if got, again := unread("bo"), unread("sue"); got != 2.0 || again != 3.0 {
			t.Errorf("%v and %v unread after a restart", got, again)
		}
		for n := range 40 {
			f.who["cy"].say(f.room("12"), fmt.Sprint("more ", n))
		}
		f.people["12"] = []string{"cy", "bo", "sue", "eve", "fay"} // eve is back, fay new
		f.sync(f.groups()...)
		if got, again := unread("eve"), unread("fay"); got != 41.0 || again != 0.0 {
			t.Errorf("%v unread for eve, %v for fay", got, again)
		}
	})
}

// TestMarksOutliveTheRoom: what was read is stored when a room closes, or somebody leaves.
func TestMarksOutliveTheRoom(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		id := f.who["cy"].said(f.room("12"), "one")
		f.who["cy"].said(f.room("12"), "two")
		room := f.room("12")
		f.who["bo"].confirm(room, id)
		f.alter(move("12", ""))
		if got := f.mark(room, f.who["bo"].id); got.MsgID != id {
			t.Errorf("the mark is %+v", got)
		}
		f.alter(move("12", "11"))
		if got := f.workStateOf("bo", "12")["relation"].(map[string]any)["unreadMessages"]; got != 1.0 {
			t.Errorf("%v unread", got)
		}
		f.who["dan"].confirm(room, id)
		f.alter(put("12", "bo", "cy"))
		if got := f.mark(room, f.who["dan"].id); got.MsgID != id {
			t.Errorf("the mark is %+v", got)
		}
	})
}

// TestLateMessage: a message of another room that comes after a newer one was read is
// behind the mark, and not unread.
func TestLateMessage(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		id := f.aim("sue", "11", "late", map[string][]string{"12": {"all"}})
		late := f.message(f.room("11"), id)
		r := f.loadedRoom(f.room("12"))
		r.chat.remove(id) // nothing moves: as if it were still on its way
		for _, m := range r.members {
			m.unread, m.counted = 0, true
		}
		f.who["bo"].confirm(f.room("12"), f.who["cy"].said(f.room("12"), "newer"))
		r.box.force(workArrived{late})
		f.settle()
		unread := func(name string) any {
			return f.workStateOf(name, "12")["relation"].(map[string]any)["unreadMessages"]
		}
		if bo, dan := unread("bo"), unread("dan"); bo != 0.0 || dan != 2.0 {
			t.Errorf("%v unread for bo, %v for dan", bo, dan)
		}
		if _, page, _ := f.page("dan", "12", nil); len(page) != 2 || page[0].text != "late" {
			t.Errorf("the log is %v", page)
		}
	})
}

// TestLookingOnAtWhatIsNotSeen: a message that somebody who looks on does not see leaves
// his mark where it was.
func TestLookingOnAtWhatIsNotSeen(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		unread := func(name, room string) any {
			return f.workStateOf(name, room)["relation"].(map[string]any)["unreadMessages"]
		}
		f.who["cy"].say(f.room("12"), "for all")
		f.tell("sue", "11", "for bo", map[string][]string{"12": {"bo"}})
		for _, room := range []string{"11", "12"} {
			f.who["bo"].ask(f.room(room), "", "active", map[string]any{"isActive": true})
		}
		f.tell("cy", "12", "upwards", map[string][]string{"11": {"all"}})
		f.who["sue"].say(f.room("11"), "not for those who look in")
		f.tell("sue", "11", "for cy", map[string][]string{"12": {"cy"}})
		f.again()
		if own, view := unread("bo", "12"), unread("bo", "11"); own != 1.0 || view != 1.0 {
			t.Errorf("%v and %v unread, want the one that he has not read in each", own, view)
		}
		for _, room := range []string{"11", "12"} {
			f.who["bo"].ask(f.room(room), "", "active", map[string]any{"isActive": true})
		}
		f.who["cy"].say(f.room("12"), "for all")
		f.tell("sue", "11", "for the dock, and bo", map[string][]string{"12": {"bo"}})
		f.tell("cy", "12", "upwards", map[string][]string{"11": {"all"}})
		f.again()
		if own, view := unread("bo", "12"), unread("bo", "11"); own != 0.0 || view != 0.0 {
			t.Errorf("%v and %v unread, want none", own, view)
		}
	})
}

// workLoginCalls logs somebody in who is in so many work rooms, and returns how often
// each method of the store was called.
func workLoginCalls(t *testing.T, rooms int) (calls map[string]int) {
	inWorld(t, func(t *testing.T, w *world) {
		w.hub.opt.Work = asShipped
		ada := w.login("ada")
		bo := w.login("bo")
		groups := []Group{group("1", "bo")}
		for n := range rooms {
			groups = append(groups, child(group(fmt.Sprint(n+2), "ada", "bo"), "1"))
		}
		w.sync(groups...)
		w.super("1")
		for n := range rooms {
			for m := range 40 { // more than is loaded, and unread
				bo.say(w.workRoom(workgroupID(fmt.Sprint(n+2))), fmt.Sprint(m))
			}
		}
		ada.logout()
		w.restart()
		w.hub.opt.Work = asShipped
		w.super("1")
		w.sync(groups...)
		calls = w.callsBy(func() {
			ada = w.login("ada")
			joins := 0
			for _, f := range ada.take() {
				if strings.Contains(f, `{"type":"join"`) {
					joins++
				}
			}
			if joins != rooms+1 {
				t.Errorf("ada joined %d rooms, want %d", joins, rooms+1)
			}
			for n := range rooms {
				ada.raw(map[string]any{"type": w.workRoom(workgroupID(fmt.Sprint(n + 2))), "data": map[string]any{"type": "initialize"}})
				var e struct {
					Data struct {
						Data struct{ Relation roomRelation }
					}
				}
				if err := json.Unmarshal([]byte(ada.got(`"type":"initialize"`)), &e); err != nil || e.Data.Data.Relation.UnreadMessages != 40.0 {
					t.Errorf("%v unread in room %d (%v)", e.Data.Data.Relation.UnreadMessages, n, err)
				}
			}
		})
	})
	return calls
}

// TestWorkLoginCost: the number of queries at login does not depend on the number of
// work rooms.
func TestWorkLoginCost(t *testing.T) {
	few, many := workLoginCalls(t, 2), workLoginCalls(t, 150)
	if !maps.Equal(few, many) || many["WorkUnreadIn"] != 1 {
		t.Errorf("with 2 rooms: %v; with 150: %v", few, many)
	}
}

// TestWorkOpenCost: rooms are opened in a number of queries that does not depend on
// theirs.
func TestWorkOpenCost(t *testing.T) {
	open := func(rooms int) map[string]int {
		var calls map[string]int
		inWorld(t, func(t *testing.T, w *world) {
			w.hub.opt.Work = asShipped
			w.login("ada")
			groups := []Group{group("1", "ada")}
			for n := range rooms {
				groups = append(groups, child(group(fmt.Sprint(n+2), "ada"), "1"))
			}
			w.sync(groups...)
			calls = w.callsBy(func() { w.super("1") })
		})
		return calls
	}
	if few, many := open(2), open(200); !maps.Equal(few, many) {
		t.Errorf("with 2 rooms: %v; with 200: %v", few, many)
	}
}
