package sql

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// copyTable is a table whose rows are copied, as the schema files describe it for
// MySQL (docs/protocol.md 11.2).
type copyTable struct {
	name    string
	columns []copyColumn // _id is the first
	unique  [][]string   // the columns of each unique key but that of _id
	parents []copyParent
}

type copyColumn struct {
	name    string
	kind    columnKind
	notNull bool
	limit   int64 // of numbers: the greatest; of texts: characters, or bytes (docs/protocol.md 11.1)
}

type columnKind int

const (
	numberColumn columnKind = iota
	timeColumn              // TIMESTAMP
	charColumn              // VARCHAR
	textColumn              // TEXT
	jsonColumn
)

// copyParent is a foreign key: column holds what key of table holds.
type copyParent struct{ column, table, key string }

// notCopied are tables that say what a database is, not what it holds. Each
// database has rows of its own in them.
var notCopied = []string{"db_history", "presence_schema"}

// copyTables lists the tables that the steps make, those that others refer to
// first.
func copyTables(steps []step) ([]copyTable, error) {
	var tables []copyTable
	for _, s := range steps {
		for _, st := range s.statements {
			if slices.Contains(notCopied, st.table) {
				continue
			}
			var err error
			switch st.kind {
			case createTable:
				t := copyTable{name: st.table}
				err = t.readDefinition(st.text)
				tables = append(tables, t)
			case addColumn:
				t := slices.IndexFunc(tables, func(t copyTable) bool { return t.name == st.table })
				if t < 0 {
					return nil, fmt.Errorf("%s: the table is not made before", st)
				}
				_, definition, _ := strings.Cut(st.text, " ADD COLUMN ")
				err = tables[t].readColumn(definition)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", st, err)
			}
		}
	}
	return tables, nil
}

var (
	uniqueLine = regexp.MustCompile(`^CONSTRAINT \w+ UNIQUE \(([\w, ]+)\)$`)
	parentLine = regexp.MustCompile(`^(?:CONSTRAINT \w+ )?FOREIGN KEY \((\w+)\) REFERENCES (\w+) \((\w+)\)`)
	columnForm = regexp.MustCompile(`^(\w+) (\$ID|\$JSON|[A-Z]+(?: UNSIGNED)?)(?:\((\d+)\))?( NOT NULL)?`)
)

// readDefinition takes in the lines of CREATE TABLE, one each for a column or a
// key.
func (t *copyTable) readDefinition(text string) error {
	for line := range strings.Lines(text) {
		line, inside := strings.CutPrefix(line, "\t")
		if !inside {
			continue
		}
		line = strings.TrimSuffix(strings.TrimSpace(line), ",")
		if m := uniqueLine.FindStringSubmatch(line); m != nil {
			t.unique = append(t.unique, strings.Split(strings.ReplaceAll(m[1], " ", ""), ","))
			continue
		}
		if m := parentLine.FindStringSubmatch(line); m != nil {
			t.parents = append(t.parents, copyParent{m[1], m[2], m[3]})
			continue
		}
		if err := t.readColumn(line); err != nil {
			return err
		}
	}
	if len(t.columns) == 0 || t.columns[0].name != "_id" {
		return fmt.Errorf("its first column is not _id")
	}
	return nil
}

func (t *copyTable) readColumn(line string) error {
	m := columnForm.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("the column %.40q… has no form that can be copied", line)
	}
	c := copyColumn{name: m[1], notNull: m[4] != "" || m[2] == "$ID"}
	switch m[2] {
	case "$ID", "INT UNSIGNED":
		c.limit = 1<<32 - 1
	case "BIGINT":
		c.limit = 1<<63 - 1
	case "BOOLEAN":
		c.limit = 1<<7 - 1
	case "TIMESTAMP":
		c.kind = timeColumn
	case "VARCHAR":
		n, err := strconv.ParseInt(m[3], 10, 64)
		if err != nil {
			return fmt.Errorf("the column %s has no length", c.name)
		}
		c.kind, c.limit = charColumn, n
	case "TEXT":
		c.kind, c.limit = textColumn, textBytes
	case "$JSON":
		c.kind = jsonColumn
	default:
		return fmt.Errorf("the column %s has the type %s, which is not known here", c.name, m[2])
	}
	t.columns = append(t.columns, c)
	return nil
}

// names lists the columns, separated by commas; each with prefix before it.
func (t copyTable) names(prefix string) string {
	var b strings.Builder
	for n, c := range t.columns {
		if n > 0 {
			b.WriteString(", ")
		}
		b.WriteString(prefix + c.name)
	}
	return b.String()
}

// position is that of a column that the table has.
func (t copyTable) position(column string) int {
	return slices.IndexFunc(t.columns, func(c copyColumn) bool { return c.name == column })
}
