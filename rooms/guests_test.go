package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// withGuest runs a test in a named room of ada and bo where gus is a guest.
func withGuest(t *testing.T, test func(t *testing.T, w *world, room RoomID, ada, gus *person)) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		gus := w.guest(room, ada.publicToken(room), "Gus")
		test(t, w, room, ada, gus)
	})
}

// TestGuestEnters: initialize, then the one join; a second initialize repeats no join.
func TestGuestEnters(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		token := ada.publicToken(room)
		bo.take()
		gus := w.guest(room, token, "  Gus \u202e\x07 Otter ")
		frames := gus.take()
		if len(frames) != 2 {
			t.Fatalf("the guest got %q", frames)
		}
		inOrder(t, frames, `{"type":"initialize","data":{"account":{"host":"localhost/presence/guest/","clientId":"`+string(gus.id)+
			`","name":"Gus Otter"},"rooms":[],"contacts":[]}}`, `"type":"join","data":{"joined":{"clientId":"`+string(room)+`","persistent":true,"name":"Road map"`)
		if frames := bo.take(); index(frames, `"type":"at-add","data":"Gus Otter"`) != 0 ||
			index(frames, `{"type":"join","data":{"clientId":"`+string(gus.id)+`","name":"Gus Otter","isAdmin":null,"isGuest":true,"isOnline":true,"isRecent":false,"isAuthed":false,"workgroups":[]}}`) != 1 {
			t.Errorf("members got %q", frames)
		}
		gus.send("initialize", nil, "")
		if frames := gus.take(); len(frames) != 1 || index(frames, `"type":"initialize"`) != 0 {
			t.Errorf("a second initialize is answered with %q", frames)
		}
		s := ada.state(room)
		if !slices.Equal(s.Guests, []AccountID{gus.id}) || !slices.Contains(s.Users, gus.id) || !slices.Contains(s.Online, gus.id) ||
			!slices.Contains(s.AtNames, "Gus Otter") || slices.Contains(s.Authed, gus.id) {
			t.Errorf("the state is %+v", s)
		}
		if !strings.HasPrefix(string(gus.id), "guest-") {
			t.Errorf("the guest's id is %s", gus.id)
		}
	})
}

// TestGuestTokens: what opens a room to a guest, in memory or not, and that all
// refusals are alike.
func TestGuestTokens(t *testing.T) {
	for _, loaded := range []bool{true, false} {
		t.Run(fmt.Sprint("loaded ", loaded), func(t *testing.T) {
			inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
				public, private := ada.publicToken(room), ada.privateToken(room)
				other := ada.makeRoom("Other")
				cy := w.login("cy")
				ada.ask(room, "invite", "room-invite", map[string]any{"clientId": cy.id}).is(t, "null")
				personal := w.store.tokens[len(w.store.tokens)-1].Token
				if !loaded {
					w.restart()
				}
				var refusals []string
				for what, claim := range map[string]GuestClaim{
					"personal":       {Token: personal, Room: room},
					"unknown token":  {Token: "public-1", Room: room},
					"unknown room":   {Token: public, Room: "room-unknown"},
					"another room":   {Token: public, Room: other},
					"no token":       {Room: room},
					"a contact room": {Token: public, Room: "cont-1"},
					"a long token":   {Token: strings.Repeat("x", 5000), Room: room},
				} {
					claim.From = "192.0.2." + what
					_, err := w.hub.AdmitGuest(context.Background(), claim)
					if !errors.Is(err, ErrDenied) {
						t.Errorf("%s: the error is %v", what, err)
						continue
					}
					refusals = append(refusals, err.Error())
				}
				if slices.Sort(refusals); len(slices.Compact(refusals)) != 1 {
					t.Errorf("refusals differ: %q", refusals)
				}
				for _, token := range []string{public, private, public} {
					if _, err := w.tryGuest(room, token, "Gus"); err != nil {
						t.Errorf("%s: %v", token, err)
					}
				}
				if _, err := w.tryGuest(room, private, "Gus"); !errors.Is(err, ErrDenied) {
					t.Errorf("the token for one use was taken twice: %v", err)
				}
				if len(w.store.validTokens(room)) != 2 {
					t.Errorf("valid are %v", w.store.validTokens(room))
				}
			})
		})
	}
}

