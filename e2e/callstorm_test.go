package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// inCall waits until the room state names exactly these accounts, in any order.
func (u *user) inCall(room string, want ...*user) {
	u.t.Helper()
	var ids []string
	for _, w := range want {
		ids = append(ids, w.id)
	}
	slices.Sort(ids)
	var got []string
	for _, id := range asList(u.roomState(room)["peers"]) {
		got = append(got, fmt.Sprint(id))
	}
	slices.Sort(got)
	if !slices.Equal(got, ids) {
		u.t.Errorf("in the call are %v, want %v", got, ids)
	}
}

// joinAs joins by a live id and waits until the account is in with it.
func (u *user) joinAs(room, liveID string) {
	u.t.Helper()
	u.toRoom(room, object{"type": "live-join", "data": liveID})
	u.hears(room, "open", object{"clientId": liveID})
}

// heapBytes is what the program holds after a collection.
func (s *server) heapBytes() int {
	s.t.Helper()
	_, body, err := s.admin("/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		s.t.Fatal(err)
	}
	m := regexp.MustCompile(`# HeapAlloc = (\d+)`).FindStringSubmatch(body)
	if m == nil {
		s.t.Fatalf("no HeapAlloc in %.200s", body)
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// TestCallAttackLongIDs: ids of peers who are not there cannot make the server hold what
// somebody sends, nor come back as they are.
func TestCallAttackLongIDs(t *testing.T) {
	s := newServer(t)
	s.plain = true
	s.localUsers("ada", "bo")
	s.ini.set("limits", "rate = 2000\nburst = 4000")
	s.start()
	ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), ws)
	room := ada.createRoom("")
	ada.add(room, bo)
	ada.joinCall(room)
	bo.joinCall(room)
	before := s.heapBytes()
	const events, size = 20, 1 << 20
	long := strings.Repeat("x", size)
	back := make(chan int, events)
	sink := func(text []byte) {
		if bytes.Contains(text, []byte(`"leave","data":{"peerId":"acc-`)) {
			back <- len(text)
		}
	}
	bo.client.sink.Store(&sink)
	for n := range events {
		bo.sendRaw(fmt.Sprintf(`{"type":"msg","data":{"type":"%s","data":{"type":"%s","data":{"type":"live","data":{"type":"acc-%d-%s","data":1}}}}}`, bo.id, room, n, long))
	}
	bo.client.sink.Store(nil)
	bo.barrier(room)
	if grown := s.heapBytes() - before; grown > events*size/4 {
		t.Errorf("%d events of %d bytes to nobody: the server holds %d MiB more", events, size, grown>>20)
	}
	select {
	case n := <-back:
		t.Errorf("an id of %d bytes came back", n)
	default:
	}
	ada.live(room, bo.id, "the end")
	bo.hears(room, ada.id, "the end")
}

// TestCallAttackLatePong: the former browser's pong, on its way when the account moved,
// does not make the leave behind it count.
func TestCallAttackLatePong(t *testing.T) {
	for _, over := range []transport{ws, tcp} {
		t.Run(string(over), func(t *testing.T) {
			s, ada, bo, _, room := aCall(t, over)
			other := s.login(t, local("bo"), over)
			other.joinAs(room, "lc-new")
			bo.hears(room, "close", object{"clientId": "lc-bo"})
			bo.live(room, "pong", "1000000000000") // to a ping from before the close
			bo.live(room, "leave", nil)            // to the close
			bo.sync()
			ada.inCall(room, ada, bo)
		})
	}
}

