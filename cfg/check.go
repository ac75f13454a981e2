package cfg

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// shortestToken is the least length of a secret that the network may try.
const shortestToken = 16

// checker looks at settings that must agree with each other.
type checker struct {
	*Config
	problems []Note
}

// check returns what is wrong with values that are well-formed one by one.
func check(c *Config) []Note {
	k := &checker{Config: c}
	k.tls()
	k.listeners()
	k.admin()
	k.database()
	k.friendCore()
	k.localUsers()
	k.sizesAndTimes()
	k.networks()
	k.live()
	k.ice()
	return k.problems
}

// bad adds a problem at the place where the key is set.
func (k *checker) bad(section, key, format string, args ...any) {
	name := keyName{section, key}
	k.badAt(k.origins[name], name, fmt.Sprintf(format, args...))
}

func (k *checker) badAt(at origin, name keyName, text string) {
	k.problems = append(k.problems, Note{at.file, at.line, name.shown(at.path) + ": " + text})
}

// needed adds the problem that a key is not set which another one needs.
func (k *checker) needed(section, key, because, value string) {
	name := keyName{section, key}
	at := k.origins[keyName{section, because}]
	if at.path != "" {
		at.path = formerPath(name)
	}
	k.badAt(at, name, fmt.Sprintf("is needed with %s = %s", because, value))
}

func (k *checker) tls() {
	switch {
	case k.TLS.KeyPath != "" && k.TLS.CertPath == "":
		k.bad("tls", "key_path", "needs cert_path beside it; set both, or none for a self-signed pair")
	case k.TLS.CertPath != "" && k.TLS.KeyPath == "":
		k.bad("tls", "cert_path", "needs key_path beside it; set both, or none for a self-signed pair")
	}
	if remote := k.remoteListeners(); k.TLS.Off && len(remote) > 0 {
		k.bad("tls", "off", "without TLS Presence listens on loopback only; set bind = 127.0.0.1 in %s", strings.Join(remote, " and "))
	}
}

// remoteListeners names the sections whose listener other machines can reach.
func (k *checker) remoteListeners() []string {
	var sections []string
	if k.TCP.Enabled && !IsLoopback(k.TCP.Bind) {
		sections = append(sections, "[tcp]")
	}
	if !IsLoopback(k.WS.Bind) {
		sections = append(sections, "[ws]")
	}
	return sections
}

// listeners refuses two listeners that would ask for the same place.
func (k *checker) listeners() {
	if k.TCP.Enabled && k.TCP.Port == k.WS.Port && overlap(k.TCP.Bind, k.WS.Bind) {
		k.bad("ws", "port", "%d is the port of [tcp] as well; choose another", k.WS.Port)
	}
	if slices.Contains(k.WS.Origins, "*") && len(k.WS.Origins) > 1 {
		k.bad("ws", "origins", "* allows all; take it out, or the others")
	}
	host, port, err := net.SplitHostPort(k.Admin.Listen)
	if err != nil {
		return // off; its form was checked when it was read
	}
	if port == itoa(k.WS.Port) && overlap(host, k.WS.Bind) {
		k.bad("admin", "listen", "%s is the port of [ws] as well; choose another", port)
	}
	if k.TCP.Enabled && port == itoa(k.TCP.Port) && overlap(host, k.TCP.Bind) {
		k.bad("admin", "listen", "%s is the port of [tcp] as well; choose another", port)
	}
}

// overlap tells whether listeners on a and b cannot have the same port.
func overlap(a, b string) bool {
	return numeric(a) == numeric(b) || allAddresses(a) || allAddresses(b)
}

func numeric(host string) string {
	if host == "localhost" {
		return "127.0.0.1"
	}
	return host
}

func allAddresses(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || err == nil && addr.IsUnspecified()
}

func (k *checker) admin() {
	if k.Admin.Token != "" && len(k.Admin.Token) < shortestToken {
		k.bad("admin", "token", "is shorter than %d characters; take a long random one", shortestToken)
	}
	host, _, err := net.SplitHostPort(k.Admin.Listen)
	if err == nil && !IsLoopback(host) && k.Admin.Token == "" {
		k.bad("admin", "listen", "other machines can reach it: set [admin] token, or listen on 127.0.0.1")
	}
}

