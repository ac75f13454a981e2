package transport

import (
	"net/netip"
	"sync/atomic"
)

// peerFilter decides to which addresses the TURN server relays. A relay sends from
// this machine, so without a filter every client could reach what listens on its
// loopback and in the networks behind it.
type peerFilter struct {
	allow     []netip.Prefix // of the administrator; these win
	announced []netip.Addr   // where our relays are
	own       atomic.Pointer[map[netip.Addr]struct{}]
}

// prefixes parses what this file lists.
func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// Addresses that are nobody's on the internet, from IANA's registries of special
// addresses, and those under which clouds offer secrets to their machines.
var (
	deniedIPv4 = prefixes(
		"0.0.0.0/8",                                     // this network
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", // private
		"100.64.0.0/10",                                     // behind the address translation of a provider
		"127.0.0.0/8",                                       // loopback
		"169.254.0.0/16",                                    // link-local, metadata of clouds
		"168.63.129.16/32",                                  // metadata of a cloud, at an address that looks public
		"192.0.0.0/24",                                      // protocol assignments, metadata of a cloud
		"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", // documentation
		"192.88.99.0/24", // relays from 6to4
		"198.18.0.0/15",  // benchmarks
		"224.0.0.0/4",    // multicast
		"240.0.0.0/4",    // reserved, broadcast
	)
	// usableIPv6 is the part of IPv6 that is used on the internet, with the common
	// prefix for IPv4 behind a translator; all else is denied.
	usableIPv6 = prefixes("2000::/3", "64:ff9b::/96")
	deniedIPv6 = prefixes(
		"2001:2::/48",                  // benchmarks
		"2001:10::/28", "2001:20::/28", // hashes, not places
		"2001:db8::/32", "3fff::/20", // documentation
	)
)

// Prefixes of IPv6 addresses that stand for an IPv4 address (RFC 6052, 3056, 4380).
// IPv4-mapped ones never come here: plainAddr takes them apart.
var (
	nat64Prefix  = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour    = netip.MustParsePrefix("2002::/16")
	teredoPrefix = netip.MustParsePrefix("2001::/32")
)

// newPeerFilter makes a filter for relays at the announced addresses. It reads the
// addresses of this machine.
func newPeerFilter(allow []netip.Prefix, announced []netip.Addr) (*peerFilter, error) {
	f := &peerFilter{allow: allow, announced: announced}
	return f, f.readOwn()
}

// readOwn reads the addresses of all interfaces. If it fails the former ones stay.
func (f *peerFilter) readOwn() error {
	own, err := interfaceAddrs()
	if err != nil {
		return err
	}
	f.own.Store(&own)
	return nil
}

// permits says whether a client may have a permission for an address. For the
// announced ones it may, so that two clients of this server reach each other's
// relays; the relay looks at the port of each packet.
func (f *peerFilter) permits(addr netip.Addr) bool {
	addr = plainAddr(addr)
	switch {
	case !addr.IsValid():
		return false
	case within(addr, f.allow), f.isAnnounced(addr):
		return true
	case f.isOwn(addr):
		return false
	case addr.Is4():
		return isPublic(addr)
	}
	return isPublic(addr) && f.permitsEmbedded(addr)
}

// permitsEmbedded says whether every IPv4 address that stands in an IPv6 address may
// be reached. Ours may not, in such a spelling: the port would be looked at by nobody.
func (f *peerFilter) permitsEmbedded(addr netip.Addr) bool {
	for _, v4 := range embeddedIPv4(addr) {
		if f.isAnnounced(v4) || !f.permits(v4) {
			return false
		}
	}
	return true
}

// embeddedIPv4 returns the IPv4 addresses to which packets for an IPv6 address may
// be sent on: behind NAT64, 6to4, Teredo (its server and its client), ISATAP.
func embeddedIPv4(addr netip.Addr) []netip.Addr {
	b := addr.As16()
	var found []netip.Addr
	switch {
	case nat64Prefix.Contains(addr):
		found = append(found, netip.AddrFrom4([4]byte(b[12:16])))
	case sixToFour.Contains(addr):
		found = append(found, netip.AddrFrom4([4]byte(b[2:6])))
	case teredoPrefix.Contains(addr):
		client := [4]byte{^b[12], ^b[13], ^b[14], ^b[15]}
		found = append(found, netip.AddrFrom4([4]byte(b[4:8])), netip.AddrFrom4(client))
	}
	// ISATAP (RFC 5214): the universal bit of the identifier may be set or not.
	if b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe {
		found = append(found, netip.AddrFrom4([4]byte(b[12:16])))
	}
	return found
}

// isPublic says whether an address is one of the internet, whoever has it.
func isPublic(addr netip.Addr) bool {
	if addr.Is4() {
		return !within(addr, deniedIPv4)
	}
	return within(addr, usableIPv6) && !within(addr, deniedIPv6)
}

func (f *peerFilter) isAnnounced(addr netip.Addr) bool {
	for _, a := range f.announced {
		if a == addr {
			return true
		}
	}
	return false
}

func (f *peerFilter) isOwn(addr netip.Addr) bool {
	_, own := (*f.own.Load())[addr]
	return own
}
