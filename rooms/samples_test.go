package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// roomSamples has good and bad data of every room event (docs/protocol.md 7 to
// 10), by component and type. Reply codes are those of the event as a request.
var roomSamples = map[string]samples{
	"/initialize": {
		valid:   []sample{{``, ""}, {`null`, ""}},
		invalid: []sample{{`[[1]]`, ""}, {`"text"`, ""}},
	},
	"/persist": {
		valid: []sample{{`{"name":"Road map","persistent":true}`, "ERR_ALREADY_PERSISTENT"}},
		invalid: []sample{
			{`null`, "ERR_ALREADY_PERSISTENT"}, {`{"name":7}`, "ERR_ALREADY_PERSISTENT"}, {`"x"`, "ERR_ALREADY_PERSISTENT"},
		},
	},
	"/leave": {
		valid:   []sample{{``, ""}},
		invalid: []sample{}, // whatever is in the data, the account leaves
	},
	"/active": {
		valid:   []sample{{`{"isActive":true,"time":1709283600000}`, ""}, {`{"isActive":false}`, ""}},
		invalid: []sample{{`null`, ""}, {`{"isActive":"yes"}`, ""}, {`{"isActive":{}}`, ""}, {`7`, ""}},
	},
	"/counter-reset": {
		valid:   []sample{{``, ""}},
		invalid: []sample{{`{"a":[]}`, ""}},
	},
	"/live-join": {
		valid:   []sample{{`"lc-1"`, ""}, {`{"clientId":"lc-1","features":["ice-restart"]}`, ""}, {`{"clientId":"lc-1","features":{"a":[7]}}`, ""}},
		invalid: []sample{{`null`, "ERR_INVALID_DATA"}, {`""`, "ERR_INVALID_DATA"}, {`{"clientId":7}`, "ERR_INVALID_DATA"}, {`["lc-1"]`, "ERR_INVALID_DATA"}, {`"` + strings.Repeat("x", 500) + `"`, "ERR_INVALID_DATA"}},
	},
	"/live-restore": {
		valid:   []sample{{`{"clientId":"lc-1","sessionId":"ls-1"}`, ""}, {`{"clientId":"lc-1","sessionId":7}`, ""}},
		invalid: []sample{{`null`, "ERR_INVALID_DATA"}, {`"lc-1"`, "ERR_INVALID_DATA"}, {`{"clientId":7}`, "ERR_INVALID_DATA"}, {`{}`, "ERR_INVALID_DATA"}},
	},
	"/live-leave": {
		valid:   []sample{{`"lc-1"`, ""}, {``, ""}},
		invalid: []sample{{`{"a":1}`, ""}},
	},
	"/live": {
		valid: []sample{
			{`{"type":"pong","data":"1709283600000"}`, ""}, {`{"type":"quality","data":"low"}`, ""}, {`{"type":"speaking","data":{"time":1,"isSpeaking":true}}`, ""},
			{`{"type":"mode","data":{"type":"presentation"}}`, ""}, {`{"type":"$OTHER","data":{"type":"sync","data":1}}`, ""}, {`{"type":"broadcast","data":{"type":"sync"}}`, ""},
			{`{"type":"leave"}`, ""}, {`{"type":"screen-share","data":1}`, ""},
		},
		invalid: []sample{
			{`null`, "ERR_INVALID_DATA"}, {`7`, "ERR_INVALID_DATA"}, {`{"data":1}`, "ERR_INVALID_DATA"}, {`{"type":"mode","data":null}`, ""}, {`{"type":"speaking","data":null}`, ""},
			{`{"type":"quality","data":{"level":"low"}}`, ""}, {`{"type":"$OTHER"}`, ""}, {`{"type":"acc-unknown","data":[]}`, ""}, {`{"type":"` + strings.Repeat("x", 5000) + `"}`, ""},
		},
	},
	"/open": { // for contact rooms only
		valid:   []sample{{`null`, "ERR_NOT_ALLOWED"}},
		invalid: []sample{{`"text"`, "ERR_NOT_ALLOWED"}},
	},
	"/identity": { // for guests only; others are not renamed here
		valid:   []sample{{`{"name":"Otter","clientId":"guest-1"}`, ""}},
		invalid: []sample{{`null`, ""}, {`7`, ""}, {`{"name":7}`, ""}, {`{"name":{"a":1}}`, ""}},
	},
	"chat/msg-get": {
		valid: []sample{{`{"msgId":"msg-unknown"}`, ""}},
		invalid: []sample{
			{`null`, "ERR_INVALID_DATA"}, {`{}`, "ERR_INVALID_DATA"}, {`{"msgId":7}`, "ERR_INVALID_DATA"},
			{`{"msgId":"` + strings.Repeat("x", 5000) + `"}`, "ERR_INVALID_DATA"},
		},
	},
	"chat/edit-get": {
		valid:   []sample{{`{"msgId":"msg-unknown"}`, ""}},
		invalid: []sample{{`"msg-1"`, "ERR_INVALID_DATA"}, {`{"msgId":""}`, "ERR_INVALID_DATA"}},
	},
	"chat/edit-save": { // a refusal is in the response, not in the error
		valid:   []sample{{`{"msgId":"msg-unknown","message":"new","reason":null}`, ""}},
		invalid: []sample{{`null`, ""}, {`"text"`, ""}, {`{"msgId":7,"message":[]}`, ""}},
	},
	"chat/delete": { // the same
		valid:   []sample{{`{"msgId":"msg-unknown"}`, ""}},
		invalid: []sample{{`null`, ""}, {`{"msgId":{}}`, ""}},
	},
	"chat/search": {
		valid: []sample{{`{"text":"hello"}`, ""}, {`{"text":"Hello, wor","before":1709283600000,"length":5}`, ""}},
		invalid: []sample{
			{`null`, "ERR_INVALID_DATA"}, {`{"text":""}`, "ERR_INVALID_DATA"}, {`{"text":"%_ *"}`, "ERR_INVALID_DATA"}, {`{"text":7}`, "ERR_INVALID_DATA"},
			{`{"text":"` + strings.Repeat("x", 2000) + `"}`, "ERR_INVALID_DATA"}, {`{"text":"hello","before":"now","length":-1}`, ""},
		},
	},
	"invite/private": {
		valid:   []sample{{``, ""}, {`{"reqId":"req-10","token":null}`, ""}},
		invalid: []sample{{`"text"`, ""}, {`{"reqId":[1]}`, ""}, {`{"reqId":"` + strings.Repeat("x", 5000) + `"}`, ""}},
	},
	"invite/room-invite": {
		valid: []sample{{`{"clientId":"$OTHER","name":"Bo"}`, ""}, {`{"clientId":"$ID"}`, ""}},
		invalid: []sample{
			{`null`, "ERR_INVALID_ID"}, {`{"clientId":"acc-unknown"}`, "ERR_INVALID_ID"}, {`{"clientId":7}`, "ERR_INVALID_ID"},
			{`"$OTHER"`, "ERR_INVALID_ID"}, {`{"clientId":"` + strings.Repeat("x", 5000) + `"}`, "ERR_INVALID_ID"},
		},
	},
	"invite/email": { // without effect
		valid:   []sample{{`{"email":"bo@example.org","link":"https://example.org/x"}`, ""}},
		invalid: []sample{{`null`, ""}},
	},
	"settings/save": { // without effect
		valid:   []sample{{`{"a":1}`, ""}},
		invalid: []sample{{`null`, ""}},
	},
	"chat/msg": {
		valid: []sample{{`{"message":"hello"}`, ""}, {`{"message":" "}`, ""}, {`{"message":"\u0000\ud800"}`, ""}, {`{"message":"x","type":"work-msg","fromId":"acc-9"}`, ""}},
		invalid: []sample{
			{`null`, "ERR_INVALID_MESSAGE"}, {`"hello"`, "ERR_INVALID_MESSAGE"}, {`{}`, "ERR_INVALID_MESSAGE"},
			{`{"message":""}`, "ERR_INVALID_MESSAGE"}, {`{"message":["x"]}`, "ERR_INVALID_MESSAGE"}, {`{"message":1}`, "ERR_INVALID_MESSAGE"},
			{`{"message":"` + strings.Repeat("x", 32<<10+1) + `"}`, "ERR_MESSAGE_TOO_LONG"},
		},
	},
	"chat/work-msg": { // for work rooms only: see workSamples
		valid:   []sample{{`{"message":"hello","targets":{"friend_wg_21":true}}`, "ERR_NOT_ALLOWED"}},
		invalid: []sample{{`null`, "ERR_NOT_ALLOWED"}, {`{"message":7,"targets":[]}`, "ERR_NOT_ALLOWED"}},
	},
	"chat/log": {
		valid: []sample{{`null`, ""}, {``, ""}, {`{"firstTime":1709283600000,"firstId":"msg-1"}`, ""}, {`{"lastTime":1}`, ""}, {`{"lastTime":1,"length":5}`, ""}},
		invalid: []sample{
			{`"text"`, ""}, {`{"firstTime":"text"}`, ""}, {`{"lastTime":null,"firstTime":[]}`, ""}, {`{"lastTime":1,"length":-1}`, ""},
			{`{"firstTime":1e300}`, ""}, {`{"lastTime":-5}`, ""}, {`{"includeDeleted":true,"lastTime":1}`, ""},
		},
	},
	"chat/state": {
		valid:   []sample{{`{"type":"set-typing"}`, ""}, {`null`, ""}, {`"clear-typing"`, ""}},
		invalid: []sample{{``, "ERR_INVALID_DATA"}, {`"` + strings.Repeat("x", 300) + `"`, "ERR_INVALID_DATA"}},
	},
	"chat/confirm": {
		valid: []sample{{`{"type":"message","eventId":"msg-1"}`, ""}, {`{"type":"message","eventId":null}`, ""}},
		invalid: []sample{
			{`null`, "ERR_INVALID_DATA"}, {`{"type":"other","eventId":"msg-1"}`, "ERR_INVALID_DATA"}, {`{"type":["message"]}`, "ERR_INVALID_DATA"},
			{`{"type":"message","eventId":{"a":1}}`, ""}, {`{"type":"message","eventId":"` + strings.Repeat("x", 5000) + `"}`, ""},
		},
	},
	"invite/state": {
		valid:   []sample{{``, ""}},
		invalid: []sample{{`[0]`, ""}},
	},
	"invite/public": {
		valid:   []sample{{``, ""}, {`{"reqId":"req-9","token":null}`, ""}},
		invalid: []sample{{`"text"`, ""}, {`{"reqId":{"a":1}}`, ""}, {`{"reqId":"` + strings.Repeat("x", 5000) + `"}`, ""}},
	},
	"invite/revoke": {
		valid:   []sample{{`"public"`, ""}},
		invalid: []sample{{`null`, "ERR_NO_TOKEN"}, {`""`, "ERR_NO_TOKEN"}, {`"private-1"`, "ERR_NO_TOKEN"}, {`{"token":"public"}`, "ERR_NO_TOKEN"}},
	},
	"invite/room-add": {
		valid: []sample{{`{"clientId":"$OTHER","name":"Bo"}`, ""}, {`{"clientId":"$ID"}`, ""}},
		invalid: []sample{
			{`null`, "ERR_INVALID_ID"}, {`{}`, "ERR_INVALID_ID"}, {`{"clientId":"acc-unknown"}`, "ERR_INVALID_ID"},
			{`{"clientId":7}`, "ERR_INVALID_ID"}, {`"$OTHER"`, "ERR_INVALID_ID"}, {`{"clientId":"` + strings.Repeat("x", 5000) + `"}`, "ERR_INVALID_ID"},
		},
	},
	"settings/get": {
		valid:   []sample{{``, ""}},
		invalid: []sample{{`{"a":1}`, ""}},
	},
	"settings/setting": {
		valid: []sample{
			{`{"setting":"roomName","value":"Other"}`, ""}, {`{"setting":"userLimit","value":5}`, ""},
			{`{"setting":"hideAddresses","value":true}`, "ERR_NO_RELAY"},
			{`{"setting":"isStream","value":true}`, "ERR_NO_PROXY"}, {`{"setting":"isRecording","value":true}`, "ERR_NO_PROXY"},
			{`{"setting":"workgroups","value":{"clientId":"friend_wg_11","value":true}}`, "ERR_NOT_ADMIN"},
			{`{"setting":"authorized","value":{"clientId":"$ID"}}`, ""},
		},
		invalid: []sample{
			{`null`, "ERR_UNKNOWN_SETTING"}, {`"roomName"`, "ERR_INVALID_DATA"}, {`{"setting":7,"value":1}`, "ERR_INVALID_DATA"},
			{`{"setting":"unknown","value":1}`, "ERR_UNKNOWN_SETTING"}, {`{"setting":"` + strings.Repeat("x", 5000) + `"}`, "ERR_UNKNOWN_SETTING"},
			{`{"setting":"roomName","value":null}`, "ERR_INVALID_NAME"}, {`{"setting":"userLimit","value":-1}`, "ERR_INVALID_VALUE"},
			{`{"setting":"hideAddresses","value":"yes"}`, "ERR_INVALID_VALUE"},
			{`{"setting":"isStream","value":"yes"}`, "ERR_NO_PROXY"}, {`{"setting":"isRecording"}`, "ERR_NO_PROXY"},
			{`{"setting":"workgroups","value":7}`, "ERR_NOT_ADMIN"},
			{`{"setting":"authorized","value":{"clientId":"$OTHER"}}`, "ERR_INVALID_ID"}, {`{"setting":"authorized","value":null}`, "ERR_INVALID_ID"},
		},
	},
}

