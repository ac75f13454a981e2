package transport

import (
	"errors"
	"io"
	"net"
)

// tcpWire carries messages without any framing (docs/protocol.md 1.4). Old Friend
// Chat servers take one read for one message, and a Node.js peer reads one TLS
// record at a time; so each message is one TLS write of its own, which makes one
// record up to 16 KiB, while the records of a batch leave in one system call.
type tcpWire struct {
	net     net.Conn // TLS or the socket itself
	sock    *rawConn
	pool    *buffers
	decoder tcpDecoder
}

func newTCPWire(c net.Conn, pool *buffers, limit int) *tcpWire {
	w := &tcpWire{net: c, sock: underlying(c), pool: pool, decoder: tcpDecoder{r: c}}
	w.setLimit(limit)
	return w
}

func (w *tcpWire) raw() *rawConn      { return w.sock }
func (w *tcpWire) setLimit(bytes int) { w.decoder.limit.Store(int64(bytes)) }
func (w *tcpWire) transport() string  { return "tcp" }

func (w *tcpWire) read() ([]byte, error) {
	b, err := w.decoder.next()
	if errors.Is(err, io.EOF) {
		return nil, errGoodbye
	}
	return b, err
}

func (w *tcpWire) write(items []item, prefix []byte) (int, error) {
	buf := w.pool.take()
	defer w.pool.put(buf)
	total := 0
	for len(items) > 0 {
		n, size, err := w.writeChunk(items, prefix, buf)
		total += size
		if err != nil {
			return total, err
		}
		items = items[n:]
	}
	return total, nil
}

// writeChunk sends the first items together; it returns how many.
func (w *tcpWire) writeChunk(items []item, prefix []byte, buf *[]byte) (n, size int, err error) {
	if err := w.sock.allowWrite(); err != nil {
		return 0, 0, err
	}
	w.sock.cork()
	for n < len(items) && size < chunkSize && err == nil {
		*buf = items[n].appendPayload((*buf)[:0], prefix)
		_, err = w.net.Write(*buf)
		size += len(*buf)
		n++
	}
	return n, size, errors.Join(err, w.sock.flush())
}

// end has no way to tell the code.
func (w *tcpWire) end(closeCode) error {
	return halfClose(w.net, w.sock)
}
