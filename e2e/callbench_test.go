package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// bareRelayFolder makes this test program a bare relay: what comes by one of two TLS
// websockets goes out by the other, as it came. It has key.pem and cert.pem.
const bareRelayFolder = "PRESENCE_E2E_BARE_RELAY"

// runBareRelay is that process; false if this is not the one.
func runBareRelay() bool {
	folder := os.Getenv(bareRelayFolder)
	if folder == "" {
		return false
	}
	if err := bareRelay(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func bareRelay(folder string) error {
	l, err := bareListen(folder)
	if err != nil {
		return err
	}
	var mu sync.Mutex // guards the fields below
	var both [2]*websocket.Conn
	count := 0
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		mu.Lock()
		self := count % 2
		both[self] = conn
		count++
		mu.Unlock()
		for {
			kind, text, err := conn.ReadMessage()
			if err != nil {
				return
			}
			mu.Lock()
			other := both[1-self]
			mu.Unlock()
			if err := other.WriteMessage(kind, text); err != nil {
				return
			}
		}
	}))
}

// dialBareRelay starts the process and connects to it twice.
func dialBareRelay(b *testing.B, s *server) (from, to *client) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	out := newOutput()
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Env = append(os.Environ(), bareRelayFolder+"="+s.folder)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	poll(b, func() bool { return strings.Contains(out.String(), "\n") }, out.String)
	address := strings.TrimSpace(out.String())
	dial := func() *client {
		w, err := dialWS("wss://"+address+"/", s.clientTLS(), nil)
		if err != nil {
			b.Fatal(err)
		}
		return newClient(b, "bare", w)
	}
	return dial(), dial()
}

// arrivals waits for one text at a time.
type arrivals struct {
	marker []byte
	came   chan time.Time
}

func newArrivals(c *client, marker string) *arrivals {
	a := &arrivals{[]byte(marker), make(chan time.Time, 1)}
	count := func(text []byte) {
		if bytes.Contains(text, a.marker) {
			a.came <- time.Now()
		}
	}
	c.sink.Store(&count)
	return a
}

// send measures from the first byte sent to the last one received.
func (a *arrivals) send(b *testing.B, from *client, text []byte) time.Duration {
	b.Helper()
	began := time.Now()
	if err := from.trySendRaw(text); err != nil {
		b.Fatal(err)
	}
	select {
	case at := <-a.came:
		return at.Sub(began)
	case <-time.After(patience):
		b.Fatal("an event did not arrive")
		return 0
	}
}

// BenchmarkCallRelay: one event of 300 bytes at a time from a peer to another one, over
// TLS websockets, beside a relay that does nothing else.
func BenchmarkCallRelay(b *testing.B) {
	const events, every = 1000, 3 * time.Millisecond // a peer may send 200 a second
	s := newServer(b)
	s.localUsers("ada", "bo")
	measured(b, s)
	ada, bo := s.login(b, local("ada"), ws), s.login(b, local("bo"), ws)
	room := ada.createRoom("Hall")
	ada.add(room, bo)
	for _, u := range []*user{ada, bo} {
		u.joinCall(room)
	}
	const marker = "measured event"
	event, err := json.Marshal(ada.inRoom(room, object{"type": "live", "data": object{"type": bo.id, "data": marker + strings.Repeat("x", 10)}}))
	if err != nil {
		b.Fatal(err)
	}
	event = bytes.Replace(event, []byte("xxx"), bytes.Repeat([]byte("x"), 3+300-len(event)), 1)
	over := newArrivals(bo.client, marker)
	from, to := dialBareRelay(b, s)
	bare := newArrivals(to, marker)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for range 100 {
		over.send(b, ada.client, event)
		bare.send(b, from, event)
	}
	var server, loop []time.Duration
	for b.Loop() {
		for range events { // in turns, so that what disturbs one disturbs the other
			<-ticker.C
			server = append(server, over.send(b, ada.client, event))
			<-ticker.C // both begin at rest
			loop = append(loop, bare.send(b, from, event))
		}
	}
	slices.Sort(server)
	slices.Sort(loop)
	for _, at := range []struct {
		name string
		part float64
	}{{"p50", 0.5}, {"p99", 0.99}} {
		ours, theirs := server[int(at.part*float64(len(server)))], loop[int(at.part*float64(len(loop)))]
		b.ReportMetric(float64(ours.Microseconds()), at.name+"-µs")
		b.ReportMetric(float64(theirs.Microseconds()), "bare-"+at.name+"-µs")
	}
	b.ReportMetric(float64(len(event)), "bytes")
}

