package live

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// hideAddresses cuts out of what one peer sends another every address but those of our
// own relays (docs/protocol.md 16.6); all else stays as it came, byte for byte. False:
// nothing is left to send.
//
// Both sides are guarded: the sender, whose addresses do not go out, and the receiver,
// whose browser would send to any address that it is told and so show its own. What it
// is told may be written in any way that JSON has, so each string is read as browsers do.
func hideAddresses(data json.RawMessage, isRelay func(netip.AddrPort) bool) (json.RawMessage, bool) {
	var out []byte
	done := 0 // up to where data is in out
	for at := 0; at < len(data); {
		if data[at] != '"' {
			at++
			continue
		}
		end := stringEnd(data, at)
		literal := data[at:end]
		hidden, changed, ok := hideInString(literal, isRelay)
		if !ok {
			return nil, false
		}
		if changed {
			out = append(append(out, data[done:at]...), hidden...)
			done = end
		}
		at = end
	}
	if done == 0 {
		return data, true
	}
	return append(out, data[done:]...), true
}

// stringEnd is where a string of valid JSON ends that begins at a place.
func stringEnd(data []byte, at int) int {
	for at++; at < len(data); at++ {
		switch data[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(data)
}

// shortest is the length of the shortest string that can hold an address.
const shortest = len(`"c=IN IP4 1.2.3.4"`)

func hideInString(literal []byte, isRelay func(netip.AddrPort) bool) (hidden []byte, changed, ok bool) {
	if len(literal) < shortest {
		return literal, false, true
	}
	var text string
	if json.Unmarshal(literal, &text) != nil {
		return nil, false, false // never: it is part of what has been decoded
	}
	kept, ok := hideInText(text, isRelay)
	if !ok || kept == text {
		return literal, false, ok
	}
	hidden, err := json.Marshal(kept)
	return hidden, true, err == nil
}

// hideInText takes a candidate, or a session description (RFC 8866), or any other text.
// False: it is a candidate that must not go out.
func hideInText(text string, isRelay func(netip.AddrPort) bool) (string, bool) {
	if !strings.ContainsAny(text, "\r\n") {
		return hideInLine(text, isRelay)
	}
	var out strings.Builder
	for len(text) > 0 {
		end := strings.IndexAny(text, "\r\n")
		if end < 0 {
			end = len(text)
		}
		line, ok := hideInLine(text[:end], isRelay)
		text = text[end:]
		rest := strings.TrimLeft(text, "\r\n")
		if ok {
			out.WriteString(line)
			out.WriteString(text[:len(text)-len(rest)])
		}
		text = rest
	}
	return out.String(), true
}

// hideInLine takes one line; false: it is left out.
func hideInLine(line string, isRelay func(netip.AddrPort) bool) (string, bool) {
	bare := strings.ToLower(strings.TrimLeftFunc(line, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }))
	switch {
	case strings.Contains(bare, "candidate:"):
		return relayCandidate(line, isRelay)
	case strings.HasPrefix(bare, "a=remote-candidates:"):
		return "", false
	case strings.HasPrefix(bare, "a=rtcp:"):
		return "a=rtcp:9 IN IP4 0.0.0.0", true
	case strings.HasPrefix(bare, "c=in "):
		return "c=IN IP4 0.0.0.0", true
	case strings.HasPrefix(bare, "o="):
		return withoutOrigin(line), true
	case strings.HasPrefix(bare, "m="):
		return withoutPort(line), true
	}
	return line, true
}

// Bounds of a candidate's parts (RFC 8839 5.1).
const (
	maxFoundation = 32
	maxUfrag      = 256
	candidateHead = 8 // fields up to its type
)

// relayCandidate is a candidate (RFC 8839 5.1) at one of our relays, written anew of the
// parts that browsers need; the related address, which is the client's own, is not one.
func relayCandidate(line string, isRelay func(netip.AddrPort) bool) (string, bool) {
	const name = "candidate:"
	head, attribute := "", strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(attribute, "a="); ok {
		head, attribute = "a=", rest
	}
	f := strings.Fields(attribute)
	if len(f) < candidateHead || !strings.HasPrefix(f[0], name) || f[6] != "typ" || f[7] != "relay" {
		return "", false
	}
	foundation := f[0][len(name):]
	addr, err := netip.ParseAddr(f[4])
	port, errPort := strconv.ParseUint(f[5], 10, 16)
	if err != nil || errPort != nil || !isRelay(netip.AddrPortFrom(addr, uint16(port))) ||
		!isICEText(foundation, maxFoundation) || !isNumber(f[1]) || !strings.EqualFold(f[2], "udp") || !isNumber(f[3]) {
		return "", false
	}
	out := head + name + strings.Join([]string{foundation, f[1], "udp", f[3], addr.String(), f[5], "typ relay raddr 0.0.0.0 rport 0"}, " ")
	for ext := f[candidateHead:]; len(ext) >= 2; ext = ext[2:] {
		switch key, value := ext[0], ext[1]; {
		case key == "ufrag" && isICEText(value, maxUfrag), isCount(key) && isNumber(value):
			out += " " + key + " " + value
		}
	}
	return out, true
}

// isCount knows extensions of candidates whose values are numbers.
func isCount(key string) bool {
	return slices.Contains([]string{"generation", "network-id", "network-cost"}, key)
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

// isICEText checks for letters, digits, + and / (RFC 8839 5.1, ice-char).
func isICEText(s string, longest int) bool {
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/'
		if !letter {
			return false
		}
	}
	return s != "" && len(s) <= longest
}

// withoutOrigin is a line o=<name> <id> <version> IN IP4 <address>.
func withoutOrigin(line string) string {
	f := strings.Fields(line)
	if len(f) != 6 {
		return line
	}
	return strings.Join(append(f[:3:3], "IN", "IP4", "0.0.0.0"), " ")
}

// withoutPort is a line m=<media> <port> …; port 0 says that there is no such media.
func withoutPort(line string) string {
	f := strings.SplitN(line, " ", 3)
	if len(f) < 3 || f[1] == "0" {
		return line
	}
	return f[0] + " 9 " + f[2]
}
