package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample is data of a client's event.
type sample struct {
	data string // JSON
	code string // the error in the reply, empty: success
}

// samples are the events of one type. $ID, $ROOM, $OTHER stand for the account
// itself, a room it is in, and another account.
type samples struct{ valid, invalid []sample }

// accountSamples has good and bad data of every account event (docs/protocol.md
// 4.4, 4.5). Reply codes are those of the event as a request.
var accountSamples = map[string]samples{
	"initialize": {
		valid:   []sample{{`null`, ""}, {``, ""}},
		invalid: []sample{{`{"x":[1]}`, ""}, {`"text"`, ""}},
	},
	"room-get": {
		valid:   []sample{{`"$ROOM"`, ""}},
		invalid: []sample{{`"room-unknown"`, ""}, {`null`, ""}, {`17`, ""}, {`{"clientId":"$ROOM"}`, ""}},
	},
	"room-create": {
		valid: []sample{{`null`, ""}, {``, ""}, {`{"name":null}`, ""}, {`{"name":"Road map"}`, ""}, {`{"name":" x ","req":"mark","invite":[]}`, ""}},
		invalid: []sample{
			{`"text"`, "ERR_INVALID_DATA"}, {`[1]`, "ERR_INVALID_DATA"},
			{`{"name":"a\u0007b"}`, "ERR_INVALID_NAME"}, {`{"name":"` + strings.Repeat("x", 192) + `"}`, "ERR_INVALID_NAME"},
		},
	},
	"room-join": {
		valid: []sample{{`{"req":"mark","invite":{"token":"x","roomId":"$ROOM"}}`, ""}},
		invalid: []sample{
			{`null`, "ERR_COULD_NOT_JOIN"}, {`{}`, "ERR_COULD_NOT_JOIN"}, {`{"invite":null}`, "ERR_COULD_NOT_JOIN"},
			{`{"invite":"text"}`, "ERR_COULD_NOT_JOIN"}, {`{"invite":{"token":7,"roomId":"$ROOM"}}`, "ERR_COULD_NOT_JOIN"},
			{`{"invite":{"token":"","roomId":"$ROOM"}}`, "ERR_COULD_NOT_JOIN"},
			{`{"invite":{"token":"public-1","roomId":"room-unknown"}}`, "ERR_COULD_NOT_JOIN"},
			{`{"invite":{"token":"public-1","roomId":"cont-1"}}`, "ERR_COULD_NOT_JOIN"},
			{`{"invite":{"token":"public-1","roomId":"room-` + strings.Repeat("x", 500) + `"}}`, "ERR_COULD_NOT_JOIN"},
		},
	},
	"contact-list": {
		valid:   []sample{{`null`, ""}, {``, ""}},
		invalid: []sample{{`{"x":1}`, ""}, {`[[[]]]`, ""}},
	},
	"search-user": {
		valid: []sample{{`{"needle":"bo"}`, ""}, {`{"needle":""}`, ""}, {`{"needle":"%_'\"\\"}`, ""}},
		invalid: []sample{
			{`null`, ""}, {`"bo"`, "ERR_INVALID_DATA"}, {`{"needle":5}`, "ERR_INVALID_DATA"},
			{`{"needle":"` + strings.Repeat("x", 1000) + `"}`, "ERR_INVALID_DATA"},
		},
	},
	"friend-get": {
		valid:   []sample{{`{"friendId":"f-bo"}`, ""}, {`{"friendId":"unknown"}`, ""}, {`{"friendId":""}`, ""}},
		invalid: []sample{{`null`, ""}, {`"f-bo"`, "ERR_INVALID_DATA"}, {`{"friendId":["f-bo"]}`, "ERR_INVALID_DATA"}},
	},
	"identity": {
		valid: []sample{{`{"type":"get","data":"$OTHER"}`, ""}},
		invalid: []sample{
			{`null`, "ERR_INVALID_DATA"}, {`"get"`, "ERR_INVALID_DATA"}, {`{"data":"$OTHER"}`, "ERR_INVALID_DATA"},
			{`{"type":["get"]}`, "ERR_INVALID_DATA"},
		},
	},
	"contact": {
		valid: []sample{{`{"type":"open-chat","data":"$OTHER"}`, ""}},
		invalid: []sample{
			{`null`, "ERR_NO_LISTENER"}, {`"open-chat"`, "ERR_NO_LISTENER"}, {`{"type":"other","data":"$OTHER"}`, "ERR_NO_LISTENER"},
			{`{"type":"open-chat"}`, "ERR_NOT_A_USER"}, {`{"type":"open-chat","data":"acc-unknown"}`, "ERR_NOT_A_USER"},
			{`{"type":"open-chat","data":"$ID"}`, "ERR_NOT_A_USER"}, {`{"type":"open-chat","data":["$OTHER"]}`, "ERR_NOT_A_USER"},
		},
	},
	"relation-add": {
		valid: []sample{{`{"clientId":"$OTHER","name":"Bo"}`, ""}},
		invalid: []sample{
			{`null`, "ERR_INVALID_ID"}, {`{}`, "ERR_INVALID_ID"}, {`{"clientId":7}`, "ERR_INVALID_ID"}, {`"$OTHER"`, "ERR_INVALID_ID"},
			{`{"clientId":"acc-unknown"}`, "ERR_NOT_A_USER"}, {`{"clientId":"$ID"}`, "ERR_NOT_A_USER"}, {`{"clientId":"$ROOM"}`, "ERR_NOT_A_USER"},
		},
	},
	"hidden-list": {
		valid:   []sample{{`null`, ""}, {``, ""}},
		invalid: []sample{{`{"x":1}`, ""}},
	},
	"hidden-open": {
		valid:   []sample{{`"$OTHER"`, ""}},
		invalid: []sample{{`null`, ""}, {`7`, ""}, {`"acc-unknown"`, ""}, {`"$ID"`, ""}, {`{"clientId":"$OTHER"}`, ""}},
	},
	"hidden-close": {
		valid:   []sample{{`"$OTHER"`, ""}},
		invalid: []sample{{`null`, ""}, {`7`, ""}, {`"acc-unknown"`, ""}, {`"$ROOM"`, ""}},
	},
	"invite-response": { // a refusal is in the response, not in the error
		valid:   []sample{{`{"accepted":false,"roomId":"$ROOM","token":"room-1"}`, ""}, {`{"accepted":true,"roomId":"$ROOM","token":"room-1"}`, ""}},
		invalid: []sample{{`null`, ""}, {`"text"`, ""}, {`{"accepted":"yes"}`, ""}, {`{"accepted":true,"roomId":"acc-1","token":"x"}`, ""}},
	},
	"avatar": {
		valid: []sample{{`{"avatar":null}`, ""}, {`{"avatar":false}`, ""}, {`{"avatar":"` + onePixel + `"}`, ""}},
		invalid: []sample{
			{``, "ERR_INVALID_DATA"}, {`"text"`, "ERR_INVALID_DATA"}, {`{"avatar":true}`, "ERR_INVALID_DATA"}, {`{"avatar":7}`, "ERR_INVALID_DATA"},
			{`{"avatar":"x"}`, "ERR_INVALID_AVATAR"}, {`{"avatar":""}`, "ERR_INVALID_AVATAR"}, {`{"avatar":"data:image/png;base64,AAAA"}`, "ERR_INVALID_AVATAR"},
		},
	},
	"account-settings-set": {
		valid: []sample{{`{"key":"hideInSearch","value":true}`, ""}, {`{"key":"hideInSearch","value":false}`, ""}},
		invalid: []sample{
			{`null`, "ERR_INVALID_DATA"}, {`{}`, "ERR_INVALID_DATA"}, {`{"key":"hideInSearch"}`, "ERR_INVALID_DATA"},
			{`{"key":"hideInSearch","value":"yes"}`, "ERR_INVALID_VALUE"}, {`{"key":"hideInSearch","value":null}`, "ERR_INVALID_VALUE"},
			{`{"key":"$.x","value":true}`, "ERR_UNKNOWN_SETTING"}, {`{"key":7,"value":true}`, "ERR_INVALID_DATA"},
			{`{"key":"hideInSearch","value":"` + strings.Repeat("x", 2000) + `"}`, "ERR_INVALID_DATA"},
		},
	},
	"settings": {
		valid:   []sample{{`null`, ""}},
		invalid: []sample{{`{"a":{"b":1}}`, ""}},
	},
	"room": {
		valid:   []sample{{`null`, ""}},
		invalid: []sample{{`[null]`, ""}},
	},
}

