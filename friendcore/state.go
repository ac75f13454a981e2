package friendcore

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// State is where a Link stands.
type State int32

// The states of a Link.
const (
	Waiting        State = iota // for the next try
	Dialing                     // opening the connection
	Authenticating              // the service key is being checked
	Loading                     // users and groups are read for the first time on this connection
	Ready                       // users and groups are known and kept up to date
	Refused                     // FriendCore refused key or name; waiting for minutes
	Crashing                    // authenticate crashes FriendCore; waiting for minutes
	Stopped                     // Run has ended
)

// String is the state's name in logs, metrics and /readyz.
func (s State) String() string {
	names := [...]string{"waiting", "dialing", "authenticating", "loading", "ready", "refused", "crashing", "stopped"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Stats counts what a Link has seen since it was made.
type Stats struct {
	Connections int64 // registered service connections
	Syncs       int64 // complete loads of users and groups
	SyncErrors  int64 // loads that failed
	Events      int64 // events about users and groups
	Repaired    int64 // frames with names that had to be mended
	Damaged     int64 // frames that could not be read
	Requests    int64 // requests of apps

	Relations        int64 // relations that the Directory has taken over
	RelationsDropped int64 // relations given up: of unknown users, or too many

	// Requests for notifications; a notification for many users takes several.
	NotificationsSent    int64 // that FriendCore has accepted
	NotificationsFailed  int64 // tries that failed
	NotificationsDropped int64 // given up: failed too often, too old, too many
}

type status struct {
	state                                                                    atomic.Int32
	connections, syncs, syncErrors, events, repaired, damaged, requestsCount atomic.Int64
	relations, relationsDropped, notifySent, notifyFailed, notifyDropped     atomic.Int64
}

func (s *status) set(state State) { s.state.Store(int32(state)) }

// State is where the Link stands now.
func (l *Link) State() State { return State(l.status.state.Load()) }

// Stats is what the Link has seen so far.
func (l *Link) Stats() Stats {
	s := &l.status
	return Stats{
		Connections: s.connections.Load(), Syncs: s.syncs.Load(), SyncErrors: s.syncErrors.Load(),
		Events: s.events.Load(), Repaired: s.repaired.Load(), Damaged: s.damaged.Load(),
		Requests:  s.requestsCount.Load(),
		Relations: s.relations.Load(), RelationsDropped: s.relationsDropped.Load(),
		NotificationsSent: s.notifySent.Load(), NotificationsFailed: s.notifyFailed.Load(), NotificationsDropped: s.notifyDropped.Load(),
	}
}

// How a connection can end, beside network errors.
var (
	errRefused = errors.New("FriendCore refused the service key")
	// errSilentClose: closed right after authenticate, without any frame.
	errSilentClose = errors.New("FriendCore closed the connection right after authenticate")
)

// registeredError marks the end of a connection that had been accepted.
type registeredError struct{ error }

func (e registeredError) Unwrap() error { return e.error }

const (
	crashesAreADefect = 3  // silent closes in a row
	warnEvery         = 10 // failed tries; those between are logged at debug level
)

// retry decides when to connect again. The zero value is a fresh start.
type retry struct {
	failures     int // in a row
	silentCloses int // in a row
}

// plan is what to do after a connection ended.
type plan struct {
	state State
	wait  time.Duration
	loud  bool // worth an operator's attention
}

func (r *retry) plan(err error, t Timings) plan {
	if errors.As(err, new(registeredError)) {
		*r = retry{}
	}
	r.failures++
	if errors.Is(err, errSilentClose) {
		r.silentCloses++
	} else if !isDialError(err) {
		// A FriendCore that crashed is away for a while: that says nothing new.
		r.silentCloses = 0
	}
	switch {
	case errors.Is(err, errRefused):
		return plan{Refused, jitter(t.Refused), true}
	case r.silentCloses >= crashesAreADefect:
		return plan{Crashing, jitter(t.Crashed), true}
	}
	wait := t.RetryMin << min(r.failures-1, 16)
	return plan{Waiting, jitter(min(wait, t.RetryMax)), r.failures%warnEvery == 1}
}

// jitter spreads a delay by a fifth, so that services do not come back all at once.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + rand.N(d*2/5+1)
}

// dialError is a connection that could not be opened.
type dialError struct{ error }

func (e dialError) Unwrap() error { return e.error }

func isDialError(err error) bool { return errors.As(err, new(dialError)) }

// explain logs the end of a connection with its cure.
func (l *Link) explain(p plan, err error) {
	wait := p.wait.Round(time.Second)
	switch {
	case p.state == Refused:
		l.log.Error("FriendCore refuses our service key or service name; compare service_key and service_name of section"+
			" [friendcore] in presence.ini with section [ServiceKeys] of FriendCore's cfg/cfg.ini (FriendCore reads it at its start;"+
			" a section spelled [SerivceKeys] does not count)",
			"service_name", l.options.ServiceName, "url", l.url, "err", err, "next_try", wait)
	case p.state == Crashing:
		l.log.Error("FriendCore closes the connection whenever a service authenticates: this is the crash of FriendCore 1.3.0 from"+
			" September 2023 on, whose notification manager is switched off; use an older FriendCore, switch the manager on again"+
			" (core/system/systembase.c), or leave service_key empty to run without the service connection",
			"url", l.url, "next_try", wait)
	case p.loud:
		l.log.Warn("no service connection to FriendCore", "url", l.url, "err", err, "next_try", wait)
	default:
		l.log.Debug("no service connection to FriendCore", "url", l.url, "err", err, "next_try", wait)
	}
}
