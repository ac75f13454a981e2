package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// TestWebsocketSizes: frames of every kind of length arrive as they were sent, each
// by itself and many in one batch.
func TestWebsocketSizes(t *testing.T) {
	sizes := []int{0, 1, 125, 126, 127, 65535, 65536, 65537, chunkSize - 1, chunkSize, chunkSize + 1, 300000}
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				if secure {
					w.tls = testTLS(t)
				}
				w.start()
				c := w.connect(overWS)
				c.want(challengeFrame)
				conn := w.conns()[0]
				conn.mu.Lock()
				conn.maxBytes = 1 << 30
				conn.mu.Unlock()
				for _, size := range sizes {
					text := strings.Repeat("x", size)
					conn.send([]byte(text))
					c.want(text)
				}
				for round := range 3 {
					for _, size := range sizes {
						conn.send([]byte(strings.Repeat("y", size+round)))
					}
				}
				for round := range 3 {
					for _, size := range sizes {
						c.want(strings.Repeat("y", size+round))
					}
				}
			})
		})
	}
}

// TestHeaders are the bytes of docs/protocol.md 1.3: final, unmasked, the shortest
// form of the length.
func TestHeaders(t *testing.T) {
	for size, want := range map[int][]byte{
		0:     {0x81, 0},
		125:   {0x81, 125},
		126:   {0x81, 126, 0, 126},
		65535: {0x81, 126, 0xff, 0xff},
		65536: {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0},
	} {
		if got := appendHeader(nil, websocket.TextMessage, size); !bytes.Equal(got, want) {
			t.Errorf("%d: % x, want % x", size, got, want)
		}
	}
}

// TestOneWriteForABatch: everything that is queued leaves in one system call.
func TestOneWriteForABatch(t *testing.T) {
	for _, secure := range []bool{false, true} {
		onBoth(t, func(t *testing.T, w *world, over string) {
			if secure {
				w.tls = testTLS(t)
			}
			w.start()
			ada := w.login("ada", over)
			synctest.Wait()
			ada.mem.narrow(0) // the first event keeps the writer busy
			w.deliver(`{"n":0}`, "acc-ada")
			synctest.Wait()
			atServer := w.conns()[0].wire.raw().Conn.(*memConn)
			before := atServer.writes.Load()
			const count = 100
			for n := 1; n <= count; n++ {
				w.deliver(fmt.Sprintf(`{"n":%d}`, n), "acc-ada")
			}
			ada.mem.narrow(memWindow)
			for n := range count + 1 {
				ada.want(ada.event(fmt.Sprintf(`{"n":%d}`, n)))
			}
			if writes := atServer.writes.Load() - before; writes != 1 {
				t.Errorf("TLS %v: %d writes for %d queued messages", secure, writes, count)
			}
		})
	}
}

// TestFromTheClient: text and binary, whole and in fragments, with pings between
// them.
func TestFromTheClient(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		c := w.connect(overWS)
		c.want(challengeFrame)
		ping := func(n int) []byte { return fmt.Appendf(nil, `{"type":"ping","data":%d}`, n) }
		pong := func(n int) string { return fmt.Sprintf(`{"type":"pong","data":%d}`, n) }
		if err := c.ws.WriteMessage(websocket.BinaryMessage, ping(1)); err != nil {
			t.Fatal(err)
		}
		c.want(pong(1))

		c.net.Write(clientFrame(0x01, ping(2)[:5])) // text, not final
		c.net.Write(clientFrame(0x89, []byte("between")))
		c.net.Write(clientFrame(0x00, ping(2)[5:9]))
		c.net.Write(clientFrame(0x00, nil))
		c.net.Write(clientFrame(0x80, ping(2)[9:]))
		c.want(pong(2))
		c.await("the pong", func() bool { return fmt.Sprint(c.pongs) == "[between]" })

		c.net.Write(clientFrame(0x8a, []byte("a pong nobody asked for")))
		c.net.Write(clientFrame(0x81, nil)) // no JSON
		c.send(string(ping(3)))
		c.want(pong(3))
	})
}

// clientFrame is a masked frame of less than 126 bytes; first is opcode and flags.
func clientFrame(first byte, payload []byte) []byte {
	b := []byte{first, 0x80 | byte(len(payload)), 1, 2, 3, 4}
	for i, p := range payload {
		b = append(b, p^byte(i%4+1))
	}
	return b
}

// TestWebsocketViolations: frames that no client may send end the connection with
// 1002, or at least end it.
func TestWebsocketViolations(t *testing.T) {
	huge := binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, 1<<63)
	for name, frame := range map[string][]byte{
		"not masked":            {0x81, 2, '{', '}'},
		"reserved bit":          clientFrame(0xc1, []byte("{}")),
		"unknown opcode":        clientFrame(0x83, []byte("{}")),
		"fragmented ping":       clientFrame(0x09, nil),
		"continues nothing":     clientFrame(0x80, []byte("{}")),
		"long ping":             {0x89, 0xfe, 0, 126},
		"impossible length":     append(huge, 1, 2, 3, 4),
		"close code of no kind": clientFrame(0x88, []byte{0, 1}),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.start()
				ada := w.login("ada", overWS)
				ada.net.Write(frame)
				<-ada.done
				if ada.mem.link.reset {
					t.Error("reset by the test")
				}
				w.wantCalls("open acc-ada")
			})
		})
	}
}

// TestPromisedLength: a header that promises much makes the server hold nothing.
func TestPromisedLength(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		c := w.connect(overWS)
		c.want(challengeFrame)
		c.net.Write(append(binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, 1<<40), 1, 2, 3, 4, '{'))
		synctest.Wait()
		if held := cap(*w.conns()[0].wire.(*wsWire).held); held > 4<<10 {
			t.Errorf("%d bytes are held", held)
		}
	})
}

// TestCloseHandshake: the client's close frame is answered with one.
func TestCloseHandshake(t *testing.T) {
	for _, code := range []int{websocket.CloseNormalClosure, websocket.CloseGoingAway, 4000} {
		bubble(t, func(t *testing.T, w *world) {
			w.start()
			ada := w.login("ada", overWS)
			message := websocket.FormatCloseMessage(code, "bye")
			if err := ada.ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
			ada.wantEnd(closeNormal)
			time.Sleep(leaveDelay)
			w.wantCalls("open acc-ada", "hide acc-ada") // announced
		})
	}
}

// TestNothingIsNegotiated: neither compression nor a subprotocol (docs/protocol.md
// 1.1).
func TestNothingIsNegotiated(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		mem := w.ws.dial(t, testAddress)
		c, answer, err := dialWS(t, mem, false, map[string][]string{
			"Sec-Websocket-Protocol": {"chat"}, "X-Other": {"1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer mem.Close()
		for _, name := range []string{"Sec-Websocket-Extensions", "Sec-Websocket-Protocol"} {
			if v := answer.Header.Get(name); v != "" {
				t.Errorf("%s: %s", name, v)
			}
		}
		if c.ws.Subprotocol() != "" {
			t.Error("a subprotocol was chosen")
		}
	})
}
