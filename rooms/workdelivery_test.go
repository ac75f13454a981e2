package rooms

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// workCase is a work message: who writes where, and to whom.
type workCase struct {
	name, author, room string
	to                 map[string][]string
}

var workCases = []workCase{
	{"parent to a whole child", "sue", "11", map[string][]string{"12": {"all"}}},
	{"parent to persons of one child", "sue", "11", map[string][]string{"12": {"bo", "dan"}}},
	{"parent to persons of two", "sue", "11", map[string][]string{"12": {"bo", "dan"}, "13": {"dan", "eve"}}},
	{"parent to a child and to persons of another", "sue", "11", map[string][]string{"12": {"all"}, "13": {"eve", "max"}}},
	{"parent to himself in a child", "max", "11", map[string][]string{"13": {"max"}}},
	{"parent to all children", "adm", "11", map[string][]string{"12": {"all"}, "13": {"all"}}},
	{"child to its parent", "bo", "12", map[string][]string{"11": {"all"}}},
	{"child to persons of the parent", "bo", "12", map[string][]string{"11": {"sue"}}},
	{"grandchild to its parent", "fay", "14", map[string][]string{"13": {"all"}}},
	{"grandchild who is in the parent too", "kim", "14", map[string][]string{"13": {"all"}}},
	{"middle to its child", "eve", "13", map[string][]string{"14": {"all"}}},
	{"middle to persons of its child", "eve", "13", map[string][]string{"14": {"fay", "kim"}}},
	{"middle to its parent", "eve", "13", map[string][]string{"11": {"all"}}},
	{"middle to parent and child", "eve", "13", map[string][]string{"11": {"all"}, "14": {"all"}}},
	{"middle to parent and persons", "dan", "13", map[string][]string{"11": {"all"}, "14": {"fay", "cy"}}},
	{"middle, by one of parent and child, to the parent", "max", "13", map[string][]string{"11": {"all"}}},
	{"by a member of the parent, downwards", "sue", "12", map[string][]string{"11": {"all"}}},
	{"by a member of the parent, in the middle", "sue", "13", map[string][]string{"14": {"gil"}}},
	{"by a member of the parent, from the middle up", "sue", "13", map[string][]string{"11": {"all"}}},
}

// got is what somebody was shown, as copies has it.
func (f *firm) got(name string) map[string]string { return f.gotOf(name, "work-msg") }

// gotOf is the same of another type of event; last-message is left out.
func (f *firm) gotOf(name, typ string) map[string]string {
	events, others := f.chatEvents(f.who[name].take())
	if others > 0 {
		f.t.Errorf("%s got %d other events", name, others)
	}
	got := map[string]string{}
	for _, e := range events {
		if e.typ == "last-message" {
			continue
		}
		if e.typ != typ {
			f.t.Errorf("%s got %v", name, e)
		}
		if _, twice := got[e.room]; twice {
			f.t.Errorf("%s got it twice in %s", name, e.room)
		}
		got[e.room] = e.targets
	}
	return got
}

// TestWorkCopies: who gets which copy of a work message in which room, and who is
// notified of it, under all rules.
func TestWorkCopies(t *testing.T) {
	for _, rules := range allRules() {
		t.Run(rules.String(), func(t *testing.T) {
			inNotifiedFirm(t, nested(rules), func(t *testing.T, f *firm, n *noted) {
				for _, tc := range workCases {
					if role := f.role(tc.author, tc.room); role == "" || role == "view" {
						continue // may not write there
					}
					f.quiet()
					f.tell(tc.author, tc.room, tc.name, tc.to)
					want := f.copies(tc.author, tc.room, tc.to)
					for _, name := range f.logins() {
						if got := f.got(name); !maps.Equal(got, want[name]) {
							t.Errorf("%s: %s got %v, want %v", tc.name, name, got, want[name])
						}
					}
					f.wantNotified(t, tc.name, n, f.notifiedIn(tc.author, tc.room, tc.to))
				}
			})
		})
	}
}

// inNotifiedFirm is inFirm with a notifier.
func inNotifiedFirm(t *testing.T, s *staff, test func(*testing.T, *firm, *noted)) {
	t.Helper()
	notifying(t, func(t *testing.T, w *world, n *noted) {
		f := &firm{world: w, staff: s}
		f.begin()
		test(t, f, n)
	})
}

