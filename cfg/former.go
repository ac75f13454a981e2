package cfg

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// FormerFile is the configuration of the Node.js server that Presence replaces. It is
// read in place of DefaultFile where only that is in the working directory.
const FormerFile = "config.js"

// isFormer tells whether a file is to be read as config.js is, by the end of its name.
func isFormer(file string) bool { return strings.EqualFold(filepath.Ext(file), ".js") }

// formerReader turns what a config.js exports into sections of presence.ini.
type formerReader struct {
	file     string
	keys     map[string]formerKey
	holders  map[string][]string // the names in the objects that hold keys, by their path
	found    map[string]*jsValue
	sections []section
	notes    []Note
	problems []Note
}

// readFormer reads a config.js. Problems are what is wrong with its form and with the
// kinds of its values; the values themselves are checked like those of presence.ini.
func readFormer(file, text string) (sections []section, notes, problems []Note) {
	exports, notes, err := parseJS(file, text)
	if wrong, ok := errors.AsType[*jsError](err); ok {
		return nil, notes, []Note{{file, wrong.line, wrong.text}}
	}
	r := newFormerReader(file)
	r.notes = notes
	if !r.halves(exports) {
		return nil, r.notes, r.problems
	}
	r.collect("", exports)
	r.translate()
	slices.SortStableFunc(r.notes, func(a, b Note) int { return cmp.Compare(a.Line, b.Line) })
	return r.sections, r.notes, r.problems
}

func newFormerReader(file string) *formerReader {
	r := &formerReader{file: file, keys: map[string]formerKey{}, holders: map[string][]string{}, found: map[string]*jsValue{}}
	for _, k := range formerKeys() {
		r.keys[k.path] = k
		for path := k.path; path != ""; {
			holder, name := splitPath(path)
			if !slices.Contains(r.holders[holder], name) {
				r.holders[holder] = append(r.holders[holder], name)
			}
			path = holder
		}
	}
	return r
}

func (r *formerReader) note(v *jsValue, format string, args ...any) {
	r.notes = append(r.notes, problemAt(r.file, v.line, format, args...))
}

func (r *formerReader) problem(v *jsValue, format string, args ...any) {
	r.problems = append(r.problems, problemAt(r.file, v.line, format, args...))
}

// halves looks for the two objects that the file is to export.
func (r *formerReader) halves(exports *jsValue) (any bool) {
	var missing []string
	for _, name := range []string{"server", "shared"} {
		if exports.member(name).kind == jsUndefined {
			missing = append(missing, name)
		}
	}
	switch len(missing) {
	case 1:
		r.note(exports, "the file exports no %s; nothing in it counts as set", missing[0])
	case 2:
		r.problem(exports, "the file exports neither server nor shared: it is not the config.js of Presence; write module.exports = { shared, server };")
	}
	return len(missing) < 2
}

// collect finds the values of known keys in an object. The paths of known keys bound
// it, whatever the object holds.
func (r *formerReader) collect(path string, object *jsValue) {
	unknown := 0
	for _, name := range object.names {
		below, v := strings.TrimPrefix(path+"."+name, "."), object.members[name]
		_, isKey := r.keys[below]
		_, isHolder := r.holders[below]
		switch {
		case v.kind == jsUndefined:
		case isKey:
			r.found[below] = v
		case isHolder && v.kind == jsObject:
			r.collect(below, v)
		case isHolder && v.kind == jsNull:
			r.note(v, "%s is null; nothing in it counts as set", below)
		case isHolder:
			r.problem(v, "%s is %v; write an object: { ... }", below, v.kind)
		default:
			if unknown++; unknown <= maxShown {
				r.note(v, "unknown key %s, which is not read%s", showPath(below), guess(name, r.holders[path], "%s"))
			}
		}
	}
}

