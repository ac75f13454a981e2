package cfg

import (
	"slices"
	"strconv"
)

// jsPlace is a variable, or a member of an object or list, that can be read and set.
type jsPlace struct {
	variable *jsVariable
	holder   *jsValue // of the member; nil: the variable itself
	name     string
}

// get is the value at a place.
func (l jsPlace) get() *jsValue {
	switch {
	case l.holder == nil:
		return l.variable.value
	case l.holder.kind == jsList:
		i, _ := strconv.Atoi(l.name)
		return l.holder.items[i]
	}
	return l.holder.member(l.name)
}

// put sets a place.
func (p *jsParser) put(l jsPlace, v *jsValue) error {
	switch {
	case l.holder == nil && l.variable.fixed:
		return p.wrong(v.line, "a const, or module itself, cannot be set anew; write let in place of const")
	case l.holder == nil:
		l.variable.value = v
	case l.holder.kind == jsList:
		i, _ := strconv.Atoi(l.name)
		l.holder.items[i] = v
	default:
		l.holder.set(l.name, v)
	}
	return nil
}

// isName tells whether the next token is a name of the file.
func (p *jsParser) isName() bool {
	_, literal := literals[p.token.text]
	return p.token.kind == jsWord && !literal
}

// place reads a name and the members behind it, such as server.ws['port'].
func (p *jsParser) place() (jsPlace, error) {
	name, line := p.token.text, p.token.line
	if slices.Contains(actions, name) {
		return jsPlace{}, p.program(name)
	}
	variable, known := p.vars[name]
	if err := p.next(); err != nil {
		return jsPlace{}, err
	}
	if !known {
		return jsPlace{}, p.undeclared(name, line)
	}
	p.pathTo(name)
	place := jsPlace{variable: variable}
	for p.token.is(".") || p.token.is("[") {
		key, err := p.accessor()
		if err != nil {
			return jsPlace{}, err
		}
		holder := place.get()
		switch {
		case holder.kind == jsList && !hasIndex(holder, key):
			return jsPlace{}, p.wrong(p.token.line, "the list has no such entry")
		case holder.kind != jsList && holder.kind != jsObject:
			return jsPlace{}, p.wrong(p.token.line, "is %v and has no members", holder.kind)
		}
		p.pathTo(key)
		place.holder, place.name = holder, key
	}
	return place, nil
}

func hasIndex(list *jsValue, key string) bool {
	n, err := strconv.Atoi(key)
	return err == nil && n >= 0 && n < len(list.items) && strconv.Itoa(n) == key
}

// pathTo adds a name to the path when that leads to the place that a statement sets;
// elsewhere it would be confused with the key that the value is for.
func (p *jsParser) pathTo(name string) {
	if !p.naming {
		return
	}
	if name == "exports" || name == "module" {
		p.path = p.path[:0]
		return
	}
	p.path = append(p.path, name)
}

// undeclared says that a name means nothing in the file. It repeats only names that
// are no secret: somebody may have forgotten the quotes around a password.
func (p *jsParser) undeclared(name string, line int) error {
	if slices.Contains([]string{"require", "process", "__dirname", "__filename"}, name) {
		return p.wrong(line, "%s%s", name, notRun)
	}
	if p.token.is("(") {
		return p.program("the call of a function")
	}
	return p.wrong(line, "a name that is not declared in this file; text stands in quotes ('...')")
}

// accessor reads .name, ['name'] or [0].
func (p *jsParser) accessor() (string, error) {
	dot := p.token.is(".")
	if err := p.next(); err != nil {
		return "", err
	}
	key := p.token
	if dot && key.kind != jsWord || !dot && key.kind != jsQuoted && key.kind != jsDigits {
		return "", p.unexpected("the name of a member is missing; write server.ws.port = 27970;")
	}
	if err := p.next(); err != nil || dot {
		return key.text, err
	}
	return key.text, p.take("]", "a ] is missing behind the name of a member")
}
