package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// CopyOptions say how Copy works.
type CopyOptions struct {
	DryRun   bool         // look through everything, copy and change nothing
	Progress CopyProgress // may be nil

	batchRows, batchBytes int                // 0: the usual bounds of a statement
	reached               func(string) error // of tests: an error ends the copy there
}

// CopyProgress is told how far a copy is: of one part after the other, how many of
// its rows are done. A negative total means that there are none to count.
type CopyProgress interface {
	Begin(what string, done, total int64)
	At(done int64)
	End()
}

// CopyReport is what Copy has found and done.
type CopyReport struct {
	Source, Target string // without password
	Server         string // name and version of the target's program
	Continued      bool   // an earlier copy that was interrupted
	Tables         []CopiedTable
	Left           []string // tables and columns of the source that are not Presence's
}

// CopiedTable is a table of a CopyReport. Sums are SHA-256 over all columns of all
// rows, in hexadecimal digits; empty if it did not come so far.
type CopiedTable struct {
	Name                   string
	SourceRows, TargetRows int64
	SourceSum, TargetSum   string
	Copied                 int64 // rows by this call
}

// Copy copies everything from a SQLite file into an empty database of MySQL, and
// compares both afterwards. The source is not changed, and no other program can
// write to it meanwhile; it is refused while one has it open. What the target would
// refuse is found before it is changed. A copy that was interrupted is continued by
// calling Copy again; until it is complete, Open refuses the target.
func Copy(ctx context.Context, source, target Config, o CopyOptions) (CopyReport, error) {
	k := &copier{o: o, report: CopyReport{Source: source.where(), Target: target.where()}}
	if err := k.prepare(source, target); err != nil {
		return k.report, err
	}
	source, target = source.withDefaults(), target.withDefaults()
	var err error
	if k.source, err = openCopySource(ctx, source, !o.DryRun); err != nil {
		return k.report, fmt.Errorf("the source: %w", err)
	}
	// The source is held until the connection to the target has ended.
	err = k.toTarget(ctx, target)
	if closing := k.source.close(); err == nil && closing != nil {
		err = fmt.Errorf("close the source: %w", closing)
	}
	return k.report, err
}

// copier is one copy under way.
type copier struct {
	o      CopyOptions
	report CopyReport
	tables []copyTable
	source *copySource
	target *copyTarget
}

// Bounds of one insert; it is also kept below half of what the server takes.
const (
	copyRowsAtOnce  = 1000
	copyBytesAtOnce = 1 << 20
)

// prepare checks what can be known before anything is opened.
func (k *copier) prepare(source, target Config) error {
	switch {
	case source.Driver == MySQL:
		return configError("the database of the configuration is on a server already, and a copy goes from a SQLite file into one; " +
			"between two servers use their dump program")
	case target.Driver == SQLite:
		return configError("a copy goes from a SQLite file into a database of MySQL or MariaDB, not into a file")
	}
	if err := source.check(); err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	if err := target.check(); err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	if k.o.Progress == nil {
		k.o.Progress = noProgress{}
	}
	if k.o.batchRows == 0 {
		k.o.batchRows, k.o.batchBytes = copyRowsAtOnce, copyBytesAtOnce
	}
	if k.o.reached == nil {
		k.o.reached = func(string) error { return nil }
	}
	return nil
}

type noProgress struct{}

func (noProgress) Begin(string, int64, int64) {}
func (noProgress) At(int64)                   {}
func (noProgress) End()                       {}

// toTarget connects to the target, and copies. Its upgrade lock is held, so that
// neither a service nor another copy can begin there.
func (k *copier) toTarget(ctx context.Context, c Config) error {
	steps, err := loadSteps(schemaFiles, MySQL)
	if err != nil {
		return err
	}
	if k.tables, err = copyTables(steps); err != nil {
		return err
	}
	if err := k.lookAtSource(ctx); err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	err = withConn(ctx, c, openCopyTarget, func(conn *sqlx.Conn) error {
		d := dialectOf(MySQL)
		k.target = &copyTarget{conn: conn, dialect: d, steps: steps, name: c.Name}
		if k.o.DryRun {
			return k.examine(ctx)
		}
		return d.exclusively(ctx, conn, c.Name, func() error { return k.run(ctx) })
	})
	switch {
	case err == nil, errors.Is(err, errUncopyable), errors.Is(err, errDiffers):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: %w", ctx.Err())
	case liteCode(err) != 0:
		return fmt.Errorf("the source: %w", damaged(err))
	}
	return fmt.Errorf("the target, %s: %w", c.where(), explain(err, c))
}

