package cfg

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Bounds of a file of JavaScript; readFile bounds its length.
const (
	maxJSDepth  = 50      // brackets in brackets
	maxJSValues = 20000   // values of all kinds
	maxJSJoined = 1 << 20 // bytes of all texts that are put together with +
)

// notRun ends the error text for whatever only a program could work out.
const notRun = " cannot be worked out: this file is read, not run; write the value itself, or use presence.ini"

// jsVariable is a name that the file declares.
type jsVariable struct {
	value *jsValue
	fixed bool // const
}

// jsParser reads those files of JavaScript that only write values down: variables
// with literals, members set one by one, and what module.exports is in the end.
type jsParser struct {
	file  string
	lex   *jsLexer
	token jsToken // the next one
	vars  map[string]*jsVariable
	notes []Note

	path   []string // of the value that is being read
	naming bool     // in front of the first = of a statement, where its path is named
	depth  int      // brackets that are open
	values int      // read so far
	joined int      // bytes put together so far
}

// parseJS returns what a configuration file of JavaScript exports, an object. Notes
// are about keys that are set twice. An error is a *jsError.
func parseJS(file, text string) (*jsValue, []Note, error) {
	lex, err := newJSLexer(text)
	if err != nil {
		return nil, nil, err
	}
	exported, module := newJSObject(1), newJSObject(1)
	module.set("exports", exported)
	p := &jsParser{file: file, lex: lex, vars: map[string]*jsVariable{
		"module":  {value: module, fixed: true},
		"exports": {value: exported},
	}}
	if err := p.next(); err != nil {
		return nil, nil, err
	}
	for p.token.kind != jsEnd {
		if err := p.statement(); err != nil {
			return nil, p.notes, err
		}
	}
	result := module.member("exports")
	if result.kind != jsObject || len(result.names) == 0 {
		return nil, p.notes, jsErrorAt(result.line, "the file exports no settings; its last line is to be: module.exports = { shared, server };")
	}
	return result, p.notes, nil
}

// next goes to the next token.
func (p *jsParser) next() error {
	t, err := p.lex.next()
	if wrong, ok := errors.AsType[*jsError](err); ok {
		return p.wrong(wrong.line, "%s", wrong.text)
	}
	p.token = t
	return nil
}

// wrong says what is wrong at a line, and with which value.
func (p *jsParser) wrong(line int, format string, args ...any) error {
	at := ""
	if len(p.path) > 0 {
		at = showPath(p.path...) + ": "
	}
	return jsErrorAt(line, "%s%s", at, fmt.Sprintf(format, args...))
}

// program says that there is something that only running the file could work out.
func (p *jsParser) program(what string) error { return p.wrong(p.token.line, "%s%s", what, notRun) }

// showPath writes the names of keys as one, without what would disturb a log.
func showPath(names ...string) string {
	return clip(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, strings.Join(names, ".")))
}

// take goes past a mark that must be there.
func (p *jsParser) take(mark, missing string) error {
	if !p.token.is(mark) {
		return p.unexpected(missing)
	}
	return p.next()
}

// unexpected says why the next token cannot be where it is.
func (p *jsParser) unexpected(missing string) error {
	t := p.token
	if t.kind == jsMark {
		switch t.text {
		case "(":
			return p.program("the call of a function")
		case "...":
			return p.program("...")
		case "=>":
			return p.program("a function")
		case "?", "||", "&&", "??", "==", "===", "<", ">", "!":
			return p.program("a condition")
		case "+", "-", "*", "/", "%", "|", "&", "^", "~":
			return p.program("a calculation")
		}
	}
	if t.kind == jsEnd {
		return p.wrong(t.line, "the file ends too early: %s", missing)
	}
	return p.wrong(t.line, "%s", missing)
}

// actions are the reserved words that begin what only a program could do.
var actions = []string{
	"async", "await", "class", "delete", "do", "for", "function", "if", "new", "return", "switch", "throw", "try", "typeof",
	"void", "while", "with",
}

// statement reads up to the end of a statement.
func (p *jsParser) statement() error {
	p.path, p.naming = p.path[:0], true
	switch t := p.token; {
	case t.is(";"):
		return p.next()
	case t.kind == jsQuoted && !t.goesOn: // 'use strict'
		if err := p.next(); err != nil {
			return err
		}
		return p.endStatement()
	case t.kind != jsWord:
		return p.unexpected("a statement begins with a name, such as const server = { ... };")
	case t.text == "const" || t.text == "let" || t.text == "var":
		return p.declaration()
	case t.text == "import" || t.text == "export":
		return p.wrong(t.line, "import and export belong to another kind of module; write module.exports = { shared, server };")
	case slices.Contains(actions, t.text):
		return p.program(t.text)
	}
	line := p.token.line
	_, assigned, err := p.assignment()
	if err != nil {
		return err
	}
	if err := p.endStatement(); err != nil || assigned {
		return err
	}
	return p.wrong(line, "the statement sets nothing; write NAME = value;")
}

