package rooms

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// countingPost is a Post that does as little per receiver as can be done: it finds
// him and adds up bytes. It says when a chat message has been delivered.
type countingPost struct {
	calls     atomic.Int64       // of Deliver with a chat message
	bytes     map[AccountID]*int // owned by the room under test
	delivered chan struct{}
}

func newCountingPost() *countingPost {
	return &countingPost{bytes: map[AccountID]*int{}, delivered: make(chan struct{}, 1)}
}

func (p *countingPost) Deliver(to []AccountID, except AccountID, event []byte) {
	if !bytes.Contains(event[:min(len(event), 120)], []byte(`"chat"`)) {
		return
	}
	p.calls.Add(1)
	p.toEach(to, except, event)
	p.delivered <- struct{}{}
}

// toEach is the bare loop over receivers.
func (p *countingPost) toEach(to []AccountID, except AccountID, event []byte) {
	for _, id := range to {
		if id != except {
			*p.bytes[id] += len(event)
		}
	}
}

func (p *countingPost) Reply(Address, []byte) {}
func (p *countingPost) Dismiss(AccountID)     {}

// instantStore takes messages at once and keeps none.
type instantStore struct{ *memStore }

func (instantStore) AddMessages(context.Context, RoomID, []Message, []AccountID) error { return nil }

// fanOut is a room with many members in it, in real time.
type fanOut struct {
	post    *countingPost
	members []AccountID
	author  Address
	event   json.RawMessage
	hub     *Hub
}

func newFanOut(t testing.TB, members int) *fanOut {
	t.Helper()
	f := &fanOut{post: newCountingPost()}
	store := newMemStore()
	data := &RoomData{Room: RoomRecord{ID: "room-1", Name: "Crowd", Settings: []byte("{}")}}
	for n := range members {
		id := AccountID(fmt.Sprint("acc-", n))
		store.accounts[id] = AccountRecord{ID: id, Name: fmt.Sprint("User ", n), Settings: []byte("{}")}
		data.Authorized = append(data.Authorized, id)
		f.post.bytes[id] = new(int)
	}
	store.rooms["room-1"] = data
	var err error
	f.hub, err = New(t.Context(), Options{
		Relays: &testRelays{},
		Store:  instantStore{store}, Post: f.post, Log: discard(), Host: "localhost", MaxText: 32 << 10,
		EmptyAfter: time.Hour, EditGrace: 5 * time.Minute, RecentFor: time.Hour, AvatarSide: 16,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range data.Authorized {
		if err := f.hub.Open(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		f.hub.Handle(t.Context(), Address{id, 1}, json.RawMessage(`{"type":"initialize"}`))
	}
	f.members, f.author = data.Authorized, Address{data.Authorized[0], 1}
	f.event = json.RawMessage(roomEventText("room-1", "chat/msg", `{"message":"hello to everybody in this room"}`, ""))
	f.awaitMembers(t)
	for _, id := range f.members[:members/2] { // half of them look at the room
		f.hub.Handle(t.Context(), Address{id, 1}, json.RawMessage(roomEventText("room-1", "/active", `{"isActive":true}`, "")))
	}
	t.Cleanup(func() { f.end(t) })
	return f
}

// awaitMembers returns when everybody is in the room: an event goes through it until
// all are there.
func (f *fanOut) awaitMembers(t testing.TB) {
	t.Helper()
	room := f.hub.room("room-1")
	for {
		in := make(chan int)
		room.box.force(askEvent{func(r *Room) { in <- len(r.attached) }})
		if <-in == len(f.members) {
			return
		}
	}
}

// askEvent looks at a room in its turn.
type askEvent struct{ look func(*Room) }

func (e askEvent) apply(r *Room) { e.look(r) }

func (f *fanOut) end(t testing.TB) {
	for _, id := range f.members {
		f.hub.Close(id)
	}
	if err := f.hub.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// say sends a message and waits until it was delivered.
func (f *fanOut) say(t testing.TB) {
	f.hub.Handle(t.Context(), f.author, f.event)
	<-f.post.delivered
}

// BenchmarkFanOut measures one message to 500 members who are in the room. The
// ratio says how much longer it takes than a bare loop over the same receivers.
func BenchmarkFanOut(b *testing.B) {
	const members = 500
	f := newFanOut(b, members)
	f.say(b)
	b.ReportAllocs()
	began := time.Now()
	messages := 0
	for b.Loop() {
		f.say(b)
		messages++
	}
	perMember := float64(time.Since(began).Nanoseconds()) / float64(messages) / members
	b.StopTimer()

	bare := barePerMember(f, messages)
	b.ReportMetric(perMember, "ns/member")
	b.ReportMetric(bare, "bare-ns/member")
	b.ReportMetric(perMember/bare, "times-bare")
}

// barePerMember measures the loop alone, with an encoded message of the same size.
func barePerMember(f *fanOut, messages int) float64 {
	event := make([]byte, 300)
	began := time.Now()
	for range messages {
		f.post.toEach(f.members, "", event)
	}
	return float64(time.Since(began).Nanoseconds()) / float64(messages) / float64(len(f.members))
}

// TestFanOutCost: however many members there are, a message is handed over once, and
// costs the same number of allocations.
func TestFanOutCost(t *testing.T) {
	allocations := map[int]float64{}
	for _, members := range []int{10, 500} {
		f := newFanOut(t, members)
		f.say(t)
		before := f.post.calls.Load()
		const runs = 300
		allocations[members] = testing.AllocsPerRun(runs, func() { f.say(t) })
		if n := f.post.calls.Load() - before; n != runs+1 { // one more to warm up
			t.Errorf("%d members: %d deliveries of %d messages", members, n, runs+1)
		}
	}
	// The log in memory and in the store grow now and then.
	if few, many := allocations[10], allocations[500]; many > few+2 {
		t.Errorf("a message to 500 takes %.0f allocations, to 10 it takes %.0f", many, few)
	}
}