// onePixel is a picture.
const onePixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// noReply are the account events that are answered by an event alone, or in a
// channel of their own (docs/protocol.md 3.3, 3.5).
func noReply(typ string, s sample) bool {
	return typ == "initialize" || typ == "identity" && s.code == ""
}

func TestEveryAccountHandlerHasSamples(t *testing.T) {
	for typ := range accountHandlers {
		if s := accountSamples[typ]; len(s.valid) == 0 || len(s.invalid) == 0 {
			t.Errorf("%s has %d valid and %d invalid samples; add some to accountSamples", typ, len(s.valid), len(s.invalid))
		}
	}
	for typ := range accountSamples {
		if accountHandlers[typ].do == nil {
			t.Errorf("%s has samples but no handler", typ)
		}
	}
}

// rawEvent builds an event by hand, so that data may be anything or absent.
func rawEvent(typ, data, requestID string) string {
	event := fmt.Sprintf(`{"type":%q`, typ)
	if data != "" {
		event += `,"data":` + data
	}
	if requestID != "" {
		event += fmt.Sprintf(`,"requestId":%q`, requestID)
	}
	return event + `}`
}

// handle hands a raw event to the hub and waits.
func (p *person) handle(event string) {
	p.w.hub.Handle(context.Background(), p.address(), json.RawMessage(event))
	p.w.settle()
}

