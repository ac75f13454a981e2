package sql

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strconv"
)

// rowSum is a checksum over all columns of rows, in order. It is the same for the
// same rows in both kinds of database: numbers count as decimal text, documents by
// what they say, all else byte by byte.
type rowSum struct {
	hash hash.Hash
	rows int64
	buf  []byte
}

func newRowSum() *rowSum { return &rowSum{hash: sha256.New()} }

// add takes in the row that r stands on.
func (s *rowSum) add(r *copyRows) error {
	s.buf = s.buf[:0]
	for n, c := range r.table.columns {
		var err error
		if s.buf, err = appendCell(s.buf, c, r.values[n]); err != nil {
			return fmt.Errorf("%s of %s, _id %d: column %s: %w", r.table.name, r.where, r.id(), c.name, err)
		}
	}
	s.hash.Write(s.buf)
	s.rows++
	return nil
}

// text is the checksum in hexadecimal digits, 64 of them.
func (s *rowSum) text() string { return hex.EncodeToString(s.hash.Sum(nil)) }

// appendCell adds a value to its row: 0 for NULL, else 1, the length and the
// bytes, so that no two rows look alike.
func appendCell(buf []byte, c copyColumn, v any) ([]byte, error) {
	var text []byte
	var digits [20]byte
	switch v := v.(type) {
	case nil:
		return append(buf, 0), nil
	case int64:
		text = strconv.AppendInt(digits[:0], v, 10)
	case uint64:
		text = strconv.AppendUint(digits[:0], v, 10)
	case string:
		if c.kind != jsonColumn {
			buf = binary.AppendUvarint(append(buf, 1), uint64(len(v)))
			return append(buf, v...), nil
		}
		text = plainJSON([]byte(v))
	case []byte:
		text = v
		if c.kind == jsonColumn {
			text = plainJSON(v)
		}
	default:
		return buf, fmt.Errorf("a %T cannot be compared", v)
	}
	buf = binary.AppendUvarint(append(buf, 1), uint64(len(text)))
	return append(buf, text...), nil
}

// plainJSON writes a document in one way out of many: MySQL changes the order of
// names, blanks and numbers when it stores one. What is no document stays.
func plainJSON(text []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var document any
	if !json.Valid(text) || decoder.Decode(&document) != nil {
		return text
	}
	plain, err := json.Marshal(plainNumbers(document))
	if err != nil {
		return text
	}
	return plain
}

// plainNumbers makes numbers that are equal look alike, in a document and all that
// is in it.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			v[name] = plainNumbers(inner)
		}
	case []any:
		for n, inner := range v {
			v[n] = plainNumbers(inner)
		}
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
	}
	return v
}

// errDiffers says that the copy is not what was copied.
var errDiffers = errors.New("the copy differs from the source")

// verify compares all rows with those of the source.
func (k *copier) verify(ctx context.Context) error {
	for n, t := range k.tables {
		r := &k.report.Tables[n]
		sum, err := k.sumOfTarget(ctx, t, r.SourceRows)
		if err != nil {
			return err
		}
		r.TargetRows, r.TargetSum = sum.rows, sum.text()
		if r.TargetRows == r.SourceRows && r.TargetSum == r.SourceSum {
			continue
		}
		id, why, err := k.firstDifference(ctx, t)
		if err != nil {
			return err
		}
		return fmt.Errorf("%w in table %s, first at _id %d: %s; %s", errDiffers, t.name, id, why, k.target.beginAnew())
	}
	return nil
}

func (k *copier) sumOfTarget(ctx context.Context, t copyTable, count int64) (*rowSum, error) {
	rows, err := k.target.allRows(ctx, t)
	if err != nil {
		return nil, err
	}
	defer rows.close()
	k.o.Progress.Begin("compare "+t.name, 0, count)
	sum := newRowSum()
	for {
		more, err := rows.next()
		if err != nil {
			return nil, err
		}
		if !more {
			k.o.Progress.End()
			return sum, nil
		}
		if err := sum.add(rows); err != nil {
			return nil, err
		}
		k.o.Progress.At(sum.rows)
	}
}

// firstDifference walks through both tables side by side and returns the least _id
// whose rows differ, or that only one of them has.
func (k *copier) firstDifference(ctx context.Context, t copyTable) (id int64, why string, err error) {
	mine, err := k.source.allRows(ctx, t)
	if err != nil {
		return 0, "", err
	}
	defer mine.close()
	theirs, err := k.target.allRows(ctx, t)
	if err != nil {
		return 0, "", err
	}
	defer theirs.close()
	for {
		inSource, err := mine.next()
		if err != nil {
			return 0, "", err
		}
		inTarget, err := theirs.next()
		if err != nil {
			return 0, "", err
		}
		switch {
		case !inSource && !inTarget:
			return 0, "nothing any more: somebody has changed it meanwhile", nil
		case !inTarget, inSource && mine.id() < theirs.id():
			return mine.id(), "the target lacks the row", nil
		case !inSource, mine.id() > theirs.id():
			return theirs.id(), "only the target has such a row", nil
		}
		column, err := differentColumn(mine, theirs)
		if column != "" || err != nil {
			return mine.id(), "the column " + column + " differs", err
		}
	}
}

// differentColumn names the first column in which two rows differ; empty if they
// do not.
func differentColumn(a, b *copyRows) (string, error) {
	for n, c := range a.table.columns {
		cellA, err := appendCell(nil, c, a.values[n])
		if err != nil {
			return "", err
		}
		cellB, err := appendCell(nil, c, b.values[n])
		if err != nil {
			return "", err
		}
		if !bytes.Equal(cellA, cellB) {
			return c.name, nil
		}
	}
	return "", nil
}
