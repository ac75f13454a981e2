package sql

import (
	"context"
	"fmt"
	"math"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jmoiron/sqlx"
)

// preflightMySQL looks for what would stop an upgrade in the middle and lies with the
// server: its version, rights, settings, space on its disk.
func preflightMySQL(ctx context.Context, u *upgrader, p *upgradePlan) error {
	var s serverState
	if err := u.conn.GetContext(ctx, &s, askServer); err != nil {
		return fmt.Errorf("ask for the settings of the server: %w", err)
	}
	p.problems = append(p.problems, s.problems()...)
	lacking, err := lackingRights(ctx, u.conn, s.Database, neededRights(p))
	if err != nil {
		return err
	}
	if len(lacking) > 0 {
		p.problems = append(p.problems, fmt.Sprintf("user %q lacks the rights %s: GRANT ALL ON %s.* TO that user",
			u.config.User, strings.Join(lacking, ", "), quoteName(s.Database)))
	}
	if s.Others > 0 {
		p.notes = append(p.notes, fmt.Sprintf("%d other connections use the database; the former server must be stopped", s.Others))
	}
	return preflightDisk(ctx, u, p, s.DataDir)
}

// serverState is what a server says of itself.
type serverState struct {
	Version  string `db:"version"`
	Database string `db:"name"`
	ReadOnly bool   `db:"isReadOnly"`
	Recovery int    `db:"recovery"`
	PageSize int    `db:"pageSize"`
	DataDir  string `db:"dataDir"`
	Others   int    `db:"others"`
}

const askServer = `SELECT VERSION() AS version, DATABASE() AS name, @@read_only AS isReadOnly,
	@@innodb_force_recovery AS recovery, @@innodb_page_size AS pageSize, @@datadir AS dataDir,
	(SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()) AS others`

// minPage is the smallest page of InnoDB that holds an index over two ids.
const minPage = 8 << 10

func (s serverState) problems() (all []string) {
	if oldest, old := tooOld(s.Version); old {
		all = append(all, fmt.Sprintf("the database server is version %s; %s or newer is needed", s.Version, oldest))
	}
	if s.ReadOnly {
		all = append(all, "the database server is read-only (read_only): name the one that may be written")
	}
	if s.Recovery > 0 {
		all = append(all, "the database server runs with innodb_force_recovery: mend it, and start it without")
	}
	if s.PageSize < minPage {
		all = append(all, fmt.Sprintf("the database server has pages of %d bytes (innodb_page_size), which hold no index over two ids: %d are needed", s.PageSize, minPage))
	}
	return all
}

var versionNumbers = regexp.MustCompile(`(\d{1,4})\.(\d{1,4})\.(\d{1,4})`)

// tooOld says whether a server knows no JSON yet.
func tooOld(version string) (oldest string, old bool) {
	least, name := []int{5, 7, 8}, "MySQL 5.7.8"
	if strings.Contains(version, "MariaDB") {
		least, name = []int{10, 2, 7}, "MariaDB 10.2.7"
		version = strings.TrimPrefix(version, "5.5.5-") // what some proxies put before it
	}
	m := versionNumbers.FindStringSubmatch(version)
	if m == nil {
		return name, false // cannot be said
	}
	have := make([]int, 3)
	for n := range have {
		have[n], _ = strconv.Atoi(m[n+1]) // digits
	}
	return name, slices.Compare(have, least) < 0
}

