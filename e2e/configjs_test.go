package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"presence/friendcore/friendcoretest"
	"presence/rooms"
	"presence/sql/sqltest"
)

// takenOver is an installation of the former server: services/Presence in FriendCore's
// run directory, with a config.js and nothing else.
type takenOver struct {
	*server
	presence string // the working directory
}

// takeOver makes one that is not started. FriendCore's cfg.ini is that of core.
func takeOver(t *testing.T, core *friendCore) *takenOver {
	t.Helper()
	s := &takenOver{server: newServer(t)}
	s.presence = s.path("services/Presence")
	for _, folder := range []string{s.presence, s.path("cfg")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.write("../../cfg/cfg.ini", fmt.Sprintf("[Core]\nport = %d\nwsnotificationport = %d\n[FriendCore]\nfchost = \"friend.example.com\"\n[ServiceKeys]\npresence = \"%s\"\n",
		core.HTTPPort(), core.ServicePort(), core.ServiceKey()))
	s.write("config.js", fmt.Sprintf(`// as the installer leaves it
const server = {
	mysql : { host : 'presence_database_host', port : 3306, user : 'presence_database_user' },
	tls : { keyPath : '../../key.pem', certPath : '../../cert.pem' },
	domain : '{YourDomain}',
	tcp : { port : %d, proxy : null },
	ws : { port : %d, proxy : '/presence/guest/' },
	friendcore : { host : '%s', port : %d, useTLS : false, serviceKey : null, serviceName : 'presence' },
	admin : { listen : '127.0.0.1:%d' }, // this server's own
};
const shared = { rtc : { iceServers : [ { urls : [ 'stun:stun_url.com' ] } ] } };
module.exports = { shared, server };
`, s.tcpPort, s.wsPort, core.Host(), core.HTTPPort(), s.adminPort))
	return s
}

func (s *takenOver) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.presence, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// edit replaces a text in config.js, as sed does.
func (s *takenOver) edit(from, to string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.presence, "config.js"))
	if err != nil || !strings.Contains(string(text), from) {
		s.t.Fatalf("%v, no %q in\n%s", err, from, text)
	}
	s.write("config.js", strings.ReplaceAll(string(text), from, to))
}

// run starts the program as run.sh does, without a word behind its name, and returns
// the log up to where it is ready.
func (s *takenOver) run() string {
	s.t.Helper()
	s.proc = launch(s.t, s.log, s.presence, s.program())
	s.awaitReady()
	return s.log.String()
}

