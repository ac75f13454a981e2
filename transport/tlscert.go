package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Certificate is the server's key and certificate, read anew when the files change.
// New connections get what was read last; nobody is dropped (docs/protocol.md 1.2).
type Certificate struct {
	certPath, keyPath string
	own               string // the name in a certificate of our own making; empty: not ours

	pair atomic.Pointer[tls.Certificate]

	mu    sync.Mutex // one reader of the files at a time; guards the fields below
	seen  [2]fileState
	retry time.Time // when a renewal that failed is tried again
}

// fileState tells whether a file has changed.
type fileState struct {
	modified time.Time
	size     int64
}

// LoadCertificate reads key and certificate (with its chain) from PEM files.
func LoadCertificate(certPath, keyPath string) (*Certificate, error) {
	c := &Certificate{certPath: certPath, keyPath: keyPath}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// The files of a certificate of our own, and how long it is good.
const (
	ownCert    = "own-cert.pem"
	ownKey     = "own-key.pem"
	ownLife    = 820 * 24 * time.Hour // some clients refuse more than 825 days
	ownRenewal = 30 * 24 * time.Hour  // so long before its end a new one is made
)

// OwnCertificate reads the self-signed pair in the folder, making one for the
// domain if there is none that is good.
func OwnCertificate(folder, domain string) (*Certificate, error) {
	c := &Certificate{
		certPath: filepath.Join(folder, ownCert), keyPath: filepath.Join(folder, ownKey), own: domain,
	}
	err := c.Reload()
	switch {
	case err == nil && c.goodFor(domain):
		return c, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w; remove both files to have a new pair made", err)
	}
	if err := makePair(c.certPath, c.keyPath, domain); err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return c, c.Reload()
}

// Covers says what is wrong if the certificate is not one for the domain.
func (c *Certificate) Covers(domain string) error { return c.pair.Load().Leaf.VerifyHostname(domain) }

// goodFor says whether a certificate of our own can be used for some time yet.
func (c *Certificate) goodFor(domain string) bool {
	leaf := c.pair.Load().Leaf
	return c.Covers(domain) == nil && time.Until(leaf.NotAfter) > ownRenewal
}

// Reload reads the files. If they cannot be used the former pair stays.
func (c *Certificate) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = c.look() // also if they cannot be used: that is told once
	pair, err := tls.LoadX509KeyPair(c.certPath, c.keyPath)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.certPath, c.keyPath, err)
	}
	c.pair.Store(&pair)
	return nil
}

// changed says whether the files are others than those that were read last.
func (c *Certificate) changed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.look() != c.seen
}

func (c *Certificate) look() (state [2]fileState) {
	for n, path := range []string{c.certPath, c.keyPath} {
		if info, err := os.Stat(path); err == nil {
			state[n] = fileState{info.ModTime(), info.Size()}
		}
	}
	return state
}

const (
	watchEvery = 5 * time.Second // between looks at the files
	renewEvery = time.Hour       // between attempts to renew a certificate of our own
)

// Run reads the files when they have changed, and renews a certificate of our own
// before its end, until ctx ends.
func (c *Certificate) Run(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if err := c.renew(); err != nil {
			log.Error("the self-signed certificate ends soon and could not be renewed", "err", err, "again_in", renewEvery)
		}
		if c.changed() {
			c.ReloadAndTell(log)
		}
	}
}

// renew makes a new pair if the present one is ours and ends soon.
func (c *Certificate) renew() error {
	if c.own == "" || c.goodFor(c.own) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Before(c.retry) {
		return nil
	}
	c.retry = now.Add(renewEvery)
	return makePair(c.certPath, c.keyPath, c.own)
}

// ReloadAndTell is Reload with its result in the log.
func (c *Certificate) ReloadAndTell(log *slog.Logger) {
	before := c.Fingerprint()
	if err := c.Reload(); err != nil {
		log.Error("the new certificate cannot be used; the former one stays", "err", err)
		return
	}
	if now := c.Fingerprint(); now != before {
		log.Info("certificate read anew; it counts for new connections", "file", c.certPath, "sha256", now)
	}
}

// Fingerprint is the SHA-256 of the certificate, in hex.
func (c *Certificate) Fingerprint() string {
	sum := sha256.Sum256(c.pair.Load().Certificate[0])
	return hex.EncodeToString(sum[:])
}

// NotAfter is when the certificate ends.
func (c *Certificate) NotAfter() time.Time { return c.pair.Load().Leaf.NotAfter }

// TLS is the configuration of both listeners. Old Friend Chat servers take one TLS
// record for one message, so records are not cut into smaller ones
// (docs/protocol.md 1.4).
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:                  tls.VersionTLS12,
		NextProtos:                  []string{"http/1.1"},
		DynamicRecordSizingDisabled: true,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.pair.Load(), nil
		},
	}
}

// makePair writes a new key and a self-signed certificate, the key readable by us
// only.
func makePair(certPath, keyPath, domain string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: domain, Organization: []string{"Presence, self-signed"}},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(ownLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(domain); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{domain}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return replacePair(keyPath, certPath, secret, cert)
}

// replacePair writes both files beside the former ones and then puts them in their
// places: a full disk leaves the former pair, and nobody reads half of a file.
func replacePair(keyPath, certPath string, key, cert []byte) error {
	newKey, err := writePEM(filepath.Dir(keyPath), "PRIVATE KEY", key, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(newKey) // fails after the rename, which is well
	newCert, err := writePEM(filepath.Dir(certPath), "CERTIFICATE", cert, 0o644)
	if err != nil {
		return err
	}
	defer os.Remove(newCert)
	return errors.Join(os.Rename(newKey, keyPath), os.Rename(newCert, certPath))
}

// writePEM writes a new file and returns its path.
func writePEM(folder, kind string, der []byte, mode fs.FileMode) (string, error) {
	f, err := os.CreateTemp(folder, ".new-*.pem") // mode 0600
	if err != nil {
		return "", err
	}
	err = errors.Join(pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
