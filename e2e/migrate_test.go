package e2e

import (
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"presence/sql"
	"presence/sql/sqltest"
)

// urlOf is the address of a database for -to, without password.
func urlOf(c sql.Config) string {
	return fmt.Sprintf("mysql://%s@%s/%s", c.User, net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), c.Name)
}

// migrate starts presence migrate -to with the server's configuration, and the
// password of the target in a file.
func (s *server) migrate(target sql.Config, more ...string) *process {
	s.t.Helper()
	if err := os.WriteFile(s.path("password"), []byte(target.Pass+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	args := []string{"migrate", "-config", "presence.ini", "-to", urlOf(target), "-password-file", "password"}
	return launch(s.t, newOutput(), s.folder, s.program(), append(args, more...)...)
}

// mustEnd waits for the end of a process, which must have said all parts, and
// nothing of what is secret.
func mustEnd(t *testing.T, p *process, status int, secret string, says ...string) string {
	t.Helper()
	got, text := p.exitStatus(3*patience), p.output.String()
	if got != status {
		t.Errorf("exit status %d, want %d", got, status)
	}
	for _, part := range says {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q", part)
		}
	}
	if strings.Contains(text, secret) {
		t.Error("it says the password")
	}
	for _, bad := range []string{"DATA RACE", "goroutine ", "panic:"} {
		if strings.Contains(text, bad) {
			t.Errorf("it says %q", bad)
		}
	}
	if t.Failed() {
		t.Fatalf("output:\n%s", text)
	}
	return text
}

func (s *server) sqliteFile() sql.Config {
	return sql.Config{Driver: sql.SQLite, File: filepath.Join(s.folder, "data", "presence.db")}
}

func fileSum(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(text)
}

// TestMigrateToServer is a move as an administrator does it: people talk, the
// service is stopped, everything is copied, the settings that were printed are
// taken over, and people find everything.
func TestMigrateToServer(t *testing.T) {
	target := sqltest.Server(t).Fresh(t)
	s := newServer(t)
	s.localUsers("ada", "bo")
	s.start()
	ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), tcp)
	room := ada.createRoom("Harbor")
	ada.add(room, bo)
	for _, text := range []string{"hello Bo 👋", "Ünïcödé ' \\ \"", strings.Repeat("long ", 2000)} {
		ada.say(room, text)
		bo.sees(room, text)
	}
	bo.say(room, "the lighthouse is dark")
	ada.sees(room, "the lighthouse is dark")
	before := ada.logOf(room)

	// While it runs nothing is copied, but everything can be tried.
	mustEnd(t, s.migrate(target), 1, target.Pass, "is in use", "stop the service", fmt.Sprintf("process %d", s.proc.pid()))
	mustEnd(t, s.migrate(target, "-dry-run"), 0, target.Pass, "message", "Nothing was changed")
	ada.say(room, "still here")
	bo.sees(room, "still here")
	s.stop()

	sum := fileSum(t, s.sqliteFile().File)
	said := mustEnd(t, s.migrate(target), 0, target.Pass, "Everything is copied", "checksum", "presence.ini", "not in the copy")
	if fileSum(t, s.sqliteFile().File) != sum {
		t.Error("the file has changed")
	}
	for _, left := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(s.sqliteFile().File + left); err == nil {
			t.Errorf("there is a file %s now", left)
		}
	}
	mustEnd(t, s.migrate(target), 1, target.Pass, "rows already", "account: 2")

	_, printed, _ := strings.Cut(said, "  [database]\n")
	printed, _, _ = strings.Cut(printed, "\n\n")
	s.ini["database"] = []string{strings.ReplaceAll(printed, "PASSWORD", target.Pass)}
	s.start()
	adaAgain, boAgain := s.login(t, local("ada"), ws), s.login(t, local("bo"), ws)
	if adaAgain.id != ada.id || boAgain.id != bo.id {
		t.Errorf("the accounts are %s and %s, before they were %s and %s", adaAgain.id, boAgain.id, ada.id, bo.id)
	}
	for _, u := range []*user{adaAgain, boAgain} {
		u.expect(u.event(object{"type": "join", "data": object{"joined": object{"clientId": room, "name": "Harbor"}}}))
		if got, want := u.logOf(room), append(slices.Clone(before), "still here"); !slices.Equal(got, want) {
			t.Errorf("the log of %s is %.200q, want %.200q", u.login, got, want)
		}
	}
	if got := adaAgain.found(room, "lighthouse"); !slices.Equal(got, []string{"the lighthouse is dark"}) {
		t.Errorf("the search finds %q", got)
	}
	adaAgain.say(room, "on the server now")
	boAgain.sees(room, "on the server now")
	db := sqltest.Bare(t, target)
	defer db.Close()
	var n int
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM message WHERE message = 'on the server now'`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d messages on the server: %v", n, err)
	}
	mustEnd(t, s.migrate(target), 78, target.Pass, "on a server already")
}

// TestMigrateKilled: a copy that is killed in the middle leaves a database that
// serves nobody; the same command goes on, and the result is whole.
func TestMigrateKilled(t *testing.T) {
	mariadb := sqltest.Server(t)
	target := mariadb.Fresh(t)
	s := newServer(t)
	s.localUsers("ada")
	s.start()
	ada := s.login(t, local("ada"), ws)
	room := ada.createRoom("Harbor")
	s.proc.kill() // a log is left beside the file
	const rows = 40_000
	sqltest.Exec(t, s.sqliteFile(), `DROP TRIGGER message_text_insert`, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message, status)
		SELECT printf('msg-%%d', i), '%s', '%s', 1709283600000 + i, 'msg', 'Ada', printf('text %%d', i), '' FROM n`, rows, room, ada.id))

	p := s.migrate(target)
	server := target
	server.Name = "" // a connection to the database itself would be taken for a service
	db := sqltest.Bare(t, server)
	defer db.Close()
	last := 0
	poll(t, func() bool {
		if !p.running() {
			t.Fatalf("it ended before it could be killed:\n%s", p.output)
		}
		err := db.QueryRowContext(t.Context(), `SELECT lastId FROM `+target.Name+`.presence_copy WHERE tableName = 'message'`).Scan(&last)
		return err == nil && last > rows/10
	}, func() string { return p.output.String() })
	p.signal(syscall.SIGSTOP) // a service that starts meanwhile waits
	s.launch()
	s.proc.awaitLine("another program holds the file")
	s.proc.kill()
	p.kill()
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+target.Name+`.message`).Scan(&last); err != nil || last >= rows {
		t.Fatalf("%d rows were copied: %v", last, err)
	}

	onServer := newServer(t)
	onServer.useDatabase(target)
	onServer.launch()
	mustEnd(t, onServer.proc, 1, target.Pass, "unfinished copy", "presence migrate -to")

	text := mustEnd(t, s.migrate(target), 0, target.Pass, "Everything is copied", "compare message", "there already")
	if !strings.Contains(text, grouped(rows)) {
		t.Errorf("it does not say that there are %d rows:\n%s", rows, text)
	}
	t.Logf("killed after %d rows; then:\n%s", last, text)
	onServer.localUsers("ada")
	onServer.start()
	again := onServer.login(t, local("ada"), ws)
	again.expect(again.event(object{"type": "join", "data": object{"joined": object{"clientId": room, "name": "Harbor"}}}))
	if got := again.logPage(room, object{"length": 30}); len(got) == 0 || got[len(got)-1] != fmt.Sprint("text ", rows) {
		t.Errorf("the log ends with %q", got)
	}
}

