package friendcore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errNoReply: FriendCore did not answer a request in time.
var errNoReply = errors.New("no reply in time")

// failedReply is a request that FriendCore answered with an error.
type failedReply struct{ reason string }

func (e *failedReply) Error() string { return "FriendCore answers: " + e.reason }

// pending is the table of requests that wait for their reply.
type pending struct {
	mu      sync.Mutex // guards waiting
	waiting map[string]chan reply
}

func newPending() *pending { return &pending{waiting: map[string]chan reply{}} }

// open makes an id that nobody can guess and a place for its reply.
func (p *pending) open() (id string, replies <-chan reply) {
	id = "req-" + rand.Text()
	c := make(chan reply, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[id] = c
	return id, c
}

func (p *pending) close(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, id)
}

// resolve hands a reply to who waits for it. Replies to unknown ids are those of
// other services, or came too late.
func (p *pending) resolve(r reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.waiting[r.id]; c != nil {
		delete(p.waiting, r.id)
		c <- r // has room: each id is resolved once
	}
}

// ask sends a request and waits for its result; request makes the frame for an id.
// The error is errNoReply after the time limit, which leaves the connection as it
// is, or a *failedReply.
func (s *session) ask(ctx context.Context, request func(id string) []byte) (json.RawMessage, error) {
	id, replies := s.pending.open()
	defer s.pending.close(id)
	limit := time.NewTimer(s.link.times.Request)
	defer limit.Stop()
	if err := s.send(ctx, request(id)); err != nil {
		return nil, err
	}
	select {
	case r := <-replies:
		if r.failed != "" {
			return nil, &failedReply{r.failed}
		}
		return r.result, nil
	case <-limit.C:
		return nil, fmt.Errorf("%w (%s)", errNoReply, s.link.times.Request)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
