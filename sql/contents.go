package sql

import (
	"context"
	dbsql "database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
)

// contents is what a database holds. Names are in lower case.
type contents struct {
	version int // of the newest row of db_history; 0 without any
	minimum int // oldest program that may use it, by its SchemaVersion; 0: not said
	columns map[string][]string
	indexes map[string][]index
	objects map[string][]object // tables and what passes for one
	filled  []string            // tables with rows, if there is no version

	takesOver bool // versions of the predecessor before its last one are taken over
}

// object is a table or what passes for one.
type object struct {
	Name   string `db:"objectName"` // as it is spelt
	Table  bool   `db:"isTable"`    // no view, no sequence
	Folded bool   `db:"folded"`     // the database does not tell upper from lower case
}

// index is one of the contents.
type index struct {
	name    string
	ofTexts bool // a full-text index
	columns []string
}

// look reads the contents without changing anything.
func look(ctx context.Context, c *sqlx.Conn, d *dialect) (contents, error) {
	have := contents{columns: map[string][]string{}, indexes: map[string][]index{}, objects: map[string][]object{}, takesOver: d.takesOver}
	var objects []object
	if err := c.SelectContext(ctx, &objects, d.objects); err != nil {
		return have, fmt.Errorf("look at the tables: %w", err)
	}
	for _, o := range objects {
		name := strings.ToLower(o.Name)
		have.objects[name] = append(have.objects[name], o)
	}
	var columns []columnRow
	if err := c.SelectContext(ctx, &columns, d.columns); err != nil {
		return have, fmt.Errorf("look at the tables: %w", err)
	}
	for _, r := range columns {
		table := strings.ToLower(r.Table)
		have.columns[table] = append(have.columns[table], strings.ToLower(r.Column))
	}
	var indexes []indexRow
	if err := c.SelectContext(ctx, &indexes, d.indexes); err != nil {
		return have, fmt.Errorf("look at the indexes: %w", err)
	}
	for n, r := range indexes {
		table, column := strings.ToLower(r.Table), strings.ToLower(r.Column)
		all := have.indexes[table]
		if n > 0 && indexes[n-1].Table == r.Table && indexes[n-1].Index == r.Index {
			last := &all[len(all)-1]
			last.columns = append(last.columns, column)
		} else {
			have.indexes[table] = append(all, index{strings.ToLower(r.Index), r.OfTexts, []string{column}})
		}
	}
	return have, have.readVersions(ctx, c)
}

// usable says that a name is that of one table that can be asked.
func (h contents) usable(table string) bool {
	all := h.objects[table]
	return len(all) == 1 && all[0].Table && (all[0].Folded || all[0].Name == table)
}

func (h *contents) readVersions(ctx context.Context, c *sqlx.Conn) error {
	if h.usable("db_history") && h.hasColumns("db_history", "_id", "version") {
		if err := h.readVersion(ctx, c); err != nil {
			return err
		}
	}
	if h.version == 0 {
		return h.readFilled(ctx, c)
	}
	if h.usable("presence_schema") && h.hasColumns("presence_schema", "minimumversion") {
		err := c.GetContext(ctx, &h.minimum, `SELECT COALESCE(MAX(minimumVersion), 0) FROM presence_schema`)
		if err != nil {
			return fmt.Errorf("read the oldest usable version: %w", err)
		}
	}
	return nil
}

// maxVersion is beyond all versions that there can be.
const maxVersion = 1_000_000

