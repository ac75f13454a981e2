package sqltest

import (
	"context"
	dbsql "database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"presence/sql"
)

// shared is the server of this test process. It has to live longer than any test.
var shared struct {
	once   sync.Once
	server *MariaDB
	config sql.Config // without database
	err    error

	databases atomic.Int64 // made so far
}

// Main runs the tests of a package, ends the server if one was started, and fails
// if goroutines are left over. It is called by TestMain.
func Main(m *testing.M) { goleak.VerifyTestMain(runner{m}) }

type runner struct{ m *testing.M }

func (r runner) Run() int {
	code := r.m.Run()
	if shared.server == nil {
		return code
	}
	if err := shared.server.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, "sqltest:", err)
		return max(code, 1)
	}
	return code
}

// Each runs body once for each kind of database. open opens the test's database,
// again and again if wanted; what it returns is closed after the test.
func Each(t *testing.T, body func(t *testing.T, open func() *sql.DB)) {
	EachConfig(t, func(t *testing.T, c sql.Config) {
		body(t, func() *sql.DB { return Open(t, c) })
	})
}

// EachConfig is Each for tests that open the database themselves.
func EachConfig(t *testing.T, body func(t *testing.T, c sql.Config)) {
	t.Run("sqlite", func(t *testing.T) { body(t, SQLite(t)) })
	t.Run("mariadb", func(t *testing.T) { body(t, MySQL(t)) })
}

// Open opens a database and closes it after the test.
func Open(t testing.TB, c sql.Config) *sql.DB {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	if _, measured := t.(*testing.B); measured {
		log = slog.New(slog.DiscardHandler)
	}
	db, err := sql.Open(t.Context(), c, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// SQLite is the configuration of a file that does not exist yet.
func SQLite(t testing.TB) sql.Config {
	return sql.Config{Driver: sql.SQLite, File: filepath.Join(t.TempDir(), "presence.db")}
}

// MySQL is the configuration of an empty database, which is dropped after the
// test. Without a server the test is skipped.
func MySQL(t testing.TB) sql.Config {
	t.Helper()
	shared.once.Do(func() { shared.config, shared.err = startShared() })
	demand(t, shared.err)
	return freshDatabase(t, shared.config)
}

// startShared uses the server that is named in the environment, or starts one.
func startShared() (sql.Config, error) {
	if named := os.Getenv("PRESENCE_TEST_MYSQL"); named != "" {
		return parseServer(named)
	}
	server, err := newMariaDB()
	if err != nil {
		return sql.Config{}, err
	}
	shared.server = server
	return server.Config(""), nil
}

func parseServer(named string) (sql.Config, error) {
	part := strings.SplitN(named, ":", 4)
	if len(part) != 4 {
		return sql.Config{}, errors.New("PRESENCE_TEST_MYSQL must be host:port:user:password")
	}
	port, err := strconv.Atoi(part[1])
	if err != nil {
		return sql.Config{}, errors.New("PRESENCE_TEST_MYSQL: the port is no number")
	}
	return sql.Config{Driver: sql.MySQL, Host: part[0], Port: port, User: part[2], Pass: part[3]}, nil
}

// demand ends the test when there is no server to test with.
func demand(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errNotInstalled) && os.Getenv("PRESENCE_TEST_REQUIRE_ALL") != "1":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

// freshDatabase makes a database that is dropped after the test.
func freshDatabase(t testing.TB, server sql.Config) sql.Config {
	t.Helper()
	c := server
	c.Name = fmt.Sprintf("presence_test_%d_%d", os.Getpid(), shared.databases.Add(1))
	Exec(t, server, "CREATE DATABASE "+c.Name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
	t.Cleanup(func() { Exec(t, server, "DROP DATABASE IF EXISTS "+c.Name) })
	return c
}

// Server starts a server for this test alone, which may stop and start it.
func Server(t testing.TB) *MariaDB {
	t.Helper()
	server, err := newMariaDB()
	demand(t, err)
	t.Cleanup(func() {
		if err := server.Remove(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// Fresh makes an empty database on the server, which goes with the server.
func (s *MariaDB) Fresh(t testing.TB) sql.Config {
	t.Helper()
	name := fmt.Sprintf("presence_test_%d", shared.databases.Add(1))
	Exec(t, s.Config(""), "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
	return s.Config(name)
}

// Exec sends statements with the bare driver, as an administrator would.
func Exec(t testing.TB, c sql.Config, statements ...string) {
	t.Helper()
	db := Bare(t, c)
	defer db.Close()
	for _, s := range statements {
		// Also in cleanups, when the context of the test has ended.
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// Bare opens a database with its driver alone, past package sql. The caller closes
// it.
func Bare(t testing.TB, c sql.Config) *dbsql.DB {
	t.Helper()
	if c.Driver == sql.SQLite {
		db, err := dbsql.Open("sqlite", c.File)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db, err := connect(c)
	if err != nil {
		t.Fatal(err)
	}
	return db
}
