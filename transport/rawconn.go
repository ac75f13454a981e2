package transport

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// rawConn is the socket below TLS. It notes when the peer was heard last, and it
// can hold written bytes back (cork), so that the TLS records of several messages
// leave in one system call.
type rawConn struct {
	net.Conn
	ticket *ticket
	pool   *buffers
	born   time.Time
	heard  atomic.Int64 // time of the last byte from the peer, nanoseconds since born

	greeted  atomic.Bool // the TLS handshake is complete, or there is none
	greeting int         // owned by the reader: bytes of the handshake

	writeUntil time.Time // owned by the writer: the deadline of what it writes

	// mu orders writers: our own, and TLS itself, which may answer on its own
	// behalf while reading. It is held while writing, as the lock inside every
	// net.Conn is; only the writers of this one socket ever wait for it.
	mu     sync.Mutex
	corked *[]byte // not nil between cork and flush
}

func newRawConn(c net.Conn, t *ticket, pool *buffers) *rawConn {
	return &rawConn{Conn: c, ticket: t, pool: pool, born: time.Now()}
}

// maxGreeting is how many bytes a TLS handshake may have. The messages of an honest
// client are a tenth of that; TLS itself would hold 64 KiB for each.
const maxGreeting = 16 << 10

var errGreeting = errors.New("TLS handshake larger than allowed")

// Read notes that the peer is alive.
func (r *rawConn) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if n > 0 {
		r.touch()
	}
	if !r.greeted.Load() {
		if r.greeting += n; r.greeting > maxGreeting {
			return 0, errGreeting
		}
	}
	return n, err
}

// touch notes that the peer is alive now.
func (r *rawConn) touch() { r.heard.Store(int64(time.Since(r.born))) }

// silence is how long the peer has not been heard.
func (r *rawConn) silence() time.Duration {
	return time.Since(r.born) - time.Duration(r.heard.Load())
}

// Write writes, or keeps p for flush while corked.
func (r *rawConn) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.corked != nil {
		*r.corked = append(*r.corked, p...)
		return len(p), nil
	}
	return r.Conn.Write(p)
}

// allowWrite allows the writer its time for what it writes next. The deadline is
// moved only when half of it is over: to move it costs as much as to encrypt.
func (r *rawConn) allowWrite() error {
	now := time.Now()
	if r.writeUntil.Sub(now) > writeTimeout/2 {
		return nil
	}
	r.writeUntil = now.Add(writeTimeout)
	return r.Conn.SetWriteDeadline(r.writeUntil)
}

// cork holds back what is written until flush.
func (r *rawConn) cork() {
	buf := r.pool.take()
	r.mu.Lock()
	r.corked = buf
	r.mu.Unlock()
}

// flush ends cork and writes what was held back, at once.
func (r *rawConn) flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	buf := r.corked
	r.corked = nil
	if buf == nil {
		return nil
	}
	defer r.pool.put(buf)
	if len(*buf) == 0 {
		return nil
	}
	_, err := r.Conn.Write(*buf)
	return err
}

// closeWrite says that nothing more will be written, if the socket can.
func (r *rawConn) closeWrite() {
	if c, ok := r.Conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // a socket that is gone needs no goodbye
	}
}

// Close closes the socket and gives its place back.
func (r *rawConn) Close() error {
	r.ticket.release()
	return r.Conn.Close()
}
