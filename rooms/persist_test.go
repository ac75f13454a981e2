package rooms

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPersist: room, log, members, tokens and name are stored in one step, and
// everybody is told.
func TestPersist(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo, cy := w.login("ada"), w.login("bo"), w.login("cy")
		room := ada.makeRoom("")
		ada.add(room, bo)
		ada.add(room, cy)
		for n := range 3 {
			ada.say(room, fmt.Sprint("text ", n))
		}
		bo.confirm(room, w.loadedRoom(room).chat.tail[1].ID)
		var link inviteLink
		bo.ask(room, "invite", "public", nil).into(t, &link)
		ada.to(room, "settings", "setting", map[string]any{"setting": "userLimit", "value": 7}, "")
		cy.logout()
		ada.take()
		bo.take()
		var calls []string
		w.store.onCall(func(name string) { calls = append(calls, name) })

		ada.to(room, "", "persist", map[string]any{"name": "  Road map ", "persistent": true}, "r-1")
		frames := ada.take()
		inOrder(t, frames, `{"type":"persistent","data":{"persistent":true,"name":"Road map"}}`,
			`{"type":"authed","data":{"userId":"`+string(ada.id)+`","worgId":null,"isAuthed":true}}`,
			`{"type":"room-update","data":{"clientId":"`+string(room)+`","name":"Road map","avatar":"data:image/png`, `"requestId":"r-1"`)
		var conf roomConf
		if ada.reply(frames, "r-1", string(room)).into(t, &conf); !conf.Persistent || conf.Name != "Road map" {
			t.Errorf("the reply is %v", conf)
		}
		inOrder(t, bo.take(), `"persistent"`, `"room-update"`)
		if !slices.Equal(calls, []string{"PersistRoom"}) {
			t.Errorf("the database was called for %v, want one step", calls)
		}
		w.store.onCall(nil)

		stored := w.store.rooms[room]
		if want := []AccountID{ada.id, bo.id, cy.id}; !slices.Equal(stored.Authorized, want) {
			t.Errorf("authorized are %v, want %v", stored.Authorized, want)
		}
		if got := texts(w.store.messages[room]); !slices.Equal(got, []string{"text 0", "text 1", "text 2"}) {
			t.Errorf("the stored log is %v", got)
		}
		if stored.PublicToken != link.Token || w.mark(room, bo.id).MsgID != w.store.messages[room][1].ID || len(stored.Marks) != 3 {
			t.Errorf("stored are the token %s and the marks %v", stored.PublicToken, stored.Marks)
		}

		w.restart()
		bo = w.login("bo")
		bo.got("join", string(room), "Road map")
		if s := bo.state(room); s.OwnerID != ada.id || s.Settings.UserLimit != 7 || len(s.Users) != 3 || bo.unread(room) != "1" {
			t.Errorf("after a restart the state is %v", s)
		}
		dee := w.login("dee")
		dee.request("room-join", map[string]any{"invite": map[string]any{"token": link.Token, "roomId": room}}).into(t, &conf)
	})
}

// TestPersistedRoomIsLikeAnyOther: it goes on without a restart.
func TestPersistedRoomIsLikeAnyOther(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		for n := range 120 { // more than memory keeps: the older part is gone for good
			ada.say(room, fmt.Sprint(n))
		}
		ada.to(room, "", "persist", map[string]any{"name": "Road map"}, "")
		ada.say(room, "stored")
		all := w.store.messages[room]
		if len(all) != len(w.loadedRoom(room).chat.tail) || all[len(all)-1].Text != "stored" {
			t.Errorf("%d messages are stored", len(all))
		}
		_, page := ada.logAnswer(room, map[string]any{"firstTime": all[0].Time})
		sameMessages(t, "what is older than the log", page, nil)
		ada.logout()
		w.pass(11 * time.Minute)
		if w.loadedRoom(room) != nil || len(w.hub.temps) != 0 {
			t.Error("the room is still taken for a temporary one")
		}
		w.login("ada").got("join", string(room), `"persistent":true`)
	})
}

func TestWhoMayPersist(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo, admin := w.login("ada"), w.login("bo"), w.login("admin")
		persist := func(p *person, room RoomID) replyFrame {
			return p.ask(room, "", "persist", map[string]any{"name": "Road map"})
		}
		room := ada.makeRoom("")
		ada.add(room, bo)
		ada.add(room, admin)
		persist(bo, room).fails(t, "ERR_NOT_ADMIN")
		bo.to(room, "", "persist", map[string]any{"name": "x"}, "")
		bo.got(`{"type":"settings","data":{"type":"update","data":{"success":false,"errMsg":"ERR_NOT_ADMIN","setting":"roomName","value":null}}}`)
		ada.gotNone("settings")
		persist(admin, room).into(t, new(roomConf))
		persist(ada, room).fails(t, "ERR_ALREADY_PERSISTENT")
		if got := w.store.rooms[room].Room.OwnerID; got != ada.id {
			t.Errorf("the owner is %s", got)
		}
	})
}

func TestPersistNeedsAName(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("")
		for _, data := range []any{
			nil, "Road map", map[string]any{}, map[string]any{"name": nil}, map[string]any{"name": 7}, map[string]any{"name": ""},
			map[string]any{"name": " \t"}, map[string]any{"name": "a\nb"}, map[string]any{"name": strings.Repeat("ä", 192)},
		} {
			ada.ask(room, "", "persist", data).fails(t, "ERR_INVALID_NAME")
		}
		if ada.state(room).Persistent || len(w.store.rooms) > 0 {
			t.Error("the room was stored without a name")
		}
		ada.ask(room, "", "persist", map[string]any{"name": strings.Repeat("ä", 191)}).into(t, new(roomConf))
	})
}

// TestPersistFails: the room stays temporary, with everything that it had.
func TestPersistFails(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("")
		ada.add(room, bo)
		ada.say(room, "hello")
		var link inviteLink
		ada.ask(room, "invite", "public", nil).into(t, &link)
		before := ada.state(room)
		bo.take()
		w.store.failOnly("PersistRoom")
		ada.ask(room, "", "persist", map[string]any{"name": "Road map"}).fails(t, "ERR_NOT_STORED")
		if frames := bo.take(); len(frames) > 0 {
			t.Errorf("bo got %q", frames)
		}
		if after := ada.state(room); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("the state is %v, was %v", after, before)
		}
		bo.logout()
		w.login("bo").got("join", string(room), `"persistent":false`)
		w.store.setFault(nil)
		ada.ask(room, "", "persist", map[string]any{"name": "Road map"}).into(t, new(roomConf))
		if w.store.rooms[room].PublicToken != link.Token {
			t.Error("the token is lost")
		}
	})
}

// TestPersistTellsThoseInTheRoom: an account that is logged in without having asked
// for its state has no room yet that it could be told of.
func TestPersistTellsThoseInTheRoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.open("bo")
		room := ada.makeRoom("")
		other := &person{w, w.resolve(user("other"))}
		ada.add(room, bo)
		ada.add(room, other)
		w.loadedRoom(room).members[bo.id].authorized = false // as in a room of the creator's making
		ada.to(room, "", "persist", map[string]any{"name": "Road map"}, "")
		if frames := bo.take(); len(frames) > 0 {
			t.Errorf("bo got %q", frames)
		}
	})
}
