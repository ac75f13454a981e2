package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"presence/cfg"
	"presence/transport"
	"presence/web"
)

// demoUsers are those whom visitors of the demo can be.
var demoUsers = [...]struct{ login, name, admin string }{
	{"alice", "Alice Example", ", admin"},
	{"bob", "Bob Example", ""},
	{"carol", "Carol Example", ""},
}

// runDemo is presence demo: everything on loopback, without TLS, in one folder.
func runDemo(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	folder := flags.String("dir", "presence-demo", "`folder` for everything that the demo keeps")
	port := flags.Int("port", 27970, "`port` of the page; the admin listener and the TURN server have the next two")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *port < 1 || *port > 65533 {
		return usageError{fmt.Errorf("presence demo: port %d is not between 1 and 65533", *port)}
	}
	if err := os.MkdirAll(*folder, 0o700); err != nil {
		return fmt.Errorf("make the demo's folder (-dir): %w", err)
	}
	secret, err := demoSecret(filepath.Join(*folder, "demo-secret"))
	if err != nil {
		return fmt.Errorf("keep the secret of the demo's users: %w", err)
	}
	c, _, err := cfg.Parse("the demo's settings", demoSettings(*folder, *port, secret))
	if err != nil {
		return err
	}
	file, _ := openLogFile("") // standard error never fails to open
	s := &service{config: c, log: newLog(c.Log, file, new(slog.LevelVar)), demo: demoPage(c)}
	s.ready = func() {
		fmt.Printf("\nPresence demo: http://localhost:%d/\n\n"+
			"Open it in two windows and be two people. Everything is kept in %s; Ctrl-C ends the demo.\n\n", *port, *folder)
	}
	err = s.run(ctx)
	if err != nil && strings.Contains(err.Error(), "address already in use") {
		return fmt.Errorf("%w; is a demo running already? Another port: presence demo -port %d", err, *port+10)
	}
	return err
}

func demoPage(c *cfg.Config) *transport.Demo {
	d := &transport.Demo{Files: web.Demo()}
	for _, u := range c.LocalUsers.Users {
		d.Users = append(d.Users, transport.LocalUser{Login: u.Login, AuthID: u.AuthID.Reveal(), Name: u.Name, Admin: u.Admin})
	}
	return d
}

// demoSettings is the demo's presence.ini. Pages of others must not connect: the
// users' authids are for this page only.
func demoSettings(folder string, port int, secret []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[server]\ndata_dir = %q\n[tls]\noff = true\n[tcp]\nenabled = false\n", folder)
	fmt.Fprintf(&b, "[ws]\nbind = 127.0.0.1\nport = %d\norigins = http://localhost:%d, http://127.0.0.1:%d\n", port, port, port)
	fmt.Fprintf(&b, "[admin]\nlisten = 127.0.0.1:%d\n[turn]\nlisten = 127.0.0.1:%d\ntls_port = 0\n[log]\nlevel = warn\n[local_users]\n", port+1, port+2)
	for _, u := range demoUsers {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(u.login))
		fmt.Fprintf(&b, "%s = %s, %s%s\n", u.login, hex.EncodeToString(mac.Sum(nil)[:16]), u.name, u.admin)
	}
	return b.String()
}

// demoSecret reads what the authids are made from, or makes it at the first start,
// so that a page that is open finds its user again after a restart.
func demoSecret(path string) ([]byte, error) {
	secret, err := os.ReadFile(path)
	switch {
	case err == nil && len(secret) == sha256.Size:
		return secret, nil
	case err == nil:
		return nil, fmt.Errorf("%s is damaged; remove it", path)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	secret = make([]byte, sha256.Size)
	rand.Read(secret) // never fails (crypto/rand)
	return secret, os.WriteFile(path, secret, 0o600)
}
