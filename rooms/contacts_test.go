package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// chat is how p addresses its chat with other.
func (other *person) chat() RoomID { return RoomID(other.id) }

// related runs a test with ada and bo, who have a relation but no chat yet.
func related(t *testing.T, test func(t *testing.T, w *world, ada, bo *person)) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		ada.request("relation-add", map[string]any{"clientId": bo.id}).is(t, `"`+string(bo.id)+`"`)
		ada.take()
		bo.take()
		test(t, w, ada, bo)
	})
}

// withChat runs a test with ada and bo, whose chat is open.
func withChat(t *testing.T, test func(t *testing.T, w *world, ada, bo *person)) {
	related(t, func(t *testing.T, w *world, ada, bo *person) {
		ada.ask(bo.chat(), "", "open", nil).is(t, "true")
		ada.take()
		bo.take()
		test(t, w, ada, bo)
	})
}

// contactRoom is the id of the one contact room that there is.
func (w *world) contactRoom() RoomID {
	w.t.Helper()
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	var found []RoomID
	for id := range w.store.rooms {
		if strings.HasPrefix(string(id), "cont-") {
			found = append(found, id)
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("the contact rooms are %v, want one", found)
	}
	return found[0]
}

func TestRelationAdd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		ada.take()
		ada.send("relation-add", map[string]any{"clientId": bo.id}, "r-1")
		frames := ada.take()
		ada.reply(frames, "r-1").is(t, `"`+string(bo.id)+`"`)
		entry := `{"type":"relation-add","data":{"clientId":"%s","relation":{"unreadMessages":0,"lastMessage":null},"state":null}}`
		if index(frames, fmt.Sprintf(entry, bo.id)) < 0 {
			t.Errorf("ada got %q", frames)
		}
		bo.got(fmt.Sprintf(entry, ada.id))
		// again: who asked hears of it, nobody else
		ada.request("relation-add", map[string]any{"clientId": bo.id}).is(t, `"`+string(bo.id)+`"`)
		bo.gotNone("relation-add")
		if n := len(w.store.relations); n != 2 {
			t.Errorf("%d rows of relations", n)
		}
		w.store.failOnly("Relate")
		ada.request("relation-add", map[string]any{"clientId": w.login("cy").id}).fails(t, "ERR_COULD_NOT_RELATE")
	})
}

// TestRelationsOfTheOffline are in what the client asks for first.
func TestRelationsOfTheOffline(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		id := w.resolve(user("bo"))
		ada.request("relation-add", map[string]any{"clientId": id})
		ada.say(RoomID(id), "one")
		ada.say(RoomID(id), "two")
		bo := w.login("bo")
		frames := bo.take()
		inOrder(t, frames, `"relations":{"`+string(ada.id)+`":{"clientId":"`+string(ada.id)+`","relation":{"unreadMessages":2,"lastMessage":{"type":"msg","data":{"msgId":"msg-`)
		if index(frames, `"message":"two"`, `"state":{"users":["`, `"peers":[]}`) < 0 {
			t.Errorf("bo got %q", frames)
		}
		w.restart()
		w.login("bo").got(`"type":"initialize"`, `"unreadMessages":2`, `"state":null`)
	})
}

// TestOpenChat makes relation and room; both hear of it in the right order.
func TestOpenChat(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		ada.take()
		bo.take()
		ada.send("contact", map[string]any{"type": "open-chat", "data": bo.id}, "r-1")
		frames := ada.take()
		conf := `{"clientId":"%s","persistent":true,"name":"%s","isPrivate":true}`
		join := `{"type":"join","data":{"joined":` + conf + `,"current":[]}}`
		inOrder(t, frames, `"type":"relation-add"`, fmt.Sprintf(join, bo.id, "Bo"))
		ada.reply(frames, "r-1").is(t, fmt.Sprintf(conf, bo.id, "Bo"))
		inOrder(t, bo.take(), `"type":"relation-add","data":{"clientId":"`+string(ada.id), fmt.Sprintf(join, ada.id, "Ada"))
		// again: the same answer, to who asked alone
		ada.request("contact", map[string]any{"type": "open-chat", "data": bo.id}).is(t, fmt.Sprintf(conf, bo.id, "Bo"))
		if frames := bo.take(); len(frames) > 0 {
			t.Errorf("bo got %q", frames)
		}
		w.contactRoom()
	})
}