// readVersion takes the version as text: others may have made the column.
func (h *contents) readVersion(ctx context.Context, c *sqlx.Conn) error {
	var text dbsql.NullString
	err := c.GetContext(ctx, &text, `SELECT CAST(version AS CHAR(40)) FROM db_history ORDER BY _id DESC LIMIT 1`)
	switch {
	case errors.Is(err, dbsql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	version, err := strconv.Atoi(text.String)
	if err != nil || version < 1 || version > maxVersion {
		return schemaError("the newest row of its table db_history says version %.20q, which is none; restore the table from a backup", text.String)
	}
	h.version = version
	return nil
}

// readFilled lists the tables that have rows. Without a version there are few tables,
// or they are not ours.
func (h *contents) readFilled(ctx context.Context, c *sqlx.Conn) error {
	if !h.usable("db_history") {
		return nil
	}
	for table := range h.objects {
		if !h.usable(table) || table == "db_history" || strings.ContainsAny(table, "`\"") {
			continue
		}
		var any bool
		err := c.GetContext(ctx, &any, "SELECT EXISTS (SELECT 1 FROM "+quoteName(table)+")")
		if err != nil {
			return fmt.Errorf("look into the table %s: %w", table, err)
		}
		if any {
			h.filled = append(h.filled, table)
		}
	}
	slices.Sort(h.filled)
	return nil
}

func (h contents) hasColumns(table string, columns ...string) bool {
	for _, c := range columns {
		if !slices.Contains(h.columns[table], c) {
			return false
		}
	}
	return true
}

// plan lists the steps that are missing, or says why there can be none
// (docs/protocol.md 11.3). Those of the predecessor's tables are planned elsewhere.
func (h contents) plan(steps []step) ([]step, error) {
	if err := h.unfinishedCopy(); err != nil {
		return nil, err
	}
	if err := h.strange(steps); err != nil {
		return nil, err
	}
	if h.version == 0 {
		return steps, h.mayBegin(steps)
	}
	switch v := h.version; {
	case v < firstVersion || v < baseVersion && !h.takesOver:
		return nil, schemaError("its schema has version %d; this program takes over databases of MySQL and MariaDB from version %d on, "+
			"and SQLite from version %d on", v, firstVersion, baseVersion)
	case v > baseVersion && v < ownVersions:
		return nil, schemaError("its schema has version %d, which is not known; known are those up to %d and those from %d on", v, baseVersion, ownVersions)
	case v > SchemaVersion && h.minimum == 0:
		return nil, schemaError("its schema has version %d, this program knows %d; use a newer program", v, SchemaVersion)
	case v > SchemaVersion && h.minimum > SchemaVersion:
		return nil, schemaError("its schema has version %d and needs a program that knows version %d; this one knows %d: use a newer program",
			v, h.minimum, SchemaVersion)
	}
	if v := h.version; v > baseVersion || !h.takesOver {
		if missing := h.missing(steps); len(missing) > 0 {
			return nil, schemaError("its schema says version %d, but it lacks %s; restore it from a backup", v, some(missing))
		}
	}
	for n, s := range steps {
		if s.version > max(h.version, baseVersion) { // the first step is for empty databases
			return steps[n:], nil
		}
	}
	return nil, nil
}

// strange refuses what bears the name of one of our tables and is none, or is not the
// only one of that name.
func (h contents) strange(steps []step) error {
	for _, s := range steps {
		for _, st := range s.statements {
			if st.kind != createTable || len(h.objects[st.table]) == 0 || h.usable(st.table) {
				continue
			}
			first := h.objects[st.table][0]
			switch {
			case len(h.objects[st.table]) > 1:
				return schemaError("it has %d tables named %s that differ in upper and lower case; drop or rename those that are not in use",
					len(h.objects[st.table]), st.table)
			case !first.Table:
				return schemaError("%s is no table but a view or something else; make it a table again", first.Name)
			default:
				return schemaError("the table %s must be spelt %s; rename it", first.Name, st.table)
			}
		}
	}
	if h.columns["db_history"] != nil && !h.hasColumns("db_history", "_id", "version", "comment") {
		return schemaError("its table db_history is that of something else: it lacks _id, version or comment; name another database")
	}
	return nil
}

// mayBegin refuses a database without version that holds anything but what an
// interrupted creation has left.
func (h contents) mayBegin(steps []step) error {
	if len(h.objects) == 0 {
		return nil
	}
	var foreign []string
	for table := range h.objects {
		ours := slices.ContainsFunc(steps[0].statements, func(s statement) bool {
			return s.kind == createTable && s.table == table
		})
		if !ours {
			foreign = append(foreign, table)
		}
	}
	slices.Sort(foreign)
	switch {
	case len(foreign) > 0:
		return schemaError("it has no version, but tables of something else (%s); name an empty database", some(foreign))
	case h.columns["db_history"] == nil:
		return schemaError("it has tables, but no table db_history with their version; name an empty database, or restore it from a backup")
	case len(h.filled) > 0:
		return schemaError("its table db_history says no version, but there are rows in %s; restore db_history from a backup", some(h.filled))
	}
	if strange := h.incomplete(steps[0]); len(strange) > 0 {
		return schemaError("it has no version, and tables of other columns (it lacks %s); name an empty database", some(strange))
	}
	return nil
}

// some joins the first of many names.
func some(names []string) string {
	const shown = 5
	if len(names) > shown {
		return strings.Join(names[:shown], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// incomplete lists the columns that tables lack which a step makes and which are there.
func (h contents) incomplete(s step) (names []string) {
	for _, st := range s.statements {
		if st.kind != createTable || h.columns[st.table] == nil {
			continue
		}
		for _, c := range st.columns {
			if !h.hasColumns(st.table, strings.ToLower(c)) {
				names = append(names, "column "+st.table+"."+c)
			}
		}
	}
	return names
}

// collisions lists what bears a name that a step wants to give.
func (h contents) collisions(s step) (problems []string) {
	if h.version > 0 {
		if lacking := h.incomplete(s); len(lacking) > 0 {
			problems = append(problems, fmt.Sprintf("a table that is to be made is there, but lacks %s: rename it", some(lacking)))
		}
	}
	for _, st := range s.statements {
		if st.kind != createIndex && st.kind != createTextIndex || h.includes(st) {
			continue
		}
		taken := slices.ContainsFunc(h.indexes[st.table], func(i index) bool { return i.name == strings.ToLower(st.name) })
		if taken {
			problems = append(problems, fmt.Sprintf("the index %s of the table %s has other columns than (%s): drop or rename it",
				st.name, st.table, strings.Join(st.columns, ", ")))
		}
	}
	return problems
}

// missing lists tables and columns that the recorded version should have.
func (h contents) missing(steps []step) (names []string) {
	for _, s := range steps {
		if s.version > h.version {
			break
		}
		for _, st := range s.statements {
			if st.kind != createTable && st.kind != addColumn {
				continue
			}
			if h.columns[st.table] == nil {
				names = append(names, "table "+st.table)
				continue
			}
			for _, c := range st.columns {
				if !slices.Contains(h.columns[st.table], strings.ToLower(c)) {
					names = append(names, "column "+st.table+"."+c)
				}
			}
		}
	}
	return names
}

// includes says whether the change of a statement is there already.
func (h contents) includes(s statement) bool {
	switch s.kind {
	case createTable:
		return h.columns[s.table] != nil
	case addColumn:
		return slices.Contains(h.columns[s.table], strings.ToLower(s.columns[0]))
	case createIndex, createTextIndex:
		return slices.ContainsFunc(h.indexes[s.table], s.sameIndex)
	}
	return false // is run again, which changes nothing
}

// sameIndex says whether an index serves as well as the one that the statement
// makes. One of several columns must also have its name: statements name it.
func (s statement) sameIndex(i index) bool {
	n := len(s.columns)
	return i.ofTexts == (s.kind == createTextIndex) && len(i.columns) >= n && slices.Equal(i.columns[:n], lower(s.columns)) &&
		(n == 1 || i.name == strings.ToLower(s.name))
}

// note keeps the contents up to date with a statement that was run.
func (h contents) note(s statement) {
	switch s.kind {
	case createTable, addColumn:
		h.columns[s.table] = append(h.columns[s.table], lower(s.columns)...)
	case createIndex, createTextIndex:
		h.indexes[s.table] = append(h.indexes[s.table], index{strings.ToLower(s.name), s.kind == createTextIndex, lower(s.columns)})
	}
}

func lower(names []string) []string {
	low := make([]string, len(names))
	for n, name := range names {
		low[n] = strings.ToLower(name)
	}
	return low
}
