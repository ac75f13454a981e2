package sql

import (
	"cmp"
	"context"
	dbsql "database/sql"
	"fmt"
	"slices"
	"time"

	"presence/rooms"
)

// messageInsert writes rows of message.
var messageInsert = insertion{
	head: `INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message, statusId, status)`,
	row:  `(?, ?, ?, ?, ?, ?, ?, ?, ?)`,
}

const (
	noteActivity = `UPDATE room SET lastActivity = ? WHERE clientId = ? AND removed IS NULL`

	// messageColumns are those of a messageRow: a message m with the text of its
	// last edit e (docs/protocol.md 8.1).
	messageColumns = `m.msgId, m.roomId, m.fromId, m.timestamp, m.type, m.name,
		COALESCE(e.message, m.message) AS message, m.statusId, m.status,
		e.clientId AS editId, e.editBy, e.editTime, e.reason, m._id`
	joinEdit      = ` LEFT JOIN message_edit e ON e.clientId = m.editId `
	selectMessage = `SELECT ` + messageColumns + ` FROM message m` + joinEdit

	notDeleted = ` AND COALESCE(m.status, '') <> 'delete' `

	oneMessage = selectMessage + `WHERE m.msgId = ? AND m.roomId = ?`
)

// messageReads are the frequent reads whose form depends on the dialect. Each takes
// the room twice, see dialect.inRoom.
type messageReads struct {
	before, after, unread       string
	beforeDeleted, afterDeleted string // deleted messages too
}

func newMessageReads(d *dialect) messageReads {
	room := d.inRoom("?")
	before := selectMessage + `WHERE ` + room + ` AND m.timestamp < ?`
	after := selectMessage + `WHERE ` + room + ` AND m.timestamp >= ?`
	const newest = ` ORDER BY m.roomId DESC, m.timestamp DESC, m._id DESC LIMIT ?`
	const oldest = ` ORDER BY m.roomId, m.timestamp, m._id LIMIT ?`
	return messageReads{
		before: before + notDeleted + newest, beforeDeleted: before + newest,
		after: after + notDeleted + oldest, afterDeleted: after + oldest,
		unread: `SELECT COUNT(*) FROM message m WHERE ` + room + ` AND m.timestamp > ?` + notDeleted +
			`AND (m.fromId IS NULL OR m.fromId <> ?)`,
	}
}

// all lists the reads that are prepared at Open.
func (r messageReads) all() []string {
	return []string{oneMessage, r.before, r.after, r.unread, r.beforeDeleted, r.afterDeleted}
}

// Bounds of one read.
const (
	maxPage = 100  // docs/protocol.md 8.2
	maxTail = 1000 // of a room that is loaded
)

type messageRow struct {
	ID         string           `db:"msgId"`
	Room       string           `db:"roomId"`
	From       dbsql.NullString `db:"fromId"`
	Time       int64            `db:"timestamp"`
	Type       string           `db:"type"`
	Name       dbsql.NullString `db:"name"`
	Text       string           `db:"message"`
	StatusID   dbsql.NullString `db:"statusId"`
	Status     dbsql.NullString `db:"status"`
	EditID     dbsql.NullString `db:"editId"`
	EditBy     dbsql.NullString `db:"editBy"`
	EditTime   dbsql.NullInt64  `db:"editTime"`
	EditReason dbsql.NullString `db:"reason"`
	Row        int64            `db:"_id"`
}

// byTime is the order of a log.
func (r messageRow) byTime(o messageRow) int {
	return cmp.Or(cmp.Compare(r.Time, o.Time), cmp.Compare(r.Row, o.Row))
}

func (r messageRow) message() rooms.Message {
	return rooms.Message{
		ID: r.ID, Room: rooms.RoomID(r.Room), From: rooms.AccountID(r.From.String), Time: r.Time,
		Type: r.Type, Name: r.Name.String, Text: r.Text,
		StatusID: r.StatusID.String, Status: r.Status.String,
		EditID: r.EditID.String, EditBy: rooms.AccountID(r.EditBy.String),
		EditTime: r.EditTime.Int64, EditReason: r.EditReason.String,
	}
}

// AddMessages stores messages of one room with their targets, moves the read marks of
// readBy to the last of them, and notes the room's last activity, and the newest message of the
// relation behind a contact room: one transaction. It returns when they are stored
// for good. rooms.ErrNotFound: the room or an author is not
// there, or the room was removed.
func (db *DB) AddMessages(ctx context.Context, room rooms.RoomID, messages []rooms.Message, readBy []rooms.AccountID) error {
	what := fmt.Sprintf("store messages of room %s", room)
	if len(messages) == 0 {
		return nil
	}
	err := checkMessages(messages)
	if err == nil {
		err = checkIDs("room_user_messages.userId", readBy...)
	}
	if err != nil {
		return wrap(what, err)
	}
	last := messages[len(messages)-1]
	marks := emptyMarks(readBy)
	for n := range marks {
		marks[n].MsgID, marks[n].Time = last.ID, last.Time
	}
	rows := len(messages) + len(marks)
	for _, m := range messages {
		rows += targetRows(m)
	}
	return db.write(ctx, what, rows, func(ctx context.Context, s session) error {
		if err := s.change(ctx, noteActivity, stamp{time.Now()}, string(room)); err != nil {
			return err
		}
		if err := s.insertMessages(ctx, room, messages); err != nil {
			return err
		}
		if isContactRoom(room) {
			if err := s.noteNewest(ctx, room, last); err != nil {
				return err
			}
		}
		return s.moveMarks(ctx, room, marks)
	})
}

