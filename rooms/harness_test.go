package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inbox is a Post that keeps what every account got, in order.
type inbox struct {
	mu         sync.Mutex
	frames     map[AccountID][]string
	replies    map[Address][]string // the part of frames for one connection
	deliveries []delivery
	dismissed  []AccountID
	onDeliver  func(event string) // called on each event, unless nil
}

// delivery is one call of Deliver.
type delivery struct {
	to     []AccountID
	except AccountID
	event  []byte
}

func newInbox() *inbox {
	return &inbox{frames: map[AccountID][]string{}, replies: map[Address][]string{}}
}

func (b *inbox) Deliver(to []AccountID, except AccountID, event []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deliveries = append(b.deliveries, delivery{slices.Clone(to), except, event})
	for _, id := range to {
		if id != except {
			b.frames[id] = append(b.frames[id], string(event))
		}
	}
	if b.onDeliver != nil {
		b.onDeliver(string(event))
	}
}

func (b *inbox) Reply(to Address, event []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.frames[to.Account] = append(b.frames[to.Account], string(event))
	b.replies[to] = append(b.replies[to], string(event))
}

// repliesTo returns and forgets what one connection alone got.
func (b *inbox) repliesTo(to Address) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	frames := b.replies[to]
	delete(b.replies, to)
	return frames
}

// deliveriesOf returns the calls of Deliver whose event has all the parts.
func (b *inbox) deliveriesOf(parts ...string) []delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []delivery
	for _, d := range b.deliveries {
		if hasAll(string(d.event), parts) {
			found = append(found, d)
		}
	}
	return found
}

func (b *inbox) Dismiss(id AccountID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dismissed = append(b.dismissed, id)
}

// world is a hub with its store and everything its clients got, in a synctest
// bubble: settle waits until nothing moves any more.
type world struct {
	t        *testing.T
	hub      *Hub
	store    *memStore
	in       *inbox
	notifier Notifier // nil: nobody is notified
	relays   testRelays
	log      *slog.Logger // nil: nothing is logged
}

// inWorld runs a test in a bubble of virtual time.
func inWorld(t *testing.T, test func(*testing.T, *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, store: newMemStore()}
		w.start()
		test(t, w)
		w.stop()
	})
}

