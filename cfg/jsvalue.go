package cfg

import "slices"

// jsKind is the kind of a value of JavaScript.
type jsKind int

const (
	jsUndefined jsKind = iota
	jsNull
	jsBool
	jsNumber
	jsText
	jsList
	jsObject
)

// String names the kind as an administrator would.
func (k jsKind) String() string {
	return [...]string{"undefined", "null", "a switch", "a number", "a text", "a list", "an object"}[k]
}

// jsValue is a value of JavaScript. Lists and objects are shared by all places that
// name them, as in JavaScript: they may even hold themselves.
type jsValue struct {
	kind  jsKind
	line  int
	text  string // of a text or a number; "true" or "false" of a switch
	items []*jsValue

	members map[string]*jsValue
	names   []string // of the members, in their order
}

func newJSObject(line int) *jsValue {
	return &jsValue{kind: jsObject, line: line, members: map[string]*jsValue{}}
}

// set gives an object a member; one of that name is replaced.
func (v *jsValue) set(name string, member *jsValue) {
	if _, there := v.members[name]; !there {
		v.names = append(v.names, name)
	}
	v.members[name] = member
}

// member is what stands under name; undefined if there is nothing.
func (v *jsValue) member(name string) *jsValue {
	if m, there := v.members[name]; there {
		return m
	}
	return &jsValue{line: v.line}
}

// texts are the entries of a list of texts.
func (v *jsValue) texts() (texts []string, ok bool) {
	for _, item := range v.items {
		if item.kind != jsText {
			return nil, false
		}
		texts = append(texts, item.text)
	}
	return texts, true
}

// says tells whether the value differs from all that JavaScript takes for nothing.
func (v *jsValue) says() bool {
	switch v.kind {
	case jsUndefined, jsNull:
		return false
	case jsList:
		return len(v.items) > 0
	case jsObject:
		return len(v.names) > 0
	}
	return !slices.Contains([]string{"", "0", "false"}, v.text)
}
