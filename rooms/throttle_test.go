package rooms

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// claim tries to enter as a guest and says whether it was let in.
func (w *world) claim(from string, room RoomID, token string) bool {
	w.t.Helper()
	id, err := w.hub.AdmitGuest(context.Background(), GuestClaim{Token: token, Room: room, From: from})
	if err == nil {
		w.hub.Close(id)
		return true
	}
	if !errors.Is(err, ErrDenied) {
		w.t.Fatal(err)
	}
	return false
}

// TestGuessingFromOneAddress ends after ten failures, for half an hour.
func TestGuessingFromOneAddress(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		token := ada.publicToken(room)
		for n := range maxTries {
			if !w.claim("192.0.2.1", room, token) {
				t.Fatalf("refused after %d failures", n)
			}
			w.claim("192.0.2.1", RoomID(fmt.Sprint("room-", n)), "public-guess")
		}
		calls := w.store.count("UseToken")
		if w.claim("192.0.2.1", room, token) {
			t.Error("a good token is taken after ten failures")
		}
		if n := w.store.count("UseToken") - calls; n != 0 {
			t.Error("the database is asked for somebody who is stopped")
		}
		if !w.claim("198.51.100.1", room, token) {
			t.Error("another address is stopped too")
		}
		w.pass(triesWindow - time.Second)
		if w.claim("192.0.2.1", room, token) {
			t.Error("let in before the time is over")
		}
		w.pass(time.Second)
		if !w.claim("192.0.2.1", room, token) {
			t.Error("still stopped after half an hour")
		}
	})
}

// TestGuessingForOneRoom ends after ten failures, from wherever.
func TestGuessingForOneRoom(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		token := ada.publicToken(room)
		other := ada.makeRoom("Other")
		otherToken := ada.publicToken(other)
		for n := range maxTries {
			w.claim(fmt.Sprint("192.0.2.", n), room, "public-guess")
		}
		if w.claim("198.51.100.1", room, token) {
			t.Error("the room takes tokens after ten failures")
		}
		if !w.claim("198.51.100.1", other, otherToken) {
			t.Error("another room is closed too")
		}
		w.pass(triesWindow)
		if !w.claim("198.51.100.1", room, token) {
			t.Error("the room is still closed after half an hour")
		}
	})
}

// TestGuessingAccount is stopped like a guest; those who are members are not.
func TestGuessingAccount(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		token := ada.publicToken(room)
		eve, cy := w.login("eve"), w.login("cy")
		for range maxTries {
			eve.join(room, "public-guess").fails(t, "ERR_COULD_NOT_JOIN")
		}
		eve.join(room, token).fails(t, "ERR_COULD_NOT_JOIN")
		cy.join(room, token).fails(t, "ERR_COULD_NOT_JOIN") // the room has had enough, too
		bo.join(room, token).into(t, new(roomConf))
		w.pass(triesWindow)
		eve.join(room, token).into(t, new(roomConf))
	})
}

// TestDatabaseFailureIsNoTry: nobody is stopped because the database was away.
func TestDatabaseFailureIsNoTry(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		token := ada.publicToken(room)
		w.store.failOnly("UseToken")
		for range 2 * maxTries {
			if _, err := w.hub.AdmitGuest(context.Background(), GuestClaim{Token: token, Room: room, From: "192.0.2.1"}); errors.Is(err, ErrDenied) {
				t.Fatal("refused because the database is away")
			}
		}
		w.store.setFault(nil)
		if !w.claim("192.0.2.1", room, token) {
			t.Error("stopped because the database was away")
		}
	})
}

// TestThrottleIsBounded, and those who were stopped stay so while others are forgotten.
func TestThrottleIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		for range maxTries {
			th.failed("192.0.2.1", "")
		}
		for n := range 3 * triesKept {
			th.failed(fmt.Sprint("address-", n), RoomID(fmt.Sprint("room-", n)))
			if len(th.byFrom) > triesKept || len(th.byRoom) > triesKept {
				t.Fatalf("%d addresses and %d rooms are remembered", len(th.byFrom), len(th.byRoom))
			}
		}
		if th.allowed("192.0.2.1", "room-x") {
			t.Error("a flood of addresses lets somebody go on who was stopped")
		}
		time.Sleep(triesWindow)
		th.failed("192.0.2.2", "room-y")
		for n := range triesKept {
			th.failed(fmt.Sprint("later-", n), "")
		}
		if !th.allowed("192.0.2.1", "room-x") || len(th.byFrom) > triesKept {
			t.Error("what is over is remembered")
		}
	})
}

// TestThrottleOfTheStubborn: places that are all taken by those who were stopped are
// given to others, too.
func TestThrottleOfTheStubborn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		for n := range triesKept + 10 {
			for range maxTries {
				th.failed(fmt.Sprint("address-", n), "")
			}
		}
		if len(th.byFrom) > triesKept {
			t.Errorf("%d addresses are remembered", len(th.byFrom))
		}
	})
}
