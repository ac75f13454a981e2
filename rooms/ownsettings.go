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
		done, err := a.hub.lockRecords(ctx)
		if err != nil {
			return nil, err
		}
		defer done()
		all, err := a.hub.store.SetAccountSetting(ctx, a.id, in.Key, in.Value)
		if err == nil {
			a.hub.dir.change(a.id, func(i *identity) bool { i.Settings = all; return true })
		}
		return true, err
	})
}

// maxChanges bounds the changes of an account's row that wait.
const maxChanges = 8

// change does in the background what writes to the account's row, one change after
// another, and answers.
func (a *Account) change(c call, do func(context.Context) (any, error)) {
	if len(a.changing) >= maxChanges {
		a.answer(c, nil, "ERR_BUSY")
		return
	}
	a.changing = append(a.changing, func() {
		started := a.hub.background(func(ctx context.Context) {
			defer a.box.force(changedEvent{})
			a.doChange(ctx, c, do)
		})
		if !started {
			a.answer(c, nil, "ERR_BUSY")
			a.box.force(changedEvent{})
		}
	})
	if len(a.changing) == 1 {
		a.changing[0]()
	}
}

func (a *Account) doChange(ctx context.Context, c call, do func(context.Context) (any, error)) {
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
}

// changedEvent says that a change is done, so that the next may begin.
type changedEvent struct{}

func (changedEvent) apply(a *Account) {
	if a.changing = a.changing[1:]; len(a.changing) > 0 {
		a.changing[0]()
	}
}

// lockRecords waits until nobody else writes rows of accounts; done lets others go on.
func (h *Hub) lockRecords(ctx context.Context) (done func(), err error) {
	select {
	case h.records <- struct{}{}:
		return func() { <-h.records }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
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
	case nil:
		a.answer(c, nil, "")
	default:
		a.answer(c, nil, "ERR_INVALID_DATA")
	}
}

// setPicture makes the picture fit and keeps it. Few are decoded at a time, and
// nobody's login waits for that.
func (a *Account) setPicture(ctx context.Context, data string) error {
	select {
	case a.hub.drawing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	url, err := a.drawPicture(data)
	if err != nil {
		return err
	}
	return a.keepPicture(ctx, url)
}

// drawPicture gives its place among those who draw back.
func (a *Account) drawPicture(data string) (string, error) {
	defer func() { <-a.hub.drawing }()
	url, err := avatar.Own(data, a.hub.opt.AvatarSide)
	switch {
	case errors.Is(err, avatar.ErrTooLarge):
		return "", refuse("ERR_AVATAR_TOO_LARGE")
	case err != nil:
		return "", refuse("ERR_INVALID_AVATAR")
	}
	return url, nil
}

// keepPicture stores a picture, empty for none, and announces it if it is another one
// than before.
func (a *Account) keepPicture(ctx context.Context, url string) error {
	done, err := a.hub.lockRecords(ctx)
	if err != nil {
		return err
	}
	defer done()
	same, err := a.hasPicture(ctx, url)
	if err != nil || same {
		return err
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

// hasPicture says whether this is the account's picture already.
func (a *Account) hasPicture(ctx context.Context, url string) (bool, error) {
	if i := a.hub.dir.get(a.id); i == nil || !i.HasAvatar {
		return url == "", nil
	}
	own, err := a.hub.store.Avatars(ctx, []AccountID{a.id})
	return own[a.id] == url, err
}
