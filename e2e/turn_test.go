package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestCallsAreOfferedRelays: whoever joins a call gets credentials of his own for the
// built-in server, which answers.
func TestCallsAreOfferedRelays(t *testing.T) {
	s := newServer(t)
	port := freePort(t)
	s.ini["turn"] = nil
	s.ini.set("turn", "listen = 127.0.0.1:%d\nrelay_ports = 40000-40019", port)
	s.localUsers("ada", "bo")
	s.start()
	ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), tcp)
	room := ada.createRoom("")
	ada.add(room, bo)
	names := map[string]string{}
	for _, u := range []*user{ada, bo} {
		u.toRoom(room, object{"type": "live-join", "data": "lc-" + u.login})
		f := u.expect(u.inRoom(room, object{"type": "live", "data": object{"type": "open", "data": object{"clientId": "lc-" + u.login}}}))
		ice, _ := dig(f, "data", "data", "data", "data", "data", "live", "liveConf", "ICE").(list)
		if len(ice) != 1 {
			t.Fatalf("the servers are %s", show(ice))
		}
		urls, _ := dig(ice[0], "urls").(list)
		first, _ := urls[0].(string)
		name, _ := dig(ice[0], "username").(string)
		if !strings.HasPrefix(first, fmt.Sprintf("turn:localhost:%d", port)) || !strings.Contains(name, ":"+u.id+":") || dig(ice[0], "credential") == "" {
			t.Errorf("%s is offered %s", u.login, show(ice[0]))
		}
		names[u.login] = name
	}
	if names["ada"] == names["bo"] {
		t.Error("both have the same name")
	}
	status, figures, err := s.admin("/metrics")
	if err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	for _, line := range []string{"presence_calls 1", "presence_call_peers 2", "presence_turn_relays 0", `presence_turn_refused_total{reason="quota"} 0`} {
		if !strings.Contains(figures, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}

	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	binding := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}, "transaction."...)
	if _, err := conn.Write(binding); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1500)
	if n, err := conn.Read(answer); err != nil || n < 20 || answer[0] != 1 || answer[1] != 1 {
		t.Errorf("a STUN request is answered with % x, %v", answer[:n], err)
	}
}