// lookAtSource refuses a source that is not what this program makes.
func (k *copier) lookAtSource(ctx context.Context) error {
	steps, err := loadSteps(schemaFiles, SQLite)
	if err != nil {
		return err
	}
	have, err := look(ctx, k.source.conn, dialectOf(SQLite))
	if err != nil {
		return damaged(err)
	}
	todo, err := have.plan(steps)
	switch {
	case err != nil:
		return err
	case have.version == 0:
		return schemaError("it has no tables, so there is nothing to copy")
	case have.version > SchemaVersion:
		return schemaError("its schema has version %d, this program knows %d; copy it with the newer program", have.version, SchemaVersion)
	case len(todo) > 0:
		return schemaError("its schema has version %d, a copy needs %d; upgrade it first: presence migrate without -to", have.version, SchemaVersion)
	}
	k.report.Left = k.leftOut(have, steps)
	return nil
}

// leftOut lists what the source holds besides the tables of the schema.
func (k *copier) leftOut(have contents, steps []step) (names []string) {
	known := knownTables(steps)
	for table, columns := range have.columns {
		if !known[table] {
			names = append(names, "table "+table)
			continue
		}
		n := slices.IndexFunc(k.tables, func(t copyTable) bool { return t.name == table })
		for _, c := range columns {
			if n >= 0 && !slices.ContainsFunc(k.tables[n].columns, func(own copyColumn) bool { return strings.EqualFold(own.name, c) }) {
				names = append(names, "column "+table+"."+c)
			}
		}
	}
	slices.Sort(names)
	return names
}

// knownTables are those that the steps make, with those that SQLite makes for the
// full-text ones among them.
func knownTables(steps []step) map[string]bool {
	known := map[string]bool{}
	for _, s := range steps {
		for _, st := range s.statements {
			known[st.table] = true
			if strings.HasPrefix(st.text, "CREATE VIRTUAL ") {
				for _, part := range []string{"_config", "_content", "_data", "_docsize", "_idx"} {
					known[st.table+part] = true
				}
			}
		}
	}
	return known
}

// run is the whole of a copy.
func (k *copier) run(ctx context.Context) error {
	if err := k.target.awaitAlone(ctx); err != nil {
		return err
	}
	if err := k.examine(ctx); err != nil {
		return err
	}
	if err := k.begin(ctx); err != nil {
		return err
	}
	if err := k.target.makeTables(ctx); err != nil {
		return err
	}
	if err := k.o.reached("tables"); err != nil {
		return err
	}
	for n, t := range k.tables {
		if err := k.copyTable(ctx, t, &k.report.Tables[n]); err != nil {
			return err
		}
	}
	if err := k.makeIndexes(ctx); err != nil {
		return err
	}
	if err := k.verify(ctx); err != nil {
		return err
	}
	if err := k.o.reached("verified"); err != nil {
		return err
	}
	return k.target.finish(ctx)
}

// examine looks at the target and through the source, and changes neither.
func (k *copier) examine(ctx context.Context) error {
	if err := k.target.look(ctx); err != nil {
		return err
	}
	k.report.Server = k.target.server
	if err := k.target.mayTake(ctx, k.tables); err != nil {
		return err
	}
	counts, err := k.source.count(ctx, k.tables)
	if err != nil {
		return err
	}
	w, err := newWeights(ctx, k.target)
	if err != nil {
		return err
	}
	var problems copyProblems
	for n, t := range k.tables {
		sum, err := k.examineTable(ctx, t, counts[n], w, &problems)
		if err != nil {
			return err
		}
		k.report.Tables = append(k.report.Tables, CopiedTable{Name: t.name, SourceRows: sum.rows, SourceSum: sum.text()})
	}
	if err := problems.err(); err != nil {
		return err
	}
	return k.compareMarks()
}

// examineTable looks at every row of a table, and sums them up.
func (k *copier) examineTable(ctx context.Context, t copyTable, count int64, w *weights, problems *copyProblems) (*rowSum, error) {
	c := checker{
		table: t, problems: problems, packet: k.target.packet,
		documents: newDocumentCheck(k.target, problems, t),
	}
	for _, columns := range t.unique {
		key, err := newKeyCheck(ctx, k.source, w, problems, t, columns)
		if err != nil {
			return nil, err
		}
		defer key.close()
		c.keys = append(c.keys, key)
	}
	k.o.Progress.Begin("check "+t.name, 0, count)
	sum, err := k.checkRows(ctx, &c)
	if err != nil {
		return nil, err
	}
	if err := c.documents.ask(ctx); err != nil {
		return nil, err
	}
	if err := k.source.checkParents(ctx, t, problems); err != nil {
		return nil, err
	}
	k.o.Progress.End()
	return sum, nil
}

