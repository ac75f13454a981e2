package live

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
)

// ourRelay is the only relay there is in these tests.
var ourRelay = netip.MustParseAddrPort("203.0.113.7:50000")

func isOurRelay(at netip.AddrPort) bool { return at == ourRelay }

const atOurRelay = "candidate:1 1 udp 41885439 203.0.113.7 50000 typ relay raddr 0.0.0.0 rport 0 generation 0 ufrag aB+/ network-id 1 network-cost 10"

// TestCandidatesThatGoOut: those at our relays do, without what else they say.
func TestCandidatesThatGoOut(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"candidate","data":{"candidate":"` + atOurRelay + `","sdpMid":"0","n":1.50}}`: "",
		`{"candidate":"candidate:1 1 UDP 41885439 203.0.113.7 50000 typ relay raddr 10.0.0.7 rport 5000 generation 0 x 5.9.9.9"}`://
		`{"candidate":"candidate:1 1 udp 41885439 203.0.113.7 50000 typ relay raddr 0.0.0.0 rport 0 generation 0"}`,
		`{"candidate":"a=candidate:1 1 udp 1 203.0.113.7 50000 typ relay raddr ::1 rport 1"}`://
		`{"candidate":"a=candidate:1 1 udp 1 203.0.113.7 50000 typ relay raddr 0.0.0.0 rport 0"}`,
		`{"candidate":""}`:                 "",
		`{"type":"candidate","data":null}`: "",
		`null`:                             "",
		`[1e400, 12345678901234567890, "\u2028 \ud83d"]`: "",
		`"a text that is longer than an address"`:        "",
	} {
		if want == "" {
			want = in
		}
		got, ok := hideAddresses(json.RawMessage(in), isOurRelay)
		if !ok || string(got) != want {
			t.Errorf("%s\n became %s, %v\n want   %s", in, got, ok, want)
		}
	}
}

// TestCandidatesThatDoNotGoOut, however they are written.
func TestCandidatesThatDoNotGoOut(t *testing.T) {
	for _, in := range []string{
		`"candidate:1 1 udp 2122260223 192.168.1.7 50000 typ host generation 0"`,
		`"candidate:1 1 udp 1 5.9.9.1 50000 typ srflx raddr 192.168.1.7 rport 1"`,
		`"candidate:1 1 udp 1 5.9.9.1 50000 typ prflx raddr 192.168.1.7 rport 1"`,
		`"candidate:1 1 udp 1 5.9.9.1 50000 typ relay raddr 0.0.0.0 rport 0"`,      // another relay
		`"candidate:1 1 udp 1 203.0.113.7 50001 typ relay raddr 0.0.0.0 rport 0"`,  // another port
		`"candidate:1 1 tcp 1 203.0.113.7 50000 typ relay tcptype active"`,         //
		`"candidate:1 1 udp 1 0f3c.local 50000 typ host"`,                          // a name
		`"candidate:1 1 udp 1 203.0.113.7.nip.example 50000 typ relay"`,            //
		`"candidate:1 1 udp 1 203.0.113.7 50000 typ host typ relay"`,               //
		`"candidate:1 1 udp 1 5.9.9.1 1 typ host 203.0.113.7 50000 typ relay"`,     //
		`"candidate: 1 1 udp 1 203.0.113.7 50000 typ relay"`,                       // a field more
		`"candidate:1 1 udp -1 203.0.113.7 50000 typ relay"`,                       //
		`"\u0063andidate:1 1 udp 1 5.9.9.1 50000 typ host"`,                        // as JSON may write it
		`"a\u003dcandidate\u003a1 1 udp 1 5.9.9.1 50000 typ host"`,                 //
		`"Candidate:1 1 udp 1 5.9.9.1 50000 typ host"`,                             //
		`" \tcandidate:1 1 udp 1 5.9.9.1 50000 typ host"`,                          //
		`"\u0000candidate:1 1 udp 1 5.9.9.1 50000 typ host"`,                       //
		`"\ufeffcandidate:1 1 udp 1 5.9.9.1 50000 typ host"`,                       //
		`"x candidate:1 1 udp 1 5.9.9.1 50000 typ host"`,                           //
		`{"a":[{"deep":["candidate:1 1 udp 1 5.9.9.1 50000 typ host"]}],"b":"\""}`, //
		`{"candidate:1 1 udp 1 5.9.9.1 50000 typ host":1}`,                         // a key
		`["\\", "candidate:1 1 udp 1 5.9.9.1 50000 typ host"]`,                     //
	} {
		if got, ok := hideAddresses(json.RawMessage(in), isOurRelay); ok {
			t.Errorf("%s went out as %s", in, got)
		}
	}
}

func TestDescriptionsLoseTheirAddresses(t *testing.T) {
	sdp := strings.Join([]string{
		"v=0", "o=- 4611731400430051336 2 IN IP4 192.168.1.7", "s=-", "t=0 0", "a=group:BUNDLE 0",
		"m=audio 51234 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 5.9.9.1", "a=rtcp:51235 IN IP4 5.9.9.1",
		"a=candidate:1 1 udp 2122260223 192.168.1.7 51234 typ host generation 0",
		"a=candidate:2 1 udp 41885439 203.0.113.7 50000 typ relay raddr 5.9.9.1 rport 51234 generation 0",
		"a=candidate:3 1 tcp 1518280447 192.168.1.7 9 typ host tcptype active generation 0",
		"a=remote-candidates:1 192.168.1.9 5000", "a=ice-ufrag:aB+/", "a=end-of-candidates",
		"m=video 0 UDP/TLS/RTP/SAVPF 96", "",
	}, "\r\n")
	want := strings.Join([]string{
		"v=0", "o=- 4611731400430051336 2 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0",
		"m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0",
		"a=candidate:2 1 udp 41885439 203.0.113.7 50000 typ relay raddr 0.0.0.0 rport 0 generation 0",
		"a=ice-ufrag:aB+/", "a=end-of-candidates",
		"m=video 0 UDP/TLS/RTP/SAVPF 96", "",
	}, "\r\n")
	in, err := json.Marshal(map[string]any{"type": "webrtc-stream", "data": map[string]any{"type": "sdp", "data": map[string]string{"type": "offer", "sdp": sdp}}})
	if err != nil {
		t.Fatal(err)
	}
	got, ok := hideAddresses(in, isOurRelay)
	var out struct {
		Data struct{ Data struct{ Type, SDP string } }
	}
	if !ok || json.Unmarshal(got, &out) != nil || out.Data.Data.SDP != want || out.Data.Data.Type != "offer" {
		t.Errorf("%v, it became\n%s\nwant\n%s", ok, out.Data.Data.SDP, want)
	}
	again, ok := hideAddresses(got, isOurRelay)
	if !ok || string(again) != string(got) {
		t.Errorf("a second time it becomes %s", again)
	}
}

// FuzzHideAddresses: whatever comes, the result is JSON, and what goes out has no
// candidate but that of our relay.
func FuzzHideAddresses(f *testing.F) {
	f.Add(`{"candidate":"` + atOurRelay + `"}`)
	f.Add(`["v=0\r\nc=IN IP4 5.9.9.1\r\na=candidate:1 1 udp 1 5.9.9.1 1 typ host\r\n", "\\\"", "\ud83d"]`)
	f.Add(`"a=candidate:1 1 udp 1 5.9.9.1 1 typ host\n\ncandidate:1 1 udp 1 203.0.113.7 50000 typ relay"`)
	f.Fuzz(func(t *testing.T, in string) {
		if !json.Valid([]byte(in)) {
			return
		}
		got, ok := hideAddresses(json.RawMessage(in), isOurRelay)
		if !ok {
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%q became %q, which is no JSON", in, got)
		}
		var v any
		if json.Unmarshal(got, &v) == nil {
			checkHidden(t, v)
		}
	})
}

func checkHidden(t *testing.T, v any) {
	switch v := v.(type) {
	case string:
		for _, line := range strings.FieldsFunc(v, func(r rune) bool { return r == '\r' || r == '\n' }) {
			if strings.Count(line, " ") < candidateHead-1 || !strings.Contains(strings.ToLower(line), "candidate:") {
				continue
			}
			if !strings.Contains(line, " 203.0.113.7 50000 typ relay raddr 0.0.0.0 rport 0") {
				t.Fatalf("%q went out", line)
			}
		}
	case []any:
		for _, each := range v {
			checkHidden(t, each)
		}
	case map[string]any:
		for key, each := range v {
			checkHidden(t, key)
			checkHidden(t, each)
		}
	}
}
