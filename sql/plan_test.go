package sql_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

// In a room with 3000 messages each frequent read follows an index to its rows,
// and sorts nothing.
func TestFrequentReadsUseIndexes(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		acc := accounts(t, db, 2)
		for _, id := range []rooms.RoomID{"room-1", "room-2"} {
			room(t, db, id, acc...)
			add(t, db, id, messages(string(id), acc[0], 3000)...)
		}
		page, err := db.Page(t.Context(), "room-1", rooms.PageQuery{Before: start + 1500, Limit: 100})
		must(t, err)
		same(t, []string{page[0].ID, page[99].ID}, []string{"msg-room-1-1400", "msg-room-1-1499"})

		args := map[string][]any{
			"before": {"room-1", "room-1", start + 1500, 30}, "after": {"room-1", "room-1", start + 1500, 30},
			"unread": {"room-1", "room-1", start + 2900, "acc-1"}, "one": {"msg-room-1-7", "room-1"},
		}
		args["before deleted"], args["after deleted"] = args["before"], args["after"]
		for name, query := range sql.FrequentReads(c.Driver) {
			if c.Driver == sql.MySQL {
				if n := rowsTouched(t, c, query, args[name]); n > 250 {
					t.Errorf("%s: the server reads %d rows", name, n)
				}
			}
			for n, line := range plan(t, c, query, args[name]) {
				byTime := name != "one"
				if n == 0 && byTime && !strings.Contains(line, "timestamp") && !strings.Contains(line, "type=range") {
					t.Errorf("%s does not begin at its time: %s", name, line)
				}
				scans := strings.Contains(line, "SCAN") || strings.Contains(line, "type=ALL") || strings.Contains(line, "type=index ")
				sorts := strings.Contains(line, "TEMP B-TREE") || strings.Contains(line, "filesort")
				if scans || sorts {
					t.Errorf("%s: %s", name, line)
				}
			}
		}
	})
}

// The reads of many rooms or relations go into each log at one time, and read no
// more of it.
func TestListReadsUseIndexes(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 3)
		room(t, db, "room-1", acc...)
		_, err := db.OpenContact(ctx, acc[1], acc[0], contactRoom("cont-1"))
		must(t, err)
		room(t, db, "room-2", acc...)
		for _, id := range []rooms.RoomID{"room-1", "room-2", "cont-1"} {
			log := messages(string(id), acc[0], 1500)
			add(t, db, id, log...)
			mark := rooms.ReadMark{Account: acc[1], MsgID: log[1400].ID, Time: log[1400].Time}
			if id != "cont-1" {
				must(t, db.SaveReadMarks(ctx, id, []rooms.ReadMark{mark}))
			} else {
				must(t, db.SaveContactMark(ctx, acc[1], acc[0], mark, 1))
			}
		}
		loaded, err := db.LoadRooms(ctx, []rooms.RoomID{"room-1", "cont-1"}, 50, acc[1])
		must(t, err)
		same(t, []int{loaded[0].Unread, loaded[1].Unread}, []int{99, 99})
		same(t, loaded[0].Tail[0].ID, "msg-room-1-1450")

		args := map[string][]any{
			"tails": {49, "room-1", "room-2"}, "unread": {"acc-1", "room-1", "room-2", "acc-1"},
			"relations": {"acc-1"}, "newest": {"acc-1"}, "unread of relations": {"acc-1"},
		}
		for name, query := range sql.ListReads(c.Driver) {
			query = strings.ReplaceAll(query, "IN (?)", "IN (?, ?)")
			lines := strings.Join(plan(t, c, query, args[name]), "\n")
			intoLogs := name == "tails" || strings.HasPrefix(name, "unread")
			if c.Driver == sql.MySQL {
				if n := rowsTouched(t, c, query, args[name]); n > 500 {
					t.Errorf("%s: the server reads %d rows", name, n)
				}
				if intoLogs && !strings.Contains(lines, "Range checked for each record") {
					t.Errorf("%s does not begin at its time:\n%s", name, lines)
				}
				continue
			}
			for _, table := range []string{"m", "t", "x", "u", "r", "c", "e"} {
				if strings.Contains(lines, "SCAN "+table+" ") || strings.HasSuffix(lines, "SCAN "+table) {
					t.Errorf("%s reads all rows:\n%s", name, lines)
				}
			}
			if intoLogs && !strings.Contains(lines, "message_by_time (roomId=? AND timestamp>?)") {
				t.Errorf("%s does not begin at its time:\n%s", name, lines)
			}
		}
	})
}

// Reads of work rooms' logs go along an index to their time and no further than they
// must, whoever reads.
func TestWorkReadsUseIndexes(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		w := newWorkWorld(t, sqltest.Open(t, c))
		fillWork(t, c, w, 3000)
		for name, r := range workReaders(w) {
			for read, q := range sql.WorkReads(c.Driver, r, start+1500, 30) {
				if !strings.HasPrefix(read, "unread") {
					checkWorkPlan(t, c, name+", "+read, q, 1000)
				}
			}
			for read, q := range sql.WorkReads(c.Driver, r, start+2900, 30) {
				checkWorkPlan(t, c, name+", newest, "+read, q, 1000)
			}
		}
		for name, q := range sql.WorkTails(c.Driver, 20, w.room[wg(1)], w.room[wg(2)]) {
			checkWorkPlan(t, c, "tail, "+name, q, 1000)
		}
	})
}

