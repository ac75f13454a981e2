package sql_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

// logged keeps what is logged and calls seen with each line.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen func(line string)
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	l.text.Write(p)
	l.mu.Unlock()
	if l.seen != nil {
		l.seen(string(p))
	}
	return len(p), nil
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func TestWrongConfigurationIsNotTriedAgain(t *testing.T) {
	server := sql.Config{Driver: sql.MySQL, Host: "127.0.0.1", Port: 3306, User: "u", Name: "n"}
	for want, change := range map[string]func(*sql.Config){
		"unknown driver":          func(c *sql.Config) { c.Driver = "oracle" },
		"neither a name nor":      func(c *sql.Config) { c.Host = "db:3306" },
		"is neither a name":       func(c *sql.Config) { c.Host = "tcp(db)" },
		"neither host nor socket": func(c *sql.Config) { c.Host = "" },
		"the port 0":              func(c *sql.Config) { c.Port = 0 },
		"the port 70000":          func(c *sql.Config) { c.Port = 70000 },
		"no name":                 func(c *sql.Config) { c.Name = "" },
		"no user":                 func(c *sql.Config) { c.User = "" },
		"absolute path":           func(c *sql.Config) { c.Socket = "run/mysqld.sock" },
		"no file":                 func(c *sql.Config) { *c = sql.Config{Driver: sql.SQLite} },
		"zero byte":               func(c *sql.Config) { *c = sql.Config{Driver: sql.SQLite, File: "a\x00"} },
		"does not exist": func(c *sql.Config) {
			*c = sql.Config{Driver: sql.SQLite, File: filepath.Join(t.TempDir(), "none", "presence.db")}
		},
		"cannot be used": func(c *sql.Config) { *c = sql.Config{Driver: sql.SQLite, File: t.TempDir()} },
	} {
		c := server
		change(&c)
		_, err := sql.Open(t.Context(), c, quiet)
		wantErr(t, err, sql.ErrConfig)
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	_, err := sql.Check(t.Context(), sql.Config{Driver: sql.SQLite, File: "/nowhere/presence.db"})
	wantErr(t, err, sql.ErrConfig)
}

func TestPasswordIsNeverPrinted(t *testing.T) {
	c := sql.Config{Driver: sql.MySQL, Host: "h", User: "u", Pass: "s3cret", Name: "n"}
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%v", &c)} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("printed: %s", text)
		}
	}
}

