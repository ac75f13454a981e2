package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// gateListener lets in whom the limits let in, and puts our rawConn below whatever
// comes on top.
type gateListener struct {
	net.Listener
	srv *Server
}

// Accept returns the next connection that is within the limits. The others are
// closed at once: to say why would cost more than they may.
func (l gateListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		t, err := l.srv.gate.admit(addressOf(c.RemoteAddr()))
		if err != nil {
			l.srv.refused(c.RemoteAddr(), err)
			_ = c.Close()
			continue
		}
		return newRawConn(c, t, l.srv.pool), nil
	}
}

// refused counts a connection that the limits do not allow.
func (s *Server) refused(from net.Addr, err error) {
	if errors.Is(err, errTooManyFailures) {
		s.metrics.refusedFailures.Inc()
	} else {
		s.metrics.refusedMany.Inc()
	}
	s.log.Debug("connection refused", "from", from.String(), "err", err)
}

// addressOf is the address without port; the zero address if it has none.
func addressOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr()
	}
	return netip.Addr{}
}

// Times and sizes of plain HTTP requests, which need no login.
const (
	httpTime    = 15 * time.Second
	httpIdle    = 30 * time.Second
	httpHeaders = 16 << 10
)

// serveWS serves websockets and pages until ctx ends.
func (s *Server) serveWS(ctx context.Context, l net.Listener, config *tls.Config) error {
	server := &http.Server{
		Handler:           http.HandlerFunc(s.route),
		ReadHeaderTimeout: min(s.times.LoginTimeout, httpTime),
		ReadTimeout:       httpTime,
		WriteTimeout:      httpTime,
		IdleTimeout:       httpIdle,
		MaxHeaderBytes:    httpHeaders,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, rawConnKey{}, underlying(c))
		},
		// A websocket needs a connection of its own, which HTTP/2 does not give.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	l = gateListener{l, s}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = server.Close() // ends pages under way; websockets are not its own any more
	})
	err := server.Serve(l)
	if !stop() {
		<-stopped
		return nil
	}
	return fmt.Errorf("serve websockets at %s: %w", l.Addr(), err)
}

// upgrader makes websockets. Small buffers: an idle connection keeps them, and
// larger messages go around them. Our own frames never touch the library's write
// buffer, which is lent for its rare close frames only.
func (s *Server) upgrader() *websocket.Upgrader {
	return &websocket.Upgrader{
		HandshakeTimeout: httpTime,
		ReadBufferSize:   512,
		WriteBufferPool:  &s.closeFrames,
		CheckOrigin:      s.origins.allow,
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			plainText(w, status, reason.Error())
		},
	}
}

// route takes a websocket on whatever path it asks for (docs/protocol.md 1.1);
// everything else is a page.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		s.pages.ServeHTTP(w, r)
		return
	}
	if err := s.countForClient(r); err != nil {
		plainText(w, http.StatusTooManyRequests, err.Error())
		return
	}
	ws, err := s.upgrader().Upgrade(w, r, nil)
	if err != nil {
		s.log.Debug("no websocket", "from", r.RemoteAddr, "err", err)
		return
	}
	if !s.begin() {
		_ = ws.Close()
		return
	}
	// In a goroutine of its own, so that what belongs to the request is given back.
	go func() {
		defer s.running.Done()
		s.serve(newWSWire(ws, s.pool, s.limits.SizeBeforeLogin))
	}()
}

// countForClient counts the connection for the address that a trusted proxy names.
func (s *Server) countForClient(r *http.Request) error {
	raw, ok := r.Context().Value(rawConnKey{}).(*rawConn)
	if !ok {
		return nil
	}
	addr := s.limits.clientAddress(raw.ticket.addr, r.Header)
	if addr == raw.ticket.addr {
		return nil
	}
	if err := raw.ticket.move(addr); err != nil {
		s.refused(raw.RemoteAddr(), err)
		return err
	}
	return nil
}

// rawConnKey is under which a request's context holds its rawConn.
type rawConnKey struct{}

// Pauses between attempts to accept while the system is out of resources.
const (
	firstAcceptPause = 5 * time.Millisecond
	maxAcceptPause   = time.Second
)

// serveTCP serves TLS-TCP until ctx ends.
func (s *Server) serveTCP(ctx context.Context, l net.Listener, config *tls.Config) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	gate := gateListener{l, s}
	for pause := firstAcceptPause; ; {
		c, err := gate.Accept()
		switch {
		case err == nil:
			pause = firstAcceptPause
			s.startTCP(c, config)
		case ctx.Err() != nil:
			return nil
		case !outOfResources(err):
			return fmt.Errorf("serve TLS-TCP at %s: %w", l.Addr(), err)
		default:
			s.log.Warn("no connection can be accepted now", "err", err, "again_in", pause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			pause = min(2*pause, maxAcceptPause)
		}
	}
}

// outOfResources says whether a failed accept may succeed later.
func outOfResources(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// startTCP serves a connection in a goroutine of its own.
func (s *Server) startTCP(c net.Conn, config *tls.Config) {
	if !s.begin() {
		_ = c.Close()
		return
	}
	go func() {
		defer s.running.Done()
		if config != nil {
			t := tls.Server(c, config)
			if err := s.handshake(t); err != nil {
				s.log.Debug("no TLS", "from", c.RemoteAddr().String(), "err", err)
				_ = c.Close()
				return
			}
			c = t
		}
		s.serve(newTCPWire(c, s.pool, s.limits.SizeBeforeLogin))
	}()
}

func (s *Server) handshake(t *tls.Conn) error {
	ctx, cancel := context.WithTimeout(s.base, min(s.times.LoginTimeout, httpTime))
	defer cancel()
	return t.HandshakeContext(ctx)
}
