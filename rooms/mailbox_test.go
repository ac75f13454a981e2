package rooms

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// collector is the owner of a mailbox: it keeps what it handled and can be held up.
type collector struct {
	wg   sync.WaitGroup
	box  mailbox[int]
	gate chan struct{} // a token lets one batch through; nil: all go

	mu      sync.Mutex
	batches [][]int
}

func newCollector(limit int, gated bool) *collector {
	c := &collector{}
	if gated {
		c.gate = make(chan struct{})
	}
	c.box = mailbox[int]{limit: limit, wg: &c.wg, handle: c.handle}
	return c
}

func (c *collector) handle(batch []int) {
	c.mu.Lock()
	c.batches = append(c.batches, slices.Clone(batch))
	c.mu.Unlock()
	if c.gate != nil {
		<-c.gate
	}
}

func (c *collector) got() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Concat(c.batches...)
}

func TestMailboxKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(8, false)
		var want []int
		for n := range 1000 {
			if n%3 == 0 {
				c.box.force(n)
			} else if err := c.box.post(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			want = append(want, n)
		}
		c.wg.Wait()
		if !slices.Equal(c.got(), want) {
			t.Errorf("handled were %v", c.got())
		}
	})
}

// TestMailboxHandlesWhatWaitsTogether, and needs no goroutine in between.
func TestMailboxHandlesWhatWaitsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(8, true)
		c.box.force(0)
		synctest.Wait()
		for n := 1; n < 6; n++ {
			c.box.force(n)
		}
		c.gate <- struct{}{}
		c.gate <- struct{}{}
		c.wg.Wait() // ends only when the goroutine has
		if len(c.batches) != 2 || len(c.batches[1]) != 5 {
			t.Errorf("the batches are %v", c.batches)
		}
		c.box.force(6) // starts a new one
		c.gate <- struct{}{}
		c.wg.Wait()
		if got := c.got(); len(got) != 7 {
			t.Errorf("handled were %v", got)
		}
	})
}

func TestFullMailboxHoldsBackItsClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(3, true)
		c.box.force(0)
		synctest.Wait()
		for n := 1; n <= 3; n++ {
			if err := c.box.post(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.box.post(ctx, 99); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v, want the deadline's", err)
		}
		if !c.box.force(4) {
			t.Error("an owner was refused for lack of space")
		}
		done := make(chan error, 2)
		for range 2 {
			go func() { done <- c.box.post(t.Context(), 5) }()
		}
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("a full mailbox took a client's event")
		}
		c.gate <- struct{}{} // the queue is taken: there is space again
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		close(c.gate)
		c.wg.Wait()
		if got := c.got(); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5, 5}) {
			t.Errorf("handled were %v", got)
		}
	})
}

func TestClosedMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(2, true)
		c.box.force(0)
		synctest.Wait()
		c.box.force(1)
		c.box.force(2)
		waiting := make(chan error, 1)
		go func() { waiting <- c.box.post(t.Context(), 3) }()
		synctest.Wait()
		if rest := c.box.close(); !slices.Equal(rest, []int{1, 2}) {
			t.Errorf("what waited was %v, want 1 and 2", rest)
		}
		if err := <-waiting; !errors.Is(err, errClosed) {
			t.Errorf("who waited for space got %v, want errClosed", err)
		}
		if err := c.box.post(t.Context(), 4); !errors.Is(err, errClosed) {
			t.Errorf("the error is %v, want errClosed", err)
		}
		if c.box.force(5) {
			t.Error("a closed mailbox took an event")
		}
		if rest := c.box.close(); rest != nil {
			t.Errorf("closing again gives %v", rest)
		}
		close(c.gate)
		c.wg.Wait()
		if got := c.got(); !slices.Equal(got, []int{0}) {
			t.Errorf("handled were %v", got)
		}
	})
}

// TestMailboxFromManySides is for the race detector: each sender's events keep
// their order, and none is lost.
func TestMailboxFromManySides(t *testing.T) {
	const senders, each = 8, 500
	c := newCollector(4, false)
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for n := range each {
				if n%5 == 0 {
					c.box.force(s*each + n)
				} else if err := c.box.post(t.Context(), s*each+n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sending.Wait()
	c.wg.Wait()
	got := c.got()
	if len(got) != senders*each {
		t.Fatalf("%d events were handled, want %d", len(got), senders*each)
	}
	next := make([]int, senders)
	for _, e := range got {
		s, n := e/each, e%each
		if n != next[s] {
			t.Fatalf("sender %d: event %d came, want %d", s, n, next[s])
		}
		next[s]++
	}
}

// TestMailboxLetsGoOfLargeBatches: memory of a burst is not kept, nor are events.
func TestMailboxLetsGoOfLargeBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(8, true)
		c.box.force(0)
		synctest.Wait()
		for n := range 5000 {
			c.box.force(n)
		}
		close(c.gate)
		c.wg.Wait()
		if n := max(cap(c.box.spare), cap(c.box.queue)); n > 1024 {
			t.Errorf("%d places are kept", n)
		}
	})
}
