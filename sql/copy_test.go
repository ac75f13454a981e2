package sql_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	dbsql "database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

// fullSource makes a database with rows in every table: some as the stores write
// them, some with all that columns can hold.
func fullSource(t testing.TB) sql.Config {
	t.Helper()
	c := sqltest.SQLite(t)
	db, err := sql.Open(t.Context(), c, quiet)
	must(t, err)
	acc := accounts(t, db, 5)
	room(t, db, "room-1", acc...)
	room(t, db, "room-2", acc[1], acc[2])
	add(t, db, "room-1", messages("a", acc[0], 40)...)
	add(t, db, "room-2", messages("b", acc[1], 7)...)
	_, err = db.MakeReadMarks(t.Context(), "room-1", acc)
	must(t, err)
	_, err = db.Relate(t.Context(), acc[0], acc[1:3])
	must(t, err)
	_, err = db.OpenContact(t.Context(), acc[0], acc[1], rooms.RoomRecord{ID: "cont-1", Name: "contact-room"})
	must(t, err)
	must(t, db.Assign(t.Context(), "room-1", rooms.Assignment{FID: "17", SetByID: acc[1]}))
	must(t, db.AddToken(t.Context(), rooms.Token{Type: "public", Token: "public-1", Room: "room-1", CreatedBy: acc[0]}))
	must(t, db.AddEdit(t.Context(), "room-1", rooms.Edit{ID: "edit-1", MsgID: "msg-a-3", By: acc[0], Time: start + 100, Reason: "typo", Text: "harbor master"}))
	must(t, db.DeleteMessage(t.Context(), "room-1", rooms.Deletion{ID: "delete-1", MsgID: "msg-a-4", By: acc[0], Time: start + 200}))
	must(t, db.RemoveRoom(t.Context(), "room-2"))
	must(t, db.Close())

	long := strings.Repeat("€", 65535/3) + "\x00\x01"[:65535%3]
	bare := sqltest.Bare(t, c)
	defer bare.Close()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := bare.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec(`INSERT INTO account (_id, clientId, fUserId, fUsername, fLastUpdate, fIsDisabled, name, avatar, settings, active, created, lastLogin, lastOnline)
		VALUES (4000000000, 'acc-ö', NULL, NULL, -9223372036854775808, NULL, ?, ?, '{"hideInSearch": true , "b":[1.50,{"c":null}], "a":"😀"}', 0,
			'1970-01-01 00:00:01', '2038-01-19 03:14:07', '2024-03-31 02:30:00')`, strings.Repeat("😀", 191), long)
	exec(`INSERT INTO room (clientId, workgroupId, name, ownerId, settings, isPrivate, created, lastActivity, removed)
		VALUES ('worg-1', 'friend_wg_1', '', 'system', '[]', 1, '2024-10-27 02:30:00', '2000-02-29 23:59:59', '2024-12-31 23:59:59')`)
	exec(`INSERT INTO message (_id, msgId, roomId, fromId, timestamp, type, name, message, editId, statusId, status) VALUES
		(1000, 'wrk-1', 'worg-1', NULL, 9223372036854775807, 'work-msg', NULL, ?, NULL, 'x', ''),
		(1002, 'wrk-2', 'worg-1', 'acc-ö', 0, '', '', '', '', '', ' ')`,
		`it's "quoted" \ back\\slash; -- % _ `+"\n\r\t\x00\x1a`"+` 👩‍👩‍👧‍👦 ÄÖÜß 日本 `)
	exec(`INSERT INTO message_status (status, clientId, msgId, setBy, setTime, reason, message) VALUES ('pin', 'pin-1', 'wrk-1', NULL, 5, ?, '')`, long)
	exec(`INSERT INTO message_work_target (msgId, source, target, memberId) VALUES
		('wrk-1', 'friend_wg_1', 'friend_wg_2', NULL), ('wrk-1', 'friend_wg_1', 'friend_wg_2', 'acc-ö')`)
	exec(`INSERT INTO invite_token (type, token, roomId, singleUse, isValid, targetId, createdBy, created, invalidatedBy, invalidated)
		VALUES ('private', 'private-1', 'room-1', 1, 0, 'acc-1', 'acc-0', '2024-01-01 00:00:00', 'acc-2', '2024-01-02 00:00:00')`)
	exec(`INSERT INTO invite_token_used (tokenId, usedTime, usedBy) SELECT _id, '2024-01-01 12:00:00', 'guest-1' FROM invite_token`)
	exec(`UPDATE user_relation SET lastReadId = 'msg-a-1', lastReadTime = 7, lastMsgId = 'msg-a-2' WHERE userId = 'acc-0' AND contactId = 'acc-1'`)
	names, _, err := sql.CopiedColumns()
	must(t, err)
	for _, name := range names {
		if n := scalar[int](t, c, "SELECT COUNT(*) FROM "+name); n == 0 {
			t.Fatalf("the source has no row in %s: the test looks at nothing", name)
		}
	}
	return c
}