// TestAccountSamples sends every sample as event and as request: replies are as
// written above, the account lives on, and a mere event gets no reply.
func TestAccountSamples(t *testing.T) {
	for typ, all := range accountSamples {
		t.Run(typ, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				ada, bo := w.login("ada"), w.login("bo")
				names := strings.NewReplacer("$ID", string(ada.id), "$OTHER", string(bo.id), "$ROOM", string(ada.makeRoom("Home")))
				for _, s := range append(all.valid, all.invalid...) {
					data := names.Replace(s.data)
					ada.take()
					ada.handle(rawEvent(typ, data, ""))
					ada.gotNone(`"requestId"`)
					ada.handle(rawEvent(typ, data, "r-1"))
					if noReply(typ, s) {
						ada.gotNone(`"requestId"`)
						continue
					}
					reply := ada.reply(ada.take(), "r-1")
					if got, _ := reply.Error.(string); got != s.code {
						t.Errorf("%s: the error is %v, want %q", s.data, reply.Error, s.code)
					}
				}
				ada.request("contact-list", nil).is(t, "[]")
				if n := w.hub.Stats().Panics; n != 0 {
					t.Errorf("%d defects", n)
				}
			})
		})
	}
}

// TestUnknownAndMalformedEvents: what is no event is dropped; a request that
// nobody handles is answered.
func TestUnknownAndMalformedEvents(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		ada.take()
		for _, event := range []string{
			``, `null`, `17`, `"text"`, `[]`, `{}`, `{"type":""}`, `{"type":7}`, `{"type":null,"data":1}`, `{`,
			`{"data":null,"requestId":"r"}`, `{"type":"unknown"}`, `{"type":"room-unknown","data":{"type":"initialize"}}`,
			"{\"type\":\"contact-list\",\"requestId\":\"\xff\"}", `{"type":"acc-unknown","data":{"type":"chat"}}`, `{"type":"guest-1","data":{"type":"chat"}}`,
		} {
			ada.handle(event)
			if frames := ada.take(); len(frames) > 0 {
				t.Errorf("%q is answered with %q", event, frames)
			}
		}
		ada.request("unknown", nil).fails(t, "ERR_NO_LISTENER")
		ada.request("room-unknown", map[string]any{"type": "initialize"}).fails(t, "ERR_NO_LISTENER")
		w.hub.Handle(context.Background(), Address{"acc-unknown", 1}, json.RawMessage(`{"type":"initialize"}`))
	})
}

