package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// serve makes a request of an app and returns the reply as text, or the code of the
// refusal.
func (w *world) serve(origin, request string, data any) string {
	w.t.Helper()
	text, isText := data.(string)
	if !isText {
		text = string(encode(data))
	}
	response, err := w.hub.ServiceRequest(context.Background(), origin, strings.Split(request, "/"), json.RawMessage(text))
	w.settle()
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal.Code
	case err != nil:
		return "failed: " + err.Error()
	}
	return string(encode(response))
}

// served creates a room by an app's request.
func (w *world) served(origin, name string, groups ...string) (RoomID, string) {
	w.t.Helper()
	var answer serviceRoom
	text := w.serve(origin, "room/create", map[string]any{"name": name, "workgroups": groups})
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		w.t.Fatal(text)
	}
	return answer.RoomID, text
}

// TestServiceCreate: the reply's keys in their order, the workgroups, the token, the
// owner's join.
func TestServiceCreate(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo, cy := w.login("ada"), w.login("bo"), w.login("cy")
		w.sync(group("11", "ada", "bo"), group("12", "cy"))
		ada.take()
		cy.take()
		room, text := w.served("f-ada", " Planning (Ada) ", "u-11", "u-12", "u-unknown") // she is not in 12
		token := w.store.rooms[room].PublicToken
		want := `{"roomId":"` + string(room) + `","ownerId":"f-ada","name":"Planning (Ada)","invite":{"type":"public","data":{"token":"` + token +
			`","host":"localhost/presence/guest/"}}}`
		if text != want || token == "" {
			t.Errorf("the reply is %s, want %s", text, want)
		}
		ada.got(`"type":"join"`, string(room))
		bo.got(`"type":"join"`, string(room))
		cy.gotNone("join")
		if d := w.store.rooms[room]; d.Room.OwnerID != ada.id || len(d.Assigned) != 1 || d.Assigned[0].FID != "11" {
			t.Errorf("stored are %+v", d)
		}
		w.login("admin")
		if room, _ := w.served("f-admin", "All", "u-11", "u-12"); len(w.store.rooms[room].Assigned) != 2 {
			t.Errorf("an admin's workgroups are %v", w.store.rooms[room].Assigned)
		}
		for _, data := range []any{map[string]any{}, map[string]any{"name": " "}, map[string]any{"name": 7}, `"text"`, `[]`, map[string]any{"name": "a\x07"}} {
			if got := w.serve("f-ada", "room/create", data); got != "ERR_INVALID_NAME" {
				t.Errorf("%v is answered with %s", data, got)
			}
		}
		rooms := len(w.store.rooms)
		w.store.failOnly("CreateRoom")
		if got := w.serve("f-ada", "room/create", map[string]any{"name": "x"}); got != "ERR_CREATE_FAILED" {
			t.Errorf("answered with %s", got)
		}
		w.store.failOnly("AddToken")
		if got := w.serve("f-ada", "room/create", map[string]any{"name": "x"}); got != "ERR_CREATE_FAILED" || len(w.store.rooms)-len(w.store.removed) != rooms {
			t.Errorf("answered with %s; %d rooms are there", got, len(w.store.rooms))
		}
	})
}

// TestServiceOrigin: who asks, and what for, is looked at first.
func TestServiceOrigin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		w.resolve(user("eve"))
		w.syncUsers(User{ID: "f-eve", Login: "eve", Name: "Eve", Disabled: true})
		for request := range serviceHandlers {
			noData, noOrigin := "ERR_NO_REQUEST", "ERR_NO_ORIGIN_USER"
			if request == "create" {
				noData, noOrigin = "ERR_NO_REQ", "ERR_NO_ORIGIN"
			}
			for _, tc := range []struct{ origin, data, code string }{
				{"f-ada", "", noData}, {"f-ada", "null", noData}, {"", `{"roomId":"x"}`, noOrigin},
				{"f-unknown", `{"roomId":"x"}`, "ERR_INVALID_ORIGIN"}, {"f-eve", `{"roomId":"x"}`, "ERR_INVALID_ORIGIN"},
			} {
				if got := w.serve(tc.origin, "room/"+request, tc.data); got != tc.code {
					t.Errorf("%s %s of %q is answered with %s, want %s", request, tc.data, tc.origin, got, tc.code)
				}
			}
		}
		for _, path := range []string{"room/unknown", "room", "other/get", "room/get/more", ""} {
			if got := w.serve("f-ada", path, `"`+string(room)+`"`); got != "ERR_NO_LISTENER" {
				t.Errorf("%q is answered with %s", path, got)
			}
		}
	})
}

