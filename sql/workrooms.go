package sql

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"presence/rooms"
)

var _ rooms.WorkRoomStore = (*DB)(nil)

// MakeWorkRooms makes the rooms of workgroups that have none yet, and finds the others,
// which need not be there for long: another program may make the same at the same time
// (docs/protocol.md 15.1). Rooms that were removed are there again. ErrExists: an id is
// taken by another room, or one spells the workgroup otherwise.
func (db *DB) MakeWorkRooms(ctx context.Context, records []rooms.RoomRecord) ([]rooms.RoomRecord, error) {
	what := fmt.Sprintf("make %d work rooms", len(records))
	fresh := make(map[rooms.WorkgroupID]workRoomInsert, len(records))
	var groups []string
	for _, r := range records {
		settings, err := checkRoom(r)
		if err := cmp.Or(err, checkIDs("room.workgroupId", r.WorkgroupID)); err != nil {
			return nil, wrap(what, err)
		}
		if _, again := fresh[r.WorkgroupID]; !again {
			fresh[r.WorkgroupID] = workRoomInsert{r, settings}
			groups = append(groups, string(r.WorkgroupID))
		}
	}
	if len(records) == 0 {
		return nil, nil
	}
	slices.Sort(groups) // two transactions never wait for each other
	var made []rooms.RoomRecord
	err := db.write(ctx, what, len(groups), func(ctx context.Context, s session) error {
		all := make(map[rooms.WorkgroupID]rooms.RoomRecord, len(groups))
		for part := range slices.Chunk(groups, valuesAtOnce) {
			if err := s.makeWorkRooms(ctx, part, fresh, all); err != nil {
				return err
			}
			if err := s.fillTimes(ctx, part); err != nil {
				return err
			}
		}
		made = make([]rooms.RoomRecord, len(records))
		for n, r := range records {
			made[n] = all[r.WorkgroupID]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// workRoomInsert is a room that may have to be made.
type workRoomInsert struct {
	rooms.RoomRecord
	settings string
}

// workRoomRow is a room that is there, removed or not.
type workRoomRow struct {
	roomRow
	Removed stamp `db:"removed"`
}

// makeWorkRooms makes or finds the rooms of up to valuesAtOnce workgroups.
func (s session) makeWorkRooms(ctx context.Context, groups []string,
	fresh map[rooms.WorkgroupID]workRoomInsert, all map[rooms.WorkgroupID]rooms.RoomRecord,
) error {
	have, err := s.workRoomsOf(ctx, groups, ``)
	if err != nil {
		return err
	}
	var missing []workRoomInsert
	for _, g := range groups {
		if _, there := have[g]; !there {
			missing = append(missing, fresh[rooms.WorkgroupID(g)])
		}
	}
	if len(missing) > 0 {
		if err := s.insertWorkRooms(ctx, missing); err != nil {
			return err
		}
		// As they are now, also those that another program has made a moment ago.
		if have, err = s.workRoomsOf(ctx, groups, s.db.dialect.forUpdate); err != nil {
			return err
		}
	}
	var removed []string
	for _, g := range groups {
		row, there := have[g]
		if !there {
			return fmt.Errorf("the room of workgroup %s: its id belongs to another room, or a room of a workgroup that is spelled otherwise is in the way: %w", g, ErrExists)
		}
		if !row.Removed.IsZero() {
			removed = append(removed, row.ID)
		}
		all[rooms.WorkgroupID(g)] = row.record(s.db.log)
	}
	if len(removed) == 0 {
		return nil
	}
	return s.execList(ctx, `UPDATE room SET removed = NULL WHERE clientId IN (?)`, removed)
}

// workRoomsOf finds the rooms of workgroups, letter by letter.
func (s session) workRoomsOf(ctx context.Context, groups []string, lock string) (map[string]workRoomRow, error) {
	var rows []workRoomRow
	err := s.list(ctx, &rows, `SELECT `+roomColumns+`, removed FROM room WHERE workgroupId IN (?)`+lock, groups)
	have := make(map[string]workRoomRow, len(rows))
	for _, r := range rows {
		have[r.WorkgroupID.String] = r
	}
	return have, err
}

// insertWorkRooms leaves rooms that exist as they are.
func (s session) insertWorkRooms(ctx context.Context, missing []workRoomInsert) error {
	into := insertion{
		head: `INSERT INTO room (clientId, workgroupId, name, ownerId, settings, isPrivate, created)`,
		row:  `(?, ?, ?, ?, ?, 0, ?)`,
		tail: s.db.dialect.ignoreDuplicate("workgroupId"),
	}
	return s.insert(ctx, into, len(missing), func(n int) []any {
		r := missing[n]
		return []any{string(r.ID), string(r.WorkgroupID), r.Name, string(r.OwnerID), r.settings, orNow(r.Created)}
	})
}

// MakeWorkMarks writes read marks of many rooms (docs/protocol.md 15.7); one that
// exists stays as it is. The marked message may be one of another room; of one that is
// not there the mark has the time only. Guests have none. rooms.ErrNotFound: a room or
// an account is not there.
func (db *DB) MakeWorkMarks(ctx context.Context, marks map[rooms.RoomID][]rooms.ReadMark) error {
	what := fmt.Sprintf("make read marks of %d work rooms", len(marks))
	type row struct {
		room rooms.RoomID
		rooms.ReadMark
	}
	var rows []row
	for id, of := range marks {
		if err := cmp.Or(checkIDs("room_user_messages.roomId", id), checkMarks(of)); err != nil {
			return wrap(what, err)
		}
		for _, m := range of {
			if !isGuest(m.Account) {
				rows = append(rows, row{id, m})
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	slices.SortStableFunc(rows, func(a, b row) int { // two transactions never wait for each other
		return cmp.Or(cmp.Compare(a.room, b.room), cmp.Compare(a.Account, b.Account))
	})
	into := insertion{
		head: `INSERT INTO room_user_messages (userId, roomId, lastReadId, lastReadTime)`,
		row:  `(?, ?, (SELECT msgId FROM message WHERE msgId = ?), ?)`,
		tail: db.dialect.ignoreDuplicate("roomId"),
	}
	return db.write(ctx, what, len(rows), func(ctx context.Context, s session) error {
		return s.insert(ctx, into, len(rows), func(n int) []any {
			var time any
			if rows[n].Time > 0 {
				time = rows[n].Time
			}
			return []any{string(rows[n].Account), string(rows[n].room), rows[n].MsgID, time}
		})
	})
}

// LoadWorkRooms reads work rooms as they are at one moment, in the order of records,
// each once; those that are not there are left out. Tail has more than tail messages if
// the oldest ones have the same time. The number of statements depends neither on that
// of the rooms nor on their sizes; each further 500 rooms, and messages, take as many
// again.
func (db *DB) LoadWorkRooms(ctx context.Context, records []rooms.RoomRecord, tail int) ([]*rooms.RoomData, error) {
	what := fmt.Sprintf("load %d work rooms", len(records))
	groups := make(map[rooms.RoomID]rooms.WorkgroupID, len(records))
	ids := make([]rooms.RoomID, len(records))
	for n, r := range records {
		ids[n], groups[r.ID] = r.ID, r.WorkgroupID
	}
	tail = min(max(tail, 0), maxTail)
	var all []*rooms.RoomData
	err := db.snapshot(ctx, what, func(ctx context.Context, s session) error {
		all = nil
		for part := range slices.Chunk(unique(ids), valuesAtOnce) {
			l := workLoad{roomLoad: roomLoad{session: s}, tail: tail}
			if err := l.load(ctx, part, groups); err != nil {
				return err
			}
			all = append(all, l.all...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// workLoad is the load of up to valuesAtOnce work rooms.
type workLoad struct {
	roomLoad
	tail int
}

func (l *workLoad) load(ctx context.Context, ids []rooms.RoomID, groups map[rooms.RoomID]rooms.WorkgroupID) error {
	if err := l.workRooms(ctx, ids, groups); err != nil || len(l.all) == 0 {
		return err
	}
	if err := l.tails(ctx); err != nil {
		return fmt.Errorf("newest messages: %w", err)
	}
	if err := l.marks(ctx); err != nil {
		return fmt.Errorf("read marks: %w", err)
	}
	return nil
}

// workRooms finds the rooms, letter by letter.
func (l *workLoad) workRooms(ctx context.Context, ids []rooms.RoomID, groups map[rooms.RoomID]rooms.WorkgroupID) error {
	var rows []roomRow
	err := l.list(ctx, &rows, `SELECT `+roomColumns+` FROM room WHERE clientId IN (?) AND workgroupId IS NOT NULL AND removed IS NULL`, ids)
	if err != nil {
		return err
	}
	l.byID = make(map[rooms.RoomID]*rooms.RoomData, len(rows))
	for _, r := range rows {
		if record := r.record(l.db.log); groups[record.ID] == record.WorkgroupID {
			l.byID[record.ID] = &rooms.RoomData{Room: record}
		}
	}
	for _, id := range ids {
		if data := l.byID[id]; data != nil {
			l.all, l.ids = append(l.all, data), append(l.ids, id)
		}
	}
	return nil
}

// tailRow is one of the newest messages of a log.
type tailRow struct {
	messageRow
	Log   string `db:"logOf"`
	Since int64  `db:"since"` // zero: the part of the log is complete
}

// tails reads the newest messages of both parts of each log, one more of each than it
// takes, so that it is known whether there are more.
func (l *workLoad) tails(ctx context.Context) error {
	reads := newWorkTails(l.db.cfg.Driver)
	logs := make(map[*rooms.RoomData][]tailRow, len(l.all))
	for _, query := range []string{reads.written, reads.aimed} {
		var rows []tailRow
		if err := l.list(ctx, &rows, query, l.tail, l.ids); err != nil {
			return err
		}
		for _, r := range rows {
			data := l.of(r.Log)
			logs[data] = append(logs[data], r)
		}
	}
	var found []*rooms.Message
	for _, data := range l.all {
		takeTail(data, logs[data], l.tail)
		for n := range data.Tail {
			found = append(found, &data.Tail[n])
		}
	}
	return l.addTargets(ctx, found)
}

// takeTail keeps the newest rows, and all that have the time of the oldest of them.
func takeTail(data *rooms.RoomData, rows []tailRow, tail int) {
	slices.SortFunc(rows, func(a, b tailRow) int { return a.byTime(b.messageRow) })
	first := max(0, len(rows)-tail)
	for first > 0 && first < len(rows) && rows[first-1].Time == rows[first].Time {
		first--
	}
	data.Older = first > 0
	for _, r := range rows {
		data.Older = data.Older || r.Since > 0
	}
	for _, r := range rows[first:] {
		data.Tail = append(data.Tail, r.message())
	}
}

// workTails are the reads of both parts of the logs of many rooms. Each takes a number
// and rooms: so many of the newest messages of each and one more, or more if the oldest
// of them have equal times.
type workTails struct{ written, aimed string }

func newWorkTails(driver string) workTails {
	w := workWordsOf(driver)
	// One row for each message: the first.
	once := ` AND (SELECT 1 FROM message_work_target f` + w.of + ` WHERE f.msgId = t.msgId AND f.target = t.target
		AND f.sentTime IS NOT NULL AND f._id < t._id LIMIT 1) IS NULL`
	const columns = `SELECT ` + messageColumns + `, d.clientId AS logOf, d.since FROM (SELECT r.clientId, r.workgroupId, COALESCE((`
	const rooms = ` LIMIT 1 OFFSET ?), 0) AS since FROM room r WHERE r.clientId IN (?)` + rowByRow + `) AS d`
	key := func(column, value string) string {
		if driver == MySQL {
			return column + ` >= ` + value + ` AND ` + column + ` <= ` + value
		}
		return column + ` = ` + value
	}
	return workTails{
		written: columns + `SELECT m.timestamp FROM message m WHERE m.roomId = r.clientId` + notDeleted +
			`ORDER BY m.timestamp DESC` + rooms + w.join + `message m` + w.index(byRoom) + ` ON ` + key(`m.roomId`, `d.clientId`) +
			` AND m.timestamp >= d.since` + notDeleted + joinEdit,
		aimed: columns + `SELECT t.sentTime FROM message_work_target t` + w.index(byTarget) + w.join +
			`message m ON m.msgId = t.msgId AND m.roomId <> r.clientId` + notDeleted +
			`WHERE t.target = r.workgroupId AND t.sentTime IS NOT NULL` + once + ` ORDER BY t.sentTime DESC` + rooms +
			w.join + `message_work_target t` + w.index(byTarget) + ` ON ` + key(`t.target`, `d.workgroupId`) + ` AND t.sentTime >= d.since` + once +
			w.join + `message m ON m.msgId = t.msgId AND m.roomId <> d.clientId` + notDeleted + joinEdit,
	}
}
