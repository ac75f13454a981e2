package sql

import (
	"context"
	"slices"
)

// planMarks puts right what the predecessor did by halves: edits and deletions whose
// message does not know them, read marks at a message of another room, members without
// read mark. The marks are found by room and time: the index for that comes first.
func (t *takeover) planMarks(ctx context.Context) error {
	for _, r := range []*repair{
		{
			Repair: Repair{What: "edits that their message does not know are shown", Table: "message"},
			join: `JOIN message_edit e ON e.msgId = t.msgId LEFT JOIN message_edit n ON n.msgId = e.msgId
				AND (n.editTime > e.editTime OR n.editTime = e.editTime AND n._id > e._id)`,
			where: `t.editId IS NULL AND n._id IS NULL`, set: `t.editId = e.clientId`,
		},
		{
			Repair: Repair{What: "deletions that their message does not know take place", Table: "message"},
			join:   `JOIN message_status s ON s.msgId = t.msgId AND s.status = 'delete'`,
			where:  `COALESCE(t.status, '') <> 'delete'`, set: `t.status = 'delete', t.statusId = s.clientId`,
		},
	} {
		if err := t.planHalf(ctx, r); err != nil {
			return err
		}
	}
	before := len(t.changes)
	if t.found["message"] != nil && t.found["room_user_messages"] != nil {
		if err := t.planOwn(ctx, foreignMarksRepair, countForeignMarks, t.mendForeignMarks); err != nil {
			return err
		}
	}
	if err := t.planNewMarks(ctx); err != nil {
		return err
	}
	if len(t.changes) > before {
		t.changes = slices.Insert(t.changes, before, t.indexByTime())
	}
	return nil
}

// planHalf plans a repair if there are rows that it could follow.
func (t *takeover) planHalf(ctx context.Context, r *repair) error {
	for _, table := range []string{"message", "message_edit", "message_status"} {
		if names(r.Table+" "+r.join, table) && t.found[table] == nil {
			return nil // nobody has edited, or deleted
		}
	}
	return t.planRepair(ctx, r)
}

// indexByTime is the statement of a later step that makes the index.
func (t *takeover) indexByTime() change {
	for _, s := range t.u.steps {
		for _, st := range s.statements {
			if st.name != "message_by_time" {
				continue
			}
			return change{what: st.String(), table: st.table, do: func(ctx context.Context) error { return t.u.apply(ctx, st) }}
		}
	}
	panic("no step makes the index message_by_time")
}

const (
	foreignMarks      = ` FROM room_user_messages u JOIN message m ON m.msgId = u.lastReadId WHERE m.roomId <> u.roomId`
	countForeignMarks = "SELECT COUNT(*)" + foreignMarks
	markBefore        = `UPDATE room_user_messages SET lastReadId = (SELECT m.msgId FROM message m
		WHERE m.roomId = ? AND m.timestamp <= ? ORDER BY m.timestamp DESC, m._id DESC LIMIT 1) WHERE _id = ?`
)

// A mark at a message of another room has counted as the time of that message. It
// keeps it.
var foreignMarksRepair = Repair{What: "read marks at a message of another room go to the message before it in their own", Table: "room_user_messages"}

func (t *takeover) mendForeignMarks(ctx context.Context) error {
	total, err := t.count(ctx, countForeignMarks)
	if err != nil || total == 0 {
		return err
	}
	var done int64
	for after := int64(0); ; {
		var rows []struct {
			Number int64  `db:"_id"`
			Room   string `db:"roomId"`
			Time   int64  `db:"timestamp"`
		}
		err := t.u.conn.SelectContext(ctx, &rows, "SELECT u._id, u.roomId, m.timestamp"+foreignMarks+" AND u._id > ? ORDER BY u._id LIMIT 500", after)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			if _, err := t.u.exec(ctx, markBefore, r.Room, r.Time, r.Number); err != nil {
				return err
			}
			done++
			t.u.progress.rows(done, total)
		}
		after = rows[len(rows)-1].Number
	}
	t.told(foreignMarksRepair, done)
	return nil
}

const (
	unmarked = ` FROM authorized_for_room a JOIN room r ON r.clientId = a.roomId AND r.isPrivate = 0
		JOIN account c ON c.clientId = a.accountId
		LEFT JOIN room_user_messages u ON u.roomId = a.roomId AND u.userId = a.accountId WHERE u._id IS NULL`
	countUnmarked = "SELECT COUNT(*)" + unmarked
)

var newMarksRepair = Repair{What: "members without read mark get one at the newest message of their room", Table: "room_user_messages"}

// planNewMarks: before version 29 there were no read marks, and nobody wants to find
// everything unread that was ever said.
func (t *takeover) planNewMarks(ctx context.Context) error {
	count := countUnmarked
	if t.found["room_user_messages"] == nil {
		count = `SELECT COUNT(*) FROM authorized_for_room a JOIN room r ON r.clientId = a.roomId AND r.clientId NOT LIKE 'cont-%'
			JOIN account c ON c.clientId = a.accountId`
	}
	return t.planOwn(ctx, newMarksRepair, count, t.makeMarks)
}

// makeMarks goes from room to room, so that one statement has one room's members.
func (t *takeover) makeMarks(ctx context.Context) error {
	total, err := t.count(ctx, countUnmarked)
	if err != nil || total == 0 {
		return err
	}
	var done int64
	for after := int64(0); ; {
		var rooms []struct {
			Number int64  `db:"_id"`
			ID     string `db:"clientId"`
		}
		err := t.u.conn.SelectContext(ctx, &rooms, "SELECT DISTINCT r._id, r.clientId"+unmarked+" AND r._id > ? ORDER BY r._id LIMIT 500", after)
		if err != nil {
			return err
		}
		if len(rooms) == 0 {
			break
		}
		for _, r := range rooms {
			n, err := t.u.exec(ctx, `INSERT INTO room_user_messages (userId, roomId, lastReadId)
				SELECT a.accountId, a.roomId, (SELECT m.msgId FROM message m WHERE m.roomId = r.clientId ORDER BY m.timestamp DESC, m._id DESC LIMIT 1)`+
				unmarked+` AND r.clientId = ? ORDER BY a._id`, r.ID)
			if err != nil {
				return err
			}
			done += n
			t.u.progress.rows(done, total)
		}
		after = rooms[len(rooms)-1].Number
	}
	t.told(newMarksRepair, done)
	return nil
}
