package sql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jmoiron/sqlx"
)

// ErrSchema says that the database holds something that this program must not
// touch: a version it does not know, or tables of somebody else.
var ErrSchema = errors.New("the database cannot be used")

func schemaError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSchema, fmt.Sprintf(format, args...))
}

// upgrade brings the schema to SchemaVersion (docs/protocol.md 11.3). One lock is
// held from the first look to the last change; a statement whose change is there
// already is left out, so that an upgrade that was interrupted goes on.
func upgrade(ctx context.Context, c Config, d *dialect, log *slog.Logger) error {
	steps, err := loadSteps(schemaFiles, c.Driver)
	if err != nil {
		return err
	}
	return withConn(ctx, c, d.openAdmin, func(conn *sqlx.Conn) error {
		return d.exclusively(ctx, conn, c.Name, func() error {
			u := upgrader{conn: conn, dialect: d, log: log, steps: steps}
			return u.run(ctx)
		})
	})
}

// withConn calls f with the only connection of a pool of its own.
func withConn(ctx context.Context, c Config, open func(Config) (*sqlx.DB, error), f func(*sqlx.Conn) error) error {
	pool, err := open(c)
	if err != nil {
		return err
	}
	connecting, cancel := context.WithTimeout(ctx, 2*c.Timeout)
	conn, err := pool.Connx(connecting)
	cancel()
	if err != nil {
		_ = pool.Close() // there is nothing in it
		return damaged(fmt.Errorf("connect: %w", err))
	}
	err = f(conn)
	closing := errors.Join(conn.Close(), pool.Close())
	if err == nil {
		err = closing
	}
	return err
}

type upgrader struct {
	conn    *sqlx.Conn
	dialect *dialect
	log     *slog.Logger
	steps   []step
	have    contents
}

func (u *upgrader) run(ctx context.Context) error {
	var err error
	if u.have, err = look(ctx, u.conn, u.dialect); err != nil {
		return damaged(err)
	}
	todo, err := u.have.plan(u.steps)
	if err != nil {
		return err
	}
	if len(todo) > 0 && u.have.version > 0 {
		u.log.Info("upgrading the database; that may take a while", "from", u.have.version, "to", SchemaVersion)
	}
	for _, s := range todo {
		if err := u.apply(ctx, s); err != nil {
			return fmt.Errorf("upgrade the database to version %d: %w", s.version, err)
		}
	}
	if len(todo) > 0 {
		u.log.Info("the database has its tables", "version", SchemaVersion)
	}
	return nil
}

func (u *upgrader) apply(ctx context.Context, s step) error {
	for _, st := range s.statements {
		if u.have.includes(st) {
			continue
		}
		u.log.Debug("database upgrade", "version", s.version, "change", st.String())
		if _, err := u.conn.ExecContext(ctx, u.dialect.words.Replace(st.text)); err != nil {
			return fmt.Errorf("%s: %w", st, translate(err))
		}
		u.have.note(st)
	}
	_, err := u.conn.ExecContext(ctx, `INSERT INTO db_history (version, comment) VALUES (?, ?)`, s.version, s.comment)
	if err != nil {
		return fmt.Errorf("note the version: %w", translate(err))
	}
	return nil
}
