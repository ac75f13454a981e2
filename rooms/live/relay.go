package live

import (
	"encoding/json"
	"strings"
	"time"
)

// Limits of what peers send each other (docs/protocol.md 16.4).
const (
	relayBytes = 64 << 10 // of one event
	relayRate  = 200      // events a second, of one account
	relayBurst = 2000
	ghostEvery = time.Second
	maxGhosts  = 256
	maxPeerID  = 191 // bytes; longer ones are nobody's
	floodAfter = 60  // seconds of sending more than Rules.Rate
)

// relay passes an event on whose type is the id of somebody in the call, with the id of
// the sender in its place and everything else as it came. True: it was such an event.
func (s *Session) relay(now time.Time, from *peer, typ string, data json.RawMessage, out Out) bool {
	if to := s.find(typ); to != nil {
		if to != from {
			s.pass(from, to, data, out)
		}
		return true
	}
	if !isPeerID(typ) {
		return false
	}
	s.ghost(now, from.id, typ, out)
	return true
}

// isPeerID tells ids of accounts and guests from types of events.
func isPeerID(typ string) bool {
	return len(typ) <= maxPeerID && (strings.HasPrefix(typ, "acc-") || strings.HasPrefix(typ, "guest-"))
}

// ghost tells somebody who writes to a peer that is gone that it is; now and then.
func (s *Session) ghost(now time.Time, from, to string, out Out) {
	pair := [2]string{from, to}
	if last, told := s.ghosts[pair]; told && now.Sub(last) < ghostEvery {
		return
	}
	if s.ghosts == nil || len(s.ghosts) >= maxGhosts {
		s.ghosts = map[[2]string]time.Time{}
	}
	s.ghosts[pair] = now
	out.ToPeer(from, Event{"leave", leaveData{to}})
}

// broadcast is an event to each of the others.
func (s *Session) broadcast(from *peer, data json.RawMessage, out Out) {
	for _, p := range s.peers {
		if p != from {
			s.pass(from, p, data, out)
		}
	}
}

// pass hands an event on, if it may be.
func (s *Session) pass(from, to *peer, data json.RawMessage, out Out) {
	if !from.may(data) {
		return
	}
	if s.hides {
		var ok bool
		if data, ok = hideAddresses(data, s.Rules.IsRelay); !ok {
			return
		}
	}
	s.relayed++
	out.ToPeer(to.id, Event{from.id, raw(data)})
}

// checkFlood takes a peer out who sends more than the others can be expected to take.
func (s *Session) checkFlood(now time.Time, p *peer, out Out) {
	if rate := s.Rules.Rate; rate > 0 && p.load > rate*floodAfter {
		s.Leave(now, p.id, out)
	}
}

// fill lets the time pass in what an account may send.
func (p *peer) fill(now time.Time, rate float64) {
	passed := now.Sub(p.filled).Seconds()
	p.tokens = min(relayBurst, p.tokens+passed*relayRate)
	p.load = max(0, p.load-passed*rate)
	p.filled = now
}

// may says whether an account may send one more event, of this size, and counts it.
func (p *peer) may(data json.RawMessage) bool {
	p.load++
	if len(data) > relayBytes || p.tokens < 1 {
		return false
	}
	p.tokens--
	return true
}

// raw is data as it came; null if there is none.
func raw(data json.RawMessage) any {
	if len(data) == 0 {
		return nil
	}
	return data
}
