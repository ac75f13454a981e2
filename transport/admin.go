package transport

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ReadyCheck is something that must be well for the service to be ready.
type ReadyCheck struct {
	Name string
	// Check returns nil, or what is missing: one line without secrets.
	Check func(context.Context) error
}

// AdminOptions are what an Admin is made of.
type AdminOptions struct {
	Token   string // that callers must show; empty: none, for loopback only
	Metrics *Metrics
	Log     *slog.Logger
	Ready   []ReadyCheck
}

// Admin answers what supervisors and administrators ask: is it alive, is it ready,
// figures, profiles.
type Admin struct {
	token  string
	checks []ReadyCheck
	routes http.Handler
	errors *log.Logger
}

// adminIdle is how long a connection waits for its next request.
const adminIdle = 30 * time.Second

// NewAdmin returns an Admin that listens nowhere yet.
func NewAdmin(o AdminOptions) (*Admin, error) {
	if o.Metrics == nil || o.Log == nil {
		return nil, errors.New("transport: AdminOptions.Metrics and Log are needed")
	}
	a := &Admin{
		token: o.Token, checks: o.Ready,
		errors: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	engine := newEngine(o.Log)
	engine.Use(a.guard)
	engine.NoRoute(func(c *gin.Context) { plainText(c.Writer, http.StatusNotFound, "nothing here") })
	readable(engine, "/healthz", func(c *gin.Context) { plainText(c.Writer, http.StatusOK, "ok") })
	readable(engine, "/readyz", a.ready)
	readable(engine, "/metrics", gin.WrapH(promhttp.HandlerFor(o.Metrics.registry, promhttp.HandlerOpts{})))
	profiles := engine.Group("/debug/pprof")
	readable(profiles, "/*name", func(c *gin.Context) { profile(c.Param("name"))(c.Writer, c.Request) })
	a.routes = engine
	return a, nil
}

// profile finds what answers for a profile.
func profile(name string) http.HandlerFunc {
	switch name {
	case "/cmdline":
		return pprof.Cmdline
	case "/profile":
		return pprof.Profile
	case "/symbol":
		return pprof.Symbol
	case "/trace":
		return pprof.Trace
	}
	return pprof.Index
}

// Run answers on l until ctx ends.
func (a *Admin) Run(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: a.routes, ReadHeaderTimeout: httpTime, IdleTimeout: adminIdle, MaxHeaderBytes: httpHeaders,
		ErrorLog: a.errors,
		// Requests, profiles among them, end with the service.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	if err := serveHTTP(ctx, server, l); err != nil {
		return fmt.Errorf("serve the admin listener at %s: %w", l.Addr(), err)
	}
	return nil
}

// guard asks for the token. Without one only this machine can reach the listener;
// then it refuses names, under which a page in a browser of this machine could
// reach it as well.
func (a *Admin) guard(c *gin.Context) {
	path := c.Request.URL.Path
	switch {
	case path == "/healthz" || path == "/readyz" || a.mayAsk(c.Request):
	case a.token == "":
		plainText(c.Writer, http.StatusForbidden, "ask for this listener by address, or set [admin] token")
		c.Abort()
	default:
		c.Writer.Header().Set("WWW-Authenticate", "Bearer")
		plainText(c.Writer, http.StatusUnauthorized, "the token of [admin] is needed: Authorization: Bearer …")
		c.Abort()
	}
}

func (a *Admin) mayAsk(r *http.Request) bool {
	if a.token == "" {
		return isHere(r.Host)
	}
	shown, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(shown), []byte(a.token)) == 1
}

// isHere says whether the Host of a request is an address or localhost.
func isHere(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// readyTime bounds all checks together.
const readyTime = 3 * time.Second

// ready answers with one line for each check; who may not ask for more learns only
// whether all is well.
func (a *Admin) ready(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), readyTime)
	defer cancel()
	lines, ok := a.ask(ctx)
	status := http.StatusOK
	if !ok {
		status = http.StatusServiceUnavailable
	}
	if !a.mayAsk(c.Request) {
		lines = []string{map[bool]string{true: "ready", false: "not ready"}[ok]}
	}
	plainText(c.Writer, status, strings.Join(lines, "\n"))
}

func (a *Admin) ask(ctx context.Context) (lines []string, ok bool) {
	lines = make([]string, len(a.checks))
	failed := make([]bool, len(a.checks))
	var all sync.WaitGroup
	for n, check := range a.checks {
		all.Go(func() {
			lines[n] = check.Name + ": ok"
			if err := check.Check(ctx); err != nil {
				lines[n], failed[n] = check.Name+": "+err.Error(), true
			}
		})
	}
	all.Wait()
	ok = true
	for _, f := range failed {
		ok = ok && !f
	}
	return lines, ok
}
