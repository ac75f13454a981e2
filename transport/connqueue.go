package transport

import "time"

// send queues a complete outer frame.
func (c *conn) send(frame []byte) { c.enqueue(item{itemFrame, frame}) }

// enqueue queues an item and never waits. If the queue is full, the connection is
// ended as slow (docs/protocol.md 1.8): nothing is dropped from its middle.
func (c *conn) enqueue(i item) {
	c.mu.Lock()
	if i.kind == itemEvent {
		c.events++
	}
	full := c.items > 0 && (c.items >= maxItems || c.bytes+i.size() > c.maxBytes)
	last := c.ending || c.over // nothing follows what is queued
	start, slow := false, full && !c.dead && !last
	switch {
	case slow:
		c.dropQueueLocked()
		start = c.finishLocked(closeSlow, endLost)
		fallthrough
	case c.dead, full:
		c.missed = true
	case last:
		c.countLocked(i)
		c.late = append(c.late, i)
	default:
		c.countLocked(i)
		if c.queue == nil {
			c.queue = c.srv.takeBatch()
		}
		c.queue.items = append(c.queue.items, i)
		start = c.startWriterLocked()
	}
	c.mu.Unlock()
	if start {
		go c.write()
	}
	if slow {
		c.tooSlow()
	}
}

func (c *conn) countLocked(i item) {
	c.items++
	c.bytes += i.size()
}

// startWriterLocked says whether the caller must start the writer.
func (c *conn) startWriterLocked() bool {
	if c.writing || c.dead {
		return false
	}
	c.writing = true
	c.tasks.Add(1)
	return true
}

// tooSlow ends a write that is stuck; one that is not is followed by the goodbye.
func (c *conn) tooSlow() {
	c.srv.metrics.slowCloses.Inc()
	_ = c.wire.raw().SetWriteDeadline(time.Now().Add(lingerTime))
}

func (c *conn) dropQueueLocked() {
	if c.queue != nil {
		for _, i := range c.queue.items {
			c.items--
			c.bytes -= i.size()
		}
		c.srv.putBatch(c.queue)
		c.queue = nil
	}
}

// finish sends what is queued, says goodbye and ends the connection. Only the
// first reason counts; false: it was ending already.
func (c *conn) finish(code closeCode, how ending) bool {
	c.mu.Lock()
	first := !c.dead && !c.ending
	start := first && c.finishLocked(code, how)
	c.mu.Unlock()
	if start {
		go c.write()
	}
	return first
}

// finishLocked says whether the caller must start the writer.
func (c *conn) finishLocked(code closeCode, how ending) bool {
	c.stage.Store(int32(stageEnding))
	c.ending, c.code = true, code
	if c.how == endUnknown {
		c.how = how
	}
	now := time.Now()
	c.deadline = now.Add(writeTimeout + lingerTime)
	if c.timer != nil {
		c.timer.Reset(c.untilNextLocked(now))
	}
	return c.startWriterLocked()
}

// abort closes the socket at once; the reader then ends.
func (c *conn) abort() {
	c.mu.Lock()
	c.dead = true
	c.stage.Store(int32(stageEnding))
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	c.cancel()
	_ = c.wire.raw().Close()
}

// stopSending takes out the events that have not been sent, in order, for the
// session; missed says that some before or between them may not have arrived.
func (c *conn) stopSending() (rest [][]byte, missed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue != nil {
		rest = appendEvents(rest, c.queue.items)
		c.dropQueueLocked()
	}
	rest = appendEvents(rest, c.late)
	c.late = nil
	return rest, c.missed || c.arrived+uint64(len(rest)) < c.events
}

func appendEvents(events [][]byte, items []item) [][]byte {
	for _, i := range items {
		if i.kind == itemEvent {
			events = append(events, i.data)
		}
	}
	return events
}

// writeLoop sends everything that is queued, as long as there is something, and
// the goodbye at last.
func (c *conn) writeLoop() {
	defer c.tasks.Done()
	for {
		b, prefix, goodbye := c.nextBatch()
		switch {
		case b != nil:
			if !c.writeBatch(b, prefix) {
				return
			}
		case goodbye:
			if c.wire.end(c.code) != nil {
				c.abort() // the peer is gone already, or does not take even this
			}
			return
		default:
			return
		}
	}
}

// nextBatch takes the whole queue. If there is none, the writer must end, after
// saying goodbye if that is due.
func (c *conn) nextBatch() (b *batch, prefix []byte, goodbye bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.dead:
	case c.queue != nil:
		b, c.queue = c.queue, nil
		return b, c.prefix, false
	case c.ending:
		return nil, nil, true // writing stays set: nothing follows a goodbye
	}
	c.writing = false
	return nil, nil, false
}

// writeBatch sends a batch; false if the connection is broken.
func (c *conn) writeBatch(b *batch, prefix []byte) bool {
	size := 0
	for _, i := range b.items {
		size += i.size()
	}
	n, err := c.wire.write(b.items, prefix)
	c.srv.metrics.bytesOut.Add(float64(n))
	c.srv.metrics.messagesOut.Add(float64(len(b.items)))

	c.mu.Lock()
	c.items -= len(b.items)
	c.bytes -= size
	if err != nil {
		c.missed = true
	}
	c.mu.Unlock()
	c.srv.putBatch(b)
	if err == nil {
		return true
	}
	c.log().Debug("write failed", "err", err)
	c.abort()
	return false
}
