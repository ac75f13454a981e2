package transport

import (
	"encoding/json"
	"errors"
	"io"
	"sync/atomic"
)

// Ends of a connection that are the peer's fault.
var (
	errTooBig = errors.New("message larger than allowed")
	errSyntax = errors.New("malformed JSON")
)

// maxDepth is how deep objects and arrays may be nested in a message.
const maxDepth = 200

const (
	smallBuffer = 1 << 10 // what a new stream holds
	largeBuffer = 4 << 10 // more than this is given back between messages
)

// tcpDecoder cuts a stream into JSON values (docs/protocol.md 1.4). Values may be
// split and joined anywhere; white space may stand between them. Each byte is
// looked at once to find where values end, and once more to check the value.
type tcpDecoder struct {
	r     io.Reader
	limit atomic.Int64 // largest value, bytes

	buf   []byte // buf[start:end] is read and not handed out
	start int
	end   int
	scan  valueScanner
}

// next returns the next value, which is good until the next call. It fails with
// errSyntax or errTooBig, after which the stream cannot be resumed, or with the
// reader's error.
func (d *tcpDecoder) next() ([]byte, error) {
	d.compact()
	pos := d.start
	for {
		for ; pos < d.end; pos++ {
			switch d.scan.step(d.buf[pos]) {
			case scanSpace:
				d.start = pos + 1
			case scanInside:
			case scanLast:
				return d.take(pos + 1)
			case scanBefore:
				return d.take(pos)
			case scanBad:
				return nil, errSyntax
			}
		}
		if d.end-d.start >= int(d.limit.Load()) {
			return nil, errTooBig // it has no end yet
		}
		shifted, err := d.fill()
		pos -= shifted
		if err != nil {
			return nil, err
		}
	}
}

// take hands out the value that ends before end.
func (d *tcpDecoder) take(end int) ([]byte, error) {
	value := d.buf[d.start:end]
	d.start = end
	d.scan = valueScanner{}
	if len(value) > int(d.limit.Load()) {
		return nil, errTooBig
	}
	if !json.Valid(value) {
		return nil, errSyntax
	}
	return value, nil
}

// compact gives a large buffer back when nothing is left in it.
func (d *tcpDecoder) compact() {
	if d.start < d.end {
		return
	}
	d.start, d.end = 0, 0
	if len(d.buf) > largeBuffer || d.buf == nil {
		d.buf = make([]byte, smallBuffer)
	}
}

// fill reads once, making room before; it says by how much the bytes moved. The
// buffer never becomes larger than the largest message.
func (d *tcpDecoder) fill() (shifted int, err error) {
	if d.end == len(d.buf) {
		shifted = d.start
		to, most := d.buf, int(d.limit.Load())
		if d.end-d.start > len(d.buf)/2 && len(d.buf) < most {
			to = make([]byte, min(2*len(d.buf), most))
		}
		d.end = copy(to, d.buf[d.start:d.end])
		d.start, d.buf = 0, to
	}
	n, err := d.r.Read(d.buf[d.end:])
	d.end += n
	if n > 0 {
		return shifted, nil // an error comes again with the next read
	}
	return shifted, err
}

// What a byte means to the value being read.
type scanResult int

const (
	scanSpace  scanResult = iota // white space before a value
	scanInside                   // part of the value
	scanLast                     // the value's last byte
	scanBefore                   // the value ended before this byte
	scanBad                      // cannot be JSON
)

// valueScanner finds the end of one JSON value. Of objects and arrays it only
// counts brackets, outside of strings: their inside is checked when they are
// complete.
type valueScanner struct {
	depth    int
	inString bool
	escaped  bool
	literal  string // what must follow of true, false or null
	number   numberState
}

func (s *valueScanner) step(c byte) scanResult {
	switch {
	case s.inString:
		return s.stringByte(c)
	case s.depth > 0:
		return s.nested(c)
	case s.literal != "":
		return s.literalByte(c)
	case s.number != numberNone:
		return s.numberByte(c)
	}
	return s.first(c)
}

// first looks at the first byte of a value.
func (s *valueScanner) first(c byte) scanResult {
	switch c {
	case ' ', '\t', '\r', '\n':
		return scanSpace
	case '{', '[':
		s.depth = 1
	case '"':
		s.inString = true
	case 't':
		s.literal = "rue"
	case 'f':
		s.literal = "alse"
	case 'n':
		s.literal = "ull"
	default:
		s.number = numberNone.next(c)
		if s.number == numberNone {
			return scanBad
		}
	}
	return scanInside
}

func (s *valueScanner) stringByte(c byte) scanResult {
	switch {
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = true
	case c == '"':
		s.inString = false
		if s.depth == 0 {
			return scanLast
		}
	}
	return scanInside
}

func (s *valueScanner) nested(c byte) scanResult {
	switch c {
	case '"':
		s.inString = true
	case '{', '[':
		if s.depth++; s.depth > maxDepth {
			return scanBad
		}
	case '}', ']':
		if s.depth--; s.depth == 0 {
			return scanLast
		}
	}
	return scanInside
}

func (s *valueScanner) literalByte(c byte) scanResult {
	if c != s.literal[0] {
		return scanBad
	}
	if s.literal = s.literal[1:]; s.literal == "" {
		return scanLast
	}
	return scanInside
}

func (s *valueScanner) numberByte(c byte) scanResult {
	next := s.number.next(c)
	switch {
	case next != numberNone:
		s.number = next
		return scanInside
	case s.number.complete():
		return scanBefore
	}
	return scanBad
}

// numberState is how far a number has come; numberNone is no number at all.
type numberState int

const (
	numberNone numberState = iota
	numberMinus
	numberZero
	numberInt
	numberDot
	numberFraction
	numberE
	numberESign
	numberExponent
)

func (n numberState) complete() bool {
	return n == numberZero || n == numberInt || n == numberFraction || n == numberExponent
}

func (n numberState) next(c byte) numberState {
	switch {
	case '0' <= c && c <= '9':
		return n.digit(c)
	case c == '-' && n == numberNone:
		return numberMinus
	case c == '.' && (n == numberZero || n == numberInt):
		return numberDot
	case (c == 'e' || c == 'E') && n.complete() && n != numberExponent:
		return numberE
	case (c == '+' || c == '-') && n == numberE:
		return numberESign
	}
	return numberNone
}

func (n numberState) digit(c byte) numberState {
	switch n {
	case numberNone, numberMinus:
		if c == '0' {
			return numberZero
		}
		return numberInt
	case numberInt:
		return numberInt
	case numberDot, numberFraction:
		return numberFraction
	case numberE, numberESign, numberExponent:
		return numberExponent
	}
	return numberNone // a digit behind a leading zero begins another number
}