// noRoomReply are the room events that no reply answers (docs/protocol.md 3.3).
func noRoomReply(name string) bool { return name == "/initialize" }

func TestEveryRoomHandlerHasSamples(t *testing.T) {
	handled := map[string]bool{}
	for typ := range roomHandlers {
		if typ != "chat" && typ != "invite" && typ != "settings" {
			handled["/"+typ] = true
		}
	}
	for typ := range chatHandlers {
		handled["chat/"+typ] = true
	}
	for typ := range inviteHandlers {
		handled["invite/"+typ] = true
	}
	for typ := range settingsHandlers {
		handled["settings/"+typ] = true
	}
	for name := range handled {
		s, there := roomSamples[name]
		if !there || len(s.valid) == 0 || s.invalid == nil {
			t.Errorf("%s has no valid or no invalid samples; add some to roomSamples", name)
		}
	}
	for name := range roomSamples {
		if !handled[name] {
			t.Errorf("%s has samples but no handler", name)
		}
	}
	all := roomSamples["settings/setting"]
	for setting := range settingHandlers {
		named := func(list []sample) bool {
			return strings.Contains(fmt.Sprint(list), `"setting":"`+setting+`"`)
		}
		if !named(all.valid) || !named(all.invalid) {
			t.Errorf("the setting %s has no valid or no invalid sample", setting)
		}
	}
}

