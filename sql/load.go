package sql

import (
	"context"
	"fmt"
	"slices"

	"presence/rooms"
)

// rowByRow ends the select of a derived table: the database then computes that
// table first, and goes through its rows.
const rowByRow = ` LIMIT 4294967295`

// listReads are reads of many rooms or relations at once whose form depends on the
// dialect. They go from each room into its log at one point of time, so that the
// length of the log does not matter.
type listReads struct {
	// tails takes a number less one, and rooms: so many of the newest messages of
	// each, and more if the oldest of them have equal times.
	tails string
	// unread takes an account, rooms, and the account again.
	unread    string
	relations relationReads
}

func newListReads(d *dialect) listReads {
	return listReads{
		tails: `SELECT ` + messageColumns + ` FROM (SELECT r.clientId, r.isPrivate, COALESCE((SELECT t.timestamp FROM message t
				WHERE t.roomId = r.clientId AND (r.isPrivate = 1 OR COALESCE(t.status, '') <> 'delete')
				ORDER BY t.timestamp DESC LIMIT 1 OFFSET ?), 0) AS since
				FROM room r WHERE r.clientId IN (?)` + rowByRow + `) AS d` +
			d.eachLog + d.inRoom("d.clientId") + ` AND m.timestamp >= d.since
				AND (d.isPrivate = 1 OR COALESCE(m.status, '') <> 'delete')` + joinEdit,
		unread: `SELECT d.clientId AS roomId, COUNT(*) AS unread, MIN(d.since) AS since, MAX(m.timestamp) AS newest
				FROM (SELECT r.clientId, COALESCE(x.timestamp, u.lastReadTime, 0) AS since
				FROM room r LEFT JOIN room_user_messages u ON u.roomId = r.clientId AND u.userId = ?
				LEFT JOIN message x ON x.msgId = u.lastReadId
				WHERE r.clientId IN (?) AND r.isPrivate = 0` + rowByRow + `) AS d` +
			d.eachLog + d.inRoom("d.clientId") + ` AND m.timestamp > d.since` + notDeleted +
			`AND (m.fromId IS NULL OR m.fromId <> ?) GROUP BY d.clientId`,
		relations: newRelationReads(d),
	}
}

// LoadRoom reads a room as it is at one moment, with its newest tail messages, in
// a number of statements that does not depend on its size.
func (db *DB) LoadRoom(ctx context.Context, id rooms.RoomID, tail int) (*rooms.RoomData, error) {
	what := fmt.Sprintf("load room %s", id)
	all, err := db.loadRooms(ctx, what, []rooms.RoomID{id}, tail, "")
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, wrap(what, rooms.ErrNotFound)
	}
	return all[0], nil
}

// LoadRooms reads rooms as they are at one moment, each once, in the order of ids;
// those that are not there, and work rooms, are left out. Unread counts are those of
// reader, if one is named. The number of statements depends neither on that of the
// rooms nor on their sizes; each further 500 rooms take as many again.
func (db *DB) LoadRooms(ctx context.Context, ids []rooms.RoomID, tail int, reader rooms.AccountID) ([]*rooms.RoomData, error) {
	return db.loadRooms(ctx, fmt.Sprintf("load %d rooms", len(ids)), unique(ids), tail, reader)
}

