package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

func newTestDecoder(r io.Reader, limit int) *tcpDecoder {
	d := &tcpDecoder{r: r}
	d.limit.Store(int64(limit))
	return d
}

// values decodes until an error.
func values(d *tcpDecoder) (all []string, err error) {
	for {
		v, err := d.next()
		if err != nil {
			return all, err
		}
		all = append(all, string(v))
	}
}

// chunks is a reader that gives one chunk at each read.
type chunks [][]byte

func (c *chunks) Read(p []byte) (int, error) {
	for len(*c) > 0 && len((*c)[0]) == 0 {
		*c = (*c)[1:]
	}
	if len(*c) == 0 {
		return 0, io.EOF
	}
	n := copy(p, (*c)[0])
	(*c)[0] = (*c)[0][n:]
	return n, nil
}

var streams = []struct {
	name, stream string
	want         []string
	err          error
}{
	{"one object", `{"type":"ping"}`, []string{`{"type":"ping"}`}, io.EOF},
	{"joined", `{"a":1}{"b":2}[3]"four"`, []string{`{"a":1}`, `{"b":2}`, `[3]`, `"four"`}, io.EOF},
	{"white space", " \r\n\t{\"a\":1} \n\n {\"b\": [ 1 , 2 ]}\n", []string{`{"a":1}`, `{"b": [ 1 , 2 ]}`}, io.EOF},
	{"brackets in texts", `{"a":"}]{[\"}"}["\\"]`, []string{`{"a":"}]{[\"}"}`, `["\\"]`}, io.EOF},
	{"escapes", `"\\\"" "\u00e9\n"`, []string{`"\\\""`, `"\u00e9\n"`}, io.EOF},
	{"literals", `true false null[]truefalse`, []string{`true`, `false`, `null`, `[]`, `true`, `false`}, io.EOF},
	{"numbers", `0 -1 1.5 2e9 -0.1E-7 12{}`, []string{`0`, `-1`, `1.5`, `2e9`, `-0.1E-7`, `12`, `{}`}, io.EOF},
	{"number without end", `12`, nil, io.EOF},
	{"numbers run together", `01-2 `, []string{`0`, `1`, `-2`}, io.EOF},
	{"nothing", ``, nil, io.EOF},
	{"white space only", "  \n", nil, io.EOF},
	{"half an object", `{"a":1`, nil, io.EOF},
	{"half a text", `"abc\`, nil, io.EOF},
	{"deep", strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), []string{strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)}, io.EOF},
	{"too deep", strings.Repeat("[", maxDepth+1), nil, errSyntax},
	{"stray bracket", `{"a":1}}`, []string{`{"a":1}`}, errSyntax},
	{"stray comma", `,`, nil, errSyntax},
	{"stray letter", `x{}`, nil, errSyntax},
	{"zero byte", "\x00", nil, errSyntax},
	{"wrong bracket", `{"a":1]`, nil, errSyntax},
	{"nonsense inside", `{"a" 1}`, nil, errSyntax},
	{"trailing comma", `[1,]`, nil, errSyntax},
	{"line end in a text", "\"a\nb\"", nil, errSyntax},
	{"bad escape", `"\x"`, nil, errSyntax},
	{"bad literal", `nul{}`, nil, errSyntax},
	{"lone minus", `- `, nil, errSyntax},
	{"number ends early", `1.{}`, nil, errSyntax},
	{"plus", `+1`, nil, errSyntax},
}

// TestTCPDecoder cuts each stream at every place, into single bytes, and not at all.
func TestTCPDecoder(t *testing.T) {
	for _, s := range streams {
		t.Run(s.name, func(t *testing.T) {
			check := func(how string, r io.Reader) {
				t.Helper()
				got, err := values(newTestDecoder(r, 1<<20))
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", s.want) || !errors.Is(err, s.err) {
					t.Errorf("%s: %q %v, want %q %v", how, got, err, s.want, s.err)
				}
			}
			check("whole", strings.NewReader(s.stream))
			check("single bytes", iotest.OneByteReader(strings.NewReader(s.stream)))
			check("error with the data", iotest.DataErrReader(strings.NewReader(s.stream)))
			for cut := range len(s.stream) {
				parts := chunks{[]byte(s.stream[:cut]), []byte(s.stream[cut:])}
				check(fmt.Sprint("cut at ", cut), &parts)
			}
		})
	}
}

// TestTCPDecoderLimit: a value of the allowed size is taken, a longer one ends the
// stream, whether or not its end has come; white space does not count.
func TestTCPDecoderLimit(t *testing.T) {
	const limit = 3000
	fits, more := long(limit), long(limit+1)
	for name, c := range map[string]struct {
		stream string
		want   int
		err    error
	}{
		"fits":                 {fits + fits, 2, io.EOF},
		"does not":             {fits + more, 1, errTooBig},
		"does not, no end":     {fits + more[:limit], 1, errTooBig},
		"almost, no end":       {more[:limit-1], 0, io.EOF},
		"white space is free":  {strings.Repeat(" ", 10*limit) + fits, 1, io.EOF},
		"a number is no value": {strings.Repeat("1", limit), 0, errTooBig},
	} {
		for how, r := range map[string]io.Reader{
			"whole": strings.NewReader(c.stream), "halves": iotest.HalfReader(strings.NewReader(c.stream)),
			"single bytes": iotest.OneByteReader(strings.NewReader(c.stream)),
		} {
			got, err := values(newTestDecoder(r, limit))
			if len(got) != c.want || !errors.Is(err, c.err) {
				t.Errorf("%s, %s: %d values, %v; want %d, %v", name, how, len(got), err, c.want, c.err)
			}
		}
	}
}

// TestTCPDecoderMemory: the buffer is never larger than the largest message, and a
// large one is given back.
func TestTCPDecoderMemory(t *testing.T) {
	const limit = 64 << 10
	parts := chunks{[]byte(long(limit)), []byte(`{}`), []byte(long(limit)[:limit-1])}
	d := newTestDecoder(&parts, limit)
	for range 2 {
		if _, err := d.next(); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.buf) > largeBuffer {
		t.Errorf("an idle stream holds %d bytes", len(d.buf))
	}
	if _, err := d.next(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if cap(d.buf) > limit {
		t.Errorf("a message of %d bytes takes %d", limit, cap(d.buf))
	}
}

// FuzzTCPDecoder compares with the decoder of the standard library, in pieces of a
// size that the fuzzer chooses.
func FuzzTCPDecoder(f *testing.F) {
	for n, s := range streams {
		f.Add([]byte(s.stream), uint8(n))
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		var want []string
		reference := json.NewDecoder(strings.NewReader(string(stream)))
		var wantErr error
		for {
			var v json.RawMessage
			if wantErr = reference.Decode(&v); wantErr != nil {
				break
			}
			want = append(want, string(v))
		}
		var parts chunks
		for rest := stream; len(rest) > 0; {
			n := min(1+int(piece), len(rest))
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		got, err := values(newTestDecoder(&parts, math.MaxInt32))
		if nestedDeeper(stream, maxDepth) {
			return // we refuse earlier
		}
		if len(want) == len(got)+1 && errors.Is(err, io.EOF) && reference.InputOffset() == int64(len(stream)) {
			want = want[:len(got)] // a number at the end of the stream may not be complete
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("got %q (%v), want %q (%v)", got, err, want, wantErr)
		}
		if ended := errors.Is(wantErr, io.EOF); ended && !errors.Is(err, io.EOF) {
			t.Fatalf("ended with %v, want %v", err, wantErr)
		}
	})
}

// nestedDeeper counts opening brackets, which is never too few.
func nestedDeeper(b []byte, depth int) bool {
	return strings.Count(string(b), "[")+strings.Count(string(b), "{") > depth
}
