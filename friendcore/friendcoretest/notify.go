package friendcoretest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Notification is a push message that a service asked for. A message that the
// service sent again has the same RequestID, or the same content.
type Notification struct {
	RequestID                 string
	Users                     []string
	ChannelID, Title, Message string
	Type                      int
	TimeCreated               int64
	Extra, Application        string
}

// Notifications lists what services asked to be pushed so far, what FriendCore then
// failed (Faults.Notify) included.
func (s *Server) Notifications() []Notification {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notified)
}

// WaitNotifications waits until there are at least n Notifications.
func (s *Server) WaitNotifications(ctx context.Context, n int) ([]Notification, error) {
	for {
		s.mu.Lock()
		now, changed := slices.Clone(s.notified), s.changed
		s.mu.Unlock()
		if len(now) >= n {
			return now, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return now, fmt.Errorf("wait for notification %d, %d came: %w", n, len(now), ctx.Err())
		}
	}
}

// notification takes a push message; errors name no request. mu is held.
func (c *service) notification(data []byte) {
	body, _ := fields(data)
	raw := named(body, "notification")
	found := readByToken(raw)
	var n struct {
		Users []string `json:"users"`
		Type  int      `json:"notification_type"`
		Extra string   `json:"extra"`
		Title string   `json:"title"`
		Text  string   `json:"message"`
	}
	err := json.Unmarshal(raw, &n)
	switch {
	case found["notification_type"] == "":
		c.send(errorFrame(3))
	case err != nil || found["channel_id"] == "" || found["title"] == "" || found["message"] == "" || len(n.Users) == 0:
		c.send(errorFrame(6))
	default:
		all, _ := fields(raw)
		taken := Notification{
			RequestID: text(at(body, 0, "requestid")), Users: n.Users, ChannelID: text(named(all, "channel_id")),
			Title: n.Title, Message: n.Text, Type: n.Type, Extra: n.Extra, Application: found["application"],
		}
		fmt.Sscan(found["timecreated"], &taken.TimeCreated)
		c.server.notified = append(c.server.notified, taken)
		c.notified(taken.RequestID, c.server.nextNotifyFault())
		c.server.announce()
	}
}

// notified answers a push message; mu is held.
func (c *service) notified(id string, fault NotifyFault) {
	s := c.server
	reply := fmt.Appendf(nil, `{"type":"reply","data":{"requestId":"%s","result":"ok","error":%d}}`, id, fault.Error)
	if fault.Bare {
		reply = fmt.Appendf(nil, `{ "type" : "service", "data" : { "type" : "notification", "data" : { "status" : %d }}}`, fault.Error)
	}
	switch {
	case fault.Silent:
	case fault.Refuse != 0:
		c.send(errorFrame(fault.Refuse))
	case fault.Late > 0:
		s.running.Go(func() { s.later(fault.Late, reply) })
	default:
		s.emit(reply)
	}
}

// later sends a frame to every service registered then.
func (s *Server) later(delay time.Duration, frame []byte) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		s.Push(frame)
	case <-s.ctx.Done():
	}
}

// notificationKeys are the keys of a push message in the order in which FriendCore
// compares with them.
var notificationKeys = []string{
	"notification_type", "users", "channel_id", "title", "message", "application", "extra", "timecreated",
}

// readByToken reads a push message as FriendCore does: token by token, without
// looking whether one is a key or a login name, and taking the beginning of a key
// for the key. The token behind it is its value. (It skips as many tokens of the
// list as users have the mobile app; here nobody has it.)
func readByToken(raw []byte) map[string]string {
	tokens := tokensOf(raw)
	found := map[string]string{}
	for at := 0; at < len(tokens); at++ {
		for _, key := range notificationKeys {
			if strings.HasPrefix(key, tokens[at]) {
				if at++; at < len(tokens) {
					found[key] = tokens[at]
				}
				break
			}
		}
	}
	return found
}

// tokensOf lists keys and values; an object or list comes before what is in it.
func tokensOf(raw []byte) (tokens []string) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	for {
		t, err := d.Token()
		switch {
		case err != nil:
			return tokens
		case t == nil:
			tokens = append(tokens, "null")
		case t != json.Delim('}') && t != json.Delim(']'):
			tokens = append(tokens, fmt.Sprint(t))
		}
	}
}
