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

// fill writes n messages of one author into a room, past the stores, which would
// take too long; one each millisecond from start on. Each tenth speaks of a topic,
// each ten-thousandth of a rarity.
func fill(t testing.TB, c sql.Config, id rooms.RoomID, from rooms.AccountID, n int) {
	t.Helper()
	fillAs(t, c, "msg-"+string(id), "msg", id, from, n)
}

// fillAs is fill with messages of some type, whose ids begin with prefix.
func fillAs(t testing.TB, c sql.Config, prefix, typ string, id rooms.RoomID, from rooms.AccountID, n int) {
	t.Helper()
	const digit = `(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
		UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)`
	for first := 0; first < n; first += 100_000 {
		sqltest.Exec(t, c, fmt.Sprintf(`INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message, status)
			SELECT %[1]s, '%[2]s', '%[3]s', %[4]d + i, '%[9]s', 'User', %[5]s, ''
			FROM (SELECT %[6]d + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS i
				FROM %[7]s a, %[7]s b, %[7]s c, %[7]s e, %[7]s f) x WHERE i < %[8]d ORDER BY i`,
			fmt.Sprintf(`CONCAT('%s-', i)`, prefix), id, from, start,
			`CONCAT('what is said in message ', i, CASE WHEN i % 10 = 0 THEN ' of the topic' ELSE '' END, CASE WHEN i % 10000 = 0 THEN ' and its rarity' ELSE '' END)`,
			first, digit, n, typ))
	}
}

// eachFilled is eachBench with a room of each size.
func eachFilled(b *testing.B, sizes []int, body func(b *testing.B, db *sql.DB, last int64)) {
	for name, config := range map[string]func(testing.TB) sql.Config{"sqlite": sqltest.SQLite, "mariadb": sqltest.MySQL} {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				c := config(b)
				db := sqltest.Open(b, c)
				acc := accounts(b, db, 2)
				room(b, db, "room-1", acc...)
				fill(b, c, "room-1", acc[0], n)
				b.ResetTimer()
				body(b, db, start+int64(n)-1)
			})
		}
	}
}

// A page in the middle of a short and of a very long log.
func BenchmarkLogPage(b *testing.B) {
	eachFilled(b, []int{1000, 1_000_000}, func(b *testing.B, db *sql.DB, last int64) {
		for b.Loop() {
			page, err := db.Page(b.Context(), "room-1", rooms.PageQuery{Before: (start + last) / 2, Limit: 30})
			if err != nil || len(page) != 30 {
				b.Fatal(len(page), err)
			}
		}
	})
}

// Words of different frequency, in 100,000 messages.
func BenchmarkSearch(b *testing.B) {
	for name, words := range map[string][]string{
		"all": {"said"}, "tenth": {"topic", "message"}, "ten-thousandth": {"rarity"}, "none": {"unheard"}, "stopword": {"the", "rarity"},
		"only-stopword": {"what", "is"}, "prefix": {"wh", "99999"},
	} {
		b.Run(name, func(b *testing.B) {
			eachFilled(b, []int{100_000}, func(b *testing.B, db *sql.DB, _ int64) {
				for b.Loop() {
					_, err := db.Search(b.Context(), "room-1", rooms.SearchQuery{Words: words, Limit: 30})
					must(b, err)
				}
			})
		})
	}
}

// 200 rooms as at a login, with 50 members, 500 messages, and 20 unread ones each.
func BenchmarkLoadRooms200(b *testing.B) {
	for name, config := range map[string]func(testing.TB) sql.Config{"sqlite": sqltest.SQLite, "mariadb": sqltest.MySQL} {
		b.Run(name, func(b *testing.B) {
			c := config(b)
			db := sqltest.Open(b, c)
			acc := accounts(b, db, 50)
			all := make([]rooms.RoomID, 200)
			for n := range all {
				all[n] = rooms.RoomID(fmt.Sprint("room-", n))
				room(b, db, all[n], acc...)
				fill(b, c, all[n], acc[0], 500)
				mark := rooms.ReadMark{Account: acc[1], MsgID: fmt.Sprintf("msg-%s-479", all[n]), Time: start + 479}
				must(b, db.SaveReadMarks(b.Context(), all[n], []rooms.ReadMark{mark}))
			}
			for _, tail := range []int{1, 30} {
				b.Run(fmt.Sprint("tail-", tail), func(b *testing.B) {
					for b.Loop() {
						loaded, err := db.LoadRooms(b.Context(), all, tail, acc[1])
						if err != nil || len(loaded) != 200 || loaded[7].Unread != 20 {
							b.Fatal(len(loaded), err)
						}
					}
				})
			}
		})
	}
}

