package sql_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

// What only somebody who knows the rows can mend is refused before anything is
// changed, with a sentence that names them.
func TestTakeoverRefusesBeforeTheFirstChange(t *testing.T) {
	for _, tc := range []struct {
		name    string
		version int
		then    []string
		want    []string
	}{
		{"two accounts of one user", 37, []string{`UPDATE account SET fUserId = 'friend-0' WHERE clientId IN ('acc-dee', 'acc-eve')`},
			[]string{"rows with _id 1 and 4 and 5 of the table account have the same fUserId"}},
		{"two rooms of one workgroup", 37, []string{
			`ALTER TABLE room DROP INDEX workgroupId`, `UPDATE room SET workgroupId = 'friend_wg_7' WHERE workgroupId = 'friend_wg_8'`,
		}, []string{"table room have the same workgroupId"}},
		{"names that become the same", 9, []string{
			`ALTER TABLE authorized_for_room DROP FOREIGN KEY authorized_for_room_ibfk_2`, `ALTER TABLE message DROP FOREIGN KEY message_ibfk_2`,
			`ALTER TABLE account MODIFY clientId VARCHAR(191) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NOT NULL, DROP INDEX login`,
			`INSERT INTO account (clientId, login, pass, name, settings) VALUES ('ACC-ADA', 'x', 'x', 'x', '{}')`,
		}, []string{"rows with _id 1 and ", "table account have the same clientId"}},
		{"a message without room", 42, []string{
			`ALTER TABLE message MODIFY type VARCHAR(20) NULL`, `ALTER TABLE invite_token MODIFY singleUse TINYINT NULL`,
			`UPDATE invite_token SET singleUse = NULL WHERE _id = 2`,
		}, []string{"rows with _id 2 of the table invite_token have no singleUse"}},
		{"a status too long", 28, []string{`ALTER TABLE message ADD COLUMN status VARCHAR(191) NULL`, `UPDATE message SET status = REPEAT('x', 21) WHERE _id = 3`},
			[]string{"rows with _id 3 of the table message have a status that is too long"}},
		{"a text that grows", 28, []string{
			`ALTER TABLE message_edit MODIFY message TEXT CHARACTER SET latin1 NOT NULL`,
			`UPDATE message_edit SET message = REPEAT(CONVERT('é' USING latin1), 40000) WHERE clientId = 'edit-1'`,
		}, []string{"rows with _id 1 of the table message_edit have a message that is too long"}},
		{"another type", 42, []string{`ALTER TABLE message MODIFY timestamp DOUBLE NOT NULL`}, []string{"column message.timestamp is a double"}},
		{"a list instead of a number", 42, []string{`ALTER TABLE invite_token_used MODIFY _id INT NOT NULL`}, []string{"invite_token_used._id does not count"}},
		{"lacks a table", 28, []string{`DROP TABLE message_work_target`}, []string{"lacks table message_work_target"}},
		{"lacks a column", 37, []string{`ALTER TABLE invite_token DROP COLUMN isValid`}, []string{"lacks column invite_token.isValid"}},
		{"two tables of a name", 37, []string{`CREATE TABLE DB_History (_id INT)`}, []string{"2 tables named db_history"}},
		{"another spelling", 37, []string{`RENAME TABLE invite_token_used TO Invite_Token_Used`}, []string{"must be spelt invite_token_used"}},
		{"several at once", 37, []string{
			`UPDATE account SET fUserId = 'friend-0' WHERE clientId = 'acc-dee'`, `CREATE TABLE presence_schema (id INT PRIMARY KEY)`,
		}, []string{"same fUserId", "presence_schema"}},
		{"a key of others", 9, []string{
			`CREATE TABLE other (id VARCHAR(191) CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci, CONSTRAINT of_others FOREIGN KEY (id) REFERENCES account (clientId))`,
		}, []string{"the foreign key of_others of the table other"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := sqltest.MySQL(t)
			dumped(t, c, tc.version)
			onOneConnection(t, c, tc.then)
			before := everything(t, c)
			_, err := sql.Check(t.Context(), c)
			wantErr(t, err, sql.ErrSchema)
			wantErr(t, tryOpen(t, c), sql.ErrSchema)
			for _, want := range tc.want {
				if !strings.Contains(fmt.Sprint(err), want) {
					t.Errorf("the error %q does not say %q", err, want)
				}
			}
			same(t, everything(t, c), before)
		})
	}
}

