package transport

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLongGreeting: a TLS handshake of absurd size is cut (docs/protocol.md 1.8).
func TestLongGreeting(t *testing.T) {
	hello := append([]byte{22, 3, 1, 0x40, 0}, make([]byte, 0x4000)...)
	copy(hello[5:], []byte{1, 0, 0xff, 0xf0}) // a ClientHello of 65520 bytes
	for _, over := range []string{overWS, overTCP} {
		bubble(t, func(t *testing.T, w *world) {
			w.tls = testTLS(t)
			w.start()
			mem := map[string]*memListener{overWS: w.ws, overTCP: w.tcp}[over].dial(t, testAddress)
			defer mem.Close()
			began := time.Now()
			_, _ = mem.Write(hello)
			_, _ = io.ReadAll(mem)
			if took := time.Since(began); took != 0 {
				t.Errorf("%s: cut after %v, want at once", over, took)
			}
		})
	}
}

// shortLines is a header of n bytes with as many lines as possible.
func shortLines(n int) []byte {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"
	text := bytes.NewBufferString("GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
	for i := 0; text.Len() < n; i++ {
		fmt.Fprintf(text, "%c%c:\n", letters[i%len(letters)], letters[i/len(letters)%len(letters)])
	}
	return text.Bytes()
}

// TestLongHeader: too many lines, or too long ones, are not taken; what browsers and
// proxies send is.
func TestLongHeader(t *testing.T) {
	long := []byte("GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: " + strings.Repeat("x", 20000) + "\r\n")
	fair := []byte("GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: " + strings.Repeat("x", 7000) + strings.Repeat("\r\nX-A: b", 90) + "\r\n")
	for name, c := range map[string]struct {
		head   []byte
		status string
	}{
		"many lines": {shortLines(6000), "400"},
		"long line":  {long, "431"},
		"fair":       {fair, "200"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.start()
				mem := w.ws.dial(t, testAddress)
				defer mem.Close()
				go func() { _, _ = mem.Write(append(c.head, "\r\n"...)) }()
				answer, _ := io.ReadAll(mem)
				if !bytes.HasPrefix(answer, []byte("HTTP/1.1 "+c.status)) {
					t.Errorf("%.100q, want %s", answer, c.status)
				}
			})
		})
	}
}

// TestMemoryOfStrangers: a peer that has not logged in makes the server hold no more
// than 64 KiB, whatever it begins and does not end (docs/protocol.md 1.8). A message
// may have less than a fifth of that: TLS, the connection itself and what waits for a peer
// that does not read take their part.
func TestMemoryOfStrangers(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector multiplies the memory")
	}
	part := append([]byte{22, 3, 1, 0x1f, 0}, make([]byte, 0x1f00)...)
	hello := append(part, part...)
	copy(hello[5:], []byte{1, 0, 0xff, 0xf0}) // a ClientHello of 65520 bytes
	const size = 12 << 10
	message := []byte(long(size)[:size-1])
	// Only the sockets of the clients are kept, so that their side is not measured.
	say := func(mem *memConn, text []byte) *memConn {
		c := tls.Client(mem, &tls.Config{InsecureSkipVerify: true})
		if _, err := c.Write(text); err != nil {
			t.Error(err)
		}
		return mem
	}
	for name, begin := range map[string]func(*testing.T, *world) *memConn{
		"part of a ClientHello": func(t *testing.T, w *world) *memConn {
			mem := w.tcp.dial(t, testAddress)
			_, _ = mem.Write(hello)
			return mem
		},
		"part of a header": func(t *testing.T, w *world) *memConn {
			return say(w.ws.dial(t, testAddress), shortLines(4*(maxHeadLines-6)))
		},
		"part of a header of long lines": func(t *testing.T, w *world) *memConn {
			return say(w.ws.dial(t, testAddress), []byte("GET / HTTP/1.1\r\nHost: localhost\r\nCookie: "+strings.Repeat("x", 11<<10)))
		},
		"part of a message, ws": func(t *testing.T, w *world) *memConn {
			mem := w.ws.dial(t, testAddress)
			c, _, err := dialWS(t, mem, true, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.net.Write(append([]byte{0x81, 0xfe, size >> 8, size & 0xff, 0, 0, 0, 0}, message...))
			return mem
		},
		"part of a message, tcp": func(t *testing.T, w *world) *memConn {
			return say(w.tcp.dial(t, testAddress), message)
		},
		"that, and nothing is read": func(t *testing.T, w *world) *memConn {
			mem := w.tcp.dial(t, testAddress)
			c := tls.Client(mem, &tls.Config{InsecureSkipVerify: true})
			if err := c.Handshake(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			mem.narrow(0)
			for range 15 { // just what may wait
				_, _ = c.Write([]byte(`{"type":"verify","data":"` + strings.Repeat("x", maxEcho-2) + `"}`))
			}
			_, _ = c.Write(message)
			return mem
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.server.Limits.SizeBeforeLogin = size
				w.tls = testTLS(t)
				w.start()
				const peers = 100
				begin(t, w) // what is made once
				synctest.Wait()
				before := memory()
				var all []*memConn
				for range peers {
					all = append(all, begin(t, w))
				}
				synctest.Wait()
				each := (memory() - before) / peers
				t.Logf("%.1f KiB for each peer", float64(each)/1024)
				for _, mem := range all {
					if mem.link.reset || mem.in.ended {
						t.Fatal("the server has ended a connection: nothing was measured")
					}
				}
				if each > 64<<10 {
					t.Errorf("%d bytes for each peer", each)
				}
				for _, mem := range all {
					mem.Close()
				}
			})
		})
	}
}

// memory is what is in use after a collection.
func memory() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
