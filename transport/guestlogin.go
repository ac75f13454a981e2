package transport

import "encoding/json"

// guestBundle is what a guest shows to be let in (docs/protocol.md 2.7).
type guestBundle struct {
	Tokens struct {
		Token  string `json:"token"`
		RoomID string `json:"roomId"`
	} `json:"tokens"`
	Identity struct {
		Name string `json:"name"`
	} `json:"identity"`
}

// maxToken is longer than any token and room id that was given out.
const maxToken = 256

// genuine says whether the bundle can be genuine at all.
func (b guestBundle) genuine() bool {
	return b.Tokens.Token != "" && len(b.Tokens.Token) <= maxToken &&
		b.Tokens.RoomID != "" && len(b.Tokens.RoomID) <= maxToken
}

// authenticateGuest refuses every guest: rooms do not admit any. A guest's login
// is complete with this step; there is no account stage (docs/protocol.md 2.7).
func (c *conn) authenticateGuest(data json.RawMessage) {
	var b guestBundle
	if json.Unmarshal(data, &b) != nil || !b.genuine() {
		c.refuse("the guest's bundle is malformed")
		return
	}
	c.refuse("guests are not admitted")
}
