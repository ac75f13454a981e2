package sql

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// planKeys gives tables their unique keys and final types, and makes the tables that
// are missing. Rows that a key would not accept, and only somebody who knows them can
// mend, are problems.
func (t *takeover) planKeys(ctx context.Context) error {
	if err := t.planNulls(ctx); err != nil {
		return err
	}
	for w, f := range t.tables {
		a := alteration{table: w, found: f}
		for _, c := range w.columns {
			a.final(c)
		}
		for _, k := range w.uniques {
			if !f.hasUnique(k.columns) {
				a.do("unique "+strings.Join(k.columns, ", "), "ADD CONSTRAINT %s UNIQUE (%s)", quoteName(freeName(f, k)), strings.Join(k.columns, ", "))
			} else if !f.convert {
				continue
			}
			if err := t.planUnique(ctx, w, k); err != nil {
				return err
			}
		}
		if err := t.planLengths(ctx, w, f); err != nil {
			return err
		}
		if len(a.parts) > 0 {
			t.add("table "+w.name+": "+strings.Join(a.words, ", "), w.name, a.statement(), true)
		}
	}
	for _, w := range t.wanted {
		if t.found[w.name] == nil {
			t.add("create table "+w.name, w.name, w.create, false)
		}
	}
	return nil
}

// final gives a column the type that its rows can have now.
func (a *alteration) final(c wantedColumn) {
	f := a.found.column(a.table.name, c.name)
	switch {
	case c.kind == "JSON" && f != nil && (a.found.convert || !f.isDocument()):
		a.do(c.name+" is JSON", "MODIFY COLUMN %s JSON NOT NULL", c.name)
	case a.table.name+"."+c.name == tokenType && (f == nil || f.Null):
		a.do("no token without type", "MODIFY COLUMN %s %s", quoteName(c.name), c.sqlType(0)+c.ending())
	}
}

// freeName is the name of a key, or another one if there is an index of that name.
func freeName(f *foundTable, k wantedKey) string {
	name := k.name
	for f.hasIndex(name) {
		name += "_unique"
	}
	return name
}

// planUnique refuses rows that have the same value where only one may.
func (t *takeover) planUnique(ctx context.Context, w wantedTable, k wantedKey) error {
	f := t.found[w.name].column(w.name, k.columns[0])
	if len(k.columns) > 1 || f == nil {
		return nil // such rows become one; or all are null
	}
	name, where := "t."+quoteName(f.Name), ""
	if k.columns[0] == "fUserId" || k.columns[0] == "workgroupId" {
		where = " AND " + name + " <> ''" // an empty one becomes none
	}
	return t.refuseRows(ctx, fmt.Sprintf(`SELECT SUBSTRING(GROUP_CONCAT(t._id ORDER BY t._id SEPARATOR ' and '), 1, 100) FROM %s t
		WHERE %s IS NOT NULL%s GROUP BY CONVERT(%s USING utf8mb4) COLLATE %s HAVING COUNT(*) > 1 ORDER BY MIN(t._id) LIMIT 6`,
		quoteName(w.name), name, where, name, unicodeText),
		"the rows with _id %s of the table "+w.name+" have the same "+k.columns[0]+": leave it to one of them")
}

// planLengths refuses texts that would not fit any more.
func (t *takeover) planLengths(ctx context.Context, w wantedTable, f *foundTable) error {
	for _, c := range w.columns {
		g := f.column(w.name, c.name)
		if g == nil {
			continue
		}
		long := ""
		switch {
		case isStatus(w.name, c) && int(g.Chars.Int64) > c.chars:
			long = fmt.Sprintf("CHAR_LENGTH(%s) > %d", quoteName(g.Name), c.chars)
		case f.convert && c.kind == "TEXT" && g.Type == "text" && !strings.HasPrefix(g.Character.String, "utf8"):
			long = fmt.Sprintf("LENGTH(CONVERT(%s USING utf8mb4)) > %d", quoteName(g.Name), textBytes)
		default:
			continue
		}
		err := t.refuseRows(ctx, fmt.Sprintf("SELECT _id FROM %s WHERE %s ORDER BY _id LIMIT 6", quoteName(w.name), long),
			"the rows with _id %s of the table "+w.name+" have a "+c.name+" that is too long: shorten it")
		if err != nil {
			return err
		}
	}
	return nil
}

