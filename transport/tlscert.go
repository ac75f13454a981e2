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
	"sync/atomic"
	"time"
)

// Certificate is the server's key and certificate, read anew when the files change.
// New connections get what was read last; nobody is dropped (docs/protocol.md 1.2).
type Certificate struct {
	certPath, keyPath string
	own               string // the name in a certificate of our own making; empty: not ours

	pair atomic.Pointer[tls.Certificate]
	seen atomic.Pointer[[2]fileState]
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
	state := c.look()
	pair, err := tls.LoadX509KeyPair(c.certPath, c.keyPath)
	c.seen.Store(&state) // also after a failure: it is told once
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.certPath, c.keyPath, err)
	}
	c.pair.Store(&pair)
	return nil
}

func (c *Certificate) look() (state [2]fileState) {
	for n, path := range []string{c.certPath, c.keyPath} {
		if info, err := os.Stat(path); err == nil {
			state[n] = fileState{info.ModTime(), info.Size()}
		}
	}
	return state
}

// watchEvery is how often the files are looked at.
const watchEvery = 5 * time.Second

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
		if c.own != "" && !c.goodFor(c.own) {
			if err := makePair(c.certPath, c.keyPath, c.own); err != nil {
				log.Error("the self-signed certificate ends soon and could not be renewed", "err", err)
			}
		}
		if c.look() != *c.seen.Load() {
			c.ReloadAndTell(log)
		}
	}
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
	if err := writePEM(keyPath, "PRIVATE KEY", secret, 0o600); err != nil {
		return err
	}
	return writePEM(certPath, "CERTIFICATE", cert, 0o644)
}

// writePEM replaces a file as a whole: whoever reads it meanwhile reads the old one.
func writePEM(path, kind string, der []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*.pem") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, which is well
	err = errors.Join(pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