// endStatement wants a semicolon, or a new line.
func (p *jsParser) endStatement() error {
	switch {
	case p.token.is(";"):
		return p.next()
	case p.token.kind == jsEnd:
		return nil
	case p.token.newLine && !p.token.goesOn:
		return nil
	}
	return p.unexpected("there is something behind the value; a comma or a semicolon is missing, or a quote in a text (write \\' for it)")
}

// declaration reads const, let or var with one or more names.
func (p *jsParser) declaration() error {
	fixed, old := p.token.text == "const", p.token.text == "var"
	for {
		if err := p.next(); err != nil { // past the word, or the comma
			return err
		}
		p.path = p.path[:0]
		name, line := p.token.text, p.token.line
		known := p.vars[name]
		switch {
		case !p.isName() || slices.Contains(actions, name):
			return p.unexpected("a name is missing; write const server = { ... };")
		case name == "module" || name == "exports" || name == "require" || known != nil && (!old || known.fixed):
			return p.wrong(line, "the name is taken already; choose another")
		}
		if err := p.next(); err != nil {
			return err
		}
		p.path, p.naming = append(p.path, name), false
		value := &jsValue{line: line}
		if p.token.is("=") {
			if err := p.next(); err != nil {
				return err
			}
			var err error
			if value, _, err = p.assignment(); err != nil {
				return err
			}
		} else if fixed {
			return p.unexpected("a const needs a value; write const server = { ... };")
		}
		p.vars[name] = &jsVariable{value, fixed}
		if !p.token.is(",") {
			return p.endStatement()
		}
	}
}

// assignment reads a value with any number of "PLACE =" in front of it.
func (p *jsParser) assignment() (v *jsValue, assigned bool, err error) {
	var places []jsPlace
	for v == nil {
		if !p.isName() {
			v, err = p.value()
			break
		}
		var place jsPlace
		if place, err = p.place(); err != nil {
			return nil, false, err
		}
		if !p.token.is("=") {
			v, err = p.sum(place.get())
			break
		}
		if len(places) == maxJSDepth {
			return nil, false, p.wrong(p.token.line, "the value is given to more than %d names", maxJSDepth)
		}
		places = append(places, place)
		p.naming = false
		if err = p.next(); err != nil {
			return nil, false, err
		}
	}
	if err != nil {
		return nil, false, err
	}
	for _, place := range slices.Backward(places) {
		if err := p.put(place, v); err != nil {
			return nil, false, err
		}
	}
	return v, len(places) > 0, nil
}

// literals are the words that stand for a value.
var literals = map[string]jsKind{"true": jsBool, "false": jsBool, "null": jsNull, "undefined": jsUndefined}

// value reads a value; texts may be joined with +.
func (p *jsParser) value() (*jsValue, error) {
	v, err := p.operand()
	if err != nil {
		return nil, err
	}
	return p.sum(v)
}

// sum joins a text with those that follow.
func (p *jsParser) sum(v *jsValue) (*jsValue, error) {
	for p.token.is("+") {
		if v.kind != jsText {
			return nil, p.program("a calculation")
		}
		if err := p.next(); err != nil {
			return nil, err
		}
		more, err := p.operand()
		if err != nil {
			return nil, err
		}
		if more.kind != jsText {
			return nil, p.wrong(more.line, "a calculation%s", notRun)
		}
		if p.joined += len(v.text) + len(more.text); p.joined > maxJSJoined {
			return nil, p.wrong(p.token.line, "the texts that are put together with + are too long: not a configuration file")
		}
		v = &jsValue{kind: jsText, line: v.line, text: v.text + more.text}
	}
	return v, nil
}

