package transport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v5"
)

// home is where relays of one address family are.
type home struct {
	announced netip.Addr // told to clients
	bind      netip.Addr // of the sockets; unspecified: all addresses
}

// local is the address under which a relay reaches another one in this process:
// over its own address or loopback, so that neither a router's help nor a hole in a
// firewall is needed.
func (h home) local() netip.Addr {
	switch {
	case !h.bind.IsUnspecified():
		return h.bind
	case h.bind.Is4():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	default:
		return netip.IPv6Loopback()
	}
}

// homes are one or two, IPv4 first.
type homes []home

func (h homes) announced() []netip.Addr {
	list := make([]netip.Addr, 0, len(h))
	for _, each := range h {
		list = append(list, each.announced)
	}
	return list
}

// of returns the home of a family; false: there is none.
func (h homes) of(ipv4 bool) (home, bool) {
	for _, each := range h {
		if each.announced.Is4() == ipv4 {
			return each, true
		}
	}
	return home{}, false
}

// findHomes chooses the addresses of relays: the public one that was set, else the
// one to listen at, else that of the network card which leads to the internet.
func findHomes(listen, public netip.Addr) (homes, error) {
	listen, public = plainAddr(listen), plainAddr(public)
	own, err := interfaceAddrs()
	if err != nil {
		return nil, err
	}
	var found homes
	for _, all := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		addr, bind := homeAddr(all, listen, public), all
		if !addr.IsValid() {
			continue
		}
		if _, mine := own[addr]; mine {
			bind = addr
		} else if specific(listen) && listen.Is4() == all.Is4() {
			bind = listen
		}
		found = append(found, home{addr, bind})
	}
	if len(found) == 0 {
		return nil, errors.New("this machine has no address for relays; set public_ip in section [turn]")
	}
	return found, nil
}

// homeAddr chooses the address of the relays of the family of all; not valid: there
// are none. IPv6 that works in the local network only is not offered.
func homeAddr(all, listen, public netip.Addr) netip.Addr {
	switch {
	case public.IsValid() && public.Is4() == all.Is4():
		return public
	case specific(listen) && listen.Is4() == all.Is4():
		return listen
	case specific(listen):
		return netip.Addr{}
	case all.Is4():
		return outwardAddr("udp4", "192.0.2.1:9")
	}
	if addr := outwardAddr("udp6", "[2001:db8::1]:9"); within(addr, usableIPv6) {
		return addr
	}
	return netip.Addr{}
}

// specific says whether an address to listen at is that of one place.
func specific(listen netip.Addr) bool { return listen.IsValid() && !listen.IsUnspecified() }

// interfaceAddrs are the addresses of this machine.
func interfaceAddrs() (map[netip.Addr]struct{}, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("read the addresses of this machine: %w", err)
	}
	own := make(map[netip.Addr]struct{}, len(addrs))
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			own[plainAddr(prefix.Addr())] = struct{}{}
		}
	}
	return own, nil
}

// outwardAddr is the address that packets to the internet have as their source; not
// valid: there is no way out. Nothing is sent.
func outwardAddr(network, target string) netip.Addr {
	c, err := net.Dial(network, target)
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	return plainAddr(c.LocalAddr().(*net.UDPAddr).AddrPort().Addr())
}

// relayKey names a relay by its port.
type relayKey struct {
	ipv4 bool
	port uint16
}

// clientKey names a client's side of an allocation.
type clientKey struct {
	tcp    bool
	client netip.AddrPort
	port   uint16 // of ours that it came to
}

// keyOfClient makes the key from the addresses that the library knows; both are
// UDP's or both TCP's.
func keyOfClient(client, ours net.Addr) clientKey {
	from, tcp := addrPortOf(client)
	to, _ := addrPortOf(ours)
	return clientKey{tcp, from, to.Port()}
}

// addrPortOf reads an address of UDP or TCP; the zero value if it is neither.
func addrPortOf(a net.Addr) (at netip.AddrPort, tcp bool) {
	switch a := a.(type) {
	case *net.UDPAddr:
		at = a.AddrPort()
	case *net.TCPAddr:
		at, tcp = a.AddrPort(), true
	}
	return netip.AddrPortFrom(plainAddr(at.Addr()), at.Port()), tcp
}

// Most that one relay may hold. Clients have a handful of each; the library looks
// through a relay's channels for each packet.
const (
	maxPermissions = 64
	maxChannels    = 64
)

