package sql_test

import (
	"slices"
	"strings"
	"testing"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

// search returns the ids of the messages that hold all words.
func search(t testing.TB, db *sql.DB, id rooms.RoomID, words ...string) []string {
	t.Helper()
	found, err := db.Search(t.Context(), id, rooms.SearchQuery{Words: words, Limit: 100})
	must(t, err)
	return ids(found)
}

// texts writes messages with these texts, the later the newer.
func texts(t testing.TB, db *sql.DB, id rooms.RoomID, from rooms.AccountID, texts ...string) {
	t.Helper()
	all := messages(string(id), from, len(texts))
	for n, text := range texts {
		all[n].Text = text
	}
	add(t, db, id, all...)
}

// eachDepth runs body twice for each kind of database: bury does nothing, or writes
// so many newer messages that those before are found by an index only.
func eachDepth(t *testing.T, body func(t *testing.T, db *sql.DB, author rooms.AccountID, bury func())) {
	for name, above := range map[string]int{"newest": 0, "buried": 1200} {
		t.Run(name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
				db := open()
				acc := accounts(t, db, 1)
				room(t, db, "room-1", acc...)
				room(t, db, "room-2", acc...)
				body(t, db, acc[0], func() {
					others := messages("above", acc[0], above)
					for n := range others {
						others[n].Time, others[n].Text = others[n].Time+1000, "above"
					}
					add(t, db, "room-1", others...)
				})
			})
		})
	}
}

func TestSearchFindsWords(t *testing.T) {
	eachDepth(t, func(t *testing.T, db *sql.DB, author rooms.AccountID, bury func()) {
		texts(t, db, "room-1", author,
			"The quick brown fox", "quickly, BROWN dogs!", "unquick foxes", "(fox) - brown: quick", "what was that",
			"somewhat of it", "ÜBER Äpfel", "приВЕТ мир", "it is 42 at 4217", "100% of a\\b _x_", "", "go to x9")
		texts(t, db, "room-2", author, "the quick brown fox of another room")
		bury()
		all := func(numbers ...string) []string {
			found := []string{}
			for _, n := range numbers {
				found = append(found, "msg-room-1-"+n)
			}
			return found
		}
		for _, tc := range []struct {
			words string
			want  []string
		}{
			{"quick", all("0", "1", "3")}, {"QUI", all("0", "1", "3")}, {"quick brown", all("0", "1", "3")},
			{"brown quick fox", all("0", "3")}, {"quickl", all("1")}, {"uick", all()}, {"fox", all("0", "2", "3")},
			{"what", all("4")}, {"wha", all("4")}, {"th quick", all("0")}, {"the quick fox", all("0")}, {"of it", all("5")},
			{"über", all("6")}, {"äpf ÜB", all("6")}, {"Привет", all("7")}, {"ми", all("7")},
			{"42", all("8")}, {"421", all("8")}, {"217", all()}, {"to x9", all("11")}, {"unheard", all()}, {"quick unheard", all()},
			{"100", all("9")},
		} {
			if got := search(t, db, "room-1", strings.Fields(tc.words)...); !slices.Equal(got, tc.want) {
				t.Errorf("%q finds %v, want %v", tc.words, got, tc.want)
			}
		}
		same(t, search(t, db, "room-2", "quick"), []string{"msg-room-2-0"})
		same(t, search(t, db, "room-unknown", "quick"), []string{})
	})
}

func TestSearchFindsTheCurrentTextOnly(t *testing.T) {
	eachDepth(t, func(t *testing.T, db *sql.DB, author rooms.AccountID, bury func()) {
		ctx := t.Context()
		texts(t, db, "room-1", author, "ancient one", "ancient two", "ancient three", "ancient four", "ancient five")
		bury()
		must(t, db.SetText(ctx, "room-1", "msg-room-1-0", "modern one"))
		must(t, db.AddEdit(ctx, "room-1", edit("edit-1", "msg-room-1-1", author, "medieval two")))
		must(t, db.AddEdit(ctx, "room-1", edit("edit-2", "msg-room-1-1", author, "modern two")))
		must(t, db.DeleteMessage(ctx, "room-1", rooms.Deletion{ID: "delete-1", MsgID: "msg-room-1-2"}))
		must(t, db.AddEdit(ctx, "room-1", edit("edit-3", "msg-room-1-3", author, "modern four")))
		must(t, db.DeleteMessage(ctx, "room-1", rooms.Deletion{ID: "delete-2", MsgID: "msg-room-1-3"}))
		same(t, search(t, db, "room-1", "ancient"), []string{"msg-room-1-4"})
		same(t, search(t, db, "room-1", "medieval"), []string{})
		same(t, search(t, db, "room-1", "modern"), []string{"msg-room-1-0", "msg-room-1-1"})
		same(t, search(t, db, "room-1", "ancient", "two"), []string{}) // not from two texts
		found, err := db.Search(ctx, "room-1", rooms.SearchQuery{Words: []string{"modern", "tw"}, Limit: 1})
		must(t, err)
		one, err := db.Message(ctx, "room-1", "msg-room-1-1")
		must(t, err)
		same(t, found, []rooms.Message{one})
	})
}

