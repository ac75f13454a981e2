package transport

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// hostileWorld is a server on loopback without a bound of requests, a client of it
// with a relay over each transport, and a stranger.
type hostileWorld struct {
	*turnWorld
	stranger, client *rawClient // over UDP
}

func newHostileWorld(t testing.TB) *hostileWorld {
	w := &hostileWorld{turnWorld: startTURN(t, loopbackPeers)}
	w.unbounded()
	w.stranger, w.client = w.raw("udp", "stranger"), w.raw("udp", "client")
	w.client.allocate()
	// What is sent to a permitted peer goes through the whole of the relay.
	w.client.ask(stun.MethodCreatePermission, true, peerAddress{IP: net.IPv4(127, 0, 0, 1), Port: 9})
	w.client.ask(stun.MethodChannelBind, true, attribute(stun.AttrChannelNumber, 0x40, 0, 0, 0),
		peerAddress{IP: net.IPv4(127, 0, 0, 1), Port: 9})
	return w
}

// with is the same world for a test within.
func (w *hostileWorld) with(t testing.TB) *hostileWorld {
	inner, stranger, client := *w.turnWorld, *w.stranger, *w.client
	inner.t, stranger.t, client.t = t, t, t
	return &hostileWorld{&inner, &stranger, &client}
}

// send sends bytes over UDP, and over TCP after an allocation or without.
func (w *hostileWorld) send(p []byte, overTCP, allocated bool) {
	from := w.stranger
	switch {
	case overTCP:
		w.sendTCP(p, allocated)
		return
	case allocated:
		from = w.client
	}
	if _, err := from.conn.WriteTo(p, from.to); err != nil {
		w.t.Fatal(err)
	}
}

func (w *hostileWorld) sendTCP(p []byte, allocated bool) {
	c, err := net.Dial("tcp", w.l.TCP.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	if allocated {
		raw := w.raw("tcp", "tcp client")
		raw.allocate()
		_ = c.Close()
		c = raw.conn.(interface{ Conn() net.Conn }).Conn()
	}
	_, _ = c.Write(p) // the server may end it in the middle
	if half, ok := c.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	for buf := make([]byte, 2000); ; {
		if _, err := c.Read(buf); err != nil {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				w.t.Error("the server does not end a connection that is over")
			}
			return
		}
	}
}

// alive asks the UDP listener, which answers in order: it has been through all that
// was sent before.
func (w *hostileWorld) alive() {
	w.stranger.ask(stun.MethodBinding, false)
}

// stunPacket makes a packet by hand, with whatever attributes.
func stunPacket(kind uint16, attributes ...[]byte) []byte {
	p := binary.BigEndian.AppendUint16(nil, kind)
	p = append(p, 0, 0)
	p = binary.BigEndian.AppendUint32(p, stunCookie)
	p = append(p, "transaction1"...)
	for _, a := range attributes {
		p = append(p, a...)
	}
	binary.BigEndian.PutUint16(p[2:4], uint16(len(p)-stunHeader))
	return p
}

// rawAttribute has a length that need not be true.
func rawAttribute(kind stun.AttrType, length int, value ...byte) []byte {
	a := binary.BigEndian.AppendUint16(nil, uint16(kind))
	a = binary.BigEndian.AppendUint16(a, uint16(length))
	return append(a, value...)
}

// The attributes that a TURN server reads.
var turnAttributes = []stun.AttrType{
	stun.AttrXORPeerAddress, stun.AttrData, stun.AttrChannelNumber, stun.AttrLifetime, stun.AttrXORRelayedAddress,
	stun.AttrRequestedAddressFamily, stun.AttrEvenPort, stun.AttrRequestedTransport, stun.AttrDontFragment,
	stun.AttrReservationToken, stun.AttrUsername, stun.AttrRealm, stun.AttrNonce, stun.AttrMessageIntegrity,
	stun.AttrFingerprint, stun.AttrConnectionID, 0x7fff, 0xffff,
}

// deadly ended the process of version 2 of the library (docs/decisions.md): a Send
// indication for a peer whose address is missing.
var deadly = stunPacket(0x0016, rawAttribute(stun.AttrData, 4, 0, 0, 0, 9), rawAttribute(stun.AttrXORPeerAddress, 0))

