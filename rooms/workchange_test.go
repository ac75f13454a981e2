package rooms

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// heard writes down what somebody got of the work rooms: "close 12", "join 12 4", "join
// 11 view", "12 leave bo", "11 members 12=cy,dan", "11 sub-rooms 12,13" and so on. What
// tells of workgroups in general, added and removed, is left out.
func (f *firm) heard(name string) (lines []string) {
	f.t.Helper()
	group := func(room string) string {
		if g := strings.TrimPrefix(room, "friend_wg_"); g != room {
			return g
		}
		f.store.mu.Lock()
		defer f.store.mu.Unlock()
		if d := f.store.rooms[RoomID(room)]; d != nil {
			return strings.TrimPrefix(string(d.Room.WorkgroupID), "friend_wg_")
		}
		return room
	}
	names := func(ids []AccountID) string {
		all := make([]string, len(ids))
		for n, id := range ids {
			all[n] = f.nameOf(id)
		}
		return strings.Join(all, ",")
	}
	for _, frame := range f.who[name].take() {
		var e seenEvent
		if err := json.Unmarshal([]byte(frame), &e); err != nil {
			f.t.Fatal(err)
		}
		var inner seenEvent
		_ = json.Unmarshal(e.Data, &inner) // there may be none
		line := inner.Type + " "
		switch {
		case e.Type == "join":
			var in struct{ Joined seenConf }
			f.decode(e.Data, &in)
			line = fmt.Sprint("join ", group(string(in.Joined.ClientID)), " ", in.Joined.Priority)
			if in.Joined.IsView {
				line = "join " + group(string(in.Joined.ClientID)) + " view"
			}
			lines = append(lines, line)
			continue
		case e.Type == "close":
			var room string
			f.decode(e.Data, &room)
			lines = append(lines, "close "+group(room))
			continue
		case !isWorkRoom(RoomID(e.Type)):
			continue
		case inner.Type == "join":
			var m struct {
				ClientID   AccountID
				IsAuthed   *bool
				Workgroups []WorkgroupID
			}
			f.decode(inner.Data, &m)
			line += f.nameOf(m.ClientID)
			if m.IsAuthed == nil || *m.IsAuthed || !slices.Equal(m.Workgroups, f.hub.groups.ofAccount(m.ClientID)) {
				f.t.Errorf("a join tells %s", inner.Data)
			}
		case inner.Type == "leave":
			var id AccountID
			f.decode(inner.Data, &id)
			line += f.nameOf(id)
		case inner.Type == "workgroup":
			var deep seenEvent
			f.decode(inner.Data, &deep)
			switch line = deep.Type + " "; deep.Type {
			case "members":
				var m workMembers
				f.decode(deep.Data, &m)
				line += group(string(m.WorkID)) + "=" + names(m.Members)
			case "sub-rooms":
				var subs []WorkgroupID
				f.decode(deep.Data, &subs)
				for n := range subs {
					subs[n] = WorkgroupID(group(string(subs[n])))
				}
				line += strings.Trim(strings.ReplaceAll(fmt.Sprint(subs), " ", ","), "[]")
			default:
				continue
			}
		case inner.Type == "room-update":
			var u struct{ ClientID, Name, Avatar string }
			f.decode(inner.Data, &u)
			if line += u.Name; u.ClientID != e.Type || !strings.HasPrefix(u.Avatar, "data:image/png") {
				f.t.Errorf("a room-update tells %s", inner.Data)
			}
		default:
			line += strings.Trim(string(inner.Data), `"`)
		}
		lines = append(lines, group(e.Type)+" "+line)
	}
	return lines
}

func (f *firm) decode(data json.RawMessage, to any) {
	f.t.Helper()
	if err := json.Unmarshal(data, to); err != nil {
		f.t.Fatalf("%v in %s", err, data)
	}
}

// put sets the people of a group.
func put(id string, names ...string) func(*firm) {
	return func(f *firm) { f.people[id] = append([]string{}, names...) }
}

