package transport

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v5"
	"golang.org/x/time/rate"
)

// TURNListeners are where clients come in. Run closes them.
type TURNListeners struct {
	UDP       net.PacketConn
	TCP       net.Listener // nil: not offered
	TLS       net.Listener // TCP, for TLS on top; nil: not offered
	TLSConfig *tls.Config  // for TLS
}

// ListenTURN opens listeners at an address such as ":3478", and at tlsAddress, which
// may be empty, the one for TLS with the configuration.
func ListenTURN(address, tlsAddress string, config *tls.Config) (TURNListeners, error) {
	l := TURNListeners{TLSConfig: config}
	var err error
	if l.UDP, err = net.ListenPacket("udp", address); err != nil {
		return TURNListeners{}, fmt.Errorf("open the TURN listener ([turn] listen): %w", err)
	}
	if socket, ok := l.UDP.(*net.UDPConn); ok {
		_ = socket.SetReadBuffer(turnReadBuffer) // the system may grant less
	}
	if l.TCP, err = net.Listen("tcp", address); err != nil {
		return TURNListeners{}, errors.Join(fmt.Errorf("open the TURN listener ([turn] listen): %w", err), l.UDP.Close())
	}
	if tlsAddress == "" {
		return l, nil
	}
	if l.TLS, err = net.Listen("tcp", tlsAddress); err != nil {
		return TURNListeners{}, errors.Join(fmt.Errorf("open the TURN listener for TLS: %w", err), l.UDP.Close(), l.TCP.Close())
	}
	return l, nil
}

// start hands the listeners to the library, which begins to read them.
func (t *TURN) start(l TURNListeners) (*turn.Server, error) {
	config := turn.ServerConfig{
		Realm:              t.options.Realm,
		AuthHandler:        t.authenticate,
		QuotaHandler:       t.withinQuota,
		EventHandler:       t.handlers(),
		LoggerFactory:      silent{},
		AllocationLifetime: allocationLife,
		InboundMTU:         turnMTU,
		// With IPv4 there, relays have it unless the client asks: so all of them
		// reach each other.
		StrictAddressFamily: t.homes[0].announced.Is4(),
	}
	udp := &turnSocket{PacketConn: l.UDP, turn: t}
	config.PacketConnConfigs = []turn.PacketConnConfig{{
		PacketConn: udp, RelayAddressGenerator: relays{t}, PermissionHandler: t.grantFor(l.UDP.LocalAddr()),
	}}
	t.running.Add(1) // the socket's reader
	for _, each := range []struct {
		net.Listener
		config *tls.Config
	}{{l.TCP, nil}, {l.TLS, turnTLS(l.TLSConfig)}} {
		if each.Listener == nil {
			continue
		}
		t.running.Add(1) // its reader
		config.ListenerConfigs = append(config.ListenerConfigs, turn.ListenerConfig{
			Listener:              &turnListener{Listener: each.Listener, turn: t, config: each.config},
			RelayAddressGenerator: relays{t}, PermissionHandler: t.grantFor(each.Addr()),
		})
	}
	server, err := turn.NewServer(config)
	if err != nil { // only if the configuration is wrong: nothing was started
		return nil, fmt.Errorf("start the TURN server: %w", err)
	}
	return server, nil
}

// turnTLS is a configuration without the names of other protocols.
func turnTLS(config *tls.Config) *tls.Config {
	if config == nil {
		return nil
	}
	config = config.Clone()
	config.NextProtos = nil
	return config
}

func (t *TURN) grantFor(ours net.Addr) turn.PermissionHandler {
	return func(client net.Addr, peer net.IP) bool { return t.grant(client, ours, peer) }
}

// Sizes and times of the protocol.
const (
	turnMTU        = 1600 // bytes; longer packets are dropped
	allocationLife = 10 * time.Minute
	turnReadBuffer = 1 << 20 // bytes; all clients share the UDP socket

	stunHeader        = 20 // bytes
	stunCookie        = 0x2112a442
	channelHeader     = 4
	stunClassBits     = 0x0110 // of the type
	stunRequest       = 0x0000
	stunSend          = 0x0016 // indication
	minAllocate       = 28     // bytes: REQUESTED-TRANSPORT is never left out
	stunAllocate      = 0x0003
	channelFirstBits  = 0x40
	messageKindBits   = 0xc0
	lengthAlign       = 4
	shortestTURNFrame = channelHeader
)

