package cfg

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
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
	return l.fillFrom(friend)
}

// addFriendCoreAround is addFriendCore for a config.js, which cannot say where
// FriendCore is: it lies in services/Presence of FriendCore's run directory. The
// former server did not look there, so that a cfg.ini which cannot be used stops
// nothing, and nor does it count for a FriendCore on another machine.
func (l *loader) addFriendCoreAround() []Note {
	dir := friendDirAround(l.file)
	if dir == "" {
		return nil
	}
	friend, err := ReadFriendINI(dir)
	if refused, ok := errors.AsType[*Error](err); ok {
		return append(refused.Problems, problemAt(FriendINIPath(dir), 0, "is not used: it only fills in what %s leaves open", l.file))
	}
	f := &l.config.FriendCore
	host := l.config.origins[keyName{"friendcore", "host"}]
	if host.file != "" && !l.isThisMachine(f.Host, friend) {
		return []Note{problemAt(l.file, host.line, "server.friendcore.host is another machine, as far as %s and server.domain tell; what that file says is not used", friend.Path)}
	}
	port := l.config.origins[keyName{"friendcore", "port"}]
	if port.file != "" && f.Port != friend.Port {
		// There is a proxy, and the former server spoke TLS with whatever it was.
		l.config.origins[keyName{"friendcore", "use_tls"}] = port
	}
	l.config.origins[keyName{"friendcore", "dir"}] = origin{file: friend.Path}
	f.Dir = dir
	return append(l.fillFrom(friend), l.keyNote(friend)...)
}

// friendDirAround is FriendCore's run directory if a file lies in services/Presence
// of it; empty if not.
func friendDirAround(file string) string {
	abs, err := filepath.Abs(file)
	services := filepath.Dir(filepath.Dir(abs))
	dir := filepath.Dir(services)
	if err != nil || filepath.Base(services) != "services" || missing(FriendINIPath(dir)) {
		return ""
	}
	return dir
}

// isThisMachine tells whether FriendCore's host can be the one with that cfg.ini.
func (l *loader) isThisMachine(host string, friend *FriendINI) bool {
	return IsLoopback(host) || strings.EqualFold(host, l.config.Server.Domain) || strings.EqualFold(host, friend.FCHost)
}

// keyNote says that there is a service connection although config.js names no key.
func (l *loader) keyNote(friend *FriendINI) []Note {
	if l.config.origins[keyName{"friendcore", "service_key"}].file != friend.Path {
		return nil
	}
	return []Note{problemAt(l.file, 0, "server.friendcore.serviceKey is not set: the key in [ServiceKeys] of %s counts; "+
		"write serviceKey : '' to do without the service connection", friend.Path)}
}

// fillFrom fills the keys that are still open.
func (l *loader) fillFrom(friend *FriendINI) []Note {
	f := &l.config.FriendCore
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
	notes := append(slices.Clone(friend.Notes), l.addFriendICE(friend)...)
	return append(notes, l.serviceNotes(friend)...)
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
