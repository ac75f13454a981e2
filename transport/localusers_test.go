package transport

import (
	"context"
	"errors"
	"testing"

	"presence/rooms"
)

func testUsers() *LocalUsers {
	return NewLocalUsers([]LocalUser{
		{Login: "ada", AuthID: "auth-1", Name: "Ada L", Admin: true},
		{Login: "bo", AuthID: "auth-2", Name: "Bo"},
		{Login: "no-authid", AuthID: ""},
	})
}

func TestLocalUsers(t *testing.T) {
	l := testUsers()
	ada, err := l.Authenticate(t.Context(), "auth-1")
	if err != nil || ada.ID != "local-ada" || ada.Login != "ada" || ada.Name != "Ada L" || ada.Admin == nil || !*ada.Admin || ada.Disabled {
		t.Errorf("%+v %v", ada, err)
	}
	bo, err := l.Authenticate(t.Context(), "auth-2")
	if err != nil || bo.ID != "local-bo" || bo.Admin == nil || *bo.Admin {
		t.Errorf("%+v %v", bo, err)
	}
	for _, wrong := range []string{"", "auth", "auth-11", "AUTH-1", "auth-1 "} {
		if u, err := l.Authenticate(t.Context(), wrong); !errors.Is(err, rooms.ErrDenied) {
			t.Errorf("%q: %+v %v", wrong, u, err)
		}
	}
	if _, found, err := l.GroupSettings(t.Context(), "auth-1"); found || err != nil {
		t.Errorf("settings: %v %v", found, err)
	}
}

// TestChain: who is asked, and what comes of it. An authid of a local user goes to
// nobody else.
func TestChain(t *testing.T) {
	core := newFakeAuth("cy")
	core.groups, core.groupsFound = rooms.GroupSettings{Stream: []string{"s"}}, true
	c := Chain(testUsers(), core)
	for authID, want := range map[string]struct {
		login string
		err   error
		asked int
		found bool
	}{
		"auth-1":  {login: "ada"},
		"auth-cy": {login: "cy", asked: 1, found: true},
		"auth-x":  {err: rooms.ErrDenied, asked: 1, found: true},
	} {
		core.asked = nil
		u, err := c.Authenticate(t.Context(), authID)
		if u.Login != want.login || !errors.Is(err, want.err) || len(core.asked) != want.asked {
			t.Errorf("%s: %q %v, FriendCore was asked %v", authID, u.Login, err, core.asked)
		}
		if _, found, err := c.GroupSettings(t.Context(), authID); found != want.found || err != nil {
			t.Errorf("%s: settings %v %v", authID, found, err)
		}
	}
	core.answer = func(context.Context, string) (rooms.User, error) { return rooms.User{}, errIll }
	if _, err := c.Authenticate(t.Context(), "auth-x"); !errors.Is(err, errIll) || errors.Is(err, rooms.ErrDenied) {
		t.Errorf("an ill FriendCore is taken for a refusal: %v", err)
	}
	if u, err := c.Authenticate(t.Context(), "auth-1"); err != nil || u.Login != "ada" {
		t.Errorf("a local user needs FriendCore: %v", err)
	}
	if _, err := Chain().Authenticate(t.Context(), "auth-1"); !errors.Is(err, rooms.ErrDenied) {
		t.Errorf("nobody to ask: %v", err)
	}
	if _, found, err := Chain().GroupSettings(t.Context(), "x"); found || err != nil {
		t.Errorf("nobody to ask: %v %v", found, err)
	}
}
