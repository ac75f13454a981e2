package sql

import (
	"fmt"
	"math"

	"github.com/jmoiron/sqlx"

	"presence/rooms"
)

// WorkRead is a read of a work room's log, with placeholders and values.
type WorkRead struct {
	Text string
	Args []any
}

// WorkReads are the reads of one log: a page before a time, one after it, and the counts
// of what came after it. read is how many messages of a page are read.
func WorkReads(driver string, r rooms.WorkReader, time int64, read int) map[string]WorkRead {
	l := workLog{r, workWordsOf(driver)}
	reads := map[string]condition{
		"before": l.read(false, math.MinInt64, time, ` DESC`, read),
		"after":  l.read(false, time, math.MaxInt64, ``, read),
	}
	for n, p := range l.parts() {
		if !p.own {
			reads[fmt.Sprint("unread ", n)] = l.count(n, p, time)
		}
	}
	return expanded(reads)
}

// WorkTails are the reads of the newest messages of some work rooms.
func WorkTails(driver string, tail int, ids ...rooms.RoomID) map[string]WorkRead {
	r := newWorkTails(driver)
	return expanded(map[string]condition{
		"written": {r.written, []any{tail, ids}}, "aimed": {r.aimed, []any{tail, ids}},
	})
}

func expanded(reads map[string]condition) map[string]WorkRead {
	all := make(map[string]WorkRead, len(reads))
	for name, c := range reads {
		text, args, err := sqlx.In(c.text, c.args...)
		if err != nil {
			panic(err)
		}
		all[name] = WorkRead{text, args}
	}
	return all
}
