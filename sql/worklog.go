package sql

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"presence/rooms"
)

// The log of a work room is made of parts that have no message in common
// (docs/protocol.md 15.6): what was written in the room, and what was aimed at its
// workgroup elsewhere. Each is read along one index, in the order of time, so that a
// page ends where it is full; what the reader does not see is left out on the way.

// Indexes that parts are read along.
const (
	byRoom   = "message_by_time"                         // roomId, timestamp
	byAuthor = "message_by_author_and_time"              // fromId, type, timestamp
	byTarget = "message_work_target_by_time"             // target, sentTime
	byWhole  = "message_work_target_by_members_and_time" // target, memberId, sentTime
	byMember = "message_work_target_by_member_and_time"  // memberId, sentTime
	bySource = "message_work_target_by_source_and_time"  // source, sentTime
)

// maxLinked is how many workgroups a reader may name.
const maxLinked = 5000

// workWords are the words of a dialect that make the database go along an index.
type workWords struct {
	index func(name string) string // stands behind a table that is read along the index
	of    string                   // stands behind targets that are found by their message
	join  string                   // what stands before it is read first
	key   string                   // a column, twice, has a value, twice
}

func workWordsOf(driver string) workWords {
	if driver == MySQL {
		force := func(name string) string { return ` FORCE INDEX (` + name + `)` }
		// With an equation MariaDB reads from the end, see dialect.inRoom.
		return workWords{index: force, join: ` STRAIGHT_JOIN `, key: `%s >= ? AND %s <= ?`}
	}
	by := func(name string) string { return ` INDEXED BY ` + name }
	return workWords{
		index: by, of: by(`message_work_target_by_message`), join: ` CROSS JOIN `, key: `%s = ? AND %s <= ?`,
	}
}

// condition is a part of a statement and its values.
type condition struct {
	text string
	args []any
}

func (c condition) and(text string, args ...any) condition {
	return condition{c.text + ` AND ` + text, append(slices.Clip(c.args), args...)}
}

func (c condition) also(o condition) condition { return c.and(`(`+o.text+`)`, o.args...) }

// values is how many values the statement takes.
func (c condition) values() int {
	count := len(c.args)
	for _, a := range c.args {
		if groups, many := a.([]rooms.WorkgroupID); many {
			count += len(groups) - 1
		}
	}
	return count
}

var always, never = condition{text: `1 = 1`}, condition{text: `1 = 0`}

func not(c condition) condition { return condition{`NOT (` + c.text + `)`, c.args} }

func or(a, b condition) condition {
	return condition{`(` + a.text + ` OR ` + b.text + `)`, slices.Concat(a.args, b.args)}
}

// logPart is a part of a log as one reader sees it.
type logPart struct {
	tables string    // that of the index first; message is m
	key    []keyPart // the columns of the index before the time
	null   string    // one more of them, which is NULL
	time   string    // the last column of the index
	seen   condition
	own    bool // all of it is by the reader
}

// keyPart is a column with one value.
type keyPart struct {
	column string
	value  any
}

// rows are the tables of the part and the conditions on its rows, of the times from
// (inclusive) to (exclusive).
func (p logPart) rows(w workWords, from, to int64) condition {
	c := condition{text: ` FROM ` + p.tables + ` WHERE 1 = 1`}
	for _, k := range p.key {
		if p.null != `` {
			c = c.and(k.column+` = ?`, k.value)
		} else {
			c = c.and(strings.ReplaceAll(w.key, `%s`, k.column), k.value, k.value)
		}
	}
	if p.null != `` {
		c = c.and(p.null + ` IS NULL`)
	}
	return c.and(p.time+` >= ?`, from).and(p.time+` < ?`, to).also(p.seen)
}