// Open goes on trying, says each time why and what to do, and never the password.
func TestDatabaseAwayAtStart(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	free := closed.Addr().(*net.TCPAddr).Port
	must(t, closed.Close())
	socket := filepath.Join(t.TempDir(), "none.sock")
	for _, tc := range []struct {
		name   string
		config func(t *testing.T) sql.Config
		want   []string // in each line
	}{
		{"nothing listens", func(*testing.T) sql.Config {
			return sql.Config{Driver: sql.MySQL, Host: "127.0.0.1", Port: free, User: "u", Pass: "s3cret", Name: "n"}
		}, []string{"connection refused", "database server runs", fmt.Sprint(free)}},
		{"no socket", func(*testing.T) sql.Config {
			return sql.Config{Driver: sql.MySQL, Socket: socket, User: "u", Pass: "s3cret", Name: "n"}
		}, []string{"none.sock", "path of its socket"}},
		{"no such host", func(*testing.T) sql.Config {
			return sql.Config{Driver: sql.MySQL, Host: "database.invalid", Port: 3306, User: "u", Pass: "s3cret", Name: "n"}
		}, []string{"database.invalid", "name resolution"}},
		{"wrong password", func(t *testing.T) sql.Config {
			c := sqltest.MySQL(t)
			c.Pass = "s3cret"
			return c
		}, []string{"Access denied", "check user and password"}},
		{"no database", func(t *testing.T) sql.Config {
			c := sqltest.MySQL(t)
			c.Name = "presence_not_there"
			return c
		}, []string{"presence_not_there", "CREATE DATABASE"}},
		{"upgrade elsewhere", func(t *testing.T) sql.Config {
			c := sqltest.MySQL(t)
			db := sqltest.Bare(t, c)
			t.Cleanup(func() { db.Close() })
			db.SetMaxOpenConns(1)
			var got int
			must(t, db.QueryRowContext(t.Context(), `SELECT GET_LOCK(?, 0)`, sql.LockName(c.Name)).Scan(&got))
			return c
		}, []string{"another program is upgrading", "wait until it has finished"}},
		{"file is held", func(t *testing.T) sql.Config {
			c := sqltest.SQLite(t)
			must(t, tryOpen(t, c))
			c.Timeout = 100 * time.Millisecond
			db := sqltest.Bare(t, c)
			t.Cleanup(func() { db.Close() })
			db.SetMaxOpenConns(1)
			_, err := db.ExecContext(t.Context(), "BEGIN EXCLUSIVE")
			must(t, err)
			return c
		}, []string{"another program holds the file"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := tc.config(t)
			c.RetryFirst, c.RetryMax = time.Millisecond, 4*time.Millisecond
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			lines := 0
			log := &logged{}
			log.seen = func(line string) {
				for _, want := range append(tc.want, "trying again", "again_in=") {
					if !strings.Contains(line, want) {
						t.Errorf("the log line lacks %q: %s", want, line)
					}
				}
				if lines++; lines == 2 {
					cancel()
				}
			}
			_, err := sql.Open(ctx, c, log.logger())
			if err == nil || !strings.Contains(err.Error(), "given up") {
				t.Errorf("error is %v", err)
			}
			if strings.Contains(fmt.Sprint(err), "s3cret") || strings.Contains(log.text.String(), "s3cret") {
				t.Errorf("the password is told: %v\n%s", err, &log.text)
			}
			if tc.name == "file is held" || tc.name == "upgrade elsewhere" {
				return // the database can be looked at all the same
			}
			_, err = sql.Check(t.Context(), c)
			for _, want := range tc.want {
				if !strings.Contains(fmt.Sprint(err), want) {
					t.Errorf("check says %v; that lacks %q", err, want)
				}
			}
		})
	}
}

func TestServerComesBackWhileOpenWaits(t *testing.T) {
	server := sqltest.Server(t)
	c := server.Fresh(t)
	c.RetryFirst, c.RetryMax = time.Millisecond, 20*time.Millisecond
	server.Stop()
	var once sync.Once
	started := make(chan error, 1)
	log := &logged{seen: func(line string) {
		if strings.Contains(line, "trying again") {
			once.Do(func() { started <- server.Start() })
		}
	}}
	db, err := sql.Open(t.Context(), c, log.logger())
	must(t, err)
	defer db.Close()
	must(t, <-started)
	must(t, db.Ping(t.Context()))
}

func TestSocket(t *testing.T) {
	server := sqltest.Server(t)
	c := server.Fresh(t)
	c.Socket, c.Host, c.Port = server.Socket(), "", 0
	db := sqltest.Open(t, c)
	must(t, db.Ping(t.Context()))
}

