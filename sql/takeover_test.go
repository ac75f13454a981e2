package sql_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

// takeoverVersions are those of which testdata has a dump.
var takeoverVersions = []int{9, 26, 28, 37, 42}

// dumped makes a database from a dump of testdata.
func dumped(t testing.TB, c sql.Config, version int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "takeover", fmt.Sprintf("v%02d.sql", version)))
	must(t, err)
	sqltest.Exec(t, c, statementsOf(string(text))...)
}

func statementsOf(dump string) (all []string) {
	var plain strings.Builder
	for line := range strings.Lines(dump) {
		if !strings.HasPrefix(line, "--") {
			plain.WriteString(line)
		}
	}
	for part := range strings.SplitSeq(plain.String(), ";\n") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// takenOver opens a dump as the service does, and returns what was said in the log.
func takenOver(t testing.TB, c sql.Config) (*sql.DB, string) {
	t.Helper()
	var log bytes.Buffer
	must(t, sql.Upgrade(t.Context(), c, slog.New(slog.NewTextHandler(&log, nil)), nil))
	return sqltest.Open(t, c), log.String()
}

func eachDump(t *testing.T, body func(t *testing.T, c sql.Config, version int)) {
	for _, version := range takeoverVersions {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			c := sqltest.MySQL(t)
			dumped(t, c, version)
			body(t, c, version)
		})
	}
}

func TestTakeover(t *testing.T) {
	eachDump(t, func(t *testing.T, c sql.Config, version int) {
		db, log := takenOver(t, c)
		t.Log(log)
		all := versions(t, c)
		same(t, all[len(all)-1], sql.SchemaVersion)
		_ = db
	})
}

// everyStatement asks the test below for all of them.
const everyStatement = "PRESENCE_TEST_EVERY_STATEMENT"

// A takeover that was broken off behind any of its statements goes on, and leaves what
// one in one go does. The last ones are this program's own steps, the same for all
// versions: all of them are tried from version 42 on, every seventh from others on,
// unless all are asked for.
func TestTakeoverGoesOnBehindEachStatement(t *testing.T) {
	t.Cleanup(sql.SmallBatches(7))
	clean := sqltest.MySQL(t)
	original(t, clean)
	own, err := sql.UpgradeUntil(t.Context(), clean, 0, quiet)
	must(t, err)
	for _, version := range takeoverVersions {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			few := own
			if version == 42 || os.Getenv(everyStatement) == "1" {
				few = 0
			}
			goesOn(t, few, sqltest.MySQL, func(t testing.TB, c sql.Config) { dumped(t, c, version) }, everything)
		})
	}
	t.Run("sqlite", func(t *testing.T) { goesOn(t, 0, sqltest.SQLite, upgradedOriginal, layout) })
}

// goesOn tries it behind each statement; behind few of the last ones.
func goesOn(t *testing.T, few int, config func(testing.TB) sql.Config, begin func(testing.TB, sql.Config), content func(testing.TB, sql.Config) []string) {
	c := config(t)
	begin(t, c)
	statements, err := sql.UpgradeUntil(t.Context(), c, 0, quiet)
	must(t, err)
	wanted := content(t, c)
	for stop := 1; stop <= statements; stop++ {
		if stop > statements-few && stop%7 != 0 {
			continue
		}
		t.Run(fmt.Sprintf("%d of %d", stop, statements), func(t *testing.T) {
			t.Parallel() // all of them wait for the disk
			c := config(t)
			begin(t, c)
			_, err := sql.UpgradeUntil(t.Context(), c, stop, quiet)
			wantErr(t, err, sql.ErrKilled)
			_, err = sql.UpgradeUntil(t.Context(), c, 0, quiet)
			must(t, err)
			same(t, content(t, c), wanted)
		})
	}
}

