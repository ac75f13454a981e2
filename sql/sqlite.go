package sql

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

func sqliteDialect() *dialect {
	return &dialect{
		words: strings.NewReplacer(
			"$ID", "INTEGER PRIMARY KEY AUTOINCREMENT",
			"$JSON", "TEXT",
			" $OPTIONS", "",
		),
		ignoreDuplicate: func(string) string { return " ON CONFLICT DO NOTHING" },
		forwardMark: ` ON CONFLICT (roomId, userId) DO UPDATE
			SET lastReadId = excluded.lastReadId, lastReadTime = excluded.lastReadTime
			WHERE excluded.lastReadTime > COALESCE(room_user_messages.lastReadTime, 0)`,
		inRoom:      func(room string) string { return "m.roomId = " + room + " AND m.roomId <= " + room },
		eachLog:     ` CROSS JOIN message m ON `,
		search:      searchSQLite,
		open:        openSQLite,
		openAdmin:   openSQLiteAdmin,
		openLook:    openSQLiteLook,
		exclusively: lockSQLite,
		objects: `SELECT name AS objectName, type = 'table' AS isTable, 1 AS folded FROM sqlite_master
			WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`,
		columns: `SELECT m.name AS tableName, c.name AS columnName
			FROM sqlite_master m JOIN pragma_table_info(m.name) c
			WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'`,
		indexes: `SELECT m.name AS tableName, l.name AS indexName, i.name AS columnName, 0 AS ofTexts
			FROM sqlite_master m JOIN pragma_index_list(m.name) l JOIN pragma_index_info(l.name) i
			WHERE m.type = 'table' AND i.name IS NOT NULL ORDER BY m.name, l.name, i.seqno`,
		version: `SELECT 'SQLite ' || sqlite_version()`,
	}
}

// openSQLite opens the file twice: one connection that writes, a few that read.
//
// synchronous=FULL: a commit is on the disk before it is answered. With NORMAL a
// crash of the process loses nothing either, but a power cut may lose the last
// commits, and with them messages that others have already seen.
func openSQLite(c Config) (writer, reader *sqlx.DB, err error) {
	path, err := makeFile(c.File)
	if err != nil {
		return nil, nil, err
	}
	writer, err = openFile(path, c.Timeout, "_txlock", "immediate")
	if err != nil {
		return nil, nil, err
	}
	writer.SetMaxOpenConns(1)
	reader, err = openFile(path, c.Timeout, "_pragma", "query_only(1)")
	if err != nil {
		return nil, nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(c.PoolSize)
	reader.SetMaxIdleConns(c.PoolSize)
	return writer, reader, nil
}

// openFile makes a pool with one option, a name and its value, besides the common
// ones; it opens nothing yet.
func openFile(path string, timeout time.Duration, option, value string) (*sqlx.DB, error) {
	q := url.Values{"_pragma": {
		busyTimeout(timeout), "journal_mode(WAL)", "synchronous(FULL)",
		"foreign_keys(1)", "journal_size_limit(67108864)",
	}}
	q.Add(option, value)
	return openURL(path, q)
}

// busyTimeout is how long a statement waits for another program: a little shorter
// than the call, so that the error says what happened.
func busyTimeout(call time.Duration) string {
	return fmt.Sprintf("busy_timeout(%d)", (call * 4 / 5).Milliseconds())
}

func openURL(path string, q url.Values) (*sqlx.DB, error) {
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	db, err := sqlx.Open("sqlite", u.String())
	if err != nil {
		return nil, configError("%v", err)
	}
	return db, nil
}

// makeFile makes sure that the file can be written and that nobody else on the
// machine can read it.
func makeFile(name string) (path string, err error) {
	return usableFile(name, os.O_CREATE)
}

// usableFile says what is wrong with a file that cannot be read and written; with
// os.O_CREATE it is made if it does not exist.
func usableFile(name string, create int) (path string, err error) {
	path, err = filepath.Abs(name)
	if err != nil {
		return "", configError("the file %s: %v", name, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|create, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", configError("the folder %s of the database file does not exist; create it, or name another file", filepath.Dir(path))
	case errors.Is(err, fs.ErrPermission):
		return "", configError("the database file %s may not be read and written by this user; mend the rights of file and folder", path)
	case err != nil:
		return "", configError("the database file %s cannot be used: %v", path, err)
	}
	return path, f.Close()
}

// fileToMake says whether the file does not exist yet; an error says why it cannot
// be made.
func fileToMake(name string) (bool, error) {
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	folder := filepath.Dir(name)
	if s, err := os.Stat(folder); err != nil || !s.IsDir() {
		return false, configError("the folder %s of the database file does not exist; create it, or name another file", folder)
	}
	const mayWrite = 2
	if err := syscall.Access(folder, mayWrite); err != nil {
		return false, configError("no file can be made in the folder %s: %v; mend its rights, or name another file", folder, err)
	}
	return true, nil
}

// openSQLiteAdmin opens the file alone, with one connection.
func openSQLiteAdmin(c Config) (*sqlx.DB, error) {
	path, err := makeFile(c.File)
	if err != nil {
		return nil, err
	}
	db, err := openFile(path, c.Timeout, "_txlock", "immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// openSQLiteLook opens a file that exists, and neither changes nor creates any.
func openSQLiteLook(c Config) (*sqlx.DB, error) {
	path, err := usableFile(c.File, 0)
	if err != nil {
		return nil, err
	}
	return openURL(path, url.Values{"mode": {"ro"}, "_pragma": {busyTimeout(c.Timeout)}})
}

// lockSQLite makes the whole upgrade one transaction, which no other program can
// write beside.
func lockSQLite(ctx context.Context, c *sqlx.Conn, _ string, f func() error) error {
	tx, err := c.BeginTxx(ctx, nil) // immediate, see openSQLiteAdmin
	if err != nil {
		return fmt.Errorf("wait for the upgrade lock: %w", err)
	}
	if err := f(); err != nil {
		_ = tx.Rollback() // undone already when ctx has ended
		return err
	}
	return tx.Commit()
}
