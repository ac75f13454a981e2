package rooms

import (
	"bytes"
	"encoding/json"
)

// event is the shape of every event at every level (docs/protocol.md 3.1).
type event struct {
	Type string `json:"type"`
	Data any    `json:"data"`
}

// reply answers a request; all three keys are always present (3.3).
type reply struct {
	RequestID json.RawMessage `json:"requestId"`
	Response  any             `json:"response"`
	Error     any             `json:"error"` // nil or an error code
}

// call is an event of a client at any level, as decoded.
type call struct {
	from      Address
	Type      string          `json:"type"`
	Data      json.RawMessage `json:"data"`
	RequestID json.RawMessage `json:"requestId"`
}

// decodeCall reads an event; false if it is not an object with a type. A falsy
// requestId makes it an event without reply (3.3).
func decodeCall(from Address, data json.RawMessage) (call, bool) {
	c := call{from: from}
	if len(data) == 0 || data[0] != '{' || json.Unmarshal(data, &c) != nil || c.Type == "" {
		return call{}, false
	}
	if !truthy(c.RequestID) {
		c.RequestID = nil
	}
	return c, true
}

// maxLayers is how deep below a call its request may be: a room, a component.
const maxLayers = 2

// refusal is the reply that refuses the request which c is, or holds up to so many
// layers below, wrapped as the request was; nil if there is none.
func (c call) refusal(code string, layers int) any {
	if c.isRequest() {
		return reply{c.RequestID, nil, code}
	}
	if layers == 0 {
		return nil
	}
	inner, ok := decodeCall(c.from, c.Data)
	if !ok {
		return nil
	}
	if answer := inner.refusal(code, layers-1); answer != nil {
		return event{clip(c.Type, maxName), answer}
	}
	return nil
}

// isRequest says whether the client waits for a reply.
func (c call) isRequest() bool { return c.RequestID != nil }

// into decodes the call's data; false if it does not fit.
func (c call) into(v any) bool {
	return len(c.Data) > 0 && json.Unmarshal(c.Data, v) == nil
}

// truthy follows the clients' idea of an absent requestId. Ids are opaque, but an
// object or a very long one is nobody's id.
func truthy(raw json.RawMessage) bool {
	if len(raw) == 0 || len(raw) > maxRequestID {
		return false
	}
	switch string(raw) {
	case "null", "false", "0", `""`:
		return false
	}
	return raw[0] != '{' && raw[0] != '['
}

// maxRequestID bounds the bytes of a requestId that is echoed.
const maxRequestID = 256

// encode renders an event. Texts stay as they are: nothing is escaped for HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// Only values of this package are encoded; none of them can fail.
		panic("rooms: encode event: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// nullable turns the empty string into null.
func nullable[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return s
}

// list makes sure that an empty list is [] on the wire, never null (3.7).
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
