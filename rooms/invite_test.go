package rooms

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
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

// invited is the one invitation in what an account is told first.
func (p *person) invited() []invitationWire {
	p.w.t.Helper()
	p.take()
	p.send("initialize", nil, "")
	var e struct {
		Data struct {
			Invites []invitationWire `json:"invites"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(p.got(`"type":"initialize"`)), &e); err != nil {
		p.w.t.Fatal(err)
	}
	return e.Data.Invites
}

func (p *person) respond(accepted bool, room RoomID, token string) replyFrame {
	p.w.t.Helper()
	return p.request("invite-response", map[string]any{"accepted": accepted, "roomId": room, "token": token})
}

// TestPrivateToken is given to who asked, to nobody else.
func TestPrivateToken(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		w.in.repliesTo(ada.address())
		ada.to(room, "invite", "private", map[string]any{"reqId": "req-10", "token": nil}, "")
		w.settle()
		token := w.store.tokens[0].Token
		ada.got(`{"type":"invite","data":{"type":"private","data":{"token":"` + token + `","host":"localhost/presence/guest/","reqId":"req-10"}}}`)
		if n := len(w.in.repliesTo(ada.address())); n != 1 {
			t.Errorf("the asking connection got %d answers", n)
		}
		if frames := bo.take(); len(frames) > 0 {
			t.Errorf("bo got %q", frames)
		}
		ada.ask(room, "invite", "private", nil).into(t, new(any))
		ada.to(room, "invite", "private", nil, "")
		ada.got(`"reqId":null`)
		if stored := w.store.tokens[0]; !stored.SingleUse || stored.CreatedBy != ada.id || stored.Room != room || len(token) < 30 {
			t.Errorf("stored is %+v", stored)
		}
	})
}

// TestSingleUseToken works in memory, and not a second time.
func TestSingleUseToken(t *testing.T) {
	for _, name := range []string{"Road map", ""} {
		inWorld(t, func(t *testing.T, w *world) {
			ada, cy, dan := w.login("ada"), w.login("cy"), w.login("dan")
			room := ada.makeRoom(name)
			token := ada.privateToken(room)
			ada.take()
			cy.join(room, token).into(t, new(roomConf))
			frames := ada.take()
			if name != "" { // those of a temporary room are not used up by the store
				inOrder(t, frames, `"type":"revoke","data":"`+token+`"`, `"type":"at-add"`, `"type":"join"`)
			}
			dan.join(room, token).fails(t, "ERR_COULD_NOT_JOIN")
			cy.join(room, token).into(t, new(roomConf)) // is in already
			ada.ask(room, "invite", "state", nil).is(t, `{"privateTokens":[],"host":"localhost/presence/guest/"}`)
		})
	}
}

// TestMemberKeepsTheToken: who is in already uses none up.
func TestMemberKeepsTheToken(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		token := ada.privateToken(room)
		bo.join(room, token).into(t, new(roomConf))
		w.login("cy").join(room, token).into(t, new(roomConf))
	})
}

// TestDisabledAccountKeepsTheToken: nor does who may not enter.
func TestDisabledAccountKeepsTheToken(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		token := ada.privateToken(room)
		cy := w.login("cy")
		w.syncUsers(User{ID: "f-cy", Login: "cy", Name: "Cy", Disabled: true})
		cy.join(room, token).fails(t, "ERR_COULD_NOT_JOIN")
		w.login("dan").join(room, token).into(t, new(roomConf))
	})
}

// TestOneOfTwoAccountsWins when both have the same token for one use.
func TestOneOfTwoAccountsWins(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		token := ada.privateToken(room)
		cy, dan := w.login("cy"), w.login("dan")
		for _, p := range []*person{cy, dan} {
			p.post("room-join", map[string]any{"invite": map[string]any{"token": token, "roomId": room}}, "r-1")
		}
		first, second := cy.reply(cy.take(), "r-1"), dan.reply(dan.take(), "r-1")
		if (first.Error == nil) == (second.Error == nil) {
			t.Errorf("the answers are %v and %v", first, second)
		}
	})
}

// TestPersonalInvitation: told to the one it is for, accepted, and gone.
func TestPersonalInvitation(t *testing.T) {
	for _, name := range []string{"Road map", ""} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				ada, bo, cy, eve := w.login("ada"), w.login("bo"), w.login("cy"), w.login("eve")
				room := ada.makeRoom(name)
				ada.add(room, bo)
				cy.take()
				bo.ask(room, "invite", "room-invite", map[string]any{"clientId": cy.id}).is(t, "null")
				frame := cy.got(`{"type":"invite","data":{"type":"add","data":{"type":"room","token":"room-`)
				for _, part := range []string{
					`"roomId":"` + string(room) + `","targetId":"` + string(cy.id) + `","createdBy":"` + string(bo.id) + `","fromId":"` + string(bo.id) + `"`,
					`"room":{"clientId":"` + string(room) + `","name":"`, `"avatar":"data:image/png;base64,`, `"ownerId":"` + string(ada.id) + `"}}}}`,
				} {
					if !strings.Contains(frame, part) {
						t.Errorf("%s is not in %s", part, frame)
					}
				}
				bo.ask(room, "invite", "room-invite", map[string]any{"clientId": cy.id}).is(t, "null") // one at a time
				cy.gotNone("invite")
				open := cy.invited()
				if len(open) != 1 || open[0].Room.ClientID != room {
					t.Fatalf("the invitations are %v", open)
				}
				token := open[0].Token
				eve.respond(true, room, token).is(t, `"ERR_COULD_NOT_JOIN"`)
				eve.join(room, token).fails(t, "ERR_COULD_NOT_JOIN")
				eve.respond(false, room, token).is(t, "true")

				ada.take()
				cy.take()
				cy.send("invite-response", map[string]any{"accepted": true, "roomId": room, "token": token}, "r-1")
				frames := cy.take()
				cy.reply(frames, "r-1").is(t, "null")
				inOrder(t, frames, `{"type":"invite","data":{"type":"remove","data":"`+token+`"}}`, `"type":"join","data":{"joined":{"clientId":"`+string(room))
				inOrder(t, ada.take(), `"type":"revoke","data":"`+token+`"`, `"type":"at-add","data":"Cy"`, `"type":"join"`)
				if open := cy.invited(); open != nil {
					t.Errorf("the invitations are %v", open)
				}
				if len(w.hub.invited) != 0 {
					t.Errorf("the hub keeps %v", w.hub.invited)
				}
			})
		})
	}
}

