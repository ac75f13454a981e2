package avatar

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// The errors of Own. More is in their texts, but never the data.
var (
	ErrTooLarge    = errors.New("the picture is too large")
	ErrNotAPicture = errors.New("not a picture: want a PNG, JPEG, GIF, BMP or WebP as a data URL or as base64")
	ErrUnreadable  = errors.New("the picture is damaged, or of a kind that is not supported")
)

// maxText bounds what is looked at at all.
const maxText = 4 << 20

// Own makes a picture that somebody sent fit to be kept: its centered square, of
// side × side pixels, as a data URL of a PNG that fits the column. A picture that
// would not fit gets fewer colors, and a smaller side if that does not suffice.
//
// data is a data URL or bare base64. What it is, the bytes decide.
func Own(data string, side int) (dataURL string, err error) {
	raw, err := unwrap(data)
	if err != nil {
		return "", err
	}
	pic, err := open(raw)
	if err != nil {
		return "", err
	}
	side = min(max(side, MinSide), MaxSide)
	src, square := pic.square(side)
	return DataURL(fit(pic.turn.apply(resize(src, square, side)))), nil
}

// unwrap returns the bytes that a data URL or base64 stands for. Both alphabets,
// missing padding and white space are fine.
func unwrap(data string) ([]byte, error) {
	if len(data) > maxText {
		return nil, fmt.Errorf("%w: %d bytes of text, want at most %d", ErrTooLarge, len(data), maxText)
	}
	text := strings.TrimSpace(data)
	if isDataURL(text) {
		head, body, found := strings.Cut(text, ",")
		if !found || !strings.HasSuffix(strings.ToLower(strings.TrimSpace(head)), ";base64") {
			return nil, fmt.Errorf("%w: a data URL without base64", ErrNotAPicture)
		}
		text = body
	}
	raw, err := base64.RawStdEncoding.DecodeString(standardAlphabet(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotAPicture, err)
	}
	return raw, nil
}

func isDataURL(text string) bool {
	const scheme = "data:"
	return len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme)
}

// standardAlphabet returns base64 text without white space and padding, the letters
// of URLs replaced by the usual ones.
func standardAlphabet(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := range len(text) {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n', '\v', '\f':
		case '-':
			b.WriteByte('+')
		case '_':
			b.WriteByte('/')
		default:
			b.WriteByte(c)
		}
	}
	return strings.TrimRight(b.String(), "=")
}
