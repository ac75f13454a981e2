package rooms

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// change edits or deletes without asking for an answer.
func (f *firm) change(name, room, typ, id, text string, reason any) {
	f.who[name].to(f.room(room), "chat", typ, map[string]any{"msgId": id, "message": text, "reason": reason}, "")
	f.settle()
}

// wantChange fails unless a change was told exactly where the message was shown, with
// the same targets.
func (f *firm) wantChange(t *testing.T, what, typ string, m saidMessage) {
	t.Helper()
	want := f.copies(m.author, m.room, m.to)
	for _, name := range f.logins() {
		if got := f.gotOf(name, typ); !maps.Equal(got, want[name]) {
			t.Errorf("%v: %s of %q: %s got %v, want %v", f.rules, what, m.text, name, got, want[name])
		}
	}
}

// TestWorkEdits: an edit by the author in time and later, and by an admin, is told where
// the message was shown, from wherever it is asked for.
func TestWorkEdits(t *testing.T) {
	for _, rules := range allRules() {
		inFirm(t, nested(rules), func(t *testing.T, f *firm) {
			for _, tc := range workCases {
				if role := f.role(tc.author, tc.room); role == "" || role == "view" {
					continue
				}
				m := saidMessage{author: tc.author, room: tc.room, to: tc.to, text: tc.name}
				m.id = f.aim(m.author, m.room, m.text, m.to)
				m.time = f.message(f.room(m.room), m.id).Time
				f.quiet()
				for n, from := range f.rooms() { // wherever the author sees it
					if _, seen := f.seenBy(m, m.author, from); seen {
						f.change(m.author, from, "edit-save", m.id, fmt.Sprint("in time ", n), nil)
						f.wantChange(t, "an edit from "+from, "update", m)
						if got := f.message(f.room(m.room), m.id); got.Text != fmt.Sprint("in time ", n) || got.EditID != "" {
							t.Errorf("stored is %q", got.Text)
						}
					} else if f.role(m.author, from) != "" {
						f.who[m.author].ask(f.room(from), "chat", "edit-save", map[string]any{"msgId": m.id, "message": "no", "reason": "x"}).is(t, refusedEdit("ERR_EVENT_NOT_FOUND"))
						f.quiet()
					}
				}
				f.pass(6 * time.Minute)
				for _, from := range f.rooms() {
					if _, seen := f.seenBy(m, m.author, from); seen {
						f.who[m.author].ask(f.room(from), "chat", "edit-save", map[string]any{"msgId": m.id, "message": "late", "reason": nil}).is(t, refusedEdit("ERR_EDIT_NO_REASON"))
						f.change(m.author, from, "edit-save", m.id, "late", "a reason")
						f.wantChange(t, "a late edit from "+from, "edit", m)
					}
					if _, seen := f.seenBy(m, "adm", from); seen && f.role("adm", from) != "view" {
						f.change("adm", from, "edit-save", m.id, "by an admin", "a reason")
						f.wantChange(t, "an admin's edit from "+from, "edit", m)
						if got := f.message(f.room(m.room), m.id); got.EditBy != f.who["adm"].id {
							t.Errorf("edited by %s", got.EditBy)
						}
					}
					for _, name := range []string{"sue", "bo", "kim"} { // others may not, admins who look in neither
						if _, seen := f.seenBy(m, name, from); seen && name != m.author {
							f.who[name].ask(f.room(from), "chat", "edit-save", map[string]any{"msgId": m.id, "message": "no", "reason": "x"}).is(t, refusedEdit("ERR_EDIT_NOT_ALLOWED"))
						}
					}
				}
			}
		})
	}
}

// TestEditAnswer: the answer comes in the room that was asked.
func TestEditAnswer(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		bo := f.who["bo"]
		id := bo.said(f.room("11"), "helo")
		r := bo.ask(f.room("11"), "chat", "edit-save", map[string]any{"msgId": id, "message": "hello", "reason": nil})
		if text := string(r.Response); r.Error != nil || !strings.HasPrefix(text, `{"type":"update","data":{"type":"work-msg","data":{"msgId":"`+id) ||
			!strings.Contains(text, `"message":"hello"`) || !strings.Contains(text, `"roomId":"`+string(f.room("12"))+`"`) {
			t.Errorf("the answer is %s", r.Response)
		}
		for _, typ := range []string{"msg-get", "edit-get"} {
			if got := bo.ask(f.room("11"), "chat", typ, map[string]any{"msgId": id}); !strings.Contains(string(got.Response), `"message":"hello"`) {
				t.Errorf("the answer is %s", got.Response)
			}
		}
	})
}

