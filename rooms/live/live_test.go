package live

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// room is an Out that writes down what it is told, as text: to whom, and what.
type room struct {
	t    *testing.T
	s    Session
	now  time.Time
	said []string
}

func (r *room) ToRoom(e Event)            { r.note("room", e) }
func (r *room) ToPeer(id string, e Event) { r.note(id, e) }

func (r *room) note(to string, e Event) {
	text, err := json.Marshal(e)
	if err != nil {
		r.t.Fatal(err)
	}
	r.said = append(r.said, to+" "+string(text))
}

func newRoom(t *testing.T) *room { return &room{t: t, now: time.UnixMilli(1_700_000_000_000)} }

func (r *room) enter(id, liveID string, conn uint64) bool {
	return r.s.Enter(r.now, Join{Peer: id, LiveID: liveID, Conn: conn, Grace: 10 * time.Second, NewID: "ls-of-" + id}, r)
}

// in lets accounts in and forgets what was said.
func (r *room) in(ids ...string) {
	for n, id := range ids {
		r.enter(id, "lc-"+id, uint64(n+1))
	}
	r.said = nil
}

func (r *room) send(from string, typ, data string) {
	r.s.Handle(r.now, from, r.connOf(from), typ, json.RawMessage(data), r)
}

func (r *room) connOf(id string) uint64 {
	if p := r.s.find(id); p != nil {
		return p.conn
	}
	return 99
}

// wait lets time go by, as the owner's timer does.
func (r *room) wait(d time.Duration) {
	for end := r.now.Add(d); ; {
		next := r.s.Next()
		if next.IsZero() || next.After(end) {
			r.now = end
			return
		}
		r.now = next
		r.s.Wake(r.now, r)
	}
}

