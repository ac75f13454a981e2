package sql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// copyMarks is the table in the target that says how far an unfinished copy is. A
// database that has it serves nobody.
const copyMarks = "presence_copy"

// unfinishedCopy refuses a database that only a part of another was copied into.
func (h contents) unfinishedCopy() error {
	if h.columns[copyMarks] == nil {
		return nil
	}
	return schemaError("it holds an unfinished copy of another database; run the same presence migrate -to again, which goes on where it stopped, " +
		"or use the former database")
}

// forget leaves out a table.
func (h *contents) forget(table string) {
	delete(h.objects, table)
	delete(h.columns, table)
	delete(h.indexes, table)
	h.filled = slices.DeleteFunc(h.filled, func(filled string) bool { return filled == table })
}

// copyMark is a row of copyMarks. Rows and Sum are those of the whole table in the
// source: by them it is known again.
type copyMark struct {
	Table  string `db:"tableName"`
	Rows   int64  `db:"sourceRows"`
	Sum    string `db:"sourceSum"`
	LastID int64  `db:"lastId"` // of the last row that was copied
}

// copyTarget is the database that is copied into, by the one connection that it is
// used through.
type copyTarget struct {
	conn    *sqlx.Conn
	dialect *dialect
	steps   []step
	name    string // of the database
	packet  int64  // bytes of the longest statement
	server  string

	have  contents             // without copyMarks
	marks map[string]*copyMark // by table; nil: there is no table copyMarks
}

// openCopyTarget makes the pool of one connection that a copy needs: batches go out
// as text, in one go each, and the connection may be idle while the source is read.
func openCopyTarget(c Config) (*sqlx.DB, error) {
	m := mysqlConfig(c)
	m.InterpolateParams = true
	m.MaxAllowedPacket = 0 // ask the server
	m.Params["wait_timeout"] = "86400"
	m.Params["net_write_timeout"] = "600" // while its rows are compared
	pool, err := mysqlPool(m)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	return pool, nil
}

// look reads what the target is and holds.
func (t *copyTarget) look(ctx context.Context) error {
	if err := t.conn.GetContext(ctx, &t.packet, `SELECT @@max_allowed_packet`); err != nil {
		return fmt.Errorf("ask for max_allowed_packet: %w", err)
	}
	t.packet -= 4096 // for the statement around a row
	if err := t.conn.GetContext(ctx, &t.server, t.dialect.version); err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	var err error
	if t.have, err = look(ctx, t.conn, t.dialect); err != nil {
		return err
	}
	t.marks = nil
	if t.have.columns[copyMarks] == nil {
		return nil
	}
	t.have.forget(copyMarks)
	var marks []*copyMark
	err = t.conn.SelectContext(ctx, &marks, `SELECT tableName, sourceRows, sourceSum, lastId FROM `+copyMarks)
	if err != nil {
		return fmt.Errorf("read how far the copy is: %w", err)
	}
	t.marks = map[string]*copyMark{}
	for _, m := range marks {
		t.marks[m.Table] = m
	}
	return nil
}

// missingSteps are those that the target's tables lack.
func (t *copyTarget) missingSteps() ([]step, error) { return t.have.plan(t.steps) }

// mayTake refuses a target that holds anything but empty tables of ours, or an
// unfinished copy.
func (t *copyTarget) mayTake(ctx context.Context, tables []copyTable) error {
	todo, err := t.missingSteps()
	if err != nil {
		return err
	}
	if err := t.refuseOthers(); err != nil {
		return err
	}
	switch v := t.have.version; {
	case v > SchemaVersion:
		return schemaError("its tables have version %d, this program knows %d; copy with the newer program, or name an empty database", v, SchemaVersion)
	case t.marks == nil && v > 0 && len(todo) > 0:
		return schemaError("its tables have version %d, a copy needs %d; name an empty database", v, SchemaVersion)
	case len(t.marks) > 0:
		return nil
	}
	return t.refuseRows(ctx, tables)
}

// refuseOthers refuses tables that are not ours.
func (t *copyTarget) refuseOthers() error {
	var others []string
	for table := range t.have.columns {
		ours := slices.ContainsFunc(t.steps, func(s step) bool {
			return slices.ContainsFunc(s.statements, func(st statement) bool { return st.kind == createTable && st.table == table })
		})
		if !ours {
			others = append(others, table)
		}
	}
	if len(others) == 0 {
		return nil
	}
	slices.Sort(others)
	if len(others) > 5 {
		others = append(others[:5], "…")
	}
	return schemaError("it holds tables of something else (%s); name an empty database", strings.Join(others, ", "))
}

// refuseRows refuses rows that nobody said to replace.
func (t *copyTarget) refuseRows(ctx context.Context, tables []copyTable) error {
	const counted = 1000
	var found []string
	for _, table := range tables {
		if t.have.columns[table.name] == nil {
			continue
		}
		var n int
		err := t.conn.GetContext(ctx, &n, fmt.Sprintf(`SELECT COUNT(*) FROM (SELECT 1 FROM %s LIMIT %d) AS r`, table.name, counted))
		switch {
		case err != nil:
			return fmt.Errorf("look for rows of %s: %w", table.name, err)
		case n == counted:
			found = append(found, fmt.Sprintf("%s: %d or more", table.name, n))
		case n > 0:
			found = append(found, fmt.Sprintf("%s: %d", table.name, n))
		}
	}
	if len(found) > 0 {
		return schemaError("it holds rows already (%s), and nothing is replaced; name an empty database", strings.Join(found, ", "))
	}
	return nil
}

// beginAnew is the advice for a target that a copy cannot go on in.
func (t *copyTarget) beginAnew() string {
	return fmt.Sprintf("DROP DATABASE %s, create it again, then begin anew", quoteName(t.name))
}

