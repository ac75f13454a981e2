package transport

import (
	"net/netip"
	"testing"
)

// testFilter is the filter of a server with the public addresses 5.9.9.9 and
// 2a01:4f8::9, more addresses of its own, and a permitted private network.
func testFilter() *peerFilter {
	addr := netip.MustParseAddr
	f := &peerFilter{
		allow:     prefixes("10.20.0.0/16", "fd11:22::/32", "5.9.9.7/32"),
		announced: []netip.Addr{addr("5.9.9.9"), addr("2a01:4f8::9")},
	}
	own := map[netip.Addr]struct{}{}
	for _, a := range []string{"127.0.0.1", "::1", "5.9.9.9", "5.9.9.8", "5.9.9.7", "2a01:4f8::9", "2a01:4f8::8"} {
		own[addr(a)] = struct{}{}
	}
	f.own.Store(&own)
	return f
}

func TestTURNPeerFilter(t *testing.T) {
	f := testFilter()
	for _, c := range []struct {
		addr string
		want bool
	}{
		// The internet.
		{"8.8.8.8", true},
		{"1.1.1.1", true},
		{"9.255.255.255", true},
		{"11.0.0.0", true},
		{"100.63.255.255", true},
		{"100.128.0.0", true},
		{"128.0.0.1", true},
		{"169.253.255.255", true},
		{"172.15.255.255", true},
		{"172.32.0.0", true},
		{"192.167.255.255", true},
		{"198.17.255.255", true},
		{"198.20.0.0", true},
		{"223.255.255.255", true},
		{"2606:4700:4700::1111", true},
		{"2a00:1450:4001:81b::200e", true},
		{"::ffff:8.8.8.8", true},
		{"::ffff:808:808", true},
		{"64:ff9b::8.8.8.8", true},
		{"64:ff9b::808:808", true},
		{"2002:808:808::1", true},
		{"2001:0:808:808:0:0:f7f7:f7f7", true}, // Teredo, both 8.8.8.8
		{"2a00:1450::5efe:808:808", true},      // ISATAP

		// Loopback in every spelling.
		{"127.0.0.1", false},
		{"127.255.255.254", false},
		{"::1", false},
		{"0:0:0:0:0:0:0:1", false},
		{"::ffff:127.0.0.1", false},
		{"::ffff:7f00:1", false},
		{"::127.0.0.1", false},
		{"::ffff:0:127.0.0.1", false},
		{"64:ff9b::7f00:1", false},
		{"64:ff9b::127.0.0.1", false},
		{"64:ff9b:1::7f00:1", false},
		{"64:ff9b:1:7f00:0:100::", false},
		{"2002:7f00:1::1", false},
		{"2001:0:7f00:1:0:0:f7f7:f7f7", false},  // Teredo server
		{"2001:0:808:808:0:0:80ff:fffe", false}, // Teredo client
		{"2a00:1450::5efe:7f00:1", false},
		{"2a00:1450::200:5efe:127.0.0.1", false},
		{"2002:808:808::5efe:7f00:1", false}, // ISATAP inside of 6to4

		// Private.
		{"10.0.0.1", false},
		{"10.255.255.255", false},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"192.168.0.1", false},
		{"::ffff:192.168.1.1", false},
		{"64:ff9b::c0a8:101", false},
		{"2002:c0a8:101::", false},
		{"fc00::1", false},
		{"fd12:3456::1", false},
		{"fec0::1", false},
		{"100.64.0.1", false},
		{"100.127.255.255", false},
		{"64:ff9b::100.64.0.1", false},

		// Link-local and metadata.
		{"169.254.0.1", false},
		{"169.254.169.254", false},
		{"::ffff:169.254.169.254", false},
		{"64:ff9b::a9fe:a9fe", false},
		{"2002:a9fe:a9fe::", false},
		{"168.63.129.16", false},
		{"100.100.100.200", false},
		{"192.0.0.192", false},
		{"fd00:ec2::254", false},
		{"fd20:ce::254", false},
		{"fe80::1", false},
		{"fe80::1%eth0", false},

		// Nobody's.
		{"0.0.0.0", false},
		{"0.1.2.3", false},
		{"::", false},
		{"::ffff:0.0.0.0", false},
		{"224.0.0.1", false},
		{"239.255.255.255", false},
		{"255.255.255.255", false},
		{"240.0.0.1", false},
		{"192.0.2.1", false},
		{"198.51.100.1", false},
		{"203.0.113.1", false},
		{"192.88.99.1", false},
		{"198.18.0.1", false},
		{"198.19.255.255", false},
		{"ff02::1", false},
		{"ff0e::1", false},
		{"2001:db8::1", false},
		{"3fff::1", false},
		{"2001:2::1", false},
		{"2001:10::1", false},
		{"2001:20::1", false},
		{"100::1", false},
		{"5f00::1", false},
		{"4000::1", false},
		{"8.8.8.8%eth0", false}, // no address at all

		// This machine's. Of the announced ones the relay looks at the ports, but
		// only in their plain spelling.
		{"5.9.9.9", true},
		{"::ffff:5.9.9.9", true},
		{"2a01:4f8::9", true},
		{"5.9.9.8", false},
		{"::ffff:5.9.9.8", false},
		{"64:ff9b::5.9.9.8", false},
		{"64:ff9b::5.9.9.9", false},
		{"2002:509:909::1", false},
		{"2001:0:808:808:0:0:faf6:f6f6", false}, // Teredo client 5.9.9.9
		{"2a00::5efe:5.9.9.9", false},
		{"2a01:4f8::8", false},

		// Allowed by the administrator.
		{"10.20.1.2", true},
		{"::ffff:10.20.1.2", true},
		{"64:ff9b::10.20.1.2", true},
		{"10.21.0.1", false},
		{"fd11:22:33::1", true},
		{"fd11:23::1", false},
		{"5.9.9.7", true},
	} {
		addr, _ := netip.ParseAddr(c.addr)
		if got := f.permits(addr); got != c.want {
			t.Errorf("permits(%s) = %v, want %v", c.addr, got, c.want)
		}
	}
}

// TestTURNOwnAddresses reads those of this machine.
func TestTURNOwnAddresses(t *testing.T) {
	f, err := newPeerFilter(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !f.isOwn(netip.MustParseAddr("127.0.0.1")) {
		t.Error("loopback is not among the addresses of this machine")
	}
}

// FuzzTURNPeerFilter: who is permitted in a spelling of IPv6 is permitted as the
// IPv4 address that stands in it.
func FuzzTURNPeerFilter(f *testing.F) {
	f.Add(make([]byte, 16))
	for _, a := range []string{"64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:127.0.0.1", "2001:0:808:808:0:0:80ff:fffe"} {
		b := netip.MustParseAddr(a).As16()
		f.Add(b[:])
	}
	filter := testFilter()
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, ok := netip.AddrFromSlice(b)
		if !ok || !filter.permits(addr) || within(plainAddr(addr), filter.allow) || filter.isAnnounced(plainAddr(addr)) {
			return
		}
		addr = plainAddr(addr)
		if addr.IsPrivate() || addr.IsLoopback() || addr.IsMulticast() || addr.IsLinkLocalUnicast() || addr.IsUnspecified() {
			t.Errorf("%s is permitted", addr)
		}
		if addr.Is6() {
			for _, v4 := range embeddedIPv4(addr) {
				if !filter.permits(v4) {
					t.Errorf("%s is permitted, %s is not", addr, v4)
				}
			}
		}
	})
}
