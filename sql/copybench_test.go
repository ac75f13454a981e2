package sql_test

import (
	"fmt"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"presence/sql"
	"presence/sql/sqltest"
)

// benchRows is the number of messages of BenchmarkCopy; PRESENCE_TEST_COPY_ROWS sets
// another.
func benchRows(b *testing.B) int {
	b.Helper()
	text := os.Getenv("PRESENCE_TEST_COPY_ROWS")
	if text == "" {
		return 200_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatalf("PRESENCE_TEST_COPY_ROWS: %v", err)
	}
	return n
}

// manyMessages is fullSource, and so many messages more of 20 to 220 bytes.
func manyMessages(t testing.TB, n int) sql.Config {
	t.Helper()
	c := fullSource(t)
	oneConnection(t, c, []string{
		`DROP TRIGGER message_text_insert`, // the index for the search is not copied
		`PRAGMA synchronous = OFF`,
		fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message, status)
			SELECT printf('msg-%%08x-1234-4567-89ab-%%012x', i, i * 7919), 'room-1', 'acc-' || (i %% 5), 1709283600000 + i, 'msg', 'User ' || (i %% 5),
				printf('%%d: the harbor is closed %%.*c', i, i %% 200, 'x'), '' FROM n`, n),
	})
	return c
}

// timedParts notes how long each kind of part of a copy takes.
type timedParts struct {
	began time.Time
	what  string
	took  map[string]time.Duration
}

func (p *timedParts) Begin(what string, _, _ int64) {
	p.what, _, _ = strings.Cut(what, " ")
	p.began = time.Now()
}
func (*timedParts) At(int64) {}
func (p *timedParts) End()   { p.took[p.what] += time.Since(p.began) }

// heapBytes is what the heap holds now, what is not collected yet included.
func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// A copy of everything, looked through before and compared afterwards. MariaDB does
// not wait for the disk here.
func BenchmarkCopy(b *testing.B) {
	rows := benchRows(b)
	source := manyMessages(b, rows)
	parts := &timedParts{took: map[string]time.Duration{}}
	var peak uint64
	for b.Loop() {
		b.StopTimer()
		target := sqltest.MySQL(b)
		b.StartTimer()
		options := sql.CopyOptions{Progress: parts}.InSteps(1000, func(string) error {
			peak = max(peak, heapBytes())
			return nil
		})
		_, err := sql.Copy(b.Context(), source, target, options)
		must(b, err)
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(peak)/(1<<20), "heap-MiB")
	for _, part := range []string{"check", "copy", "create", "compare"} {
		b.ReportMetric(parts.took[part].Seconds()/float64(b.N), part+"-s")
	}
}
