package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"presence/friendcore/friendcoretest"
)

// TestGracefulStop: clients are told that the server goes away, and the program
// ends with status 0 (docs/protocol.md 1.9).
func TestGracefulStop(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			s := newServer(t)
			s.localUsers("ada", "bo")
			s.start()
			ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), tcp)
			stranger := s.dial(t, "stranger", ws)
			s.proc.signal(sig)
			if code := ada.expectEnd(); code != 1001 {
				t.Errorf("a user's websocket ended with close code %d, want 1001", code)
			}
			if code := stranger.expectEnd(); code != 1001 {
				t.Errorf("a stranger's websocket ended with close code %d, want 1001", code)
			}
			bo.expectEnd()
			if bo.ended != io.EOF {
				t.Errorf("the TLS-TCP connection ended with %v, want an orderly end", bo.ended)
			}
			if status := s.proc.exitStatus(stopTime); status != 0 {
				t.Errorf("exit status %d, want 0", status)
			}
		})
	}
}

// served is the serial number of the certificate that a new connection is shown.
func (s *server) served(t *testing.T, addr string) string {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, s.clientTLS())
	if err != nil {
		t.Fatalf("TLS with %s: %v", addr, err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// TestCertificateReload: a new certificate counts for new connections, at SIGHUP or
// when the files have changed; nobody is dropped, and a damaged file changes nothing.
func TestCertificateReload(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada", "bo")
	s.start()
	ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), tcp)
	room := ada.createRoom("")
	ada.add(room, bo)
	expect := func(serial string) {
		t.Helper()
		for _, addr := range []string{s.wsAddr(), s.tcpAddr()} {
			poll(t, func() bool { return s.served(t, addr) == serial }, func() string { return addr + " shows the old certificate" })
		}
	}

	next := s.newCertificate().SerialNumber.String()
	s.proc.signal(syscall.SIGHUP)
	expect(next)

	third := s.newCertificate().SerialNumber.String()
	expect(third) // by itself

	if err := os.WriteFile(s.path("cert.pem"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.proc.signal(syscall.SIGHUP)
	s.proc.awaitLine("cert.pem") // the log names the file that cannot be used
	expect(third)

	ada.say(room, "still here")
	bo.sees(room, "still here")
}

// TestOwnCertificate: without files the program makes a pair, names its
// fingerprint, keeps it to itself and uses it again.
func TestOwnCertificate(t *testing.T) {
	s := newServer(t)
	delete(s.ini, "tls")
	s.start()
	shown := func() string {
		conn, err := tls.Dial("tcp", s.wsAddr(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		cert := conn.ConnectionState().PeerCertificates[0]
		if err := cert.VerifyHostname("localhost"); err != nil {
			t.Error(err)
		}
		return cert.SerialNumber.String()
	}
	first := shown()
	s.restart()
	if again := shown(); again != first {
		t.Error("the certificate is another after a restart")
	}
	err := filepath.WalkDir(s.path("data"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "PRIVATE KEY") {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestExitStatus are the ways to end that supervisors tell apart.
func TestExitStatus(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())

	for _, c := range []struct {
		name   string
		ini    string // presence.ini; empty: none
		args   []string
		status int
		says   []string
	}{
		{"unknown key", "[tcp]\n\nprot = 1\n", []string{"run"}, 78, []string{"presence.ini:3", "prot", "port"}},
		{"wrong kind", "[ws]\nport = many\n", []string{"run"}, 78, []string{"presence.ini:2", "port"}},
		{"no command before the flag", "[ws]\nport = 0\n", nil, 78, []string{"presence.ini:2"}},
		{"configuration is missing", "", []string{"run", "-config", "other.ini"}, 78, []string{"other.ini"}},
		{"unknown command", "", []string{"fly"}, 2, []string{"fly"}},
		{"unknown flag", "", []string{"run", "-fast"}, 2, []string{"fast"}},
		{"superfluous argument", "", []string{"version", "please"}, 2, []string{"please"}},
		{"version", "", []string{"version"}, 0, []string{"go1."}},
		{
			"port is taken",
			"[tls]\noff = true\n[ws]\nbind = 127.0.0.1\nport = " + port + "\n[tcp]\nenabled = false\n[admin]\nlisten =\n",
			[]string{"run"}, 1, []string{port, "in use"},
		},
		{
			"data folder cannot be made",
			"[server]\ndata_dir = presence.ini/data\n[ws]\nbind = 127.0.0.1\n[tcp]\nenabled = false\n[admin]\nlisten =\n",
			[]string{"run"}, 1, []string{"presence.ini/data"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			if c.ini != "" {
				if err := os.WriteFile(filepath.Join(folder, "presence.ini"), []byte(c.ini), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p := launch(t, newOutput(), folder, program(t), c.args...)
			if status := p.exitStatus(patience); status != c.status {
				t.Errorf("exit status %d, want %d:\n%s", status, c.status, p.output)
			}
			text := p.output.String()
			for _, part := range c.says {
				if !strings.Contains(text, part) {
					t.Errorf("the output does not say %q:\n%s", part, text)
				}
			}
			if strings.Contains(text, "goroutine ") {
				t.Errorf("a stack trace:\n%s", text)
			}
		})
	}
}

// TestCheck: presence check tries what the configuration promises.
func TestCheck(t *testing.T) {
	core := newFriendCore(t, friendcoretest.Options{})
	s := core.serve(t)
	s.start()
	s.stop() // now the database is there
	check := func() (int, string) {
		p := launch(t, newOutput(), s.folder, program(t), "check", "-config", "presence.ini")
		return p.exitStatus(patience), p.output.String()
	}
	if status, text := check(); status != 0 {
		t.Errorf("exit status %d, want 0:\n%s", status, text)
	}
	core.Close()
	status, text := check()
	if status != 1 {
		t.Errorf("without FriendCore: exit status %d, want 1:\n%s", status, text)
	}
	if !strings.Contains(text, fmt.Sprint(core.HTTPPort())) || !strings.Contains(text, fmt.Sprint(core.ServicePort())) {
		t.Errorf("the output does not name FriendCore's ports:\n%s", text)
	}
	if strings.Contains(text, core.ServiceKey()) {
		t.Errorf("the output has the service key:\n%s", text)
	}
}

// TestPlainHTTP: other requests on the websocket port are answered, at once
// (docs/protocol.md 1.1).
func TestPlainHTTP(t *testing.T) {
	s := newServer(t).start()
	transport := &http.Transport{TLSClientConfig: s.clientTLS(), DisableKeepAlives: true}
	client := http.Client{Timeout: patience, Transport: transport}
	for path, want := range map[string]int{
		"/healthz":                 http.StatusOK,
		"/presence/guest/healthz":  http.StatusOK,
		"/":                        http.StatusNotFound,
		"/nothing/here":            http.StatusNotFound,
		"/presence/guest/nothing":  http.StatusNotFound,
		"/demo/users.json":         http.StatusNotFound,
		"/../../../../etc/passwd":  http.StatusNotFound,
		"/%00%ff":                  http.StatusNotFound,
		"/metrics":                 http.StatusNotFound,
		"/debug/pprof/":            http.StatusNotFound,
		"/presence/guest/metrics":  http.StatusNotFound,
		"/presence/guest/%2e%2e//": http.StatusNotFound,
	} {
		answer, err := client.Get("https://" + s.wsAddr() + path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != want || len(text) == 0 || len(text) > 200 {
			t.Errorf("%s: status %d, want %d, %q %v", path, answer.StatusCode, want, text, err)
		}
	}
	w, err := dialWS("wss://"+s.wsAddr()+"/presence/guest/", s.clientTLS(), nil)
	if err != nil {
		t.Fatalf("a websocket below the proxy path: %v", err)
	}
	newClient(t, "guest", w).expect(object{"type": "authenticate"})
}

// TestFriendCoreAwayAtStart: with a service key the listeners open when FriendCore
// has told its users and workgroups, not before.
func TestFriendCoreAwayAtStart(t *testing.T) {
	httpPort, servicePort := freePort(t), freePort(t)
	s := newServer(t)
	s.ini.set("friendcore", "host = 127.0.0.1\nport = %d\nuse_tls = false\nws_port = %d\nservice_key = %s",
		httpPort, servicePort, friendcoretest.DefaultServiceKey)
	s.launch()
	s.proc.awaitLine(fmt.Sprint(servicePort)) // the log names the place that does not answer
	s.awaitAdmin("/readyz", func(status int, body string) bool {
		return status == http.StatusServiceUnavailable && strings.Contains(strings.ToLower(body), "friendcore")
	})
	if conn, err := net.DialTimeout("tcp", s.wsAddr(), time.Second); err == nil {
		conn.Close()
		t.Error("the websocket listener is open although FriendCore's users are not known")
	}
	core := newFriendCore(t, friendcoretest.Options{HTTPListener: listenOn(t, httpPort), ServiceListener: listenOn(t, servicePort)})
	p := core.person("ada")
	s.awaitReady()
	s.login(t, p, ws)
}

func listenOn(t *testing.T, port int) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestFriendCoreRefuses: a wrong key and the FriendCore that crashes are told apart
// and explained.
func TestFriendCoreRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults friendcoretest.Faults
		says   string
	}{
		{"wrong service key", friendcoretest.Faults{RefuseKey: true}, "[ServiceKeys]"},
		{"crash on authenticate", friendcoretest.Faults{CrashOnAuthenticate: true}, "crash"},
	} {
		t.Run(c.name, func(t *testing.T) {
			core := newFriendCore(t, friendcoretest.Options{})
			core.SetFaults(c.faults)
			s := core.serve(t)
			s.launch()
			s.proc.awaitLine(c.says)
			if status, body, err := s.admin("/readyz"); err != nil || status != http.StatusServiceUnavailable {
				t.Errorf("/readyz: %d %s %v, want 503", status, body, err)
			}
			if strings.Contains(s.log.String(), core.ServiceKey()) {
				t.Error("the log has the service key")
			}
		})
	}
}

// TestFriendCoreGoesAway: who is logged in stays, and FriendCore's changes are
// taken over when it is back, with one registration.
func TestFriendCoreGoesAway(t *testing.T) {
	s, core := withFriendCore(t)
	ada, bo := s.login(t, core.person("ada"), ws), s.login(t, core.person("bo"), ws)
	room := ada.createRoom("")
	ada.add(room, bo)
	core.DropServices()
	ada.say(room, "is FriendCore there?")
	bo.sees(room, "is FriendCore there?")
	crew := core.group("crew", ada.person, bo.person) // while nobody listens
	ada.expect(ada.event(object{"type": "workgroup-update", "data": object{"id": crew}}))
	if n := core.Registered(); n != 1 {
		t.Errorf("%d registrations, want 1", n)
	}
}
