package transport

import (
	"context"
	"encoding/json"

	"presence/rooms"
)

// Hub is what this package asks of the heart; rooms.Hub is one.
type Hub interface {
	// Resolve finds or creates the account of a Friend user. A refusal that the
	// client may hear is a *rooms.Refusal.
	Resolve(ctx context.Context, u rooms.User) (rooms.AccountID, error)
	// AdmitGuest takes an invite token and makes a guest. errors.Is(err,
	// rooms.ErrDenied): never with this claim. A guest who is not opened is given up
	// by Close.
	AdmitGuest(ctx context.Context, claim rooms.GuestClaim) (rooms.AccountID, error)
	// ApplySettings takes over what FriendCore says of stream and super groups.
	ApplySettings(rooms.GroupSettings)

	// Open makes the account ready and visible. Between Open and the return of
	// Close an account is not opened again.
	Open(ctx context.Context, id rooms.AccountID) error
	// Close takes the account out of everything and returns when that is done.
	Close(id rooms.AccountID)
	// Show and Hide say whether others see the account (docs/protocol.md 2.6).
	Show(id rooms.AccountID)
	Hide(id rooms.AccountID)
	// Resync makes the account send its state anew: its client missed events.
	Resync(id rooms.AccountID)
	// Resumed says that a client took up its session by another connection: the one
	// before is lost, and perhaps its network.
	Resumed(id rooms.AccountID, by rooms.ConnID)

	// Handle takes one event (docs/protocol.md 3.1, E2), a JSON object, which it
	// may keep. It may wait while its target is busy, until ctx ends.
	Handle(ctx context.Context, from rooms.Address, event json.RawMessage)
}

// Authenticator says who owns an authid. FriendCore is one, local users another.
type Authenticator interface {
	// Authenticate returns the owner of the authid. errors.Is(err,
	// rooms.ErrDenied): nobody, for good. Any other error: no answer now.
	Authenticate(ctx context.Context, authID string) (rooms.User, error)
	// GroupSettings reads Presence's settings with the rights of the authid's
	// owner; false if there are none.
	GroupSettings(ctx context.Context, authID string) (rooms.GroupSettings, bool, error)
}
