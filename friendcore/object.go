package friendcore

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

var errNoObject = errors.New("not a JSON object")

// object is a JSON object with its keys in the order in which they stood. Names
// are exact, and the first of equal names counts (see the package comment).
type object []field

type field struct {
	key   string
	value json.RawMessage
}

// parseObject reads a text that is one JSON object and nothing else.
func parseObject(raw []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	var o object
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errNoObject
		}
		f := field{key: t.(string)} // More and Token make sure of a key
		if err := d.Decode(&f.value); err != nil {
			return nil, errNoObject
		}
		o = append(o, f)
	}
	if _, err := d.Token(); err != nil {
		return nil, errNoObject
	}
	if len(bytes.TrimSpace(raw[d.InputOffset():])) > 0 {
		return nil, errNoObject
	}
	return o, nil
}

// parseList reads a text that is one JSON array.
func parseList(raw []byte) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		return nil, errors.New("not a JSON array")
	}
	return list, nil
}

// get is the value of a key, nil if there is none.
func (o object) get(key string) json.RawMessage {
	for _, f := range o {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// scalar is a value as text: FriendCore and PHP write numbers as strings in one
// place and as numbers in another. ok is false for null, objects and lists.
func (o object) scalar(key string) (text string, ok bool) {
	raw := o.get(key)
	if len(raw) == 0 {
		return "", false
	}
	switch raw[0] {
	case '"':
		return text, json.Unmarshal(raw, &text) == nil
	case '{', '[', 'n':
		return "", false
	}
	return string(raw), true
}

// text is scalar for those who do not care whether it was there.
func (o object) text(key string) string {
	text, _ := o.scalar(key)
	return text
}

// number is a whole number, zero if it is missing or is none.
func (o object) number(key string) int64 {
	n, err := strconv.ParseInt(o.text(key), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// child is the object that is the value of a key; empty if it is none.
func (o object) child(key string) object {
	c, err := parseObject(o.get(key))
	if err != nil {
		return nil
	}
	return c
}

// maxID bounds ids of users, groups and requests, in bytes; the column for user
// ids takes no more.
const maxID = 191

// usableID says whether a text can be an id: FriendCore now and then sends freed
// memory (docs/protocol.md 12.5).
func usableID(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	for _, b := range []byte(id) {
		if b <= ' ' || b > '~' || b == '"' || b == '\\' {
			return false
		}
	}
	return true
}

// maxName bounds login and full names, in characters, as the database does.
const maxName = 191

// bounded cuts a name after maxName characters.
func bounded(name string) string {
	n := 0
	for i := range name {
		if n == maxName {
			return name[:i]
		}
		n++
	}
	return name
}