// TestCallAttackThreeBrowsers: of many joins of one account the last one is in, whatever
// leaves the others answer with.
func TestCallAttackThreeBrowsers(t *testing.T) {
	for _, over := range []transport{ws, tcp} {
		t.Run(string(over)+" one connection", func(t *testing.T) {
			_, ada, bo, _, room := aCall(t, over)
			for _, id := range []string{"lc-2", "lc-3"} {
				bo.toRoom(room, object{"type": "live-join", "data": id})
			}
			bo.hears(room, "close", object{"clientId": "lc-bo"})
			bo.hears(room, "close", object{"clientId": "lc-2"})
			bo.hears(room, "open", object{"clientId": "lc-3"})
			bo.live(room, "leave", nil)
			bo.live(room, "leave", nil)
			bo.barrier(room)
			ada.inCall(room, ada, bo)
		})
		t.Run(string(over)+" a connection each", func(t *testing.T) {
			s, ada, bo, _, room := aCall(t, over)
			bs := []*user{bo, s.login(t, local("bo"), over), s.login(t, local("bo"), over)}
			for n := range 30 {
				b := bs[n%3]
				b.joinAs(room, fmt.Sprint("lc-", n))
				for _, o := range bs {
					if o != b {
						o.live(room, "leave", nil)
						o.toRoom(room, object{"type": "live-leave"})
						o.sync()
					}
				}
			}
			ada.inCall(room, ada, bo)
			bs[2].live(room, "leave", nil) // the last one, for good
			bs[2].barrier(room)
			ada.inCall(room, ada)
		})
	}
}

// TestCallAttackBytes: the edges of what may be relayed.
func TestCallAttackBytes(t *testing.T) {
	for _, over := range []transport{ws, tcp} {
		t.Run(string(over), func(t *testing.T) {
			_, ada, bo, _, room := aCall(t, over)
			came := make(chan []byte, 64)
			keep := func(text []byte) {
				if !utf8.Valid(text) {
					t.Errorf("not UTF-8: %.200q", text)
				}
				if bytes.Contains(text, []byte(`marked`)) {
					came <- bytes.Clone(text)
				}
			}
			ada.client.sink.Store(&keep)
			send := func(data string) {
				bo.sendRaw(`{"type":"msg","data":{"type":"` + bo.id + `","data":{"type":"` + room + `","data":{"type":"live","data":{"type":"` + ada.id + `","data":` + data + `}}}}}`)
			}
			wants := func(data string) {
				t.Helper()
				select {
				case text := <-came:
					if !bytes.Contains(text, []byte(`"data":`+data)) {
						t.Errorf("%.200q\ncame as\n%.400q", data, text)
					}
				case <-time.After(patience):
					t.Fatalf("%.200q did not come", data)
				}
			}
			for _, data := range []string{
				`["marked","<a href='x'>&amp;</a>"]`,
				"[\"marked\",\"\u2028\u2029\u0085\"]",
				`["marked","\ud800","\udc00\ud800"]`,
				`{"marked":{"__proto__":{"x":1},"constructor":null,"requestId":"r","type":"msg"}}`,
				`["marked",-0,1E+2,1e-400,0.1e1]`,
				`["marked","` + strings.Repeat("x", 65536-len(`["marked",""]`)) + `"]`,
			} {
				send(data)
				wants(data)
			}
			for _, data := range []string{ // nothing of these comes
				"[\"marked\",\"\xff\xfe\"]", "[\"marked\",\"\xed\xa0\x80\"]", "[\"marked\",\"\xc0\xaf\"]",
				`["marked","` + strings.Repeat("x", 65537-len(`["marked",""]`)) + `"]`,
			} {
				send(data)
			}
			for depth := 9985; depth <= 10_005 && over == ws; depth++ { // near what the decoder takes
				send(strings.Repeat("[", depth) + strings.Repeat("]", depth))
			}
			send(`"marked the end"`)
			wants(`"marked the end"`)
		})
	}
}

