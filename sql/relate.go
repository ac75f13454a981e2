package sql

import (
	"cmp"
	"context"
	"crypto/rand"
	dbsql "database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"presence/rooms"
)

// Relate makes the relations of an account with others that are not there yet, and
// completes those of which the predecessor has left one row (docs/protocol.md 4.7).
// It returns the contacts with whom there was none. rooms.ErrNotFound: one of the
// accounts is not there.
func (db *DB) Relate(ctx context.Context, a rooms.AccountID, contacts []rooms.AccountID) ([]rooms.AccountID, error) {
	what := fmt.Sprintf("relate account %s", a)
	if err := checkPair(a, contacts...); err != nil {
		return nil, wrap(what, err)
	}
	contacts = unique(contacts)
	if len(contacts) == 0 {
		return nil, nil
	}
	var made []rooms.AccountID
	err := db.write(ctx, what, 2*len(contacts), func(ctx context.Context, s session) error {
		made = nil
		for part := range slices.Chunk(contacts, valuesAtOnce) {
			links, err := s.relate(ctx, a, part)
			if err != nil {
				return err
			}
			for _, c := range part {
				if links[c].made {
					made = append(made, c)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func checkPair(a rooms.AccountID, contacts ...rooms.AccountID) error {
	if err := cmp.Or(checkIDs("user_relation.userId", a), checkIDs("user_relation.contactId", contacts...)); err != nil {
		return err
	}
	if slices.Contains(contacts, a) {
		return fmt.Errorf("an account cannot be its own contact: %w", ErrInvalid)
	}
	return nil
}

// link is what both rows of a relation have in common.
type link struct {
	Number int64            `db:"_id"`
	ID     string           `db:"relationId"`
	Room   dbsql.NullString `db:"roomId"`
	LastID dbsql.NullString `db:"lastMsgId"`
	direction
	made bool // by this call
}

// relate makes the missing rows between an account and others. The rows of all of
// them are locked until the transaction ends.
//
// One row of each pair, the same one from both sides, comes first: whoever does this
// for the same two accounts at the same time waits there.
func (s session) relate(ctx context.Context, a rooms.AccountID, contacts []rooms.AccountID) (map[rooms.AccountID]link, error) {
	if err := s.demandAccounts(ctx, append([]rooms.AccountID{a}, contacts...)); err != nil {
		return nil, err
	}
	fresh := make(map[string]bool, len(contacts)) // ids of relations that are new
	first, second := make([]link, len(contacts)), make([]link, len(contacts))
	for n, c := range contacts {
		first[n] = link{ID: newRelationID(), direction: direction{min(a, c), max(a, c)}}
		second[n] = link{ID: first[n].ID, direction: first[n].back()}
		fresh[first[n].ID] = true
	}
	for _, links := range [][]link{first, second} {
		if err := s.insertLinks(ctx, links); err != nil {
			return nil, err
		}
	}
	rows, err := s.lockLinks(ctx, a, contacts)
	if err != nil {
		return nil, err
	}
	links := make(map[rooms.AccountID]link, len(contacts))
	for _, c := range contacts {
		there, back := rows[direction{a, c}], rows[direction{c, a}]
		there.made, back.made = fresh[there.ID], fresh[back.ID]
		links[c] = better(there, back)
		for _, row := range []link{there, back} {
			if err := s.align(ctx, row, links[c]); err != nil {
				return nil, err
			}
		}
	}
	return links, nil
}

// better chooses the row of a relation that the other one has to follow: rather not
// one that was just made, rather one with a room, rather the older one.
func better(x, y link) link {
	rank := func(l link) int {
		switch {
		case l.made:
			return 2
		case !l.Room.Valid:
			return 1
		}
		return 0
	}
	if cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Number, y.Number)) < 0 {
		return x
	}
	return y
}

// align makes a row like the other one of its relation: two of them that the
// predecessor made at once may differ.
func (s session) align(ctx context.Context, row, like link) error {
	if row.ID == like.ID && row.Room == like.Room && row.LastID == like.LastID {
		return nil
	}
	return s.change(ctx, `UPDATE user_relation SET relationId = ?, roomId = ?, lastMsgId = ? WHERE _id = ?`,
		like.ID, like.Room, like.LastID, row.Number)
}

// insertLinks leaves rows that exist as they are. Two transactions write theirs in
// the same order, so that they rarely wait for each other.
func (s session) insertLinks(ctx context.Context, links []link) error {
	into := insertion{
		head: `INSERT INTO user_relation (relationId, userId, contactId, created)`,
		row:  `(?, ?, ?, ?)`,
		tail: s.db.dialect.ignoreDuplicate("relationId"),
	}
	now := stamp{time.Now()}
	sorted := slices.SortedFunc(slices.Values(links), func(x, y link) int {
		return cmp.Or(cmp.Compare(x.Account, y.Account), cmp.Compare(x.Contact, y.Contact))
	})
	return s.insert(ctx, into, len(sorted), func(n int) []any {
		l := sorted[n]
		return []any{l.ID, string(l.Account), string(l.Contact), now}
	})
}

// lockLinks reads and locks the rows between an account and others.
func (s session) lockLinks(ctx context.Context, a rooms.AccountID, contacts []rooms.AccountID) (map[direction]link, error) {
	const columns = `SELECT _id, relationId, userId, contactId, roomId, lastMsgId FROM user_relation WHERE `
	var there, back []link
	err := s.list(ctx, &there, columns+`userId = ? AND contactId IN (?)`+s.db.dialect.forUpdate, string(a), contacts)
	if err == nil {
		err = s.list(ctx, &back, columns+`userId IN (?) AND contactId = ?`+s.db.dialect.forUpdate, contacts, string(a))
	}
	rows := make(map[direction]link, len(there)+len(back))
	for _, l := range append(there, back...) {
		rows[l.direction] = l
	}
	return rows, err
}

// demandAccounts fails if one of the accounts is not there, letter by letter: MySQL
// would take ACC-1 for acc-1.
func (s session) demandAccounts(ctx context.Context, ids []rooms.AccountID) error {
	var found []rooms.AccountID
	if err := s.list(ctx, &found, `SELECT clientId FROM account WHERE clientId IN (?)`, ids); err != nil {
		return err
	}
	for _, id := range ids {
		if !slices.Contains(found, id) {
			return fmt.Errorf("account %s: %w", id, rooms.ErrNotFound)
		}
	}
	return nil
}

// newRelationID makes a random id, "rel-" and a UUID of version 4.
func newRelationID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("rel-%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// OpenContact makes the relation of two accounts if it is missing, and the room
// behind it, and authorizes both (docs/protocol.md 4.7). It returns the id of the
// room in effect: that of record, which becomes private and is owned by the relation,
// or of one that was there. rooms.ErrNotFound: one of the accounts is not there.
func (db *DB) OpenContact(ctx context.Context, a, b rooms.AccountID, record rooms.RoomRecord) (rooms.RoomID, error) {
	what := fmt.Sprintf("open the chat of accounts %s and %s", a, b)
	settings, err := checkRoom(record)
	if err == nil {
		err = checkPair(a, b)
	}
	if err != nil {
		return "", wrap(what, err)
	}
	var room rooms.RoomID
	err = db.write(ctx, what, 1, func(ctx context.Context, s session) error {
		links, err := s.relate(ctx, a, []rooms.AccountID{b})
		if err != nil {
			return err
		}
		room = rooms.RoomID(links[b].Room.String)
		err = s.lockRoom(ctx, room)
		if errors.Is(err, rooms.ErrNotFound) {
			room, err = record.ID, s.makeContactRoom(ctx, links[b].ID, record, settings)
		}
		if err != nil {
			return err
		}
		return s.authorize(ctx, room, []rooms.AccountID{a, b})
	})
	if err != nil {
		return "", err
	}
	return room, nil
}

func (s session) makeContactRoom(ctx context.Context, relation string, record rooms.RoomRecord, settings string) error {
	record.OwnerID, record.IsPrivate = rooms.AccountID(relation), true
	if err := s.insertRoom(ctx, record, settings); err != nil {
		return err
	}
	return s.change(ctx, `UPDATE user_relation SET roomId = ?, lastMsgId = NULL WHERE relationId = ?`, string(record.ID), relation)
}
