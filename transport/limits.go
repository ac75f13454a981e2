package transport

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits bound what peers may cost. Every field is needed, but for the lists and
// where zero is explained.
type Limits struct {
	SizeBeforeLogin int // largest message of a client, bytes
	SizeAfterLogin  int
	QueueBytes      int // that wait for one connection before it counts as slow

	UnauthenticatedPerAddress int // connections that have not logged in
	FailuresPerAddress        int // refused logins in a minute before the address must wait
	ConnectionsPerAddress     int // zero: no limit

	Trusted        []netip.Prefix // the limits per address do not count for these
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
}

func (l Limits) check() error {
	switch {
	case l.SizeBeforeLogin <= 0, l.SizeAfterLogin < l.SizeBeforeLogin:
		return errors.New("transport: SizeBeforeLogin must be positive and SizeAfterLogin no less")
	case l.QueueBytes <= 0:
		return errors.New("transport: QueueBytes must be positive")
	case l.UnauthenticatedPerAddress <= 0, l.FailuresPerAddress <= 0, l.ConnectionsPerAddress < 0:
		return errors.New("transport: UnauthenticatedPerAddress and FailuresPerAddress must be positive, ConnectionsPerAddress not negative")
	}
	return nil
}

// failureWindow is how long a refused login counts.
const failureWindow = time.Minute

// turnstile counts connections and refused logins per address.
type turnstile struct {
	limits Limits

	mu        sync.Mutex // guards the fields below
	addresses map[netip.Addr]*addressUse
	swept     time.Time
}

// addressUse is what one address takes. An IPv6 address stands for its /64: that
// is what one customer gets.
type addressUse struct {
	all      int
	early    int         // not logged in
	failures []time.Time // at most FailuresPerAddress, oldest first
}

func newTurnstile(l Limits) *turnstile {
	return &turnstile{limits: l, addresses: map[netip.Addr]*addressUse{}}
}

// ticket is the place of one connection. A ticket of a trusted address counts
// nothing.
type ticket struct {
	gate *turnstile
	addr netip.Addr // whom the connection is counted for

	mu    sync.Mutex  // guards the fields below
	use   *addressUse // nil: not counted (any more)
	early bool
	over  bool // the connection is closed
}

var (
	errTooMany         = errors.New("too many connections")
	errTooManyFailures = errors.New("too many refused logins")
)

// admit counts a new connection, or says why it must not be.
func (t *turnstile) admit(addr netip.Addr) (*ticket, error) {
	k := &ticket{gate: t, addr: plainAddr(addr)}
	return k, k.enter()
}

// exempt says whether the limits do not count for the address.
func (l Limits) exempt(addr netip.Addr) bool {
	return within(addr, l.Trusted) || within(addr, l.TrustedProxies)
}

func (k *ticket) enter() error {
	t := k.gate
	if t.limits.exempt(k.addr) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweepLocked(time.Now())
	u := t.useLocked(k.addr)
	if err := t.refusalLocked(u); err != nil {
		return err
	}
	u.all++
	u.early++
	k.use, k.early = u, true
	return nil
}

func (t *turnstile) refusalLocked(u *addressUse) error {
	switch {
	case u.failed(time.Now()) >= t.limits.FailuresPerAddress:
		return errTooManyFailures
	case u.early >= t.limits.UnauthenticatedPerAddress,
		t.limits.ConnectionsPerAddress > 0 && u.all >= t.limits.ConnectionsPerAddress:
		return errTooMany
	}
	return nil
}

func (t *turnstile) useLocked(addr netip.Addr) *addressUse {
	key := customer(addr)
	u := t.addresses[key]
	if u == nil {
		u = &addressUse{}
		t.addresses[key] = u
	}
	return u
}

// customer is the address that stands for all of one customer's.
func customer(addr netip.Addr) netip.Addr {
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}

// failed counts the failures that still matter and forgets the others.
func (u *addressUse) failed(now time.Time) int {
	u.failures = slices.DeleteFunc(u.failures, func(at time.Time) bool { return now.Sub(at) > failureWindow })
	return len(u.failures)
}

// sweepLocked forgets addresses that take nothing, once a minute.
func (t *turnstile) sweepLocked(now time.Time) {
	if now.Sub(t.swept) < failureWindow {
		return
	}
	t.swept = now
	for a, u := range t.addresses {
		if u.all == 0 && u.failed(now) == 0 {
			delete(t.addresses, a)
		}
	}
}

// move counts the connection for the address that a trusted proxy names.
func (k *ticket) move(addr netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.leaveLocked()
	k.addr = plainAddr(addr)
	if k.over {
		return nil
	}
	return k.enter()
}

// loggedIn says that the connection is not an unauthenticated one any more.
func (k *ticket) loggedIn() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.use == nil || !k.early {
		return
	}
	k.gate.mu.Lock()
	defer k.gate.mu.Unlock()
	k.use.early--
	k.early = false
}

// failed counts a refused login.
func (k *ticket) failed() {
	t := k.gate
	if t.limits.exempt(k.addr) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.useLocked(k.addr)
	if len(u.failures) >= t.limits.FailuresPerAddress {
		u.failures = u.failures[1:]
	}
	u.failures = append(u.failures, time.Now())
}

// release gives the place back. It may be called more than once.
func (k *ticket) release() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	k.leaveLocked()
}

func (k *ticket) leaveLocked() {
	if k.use == nil {
		return
	}
	k.gate.mu.Lock()
	defer k.gate.mu.Unlock()
	k.use.all--
	if k.early {
		k.use.early--
	}
	k.use = nil
}

func within(addr netip.Addr, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// maxForwarded is how many entries of X-Forwarded-For are looked at.
const maxForwarded = 20

// clientAddress is the address that a request comes from: the peer's or, behind
// trusted proxies, the last one in X-Forwarded-For that is none of theirs.
func (l Limits) clientAddress(peer netip.Addr, h http.Header) netip.Addr {
	peer = plainAddr(peer)
	if !within(peer, l.TrustedProxies) {
		return peer
	}
	hops := strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= max(0, len(hops)-maxForwarded); i-- {
		addr, ok := hop(strings.TrimSpace(hops[i]))
		if !ok {
			return peer // beyond this nobody can be believed
		}
		peer = addr
		if !within(peer, l.TrustedProxies) {
			return peer
		}
	}
	return peer
}

// hop reads an entry of X-Forwarded-For, to which some proxies add the port.
func hop(s string) (netip.Addr, bool) {
	if both, err := netip.ParseAddrPort(s); err == nil {
		return plainAddr(both.Addr()), true
	}
	addr, err := netip.ParseAddr(s)
	return plainAddr(addr), err == nil
}

// plainAddr is an address as prefixes are compared with: without a zone, and an
// IPv4 address as one.
func plainAddr(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
