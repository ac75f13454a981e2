package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"golang.org/x/time/rate"
)

// turnWorld is a running server on loopback.
type turnWorld struct {
	t    testing.TB
	s    *TURN
	l    TURNListeners
	cert *tls.Config
}

func startTURN(t testing.TB, change func(*TURNOptions)) *turnWorld {
	t.Helper()
	w := &turnWorld{t: t, cert: testTLS(t)}
	var err error
	if w.l, err = ListenTURN("127.0.0.1:0", "127.0.0.1:0", w.cert); err != nil {
		t.Fatal(err)
	}
	w.s = newTestTURN(t, change)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.s.Run(ctx, w.l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if n := w.s.Allocations(); n != 0 || len(w.s.clients) != 0 || len(w.s.accounts) != 0 || len(w.s.conns) != 0 {
			t.Errorf("after the end: %d relays, %d clients, %d accounts, %d connections",
				n, len(w.s.clients), len(w.s.accounts), len(w.s.conns))
		}
	})
	return w
}

// unbounded lets clients on loopback ask as fast as they can.
func (w *turnWorld) unbounded() {
	w.s.strange.mu.Lock()
	defer w.s.strange.mu.Unlock()
	w.s.strange.of[netip.MustParseAddr("127.0.0.1")] = rate.NewLimiter(rate.Inf, 0)
}

func loopbackPeers(o *TURNOptions) { o.AllowPeers = prefixes("127.0.0.0/8") }

