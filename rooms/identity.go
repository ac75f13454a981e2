package rooms

import "time"

// identity is what is known of an account. Values are immutable: a change makes
// a new one, so that a pointer may be read without a lock.
type identity struct {
	AccountRecord
	admin      *bool // nil until a login answer told (docs/protocol.md 5.3)
	online     bool
	seen       bool  // has logged in since the start
	guest      bool  // has no account and no row
	lastUpdate int64 // milliseconds, strictly increasing per identity
}

// isAdmin says whether FriendCore's level of the account is Admin.
func (i *identity) isAdmin() bool { return i.admin != nil && *i.admin }

// identityWire is an identity as clients see it (docs/protocol.md 5.1).
type identityWire struct {
	ClientID    AccountID     `json:"clientId"`
	FUserID     any           `json:"fUserId"`
	FUsername   any           `json:"fUsername"`
	FLastUpdate int64         `json:"fLastUpdate"`
	FIsDisabled bool          `json:"fIsDisabled,omitempty"`
	Name        string        `json:"name"`
	Avatar      any           `json:"avatar"`
	IsAdmin     *bool         `json:"isAdmin"`
	IsOnline    bool          `json:"isOnline"`
	LastUpdate  int64         `json:"lastUpdate"`
	IsGuest     *bool         `json:"isGuest,omitempty"`
	Workgroups  []WorkgroupID `json:"workgroups"`
}

// wire renders the identity; avatar is a data URL.
func (i *identity) wire(avatar string, workgroups []WorkgroupID) identityWire {
	w := identityWire{
		ClientID:    i.ID,
		FUserID:     nullable(i.FUserID),
		FUsername:   nullable(i.FUsername),
		FLastUpdate: i.LastUpdate,
		FIsDisabled: i.Disabled,
		Name:        i.Name,
		Avatar:      nullable(avatar),
		IsAdmin:     i.admin,
		IsOnline:    i.online,
		LastUpdate:  i.lastUpdate,
		Workgroups:  list(workgroups),
	}
	if i.seen {
		w.IsGuest = new(bool)
	}
	return w
}

// guestWire is a guest as clients see it (docs/protocol.md 5.1).
type guestWire struct {
	ClientID   AccountID     `json:"clientId"`
	Name       string        `json:"name"`
	Avatar     any           `json:"avatar"`
	IsGuest    bool          `json:"isGuest"`
	IsOnline   bool          `json:"isOnline"`
	LastUpdate int64         `json:"lastUpdate"`
	Workgroups []WorkgroupID `json:"workgroups"`
}

func (i *identity) guestWire() guestWire {
	return guestWire{i.ID, i.Name, nil, true, i.online, i.lastUpdate, []WorkgroupID{}}
}

// identityUpdate is the event that tells one changed field (docs/protocol.md 5.3).
type identityUpdate struct {
	Key        string    `json:"key"`
	Value      any       `json:"value"`
	ClientID   AccountID `json:"clientId"`
	LastUpdate int64     `json:"lastUpdate"`
}

// nowMillis is the server's clock in milliseconds since 1970.
func nowMillis() int64 { return time.Now().UnixMilli() }
