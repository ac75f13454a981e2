package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
)

// ErrNotFound says that a store has no such row (or only a removed one).
var ErrNotFound = errors.New("not found")

// ErrDenied says that who asked is not who he claims to be: FriendCore refused
// the authid, or the user is disabled. Every other error of an authenticator
// means that FriendCore could not answer and that the client may try again.
var ErrDenied = errors.New("denied")

// Post takes encoded account events (docs/protocol.md 3.1, E2) to the connections
// of accounts. transport implements it. Its methods never block and never call
// back into this package. The event must not be changed after the call.
type Post interface {
	// Deliver queues event on every connection of each account in to, except
	// those of the account except (empty: no exception). It does not keep to.
	Deliver(to []AccountID, except AccountID, event []byte)
	// Reply queues event on one connection.
	Reply(to Address, event []byte)
	// Dismiss ends the session of an account: session:null, then close.
	Dismiss(id AccountID)
}

// Relays are the STUN and TURN servers that calls are offered. The methods do not block.
type Relays interface {
	// ICE lists the servers for somebody in a call; never empty. With hide they are only
	// relays of our own.
	ICE(account AccountID, session string, hide bool) []ICEServer
	// Left says that an account is out of the call for which it was offered those.
	Left(account AccountID, session string)
	// CanHide says whether we have relays of our own. Without them no call can keep the
	// addresses of its peers from each other.
	CanHide() bool
	// IsRelay says whether an address is that of one of our relays, which is open.
	IsRelay(netip.AddrPort) bool
}

// AccountStore keeps accounts.
type AccountStore interface {
	// Accounts returns all accounts, without their avatars.
	Accounts(ctx context.Context) ([]AccountRecord, error)
	// CreateAccounts writes new accounts, all or none.
	CreateAccounts(ctx context.Context, accounts []AccountRecord) error
	// UpdateAccounts writes FUserID, FUsername, LastUpdate, Disabled and Name of
	// existing accounts, all or none.
	UpdateAccounts(ctx context.Context, accounts []AccountRecord) error
	// SetAvatar keeps an account's own picture, a data URL; empty: none from now on.
	SetAvatar(ctx context.Context, id AccountID, avatar string) error
	// SetAccountSetting merges one key into the account's settings and returns all of
	// them. value is JSON; null takes the key out.
	SetAccountSetting(ctx context.Context, id AccountID, key string, value []byte) (json.RawMessage, error)
	// Avatars returns the own pictures, data URLs, of those accounts that have one.
	Avatars(ctx context.Context, ids []AccountID) (map[AccountID]string, error)
	// TouchLogin notes that the account logged in now, TouchOnline that it was
	// online until now.
	TouchLogin(ctx context.Context, id AccountID) error
	TouchOnline(ctx context.Context, id AccountID) error
}

