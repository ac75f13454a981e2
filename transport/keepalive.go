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
	if !c.ending {
		c.deadline = now.Add(c.srv.times.LoginTimeout)
	}
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
		c.pinged, c.pingTime = c.events, now.UnixMilli()
	}
	said, ending := c.pingTime, c.ending
	if late {
		c.deadline = time.Time{}
	}
	c.timer.Reset(c.untilNextLocked(now))
	c.mu.Unlock()
	switch {
	case silent || late && ending:
		c.log().Debug("connection given up", "silent", silent)
		c.abort()
	case late:
		if c.finish(closePolicy, endLost) {
			c.srv.metrics.login(loginTimeout)
		}
	case ping && !ending:
		c.send(pingFrame(said))
	}
}

// pong takes the answer to a ping. As a sign of life any byte is as good.
func (c *conn) pong(f frame) dropReason {
	said, err := strconv.ParseInt(string(f.Data), 10, 64)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && said == c.pingTime {
		c.arrived = c.pinged
	}
	return ""
}

// pingFrame is a ping that says the time, in milliseconds since 1970.
func pingFrame(ms int64) []byte {
	b := append(make([]byte, 0, 40), `{"type":"ping","data":`...)
	return append(strconv.AppendInt(b, ms, 10), '}')
}
