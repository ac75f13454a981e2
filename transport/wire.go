package transport

import (
	"errors"
	"net"
	"time"
)

// wire is one way of carrying messages over a socket: wsWire or tcpWire. read is
// called by the conn's reader only, write and end by its writer only.
type wire interface {
	// read returns the next message, which is good until the next call. It fails
	// with errGoodbye, errTooBig, errSyntax, or, if the connection was lost, with
	// anything else.
	read() ([]byte, error)
	// setLimit sets the largest message that read returns, in bytes. Anybody may
	// call it.
	setLimit(bytes int)
	// write sends items in their order and returns the bytes written. prefix
	// stands before each event.
	write(items []item, prefix []byte) (int, error)
	// end says goodbye with a close code and closes the socket for writing. If it
	// fails, the socket is of no use any more.
	end(code closeCode) error
	// raw is the socket, for deadlines and for closing it at once.
	raw() *rawConn
	// transport is the name in logs and metrics.
	transport() string
}

// errGoodbye is an end that the peer announced (docs/protocol.md 1.9).
var errGoodbye = errors.New("peer said goodbye")

// item is something to send.
type item struct {
	kind itemKind
	data []byte // never changed
}

type itemKind uint8

const (
	itemFrame itemKind = iota // a complete outer frame
	itemEvent                 // an account event (E2), to be wrapped
	itemPong                  // the answer to a websocket ping; not on TCP
)

// itemCost is what a queued item takes beside its bytes.
const itemCost = 32

func (i item) size() int { return len(i.data) + itemCost }

// appendPayload appends the message that i stands for.
func (i item) appendPayload(dst, prefix []byte) []byte {
	if i.kind != itemEvent {
		return append(dst, i.data...)
	}
	dst = append(dst, prefix...)
	dst = append(dst, i.data...)
	return append(dst, envelopeEnd...)
}

func (i item) payloadSize(prefix []byte) int {
	if i.kind != itemEvent {
		return len(i.data)
	}
	return len(prefix) + len(i.data) + len(envelopeEnd)
}

const (
	chunkSize    = 64 << 10         // bytes collected for one write
	writeTimeout = 10 * time.Second // for one chunk, at most; half of it at least
	lingerTime   = time.Second      // for the peer's goodbye after ours
)

// oneRecord is how much TLS sends as one record.
const oneRecord = 16 << 10

// underlying finds our socket below TLS, or c itself without TLS.
func underlying(c net.Conn) *rawConn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	r, _ := c.(*rawConn)
	return r
}

// halfClose says on all layers that nothing more will be written, and gives the
// peer a moment to say the same. Closing at once could make the peer's system
// throw away what it has not read yet (docs/protocol.md 1.9). It fails if the peer
// does not take even that.
func halfClose(c net.Conn, r *rawConn) error {
	if t, ok := c.(interface{ CloseWrite() error }); ok && c != net.Conn(r) {
		if err := t.CloseWrite(); err != nil {
			return err
		}
	}
	r.closeWrite()
	return r.SetReadDeadline(time.Now().Add(lingerTime))
}
