package rooms

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestDecodeCall(t *testing.T) {
	for text, want := range map[string]string{ // type, data, requestId
		`{"type":"a"}`:                                      "a||",
		`{"type":"a","data":null}`:                          "a|null|",
		`{"type":"a","data":{"x": 1},"requestId":"r"}`:      `a|{"x": 1}|"r"`,
		`{"data":7,"type":"a","more":[]}`:                   "a|7|",
		`{"type":"a","requestId":7}`:                        "a||7",
		`{"type":"\u00e4 \"quoted\"","requestId":"\u00e4"}`: `ä "quoted"||"\u00e4"`,
	} {
		c, ok := decodeCall(Address{"acc-1", 3}, []byte(text))
		if got := c.Type + "|" + string(c.Data) + "|" + string(c.RequestID); !ok || got != want || c.from.Conn != 3 {
			t.Errorf("%s is %s, %v; want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{
		``, `null`, `true`, `7`, `"a"`, `[]`, `[{"type":"a"}]`, `{}`, `{"type":""}`, `{"type":null}`, `{"type":7}`, `{"type":["a"]}`,
		`{"type":"a"`, `{"type":"a"}x`, `{"type":"a"}{"type":"b"}`, `{'type':'a'}`, strings.Repeat(`{"type":`, 20000),
	} {
		if _, ok := decodeCall(Address{}, []byte(text)); ok {
			t.Errorf("%.40s was taken for an event", text)
		}
	}
}

// TestRequestIDs: which requestIds make an event a request.
func TestRequestIDs(t *testing.T) {
	long := `"` + strings.Repeat("x", maxRequestID-2) + `"`
	for id, want := range map[string]bool{
		`"req-1"`: true, `"0"`: true, `"null"`: true, `" "`: true, `1`: true, `-1`: true, `0.5`: true, `true`: true, long: true,
		``: false, `null`: false, `false`: false, `0`: false, `""`: false, `{}`: false, `{"a":1}`: false, `[]`: false, `["r"]`: false,
		`"x` + long[1:]: false,
	} {
		text := `{"type":"a"}`
		if id != "" {
			text = `{"type":"a","requestId":` + id + `}`
		}
		c, ok := decodeCall(Address{}, []byte(text))
		if !ok || c.isRequest() != want {
			t.Errorf("requestId %.40s: a request: %v, want %v", id, c.isRequest(), want)
		}
	}
}

func TestEncode(t *testing.T) {
	for want, v := range map[string]any{
		`{"type":"a","data":null}`:                                      event{"a", nil},
		`{"type":"a","data":{"type":"b","data":"<&>` + "\u00e4" + `"}}`: event{"a", event{"b", "<&>ä"}},
		`{"requestId":7,"response":null,"error":null}`:                  reply{json.RawMessage("7"), nil, nullable("")},
		`{"requestId":"r","response":null,"error":"ERR_X"}`:             reply{json.RawMessage(`"r"`), nil, nullable("ERR_X")},
		`[]`:              list[int](nil),
		`["a"]`:           list([]string{"a"}),
		`{"a":1,"b":"c"}`: json.RawMessage("{\"a\": 1,\n \"b\": \"c\"}"),
	} {
		if got := string(encode(v)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestEncodeRefusesWhatIsOurMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("encode took a value that has no JSON form")
		}
	}()
	encode(math.Inf(1))
}

func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newID("msg")
		if len(id) != len("msg-")+36 || !strings.HasPrefix(id, "msg-") || id[4+14] != '4' || !strings.ContainsRune("89ab", rune(id[4+19])) || seen[id] {
			t.Fatalf("%s is no new id of the form msg-<uuid v4>", id)
		}
		seen[id] = true
	}
}

// FuzzDecodeCall: what is taken for an event has a type, and what is kept of it is
// valid JSON within bounds.
func FuzzDecodeCall(f *testing.F) {
	for _, text := range []string{
		`{"type":"a","data":null,"requestId":"r"}`, `{"type":"a","requestId":0}`, `{"type":7}`, `null`, `{"TYPE":"a"}`, `{"type":"a","type":"b"}`,
		"{\"type\":\"\xff\"}", `{"type":"a","data":[[[[]]]]}`, ` {"type":"a"} `,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		kept := bytes.Clone(data)
		c, ok := decodeCall(Address{}, data)
		if !bytes.Equal(data, kept) {
			t.Fatal("the input was changed")
		}
		if !ok {
			return
		}
		if c.Type == "" || !json.Valid(data) {
			t.Fatalf("%q was taken for an event", data)
		}
		if len(c.Data) > 0 && !json.Valid(c.Data) {
			t.Fatalf("the data %q is no JSON", c.Data)
		}
		if c.isRequest() && (!json.Valid(c.RequestID) || len(c.RequestID) > maxRequestID) {
			t.Fatalf("the requestId %q is no JSON or too long", c.RequestID)
		}
	})
}
