package cfg

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// DefaultFile is read when no file is named: presence.ini in the working
// directory.
const DefaultFile = "presence.ini"

// maxValue bounds one value, in bytes.
const maxValue = 16 << 10

// origin is where a value comes from. The zero origin is the list of defaults.
type origin struct {
	file string
	line int    // 0: the file as a whole
	path string // in config.js, such as server.ws.port; else empty
}

func (o origin) String() string {
	switch {
	case o.file == "":
		return "default"
	case o.line == 0:
		return o.file
	}
	return fmt.Sprintf("%s:%d", o.file, o.line)
}

// Load reads and checks the configuration. An empty path means DefaultFile or, if
// there is only that, FormerFile; both may be missing. A file named explicitly must
// be there, and is read as config.js if its name ends in .js. Notes are things that
// the administrator should know although they stop nothing. Every error is an *Error
// with all problems; then there is no Config, but there may be notes.
func Load(path string) (*Config, []Note, error) {
	file, notes := path, []Note(nil)
	if path == "" {
		file, notes = chooseFile()
	}
	text, err := readFile(file)
	switch {
	case err == nil:
	case path == "" && missing(file):
		return Parse(file, "")
	default:
		return nil, notes, &Error{[]Note{problemAt(file, 0, "cannot be read: %v", cause(err))}}
	}
	c, more, err := Parse(file, text)
	notes = append(notes, more...)
	if err != nil {
		return nil, notes, err
	}
	return c, append(notes, c.exposedSecrets(file)...), nil
}

// chooseFile is the file to read when none is named.
func chooseFile() (string, []Note) {
	switch {
	case missing(FormerFile):
		return DefaultFile, nil
	case missing(DefaultFile):
		return FormerFile, nil
	}
	return DefaultFile, []Note{problemAt(FormerFile, 0, "is not read, because there is %s", DefaultFile)}
}

// Parse is Load for a text at hand; file is its name in errors and origins, and what
// it ends in says how to read it. It reads FriendCore's cfg.ini if the text names
// FriendCore's directory, or if a config.js lies in it.
func Parse(file, text string) (*Config, []Note, error) {
	l, err := newLoader()
	if err != nil {
		return nil, nil, err
	}
	var notes []Note
	if isFormer(file) {
		notes = l.readFormer(file, text)
		notes = append(notes, l.addFriendCoreAround()...)
	} else {
		l.read(file, text)
		notes = l.addFriendCore()
	}
	l.problems = append(l.problems, check(l.config)...)
	if err := l.err(); err != nil {
		return nil, notes, err
	}
	return l.config, notes, nil
}

// Default returns the configuration of an empty file.
func Default() *Config {
	l, err := newLoader()
	if err != nil {
		panic(err) // the embedded example is broken: a mistake in this package
	}
	return l.config
}

// loader builds a Config layer by layer and collects what is wrong.
type loader struct {
	config   *Config
	file     string
	problems []Note
}

// newLoader starts with the defaults.
func newLoader() (*loader, error) {
	l := &loader{config: &Config{origins: map[keyName]origin{}}}
	l.read("example.presence.ini", uncommented(example))
	if err := l.err(); err != nil {
		return nil, fmt.Errorf("read the embedded defaults: %w", err)
	}
	clear(l.config.origins)
	return l, nil
}

