package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presence/rooms"
)

// TestEnds are the rows of docs/protocol.md 2.6: when others see the account go, and
// when its session ends.
func TestEnds(t *testing.T) {
	leave := func(c *client) { c.send(sessionNullFrame); c.want(sessionNullFrame); c.wantEnd(closeNormal) }
	for name, c := range map[string]struct {
		end       func(*client)
		grace     time.Duration
		hide      time.Duration // zero: not without the end
		close     time.Duration
		resumable bool
	}{
		"session:null":            {end: leave, grace: time.Minute, close: 250 * time.Millisecond},
		"goodbye":                 {end: (*client).leave, grace: time.Minute, hide: 250 * time.Millisecond, close: time.Minute, resumable: true},
		"loss":                    {end: (*client).lose, grace: time.Minute, hide: 10 * time.Second, close: time.Minute, resumable: true},
		"loss, grace is short":    {end: (*client).lose, grace: 5 * time.Second, close: 5 * time.Second, resumable: true},
		"goodbye, grace is short": {end: (*client).leave, grace: 100 * time.Millisecond, close: 100 * time.Millisecond, resumable: true},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *world, over string) {
				w.session.Grace = c.grace
				w.start()
				ada := w.login("ada", over)
				w.wantCalls("open acc-ada")
				c.end(ada)
				synctest.Wait()
				ended := time.Now()
				until := func(d time.Duration) { time.Sleep(time.Until(ended.Add(d))); synctest.Wait() }
				if c.hide > 0 {
					until(c.hide - time.Millisecond)
					w.wantCalls()
					until(c.hide)
					w.wantCalls("hide acc-ada")
				}
				until(c.close - time.Millisecond)
				w.wantCalls()
				if !c.resumable {
					w.refused(ada, over)
				}
				until(c.close)
				w.wantCalls("close acc-ada")
				w.refused(ada, over)
				if n := w.value("presence_sessions"); n != 0 {
					t.Errorf("%v sessions are left", n)
				}
			})
		})
	}
}

// refused tries to resume a session in vain.
func (w *world) refused(old *client, over string) {
	w.t.Helper()
	c := w.connect(over)
	c.want(challengeFrame)
	c.send(string(sessionFrame(old.id)))
	c.want(`{"type":"session","data":false}`)
	c.wantEnd(closePolicy)
}

// TestResumeUnknown: no id that was never given out is any good.
func TestResumeUnknown(t *testing.T) {
	for _, data := range []string{`"session-x"`, `""`, `5`, `{}`, `[]`, `true`, `"` + strings.Repeat("s", 300) + `"`} {
		bubble(t, func(t *testing.T, w *world) {
			w.start()
			w.login("ada", overWS)
			c := w.connect(overWS)
			c.want(challengeFrame)
			c.send(`{"type":"session","data":` + data + `}`)
			c.want(sessionRefusedFrame)
			c.wantEnd(closePolicy)
			if n := w.value("presence_logins_total", "result=no_session"); n != 1 {
				t.Errorf("%v counted", n)
			}
		})
	}
}

// TestResume: within the grace time the client gets what it missed, in order, and
// nobody has seen it go, or sees it come back.
func TestResume(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(*client)
		after time.Duration
		calls []string
	}{
		"loss":                   {(*client).lose, 9 * time.Second, nil},
		"loss that others saw":   {(*client).lose, 11 * time.Second, []string{"hide acc-ada", "show acc-ada"}},
		"goodbye, at once":       {(*client).leave, 200 * time.Millisecond, nil},
		"goodbye, after a while": {(*client).leave, 59 * time.Second, []string{"hide acc-ada", "show acc-ada"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *world, over string) {
				w.start()
				ada := w.login("ada", over)
				w.deliver(`{"n":0}`, "acc-ada")
				ada.want(ada.event(`{"n":0}`))
				acknowledged()
				w.wantCalls("open acc-ada")
				c.end(ada)
				synctest.Wait()
				w.deliver(`{"n":1}`, "acc-ada")
				time.Sleep(c.after)
				w.deliver(`{"n":2}`, "acc-ada")
				for _, over := range []string{overTCP, overWS} { // a session may move
					again := w.resume(ada, over)
					if over == overTCP {
						again.want(ada.event(`{"n":1}`), ada.event(`{"n":2}`))
						w.wantCalls(c.calls...)
					}
					w.deliver(`{"n":3}`, "acc-ada")
					again.want(ada.event(`{"n":3}`))
					acknowledged()
					again.lose()
				}
				w.wantCalls() // nothing was missed
			})
		})
	}
}

