package friendcoretest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	noConnection = `{"result":-2,"error","No Connection"}` // not JSON, as the original
	timedOut     = `{"result":-1,"error","Timeout"}`
)

// Request passes a request of an app on to the registered services, as
// service/request with type 0 does, and returns what the app would get
// (docs/protocol.md 12.3). origin is the caller's UniqueID, path may begin with a
// slash, params is JSON text and is passed on as it is. With more than one
// registered service only the first answer is found, as in the original.
func (s *Server) Request(origin, path, params string) string {
	answer, others := s.ask(origin, path, params)
	if answer == nil {
		return others
	}
	all, _ := fields(answer)
	return text(at(all, 1, "response")) + others
}

// Ask is Request, but returns what the service answered: the object with requestId,
// response, and the error that an app never gets to see. ok is false if no answer
// came.
func (s *Server) Ask(origin, path, params string) (answer []byte, ok bool) {
	answer, _ = s.ask(origin, path, params)
	return answer, answer != nil
}

// ask passes a request on and waits for the first answer; others is what an app
// would get beside it.
func (s *Server) ask(origin, path, params string) (answer []byte, others string) {
	s.mu.Lock()
	asked := slices.Clone(s.registered)
	if len(asked) == 0 {
		s.mu.Unlock()
		return nil, noConnection
	}
	ids := make([]string, len(asked))
	answers := make(chan []byte, len(asked))
	for n, c := range asked {
		ids[n] = s.nextRequestID()
		s.waiting[ids[n]] = answers
		c.send(fmt.Appendf(nil, `{"originUserId":"%s","path":"service/%s","requestId":"%s","data":%s}`, origin, path, ids[n], params))
	}
	s.mu.Unlock()
	defer s.forget(ids)
	return s.await(answers, len(asked))
}

func (s *Server) await(answers chan []byte, services int) (answer []byte, others string) {
	limit := time.NewTimer(s.options.RequestTimeout)
	defer limit.Stop()
	select {
	case answer = <-answers:
		if services == 1 {
			return answer, ""
		}
	case <-limit.C:
		return nil, strings.Repeat(timedOut, services)
	case <-s.ctx.Done():
		return nil, ""
	}
	select {
	case <-limit.C:
	case <-s.ctx.Done():
	}
	return answer, strings.Repeat(timedOut, services-1)
}

// nextRequestID counts in microseconds; mu is held.
func (s *Server) nextRequestID() string {
	s.lastAsked = max(s.lastAsked+1, time.Now().UnixMicro())
	return fmt.Sprintf("EXTSER_%d_ID", s.lastAsked)
}

func (s *Server) forget(ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.waiting, id)
	}
}

// answered takes a service's answer: requestId and response are cut out by
// position, error never reaches the caller; mu is held.
func (s *Server) answered(data []byte) {
	all, _ := fields(data)
	id, response := at(all, 0, "requestId"), at(all, 1, "response")
	waiter := s.waiting[text(id)]
	if id == nil || response == nil || waiter == nil {
		return
	}
	delete(s.waiting, text(id))
	waiter <- data
}

// Event passes an event of an app on, as service/request with type 1 does.
func (s *Server) Event(origin, path, data string) { s.notify(origin, "service/"+path, data) }

// notify sends a message without a request id and returns its length.
func (s *Server) notify(origin, path, data string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	frame := fmt.Appendf(nil, `{"originUserId":"%s","path":"%s","data":%s}`, origin, path, data)
	s.emit(frame)
	return len(frame)
}
