package sql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// copyProblems are rows that the target could not take, in sentences without any
// stored value. Only the first of them are kept.
type copyProblems struct {
	list []string
	more int
}

const problemsShown = 20

func (p *copyProblems) add(table string, id int64, format string, args ...any) {
	if len(p.list) == problemsShown {
		p.more++
		return
	}
	p.list = append(p.list, fmt.Sprintf("%s, _id %d: %s", table, id, fmt.Sprintf(format, args...)))
}

func (p *copyProblems) count() int { return len(p.list) + p.more }

// err lists the problems, one a line; nil if there are none.
func (p *copyProblems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	text := strings.Join(p.list, "\n  ")
	if p.more > 0 {
		text += fmt.Sprintf("\n  … and %d more", p.more)
	}
	return fmt.Errorf("%w; mend these rows first:\n  %s", errUncopyable, text)
}

var errUncopyable = errors.New("the target cannot hold all rows as they are, so nothing was copied")

// checker looks through the rows of one table for what the target would refuse, or
// would take for something else.
type checker struct {
	table     copyTable
	problems  *copyProblems
	packet    int64 // bytes of the longest statement of the target
	documents *documentCheck
	keys      []*keyCheck
}

// check looks at the row that r stands on.
func (k *checker) check(ctx context.Context, r *copyRows) error {
	before := k.problems.count()
	if id := r.id(); id < 1 {
		k.problems.add(k.table.name, id, "_id is not between 1 and %d", k.table.columns[0].limit)
		return nil
	}
	for n, c := range k.table.columns {
		if why := unfit(c, r.values[n]); why != "" {
			k.problems.add(k.table.name, r.id(), "%s %s", c.name, why)
		}
	}
	if size := literalBytes(r.values); size > k.packet {
		k.problems.add(k.table.name, r.id(), "the row may need a statement of %d bytes, the server takes %d; set its max_allowed_packet to more",
			size, k.packet)
	}
	if k.problems.count() > before {
		return nil // nothing more can be said of it
	}
	if err := k.documents.add(ctx, r); err != nil {
		return err
	}
	for _, key := range k.keys {
		if err := key.add(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// literalBytes is the most that the values may take in a statement.
func literalBytes(values []any) (bytes int64) {
	for _, v := range values {
		switch v := v.(type) {
		case string:
			bytes += 2*int64(len(v)) + 4 // each byte may need a mark before it
		case []byte:
			bytes += 2*int64(len(v)) + 12
		default:
			bytes += 24
		}
	}
	return bytes + 4
}

// unfit says why a column of the target cannot hold a value as it is; empty if it
// can.
func unfit(c copyColumn, v any) string {
	if v == nil {
		if c.notNull {
			return "is NULL, which the target does not allow"
		}
		return ""
	}
	if c.kind == numberColumn {
		return unfitNumber(c, v)
	}
	text, ok := v.(string)
	if b, isBytes := v.([]byte); isBytes {
		text, ok = string(b), true
	}
	switch {
	case !ok:
		return fmt.Sprintf("is %s, a text is needed", kindOf(v))
	case !utf8.ValidString(text):
		return "is not UTF-8"
	case c.kind == timeColumn:
		return unfitTime(text)
	case c.kind == charColumn && int64(utf8.RuneCountInString(text)) > c.limit:
		return fmt.Sprintf("has %d characters, %d are possible", utf8.RuneCountInString(text), c.limit)
	case c.kind == textColumn && int64(len(text)) > c.limit:
		return fmt.Sprintf("has %d bytes, %d are possible", len(text), c.limit)
	}
	return ""
}

func unfitNumber(c copyColumn, v any) string {
	least := -c.limit - 1
	if c.limit == 1<<32-1 {
		least = 0 // unsigned
	}
	n, ok := v.(int64)
	switch {
	case !ok:
		return fmt.Sprintf("is %s, a whole number is needed", kindOf(v))
	case n < least || n > c.limit:
		return fmt.Sprintf("is not between %d and %d", least, c.limit)
	}
	return ""
}

func kindOf(v any) string {
	switch v.(type) {
	case int64:
		return "a number"
	case float64:
		return "a number with a fraction"
	case string:
		return "a text"
	}
	return "a sequence of bytes"
}

// What a TIMESTAMP column of MySQL holds, in UTC. Later times only some versions
// know.
var (
	firstTimestamp = time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC)
	lastTimestamp  = time.Date(2038, 1, 19, 3, 14, 7, 0, time.UTC)
)

// noTime stands in old rows for no time at all; it can be copied.
const noTime = "0000-00-00 00:00:00"

func unfitTime(text string) string {
	if text == noTime {
		return ""
	}
	t, err := time.Parse(time.DateTime, text)
	switch {
	case err != nil || len(text) != len(time.DateTime):
		return "is no time of the form YYYY-MM-DD HH:MM:SS"
	case t.Before(firstTimestamp) || t.After(lastTimestamp):
		return fmt.Sprintf("is not between %s and %s", firstTimestamp.Format(time.DateTime), lastTimestamp.Format(time.DateTime))
	}
	return ""
}

// documentCheck asks the target whether it takes texts as JSON: programs have
// different opinions about that.
type documentCheck struct {
	target   *copyTarget
	problems *copyProblems
	table    string
	columns  []int

	// What was collected and not asked for yet.
	ids   []int64
	names []string
	texts []any
	bytes int64
}

func newDocumentCheck(target *copyTarget, problems *copyProblems, t copyTable) *documentCheck {
	d := &documentCheck{target: target, problems: problems, table: t.name}
	for n, c := range t.columns {
		if c.kind == jsonColumn {
			d.columns = append(d.columns, n)
		}
	}
	return d
}

func (d *documentCheck) add(ctx context.Context, r *copyRows) error {
	for _, n := range d.columns {
		if r.values[n] == nil {
			continue
		}
		size := literalBytes(r.values[n : n+1])
		if len(d.texts) == batchRows || len(d.texts) > 0 && d.bytes+size > batchBytes {
			if err := d.ask(ctx); err != nil {
				return err
			}
		}
		d.ids, d.names, d.texts = append(d.ids, r.id()), append(d.names, r.table.columns[n].name), append(d.texts, r.values[n])
		d.bytes += size
	}
	return nil
}

// ask has the texts looked at that were collected.
func (d *documentCheck) ask(ctx context.Context) error {
	if len(d.texts) == 0 {
		return nil
	}
	valid, err := d.target.each(ctx, "COALESCE(JSON_VALID(?), 0)", d.texts)
	if err != nil {
		return fmt.Errorf("ask the target whether %s of %s is JSON, _id %d to %d: %w",
			d.names[0], d.table, d.ids[0], d.ids[len(d.ids)-1], translate(err))
	}
	for n, v := range valid {
		if v != "1" {
			d.problems.add(d.table, d.ids[n], "%s is no JSON; '{}' can take its place", d.names[n])
		}
	}
	clear(d.texts)
	d.ids, d.names, d.texts, d.bytes = d.ids[:0], d.names[:0], d.texts[:0], 0
	return nil
}

// checkParents looks for rows that refer to none.
func (s *copySource) checkParents(ctx context.Context, t copyTable, problems *copyProblems) error {
	for _, p := range t.parents {
		var ids []int64
		query := fmt.Sprintf(`SELECT c._id FROM %s c LEFT JOIN %s p ON p.%s = c.%s WHERE c.%s IS NOT NULL AND p.%s IS NULL ORDER BY c._id LIMIT %d`,
			t.name, p.table, p.key, p.column, p.column, p.key, problemsShown)
		if err := s.conn.SelectContext(ctx, &ids, query); err != nil {
			return fmt.Errorf("look for rows of %s that refer to none: %w", t.name, err)
		}
		for _, id := range ids {
			problems.add(t.name, id, "%s refers to a row of %s that does not exist", p.column, p.table)
		}
	}
	return nil
}