// TestLostOnTheWay: an event that was sent but whose arrival nothing proves may be
// lost, so the client gets its state anew.
func TestLostOnTheWay(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.start()
		ada := w.login("ada", over)
		acknowledged()
		ada.mem.narrow(0) // from here on nothing arrives
		w.deliver(`{"n":1}`, "acc-ada")
		synctest.Wait() // it is being written
		w.deliver(`{"n":2}`, "acc-ada")
		ada.lose()
		w.deliver(`{"n":3}`, "acc-ada")
		w.wantCalls("open acc-ada")
		again := w.resume(ada, over)
		again.want(ada.event(`{"n":2}`), ada.event(`{"n":3}`))
		w.wantCalls("resync acc-ada")
		if n := len(w.hub.resumed); n != 1 {
			t.Errorf("the hub heard of %d connections that were resumed", n)
		}

		acknowledged()
		again.lose()
		w.resume(ada, over)
		w.wantCalls() // once is enough
	})
}

// TestSilentLoss: a connection whose network is gone looks well until it has been
// silent for too long. What was sent to it meanwhile is lost.
func TestSilentLoss(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada := w.login("ada", overWS)
		acknowledged()
		w.wantCalls("open acc-ada")
		ada.do(func() { ada.mute = true })
		w.deliver(`{"n":1}`, "acc-ada") // goes into the void
		ada.next()
		time.Sleep(20 * time.Second)
		ada.wantEnd(0)
		w.resume(ada, overWS)
		w.wantCalls("resync acc-ada")
	})
}

// TestResumeBesideOthers: a client that resumes while the server still holds its
// former connection for alive gets its state anew.
func TestResumeBesideOthers(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada := w.login("ada", overWS)
		acknowledged()
		w.wantCalls("open acc-ada")
		w.resume(ada, overTCP)
		w.wantCalls("resync acc-ada")
	})
}

// TestTooMuchToKeep: when too much is missed, it is given up, and the client gets
// its state anew.
func TestTooMuchToKeep(t *testing.T) {
	for name, c := range map[string]struct{ size, count int }{
		"bytes":  {4000, 300},
		"events": {1, maxKept + 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.start()
				ada := w.login("ada", overWS)
				acknowledged()
				ada.lose()
				event := `{"x":"` + strings.Repeat("x", c.size) + `"}`
				for range c.count {
					w.deliver(event, "acc-ada")
				}
				if s := w.sessions.of("acc-ada"); len(s.kept) != 0 {
					t.Errorf("%d events are still kept", len(s.kept))
				}
				again := w.resume(ada, overWS)
				w.wantCalls("open acc-ada", "resync acc-ada")
				w.deliver(`{"n":1}`, "acc-ada")
				again.want(ada.event(`{"n":1}`))
			})
		})
	}
	t.Run("just enough", func(t *testing.T) {
		bubble(t, func(t *testing.T, w *world) {
			w.start()
			ada := w.login("ada", overWS)
			acknowledged()
			ada.lose()
			synctest.Wait()
			for n := range maxKept {
				w.deliver(fmt.Sprint(`{"n":`, n, `}`), "acc-ada")
			}
			again := w.resume(ada, overWS)
			for n := range maxKept {
				again.want(ada.event(fmt.Sprint(`{"n":`, n, `}`)))
			}
			w.wantCalls("open acc-ada")
		})
	})
}

// TestLoginWhileLost: a full login takes over the session and starts anew; what was
// kept is thrown away.
func TestLoginWhileLost(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada := w.login("ada", overWS)
		ada.lose()
		w.deliver(`{"n":1}`, "acc-ada")
		again := w.login("ada", overTCP)
		if again.id != ada.id {
			t.Error("it got another session id")
		}
		w.deliver(`{"n":2}`, "acc-ada")
		again.want(again.event(`{"n":2}`))
		w.wantCalls("open acc-ada")
	})
}

// TestSeveralConnections share one session: all get events, who asks gets the answer
// (docs/protocol.md 3.6).
func TestSeveralConnections(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.hub.handle = func(_ context.Context, from rooms.Address, _ json.RawMessage) {
			w.sessions.Reply(from, []byte(`{"reply":1}`))
		}
		w.start()
		one, two, bo := w.login("ada", overWS), w.login("ada", overTCP), w.login("bo", overWS)
		if one.id != two.id || one.id == bo.id {
			t.Errorf("session ids %q, %q and of another account %q", one.id, two.id, bo.id)
		}
		two.send(two.event(`{"type":"ask"}`))
		two.want(two.event(`{"reply":1}`))
		w.sessions.Deliver([]rooms.AccountID{"acc-ada", "acc-bo", "acc-nobody"}, "acc-bo", []byte(`{"n":1}`))
		one.want(one.event(`{"n":1}`))
		two.want(two.event(`{"n":1}`))
		w.deliver(`{"n":2}`, "acc-bo")
		bo.want(bo.event(`{"n":2}`))

		one.lose()
		time.Sleep(time.Hour)
		w.wantCalls("open acc-ada", "open acc-bo")
		w.deliver(`{"n":3}`, "acc-ada")
		two.want(two.event(`{"n":3}`))
		two.send(sessionNullFrame)
		two.want(sessionNullFrame)
		two.wantEnd(closeNormal)
		time.Sleep(time.Second)
		w.wantCalls("close acc-ada")
	})
}

