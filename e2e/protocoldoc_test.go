package e2e

import (
	dbsql "database/sql"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"presence/friendcore/friendcoretest"
)

const protocolDoc = "../docs/protocol.md"

// outline is how many subsections each section of the protocol document has. The
// source cites them by number, so a number is never given to something else.
var outline = [...]int{0, 9, 7, 8, 7, 6, 0, 9, 8, 0, 0, 6, 6, 0, 0, 8, 7}

// checklistRows are the ids of the checklist: its letters, and how many rows each has.
var checklistRows = map[string]int{
	"A": 6, "B": 6, "C": 2, "D": 5, "E": 10, "F": 12, "G": 15, "H": 3,
	"R": 11, "M": 8, "I": 7, "S": 8, "T": 16, "U": 10, "N": 2, "V": 4, "W": 2, "X": 3,
	"K": 13, "L": 10, "O": 2, "P": 14, "Y": 7, "Z": 2,
}

func readProtocol(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(protocolDoc)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var heading = regexp.MustCompile(`(?m)^(##|###) ([0-9]+(?:\.[0-9]+)?) \S`)

// headings are the section numbers of the document, in their order.
func headings(doc string) []string {
	var numbers []string
	for _, m := range heading.FindAllStringSubmatch(doc, -1) {
		if strings.Contains(m[2], ".") == (m[1] == "###") {
			numbers = append(numbers, m[2])
		}
	}
	return numbers
}

// TestProtocolOutline keeps the section numbers of the protocol document.
func TestProtocolOutline(t *testing.T) {
	var want []string
	for section, subsections := range outline {
		want = append(want, fmt.Sprint(section))
		for n := range subsections {
			want = append(want, fmt.Sprintf("%d.%d", section, n+1))
		}
	}
	if got := headings(readProtocol(t)); !slices.Equal(got, want) {
		t.Errorf("the headings are %q,\nwant %q", got, want)
	}
}

var (
	lineBreak = regexp.MustCompile(`\s*\n\s*(?://|--|\*|#)?\s*`)
	citation  = regexp.MustCompile(`docs/protocol\.md(?: section)? ([0-9][0-9.]*(?:(?:,| and| to) [0-9][0-9.]*)*)`)
	bare      = regexp.MustCompile(`\(([0-9]+\.[0-9]+(?:(?:,| and| to) [0-9]+(?:\.[0-9]+)?)*)\)`)
	whole     = regexp.MustCompile(`\(([0-9]+)\)$`) // of sections without subsections
	sectionNo = regexp.MustCompile(`[0-9]+(?:\.[0-9]+)?`)
)

// cited are the section numbers that a text names in the form of the pattern.
func cited(pattern *regexp.Regexp, text string) []string {
	var numbers []string
	for _, m := range pattern.FindAllStringSubmatch(lineBreak.ReplaceAllString(text, " "), -1) {
		numbers = append(numbers, sectionNo.FindAllString(m[1], -1)...)
	}
	return numbers
}

// otherTexts are the files beside Go that cite the document: the schema, and what
// the web pages are made of.
func otherTexts(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, root := range []string{"../sql/schema", "../web"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "dist") {
				return fs.SkipDir
			}
			if ext := filepath.Ext(path); ext == ".sql" || ext == ".ts" {
				paths = append(paths, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// comments are the comments of a Go file as text.
func comments(t *testing.T, path string, text []byte) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, group := range file.Comments {
		b.WriteString(group.Text() + "\n\n")
	}
	return b.String()
}

// TestCitations: every section that a comment cites is there. In the packages that
// cite often a number in parentheses is a citation too.
func TestCitations(t *testing.T) {
	known := headings(readProtocol(t))
	count := map[string]int{}
	check := func(kind, path string, numbers []string) {
		for _, n := range numbers {
			count[kind]++
			if !slices.Contains(known, n) {
				t.Errorf("%s cites section %s of the protocol, which is not there", path, n)
			}
		}
	}
	for _, s := range sources(t) {
		text, err := os.ReadFile(filepath.Join("..", s.path))
		if err != nil {
			t.Fatal(err)
		}
		check("Go", s.path, cited(citation, string(text)))
		if top, _, _ := strings.Cut(s.path, "/"); top == "rooms" || top == "transport" {
			check("parentheses", s.path, cited(bare, comments(t, s.path, text)))
		}
	}
	for _, path := range otherTexts(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		check(strings.TrimPrefix(filepath.Ext(path), "."), path, cited(citation, string(text)))
	}
	for kind, fewest := range map[string]int{"Go": 130, "parentheses": 5, "sql": 4, "ts": 5} {
		if count[kind] < fewest {
			t.Errorf("only %d citations in %s: they are not found", count[kind], kind)
		}
	}
}

// TestDeviationsAreCited: each rule by which a recorded exchange is read differently
// names the section that says what this server does.
func TestDeviationsAreCited(t *testing.T) {
	known := headings(readProtocol(t))
	var whys []string
	for _, d := range deviations {
		whys = append(whys, d.why)
	}
	for _, a := range additions {
		whys = append(whys, a.why)
	}
	for _, why := range whys {
		numbers := slices.Concat(cited(bare, why), cited(whole, why), cited(citation, why))
		if len(numbers) == 0 {
			t.Errorf("%q cites no section of the protocol", why)
		}
		for _, n := range numbers {
			if !slices.Contains(known, n) {
				t.Errorf("%q cites section %s, which is not there", why, n)
			}
		}
	}
}

// TestCitationsAreRead makes sure that the tests above see what stands in comments.
func TestCitationsAreRead(t *testing.T) {
	for _, c := range []struct {
		pattern *regexp.Regexp
		text    string
		want    string
	}{
		{citation, "// (docs/protocol.md 3.1, E2)", "3.1"},
		{citation, "// the rows of docs/protocol.md 4.4 and 4.5.", "4.4 4.5"},
		{citation, "// docs/protocol.md section 3.2.", "3.2"},
		{citation, "// (docs/protocol.md 12.2 to 12.5). repaired", "12.2 12.5"},
		{citation, "// as told (docs/protocol.md\n// 3.4) and more", "3.4"},
		{citation, "\t// code (docs/protocol.md\n\t// 2.5, 2.6).", "2.5 2.6"},
		{citation, "-- see docs/protocol.md\n-- 11.4\n", "11.4"},
		{citation, "/** Known (docs/protocol.md\n * 10). */", "10"},
		{citation, "// docs/protocol.md; comments cite its sections. 5 of them", ""},
		{citation, "maxPage = 100  // docs/protocol.md 8.2\n\tmaxTail = 1000", "8.2"},
		{bare, "the time limits (1.7).", "1.7"},
		{bare, "when they change (5.3, 6)", "5.3 6"},
		{whole, "who leaves hears of it too (6)", "6"},
		{bare, "FriendCore (1.3 and newer) in 2 rooms (10)", ""},
	} {
		if got := strings.Join(cited(c.pattern, c.text), " "); got != c.want {
			t.Errorf("%q cites %q, want %q", c.text, got, c.want)
		}
	}
}

// typeRow is a row of the checklist of message types.
type typeRow struct {
	id, direction, name, state, section string
	shownBy                             []string
}

var (
	rowStart = regexp.MustCompile(`^\| ?[A-Z][0-9]+ ?\|`)
	codeSpan = regexp.MustCompile("`([^`]+)`")
)

// checklist reads the tables of section 14.
func checklist(t *testing.T) []typeRow {
	t.Helper()
	_, section, found := strings.Cut(readProtocol(t), "\n## 14 ")
	if !found {
		t.Fatal("the document has no section 14")
	}
	var all []typeRow
	for line := range strings.Lines(section) {
		if !rowStart.MatchString(line) {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 6 {
			t.Fatalf("a row of the checklist has %d cells, want 6: %s", len(cells), line)
		}
		for n := range cells {
			cells[n] = strings.TrimSpace(cells[n])
		}
		row := typeRow{id: cells[0], direction: cells[1], name: cells[2], state: cells[3], section: cells[4]}
		for _, m := range codeSpan.FindAllStringSubmatch(cells[5], -1) {
			row.shownBy = append(row.shownBy, m[1])
		}
		all = append(all, row)
	}
	return all
}

// TestChecklistIsComplete: every message type has its row, once.
func TestChecklistIsComplete(t *testing.T) {
	count := map[string]int{}
	for _, row := range checklist(t) {
		count[row.id]++
	}
	for letter, last := range checklistRows {
		for n := range last {
			id := fmt.Sprint(letter, n+1)
			if count[id] != 1 {
				t.Errorf("row %s is there %d times, want once", id, count[id])
			}
			delete(count, id)
		}
	}
	for id := range count {
		t.Errorf("row %s is not expected; add it to checklistRows", id)
	}
}

// laterWorks are the states of what does not work yet.
var laterWorks = []string{"later: streaming"}

// TestChecklistIsTrue: what is said to work is shown by a test or a recorded
// exchange that exists, and every row names a section that exists.
func TestChecklistIsTrue(t *testing.T) {
	known, tests := headings(readProtocol(t)), testNames(t)
	working := 0
	for _, row := range checklist(t) {
		if !slices.Contains(known, row.section) {
			t.Errorf("%s %s: section %q is not there", row.id, row.name, row.section)
		}
		if !strings.Contains(row.direction, "→") && row.direction != "request" || !strings.Contains(row.name, "`") && row.name != "reply" {
			t.Errorf("%s: the direction %q or the type %q is none", row.id, row.direction, row.name)
		}
		for _, name := range row.shownBy {
			if !tests[name] {
				t.Errorf("%s %s: there is no test and no transcript %s", row.id, row.name, name)
			}
		}
		switch {
		case row.state == "works":
			working++
			if len(row.shownBy) == 0 {
				t.Errorf("%s %s works, but nothing shows it", row.id, row.name)
			}
		case row.state == "accepted, no effect", row.state == "never sent":
		case slices.Contains(laterWorks, row.state):
		default:
			t.Errorf("%s %s: %q is no state", row.id, row.name, row.state)
		}
	}
	if working < 120 {
		t.Errorf("only %d message types are said to work", working)
	}
}

// testNames are the names of all test functions and of all recorded exchanges.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && s.test() && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				names[fn.Name.Name] = true
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(transcripts, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, path := range files {
		names[strings.TrimSuffix(filepath.Base(path), ".jsonl")] = true
	}
	if !names[t.Name()] {
		t.Fatalf("the test functions were not found, not even %s", t.Name())
	}
	return names
}

// TestContactList shows a type of the checklist that was never recorded: the members
// of one's workgroups, online or not, by name.
func TestContactList(t *testing.T) {
	core := newFriendCore(t, friendcoretest.Options{})
	people := []person{core.person("ada"), core.person("zoe"), core.person("bo")}
	core.person("stranger")
	core.group("crew", people...)
	s := core.serve(t).start()
	zoe, bo := s.login(t, people[1], ws), s.login(t, people[2], tcp)
	bo.close()
	ada := s.login(t, people[0], ws)
	reply := ada.request("contact-list", nil)
	if response, _ := reply["response"].(list); reply["error"] != nil || !slices.Equal(response, list{bo.id, zoe.id}) {
		t.Errorf("contact-list answered %s, want Bo and Zoe", show(reply))
	}
}

// TestRevokedToken shows a type of the checklist that was never recorded: members
// hear that the token is revoked, and it lets nobody in any more.
func TestRevokedToken(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada", "bo", "eve")
	s.start()
	ada, bo, eve := s.login(t, local("ada"), ws), s.login(t, local("bo"), ws), s.login(t, local("eve"), ws)
	room := ada.createRoom("Vault")
	ada.add(room, bo)
	invite := func(kind string, data any) object {
		return object{"type": "invite", "data": object{"type": kind, "data": data}}
	}
	ada.toRoom(room, invite("public", nil))
	f := bo.expect(bo.inRoom(room, invite("public", object{"token": containing("public-")})))
	token := dig(f, "data", "data", "data", "data", "data", "token")
	bo.toRoom(room, invite("revoke", token))
	for _, u := range []*user{ada, bo} {
		u.expect(u.inRoom(room, invite("revoke", "public")))
	}
	reply := eve.request("room-join", object{"invite": object{"token": token, "roomId": room}})
	if reply["error"] != "ERR_COULD_NOT_JOIN" {
		t.Errorf("with the revoked token: %s", show(reply))
	}
	ada.toRoom(room, invite("state", nil))
	f = ada.expect(ada.inRoom(room, invite("state", object{"privateTokens": list{}})))
	if shown := dig(f, "data", "data", "data", "data", "data", "publicToken"); shown != nil {
		t.Errorf("the state still has the token %v", shown)
	}
}

// TestAdminComesAndGoes shows types of the checklist that the original never sent:
// rooms hear at a login that a member's level in FriendCore has changed.
func TestAdminComesAndGoes(t *testing.T) {
	s, core := withFriendCore(t)
	ada, bo := s.login(t, core.person("ada"), ws), s.login(t, core.person("bo"), ws)
	room := ada.createRoom("Bridge")
	ada.add(room, bo)
	for _, c := range []struct{ level, event string }{{"Admin", "admin-add"}, {"User", "admin-remove"}} {
		u, _ := core.User("bo")
		u.Level = c.level
		core.SetUser(u)
		again := s.login(t, bo.person, tcp)
		ada.expect(ada.inRoom(room, object{"type": c.event, "data": bo.id}))
		again.close()
	}
}

// TestRecentRunsOut shows a type of the checklist that was never recorded: members
// hear that somebody has not written for a while. So that nobody must wait for that
// while, the message is made older in the database before the room is loaded.
func TestRecentRunsOut(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.localUsers("ada")
	s.ini.set("room", "recent_for = 1m")
	s.start()
	ada := s.login(t, local("ada"), ws)
	room := ada.createRoom("Harbor")
	ada.say(room, "hello")
	ada.sees(room, "hello")
	s.restart()

	db, err := dbsql.Open("sqlite", s.path("data/presence.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const left = 5 * time.Second // for the login
	if _, err := db.Exec(`UPDATE message SET timestamp = ?`, time.Now().Add(left-time.Minute).UnixMilli()); err != nil {
		t.Fatal(err)
	}
	again := s.login(t, local("ada"), tcp)
	again.expect(again.event(object{"type": "join"}))
	if state := again.roomState(room); match(list{again.id}, state["recent"], newBindings()) != nil {
		t.Fatalf("before the time is over recent is %s", show(state["recent"]))
	}
	again.expect(again.inRoom(room, object{"type": "recent-remove", "data": again.id}))
}
