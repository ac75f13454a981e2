package rooms

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

// noted keeps notifications.
type noted struct {
	mu  sync.Mutex
	all []Notification
}

func (n *noted) Notify(one Notification) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, one)
}

// take returns and forgets what came.
func (n *noted) take() []Notification {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.all
	n.all = nil
	return all
}

func notifying(t *testing.T, test func(t *testing.T, w *world, n *noted)) {
	inWorld(t, func(t *testing.T, w *world) {
		n := &noted{}
		w.notifier = n
		w.restart()
		test(t, w, n)
	})
}

// TestNotify tells all members but the author and those who look on, online or not.
func TestNotify(t *testing.T) {
	notifying(t, func(t *testing.T, w *world, n *noted) {
		ada, bo, cy := w.login("ada"), w.login("bo"), w.login("cy")
		w.login("dan")
		w.sync(group("11", "ada", "dan"))
		room, _ := w.served("f-ada", "Road map", "u-11")
		ada.add(room, bo)
		ada.add(room, cy)
		gus := w.guest(room, ada.publicToken(room), "Gus")
		bo.logout()
		cy.ask(room, "", "active", map[string]any{"isActive": true}).is(t, "null")
		id := ada.said(room, "hello <b>@Bo</b>")
		got := n.take()
		if len(got) != 1 {
			t.Fatalf("notified are %+v", got)
		}
		slices.Sort(got[0].Users)
		if !slices.Equal(got[0].Users, []string{"bo", "dan"}) {
			t.Errorf("notified are %v", got[0].Users)
		}
		want := Notification{
			Channel: room, Title: "#Road map", Message: "Ada: hello <b>@Bo</b>", Time: w.message(room, id).Time,
			Extra: `{"roomId":"` + string(room) + `","msgId":"` + id + `"}`,
		}
		if got[0].Users = nil; got[0].Title != want.Title || got[0].Message != want.Message || got[0].Time != want.Time || got[0].Extra != want.Extra || got[0].Channel != want.Channel {
			t.Errorf("the notification is %+v, want %+v", got[0], want)
		}
		gus.say(room, "by a guest")
		if got := n.take(); len(got) != 1 || got[0].Message != "Gus: by a guest" || !slices.Contains(got[0].Users, "ada") || slices.Contains(got[0].Users, "") {
			t.Errorf("notified are %+v", got)
		}
		w.hub.Hide(cy.id) // does not look on any more
		w.settle()
		ada.say(room, "and now")
		if got := n.take(); len(got) != 1 || !slices.Contains(got[0].Users, "cy") {
			t.Errorf("notified are %+v", got)
		}
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bo", Disabled: true}, User{ID: "f-dan", Login: "daniel", Name: "Dan"})
		ada.say(room, "without bo")
		if got := n.take(); len(got) != 1 || slices.Contains(got[0].Users, "bo") || !slices.Contains(got[0].Users, "daniel") {
			t.Errorf("notified are %+v", got)
		}
		ada.say(room, strings.Repeat("ä", 5000))
		if got := n.take(); len(got) != 1 || got[0].Message != "Ada: "+strings.Repeat("ä", maxNotified) {
			t.Error("a long text is not cut")
		}
	})
}

// TestNotifyInTemporaryRooms, and not if nobody is there who could be told.
func TestNotifyInTemporaryRooms(t *testing.T) {
	notifying(t, func(t *testing.T, w *world, n *noted) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("")
		ada.say(room, "to nobody")
		if got := n.take(); len(got) != 0 {
			t.Errorf("notified are %+v", got)
		}
		ada.add(room, bo)
		ada.say(room, "to bo")
		if got := n.take(); len(got) != 1 || got[0].Title != "#[ temp ] created by: Ada" {
			t.Errorf("notified are %+v", got)
		}
	})
}

// TestNotifyOfAChat names the author, under whose id the receiver knows the chat.
func TestNotifyOfAChat(t *testing.T) {
	notifying(t, func(t *testing.T, w *world, n *noted) {
		ada := w.login("ada")
		bo := w.resolve(user("bo"))
		ada.request("relation-add", map[string]any{"clientId": bo})
		id := ada.said(RoomID(bo), "hello")
		got := n.take()
		if len(got) != 1 || !slices.Equal(got[0].Users, []string{"bo"}) || got[0].Channel != w.contactRoom() || got[0].Title != "Ada" || got[0].Message != "hello" ||
			got[0].Extra != `{"isPrivate":true,"roomId":"`+string(ada.id)+`","msgId":"`+id+`"}` {
			t.Errorf("notified are %+v", got)
		}
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bo", Disabled: true})
		ada.say(RoomID(bo), "to somebody disabled")
		if got := n.take(); len(got) != 0 {
			t.Errorf("notified are %+v", got)
		}
	})
}

// TestNotifyOfStoredMessagesOnly: what nobody sees nobody is told of.
func TestNotifyOfStoredMessagesOnly(t *testing.T) {
	notifying(t, func(t *testing.T, w *world, n *noted) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		w.store.failOnly("AddMessages")
		ada.say(room, "lost")
		if got := n.take(); len(got) != 0 {
			t.Errorf("notified are %+v", got)
		}
	})
}