func move(id, parent string) func(*firm) { return func(f *firm) { f.parent[id] = parent } }

func lead(ids ...string) func(*firm) { return func(f *firm) { f.supers = ids } }

// workChanges are changes in the nested staff, and what each person hears of them, in any
// order across rooms; who is not listed hears nothing.
var workChanges = []struct {
	name  string
	first func(*firm) // before anybody listens; may be nil
	do    func(*firm)
	want  map[string]string // lines, separated by semicolons
}{
	{"a group comes below a super group", nil, func(f *firm) { put("15", "gil")(f); move("15", "11")(f) }, map[string]string{
		"sue": "join 15 0; 11 sub-rooms 12,13,15; 11 members 15=gil", "adm": "join 15 0; 11 sub-rooms 12,13,15; 11 members 15=gil",
		"max": "join 15 0; 11 sub-rooms 12,13,15; 11 members 15=gil", "gil": "join 15 4; join 11 view",
	}},
	{"moved away", nil, move("12", ""), map[string]string{
		"sue": "close 12; 11 sub-rooms 13", "adm": "close 12; 11 sub-rooms 13", "max": "close 12; 11 sub-rooms 13",
		"bo": "close 12; close 11", "cy": "close 12; close 11", "dan": "close 12; 11 sub-rooms 13; 11 members 13=dan",
	}},
	{"moved back", move("12", ""), move("12", "11"), map[string]string{
		"sue": "join 12 0; 11 sub-rooms 12,13; 11 members 12=bo,cy,dan", "adm": "join 12 0; 11 sub-rooms 12,13; 11 members 12=bo,cy,dan",
		"max": "join 12 0; 11 sub-rooms 12,13; 11 members 12=bo,cy,dan", "bo": "join 12 4; join 11 view", "cy": "join 12 4; join 11 view",
		"dan": "join 12 4; 11 sub-rooms 12,13; 11 members 12=dan; 11 members 13=dan",
	}},
	{"moved between super groups", nil, move("12", "13"), map[string]string{
		"sue": "close 12; 11 sub-rooms 13; 13 sub-rooms 12,14; 13 members 12=bo,cy,dan",
		"adm": "close 12; 11 sub-rooms 13; 13 sub-rooms 12,14; 13 members 12=bo,cy,dan",
		"max": "11 sub-rooms 13; 12 members 13=eve,dan,max,kim; 13 sub-rooms 12,14; 13 members 12=bo,cy,dan",
		"bo":  "close 11; join 13 view; 12 members 13=eve,dan,max,kim",
		"cy":  "close 11; 12 members 13=eve,dan,max,kim; 13 sub-rooms 12,14; 13 members 12=cy; 13 members 14=cy",
		"dan": "11 sub-rooms 13; 11 members 13=dan; 12 members 13=eve,dan,max,kim; 13 sub-rooms 12,14; 13 members 12=bo,cy,dan",
		"eve": "join 12 0; 13 sub-rooms 12,14; 13 members 12=bo,cy,dan", "kim": "join 12 0; 13 sub-rooms 12,14; 13 members 12=bo,cy,dan",
	}},
	{"deleted", nil, func(f *firm) { delete(f.people, "12") }, map[string]string{
		"sue": "close 12; 11 sub-rooms 13", "adm": "close 12; 11 sub-rooms 13", "max": "close 12; 11 sub-rooms 13",
		"bo": "close 12; close 11", "cy": "close 12; close 11", "dan": "close 12; 11 sub-rooms 13; 11 members 13=dan",
	}},
	{"emptied", nil, put("12"), map[string]string{
		"sue": "12 leave bo; 12 leave cy; 12 leave dan; 11 members 12=", "adm": "12 leave bo; 12 leave cy; 12 leave dan; 11 members 12=",
		"max": "12 leave bo; 12 leave cy; 12 leave dan; 11 members 12=", "bo": "close 12; close 11",
		// The others leave one after another, so that those who go later hear of those before.
		"cy": "close 12; close 11; 12 leave bo", "dan": "close 12; 12 leave bo; 12 leave cy; 11 sub-rooms 13; 11 members 13=dan",
	}},
	{"a super group taken off the list", nil, lead("11"), map[string]string{
		"eve": "close 14; 13 sub-rooms ", "dan": "close 14; 13 sub-rooms ", "max": "close 14; 13 sub-rooms ", "kim": "close 14; 13 sub-rooms ",
		"sue": "13 sub-rooms ", "adm": "13 sub-rooms ", "fay": "close 14; close 13", "gil": "close 14; close 13", "cy": "close 14; close 13",
	}},
	{"the upper one taken off the list", nil, lead("13"), map[string]string{
		"sue": "close 11; close 12; close 13", "adm": "close 11; close 12; close 13", "max": "close 11; close 12; 13 priority 2",
		"bo": "close 11; close 12", "cy": "close 11; close 12", "dan": "close 11; close 12; 13 priority 2",
		"eve": "close 11; 13 priority 2", "kim": "close 11; 13 priority 2",
	}},
	{"and put on it again", lead("13"), lead("13", "11"), map[string]string{
		"sue": "join 11 2; join 12 0; join 13 0", "adm": "join 11 2; join 12 0; join 13 0", "max": "join 11 2; join 12 0; 13 priority 4; 13 members 11=sue,adm,max",
		"bo": "join 11 view; join 12 4", "cy": "join 11 view; join 12 4", "dan": "join 11 view; join 12 4; 13 priority 4; 13 members 11=sue,adm,max",
		"eve": "join 11 view; 13 priority 4; 13 members 11=sue,adm,max", "kim": "join 11 view; 13 priority 4; 13 members 11=sue,adm,max",
	}},
	{"no super groups", nil, lead(), map[string]string{
		"sue": "close 11; close 12; close 13", "adm": "close 11; close 12; close 13", "max": "close 11; close 12; close 13; close 14",
		"bo": "close 11; close 12", "cy": "close 11; close 12; close 13; close 14", "dan": "close 11; close 12; close 13; close 14",
		"eve": "close 11; close 13; close 14", "kim": "close 11; close 13; close 14", "fay": "close 13; close 14", "gil": "close 13; close 14",
	}},
	{"a viewer becomes a member", nil, put("11", "sue", "adm", "max", "eve"), map[string]string{
		"eve": "close 11; join 11 2; join 12 0; 13 members 11=sue,adm,max,eve",
		"sue": "11 at-add Eve; 11 join eve; 12 members 11=sue,adm,max,eve; 13 members 11=sue,adm,max,eve",
		"adm": "11 at-add Eve; 11 join eve; 12 members 11=sue,adm,max,eve; 13 members 11=sue,adm,max,eve",
		"max": "11 at-add Eve; 11 join eve; 12 members 11=sue,adm,max,eve; 13 members 11=sue,adm,max,eve",
		"bo":  "12 members 11=sue,adm,max,eve", "cy": "12 members 11=sue,adm,max,eve", "dan": "12 members 11=sue,adm,max,eve; 13 members 11=sue,adm,max,eve",
		"kim": "13 members 11=sue,adm,max,eve",
	}},
	{"and a viewer again", put("11", "sue", "adm", "max", "eve"), put("11", "sue", "adm", "max"), map[string]string{
		"eve": "close 11; join 11 view; close 12; 13 members 11=sue,adm,max",
		"sue": "11 leave eve; 12 members 11=sue,adm,max; 13 members 11=sue,adm,max", "adm": "11 leave eve; 12 members 11=sue,adm,max; 13 members 11=sue,adm,max",
		"max": "11 leave eve; 12 members 11=sue,adm,max; 13 members 11=sue,adm,max",
		"bo":  "12 members 11=sue,adm,max", "cy": "12 members 11=sue,adm,max", "dan": "12 members 11=sue,adm,max; 13 members 11=sue,adm,max",
		"kim": "13 members 11=sue,adm,max",
	}},
	{"a member goes", nil, put("12", "cy", "dan"), map[string]string{
		"bo": "close 12; close 11", "cy": "12 leave bo", "dan": "12 leave bo", "sue": "12 leave bo; 11 members 12=cy,dan",
		"adm": "12 leave bo; 11 members 12=cy,dan", "max": "12 leave bo; 11 members 12=cy,dan",
	}},
	{"a member of parent and child leaves the parent", nil, put("11", "sue", "adm"), map[string]string{
		"max": "close 11; join 11 view; close 12; 13 members 11=sue,adm", "sue": "11 leave max; 12 members 11=sue,adm; 13 members 11=sue,adm",
		"adm": "11 leave max; 12 members 11=sue,adm; 13 members 11=sue,adm", "bo": "12 members 11=sue,adm", "cy": "12 members 11=sue,adm",
		"dan": "12 members 11=sue,adm; 13 members 11=sue,adm", "eve": "13 members 11=sue,adm", "kim": "13 members 11=sue,adm",
	}},
	{"a viewer by two groups leaves one", nil, put("13", "eve", "max", "kim"), map[string]string{
		"dan": "close 13; close 14; 11 sub-rooms 12; 11 members 12=dan", "sue": "13 leave dan; 11 members 13=eve,max,kim", "adm": "13 leave dan; 11 members 13=eve,max,kim",
		"max": "13 leave dan; 11 members 13=eve,max,kim; 14 members 13=eve,max,kim", "eve": "13 leave dan; 14 members 13=eve,max,kim",
		"kim": "13 leave dan; 14 members 13=eve,max,kim", "fay": "14 members 13=eve,max,kim", "gil": "14 members 13=eve,max,kim", "cy": "14 members 13=eve,max,kim",
	}},
	{"nothing", nil, func(*firm) {}, nil},
}