// TestCallAttackLimit: who is in stays when the limit is lowered; others do not come in,
// by whatever event.
func TestCallAttackLimit(t *testing.T) {
	_, ada, bo, cy, room := aCall(t, ws)
	full := func(data any, typ string) {
		cy.toRoom(room, object{"type": typ, "data": data})
		f := cy.expect(cy.inRoom(room, object{"type": "live", "data": object{"type": "close", "data": object{"clientId": anything}}}))
		if id := dig(f, "data", "data", "data", "data", "data", "clientId"); id != nil {
			t.Errorf("close says %v", id)
		}
	}
	ada.toRoom(room, object{"type": "settings", "data": object{"type": "setting", "data": object{"setting": "userLimit", "value": 1}}})
	ada.barrier(room)
	full("lc-cy", "live-join")
	full(object{"clientId": "lc-cy", "sessionId": "ls-foreign"}, "live-restore")
	full(object{"clientId": "lc-cy", "features": list{nil, 7, object{}, "ice-restart", list{"ice-restart"}}}, "live-join")
	ada.inCall(room, ada, bo)
	bo.joinAs(room, "lc-moved") // in the place of the former browser
	bo.toRoom(room, object{"type": "live-restore", "data": object{"clientId": "lc-moved", "sessionId": "ls-foreign", "features": "ice-restart"}})
	bo.hears(room, "open", object{"clientId": "lc-moved"})
	bo.hears(room, "peers", object{"peerIds": list{ada.id, bo.id}})
	ada.inCall(room, ada, bo)
	bo.live(room, "leave", nil) // swallowed: it may be the echo
	bo.live(room, "leave", nil)
	bo.barrier(room)
	full("lc-cy", "live-join")
	ada.live(room, "leave", nil)
	ada.barrier(room)
	ada.inCall(room)
	cy.toRoom(room, object{"type": "live-restore", "data": object{"clientId": "lc-cy", "sessionId": "ls-of-the-past", "features": object{}}})
	cy.hears(room, "open", object{"clientId": "lc-cy"})
	cy.hears(room, "peers", object{"peerIds": list{cy.id}})
	ada.inCall(room, cy)
}

// TestCallAttackOut: whoever is out of the room is out of the call, and out of reach.
func TestCallAttackOut(t *testing.T) {
	for _, over := range []transport{ws, tcp} {
		t.Run(string(over), func(t *testing.T) {
			s, ada, bo, cy, room := aCall(t, over)
			cy.joinCall(room)
			guest := s.guest(t, over, room, ada.token(room, "public"), "Gus")
			guest.toRoom(room, object{"type": "live-join", "data": "lc-gus"})
			guest.hears(room, "open", object{"clientId": "lc-gus"})
			ada.inCall(room, ada, bo, cy, guest)

			guest.send(object{"type": "session", "data": nil})
			ada.hears(room, "leave", object{"peerId": guest.id})
			cy.send(object{"type": "session", "data": nil})
			ada.hears(room, "leave", object{"peerId": cy.id})
			bo.toRoom(room, object{"type": "leave", "data": nil})
			ada.hears(room, "leave", object{"peerId": bo.id})
			for _, typ := range []string{"live-join", "live-restore", "live-leave", "live"} {
				bo.toRoom(room, object{"type": typ, "data": object{"type": ada.id, "clientId": "lc-bo", "data": "from outside"}})
			}
			bo.sync()
			ada.inCall(room, ada)
			ada.refute(ada.inRoom(room, object{"type": "live", "data": object{"type": bo.id}}))
		})
	}
}

// TestCallAttackRestart: after a restart of the server whoever restores is in a new
// session, the same one for all.
func TestCallAttackRestart(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada", "bo")
	s.start()
	ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), tcp)
	room := ada.createRoom("Hall")
	ada.add(room, bo)
	ada.joinCall(room)
	bo.toRoom(room, object{"type": "live-join", "data": "lc-bo"})
	f := bo.expect(bo.inRoom(room, object{"type": "live", "data": object{"type": "open", "data": object{"clientId": "lc-bo"}}}))
	was := dig(f, "data", "data", "data", "data", "data", "live", "sessionId")
	s.restart()
	var sessions []any
	for _, p := range []string{"ada", "bo"} {
		u := s.login(t, local(p), ws)
		u.expect(u.event(object{"type": "join", "data": object{"joined": object{"clientId": room}}}))
		u.toRoom(room, object{"type": "live-restore", "data": object{"clientId": "lc-" + p, "sessionId": was}})
		f := u.expect(u.inRoom(room, object{"type": "live", "data": object{"type": "open", "data": object{"clientId": "lc-" + p}}}))
		u.hears(room, "peers", anything)
		sessions = append(sessions, dig(f, "data", "data", "data", "data", "data", "live", "sessionId"))
	}
	if sessions[0] == nil || sessions[0] == was || sessions[0] != sessions[1] {
		t.Errorf("sessions %v after %v", sessions, was)
	}
}

