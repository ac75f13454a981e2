package sql

import (
	"context"
	dbsql "database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Repair is a change of rows that an upgrade makes besides that of the tables.
type Repair struct {
	What  string
	Table string
	Rows  int64 // -1: counted when it is made
}

// repair is a change of rows t of a table, in batches. Those that were changed are not
// found again.
type repair struct {
	Repair
	join  string // behind the table
	where string
	set   string // assignments; empty: the rows are deleted, their like is there again
	ids   string // a column that names rows in the log; empty: they are counted only
}

func (r *repair) from() string { return quoteName(r.Table) + " t " + r.join }

// planRows finds what to do with rows before the keys and types that would not accept
// them.
func (t *takeover) planRows(ctx context.Context) error {
	var all []*repair
	for w, f := range t.tables {
		for _, c := range w.columns {
			if g := f.column(w.name, c.name); g != nil {
				all = append(all, columnRepairs(w, c, g)...)
			}
		}
	}
	all = append(all, t.oldRows()...)
	all = append(all, t.doubles()...)
	for _, r := range all {
		if err := t.planRepair(ctx, r); err != nil {
			return err
		}
	}
	return t.planPairs(ctx)
}

// columnRepairs are those that follow from what a column may hold.
func columnRepairs(w wantedTable, c wantedColumn, f *foundColumn) (all []*repair) {
	add := func(what, where, value string) {
		all = append(all, &repair{Repair: Repair{What: what, Table: w.name}, where: where, set: "t." + c.name + " = " + value})
	}
	switch {
	case c.kind == "JSON":
		// What JSON_TYPE would not take must not reach it.
		add("settings that are no JSON object become {}", `CASE WHEN t.settings IS NULL OR NOT JSON_VALID(t.settings) THEN 1
			WHEN JSON_TYPE(t.settings) <> 'OBJECT' THEN 1 ELSE 0 END = 1`, `'{}'`)
		all[0].ids = "clientId"
	case c.kind == "TIMESTAMP" && (c.null || f.Null):
		add("a zero time in "+c.name+" becomes none", "CAST(t."+c.name+" AS CHAR) LIKE '0000-00-00%'", "NULL")
	case c.kind == "TIMESTAMP":
		add("a zero time in "+c.name+" becomes now", "CAST(t."+c.name+" AS CHAR) LIKE '0000-00-00%'", "CURRENT_TIMESTAMP")
	case c.name == "fUserId" || c.name == "workgroupId":
		add("an empty "+c.name+" becomes none", "t."+c.name+" = ''", "NULL")
	}
	if value, ok := insteadOfNull[w.name+"."+c.name]; ok && f.Null && !c.null {
		add("no "+c.name+" becomes "+strings.Trim(strings.Replace(value, "''", "an empty one", 1), "'"), "t."+c.name+" IS NULL", value)
	}
	return all
}

// insteadOfNull are values for columns that should not be null and may be.
var insteadOfNull = map[string]string{
	"account.name": "''", "room.name": "''", "message.message": "''", "message.status": "''", "message_edit.message": "''",
	"account.active": "1", "invite_token.isValid": "0", "message.type": "'msg'",
}

// mayBeNull are columns that the predecessor's upgrades left so, and nobody reads.
var mayBeNull = []string{"message_status.status", tokenType}

// oldRows are what the predecessor's upgrades did to rows.
func (t *takeover) oldRows() (all []*repair) {
	if t.version < 18 {
		all = append(all, &repair{
			Repair: Repair{What: "rooms are not private", Table: "room"},
			where:  `t.isPrivate <> 0 AND t.clientId NOT LIKE 'cont-%'`, set: `t.isPrivate = 0`,
		})
	}
	if t.found["invite_token"] != nil {
		all = append(all, &repair{
			Repair: Repair{What: "old invite tokens become public or private ones", Table: "invite_token"},
			where:  `COALESCE(t.type, '') = ''`, set: `t.type = IF(t.singleUse = 1, 'private', 'public')`,
		})
	}
	return all
}

// doubles are rows that say what others say too, where a unique key is to come.
func (t *takeover) doubles() (all []*repair) {
	add := func(table string, columns []string, what, join, where string) {
		f := t.found[table]
		if f == nil || f.hasUnique(columns) && !f.convert {
			return
		}
		var same []string
		for _, c := range columns {
			same = append(same, fmt.Sprintf("o.%s = t.%s", c, c))
		}
		all = append(all, &repair{
			Repair: Repair{What: what, Table: table},
			join:   fmt.Sprintf("JOIN %s o ON %s AND o._id <> t._id %s", quoteName(table), strings.Join(same, " AND "), join),
			where:  where,
		})
	}
	add("authorized_for_room", []string{"roomId", "accountId"}, "authorizations that are there twice become one", "", "o._id < t._id")
	add("workgroup_rooms", []string{"fId", "roomId"}, "assignments that are there twice become one", "", "o._id < t._id")
	add("room_user_messages", []string{"roomId", "userId"}, "of several read marks of an account in a room the newest stays",
		"LEFT JOIN message x ON x.msgId = t.lastReadId LEFT JOIN message y ON y.msgId = o.lastReadId",
		`(COALESCE(y.timestamp, 0) > COALESCE(x.timestamp, 0) OR COALESCE(y.timestamp, 0) = COALESCE(x.timestamp, 0) AND o._id < t._id)`)
	return all
}

// planRepair counts the rows as they are now, if that can be done, and plans the
// repair if there are any or may come any.
func (t *takeover) planRepair(ctx context.Context, r *repair) error {
	r.Rows = -1
	if t.countable(r) {
		var err error
		if r.Rows, err = t.count(ctx, t.formerNames(r.Table, t.countOf(r))); err != nil {
			return fmt.Errorf("%s: %w", r.What, err)
		}
		if r.Rows == 0 {
			return nil
		}
	}
	t.addRepair(r)
	return nil
}

func (t *takeover) addRepair(r *repair) {
	t.repairs = append(t.repairs, r)
	t.changes = append(t.changes, change{what: r.What, table: r.Table, do: func(ctx context.Context) error { return t.mend(ctx, r) }})
}

var (
	ofRow       = regexp.MustCompile(`\bt\.(\w+)`)
	wordPattern = regexp.MustCompile(`\w+`)
)

// names says that a join names a table.
func names(join, table string) bool {
	return slices.Contains(wordPattern.FindAllString(join, -1), table)
}

// countable says that everything is there that the repair reads, in one collation.
func (t *takeover) countable(r *repair) bool {
	if r.join != "" && t.anyConverted() {
		return false
	}
	for _, w := range t.wanted {
		if names(r.join, w.name) && t.found[w.name] == nil {
			return false
		}
	}
	for _, m := range ofRow.FindAllStringSubmatch(r.join+" "+r.where, -1) {
		if t.found[r.Table].column(r.Table, m[1]) == nil {
			return false
		}
	}
	return true
}

// formerNames writes a query on t with the names that columns have before the upgrade.
func (t *takeover) formerNames(table, query string) string {
	for name := range renamed {
		of, column, _ := strings.Cut(name, ".")
		if f := t.found[table].column(table, column); of == table && f != nil {
			query = strings.ReplaceAll(query, "t."+column, "t."+f.Name)
		}
	}
	return query
}

func (t *takeover) countOf(r *repair) string {
	return "SELECT COUNT(DISTINCT t._id) FROM " + r.from() + " WHERE " + r.where
}

func (t *takeover) count(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = t.u.conn.GetContext(ctx, &n, query, args...)
	return n, err
}

// batchIDs is how many rows of a table one statement goes through; fewer in tests.
var batchIDs = 10_000

// mend makes a repair.
func (t *takeover) mend(ctx context.Context, r *repair) error {
	total, err := t.count(ctx, t.countOf(r))
	if err != nil || total == 0 {
		return err
	}
	if r.ids != "" {
		if err := t.nameRows(ctx, r); err != nil {
			return err
		}
	}
	statement := "DELETE t FROM " + r.from() + " WHERE " + r.where
	if r.set != "" {
		statement = "UPDATE " + r.from() + " SET " + r.set + " WHERE " + r.where
	}
	var done int64
	err = t.batches(ctx, r.Table, func(ctx context.Context, after, last int64) error {
		n, err := t.u.exec(ctx, statement+" AND t._id > ? AND t._id <= ?", after, last)
		done += n
		t.u.progress.rows(done, total)
		return err
	})
	t.told(r.Repair, done)
	return err
}

// told says in the log what was repaired.
func (t *takeover) told(r Repair, rows int64) {
	t.u.progress.log.Warn("repaired the database", "table", r.Table, "what", r.What, "rows", rows)
}

// batches calls do for one range of _id after the other.
func (t *takeover) batches(ctx context.Context, table string, do func(ctx context.Context, after, last int64) error) error {
	for after := int64(0); ; {
		var last dbsql.NullInt64
		err := t.u.conn.GetContext(ctx, &last, fmt.Sprintf(
			"SELECT MAX(x._id) FROM (SELECT _id FROM %s WHERE _id > ? ORDER BY _id LIMIT %d) AS x", quoteName(table), batchIDs), after)
		if err != nil || !last.Valid {
			return err
		}
		if err := do(ctx, after, last.Int64); err != nil {
			return err
		}
		after = last.Int64
	}
}

// maxNamed is how many rows the log names one by one.
const maxNamed = 100

// nameRows writes to the log which rows are repaired; never what they hold.
func (t *takeover) nameRows(ctx context.Context, r *repair) error {
	ids, err := t.list(ctx, fmt.Sprintf("SELECT t.%s FROM %s WHERE %s ORDER BY t._id LIMIT %d", r.ids, r.from(), r.where, maxNamed))
	for _, id := range ids {
		t.u.progress.log.Warn("repaired the database", "table", r.Table, "what", r.What, "id", id)
	}
	return err
}

// planNulls refuses rows that lack what they must have and nobody can guess.
func (t *takeover) planNulls(ctx context.Context) error {
	for w, f := range t.tables {
		for _, c := range w.columns {
			g, name := f.column(w.name, c.name), w.name+"."+c.name
			_, filled := insteadOfNull[name]
			if g == nil || !g.Null || c.null || filled || c.kind == "JSON" || c.kind == "TIMESTAMP" || slices.Contains(mayBeNull, name) {
				continue
			}
			err := t.refuseRows(ctx, fmt.Sprintf("SELECT _id FROM %s WHERE %s IS NULL ORDER BY _id LIMIT 6", quoteName(w.name), quoteName(g.Name)),
				"the rows with _id %s of the table "+w.name+" have no "+c.name+": give them one, or delete them")
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// refuseRows adds a problem if a query finds rows.
func (t *takeover) refuseRows(ctx context.Context, query, format string) error {
	ids, err := t.list(ctx, query)
	if err == nil && len(ids) > 0 {
		t.problems = append(t.problems, fmt.Sprintf(format, some(ids)))
	}
	return err
}

func (t *takeover) list(ctx context.Context, query string) (ids []string, err error) {
	err = t.u.conn.SelectContext(ctx, &ids, query)
	return ids, err
}