// TestOneOfTwoGuestsWins: a token for one use lets one in, however many try at once.
func TestOneOfTwoGuestsWins(t *testing.T) {
	for _, loaded := range []bool{true, false} {
		inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
			token := ada.privateToken(room)
			if !loaded {
				w.restart()
			}
			var wg sync.WaitGroup
			results := make(chan error, 5)
			for range cap(results) {
				wg.Go(func() {
					_, err := w.hub.AdmitGuest(context.Background(), GuestClaim{Token: token, Room: room, From: "192.0.2.1"})
					results <- err
				})
			}
			wg.Wait()
			close(results)
			won := 0
			for err := range results {
				if err == nil {
					won++
				}
			}
			if won != 1 {
				t.Errorf("%d guests were let in by one token", won)
			}
		})
	}
}

// TestUsedTokenIsAnnounced before the newcomer, and is not listed any more.
func TestUsedTokenIsAnnounced(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		token := ada.privateToken(room)
		bo.take()
		w.guest(room, token, "Gus")
		inOrder(t, bo.take(), `"type":"revoke","data":"`+token+`"`, `"type":"at-add"`, `"type":"join"`)
		ada.ask(room, "invite", "state", nil).is(t, `{"privateTokens":[],"host":"localhost/presence/guest/"}`)
	})
}

func TestGuestWhileDatabaseIsAway(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		token := ada.publicToken(room)
		w.store.failOnly("UseToken")
		if _, err := w.tryGuest(room, token, "Gus"); err == nil || errors.Is(err, ErrDenied) {
			t.Errorf("the error is %v; the client may try again", err)
		}
	})
}

// TestGuestOfATemporaryRoom, which is in no database.
func TestGuestOfATemporaryRoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		public, private := ada.publicToken(room), ada.privateToken(room)
		gus, gil := w.guest(room, public, "Gus"), w.guest(room, private, "Gil")
		if _, err := w.tryGuest(room, private, "Gob"); !errors.Is(err, ErrDenied) {
			t.Errorf("the token for one use was taken twice: %v", err)
		}
		gus.say(room, "hello")
		gil.got(`"message":"hello"`, `"fromId":null`, `"name":"Gus"`)
		gus.logout()
		ada.got(`{"type":"leave","data":"` + string(gus.id) + `"}`)
		if s := ada.state(room); !slices.Equal(s.Guests, []AccountID{gil.id}) {
			t.Errorf("the guests are %v", s.Guests)
		}
		ada.to(room, "", "persist", map[string]any{"name": "Road map"}, "")
		w.settle()
		if d := w.store.rooms[room]; !slices.Equal(d.Authorized, []AccountID{ada.id}) || len(d.Marks) != 1 {
			t.Errorf("stored are %v and %v", d.Authorized, d.Marks)
		}
		gil.say(room, "still here")
		ada.got("still here")
	})
}

