package sql

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"
)

// InSteps makes the batches of a copy small, and calls reached behind each change:
// its error ends the copy there, as a crash would.
func (o CopyOptions) InSteps(batchRows int, reached func(point string) error) CopyOptions {
	o.batchRows, o.batchBytes, o.reached = batchRows, copyBytesAtOnce, reached
	return o
}

// Why a copy is refused or given up.
var (
	ErrUncopyable = errUncopyable
	ErrDiffers    = errDiffers
)

// CopiedColumns lists the tables that are copied, each with its columns, in order.
func CopiedColumns() (names []string, columns [][]string, err error) {
	steps, err := loadSteps(schemaFiles, MySQL)
	if err != nil {
		return nil, nil, err
	}
	tables, err := copyTables(steps)
	for _, t := range tables {
		var all []string
		for _, c := range t.columns {
			all = append(all, c.name)
		}
		names, columns = append(names, t.name), append(columns, all)
	}
	return names, columns, err
}

// NotCopied are the tables that every database has for itself.
func NotCopied() []string { return notCopied }

// Weights calls f with what says by which weight a database of MySQL compares a
// text, and whether no other plain text has the same.
func Weights(ctx context.Context, c Config, f func(weight func(text string) (string, error), isPlain func(text string) bool) error) error {
	c = c.withDefaults()
	return withConn(ctx, c, openCopyTarget, func(conn *sqlx.Conn) error {
		w, err := newWeights(ctx, &copyTarget{conn: conn, dialect: dialectOf(MySQL)})
		if err != nil {
			return err
		}
		return f(func(text string) (string, error) { return w.of(ctx, text) }, w.isPlain)
	})
}

// PlainJSON is how documents are compared.
func PlainJSON(text string) string { return string(plainJSON([]byte(text))) }

// ParseTable reads one statement of a schema file as copies do.
func ParseTable(text string) error {
	st, err := parseStatement(text)
	if err != nil {
		return err
	}
	tables, err := copyTables([]step{{statements: []statement{st}}})
	if err == nil && len(tables) == 0 {
		return errors.New("no table")
	}
	return err
}