func TestInitialize(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		bo := w.login("bo")
		w.resolve(user("cy"))
		ada := w.open("ada")
		w.sync(group("11", "ada", "bo", "cy"), group("12", "cy"))
		ada.send("initialize", nil, "")
		var e struct {
			Data struct {
				Identities, Relations map[string]any
				Rooms                 []any
				Contacts              []AccountID
				Invites               any
				Workgroups            struct {
					IDs     []WorkgroupID
					Members map[WorkgroupID][]AccountID
				}
				Account struct {
					Host     string
					ClientID AccountID
					Identity identityWire
				}
			}
		}
		if err := json.Unmarshal([]byte(ada.got(`"type":"initialize"`)), &e); err != nil {
			t.Fatal(err)
		}
		d := e.Data
		if d.Identities == nil || len(d.Identities) > 0 || d.Relations == nil || d.Rooms == nil || len(d.Rooms) > 0 || d.Invites != nil {
			t.Errorf("identities %v, relations %v, rooms %v, invites %v", d.Identities, d.Relations, d.Rooms, d.Invites)
		}
		if !slices.Equal(d.Contacts, []AccountID{bo.id}) {
			t.Errorf("contacts are %v, want bo: cy is not online", d.Contacts)
		}
		if !slices.Equal(d.Workgroups.IDs, []WorkgroupID{"friend_wg_11"}) || len(d.Workgroups.Members) != 1 ||
			len(d.Workgroups.Members["friend_wg_11"]) != 3 {
			t.Errorf("workgroups are %v", d.Workgroups)
		}
		if d.Account.Host != "localhost/presence/guest/" || d.Account.ClientID != ada.id || d.Account.Identity.ClientID != ada.id {
			t.Errorf("account is %v", d.Account)
		}
	})
}

// TestInitializeAnswersOneConnection, as room-get and replies do; rooms are joined
// by all connections, and once.
func TestInitializeAnswersOneConnection(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		ada.makeRoom("Road map")
		ada.take()
		w.in.repliesTo(ada.address())
		second := Address{ada.id, 2}
		w.hub.Handle(context.Background(), second, json.RawMessage(`{"type":"initialize"}`))
		w.settle()
		if got := w.in.repliesTo(second); len(got) != 1 || index(got, `"type":"initialize"`, "Road map") != 0 {
			t.Errorf("the second connection got %q", got)
		}
		if got := w.in.repliesTo(ada.address()); len(got) != 0 {
			t.Errorf("the first connection got %q", got)
		}
		ada.gotNone(`"type":"join"`)
	})
}

func TestRoomGet(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		ada.take()
		ada.send("room-get", room, "")
		ada.got(`{"type":"join","data":{"joined":{"clientId":"`+string(room)+`","persistent":true,"name":"Road map"`, `"current":null`)
		w.login("bo").send("room-get", room, "")
		ada.gotNone("join")
	})
}

func TestContactListIsSorted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		for _, u := range []User{{ID: "f-x", Login: "x", Name: "zoe"}, {ID: "f-y", Login: "y", Name: "Bo"}, {ID: "f-z", Login: "z", Name: "cy"}} {
			w.resolve(u)
		}
		w.sync(Group{ID: "1", Name: "g", Members: []string{"f-x", "f-ada", "f-y"}}, Group{ID: "2", Name: "h", Members: []string{"f-z", "f-y", "f-ada"}})
		var ids []AccountID
		ada.request("contact-list", nil).into(t, &ids)
		var names []string
		for _, i := range w.hub.dir.getAll(ids) {
			names = append(names, i.Name)
		}
		if want := []string{"Bo", "cy", "zoe"}; !slices.Equal(names, want) {
			t.Errorf("contacts are %v, want %v", names, want)
		}
	})
}

func TestSearchUser(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		w.syncUsers(
			User{ID: "f-1", Login: "u1", Name: "Bo Anders"}, User{ID: "f-2", Login: "u2", Name: "100% Bo_b"},
			User{ID: "f-3", Login: "u3", Name: "Disabled Bo", Disabled: true}, User{ID: "f-4", Login: "bo", Name: "Other"},
			User{ID: "f-5", Login: "u5", Name: "bÖ"},
		)
		for needle, want := range map[string][]string{
			"bo": {"100% Bo_b", "Bo Anders"}, "BO ": {"100% Bo_b", "Bo Anders"}, "BÖ": {"bÖ"},
			"%": {"100% Bo_b"}, "_": {"100% Bo_b"}, "o_a": nil, "": nil, " \t": nil, "ada": {"Ada"},
		} {
			var found []identityWire
			ada.request("search-user", map[string]any{"needle": needle}).into(t, &found)
			var names []string
			for _, i := range found {
				names = append(names, i.Name)
			}
			if found == nil || !slices.Equal(names, want) {
				t.Errorf("%q finds %q, want %q", needle, names, want)
			}
		}
	})
}

