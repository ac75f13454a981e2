package transport

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"presence/rooms"
)

// benchWorld is a world with TLS and without limits that a benchmark would meet.
func benchWorld(b *testing.B) *world {
	w := newWorld(b)
	w.tls = testTLS(b)
	w.log = nil
	w.server.Log = slog.New(slog.DiscardHandler)
	w.session.Rate, w.session.Burst = 1_000_000, 1_000_000
	w.server.Limits.UnauthenticatedPerAddress = 1_000_000
	return w
}

// drain reads everything from a connection and tells each time when so many bytes
// have come.
func drain(c io.Reader, size int, arrived *sync.WaitGroup) {
	buf := make([]byte, 32<<10)
	for rest := size; ; {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		for rest -= n; rest <= 0; rest += size {
			arrived.Done()
		}
	}
}

const (
	fanReceivers = 500
	fanEvent     = `{"type":"room-7","data":{"type":"chat","data":{"type":"msg","data":{"message":"%s"}}}}`
)

// fanOut is the server of BenchmarkFanOut: 500 accounts on TLS websockets over
// loopback.
type fanOut struct {
	w       *world
	to      []rooms.AccountID
	event   []byte
	size    int // of a frame
	arrived sync.WaitGroup
}

func newFanOut(b *testing.B) *fanOut {
	f := &fanOut{w: benchWorld(b), event: fmt.Appendf(nil, fanEvent, strings.Repeat("x", 100))}
	for n := range fanReceivers {
		login := fmt.Sprintf("user%03d", n)
		f.w.auth.users["auth-"+login] = rooms.User{ID: "id-" + login, Login: login}
		f.to = append(f.to, rooms.AccountID("acc-"+login))
	}
	prefix := envelopePrefix(f.to[0])
	payload := item{itemEvent, f.event}.payloadSize(prefix)
	f.size = len(appendHeader(nil, websocket.TextMessage, payload)) + payload
	f.w.server.Times = Times{LoginTimeout: time.Hour, Ping: time.Hour, DeadAfter: 2 * time.Hour}
	var err error
	if f.w.socket, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	f.w.start()
	for _, id := range f.to {
		c, err := net.Dial("tcp", f.w.socket.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		go drain(loginOver(b, c, strings.TrimPrefix(string(id), "acc-")), f.size, &f.arrived)
	}
	return f
}

// loginOver logs in without a reader of its own and returns the connection.
func loginOver(b testing.TB, sock net.Conn, login string) net.Conn {
	b.Helper()
	ws, _, err := openWS(sock, true, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, step := range []struct {
		answers int // of the server, before send
		send    string
	}{{1, authFrame(login)}, {2, loginEventFrame(login)}, {2, `{"type":"pong"}`}} {
		for range step.answers {
			if _, _, err := ws.ReadMessage(); err != nil {
				b.Fatal(err)
			}
		}
		if err := ws.WriteMessage(websocket.TextMessage, []byte(step.send)); err != nil {
			b.Fatal(err)
		}
	}
	return ws.NetConn()
}

// BenchmarkFanOut delivers one event to 500 accounts on TLS websockets, and compares
// with a bare loop that writes the same bytes to the same connections. The time of
// the clients is in both.
func BenchmarkFanOut(b *testing.B) {
	f := newFanOut(b)
	frame := make([]byte, f.size)
	var socks []net.Conn
	for _, c := range f.w.conns() {
		socks = append(socks, c.wire.(*wsWire).net)
	}
	measure := func(send func()) time.Duration {
		began := time.Now()
		f.arrived.Add(fanReceivers)
		send()
		f.arrived.Wait()
		return time.Since(began)
	}
	var server, bare time.Duration
	for b.Loop() {
		server += measure(func() { f.w.sessions.Deliver(f.to, "", f.event) })
		bare += measure(func() {
			for _, c := range socks {
				if _, err := c.Write(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	deliveries := float64(b.N * fanReceivers)
	b.ReportMetric(float64(server.Nanoseconds())/deliveries, "server-ns/delivery")
	b.ReportMetric(float64(bare.Nanoseconds())/deliveries, "bare-ns/delivery")
	b.ReportMetric(float64(server)/float64(bare), "ratio")
}

// BenchmarkIdleConn is the memory that an account on an idle TLS websocket takes,
// heap and stacks, without the socket in the kernel.
func BenchmarkIdleConn(b *testing.B) {
	const conns = 1000
	for b.Loop() {
		w := benchWorld(b)
		for n := range conns + 1 {
			login := fmt.Sprintf("user%04d", n)
			w.auth.users["auth-"+login] = rooms.User{ID: "id-" + login, Login: login}
		}
		w.start()
		login := func(n int) {
			mem := w.ws.dial(b, testAddress)
			b.Cleanup(func() { mem.Close() }) // keeps no more of the client than its socket
			loginOver(b, mem, fmt.Sprintf("user%04d", n))
		}
		login(0) // what is made once
		before := memory()
		for n := range conns {
			login(n + 1)
		}
		after := memory()
		b.ReportMetric(float64(after-before)/conns/1024, "KiB/conn")
	}
}