// copiedRows reads a table past all that a copy uses; each value as text.
func copiedRows(t testing.TB, c sql.Config, table string, columns []string) (rows [][]string) {
	t.Helper()
	db := sqltest.Bare(t, c)
	defer db.Close()
	var list []string
	for _, column := range columns {
		list = append(list, "HEX(CAST("+column+" AS CHAR))", column+" IS NULL")
	}
	if c.Driver == sql.SQLite {
		for n := range list {
			list[n] = strings.ReplaceAll(list[n], "AS CHAR", "AS TEXT")
		}
	}
	found, err := db.QueryContext(t.Context(), "SELECT "+strings.Join(list, ", ")+" FROM "+table+" ORDER BY _id")
	must(t, err)
	defer found.Close()
	for found.Next() {
		row := make([]dbsql.NullString, len(list))
		into := make([]any, len(list))
		for n := range row {
			into[n] = &row[n]
		}
		must(t, found.Scan(into...))
		var texts []string
		for _, v := range row {
			texts = append(texts, v.String)
		}
		rows = append(rows, texts)
	}
	must(t, found.Err())
	return rows
}

// sameRows compares all tables of two databases.
func sameRows(t testing.TB, source, target sql.Config) {
	t.Helper()
	names, columns, err := sql.CopiedColumns()
	must(t, err)
	for n, name := range names {
		want, got := copiedRows(t, source, name, columns[n]), copiedRows(t, target, name, columns[n])
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s differs: %d rows in the target, %d in the source", name, len(got), len(want))
		}
	}
}

