package sql_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

var quiet = slog.New(slog.DiscardHandler)

// original makes the tables of the predecessor at version 42, without rows.
func original(t testing.TB, c sql.Config) {
	t.Helper()
	for _, change := range sql.Changes(c.Driver) {
		if change.Version == 42 {
			sqltest.Exec(t, c, change.Text)
		}
	}
	sqltest.Exec(t, c, `INSERT INTO db_history (version, comment) VALUES (42, 'tables.sql')`)
}

// upgradedOriginal makes them as a database has them that went through the
// predecessor's upgrades, with a room of two accounts and two messages.
func upgradedOriginal(t testing.TB, c sql.Config) {
	t.Helper()
	for _, change := range sql.Changes(c.Driver) {
		if change.Version == 42 {
			text := strings.ReplaceAll(change.Text, "status VARCHAR(20) NOT NULL", "status VARCHAR(20) NULL")
			text = strings.ReplaceAll(text, "FK_ms_", "FK_status_")
			text = strings.ReplaceAll(text, "lastReadId VARCHAR(191) NULL,\n\tCONSTRAINT roomId",
				"lastReadId VARCHAR(191) NULL,\n\tcreatedTime TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,\n\tCONSTRAINT roomId")
			sqltest.Exec(t, c, text)
		}
	}
	sqltest.Exec(t, c,
		`INSERT INTO db_history (version, comment) VALUES (36, 'tables.sql'), (41, 'fuserid unique'), (42, 'fusername null')`,
		`INSERT INTO account (clientId, fUserId, fUsername, name, settings) VALUES
			('acc-old-1', 'f1', 'ada', 'Ada', '{}'), ('acc-old-2', 'f2', NULL, 'Bo', '{}')`,
		`INSERT INTO room (clientId, name, ownerId, settings, isPrivate) VALUES ('room-old', 'Old', 'acc-old-1', '{}', 0)`,
		`INSERT INTO authorized_for_room (roomId, accountId) VALUES ('room-old', 'acc-old-1'), ('room-old', 'acc-old-2')`,
		`INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message, status) VALUES
			('msg-old-1', 'room-old', 'acc-old-1', 1000, 'msg', 'Ada', 'one', NULL),
			('msg-old-2', 'room-old', 'acc-old-1', 2000, 'msg', 'Ada', 'two', '')`,
		`INSERT INTO room_user_messages (userId, roomId, lastReadId) VALUES
			('acc-old-1', 'room-old', 'msg-old-1'), ('acc-old-2', 'room-old', NULL)`)
}