// translate turns the values that were found into settings, in the order of the table.
func (r *formerReader) translate() {
	for _, k := range formerKeys() {
		v, found := r.found[k.path]
		switch {
		case !found || k.kind == formerBridge:
		case k.kind == formerICE:
			r.iceServers(k.path, v)
		case k.kind == formerUnused:
			if v.says() {
				r.note(v, "%s has no meaning: %s", k.path, k.why)
			}
		default:
			r.setting(k, v)
		}
	}
	r.driver()
	r.bridge()
}

// setting reads the value of one key.
func (r *formerReader) setting(k formerKey, v *jsValue) {
	if v.kind == jsText && isPlaceholder(v.text) {
		r.note(v, "%s is still the placeholder of the example; it counts as not set", k.path)
		return
	}
	if v.kind == jsNull {
		r.null(k, v)
		return
	}
	if text, ok := r.scalar(k, v); ok {
		r.add(k.to.section, entry{key: k.to.key, value: text, line: v.line, path: k.path})
	}
}

// null gives null the meaning that it had.
func (r *formerReader) null(k formerKey, v *jsValue) {
	e := entry{key: k.to.key, line: v.line, path: k.path}
	switch k.kind {
	case formerMaybe, formerFolder, formerOpen:
		r.add(k.to.section, e)
	case formerSwitch:
		e.value = "false"
		r.add(k.to.section, e)
	default: // the default counts
	}
}

// scalar turns a value into the text that stands in presence.ini. Its problems never
// repeat the value.
func (r *formerReader) scalar(k formerKey, v *jsValue) (text string, ok bool) {
	wanted := "a text in quotes"
	switch k.kind {
	case formerNumber:
		wanted = "a number"
		ok = v.kind == jsNumber || v.kind == jsText
		text = strings.TrimSpace(v.text)
	case formerSwitch, formerOpen:
		wanted = "true or false, without quotes"
		ok = v.kind == jsBool || v.kind == jsNumber && (v.text == "0" || v.text == "1")
		text = cmp.Or(map[string]string{"0": "false", "1": "true"}[v.text], v.text)
	default:
		ok = v.kind == jsText
		text = v.text
	}
	switch {
	case !ok:
		r.problem(v, "%s is %v; write %s", k.path, v.kind, wanted)
	case strings.ContainsFunc(text, isControl):
		r.problem(v, "%s: holds a control character; take it out", k.path)
		ok = false
	case k.kind == formerFolder && !strings.HasSuffix(text, "/"):
		// It went without; empty was the root.
		r.note(v, "%s does not end with a slash; one is added", k.path)
		text += "/"
	}
	return text, ok
}

// add puts an entry into a section.
func (r *formerReader) add(kind string, e entry) {
	i := slices.IndexFunc(r.sections, func(s section) bool { return s.kind == kind })
	if i < 0 {
		i = len(r.sections)
		r.sections = append(r.sections, section{kind: kind, line: e.line})
	}
	r.sections[i].entries = append(r.sections[i].entries, e)
}

// driver chooses MySQL, which the former server had only, if there is an access to it.
func (r *formerReader) driver() {
	for _, key := range []string{"socket", "host", "user", "pass", "name"} {
		v, found := r.found["server.mysql."+key]
		if found && v.says() && !isPlaceholder(v.text) {
			r.add("database", entry{key: "driver", value: "mysql", line: v.line, path: "server.mysql"})
			return
		}
	}
	r.notes = append(r.notes, problemAt(r.file, 0,
		"server.mysql names no database: the embedded one in data_dir is used, and not what the former server kept"))
}