// 500 contacts with whom 200 messages each were exchanged, 20 of them unread.
func BenchmarkRelations500(b *testing.B) {
	for name, config := range map[string]func(testing.TB) sql.Config{"sqlite": sqltest.SQLite, "mariadb": sqltest.MySQL} {
		b.Run(name, func(b *testing.B) {
			c := config(b)
			db := sqltest.Open(b, c)
			acc := accounts(b, db, 501)
			for n, other := range acc[1:] {
				id := rooms.RoomID(fmt.Sprint("cont-", n))
				_, err := db.OpenContact(b.Context(), acc[0], other, rooms.RoomRecord{ID: id, Name: "contact-room"})
				must(b, err)
				fill(b, c, id, other, 200)
				must(b, db.SaveContactMark(b.Context(), acc[0], other, rooms.ReadMark{MsgID: fmt.Sprintf("msg-%s-179", id), Time: start + 179}, 1))
			}
			b.ResetTimer()
			for b.Loop() {
				all, err := db.Relations(b.Context(), acc[0])
				if err != nil || len(all) != 500 || all[7].Unread != 20 {
					b.Fatal(len(all), err)
				}
			}
		})
	}
}

// A group with 200,000 work messages aimed at it, and as many from it to one of its
// children, as a member of it, a member of the child, and somebody who looks in read it.
func BenchmarkWorkLog(b *testing.B) {
	const n = 200_000
	for name, config := range map[string]func(testing.TB) sql.Config{"sqlite": sqltest.SQLite, "mariadb": sqltest.MySQL} {
		b.Run(name, func(b *testing.B) {
			c := config(b)
			w := newWorkWorld(b, sqltest.Open(b, c))
			fillWork(b, c, w, n)
			for reader, r := range workReaders(w) {
				for where, before := range map[string]int64{"newest": start + n, "middle": start + n/2} {
					b.Run(reader+"/page/"+where, func(b *testing.B) {
						for b.Loop() {
							page, err := w.db.WorkPage(b.Context(), r, rooms.PageQuery{Before: before, Limit: 30})
							if err != nil || len(page) < 30 {
								b.Fatal(len(page), err)
							}
						}
					})
				}
				b.Run(reader+"/unread", func(b *testing.B) {
					for b.Loop() {
						count, err := w.db.WorkUnread(b.Context(), r, start+n-101)
						if err != nil || count < 100 {
							b.Fatal(count, err)
						}
					}
				})
			}
			b.Run("make", func(b *testing.B) { // all are there, and all times
				for b.Loop() {
					_, err := w.db.MakeWorkRooms(b.Context(), workRecords(1, 2, 3, 4, 5))
					must(b, err)
				}
			})
			b.Run("load", func(b *testing.B) {
				for b.Loop() {
					loaded, err := w.db.LoadWorkRooms(b.Context(), workRecords(1, 2, 3, 4, 5), 50)
					if err != nil || len(loaded) != 5 {
						b.Fatal(len(loaded), err)
					}
				}
			})
		})
	}
}

// The worst case: 200,000 messages of the room and to its workgroup that the reader does
// not see, above the few that it does.
func BenchmarkHiddenWorkLog(b *testing.B) {
	const n = 200_000
	for name, config := range map[string]func(testing.TB) sql.Config{"sqlite": sqltest.SQLite, "mariadb": sqltest.MySQL} {
		b.Run(name, func(b *testing.B) {
			c := config(b)
			w := newWorkWorld(b, sqltest.Open(b, c))
			for k := range 30 {
				m := messages(fmt.Sprint("early-", k), w.acc[2], 1)
				m[0].Time -= 1000
				add(b, w.db, w.room[wg(2)], m...)
			}
			fillKinds(b, c, w, n, workKind{2, 2, 1, []string{"NULL"}}, workKind{1, 0, 2, []string{"'acc-2'", "'acc-3'"}})
			r := rooms.WorkReader{Room: w.room[wg(2)], Group: wg(2), Up: []rooms.WorkgroupID{wg(1)}, Account: w.acc[4], Whole: true}
			b.ResetTimer()
			for b.Loop() {
				page, err := w.db.WorkPage(b.Context(), r, rooms.PageQuery{Before: start + n, Limit: 30})
				if err != nil || len(page) != 30 {
					b.Fatal(len(page), err)
				}
			}
		})
	}
}