// neededRights follow from what is planned.
func neededRights(p *upgradePlan) []string {
	needed := []string{"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "INDEX"}
	for _, c := range p.changes {
		if strings.Contains(c.what, " refers to ") || p.takeover != nil && p.takeover.creates(c.table) {
			return append(needed, "REFERENCES")
		}
	}
	return needed
}

// creates says that a table of the predecessor's is missing.
func (t *takeover) creates(table string) bool {
	return t.found[table] == nil && slices.ContainsFunc(t.wanted, func(w wantedTable) bool { return w.name == table })
}

var (
	grantLine = regexp.MustCompile(`^GRANT (.+) ON (?:TABLE )?(\S+) TO `)
	grantRole = regexp.MustCompile("^GRANT [`'\"]?[^ ]+ TO ")
)

// lackingRights reads what was granted. Rights that come from a role of MySQL are not
// listed: then nothing is lacking, as far as anybody can say.
func lackingRights(ctx context.Context, c *sqlx.Conn, database string, needed []string) ([]string, error) {
	var lines []string
	if err := c.SelectContext(ctx, &lines, `SHOW GRANTS`); err != nil {
		return nil, fmt.Errorf("ask for the rights of the user: %w", err)
	}
	return lackingIn(lines, database, needed), nil
}

func lackingIn(grants []string, database string, needed []string) []string {
	everywhere, here, roles := "", "", false
	closest := -1
	for _, line := range grants {
		m := grantLine.FindStringSubmatch(line)
		if m == nil {
			roles = roles || grantRole.MatchString(line)
			continue
		}
		switch closeness, covers := grantCovers(m[2], database); {
		case !covers:
		case closeness < 0:
			everywhere += "," + m[1]
		case closeness > closest: // of several patterns only that one counts
			closest, here = closeness, m[1]
		}
	}
	have := map[string]bool{}
	for right := range strings.SplitSeq(everywhere+","+here, ",") {
		have[strings.TrimSpace(right)] = true
	}
	if have["ALL PRIVILEGES"] || have["ALL"] || roles {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(needed), func(right string) bool { return have[right] })
}

// grantCovers says that what was granted on something holds for all of a database, and
// how many characters of its name are those of the pattern; -1: it holds everywhere.
func grantCovers(on, database string) (closeness int, covers bool) {
	name, ok := strings.CutSuffix(on, ".*")
	switch {
	case !ok:
		return 0, false
	case name == "*":
		return -1, true
	}
	name = strings.ReplaceAll(strings.Trim(name, "`\"'"), "``", "`")
	pattern, plain := likePattern(name)
	return plain, pattern.MatchString(database)
}

// likePattern is the pattern of a grant: % and _ stand for others unless they are
// behind a backslash. plain is how many characters come before the first of these.
func likePattern(pattern string) (match *regexp.Regexp, plain int) {
	var b strings.Builder
	b.WriteString("(?is)^")
	escaped, wild := false, false
	for _, r := range pattern {
		wild = wild || !escaped && (r == '%' || r == '_')
		if !wild {
			plain++
		}
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString("$")
	if !wild {
		plain = math.MaxInt
	}
	return regexp.MustCompile(b.String()), plain
}

// preflightDisk adds up what the largest table needs that is written anew: the old one
// stays until the new one is complete. Only the disk of a server on this machine can be
// looked at.
func preflightDisk(ctx context.Context, u *upgrader, p *upgradePlan, folder string) error {
	var tables []foundTable
	if err := u.conn.SelectContext(ctx, &tables, foundTables); err != nil {
		return fmt.Errorf("ask for the sizes of the tables: %w", err)
	}
	u.rows = map[string]int64{}
	for _, t := range tables {
		u.rows[strings.ToLower(t.Name)] = t.Rows.Int64
		if slices.ContainsFunc(p.changes, func(c change) bool { return c.rebuild && strings.EqualFold(c.table, t.Name) }) {
			p.bytes = max(p.bytes, 2*t.Bytes)
		}
	}
	if u.config.Socket == "" && !isLoopback(u.config.Host) {
		return nil
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		return nil // not its disk, or not for us to see
	}
	if free := int64(disk.Bavail) * disk.Bsize; free < p.bytes {
		p.problems = append(p.problems, fmt.Sprintf("the disk of the database server (%s) has %d MB free; writing tables anew needs about %d MB: make room",
			folder, free>>20, p.bytes>>20))
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
