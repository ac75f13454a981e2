package sql_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

func TestAccountsReadBackAsWritten(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		want := []rooms.AccountRecord{
			{ID: "acc-b", FUserID: "f1", FUsername: "ada", LastUpdate: 1709283600, Name: "Ada 😀", Settings: json.RawMessage(`{"popped":true}`)},
			{ID: "acc-a", Name: "No user", Disabled: true, Settings: json.RawMessage(`{}`)},
			{ID: "acc-c", Name: "Neither", Settings: json.RawMessage(`{}`)},
		}
		must(t, db.CreateAccounts(t.Context(), want))
		got, err := db.Accounts(t.Context())
		must(t, err)
		same(t, got, want)
	})
}

func TestCreateAccountsIsAllOrNone(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		accounts(t, db, 1)
		for name, second := range map[string]rooms.AccountRecord{
			"id":          {ID: "acc-0", Name: "again"},
			"friend user": {ID: "acc-9", FUserID: "friend-0", Name: "again"},
		} {
			err := db.CreateAccounts(t.Context(), []rooms.AccountRecord{{ID: "acc-8", Name: "new"}, second})
			wantErr(t, err, sql.ErrExists)
			all, err := db.Accounts(t.Context())
			must(t, err)
			if len(all) != 1 {
				t.Errorf("%s: there are %d accounts, want 1", name, len(all))
			}
		}
		must(t, db.CreateAccounts(t.Context(), nil))
	})
}

func TestUpdateAccounts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		accounts(t, db, 2)
		all, err := db.Accounts(t.Context())
		must(t, err)
		all[0].Name, all[0].Disabled, all[0].LastUpdate = "Renamed", true, 7
		all[1].FUserID, all[1].FUsername = "", "" // no longer known
		must(t, db.UpdateAccounts(t.Context(), all))
		must(t, db.UpdateAccounts(t.Context(), all)) // nothing changes: still found
		got, err := db.Accounts(t.Context())
		must(t, err)
		same(t, got, all)

		changed := all[0]
		changed.Name = "Undone"
		err = db.UpdateAccounts(t.Context(), []rooms.AccountRecord{changed, {ID: "acc-unknown", Name: "x"}})
		wantErr(t, err, rooms.ErrNotFound)
		got, err = db.Accounts(t.Context())
		must(t, err)
		same(t, got, all)
	})
}

func TestAccountSettingsInAnyState(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		accounts(t, db, 3)
		// MariaDB refuses to store what is no JSON at all.
		sqltest.Exec(t, c,
			`UPDATE account SET settings = '[1]' WHERE clientId = 'acc-0'`,
			`UPDATE account SET settings = '"text"' WHERE clientId = 'acc-1'`,
			`UPDATE account SET settings = ' {"a": 1} ' WHERE clientId = 'acc-2'`)
		if c.Driver == sql.SQLite {
			sqltest.Exec(t, c, `UPDATE account SET settings = '{"broken' WHERE clientId = 'acc-1'`)
		}
		all, err := db.Accounts(t.Context())
		must(t, err)
		for n, want := range []string{`{}`, `{}`, `{"a": 1}`} {
			if got := string(all[n].Settings); got != want {
				t.Errorf("settings of account %d are %s, want %s", n, got, want)
			}
		}
	})
}

func TestAccountFieldsAreBounded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		fits := strings.Repeat("😀", 191)
		must(t, db.CreateAccounts(t.Context(), []rooms.AccountRecord{{ID: "acc-fits", FUsername: fits, Name: fits}}))
		before := db.Queries()
		for what, tc := range map[string]struct {
			record rooms.AccountRecord
			want   error
		}{
			"name":     {rooms.AccountRecord{ID: "acc-1", Name: fits + "x"}, sql.ErrTooLong},
			"login":    {rooms.AccountRecord{ID: "acc-1", FUsername: fits + "x"}, sql.ErrTooLong},
			"user id":  {rooms.AccountRecord{ID: "acc-1", FUserID: fits + "x"}, sql.ErrTooLong},
			"id":       {rooms.AccountRecord{ID: rooms.AccountID(fits + "x")}, sql.ErrTooLong},
			"no id":    {rooms.AccountRecord{Name: "x"}, sql.ErrInvalid},
			"not UTF8": {rooms.AccountRecord{ID: "acc-1", Name: "a\xff"}, sql.ErrInvalid},
			"settings": {rooms.AccountRecord{ID: "acc-1", Settings: json.RawMessage(`[]`)}, sql.ErrInvalid},
			"much": {rooms.AccountRecord{
				ID: "acc-1", Settings: json.RawMessage(`{"a":"` + strings.Repeat("x", 65536) + `"}`),
			}, sql.ErrTooLong},
		} {
			err := db.CreateAccounts(t.Context(), []rooms.AccountRecord{tc.record})
			if wantErr(t, err, tc.want); t.Failed() {
				t.Fatal(what)
			}
		}
		wantErr(t, db.UpdateAccounts(t.Context(), []rooms.AccountRecord{{ID: "acc-fits", Name: fits + "x"}}), sql.ErrTooLong)
		if db.Queries() != before {
			t.Error("the database was asked")
		}
	})
}