// BenchmarkCalls: 20 calls of 8 who join at once; each sends each other one 30 events.
// All must arrive, once and in order. The server's CPU time, joins included.
func BenchmarkCalls(b *testing.B) {
	const calls, size, events = 20, 8, 30
	s := newServer(b)
	var logins []string
	for n := range calls * size {
		logins = append(logins, fmt.Sprintf("user%03d", n))
	}
	s.localUsers(logins...)
	measured(b, s)
	var used, took time.Duration
	for b.Loop() {
		halls := make([]*callHall, calls)
		for n := range halls {
			halls[n] = newCallHall(b, s, logins[n*size:(n+1)*size])
		}
		began, cpu := time.Now(), cpuTime(b, s.proc.pid())
		var running sync.WaitGroup
		for _, h := range halls {
			running.Go(func() { h.run(b, events) })
		}
		running.Wait()
		took += time.Since(began)
		used += cpuTime(b, s.proc.pid()) - cpu
		for _, h := range halls {
			h.close()
		}
	}
	relayed := float64(b.N * calls * size * (size - 1) * events)
	b.ReportMetric(float64(used.Microseconds())/relayed, "server-µs/event")
	b.ReportMetric(milliseconds(took)/float64(b.N), "ms")
}

// callHall is one call with all who are in it.
type callHall struct {
	room  string
	users []*user
	left  atomic.Int64 // events that have not arrived yet
	done  chan struct{}
	wrong atomic.Pointer[string]
}

func newCallHall(b *testing.B, s *server, logins []string) *callHall {
	b.Helper()
	h := &callHall{done: make(chan struct{})}
	for _, login := range logins {
		h.users = append(h.users, s.login(b, local(login), ws))
	}
	h.room = h.users[0].createRoom("Hall of " + logins[0])
	for _, u := range h.users[1:] {
		h.users[0].add(h.room, u)
	}
	return h
}

func (h *callHall) run(b *testing.B, events int) {
	size := len(h.users)
	h.left.Store(int64(size * (size - 1) * events))
	var joining sync.WaitGroup
	for _, u := range h.users {
		joining.Go(func() { u.joinCall(h.room) })
	}
	joining.Wait()
	for _, u := range h.users {
		h.listen(u.client)
	}
	var sending sync.WaitGroup
	for from, u := range h.users {
		sending.Go(func() {
			for n := range events {
				for _, other := range h.users {
					if other != u {
						u.toRoom(h.room, object{"type": "live", "data": object{"type": other.id, "data": fmt.Sprintf("event %d %d %s", from, n, strings.Repeat("x", 200))}})
					}
				}
			}
		})
	}
	sending.Wait()
	select {
	case <-h.done:
	case <-time.After(patience):
		b.Errorf("%d events did not arrive", h.left.Load())
	}
	if wrong := h.wrong.Load(); wrong != nil {
		b.Error(*wrong)
	}
}

// listen counts what comes, and sees that it comes in order.
func (h *callHall) listen(c *client) {
	next := make([]int, len(h.users))
	count := func(text []byte) {
		at := bytes.Index(text, []byte(`"event `))
		if at < 0 {
			return
		}
		var from, n int
		if _, err := fmt.Sscanf(string(text[at+1:min(len(text), at+40)]), "event %d %d", &from, &n); err != nil || n != next[from] {
			wrong := fmt.Sprintf("event %d of %d came as number %d", n, from, next[from])
			h.wrong.Store(&wrong)
		}
		next[from]++
		if h.left.Add(-1) == 0 {
			close(h.done)
		}
	}
	c.sink.Store(&count)
}

func (h *callHall) close() {
	for _, u := range h.users {
		u.close()
	}
}

// joinCall joins the call of a room.
func (u *user) joinCall(room string) {
	u.t.Helper()
	u.toRoom(room, object{"type": "live-join", "data": "lc-" + u.login})
	u.expect(u.inRoom(room, object{"type": "live", "data": object{"type": "open", "data": object{"clientId": "lc-" + u.login}}}))
}
