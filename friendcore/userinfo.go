package friendcore

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"presence/rooms"
)

// Authenticate asks FriendCore whose authid this is (docs/protocol.md 12.6).
// Admin is set. The error wraps rooms.ErrDenied if FriendCore refuses the authid,
// if the user is disabled, blocked or to be removed, or if he has no usable login
// name; with every other error the same authid may be tried again later.
func (c *Client) Authenticate(ctx context.Context, authID string) (rooms.User, error) {
	answer, err := c.module(ctx, "/system.library/module/", "userinfoget", authID, "")
	if err != nil {
		return rooms.User{}, err
	}
	o, err := parseObject(answer)
	if err != nil {
		return rooms.User{}, fmt.Errorf("userinfoget of FriendCore at %s: the answer is %w", c.address, err)
	}
	return userInfo(o)
}

// userInfo reads the answer of userinfoget.
func userInfo(o object) (rooms.User, error) {
	u := rooms.User{
		ID:         o.text("UniqueID"),
		Login:      o.text("Name"),
		Name:       bounded(o.text("FullName")),
		LastUpdate: o.number("ModifyTime"),
	}
	if u.ID == "" {
		u.ID = o.text("userid")
	}
	admin := o.text("Level") == "Admin"
	u.Admin = &admin
	if u.ID != "" && !usableID(u.ID) {
		return rooms.User{}, errors.New("userinfoget: the user id is not usable")
	}
	if u.Login == "" || utf8.RuneCountInString(u.Login) > maxName {
		return rooms.User{}, fmt.Errorf("userinfoget: no usable login name: %w", rooms.ErrDenied)
	}
	// Only an old FriendCore that has no such column says nothing of the status.
	if status, said := o.scalar("Status"); said && status != "0" {
		return rooms.User{}, fmt.Errorf("userinfoget: the user is %s: %w", statusName(status), rooms.ErrDenied)
	}
	return u, nil
}

func statusName(status string) string {
	switch status {
	case "1":
		return "disabled"
	case "2":
		return "blocked"
	case "3":
		return "to be removed"
	}
	return "not enabled"
}
