package sql

import (
	"context"
	dbsql "database/sql"
	"fmt"
	"time"

	"presence/rooms"
)

// AddToken stores an invite token (docs/protocol.md 9). The token itself never
// stands in an error.
func (db *DB) AddToken(ctx context.Context, token rooms.Token) error {
	what := fmt.Sprintf("store an invite of room %s", token.Room)
	if err := checkToken(token); err != nil {
		return wrap(what, err)
	}
	return db.write(ctx, what, 1, func(ctx context.Context, s session) error {
		return s.insertTokens(ctx, []rooms.Token{token})
	})
}

func checkToken(t rooms.Token) error {
	if err := checkIDs("invite_token.token", t.Token); err != nil {
		return err
	}
	if err := checkIDs("invite_token.createdBy", t.CreatedBy); err != nil {
		return err
	}
	return checkFields(
		field{"invite_token.type", t.Type, shortChars},
		field{"invite_token.roomId", string(t.Room), shortChars},
		field{"invite_token.targetId", string(t.Target), shortChars},
	)
}

func (s session) insertTokens(ctx context.Context, tokens []rooms.Token) error {
	into := insertion{
		head: `INSERT INTO invite_token (type, token, roomId, singleUse, isValid, targetId, createdBy, created)`,
		row:  `(?, ?, ?, ?, 1, ?, ?, ?)`,
	}
	return s.insert(ctx, into, len(tokens), func(n int) []any {
		t := tokens[n]
		return []any{t.Type, t.Token, string(t.Room), t.SingleUse, null(t.Target), string(t.CreatedBy), orNow(t.Created)}
	})
}

// RevokeToken invalidates a token; one that is unknown or invalid stays as it is.
func (db *DB) RevokeToken(ctx context.Context, room rooms.RoomID, token string, by rooms.AccountID) error {
	return db.write(ctx, fmt.Sprintf("revoke an invite of room %s", room), 1, func(ctx context.Context, s session) error {
		_, err := s.exec(ctx, `UPDATE invite_token SET isValid = 0, invalidatedBy = ?, invalidated = ?
			WHERE token = ? AND roomId = ? AND isValid = 1`, null(by), stamp{time.Now()}, token, string(room))
		return err
	})
}

const publicToken = "public" // the type of an invite for anybody

type tokenRow struct {
	Number    int64            `db:"_id"`
	Type      string           `db:"type"`
	Token     string           `db:"token"`
	Room      string           `db:"roomId"`
	SingleUse bool             `db:"singleUse"`
	Target    dbsql.NullString `db:"targetId"`
	CreatedBy string           `db:"createdBy"`
	Created   stamp            `db:"created"`
}

func (r tokenRow) record() rooms.Token {
	return rooms.Token{
		Type: r.Type, Token: r.Token, Room: rooms.RoomID(r.Room), SingleUse: r.SingleUse,
		Target: rooms.AccountID(r.Target.String), CreatedBy: rooms.AccountID(r.CreatedBy), Created: r.Created.Time,
	}
}

const tokenColumns = `t._id, t.type, t.token, t.roomId, t.singleUse, t.targetId, t.createdBy, t.created`

// validTokens reads the valid invites of rooms, the oldest first.
func (s session) validTokens(ctx context.Context, ids []rooms.RoomID) ([]rooms.Token, error) {
	var rows []tokenRow
	err := s.list(ctx, &rows, `SELECT `+tokenColumns+` FROM invite_token t WHERE t.roomId IN (?) AND t.isValid = 1 ORDER BY t._id`, ids)
	var tokens []rooms.Token
	for _, r := range rows {
		tokens = append(tokens, r.record())
	}
	return tokens, err
}

const validToken = `SELECT ` + tokenColumns + ` FROM invite_token t JOIN room r ON r.clientId = t.roomId
	WHERE t.token = ? AND t.roomId = ? AND t.isValid = 1 AND r.removed IS NULL`

// token finds a valid invite of a room.
func (s session) token(ctx context.Context, room rooms.RoomID, token string) (tokenRow, error) {
	var row tokenRow
	err := s.get(ctx, &row, validToken, token, string(room))
	if err == nil && (row.Token != token || row.Room != string(room)) {
		err = rooms.ErrNotFound // MySQL does not tell upper from lower case
	}
	return row, err
}

// Token looks a token up (docs/protocol.md 9). rooms.ErrNotFound: it is unknown or
// not valid, or for another room, or the room was removed.
func (db *DB) Token(ctx context.Context, room rooms.RoomID, token string) (rooms.Token, error) {
	var row tokenRow
	err := db.read(ctx, fmt.Sprintf("read an invite of room %s", room), func(ctx context.Context, s session) (err error) {
		row, err = s.token(ctx, room, token)
		return err
	})
	if err != nil {
		return rooms.Token{}, err
	}
	return row.record(), nil
}

// UseToken is Token for somebody who enters: it notes the use, and invalidates a
// token of a single use; of several who try that at once one wins, the others get
// rooms.ErrNotFound. So does who uses another one's personal token.
func (db *DB) UseToken(ctx context.Context, room rooms.RoomID, token string, by rooms.AccountID) (rooms.Token, error) {
	what := fmt.Sprintf("use an invite of room %s", room)
	if err := checkIDs("invite_token_used.usedBy", by); err != nil {
		return rooms.Token{}, wrap(what, err)
	}
	var row tokenRow
	err := db.write(ctx, what, 1, func(ctx context.Context, s session) (err error) {
		if row, err = s.token(ctx, room, token); err != nil {
			return err
		}
		if row.Target.String != "" && row.Target.String != string(by) {
			return rooms.ErrNotFound
		}
		now := stamp{time.Now()}
		if row.SingleUse {
			err := s.change(ctx, `UPDATE invite_token SET isValid = 0, invalidated = ? WHERE _id = ? AND isValid = 1`, now, row.Number)
			if err != nil {
				return err
			}
		}
		_, err = s.exec(ctx, `INSERT INTO invite_token_used (tokenId, usedTime, usedBy) VALUES (?, ?, ?)`, row.Number, now, string(by))
		return err
	})
	if err != nil {
		return rooms.Token{}, err
	}
	return row.record(), nil
}

// Invitations lists the valid personal invitations of an account, the oldest first
// (docs/protocol.md 9).
func (db *DB) Invitations(ctx context.Context, account rooms.AccountID) ([]rooms.Invitation, error) {
	var rows []struct {
		tokenRow
		RoomName string          `db:"roomName"`
		OwnerID  rooms.AccountID `db:"ownerId"`
	}
	err := db.read(ctx, fmt.Sprintf("list invitations of account %s", account), func(ctx context.Context, s session) error {
		return s.list(ctx, &rows, `SELECT `+tokenColumns+`, r.name AS roomName, r.ownerId
			FROM invite_token t JOIN room r ON r.clientId = t.roomId
			WHERE t.targetId = ? AND t.isValid = 1 AND r.removed IS NULL ORDER BY t._id`, string(account))
	})
	if err != nil {
		return nil, err
	}
	var all []rooms.Invitation
	for _, r := range rows {
		if t := r.record(); t.Target == account {
			all = append(all, rooms.Invitation{Token: t, RoomName: r.RoomName, OwnerID: r.OwnerID})
		}
	}
	return all, nil
}
