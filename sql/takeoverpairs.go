package sql

import (
	"cmp"
	"context"
	dbsql "database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
)

// A relation is two rows, one for each direction, that agree on its id, its room and
// the newest message there. Two creations at the same moment have left the predecessor
// one row, or three, or two that differ, and the pair without relation for ever.

// oddRelations are the rows that have no counterpart that agrees, or a double.
const oddRelations = ` FROM user_relation t
	LEFT JOIN user_relation b ON b.userId = t.contactId AND b.contactId = t.userId
	LEFT JOIN user_relation d ON d.userId = t.userId AND d.contactId = t.contactId AND d._id <> t._id
	WHERE (d._id IS NOT NULL OR t.userId <> t.contactId AND (b._id IS NULL OR b.relationId <> t.relationId
		OR NOT (b.roomId <=> t.roomId) OR NOT (b.lastMsgId <=> t.lastMsgId)))
	AND EXISTS (SELECT 1 FROM account a WHERE a.clientId = t.userId) AND EXISTS (SELECT 1 FROM account a WHERE a.clientId = t.contactId)`

const countOdd = "SELECT COUNT(DISTINCT t._id)" + oddRelations

var pairsRepair = Repair{What: "relations of one row, or of rows that differ, become whole", Table: "user_relation"}

func (t *takeover) planPairs(ctx context.Context) error {
	if t.found["user_relation"] == nil {
		return nil
	}
	return t.planOwn(ctx, pairsRepair, countOdd, t.mendPairs)
}

// planOwn plans a repair that a function makes, if there are rows for it.
func (t *takeover) planOwn(ctx context.Context, r Repair, count string, do func(context.Context) error) error {
	r.Rows = -1
	if !t.anyConverted() {
		var err error
		if r.Rows, err = t.count(ctx, count); err != nil {
			return fmt.Errorf("%s: %w", r.What, err)
		}
		if r.Rows == 0 {
			return nil
		}
	}
	t.repairs = append(t.repairs, &repair{Repair: r})
	t.changes = append(t.changes, change{what: r.What, table: r.Table, do: do})
	return nil
}

// pairRow is a row of a relation.
type pairRow struct {
	Number   int64            `db:"_id"`
	Relation string           `db:"relationId"`
	Room     dbsql.NullString `db:"roomId"`
	LastID   dbsql.NullString `db:"lastMsgId"`
	ReadTime int64            `db:"readTime"`
	Newest   int64            `db:"newest"`
	direction
}

// mendPairs goes through the odd rows, a batch at a time. A pair whose first row was
// met is whole when the second is met.
func (t *takeover) mendPairs(ctx context.Context) error {
	total, err := t.count(ctx, countOdd)
	if err != nil || total == 0 {
		return err
	}
	done := int64(0)
	for after := int64(0); ; {
		var odd []pairRow
		err := t.u.conn.SelectContext(ctx, &odd, "SELECT DISTINCT t._id, t.userId, t.contactId"+oddRelations+" AND t._id > ? ORDER BY t._id LIMIT 200", after)
		if err != nil {
			return err
		}
		if len(odd) == 0 {
			break
		}
		for _, row := range odd {
			if err := t.mendPair(ctx, row.direction); err != nil {
				return err
			}
			done++
			t.u.progress.rows(done, total)
		}
		after = odd[len(odd)-1].Number
	}
	t.told(pairsRepair, total)
	return nil
}

// mendPair makes one relation whole, in one transaction.
func (t *takeover) mendPair(ctx context.Context, d direction) error {
	tx, err := t.u.conn.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	p := pairMender{t: t, tx: tx}
	if err := p.mend(ctx, d); err != nil {
		_ = tx.Rollback() // the connection is given up
		return err
	}
	return tx.Commit()
}

// pairMender is one such transaction.
type pairMender struct {
	t  *takeover
	tx *sqlx.Tx
}

func (p pairMender) exec(ctx context.Context, query string, args ...any) error {
	_, err := p.t.u.execOn(ctx, p.tx, query, args...)
	return err
}

