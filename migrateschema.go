package main

import (
	"context"
	"io"

	"presence/sql"
)

// migrateSchema upgrades the schema of a database, or says what that would do.
func migrateSchema(ctx context.Context, c sql.Config, dryRun bool, out io.Writer) error {
	return errNotYet
}
