package main

import (
	"context"
	"io"

	"presence/sql"
)

// migrateTo copies everything from one database into another.
func migrateTo(ctx context.Context, source sql.Config, target string, dryRun bool, out io.Writer) error {
	return errNotYet
}
