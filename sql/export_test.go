package sql

import (
	"context"
	"errors"
	"log/slog"
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
	steps, err := loadSteps(schemaFiles, driver)
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
	steps, err := loadSteps(tree, SQLite)
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
		"before": r.before, "after": r.after, "unread": r.unread, "one": oneMessage,
		"before deleted": r.beforeDeleted, "after deleted": r.afterDeleted,
	}
}

// ListReads are the reads of many rooms or relations, for one room and for the
// relations of one account.
func ListReads(driver string) map[string]string {
	r := newListReads(dialectOf(driver))
	return map[string]string{
		"tails": r.tails, "unread": r.unread, "relations": r.relations.rows.where(`u.userId = ?`),
		"newest": r.relations.newest.where(`u.userId = ?`), "unread of relations": r.relations.unread.where(`u.userId = ?`),
	}
}

// BeginsStopword says that the full-text index of MySQL lacks a word.
func BeginsStopword(word string) bool { return beginsStopword(word) }

// ErrKilled is how UpgradeUntil ends in the middle.
var ErrKilled = errors.New("killed by the test")

// UpgradeUntil upgrades a database up to behind its nth changing statement, where it
// breaks off as a crash would; statements are those that were sent.
func UpgradeUntil(ctx context.Context, c Config, n int, log *slog.Logger) (statements int, err error) {
	c = c.withDefaults()
	err = upgradeWatched(ctx, c, dialectOf(c.Driver), &progress{log: log}, func() error {
		if statements++; statements == n {
			return ErrKilled
		}
		return nil
	})
	return statements, err
}

// LackingRights reads the answer to SHOW GRANTS.
func LackingRights(grants []string, database string, needed []string) []string {
	return lackingIn(grants, database, needed)
}

// ServerProblems are what a server's state has against an upgrade.
func ServerProblems(version string, readOnly bool, recovery, pageSize int) []string {
	return serverState{Version: version, ReadOnly: readOnly, Recovery: recovery, PageSize: pageSize}.problems()
}

// UpgradeHooked is UpgradeUntil with something else behind each statement.
func UpgradeHooked(ctx context.Context, c Config, after func() error) error {
	c = c.withDefaults()
	return upgradeWatched(ctx, c, dialectOf(c.Driver), &progress{log: slog.New(slog.DiscardHandler)}, after)
}

// SmallBatches lets statements of a takeover go through n rows, until the result is
// called.
func SmallBatches(n int) (restore func()) {
	before := batchIDs
	batchIDs = n
	return func() { batchIDs = before }
}
