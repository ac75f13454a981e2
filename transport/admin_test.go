package transport

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// serveAdmin runs an Admin until the test ends.
func serveAdmin(t *testing.T, o AdminOptions) *memListener {
	t.Helper()
	o.Metrics = NewMetrics()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a, err := NewAdmin(o)
	if err != nil {
		t.Fatal(err)
	}
	l := newMemListener()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l
}

// TestAdmin: what the admin listener answers to whom (docs/protocol.md 1.1).
func TestAdmin(t *testing.T) {
	const token = "a token of many letters"
	bearer := http.Header{"Authorization": {"Bearer " + token}}
	for _, c := range []struct {
		name, token, target string
		header              http.Header
		status              int
		part                string // of the answer
	}{
		{"alive", "", "/healthz", nil, 200, "ok\n"},
		{"ready", "", "/readyz", nil, 503, "one: ok\ntwo: not open yet\n"},
		{"metrics", "", "/metrics", nil, 200, "presence_connections{transport=\"ws\"} 0\n"},
		{"profiles", "", "/debug/pprof/", nil, 200, "goroutine"},
		{"profile", "", "/debug/pprof/goroutine?debug=1", nil, 200, "goroutine profile"},
		{"command line", "", "/debug/pprof/cmdline", nil, 200, "transport"},
		{"unknown profile", "", "/debug/pprof/nonsense", nil, 404, "Unknown profile"},
		{"unknown", "", "/nothing", nil, 404, "nothing here\n"},
		{"by address", "", "/metrics", http.Header{"Host": {"127.0.0.1:27971"}}, 200, "presence_"},
		{"by name", "", "/metrics", http.Header{"Host": {"evil.example"}}, 403, "by address"},
		{"profile by name", "", "/debug/pprof/heap", http.Header{"Host": {"evil.example:27971"}}, 403, "by address"},
		{"unknown by name", "", "/nothing", http.Header{"Host": {"evil.example:27971"}}, 403, "by address"},
		{"alive by name", "", "/healthz", http.Header{"Host": {"evil.example"}}, 200, "ok\n"},
		{"ready by name", "", "/readyz", http.Header{"Host": {"evil.example"}}, 503, "not ready\n"},

		{"with token", token, "/metrics", bearer, 200, "presence_"},
		{"with token, by name", token, "/metrics", http.Header{"Authorization": bearer["Authorization"], "Host": {"presence.example"}}, 200, "presence_"},
		{"ready with token", token, "/readyz", bearer, 503, "two: not open yet\n"},
		{"without token", token, "/metrics", nil, 401, "token"},
		{"profile without token", token, "/debug/pprof/heap", nil, 401, "token"},
		{"unknown without token", token, "/nothing", nil, 401, "token"},
		{"wrong token", token, "/metrics", http.Header{"Authorization": {"Bearer x"}}, 401, "token"},
		{"empty token", token, "/metrics", http.Header{"Authorization": {"Bearer "}}, 401, "token"},
		{"part of the token", token, "/metrics", http.Header{"Authorization": {"Bearer a token"}}, 401, "token"},
		{"another scheme", token, "/metrics", http.Header{"Authorization": {"Basic " + token}}, 401, "token"},
		{"alive without token", token, "/healthz", nil, 200, "ok\n"},
		{"ready without token", token, "/readyz", nil, 503, "not ready\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := serveAdmin(t, AdminOptions{Token: c.token, Ready: []ReadyCheck{
					{"one", func(context.Context) error { return nil }},
					{"two", func(context.Context) error { return errors.New("not open yet") }},
				}})
				status, header, body := request(t, l.dial(t, testAddress), "GET", c.target, c.header)
				if status != c.status || !strings.Contains(body, c.part) {
					t.Errorf("%d %q, want %d with %q", status, body, c.status, c.part)
				}
				if c.part == "not ready\n" && body != c.part {
					t.Errorf("a stranger is told %q", body)
				}
				if status == 401 && header.Get("WWW-Authenticate") != "Bearer" {
					t.Error("it does not say how to show the token")
				}
				if strings.Contains(body, token) {
					t.Error("the answer has the token")
				}
			})
		})
	}
}

// TestReady: all is well, or a check hangs.
func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ill error
		hang := func(ctx context.Context) error {
			if ill != nil {
				<-ctx.Done()
			}
			return ill
		}
		l := serveAdmin(t, AdminOptions{Ready: []ReadyCheck{{"slow", hang}, {"slow too", hang}}})
		if status, _, body := request(t, l.dial(t, testAddress), "GET", "/readyz", nil); status != 200 || body != "slow: ok\nslow too: ok\n" {
			t.Errorf("%d %q", status, body)
		}
		ill = errors.New("does not answer")
		began := time.Now()
		status, _, body := request(t, l.dial(t, testAddress), "GET", "/readyz", nil)
		if status != 503 || body != "slow: does not answer\nslow too: does not answer\n" || time.Since(began) > readyTime {
			t.Errorf("%d %q after %v", status, body, time.Since(began))
		}
	})
}

// TestAdminStops: a profile under way does not hold it up.
func TestAdminStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := NewAdmin(AdminOptions{Metrics: NewMetrics(), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		l := newMemListener()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx, l) }()
		mem := l.dial(t, testAddress)
		defer mem.Close()
		_, _ = mem.Write([]byte("GET /debug/pprof/heap?seconds=30 HTTP/1.1\r\nHost: localhost\r\n\r\n"))
		synctest.Wait()
		began := time.Now()
		cancel()
		if err := <-ended; err != nil || time.Since(began) > time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestAdminListenerFails: Run says so.
func TestAdminListenerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := NewAdmin(AdminOptions{Metrics: NewMetrics(), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		l := newMemListener()
		broken := errors.New("broken")
		go func() { l.fail <- broken }()
		if err := a.Run(t.Context(), l); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	})
}

func TestAdminOptions(t *testing.T) {
	for _, o := range []AdminOptions{{Metrics: NewMetrics()}, {Log: slog.New(slog.DiscardHandler)}} {
		if _, err := NewAdmin(o); err == nil {
			t.Errorf("%+v: taken", o)
		}
	}
}
