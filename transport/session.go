package transport

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"presence/rooms"
)

// Times of docs/protocol.md 2.6 that no installation needs to change.
const (
	// leaveDelay lies between an announced end of the last connection and its
	// effect: a page that is reloaded is back within it.
	leaveDelay = 250 * time.Millisecond
	// lossDelay is the same after an unannounced loss; guestLossDelay for guests, whose
	// place others see free.
	lossDelay      = 10 * time.Second
	guestLossDelay = 5 * time.Second
)

// session is the open life of one account, from its first connection until some
// time after its last:
//
//	last connection        others no longer see it   session ends
//	session:null           when the session ends     after 250 ms, no resume meanwhile
//	announced end          after 250 ms              after the grace time
//	unannounced loss       after 10 s (guests: 5 s)  after the grace time
//
// Hub is called so that is becomes want.
type session struct {
	account rooms.AccountID
	all     *Sessions
	id      string // a secret; never logged
	key     sessionKey
	prefix  []byte
	rate    *rate.Limiter

	ready chan struct{} // closed when Hub.Open has returned
	gone  chan struct{} // closed when the session is out of the tables

	mu        sync.Mutex // guards the fields below
	conns     []*conn
	openErr   error // set before ready is closed
	want, is  life
	resync    bool // Hub.Resync is due
	running   bool // the runner runs
	resumable bool // once open

	// While there is no connection:
	timer    *time.Timer
	hideAt   time.Time
	endAt    time.Time
	kept     [][]byte // events for the one that resumes
	keptSize int
	overflow bool // it became too much to keep
	missed   bool // events may not have arrived; the client needs its state anew

	resumedBy rooms.ConnID // the connection of which Hub has not heard yet; 0: none
}

// life is how far the account is open.
type life int

const (
	lifeNone life = iota // not open yet
	lifeVisible
	lifeHidden
	lifeClosed
)

func newSession(all *Sessions, account rooms.AccountID, id string) *session {
	return &session{
		account: account, all: all, id: id, key: keyOf(id),
		prefix: envelopePrefix(account),
		rate:   rate.NewLimiter(rate.Limit(all.opt.Rate), all.opt.Burst),
		ready:  make(chan struct{}), gone: make(chan struct{}),
		want: lifeVisible,
	}
}

// allow holds the connection's reader back while the account sends too much. It
// is false if the connection ended meanwhile.
func (s *session) allow(c *conn) bool {
	if s.rate.Allow() {
		return true
	}
	s.all.metrics.rateWaits.Inc()
	var err error
	c.wait(func() { err = s.rate.Wait(c.ctx) })
	return err == nil
}

// attach makes c a connection of the session and sends it first; false if the
// session is ending. Events kept for a resumed connection follow, while a full
// login starts anew with initialize (docs/protocol.md 2.6).
func (s *session) attach(c *conn, resumed bool, first ...[]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.want == lifeClosed || resumed && !s.resumable || !c.setSession(s) {
		return false
	}
	for _, f := range first {
		c.send(f)
	}
	if resumed {
		for _, e := range s.kept {
			c.enqueue(item{itemEvent, e})
		}
		// Beside other connections nobody knows what the client's last one missed.
		s.resync = s.resync || s.missed || len(s.conns) > 0
		s.resumedBy = c.id
	}
	s.conns = append(s.conns, c)
	s.stopClockLocked()
	s.resumable = true
	s.want = lifeVisible
	s.runLocked()
	return true
}

// setSession ends the login stages of a connection; false if it is ending.
func (c *conn) setSession(s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending || c.over || c.dead {
		return false
	}
	c.prefix = s.prefix
	c.deadline = time.Time{}
	c.maxBytes = c.srv.limits.QueueBytes
	c.session.Store(s)
	c.stage.Store(int32(stageAttached))
	return true
}

// detach takes c out of the session, which keeps what c has not sent. All of this
// happens under the lock, so that no event falls between the two.
func (s *session) detach(c *conn, how ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.conns, c)
	if i < 0 {
		return
	}
	s.conns = slices.Delete(s.conns, i, i+1)
	if len(s.conns) > 0 || s.want == lifeClosed {
		return
	}
	s.startClockLocked(how)
	rest, missed := c.stopSending()
	s.missed = missed
	for _, e := range rest {
		s.keepLocked(e)
	}
}

// startClockLocked sets the times of the table above.
func (s *session) startClockLocked(how ending) {
	now, grace := time.Now(), s.all.opt.Grace
	switch how {
	case endLeft:
		s.resumable = false
		s.hideAt, s.endAt = now.Add(leaveDelay), now.Add(leaveDelay)
	case endAnnounced:
		s.hideAt, s.endAt = now.Add(min(leaveDelay, grace)), now.Add(grace)
	default:
		delay := lossDelay
		if isGuest(s.account) {
			delay = guestLossDelay
		}
		s.hideAt, s.endAt = now.Add(min(delay, grace)), now.Add(grace)
	}
	s.setTimerLocked(s.hideAt.Sub(now))
}

