package cfg

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// jsTokenKind says what a token of JavaScript is.
type jsTokenKind int

const (
	jsEnd    jsTokenKind = iota // of the file
	jsWord                      // a name or a reserved word
	jsQuoted                    // a string or a template; text is what it stands for
	jsDigits                    // a number; text is as JavaScript writes it
	jsMark                      // anything else, such as { or =>
)

type jsToken struct {
	kind    jsTokenKind
	text    string
	line    int  // of its beginning
	newLine bool // a line ends in front of it: a statement may end there, but
	goesOn  bool // not in front of marks and templates
}

// is tells whether the token is this mark.
func (t jsToken) is(mark string) bool { return t.kind == jsMark && t.text == mark }

// jsError says at which line a file of JavaScript cannot be read, and why. Its text
// repeats nothing of the file but the names of keys: all else may be a secret.
type jsError struct {
	line int
	text string
}

func (e *jsError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.text) }

func jsErrorAt(line int, format string, args ...any) error {
	return &jsError{line, fmt.Sprintf(format, args...)}
}

// jsLexer splits a file of JavaScript into tokens.
type jsLexer struct {
	rest string
	line int
}

// newJSLexer begins behind a byte order mark and a #! line.
func newJSLexer(text string) (*jsLexer, error) {
	number := 0
	for line := range strings.Lines(text) {
		if number++; !utf8.ValidString(line) {
			return nil, jsErrorAt(number, "the line is not UTF-8 text; save the file as UTF-8")
		}
	}
	x := &jsLexer{rest: strings.TrimPrefix(text, "\ufeff"), line: 1}
	if strings.HasPrefix(x.rest, "#!") {
		x.skipLine()
	}
	return x, nil
}

// next reads a token.
func (x *jsLexer) next() (jsToken, error) {
	newLine, err := x.skipBlanks()
	if err != nil {
		return jsToken{}, err
	}
	t := jsToken{line: x.line, newLine: newLine}
	if x.rest == "" {
		return t, nil
	}
	switch r, _ := utf8.DecodeRuneInString(x.rest); {
	case startsName(r):
		t.kind, t.text = jsWord, x.takeWhile(inName)
	case r == '"' || r == '\'' || r == '`':
		t.kind, t.goesOn = jsQuoted, r == '`'
		t.text, err = x.quoted(byte(r))
	case isDigit(r) || r == '.' && len(x.rest) > 1 && isDigit(rune(x.rest[1])):
		t.kind = jsDigits
		t.text, err = x.number()
	default:
		t.kind, t.text, t.goesOn = jsMark, x.mark(), true
	}
	return t, err
}

// skipBlanks skips blanks and comments, and tells whether a line ended among them.
func (x *jsLexer) skipBlanks() (newLine bool, err error) {
	for x.rest != "" {
		r, size := utf8.DecodeRuneInString(x.rest)
		switch {
		case endsLine(r):
			newLine = true
			x.skipLineEnd()
		case unicode.IsSpace(r) || r == '\ufeff':
			x.rest = x.rest[size:]
		case strings.HasPrefix(x.rest, "//"):
			x.skipLine()
		case strings.HasPrefix(x.rest, "/*"):
			before := x.line
			if err := x.skipComment(); err != nil {
				return false, err
			}
			newLine = newLine || x.line > before
		default:
			return newLine, nil
		}
	}
	return newLine, nil
}

func (x *jsLexer) skipLine() {
	if end := strings.IndexFunc(x.rest, endsLine); end >= 0 {
		x.rest = x.rest[end:]
		return
	}
	x.rest = ""
}

// skipLineEnd skips the end of a line, which is there; CR LF is one.
func (x *jsLexer) skipLineEnd() {
	_, size := utf8.DecodeRuneInString(x.rest)
	if strings.HasPrefix(x.rest, "\r\n") {
		size = 2
	}
	x.rest = x.rest[size:]
	x.line++
}

func (x *jsLexer) skipComment() error {
	begun := x.line
	x.rest = x.rest[2:]
	for x.rest != "" {
		r, size := utf8.DecodeRuneInString(x.rest)
		switch {
		case strings.HasPrefix(x.rest, "*/"):
			x.rest = x.rest[2:]
			return nil
		case endsLine(r):
			x.skipLineEnd()
		default:
			x.rest = x.rest[size:]
		}
	}
	return jsErrorAt(begun, "the comment that begins here has no end; write */ behind it")
}

func (x *jsLexer) takeWhile(wanted func(rune) bool) string {
	end := strings.IndexFunc(x.rest, func(r rune) bool { return !wanted(r) })
	if end < 0 {
		end = len(x.rest)
	}
	taken := x.rest[:end]
	x.rest = x.rest[end:]
	return taken
}

// longMarks are those of several characters that an error text should know.
var longMarks = []string{"...", "===", "=>", "==", "||", "&&", "??"}

func (x *jsLexer) mark() string {
	_, size := utf8.DecodeRuneInString(x.rest)
	for _, m := range longMarks {
		if strings.HasPrefix(x.rest, m) {
			size = len(m)
			break
		}
	}
	mark := x.rest[:size]
	x.rest = x.rest[size:]
	return mark
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func startsName(r rune) bool { return r == '$' || r == '_' || unicode.IsLetter(r) }

func inName(r rune) bool { return startsName(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) }

// endsLine knows the four line ends of JavaScript.
func endsLine(r rune) bool { return r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' }

var (
	decimalForm = regexp.MustCompile(`^((0|[1-9](_?\d)*)(\.(\d(_?\d)*)?)?|\.\d(_?\d)*)([eE][+-]?\d(_?\d)*)?$`)
	basedForm   = regexp.MustCompile(`^0([xX][\da-fA-F](_?[\da-fA-F])*|[oO][0-7](_?[0-7])*|[bB][01](_?[01])*)$`)
)

// number reads a number and returns it as JavaScript's String would.
func (x *jsLexer) number() (string, error) {
	end, last := 0, byte(0)
	hex := strings.HasPrefix(x.rest, "0x") || strings.HasPrefix(x.rest, "0X")
	for end < len(x.rest) {
		c := x.rest[end]
		exponent := (c == '+' || c == '-') && (last == 'e' || last == 'E') && !hex
		if r := rune(c); c >= utf8.RuneSelf || !inName(r) && c != '.' && !exponent {
			break
		}
		end, last = end+1, c
	}
	digits := x.rest[:end]
	x.rest = x.rest[end:]
	plain := strings.ReplaceAll(digits, "_", "")
	switch {
	case basedForm.MatchString(digits):
		n, err := strconv.ParseUint(plain, 0, 53)
		if err != nil {
			return "", jsErrorAt(x.line, "the number is too large")
		}
		return strconv.FormatUint(n, 10), nil
	case decimalForm.MatchString(digits):
		f, err := strconv.ParseFloat(plain, 64)
		if err != nil {
			return "", jsErrorAt(x.line, "the number is too large")
		}
		return showNumber(f), nil
	}
	return "", jsErrorAt(x.line, "this is not a number of a plain form, such as 3306; text stands in quotes")
}

func showNumber(f float64) string {
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
