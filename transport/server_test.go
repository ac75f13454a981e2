package transport

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"presence/rooms"
)

// TestGracefulStop: clients in every stage are told that the server goes away, all
// accounts are closed, and nothing waits for what hangs.
func TestGracefulStop(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, c := range map[string]struct {
		prepare func(*world)
		until   func(*world, string) *client
		frames  []string // before the end
	}{
		"challenged": {nil, func(w *world, over string) *client { c := w.connect(over); c.want(challengeFrame); return c }, nil},
		"checking": {func(w *world) {
			w.auth.answer = func(ctx context.Context, _ string) (rooms.User, error) { return rooms.User{}, hang(ctx) }
		}, func(w *world, over string) *client {
			c := w.connect(over)
			c.want(challengeFrame)
			c.send(authFrame("ada"))
			return c
		}, nil},
		"account stage": {nil, func(w *world, over string) *client { return w.connect(over).toAccount("ada") }, nil},
		"opening": {func(w *world) {
			w.hub.open = func(context.Context, rooms.AccountID) error { time.Sleep(time.Second); return nil }
		}, func(w *world, over string) *client {
			c := w.connect(over).toAccount("ada")
			c.send(loginEventFrame("ada"))
			return c
		}, nil},
		"attached": {nil, func(w *world, over string) *client { return w.login("ada", over) }, nil},
		"in an event": {func(w *world) {
			w.hub.handle = func(ctx context.Context, _ rooms.Address, _ json.RawMessage) { _ = hang(ctx) }
		}, func(w *world, over string) *client {
			c := w.login("ada", over)
			c.send(c.event(`{"type":"x"}`))
			return c
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *world, over string) {
				if c.prepare != nil {
					c.prepare(w)
				}
				w.start()
				client := c.until(w, over)
				synctest.Wait()
				began := time.Now()
				if err := w.stop(); err != nil {
					t.Errorf("Run: %v", err)
				}
				if took := time.Since(began); took > forcedEnd {
					t.Errorf("it took %v", took)
				}
				client.wantEnd(closeGoingAway)
				opened := strings.Count(strings.Join(w.hub.taken(), " "), "open")
				if s := w.sessions.count(); s != 0 || opened > 1 {
					t.Errorf("%d sessions are left, %d were opened", s, opened)
				}
			})
		})
	}
}

// TestStopFlushes: what was queued arrives before the goodbye.
func TestStopFlushes(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.start()
		ada := w.login("ada", over)
		w.deliver(`{"n":1}`, "acc-ada")
		w.cancel()
		ada.want(ada.event(`{"n":1}`))
		ada.wantEnd(closeGoingAway)
		if err := w.stop(); err != nil {
			t.Error(err)
		}
		w.wantCalls("open acc-ada", "close acc-ada")
	})
}

