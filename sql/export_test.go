package sql

import (
	"context"
	"testing/fstest"
)

// Exec sends a statement inside of a transaction of a test.
type Exec func(ctx context.Context, query string, args ...any) (int64, error)

// Write runs f as the stores run theirs.
func (db *DB) Write(ctx context.Context, f func(context.Context, Exec) error) error {
	return db.write(ctx, "test", 1, func(ctx context.Context, s session) error {
		return f(ctx, s.exec)
	})
}

// Change is a statement of the schema in the words of a driver.
type Change struct {
	Version int
	Text    string
	Name    string
}

// Changes lists the statements that lead from nothing to SchemaVersion.
func Changes(driver string) (all []Change) {
	steps, err := loadSteps(schemaFiles)
	if err != nil {
		panic(err)
	}
	for _, s := range steps {
		for _, st := range s.statements {
			all = append(all, Change{s.version, dialectOf(driver).words.Replace(st.text), st.String()})
		}
	}
	return all
}

// LoadSteps reads schema files that a test has written; comments are their results.
func LoadSteps(files map[string]string) ([]string, error) {
	tree := fstest.MapFS{}
	for name, text := range files {
		tree["schema/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	steps, err := loadSteps(tree)
	var comments []string
	for _, s := range steps {
		comments = append(comments, s.comment)
	}
	return comments, err
}

// LockName is the upgrade lock of a database of MySQL.
func LockName(database string) string { return lockName(database) }

// FrequentReads are the statements whose indexes are tested, with placeholders.
func FrequentReads(driver string) map[string]string {
	r := newMessageReads(dialectOf(driver))
	return map[string]string{
		"newest": newestMessages, "before": r.before, "after": r.after, "unread": r.unread, "one": oneMessage,
	}
}
