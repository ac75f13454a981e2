package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"presence/friendcore/friendcoretest"
	"presence/sql"
	"presence/sql/sqltest"
)

// formerDatabase makes a database of the former server from one of the dumps of
// package sql.
func formerDatabase(t *testing.T, version string) sql.Config {
	t.Helper()
	c := sqltest.Server(t).Fresh(t)
	text, err := os.ReadFile(filepath.Join("..", "sql", "testdata", "takeover", "v"+version+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	var plain strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "--") {
			plain.WriteString(line)
		}
	}
	for statement := range strings.SplitSeq(plain.String(), ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			sqltest.Exec(t, c, statement)
		}
	}
	return c
}

// TestTakeover: the users of the former server log in and find what they left:
// rooms, logs with edits and without deleted messages, contacts, what they have not
// read, and links for guests; after a restart too (docs/protocol.md 11.5).
func TestTakeover(t *testing.T) {
	for _, version := range []string{"09", "26", "28", "37", "42"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := formerDatabase(t, version)
			s, people := knownPeople(t, c, version)
			s.useDatabase(c)
			s.start()
			if log := s.log.String(); !strings.Contains(log, "repaired the database") || !strings.Contains(log, "acc-dee") {
				t.Errorf("the log does not name what was repaired:\n%s", log)
			}
			s.findTakenOver(t, version, people)
			s.restart()
			s.findTakenOver(t, version, people)
		})
	}
}

// knownPeople makes a server that knows ada, bo and cy: where accounts had FriendCore's
// ids, from FriendCore, else from its settings.
func knownPeople(t *testing.T, c sql.Config, version string) (*server, map[string]person) {
	t.Helper()
	people := map[string]person{}
	logins := []string{"ada", "bo", "cy"}
	if version < "32" {
		for _, login := range logins {
			people[login] = local(login)
		}
		s := newServer(t)
		s.localUsers(logins...)
		return s, people
	}
	core := newFriendCore(t, friendcoretest.Options{})
	for n, login := range logins {
		people[login] = core.person(login)
		sqltest.Exec(t, c, fmt.Sprintf(`UPDATE account SET fUserId = '%s' WHERE fUserId = 'friend-%d'`, people[login].fUserID, n))
	}
	return core.serve(t), people
}

// inRooms waits until the user is in so many rooms, whichever comes last.
func (u *user) inRooms(rooms int) {
	u.t.Helper()
	u.expect(u.event(object{"type": "join", "data": object{"current": func(v any) error {
		if all, _ := v.(list); len(all) != rooms {
			return fmt.Errorf("%d rooms", len(all))
		}
		return nil
	}}}))
}

// findTakenOver logs people in and looks for what the dump holds.
func (s *server) findTakenOver(t *testing.T, version string, people map[string]person) {
	t.Helper()
	ada, bo := s.login(t, people["ada"], ws), s.login(t, people["bo"], tcp)
	if ada.id != "acc-ada" || bo.id != "acc-bo" {
		t.Fatalf("ada is %s, bo is %s", ada.id, bo.id)
	}
	ada.inRooms(2)
	bo.inRooms(2)
	texts := bo.logOf("room-harbor")
	edited, deleted := version >= "28", version >= "37"
	if slices.Contains(texts, "edited twice") != edited || slices.Contains(texts, "before it was edited") == edited ||
		slices.Contains(texts, "to be deleted") == deleted || !slices.Contains(texts, "first in the harbor") {
		t.Errorf("the log of the harbor is %.2000q", texts)
	}
	unread := dig(bo.roomState("room-harbor"), "relation", "unreadMessages")
	if want := map[bool]float64{true: 2, false: 0}[version >= "29"]; unread != want {
		t.Errorf("unread in the harbor: %v, want %v", unread, want)
	}
	if version < "17" {
		return
	}
	if got := ada.unreadFrom(bo); got != 1.0 {
		t.Errorf("unread from bo: %v, want 1", got)
	}
	ada.openChat(bo)
	if texts := ada.logOf(bo.id); !slices.Contains(texts, "hello ada") || !slices.Contains(texts, "are you there?") {
		t.Errorf("the log of the two is %q", texts)
	}
	cy := s.login(t, people["cy"], ws) // of whose relation with ada one row was there
	if got := cy.unreadFrom(ada); got != 0.0 {
		t.Errorf("unread from ada: %v, want 0", got)
	}
	guest := s.guest(t, ws, "room-harbor", "public-0001", "Visitor")
	if texts := guest.logOf("room-harbor"); !slices.Contains(texts, "last in the harbor") {
		t.Errorf("a guest finds %.300q", texts)
	}
}

