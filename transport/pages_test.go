package transport

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// request sends a request over a connection of its own and reads the answer.
func request(t testing.TB, c net.Conn, method, target string, header http.Header) (int, http.Header, string) {
	t.Helper()
	defer c.Close()
	r, err := http.NewRequest(method, "http://localhost:27970/", nil)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	text.WriteString(method + " " + target + " HTTP/1.1\r\n")
	host := "localhost:27970"
	if h := header.Get("Host"); h != "" {
		host = h
	}
	text.WriteString("Host: " + host + "\r\n")
	for name, values := range header {
		for _, v := range values {
			if name != "Host" {
				text.WriteString(name + ": " + v + "\r\n")
			}
		}
	}
	text.WriteString("\r\n")
	if _, err := c.Write(text.Bytes()); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

// get asks the websocket port.
func (w *world) get(method, target string, header http.Header) (int, http.Header, string) {
	w.t.Helper()
	return request(w.t, w.ws.dial(w.t, testAddress), method, target, header)
}

func testDemo() *Demo {
	return &Demo{
		Files: fstest.MapFS{
			"index.html":    {Data: []byte("<!doctype html>the demo")},
			"demo.js":       {Data: []byte("// script")},
			"demo.css":      {Data: []byte("/* style */")},
			"img/a.svg":     {Data: []byte("<svg/>")},
			"strange.xyzzy": {Data: []byte("?")},
		},
		Users: []LocalUser{{Login: "ada", Name: "Ada L", AuthID: "auth-1"}},
	}
}

// TestPages: what plain requests get, with and without the demo (docs/protocol.md
// 1.1).
func TestPages(t *testing.T) {
	const none = "nothing here; clients open a websocket\n"
	const users = `[{"login":"ada","name":"Ada L","authId":"auth-1"}]`
	for _, c := range []struct {
		method, target string
		demo           bool
		status         int
		body, kind     string
	}{
		{"GET", "/healthz", false, 200, "ok\n", "text/plain; charset=utf-8"},
		{"HEAD", "/healthz", false, 200, "", "text/plain; charset=utf-8"},
		{"POST", "/healthz", false, 404, none, "text/plain; charset=utf-8"},
		{"GET", "/", false, 404, none, "text/plain; charset=utf-8"},
		{"HEAD", "/", false, 404, "", "text/plain; charset=utf-8"},
		{"PUT", "/nothing", false, 404, none, ""},
		{"BREW", "/", false, 404, none, ""},
		{"OPTIONS", "*", false, 404, none, ""},
		{"GET", "/demo/users.json", false, 404, none, ""},
		{"GET", "/metrics", false, 404, none, ""},
		{"GET", "/debug/pprof/", false, 404, none, ""},
		{"GET", "/../../etc/passwd", false, 404, none, ""},
		{"GET", "/%00%ff", false, 404, none, ""},
		{"GET", "//healthz", false, 404, none, ""},
		{"GET", "/healthz/", false, 404, none, ""},
		{"GET", "http://elsewhere/healthz", false, 200, "ok\n", ""},

		{"GET", "/", true, 200, "<!doctype html>the demo", "text/html; charset=utf-8"},
		{"HEAD", "/", true, 200, "", "text/html; charset=utf-8"},
		{"GET", "/demo/demo.js", true, 200, "// script", "text/javascript; charset=utf-8"},
		{"GET", "/demo/demo.css", true, 200, "/* style */", "text/css; charset=utf-8"},
		{"GET", "/demo/img/a.svg", true, 200, "<svg/>", "image/svg+xml"},
		{"GET", "/demo/strange.xyzzy", true, 200, "?", "application/octet-stream"},
		{"GET", "/demo/index.html", true, 200, "<!doctype html>the demo", "text/html; charset=utf-8"},
		{"GET", "/demo/users.json", true, 200, users, "application/json; charset=utf-8"},
		{"GET", "/demo/", true, 404, "no such file\n", ""},
		{"GET", "/demo/img", true, 404, "no such file\n", ""},
		{"GET", "/demo/none.js", true, 404, "no such file\n", ""},
		{"GET", "/demo/../demo.js", true, 404, "no such file\n", ""},
		{"GET", "/demo/%2e%2e/pages.go", true, 404, "no such file\n", ""},
		{"POST", "/demo/demo.js", true, 404, none, ""},
	} {
		for _, below := range []string{"", "/presence/guest"} {
			target := c.target
			if below != "" && (!strings.HasPrefix(target, "/") || strings.HasPrefix(target, "/..")) {
				continue
			}
			bubble(t, func(t *testing.T, w *world) {
				if c.demo {
					w.server.Demo = testDemo()
				}
				w.start()
				status, header, body := w.get(c.method, below+target, nil)
				if status != c.status || body != c.body {
					t.Errorf("%s %s: %d %q, want %d %q", c.method, below+target, status, body, c.status, c.body)
				}
				if got := header.Get("Content-Type"); c.kind != "" && got != c.kind {
					t.Errorf("%s %s: type %s, want %s", c.method, below+target, got, c.kind)
				}
				if header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s %s: no nosniff", c.method, below+target)
				}
			})
		}
	}
}