// TestWorkDeletions: a deletion is told where the message was shown; who saw the newest
// message deleted hears which one is the newest now, for him.
func TestWorkDeletions(t *testing.T) {
	for _, rules := range allRules() {
		inFirm(t, nested(rules), func(t *testing.T, f *firm) {
			all := f.chatter(1)
			for n := len(all) - 1; n >= 0; n-- {
				m := &all[n]
				f.quiet()
				if _, seen := f.seenBy(*m, "adm", m.room); !seen || f.role("adm", m.room) == "view" {
					f.refuseDelete(t, *m)
					continue
				}
				want := map[string]map[string]shown{} // the newest message by person and room
				for _, name := range f.logins() {
					want[name] = map[string]shown{}
					for _, room := range f.rooms() {
						seen := map[bool][]shown{}
						for _, other := range all {
							if one, ok := f.seenBy(other, name, room); ok && other.id != m.id {
								seen[other.time < m.time] = append(seen[other.time < m.time], one)
							}
						}
						if _, saw := f.seenBy(*m, name, room); saw && len(seen[false]) == 0 && len(seen[true]) > 0 {
							want[name][room] = seen[true][len(seen[true])-1]
						}
					}
				}
				m.deleted = true
				f.change("adm", m.room, "delete", m.id, "", nil)
				f.wantDeleted(t, *m, want)
				f.who["adm"].ask(f.room(m.room), "chat", "delete", map[string]any{"msgId": m.id}).is(t, `{"type":"error","data":{"error":"ERR_NO_MESSAGE"}}`)
			}
		})
	}
}

// wantDeleted compares what everybody hears of a deletion.
func (f *firm) wantDeleted(t *testing.T, m saidMessage, last map[string]map[string]shown) {
	t.Helper()
	removed := f.copies(m.author, m.room, m.to)
	for _, name := range f.logins() {
		want := removed[name]
		if m.to == nil { // an ordinary message
			want = map[string]string{}
			if role := f.role(name, m.room); role == "member" || role == "super" {
				want[m.room] = ""
			}
		}
		frames := f.who[name].take()
		if index(frames, m.text) >= 0 {
			t.Errorf("%s got the deleted text", name)
		}
		events, _ := f.chatEvents(frames)
		gone, newest := map[string]string{}, map[string]shown{}
		for _, e := range events {
			switch {
			case e.typ == "remove":
				gone[e.room] = e.targets
			case e.typ == "last-message":
				newest[e.room] = e
			default:
				t.Errorf("%s got %v", name, e)
			}
		}
		if !maps.Equal(gone, want) {
			t.Errorf("%v: %s was told that %q is gone in %v, want %v", f.rules, name, m.text, gone, want)
		}
		for room, one := range last[name] {
			one.typ = "last-message"
			if newest[room] != one {
				t.Errorf("%v: the newest message for %s (%s) in %s is told as %v, want %v", f.rules, name, f.role(name, room), room, newest[room], one)
			}
		}
		if len(newest) != len(last[name]) {
			t.Errorf("%v: %s was told of %v, want %v", f.rules, name, newest, last[name])
		}
	}
}

// TestAllInMemoryDeleted: what is older is read from the database.
func TestAllInMemoryDeleted(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		var ids []string
		for n := range 2 * tailLoaded {
			ids = append(ids, f.aim("sue", "11", fmt.Sprint("to 12: ", n), map[string][]string{"12": {"all"}}))
		}
		f.again()
		for n := len(ids) - 1; n >= tailLoaded; n-- {
			f.quiet()
			f.change("adm", "11", "delete", ids[n], "", nil)
			want := fmt.Sprint("to 12: ", n-1)
			f.who["max"].got(`"type":"last-message"`, want)
			f.who["cy"].got(`{"type":"`+string(f.room("12")), `"type":"last-message"`, want)
		}
		for _, room := range []string{"11", "12"} {
			if n := len(f.loadedRoom(f.room(room)).chat.tail); n != tailLoaded {
				t.Errorf("%d messages of %s are in memory", n, room)
			}
		}
		f.store.failOnly("LoadWorkRooms")
		f.quiet()
		for n := tailLoaded - 1; n >= tailLoaded/2; n-- {
			f.change("adm", "11", "delete", ids[n], "", nil)
		}
		f.store.setFault(nil)
		if _, page, _ := f.page("cy", "12", nil); len(page) != tailLoaded/2 || page[0].text != "to 12: 0" {
			t.Errorf("the log is %v", page)
		}
	})
}