// hears fails unless exactly that was said, pings left out.
func (r *room) hears(want ...string) {
	r.t.Helper()
	got := slices.DeleteFunc(r.said, func(s string) bool { return strings.Contains(s, `"ping"`) })
	if !slices.Equal(got, want) {
		r.t.Errorf("said was\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	r.said = nil
}

func join(id string) string { return `room {"type":"join","data":{"peerId":"` + id + `","meta":null}}` }

func left(id string) string { return `room {"type":"leave","data":{"peerId":"` + id + `"}}` }

func quality(to, scale string) string {
	return to + ` {"type":"quality","data":{"level":"normal","scale":` + scale + `}}`
}

func out(id, session string) string {
	return id + ` {"type":"close","data":{"clientId":null,"sessionId":"` + session + `"}}`
}

func TestEnterAndLeave(t *testing.T) {
	r := newRoom(t)
	r.enter("acc-1", "lc-1", 1)
	r.hears(`acc-1 {"type":"speaking","data":{"time":1700000000000,"current":null,"last":"acc-1"}}`, quality("acc-1", "1"), join("acc-1"))
	r.enter("acc-2", "lc-2", 2)
	r.hears(quality("acc-1", "1"), quality("acc-2", "1"), join("acc-2"))
	r.enter("acc-3", "lc-3", 3)
	follow := ` {"type":"mode","data":{"type":"follow-speaker","data":{"owner":null}}}`
	r.hears(quality("acc-1", "0.75"), quality("acc-2", "0.75"), quality("acc-3", "0.75"),
		"acc-1"+follow, "acc-2"+follow, "acc-3"+follow, join("acc-3"))
	if c := r.s.Conf(); c.SessionID != "ls-of-acc-1" || !slices.Equal(c.Peers, []string{"acc-1", "acc-2", "acc-3"}) || c.Mode == nil {
		t.Errorf("the call is %+v", c)
	}
	r.send("acc-1", "leave", `{}`)
	r.hears(left("acc-1"), out("acc-1", "ls-of-acc-1"), quality("acc-2", "1"), quality("acc-3", "1"),
		`acc-2 {"type":"speaking","data":{"time":1700000000000,"current":null,"last":"acc-2"}}`,
		`acc-3 {"type":"speaking","data":{"time":1700000000000,"current":null,"last":"acc-2"}}`,
		`acc-2 {"type":"mode","data":null}`, `acc-3 {"type":"mode","data":null}`)
	r.send("acc-1", "leave", ``)
	r.s.Leave(r.now, "acc-1", r)
	r.hears()
	r.s.Close(r.now, r)
	if r.s.ID() != "" || len(r.s.Peers()) != 0 || !r.s.Next().IsZero() {
		t.Errorf("what is left is %+v", r.s)
	}
}

// TestAnotherBrowser: the last one that joins is in, in the place of the one before,
// whose own leave comes late.
func TestAnotherBrowser(t *testing.T) {
	for name, conn := range map[string]uint64{"by one connection for all": 1, "by another connection": 7} {
		r := newRoom(t)
		r.in("acc-1", "acc-2")
		r.send("acc-1", "mode", `{"type":"presentation","enable":true}`)
		r.said = nil
		r.enter("acc-1", "lc-new", conn)
		r.hears(`acc-1 {"type":"close","data":{"clientId":"lc-acc-1","sessionId":"ls-of-acc-1"}}`,
			quality("acc-1", "1"), quality("acc-2", "1"), join("acc-1"))
		if c := r.s.Conf(); !slices.Equal(c.Peers, []string{"acc-1", "acc-2"}) || c.Mode == nil || c.Mode.Data.Owner != any("acc-1") {
			t.Errorf("%s: the call is %+v", name, c)
		}
		r.s.Handle(r.now.Add(300*time.Millisecond), "acc-1", 1, "leave", nil, r) // the echo
		r.hears()
		r.s.Handle(r.now.Add(time.Second), "acc-1", conn, "leave", nil, r) // meant
		if r.s.Has("acc-1") {
			t.Errorf("%s: the leave of the new browser was taken for an echo", name)
		}
	}
	r := newRoom(t)
	r.in("acc-1")
	if r.enter("acc-1", "lc-acc-1", 4) {
		t.Error("the same browser is taken for another")
	}
	r.hears()
}

func TestSignsOfLife(t *testing.T) {
	r := newRoom(t)
	r.in("acc-1", "acc-2")
	for range 30 {
		r.wait(4 * time.Second)
		r.send("acc-2", "pong", `"0"`) // however late: it is alive
		if !r.s.Has("acc-1") {
			break
		}
	}
	if r.s.Has("acc-1") || !r.s.Has("acc-2") {
		t.Fatalf("in the call are %q", r.s.Peers())
	}
	r = newRoom(t)
	r.in("acc-1", "acc-2")
	r.wait(5*time.Second + silence - time.Millisecond)
	if !r.s.Has("acc-1") {
		t.Error("taken out too early")
	}
	pings := 0
	for _, s := range r.said {
		if s == fmt.Sprintf(`acc-1 {"type":"ping","data":"%d"}`, 1_700_000_005_000+5000*pings) {
			pings++
		}
	}
	if pings != 7 {
		t.Errorf("%d pings in %q", pings, r.said)
	}
	r.said = nil
	r.wait(time.Millisecond)
	if r.s.Has("acc-1") || r.s.Has("acc-2") {
		t.Error("not taken out")
	}
}

// TestLostConnection: the place is kept for a while, and nobody hears of it.
func TestLostConnection(t *testing.T) {
	r := newRoom(t)
	r.in("acc-1", "acc-2")
	r.s.Away(r.now, "acc-1")
	r.wait(9 * time.Second)
	r.hears()
	if r.enter("acc-1", "lc-acc-1", 8) {
		t.Error("joined anew")
	}
	r.wait(4 * time.Second)
	r.hears()
	r.s.Away(r.now, "acc-1")
	r.wait(9 * time.Second)
	r.s.Back(r.now, "acc-1")
	r.send("acc-2", "pong", `""`)
	r.wait(4 * time.Second)
	r.hears()
	r.s.Away(r.now, "acc-1")
	r.wait(10 * time.Second)
	if r.s.Has("acc-1") || !r.s.Has("acc-2") {
		t.Errorf("in the call are %q", r.s.Peers())
	}
}

func TestRelay(t *testing.T) {
	r := newRoom(t)
	r.in("acc-1", "acc-2", "guest-3")
	raw := `{"type":"sync", "b":1e400, "a":[1.0,{"x":"\u00e9"}]}`
	r.send("acc-1", "guest-3", raw)
	if len(r.said) != 1 || !strings.HasPrefix(r.said[0], `guest-3 {"type":"acc-1","data":{"type":"sync","b":1e400,"a":[1.0,`) {
		t.Errorf("relayed was %q", r.said)
	}
	r.said = nil
	r.send("acc-1", "acc-1", raw)
	r.send("acc-9", "acc-1", raw)
	r.send("acc-1", "toString", raw)
	r.send("acc-1", "acc-2", `"`+strings.Repeat("x", relayBytes)+`"`)
	r.hears()
	for range 3 {
		r.send("acc-1", "acc-9", raw)
	}
	r.hears(`acc-1 {"type":"leave","data":{"peerId":"acc-9"}}`)
	r.send("acc-2", "broadcast", `7`)
	r.hears(`acc-1 {"type":"acc-2","data":7}`, `guest-3 {"type":"acc-2","data":7}`)
	for range relayBurst + 100 {
		r.send("guest-3", "acc-1", `1`)
	}
	if len(r.said) != relayBurst {
		t.Errorf("%d events at once were relayed", len(r.said))
	}
	r.said = nil
	r.now = r.now.Add(time.Second)
	for range 2 * relayRate {
		r.send("guest-3", "acc-1", `1`)
	}
	if len(r.said) != relayRate {
		t.Errorf("%d events were relayed a second later", len(r.said))
	}
	for n := range 2 * maxGhosts {
		r.send("acc-1", fmt.Sprintf("acc-gone-%d", n), raw)
	}
	if len(r.s.ghosts) > maxGhosts {
		t.Errorf("%d ghosts are remembered", len(r.s.ghosts))
	}
}

func TestSpeaking(t *testing.T) {
	r := newRoom(t)
	r.in("acc-1", "acc-2")
	said := func(current, last string) []string {
		data := fmt.Sprintf(` {"type":"speaking","data":{"time":%d,"current":%s,"last":%s}}`, r.now.UnixMilli(), current, last)
		return []string{"acc-1" + data, "acc-2" + data}
	}
	const claim, end = `{"time":1,"isSpeaking":true}`, `{"time":1,"isSpeaking":false}`
	r.send("acc-2", "speaking", claim)
	r.hears(said(`"acc-2"`, `"acc-1"`)...)
	r.send("acc-1", "speaking", claim) // too early
	r.send("acc-1", "speaking", end)   // not his
	r.send("acc-1", "speaking", `null`)
	r.hears()
	r.now = r.now.Add(holdFor)
	r.send("acc-1", "speaking", `{}`)
	r.hears(said(`"acc-1"`, `"acc-2"`)...)
	r.send("acc-1", "speaking", end)
	r.hears(said(`null`, `"acc-1"`)...)
	r.send("acc-2", "speaking", claim)
	r.hears(said(`"acc-2"`, `"acc-1"`)...)
}

func TestMode(t *testing.T) {
	r := newRoom(t)
	r.in("acc-1", "acc-2", "acc-3")
	mode := func(data string) (all []string) {
		for _, id := range r.s.Peers() {
			all = append(all, id+` {"type":"mode","data":`+data+`}`)
		}
		return all
	}
	const follow = `{"type":"follow-speaker","data":{"owner":null}}`
	r.send("acc-1", "mode", `{"type":"presentation"}`)
	r.hears(mode(`{"type":"presentation","data":{"owner":"acc-1"}}`)...)
	for _, data := range []string{`{"type":"presentation","enable":true}`, `{"type":"presentation"}`, `{"type":"follow-speaker"}`, `null`, `[]`, `{"type":7}`} {
		r.send("acc-2", "mode", data)
	}
	r.send("acc-1", "mode", `{"type":"presentation","enable":true}`)
	r.hears()
	r.send("acc-1", "mode", `{"type":"presentation","enable":false}`)
	r.hears(mode(follow)...)
	r.send("acc-2", "mode", `{"type":"presentation","enable":false}`)
	r.hears()
	r.send("acc-2", "mode", `{"type":"presentation","enable":true}`)
	r.said = nil
	r.send("acc-2", "leave", ``)
	if r.s.Conf().Mode != nil {
		t.Errorf("the mode is %+v", r.s.Conf().Mode)
	}
}

func TestQuality(t *testing.T) {
	r := newRoom(t)
	r.in("acc-1", "acc-2", "acc-3", "acc-4", "acc-5", "acc-6")
	for _, data := range []string{`"pixel"`, `null`, `{}`, `{"level":"low"}`, `7`} {
		r.send("acc-1", "quality", data)
	}
	r.hears()
	r.send("acc-1", "quality", `"low"`)
	if q := r.s.Conf().Quality; q != (Quality{"low", 0.5}) || len(r.said) != 6 {
		t.Errorf("%+v, told %d times", q, len(r.said))
	}
	r.s.Close(r.now, r)
	r.in("acc-1")
	if q := r.s.Conf().Quality; q != (Quality{"normal", 1}) {
		t.Errorf("a new call begins with %+v", q)
	}
}

// FuzzSession feeds events of any kind in any order; nothing may fail, and nobody hears
// anything who is not in the call, but for what the room hears.
func FuzzSession(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x10\x21\x35"), `{"type":"x"}`)
	f.Add([]byte{0, 16, 32, 1, 17, 33, 2, 18, 34, 3, 4, 5, 6, 7, 8, 9}, `"low"`)
	types := []string{"pong", "leave", "quality", "speaking", "mode", "broadcast", "acc-0", "acc-1", "acc-9", "x"}
	f.Fuzz(func(t *testing.T, moves []byte, data string) {
		r := newRoom(t)
		for _, m := range moves[:min(len(moves), 200)] {
			id := fmt.Sprintf("acc-%d", m>>4%4)
			switch k := int(m & 15); {
			case k < 3:
				r.enter(id, fmt.Sprint("lc-", k), uint64(k))
			case k == 3:
				r.s.Away(r.now, id)
			case k == 4:
				r.wait(7 * time.Second)
			case k == 5:
				r.s.Leave(r.now, id, r)
			default:
				if json.Valid([]byte(data)) {
					r.send(id, types[k-6], data)
				}
			}
			if (r.s.ID() == "") != (len(r.s.Peers()) == 0) {
				t.Fatalf("a session %q of %q", r.s.ID(), r.s.Peers())
			}
		}
	})
}
