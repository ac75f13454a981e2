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
	"slices"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// gateListener lets in whom the limits let in, and puts our rawConn below whatever
// comes on top.
type gateListener struct {
	net.Listener
	ctx context.Context // ends before the listener is closed
	srv *Server
}

// Pauses between attempts to accept while the system is out of resources.
const (
	firstAcceptPause = 5 * time.Millisecond
	maxAcceptPause   = time.Second
)

// Accept returns the next connection that is within the limits. The others are
// closed at once: to say why would cost more than they may. It fails only if it
// will never succeed again.
func (l gateListener) Accept() (net.Conn, error) {
	for pause := firstAcceptPause; ; {
		c, err := l.Listener.Accept()
		switch {
		case err == nil:
			if r := l.srv.letIn(c); r != nil {
				return r, nil
			}
			pause = firstAcceptPause
		case l.ctx.Err() != nil || !outOfResources(err):
			return nil, err
		default:
			l.srv.log.Warn("no connection can be accepted now", "err", err, "again_in", pause)
			select {
			case <-time.After(pause):
			case <-l.ctx.Done(): // the next attempt fails
			}
			pause = min(2*pause, maxAcceptPause)
		}
	}
}

// outOfResources says whether a failed accept may succeed later.
func outOfResources(err error) bool {
	return slices.ContainsFunc(
		[]error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED},
		func(e error) bool { return errors.Is(err, e) })
}

// letIn counts a connection; nil: the limits do not allow it, and it is closed.
func (s *Server) letIn(c net.Conn) *rawConn {
	t, err := s.gate.admit(addressOf(c.RemoteAddr()))
	if err != nil {
		s.refused(c.RemoteAddr(), err)
		_ = c.Close()
		return nil
	}
	return newRawConn(c, t, s.pool)
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
	httpHeaders = 8 << 10 // net/http adds 4 KiB to that
)

// serveWS serves websockets and pages until ctx ends.
func (s *Server) serveWS(ctx context.Context, l net.Listener, config *tls.Config) error {
	server := &http.Server{
		Handler:           http.HandlerFunc(s.route),
		ReadHeaderTimeout: min(s.times.LoginTimeout, httpTime),
		ReadTimeout:       httpTime,
		WriteTimeout:      httpTime,
		MaxHeaderBytes:    httpHeaders,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, headConnKey{}, c)
		},
		DisableGeneralOptionsHandler: true, // everything goes through route
	}
	// One request for each connection, so that its header can be bounded.
	server.SetKeepAlivesEnabled(false)
	if err := serveHTTP(ctx, server, headListener{gateListener{l, ctx, s}, config}); err != nil {
		return fmt.Errorf("serve websockets at %s: %w", l.Addr(), err)
	}
	return nil
}

// upgrader makes websockets. Small buffers: an idle connection keeps them, and
// larger messages go around them. Our own frames never touch the library's write
// buffer, which is lent for its rare close frames only.
func (s *Server) upgrader() *websocket.Upgrader {
	return &websocket.Upgrader{
		HandshakeTimeout: lingerTime, // for an answer that every socket takes at once
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
	h, ok := r.Context().Value(headConnKey{}).(*headConn)
	if !ok {
		plainText(w, http.StatusInternalServerError, "something went wrong here")
		return
	}
	h.complete.Store(true)
	if !websocket.IsWebSocketUpgrade(r) {
		s.pages.ServeHTTP(w, r)
		return
	}
	if err := s.countForClient(h.sock, r); err != nil {
		plainText(w, http.StatusTooManyRequests, err.Error())
		return
	}
	s.upgrade(w, r)
}

// upgrade opens a websocket. It counts as running from before the moment on when
// net/http does not know it any more.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		plainText(w, http.StatusServiceUnavailable, errStopping.Error())
		return
	}
	ws, err := s.upgrader().Upgrade(w, r, nil)
	if err != nil {
		s.running.Done()
		s.log.Debug("no websocket", "from", r.RemoteAddr, "err", err)
		return
	}
	// In a goroutine of its own, so that what belongs to the request is given back.
	go func() {
		defer s.running.Done()
		s.serve(newWSWire(ws, s.pool, s.limits.SizeBeforeLogin))
	}()
}

// countForClient counts the connection for the address that a trusted proxy names.
func (s *Server) countForClient(sock *rawConn, r *http.Request) error {
	addr := s.limits.clientAddress(sock.ticket.addr, r.Header)
	if addr == sock.ticket.addr {
		return nil
	}
	err := sock.ticket.move(addr)
	if err != nil {
		s.refused(sock.RemoteAddr(), err)
	}
	return err
}

// headConnKey is under which a request's context holds its headConn.
type headConnKey struct{}

// serveTCP serves TLS-TCP until ctx ends.
func (s *Server) serveTCP(ctx context.Context, l net.Listener, config *tls.Config) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	defer l.Close() // it may be closed already
	for gate := (gateListener{l, ctx, s}); ; {
		c, err := gate.Accept()
		switch {
		case err == nil:
			s.startTCP(ctx, c, config)
		case ctx.Err() != nil:
			return nil
		default:
			return fmt.Errorf("serve TLS-TCP at %s: %w", l.Addr(), err)
		}
	}
}

// startTCP serves a connection in a goroutine of its own.
func (s *Server) startTCP(ctx context.Context, c net.Conn, config *tls.Config) {
	if !s.begin() {
		_ = c.Close()
		return
	}
	go func() {
		defer s.running.Done()
		secured, err := s.handshake(ctx, c, config)
		if err != nil {
			s.log.Debug("no TLS", "from", c.RemoteAddr().String(), "err", err)
			_ = c.Close()
			return
		}
		s.serve(newTCPWire(secured, s.pool, s.limits.SizeBeforeLogin))
	}()
}

// handshake adds TLS, if there is a configuration; not for longer than a stranger
// may take, or until the server stops.
func (s *Server) handshake(ctx context.Context, c net.Conn, config *tls.Config) (net.Conn, error) {
	defer underlying(c).greeted.Store(true)
	if config == nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, min(s.times.LoginTimeout, httpTime))
	defer cancel()
	t := tls.Server(c, config)
	return t, t.HandshakeContext(ctx)
}