// tablesIn lists the tables of a MySQL database.
func tablesIn(t testing.TB, c sql.Config) (names []string) {
	t.Helper()
	db := sqltest.Bare(t, c)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1`)
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

// fileSum is a checksum over the bytes of a database file.
func fileSum(t testing.TB, c sql.Config) string {
	t.Helper()
	text, err := os.ReadFile(c.File)
	must(t, err)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func copyAll(t testing.TB, source, target sql.Config) sql.CopyReport {
	t.Helper()
	report, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{})
	must(t, err)
	return report
}

func TestCopyEverything(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	before := fileSum(t, source)
	report := copyAll(t, source, target)
	same(t, fileSum(t, source), before)
	same(t, report.Left, []string(nil))
	for _, table := range report.Tables {
		if table.SourceSum != table.TargetSum || table.SourceRows != table.TargetRows || table.Copied != table.SourceRows || table.SourceRows == 0 {
			t.Errorf("report: %+v", table)
		}
	}
	sameRows(t, source, target)
	if slices.Contains(tablesIn(t, target), "presence_copy") {
		t.Error("the table of marks is left")
	}

	from, to := sqltest.Open(t, source), sqltest.Open(t, target)
	for _, id := range []rooms.RoomID{"room-1", "cont-1"} {
		same(t, load(t, to, id), load(t, from, id))
	}
	same(t, search(t, to, "room-1", "harbor"), []string{"msg-a-3"})
	add(t, to, "room-1", messages("next", "acc-0", 1)...)
	if id := scalar[int64](t, target, `SELECT _id FROM message WHERE msgId = 'msg-next-0'`); id <= 1002 {
		t.Errorf("the next message has _id %d", id)
	}
}

// TestCopyMakesTheSameSchema: a database that was copied into is like one that the
// service made.
func TestCopyMakesTheSameSchema(t *testing.T) {
	source, target, made := fullSource(t), sqltest.MySQL(t), sqltest.MySQL(t)
	copyAll(t, source, target)
	must(t, tryOpen(t, made))
	for _, query := range []string{
		`SELECT GROUP_CONCAT(CONCAT_WS(' ', TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, COLLATION_NAME, EXTRA)
			ORDER BY TABLE_NAME, ORDINAL_POSITION SEPARATOR '\n') FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()`,
		`SELECT GROUP_CONCAT(CONCAT_WS(' ', TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE, INDEX_TYPE)
			ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX SEPARATOR '\n') FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()`,
		`SELECT GROUP_CONCAT(CONCAT_WS(' ', TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME, DELETE_RULE, UPDATE_RULE)
			ORDER BY TABLE_NAME, CONSTRAINT_NAME SEPARATOR '\n') FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()`,
		`SELECT GROUP_CONCAT(version ORDER BY _id) FROM db_history`,
	} {
		lines := func(c sql.Config) []string { return strings.Split(scalar[string](t, c, query), "\n") }
		same(t, lines(target), lines(made))
	}
}

// TestCopyKnowsAllColumns: what a copy takes from the schema files is what a
// database has.
func TestCopyKnowsAllColumns(t *testing.T) {
	c := sqltest.MySQL(t)
	must(t, tryOpen(t, c))
	names, columns, err := sql.CopiedColumns()
	must(t, err)
	for n, name := range names {
		sorted := slices.Sorted(slices.Values(columns[n]))
		have := scalar[string](t, c, `SELECT GROUP_CONCAT(COLUMN_NAME) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?`, name)
		same(t, sorted, slices.Sorted(slices.Values(strings.Split(have, ","))))
	}
	all := slices.Concat(names, sql.NotCopied())
	same(t, slices.Sorted(slices.Values(all)), tablesIn(t, c))
	parent := `SELECT COUNT(*) FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND REFERENCED_TABLE_NAME = ?`
	for n, child := range names {
		for _, later := range names[n+1:] {
			if scalar[int](t, c, parent, child, later) > 0 {
				t.Errorf("%s is copied before %s, which it refers to", child, later)
			}
		}
	}
}

func TestTablesThatCannotBeCopied(t *testing.T) {
	for _, text := range []string{
		"CREATE TABLE a (\n\t_id $ID,\n\tprice DECIMAL(10) NULL\n)",
		"CREATE TABLE a (\n\t_id $ID,\n\tname VARCHAR NULL\n)",
		"CREATE TABLE a (\n\tname VARCHAR(9) NULL,\n\t_id $ID\n)",
		"CREATE TABLE a (\n\t_id $ID,\n\tCHECK (_id > 5)\n)",
		"ALTER TABLE a ADD COLUMN b TEXT NULL",
	} {
		if err := sql.ParseTable(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// TestCopyFindsWhatDoesNotFit: each row that the target could not hold is named
// before the target is touched.
func TestCopyFindsWhatDoesNotFit(t *testing.T) {
	account := func(id int, column, value string) string {
		values := map[string]string{"clientId": fmt.Sprintf("'acc-x%d'", id), "name": "'X'", "settings": "'{}'", column: value}
		columns := slices.Sorted(func(yield func(string) bool) {
			for column := range values {
				if !yield(column) {
					return
				}
			}
		})
		var list []string
		for _, c := range columns {
			list = append(list, values[c])
		}
		return fmt.Sprintf("INSERT INTO account (_id, %s) VALUES (%d, %s)", strings.Join(columns, ", "), id, strings.Join(list, ", "))
	}
	whole := fullSource(t)
	noKeys := []string{"PRAGMA writable_schema = 1", "UPDATE sqlite_master SET sql = REPLACE(sql, 'NOT NULL', '') WHERE name = 'account'", "PRAGMA writable_schema = RESET"}
	for name, c := range map[string]struct {
		change []string
		says   []string
	}{
		"long text":        {[]string{`UPDATE message SET message = printf('%.65536c', 'x') WHERE _id = 5`}, []string{"message, _id 5", "message has 65536 bytes, 65535"}},
		"long text, UTF-8": {[]string{`UPDATE account SET avatar = REPLACE(printf('%.32768c', 'x'), 'x', 'ö') WHERE _id = 2`}, []string{"account, _id 2", "avatar has 65536 bytes"}},
		"long name":        {[]string{account(99, "name", "printf('%.192c', 'x')")}, []string{"account, _id 99", "name has 192 characters, 191"}},
		"long status":      {[]string{`UPDATE message SET status = '123456789012345678901' WHERE _id = 5`}, []string{"message, _id 5", "status has 21 characters, 20"}},
		"no UTF-8":         {[]string{account(99, "fUsername", "CAST(X'ff61' AS TEXT)")}, []string{"account, _id 99", "fUsername is not UTF-8"}},
		"bytes, no UTF-8":  {[]string{account(99, "fUsername", "X'edA080'")}, []string{"account, _id 99", "fUsername is not UTF-8"}},
		"NULL":             {append(noKeys, account(99, "name", "NULL")), []string{"account, _id 99", "name is NULL"}},
		"a text as number": {[]string{account(99, "fLastUpdate", "'soon'")}, []string{"account, _id 99", "fLastUpdate is a text, a whole number"}},
		"a fraction":       {[]string{account(99, "fLastUpdate", "1.5")}, []string{"account, _id 99", "fLastUpdate is a number with a fraction"}},
		"a large boolean":  {[]string{account(99, "active", "128")}, []string{"account, _id 99", "active is not between -128 and 127"}},
		"a number as time": {[]string{account(99, "created", "1709283600")}, []string{"account, _id 99", "created is a number, a text is needed"}},
		"no time":          {[]string{account(99, "created", "'yesterday'")}, []string{"account, _id 99", "created is no time"}},
		"no day":           {[]string{account(99, "lastLogin", "'2023-02-29 00:00:00'")}, []string{"account, _id 99", "lastLogin is no time"}},
		"fractional time":  {[]string{account(99, "lastLogin", "'2023-02-28 00:00:00.5'")}, []string{"account, _id 99", "lastLogin is no time"}},
		"early":            {[]string{account(99, "created", "'1970-01-01 00:00:00'")}, []string{"account, _id 99", "created is not between 1970"}},
		"late":             {[]string{account(99, "created", "'2038-01-19 03:14:08'")}, []string{"account, _id 99", "created is not between 1970"}},
		"no id":            {[]string{account(0, "name", "'X'")}, []string{"account, _id 0", "_id is not between 1 and 4294967295"}},
		"negative id":      {[]string{account(-5, "name", "'X'")}, []string{"account, _id -5", "_id is not between"}},
		"large id":         {[]string{account(4294967296, "name", "'X'")}, []string{"account, _id 4294967296", "_id is not between"}},
		"no JSON":          {[]string{account(99, "settings", "'{\"a\":'"), account(98, "settings", "''")}, []string{"account, _id 98: settings is no JSON", "account, _id 99: settings is no JSON"}},
		"large row":        {[]string{account(99, "settings", "'{\"a\":\"' || printf('%.20000000c', 'x') || '\"}'")}, []string{"account, _id 99", "max_allowed_packet"}},
		"no parent": {
			[]string{`UPDATE message SET roomId = 'room-gone' WHERE _id = 5`, `UPDATE message_work_target SET memberId = 'acc-gone' WHERE _id = 2`},
			[]string{"message, _id 5: roomId refers to a row of room that does not exist", "message_work_target, _id 2: memberId refers to a row of account"},
		},
		"case":          {[]string{account(99, "clientId", "'ACC-1'")}, []string{"account, _id 99", "clientId is the same as in the row with _id 2"}},
		"case, both":    {[]string{account(98, "fUserId", "'Friend-X'"), account(99, "fUserId", "'FRIEND-x'")}, []string{"account, _id 99", "fUserId is the same as in the row with _id 98"}},
		"blank":         {[]string{account(99, "clientId", "'acc-1 '")}, []string{"account, _id 99", "clientId is the same as in the row with _id 2"}},
		"accent":        {[]string{account(99, "clientId", "'acc-o'")}, []string{"account, _id 4000000000", "clientId is the same as in the row with _id 99"}},
		"control":       {[]string{account(99, "clientId", "'acc-1' || char(1)")}, []string{"account, _id 99", "clientId is the same as in the row with _id 2"}},
		"emoji":         {[]string{account(98, "clientId", "'acc-😀'"), account(99, "clientId", "'acc-😎'")}, []string{"account, _id 99", "clientId is the same as in the row with _id 98"}},
		"sharp s":       {[]string{account(98, "clientId", "'acc-ß'"), account(99, "clientId", "'acc-ss'")}, []string{"account, _id 98", "clientId is the same as in the row with _id 99"}},
		"two columns":   {[]string{`INSERT INTO workgroup_rooms (_id, fId, roomId, setById) VALUES (97, 'A', 'room-1', 'acc-1'), (98, 'a ', 'room-1', 'acc-1')`}, []string{"workgroup_rooms, _id 98", "fId, roomId is the same as in the row with _id 97"}},
		"bytes as text": {[]string{account(99, "clientId", "CAST('acc-1' AS BLOB)")}, []string{"account, _id 99", "clientId is the same as in the row with _id 2"}},
		"many":          {[]string{`UPDATE message SET type = '123456789012345678901'`}, []string{"… and 29 more"}},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := cloneOf(t, whole), sqltest.MySQL(t)
			oneConnection(t, source, c.change)
			before := fileSum(t, source)
			for _, dryRun := range []bool{true, false} {
				_, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{DryRun: dryRun})
				wantErr(t, err, sql.ErrUncopyable)
				for _, part := range c.says {
					if err == nil || !strings.Contains(err.Error(), part) {
						t.Errorf("the error does not say %q: %v", part, err)
					}
				}
				if err != nil && len(err.Error()) > 4000 {
					t.Errorf("the error has %d bytes", len(err.Error()))
				}
			}
			same(t, tablesIn(t, target), []string(nil))
			same(t, fileSum(t, source), before)
		})
	}
}

// cloneOf copies a file that nobody has open.
func cloneOf(t testing.TB, c sql.Config) sql.Config {
	t.Helper()
	text, err := os.ReadFile(c.File)
	must(t, err)
	clone := sqltest.SQLite(t)
	must(t, os.WriteFile(clone.File, text, 0o600))
	return clone
}

// oneConnection sends statements to a file, one after the other over the same
// connection, past all foreign keys.
func oneConnection(t testing.TB, c sql.Config, statements []string) {
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

// TestCopyTakesWhatOnlyLooksEqual: texts that differ by something that counts are
// no collision, and NULL never is one.
func TestCopyTakesWhatOnlyLooksEqual(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	oneConnection(t, source, []string{
		`INSERT INTO account (clientId, name, settings) VALUES ('ACC-X', 'x', '{}'), ('acc_x', 'x', '{}'), ('acc x', 'x', '{}'), ('accx', 'x', '{}'),
			(' acc-x', 'x', '{}'), ('', 'x', '{}'), ('acc-ж', 'x', '{}'), ('acc-з', 'x', '{}')`,
	})
	copyAll(t, source, target)
	sameRows(t, source, target)
}

// TestWeights: what is thought to be the same is the same to the server, and
// nothing else.
func TestWeights(t *testing.T) {
	c := sqltest.MySQL(t)
	db := sqltest.Bare(t, c)
	defer db.Close()
	letters := []rune("aAbBzZ09-_. ~{|}[\\]^`@'\"\x00\x01\t\u00a0äÄeé\u0301ßsSœ😀😎日\u200b")
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		var b strings.Builder
		for range random.IntN(4) {
			b.WriteRune(letters[random.IntN(len(letters))])
		}
		return b.String()
	}
	equal := 0
	err := sql.Weights(t.Context(), c, func(weight func(string) (string, error), isPlain func(string) bool) error {
		for range 3000 {
			a, b := word(), word()
			var want bool
			err := db.QueryRowContext(t.Context(), `SELECT CONVERT(? USING utf8mb4) COLLATE utf8mb4_unicode_ci = CONVERT(? USING utf8mb4)`, a, b).Scan(&want)
			if err != nil {
				return err
			}
			wa, err := weight(a)
			if err != nil {
				return err
			}
			wb, err := weight(b)
			if err != nil {
				return err
			}
			if (wa == wb) != want {
				t.Errorf("%q and %q: the same is %v, to the server it is %v", a, b, wa == wb, want)
			}
			if want && a != b {
				equal++
				if isPlain(a) && isPlain(b) {
					t.Errorf("%q and %q are both plain", a, b)
				}
			}
		}
		return nil
	})
	must(t, err)
	if equal < 50 {
		t.Errorf("only %d pairs were the same: the test looks at little", equal)
	}
}