func (p pairMender) mend(ctx context.Context, d direction) error {
	rows, err := p.rows(ctx, d)
	if err != nil || len(rows) == 0 {
		return err
	}
	best := rows[0]
	for _, r := range rows[1:] {
		best = betterRow(best, r)
	}
	if err := p.gather(ctx, rows, best); err != nil {
		return err
	}
	if best.LastID, err = p.newest(ctx, best); err != nil {
		return err
	}
	for _, way := range unique([]direction{d, d.back()}) {
		if err := p.direct(ctx, rows, best, way); err != nil {
			return err
		}
	}
	if !best.Room.Valid {
		return nil
	}
	return p.exec(ctx, `UPDATE room SET ownerId = ? WHERE clientId = ? AND isPrivate = 1 AND ownerId <> ?`, best.Relation, best.Room, best.Relation)
}

func (p pairMender) rows(ctx context.Context, d direction) (rows []pairRow, err error) {
	err = p.tx.SelectContext(ctx, &rows, `SELECT u._id, u.relationId, u.userId, u.contactId, u.roomId, u.lastMsgId,
		COALESCE((SELECT m.timestamp FROM message m WHERE m.msgId = u.lastReadId), 0) AS readTime,
		COALESCE((SELECT MAX(m.timestamp) FROM message m WHERE m.roomId = u.roomId), 0) AS newest
		FROM user_relation u WHERE u.userId = ? AND u.contactId = ? OR u.userId = ? AND u.contactId = ? ORDER BY u._id FOR UPDATE`,
		d.Account, d.Contact, d.Contact, d.Account)
	return rows, err
}

// betterRow is the row that the others have to follow: rather one with a room, rather
// that in which was written last, rather the older one.
func betterRow(x, y pairRow) pairRow {
	without := func(r pairRow) int {
		if r.Room.Valid {
			return 0
		}
		return 1
	}
	if cmp.Or(cmp.Compare(without(x), without(y)), cmp.Compare(y.Newest, x.Newest), cmp.Compare(x.Number, y.Number)) <= 0 {
		return x
	}
	return y
}

// gather moves what was written in other rooms of the pair to the one that stays.
func (p pairMender) gather(ctx context.Context, rows []pairRow, best pairRow) error {
	for _, r := range rows {
		if r.Room.Valid && r.Room != best.Room {
			if err := p.exec(ctx, `UPDATE message SET roomId = ? WHERE roomId = ?`, best.Room, r.Room); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p pairMender) newest(ctx context.Context, best pairRow) (id dbsql.NullString, err error) {
	if !best.Room.Valid {
		return best.LastID, nil
	}
	err = p.tx.GetContext(ctx, &id, `SELECT msgId FROM message WHERE roomId = ? ORDER BY timestamp DESC, _id DESC LIMIT 1`, best.Room)
	if errors.Is(err, dbsql.ErrNoRows) {
		return dbsql.NullString{}, nil
	}
	return id, err
}

// direct leaves one row of a direction, that with the newest read mark, or makes it.
func (p pairMender) direct(ctx context.Context, rows []pairRow, best pairRow, way direction) error {
	of := slices.DeleteFunc(slices.Clone(rows), func(r pairRow) bool { return r.direction != way })
	if len(of) == 0 {
		// The number is the next one, whether or not another try was broken off.
		return p.exec(ctx, `INSERT INTO user_relation (_id, relationId, userId, contactId, created, roomId, lastMsgId)
			SELECT (SELECT MAX(n._id) + 1 FROM user_relation n), relationId, ?, ?, created, ?, ? FROM user_relation WHERE _id = ?`,
			way.Account, way.Contact, best.Room, best.LastID, best.Number)
	}
	keep := of[0]
	for _, r := range of[1:] {
		if r.ReadTime > keep.ReadTime {
			keep = r
		}
	}
	for _, r := range of {
		if r.Number == keep.Number {
			continue
		}
		if err := p.exec(ctx, `DELETE FROM user_relation WHERE _id = ?`, r.Number); err != nil {
			return err
		}
	}
	return p.exec(ctx, `UPDATE user_relation SET relationId = ?, roomId = ?, lastMsgId = ? WHERE _id = ?`, best.Relation, best.Room, best.LastID, keep.Number)
}
