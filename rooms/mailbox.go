package rooms

import (
	"context"
	"errors"
	"sync"
)

// errClosed is what a mailbox says to those who post after its owner's end.
var errClosed = errors.New("mailbox closed")

// mailbox hands events to one owner, one after another. Its goroutine exists
// only while there is something to handle, so that an idle room or account
// costs a few words.
//
// Client events wait for space (post); events between owners are never refused
// for lack of space (force), because an owner must not wait for another. Their
// number is bounded by what causes them: a handful per account and room.
type mailbox[E any] struct {
	limit  int             // client events that may wait
	handle func([]E)       // the owner; gets everything that waits at once
	wg     *sync.WaitGroup // who waits for the goroutine's end

	mu      sync.Mutex // guards the fields below
	queue   []E
	spare   []E
	running bool
	closed  bool
	space   chan struct{} // closed when the queue was taken; nil if nobody waits
}

// post queues a client event. It waits while the queue is full, until ctx ends.
func (m *mailbox[E]) post(ctx context.Context, e E) error {
	for {
		m.mu.Lock()
		if m.closed {
			m.mu.Unlock()
			return errClosed
		}
		if len(m.queue) < m.limit {
			m.add(e)
			m.mu.Unlock()
			return nil
		}
		if m.space == nil {
			m.space = make(chan struct{})
		}
		space := m.space
		m.mu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// errFull is what offer says when too much waits.
var errFull = errors.New("mailbox full")

// offer queues a client event that another owner hands on, who must not wait.
func (m *mailbox[E]) offer(e E) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return errClosed
	case len(m.queue) >= 2*m.limit:
		return errFull
	}
	m.add(e)
	return nil
}

// force queues an event of another owner; false if the mailbox is closed.
func (m *mailbox[E]) force(e E) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.add(e)
	return true
}

// add appends and starts the goroutine if there is none; mu is held.
func (m *mailbox[E]) add(e E) {
	m.queue = append(m.queue, e)
	if !m.running {
		m.running = true
		m.wg.Add(1)
		go m.run()
	}
}

func (m *mailbox[E]) run() {
	defer m.wg.Done()
	for {
		m.mu.Lock()
		batch := m.queue
		if len(batch) == 0 {
			m.running = false
			m.mu.Unlock()
			return
		}
		m.queue, m.spare = m.spare, nil
		if m.space != nil {
			close(m.space)
			m.space = nil
		}
		m.mu.Unlock()

		m.handle(batch)

		clear(batch)
		m.mu.Lock()
		if m.spare == nil && cap(batch) <= 1024 {
			m.spare = batch[:0]
		}
		m.mu.Unlock()
	}
}

// close refuses all later events and returns those that waited.
func (m *mailbox[E]) close() []E {
	m.mu.Lock()
	defer m.mu.Unlock()
	rest := m.queue
	m.queue = nil
	m.closed = true
	if m.space != nil {
		close(m.space)
		m.space = nil
	}
	return rest
}
