package friendcore

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"presence/friendcore/friendcoretest"
	"presence/rooms"
)

// hello is a notification for some users.
func hello(users ...string) rooms.Notification {
	return rooms.Notification{
		Users: users, Channel: "room-1", Title: "#Room", Message: "Ada: hello", Time: 1795333555253,
		Extra: `{"roomId":"room-1","msgId":"msg-1"}`,
	}
}

func TestNotify(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		w.link.Notify(hello("alice", "bob"))
		plain := hello("carol")
		plain.Message, plain.Extra = "say \"hi\" \\ ok \n <æ> 😀", ""
		w.link.Notify(plain)
		w.pass(0)
		made := regexp.MustCompile(`req-[0-9A-Z]{26}`)
		var frames []string
		for _, f := range w.frames(`"notification"`) {
			frames = append(frames, made.ReplaceAllString(f, "REQ"))
		}
		want := []string{
			`{"type":"service","data":{"type":"notification","data":{"requestid":"REQ","notification":{"users":["alice","bob"],"timecreated":1795333555253,` +
				`"channel_id":"room-1","notification_type":1,"title":"#Room","message":"Ada: hello",` +
				`"extra":"{\"roomId\":\"room-1\",\"msgId\":\"msg-1\"}","application":"FriendChat"}}}}`,
			`{"type":"service","data":{"type":"notification","data":{"requestid":"REQ","notification":{"users":["carol"],"timecreated":1795333555253,` +
				`"channel_id":"room-1","notification_type":1,"title":"#Room","message":"say \"hi\" \\ ok \n <æ> 😀",` +
				`"extra":null,"application":"FriendChat"}}}}`,
		}
		if diff := cmp.Diff(want, frames); diff != "" {
			t.Errorf("frames (-want +got):\n%s", diff)
		}
		w.wantNotified(2, 0, 0)
		w.pass(time.Minute)
		w.wantNotified(2, 0, 0)
	})
}

func TestNotifyWhom(t *testing.T) {
	for _, c := range []struct{ users, taken string }{
		{"alice|bob|alice", "alice|bob"},
		{"Åse Ø|a.b+c@d|`x`|日本", "Åse Ø|a.b+c@d|`x`|日本"},
		{"a\"b|a'b|a\\b||a\nb|a\x00b|\xff|a\u2028b|a\u200bb|" + strings.Repeat("x", maxName+1), ""},
		{strings.Repeat("é", maxName), strings.Repeat("é", maxName)},
	} {
		if got := strings.Join(recipients(strings.Split(c.users, "|")), "|"); got != c.taken {
			t.Errorf("%q: %q", c.users, got)
		}
	}
}

func TestNotifySendsNothing(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		for _, n := range []rooms.Notification{
			hello(), hello(""), hello(`a"b`, "c'd"), {Users: []string{"alice"}, Title: "t"}, {Users: []string{"alice"}, Message: "m"}, {},
		} {
			w.link.Notify(n)
		}
		w.pass(time.Minute)
		if f := w.frames(`"notification"`); len(f) != 0 {
			t.Errorf("sent: %q", f)
		}
		w.wantNotified(0, 0, 0)
	})
}

func TestNotifyManyUsers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		var users []string
		for n := range 2*maxRecipients + 50 {
			users = append(users, fmt.Sprintf("user%d", n))
		}
		w.link.Notify(hello(users...))
		w.pass(0)
		var got []string
		for n, sent := range w.fc.Notifications() {
			if want := []int{maxRecipients, maxRecipients, 50}[n]; len(sent.Users) != want {
				t.Errorf("request %d is for %d users", n, len(sent.Users))
			}
			got = append(got, sent.Users...)
		}
		if diff := cmp.Diff(users, got); diff != "" {
			t.Error(diff)
		}
		w.wantNotified(3, 0, 0)
	})
}

// TestNotifyUsersNamedLikeKeys has users without the mobile app whom FriendCore
// takes for keys of the message.
func TestNotifyUsersNamedLikeKeys(t *testing.T) {
	for _, login := range []string{"tim", "t", "title", "users", "n", "channel_id", "c", "m", "me", "app", "e", "timecreated"} {
		inWorld(t, nil, func(w *world) {
			w.ready()
			w.link.Notify(hello("bob", login))
			w.link.Notify(hello(login))
			w.pass(0)
			w.wantNotified(2, 0, 0)
			for _, n := range w.fc.Notifications() {
				if n.ChannelID != "room-1" || n.Title != "#Room" || n.Type != 1 {
					t.Errorf("%s: FriendCore takes %+v", login, n)
				}
			}
		})
	}
}

