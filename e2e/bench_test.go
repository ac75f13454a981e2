package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"presence/friendcore/friendcoretest"
)

// The measures of the program: what it costs, apart from what its clients cost.
// Each benchmark does a fixed amount of work in one iteration and reports figures
// of its own; ns/op says nothing.

// BenchmarkDemoStart: from the start of presence demo, in a folder that does not
// exist yet, until its page is answered; and the memory of the process at rest.
func BenchmarkDemoStart(b *testing.B) {
	path := plainProgram(b)
	var took time.Duration
	var resident int
	for b.Loop() {
		port := freePort(b)
		began := time.Now()
		p := launch(b, newOutput(), b.TempDir(), path, "demo", "-dir", "fresh", "-port", fmt.Sprint(port))
		p.awaitLine("http://localhost:")
		if err := getOnce(fmt.Sprintf("http://localhost:%d/", port)); err != nil {
			b.Fatal(err)
		}
		took += time.Since(began)
		pause(2 * time.Second)
		resident = max(resident, p.residentKiB())
		p.signal(syscall.SIGTERM)
		if status := p.exitStatus(stopTime); status != 0 {
			b.Fatalf("exit status %d", status)
		}
	}
	b.ReportMetric(milliseconds(took)/float64(b.N), "start-ms")
	b.ReportMetric(float64(resident)/1024, "MiB-at-rest")
}

// getOnce asks for a page that must be there, and leaves no connection open.
func getOnce(url string) error {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d", url, answer.StatusCode)
	}
	return nil
}

// crowd makes users of a FriendCore that answers at once.
func crowd(b *testing.B, core *friendCore, n int) []person {
	b.Helper()
	people := make([]person, n)
	for i := range people {
		people[i] = core.person(fmt.Sprintf("user%04d", i))
	}
	return people
}

// measured starts the program as it is shipped.
func measured(b *testing.B, s *server) *server {
	b.Helper()
	s.plain = true
	s.ini["log"] = nil
	s.ini.set("log", "level = warn")
	s.ini.set("limits", "rate = 100000\nburst = 100000")
	return s.start()
}

// BenchmarkLogin: 50 users log in each second, each on a connection of its own; the
// time from the first byte of the connection until the account's state is there.
func BenchmarkLogin(b *testing.B) {
	const perSecond, logins = 50, 500
	core := newFriendCore(b, friendcoretest.Options{})
	people := crowd(b, core, logins)
	s := measured(b, core.serve(b))
	s.login(b, core.person("warm"), ws).close()

	var took []time.Duration
	for b.Loop() {
		var running sync.WaitGroup
		var mu sync.Mutex
		ticker := time.NewTicker(time.Second / perSecond)
		for _, p := range people {
			<-ticker.C
			running.Go(func() {
				begin := time.Now()
				s.login(b, p, ws)
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(begin))
			})
		}
		ticker.Stop()
		running.Wait()
	}
	slices.Sort(took)
	b.ReportMetric(milliseconds(took[len(took)/2]), "p50-ms")
	b.ReportMetric(milliseconds(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(milliseconds(took[len(took)-1]), "max-ms")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkFanOut: one message at a time to 500 members of a room over TLS
// websockets; the server's CPU time for each delivery, and that of a bare loop that
// writes the same bytes to as many TLS sockets, in a process of its own.
func BenchmarkFanOut(b *testing.B) {
	const members, rounds, messages = 500, 8, 50
	core := newFriendCore(b, friendcoretest.Options{})
	people := crowd(b, core, members+1)
	s := measured(b, core.serve(b))
	author := s.login(b, people[0], ws)
	room := author.createRoom("Hall")
	author.toRoom(room, object{"type": "invite", "data": object{"type": "public", "data": object{"reqId": "x"}}})
	f := author.expect(author.inRoom(room, object{"type": "invite", "data": object{"type": "public", "data": object{"reqId": "x"}}}))
	token := dig(f, "data", "data", "data", "data", "data", "token")

	hall := &audience{marker: []byte("measured message"), arrived: make(chan struct{}, members)}
	for _, p := range people[1:] {
		u := s.login(b, p, ws)
		u.account(object{"type": "room-join", "data": object{"invite": object{"roomId": room, "token": token}}})
		u.expect(u.event(object{"type": "join", "data": object{"joined": object{"clientId": room}}}))
		hall.listen(u.client)
	}
	author.barrier(room)

	text := "measured message " + strings.Repeat("x", 100)
	say := func() {
		author.say(room, text)
		hall.await(b, members)
	}
	for range 20 {
		say() // the process has grown what it needs
	}
	loop := newBareLoop(b, s, hall.frameSize(), members)
	defer loop.close()
	var server, bare time.Duration
	for b.Loop() {
		for range rounds { // in turns, so that what disturbs one disturbs the other
			began := cpuTime(b, s.proc.pid())
			for range messages {
				say()
			}
			server += cpuTime(b, s.proc.pid()) - began
			bare += loop.say(messages)
		}
	}
	deliveries := float64(b.N * members * rounds * messages)
	b.ReportMetric(float64(server.Microseconds())/deliveries, "server-µs/delivery")
	b.ReportMetric(float64(bare.Microseconds())/deliveries, "bare-µs/delivery")
	b.ReportMetric(float64(server)/float64(bare), "ratio")
}

// audience counts the arrivals of a message at many connections.
type audience struct {
	marker  []byte
	arrived chan struct{}
	size    atomic.Int64 // of the last frame, bytes
}

// listen takes over a connection: from now on its frames are only counted.
func (a *audience) listen(c *client) {
	count := a.count
	c.sink.Store(&count)
}

func (a *audience) count(text []byte) {
	if bytes.Contains(text, a.marker) {
		a.size.Store(int64(len(text)))
		a.arrived <- struct{}{}
	}
}

func (a *audience) frameSize() int { return int(a.size.Load()) }

func (a *audience) await(b *testing.B, n int) {
	b.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for got := range n {
		select {
		case <-a.arrived:
		case <-timer.C:
			b.Fatalf("only %d of %d deliveries", got, n)
		}
	}
}

// BenchmarkIdleSession: the memory of a user who is logged in over a TLS websocket
// and silent.
func BenchmarkIdleSession(b *testing.B) {
	const warm, sessions = 100, 1000
	core := newFriendCore(b, friendcoretest.Options{})
	people := crowd(b, core, warm+sessions)
	s := measured(b, core.serve(b))
	for b.Loop() {
		for _, p := range people[:warm] {
			s.login(b, p, ws)
		}
		before := s.settledKiB()
		for _, p := range people[warm:] {
			s.login(b, p, ws)
		}
		after := s.settledKiB()
		b.ReportMetric(float64(after-before)/sessions, "KiB/session")
		b.ReportMetric(float64(after)/1024, "MiB-with-1100")
	}
}

// settledKiB is the memory of the process when garbage is collected and given back
// to the system as far as the Go runtime does so by itself.
func (s *server) settledKiB() int {
	s.t.Helper()
	least := 1 << 40
	for range 20 {
		if status, _, err := s.admin("/debug/pprof/heap?gc=1"); err != nil || status != http.StatusOK {
			s.t.Fatalf("/debug/pprof/heap: %d %v", status, err)
		}
		least = min(least, s.proc.residentKiB())
		pause(200 * time.Millisecond)
	}
	return least
}

// pause lets time go by while the program is at rest; only measures do that.
func pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}