func checkMessages(messages []rooms.Message) error {
	for _, m := range messages {
		if err := checkIDs("message.msgId", m.ID); err != nil {
			return err
		}
		err := checkFields(
			field{"message.fromId", string(m.From), shortChars},
			field{"message.type", m.Type, kindChars},
			field{"message.name", m.Name, shortChars},
			field{"message.message", m.Text, 0},
			field{"message.statusId", m.StatusID, shortChars},
			field{"message.status", m.Status, kindChars},
		)
		if err != nil {
			return err
		}
		if err := checkTargets(m); err != nil {
			return err
		}
	}
	return nil
}

// insertMessages stores messages and their targets.
func (s session) insertMessages(ctx context.Context, room rooms.RoomID, messages []rooms.Message) error {
	err := s.insert(ctx, messageInsert, len(messages), func(n int) []any {
		m := messages[n]
		from := m.From
		if isGuest(from) {
			from = ""
		}
		return []any{m.ID, string(room), null(from), m.Time, m.Type, null(m.Name), m.Text, null(m.StatusID), m.Status}
	})
	if err != nil {
		return err
	}
	return s.insertTargets(ctx, messages)
}

// Page reads a page of a log, oldest first (docs/protocol.md 8.2).
// ErrInvalid: the query is none.
func (db *DB) Page(ctx context.Context, room rooms.RoomID, q rooms.PageQuery) ([]rooms.Message, error) {
	what := fmt.Sprintf("read log of room %s", room)
	if err := checkPage(q); err != nil {
		return nil, wrap(what, err)
	}
	query, from := db.messageReads.page(q)
	var page []rooms.Message
	err := db.read(ctx, what, func(ctx context.Context, s session) (err error) {
		page, err = s.messages(ctx, query, string(room), string(room), from, q.Limit)
		return err
	})
	if q.Before > 0 {
		slices.Reverse(page)
	}
	return page, err
}

func checkPage(q rooms.PageQuery) error {
	switch {
	case q.Limit < 1 || q.Limit > maxPage:
		return fmt.Errorf("a page of %d messages: %w", q.Limit, ErrInvalid)
	case (q.Before > 0) == (q.After > 0) || q.Before < 0 || q.After < 0:
		return fmt.Errorf("exactly one of before and after must be set: %w", ErrInvalid)
	}
	return nil
}

// page chooses the statement for a page, and the time that it takes.
func (r messageReads) page(q rooms.PageQuery) (query string, from int64) {
	switch {
	case q.After > 0 && q.Deleted:
		return r.afterDeleted, q.After
	case q.After > 0:
		return r.after, q.After
	case q.Deleted:
		return r.beforeDeleted, q.Before
	}
	return r.before, q.Before
}

func (s session) messages(ctx context.Context, query string, args ...any) ([]rooms.Message, error) {
	var rows []messageRow
	if err := s.list(ctx, &rows, query, args...); err != nil {
		return nil, err
	}
	return messagesOf(rows), nil
}

func messagesOf(rows []messageRow) []rooms.Message {
	messages := make([]rooms.Message, len(rows))
	for n, r := range rows {
		messages[n] = r.message()
	}
	return messages
}

// Message reads one message of the room, deleted or not.
func (db *DB) Message(ctx context.Context, room rooms.RoomID, id string) (rooms.Message, error) {
	var row messageRow
	err := db.read(ctx, fmt.Sprintf("read a message of room %s", room), func(ctx context.Context, s session) error {
		err := s.get(ctx, &row, oneMessage, id, string(room))
		if err == nil && (row.ID != id || row.Room != string(room)) {
			return rooms.ErrNotFound // MySQL does not tell upper from lower case
		}
		return err
	})
	if err != nil {
		return rooms.Message{}, err
	}
	return row.message(), nil
}

// CountUnread counts the messages after the given time that are neither deleted
// nor written by the account (docs/protocol.md 8.4).
func (db *DB) CountUnread(ctx context.Context, room rooms.RoomID, account rooms.AccountID, after int64) (int, error) {
	var count int
	err := db.read(ctx, fmt.Sprintf("count unread messages of room %s", room), func(ctx context.Context, s session) error {
		return s.get(ctx, &count, db.messageReads.unread, string(room), string(room), after, string(account))
	})
	return count, err
}