// wantNotified fails unless these, and nobody else, were notified, once per room.
func (f *firm) wantNotified(t *testing.T, what string, n *noted, want map[string][]string) {
	t.Helper()
	got := map[string][]string{}
	for _, one := range n.take() {
		id := f.groupOf(string(one.Channel))
		slices.Sort(one.Users)
		if got[id] != nil {
			t.Errorf("%s: notified twice in %s", what, id)
		}
		got[id] = one.Users
		if one.Title != "#Group "+id || !strings.HasPrefix(one.Extra, `{"roomId":"`+string(one.Channel)+`","msgId":"`) || !strings.HasSuffix(one.Message, ": "+what) {
			t.Errorf("%s: the notification is %+v", what, one)
		}
	}
	maps.DeleteFunc(want, func(_ string, names []string) bool { return len(names) == 0 })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: notified are %v, want %v", what, got, want)
	}
}

// TestOrdinaryMessagesInWorkRooms: members and members of the parent see them, in this
// room only; members are notified. Viewers learn nothing.
func TestOrdinaryMessagesInWorkRooms(t *testing.T) {
	for _, rules := range allRules() {
		inNotifiedFirm(t, nested(rules), func(t *testing.T, f *firm, n *noted) {
			for _, room := range f.rooms() {
				for _, author := range f.logins() {
					if role := f.role(author, room); role != "member" && role != "super" {
						continue
					}
					text := author + " in " + room
					f.quiet()
					id := f.who[author].said(f.room(room), text)
					if !strings.HasPrefix(id, "msg-") {
						t.Fatalf("the id is %q", id)
					}
					for _, name := range f.logins() {
						role := f.role(name, room)
						frames := f.who[name].take()
						if name == author {
							continue // said read them
						}
						if i := index(frames, text); (i >= 0) != (role == "member" || role == "super") {
							t.Errorf("%v: %s (%s) got %q", rules, name, role, frames)
						}
						if role == "view" && len(frames) > 0 {
							t.Errorf("%v: %s looks into %s and got %q", rules, name, room, frames)
						}
					}
					f.wantNotified(t, text, n, map[string][]string{room: sortedWithout(f.people[room], author)})
				}
			}
		})
	}
}

// TestLookingOnIsNotNotified: in the room that he looks at, nobody is notified.
func TestLookingOnIsNotNotified(t *testing.T) {
	inNotifiedFirm(t, nested(asShipped), func(t *testing.T, f *firm, n *noted) {
		f.who["bo"].ask(f.room("12"), "", "active", map[string]any{"isActive": true})
		f.who["dan"].ask(f.room("11"), "", "active", map[string]any{"isActive": true})
		f.tell("sue", "11", "to all", map[string][]string{"12": {"all"}})
		f.wantNotified(t, "to all", n, map[string][]string{"11": {"adm", "max"}, "12": {"cy", "dan"}})
		f.tell("sue", "11", "to some", map[string][]string{"12": {"bo", "dan", "cy"}})
		f.wantNotified(t, "to some", n, map[string][]string{"11": {"adm", "bo", "cy", "max"}})
	})
}

// TestManyWriteAtOnce: whatever is written in several rooms at the same moment, each has
// its time, and each log is complete and in its order, in memory as in the database.
func TestManyWriteAtOnce(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		var all sync.WaitGroup
		write := map[string]func(n int){
			"sue": func(n int) {
				f.who["sue"].to(f.room("11"), "chat", "work-msg", map[string]any{"message": fmt.Sprint("down ", n), "targets": f.targets(map[string][]string{"12": {"all"}, "13": {"all"}})}, "")
			},
			"eve": func(n int) {
				f.who["eve"].to(f.room("13"), "chat", "work-msg", map[string]any{"message": fmt.Sprint("both ", n), "targets": f.targets(map[string][]string{"11": {"all"}, "14": {"all"}})}, "")
			},
			"bo": func(n int) {
				f.who["bo"].to(f.room("11"), "chat", "msg", map[string]any{"message": fmt.Sprint("view ", n)}, "")
			},
			"cy": func(n int) {
				f.who["cy"].to(f.room("12"), "chat", "msg", map[string]any{"message": fmt.Sprint("plain ", n)}, "")
			},
			"fay": func(n int) {
				f.who["fay"].to(f.room("13"), "chat", "msg", map[string]any{"message": fmt.Sprint("up ", n)}, "")
			},
		}
		const each = 40
		for _, by := range write {
			all.Go(func() {
				for n := range each {
					by(n)
				}
			})
		}
		all.Wait()
		f.settle()
		var messages []saidMessage
		times := map[int64]bool{}
		to := map[string]map[string][]string{
			"sue": {"12": {"all"}, "13": {"all"}}, "eve": {"11": {"all"}, "14": {"all"}}, "bo": {"11": {"all"}}, "fay": {"13": {"all"}},
		}
		for _, id := range f.rooms() {
			for _, m := range f.store.messages[f.room(id)] {
				author := f.nameOf(m.From)
				messages = append(messages, saidMessage{id: m.ID, author: author, room: id, to: to[author], text: m.Text, time: m.Time})
				if times[m.Time] {
					t.Errorf("two messages have the time %d", m.Time)
				}
				times[m.Time] = true
			}
		}
		if len(messages) != each*len(write) {
			t.Fatalf("%d messages are stored, want %d", len(messages), each*len(write))
		}
		slices.SortFunc(messages, func(a, b saidMessage) int { return cmp.Compare(a.time, b.time) })
		some := []string{"sue", "cy", "max"}
		f.checkLogs(t, messages, some, 50)
		f.again()
		f.checkLogs(t, messages, some, 50)
	})
}