// onOneConnection is sqltest.Exec for statements that set up their connection.
func onOneConnection(t testing.TB, c sql.Config, statements []string) {
	t.Helper()
	db := sqltest.Bare(t, c)
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// Tables of an old engine and character set, without keys, with what grows where none
// are: everything that says the same becomes one, and nothing else is gone.
func TestTakeoverOfOldTables(t *testing.T) {
	c := sqltest.MySQL(t)
	dumped(t, c, 37)
	statements := lines(t, c, `SELECT CONCAT('ALTER TABLE ', TABLE_NAME, ' DROP FOREIGN KEY ', CONSTRAINT_NAME)
		FROM information_schema.TABLE_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE() AND CONSTRAINT_TYPE = 'FOREIGN KEY'`)
	statements = append(statements, "UPDATE message SET message = 'of a guest' WHERE msgId IN ('msg-2', 'msg-8')",
		"UPDATE account SET name = 'Cy' WHERE clientId = 'acc-cy'")
	for _, table := range sqlTables(t, c) {
		charset := "utf8mb3 COLLATE utf8mb3_general_ci"
		if table == "invite_token" || table == "workgroup_rooms" {
			charset = "latin1"
		}
		if table == "message" || table == "user_relation" {
			charset = "utf8mb4 COLLATE utf8mb4_general_ci"
		}
		statements = append(statements, "ALTER TABLE "+table+" ENGINE=MyISAM, CONVERT TO CHARACTER SET "+charset)
	}
	statements = append(statements,
		`ALTER TABLE authorized_for_room DROP INDEX roomId`, `ALTER TABLE workgroup_rooms DROP INDEX fId`,
		`ALTER TABLE room_user_messages DROP INDEX roomId`, `ALTER TABLE user_relation DROP INDEX userId`,
		`INSERT INTO authorized_for_room (roomId, accountId) VALUES ('room-harbor', 'acc-bo'), ('room-harbor', 'acc-bo'), ('room-gone', 'acc-bo')`,
		`INSERT INTO workgroup_rooms (fId, roomId, setById) VALUES ('7', 'room-quiet', 'acc-ada')`,
		`INSERT INTO room_user_messages (userId, roomId, lastReadId) VALUES ('acc-bo', 'room-harbor', 'msg-5'), ('acc-bo', 'room-harbor', 'msg-1')`,
		`INSERT INTO user_relation (relationId, userId, contactId, roomId) VALUES ('rel-again', 'acc-ada', 'acc-bo', NULL), ('rel-self', 'acc-bo', 'acc-bo', NULL),
			('rel-self-2', 'acc-bo', 'acc-bo', NULL), ('rel-gone', 'acc-bo', 'acc-gone', NULL)`,
		`UPDATE message SET fromId = 'acc-gone' WHERE msgId = 'msg-6'`,
		`UPDATE user_relation SET lastReadId = 'msg-gone' WHERE userId = 'acc-cy'`,
		`UPDATE account SET fUserId = '' WHERE fUserId IS NULL`,
		`INSERT INTO message (msgId, roomId, fromId, timestamp, type, message) VALUES ('msg-lost', 'room-lost', NULL, 1500000000500, 'msg', 'lost')`)
	onOneConnection(t, c, statements)

	report, err := sql.Check(t.Context(), c)
	must(t, err)
	if notes := strings.Join(report.Notes, "\n"); !strings.Contains(notes, "table message (_id 16) name in roomId a row of room that is not there") {
		t.Errorf("the notes say nothing of the lost message:\n%s", notes)
	}
	db, log := takenOver(t, c)
	for _, want := range []string{"authorizations that are there twice", "of several read marks", "it becomes empty", "_id 16"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
	same(t, lines(t, c, `SELECT DISTINCT CONCAT(ENGINE, ' ', TABLE_COLLATION) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()`),
		[]string{"InnoDB utf8mb4_unicode_ci"})
	same(t, scalar[int](t, c, `SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND COLUMN_TYPE = 'mediumtext'`), 0)
	same(t, mark(t, db, "room-harbor", "acc-bo").MsgID, "msg-5")
	same(t, scalar[int](t, c, `SELECT COUNT(*) FROM authorized_for_room WHERE roomId = 'room-harbor'`), 4)
	same(t, scalar[int](t, c, `SELECT COUNT(*) FROM authorized_for_room WHERE roomId = 'room-gone'`), 1)
	same(t, scalar[int](t, c, `SELECT COUNT(*) FROM message WHERE msgId = 'msg-lost' AND roomId = 'room-lost'`), 1)
	same(t, lines(t, c, `SELECT CONCAT(userId, ' ', contactId, ' ', relationId) FROM user_relation WHERE relationId NOT LIKE 'rel-cy-bo%' ORDER BY 1`), []string{
		"acc-ada acc-bo rel-ada-bo", "acc-ada acc-cy rel-ada-cy", "acc-bo acc-ada rel-ada-bo", "acc-bo acc-bo rel-self",
		"acc-bo acc-gone rel-gone", "acc-cy acc-ada rel-ada-cy",
	})
	harbor := load(t, db, "room-harbor")
	same(t, harbor.Tail[len(harbor.Tail)-1], rooms.Message{ID: "msg-6", Room: "room-harbor", Time: 1500000000006, Type: "msg", Name: "Ada Lovelace", Text: "last in the harbor"})
	for _, statement := range predecessorWrites {
		sqltest.Exec(t, c, strings.ReplaceAll(statement, "acc-old-1", "acc-ada"))
	}
	same(t, load(t, db, "room-back").Tail[0].Text, "edited first")
}

// Each of two contacts has a room of its own: what was written in one is moved to the
// other, and the relation is one again.
func TestPairWithTwoRooms(t *testing.T) {
	c := sqltest.MySQL(t)
	dumped(t, c, 42)
	sqltest.Exec(t, c,
		`INSERT INTO room (clientId, name, ownerId, settings, isPrivate) VALUES ('cont-other', 'contact-room', 'rel-other', '{}', 1)`,
		`INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message, status) VALUES
			('msg-20', 'cont-other', 'acc-bo', 1500000000900, 'msg', 'Bo', 'in the other room', '')`,
		`UPDATE user_relation SET relationId = 'rel-other', roomId = 'cont-other', lastMsgId = 'msg-20' WHERE userId = 'acc-bo' AND contactId = 'acc-ada'`)
	db, _ := takenOver(t, c)
	both, err := db.Relation(t.Context(), "acc-ada", "acc-bo")
	must(t, err)
	same(t, []string{both[0].ID, both[1].ID, string(both[0].Room), string(both[1].Room)}, []string{"rel-other", "rel-other", "cont-other", "cont-other"})
	same(t, []string{both[0].Read.MsgID, both[0].Last.ID, both[1].Last.ID}, []string{"msg-9", "msg-20", "msg-20"})
	same(t, both[0].Unread, 2) // msg-10, msg-20
	same(t, ids(load(t, db, "cont-other").Tail), []string{"msg-8", "msg-9", "msg-10", "msg-20"})
}

func TestTakeoverNeedsRights(t *testing.T) {
	c := sqltest.MySQL(t)
	dumped(t, c, 37)
	user := c
	user.User, user.Pass = strings.Replace(c.Name, "presence_test", "p", 1), "secret-of-a-user"
	name := fmt.Sprintf("'%s'@'%%'", user.User)
	sqltest.Exec(t, c, "CREATE USER "+name+" IDENTIFIED BY '"+user.Pass+"'")
	t.Cleanup(func() { sqltest.Exec(t, c, "DROP USER "+name) })
	sqltest.Exec(t, c, "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX ON `"+strings.ReplaceAll(c.Name, "_", `\_`)+"`.* TO "+name)
	before := everything(t, c)
	err := tryOpen(t, user)
	wantErr(t, err, sql.ErrSchema)
	if text := fmt.Sprint(err); !strings.Contains(text, "lacks the rights ALTER:") || strings.Contains(text, user.Pass) {
		t.Errorf("the error says %q", text)
	}
	same(t, everything(t, c), before)
	sqltest.Exec(t, c, "GRANT ALTER ON "+c.Name+".* TO "+name) // a pattern, which counts for less
	wantErr(t, tryOpen(t, user), sql.ErrSchema)
	sqltest.Exec(t, c, "GRANT ALTER ON `"+strings.ReplaceAll(c.Name, "_", `\_`)+"`.* TO "+name)
	must(t, sql.Upgrade(t.Context(), user, quiet, nil))
}

func TestRightsInGrants(t *testing.T) {
	needed := []string{"SELECT", "CREATE", "ALTER"}
	for _, tc := range []struct {
		grants []string
		want   []string
	}{
		{nil, needed},
		{[]string{"GRANT USAGE ON *.* TO `p`@`%` IDENTIFIED BY PASSWORD '*1'"}, needed},
		{[]string{"GRANT ALL PRIVILEGES ON *.* TO `p`@`%` WITH GRANT OPTION"}, nil},
		{[]string{"GRANT ALL PRIVILEGES ON `presence`.* TO `p`@`%`"}, nil},
		{[]string{"GRANT ALL PRIVILEGES ON `other`.* TO `p`@`%`"}, needed},
		{[]string{"GRANT SELECT, ALTER ON `pres%`.* TO `p`@`%`", "GRANT CREATE ON `p_es_nce`.* TO `p`@`%`"}, []string{"CREATE"}},
		{[]string{"GRANT SELECT, ALTER ON `pres%`.* TO `p`@`%`", "GRANT CREATE ON *.* TO `p`@`%`"}, nil},
		{[]string{`GRANT SELECT ON ` + "`p\\_esence`" + `.* TO p`}, needed},
		{[]string{"GRANT SELECT ON `presence`.`room` TO `p`@`%`"}, needed},
		{[]string{"GRANT `role`@`%` TO `p`@`%`"}, nil}, // nobody knows what it holds
		{[]string{"GRANT", "", "GRANT ON TO", "GRANT x ON `(`.* TO p", "GRANT x ON `\\`.* TO p"}, needed},
	} {
		if got := sql.LackingRights(tc.grants, "presence", needed); strings.Join(got, " ") != strings.Join(tc.want, " ") {
			t.Errorf("%q lack %q, want %q", tc.grants, got, tc.want)
		}
	}
}

func FuzzRightsInGrants(f *testing.F) {
	f.Add("GRANT ALL PRIVILEGES ON `presence`.* TO `p`@`%`", "presence")
	f.Add("GRANT SELECT ON `p\\_%`.* TO p", "p_")
	f.Fuzz(func(t *testing.T, grant, database string) {
		sql.LackingRights([]string{grant}, database, []string{"SELECT"})
	})
}

func TestServersThatCannotBeUpgraded(t *testing.T) {
	for _, tc := range []struct {
		version  string
		readOnly bool
		recovery int
		page     int
		want     string
	}{
		{"10.11.19-MariaDB-0+deb12u1", false, 0, 16384, ""},
		{"5.5.5-10.11.19-MariaDB", false, 0, 16384, ""},
		{"8.0.36", false, 0, 16384, ""},
		{"of another kind", false, 0, 16384, ""},
		{"10.1.48-MariaDB", false, 0, 16384, "MariaDB 10.2.7"},
		{"5.5.62-log", false, 0, 16384, "MySQL 5.7.8"},
		{"10.11.19-MariaDB", true, 0, 16384, "read-only"},
		{"10.11.19-MariaDB", false, 1, 16384, "innodb_force_recovery"},
		{"10.11.19-MariaDB", false, 0, 4096, "innodb_page_size"},
	} {
		got := strings.Join(sql.ServerProblems(tc.version, tc.readOnly, tc.recovery, tc.page), "; ")
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%+v: %q", tc, got)
		}
	}
}

// Check says beforehand what an upgrade does, and the upgrade says how far it is.
func TestUpgradeIsAnnouncedAndShown(t *testing.T) {
	c := sqltest.MySQL(t)
	dumped(t, c, 37)
	report, err := sql.Check(t.Context(), c)
	must(t, err)
	repairs := map[string]int64{}
	for _, r := range report.Repairs {
		repairs[r.Table+" "+r.What] = r.Rows
	}
	same(t, repairs, map[string]int64{
		"account settings that are no JSON object become {}":                                                  1,
		"room settings that are no JSON object become {}":                                                     1,
		"user_relation relations of one row, or of rows that differ, become whole":                            3,
		"message edits that their message does not know are shown":                                            1,
		"message deletions that their message does not know take place":                                       -1,
		"room_user_messages read marks at a message of another room go to the message before it in their own": 1,
		"room_user_messages members without read mark get one at the newest message of their room":            1,
	})
	if report.Version != 37 || report.Upgrade[0] != "42: tables of the former server" || report.Bytes == 0 {
		t.Errorf("the report is %+v", report)
	}
	var shown []sql.Progress
	must(t, sql.Upgrade(t.Context(), c, slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil)), func(p sql.Progress) { shown = append(shown, p) }))
	last := 0
	for _, p := range shown {
		if p.Step < last || p.Step > p.Steps || p.Steps != len(report.Changes) || p.Done > p.Total || p.What != report.Changes[p.Step-1].What {
			t.Errorf("shown: %+v", p)
		}
		last = p.Step
	}
	same(t, last, len(report.Changes))
	report, err = sql.Check(t.Context(), c)
	must(t, err)
	same(t, []int{len(report.Changes), len(report.Repairs), len(report.Problems)}, []int{0, 0, 0})
}

// The server ends the connection in the middle, and with it the lock and all settings:
// the upgrade ends too, and the next one goes on.
func TestConnectionBreaksDuringTheTakeover(t *testing.T) {
	whole := sqltest.MySQL(t)
	dumped(t, whole, 9)
	must(t, sql.Upgrade(t.Context(), whole, quiet, nil))
	c := sqltest.MySQL(t)
	dumped(t, c, 9)
	for _, at := range []int{2, 3, 4, 5, 6, 7, 8, 9} { // of what is left each time
		n := 0
		err := sql.UpgradeHooked(t.Context(), c, func() error {
			if n++; n == at {
				for _, id := range lines(t, c, `SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()`) {
					sqltest.Exec(t, c, "KILL "+id)
				}
			}
			return nil
		})
		if err == nil {
			t.Fatal("the upgrade has not noticed it")
		}
	}
	must(t, sql.Upgrade(t.Context(), c, quiet, nil))
	same(t, everything(t, c), everything(t, whole))
}