// TestGuestNames are bounded and cleaned; there is always one.
func TestGuestNames(t *testing.T) {
	for in, want := range map[string]string{
		"Gus": "Gus", " Gus\t\n Otter ": "Gus Otter", "": "Guest", " \u200b\u202e ": "Guest", "a\u0000b\u001b[31mc": "ab[31mc",
		strings.Repeat("ä", 200): strings.Repeat("ä", 80), "\u2066Gus\u2069": "Gus", "presence": "Guest", "<b>Gus</b>": "<b>Gus</b>",
	} {
		if got := cleanName(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// TestGuestWrites: the author is known by name only, and cannot edit.
func TestGuestWrites(t *testing.T) {
	withGuest(t, func(t *testing.T, w *world, room RoomID, ada, gus *person) {
		ada.take()
		gus.take()
		gus.say(room, "hello")
		ada.got(`"fromId":null,"name":"Gus"`, `"message":"hello"`)
		gus.got(`"fromId":null,"name":"Gus"`, `"message":"hello"`)
		msg := w.store.messages[room][0]
		if msg.From != "" || msg.Name != "Gus" {
			t.Errorf("stored is %+v", msg)
		}
		gus.ask(room, "chat", "edit-save", map[string]any{"msgId": msg.ID, "message": "other"}).
			is(t, `{"type":"error","data":"ERR_EDIT_NOT_ALLOWED"}`)
		gus.to(room, "chat", "state", map[string]any{"type": "set-typing"}, "")
		ada.got(`{"state":{"type":"set-typing"},"fromId":"` + string(gus.id) + `"}`)
		if s := gus.state(room); s.Relation.UnreadMessages != 0.0 {
			t.Errorf("a guest has %v unread", s.Relation.UnreadMessages)
		}
		gus.confirm(room, msg.ID)
		w.pass(time.Minute)
		for _, mark := range w.store.rooms[room].Marks {
			if mark.Account == gus.id {
				t.Errorf("a guest has the read mark %v", mark)
			}
		}
		if _, stored := w.store.accounts[gus.id]; stored || slices.Contains(w.store.rooms[room].Authorized, gus.id) {
			t.Error("a guest was stored")
		}
	})
}

// TestGuestIsLostAndComesBack: for the others a leave and a join.
func TestGuestIsLostAndComesBack(t *testing.T) {
	withGuest(t, func(t *testing.T, w *world, room RoomID, ada, gus *person) {
		ada.take()
		w.hub.Hide(gus.id)
		ada.got(`{"type":"leave","data":"` + string(gus.id) + `"}`)
		if s := ada.state(room); slices.Contains(s.Users, gus.id) || len(s.Guests) > 0 {
			t.Errorf("a lost guest is in the state: %v", s)
		}
		ada.say(room, "meanwhile")
		gus.got("meanwhile") // transport keeps it
		w.hub.Show(gus.id)
		inOrder(t, ada.take(), `"type":"at-add","data":"Gus"`, `"type":"join","data":{"clientId":"`+string(gus.id)+`"`)
		gus.say(room, "back")
		ada.got("back")
		w.hub.Hide(gus.id)
		ada.take()
		gus.logout()
		ada.gotNone(`"type":"leave"`) // told already
	})
}

// TestGuestGoes: nothing of it is kept.
func TestGuestGoes(t *testing.T) {
	withGuest(t, func(t *testing.T, w *world, room RoomID, ada, gus *person) {
		ada.identities("get", gus.id)
		ada.take()
		gus.logout()
		ada.got(`{"type":"leave","data":"` + string(gus.id) + `"}`)
		w.pass(namesDelay)
		ada.got(`{"type":"at-names","data":["Ada","Bo"]}`)
		if w.hub.dir.get(gus.id) != nil || len(w.hub.guests) != 0 || w.hub.account(gus.id) != nil {
			t.Error("the guest is still known")
		}
		if err := w.hub.Open(context.Background(), gus.id); !errors.Is(err, ErrNotFound) {
			t.Errorf("a guest came back under its id: %v", err)
		}
		if r := w.loadedRoom(room); r.company.ids != nil || r.guests != 0 {
			t.Error("the room believes to have guests")
		}
	})
}

// TestGuestGoesWhileItsMessageWaits: the room survives, and the message is shown.
func TestGuestGoesWhileItsMessageWaits(t *testing.T) {
	withGuest(t, func(t *testing.T, w *world, room RoomID, ada, gus *person) {
		ada.take()
		hold := make(chan struct{})
		w.loadedRoom(room).box.force(heldRoomEvent{hold})
		w.settle()
		gus.to(room, "chat", "msg", map[string]any{"message": "last words"}, "")
		w.hub.Close(gus.id)
		close(hold)
		inOrder(t, ada.take(), `"name":"Gus"`, `"type":"leave"`)
		if n := w.hub.Stats().Panics; n != 0 {
			t.Errorf("%d defects", n)
		}
	})
}

// TestGuestWhoNeverComes is forgotten when it is given up.
func TestGuestWhoNeverComes(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		token := ada.publicToken(room)
		bo.take()
		id, err := w.hub.AdmitGuest(context.Background(), GuestClaim{Token: token, Room: room, Name: "Gus"})
		if err != nil {
			t.Fatal(err)
		}
		w.hub.Close(id)
		if len(w.hub.guests) != 0 || w.hub.dir.get(id) != nil {
			t.Error("the guest is still known")
		}
		if frames := bo.take(); len(frames) > 0 {
			t.Errorf("members heard %q", frames)
		}
	})
}

// TestGuestLeaves: it is out, and does not come back by asking for its state.
func TestGuestLeaves(t *testing.T) {
	withGuest(t, func(t *testing.T, w *world, room RoomID, ada, gus *person) {
		ada.take()
		gus.ask(room, "", "leave", nil).is(t, "null")
		ada.got(`{"type":"leave","data":"` + string(gus.id) + `"}`)
		gus.send("initialize", nil, "")
		gus.gotNone(`"type":"join"`)
		gus.handle(roomEventText(room, "chat/msg", `{"message":"still"}`, ""))
		ada.gotNone("still")
	})
}

// TestGuestAsksForIdentities: of those who are in its room, no others.
func TestGuestAsksForIdentities(t *testing.T) {
	withGuest(t, func(t *testing.T, w *world, room RoomID, ada, gus *person) {
		eve, cy := w.login("eve"), w.login("cy")
		gus.identities("get", gus.id).is(t, string(encode(w.hub.dir.get(gus.id).guestWire())))
		var wire guestWire
		gus.identities("get", gus.id).into(t, &wire)
		if !wire.IsGuest || wire.Name != "Gus" || !wire.IsOnline || wire.Avatar != nil {
			t.Errorf("the guest's identity is %+v", wire)
		}
		gus.identities("get", eve.id).is(t, "null")
		ada.add(room, cy) // a newcomer while there is a guest
		var found []identityWire
		gus.identities("get-list", []AccountID{ada.id, eve.id, cy.id, "acc-unknown"}).into(t, &found)
		if len(found) != 2 || found[0].ClientID != ada.id || found[1].ClientID != cy.id {
			t.Errorf("found %v", found)
		}
		gus.identities("refresh", map[AccountID]int{eve.id: 1, ada.id: 1}).into(t, &found)
		if len(found) != 1 || found[0].ClientID != ada.id {
			t.Errorf("refreshed %v", found)
		}
		cy.to(room, "", "leave", nil, "")
		w.settle()
		gus.identities("get", cy.id).is(t, "null")
	})
}

// TestGuestsAreNobodysContacts: they are in no list of people.
func TestGuestsAreNobodysContacts(t *testing.T) {
	withGuest(t, func(t *testing.T, w *world, room RoomID, ada, gus *person) {
		ada.request("search-user", map[string]any{"needle": "Gus"}).is(t, "[]")
		ada.request("contact-list", nil).is(t, "[]")
		ada.request("friend-get", map[string]any{"friendId": ""}).is(t, "null")
		ada.request("relation-add", map[string]any{"clientId": gus.id}).fails(t, "ERR_NOT_A_USER")
		ada.request("contact", map[string]any{"type": "open-chat", "data": gus.id}).fails(t, "ERR_NOT_A_USER")
		other := ada.makeRoom("Other")
		ada.ask(other, "invite", "room-add", map[string]any{"clientId": gus.id}).fails(t, "ERR_INVALID_ID")
		ada.ask(other, "invite", "room-invite", map[string]any{"clientId": gus.id}).fails(t, "ERR_INVALID_ID")
		gus.handle(roomEventText(RoomID(ada.id), "chat/msg", `{"message":"psst"}`, ""))
		gus.handle(roomEventText(other, "chat/msg", `{"message":"psst"}`, ""))
		ada.gotNone("psst")
	})
}

// TestGuestTakesAName: the others hear of it; accounts keep the name that Friend knows.
func TestGuestTakesAName(t *testing.T) {
	withGuest(t, func(t *testing.T, w *world, room RoomID, ada, gus *person) {
		ada.identities("get", gus.id)
		ada.take()
		gus.ask(room, "", "identity", map[string]any{"name": " Quiet\u202e Otter "}).is(t, "null")
		frames := ada.take()
		if index(frames, `"type":"identity-update"`, `"key":"name","value":"Quiet Otter","clientId":"`+string(gus.id)) < 0 ||
			index(frames, `"type":"at-names","data":["Ada","Bo","Quiet Otter"]`) < 0 {
			t.Errorf("ada got %q", frames)
		}
		gus.say(room, "hello")
		ada.got(`"name":"Quiet Otter"`, "hello")
		for _, name := range []any{"", "  ", nil, 7, "Quiet Otter"} {
			gus.ask(room, "", "identity", map[string]any{"name": name}).is(t, "null")
			ada.gotNone("identity-update")
		}
		ada.ask(room, "", "identity", map[string]any{"name": "Eve"}).is(t, "null")
		if s := ada.state(room); !slices.Contains(s.AtNames, "Ada") || slices.Contains(s.AtNames, "Eve") {
			t.Errorf("the names are %v", s.AtNames)
		}
	})
}

// TestGuestOfARemovedRoom is cut off, and its token is dead.
func TestGuestOfARemovedRoom(t *testing.T) {
	withGuest(t, func(t *testing.T, w *world, room RoomID, ada, gus *person) {
		token := ada.publicToken(room)
		gus.take()
		if _, err := w.hub.ServiceRequest(context.Background(), "f-ada", []string{"room", "remove"}, json.RawMessage(`{"roomId":"`+string(room)+`"}`)); err != nil {
			t.Fatal(err)
		}
		gus.got(`{"type":"close","data":"` + string(room) + `"}`)
		if _, err := w.tryGuest(room, token, "Gus"); !errors.Is(err, ErrDenied) {
			t.Errorf("a removed room lets guests in: %v", err)
		}
	})
}

// TestManyMembersBesideAGuest: a member who comes costs the same, however many there are.
func TestManyMembersBesideAGuest(t *testing.T) {
	r := &Room{members: map[AccountID]*member{}}
	for n := range 20_000 {
		m := &member{id: AccountID(fmt.Sprint("acc-", n)), guest: n == 0}
		r.members[m.id] = m
		r.showToGuests(m)
	}
	if len(r.company.ids) != 20_000 || !r.company.has("acc-19999") {
		t.Errorf("%d are in company", len(r.company.ids))
	}
}

// TestGuestGoesAtOnce, before the room has let it in or before it was told so: it is not
// listed for ever.
func TestGuestGoesAtOnce(t *testing.T) {
	for _, before := range []string{"let in", "told"} {
		t.Run(before, func(t *testing.T) {
			inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
				token := ada.publicToken(room)
				id, err := w.hub.AdmitGuest(context.Background(), GuestClaim{Token: token, Room: room, Name: "Gus"})
				if err != nil {
					t.Fatal(err)
				}
				if err := w.hub.Open(context.Background(), id); err != nil {
					t.Fatal(err)
				}
				gus := &person{w, id}
				hold := make(chan struct{})
				if before == "let in" {
					w.loadedRoom(room).box.force(heldRoomEvent{hold})
					w.settle()
					gus.send("initialize", nil, "")
					w.hub.Close(id)
					close(hold)
				} else {
					gone := make(chan struct{})
					w.hub.account(id).box.force(clientCall{call{from: gus.address(), Type: "initialize"}})
					w.hub.account(id).box.force(heldEvent{hold})
					w.settle() // the room has let it in
					go func() { w.hub.Close(id); close(gone) }()
					w.settle()
					a := w.hub.account(id)
					a.box.mu.Lock() // the end comes first
					slices.SortStableFunc(a.box.queue, func(x, y accountEvent) int {
						_, xEnds := x.(closeAccount)
						_, yEnds := y.(closeAccount)
						return map[bool]int{true: 1}[yEnds] - map[bool]int{true: 1}[xEnds]
					})
					a.box.mu.Unlock()
					close(hold)
					<-gone
				}
				if s := ada.state(room); len(s.Guests) > 0 || slices.Contains(s.Users, id) {
					t.Errorf("listed are %v", s.Guests)
				}
				if r := w.loadedRoom(room); r.guests != 0 || len(r.attached) != 2 || len(r.coming) != 0 {
					t.Errorf("%d guests, attached are %v, coming %d", r.guests, r.attached, len(r.coming))
				}
			})
		})
	}
}