// TestPageHeaders: pages may load nothing that is not ours, and nobody keeps them.
func TestPageHeaders(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.server.Demo = testDemo()
		w.start()
		for _, target := range []string{"/", "/demo/demo.js", "/demo/users.json", "/presence/guest/"} {
			_, header, _ := w.get("GET", target, nil)
			for name, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			} {
				if !strings.Contains(header.Get(name), want) {
					t.Errorf("%s: %s is %q", target, name, header.Get(name))
				}
			}
			if strings.Contains(header.Get("Content-Security-Policy"), "unsafe") {
				t.Error("the policy allows scripts in the page")
			}
		}
	})
}

// TestDemoIsLocal: under another name a page of somebody else could read the users.
func TestDemoIsLocal(t *testing.T) {
	for host, status := range map[string]int{
		"localhost": 200, "localhost:27970": 200, "127.0.0.1:27970": 200, "[::1]:27970": 200, "[::1]": 200,
		"evil.example": 403, "evil.example:27970": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403,
		"": 400,
	} {
		bubble(t, func(t *testing.T, w *world) {
			w.server.Demo = testDemo()
			w.start()
			for _, target := range []string{"/", "/demo/users.json", "/demo/demo.js"} {
				header := http.Header{"Host": {host}}
				if host == "" {
					header = http.Header{"Host": {" "}}
				}
				got, _, body := w.get("GET", target, header)
				if host == "" {
					got = max(got, 400) // refused, by whomever
					status = got
				}
				if got != status || status == 403 && strings.Contains(body, "auth-1") {
					t.Errorf("%q %s: %d %q, want %d", host, target, got, body, status)
				}
			}
		})
	}
}

// TestUpgradeIsRefused: a websocket that may not be opened is answered with one line.
func TestUpgradeIsRefused(t *testing.T) {
	upgrade := func(change map[string]string) http.Header {
		h := http.Header{
			"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		}
		for name, v := range change {
			h.Set(name, v)
		}
		return h
	}
	for name, c := range map[string]struct {
		method string
		header http.Header
		status int
	}{
		"origin":      {"GET", upgrade(map[string]string{"Origin": "https://evil.example"}), 403},
		"null origin": {"GET", upgrade(map[string]string{"Origin": "null"}), 403},
		"version":     {"GET", upgrade(map[string]string{"Sec-WebSocket-Version": "8"}), 400},
		"key":         {"GET", upgrade(map[string]string{"Sec-WebSocket-Key": "x"}), 400},
		"method":      {"POST", upgrade(nil), 405},
		"other":       {"GET", upgrade(map[string]string{"Upgrade": "h2c"}), 404},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.server.Origins = []string{"https://friend.example"}
				w.start()
				status, _, body := w.get(c.method, "/", c.header)
				if status != c.status || strings.Count(body, "\n") != 1 || len(body) > 200 {
					t.Errorf("%d %q, want %d and one line", status, body, c.status)
				}
			})
		})
	}
}