// TestTakenOverByConfigJS: the program put in place of the former server works from
// its config.js, with what FriendCore's cfg.ini knows besides; a reload reads it again.
func TestTakenOverByConfigJS(t *testing.T) {
	core := newFriendCore(t, friendcoretest.Options{})
	s := takeOver(t, core)
	text := s.run()
	for _, want := range []string{
		"config.js:5: server.domain is still the placeholder of the example",
		"config.js: server.mysql names no database",
		"config.js: server.friendcore.serviceKey is not set: the key in [ServiceKeys]",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	ada, bo := s.login(t, core.person("ada"), ws), s.login(t, core.person("bo"), tcp)
	room := ada.createRoom("Taken over")
	ada.add(room, bo)
	ada.say(room, "as before")
	bo.sees(room, "as before")

	s.edit("{YourDomain}", "new.example.com")
	s.proc.signal(syscall.SIGHUP)
	s.proc.awaitLine("[server] domain") // counts from the next start on
	s.edit("port : 3306,", "port : ,")
	s.proc.signal(syscall.SIGHUP)
	s.proc.awaitLine("config.js:3: server.mysql.port: the value is missing")
	ada.say(room, "still here")
	bo.sees(room, "still here")
	s.stop()

	s.edit("port : ,", "port : '3306',")
	check := launch(t, newOutput(), s.presence, program(t), "check", "-settings")
	if status := check.exitStatus(patience); status != 0 {
		t.Errorf("check: exit status %d:\n%s", status, check.output)
	}
	cfgINI := s.path("cfg/cfg.ini")
	for _, want := range []string{
		"[server] domain = new.example.com (config.js:5)",
		"[database] driver = sqlite (default)",
		"[database] port = 3306 (config.js:3)",
		"[tls] key_path = ../../key.pem (config.js:4)",
		"[friendcore] dir = " + s.folder + " (" + cfgINI + ")",
		"[friendcore] use_tls = false (" + cfgINI + ")",
		"[friendcore] service_key = *** (" + cfgINI + ")",
		"[session] grace = 1m (default)",
	} {
		if !strings.Contains(check.output.String(), want+"\n") {
			t.Errorf("check -settings does not say %q:\n%s", want, check.output)
		}
	}
	s.run()
	again := s.login(t, person{login: "ada", name: ada.name, authID: ada.authID, fUserID: ada.fUserID}, ws)
	again.expect(again.event(object{"type": "join", "data": object{"joined": object{"clientId": room}}}))
	again.roomState(room)
	if texts := again.logOf(room); len(texts) != 2 {
		t.Errorf("after a restart the room has %q", texts)
	}
	if all := s.log.String() + check.output.String(); strings.Contains(all, core.ServiceKey()) {
		t.Error("the service key is in the log")
	}
}

// TestConfigJSDatabase: server.mysql means MySQL. Its socket wins over host and port,
// and a port may stand in quotes.
func TestConfigJSDatabase(t *testing.T) {
	database := sqltest.Server(t)
	access := database.Fresh(t)
	core := newFriendCore(t, friendcoretest.Options{})
	s := takeOver(t, core)
	login := fmt.Sprintf("user : '%s', pass : '%s', name : '%s'", access.User, access.Pass, access.Name)
	const placeholder = "host : 'presence_database_host', port : 3306, user : 'presence_database_user'"
	socket := fmt.Sprintf("socket : '%s', host : 'presence_database_host', port : 1, %s", database.Socket(), login)
	s.edit(placeholder, socket)
	s.run()
	s.login(t, core.person("ada"), ws)
	s.stop()
	s.edit(socket, fmt.Sprintf("socket : null, host : '%s', port : '%d', %s", access.Host, access.Port, login))
	s.run()
	if _, err := os.Stat(filepath.Join(s.presence, "data", "presence.db")); err == nil {
		t.Error("there is an embedded database")
	}
	accounts, err := sqltest.Open(t, access).Accounts(t.Context())
	if err != nil || !slices.ContainsFunc(accounts, func(a rooms.AccountRecord) bool { return a.FUsername == "ada" }) {
		t.Errorf("accounts %v, error %v; want Ada's", accounts, err)
	}
	if strings.Contains(s.log.String(), access.Pass) {
		t.Error("the password is in the log")
	}
}

// TestConfigJSRefused: a config.js that cannot be read ends the program with the status
// that supervisors do not answer with a restart; with presence.ini it is not looked at.
func TestConfigJSRefused(t *testing.T) {
	for name, c := range map[string]struct {
		js, ini string
		args    []string
		status  int
		says    string
	}{
		"a program":    {"const fs = require('fs');\n", "", nil, 78, "config.js:1: fs: require cannot be worked out"},
		"wrong kind":   {"exports.server = {\n ws : { port : [ 1 ] } };\n", "", []string{"check"}, 78, "config.js:2: server.ws.port is a list; write a number"},
		"wrong value":  {"exports.server = {\n ws : { port : 0 } };\n", "", nil, 78, "config.js:2: server.ws.port ([ws] port): "},
		"not ours":     {"module.exports = { plugins : [] };\n", "", nil, 78, "config.js:1: the file exports neither server nor shared"},
		"presence.ini": {"broken", "[ws]\nprot = 1\n", nil, 78, `presence.ini:2: unknown key "prot"`},
		"named":        {"broken", "", []string{"check", "-config", "config.js", "-settings"}, 78, "config.js:1: "},
		"both":         {"broken", "[ws]\nport = 1001\n", []string{"check", "-settings"}, 0, "[ws] port = 1001 (presence.ini:2)"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for file, text := range map[string]string{"config.js": c.js, "presence.ini": c.ini} {
				if text == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p := launch(t, newOutput(), folder, program(t), c.args...)
			if status := p.exitStatus(patience); status != c.status || !strings.Contains(p.output.String(), c.says) {
				t.Errorf("exit status %d, want %d with %q:\n%s", status, c.status, c.says, p.output)
			}
		})
	}
}
