package sql_test

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"presence/sql"
	"presence/sql/sqltest"
)

// upgradedMessages is how many messages the database has that is upgraded.
const upgradedMessages = 1_000_000

// A database of the predecessor, version 37, with very many messages. The peak is that
// of the memory in use during the upgrade.
func BenchmarkUpgrade(b *testing.B) {
	var peak uint64
	for range b.N {
		b.StopTimer()
		c := sqltest.MySQL(b)
		dumped(b, c, 37)
		fillFormer(b, c, upgradedMessages)
		b.StartTimer()
		heap := watchHeap()
		must(b, sql.Upgrade(b.Context(), c, slog.New(slog.NewTextHandler(b.Output(), nil)), nil))
		peak = max(peak, heap())
	}
	b.ReportMetric(float64(peak)/(1<<20), "MB-peak")
}

// fillFormer writes messages as they were before version 38.
func fillFormer(b *testing.B, c sql.Config, n int) {
	b.Helper()
	const digit = `(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
		UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)`
	for first := 0; first < n; first += 100_000 {
		sqltest.Exec(b, c, fmt.Sprintf(`INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message)
			SELECT CONCAT('msg-many-', i), IF(i %% 3 = 0, 'room-quiet', 'room-harbor'), IF(i %% 7 = 0, NULL, 'acc-ada'), %[1]d + i, 'msg', 'Ada',
				CONCAT('what is said in message ', i, ' of very many ones')
			FROM (SELECT %[2]d + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS i
				FROM %[3]s a, %[3]s b, %[3]s c, %[3]s e, %[3]s f) x WHERE i < %[4]d ORDER BY i`, start, first, digit, n))
	}
}

// watchHeap looks at the memory in use until the result is called.
func watchHeap() (peak func() uint64) {
	var highest atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	look := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		highest.Store(max(highest.Load(), m.HeapInuse))
	}
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				look()
			case <-stop:
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-stopped
		look()
		return highest.Load()
	}
}
