package rooms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"
)

// GuestClaim is what somebody without an account shows to be let into a room
// (docs/protocol.md 2.7).
type GuestClaim struct {
	Token string
	Room  RoomID
	Name  string // as the guest wrote it
	From  string // the network address that tries are counted for
}

// guestPrefix is how the ids of guests begin.
const guestPrefix = "guest"

// AdmitGuest takes a token and makes a guest, who may be opened as an account then.
// Whatever is wrong with the claim, the error is ErrDenied and tells nothing more;
// any other error means that the database did not answer. A guest who is not opened
// must be given up by Close.
func (h *Hub) AdmitGuest(ctx context.Context, c GuestClaim) (AccountID, error) {
	if !namedRoom(c.Room) || len(c.Token) > maxName {
		c.Room = "" // no room; what is counted stays small
	}
	if !h.tries.allowed(c.From, c.Room) {
		return "", fmt.Errorf("too many tries: %w", ErrDenied)
	}
	id := AccountID(newID(guestPrefix))
	err := h.useGuestToken(ctx, c, id)
	switch {
	case errors.Is(err, ErrNotFound):
		h.tries.failed(c.From, c.Room)
		return "", fmt.Errorf("no such token: %w", ErrDenied)
	case err != nil:
		return "", fmt.Errorf("take the guest's token: %w", err)
	}
	h.dir.putGuest(id, cleanName(c.Name))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.guests[id] = c.Room
	return id, nil
}

// useGuestToken has the token taken: by the room, if it is in memory, because only
// it knows the tokens of a temporary room and who is to be told.
func (h *Hub) useGuestToken(ctx context.Context, c GuestClaim, id AccountID) error {
	answer := make(chan error, 1)
	if h.toRoomIfThere(c.Room, guestTokenEvent{c.Token, id, answer}) {
		select {
		case err := <-answer:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	_, err := h.takeToken(ctx, c.Room, c.Token, id)
	return err
}

// takeToken has the database take a token of a room that is not in memory, or was not
// a moment ago.
func (h *Hub) takeToken(ctx context.Context, room RoomID, text string, by AccountID) (Token, error) {
	t, err := h.store.UseToken(ctx, room, text, by)
	if err == nil {
		h.toRoomIfThere(room, tokenTaken{t})
	}
	return t, err
}

// tokenTaken says that the database took a token while the room was being loaded.
type tokenTaken struct{ token Token }

func (e tokenTaken) apply(r *Room) {
	if r.findToken(e.token.Token) != nil {
		r.tokenUsed(e.token)
	}
}

// guestTokenEvent has a token taken for a guest. The answer has room for one value.
type guestTokenEvent struct {
	token  string
	guest  AccountID
	answer chan<- error
}

func (e guestTokenEvent) apply(r *Room) {
	token, err := r.useToken(e.token, e.guest)
	if err == nil {
		r.tokenUsed(token)
		r.used() // the guest comes soon
	}
	e.answer <- err
}

// forgetGuest ends a guest, who never comes back under the same id.
func (h *Hub) forgetGuest(id AccountID) {
	h.mu.Lock()
	_, guest := h.guests[id]
	delete(h.guests, id)
	h.mu.Unlock()
	if guest {
		h.dir.drop(id)
	}
}

// admitGuest makes the holder of a pass a member, for as long as it is there.
func (r *Room) admitGuest(id AccountID) bool {
	i := r.hub.dir.get(id)
	if i == nil || r.isContact() {
		return false
	}
	if r.members[id] != nil {
		return true
	}
	r.tellJoin(r.addMember(i), i)
	return true
}

// guestGone takes a guest out who went away; it has no other reason to be listed.
func (r *Room) guestGone(m *member) {
	r.drop(m)
	r.retireIfDeserted()
}

// company is who is in a room that has guests: those whom a guest may ask about.
type company struct {
	mu  sync.RWMutex // guards ids
	ids map[AccountID]bool
}

func (c *company) has(id AccountID) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.ids[id]
}

// showToGuests enters a new member into the company of the room's guests.
func (r *Room) showToGuests(m *member) {
	if m.guest {
		r.guests++
	}
	if r.guests == 0 {
		return
	}
	r.company.mu.Lock()
	defer r.company.mu.Unlock()
	if r.company.ids == nil { // the first guest
		r.company.ids = make(map[AccountID]bool, len(r.members))
		for id := range r.members {
			r.company.ids[id] = true
		}
	}
	r.company.ids[m.id] = true
}

// hideFromGuests takes a member who left out of it.
func (r *Room) hideFromGuests(m *member) {
	if m.guest {
		r.guests--
	}
	r.company.mu.Lock()
	defer r.company.mu.Unlock()
	if delete(r.company.ids, m.id); r.guests == 0 {
		r.company.ids = nil
	}
}

// defaultGuestName is for guests who give no usable name.
const defaultGuestName = "Guest"

// maxGuestName bounds the names of guests, in characters.
const maxGuestName = 80

// cleanName makes a name of what a guest wrote: without control and formatting
// characters, which could hide or turn around what stands beside it.
func cleanName(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsPrint(c):
			return -1
		}
		return c
	}, s)
	s = clip(strings.Join(strings.Fields(s), " "), maxGuestName)
	// The server's own notices are signed (8.5); nobody else signs so.
	if s = strings.TrimSpace(s); s == "" || strings.EqualFold(s, noticeName) {
		return defaultGuestName
	}
	return s
}

// rename takes a guest's new name (docs/protocol.md 7.9). The names of accounts
// come from FriendCore.
func (r *Room) rename(c call) {
	var in struct {
		Name any `json:"name"`
	}
	c.into(&in)
	name, _ := in.Name.(string)
	m := r.members[c.from.Account]
	if !m.guest || strings.TrimSpace(name) == "" {
		r.answer(c, "", nil, "")
		return
	}
	r.hub.renameGuest(m.id, cleanName(name))
	memberEvent{m.id}.apply(r) // at once: the next message is under the new name
	r.answer(c, "", nil, "")
}

// renameGuest gives a guest another name and announces it.
func (h *Hub) renameGuest(id AccountID, name string) {
	old, now := h.dir.change(id, func(i *identity) bool {
		changed := i.Name != name
		i.Name = name
		return changed
	})
	if old == now {
		return
	}
	h.tellChange(now, "name", now.Name)
}
