package rooms

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// call joins the call of a room and forgets what that caused.
func (p *person) call(room RoomID, liveID string) {
	p.w.t.Helper()
	p.to(room, "", "live-join", liveID, "")
	p.got(`"type":"open"`, `"clientId":"`+liveID+`"`)
}

// live sends a live event.
func (p *person) live(room RoomID, typ string, data any) {
	p.to(room, "live", typ, data, "")
	p.w.settle()
}

// left is the word that somebody is out of the call.
func left(p *person) string {
	return fmt.Sprintf(`"live","data":{"type":"leave","data":{"peerId":%q}}`, p.id)
}

// TestCallIsTold: everybody in the room hears who comes to the call and goes; only those
// in it hear the rest.
func TestCallIsTold(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		bo.say(room, "before the call")
		ada.take()
		bo.take()
		ada.to(room, "", "live-join", "lc-1", "r-1")
		frames := ada.take()
		inOrder(t, frames, `"speaking"`, `"quality"`, `"type":"join"`, `"type":"open"`, `"requestId":"r-1"`)
		open := frames[index(frames, `"type":"open"`)]
		for _, part := range []string{
			`"ICE":[{"urls":["stun:stun.example.test"]},{"urls":["turn:turn.example.test"],"username":"user-of-` + string(ada.id),
			`"peerList":["` + string(ada.id) + `"]`, `"message":"before the call"`, `"topology":"peer"`, `"sourceId":null`, `"isRecording":null`,
		} {
			if !strings.Contains(open, part) {
				t.Errorf("%s is not in %s", part, open)
			}
		}
		if frames := bo.take(); len(frames) != 1 || index(frames, `"type":"join","data":{"peerId":"`+string(ada.id)) != 0 {
			t.Errorf("bo heard %q", frames)
		}
		if peers := bo.state(room).Peers; len(peers) != 1 || peers[0] != ada.id {
			t.Errorf("in the call are %q", peers)
		}
		bo.call(room, "lc-2")
		ada.take()
		bo.live(room, string(ada.id), map[string]any{"type": "sync", "data": 7})
		ada.got(`"live","data":{"type":"` + string(bo.id) + `","data":{"data":7,"type":"sync"}}`)
		bo.to(room, "", "live-leave", nil, "")
		bo.got(`"close","data":{"clientId":null,"sessionId":"ls-`)
		ada.got(left(bo))
	})
}

// TestCallEndsWithMembership: whoever is out of the room is out of its call.
func TestCallEndsWithMembership(t *testing.T) {
	for name, end := range map[string]func(w *world, room RoomID, ada, bo *person){
		"leaves the room": func(_ *world, room RoomID, _, bo *person) { bo.to(room, "", "leave", nil, "") },
		"is removed": func(_ *world, room RoomID, ada, bo *person) {
			ada.to(room, "settings", "setting", map[string]any{"setting": "authorized", "value": map[string]any{"clientId": bo.id}}, "")
		},
		"logs out": func(_ *world, _ RoomID, _, bo *person) { bo.logout() },
		"is lost": func(w *world, _ RoomID, _, bo *person) {
			w.hub.Hide(bo.id)
			w.pass(callGrace)
		},
		"is silent": func(w *world, room RoomID, ada, _ *person) {
			for range 10 {
				w.pass(4 * time.Second)
				ada.live(room, "pong", "0")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
				ada.call(room, "lc-1")
				bo.call(room, "lc-2")
				ada.take()
				end(w, room, ada, bo)
				ada.got(left(bo))
				if peers := ada.state(room).Peers; len(peers) != 1 || peers[0] != ada.id {
					t.Errorf("in the call are %q", peers)
				}
			})
		})
	}
}

// TestCallOutlivesALostConnection: nobody hears of it, and all goes on.
func TestCallOutlivesALostConnection(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		ada.call(room, "lc-1")
		bo.call(room, "lc-2")
		ada.take()
		w.hub.Hide(bo.id)
		w.pass(callGrace - time.Second)
		w.hub.Show(bo.id)
		w.pass(4 * time.Second)
		bo.take()
		bo.to(room, "", "live-restore", map[string]any{"clientId": "lc-2"}, "")
		inOrder(t, bo.take(), `"type":"open"`, `"type":"peers","data":{"peerIds":["`+string(ada.id))
		w.pass(4 * time.Second)
		for _, f := range ada.take() {
			if strings.Contains(f, `"live"`) && !strings.Contains(f, `"ping"`) {
				t.Errorf("ada heard %s", f)
			}
		}
	})
}

