package friendcore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"

	"presence/rooms"
)

// What FriendCore's apps are told when a Handler did not get to answer
// (docs/protocol.md 12.3). FriendCore itself hides it from them and shows null.
const (
	codeNoListener = "ERR_NO_LISTENER"
	codeInvalid    = "ERR_INVALID_REQUEST"
	codeBusy       = "ERR_BUSY"
	codeTimeout    = "ERR_TIMEOUT"
	codeInternal   = "ERR_INTERNAL"
)

// ErrNoListener is what a Handler returns for a path that it does not know.
var ErrNoListener error = &rooms.Refusal{Code: codeNoListener}

// maxPath is how many parts a path may have, "service" included.
const maxPath = 5

// appRequest has a request answered; read must not wait for that.
func (s *session) appRequest(ctx context.Context, r appRequest) {
	l := s.link
	l.status.requestsCount.Add(1)
	if r.damaged {
		l.status.damaged.Add(1)
		l.log.Debug("a request of an app is damaged", "has_id", r.id != "")
	}
	select {
	case s.answering <- struct{}{}:
	default:
		l.log.Warn("too many requests of apps at once, one is refused", "limit", maxAnswering)
		s.refuseNow(r, codeBusy)
		return
	}
	s.handlers.Go(func() {
		defer func() { <-s.answering }()
		s.answer(ctx, r)
	})
}

// refuseNow answers without waiting: with a full queue there is no answer.
func (s *session) refuseNow(r appRequest, code string) {
	if r.id == "" {
		return
	}
	s.trySend(answerFrame(answer{r.id, nil, code}))
}

// answer has a request handled and sends one answer, at the latest when the time
// for it is over.
func (s *session) answer(ctx context.Context, r appRequest) {
	limited, cancel := context.WithTimeout(ctx, s.link.times.Answer)
	defer cancel()
	var once sync.Once
	send := func(response json.RawMessage, code any) {
		once.Do(func() {
			if r.id != "" {
				s.send(ctx, answerFrame(answer{r.id, response, code})) // fails only when the connection is lost
			}
		})
	}
	expired := make(chan struct{})
	stop := context.AfterFunc(limited, func() {
		defer close(expired)
		send(nil, codeTimeout)
	})
	response, code := s.handle(limited, r)
	if !stop() {
		<-expired
	}
	if code == "" {
		send(response, nil)
	} else {
		send(nil, code)
	}
}

// handle calls the Handler; code is empty if there is a response.
func (s *session) handle(ctx context.Context, r appRequest) (response json.RawMessage, code string) {
	l := s.link
	defer func() {
		if p := recover(); p != nil {
			l.log.Error("a request of an app ended in a panic", "path", logPath(r.path), "panic", p, "stack", string(debug.Stack()))
			response, code = nil, codeInternal
		}
	}()
	switch {
	case r.damaged:
		return nil, codeInvalid
	case l.options.Handler == nil || len(r.path) < 2 || len(r.path) > maxPath || r.path[0] != "service":
		return nil, codeNoListener
	}
	value, err := l.options.Handler.ServiceRequest(ctx, r.origin, r.path[1:], r.data)
	if err == nil {
		response, err = marshal(value)
	}
	if err == nil {
		return response, ""
	}
	var refusal *rooms.Refusal
	if errors.As(err, &refusal) && refusal.Code != "" {
		l.log.Debug("a request of an app was refused", "path", logPath(r.path), "code", refusal.Code)
		return nil, refusal.Code
	}
	l.log.Error("a request of an app failed", "path", logPath(r.path), "err", fmt.Errorf("handle the request: %w", err))
	return nil, codeInternal
}

// logPath is a path, chosen by the app's user, as it may stand in a log.
func logPath(path []string) string { return printable(strings.Join(path, "/")) }
