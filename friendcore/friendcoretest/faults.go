package friendcoretest

import (
	"context"
	"net/http"
	"time"
)

// Faults are what can be wrong with a FriendCore. The zero value is a sound one.
type Faults struct {
	// CrashOnAuthenticate ends all service connections, without a frame, as soon
	// as one authenticates: FriendCore 1.3.0 from September 2023 on.
	CrashOnAuthenticate bool
	RefuseKey           bool // authenticate is refused with status 4
	RefuseServices      bool // service connections are cut off within the handshake
	SilentAuthenticate  bool // authenticate gets no answer
	SilentPings         bool // pings get no answer
	SilentRequests      bool // user list, user get and group list get no answer

	// SilentGets is how many user get requests, from now on, get no answer.
	SilentGets int

	// SilentEvents: nothing is told of changes, as of those that PHP makes.
	SilentEvents bool

	Notify NotifyFault

	HTTP HTTPFault
	// DropHTTP is how many HTTP requests, from now on, are dropped without an
	// answer before things go well again.
	DropHTTP int

	Delay time.Duration // before each answer, HTTP and websocket
}

// NotifyFault is a way in which notifications fail. The zero value is none.
type NotifyFault struct {
	Times  int           // how many, from now on; 0: all
	Error  int           // the reply has this error
	Refuse int           // an error frame with this status, 3 or 6, comes in place of the reply
	Silent bool          // no reply comes
	Bare   bool          // the reply is one without request id, of a FriendCore built without threads
	Late   time.Duration // the reply comes after this time; FriendCore does not wait meanwhile
}

// nextNotifyFault is the fault of the next notification; mu is held.
func (s *Server) nextNotifyFault() NotifyFault {
	fault := s.faults.Notify
	if fault.Times > 0 {
		if s.faults.Notify.Times--; s.faults.Notify.Times == 0 {
			s.faults.Notify = NotifyFault{}
		}
	}
	return fault
}

// HTTPFault is a way in which module calls fail.
type HTTPFault int

// The ways in which module calls fail.
const (
	HTTPWorks     HTTPFault = iota
	HTTPHangs               // no answer until the client goes
	HTTPEmpty               // status 200, empty body: PHP is broken
	HTTPNotFound            // status 404, empty body: the module is missing
	HTTPGarbage             // status 200, a body that is neither ok nor fail
	HTTPTruncated           // an answer that breaks off
	HTTPEndless             // an answer without an end
	HTTPRedirect            // status 302 to another host
)

// SetFaults switches faults on, and all others off.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// DropServices ends all service connections without a close frame.
func (s *Server) DropServices() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.services {
		s.end(c)
	}
}

// Push sends any bytes as one text frame to all registered services.
func (s *Server) Push(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit(frame)
}

// Registered is how often services have registered themselves and are still
// connected; more than one is a defect of the service.
func (s *Server) Registered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.registered)
}

// Connections is how many connections the service port has.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.services)
}

// WaitRegistered waits until there are exactly n registrations.
func (s *Server) WaitRegistered(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		now, changed := len(s.registered), s.changed
		s.mu.Unlock()
		if now == n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pause is the delay before an answer; false: the server ends.
func (s *Server) pause() bool {
	s.mu.Lock()
	delay := s.faults.Delay
	s.mu.Unlock()
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// failHTTP answers a request in the way that is switched on; false: none is.
func (s *Server) failHTTP(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	fault, drop := s.faults.HTTP, s.faults.DropHTTP > 0
	if drop {
		s.faults.DropHTTP--
	}
	s.mu.Unlock()
	if drop {
		panic(http.ErrAbortHandler)
	}
	switch fault {
	case HTTPWorks:
		return false
	case HTTPHangs:
		select {
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
	case HTTPEmpty:
		write(w, http.StatusOK, "text/plain", "")
	case HTTPNotFound:
		write(w, http.StatusNotFound, "", "")
	case HTTPGarbage:
		write(w, http.StatusOK, "text/plain", "<b>Fatal error</b>: Uncaught Error")
	case HTTPTruncated:
		w.Header().Set("Content-Length", "1000")
		write(w, http.StatusOK, "text/plain", `ok<!--separate-->{"ID":"4",`)
	case HTTPEndless:
		s.endless(w, r)
	case HTTPRedirect:
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		write(w, http.StatusFound, "", "")
	}
	return true
}

func (s *Server) endless(w http.ResponseWriter, r *http.Request) {
	block := make([]byte, 64<<10)
	for i := range block {
		block[i] = 'x'
	}
	for r.Context().Err() == nil && s.ctx.Err() == nil {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}
