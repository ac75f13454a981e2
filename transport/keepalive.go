package transport

import (
	"strconv"
	"time"
)

// startClock starts the one timer of the connection, which sends pings
// (docs/protocol.md 1.6) and enforces the time limits (1.7).
func (c *conn) startClock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.deadline = now.Add(c.srv.times.LoginTimeout)
	c.nextPing = now.Add(c.srv.times.Ping)
	c.timer = time.AfterFunc(c.untilNextLocked(now), c.tick)
}

// untilNextLocked is the time to the next thing to do.
func (c *conn) untilNextLocked(now time.Time) time.Duration {
	next := c.nextPing.Sub(now)
	if !c.deadline.IsZero() {
		next = min(next, c.deadline.Sub(now))
	}
	if dead := c.srv.times.DeadAfter - c.wire.raw().silence(); dead > 0 {
		next = min(next, dead)
	}
	return next
}

// tick does what is due.
func (c *conn) tick() {
	c.mu.Lock()
	if c.dead {
		c.mu.Unlock()
		return
	}
	now := time.Now()
	late := !c.deadline.IsZero() && !now.Before(c.deadline)
	silent := !c.waiting.Load() && c.wire.raw().silence() >= c.srv.times.DeadAfter
	ping := !now.Before(c.nextPing)
	if ping {
		c.nextPing = now.Add(c.srv.times.Ping)
	}
	ending := c.ending
	if late {
		c.deadline = time.Time{}
	}
	c.timer.Reset(c.untilNextLocked(now))
	c.mu.Unlock()
	c.act(late, silent, ping && !ending, ending)
}

func (c *conn) act(late, silent, ping, ending bool) {
	switch {
	case silent || late && ending:
		c.log().Debug("connection given up", "silent", silent)
		c.abort()
	case late:
		if c.finish(closePolicy, endLost) {
			c.srv.metrics.login(loginTimeout)
		}
	case ping:
		c.send(pingFrame(now()))
	}
}

// now is the time in milliseconds since 1970, as the protocol has it.
func now() int64 { return time.Now().UnixMilli() }

func pingFrame(ms int64) []byte {
	b := append(make([]byte, 0, 40), `{"type":"ping","data":`...)
	return append(strconv.AppendInt(b, ms, 10), '}')
}
