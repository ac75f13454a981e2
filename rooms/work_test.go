package rooms

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// office is a world with a super group and two child groups: sue and adm lead, bo, cy
// and dan work in group 12, eve and dan in group 13.
type office struct {
	*world
	sue, bo, cy, dan, eve *person
	board, dock, mill     RoomID
}

const (
	boardGroup = WorkgroupID("friend_wg_11")
	dockGroup  = WorkgroupID("friend_wg_12")
	millGroup  = WorkgroupID("friend_wg_13")
)

func child(g Group, parent string) Group { g.ParentID = parent; return g }

func officeGroups() []Group {
	return []Group{
		group("11", "sue", "adm"), child(group("12", "bo", "cy", "dan"), "11"), child(group("13", "eve", "dan"), "11"),
	}
}

// inOffice runs a test in an office under some rules.
func inOffice(t *testing.T, rules WorkRules, test func(*testing.T, *office)) {
	t.Helper()
	inWorld(t, func(t *testing.T, w *world) {
		w.hub.opt.Work = rules
		o := &office{world: w}
		o.sue, o.bo, o.cy, o.dan, o.eve = w.login("sue"), w.login("bo"), w.login("cy"), w.login("dan"), w.login("eve")
		w.login("adm")
		w.sync(officeGroups()...)
		w.super("11")
		o.board, o.dock, o.mill = w.workRoom(boardGroup), w.workRoom(dockGroup), w.workRoom(millGroup)
		test(t, o)
	})
}

// super makes groups super groups.
func (w *world) super(ids ...string) {
	w.hub.ApplySettings(GroupSettings{Super: ids})
	w.settle()
}

// workRoom finds the room of a workgroup; empty if there is none.
func (w *world) workRoom(group WorkgroupID) RoomID {
	if p := w.hub.work.view.Load().byGroup[group]; p != nil {
		return p.room
	}
	return ""
}

var asShipped = WorkRules{true, true, true, true}

func TestWorkRoomsAreJoined(t *testing.T) {
	inOffice(t, asShipped, func(t *testing.T, o *office) {
		conf := func(id RoomID, isView string, group, super WorkgroupID, priority int) string {
			parent := "null"
			if super != "" {
				parent = `"` + string(super) + `"`
			}
			return fmt.Sprintf(`"isPrivate":false,%s"workgroupId":%q,"supergroupId":%s,"priority":%d`, isView, group, parent, priority)
		}
		view := `"isView":true,`
		o.sue.got(`"clientId":"`+string(o.board), conf(o.board, "", boardGroup, "", 2))
		o.bo.got(`"clientId":"`+string(o.dock), conf(o.dock, "", dockGroup, boardGroup, 4))
		frames := o.eve.take()
		if index(frames, `"joined":{"clientId":"`+string(o.board), conf(o.board, view, boardGroup, "", 2)) < 0 {
			t.Errorf("eve got %q", frames)
		}
		if index(frames, string(o.dock)) >= 0 {
			t.Errorf("eve heard of the dock: %q", frames)
		}
	})
}

func TestWorkMessageToAGroupAndToPersons(t *testing.T) {
	inOffice(t, asShipped, func(t *testing.T, o *office) {
		for _, p := range []*person{o.sue, o.bo, o.cy, o.dan, o.eve} {
			p.take()
		}
		o.sue.to(o.board, "chat", "work-msg", map[string]any{"message": "status please", "targets": map[string]any{
			string(dockGroup): true, string(millGroup): []any{o.eve.id, o.bo.id, 7}, "friend_wg_99": true,
		}}, "")
		o.settle()
		all := fmt.Sprintf(`"targets":{"friend_wg_12":true,"friend_wg_13":["%s"]}`, o.eve.id)
		o.sue.got(`"`+string(o.board)+`"`, all, `"source":"friend_wg_11"`)
		o.cy.got(`{"type":"`+string(o.dock), `"roomId":"`+string(o.board), `"targets":{"friend_wg_12":true}}`)
		frames := o.eve.take()
		if index(frames, `{"type":"`+string(o.board), fmt.Sprintf(`"targets":{"friend_wg_13":["%s"]}}`, o.eve.id)) < 0 || len(frames) != 1 {
			t.Errorf("eve got %q", frames)
		}
		o.dan.got(`{"type":"`+string(o.dock), `"targets":{"friend_wg_12":true}}`)
	})
}

