package transport

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// gate makes a turnstile: at most 3 strangers, 5 connections, 2 failures.
func gate() *turnstile {
	return newTurnstile(Limits{
		UnauthenticatedPerAddress: 3, ConnectionsPerAddress: 5, FailuresPerAddress: 2,
		Trusted:        []netip.Prefix{prefix("127.0.0.0/8"), prefix("fe80::/10")},
		TrustedProxies: []netip.Prefix{prefix("10.0.0.0/8")},
	})
}

// enter lets n connections in.
func (g *turnstile) mustAdmit(t *testing.T, ip string, n int) (all []*ticket) {
	t.Helper()
	for range n {
		k, err := g.admit(addr(ip))
		if err != nil {
			t.Fatalf("%s: %v", ip, err)
		}
		all = append(all, k)
	}
	return all
}

func (g *turnstile) mustRefuse(t *testing.T, ip string, why error) {
	t.Helper()
	if _, err := g.admit(addr(ip)); err != why {
		t.Errorf("%s: %v, want %v", ip, err, why)
	}
}

func TestTurnstile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate()
		k := g.mustAdmit(t, "192.0.2.1", 3)
		g.mustRefuse(t, "192.0.2.1", errTooMany)
		g.mustAdmit(t, "192.0.2.2", 3) // somebody else

		k[0].loggedIn()
		k[0].loggedIn()
		k[1].loggedIn()
		k = append(k, g.mustAdmit(t, "192.0.2.1", 2)...)
		g.mustRefuse(t, "192.0.2.1", errTooMany) // five in all, three of them strangers
		k[0].release()
		k[0].release()
		k[0].loggedIn()
		g.mustRefuse(t, "192.0.2.1", errTooMany) // still three strangers
		k[4].release()
		g.mustAdmit(t, "192.0.2.1", 1)[0].release()
		for _, k := range k {
			k.release()
		}
		if u := g.addresses[addr("192.0.2.1")]; u.all != 0 || u.early != 0 {
			t.Errorf("after all have left: %+v", u)
		}
	})
}

// TestTurnstileFailures: refused logins count for a minute.
func TestTurnstileFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate()
		k := g.mustAdmit(t, "192.0.2.1", 1)[0]
		k.failed()
		k.release()
		g.mustAdmit(t, "192.0.2.1", 1)[0].release()
		time.Sleep(30 * time.Second)
		k.failed()
		g.mustRefuse(t, "192.0.2.1", errTooManyFailures)
		g.mustAdmit(t, "192.0.2.2", 1)
		time.Sleep(30*time.Second + time.Millisecond)
		g.mustAdmit(t, "192.0.2.1", 1)
		for range 100 {
			k.failed()
		}
		if n := len(g.addresses[addr("192.0.2.1")].failures); n > 2 {
			t.Errorf("%d failures are kept", n)
		}
	})
}

// TestTurnstileSweep: addresses that take nothing are forgotten.
func TestTurnstileSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate()
		for n := range 200 {
			g.mustAdmit(t, fmt.Sprintf("192.0.2.%d", n), 1)[0].release()
		}
		stays := g.mustAdmit(t, "203.0.113.1", 1)[0]
		g.mustAdmit(t, "203.0.113.2", 1)[0].failed()
		time.Sleep(failureWindow)
		g.mustAdmit(t, "203.0.113.3", 1)
		if len(g.addresses) != 3 {
			t.Errorf("%d addresses are kept", len(g.addresses))
		}
		stays.release()
		time.Sleep(failureWindow)
		g.mustAdmit(t, "203.0.113.3", 1)
		if g.addresses[addr("203.0.113.1")] != nil {
			t.Error("an address that takes nothing is kept")
		}
	})
}

// TestTurnstileAddresses: whom an address stands for.
func TestTurnstileAddresses(t *testing.T) {
	for name, c := range map[string]struct {
		taken, asks string
		why         error
	}{
		"same /64":           {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", errTooMany},
		"another /64":        {"2001:db8:1:2::1", "2001:db8:1:3::1", nil},
		"IPv4 in IPv6":       {"192.0.2.1", "::ffff:192.0.2.1", errTooMany},
		"neighbour":          {"192.0.2.1", "192.0.2.2", nil},
		"trusted":            {"127.0.0.1", "127.0.0.1", nil},
		"trusted, in IPv6":   {"::ffff:127.0.0.1", "::ffff:127.0.0.1", nil},
		"trusted, with zone": {"fe80::1%eth0", "fe80::1%eth0", nil},
		"proxy":              {"10.1.2.3", "10.1.2.3", nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := gate()
			g.mustAdmit(t, c.taken, 3)
			g.mustRefuse(t, c.asks, c.why)
		})
	}
	g := gate()
	for range 10 {
		g.mustAdmit(t, "127.0.0.1", 1)[0].failed()
	}
	if len(g.addresses) != 0 {
		t.Error("failures of a trusted address are counted")
	}
}

// TestTicketMoves: behind a proxy the connection counts for the client.
func TestTicketMoves(t *testing.T) {
	g := gate()
	k := g.mustAdmit(t, "10.1.2.3", 4)
	for n := range 3 {
		if err := k[n].move(addr("::ffff:192.0.2.1")); err != nil {
			t.Fatal(err)
		}
	}
	if err := k[3].move(addr("192.0.2.1")); err != errTooMany {
		t.Errorf("%v", err)
	}
	k[3].release()
	k[0].release()
	if err := k[0].move(addr("192.0.2.1")); err != nil {
		t.Error(err)
	}
	if u := g.addresses[addr("192.0.2.1")]; u.all != 2 || u.early != 2 {
		t.Errorf("%+v; a connection that is closed counts again", u)
	}
	k[1].failed()
	k[1].failed()
	g.mustRefuse(t, "192.0.2.1", errTooManyFailures)
}

