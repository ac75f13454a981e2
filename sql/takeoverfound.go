package sql

import (
	"cmp"
	"context"
	dbsql "database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// found is what a database of MySQL or MariaDB holds, with everything that an upgrade
// of the predecessor's tables depends on. Names of tables are in lower case.
type found map[string]*foundTable

type foundTable struct {
	Name   string           `db:"tableName"`
	Engine dbsql.NullString `db:"engine"`
	Format dbsql.NullString `db:"rowFormat"`
	Rows   dbsql.NullInt64  `db:"tableRows"` // roughly
	Bytes  int64            `db:"bytes"`

	columns map[string]*foundColumn // by name in lower case
	order   []*foundColumn
	convert bool // must be written anew to get our engine, character set and collation
	keys    []foundKey
	foreign []foundForeign
}

type foundColumn struct {
	Table     string           `db:"tableName"`
	Name      string           `db:"columnName"`
	Type      string           `db:"dataType"`   // varchar
	Full      string           `db:"columnType"` // varchar(191)
	Null      bool             `db:"isNull"`
	Fallback  bool             `db:"hasDefault"`
	Chars     dbsql.NullInt64  `db:"chars"`
	Character dbsql.NullString `db:"charSet"`
	Collation dbsql.NullString `db:"collation"`
	Extra     string           `db:"extra"`
	Key       string           `db:"columnKey"`
}

type foundKey struct {
	name    string
	unique  bool
	columns []string // in lower case; one of the beginnings of texts is marked
}

type foundForeign struct {
	Name   string `db:"constraintName"`
	Table  string `db:"tableName"`
	Column string `db:"columnName"`
	Parent string `db:"parentTable"`
	Target string `db:"parentColumn"`
}

const (
	foundTables = `SELECT TABLE_NAME AS tableName, ENGINE AS engine, ROW_FORMAT AS rowFormat, TABLE_ROWS AS tableRows,
		CAST(COALESCE(DATA_LENGTH, 0) + COALESCE(INDEX_LENGTH, 0) AS SIGNED) AS bytes
		FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()`
	foundColumns = `SELECT TABLE_NAME AS tableName, COLUMN_NAME AS columnName, LOWER(DATA_TYPE) AS dataType, COLUMN_TYPE AS columnType,
		IS_NULLABLE = 'YES' AS isNull, COLUMN_DEFAULT IS NOT NULL AS hasDefault, CHARACTER_MAXIMUM_LENGTH AS chars,
		CHARACTER_SET_NAME AS charSet, COLLATION_NAME AS collation, LOWER(EXTRA) AS extra, COLUMN_KEY AS columnKey
		FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION`
	foundKeys = `SELECT TABLE_NAME AS tableName, INDEX_NAME AS indexName, COLUMN_NAME AS columnName,
		NON_UNIQUE = 0 AS isUnique, SUB_PART IS NOT NULL AS isPart
		FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND COLUMN_NAME IS NOT NULL
		ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`
	foundForeigns = `SELECT k.CONSTRAINT_NAME AS constraintName, k.TABLE_NAME AS tableName, k.COLUMN_NAME AS columnName, k.REFERENCED_TABLE_NAME AS parentTable,
		k.REFERENCED_COLUMN_NAME AS parentColumn
		FROM information_schema.KEY_COLUMN_USAGE k
		WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_SCHEMA = DATABASE()`
)

// findTables reads it.
func findTables(ctx context.Context, c *sqlx.Conn) (found, error) {
	all := found{}
	var tables []*foundTable
	if err := c.SelectContext(ctx, &tables, foundTables); err != nil {
		return nil, fmt.Errorf("look at the tables: %w", err)
	}
	for _, t := range tables {
		t.columns = map[string]*foundColumn{}
		all[strings.ToLower(t.Name)] = t
	}
	var columns []*foundColumn
	if err := c.SelectContext(ctx, &columns, foundColumns); err != nil {
		return nil, fmt.Errorf("look at the columns: %w", err)
	}
	for _, col := range columns {
		if t := all[strings.ToLower(col.Table)]; t != nil {
			t.columns[strings.ToLower(col.Name)] = col
			t.order = append(t.order, col)
		}
	}
	if err := all.findKeys(ctx, c); err != nil {
		return nil, fmt.Errorf("look at the indexes: %w", err)
	}
	var foreign []foundForeign
	if err := c.SelectContext(ctx, &foreign, foundForeigns); err != nil {
		return nil, fmt.Errorf("look at the foreign keys: %w", err)
	}
	for _, f := range foreign {
		if t := all[strings.ToLower(f.Table)]; t != nil {
			t.foreign = append(t.foreign, f)
		}
	}
	return all, nil
}

func (all found) findKeys(ctx context.Context, c *sqlx.Conn) error {
	var rows []struct {
		Table  string `db:"tableName"`
		Index  string `db:"indexName"`
		Column string `db:"columnName"`
		Unique bool   `db:"isUnique"`
		Part   bool   `db:"isPart"`
	}
	if err := c.SelectContext(ctx, &rows, foundKeys); err != nil {
		return err
	}
	for n, r := range rows {
		t := all[strings.ToLower(r.Table)]
		if t == nil {
			continue
		}
		if n == 0 || rows[n-1].Table != r.Table || rows[n-1].Index != r.Index {
			t.keys = append(t.keys, foundKey{name: r.Index, unique: r.Unique})
		}
		k := &t.keys[len(t.keys)-1]
		name := strings.ToLower(r.Column)
		if r.Part {
			name += "(part)"
		}
		k.columns = append(k.columns, name)
	}
	return nil
}

// column returns a column by our name, also under the one that it had; nil if it is
// not there.
func (t *foundTable) column(table, name string) *foundColumn {
	if t == nil {
		return nil
	}
	if c := t.columns[strings.ToLower(name)]; c != nil {
		return c
	}
	return t.columns[strings.ToLower(renamed[table+"."+name])]
}

// hasUnique says that the database itself keeps these columns unique.
func (t *foundTable) hasUnique(columns []string) bool {
	return slices.ContainsFunc(t.keys, func(k foundKey) bool {
		if !k.unique || len(k.columns) != len(columns) {
			return false
		}
		for _, c := range columns { // in any order
			if !slices.Contains(k.columns, strings.ToLower(c)) {
				return false
			}
		}
		return true
	})
}

func (t *foundTable) hasIndex(name string) bool {
	return slices.ContainsFunc(t.keys, func(k foundKey) bool { return strings.EqualFold(k.name, name) })
}

func (t *foundTable) hasForeign(f wantedForeign) bool {
	return slices.ContainsFunc(t.foreign, func(g foundForeign) bool { return g.is(f) })
}

func (g foundForeign) is(f wantedForeign) bool {
	former := cmp.Or(renamed[strings.ToLower(g.Table)+"."+f.column], f.column)
	return strings.EqualFold(g.Parent, f.table) && strings.EqualFold(g.Target, f.target) &&
		(strings.EqualFold(g.Column, f.column) || strings.EqualFold(g.Column, former))
}

// isDocument says that a column is what JSON is in MySQL or MariaDB.
func (c *foundColumn) isDocument() bool {
	return c.Type == "json" || c.Type == "longtext" && c.Collation.String == "utf8mb4_bin"
}

// foreignText says that a table has a text that we use, of another collation than ours.
func (t *foundTable) foreignText(w wantedTable) bool {
	return slices.ContainsFunc(w.columns, func(c wantedColumn) bool {
		g := t.column(w.name, c.name)
		return g != nil && g.Collation.Valid && g.Collation.String != unicodeText && !(c.kind == "JSON" && g.isDocument())
	})
}
