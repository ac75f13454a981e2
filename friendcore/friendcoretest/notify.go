package friendcoretest

import (
	"encoding/json"
	"fmt"
)

// Notification is a push message that a service asked for.
type Notification struct {
	Users                     []string
	ChannelID, Title, Message string
	Type                      int
	TimeCreated               int64
	Extra, Application        string
}

// Notifications lists what services asked to be pushed so far.
func (s *Server) Notifications() []Notification {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Notification(nil), s.notified...)
}

// notification takes a push message; errors name no request. mu is held.
func (c *service) notification(data []byte) {
	body, _ := fields(data)
	id := text(at(body, 0, "requestid"))
	var n struct {
		Users       []string `json:"users"`
		ChannelID   *string  `json:"channel_id"`
		Type        *int     `json:"notification_type"`
		Title       *string  `json:"title"`
		Message     *string  `json:"message"`
		TimeCreated int64    `json:"timecreated"`
		Extra       string   `json:"extra"`
		Application string   `json:"application"`
	}
	raw := named(body, "notification")
	all, _ := fields(raw)
	bad := json.Unmarshal(raw, &n) != nil
	switch {
	case n.Type == nil:
		c.send(errorFrame(3))
	case bad || n.Title == nil || n.Message == nil || named(all, "channel_id") == nil || len(n.Users) == 0:
		c.send(errorFrame(6))
	default:
		c.server.notified = append(c.server.notified, Notification{
			Users: n.Users, ChannelID: text(named(all, "channel_id")), Title: *n.Title, Message: *n.Message,
			Type: *n.Type, TimeCreated: n.TimeCreated, Extra: n.Extra, Application: n.Application,
		})
		c.server.emit(fmt.Appendf(nil, `{"type":"reply","data":{"requestId":"%s","result":"ok","error":0}}`, id))
	}
}