func TestCopyIntoOtherThings(t *testing.T) {
	source := fullSource(t)
	fresh := func(statements ...string) sql.Config {
		c := sqltest.MySQL(t)
		sqltest.Exec(t, c, statements...)
		return c
	}
	withSchema := func(statements ...string) sql.Config {
		c := sqltest.MySQL(t)
		must(t, tryOpen(t, c))
		sqltest.Exec(t, c, statements...)
		return c
	}
	account := `INSERT INTO account (clientId, name, settings) VALUES ('acc-0', 'Somebody', '{}')`
	old := sqltest.MySQL(t)
	original(t, old)
	for name, c := range map[string]struct {
		target sql.Config
		says   string
	}{
		"tables of others":       {fresh(`CREATE TABLE shop (a INT)`), "shop"},
		"others beside ours":     {withSchema(`CREATE TABLE shop (a INT)`), "tables of something else (shop)"},
		"rows of ours":           {withSchema(account), "rows already (account: 1)"},
		"original":               {old, "version 42"},
		"a history of others":    {fresh(`CREATE TABLE db_history (_id INT, version INT, comment TEXT)`, `INSERT INTO db_history VALUES (1, 77, 'x')`), "version 77"},
		"a copy of something":    {withSchema(`CREATE TABLE presence_copy (tableName TEXT, sourceRows BIGINT, sourceSum TEXT, lastId BIGINT)`, `INSERT INTO presence_copy VALUES ('message', 1, 'x', 1)`), "unfinished copy of something else"},
		"no copy, but its table": {fresh(`CREATE TABLE presence_copy (a INT)`), "read how far the copy is"},
		"marks, none, and rows":  {withSchema(`CREATE TABLE presence_copy (tableName TEXT, sourceRows BIGINT, sourceSum TEXT, lastId BIGINT)`, account), "rows already"},
		"a newer schema":         {withSchema(`INSERT INTO db_history (version, comment) VALUES (999, 'from the future')`, `UPDATE presence_schema SET minimumVersion = 999`), "newer program"},
		"a newer schema, usable": {withSchema(`INSERT INTO db_history (version, comment) VALUES (999, 'from the future')`, `CREATE TABLE future (a INT)`), "future"},
	} {
		t.Run(name, func(t *testing.T) {
			before := tablesIn(t, c.target)
			for _, dryRun := range []bool{true, false} {
				_, err := sql.Copy(t.Context(), source, c.target, sql.CopyOptions{DryRun: dryRun})
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error is %v, want one that says %q", err, c.says)
				}
			}
			same(t, tablesIn(t, c.target), before)
		})
	}
}

