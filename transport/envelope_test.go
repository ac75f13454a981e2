package transport

import (
	"encoding/json"
	"strings"
	"testing"

	"presence/rooms"
)

func TestDecodeFrame(t *testing.T) {
	for text, want := range map[string]struct {
		typ, data string
		drop      dropReason
	}{
		`{"type":"ping","data":1}`:               {typ: "ping", data: "1"},
		` { "type" : "a" , "data" : { "b":2 } }`: {typ: "a", data: `{ "b":2 }`},
		`{"type":"ping"}`:                        {typ: "ping"},
		`{"type":"ping","data":null}`:            {typ: "ping", data: "null"},
		`{"type":"a","data":1.50,"more":[]}`:     {typ: "a", data: "1.50"},
		`{"data":1}`:                             {drop: dropShape},
		`{"type":""}`:                            {drop: dropShape},
		`{"type":null}`:                          {drop: dropShape},
		`{"type":5}`:                             {drop: dropShape},
		`{"type":{}}`:                            {drop: dropShape},
		`null`:                                   {drop: dropShape},
		`5`:                                      {drop: dropShape},
		`"text"`:                                 {drop: dropShape},
		`[]`:                                     {drop: dropShape},
		`{}`:                                     {drop: dropShape},
		``:                                       {drop: dropSyntax},
		`{`:                                      {drop: dropSyntax},
		`{"type":"a"}}`:                          {drop: dropSyntax},
		`nul`:                                    {drop: dropSyntax},
		"\xff":                                   {drop: dropSyntax},
		strings.Repeat("[", 20000):               {drop: dropSyntax},
	} {
		f, drop := decodeFrame([]byte(text))
		if f.Type != want.typ || string(f.Data) != want.data || drop != want.drop {
			t.Errorf("%.60s: %q %s %q, want %q %s %q", text, f.Type, f.Data, drop, want.typ, want.data, want.drop)
		}
	}
}

func TestDecodeEvent(t *testing.T) {
	for text, want := range map[string]struct {
		event string
		drop  dropReason
	}{
		`{"type":"acc-1","data":{"type":"initialize"}}`:   {event: `{"type":"initialize"}`},
		`{"type":"acc-1","data": {"a": 1} }`:              {event: `{"a": 1}`},
		`{"type":"acc-2","data":{"type":"initialize"}}`:   {drop: dropAddress},
		`{"type":"ACC-1","data":{"type":"initialize"}}`:   {drop: dropAddress},
		`{"type":"account","data":{"type":"initialize"}}`: {drop: dropAddress},
		`{"type":"acc-1","data":null}`:                    {drop: dropShape},
		`{"type":"acc-1"}`:                                {drop: dropShape},
		`{"type":"acc-1","data":[]}`:                      {drop: dropShape},
		`{"type":"acc-1","data":"{}"}`:                    {drop: dropShape},
		`null`:                                            {drop: dropShape},
		`5`:                                               {drop: dropShape},
	} {
		event, drop := decodeEvent(json.RawMessage(text), "acc-1")
		if string(event) != want.event || drop != want.drop {
			t.Errorf("%s: %s %q, want %s %q", text, event, drop, want.event, want.drop)
		}
	}
}

// TestDecodedDataIsKept: what a frame holds does not change with the buffer that it
// was read from.
func TestDecodedDataIsKept(t *testing.T) {
	buf := []byte(`{"type":"msg","data":{"type":"acc-1","data":{"a":1}}}`)
	f, _ := decodeFrame(buf)
	event, _ := decodeEvent(f.Data, "acc-1")
	for i := range buf {
		buf[i] = 'x'
	}
	if string(event) != `{"a":1}` {
		t.Errorf("it has become %s", event)
	}
}

// TestFrames are the server's own, byte for byte.
func TestFrames(t *testing.T) {
	wrapped := item{itemEvent, []byte(`{"a":1}`)}
	for got, want := range map[string]string{
		string(echoFrame("pong", json.RawMessage("1.50"))):                `{"type":"pong","data":1.50}`,
		string(sessionFrame("session-X")):                                 `{"type":"session","data":"session-X"}`,
		string(loginFrame("acc-1")):                                       `{"type":"msg","data":{"type":"account","data":{"type":"login","data":"acc-1"}}}`,
		string(errorFrame("ERR_X", nil)):                                  `{"type":"msg","data":{"type":"error","data":{"error":"ERR_X","data":null}}}`,
		string(errorFrame("ERR_X", json.RawMessage(`{"a":1}`))):           `{"type":"msg","data":{"type":"error","data":{"error":"ERR_X","data":{"a":1}}}}`,
		string(wrapped.appendPayload(nil, envelopePrefix(`acc-"quoted`))): `{"type":"msg","data":{"type":"acc-\"quoted","data":{"a":1}}}`,
		string(envelopePrefix(rooms.AccountID("acc-1"))) + envelopeEnd:    `{"type":"msg","data":{"type":"acc-1","data":}}`,
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if prefix := envelopePrefix("acc-1"); len(wrapped.appendPayload(nil, prefix)) != wrapped.payloadSize(prefix) {
		t.Error("payloadSize is not the size of the payload")
	}
}

// FuzzDecodeFrame: nothing that is decoded panics, and what is passed on is valid
// JSON of the right shape.
func FuzzDecodeFrame(f *testing.F) {
	for _, seed := range []string{
		challengeFrame, acceptedFrame, accountChallengeFrame, sessionRefusedFrame, authFrame("ada"), loginEventFrame("ada"),
		`{"type":"msg","data":{"type":"acc-1","data":{"type":"room-7","data":{"type":"chat","data":null}}}}`,
		`{"type":5}`, `null`, `{`, `{"type":"acc-1","data":{"type":"x"}}`, `{"TYPE":"msg","type":"ping","Data":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, drop := decodeFrame(b)
		switch {
		case (drop == "") != (frame.Type != ""):
			t.Fatalf("type %q and %q", frame.Type, drop)
		case drop == dropSyntax && json.Valid(b):
			t.Fatal("valid JSON is taken for none")
		case len(frame.Data) > 0 && !json.Valid(frame.Data):
			t.Fatalf("data %q is no JSON", frame.Data)
		}
		event, drop := decodeEvent(b, "acc-1")
		if drop == "" && (len(event) == 0 || event[0] != '{' || !json.Valid(event)) {
			t.Fatalf("event %q", event)
		}
		var (
			auth  authBundle
			login accountBundle
		)
		if json.Unmarshal(frame.Data, &auth) == nil && json.Unmarshal(auth.Data, &login) == nil {
			_ = login.check()
		}
	})
}
