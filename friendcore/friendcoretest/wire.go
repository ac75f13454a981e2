package friendcoretest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// FriendCore writes its frames with printf and escapes nothing; so does this file.

// event is a frame about a user or a group.
func event(kind, name, format string, args ...any) []byte {
	body := fmt.Sprintf(format, args...)
	return fmt.Appendf(nil, `{"type":"service","data":{"type":"%s","data":{"type":"%s","data":%s}}}`, kind, name, body)
}

func errorFrame(status int) []byte {
	messages := map[int]string{
		1: "Json cannot be parsed",
		2: "Websockets were not authenticated",
		3: "Notification type not found",
		4: "Authentication failed",
		5: "No authentication elements in message",
		6: "Parameters not found",
		7: "JSON Tokens not found (request is not in JSON format probably)",
	}
	return fmt.Appendf(nil, `{"type":"error","data":{"status":%d,"message":"%s"}}`, status, messages[status])
}

func replyFrame(requestID, result string) []byte {
	return fmt.Appendf(nil, `{"type":"reply","data":{"requestId":"%s","result":%s}}`, requestID, result)
}

// userNotFound lost its first 16 bytes; as many bytes of memory follow instead.
func userNotFound(requestID string) []byte {
	frame := fmt.Appendf(nil, `"data":{"requestid":"%s","error":"User not found"}}`, requestID)
	return append(frame, "\x00\x13\x21\xa4\x6d\x55\x00\x00\xc8\x94\x13\x21\xa4\x6d\x55\x00"...)
}

// userEvent is the frame of user create and update; mu is held.
func (s *Server) userEvent(name string, u *User) []byte {
	groups := "[]"
	if u.Status == Enabled {
		groups = s.groupNumbers(u)
	}
	return event("user", name, `{"userid":"%s","isdisabled":%t,"lastupdate":%d,"name":"%s","groups":%s}`,
		u.UniqueID, u.Status != Enabled, u.ModifyTime, u.Login, groups)
}

// groupNumbers lists all groups of a user, his level's group first; mu is held.
func (s *Server) groupNumbers(u *User) string {
	var numbers []string
	if level := levelGroup(u.Level); level != 0 {
		numbers = append(numbers, fmt.Sprint(level))
	}
	for _, g := range s.groupsOf(u.ID) {
		numbers = append(numbers, fmt.Sprint(g.ID))
	}
	return "[" + strings.Join(numbers, ",") + "]"
}

// userList is the result of user list; mu is held.
func (s *Server) userList() string {
	var b strings.Builder
	b.WriteByte('[')
	for _, u := range s.sortedUsers() {
		if !u.listed() {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		disabled := ""
		if u.Status != Enabled {
			disabled = `"isdisabled":true,`
		}
		fmt.Fprintf(&b, `{"userid":"%s",%s"lastupdate":%d}`, u.UniqueID, disabled, u.ModifyTime)
	}
	b.WriteByte(']')
	return b.String()
}

// userResult is the result of user get; mu is held.
func (s *Server) userResult(u *User) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"userid":"%s","name":"%s","lastupdate":%d,`, u.UniqueID, u.Login, u.ModifyTime)
	if u.Status != Enabled {
		b.WriteString(`"isdisabled":true,`)
	}
	if u.FullName != "" {
		fmt.Fprintf(&b, `"fullname":"%s",`, u.FullName)
	}
	if u.Email != "" {
		fmt.Fprintf(&b, `"email":"%s",`, u.Email)
	}
	fmt.Fprintf(&b, `"groups":%s}`, s.groupNumbers(u))
	return b.String()
}

// groupList is the result of group list: workgroups only, those without members
// first; mu is held.
func (s *Server) groupList() string {
	var empty, full []string
	for _, g := range s.sortedGroups() {
		if g.Type != "Workgroup" {
			continue
		}
		text := fmt.Sprintf(`{"id":%d,"uuid":"%s","name":"%s","type":"%s","parentid":%d,"userids":%s}`,
			g.ID, g.UUID, g.Name, g.Type, g.ParentID, s.quotedIDs(g.Members))
		if len(g.Members) == 0 {
			empty = append(empty, text)
		} else {
			full = append(full, text)
		}
	}
	return "[" + strings.Join(append(empty, full...), ",") + "]"
}

// quotedIDs lists the unique ids of users; mu is held.
func (s *Server) quotedIDs(users []int) string {
	return s.listUsers(users, func(_ int, u *User) string { return `"` + u.UniqueID + `"` })
}

// setUsersList is the broken list of group setusers: objects and strings in turn,
// with the first comma between them missing; mu is held.
func (s *Server) setUsersList(users []int) string {
	return s.listUsers(users, func(n int, u *User) string {
		comma := ","
		if n == 0 {
			comma = ""
		}
		return fmt.Sprintf(`{"id":"%d","uuid":"%s","lastupdate":%d}%s"%s"`, u.ID, u.UniqueID, u.ModifyTime, comma, u.UniqueID)
	})
}

// listUsers writes a list of users that exist; mu is held.
func (s *Server) listUsers(users []int, write func(n int, u *User) string) string {
	var parts []string
	for _, id := range users {
		if u := s.users[id]; u != nil {
			parts = append(parts, write(len(parts), u))
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// field is a key of an object with its value, as they stood in the message.
type field struct {
	key   string
	value json.RawMessage
}

// fields takes an object apart in the order of its keys: FriendCore reads
// messages by position.
func fields(raw []byte) ([]field, bool) {
	if !json.Valid(raw) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var all []field
	for d.More() {
		var f field
		key, err := d.Token()
		if err != nil || d.Decode(&f.value) != nil {
			return nil, false
		}
		f.key, _ = key.(string)
		all = append(all, f)
	}
	return all, true
}

// at is the value at a position if the key there has this name, else nil.
func at(all []field, n int, key string) json.RawMessage {
	if n < len(all) && all[n].key == key {
		return all[n].value
	}
	return nil
}

// named is the value of a key at any position, else nil.
func named(all []field, key string) json.RawMessage {
	for _, f := range all {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// text is a value as FriendCore takes it over: a string without its quotes,
// escapes left as they are; "(null)" for none.
func text(raw json.RawMessage) string {
	if raw == nil {
		return "(null)"
	}
	if len(raw) >= 2 && raw[0] == '"' {
		return string(raw[1 : len(raw)-1])
	}
	return string(raw)
}