func (k *checker) database() {
	if k.Database.Driver != "mysql" {
		return
	}
	if k.Database.User == "" {
		k.needed("database", "user", "driver", "mysql")
	}
	if k.Database.Name == "" {
		k.needed("database", "name", "driver", "mysql")
	}
}

func (k *checker) friendCore() {
	f := &k.FriendCore
	if f.Insecure && f.CAFile != "" {
		k.bad("friendcore", "insecure", "with it ca_file is never looked at; take one of them out")
	}
	if strings.ContainsFunc(f.ServiceKey.Reveal(), func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' }) {
		// FriendCore compares the bytes of the JSON token (docs/protocol.md 12.2).
		k.bad("friendcore", "service_key", `has a blank, " or \ in it, which FriendCore cannot match; choose letters, digits, _ and -`)
	}
}

func (k *checker) localUsers() {
	u := &k.LocalUsers
	owner := map[Secret]string{}
	for _, user := range u.Users {
		if other, taken := owner[user.AuthID]; taken {
			k.bad(usersSection, user.Login, "has the same authid as %s; each user needs one of its own", other)
		}
		owner[user.AuthID] = user.Login
	}
	if remote := k.remoteListeners(); len(u.Users) > 0 && !u.AllowRemote && len(remote) > 0 {
		k.bad(usersSection, u.Users[0].Login, "local users log in without FriendCore, and other machines can reach %s: "+
			"set bind = 127.0.0.1 there, or allow_remote = true here", strings.Join(remote, " and "))
	}
}

func (k *checker) sizesAndTimes() {
	if k.Session.DeadAfter <= k.Session.Ping {
		k.bad("session", "dead_after", "%s is not longer than ping = %s", showDuration(k.Session.DeadAfter), showDuration(k.Session.Ping))
	}
	if k.Limits.SizeBeforeLogin > k.Limits.SizeAfterLogin {
		k.bad("limits", "size_before_login", "%v is more than size_after_login = %v", k.Limits.SizeBeforeLogin, k.Limits.SizeAfterLogin)
	}
	if k.Messages.MaxSize >= k.Limits.SizeAfterLogin {
		k.bad("messages", "max_size", "%v must be less than [limits] size_after_login = %v", k.Messages.MaxSize, k.Limits.SizeAfterLogin)
	}
}

// networks refuses lists that would switch a protection off for everybody.
func (k *checker) networks() {
	everybody := func(p netip.Prefix) bool { return p.Bits() == 0 }
	if slices.ContainsFunc(k.Limits.Trusted, everybody) {
		k.bad("limits", "trusted", "/0 is every address there is; name the networks you trust")
	}
	if slices.ContainsFunc(k.Limits.TrustedProxies, everybody) {
		k.bad("limits", "trusted_proxies", "with /0 everybody could claim any address; name your proxies")
	}
}

func (k *checker) live() {
	if k.Live.Mode == "janus" && len(k.Janus.Servers) == 0 {
		k.bad("live", "mode", "janus needs [janus] servers")
	}
	if k.TURN.HideAddresses && !k.TURN.Enabled {
		k.bad("turn", "hide_addresses", "needs the built-in server; take out enabled = false")
	}
	if _, port, err := net.SplitHostPort(k.TURN.Listen); err == nil && k.TURN.TLSPort > 0 && port == itoa(k.TURN.TLSPort) {
		k.bad("turn", "tls_port", "is the port of listen, too; choose another one, or 0 for none")
	}
	if r := k.TURN.RelayPorts; k.TURN.Enabled && k.TURN.TLSPort >= r.First && k.TURN.TLSPort <= r.Last {
		k.bad("turn", "tls_port", "lies in relay_ports; choose one outside")
	}
	if k.TURN.Secret != "" && len(k.TURN.Secret) < shortestToken {
		k.bad("turn", "secret", "is shorter than %d characters; leave it empty to have one made", shortestToken)
	}
}

func (k *checker) ice() {
	for _, s := range k.ICE {
		title := section{kind: iceSection, name: s.Name}.title()
		if len(s.URLs) == 0 {
			at := k.origins[keyName{title, ""}]
			k.problems = append(k.problems, problemAt(at.file, at.line, "[%s] has no urls; add urls = stun:host:port", title))
		}
		turn := slices.ContainsFunc(s.URLs, func(u string) bool { return strings.HasPrefix(u, "turn") })
		if turn && (s.Username == "" || s.Credential == "") {
			k.bad(title, "urls", "a TURN server needs username and credential")
		}
	}
}
