package rooms

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func (p *person) set(room RoomID, setting string, value any) replyFrame {
	p.w.t.Helper()
	return p.ask(room, "settings", "setting", map[string]any{"setting": setting, "value": value})
}

func TestSettingsByRole(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo, admin := w.login("ada"), w.login("bo"), w.login("admin")
		w.sync(group("11", "ada"))
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		ada.add(room, admin)
		groups := string(w.hub.groups.all())
		authorized := fmt.Sprintf(`["%s","%s","%s"]`, ada.id, bo.id, admin.id)
		for p, want := range map[*person]string{
			bo:    `{"roomName":"Road map","userLimit":0}`,
			ada:   `{"authorized":` + authorized + `,"roomName":"Road map","userLimit":0}`,
			admin: `{"authorized":` + authorized + `,"roomName":"Road map","userLimit":0,"workgroups":{"available":` + groups + `,"assigned":[]}}`,
		} {
			p.ask(room, "settings", "get", nil).is(t, want)
		}
	})
}

func TestRename(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		ada.to(room, "settings", "setting", map[string]any{"setting": "roomName", "value": " Road map 2 "}, "r-1")
		frames := ada.take()
		update := `{"type":"settings","data":{"type":"update","data":{"success":true,"setting":"roomName","value":"Road map 2"}}}`
		renamed := `{"type":"room-update","data":{"clientId":"` + string(room) + `","name":"Road map 2","avatar":"data:image/png`
		inOrder(t, frames, update, renamed)
		ada.reply(frames, "r-1", string(room), "settings").is(t, `{"success":true,"setting":"roomName","value":"Road map 2"}`)
		inOrder(t, bo.take(), update, renamed)
		if got := w.store.rooms[room].Room.Name; got != "Road map 2" {
			t.Errorf("the stored name is %q", got)
		}
		ada.send("initialize", nil, "")
		ada.got(`"type":"initialize"`, `"name":"Road map 2"`)
	})
}

func TestUserLimit(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		ada.set(room, "userLimit", 12).is(t, `{"success":true,"setting":"userLimit","value":12}`)
		bo.got(`"update","data":{"success":true,"setting":"userLimit","value":12}`)
		w.restart()
		if got := w.login("bo").state(room).Settings.UserLimit; got != 12 {
			t.Errorf("the limit is %d after a restart, want 12", got)
		}
	})
}

// TestRefusedSettings: the asking connection alone hears of it, and nothing changes.
func TestRefusedSettings(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo, admin := w.login("ada"), w.login("bo"), w.login("admin")
		named, temporary := ada.makeRoom("Road map"), ada.makeRoom("")
		for _, room := range []RoomID{named, temporary} {
			ada.add(room, bo)
			ada.add(room, admin)
		}
		long := strings.Repeat("x", 192)
		for _, tc := range []struct {
			who     *person
			room    RoomID
			setting string
			value   any
			code    string
		}{
			{bo, named, "roomName", "x", "ERR_NOT_ADMIN"},
			{bo, named, "userLimit", 5, "ERR_NOT_ADMIN"},
			{bo, named, "unknown", 5, "ERR_UNKNOWN_SETTING"},
			{admin, named, "unknown", nil, "ERR_UNKNOWN_SETTING"},
			{admin, named, "", nil, "ERR_UNKNOWN_SETTING"},
			{ada, named, "roomName", nil, "ERR_INVALID_NAME"},
			{ada, named, "roomName", 7, "ERR_INVALID_NAME"},
			{ada, named, "roomName", "", "ERR_INVALID_NAME"},
			{ada, named, "roomName", "  ", "ERR_INVALID_NAME"},
			{ada, named, "roomName", "a\x00b", "ERR_INVALID_NAME"},
			{ada, named, "roomName", "a\u0085b", "ERR_INVALID_NAME"},
			{ada, named, "roomName", long, "ERR_INVALID_NAME"},
			{ada, temporary, "roomName", "x", "ERR_ROOM_NOT_PERSISTED"},
			{ada, named, "userLimit", -1, "ERR_INVALID_VALUE"},
			{ada, named, "userLimit", 1.5, "ERR_INVALID_VALUE"},
			{ada, named, "userLimit", 1 << 40, "ERR_INVALID_VALUE"},
			{ada, named, "userLimit", 1e300, "ERR_INVALID_VALUE"},
			{ada, named, "userLimit", "5", "ERR_INVALID_VALUE"},
			{ada, named, "userLimit", nil, "ERR_INVALID_VALUE"},
			{ada, named, "userLimit", true, "ERR_INVALID_VALUE"},
		} {
			ada.take()
			bo.take()
			admin.take()
			tc.who.to(tc.room, "settings", "setting", map[string]any{"setting": tc.setting, "value": tc.value}, "r-1")
			frames := tc.who.take()
			tc.who.reply(frames, "r-1", string(tc.room), "settings").fails(t, tc.code)
			inOrder(t, frames, `{"type":"update","data":{"success":false,"errMsg":"`+tc.code+`","setting":"`+tc.setting+`","value":null}}`)
			if others := append(append(ada.take(), bo.take()...), admin.take()...); len(others) > 0 {
				t.Errorf("%s %v: others got %q", tc.setting, tc.value, others)
			}
		}
		if s := ada.state(named); s.Name != "Road map" || s.Settings.UserLimit != 0 {
			t.Errorf("the settings are %v", s.Settings)
		}
		ada.set(temporary, "userLimit", 3).into(t, new(settingUpdate)) // may be had
		if n := w.store.count("SetRoomSetting"); n != 0 {
			t.Error("a setting of a temporary room was stored")
		}
	})
}

func TestSettingsThatCannotBeStored(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		w.store.setFault(errAway)
		ada.set(room, "roomName", "x").fails(t, "ERR_NOT_STORED")
		ada.set(room, "userLimit", 5).fails(t, "ERR_NOT_STORED")
		w.store.setFault(nil)
		if s := bo.state(room); s.Name != "Road map" || s.Settings.UserLimit != 0 || s.Settings.RoomName != "Road map" {
			t.Errorf("the settings are %v", s.Settings)
		}
	})
}

// TestEchoOfASettingIsBounded.
func TestEchoOfASettingIsBounded(t *testing.T) {
	inRoom(t, func(t *testing.T, _ *world, room RoomID, ada, _ *person) {
		ada.to(room, "settings", "setting", map[string]any{"setting": strings.Repeat("x", 100_000)}, "")
		if frame := ada.got("ERR_UNKNOWN_SETTING"); len(frame) > 1000 {
			t.Errorf("%d bytes come back", len(frame))
		}
	})
}

func TestReadSettings(t *testing.T) {
	for stored, want := range map[string]int{
		`{}`: 3, `{"userLimit":0}`: 0, `{"userLimit":9}`: 9, `{"userLimit":"9"}`: 3, `{"userLimit":-1}`: 3, `{"userLimit":1.5}`: 3,
		`{"userLimit":null,"isClassroom":true}`: 3, `[]`: 3, `{`: 3, ``: 3,
	} {
		if got := readSettings(json.RawMessage(stored), 3).UserLimit; got != want {
			t.Errorf("%s gives the limit %d, want %d", stored, got, want)
		}
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "Road map (2)": true, "<b>&": true, "😀": true, strings.Repeat("😀", 191): true,
		"": false, "a\tb": false, "a\x7f": false, "\xff": false, strings.Repeat("a", 192): false,
	} {
		if got := validName(name); got != want {
			t.Errorf("%.20q is valid: %v, want %v", name, got, want)
		}
	}
}
