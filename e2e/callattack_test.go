package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// aCall is a server with a room in which ada and bo are in a call and cy is not.
func aCall(t *testing.T, over transport) (s *server, ada, bo, cy *user, room string) {
	t.Helper()
	s = newServer(t)
	s.localUsers("ada", "bo", "cy")
	s.ini.set("limits", "rate = 2000\nburst = 4000")
	s.start()
	ada, bo, cy = s.login(t, local("ada"), over), s.login(t, local("bo"), over), s.login(t, local("cy"), over)
	room = ada.createRoom("")
	ada.add(room, bo)
	ada.add(room, cy)
	ada.joinCall(room)
	bo.joinCall(room)
	return s, ada, bo, cy, room
}

func (u *user) live(room, typ string, data any) {
	u.t.Helper()
	u.toRoom(room, object{"type": "live", "data": object{"type": typ, "data": data}})
}

// hears waits for a live event.
func (u *user) hears(room, typ string, data any) {
	u.t.Helper()
	u.expect(u.inRoom(room, object{"type": "live", "data": object{"type": typ, "data": data}}))
}

// TestCallRefusals: what has no place in a call, of whoever, does nothing and ends
// nothing; the call goes on (docs/protocol.md 16.1, 16.2, 16.4).
func TestCallRefusals(t *testing.T) {
	for _, over := range []transport{ws, tcp} {
		t.Run(string(over), func(t *testing.T) {
			_, ada, bo, cy, room := aCall(t, over)
			for _, data := range []any{nil, 7, true, "", list{}, list{"lc-1"}, object{}, object{"clientId": 7}, object{"clientId": nil}, strings.Repeat("x", 10_000)} {
				cy.toRoom(room, object{"type": "live-join", "data": data})
				cy.toRoom(room, object{"type": "live-restore", "data": data})
			}
			cy.toRoom(room, object{"type": "live-leave"})
			cy.live(room, "leave", nil)
			cy.live(room, ada.id, "from outside")
			cy.live(room, "quality", "low")
			for _, data := range []any{nil, 7, "x", list{}, object{}, object{"type": "presentation", "enable": "yes"}} {
				for _, typ := range []string{"quality", "speaking", "pong", "proxy", "mode", "setting", "screen-share", "view-switch", "", "__proto__", "constructor", strings.Repeat("t", 5000)} {
					if typ == "mode" && fmt.Sprint(data) == fmt.Sprint(object{"type": "presentation", "enable": "yes"}) || typ == "speaking" {
						continue // these mean something
					}
					bo.live(room, typ, data)
				}
			}
			for _, data := range []any{nil, 7, "x", list{}, object{"data": 1}, object{"type": 7}} {
				bo.toRoom(room, object{"type": "live", "data": data})
			}
			bo.live(room, bo.id, "to oneself")
			bo.live(room, ada.id, "the end")
			ada.hears(room, bo.id, "the end")
			cy.sync()
			for _, typ := range []string{cy.id, "mode", "proxy", "leave"} {
				ada.refute(ada.inRoom(room, object{"type": "live", "data": object{"type": typ}}))
			}
			ada.refute(ada.inRoom(room, object{"type": "live", "data": object{"type": "quality", "data": object{"level": "low"}}}))
			cy.refute(cy.inRoom(room, object{"type": "live", "data": object{"type": "open"}}))
			cy.refute(cy.inRoom(room, object{"type": "live", "data": object{"type": "close"}}))
			bo.refute(bo.inRoom(room, object{"type": "live", "data": object{"type": bo.id}}))
			for range 20 {
				bo.live(room, cy.id, "to somebody who is not in the call")
			}
			bo.hears(room, "leave", object{"peerId": cy.id})
			bo.sync()
			bo.refute(bo.inRoom(room, object{"type": "live", "data": object{"type": "leave"}}))
		})
	}
}

// TestCallRelaysBytes: data between peers stay as they came, but for blanks around them.
func TestCallRelaysBytes(t *testing.T) {
	_, ada, bo, _, room := aCall(t, ws)
	came := make(chan []byte, 16)
	keep := func(text []byte) {
		if bytes.Contains(text, []byte(`"marked"`)) {
			came <- bytes.Clone(text)
		}
	}
	ada.client.sink.Store(&keep)
	for _, data := range []string{
		`{"marked":1,"b":1e400,"a":12345678901234567890123,"a":0.10,"z":-0}`,
		`["marked","\u2028\ud83d\ude00\/\u0000","é",{"":null}]`,
		`{"marked":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`,
		`{"marked":"` + strings.Repeat("x", 60_000) + `"}`,
	} {
		frame := `{"type":"msg","data":{"type":"` + bo.id + `","data":{"type":"` + room + `","data":{"type":"live","data":{"type":"` + ada.id + `","data":%s}}}}}`
		bo.sendRaw(fmt.Sprintf(frame, `{"marked":"`+strings.Repeat("y", 1<<16)+`"}`)) // too large: dropped
		bo.sendRaw(fmt.Sprintf(frame, data))
		if text := <-came; !bytes.Contains(text, []byte(`"data":`+data)) {
			t.Errorf("%.200s\ncame as\n%.400s", data, text)
		}
	}
}

// TestCallFlood: who sends without end is slowed, then out of the call; what others send
// comes whole and in order.
func TestCallFlood(t *testing.T) {
	_, ada, bo, cy, room := aCall(t, ws)
	cy.joinCall(room)
	gone := make(chan struct{})
	out := []byte(`"leave","data":{"peerId":"` + bo.id)
	seen := func(text []byte) {
		if bytes.Contains(text, out) {
			close(gone)
		}
	}
	cy.client.sink.Store(&seen)
	flooding := make(chan int)
	go func() {
		frame := []byte(`{"type":"msg","data":{"type":"` + bo.id + `","data":{"type":"` + room + `","data":{"type":"live","data":{"type":"` + cy.id + `","data":"flood"}}}}}`)
		for n := 0; ; n++ {
			select {
			case <-gone:
				flooding <- n
				return
			default:
			}
			if bo.trySendRaw(frame) != nil {
				flooding <- n
				return
			}
		}
	}()
	for n := range 100 {
		cy.live(room, ada.id, n)
		ada.hears(room, cy.id, n)
	}
	if n := <-flooding; n < 12_000 {
		t.Errorf("bo was out after %d events", n)
	}
	cy.live(room, ada.id, "the end")
	ada.hears(room, "leave", object{"peerId": bo.id})
	ada.hears(room, cy.id, "the end")
}