// TestNotifyFails shows three tries, 10 s apart, for every way to fail, and that
// the connection and other notifications do not suffer.
func TestNotifyFails(t *testing.T) {
	for name, c := range map[string]struct {
		fault friendcoretest.NotifyFault
		try   time.Duration // how long a try takes
	}{
		"error":     {friendcoretest.NotifyFault{Error: 5, Times: 1}, 0},
		"refused 3": {friendcoretest.NotifyFault{Refuse: 3, Times: 1}, 0},
		"refused 6": {friendcoretest.NotifyFault{Refuse: 6, Times: 1}, 0},
		"silence":   {friendcoretest.NotifyFault{Silent: true, Times: 1}, 5 * time.Second},
		"bare":      {friendcoretest.NotifyFault{Bare: true, Error: -1, Times: 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.ready()
				w.fc.SetFaults(friendcoretest.Faults{Notify: c.fault})
				w.link.Notify(hello("alice"))
				w.pass(0)
				w.link.Notify(hello("bob"))
				w.pass(0)
				if w.link.Stats().NotificationsSent != 1 {
					t.Error("the second notification waits for the first one")
				}
				for try := range maxTries {
					w.fc.SetFaults(friendcoretest.Faults{Notify: c.fault})
					w.pass(c.try + 10*time.Second - time.Millisecond)
					if n := len(w.frames(`["alice"]`)); n != try+1 {
						t.Errorf("sent %d times within 10 s after try %d", n, try+1)
					}
					w.pass(time.Millisecond)
				}
				w.pass(time.Minute)
				w.wantNotified(1, maxTries, 1)
				w.wantLog("notifications for phones are given up", 1)
				w.wantState(Ready)
				if n := w.link.Stats().Connections; n != 1 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

func TestNotifyWorksAgain(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		w.fc.SetFaults(friendcoretest.Faults{Notify: friendcoretest.NotifyFault{Error: 1, Times: 2}})
		w.link.Notify(hello("alice"))
		w.pass(21 * time.Second)
		w.wantNotified(1, 2, 0)
		w.wantLog("given up", 0)
		sent := w.fc.Notifications()
		if len(sent) != 3 || sent[0].RequestID != sent[2].RequestID {
			t.Errorf("notifications %+v", sent)
		}
		w.fc.SetFaults(friendcoretest.Faults{Notify: friendcoretest.NotifyFault{Bare: true}})
		w.link.Notify(hello("bob"))
		w.pass(time.Minute)
		w.wantNotified(2, 2, 0)
	})
}

// TestNotifyLateReply: a reply after the limit still counts, before the next try
// and after it.
func TestNotifyLateReply(t *testing.T) {
	for late, tries := range map[time.Duration]int{4 * time.Second: 1, 6 * time.Second: 1, 16 * time.Second: 2} {
		inWorld(t, nil, func(w *world) {
			w.ready()
			w.fc.SetFaults(friendcoretest.Faults{Notify: friendcoretest.NotifyFault{Late: late, Times: 1}})
			w.link.Notify(hello("alice"))
			w.pass(time.Minute)
			if n := len(w.frames(`["alice"]`)); n != tries {
				t.Errorf("late by %s: sent %d times", late, n)
			}
			s := w.link.Stats()
			if s.NotificationsSent != 1 || s.NotificationsDropped != 0 || s.Connections != 1 {
				t.Errorf("late by %s: %+v", late, s)
			}
		})
	}
}

func TestNotifyWithoutConnection(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.link.Notify(hello("early"))
		w.fc.SetFaults(friendcoretest.Faults{RefuseServices: true})
		w.run()
		w.pass(119 * time.Second)
		w.wantNotified(0, 0, 0)
		w.link.Notify(hello("later"))
		w.pass(time.Second)
		w.wantNotified(0, 0, 1)
		w.fc.SetFaults(friendcoretest.Faults{})
		w.pass(80 * time.Second)
		w.wantNotified(1, 0, 1)
		if sent := w.fc.Notifications(); len(sent) != 1 || sent[0].Users[0] != "later" {
			t.Errorf("notifications %+v", sent)
		}
	})
}

func TestNotifyLostConnection(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		w.fc.SetFaults(friendcoretest.Faults{Notify: friendcoretest.NotifyFault{Silent: true, Times: 1}})
		w.link.Notify(hello("alice"))
		w.pass(time.Second)
		w.fc.DropServices()
		w.pass(time.Second)
		w.wantNotified(0, 1, 0)
		w.pass(20 * time.Second)
		w.wantNotified(1, 1, 0)
	})
}

func TestNotifyFewAtATime(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		w.fc.SetFaults(friendcoretest.Faults{Notify: friendcoretest.NotifyFault{Late: time.Second}})
		for range 10 {
			w.link.Notify(hello("alice"))
		}
		for passed, sent := range []int{4, 8, 10} {
			if passed > 0 {
				w.pass(time.Second)
			}
			w.pass(0)
			if n := len(w.fc.Notifications()); n != sent {
				t.Errorf("after %d s %d were sent, not %d", passed, n, sent)
			}
		}
		w.pass(time.Second)
		w.wantNotified(10, 0, 0)
	})
}