// RoomStore keeps rooms, who may enter them and how far each has read. Every
// method that writes is one transaction.
type RoomStore interface {
	// CreateRoom writes a room, its authorizations, and a read mark (empty) for
	// each authorized account.
	CreateRoom(ctx context.Context, room RoomRecord, authorized []AccountID) error
	// LoadRoom reads a room with the newest tail messages. The number of queries
	// does not depend on the number of members. ErrNotFound: no such room.
	LoadRoom(ctx context.Context, id RoomID, tail int) (*RoomData, error)
	// LoadRooms reads rooms as LoadRoom does, in a number of queries that depends
	// neither on their number (up to 500; once more for each further 500) nor on
	// their sizes. Those that do not exist are left out, the others come in the order
	// of ids. reader, if not empty, is whom Unread is for.
	LoadRooms(ctx context.Context, ids []RoomID, tail int, reader AccountID) ([]*RoomData, error)
	// PersistRoom writes a room that was temporary: the row, Authorized, Tail
	// (all of it), Marks and Tokens, all or nothing.
	PersistRoom(ctx context.Context, data *RoomData) error
	RenameRoom(ctx context.Context, id RoomID, name string) error
	// SetRoomSetting merges one key into the room's settings. value is JSON.
	SetRoomSetting(ctx context.Context, id RoomID, key string, value []byte) error
	// Authorize lets accounts into the room for good and gives each that has no
	// read mark there one at the room's newest message. Accounts that are
	// authorized already are left as they are. The marks are returned for all of them.
	Authorize(ctx context.Context, id RoomID, accounts []AccountID) ([]ReadMark, error)
	// MakeReadMarks gives each account that has no read mark in the room one at its
	// newest message; the marks of all of them are returned.
	MakeReadMarks(ctx context.Context, id RoomID, accounts []AccountID) ([]ReadMark, error)
	// Assign notes that a workgroup is assigned to the room; assigning it again
	// changes nothing. Dismiss takes that away.
	Assign(ctx context.Context, id RoomID, a Assignment) error
	Dismiss(ctx context.Context, id RoomID, fID string) error
	// Unauthorize takes the authorization away; the read mark stays.
	Unauthorize(ctx context.Context, id RoomID, account AccountID) error
	// RoomsOf lists the rooms, private and removed ones left out, that the
	// account is authorized for or that one of the workgroups (by FriendCore's
	// numeric id) is assigned to; each once, oldest first.
	RoomsOf(ctx context.Context, account AccountID, groups []string) ([]RoomID, error)
	// SaveReadMarks moves read marks forward; a mark older than the stored one
	// changes nothing. Marks with an empty MsgID are created only if missing.
	SaveReadMarks(ctx context.Context, id RoomID, marks []ReadMark) error
	// RemoveRoom marks a room as removed: it is found by nobody from then on, its
	// authorizations, assignments and tokens are gone; the room's row and its
	// messages stay.
	RemoveRoom(ctx context.Context, id RoomID) error
	// Overview reads what there is of a room. ErrNotFound: no such room.
	Overview(ctx context.Context, id RoomID) (*Overview, error)
}

// PageQuery selects a page of a room's log (docs/protocol.md 8.2). Exactly one of
// Before and After is set, in milliseconds.
type PageQuery struct {
	Before int64 // older than this, the newest of them
	After  int64 // from this time on, the oldest of them
	Limit  int   // 1 to 100

	Deleted bool // deleted messages too
}

// SearchQuery selects messages that hold all of the words (docs/protocol.md 8.8).
type SearchQuery struct {
	Words  []string // 1 to 8, each 2 to 64 letters and digits
	Before int64    // older than this, milliseconds; zero: the newest
	Limit  int      // 1 to 100
}

// MessageStore keeps messages.
type MessageStore interface {
	// AddMessages stores messages of one room, in their order, moves the read
	// marks of readBy to the last of them, and notes the room's last activity:
	// one transaction. In a contact room the newest message is noted in both
	// directions of the relation.
	AddMessages(ctx context.Context, room RoomID, messages []Message, readBy []AccountID) error
	// Page reads messages, oldest first.
	Page(ctx context.Context, room RoomID, q PageQuery) ([]Message, error)
	// Message reads one message of the room, deleted or not; ErrNotFound if it is
	// unknown or belongs to another room.
	Message(ctx context.Context, room RoomID, id string) (Message, error)
	// SetText replaces the text of a message in place. ErrNotFound: the room has no
	// such message, or it is deleted, or it has an edit.
	SetText(ctx context.Context, room RoomID, msgID, text string) error
	// AddEdit writes an edit, whose text is the message's from then on. ErrNotFound:
	// the room has no such message, or it is deleted.
	AddEdit(ctx context.Context, room RoomID, e Edit) error
	// DeleteMessage marks a message as deleted. ErrNotFound as with AddEdit.
	DeleteMessage(ctx context.Context, room RoomID, d Deletion) error
	// Search finds messages whose text holds all of the words, deleted ones left
	// out: the newest of them, oldest first. Those of work rooms come with targets.
	Search(ctx context.Context, room RoomID, q SearchQuery) ([]Message, error)
	// CountUnread counts the messages after the given time (exclusive) that are
	// neither deleted nor written by the account.
	CountUnread(ctx context.Context, room RoomID, account AccountID, after int64) (int, error)
	// UnreadIn counts the same in up to 500 rooms at once, from the stored read marks
	// on; each further 500 take one more query. Rooms without unread messages, and
	// contact rooms, are left out.
	UnreadIn(ctx context.Context, account AccountID, in []RoomID) (map[RoomID]Unread, error)
}

