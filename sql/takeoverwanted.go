package sql

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// wantedTable is a table of the predecessor's last version, as the schema files make
// it.
type wantedTable struct {
	name    string
	create  string // the statement
	columns []wantedColumn
	uniques []wantedKey
	foreign []wantedForeign
}

// wantedColumn is one of its columns.
type wantedColumn struct {
	name     string
	kind     string // VARCHAR, TEXT, JSON, BIGINT, INT, BOOLEAN, TIMESTAMP
	chars    int    // of a VARCHAR
	null     bool
	fallback string // behind DEFAULT; empty: none
}

type wantedKey struct {
	name    string
	columns []string
}

type wantedForeign struct {
	column, table, target string
	rule                  string // CASCADE or SET NULL on delete
}

var (
	wantedColumnLine  = regexp.MustCompile(`^\t(\w+) ([A-Z]+)(?:\((\d+)\))?( UNSIGNED)?( NOT NULL| NULL)?(?: DEFAULT (\w+))?`)
	wantedUniqueLine  = regexp.MustCompile(`^\tCONSTRAINT (\w+) UNIQUE \(([\w, ]+)\)`)
	wantedForeignLine = regexp.MustCompile(`^\t(?:CONSTRAINT \w+ )?FOREIGN KEY \((\w+)\) REFERENCES (\w+) \((\w+)\) ON DELETE (CASCADE|SET NULL)`)
)

// wantedTables reads the tables out of the step that makes them.
func wantedTables(s step, words *strings.Replacer) (all []wantedTable, err error) {
	for _, st := range s.statements {
		t := wantedTable{name: st.table, create: words.Replace(st.text)}
		for line := range strings.Lines(t.create) {
			if err := t.add(strings.TrimRight(line, "\n")); err != nil {
				return nil, err
			}
		}
		all = append(all, t)
	}
	return all, nil
}

func (t *wantedTable) add(line string) error {
	if !strings.HasPrefix(line, "\t") {
		return nil
	}
	if m := wantedUniqueLine.FindStringSubmatch(line); m != nil {
		t.uniques = append(t.uniques, wantedKey{m[1], strings.Split(m[2], ", ")})
		return nil
	}
	if m := wantedForeignLine.FindStringSubmatch(line); m != nil {
		t.foreign = append(t.foreign, wantedForeign{m[1], m[2], m[3], m[4]})
		return nil
	}
	m := wantedColumnLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("table %s: the line %q has no known form", t.name, line)
	}
	c := wantedColumn{name: m[1], kind: m[2], null: m[5] == " NULL", fallback: m[6]}
	if c.fallback == "NULL" {
		c.fallback = ""
	}
	c.chars, _ = strconv.Atoi(m[3]) // digits, or nothing
	t.columns = append(t.columns, c)
	return nil
}

// firstIn are the versions that brought tables and columns (docs/protocol.md 11.5).
// What is not named here was there from the beginning.
var firstIn = map[string]int{
	"message": 4, "workgroup_rooms": 10, "invite_token": 15, "invite_token_used": 16, "user_relation": 17,
	"message_work_target": 23, "message_edit": 28, "room_user_messages": 29, "message_status": 37,

	"room.created": 3, "message.name": 6, "account.avatar": 9, "account.fUserId": 19, "account.fUsername": 20,
	"room.workgroupId": 22, "message.fromId": 24, "message.editId": 27, "user_relation.lastReadTime": 30,
	"account.fLastUpdate": 31, "account.fIsDisabled": 32, "invite_token.type": 33, "invite_token.targetId": 36,
	"message.statusId": 38, "message.status": 39,
}

// mayLack are those that may be missing whatever the version is: the predecessor's
// upgrades made them at times, and nothing is lost by making them late.
var mayLack = []string{
	"message_status", "message.editId", "message.statusId", "message.status", "account.active", "account.lastLogin",
	"account.lastOnline", "room.lastActivity", "invite_token.invalidatedBy", "invite_token.invalidated",
}

// renamed are columns that had another name.
var renamed = map[string]string{"account.fUsername": "login", "message.fromId": "accountId"}

// due says that a database of a version must have a table or column.
func due(name string, version int) bool {
	return version >= firstIn[name] && !slices.Contains(mayLack, name)
}

// unicodeText is what the texts of all tables have.
const (
	unicodeText      = "utf8mb4_unicode_ci"
	unicodeCharacter = " CHARACTER SET utf8mb4 COLLATE " + unicodeText
)

// sqlType is the type behind the name of a column; a text that is longer stays so.
func (c wantedColumn) sqlType(chars int) string {
	switch c.kind {
	case "VARCHAR":
		return fmt.Sprintf("VARCHAR(%d)", max(c.chars, chars)) + unicodeCharacter
	case "TEXT":
		return "TEXT" + unicodeCharacter
	case "INT":
		return "INT UNSIGNED"
	}
	return c.kind
}

// ending is what stands behind the type.
func (c wantedColumn) ending() string {
	text := " NOT NULL"
	if c.null {
		text = " NULL"
	}
	switch {
	case c.fallback != "":
		text += " DEFAULT " + c.fallback
	case c.null && c.kind != "TEXT" && c.kind != "JSON": // have none, or none but this
		text += " DEFAULT NULL"
	}
	return text
}