func TestNotifyIsBounded(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for n := range maxWaiting + 5 {
			w.link.Notify(hello(fmt.Sprintf("user%d", n)))
		}
		w.wantNotified(0, 0, 5)
		w.ready()
		w.pass(time.Second)
		if n := w.link.notifier.bytes; n != 0 {
			t.Errorf("%d bytes wait after the end", n)
		}
		w.wantNotified(maxWaiting, 0, 5)
		if first := w.fc.Notifications()[0].Users[0]; first != "user5" {
			t.Errorf("the first one is for %s", first)
		}
		w.wantLog("given up", 1)
	})
	inWorld(t, nil, func(w *world) {
		long := hello("alice")
		long.Message = strings.Repeat("x", 1<<20)
		for range 20 {
			w.link.Notify(long)
		}
		if n := w.link.notifier.bytes; n > maxWaitingBytes {
			t.Errorf("%d bytes wait", n)
		}
		w.wantNotified(0, 0, 5)
		w.run()
		w.end()
		w.wantNotified(0, 0, 20)
	})
}

// TestNotifyFullOutQueue: a notification waits for room among the frames to be
// written, and Notify does not.
func TestNotifyFullOutQueue(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		q := w.link.notifier
		s := &session{link: w.link, out: make(chan []byte, 1)}
		q.attach(s)
		w.link.Notify(hello("alice"))
		w.link.Notify(hello("bob"))
		if wait, _ := q.step(time.Now()); wait != fullQueuePause {
			t.Errorf("the next look is after %s", wait)
		}
		<-s.out
		q.step(time.Now())
		if frame := string(<-s.out); !strings.Contains(frame, `["bob"]`) || len(q.open) != 2 {
			t.Errorf("%d are open, the last one is %s", len(q.open), frame)
		}
	})
}

func TestNotifyEndsWithTheLink(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		w.fc.SetFaults(friendcoretest.Faults{Notify: friendcoretest.NotifyFault{Silent: true}})
		for range 10 {
			w.link.Notify(hello("alice"))
		}
		w.pass(time.Second)
		w.end()
		w.link.Notify(hello("alice"))
		if s := w.link.Stats(); s.NotificationsSent != 0 || s.NotificationsDropped != 11 {
			t.Errorf("%+v", s)
		}
		if q := w.link.notifier; len(q.waiting)+len(q.open) != 0 {
			t.Error("notifications are kept after the end")
		}
	})
}

func TestErrorsWithoutNotifications(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		w.fc.Push([]byte(`{"type":"error","data":{"status":6,"message":"Parameters not found"}}`))
		w.fc.Push([]byte(`{ "type" : "service", "data" : { "type" : "notification", "data" : { "status" : 0 }}}`))
		w.pass(time.Second)
		w.wantLog("did not understand a message of ours", 1)
		w.wantNotified(0, 0, 0)
		w.wantState(Ready)
	})
}

func TestNotifyKeepsSecrets(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		secret := rooms.Notification{Users: []string{"secret-user"}, Channel: "secret-channel", Title: "secret-title", Message: "secret-message", Extra: "secret-extra"}
		for _, fault := range []friendcoretest.NotifyFault{{}, {Error: 1}, {Refuse: 6}, {Silent: true}, {Bare: true}} {
			w.fc.SetFaults(friendcoretest.Faults{Notify: fault})
			w.link.Notify(secret)
			w.pass(time.Minute)
		}
		w.fc.DropServices()
		w.link.Notify(secret)
		w.pass(time.Second)
		w.wantLog("secret-", 0)
		w.wantLog("given up", 1)
	})
}

func FuzzNotification(f *testing.F) {
	f.Add("alice\nbob", "room-1", "#Room", "Ada: hello", `{"roomId":"room-1"}`)
	f.Add("tim\na\"b\n\xff", "", "\u2028", "</script>\x00\xff", "null")
	f.Fuzz(func(t *testing.T, users, channel, title, text, extra string) {
		p := push{id: "req-1", users: recipients(strings.Split(users, "\n")), note: rooms.Notification{Channel: rooms.RoomID(channel), Title: title, Message: text, Extra: extra}}
		frame := p.frame()
		if !strings.HasPrefix(string(frame), `{"type":"service","data":{"type":"notification","data":{"requestid":"req-1","notification":{"users":[`) {
			t.Errorf("the order of keys is wrong: %s", frame)
		}
		var m struct {
			Data struct {
				Data struct{ Notification pushBody }
			}
		}
		if err := json.Unmarshal(frame, &m); err != nil {
			t.Fatal(err)
		}
		n := m.Data.Data.Notification
		for sent, read := range map[string]string{string(channel): n.ChannelID, title: n.Title, text: n.Message} {
			if utf8.ValidString(sent) && read != sent {
				t.Errorf("%q is read back as %q", sent, read)
			}
		}
		for _, login := range n.Users {
			if login == "" || strings.ContainsAny(login, "\"'\\\n\x00") {
				t.Errorf("user %q", login)
			}
		}
	})
}