// roomEvent builds a room event by hand.
func roomEventText(room RoomID, name, data, requestID string) string {
	component, typ, _ := strings.Cut(name, "/")
	inner := rawEvent(typ, data, requestID)
	if component != "" {
		inner = rawEvent(component, inner, "")
	}
	return rawEvent(string(room), inner, "")
}

// TestRoomSamples sends every sample as event and as request: replies are as
// written above and come at the layer of the request, and the room lives on.
func TestRoomSamples(t *testing.T) {
	for name, all := range roomSamples {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				ada, bo := w.login("ada"), w.login("bo")
				for _, s := range append(all.valid, all.invalid...) {
					room := ada.makeRoom("Road map")
					if name == "invite/revoke" {
						ada.ask(room, "invite", "public", nil)
					}
					names := strings.NewReplacer("$ID", string(ada.id), "$OTHER", string(bo.id))
					ada.take()
					ada.handle(roomEventText(room, name, names.Replace(s.data), "r-1"))
					frames := ada.take()
					if noRoomReply(name) {
						if index(frames, `"requestId"`) >= 0 {
							t.Errorf("%.80s is answered with %q", s.data, frames)
						}
						continue
					}
					layers := []string{string(room)}
					if component, _, _ := strings.Cut(name, "/"); component != "" {
						layers = append(layers, component)
					}
					reply := ada.reply(frames, "r-1", layers...)
					if got, _ := reply.Error.(string); got != s.code {
						t.Errorf("%.80s: the error is %v, want %q", s.data, reply.Error, s.code)
					}
					ada.handle(roomEventText(room, name, names.Replace(s.data), ""))
					ada.gotNone(`"requestId"`)
				}
				if n := w.hub.Stats().Panics; n != 0 {
					t.Errorf("%d defects", n)
				}
			})
		})
	}
}

