package sql

import (
	"context"
	dbsql "database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/jmoiron/sqlx"
	sqlitelib "modernc.org/sqlite/lib"
)

// copySource is the file that is copied. All reads see it as it was at one moment,
// and if it is held no other program can write to it.
type copySource struct {
	file   *os.File // to ask for locks; closed last, because that gives up those of SQLite
	holder *sqlx.DB // nil: the file is not held
	held   *sqlx.Tx // of holder; writes nothing
	reader *sqlx.DB
	conn   *sqlx.Conn // of reader
	moment *sqlx.Tx   // of conn; holds what conn sees

	// leftOver says that a program that did not end well has left a log behind. The
	// last connection that may write puts it into the file; that must not happen here.
	leftOver bool
}

// openCopySource opens the file without changing it. With hold it is refused while
// other programs have it open, and kept from them until close: they find it busy.
func openCopySource(ctx context.Context, c Config, hold bool) (*copySource, error) {
	missing, err := fileToMake(c.File)
	if err != nil {
		return nil, err
	}
	if missing {
		return nil, configError("there is no database file %s, so there is nothing to copy", c.File)
	}
	path, err := usableFile(c.File, 0)
	if err != nil {
		return nil, err
	}
	s := &copySource{}
	if err := s.open(ctx, path, c, hold); err != nil {
		return nil, errors.Join(damaged(err), s.close())
	}
	return s, nil
}

func (s *copySource) open(ctx context.Context, path string, c Config, hold bool) (err error) {
	if s.file, err = os.Open(path); err != nil {
		return err
	}
	log, err := os.Stat(path + "-wal")
	s.leftOver = err == nil && log.Size() > 0
	if hold {
		if err := s.hold(ctx, path, c); err != nil {
			return err
		}
	}
	s.reader, err = openURL(path, url.Values{"mode": {"ro"}, "_pragma": {busyTimeout(c.Timeout)}})
	if err != nil {
		return err
	}
	if s.conn, err = s.reader.Connx(ctx); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if s.moment, err = s.conn.BeginTxx(ctx, &dbsql.TxOptions{ReadOnly: true}); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	var tables int // the first read is the moment
	if err := s.conn.GetContext(ctx, &tables, `SELECT COUNT(*) FROM sqlite_master`); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// hold begins a transaction that only one program can have at a time, and then
// looks for others that might want one later.
func (s *copySource) hold(ctx context.Context, path string, c Config) error {
	var err error
	s.holder, err = openURL(path, url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_pragma": {busyTimeout(c.Timeout)}})
	if err != nil {
		return err
	}
	s.held, err = s.holder.BeginTxx(ctx, nil)
	if liteCode(err) == sqlitelib.SQLITE_BUSY {
		return errInUse(path, "another program writes to it")
	}
	if err != nil {
		return fmt.Errorf("hold %s: %w", path, err)
	}
	who, err := otherUser(s.file)
	if err != nil {
		return fmt.Errorf("look who uses %s: %w", path, err)
	}
	if who != "" {
		return errInUse(path, who+" has it open")
	}
	return nil
}

func errInUse(path, who string) error {
	return fmt.Errorf("%s is in use: %s; stop the service, then run this again", path, who)
}

// The bytes of a file by whose locks SQLite tells who uses it (PENDING_BYTE and the
// rest in SQLite's os.h). A connection in WAL mode has a lock there as long as it
// is open.
const (
	lockFirst = 0x40000000
	lockCount = 512
)

// otherUser names another process that has a SQLite file open; empty if there is
// none.
func otherUser(f *os.File) (string, error) {
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: lockFirst, Len: lockCount}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock); err != nil {
		return "", err
	}
	if lock.Type == syscall.F_UNLCK {
		return "", nil
	}
	if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", lock.Pid)); err == nil {
		return fmt.Sprintf("process %d (%s)", lock.Pid, strings.TrimSpace(string(name))), nil
	}
	return fmt.Sprintf("process %d", lock.Pid), nil
}

// close gives the file back, with the bytes that it had.
func (s *copySource) close() error {
	// The last connection to close tidies up: one that may write removes the log,
	// which is empty then; one that may not leaves everything.
	first, last := s.closeReader, s.closeHolder
	if s.leftOver {
		first, last = last, first
	}
	err := errors.Join(first(), last())
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

func (s *copySource) closeReader() (err error) {
	if s.moment != nil {
		_ = s.moment.Rollback() // is over already when its context is
	}
	if s.conn != nil {
		err = s.conn.Close()
	}
	if s.reader != nil {
		err = errors.Join(err, s.reader.Close())
	}
	return err
}

func (s *copySource) closeHolder() error {
	if s.held != nil {
		_ = s.held.Rollback() // is over already when its context is
	}
	if s.holder == nil {
		return nil
	}
	return s.holder.Close()
}

// rowsAfter reads the rows of a table whose _id is greater, in its order. The sign
// before each column keeps the driver from guessing by the column's type.
func (s *copySource) rowsAfter(ctx context.Context, t copyTable, id int64) (*copyRows, error) {
	rows, err := s.conn.QueryContext(ctx, "SELECT "+t.names("+")+" FROM "+t.name+" WHERE _id > ? ORDER BY _id", id)
	if err != nil {
		return nil, fmt.Errorf("read %s of the source: %w", t.name, err)
	}
	return newCopyRows(t, "the source", rows), nil
}

// allRows are also those whose _id is no id.
func (s *copySource) allRows(ctx context.Context, t copyTable) (*copyRows, error) {
	return s.rowsAfter(ctx, t, math.MinInt64)
}

// count is the number of rows of each table.
func (s *copySource) count(ctx context.Context, tables []copyTable) (counts []int64, err error) {
	for _, t := range tables {
		n, err := s.countUpTo(ctx, t, math.MaxInt64)
		if err != nil {
			return nil, err
		}
		counts = append(counts, n)
	}
	return counts, nil
}

// countUpTo is the number of rows up to an _id.
func (s *copySource) countUpTo(ctx context.Context, t copyTable, id int64) (n int64, err error) {
	if err := s.conn.GetContext(ctx, &n, "SELECT COUNT(*) FROM "+t.name+" WHERE _id <= ?", id); err != nil {
		return 0, fmt.Errorf("count the rows of %s: %w", t.name, err)
	}
	return n, nil
}

// copyRows are the rows of a table as they come from a database.
type copyRows struct {
	table  copyTable
	where  string // "the source" or "the target"
	rows   *dbsql.Rows
	values []any // of the present row: int64, string, []byte, float64 or nil
	into   []any
}

func newCopyRows(t copyTable, where string, rows *dbsql.Rows) *copyRows {
	r := &copyRows{table: t, where: where, rows: rows, values: make([]any, len(t.columns)), into: make([]any, len(t.columns))}
	for n := range r.values {
		r.into[n] = &r.values[n]
	}
	return r
}

// next reads a row; false after the last one.
func (r *copyRows) next() (bool, error) {
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return false, fmt.Errorf("read %s of %s: %w", r.table.name, r.where, err)
		}
		return false, nil
	}
	if err := r.rows.Scan(r.into...); err != nil {
		return false, fmt.Errorf("read %s of %s: %w", r.table.name, r.where, err)
	}
	return true, nil
}

// id is the _id of the present row.
func (r *copyRows) id() int64 {
	id, _ := r.values[0].(int64)
	return id
}

func (r *copyRows) close() { _ = r.rows.Close() } // what failed was seen by next
