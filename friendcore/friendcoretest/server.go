package friendcoretest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// The service key and name that a Server expects if Options says nothing else.
const (
	DefaultServiceKey  = "presence-test-key-0001"
	DefaultServiceName = "presence"
)

// Options shape a Server. The zero value is a FriendCore without TLS.
type Options struct {
	ServiceKey  string // [ServiceKeys] of cfg.ini; default DefaultServiceKey
	ServiceName string // default DefaultServiceName
	TLS         bool   // HTTP speaks TLS, as with SSLEnable = 1
	ServiceTLS  bool   // the service websocket too, as behind a TLS proxy
	// HTTPListener and ServiceListener are used, and closed, instead of free
	// ports on 127.0.0.1.
	HTTPListener, ServiceListener net.Listener
	// RequestTimeout is how long an app waits for a service; default 31 s.
	RequestTimeout time.Duration
	// Received is told of every frame that a service sends. It must not block.
	Received func(frame []byte)
}

// TB is what New needs of a test; *testing.T, *testing.B and *testing.F have it.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Server is a running FriendCore. Its methods may be used from any goroutine.
type Server struct {
	options Options
	cert    *certificate
	http    *http.Server
	service *http.Server
	httpLis net.Listener
	servLis net.Listener
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup // listeners and connections

	mu         sync.Mutex // guards the following fields
	closed     bool
	faults     Faults
	users      map[int]*User
	groups     map[int]*Group
	lastUser   int
	lastGroup  int
	lastRow    int
	sessions   map[string]session
	settings   []settingRow
	services   map[*service]struct{}  // all connections
	registered []*service             // one entry per authenticate
	lost       map[*service]struct{}  // connections that end now
	changed    chan struct{}          // closed and replaced when registered or notified changes
	waiting    map[string]chan []byte // for the answer to a request
	lastAsked  int64
	notified   []Notification
}

// New starts a FriendCore with the users fadmin, apiuser and guest. With a test,
// it ends with the test; else the caller must Close it. It panics, or fails the
// test, if no port can be opened.
func New(t TB, o Options) *Server {
	if t != nil {
		t.Helper()
	}
	s, err := start(o)
	switch {
	case err == nil && t != nil:
		t.Cleanup(s.Close)
	case err != nil && t != nil:
		t.Fatalf("friendcoretest: %v", err)
	case err != nil:
		panic(fmt.Sprintf("friendcoretest: %v", err))
	}
	return s
}

func start(o Options) (*Server, error) {
	if o.ServiceKey == "" {
		o.ServiceKey = DefaultServiceKey
	}
	if o.ServiceName == "" {
		o.ServiceName = DefaultServiceName
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 31 * time.Second
	}
	s := &Server{
		options:  o,
		users:    map[int]*User{},
		groups:   map[int]*Group{},
		sessions: map[string]session{},
		services: map[*service]struct{}{},
		lost:     map[*service]struct{}{},
		changed:  make(chan struct{}),
		waiting:  map[string]chan []byte{},
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	if err := s.listen(); err != nil {
		s.stop()
		return nil, err
	}
	s.addFirstUsers()
	s.http = s.serve(s.httpLis, s.counted(s.handleHTTP), o.TLS)
	s.service = s.serve(s.servLis, s.counted(s.handleService), o.ServiceTLS)
	return s, nil
}

// listen opens the ports and, where one speaks TLS, makes a certificate.
func (s *Server) listen() (err error) {
	if s.options.TLS || s.options.ServiceTLS {
		if s.cert, err = newCertificate(); err != nil {
			return fmt.Errorf("make a certificate: %w", err)
		}
	}
	if s.httpLis, err = listener(s.options.HTTPListener); err != nil {
		return fmt.Errorf("open the HTTP port: %w", err)
	}
	if s.servLis, err = listener(s.options.ServiceListener); err != nil {
		s.httpLis.Close()
		return fmt.Errorf("open the service port: %w", err)
	}
	return nil
}

func listener(given net.Listener) (net.Listener, error) {
	if given != nil {
		return given, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// serve answers on a listener until Close. FriendCore closes after each answer
// and knows HTTP/1.1 only.
func (s *Server) serve(l net.Listener, h http.Handler, useTLS bool) *http.Server {
	server := &http.Server{Handler: h, ErrorLog: discard(), ReadHeaderTimeout: 10 * time.Second}
	server.SetKeepAlivesEnabled(false)
	if useTLS {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{s.cert.pair}})
	}
	s.running.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) && s.ctx.Err() == nil {
			panic(fmt.Sprintf("friendcoretest: %v", err))
		}
	})
	return server
}

// counted makes Close wait for the handler.
func (s *Server) counted(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
		s.running.Add(1)
		s.mu.Unlock()
		defer s.running.Done()
		h(w, r)
	}
}

// Close ends all connections without a word, as a FriendCore that stops does, and
// waits until nothing of the server runs any more.
func (s *Server) Close() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		s.stop()
		s.http.Close()
		s.service.Close()
		s.DropServices()
	}
	s.running.Wait()
}

// Host is the address of both ports.
func (s *Server) Host() string { return "127.0.0.1" }

// HTTPPort is the port of module calls ([Core] port).
func (s *Server) HTTPPort() int { return port(s.httpLis) }

// ServicePort is the port of the service websocket ([Core] wsnotificationport).
func (s *Server) ServicePort() int { return port(s.servLis) }

func port(l net.Listener) int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// URL is the base of HTTP calls, without a slash at the end.
func (s *Server) URL() string {
	scheme := "http"
	if s.options.TLS {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, s.Host(), s.HTTPPort())
}

// ServiceURL is the address of the service websocket.
func (s *Server) ServiceURL() string {
	scheme := "ws"
	if s.options.ServiceTLS {
		scheme = "wss"
	}
	return fmt.Sprintf("%s://%s:%d/", scheme, s.Host(), s.ServicePort())
}

// ServiceKey and ServiceName are what a service has to say in authenticate.
func (s *Server) ServiceKey() string  { return s.options.ServiceKey }
func (s *Server) ServiceName() string { return s.options.ServiceName }

// CertPEM is the self-signed certificate, nil without TLS.
func (s *Server) CertPEM() []byte {
	if s.cert == nil {
		return nil
	}
	return s.cert.pem
}

// CertPool holds the self-signed certificate; nil without TLS.
func (s *Server) CertPool() *x509.CertPool {
	if s.cert == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.cert.pem)
	return pool
}
