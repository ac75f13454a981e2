package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// object and list are short for what JSON values decode to.
type (
	object = map[string]any
	list   = []any
)

// pattern is a JSON value that a frame is compared with: each key of an object
// must be there with a matching value (the frame may have more keys), lists must
// have the same length, other values must be equal. Texts may hold symbols in
// angle brackets (testdata/transcripts/README.md); a function decides by itself.
type pattern = any

// unordered are the keys whose lists have no order (docs/protocol.md 3.8).
var unordered = map[string]bool{
	"users": true, "admins": true, "online": true, "recent": true, "guests": true,
	"atNames": true, "authed": true, "peers": true, "contacts": true, "ids": true,
	"members": true, "current": true, "rooms": true, "workgroups": true,
	"authorized": true, "add": true, "remove": true, "response": true, "at-names": true,
}

// anything matches every value that is there.
func anything(any) error { return nil }

// containing matches a text with this part.
func containing(part string) func(any) error {
	return func(v any) error {
		if s, ok := v.(string); !ok || !strings.Contains(s, part) {
			return fmt.Errorf("%s does not contain %q", show(v), part)
		}
		return nil
	}
}

// match compares a value with a pattern; symbols seen first are bound on success.
func match(p pattern, v any, b *bindings) error { return matchAt("", "", p, v, b) }

