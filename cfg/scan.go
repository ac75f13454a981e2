package cfg

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFile is the largest configuration file that is read, in bytes.
const maxFile = 1 << 20

// section is a part of presence.ini from one header to the next. Sections of the
// same title are not merged yet.
type section struct {
	kind    string // "tcp"; "ice" of [ice "office"]
	name    string // "office" of [ice "office"], else empty
	line    int
	entries []entry
}

// title is the section as it is spoken of: tcp, or ice "office".
func (s section) title() string {
	if s.name == "" {
		return s.kind
	}
	return s.kind + " " + inQuotes(s.name)
}

type entry struct {
	key, value string
	line       int
	path       string // in config.js, such as server.ws.port; empty with presence.ini
}

// scanner reads the form of presence.ini; what the names mean is not its concern.
// It is our own because gopkg.in/ini.v1 forgets line numbers and repeated keys,
// and guesses where an error helps more.
type scanner struct {
	file     string
	sections []section
	problems []Note
	broken   bool // the last header could not be read: its keys belong nowhere
	line     int
}

// scan splits text into sections. A line that cannot be read is a problem; the
// rest is returned all the same, so that all problems can be told at once.
func scan(file, text string) ([]section, []Note) {
	s := scanner{file: file}
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		s.line++
		s.readLine(strings.TrimSpace(line))
	}
	return s.sections, s.problems
}

func (s *scanner) readLine(line string) {
	switch {
	case line == "" || line[0] == ';' || line[0] == '#':
	case !utf8.ValidString(line):
		s.problem("the line is not UTF-8 text; save the file as UTF-8")
	case strings.ContainsFunc(line, isControl):
		s.problem("the line holds a control character; take it out")
	case line[0] == '[':
		s.readHeader(line)
	default:
		s.readEntry(line)
	}
}

func (s *scanner) readHeader(line string) {
	inner, closed := strings.CutSuffix(line, "]")
	if !closed {
		s.broken = true
		s.problem("a section header ends with ] and stands alone on its line")
		return
	}
	kind, quoted := strings.TrimSpace(inner[1:]), ""
	if i := strings.IndexAny(kind, " \t"); i >= 0 {
		kind, quoted = kind[:i], strings.TrimSpace(kind[i:])
	}
	sec := section{kind: kind, line: s.line}
	if quoted != "" {
		name, err := unquote(quoted)
		if err != nil || name == "" || quoted[0] != '"' {
			s.broken = true
			s.problem("the name in a section header stands in double quotes: [%s \"NAME\"]", clip(kind))
			return
		}
		sec.name = name
	}
	s.broken = false
	s.sections = append(s.sections, sec)
}

func (s *scanner) readEntry(line string) {
	key, text, found := strings.Cut(line, "=")
	key = strings.TrimSpace(key)
	switch {
	case !found:
		// The line is not quoted: it may be the second half of a secret.
		s.problem("neither a [section] nor \"key = value\" nor a comment (a comment begins with ; or #)")
		return
	case key == "":
		s.problem("there is no key in front of the =")
		return
	case s.broken:
		return
	case len(s.sections) == 0:
		s.problem("key %q stands in front of the first [section]", clip(key))
		return
	}
	value, err := unquote(strings.TrimSpace(text))
	sec := &s.sections[len(s.sections)-1]
	if err != nil {
		s.problem("[%s] %s: %v", clip(sec.title()), clip(key), err)
		return
	}
	sec.entries = append(sec.entries, entry{key: key, value: value, line: s.line})
}

func (s *scanner) problem(format string, args ...any) {
	s.problems = append(s.problems, problemAt(s.file, s.line, format, args...))
}

// unquote reads a value. Its errors never hold the value: it may be a secret.
func unquote(text string) (string, error) {
	switch {
	case strings.HasPrefix(text, `"`):
		return unescape(text[1:])
	case strings.HasPrefix(text, `'`):
		return "", errors.New(`a value that begins with ' stands in double quotes ("...")`)
	case commentBehind(text):
		return "", errors.New(`; or # after a blank: a comment stands on a line of its own; ` +
			`if it belongs to the value, put the value in double quotes`)
	}
	return text, nil
}

func commentBehind(text string) bool {
	if strings.HasPrefix(text, ";") || strings.HasPrefix(text, "#") {
		return true
	}
	for _, mark := range []string{" ;", " #", "\t;", "\t#"} {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return false
}

// unescape reads a quoted value from behind its first quote.
func unescape(text string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			if i != len(text)-1 {
				return "", errors.New(`there is text behind the closing quote; write \" for a quote in the value`)
			}
			return b.String(), nil
		case '\\':
			i++
			if i == len(text) || text[i] != '"' && text[i] != '\\' {
				return "", errors.New(`in quotes, write \\ for a backslash`)
			}
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("the closing quote is missing")
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\t' }

// clip bounds what an error text repeats of a file.
func clip(text string) string {
	const limit = 60
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "..."
}

// readFile reads a configuration file of bounded size.
func readFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxFile {
		return "", fmt.Errorf("larger than %d KiB: not a configuration file", maxFile>>10)
	}
	return string(text), nil
}