// TestWorkChanges: who hears what of a change, and nobody anything else.
func TestWorkChanges(t *testing.T) {
	for _, tc := range workChanges {
		t.Run(tc.name, func(t *testing.T) {
			inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
				logs := f.talkEverywhere()
				if tc.first != nil {
					f.alter(tc.first)
				}
				for name := range f.who {
					f.heard(name)
				}
				f.alter(tc.do)
				for _, name := range slices.Sorted(maps.Keys(f.who)) {
					got := f.heard(name)
					want := strings.Split(tc.want[name], "; ")
					if tc.want[name] == "" {
						want = nil
					}
					ordered := slices.Clone(got)
					slices.Sort(got)
					slices.Sort(want)
					if !slices.Equal(got, want) {
						t.Errorf("%s hears\n%q, want\n%q", name, got, want)
					}
					closesFirst(t, name, ordered)
				}
				f.pass(namesDelay)
				for name := range f.who { // names come later, and nothing else does
					for _, line := range f.heard(name) {
						if !strings.Contains(line, " at-names ") {
							t.Errorf("%s hears %q later", name, line)
						}
					}
				}
				f.staff = nested(asShipped)
				f.alter(func(*firm) {})
				for id, text := range logs {
					if _, page, _ := f.page(f.people[id][0], id, nil); len(page) != 1 || page[0].text != text {
						t.Errorf("the log of %s is %v", id, page)
					}
				}
			})
		})
	}
}