func matchAt(at, key string, p pattern, v any, b *bindings) error {
	var err error
	switch p := p.(type) {
	case func(any) error:
		err = p(v)
	case object:
		return matchObject(at, p, v, b)
	case list:
		return matchList(at, key, p, v, b)
	case string:
		err = b.matchText(p, v)
	case int:
		err = matchScalar(float64(p), v)
	default:
		err = matchScalar(p, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

func matchScalar(p, v any) error {
	if p != v {
		return fmt.Errorf("is %s, not %s", show(v), show(p))
	}
	return nil
}

func matchObject(at string, p object, v any, b *bindings) error {
	o, ok := v.(object)
	if !ok {
		return fmt.Errorf("%s: is %s, not an object", at, show(v))
	}
	b.noteTime(p, o)
	// In a fixed order, so that symbols are bound in the same way each time.
	for _, name := range slices.Sorted(maps.Keys(p)) {
		bound, err := b.text(name)
		if err != nil {
			return fmt.Errorf("%s: key %s: %w", at, name, err)
		}
		value, ok := o[bound]
		if !ok {
			return fmt.Errorf("%s: has no %q", at, bound)
		}
		// The members of a workgroup are keyed by its id.
		key := name
		if strings.HasPrefix(name, "friend_wg_") {
			key = "members"
		}
		if err := matchAt(at+"."+name, key, p[name], value, b); err != nil {
			return err
		}
	}
	return nil
}

func matchList(at, key string, p list, v any, b *bindings) error {
	values, ok := v.(list)
	if !ok || len(values) != len(p) {
		return fmt.Errorf("%s: is %s, not a list of %d", at, show(v), len(p))
	}
	if !unordered[key] {
		for n := range p {
			if err := matchAt(fmt.Sprintf("%s[%d]", at, n), "", p[n], values[n], b); err != nil {
				return err
			}
		}
		return nil
	}
	return matchSet(at, p, slices.Clone(values), b)
}

// matchSet finds a value for each element, the first that fits.
func matchSet(at string, p, values list, b *bindings) error {
	for n := range p {
		var first error
		found := slices.IndexFunc(values, func(v any) bool {
			attempt := b.clone()
			err := matchAt(fmt.Sprintf("%s[%d]", at, n), "", p[n], v, attempt)
			if err == nil {
				*b = *attempt
			} else if first == nil {
				first = err
			}
			return err == nil
		})
		if found < 0 {
			return fmt.Errorf("%s: nothing matches %s (%w)", at, show(b.resolve(p[n])), first)
		}
		values = slices.Delete(values, found, found+1)
	}
	return nil
}

// bindings are the values that symbols stand for.
type bindings struct{ values map[string]string }

func newBindings() *bindings { return &bindings{map[string]string{}} }

func (b *bindings) clone() *bindings { return &bindings{maps.Clone(b.values)} }

var (
	symbol = regexp.MustCompile(`<(acc|guest|room|cont|worg|msg|wrk|edit|session|public|private|ls|rel|delete|` +
		`fuser|authid|fgroup|fgroupuid):[A-Za-z0-9#]+>|<(time|seconds|iso-time|row|png|service-request)>|friend_wg_<[a-z]+>`)
	isoTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
)

// kinds are the symbols that stand for no id: what must be true of their values.
var kinds = map[string]func(v any) bool{
	"<time>":            func(v any) bool { n, ok := v.(float64); return ok && n > 1e12 && n < 1e14 },
	"<seconds>":         func(v any) bool { n, ok := v.(float64); return v == nil || ok && n >= 0 && n < 1e11 },
	"<row>":             func(any) bool { return true },
	"<service-request>": func(v any) bool { s, ok := v.(string); return ok && strings.HasPrefix(s, "EXTSER_") },
	"<png>": func(v any) bool {
		s, ok := v.(string)
		return ok && strings.HasPrefix(s, "data:image/png;base64,") && len(s) > 100
	},
	"<iso-time>": func(v any) bool { s, ok := v.(string); return ok && isoTime.MatchString(s) },
}

// matchText compares a value with a text that may hold symbols.
func (b *bindings) matchText(p string, v any) error {
	if fits := kinds[p]; fits != nil {
		if !fits(v) {
			return fmt.Errorf("is %s, not %s", show(v), p)
		}
		return nil
	}
	s, ok := v.(string)
	if n, number := v.(float64); number && symbol.MatchString(p) {
		s, ok = fmt.Sprintf("%.0f", n), true // a workgroup's number is sent as text or number
	}
	if !ok {
		return fmt.Errorf("is %s, not %s", show(v), show(p))
	}
	return b.matchParts(p, s)
}

// matchParts takes the text apart at the symbols that are not bound yet.
func (b *bindings) matchParts(p, s string) error {
	var expr strings.Builder
	var fresh []string
	at := 0
	for _, span := range symbol.FindAllStringIndex(p, -1) {
		name := p[span[0]:span[1]]
		expr.WriteString(regexp.QuoteMeta(p[at:span[0]]))
		at = span[1]
		switch value, bound := b.values[name]; {
		case bound:
			expr.WriteString(regexp.QuoteMeta(value))
		case name == "<time>":
			expr.WriteString(`\d{13}`)
		default:
			expr.WriteString(`(` + shape(name) + `)`)
			fresh = append(fresh, name)
		}
	}
	expr.WriteString(regexp.QuoteMeta(p[at:]))
	found := regexp.MustCompile(`(?s)^` + expr.String() + `$`).FindStringSubmatch(s)
	if found == nil {
		return fmt.Errorf("is %s, not %s", show(s), show(b.resolve(p)))
	}
	for n, name := range fresh {
		if err := b.bind(name, found[n+1]); err != nil {
			return err
		}
	}
	return nil
}

// shape is what an id behind a symbol looks like, as a regular expression.
func shape(name string) string {
	kind, _, _ := strings.Cut(strings.Trim(name, "<>"), ":")
	switch kind {
	case "acc", "guest", "room", "cont", "worg", "msg", "public", "private", "delete", "edit", "rel":
		return kind + `-[0-9a-f-]{36}`
	}
	return `.+?`
}

// bind notes what a new symbol stands for. Different symbols are different ids;
// only a session may be taken up again where the recording had a new one.
func (b *bindings) bind(name, value string) error {
	if !strings.HasPrefix(name, "<session:") {
		for other, taken := range b.values {
			if taken == value && sameKind(other, name) {
				return fmt.Errorf("%s is %s, which is %s already", name, value, other)
			}
		}
	}
	b.values[name] = value
	return nil
}

func sameKind(a, b string) bool {
	kindA, _, _ := strings.Cut(a, ":")
	kindB, _, _ := strings.Cut(b, ":")
	return kindA == kindB
}

// noteTime remembers when a message was written, for requests that page the log.
func (b *bindings) noteTime(p, o object) {
	name, isSymbol := p["msgId"].(string)
	at, isTime := o["time"].(float64)
	if isSymbol && isTime && symbol.MatchString(name) {
		b.values["<time-of:"+strings.TrimPrefix(name, "<")] = fmt.Sprintf("%.0f", at)
	}
}

// aPicture is a red square, sent where a recorded client sent a picture.
const aPicture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mO4YGCAFTEMLQkA2ntMAZZ5tYQAAAAASUVORK5CYII="

// number is what a symbol for a time stands for in what is sent.
func (b *bindings) number(name string) (any, bool) {
	if name == "<png>" {
		return aPicture, true
	}
	if name == "<now>" {
		return float64(time.Now().Add(time.Minute).UnixMilli()), true
	}
	if !strings.HasPrefix(name, "<time-of:") {
		return nil, false
	}
	at, err := strconv.ParseFloat(b.values[name], 64)
	return at, err == nil
}

// inventUnknown binds the ids in a message to be sent that were never seen: the
// recorded client sent ids that did not exist.
func (b *bindings) inventUnknown(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		return
	}
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(text))
	for _, name := range symbol.FindAllString(plain, -1) {
		kind, _, numbered := strings.Cut(strings.Trim(name, "<>"), ":")
		if _, known := b.values[name]; !known && numbered && kind != "authid" && kind != "fuser" {
			b.values[name] = kind + "-" + inventedUUID()
		}
	}
}

func inventedUUID() string {
	var r [16]byte
	rand.Read(r[:])
	r[6], r[8] = r[6]&0x0f|0x40, r[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", r[:4], r[4:6], r[6:8], r[8:10], r[10:])
}

// text puts values in the place of symbols; all of them must be bound.
func (b *bindings) text(p string) (string, error) {
	var missing error
	s := symbol.ReplaceAllStringFunc(p, func(name string) string {
		value, ok := b.values[name]
		if !ok {
			missing = fmt.Errorf("nothing is known as %s yet", name)
		}
		return value
	})
	return s, missing
}

// value is text for whole JSON values.
func (b *bindings) value(p pattern) (any, error) {
	switch p := p.(type) {
	case string:
		if at, ok := b.number(p); ok {
			return at, nil
		}
		return b.text(p)
	case list:
		values := make(list, len(p))
		for n := range p {
			v, err := b.value(p[n])
			if err != nil {
				return nil, err
			}
			values[n] = v
		}
		return values, nil
	case object:
		values := make(object, len(p))
		for name, inner := range p {
			v, err := b.value(inner)
			if err != nil {
				return nil, err
			}
			bound, err := b.text(name)
			if err != nil {
				return nil, err
			}
			values[bound] = v
		}
		return values, nil
	}
	return p, nil
}

// resolve is value where unknown symbols stay as they are.
func (b *bindings) resolve(p pattern) any {
	switch p := p.(type) {
	case string:
		return symbol.ReplaceAllStringFunc(p, func(name string) string {
			if value, ok := b.values[name]; ok {
				return value
			}
			return name
		})
	case list:
		values := make(list, len(p))
		for n := range p {
			values[n] = b.resolve(p[n])
		}
		return values
	case object:
		values := make(object, len(p))
		for name, inner := range p {
			values[name] = b.resolve(inner)
		}
		return values
	}
	return p
}

// show renders a value for a message, shortened where it is long.
func show(v any) string {
	text, err := json.Marshal(printable(v))
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// maxShown is how much of a text is shown.
const maxShown = 300

func printable(v any) any {
	switch v := v.(type) {
	case func(any) error:
		return "(checked by a function)"
	case string:
		if strings.HasPrefix(v, "data:image/") {
			return v[:min(len(v), 24)] + "…"
		}
		if len(v) > maxShown {
			return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(v[:maxShown], ""), len(v))
		}
		return v
	case list:
		shown := make(list, len(v))
		for n := range v {
			shown[n] = printable(v[n])
		}
		return shown
	case object:
		shown := make(object, len(v))
		for name := range v {
			shown[name] = printable(v[name])
		}
		return shown
	}
	return v
}

// TestMatch shows what counts as a match: the other tests stand on it.
func TestMatch(t *testing.T) {
	for _, c := range []struct {
		name, pattern, value string
		want                 bool
	}{
		{"more keys", `{"a":1}`, `{"a":1,"b":2}`, true},
		{"a key is missing", `{"a":null}`, `{}`, false},
		{"another value", `{"a":1}`, `{"a":2}`, false},
		{"null is not false", `{"a":null}`, `{"a":false}`, false},
		{"lists have an order", `["a","b"]`, `["b","a"]`, false},
		{"these do not", `{"users":["a","b"]}`, `{"users":["b","a"]}`, true},
		{"one too many", `{"users":["a"]}`, `{"users":["b","a"]}`, false},
		{"twice the same", `{"users":["a","a"]}`, `{"users":["b","a"]}`, false},
		{"a symbol", `["<msg:1>","<msg:1>"]`, `["msg-` + someUUID + `","msg-` + someUUID + `"]`, true},
		{"one symbol, two ids", `["<msg:1>","<msg:1>"]`, `["msg-` + someUUID + `","msg-` + otherUUID + `"]`, false},
		{"two symbols, one id", `["<msg:1>","<msg:2>"]`, `["msg-` + someUUID + `","msg-` + someUUID + `"]`, false},
		{"another prefix", `"<msg:1>"`, `"room-` + someUUID + `"`, false},
		{"a symbol in a text", `"to <room:1>!"`, `"to room-` + someUUID + `!"`, true},
		{"a time", `"<time>"`, `1709283600123`, true},
		{"no time", `"<time>"`, `"1709283600123"`, false},
		{"a picture", `"<png>"`, `"data:image/png;base64,` + strings.Repeat("A", 100) + `"`, true},
		{"no picture", `"<png>"`, `null`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := match(decode(t, c.pattern), decode(t, c.value), newBindings())
			if (err == nil) != c.want {
				t.Errorf("match(%s, %s) = %v", c.pattern, c.value, err)
			}
		})
	}
}

const (
	someUUID  = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
	otherUUID = "9b2c3d4e-0000-4111-8222-333344445555"
)

func decode(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