// TestTicketsAtOnce: whatever happens at the same time, nothing stays counted.
func TestTicketsAtOnce(t *testing.T) {
	g := newTurnstile(testLimits())
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 100 {
				k, err := g.admit(addr(fmt.Sprintf("192.0.2.%d", i%5)))
				if err != nil {
					t.Error(err)
					return
				}
				var both sync.WaitGroup
				both.Go(func() { _ = k.move(addr(fmt.Sprintf("192.0.2.%d", n))) })
				both.Go(k.loggedIn)
				both.Go(k.release)
				both.Wait()
			}
		})
	}
	all.Wait()
	for a, u := range g.addresses {
		if u.all != 0 || u.early != 0 {
			t.Errorf("%s: %+v", a, u)
		}
	}
}

func TestClientAddress(t *testing.T) {
	l := Limits{TrustedProxies: []netip.Prefix{prefix("10.0.0.0/8"), prefix("fd00::/8")}}
	for name, c := range map[string]struct {
		peer string
		hops []string
		want string
	}{
		"no proxy":             {"192.0.2.1", nil, "192.0.2.1"},
		"header of a stranger": {"192.0.2.1", []string{"203.0.113.9"}, "192.0.2.1"},
		"proxy":                {"10.0.0.1", []string{"203.0.113.9"}, "203.0.113.9"},
		"proxy, no header":     {"10.0.0.1", nil, "10.0.0.1"},
		"invented entries":     {"10.0.0.1", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		"two proxies":          {"10.0.0.1", []string{"1.1.1.1, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		"several headers":      {"10.0.0.1", []string{"1.1.1.1", "203.0.113.9", " 10.0.0.2 "}, "203.0.113.9"},
		"nonsense":             {"10.0.0.1", []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		"nonsense before":      {"10.0.0.1", []string{"unknown, 203.0.113.9"}, "203.0.113.9"},
		"empty":                {"10.0.0.1", []string{""}, "10.0.0.1"},
		"proxies only":         {"10.0.0.1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"with port":            {"10.0.0.1", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		"IPv6":                 {"::ffff:10.0.0.1", []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv6 with port":       {"fd00::1", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		"IPv4 in IPv6":         {"10.0.0.1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"endless":              {"10.0.0.1", []string{"203.0.113.9" + strings.Repeat(", 10.0.0.2", 1000)}, "10.0.0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			for _, v := range c.hops {
				h.Add("X-Forwarded-For", v)
			}
			if got := l.clientAddress(addr(c.peer), h); got != addr(c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestLimitsAreChecked(t *testing.T) {
	for name, spoil := range map[string]func(*Limits){
		"SizeBeforeLogin": func(l *Limits) { l.SizeBeforeLogin = 0 },
		"SizeAfterLogin":  func(l *Limits) { l.SizeAfterLogin = l.SizeBeforeLogin - 1 },
		"QueueBytes":      func(l *Limits) { l.QueueBytes = 0 },
		"Unauthenticated": func(l *Limits) { l.UnauthenticatedPerAddress = 0 },
		"Failures":        func(l *Limits) { l.FailuresPerAddress = 0 },
		"Connections":     func(l *Limits) { l.ConnectionsPerAddress = -1 },
	} {
		l := testLimits()
		spoil(&l)
		if l.check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestLimitsOfConnections: the same on a server.
func TestLimitsOfConnections(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.server.Limits.UnauthenticatedPerAddress = 2
		w.server.Limits.FailuresPerAddress = 3
		w.start()
		l := map[string]*memListener{overWS: w.ws, overTCP: w.tcp}[over]
		refused := func() {
			t.Helper()
			mem := l.dial(t, testAddress)
			if _, err := mem.Read(make([]byte, 1)); err == nil {
				t.Error("let in")
			}
			mem.Close()
		}
		for range 2 {
			w.connect(over).want(challengeFrame)
		}
		refused()
		w.connectFrom(over, "198.51.100.99").want(challengeFrame)
		if n := w.value("presence_connections_refused_total", "reason=many"); n != 1 {
			t.Errorf("%v counted", n)
		}
		time.Sleep(21 * time.Second) // they are gone
		for range 5 {
			w.login("ada", over) // logged in, they do not count
		}
		w.refused(&client{id: "session-x"}, over)
		for range 2 {
			c := w.connect(over)
			c.want(challengeFrame)
			c.send(`{"type":"authenticate","data":null}`)
			c.want(refusedFrame)
			c.wantEnd(closePolicy)
		}
		refused()
		if n := w.value("presence_connections_refused_total", "reason=failures"); n != 1 {
			t.Errorf("%v counted", n)
		}
		time.Sleep(failureWindow + time.Second)
		w.connect(over).want(challengeFrame)
	})
}

// TestLimitsBehindAProxy: the client's address counts, and it hears why it is not
// let in.
func TestLimitsBehindAProxy(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.server.Limits.UnauthenticatedPerAddress = 1
		w.server.Limits.TrustedProxies = []netip.Prefix{prefix("198.51.100.0/24")}
		w.start()
		from := func(ip string) (int, error) {
			mem := w.ws.dial(t, testAddress)
			t.Cleanup(func() { mem.Close() })
			_, answer, err := dialWS(t, mem, false, http.Header{"X-Forwarded-For": {"1.1.1.1, " + ip}})
			return answer.StatusCode, err
		}
		for _, c := range []struct {
			ip     string
			status int
		}{{"203.0.113.1", 101}, {"203.0.113.2", 101}, {"203.0.113.1", 429}} {
			if status, err := from(c.ip); status != c.status {
				t.Errorf("%s: status %d (%v), want %d", c.ip, status, err, c.status)
			}
		}
	})
}