// relay is the socket of an allocation. The library reads and writes it as a
// net.PacketConn; what is not allowed, it never sees. Closing it ends the allocation.
type relay struct {
	turn *TURN
	key  relayKey
	home home
	user turnUser
	sock *net.UDPConn
	// address is where peers find the relay. The library hands it on as it is, so the
	// pointer names this relay.
	address *net.UDPAddr
	from    net.UDPAddr // of the packet read last: the library looks at it before it reads again

	ready    atomic.Bool  // it has its socket
	used     atomic.Int64 // when something was relayed last, Unix seconds
	channels atomic.Int32

	closeOnce, endOnce sync.Once

	mu          sync.Mutex // guards permissions
	permissions map[netip.Addr]struct{}
}

var (
	errNoRelayOverTCP = errors.New("relays over TCP are not offered")
	errNoSuchPort     = errors.New("relays at a port of the client's choice are not offered")
	errNoFamily       = errors.New("there are no relays of this address family")
	errOverQuota      = errors.New("too many relays")
	errNoPort         = errors.New("no port is free")
)

// relays makes relays for the library.
type relays struct{ turn *TURN }

func (g relays) Validate() error { return nil }

func (g relays) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoRelayOverTCP
}

func (g relays) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) {
	return nil, errNoRelayOverTCP
}

// AllocatePacketConn opens a relay. A client's wish for an even port, for which the
// library names no user, is not granted: nobody needs it, and it costs many sockets.
func (g relays) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	u, ok := parseTURNUser(c.UserID)
	if !ok || c.RequestedPort != 0 {
		return nil, nil, errNoSuchPort
	}
	home, ok := g.turn.homes.of(strings.HasSuffix(c.Network, "4"))
	if !ok {
		return nil, nil, errNoFamily
	}
	r, err := g.turn.openRelay(u, home, c.Network)
	if err != nil {
		return nil, nil, err
	}
	return r, r.address, nil
}

// maxPortTries is how many ports that other programs use are tried for one relay.
const maxPortTries = 32

// openRelay takes a place in the quotas and a port, from a random one upwards.
func (t *TURN) openRelay(u turnUser, h home, network string) (*relay, error) {
	r := &relay{turn: t, home: h, user: u, permissions: map[netip.Addr]struct{}{}}
	r.used.Store(time.Now().Unix())
	count := t.options.LastRelay - t.options.FirstRelay + 1
	first := rand.IntN(count)
	for n, tries := 0, 0; n < count && tries < maxPortTries; n++ {
		r.key = relayKey{h.announced.Is4(), uint16(t.options.FirstRelay + (first+n)%count)}
		taken, err := t.take(r)
		if err != nil {
			return nil, err
		}
		if !taken {
			continue
		}
		tries++
		at := net.UDPAddrFromAddrPort(netip.AddrPortFrom(h.bind, r.key.port))
		if r.sock, err = net.ListenUDP(network, at); err == nil {
			return t.opened(r)
		}
		t.giveBack(r)
	}
	t.figures.overQuota.Add(1)
	return nil, errNoPort
}

// opened ends the relay at once if it was revoked, or the server stopped, while its
// socket was being opened: whoever ends relays cannot have seen the socket.
func (t *TURN) opened(r *relay) (*relay, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing || r.user.expiry <= t.revoked.cutoff(r.user) {
		_ = r.sock.Close()
		t.giveBackLocked(r)
		return nil, net.ErrClosed
	}
	t.running.Add(2) // its reader; the library's allocation
	t.figures.allocations.Add(1)
	r.address = net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.home.announced, r.key.port))
	t.opening[r.address] = r
	r.ready.Store(true)
	return r, nil
}

// take enters a relay without a socket yet; false: its port is in use.
func (t *TURN) take(r *relay) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing {
		return false, net.ErrClosed
	}
	if !t.hasRoomLocked(r.user.account) {
		t.figures.overQuota.Add(1)
		return false, errOverQuota
	}
	if t.relays[r.key] != nil {
		return false, nil
	}
	t.relays[r.key] = r
	t.accounts[r.user.account]++
	return true, nil
}

func (t *TURN) giveBack(r *relay) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.giveBackLocked(r)
}

func (t *TURN) giveBackLocked(r *relay) {
	delete(t.relays, r.key)
	if t.accounts[r.user.account]--; t.accounts[r.user.account] <= 0 {
		delete(t.accounts, r.user.account)
	}
}

// closeRelays ends those that the function chooses.
func (t *TURN) closeRelays(choose func(*relay) bool) {
	t.mu.RLock()
	var chosen []*relay
	for _, r := range t.relays {
		if r.ready.Load() && choose(r) {
			chosen = append(chosen, r)
		}
	}
	t.mu.RUnlock()
	for _, r := range chosen {
		_ = r.Close()
	}
}

// isOpen says whether a relay has the port.
func (t *TURN) isOpen(k relayKey) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r := t.relays[k]
	return r != nil && r.ready.Load()
}

