package friendcore

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// FriendCore writes names into its frames without escaping them. repairNames
// finds the values by what FriendCore writes before and after them, and escapes
// them as they should have been (docs/protocol.md 12.5).

// nameKeys begin a value that may hold anything.
var nameKeys = [][]byte{[]byte(`"name":"`), []byte(`"fullname":"`), []byte(`"email":"`)}

// keysAfter are the keys that FriendCore writes after a name.
var keysAfter = [][]byte{
	[]byte(`"lastupdate":`), []byte(`"isdisabled":`), []byte(`"fullname":`), []byte(`"email":`),
	[]byte(`"groups":`), []byte(`"type":`), []byte(`"parentid":`), []byte(`"userids":`),
}

// repairNames escapes the names in a frame. ok is false if there is none, or one
// without an end. It takes time in proportion to the frame.
func repairNames(raw []byte) (mended []byte, ok bool) {
	var out bytes.Buffer
	rest := raw
	for {
		start := nextName(rest)
		if start < 0 {
			break
		}
		end := nameEnd(rest[start:])
		if end < 0 {
			return nil, false
		}
		out.Write(rest[:start])
		escape(&out, rest[start:start+end])
		rest = rest[start+end:]
		ok = true
	}
	out.Write(rest)
	return out.Bytes(), ok
}

// nextName is where the next name begins, -1 if there is none.
func nextName(text []byte) int {
	for from := 0; ; {
		quote := bytes.IndexByte(text[from:], '"')
		if quote < 0 {
			return -1
		}
		at := from + quote
		if at > 0 && (text[at-1] == '{' || text[at-1] == ',') {
			for _, key := range nameKeys {
				if bytes.HasPrefix(text[at:], key) {
					return at + len(key)
				}
			}
		}
		from = at + 1
	}
}

// nameEnd is the length of the name that text begins with, -1 if it has no end.
// A name ends where a quote is followed by a known key, or by the end of the
// object and something that can follow that.
func nameEnd(text []byte) int {
	for from := 0; ; {
		quote := bytes.IndexByte(text[from:], '"')
		if quote < 0 {
			return -1
		}
		at := from + quote
		if endsName(text[at+1:]) {
			return at
		}
		from = at + 1
	}
}

func endsName(after []byte) bool {
	if len(after) == 0 {
		return false
	}
	if after[0] == '}' {
		return len(after) == 1 || after[1] == '}' || after[1] == ']' || after[1] == ','
	}
	if after[0] != ',' {
		return false
	}
	for _, key := range keysAfter {
		if bytes.HasPrefix(after[1:], key) {
			return true
		}
	}
	return false
}

// escape writes a text as the inside of a JSON string.
func escape(out *bytes.Buffer, text []byte) {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(out, `\u%04x`, r)
		default:
			out.WriteRune(r) // invalid UTF-8 becomes the replacement character
		}
		text = text[size:]
	}
}
