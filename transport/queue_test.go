package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presence/rooms"
)

// TestSlowReader: a connection whose queue is full is ended, and nobody else waits
// for it (docs/protocol.md 1.8).
func TestSlowReader(t *testing.T) {
	for name, c := range map[string]struct{ size, count int }{
		"bytes":    {10 << 10, 10},
		"messages": {10, maxItems + 3},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *world, over string) {
				w.server.Limits.QueueBytes = 64 << 10
				if c.size < 1000 {
					w.server.Limits.QueueBytes = 64 << 20
				}
				w.start()
				ada, bo := w.login("ada", over), w.login("bo", over)
				ada.mem.narrow(0) // it reads no more
				began := time.Now()
				event := func(n int) string { return fmt.Sprintf(`{"n":%d,"x":%q}`, n, strings.Repeat("x", c.size)) }
				w.deliver(event(0), "acc-ada", "acc-bo")
				synctest.Wait() // this one is being written
				for n := 1; n < c.count; n++ {
					w.deliver(event(n), "acc-ada", "acc-bo")
					synctest.Wait()
				}
				for n := range c.count {
					bo.want(bo.event(event(n)))
				}
				if d := time.Since(began); d != 0 {
					t.Errorf("the others waited for %v", d)
				}
				if n := w.value("presence_slow_closes_total"); n != 1 {
					t.Errorf("%v slow closes", n)
				}
				time.Sleep(500 * time.Millisecond)
				ada.mem.narrow(memWindow) // it reads again, and hears why
				ada.want(ada.event(event(0)))
				ada.wantEnd(closeSlow)
				w.resume(ada, over)
				w.wantCalls("open acc-ada", "open acc-bo", "resync acc-ada")
			})
		})
	}
}

// TestSlowReaderForGood: one that does not read at all is cut.
func TestSlowReaderForGood(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.server.Limits.QueueBytes = 4 << 10
		w.start()
		ada := w.login("ada", over)
		ada.mem.narrow(0)
		began := time.Now()
		for range 10 {
			w.deliver(`{"x":"`+strings.Repeat("x", 1000)+`"}`, "acc-ada")
			synctest.Wait()
		}
		ada.wantEnd(0)
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

// TestStuckWrite: a peer that takes nothing is cut after the time for one chunk, even
// if little waits for it.
func TestStuckWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.start()
		ada := w.login("ada", over)
		time.Sleep(time.Second)
		ada.mem.narrow(0)
		began := time.Now()
		w.deliver(`{"n":1}`, "acc-ada")
		ada.wantEnd(0)
		if d := time.Since(began); d < writeTimeout/2 || d > writeTimeout {
			t.Errorf("cut after %v, want %v to %v", d, writeTimeout/2, writeTimeout)
		}
	})
}

// TestOneLargeEvent: an event that is larger than the queue is sent if nothing else
// waits.
func TestOneLargeEvent(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.server.Limits.QueueBytes = 1000
		w.start()
		ada := w.login("ada", over)
		synctest.Wait()
		event := `{"x":"` + strings.Repeat("x", 1<<20) + `"}`
		w.deliver(event, "acc-ada")
		ada.want(ada.event(event))
	})
}

// TestQueueBeforeLogin: a stranger who does not read cannot make the server queue
// much.
func TestQueueBeforeLogin(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		c := w.connect(overTCP)
		c.want(challengeFrame)
		synctest.Wait()
		conn := w.conns()[0]
		c.mem.narrow(0)
		echo := `{"type":"verify","data":"` + strings.Repeat("x", maxEcho-2) + `"}`
		for range 100 {
			if c.trySend(echo) != nil {
				break // cut off already
			}
		}
		synctest.Wait()
		conn.mu.Lock()
		if conn.bytes > earlyBytes {
			t.Errorf("%d bytes are queued", conn.bytes)
		}
		conn.mu.Unlock()
		c.wantEnd(0)
	})
}

// TestOrder: events arrive in the order in which they were delivered, whatever they
// have to share the connection with.
func TestOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.hub.handle = func(_ context.Context, from rooms.Address, e json.RawMessage) { w.sessions.Reply(from, e) }
		w.start()
		ada := w.login("ada", over)
		const count = 500
		go func() {
			for n := range count {
				ada.send(ada.event(fmt.Sprintf(`{"reply":%d}`, n)))
			}
		}()
		for n := range count {
			w.deliver(fmt.Sprintf(`{"event":%d}`, n), "acc-ada")
		}
		var events, replies int
		for range 2 * count {
			text := ada.next()
			switch text {
			case ada.event(fmt.Sprintf(`{"event":%d}`, events)):
				events++
			case ada.event(fmt.Sprintf(`{"reply":%d}`, replies)):
				replies++
			default:
				t.Fatalf("%s came after %d events and %d replies", text, events, replies)
			}
		}
	})
}

// TestLateEvents: what is delivered while the goodbye is on its way is kept for the
// client's return.
func TestLateEvents(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada := w.login("ada", overWS)
		acknowledged()
		conn := w.conns()[0]
		conn.finish(closeTooBig, endLost)
		w.deliver(`{"n":1}`, "acc-ada")
		ada.wantEnd(closeTooBig)
		w.resume(ada, overWS).want(ada.event(`{"n":1}`))
		w.wantCalls("open acc-ada")
	})
}

// TestGoodbyeTimes: a goodbye that the peer does not answer, or does not even take,
// ends the connection in bounded time.
func TestGoodbyeTimes(t *testing.T) {
	for name, c := range map[string]struct {
		window int
		limit  time.Duration
	}{
		"not answered": {memWindow, lingerTime},
		"not taken":    {0, writeTimeout + lingerTime},
	} {
		t.Run(name, func(t *testing.T) {
			for _, over := range []string{overWS, overTCP} {
				bubble(t, func(t *testing.T, w *world) {
					w.start()
					quiet := w.silent(over)
					synctest.Wait()
					quiet.narrow(c.window)
					began := time.Now()
					for _, conn := range w.conns() {
						conn.send([]byte(readyFrame)) // something that must be written first
						conn.finish(closeNormal, endLeft)
					}
					w.srv.running.Wait()
					if took := time.Since(began); took > c.limit {
						t.Errorf("%s: it took %v, want at most %v", over, took, c.limit)
					}
				})
			}
		})
	}
}

// silent is a peer that sends nothing by itself.
func (w *world) silent(over string) *memConn {
	w.t.Helper()
	if over == overTCP {
		return w.tcp.dial(w.t, testAddress)
	}
	mem := w.ws.dial(w.t, testAddress)
	if _, _, err := dialWS(w.t, mem, w.tls != nil, nil); err != nil {
		w.t.Fatal(err)
	}
	return mem
}

// TestFinishedTwice: only the first reason counts.
func TestFinishedTwice(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada := w.login("ada", overWS)
		for _, conn := range w.conns() {
			if !conn.finish(closeNormal, endLeft) || conn.finish(closeSlow, endLost) {
				t.Error("finish does not tell first from second")
			}
		}
		ada.wantEnd(closeNormal)
	})
}
