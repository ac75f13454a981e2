package cfg

import (
	"fmt"
	"strings"
)

// Note is something to tell the administrator: what, and where it was found. It
// never holds a secret.
type Note struct {
	File string // empty: no file in particular
	Line int    // 0: no line in particular
	Text string
}

// String is "file:line: text".
func (n Note) String() string {
	switch {
	case n.File == "":
		return n.Text
	case n.Line == 0:
		return n.File + ": " + n.Text
	}
	return fmt.Sprintf("%s:%d: %s", n.File, n.Line, n.Text)
}

// Error says that the configuration is refused, and everything that is wrong
// with it.
type Error struct {
	Problems []Note // never empty
}

// maxShown bounds an error text: a wrong file given as configuration has a
// problem on every line.
const maxShown = 30

// Error lists the problems, one on a line.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i == maxShown {
			fmt.Fprintf(&b, "\nand %d more", len(e.Problems)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// problemAt makes a problem; format continues after "file:line: ".
func problemAt(file string, line int, format string, args ...any) Note {
	return Note{File: file, Line: line, Text: fmt.Sprintf(format, args...)}
}
