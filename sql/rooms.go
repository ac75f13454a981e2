package sql

import (
	"cmp"
	"context"
	dbsql "database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"presence/rooms"
)

// CreateRoom writes a room, its authorizations and an empty read mark for each
// authorized account, all or nothing. Guests are left out: they have no row.
func (db *DB) CreateRoom(ctx context.Context, room rooms.RoomRecord, authorized []rooms.AccountID) error {
	what := fmt.Sprintf("create room %s", room.ID)
	settings, err := checkRoom(room)
	if err == nil {
		err = checkIDs("authorized_for_room.accountId", authorized...)
	}
	if err != nil {
		return wrap(what, err)
	}
	authorized = withoutGuests(authorized)
	return db.write(ctx, what, len(authorized), func(ctx context.Context, s session) error {
		if err := s.insertRoom(ctx, room, settings); err != nil {
			return err
		}
		if err := s.authorize(ctx, room.ID, authorized); err != nil {
			return err
		}
		return s.moveMarks(ctx, room.ID, emptyMarks(authorized))
	})
}

// checkRoom also returns the settings as they are stored.
func checkRoom(r rooms.RoomRecord) (settings string, err error) {
	if err := checkIDs("room.clientId", r.ID); err != nil {
		return "", err
	}
	err = checkFields(
		field{"room.workgroupId", string(r.WorkgroupID), shortChars},
		field{"room.name", r.Name, shortChars},
		field{"room.ownerId", string(r.OwnerID), shortChars},
	)
	if err != nil {
		return "", err
	}
	return settingsOut(r.Settings)
}

