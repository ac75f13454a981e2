package cfg

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each text is refused with exactly these problems, in this order.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		// Form.
		"no key":         {"[tcp]\nport", []string{`p.ini:2: neither a [section] nor "key = value" nor a comment (a comment begins with ; or #)`}},
		"nothing before": {"[tcp]\n= 5", []string{`p.ini:2: there is no key in front of the =`}},
		"no section":     {"port = 5", []string{`p.ini:1: key "port" stands in front of the first [section]`}},
		"open header":    {"[tcp\nport = x\n[ws]\nport = 1", []string{`p.ini:1: a section header ends with ] and stands alone on its line`}},
		"bare name":      {"[ice office]", []string{`p.ini:1: the name in a section header stands in double quotes: [ice "NAME"]`}},
		"single quotes":  {"[database]\npass = 'x'", []string{`p.ini:2: [database] pass: a value that begins with ' stands in double quotes ("...")`}},
		"comment behind": {"[tcp]\nport = 5 ; five", []string{`p.ini:2: [tcp] port: ; or # after a blank: a comment stands on a line of its own; if it belongs to the value, put the value in double quotes`}},
		"only comment":   {"[admin]\ntoken = # none", []string{`p.ini:2: [admin] token: ; or # after a blank: a comment stands on a line of its own; if it belongs to the value, put the value in double quotes`}},
		"open quote":     {"[tls]\nkey_path = \"a", []string{`p.ini:2: [tls] key_path: the closing quote is missing`}},
		"behind quote":   {"[tls]\nkey_path = \"a\" b", []string{`p.ini:2: [tls] key_path: there is text behind the closing quote; write \" for a quote in the value`}},
		"backslash":      {`[tls]` + "\n" + `key_path = "C:\a"`, []string{`p.ini:2: [tls] key_path: in quotes, write \\ for a backslash`}},
		"not UTF-8":      {"[server]\ndomain = a\xffb", []string{`p.ini:2: the line is not UTF-8 text; save the file as UTF-8`}},
		"control":        {"[server]\ndomain = a\x00b", []string{`p.ini:2: the line holds a control character; take it out`}},

		// Names.
		"unknown key":       {"[tcp]\nprot = 1", []string{`p.ini:2: unknown key "prot" in [tcp]; did you mean "port"?`}},
		"config.js name":    {"[tls]\nkeyPath = x", []string{`p.ini:2: unknown key "keyPath" in [tls]; did you mean "key_path"?`}},
		"capitals":          {"[tcp]\nPort = 1", []string{`p.ini:2: unknown key "Port" in [tcp]; did you mean "port"?`}},
		"other section":     {"[tcp]\nlogin_timeout = 1s", []string{`p.ini:2: unknown key "login_timeout" in [tcp]; there is one in [session]`}},
		"nothing near":      {"[tcp]\nxyzzyxyzzy = 1", []string{`p.ini:2: unknown key "xyzzyxyzzy" in [tcp]`}},
		"unknown section":   {"[dataabse]\nhost = a\nprot = 2", []string{`p.ini:1: unknown section [dataabse]; did you mean [database]?`}},
		"named section":     {"[tcp \"a\"]", []string{`p.ini:1: section [tcp] has no name behind it; write [tcp]`}},
		"nameless ice":      {"[ice]", []string{`p.ini:1: [ice] needs a name of your choice: [ice "NAME"]`}},
		"unknown ice key":   {"[ice \"a\"]\nurl = stun:a\nurls = stun:a", []string{`p.ini:2: unknown key "url" in [ice "a"]; did you mean "urls"?`}},
		"twice":             {"[tcp]\nport = 1\n\nport = 2", []string{`p.ini:4: [tcp] port is set twice, in line 2 and in line 4; take one out`}},
		"twice, apart":      {"[tcp]\nport = 1\n[ws]\n[tcp]\nport = 1", []string{`p.ini:5: [tcp] port is set twice, in line 2 and in line 5; take one out`}},
		"same user twice":   {"[ws]\nbind=::1\n[tcp]\nbind=::1\n[local_users]\na = x, A\na = y, A", []string{`p.ini:7: [local_users] a is set twice, in line 6 and in line 7; take one out`}},
		"same ice key":      {"[ice \"a\"]\nurls = stun:a\n[ice \"a\"]\nurls = stun:b", []string{`p.ini:4: [ice "a"] urls is set twice, in line 2 and in line 4; take one out`}},
		"long unknown name": {"[" + strings.Repeat("a", 500) + "]", []string{`p.ini:1: unknown section [` + strings.Repeat("a", 60) + `...]`}},

		// Kinds of values.
		"switch":          {"[tls]\noff = yes", []string{`p.ini:2: [tls] off: "yes" is not a switch; write true or false`}},
		"open switch":     {"[live]\nis_stream = 1", []string{`p.ini:2: [live] is_stream: "1" is not a switch; write true or false`}},
		"port word":       {"[tcp]\nport = abc", []string{`p.ini:2: [tcp] port: "abc" is not a port; write a number from 1 to 65535`}},
		"port 0":          {"[ws]\nport = 0", []string{`p.ini:2: [ws] port: "0" is not a port; write a number from 1 to 65535`}},
		"port high":       {"[ws]\nport = 65536", []string{`p.ini:2: [ws] port: "65536" is not a port; write a number from 1 to 65535`}},
		"empty port":      {"[ws]\nport =", []string{`p.ini:2: [ws] port: "" is not a port; write a number from 1 to 65535`}},
		"port range":      {"[turn]\nrelay_ports = 5-4", []string{`p.ini:2: [turn] relay_ports: "5-4" is not a range of ports; write first-last, such as 49160-49999`}},
		"number":          {"[tiny_avatar]\nimage_side_px = 4", []string{`p.ini:2: [tiny_avatar] image_side_px: "4" is not a whole number from 16 to 512`}},
		"huge number":     {"[live]\nuser_limit = 99999999999999999999", []string{`p.ini:2: [live] user_limit: "99999999999999999999" is not a whole number from 0 to 100000`}},
		"no unit":         {"[session]\nping = 5", []string{`p.ini:2: [session] ping: "5" is not a time; write a number with s, m or h, such as 90s, 10m or 1h30m`}},
		"strange unit":    {"[session]\nping = 500ms", []string{`p.ini:2: [session] ping: "500ms" is not a time; write a number with s, m or h, such as 90s, 10m or 1h30m`}},
		"no time":         {"[session]\ngrace = 0s", []string{`p.ini:2: [session] grace: "0s" is outside of 1s to 1h`}},
		"negative time":   {"[session]\ngrace = -5s", []string{`p.ini:2: [session] grace: "-5s" is not a time; write a number with s, m or h, such as 90s, 10m or 1h30m`}},
		"long time":       {"[room]\nempty_after = 999999h", []string{`p.ini:2: [room] empty_after: "999999h" is outside of 1s to 168h`}},
		"size":            {"[session]\ngrace_buffer = 1MB", []string{`p.ini:2: [session] grace_buffer: "1MB" is not a size; write a number with KiB or MiB, such as 512KiB`}},
		"size high":       {"[messages]\nmax_size = 999999999MiB", []string{`p.ini:2: [messages] max_size: "999999999MiB" is outside of 1KiB to 1MiB`}},
		"choice":          {"[database]\ndriver = mysqll", []string{`p.ini:2: [database] driver: "mysqll" is none of sqlite, mysql; did you mean mysql?`}},
		"level":           {"[log]\nlevel = verbose", []string{`p.ini:2: [log] level: "verbose" is none of debug, info, warn, error`}},
		"needed":          {"[server]\ndomain =", []string{`p.ini:2: [server] domain: is empty; write a value, or take the line out for the default`}},
		"host":            {"[server]\ndomain = https://a.b/", []string{`p.ini:2: [server] domain: "https://a.b/" is neither a host name nor an IP address (no scheme, port or path here)`}},
		"bind":            {"[ws]\nbind = eth0", []string{`p.ini:2: [ws] bind: "eth0" is not an IP address; leave it empty to listen on all addresses`}},
		"listen":          {"[admin]\nlisten = 27971", []string{`p.ini:2: [admin] listen: "27971" is not an address with a port, such as 127.0.0.1:27971`}},
		"listen port":     {"[admin]\nlisten = 127.0.0.1:http", []string{`p.ini:2: [admin] listen: "http" is not a port; write a number from 1 to 65535`}},
		"proxy start":     {"[ws]\nproxy = guest/", []string{`p.ini:2: [ws] proxy: "guest/" does not begin with a slash`}},
		"proxy end":       {"[ws]\nproxy = /guest", []string{`p.ini:2: [ws] proxy: "/guest" does not end with a slash`}},
		"proxy letters":   {"[ws]\nproxy = /a?b/", []string{`p.ini:2: [ws] proxy: "/a?b/" is not a plain path: letters, digits and / - _ . ~ only`}},
		"origin":          {"[ws]\norigins = https://a, b", []string{`p.ini:2: [ws] origins: entry 2: is not an address of the form https://host:port or http://host:port`}},
		"origin path":     {"[ws]\norigins = https://a/", []string{`p.ini:2: [ws] origins: entry 1: has something behind host and port; take it out`}},
		"empty entry":     {"[ws]\norigins = https://a,,https://b", []string{`p.ini:2: [ws] origins: the list has an empty entry; write one comma between two entries`}},
		"janus login":     {"[janus]\nservers = ws://u:p@h", []string{`p.ini:2: [janus] servers: entry 1: has a login in it; take it out`}},
		"network":         {"[limits]\ntrusted = 10.0.0.0/33", []string{`p.ini:2: [limits] trusted: "10.0.0.0/33" is not a network; write an address and the length of its prefix, such as 10.0.0.0/8`}},
		"host bits":       {"[limits]\ntrusted = 10.1.2.3/8", []string{`p.ini:2: [limits] trusted: "10.1.2.3/8" is an address in a network; the network is 10.0.0.0/8`}},
		"public IP":       {"[turn]\npublic_ip = 0.0.0.0", []string{`p.ini:2: [turn] public_ip: "0.0.0.0" is not an IP address that others can reach`}},
		"ICE address":     {"[ice \"a\"]\nurls = http://a", []string{`p.ini:1: [ice "a"] has no urls; add urls = stun:host:port`, `p.ini:2: [ice "a"] urls: entry 1: is not of the form stun:host:port or turn:host:port?transport=udp`}},
		"service capital": {"[friendcore]\nservice_name = Presence", []string{`p.ini:2: [friendcore] service_name: "Presence" must be lower case, as FriendCore finds no other: write "presence"`}},
		"service letters": {"[friendcore]\nservice_name = a b", []string{`p.ini:2: [friendcore] service_name: "a b" may have letters, digits, _ and - only, 64 at most`}},
		"user form":       {"[local_users]\nalice = x", []string{`p.ini:2: [local_users] alice: a user is written: login = authid, Full Name or login = authid, Full Name, admin`}},
		"user role":       {"[local_users]\nalice = x, Alice, root", []string{`p.ini:2: [local_users] alice: a user is written: login = authid, Full Name or login = authid, Full Name, admin`}},
		"user login":      {"[local_users]\nal ice = x, A", []string{`p.ini:2: [local_users] al ice: a login may have letters, digits and _ . @ - only, 64 at most`}},
		"user authid":     {"[local_users]\nalice = x y, A", []string{`p.ini:2: [local_users] alice: the authid (in front of the comma) has 1 to 255 characters and no blanks`}},
		"user name":       {"[local_users]\nalice = x,", []string{`p.ini:2: [local_users] alice: the full name (behind the comma) has 1 to 100 characters`}},
		"long secret":     {"[database]\npass = " + strings.Repeat("x", 2000), []string{`p.ini:2: [database] pass: is longer than 1024 characters`}},
		"long value":      {"[tls]\nkey_path = " + strings.Repeat("x", 20000), []string{`p.ini:2: [tls] key_path: is longer than 16384 characters`}},

		// Settings that must agree.
		"key alone":       {"[tls]\nkey_path = a", []string{`p.ini:2: [tls] key_path: needs cert_path beside it; set both, or none for a self-signed pair`}},
		"cert alone":      {"[tls]\ncert_path = a", []string{`p.ini:2: [tls] cert_path: needs key_path beside it; set both, or none for a self-signed pair`}},
		"off, all":        {"[tls]\noff = true", []string{`p.ini:2: [tls] off: without TLS Presence listens on loopback only; set bind = 127.0.0.1 in [tcp] and [ws]`}},
		"off, one":        {"[tls]\noff = true\n[tcp]\nenabled = false\n[ws]\nbind = 0.0.0.0", []string{`p.ini:2: [tls] off: without TLS Presence listens on loopback only; set bind = 127.0.0.1 in [ws]`}},
		"same port":       {"[tcp]\nport = 27970", []string{`[ws] port: 27970 is the port of [tcp] as well; choose another`}},
		"admin on ws":     {"[admin]\nlisten = localhost:27970", []string{`p.ini:2: [admin] listen: 27970 is the port of [ws] as well; choose another`}},
		"admin on tcp":    {"[admin]\nlisten = localhost:27960", []string{`p.ini:2: [admin] listen: 27960 is the port of [tcp] as well; choose another`}},
		"star and more":   {"[ws]\norigins = *, https://a", []string{`p.ini:2: [ws] origins: * allows all; take it out, or the others`}},
		"open admin":      {"[admin]\nlisten = :27971", []string{`p.ini:2: [admin] listen: other machines can reach it: set [admin] token, or listen on 127.0.0.1`}},
		"short token":     {"[admin]\ntoken = abc", []string{`p.ini:2: [admin] token: is shorter than 16 characters; take a long random one`}},
		"mysql":           {"[database]\ndriver = mysql", []string{`p.ini:2: [database] user: is needed with driver = mysql`, `p.ini:2: [database] name: is needed with driver = mysql`}},
		"insecure":        {"[friendcore]\ninsecure = true\nca_file = a", []string{`p.ini:2: [friendcore] insecure: with it ca_file is never looked at; take one of them out`}},
		"service key":     {"[friendcore]\nservice_key = \"a b\"", []string{`p.ini:2: [friendcore] service_key: has a blank, " or \ in it, which FriendCore cannot match; choose letters, digits, _ and -`}},
		"remote users":    {"[local_users]\nalice = x, A", []string{`p.ini:2: [local_users] alice: local users log in without FriendCore, and other machines can reach [tcp] and [ws]: set bind = 127.0.0.1 there, or allow_remote = true here`}},
		"same authid":     {"[local_users]\nallow_remote = true\na = x, A\nb = x, B", []string{`p.ini:4: [local_users] b: has the same authid as a; each user needs one of its own`}},
		"dead too soon":   {"[session]\nping = 20s", []string{`[session] dead_after: 15s is not longer than ping = 20s`}},
		"sizes":           {"[limits]\nsize_before_login = 1MiB\nsize_after_login = 64KiB\n[messages]\nmax_size = 64KiB", []string{`p.ini:2: [limits] size_before_login: 1MiB is more than size_after_login = 64KiB`, `p.ini:5: [messages] max_size: 64KiB must be less than [limits] size_after_login = 64KiB`}},
		"trust all":       {"[limits]\ntrusted = ::/0\ntrusted_proxies = 0.0.0.0/0", []string{`p.ini:2: [limits] trusted: /0 is every address there is; name the networks you trust`, `p.ini:3: [limits] trusted_proxies: with /0 everybody could claim any address; name your proxies`}},
		"janus without":   {"[live]\nmode = janus", []string{`p.ini:2: [live] mode: janus needs [janus] servers`}},
		"turn secret":     {"[turn]\nsecret = abc", []string{`p.ini:2: [turn] secret: is shorter than 16 characters; leave it empty to have one made`}},
		"ice without":     {"[ice \"a\"]\nusername = u", []string{`p.ini:1: [ice "a"] has no urls; add urls = stun:host:port`}},
		"turn without":    {"[ice \"a\"]\nurls = turn:h", []string{`p.ini:2: [ice "a"] urls: a TURN server needs username and credential`}},
		"no such dir":     {"[friendcore]\ndir = /nonexistent", []string{`/nonexistent/cfg/cfg.ini: cannot be read: no such file or directory ([friendcore] dir in p.ini:2 is to be FriendCore's run directory, with cfg/cfg.ini in it)`}},
		"several at once": {"[tcp]\nprot = 1\nport = x\n[wss]\n[tls]\nkey_path = a", []string{`p.ini:2: unknown key "prot" in [tcp]; did you mean "port"?`, `p.ini:3: [tcp] port: "x" is not a port; write a number from 1 to 65535`, `p.ini:4: unknown section [wss]; did you mean [ws]?`, `p.ini:6: [tls] key_path: needs cert_path beside it; set both, or none for a self-signed pair`}},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, err := Parse("p.ini", test.text)
			refused, ok := errors.AsType[*Error](err)
			if !ok || c != nil {
				t.Fatalf("config %v, error %v", c, err)
			}
			if got, want := refused.Error(), strings.Join(test.want, "\n"); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// What looks like the refused ones and is right.
