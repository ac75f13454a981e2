package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"

	"presence/sql"
)

// migration copies everything from the database of the configuration into another.
type migration struct {
	source       sql.Config
	url          string // of the target, as the command line has it
	passwordFile string // empty: none is named
	dryRun       bool
	out          io.Writer // what was found and done
	notes        *os.File  // how far it is
}

func (m migration) run(ctx context.Context) error {
	target, hasPassword, err := parseTarget(m.url)
	if err != nil {
		return usageError{fmt.Errorf("presence migrate: -to: %w", err)}
	}
	target.Pass, err = m.password(ctx, target, hasPassword)
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; nothing was changed")
	case err != nil:
		return err
	}
	bar := newProgress(m.notes, isTerminal(m.notes))
	report, err := sql.Copy(ctx, m.source, target, sql.CopyOptions{DryRun: m.dryRun, Progress: bar})
	bar.Stop()
	if err != nil {
		m.tellTables(report)
		if ctx.Err() != nil {
			return errors.New("interrupted; what is copied stays, and the same command goes on from there")
		}
		return err
	}
	m.tell(report, target)
	return nil
}

// parseTarget reads mysql://user:password@host:port/name?socket=/path. Its errors
// do not repeat the text, which may hold a password in any place.
func parseTarget(text string) (c sql.Config, hasPassword bool, err error) {
	const form = "write mysql://user@host:3306/name, or mysql://user@/name?socket=/path"
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Fragment != "":
		return c, false, errors.New("this is no address of a database; " + form +
			" (in a password, characters like @ : / ? # % are written as %40 and so on; better leave it to -password-file)")
	case u.Scheme == "sqlite":
		return c, false, errors.New("a copy goes into a database of MySQL or MariaDB only; " + form)
	case u.Scheme != "mysql" && u.Scheme != "mariadb":
		return c, false, errors.New("it does not begin with mysql://; " + form)
	case u.User == nil || u.User.Username() == "":
		return c, false, errors.New("it names no user of the database server; " + form)
	}
	c = sql.Config{Driver: sql.MySQL, Host: u.Hostname(), Port: 3306, User: u.User.Username(), Name: strings.TrimPrefix(u.Path, "/")}
	c.Pass, hasPassword = u.User.Password()
	if u.Port() != "" {
		if c.Port, err = strconv.Atoi(u.Port()); err != nil {
			return c, false, errors.New("its port is no number; " + form)
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return c, false, errors.New("what stands behind the ? cannot be read; " + form)
	}
	for key, values := range query {
		if key != "socket" || len(values) != 1 || c.Host != "" {
			return c, false, errors.New("behind the ? there may be one socket=/path only, and then no host; " + form)
		}
		c.Socket = values[0]
	}
	if c.Name == "" || strings.Contains(c.Name, "/") {
		return c, false, errors.New("it names no database behind the host; " + form)
	}
	return c, hasPassword, nil
}

// password finds the password of the target: in a file, in the address, or by
// asking. There may be none.
func (m migration) password(ctx context.Context, target sql.Config, inAddress bool) (string, error) {
	switch {
	case m.passwordFile != "" && inAddress:
		return "", usageError{errors.New("presence migrate: there is a password in the address and one in -password-file; give one of them")}
	case m.passwordFile != "":
		password, err := readPassword(m.passwordFile)
		if err != nil {
			return "", fmt.Errorf("read the password (-password-file): %w", err)
		}
		return password, nil
	case inAddress:
		fmt.Fprintln(m.notes, "note: others on this machine can see a password on the command line; -password-file hides it")
		return target.Pass, nil
	case isTerminal(os.Stdin):
		return askSecret(ctx, fmt.Sprintf("Password of %s for %s: ", target.User, target.Name))
	}
	return "", nil
}