// TestInvitationOutlivesARestart, and is accepted or declined, in memory or not.
func TestInvitationOutlivesARestart(t *testing.T) {
	for _, accepted := range []bool{true, false} {
		for _, loaded := range []bool{true, false} {
			inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
				cy := w.resolve(user("cy"))
				ada.ask(room, "invite", "room-invite", map[string]any{"clientId": cy}).is(t, "null")
				w.restart()
				if loaded {
					ada = w.login("ada")
				}
				p := w.login("cy")
				open := p.invited()
				if len(open) != 1 || open[0].Room.Name != "Road map" {
					t.Fatalf("the invitations are %v", open)
				}
				p.take()
				p.send("invite-response", map[string]any{"accepted": accepted, "roomId": room, "token": open[0].Token}, "r-1")
				frames := p.take()
				if want := map[bool]string{true: "null", false: "true"}[accepted]; string(p.reply(frames, "r-1").Response) != want {
					t.Errorf("accepted %v: got %q", accepted, frames)
				}
				if joined := index(frames, `"type":"join"`) >= 0; joined != accepted {
					t.Errorf("accepted %v: got %q", accepted, frames)
				}
				if !accepted && loaded {
					inOrder(t, frames, `{"type":"invite","data":{"type":"remove","data":"`+open[0].Token+`"}}`)
				}
				if open := p.invited(); open != nil || len(w.store.tokens) > 0 {
					t.Errorf("the invitations are %v", open)
				}
				ada = w.login2(ada, "ada")
				if !accepted { // so that there may be another one
					ada.ask(room, "invite", "room-invite", map[string]any{"clientId": p.id}).is(t, "null")
					p.got(`"type":"add"`)
				}
			})
		}
	}
}

