package transport

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"presence/rooms"
)

// sink is a socket that takes everything and gives nothing.
type sink struct {
	net.Conn
	taken *sync.WaitGroup
}

func (s sink) Write(p []byte) (int, error)      { s.taken.Done(); return len(p), nil }
func (s sink) Read([]byte) (int, error)         { return 0, io.EOF }
func (s sink) SetWriteDeadline(time.Time) error { return nil }
func (s sink) SetReadDeadline(time.Time) error  { return nil }
func (s sink) Close() error                     { return nil }

// TestDeliverAllocatesNothing: in the long run an event costs no memory for each
// receiver, whatever the transport.
func TestDeliverAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("pools forget at random under the race detector")
	}
	const receivers = 200
	w := newWorld(t)
	w.start()
	wires := map[string]func(*rawConn) wire{
		overTCP: func(r *rawConn) wire { return newTCPWire(r, r.pool, 1000) },
		overWS:  func(r *rawConn) wire { return &wsWire{net: r, sock: r, pool: r.pool} },
	}
	for over, newWire := range wires {
		t.Run(over, func(t *testing.T) {
			var taken sync.WaitGroup
			var to []rooms.AccountID
			for n := range receivers {
				raw := newRawConn(sink{taken: &taken}, &ticket{gate: w.srv.gate}, w.srv.pool)
				c := newConn(w.srv, rooms.ConnID(n), newWire(raw))
				s, err := w.sessions.openSession(rooms.AccountID("acc-" + over + newSessionID()))
				if err != nil {
					t.Fatal(err)
				}
				<-s.ready
				if !s.attach(c, false) {
					t.Fatal("not attached")
				}
				to = append(to, s.account)
				t.Cleanup(func() { s.dismiss(closeNormal, ""); <-s.gone; c.tasks.Wait() })
			}
			event := []byte(`{"type":"room-7","data":{"type":"chat","data":{"type":"msg","data":{"message":"hello"}}}}`)
			allocs := testing.AllocsPerRun(100, func() {
				taken.Add(receivers)
				w.sessions.Deliver(to, "", event)
				taken.Wait()
			})
			if each := allocs / receivers; each > 0.05 {
				t.Errorf("%.2f allocations for each receiver", each)
			}
			taken.Add(2 * receivers) // what the goodbyes write at most
		})
	}
}