// TestTwoRequestsOpenAChat: each is answered, though the chat is opened once.
func TestTwoRequestsOpenAChat(t *testing.T) {
	related(t, func(t *testing.T, w *world, ada, bo *person) {
		release := w.store.holdUp("OpenContact")
		for n := range 3 {
			ada.post("contact", map[string]any{"type": "open-chat", "data": bo.id}, fmt.Sprint("r-", n))
		}
		w.settle()
		release()
		frames := ada.take()
		for n := range 3 {
			if r := ada.reply(frames, fmt.Sprint("r-", n)); r.Error != nil {
				t.Errorf("request %d: %v", n, r.Error)
			}
		}
		if n := w.store.count("OpenContact"); n != 1 {
			t.Errorf("opened %d times", n)
		}
	})
}

// TestFirstEventOpensTheChat: both join, and then both get the event.
func TestFirstEventOpensTheChat(t *testing.T) {
	related(t, func(t *testing.T, w *world, ada, bo *person) {
		ada.say(bo.chat(), "hello")
		room := w.contactRoom()
		for _, p := range []struct{ who, with *person }{{ada, bo}, {bo, ada}} {
			frames := p.who.take()
			inOrder(t, frames, `"type":"join"`, `{"type":"`+string(p.with.id)+`","data":{"type":"chat","data":{"type":"msg"`)
			if index(frames, `"roomId":"`+string(room)+`","fromId":"`+string(ada.id)+`"`, `"message":"hello"`) < 0 {
				t.Errorf("%s got %q", p.who.id, frames)
			}
		}
		bo.say(ada.chat(), "hi")
		ada.got(`"message":"hi"`)
		if got := w.store.rooms[room].Room; !got.IsPrivate || !strings.HasPrefix(string(got.OwnerID), "rel-") {
			t.Errorf("the room is stored as %+v", got)
		}
	})
}

// TestEventsWhileTheChatOpens keep their order, from two connections too.
func TestEventsWhileTheChatOpens(t *testing.T) {
	related(t, func(t *testing.T, w *world, ada, bo *person) {
		release := w.store.holdUp("OpenContact")
		send := func(conn ConnID, n int) {
			text := fmt.Sprintf(`{"type":"%s","data":{"type":"chat","data":{"type":"msg","data":{"message":"c%d-%03d"}}}}`, bo.id, conn, n)
			w.hub.Handle(context.Background(), Address{ada.id, conn}, json.RawMessage(text))
		}
		const each = 80
		var wg sync.WaitGroup
		for conn := ConnID(1); conn <= 2; conn++ {
			wg.Go(func() {
				for n := range each {
					send(conn, n)
				}
			})
		}
		wg.Wait()
		w.settle()
		release()
		for n := each; n < 2*each; n++ { // those that come while the others are handed on
			send(1, n)
		}
		w.settle()
		for _, p := range []*person{ada, bo} {
			frames := p.take()
			for conn, count := range map[int]int{1: 2 * each, 2: each} {
				var want []string
				for n := range count {
					want = append(want, fmt.Sprintf(`"message":"c%d-%03d"`, conn, n))
				}
				inOrder(t, frames, append([]string{`"type":"join"`}, want...)...)
			}
			if n := len(frames) - 3*each; n > 2 { // join, recent-add
				t.Errorf("%s got %d frames more than messages", p.id, n)
			}
		}
	})
}