// order is that of the index. Behind a column that is NULL MariaDB knows it by the time
// alone, and only if all others have an equation.
func (p logPart) order(direction string) string {
	if p.null != `` {
		return ` ORDER BY ` + p.time + direction
	}
	var b strings.Builder
	b.WriteString(` ORDER BY `)
	for _, k := range p.key {
		b.WriteString(k.column + direction + `, `)
	}
	return b.String() + p.time + direction
}

// workLog is how one reader sees a log.
type workLog struct {
	rooms.WorkReader
	words workWords
}

// parts are those that may hold something which the reader sees.
func (l workLog) parts() []logPart {
	if l.View {
		return []logPart{l.naming(), l.writtenElsewhere()}
	}
	parts := []logPart{l.written()}
	if len(l.Children) > 0 || l.Private == rooms.SeesAll {
		return append(parts, l.aimed())
	}
	if l.Whole {
		parts = append(parts, l.aimedAtWhole())
	}
	if l.Private == rooms.SeesOwn {
		parts = append(parts, l.aimedAtAccount())
	}
	return parts
}

// targetWith is true if the message m has a target f with such a condition. It is no
// EXISTS, which a server may turn round: it would look through all targets first.
func (l workLog) targetWith(c condition) condition {
	return condition{
		`(SELECT 1 FROM message_work_target f` + l.words.of + ` WHERE f.msgId = m.msgId AND ` + c.text + ` LIMIT 1) IS NOT NULL`, c.args,
	}
}

// written is what was written in the room.
func (l workLog) written() logPart {
	p := logPart{
		tables: `message m` + l.words.index(byRoom),
		key:    []keyPart{{`m.roomId`, string(l.Room)}}, time: `m.timestamp`, seen: always,
	}
	up := always
	if !l.AllUp {
		up = isOneOf(`f.target`, l.Up)
	}
	up = or(condition{`f.standing = ?`, []any{int64(rooms.Above)}}, condition{text: `f.standing IS NULL`}.also(up))
	stays := or(condition{`m.type <> ?`, []any{workMessage}}, not(l.targetWith(up)))
	switch l.Private {
	case rooms.SeesNone:
		p.seen = stays
	case rooms.SeesOwn:
		p.seen = or(condition{`m.fromId = ?`, []any{string(l.Account)}}, stays)
	}
	return p
}

// naming is what was written in the room and names the account.
func (l workLog) naming() logPart {
	first := not(l.targetWith(condition{text: `f.memberId = t.memberId AND f._id < t._id AND f.sentTime IS NOT NULL`}))
	return logPart{
		tables: l.targets(byMember), key: []keyPart{{`t.memberId`, string(l.Account)}}, time: `t.sentTime`,
		seen: l.room(`=`).also(first),
	}
}

// writtenElsewhere is what the account aimed at the workgroup.
func (l workLog) writtenElsewhere() logPart {
	return logPart{
		tables: `message m` + l.words.index(byAuthor),
		key:    []keyPart{{`m.fromId`, string(l.Account)}, {`m.type`, workMessage}}, time: `m.timestamp`,
		seen: l.room(`<>`).also(l.targetWith(condition{`f.target = ?`, []any{string(l.Group)}})), own: true,
	}
}

// targets are the tables of a part that is made of target rows t.
func (l workLog) targets(index string) string {
	return `message_work_target t` + l.words.index(index) + l.words.join + `message m ON m.msgId = t.msgId`
}

// aimed is what was aimed at the workgroup elsewhere. A message has a row for each
// member that is named: the first one that the reader sees counts.
func (l workLog) aimed() logPart {
	return logPart{
		tables: l.targets(byTarget), key: []keyPart{{`t.target`, string(l.Group)}}, time: `t.sentTime`,
		seen: l.room(`<>`).also(l.seesRow("t")).also(l.first(l.seesRow("f").and(`f._id < t._id`))),
	}
}