// What the administrator of the server has set makes no difference.
func TestServerWithOtherSettings(t *testing.T) {
	server := sqltest.Server(t)
	c := server.Config("presence")
	sqltest.Exec(t, server.Config(""),
		`SET GLOBAL time_zone = '+05:00'`, `SET GLOBAL wait_timeout = 1`,
		`SET GLOBAL sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'`,
		`SET GLOBAL character_set_server = latin1`, `CREATE DATABASE presence CHARACTER SET latin1`)
	db := sqltest.Open(t, c)
	acc := accounts(t, db, 1)
	want := rooms.RoomRecord{
		ID: "room-1", Name: `back\slash "quote" 😀`, OwnerID: acc[0], Settings: []byte(`{}`),
		Created: time.Unix(1709283600, 0).UTC(),
	}
	must(t, db.CreateRoom(t.Context(), want, acc))
	same(t, load(t, db, "room-1").Room, want)
	same(t, scalar[int64](t, c, `SELECT UNIX_TIMESTAMP(created) FROM room`), int64(1709283600))
	err := db.Write(t.Context(), func(ctx context.Context, exec sql.Exec) error {
		_, err := exec(ctx, `UPDATE room SET name = REPEAT('x', 192)`)
		return err
	})
	wantErr(t, err, sql.ErrTooLong) // not cut
	must(t, db.Write(t.Context(), func(ctx context.Context, exec sql.Exec) error {
		_, err := exec(ctx, `UPDATE room SET name = CONCAT(@@SESSION.wait_timeout, ' ', @@SESSION.time_zone)`)
		return err
	}))
	same(t, load(t, db, "room-1").Room.Name, "600 +00:00")
}

// The server crashes and comes back: calls in between fail, those after work, and
// what was answered is there.
func TestServerAwayLater(t *testing.T) {
	server := sqltest.Server(t)
	c := server.Fresh(t)
	db := sqltest.Open(t, c)
	acc := accounts(t, db, 1)
	room(t, db, "room-1", acc...)
	server.Stop()
	for what, err := range map[string]error{
		"write": db.AddMessages(t.Context(), "room-1", messages("lost", acc[0], 1), acc),
		"read":  errOf(db.Page(t.Context(), "room-1", rooms.PageQuery{After: 1, Limit: 9})),
		"load":  errOf(db.LoadRoom(t.Context(), "room-1", 9)),
		"ping":  db.Ping(t.Context()),
	} {
		if err == nil {
			t.Errorf("%s works without a server", what)
		}
	}
	must(t, server.Start())
	must(t, db.AddMessages(t.Context(), "room-1", messages("kept", acc[0], 1), acc))
	must(t, db.Ping(t.Context()))
	same(t, ids(load(t, db, "room-1").Tail), []string{"msg-kept-0"})
}

func errOf[T any](_ T, err error) error { return err }

// A server that stands still costs a call its time limit and no more.
func TestFrozenServer(t *testing.T) {
	server := sqltest.Server(t)
	c := server.Fresh(t)
	c.Timeout = time.Second
	db := sqltest.Open(t, c)
	acc := accounts(t, db, 1)
	room(t, db, "room-1", acc...)
	server.Freeze(t)
	begun := time.Now()
	if err := db.AddMessages(t.Context(), "room-1", messages("a", acc[0], 1), acc); err == nil {
		t.Error("a frozen server has stored a message")
	}
	if err := errOf(db.LoadRoom(t.Context(), "room-1", 9)); err == nil {
		t.Error("a frozen server has loaded a room")
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("two calls took %v", took)
	}
	server.Thaw(t)
	must(t, db.AddMessages(t.Context(), "room-1", messages("b", acc[0], 1), acc))
}

// The connection is killed in the middle of a transaction: it is run again.
func TestKilledConnection(t *testing.T) {
	c := sqltest.MySQL(t)
	db := sqltest.Open(t, c)
	tries := 0
	err := db.Write(t.Context(), func(ctx context.Context, exec sql.Exec) error {
		if _, err := exec(ctx, `INSERT INTO account (clientId, name, settings) VALUES ('acc-1', 'x', '{}')`); err != nil {
			return err
		}
		if tries++; tries == 1 {
			id := scalar[int64](t, c, `SELECT p.ID FROM information_schema.PROCESSLIST p
				JOIN information_schema.INNODB_TRX x ON x.trx_mysql_thread_id = p.ID WHERE p.DB = DATABASE()`)
			sqltest.Exec(t, c, fmt.Sprintf("KILL CONNECTION %d", id))
		}
		_, err := exec(ctx, `INSERT INTO account (clientId, name, settings) VALUES ('acc-2', 'x', '{}')`)
		return err
	})
	must(t, err)
	if n := scalar[int](t, c, `SELECT COUNT(*) FROM account`); n != 2 || tries != 2 {
		t.Errorf("%d rows after %d tries, want 2 after 2", n, tries)
	}
}

