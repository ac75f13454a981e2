package live

import (
	"encoding/json"
	"slices"
	"time"
)

// Quality is a hint for how large pictures should be (docs/protocol.md 16.5).
type Quality struct {
	Level string  `json:"level"`
	Scale float64 `json:"scale"`
}

const normalQuality = "normal"

var qualityLevels = []string{"high", normalQuality, "medium", "low"}

func (s *Session) quality() Quality {
	q := Quality{s.level, 0.25}
	if q.Level == "" {
		q.Level = normalQuality
	}
	switch n := len(s.peers); {
	case n <= 2:
		q.Scale = 1
	case n <= 5:
		q.Scale = 0.75
	case n <= 7:
		q.Scale = 0.5
	}
	return q
}

func (s *Session) tellQuality(out Out) { s.toPeers(out, Event{"quality", s.quality()}) }

func (s *Session) setQuality(data json.RawMessage, out Out) {
	var level string
	if json.Unmarshal(data, &level) == nil && slices.Contains(qualityLevels, level) {
		s.level = level
		s.tellQuality(out)
	}
}

// Speakers are who speaks, and who did before.
type Speakers struct {
	Current any `json:"current"` // account id or null
	Last    any `json:"last"`
}

type speaking struct {
	Speakers
	held time.Time // until when nobody else can claim it
}

// speakingData is the data of speaking.
type speakingData struct {
	Time int64 `json:"time"`
	Speakers
}

// holdFor is how long a speaker is not interrupted.
const holdFor = 2 * time.Second

func (s *Session) tellSpeaking(now time.Time, out Out) {
	s.toPeers(out, Event{"speaking", speakingData{now.UnixMilli(), s.speaking.Speakers}})
}

// firstSpeaker makes the first of a call the one who spoke last.
func (s *Session) firstSpeaker(now time.Time, out Out) {
	if s.speaking.Last == nil {
		s.speaking.Last = s.peers[0].id
		s.tellSpeaking(now, out)
	}
}

// claim takes what a browser says of its user's voice. Browsers repeat a claim until
// they see themselves, so one that changes nothing is cheap.
func (s *Session) claim(now time.Time, p *peer, data json.RawMessage, out Out) {
	var in struct {
		IsSpeaking any `json:"isSpeaking"`
	}
	if string(data) == "null" || json.Unmarshal(data, &in) != nil {
		return
	}
	switch {
	case in.IsSpeaking == false:
		if s.speaking.Current != any(p.id) {
			return
		}
		s.speaking = speaking{Speakers: Speakers{nil, p.id}}
	case now.Before(s.speaking.held):
		return
	default:
		if s.speaking.Current != nil && s.speaking.Current != any(p.id) {
			s.speaking.Last = s.speaking.Current
		}
		s.speaking.Current, s.speaking.held = p.id, now.Add(holdFor)
	}
	s.tellSpeaking(now, out)
}

// speakerLeft keeps the speakers among those who are there.
func (s *Session) speakerLeft(now time.Time, id string, out Out) {
	before := s.speaking.Speakers
	if s.speaking.Current == any(id) {
		s.speaking.Current, s.speaking.held = nil, time.Time{}
	}
	if s.speaking.Last == any(id) || s.speaking.Last == nil {
		s.speaking.Last = s.peers[0].id
	}
	if s.speaking.Speakers != before {
		s.tellSpeaking(now, out)
	}
}

// Mode is how browsers arrange a call (docs/protocol.md 16.5).
type Mode struct {
	Type string    `json:"type"`
	Data ModeOwner `json:"data"`
}

// ModeOwner names who presents; null if nobody does.
type ModeOwner struct {
	Owner any `json:"owner"`
}

const (
	presentation  = "presentation"
	followSpeaker = "follow-speaker"
	followFrom    = 3 // peers
)

func (s *Session) presented() bool { return s.mode != nil && s.mode.Type == presentation }

// checkMode follows the speaker while there are enough peers and nobody presents.
func (s *Session) checkMode(out Out) {
	if s.presented() {
		return
	}
	follow := len(s.peers) >= followFrom
	switch {
	case follow && s.mode == nil:
		s.setMode(&Mode{Type: followSpeaker}, out)
	case !follow && s.mode != nil:
		s.setMode(nil, out)
	}
}

func (s *Session) setMode(m *Mode, out Out) {
	s.mode = m
	s.toPeers(out, Event{"mode", m})
}

// askMode takes the wish to present, or to end that. Without a word which it is, it is
// the other one than now.
func (s *Session) askMode(p *peer, data json.RawMessage, out Out) {
	var in struct {
		Type   string `json:"type"`
		Enable any    `json:"enable"`
	}
	if json.Unmarshal(data, &in) != nil || in.Type != presentation {
		return
	}
	mine := s.presented() && s.mode.Data.Owner == any(p.id)
	enable, said := in.Enable.(bool)
	if !said {
		enable = !mine
	}
	switch {
	case s.presented() && !mine, enable == mine:
	case enable:
		s.setMode(&Mode{presentation, ModeOwner{p.id}}, out)
	default:
		s.mode = nil
		if len(s.peers) >= followFrom {
			s.setMode(&Mode{Type: followSpeaker}, out)
		} else {
			s.setMode(nil, out)
		}
	}
}