func TestAvatarAndTimes(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		accounts(t, db, 2)
		picture := "data:image/png;base64," + strings.Repeat("A", 60000)
		sqltest.Exec(t, c, fmt.Sprintf(`UPDATE account SET avatar = '%s' WHERE clientId = 'acc-1'`, picture))
		got, err := db.Avatars(t.Context(), []rooms.AccountID{"acc-0", "acc-1", "acc-unknown"})
		must(t, err)
		same(t, got, map[rooms.AccountID]string{"acc-1": picture})
		many := []rooms.AccountID{"acc-1"}
		for n := range 1100 {
			many = append(many, rooms.AccountID(fmt.Sprint("acc-unknown-", n)))
		}
		before := db.Queries()
		got, err = db.Avatars(t.Context(), many)
		must(t, err)
		same(t, got, map[rooms.AccountID]string{"acc-1": picture})
		if n := db.Queries() - before; n != 3 {
			t.Errorf("%d pictures took %d statements, want 3", len(many), n)
		}
		got, err = db.Avatars(t.Context(), nil)
		must(t, err)
		same(t, got, map[rooms.AccountID]string{})
		all, err := db.Accounts(t.Context())
		must(t, err)
		if all[0].HasAvatar || !all[1].HasAvatar {
			t.Errorf("HasAvatar is %v, %v; want false, true", all[0].HasAvatar, all[1].HasAvatar)
		}

		must(t, db.TouchLogin(t.Context(), "acc-0"))
		must(t, db.TouchOnline(t.Context(), "acc-1"))
		n := scalar[int](t, c, `SELECT COUNT(*) FROM account WHERE
			clientId = 'acc-0' AND lastLogin IS NOT NULL AND lastOnline IS NULL OR
			clientId = 'acc-1' AND lastLogin IS NULL AND lastOnline IS NOT NULL`)
		if n != 2 {
			t.Error("login and presence are not noted where they belong")
		}
		wantErr(t, db.TouchLogin(t.Context(), "acc-unknown"), rooms.ErrNotFound)
		wantErr(t, db.TouchOnline(t.Context(), "acc-unknown"), rooms.ErrNotFound)
	})
}

func TestSetAvatar(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 2)
		picture := "data:image/png;base64," + strings.Repeat("A", 65535-22)
		must(t, db.SetAvatar(ctx, acc[0], picture))
		must(t, db.SetAvatar(ctx, acc[0], picture))
		got, err := db.Avatars(ctx, acc)
		must(t, err)
		same(t, got, map[rooms.AccountID]string{acc[0]: picture})
		must(t, db.SetAvatar(ctx, acc[0], ""))
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM account WHERE avatar IS NULL`), 2)
		wantErr(t, db.SetAvatar(ctx, acc[0], picture+"A"), sql.ErrTooLong)
		wantErr(t, db.SetAvatar(ctx, acc[0], "a\xff"), sql.ErrInvalid)
		wantErr(t, db.SetAvatar(ctx, "acc-unknown", "x"), rooms.ErrNotFound)
	})
}

func TestSetAccountSetting(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 2)
		long := `"` + strings.Repeat("x", 1000) + `"` // more than the predecessor's 191 characters
		for _, step := range []struct{ key, value, want string }{
			{"popped", `true`, `{"popped":true}`},
			{`odd".$key`, ` 12345678901234567890 `, `{"odd\".$key":12345678901234567890,"popped":true}`},
			{"popped", ` null `, `{"odd\".$key":12345678901234567890}`},
			{"unknown", `null`, `{"odd\".$key":12345678901234567890}`},
			{`odd".$key`, `null`, `{}`},
			{"text", long, `{"text":` + long + `}`},
		} {
			got, err := db.SetAccountSetting(ctx, acc[0], step.key, []byte(step.value))
			must(t, err)
			same(t, string(got), step.want)
			all, err := db.Accounts(ctx)
			must(t, err)
			same(t, string(all[0].Settings), step.want)
			same(t, string(all[1].Settings), `{}`)
		}
		sqltest.Exec(t, c, `UPDATE account SET settings = '[]'`)
		got, err := db.SetAccountSetting(ctx, acc[0], "a", []byte(`1`))
		must(t, err)
		same(t, string(got), `{"a":1}`)
		for _, tc := range []struct {
			id         rooms.AccountID
			key, value string
			want       error
		}{
			{"acc-unknown", "a", `1`, rooms.ErrNotFound}, {acc[0], "", `1`, sql.ErrInvalid}, {acc[0], "a", `{`, sql.ErrInvalid},
			{acc[0], "a", ``, sql.ErrInvalid}, {acc[0], strings.Repeat("k", 192), `1`, sql.ErrTooLong},
			{acc[0], "a", `"` + strings.Repeat("x", 65536) + `"`, sql.ErrTooLong}, {acc[0], "a", "\"\xff\"", sql.ErrInvalid},
		} {
			_, err := db.SetAccountSetting(ctx, tc.id, tc.key, []byte(tc.value))
			wantErr(t, err, tc.want)
		}
	})
}
