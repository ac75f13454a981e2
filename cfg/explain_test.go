package cfg

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExplain(t *testing.T) {
	dir := friendDir(t, "[ServiceKeys]\npresence = \"right\"\n")
	c, _, err := Parse("p.ini", `[tcp]
bind = 127.0.0.1
[ws]
bind = ::1
[database]
pass = hunter2
[local_users]
alice = hunter3, Alice A, admin
[ice "office"]
urls = stun:a, stun:b
[friendcore]
use_tls = true
dir = `+dir)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, s := range c.Explain() {
		shown[s.String()] = true
	}
	for _, want := range []string{
		"[tcp] bind = 127.0.0.1 (p.ini:2)",
		"[tcp] port = 27960 (default)",
		"[database] pass = *** (p.ini:6)",
		"[admin] token =  (default)",
		"[session] grace_buffer = 1MiB (default)",
		"[room] recent_for = 8h (default)",
		"[limits] trusted = 127.0.0.0/8, ::1/128 (default)",
		"[log] level = info (default)",
		"[turn] relay_ports = 49160-49999 (default)",
		"[local_users] alice = ***, Alice A, admin (p.ini:8)",
		`[ice "office"] urls = stun:a, stun:b (p.ini:10)`,
		"[friendcore] use_tls = true (p.ini:12)",
		"[friendcore] ws_port = 6498 (" + dir + "/cfg/cfg.ini)",
		"[friendcore] service_key = *** (" + dir + "/cfg/cfg.ini)",
	} {
		if !shown[want] {
			t.Errorf("missing: %s", want)
		}
	}
	if n := len(Default().settings()) + 1 + 3; len(shown) != n {
		t.Errorf("%d settings shown, want %d", len(shown), n)
	}
}

func TestNotInEffect(t *testing.T) {
	c, _, err := Parse("p.ini", `[tcp]
port = 5
[messages]
max_size = 16KiB
edit_grace = 5m
[live]
user_limit = 3
mode = auto
[workroom]
show_user_list = true
[turn]
ttl = 1h
[ice "a"]
urls = stun:h
[janus]
servers = ws://h
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"[live] mode (p.ini:8)",
		"[janus] servers (p.ini:16)",
	}
	if diff := cmp.Diff(want, c.NotInEffect()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if list := Default().NotInEffect(); len(list) > 0 {
		t.Errorf("defaults are named: %s", strings.Join(list, ", "))
	}
}

func TestAddresses(t *testing.T) {
	c := Default()
	if got := c.TCP.Addr() + " " + c.WS.Addr() + " " + c.Host() + " " + c.DatabaseFile(); got != ":27960 :27970 localhost/presence/guest/ data/presence.db" {
		t.Error(got)
	}
	c.WS.Bind, c.WS.Proxy, c.Server.Domain, c.Database.File = "::1", "", "f.example.com", "/var/p.db"
	if got := c.WS.Addr() + " " + c.Host() + " " + c.DatabaseFile(); got != "[::1]:27970 f.example.com:27970 /var/p.db" {
		t.Error(got)
	}
	for host, want := range map[string]bool{
		"": false, "localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"0.0.0.0": false, "::": false, "10.0.0.1": false, "example.com": false,
	} {
		if IsLoopback(host) != want {
			t.Errorf("IsLoopback(%q) is not %v", host, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"port", "proxy", "ping", "key_path", "is_stream"}
	for name, want := range map[string]string{
		"prot": "port", "potr": "port", "Port": "port", "prxy": "proxy", "keyPath": "key_path", "key-path": "key_path",
		"keypth": "key_path", "isStream": "is_stream", "x": "", "zzzz": "", "": "", strings.Repeat("p", 100): "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
