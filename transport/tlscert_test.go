package transport

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pairAt makes a pair for a domain and returns the texts of both files.
func pairAt(t *testing.T, domain string) (cert, key string) {
	t.Helper()
	folder := t.TempDir()
	if err := makePair(filepath.Join(folder, "c"), filepath.Join(folder, "k"), domain); err != nil {
		t.Fatal(err)
	}
	return read(t, filepath.Join(folder, "c")), read(t, filepath.Join(folder, "k"))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// files are a certificate and its key in a folder.
type files struct {
	t         *testing.T
	cert, key string // paths
	time      time.Time
}

func newFiles(t *testing.T) *files {
	folder := t.TempDir()
	f := &files{t: t, cert: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem"), time: time.Now()}
	cert, key := pairAt(t, "one.example")
	f.write(f.cert, cert)
	f.write(f.key, key)
	return f
}

// write changes a file, and its time even if the clock has not moved.
func (f *files) write(path, text string) {
	f.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.time = f.time.Add(time.Second)
	if err := os.Chtimes(path, f.time, f.time); err != nil {
		f.t.Fatal(err)
	}
}

// TestReload: new files count within seconds, whatever state they are in between.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, log := newFiles(t), &lockedBuffer{}
		c, err := LoadCertificate(f.cert, f.key)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); c.Run(ctx, slog.New(slog.NewTextHandler(log, nil))) }()
		defer func() { cancel(); <-ended }()
		shows := func(domain string) {
			t.Helper()
			time.Sleep(watchEvery)
			synctest.Wait()
			if err := c.Covers(domain); err != nil {
				t.Error(err)
			}
			shown, err := c.TLS().GetCertificate(nil)
			if err != nil || shown.Leaf.VerifyHostname(domain) != nil {
				t.Errorf("a client is shown another certificate (%v)", err)
			}
		}
		shows("one.example")
		cert, key := pairAt(t, "two.example")
		f.write(f.cert, cert[:len(cert)/2])
		shows("one.example") // half written
		f.write(f.cert, cert)
		shows("one.example") // its key is missing
		if n := strings.Count(log.String(), "level=ERROR"); n != 2 || !strings.Contains(log.String(), f.key) {
			t.Errorf("the log tells %d errors:\n%s", n, log)
		}
		shows("one.example")
		f.write(f.key, key)
		shows("two.example")
		if n := strings.Count(log.String(), "level=ERROR"); n != 2 {
			t.Errorf("%d errors: each is told once", n)
		}
		if !strings.Contains(log.String(), c.Fingerprint()) || strings.Contains(log.String(), "PRIVATE") {
			t.Errorf("the log:\n%s", log)
		}
		if err := os.Remove(f.key); err != nil {
			t.Fatal(err)
		}
		shows("two.example") // removed
		f.write(f.key, "nonsense")
		shows("two.example")
	})
}

