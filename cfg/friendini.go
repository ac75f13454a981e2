package cfg

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"gopkg.in/ini.v1"
)

// FriendINI is what FriendCore's cfg.ini says, as FriendCore itself reads it; what
// it does not say has FriendCore's own default (docs/protocol.md 12.1).
type FriendINI struct {
	Path               string
	Port               int  // [Core] port: HTTP
	SSLEnable          bool // [Core] SSLEnable: TLS on Port
	WSNotificationPort int  // [Core] wsnotificationport: services
	ServicesOff        bool // [Core] disablews or disableexternalws: no such port
	CertPath           string
	FCHost             string // [FriendCore] fchost: the public name; empty: not set
	Database           FriendDatabase
	ServiceKeys        map[string]Secret // [ServiceKeys], names in lower case
	Presence           map[string]Secret // [Presence], written by Friend Chat's installer
	Misspelled         []Note            // sections that were meant to be [ServiceKeys]
	Notes              []Note            // values that cannot be used, Misspelled included
}

// FriendDatabase is section [DatabaseUser].
type FriendDatabase struct {
	Login    string
	Password Secret
	Host     string
	Port     int
	Name     string
}

// ServiceKey is the key of a service; empty if there is none. FriendCore knows
// names in lower case only.
func (f *FriendINI) ServiceKey(name string) Secret { return f.ServiceKeys[name] }

// FriendINIPath is the place of cfg.ini in FriendCore's run directory.
func FriendINIPath(dir string) string { return filepath.Join(dir, "cfg", "cfg.ini") }

// ReadFriendINI reads cfg.ini in FriendCore's run directory. An error is an *Error.
func ReadFriendINI(dir string) (*FriendINI, error) {
	path := FriendINIPath(dir)
	text, err := readFile(path)
	if err != nil {
		return nil, &Error{[]Note{problemAt(path, 0, "cannot be read: %v", cause(err))}}
	}
	return ParseFriendINI(path, text)
}

// ParseFriendINI reads the text of a cfg.ini; path is its name in errors. It is
// more lenient than FriendCore's own start, which refuses some files that can be
// read well (docs/protocol.md 12.1). An error is an *Error.
func ParseFriendINI(path, text string) (*FriendINI, error) {
	prepared := prepareFriendINI(path, text)
	if len(prepared.problems) > 0 {
		return nil, &Error{prepared.problems}
	}
	file, err := ini.LoadSources(ini.LoadOptions{
		Insensitive:             true,
		IgnoreContinuation:      true,
		SkipUnrecognizableLines: true,
		IgnoreInlineComment:     true,
		PreserveSurroundedQuote: true,
		KeyValueDelimiters:      "=",
	}, []byte(prepared.text))
	if err != nil {
		// The library's text repeats the line, which may hold a key.
		return nil, &Error{[]Note{problemAt(path, 0, "is not an ini file that FriendCore could read")}}
	}
	r := &friendReader{ini: &FriendINI{Path: path, Misspelled: prepared.misspelled}, file: file}
	r.ini.Notes = append(r.ini.Notes, prepared.misspelled...)
	r.fill()
	return r.ini, nil
}

// friendReader takes the typed values out of a parsed cfg.ini.
type friendReader struct {
	ini  *FriendINI
	file *ini.File
}

func (r *friendReader) fill() {
	f := r.ini
	f.Port = r.port("Core", "port", 6502)
	f.SSLEnable = r.isOne("Core", "SSLEnable")
	f.WSNotificationPort = r.port("Core", "wsnotificationport", 6498)
	f.ServicesOff = r.isOne("Core", "disablews") || r.isOne("Core", "disableexternalws")
	f.CertPath = r.text("Core", "Certpath", "cfg/crt/")
	f.FCHost = r.text("FriendCore", "fchost", "")
	f.Database = FriendDatabase{
		Login:    r.text("DatabaseUser", "login", "root"),
		Password: Secret(r.text("DatabaseUser", "password", "root")),
		Host:     r.text("DatabaseUser", "host", "localhost"),
		Port:     r.port("DatabaseUser", "port", 3306),
		Name:     r.text("DatabaseUser", "dbname", "FriendMaster"),
	}
	f.ServiceKeys = r.section("ServiceKeys")
	f.Presence = r.section("Presence")
}

// section returns all values of a section, under their names in lower case.
func (r *friendReader) section(name string) map[string]Secret {
	values := map[string]Secret{}
	s, err := r.file.GetSection(strings.ToLower(name))
	if err != nil {
		return values // no such section
	}
	for _, key := range s.Keys() {
		// Value, not String: String would replace %(name)s.
		values[key.Name()] = Secret(friendValue(key.Value()))
	}
	return values
}