func sortedWithout(names []string, name string) []string {
	kept := slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == name })
	slices.Sort(kept)
	return kept
}

// TestViewersMessages: what a viewer writes is a message from the own room to this one.
func TestViewersMessages(t *testing.T) {
	for _, rules := range allRules() {
		inNotifiedFirm(t, nested(rules), func(t *testing.T, f *firm, n *noted) {
			for _, room := range f.rooms() {
				for _, author := range f.logins() {
					if f.role(author, room) != "view" {
						continue
					}
					source := ""
					for _, c := range f.children(room) {
						if source == "" && f.has(author, c) {
							source = c
						}
					}
					text, to := author+" up to "+room, map[string][]string{room: {"all"}}
					f.quiet()
					var m struct{ Data wireMessage }
					f.who[author].ask(f.room(room), "chat", "msg", map[string]any{"message": text}).into(t, &m)
					if m.Data.RoomID != f.room(source) || m.Data.Source != workgroupID(source) || f.rendered(m.Data) != render(to) || m.Data.Type != "work-msg" {
						t.Errorf("%v: the answer is %+v", rules, m)
					}
					if got := f.message(f.room(source), m.Data.MsgID); got.Source != workgroupID(source) || got.Room != f.room(source) {
						t.Errorf("stored is %+v", got)
					}
					want := f.copies(author, source, to)
					for _, name := range f.logins() {
						if name == author {
							continue // ask read them
						}
						if got := f.got(name); !maps.Equal(got, want[name]) {
							t.Errorf("%v: %s: %s got %v, want %v", rules, text, name, got, want[name])
						}
					}
					f.wantNotified(t, text, n, f.notifiedIn(author, source, to))
					f.who[author].say(f.room(room), text) // and without asking for a reply
					if got := f.got(author); !maps.Equal(got, want[author]) {
						t.Errorf("%v: %s: the author got %v, want %v", rules, text, got, want[author])
					}
					f.quiet()
					n.take()
				}
			}
		})
	}
}

// TestViewersLearnNothing: of members, of sibling groups, of typing.
func TestViewersLearnNothing(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		f.quiet()
		board := f.room("11")
		f.who["sue"].to(board, "chat", "state", map[string]any{"type": "set-typing"}, "")
		f.who["sue"].say(board, "hello")
		f.who["sue"].to(board, "", "active", map[string]any{"isActive": true}, "")
		f.who["max"].got(`"state"`, "set-typing")
		f.people["11"] = append(f.people["11"], "zoe") // somebody new in the parent
		f.people["13"] = append(f.people["13"], "yan") // and in a sibling
		f.resolve(user("zoe"))
		f.resolve(user("yan"))
		f.who["zoe"] = f.login("zoe")
		f.sync(f.groups()...)
		f.pass(namesDelay)
		f.who["bo"].gotNone(string(board))
		f.who["bo"].to(board, "chat", "state", map[string]any{"type": "set-typing"}, "")
		f.who["bo"].to(board, "chat", "log", nil, "") // something that is answered
		f.who["sue"].gotNone("set-typing")
		f.who["bo"].got(`"log"`)
		f.people["11"] = []string{"sue", "zoe"}
		f.sync(f.groups()...)
		f.pass(namesDelay)
		f.who["bo"].gotNone(string(board))
		f.who["sue"].got(`"at-names"`)
	})
}

