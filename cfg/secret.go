package cfg

import (
	"fmt"
	"io"
	"log/slog"
)

// mask stands in every output in place of a secret.
const mask = "***"

// Secret is a password, key, token or authid. However it is printed, logged or
// encoded, only "***" comes out; Reveal gives the text.
type Secret string

// Reveal returns the text itself, to be handed to where it is needed.
func (s Secret) Reveal() string { return string(s) }

// String returns the mask.
func (Secret) String() string { return mask }

// GoString returns the mask.
func (Secret) GoString() string { return mask }

// Format writes the mask for every verb; without it, %d would show the text.
func (Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, mask) }

// MarshalText returns the mask; it covers JSON as well.
func (Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue returns the mask.
func (Secret) LogValue() slog.Value { return slog.StringValue(mask) }