// Unread is how much of a room an account has not read.
type Unread struct {
	Count  int
	After  int64 // time of the read mark that it was counted from
	Newest int64 // time of the newest message that was counted
}

// InviteStore keeps invite tokens.
type InviteStore interface {
	AddToken(ctx context.Context, token Token) error
	// RevokeToken invalidates a token; revoking an unknown one is no error.
	RevokeToken(ctx context.Context, room RoomID, token string, by AccountID) error
	// UseToken lets somebody enter by a token. ErrNotFound unless it is valid, for
	// that room, the room not removed and, if it is a personal one, for by. A token
	// for one use is invalid afterwards: of many who try at once, one succeeds.
	UseToken(ctx context.Context, room RoomID, token string, by AccountID) (Token, error)
	// Invitations lists the valid personal invitations of an account, oldest first.
	Invitations(ctx context.Context, account AccountID) ([]Invitation, error)
}

// RelationStore keeps who has whom as a contact, and the rooms behind that.
type RelationStore interface {
	// Relations lists the relations of an account, disabled contacts too, in a
	// constant number of queries.
	Relations(ctx context.Context, account AccountID) ([]Relation, error)
	// Relation reads both directions between two accounts, that of a first;
	// ErrNotFound if there is none.
	Relation(ctx context.Context, a, b AccountID) ([]Relation, error)
	// Relate makes the relations of an account that do not exist yet, and returns
	// with whom. Whoever does the same at once, there is one relation afterwards.
	Relate(ctx context.Context, a AccountID, contacts []AccountID) ([]AccountID, error)
	// OpenContact makes what is missing of the relation and of the room behind it
	// (record; its OwnerID becomes the relation's id) and returns the room in effect.
	OpenContact(ctx context.Context, a, b AccountID, record RoomRecord) (RoomID, error)
	// SaveContactMark moves the account's read mark in its relation forward.
	SaveContactMark(ctx context.Context, account, contact AccountID, mark ReadMark, at int64) error
}

// WorkRoomStore keeps what only work rooms have: a log that is made of the messages
// written in the room and of those aimed at its workgroup elsewhere (docs/protocol.md
// 15.4). Messages come with their targets; deleted ones are left out.
type WorkRoomStore interface {
	// MakeWorkRooms makes the rooms of those workgroups that have none yet; the others
	// are found again, removed ones too. The records of all are returned as they are
	// stored, in the order of those given: one for each, by WorkgroupID.
	MakeWorkRooms(ctx context.Context, records []RoomRecord) ([]RoomRecord, error)
	// LoadWorkRooms reads work rooms, found by ID and WorkgroupID, with their read marks
	// and the newest tail messages of their logs, without gaps; Older says that there are
	// more. The number of queries depends neither on the number of rooms nor on their
	// sizes, but for the 500s of each. Rooms that are not there are left out.
	LoadWorkRooms(ctx context.Context, records []RoomRecord, tail int) ([]*RoomData, error)
	// WorkPage reads a page of what one reader sees of a log, oldest first.
	WorkPage(ctx context.Context, reader WorkReader, q PageQuery) ([]Message, error)
	// WorkMessage reads a message of any room, deleted or not; ErrNotFound.
	WorkMessage(ctx context.Context, id string) (Message, error)
	// WorkUnread counts what the reader sees of a log after the given time, without
	// its own messages.
	WorkUnread(ctx context.Context, reader WorkReader, after int64) (int, error)
	// WorkUnreadIn counts the same in many rooms at once, all of one account, from the
	// stored read marks on (none: from the beginning); the number of queries does not
	// depend on that of the rooms. Rooms without unread messages are left out.
	WorkUnreadIn(ctx context.Context, account AccountID, readers []WorkReader) (map[RoomID]Unread, error)
	// MakeWorkMarks writes read marks of many rooms at once; one that exists stays.
	MakeWorkMarks(ctx context.Context, marks map[RoomID][]ReadMark) error
}

// Store is what the database offers to this package.
type Store interface {
	AccountStore
	RoomStore
	MessageStore
	InviteStore
	RelationStore
	WorkRoomStore
}
