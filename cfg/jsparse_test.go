package cfg

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plainJS turns a value into what encoding/json makes of the same in JSON.
func plainJS(t *testing.T, v *jsValue) any {
	t.Helper()
	switch v.kind {
	case jsBool:
		return v.text == "true"
	case jsNumber:
		var f float64
		if err := json.Unmarshal([]byte(v.text), &f); err != nil {
			t.Errorf("line %d: %q is no number", v.line, v.text)
		}
		return f
	case jsText:
		return v.text
	case jsList:
		items := []any{}
		for _, item := range v.items {
			items = append(items, plainJS(t, item))
		}
		return items
	case jsObject:
		members := map[string]any{}
		for name, m := range v.members {
			if m.kind != jsUndefined {
				members[name] = plainJS(t, m)
			}
		}
		if names := slices.Sorted(maps.Keys(v.members)); !slices.Equal(names, slices.Sorted(slices.Values(v.names))) {
			t.Errorf("line %d: members %q, names %q", v.line, names, v.names)
		}
		return members
	}
	return nil
}

// formerFiles are the realistic configurations in testdata.
func formerFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/configjs/*.js")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	return files
}

func readTestFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The files in testdata are read as Node.js reads them. The JSON beside each was
// written by it: JSON.stringify(require("./FILE.js"), null, 1).
func TestJSAsNodeReadsIt(t *testing.T) {
	for _, file := range formerFiles(t) {
		text := readTestFile(t, file)
		var want any
		if err := json.Unmarshal([]byte(readTestFile(t, strings.TrimSuffix(file, ".js")+".json")), &want); err != nil {
			t.Fatal(err)
		}
		for form, text := range map[string]string{
			"":      text,
			"CRLF ": strings.ReplaceAll(text, "\n", "\r\n"),
			"BOM ":  "\ufeff" + text,
			"CR ":   strings.ReplaceAll(text, "\n", "\r"),
		} {
			got, _, err := parseJS(file, text)
			if err != nil {
				t.Errorf("%s%s: %v", form, file, err)
				continue
			}
			if diff := cmp.Diff(want, plainJS(t, got)); diff != "" {
				t.Errorf("%s%s (-node +here):\n%s", form, file, diff)
			}
		}
	}
}

// Each expression stands for this value.
func TestJSValues(t *testing.T) {
	for text, want := range map[string]string{
		`'a'`: `"a"`, `"a'b"`: `"a'b"`, `'a"b'`: `"a\"b"`, "`a'\"b`": `"a'\"b"`, `''`: `""`, `'\''`: `"'"`,
		`'\n\t\r\b\v\f\0'`: `"\n\t\r\b\u000b\f\u0000"`, `'\x41\u0041\u{41}\u{1F600}'`: `"AAA😀"`, `'\uD83D\uDE00'`: `"😀"`,
		`'\q\$\/\"'`: `"q$/\""`, "'a\\\nb'": `"ab"`, "'a\\\r\nb'": `"ab"`, "`a\nb`": `"a\nb"`, "`a\r\nb`": `"a\nb"`, "`\\${x}`": `"${x}"`,
		"'a\u2028b'": "\"a\u2028b\"", "'/* a */ // b'": `"/* a */ // b"`, "`$ {x}`": `"$ {x}"`,
		`3306`: `3306`, `0`: `0`, `-5`: `-5`, `- 5`: `-5`, `-0`: `0`, `.5`: `0.5`, `5.`: `5`, `1e3`: `1000`, `1E+3`: `1000`, `1.5e-2`: `0.015`,
		`0xFF`: `255`, `0Xff`: `255`, `0xe`: `14`, `0b101`: `5`, `0o17`: `15`, `1_000`: `1000`, `0x1_0`: `16`, `1e21`: `1e21`, `9007199254740991`: `9007199254740991`,
		`true`: `true`, `false`: `false`, `null`: `null`, `undefined`: `null`,
		`[]`: `[]`, `[1,]`: `[1]`, `[1, 'a', [true]]`: `[1,"a",[true]]`,
		`{}`: `{}`, `{a:1,}`: `{"a":1}`, `{'a b':1, "c":2, 3:4, 0x10:5, $d_é:6, default:7, null:8, get:9, async:10}`: `{"a b":1,"c":2,"3":4,"16":5,"$d_é":6,"default":7,"null":8,"get":9,"async":10}`,
		`{a:1,a:2}`: `{"a":2}`, `{a:undefined}`: `{}`, `{ known }`: `{"known":"k"}`, `{ known, a : known }`: `{"known":"k","a":"k"}`,
		`(5)`: `5`, `(('a'))`: `"a"`, `'a' + 'b'`: `"ab"`, `'a' + known + ('c' + "d")`: `"akcd"`, `known + '!'`: `"k!"`,
		`object.deep.er`: `"d"`, `object['deep'].er`: `"d"`, `object.list[1]`: `2`, `object.nothing`: `null`, `object /* c */ . // c` + "\n deep.er": `"d"`,
	} {
		exported, _, err := parseJS("c.js", "const known = 'k', object = { deep : { er : 'd' }, list : [ 1, 2 ] };\nexports.v = [ "+text+" ]")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var wanted any
		if err := json.Unmarshal([]byte("["+want+"]"), &wanted); err != nil {
			t.Fatal(want, err)
		}
		if diff := cmp.Diff(wanted, plainJS(t, exported.member("v"))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// All ways to export one and the same.
func TestJSExports(t *testing.T) {
	want := any(map[string]any{"server": map[string]any{"a": 1.0}})
	for _, text := range []string{
		"module.exports = { server : { a : 1 } }",
		"module.exports = { server : { a : 1 } };",
		"exports = module.exports = { server : { a : 1 } };",
		"module.exports = exports = { server : { a : 1 } };",
		"exports.server = { a : 1 }",
		"module.exports.server = { a : 1 }\n",
		"module['exports']['server'] = { a : 1 };;",
		"'use strict'\nconst server = { a : 1 }\nmodule.exports = { server }",
		"\"use strict\";let server = { a : 1 }; module.exports = { server, };",
		"var server = { a : 1 }, conf = { server : server };module.exports = conf",
		"const server = { a : 5 }; module.exports = { server }; server.a = 1",
		"const server = {}; module.exports = { server }; server.a = 1;",
		"module.exports = { server : {} }; module.exports.server.a = 1",
		"var server = 5; var server = { a : 1 }; exports.server = server",
		"let server; server = { a : 1 }; exports.server = server",
		"let server = null\nserver = exports.server = { a : 1 }",
		"#!/usr/bin/env node\nexports.server = { a : 1 }",
		"// c\r\n/* c\n*/ exports /* c */ . server = { /* c */ a /* c */ : /* c */ 1 // c\n}",
		"const list = [ {} ]; list[0].a = 0; list['0'] = { a : 1 }; exports.server = list[0]",
		"exports.server = { a : 1 }; exports = { server : 'not exported' }",
	} {
		exported, _, err := parseJS("c.js", text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, plainJS(t, exported)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// Objects that hold themselves, texts that double with each line, brackets without
// end: nothing costs more than a configuration file may.
func TestJSIsBounded(t *testing.T) {
	c, _, err := Parse("config.js", "const server = { ws : {} }; server.ws.ws = server; server.mysql = server.ws; server.server = server\n"+
		"const shared = { rtc : { iceServers : [] } }; shared.rtc.rtc = shared.rtc; module.exports = { server, shared };")
	if err != nil || c.WS.Port != 27970 {
		t.Errorf("objects that hold themselves: %v", err)
	}
	long := strings.Repeat("k", 1000)
	for text, want := range map[string]string{
		"let a = 'x';\n" + strings.Repeat("a = a + a;\n", 100): "line 21: a: the texts that are put together with + are too long: not a configuration file",
		"exports.a = 'x'" + strings.Repeat(" + 'x'", 10000):    "line 1: a: the texts that are put together with + are too long: not a configuration file",
		"exports.a = " + strings.Repeat("[", 100000):           "line 1: a" + strings.Repeat(".0", 29) + "....: more than 50 brackets are open: not a configuration file",
		"exports.a = " + strings.Repeat("(", 100000):           "line 1: a: more than 50 brackets are open: not a configuration file",
		"exports.a = [" + strings.Repeat("1,", 30000) + "]":    "line 1: a.19999: the file has more than 20000 values: not a configuration file",
		"let a; a" + strings.Repeat(" = a", 1000) + " = 1;":    "line 1: a: the value is given to more than 50 names",
		"exports.a = " + strings.Repeat("9", 1000):             "line 1: a: the number is too large",
		"exports.a = 0x" + strings.Repeat("f", 1000):           "line 1: a: the number is too large",
		"exports.a = { '" + long + "' : ) }":                   "line 1: a." + long[:58] + "...: the value is missing; write one, or take the key out for the default",
		"exports.a = { 'b\\nc' : ) }":                          "line 1: a.b?c: the value is missing; write one, or take the key out for the default",
	} {
		if _, _, err := parseJS("c.js", text); err == nil || err.Error() != want {
			t.Errorf("%.40q: got\n%v\nwant\n%s", text, err, want)
		}
	}
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, "ws : {}, unknown%d : 1,\n", i)
	}
	if _, notes, err := Parse("config.js", "exports.server = { "+many.String()+" }"); err != nil || len(notes) < maxShown || len(notes) > 3*maxShown {
		t.Errorf("%d notes, %v", len(notes), err)
	}
}

// What is refused, where, and with which cure. The text is the value of server.
func TestJSRefused(t *testing.T) {
	const (
		missing  = "the value is missing; write one, or take the key out for the default"
		comma    = `a comma is missing behind the value, or a quote in a text (write \' for it)`
		behind   = `there is something behind the value; a comma or a semicolon is missing, or a quote in a text (write \' for it)`
		quotes   = "the closing quote of a text is missing"
		key      = "the name of a key is missing; there may be a comma or a bracket too many or too few"
		unknown  = "a name that is not declared in this file; text stands in quotes ('...')"
		number   = "this is not a number of a plain form, such as 3306; text stands in quotes"
		code     = `in a text, \x needs two hexadecimal digits and \u four, or \u{...} with a character that there is; write \\ for a backslash`
		exported = "the file exports no settings; its last line is to be: module.exports = { shared, server };"
		module   = "import and export belong to another kind of module; write module.exports = { shared, server };"
	)
	for text, want := range map[string]string{
		// What only a program could work out.
		`{ a : require('fs') }`:          "line 1: server.a: require" + notRun,
		"{ a : 1,\n b : process.env.X }": "line 2: server.b: process" + notRun,
		`{ a : __dirname + '/k' }`:       "line 1: server.a: __dirname" + notRun,
		`{ a : read('x') }`:              "line 1: server.a: the call of a function" + notRun,
		`{ a : known.b() }`:              "line 1: server.a: the call of a function" + notRun,
		`{ a : (known)() }`:              "line 1: server.a: the call of a function" + notRun,
		`{ ...known }`:                   "line 1: server: ..." + notRun,
		`[ ...known ]`:                   "line 1: server.0: ..." + notRun,
		"{ a : `x${known}` }":            "line 1: server.a: ${ } in a text" + notRun,
		`{ a : 5 * 60 }`:                 "line 1: server.a: a calculation" + notRun,
		`{ a : 5 + 60 }`:                 "line 1: server.a: a calculation" + notRun,
		`{ a : 'x' + 60 }`:               "line 1: server.a: a calculation" + notRun,
		`{ a : -known }`:                 "line 1: server.a: a calculation" + notRun,
		`{ a : +5 }`:                     "line 1: server.a: a calculation" + notRun,
		`{ a : known ? 1 : 2 }`:          "line 1: server.a: a condition" + notRun,
		`{ a : known || 2 }`:             "line 1: server.a: a condition" + notRun,
		`{ a : !0 }`:                     "line 1: server.a: a condition" + notRun,
		`{ a : 1 == 2 }`:                 "line 1: server.a: a condition" + notRun,
		`{ a : known => 1 }`:             "line 1: server.a: a function" + notRun,
		`{ a : function() {} }`:          "line 1: server.a: function" + notRun,
		`{ a : new Thing }`:              "line 1: server.a: new" + notRun,
		`{ a : typeof known }`:           "line 1: server.a: typeof" + notRun,
		`{ a() {} }`:                     "line 1: server: a function" + notRun,
		`{ get a() { return 1 } }`:       "line 1: server: a function" + notRun,
		`{ a : /x/ }`:                    "line 1: server.a: a regular expression cannot be used here; text stands in quotes",
		`{}; if ( known ) known = 5`:     "line 1: if" + notRun,
		`{}; require('x')`:               "line 1: require" + notRun,
		`{}; known.push( 5 )`:            "line 1: known.push: the call of a function" + notRun,
		`{}; known += 1`:                 "line 1: known: a calculation" + notRun,
		`{}; import x from 'y'`:          "line 1: " + module,
		`{}; export default { a : 1 }`:   "line 1: " + module,
		"{}\n( 5 )":                      "line 2: server: the call of a function" + notRun,

		// Typing errors.
		`{ a : }`:                   "line 1: server.a: " + missing,
		"{\n a : ,\n b : 2 }":       "line 2: server.a: " + missing,
		`{ a 5 }`:                   "line 1: server: a : is missing behind the name of a key, or a } in front of it",
		`{ a = 5 }`:                 "line 1: server: a : is missing behind the name of a key, or a } in front of it",
		"{ a : 1\n b : 2 }":         "line 2: server.a: " + comma,
		`{ a : 'it's' }`:            "line 1: server.a: " + comma,
		"{ a : 'x\n }":              "line 1: server.a: " + quotes,
		"{ a :\n `x\n\n }":          "line 2: server.a: " + quotes,
		"{ a : 'x\\":                "line 1: server.a: " + quotes,
		"{ a : 1, \n /* b : 2 \n }": "line 2: server.a: the comment that begins here has no end; write */ behind it",
		`{ a : 1,, b : 2 }`:         "line 1: server: " + key,
		"{ `a` : 1 }":               "line 1: server: " + key,
		`{ [ 'a' ] : 1 }`:           "line 1: server: " + key,
		"{ a : 1,\n":                "line 2: server: the file ends too early: " + key,
		`{ a : 1 } }`:               "line 1: server: " + behind,
		`{ a : 1 } known`:           "line 1: server: " + behind,
		`[ , ]`:                     "line 1: server.0: " + missing,
		`{ a : ( 5 }`:               "line 1: server.a: a ) is missing",
		`{ a : hunter }`:            "line 1: server.a: " + unknown,
		`{ hunter }`:                "line 1: server: a name that is not declared in this file, and no value behind it",
		`{ 'hunter' }`:              "line 1: server: a : is missing behind the name of a key, or a } in front of it",
		`{ a : NaN }`:               "line 1: server.a: " + unknown,
		`{ a : 010 }`:               "line 1: server.a: " + number,
		`{ a : 10n }`:               "line 1: server.a: " + number,
		`{ a : 1__0 }`:              "line 1: server.a: " + number,
		`{ a : 1_ }`:                "line 1: server.a: " + number,
		`{ a : 0x }`:                "line 1: server.a: " + number,
		`{ a : 3306x }`:             "line 1: server.a: " + number,
		`{ a : 10.0.0.1 }`:          "line 1: server.a: " + number,
		`{ a : 1e999 }`:             "line 1: server.a: the number is too large",
		`{ a : 'C:\Users\x\y' }`:    "line 1: server.a: " + code,
		`{ a : '\u12' }`:            "line 1: server.a: " + code,
		`{ a : '\u{110000}' }`:      "line 1: server.a: " + code,
		`{ a : '\u{}' }`:            "line 1: server.a: " + code,
		`{ a : '\u{d83d}' }`:        "line 1: server.a: " + code,
		`{ a : '\uD83D' }`:          "line 1: server.a: " + code,
		`{ a : '\uD83D\u0041' }`:    "line 1: server.a: " + code,
		`{ a : '\012' }`:            `line 1: server.a: in a text, \ and a digit is an old form; write \x and two digits, or \\ for a backslash`,
		"{ a : 1,\n b : '\xff' }":   "line 2: the line is not UTF-8 text; save the file as UTF-8",
		"{ a : \x00 }":              "line 1: server.a: " + missing,

		// Names and members.
		`{}; known`:                        "line 1: known: the statement sets nothing; write NAME = value;",
		`{}; hunter = 5`:                   "line 1: " + unknown,
		`{}; fixed = 5`:                    "line 1: fixed: a const, or module itself, cannot be set anew; write let in place of const",
		`{}; module = {}`:                  "line 1: a const, or module itself, cannot be set anew; write let in place of const",
		`{}; const fixed = 1`:              "line 1: the name is taken already; choose another",
		`{}; let known = 1`:                "line 1: the name is taken already; choose another",
		`{}; const exports = 1`:            "line 1: the name is taken already; choose another",
		`{}; const other`:                  "line 1: other: the file ends too early: a const needs a value; write const server = { ... };",
		`{}; const true = 1`:               "line 1: a name is missing; write const server = { ... };",
		"{}\n`x`":                          "line 2: server: " + behind,
		`{}; const = 1`:                    "line 1: a name is missing; write const server = { ... };",
		`{}; const { a } = known`:          "line 1: a name is missing; write const server = { ... };",
		`{}; known.a.b = 1`:                "line 1: known.a: is undefined and has no members",
		`{}; fixed.a = 1`:                  "line 1: fixed: is a number and has no members",
		`{}; list[1] = 1`:                  "line 1: list: the list has no such entry",
		`{}; list['00'] = 1`:               "line 1: list: the list has no such entry",
		`{}; list.length = 1`:              "line 1: list: the list has no such entry",
		`{}; known.5 = 1`:                  "line 1: known: " + behind,
		`{}; known[ known ] = 1`:           "line 1: known: the name of a member is missing; write server.ws.port = 27970;",
		`{}; known['a' = 1`:                "line 1: known: a ] is missing behind the name of a member",
		`{}; { a : 1 }`:                    "line 1: a statement begins with a name, such as const server = { ... };",
		`{}; 5`:                            "line 1: a statement begins with a name, such as const server = { ... };",
		`{}; module.exports = 5`:           "line 1: " + exported,
		"{};\nmodule.exports = {}":         "line 2: " + exported,
		"{}; module.exports =\n undefined": "line 2: " + exported,
		`{}; module.exports = [ known ]`:   "line 1: " + exported,
	} {
		_, _, err := parseJS("c.js", "let known = {}, list = [ 0 ]; const fixed = 0; exports.server = "+text)
		if _, ok := errors.AsType[*jsError](err); !ok || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
	for _, text := range []string{"", "\n", "// nothing\n", "const server = { a : 1 };", "[", "{", "\ufeff", "#!x", "exports.", "\xef", "exports.a = 1\xef\xbf", "\xff\xfee\x00"} {
		if _, _, err := parseJS("c.js", text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestJSKeySetTwice(t *testing.T) {
	exported, notes, err := parseJS("config.js", "exports.server = { ws : { port : 1,\n 'port' : 2,\n port : 3 }, tcp : { port : 1 } }")
	if err != nil {
		t.Fatal(err)
	}
	if got := exported.member("server").member("ws").member("port").text; got != "3" {
		t.Errorf("port %s, want the last", got)
	}
	want := []Note{
		{"config.js", 2, "server.ws.port is set twice, in line 1 and in line 2; the latter counts"},
		{"config.js", 3, "server.ws.port is set twice, in line 2 and in line 3; the latter counts"},
	}
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Lines are those of the values, whatever ends a line.
func TestJSLines(t *testing.T) {
	text := "/* 1\n2 */ exports.server = { // 2\n a : 1, b :\n 2, c : 'x\\\ny', d : `x\ny`, e : 3,\n\n f : [ 4,\n 5 ] }"
	for name, text := range map[string]string{"LF": text, "CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "CR": strings.ReplaceAll(text, "\n", "\r")} {
		exported, _, err := parseJS("c.js", text)
		if err != nil {
			t.Fatal(err)
		}
		s := exported.member("server")
		var got []int
		for _, key := range s.names {
			got = append(got, s.member(key).line)
		}
		if got = append(got, s.member("f").items[1].line); fmt.Sprint(got) != "[3 4 4 5 6 8 9]" {
			t.Errorf("%s: lines %v", name, got)
		}
	}
}