// admit says whether the library may see a packet. Data is for clients with a relay;
// requests are counted for the address, since they are answered, and answers to an
// invented source reach somebody who did not ask.
func (t *TURN) admit(p []byte, client netip.Addr, known bool) bool {
	if len(p) < shortestTURNFrame {
		t.figures.malformed.Add(1)
		return false
	}
	if p[0]&messageKindBits == channelFirstBits {
		if !known {
			t.figures.malformed.Add(1)
		}
		return known
	}
	if len(p) < stunHeader || p[0]&messageKindBits != 0 || binary.BigEndian.Uint32(p[4:8]) != stunCookie ||
		len(p) != stunHeader+int(binary.BigEndian.Uint16(p[2:4])) {
		t.figures.malformed.Add(1)
		return false
	}
	kind := binary.BigEndian.Uint16(p[:2])
	switch {
	case kind&stunClassBits != stunRequest:
		return known && kind == stunSend
	case kind == stunAllocate && len(p) < minAllocate:
		t.figures.malformed.Add(1)
		return false
	case !t.strange.allow(client, time.Now()):
		t.figures.overRate.Add(1)
		return false
	}
	return true
}

// turnSocket is the UDP listener as the library sees it.
type turnSocket struct {
	net.PacketConn
	turn  *TURN
	ended sync.Once
}

// ReadFrom returns the next packet that is admitted. It fails only if it will never
// succeed again.
func (s *turnSocket) ReadFrom(p []byte) (int, net.Addr, error) {
	for pause := firstAcceptPause; ; {
		n, from, err := s.PacketConn.ReadFrom(p)
		if err == nil {
			pause = firstAcceptPause
			at, _ := addrPortOf(from)
			known := s.turn.clientRelay(keyOfClient(from, s.LocalAddr())) != nil
			if s.turn.admit(p[:n], at.Addr(), known) {
				return n, from, nil
			}
			continue
		}
		if errors.Is(err, net.ErrClosed) || !outOfResources(err) {
			s.ended.Do(func() { s.turn.end("UDP", err) })
			return 0, nil, err
		}
		time.Sleep(pause)
		pause = min(2*pause, maxAcceptPause)
	}
}

// end notes that the library stops to read a listener.
func (t *TURN) end(what string, err error) {
	defer t.running.Done()
	if errors.Is(err, net.ErrClosed) {
		return
	}
	select {
	case t.failed <- fmt.Errorf("serve TURN over %s: %w", what, err):
	default: // another one failed first
	}
}

// turnListener is a TCP listener as the library sees it. The library reads each
// connection in a goroutine and closes it at the end.
type turnListener struct {
	net.Listener
	turn   *TURN
	config *tls.Config // nil: no TLS
	ended  sync.Once
}

// Accept returns the next connection that is within the limits.
func (l *turnListener) Accept() (net.Conn, error) {
	for pause := firstAcceptPause; ; {
		c, err := l.Listener.Accept()
		if err == nil {
			pause = firstAcceptPause
			if conn := l.turn.letIn(c, l.config); conn != nil {
				return conn, nil
			}
			l.turn.figures.overQuota.Add(1)
			_ = c.Close()
			continue
		}
		if errors.Is(err, net.ErrClosed) || !outOfResources(err) {
			l.ended.Do(func() { l.turn.end("TCP", err) })
			return nil, err
		}
		time.Sleep(pause)
		pause = min(2*pause, maxAcceptPause)
	}
}

// Limits of TCP connections.
const (
	maxBareConns  = 256              // without a relay, in all
	maxBareOfOne  = 64               // without a relay, of one address
	bareLife      = 30 * time.Second // without a relay, from the start or the relay's end
	turnWriteTime = 5 * time.Second
	turnReadAhead = 2 << 10 // bytes
)

// letIn takes a connection; nil: there are too many.
func (t *TURN) letIn(c net.Conn, config *tls.Config) *turnConn {
	at, _ := addrPortOf(c.RemoteAddr())
	conn := &turnConn{Conn: c, turn: t, raw: c, client: customer(at.Addr()), key: keyOfClient(c.RemoteAddr(), c.LocalAddr())}
	if config != nil {
		conn.Conn = tls.Server(c, config)
	}
	conn.since.Store(time.Now().UnixNano())
	t.mu.Lock()
	defer t.mu.Unlock()
	bare, ofOne := 0, 0
	for other := range t.conns {
		if t.clients[other.key] == nil {
			bare++
			if other.client == conn.client {
				ofOne++
			}
		}
	}
	if t.closing || bare >= maxBareConns || ofOne >= maxBareOfOne {
		return nil
	}
	t.conns[conn] = struct{}{}
	t.running.Add(1)
	return conn
}

