package sql

import (
	"context"
	dbsql "database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"presence/rooms"
)

// session is what the statements of one call are sent through: a transaction, or
// the pool when there is a single read.
type session struct {
	db  *DB
	x   sqlx.ExtContext
	tx  *sqlx.Tx // nil outside of transactions
	hot map[string]*sqlx.Stmt
}

// read calls f, whose statements change nothing and need not see the database at
// the same moment.
func (db *DB) read(ctx context.Context, what string, f func(context.Context, session) error) error {
	ctx, cancel := db.limit(ctx, 0)
	defer cancel()
	s := session{db: db, x: db.reader, hot: db.hotReads}
	return wrap(what, retry(ctx, func() (bool, error) {
		err := f(ctx, s)
		return lost(err) || conflicted(err), err
	}))
}

// snapshot calls f, whose statements all see the database of the same moment.
func (db *DB) snapshot(ctx context.Context, what string, f func(context.Context, session) error) error {
	ctx, cancel := db.limit(ctx, 0)
	defer cancel()
	return wrap(what, retry(ctx, func() (bool, error) {
		return db.transact(ctx, db.reader, &dbsql.TxOptions{ReadOnly: true}, db.hotReads, f)
	}))
}

// write calls f in a transaction that changes about so many rows. f is called
// again when the database gave way to another transaction or the connection was
// lost before the commit.
func (db *DB) write(ctx context.Context, what string, rows int, f func(context.Context, session) error) error {
	ctx, cancel := db.limit(ctx, rows)
	defer cancel()
	return wrap(what, retry(ctx, func() (bool, error) {
		return db.transact(ctx, db.writer, nil, db.hotWrites, f)
	}))
}

// transact runs f once; again says that another try may succeed and cannot do the
// work twice.
func (db *DB) transact(ctx context.Context, pool *sqlx.DB, opt *dbsql.TxOptions, hot map[string]*sqlx.Stmt,
	f func(context.Context, session) error,
) (again bool, err error) {
	tx, err := pool.BeginTxx(ctx, opt)
	if err != nil {
		return lost(err) || conflicted(err), err
	}
	if err := f(ctx, session{db: db, x: tx, tx: tx, hot: hot}); err != nil {
		_ = tx.Rollback() // the connection is given up if that fails
		return lost(err) || conflicted(err), err
	}
	err = tx.Commit()
	if err != nil && errors.Is(err, dbsql.ErrTxDone) && ctx.Err() != nil {
		err = ctx.Err() // undone because the time was over
	}
	if err != nil {
		// Any other loss of the connection leaves open whether the commit took place.
		return conflicted(err) || errors.Is(err, driver.ErrBadConn), fmt.Errorf("commit: %w", err)
	}
	return false, nil
}

// limit bounds the time of a call: the configured one, and as much again for each
// thousand rows.
func (db *DB) limit(ctx context.Context, rows int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, db.cfg.Timeout*time.Duration(1+rows/1000))
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, translate(err))
}

const attempts = 5

// retry calls once until it succeeds, says that trying again is of no use, or was
// called attempts times.
func retry(ctx context.Context, once func() (again bool, err error)) error {
	for n := 1; ; n++ {
		again, err := once()
		if err == nil || !again || n == attempts {
			return err
		}
		pause := time.Duration(rand.Int64N(int64(10*time.Millisecond) << n))
		if !wait(ctx, pause) {
			return err
		}
	}
}

// wait returns after the pause, or false when ctx has ended before.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// prepared returns the prepared form of a frequent statement, nil of others.
func (s session) prepared(ctx context.Context, query string) *sqlx.Stmt {
	st := s.hot[query]
	if st != nil && s.tx != nil {
		return s.tx.StmtxContext(ctx, st)
	}
	return st
}

// get reads one row; rooms.ErrNotFound if there is none.
func (s session) get(ctx context.Context, dest any, query string, args ...any) error {
	s.db.queries.Add(1)
	var err error
	if st := s.prepared(ctx, query); st != nil {
		err = st.GetContext(ctx, dest, args...)
	} else {
		err = sqlx.GetContext(ctx, s.x, dest, query, args...)
	}
	if errors.Is(err, dbsql.ErrNoRows) {
		return rooms.ErrNotFound
	}
	return err
}

// list reads rows into dest, whose content it replaces. A slice among the arguments stands for a list of values.
func (s session) list(ctx context.Context, dest any, query string, args ...any) error {
	s.db.queries.Add(1)
	if st := s.prepared(ctx, query); st != nil {
		return st.SelectContext(ctx, dest, args...)
	}
	query, args, err := sqlx.In(query, args...)
	if err != nil {
		return err
	}
	return sqlx.SelectContext(ctx, s.x, dest, s.x.Rebind(query), args...)
}

// exec changes rows and returns how many were found.
func (s session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	s.db.queries.Add(1)
	var r dbsql.Result
	var err error
	if st := s.prepared(ctx, query); st != nil {
		r, err = st.ExecContext(ctx, args...)
	} else {
		r, err = s.x.ExecContext(ctx, query, args...)
	}
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// change is exec for a statement that must find a row; else rooms.ErrNotFound.
func (s session) change(ctx context.Context, query string, args ...any) error {
	n, err := s.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return rooms.ErrNotFound
	}
	return err
}

// valuesAtOnce is how many values one statement looks for.
const valuesAtOnce = 500

// Bounds of one insert: below what SQLite takes as variables, and what a server
// of MySQL takes as one packet.
const (
	batchRows  = 200
	batchBytes = 256 << 10
)

// insertion is an insert of any number of rows.
type insertion struct {
	head string // INSERT INTO table (columns)
	row  string // (?, ?, …)
	tail string // what to do with duplicates
}

// text is the statement for so many rows.
func (i insertion) text(rows int) string {
	return i.head + " VALUES " + strings.Repeat(i.row+", ", rows-1) + i.row + i.tail
}

// insert writes n rows in as few statements as the bounds allow.
func (s session) insert(ctx context.Context, into insertion, n int, row func(i int) []any) error {
	var args []any
	rows, size := 0, 0
	flush := func() error {
		if rows == 0 {
			return nil
		}
		_, err := s.exec(ctx, into.text(rows), args...)
		args, rows, size = args[:0], 0, 0
		return err
	}
	for i := range n {
		values := row(i)
		bytes := sizeOf(values)
		if rows == batchRows || rows > 0 && size+bytes > batchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		args = append(args, values...)
		rows, size = rows+1, size+bytes
	}
	return flush()
}

func sizeOf(values []any) (bytes int) {
	for _, v := range values {
		if s, ok := v.(string); ok {
			bytes += len(s)
		}
	}
	return bytes
}
