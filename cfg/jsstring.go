package cfg

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted reads a string, or a template without anything to fill in, from its first
// quote on, and returns what it stands for.
func (x *jsLexer) quoted(quote byte) (string, error) {
	begun := x.line
	x.rest = x.rest[1:]
	var b strings.Builder
	for x.rest != "" {
		r, size := utf8.DecodeRuneInString(x.rest)
		switch {
		case x.rest[0] == quote:
			x.rest = x.rest[1:]
			return b.String(), nil
		case r == '\\':
			if err := x.escape(&b); err != nil {
				return "", err
			}
		case quote == '`' && strings.HasPrefix(x.rest, "${"):
			return "", jsErrorAt(x.line, "${ } in a text%s", notRun)
		case r == '\r' || r == '\n':
			if quote != '`' {
				return "", jsErrorAt(begun, "the closing quote of a text is missing")
			}
			x.skipLineEnd()
			b.WriteByte('\n') // also for CR LF
		default:
			if endsLine(r) {
				x.line++ // the two of Unicode may stand in a text
			}
			b.WriteString(x.rest[:size])
			x.rest = x.rest[size:]
		}
	}
	return "", jsErrorAt(begun, "the closing quote of a text is missing")
}

// simpleEscapes are those of one letter that stand for another character.
var simpleEscapes = map[rune]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'v': '\v', 'f': '\f'}

// escape reads what a backslash begins, and adds what it stands for.
func (x *jsLexer) escape(b *strings.Builder) error {
	x.rest = x.rest[1:]
	if x.rest == "" {
		return nil // the missing quote is told by the caller
	}
	r, size := utf8.DecodeRuneInString(x.rest)
	if endsLine(r) {
		x.skipLineEnd() // the text goes on in the next line
		return nil
	}
	x.rest = x.rest[size:]
	next, _ := utf8.DecodeRuneInString(x.rest)
	switch {
	case r == 'x' || r == 'u':
		code, err := x.code(r)
		if err != nil {
			return err
		}
		b.WriteRune(code)
	case r == '0' && !isDigit(next):
		b.WriteByte(0)
	case isDigit(r):
		return jsErrorAt(x.line, `in a text, \ and a digit is an old form; write \x and two digits, or \\ for a backslash`)
	case simpleEscapes[r] != 0:
		b.WriteByte(simpleEscapes[r])
	default:
		b.WriteRune(r)
	}
	return nil
}

// code reads the number of a character: \x41, \u0041, \u{41}, or the two halves of
// a pair, \ud83d\ude00.
func (x *jsLexer) code(letter rune) (rune, error) {
	if letter == 'x' {
		return x.hexDigits(2)
	}
	if strings.HasPrefix(x.rest, "{") {
		end := strings.IndexByte(x.rest, '}')
		if end < 2 || end > 9 {
			return 0, x.badCode()
		}
		x.rest = x.rest[1:]
		code, err := x.hexDigits(end - 1)
		if err == nil && !utf8.ValidRune(code) {
			err = x.badCode()
		}
		x.rest = strings.TrimPrefix(x.rest, "}")
		return code, err
	}
	code, err := x.hexDigits(4)
	if err != nil || !utf16.IsSurrogate(code) {
		return code, err
	}
	if !strings.HasPrefix(x.rest, `\u`) {
		return 0, x.badCode()
	}
	x.rest = x.rest[2:]
	second, err := x.hexDigits(4)
	if err != nil {
		return 0, err
	}
	if code = utf16.DecodeRune(code, second); code == utf8.RuneError {
		return 0, x.badCode()
	}
	return code, nil
}

func (x *jsLexer) hexDigits(n int) (rune, error) {
	if len(x.rest) < n {
		return 0, x.badCode()
	}
	code, err := strconv.ParseUint(x.rest[:n], 16, 31)
	if err != nil {
		return 0, x.badCode()
	}
	x.rest = x.rest[n:]
	return rune(code), nil
}

func (x *jsLexer) badCode() error {
	return jsErrorAt(x.line, `in a text, \x needs two hexadecimal digits and \u four, or \u{...} with a character that there is; write \\ for a backslash`)
}