func TestViewerWritesUp(t *testing.T) {
	inOffice(t, asShipped, func(t *testing.T, o *office) {
		for _, p := range []*person{o.sue, o.bo, o.cy} {
			p.take()
		}
		o.bo.say(o.board, "we need rope")
		o.sue.got(`{"type":"`+string(o.board), `"work-msg"`, `"source":"friend_wg_12"`, `"targets":{"friend_wg_11":true}`)
		frames := o.bo.take()
		if len(frames) != 1 || !strings.Contains(frames[0], `{"type":"`+string(o.board)) {
			t.Errorf("bo got %q", frames)
		}
		o.cy.gotNone("rope")
		var page struct {
			Data struct{ Data logEvents }
		}
		o.bo.ask(o.board, "chat", "log", nil).into(t, &page)
		text, _ := json.Marshal(page)
		if !strings.Contains(string(text), "rope") {
			t.Errorf("bo's log of the board is %s", text)
		}
	})
}

func TestWorkGroupsChangeWhileOnline(t *testing.T) {
	inOffice(t, asShipped, func(t *testing.T, o *office) {
		for _, p := range []*person{o.sue, o.bo, o.cy, o.dan, o.eve} {
			p.take()
		}
		groups := officeGroups()
		groups[1].ParentID = "" // the dock is moved away
		o.sync(groups...)
		frames := o.bo.take()
		inOrder(t, frames, `"type":"close"`)
		if index(frames, `"close","data":"`+string(o.dock)) < 0 || index(frames, `"close","data":"`+string(o.board)) < 0 {
			t.Errorf("bo got %q", frames)
		}
		o.sue.got(`"sub-rooms","data":["friend_wg_13"]`)
		o.super()
		o.eve.got(`"close","data":"` + string(o.mill))
		if n := o.hub.Stats().Rooms; n != 0 {
			t.Errorf("%d rooms are in memory", n)
		}
		o.sync(officeGroups()...)
		o.super("Group 11")
		if o.workRoom(dockGroup) != o.dock {
			t.Error("another room than before")
		}
		o.bo.got(`"join"`, string(o.dock))
	})
}

// TestWorkJoinsComeInOrder: own rooms, those of children, then those that are looked
// into, whichever room answers first.
func TestWorkJoinsComeInOrder(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.hub.opt.Work = asShipped
		groups := []Group{group("11", "sue")}
		want := []WorkgroupID{boardGroup}
		for n := range 30 {
			id := fmt.Sprint(20 + n)
			groups = append(groups, child(group(id, "bo"), "11"))
			want = append(want, workgroupID(id))
		}
		who := w.login("sue")
		w.sync(groups...)
		w.super("11")
		for range 20 {
			who.logout()
			who.take()
			who = w.login("sue")
			var got []WorkgroupID
			for _, f := range who.take() {
				if text, ok := between([]string{f}, `"workgroupId":"`, `"`); ok && strings.Contains(f, `"type":"join"`) {
					got = append(got, WorkgroupID(text))
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("the joins are %q", got)
			}
		}
	})
}

// TestWhatWentUpStaysHidden: whatever becomes of the workgroups, what the dock wrote up to
// the board is not shown to the dock, and what the board wrote down to it stays with the
// board.
func TestWhatWentUpStaysHidden(t *testing.T) {
	inOffice(t, asShipped, func(t *testing.T, o *office) {
		o.super("11", "12")
		o.bo.say(o.board, "from the dock")
		o.sue.to(o.board, "chat", "work-msg", map[string]any{"message": "to the dock", "targets": map[string]any{string(dockGroup): true}}, "")
		o.settle()
		o.restart()
		o.hub.opt.Work = asShipped
		groups := officeGroups()
		groups[1].ParentID = ""
		o.sync(groups...)
		o.super("12")
		cy, log := o.login("cy"), func(p *person, room RoomID) string {
			p.take()
			p.to(room, "chat", "log", nil, "")
			return strings.Join(p.take(), "\n")
		}
		if text := log(cy, o.dock); strings.Contains(text, "from the dock") || !strings.Contains(text, "to the dock") {
			t.Errorf("cy's log of the dock is %s", text)
		}
		o.super("11")
		if text := log(o.login("sue"), o.board); !strings.Contains(text, "from the dock") || !strings.Contains(text, "to the dock") {
			t.Errorf("sue's log of the board is %s", text)
		}
	})
}
