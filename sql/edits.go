package sql

import (
	"cmp"
	"context"
	dbsql "database/sql"
	"fmt"

	"presence/rooms"
)

// changeable is what a message must be to be changed: of the room, and not deleted.
// The row is locked.
const changeable = `SELECT m.msgId, m.roomId, m.editId FROM message m WHERE m.msgId = ? AND m.roomId = ?` + notDeleted +
	`AND EXISTS (SELECT 1 FROM room r WHERE r.clientId = m.roomId AND r.removed IS NULL)`

// toChange finds a message that is going to be changed, and says whether it has an
// edit already.
func (s session) toChange(ctx context.Context, room rooms.RoomID, msgID string) (edited bool, err error) {
	var row struct {
		ID     string           `db:"msgId"`
		Room   string           `db:"roomId"`
		EditID dbsql.NullString `db:"editId"`
	}
	err = s.get(ctx, &row, changeable+s.db.dialect.forUpdate, msgID, string(room))
	if err == nil && (row.ID != msgID || row.Room != string(room)) {
		err = rooms.ErrNotFound // MySQL does not tell upper from lower case
	}
	return row.EditID.String != "", err
}

// SetText replaces the text of a message in place (docs/protocol.md 8.6).
// rooms.ErrNotFound: there is no such message in the room, or it is deleted, or it
// has an edit, whose text is the current one.
func (db *DB) SetText(ctx context.Context, room rooms.RoomID, msgID, text string) error {
	what := fmt.Sprintf("change a message of room %s", room)
	if err := cmp.Or(checkIDs("message.msgId", msgID), checkFields(field{"message.message", text, 0})); err != nil {
		return wrap(what, err)
	}
	return db.write(ctx, what, 1, func(ctx context.Context, s session) error {
		edited, err := s.toChange(ctx, room, msgID)
		if err != nil {
			return err
		}
		if edited {
			return rooms.ErrNotFound
		}
		return s.change(ctx, `UPDATE message SET message = ? WHERE msgId = ?`, text, msgID)
	})
}

// AddEdit writes an edit, whose text is the current one from then on
// (docs/protocol.md 8.6). rooms.ErrNotFound: there is no such message in the room,
// or it is deleted.
func (db *DB) AddEdit(ctx context.Context, room rooms.RoomID, e rooms.Edit) error {
	what := fmt.Sprintf("edit a message of room %s", room)
	if err := checkEdit(e); err != nil {
		return wrap(what, err)
	}
	return db.write(ctx, what, 1, func(ctx context.Context, s session) error {
		if _, err := s.toChange(ctx, room, e.MsgID); err != nil {
			return err
		}
		_, err := s.exec(ctx, `INSERT INTO message_edit (clientId, msgId, editBy, editTime, reason, message) VALUES (?, ?, ?, ?, ?, ?)`,
			e.ID, e.MsgID, null(e.By), e.Time, null(e.Reason), e.Text)
		if err != nil {
			return err
		}
		return s.change(ctx, `UPDATE message SET editId = ? WHERE msgId = ?`, e.ID, e.MsgID)
	})
}

func checkEdit(e rooms.Edit) error {
	if err := cmp.Or(checkIDs("message_edit.clientId", e.ID), checkIDs("message_edit.msgId", e.MsgID)); err != nil {
		return err
	}
	return checkFields(
		field{"message_edit.editBy", string(e.By), shortChars},
		field{"message_edit.reason", e.Reason, 0},
		field{"message_edit.message", e.Text, 0},
	)
}

// DeleteMessage marks a message as deleted; its row and its text stay
// (docs/protocol.md 8.7). rooms.ErrNotFound: there is no such message in the room,
// or it is deleted already.
func (db *DB) DeleteMessage(ctx context.Context, room rooms.RoomID, d rooms.Deletion) error {
	what := fmt.Sprintf("delete a message of room %s", room)
	err := cmp.Or(checkIDs("message_status.clientId", d.ID), checkIDs("message_status.msgId", d.MsgID),
		checkFields(field{"message_status.setBy", string(d.By), shortChars}))
	if err != nil {
		return wrap(what, err)
	}
	return db.write(ctx, what, 1, func(ctx context.Context, s session) error {
		if _, err := s.toChange(ctx, room, d.MsgID); err != nil {
			return err
		}
		_, err := s.exec(ctx, `INSERT INTO message_status (status, clientId, msgId, setBy, setTime) VALUES ('delete', ?, ?, ?, ?)`,
			d.ID, d.MsgID, null(d.By), d.Time)
		if err != nil {
			return err
		}
		return s.change(ctx, `UPDATE message SET status = 'delete', statusId = ? WHERE msgId = ?`, d.ID, d.MsgID)
	})
}