// bridge reads where Janus is: calls went to the websocket at domain and port, and only
// streams to api_url, over HTTP, which is not needed any more.
func (r *formerReader) bridge() {
	named := r.first("server.live.webRTCProxy", "server.streamProxy", "server.classroomProxy")
	url := r.first("server.janus.api_url")
	if old := r.first("server.streamProxy", "server.classroomProxy"); old != nil {
		r.note(old, "server.streamProxy and server.classroomProxy are old names of server.live.webRTCProxy and count like it; "+
			"the setting of a room is isStream, never isClassroom")
	}
	switch {
	case named == nil && url != nil:
		r.note(url, "server.janus is not used, because server.live.webRTCProxy is not set; write webRTCProxy : 'janus' to use it")
	case named == nil:
	case url != nil && !isHTTP(url):
		r.setting(formerKey{path: "server.janus.api_url", to: keyName{"janus", "servers"}}, url)
	default:
		if url != nil {
			r.note(url, "server.janus.api_url is the address of Janus for HTTP and is not needed: its websocket at server.janus.domain and port is used")
		}
		host, hostOK := r.janus("server.janus.domain", formerText, "localhost")
		number, portOK := r.janus("server.janus.port", formerNumber, "13131")
		if hostOK && portOK {
			r.add("janus", entry{key: "servers", value: "ws://" + inURL(host) + ":" + number, line: named.line, path: "server.janus.domain, port"})
		}
	}
}

func isHTTP(v *jsValue) bool {
	return v.kind == jsText && strings.HasPrefix(strings.ToLower(v.text), "http")
}

// first is the first of these keys that says something; nil if none does.
func (r *formerReader) first(paths ...string) *jsValue {
	for _, path := range paths {
		if v, found := r.found[path]; found && v.says() {
			return v
		}
	}
	return nil
}

// janus is one part of the address of Janus.
func (r *formerReader) janus(path string, kind formerKind, missing string) (text string, ok bool) {
	v := r.first(path)
	if v == nil {
		return missing, true
	}
	return r.scalar(formerKey{path: path, kind: kind}, v)
}

// iceServers reads the list of STUN and TURN servers.
func (r *formerReader) iceServers(path string, v *jsValue) {
	if v.kind != jsList {
		if v.kind != jsNull {
			r.problem(v, "%s is %v; write a list: [ ... ]", path, v.kind)
		}
		return
	}
	for i, server := range v.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch server.kind {
		case jsObject:
			r.iceServer(at, fmt.Sprintf("server-%d", i+1), server)
		case jsUndefined, jsNull:
			r.note(server, "%s is %v; it counts as not there", at, server.kind)
		default:
			r.problem(server, "%s is %v; write an object: { urls : [ 'stun:host:port' ] }", at, server.kind)
		}
	}
}

// iceServer reads one of them. One with a placeholder in it was never set up.
func (r *formerReader) iceServer(at, name string, server *jsValue) {
	s := section{kind: iceSection, name: name, line: server.line}
	for _, key := range server.names {
		v, to := server.members[key], key
		if key == "url" && server.member("urls").kind == jsUndefined {
			to = "urls" // the old spelling
		}
		texts, ok := []string{v.text}, v.kind == jsText
		if to == "urls" && v.kind == jsList {
			texts, ok = v.texts()
		}
		switch {
		case v.kind == jsUndefined || v.kind == jsNull:
		case to != "urls" && to != "username" && to != "credential":
			r.note(v, "unknown key %s, which is not read%s", showPath(at, key), guess(key, []string{"urls", "username", "credential"}, "%s"))
		case !ok && to == "urls":
			r.problem(v, "%s.%s is neither a text nor a list of texts; write [ 'stun:host:port' ]", at, key)
		case !ok:
			r.problem(v, "%s.%s is %v; write a text in quotes", at, key, v.kind)
		case slices.ContainsFunc(texts, isICEPlaceholder):
			r.note(v, "%s.%s is still the placeholder of the example; the server counts as not there", at, key)
			return
		case strings.ContainsFunc(strings.Join(texts, ""), isControl):
			r.problem(v, "%s.%s: holds a control character; take it out", at, key)
		default:
			s.entries = append(s.entries, entry{key: to, value: strings.Join(texts, ", "), line: v.line, path: at + "." + key})
		}
	}
	r.sections = append(r.sections, s)
}
