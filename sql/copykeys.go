package sql

import (
	"context"
	"crypto/sha256"
	dbsql "database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Two texts that SQLite tells apart can be one for MySQL, where upper and lower
// case, accents and blanks at the end do not count. By what it goes it says itself:
// the weights of texts that are the same to it are the same.
const weightOf = "HEX(WEIGHT_STRING(? COLLATE utf8mb4_unicode_ci))"

// weightDigits are those of one weight of utf8mb4_unicode_ci.
const weightDigits = 4

// weights knows what the target makes of texts.
type weights struct {
	target *copyTarget
	ascii  [128]string     // of each printable character of ASCII, in hexadecimal digits
	plain  map[string]byte // the character that plain texts have for a weight
}

// newWeights asks for the weights of all printable characters of ASCII.
func newWeights(ctx context.Context, target *copyTarget) (*weights, error) {
	w := &weights{target: target, plain: map[string]byte{}}
	var all []any
	for c := byte(' '); c <= '~'; c++ {
		all = append(all, string(rune(c)))
	}
	answers, err := target.each(ctx, weightOf, all)
	if err != nil {
		return nil, fmt.Errorf("ask the target how it compares texts: %w", err)
	}
	for n, weight := range answers {
		c := byte(' ') + byte(n)
		w.ascii[c] = weight
		capital := c - ('a' - 'A') // of c, if that is a small letter
		same, taken := w.plain[weight]
		if len(weight) != weightDigits || taken && (same != capital || c < 'a' || c > 'z') {
			return nil, fmt.Errorf("the target compares the character %q in a way that is not known here", c)
		}
		w.plain[weight] = c // small letters come after capital ones, and stay
	}
	return w, nil
}

// isPlain says that no other plain text is the same: there are only printable
// characters of ASCII, no capital letters, and no blank at the end.
func (w *weights) isPlain(text string) bool {
	for n := range len(text) {
		if c := text[n]; c < ' ' || c > '~' || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return !strings.HasSuffix(text, " ")
}

// of returns the weight of a text, without that of blanks at its end.
func (w *weights) of(ctx context.Context, text string) (string, error) {
	weight, err := w.whole(ctx, text)
	for err == nil && strings.HasSuffix(weight, w.ascii[' ']) {
		weight = weight[:len(weight)-weightDigits]
	}
	return weight, err
}

func (w *weights) whole(ctx context.Context, text string) (string, error) {
	var b strings.Builder
	for n := range len(text) {
		if text[n] < ' ' || text[n] > '~' {
			answers, err := w.target.each(ctx, weightOf, []any{text})
			if err != nil {
				return "", fmt.Errorf("ask the target how it compares texts: %w", translate(err))
			}
			return answers[0], nil
		}
		b.WriteString(w.ascii[text[n]])
	}
	return b.String(), nil
}

// plainText returns the plain text of a weight; false if none has it.
func (w *weights) plainText(weight string) (string, bool) {
	var b strings.Builder
	for ; len(weight) >= weightDigits; weight = weight[weightDigits:] {
		c, ok := w.plain[weight[:weightDigits]]
		if !ok {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), weight == ""
}

// keyCheck finds rows that are the same to the target by one of the table's unique
// keys. Plain texts need no memory: only the others are remembered, in about 60
// bytes each, and looked up among the plain ones.
type keyCheck struct {
	weights  *weights
	problems *copyProblems
	table    string
	columns  []string
	at       []int // positions of the columns
	lookup   *sqlx.Stmt
	seen     map[[16]byte]int64 // ids by weight, of rows that are not plain
}

func newKeyCheck(ctx context.Context, s *copySource, w *weights, problems *copyProblems, t copyTable, columns []string) (*keyCheck, error) {
	k := &keyCheck{weights: w, problems: problems, table: t.name, columns: columns, seen: map[[16]byte]int64{}}
	for _, c := range columns {
		k.at = append(k.at, t.position(c))
	}
	var err error
	k.lookup, err = s.conn.PreparexContext(ctx, "SELECT _id FROM "+t.name+" WHERE "+strings.Join(columns, " = ? AND ")+" = ?")
	if err != nil {
		return nil, fmt.Errorf("prepare to look for keys of %s: %w", t.name, err)
	}
	return k, nil
}

func (k *keyCheck) close() { _ = k.lookup.Close() } // there is nothing to lose

// add looks at a row whose values fit.
func (k *keyCheck) add(ctx context.Context, r *copyRows) error {
	texts := make([]string, 0, 2)
	plain := true
	for _, n := range k.at {
		switch v := r.values[n].(type) {
		case string:
			texts = append(texts, v)
			plain = plain && k.weights.isPlain(v)
		case []byte: // to SQLite no text is the same
			texts = append(texts, string(v))
			plain = false
		default:
			return nil // with NULL no row is the same as any other
		}
	}
	if plain {
		return nil
	}
	return k.addOther(ctx, r.id(), texts)
}

func (k *keyCheck) addOther(ctx context.Context, id int64, texts []string) error {
	var key []byte
	var twin []any // the plain texts that would be the same
	for _, text := range texts {
		weight, err := k.weights.of(ctx, text)
		if err != nil {
			return err
		}
		key = append(binary.AppendUvarint(key, uint64(len(weight))), weight...)
		if plain, ok := k.weights.plainText(weight); ok {
			twin = append(twin, plain)
		}
	}
	sum := sha256.Sum256(key)
	short := [16]byte(sum[:])
	other, found := k.seen[short]
	if !found {
		k.seen[short] = id
		if len(twin) == len(texts) {
			err := k.lookup.GetContext(ctx, &other, twin...)
			if err != nil && !errors.Is(err, dbsql.ErrNoRows) {
				return fmt.Errorf("look for a key of %s: %w", k.table, err)
			}
			found = err == nil && other != id
		}
	}
	if found {
		k.problems.add(k.table, id, "to the target %s is the same as in the row with _id %d: case, accents and blanks at the end do not count there",
			strings.Join(k.columns, ", "), other)
	}
	return nil
}