func (r *friendReader) text(section, key, missing string) string {
	value, found := r.section(section)[strings.ToLower(key)]
	if !found || value == "" {
		return missing
	}
	return value.Reveal()
}

func (r *friendReader) isOne(section, key string) bool {
	n, err := strconv.Atoi(r.text(section, key, "0"))
	return err == nil && n == 1
}

func (r *friendReader) port(section, key string, missing int) int {
	n, err := readPort(r.text(section, key, itoa(missing)))
	if err != nil {
		r.ini.Notes = append(r.ini.Notes, problemAt(r.ini.Path, 0, "[%s] %s is not a port; %d is taken", section, key, missing))
		return missing
	}
	return n
}

// friendValue applies FriendCore's rule for values: a quoted one ends at the next
// quote, an unquoted one at ; or # (docs/protocol.md 12.1).
func friendValue(raw string) string {
	raw = strings.TrimPrefix(raw, guard)
	if inner, quoted := strings.CutPrefix(raw, `"`); quoted {
		if value, _, closed := strings.Cut(inner, `"`); closed {
			return value
		}
	}
	if end := strings.IndexAny(raw, ";#"); end >= 0 {
		raw = raw[:end]
	}
	return strings.TrimSpace(raw)
}

// guard stands in front of values for which the ini library has a meaning that
// FriendCore does not know: ` and """ begin a text of several lines there.
const guard = "\x00"

// maxFriendLines bounds the lines of a cfg.ini: the library looks through all
// earlier names for each.
const maxFriendLines = 10000

// preparedINI is a cfg.ini in a form that the ini library reads as FriendCore does.
type preparedINI struct {
	text       string
	misspelled []Note
	problems   []Note
}

func prepareFriendINI(path, text string) preparedINI {
	var p preparedINI
	var out strings.Builder
	lines := joinLines(text)
	if len(lines) > maxFriendLines {
		p.problems = append(p.problems, problemAt(path, 0, "has more than %d lines: not FriendCore's cfg.ini", maxFriendLines))
		return p
	}
	for _, l := range lines {
		switch {
		case l.text == "" || strings.ContainsRune(";#\"`", rune(l.text[0])):
			// Comments, and quoted keys, which only the library knows.
		case l.text[0] == '[':
			name, _, closed := strings.Cut(l.text[1:], "]")
			name = strings.TrimSpace(name)
			if !closed || name == "" {
				p.problems = append(p.problems, problemAt(path, l.line, "a section header is not complete; write [Name]"))
				continue
			}
			p.noteMisspelled(path, l.line, name)
			out.WriteString("[" + name + "]\n")
		default:
			out.WriteString(guarded(l.text) + "\n")
		}
	}
	p.text = out.String()
	return p
}

type numberedLine struct {
	text string
	line int // of its beginning
}

// joinLines splits a text into trimmed lines. As in FriendCore, a line that ends
// in a backslash goes on in the next.
func joinLines(text string) []numberedLine {
	var lines []numberedLine
	var begun strings.Builder
	number, first := 0, 1
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		number++
		head, more := strings.CutSuffix(strings.TrimRight(line, " \t\r\n\v\f"), `\`)
		begun.WriteString(head)
		if more {
			continue
		}
		lines = append(lines, numberedLine{strings.TrimSpace(begun.String()), first})
		begun.Reset()
		first = number + 1
	}
	return append(lines, numberedLine{strings.TrimSpace(begun.String()), first})
}

func guarded(line string) string {
	key, value, _ := strings.Cut(line, "=")
	value = strings.TrimSpace(value)
	if strings.HasPrefix(value, "`") || strings.HasPrefix(value, `"""`) {
		return key + "=" + guard + value
	}
	return line
}

// noteMisspelled recognizes [SerivceKeys] and the like. Such a section is not
// read: FriendCore does not read it either, and refuses the key in it.
func (p *preparedINI) noteMisspelled(path string, line int, name string) {
	const right = "servicekeys"
	if strings.EqualFold(name, right) || len(name) > maxGuess || distance(fold(name), right) > 2 {
		return
	}
	p.misspelled = append(p.misspelled, Note{path, line, fmt.Sprintf(
		"[%s] is a typing error: FriendCore reads [ServiceKeys] only; rename the section and restart FriendCore", clip(name))})
}
