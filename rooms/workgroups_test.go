package rooms

import (
	"slices"
	"testing"
)

func TestWorkgroupOnTheWire(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.resolve(user("ada"))
		parent, child := group("11", "ada"), group("12")
		child.ParentID, child.Name = "11", "Drafts"
		w.sync(parent, child)
		want := `{"friend_wg_11":{"fId":"11","fUId":"u-11","fParentId":null,"name":"Group 11","clientId":"friend_wg_11","parentId":null},` +
			`"friend_wg_12":{"fId":"12","fUId":"u-12","fParentId":"11","name":"Drafts","clientId":"friend_wg_12","parentId":"friend_wg_11"}}`
		if got := string(w.hub.groups.all()); got != want {
			t.Errorf("the groups are\n%s, want\n%s", got, want)
		}
	})
}

func TestUnknownGroup(t *testing.T) {
	groups := newWorkgroups()
	if groups.membersOf("friend_wg_1") != nil || groups.ofAccount("acc-1") != nil || groups.contacts("acc-1") != nil {
		t.Error("an empty table knows something")
	}
	if _, known := groups.group("friend_wg_1"); known {
		t.Error("an unknown group is known")
	}
	if string(groups.all()) != "{}" {
		t.Errorf("no groups are %s, want {}", groups.all())
	}
}

func TestReplaceReportsChanges(t *testing.T) {
	a, b, c := AccountID("a"), AccountID("b"), AccountID("c")
	of := func(id string, members ...AccountID) *workgroup { return &workgroup{Group{ID: id}, members} }
	for what, tc := range map[string]struct {
		before, after  []*workgroup
		added, removed []AccountID // of group 1
		affected       []AccountID
	}{
		"new group":       {nil, []*workgroup{of("1", a, b)}, []AccountID{a, b}, nil, []AccountID{a, b}},
		"gone":            {[]*workgroup{of("1", a, b)}, nil, nil, []AccountID{a, b}, []AccountID{a, b}},
		"member came":     {[]*workgroup{of("1", a)}, []*workgroup{of("1", a, b)}, []AccountID{b}, nil, []AccountID{b}},
		"member went":     {[]*workgroup{of("1", a, b)}, []*workgroup{of("1", b)}, nil, []AccountID{a}, []AccountID{a}},
		"swapped":         {[]*workgroup{of("1", a, b)}, []*workgroup{of("1", b, c)}, []AccountID{c}, []AccountID{a}, []AccountID{a, c}},
		"other order":     {[]*workgroup{of("1", a, b)}, []*workgroup{of("1", b, a)}, nil, nil, nil},
		"the same":        {[]*workgroup{of("1", a)}, []*workgroup{of("1", a)}, nil, nil, nil},
		"empty and gone":  {[]*workgroup{of("1")}, nil, nil, nil, nil},
		"another changed": {[]*workgroup{of("1", a), of("2", a)}, []*workgroup{of("1", a), of("2", b)}, nil, nil, []AccountID{a, b}},
	} {
		groups := newWorkgroups()
		groups.replace(tc.before)
		e, affected := groups.replace(tc.after)
		changes := e.changes
		var got groupChange
		for _, change := range changes {
			if change.id == "friend_wg_1" {
				got = change
			}
		}
		slices.Sort(affected)
		if !slices.Equal(got.added, tc.added) || !slices.Equal(got.removed, tc.removed) || !slices.Equal(affected, tc.affected) {
			t.Errorf("%s: added %v, removed %v, affected %v; want %v, %v, %v",
				what, got.added, got.removed, affected, tc.added, tc.removed, tc.affected)
		}
	}
}

func TestContactsAreThoseOfDirectGroups(t *testing.T) {
	groups := newWorkgroups()
	groups.replace([]*workgroup{
		{Group{ID: "1"}, []AccountID{"a", "b", "c"}},
		{Group{ID: "2", ParentID: "1"}, []AccountID{"a", "c", "d"}},
		{Group{ID: "3", ParentID: "2"}, []AccountID{"e"}},
	})
	for id, want := range map[AccountID][]AccountID{
		"a": {"b", "c", "d"}, "b": {"a", "c"}, "d": {"a", "c"}, "e": nil, "unknown": nil,
	} {
		got := groups.contacts(id)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("contacts of %s are %v, want %v", id, got, want)
		}
	}
}
