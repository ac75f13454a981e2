package transport

import (
	"bytes"
	"encoding/json"

	"presence/rooms"
)

// frame is the outer frame, and each layer inside it (docs/protocol.md 1.5, 3.1).
// Data is nil if absent and "null" if null.
type frame struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// isNull says that the frame carries no data.
func (f frame) isNull() bool { return len(f.Data) == 0 || string(f.Data) == "null" }

// decodeFrame reads one layer. It fails with dropSyntax if b is no JSON, and with
// dropShape if it is none of our frames.
func decodeFrame(b []byte) (frame, dropReason) {
	var f frame
	if err := json.Unmarshal(b, &f); err != nil {
		if json.Valid(b) {
			return frame{}, dropShape
		}
		return frame{}, dropSyntax
	}
	if f.Type == "" {
		return frame{}, dropShape
	}
	return f, ""
}

// decodeEvent takes the event (E2) for the account out of the data of a msg frame.
// Whatever is addressed to anybody else is dropped (docs/protocol.md 3.2).
func decodeEvent(data json.RawMessage, account rooms.AccountID) (json.RawMessage, dropReason) {
	f, drop := decodeFrame(data)
	switch {
	case drop != "":
		return nil, drop
	case f.Type != string(account):
		return nil, dropAddress
	case len(f.Data) == 0 || f.Data[0] != '{':
		return nil, dropShape
	}
	return f.Data, ""
}

// Frames that never change.
const (
	challengeFrame        = `{"type":"authenticate"}` // no data key: docs/protocol.md 2.2
	acceptedFrame         = `{"type":"authenticate","data":true}`
	refusedFrame          = `{"type":"authenticate","data":false}`
	accountChallengeFrame = `{"type":"msg","data":{"type":"account","data":null}}`
	readyFrame            = `{"type":"msg","data":{"type":"ready","data":null}}`
	sessionNullFrame      = `{"type":"session","data":null}`
	sessionRefusedFrame   = `{"type":"session","data":false}`
)

// echoFrame answers ping and verify with the data as it came (docs/protocol.md 1.5).
func echoFrame(typ string, data json.RawMessage) []byte {
	b := make([]byte, 0, len(`{"type":"","data":}`)+len(typ)+len(data))
	b = append(b, `{"type":"`...)
	b = append(b, typ...)
	b = append(b, `","data":`...)
	b = append(b, data...)
	return append(b, '}')
}

// sessionFrame tells the client its session id.
func sessionFrame(id string) []byte {
	return append(appendQuoted([]byte(`{"type":"session","data":`), id), '}')
}

// loginFrame tells the client its account id.
func loginFrame(id rooms.AccountID) []byte {
	b := []byte(`{"type":"msg","data":{"type":"account","data":{"type":"login","data":`)
	return append(appendQuoted(b, string(id)), `}}}`...)
}

// maxRepeated is the largest login data that an error repeats, in bytes.
const maxRepeated = 4 << 10

// errorFrame refuses a login event (docs/protocol.md 2.4). The login data is
// repeated unless it is large.
func errorFrame(code string, data json.RawMessage) []byte {
	if len(data) == 0 || len(data) > maxRepeated {
		data = json.RawMessage("null")
	}
	b := []byte(`{"type":"msg","data":{"type":"error","data":{"error":`)
	b = append(appendQuoted(b, code), `,"data":`...)
	return append(append(b, data...), `}}}`...)
}

// envelopePrefix is what stands before an event (E2) for the account; envelopeEnd
// is what stands behind it.
func envelopePrefix(id rooms.AccountID) []byte {
	b := appendQuoted([]byte(`{"type":"msg","data":{"type":`), string(id))
	return bytes.Clone(append(b, `,"data":`...))
}

const envelopeEnd = `}}`

func appendQuoted(dst []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // a string always has a JSON form
	return append(dst, quoted...)
}
