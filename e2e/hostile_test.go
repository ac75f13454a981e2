package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// malformed are messages that no client should send, each in the place of a
// message to the server. ACC and ROOM stand for ids of the sender.
var malformed = []string{
	`null`, `5`, `"text"`, `[]`, `{}`, `true`, `[[[[[[]]]]]]`, ` `,
	`{"type":null}`, `{"type":5}`, `{"type":""}`, `{"type":{}}`, `{"type":[],"data":[]}`, `{"data":1}`,
	`{"type":"msg"}`, `{"type":"msg","data":null}`, `{"type":"msg","data":5}`, `{"type":"msg","data":[]}`,
	`{"type":"msg","data":{}}`, `{"type":"msg","data":{"type":null}}`, `{"type":"msg","data":{"type":"x"}}`,
	`{"type":"msg","data":{"type":{"a":1},"data":{"type":"initialize"}}}`,
	`{"type":"authenticate"}`, `{"type":"authenticate","data":null}`, `{"type":"authenticate","data":{"type":"other"}}`,
	`{"type":"authenticate","data":{"type":"authid","data":null}}`,
	`{"type":"authenticate","data":{"type":"authid","data":{"login":"ada"}}}`,
	`{"type":"authenticate","data":{"type":"authid","data":{"login":"ada","tokens":null}}}`,
	`{"type":"authenticate","data":{"type":"authid","data":{"login":{},"tokens":{"authId":[]}}}}`,
	`{"type":"authenticate","data":{"type":"anon-invite","data":{"tokens":{"token":"public-5","roomId":"room-7"}}}}`,
	`{"type":"authenticate","data":{"type":"anon-invite","data":{"tokens":null,"identity":null}}}`,
	`{"type":"session"}`, `{"type":"session","data":5}`, `{"type":"session","data":{}}`, `{"type":"session","data":""}`,
	`{"type":"ping"}`, `{"type":"ping","data":{"a":[1,2,3]}}`, `{"type":"pong"}`, `{"type":"pong","data":"x"}`,
	`{"type":"verify"}`, `{"type":"verify","data":{"a":1}}`, `{"type":"nonsense","data":{}}`,
	`{"type":"msg","data":{"type":"login"}}`, `{"type":"msg","data":{"type":"login","data":null}}`,
	`{"type":"msg","data":{"type":"login","data":{"fUserId":{},"fUsername":[]}}}`,
	`{"type":"msg","data":{"type":"create","data":{"a":1}}}`,
	`{"type":"msg","data":{"type":"ACC","data":null}}`, `{"type":"msg","data":{"type":"ACC","data":[]}}`,
	`{"type":"msg","data":{"type":"ACC","data":{}}}`, `{"type":"msg","data":{"type":"ACC","data":{"type":5}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"requestId":"r"}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"requestId":{},"type":"room-create"}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"requestId":"r","type":"nonsense"}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"room-join","data":null}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"room-join","data":{"invite":null}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"room-join","data":{"invite":{"token":"public-x","roomId":"room-x"}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"room-join","data":{"invite":{"token":["x"],"roomId":{}}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"room-get","data":{}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"room-create","requestId":"r","data":5}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"room-create","requestId":"r","data":{"name":{"a":1}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"contact","data":{"type":"open-chat","data":"acc-nobody"}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"contact","data":null}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"avatar","data":{"avatar":5}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"search-user","requestId":"r","data":{"needle":{}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"search-user","requestId":"r","data":{"needle":"%_\\%"}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"friend-get","requestId":"r","data":null}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"identity","data":null}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"identity","data":{"type":"get","requestId":"r","data":{}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"identity","data":{"type":"get-list","requestId":"r","data":[5,null,{}]}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"identity","data":{"type":"refresh","requestId":"r","data":{"x":"y"}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":null}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"nonsense","requestId":"r"}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"persist","data":{"name":5}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"active","data":null}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"chat","data":null}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"chat","data":{"type":"msg","data":{"message":["x"]}}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"chat","data":{"type":"msg","data":{"message":"\u0000\ud800"}}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"chat","data":{"type":"log","data":{"firstTime":"x","length":-5}}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"chat","data":{"type":"log","data":{"lastTime":1e308,"length":1e9}}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"chat","data":{"type":"state","data":null}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"chat","data":{"type":"confirm","data":{"type":"message","eventId":null}}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"chat","data":{"type":"confirm","data":{"type":"message","eventId":"msg-x"}}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"invite","data":{"type":"room-add","data":{"clientId":"acc-nobody"}}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"invite","data":{"type":"revoke","data":{}}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"invite","data":{"type":"public","data":5}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"settings","data":{"type":"setting","data":{"setting":{},"value":[]}}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"settings","data":{"type":"setting","data":{"setting":"userLimit","value":-1e300}}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"ROOM","data":{"type":"live","data":{"type":"join"}}}}}`,
	`{"type":"msg","data":{"type":"ACC","data":{"type":"room-unknown","data":{"type":"chat","data":{"type":"msg","data":{"message":"x"}}}}}}`,
}