// refuseDelete fails unless nobody may delete the message: it is not the admin's room,
// and others are no admins.
func (f *firm) refuseDelete(t *testing.T, m saidMessage) {
	t.Helper()
	for _, room := range f.rooms() {
		switch role := f.role("adm", room); {
		case role == "":
		case role == "view":
			f.who["adm"].ask(f.room(room), "chat", "delete", map[string]any{"msgId": m.id}).is(t, `{"type":"error","data":{"error":"ERR_NOT_ADMIN"}}`)
		default:
			code := "ERR_NO_MESSAGE"
			if _, seen := f.seenBy(m, "adm", room); seen {
				code = "ERR_DELETE_NOT_ALLOWED"
			}
			f.who["adm"].ask(f.room(room), "chat", "delete", map[string]any{"msgId": m.id}).is(t, `{"type":"error","data":{"error":"`+code+`"}}`)
		}
		if f.role(m.author, room) != "" && m.author != "adm" {
			f.who[m.author].ask(f.room(room), "chat", "delete", map[string]any{"msgId": m.id}).is(t, `{"type":"error","data":{"error":"ERR_NOT_ADMIN"}}`)
		}
	}
	if f.message(f.room(m.room), m.id).Status != "" {
		t.Errorf("%q is deleted", m.text)
	}
}

// TestUnseenMessagesAreUnknown: whoever does not see a message in a room cannot read,
// edit or delete it there, whether it is in memory or not.
func TestUnseenMessagesAreUnknown(t *testing.T) {
	for _, rules := range allRules() {
		inFirm(t, nested(rules), func(t *testing.T, f *firm) {
			all := f.chatter(1)
			check := func() {
				for n, m := range all {
					f.eachSeat(func(name, room string) {
						if (n+len(name)+int(room[1]))%4 > 0 {
							return // a part is enough
						}
						r := f.who[name].ask(f.room(room), "chat", "msg-get", map[string]any{"msgId": m.id})
						one, seen := f.seenBy(m, name, room)
						if !seen {
							r.is(t, "null")
							f.who[name].ask(f.room(room), "chat", "edit-save", map[string]any{"msgId": m.id, "message": "no", "reason": "x"}).is(t, refusedEdit("ERR_EVENT_NOT_FOUND"))
							if name == "adm" && f.role(name, room) != "view" {
								f.who[name].ask(f.room(room), "chat", "delete", map[string]any{"msgId": m.id}).is(t, `{"type":"error","data":{"error":"ERR_NO_MESSAGE"}}`)
							}
							return
						}
						var e struct {
							Type string
							Data wireMessage
						}
						r.into(t, &e)
						if got := (shown{room, e.Type, e.Data.Message, f.rendered(e.Data)}); got != one {
							t.Errorf("%v: %s reads %v in %s, want %v", rules, name, got, room, one)
						}
					})
				}
			}
			check()
			for n := range tailMax { // now out of memory
				for _, room := range []string{"11", "12", "13", "14"} {
					f.who[f.people[room][0]].say(f.room(room), fmt.Sprint(n))
				}
			}
			check()
		})
	}
}

// TestForeignMessagesAreUnknown: an admin cannot change what was written in a work room
// that he is not in, by way of one that he is in.
func TestForeignMessagesAreUnknown(t *testing.T) {
	s := nested(asShipped)
	s.people["11"] = []string{"sue"}
	s.people["12"] = append(slices.Clone(s.people["12"]), "adm")
	inFirm(t, s, func(t *testing.T, f *firm) {
		id := f.who["fay"].said(f.room("14"), "secret plan")
		adm := f.who["adm"]
		adm.ask(f.room("12"), "chat", "edit-save", map[string]any{"msgId": id, "message": "changed", "reason": "x"}).is(t, refusedEdit("ERR_EVENT_NOT_FOUND"))
		adm.ask(f.room("12"), "chat", "delete", map[string]any{"msgId": id}).is(t, `{"type":"error","data":{"error":"ERR_NO_MESSAGE"}}`)
		adm.ask(f.room("12"), "chat", "msg-get", map[string]any{"msgId": id}).is(t, "null")
		if m := f.message(f.room("14"), id); m.Text != "secret plan" || m.Status != "" {
			t.Errorf("stored is %+v", m)
		}
		room := f.who["bo"].makeRoom("An ordinary room")
		other := f.who["bo"].said(room, "not of a work room")
		f.who["bo"].ask(f.room("12"), "chat", "edit-save", map[string]any{"msgId": other, "message": "x", "reason": "x"}).is(t, refusedEdit("ERR_EVENT_NOT_FOUND"))
	})
}
