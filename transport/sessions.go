package transport

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"presence/rooms"
)

// SessionOptions are what Sessions is made of. Every field is needed.
type SessionOptions struct {
	Grace       time.Duration // how long a session can be resumed
	GraceBuffer int           // bytes of events kept for that
	Rate        int           // messages per second of one account
	Burst       int           // messages of one account at once
	Metrics     *Metrics
}

func (o SessionOptions) check() error {
	switch {
	case o.Metrics == nil:
		return errors.New("transport: SessionOptions.Metrics is needed")
	case o.Grace <= 0, o.GraceBuffer <= 0, o.Rate <= 0, o.Burst <= 0:
		return errors.New("transport: Grace, GraceBuffer, Rate and Burst must be positive")
	}
	return nil
}

// Sessions is the table of all sessions, and the rooms.Post through which the
// heart reaches them. It can be used before the Server that fills it exists.
type Sessions struct {
	opt     SessionOptions
	metrics *Metrics
	hub     Hub           // set by New, before any session exists
	busy    chan struct{} // a token per Hub.Open and Hub.Close
	tasks   sync.WaitGroup
	lastID  atomic.Uint64 // of connections

	mu        sync.RWMutex // guards the maps and closed
	byAccount map[rooms.AccountID]*session
	byKey     map[sessionKey]*session
	closed    bool
}

// sessionKey finds a session by its id. It is a hash, so that the time of a
// look-up says nothing about the id.
type sessionKey [sha256.Size]byte

func keyOf(id string) sessionKey { return sha256.Sum256([]byte(id)) }

// hubCalls is how many accounts are opened or closed at once: after a network
// failure thousands are due in the same second, each with a database call.
const hubCalls = 32

// NewSessions returns an empty table.
func NewSessions(o SessionOptions) (*Sessions, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Sessions{
		opt: o, metrics: o.Metrics, busy: make(chan struct{}, hubCalls),
		byAccount: map[rooms.AccountID]*session{}, byKey: map[sessionKey]*session{},
	}
	o.Metrics.watchSessions(s.count)
	return s, nil
}

// Deliver implements rooms.Post.
func (s *Sessions) Deliver(to []rooms.AccountID, except rooms.AccountID, event []byte) {
	for _, id := range to {
		if id == except {
			continue
		}
		if e := s.of(id); e != nil {
			e.deliver(event)
		}
	}
}

// Reply implements rooms.Post.
func (s *Sessions) Reply(to rooms.Address, event []byte) {
	if e := s.of(to.Account); e != nil {
		e.reply(to.Conn, event)
	}
}

// Dismiss implements rooms.Post.
func (s *Sessions) Dismiss(id rooms.AccountID) {
	if e := s.of(id); e != nil {
		e.dismiss(closeNormal, sessionNullFrame)
	}
}

func (s *Sessions) of(id rooms.AccountID) *session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byAccount[id]
}

func (s *Sessions) byID(id string) *session {
	key := keyOf(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byKey[key]
}

func (s *Sessions) count() (all int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.byAccount)
}

var errStopping = errors.New("the server is stopping")

// login attaches c to the account's session, opening one if there is none. A
// session that is ending is waited for, until ctx ends.
func (s *Sessions) login(ctx context.Context, c *conn, account rooms.AccountID) error {
	for {
		e, err := s.openSession(account)
		if err != nil {
			return err
		}
		if err := wait(ctx, e.ready); err != nil {
			return fmt.Errorf("open account %s: %w", account, err)
		}
		if err := e.openErr; err != nil {
			return fmt.Errorf("open account %s: %w", account, err)
		}
		if e.attach(c, false, sessionFrame(e.id), loginFrame(account)) {
			return nil
		}
		if c.at(stageEnding) {
			return context.Canceled
		}
		if err := wait(ctx, e.gone); err != nil {
			return fmt.Errorf("wait for the former session of %s: %w", account, err)
		}
	}
}

// resume attaches c to the session with the id; false if there is none.
func (s *Sessions) resume(c *conn, id string) bool {
	e := s.byID(id)
	return e != nil && e.attach(c, true, sessionFrame(id), []byte(readyFrame))
}

// openSession returns the account's session; a new one is being opened.
func (s *Sessions) openSession(account rooms.AccountID) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errStopping
	}
	if e := s.byAccount[account]; e != nil {
		return e, nil
	}
	e := newSession(s, account, newSessionID())
	s.byAccount[account] = e
	s.byKey[e.key] = e
	e.mu.Lock()
	e.runLocked()
	e.mu.Unlock()
	return e, nil
}

func newSessionID() string { return "session-" + rand.Text() }

// forget takes a session out of the tables.
func (s *Sessions) forget(e *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byAccount[e.account] == e {
		delete(s.byAccount, e.account)
	}
	delete(s.byKey, e.key)
}

// inHub bounds how many calls of one kind the heart sees at once.
func (s *Sessions) inHub(call func()) {
	s.busy <- struct{}{}
	defer func() { <-s.busy }()
	call()
}

// close ends all sessions and returns when every account is closed.
func (s *Sessions) close() {
	s.mu.Lock()
	s.closed = true
	all := make([]*session, 0, len(s.byAccount))
	for _, e := range s.byAccount {
		all = append(all, e)
	}
	s.mu.Unlock()
	for _, e := range all {
		e.dismiss(closeGoingAway, "")
	}
	s.tasks.Wait()
}

func wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
