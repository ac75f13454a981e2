package friendcore

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// TLSOptions say how FriendCore's certificate is checked.
type TLSOptions struct {
	CAFile     string         // PEM file that is trusted besides the system's authorities
	RootCAs    *x509.CertPool // instead of the system's authorities and CAFile
	ServerName string         // name in the certificate; empty: the host that is called
	Insecure   bool           // check nothing
}

func (o TLSOptions) config() (*tls.Config, error) {
	c := &tls.Config{
		ServerName:         o.ServerName,
		RootCAs:            o.RootCAs,
		InsecureSkipVerify: o.Insecure,
		MinVersion:         tls.VersionTLS12,
	}
	if o.CAFile == "" || o.RootCAs != nil {
		return c, nil
	}
	text, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read ca_file of section [friendcore]: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca_file of section [friendcore]: %s holds no PEM certificate", o.CAFile)
	}
	c.RootCAs = pool
	return c, nil
}