func (w *world) start() {
	w.in = newInbox()
	log := w.log
	if log == nil {
		log = discard()
	}
	hub, err := New(context.Background(), Options{
		Store: w.store, Post: w.in, Log: log,
		Host: "localhost/presence/guest/", MaxText: 32 << 10,
		EmptyAfter: 10 * time.Minute, RecentFor: 8 * time.Hour, EditGrace: 5 * time.Minute, AvatarSide: 32,
		Notifier: w.notifier,
		Relays:   &w.relays,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.hub = hub
}

// testRelays are servers of which nobody has heard; the zero value hides nothing.
type testRelays struct{ hide bool }

func (*testRelays) ICE(id AccountID, session string, hide bool) []ICEServer {
	relay := ICEServer{[]string{"turn:turn.example.test"}, "user-of-" + string(id), session}
	if hide {
		return []ICEServer{relay}
	}
	return []ICEServer{{URLs: []string{"stun:stun.example.test"}}, relay}
}

func (*testRelays) Left(AccountID, string) {}

func (t *testRelays) CanHide() bool { return t.hide }

// IsRelay: the relays are at 203.0.113.7.
func (*testRelays) IsRelay(a netip.AddrPort) bool {
	return a.Addr() == netip.AddrFrom4([4]byte{203, 0, 113, 7})
}

func (w *world) stop() {
	w.hub.mu.Lock()
	var ids []AccountID
	for id := range w.hub.accounts {
		ids = append(ids, id)
	}
	w.hub.mu.Unlock()
	for _, id := range ids {
		w.hub.Close(id)
	}
	if err := w.hub.Stop(context.Background()); err != nil {
		w.t.Error(err)
	}
}

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// restart stops the hub and starts another one on the same store.
func (w *world) restart() {
	w.stop()
	w.start()
}

func (w *world) settle() { synctest.Wait() }

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	time.Sleep(d) // virtual: see synctest
	w.settle()
}

// sync takes over users and groups as FriendCore lists them.
func (w *world) sync(groups ...Group) {
	w.t.Helper()
	if err := w.hub.SyncGroups(context.Background(), groups); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

// group is a workgroup of people by their login names.
func group(id string, members ...string) Group {
	g := Group{ID: id, UID: "u-" + id, Name: "Group " + id}
	for _, name := range members {
		g.Members = append(g.Members, user(name).ID)
	}
	return g
}

// loadedRoom returns the room as it is in memory, nil if it is not. Tests look at
// it only while nothing moves.
func (w *world) loadedRoom(id RoomID) *Room {
	w.settle()
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	return w.hub.rooms[id]
}

// person is a logged-in user of the tests.
type person struct {
	w  *world
	id AccountID
}

func user(name string) User {
	admin := strings.HasPrefix(name, "adm")
	return User{ID: "f-" + name, Login: name, Name: strings.ToUpper(name[:1]) + name[1:], Admin: &admin}
}

// login opens an account and asks for its state.
func (w *world) login(name string) *person {
	w.t.Helper()
	p := w.open(name)
	p.send("initialize", nil, "")
	return p
}

// open logs in without asking for the state.
func (w *world) open(name string) *person {
	w.t.Helper()
	id, err := w.hub.Resolve(context.Background(), user(name))
	if err == nil {
		err = w.hub.Open(context.Background(), id)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.settle()
	return &person{w, id}
}

// logout closes the account.
func (p *person) logout() {
	p.w.hub.Close(p.id)
	p.w.settle()
}

func (p *person) address() Address { return Address{p.id, 1} }

// send sends an account event and waits until all is handled.
func (p *person) send(typ string, data any, requestID string) {
	p.post(typ, data, requestID)
	p.w.settle()
}

func (p *person) post(typ string, data any, requestID string) {
	e := map[string]any{"type": typ, "data": data}
	if requestID != "" {
		e["requestId"] = requestID
	}
	p.raw(e)
}

func (p *person) raw(e any) {
	text, err := json.Marshal(e)
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.w.hub.Handle(context.Background(), p.address(), text)
}

// to sends a room event; component may be empty.
func (p *person) to(room RoomID, component, typ string, data any, requestID string) {
	inner := map[string]any{"type": typ, "data": data}
	if requestID != "" {
		inner["requestId"] = requestID
	}
	if component != "" {
		inner = map[string]any{"type": component, "data": inner}
	}
	p.raw(map[string]any{"type": room, "data": inner})
}

// say writes a chat message and waits.
func (p *person) say(room RoomID, text string) {
	p.to(room, "chat", "msg", map[string]any{"message": text}, "")
	p.w.settle()
}

// take returns and forgets what the person got so far.
func (p *person) take() []string {
	p.w.settle()
	p.w.in.mu.Lock()
	defer p.w.in.mu.Unlock()
	frames := p.w.in.frames[p.id]
	delete(p.w.in.frames, p.id)
	return frames
}

// got fails unless one of the frames has all the parts; it returns that frame.
func (p *person) got(parts ...string) string {
	p.w.t.Helper()
	frames := p.take()
	i := slices.IndexFunc(frames, func(f string) bool { return hasAll(f, parts) })
	if i < 0 {
		p.w.t.Fatalf("%s got no frame with %q; got:\n%s", p.id, parts, strings.Join(frames, "\n"))
	}
	return frames[i]
}

// gotNone fails if one of the frames has all the parts.
func (p *person) gotNone(parts ...string) {
	p.w.t.Helper()
	for _, f := range p.take() {
		if hasAll(f, parts) {
			p.w.t.Fatalf("%s got %s", p.id, f)
		}
	}
}

// index is where in the frames the first one with all the parts is, -1 if nowhere.
func index(frames []string, parts ...string) int {
	return slices.IndexFunc(frames, func(f string) bool { return hasAll(f, parts) })
}

// inOrder fails unless there are frames with these parts, in this order.
func inOrder(t *testing.T, frames []string, parts ...string) {
	t.Helper()
	rest := frames
	for _, part := range parts {
		i := index(rest, part)
		if i < 0 {
			t.Fatalf("no frame with %s where it should be (order: %q) in:\n%s", part, parts, strings.Join(frames, "\n"))
		}
		rest = rest[i+1:]
	}
}

// replyFrame is a reply as a client sees it.
type replyFrame struct {
	Response json.RawMessage
	Error    any
}

// reply finds the reply to a request among the frames; layers are the types around
// it, from the outside.
func (p *person) reply(frames []string, requestID string, layers ...string) replyFrame {
	p.w.t.Helper()
	for _, frame := range frames {
		inner, ok := unwrap([]byte(frame), layers)
		var keys map[string]json.RawMessage
		if !ok || json.Unmarshal(inner, &keys) != nil || string(keys["requestId"]) != `"`+requestID+`"` {
			continue
		}
		if len(keys) != 3 || keys["response"] == nil || keys["error"] == nil {
			p.w.t.Fatalf("a reply has the keys requestId, response and error; got %s", inner)
		}
		r := replyFrame{Response: keys["response"]}
		if err := json.Unmarshal(keys["error"], &r.Error); err != nil {
			p.w.t.Fatal(err)
		}
		return r
	}
	p.w.t.Fatalf("no reply to %s within %q; got:\n%s", requestID, layers, strings.Join(frames, "\n"))
	return replyFrame{}
}

// unwrap takes off layers of type and data.
func unwrap(frame []byte, layers []string) ([]byte, bool) {
	for _, layer := range layers {
		var e struct {
			Type string          `json:"type"`
			Data json.RawMessage `json:"data"`
		}
		if json.Unmarshal(frame, &e) != nil || e.Type != layer {
			return nil, false
		}
		frame = e.Data
	}
	return frame, true
}

// request sends an account request and returns its reply.
func (p *person) request(typ string, data any) replyFrame {
	p.w.t.Helper()
	p.take()
	p.send(typ, data, "r-1")
	return p.reply(p.take(), "r-1")
}

// ask sends a room request and returns its reply; component may be empty.
func (p *person) ask(room RoomID, component, typ string, data any) replyFrame {
	p.w.t.Helper()
	p.take()
	p.to(room, component, typ, data, "r-1")
	layers := []string{string(room)}
	if component != "" {
		layers = append(layers, component)
	}
	return p.reply(p.take(), "r-1", layers...)
}

// fails fails the test unless the reply is a refusal with this code.
func (r replyFrame) fails(t *testing.T, code string) {
	t.Helper()
	if r.Error != code || string(r.Response) != "null" {
		t.Fatalf("the reply is %s, error %v; want the error %s", r.Response, r.Error, code)
	}
}

// is fails the test unless the reply is this response.
func (r replyFrame) is(t *testing.T, response string) {
	t.Helper()
	if r.Error != nil || string(r.Response) != response {
		t.Fatalf("the reply is %s, error %v; want %s", r.Response, r.Error, response)
	}
}

// into decodes the response.
func (r replyFrame) into(t *testing.T, v any) {
	t.Helper()
	if r.Error != nil {
		t.Fatalf("refused with %v", r.Error)
	}
	if err := json.Unmarshal(r.Response, v); err != nil {
		t.Fatalf("%v in %s", err, r.Response)
	}
}

func hasAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// makeRoom creates a room; without a name it is temporary.
func (p *person) makeRoom(name string) RoomID {
	p.w.t.Helper()
	p.take()
	var data any
	if name != "" {
		data = map[string]any{"name": name}
	}
	p.send("room-create", data, "r-create")
	var reply struct {
		Response struct {
			ClientID RoomID `json:"clientId"`
		} `json:"response"`
	}
	frame := p.got(`"requestId":"r-create"`)
	if err := json.Unmarshal([]byte(frame), &reply); err != nil || reply.Response.ClientID == "" {
		p.w.t.Fatalf("room not created: %s", frame)
	}
	return reply.Response.ClientID
}

// confirm says that a message was read, and waits.
func (p *person) confirm(room RoomID, msgID any) {
	p.to(room, "chat", "confirm", map[string]any{"type": "message", "eventId": msgID}, "")
	p.w.settle()
}

// add lets another account into the room.
func (p *person) add(room RoomID, other *person) {
	p.to(room, "invite", "room-add", map[string]any{"clientId": other.id}, "")
	p.w.settle()
}

// state asks for the room's state.
func (p *person) state(room RoomID) roomState {
	p.w.t.Helper()
	p.take()
	p.raw(map[string]any{"type": room, "data": map[string]any{"type": "initialize"}})
	var e struct {
		Data struct {
			Data roomState `json:"data"`
		} `json:"data"`
	}
	frame := p.got(`"type":"initialize"`)
	if err := json.Unmarshal([]byte(frame), &e); err != nil {
		p.w.t.Fatal(fmt.Errorf("%w in %s", err, frame))
	}
	return e.Data.Data
}
