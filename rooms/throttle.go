package rooms

import (
	"sync"
	"time"
)

// Limits of tries with invite tokens (docs/protocol.md 9).
const (
	maxTries    = 10 // failures of one address, and of one room
	triesWindow = 30 * time.Minute
	triesKept   = 1 << 14 // addresses and rooms that are remembered, each
)

// throttle counts failed tries with invite tokens, by who tries and by room. What
// it remembers is bounded: when there is no place, the oldest are forgotten.
type throttle struct {
	mu     sync.Mutex // guards the tables
	byFrom map[string]*failures
	byRoom map[RoomID]*failures
}

// failures are those of one address or room since a time.
type failures struct {
	count int
	since time.Time
}

func newThrottle() *throttle {
	return &throttle{byFrom: map[string]*failures{}, byRoom: map[RoomID]*failures{}}
}

// allowed says whether another try may be made. An empty address or room is not
// counted.
func (t *throttle) allowed(from string, room RoomID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	return !spent(t.byFrom[from], now) && !spent(t.byRoom[room], now)
}

func spent(f *failures, now time.Time) bool {
	return f != nil && f.count >= maxTries && now.Sub(f.since) < triesWindow
}

// failed counts a try that failed.
func (t *throttle) failed(from string, room RoomID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if from != "" {
		count(t.byFrom, from, now)
	}
	if room != "" {
		count(t.byRoom, room, now)
	}
}

func count[K comparable](table map[K]*failures, key K, now time.Time) {
	f := table[key]
	if f == nil || now.Sub(f.since) >= triesWindow {
		makePlace(table, now)
		f = &failures{since: now}
		table[key] = f
	}
	f.count++
}

// makePlace forgets what does not count any more and, if that is not enough, half
// of the rest: those with the fewest failures matter least, but any order will do.
func makePlace[K comparable](table map[K]*failures, now time.Time) {
	if len(table) < triesKept {
		return
	}
	for key, f := range table {
		if now.Sub(f.since) >= triesWindow {
			delete(table, key)
		}
	}
	for key, f := range table {
		if len(table) < triesKept/2 {
			return
		}
		if f.count < maxTries {
			delete(table, key)
		}
	}
	for key := range table {
		if len(table) < triesKept {
			return
		}
		delete(table, key)
	}
}