// TestAnswerAfterLoss: the answer to a request of a lost connection is kept as well.
func TestAnswerAfterLoss(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var asked rooms.Address
		w.hub.handle = func(_ context.Context, from rooms.Address, _ json.RawMessage) { asked = from }
		w.start()
		ada := w.login("ada", overWS)
		acknowledged()
		ada.send(ada.event(`{"type":"ask"}`))
		synctest.Wait()
		ada.lose()
		w.sessions.Reply(asked, []byte(`{"reply":1}`))
		w.resume(ada, overWS).want(ada.event(`{"reply":1}`))
	})
}

// TestLoginWhileClosing: a login that comes while the session is ending waits, and
// then opens a new one.
func TestLoginWhileClosing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		closing := make(chan struct{})
		w.hub.close = func(rooms.AccountID) { <-closing }
		w.start()
		ada := w.login("ada", overWS)
		ada.send(sessionNullFrame)
		ada.want(sessionNullFrame)
		time.Sleep(time.Second)
		again := w.connect(overWS).toAccount("ada")
		again.send(loginEventFrame("ada"))
		time.Sleep(5 * time.Second)
		w.wantCalls("open acc-ada")
		close(closing)
		again.entered("ada")
		w.wantCalls("close acc-ada", "open acc-ada")
		if again.id == ada.id {
			t.Error("the id of a session that has ended is used again")
		}
	})
}

// TestLoginsAtOnce: two logins of one account open it once, and both wait until it
// is ready.
func TestLoginsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		opened := make(chan struct{})
		w.hub.open = func(ctx context.Context, _ rooms.AccountID) error { return wait(ctx, opened) }
		w.start()
		one, two := w.connect(overWS).toAccount("ada"), w.connect(overTCP).toAccount("ada")
		one.send(loginEventFrame("ada"))
		two.send(loginEventFrame("ada"))
		w.wantCalls("open acc-ada")
		close(opened)
		one.entered("ada")
		two.entered("ada")
		if one.id != two.id {
			t.Error("two sessions of one account")
		}
	})
}

// TestResumeWhileOpening: a session that is not open yet cannot be resumed, even by
// somebody who guessed its id.
func TestResumeWhileOpening(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		opened := make(chan struct{})
		w.hub.open = func(ctx context.Context, _ rooms.AccountID) error { return wait(ctx, opened) }
		w.start()
		ada := w.connect(overWS).toAccount("ada")
		ada.send(loginEventFrame("ada"))
		synctest.Wait()
		w.refused(&client{id: w.sessions.of("acc-ada").id}, overWS)
		close(opened)
		ada.entered("ada")
	})
}

// TestDismiss: the session of a disabled account ends at once, on all connections.
func TestDismiss(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		one, two := w.login("ada", overWS), w.login("ada", overTCP)
		w.deliver(`{"n":1}`, "acc-ada")
		w.sessions.Dismiss("acc-ada")
		for _, c := range []*client{one, two} {
			c.want(c.event(`{"n":1}`), sessionNullFrame)
			c.wantEnd(closeNormal)
		}
		w.wantCalls("open acc-ada", "close acc-ada")
		w.refused(one, overWS)
		w.sessions.Dismiss("acc-ada")
		w.sessions.Dismiss("acc-nobody")
		w.wantCalls()
	})
}

// TestDismissWhileLost: a session that waits for its client ends as well.
func TestDismissWhileLost(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada := w.login("ada", overWS)
		ada.lose()
		w.sessions.Dismiss("acc-ada")
		w.wantCalls("open acc-ada", "close acc-ada")
		w.refused(ada, overWS)
		time.Sleep(time.Hour)
		w.wantCalls()
	})
}

// TestDismissWhileOpening: the account is closed as soon as it is open, and the login
// that waits for it hears what the next attempt says.
func TestDismissWhileOpening(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		frame string
		code  closeCode
	}{
		"disabled": {&rooms.Refusal{Code: "ERR_ACCOUNT_DISABLED"}, "ERR_ACCOUNT_DISABLED", closePolicy},
		"ill":      {errors.New("database away"), "ERR_TRY_LATER", closeTryLater},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				opened := make(chan struct{})
				first := true
				w.hub.open = func(ctx context.Context, _ rooms.AccountID) error {
					if !first {
						return c.err
					}
					first = false
					return wait(ctx, opened)
				}
				w.start()
				ada := w.connect(overWS).toAccount("ada")
				ada.send(loginEventFrame("ada"))
				synctest.Wait()
				w.sessions.Dismiss("acc-ada")
				close(opened)
				if text := ada.next(); !strings.Contains(text, c.frame) {
					t.Errorf("got %s", text)
				}
				if c.code == closePolicy {
					ada.want(refusedFrame)
				}
				ada.wantEnd(c.code)
				w.wantCalls("open acc-ada", "close acc-ada", "open acc-ada")
			})
		})
	}
}

