package friendcore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"presence/rooms"
)

const (
	defaultTimeout = 10 * time.Second
	maxReply       = 1 << 20 // bytes of an answer
	maxCalls       = 32      // at the same time; others wait
	maxAuthID      = 256     // bytes; FriendCore's have 32

	okPrefix   = "ok<!--separate-->"
	failPrefix = "fail<!--separate-->"
)

// ClientOptions say where FriendCore answers module calls.
type ClientOptions struct {
	Host    string
	Port    int
	UseTLS  bool
	TLS     TLSOptions
	Timeout time.Duration // of a call as a whole; default 10 s
	Logger  *slog.Logger  // default: none
}

// Client makes module calls (docs/protocol.md 12.6). It may be used from many
// goroutines at once, keeps no connection open and needs no end.
type Client struct {
	address string
	base    string
	timeout time.Duration
	http    *http.Client
	log     *slog.Logger
}

// NewClient checks the options and opens nothing.
func NewClient(o ClientOptions) (*Client, error) {
	config, err := o.TLS.config()
	if err != nil {
		return nil, err
	}
	scheme := "http"
	if o.UseTLS {
		scheme = "https"
	}
	c := &Client{
		address: net.JoinHostPort(o.Host, strconv.Itoa(o.Port)),
		timeout: o.Timeout,
		log:     o.Logger,
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.base = scheme + "://" + c.address
	c.http = &http.Client{
		Transport: &http.Transport{
			TLSClientConfig:    config,
			TLSNextProto:       map[string]func(string, *tls.Conn) http.RoundTripper{}, // FriendCore knows HTTP/1.1 only
			DisableKeepAlives:  true,                                                   // it closes after each answer
			DisableCompression: true,
			MaxConnsPerHost:    maxCalls,
			// Headers are as little to be trusted as the body.
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// module makes a module call and returns what follows "ok". The error wraps
// rooms.ErrDenied if FriendCore knows no session for the authid; every other
// error means that FriendCore could not answer. Errors hold nothing of the answer.
func (c *Client) module(ctx context.Context, path, command, authID, args string) ([]byte, error) {
	if authID == "" || len(authID) > maxAuthID {
		return nil, fmt.Errorf("%s: an authid of %d bytes: %w", command, len(authID), rooms.ErrDenied)
	}
	form := url.Values{"module": {"system"}, "command": {command}, "authid": {authID}}
	if args != "" {
		form.Set("args", args)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	began := time.Now()
	status, body, err := c.post(ctx, path, form)
	if dropped(err) && ctx.Err() == nil {
		c.log.Debug("FriendCore dropped a module call, trying once more", "command", command)
		status, body, err = c.post(ctx, path, form)
	}
	c.log.Debug("module call", "command", command, "status", status, "bytes", len(body), "took", time.Since(began))
	if err != nil {
		return nil, fmt.Errorf("%s of FriendCore at %s: %w", command, c.address, explain(err, "use_tls"))
	}
	answer, err := verdict(status, body)
	if err != nil {
		return nil, fmt.Errorf("%s of FriendCore at %s: %w", command, c.address, err)
	}
	return answer, nil
}

// post sends a form and reads the answer up to its limit.
func (c *Client) post(ctx context.Context, path string, form url.Values) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w, err := c.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer w.Body.Close()
	body, err := io.ReadAll(io.LimitReader(w.Body, maxReply+1))
	if err == nil && len(body) > maxReply {
		err = fmt.Errorf("the answer is longer than %d bytes", maxReply)
	}
	return w.StatusCode, body, err
}

// dropped says whether FriendCore took the connection and closed it without a
// (whole) answer; it does that to a fresh TLS connection now and then.
func dropped(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// explain takes the address out of an HTTP error, which the caller names, and adds
// the cure where one is known. key is the setting that switches TLS on.
func explain(err error, key string) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var cert *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &cert):
		return fmt.Errorf("%w (trust it by ca_file or, on the same machine, by insecure in section [friendcore])", err)
	case errors.As(err, &header) || strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return fmt.Errorf("%w (FriendCore speaks no TLS there; see %s in section [friendcore])", err, key)
	case dropped(err):
		return fmt.Errorf("the connection was closed without an answer (%w); see %s in section [friendcore]", err, key)
	}
	return err
}

// verdict tells an answer from a refusal and from a FriendCore that is ill
// (docs/protocol.md 12.6).
func verdict(status int, body []byte) ([]byte, error) {
	if status != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %d", status)
	}
	text := strings.TrimSpace(string(body))
	if text == "" {
		return nil, errors.New("an empty answer; PHP or its database connection fails there")
	}
	if reason, failed := strings.CutPrefix(text, failPrefix); failed {
		return nil, failure(reason)
	}
	for strings.HasPrefix(text, okPrefix) {
		text = text[len(okPrefix):]
	}
	return []byte(text), nil
}

// failure reads the code of an answer that begins with "fail".
func failure(reason string) error {
	o, err := parseObject([]byte(reason))
	if err != nil {
		return errors.New("FriendCore refuses the call and gives no readable reason")
	}
	switch code := o.text("code"); code {
	case "3", "11":
		return fmt.Errorf("FriendCore knows no session for it (code %s): %w", code, rooms.ErrDenied)
	default:
		n, _ := strconv.Atoi(code)
		return fmt.Errorf("FriendCore refuses the call with code %d", n)
	}
}
