package sql

import (
	"context"
	"math"
	"strings"

	"presence/rooms"
)

// The index holds the current texts of all messages that are not deleted, by room. A
// word that is frequent in the room is likely to stand in one of the newest messages:
// these are looked through first.
//
// A word ends at whatever is neither letter nor digit. Letters are compared without
// their case and, Latin ones, without their accents: "é" is "e".

// searchSQLite finds messages, the newest first.
func searchSQLite(ctx context.Context, s session, room rooms.RoomID, q rooms.SearchQuery) (rows []messageRow, err error) {
	words := `"` + strings.Join(q.Words, `"* AND "`) + `"*`
	var newest struct {
		Row  int64 `db:"_id"`
		Time int64 `db:"timestamp"`
	}
	if err := s.get(ctx, &newest, endOfLog, string(room), string(room), q.Before, newestSearched); err != nil {
		return nil, err
	}
	err = s.list(ctx, &rows, searchText, words, string(room), newest.Row, string(room), newest.Time, q.Before, q.Limit)
	if err != nil || len(rows) == q.Limit {
		return rows, err
	}
	err = s.list(ctx, &rows, searchText, words, string(room), 0, string(room), math.MinInt64, q.Before, q.Limit)
	return rows, err
}

const (
	// endOfLog tells the first row and the oldest time of the newest messages.
	endOfLog = `SELECT COALESCE(MIN(_id), 0) AS _id, COALESCE(MIN(timestamp), 0) AS timestamp
		FROM (SELECT m._id, m.timestamp FROM message m WHERE m.roomId = ? AND m.roomId <= ? AND m.timestamp < ?
			ORDER BY m.timestamp DESC LIMIT ?)`

	// Without such a room the index is asked for nothing, which it finds nowhere.
	searchText = `SELECT ` + messageColumns + ` FROM message_text s CROSS JOIN message m ON m._id = s.rowid` + joinEdit + `
		WHERE s.message_text MATCH COALESCE((SELECT 'room : "' || r._id || '" AND text : (' || ? || ')'
			FROM room r WHERE r.clientId = ?), '""') AND s.rowid >= ?
		AND m.roomId = ? AND m.timestamp >= ? AND m.timestamp < ?` + notDeleted + `ORDER BY m.timestamp DESC, m._id DESC LIMIT ?`
)