// TestTooManyEventsWhileTheChatOpens are refused, each with a word.
func TestTooManyEventsWhileTheChatOpens(t *testing.T) {
	related(t, func(t *testing.T, w *world, ada, bo *person) {
		release := w.store.holdUp("OpenContact")
		for n := range maxWaiting {
			ada.say(bo.chat(), fmt.Sprint("m", n))
		}
		ada.to(bo.chat(), "chat", "msg-get", map[string]any{"msgId": "x"}, "r-1")
		ada.say(bo.chat(), "one too many")
		frames := ada.take()
		ada.reply(frames, "r-1", string(bo.id), "chat").fails(t, "ERR_BUSY")
		if index(frames, `"type":"error"`, "ERR_BUSY", "one too many") < 0 || index(frames, `"name":"Presence"`, "one too many") < 0 {
			t.Errorf("ada got %q", frames)
		}
		release()
		inOrder(t, bo.take(), `"message":"m0"`, fmt.Sprintf(`"message":"m%d"`, maxWaiting-1))
	})
}

// TestChatCannotBeOpened: what waited is answered; a message's author gets a notice.
func TestChatCannotBeOpened(t *testing.T) {
	related(t, func(t *testing.T, w *world, ada, bo *person) {
		w.store.failOnly("OpenContact")
		ada.say(bo.chat(), "hello")
		frames := ada.take()
		if index(frames, `{"type":"`+string(bo.id)+`","data":{"type":"chat","data":{"type":"error"`, "ERR_TRY_LATER", "hello") < 0 ||
			index(frames, `"name":"Presence"`, `\n\nhello`) < 0 {
			t.Errorf("ada got %q", frames)
		}
		ada.ask(bo.chat(), "chat", "msg", map[string]any{"message": "hello"}).fails(t, "ERR_TRY_LATER")
		ada.ask(bo.chat(), "", "open", nil).fails(t, "ERR_TRY_LATER")
		ada.request("contact", map[string]any{"type": "open-chat", "data": bo.id}).fails(t, "ERR_TRY_LATER")
		w.store.setFault(nil)
		ada.say(bo.chat(), "hello again")
		bo.got("hello again")
	})
}

// TestOneChatFails: another one that opens at the same time does not mind.
func TestOneChatFails(t *testing.T) {
	related(t, func(t *testing.T, w *world, ada, bo *person) {
		cy := w.login("cy")
		ada.request("relation-add", map[string]any{"clientId": cy.id})
		ada.take()
		release := w.store.holdUp("OpenContact")
		ada.say(bo.chat(), "for bo")
		ada.say(cy.chat(), "for cy")
		w.hub.account(ada.id).box.force(refusedEvent{contact: cy.id, code: "ERR_COULD_NOT_JOIN"})
		ada.got("ERR_TRY_LATER", "for cy")
		release()
		bo.got("for bo")
		cy.gotNone("for cy")
	})
}

// TestBothOpenAtOnce: one relation, one room, nothing is lost.
func TestBothOpenAtOnce(t *testing.T) {
	related(t, func(t *testing.T, w *world, ada, bo *person) {
		release := w.store.holdUp("OpenContact")
		ada.say(bo.chat(), "by ada")
		bo.say(ada.chat(), "by bo")
		release()
		w.settle()
		w.contactRoom()
		for _, p := range []*person{ada, bo} {
			frames := p.take()
			inOrder(t, frames, `"type":"join"`, `"message":"by ada"`)
			inOrder(t, frames, `"type":"join"`, `"message":"by bo"`)
			joins := 0
			for _, f := range frames {
				if strings.Contains(f, `{"type":"join"`) {
					joins++
				}
			}
			if joins != 1 {
				t.Errorf("%s joined %d times", p.id, joins)
			}
		}
	})
}

// TestUnknownContact: nobody can write to whom there is no relation with.
func TestUnknownContact(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		ada.take()
		for _, id := range []AccountID{bo.id, "acc-unknown", ada.id} {
			ada.ask(RoomID(id), "chat", "msg", map[string]any{"message": "hello"}).fails(t, "ERR_NO_LISTENER")
		}
		bo.gotNone("hello")
		if len(w.store.rooms) > 0 {
			t.Error("a room was made")
		}
	})
}