// TestRestartIsAskedFor somebody who comes back, if both understand it.
func TestRestartIsAskedFor(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		for _, p := range []*person{ada, bo} {
			p.to(room, "", "live-join", map[string]any{"clientId": "lc-" + string(p.id), "features": []string{"x", "ice-restart"}}, "")
		}
		ada.take()
		bo.take()
		w.hub.Hide(bo.id)
		w.pass(time.Second)
		w.hub.Resumed(bo.id, bo.address().Conn)
		w.hub.Show(bo.id)
		w.settle()
		bo.got(`"ice-restart","data":{"clientId":"lc-` + string(bo.id) + `","peerIds":["` + string(ada.id) + `"],"ICE":[{"urls":["stun:`)
		bo.to(room, "", "live-restore", map[string]any{"clientId": "lc-" + string(bo.id), "features": []string{"ice-restart"}}, "")
		inOrder(t, bo.take(), `"open"`, `"peers"`)
		bo.gotNone("ice-restart")
		ada.gotNone("ice-restart")
	})
}

// TestHiddenAddresses: what the owner sets counts from the next call of the room on.
func TestHiddenAddresses(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		w.relays.hide = true
		const host = "candidate:1 1 udp 1 192.168.1.7 50000 typ host"
		const relay = "candidate:1 1 udp 1 203.0.113.7 50000 typ relay raddr 0.0.0.0 rport 0"
		ada.call(room, "lc-1")
		bo.call(room, "lc-2")
		ada.set(room, "hideAddresses", true)
		bo.got(`"setting":"hideAddresses","value":true`)
		bo.live(room, string(ada.id), host)
		ada.got(host)
		ada.to(room, "", "live-leave", nil, "")
		bo.to(room, "", "live-leave", nil, "")
		ada.take()

		ada.to(room, "", "live-join", "lc-3", "")
		ada.got(`"ICE":[{"urls":["turn:turn.example.test"],"username":"user-of-`, `"iceTransportPolicy":"relay"`)
		bo.call(room, "lc-4")
		ada.take()
		bo.live(room, string(ada.id), host)
		ada.gotNone(`"type":"` + string(bo.id))
		bo.live(room, string(ada.id), relay)
		ada.got(relay)

		ada.to(room, "", "live-leave", nil, "")
		bo.to(room, "", "live-leave", nil, "")
		w.relays.hide = false // the built-in server is off from now on
		bo.take()
		bo.ask(room, "", "live-join", "lc-5").fails(t, "ERR_NO_RELAY")
		ada.ask(room, "settings", "setting", map[string]any{"setting": "hideAddresses", "value": false}).fails(t, "ERR_NO_RELAY")
	})
}

// TestCallLimit: one too many is told so; one-to-one rooms have no limit.
func TestCallLimit(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		ada.set(room, "userLimit", 1)
		ada.call(room, "lc-1")
		bo.take()
		bo.ask(room, "", "live-join", "lc-2").fails(t, "ERR_CALL_FULL")
		ada.gotNone(`"type":"join"`)
		ada.call(room, "lc-1") // who is in stays
		ada.to(room, "", "live-leave", nil, "")
		bo.call(room, "lc-2")
	})
}

func TestCallsInOtherRooms(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		gus := w.guest(room, ada.publicToken(room), "Gus")
		gus.call(room, "glc-1")
		ada.got(`"join","data":{"peerId":"` + string(gus.id))
		gus.logout()
		ada.got(left(gus))

		bo.request("relation-add", map[string]any{"clientId": ada.id})
		bo.call(RoomID(ada.id), "lc-b")
		ada.got(`{"type":"`+string(bo.id), `"live","data":{"type":"join","data":{"peerId":"`+string(bo.id))
		ada.call(RoomID(bo.id), "lc-a")
		bo.live(RoomID(ada.id), string(ada.id), 7)
		ada.got(`{"type":"`+string(bo.id), `"live","data":{"type":"`+string(bo.id)+`","data":7}`)
		ada.send("initialize", nil, "")
		ada.got(`"initialize"`, `"peers":["`+string(bo.id)+`","`+string(ada.id)+`"]`)
	})
}

// TestCallsInWorkRooms: members and members of the parent take part; viewers neither
// do nor hear of it.
func TestCallsInWorkRooms(t *testing.T) {
	inOffice(t, asShipped, func(t *testing.T, o *office) {
		for _, p := range []*person{o.sue, o.bo, o.eve} {
			p.take()
		}
		o.bo.call(o.dock, "lc-bo")
		o.sue.got(`{"type":"`+string(o.dock), `"join","data":{"peerId":"`+string(o.bo.id))
		o.sue.call(o.dock, "lc-sue")
		o.sue.call(o.board, "lc-sue")
		o.eve.gotNone(`"live"`)
		o.eve.ask(o.board, "", "live-join", "lc-eve").fails(t, "ERR_NOT_ALLOWED")
		groups := officeGroups()
		groups[1].ParentID = ""
		o.bo.take()
		o.sync(groups...)
		inOrder(t, o.bo.take(), left(o.bo), `"type":"close","data":"`+string(o.dock))
	})
}
