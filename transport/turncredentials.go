package transport

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The secret's file in data_dir, and the bounds of what it may hold, in bytes.
const (
	turnSecretFile = "turn-secret"
	minTURNSecret  = 16
	maxTURNSecret  = 4096
)

// TURNSecret returns the secret that is kept in the folder, making it at the first
// start. Only the owner may read the file.
func TURNSecret(dataDir string) (string, error) {
	path := filepath.Join(dataDir, turnSecretFile)
	secret, err := readTURNSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := makeTURNSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make the secret of TURN: %w", err)
	}
	return readTURNSecret(path) // ours, or that of a process that was faster
}

func readTURNSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the secret of TURN: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("read the secret of TURN: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("the secret of TURN in %s can be read by others; chmod 600 it", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxTURNSecret+1))
	if err != nil {
		return "", fmt.Errorf("read the secret of TURN: %w", err)
	}
	secret := string(bytes.TrimSpace(text))
	if len(secret) < minTURNSecret || len(text) > maxTURNSecret {
		return "", fmt.Errorf("%s must hold %d to %d characters; remove it to have a new secret made",
			path, minTURNSecret, maxTURNSecret)
	}
	return secret, nil
}

// makeTURNSecret writes the file beside its place and links it there, so that nobody
// reads half of it and a secret that is in use is never replaced.
func makeTURNSecret(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-"+turnSecretFile+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	_, err = fmt.Fprintln(f, hex.EncodeToString(random))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

// Bounds of a username, bytes. RFC 8489 14.3 allows 508.
const (
	maxTURNUsername = 508
	sessionTagBytes = 8
)

// turnUser is what a username says: <unix expiry>:<account id>:<session tag>.
type turnUser struct {
	expiry  int64 // Unix seconds
	account string
	tag     string // stands for a live session of the account; hex
}

func (u turnUser) String() string {
	return strconv.FormatInt(u.expiry, 10) + ":" + u.account + ":" + u.tag
}

// parseTURNUser takes a username apart. It says nothing about who made it.
func parseTURNUser(name string) (turnUser, bool) {
	if len(name) > maxTURNUsername {
		return turnUser{}, false
	}
	first, last := strings.IndexByte(name, ':'), strings.LastIndexByte(name, ':')
	if first < 0 || first == last {
		return turnUser{}, false
	}
	expiry, err := strconv.ParseInt(name[:first], 10, 64)
	u := turnUser{expiry, name[first+1 : last], name[last+1:]}
	return u, err == nil && u.account != "" && len(u.tag) == 2*sessionTagBytes
}

// Credentials are for one account in one live session. They end after the options'
// TTL.
//
// The username is <unix expiry>:<account id>:<tag of the session>, the password
// base64(HMAC-SHA1(secret, username)): what servers with a shared secret agree on.
func (t *TURN) Credentials(account, session string, now time.Time) (username, password string) {
	u := turnUser{now.Add(t.options.TTL).Unix(), account, t.sessionTag(account, session)}
	u.expiry = max(u.expiry, t.revoked.cutoff(u)+1) // after leaving one may come back at once
	username = u.String()
	return username, t.password(username)
}

// sessionTag stands for a session in usernames, which travel in the clear.
func (t *TURN) sessionTag(account, session string) string {
	mac := hmac.New(sha256.New, []byte(t.options.Secret))
	fmt.Fprintf(mac, "%d:%s%s", len(account), account, session)
	return hex.EncodeToString(mac.Sum(nil)[:sessionTagBytes])
}

func (t *TURN) password(username string) string {
	mac := hmac.New(sha1.New, []byte(t.options.Secret))
	_, _ = io.WriteString(mac, username) // never fails
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Revoke refuses from now on all credentials that the account was given for the
// session, and ends the relays that were opened with them.
func (t *TURN) Revoke(account, session string) {
	now := time.Now()
	u := turnUser{account: account, tag: t.sessionTag(account, session)}
	t.revoked.add(u, now.Add(t.options.TTL).Unix(), now.Unix())
	t.closeRelays(func(r *relay) bool { return r.user.account == u.account && r.user.tag == u.tag })
}

// Most that is remembered of revocations: sessions of an account, accounts.
const (
	maxRevokedSessions = 64
	maxRevokedAccounts = 1 << 16
)

// revocations are the credentials that ended before their time. Those of a session
// are refused if their expiry is no later than the session's cutoff, so one time
// for each session is enough.
//
// It is bounded: of too many sessions of one account, the older half becomes one
// cutoff for all of that account, and likewise for accounts. That refuses more than
// was asked for, never less.
type revocations struct {
	mu       sync.Mutex // guards the fields below
	floor    int64      // refused whoever they belong to, Unix seconds
	accounts map[string]*revokedAccount
}

type revokedAccount struct {
	floor    int64            // refused whatever the session
	sessions map[string]int64 // cutoffs by tag
	last     int64            // the latest of all; then everything here has expired
}

func newRevocations(floor int64) *revocations {
	return &revocations{floor: floor, accounts: map[string]*revokedAccount{}}
}

// cutoff is the latest expiry that is refused.
func (r *revocations) cutoff(u turnUser) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cutoffLocked(u)
}

func (r *revocations) cutoffLocked(u turnUser) int64 {
	a := r.accounts[u.account]
	if a == nil {
		return r.floor
	}
	return max(r.floor, a.floor, a.sessions[u.tag])
}

// add refuses the session's credentials up to the expiry that new ones would have
// now, and those that were given a later one because of the cutoff before.
func (r *revocations) add(u turnUser, expiry, now int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	expiry = max(expiry, r.cutoffLocked(u)+1)
	a := r.accounts[u.account]
	if a == nil {
		r.makeRoomLocked(now)
		a = &revokedAccount{sessions: map[string]int64{}}
		r.accounts[u.account] = a
	}
	if len(a.sessions) >= maxRevokedSessions {
		a.floor = forgetOlderHalf(a.sessions, a.floor, func(at int64) int64 { return at })
	}
	a.sessions[u.tag] = expiry
	a.last = max(a.last, expiry)
}

func (r *revocations) makeRoomLocked(now int64) {
	if len(r.accounts) < maxRevokedAccounts {
		return
	}
	r.sweepLocked(now)
	if len(r.accounts) >= maxRevokedAccounts {
		r.floor = forgetOlderHalf(r.accounts, r.floor, func(a *revokedAccount) int64 { return a.last })
	}
}

// forgetOlderHalf removes the entries with the earlier cutoffs and returns the
// floor that refuses what they refused.
func forgetOlderHalf[V any](m map[string]V, floor int64, cutoff func(V) int64) int64 {
	cutoffs := make([]int64, 0, len(m))
	for _, v := range m {
		cutoffs = append(cutoffs, cutoff(v))
	}
	slices.SortFunc(cutoffs, cmp.Compare)
	floor = max(floor, cutoffs[(len(cutoffs)-1)/2])
	for key, v := range m {
		if cutoff(v) <= floor {
			delete(m, key)
		}
	}
	return floor
}

// sweep forgets what has expired.
func (r *revocations) sweep(now int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweepLocked(now)
}

func (r *revocations) sweepLocked(now int64) {
	for id, a := range r.accounts {
		if a.last <= now {
			delete(r.accounts, id)
		}
	}
}
