package main

import (
	"context"
	"errors"
	"flag"
	"os"
)

// runMigrate is presence migrate: the schema is upgraded now instead of at the
// next start, or everything is copied into another database.
func runMigrate(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("migrate", flag.ContinueOnError)
	path := configFlag(flags)
	dryRun := flags.Bool("dry-run", false, "only say what would be done")
	target := flags.String("to", "", "copy everything into this database: `mysql://user@host:3306/name`")
	c, _, err := loadConfig(flags, path, args)
	if err != nil {
		return err
	}
	if *target != "" {
		return migrateTo(ctx, databaseConfig(c), *target, *dryRun, os.Stdout)
	}
	return migrateSchema(ctx, databaseConfig(c), *dryRun, os.Stdout)
}

var errNotYet = errors.New("not built yet")
