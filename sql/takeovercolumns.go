package sql

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// planColumns gives each table its columns, engine and character set, in one
// statement each: the server makes it wholly or not at all, and writes the table anew
// at most once.
func (t *takeover) planColumns(context.Context) error {
	first := len(t.changes)
	for w, f := range t.tables {
		a := alteration{table: w, found: f}
		a.convert()
		for _, c := range w.columns {
			a.column(c)
		}
		a.loosenUnknown()
		a.dropLoginKeys()
		if len(a.parts) > 0 {
			t.add("table "+w.name+": "+strings.Join(a.words, ", "), w.name, a.statement(), a.rebuild)
		}
	}
	if len(t.changes) > first {
		// Columns that refer to each other are converted one after the other.
		t.checkForeignKeys(&t.changes[first], "0", "")
		t.checkForeignKeys(&t.changes[len(t.changes)-1], "", "1")
	}
	return nil
}

// checkForeignKeys switches the check of foreign keys before and behind a change. If
// the change fails the connection, and the setting with it, is given up.
func (t *takeover) checkForeignKeys(c *change, before, behind string) {
	set := func(ctx context.Context, value string) error {
		if value == "" {
			return nil
		}
		_, err := t.u.conn.ExecContext(ctx, "SET SESSION foreign_key_checks = "+value)
		return err
	}
	do := c.do
	c.do = func(ctx context.Context) error {
		if err := set(ctx, before); err != nil {
			return err
		}
		if err := do(ctx); err != nil {
			return err
		}
		return set(ctx, behind)
	}
}

// alteration is a statement ALTER TABLE in the making.
type alteration struct {
	table   wantedTable
	found   *foundTable
	parts   []string
	words   []string // what is done, for people
	rebuild bool
}

func (a *alteration) statement() string {
	return "ALTER TABLE " + quoteName(a.table.name) + " " + strings.Join(a.parts, ", ")
}

func (a *alteration) do(words, format string, args ...any) {
	a.parts = append(a.parts, fmt.Sprintf(format, args...))
	if words != "" {
		a.words = append(a.words, words)
	}
}

// convert asks for engine and character set. Rows of the older formats hold no index
// over long texts of four bytes a character.
func (a *alteration) convert() {
	long := slices.ContainsFunc(a.table.columns, func(c wantedColumn) bool {
		f := a.found.column(a.table.name, c.name)
		return c.kind == "VARCHAR" && f != nil && f.Chars.Int64 > shortChars
	})
	dynamic := strings.EqualFold(a.found.Format.String, "Dynamic")
	if a.found.convert {
		a.do("InnoDB, utf8mb4", "ENGINE=InnoDB")
		a.do("", "CONVERT TO CHARACTER SET utf8mb4 COLLATE "+unicodeText)
	}
	if !dynamic && (a.found.convert || long) {
		a.do("rows of variable length", "ROW_FORMAT=DYNAMIC")
	}
	a.rebuild = len(a.parts) > 0
}

// column makes a column what it should be, as far as that loses nothing.
func (a *alteration) column(c wantedColumn) {
	f := a.found.column(a.table.name, c.name)
	name := quoteName(c.name)
	switch {
	case f == nil:
		a.do("add column "+c.name, "ADD COLUMN %s %s", name, a.added(c))
	case !strings.EqualFold(f.Name, c.name):
		a.do(f.Name+" becomes "+c.name, "CHANGE COLUMN %s %s %s", quoteName(f.Name), name, changed(c, f))
	case a.differs(c, f):
		a.do("change column "+c.name, "MODIFY COLUMN %s %s", name, changed(c, f))
	case a.found.convert && c.kind == "TEXT" && f.Type == "text":
		a.do("", "MODIFY COLUMN %s %s", name, changed(c, f)) // else it becomes a MEDIUMTEXT
	}
}

// added is the definition of a column that is new. Rows that are there get their
// value later, if it is not the same for all.
func (a *alteration) added(c wantedColumn) string {
	switch a.table.name + "." + c.name {
	case "message.status":
		return c.sqlType(0) + " NOT NULL DEFAULT ''"
	case tokenType:
		c.null = true
	}
	return c.sqlType(0) + c.ending()
}

// tokenType is filled in for old tokens before it gets its final form.
const tokenType = "invite_token.type"

// changed is the definition of a column that is there: what may be null stays so, and
// texts may stay longer.
func changed(c wantedColumn, f *foundColumn) string {
	c.null = c.null || f.Null
	chars := int(f.Chars.Int64)
	if c.chars == kindChars {
		chars = 0
	}
	kind := c.sqlType(chars)
	if c.kind == "TIMESTAMP" && f.Type == "datetime" {
		kind = "DATETIME"
	}
	return kind + c.ending()
}

// differs says that inserts of this program or of the predecessor would fail, or rows
// be changed that should not.
func (a *alteration) differs(c wantedColumn, f *foundColumn) bool {
	if c.name == "_id" || c.kind == "JSON" { // a document becomes one once the rows allow it
		return false
	}
	switch {
	case c.null && !f.Null, c.fallback != "" && !f.Null && !f.Fallback, strings.Contains(f.Extra, "on update"):
		return true
	case c.kind == "VARCHAR" && int(f.Chars.Int64) < c.chars, isStatus(a.table.name, c) && int(f.Chars.Int64) > c.chars:
		return true
	case c.kind == "TEXT":
		return f.Type == "tinytext" || f.Type == "varchar" || f.Type == "char"
	case c.kind == "BIGINT":
		return f.Type != "bigint"
	}
	return false
}

// isStatus names the column that a changed upgrade of the predecessor made too wide.
func isStatus(table string, c wantedColumn) bool { return table == "message" && c.name == "status" }

// loosenUnknown lets inserts leave out columns that only older programs know, such as
// account.pass. Their content stays.
func (a *alteration) loosenUnknown() {
	for _, f := range a.found.order {
		known := slices.ContainsFunc(a.table.columns, func(c wantedColumn) bool {
			return a.found.column(a.table.name, c.name) == f
		})
		if known || f.Null || f.Fallback || f.Key == "PRI" || strings.Contains(f.Extra, "auto_increment") || strings.Contains(f.Extra, "generated") {
			continue
		}
		kind := f.Full
		if f.Collation.Valid {
			kind += " CHARACTER SET " + f.Character.String + " COLLATE " + f.Collation.String
		}
		a.do("column "+f.Name+" may be empty", "MODIFY COLUMN %s %s NULL DEFAULT NULL", quoteName(f.Name), kind)
	}
}

// dropLoginKeys: names of users may repeat.
func (a *alteration) dropLoginKeys() {
	if a.table.name != "account" {
		return
	}
	for _, k := range a.found.keys {
		if k.unique && len(k.columns) == 1 && (k.columns[0] == "fusername" || k.columns[0] == "login") {
			a.do("names of users may repeat", "DROP INDEX %s", quoteName(k.name))
		}
	}
}
