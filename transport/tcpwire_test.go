package transport

import (
	"crypto/tls"
	"encoding/binary"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// testTLS is a server's configuration with a certificate of its own.
func testTLS(t testing.TB) *tls.Config {
	t.Helper()
	cert, err := OwnCertificate(t.TempDir(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	return cert.TLS()
}

// recorder keeps what is written to a connection.
type recorder struct {
	net.Conn
	mu      sync.Mutex
	written [][]byte // by system call
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.written = append(r.written, append([]byte(nil), p...))
	r.mu.Unlock()
	return r.Conn.Write(p)
}

// taken returns the writes since it was asked last, each as the payload lengths of
// its TLS 1.3 records.
func (r *recorder) taken(t *testing.T) (all [][]int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.written {
		var records []int
		for len(b) > 0 {
			const header, trailer = 5, 1 + 16 // content type and tag
			size := int(binary.BigEndian.Uint16(b[3:]))
			if b[0] != 23 || len(b) < header+size {
				t.Fatalf("no whole record of application data: % x", b[:header])
			}
			records = append(records, size-trailer)
			b = b[header+size:]
		}
		all = append(all, records)
	}
	r.written = nil
	return all
}

// TestOneRecordForAMessage: old Friend Chat servers take one TLS record for one
// message (docs/protocol.md 1.4). So each message of up to 16 KiB is exactly one, and
// those of a batch leave together.
func TestOneRecordForAMessage(t *testing.T) {
	const record = 16 << 10
	message := func(size int) item { return item{itemFrame, []byte(strings.Repeat("x", size))} }
	for name, c := range map[string]struct {
		items []item
		want  [][]int
	}{
		"one":     {[]item{message(90)}, [][]int{{90}}},
		"longest": {[]item{message(record)}, [][]int{{record}}},
		"batch":   {[]item{message(90), message(12000), message(1), message(record)}, [][]int{{90, 12000, 1, record}}},
		"longer":  {[]item{message(record + 1), message(5)}, [][]int{{record, 1, 5}}},
		"chunks":  {[]item{message(record), message(record), message(record), message(record), message(7)}, [][]int{{record, record, record, record}, {7}}},
		"event":   {[]item{{itemEvent, []byte(`{"a":1}`)}}, [][]int{{len(`PREFIX{"a":1}}}`)}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				atServer, atClient := memPipe(tcpAddr("192.0.2.1"), tcpAddr(testAddress))
				defer atClient.Close()
				rec := &recorder{Conn: atServer}
				raw := newRawConn(rec, &ticket{gate: newTurnstile(testLimits())}, &buffers{})
				defer raw.Close()
				secure := tls.Server(raw, testTLS(t))
				client := tls.Client(atClient, &tls.Config{InsecureSkipVerify: true})
				read := make(chan []int, 1)
				total := 0
				for _, i := range c.items {
					total += i.payloadSize([]byte("PREFIX"))
				}
				go func() {
					var sizes []int
					for buf, got := make([]byte, 1<<20), 0; got < total; {
						n, err := client.Read(buf)
						if err != nil {
							t.Error(err)
							break
						}
						sizes, got = append(sizes, n), got+n
					}
					read <- sizes
				}()
				if err := secure.Handshake(); err != nil {
					t.Fatal(err)
				}
				rec.mu.Lock()
				rec.written = nil
				rec.mu.Unlock()
				n, err := newTCPWire(secure, raw.pool, 1<<20).write(c.items, []byte("PREFIX"))
				if err != nil || n != total {
					t.Errorf("%d bytes, %v; want %d", n, err, total)
				}
				<-read
				if got := rec.taken(t); !slices.EqualFunc(got, c.want, slices.Equal) {
					t.Errorf("records %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestTLSEnds: an orderly end of the stream is a farewell, with or without TLS's own;
// a reset, or an end within a record, is a loss (docs/protocol.md 2.6).
func TestTLSEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*client)
		hide bool // within the time of an announced end
	}{
		"close_notify": {(*client).leave, true},
		"FIN only":     {func(c *client) { _ = c.mem.CloseWrite(); <-c.done }, true},
		"cut record": {func(c *client) {
			_, _ = c.mem.Write([]byte{23, 3, 3, 0, 100, 1, 2})
			_ = c.mem.CloseWrite()
			<-c.done
		}, false},
		"reset": {(*client).lose, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.tls = testTLS(t)
				w.start()
				ada := w.login("ada", overTCP)
				w.wantCalls("open acc-ada")
				c.end(ada)
				w.wantCalls()
				time.Sleep(leaveDelay)
				if c.hide {
					w.wantCalls("hide acc-ada")
				} else {
					w.wantCalls()
				}
			})
		})
	}
}

// TestHeldBackWrites: what is written while a batch is held back leaves with it, in
// its order.
func TestHeldBackWrites(t *testing.T) {
	atServer, atClient := memPipe(tcpAddr("192.0.2.1"), tcpAddr(testAddress))
	raw := newRawConn(atServer, &ticket{gate: newTurnstile(testLimits())}, &buffers{})
	raw.Write([]byte("a"))
	raw.cork()
	raw.Write([]byte("b"))
	raw.Write([]byte("c"))
	if got := len(atClient.in.data); got != 1 {
		t.Errorf("%d bytes have left", got)
	}
	if err := raw.flush(); err != nil {
		t.Fatal(err)
	}
	if err := raw.flush(); err != nil {
		t.Errorf("flush of nothing: %v", err)
	}
	raw.Write([]byte("d"))
	raw.Close()
	if got := string(atClient.in.data); got != "abcd" || atServer.writes.Load() != 3 {
		t.Errorf("%q arrived in %d writes", got, atServer.writes.Load())
	}
}