func TestSearchPages(t *testing.T) {
	eachDepth(t, func(t *testing.T, db *sql.DB, author rooms.AccountID, bury func()) {
		many := make([]string, 250)
		for n := range many {
			many[n] = "common word"
		}
		texts(t, db, "room-1", author, many...)
		bury()
		before, pages, seen := int64(0), 0, map[string]bool{}
		for {
			page, err := db.Search(t.Context(), "room-1", rooms.SearchQuery{Words: []string{"common"}, Before: before, Limit: 100})
			must(t, err)
			if len(page) == 0 {
				break
			}
			for n, m := range page {
				if seen[m.ID] || n > 0 && page[n-1].Time >= m.Time {
					t.Fatalf("message %s is found again, or not in its order", m.ID)
				}
				seen[m.ID] = true
			}
			before, pages = page[0].Time, pages+1
		}
		same(t, []int{pages, len(seen)}, []int{3, 250})
	})
}

// In every text all words of an odd form are looked for; nothing but an answer comes.
func TestSearchIsNoLanguage(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, open func() *sql.DB) {
		db := open()
		acc := accounts(t, db, 1)
		room(t, db, "room-1", acc...)
		texts(t, db, "room-1", acc[0], "near AND or NOT text column", "ab\u0301c x² ½½ ٣٤ हिन्दी 会議室で e\u0301te\u0301", "NEAR")
		for _, w := range []string{
			"AND", "OR", "NOT", "NEAR", "text", "room", "x²", "½½", "٣٤", "हिन्दी", "会議", "ab\u0301c", strings.Repeat("x", 64), "\u0301\u0301", "ⅣⅣ",
		} {
			search(t, db, "room-1", w)
			search(t, db, "room-1", "text", w)
		}
		same(t, search(t, db, "room-1", "AND", "NOT", "NEAR", "text"), []string{"msg-room-1-0"})
		same(t, search(t, db, "room-1", "会議"), []string{"msg-room-1-1"})
		before := db.Queries()
		for _, q := range []rooms.SearchQuery{
			{Limit: 10}, {Words: []string{"abc"}}, {Words: []string{"abc"}, Limit: 101}, {Words: []string{"abc"}, Limit: -1},
			{Words: []string{"abc"}, Limit: 1, Before: -1}, {Words: []string{"a"}, Limit: 1}, {Words: []string{""}, Limit: 1},
			{Words: []string{strings.Repeat("x", 65)}, Limit: 1}, {Words: slices.Repeat([]string{"abc"}, 9), Limit: 1},
			{Words: []string{"secret*"}, Limit: 1}, {Words: []string{`se"cret`}, Limit: 1}, {Words: []string{"secret x"}, Limit: 1},
			{Words: []string{"secret\xff"}, Limit: 1}, {Words: []string{"a_b"}, Limit: 1}, {Words: []string{"+-"}, Limit: 1},
		} {
			_, err := db.Search(t.Context(), "room-1", q)
			wantErr(t, err, sql.ErrInvalid)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes a word: %v", err)
			}
		}
		same(t, db.Queries(), before)
	})
}

// A word that a full-text index of MySQL lacks is found among all messages; the
// index says itself which ones it lacks.
func TestStopwordsAreThoseOfTheServer(t *testing.T) {
	c := sqltest.MySQL(t)
	db := sqltest.Bare(t, c)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT value FROM information_schema.INNODB_FT_DEFAULT_STOPWORD`)
	must(t, err)
	defer rows.Close()
	count := 0
	for rows.Next() {
		var word string
		must(t, rows.Scan(&word))
		count++
		if !sql.BeginsStopword(word) {
			t.Errorf("the index lacks %q", word)
		}
	}
	must(t, rows.Err())
	if count < 30 {
		t.Errorf("the server has %d stopwords", count)
	}
	for _, word := range []string{"whatever", "froms", "hello"} {
		if sql.BeginsStopword(word) {
			t.Errorf("the index has %q", word)
		}
	}
}