// TestCallAttackSlowReader: who does not read in a call is cut off without harm to others.
func TestCallAttackSlowReader(t *testing.T) {
	_, ada, bo, cy, room := aCall(t, tcp)
	cy.joinCall(room)
	cy.client.mu.Lock() // its reader waits for this
	data := strings.Repeat("x", 60_000)
	for n := range 300 { // 18 MB, more than its queue and the sockets hold
		ada.live(room, cy.id, data)
		if n%10 == 0 {
			ada.live(room, bo.id, n)
			bo.hears(room, ada.id, n)
		}
	}
	cy.client.mu.Unlock()
	cy.expectEnd()
	ada.live(room, bo.id, "the end")
	bo.hears(room, ada.id, "the end")
}

// TestCallAttackStorm: whatever peers do, in the end the room state names who is in, and
// they hear each other.
func TestCallAttackStorm(t *testing.T) {
	const seed, people, steps = 20261125, 6, 1500
	s := newServer(t)
	var logins []string
	for n := range people {
		logins = append(logins, fmt.Sprintf("user%d", n))
	}
	s.localUsers(logins...)
	s.ini.set("limits", "rate = 100000\nburst = 100000")
	s.start()
	random := rand.New(rand.NewPCG(seed, 1))
	var users []*user
	for n, l := range logins {
		users = append(users, s.login(t, local(l), []transport{ws, tcp}[n%2]))
	}
	room := users[0].createRoom("")
	for _, u := range users[1:] {
		users[0].add(room, u)
	}
	types := []string{"leave", "pong", "broadcast", "quality", "speaking", "mode", "proxy", "", "acc-nobody", "guest-x", "__proto__", "acc-"}
	for range steps {
		u := users[random.IntN(people)]
		data := randomValue(random, 3)
		switch n := random.IntN(20); {
		case n < 3:
			u.toRoom(room, object{"type": "live-join", "data": fmt.Sprint("lc-", random.IntN(3))})
		case n < 4:
			u.toRoom(room, object{"type": "live-restore", "data": object{"clientId": fmt.Sprint("lc-", random.IntN(3)), "features": data}})
		case n < 5:
			u.toRoom(room, object{"type": "live-leave", "data": data})
		case n < 6:
			u.toRoom(room, object{"type": []string{"live-join", "live-restore", "live"}[random.IntN(3)], "data": data})
		case n < 7:
			u.live(room, "mode", object{"type": "presentation", "enable": data})
		case n < 8:
			u.live(room, "quality", []string{"low", "high", "normal", "medium"}[random.IntN(4)])
		case n < 12:
			u.live(room, types[random.IntN(len(types))], data)
		default:
			u.live(room, users[random.IntN(people)].id, data)
		}
	}
	for _, u := range users {
		u.barrier(room)
	}
	in := map[string]bool{}
	for _, id := range asList(users[0].roomState(room)["peers"]) {
		in[fmt.Sprint(id)] = true
	}
	for _, u := range users { // what each one heard of joins and leaves adds up to that
		heard := map[string]bool{}
		for _, f := range u.all() {
			live := dig(f, "data", "data", "data")
			if dig(live, "type") != "live" {
				continue
			}
			id := fmt.Sprint(dig(live, "data", "data", "peerId"))
			switch {
			case dig(live, "data", "type") == "join":
				heard[id] = true
			case dig(live, "data", "type") == "leave" && strings.HasPrefix(id, "acc-"):
				delete(heard, id)
			}
		}
		if len(heard) != len(in) {
			t.Errorf("%s believes in %v, the room in %v", u.label, heard, in)
		}
	}
	for n, u := range users {
		u.toRoom(room, object{"type": "live-join", "data": fmt.Sprint("lc-end-", n)})
		u.hears(room, "open", object{"clientId": fmt.Sprint("lc-end-", n)})
	}
	users[0].inCall(room, users...)
	for _, a := range users {
		for _, b := range users {
			if a != b {
				a.live(room, b.id, "the end of "+a.id)
				b.hears(room, a.id, "the end of "+a.id)
			}
		}
	}
}