// TestContactsAreReadLater: relations that could not be read at login are read when
// somebody writes.
func TestContactsAreReadLater(t *testing.T) {
	related(t, func(t *testing.T, w *world, _, _ *person) {
		w.restart()
		w.store.failOnly("Relations")
		ada, bo := w.login("ada"), w.login("bo")
		ada.got(`"type":"initialize"`, `"relations":{}`)
		ada.ask(bo.chat(), "chat", "msg", map[string]any{"message": "hello"}).fails(t, "ERR_TRY_LATER")
		w.store.setFault(nil)
		ada.say(bo.chat(), "hello again")
		bo.got("hello again")
	})
}

func TestContactRoomState(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		id := bo.said(ada.chat(), "hello")
		ada.take()
		ada.to(bo.chat(), "", "initialize", nil, "")
		owner := w.store.rooms[w.contactRoom()].Room.OwnerID
		frame := ada.got(`"type":"initialize"`)
		for _, part := range []string{
			`{"type":"` + string(bo.id) + `","data":{"type":"initialize","data":{"id":"` + string(bo.id) + `","name":"Bo","ownerId":"` + string(owner) +
				`","persistent":true,"isPrivate":true,"settings":{},"users":["` + string(ada.id) + `","` + string(bo.id) + `"],"online":["`,
			`"recent":["` + string(bo.id) + `"],"atNames":["Ada","Bo"],"peers":[],"workgroups":null,"relation":{"unreadMessages":1,"lastMessage":{"type":"msg","data":{"msgId":"` + id + `"`,
		} {
			if !strings.Contains(frame, part) {
				t.Errorf("%s is not in %s", part, frame)
			}
		}
		bo.to(ada.chat(), "", "initialize", nil, "")
		bo.got(`"unreadMessages":0`)
	})
}

// TestContactRoomRefuses what only rooms have; leave has no effect.
func TestContactRoomRefuses(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		for _, typ := range []string{"persist", "leave"} {
			r := ada.ask(bo.chat(), "", typ, map[string]any{"name": "Mine"})
			if code, _ := r.Error.(string); code == "" {
				t.Errorf("%s is answered with %s", typ, r.Response)
			}
		}
		ada.ask(bo.chat(), "invite", "public", nil).fails(t, "ERR_NOT_ALLOWED")
		ada.ask(bo.chat(), "settings", "get", nil).is(t, "{}")
		ada.ask(bo.chat(), "settings", "setting", map[string]any{"setting": "roomName", "value": "x"}).fails(t, "ERR_NOT_ALLOWED")
		ada.say(bo.chat(), "still here")
		bo.got("still here")
		if len(w.store.tokens) > 0 {
			t.Error("a contact room has a token")
		}
	})
}

// TestContactRoomsAreNotListed among the rooms of an account.
func TestContactRoomsAreNotListed(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		room := ada.makeRoom("Road map")
		w.restart()
		ada = w.login("ada")
		ada.say(bo.chat(), "hello")
		frames := ada.take()
		if index(frames, `"joined":{"clientId":"`+string(bo.id), `"current":["`+string(room)+`"]`) < 0 {
			t.Errorf("ada got %q", frames)
		}
		ada.send("initialize", nil, "")
		frame := ada.got(`"type":"initialize"`)
		if !strings.Contains(frame, `"rooms":[{"clientId":"`+string(room)) || strings.Contains(frame, `"rooms":[{"clientId":"cont-`) {
			t.Errorf("the rooms are in %s", frame)
		}
		ada.request("room-get", w.contactRoom()).is(t, "null")
	})
}

