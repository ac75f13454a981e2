package e2e

import (
	"slices"
	"testing"

	"presence/sql/sqltest"
)

// TestDatabaseGoesAway: a message that cannot be stored is shown to nobody, its
// author is told, and everything works again when the database is back
// (docs/protocol.md 8.5).
func TestDatabaseGoesAway(t *testing.T) {
	database := sqltest.Server(t)
	s := newServer(t)
	s.useDatabase(database.Fresh(t))
	s.localUsers("ada", "bo", "newcomer")
	s.start()
	ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), tcp)
	room := ada.createRoom("Harbor")
	ada.add(room, bo)
	ada.say(room, "before")
	bo.sees(room, "before")

	database.Stop()
	ada.say(room, "lost")
	ada.expect(ada.inRoom(room, chat("error", object{"error": "ERR_NOT_STORED", "text": containing(" "), "message": "lost"})))
	notice := ada.expect(ada.inRoom(room, chat("msg", object{"fromId": nil, "name": "Presence"})))
	if err := containing("lost")(dig(notice, "data", "data", "data", "data", "data", "message")); err != nil {
		t.Errorf("the notice: %v", err)
	}
	if code := ada.trySay(room, "lost too"); code != "ERR_NOT_STORED" {
		t.Errorf("a message with requestId was answered with %v", code)
	}
	// Who is here stays here: what needs no database works.
	bo.toRoom(room, chat("state", object{"type": "set-typing"}))
	ada.expect(ada.inRoom(room, chat("state", object{"fromId": bo.id})))
	bo.barrier(room)

	if err := database.Start(); err != nil {
		t.Fatal(err)
	}
	poll(t, func() bool { return ada.trySay(room, "back") == nil }, func() string { return "no message is stored" })
	bo.sees(room, "back")
	for _, text := range []string{"lost", "lost too"} {
		bo.refute(bo.inRoom(room, chat("msg", object{"message": text})))
	}
	if texts := bo.logOf(room); slices.Contains(texts, "lost") || !slices.Contains(texts, "back") {
		t.Errorf("the log is %q", texts)
	}
	s.login(t, local("newcomer"), ws)
}

// trySay sends a message as a request and returns the error of the reply.
func (u *user) trySay(room, text string) any {
	u.t.Helper()
	u.requests++
	id := "say-" + text + string(rune('0'+u.requests%10))
	u.toRoom(room, object{"type": "chat", "data": object{"type": "msg", "data": object{"message": text}, "requestId": id}})
	f := u.expect(u.inRoom(room, object{"type": "chat", "data": object{"requestId": id}}))
	return dig(f, "data", "data", "data", "data", "error")
}

// TestDatabaseAwayAtStart: it is waited for, and said.
func TestDatabaseAwayAtStart(t *testing.T) {
	database := sqltest.Server(t)
	c := database.Fresh(t)
	s := newServer(t)
	s.useDatabase(c)
	s.localUsers("ada")
	database.Stop()
	s.launch()
	s.proc.awaitLine(c.Name) // the log names the database that does not answer
	if err := database.Start(); err != nil {
		t.Fatal(err)
	}
	s.awaitReady()
	s.login(t, local("ada"), ws)
}