// alter changes the staff and has it taken over.
func (f *firm) alter(do func(*firm)) {
	do(f)
	f.sync(f.groups()...)
	f.super(f.supers...)
}

// closesFirst fails if somebody hears of a room before he joins it, or after it closed.
func closesFirst(t *testing.T, name string, lines []string) {
	t.Helper()
	gone := map[string]bool{}
	for _, line := range lines {
		what, room, _ := strings.Cut(line, " ")
		switch what {
		case "close":
			gone[room] = true
		case "join":
			id, _, _ := strings.Cut(room, " ")
			delete(gone, id)
		default:
			if gone[what] {
				t.Errorf("%s hears of a room that has closed: %q", name, lines)
			}
		}
	}
}

// talkEverywhere has somebody write in each room, and returns the texts.
func (f *firm) talkEverywhere() map[string]string {
	texts := map[string]string{}
	for _, id := range f.staff.rooms() {
		texts[id] = "hello, " + id
		f.who[f.people[id][0]].say(f.room(id), texts[id])
	}
	return texts
}

// TestWorkgroupIsRenamed: its room gets the new name and the picture made from it; members
// and viewers are told; what could not be stored is at the next start.
func TestWorkgroupIsRenamed(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		rename := func(name string) {
			for who := range f.who {
				f.heard(who)
			}
			groups := f.groups()
			groups[0].Name = name // of 11
			f.sync(groups...)
		}
		board := f.room("11")
		rename("Directors")
		for _, name := range f.logins() {
			got := strings.Join(f.heard(name), "; ")
			want := ""
			if f.role(name, "11") != "" {
				want = "11 room-update Directors"
			}
			if got != want {
				t.Errorf("%s hears %q, want %q", name, got, want)
			}
		}
		if got := f.store.rooms[board].Room.Name; got != "Directors" {
			t.Errorf("stored is %q", got)
		}
		f.store.failOnly("RenameRoom")
		rename(strings.Repeat("é", 300))
		f.store.setFault(nil)
		if got := f.workStateOf("sue", "11")["name"]; got != strings.Repeat("é", maxName) {
			t.Errorf("the name is %q", got)
		}
		if got := f.store.rooms[board].Room.Name; got != "Directors" {
			t.Errorf("stored is %q", got)
		}
		f.again() // under its former name
		if got := f.store.rooms[board].Room.Name; got != "Group 11" || f.workStateOf("bo", "11")["name"] != "Group 11" {
			t.Errorf("stored is %q", got)
		}
	})
}