// aimedAtWhole and aimedAtAccount are the same for a reader of a room without children
// who sees nothing that is for other persons: those may be most of the rows.
func (l workLog) aimedAtWhole() logPart {
	return logPart{
		tables: l.targets(byWhole), key: []keyPart{{`t.target`, string(l.Group)}}, null: `t.memberId`, time: `t.sentTime`,
		seen: l.room(`<>`).also(l.first(condition{text: `f.memberId IS NULL AND f._id < t._id`})),
	}
}

func (l workLog) aimedAtAccount() logPart {
	before := condition{text: `f.memberId = t.memberId AND f._id < t._id`}
	if l.Whole {
		before = or(before, condition{text: `f.memberId IS NULL`}) // it is among the others
	}
	return logPart{
		tables: l.targets(byMember), key: []keyPart{{`t.memberId`, string(l.Account)}}, time: `t.sentTime`,
		seen: l.room(`<>`).and(`t.target = ?`, string(l.Group)).also(l.first(before)),
	}
}

// room compares the message's room with the reader's. The function keeps MariaDB from
// looking through an index of all rooms for that ("rowid filter").
func (l workLog) room(operator string) condition {
	return condition{`COALESCE(m.roomId, '') ` + operator + ` ?`, []any{string(l.Room)}}
}

// first is true if no target row f of the same message and workgroup, of which the
// condition is true, stands before t.
func (l workLog) first(before condition) condition {
	return not(l.targetWith(condition{text: `f.target = t.target AND f.sentTime IS NOT NULL`}.also(before)))
}

// seesRow is true of target rows that show their message to the reader.
func (l workLog) seesRow(row string) condition {
	sees := isOneOf(row+`.source`, l.Children)
	if l.Whole {
		sees = or(sees, condition{text: row + `.memberId IS NULL`})
	}
	switch l.Private {
	case rooms.SeesAll:
		sees = or(sees, condition{text: row + `.memberId IS NOT NULL`})
	case rooms.SeesOwn:
		sees = or(sees, condition{row + `.memberId = ?`, []any{string(l.Account)}})
	}
	return sees
}

func isOneOf(column string, groups []rooms.WorkgroupID) condition {
	if len(groups) == 0 {
		return never
	}
	return condition{column + ` IN (?)`, []any{groups}}
}

func checkReader(r rooms.WorkReader) error {
	err := cmp.Or(checkIDs("room.clientId", r.Room), checkIDs("room.workgroupId", r.Group),
		checkIDs("room.workgroupId", r.Children...), checkIDs("room.workgroupId", r.Up...),
		checkIDs("account.clientId", r.Account))
	switch n := len(r.Children) + len(r.Up); {
	case err != nil:
		return err
	case n > maxLinked:
		return fmt.Errorf("a reader names %d workgroups, %d are possible: %w", n, maxLinked, ErrTooLong)
	case r.Private < rooms.SeesNone || r.Private > rooms.SeesAll:
		return fmt.Errorf("what a reader sees of private messages is %d: %w", r.Private, ErrInvalid)
	}
	return nil
}

func (db *DB) workLog(r rooms.WorkReader) workLog { return workLog{r, workWordsOf(db.cfg.Driver)} }

