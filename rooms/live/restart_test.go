package live

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// enterNew lets somebody in whose browser understands ice-restart.
func (r *room) enterNew(id string, conn uint64) {
	r.s.Enter(r.now, Join{Peer: id, LiveID: "lc-" + id, Conn: conn, Grace: 10 * time.Second, NewID: "ls-1", Restarts: true}, r)
}

func (r *room) broken(id string, want ...string) {
	r.t.Helper()
	liveID, peers := r.s.TakeBroken(id)
	if !slices.Equal(peers, want) || len(want) > 0 && liveID != "lc-"+id {
		r.t.Errorf("%s (%q) is to restart with %q, want %q", id, liveID, peers, want)
	}
}

// TestBrokenPairs: each is named once, to the one who comes back last; only among those
// who understand it and were in the call when it broke.
func TestBrokenPairs(t *testing.T) {
	r := newRoom(t)
	for n, id := range []string{"acc-1", "acc-2", "acc-3"} {
		r.enterNew(id, uint64(n+1))
	}
	r.enter("acc-4", "lc-acc-4", 4)
	r.wait(time.Second)
	r.s.Away(r.now, "acc-1")
	r.s.Away(r.now, "acc-2")
	r.wait(time.Second)
	r.enterNew("acc-5", 5)
	r.s.Resumed(r.now, "acc-1", 11)
	r.s.Back(r.now, "acc-1")
	r.broken("acc-1", "acc-3")
	r.enterNew("acc-1", 11)
	r.broken("acc-1")
	r.broken("acc-3")
	r.enterNew("acc-2", 9)
	r.broken("acc-2", "acc-1", "acc-3")
	r.enterNew("acc-2", 9)
	r.broken("acc-2")
	r.s.Away(r.now, "acc-4")
	r.s.Resumed(r.now, "acc-4", 44)
	r.broken("acc-4")

	r.enterNew("acc-3", 33)             // one of two connections of the account was lost
	r.broken("acc-3", "acc-1", "acc-2") // acc-5 came after its last sign of life
	r.s.Away(r.now, "acc-5")
	r.s.Enter(r.now, Join{Peer: "acc-5", LiveID: "lc-other", Conn: 6, Restarts: true}, r)
	r.broken("acc-5") // another browser begins anew
}

// TestHangupAfterALostConnection: the one that the browser joined by is gone, so another
// one may say it.
func TestHangupAfterALostConnection(t *testing.T) {
	r := newRoom(t)
	r.in("acc-1", "acc-2")
	r.s.Away(r.now, "acc-1")
	r.s.Back(r.now, "acc-1")
	r.s.Hangup(r.now, "acc-1", 77, r)
	if r.s.Has("acc-1") {
		t.Error("it is still in the call")
	}
}

// TestHidingCall: what a session begins with counts to its end.
func TestHidingCall(t *testing.T) {
	r := newRoom(t)
	r.s.Rules.IsRelay = func(netip.AddrPort) bool { return false }
	r.s.Enter(r.now, Join{Peer: "acc-1", LiveID: "a", NewID: "ls-1", Hides: true}, r)
	r.s.Enter(r.now, Join{Peer: "acc-2", LiveID: "b", NewID: "ls-2"}, r)
	r.said = nil
	for _, typ := range []string{"acc-2", "broadcast"} {
		r.send("acc-1", typ, `"candidate:1 1 udp 1 5.9.9.1 50000 typ host"`)
	}
	r.hears()
	r.send("acc-1", "acc-2", `{"type":"sync","data":7}`)
	r.hears(`acc-2 {"type":"acc-1","data":{"type":"sync","data":7}}`)
	r.s.Close(r.now, r)
	r.s.Enter(r.now, Join{Peer: "acc-1", LiveID: "a", NewID: "ls-1"}, r)
	if r.s.Hides() {
		t.Error("the next call hides addresses, too")
	}
}

// TestFloodOfWhatAllHear: quality and mode without end are a flood as well; claims to
// speak, which browsers repeat, are not.
func TestFloodOfWhatAllHear(t *testing.T) {
	for typ, ends := range map[string]bool{"quality": true, "mode": true, "speaking": false, "pong": false} {
		r := newRoom(t)
		r.s.Rules.Rate = 25
		r.in("acc-1", "acc-2")
		for range 100 * 50 {
			r.now = r.now.Add(20 * time.Millisecond) // 50 a second
			r.send("acc-1", typ, `{"type":"presentation","isSpeaking":true}`)
		}
		if r.s.Has("acc-1") == ends {
			t.Errorf("%s without end: out of the call %v, want %v", typ, !ends, ends)
		}
	}
}

// TestFloodEnds: who sends too much for a minute is out of the call; a join, which is
// many events at once, is no flood.
func TestFloodEnds(t *testing.T) {
	r := newRoom(t)
	r.s.Rules.Rate = 25
	r.in("acc-1", "acc-2", "acc-3")
	for range 1000 {
		r.send("acc-1", "acc-2", `1`)
	}
	if !r.s.Has("acc-1") {
		t.Fatal("a burst is a flood")
	}
	r.now = r.now.Add(2 * time.Minute)
	sent, others := 0, 0
	for r.s.Has("acc-1") && sent < 100_000 {
		r.now = r.now.Add(20 * time.Millisecond) // 50 a second
		r.send("acc-1", "acc-2", `1`)
		if sent++; sent%4 == 0 {
			r.send("acc-2", "acc-3", `2`)
			others++
		}
	}
	if seconds := sent / 50; seconds < 55 || seconds > 65 {
		t.Errorf("it took %d s", seconds)
	}
	if !slices.Contains(r.said, left("acc-1")) || !r.s.Has("acc-2") {
		t.Error("that it is out is not told, or others are out as well")
	}
	if n := strings.Count(strings.Join(r.said, "\n"), `acc-3 {"type":"acc-2","data":2}`); n != others {
		t.Errorf("of %d events of somebody else %d came", others, n)
	}
}
