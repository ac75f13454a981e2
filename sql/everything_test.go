package sql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"presence/sql"
	"presence/sql/sqltest"
)

// everything is the whole content of a database of MySQL, a line for each column, key
// and row, without the names of keys that the server chose and without the moments
// at which the upgrade wrote.
func everything(t testing.TB, c sql.Config) (all []string) {
	t.Helper()
	all = lines(t, c, `SELECT CONCAT_WS(' ', 'table', TABLE_NAME, ENGINE, ROW_FORMAT, TABLE_COLLATION) FROM information_schema.TABLES
		WHERE TABLE_SCHEMA = DATABASE()`)
	all = append(all, lines(t, c, `SELECT CONCAT_WS(' ', 'column', TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE,
		COLUMN_DEFAULT, COLLATION_NAME, EXTRA) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION`)...)
	all = append(all, lines(t, c, `SELECT CONCAT_WS(' ', 'index', TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE, INDEX_TYPE)
		FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1`)...)
	all = append(all, lines(t, c, `SELECT CONCAT_WS(' ', 'refers', k.TABLE_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME,
		r.DELETE_RULE, r.UPDATE_RULE) FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r
		ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME
		WHERE k.TABLE_SCHEMA = DATABASE() ORDER BY 1`)...)
	slices.Sort(all) // of the order of columns their numbers tell
	tables := sqlTables(t, c)
	slices.Sort(tables)
	for _, table := range tables {
		all = append(all, rowsOf(t, c, table)...)
	}
	return all
}

func lines(t testing.TB, c sql.Config, query string) (all []string) {
	t.Helper()
	db := sqltest.Bare(t, c)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var line string
		must(t, rows.Scan(&line))
		all = append(all, line)
	}
	must(t, rows.Err())
	return all
}

// rowsOf are the rows of a table. Times of this century's third decade and later are
// those of the test.
func rowsOf(t testing.TB, c sql.Config, table string) (all []string) {
	t.Helper()
	db := sqltest.Bare(t, c)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table+" ORDER BY 1")
	must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for n := range values {
			into[n] = &values[n]
		}
		must(t, rows.Scan(into...))
		var line strings.Builder
		fmt.Fprint(&line, table)
		for n, v := range values {
			text := "null"
			if b, ok := v.([]byte); ok {
				text = string(b)
			} else if v != nil {
				text = fmt.Sprint(v)
			}
			if len(text) == 19 && text[4] == '-' && text[13] == ':' && text > "2020" {
				text = "now"
			}
			fmt.Fprintf(&line, " %s=%.200s", columns[n], text)
		}
		all = append(all, line.String())
	}
	must(t, rows.Err())
	return all
}
