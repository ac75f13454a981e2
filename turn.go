package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"presence/cfg"
	"presence/rooms"
	"presence/transport"
)

// relays is the built-in STUN and TURN server with its listeners.
type relays struct {
	server    *transport.TURN
	listeners transport.TURNListeners
}

// newRelays opens the built-in server; nil: it is off, or another program has its port,
// which is told.
func (s *service) newRelays() (*relays, error) {
	t := s.config.TURN
	if !t.Enabled {
		return nil, nil
	}
	host, port, err := net.SplitHostPort(t.Listen)
	if err != nil {
		return nil, fmt.Errorf("read [turn] listen: %w", err)
	}
	o := transport.TURNOptions{
		Realm: cmp.Or(t.Realm, s.config.Server.Domain), Secret: t.Secret.Reveal(), TTL: t.TTL, PublicIP: t.PublicIP,
		FirstRelay: t.RelayPorts.First, LastRelay: t.RelayPorts.Last, AllowPeers: t.AllowPeers,
		MaxAllocations: t.MaxAllocations, MaxAllocationsPerUser: t.MaxAllocationsPerUser, Idle: t.Idle, Log: s.log,
	}
	if o.Port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("read [turn] listen: %w", err)
	}
	if host != "" {
		if o.Listen, err = netip.ParseAddr(host); err != nil {
			return nil, fmt.Errorf("read [turn] listen: %w", err)
		}
	}
	if o.Secret == "" {
		if o.Secret, err = transport.TURNSecret(s.config.Server.DataDir); err != nil {
			return nil, err
		}
	}
	return s.openRelays(o, host)
}

func (s *service) openRelays(o transport.TURNOptions, host string) (*relays, error) {
	var r relays
	var err error
	if cert := s.cert.Load(); cert != nil && s.config.TURN.TLSPort != 0 {
		o.TLSPort = s.config.TURN.TLSPort
		r.listeners, err = transport.ListenTURN(s.config.TURN.Listen, net.JoinHostPort(host, strconv.Itoa(o.TLSPort)), cert.TLS())
	} else {
		r.listeners, err = transport.ListenTURN(s.config.TURN.Listen, "", nil)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && s.config.TURN.HideAddresses:
		return nil, fmt.Errorf("%w; [turn] hide_addresses needs the built-in server: choose other ports by listen and tls_port", err)
	case errors.Is(err, syscall.EADDRINUSE):
		s.log.Warn("the built-in TURN server is off: another program has its port; name that one in [ice \"NAME\"], or choose other ports by [turn] listen and tls_port", "err", err)
		return nil, nil
	case err != nil:
		return nil, err
	}
	if r.server, err = transport.NewTURN(o); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return &r, nil
}

// close closes the listeners of a server that does not run.
func (r *relays) close() error {
	var errs []error
	if r.listeners.UDP != nil {
		errs = append(errs, r.listeners.UDP.Close())
	}
	for _, l := range []net.Listener{r.listeners.TCP, r.listeners.TLS} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// run serves until ctx ends; without a server it does nothing.
func (r *relays) run(ctx context.Context) error {
	if r == nil {
		return nil
	}
	return r.server.Run(ctx, r.listeners)
}

// iceServers is what calls are offered: the built-in server, if there is one, with
// credentials made for the account, and those of the configuration. Without any it is
// this machine by the usual port: clients need one. They look at the first address of
// each only, which must not be one of turns: (docs/protocol.md 16.2).
type iceServers struct {
	built *transport.TURN // nil: none
	urls  []string        // of built
	named []rooms.ICEServer
}

func newICE(c *cfg.Config, r *relays) *iceServers {
	s := &iceServers{}
	for _, i := range c.ICE {
		urls := slices.Clone(i.URLs)
		slices.SortStableFunc(urls, func(a, b string) int { return cmp.Compare(iceRank(a), iceRank(b)) })
		s.named = append(s.named, rooms.ICEServer{URLs: urls, Username: i.Username, Credential: i.Credential.Reveal()})
	}
	switch {
	case r != nil:
		s.built, s.urls = r.server, r.server.URLs(c.Server.Domain)
	case len(s.named) == 0:
		s.named = []rooms.ICEServer{{URLs: []string{"stun:" + net.JoinHostPort(c.Server.Domain, "3478")}}}
	}
	return s
}

func iceRank(url string) int {
	if strings.HasPrefix(url, "stun:") || strings.HasPrefix(url, "turn:") {
		return 0
	}
	return 1
}

// ICE implements rooms.Relays.
func (s *iceServers) ICE(account rooms.AccountID, session string, hide bool) []rooms.ICEServer {
	if s.built == nil {
		return s.named
	}
	username, password := s.built.Credentials(string(account), session, time.Now())
	own := rooms.ICEServer{URLs: s.urls, Username: username, Credential: password}
	if hide {
		own.URLs = slices.DeleteFunc(slices.Clone(s.urls), func(u string) bool { return strings.HasPrefix(u, "stun:") })
		return []rooms.ICEServer{own}
	}
	return append([]rooms.ICEServer{own}, s.named...)
}

// Left refuses from now on the credentials of somebody who is out of a call.
func (s *iceServers) Left(account rooms.AccountID, session string) {
	if s.built != nil {
		s.built.Revoke(string(account), session)
	}
}

// CanHide implements rooms.Relays.
func (s *iceServers) CanHide() bool { return s.built != nil }

// IsRelay implements rooms.Relays.
func (s *iceServers) IsRelay(at netip.AddrPort) bool { return s.built != nil && s.built.IsRelay(at) }