func versions(t testing.TB, c sql.Config) (all []int) {
	t.Helper()
	db := sqltest.Bare(t, c)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT version FROM db_history ORDER BY _id`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var v int
		must(t, rows.Scan(&v))
		all = append(all, v)
	}
	must(t, rows.Err())
	return all
}

// own are the versions that this program adds to the predecessor's last one.
func own() (all []int) {
	for _, change := range sql.Changes(sql.SQLite) {
		if change.Version > 42 && !slices.Contains(all, change.Version) {
			all = append(all, change.Version)
		}
	}
	return all
}

func tryOpen(t testing.TB, c sql.Config) error {
	t.Helper()
	db, err := sql.Open(t.Context(), c, quiet)
	if err == nil {
		must(t, db.Close())
	}
	return err
}

func TestSchemaVersionIsTheLastStep(t *testing.T) {
	if v := own(); v[len(v)-1] != sql.SchemaVersion {
		t.Errorf("the last step leads to %d, SchemaVersion is %d", v[len(v)-1], sql.SchemaVersion)
	}
}

func TestSchemaFilesAreChecked(t *testing.T) {
	table := "CREATE TABLE a (\n\t_id INT,\n\tname TEXT\n);"
	for name, files := range map[string]map[string]string{
		"short comment":   {"0100.short.sql": table},
		"no number":       {"first.comment-long-enough.sql": table},
		"another form":    {"0100.comment-long-enough.sql": "DROP TABLE a;"},
		"for one, too":    {"0100.comment-long-enough.sql": "$MYSQL DROP TABLE a;"},
		"trigger again":   {"0100.comment-long-enough.sql": "CREATE TRIGGER x AFTER INSERT ON a BEGIN\n\tDELETE FROM b; END;"},
		"two in one":      {"0100.comment-long-enough.sql": "ALTER TABLE a ADD COLUMN b INT, ADD COLUMN c INT;"},
		"same number":     {"0100.comment-long-enough.sql": table, "0100.other-comment-long.sql": table},
		"unique index":    {"0100.comment-long-enough.sql": "CREATE UNIQUE INDEX i ON a (b);"},
		"not in the list": {"0100.comment.long.enough.sql": table},
	} {
		if _, err := sql.LoadSteps(files); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	got, err := sql.LoadSteps(map[string]string{
		"0101.second-step.sql": "-- a comment; with a semicolon\n" + table, "0100.first-step.sql": table,
	})
	must(t, err)
	same(t, got, []string{"first step", "second step"})
}

func TestOpenMakesTheSchemaOnce(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		report, err := sql.Check(t.Context(), c)
		must(t, err)
		if report.Version != 0 || len(report.Upgrade) != 1+len(own()) {
			t.Errorf("check of nothing: %+v", report)
		}
		for range 2 {
			must(t, tryOpen(t, c))
			same(t, versions(t, c), append([]int{42}, own()...))
		}
		report, err = sql.Check(t.Context(), c)
		must(t, err)
		if report.Version != sql.SchemaVersion || len(report.Upgrade) != 0 || report.Server == "" {
			t.Errorf("check: %+v", report)
		}
		if n := scalar[int](t, c, `SELECT COUNT(*) FROM db_history WHERE LENGTH(comment) < 8`); n != 0 {
			t.Error("a comment has fewer than 8 characters")
		}
	})
}

func TestCheckChangesNothing(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		original(t, c)
		report, err := sql.Check(t.Context(), c)
		must(t, err)
		if report.Version != 42 || len(report.Upgrade) != len(own()) {
			t.Errorf("check: %+v", report)
		}
		same(t, versions(t, c), []int{42})
	})
	c := sqltest.SQLite(t)
	_, err := sql.Check(t.Context(), c)
	must(t, err)
	if _, err := os.Stat(c.File); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("check has made the file: %v", err)
	}
}

func TestOriginalIsUsedInPlace(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		upgradedOriginal(t, c)
		db := sqltest.Open(t, c)
		same(t, versions(t, c), append([]int{36, 41, 42}, own()...))
		got, err := db.RoomsOf(t.Context(), "acc-old-2", nil)
		must(t, err)
		same(t, got, []rooms.RoomID{"room-old"})
		same(t, mark(t, db, "room-old", "acc-old-1"), rooms.ReadMark{Account: "acc-old-1", MsgID: "msg-old-1", Time: 1000})
		same(t, mark(t, db, "room-old", "acc-old-2"), rooms.ReadMark{Account: "acc-old-2"})
		n := scalar[int](t, c, `SELECT COUNT(*) FROM room_user_messages WHERE lastReadTime = 1000`)
		same(t, n, 1)

		for word, want := range map[string][]string{"one": {"msg-old-1"}, "tw": {"msg-old-2"}} {
			same(t, search(t, db, "room-old", word), want) // what was there is in the index
		}
	})
}

// predecessorWrites are the statements that it sends, for an account acc-old-1 that is
// there.
var predecessorWrites = []string{
	`INSERT INTO account (clientId, fUserId, fUsername, fLastUpdate, fIsDisabled, name, avatar, settings)
		VALUES ('acc-back', 'f9', 'cy', 1, 0, 'Cy', 'data:x', '{}')`,
	`UPDATE account SET settings = '{"popped":1}' WHERE clientId = 'acc-back'`,
	`INSERT INTO room (clientId, name, ownerId, settings, isPrivate) VALUES
		('room-back', 'Back', 'acc-old-1', '{}', 0), ('cont-back', 'contact-room', 'rel-back', '{}', 1)`,
	`UPDATE room SET settings = '{"userLimit":2}', name = 'Way back' WHERE clientId = 'room-back'`,
	`INSERT INTO authorized_for_room (roomId, accountId) VALUES
		('room-back', 'acc-back'), ('cont-back', 'acc-back'), ('cont-back', 'acc-old-1')`,
	`INSERT INTO workgroup_rooms (fId, roomId, setById) VALUES ('11', 'room-back', 'acc-old-1')`,
	`INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message, status) VALUES
		('msg-back-1', 'room-back', 'acc-back', 3000, 'msg', 'Cy', 'written first', ''),
		('msg-back-2', 'room-back', NULL, 4000, 'msg', 'Guest', 'written second', ''),
		('msg-back-3', 'cont-back', 'acc-back', 5000, 'msg', 'Cy', 'written third', '')`,
	`INSERT INTO message_edit (clientId, msgId, editBy, editTime, reason, message)
		VALUES ('edit-back', 'msg-back-1', 'acc-back', 3500, 'why', 'edited first')`,
	`UPDATE message SET editId = 'edit-back' WHERE msgId = 'msg-back-1'`,
	`INSERT INTO message_status (status, clientId, msgId, setBy, setTime, reason, message)
		VALUES ('delete', 'delete-back', 'msg-back-2', 'acc-old-1', 4500, NULL, NULL)`,
	`UPDATE message SET statusId = 'delete-back', status = 'delete' WHERE msgId = 'msg-back-2'`,
	`UPDATE message SET message = 'replaced third' WHERE msgId = 'msg-back-3'`,
	`INSERT INTO message_work_target (msgId, source, target, memberId) VALUES ('msg-back-1', 'friend_wg_1', 'friend_wg_2', NULL)`,
	`INSERT INTO room_user_messages (userId, roomId, lastReadId) VALUES ('acc-old-1', 'room-back', NULL)`,
	`UPDATE room_user_messages SET lastReadId = 'msg-back-1' WHERE userId = 'acc-old-1' AND roomId = 'room-back'`,
	`INSERT INTO user_relation (relationId, userId, contactId) VALUES
		('rel-back', 'acc-old-1', 'acc-back'), ('rel-back', 'acc-back', 'acc-old-1')`,
	`UPDATE user_relation SET roomId = 'cont-back', lastMsgId = 'msg-back-3' WHERE relationId = 'rel-back'`,
	`UPDATE user_relation SET lastReadId = 'msg-back-3', lastReadTime = 5500 WHERE userId = 'acc-old-1' AND contactId = 'acc-back'`,
	`INSERT INTO invite_token (type, token, roomId, singleUse, targetId, createdBy) VALUES
		('public', 'public-back', 'room-back', 0, NULL, 'acc-old-1'), ('room', 'room-back', 'room-back', 1, 'acc-back', 'acc-old-1')`,
	`UPDATE invite_token SET isValid = 0, invalidatedBy = 'acc-old-1', invalidated = CURRENT_TIMESTAMP WHERE token = 'public-back'`,
	`INSERT INTO invite_token_used (tokenId, usedBy) SELECT _id, 'acc-back' FROM invite_token WHERE token = 'public-back'`,
}

// The way back: what the predecessor writes still works, and we read it.
func TestPredecessorWritesAfterTheUpgrade(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		upgradedOriginal(t, c)
		db := sqltest.Open(t, c)
		sqltest.Exec(t, c, predecessorWrites...)
		sqltest.Exec(t, c, `INSERT INTO db_history (version, comment) VALUES (104, 'by the test')`)

		loaded, err := db.LoadRooms(t.Context(), []rooms.RoomID{"room-back", "cont-back"}, 10, "acc-old-1")
		must(t, err)
		back, contact := loaded[0], loaded[1]
		same(t, []string{back.Room.Name, string(back.Room.Settings), back.Assigned[0].FID}, []string{"Way back", `{"userLimit":2}`, "11"})
		same(t, ids(back.Tail), []string{"msg-back-1"})
		same(t, back.Tail[0].Text, "edited first")
		same(t, []int{back.Unread, contact.Unread, len(back.Tokens), len(contact.Authorized)}, []int{0, 0, 1, 2})
		r := relation(t, db, "acc-old-1", "acc-back")
		same(t, []string{r.Last.ID, r.Last.Text, r.Read.MsgID}, []string{"msg-back-3", "replaced third", "msg-back-3"})
		same(t, search(t, db, "room-back", "first"), []string{"msg-back-1"})
		same(t, search(t, db, "room-back", "written"), []string{})
		same(t, search(t, db, "cont-back", "replaced"), []string{"msg-back-3"})
		invitations, err := db.Invitations(t.Context(), "acc-back")
		must(t, err)
		same(t, len(invitations), 1)

		// Rows that an administrator deletes leave the index too.
		sqltest.Exec(t, c, `DELETE FROM user_relation`, `DELETE FROM message WHERE msgId = 'msg-back-3'`)
		same(t, search(t, db, "cont-back", "replaced"), []string{})
	})
}

// Each prefix of the changes is what a crash may leave; the next start goes on.
func TestInterruptedUpgradeGoesOn(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		changes := sql.Changes(c.Driver)
		for _, done := range []int{1, 5, 12, 13, 14, 20, len(changes) - 5, len(changes) - 3, len(changes) - 1, len(changes)} {
			t.Run(fmt.Sprintf("after-%d", done), func(t *testing.T) {
				c := c
				if c.Driver == sql.SQLite {
					c = sqltest.SQLite(t)
				} else {
					c = sqltest.MySQL(t)
				}
				var history []int
				for n, change := range changes[:done] {
					sqltest.Exec(t, c, change.Text)
					last := n+1 == len(changes) || changes[n+1].Version != change.Version
					if last && n+1 < done { // the row of the last step is missing
						history = append(history, change.Version)
						sqltest.Exec(t, c, fmt.Sprintf(`INSERT INTO db_history (version, comment) VALUES (%d, 'by the test')`, change.Version))
					}
				}
				same(t, len(versions(t, c)), len(history))
				db := sqltest.Open(t, c)
				same(t, versions(t, c), append([]int{42}, own()...))
				room(t, db, "room-1", accounts(t, db, 1)...)
				same(t, scalar[int](t, c, `SELECT COUNT(*) FROM presence_schema`), 1)
			})
		}
	})
}

// Every step can be run again on a database that has all its changes.
func TestStepsCanBeRepeated(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		must(t, tryOpen(t, c))
		before := layout(t, c)
		sqltest.Exec(t, c, `DELETE FROM db_history WHERE version > 42`)
		must(t, tryOpen(t, c))
		same(t, versions(t, c), append([]int{42}, own()...))
		same(t, layout(t, c), before)
	})
}

// layout lists all columns and indexes.
func layout(t testing.TB, c sql.Config) (all []string) {
	t.Helper()
	query := `SELECT type || ' ' || name || ' ' || COALESCE(sql, '') FROM sqlite_master ORDER BY 1`
	if c.Driver == sql.MySQL {
		query = `SELECT CONCAT('column ', TABLE_NAME, '.', COLUMN_NAME, ' ', COLUMN_TYPE) AS x
			FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
			UNION ALL SELECT CONCAT('index ', TABLE_NAME, '.', INDEX_NAME, '.', SEQ_IN_INDEX, ' ', COLUMN_NAME)
			FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1`
	}
	db := sqltest.Bare(t, c)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var line string
		must(t, rows.Scan(&line))
		all = append(all, line)
	}
	must(t, rows.Err())
	return all
}

// Tables of MySQL have the engine, the character set and the keys of the
// predecessor's.
func TestTablesAreTheOriginals(t *testing.T) {
	c := sqltest.MySQL(t)
	must(t, tryOpen(t, c))
	if n := scalar[int](t, c, `SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
		AND (ENGINE <> 'InnoDB' OR TABLE_COLLATION <> 'utf8mb4_unicode_ci')`); n != 0 {
		t.Errorf("%d tables have another engine or collation", n)
	}
	for rule, want := range map[string]int{"CASCADE": 21, "SET NULL": 3} {
		n := scalar[int](t, c, `SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS
			WHERE CONSTRAINT_SCHEMA = DATABASE() AND UPDATE_RULE = 'CASCADE' AND DELETE_RULE = ?`, rule)
		if n != want {
			t.Errorf("%d foreign keys ON DELETE %s, want %d", n, rule, want)
		}
	}
	for _, name := range []string{"U_acc_fuid", "message_ibfk_2", "invite_token_ibfk_3", "FK_ms_message", "FK_ms_account"} {
		n := scalar[int](t, c, `SELECT COUNT(*) FROM information_schema.TABLE_CONSTRAINTS
			WHERE CONSTRAINT_SCHEMA = DATABASE() AND CONSTRAINT_NAME = ?`, name)
		if n != 1 {
			t.Errorf("there is no constraint %s", name)
		}
	}
}

func TestStrangeDatabasesAreRefused(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		fresh := func() sql.Config {
			if c.Driver == sql.SQLite {
				return sqltest.SQLite(t)
			}
			return sqltest.MySQL(t)
		}
		version := func(v int) string {
			return fmt.Sprintf(`INSERT INTO db_history (version, comment) VALUES (%d, 'by the test')`, v)
		}
		for _, tc := range []struct {
			name  string
			start func(testing.TB, sql.Config) // nil: a database of this program
			then  []string
			want  string
		}{
			{"version 1", original, []string{version(1)}, "version 1;"},
			{"version below all", original, []string{version(0)}, "none"},
			{"version of text", original, []string{
				`DROP TABLE db_history`, `CREATE TABLE db_history (_id INTEGER PRIMARY KEY, version VARCHAR(20), comment VARCHAR(20))`,
				`INSERT INTO db_history (_id, version, comment) VALUES (1, '42; or so', 'by the test')`,
			}, `"42; or so"`},
			{"negative version", original, []string{
				`DROP TABLE db_history`, `CREATE TABLE db_history (_id INTEGER PRIMARY KEY, version BIGINT, comment VARCHAR(20))`,
				`INSERT INTO db_history (_id, version, comment) VALUES (1, -42, 'by the test')`,
			}, `"-42"`},
			{"huge version", original, []string{
				`DROP TABLE db_history`, `CREATE TABLE db_history (_id INTEGER PRIMARY KEY, version VARCHAR(40), comment VARCHAR(20))`,
				`INSERT INTO db_history (_id, version, comment) VALUES (1, '99999999999999999999999', 'by the test')`,
			}, "9999"},
			{"no version, but rows", original, []string{
				`DELETE FROM db_history`, `INSERT INTO account (clientId, name, settings) VALUES ('acc-1', 'A', '{}')`,
			}, "rows in account"},
			{"history of something else", original, []string{
				`DROP TABLE db_history`, `CREATE TABLE db_history (id INTEGER PRIMARY KEY, state VARCHAR(20))`,
			}, "db_history is that of something else"},
			{"a view for the history", original, []string{
				`CREATE TABLE elsewhere (_id INTEGER PRIMARY KEY, version INTEGER, comment VARCHAR(20))`, `INSERT INTO elsewhere VALUES (1, 42, 'x')`,
				`DROP TABLE db_history`, `CREATE VIEW db_history AS SELECT * FROM elsewhere`,
			}, "db_history is no table"},
			{"a view for a table", original, []string{
				`CREATE TABLE elsewhere (_id INTEGER PRIMARY KEY, tokenId INTEGER, usedTime INTEGER, usedBy INTEGER)`,
				`DROP TABLE invite_token_used`, `CREATE VIEW invite_token_used AS SELECT * FROM elsewhere`,
			}, "invite_token_used is no table"},
			{"a table that is to be made", original, []string{`CREATE TABLE presence_schema (id INTEGER PRIMARY KEY)`}, "column presence_schema.minimumVersion: rename it"},
			{"an index that is to be made", original, []string{`CREATE INDEX account_by_name ON account (settings(10), name)`}, "account_by_name"},
			{"no version, and tables of other columns", func(testing.TB, sql.Config) {}, []string{
				`CREATE TABLE db_history (_id INTEGER PRIMARY KEY, version INTEGER, comment VARCHAR(20))`, `CREATE TABLE account (_id INTEGER PRIMARY KEY)`,
			}, "lacks column"},
			{"version 77", original, []string{version(77)}, "version 77"},
			{"newer, not said from when on", original, []string{version(999)}, "version 999"},
			{"newer", nil, []string{version(999), `UPDATE presence_schema SET minimumVersion = 998`}, "needs a program that knows version 998"},
			{"lacks a column", original, []string{`ALTER TABLE user_relation DROP COLUMN lastReadTime`}, "column user_relation.lastReadTime"},
			{"lacks a table", original, []string{`DROP TABLE invite_token_used`}, "table invite_token_used"},
			{"lacks an own column", nil, []string{`ALTER TABLE room DROP COLUMN removed`}, "column room.removed"},
			{"of something else", func(testing.TB, sql.Config) {}, []string{`CREATE TABLE wp_posts (id INT)`}, "wp_posts"},
			{"of something else, also accounts", func(testing.TB, sql.Config) {}, []string{`CREATE TABLE account (id INT)`}, "no table db_history"},
		} {
			c := fresh()
			if c.Driver == sql.SQLite {
				for n := range tc.then {
					tc.then[n] = strings.ReplaceAll(tc.then[n], "settings(10)", "settings")
				}
			}
			if tc.start == nil {
				must(t, tryOpen(t, c))
			} else {
				tc.start(t, c)
			}
			sqltest.Exec(t, c, tc.then...)
			before := len(sqlTables(t, c))
			err := tryOpen(t, c)
			wantErr(t, err, sql.ErrSchema)
			if !strings.Contains(fmt.Sprint(err), tc.want) {
				t.Errorf("%s: error %q does not say %q", tc.name, err, tc.want)
			}
			_, err = sql.Check(t.Context(), c)
			wantErr(t, err, sql.ErrSchema)
			if after := len(sqlTables(t, c)); after != before {
				t.Errorf("%s: %d tables before, %d after", tc.name, before, after)
			}
		}
	})
}

func sqlTables(t testing.TB, c sql.Config) (names []string) {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if c.Driver == sql.MySQL {
		query = `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()`
	}
	db := sqltest.Bare(t, c)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		names = append(names, name)
	}
	must(t, rows.Err())
	return names
}

func TestNewerDatabaseThatAllowsThisProgram(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		must(t, tryOpen(t, c))
		sqltest.Exec(t, c, `INSERT INTO db_history (version, comment) VALUES (999, 'additions only')`)
		must(t, tryOpen(t, c))
	})
}

func TestConcurrentUpgrades(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		original(t, c)
		c.RetryFirst = time.Millisecond
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := tryOpen(t, c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		same(t, versions(t, c), append([]int{42}, own()...))
	})
}

// upgradeHere names the database that a second process of this test opens.
const upgradeHere = "PRESENCE_TEST_UPGRADE"

func TestConcurrentUpgradesOfTwoProcesses(t *testing.T) {
	if named := os.Getenv(upgradeHere); named != "" {
		upgradeNamed(t, named)
		return
	}
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		named := strings.Join([]string{c.Driver, c.File, c.Host, fmt.Sprint(c.Port), c.User, c.Pass, c.Name}, "\n")
		var others [3]*exec.Cmd
		var outputs [3]strings.Builder
		for n := range others {
			others[n] = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestConcurrentUpgradesOfTwoProcesses$")
			others[n].Env = append(os.Environ(), upgradeHere+"="+named)
			others[n].Stdout, others[n].Stderr = &outputs[n], &outputs[n]
			must(t, others[n].Start())
		}
		for n, other := range others {
			if err := other.Wait(); err != nil {
				t.Errorf("process %d: %v\n%s", n, err, &outputs[n])
			}
		}
		same(t, versions(t, c), append([]int{42}, own()...))
	})
}

func upgradeNamed(t *testing.T, named string) {
	part := strings.Split(named, "\n")
	c := sql.Config{Driver: part[0], File: part[1], Host: part[2], User: part[4], Pass: part[5], Name: part[6]}
	if _, err := fmt.Sscan(part[3], &c.Port); err != nil {
		t.Fatal(err)
	}
	must(t, tryOpen(t, c))
}

func TestUpgradeEndsWithItsContext(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := sql.Open(ctx, c, quiet)
		wantErr(t, err, context.Canceled)
		must(t, tryOpen(t, c))
	})
}

func TestFileThatIsNoDatabase(t *testing.T) {
	c := sqltest.SQLite(t)
	must(t, os.WriteFile(c.File, []byte(strings.Repeat("not a database ", 1000)), 0o600))
	wantErr(t, tryOpen(t, c), sql.ErrSchema)
	_, err := sql.Check(t.Context(), c)
	wantErr(t, err, sql.ErrSchema)
}

func TestFileIsForItsOwnerOnly(t *testing.T) {
	c := sqltest.SQLite(t)
	c.File = filepath.Join(t.TempDir(), "odd ?name#%20.db")
	db := sqltest.Open(t, c)
	accounts(t, db, 1)
	for _, suffix := range []string{"", "-wal"} {
		s, err := os.Stat(c.File + suffix)
		must(t, err)
		if s.Mode().Perm() != 0o600 {
			t.Errorf("rights of %s are %v", s.Name(), s.Mode())
		}
	}
}