// Two transactions take two rows in opposite order; the one that the server gives
// up is run again.
func TestDeadlockIsRunAgain(t *testing.T) {
	c := sqltest.MySQL(t)
	db := sqltest.Open(t, c)
	accounts(t, db, 2)
	var wg, bothHold sync.WaitGroup
	bothHold.Add(2)
	var mu sync.Mutex
	tries := 0
	for _, order := range [][2]string{{"acc-0", "acc-1"}, {"acc-1", "acc-0"}} {
		wg.Go(func() {
			first := true
			err := db.Write(t.Context(), func(ctx context.Context, exec sql.Exec) error {
				mu.Lock()
				tries++
				mu.Unlock()
				for n, id := range order {
					if _, err := exec(ctx, `UPDATE account SET fLastUpdate = COALESCE(fLastUpdate, 0) + 1 WHERE clientId = ?`, id); err != nil {
						return err
					}
					if n == 0 && first {
						first = false
						bothHold.Done()
						bothHold.Wait()
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := scalar[int](t, c, `SELECT COUNT(*) FROM account WHERE fLastUpdate = 2`); n != 2 || tries < 3 {
		t.Errorf("%d rows are right after %d tries", n, tries)
	}
}

func TestCanceledCallChangesNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		wantErr(t, db.AddMessages(canceled, "room-1", messages("a", acc[0], 1), nil), context.Canceled)
		wantErr(t, errOf(db.LoadRoom(canceled, "room-1", 1)), context.Canceled)

		ctx, cancel := context.WithCancel(t.Context())
		err := db.Write(ctx, func(ctx context.Context, exec sql.Exec) error {
			_, err := exec(ctx, `INSERT INTO account (clientId, name, settings) VALUES ('acc-9', 'x', '{}')`)
			cancel()
			return err
		})
		if err == nil {
			t.Error("a transaction is committed after its context has ended")
		}
		all, err := db.Accounts(t.Context())
		must(t, err)
		if len(all) != 1 || len(load(t, db, "room-1").Tail) != 0 {
			t.Error("a canceled call has changed something")
		}
	})
}

// A writer that does not end is ended by its time limit; readers do not wait for
// it at all.
func TestWriterThatDoesNotEnd(t *testing.T) {
	c := sqltest.SQLite(t)
	c.Timeout = 500 * time.Millisecond
	db := sqltest.Open(t, c)
	acc := accounts(t, db, 1)
	room(t, db, "room-1", acc...)
	err := db.Write(t.Context(), func(ctx context.Context, exec sql.Exec) error {
		if _, err := exec(ctx, `INSERT INTO account (clientId, name, settings) VALUES ('acc-9', 'x', '{}')`); err != nil {
			return err
		}
		short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		wantErr(t, db.TouchLogin(short, acc[0]), context.DeadlineExceeded)
		same(t, load(t, db, "room-1").Authorized, acc)
		<-ctx.Done()
		return nil
	})
	wantErr(t, err, context.DeadlineExceeded)
	must(t, db.TouchLogin(t.Context(), acc[0]))
	all, err := db.Accounts(t.Context())
	must(t, err)
	if len(all) != 1 {
		t.Error("what was ended is stored")
	}
}

func TestClosedDatabase(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db, err := sql.Open(t.Context(), c, quiet)
		must(t, err)
		must(t, db.Close())
		if db.Ping(t.Context()) == nil || errOf(db.Accounts(t.Context())) == nil || db.TouchLogin(t.Context(), "acc-1") == nil {
			t.Error("a closed database answers")
		}
	})
}