func (s session) insertRoom(ctx context.Context, r rooms.RoomRecord, settings string) error {
	_, err := s.exec(ctx, `INSERT INTO room (clientId, workgroupId, name, ownerId, settings, isPrivate, created)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		string(r.ID), null(r.WorkgroupID), r.Name, string(r.OwnerID), settings, r.IsPrivate, orNow(r.Created))
	return err
}

// authorize leaves authorizations that exist as they are.
func (s session) authorize(ctx context.Context, room rooms.RoomID, accounts []rooms.AccountID) error {
	into := insertion{
		head: `INSERT INTO authorized_for_room (roomId, accountId)`,
		row:  `(?, ?)`,
		tail: s.db.dialect.ignoreDuplicate("roomId"),
	}
	return s.insert(ctx, into, len(accounts), func(n int) []any {
		return []any{string(room), string(accounts[n])}
	})
}

type roomRow struct {
	ID          string           `db:"clientId"`
	WorkgroupID dbsql.NullString `db:"workgroupId"`
	Name        string           `db:"name"`
	OwnerID     string           `db:"ownerId"`
	Settings    []byte           `db:"settings"`
	IsPrivate   bool             `db:"isPrivate"`
	Created     stamp            `db:"created"`
	Activity    stamp            `db:"lastActivity"`
}

func (r roomRow) record(log *slog.Logger) rooms.RoomRecord {
	return rooms.RoomRecord{
		ID: rooms.RoomID(r.ID), WorkgroupID: rooms.WorkgroupID(r.WorkgroupID.String), Name: r.Name,
		OwnerID: rooms.AccountID(r.OwnerID), IsPrivate: r.IsPrivate, Created: r.Created.Time,
		Settings: settingsIn(log, r.Settings, "room", r.ID),
	}
}

type assignmentRow struct {
	Room    string `db:"roomId"`
	FID     string `db:"fId"`
	SetByID string `db:"setById"`
	SetTime stamp  `db:"setTime"`
}

func (r assignmentRow) assignment() rooms.Assignment {
	return rooms.Assignment{FID: r.FID, SetByID: rooms.AccountID(r.SetByID), SetTime: r.SetTime.Time}
}

func (s session) assignments(ctx context.Context, ids []rooms.RoomID) ([]assignmentRow, error) {
	var rows []assignmentRow
	err := s.list(ctx, &rows, `SELECT roomId, fId, setById, setTime FROM workgroup_rooms WHERE roomId IN (?) ORDER BY _id`, ids)
	return rows, err
}

// PersistRoom writes a room that was temporary, all or nothing. Guests are left
// out of authorizations, marks and authors: they have no row. A mark at a message
// that is not in the tail keeps its time only.
func (db *DB) PersistRoom(ctx context.Context, data *rooms.RoomData) error {
	id := data.Room.ID
	what := fmt.Sprintf("store room %s", id)
	settings, err := checkRoom(data.Room)
	if err == nil {
		err = checkPersist(data)
	}
	if err != nil {
		return wrap(what, err)
	}
	authorized := withoutGuests(data.Authorized)
	rows := len(authorized) + len(data.Tail) + len(data.Marks) + len(data.Tokens)
	return db.write(ctx, what, rows, func(ctx context.Context, s session) error {
		if err := s.insertRoom(ctx, data.Room, settings); err != nil {
			return err
		}
		if err := s.authorize(ctx, id, authorized); err != nil {
			return fmt.Errorf("authorizations: %w", err)
		}
		if err := s.insertMessages(ctx, id, data.Tail); err != nil {
			return fmt.Errorf("messages: %w", err)
		}
		if err := s.moveMarks(ctx, id, data.Marks); err != nil {
			return fmt.Errorf("read marks: %w", err)
		}
		if err := s.insertTokens(ctx, data.Tokens); err != nil {
			return fmt.Errorf("invites: %w", err)
		}
		return nil
	})
}

func checkPersist(data *rooms.RoomData) error {
	if err := checkIDs("authorized_for_room.accountId", data.Authorized...); err != nil {
		return err
	}
	if err := checkMessages(data.Tail); err != nil {
		return err
	}
	if err := checkMarks(data.Marks); err != nil {
		return err
	}
	for _, t := range data.Tokens {
		if t.Room != data.Room.ID {
			return fmt.Errorf("an invite is for another room: %w", ErrInvalid)
		}
		if err := checkToken(t); err != nil {
			return err
		}
	}
	return nil
}

// RenameRoom gives a room another name.
func (db *DB) RenameRoom(ctx context.Context, id rooms.RoomID, name string) error {
	what := fmt.Sprintf("rename room %s", id)
	if err := checkFields(field{"room.name", name, shortChars}); err != nil {
		return wrap(what, err)
	}
	return db.write(ctx, what, 1, func(ctx context.Context, s session) error {
		return s.change(ctx, `UPDATE room SET name = ? WHERE clientId = ? AND removed IS NULL`, name, string(id))
	})
}

// SetRoomSetting merges one key into the settings of a room. value is JSON.
// Settings that are damaged are begun anew.
func (db *DB) SetRoomSetting(ctx context.Context, id rooms.RoomID, key string, value []byte) error {
	what := fmt.Sprintf("change settings of room %s", id)
	if err := checkSetting(key, value); err != nil {
		return wrap(what, err)
	}
	return db.write(ctx, what, 1, func(ctx context.Context, s session) error {
		var stored []byte
		err := s.get(ctx, &stored, `SELECT settings FROM room WHERE clientId = ? AND removed IS NULL`+
			s.db.dialect.forUpdate, string(id))
		if err != nil {
			return err
		}
		merged, err := merge(settingsIn(s.db.log, stored, "room", string(id)), key, value)
		if err != nil {
			return err
		}
		return s.change(ctx, `UPDATE room SET settings = ? WHERE clientId = ?`, merged, string(id))
	})
}

func checkSetting(key string, value []byte) error {
	if err := checkIDs("key of a setting", key); err != nil {
		return err
	}
	if !json.Valid(value) {
		return fmt.Errorf("the value is no JSON: %w", ErrInvalid)
	}
	return nil
}

// merge sets one key; without a value it takes the key out.
func merge(settings json.RawMessage, key string, value []byte) (string, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(settings, &all); err != nil {
		return "", err
	}
	all[key] = value
	if value == nil {
		delete(all, key)
	}
	merged, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	return settingsOut(merged)
}

// Authorize lets accounts into the room for good. Each that has no read mark there
// gets one at the room's newest message, selected in the same transaction. The
// marks of all of them are returned, in the order of accounts.
func (db *DB) Authorize(ctx context.Context, id rooms.RoomID, accounts []rooms.AccountID) ([]rooms.ReadMark, error) {
	what := fmt.Sprintf("authorize for room %s", id)
	return db.withMarks(ctx, what, "authorized_for_room.accountId", id, accounts,
		func(ctx context.Context, s session, accounts []rooms.AccountID) error {
			return s.authorize(ctx, id, accounts)
		})
}

// lockRoom fails unless the room is there and not removed, which it then stays
// until the transaction ends. It is read as it is now, also if another program has
// made it a moment ago.
func (s session) lockRoom(ctx context.Context, id rooms.RoomID) error {
	var found rooms.RoomID
	err := s.get(ctx, &found, `SELECT clientId FROM room WHERE clientId = ? AND removed IS NULL`+s.db.dialect.forUpdate, string(id))
	if err == nil && found != id {
		err = rooms.ErrNotFound // MySQL does not tell upper from lower case
	}
	return err
}

// Unauthorize takes the authorization away; the read mark stays.
func (db *DB) Unauthorize(ctx context.Context, id rooms.RoomID, account rooms.AccountID) error {
	return db.write(ctx, fmt.Sprintf("unauthorize for room %s", id), 1, func(ctx context.Context, s session) error {
		_, err := s.exec(ctx, `DELETE FROM authorized_for_room WHERE roomId = ? AND accountId = ?`, string(id), string(account))
		return err
	})
}

// roomRef is what is needed of a room to list it in the right order.
type roomRef struct {
	ID      rooms.RoomID `db:"clientId"`
	Created stamp        `db:"created"`
	Row     int64        `db:"_id"`
}

// RoomsOf lists the rooms that the account is authorized for or that one of the
// workgroups is assigned to (docs/protocol.md 4.1), oldest first. Work rooms are none
// of them: nobody is authorized for those.
func (db *DB) RoomsOf(ctx context.Context, account rooms.AccountID, groups []string) ([]rooms.RoomID, error) {
	var found []roomRef
	err := db.read(ctx, fmt.Sprintf("list rooms of account %s", account), func(ctx context.Context, s session) error {
		if err := s.list(ctx, &found, roomsBy(`SELECT roomId FROM authorized_for_room WHERE accountId = ?`), string(account)); err != nil {
			return err
		}
		for part := range slices.Chunk(groups, valuesAtOnce) {
			var more []roomRef
			err := s.list(ctx, &more, roomsBy(`SELECT roomId FROM workgroup_rooms WHERE fId IN (?)`), part)
			if err != nil {
				return err
			}
			found = append(found, more...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b roomRef) int {
		if c := a.Created.Compare(b.Created.Time); c != 0 {
			return c
		}
		return cmp.Compare(a.Row, b.Row)
	})
	var ids []rooms.RoomID
	for n, r := range found {
		if n == 0 || found[n-1].Row != r.Row {
			ids = append(ids, r.ID)
		}
	}
	return ids, nil
}

// roomsBy selects the rooms that everybody may know of among those that another
// select names.
func roomsBy(selected string) string {
	return `SELECT r.clientId, r.created, r._id FROM (` + selected + `) AS x JOIN room r ON r.clientId = x.roomId
		WHERE r.isPrivate = 0 AND r.workgroupId IS NULL AND r.removed IS NULL`
}

// Assign notes that a workgroup is assigned to a room; one that is assigned already
// stays as it is. rooms.ErrNotFound: the room or the account is not there.
func (db *DB) Assign(ctx context.Context, id rooms.RoomID, a rooms.Assignment) error {
	what := fmt.Sprintf("assign a workgroup to room %s", id)
	if err := cmp.Or(checkIDs("workgroup_rooms.fId", a.FID), checkIDs("workgroup_rooms.setById", a.SetByID)); err != nil {
		return wrap(what, err)
	}
	into := insertion{
		head: `INSERT INTO workgroup_rooms (fId, roomId, setById, setTime)`,
		row:  `(?, ?, ?, ?)`,
		tail: db.dialect.ignoreDuplicate("fId"),
	}
	return db.write(ctx, what, 1, func(ctx context.Context, s session) error {
		if err := s.lockRoom(ctx, id); err != nil {
			return err
		}
		return s.insert(ctx, into, 1, func(int) []any {
			return []any{a.FID, string(id), string(a.SetByID), orNow(a.SetTime)}
		})
	})
}

// Dismiss takes an assignment away; one that is not there is no error.
func (db *DB) Dismiss(ctx context.Context, id rooms.RoomID, fID string) error {
	return db.write(ctx, fmt.Sprintf("dismiss a workgroup from room %s", id), 1, func(ctx context.Context, s session) error {
		_, err := s.exec(ctx, `DELETE FROM workgroup_rooms WHERE roomId = ? AND fId = ?`, string(id), fID)
		return err
	})
}

// RemoveRoom marks a room as removed and its invites as invalid, and takes its
// authorizations and assignments away (docs/protocol.md 7.7).
func (db *DB) RemoveRoom(ctx context.Context, id rooms.RoomID) error {
	return db.write(ctx, fmt.Sprintf("remove room %s", id), 1, func(ctx context.Context, s session) error {
		now := stamp{time.Now()}
		if err := s.change(ctx, `UPDATE room SET removed = ? WHERE clientId = ? AND removed IS NULL`, now, string(id)); err != nil {
			return err
		}
		_, err := s.exec(ctx, `UPDATE invite_token SET isValid = 0, invalidated = ? WHERE roomId = ? AND isValid = 1`, now, string(id))
		if err != nil {
			return err
		}
		if _, err := s.exec(ctx, `DELETE FROM authorized_for_room WHERE roomId = ?`, string(id)); err != nil {
			return err
		}
		_, err = s.exec(ctx, `DELETE FROM workgroup_rooms WHERE roomId = ?`, string(id))
		return err
	})
}
