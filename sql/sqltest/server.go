package sqltest

import (
	"bytes"
	"context"
	"crypto/rand"
	dbsql "database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"presence/sql"
)

// Limits of what the server may take.
const (
	installTime = 2 * time.Minute
	startTime   = time.Minute
	stopTime    = 20 * time.Second
)

// errNotInstalled says which program is missing.
var errNotInstalled = errors.New("not installed (Debian: mariadb-server-core, mariadb-client-core)")

// MariaDB is a server of the test's own: data in a temporary folder, a loopback
// port, one user with all rights.
type MariaDB struct {
	folder string
	port   int
	pass   string

	process *exec.Cmd
	ended   chan struct{} // closed when the process is gone
}

// program finds a program of MariaDB; daemons are not in the path of all users.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, folder := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is %w", name, errNotInstalled)
}

// newMariaDB makes a data folder and starts a server on it.
func newMariaDB() (*MariaDB, error) {
	install, err := program("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	if _, err := program("mariadbd"); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(shortTempDir(), "mdb")
	if err != nil {
		return nil, err
	}
	s := &MariaDB{folder: folder, pass: rand.Text()}
	if err := s.install(install); err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	return s, nil
}

// shortTempDir is a folder for sockets, whose paths may have 107 bytes.
func shortTempDir() string {
	if folder := os.TempDir(); len(folder) < 80 {
		return folder
	}
	return "/tmp"
}

func (s *MariaDB) path(name string) string { return filepath.Join(s.folder, name) }

func (s *MariaDB) install(installer string) error {
	ctx, cancel := context.WithTimeout(context.Background(), installTime)
	defer cancel()
	args := []string{
		"--no-defaults", "--datadir=" + s.path("data"), "--tmpdir=" + s.folder,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
	}
	args = append(args, asRoot()...)
	out, err := exec.CommandContext(ctx, installer, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, tail(out))
	}
	user := fmt.Sprintf("CREATE USER IF NOT EXISTS 'presence'@'%%' IDENTIFIED BY '%s';\n"+
		"GRANT ALL PRIVILEGES ON *.* TO 'presence'@'%%' WITH GRANT OPTION;\n", s.pass)
	return os.WriteFile(s.path("init.sql"), []byte(user), 0o600)
}

// asRoot lets the server run as root where the tests do, in containers.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// Start starts the server, again on the port it had before, and waits until it
// answers.
func (s *MariaDB) Start() error {
	var err error
	for range 3 { // somebody may take the port that was free a moment ago
		if err = s.start(); err == nil {
			return nil
		}
		s.Stop()
	}
	return err
}

func (s *MariaDB) start() error {
	daemon, err := program("mariadbd")
	if err != nil {
		return err
	}
	if s.port == 0 {
		if s.port, err = freePort(); err != nil {
			return err
		}
	}
	if err := s.launch(daemon); err != nil {
		s.port = 0
		return err
	}
	if err := s.awaitAnswer(); err != nil {
		log, _ := os.ReadFile(s.path("log"))
		return fmt.Errorf("mariadbd: %w\n%s", err, tail(log))
	}
	return nil
}

func (s *MariaDB) launch(daemon string) error {
	log, err := os.OpenFile(s.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{
		"--no-defaults", "--datadir=" + s.path("data"), "--tmpdir=" + s.folder,
		"--socket=" + s.path("s"), "--pid-file=" + s.path("pid"), "--init-file=" + s.path("init.sql"),
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.port),
		"--skip-name-resolve", "--skip-log-bin", "--performance-schema=OFF", "--max-connections=200",
		"--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--innodb-log-buffer-size=2M",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF", "--key-buffer-size=1M",
		"--innodb-fast-shutdown=1", "--thread-cache-size=8",
	}
	s.process = exec.Command(daemon, append(args, asRoot()...)...)
	s.process.Stdout, s.process.Stderr = log, log
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.ended = make(chan struct{})
	started := make(chan error, 1)
	process, ended := s.process, s.ended
	go func() {
		defer close(ended)
		// The signal comes when the starting thread ends: this one lives as long
		// as the server or the test process.
		runtime.LockOSThread()
		err := process.Start()
		started <- err
		if err == nil {
			_ = process.Wait() // how it ended is in its log
		}
	}()
	return <-started
}

func (s *MariaDB) awaitAnswer() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	db, err := s.admin("")
	if err != nil {
		return err
	}
	defer db.Close()
	ticker := time.NewTicker(30 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("it ended while starting: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-ticker.C:
		}
	}
}

// Stop ends the server and waits until it is gone; its data stays for Start.
func (s *MariaDB) Stop() {
	if s.process == nil || s.process.Process == nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		s.Kill()
	}
}

// Kill ends the server at once, as a crash would.
func (s *MariaDB) Kill() {
	_ = s.process.Process.Kill()
	<-s.ended
}

// Remove ends the server and deletes its data.
func (s *MariaDB) Remove() error {
	s.Stop()
	return os.RemoveAll(s.folder)
}

// Config is that of a database on this server.
func (s *MariaDB) Config(database string) sql.Config {
	return sql.Config{
		Driver: sql.MySQL, Host: "127.0.0.1", Port: s.port,
		User: "presence", Pass: s.pass, Name: database,
	}
}

// Socket is the path of the server's unix socket.
func (s *MariaDB) Socket() string { return s.path("s") }

func (s *MariaDB) admin(database string) (*dbsql.DB, error) {
	return connect(s.Config(database))
}

// connect opens a pool of the bare driver.
func connect(c sql.Config) (*dbsql.DB, error) {
	m := mysql.NewConfig()
	m.Net, m.Addr = "tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	m.User, m.Passwd, m.DBName = c.User, c.Pass, c.Name
	m.Timeout = 5 * time.Second
	m.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(m)
	if err != nil {
		return nil, err
	}
	return dbsql.OpenDB(connector), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// tail is the end of an output, for errors.
func tail(out []byte) []byte {
	return out[max(0, len(out)-2000):]
}

// Freeze lets the server stand still until Thaw, or the end of the test.
func (s *MariaDB) Freeze(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGSTOP)
	t.Cleanup(func() { s.signal(t, syscall.SIGCONT) })
	ticker, limit := time.NewTicker(time.Millisecond), time.NewTimer(stopTime)
	defer ticker.Stop()
	defer limit.Stop()
	for !s.isStopped() {
		select {
		case <-ticker.C:
		case <-limit.C:
			t.Fatal("the server does not stand still")
		}
	}
}

// isStopped says whether every thread of the server stands still: the signal takes a
// moment to reach them. Where the system does not tell, it is believed.
func (s *MariaDB) isStopped() bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.process.Process.Pid))
	for _, path := range stats {
		text, err := os.ReadFile(path)
		_, state, found := bytes.Cut(text, []byte(") "))
		if err == nil && found && state[0] != 'T' {
			return false
		}
	}
	return true
}

// Thaw lets it go on.
func (s *MariaDB) Thaw(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGCONT)
}

func (s *MariaDB) signal(t testing.TB, signal os.Signal) {
	t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}