// TestRefusedTargets: a message that can reach nobody is told to its author; nobody
// else hears of it and nothing is stored.
func TestRefusedTargets(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		sue, bo := f.who["sue"], f.who["bo"]
		eve := string(f.who["eve"].id)
		many := make([]any, 50_000)
		for n := range many {
			many[n] = fmt.Sprint("acc-", n)
		}
		for _, targets := range []any{
			nil, map[string]any{}, []any{}, "friend_wg_12", true, 7, []any{"friend_wg_12"},
			map[string]any{"friend_wg_11": true},                                   // itself
			map[string]any{"friend_wg_14": true},                                   // below its child
			map[string]any{"friend_wg_99": true, "12": true, "": true},             // unknown
			map[string]any{"friend_wg_12": []any{}},                                // nobody
			map[string]any{"friend_wg_12": nil, "friend_wg_13": nil},               // nothing
			map[string]any{"friend_wg_12": false},                                  // no
			map[string]any{"friend_wg_12": "true", "friend_wg_13": 1},              // nearly
			map[string]any{"friend_wg_12": []any{eve, sue.id}},                     // not in that group
			map[string]any{"friend_wg_12": map[string]any{eve: true}},              // an object
			map[string]any{"friend_wg_13": []any{[]any{eve}, 7, nil}},              // nested
			map[string]any{"friend_wg_12": many},                                   // a huge list of strangers
			map[string]any{"all_groups": "true"}, map[string]any{"all_members": 1}, // nearly
		} {
			for _, message := range []any{"hello", ""} {
				stored := f.store.count("AddMessages")
				f.quiet()
				sue.to(f.room("11"), "chat", "work-msg", map[string]any{"message": message, "targets": targets}, "r-1")
				frames := sue.take()
				code := "ERR_NO_TARGET"
				if message == "" {
					code = "ERR_INVALID_MESSAGE"
				}
				sue.reply(frames, "r-1", string(f.room("11")), "chat").fails(t, code)
				if f.store.count("AddMessages") != stored {
					t.Errorf("%.80v: stored", targets)
				}
				for name, p := range f.who {
					if name != "sue" && len(p.take()) > 0 {
						t.Errorf("%.80v: %s heard of it", targets, name)
					}
				}
			}
		}
		f.quiet()
		sue.to(f.room("11"), "chat", "work-msg", map[string]any{"message": "lost words", "targets": nil}, "")
		frames := sue.take()
		inOrder(t, frames, `"type":"error","data":{"error":"ERR_NO_TARGET"`, `"name":"Presence"`)
		bo.gotNone("lost words")
	})
}

// TestHowManyTargets: a message names so many people and no more; a whole group is one.
func TestHowManyTargets(t *testing.T) {
	s := crowded(0)
	for n := range maxNamed + 1 {
		s.people["12"] = append(s.people["12"], fmt.Sprint("p", n))
	}
	inWorld(t, func(t *testing.T, w *world) {
		w.hub.opt.Work = asShipped
		var records []User
		for _, name := range s.people["12"] {
			records = append(records, user(name))
		}
		w.syncUsers(records...)
		sue := w.login("sue")
		w.sync(s.groups()...)
		w.super("11")
		board := w.workRoom(boardGroup)
		all := w.hub.groups.membersOf(dockGroup)
		send := func(targets any) replyFrame {
			return sue.ask(board, "chat", "work-msg", map[string]any{"message": "hello", "targets": targets})
		}
		send(map[string]any{"friend_wg_12": all}).fails(t, "ERR_TOO_MANY_TARGETS")
		send(map[string]any{"all_members": true}).fails(t, "ERR_TOO_MANY_TARGETS")
		if n := w.store.count("AddMessages"); n != 0 {
			t.Errorf("%d messages were stored", n)
		}
		for _, targets := range []any{map[string]any{"friend_wg_12": all[1:]}, map[string]any{"friend_wg_12": true}, map[string]any{"all_groups": true}} {
			if r := send(targets); r.Error != nil {
				t.Errorf("refused with %v", r.Error)
			}
		}
	})
}

