package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"presence/friendcore/friendcoretest"
)

// asks has an app of FriendCore ask the server in somebody's name; it returns the
// answer with response and error (docs/protocol.md 12.3).
func (f *friendCore) asks(by person, path string, data any) object {
	f.t.Helper()
	params, err := json.Marshal(data)
	if err != nil {
		f.t.Fatal(err)
	}
	text, ok := f.Ask(by.fUserID, path, string(params))
	if !ok {
		f.t.Fatalf("%s: no answer", path)
	}
	var answer object
	if err := json.Unmarshal(text, &answer); err != nil {
		f.t.Fatalf("%s: %s: %v", path, text, err)
	}
	return answer
}

// TestAppsOfStrangers: an app changes and sees a room for its owner only, removes it
// for admins too, and contact rooms for nobody.
func TestAppsOfStrangers(t *testing.T) {
	s, core := withFriendCore(t)
	alice, bob, carol := core.person("alice"), core.person("bob"), core.person("carol")
	adam := core.personOf(friendcoretest.User{Login: "adam", FullName: "Adam", Level: "Admin"})
	off := core.personOf(friendcoretest.User{Login: "off", FullName: "Off", Status: friendcoretest.Disabled})
	nobody := person{fUserID: "00000000000000000000000000000000"}
	ada, bo := s.login(t, alice, ws), s.login(t, bob, ws)
	s.login(t, carol, ws)
	s.login(t, adam, tcp) // only a login tells that he is an admin
	made := core.asks(alice, "room/create", object{"name": "By app"})
	room, _ := dig(made, "response", "roomId").(string)
	token, _ := dig(made, "response", "invite", "data", "token").(string)
	ada.expect(ada.event(object{"type": "join", "data": object{"joined": object{"clientId": room, "name": "By app"}}}))
	ada.add(room, bo)
	inChat(ada, bo)
	ada.say(bo.id, "private matter")
	behind, _ := bo.sees(ada.id, "private matter")["roomId"].(string)
	temporary := ada.createRoom("")

	update := object{"roomId": room, "update": "name", "value": "Taken"}
	for _, c := range []struct {
		what, path string
		by         person
		data       any
		want       string // error
	}{
		{"a stranger renames", "room/update", carol, update, "ERR_NOT_OWNER"},
		{"a member renames", "room/update", bob, update, "ERR_NOT_OWNER"},
		{"an admin renames", "room/update", adam, update, "ERR_NOT_OWNER"},
		{"nobody renames", "room/update", nobody, update, "ERR_INVALID_ORIGIN"},
		{"the disabled rename", "room/update", off, update, "ERR_INVALID_ORIGIN"},
		{"without origin", "room/update", person{}, update, "ERR_NO_ORIGIN_USER"},
		{"no name", "room/update", alice, object{"roomId": room, "update": "name", "value": " "}, "ERR_INVALID_NAME"},
		{"a stranger removes", "room/remove", carol, object{"roomId": room}, "ERR_NOT_OWNER"},
		{"a member removes", "room/remove", bob, object{"roomId": room}, "ERR_NOT_OWNER"},
		{"nobody removes", "room/remove", nobody, object{"roomId": room}, "ERR_INVALID_ORIGIN"},
		{"a stranger gets", "room/get", carol, room, "ERR_NOT_MEMBER"},
		{"a contact room renamed", "room/update", alice, object{"roomId": behind, "update": "name", "value": "x"}, "ERR_INVALID_ROOM_ID"},
		{"a contact room removed", "room/remove", alice, object{"roomId": behind}, "ERR_INVALID_ROOM_ID"},
		{"a temporary room removed", "room/remove", alice, object{"roomId": temporary}, "ERR_INVALID_ROOM_ID"},
		{"nobody creates", "room/create", nobody, object{"name": "x"}, "ERR_INVALID_ORIGIN"},
		{"the disabled create", "room/create", off, object{"name": "x"}, "ERR_INVALID_ORIGIN"},
		{"who asks for nobody", "room/isUserInRoom", alice, object{"userId": nobody.fUserID, "roomId": room}, "ERR_INVALID_USERID"},
		{"another path", "room/steal", alice, object{"roomId": room}, "ERR_NO_LISTENER"},
	} {
		if answer := core.asks(c.by, c.path, c.data); answer["error"] != c.want || answer["response"] != nil {
			t.Errorf("%s: %s, want %s", c.what, show(answer), c.want)
		}
	}
	for by, want := range map[string]any{"carol": "ERR_NOT_OWNER", "bob": "ERR_NOT_OWNER"} {
		if answer := core.asks(map[string]person{"carol": carol, "bob": bob}[by], "room/delete", object{"roomId": list{room}}); dig(answer, "response", room) != want {
			t.Errorf("%s deletes: %s", by, show(answer))
		}
	}
	if answer := core.asks(adam, "room/delete", object{"roomId": list{behind, temporary}}); show(answer["response"]) != fmt.Sprintf(`{"%s":"ERR_NO_ROOM","%s":"ERR_NO_ROOM"}`, behind, temporary) {
		t.Errorf("an admin deletes what is none of his: %s", show(answer))
	}
	if answer := core.asks(alice, "room/get", behind); dig(answer, "response", "room") != nil {
		t.Errorf("get of a contact room: %s", show(answer))
	}
	for who, want := range map[person]bool{alice: true, bob: true, carol: false, adam: false} {
		if answer := core.asks(carol, "room/isUserInRoom", object{"userId": who.fUserID, "roomId": room}); answer["response"] != want {
			t.Errorf("is %s in the room: %s", who.login, show(answer))
		}
	}
	for _, c := range []struct {
		by   person
		want int // invites
	}{{alice, 1}, {adam, 1}, {bob, 0}} {
		answer := core.asks(c.by, "room/get", room)
		if invites, _ := dig(answer, "response", "invites").(list); len(invites) != c.want || dig(answer, "response", "room", "name") != "By app" {
			t.Errorf("%s gets %s", c.by.login, show(answer))
		}
	}
	if _, in := s.try(t, ws, room, token); !in {
		t.Error("the link of the app lets nobody in")
	}
	ada.say(room, "still here")
	bo.sees(room, "still here")
	if answer := core.asks(adam, "room/delete", object{"roomId": list{room}}); dig(answer, "response", room) != 0.0 {
		t.Errorf("an admin deletes: %s", show(answer))
	}
	for _, u := range []*user{ada, bo} {
		u.expect(u.event(object{"type": "close", "data": room}))
	}
	forged, err := json.Marshal(object{"sourceId": alice.fUserID, "contactIds": list{carol.fUserID}})
	if err != nil {
		t.Fatal(err)
	}
	core.Event(carol.fUserID, "user/relation-add", string(forged))
	core.asks(carol, "room/get", room) // it is answered behind the event
	ada.initialize()
	if related, _ := ada.state["relations"].(object); len(related) != 1 {
		t.Errorf("the relations of ada are %s", show(related))
	}
	ada.openChat(bo)
	ada.say(bo.id, "still friends")
	bo.sees(ada.id, "still friends")
}

