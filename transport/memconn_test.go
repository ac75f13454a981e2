package transport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// memConn is one end of a connection in memory that behaves as a socket does: what
// is written waits in a window of limited size until the peer reads it.
type memConn struct {
	link          *memLink
	in, out       *memStream
	local, remote net.Addr
	writes        atomic.Int64 // calls of Write: the system calls of a socket

	// guarded by link.mu
	closed               bool
	readLimit, sendLimit memDeadline
}

// memLink is what both ends share.
type memLink struct {
	mu     sync.Mutex
	change *sync.Cond
	reset  bool
}

// memStream is one direction.
type memStream struct {
	data   []byte
	window int
	ended  bool // the writer has said that nothing follows
	gone   bool // nobody reads any more
}

type memDeadline struct {
	at    time.Time
	timer *time.Timer
}

const memWindow = 1 << 20

// memPipe returns both ends of a connection.
func memPipe(server, client net.Addr) (atServer, atClient *memConn) {
	link := &memLink{}
	link.change = sync.NewCond(&link.mu)
	up, down := &memStream{window: memWindow}, &memStream{window: memWindow}
	atServer = &memConn{link: link, in: up, out: down, local: server, remote: client}
	atClient = &memConn{link: link, in: down, out: up, local: client, remote: server}
	return atServer, atClient
}

var (
	errReset  = &net.OpError{Op: "read", Net: "mem", Err: syscall.ECONNRESET}
	errBroken = &net.OpError{Op: "write", Net: "mem", Err: syscall.EPIPE}
)

func (d *memDeadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (c *memConn) Read(p []byte) (int, error) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, net.ErrClosed
		case c.link.reset:
			return 0, errReset
		case c.readLimit.passed():
			return 0, os.ErrDeadlineExceeded
		case len(c.in.data) > 0:
			n := copy(p, c.in.data)
			c.in.data = c.in.data[n:]
			if len(c.in.data) == 0 {
				c.in.data = nil
			}
			c.link.change.Broadcast()
			return n, nil
		case c.in.ended:
			return 0, io.EOF
		}
		c.link.change.Wait()
	}
}

func (c *memConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	written := 0
	for {
		switch room := c.out.window - len(c.out.data); {
		case c.closed:
			return written, net.ErrClosed
		case c.link.reset, c.out.gone, c.out.ended:
			return written, errBroken
		case c.sendLimit.passed():
			return written, os.ErrDeadlineExceeded
		case room > 0 || len(p) == written:
			n := min(room, len(p)-written)
			c.out.data = append(c.out.data, p[written:written+n]...)
			written += n
			c.link.change.Broadcast()
			if written == len(p) {
				return written, nil
			}
			continue
		}
		c.link.change.Wait()
	}
}

// do changes something and wakes whoever waits.
func (c *memConn) do(change func()) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	change()
	c.link.change.Broadcast()
}

func (c *memConn) Close() error {
	c.do(func() { c.closed, c.out.ended, c.in.gone = true, true, true })
	return nil
}

func (c *memConn) CloseWrite() error {
	c.do(func() { c.out.ended = true })
	return nil
}

// lose breaks the connection as a lost network does, once it is noticed.
func (c *memConn) lose() { c.do(func() { c.link.reset = true }) }

// narrow sets how many bytes from the peer may wait here.
func (c *memConn) narrow(window int) { c.do(func() { c.in.window = window }) }

func (c *memConn) setDeadline(d *memDeadline, t time.Time) {
	c.do(func() {
		if d.timer != nil {
			d.timer.Stop()
		}
		d.at, d.timer = t, nil
		if !t.IsZero() {
			d.timer = time.AfterFunc(time.Until(t), func() { c.do(func() {}) })
		}
	})
}

func (c *memConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
func (c *memConn) SetReadDeadline(t time.Time) error  { c.setDeadline(&c.readLimit, t); return nil }
func (c *memConn) SetWriteDeadline(t time.Time) error { c.setDeadline(&c.sendLimit, t); return nil }
func (c *memConn) LocalAddr() net.Addr                { return c.local }
func (c *memConn) RemoteAddr() net.Addr               { return c.remote }

// memListener accepts connections in memory.
type memListener struct {
	addr  net.Addr
	conns chan net.Conn
	fail  chan error // what Accept shall fail with
	done  chan struct{}
	once  sync.Once
}

func newMemListener() *memListener {
	return &memListener{
		addr: tcpAddr("192.0.2.1"), conns: make(chan net.Conn), fail: make(chan error), done: make(chan struct{}),
	}
}

func tcpAddr(ip string) net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), 40000))
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case err := <-l.fail:
		return nil, err
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *memListener) Addr() net.Addr { return l.addr }

// dial connects from an address.
func (l *memListener) dial(t testing.TB, ip string) *memConn {
	t.Helper()
	atServer, atClient := memPipe(l.addr, tcpAddr(ip))
	select {
	case l.conns <- atServer:
	case <-l.done:
		t.Fatal("the listener is closed")
	}
	return atClient
}
