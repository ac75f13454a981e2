package sql

import (
	"context"
	"strings"
	"unicode/utf8"

	"presence/rooms"
)

// The full-text indexes of MySQL and MariaDB hold the words of all rooms. A word
// that is frequent anywhere costs time everywhere, and is likely to stand in one of
// the newest messages: these are looked through first. They also lack words: those
// that are shorter than a setting of the server, and its stopwords. What they lack is
// looked for with a regular expression in all messages of the room, from the newest
// one on.
//
// A word ends at whatever is no letter, no digit and, in the index, no underscore or
// single apostrophe. Letters are compared as the collation does it, in the index:
// "é" is "e". A regular expression folds their case only.

// newestSearched is how many messages are looked through before the index is asked.
const newestSearched = 1000

// searchMySQL finds messages, the newest first.
func searchMySQL(ctx context.Context, s session, room rooms.RoomID, q rooms.SearchQuery) ([]messageRow, error) {
	indexed, others := s.db.split(q.Words)
	if len(indexed) == 0 {
		return s.walk(ctx, room, q)
	}
	found, err := s.searchNewest(ctx, room, q)
	if err != nil || len(found) == q.Limit {
		return found, err
	}
	more, err := s.searchIndexes(ctx, room, q, indexed, others)
	return newestOf(append(found, more...), q.Limit), err
}

// split tells the words that a full-text index finds, whatever follows them in the
// text, from others.
func (db *DB) split(words []string) (indexed, others []string) {
	for _, w := range words {
		if utf8.RuneCountInString(w) < db.minToken || beginsStopword(strings.ToLower(w)) {
			others = append(others, w)
		} else {
			indexed = append(indexed, w)
		}
	}
	return indexed, others
}

// beginsStopword knows the words that InnoDB leaves out of an index unless it is told
// otherwise, those of three and more letters.
func beginsStopword(word string) bool {
	for _, stopword := range [...]string{
		"about", "are", "com", "for", "from", "how", "that", "the", "this", "was", "what", "when",
		"where", "who", "will", "with", "und", "www",
	} {
		if strings.HasPrefix(stopword, word) {
			return true
		}
	}
	return utf8.RuneCountInString(word) < 3
}

const newestFirst = ` ORDER BY m.timestamp DESC, m._id DESC LIMIT ?`

// matching is a condition on a text for each word, with its values.
func matching(text string, words []string) (condition string, values []any) {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(` AND ` + text + ` REGEXP ?`)
		values = append(values, `(^|[^[:alnum:]])`+w)
	}
	return b.String(), values
}

const currentText = `COALESCE(e.message, m.message)`

// walk goes through the log of a room from its end until it has found enough.
func (s session) walk(ctx context.Context, room rooms.RoomID, q rooms.SearchQuery) (rows []messageRow, err error) {
	condition, values := matching(currentText, q.Words)
	args := append([]any{string(room), string(room), q.Before}, values...)
	err = s.list(ctx, &rows, selectMessage+`WHERE `+s.db.dialect.inRoom("?")+` AND m.timestamp < ?`+notDeleted+condition+
		` ORDER BY m.roomId DESC, m.timestamp DESC, m._id DESC LIMIT ?`, append(args, q.Limit)...)
	return rows, err
}

// searchNewest looks through the end of a log.
func (s session) searchNewest(ctx context.Context, room rooms.RoomID, q rooms.SearchQuery) (rows []messageRow, err error) {
	condition, values := matching(currentText, q.Words)
	args := append([]any{string(room), string(room), q.Before, newestSearched}, values...)
	err = s.list(ctx, &rows, `SELECT `+messageColumns+` FROM (SELECT m._id FROM message m
			WHERE `+s.db.dialect.inRoom("?")+` AND m.timestamp < ? ORDER BY m.roomId DESC, m.timestamp DESC, m._id DESC LIMIT ?) AS d
		JOIN message m ON m._id = d._id`+joinEdit+`WHERE 1 = 1`+notDeleted+condition+newestFirst, append(args, q.Limit)...)
	return rows, err
}

// searchIndexes asks the indexes for texts that were not edited, and for edits that
// are the current text of their message.
func (s session) searchIndexes(ctx context.Context, room rooms.RoomID, q rooms.SearchQuery, indexed, others []string) (rows []messageRow, err error) {
	query := func(from, text string) (string, []any) {
		condition, values := matching(text, others)
		args := append([]any{`+` + strings.Join(indexed, `* +`) + `*`, string(room), q.Before}, values...)
		return `(SELECT ` + messageColumns + from + ` AND MATCH (` + text + `) AGAINST (? IN BOOLEAN MODE)
			AND m.roomId = ? AND m.timestamp < ?` + notDeleted + condition + newestFirst + `)`, append(args, q.Limit)
	}
	plain, args := query(` FROM message m`+joinEdit+`WHERE e._id IS NULL`, `m.message`)
	edited, more := query(` FROM message_edit e JOIN message m ON m.msgId = e.msgId WHERE m.editId = e.clientId`, `e.message`)
	err = s.list(ctx, &rows, plain+` UNION ALL `+edited, append(args, more...)...)
	return rows, err
}
