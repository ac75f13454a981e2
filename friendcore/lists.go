package friendcore

import (
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"

	"presence/rooms"
)

// listedUser is an entry of user list (docs/protocol.md 12.3).
type listedUser struct {
	id         string
	disabled   bool
	lastUpdate int64
}

// readUserList reads the result of user list; skipped counts entries that are of
// no use. An empty list is an error: a FriendCore without any user does not exist,
// one whose database is away does.
func readUserList(raw json.RawMessage) (users []listedUser, skipped int, err error) {
	list, err := parseList(raw)
	if err != nil {
		return nil, 0, err
	}
	seen := make(map[string]bool, len(list))
	for _, entry := range list {
		o, err := parseObject(entry)
		u := listedUser{o.text("userid"), o.text("isdisabled") == "true", o.number("lastupdate")}
		if err != nil || !usableID(u.id) || seen[u.id] {
			skipped++
			continue
		}
		seen[u.id] = true
		users = append(users, u)
	}
	if len(users) == 0 {
		return nil, skipped, errors.New("it names no user at all")
	}
	return users, skipped, nil
}

// readUser reads the result of user get for a listed user.
func readUser(raw json.RawMessage, listed listedUser) (rooms.User, error) {
	o, err := parseObject(raw)
	if err != nil {
		return rooms.User{}, err
	}
	u := rooms.User{
		ID:         o.text("userid"),
		Login:      o.text("name"),
		Name:       bounded(o.text("fullname")),
		Disabled:   o.text("isdisabled") == "true",
		LastUpdate: max(o.number("lastupdate"), listed.lastUpdate),
	}
	switch {
	case u.ID != listed.id:
		return rooms.User{}, errors.New("the reply is about somebody else")
	case u.Login == "" || utf8.RuneCountInString(u.Login) > maxName:
		return rooms.User{}, errors.New("the login name is empty or too long")
	}
	return u, nil
}

// readGroupList reads the result of group list; skipped counts entries that are of
// no use. Of entries with the same id the first one counts.
func readGroupList(raw json.RawMessage) (groups []rooms.Group, skipped int, err error) {
	list, err := parseList(raw)
	if err != nil {
		return nil, 0, err
	}
	groups = make([]rooms.Group, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, entry := range list {
		g, ok := readGroup(entry)
		if !ok || seen[g.ID] {
			skipped++
			continue
		}
		seen[g.ID] = true
		groups = append(groups, g)
	}
	return groups, skipped, nil
}

func readGroup(raw json.RawMessage) (rooms.Group, bool) {
	o, err := parseObject(raw)
	if err != nil {
		return rooms.Group{}, false
	}
	g := rooms.Group{
		ID:       groupID(o.number("id")),
		UID:      o.text("uuid"),
		ParentID: groupID(o.number("parentid")),
		Name:     bounded(o.text("name")),
		Members:  []string{},
	}
	if kind, said := o.scalar("type"); said && kind != "Workgroup" {
		return rooms.Group{}, false
	}
	if g.ID == "" || g.Name == "" || !usableID(g.UID) {
		return rooms.Group{}, false
	}
	var members []any
	if json.Unmarshal(o.get("userids"), &members) != nil && o.get("userids") != nil {
		return rooms.Group{}, false
	}
	seen := make(map[string]bool, len(members))
	for _, m := range members {
		if id, _ := m.(string); usableID(id) && !seen[id] {
			seen[id] = true
			g.Members = append(g.Members, id)
		}
	}
	return g, true
}

// groupID is FriendCore's number as text, empty for none.
func groupID(n int64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
