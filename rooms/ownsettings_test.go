package rooms

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// picture is a data URL of one color.
func picture(c color.Color) string {
	img := image.NewRGBA(image.Rect(0, 0, 40, 20))
	for n := range 40 * 20 {
		img.Set(n%40, n/40, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}

// TestOwnAvatar is set, told to those who know the account, and taken back.
func TestOwnAvatar(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		generated := bo.identity(ada.id).Avatar
		bo.take()
		red, blue := picture(color.RGBA{255, 0, 0, 255}), picture(color.RGBA{0, 0, 255, 255})
		update := `"key":"avatar","value":"data:image/png;base64,`
		ada.request("avatar", map[string]any{"avatar": red}).is(t, "null")
		bo.got(`"type":"identity-update"`, update, `"clientId":"`+string(ada.id)+`"`)
		own := bo.identity(ada.id).Avatar
		if own == generated || own != w.store.avatars[ada.id] {
			t.Errorf("the picture is %v", own)
		}
		bo.take()
		ada.request("avatar", map[string]any{"avatar": red}).is(t, "null") // the same again
		bo.gotNone("identity-update")
		ada.request("avatar", map[string]any{"avatar": blue}).is(t, "null")
		bo.got(update)
		for _, v := range []any{nil, true, 7, "x", "", "data:image/png;base64,AAAA", "data:image/png;base64," + strings.Repeat("A", 100_000), map[string]any{}} {
			ada.request("avatar", map[string]any{"avatar": v})
			bo.gotNone("identity-update")
		}
		if bo.identity(ada.id).Avatar == own || w.store.avatars[ada.id] == "" {
			t.Error("the picture was changed by something that is none")
		}
		bo.take()
		w.restart()
		ada, bo = w.login("ada"), w.login("bo")
		bo.identity(ada.id)
		bo.take()
		ada.request("avatar", map[string]any{"avatar": false}).is(t, "null")
		bo.got(`"key":"avatar"`, fmt.Sprint(generated))
		ada.request("avatar", map[string]any{"avatar": false}).is(t, "null")
		bo.gotNone("identity-update")
		if bo.identity(ada.id).Avatar != generated || len(w.store.avatars) > 0 {
			t.Error("the own picture is still there")
		}
	})
}

func TestAvatarRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		set := func(v any) replyFrame { return ada.request("avatar", map[string]any{"avatar": v}) }
		set("no picture").fails(t, "ERR_INVALID_AVATAR")
		set("data:image/png;base64,"+strings.Repeat("A", 4<<20)).fails(t, "ERR_AVATAR_TOO_LARGE")
		w.store.failOnly("SetAvatar")
		set(picture(color.White)).fails(t, "ERR_NOT_STORED")
		w.store.setFault(nil)
		if ada.identity(ada.id); w.hub.dir.get(ada.id).HasAvatar {
			t.Error("the account has a picture")
		}
	})
}

// TestAvatarsAtOnce: changes of one account are made one after another, the last one
// stays, and nobody's login waits for drawing.
func TestAvatarsAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		bo.identity(ada.id)
		release := w.store.holdUp("SetAvatar")
		for n := range maxChanges + 2 {
			ada.post("avatar", map[string]any{"avatar": picture(color.Gray{uint8(20 * n)})}, fmt.Sprint("r-", n))
		}
		w.settle()
		frames := ada.take()
		for n := maxChanges; n < maxChanges+2; n++ {
			ada.reply(frames, fmt.Sprint("r-", n)).fails(t, "ERR_BUSY")
		}
		release()
		frames = ada.take()
		for n := range maxChanges {
			ada.reply(frames, fmt.Sprint("r-", n)).is(t, "null")
		}
		if n := w.store.count("SetAvatar"); n != maxChanges {
			t.Errorf("%d pictures were stored", n)
		}
		last := w.store.avatars[ada.id]
		if frames := bo.take(); index(frames[len(frames)-1:], last) != 0 {
			t.Error("bo does not know the last picture")
		}
		ada.request("avatar", map[string]any{"avatar": picture(color.White)}).is(t, "null") // it goes on
	})
}

// TestSetHideInSearch: known settings only, values of the right kind.
func TestSetHideInSearch(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.login("ada"), w.login("bo")
		set := func(key, value any) replyFrame {
			return ada.request("account-settings-set", map[string]any{"key": key, "value": value})
		}
		found := func() string { return string(bo.request("search-user", map[string]any{"needle": "ada"}).Response) }
		if found() == "[]" {
			t.Fatal("ada is not found")
		}
		set("hideInSearch", true).is(t, "true")
		if got := found(); got != "[]" {
			t.Errorf("found is %s", got)
		}
		set("hideInSearch", "false").fails(t, "ERR_INVALID_VALUE")
		set("hideInSearch", nil).fails(t, "ERR_INVALID_VALUE")
		set("$.a\" : 1", true).fails(t, "ERR_UNKNOWN_SETTING")
		set("", true).fails(t, "ERR_UNKNOWN_SETTING")
		w.restart()
		ada, bo = w.login("ada"), w.login("bo")
		if got := found(); got != "[]" {
			t.Errorf("found is %s after a restart", got)
		}
		w.store.failOnly("SetAccountSetting")
		set("hideInSearch", false).fails(t, "ERR_NOT_STORED")
		w.store.setFault(nil)
		set("hideInSearch", false).is(t, "true")
		if found() == "[]" {
			t.Error("ada is not found again")
		}
	})
}