// TestWorkMemberIsDisabled: for the others that is a leave and a join.
func TestWorkMemberIsDisabled(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		for name := range f.who {
			f.heard(name)
		}
		record := user("bo")
		record.Disabled = true
		f.syncUsers(record)
		for _, name := range []string{"cy", "dan", "sue"} {
			if got := f.heard(name); !slices.Equal(got, []string{"12 leave bo"}) {
				t.Errorf("%s hears %q", name, got)
			}
		}
		for _, room := range []string{"12", "11"} { // he is still connected
			f.who["bo"].ask(f.room(room), "chat", "msg", map[string]any{"message": "still here"}).fails(t, "ERR_NOT_MEMBER")
		}
		f.who["cy"].say(f.room("12"), "without bo")
		f.tell("sue", "11", "nor there", map[string][]string{"12": {"bo", "cy"}})
		if got := f.workStateOf("cy", "12"); strings.Contains(fmt.Sprint(got["users"], got["online"], got["atNames"]), "Bo") || slices.Contains(got["users"].([]any), any(string(f.who["bo"].id))) {
			t.Errorf("the state has %v", got)
		}
		f.sync(f.groups()...)
		f.pass(namesDelay)
		if got := f.heard("sue"); !slices.Contains(got, "11 members 12=cy,dan") {
			t.Errorf("sue hears %q", got)
		}
		f.heard("cy")
		f.who["bo"].logout()
		f.who["bo"].take()
		record.Disabled = false
		f.syncUsers(record)
		f.sync(f.groups()...)
		if got := f.heard("cy"); !slices.Equal(got, []string{"12 at-add Bo", "12 join bo"}) {
			t.Errorf("cy hears %q", got)
		}
		f.who["bo"] = f.login("bo")
		got := f.heard("bo")
		if slices.Sort(got); !slices.Equal(got, []string{"join 11 view", "join 12 4"}) {
			t.Errorf("bo hears %q", got)
		}
		f.who["bo"].say(f.room("12"), "back again")
		f.who["cy"].got("back again")
	})
}