// TestUnknownAndMalformedRoomEvents: dropped, or answered where an answer is waited
// for.
func TestUnknownAndMalformedRoomEvents(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		ada.take()
		for _, inner := range []string{
			``, `null`, `7`, `"initialize"`, `[]`, `{}`, `{"type":7}`, `{"type":"unknown"}`, `{"type":"open","data":null}`,
			`{"type":"chat"}`, `{"type":"chat","data":null}`, `{"type":"chat","data":{"type":"unknown"}}`, `{"type":"chat","data":{"data":{}}}`,
			`{"type":"invite","data":[]}`, `{"type":"invite","data":{"type":"email"}}`, `{"type":"settings","data":{"type":"save"}}`,
			`{"type":"settings","data":{"type":"get"}}`, `{"type":"live","data":{"type":"x"}}`, `{"type":"live-join"}`,
		} {
			ada.handle(rawEvent(string(room), inner, ""))
			if frames := ada.take(); len(frames) > 0 {
				t.Errorf("%s is answered with %q", inner, frames)
			}
		}
		for _, tc := range []struct{ component, typ string }{
			{"", "unknown"}, {"chat", "unknown"}, {"invite", "unknown"}, {"settings", "unknown"},
		} {
			ada.ask(room, tc.component, tc.typ, nil).fails(t, "ERR_NO_LISTENER")
		}
		for _, component := range []string{"chat", "invite", "settings"} {
			ada.ask(room, "", component, "no event").fails(t, "ERR_INVALID_DATA")
		}
		ada.handle(rawEvent(string(room), `"no event"`, "r-1"))
		ada.reply(ada.take(), "r-1").fails(t, "ERR_INVALID_DATA")
	})
}

