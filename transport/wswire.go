package transport

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// wsWire carries one message per websocket message (docs/protocol.md 1.3).
//
// The library does the upgrade and the reading. We write the frames ourselves:
// a server's frames are a header of at most ten bytes and the payload as it is,
// so a whole queue becomes one buffer and one write, without a copy and a lock
// per message. All frames, control frames too, go through the conn's queue. The
// one exception is the library's own close frame after a violation of the
// websocket protocol, which cannot land inside one of ours, because each of our
// writes consists of whole frames.
type wsWire struct {
	ws    *websocket.Conn
	net   net.Conn // TLS or the socket itself
	sock  *rawConn
	pool  *buffers
	limit atomic.Int64
	held  *[]byte // the last message read
}

// newWSWire takes over an upgraded connection.
func newWSWire(ws *websocket.Conn, pool *buffers, limit int) *wsWire {
	c := ws.NetConn()
	if h, ok := c.(*headConn); ok {
		c = h.Conn
	}
	w := &wsWire{ws: ws, net: c, sock: underlying(c), pool: pool}
	w.setLimit(limit)
	return w
}

// onPing sets who answers websocket pings, and leaves the answer to a close frame
// to the conn.
func (w *wsWire) onPing(answer func(payload []byte)) {
	w.ws.SetPingHandler(func(payload string) error { answer([]byte(payload)); return nil })
	w.ws.SetCloseHandler(func(int, string) error { return nil })
}

func (w *wsWire) raw() *rawConn      { return w.sock }
func (w *wsWire) setLimit(bytes int) { w.limit.Store(int64(bytes)) }
func (w *wsWire) transport() string  { return "ws" }

func (w *wsWire) read() ([]byte, error) {
	if w.held != nil {
		w.pool.put(w.held)
		w.held = nil
	}
	_, r, err := w.ws.NextReader()
	if err != nil {
		return nil, wsReadError(err)
	}
	w.held = w.pool.take()
	if err := w.readAll(r); err != nil {
		return nil, wsReadError(err)
	}
	return *w.held, nil
}

// readAll reads a message into held, up to the limit. The buffer grows with what
// has arrived, never with what a frame header promises.
func (w *wsWire) readAll(r io.Reader) error {
	for limit := int(w.limit.Load()); ; {
		b := *w.held
		if len(b) >= limit {
			return atEnd(r)
		}
		if len(b) == cap(b) {
			b = append(make([]byte, 0, min(2*len(b), limit)), b...)
		}
		n, err := r.Read(b[len(b):min(cap(b), limit)])
		*w.held = b[:len(b)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// atEnd fails with errTooBig if there is more to read.
func atEnd(r io.Reader) error {
	var more [1]byte
	switch n, err := r.Read(more[:]); {
	case n > 0:
		return errTooBig
	case err != io.EOF:
		return err
	}
	return nil
}

// wsReadError tells a close frame from a loss.
func wsReadError(err error) error {
	var c *websocket.CloseError
	if errors.As(err, &c) && c.Code != websocket.CloseAbnormalClosure {
		return errGoodbye
	}
	return err
}

func (w *wsWire) write(items []item, prefix []byte) (int, error) {
	buf := w.pool.take()
	defer w.pool.put(buf)
	total := 0
	for _, i := range items {
		size := i.payloadSize(prefix)
		if len(*buf) > 0 && len(*buf)+size > chunkSize {
			if err := w.writeChunk(*buf); err != nil {
				return total, err
			}
			total += len(*buf)
			*buf = (*buf)[:0]
		}
		*buf = appendHeader(*buf, i.opcode(), size)
		*buf = i.appendPayload(*buf, prefix)
	}
	err := w.writeChunk(*buf)
	return total + len(*buf), err
}

func (w *wsWire) writeChunk(b []byte) error {
	if err := w.sock.allowWrite(); err != nil {
		return err
	}
	if len(b) <= oneRecord { // one system call as it is
		_, err := w.net.Write(b)
		return err
	}
	w.sock.cork()
	_, err := w.net.Write(b)
	return errors.Join(err, w.sock.flush())
}

func (w *wsWire) end(code closeCode) error {
	text := code.String()
	b := appendHeader(nil, websocket.CloseMessage, 2+len(text))
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	_ = w.sock.SetWriteDeadline(time.Now().Add(lingerTime))
	if _, err := w.net.Write(append(b, text...)); err != nil {
		return err
	}
	return halfClose(w.net, w.sock)
}

func (i item) opcode() byte {
	if i.kind == itemPong {
		return websocket.PongMessage
	}
	return websocket.TextMessage
}

// appendHeader appends the header of an unmasked, final frame.
func appendHeader(dst []byte, opcode byte, size int) []byte {
	const final = 0x80
	dst = append(dst, final|opcode)
	switch {
	case size < 126:
		return append(dst, byte(size))
	case size <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(size))
}