func TestCopyFromOtherThings(t *testing.T) {
	target := sqltest.MySQL(t)
	empty := sqltest.SQLite(t)
	must(t, os.WriteFile(empty.File, nil, 0o600))
	old := sqltest.SQLite(t)
	original(t, old)
	noDatabase := sqltest.SQLite(t)
	must(t, os.WriteFile(noDatabase.File, []byte(strings.Repeat("no database ", 100)), 0o600))
	newer := fullSource(t)
	sqltest.Exec(t, newer, `INSERT INTO db_history (version, comment) VALUES (999, 'from the future')`)
	lacking := fullSource(t)
	oneConnection(t, lacking, []string{`DROP TABLE invite_token_used`})
	for name, c := range map[string]struct {
		source sql.Config
		says   string
	}{
		"no file":     {sqltest.SQLite(t), "there is no database file"},
		"empty file":  {empty, "nothing to copy"},
		"old version": {old, "presence migrate"},
		"no database": {noDatabase, "no SQLite database"},
		"newer":       {newer, "newer program"},
		"a server":    {target, "from a SQLite file into"},
		"lacking":     {lacking, "invite_token_used"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sql.Copy(t.Context(), c.source, target, sql.CopyOptions{})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
			same(t, tablesIn(t, target), []string(nil))
		})
	}
	if _, err := sql.Copy(t.Context(), newer, sqltest.SQLite(t), sql.CopyOptions{}); !errors.Is(err, sql.ErrConfig) {
		t.Errorf("a copy into a file: %v", err)
	}
}

// TestCopyOfDamagedFile: it ends before the target is touched.
func TestCopyOfDamagedFile(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	page, size := scalar[int64](t, source, `SELECT rootpage FROM sqlite_master WHERE name = 'message'`), scalar[int64](t, source, `PRAGMA page_size`)
	f, err := os.OpenFile(source.File, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xff}, int(size)), (page-1)*size)
	must(t, err)
	must(t, f.Close())
	_, err = sql.Copy(t.Context(), source, target, sql.CopyOptions{})
	wantErr(t, err, sql.ErrSchema)
	if err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error is %v", err)
	}
	same(t, tablesIn(t, target), []string(nil))
}

