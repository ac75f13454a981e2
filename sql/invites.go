package sql

import (
	"context"
	"errors"
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

// publicToken is the valid public invite of a room, empty if there is none.
func (s session) publicToken(ctx context.Context, room rooms.RoomID) (string, error) {
	var token string
	err := s.get(ctx, &token, `SELECT token FROM invite_token
		WHERE roomId = ? AND type = 'public' AND isValid = 1 ORDER BY _id DESC LIMIT 1`, string(room))
	if errors.Is(err, rooms.ErrNotFound) {
		return "", nil
	}
	return token, err
}
