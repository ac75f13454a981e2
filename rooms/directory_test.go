package rooms

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestLastUpdateIncreases: strictly, whatever the clock does, and with changes only.
func TestLastUpdateIncreases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory()
		d.put([]AccountRecord{{ID: "a", Name: "A"}})
		last := d.get("a").lastUpdate
		if last != nowMillis() {
			t.Errorf("lastUpdate is %d at first, want now", last)
		}
		for range 5 { // within one millisecond
			old, now := d.change("a", func(i *identity) bool { i.online = !i.online; return true })
			if now.lastUpdate != last+1 || old.lastUpdate != last || old.online == now.online {
				t.Fatalf("lastUpdate is %d after %d", now.lastUpdate, last)
			}
			last = now.lastUpdate
		}
		time.Sleep(time.Hour)
		if old, now := d.change("a", func(*identity) bool { return false }); old != now || now.lastUpdate != last {
			t.Error("lastUpdate changed although nothing else did")
		}
		if _, now := d.change("a", func(*identity) bool { return true }); now.lastUpdate != nowMillis() {
			t.Error("lastUpdate does not follow the clock")
		}
		if old, now := d.change("unknown", func(*identity) bool { return true }); old != nil || now != nil {
			t.Error("an unknown account was changed")
		}
	})
}

func TestFind(t *testing.T) {
	d := newDirectory()
	d.put([]AccountRecord{
		{ID: "a", FUserID: "f-a", FUsername: "ada"},
		{ID: "b", FUsername: "bo"},
		{ID: "c", Name: "no user at all"},
	})
	d.change("a", func(i *identity) bool { i.FUsername = "ada2"; return true })
	d.put([]AccountRecord{{ID: "d", FUserID: "f-d", FUsername: "ada"}})
	for _, tc := range []struct {
		user User
		want AccountID
	}{
		{User{ID: "f-a", Login: "ada"}, "a"},
		{User{ID: "f-a", Login: "anything"}, "a"},
		{User{ID: "f-new", Login: "ada2"}, ""},
		{User{ID: "f-new", Login: "bo"}, "b"},
		{User{Login: "ada2"}, "a"},
		{User{Login: "ada"}, "d"},
		{User{Login: "bo"}, "b"},
		{User{Login: "unknown"}, ""},
		{User{}, ""},
	} {
		var got AccountID
		if i := d.find(tc.user); i != nil {
			got = i.ID
		}
		if got != tc.want {
			t.Errorf("%v is %q, want %q", tc.user, got, tc.want)
		}
	}
}

func TestWatchers(t *testing.T) {
	d := newDirectory()
	d.put([]AccountRecord{{ID: "a"}, {ID: "b"}, {ID: "c"}})
	d.watch("x", d.getAll([]AccountID{"a", "b"}))
	d.watch("y", d.getAll([]AccountID{"a", "a", "unknown"}))
	d.watch("x", d.getAll([]AccountID{"a"}))
	of := func(id AccountID) []AccountID {
		ids := d.watchersOf(id)
		slices.Sort(ids)
		return ids
	}
	if got := of("a"); !slices.Equal(got, []AccountID{"x", "y"}) {
		t.Errorf("watchers of a are %v", got)
	}
	if got := of("unknown"); len(got) != 0 {
		t.Errorf("watchers of nobody are %v", got)
	}
	d.unwatch("x")
	d.unwatch("nobody")
	if got := of("a"); !slices.Equal(got, []AccountID{"y"}) {
		t.Errorf("watchers of a are %v", got)
	}
	d.unwatch("y")
	if len(d.watchers)+len(d.watched) != 0 {
		t.Errorf("interests are left over: %v, %v", d.watchers, d.watched)
	}
}

func TestGetAllKeepsTheOrder(t *testing.T) {
	d := newDirectory()
	d.put([]AccountRecord{{ID: "a"}, {ID: "b"}})
	var got []AccountID
	for _, i := range d.getAll([]AccountID{"b", "unknown", "a", "b"}) {
		got = append(got, i.ID)
	}
	if !slices.Equal(got, []AccountID{"b", "a", "b"}) {
		t.Errorf("getAll gives %v", got)
	}
}

// TestDirectoryConcurrently is for the race detector.
func TestDirectoryConcurrently(t *testing.T) {
	d := newDirectory()
	d.put([]AccountRecord{{ID: "a", FUserID: "f", FUsername: "l", Name: "A"}})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range 100 {
				d.change("a", func(i *identity) bool { i.LastUpdate = int64(n); return true })
				d.watch("a", d.getAll([]AccountID{"a"}))
				d.search("a")
				d.knownUsers()
				d.unwatch("a")
				d.find(User{ID: "f", Login: "l"})
			}
		})
	}
	wg.Wait()
	if got := d.get("a").lastUpdate; got < 400 {
		t.Errorf("lastUpdate is %d", got)
	}
}