// awaitAlone refuses a database that others are connected to: a service that runs
// on it already would write between the copied rows. Connections take a moment to
// end.
func (t *copyTarget) awaitAlone(ctx context.Context) error {
	const tries = 30
	for n := 1; ; n++ {
		var others int
		err := t.conn.GetContext(ctx, &others,
			`SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()`)
		switch {
		case err != nil:
			return fmt.Errorf("look for other connections: %w", err)
		case others == 0:
			return nil
		case n == tries:
			return schemaError("%d other connections use it (SHOW PROCESSLIST on the server lists them); "+
				"stop the service that runs on it, then run this again", others)
		}
		if !wait(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// begin notes what is going to be copied, before anything else: from then on the
// database is known as an unfinished copy.
func (t *copyTarget) begin(ctx context.Context, marks []*copyMark) error {
	_, err := t.conn.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS `+copyMarks+` (
		tableName VARCHAR(64) NOT NULL PRIMARY KEY,
		sourceRows BIGINT NOT NULL,
		sourceSum CHAR(64) NOT NULL,
		lastId BIGINT NOT NULL
	) `+t.dialect.words.Replace("$OPTIONS"))
	if err != nil {
		return fmt.Errorf("create table %s: %w", copyMarks, translate(err))
	}
	var args []any
	for _, m := range marks {
		args = append(args, m.Table, m.Rows, m.Sum, m.LastID)
	}
	into := insertion{head: `INSERT INTO ` + copyMarks + ` (tableName, sourceRows, sourceSum, lastId)`, row: `(?, ?, ?, ?)`}
	if _, err := t.conn.ExecContext(ctx, into.text(len(marks)), args...); err != nil {
		return fmt.Errorf("note what is copied: %w", translate(err))
	}
	t.marks = map[string]*copyMark{}
	for _, m := range marks {
		t.marks[m.Table] = m
	}
	return nil
}

// makeTables makes what is missing of the tables. Indexes that only speed up reads
// wait for the rows: to fill them row by row takes longer.
func (t *copyTarget) makeTables(ctx context.Context) error {
	todo, err := t.missingSteps()
	if err != nil {
		return err
	}
	for _, s := range todo {
		for _, st := range s.statements {
			if st.waits() || t.have.includes(st) {
				continue
			}
			if err := t.change(ctx, st); err != nil {
				return err
			}
		}
		_, err := t.conn.ExecContext(ctx, `INSERT INTO db_history (version, comment) VALUES (?, ?)`, s.version, s.comment)
		if err != nil {
			return fmt.Errorf("note the version %d: %w", s.version, translate(err))
		}
	}
	return nil
}

func (t *copyTarget) change(ctx context.Context, st statement) error {
	if _, err := t.conn.ExecContext(ctx, t.dialect.words.Replace(st.text)); err != nil {
		return fmt.Errorf("%s: %w", st, translate(err))
	}
	t.have.note(st)
	return nil
}

// waits says that a statement is of use after the rows only.
func (s statement) waits() bool { return s.kind == createTextIndex || s.kind == createIndex }

// missingIndexes are those that makeTables has left out. Full-text indexes come
// first: the first one of a table has it written anew, with all indexes it has.
func (t *copyTarget) missingIndexes() (missing []statement) {
	for _, kind := range []kind{createTextIndex, createIndex} {
		for _, s := range t.steps {
			for _, st := range s.statements {
				if st.kind == kind && !t.have.includes(st) {
					missing = append(missing, st)
				}
			}
		}
	}
	return missing
}

// put writes rows and how far the table is, both or neither.
func (t *copyTarget) put(ctx context.Context, into insertion, rows int, args []any, mark copyMark) error {
	tx, err := t.conn.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	if err := putRows(ctx, tx, into, rows, args, mark); err != nil {
		_ = tx.Rollback() // the server does it when the connection ends
		return fmt.Errorf("write rows of %s after _id %d: %w", mark.Table, t.marks[mark.Table].LastID, translate(err))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit rows of %s: %w", mark.Table, err)
	}
	t.marks[mark.Table].LastID = mark.LastID
	return nil
}

func putRows(ctx context.Context, tx *sqlx.Tx, into insertion, rows int, args []any, mark copyMark) error {
	if _, err := tx.ExecContext(ctx, into.text(rows), args...); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE `+copyMarks+` SET lastId = ? WHERE tableName = ?`, mark.LastID, mark.Table)
	return err
}

// finish makes the copy a database like any other.
func (t *copyTarget) finish(ctx context.Context) error {
	if _, err := t.conn.ExecContext(ctx, `DROP TABLE `+copyMarks); err != nil {
		return fmt.Errorf("drop table %s: %w", copyMarks, translate(err))
	}
	return nil
}

// allRows reads the rows of a table in the order of _id.
func (t *copyTarget) allRows(ctx context.Context, table copyTable) (*copyRows, error) {
	rows, err := t.conn.QueryContext(ctx, "SELECT "+table.names("")+" FROM "+table.name+" ORDER BY _id")
	if err != nil {
		return nil, fmt.Errorf("read %s of the target: %w", table.name, err)
	}
	return newCopyRows(table, "the target", rows), nil
}

// each lets the target work out an expression with one placeholder for each value.
func (t *copyTarget) each(ctx context.Context, expression string, values []any) ([]string, error) {
	answers := make([]string, len(values))
	into := make([]any, len(values))
	for n := range answers {
		into[n] = &answers[n]
	}
	query := "SELECT " + strings.Repeat(expression+", ", len(values)-1) + expression
	return answers, t.conn.QueryRowContext(ctx, query, values...).Scan(into...)
}
