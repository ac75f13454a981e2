package live

import (
	"encoding/json"
	"strconv"
	"time"
)

// Times of the signs of life (docs/protocol.md 16.3).
const (
	pingEvery = 5 * time.Second
	silence   = 33 * time.Second // after the first ping without any sign of life
)

// alive notes a sign of life: any live event is one, however late a pong is.
func (p *peer) alive(now time.Time) { p.sign, p.unanswered = now, time.Time{} }

// answers says whether a pong is to a ping that this browser was sent, and not to one
// from before it took the place of another one.
func (p *peer) answers(pong json.RawMessage) bool {
	var data string
	if json.Unmarshal(pong, &data) != nil {
		return false
	}
	sent, err := strconv.ParseInt(data, 10, 64)
	return err == nil && sent > p.since.UnixMilli()
}

// Away notes that the connection of a peer is lost: its place is kept for a while, and
// nobody is told.
func (s *Session) Away(now time.Time, id string) {
	if p := s.find(id); p != nil && p.away.IsZero() {
		p.away, p.conn = now, 0
	}
}

// Back notes that it has a connection again.
func (s *Session) Back(now time.Time, id string) {
	if p := s.find(id); p != nil {
		p.back(now)
	}
}

// Resumed notes that a browser of the account lost its connection and took up its
// session by another one.
func (s *Session) Resumed(now time.Time, id string, conn uint64) {
	if p := s.find(id); p != nil {
		s.mend(p, conn)
		p.conn = 0 // whether it is the browser in the call is not known
		p.back(now)
	}
}

func (p *peer) back(now time.Time) {
	p.away = time.Time{}
	p.alive(now)
	p.nextPing = now.Add(pingEvery)
}

// mend notes the pairs that broke when a peer's connection was lost, which another one
// took the place of: perhaps it is in another network now. Of two whose connections were
// lost, the one who comes back last is asked. Who joined afterwards begins anew anyway.
func (s *Session) mend(p *peer, conn uint64) {
	if p.mended == conn {
		return
	}
	lost := p.away
	if lost.IsZero() {
		lost = p.sign // it was lost after that
	}
	p.mended, p.broken = conn, nil
	for _, o := range s.peers {
		if o != p && o.restarts && o.away.IsZero() && !o.since.After(lost) {
			p.broken = append(p.broken, o.id)
		}
	}
}

// TakeBroken returns the peers with whom somebody who came back has to restart ICE, and
// in which browser; once.
func (s *Session) TakeBroken(id string) (liveID string, peers []string) {
	p := s.find(id)
	if p == nil || !p.restarts {
		return "", nil
	}
	peers, p.broken = p.broken, nil
	return p.liveID, peers
}

// end is when a peer is taken out unless something comes from it; zero: never.
func (p *peer) end() time.Time {
	switch {
	case !p.away.IsZero():
		return p.away.Add(p.grace)
	case !p.unanswered.IsZero():
		return p.unanswered.Add(silence)
	}
	return time.Time{}
}

// Next is when Wake has something to do; zero: nobody is in the call.
func (s *Session) Next() (next time.Time) {
	for _, p := range s.peers {
		at := p.end()
		if p.away.IsZero() && (at.IsZero() || p.nextPing.Before(at)) {
			at = p.nextPing
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// Wake pings those whose turn it is and takes out those who are gone.
func (s *Session) Wake(now time.Time, out Out) {
	for _, id := range s.Peers() {
		p := s.find(id)
		if p == nil {
			continue
		}
		if end := p.end(); !end.IsZero() && !end.After(now) {
			s.Leave(now, id, out)
			continue
		}
		if p.away.IsZero() && !p.nextPing.After(now) {
			out.ToPeer(id, Event{"ping", strconv.FormatInt(now.UnixMilli(), 10)})
			p.nextPing = now.Add(pingEvery)
			if p.unanswered.IsZero() {
				p.unanswered = now
			}
		}
	}
}