func TestOrigins(t *testing.T) {
	for name, c := range map[string]struct {
		list         []string
		origin, host string
		want         bool
	}{
		"all":                 {[]string{"*"}, "https://anybody.example", "here.example", true},
		"listed":              {[]string{"https://friend.example"}, "https://friend.example", "here.example", true},
		"listed, upper case":  {[]string{"https://Friend.Example/"}, "https://friend.EXAMPLE", "here.example", true},
		"another port":        {[]string{"https://friend.example"}, "https://friend.example:8443", "here.example", false},
		"another scheme":      {[]string{"https://friend.example"}, "http://friend.example", "here.example", false},
		"longer":              {[]string{"https://friend.example"}, "https://friend.example.evil.example", "here.example", false},
		"the same host":       {[]string{"https://friend.example"}, "https://here.example:27970", "Here.example:27970", true},
		"program":             {[]string{"https://friend.example"}, "", "here.example", true},
		"null":                {[]string{"https://friend.example"}, "null", "here.example", false},
		"nonsense":            {[]string{"https://friend.example"}, "::::", "here.example", false},
		"no host on any side": {[]string{"https://friend.example"}, "file://", "", false},
	} {
		r := &http.Request{Host: c.host, Header: http.Header{}}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := newOrigins(c.list).allow(r); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestAnyPath: a websocket is taken on whatever path it asks for.
func TestAnyPath(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.server.Demo = testDemo()
		w.start()
		for _, path := range []string{"/", "/presence/guest/", "/healthz", "/demo/demo.js", "/a/b?c=d"} {
			mem := w.ws.dial(t, testAddress)
			mem.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
			line, err := bufio.NewReader(mem).ReadString('\n')
			if err != nil || !strings.HasPrefix(line, "HTTP/1.1 101 ") {
				t.Errorf("%s: %q %v", path, line, err)
			}
			mem.Close()
		}
	})
}

// TestSlowRequests: who does not send a whole header in time is cut, and one request
// is all that a connection may send.
func TestSlowRequests(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		for _, text := range []string{"", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"} {
			mem := w.ws.dial(t, testAddress)
			began := time.Now()
			mem.Write([]byte(text))
			_, _ = io.ReadAll(mem)
			mem.Close()
			if took := time.Since(began); took > httpTime {
				t.Errorf("%q: %v", text, took)
			}
		}
		mem := w.ws.dial(t, testAddress)
		defer mem.Close()
		mem.Write([]byte(strings.Repeat("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 2)))
		answers, err := io.ReadAll(mem)
		if n := strings.Count(string(answers), "200 OK"); n != 1 || err != nil {
			t.Errorf("%d answers, %v", n, err)
		}
	})
}

// TestPageFails: a defect in a page is answered and told, and nothing else happens.
func TestPageFails(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.server.Demo = testDemo()
		w.server.Demo.Files = brokenFiles{w.server.Demo.Files.(fstest.MapFS)}
		w.start()
		status, _, body := w.get("GET", "/demo/panic.js", nil)
		if status != 500 || body != "something went wrong here\n" {
			t.Errorf("%d %q", status, body)
		}
		synctest.Wait()
		if !strings.Contains(w.log.String(), "level=ERROR") || !strings.Contains(w.log.String(), "the page is broken") {
			t.Errorf("the log does not tell it:\n%s", w.log)
		}
		if status, _, _ := w.get("GET", "/healthz", nil); status != 200 {
			t.Errorf("afterwards: %d", status)
		}
	})
}

// brokenFiles panics when one of them is read.
type brokenFiles struct{ fstest.MapFS }

func (b brokenFiles) ReadFile(name string) ([]byte, error) {
	if name == "panic.js" {
		panic("the page is broken")
	}
	return b.MapFS.ReadFile(name)
}

// TestDemoNeedsItsPage: files without index.html are refused at the start.
func TestDemoNeedsItsPage(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		o := w.server
		o.Demo = &Demo{Files: fstest.MapFS{}}
		if _, err := NewServer(o); err == nil || !strings.Contains(err.Error(), "index.html") {
			t.Errorf("%v", err)
		}
	})
}
