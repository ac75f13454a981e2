// Presence is the server for chat rooms, calls and streaming of Friend: it lets
// Friend users and their guests talk to each other.
//
// This package holds what a process has once: commands, flags, signals, exit
// status, and the wiring of the packages that do the work. It must never know a
// frame, a query or a rule of a room.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"presence/cfg"
	"presence/sql"
)

// version is set when a release is built.
var version = "unknown"

// Exit statuses that supervisors tell apart.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 78 // configuration refused: starting again is of no use
)

// command is one of the words behind "presence".
type command struct {
	name, args, about string
	run               func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"run", "[-config FILE]", "run the service (also without a command)", runService},
		{"demo", "[-dir DIR] [-port N]", "try it out on this machine: three users, nothing to install", runDemo},
		{"check", "[-config FILE] [-settings]", "try everything that the configuration promises", runCheck},
		{"migrate", "[-config FILE] [-dry-run] [-to URL]", "upgrade the database now, or copy it into another", runMigrate},
		{"version", "", "say which version this is", runVersion},
	}
}

// usageError is a command line that nobody understands.
type usageError struct{ error }

// silentError ends the process after everything was said.
type silentError struct{ status int }

func (silentError) Error() string { return "" }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(report(dispatch(ctx, os.Args[1:])))
}

// dispatch runs the command that args name.
func dispatch(ctx context.Context, args []string) error {
	name := "run"
	if len(args) > 0 && len(args[0]) > 0 && args[0][0] != '-' {
		name, args = args[0], args[1:]
	}
	if name == "help" || len(args) > 0 && name == "run" && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		usage(os.Stdout)
		return nil
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, args)
		}
	}
	return usageError{fmt.Errorf("unknown command %q; presence help lists what there is", name)}
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Presence: chat rooms, calls and streaming for Friend.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  presence %-8s %-35s %s\n", c.name, c.args, c.about)
	}
	fmt.Fprint(w, "\nWithout -config, presence.ini in the working directory is read if it is there, else\nconfig.js of the Node.js server, as far as it only writes values down; without either,\ndefaults count. Exit status: 0 stopped as asked, 1 something failed, 2 wrong usage,\n78 configuration refused.\n")
}

// parse reads the flags of a command; nothing may follow them.
func parse(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(os.Stdout)
		fmt.Printf("presence %s:\n", flags.Name())
		flags.PrintDefaults()
		return silentError{0}
	case err != nil:
		return usageError{fmt.Errorf("presence %s: %w", flags.Name(), err)}
	case flags.NArg() > 0:
		return usageError{fmt.Errorf("presence %s: nothing is known to do with %q", flags.Name(), flags.Arg(0))}
	}
	return nil
}

// configFlag adds the flag that most commands have.
func configFlag(flags *flag.FlagSet) *string {
	return flags.String("config", "", "`file` with the settings (default presence.ini, else config.js, if there is one)")
}

// report says what went wrong, and turns it into the exit status.
func report(err error) int {
	if err == nil {
		return 0
	}
	if silent, ok := errors.AsType[silentError](err); ok {
		return silent.status
	}
	fmt.Fprintln(os.Stderr, "presence:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*cfg.Error](err); ok || errors.Is(err, sql.ErrConfig) {
		return exitRefused
	}
	return exitFailed
}

// loadConfig reads the configuration that a command's flags name.
func loadConfig(flags *flag.FlagSet, path *string, args []string) (*cfg.Config, []cfg.Note, error) {
	if err := parse(flags, args); err != nil {
		return nil, nil, err
	}
	return cfg.Load(*path)
}

func runVersion(_ context.Context, args []string) error {
	if err := parse(flag.NewFlagSet("version", flag.ContinueOnError), args); err != nil {
		return err
	}
	fmt.Printf("presence %s\ncommit   %s\ngo       %s %s/%s\nschema   %d\n",
		version, commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH, sql.SchemaVersion)
	return nil
}

// commit is the revision that the program was built from.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	found, changed := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			found = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " (changed)"
		}
	}
	return found + changed
}