// TestContactConfirm tells the other one, once, and moves forward only.
func TestContactConfirm(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		var ids []string
		for n := range 3 {
			ids = append(ids, ada.said(bo.chat(), fmt.Sprint(n)))
		}
		own := bo.said(ada.chat(), "by bo")
		ada.take()
		bo.to(ada.chat(), "", "active", map[string]any{"isActive": true}, "") // moves no mark
		last := ada.said(bo.chat(), "while bo looks")
		ada.take()
		bo.take()
		bo.confirm(ada.chat(), ids[1])
		frame := ada.got(`"type":"confirm"`)
		want := `{"type":"` + string(bo.id) + `","data":{"type":"chat","data":{"type":"confirm","data":{"type":"message","data":{"userId":"` + string(bo.id) +
			`","fromId":"` + string(ada.id) + `","msgId":"` + ids[1] + `","lastReadTime":`
		if !strings.HasPrefix(frame, want) {
			t.Errorf("ada got %s, want %s", frame, want)
		}
		for _, id := range []any{ids[0], ids[1], own, "msg-unknown", nil} {
			bo.confirm(ada.chat(), id)
			ada.gotNone("confirm")
		}
		if got := bo.unread(ada.chat()); got != "2" {
			t.Errorf("bo has %s unread", got)
		}
		bo.confirm(ada.chat(), last)
		ada.got(`"msgId":"` + last + `"`)
		if got := bo.unread(ada.chat()); got != "0" {
			t.Errorf("bo has %s unread", got)
		}
		w.restart()
		ada, bo = w.login("ada"), w.login("bo")
		bo.got(`"type":"initialize"`, `"unreadMessages":0`)
		ada.got(`"type":"initialize"`, `"unreadMessages":1`)
	})
}

// TestContactLog has how far each has read, in every answer.
func TestContactLog(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		ada.to(bo.chat(), "chat", "log", nil, "")
		ada.got(`"events":[],"relations":{`, `"lastMsgFrom":null,"lastMsgId":null`)
		first, second := ada.said(bo.chat(), "one"), bo.said(ada.chat(), "two")
		bo.confirm(ada.chat(), first)
		readAt := nowMillis()
		for _, data := range []any{nil, map[string]any{"lastTime": 1}, map[string]any{"firstTime": 1 << 50}, map[string]any{"firstTime": 1}} {
			ada.take()
			ada.to(bo.chat(), "chat", "log", data, "")
			frame := ada.got(`"type":"log"`)
			for _, part := range []string{
				`"lastMsgFrom":"` + string(bo.id) + `","lastMsgId":"` + second + `"`,
				`"` + string(ada.id) + `":{"userId":"` + string(ada.id) + `","lastReadId":null,"lastReadTime":null}`,
				`"` + string(bo.id) + `":{"userId":"` + string(bo.id) + `","lastReadId":"` + first + `","lastReadTime":` + fmt.Sprint(readAt) + `}`,
			} {
				if !strings.Contains(frame, part) {
					t.Errorf("%v: %s is not in %s", data, part, frame)
				}
			}
		}
	})
}

// TestContactDelete: by the author only; the message stays, without its text.
func TestContactDelete(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		first, second := ada.said(bo.chat(), "one"), ada.said(bo.chat(), "two")
		bo.ask(ada.chat(), "chat", "delete", map[string]any{"msgId": second}).
			is(t, `{"type":"error","data":{"error":"ERR_DELETE_NOT_ALLOWED"}}`)
		bo.take()
		ada.ask(bo.chat(), "chat", "delete", map[string]any{"msgId": second}).is(t, `{"type":"delete","data":{"msgId":"`+second+`"}}`)
		frames := bo.take()
		inOrder(t, frames, `"type":"delete","data":{"type":"msg","data":{"msgId":"`+second, `"type":"last-message","data":{"type":"msg","data":{"msgId":"`+first)
		if index(frames, `"two"`) >= 0 || index(frames, `"message":"","statusId":"delete-`, `"status":"delete"`) < 0 {
			t.Errorf("bo got %q", frames)
		}
		if got := bo.unread(ada.chat()); got != "1" {
			t.Errorf("bo has %s unread", got)
		}
		for range 2 {
			bo.take()
			bo.to(ada.chat(), "chat", "log", nil, "")
			frame := bo.got(`"type":"log"`)
			if !strings.Contains(frame, second) || !strings.Contains(frame, `"status":"delete"`) || strings.Contains(frame, `"two"`) {
				t.Errorf("the log is %s", frame)
			}
			w.restart() // and the same from the database
			ada, bo = w.login("ada"), w.login("bo")
		}
		ada.ask(bo.chat(), "chat", "delete", map[string]any{"msgId": second}).is(t, `{"type":"error","data":{"error":"ERR_NO_MESSAGE"}}`)
		ada.ask(bo.chat(), "chat", "edit-save", map[string]any{"msgId": second, "message": "x", "reason": "y"}).
			is(t, `{"type":"error","data":"ERR_EDIT_NOT_ALLOWED"}`)
	})
}

