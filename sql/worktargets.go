package sql

import (
	"cmp"
	"context"
	dbsql "database/sql"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"presence/rooms"
)

// workMessage is the type of messages that have targets (docs/protocol.md 15.4).
const workMessage = "work-msg"

// maxTargets is how many rows the targets of one message may take.
const maxTargets = 10_000

// targetInsert writes rows of message_work_target: one for a whole workgroup, one for
// each of its members that is named.
var targetInsert = insertion{
	head: `INSERT INTO message_work_target (msgId, source, target, memberId, sentTime, standing)`,
	row:  `(?, ?, ?, ?, ?, ?)`,
}

// checkTargets fails unless a work message says where it was written and whom it is
// for, each once; other messages have no targets.
func checkTargets(m rooms.Message) error {
	if m.Type != workMessage {
		if m.Source != "" || len(m.Targets) > 0 {
			return fmt.Errorf("targets of a message that is no %s: %w", workMessage, ErrInvalid)
		}
		return nil
	}
	if err := checkIDs("message_work_target.source", m.Source); err != nil {
		return err
	}
	switch n := targetRows(m); {
	case n == 0:
		return fmt.Errorf("a %s without targets: %w", workMessage, ErrInvalid)
	case n > maxTargets:
		return fmt.Errorf("a message has %d targets, %d are possible: %w", n, maxTargets, ErrTooLong)
	}
	groups := make(map[rooms.WorkgroupID]bool, len(m.Targets))
	for _, t := range m.Targets {
		err := cmp.Or(checkIDs("message_work_target.target", t.Group), checkIDs("message_work_target.memberId", t.Members...))
		if err != nil {
			return err
		}
		if groups[t.Group] || len(unique(t.Members)) != len(t.Members) {
			return fmt.Errorf("a target of a message is named twice: %w", ErrInvalid)
		}
		if slices.ContainsFunc(t.Members, isGuest) {
			return fmt.Errorf("a guest among the targets of a message: %w", ErrInvalid)
		}
		groups[t.Group] = true
	}
	return nil
}

// targetRows is how many rows the targets of a message take.
func targetRows(m rooms.Message) (rows int) {
	for _, t := range m.Targets {
		rows += max(1, len(t.Members))
	}
	return rows
}

// insertTargets writes the targets of all of the messages.
func (s session) insertTargets(ctx context.Context, messages []rooms.Message) error {
	var rows [][]any
	for _, m := range messages {
		for _, t := range m.Targets {
			row := []any{m.ID, string(m.Source), string(t.Group), nil, m.Time, standing(t.Standing)}
			if len(t.Members) == 0 {
				rows = append(rows, row)
			}
			for _, account := range t.Members {
				row = slices.Clone(row)
				row[3] = string(account)
				rows = append(rows, row)
			}
		}
	}
	return s.insert(ctx, targetInsert, len(rows), func(n int) []any { return rows[n] })
}

type targetRow struct {
	MsgID  string            `db:"msgId"`
	Source rooms.WorkgroupID `db:"source"`
	Target rooms.WorkgroupID `db:"target"`
	Member dbsql.NullString  `db:"memberId"`
	Stood  dbsql.NullInt64   `db:"standing"`
}

// standing is the value of that column.
func standing(s rooms.Standing) any {
	if s == rooms.UnknownStanding {
		return nil
	}
	return int64(s)
}

// addTargets reads the targets of messages, one statement for each 500.
func (s session) addTargets(ctx context.Context, messages []*rooms.Message) error {
	for part := range slices.Chunk(messages, valuesAtOnce) {
		byID := make(map[string]*targeting, len(part))
		ids := make([]string, len(part))
		for n, m := range part {
			ids[n] = m.ID
			if byID[m.ID] == nil {
				byID[m.ID] = &targeting{whole: map[rooms.WorkgroupID]bool{}}
			}
		}
		var rows []targetRow
		err := s.list(ctx, &rows, `SELECT msgId, source, target, memberId, standing FROM message_work_target WHERE msgId IN (?) ORDER BY _id`, ids)
		if err != nil {
			return fmt.Errorf("targets: %w", err)
		}
		for _, r := range rows {
			if t := byID[r.MsgID]; t != nil {
				t.add(r)
			}
		}
		for _, m := range part {
			m.Source, m.Targets = byID[m.ID].source, byID[m.ID].targets
		}
	}
	return nil
}

// targeting puts the target rows of one message together, by workgroup in the order
// of their rows.
type targeting struct {
	source  rooms.WorkgroupID
	targets []rooms.WorkTarget
	whole   map[rooms.WorkgroupID]bool
}

func (t *targeting) add(r targetRow) {
	t.source = r.Source
	n := slices.IndexFunc(t.targets, func(w rooms.WorkTarget) bool { return w.Group == r.Target })
	if n < 0 {
		n = len(t.targets)
		t.targets = append(t.targets, rooms.WorkTarget{Group: r.Target, Standing: rooms.Standing(r.Stood.Int64)})
	}
	switch {
	case !r.Member.Valid: // whoever else is named
		t.whole[r.Target], t.targets[n].Members = true, nil
	case !t.whole[r.Target]:
		t.targets[n].Members = append(t.targets[n].Members, rooms.AccountID(r.Member.String))
	}
}

// fillTimes writes the time of target rows to or from the workgroups that have none:
// the predecessor makes such rows.
func (s session) fillTimes(ctx context.Context, groups []string) error {
	w := workWordsOf(s.db.cfg.Driver)
	for _, by := range []struct{ column, index string }{{`target`, byTarget}, {`source`, bySource}} {
		err := s.execList(ctx, `UPDATE message_work_target`+w.index(by.index)+` SET sentTime =
			(SELECT m.timestamp FROM message m WHERE m.msgId = message_work_target.msgId)
			WHERE `+by.column+` IN (?) AND sentTime IS NULL`, groups)
		if err != nil {
			return fmt.Errorf("times of work messages: %w", err)
		}
	}
	return nil
}

// execList is exec for a statement with lists of values among its arguments.
func (s session) execList(ctx context.Context, query string, args ...any) error {
	query, args, err := sqlx.In(query, args...)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, s.x.Rebind(query), args...)
	return err
}

// WorkMessage reads a message of any room with its targets, deleted or not.
func (db *DB) WorkMessage(ctx context.Context, id string) (rooms.Message, error) {
	var m rooms.Message
	err := db.snapshot(ctx, "read a work message", func(ctx context.Context, s session) error {
		var row messageRow
		err := s.get(ctx, &row, selectMessage+`WHERE m.msgId = ?`, id)
		if err != nil {
			return err
		}
		if row.ID != id {
			return rooms.ErrNotFound // MySQL does not tell upper from lower case
		}
		m = row.message()
		return s.addTargets(ctx, []*rooms.Message{&m})
	})
	if err != nil {
		return rooms.Message{}, err
	}
	return m, nil
}