func TestAccepted(t *testing.T) {
	for name, text := range map[string]string{
		"off on loopback":     "[tls]\noff = true\n[tcp]\nbind = localhost\n[ws]\nbind = ::1",
		"off without tcp":     "[tls]\noff = true\n[tcp]\nenabled = false\n[ws]\nbind = 127.0.0.5",
		"admin off":           "[admin]\nlisten =",
		"admin with token":    "[admin]\nlisten = :27971\ntoken = 0123456789abcdef",
		"users on loopback":   "[local_users]\nalice = x, Alice A, admin\n[tcp]\nbind = 127.0.0.1\n[ws]\nbind = 127.0.0.1",
		"users for all":       "[local_users]\nallow_remote = true\nalice = x, A",
		"same port elsewhere": "[tcp]\nbind = 127.0.0.1\nport = 1000\n[ws]\nbind = 127.0.0.2\nport = 1000",
		"quoted":              "[database]\npass = \"a;b #c \\\" \\\\ \"",
		"mark in a word":      "[database]\npass = a;b#c",
		"tabs":                "[ice\t\"a\"]\n\turls\t=\tstun:a",
		"ICE":                 "[ice \"a\"]\nurls = stun:[::1]:3478, turns:h?transport=tcp, turn:h:3478\nusername = u\ncredential = c",
		"no origins":          "[ws]\norigins = https://a.b:8443, http://localhost",
		"no last newline":     "[tcp]\nport = 5",
		"long comment":        "# " + strings.Repeat("x", 100000),
		"address as network":  "[limits]\ntrusted_proxies = 10.0.0.1, fe80::/10",
	} {
		if _, notes, err := Parse("p.ini", text); err != nil || len(notes) > 0 {
			t.Errorf("%s: notes %v, error %v", name, notes, err)
		}
	}
}

func TestLoadFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if c, _, err := Load(""); err != nil || c.TCP.Port != 27960 {
		t.Errorf("without a file: %v, %v", c, err)
	}
	for path, want := range map[string]string{
		"missing.ini": "missing.ini: cannot be read: no such file or directory",
		dir:           dir + ": cannot be read: not a regular file",
	} {
		_, _, err := Load(path)
		if _, ok := errors.AsType[*Error](err); !ok || err.Error() != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	write(t, "big.ini", strings.Repeat("#\n", maxFile))
	if _, _, err := Load("big.ini"); err == nil || !strings.Contains(err.Error(), "larger than 1024 KiB") {
		t.Errorf("big file: %v", err)
	}
	if err := os.Symlink("nowhere", DefaultFile); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(""); err == nil {
		t.Error("a dangling link counts as no file")
	}
	if err := os.Remove(DefaultFile); err != nil {
		t.Fatal(err)
	}
	write(t, DefaultFile, "[tcp]\nport = 5\n")
	if c, _, err := Load(""); err != nil || c.TCP.Port != 5 {
		t.Errorf("default file: %v, %v", c, err)
	}
}

func TestLoadNotesExposedSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.ini")
	for _, test := range []struct {
		text  string
		mode  os.FileMode
		notes int
	}{
		{"[database]\npass = hunter2\n", 0o644, 1},
		{"[database]\npass = hunter2\n", 0o640, 0},
		{"[database]\npass =\n", 0o644, 0},
		{"[local_users]\nallow_remote = true\na = hunter2, A\n", 0o644, 1},
		{"[tcp]\nport = 5\n", 0o644, 0},
	} {
		write(t, path, test.text)
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		if _, notes, err := Load(path); err != nil || len(notes) != test.notes {
			t.Errorf("%q, mode %o: notes %v, error %v", test.text, test.mode, notes, err)
		}
	}
}

func TestErrorIsBounded(t *testing.T) {
	_, _, err := Parse("p.ini", strings.Repeat("nonsense\n", 100000))
	if err == nil || strings.Count(err.Error(), "\n") != maxShown || !strings.HasSuffix(err.Error(), "and 99970 more") {
		t.Errorf("%.300s", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