// udp opens a socket on loopback.
func udp(t testing.TB) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// socket opens a way to the server: udp, tcp or tls.
func (w *turnWorld) socket(over string) (net.PacketConn, net.Addr) {
	w.t.Helper()
	if over == "udp" {
		return udp(w.t), w.l.UDP.LocalAddr()
	}
	to := w.l.TCP.Addr()
	if over == "tls" {
		to = w.l.TLS.Addr()
	}
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	if over == "tls" {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	return turn.NewSTUNConn(c), to
}

// client is a real client with credentials of the account.
func (w *turnWorld) client(over, account string) *turn.Client {
	w.t.Helper()
	conn, to := w.socket(over)
	return w.clientOn(conn, to, account)
}

func (w *turnWorld) clientOn(conn net.PacketConn, to net.Addr, account string) *turn.Client {
	w.t.Helper()
	name, password := w.s.Credentials(account, "live", time.Now())
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: to.String(), TURNServerAddr: to.String(), Conn: conn,
		Username: name, Password: password, Realm: w.s.options.Realm, LoggerFactory: silent{},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	if err := c.Listen(); err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *turnWorld) allocate(c *turn.Client) net.PacketConn {
	w.t.Helper()
	relayed, err := c.Allocate()
	if err != nil {
		w.t.Fatalf("allocate: %v", err)
	}
	w.t.Cleanup(func() { relayed.Close() })
	return relayed
}

// pass sends a text from one socket to an address until it arrives at the other,
// and returns where it came from. UDP may lose the first ones.
func pass(t testing.TB, from net.PacketConn, to net.Addr, at net.PacketConn, text string) net.Addr {
	t.Helper()
	buf := make([]byte, 2000)
	for range 50 {
		if _, err := from.WriteTo([]byte(text), to); err != nil {
			t.Fatalf("send %q to %s: %v", text, to, err)
		}
		if err := at.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, source, err := at.ReadFrom(buf)
		if err == nil && string(buf[:n]) == text {
			return source
		}
	}
	t.Fatalf("%q did not arrive", text)
	return nil
}

// within10s waits for something that another goroutine does.
func within10s(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

func TestTURNRelays(t *testing.T) {
	for _, over := range []string{"udp", "tcp", "tls"} {
		t.Run(over, func(t *testing.T) {
			w := startTURN(t, loopbackPeers)
			c := w.client(over, "a")
			mapped, err := c.SendBindingRequest()
			if err != nil || !strings.HasPrefix(mapped.String(), "127.0.0.1:") {
				t.Fatalf("STUN: %v, %v", mapped, err)
			}
			relayed, peer := w.allocate(c), udp(t)
			if got, want := w.s.Allocations(), 1; got != want {
				t.Errorf("%d allocations, want %d", got, want)
			}
			source := pass(t, relayed, peer.LocalAddr(), peer, "to the peer")
			if source.String() != relayed.LocalAddr().String() {
				t.Errorf("the peer sees %s, the relay is %s", source, relayed.LocalAddr())
			}
			// The client binds a channel after its first packet; both ways count.
			for n := range 5 {
				pass(t, relayed, peer.LocalAddr(), peer, fmt.Sprint("out ", n, strings.Repeat("x", 1000+n)))
				back := pass(t, peer, relayed.LocalAddr(), relayed, fmt.Sprint("back ", n, strings.Repeat("x", 1000+n)))
				if back.String() != peer.LocalAddr().String() {
					t.Errorf("the client sees %s, the peer is %s", back, peer.LocalAddr())
				}
			}
			within10s(t, "11 packets are counted", func() bool {
				return w.s.PacketsRelayed() >= 11 && w.s.BytesRelayed() > 10_000 && w.s.AllocationsTotal() == 1
			})
			if err := relayed.Close(); err != nil {
				t.Fatal(err)
			}
			within10s(t, "the allocation is given back", func() bool { return w.s.Allocations() == 0 })
		})
	}
}

// TestTURNRelayToRelay: two clients of this server reach each other's relays, and no
// other port of the same address, though their permissions are for it.
func TestTURNRelayToRelay(t *testing.T) {
	// Without and with address translation, at one address and at all.
	for _, c := range []struct{ public, listen string }{{"", "127.0.0.1"}, {"5.9.9.9", "127.0.0.1"}, {"5.9.9.9", "0.0.0.0"}} {
		public := c.public
		t.Run("public "+public+" listen "+c.listen, func(t *testing.T) {
			w := startTURN(t, func(o *TURNOptions) {
				o.Listen = netip.MustParseAddr(c.listen)
				if public != "" {
					o.PublicIP = netip.MustParseAddr(public)
				}
			})
			a, b := w.allocate(w.client("udp", "a")), w.allocate(w.client("tcp", "b"))
			if public != "" && !strings.HasPrefix(a.LocalAddr().String(), public) {
				t.Fatalf("the relay is announced as %s", a.LocalAddr())
			}
			// A permission in the other direction, and a packet that it lets through.
			if _, err := b.WriteTo([]byte("first"), a.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			if from := pass(t, a, b.LocalAddr(), b, "a to b"); from.String() != a.LocalAddr().String() {
				t.Errorf("b sees %s, a is %s", from, a.LocalAddr())
			}
			pass(t, b, a.LocalAddr(), a, "b to a")

			secret := udp(t)
			before := w.s.RefusedPeers()
			port := secret.LocalAddr().(*net.UDPAddr).Port
			if _, err := a.WriteTo([]byte("x"), &net.UDPAddr{IP: a.LocalAddr().(*net.UDPAddr).IP, Port: port}); err != nil {
				t.Fatal(err)
			}
			within10s(t, "the packet is refused", func() bool { return w.s.RefusedPeers() > before })
			// What comes from another port of this machine does not reach a client.
			before = w.s.RefusedPeers()
			to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: a.LocalAddr().(*net.UDPAddr).Port}
			if _, err := secret.WriteTo([]byte("x"), to); err != nil {
				t.Fatal(err)
			}
			within10s(t, "the packet is dropped", func() bool { return w.s.RefusedPeers() > before })
		})
	}
}

func TestTURNDeniedPeers(t *testing.T) {
	w := startTURN(t, func(o *TURNOptions) { o.PublicIP = netip.MustParseAddr("5.9.9.9") })
	c := w.client("udp", "a")
	relayed := w.allocate(c)
	for _, ip := range []string{"127.0.0.1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0", "224.0.0.1"} {
		peer := &net.UDPAddr{IP: net.ParseIP(ip), Port: 5353}
		if _, err := relayed.WriteTo([]byte("x"), peer); err == nil {
			t.Errorf("a packet for %s is taken", ip)
		}
		if err := c.CreatePermission(peer); err == nil {
			t.Errorf("a permission for %s is given", ip)
		}
	}
	if err := c.CreatePermission(&net.UDPAddr{IP: net.IPv4(8, 8, 8, 8), Port: 53}); err != nil {
		t.Errorf("a permission for a public address: %v", err)
	}
}

// TestTURNRevokeEndsRelays: the relays of who leaves a call end, others stay, and
// the same credentials do not open another one.
func TestTURNRevokeEndsRelays(t *testing.T) {
	w := startTURN(t, loopbackPeers)
	leaving := []*turn.Client{w.client("udp", "a"), w.client("tcp", "a"), w.client("tls", "a")}
	for _, c := range leaving {
		w.allocate(c)
	}
	w.allocate(w.client("udp", "b"))
	again := w.client("udp", "a") // knows the credentials from before
	w.s.Revoke("a", "another session")
	if n := w.s.Allocations(); n != 4 {
		t.Fatalf("%d allocations, want 4", n)
	}
	w.s.Revoke("a", "live")
	if n := w.s.Allocations(); n != 1 {
		t.Errorf("%d allocations after leaving, want 1", n)
	}
	if _, err := again.Allocate(); err == nil {
		t.Error("the credentials open another relay")
	}
	w.allocate(w.client("udp", "a")) // who comes back gets others
}

func TestTURNQuotas(t *testing.T) {
	w := startTURN(t, func(o *TURNOptions) { o.MaxAllocations, o.MaxAllocationsPerUser = 3, 2 })
	w.allocate(w.client("udp", "a"))
	kept := w.allocate(w.client("udp", "a"))
	if _, err := w.client("udp", "a").Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("a third relay of one account: %v, want 486", err)
	}
	w.allocate(w.client("udp", "b"))
	if _, err := w.client("udp", "c").Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("a fourth relay: %v, want 486", err)
	}
	if n := w.s.RefusedQuota(); n != 2 {
		t.Errorf("%d refused, want 2", n)
	}
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	within10s(t, "a place is free", func() bool { return w.s.Allocations() == 2 })
	w.allocate(w.client("udp", "c"))
}

