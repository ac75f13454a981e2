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
	SchemaVersion = 105

	firstVersion = 2   // of the predecessor, from which on it is taken over
	baseVersion  = 42  // the predecessor's last one
	ownVersions  = 100 // the first of ours
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
	name    string   // of the index, view or trigger
	columns []string // of the table or the index; the added one
}

type kind int

const (
	createTable kind = iota
	createIndex
	createTextIndex // of MySQL
	addColumn
	repeatable // rows, views, triggers: written so that running it again changes nothing
)

func (s statement) String() string {
	switch s.kind {
	case createTable:
		return "create table " + s.table
	case createIndex:
		return fmt.Sprintf("create index %s on %s", s.name, s.table)
	case createTextIndex:
		return fmt.Sprintf("create full-text index %s on %s", s.name, s.table)
	case addColumn:
		return fmt.Sprintf("add column %s to %s", s.columns[0], s.table)
	}
	if s.name != "" {
		return "create " + s.name
	}
	return "change rows of " + s.table
}

// loadSteps reads the embedded files, NNNN.comment.sql, in the order of their
// versions. Statements for the other kind of database are left out.
func loadSteps(files fs.FS, driver string) ([]step, error) {
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
		s, err := parseStep(strings.TrimPrefix(name, "schema/"), string(text), driver)
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

func parseStep(name, text, driver string) (step, error) {
	m := stepName.FindStringSubmatch(name)
	if m == nil {
		return step{}, fmt.Errorf("the name must be NNNN.comment.sql, the comment of 8 or more characters")
	}
	version, err := strconv.Atoi(m[1])
	if err != nil {
		return step{}, err
	}
	s := step{version: version, comment: strings.ReplaceAll(m[2], "-", " ")}
	for _, part := range statementEnd.Split(withoutComments(text), -1) {
		part, only := onlyFor(strings.TrimSpace(part))
		if part == "" {
			continue
		}
		st, err := parseStatement(part)
		if err != nil {
			return step{}, err
		}
		if only == "" || only == driver {
			s.statements = append(s.statements, st)
		}
	}
	return s, nil
}

// statementEnd is a semicolon that ends a line; others are part of a trigger.
var statementEnd = regexp.MustCompile(`;[ \t]*(?:\n|$)`)

// onlyFor cuts the mark off a statement that is for one kind of database.
func onlyFor(text string) (statement, driver string) {
	if rest, ok := strings.CutPrefix(text, "$MYSQL "); ok {
		return rest, MySQL
	}
	if rest, ok := strings.CutPrefix(text, "$SQLITE "); ok {
		return rest, SQLite
	}
	return text, ""
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
	tableHead  = regexp.MustCompile(`^CREATE (?:VIRTUAL )?TABLE (\w+) (?:USING fts5 )?\(`)
	indexHead  = regexp.MustCompile(`^CREATE (FULLTEXT )?INDEX (\w+) ON (\w+) \(([\w, ]+)\)$`)
	columnHead = regexp.MustCompile(`^ALTER TABLE (\w+) ADD COLUMN (\w+) [^,]+$`)
	rowsHead   = regexp.MustCompile(`^(?:UPDATE|INSERT INTO) (\w+)\s`)
	columnLine = regexp.MustCompile(`(?m)^\t(\w+)(?: [^=]|,)`)
	ifMissing  = regexp.MustCompile(`^CREATE ((?:VIEW|TRIGGER) )IF NOT EXISTS (\w+) (?:AS|AFTER \w+ .*ON (\w+) BEGIN)\s`)
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
		s := statement{text: text, kind: createIndex, name: m[2], table: m[3]}
		if m[1] != "" {
			s.kind = createTextIndex
		}
		s.columns = strings.Split(strings.ReplaceAll(m[4], " ", ""), ",")
		return s, nil
	}
	if m := columnHead.FindStringSubmatch(text); m != nil {
		return statement{text: text, kind: addColumn, table: m[1], columns: m[2:3]}, nil
	}
	if m := rowsHead.FindStringSubmatch(text); m != nil {
		return statement{text: text, kind: repeatable, table: m[1]}, nil
	}
	if m := ifMissing.FindStringSubmatch(text); m != nil {
		return statement{text: text, kind: repeatable, name: strings.ToLower(m[1]) + m[2], table: m[3]}, nil
	}
	return statement{}, fmt.Errorf("the statement %.40q… has no form that can be repeated", text)
}