func TestSearchUserIsBounded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		var many []User
		for n := range 60 {
			many = append(many, User{ID: fmt.Sprint("f-", n), Login: fmt.Sprint("u", n), Name: fmt.Sprintf("Many %02d", n)})
		}
		w.syncUsers(many...)
		var found []identityWire
		ada.request("search-user", map[string]any{"needle": "many"}).into(t, &found)
		if len(found) != maxFound || found[0].Name != "Many 00" {
			t.Errorf("%d found, the first is %q", len(found), found[0].Name)
		}
	})
}

func TestHideInSearch(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.store.accounts["acc-h"] = AccountRecord{ID: "acc-h", FUserID: "f-h", Name: "Hidden", Settings: []byte(`{"hideInSearch":true}`)}
		w.store.accounts["acc-s"] = AccountRecord{ID: "acc-s", FUserID: "f-s", Name: "Hidden not", Settings: []byte(`{"hideInSearch":"true"}`)}
		w.restart()
		ada := w.login("ada")
		find := func(needle string) (n int) {
			var found []identityWire
			ada.request("search-user", map[string]any{"needle": needle}).into(t, &found)
			return len(found)
		}
		if n := find("hidden"); n != 1 {
			t.Errorf("%d found, want the one who does not hide", n)
		}
		w.sync(Group{ID: "1", Name: "g", Members: []string{"f-h", "f-ada"}})
		if n := find("hidden"); n != 2 {
			t.Errorf("%d found, want also who shares a workgroup", n)
		}
	})
}

// TestHiddenDoNotCrowdOut: the bound of the answer is about who may be seen.
func TestHiddenDoNotCrowdOut(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for n := range maxFound {
			id := AccountID(fmt.Sprint("acc-", n))
			w.store.accounts[id] = AccountRecord{ID: id, Name: fmt.Sprintf("A match %02d", n), Settings: []byte(`{"hideInSearch":true}`)}
		}
		w.store.accounts["acc-v"] = AccountRecord{ID: "acc-v", Name: "Z match", Settings: []byte(`{}`)}
		w.restart()
		var found []identityWire
		w.login("ada").request("search-user", map[string]any{"needle": "match"}).into(t, &found)
		if len(found) != 1 || found[0].ClientID != "acc-v" {
			t.Errorf("found are %v, want the one who does not hide", found)
		}
	})
}

func TestFriendGet(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		w.sync(group("11", "bo"))
		var i identityWire
		ada.request("friend-get", map[string]any{"friendId": "f-bo"}).into(t, &i)
		if i.ClientID != bo.id || !slices.Equal(i.Workgroups, []WorkgroupID{"friend_wg_11"}) {
			t.Errorf("found is %v", i)
		}
		ada.request("friend-get", map[string]any{"friendId": "nobody"}).is(t, "null")
	})
}

// TestMarksAreBounded: a client's mark is echoed, but not at any length.
func TestMarksAreBounded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		ada.take()
		ada.send("room-create", map[string]any{"req": strings.Repeat("m", 10_000)}, "")
		if frame := ada.got(`"req":"mmm`); len(frame) > 3000 {
			t.Errorf("the mark was echoed at length: %d bytes", len(frame))
		}
		ada.send("room-create", map[string]any{"req": 17}, "")
		ada.gotNone(`"req"`)
	})
}

// TestSlowReaderIsHeldBack: a client that sends faster than its account handles
// waits, and only it.
func TestSlowReaderIsHeldBack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		hold := make(chan struct{})
		w.hub.account(ada.id).box.force(heldEvent{hold})
		w.settle()
		sent := 0
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for ; ctx.Err() == nil; sent++ {
			w.hub.Handle(ctx, ada.address(), json.RawMessage(`{"type":"settings"}`))
		}
		if sent != mailboxSize+1 {
			t.Errorf("%d events were taken, want %d", sent-1, mailboxSize)
		}
		bo.request("contact-list", nil).is(t, "[]")
		close(hold)
		w.settle()
		ada.request("contact-list", nil).is(t, "[]")
	})
}

// heldEvent occupies an account.
type heldEvent struct{ until chan struct{} }

func (e heldEvent) apply(*Account) { <-e.until }
