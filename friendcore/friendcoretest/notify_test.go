package friendcoretest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// push is a message of a service that asks for a notification.
func push(id, notification string) string {
	return fmt.Sprintf(`{"type":"service","data":{"type":"notification","data":{"requestid":"%s","notification":{%s}}}}`, id, notification)
}

const sound = `"users":["bob"],"channel_id":"room-1","notification_type":1,"title":"t","message":"m","timecreated":17,"extra":"{}","application":"FriendChat"`

func TestWaitNotifications(t *testing.T) {
	p := empty(t, Options{})
	c := p.registered()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := p.s.WaitNotifications(ended, 1); !errors.Is(err, context.Canceled) || len(got) != 0 {
		t.Errorf("without any: %v, %v", got, err)
	}
	c.say(push("r1", sound))
	c.say(push("r2", sound))
	got, err := p.s.WaitNotifications(t.Context(), 2)
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	n := got[1]
	if n.RequestID != "r2" || len(n.Users) != 1 || n.Users[0] != "bob" || n.ChannelID != "room-1" || n.Type != 1 ||
		n.Title != "t" || n.Message != "m" || n.TimeCreated != 17 || n.Extra != "{}" || n.Application != "FriendChat" {
		t.Errorf("notification %+v", n)
	}
}

func TestNotifyFaults(t *testing.T) {
	p := empty(t, Options{})
	c := p.registered()
	okay := func(id string) string {
		return `{"type":"reply","data":{"requestId":"` + id + `","result":"ok","error":0}}`
	}
	for n, f := range []struct {
		fault NotifyFault
		reply string
	}{
		{NotifyFault{Error: 7, Times: 1}, `{"type":"reply","data":{"requestId":"r0","result":"ok","error":7}}`},
		{NotifyFault{Refuse: 6, Times: 1}, `{"type":"error","data":{"status":6,"message":"Parameters not found"}}`},
		{NotifyFault{Bare: true, Times: 1}, `{ "type" : "service", "data" : { "type" : "notification", "data" : { "status" : 0 }}}`},
		{NotifyFault{Silent: true, Times: 1}, ""},
	} {
		p.s.SetFaults(Faults{Notify: f.fault})
		c.say(push(fmt.Sprint("r", n), sound))
		if f.reply != "" {
			c.hear("fault", f.reply)
		}
		c.say(push("after", sound)) // Times is over
		c.hear("after the fault", okay("after"))
	}
	p.s.SetFaults(Faults{Notify: NotifyFault{Late: 20 * time.Millisecond, Times: 1}})
	c.say(push("late", sound))
	c.say(push("next", sound))
	c.hear("next", okay("next"))
	c.hear("late", okay("late"))
	if got, err := p.s.WaitNotifications(t.Context(), 10); err != nil || len(got) != 10 {
		t.Errorf("%d notifications, %v", len(got), err)
	}
	p.s.SetFaults(Faults{Notify: NotifyFault{Late: time.Hour}})
	c.say(push("never", sound)) // Close does not wait for it
	if _, err := p.s.WaitNotifications(t.Context(), 11); err != nil {
		t.Error(err)
	}
}

// TestNotificationIsReadByToken: login names that begin like a key are taken for
// it, and cost the last of them the key behind the list.
func TestNotificationIsReadByToken(t *testing.T) {
	p := empty(t, Options{})
	c := p.registered()
	const missing = `{"type":"error","data":{"status":6,"message":"Parameters not found"}}`
	for n, m := range []struct {
		notification string
		taken        bool
	}{
		{`"users":["tim","bob"],"channel_id":"room-1","notification_type":1,"title":"t","message":"m"`, true},
		{`"users":["bob","tim"],"channel_id":"room-1","notification_type":1,"title":"t","message":"m"`, false},
		{`"users":["bob",""],"channel_id":"room-1","notification_type":1,"title":"t","message":"m"`, false},
		{`"users":["bob","tim"],"timecreated":17,"channel_id":"room-1","notification_type":1,"title":"t","message":"m"`, true},
		{`"notification_type":1,"title":"t","message":"m","channel_id":"room-1","users":["bob","title"]`, true},
		{`"users":["bob"],"channel_id":null,"notification_type":1,"title":"t","message":"m"`, true},
		{`"users":"bob","channel_id":"room-1","notification_type":1,"title":"t","message":"m"`, false},
		{`"users":[],"channel_id":"room-1","notification_type":1,"title":"t","message":"m"`, false},
	} {
		id := fmt.Sprint("r", n)
		want := missing
		if m.taken {
			want = `{"type":"reply","data":{"requestId":"` + id + `","result":"ok","error":0}}`
		}
		c.say(push(id, m.notification))
		c.hear(m.notification, want)
	}
	got := p.s.Notifications()
	if len(got) != 4 || got[0].TimeCreated != 0 || got[1].TimeCreated != 0 || got[1].ChannelID != "room-1" {
		t.Errorf("notifications %+v", got)
	}
}
