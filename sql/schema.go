package sql

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// Versions of the schema (docs/protocol.md 11.3).
const (
	// SchemaVersion is the version that this program makes and expects.
	SchemaVersion = 103

	baseVersion = 42  // the predecessor's last one
	ownVersions = 100 // the first of ours
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// step leads the schema to a version. Its statements run one after the other; each
// can be run again when its change is there already.
type step struct {
	version    int
	comment    string
	statements []statement
}

// statement is one change of the schema.
type statement struct {
	text    string // with the words of dialect.words still in it
	kind    kind
	table   string
	name    string   // of the index
	columns []string // of the table or the index; the added one
}

type kind int

const (
	createTable kind = iota
	createIndex
	addColumn
	changeRows // must be written so that running it again changes nothing
)

func (s statement) String() string {
	switch s.kind {
	case createTable:
		return "create table " + s.table
	case createIndex:
		return fmt.Sprintf("create index %s on %s", s.name, s.table)
	case addColumn:
		return fmt.Sprintf("add column %s to %s", s.columns[0], s.table)
	}
	return "change rows of " + s.table
}

// loadSteps reads the embedded files, NNNN.comment.sql, in the order of their
// versions.
func loadSteps(files fs.FS) ([]step, error) {
	names, err := fs.Glob(files, "schema/*.sql")
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, name := range names { // sorted, and numbers have leading zeros
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		s, err := parseStep(strings.TrimPrefix(name, "schema/"), string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(steps) > 0 && steps[len(steps)-1].version >= s.version {
			return nil, fmt.Errorf("%s: its version is not greater than the one before", name)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

var stepName = regexp.MustCompile(`^([0-9]{4})\.([a-z0-9-]{8,180})\.sql$`)

func parseStep(name, text string) (step, error) {
	m := stepName.FindStringSubmatch(name)
	if m == nil {
		return step{}, fmt.Errorf("the name must be NNNN.comment.sql, the comment of 8 or more characters")
	}
	version, err := strconv.Atoi(m[1])
	if err != nil {
		return step{}, err
	}
	s := step{version: version, comment: strings.ReplaceAll(m[2], "-", " ")}
	for _, part := range strings.Split(withoutComments(text), ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		st, err := parseStatement(part)
		if err != nil {
			return step{}, err
		}
		s.statements = append(s.statements, st)
	}
	return s, nil
}

func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			b.WriteString(line)
		}
	}
	return b.String()
}

var (
	tableHead  = regexp.MustCompile(`^CREATE TABLE (\w+) \(`)
	indexHead  = regexp.MustCompile(`^CREATE INDEX (\w+) ON (\w+) \(([\w, ]+)\)$`)
	columnHead = regexp.MustCompile(`^ALTER TABLE (\w+) ADD COLUMN (\w+) [^,]+$`)
	rowsHead   = regexp.MustCompile(`^(?:UPDATE|INSERT INTO) (\w+)\s`)
	columnLine = regexp.MustCompile(`(?m)^\t(\w+) `)
)

// parseStatement accepts those forms only whose effect can be looked up before.
func parseStatement(text string) (statement, error) {
	if m := tableHead.FindStringSubmatch(text); m != nil {
		s := statement{text: text, kind: createTable, table: m[1]}
		for _, c := range columnLine.FindAllStringSubmatch(text, -1) {
			if c[1] != "CONSTRAINT" && c[1] != "FOREIGN" {
				s.columns = append(s.columns, c[1])
			}
		}
		return s, nil
	}
	if m := indexHead.FindStringSubmatch(text); m != nil {
		return statement{
			text: text, kind: createIndex, name: m[1], table: m[2],
			columns: strings.Split(strings.ReplaceAll(m[3], " ", ""), ","),
		}, nil
	}
	if m := columnHead.FindStringSubmatch(text); m != nil {
		return statement{text: text, kind: addColumn, table: m[1], columns: m[2:3]}, nil
	}
	if m := rowsHead.FindStringSubmatch(text); m != nil {
		return statement{text: text, kind: changeRows, table: m[1]}, nil
	}
	return statement{}, fmt.Errorf("the statement %.40q… has no form that can be repeated", text)
}
