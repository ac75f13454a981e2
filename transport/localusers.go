package transport

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"

	"presence/rooms"
)

// LocalUser is an account that needs no FriendCore.
type LocalUser struct {
	Login  string
	AuthID string // what the client shows, as with FriendCore; a secret
	Name   string
	Admin  bool
}

// LocalUsers is the Authenticator of the users in the configuration.
type LocalUsers struct {
	users []localUser
}

type localUser struct {
	hash [sha256.Size]byte // of the authid
	user rooms.User
}

// NewLocalUsers returns their Authenticator. Each user's id is "local-" and the
// login, so that it never collides with one of FriendCore's.
func NewLocalUsers(users []LocalUser) *LocalUsers {
	l := &LocalUsers{}
	for _, u := range users {
		admin := u.Admin
		l.users = append(l.users, localUser{
			hash: sha256.Sum256([]byte(u.AuthID)),
			user: rooms.User{ID: rooms.LocalPrefix + u.Login, Login: u.Login, Name: u.Name, Admin: &admin},
		})
	}
	return l
}

// Authenticate implements Authenticator. Its time does not depend on how much of
// an authid is right.
func (l *LocalUsers) Authenticate(_ context.Context, authID string) (rooms.User, error) {
	hash := sha256.Sum256([]byte(authID))
	found := -1
	for i := range l.users {
		if subtle.ConstantTimeCompare(hash[:], l.users[i].hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 || authID == "" {
		return rooms.User{}, rooms.ErrDenied
	}
	return l.users[found].user, nil
}

// GroupSettings implements Authenticator; local users have none.
func (l *LocalUsers) GroupSettings(context.Context, string) (rooms.GroupSettings, bool, error) {
	return rooms.GroupSettings{}, false, nil
}

// chain asks several Authenticators.
type chain []Authenticator

// Chain asks one Authenticator after another until one does not refuse. All but
// the last must know by themselves what is theirs, as LocalUsers does.
func Chain(auths ...Authenticator) Authenticator { return chain(auths) }

func (c chain) Authenticate(ctx context.Context, authID string) (rooms.User, error) {
	for _, a := range c {
		u, err := a.Authenticate(ctx, authID)
		if !errors.Is(err, rooms.ErrDenied) {
			return u, err
		}
	}
	return rooms.User{}, rooms.ErrDenied
}

// GroupSettings asks who accepts the authid; an authid of a local user does not
// leave this process.
func (c chain) GroupSettings(ctx context.Context, authID string) (rooms.GroupSettings, bool, error) {
	for i, a := range c {
		if i == len(c)-1 {
			return a.GroupSettings(ctx, authID)
		}
		if _, err := a.Authenticate(ctx, authID); err == nil {
			return a.GroupSettings(ctx, authID)
		}
	}
	return rooms.GroupSettings{}, false, nil
}
