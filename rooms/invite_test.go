package rooms

import (
	"strings"
	"testing"
)

// join enters the room with a token.
func (p *person) join(room RoomID, token any) replyFrame {
	p.w.t.Helper()
	return p.request("room-join", map[string]any{"invite": map[string]any{"token": token, "roomId": room}})
}

// TestPublicToken: one per room; members hear of a new one, the maker gets it with
// the mark of the request as well.
func TestPublicToken(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		bo.to(room, "invite", "public", map[string]any{"reqId": "req-9", "token": nil}, "")
		frames := bo.take()
		token := w.store.rooms[room].PublicToken
		link := `{"type":"public","data":{"token":"` + token + `","host":"localhost/presence/guest/"`
		if len(frames) != 2 || index(frames, link+`}}`) != 0 || index(frames, link+`,"reqId":"req-9"}}`) != 1 {
			t.Errorf("bo got %q, want %s twice", frames, link)
		}
		if !strings.HasPrefix(token, "public-") || len(token) < 30 {
			t.Errorf("the token is %q", token)
		}
		if frames := ada.take(); len(frames) != 1 || index(frames, link+`}}`) != 0 {
			t.Errorf("ada got %q", frames)
		}
		ada.to(room, "invite", "public", nil, "")
		if frames := ada.take(); len(frames) != 1 || index(frames, link+`}}`) != 0 {
			t.Errorf("ada got %q for a token that is there", frames)
		}
		if frames := bo.take(); len(frames) != 0 {
			t.Errorf("bo got %q for a token that is there", frames)
		}
		w.restart()
		w.login("ada").ask(room, "invite", "state", nil).is(t, `{"publicToken":"`+token+`","privateTokens":[],"host":"localhost/presence/guest/"}`)
	})
}

func TestInviteState(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		w.in.repliesTo(bo.address())
		bo.to(room, "invite", "state", nil, "")
		bo.got(`{"type":"invite","data":{"type":"state","data":{"privateTokens":[],"host":"localhost/presence/guest/"}}}`)
		if n := len(w.in.repliesTo(bo.address())); n != 1 {
			t.Errorf("the asking connection got %d answers", n)
		}
		ada.gotNone("invite")
	})
}

func TestTokenThatCannotBeStored(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		w.store.failOnly("AddToken")
		ada.ask(room, "invite", "public", map[string]any{"reqId": "req-9"}).
			is(t, `{"token":null,"host":"localhost/presence/guest/","reqId":"req-9"}`)
		bo.gotNone("invite")
		w.store.setFault(nil)
		w.login("cy").join(room, "").fails(t, "ERR_COULD_NOT_JOIN")
	})
}

func TestMarkOfATokenIsBounded(t *testing.T) {
	inRoom(t, func(t *testing.T, _ *world, room RoomID, ada, _ *person) {
		ada.to(room, "invite", "public", map[string]any{"reqId": strings.Repeat("x", 100_000)}, "")
		if frame := ada.got(`"reqId"`); len(frame) > 1000 {
			t.Errorf("%d bytes come back", len(frame))
		}
	})
}

// TestOnlyTheTokenOpens, and its refusal says nothing of rooms.
func TestOnlyTheTokenOpens(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		other := ada.makeRoom("Other")
		var link, otherLink inviteLink
		ada.ask(room, "invite", "public", nil).into(t, &link)
		ada.ask(other, "invite", "public", nil).into(t, &otherLink)
		ada.take()
		eve := w.login("eve")
		token := link.Token.(string)
		for _, wrong := range []string{
			"public", "public-", otherLink.Token.(string), token + "x", token[:len(token)-1], strings.ToUpper(token), string(room),
		} {
			eve.join(room, wrong).fails(t, "ERR_COULD_NOT_JOIN")
		}
		eve.join("room-unknown", token).fails(t, "ERR_COULD_NOT_JOIN")
		ada.gotNone("join")
		eve.join(room, token).into(t, new(roomConf))
	})
}

// TestTokenWhileDatabaseIsAway: nobody is in a room who would not be there tomorrow.
func TestTokenWhileDatabaseIsAway(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		var link inviteLink
		ada.ask(room, "invite", "public", nil).into(t, &link)
		cy := w.login("cy")
		ada.take()
		w.store.failOnly("Authorize")
		cy.join(room, link.Token).fails(t, "ERR_COULD_NOT_JOIN")
		ada.gotNone("join")
		w.store.setFault(nil)
		cy.join(room, link.Token).into(t, new(roomConf))
	})
}

func TestDisabledAccountCannotJoin(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		var link inviteLink
		ada.ask(room, "invite", "public", nil).into(t, &link)
		cy := w.login("cy")
		w.syncUsers(User{ID: "f-cy", Login: "cy", Name: "Cy", Disabled: true}) // its session is about to end
		cy.join(room, link.Token).fails(t, "ERR_COULD_NOT_JOIN")
	})
}

func TestRevoke(t *testing.T) {
	for _, by := range []string{"word", "token"} {
		t.Run(by, func(t *testing.T) {
			inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
				var link inviteLink
				ada.ask(room, "invite", "public", nil).into(t, &link)
				ada.take()
				bo.take()
				named := map[string]any{"word": "public", "token": link.Token}[by]
				bo.ask(room, "invite", "revoke", named).is(t, "null")
				ada.got(`{"type":"invite","data":{"type":"revoke","data":"public"}}`)
				w.login("cy").join(room, link.Token).fails(t, "ERR_COULD_NOT_JOIN")
				if w.store.rooms[room].PublicToken != "" {
					t.Error("the token is still stored")
				}
				bo.ask(room, "invite", "revoke", named).fails(t, "ERR_NO_TOKEN")

				var next inviteLink
				ada.ask(room, "invite", "public", nil).into(t, &next)
				if next.Token == link.Token {
					t.Error("the revoked token came back")
				}
				bo.ask(room, "invite", "revoke", link.Token).fails(t, "ERR_NO_TOKEN")
			})
		})
	}
}

func TestRevokeFails(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		var link inviteLink
		ada.ask(room, "invite", "public", nil).into(t, &link)
		bo.take()
		w.store.failOnly("RevokeToken")
		ada.ask(room, "invite", "revoke", "public").fails(t, "ERR_REVOKE_FAILED")
		bo.gotNone("revoke")
		w.store.setFault(nil)
		w.login("cy").join(room, link.Token).into(t, new(roomConf))
	})
}

// TestRevokedTokenOfATemporaryRoom does not come back when the room gets a name.
func TestRevokedTokenOfATemporaryRoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		ada.ask(room, "invite", "public", nil).into(t, new(inviteLink))
		ada.ask(room, "invite", "revoke", "public").is(t, "null")
		ada.to(room, "", "persist", map[string]any{"name": "Road map"}, "")
		w.settle()
		if got := w.store.rooms[room].PublicToken; got != "" {
			t.Errorf("the token %q was stored", got)
		}
	})
}
