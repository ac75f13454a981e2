package sql

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"presence/rooms"
)

// Sizes of columns (docs/protocol.md 11.1).
const (
	shortChars = 191   // characters of ids and names
	kindChars  = 20    // characters of a message's type and status
	textBytes  = 65535 // bytes of a TEXT column
)

// field is a value that is checked before the database is asked. The value itself
// never stands in an error.
type field struct {
	name  string // as the table has it
	value string
	chars int // longest in characters; 0: textBytes
}

func checkFields(fields ...field) error {
	for _, f := range fields {
		switch {
		case !utf8.ValidString(f.value):
			return fmt.Errorf("%s is not UTF-8: %w", f.name, ErrInvalid)
		case f.chars > 0 && utf8.RuneCountInString(f.value) > f.chars:
			return fmt.Errorf("%s has %d characters, %d are possible: %w",
				f.name, utf8.RuneCountInString(f.value), f.chars, ErrTooLong)
		case f.chars == 0 && len(f.value) > textBytes:
			return fmt.Errorf("%s has %d bytes, %d are possible: %w", f.name, len(f.value), textBytes, ErrTooLong)
		}
	}
	return nil
}

// checkIDs is checkFields for ids that must not be empty.
func checkIDs[T ~string](name string, ids ...T) error {
	for _, id := range ids {
		if id == "" {
			return fmt.Errorf("%s is empty: %w", name, ErrInvalid)
		}
		if err := checkFields(field{name, string(id), shortChars}); err != nil {
			return err
		}
	}
	return nil
}

// null is the value of a column that holds NULL for an empty text.
func null[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// isGuest says whether an id is that of a guest, who has no row
// (docs/protocol.md 2.7).
func isGuest(id rooms.AccountID) bool { return strings.HasPrefix(string(id), "guest-") }

// isContactRoom says whether an id is that of a room of two contacts
// (docs/protocol.md 4.7).
func isContactRoom(id rooms.RoomID) bool { return strings.HasPrefix(string(id), "cont-") }

// unique leaves out what is named again.
func unique[T comparable](all []T) []T {
	seen := make(map[T]bool, len(all))
	return slices.DeleteFunc(slices.Clone(all), func(v T) bool {
		again := seen[v]
		seen[v] = true
		return again
	})
}

// withoutGuests leaves out guests, and accounts that are named twice.
func withoutGuests(ids []rooms.AccountID) []rooms.AccountID {
	return slices.DeleteFunc(unique(ids), isGuest)
}

// stamp is a TIMESTAMP column: UTC, whole seconds. As text it is the same in both
// kinds of database. The zero time is NULL.
type stamp struct{ time.Time }

func (s stamp) Value() (driver.Value, error) {
	if s.IsZero() {
		return nil, nil
	}
	return s.UTC().Format(time.DateTime), nil
}

func (s *stamp) Scan(v any) (err error) {
	s.Time = time.Time{}
	switch v := v.(type) {
	case nil:
	case time.Time:
		s.Time = v.UTC()
	case []byte:
		err = s.parse(string(v))
	case string:
		err = s.parse(v)
	default:
		err = fmt.Errorf("a time column holds a %T", v)
	}
	return err
}

// parse takes the zero dates that old servers stored as no time at all.
func (s *stamp) parse(text string) (err error) {
	if strings.HasPrefix(text, "0000-00-00") {
		return nil
	}
	s.Time, err = time.Parse(time.DateTime, text)
	return err
}

// orNow is t, or now if it is zero.
func orNow(t time.Time) stamp {
	if t.IsZero() {
		t = time.Now()
	}
	return stamp{t}
}

// settingsIn reads a settings column, which holds text or a document and may be
// empty or damaged: then it counts as {} (docs/protocol.md 11.1).
func settingsIn(log *slog.Logger, stored []byte, owner, id string) json.RawMessage {
	stored = bytes.TrimSpace(stored)
	if isObject(stored) {
		return stored
	}
	if len(stored) > 0 {
		log.Warn("settings in the database are no JSON object; taken as empty", owner, id)
	}
	return json.RawMessage(`{}`)
}

// settingsOut checks settings that are to be stored.
func settingsOut(settings json.RawMessage) (string, error) {
	switch {
	case len(settings) == 0:
		return `{}`, nil
	case len(settings) > textBytes:
		return "", fmt.Errorf("settings have %d bytes, %d are possible: %w", len(settings), textBytes, ErrTooLong)
	case !isObject(settings) || !utf8.Valid(settings):
		return "", fmt.Errorf("settings are no JSON object: %w", ErrInvalid)
	}
	return string(settings), nil
}

func isObject(text []byte) bool {
	text = bytes.TrimSpace(text)
	return len(text) > 0 && text[0] == '{' && json.Valid(text)
}
