package transport

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/turn/v5"
)

func testTURNOptions() TURNOptions {
	return TURNOptions{
		Realm: "presence.test", Secret: "a secret of the test", TTL: time.Hour,
		Listen: netip.MustParseAddr("127.0.0.1"), Port: 3478, FirstRelay: 40000, LastRelay: 48999,
		MaxAllocations: 100, MaxAllocationsPerUser: 10,
		Log: slog.New(slog.DiscardHandler),
	}
}

func newTestTURN(t testing.TB, change func(*TURNOptions)) *TURN {
	t.Helper()
	o := testTURNOptions()
	if change != nil {
		change(&o)
	}
	s, err := NewTURN(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accepted says whether the server has a key for the name.
func accepted(s *TURN, name string) bool {
	_, _, ok := s.authenticate(&turn.RequestAttributes{Username: name, Realm: s.options.Realm})
	return ok
}

func TestTURNCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestTURN(t, nil)
		name, password := s.Credentials("acc:1", "live-1", time.Now())

		if want := fmt.Sprintf("%d:acc:1:", time.Now().Add(time.Hour).Unix()); !strings.HasPrefix(name, want) {
			t.Errorf("the username %q does not begin with %q", name, want)
		}
		if strings.Contains(name, "live-1") {
			t.Errorf("the username %q shows the session", name)
		}
		mac := hmac.New(sha1.New, []byte("a secret of the test"))
		mac.Write([]byte(name))
		if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); password != want {
			t.Errorf("the password is %q, want %q", password, want)
		}
		_, key, ok := s.authenticate(&turn.RequestAttributes{Username: name, Realm: "presence.test"})
		if want := turn.GenerateAuthKey(name, "presence.test", password); !ok || string(key) != string(want) {
			t.Errorf("the server's key is %x (%v), want %x", key, ok, want)
		}
		if _, _, ok := s.authenticate(&turn.RequestAttributes{Username: name, Realm: "other"}); ok {
			t.Error("another realm is accepted")
		}
		time.Sleep(time.Hour)
		if accepted(s, name) {
			t.Error("the credentials are accepted after their end")
		}
	})
}

func TestTURNUsernames(t *testing.T) {
	s := newTestTURN(t, nil)
	in := time.Now().Add(time.Hour).Unix() + 1
	for _, name := range []string{
		"", ":", "::", "x", "x:y:0123456789abcdef", fmt.Sprint(in), fmt.Sprintf("%d:", in), fmt.Sprintf("%d:acc", in),
		fmt.Sprintf("%d::0123456789abcdef", in), fmt.Sprintf("%d:acc:short", in),
		fmt.Sprintf("9%d:%s:0123456789abcdef", in, strings.Repeat("x", 500)), "99999999999999999999:acc:0123456789abcdef",
		"-5:acc:0123456789abcdef", "0:acc:0123456789abcdef",
	} {
		if accepted(s, name) {
			t.Errorf("%q is accepted", name)
		}
	}
	if got, want := s.RefusedLogins(), uint64(14); got != want {
		t.Errorf("%d refused logins, want %d", got, want)
	}
}

// TestTURNRevoke: who has left a session is refused, who comes back at once is not;
// other sessions and accounts are not touched.
func TestTURNRevoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestTURN(t, nil)
		left, _ := s.Credentials("a", "one", time.Now())
		elsewhere, _ := s.Credentials("a", "two", time.Now())
		other, _ := s.Credentials("b", "one", time.Now())
		for range 3 {
			s.Revoke("a", "one")
			if accepted(s, left) {
				t.Fatal("the account is accepted after it left")
			}
			back, _ := s.Credentials("a", "one", time.Now())
			if back == left || !accepted(s, back) {
				t.Fatal("the account is refused after it came back")
			}
			left = back
		}
		if !accepted(s, elsewhere) || !accepted(s, other) {
			t.Error("revoking touched others")
		}
		time.Sleep(time.Hour + 10*time.Second)
		s.sweep(time.Now())
		if n := len(s.revoked.accounts); n != 0 {
			t.Errorf("%d revocations are left after their end", n)
		}
	})
}

// TestTURNRestart: what was handed out before the start is refused.
func TestTURNRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, _ := newTestTURN(t, nil).Credentials("a", "one", time.Now())
		time.Sleep(time.Minute)
		s := newTestTURN(t, nil)
		if accepted(s, before) {
			t.Error("credentials of the process before are accepted")
		}
		if now, _ := s.Credentials("a", "one", time.Now()); !accepted(s, now) {
			t.Error("new credentials are refused")
		}
	})
}

// TestTURNRevocationsBounded: too many revocations refuse more, never less.
func TestTURNRevocationsBounded(t *testing.T) {
	r := newRevocations(0)
	for n := range int64(10 * maxRevokedSessions) {
		r.add(turnUser{account: "a", tag: fmt.Sprint("s", n)}, 1000+n, 0)
	}
	if n := len(r.accounts["a"].sessions); n > maxRevokedSessions {
		t.Errorf("%d sessions of one account, want at most %d", n, maxRevokedSessions)
	}
	for n := range int64(10 * maxRevokedSessions) {
		if c := r.cutoff(turnUser{account: "a", tag: fmt.Sprint("s", n)}); c < 1000+n {
			t.Fatalf("session %d is accepted from %d on, want %d", n, c+1, 1000+n+1)
		}
	}
	for n := range int64(maxRevokedAccounts + 10) {
		r.add(turnUser{account: fmt.Sprint("b", n), tag: "s"}, 5000+n, 0)
	}
	if n := len(r.accounts); n > maxRevokedAccounts {
		t.Errorf("%d accounts, want at most %d", n, maxRevokedAccounts)
	}
	for n := range int64(maxRevokedAccounts + 10) {
		if c := r.cutoff(turnUser{account: fmt.Sprint("b", n), tag: "s"}); c < 5000+n {
			t.Fatalf("account %d is accepted from %d on, want %d", n, c+1, 5000+n+1)
		}
	}
}

func TestTURNSecret(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "turn-secret")
	first, err := TURNSecret(folder)
	if err != nil || len(first) != 64 {
		t.Fatalf("the first secret has %d characters, %v", len(first), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v, want mode 0600", info, err)
	}
	if again, err := TURNSecret(folder); again != first || err != nil {
		t.Errorf("the secret is another one the second time, %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, ".new*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := TURNSecret(folder); err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), first) {
		t.Errorf("a readable file: %v", err)
	}
	for _, text := range []string{"", "short", strings.Repeat("x", maxTURNSecret+1)} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := TURNSecret(folder); err == nil || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("a file of %d bytes: %v", len(text), err)
		}
	}
	if _, err := TURNSecret(filepath.Join(folder, "missing")); err == nil {
		t.Error("a missing folder is no error")
	}
}
