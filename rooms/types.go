package rooms

import (
	"encoding/json"
	"time"
)

// AccountID names an account ("acc-…") or a guest ("guest-…"). See
// docs/protocol.md section 3.2.
type AccountID string

// RoomID names a room: "room-…", "cont-…" or "worg-…".
type RoomID string

// WorkgroupID is the protocol's name of a workgroup, "friend_wg_" and
// FriendCore's numeric group id.
type WorkgroupID string

// ConnID names one connection of this process. Zero names none.
type ConnID uint64

// Address is where a reply goes: one connection of an account.
type Address struct {
	Account AccountID
	Conn    ConnID
}

// LocalPrefix begins the ids of users whom FriendCore does not know.
const LocalPrefix = "local-"

// User is a Friend user as FriendCore (or the local user list) vouches for it.
type User struct {
	ID         string // FriendCore's UniqueID; opaque
	Login      string // FriendCore's Name
	Name       string // full name; empty: the login is shown
	Disabled   bool
	LastUpdate int64 // seconds since 1970; zero if never changed or not known
	// Admin is nil when the source of this record does not say
	// (docs/protocol.md 5.3): only a login answer does.
	Admin *bool
}

// DisplayName is the full name, else the login.
func (u User) DisplayName() string {
	if u.Name != "" {
		return u.Name
	}
	return u.Login
}

// Group is a workgroup as FriendCore lists it (docs/protocol.md 6).
type Group struct {
	ID       string   // FriendCore's numeric id as text
	UID      string   // FriendCore's unique id
	ParentID string   // numeric id of the parent, empty for none
	Name     string   // never empty
	Members  []string // FriendCore user ids, in FriendCore's order
}

// GroupSettings is FriendCore's system setting presence/systemsettings
// (docs/protocol.md 12.6): names or ids of workgroups, trimmed.
type GroupSettings struct {
	Stream, Super []string
}

// AccountRecord is a stored account. Zero strings stand for NULL in FUserID and
// FUsername.
type AccountRecord struct {
	ID         AccountID
	FUserID    string
	FUsername  string
	LastUpdate int64 // fLastUpdate, seconds
	Disabled   bool
	Name       string
	HasAvatar  bool            // an own picture is stored; AccountStore.Avatars reads it
	Settings   json.RawMessage // always a JSON object
}

// RoomRecord is a stored room.
type RoomRecord struct {
	ID          RoomID
	WorkgroupID WorkgroupID // empty but for work rooms
	Name        string
	OwnerID     AccountID
	Settings    json.RawMessage // always a JSON object
	IsPrivate   bool
	Created     time.Time
}

// Assignment is a workgroup that is assigned to a room (docs/protocol.md 6).
type Assignment struct {
	FID     string
	SetByID AccountID
	SetTime time.Time
}

// ReadMark says up to which message an account has read a room.
type ReadMark struct {
	Account AccountID
	MsgID   string // empty: nothing was there to read
	Time    int64  // time of that message, milliseconds; zero if MsgID is empty
}

// Token is an invite token (docs/protocol.md 9).
type Token struct {
	Type      string // "public", "private" or "room"
	Token     string
	Room      RoomID
	SingleUse bool
	Target    AccountID // empty: anybody
	CreatedBy AccountID
	Created   time.Time
}

// Message is a chat message in its long form, as in logs (docs/protocol.md 8.1).
// Empty strings stand for null where the protocol has null.
type Message struct {
	ID         string
	Room       RoomID
	From       AccountID // empty: a guest wrote it
	Time       int64     // milliseconds since 1970, strictly increasing per room
	Type       string    // "msg" or, in work rooms, "work-msg"
	Name       string    // the author's name when it was written
	Text       string    // the text of the last edit, if there is one
	StatusID   string
	Status     string // "" or "delete"
	EditID     string // the edit fields are all zero for an unedited message
	EditBy     AccountID
	EditTime   int64
	EditReason string

	// Of a work-msg only (docs/protocol.md 15.4): the workgroup of the room in which it
	// was written, and whom it is for.
	Source  WorkgroupID
	Targets []WorkTarget
}

// WorkTarget is a workgroup that a message is aimed at, or some of its members.
type WorkTarget struct {
	Group    WorkgroupID
	Members  []AccountID // empty: the whole group
	Standing Standing
}

// Standing is where a target stood, seen from the room, when the message was written.
type Standing int8

// UnknownStanding is that of messages of the predecessor.
const (
	UnknownStanding Standing = iota
	Above
	Below
)

// RoomData is everything that a room holds in the database and keeps in memory.
type RoomData struct {
	Room       RoomRecord
	Authorized []AccountID // enabled accounts only; in contact rooms both, whatever they are
	Assigned   []Assignment
	Tail       []Message // the newest messages, oldest first; without deleted ones but in contact rooms
	// PublicToken is the public one of Tokens; empty: none.
	PublicToken string
	Tokens      []Token // those that are valid
	Marks       []ReadMark
	Unread      int        // of the account that LoadRooms was asked for
	Relation    []Relation // both directions, for contact rooms only
	Older       bool       // of a work room: there are messages older than Tail
}

// Relation is one direction of the tie between two accounts (docs/protocol.md 4.7).
type Relation struct {
	ID              string // the same in both directions
	Account         AccountID
	Contact         AccountID
	ContactDisabled bool
	Room            RoomID   // empty until the chat is opened for the first time
	Read            ReadMark // how far Account has read
	ReadAt          int64    // when, milliseconds; zero: never
	Unread          int      // messages of the contact after that, deleted ones left out
	Last            *Message // the newest message, deleted or not; nil: none
}

// Edit is a change of a message that leaves a trace (docs/protocol.md 8.6).
type Edit struct {
	ID, MsgID    string
	By           AccountID
	Time         int64 // milliseconds
	Reason, Text string
}

// Deletion is the end of a message; its row stays (docs/protocol.md 8.7).
type Deletion struct {
	ID, MsgID string
	By        AccountID
	Time      int64 // milliseconds
}

// Invitation is an account's invitation to a room (docs/protocol.md 9).
type Invitation struct {
	Token    Token
	RoomName string
	OwnerID  AccountID
}

// Overview is what FriendCore's apps may ask of a room (docs/protocol.md 12.3).
type Overview struct {
	Room            RoomRecord
	LastActivity    time.Time   // zero: never
	Authorized      []AccountID // disabled ones too
	Assigned        []Assignment
	Tokens          []Token // those that are valid
	Messages, Edits int
}

// WorkReader says what one account sees of a work room's log (docs/protocol.md 15.6).
//
// A message goes up if it was written in the room and one of its targets is above the
// room: it stood there or, if that is unknown, it is one of Up or, with AllUp, any. It comes from above if it was written elsewhere,
// not by one of Children, and has Group among its targets.
type WorkReader struct {
	Room     RoomID
	Group    WorkgroupID // of the room
	Children []WorkgroupID
	Up       []WorkgroupID
	AllUp    bool
	Account  AccountID

	// View: the account sees nothing but messages of the room that name it (it is among
	// Members of a target), and what it wrote elsewhere with Group among the targets.
	View bool
	// Private says which of the messages that go up, or come from above to persons of
	// Group, the reader sees.
	Private Sight
	// Whole: messages from above to the whole Group are seen. Everything else that was
	// written in the room, or by one of Children with Group among the targets, always is.
	Whole bool
}

// Sight is how much of some kind of messages somebody sees.
type Sight int

// SeesOwn: those that the account wrote, of those that go up; those that name it, of
// those from above.
const (
	SeesNone Sight = iota
	SeesOwn
	SeesAll
)
