package sql

import (
	"context"
	dbsql "database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// ErrSchema says that the database holds something that this program must not
// touch: a version it does not know, tables of somebody else, or rows that an
// upgrade would fail on.
var ErrSchema = errors.New("the database cannot be used")

func schemaError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSchema, fmt.Sprintf(format, args...))
}

// Upgrade brings the schema to SchemaVersion now instead of at the next start of the
// service. It tries once. watch, which may be nil, is told how far it is.
func Upgrade(ctx context.Context, c Config, log *slog.Logger, watch func(Progress)) error {
	if err := c.check(); err != nil {
		return err
	}
	c = c.withDefaults()
	if err := upgradeWatched(ctx, c, dialectOf(c.Driver), &progress{log: log, watch: watch}, nil); err != nil {
		return fmt.Errorf("upgrade %s: %w", c.where(), explain(err, c))
	}
	return nil
}

// upgrade brings the schema to SchemaVersion (docs/protocol.md 11.3). One lock is
// held from the first look to the last change. Everything that could stop it in the
// middle is looked for before the first change; a change that is there already is
// left out, so that an upgrade that was interrupted goes on.
func upgrade(ctx context.Context, c Config, d *dialect, log *slog.Logger) error {
	return upgradeWatched(ctx, c, d, &progress{log: log}, nil)
}

// upgradeWatched is upgrade. after, which may be nil, is called behind each statement
// that changes something; its error ends the upgrade.
func upgradeWatched(ctx context.Context, c Config, d *dialect, p *progress, after func() error) error {
	steps, err := loadSteps(schemaFiles, c.Driver)
	if err != nil {
		return err
	}
	return withConn(ctx, c, d.openAdmin, func(conn *sqlx.Conn) error {
		return d.exclusively(ctx, conn, c.Name, func() error {
			u := upgrader{conn: conn, dialect: d, config: c, steps: steps, progress: p, after: after}
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
	conn     *sqlx.Conn
	dialect  *dialect
	config   Config
	steps    []step
	have     contents
	rows     map[string]int64 // of tables, roughly, if the database says so
	progress *progress
	after    func() error
}

// change is a part of an upgrade that is there or not.
type change struct {
	what    string // for people
	table   string
	rebuild bool // the table is written anew
	do      func(context.Context) error
}

// upgradePlan is what an upgrade is going to do.
type upgradePlan struct {
	steps    []step
	takeover *takeover // nil: nothing of the predecessor's to mend
	changes  []change
	problems []string // that would stop it in the middle
	notes    []string
	bytes    int64 // that the database server wants free on its disk
}

func (u *upgrader) run(ctx context.Context) error {
	p, err := u.plan(ctx)
	if err != nil {
		return err
	}
	if err := p.refusal(); err != nil {
		return err
	}
	if len(p.changes) == 0 {
		return nil
	}
	if u.have.version > 0 {
		u.progress.log.Info("upgrading the database; that may take a while", "from", u.have.version, "to", SchemaVersion)
	}
	for _, note := range p.notes {
		u.progress.log.Warn("upgrading the database: " + note)
	}
	if err := u.prepare(ctx); err != nil {
		return err
	}
	u.progress.begin(len(p.changes))
	for _, c := range p.changes {
		u.progress.next(c.what)
		if err := c.do(ctx); err != nil {
			return fmt.Errorf("upgrade the database: %s: %w", c.what, translate(err))
		}
		u.progress.finished()
	}
	u.progress.log.Info("the database has its tables", "version", SchemaVersion, "took", u.progress.total().Round(time.Millisecond))
	return nil
}

// prepare sets up the connection for statements that may take long.
func (u *upgrader) prepare(ctx context.Context) error {
	if u.dialect.patience == "" {
		return nil
	}
	_, err := u.conn.ExecContext(ctx, u.dialect.patience)
	return err
}

// plan looks at the database, without changing anything.
func (u *upgrader) plan(ctx context.Context) (p upgradePlan, err error) {
	if u.have, err = look(ctx, u.conn, u.dialect); err != nil {
		return p, damaged(err)
	}
	if p.steps, err = u.have.plan(u.steps); err != nil {
		return p, err
	}
	if u.dialect.takesOver && u.have.version > 0 && u.have.version <= baseVersion {
		if p.takeover, err = u.planTakeover(ctx); err != nil {
			return p, damaged(err)
		}
		p.changes = p.takeover.changes
		p.problems, p.notes = p.takeover.problems, p.takeover.notes
	}
	for _, s := range p.steps {
		p.problems = append(p.problems, u.have.collisions(s)...)
		p.changes = append(p.changes, u.changesOf(s, p.takeover)...)
	}
	if u.dialect.preflight != nil && len(p.changes) > 0 && u.have.version > 0 {
		err = u.dialect.preflight(ctx, u, &p)
	}
	return p, err
}

// refusal joins the problems.
func (p *upgradePlan) refusal() error {
	if len(p.problems) == 0 {
		return nil
	}
	return schemaError("nothing was changed, because the upgrade could not finish: %s", strings.Join(p.problems, "; "))
}

// changesOf are the statements of a step whose change is not there, or may not be after
// a takeover, and the row of db_history.
func (u *upgrader) changesOf(s step, t *takeover) (all []change) {
	for _, st := range s.statements {
		if !u.have.includes(st) || t != nil && t.alters(st.table) {
			all = append(all, change{
				what: fmt.Sprintf("%d: %s", s.version, st), table: st.table, rebuild: st.kind == createTextIndex,
				do: func(ctx context.Context) error { return u.apply(ctx, st) },
			})
		}
	}
	return append(all, change{
		what: fmt.Sprintf("%d: %s", s.version, s.comment), table: "db_history",
		do: func(ctx context.Context) error { return u.noteVersion(ctx, s.version, s.comment) },
	})
}

// apply makes the change of a statement. What was changed before may have brought it.
func (u *upgrader) apply(ctx context.Context, st statement) error {
	if u.have.includes(st) {
		return nil
	}
	u.progress.long(u.rows[st.table])
	if _, err := u.exec(ctx, u.dialect.words.Replace(st.text)); err != nil {
		return err
	}
	u.have.note(st)
	return nil
}

func (u *upgrader) noteVersion(ctx context.Context, version int, comment string) error {
	_, err := u.exec(ctx, `INSERT INTO db_history (version, comment) VALUES (?, ?)`, version, comment)
	return err
}

// execer is a connection or a transaction on it.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (dbsql.Result, error)
}

// exec sends a statement that changes something and returns how many rows it found.
func (u *upgrader) exec(ctx context.Context, query string, args ...any) (int64, error) {
	return u.execOn(ctx, u.conn, query, args...)
}

func (u *upgrader) execOn(ctx context.Context, on execer, query string, args ...any) (int64, error) {
	r, err := on.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	if u.after != nil {
		if err := u.after(); err != nil {
			return 0, err
		}
	}
	return r.RowsAffected()
}