// TestTURNPortsUsedUp: a range of three ports has two relays if one of the ports is
// taken by another program.
func TestTURNPortsUsedUp(t *testing.T) {
	w := startTURN(t, func(o *TURNOptions) { o.FirstRelay, o.LastRelay = 20101, 20103 })
	other, err := net.ListenPacket("udp4", "127.0.0.1:20102")
	if err != nil {
		t.Skipf("the port is in use: %v", err)
	}
	defer other.Close()
	w.allocate(w.client("udp", "a"))
	w.allocate(w.client("udp", "b"))
	if _, err := w.client("udp", "c").Allocate(); err == nil {
		t.Error("there is a third relay")
	}
}

func TestTURNSweep(t *testing.T) {
	w := startTURN(t, loopbackPeers)
	w.allocate(w.client("udp", "a"))
	w.allocate(w.client("tcp", "b"))
	now := time.Now()
	w.s.sweep(now.Add(defaultTURNIdle - time.Minute))
	if n := w.s.Allocations(); n != 2 {
		t.Errorf("%d relays are left before they count as idle, want 2", n)
	}
	w.s.sweep(now.Add(defaultTURNIdle + time.Minute))
	if n := w.s.Allocations(); n != 0 {
		t.Errorf("%d idle relays are left", n)
	}
	r := w.allocate(w.client("udp", "c"))
	w.s.mu.RLock()
	for _, each := range w.s.relays { // busy until the end of its credentials
		each.used.Store(now.Add(2 * time.Hour).Unix())
	}
	w.s.mu.RUnlock()
	w.s.sweep(now.Add(time.Hour + 10*time.Second))
	if n := w.s.Allocations(); n != 0 {
		t.Errorf("%d relays outlive their credentials (%s)", n, r.LocalAddr())
	}
}