// watcher keeps what a copy tells of its progress.
type watcher struct {
	t           *testing.T
	what        string
	done, total int64
	parts       []string
}

func (w *watcher) Begin(what string, done, total int64) {
	if w.what != "" || total >= 0 && done > total {
		w.t.Errorf("%s begins with %d of %d, before the end of %q", what, done, total, w.what)
	}
	w.what, w.done, w.total = what, done, total
	w.parts = append(w.parts, fmt.Sprintf("%s %d", what, done))
}

func (w *watcher) At(done int64) {
	if done < w.done || done > w.total {
		w.t.Errorf("%s: %d of %d after %d", w.what, done, w.total, w.done)
	}
	w.done = done
}

func (w *watcher) End() {
	if w.total >= 0 && w.done != w.total {
		w.t.Errorf("%s ends with %d of %d", w.what, w.done, w.total)
	}
	w.what = ""
}

func TestCopyTellsItsProgress(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	_, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{Progress: &watcher{t: t}}.InSteps(20, func(point string) error {
		if point == "batch of message" {
			return errKilled
		}
		return nil
	}))
	wantErr(t, err, errKilled)
	w := &watcher{t: t}
	_, err = sql.Copy(t.Context(), source, target, sql.CopyOptions{Progress: w})
	must(t, err)
	for _, part := range []string{"check message 0", "copy room 4", "copy message 20", "copy message_edit 0", "compare message 0"} {
		if !slices.Contains(w.parts, part) {
			t.Errorf("it has not told of %q: %q", part, w.parts)
		}
	}
}

// TestCopySaysWhatIsLeft: what is not Presence's is not copied, and named.
func TestCopySaysWhatIsLeft(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	oneConnection(t, source, []string{`CREATE TABLE notes (a TEXT)`, `ALTER TABLE room ADD COLUMN color TEXT`})
	same(t, copyAll(t, source, target).Left, []string{"column room.color", "table notes"})
}

func TestCopyDryRunChangesNothing(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	before := fileSum(t, source)
	service := sqltest.Open(t, source) // may run meanwhile
	report, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{DryRun: true})
	must(t, err)
	if len(report.Tables) == 0 || report.Tables[0].SourceRows == 0 || report.Tables[0].TargetRows != 0 || report.Server == "" {
		t.Errorf("report: %+v", report)
	}
	same(t, tablesIn(t, target), []string(nil))
	same(t, fileSum(t, source), before)
	add(t, service, "room-1", messages("later", "acc-0", 1)...)
}

// errKilled ends a copy where a test wants it.
var errKilled = errors.New("killed")

// TestCopyGoesOn: a copy that is killed is continued by the next call, and ends as
// one in one go.
func TestCopyGoesOn(t *testing.T) {
	source := fullSource(t)
	before := fileSum(t, source)
	for n := 1; ; n += 13 {
		target := sqltest.MySQL(t)
		points := 0
		_, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{}.InSteps(20, func(string) error {
			if points++; points == n {
				return errKilled
			}
			return nil
		}))
		if err == nil && n > 40 {
			break
		}
		wantErr(t, err, errKilled)
		if report := copyAll(t, source, target); !report.Continued {
			t.Errorf("after %d changes the second call does not know of the first", n)
		}
		sameRows(t, source, target)
	}
	same(t, fileSum(t, source), before)
}

// TestCopyIsKilledAfterEachChange: each call gets one change further, and no change
// is made twice.
func TestCopyIsKilledAfterEachChange(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	var killed []string
	for err := errKilled; err != nil; {
		if len(killed) > 500 {
			t.Fatal("it never ends")
		}
		_, err = sql.Copy(t.Context(), source, target, sql.CopyOptions{}.InSteps(3, func(point string) error {
			if strings.HasPrefix(point, "batch of ") || !slices.Contains(killed, point) {
				killed = append(killed, point)
				return errKilled
			}
			return nil
		}))
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatalf("after %q: %v", killed, err)
		}
	}
	sameRows(t, source, target)
	for _, point := range []string{"begun", "tables", "batch of message", "table message", "table invite_token_used", "create full-text index message_text on message", "verified"} {
		if !slices.Contains(killed, point) {
			t.Errorf("it was never killed after %q", point)
		}
	}
	t.Logf("killed %d times", len(killed))
}

// killAfter copies until so many points are reached.
func killAfter(t testing.TB, source, target sql.Config, points int) {
	t.Helper()
	_, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{}.InSteps(5, func(string) error {
		if points--; points == 0 {
			return errKilled
		}
		return nil
	}))
	wantErr(t, err, errKilled)
}

// TestUnfinishedCopyIsNotServed: neither a service nor another copy begins on it.
func TestUnfinishedCopyIsNotServed(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	for _, points := range []int{1, 2, 6} {
		killAfter(t, source, target, points)
		err := tryOpen(t, target)
		wantErr(t, err, sql.ErrSchema)
		if err == nil || !strings.Contains(err.Error(), "unfinished copy") {
			t.Errorf("open says %v", err)
		}
		_, err = sql.Check(t.Context(), target)
		wantErr(t, err, sql.ErrSchema)
		_, err = sql.Copy(t.Context(), otherSource(t), target, sql.CopyOptions{})
		wantErr(t, err, sql.ErrSchema)
		if err == nil || !strings.Contains(err.Error(), "table account") || !strings.Contains(err.Error(), "DROP DATABASE `"+target.Name+"`") {
			t.Errorf("a copy of something else says %v", err)
		}
	}
	copyAll(t, source, target)
	must(t, tryOpen(t, target))
}