// TestDisabledIsNotLetIn: a room that opens while its group still lists somebody who is
// disabled does not let him in.
func TestDisabledIsNotLetIn(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		f.super()
		record := user("bo")
		record.Disabled = true
		f.syncUsers(record) // the groups still list him, and he is still connected
		for name := range f.who {
			f.heard(name)
		}
		f.super("11")
		if got := f.heard("bo"); len(got) > 0 {
			t.Errorf("bo hears %q", got)
		}
		f.who["cy"].say(f.room("12"), "without bo")
		f.who["bo"].gotNone("without bo")
	})
}

// TestNamesakesInWorkRooms: a name is told again unless a member has it; viewers and
// members of the parent are not seen, so that theirs do not count.
func TestNamesakesInWorkRooms(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		twin := User{ID: "f-twin", Login: "twin", Name: "Bo"} // bo looks into 11
		second := User{ID: "f-second", Login: "second", Name: "Bo"}
		f.resolve(twin)
		f.resolve(second)
		for name := range f.who {
			f.heard(name)
		}
		join := func(who ...string) {
			groups := f.groups()
			groups[0].Members = append(groups[0].Members, who...)
			f.sync(groups...)
		}
		join("f-twin")
		f.who["sue"].got(`"at-add","data":"Bo"`)
		join("f-twin", "f-second")
		f.who["sue"].gotNone("at-add")
	})
}

// TestNamesOfWorkRooms: only members' names are completed, also after somebody left.
func TestNamesOfWorkRooms(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		f.quiet()
		f.alter(put("12", "cy", "dan"))
		f.pass(namesDelay)
		f.who["sue"].got(`"at-names","data":["Cy","Dan"]}`)
		if got := fmt.Sprint(f.workStateOf("sue", "12")["atNames"]); got != "[Cy Dan]" {
			t.Errorf("the names are %s", got)
		}
	})
}

// TestRecentInWorkRooms: ordinary messages of members count, nothing else does.
func TestRecentInWorkRooms(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		recent := func() string { return fmt.Sprint(f.workStateOf("sue", "12")["recent"]) }
		f.quiet()
		f.who["sue"].say(f.room("12"), "by a member of the parent")
		f.tell("bo", "12", "up", map[string][]string{"11": {"all"}})
		f.tell("sue", "11", "down", map[string][]string{"12": {"all"}})
		f.who["bo"].say(f.room("11"), "by a viewer")
		f.who["sue"].gotNone("recent-add")
		if recent() != "[]" {
			t.Errorf("recent are %s", recent())
		}
		f.who["cy"].say(f.room("12"), "hello")
		f.who["bo"].got(`"recent-add","data":"` + string(f.who["cy"].id))
		f.again()
		if got := recent(); got != fmt.Sprint(f.ids("cy")) {
			t.Errorf("recent are %s", got)
		}
	})
}

// TestComingMissNothing: what is said between the moment somebody is let in and the
// moment his client knows comes afterwards; who comes to look in gets his part only.
func TestComingMissNothing(t *testing.T) {
	inFirm(t, nested(asShipped), func(t *testing.T, f *firm) {
		f.super()
		f.quiet()
		hold := make(chan struct{})
		for _, name := range []string{"cy", "bo"} {
			f.hub.account(f.who[name].id).box.force(heldEvent{hold})
		}
		f.super(f.supers...)
		f.quiet()
		f.who["dan"].say(f.room("12"), "to the dock")
		f.who["sue"].say(f.room("11"), "to the board")
		f.tell("sue", "11", "to bo", map[string][]string{"12": {"bo"}})
		f.tell("sue", "11", "to the whole dock", map[string][]string{"12": {"all"}})
		close(hold)
		for name, want := range map[string][]string{
			"bo": {"to bo", "to the dock", "to the whole dock"}, "cy": {"to the dock", "to the whole dock"},
		} {
			frames := f.who[name].take()
			events, _ := f.chatEvents(frames)
			var got []string
			for _, e := range events {
				got = append(got, e.text)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s got %q, want %q", name, got, want)
			}
			inOrder(t, frames, `{"type":"join","data":{"joined":{"clientId":"`+string(f.room("12")), "to the dock")
		}
	})
}