// turnConn is a client's TCP connection. Read returns one whole frame at a time: the
// library's own framing computes lengths in 16 bits, and goes round for ever at some.
type turnConn struct {
	net.Conn // with TLS, if there is any
	turn     *TURN
	raw      net.Conn
	client   netip.Addr
	key      clientKey
	in       *bufio.Reader
	since    atomic.Int64 // without a relay since then, Unix nanoseconds

	closed sync.Once
}

var errBadFrame = errors.New("not a frame of TURN")

// Read returns the next admitted frame, which p must have room for.
func (c *turnConn) Read(p []byte) (int, error) {
	if c.in == nil { // not before: TLS wants to be greeted within the time, too
		c.in = bufio.NewReaderSize(c.Conn, turnReadAhead)
	}
	for {
		header, err := c.peek(channelHeader)
		if err != nil {
			return 0, err
		}
		size := frameSize(header)
		if size == 0 || size >= min(turnMTU, len(p)+1) {
			c.turn.figures.malformed.Add(1)
			return 0, errBadFrame
		}
		frame, err := c.peek(size)
		if err != nil {
			return 0, err
		}
		n := copy(p, frame)
		_, _ = c.in.Discard(size) // it is in the buffer
		if c.turn.admit(p[:n], c.key.client.Addr(), c.hasRelay()) {
			return n, nil
		}
	}
}

// frameSize is the size in bytes of the frame with the header, with what fills it up;
// 0: it is none.
func frameSize(header []byte) int {
	length := int(binary.BigEndian.Uint16(header[2:4]))
	switch {
	case header[0]&messageKindBits == channelFirstBits:
		return channelHeader + (length+lengthAlign-1)/lengthAlign*lengthAlign
	case header[0]&messageKindBits == 0 && length%lengthAlign == 0:
		return stunHeader + length
	}
	return 0
}

// peek waits for so many bytes; without a relay not for longer than bareLife.
func (c *turnConn) peek(size int) ([]byte, error) {
	for {
		if c.hasRelay() {
			c.since.Store(time.Now().UnixNano())
		}
		if err := c.raw.SetReadDeadline(time.Unix(0, c.since.Load()).Add(bareLife)); err != nil {
			return nil, err
		}
		b, err := c.in.Peek(size)
		if err == nil {
			return b, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || !c.hasRelay() {
			return nil, err
		}
	}
}

func (c *turnConn) hasRelay() bool { return c.turn.clientRelay(c.key) != nil }

// Write sends a frame; a client that does not take it in time is gone.
func (c *turnConn) Write(p []byte) (int, error) {
	if err := c.raw.SetWriteDeadline(time.Now().Add(turnWriteTime)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		c.abort()
	}
	return n, err
}

// abort ends the connection; the library notices, and calls Close.
func (c *turnConn) abort() { _ = c.raw.Close() }

// Close is called by the library when it has stopped to read.
func (c *turnConn) Close() error {
	c.abort()
	c.closed.Do(func() {
		c.turn.mu.Lock()
		delete(c.turn.conns, c)
		c.turn.mu.Unlock()
		c.turn.running.Done()
	})
	return nil
}

// Requests that an address may make. One customer is a whole office at times, and a
// browser makes some ten at the start of a call, for each peer.
const (
	requestRate  = 100 // per second
	requestBurst = 500
	maxRates     = 1 << 14 // addresses that are told apart
)

// rates bound requests per address. Of too many addresses the new ones share one
// bound.
type rates struct {
	mu     sync.Mutex // guards the fields below
	of     map[netip.Addr]*rate.Limiter
	others *rate.Limiter
	swept  time.Time
}

func newRates() *rates {
	return &rates{of: map[netip.Addr]*rate.Limiter{}, others: rate.NewLimiter(requestRate, requestBurst)}
}

// allow counts a request.
func (r *rates) allow(addr netip.Addr, now time.Time) bool {
	key := customer(addr)
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := r.of[key]
	if limit == nil {
		limit = r.addLocked(key, now)
	}
	return limit.AllowN(now, 1)
}

func (r *rates) addLocked(key netip.Addr, now time.Time) *rate.Limiter {
	if len(r.of) >= maxRates && now.Sub(r.swept) > time.Second {
		r.swept = now
		for addr, limit := range r.of {
			if limit.TokensAt(now) >= requestBurst {
				delete(r.of, addr)
			}
		}
	}
	if len(r.of) >= maxRates {
		return r.others
	}
	r.of[key] = rate.NewLimiter(requestRate, requestBurst)
	return r.of[key]
}
