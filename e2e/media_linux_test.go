package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"

	"presence/transport/transporttest"
)

// mediaServer is a server with relays in a test's own network.
func mediaServer(t *testing.T, hide bool) (s *server, users []*user, room string) {
	t.Helper()
	s = newServer(t)
	s.ini["turn"] = nil
	s.ini.set("server", "domain = %s", serverIP)
	s.ini.set("turn", "enabled = true\nlisten = %s:3478\nrelay_ports = 40000-40199", serverIP)
	if hide {
		s.ini.set("turn", "hide_addresses = true")
	}
	s.localUsers("ada", "bo", "cy")
	s.start()
	for _, login := range []string{"ada", "bo", "cy"} {
		users = append(users, s.login(t, local(login), ws))
	}
	room = users[0].createRoom("")
	users[0].add(room, users[1])
	users[0].add(room, users[2])
	return s, users, room
}

func mesh(t *testing.T, users []*user, room string, choices map[string]mediaChoice) []*mediaPeer {
	t.Helper()
	var peers []*mediaPeer
	for _, u := range users {
		peers = append(peers, joinMedia(t, u, room))
	}
	connectMedia(t, choices, peers...)
	awaitMedia(t, peers...)
	return peers
}

// received are all frames that came, as text.
func (u *user) received(t *testing.T) (texts []string) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, f := range u.frames {
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

func wantPairs(t *testing.T, peers []*mediaPeer, want webrtc.ICECandidateType) {
	t.Helper()
	for _, m := range peers {
		for id, l := range m.links {
			if p := l.pair(t); p == nil || p.Local.Typ != want || p.Remote.Typ != want {
				t.Errorf("%s and %s use %v, want %v", m.login, id, p, want)
			}
		}
	}
}

// TestMediaDirect: sound and pictures go straight from each of three to the others.
func TestMediaDirect(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	_, users, room := mediaServer(t, false)
	wantPairs(t, mesh(t, users, room, nil), webrtc.ICECandidateTypeHost)
}

// TestMediaHidden: with hide_addresses all media is relayed, and nothing that a client
// receives tells where another one is, though one of them shows everything it has.
func TestMediaHidden(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	_, users, room := mediaServer(t, true)
	peers := mesh(t, users, room, map[string]mediaChoice{"bo": {ignorePolicy: true}})
	forged := "candidate:1 1 udp 2130706431 " + clientIP + " 40001 typ relay raddr 0.0.0.0 rport 0"
	peers[1].tell(peers[0].id, "candidate", object{"candidate": forged, "sdpMid": "0", "sdpMLineIndex": 0})
	escaped := strings.Replace(forged, clientIP, movedIP, 1)
	peers[1].sendRaw(`{"type":"msg","data":{"type":"` + peers[1].id + `","data":{"type":"` + room + `","data":{"type":"live","data":{"type":"` +
		peers[0].id + `","data":{"type":"webrtc-stream","data":{"type":"\u0063andidate","data":{"\u0063andidate":"\u0063` + escaped[1:] + `","sdpMid":"0"}}}}}}}}`)
	peers[1].tell(peers[0].id, "fence", nil)
	peers[0].expect(peers[0].inRoom(room, object{"type": "live", "data": object{"type": peers[1].id, "data": object{"data": object{"type": "fence"}}}}))
	awaitMedia(t, peers...)
	for _, m := range peers {
		for _, f := range m.received(t) {
			for _, secret := range []string{clientIP, movedIP, ".local"} {
				if strings.Contains(f, secret) {
					t.Errorf("%s learns %s: %s", m.login, secret, f)
				}
			}
		}
	}
	wantPairs(t, peers, webrtc.ICECandidateTypeRelay)
}

// TestMediaHiddenInRoom: one room hides addresses, another one does not.
func TestMediaHiddenInRoom(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	_, users, hidden := mediaServer(t, false)
	open := users[0].createRoom("")
	users[0].add(open, users[1])
	users[0].toRoom(hidden, object{"type": "settings", "data": object{"type": "setting", "data": object{"setting": "hideAddresses", "value": true}}})
	users[1].expect(users[1].inRoom(hidden, object{"type": "settings", "data": object{"type": "update", "data": object{"setting": "hideAddresses", "value": true}}}))
	wantPairs(t, mesh(t, users[:2], hidden, nil), webrtc.ICECandidateTypeRelay)
	wantPairs(t, mesh(t, users[:2], open, nil), webrtc.ICECandidateTypeHost)
}

// TestMediaOverTCP: TURN over TCP alone is enough.
func TestMediaOverTCP(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	_, users, room := mediaServer(t, false)
	only := mediaChoice{urls: []string{"turn:" + serverIP + ":3478?transport=tcp"}}
	choices := map[string]mediaChoice{"ada": only, "bo": only, "cy": only}
	wantPairs(t, mesh(t, users, room, choices), webrtc.ICECandidateTypeRelay)
}

// TestMediaOutlivesConnection: who loses the connection to the server goes on hearing
// and being heard; nobody is told, and the session is resumed into the same call. Only
// the one who was lost is asked to restart ICE, with both others.
func TestMediaOutlivesConnection(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	s, users, room := mediaServer(t, false)
	peers := mesh(t, users, room, nil)
	heard := []int{0, len(peers[1].received(t)), len(peers[2].received(t))}
	users[0].abort()
	awaitMedia(t, peers...)
	again := s.resume(t, users[0], ws)
	again.expect(object{"type": "session", "data": users[0].session})
	peers[0].resumed(again)
	asked := again.expect(again.inRoom(room, object{"type": "live", "data": object{"type": "ice-restart", "data": object{"clientId": "lc-ada"}}}))
	ids, _ := dig(asked, "data", "data", "data", "data", "data", "peerIds").(list)
	if len(ids) != 2 || !slices.Contains(ids, any(users[1].id)) || !slices.Contains(ids, any(users[2].id)) {
		t.Errorf("ada is to restart with %v", ids)
	}
	awaitMedia(t, peers...)
	for n, m := range peers[1:] {
		for _, f := range m.received(t)[heard[n+1]:] {
			if !strings.Contains(f, `"webrtc-stream"`) && !strings.Contains(f, `"ping"`) {
				t.Errorf("%s is told %s", m.login, f)
			}
		}
	}
}

// TestMediaFollowsMove: who comes to the server from another network has its media back,
// in the same call and by the same connections to its peers.
func TestMediaFollowsMove(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	const home, away = "5.9.9.31", "5.9.9.32"
	transporttest.IP(t, "addr add "+home+"/32 dev client")
	s, users, room := mediaServer(t, false)
	peers := mesh(t, users, room, map[string]mediaChoice{"ada": {ips: []string{home, away}}})
	ada := peers[0]
	transporttest.IP(t, "addr del "+home+"/32 dev client")
	transporttest.IP(t, "addr add "+away+"/32 dev client")
	for id, l := range ada.links {
		poll(t, func() bool { return l.pc.ICEConnectionState() == webrtc.ICEConnectionStateDisconnected }, func() string {
			return "ada still reaches " + id
		})
	}
	users[0].abort()
	again := s.resume(t, users[0], ws)
	again.expect(object{"type": "session", "data": users[0].session})
	ada.resumed(again)
	for id, l := range ada.links {
		poll(t, func() bool { p := l.pair(t); return p != nil && p.Local.Address != home }, func() string {
			return fmt.Sprintf("ada's way to %s is %v", id, l.pair(t))
		})
	}
	awaitMedia(t, peers...)
	if got := len(again.received(t)); got == 0 {
		t.Error("nothing came by the new connection")
	}
	for _, f := range again.received(t) {
		if strings.Contains(f, `"type":"open"`) {
			t.Errorf("a call began anew: %s", f)
		}
	}
}

// TestMediaCredentialsEnd: who has left the call gets no relay any more, and its relay ends.
func TestMediaCredentialsEnd(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	s, users, room := mediaServer(t, false)
	ada := joinMedia(t, users[0], room)
	server := ada.configuration(mediaChoice{}).ICEServers[0]
	if err := allocate(t, server); err != nil {
		t.Fatalf("in the call: %v", err)
	}
	relays := func(n string) {
		t.Helper()
		s.awaitAdmin("/metrics", func(_ int, body string) bool { return strings.Contains(body, "\npresence_turn_relays "+n+"\n") })
	}
	relays("1")
	ada.toRoom(room, object{"type": "live-leave"})
	ada.expect(ada.inRoom(room, object{"type": "live", "data": object{"type": "close"}}))
	relays("0")
	if err := allocate(t, server); err == nil {
		t.Error("a relay is given to somebody who has left")
	}
}

// allocate asks for a relay and keeps it until the test ends.
func allocate(t *testing.T, server webrtc.ICEServer) error {
	t.Helper()
	conn, err := net.ListenPacket("udp4", clientIP+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	password, _ := server.Credential.(string)
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: serverIP + ":3478", TURNServerAddr: serverIP + ":3478",
		Conn: conn, Username: server.Username, Password: password,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	relay, err := client.Allocate()
	if err == nil {
		t.Cleanup(func() { _ = relay.Close() }) // it has ended already
	}
	return err
}
