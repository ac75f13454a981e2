package sql_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"presence/rooms"
	"presence/sql"
	"presence/sql/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// start is when the messages of the tests were written, in milliseconds.
const start = int64(1709283600000)

// accounts makes n accounts, acc-0 and so on.
func accounts(t testing.TB, db *sql.DB, n int) []rooms.AccountID {
	t.Helper()
	records := make([]rooms.AccountRecord, n)
	ids := make([]rooms.AccountID, n)
	for i := range records {
		ids[i] = rooms.AccountID(fmt.Sprintf("acc-%d", i))
		records[i] = rooms.AccountRecord{ID: ids[i], FUserID: fmt.Sprintf("friend-%d", i), FUsername: fmt.Sprintf("user%d", i), Name: fmt.Sprintf("User %d", i)}
	}
	must(t, db.CreateAccounts(t.Context(), records))
	return ids
}

// room makes a room that the accounts may enter; the first one owns it.
func room(t testing.TB, db *sql.DB, id rooms.RoomID, authorized ...rooms.AccountID) {
	t.Helper()
	r := rooms.RoomRecord{ID: id, Name: "Room " + string(id), OwnerID: authorized[0]}
	must(t, db.CreateRoom(t.Context(), r, authorized))
}

// messages makes n messages of one author, one each millisecond from start on;
// their ids begin with prefix.
func messages(prefix string, from rooms.AccountID, n int) []rooms.Message {
	all := make([]rooms.Message, n)
	for i := range all {
		all[i] = rooms.Message{
			ID: fmt.Sprintf("msg-%s-%d", prefix, i), From: from, Time: start + int64(i),
			Type: "msg", Name: "User", Text: fmt.Sprintf("text %d", i),
		}
	}
	return all
}

func add(t testing.TB, db *sql.DB, id rooms.RoomID, m ...rooms.Message) {
	t.Helper()
	must(t, db.AddMessages(t.Context(), id, m, nil))
}

func load(t testing.TB, db *sql.DB, id rooms.RoomID) *rooms.RoomData {
	t.Helper()
	data, err := db.LoadRoom(t.Context(), id, 100)
	must(t, err)
	return data
}

// mark returns the read mark of an account as the database has it.
func mark(t testing.TB, db *sql.DB, id rooms.RoomID, account rooms.AccountID) rooms.ReadMark {
	t.Helper()
	for _, m := range load(t, db, id).Marks {
		if m.Account == account {
			return m
		}
	}
	t.Fatalf("account %s has no read mark in room %s", account, id)
	return rooms.ReadMark{}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
}

func same(t testing.TB, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("not as wanted (-want +got):\n%s", d)
	}
}

// ids are the ids of messages.
func ids(messages []rooms.Message) []string {
	all := []string{}
	for _, m := range messages {
		all = append(all, m.ID)
	}
	return all
}

// scalar reads one value past the stores.
func scalar[T any](t testing.TB, c sql.Config, query string, args ...any) (v T) {
	t.Helper()
	db := sqltest.Bare(t, c)
	defer db.Close()
	must(t, db.QueryRowContext(t.Context(), query, args...).Scan(&v))
	return v
}
