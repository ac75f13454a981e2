package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"presence/rooms"
)

// TestPings come from the start, before any login, and never stop (docs/protocol.md
// 1.6).
func TestPings(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.start()
		c := w.connect(over)
		began := time.Now()
		c.want(challengeFrame)
		time.Sleep(17 * time.Second)
		c.toAccountLater("ada")
		time.Sleep(time.Minute)
		synctest.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.pings) != 15 {
			t.Errorf("%d pings in 77 s", len(c.pings))
		}
		for n, at := range c.pings {
			if want := time.Duration(n+1) * 5 * time.Second; at.Sub(began) != want {
				t.Errorf("ping %d after %v, want %v", n, at.Sub(began), want)
			}
		}
	})
}

// toAccountLater logs in on a connection that has been challenged.
func (c *client) toAccountLater(login string) {
	c.t.Helper()
	c.send(authFrame(login))
	c.want(acceptedFrame, accountChallengeFrame)
	c.enter(login)
}

// TestPingFrame is what a ping looks like: milliseconds, as a number.
func TestPingFrame(t *testing.T) {
	if got := string(pingFrame(1709283605000)); got != `{"type":"ping","data":1709283605000}` {
		t.Error(got)
	}
}

// TestSilence: a peer of whom nothing is heard is cut, without a goodbye.
func TestSilence(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.start()
		ada := w.login("ada", over)
		ada.do(func() { ada.mute = true })
		began := time.Now()
		ada.wantEnd(0)
		if took := time.Since(began); took != 15*time.Second {
			t.Errorf("cut after %v, want 15 s", took)
		}
		time.Sleep(10 * time.Second)
		w.wantCalls("open acc-ada", "hide acc-ada") // it counts as lost
	})
}

// TestSilenceBeforeLogin is the same for strangers.
func TestSilenceBeforeLogin(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.start()
		c := w.connect(over)
		c.do(func() { c.mute = true })
		began := time.Now()
		c.want(challengeFrame)
		c.wantEnd(0)
		if took := time.Since(began); took != 15*time.Second {
			t.Errorf("cut after %v", took)
		}
	})
}

// TestLatePong: a pong that comes late saves the connection, and pinging goes on.
func TestLatePong(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.start()
		ada := w.login("ada", over)
		ada.do(func() { ada.mute = true })
		time.Sleep(14 * time.Second)
		ada.send(`{"type":"pong","data":1}`)
		time.Sleep(14 * time.Second)
		ada.send(` `) // any byte is a sign of life
		synctest.Wait()
		ada.do(func() {
			if len(ada.pings) != 5 {
				t.Errorf("%d pings in 28 s", len(ada.pings))
			}
			ada.pings = nil
		})
		began := time.Now()
		ada.wantEnd(0)
		if took := time.Since(began); took != 15*time.Second {
			t.Errorf("cut after %v", took)
		}
		if len(ada.pings) != 3 {
			t.Errorf("%d pings afterwards", len(ada.pings))
		}
	})
}

// TestPartOfAMessage: bytes count even if they are no whole message yet.
func TestPartOfAMessage(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada := w.login("ada", overTCP)
		ada.do(func() { ada.mute = true })
		for _, part := range []string{`{"type":`, `"ping"`, `,"data"`, `:17`, `}`} {
			time.Sleep(10 * time.Second)
			ada.send(part)
		}
		ada.want(`{"type":"pong","data":17}`)
	})
}

// TestNotDeadWhileWaiting: while the server does not read, because an event has to
// wait for its turn, silence is not held against the client.
func TestNotDeadWhileWaiting(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		busy := make(chan struct{})
		w.hub.handle = func(ctx context.Context, _ rooms.Address, _ json.RawMessage) { _ = wait(ctx, busy) }
		w.start()
		ada := w.login("ada", over)
		ada.send(ada.event(`{"type":"x"}`))
		time.Sleep(time.Hour)
		close(busy)
		synctest.Wait()
		ada.send(`{"type":"verify","data":1}`)
		ada.want(`{"type":"verify","data":1}`)
		ada.do(func() {
			if n := len(ada.pings); n < 719 {
				t.Errorf("%d pings in an hour", n)
			}
		})
	})
}

// TestPongAcknowledges: only the answer to the last ping proves that what was sent
// before it has arrived.
func TestPongAcknowledges(t *testing.T) {
	for name, c := range map[string]struct {
		pong   string // %d: what the ping said
		resync bool
	}{
		"answer":       {`{"type":"pong","data":%d}`, false},
		"another":      {`{"type":"pong","data":%d0}`, true},
		"none":         {`{"type":"verify","data":%d}`, true},
		"not a number": {`{"type":"pong","data":"%d"}`, true},
		"no data":      {`{"type":"pong"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.start()
				ada := w.login("ada", overTCP)
				ada.do(func() { ada.mute = true })
				w.deliver(`{"n":1}`, "acc-ada")
				ada.next()
				time.Sleep(5 * time.Second)
				synctest.Wait() // the ping is out
				text := c.pong
				if name != "no data" {
					text = fmt.Sprintf(c.pong, time.Now().UnixMilli())
				}
				ada.send(text)
				synctest.Wait()
				ada.lose()
				w.resume(ada, overTCP)
				want := []string{"open acc-ada"}
				if c.resync {
					want = append(want, "resync acc-ada")
				}
				w.wantCalls(want...)
			})
		})
	}
}
