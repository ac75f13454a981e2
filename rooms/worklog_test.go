package rooms

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// saidMessage is a message that was written in a work room; to is nil for an ordinary one.
type saidMessage struct {
	id, author, room string
	to               map[string][]string
	text             string
	time             int64
	deleted          bool
}

// seenBy is the message as somebody sees it in the log of a room, as docs/protocol.md
// 15.6 has it; false if not at all.
func (s *staff) seenBy(m saidMessage, name, room string) (shown, bool) {
	role, here := s.role(name, room), m.room == room
	as := func(to map[string][]string) (shown, bool) {
		typ := "work-msg"
		if to == nil {
			typ = "msg"
		}
		return shown{room, typ, m.text, render(to)}, true
	}
	target, aimed := m.to[room]
	up := s.linked(m.room)
	_, goesUp := m.to[up]
	switch {
	case role == "" || m.deleted:
	case m.to == nil:
		if here && role != "view" {
			return as(nil)
		}
	case role == "view":
		own := map[string][]string{}
		for id, names := range m.to {
			if here && slices.Contains(names, name) {
				own[id] = []string{name}
			}
		}
		if aimed && m.author == name {
			own[room] = target
		}
		if len(own) > 0 {
			return as(own)
		}
	case here && !goesUp:
		return as(m.to)
	case here && role == "member": // it goes up
		if !s.rules.SubsHaveSuperView && m.author == name {
			return as(m.to)
		}
	case here:
		if !s.rules.SupersSubHideSuper {
			return as(m.to)
		}
	case !aimed:
	case slices.Contains(s.children(room), m.room), isWhole(target): // from below, or to the whole group
		return as(map[string][]string{room: target})
	case role == "super": // from above, to persons
		if !s.rules.SupersSubHideSuper {
			return as(map[string][]string{room: target})
		}
	case !s.rules.SubsHaveSuperView && slices.Contains(target, name):
		return as(map[string][]string{room: {name}})
	}
	return shown{}, false
}

// chatter writes every kind of message some times over, and returns what was said.
func (f *firm) chatter(rounds int) (all []saidMessage) {
	for n := range rounds {
		for _, tc := range workCases {
			if role := f.role(tc.author, tc.room); role == "" || role == "view" {
				continue
			}
			m := saidMessage{author: tc.author, room: tc.room, to: tc.to, text: fmt.Sprint("round ", n, ": ", tc.name)}
			m.id = f.aim(m.author, m.room, m.text, m.to)
			all = append(all, m)
		}
		for _, id := range f.rooms() {
			for _, author := range f.logins()[:4] {
				m := saidMessage{author: author, room: id, text: fmt.Sprint("round ", n, ": ", author, " in ", id)}
				switch f.role(author, id) {
				case "":
					continue
				case "view":
					m.to = map[string][]string{id: {"all"}}
					for _, c := range f.children(id) {
						if f.has(author, c) {
							m.room = c
							break
						}
					}
				}
				m.id = f.who[author].said(f.room(id), m.text)
				all = append(all, m)
			}
		}
	}
	for n := range all {
		all[n].time = f.message(f.room(all[n].room), all[n].id).Time
	}
	return all
}

// logOf is the log that somebody should see.
func (s *staff) logOf(all []saidMessage, name, room string) (log []shown, times []int64) {
	for _, m := range all {
		if one, ok := s.seenBy(m, name, room); ok {
			log, times = append(log, one), append(times, m.time)
		}
	}
	return log, times
}

// page asks for a part of the log.
func (f *firm) page(name, room string, query any) (typ string, page []shown, times []int64) {
	f.t.Helper()
	var e struct {
		Type string
		Data struct {
			Type string
			Data struct {
				Events *[]struct {
					Type string
					Data wireMessage
				}
			}
		}
	}
	r := f.who[name].ask(f.room(room), "chat", "log", query)
	r.into(f.t, &e)
	if e.Type != "log" {
		f.t.Fatalf("the answer to log is %s", r.Response)
	}
	if e.Data.Data.Events == nil {
		return e.Data.Type, nil, nil
	}
	for _, m := range *e.Data.Data.Events {
		page = append(page, shown{room, m.Type, m.Data.Message, f.rendered(m.Data)})
		times = append(times, m.Data.Time)
	}
	return e.Data.Type, page, times
}

