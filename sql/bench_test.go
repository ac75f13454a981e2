package sql_test

import (
	"fmt"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

// eachBench is sqltest.Each for benchmarks. MariaDB does not wait for the disk
// there; SQLite does.
func eachBench(b *testing.B, body func(b *testing.B, db *sql.DB)) {
	b.Run("sqlite", func(b *testing.B) { body(b, sqltest.Open(b, sqltest.SQLite(b))) })
	b.Run("mariadb", func(b *testing.B) { body(b, sqltest.Open(b, sqltest.MySQL(b))) })
}

// A message that ten members see at once.
func BenchmarkAddMessage(b *testing.B) {
	eachBench(b, func(b *testing.B, db *sql.DB) {
		acc := accounts(b, db, 10)
		room(b, db, "room-1", acc...)
		n := 0
		for b.Loop() {
			n++
			m := rooms.Message{ID: fmt.Sprint("msg-", n), From: acc[0], Time: start + int64(n), Type: "msg", Name: "Ada", Text: "hello"}
			must(b, db.AddMessages(b.Context(), "room-1", []rooms.Message{m}, acc))
		}
	})
}

// 32 messages in one transaction, as a busy room stores them.
func BenchmarkAddMessages32(b *testing.B) {
	eachBench(b, func(b *testing.B, db *sql.DB) {
		acc := accounts(b, db, 10)
		room(b, db, "room-1", acc...)
		n := 0
		for b.Loop() {
			n++
			must(b, db.AddMessages(b.Context(), "room-1", messages(fmt.Sprint(n), acc[0], 32), acc))
		}
	})
}

func BenchmarkPage(b *testing.B) {
	eachBench(b, func(b *testing.B, db *sql.DB) {
		acc := accounts(b, db, 1)
		room(b, db, "room-1", acc...)
		add(b, db, "room-1", messages("a", acc[0], 10_000)...)
		for b.Loop() {
			page, err := db.Page(b.Context(), "room-1", rooms.PageQuery{Before: start + 5000, Limit: 30})
			if err != nil || len(page) != 30 {
				b.Fatal(len(page), err)
			}
		}
	})
}

func BenchmarkLoadRoom500(b *testing.B) {
	eachBench(b, func(b *testing.B, db *sql.DB) {
		acc := accounts(b, db, 500)
		room(b, db, "room-1", acc...)
		add(b, db, "room-1", messages("a", acc[0], 1000)...)
		for b.Loop() {
			load(b, db, "room-1")
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	for name, config := range map[string]func(testing.TB) sql.Config{"sqlite": sqltest.SQLite, "mariadb": sqltest.MySQL} {
		b.Run(name, func(b *testing.B) {
			c := config(b)
			for b.Loop() {
				must(b, tryOpen(b, c))
			}
		})
	}
}
