package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/turn/v5"

	"presence/transport/transporttest"
)

// remote does work in a second namespace, on a thread that stays there. Sockets
// that are opened there belong to it for good.
type remote chan func()

func newRemote(t *testing.T) (r remote, thread int) {
	r = make(remote)
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := syscall.Unshare(syscall.CLONE_NEWNET)
		thread = syscall.Gettid()
		ready <- err
		for work := range r {
			work()
		}
	}()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(r) })
	return r, thread
}

func (r remote) do(work func()) {
	done := make(chan struct{})
	r <- func() { work(); close(done) }
	<-done
}

func (r remote) socket(t *testing.T, address string) net.PacketConn {
	t.Helper()
	var c net.PacketConn
	var err error
	r.do(func() { c, err = net.ListenPacket("udp", address) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Addresses of TestTURNNetwork: the server's and the clients'.
const (
	serverIPv4, serverIPv6 = "5.9.9.9", "2a01:4f8::9"
	otherIPv4              = "5.9.9.8" // the server's, too
	clientIPv4, clientIPv6 = "5.9.9.1", "2a01:4f8::1"
)

// layNetwork puts a wire between this namespace and a second one.
func layNetwork(t *testing.T) remote {
	far, thread := newRemote(t)
	transporttest.IP(t, "link add server type veth peer name clients")
	transporttest.IP(t, fmt.Sprint("link set clients netns ", thread))
	for _, a := range []string{serverIPv4 + "/24", otherIPv4 + "/24", serverIPv6 + "/64 nodad"} {
		transporttest.IP(t, "addr add "+a+" dev server")
	}
	transporttest.IP(t, "link set server up")
	transporttest.IP(t, "route add default via "+clientIPv4)
	transporttest.IP(t, "-6 route add default via "+clientIPv6)
	far.do(func() {
		transporttest.IP(t, "link set lo up")
		transporttest.IP(t, "addr add "+clientIPv4+"/24 dev clients")
		transporttest.IP(t, "addr add "+clientIPv6+"/64 dev clients nodad")
		transporttest.IP(t, "link set clients up")
	})
	return far
}

// treasure is a service of the server's machine that no client may reach.
type treasure struct {
	net.PacketConn
	came chan string
}

func newTreasure(t *testing.T, address string) *treasure {
	t.Helper()
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	x := &treasure{c, make(chan string, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 2000)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			select {
			case x.came <- fmt.Sprintf("%q from %s", buf[:n], from):
			default:
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-ended })
	return x
}

// TestTURNNetwork: real clients on another machine, as it were, relay to each other
// and reach nothing of the server's.
func TestTURNNetwork(t *testing.T) {
	if !transporttest.OwnNetwork(t) {
		return
	}
	far := layNetwork(t)
	l, err := ListenTURN(":3478", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newTestTURN(t, func(o *TURNOptions) {
		o.Listen, o.FirstRelay, o.LastRelay = netip.Addr{}, 49160, 49999
	})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	w := &turnWorld{t: t, s: s, l: l}

	join := func(account, from, server string) (*turn.Client, net.PacketConn) {
		to, err := net.ResolveUDPAddr("udp", net.JoinHostPort(server, "3478"))
		if err != nil {
			t.Fatal(err)
		}
		c := w.clientOn(far.socket(t, net.JoinHostPort(from, "0")), to, account)
		return c, w.allocate(c)
	}
	ca, a := join("a", clientIPv4, serverIPv4)
	_, b := join("b", clientIPv4, serverIPv4)
	c6, a6 := join("c", clientIPv6, serverIPv6)

	t.Run("relay to relay", func(t *testing.T) {
		if !strings.HasPrefix(a.LocalAddr().String(), serverIPv4+":") {
			t.Fatalf("the relay is announced as %s", a.LocalAddr())
		}
		if _, err := b.WriteTo([]byte("first"), a.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		pass(t, a, b.LocalAddr(), b, "a to b")
		pass(t, b, a.LocalAddr(), a, "b to a")
	})
	t.Run("relay to peer", func(t *testing.T) {
		peer := far.socket(t, clientIPv4+":0")
		pass(t, a, peer.LocalAddr(), peer, "out")
		pass(t, peer, a.LocalAddr(), a, "back")
		if !strings.HasPrefix(a6.LocalAddr().String(), "["+serverIPv6+"]:") {
			t.Skipf("the relay of the client with IPv6 is %s", a6.LocalAddr())
		}
		peer6 := far.socket(t, "["+clientIPv6+"]:0")
		pass(t, a6, peer6.LocalAddr(), peer6, "out")
		pass(t, peer6, a6.LocalAddr(), a6, "back")
	})
	t.Run("nothing of the server's", func(t *testing.T) {
		database, friendCore := newTreasure(t, ":3306"), newTreasure(t, ":6502")
		unused := 49160 // in the range of the relays, but none
		for s.isOpen(relayKey{true, uint16(unused)}) || s.isOpen(relayKey{false, uint16(unused)}) {
			unused++
		}
		free := newTreasure(t, fmt.Sprint(":", unused))
		before := s.RefusedPeers()
		tries := uint64(0)
		for _, to := range []string{
			"127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "::1", "0.0.0.0", "::", serverIPv4, otherIPv4,
			"::ffff:" + serverIPv4, serverIPv6, "64:ff9b::" + serverIPv4, "2002:509:909::1", "127.1.2.3",
		} {
			for _, port := range []int{3306, 6502, unused, 3478} {
				peer := &net.UDPAddr{IP: net.ParseIP(to), Port: port}
				for _, each := range []net.PacketConn{a, a6} {
					_, _ = each.WriteTo([]byte("attack"), peer) // an error, or it vanishes
					tries++
				}
				_ = ca.CreatePermission(peer)
				_ = c6.CreatePermission(peer)
			}
		}
		// Packets of one socket keep their order: after this one, all were handled.
		pass(t, a, b.LocalAddr(), b, "the last one")
		if n := s.RefusedPeers() - before; n == 0 {
			t.Errorf("nothing of %d tries was refused", tries)
		}
		// What was let through has arrived before this.
		for _, x := range []*treasure{database, friendCore, free} {
			port := x.LocalAddr().(*net.UDPAddr).Port
			probe, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := probe.Write([]byte("probe")); err != nil {
				t.Fatal(err)
			}
			probe.Close()
			select {
			case got := <-x.came:
				if !strings.HasPrefix(got, `"probe"`) {
					t.Errorf("port %d got %s", port, got)
				}
			case <-time.After(10 * time.Second):
				t.Errorf("port %d does not get anything at all", port)
			}
		}
	})
	t.Run("an answer to an invented peer", func(t *testing.T) {
		// A permission for the server's address lets no other service answer.
		sender, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(otherIPv4)}, a.LocalAddr().(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		defer sender.Close()
		before := s.RefusedPeers()
		if _, err := sender.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		within10s(t, "it is dropped", func() bool { return s.RefusedPeers() > before })
	})
	t.Run("STUN", func(t *testing.T) {
		m, err := ca.SendBindingRequest()
		if err != nil || !strings.HasPrefix(m.String(), clientIPv4+":") {
			t.Errorf("%v, %v", m, err)
		}
	})
}