// packetsOf32 are packets of 32 bytes with one or two attributes, as the deadly one.
func packetsOf32() [][]byte {
	var packets [][]byte
	for _, kind := range []uint16{0x0001, 0x0011, 0x0003, 0x0004, 0x0006, 0x0016, 0x0007, 0x0017, 0x0008, 0x0009, 0x000a, 0x000b} {
		for _, attr := range turnAttributes {
			for _, length := range []int{0, 1, 4, 5, 7, 8, 9, 0xfffc, 0xffff} {
				for family := range byte(3) {
					packets = append(packets, stunPacket(kind, rawAttribute(attr, length, 0, family, 0, 9, 127, 0, 0, 1)))
				}
			}
			for _, second := range turnAttributes {
				for family := range byte(3) {
					packets = append(packets, stunPacket(kind, rawAttribute(attr, 0), rawAttribute(second, 4, 0, family, 0, 9)),
						stunPacket(kind, rawAttribute(second, 4, 0, family, 0, 9), rawAttribute(attr, 0)))
				}
			}
		}
	}
	for _, length := range []int{0, 1, 3, 4, 27, 28, 29, 0x7fff, 0xfffd, 0xffff} {
		for _, channel := range []uint16{0x4000, 0x4001, 0x7fff} {
			p := make([]byte, 32)
			binary.BigEndian.PutUint16(p, channel)
			binary.BigEndian.PutUint16(p[2:], uint16(length))
			packets = append(packets, p)
		}
	}
	return packets
}

// TestTURNMalformed sends all of these over UDP as a client with a relay.
func TestTURNMalformed(t *testing.T) {
	w := newHostileWorld(t)
	packets := append(packetsOf32(), deadly)
	for n, p := range packets {
		if len(p) != 32 {
			t.Fatalf("packet %d has %d bytes", n, len(p))
		}
		w.send(p, false, true)
		if n%32 == 0 { // not faster than the socket takes them
			w.alive()
		}
	}
	w.alive()
	if n := w.s.Allocations(); n != 1 {
		t.Errorf("%d allocations are left of 1 after %d packets", n, len(packets))
	}
}

// TestTURNFrames: lengths that do not fit 16 bits together with the header, or no
// packet. The library alone would go round for ever.
func TestTURNFrames(t *testing.T) {
	w := newHostileWorld(t)
	for _, p := range [][]byte{
		append(stunPacket(0x0001)[:2], 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
		append(stunPacket(0x0001)[:2], 0xff, 0xff, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
		{0x40, 0, 0xff, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0},
		{0x40, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0},
		{0x40, 0, 0x06, 0x40, 0, 0, 0, 0, 0, 0, 0, 0},
		{0x80, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		for _, allocated := range []bool{false, true} {
			before := w.s.Malformed()
			w.send(p, true, allocated)
			if w.s.Malformed() == before {
				t.Errorf("% x is not counted as malformed", p)
			}
		}
	}
	within10s(t, "the connections are gone", func() bool {
		w.s.mu.RLock()
		defer w.s.mu.RUnlock()
		return len(w.s.conns) == 0 && len(w.s.relays) == 1
	})
	w.alive()
}

// FuzzTURN throws bytes at both listeners, with a relay and without. The process
// stays, goes on answering, and lets nothing through that it should not.
func FuzzTURN(f *testing.F) {
	for n, p := range packetsOf32() {
		if n%97 == 0 {
			f.Add(p, n%2 == 0, n%3 == 0)
		}
	}
	f.Add(deadly, false, true)
	f.Add(deadly, true, true)
	f.Add([]byte{}, false, true)
	f.Add(append([]byte{0x40, 0, 0, 4}, "data"...), false, true)
	f.Add(append([]byte{0x40, 0, 0xff, 0xff}, "data"...), true, true)
	f.Add(stunPacket(0x0001), true, false)
	world := newHostileWorld(f)
	f.Fuzz(func(t *testing.T, p []byte, overTCP, allocated bool) {
		if len(p) > 8000 {
			return
		}
		w := world.with(t)
		w.send(p, overTCP, allocated)
		w.alive()
		if w.s.clientRelay(keyOfClient(w.client.conn.LocalAddr(), w.client.to)) == nil {
			t.Error("the client's relay ended without its credentials")
		}
	})
}

// FuzzTURNUser: what is taken apart is put together again to the same.
func FuzzTURNUser(f *testing.F) {
	f.Add("1790000000:acc:0123456789abcdef")
	f.Add(":::")
	f.Fuzz(func(t *testing.T, name string) {
		u, ok := parseTURNUser(name)
		if !ok {
			return
		}
		if again, ok := parseTURNUser(u.String()); !ok || again != u {
			t.Errorf("%q is %+v, then %+v", name, u, again)
		}
	})
}