// grouped writes a number as the program does.
func grouped(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }

// TestMigratePassword: however the password is given, it is taken and not shown.
func TestMigratePassword(t *testing.T) {
	target := sqltest.Server(t).Fresh(t)
	s := newServer(t)
	s.localUsers("ada")
	s.start()
	s.login(t, local("ada"), ws)
	s.stop()
	run := func(input string, args ...string) *process {
		t.Helper()
		if err := os.WriteFile(s.path("input"), []byte(input), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"-c", `exec "$0" migrate "$@" <input`, s.program(), "-dry-run", "-config", "presence.ini"}, args...)
		return launch(t, newOutput(), s.folder, "/bin/sh", args...)
	}
	address := urlOf(target)
	withPassword := strings.Replace(address, "@", ":"+target.Pass+"@", 1)
	wrong := strings.Replace(address, "@", ":wrong-and-secret@", 1)
	mustEnd(t, run(target.Pass+"\n", "-to", address, "-password-file", "-"), 0, target.Pass, "Nothing was changed")
	mustEnd(t, run("", "-to", withPassword), 0, target.Pass, "Nothing was changed", "others on this machine can see")
	mustEnd(t, run("", "-to", wrong), 1, "wrong-and-secret", "refuses user")
	mustEnd(t, run("", "-to", address), 1, target.Pass, "refuses user")
	mustEnd(t, run("wrong-and-secret", "-to", address, "-password-file", "-"), 1, "wrong-and-secret", "refuses user")
	mustEnd(t, run("a\nb\n", "-to", address, "-password-file", "-"), 1, target.Pass, "more than one line")
	mustEnd(t, run("", "-to", address, "-password-file", "no-such-file"), 1, target.Pass, "no-such-file")
	mustEnd(t, run(target.Pass, "-to", withPassword, "-password-file", "-"), 2, target.Pass, "give one of them")
	mustEnd(t, run("", "-to", withPassword+"%zz"), 2, target.Pass, "mysql://user@host:3306/name")
	mustEnd(t, run("", "-to", "sqlite:///tmp/x.db"), 2, target.Pass, "MySQL or MariaDB only")
	mustEnd(t, run("", "-password-file", "-"), 2, target.Pass, "-to only")

	p, keys := s.onTerminal(t, "migrate", "-dry-run", "-config", "presence.ini", "-to", address)
	p.awaitLine("Password of presence for " + target.Name + ": ")
	if _, err := keys.WriteString(target.Pass + "\n"); err != nil {
		t.Fatal(err)
	}
	text := mustEnd(t, p, 0, target.Pass, "Nothing was changed")
	if !strings.Contains(text, "\rcheck account            [") {
		t.Errorf("there is no bar:\n%q", text)
	}
	p, _ = s.onTerminal(t, "migrate", "-dry-run", "-config", "presence.ini", "-to", address)
	p.awaitLine("Password of presence")
	p.signal(syscall.SIGINT)
	mustEnd(t, p, 1, target.Pass, "interrupted")
}

// onTerminal starts the program on a terminal of its own; what is written to keys
// is typed there.
func (s *server) onTerminal(t *testing.T, args ...string) (p *process, keys *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	var locked, number int32
	for request, value := range map[uintptr]*int32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &number} {
		raw, err := keys.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var failed syscall.Errno
		err = raw.Control(func(fd uintptr) {
			_, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(value)))
		})
		if err != nil || failed != 0 {
			t.Fatal(err, failed)
		}
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	p = &process{t: t, output: newOutput(), ended: make(chan struct{})}
	p.cmd = exec.Command(s.program(), args...)
	p.cmd.Dir, p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = s.folder, terminal, terminal, terminal
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GORACE=exitcode=66"}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		buf := make([]byte, 4096)
		for { // reading fails when nobody has the terminal open any more
			n, err := keys.Read(buf)
			_, _ = p.output.Write(buf[:n]) // never fails
			if err != nil {
				return
			}
		}
	}()
	terminal.Close()
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the exit status says how it ended
		<-shown
	}()
	t.Cleanup(func() {
		p.kill()
		keys.Close()
	})
	return p, keys
}
