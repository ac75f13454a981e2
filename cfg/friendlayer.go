package cfg

import (
	"errors"
	"fmt"
)

// addFriendCore fills those keys of [friendcore] that presence.ini leaves open
// from FriendCore's cfg.ini, if presence.ini says where that is.
func (l *loader) addFriendCore() []Note {
	f := &l.config.FriendCore
	if f.Dir == "" {
		return nil
	}
	friend, err := ReadFriendINI(f.Dir)
	if err != nil {
		l.refuse(err)
		return nil
	}
	from := origin{file: friend.Path}
	fill(l, "host", from, &f.Host, "127.0.0.1")
	fill(l, "port", from, &f.Port, friend.Port)
	fill(l, "use_tls", from, &f.UseTLS, friend.SSLEnable)
	fill(l, "ws_port", from, &f.WSPort, friend.WSNotificationPort)
	if key := friend.ServiceKey(f.ServiceName); key != "" {
		fill(l, "service_key", from, &f.ServiceKey, key)
	}
	if l.config.origins[keyName{"friendcore", "host"}] == from && isHost(friend.FCHost) == nil && !IsLoopback(friend.FCHost) {
		f.TLSName = friend.FCHost
	}
	return append(friend.Notes, l.serviceNotes(friend)...)
}

// refuse takes over what is wrong with cfg.ini, and says who pointed to it.
func (l *loader) refuse(err error) {
	refused, ok := errors.AsType[*Error](err)
	if !ok {
		refused = &Error{[]Note{{Text: err.Error()}}}
	}
	at := l.config.origins[keyName{"friendcore", "dir"}]
	for _, p := range refused.Problems {
		p.Text += fmt.Sprintf(" ([friendcore] dir in %v is to be FriendCore's run directory, with cfg/cfg.ini in it)", at)
		l.problems = append(l.problems, p)
	}
}

// fill sets a key that presence.ini has not set.
func fill[T any](l *loader, key string, from origin, field *T, value T) {
	name := keyName{"friendcore", key}
	if _, set := l.config.origins[name]; set {
		return
	}
	*field = value
	l.config.origins[name] = from
}

// serviceNotes says why there will be no service connection, or a failing one.
func (l *loader) serviceNotes(friend *FriendINI) []Note {
	f := &l.config.FriendCore
	_, set := l.config.origins[keyName{"friendcore", "service_key"}]
	var notes []Note
	if !set {
		notes = append(notes, problemAt(friend.Path, 0,
			"[ServiceKeys] has no key named %s: there will be no service connection; add %s = \"<secret>\" and restart FriendCore",
			f.ServiceName, f.ServiceName))
	}
	if friend.ServicesOff && f.ServiceKey != "" {
		notes = append(notes, problemAt(friend.Path, 0,
			"[Core] disablews or disableexternalws is 1: FriendCore does not open its port for services; take the line out and restart FriendCore"))
	}
	theirs := friend.ServiceKey(f.ServiceName)
	if set && theirs != "" && f.ServiceKey != "" && theirs != f.ServiceKey {
		notes = append(notes, problemAt(friend.Path, 0,
			"[ServiceKeys] %s differs from [friendcore] service_key in %s; FriendCore will refuse the latter", f.ServiceName, l.file))
	}
	return notes
}
