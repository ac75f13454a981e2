package cfg

import (
	_ "embed"
	"strings"
)

//go:embed example.presence.ini
var example string

// Example returns example.presence.ini: every setting, explained, with its
// default. Its settings are commented out, so as a configuration it is the same
// as an empty file.
func Example() string { return example }

// uncommented turns the settings of the example, ";key = value", into settings
// that count. Its explanations begin with "#" and stay comments.
func uncommented(text string) string {
	return strings.ReplaceAll(text, "\n;", "\n")
}