// login2 logs somebody in who may be so already.
func (w *world) login2(p *person, name string) *person {
	if w.hub.account(p.id) != nil {
		return p
	}
	return w.login(name)
}

// TestDeclineUsesUpNothingElse: a token for anybody is not declined.
func TestDeclineUsesUpNothingElse(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		token := ada.privateToken(room)
		for range 2 {
			cy := w.login("cy")
			cy.respond(false, room, token).is(t, "true")
			cy.respond(false, "room-unknown", token).is(t, "true")
			cy.gotNone(`"remove"`)
			if len(w.store.tokens) != 1 {
				t.Fatal("the token was used up")
			}
			w.restart()
		}
	})
}

// TestInvitedAndAddedMeanwhile: an invitation that nobody needs any more is gone.
func TestInvitedAndAddedMeanwhile(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		cy := w.login("cy")
		invite := func() {
			ada.ask(room, "invite", "room-invite", map[string]any{"clientId": cy.id}).is(t, "null")
		}
		invite()
		cy.take()
		ada.add(room, cy)
		cy.got(`"type":"remove"`)
		if open := cy.invited(); open != nil {
			t.Errorf("the invitations are %v", open)
		}
		invite() // a member needs none
		cy.gotNone("invite")

		dan := w.login("dan")
		ada.ask(room, "invite", "room-invite", map[string]any{"clientId": dan.id}).is(t, "null")
		token := dan.invited()[0].Token
		ada.privateToken(room)
		dan.join(room, ada.privateToken(room)).into(t, new(roomConf))
		if open := dan.invited(); open != nil {
			t.Errorf("the invitations are %v", open)
		}
		dan.respond(true, room, token).is(t, "null") // is in
	})
}

// TestInvitationWithdrawn: the one it was for hears of it.
func TestInvitationWithdrawn(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		cy := w.login("cy")
		bo.ask(room, "invite", "room-invite", map[string]any{"clientId": cy.id}).is(t, "null")
		token := cy.invited()[0].Token
		ada.ask(room, "invite", "revoke", token).is(t, "null") // the owner may revoke any
		cy.got(`{"type":"invite","data":{"type":"remove","data":"` + token + `"}}`)
		cy.respond(true, room, token).is(t, `"ERR_COULD_NOT_JOIN"`)
	})
}

// TestRevokeRights: members their own tokens and the public one, rulers all.
func TestRevokeRights(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		cy, adm := w.login("cy"), w.login("adm")
		ada.add(room, cy)
		ada.add(room, adm)
		byAda, byBo, byCy := ada.privateToken(room), bo.privateToken(room), cy.privateToken(room)
		bo.ask(room, "invite", "revoke", byAda).fails(t, "ERR_NOT_ALLOWED")
		bo.ask(room, "invite", "revoke", byBo).is(t, "null")
		adm.ask(room, "invite", "revoke", byAda).is(t, "null")
		ada.ask(room, "invite", "revoke", byCy).is(t, "null")
		ada.publicToken(room)
		bo.ask(room, "invite", "revoke", "public").is(t, "null")
		if len(w.store.tokens) > 0 {
			t.Errorf("still valid are %v", w.store.tokens)
		}
	})
}

// TestInvitationsToATemporaryRoom last as long as the room.
func TestInvitationsToATemporaryRoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		cy := w.resolve(user("cy"))
		ada.ask(room, "invite", "room-invite", map[string]any{"clientId": cy}).is(t, "null")
		p := w.login("cy")
		if open := p.invited(); len(open) != 1 || open[0].RoomID != room {
			t.Fatalf("the invitations are %v", open)
		}
		ada.logout()
		w.pass(11 * time.Minute)
		p.got(`"type":"invite","data":{"type":"remove"`)
		if open := p.invited(); open != nil || len(w.hub.invited) != 0 {
			t.Errorf("the invitations are %v", open)
		}
	})
}

