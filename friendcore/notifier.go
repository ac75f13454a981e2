package friendcore

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	maxWaiting      = 1000     // pushes that wait to be sent, or to be sent again
	maxWaitingBytes = 16 << 20 // of these
	maxOpenPushes   = 4        // pushes without a reply at the same time
	maxTries        = 3        // of a push
	fullQueuePause  = time.Second
)

// notifier sends pushes while there is a connection, a few at a time, and sends
// those again that failed. It outlives connections; run owns it.
type notifier struct {
	times  Timings
	status *status
	log    *slog.Logger
	wake   chan struct{} // one token: there may be something to do

	mu        sync.Mutex // guards the following fields
	session   *session   // nil: no connection
	waiting   []*push    // oldest first
	bytes     int        // of waiting
	open      []*push    // sent and without a reply, in the order they were sent
	lastOrder int64
	stopped   bool
	troubled  bool   // the last push that came to an end was given up
	complaint string // to be logged by run
}

func newNotifier(times Timings, s *status, log *slog.Logger) *notifier {
	return &notifier{times: times, status: s, log: log, wake: make(chan struct{}, 1)}
}

// run sends until ctx ends; what waits then is dropped.
func (q *notifier) run(ctx context.Context) {
	defer q.stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, complaint := q.step(time.Now())
		if complaint != "" {
			q.log.Warn("notifications for phones are given up; more of them are only counted until one is sent", "why", complaint)
		}
		timer.Reset(wait)
		select {
		case <-q.wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

func (q *notifier) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	q.status.notifyDropped.Add(int64(len(q.waiting) + len(q.open)))
	q.waiting, q.open, q.bytes = nil, nil, 0
}

func (q *notifier) wakeUp() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// add queues new pushes.
func (q *notifier) add(pushes []*push) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range pushes {
		q.lastOrder++
		p.order = q.lastOrder
		q.wait(p)
	}
	q.wakeUp()
}

// wait puts a push among those that wait and drops the oldest if these are too
// many; mu is held.
func (q *notifier) wait(p *push) {
	if q.stopped {
		q.status.notifyDropped.Add(1)
		return
	}
	at, _ := slices.BinarySearchFunc(q.waiting, p, func(a, b *push) int { return int(a.order - b.order) })
	q.waiting = slices.Insert(q.waiting, at, p)
	q.bytes += p.size()
	for len(q.waiting) > maxWaiting || q.bytes > maxWaitingBytes {
		q.unwait(0)
		q.giveUp("too many wait to be sent")
	}
}

// unwait takes a push from those that wait; mu is held.
func (q *notifier) unwait(at int) *push {
	p := q.waiting[at]
	q.waiting = slices.Delete(q.waiting, at, at+1)
	q.bytes -= p.size()
	return p
}

// giveUp is the end of a push that was not sent; mu is held.
func (q *notifier) giveUp(why string) {
	q.status.notifyDropped.Add(1)
	if !q.troubled {
		q.troubled, q.complaint = true, why
		q.wakeUp()
	}
}

// fail is the end of a try; mu is held.
func (q *notifier) fail(p *push, why string) {
	q.status.notifyFailed.Add(1)
	if p.tries >= maxTries {
		q.giveUp(why)
		return
	}
	p.due = time.Now().Add(q.times.NotifyRetry)
	q.wait(p)
}

// attach begins a connection.
func (q *notifier) attach(s *session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.session = s
	q.wakeUp()
}

// detach ends the connection. Nobody knows what became of pushes without a reply:
// they count as failed, also because one of them may be what ended FriendCore.
func (q *notifier) detach() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.session = nil
	open := q.open
	q.open = nil
	for _, p := range open {
		q.fail(p, "the connection to FriendCore was lost")
	}
	q.wakeUp()
}

// resolve takes a reply; false: it is about something else. A push whose reply is
// late is not sent again.
func (q *notifier) resolve(r reply) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	byID := func(p *push) bool { return p.id == r.id }
	if at := slices.IndexFunc(q.open, byID); at >= 0 {
		q.settle(at, r)
		return true
	}
	at := slices.IndexFunc(q.waiting, byID)
	if at < 0 {
		return false
	}
	if r.failure() == "" {
		q.unwait(at)
		q.sent()
	}
	return true
}

// resolveOldest takes an answer that names no request; false: no push waits for one.
func (q *notifier) resolveOldest(r reply) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.open) == 0 {
		return false
	}
	q.settle(0, r)
	return true
}

// settle ends an open push; mu is held.
func (q *notifier) settle(at int, r reply) {
	p := q.open[at]
	q.open = slices.Delete(q.open, at, at+1)
	if why := r.failure(); why == "" {
		q.sent()
	} else {
		q.fail(p, "FriendCore answers: "+why)
	}
	q.wakeUp()
}

// sent is the good end of a push; mu is held.
func (q *notifier) sent() {
	q.status.notifySent.Add(1)
	q.troubled = false
}

// step does what is due, and says when to come back at the latest and what is to
// be logged.
func (q *notifier) step(now time.Time) (wait time.Duration, complaint string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.open) > 0 && !now.Before(q.open[0].limit) {
		p := q.open[0]
		q.open = slices.Delete(q.open, 0, 1)
		q.fail(p, fmt.Sprintf("no reply within %s", q.times.Request))
	}
	for len(q.waiting) > 0 && now.Sub(q.waiting[0].since) >= q.times.NotifyAge {
		q.unwait(0)
		q.giveUp("they waited for too long")
	}
	wait = q.sendDue(now)
	if len(q.open) > 0 {
		wait = min(wait, q.open[0].limit.Sub(now))
	}
	if len(q.waiting) > 0 {
		wait = min(wait, q.times.NotifyAge-now.Sub(q.waiting[0].since))
	}
	complaint, q.complaint = q.complaint, ""
	return wait, complaint
}

// sendDue sends what can be sent, and says when the next push is due; mu is held.
func (q *notifier) sendDue(now time.Time) time.Duration {
	next := time.Hour
	for at := 0; q.session != nil && len(q.open) < maxOpenPushes && at < len(q.waiting); {
		p := q.waiting[at]
		if now.Before(p.due) {
			next = min(next, p.due.Sub(now))
			at++
			continue
		}
		if !q.session.trySend(p.frame()) {
			return fullQueuePause
		}
		q.unwait(at)
		p.tries++
		p.limit = now.Add(q.times.Request)
		q.open = append(q.open, p)
	}
	return next
}
