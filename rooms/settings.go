package rooms

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// roomSettings are the stored settings of a room that this version acts on.
type roomSettings struct {
	UserLimit     int
	HideAddresses bool // of those who are in a call
}

// readSettings takes what is usable from the stored settings.
func readSettings(stored json.RawMessage, userLimit int) roomSettings {
	s := roomSettings{UserLimit: userLimit}
	var in struct {
		UserLimit     any `json:"userLimit"`
		HideAddresses any `json:"hideAddresses"`
	}
	if json.Unmarshal(stored, &in) == nil {
		if n, ok := wholeNumber(in.UserLimit); ok {
			s.UserLimit = n
		}
		s.HideAddresses = in.HideAddresses == true
	}
	return s
}

// stored is how the database keeps them.
func (s roomSettings) stored() json.RawMessage {
	if s.HideAddresses {
		return fmt.Appendf(nil, `{"userLimit":%d,"hideAddresses":true}`, s.UserLimit)
	}
	return fmt.Appendf(nil, `{"userLimit":%d}`, s.UserLimit)
}

// wholeNumber reads a number from 0 up that a setting may have.
func wholeNumber(v any) (int, bool) {
	f, ok := v.(float64)
	return int(f), ok && f >= 0 && f <= math.MaxInt32 && f == math.Trunc(f)
}

// validName checks the name of a room: 1 to 191 characters, none of them a control
// character (docs/protocol.md 10).
func validName(name string) bool {
	return name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxName &&
		!strings.ContainsFunc(name, unicode.IsControl)
}

// settingsGet answers with what the asking account may see.
func (r *Room) settingsGet(c call) {
	if r.isContact() || r.isWork() {
		r.answer(c, "settings", struct{}{}, "")
		return
	}
	r.answer(c, "settings", r.settingsFor(c.from.Account), "")
}

// settingsSave is a type without function that clients may send.
func (r *Room) settingsSave(c call) { r.answer(c, "settings", nil, "") }

// settingsFor is what the account may see (docs/protocol.md 10).
func (r *Room) settingsFor(id AccountID) map[string]any {
	s := map[string]any{"userLimit": r.settings.UserLimit, "roomName": r.record.Name}
	if r.hub.opt.Relays.CanHide() {
		s["hideAddresses"] = r.hidesAddresses()
	}
	if r.isAdmin(id) {
		s["workgroups"] = r.settingsState().Workgroups
	}
	if r.rules(id) {
		s["authorized"] = list(r.authorized)
	}
	return s
}

// settingUpdate tells a change, or that it was refused.
type settingUpdate struct {
	Success bool   `json:"success"`
	ErrMsg  string `json:"errMsg,omitempty"`
	Setting string `json:"setting"`
	Value   any    `json:"value"`
}

func (r *Room) settingsSet(c call) {
	var in struct {
		Setting string `json:"setting"`
		Value   any    `json:"value"`
	}
	if !c.into(&in) {
		r.answer(c, "settings", nil, "ERR_INVALID_DATA")
		return
	}
	in.Setting = clip(in.Setting, maxName)
	s, known := settingHandlers[in.Setting]
	switch {
	case !known:
		r.refuseSetting(c, in.Setting, "ERR_UNKNOWN_SETTING")
		return
	case s.who&r.rolesOf(r.members[c.from.Account]) == 0:
		r.refuseSetting(c, in.Setting, "ERR_NOT_ADMIN")
		return
	}
	value, code := s.set(r, c, in.Value)
	if code != "" {
		r.refuseSetting(c, in.Setting, code)
		return
	}
	done := settingUpdate{Success: true, Setting: in.Setting, Value: value}
	r.toAll("settings", "update", done)
	r.answer(c, "settings", done, "")
	if s.then != nil {
		s.then(r, value)
	}
}

func (r *Room) refuseSetting(c call, setting, code string) {
	r.toAsker(c, "settings", "update", settingUpdate{ErrMsg: code, Setting: setting})
	r.answer(c, "settings", nil, code)
}

func (r *Room) setName(_ call, v any) (any, string) {
	name, _ := v.(string)
	name = strings.TrimSpace(name)
	switch {
	case !r.persistent:
		return nil, "ERR_ROOM_NOT_PERSISTED"
	case !validName(name):
		return nil, "ERR_INVALID_NAME"
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	if err := r.hub.store.RenameRoom(ctx, r.id, name); err != nil {
		r.log.Error("room not renamed", "err", err)
		return nil, "ERR_NOT_STORED"
	}
	r.record.Name = name
	r.refresh()
	return name, ""
}

func (r *Room) setUserLimit(_ call, v any) (any, string) {
	limit, ok := wholeNumber(v)
	if !ok {
		return nil, "ERR_INVALID_VALUE"
	}
	if code := r.storeSetting("userLimit", strconv.AppendInt(nil, int64(limit), 10)); code != "" {
		return nil, code
	}
	r.settings.UserLimit = limit
	return limit, ""
}

// setHideAddresses counts from the next call on.
func (r *Room) setHideAddresses(_ call, v any) (any, string) {
	hide, ok := v.(bool)
	switch {
	case !ok:
		return nil, "ERR_INVALID_VALUE"
	case !r.hub.opt.Relays.CanHide():
		return nil, "ERR_NO_RELAY"
	case !hide && r.hub.opt.HideAddresses:
		return nil, "ERR_HIDDEN_FOR_ALL"
	}
	if code := r.storeSetting("hideAddresses", strconv.AppendBool(nil, hide)); code != "" {
		return nil, code
	}
	r.settings.HideAddresses = hide
	return hide, ""
}

// storeSetting keeps a setting of a saved room; value is JSON.
func (r *Room) storeSetting(key string, value []byte) (code string) {
	if !r.persistent {
		return ""
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	if err := r.hub.store.SetRoomSetting(ctx, r.id, key, value); err != nil {
		r.log.Error("setting not stored", "setting", key, "err", err)
		return "ERR_NOT_STORED"
	}
	return ""
}

// setBridged refuses what needs a media bridge, which comes with streaming.
func (r *Room) setBridged(call, any) (any, string) { return nil, "ERR_NO_PROXY" }

// tellName tells everybody the room's new name and picture.
func (r *Room) tellName() {
	conf := r.conf.Load()
	now := struct {
		ClientID RoomID `json:"clientId"`
		Name     string `json:"name"`
		Avatar   string `json:"avatar"`
	}{conf.ClientID, conf.Name, conf.Avatar}
	r.toAll("", "room-update", now)
	r.toViewers("", "room-update", now)
}
