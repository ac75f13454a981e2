package transport

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"presence/rooms"
)

// guestBundle is what a guest shows to be let in (docs/protocol.md 2.7). A name of
// another kind than text counts as not given.
type guestBundle struct {
	Tokens struct {
		Token  string `json:"token"`
		RoomID string `json:"roomId"`
	} `json:"tokens"`
	Identity struct {
		Name any `json:"name"`
	} `json:"identity"`
}

// maxToken is longer than any token and room id that was given out.
const maxToken = 256

// genuine says whether the bundle can be genuine at all.
func (b guestBundle) genuine() bool {
	return b.Tokens.Token != "" && len(b.Tokens.Token) <= maxToken &&
		b.Tokens.RoomID != "" && len(b.Tokens.RoomID) <= maxToken
}

// authenticateGuest lets a guest in whose token is good. A guest's login is complete
// with this step; there is no account stage.
func (c *conn) authenticateGuest(data json.RawMessage) {
	var b guestBundle
	if json.Unmarshal(data, &b) != nil || !b.genuine() {
		c.refuse("the guest's bundle is malformed")
		return
	}
	name, _ := b.Identity.Name.(string)
	claim := rooms.GuestClaim{
		Token: b.Tokens.Token, Room: rooms.RoomID(b.Tokens.RoomID), Name: name, From: c.countedAs(),
	}
	c.check(func(ctx context.Context) { c.enterGuest(ctx, claim) })
}

// countedAs is the address that tries with tokens are counted for; empty for trusted
// ones, from which many may come.
func (c *conn) countedAs() string {
	addr := c.wire.raw().ticket.addr
	if within(addr, c.srv.limits.Trusted) || within(addr, c.srv.limits.TrustedProxies) {
		return ""
	}
	return customer(addr).String()
}

// enterGuest has the token taken and attaches the connection to the guest's session.
func (c *conn) enterGuest(ctx context.Context, claim rooms.GuestClaim) {
	guest, err := c.srv.hub.AdmitGuest(ctx, claim)
	switch {
	case errors.Is(err, rooms.ErrDenied):
		c.refuse("the invite is not valid")
		return
	case err != nil:
		c.unavailable(ctx, err)
		return
	}
	c.wire.setLimit(c.srv.limits.SizeAfterLogin)
	c.send([]byte(acceptedFrame))
	if err := c.srv.sessions.login(ctx, c, guest); err != nil {
		c.srv.hub.Close(guest)
		c.unavailable(ctx, err)
		return
	}
	c.wire.raw().ticket.loggedIn()
	c.srv.metrics.login(loginAccepted)
	c.log().Debug("guest logged in", "room", claim.Room)
}

// isGuest says whether an id is that of a guest.
func isGuest(id rooms.AccountID) bool { return strings.HasPrefix(string(id), "guest-") }