// rawClient speaks the protocol by hand.
type rawClient struct {
	t         testing.TB
	conn      net.PacketConn
	to        net.Addr
	name      string
	integrity stun.MessageIntegrity
	nonce     stun.Nonce
	realm     stun.Realm
}

func (w *turnWorld) raw(over, account string) *rawClient {
	conn, to := w.socket(over)
	name, password := w.s.Credentials(account, "live", time.Now())
	return &rawClient{
		t: w.t, conn: conn, to: to, name: name,
		integrity: stun.NewLongTermIntegrity(name, w.s.options.Realm, password),
	}
}

func attribute(kind stun.AttrType, value ...byte) stun.RawAttribute {
	return stun.RawAttribute{Type: kind, Value: value}
}

var (
	relayUDP = attribute(stun.AttrRequestedTransport, 17, 0, 0, 0)
	relayTCP = attribute(stun.AttrRequestedTransport, 6, 0, 0, 0)
)

// ask sends a request and returns the answer.
func (c *rawClient) ask(method stun.Method, signed bool, attributes ...stun.Setter) *stun.Message {
	c.t.Helper()
	setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...)
	if signed {
		setters = append(setters, stun.NewUsername(c.name), c.realm, c.nonce, c.integrity)
	}
	m, err := stun.Build(setters...)
	if err != nil {
		c.t.Fatal(err)
	}
	for range 10 {
		if _, err := c.conn.WriteTo(m.Raw, c.to); err != nil {
			c.t.Fatal(err)
		}
		if answer := c.answer(m.TransactionID); answer != nil {
			return answer
		}
	}
	c.t.Fatal("no answer")
	return nil
}

// answer waits for the answer to a request; nil: there is none in time.
func (c *rawClient) answer(id [stun.TransactionIDSize]byte) *stun.Message {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		c.t.Fatal(err)
	}
	for buf := make([]byte, 2000); ; {
		n, _, err := c.conn.ReadFrom(buf)
		if err != nil {
			return nil
		}
		m := &stun.Message{Raw: slices.Clone(buf[:n])}
		if m.Decode() == nil && m.TransactionID == id {
			return m
		}
	}
}

// challenge gets what is needed to sign.
func (c *rawClient) challenge() *stun.Message {
	c.t.Helper()
	m := c.ask(stun.MethodAllocate, false, relayUDP)
	if err := errors.Join(c.nonce.GetFrom(m), c.realm.GetFrom(m)); err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *rawClient) allocate() {
	c.t.Helper()
	c.challenge()
	if m := c.ask(stun.MethodAllocate, true, relayUDP); m.Type.Class != stun.ClassSuccessResponse {
		c.t.Fatalf("allocate: %s", m)
	}
}

func codeOf(m *stun.Message) stun.ErrorCode {
	var code stun.ErrorCodeAttribute
	if code.GetFrom(m) != nil {
		return 0
	}
	return code.Code
}

// TestTURNStrangers: what one gets without credentials is small, and says what is
// needed.
func TestTURNStrangers(t *testing.T) {
	w := startTURN(t, nil)
	c := w.raw("udp", "a")
	m := c.challenge()
	if codeOf(m) != stun.CodeUnauthorized || len(m.Raw) > 160 {
		t.Errorf("%d bytes of answer: %s", len(m.Raw), m)
	}
	if m := c.ask(stun.MethodBinding, false); len(m.Raw) > 44 {
		t.Errorf("%d bytes of answer to a binding request", len(m.Raw))
	}
	c.integrity = stun.NewLongTermIntegrity(c.name, w.s.options.Realm, "wrong password")
	if m := c.ask(stun.MethodAllocate, true, relayUDP); m.Type.Class == stun.ClassSuccessResponse {
		t.Error("a wrong password is accepted")
	}
	if w.s.RefusedLogins() != 1 || w.s.AllocationsTotal() != 0 {
		t.Errorf("%d refused logins, %d allocations", w.s.RefusedLogins(), w.s.AllocationsTotal())
	}
}

