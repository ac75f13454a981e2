package sql

import (
	"context"
	dbsql "database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// contents is what a database holds. Names are in lower case.
type contents struct {
	version int // of the newest row of db_history; 0 without any
	minimum int // oldest program that may use it, by its SchemaVersion; 0: not said
	columns map[string][]string
	indexes map[string][]index
}

// index is one of the contents.
type index struct {
	name    string
	ofTexts bool // a full-text index
	columns []string
}

// look reads the contents without changing anything.
func look(ctx context.Context, c *sqlx.Conn, d *dialect) (contents, error) {
	have := contents{columns: map[string][]string{}, indexes: map[string][]index{}}
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

func (h *contents) readVersions(ctx context.Context, c *sqlx.Conn) error {
	if h.columns["db_history"] != nil {
		err := c.GetContext(ctx, &h.version, `SELECT version FROM db_history ORDER BY _id DESC LIMIT 1`)
		if err != nil && !errors.Is(err, dbsql.ErrNoRows) {
			return fmt.Errorf("read the version of the schema: %w", err)
		}
	}
	if h.columns["presence_schema"] != nil {
		err := c.GetContext(ctx, &h.minimum, `SELECT COALESCE(MAX(minimumVersion), 0) FROM presence_schema`)
		if err != nil {
			return fmt.Errorf("read the oldest usable version: %w", err)
		}
	}
	return nil
}

// plan lists the steps that are missing, or says why there can be none
// (docs/protocol.md 11.3).
func (h contents) plan(steps []step) ([]step, error) {
	if h.version == 0 {
		return steps, h.mayBegin(steps)
	}
	switch v := h.version; {
	case v < baseVersion:
		return nil, schemaError("its schema has version %d; this program takes over databases from version %d on: "+
			"start the newest release of the former server on it once, then try again", v, baseVersion)
	case v > baseVersion && v < ownVersions:
		return nil, schemaError("its schema has version %d, which is not known; known are %d and those from %d on", v, baseVersion, ownVersions)
	case v > SchemaVersion && h.minimum == 0:
		return nil, schemaError("its schema has version %d, this program knows %d; use a newer program", v, SchemaVersion)
	case v > SchemaVersion && h.minimum > SchemaVersion:
		return nil, schemaError("its schema has version %d and needs a program that knows version %d; this one knows %d: use a newer program",
			v, h.minimum, SchemaVersion)
	}
	if missing := h.missing(steps); len(missing) > 0 {
		return nil, schemaError("its schema says version %d, but it lacks %s; restore it from a backup", h.version, strings.Join(missing, ", "))
	}
	for n, s := range steps {
		if s.version > h.version {
			return steps[n:], nil
		}
	}
	return nil, nil
}

// mayBegin refuses a database without version that holds anything but what an
// interrupted creation has left.
func (h contents) mayBegin(steps []step) error {
	if len(h.columns) == 0 {
		return nil
	}
	var foreign []string
	for table := range h.columns {
		ours := slices.ContainsFunc(steps[0].statements, func(s statement) bool {
			return s.kind == createTable && s.table == table
		})
		if !ours {
			foreign = append(foreign, table)
		}
	}
	slices.Sort(foreign)
	if len(foreign) > 5 {
		foreign = append(foreign[:5], "…")
	}
	switch {
	case len(foreign) > 0:
		return schemaError("it has no version, but tables of something else (%s); name an empty database", strings.Join(foreign, ", "))
	case h.columns["db_history"] == nil:
		return schemaError("it has tables, but no table db_history with their version; name an empty database, or restore it from a backup")
	}
	return nil
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
	if len(names) > 5 {
		names = append(names[:5], "…")
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
