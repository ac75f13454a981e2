package sql_test

import (
	"strings"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

func TestPublicToken(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 2)
		room(t, db, "room-1", acc...)
		room(t, db, "room-2", acc...)
		token := func(typ, text string, room rooms.RoomID) rooms.Token {
			return rooms.Token{Type: typ, Token: text, Room: room, SingleUse: typ != "public", CreatedBy: acc[0]}
		}
		must(t, db.AddToken(ctx, token("private", "private-1", "room-1")))
		invited := token("room", "room-t", "room-1")
		invited.Target = acc[1]
		must(t, db.AddToken(ctx, invited))
		same(t, load(t, db, "room-1").PublicToken, "")
		must(t, db.AddToken(ctx, token("public", "public-1", "room-1")))
		must(t, db.AddToken(ctx, token("public", "public-2", "room-1")))
		must(t, db.AddToken(ctx, token("public", "public-3", "room-2")))
		same(t, load(t, db, "room-1").PublicToken, "public-2")

		must(t, db.RevokeToken(ctx, "room-2", "public-2", acc[1])) // of another room
		same(t, load(t, db, "room-1").PublicToken, "public-2")
		must(t, db.RevokeToken(ctx, "room-1", "public-2", acc[1]))
		must(t, db.RevokeToken(ctx, "room-1", "public-2", acc[0])) // stays as it is
		must(t, db.RevokeToken(ctx, "room-1", "public-unknown", acc[1]))
		same(t, load(t, db, "room-1").PublicToken, "public-1")
		by := scalar[string](t, c, `SELECT invalidatedBy FROM invite_token WHERE token = 'public-2' AND invalidated IS NOT NULL`)
		same(t, by, "acc-1")
		same(t, scalar[string](t, c, `SELECT targetId FROM invite_token WHERE token = 'room-t' AND singleUse = 1`), "acc-1")
	})
}

func TestTokenFailures(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		ctx := t.Context()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		good := rooms.Token{Type: "public", Token: "public-secret", Room: "room-1", CreatedBy: acc[0]}
		must(t, db.AddToken(ctx, good))
		for _, tc := range []struct {
			change func(*rooms.Token)
			want   error
		}{
			{func(*rooms.Token) {}, sql.ErrExists},
			{func(k *rooms.Token) { k.Token = "" }, sql.ErrInvalid},
			{func(k *rooms.Token) { k.Token += strings.Repeat("x", 191) }, sql.ErrTooLong},
			{func(k *rooms.Token) { k.Token, k.CreatedBy = "public-secret-2", "" }, sql.ErrInvalid},
			{func(k *rooms.Token) { k.Token, k.CreatedBy = "public-secret-2", "guest-1" }, rooms.ErrNotFound},
			{func(k *rooms.Token) { k.Token, k.Room = "public-secret-2", "room-unknown" }, rooms.ErrNotFound},
			{func(k *rooms.Token) { k.Token, k.Target = "public-secret-2", "acc-unknown" }, rooms.ErrNotFound},
		} {
			token := good
			tc.change(&token)
			err := db.AddToken(ctx, token)
			wantErr(t, err, tc.want)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the token: %v", err)
			}
		}
	})
}