// operand reads a value without a + behind it.
func (p *jsParser) operand() (*jsValue, error) {
	if p.values++; p.values > maxJSValues {
		return nil, p.wrong(p.token.line, "the file has more than %d values: not a configuration file", maxJSValues)
	}
	t := p.token
	kind, literal := literals[t.text]
	switch {
	case t.kind == jsWord && literal:
		return &jsValue{kind: kind, line: t.line, text: t.text}, p.next()
	case t.kind == jsWord:
		place, err := p.place()
		if err != nil {
			return nil, err
		}
		return place.get(), nil
	case t.kind == jsQuoted:
		return &jsValue{kind: jsText, line: t.line, text: t.text}, p.next()
	case t.kind == jsDigits:
		return &jsValue{kind: jsNumber, line: t.line, text: t.text}, p.next()
	case t.is("-"):
		return p.negative()
	case t.is("{") || t.is("[") || t.is("("):
		return p.bracket(t.text)
	case t.is("/"):
		return nil, p.wrong(t.line, "a regular expression cannot be used here; text stands in quotes")
	}
	return nil, p.unexpected("the value is missing; write one, or take the key out for the default")
}

func (p *jsParser) negative() (*jsValue, error) {
	line := p.token.line
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.token.kind != jsDigits {
		return nil, p.program("a calculation")
	}
	text := "-" + p.token.text
	if text == "-0" {
		text = "0"
	}
	return &jsValue{kind: jsNumber, line: line, text: text}, p.next()
}

// bracket reads an object, a list, or a value in parentheses.
func (p *jsParser) bracket(open string) (*jsValue, error) {
	line := p.token.line
	if p.depth == maxJSDepth {
		return nil, p.wrong(line, "more than %d brackets are open: not a configuration file", maxJSDepth)
	}
	p.depth++
	defer func() { p.depth-- }()
	if err := p.next(); err != nil {
		return nil, err
	}
	switch open {
	case "{":
		return p.object(newJSObject(line))
	case "[":
		return p.list(&jsValue{kind: jsList, line: line})
	}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	return v, p.take(")", "a ) is missing")
}

// betweenValues is what to say of a value that neither ends nor goes on.
const betweenValues = "a comma is missing behind the value, or a quote in a text (write \\' for it)"

func (p *jsParser) list(v *jsValue) (*jsValue, error) {
	for !p.token.is("]") {
		p.path = append(p.path, strconv.Itoa(len(v.items)))
		item, err := p.value()
		if err != nil {
			return nil, err
		}
		if !p.token.is("]") {
			if err := p.take(",", betweenValues); err != nil {
				return nil, err
			}
		}
		p.path = p.path[:len(p.path)-1]
		v.items = append(v.items, item)
	}
	return v, p.next()
}

func (p *jsParser) object(v *jsValue) (*jsValue, error) {
	lines := map[string]int{}
	for !p.token.is("}") {
		name, line := p.token, p.token.line
		if name.kind == jsEnd || name.goesOn {
			return nil, p.unexpected("the name of a key is missing; there may be a comma or a bracket too many or too few")
		}
		if err := p.next(); err != nil {
			return nil, err
		}
		member, err := p.memberOf(name)
		if err != nil {
			return nil, err
		}
		if first, twice := lines[name.text]; twice {
			p.note(line, name.text, first)
		}
		lines[name.text] = line
		v.set(name.text, member)
	}
	return v, p.next()
}

// memberOf reads what stands behind the name of a key, with the comma. Only what is
// surely a name becomes part of error texts: it may be half of a password.
func (p *jsParser) memberOf(name jsToken) (*jsValue, error) {
	var v *jsValue
	length := len(p.path)
	switch {
	case p.token.is(":"):
		p.path = append(p.path, name.text)
		if err := p.next(); err != nil {
			return nil, err
		}
		var err error
		if v, err = p.value(); err != nil {
			return nil, err
		}
	case name.kind == jsWord && (p.token.is(",") || p.token.is("}")): // { server }
		variable, known := p.vars[name.text]
		if !known {
			return nil, p.wrong(name.line, "a name that is not declared in this file, and no value behind it")
		}
		v = variable.value
	case p.token.is("(") || slices.Contains([]string{"get", "set", "async"}, name.text) && p.token.kind == jsWord:
		return nil, p.program("a function")
	default:
		return nil, p.unexpected("a : is missing behind the name of a key, or a } in front of it")
	}
	if !p.token.is("}") {
		if err := p.take(",", betweenValues); err != nil {
			return nil, err
		}
	}
	p.path = p.path[:length]
	return v, nil
}

// note says that the object that is being read has a key twice.
func (p *jsParser) note(line int, name string, first int) {
	if len(p.notes) < maxShown {
		path := showPath(append(slices.Clone(p.path), name)...)
		p.notes = append(p.notes, problemAt(p.file, line, "%s is set twice, in line %d and in line %d; the latter counts", path, first, line))
	}
}