// TestNotifiedOnce: each message is told once, to those who are away, in rooms and in
// contact rooms; not to those who look at the room, to its author or to guests.
func TestNotifiedOnce(t *testing.T) {
	s, core := withFriendCore(t)
	ada, bo, cy := s.login(t, core.person("ada"), ws), s.login(t, core.person("bo"), ws), s.login(t, core.person("cy"), tcp)
	dee := s.login(t, core.person("dee"), ws)
	room := ada.createRoom("Harbor")
	for _, u := range []*user{bo, cy, dee} {
		ada.add(room, u)
	}
	s.guest(t, ws, room, ada.token(room, "public"), "Gil")
	inChat(ada, bo)
	for _, u := range []*user{ada, cy} {
		u.toRoom(room, object{"type": "active", "data": object{"isActive": true}})
		u.barrier(room)
	}
	s.goes(bo, 4)
	s.goes(dee, 3)
	const written = 3
	var want []string
	for n := range written {
		text := fmt.Sprint("hello ", n)
		ada.say(room, text)
		cy.sees(room, text)
		ada.say(bo.id, text)
		ada.sees(bo.id, text)
		want = append(want, "Ada: "+text+" [bo dee]", text+" [bo]")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := core.WaitNotifications(ctx, len(want)); err != nil {
		t.Fatal(err)
	}
	s.stop() // what is still to be told is told or given up
	var got []string
	for _, n := range core.Notifications() {
		slices.Sort(n.Users)
		got = append(got, fmt.Sprint(n.Message, " ", n.Users))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("told: %q\nwant: %q", got, want)
	}
}