// TestTURNNotOffered: relays over TCP, even ports, reserved ones.
func TestTURNNotOffered(t *testing.T) {
	w := startTURN(t, loopbackPeers)
	for name, attributes := range map[string][]stun.Setter{
		"over TCP":    {relayTCP},
		"even port":   {relayUDP, attribute(stun.AttrEvenPort, 0x80)},
		"reservation": {relayUDP, attribute(stun.AttrReservationToken, 1, 2, 3, 4, 5, 6, 7, 8)},
		"IPv6":        {relayUDP, attribute(stun.AttrRequestedAddressFamily, 2, 0, 0, 0)},
	} {
		c := w.raw("tcp", "a")
		c.challenge()
		if m := c.ask(stun.MethodAllocate, true, attributes...); codeOf(m) != stun.CodeInsufficientCapacity {
			t.Errorf("%s: %s (%d)", name, m, codeOf(m))
		}
	}
	c := w.raw("tcp", "a")
	c.allocate()
	peer := stun.XORMappedAddress{IP: net.IPv4(127, 0, 0, 1), Port: w.l.TCP.Addr().(*net.TCPAddr).Port}
	if m := c.ask(stun.MethodConnect, true, peerAddress(peer)); m.Type.Class != stun.ClassErrorResponse {
		t.Errorf("a connection to a peer: %s", m)
	}
	if n := w.s.Allocations(); n != 1 {
		t.Errorf("%d allocations, want 1", n)
	}
}

// peerAddress is an XOR-PEER-ADDRESS.
type peerAddress stun.XORMappedAddress

func (p peerAddress) AddTo(m *stun.Message) error {
	return stun.XORMappedAddress(p).AddToAs(m, stun.AttrXORPeerAddress)
}

// TestTURNPermissionsBounded: no more permissions than a client can need; known ones
// are renewed.
func TestTURNPermissionsBounded(t *testing.T) {
	w := startTURN(t, nil)
	c := w.raw("udp", "a")
	c.allocate()
	permit := func(n int) stun.ErrorCode {
		return codeOf(c.ask(stun.MethodCreatePermission, true, peerAddress{IP: net.IPv4(8, 8, 8, byte(n)), Port: 9}))
	}
	for n := range maxPermissions {
		if code := permit(n); code != 0 {
			t.Fatalf("permission %d: %d", n, code)
		}
	}
	if code := permit(maxPermissions); code != stun.CodeForbidden {
		t.Errorf("one permission more: %d, want %d", code, stun.CodeForbidden)
	}
	if code := permit(3); code != 0 {
		t.Errorf("a known permission: %d", code)
	}
}

// TestTURNChannelsBounded: a client that binds too many channels loses its relay.
func TestTURNChannelsBounded(t *testing.T) {
	w := startTURN(t, nil)
	c := w.raw("udp", "a")
	c.allocate()
	for n := range maxChannels + 1 {
		if w.s.Allocations() != 1 {
			t.Fatalf("the relay has ended after %d channels", n)
		}
		c.ask(stun.MethodChannelBind, true, attribute(stun.AttrChannelNumber, 0x40, byte(n), 0, 0),
			peerAddress{IP: net.IPv4(8, 8, 8, 8), Port: 1000 + n})
	}
	within10s(t, "the relay ends", func() bool { return w.s.Allocations() == 0 })
}

