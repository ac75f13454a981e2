package sql

import (
	"cmp"
	"context"
	dbsql "database/sql"
	"fmt"
	"slices"
	"strings"

	"presence/rooms"
)

// relationReads begin three statements, each of which is followed by a condition on
// the relations u and its end.
type relationReads struct {
	rows, newest, unread relationRead
}

type relationRead struct{ head, tail string }

func (r relationRead) where(condition string) string { return r.head + condition + r.tail }

func newRelationReads(d *dialect) relationReads {
	return relationReads{
		rows: relationRead{
			`SELECT u.relationId, u.userId, u.contactId, u.roomId, u.lastReadId, u.lastReadTime,
				x.timestamp AS readTime, c.name, c.fIsDisabled
				FROM user_relation u JOIN account c ON c.clientId = u.contactId
				LEFT JOIN message x ON x.msgId = u.lastReadId WHERE `, ` ORDER BY u._id`,
		},
		// The predecessor's relations may not say which message is the newest.
		newest: relationRead{
			`SELECT d.userId, d.contactId, ` + messageColumns + `
				FROM (SELECT u.userId, u.contactId, COALESCE(u.lastMsgId, (SELECT t.msgId FROM message t
					WHERE t.roomId = u.roomId ORDER BY t.timestamp DESC, t._id DESC LIMIT 1)) AS lastId
					FROM user_relation u WHERE `, rowByRow + `) AS d JOIN message m ON m.msgId = d.lastId` + joinEdit,
		},
		unread: relationRead{
			`SELECT d.userId, d.contactId, COUNT(*) AS unread
				FROM (SELECT u.userId, u.contactId, u.roomId, COALESCE(x.timestamp, 0) AS since
					FROM user_relation u LEFT JOIN message x ON x.msgId = u.lastReadId
					WHERE u.roomId IS NOT NULL AND `, rowByRow + `) AS d` + d.eachLog + d.inRoom("d.roomId") +
				` AND m.timestamp > d.since AND m.fromId = d.contactId` + notDeleted + `GROUP BY d.userId, d.contactId`,
		},
	}
}

type relationRow struct {
	ID       string           `db:"relationId"`
	Account  rooms.AccountID  `db:"userId"`
	Contact  rooms.AccountID  `db:"contactId"`
	Room     dbsql.NullString `db:"roomId"`
	ReadID   dbsql.NullString `db:"lastReadId"`
	ReadTime dbsql.NullInt64  `db:"readTime"`
	ReadAt   dbsql.NullInt64  `db:"lastReadTime"`
	Name     string           `db:"name"`
	Disabled dbsql.NullBool   `db:"fIsDisabled"`
}

func (r relationRow) relation() rooms.Relation {
	return rooms.Relation{
		ID: r.ID, Account: r.Account, Contact: r.Contact, ContactDisabled: r.Disabled.Bool,
		Room: rooms.RoomID(r.Room.String), ReadAt: r.ReadAt.Int64,
		Read: rooms.ReadMark{Account: r.Account, MsgID: r.ReadID.String, Time: r.ReadTime.Int64},
	}
}

// direction is one row of a relation.
type direction struct {
	Account rooms.AccountID `db:"userId"`
	Contact rooms.AccountID `db:"contactId"`
}

func (d direction) back() direction { return direction{d.Contact, d.Account} }

// relations reads the relations u that a condition selects, in three statements.
func (s session) relations(ctx context.Context, condition string, args ...any) ([]relationRow, []rooms.Relation, error) {
	reads := s.db.listReads.relations
	var rows []relationRow
	if err := s.list(ctx, &rows, reads.rows.where(condition), args...); err != nil || len(rows) == 0 {
		return nil, nil, err
	}
	all := make([]rooms.Relation, len(rows))
	numbers := make(map[direction]int, len(rows))
	for n, r := range rows {
		all[n] = r.relation()
		numbers[direction{r.Account, r.Contact}] = n
	}
	var newest []struct {
		direction
		messageRow
	}
	if err := s.list(ctx, &newest, reads.newest.where(condition), args...); err != nil {
		return nil, nil, fmt.Errorf("newest messages: %w", err)
	}
	for _, r := range newest {
		m := r.message()
		all[numbers[r.direction]].Last = &m
	}
	var unread []struct {
		direction
		Count int `db:"unread"`
	}
	if err := s.list(ctx, &unread, reads.unread.where(condition), args...); err != nil {
		return nil, nil, fmt.Errorf("unread counts: %w", err)
	}
	for _, r := range unread {
		all[numbers[r.direction]].Unread = r.Count
	}
	return rows, all, nil
}