// TestWorkLogs: everybody sees in each log what he may, in pages of any length, in both
// directions, from memory and from the database, nothing lost, nothing doubled.
func TestWorkLogs(t *testing.T) {
	for _, rules := range allRules() {
		t.Run(rules.String(), func(t *testing.T) {
			inFirm(t, nested(rules), func(t *testing.T, f *firm) {
				all := f.chatter(1)
				some := []string{"sue", "cy", "max"} // between them every role in every kind of room
				f.checkLogs(t, all, f.logins(), 2)   // all of it is in memory
				f.checkLogs(t, all, some, 1, 3)
				all = append(all, f.chatter(5)...)
				f.checkLogs(t, all, some, 3, 100)
				f.again()
				f.checkLogs(t, all, some, 7, 100)
			})
		})
	}
}

func (f *firm) checkLogs(t *testing.T, all []saidMessage, names []string, lengths ...int) {
	t.Helper()
	for _, room := range f.rooms() {
		for _, name := range names {
			if f.role(name, room) == "" {
				continue
			}
			want, times := f.logOf(all, name, room)
			who := fmt.Sprintf("%s (%s) in %s", name, f.role(name, room), room)
			typ, got, _ := f.page(name, room, nil)
			if newest := want[max(0, len(want)-defaultPage):]; !slices.Equal(got, newest) || typ != "before" {
				t.Fatalf("%s sees %v, want %v", who, got, newest)
			}
			for _, length := range lengths {
				if got := f.pagedBack(t, name, room, length); !slices.Equal(got, want) {
					t.Fatalf("%s: paged back by %d: %d messages, want %d:\n%v\n%v", who, length, len(got), len(want), got, want)
				}
				if got := f.pagedOn(t, name, room, length); !slices.Equal(got, want) {
					t.Fatalf("%s: paged on by %d: %d messages, want %d:\n%v\n%v", who, length, len(got), len(want), got, want)
				}
			}
			if len(times) > 2 {
				f.checkBoth(t, name, room, times[1], want)
			}
		}
	}
}

// pagedBack reads the whole log from the newest message on, pagedOn from the oldest.
func (f *firm) pagedBack(t *testing.T, name, room string, length int) (all []shown) {
	t.Helper()
	query := map[string]any{"firstTime": int64(1) << 50, "length": length}
	for {
		typ, page, times := f.page(name, room, query)
		if len(page) > length || typ != "before" {
			t.Fatalf("a page %s of %d messages", typ, len(page))
		}
		if len(page) == 0 || len(all) > 1000 { // some page comes again and again
			return all
		}
		all = append(page, all...)
		query["firstTime"] = times[0]
	}
}

func (f *firm) pagedOn(t *testing.T, name, room string, length int) (all []shown) {
	t.Helper()
	view := f.role(name, room) == "view"
	query := map[string]any{"lastTime": 1, "length": length}
	for {
		typ, page, times := f.page(name, room, query)
		if len(page) > length || typ != "after" {
			t.Fatalf("a page %s of %d messages", typ, len(page))
		}
		if len(page) == 0 || len(all) > 1000 { // some page comes again and again
			return all
		}
		all = append(all, page...)
		if query["lastTime"] = times[len(times)-1]; !view {
			query["lastTime"] = times[len(times)-1] + 1 // for others that time belongs to the page
		}
	}
}

// checkBoth asks with both times: viewers mean what is older than firstTime, others what
// is newer than lastTime.
func (f *firm) checkBoth(t *testing.T, name, room string, time int64, want []shown) {
	t.Helper()
	typ, got, _ := f.page(name, room, map[string]any{"firstTime": time, "lastTime": time, "length": 2})
	wantType, part := "after", want[1:min(3, len(want))]
	if f.role(name, room) == "view" {
		wantType, part = "before", want[:1]
	}
	if typ != wantType || !slices.Equal(got, part) {
		t.Errorf("%s in %s: with both times, %s %v, want %s %v", name, room, typ, got, wantType, part)
	}
	for _, unusable := range []any{nil, "text", -1, 0, []any{}} {
		typ, got, _ := f.page(name, room, map[string]any{"firstTime": unusable, "lastTime": unusable, "length": 1})
		if typ != "before" || len(got) != 1 || got[0] != want[len(want)-1] {
			t.Errorf("%s in %s: with the times %v: %s %v", name, room, unusable, typ, got)
		}
	}
}

// sees says whether somebody finds a text in the log of a room.
func (f *firm) sees(name, room, text string) bool {
	_, page, _ := f.page(name, room, map[string]any{"lastTime": 1, "length": 100})
	return slices.ContainsFunc(page, func(m shown) bool { return m.text == text })
}