// TestTURNFlood: who asks too much gets no answer; others do.
func TestTURNFlood(t *testing.T) {
	r, now := newRates(), time.Now()
	flood, other := netip.MustParseAddr("9.9.9.9"), netip.MustParseAddr("9.9.9.8")
	for range requestBurst {
		if !r.allow(flood, now) {
			t.Fatal("refused too early")
		}
	}
	if r.allow(flood, now) || !r.allow(other, now) || !r.allow(flood, now.Add(time.Second)) {
		t.Error("the bound is not one of each address and time")
	}
	for n := range 2 * maxRates {
		r.allow(netip.AddrFrom4([4]byte{7, byte(n >> 16), byte(n >> 8), byte(n)}), now)
	}
	if len(r.of) > maxRates {
		t.Errorf("%d addresses are remembered, want at most %d", len(r.of), maxRates)
	}
	if r.of[flood] == nil {
		t.Error("the address is forgotten while it floods")
	}
	r.allow(netip.MustParseAddr("6.6.6.6"), now.Add(time.Hour))
	if len(r.of) > 2 {
		t.Errorf("%d addresses are left after an hour", len(r.of))
	}
}

// TestTURNBareConnections: connections without a relay are few and short.
func TestTURNBareConnections(t *testing.T) {
	w := startTURN(t, nil)
	for range maxBareOfOne {
		w.socket("tcp")
	}
	within10s(t, "the connections are there", func() bool {
		w.s.mu.RLock()
		defer w.s.mu.RUnlock()
		return len(w.s.conns) == maxBareOfOne
	})
	c, _ := w.socket("tcp")
	if _, _, err := c.ReadFrom(make([]byte, 100)); err == nil {
		t.Error("one connection more is served")
	}
}

// TestTURNBareLife: a connection without a relay ends after its time.
func TestTURNBareLife(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn := newTestTURN(t, nil).letIn(c, nil)
	defer conn.Close()
	conn.since.Store(time.Now().Add(-bareLife).UnixNano())
	if _, err := conn.Read(make([]byte, turnMTU)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v, want the end of its time", err)
	}
}

func TestTURNURLs(t *testing.T) {
	s := newTestTURN(t, nil)
	want := []string{"turn:h.example:3478?transport=udp", "turn:h.example:3478?transport=tcp", "stun:h.example:3478"}
	if got := s.URLs("h.example"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	s = newTestTURN(t, func(o *TURNOptions) { o.TLSPort = 5349 })
	want = []string{
		"turn:[2a01::1]:3478?transport=udp", "turn:[2a01::1]:3478?transport=tcp",
		"turns:[2a01::1]:5349?transport=tcp", "stun:[2a01::1]:3478",
	}
	if got := s.URLs("2a01::1"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTURNOptions(t *testing.T) {
	for name, change := range map[string]func(*TURNOptions){
		"Realm":          func(o *TURNOptions) { o.Realm = "" },
		"Secret":         func(o *TURNOptions) { o.Secret = "hush" },
		"TTL":            func(o *TURNOptions) { o.TTL = 7 * time.Hour },
		"Port":           func(o *TURNOptions) { o.Port = 0 },
		"FirstRelay":     func(o *TURNOptions) { o.FirstRelay = 50000 },
		"outside":        func(o *TURNOptions) { o.Port = 40001 },
		"MaxAllocations": func(o *TURNOptions) { o.MaxAllocations = 0 },
		"Idle":           func(o *TURNOptions) { o.Idle = -1 },
		"Log":            func(o *TURNOptions) { o.Log = nil },
	} {
		o := testTURNOptions()
		change(&o)
		if _, err := NewTURN(o); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTURNListenerFails: Run says so.
func TestTURNListenerFails(t *testing.T) {
	l, err := ListenTURN("127.0.0.1:0", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	l.UDP = &failingSocket{l.UDP, broken}
	if err := newTestTURN(t, nil).Run(context.Background(), l); !errors.Is(err, broken) {
		t.Errorf("Run: %v, want %v", err, broken)
	}
	if _, err := l.TCP.Accept(); err == nil {
		t.Error("the other listener is open")
	}
}

type failingSocket struct {
	net.PacketConn
	err error
}

func (s *failingSocket) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, s.err }
