package sql_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

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

func TestTokens(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 3)
		room(t, db, "room-1", acc...)
		room(t, db, "room-2", acc...)
		all := []rooms.Token{
			{Type: "public", Token: "public-1", Room: "room-1", CreatedBy: acc[0], Created: time.Unix(1600000000, 0).UTC()},
			{Type: "private", Token: "private-1", Room: "room-1", SingleUse: true, CreatedBy: acc[0], Created: time.Unix(1600000001, 0).UTC()},
			{Type: "room", Token: "room-t", Room: "room-1", SingleUse: true, Target: acc[1], CreatedBy: acc[0], Created: time.Unix(1600000002, 0).UTC()},
		}
		for _, k := range all {
			must(t, db.AddToken(ctx, k))
		}
		same(t, load(t, db, "room-1").Tokens, all)
		for _, k := range all {
			got, err := db.Token(ctx, "room-1", k.Token)
			must(t, err)
			same(t, got, k)
		}
		both := func(room rooms.RoomID, token string, by rooms.AccountID) {
			t.Helper()
			_, err := db.Token(ctx, room, token)
			wantErr(t, err, rooms.ErrNotFound)
			if err != nil && strings.Contains(err.Error(), token) {
				t.Errorf("the error quotes the token: %v", err)
			}
			_, err = db.UseToken(ctx, room, token, by)
			wantErr(t, err, rooms.ErrNotFound)
		}
		both("room-2", "public-1", acc[1])
		both("room-1", "public-unknown", acc[1])
		both("room-1", "PUBLIC-1", acc[1])
		both("ROOM-1", "public-1", acc[1])
		for _, by := range []rooms.AccountID{acc[2], "guest-1", "ACC-1"} { // personal
			_, err := db.UseToken(ctx, "room-1", "room-t", by)
			wantErr(t, err, rooms.ErrNotFound)
		}
		_, err := db.UseToken(ctx, "room-1", "public-1", "")
		wantErr(t, err, sql.ErrInvalid)

		for n, by := range []rooms.AccountID{"guest-1", acc[2], acc[1]} {
			got, err := db.UseToken(ctx, "room-1", all[n].Token, by)
			must(t, err)
			same(t, got, all[n])
		}
		both("room-1", "private-1", acc[1])
		both("room-1", "room-t", acc[1])
		_, err = db.UseToken(ctx, "room-1", "public-1", acc[1])
		must(t, err)
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM invite_token_used u JOIN invite_token k ON k._id = u.tokenId
			WHERE CONCAT(k.token, ' ', u.usedBy) IN ('public-1 guest-1', 'private-1 acc-2', 'room-t acc-1', 'public-1 acc-1')`), 4)
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM invite_token_used`), 4)
		same(t, scalar[int](t, c, `SELECT COUNT(*) FROM invite_token WHERE isValid = 0 AND invalidated IS NOT NULL AND invalidatedBy IS NULL`), 2)

		must(t, db.RevokeToken(ctx, "room-1", "public-1", acc[0]))
		both("room-1", "public-1", acc[1])
		must(t, db.AddToken(ctx, rooms.Token{Type: "public", Token: "public-2", Room: "room-2", CreatedBy: acc[0]}))
		sqltest.Exec(t, c, `UPDATE room SET removed = CURRENT_TIMESTAMP WHERE clientId = 'room-2'`) // by somebody who leaves the token
		both("room-2", "public-2", acc[1])
	})
}

// Two programs, twenty who try at once: one gets in.
func TestSingleUseTokenHasOneWinner(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		two := [2]*sql.DB{sqltest.Open(t, c), sqltest.Open(t, c)}
		acc := accounts(t, two[0], 1)
		room(t, two[0], "room-1", acc...)
		for round := range 3 {
			token := fmt.Sprint("private-", round)
			must(t, two[0].AddToken(t.Context(), rooms.Token{Type: "private", Token: token, Room: "room-1", SingleUse: true, CreatedBy: acc[0]}))
			errs := make([]error, 20)
			begin := make(chan struct{})
			var wg sync.WaitGroup
			for n := range errs {
				wg.Go(func() {
					<-begin
					_, errs[n] = two[n%2].UseToken(t.Context(), "room-1", token, rooms.AccountID(fmt.Sprint("guest-", n)))
				})
			}
			close(begin)
			wg.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
					continue
				}
				wantErr(t, err, rooms.ErrNotFound)
			}
			same(t, won, 1)
			same(t, scalar[int](t, c, `SELECT COUNT(*) FROM invite_token_used`), round+1)
		}
	})
}

func TestInvitationsOutliveARestart(t *testing.T) {
	sqltest.EachConfig(t, func(t *testing.T, c sql.Config) {
		db := sqltest.Open(t, c)
		ctx := t.Context()
		acc := accounts(t, db, 3)
		var want []rooms.Invitation
		for n := range 5 {
			id := rooms.RoomID(fmt.Sprint("room-", n))
			room(t, db, id, acc[0])
			k := rooms.Token{
				Type: "room", Token: fmt.Sprint("room-t-", n), Room: id, SingleUse: true, Target: acc[1], CreatedBy: acc[0],
				Created: time.Unix(1600000000, 0).UTC(),
			}
			must(t, db.AddToken(ctx, k))
			want = append(want, rooms.Invitation{Token: k, RoomName: "Room room-" + fmt.Sprint(n), OwnerID: acc[0]})
		}
		must(t, db.AddToken(ctx, rooms.Token{Type: "public", Token: "public-1", Room: "room-0", CreatedBy: acc[0]}))
		must(t, db.RemoveRoom(ctx, "room-1"))
		must(t, db.RevokeToken(ctx, "room-2", "room-t-2", acc[1]))
		_, err := db.UseToken(ctx, "room-3", "room-t-3", acc[1])
		must(t, err)
		for _, d := range []*sql.DB{db, sqltest.Open(t, c)} {
			got, err := d.Invitations(ctx, acc[1])
			must(t, err)
			same(t, got, []rooms.Invitation{want[0], want[4]})
			for _, other := range []rooms.AccountID{acc[0], acc[2], "guest-1", "ACC-1", ""} {
				if got, err = d.Invitations(ctx, other); len(got) != 0 || err != nil {
					t.Errorf("%q has %v, %v", other, got, err)
				}
			}
		}
	})
}
