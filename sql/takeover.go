package sql

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// takeover brings the tables of the predecessor, version 2 to 42, to its version 42
// (docs/protocol.md 11.5). What is to be done follows from what is there, not from
// the recorded version alone: an upgrade that was interrupted goes on that way. The
// changes come in this order:
//
//	foreign keys that are in the way of a new character set go
//	columns, engine, character set of each table, in one statement
//	rows that keys or types to come would not accept
//	types, unique keys; new tables; foreign keys
//	rows that need them: read marks, half-done edits and deletions
//	the row of db_history
type takeover struct {
	u        *upgrader
	version  int
	found    found
	wanted   []wantedTable
	changes  []change
	repairs  []*repair
	problems []string
	notes    []string
}

func (u *upgrader) planTakeover(ctx context.Context) (*takeover, error) {
	t := &takeover{u: u, version: u.have.version}
	var err error
	if t.wanted, err = wantedTables(u.steps[0], u.dialect.words); err != nil {
		return nil, err
	}
	if t.found, err = findTables(ctx, u.conn); err != nil {
		return nil, err
	}
	if lacking := t.lacking(); len(lacking) > 0 {
		return nil, schemaError("its schema says version %d, but it lacks %s; restore it from a backup", t.version, some(lacking))
	}
	if wrong := t.wrongTypes(); len(wrong) > 0 {
		return nil, schemaError("its schema says version %d, but %s; restore it from a backup", t.version, some(wrong))
	}
	for w, f := range t.tables { // tables of different collations cannot be joined
		f.convert = !strings.EqualFold(f.Engine.String, "InnoDB") || f.foreignText(w)
	}
	for _, part := range []func(context.Context) error{
		t.planFreeColumns, t.planColumns, t.planRows, t.planKeys, t.planForeignKeys, t.planMarks, t.planVersion,
	} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// tables goes through the wanted tables that are there.
func (t *takeover) tables(yield func(wantedTable, *foundTable) bool) {
	for _, w := range t.wanted {
		if f := t.found[w.name]; f != nil && !yield(w, f) {
			return
		}
	}
}

func (t *takeover) anyConverted() bool {
	for _, f := range t.found {
		if f.convert {
			return true
		}
	}
	return false
}

// alters says that a table is changed.
func (t *takeover) alters(table string) bool {
	return slices.ContainsFunc(t.changes, func(c change) bool { return c.table == table })
}

// lacking lists what the recorded version must have.
func (t *takeover) lacking() (names []string) {
	for _, w := range t.wanted {
		f := t.found[w.name]
		if f == nil {
			if due(w.name, t.version) {
				names = append(names, "table "+w.name)
			}
			continue
		}
		for _, c := range w.columns {
			if f.column(w.name, c.name) == nil && due(w.name+"."+c.name, t.version) {
				names = append(names, "column "+w.name+"."+c.name)
			}
		}
	}
	return names
}

// kinds are the types that can be, or can become, what is wanted.
var kinds = map[string][]string{
	"VARCHAR":   {"varchar", "char"},
	"TEXT":      {"text", "mediumtext", "longtext", "tinytext", "varchar", "char"},
	"JSON":      {"json", "longtext", "mediumtext", "text", "tinytext", "varchar", "char"},
	"BIGINT":    {"bigint", "int", "mediumint", "smallint"},
	"INT":       {"int", "bigint", "mediumint", "smallint"},
	"BOOLEAN":   {"tinyint", "smallint", "int"},
	"TIMESTAMP": {"timestamp", "datetime"},
}

// maxKeyChars is the longest text that can be one of two in an index.
const maxKeyChars = 383

func (t *takeover) wrongTypes() (wrong []string) {
	for w, f := range t.tables {
		for _, c := range w.columns {
			g := f.column(w.name, c.name)
			name := w.name + "." + c.name
			switch {
			case g == nil:
			case !slices.Contains(kinds[c.kind], g.Type):
				wrong = append(wrong, fmt.Sprintf("column %s is a %s instead of a %s", name, g.Type, c.kind))
			case c.kind == "VARCHAR" && g.Chars.Int64 > maxKeyChars:
				wrong = append(wrong, fmt.Sprintf("column %s has %d characters instead of %d", name, g.Chars.Int64, c.chars))
			case c.name == "_id" && (!strings.Contains(g.Extra, "auto_increment") || g.Key != "PRI"):
				wrong = append(wrong, fmt.Sprintf("column %s does not count the rows", name))
			}
		}
	}
	return wrong
}

// add notes a change that one statement makes.
func (t *takeover) add(what, table, statement string, rebuild bool) {
	t.changes = append(t.changes, change{what: what, table: table, rebuild: rebuild, do: func(ctx context.Context) error {
		t.u.progress.long(t.u.rows[table])
		_, err := t.u.exec(ctx, statement)
		return err
	}})
}

// planVersion ends the takeover: whatever was there is version 42 now. Afterwards the
// own steps look at the tables as they have become.
func (t *takeover) planVersion(context.Context) error {
	if t.version < baseVersion {
		comment := fmt.Sprintf("taken over from version %d", t.version)
		t.changes = append(t.changes, change{
			what: fmt.Sprintf("%d: %s", baseVersion, comment), table: "db_history",
			do: func(ctx context.Context) error { return t.u.noteVersion(ctx, baseVersion, comment) },
		})
	}
	if len(t.changes) == 0 {
		return nil
	}
	last := &t.changes[len(t.changes)-1]
	do := last.do
	last.do = func(ctx context.Context) error {
		if err := do(ctx); err != nil {
			return err
		}
		var err error
		t.u.have, err = look(ctx, t.u.conn, t.u.dialect)
		return err
	}
	return nil
}