// enter notes which client a relay belongs to.
func (t *TURN) enter(k clientKey, relayed net.Addr) {
	address, ok := relayed.(*net.UDPAddr)
	if !ok {
		return // never: ours are
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clients[k] = t.opening[address]
	delete(t.opening, address)
}

// leave is told once for each relay that was entered, when the library has let go
// of it.
func (t *TURN) leave(k clientKey) {
	r := t.forget(k)
	if r == nil {
		return
	}
	_ = r.Close()
	t.running.Done()
}

func (t *TURN) forget(k clientKey) *relay {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.clients[k]
	delete(t.clients, k)
	return r
}

// clientRelay returns a client's relay; nil: it has none.
func (t *TURN) clientRelay(k clientKey) *relay {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.clients[k]
}

// grant is the library's question whether a client may have a permission, also as
// part of a channel.
func (t *TURN) grant(client, ours net.Addr, peer net.IP) bool {
	r := t.clientRelay(keyOfClient(client, ours))
	addr, ok := netip.AddrFromSlice(peer)
	if !ok || r == nil || !t.peers.permits(addr) || !r.hasRoomFor(plainAddr(addr)) {
		t.figures.badPeers.Add(1)
		return false
	}
	return true
}

func (r *relay) hasRoomFor(peer netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.permissions[peer]
	return known || len(r.permissions) < maxPermissions
}

// permitted, forgotten, channelOpened and channelClosed follow what the library
// holds. The relay may be nil: it has ended.
func (r *relay) permitted(peer net.IP) {
	if addr, ok := netip.AddrFromSlice(peer); ok && r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.permissions[plainAddr(addr)] = struct{}{}
	}
}

func (r *relay) forgotten(peer net.IP) {
	if addr, ok := netip.AddrFromSlice(peer); ok && r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.permissions, plainAddr(addr))
	}
}

// channelOpened ends a relay with too many channels: the library cannot be told to
// refuse one.
func (r *relay) channelOpened() {
	if r != nil && r.channels.Add(1) > maxChannels {
		r.turn.figures.overQuota.Add(1)
		_ = r.Close()
	}
}

func (r *relay) channelClosed() {
	if r != nil {
		r.channels.Add(-1)
	}
}

// ReadFrom returns the next packet from a peer. It drops those from this machine,
// but for other relays, which appear with the address that they announce.
func (r *relay) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.sock.ReadFromUDPAddrPort(p)
		if err != nil {
			r.endOnce.Do(func() { _ = r.Close(); r.turn.running.Done() })
			return 0, nil, err
		}
		addr := plainAddr(from.Addr())
		switch {
		case r.fromRelay(addr, from.Port()):
			addr = r.home.announced
		case !r.turn.peers.permits(addr) || r.turn.peers.isAnnounced(addr) && !within(addr, r.turn.peers.allow):
			r.turn.figures.badPeers.Add(1)
			continue
		}
		r.from.IP = append(r.from.IP[:0], addr.AsSlice()...)
		r.from.Port = int(from.Port())
		r.count(n)
		return n, &r.from, nil
	}
}

// WriteTo sends a packet to a peer for which there is a permission. At this machine
// only other relays are reached; packets for other ports vanish.
func (r *relay) WriteTo(p []byte, to net.Addr) (int, error) {
	at, _ := addrPortOf(to)
	if r.turn.peers.isAnnounced(at.Addr()) {
		switch {
		case r.turn.isOpen(relayKey{at.Addr().Is4(), at.Port()}):
			at = netip.AddrPortFrom(r.home.local(), at.Port())
		case !within(at.Addr(), r.turn.peers.allow):
			r.turn.figures.badPeers.Add(1)
			return len(p), nil
		}
	}
	n, err := r.sock.WriteToUDPAddrPort(p, at)
	if err == nil {
		r.count(n)
	}
	return n, err
}

// fromRelay says whether a packet comes from another relay of this process.
func (r *relay) fromRelay(addr netip.Addr, port uint16) bool {
	return addr == r.home.local() && r.turn.isOpen(relayKey{addr.Is4(), port})
}

func (r *relay) count(n int) {
	r.used.Store(time.Now().Unix())
	r.turn.figures.packets.Add(1)
	r.turn.figures.bytes.Add(uint64(n))
}

// Close ends the relay, and thereby the allocation. It may be called more than once.
func (r *relay) Close() error {
	r.closeOnce.Do(func() {
		_ = r.sock.Close()
		r.turn.giveBack(r)
	})
	return nil
}

func (r *relay) LocalAddr() net.Addr { return r.sock.LocalAddr() }

// Deadlines are never set by the library.
func (r *relay) SetDeadline(t time.Time) error      { return r.sock.SetDeadline(t) }
func (r *relay) SetReadDeadline(t time.Time) error  { return r.sock.SetReadDeadline(t) }
func (r *relay) SetWriteDeadline(t time.Time) error { return r.sock.SetWriteDeadline(t) }
