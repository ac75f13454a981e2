package sql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"presence/rooms"
)

// DB is a database that is open and has the schema of this program. It is safe
// for concurrent use. Every call has a time limit; one that failed because the
// database was away works again when it is back.
type DB struct {
	cfg            Config
	log            *slog.Logger
	dialect        *dialect
	writer, reader *sqlx.DB // the same for MySQL

	messageReads        messageReads
	listReads           listReads
	hotReads, hotWrites map[string]*sqlx.Stmt // by text; not changed after Open
	minToken            int                   // characters of the shortest word in a full-text index

	queries atomic.Uint64
}

var _ rooms.Store = (*DB)(nil)

// Open connects to the database and upgrades its schema. While the database is
// away it tries again, and says so in the log, until ctx ends. What no waiting can
// mend comes back at once: ErrConfig, ErrSchema.
func Open(ctx context.Context, c Config, log *slog.Logger) (*DB, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	pause := c.RetryFirst
	for {
		db, err := open(ctx, c, log)
		switch {
		case err == nil:
			return db, nil
		case errors.Is(err, ErrConfig):
			return nil, err
		case errors.Is(err, ErrSchema):
			return nil, fmt.Errorf("open %s: %w", c.where(), err)
		case ctx.Err() != nil:
			return nil, fmt.Errorf("open %s: given up: %w", c.where(), explain(err, c))
		}
		log.Warn("the database cannot be opened; trying again", "database", c.where(),
			"err", err, "advice", advice(err, c), "again_in", pause)
		if !wait(ctx, pause) {
			return nil, fmt.Errorf("open %s: given up: %w", c.where(), explain(err, c))
		}
		pause = min(2*pause, c.RetryMax)
	}
}

// open is one attempt.
func open(ctx context.Context, c Config, log *slog.Logger) (*DB, error) {
	d := dialectOf(c.Driver)
	if err := upgrade(ctx, c, d, log); err != nil {
		return nil, err
	}
	writer, reader, err := d.open(c)
	if err != nil {
		return nil, err
	}
	db := &DB{
		cfg: c, log: log, dialect: d, writer: writer, reader: reader,
		messageReads: newMessageReads(d), listReads: newListReads(d),
	}
	if err := db.prepare(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// prepare connects and prepares the frequent statements.
func (db *DB) prepare(ctx context.Context) error {
	ctx, cancel := db.limit(ctx, 0)
	defer cancel()
	var err error
	db.hotWrites, err = prepareAll(ctx, db.writer, []string{messageInsert.text(1), noteActivity, db.markInsert().text(1)})
	if err != nil {
		return err
	}
	if db.hotReads, err = prepareAll(ctx, db.reader, db.messageReads.all()); err != nil {
		return err
	}
	if db.dialect.minToken == "" {
		return nil
	}
	return translate(db.reader.GetContext(ctx, &db.minToken, db.dialect.minToken))
}

func prepareAll(ctx context.Context, pool *sqlx.DB, texts []string) (map[string]*sqlx.Stmt, error) {
	all := make(map[string]*sqlx.Stmt, len(texts))
	for _, text := range texts {
		st, err := pool.PreparexContext(ctx, text)
		if err != nil {
			return all, fmt.Errorf("prepare statements: %w", translate(err))
		}
		all[text] = st
	}
	return all, nil
}

// Close ends all connections. Calls that are under way fail.
func (db *DB) Close() error {
	var errs []error
	for _, hot := range []map[string]*sqlx.Stmt{db.hotReads, db.hotWrites} {
		for _, st := range hot {
			errs = append(errs, st.Close())
		}
	}
	errs = append(errs, db.reader.Close())
	if db.writer != db.reader {
		errs = append(errs, db.writer.Close()) // last: SQLite then tidies its files
	}
	return errors.Join(errs...)
}

// Ping asks the database for a sign of life.
func (db *DB) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, min(db.cfg.Timeout, 2*time.Second))
	defer cancel()
	var one int
	return wrap("ask "+db.cfg.where(), db.reader.GetContext(ctx, &one, "SELECT 1"))
}

// Queries counts the statements that were sent since Open.
func (db *DB) Queries() uint64 { return db.queries.Load() }