func TestContactEdit(t *testing.T) {
	related(t, func(t *testing.T, w *world, ada, bo *person) {
		adm := w.login("adm")
		adm.request("relation-add", map[string]any{"clientId": bo.id})
		id := bo.said(adm.chat(), "one")
		bo.ask(adm.chat(), "chat", "edit-save", map[string]any{"msgId": id, "message": "two"}).into(t, new(any))
		adm.got(`"type":"update"`, `"message":"two"`)
		adm.ask(bo.chat(), "chat", "edit-save", map[string]any{"msgId": id, "message": "three", "reason": "order"}).into(t, new(any))
		bo.got(`{"type":"`+string(adm.id)+`"`, `"type":"edit"`, `"message":"three"`, `"editReason":"order"`)
	})
}

// TestDisabledContact disappears, can be looked at, and comes back.
func TestDisabledContact(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		bo.said(ada.chat(), "hello")
		bo.logout()
		ada.logout()
		ada = w.login("ada")
		ada.take()
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bo", Disabled: true, LastUpdate: 1})
		ada.got(`{"type":"relation-remove","data":"` + string(bo.id) + `"}`)
		ada.send("initialize", nil, "")
		ada.got(`"type":"initialize"`, `"relations":{}`)
		ada.request("hidden-list", nil).is(t, `[{"clientId":"`+string(bo.id)+`","name":"Bo","fIsDisabled":true}]`)

		ada.send("hidden-open", bo.id, "r-1")
		frames := ada.take()
		var conf struct {
			ClientID  AccountID
			IsPrivate bool
			Identity  identityWire
		}
		ada.reply(frames, "r-1").into(t, &conf)
		if conf.ClientID != bo.id || !conf.IsPrivate || conf.Identity.ClientID != bo.id || !conf.Identity.FIsDisabled || len(frames) != 1 {
			t.Errorf("hidden-open is answered with %q", frames)
		}
		var again any
		ada.request("hidden-open", bo.id).into(t, &again) // open already
		if m, _ := again.(map[string]any); m["identity"] == nil {
			t.Errorf("the second hidden-open is answered with %v", again)
		}
		ada.to(bo.chat(), "chat", "log", nil, "")
		ada.got(`"type":"log"`, "hello")
		ada.request("hidden-close", bo.id).is(t, "null")
		if r := w.loadedRoom(w.contactRoom()); len(r.attached) != 0 {
			t.Errorf("%v are still in the room", r.attached)
		}

		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bo", LastUpdate: 2})
		ada.got(`{"type":"relation-add","data":{"clientId":"`+string(bo.id)+`"`, `"unreadMessages":1`)
		ada.request("hidden-list", nil).is(t, "[]")
		ada.request("hidden-open", bo.id).is(t, "null")
	})
}

func TestHiddenClose(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		ada.send("hidden-close", bo.id, "") // not hidden: without effect
		ada.gotNone("close")
		ada.say(bo.chat(), "hello")
		bo.logout()
		w.syncUsers(User{ID: "f-bo", Login: "bo", Name: "Bo", Disabled: true, LastUpdate: 1})
		ada.request("hidden-open", bo.id).into(t, new(any))
		ada.send("hidden-close", bo.id, "")
		ada.got(`{"type":"close","data":"` + string(bo.id) + `"}`)
	})
}