// fuzzed feeds an arbitrary event of a member, or of a guest, to the program and fails
// if that fails over it, if anything ends that should go on, or if others get garbage.
func fuzzed(f *testing.F, byGuest bool, address func(room RoomID, data []byte) []byte) {
	f.Fuzz(func(t *testing.T, data []byte) {
		inWorld(t, func(t *testing.T, w *world) {
			ada, bo, cy := w.login("ada"), w.login("bo"), w.login("cy")
			room := ada.makeRoom("Road map")
			ada.add(room, bo)
			ada.add(room, cy)
			ada.request("relation-add", map[string]any{"clientId": bo.id})
			id := ada.said(room, "hello")
			names := strings.NewReplacer("$ID", string(ada.id), "$OTHER", string(bo.id), "$ROOM", string(room), "$MSG", id)
			from := ada
			if byGuest {
				from = w.guest(room, ada.publicToken(room), "Gus")
			}
			data = []byte(names.Replace(string(data)))
			for range 2 { // the second time much of it is there already
				w.hub.Handle(context.Background(), from.address(), address(room, data))
				w.settle()
			}
			if n := w.hub.Stats().Panics; n != 0 {
				t.Fatalf("%d defects", n)
			}
			for id, frames := range w.in.frames {
				for _, frame := range frames {
					wellFormed(t, id, frame)
				}
			}
			cy.ask(room, "", "active", nil).is(t, "null")
			bo.request("contact-list", nil).is(t, "[]")
		})
	})
}

// eventTypes are all types of events that clients know (docs/protocol.md 14), by the
// component that they are in; "" is for accounts.
var eventTypes = map[string][]string{
	"": {"initialize", "join", "close", "contact-add", "contact-remove", "relation-add", "relation-remove", "identity-update", "workgroup-update"},
	"room": {"initialize", "persistent", "room-update", "join", "leave", "authed", "at-add", "at-names", "recent-add", "recent-remove",
		"admin-add", "admin-remove", "counter-reset", "open", "priority"},
	"chat":      {"msg", "work-msg", "log", "state", "update", "edit", "remove", "last-message", "delete", "confirm", "error"},
	"invite":    {"state", "public", "private", "revoke", "add", "remove"},
	"settings":  {"update"},
	"workgroup": {"assigned", "added", "removed", "members", "sub-rooms"},
	"live":      {"open", "close", "join", "leave", "peers", "ping", "quality", "speaking", "mode"},
	"identity":  {},
}

