//go:build unix

package transport

import (
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// Sizes of the benchmarks of TURN.
const (
	turnPacket  = 1000 // bytes, as video has
	turnFlight  = 32   // packets on their way at the same time
	turnClients = 400  // of which the memory is measured
)

// busyTime is the CPU time of this process.
func busyTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fly sends packets in flights from one socket to another through whatever is at
// the address, and reports the CPU time of each, both ends included.
func fly(b *testing.B, from *net.UDPConn, to *net.UDPAddr, at net.PacketConn, packet []byte) {
	target, buf := to.AddrPort(), make([]byte, 2000)
	before := busyTime(b)
	b.SetBytes(turnPacket)
	for sent := 0; b.Loop(); sent++ {
		if _, err := from.WriteToUDPAddrPort(packet, target); err != nil {
			b.Fatal(err)
		}
		if sent%turnFlight != turnFlight-1 {
			continue
		}
		if err := at.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			b.Fatal(err)
		}
		for range turnFlight {
			if _, _, err := at.ReadFrom(buf); err != nil {
				b.Fatalf("a packet was lost: %v", err)
			}
		}
	}
	b.ReportMetric(float64(busyTime(b)-before)/float64(b.N), "cpu-ns/packet")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
}

// BenchmarkTURN relays packets from a client's channel to a peer over loopback, and
// compares with a bare loop that reads and sends on the same packets.
func BenchmarkTURN(b *testing.B) {
	b.Run("relay", func(b *testing.B) {
		w := startTURN(b, loopbackPeers)
		c, peer := w.raw("udp", "a"), udp(b)
		c.allocate()
		at := peer.LocalAddr().(*net.UDPAddr)
		if m := c.ask(stun.MethodChannelBind, true, attribute(stun.AttrChannelNumber, 0x40, 0, 0, 0),
			peerAddress{IP: at.IP, Port: at.Port}); m.Type.Class != stun.ClassSuccessResponse {
			b.Fatal(m)
		}
		packet := binary.BigEndian.AppendUint16([]byte{0x40, 0}, turnPacket)
		fly(b, c.conn.(*net.UDPConn), c.to.(*net.UDPAddr), peer, append(packet, make([]byte, turnPacket)...))
	})
	b.Run("bare", func(b *testing.B) {
		loop, out, peer := udp(b).(*net.UDPConn), udp(b), udp(b)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for buf := make([]byte, 2000); ; {
				n, _, err := loop.ReadFrom(buf)
				if err != nil {
					return
				}
				_, _ = out.WriteTo(buf[:n], peer.LocalAddr())
			}
		}()
		fly(b, udp(b).(*net.UDPConn), loop.LocalAddr().(*net.UDPAddr), peer, make([]byte, turnPacket))
		loop.Close()
		<-ended
	})
}

// memoryInUse is heap and stacks after a collection.
func memoryInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// TestTURNMemory: an allocation with a permission and a channel takes less than
// 20 KiB, without the kernel's buffers.
func TestTURNMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes memory of its own")
	}
	w := startTURN(t, func(o *TURNOptions) { o.MaxAllocations = turnClients })
	w.unbounded()
	clients := make([]*rawClient, turnClients)
	for n := range clients {
		clients[n] = w.raw("udp", fmt.Sprint("account", n))
		clients[n].challenge()
	}
	before := memoryInUse()
	for n, c := range clients {
		c.allocate()
		c.ask(stun.MethodChannelBind, true, attribute(stun.AttrChannelNumber, 0x40, 0, 0, 0),
			peerAddress{IP: net.IPv4(8, 8, 8, 8), Port: 1000 + n})
	}
	each := (int64(memoryInUse()) - int64(before)) / turnClients
	t.Logf("%d bytes for an allocation", each)
	if each > 20<<10 {
		t.Errorf("an allocation takes %d bytes, want at most %d", each, 20<<10)
	}
	runtime.KeepAlive(clients)
}