// TestReloadKeepsConnections: who is connected stays, and who connects is shown the
// new certificate.
func TestReloadKeepsConnections(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		f := newFiles(t)
		c, err := LoadCertificate(f.cert, f.key)
		if err != nil {
			t.Fatal(err)
		}
		w.tls = c.TLS()
		w.start()
		ada, bo := w.login("ada", overWS), w.login("bo", overTCP)
		cert, key := pairAt(t, "two.example")
		f.write(f.cert, cert)
		f.write(f.key, key)
		c.ReloadAndTell(w.server.Log)
		for _, k := range []*client{ada, bo} {
			k.send(`{"type":"ping"}`)
			k.want(`{"type":"pong","data":null}`)
		}
		for _, over := range []string{overWS, overTCP} {
			shown := w.login("cy", over).net.(*tls.Conn).ConnectionState().PeerCertificates[0]
			if err := shown.VerifyHostname("two.example"); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestLoadCertificateFails(t *testing.T) {
	f := newFiles(t)
	_, other := pairAt(t, "two.example")
	for name, spoil := range map[string]func(){
		"missing":     func() { f.cert += ".none" },
		"damaged":     func() { f = newFiles(t); f.write(f.cert, "nonsense") },
		"another key": func() { f = newFiles(t); f.write(f.key, other) },
	} {
		spoil()
		if _, err := LoadCertificate(f.cert, f.key); err == nil || !strings.Contains(err.Error(), f.cert) || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOwnCertificate: the pair is made once, the key is nobody else's to read, and
// it is made anew for another domain only.
func TestOwnCertificate(t *testing.T) {
	folder := t.TempDir()
	own := func(domain string) *Certificate {
		t.Helper()
		c, err := OwnCertificate(folder, domain)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Covers(domain); err != nil {
			t.Error(err)
		}
		return c
	}
	first := own("one.example")
	if len(first.Fingerprint()) != 64 {
		t.Errorf("fingerprint %q", first.Fingerprint())
	}
	if left := time.Until(first.NotAfter()); left > 825*24*time.Hour || left < 800*24*time.Hour {
		t.Errorf("it ends in %v", left)
	}
	if own("one.example").Fingerprint() != first.Fingerprint() {
		t.Error("it was made anew")
	}
	if own("two.example").Fingerprint() == first.Fingerprint() {
		t.Error("it was not made anew for another domain")
	}
	own("192.0.2.1")
	own("2001:db8::1")
	for name, mode := range map[string]os.FileMode{ownKey: 0o600, ownCert: 0o644} {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	if all, _ := os.ReadDir(folder); len(all) != 2 {
		t.Errorf("the folder holds %v", all)
	}
}

// TestOwnCertificateDamaged: a damaged pair is not replaced behind the back of who
// trusts it; the error says what to do.
func TestOwnCertificateDamaged(t *testing.T) {
	folder := t.TempDir()
	if _, err := OwnCertificate(folder, "one.example"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, ownKey), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OwnCertificate(folder, "one.example"); err == nil || !strings.Contains(err.Error(), "remove both files") {
		t.Errorf("%v", err)
	}
	if _, err := OwnCertificate(filepath.Join(folder, "none"), "one.example"); err == nil {
		t.Error("a folder that is not there is no error")
	}
}

// TestRenewal: a pair of our own is renewed before it ends. If that fails, it is tried
// again, but not all the time.
func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder, log := t.TempDir(), &lockedBuffer{}
		c, err := OwnCertificate(folder, "one.example")
		if err != nil {
			t.Fatal(err)
		}
		first, ends := c.Fingerprint(), c.NotAfter()
		time.Sleep(time.Until(ends.Add(-ownRenewal - time.Hour)))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); c.Run(ctx, slog.New(slog.NewTextHandler(log, nil))) }()
		defer func() { cancel(); <-ended }()
		time.Sleep(59 * time.Minute)
		if c.Fingerprint() != first {
			t.Error("it was renewed too early")
		}
		away := folder + ".away"
		if err := os.Rename(folder, away); err != nil {
			t.Fatal(err)
		}
		time.Sleep(90 * time.Minute)
		synctest.Wait()
		if n := strings.Count(log.String(), "could not be renewed"); n != 2 || c.Fingerprint() != first {
			t.Errorf("%d failed renewals in one and a half hours", n)
		}
		if err := os.Rename(away, folder); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if c.Fingerprint() == first || !c.goodFor("one.example") || time.Until(c.NotAfter()) < ownLife-2*time.Hour {
			t.Error("it was not renewed")
		}
		if again, err := OwnCertificate(folder, "one.example"); err != nil || again.Fingerprint() != c.Fingerprint() {
			t.Errorf("the files hold another pair: %v", err)
		}
	})
}

// TestTLSVersions: nothing older than 1.2, and no HTTP/2, under which a websocket
// could not be opened.
func TestTLSVersions(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.tls = testTLS(t)
		w.start()
		for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
			for _, l := range []*memListener{w.ws, w.tcp} {
				mem := l.dial(t, testAddress)
				c := tls.Client(mem, &tls.Config{
					InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version, NextProtos: []string{"h2", "http/1.1"},
				})
				err := c.Handshake()
				if (err == nil) != want {
					t.Errorf("version %x: %v", version, err)
				}
				if p := c.ConnectionState().NegotiatedProtocol; want && p != "http/1.1" {
					t.Errorf("protocol %q", p)
				}
				mem.Close()
			}
		}
	})
}
