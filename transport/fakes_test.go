package transport

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"presence/rooms"
)

// fakeHub is a Hub that notes what it is asked and does what a test wants.
type fakeHub struct {
	mu      sync.Mutex
	calls   []string // "open acc-ada", in order
	events  []fakeEvent
	resumed []rooms.ConnID
	applied []rooms.GroupSettings
	claims  []rooms.GuestClaim

	// What a test sets before it begins.
	resolve func(context.Context, rooms.User) (rooms.AccountID, error)
	admit   func(context.Context, rooms.GuestClaim) (rooms.AccountID, error)
	open    func(context.Context, rooms.AccountID) error
	close   func(rooms.AccountID)
	handle  func(context.Context, rooms.Address, json.RawMessage)
}

type fakeEvent struct {
	from  rooms.Address
	event string
}

func (h *fakeHub) note(call string, id rooms.AccountID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, call+" "+string(id))
}

// taken returns the calls since it was asked last.
func (h *fakeHub) taken() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := h.calls
	h.calls = nil
	return calls
}

// heard returns the events since it was asked last.
func (h *fakeHub) heard() []fakeEvent {
	h.mu.Lock()
	defer h.mu.Unlock()
	events := h.events
	h.events = nil
	return events
}

func (h *fakeHub) Resolve(ctx context.Context, u rooms.User) (rooms.AccountID, error) {
	if h.resolve != nil {
		return h.resolve(ctx, u)
	}
	return rooms.AccountID("acc-" + u.Login), nil
}

func (h *fakeHub) AdmitGuest(ctx context.Context, claim rooms.GuestClaim) (rooms.AccountID, error) {
	h.mu.Lock()
	h.claims = append(h.claims, claim)
	h.mu.Unlock()
	if h.admit != nil {
		return h.admit(ctx, claim)
	}
	return "", rooms.ErrDenied
}

func (h *fakeHub) ApplySettings(g rooms.GroupSettings) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.applied = append(h.applied, g)
}

func (h *fakeHub) Open(ctx context.Context, id rooms.AccountID) error {
	h.note("open", id)
	if h.open != nil {
		return h.open(ctx, id)
	}
	return nil
}

func (h *fakeHub) Close(id rooms.AccountID) {
	if h.close != nil {
		h.close(id)
	}
	h.note("close", id)
}

func (h *fakeHub) Show(id rooms.AccountID)   { h.note("show", id) }
func (h *fakeHub) Hide(id rooms.AccountID)   { h.note("hide", id) }
func (h *fakeHub) Resync(id rooms.AccountID) { h.note("resync", id) }

func (h *fakeHub) Resumed(_ rooms.AccountID, by rooms.ConnID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resumed = append(h.resumed, by)
}

func (h *fakeHub) Handle(ctx context.Context, from rooms.Address, event json.RawMessage) {
	h.mu.Lock()
	h.events = append(h.events, fakeEvent{from, string(event)})
	h.mu.Unlock()
	if h.handle != nil {
		h.handle(ctx, from, event)
	}
}

// fakeAuth vouches for users by authid "auth-<login>".
type fakeAuth struct {
	mu     sync.Mutex
	asked  []string
	users  map[string]rooms.User // by authid
	answer func(context.Context, string) (rooms.User, error)

	groups      rooms.GroupSettings
	groupsFound bool
	groupsErr   error
}

func newFakeAuth(logins ...string) *fakeAuth {
	a := &fakeAuth{users: map[string]rooms.User{}}
	for _, l := range logins {
		a.users["auth-"+l] = rooms.User{ID: "id-" + l, Login: l, Name: "Name of " + l}
	}
	return a
}

var errIll = errors.New("FriendCore does not answer")

func (a *fakeAuth) Authenticate(ctx context.Context, authID string) (rooms.User, error) {
	a.mu.Lock()
	a.asked = append(a.asked, authID)
	a.mu.Unlock()
	if a.answer != nil {
		return a.answer(ctx, authID)
	}
	u, ok := a.users[authID]
	if !ok {
		return rooms.User{}, rooms.ErrDenied
	}
	return u, nil
}

func (a *fakeAuth) GroupSettings(context.Context, string) (rooms.GroupSettings, bool, error) {
	return a.groups, a.groupsFound, a.groupsErr
}

func (a *fakeAuth) askedFor() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.asked)
}