// TestStopIsBounded: peers that do nothing that they should do not hold it up.
func TestStopIsBounded(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"never reads, ws":  func(w *world) { w.silent(overWS).narrow(0) },
		"never reads, tcp": func(w *world) { w.silent(overTCP).narrow(0) },
		"never answers":    func(w *world) { w.silent(overWS); w.silent(overTCP) },
		"attached, never reads": func(w *world) {
			ada := w.login("ada", overWS)
			ada.mem.narrow(0)
			w.deliver(`{"n":1}`, "acc-ada")
		},
		"half a request": func(w *world) { _, _ = w.ws.dial(w.t, testAddress).Write([]byte("GET / HT")) },
		"upgrade, never reads": func(w *world) {
			mem := w.ws.dial(w.t, testAddress)
			mem.narrow(0)
			_, _ = mem.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
		},
		"no request": func(w *world) { w.ws.dial(w.t, testAddress) },
		"lost, waits for its client": func(w *world) {
			w.login("ada", overWS).lose()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.start()
				prepare(w)
				synctest.Wait()
				began := time.Now()
				if err := w.stop(); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > forcedEnd {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestStopDuringHandshake: a TLS handshake that never ends does not hold it up, and
// is cut after its time otherwise.
func TestStopDuringHandshake(t *testing.T) {
	for _, over := range []string{overWS, overTCP} {
		for _, stop := range []bool{true, false} {
			bubble(t, func(t *testing.T, w *world) {
				w.tls = testTLS(t)
				w.start()
				l := map[string]*memListener{overWS: w.ws, overTCP: w.tcp}[over]
				mem := l.dial(t, testAddress)
				defer mem.Close()
				mem.Write([]byte{22, 3, 1, 1, 0, 1}) // the beginning of a ClientHello
				synctest.Wait()
				began, limit := time.Now(), httpTime
				if stop {
					limit = 0
					if err := w.stop(); err != nil {
						t.Error(err)
					}
				}
				for buf := make([]byte, 100); ; {
					if _, err := mem.Read(buf); err != nil {
						break
					}
				}
				if took := time.Since(began); took > limit {
					t.Errorf("%s: it took %v, want %v", over, took, limit)
				}
			})
		}
	}
}

// TestStopWaitsForPages: Run does not return while a page is still being made.
func TestStopWaitsForPages(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		made := make(chan struct{})
		w.server.Demo = testDemo()
		w.server.Demo.Files = slowFiles{w.server.Demo.Files.(fstest.MapFS), made}
		w.start()
		mem := w.ws.dial(t, testAddress)
		defer mem.Close()
		mem.Write([]byte("GET /demo/slow.js HTTP/1.1\r\nHost: localhost\r\n\r\n"))
		synctest.Wait()
		w.cancel()
		time.Sleep(time.Second)
		select {
		case err := <-w.ended:
			t.Errorf("Run returned %v", err)
			w.ended <- err
		default:
		}
		close(made)
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
}

// slowFiles takes its time for one of them.
type slowFiles struct {
	fstest.MapFS
	made chan struct{}
}

func (s slowFiles) ReadFile(name string) ([]byte, error) {
	if name == "slow.js" {
		<-s.made
	}
	return s.MapFS.ReadFile(name)
}

// TestListenerFails: Run says which, after it has told the clients of the other.
func TestListenerFails(t *testing.T) {
	for _, over := range []string{overWS, overTCP} {
		bubble(t, func(t *testing.T, w *world) {
			w.start()
			ada := w.login("ada", overWS)
			broken := errors.New("the network card burns")
			map[string]*memListener{overWS: w.ws, overTCP: w.tcp}[over].fail <- broken
			err := <-w.ended
			w.ended <- nil // what Run returns was taken here
			if !errors.Is(err, broken) || !strings.Contains(err.Error(), "192.0.2.1:40000") {
				t.Errorf("Run: %v", err)
			}
			ada.wantEnd(closeGoingAway)
			select {
			case <-w.ws.done:
			default:
				t.Error("the websocket listener is open")
			}
			select {
			case <-w.tcp.done:
			default:
				t.Error("the TCP listener is open")
			}
		})
	}
}

// TestOutOfFiles: the server waits, longer each time, and goes on.
func TestOutOfFiles(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.start()
		l := map[string]*memListener{overWS: w.ws, overTCP: w.tcp}[over]
		began := time.Now()
		for range 12 {
			l.fail <- &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
		}
		w.login("ada", over)
		if took := time.Since(began); took != 5275*time.Millisecond { // 5, 10, 20 … 640, then 1000
			t.Errorf("12 pauses took %v", took)
		}
		if !strings.Contains(w.log.String(), "level=WARN msg=\"no connection can be accepted now\"") {
			t.Error("the log does not say so")
		}
		l.fail <- syscall.EMFILE
		synctest.Wait()
		began = time.Now()
		if err := w.stop(); err != nil || time.Since(began) > lingerTime {
			t.Errorf("stopping during a pause: %v after %v", err, time.Since(began))
		}
	})
}

// TestWithoutTCP: the TCP listener is optional.
func TestWithoutTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		ctx, cancel := context.WithCancel(t.Context())
		other, err := NewServer(w.server)
		if err != nil {
			t.Fatal(err)
		}
		l := newMemListener()
		ended := make(chan error)
		go func() { ended <- other.Run(ctx, Listeners{WS: l}) }()
		mem := l.dial(t, testAddress)
		if status, _, _ := request(t, mem, "GET", "/healthz", nil); status != 200 {
			t.Errorf("status %d", status)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestBlockedConnection: a connection whose event waits, and one that takes nothing,
// delay nobody else, not even on the same account.
func TestBlockedConnection(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		busy := make(chan struct{})
		w.hub.handle = func(ctx context.Context, from rooms.Address, _ json.RawMessage) {
			if from.Account == "acc-bo" {
				_ = wait(ctx, busy)
			}
		}
		w.start()
		ada, stuck, bo, cy := w.login("ada", overWS), w.login("ada", overTCP), w.login("bo", overWS), w.login("cy", overTCP)
		stuck.mem.narrow(0)
		bo.send(bo.event(`{"type":"x"}`))
		synctest.Wait()
		began := time.Now()
		for range 100 {
			w.deliver(`{"n":1}`, "acc-ada", "acc-bo", "acc-cy")
			for _, c := range []*client{ada, bo, cy} {
				c.want(c.event(`{"n":1}`))
			}
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("it took %v", d)
		}
		close(busy)
	})
}

func TestServerOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		for name, spoil := range map[string]func(*ServerOptions){
			"Hub":      func(o *ServerOptions) { o.Hub = nil },
			"Auth":     func(o *ServerOptions) { o.Auth = nil },
			"Sessions": func(o *ServerOptions) { o.Sessions = nil },
			"Metrics":  func(o *ServerOptions) { o.Metrics = nil },
			"Log":      func(o *ServerOptions) { o.Log = nil },
			"Login":    func(o *ServerOptions) { o.Times.LoginTimeout = 0 },
			"Ping":     func(o *ServerOptions) { o.Times.Ping = 0 },
			"Dead":     func(o *ServerOptions) { o.Times.DeadAfter = o.Times.Ping },
			"Origins":  func(o *ServerOptions) { o.Origins = nil },
			"Limits":   func(o *ServerOptions) { o.Limits = Limits{} },
		} {
			o := w.server
			spoil(&o)
			if _, err := NewServer(o); err == nil {
				t.Errorf("%s: taken", name)
			}
		}
	})
}