// readPassword reads the only line of a file; - is standard input.
func readPassword(name string) (string, error) {
	if name == "-" {
		return readOnlyLine(os.Stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return readOnlyLine(f)
}

func readOnlyLine(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, 2*maxSecret))
	if err != nil {
		return "", err
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	switch {
	case line == "":
		return "", errors.New("it is empty")
	case len(line) > maxSecret:
		return "", fmt.Errorf("it is longer than %d bytes", maxSecret)
	case strings.ContainsAny(line, "\n\r\x00"):
		return "", errors.New("it has more than one line")
	}
	return line, nil
}

// tell says what was found and done, and what to do next.
func (m migration) tell(r sql.CopyReport, target sql.Config) {
	fmt.Fprintf(m.out, "\nfrom  %s\nto    %s, %s\n\n", r.Source, r.Target, r.Server)
	m.tellTables(r)
	if r.Continued && !m.dryRun {
		var had int64
		for _, t := range r.Tables {
			had += t.SourceRows - t.Copied
		}
		fmt.Fprintf(m.out, "%s of these rows were there already, from a copy that had been interrupted.\n", grouped(had))
	}
	for _, name := range r.Left {
		fmt.Fprintf(m.out, "left out, because it is not Presence's: %s\n", name)
	}
	if m.dryRun {
		again := "nothing speaks against the copy"
		if r.Continued {
			again = "nothing speaks against going on with the copy that has begun"
		}
		fmt.Fprintf(m.out, "\nNothing was changed; %s. Stop the service before it.\n", again)
		return
	}
	fmt.Fprintf(m.out, "\nEverything is copied, and both were compared. Now write into presence.ini\n\n%s\n"+
		"and start the service. Do not start it with the former settings any more: what is\n"+
		"written to %s from now on is not in the copy. That file was not\nchanged; keep it until you are sure.\n", targetSettings(target), r.Source)
}

// tellTables lists the tables with their checksums, of which the first digits tell
// enough.
func (m migration) tellTables(r sql.CopyReport) {
	if len(r.Tables) == 0 {
		return
	}
	const digits = 16
	fmt.Fprintf(m.out, "%-22s%14s  %-*s  %s\n", "table", "rows", digits, "checksum", "of the copy")
	for _, t := range r.Tables {
		copied := "not compared"
		switch {
		case m.dryRun:
			copied = "not copied"
		case t.TargetSum != "" && t.TargetRows != t.SourceRows:
			copied = fmt.Sprintf("%.*s  DIFFERS, %s rows", digits, t.TargetSum, grouped(t.TargetRows))
		case t.TargetSum != "" && t.TargetSum != t.SourceSum:
			copied = fmt.Sprintf("%.*s  DIFFERS", digits, t.TargetSum)
		case t.TargetSum != "":
			copied = fmt.Sprintf("%.*s", digits, t.TargetSum)
		}
		fmt.Fprintf(m.out, "%-22s%14s  %.*s  %s\n", t.Name, grouped(t.SourceRows), digits, t.SourceSum, copied)
	}
}

// targetSettings is the section of presence.ini for the target, but for its
// password.
func targetSettings(c sql.Config) string {
	var b strings.Builder
	b.WriteString("  [database]\n  driver = mysql\n")
	if c.Socket != "" {
		fmt.Fprintf(&b, "  socket = %s\n", iniValue(c.Socket))
	} else {
		fmt.Fprintf(&b, "  host = %s\n  port = %d\n", iniValue(c.Host), c.Port)
	}
	fmt.Fprintf(&b, "  user = %s\n", iniValue(c.User))
	if c.Pass != "" {
		b.WriteString("  pass = PASSWORD\n")
	}
	fmt.Fprintf(&b, "  name = %s\n", iniValue(c.Name))
	return b.String()
}

// iniValue writes a value for presence.ini, in quotes where it needs them.
func iniValue(v string) string {
	for _, r := range v {
		plain := 'a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("_-./:", r)
		if !plain {
			return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
		}
	}
	return v
}
