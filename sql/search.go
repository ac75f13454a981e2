package sql

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"presence/rooms"
)

// Bounds of one search (docs/protocol.md 8.8).
const (
	maxWords     = 8
	minWordChars = 2
	maxWordChars = 64
)

// Search finds messages whose current text holds all words, the newest first chosen,
// returned oldest first; deleted ones are left out (docs/protocol.md 8.8). A word is
// found whatever its case, at the beginning of a word of the text. What is one word,
// and whether an accent matters, is up to the index of the database (search_mysql.go,
// search_sqlite.go). Messages of work rooms come with their targets. ErrInvalid: the query
// is none.
func (db *DB) Search(ctx context.Context, room rooms.RoomID, q rooms.SearchQuery) ([]rooms.Message, error) {
	what := fmt.Sprintf("search in room %s", room)
	if err := checkSearch(q); err != nil {
		return nil, wrap(what, err)
	}
	if q.Before == 0 {
		q.Before = math.MaxInt64
	}
	var found []rooms.Message
	err := db.read(ctx, what, func(ctx context.Context, s session) error {
		rows, err := db.dialect.search(ctx, s, room, q)
		if err != nil {
			return err
		}
		slices.Reverse(rows)
		found = messagesOf(rows)
		return s.addTargets(ctx, workMessages(found))
	})
	return found, err
}

// workMessages are those that have targets.
func workMessages(found []rooms.Message) (work []*rooms.Message) {
	for n := range found {
		if found[n].Type == workMessage {
			work = append(work, &found[n])
		}
	}
	return work
}

func checkSearch(q rooms.SearchQuery) error {
	switch {
	case q.Limit < 1 || q.Limit > maxPage:
		return fmt.Errorf("a page of %d messages: %w", q.Limit, ErrInvalid)
	case q.Before < 0:
		return fmt.Errorf("a time before 1970: %w", ErrInvalid)
	case len(q.Words) < 1 || len(q.Words) > maxWords:
		return fmt.Errorf("%d words: %w", len(q.Words), ErrInvalid)
	}
	for _, w := range q.Words {
		n := utf8.RuneCountInString(w)
		if n < minWordChars || n > maxWordChars || !utf8.ValidString(w) || strings.ContainsFunc(w, notInWord) {
			return fmt.Errorf("a word that is none, or of %d characters: %w", n, ErrInvalid)
		}
	}
	return nil
}

// notInWord is true of what could mean something to the language of an index or of
// regular expressions.
func notInWord(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.M, unicode.N)
}

// newestOf sorts messages, the newest first, leaves out what is there twice and cuts
// off the rest.
func newestOf(rows []messageRow, limit int) []messageRow {
	slices.SortFunc(rows, func(a, b messageRow) int { return b.byTime(a) })
	rows = slices.CompactFunc(rows, func(a, b messageRow) bool { return a.Row == b.Row })
	return rows[:min(len(rows), limit)]
}