// TestContactRoomLeavesMemory when both are gone, and is opened again.
func TestContactRoomLeavesMemory(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		room := w.contactRoom()
		ada.say(bo.chat(), "hello")
		ada.logout()
		w.pass(time.Hour)
		if w.loadedRoom(room) == nil {
			t.Fatal("the room is gone although bo is there")
		}
		bo.logout()
		w.pass(11 * time.Minute)
		if w.loadedRoom(room) != nil {
			t.Fatal("the room is still in memory")
		}
		ada, bo = w.login("ada"), w.login("bo")
		ada.say(bo.chat(), "again")
		bo.got("again")
		if w.contactRoom() != room {
			t.Error("another room was made")
		}
	})
}

// TestContactRoomFails: what was on the way opens it again and is delivered in order.
func TestContactRoomFails(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		r := w.loadedRoom(w.contactRoom())
		hold := make(chan struct{})
		r.box.force(heldRoomEvent{hold})
		w.settle()
		r.box.force(brokenRoomEvent{})
		for n := range 5 {
			ada.to(bo.chat(), "chat", "msg", map[string]any{"message": fmt.Sprint("m", n)}, "")
		}
		ada.to(bo.chat(), "chat", "log", nil, "r-1")
		close(hold)
		w.settle()
		inOrder(t, bo.take(), `"message":"m0"`, `"message":"m1"`, `"message":"m2"`, `"message":"m3"`, `"message":"m4"`)
		ada.reply(ada.take(), "r-1", string(bo.id), "chat")
		bo.say(ada.chat(), "all well")
		ada.got("all well")
		w.contactRoom()
	})
}

// TestWriteWhileARoomEnds, over and over: nothing is lost without a word.
func TestWriteWhileARoomEnds(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		for n := range 50 {
			w.loadedRoom(w.contactRoom())
			var wg sync.WaitGroup
			text := fmt.Sprintf("text-%02d", n)
			wg.Go(func() { w.hub.room(w.contactRoom()).box.force(brokenRoomEvent{}) })
			wg.Go(func() { ada.to(bo.chat(), "chat", "msg", map[string]any{"message": text}, "") })
			wg.Wait()
			w.settle()
			if frames := ada.take(); index(frames, text) < 0 {
				t.Fatalf("%s is lost: %q", text, frames)
			}
		}
	})
}

// TestContactFloodIsHeldBack: however fast somebody writes, what waits for a room stays
// bounded.
func TestContactFloodIsHeldBack(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		r := w.loadedRoom(w.contactRoom())
		hold := make(chan struct{})
		r.box.force(heldRoomEvent{hold})
		w.settle()
		a := w.hub.account(ada.id)
		a.pending.Add(1) // as if something waited for another chat
		for n := range 3 * mailboxSize {
			ada.to(bo.chat(), "chat", "msg", map[string]any{"message": fmt.Sprint("m", n)}, "")
		}
		w.settle()
		if n := len(r.box.queue); n > 2*mailboxSize {
			t.Errorf("%d events wait for the room", n)
		}
		a.pending.Add(-1)
		ada.got("ERR_BUSY")
		close(hold)
	})
}

// TestAddRelations: FriendCore tells of relations by its own ids.
func TestAddRelations(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		cy := w.resolve(user("cy"))
		ada.take()
		bo.take()
		add := func() {
			if err := w.hub.AddRelations(context.Background(), "f-ada", []string{"f-bo", "f-cy", "f-unknown", "f-ada"}); err != nil {
				t.Fatal(err)
			}
			w.settle()
		}
		add()
		frames := ada.take()
		if index(frames, "relation-add", string(bo.id)) < 0 || index(frames, "relation-add", string(cy)) < 0 || len(frames) != 2 {
			t.Errorf("ada got %q", frames)
		}
		bo.got(`"type":"relation-add","data":{"clientId":"` + string(ada.id))
		add()
		if frames := append(ada.take(), bo.take()...); len(frames) > 0 {
			t.Errorf("known relations are told again: %q", frames)
		}
		w.login("cy").got(`"relations":{"` + string(ada.id))
		for _, source := range []string{"f-unknown", ""} {
			if err := w.hub.AddRelations(context.Background(), source, []string{"f-bo"}); err != nil {
				t.Error(err)
			}
		}
		w.store.failOnly("Relate")
		if err := w.hub.AddRelations(context.Background(), "f-bo", []string{"f-cy"}); err == nil {
			t.Error("a failure is not told")
		}
	})
}

