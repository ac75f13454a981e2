package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"presence/sql"
)

// server is Presence with settings of its own. It may be started and stopped any
// number of times; its ports and its data stay.
type server struct {
	t      testing.TB
	folder string
	ini    settings
	plain  bool     // without the race detector
	proc   *process // the last start
	log    *output  // of all starts

	wsPort, tcpPort, adminPort int
	trust                      *x509.CertPool
}

// settings are the lines of presence.ini, by section.
type settings map[string][]string

func (s settings) set(section, format string, args ...any) {
	s[section] = append(s[section], fmt.Sprintf(format, args...))
}

func (s settings) String() string {
	var b strings.Builder
	sections := make([]string, 0, len(s))
	for section := range s {
		sections = append(sections, section)
	}
	slices.Sort(sections)
	for _, section := range sections {
		fmt.Fprintf(&b, "[%s]\n%s\n\n", section, strings.Join(s[section], "\n"))
	}
	return b.String()
}

// newServer makes a server that listens on loopback, with a certificate of its own
// and its data in the test's folder. It does not start it.
func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{t: t, folder: t.TempDir(), ini: settings{}, log: newOutput()}
	s.wsPort, s.tcpPort, s.adminPort = freePort(t), freePort(t), freePort(t)
	s.trust = x509.NewCertPool()
	s.newCertificate()
	s.ini.set("server", "data_dir = %s", filepath.Join(s.folder, "data"))
	s.ini.set("tls", "key_path = %s\ncert_path = %s", s.path("key.pem"), s.path("cert.pem"))
	s.ini.set("ws", "bind = 127.0.0.1\nport = %d", s.wsPort)
	s.ini.set("tcp", "bind = 127.0.0.1\nport = %d", s.tcpPort)
	s.ini.set("admin", "listen = 127.0.0.1:%d", s.adminPort)
	s.ini.set("log", "level = debug")
	s.ini.set("turn", "enabled = false") // its port is one for all
	t.Cleanup(s.judge)
	return s
}

func (s *server) path(name string) string { return filepath.Join(s.folder, name) }

// useDatabase puts the server on a database that a test has made.
func (s *server) useDatabase(c sql.Config) {
	if c.Driver == sql.SQLite {
		s.ini.set("database", "driver = sqlite\nfile = %s", c.File)
		return
	}
	s.ini.set("database", "driver = mysql\nhost = %s\nport = %d\nuser = %s\npass = %s\nname = %s",
		c.Host, c.Port, c.User, c.Pass, c.Name)
}

// localUsers are accounts that need no FriendCore.
func (s *server) localUsers(logins ...string) {
	for _, login := range logins {
		s.ini.set("local_users", "%s = %s, %s", login, localAuthID(login), fullName(login))
	}
}

// launch starts the program without waiting for anything.
func (s *server) launch() {
	s.t.Helper()
	if err := os.WriteFile(s.path("presence.ini"), []byte(s.ini.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.proc = launch(s.t, s.log, s.folder, s.program(), "run", "-config", "presence.ini")
}

// start starts the program and waits until it is ready.
func (s *server) start() *server {
	s.t.Helper()
	s.launch()
	s.awaitReady()
	return s
}

func (s *server) program() string {
	s.t.Helper()
	if s.plain {
		return plainProgram(s.t)
	}
	return program(s.t)
}

func (s *server) awaitReady() {
	s.t.Helper()
	s.awaitAdmin("/readyz", func(status int, _ string) bool { return status == http.StatusOK })
}

// awaitAdmin asks the admin listener until the answer is as wanted, and returns it.
func (s *server) awaitAdmin(path string, wanted func(status int, body string) bool) string {
	s.t.Helper()
	last := ""
	poll(s.t, func() bool {
		if !s.proc.running() {
			s.t.Fatalf("the program ended with status %d:\n%s", s.proc.exitStatus(0), s.log)
		}
		status, body, err := s.admin(path)
		if err != nil {
			last = err.Error()
			return false
		}
		last = fmt.Sprintf("%d %s", status, body)
		return wanted(status, body)
	}, func() string { return fmt.Sprintf("%s says: %s\nlog:\n%s", path, last, s.log) })
	return last
}

// admin asks the admin listener.
func (s *server) admin(path string) (status int, body string, err error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.adminPort, path))
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, string(text), err
}

// poll asks again and again, for what nobody announces.
func poll(t testing.TB, done func() bool, why func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("did not happen within %v: %s", patience, why())
		}
	}
}

// stop ends the program as a supervisor does; it must end well.
func (s *server) stop() {
	s.t.Helper()
	s.proc.signal(syscall.SIGTERM)
	if status := s.proc.exitStatus(stopTime); status != 0 {
		s.t.Errorf("exit status %d after SIGTERM, want 0:\n%s", status, s.log)
	}
}

func (s *server) restart() {
	s.t.Helper()
	s.stop()
	s.start()
}

// judge stops the program after the test and looks at what it left behind.
func (s *server) judge() {
	if s.proc != nil && s.proc.running() {
		s.stop()
	}
	text := s.log.String()
	for _, bad := range []string{"DATA RACE", "panic:", "defect in the program", "fatal error:"} {
		if strings.Contains(text, bad) {
			s.t.Errorf("the log says %q", bad)
		}
	}
	if s.t.Failed() {
		s.t.Logf("log of the program:\n%s", lastLines(text, 200))
	}
}

func lastLines(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// clientTLS trusts the server's certificate and nothing else.
func (s *server) clientTLS() *tls.Config {
	return &tls.Config{RootCAs: s.trust, ServerName: "localhost", MinVersion: tls.VersionTLS12}
}

func (s *server) wsAddr() string  { return fmt.Sprintf("127.0.0.1:%d", s.wsPort) }
func (s *server) tcpAddr() string { return fmt.Sprintf("127.0.0.1:%d", s.tcpPort) }

// ports hands out ports of loopback. They lie below those that the system gives to
// outgoing connections, one of which could take a port before the server does; and in
// a block that this run of the tests holds by listening on its first port.
var ports struct {
	mu    sync.Mutex // guards the others
	block net.Listener
	next  int
}

const firstPort, blockSize, blocks = 20000, 600, 20

// takeBlock finds a block that no other run of the tests holds.
func takeBlock(t testing.TB) {
	t.Helper()
	for _, n := range rand.Perm(blocks) {
		base := firstPort + n*blockSize
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base)); err == nil {
			ports.block, ports.next = l, base
			return
		}
	}
	t.Fatal("too many runs of these tests at the same time")
}

func freePort(t testing.TB) int {
	t.Helper()
	ports.mu.Lock()
	defer ports.mu.Unlock()
	if ports.block == nil {
		takeBlock(t)
	}
	base := ports.block.Addr().(*net.TCPAddr).Port
	for range blockSize {
		if ports.next++; ports.next >= base+blockSize {
			ports.next = base + 1
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", ports.next))
		if err == nil {
			l.Close()
			return ports.next
		}
	}
	t.Fatal("no port is free on 127.0.0.1")
	return 0
}