// TestPersistKeepsTokens: with the name all of them are stored (and with the room).
func TestPersistKeepsTokens(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		public, private := ada.publicToken(room), ada.privateToken(room)
		cy := w.resolve(user("cy"))
		ada.ask(room, "invite", "room-invite", map[string]any{"clientId": cy}).is(t, "null")
		ada.to(room, "", "persist", map[string]any{"name": "Road map"}, "")
		w.restart()
		p := w.login("cy")
		if open := p.invited(); len(open) != 1 || open[0].Room.Name != "Road map" {
			t.Errorf("the invitations are %v", open)
		} else {
			p.respond(true, room, open[0].Token).is(t, "null")
		}
		w.login("dan").join(room, private).into(t, new(roomConf))
		w.login("eve").join(room, private).fails(t, "ERR_COULD_NOT_JOIN")
		w.login("eve2").join(room, public).into(t, new(roomConf))
	})
}

// TestInvitationsOfARemovedRoom are gone with it.
func TestInvitationsOfARemovedRoom(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		cy := w.login("cy")
		ada.ask(room, "invite", "room-invite", map[string]any{"clientId": cy.id}).is(t, "null")
		token := cy.invited()[0].Token
		bo.ask(room, "", "leave", nil).is(t, "null")
		ada.ask(room, "", "leave", nil).is(t, "null")
		cy.got(`{"type":"invite","data":{"type":"remove","data":"` + token + `"}}`)
		if open := cy.invited(); open != nil {
			t.Errorf("the invitations are %v", open)
		}
		cy.respond(true, room, token).is(t, `"ERR_COULD_NOT_JOIN"`)
	})
}

// TestInviteResponseShapes: what is no answer is refused in the response.
func TestInviteResponseShapes(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		cy := w.login("cy")
		for _, data := range []any{
			nil, 7, "text", map[string]any{"accepted": "yes", "roomId": room, "token": "room-1"}, map[string]any{"accepted": true, "roomId": room},
			map[string]any{"accepted": true, "roomId": "cont-1", "token": "x"}, map[string]any{"accepted": true, "roomId": room, "token": "room-1"},
			map[string]any{"accepted": true, "roomId": "room-unknown", "token": "room-1"},
		} {
			cy.request("invite-response", data).is(t, `"ERR_COULD_NOT_JOIN"`)
		}
	})
}

// TestInviteWrongIds: an account must exist and be enabled.
func TestInviteWrongIds(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		cy := w.login("cy")
		w.syncUsers(User{ID: "f-cy", Login: "cy", Name: "Cy", Disabled: true})
		for _, typ := range []string{"room-add", "room-invite"} {
			for _, id := range []any{"acc-unknown", "", nil, 7, room, cy.id} {
				ada.ask(room, "invite", typ, map[string]any{"clientId": id}).fails(t, "ERR_INVALID_ID")
			}
		}
		if n := len(w.store.rooms[room].Authorized); n != 2 || len(w.store.tokens) > 0 {
			t.Errorf("%d are authorized", n)
		}
	})
}

// TestTokensAreBounded: nobody fills the database with them.
func TestTokensAreBounded(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		r := w.loadedRoom(room)
		for n := range maxTokens {
			r.tokens = append(r.tokens, Token{Type: privateToken, Token: fmt.Sprint("private-", n), Room: room, SingleUse: true})
		}
		ada.ask(room, "invite", "private", nil).is(t, `{"token":null,"host":"localhost/presence/guest/","reqId":null}`)
		ada.ask(room, "invite", "room-invite", map[string]any{"clientId": w.login("cy").id}).fails(t, "ERR_NOT_STORED")
	})
}
