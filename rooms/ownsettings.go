package rooms

import (
	"context"
	"encoding/json"
	"errors"

	"presence/rooms/avatar"
)

// maxAccountSetting bounds the JSON of one setting of an account, bytes.
const maxAccountSetting = 1024

// knownSettings are the settings that an account may have, and what their values
// must be.
var knownSettings = map[string]func(any) bool{
	"hideInSearch": func(v any) bool { _, ok := v.(bool); return ok },
}

// settingsSet changes one setting of the account (docs/protocol.md 4.5).
func (a *Account) settingsSet(c call) {
	var in struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	}
	var value any
	if !c.into(&in) || len(in.Value) > maxAccountSetting || json.Unmarshal(in.Value, &value) != nil {
		a.answer(c, nil, "ERR_INVALID_DATA")
		return
	}
	valid := knownSettings[in.Key]
	switch {
	case valid == nil:
		a.answer(c, nil, "ERR_UNKNOWN_SETTING")
		return
	case !valid(value):
		a.answer(c, nil, "ERR_INVALID_VALUE")
		return
	}
	a.change(c, func(ctx context.Context) (any, error) {
		all, err := a.hub.store.SetAccountSetting(ctx, a.id, in.Key, in.Value)
		if err == nil {
			a.hub.dir.change(a.id, func(i *identity) bool { i.Settings = all; return true })
		}
		return true, err
	})
}

// change does in the background what writes to the account's row, one at a time
// with all other writers of rows, and answers.
func (a *Account) change(c call, do func(context.Context) (any, error)) {
	started := a.hub.background(func(ctx context.Context) {
		select {
		case a.hub.records <- struct{}{}:
			defer func() { <-a.hub.records }()
		case <-ctx.Done():
			a.answer(c, nil, "ERR_TRY_LATER")
			return
		}
		response, err := do(ctx)
		var refusal *Refusal
		switch {
		case err == nil:
			a.answer(c, response, "")
		case errors.As(err, &refusal):
			a.answer(c, nil, refusal.Code)
		default:
			a.hub.log.Error("account not changed", "account", a.id, "err", err)
			a.answer(c, nil, "ERR_NOT_STORED")
		}
	})
	if !started {
		a.answer(c, nil, "ERR_BUSY")
	}
}

// avatar sets the account's own picture, or goes back to the generated one
// (docs/protocol.md 5.6).
func (a *Account) avatar(c call) {
	var in struct {
		Avatar any `json:"avatar"`
	}
	if !c.into(&in) {
		a.answer(c, nil, "ERR_INVALID_DATA")
		return
	}
	switch picture := in.Avatar.(type) {
	case string:
		a.change(c, func(ctx context.Context) (any, error) { return nil, a.setPicture(ctx, picture) })
	case bool:
		if !picture {
			a.change(c, func(ctx context.Context) (any, error) { return nil, a.keepPicture(ctx, "") })
			return
		}
		a.answer(c, nil, "ERR_INVALID_DATA")
	default:
		a.answer(c, nil, "")
	}
}

// setPicture makes the picture fit and keeps it.
func (a *Account) setPicture(ctx context.Context, data string) error {
	select {
	case a.hub.drawing <- struct{}{}:
		defer func() { <-a.hub.drawing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	url, err := avatar.Own(data, a.hub.opt.AvatarSide)
	switch {
	case errors.Is(err, avatar.ErrTooLarge):
		return refuse("ERR_AVATAR_TOO_LARGE")
	case err != nil:
		return refuse("ERR_INVALID_AVATAR")
	}
	return a.keepPicture(ctx, url)
}

// keepPicture stores a picture, empty for none, and announces the change.
func (a *Account) keepPicture(ctx context.Context, url string) error {
	was := a.hub.dir.get(a.id)
	if was == nil || url == "" && !was.HasAvatar {
		return nil
	}
	if err := a.hub.store.SetAvatar(ctx, a.id, url); err != nil {
		return err
	}
	_, now := a.hub.dir.change(a.id, func(i *identity) bool { i.HasAvatar = url != ""; return true })
	if url == "" {
		url = a.hub.pics.ofPerson(now.Name)
	}
	a.hub.tellChange(now, "avatar", url)
	return nil
}