// wellFormed fails unless the frame is an event, or a reply, that a client knows.
func wellFormed(t *testing.T, to AccountID, frame string) {
	t.Helper()
	layer, rest := "", json.RawMessage(frame)
	for {
		var keys map[string]json.RawMessage
		if json.Unmarshal(rest, &keys) != nil {
			t.Fatalf("%s got what is no event: %q", to, frame)
		}
		if keys["requestId"] != nil && keys["response"] != nil && keys["error"] != nil && len(keys) == 3 {
			return
		}
		var typ string
		if json.Unmarshal(keys["type"], &typ) != nil || keys["data"] == nil || len(keys) != 2 {
			t.Fatalf("%s got what is no event: %q", to, frame)
		}
		fromPeer := layer == "live" && (strings.HasPrefix(typ, "acc-") || strings.HasPrefix(typ, "guest-"))
		if slices.Contains(eventTypes[layer], typ) || fromPeer {
			return
		}
		_, component := eventTypes[typ]
		switch address := strings.HasPrefix(typ, "room-") || strings.HasPrefix(typ, "acc-") || isWorkRoom(RoomID(typ)); {
		case layer == "" && address:
			layer = "room"
		case component && (layer == "room" || layer == "" && (typ == "invite" || typ == "identity")):
			layer = typ
		default:
			t.Fatalf("%s got an event of an unknown type: %q", to, frame)
		}
		rest = keys["data"]
	}
}

func FuzzAccountEvent(f *testing.F) {
	for typ, all := range accountSamples {
		for _, s := range append(all.valid, all.invalid...) {
			f.Add([]byte(rawEvent(typ, s.data, "r-1")))
		}
		f.Add([]byte(rawEvent(typ, all.valid[0].data, "")))
	}
	for _, inner := range []string{
		`{"type":"initialize"}`, `{"type":"open","data":null}`, `{"type":"leave","requestId":"r-1"}`,
		`{"type":"chat","data":{"type":"msg","data":{"message":"hello"}}}`, `{"type":"chat","data":{"type":"log","data":null}}`,
		`{"type":"chat","data":{"type":"confirm","data":{"type":"message","eventId":"$MSG"}}}`,
		`{"type":"chat","data":{"type":"delete","data":{"msgId":"$MSG"},"requestId":"r-1"}}`,
		`{"type":"settings","data":{"type":"get","requestId":"r-1"}}`, `{"type":"invite","data":{"type":"public"}}`, `"text"`, `null`,
	} {
		f.Add([]byte(`{"type":"$OTHER","data":` + inner + `}`))
		f.Add([]byte(`{"type":"$ROOM","data":` + inner + `,"requestId":"r-2"}`))
	}
	fuzzed(f, false, func(_ RoomID, data []byte) []byte { return data })
}

// addRoomSamples seeds with samples of room events.
func addRoomSamples(f *testing.F, which func(samples) []sample) {
	for name, all := range roomSamples {
		component, typ, _ := strings.Cut(name, "/")
		for _, s := range which(all) {
			inner := rawEvent(typ, s.data, "r-1")
			if component != "" {
				inner = rawEvent(component, inner, "")
			}
			f.Add([]byte(inner))
		}
	}
	for _, data := range []string{
		`{"type":"edit-save","data":{"msgId":"$MSG","message":"new","reason":"x"},"requestId":"r-1"}`,
		`{"type":"delete","data":{"msgId":"$MSG"},"requestId":"r-1"}`, `{"type":"msg-get","data":{"msgId":"$MSG"},"requestId":"r-1"}`,
	} {
		f.Add([]byte(`{"type":"chat","data":` + data + `}`))
	}
}

func inRoomEvent(room RoomID, data []byte) []byte {
	return []byte(rawEvent(string(room), string(data), ""))
}

func FuzzRoomEvent(f *testing.F) {
	addRoomSamples(f, func(s samples) []sample { return append(s.valid, s.invalid...) })
	fuzzed(f, false, inRoomEvent)
}

func FuzzGuestEvent(f *testing.F) {
	addRoomSamples(f, func(s samples) []sample { return s.valid })
	fuzzed(f, true, inRoomEvent)
}