func (db *DB) loadRooms(ctx context.Context, what string, ids []rooms.RoomID, tail int, reader rooms.AccountID) ([]*rooms.RoomData, error) {
	var all []*rooms.RoomData
	err := db.snapshot(ctx, what, func(ctx context.Context, s session) error {
		all = nil
		for part := range slices.Chunk(ids, valuesAtOnce) {
			l := roomLoad{session: s, tail: min(max(tail, 0), maxTail), reader: reader}
			if err := l.load(ctx, part); err != nil {
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

// roomLoad is the load of up to valuesAtOnce rooms.
type roomLoad struct {
	session
	tail   int
	reader rooms.AccountID

	all  []*rooms.RoomData
	ids  []rooms.RoomID // of all
	byID map[rooms.RoomID]*rooms.RoomData
}

func (l *roomLoad) load(ctx context.Context, ids []rooms.RoomID) error {
	if err := l.rooms(ctx, ids); err != nil || len(l.all) == 0 {
		return err
	}
	for _, part := range []struct {
		name string
		read func(context.Context) error
	}{
		{"authorizations", l.authorized},
		{"assigned workgroups", l.assigned},
		{"newest messages", l.tails},
		{"invites", l.invites},
		{"read marks", l.marks},
		{"unread counts", l.unread},
		{"relations", l.relations},
	} {
		if err := part.read(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

const (
	roomColumns = `clientId, workgroupId, name, ownerId, settings, isPrivate, created, lastActivity`
	selectRoom  = `SELECT ` + roomColumns + ` FROM room WHERE clientId = ? AND removed IS NULL`
	selectRooms = `SELECT ` + roomColumns + ` FROM room WHERE clientId IN (?) AND workgroupId IS NULL AND removed IS NULL`
)

func (l *roomLoad) rooms(ctx context.Context, ids []rooms.RoomID) error {
	var rows []roomRow
	if err := l.list(ctx, &rows, selectRooms, ids); err != nil {
		return err
	}
	l.byID = make(map[rooms.RoomID]*rooms.RoomData, len(rows))
	for _, r := range rows {
		l.byID[rooms.RoomID(r.ID)] = &rooms.RoomData{Room: r.record(l.db.log)}
	}
	for _, id := range ids { // letter by letter: MySQL does not tell upper from lower case
		if data := l.byID[id]; data != nil {
			l.all, l.ids = append(l.all, data), append(l.ids, id)
		}
	}
	return nil
}

// of returns the data that a row belongs to. A row that spells its room otherwise
// than the room does itself, which MySQL allows, is nobody's.
func (l *roomLoad) of(room string) *rooms.RoomData {
	if data := l.byID[rooms.RoomID(room)]; data != nil {
		return data
	}
	return &rooms.RoomData{}
}

func (l *roomLoad) authorized(ctx context.Context) error {
	var rows []struct {
		Room     string          `db:"roomId"`
		Account  rooms.AccountID `db:"accountId"`
		Disabled bool            `db:"disabled"`
	}
	err := l.list(ctx, &rows, `SELECT a.roomId, a.accountId, COALESCE(c.fIsDisabled, 0) AS disabled
		FROM authorized_for_room a JOIN account c ON c.clientId = a.accountId WHERE a.roomId IN (?) ORDER BY a._id`, l.ids)
	for _, r := range rows {
		if data := l.of(r.Room); !r.Disabled || data.Room.IsPrivate {
			data.Authorized = append(data.Authorized, r.Account)
		}
	}
	return err
}

func (l *roomLoad) assigned(ctx context.Context) error {
	rows, err := l.assignments(ctx, l.ids)
	for _, r := range rows {
		data := l.of(r.Room)
		data.Assigned = append(data.Assigned, r.assignment())
	}
	return err
}

func (l *roomLoad) tails(ctx context.Context) error {
	if l.tail == 0 {
		return nil
	}
	var rows []messageRow
	if err := l.list(ctx, &rows, l.db.listReads.tails, l.tail-1, l.ids); err != nil {
		return err
	}
	slices.SortFunc(rows, messageRow.byTime)
	for _, r := range rows {
		data := l.of(r.Room)
		data.Tail = append(data.Tail, r.message())
	}
	for _, data := range l.all {
		data.Tail = data.Tail[max(0, len(data.Tail)-l.tail):]
	}
	return nil
}

func (l *roomLoad) invites(ctx context.Context) error {
	tokens, err := l.validTokens(ctx, l.ids)
	for _, t := range tokens {
		data := l.of(string(t.Room))
		data.Tokens = append(data.Tokens, t)
		if t.Type == publicToken {
			data.PublicToken = t.Token
		}
	}
	return err
}

func (l *roomLoad) marks(ctx context.Context) error {
	var rows []markRow
	err := l.list(ctx, &rows, selectMarks+`r.roomId IN (?) ORDER BY r._id`, l.ids)
	for _, r := range rows {
		data := l.of(r.Room)
		data.Marks = append(data.Marks, r.mark())
	}
	return err
}

func (l *roomLoad) unread(ctx context.Context) error {
	if l.reader == "" {
		return nil
	}
	rows, err := l.unreadIn(ctx, l.reader, l.ids)
	for _, r := range rows {
		l.of(r.Room).Unread = r.Count
	}
	return err
}

// unreadRow is what somebody has not read of a room.
type unreadRow struct {
	Room   string `db:"roomId"`
	Count  int    `db:"unread"`
	Since  int64  `db:"since"`
	Newest int64  `db:"newest"`
}

func (s session) unreadIn(ctx context.Context, reader rooms.AccountID, in []rooms.RoomID) ([]unreadRow, error) {
	var rows []unreadRow
	err := s.list(ctx, &rows, s.db.listReads.unread, string(reader), in, string(reader))
	return rows, err
}

// UnreadIn counts what an account has not read, in one statement for each 500 rooms.
func (db *DB) UnreadIn(ctx context.Context, account rooms.AccountID, in []rooms.RoomID) (map[rooms.RoomID]rooms.Unread, error) {
	var all map[rooms.RoomID]rooms.Unread
	what := fmt.Sprintf("count unread messages of %s in %d rooms", account, len(in))
	err := db.read(ctx, what, func(ctx context.Context, s session) error {
		all = map[rooms.RoomID]rooms.Unread{}
		for part := range slices.Chunk(in, valuesAtOnce) {
			rows, err := s.unreadIn(ctx, account, part)
			if err != nil {
				return err
			}
			for _, r := range rows {
				all[rooms.RoomID(r.Room)] = rooms.Unread{Count: r.Count, After: r.Since, Newest: r.Newest}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// relations reads what is behind contact rooms; their unread counts come from there.
func (l *roomLoad) relations(ctx context.Context) error {
	var private []rooms.RoomID
	for _, data := range l.all {
		if data.Room.IsPrivate {
			private = append(private, data.Room.ID)
		}
	}
	if len(private) == 0 {
		return nil
	}
	_, all, err := l.session.relations(ctx, `u.roomId IN (?)`, private)
	for _, r := range all {
		data := l.of(string(r.Room))
		data.Relation = append(data.Relation, r)
		if r.Account == l.reader {
			data.Unread = r.Unread
		}
	}
	return err
}