// planFreeColumns takes away the foreign keys between tables one of which is converted:
// the server changes no column that is in one. planForeignKeys brings them back.
func (t *takeover) planFreeColumns(context.Context) error {
	for name, f := range t.found {
		for _, g := range f.foreign {
			if parent := strings.ToLower(g.Parent); t.converted(name, parent) && !t.wants(name, g) {
				t.problems = append(t.problems, fmt.Sprintf("the foreign key %s of the table %s, which is not the former server's, is in the way of a new "+
					"character set for %s: drop it, and make it again afterwards", g.Name, name, parent))
			}
		}
	}
	slices.Sort(t.problems)
	for w, f := range t.tables {
		a := alteration{table: w, found: f}
		for _, g := range f.foreign {
			if t.converted(w.name, strings.ToLower(g.Parent)) {
				a.do(g.Column, "DROP FOREIGN KEY %s", quoteName(g.Name))
			}
		}
		if len(a.parts) > 0 {
			t.add("table "+w.name+": until it is converted, free to change are "+strings.Join(a.words, ", "), w.name, a.statement(), false)
		}
	}
	return nil
}

// converted says that one of two tables is written anew with another character set.
func (t *takeover) converted(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return t.found[name] != nil && t.found[name].convert })
}

// wants says that a foreign key is one of the predecessor's.
func (t *takeover) wants(table string, g foundForeign) bool {
	return slices.ContainsFunc(t.wanted, func(w wantedTable) bool {
		return w.name == table && slices.ContainsFunc(w.foreign, g.is)
	})
}

// mayPointNowhere are columns that can be emptied when the row that they name is not
// there: their own row means as much without.
var mayPointNowhere = []string{
	"message.fromId", "message_edit.editBy", "message_status.setBy", "room_user_messages.lastReadId",
	"user_relation.roomId", "user_relation.lastReadId", "user_relation.lastMsgId",
}

// planForeignKeys adds those that are missing. Rows that name something that is not
// there stay; where the column cannot be emptied the key is not made.
func (t *takeover) planForeignKeys(ctx context.Context) error {
	for w, f := range t.tables {
		a := alteration{table: w, found: f}
		for _, k := range w.foreign {
			if f.hasForeign(k) && !t.converted(w.name, k.table) {
				continue
			}
			stay, err := t.planOrphans(ctx, w, f, k)
			if err != nil {
				return err
			}
			if !stay {
				a.do(fmt.Sprintf("%s refers to %s", k.column, k.table), "ADD FOREIGN KEY (%s) REFERENCES %s (%s) ON DELETE %s ON UPDATE CASCADE",
					quoteName(k.column), quoteName(k.table), quoteName(k.target), k.rule)
			}
		}
		if len(a.parts) > 0 {
			t.add("table "+w.name+": "+strings.Join(a.words, ", "), w.name, a.statement(), true)
		}
	}
	return nil
}

// planOrphans looks for rows that a foreign key would not accept. stay says that they
// stay, and the key is left out.
func (t *takeover) planOrphans(ctx context.Context, w wantedTable, f *foundTable, k wantedForeign) (stay bool, err error) {
	g, parent := f.column(w.name, k.column), t.found[k.table]
	if g == nil || parent == nil {
		return false, nil
	}
	text := func(name string) string {
		if g.Collation.Valid && (f.convert || parent.convert) {
			return fmt.Sprintf("CONVERT(%s USING utf8mb4) COLLATE %s", name, unicodeText)
		}
		return name
	}
	where := fmt.Sprintf("t.%s IS NOT NULL AND %s NOT IN (SELECT %s FROM %s p)", quoteName(g.Name), text("t."+quoteName(g.Name)),
		text("p."+quoteName(k.target)), quoteName(k.table))
	n, err := t.count(ctx, fmt.Sprintf("SELECT COUNT(*) FROM %s t WHERE %s", quoteName(w.name), where))
	if err != nil || n == 0 {
		return false, err
	}
	if slices.Contains(mayPointNowhere, w.name+"."+k.column) {
		t.addRepair(&repair{
			Repair: Repair{What: fmt.Sprintf("%s names something that is not there: it becomes empty", k.column), Table: w.name, Rows: n},
			where:  fmt.Sprintf("t.%s IS NOT NULL AND t.%s NOT IN (SELECT p.%s FROM %s p)", k.column, k.column, k.target, quoteName(k.table)),
			set:    fmt.Sprintf("t.%s = NULL", k.column),
		})
		return false, nil
	}
	ids, err := t.list(ctx, fmt.Sprintf("SELECT t._id FROM %s t WHERE %s ORDER BY t._id LIMIT 6", quoteName(w.name), where))
	t.notes = append(t.notes, fmt.Sprintf("%d rows of the table %s (_id %s) name in %s a row of %s that is not there; they stay as they are, "+
		"and the table gets no foreign key for it", n, w.name, some(ids), k.column, k.table))
	return true, err
}