func (l *loader) err() error {
	if len(l.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(l.problems, func(a, b Note) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return &Error{l.problems}
}

// read applies a presence.ini over what is there already.
func (l *loader) read(file, text string) {
	l.file = file
	sections, problems := scan(file, text)
	l.problems = append(l.problems, problems...)
	l.applyAll(sections)
}

// readFormer applies a config.js over what is there already.
func (l *loader) readFormer(file, text string) []Note {
	l.file = file
	sections, notes, problems := readFormer(file, text)
	l.problems = append(l.problems, problems...)
	l.applyAll(sections)
	return notes
}

func (l *loader) applyAll(sections []section) {
	keys := l.config.index()
	for _, s := range sections {
		switch {
		case s.kind == iceSection:
			l.applyICE(s)
		case !slices.Contains(keys.sections, s.kind):
			l.problem(s.line, "unknown section [%s]%s", clip(s.title()), guess(s.kind, append(keys.sections, iceSection), "[%s]"))
		case s.name != "":
			l.problem(s.line, "section [%s] has no name behind it; write [%s]", s.kind, s.kind)
		default:
			for _, e := range s.entries {
				l.apply(keys, s.kind, e)
			}
		}
	}
}

func (l *loader) problem(line int, format string, args ...any) {
	l.problems = append(l.problems, problemAt(l.file, line, format, args...))
}

// apply sets one key of a section other than [ice].
func (l *loader) apply(keys keyIndex, section string, e entry) {
	name := keyName{section, e.key}
	f, known := keys.fields[name]
	if !known && section == usersSection {
		f, known = field{set: func(v string) error { return l.config.addUser(e.key, v) }}, true
	}
	if !known {
		l.problem(e.line, "unknown key %q in [%s]%s", clip(e.key), section, keys.guess(name))
		return
	}
	l.set(name, f, e)
}

func (l *loader) applyICE(s section) {
	server, err := l.config.iceServer(s.name)
	if err != nil {
		l.problem(s.line, "%v", err)
		return
	}
	l.config.origins[keyName{s.title(), ""}] = origin{file: l.file, line: s.line}
	keys := server.keys()
	for _, e := range s.entries {
		i := slices.IndexFunc(keys, func(k namedField) bool { return k.key == e.key })
		if i < 0 {
			l.problem(e.line, "unknown key %q in [%s]%s", clip(e.key), s.title(), guess(e.key, keyNames(keys), "%q"))
			continue
		}
		l.set(keyName{s.title(), e.key}, keys[i].field, e)
	}
}

func (l *loader) set(name keyName, f field, e entry) {
	if first, twice := l.config.origins[name]; twice {
		l.problem(e.line, "%s is set twice, in line %d and in line %d; take one out", name.shown(e.path), first.line, e.line)
		return
	}
	l.config.origins[name] = origin{l.file, e.line, e.path}
	if len(e.value) > maxValue {
		l.problem(e.line, "%s: is longer than %d characters", name.shown(e.path), maxValue)
		return
	}
	if err := f.set(e.value); err != nil {
		l.problem(e.line, "%s: %v", name.shown(e.path), err)
	}
}

// shown is the setting as error texts name it: [ws] port and, if it comes from a
// config.js, its path there in front.
func (n keyName) shown(path string) string {
	name := fmt.Sprintf("[%s] %s", n.section, clip(n.key))
	if path == "" {
		return name
	}
	return fmt.Sprintf("%s (%s)", path, name)
}

// keyIndex finds the fields of a Config by name.
type keyIndex struct {
	sections []string // in the order of the example; without [ice]
	fields   map[keyName]field
	bySect   map[string][]string
}

func (c *Config) index() keyIndex {
	x := keyIndex{fields: map[keyName]field{}, bySect: map[string][]string{}}
	for _, s := range c.settings() {
		if !slices.Contains(x.sections, s.section) {
			x.sections = append(x.sections, s.section)
		}
		x.fields[s.keyName] = s.field
		x.bySect[s.section] = append(x.bySect[s.section], s.key)
	}
	return x
}

// guess says what an unknown key was probably meant to be: a key of its section,
// or one that stands in another.
func (x keyIndex) guess(name keyName) string {
	if g := guess(name.key, x.bySect[name.section], "%q"); g != "" {
		return g
	}
	for _, s := range x.sections {
		if slices.Contains(x.bySect[s], name.key) {
			return fmt.Sprintf("; there is one in [%s]", s)
		}
	}
	return ""
}

func guess(name string, known []string, form string) string {
	n := nearest(name, known)
	if n == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean "+form+"?", n)
}

func keyNames(keys []namedField) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.key
	}
	return names
}

// exposedSecrets notes that a file with secrets in it is readable by everybody.
func (c *Config) exposedSecrets(file string) []Note {
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm()&0o004 == 0 || !c.setsSecret() {
		return nil
	}
	return []Note{problemAt(file, 0, "holds secrets and can be read by every user of this machine; run: chmod o-rwx %s", file)}
}

// setsSecret tells whether presence.ini itself holds a secret.
func (c *Config) setsSecret() bool {
	if len(c.LocalUsers.Users) > 0 {
		return true
	}
	for _, s := range c.all() {
		if s.secret && s.show() != "" && c.origins[s.keyName].line > 0 {
			return true
		}
	}
	return false
}

// missing tells that there is nothing at path, not even a link into the void.
func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// cause takes the path out of a file error: it stands in front of the text already.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
