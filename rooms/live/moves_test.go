package live

import "testing"

// TestStaleEcho: an echo that never came is not waited for once the account is in by
// another connection.
func TestStaleEcho(t *testing.T) {
	r := newRoom(t)
	r.enter("acc-1", "a", 1)
	r.enter("acc-2", "x", 9)
	r.enter("acc-1", "b", 1) // the same connection: the leave of a is expected
	r.enter("acc-1", "c", 2)
	r.s.Hangup(r.now, "acc-1", 2, r) // the user hangs up
	if r.s.Has("acc-1") {
		t.Error("who hung up is still in the call")
	}
}

// TestLatePong: a pong of the browser that was moved away does not make its leave count.
func TestLatePong(t *testing.T) {
	r := newRoom(t)
	r.enter("acc-1", "a", 1)
	r.enter("acc-2", "x", 9)
	r.enter("acc-1", "b", 2)
	r.s.Handle(r.now, "acc-1", 1, "pong", []byte(`"1"`), r)
	r.s.Handle(r.now, "acc-1", 1, "leave", nil, r)
	if !r.s.Has("acc-1") {
		t.Error("the leave of the former browser ended the call of the new one")
	}
}

// TestTwoEchoes: each browser that was moved away answers with one leave.
func TestTwoEchoes(t *testing.T) {
	r := newRoom(t)
	r.enter("acc-1", "a", 1)
	r.enter("acc-2", "x", 9)
	r.enter("acc-1", "b", 1)
	r.enter("acc-1", "c", 1)
	r.s.Hangup(r.now, "acc-1", 1, r)
	r.s.Hangup(r.now, "acc-1", 1, r)
	if !r.s.Has("acc-1") {
		t.Error("the second echo ended the call")
	}
	r.s.Hangup(r.now, "acc-1", 1, r)
	if r.s.Has("acc-1") {
		t.Error("the user hung up and is still in the call")
	}
}

// TestEchoAfterAResume: the browsers of an account may share a connection that was lost.
func TestEchoAfterAResume(t *testing.T) {
	r := newRoom(t)
	r.enter("acc-1", "a", 1)
	r.s.Resumed(r.now, "acc-1", 2)
	r.enter("acc-1", "b", 2)
	r.s.Hangup(r.now, "acc-1", 2, r) // of a
	if !r.s.Has("acc-1") {
		t.Error("the leave of the former browser ended the call of the new one")
	}
}