// TestHalfARelation: a damaged one does not keep the other side from reading.
func TestHalfARelation(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		ada.said(bo.chat(), "hello")
		w.store.relations = slices.DeleteFunc(w.store.relations, func(r Relation) bool { return r.Account == bo.id })
		w.restart()
		ada, bo = w.login("ada"), w.login("bo")
		ada.take()
		ada.to(bo.chat(), "chat", "log", nil, "")
		ada.got(`"type":"log"`, "hello", `"`+string(bo.id)+`":{"userId":`, `"`+string(ada.id)+`":{"userId":`)
		ada.say(bo.chat(), "still here")
		if n := w.hub.Stats().Panics; n != 0 {
			t.Errorf("%d defects", n)
		}
	})
}

// TestLoginWhileTheChatIsUsed: who logs in gets what is written from the next moment on.
func TestLoginWhileTheChatIsUsed(t *testing.T) {
	withChat(t, func(t *testing.T, w *world, ada, bo *person) {
		bo.logout()
		ada.say(bo.chat(), "while away")
		bo = w.login("bo")
		bo.got(`"type":"initialize"`, "while away", `"state":{"users"`)
		ada.say(bo.chat(), "now")
		inOrder(t, bo.take(), `"type":"join"`, `"message":"now"`)
	})
}

// TestWrittenBehindOpenChat: what is written right behind the first open-chat, or
// behind relation-add, is kept until the chat is there, in order, also if both begin
// at once; and whoever wrote hears of it if there will be none.
func TestWrittenBehindOpenChat(t *testing.T) {
	for _, first := range []string{"contact", "relation-add"} {
		inWorld(t, func(t *testing.T, w *world) {
			ada, bo := w.login("ada"), w.login("bo")
			begin := func(p, other *person) {
				if first == "contact" {
					p.post("contact", map[string]any{"type": "open-chat", "data": other.id}, "")
				} else {
					p.post("relation-add", map[string]any{"clientId": other.id}, "")
				}
				for _, text := range []string{"one", "two", "three"} {
					p.post(string(other.id), map[string]any{"type": "chat", "data": map[string]any{
						"type": "msg", "data": map[string]any{"message": text + " of " + string(p.id)},
					}}, "")
				}
			}
			begin(ada, bo)
			begin(bo, ada)
			w.settle()
			for _, p := range []*person{ada, bo} {
				frames := p.take()
				for _, from := range []*person{ada, bo} {
					of := ` of ` + string(from.id)
					inOrder(t, frames, `"type":"relation-add"`, `"type":"join"`, "one"+of, "two"+of, "three"+of)
				}
			}
			if n := len(w.store.relations); n != 2 {
				t.Errorf("there are %d sides of one relation", n)
			}
		})
		inWorld(t, func(t *testing.T, w *world) {
			ada, bo := w.login("ada"), w.login("bo")
			w.store.failOnly("Relate")
			release := w.store.holdUp("Relate")
			ada.post("contact", map[string]any{"type": "open-chat", "data": bo.id}, "r-1")
			ada.post(string(bo.id), map[string]any{"type": "chat", "requestId": "r-2", "data": map[string]any{
				"type": "msg", "requestId": "r-2", "data": map[string]any{"message": "lost?"},
			}}, "")
			w.settle()
			release()
			w.settle()
			frames := ada.take()
			for _, want := range []string{"ERR_COULD_NOT_RELATE", "ERR_TRY_LATER"} {
				if !strings.Contains(strings.Join(frames, " "), want) {
					t.Errorf("without %s ada got %q", want, frames)
				}
			}
			w.store.setFault(nil)
			ada.post("contact", map[string]any{"type": "open-chat", "data": bo.id}, "")
			w.settle()
			inOrder(t, ada.take(), `"type":"relation-add"`, `"type":"join"`)
		})
	}
}
