package cfg

import (
	"slices"
	"strings"
)

// Names of the servers that FriendCore's cfg.ini lists.
const (
	friendSTUN = "cfg.ini stun"
	friendTURN = "cfg.ini turn"
)

// addFriendICE adds the STUN and TURN server that Friend Chat's installer keeps in
// [Presence] of FriendCore's cfg.ini (docs/protocol.md 12.1), unless the configuration
// lists them itself. They are a help: what cannot be used is told and left out.
func (l *loader) addFriendICE(friend *FriendINI) []Note {
	var notes []Note
	user, pass := friend.Presence["turn_user"], friend.Presence["turn_pass"]
	for _, s := range []struct{ key, scheme, name string }{
		{"stun_srv", "stun:", friendSTUN}, {"turn_srv", "turn:", friendTURN},
	} {
		url := friendICEURL(friend.Presence[s.key].Reveal(), s.scheme)
		isTURN := s.name == friendTURN
		switch {
		case url == "" || l.listsICE(url):
		case isICE(url) != nil:
			notes = append(notes, problemAt(friend.Path, 0,
				"[Presence] %s is not of the form host:port; that server is not offered to calls", s.key))
		case isTURN && (user == "" || pass == ""):
			notes = append(notes, problemAt(friend.Path, 0,
				"[Presence] turn_srv needs turn_user and turn_pass beside it; that server is not offered to calls"))
		default:
			server := ICEServer{Name: s.name, URLs: []string{url}}
			if isTURN {
				server.Username, server.Credential = user.Reveal(), pass
			}
			l.config.ICE = append(l.config.ICE, server)
			l.noteICE(server, origin{file: friend.Path})
		}
	}
	return notes
}

// friendICEURL is an address with its scheme in front; empty if there is none, or only
// what the installer offers as an example.
func friendICEURL(address, scheme string) string {
	if address == "" {
		return ""
	}
	if !strings.HasPrefix(address, scheme) && !strings.HasPrefix(address, strings.TrimSuffix(scheme, ":")+"s:") {
		address = scheme + address
	}
	if isICEPlaceholder(address) {
		return ""
	}
	return address
}

// listsICE says whether a server is listed, with whatever transport.
func (l *loader) listsICE(url string) bool {
	bare := func(u string) string {
		address, _, _ := strings.Cut(u, "?")
		return strings.ToLower(address)
	}
	return slices.ContainsFunc(l.config.ICE, func(s ICEServer) bool {
		return slices.ContainsFunc(s.URLs, func(u string) bool { return bare(u) == bare(url) })
	})
}

// noteICE notes where a server comes from.
func (l *loader) noteICE(s ICEServer, from origin) {
	title := section{kind: iceSection, name: s.Name}.title()
	l.config.origins[keyName{title, ""}] = from
	for _, k := range s.keys() {
		l.config.origins[keyName{title, k.key}] = from
	}
}
