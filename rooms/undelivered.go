package rooms

import "encoding/json"

// What a user wrote is never lost without a word: an event that reaches no room is
// answered, or its user gets a notice (docs/protocol.md 8.5).

var (
	errRoomGone = &Refusal{"ERR_NOT_MEMBER", "The room has closed; nobody has seen the message."}
	errTryLater = &Refusal{"ERR_TRY_LATER", "The chat could not be opened; nobody has seen the message. Please send it again."}
	errTooBusy  = &Refusal{"ERR_BUSY", "Too much waits for this chat; nobody has seen the message. Please send it again."}
)

// undelivered answers a room event that reached no room. address is the name by which
// its sender knows the room.
func (h *Hub) undelivered(address string, c call, why *Refusal) {
	if inner, ok := decodeCall(c.from, c.Data); ok && c.Type == "chat" && (inner.Type == "msg" || inner.Type == workMsg) && !c.isRequest() {
		if text := inner.messageText(); text != "" {
			h.tellNotStored(address, inner, text, why)
			return
		}
	}
	if answer := c.refusal(why.Code, maxLayers-1); answer != nil {
		h.post.Reply(c.from, encode(event{address, answer}))
	}
}

// messageText is the text of a chat message; empty if there is none.
func (c call) messageText() string {
	var in struct {
		Message any `json:"message"`
	}
	if !c.into(&in) {
		return ""
	}
	text, _ := in.Message.(string)
	return text
}

// raw is the call as it came.
func (c call) raw() json.RawMessage {
	return encode(struct {
		Type      string          `json:"type"`
		Data      json.RawMessage `json:"data,omitempty"`
		RequestID json.RawMessage `json:"requestId,omitempty"`
	}{c.Type, c.Data, c.RequestID})
}

// rejectCall returns an event of a client that reached the room after its end. A
// contact room is opened again for it.
func (r *Room) rejectCall(c call) {
	if r.isContact() && r.hub.returnCall(r.other(c.from.Account), c) {
		return
	}
	r.hub.undelivered(r.address(c.from.Account), c, errRoomGone)
}

// returnCall gives an event to a contact back to its account; false if that is gone.
func (h *Hub) returnCall(contact AccountID, c call) bool {
	a := h.account(c.from.Account)
	if a == nil {
		return false
	}
	a.pending.Add(1)
	if !a.box.force(contactCall{call{from: c.from, Type: string(contact), Data: c.raw()}}) {
		a.pending.Add(-1)
		return false
	}
	return true
}