// otherSource is fullSource with another name of an account.
func otherSource(t testing.TB) sql.Config {
	t.Helper()
	c := fullSource(t)
	sqltest.Exec(t, c, `UPDATE account SET name = 'Renamed' WHERE _id = 1`)
	return c
}

// TestCopyOfChangedSource: what was copied of a source is not mixed with what it
// became since.
func TestCopyOfChangedSource(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	killAfter(t, source, target, 8)
	sqltest.Exec(t, source, `UPDATE message SET message = 'changed' WHERE _id = 1`)
	_, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{})
	wantErr(t, err, sql.ErrSchema)
	if err == nil || !strings.Contains(err.Error(), "the source has changed since then (table message)") {
		t.Errorf("error is %v", err)
	}
}

// TestCopyNoticesDifferences: what does not arrive as it was is named.
func TestCopyNoticesDifferences(t *testing.T) {
	source := fullSource(t)
	for name, c := range map[string]struct{ change, says string }{
		"a value":     {`UPDATE message SET message = CONCAT(message, ' ') WHERE _id = 7`, "table message, first at _id 7: the column message differs"},
		"case":        {`UPDATE account SET name = 'USER 1' WHERE _id = 2`, "table account, first at _id 2: the column name differs"},
		"NULL":        {`UPDATE account SET fUsername = NULL WHERE _id = 3`, "table account, first at _id 3: the column fUsername differs"},
		"a document":  {`UPDATE account SET settings = '{"a":1}' WHERE _id = 4`, "table account, first at _id 4: the column settings differs"},
		"a time":      {`UPDATE account SET created = created + INTERVAL 1 SECOND WHERE _id = 4000000000`, "table account, first at _id 4000000000: the column created differs"},
		"a row less":  {`DELETE FROM invite_token_used WHERE _id = 1`, "table invite_token_used, first at _id 1: the target lacks the row"},
		"the last":    {`DELETE FROM message_work_target WHERE _id = 2`, "table message_work_target, first at _id 2: the target lacks the row"},
		"a row more":  {`INSERT INTO message_work_target (_id, msgId, source, target) VALUES (77, 'wrk-1', 'a', 'b')`, "table message_work_target, first at _id 77: only the target has"},
		"another row": {`UPDATE invite_token_used SET _id = 3 WHERE _id = 1`, "table invite_token_used, first at _id 1: the target lacks the row"},
	} {
		t.Run(name, func(t *testing.T) {
			target := sqltest.MySQL(t)
			for range 2 { // and once more, when everything is copied
				report, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{}.InSteps(100, func(point string) error {
					if point == "table invite_token_used" { // the last one
						sqltest.Exec(t, target, c.change)
						c.change = "SELECT 1"
					}
					return nil
				}))
				wantErr(t, err, sql.ErrDiffers)
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error is %v, want one that says %q", err, c.says)
				}
				if !slices.ContainsFunc(report.Tables, func(r sql.CopiedTable) bool { return r.TargetSum != "" && r.TargetSum != r.SourceSum }) {
					t.Errorf("report: %+v", report)
				}
			}
			wantErr(t, tryOpen(t, target), sql.ErrSchema)
		})
	}
}

// TestCopyHoldsTheSource: nobody writes to the source while it is copied, and
// everybody can afterwards.
func TestCopyHoldsTheSource(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	tried := false
	_, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{}.InSteps(20, func(point string) error {
		if point != "table room" {
			return nil
		}
		tried = true
		// A program that opens it as the service does. Its connections are not seen by
		// other programs of this process, but by SQLite.
		db := sqltest.Bare(t, sql.Config{Driver: sql.SQLite, File: "file:" + source.File + "?_pragma=busy_timeout(10)"})
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), `UPDATE room SET name = 'changed'`); err == nil || !strings.Contains(err.Error(), "locked") {
			t.Errorf("a write meanwhile: %v", err)
		}
		return nil
	}))
	must(t, err)
	if !tried {
		t.Error("nothing was tried")
	}
	sqltest.Exec(t, source, `UPDATE room SET name = 'changed'`)
}

// TestCopyLeavesTheLogOfACrash: what another program left in the log of the file is
// copied, and stays there.
func TestCopyLeavesTheLogOfACrash(t *testing.T) {
	crashed, target := fullSource(t), sqltest.MySQL(t)
	db := sqltest.Open(t, crashed)
	add(t, db, "room-1", messages("crash", "acc-0", 3)...)
	source := sqltest.SQLite(t)
	for _, end := range []string{"", "-wal"} {
		text, err := os.ReadFile(crashed.File + end)
		must(t, err)
		must(t, os.WriteFile(source.File+end, text, 0o600))
	}
	before, err := os.ReadFile(source.File + "-wal")
	must(t, err)
	sum := fileSum(t, source)
	if len(before) == 0 {
		t.Fatal("there is no log: the test looks at nothing")
	}
	copyAll(t, source, target)
	after, err := os.ReadFile(source.File + "-wal")
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Errorf("the log has changed: it had %d bytes, now %d", len(before), len(after))
	}
	same(t, fileSum(t, source), sum)
	same(t, scalar[int](t, target, `SELECT COUNT(*) FROM message WHERE msgId LIKE 'msg-crash-%'`), 3)
	sameRows(t, source, target)
}