// What users have is theirs afterwards, whichever version it comes from.
func TestTakeoverKeepsWhatIsThere(t *testing.T) {
	eachDump(t, func(t *testing.T, c sql.Config, version int) {
		before := counts(t, c)
		db, log := takenOver(t, c)
		all := versions(t, c)
		same(t, all[len(all)-len(own())-1:], append([]int{42}, own()...))
		after := counts(t, c)
		for table, n := range before {
			if more := after[table] - n; more < 0 {
				t.Errorf("%d rows of the table %s are gone", -more, table)
			}
		}
		if version < 21 {
			same(t, scalar[string](t, c, `SELECT pass FROM account WHERE clientId = 'acc-bo'`), "secret-of-bo")
		}

		ctx := t.Context()
		accounts, err := db.Accounts(ctx)
		must(t, err)
		bo := accounts[slices.IndexFunc(accounts, func(a rooms.AccountRecord) bool { return a.FUsername == "bo" })]
		same(t, []string{string(bo.ID), bo.Name}, []string{"acc-bo", "Bo Ærøskøbing"})
		harbor := load(t, db, "room-harbor")
		same(t, harbor.Room.Name, "Harbor")
		want := []string{"msg-1", "msg-2", "msg-3", "msg-4", "msg-5", "msg-6"}
		if version >= 37 {
			want = slices.Delete(want, 3, 4) // deleted
		}
		same(t, ids(harbor.Tail), want)
		edited := harbor.Tail[2].Text
		if version >= 28 {
			same(t, edited, "edited twice")
		} else {
			same(t, edited, "before it was edited")
		}
		same(t, len(harbor.Tail[len(want)-2].Text), 21*2500)
		unread, err := db.UnreadIn(ctx, "acc-bo", []rooms.RoomID{"room-harbor", "room-quiet"})
		must(t, err)
		if version < 29 {
			same(t, len(unread), 0) // nothing was marked, so nothing is unread
		} else {
			same(t, unread["room-harbor"].Count, 2)
		}
		if version >= 26 {
			relationsAreThere(t, db, version)
			tokensAreThere(t, db, c)
			same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message_work_target WHERE sentTime > 0`), 2)
			same(t, strings.Contains(harbor.Tail[1].Text, "👩‍🚀"), true)
		}
		if version >= 37 {
			quiet := load(t, db, "room-quiet")
			same(t, ids(quiet.Tail), []string{"msg-7", "msg-13"})
			same(t, quiet.Tail[1].Text, "edited wholly")
			same(t, mark(t, db, "room-quiet", "acc-ada").MsgID, "") // was at a message of another room
		}
		same(t, search(t, db, "room-harbor", "harbor"), []string{"msg-1", "msg-6"})
		if !strings.Contains(log, "id=acc-dee") || strings.Contains(log, "[1]") {
			t.Errorf("the log does not name the account with broken settings, or holds them:\n%s", log)
		}
		same(t, scalar[string](t, c, `SELECT settings FROM account WHERE clientId = 'acc-dee'`), "{}")
	})
}

func relationsAreThere(t *testing.T, db *sql.DB, version int) {
	t.Helper()
	both, err := db.Relation(t.Context(), "acc-ada", "acc-bo")
	must(t, err)
	same(t, []int{len(both), both[0].Unread, both[1].Unread}, []int{2, 1, 1})
	same(t, both[0].Last.Text, "are you there?")
	both, err = db.Relation(t.Context(), "acc-cy", "acc-ada") // had one row
	must(t, err)
	same(t, len(both), 2)
	same(t, []rooms.RoomID{both[0].Room, both[1].Room}, []rooms.RoomID{"cont-ada-cy", "cont-ada-cy"})
	both, err = db.Relation(t.Context(), "acc-bo", "acc-cy") // had two ids
	must(t, err)
	same(t, []string{both[0].ID, both[1].ID}, []string{"rel-cy-bo-1", "rel-cy-bo-1"})
}

func tokensAreThere(t *testing.T, db *sql.DB, c sql.Config) {
	t.Helper()
	data := load(t, db, "room-harbor")
	same(t, []string{data.PublicToken, fmt.Sprint(len(data.Tokens))}, []string{"public-0001", "1"})
	same(t, lines(t, c, `SELECT CONCAT(token, ' ', type, ' ', isValid) FROM invite_token WHERE token NOT LIKE 'room-%' ORDER BY token`),
		[]string{"private-0002 private 0", "private-0003 private 0", "private-0004 private 1", "public-0001 public 1"})
	same(t, scalar[string](t, c, `SELECT usedBy FROM invite_token_used`), "guest-77")
}

// counts are the numbers of rows of all tables.
func counts(t testing.TB, c sql.Config) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, table := range sqlTables(t, c) {
		all[table] = scalar[int](t, c, "SELECT COUNT(*) FROM "+table)
	}
	return all
}

// The predecessor still runs on the database: its inserts and updates work, its reads
// of everything find their columns, and it has nothing to upgrade.
func TestPredecessorRunsOnWhatWasTakenOver(t *testing.T) {
	eachDump(t, func(t *testing.T, c sql.Config, _ int) {
		db, _ := takenOver(t, c)
		for _, statement := range predecessorWrites {
			sqltest.Exec(t, c, strings.ReplaceAll(statement, "acc-old-1", "acc-ada"))
		}
		for table, columns := range map[string][]string{
			"account":       {"clientId", "fUserId", "fUsername", "fLastUpdate", "fIsDisabled", "name", "avatar", "settings", "created"},
			"message":       {"msgId", "roomId", "fromId", "timestamp", "type", "name", "message", "editId", "statusId", "status"},
			"user_relation": {"relationId", "userId", "contactId", "created", "roomId", "lastReadId", "lastReadTime", "lastMsgId"},
			"invite_token":  {"type", "token", "roomId", "singleUse", "isValid", "targetId", "createdBy", "created"},
		} {
			have := strings.Join(lines(t, c, `SELECT COLUMN_NAME FROM information_schema.COLUMNS
				WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '`+table+`'`), " ") + " "
			for _, column := range columns {
				if !strings.Contains(have, column+" ") {
					t.Errorf("a read of everything in %s delivers no %s", table, column)
				}
			}
		}
		if v := scalar[int](t, c, `SELECT version FROM db_history ORDER BY _id DESC LIMIT 1`); v < 42 {
			t.Errorf("the predecessor would upgrade from version %d", v)
		}
		back := load(t, db, "room-back")
		same(t, ids(back.Tail), []string{"msg-back-1"})
		same(t, relation(t, db, "acc-ada", "acc-back").Last.Text, "replaced third")
	})
}

// Databases whose recorded version does not say what is there.
func TestTakeoverLooksAtTheTables(t *testing.T) {
	for _, tc := range []struct {
		name    string
		version int
		then    []string
	}{
		{"36 with the tables of 39", 42, []string{
			`DELETE FROM db_history`, `INSERT INTO db_history (version, comment) VALUES (36, 'tables.sql')`,
			`ALTER TABLE account ADD CONSTRAINT fUsername UNIQUE (fUsername), DROP INDEX U_acc_fuid, MODIFY fUsername VARCHAR(191) NOT NULL`,
		}},
		{"27 as it was changed later", 37, []string{`ALTER TABLE message DROP COLUMN editId, ADD COLUMN status VARCHAR(191) NULL`}},
		{"27 as it was changed later, at 21", 26, []string{
			`ALTER TABLE message ADD COLUMN status VARCHAR(191) NULL`, `INSERT INTO db_history (version, comment) VALUES (27, 'message status')`,
		}},
		{"42 without states", 42, []string{`DROP TABLE message_status`, `ALTER TABLE message DROP COLUMN statusId, DROP COLUMN status`}},
		{"lists of old and new mixed", 28, []string{`INSERT INTO db_history (version, comment) VALUES (16, 'written late')`}},
		{"tables of others", 37, []string{
			`CREATE TABLE wp_posts (id INT PRIMARY KEY, account VARCHAR(191), text TEXT) ENGINE=MyISAM DEFAULT CHARSET=latin1`,
			`INSERT INTO wp_posts VALUES (1, 'acc-ada', 'post')`, `CREATE PROCEDURE account_read() SELECT * FROM account`,
		}},
		{"narrow and strict columns", 42, []string{
			`ALTER TABLE account MODIFY avatar VARCHAR(150) NULL, MODIFY fLastUpdate INT NULL, MODIFY lastLogin TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
				MODIFY created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, ADD COLUMN former VARCHAR(20) NOT NULL DEFAULT 'x'`,
			`ALTER TABLE account ALTER COLUMN former DROP DEFAULT`, `ALTER TABLE room MODIFY name VARCHAR(150) NOT NULL`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := sqltest.MySQL(t)
			dumped(t, c, tc.version)
			sqltest.Exec(t, c, tc.then...)
			const routines = `SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()`
			before, procedures := counts(t, c), scalar[int](t, c, routines)
			db, _ := takenOver(t, c)
			after := counts(t, c)
			for table, n := range before {
				if after[table] < n {
					t.Errorf("rows of %s are gone", table)
				}
			}
			same(t, scalar[int](t, c, routines), procedures)
			for _, statement := range predecessorWrites {
				sqltest.Exec(t, c, strings.ReplaceAll(statement, "acc-old-1", "acc-ada"))
			}
			same(t, load(t, db, "room-back").Tail[0].Text, "edited first")
			same(t, scalar[string](t, c, `SELECT COLUMN_TYPE FROM information_schema.COLUMNS
				WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'message' AND COLUMN_NAME = 'status'`), "varchar(20)")
			must(t, db.CreateAccounts(t.Context(), []rooms.AccountRecord{{ID: "acc-new", FUsername: "bo", Name: strings.Repeat("ü", 191)}}))
			avatar := strings.Repeat("x", 60_000)
			sqltest.Exec(t, c, `UPDATE account SET avatar = '`+avatar+`', fLastUpdate = 5000000000 WHERE clientId = 'acc-new'`)
		})
	}
}