// TestStaleTick: a timer that fires late, after the client came back and was lost
// again, does not spoil the times of the second loss.
func TestStaleTick(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada := w.login("ada", overWS)
		ada.lose()
		time.Sleep(5 * time.Second)
		s := w.sessions.of("acc-ada")
		s.tick()
		w.wantCalls("open acc-ada")
		time.Sleep(5 * time.Second)
		w.wantCalls("hide acc-ada")
	})
}

// TestRate: an account that sends too much is slowed down, not cut off, and its
// silence while it waits is not held against it.
func TestRate(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.session.Rate, w.session.Burst = 2, 10
		w.start()
		ada := w.login("ada", over)
		ada.do(func() { ada.mute = true }) // so that only the flood is counted
		began := time.Now()
		const count = 70
		for n := range count {
			ada.send(ada.event(fmt.Sprintf(`{"n":%d}`, n)))
		}
		for time.Since(began) < 29*time.Second {
			time.Sleep(time.Second)
		}
		if n := len(w.hub.heard()); n < 10+56 || n > 10+60 {
			t.Errorf("%d messages handled after 29 s", n)
		}
		time.Sleep(2 * time.Second)
		ada.do(func() { ada.mute = false })
		ada.send(`{"type":"ping"}`)
		ada.want(`{"type":"pong","data":null}`)
		if w.value("presence_rate_waits_total") == 0 {
			t.Error("no wait counted")
		}
	})
}

// TestDeliverDuringLossAndResume: whatever happens at the same time, the client gets
// each event at most once and in order; and if one is missing, its state anew.
func TestDeliverDuringLossAndResume(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada := w.login("ada", overWS)
		acknowledged()
		w.hub.taken()
		next := 0
		for round := range 50 {
			var sending sync.WaitGroup
			first := next
			sending.Go(func() {
				for ; next < first+20; next++ {
					w.deliver(fmt.Sprint(`{"n":`, next, `}`), "acc-ada")
				}
			})
			ada.lose()
			sending.Wait()
			synctest.Wait()
			got := numbers(t, ada)
			ada = w.resume(ada, overWS)
			synctest.Wait()
			got = append(got, numbers(t, ada)...)
			for i, n := range got {
				if n < first || i > 0 && n <= got[i-1] {
					t.Fatalf("round %d: the client got %v", round, got)
				}
			}
			resynced := len(w.hub.taken()) > 0
			if len(got) != 20 && !resynced {
				t.Fatalf("round %d: of %d to %d the client got %v, and nobody told it", round, first, next-1, got)
			}
			acknowledged()
		}
	})
}

// TestEventBeforeDetaching: what comes after the reader has ended and before the
// session knows is kept, too.
func TestEventBeforeDetaching(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada := w.login("ada", overWS)
		acknowledged()
		c := w.conns()[0]
		how := c.settle(errors.New("lost"))
		w.deliver(`{"n":1}`, "acc-ada")
		synctest.Wait()
		w.sessions.of("acc-ada").detach(c, how)
		w.resume(ada, overWS).want(ada.event(`{"n":1}`))
		w.wantCalls("open acc-ada")
	})
}

// numbers takes the numbers of the events that have come.
func numbers(t *testing.T, c *client) (got []int) {
	t.Helper()
	c.do(func() {
		for _, f := range c.frames {
			var n int
			if _, err := fmt.Sscanf(strings.TrimPrefix(f, strings.TrimSuffix(c.event(""), "}}")), `{"n":%d}`, &n); err != nil {
				t.Errorf("%s: %v", f, err)
			}
			got = append(got, n)
		}
		c.frames = nil
	})
	return got
}

func TestSessionOptions(t *testing.T) {
	good := SessionOptions{Grace: 1, GraceBuffer: 1, Rate: 1, Burst: 1, Metrics: NewMetrics()}
	for name, spoil := range map[string]func(*SessionOptions){
		"Metrics": func(o *SessionOptions) { o.Metrics = nil },
		"Grace":   func(o *SessionOptions) { o.Grace = 0 },
		"Buffer":  func(o *SessionOptions) { o.GraceBuffer = 0 },
		"Rate":    func(o *SessionOptions) { o.Rate = 0 },
		"Burst":   func(o *SessionOptions) { o.Burst = -1 },
	} {
		o := good
		spoil(&o)
		if _, err := NewSessions(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := NewSessions(good); err != nil {
		t.Error(err)
	}
}
