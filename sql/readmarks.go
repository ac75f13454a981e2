package sql

import (
	"cmp"
	"context"
	dbsql "database/sql"
	"errors"
	"fmt"
	"slices"

	"presence/rooms"
)

// SaveReadMarks moves read marks forward (docs/protocol.md 8.4): one older than
// the stored one changes nothing. Marks of guests are left out.
func (db *DB) SaveReadMarks(ctx context.Context, id rooms.RoomID, marks []rooms.ReadMark) error {
	what := fmt.Sprintf("save read marks of room %s", id)
	if err := checkMarks(marks); err != nil {
		return wrap(what, err)
	}
	if len(marks) == 0 {
		return nil
	}
	return db.write(ctx, what, len(marks), func(ctx context.Context, s session) error {
		return s.moveMarks(ctx, id, marks)
	})
}

func checkMarks(marks []rooms.ReadMark) error {
	for _, m := range marks {
		if err := checkIDs("room_user_messages.userId", m.Account); err != nil {
			return err
		}
		if err := checkFields(field{"room_user_messages.lastReadId", m.MsgID, shortChars}); err != nil {
			return err
		}
	}
	return nil
}

// markInsert creates or moves marks. The message is selected by id and room, so
// that a mark never points to a message of another room; if it is not there the
// mark keeps its time only.
func (db *DB) markInsert() insertion {
	return insertion{
		head: `INSERT INTO room_user_messages (userId, roomId, lastReadId, lastReadTime)`,
		row:  `(?, ?, (SELECT msgId FROM message WHERE msgId = ? AND roomId = ?), ?)`,
		tail: db.dialect.forwardMark,
	}
}

// moveMarks writes the marks in the order of the accounts, so that two
// transactions never wait for each other.
func (s session) moveMarks(ctx context.Context, id rooms.RoomID, marks []rooms.ReadMark) error {
	sorted := slices.DeleteFunc(slices.Clone(marks), func(m rooms.ReadMark) bool { return isGuest(m.Account) })
	slices.SortStableFunc(sorted, func(a, b rooms.ReadMark) int { return cmp.Compare(a.Account, b.Account) })
	return s.insert(ctx, s.db.markInsert(), len(sorted), func(n int) []any {
		m := sorted[n]
		var time any
		if m.MsgID != "" {
			time = m.Time
		}
		return []any{string(m.Account), string(id), m.MsgID, string(id), time}
	})
}

func emptyMarks(accounts []rooms.AccountID) []rooms.ReadMark {
	marks := make([]rooms.ReadMark, len(accounts))
	for n, a := range accounts {
		marks[n].Account = a
	}
	return marks
}

// MakeReadMarks gives each account that has no read mark in the room one at its
// newest message (docs/protocol.md 8.4). The marks of all of them are returned, in
// their order; guests have none. rooms.ErrNotFound: the room or an account is not
// there.
func (db *DB) MakeReadMarks(ctx context.Context, id rooms.RoomID, accounts []rooms.AccountID) ([]rooms.ReadMark, error) {
	what := fmt.Sprintf("make read marks of room %s", id)
	none := func(context.Context, session, []rooms.AccountID) error { return nil }
	return db.withMarks(ctx, what, "room_user_messages.userId", id, accounts, none)
}

// withMarks does something for accounts of a room and gives each a read mark that has
// none, in one transaction. column is named if an id does not fit it.
func (db *DB) withMarks(ctx context.Context, what, column string, id rooms.RoomID, accounts []rooms.AccountID,
	do func(context.Context, session, []rooms.AccountID) error,
) ([]rooms.ReadMark, error) {
	if err := checkIDs(column, accounts...); err != nil {
		return nil, wrap(what, err)
	}
	accounts = withoutGuests(accounts)
	if len(accounts) == 0 {
		return nil, nil
	}
	var marks []rooms.ReadMark
	err := db.write(ctx, what, len(accounts), func(ctx context.Context, s session) error {
		err := s.lockRoom(ctx, id)
		if err != nil {
			return err
		}
		if err := do(ctx, s, accounts); err != nil {
			return err
		}
		if err := s.makeMarks(ctx, id, accounts); err != nil {
			return err
		}
		marks, err = s.marksOf(ctx, id, accounts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return marks, nil
}

// makeMarks gives the accounts that have no mark one at the newest message.
func (s session) makeMarks(ctx context.Context, id rooms.RoomID, accounts []rooms.AccountID) error {
	var last struct {
		ID   dbsql.NullString `db:"msgId"`
		Time dbsql.NullInt64  `db:"timestamp"`
	}
	err := s.get(ctx, &last, `SELECT msgId, timestamp FROM message WHERE roomId = ?
		ORDER BY timestamp DESC, _id DESC LIMIT 1`, string(id))
	if err != nil && !errors.Is(err, rooms.ErrNotFound) {
		return err
	}
	into := insertion{
		head: `INSERT INTO room_user_messages (userId, roomId, lastReadId, lastReadTime)`,
		row:  `(?, ?, ?, ?)`,
		tail: s.db.dialect.ignoreDuplicate("roomId"),
	}
	return s.insert(ctx, into, len(accounts), func(n int) []any {
		return []any{string(accounts[n]), string(id), last.ID, last.Time}
	})
}

type markRow struct {
	Room    string           `db:"roomId"`
	Account string           `db:"userId"`
	MsgID   dbsql.NullString `db:"lastReadId"`
	Time    int64            `db:"time"`
}

// selectMarks takes the time of the marked message from the message: the
// predecessor moves marks without writing their time.
const selectMarks = `SELECT r.roomId, r.userId, r.lastReadId, COALESCE(m.timestamp, r.lastReadTime, 0) AS time
	FROM room_user_messages r LEFT JOIN message m ON m.msgId = r.lastReadId WHERE `

func (r markRow) mark() rooms.ReadMark {
	return rooms.ReadMark{Account: rooms.AccountID(r.Account), MsgID: r.MsgID.String, Time: r.Time}
}

// marksOf returns the marks of accounts in their order.
func (s session) marksOf(ctx context.Context, id rooms.RoomID, accounts []rooms.AccountID) ([]rooms.ReadMark, error) {
	byID := make(map[rooms.AccountID]rooms.ReadMark, len(accounts))
	for part := range slices.Chunk(accounts, valuesAtOnce) {
		var rows []markRow
		if err := s.list(ctx, &rows, selectMarks+`r.roomId = ? AND r.userId IN (?)`, string(id), part); err != nil {
			return nil, err
		}
		for _, r := range rows {
			byID[rooms.AccountID(r.Account)] = r.mark()
		}
	}
	marks := make([]rooms.ReadMark, 0, len(accounts))
	for _, a := range accounts {
		if m, ok := byID[a]; ok {
			marks = append(marks, m)
		}
	}
	return marks, nil
}