// checkRows has each row checked. With problems the sum is of no use.
func (k *copier) checkRows(ctx context.Context, c *checker) (*rowSum, error) {
	rows, err := k.source.allRows(ctx, c.table)
	if err != nil {
		return nil, err
	}
	defer rows.close()
	sum := newRowSum()
	for {
		more, err := rows.next()
		if err != nil || !more {
			return sum, err
		}
		if err := c.check(ctx, rows); err != nil {
			return nil, err
		}
		if c.problems.count() > 0 {
			continue
		}
		if err := sum.add(rows); err != nil {
			return nil, err
		}
		k.o.Progress.At(sum.rows)
	}
}

// compareMarks says whether the unfinished copy in the target, if there is one, is
// one of this source as it is now.
func (k *copier) compareMarks() error {
	if k.target.marks == nil {
		return nil
	}
	k.report.Continued = true
	if len(k.target.marks) == 0 {
		return nil // it had only begun
	}
	for _, t := range k.report.Tables {
		m := k.target.marks[t.Name]
		if m == nil || m.Rows != t.SourceRows || m.Sum != t.SourceSum {
			return schemaError("it holds an unfinished copy of something else, or the source has changed since then (table %s); %s",
				t.Name, k.target.beginAnew())
		}
	}
	return nil
}

// begin makes the table of marks, unless it is complete already.
func (k *copier) begin(ctx context.Context) error {
	if len(k.target.marks) > 0 {
		return nil
	}
	var marks []*copyMark
	for _, t := range k.report.Tables {
		marks = append(marks, &copyMark{Table: t.Name, Rows: t.SourceRows, Sum: t.SourceSum})
	}
	if err := k.target.begin(ctx, marks); err != nil {
		return err
	}
	return k.o.reached("begun")
}

// copyTable writes the rows that the target does not have yet.
func (k *copier) copyTable(ctx context.Context, t copyTable, report *CopiedTable) error {
	mark := *k.target.marks[t.name]
	before, err := k.source.countUpTo(ctx, t, mark.LastID)
	if err != nil {
		return err
	}
	rows, err := k.source.rowsAfter(ctx, t, mark.LastID)
	if err != nil {
		return err
	}
	defer rows.close()
	k.o.Progress.Begin("copy "+t.name, before, report.SourceRows)
	b := copyBatch{
		copier: k, mark: mark,
		into: insertion{
			head: "INSERT INTO " + t.name + " (" + t.names("") + ")",
			row:  "(" + strings.Repeat("?, ", len(t.columns)-1) + "?)",
		},
	}
	for {
		more, err := rows.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := b.add(ctx, rows); err != nil {
			return err
		}
		k.o.Progress.At(before + b.copied)
	}
	if err := b.flush(ctx); err != nil {
		return err
	}
	report.Copied = b.copied
	k.o.Progress.At(before + b.copied)
	k.o.Progress.End()
	return k.o.reached("table " + t.name)
}

// copyBatch collects rows for one insert.
type copyBatch struct {
	copier *copier
	into   insertion
	mark   copyMark
	args   []any
	rows   int
	bytes  int64
	copied int64
}

// add takes in the row that r stands on.
func (b *copyBatch) add(ctx context.Context, r *copyRows) error {
	size := literalBytes(r.values)
	most := min(int64(b.copier.o.batchBytes), b.copier.target.packet/2)
	if b.rows == b.copier.o.batchRows || b.rows > 0 && b.bytes+size > most {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	for _, v := range r.values {
		if bytes, isBytes := v.([]byte); isBytes {
			v = string(bytes) // as a text, not as a binary literal
		}
		b.args = append(b.args, v)
	}
	b.mark.LastID = r.id()
	b.rows++
	b.bytes += size
	return nil
}

// flush writes what was collected.
func (b *copyBatch) flush(ctx context.Context) error {
	if b.rows == 0 {
		return nil
	}
	if err := b.copier.target.put(ctx, b.into, b.rows, b.args, b.mark); err != nil {
		return err
	}
	b.copied += int64(b.rows)
	clear(b.args) // the values may be large
	b.args, b.rows, b.bytes = b.args[:0], 0, 0
	return b.copier.o.reached("batch of " + b.mark.Table)
}

// makeIndexes makes what has waited for the rows.
func (k *copier) makeIndexes(ctx context.Context) error {
	for _, st := range k.target.missingIndexes() {
		k.o.Progress.Begin(st.String(), 0, -1)
		if err := k.target.change(ctx, st); err != nil {
			return err
		}
		k.o.Progress.End()
		if err := k.o.reached(st.String()); err != nil {
			return err
		}
	}
	return nil
}