// TestLogsAfterAMove: moving a workgroup, or taking it off the list and putting it on
// again, shows nobody what was written to somebody else, and hides nothing either.
func TestLogsAfterAMove(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		f.tell("bo", "12", "up from 12", map[string][]string{"11": {"all"}})
		f.tell("eve", "13", "up from 13", map[string][]string{"11": {"all"}})
		f.tell("sue", "11", "to bo", map[string][]string{"12": {"bo"}})
		f.tell("sue", "11", "to 12", map[string][]string{"12": {"all"}})
		f.tell("eve", "13", "to 14", map[string][]string{"14": {"all"}})
		check := func(when string) {
			t.Helper()
			for _, tc := range []struct {
				name, room, text string
				want             bool
			}{
				{"sue", "11", "up from 12", true}, {"cy", "12", "up from 12", false}, {"sue", "11", "up from 13", true}, {"kim", "13", "up from 13", false},
				{"sue", "11", "to bo", true}, {"cy", "12", "to bo", false}, {"bo", "12", "to bo", false}, {"cy", "12", "to 12", true}, {"sue", "11", "to 12", true},
				{"fay", "14", "to 14", true}, {"eve", "13", "to 14", true}, {"fay", "14", "up from 13", false},
			} {
				if got := f.sees(tc.name, tc.room, tc.text); got != tc.want {
					t.Errorf("%s: %s sees %q in %s: %v, want %v", when, tc.name, tc.text, tc.room, got, tc.want)
				}
			}
		}
		check("at first")
		f.alter(move("12", "13"))
		check("with 12 below 13")
		f.alter(move("13", ""))
		check("with 13 at the top")
		f.again()
		check("after a restart")
		f.alter(func(f *firm) { f.parent["12"], f.parent["13"] = "11", "11" })
		check("with all where it was")
		f.alter(lead())
		f.alter(lead("13", "11"))
		check("after there were no super groups")
	})
}

// TestLogsWithoutTheFormerParent: what went up to a group that is no super group any more
// is still for that group only.
func TestLogsWithoutTheFormerParent(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		f.tell("eve", "13", "up from 13", map[string][]string{"11": {"all"}})
		f.alter(lead("13"))
		if f.sees("kim", "13", "up from 13") {
			t.Error("kim sees what was written to 11 only")
		}
	})
}

// TestEmptyWorkLogs: the newest messages of nothing are none, a page is null.
func TestEmptyWorkLogs(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		for _, name := range []string{"sue", "bo"} { // a member, a viewer
			f.who["sue"].say(f.room("11"), "not for bo")
			for query, want := range map[string]string{
				`null`: `{"type":"before","data":{"events":[]}}`, `{"firstTime":5}`: `{"type":"before","data":{"events":null}}`,
				`{"lastTime":9999999999999}`: `{"type":"after","data":{"events":null}}`,
			} {
				if name == "sue" && query == "null" {
					continue
				}
				f.who[name].take()
				f.who[name].handle(roomEventText(f.room("11"), "chat/log", query, ""))
				frames := f.who[name].take()
				if len(frames) != 1 || !strings.Contains(frames[0], `{"type":"log","data":`+want+`}`) {
					t.Errorf("%s: %s is answered with %q", name, query, frames)
				}
			}
		}
	})
}

// TestWorkLogAway: without the database pages that are in memory come, others are
// refused at once.
func TestWorkLogAway(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		f.chatter(6)
		f.store.failOnly("WorkPage")
		if _, page, _ := f.page("sue", "11", map[string]any{"firstTime": int64(1) << 50, "length": 5}); len(page) != 5 {
			t.Errorf("%d messages from memory", len(page))
		}
		f.who["sue"].ask(f.room("11"), "chat", "log", map[string]any{"lastTime": 1}).fails(t, "ERR_LOG_FAILED")
		f.who["bo"].to(f.room("11"), "chat", "log", map[string]any{"lastTime": 1}, "")
		f.who["bo"].got(`"error":"ERR_LOG_FAILED"`)
		f.store.setFault(nil)
	})
}

// TestWorkSearch: a member finds what was written in the room and is seen by him; a page
// full of what he does not see is no end.
func TestWorkSearch(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		f.who["bo"].say(f.room("12"), "needle first")
		for n := range 120 {
			f.tell("bo", "12", fmt.Sprint("needle up ", n), map[string][]string{"11": {"all"}})
		}
		f.who["cy"].say(f.room("12"), "needle last")
		var e struct {
			Type string
			Data struct{ Events []struct{ Data wireMessage } }
		}
		f.who["dan"].ask(f.room("12"), "chat", "search", map[string]any{"text": "needle"}).into(t, &e)
		var got []string
		for _, m := range e.Data.Events {
			got = append(got, m.Data.Message)
		}
		if !reflect.DeepEqual(got, []string{"needle first", "needle last"}) {
			t.Errorf("found are %q", got)
		}
		f.who["bo"].ask(f.room("11"), "chat", "search", map[string]any{"text": "needle"}).fails(t, "ERR_NOT_ALLOWED")
	})
}