func TestServiceUpdate(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo, adm := w.login("ada"), w.login("bo"), w.login("adm")
		room, temporary := ada.makeRoom("Road map"), ada.makeRoom("")
		ada.add(room, bo)
		ada.add(room, adm)
		bo.take()
		update := func(origin string, id any, what string, value any) string {
			return w.serve(origin, "room/update", map[string]any{"roomId": id, "update": what, "value": value})
		}
		if got, want := update("f-ada", room, "name", " Other "), `{"roomId":"`+string(room)+`","name":"Other"}`; got != want {
			t.Errorf("answered with %s, want %s", got, want)
		}
		inOrder(t, bo.take(), `"type":"update","data":{"success":true,"setting":"roomName","value":"Other"}`, `"type":"room-update"`)
		for _, tc := range []struct {
			origin string
			id     any
			what   string
			value  any
			code   string
		}{
			{"f-bo", room, "name", "x", "ERR_NOT_OWNER"},
			{"f-adm", room, "name", "x", "ERR_NOT_OWNER"},
			{"f-ada", "room-unknown", "name", "x", "ERR_INVALID_ROOM_ID"},
			{"f-ada", temporary, "name", "x", "ERR_INVALID_ROOM_ID"},
			{"f-ada", "cont-1", "name", "x", "ERR_INVALID_ROOM_ID"},
			{"f-ada", nil, "name", "x", "ERR_INVALID_ROOM_ID"},
			{"f-ada", 7, "name", "x", "ERR_INVALID_ROOM_ID"},
			{"f-ada", room, "", "x", "ERR_MISSING_INPUT"},
			{"f-ada", room, "name", nil, "ERR_MISSING_INPUT"},
			{"f-ada", room, "owner", "x", "ERR_UNHANDLED_UPDATE"},
			{"f-ada", room, "name", " ", "ERR_INVALID_NAME"},
			{"f-ada", room, "name", 7, "ERR_INVALID_NAME"},
		} {
			if got := update(tc.origin, tc.id, tc.what, tc.value); got != tc.code {
				t.Errorf("%s %v %s %v: answered with %s, want %s", tc.origin, tc.id, tc.what, tc.value, got, tc.code)
			}
		}
		w.store.failOnly("RenameRoom")
		if got := update("f-ada", room, "name", "x"); got != "ERR_NOT_STORED" {
			t.Errorf("answered with %s", got)
		}
	})
}

// TestServiceRemove: the members see the room close, its tokens are dead, and it is
// nowhere (defect 20).
func TestServiceRemove(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo, cy := w.login("ada"), w.login("bo"), w.login("cy")
		w.login("adm")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		token := ada.publicToken(room)
		bo.take()
		remove := func(origin string, id any) string {
			return w.serve(origin, "room/remove", map[string]any{"roomId": id})
		}
		for origin, code := range map[string]string{"f-bo": "ERR_NOT_OWNER", "f-cy": "ERR_NOT_OWNER", "f-adm": "ERR_NOT_OWNER"} {
			if got := remove(origin, room); got != code {
				t.Errorf("%s: answered with %s, want %s", origin, got, code)
			}
		}
		w.store.failOnly("RemoveRoom")
		if got := remove("f-ada", room); got != "ERR_DESTROY_FAILED" {
			t.Errorf("answered with %s", got)
		}
		bo.gotNone("authed")
		w.store.setFault(nil)
		if got := remove("f-ada", room); got != `"`+string(room)+`"` {
			t.Errorf("answered with %s", got)
		}
		frames := bo.take()
		inOrder(t, frames, `"type":"authed","data":{"userId":"`+string(bo.id)+`","worgId":null,"isAuthed":false}`, `{"type":"close","data":"`+string(room)+`"}`)
		for range 2 {
			if got := remove("f-ada", room); got != "ERR_INVALID_ROOM_ID" {
				t.Errorf("a removed room is answered with %s", got)
			}
			cy.join(room, token).fails(t, "ERR_COULD_NOT_JOIN")
			w.restart()
			cy = w.login("cy")
			w.login("bo").gotNone("join")
		}
		for _, id := range []any{"room-unknown", nil, 7, "cont-1", "worg-1"} {
			if got := remove("f-ada", id); got != "ERR_INVALID_ROOM_ID" {
				t.Errorf("%v: answered with %s", id, got)
			}
		}
	})
}