// TestMigrateSchema: presence migrate says what it would do, refuses before it has
// changed anything, and does it.
func TestMigrateSchema(t *testing.T) {
	c := formerDatabase(t, "37")
	s := newServer(t)
	s.useDatabase(c)
	if err := os.WriteFile(s.path("presence.ini"), []byte(s.ini.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(status int, wanted []string, args ...string) {
		t.Helper()
		p := launch(t, newOutput(), s.folder, s.program(), append(args, "-config", "presence.ini")...)
		if got := p.exitStatus(patience); got != status && status >= 0 {
			t.Errorf("%q ends with status %d, want %d", args, got, status)
		}
		text := p.output.String()
		for _, want := range wanted {
			if !strings.Contains(text, want) {
				t.Errorf("%q does not say %q:\n%s", args, want, text)
			}
		}
		if strings.Contains(text, c.Pass) {
			t.Errorf("%q shows the password", args)
		}
	}
	version := func(want int) {
		t.Helper()
		if got := counted(t, c, `SELECT version FROM db_history ORDER BY _id DESC LIMIT 1`); got != want {
			t.Errorf("the schema has version %d, want %d", got, want)
		}
	}
	plan := []string{"schema version 37", "rows that are repaired:", "relations of one row", "create full-text index message_text", "MB"}
	run(0, plan, "migrate", "-dry-run")
	run(-1, []string{"the next start changes it: 42: tables of the former server", "relations of one row, or of rows that differ, become whole (3)"}, "check")
	version(37)

	sqltest.Exec(t, c, `UPDATE account SET fUserId = 'friend-0' WHERE clientId = 'acc-dee'`)
	refused := []string{"in the way: the rows with _id 1 and 4 of the table account have the same fUserId"}
	run(1, refused, "migrate", "-dry-run")
	run(1, append(refused, "nothing was changed"), "migrate")
	run(1, []string{"WRONG database", "the rows with _id 1 and 4"}, "check")
	version(37)

	sqltest.Exec(t, c, `UPDATE account SET fUserId = NULL WHERE clientId = 'acc-dee'`)
	run(0, []string{"repaired the database", "done: the schema has version"}, "migrate")
	version(sql.SchemaVersion)
	run(0, []string{"nothing is to be done"}, "migrate")
}

// TestMigrateSchemaIsKilled: presence migrate is killed again and again, a little
// later each time; the last one ends what the others have begun.
func TestMigrateSchemaIsKilled(t *testing.T) {
	c := formerDatabase(t, "09")
	s, people := knownPeople(t, c, "09")
	s.useDatabase(c)
	if err := os.WriteFile(s.path("presence.ini"), []byte(s.ini.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ended := false
	for changes := 1; !ended; changes += 5 {
		p := launch(t, newOutput(), s.folder, plainProgram(t), "migrate", "-config", "presence.ini")
		ended = p.killAfter(changes)
	}
	s.start()
	s.findTakenOver(t, "09", people)
}

// killAfter kills the process once it has shown so many changes as done; true: it
// ended before, and well.
func (p *process) killAfter(changes int) (ended bool) {
	p.t.Helper()
	for {
		text, more := p.output.now()
		if strings.Count(text, "done in") >= changes {
			p.kill()
			return false
		}
		select {
		case <-more:
		case <-p.ended:
			if status := p.cmd.ProcessState.ExitCode(); status != 0 {
				p.t.Fatalf("exit status %d:\n%s", status, p.output)
			}
			return true
		}
	}
}