func checkWorkPlan(t *testing.T, c sql.Config, name string, q sql.WorkRead, most int) {
	t.Helper()
	lines := strings.Join(plan(t, c, q.Text, q.Args), "\n")
	if c.Driver == sql.MySQL {
		if n := rowsTouched(t, c, q.Text, q.Args); n > most {
			t.Errorf("%s: the server reads %d rows:\n%s", name, n, lines)
		}
		if strings.Contains(lines, "filesort") {
			t.Errorf("%s sorts:\n%s", name, lines)
		}
		return
	}
	for line := range strings.Lines(lines) {
		_, step, _ := strings.Cut(line, "detail=")
		good := !strings.Contains(step, "TEMP B-TREE")
		switch {
		case strings.HasPrefix(step, "SEARCH m USING INDEX message_by_time (roomId=?) "): // from the end, LIMIT 1
			good = name == "tail, written"
		case strings.HasPrefix(step, "SEARCH t "), strings.HasPrefix(step, "SEARCH m "), strings.HasPrefix(step, "SEARCH f "):
			good = onTime.MatchString(step)
		case strings.HasPrefix(step, "SCAN"):
			good = ofFound.MatchString(step)
		}
		if !good {
			t.Errorf("%s: %s\n%s", name, step, lines)
		}
	}
}

var (
	// onTime are searches that begin at a time, or find what belongs to one message.
	onTime = regexp.MustCompile(`(timestamp|sentTime)>\?|\(msgId=\?|\(rowid=\?\)`)
	// ofFound are steps through what was found before.
	ofFound = regexp.MustCompile(`^SCAN (p[0-9]|k|d) `)
)

// plan says how the database is going to answer a query, a line for each table.
func plan(t testing.TB, c sql.Config, query string, args []any) (lines []string) {
	t.Helper()
	explain := "EXPLAIN "
	if c.Driver == sql.SQLite {
		explain = "EXPLAIN QUERY PLAN "
	}
	db := sqltest.Bare(t, c)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), explain+query, args...)
	must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for n := range values {
			into[n] = &values[n]
		}
		must(t, rows.Scan(into...))
		var line strings.Builder
		for n, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			fmt.Fprintf(&line, "%s=%v ", columns[n], v)
		}
		lines = append(lines, line.String())
	}
	must(t, rows.Err())
	if len(lines) == 0 {
		t.Fatal("no plan")
	}
	return lines
}

// rowsTouched counts the rows that the server reads to answer a query.
func rowsTouched(t testing.TB, c sql.Config, query string, args []any) (count int) {
	t.Helper()
	db := sqltest.Bare(t, c)
	defer db.Close()
	db.SetMaxOpenConns(1) // the counters belong to the connection
	for _, q := range []string{"FLUSH STATUS", query} {
		var given []any
		if q == query {
			given = args
		}
		rows, err := db.QueryContext(t.Context(), q, given...)
		must(t, err)
		for rows.Next() {
			continue
		}
		must(t, rows.Err())
	}
	rows, err := db.QueryContext(t.Context(), `SHOW SESSION STATUS LIKE 'Handler_read%'`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		var n int
		must(t, rows.Scan(&name, &n))
		count += n
	}
	must(t, rows.Err())
	if count == 0 {
		t.Fatal("the server has counted nothing")
	}
	return count
}

// workReaders are those whose reads have different forms.
func workReaders(w *workWorld) map[string]rooms.WorkReader {
	parent := rooms.WorkReader{Room: w.room[wg(1)], Group: wg(1), Children: w.children[wg(1)], Account: w.acc[1]}
	child := rooms.WorkReader{Room: w.room[wg(2)], Group: wg(2), Up: []rooms.WorkgroupID{wg(1)}, Account: w.acc[3], Whole: true}
	own, all, view := child, child, parent
	own.Private, all.Private = rooms.SeesOwn, rooms.SeesAll
	view.View, view.Account = true, w.acc[2]
	return map[string]rooms.WorkReader{"parent": parent, "child": child, "own": own, "all": all, "view": view}
}

// workKind is a kind of messages: from a group, by an account, to a group and rows of
// its members there.
type workKind struct {
	source, from, target int
	members              []string
}

// fillWork writes n messages of each kind into the rooms of groups 1 and 2, past the
// stores: one each millisecond from start on.
func fillWork(t testing.TB, c sql.Config, w *workWorld, n int) {
	t.Helper()
	fillKinds(t, c, w, n, workKind{2, 2, 1, []string{"NULL"}}, workKind{1, 0, 2, []string{"NULL"}},
		workKind{1, 0, 2, []string{"'acc-2'", "'acc-3'"}})
	for _, group := range []int{1, 2} {
		fill(t, c, w.room[wg(group)], w.acc[0], n)
	}
}

func fillKinds(t testing.TB, c sql.Config, w *workWorld, n int, kinds ...workKind) {
	t.Helper()
	for number, k := range kinds {
		prefix := fmt.Sprint("wrk-", number)
		fillAs(t, c, prefix, "work-msg", w.room[wg(k.source)], w.acc[k.from], n)
		for _, member := range k.members {
			sqltest.Exec(t, c, fmt.Sprintf(`INSERT INTO message_work_target (msgId, source, target, memberId, sentTime)
				SELECT msgId, '%s', '%s', %s, timestamp FROM message WHERE msgId LIKE '%s-%%' ORDER BY _id`, wg(k.source), wg(k.target), member, prefix))
		}
	}
}