// broken are texts that are no JSON at all.
var broken = []string{"{", "}", `{"type":"msg",`, "\xff\xfe", "nul", `{"a":1}}`, "\x00", `{"type":"\u12"}`, "-", `"`}

// stages are the points of a login at which a peer turns hostile.
var stages = []string{"challenged", "account stage", "attached"}

// peer brings a connection to a stage.
func (s *server) peer(t *testing.T, tr transport, stage string) *user {
	t.Helper()
	u := &user{client: s.dial(t, stage, tr), person: local("eve")}
	if stage == "challenged" {
		u.expect(object{"type": "authenticate"})
		return u
	}
	u.authenticate()
	u.expect(object{"type": "authenticate", "data": true})
	if stage == "attached" {
		u.enter()
		u.initialize()
	}
	return u
}

// witness is a pair of users in a room by whom a test tells that the server works.
type witness struct {
	ada, bo *user
	room    string
	count   int
}

func (s *server) witness(t *testing.T) *witness {
	t.Helper()
	w := &witness{ada: s.login(t, local("ada"), ws), bo: s.login(t, local("bo"), tcp)}
	w.room = w.ada.createRoom("Witness")
	w.ada.add(w.room, w.bo)
	return w
}

// works fails if the server does not do its work.
func (w *witness) works() {
	w.ada.t.Helper()
	w.count++
	text := fmt.Sprint("still there ", w.count)
	w.ada.say(w.room, text)
	w.bo.sees(w.room, text)
}

func hostileServer(t *testing.T) *server {
	s := newServer(t)
	s.localUsers("ada", "bo", "eve")
	s.ini.set("limits", "rate = 100000\nburst = 100000\nfailures_per_address = 100000")
	return s.start()
}

// TestMalformedMessages: none of them, at whatever stage, ends the process or harms
// others. Each comes on a connection of its own, for some end the connection.
func TestMalformedMessages(t *testing.T) {
	s := hostileServer(t)
	w := s.witness(t)
	for _, tr := range []transport{ws, tcp} {
		for _, stage := range stages {
			t.Run(fmt.Sprint(tr, " ", stage), func(t *testing.T) {
				room := ""
				for _, text := range append(malformed, broken...) {
					eve := s.peer(t, tr, stage)
					if stage == "attached" && room == "" {
						room = eve.createRoom("")
					}
					text = strings.NewReplacer("ACC", eve.id, "ROOM", room).Replace(text)
					eve.sendRaw(text)
					eve.close()
				}
				w.works()
			})
		}
	}
}

// TestMalformedInARow: an attached client that sends them all on one connection is
// still served, but for what the protocol says ends it.
func TestMalformedInARow(t *testing.T) {
	s := hostileServer(t)
	w := s.witness(t)
	eve := s.peer(t, ws, "attached")
	room := eve.createRoom("Eve's")
	for _, text := range malformed {
		if strings.Contains(text, `"type":"session"`) {
			continue // a farewell
		}
		text = strings.NewReplacer("ACC", eve.id, "ROOM", room).Replace(text)
		if err := eve.trySendRaw([]byte(text)); err != nil {
			t.Fatalf("the connection ended before %s", text)
		}
	}
	eve.barrier(room)
	if state := eve.roomState(room); dig(state, "settings", "userLimit") != 0.0 {
		t.Errorf("a nonsense value was taken for the user limit: %s", show(state["settings"]))
	}
	w.works()
}

