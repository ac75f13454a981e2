package sql

import (
	"bytes"
	"context"
	dbsql "database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"presence/rooms"
)

// accountRow is a row of account without its picture.
type accountRow struct {
	ID         string           `db:"clientId"`
	FUserID    dbsql.NullString `db:"fUserId"`
	FUsername  dbsql.NullString `db:"fUsername"`
	LastUpdate dbsql.NullInt64  `db:"fLastUpdate"`
	Disabled   dbsql.NullBool   `db:"fIsDisabled"`
	Name       string           `db:"name"`
	HasAvatar  bool             `db:"hasAvatar"`
	Settings   []byte           `db:"settings"`
}

// Accounts returns all accounts, in the order in which they were made, without
// their pictures (docs/protocol.md 11.2).
func (db *DB) Accounts(ctx context.Context) ([]rooms.AccountRecord, error) {
	var rows []accountRow
	err := db.read(ctx, "read accounts", func(ctx context.Context, s session) error {
		rows = nil
		return s.list(ctx, &rows, `SELECT clientId, fUserId, fUsername, fLastUpdate, fIsDisabled, name,
			CASE WHEN COALESCE(avatar, '') = '' THEN 0 ELSE 1 END AS hasAvatar, settings
			FROM account ORDER BY _id`)
	})
	if err != nil {
		return nil, err
	}
	accounts := make([]rooms.AccountRecord, len(rows))
	for n, r := range rows {
		accounts[n] = rooms.AccountRecord{
			ID: rooms.AccountID(r.ID), FUserID: r.FUserID.String, FUsername: r.FUsername.String,
			LastUpdate: r.LastUpdate.Int64, Disabled: r.Disabled.Bool, Name: r.Name,
			HasAvatar: r.HasAvatar, Settings: settingsIn(db.log, r.Settings, "account", r.ID),
		}
	}
	return accounts, nil
}

// CreateAccounts writes new accounts, all or none. ErrExists: an id or a FriendCore
// user id is there already.
func (db *DB) CreateAccounts(ctx context.Context, accounts []rooms.AccountRecord) error {
	settings := make([]string, len(accounts))
	for n, a := range accounts {
		if err := checkAccount(a); err != nil {
			return wrap("create accounts", err)
		}
		var err error
		if settings[n], err = settingsOut(a.Settings); err != nil {
			return wrap("create accounts", err)
		}
	}
	into := insertion{
		head: `INSERT INTO account (clientId, fUserId, fUsername, fLastUpdate, fIsDisabled, name, settings, created)`,
		row:  `(?, ?, ?, ?, ?, ?, ?, ?)`,
	}
	now := stamp{time.Now()}
	return db.write(ctx, "create accounts", len(accounts), func(ctx context.Context, s session) error {
		return s.insert(ctx, into, len(accounts), func(n int) []any {
			a := accounts[n]
			return []any{string(a.ID), null(a.FUserID), null(a.FUsername), a.LastUpdate, a.Disabled, a.Name, settings[n], now}
		})
	})
}

// UpdateAccounts writes what FriendCore says of existing accounts, all or none.
// rooms.ErrNotFound: one of them is not there.
func (db *DB) UpdateAccounts(ctx context.Context, accounts []rooms.AccountRecord) error {
	for _, a := range accounts {
		if err := checkAccount(a); err != nil {
			return wrap("update accounts", err)
		}
	}
	return db.write(ctx, "update accounts", len(accounts), func(ctx context.Context, s session) error {
		for _, a := range accounts {
			err := s.change(ctx, `UPDATE account SET fUserId = ?, fUsername = ?, fLastUpdate = ?, fIsDisabled = ?, name = ?
				WHERE clientId = ?`, null(a.FUserID), null(a.FUsername), a.LastUpdate, a.Disabled, a.Name, string(a.ID))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func checkAccount(a rooms.AccountRecord) error {
	if err := checkIDs("account.clientId", a.ID); err != nil {
		return err
	}
	return checkFields(
		field{"account.fUserId", a.FUserID, shortChars},
		field{"account.fUsername", a.FUsername, shortChars},
		field{"account.name", a.Name, shortChars},
	)
}

// Avatars returns the own pictures, data URLs, of those accounts that have one.
func (db *DB) Avatars(ctx context.Context, ids []rooms.AccountID) (map[rooms.AccountID]string, error) {
	avatars := map[rooms.AccountID]string{}
	err := db.read(ctx, "read pictures of accounts", func(ctx context.Context, s session) error {
		clear(avatars)
		for some := range slices.Chunk(ids, valuesAtOnce) {
			var rows []struct {
				ID     rooms.AccountID `db:"clientId"`
				Avatar string          `db:"avatar"`
			}
			err := s.list(ctx, &rows, `SELECT clientId, avatar FROM account WHERE clientId IN (?) AND avatar <> ''`, some)
			if err != nil {
				return err
			}
			for _, r := range rows {
				avatars[r.ID] = r.Avatar
			}
		}
		return nil
	})
	return avatars, err
}

// SetAvatar keeps an account's own picture, a data URL; an empty one is none.
func (db *DB) SetAvatar(ctx context.Context, id rooms.AccountID, avatar string) error {
	what := fmt.Sprintf("keep the picture of account %s", id)
	if err := checkFields(field{"account.avatar", avatar, 0}); err != nil {
		return wrap(what, err)
	}
	return db.write(ctx, what, 1, func(ctx context.Context, s session) error {
		return s.change(ctx, `UPDATE account SET avatar = ? WHERE clientId = ?`, null(avatar), string(id))
	})
}

// SetAccountSetting merges one key into the settings of an account and returns all
// of them. value is JSON; null takes the key out. Settings that are damaged are begun
// anew.
func (db *DB) SetAccountSetting(ctx context.Context, id rooms.AccountID, key string, value []byte) (json.RawMessage, error) {
	what := fmt.Sprintf("change settings of account %s", id)
	if err := checkSetting(key, value); err != nil {
		return nil, wrap(what, err)
	}
	if string(bytes.TrimSpace(value)) == "null" {
		value = nil
	}
	var merged string
	err := db.write(ctx, what, 1, func(ctx context.Context, s session) error {
		var stored []byte
		err := s.get(ctx, &stored, `SELECT settings FROM account WHERE clientId = ?`+s.db.dialect.forUpdate, string(id))
		if err != nil {
			return err
		}
		if merged, err = merge(settingsIn(s.db.log, stored, "account", string(id)), key, value); err != nil {
			return err
		}
		return s.change(ctx, `UPDATE account SET settings = ? WHERE clientId = ?`, merged, string(id))
	})
	if err != nil {
		return nil, err
	}
	return json.RawMessage(merged), nil
}

// TouchLogin notes that the account logged in now.
func (db *DB) TouchLogin(ctx context.Context, id rooms.AccountID) error {
	return db.touch(ctx, id, "note login", `UPDATE account SET lastLogin = ? WHERE clientId = ?`)
}

// TouchOnline notes that the account was online until now.
func (db *DB) TouchOnline(ctx context.Context, id rooms.AccountID) error {
	return db.touch(ctx, id, "note presence", `UPDATE account SET lastOnline = ? WHERE clientId = ?`)
}

func (db *DB) touch(ctx context.Context, id rooms.AccountID, what, query string) error {
	return db.write(ctx, what+" of account "+string(id), 1, func(ctx context.Context, s session) error {
		return s.change(ctx, query, stamp{time.Now()}, string(id))
	})
}