// TestCopyAwaitsNobody: a target that somebody is connected to is refused.
func TestCopyAwaitsNobody(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	service := sqltest.Open(t, target)
	must(t, service.Ping(t.Context()))
	_, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{})
	wantErr(t, err, sql.ErrSchema)
	if err == nil || !strings.Contains(err.Error(), "SHOW PROCESSLIST") {
		t.Errorf("error is %v", err)
	}
	same(t, scalar[int](t, target, `SELECT COUNT(*) FROM account`), 0)
	must(t, service.Close())
	copyAll(t, source, target) // into the tables that the service has made
	sameRows(t, source, target)
}

// TestCopyOntoServerThatCrashes: the copy ends with an error, and is continued.
func TestCopyOntoServerThatCrashes(t *testing.T) {
	source, server := fullSource(t), sqltest.Server(t)
	target := server.Fresh(t)
	_, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{}.InSteps(5, func(point string) error {
		if point == "batch of message" {
			server.Kill()
		}
		return nil
	}))
	if err == nil {
		t.Fatal("the copy has not noticed")
	}
	if strings.Contains(err.Error(), target.Pass) {
		t.Errorf("the error has the password: %v", err)
	}
	must(t, server.Start())
	if report := copyAll(t, source, target); !report.Continued {
		t.Error("it began anew")
	}
	sameRows(t, source, target)
}

// TestCopyCanceled: the end of the context ends it soon, and leaves it to be
// continued.
func TestCopyCanceled(t *testing.T) {
	source, target := fullSource(t), sqltest.MySQL(t)
	before := fileSum(t, source)
	for _, stop := range []string{"begun", "batch of message", "table message"} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := sql.Copy(ctx, source, target, sql.CopyOptions{}.InSteps(5, func(point string) error {
			if point == stop {
				cancel()
			}
			return nil
		}))
		cancel()
		wantErr(t, err, ctx.Err())
	}
	copyAll(t, source, target)
	sameRows(t, source, target)
	same(t, fileSum(t, source), before)
}

// TestCopyToNobody: the errors say what to do, and no secret.
func TestCopyToNobody(t *testing.T) {
	source, good := fullSource(t), sqltest.MySQL(t)
	good.Timeout = 1e9
	for name, c := range map[string]struct {
		change func(*sql.Config)
		says   string
	}{
		"wrong password":   {func(c *sql.Config) { c.Pass = "wrong-and-secret" }, "the server refuses user"},
		"unknown database": {func(c *sql.Config) { c.Name = "presence_test_none" }, "CREATE DATABASE `presence_test_none`"},
		"wrong port":       {func(c *sql.Config) { c.Port = 1 }, "host and port"},
		"no user":          {func(c *sql.Config) { c.User = "" }, "no user"},
		"odd host":         {func(c *sql.Config) { c.Host = "a/b" }, "neither a name nor an address"},
	} {
		t.Run(name, func(t *testing.T) {
			target := good
			c.change(&target)
			_, err := sql.Copy(t.Context(), source, target, sql.CopyOptions{})
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), target.Pass) {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
		})
	}
}

func TestPlainJSON(t *testing.T) {
	for _, c := range [][2]string{
		{`{"b":1,"a":2}`, `{"a": 2, "b": 1}`},
		{`{"a":1.50}`, `{"a": 1.5}`},
		{`{"a":1e2}`, `{"a":100.0}`},
		{`[1,-0,{"x":"\u00e4"}]`, ` [1, 0, {"x": "ä"}] `},
		{`{"a":"\/<&>"}`, `{"a":"/<&>"}`},
	} {
		if a, b := sql.PlainJSON(c[0]), sql.PlainJSON(c[1]); a != b {
			t.Errorf("%s and %s: %s, %s", c[0], c[1], a, b)
		}
	}
	for _, c := range [][2]string{
		{`{"a":1}`, `{"a":"1"}`},
		{`{"a":1}`, `{"a":2}`},
		{`{"a":9007199254740993}`, `{"a":9007199254740992}`},
		{`{"a":null}`, `{}`},
		{`{} {}`, `{}`},
		{`{`, ``},
		{`[1,2]`, `[2,1]`},
	} {
		if a, b := sql.PlainJSON(c[0]), sql.PlainJSON(c[1]); a == b {
			t.Errorf("%s and %s: both %s", c[0], c[1], a)
		}
	}
}

func FuzzPlainJSON(f *testing.F) {
	f.Add(`{"b":[1,2.5,null,true,"x"],"a":{"c":1e400}}`)
	f.Add(`{`)
	f.Add("\"\\ud800\"")
	f.Fuzz(func(t *testing.T, text string) {
		plain := sql.PlainJSON(text)
		if again := sql.PlainJSON(plain); again != plain {
			t.Errorf("%q becomes %q, then %q", text, plain, again)
		}
	})
}