// TestAcceptedTargets: what is good of the targets counts, the rest is left out.
func TestAcceptedTargets(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		id := func(name string) string { return string(f.who[name].id) }
		for _, tc := range []struct {
			room    string
			targets string // JSON
			want    map[string][]string
		}{
			{"11", `{"all_groups":true}`, map[string][]string{"12": {"all"}, "13": {"all"}}},
			{"11", `{"all_groups":true,"friend_wg_12":["` + id("bo") + `"],"all_members":true}`, map[string][]string{"12": {"all"}, "13": {"all"}}},
			{"11", `{"all_members":true,"friend_wg_12":true}`, map[string][]string{"12": {"bo", "cy", "dan"}, "13": {"eve", "dan", "max", "kim"}}},
			{"11", `{"all_groups":false,"friend_wg_12":true}`, map[string][]string{"12": {"all"}}},
			{"11", ` { "friend_wg_12" :  true , "friend_wg_99":true}`, map[string][]string{"12": {"all"}}},
			{"11", `{"friend_wg_12":["` + id("cy") + `","` + id("cy") + `",7,null,"` + id("eve") + `","` + id("bo") + `"]}`, map[string][]string{"12": {"bo", "cy"}}},
			{"11", `{"friend_wg_12":[],"friend_wg_13":["` + id("kim") + `"]}`, map[string][]string{"13": {"kim"}}},
			{"13", `{"all_groups":true}`, map[string][]string{"14": {"all"}}},
			{"13", `{"friend_wg_11":true,"friend_wg_12":true,"friend_wg_13":true}`, map[string][]string{"11": {"all"}}},
		} {
			author := map[string]string{"11": "sue", "13": "eve"}[tc.room]
			var m struct{ Data wireMessage }
			f.who[author].take()
			f.who[author].handle(roomEventText(f.room(tc.room), "chat/work-msg", `{"message":"hello","targets":`+tc.targets+`}`, "r-1"))
			f.who[author].reply(f.who[author].take(), "r-1", string(f.room(tc.room)), "chat").into(t, &m)
			if got := f.rendered(m.Data); got != render(tc.want) {
				t.Errorf("%s: the targets are %s, want %s", tc.targets, got, render(tc.want))
			}
		}
		for _, special := range []string{"all_groups", "all_members"} { // there is no child
			f.who["bo"].ask(f.room("12"), "chat", "work-msg", map[string]any{"message": "x", "targets": map[string]any{special: true}}).fails(t, "ERR_NO_TARGET")
		}
	})
}

// FuzzWorkTargets: whatever the targets are, they come to linked groups and to members
// of those, each once.
func FuzzWorkTargets(f *testing.F) {
	for _, seed := range []string{
		`{"friend_wg_12":true}`, `{"friend_wg_12":["acc-1","acc-1","acc-9"]}`, `{"all_groups":true}`, `{"all_members":true}`,
		`{"friend_wg_10":["acc-7"],"friend_wg_13":[]}`, `null`, `[]`, `{"friend_wg_12":null}`, `{"friend_wg_12":{"a":[[[]]]}}`, `{"friend_wg_12":true,"friend_wg_12":["acc-1"]}`,
		`{"friend_wg_12":["\ud800",1e999,"acc-2"]}`, ` true`, `{"all_members":true,"all_groups":false}`,
	} {
		f.Add([]byte(seed))
	}
	place := &workPlace{
		group: "friend_wg_11", room: "worg-1", super: true,
		parent: &workNeighbor{group: "friend_wg_10", room: "worg-0", members: []AccountID{"acc-7"}},
		children: []workNeighbor{
			{group: "friend_wg_12", room: "worg-2", members: []AccountID{"acc-1", "acc-2"}},
			{group: "friend_wg_13", room: "worg-3", members: []AccountID{"acc-1", "acc-3"}}, {group: "friend_wg_14", room: "worg-4"},
		},
	}
	members := map[WorkgroupID][]AccountID{
		"friend_wg_10": {"acc-7"}, "friend_wg_12": {"acc-1", "acc-2"}, "friend_wg_13": {"acc-1", "acc-3"}, "friend_wg_14": nil,
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var listed map[string]json.RawMessage
		_ = json.Unmarshal(data, &listed)
		targets := place.readTargets(listed)
		seen := map[WorkgroupID]bool{}
		for _, target := range targets {
			who, linked := members[target.Group]
			if !linked || seen[target.Group] {
				t.Fatalf("%s is not linked, or twice, in %v", target.Group, targets)
			}
			seen[target.Group] = true
			named := map[AccountID]bool{}
			for _, id := range target.Members {
				if named[id] || !slices.Contains(who, id) {
					t.Fatalf("%s is no member of %s, or twice", id, target.Group)
				}
				named[id] = true
			}
		}
		msg := Message{Targets: targets}
		if text := string(encode(workTargets(msg.Targets))); len(targets) == 0 && text != "{}" {
			t.Fatalf("rendered as %s", text)
		}
	})
}