// TestRandomMessages sends what a fuzzer would: valid messages with parts taken
// out, doubled, swapped and replaced.
func TestRandomMessages(t *testing.T) {
	const seed, rounds, perRound = 20261124, 30, 100
	s := hostileServer(t)
	w := s.witness(t)
	random := rand.New(rand.NewPCG(seed, 1))
	for round := range rounds {
		tr := []transport{ws, tcp}[round%2]
		eve := s.peer(t, tr, stages[round%len(stages)])
		room := ""
		if eve.id != "" {
			room = eve.createRoom("")
		}
		replace := strings.NewReplacer("ACC", eve.id, "ROOM", room)
		for range perRound {
			text := mutate(random, malformed[random.IntN(len(malformed))])
			if eve.trySendRaw([]byte(replace.Replace(text))) != nil {
				break // the server ended it
			}
		}
		eve.close()
		if !s.proc.running() {
			t.Fatalf("the process ended in round %d of seed %d", round, seed)
		}
	}
	w.works()
}

// mutate changes a JSON text, mostly in ways that keep it JSON.
func mutate(r *rand.Rand, text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil || r.IntN(10) == 0 {
		raw := []byte(text)
		for range 1 + r.IntN(4) {
			raw[r.IntN(len(raw))] = byte(r.IntN(256))
		}
		return string(raw)
	}
	for range 1 + r.IntN(3) {
		v = mutateValue(r, v)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(out)
}

func mutateValue(r *rand.Rand, v any) any {
	o, ok := v.(object)
	if !ok || len(o) == 0 || r.IntN(4) == 0 {
		return randomValue(r, 3)
	}
	keys := make([]string, 0, len(o))
	for key := range o {
		keys = append(keys, key)
	}
	key := keys[r.IntN(len(keys))]
	switch r.IntN(6) {
	case 0:
		delete(o, key)
	case 1:
		o["requestId"] = randomValue(r, 1)
	default:
		o[key] = mutateValue(r, o[key])
	}
	return o
}

func randomValue(r *rand.Rand, depth int) any {
	words := []string{"", "msg", "chat", "initialize", "room-create", "leave", "ACC", "ROOM", "\x00", "é👋", strings.Repeat("x", 5000)}
	switch n := r.IntN(8); {
	case n == 0:
		return nil
	case n == 1:
		return r.Float64() * 1e20
	case n == 2:
		return r.IntN(2) == 0
	case n == 3 && depth > 0:
		return list{randomValue(r, depth-1), randomValue(r, depth-1)}
	case n == 4 && depth > 0:
		return object{words[r.IntN(len(words))]: randomValue(r, depth-1), "type": randomValue(r, depth-1)}
	}
	return words[r.IntN(len(words))]
}

// TestTooLong: a message that is longer than allowed ends the connection; what is
// within the limit does not (docs/protocol.md 1.8).
func TestTooLong(t *testing.T) {
	s := hostileServer(t)
	w := s.witness(t)
	long := func(n int) string { return `{"type":"nonsense","data":"` + strings.Repeat("x", n-30) + `"}` }
	for _, tr := range []transport{ws, tcp} {
		t.Run(string(tr), func(t *testing.T) {
			stranger := s.peer(t, tr, "challenged")
			_ = stranger.trySendRaw([]byte(long(65 << 10)))
			if code := stranger.expectEnd(); tr == ws && code != 1009 {
				t.Errorf("close code %d before login, want 1009", code)
			}
			eve := s.peer(t, tr, "attached")
			eve.sendRaw(long(1 << 20))
			eve.initialize()
			_ = eve.trySendRaw([]byte(long(5 << 20)))
			if code := eve.expectEnd(); tr == ws && code != 1009 {
				t.Errorf("close code %d after login, want 1009", code)
			}
		})
	}
	w.works()
}

// TestTextsUpToTheLimit: a text of exactly the allowed length comes through and is
// stored; a longer one is refused, and shown to nobody.
func TestTextsUpToTheLimit(t *testing.T) {
	s := hostileServer(t)
	w := s.witness(t)
	fits := strings.Repeat("é", 16<<10) // 32 KiB
	w.ada.say(w.room, fits)
	w.bo.sees(w.room, fits)
	w.ada.say(w.room, fits+"!")
	w.ada.expect(w.ada.inRoom(w.room, chat("error", object{"error": "ERR_MESSAGE_TOO_LONG"})))
	w.works()
	w.bo.refute(w.bo.inRoom(w.room, chat("msg", object{"message": fits + "!"})))
	if texts := w.bo.logOf(w.room); len(texts) != 2 || texts[0] != fits {
		t.Errorf("%d messages in the log, want 2", len(texts))
	}
}

// TestSlowReader: who does not read is cut off; the others notice nothing.
func TestSlowReader(t *testing.T) {
	s := hostileServer(t)
	w := s.witness(t)
	eve, err := s.connect(tcp)
	if err != nil {
		t.Fatal(err)
	}
	slow := newClient(t, "slow", eve)
	u := &user{client: slow, person: local("eve")}
	u.authenticate()
	u.expect(object{"type": "authenticate", "data": true})
	u.enter()
	u.initialize()
	w.ada.add(w.room, u)
	// From here on the reader of this connection is not used: its decoder waits for
	// the lock that the test holds.
	slow.mu.Lock()
	text := strings.Repeat("x", 30<<10)
	for range 600 { // 18 MiB, more than its queue and the socket buffers hold
		w.ada.say(w.room, text)
		w.bo.sees(w.room, text)
	}
	w.works()
	slow.mu.Unlock()
	u.expectEnd()
}

// TestBytesBeforeLogin: peers that do not log in cannot make the server hold more
// than 64 KiB each (docs/protocol.md 1.8).
func TestBytesBeforeLogin(t *testing.T) {
	const peers, limitKiB, messageKiB = 500, 64, 12
	for _, tr := range []transport{ws, tcp} {
		t.Run(string(tr), func(t *testing.T) {
			s := newServer(t)
			s.plain = true // the race detector would multiply the memory
			s.localUsers("ada", "bo")
			s.ini.set("session", "login_timeout = 5m")
			s.start()
			w := s.witness(t)
			open := func() []*client {
				var all []*client
				for n := range peers {
					c := s.dial(t, fmt.Sprint("peer ", n), tr)
					c.expect(object{"type": "authenticate"})
					all = append(all, c)
				}
				return all
			}
			idle := open()
			w.works()
			before := s.proc.residentKiB()
			// Nearly a whole message, without its end.
			text := []byte(`{"type":"authenticate","data":"` + strings.Repeat("x", messageKiB<<10-100))
			for _, c := range idle {
				if err := c.wire.(partial).sendPart(text); err != nil {
					t.Fatal(err)
				}
			}
			w.works()
			for _, c := range idle {
				c.stillOpen()
			}
			grown := float64(s.proc.residentKiB()-before) / peers
			t.Logf("%.1f KiB for each peer that sent %d KiB without logging in", grown, messageKiB)
			if grown > limitKiB {
				t.Errorf("the process holds %.1f KiB more for each peer, at most %d are allowed", grown, limitKiB)
			}
		})
	}
}

// stillOpen fails if the server has ended the connection.
func (c *client) stillOpen() {
	c.t.Helper()
	select {
	case <-c.done:
		c.t.Fatalf("%s: the server has ended the connection: %v", c.label, c.ended)
	default:
	}
}

// partial sends the beginning of a message.
type partial interface{ sendPart(text []byte) error }

func (w *tcpWire) sendPart(text []byte) error { return w.send(text) }

// sendPart sends a frame whose header promises more than follows.
func (w *wsWire) sendPart(text []byte) error {
	var frame bytes.Buffer
	size := uint64(len(text)) + 512
	frame.Write([]byte{0x81, 0x80 | 127})
	for shift := 56; shift >= 0; shift -= 8 {
		frame.WriteByte(byte(size >> shift))
	}
	frame.Write([]byte{0, 0, 0, 0}) // a mask that changes nothing
	frame.Write(text)
	_, err := w.conn.NetConn().Write(frame.Bytes())
	return err
}