// TestServiceDelete: owner or admin, each id for itself (defect 19).
func TestServiceDelete(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		w.login("adm")
		first, second, temporary := ada.makeRoom("First"), ada.makeRoom("Second"), ada.makeRoom("")
		byBo := bo.makeRoom("Third")
		ada.take()
		ids := []any{first, byBo, "room-unknown", temporary, first}
		got := w.serve("f-ada", "room/delete", map[string]any{"roomId": ids})
		want := string(encode(map[RoomID]any{first: 0, byBo: "ERR_NOT_OWNER", "room-unknown": "ERR_NO_ROOM", temporary: "ERR_NO_ROOM"}))
		if got != want {
			t.Errorf("answered with %s, want %s", got, want)
		}
		ada.got(`"type":"close","data":"` + string(first) + `"`)
		w.store.failOnly("RemoveRoom")
		if got := w.serve("f-ada", "room/delete", map[string]any{"roomId": []any{second}}); got != `{"`+string(second)+`":"ERR_DESTROY_FAILED"}` {
			t.Errorf("answered with %s", got)
		}
		w.store.setFault(nil)
		if got := w.serve("f-adm", "room/delete", map[string]any{"roomId": []any{second}}); got != `{"`+string(second)+`":0}` {
			t.Errorf("the admin is answered with %s", got)
		}
		if got := w.serve("f-adm", "room/delete", map[string]any{"roomId": []any{}}); got != `{}` {
			t.Errorf("none: answered with %s", got)
		}
		for _, data := range []any{map[string]any{"roomId": "x"}, `"x"`, map[string]any{"roomId": make([]string, maxDeleted+1)}} {
			if got := w.serve("f-ada", "room/delete", data); got != "ERR_NO_REQUEST" {
				t.Errorf("answered with %s", got)
			}
		}
	})
}

// TestServiceGet: exactly these keys, tokens for owner and admins only (defect 19).
func TestServiceGet(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		cy := w.login("cy")
		w.login("adm")
		w.login("eve")
		w.sync(group("11", "ada", "cy"))
		room, _ := w.served("f-ada", "Planning", "u-11")
		ada.add(room, bo)
		ada.say(room, "hello")
		token := w.store.rooms[room].PublicToken
		created := w.store.rooms[room].Room.Created.UTC().Format("2006-01-02T15:04:05.000Z")
		reply := func(invites string) string {
			return `{"room":{"clientId":"` + string(room) + `","workgroupId":null,"name":"Planning","ownerId":"` + string(ada.id) +
				`","settings":{},"isPrivate":0,"created":"` + created + `","lastActivity":null},"authorized":[{"accountId":"` + string(ada.id) + `"},{"accountId":"` + string(bo.id) +
				`"}],"workgroups":[{"fId":"11","fUId":"u-11","fParentId":null,"name":"Group 11","clientId":"friend_wg_11","parentId":null,"users":2}],"invites":` + invites +
				`,"messages":{"total":1,"edits":0}}`
		}
		withToken := reply(`[{"token":"` + token + `","singleUse":0}]`)
		for origin, want := range map[string]string{"f-ada": withToken, "f-adm": withToken, "f-bo": reply("[]"), "f-cy": reply("[]"), "f-eve": "ERR_NOT_MEMBER"} {
			if got := w.serve(origin, "room/get", `"`+string(room)+`"`); got != want {
				t.Errorf("%s is answered with %s, want %s", origin, got, want)
			}
		}
		empty := `{"authorized":[],"workgroups":[],"invites":[],"messages":{"total":0,"edits":0}}`
		bo.say(RoomID(cy.id), "x")
		for _, id := range []RoomID{"room-unknown", ada.makeRoom(""), "cont-1", RoomID(strings.Repeat("x", 5000))} {
			if got := w.serve("f-ada", "room/get", `"`+string(id)+`"`); got != empty {
				t.Errorf("%.20s: answered with %s", id, got)
			}
		}
		for _, data := range []string{`""`, `7`, `{"roomId":"x"}`} {
			if got := w.serve("f-ada", "room/get", data); got != "ERR_NO_REQUEST" {
				t.Errorf("%s: answered with %s", data, got)
			}
		}
		ada.ask(room, "", "leave", nil).is(t, "null") // still the owner
		if got := w.serve("f-ada", "room/get", `"`+string(room)+`"`); !strings.Contains(got, token) {
			t.Errorf("the owner who left is answered with %s", got)
		}
		w.store.failOnly("Overview")
		if got := w.serve("f-ada", "room/get", `"`+string(room)+`"`); !strings.HasPrefix(got, "failed") {
			t.Errorf("answered with %s", got)
		}
	})
}

func TestServiceIsUserInRoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		for _, name := range []string{"bo", "cy"} {
			w.resolve(user(name))
		}
		w.sync(group("11", "ada", "cy"))
		room, _ := w.served("f-ada", "Planning", "u-11")
		temporary := ada.makeRoom("")
		for _, tc := range []struct{ user, room, want any }{
			{"f-ada", room, "true"}, {"f-cy", room, "true"}, {"f-bo", room, "false"},
			{"f-unknown", room, "ERR_INVALID_USERID"}, {"f-ada", "room-unknown", "ERR_NOT_A_ROOM"}, {"f-ada", temporary, "ERR_NOT_A_ROOM"},
			{"", room, "ERR_INVALID_ARGS"}, {"f-ada", nil, "ERR_INVALID_ARGS"}, {7, room, "ERR_INVALID_ARGS"},
			{"f-ada", strings.Repeat("x", 5000), "ERR_INVALID_ARGS"},
		} {
			if got := w.serve("f-bo", "room/isUserInRoom", map[string]any{"userId": tc.user, "roomId": tc.room}); got != tc.want {
				t.Errorf("%v in %.20v: answered with %s, want %s", tc.user, tc.room, got, tc.want)
			}
		}
		if got := w.serve("f-bo", "room/isUserInRoom", `"text"`); got != "ERR_NO_REQUEST_DATA" {
			t.Errorf("answered with %s", got)
		}
	})
}

// TestServiceOfARoomThatSleeps: a room that just leaves memory answers all the same.
func TestServiceOfARoomThatSleeps(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		token := ada.publicToken(room)
		ada.logout()
		r := w.loadedRoom(room)
		hold := make(chan struct{})
		r.box.force(heldRoomEvent{hold})
		w.settle()
		w.pass(9 * time.Minute)
		r.box.force(emptyEvent{})
		time.Sleep(2 * time.Minute) // virtual
		replies := make(chan string, 2)
		go func() { replies <- w.serveNow("f-ada", room) }()
		go func() {
			_, err := w.hub.AdmitGuest(context.Background(), GuestClaim{Token: token, Room: room})
			replies <- fmt.Sprint(err)
		}()
		synctest.Wait()
		ada.post("initialize", nil, "")
		id, _ := w.hub.Resolve(context.Background(), user("ada"))
		if err := w.hub.Open(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		ada.post("initialize", nil, "")
		synctest.Wait()
		close(hold)
		got := []string{<-replies, <-replies}
		slices.Sort(got)
		if want := []string{"<nil>", "<nil>"}; !slices.Equal(got, want) {
			t.Errorf("the answers are %q", got)
		}
		ada.got(`"type":"join"`, string(room))
	})
}

func (w *world) serveNow(origin string, room RoomID) string {
	data := encode(map[string]any{"roomId": room, "update": "name", "value": "Other"})
	_, err := w.hub.ServiceRequest(context.Background(), origin, []string{"room", "update"}, data)
	return fmt.Sprint(err)
}

// TestServiceGivesUp: who waits for a room that does not answer waits no longer than
// it wants to, and the room still does what it was asked.
func TestServiceGivesUp(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		hold := make(chan struct{})
		w.loadedRoom(room).box.force(heldRoomEvent{hold})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := w.hub.ServiceRequest(ctx, "f-ada", []string{"room", "remove"}, encode(map[string]any{"roomId": room}))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		close(hold)
		ada.got(`"type":"close"`)
	})
}

// TestUnknownRoomIsNotRemembered: what is unknown today may be there tomorrow, and
// asking for it leaves nothing in memory (defect 23).
func TestUnknownRoomIsNotRemembered(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		for n := range 5 {
			id := RoomID(fmt.Sprint("room-", n))
			ada.join(id, "public-1").fails(t, "ERR_COULD_NOT_JOIN")
			w.serve("f-ada", "room/remove", map[string]any{"roomId": id})
		}
		w.settle()
		if n := w.hub.Stats().Rooms; n != 0 {
			t.Errorf("%d rooms are in memory", n)
		}
		w.store.mu.Lock()
		w.store.rooms["room-1"] = &RoomData{Room: RoomRecord{ID: "room-1", Name: "Late", OwnerID: ada.id, Settings: []byte("{}")}, Authorized: []AccountID{ada.id}}
		w.store.tokens = append(w.store.tokens, Token{Type: publicToken, Token: "public-1", Room: "room-1"})
		w.store.mu.Unlock()
		ada.join("room-1", "public-1").into(t, new(roomConf))
	})
}
