package cfg

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// needed refuses the empty value.
func needed(value string) error {
	if value == "" {
		return errors.New("is empty; write a value, or take the line out for the default")
	}
	return nil
}

func oneOf(choices ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(choices, value) {
			return nil
		}
		hint := ""
		if n := nearest(value, choices); n != "" {
			hint = fmt.Sprintf("; did you mean %s?", n)
		}
		return fmt.Errorf("%s is none of %s%s", quote(value), strings.Join(choices, ", "), hint)
	}
}

var hostForm = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?$`)

// isHost checks a host name or IP address.
func isHost(value string) error {
	if _, err := netip.ParseAddr(value); err == nil {
		return nil
	}
	if len(value) > 253 || !hostForm.MatchString(value) {
		return fmt.Errorf("%s is neither a host name nor an IP address (no scheme, port or path here)", quote(value))
	}
	return nil
}

// isBind checks an address to listen on: empty, "localhost" or an IP address.
func isBind(value string) error {
	if value == "" || value == "localhost" {
		return nil
	}
	if _, err := netip.ParseAddr(value); err != nil {
		return fmt.Errorf("%s is not an IP address; leave it empty to listen on all addresses", quote(value))
	}
	return nil
}

// isListen checks host:port with a bind address in front; empty is off.
func isListen(value string) error {
	if value == "" {
		return nil
	}
	host, number, err := net.SplitHostPort(value)
	if err != nil {
		return fmt.Errorf("%s is not an address with a port, such as 127.0.0.1:27971", quote(value))
	}
	if err := isBind(host); err != nil {
		return err
	}
	_, err = readPort(number)
	return err
}

// isPath checks an URL path; empty means none.
func isPath(value string) error {
	switch {
	case value == "":
		return nil
	case value[0] != '/':
		return fmt.Errorf("%s does not begin with a slash", quote(value))
	case strings.ContainsFunc(value, notInPath):
		return fmt.Errorf("%s is not a plain path: letters, digits and / - _ . ~ only", quote(value))
	}
	return nil
}

func notInPath(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/-_.~", r)
}

// isFolderPath checks an URL path that ends with a slash; empty means none.
func isFolderPath(value string) error {
	if value != "" && !strings.HasSuffix(value, "/") {
		return fmt.Errorf("%s does not end with a slash", quote(value))
	}
	return isPath(value)
}

// urlItem checks a list entry that is scheme://host[:port] and, if wanted, a path.
// It does not repeat the entry: people put passwords into such addresses.
func urlItem(withPath bool, schemes ...string) func(string) error {
	return func(item string) error {
		u, err := url.Parse(item)
		switch {
		case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
			return fmt.Errorf("is not an address of the form %s://host:port", strings.Join(schemes, "://host:port or "))
		case u.User != nil:
			return errors.New("has a login in it; take it out")
		case u.RawQuery != "" || u.Fragment != "" || !withPath && u.Path != "":
			return errors.New("has something behind host and port; take it out")
		case isHost(u.Hostname()) != nil:
			return errors.New("has no valid host name")
		}
		if u.Port() == "" {
			return nil
		}
		_, err = readPort(u.Port())
		return err
	}
}

func isOrigin(item string) error {
	if item == "*" {
		return nil
	}
	return urlItem(false, "https", "http")(item)
}

var iceForm = regexp.MustCompile(`^(stuns?|turns?):([^:?@]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(\?transport=(udp|tcp))?$`)

// isICE checks the address of a STUN or TURN server (RFC 7064, RFC 7065).
func isICE(item string) error {
	m := iceForm.FindStringSubmatch(item)
	if m == nil || isHost(strings.Trim(m[2], "[]")) != nil {
		return errors.New("is not of the form stun:host:port or turn:host:port?transport=udp")
	}
	if m[3] == "" {
		return nil
	}
	_, err := readPort(m[3][1:])
	return err
}

var serviceForm = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// isServiceName checks the name of the service: FriendCore lower-cases the names
// in [ServiceKeys], so only lower case is ever found (docs/protocol.md 12.1).
func isServiceName(value string) error {
	if value != strings.ToLower(value) {
		return fmt.Errorf("%s must be lower case, as FriendCore finds no other: write %s", quote(value), quote(strings.ToLower(value)))
	}
	if !serviceForm.MatchString(value) {
		return fmt.Errorf("%s may have letters, digits, _ and - only, 64 at most", quote(value))
	}
	return nil
}