// Relations lists the relations of an account by the name of the contact, whatever
// its case, disabled contacts too; also those of which only the account's own row is
// there (docs/protocol.md 4.7).
func (db *DB) Relations(ctx context.Context, account rooms.AccountID) ([]rooms.Relation, error) {
	var rows []relationRow
	var all []rooms.Relation
	err := db.snapshot(ctx, fmt.Sprintf("list relations of account %s", account), func(ctx context.Context, s session) (err error) {
		rows, all, err = s.relations(ctx, `u.userId = ?`, string(account))
		return err
	})
	if err != nil {
		return nil, err
	}
	names := make(map[rooms.AccountID]string, len(rows))
	for _, r := range rows {
		names[r.Contact] = strings.ToLower(r.Name)
	}
	all = slices.DeleteFunc(all, func(r rooms.Relation) bool { return r.Account != account })
	slices.SortFunc(all, func(a, b rooms.Relation) int {
		return cmp.Or(cmp.Compare(names[a.Contact], names[b.Contact]), cmp.Compare(a.Contact, b.Contact))
	})
	return all, nil
}

// Relation reads what ties two accounts, a's direction first. Of a relation of the
// predecessor one direction may be missing. rooms.ErrNotFound: there is none.
func (db *DB) Relation(ctx context.Context, a, b rooms.AccountID) ([]rooms.Relation, error) {
	var all []rooms.Relation
	err := db.snapshot(ctx, fmt.Sprintf("read relation of accounts %s and %s", a, b), func(ctx context.Context, s session) (err error) {
		_, all, err = s.relations(ctx, `(u.userId = ? AND u.contactId = ? OR u.userId = ? AND u.contactId = ?)`,
			string(a), string(b), string(b), string(a))
		all = slices.DeleteFunc(all, func(r rooms.Relation) bool {
			d := direction{r.Account, r.Contact}
			return d != direction{a, b} && d != direction{b, a}
		})
		if err == nil && len(all) == 0 {
			err = rooms.ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if all[0].Account != a {
		slices.Reverse(all)
	}
	return all, nil
}

// SaveContactMark moves an account's read mark in its relation with a contact
// forward and notes when that was; a mark that is not newer changes nothing.
// rooms.ErrNotFound: there is no such relation, or no such message in its room.
func (db *DB) SaveContactMark(ctx context.Context, account, contact rooms.AccountID, mark rooms.ReadMark, at int64) error {
	what := fmt.Sprintf("save read mark of account %s", account)
	if err := checkIDs("user_relation.lastReadId", mark.MsgID); err != nil {
		return wrap(what, err)
	}
	return db.write(ctx, what, 1, func(ctx context.Context, s session) error {
		var row struct {
			Number int64 `db:"_id"`
			direction
			Time  int64 `db:"time"`
			Known bool  `db:"known"`
		}
		err := s.get(ctx, &row, `SELECT u._id, u.userId, u.contactId,
			COALESCE((SELECT m.timestamp FROM message m WHERE m.msgId = u.lastReadId), 0) AS time,
			EXISTS (SELECT 1 FROM message m WHERE m.msgId = ? AND m.roomId = u.roomId) AS known
			FROM user_relation u WHERE u.userId = ? AND u.contactId = ?`+s.db.dialect.forUpdate,
			mark.MsgID, string(account), string(contact))
		switch {
		case err != nil:
			return err
		case !row.Known || row.direction != direction{account, contact}:
			return rooms.ErrNotFound
		case mark.Time <= row.Time:
			return nil
		}
		return s.change(ctx, `UPDATE user_relation SET lastReadId = ?, lastReadTime = ? WHERE _id = ?`, mark.MsgID, at, row.Number)
	})
}

// noteNewest writes to both rows of a relation which message of its room is the
// newest.
func (s session) noteNewest(ctx context.Context, room rooms.RoomID, m rooms.Message) error {
	_, err := s.exec(ctx, noteNewest, m.ID, string(room), m.Time)
	return err
}

const noteNewest = `UPDATE user_relation SET lastMsgId = ? WHERE roomId = ?
	AND COALESCE((SELECT m.timestamp FROM message m WHERE m.msgId = user_relation.lastMsgId), 0) < ?`
