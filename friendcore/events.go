package friendcore

import "regexp"

// Events only say that something changed: what they carry is incomplete, at times
// damaged, and does not cover all that can change (docs/protocol.md 12.4). Hence
// all of them but one lead to a re-sync, which takes everything from the lists.

const relationAdd = "relation-add"

// eventHandlers are the events of FriendCore by subject and name. An event that is
// not here leads to a re-sync as well.
var eventHandlers = map[string]map[string]func(*session, event){
	"user": {
		"create":    (*session).userChanged,
		"update":    (*session).userChanged,
		relationAdd: (*session).relationAdded,
	},
	"group": {
		"create":      (*session).groupChanged,
		"update":      (*session).groupChanged,
		"delete":      (*session).groupChanged,
		"addusers":    (*session).groupChanged,
		"removeusers": (*session).groupChanged,
		"setusers":    (*session).groupChanged,
	},
}

// event acts on an event; raw is the frame as it came.
func (s *session) event(e event, raw []byte) {
	l := s.link
	l.status.events.Add(1)
	if e.damaged {
		l.status.damaged.Add(1)
	}
	if l.options.LogEvents {
		l.log.Info("event of FriendCore", "about", e.subject, "event", printable(e.name),
			"damaged", e.damaged, "frame", loggable(raw))
	}
	handle := eventHandlers[e.subject][e.name]
	if handle == nil {
		handle = (*session).groupChanged
	}
	handle(s, e)
}

// userChanged asks for the user: his full name is not in the event.
func (s *session) userChanged(e event) { s.link.sync.changed(e.userID) }

// groupChanged reads the lists again; so does whatever is unknown.
func (s *session) groupChanged(event) { s.link.sync.changed("") }

// relationAdded is the one event that is taken at its word: relations are in no
// list.
func (s *session) relationAdded(e event) {
	l := s.link
	if e.damaged {
		l.sync.changed("")
	}
	if !usableID(e.relation.source) || len(e.relation.contacts) == 0 {
		l.log.Debug("a relation of FriendCore is of no use", "damaged", e.damaged)
		return
	}
	l.sync.relations.put(e.relation)
}

// secretField is a field that must not stand in a log, whole or broken off.
var secretField = regexp.MustCompile(`(?i)("[a-z_]*(?:password|secret|token|key|authid|session)[a-z_]*"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}\s]+)`)

// loggable is the beginning of a frame as it may stand in a log.
func loggable(raw []byte) string {
	raw = secretField.ReplaceAll(raw, []byte(`${1}"***"`))
	if len(raw) > maxLoggedText {
		raw = raw[:maxLoggedText]
	}
	clean := make([]byte, len(raw))
	for n, b := range raw {
		if b < ' ' || b > '~' {
			b = '?'
		}
		clean[n] = b
	}
	return string(clean)
}