// WorkPage reads a page of what one reader sees of a work room's log, oldest first
// (docs/protocol.md 15.6). Messages of the same time are not parted: a page that would
// end between them has more than q.Limit, but not more than maxTail of one time and
// part. ErrInvalid: the query is none.
func (db *DB) WorkPage(ctx context.Context, reader rooms.WorkReader, q rooms.PageQuery) ([]rooms.Message, error) {
	what := fmt.Sprintf("read log of work room %s", reader.Room)
	if err := cmp.Or(checkPage(q), checkReader(reader)); err != nil {
		return nil, wrap(what, err)
	}
	log := db.workLog(reader)
	var page []rooms.Message
	err := db.snapshot(ctx, what, func(ctx context.Context, s session) error {
		rows, err := s.workPage(ctx, log, q)
		if err != nil {
			return err
		}
		slices.SortFunc(rows, func(a, b workRow) int { return a.byTime(b.messageRow) })
		page = make([]rooms.Message, len(rows))
		found := make([]*rooms.Message, len(rows))
		for n, r := range rows {
			page[n], found[n] = r.message(), &page[n]
		}
		return s.addTargets(ctx, found)
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

type workRow struct {
	messageRow
	Part int `db:"part"`
}

// workPage reads one message more of each part than the page has. If the last one of a
// part has the time at which the page ends, there may be more of that time.
func (s session) workPage(ctx context.Context, l workLog, q rooms.PageQuery) ([]workRow, error) {
	from, to, direction, sign := q.After, int64(math.MaxInt64), ``, 1
	if q.Before > 0 {
		from, to, direction, sign = math.MinInt64, q.Before, ` DESC`, -1
	}
	away := func(a, b workRow) int { return sign * cmp.Compare(a.Time, b.Time) }
	rows, err := s.workRows(ctx, l, q.Deleted, from, to, direction, q.Limit+1)
	if err != nil || len(rows) <= q.Limit {
		return rows, err
	}
	slices.SortFunc(rows, away)
	end := rows[q.Limit-1]
	read, last := map[int]int{}, map[int]workRow{}
	for _, r := range rows {
		read[r.Part]++
		last[r.Part] = r
	}
	open := false
	for part, r := range last {
		open = open || read[part] > q.Limit && away(r, end) == 0
	}
	if !open {
		return slices.DeleteFunc(rows, func(r workRow) bool { return away(r, end) > 0 }), nil
	}
	rows = slices.DeleteFunc(rows, func(r workRow) bool { return away(r, end) >= 0 })
	more, err := s.workRows(ctx, l, q.Deleted, end.Time, end.Time+1, direction, maxTail)
	return append(rows, more...), err
}

// workRows reads so many messages of each part, in one statement.
func (s session) workRows(ctx context.Context, l workLog, deleted bool, from, to int64, direction string, limit int) ([]workRow, error) {
	var rows []workRow
	read := l.read(deleted, from, to, direction, limit)
	err := s.list(ctx, &rows, read.text, read.args...)
	return rows, err
}

// read is that statement: the parts find the rows of the messages, which then are read.
func (l workLog) read(deleted bool, from, to int64, direction string, limit int) condition {
	var found []string
	var args []any
	for n, p := range l.parts() {
		c := p.rows(l.words, from, to)
		if !deleted {
			c.text += notDeleted
		}
		found = append(found, fmt.Sprintf(`SELECT * FROM (SELECT m._id AS id, %d AS part%s%s LIMIT ?) AS p%d`, n, c.text, p.order(direction), n))
		args = append(append(args, c.args...), limit)
	}
	return condition{`SELECT ` + messageColumns + `, k.part FROM (` + strings.Join(found, ` UNION ALL `) + rowByRow + `) AS k` +
		l.words.join + `message m ON m._id = k.id` + joinEdit, args}
}

// WorkUnread counts what the reader sees of a log after the given time, without its own
// messages (docs/protocol.md 15.7).
func (db *DB) WorkUnread(ctx context.Context, reader rooms.WorkReader, after int64) (int, error) {
	what := fmt.Sprintf("count unread messages of work room %s", reader.Room)
	if err := checkReader(reader); err != nil {
		return 0, wrap(what, err)
	}
	var unread []rooms.Unread
	err := db.read(ctx, what, func(ctx context.Context, s session) (err error) {
		unread, err = s.workUnread(ctx, []workLog{db.workLog(reader)}, []int64{after})
		return err
	})
	if err != nil {
		return 0, err
	}
	return unread[0].Count, nil
}

// WorkUnreadIn counts the same in many rooms at once, from the stored read marks on:
// one statement for the marks of 500 rooms, and one for as many counts as it takes.
func (db *DB) WorkUnreadIn(ctx context.Context, account rooms.AccountID, readers []rooms.WorkReader) (map[rooms.RoomID]rooms.Unread, error) {
	what := fmt.Sprintf("count unread messages of %s in %d work rooms", account, len(readers))
	logs, ids := make([]workLog, len(readers)), make([]rooms.RoomID, len(readers))
	for n, r := range readers {
		if err := checkReader(r); err != nil {
			return nil, wrap(what, err)
		}
		if r.Account != account {
			return nil, wrap(what, fmt.Errorf("a reader is another account: %w", ErrInvalid))
		}
		logs[n], ids[n] = db.workLog(r), r.Room
	}
	all := map[rooms.RoomID]rooms.Unread{}
	if len(readers) == 0 {
		return all, nil
	}
	err := db.snapshot(ctx, what, func(ctx context.Context, s session) error {
		clear(all)
		since, err := s.markTimes(ctx, account, ids)
		if err != nil {
			return err
		}
		unread, err := s.workUnread(ctx, logs, since)
		if err != nil {
			return err
		}
		for n, u := range unread {
			if u.Count > 0 {
				all[ids[n]] = u
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// markTimes are the times of the account's read marks; zero without one.
func (s session) markTimes(ctx context.Context, account rooms.AccountID, in []rooms.RoomID) ([]int64, error) {
	byRoom := make(map[rooms.RoomID]int64, len(in))
	for part := range slices.Chunk(in, valuesAtOnce) {
		var rows []markRow
		if err := s.list(ctx, &rows, selectMarks+`r.userId = ? AND r.roomId IN (?)`, string(account), part); err != nil {
			return nil, fmt.Errorf("read marks: %w", err)
		}
		for _, r := range rows {
			byRoom[rooms.RoomID(r.Room)] = r.Time
		}
	}
	times := make([]int64, len(in))
	for n, id := range in {
		times[n] = byRoom[id]
	}
	return times, nil
}

// Bounds of one statement that is made of many selects: below what SQLite takes, and
// such that preparing it takes no longer than preparing all of them alone.
const (
	selectsAtOnce = 200
	valuesInAll   = 30_000
)

// workUnread counts, for each log, what came after a time.
func (s session) workUnread(ctx context.Context, logs []workLog, after []int64) ([]rooms.Unread, error) {
	all := make([]rooms.Unread, len(logs))
	var selects []string
	var args []any
	values := 0
	flush := func() error {
		var rows []struct {
			Log    int   `db:"log"`
			Count  int   `db:"unread"`
			Newest int64 `db:"newest"`
		}
		if len(selects) == 0 {
			return nil
		}
		if err := s.list(ctx, &rows, strings.Join(selects, ` UNION ALL `), args...); err != nil {
			return err
		}
		for _, r := range rows {
			all[r.Log].Count += r.Count
			all[r.Log].Newest = max(all[r.Log].Newest, r.Newest)
		}
		selects, args, values = nil, nil, 0
		return nil
	}
	for n, l := range logs {
		all[n].After = after[n]
		if after[n] == math.MaxInt64 {
			continue
		}
		for _, p := range l.parts() {
			if p.own {
				continue
			}
			c := l.count(n, p, after[n])
			size := c.values()
			if len(selects) == selectsAtOnce || values+size > valuesInAll {
				if err := flush(); err != nil {
					return nil, err
				}
			}
			selects = append(selects, c.text)
			args, values = append(args, c.args...), values+size
		}
	}
	return all, flush()
}

// count is the select that counts what came after a time in a part of a log.
func (l workLog) count(number int, p logPart, after int64) condition {
	c := p.rows(l.words, after+1, math.MaxInt64).and(`COALESCE(m.fromId, '') <> ?`, string(l.Account)) // as in room
	c.text = fmt.Sprintf(`SELECT %d AS log, COUNT(*) AS unread, COALESCE(MAX(%s), 0) AS newest%s%s`, number, p.time, c.text, notDeleted)
	return c
}
