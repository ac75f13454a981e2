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
	target := flags.String("to", "", "copy everything into this empty database: `mysql://user@host:3306/name`,\n"+
		"or mysql://user@/name?socket=/path; asks for the password on a terminal")
	password := flags.String("password-file", "", "`file` with the password for -to, - for standard input")
	c, _, err := loadConfig(flags, path, args)
	if err != nil {
		return err
	}
	if *target != "" {
		m := migration{source: databaseConfig(c), url: *target, passwordFile: *password, dryRun: *dryRun, out: os.Stdout, notes: os.Stderr}
		return m.run(ctx)
	}
	if *password != "" {
		return usageError{errors.New("presence migrate: -password-file is for -to only; the password of the present database stands in presence.ini")}
	}
	return migrateSchema(ctx, databaseConfig(c), *dryRun, os.Stdout)
}