func (s *session) setTimerLocked(after time.Duration) {
	if s.timer == nil {
		s.timer = time.AfterFunc(after, s.tick)
		return
	}
	s.timer.Reset(after)
}

// stopClockLocked ends what began with the last connection's end.
func (s *session) stopClockLocked() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.hideAt, s.endAt = time.Time{}, time.Time{}
	s.kept, s.keptSize, s.overflow, s.missed = nil, 0, false, false
}

// tick does what is due while there is no connection.
func (s *session) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endAt.IsZero() || len(s.conns) > 0 {
		return
	}
	now := time.Now()
	if !now.Before(s.endAt) {
		s.endLocked()
		return
	}
	if now.Before(s.hideAt) { // this tick was meant for an earlier loss
		s.setTimerLocked(s.hideAt.Sub(now))
		return
	}
	s.want = lifeHidden
	s.runLocked()
	s.setTimerLocked(s.endAt.Sub(now))
}

// endLocked ends the session; its connections are the caller's business.
func (s *session) endLocked() {
	s.want = lifeClosed
	s.resumable, s.resync = false, false
	s.stopClockLocked()
	s.runLocked()
}

// deliver queues an event on all connections, or keeps it for the next one.
func (s *session) deliver(event []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.enqueue(item{itemEvent, event})
	}
	s.keepLocked(event)
}

// maxKept is how many events are kept at most: the queue of the connection that
// resumes must be able to take them.
const maxKept = maxItems / 2

// keepLocked keeps an event for the connection that resumes, if there is none now.
// When that becomes too much, all are given up: the client gets its state anew.
func (s *session) keepLocked(event []byte) {
	if len(s.conns) > 0 || s.want == lifeClosed || s.endAt.IsZero() || s.overflow {
		return
	}
	s.keptSize += len(event) + itemCost
	if s.keptSize > s.all.opt.GraceBuffer || len(s.kept) >= maxKept {
		s.kept, s.overflow, s.missed = nil, true, true
		return
	}
	s.kept = append(s.kept, event)
}

// reply queues an event on one connection. If the session has none any more, its
// client gets the answer when it resumes.
func (s *session) reply(to rooms.ConnID, event []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if c.id == to {
			c.enqueue(item{itemEvent, event})
		}
	}
	s.keepLocked(event)
}

// dismiss ends the session and says goodbye to its connections.
func (s *session) dismiss(code closeCode, last string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if last != "" {
			c.send([]byte(last))
		}
		c.finish(code, endDismissed)
	}
	s.conns = nil
	if s.want != lifeClosed {
		s.endLocked()
	}
}

// runLocked starts the runner if there is something to do.
func (s *session) runLocked() {
	if s.running || s.is == s.want && !s.resync && s.resumedBy == 0 {
		return
	}
	s.running = true
	s.all.tasks.Add(1)
	go s.run()
}

// run calls Hub until the account is as it should be. It is the only caller, so
// that Open, Show, Hide and Close of an account follow each other.
func (s *session) run() {
	defer s.all.tasks.Done()
	for {
		s.mu.Lock()
		want, is := s.want, s.is
		by := s.resumedBy
		s.resumedBy = 0
		resync := s.resync && is == want
		if resync {
			s.resync = false
		}
		if is == want && !resync && by == 0 {
			s.running = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		if by != 0 {
			s.all.hub.Resumed(s.account, by)
		}
		switch {
		case resync:
			s.all.hub.Resync(s.account)
		case is != want:
			s.step(is, want)
		}
	}
}

// step brings the account one step nearer to what is wanted.
func (s *session) step(is, want life) {
	hub := s.all.hub
	switch {
	case is == lifeNone:
		s.open()
		return
	case want == lifeVisible:
		hub.Show(s.account)
	case want == lifeHidden:
		hub.Hide(s.account)
	case want == lifeClosed:
		s.all.inHub(func() { hub.Close(s.account) })
		s.reached(lifeClosed)
		s.all.forget(s)
		close(s.gone)
		return
	}
	s.reached(want)
}

func (s *session) reached(l life) {
	s.mu.Lock()
	s.is = l
	s.mu.Unlock()
}

// openTimeout bounds Hub.Open. It is not bounded by the login that caused it,
// because others may wait for the same session.
const openTimeout = 20 * time.Second

// open opens the account. Afterwards, whoever waited attaches; if nobody does,
// the session ends.
func (s *session) open() {
	var err error
	s.all.inHub(func() {
		ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
		defer cancel()
		err = s.all.hub.Open(ctx, s.account)
	})
	if err != nil {
		s.all.forget(s)
		s.mu.Lock()
		s.openErr = err
		s.want, s.is, s.resumable = lifeClosed, lifeClosed, false
		s.mu.Unlock()
		close(s.ready)
		close(s.gone)
		return
	}
	s.mu.Lock()
	s.is = lifeVisible
	if s.want != lifeClosed {
		s.startClockLocked(endLeft)
		s.resumable = true
	}
	s.mu.Unlock()
	close(s.ready)
}
