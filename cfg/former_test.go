package cfg

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mysqlNote says that a configuration names no database, as most in these tests.
const mysqlNote = "server.mysql names no database: the embedded one in data_dir is used, and not what the former server kept"

// former reads a config.js and returns its notes but for mysqlNote.
func former(t *testing.T, text string) (*Config, []string) {
	t.Helper()
	c, notes, err := Parse("config.js", text)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return c, noteTexts(notes)
}

func noteTexts(notes []Note) []string {
	var texts []string
	for _, n := range notes {
		if n.Text != mysqlNote {
			texts = append(texts, n.String())
		}
	}
	return texts
}

// shownSetting is the value and the origin of a setting, as presence check -settings has it.
func shownSetting(c *Config, name keyName) string {
	for _, s := range c.Explain() {
		if s.Section == name.section && s.Key == name.key {
			return s.Value + " (" + s.Origin + ")"
		}
	}
	return "no such setting"
}

// Each key of config.js, on its own: what it becomes, or the note that says why it
// becomes nothing. The literal is put in line 2.
func TestFormerKeys(t *testing.T) {
	type result struct{ literal, shown, note string }
	neither := " has no meaning: the former server did not use it either"
	cases := map[string][]result{
		"server.domain":                      {{`'f.example.com'`, "f.example.com (config.js:2)", ""}},
		"server.mysql.socket":                {{`'/run/mysqld.sock'`, "/run/mysqld.sock (config.js:2)", ""}, {`null`, " (config.js:2)", ""}},
		"server.mysql.host":                  {{`'10.0.0.1'`, "10.0.0.1 (config.js:2)", ""}},
		"server.mysql.port":                  {{`3307`, "3307 (config.js:2)", ""}, {`' 3307 '`, "3307 (config.js:2)", ""}, {`null`, "3306 (default)", ""}},
		"server.mysql.user":                  {{`'u'`, "u (config.js:2)", ""}},
		"server.mysql.pass":                  {{`'p'`, "*** (config.js:2)", ""}, {`''`, " (config.js:2)", ""}, {`null`, " (default)", ""}},
		"server.mysql.name":                  {{`'n'`, "n (config.js:2)", ""}},
		"server.tls.keyPath":                 {{`'/k'`, "/k (config.js:2)", ""}},
		"server.tls.certPath":                {{`'/c'`, "/c (config.js:2)", ""}},
		"server.tls.key":                     {{`'PEM'`, "", neither + "; the file is named in server.tls.keyPath"}, {`null`, "", ""}},
		"server.tls.cert":                    {{`'PEM'`, "", neither + "; the file is named in server.tls.certPath"}, {`null`, "", ""}},
		"server.tcp.port":                    {{`1001`, "1001 (config.js:2)", ""}, {`null`, "27960 (default)", ""}},
		"server.tcp.proxy":                   {{`'/x/'`, "", neither}, {`null`, "", ""}},
		"server.ws.port":                     {{`1002`, "1002 (config.js:2)", ""}, {`'1002'`, "1002 (config.js:2)", ""}},
		"server.ws.proxy":                    {{`'/p/'`, "/p/ (config.js:2)", ""}, {`null`, " (config.js:2)", ""}, {`'/p'`, "/p/ (config.js:2)", " does not end with a slash; one is added"}, {`''`, "/ (config.js:2)", " does not end with a slash; one is added"}},
		"server.friendcore.host":             {{`'core'`, "core (config.js:2)", ""}, {`null`, "127.0.0.1 (default)", ""}},
		"server.friendcore.port":             {{`443`, "443 (config.js:2)", ""}},
		"server.friendcore.proxy":            {{`'/x'`, "", neither}, {`null`, "", ""}},
		"server.friendcore.useTLS":           {{`true`, "true (config.js:2)", ""}, {`1`, "true (config.js:2)", ""}, {`0`, "false (config.js:2)", ""}, {`null`, "false (config.js:2)", ""}},
		"server.friendcore.wsPort":           {{`6499`, "6499 (config.js:2)", ""}},
		"server.friendcore.wsProxy":          {{`'/fc'`, "/fc (config.js:2)", ""}, {`null`, " (config.js:2)", ""}},
		"server.friendcore.serviceKey":       {{`'k'`, "*** (config.js:2)", ""}, {`null`, " (default)", ""}, {`''`, " (config.js:2)", ""}},
		"server.friendcore.serviceName":      {{`'other'`, "other (config.js:2)", ""}},
		"server.friendcore.logEvents":        {{`true`, "true (config.js:2)", ""}},
		"server.account.settings":            {{`{ hideInSearch : true }`, "", " has no meaning: new accounts begin without settings"}, {`{}`, "", ""}},
		"server.room.settings":               {{`{ a : 1 }`, "", neither}, {`{}`, "", ""}},
		"server.workroom.subsHaveSuperView":  {{`false`, "false (config.js:2)", ""}, {`null`, "false (config.js:2)", ""}},
		"server.workroom.supersHaveSubRoom":  {{`false`, "false (config.js:2)", ""}},
		"server.workroom.supersSubHideSuper": {{`false`, "false (config.js:2)", ""}},
		"server.workroom.showUserList":       {{`false`, "false (config.js:2)", ""}},
		"server.messages.forceShowRead":      {{`true`, "true (config.js:2)", ""}},
		"server.tinyAvatar.imageSidePX":      {{`64`, "64 (config.js:2)", ""}, {`null`, "128 (default)", ""}},
		"server.live.userLimit":              {{`5`, "5 (config.js:2)", ""}, {`null`, "0 (default)", ""}},
		"server.live.isStream":               {{`true`, "true (config.js:2)", ""}, {`null`, " (config.js:2)", ""}},
		"server.live.isRecording":            {{`false`, "false (config.js:2)", ""}, {`null`, " (config.js:2)", ""}},
		"server.live.recordPath":             {{`'/rec'`, "/rec (config.js:2)", ""}, {`null`, " (config.js:2)", ""}},
		"server.janus.api_secret":            {{`'s'`, "*** (config.js:2)", ""}, {`null`, " (config.js:2)", ""}},
		"shared.wsHost":                      {{`'x'`, "", " has no meaning: it is made of server.domain with server.ws.proxy or server.ws.port, as before"}},
		"server.admin.listen":                {{`'127.0.0.1:1003'`, "127.0.0.1:1003 (config.js:2)", ""}, {`null`, " (config.js:2)", ""}},
		"server.friendcore.caFile":           {{`'/ca'`, "/ca (config.js:2)", ""}},
		"server.friendcore.insecure":         {{`true`, "true (config.js:2)", ""}},
	}
	elsewhere := []formerKind{formerBridge, formerICE} // TestFormerJanus, TestFormerICE
	for _, k := range formerKeys() {
		if len(cases[k.path]) == 0 && !slices.Contains(elsewhere, k.kind) {
			t.Errorf("%s is not tested", k.path)
		}
		for _, r := range cases[k.path] {
			holder, _ := splitPath(k.path)
			// An access to MySQL is whole or refused, and so is a certificate.
			text := "const c = { server : { mysql : { user : 'u', name : 'n' }, tls : { keyPath : 'k', certPath : 'c' } }, shared : {} };" +
				holders(holder) + " c." + k.path + " =\n" + r.literal + "; module.exports = c"
			c, notes := former(t, text)
			if k.kind != formerUnused {
				if shown := shownSetting(c, k.to); shown != r.shown {
					t.Errorf("%s : %s becomes %q, want %q", k.path, r.literal, shown, r.shown)
				}
			}
			var want []string
			if r.note != "" {
				want = []string{"config.js:2: " + k.path + r.note}
			}
			if diff := cmp.Diff(want, notes); diff != "" {
				t.Errorf("%s : %s, notes (-want +got):\n%s", k.path, r.literal, diff)
			}
		}
	}
}

// holders makes the objects that are missing on the way to a member of c.
func holders(path string) string {
	text, made := "", ""
	for name := range strings.SplitSeq(path, ".") {
		made += "." + name
		if !slices.Contains([]string{".server", ".shared", ".server.mysql", ".server.tls"}, made) {
			text += " c" + made + " = {};"
		}
	}
	return text
}

// formerConfig is what a realistic file becomes: its differences from the default.
func formerConfig(change func(c *Config)) *Config {
	c := Default()
	change(c)
	return c
}

func TestFormerFiles(t *testing.T) {
	set := func(v bool) *bool { return &v }
	for name, test := range map[string]struct {
		want  *Config
		notes []string
	}{
		"installer": {formerConfig(func(c *Config) {
			c.Server.Domain = "friend.example.com"
			c.TLS = TLS{KeyPath: "/opt/friendos/cfg/crt/key.pem", CertPath: "/opt/friendos/cfg/crt/certificate.pem"}
			c.Database = Database{"mysql", "presence.db", "", "localhost", 3306, "presence", `pa'ss;#"1`, "presence"}
			c.FriendCore.Host = "friend.example.com"
			c.ICE = []ICEServer{
				{"server-1", []string{"stun:stun.example.com:3478"}, "", ""},
				{"server-2", []string{"turn:turn.example.com:3478"}, "friend", "turn-secret"},
			}
		}), nil},
		"old": {formerConfig(func(c *Config) {
			c.Server.Domain = "old.example.com"
			c.TLS = TLS{KeyPath: "cfg/key.pem", CertPath: "cfg/cert.pem"}
			c.Database = Database{"mysql", "presence.db", "", "10.1.2.3", 3307, "presence", "old-secret", "presence"}
			c.WS.Proxy = ""
			c.FriendCore.Host, c.FriendCore.Port = "core.example.com", 443
			c.Janus = Janus{Servers: []string{"ws://localhost:13131"}, APISecret: "janus-secret"}
		}), []string{
			"34: server.account.settings has no meaning: new accounts begin without settings",
			"43: server.streamProxy and server.classroomProxy are old names of server.live.webRTCProxy and count like it; the setting of a room is isStream, never isClassroom",
			"45: server.janus.api_url is the address of Janus for HTTP and is not needed: its websocket at server.janus.domain and port is used",
			"54: shared.rtc.iceServers[0].url is still the placeholder of the example; the server counts as not there",
			"57: shared.rtc.iceServers[1].urls is still the placeholder of the example; the server counts as not there",
		}},
		"oddities": {formerConfig(func(c *Config) {
			c.Server.Domain = "chat.example.com"
			c.TLS = TLS{KeyPath: "/etc/ssl/k.pem", CertPath: "/etc/ssl/c.pem"}
			c.Database = Database{"mysql", "presence.db", "/run/mysqld/mysqld.sock", "127.0.0.1", 3306, "presence", "q'u\"ote\\ 😀 😀 ü/$", "presence"}
			c.WS.Proxy = "/"
			c.FriendCore.WSPort = 6499
			c.Workroom = Workroom{ShowUserList: true}
			c.Messages.ForceShowRead = true
			c.TinyAvatar.ImageSidePX = 64
			c.Live.UserLimit, c.Live.IsStream, c.Live.RecordPath = 10, set(true), "/rec"
			c.Janus = Janus{Servers: []string{"ws://[::1]:13132"}, APISecret: "s"}
			c.ICE = []ICEServer{
				{"server-1", []string{"stun:first.example.com:3478"}, "", ""},
				{"server-3", []string{"turns:b.example.com?transport=tcp", "turn:b.example.com:3478"}, "u", "c"},
			}
		}), []string{
			"12: server.mysql.name is set twice, in line 12 and in line 12; the latter counts",
			"14: server.ws.proxy does not end with a slash; one is added",
			"20: unknown key server.7, which is not read",
			"24: unknown key server.tinyAvatar.imageSidePx, which is not read; did you mean imageSidePX?",
			"27: shared.rtc.iceServers[1] is null; it counts as not there",
		}},
	} {
		file := "testdata/configjs/" + name + ".config.js"
		c, notes, err := Parse(file, readTestFile(t, file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, c, sameConfig); diff != "" || !c.SameSecrets(test.want) {
			t.Errorf("%s (-want +got), same secrets %v:\n%s", name, c.SameSecrets(test.want), diff)
		}
		var texts []string
		for _, n := range notes {
			texts = append(texts, strings.TrimPrefix(n.String(), file+":"))
		}
		if diff := cmp.Diff(test.notes, texts); diff != "" {
			t.Errorf("%s, notes (-want +got):\n%s", name, diff)
		}
	}
}

// What the installer wrote, damaged in the ways that happen to such a file. Each is
// refused in the line of the damage, with the key, and without what is secret.
func TestFormerInstallerFileDamaged(t *testing.T) {
	const file = "testdata/configjs/installer.config.js"
	whole := readTestFile(t, file)
	for from, test := range map[string]struct{ to, want string }{
		"port   : 3306,":                {"port   : ,", "8: server.mysql.port: the value is missing; write one, or take the key out for the default"},
		"host   : 'localhost',":         {"host   : 'localhost'", "8: server.mysql.host: a comma is missing behind the value, or a quote in a text (write \\' for it)"},
		"user   : 'presence',":          {"user   : presence,", "9: server.mysql.user: a name that is not declared in this file; text stands in quotes ('...')"},
		`pass   : 'pa\'ss;#"1',`:        {`pass   : 'pa'ss;#"1',`, "10: server.mysql.pass: a comma is missing behind the value, or a quote in a text (write \\' for it)"},
		"socket : null,":                {"socket : process.env.SOCKET,", "6: server.mysql.socket: process" + notRun},
		"keyPath  : '":                  {"keyPath  : __dirname + '", "14: server.tls.keyPath: __dirname" + notRun},
		"'/opt/friendos/cfg/crt/c":      {"'/opt/friendos/cfg/crt/\n", "15: server.tls.certPath: the closing quote of a text is missing"},
		"domain : 'friend.example.com'": {"domain : 'https://friend.example.com'", `19: server.domain ([server] domain): "https://friend.example.com" is neither a host name nor an IP address (no scheme, port or path here)`},
		"port  : 27960,":                {"port  : 65536,", `21: server.tcp.port ([tcp] port): "65536" is not a port; write a number from 1 to 65535`},
		"port  : 27970,":                {"port  : 'many',", `25: server.ws.port ([ws] port): "many" is not a port; write a number from 1 to 65535`},
		"proxy : '/presence/guest/',":   {"proxy : 'presence/guest/',", `26: server.ws.proxy ([ws] proxy): "presence/guest/" does not begin with a slash`},
		"useTLS      : false,":          {"useTLS      : 'false',", "32: server.friendcore.useTLS is a text; write true or false, without quotes"},
		"serviceKey  : null,":           {"serviceKey  : 12345678,", "35: server.friendcore.serviceKey is a number; write a text in quotes"},
		"serviceName : 'presence',":     {"serviceName : 'Presence',", `36: server.friendcore.serviceName ([friendcore] service_name): "Presence" must be lower case, as FriendCore finds no other: write "presence"`},
		"subsHaveSuperView  : true,":    {"subsHaveSuperView  : 2,", "48: server.workroom.subsHaveSuperView is a number; write true or false, without quotes"},
		"imageSidePX : 128,":            {"imageSidePX : 8,", `57: server.tinyAvatar.imageSidePX ([tiny_avatar] image_side_px): "8" is not a whole number from 16 to 512`},
		"messages : {\n":                {"messages : [\n", "54: server.messages.0: a name that is not declared in this file; text stands in quotes ('...')"},
		`"stun:stun.example.com:3478",`: {`"stun.example.com:3478",`, `77: [ice "server-1"] has no urls; add urls = stun:host:port
78: shared.rtc.iceServers[0].urls ([ice "server-1"] urls): entry 1: is not of the form stun:host:port or turn:host:port?transport=udp`},
		"username   : 'friend',":      {"username   : null,", `83: shared.rtc.iceServers[1].urls ([ice "server-2"] urls): a TURN server needs username and credential`},
		"credential : 'turn-secret',": {"credential : [ 'turn-secret' ],", "83: shared.rtc.iceServers[1].urls ([ice \"server-2\"] urls): a TURN server needs username and credential\n87: shared.rtc.iceServers[1].credential is a list; write a text in quotes"},
		"server : server,":            {"server : servers,", "95: conf.server: a name that is not declared in this file; text stands in quotes ('...')"},
		"module.exports = conf;":      {"", "1: the file exports no settings; its last line is to be: module.exports = { shared, server };"},
		"module.exports = conf;\n":    {"module.exports = server;\n", "4: the file exports neither server nor shared: it is not the config.js of Presence; write module.exports = { shared, server };"},
		"};\n\nconst shared":          {"\n\nconst shared", "74: server: a : is missing behind the name of a key, or a } in front of it"},
		"const server = {":            {"const fs = require('fs');\nconst server = {", "4: fs: require" + notRun},
	} {
		if strings.Count(whole, from) == 0 {
			t.Errorf("%q is not in the file", from)
			continue
		}
		_, notes, err := Parse("config.js", strings.Replace(whole, from, test.to, 1))
		if err == nil {
			t.Errorf("%q in place of %q is taken", test.to, from)
			continue
		}
		if got := strings.ReplaceAll(err.Error(), "config.js:", ""); got != test.want {
			t.Errorf("%q in place of %q\ngot  %s\nwant %s", test.to, from, got, test.want)
		}
		for _, secret := range []string{"ss;", "turn-secret", "12345678"} {
			if strings.Contains(fmt.Sprint(err, notes), secret) {
				t.Errorf("%q in place of %q tells %q:\n%v %v", test.to, from, secret, notes, err)
			}
		}
	}
}

// What is null or missing in place of an object has no settings: it ended the former
// server. What has another kind is refused.
func TestFormerObjects(t *testing.T) {
	var paths []string
	for _, k := range formerKeys() {
		for holder, _ := splitPath(k.path); holder != ""; holder, _ = splitPath(holder) {
			if !slices.Contains(paths, holder) {
				paths = append(paths, holder)
			}
		}
	}
	if len(paths) < 15 {
		t.Fatal(paths)
	}
	for _, path := range paths {
		base := "const c = { server : {}, shared : {} };"
		if above, _ := splitPath(path); above != "" {
			base += holders(above)
		}
		c, notes := former(t, base+"\nc."+path+" = null; module.exports = c")
		if diff := cmp.Diff(Default(), c, sameConfig); diff != "" {
			t.Errorf("%s = null:\n%s", path, diff)
		}
		if want := []string{"config.js:2: " + path + " is null; nothing in it counts as set"}; !slices.Equal(notes, want) {
			t.Errorf("%s = null: notes %q", path, notes)
		}
		for literal, kind := range map[string]string{"'hunter2'": "a text", "5": "a number", "true": "a switch", "[ {} ]": "a list"} {
			_, _, err := Parse("config.js", base+"\nc."+path+" = "+literal+"; module.exports = c")
			if want := "config.js:2: " + path + " is " + kind + "; write an object: { ... }"; err == nil || err.Error() != want {
				t.Errorf("%s = %s: %v", path, literal, err)
			}
		}
	}
	for text, want := range map[string]string{
		"exports.server = {}": "config.js:1: the file exports no shared; nothing in it counts as set",
		"exports.shared = {}": "config.js:1: the file exports no server; nothing in it counts as set",
		"exports.shared = exports.server = undefined; exports.other = {}": "",
		"exports.mysql = {}; exports.tls = {}":                            "",
	} {
		_, notes, err := Parse("config.js", text)
		switch texts := noteTexts(notes); {
		case want == "":
			if err == nil || !strings.Contains(err.Error(), "config.js:1: the file exports neither server nor shared") {
				t.Errorf("%s: %v", text, err)
			}
		case err != nil || !slices.Equal(texts, []string{want}):
			t.Errorf("%s: notes %q, error %v", text, texts, err)
		}
	}
}

// Values of a kind that the former server did not take, for each key.
func TestFormerKinds(t *testing.T) {
	literals := map[string]string{"a text": "'hunter2'", "a number": "4711", "a switch": "true", "a list": "[ 'hunter2' ]", "an object": "{ a : 'hunter2' }"}
	right := map[formerKind][]string{
		formerText: {"a text"}, formerMaybe: {"a text"}, formerFolder: {"a text"}, formerNumber: {"a text", "a number"},
		formerSwitch: {"a switch"}, formerOpen: {"a switch"},
	}
	tried := 0
	for _, k := range formerKeys() {
		if k.kind >= formerBridge {
			continue
		}
		holder, _ := splitPath(k.path)
		for kind, literal := range literals {
			if slices.Contains(right[k.kind], kind) {
				continue
			}
			tried++
			_, notes, err := Parse("config.js", "const c = { server : { mysql : {}, tls : {} }, shared : {} };"+holders(holder)+"\nc."+k.path+" = "+literal+"; module.exports = c")
			if err == nil || !strings.HasPrefix(err.Error(), "config.js:2: "+k.path+" is "+kind+"; write ") {
				t.Errorf("%s = %s: %v", k.path, literal, err)
			}
			if strings.Contains(fmt.Sprint(notes, err), "hunter2") || strings.Contains(fmt.Sprint(notes, err), "4711") {
				t.Errorf("%s = %s: the value is repeated: %v %v", k.path, literal, notes, err)
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d tried", tried)
	}
	_, _, err := Parse("config.js", "exports.server = { domain : 'a\\nb', mysql : { user : 'u', name : 'n', pass : 'hunter2\\x00' } }")
	want := "config.js:1: server.domain: holds a control character; take it out\nconfig.js:1: server.mysql.pass: holds a control character; take it out"
	if err == nil || err.Error() != want {
		t.Errorf("control characters: %v", err)
	}
}

func TestFormerUnknownKeys(t *testing.T) {
	_, notes := former(t, `exports.shared = {}; exports.servers = {}
exports.server = {
	mysqll : { host : 'hunter2' },
	ws : { prot : 1, keyPath : 2, xyzzyxyzzy : 3 },
	friendcore : { serviceKeys : 'hunter2', 'a\nb' : 1 },
	jabberwocky : { ws : 5 },
}`)
	want := []string{
		"config.js:1: unknown key servers, which is not read; did you mean server?",
		"config.js:3: unknown key server.mysqll, which is not read; did you mean mysql?",
		"config.js:4: unknown key server.ws.prot, which is not read; did you mean port?",
		"config.js:4: unknown key server.ws.keyPath, which is not read",
		"config.js:4: unknown key server.ws.xyzzyxyzzy, which is not read",
		"config.js:5: unknown key server.friendcore.serviceKeys, which is not read; did you mean serviceKey?",
		"config.js:5: unknown key server.friendcore.a?b, which is not read",
		"config.js:6: unknown key server.jabberwocky, which is not read",
	}
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Nobody replaced what the example and the installer offer: then nothing is set, and
// Presence runs as it does without a file.
func TestFormerPlaceholders(t *testing.T) {
	text := readTestFile(t, "testdata/configjs/installer.config.js")
	for _, r := range [][2]string{
		{"'localhost',\n\t\tport   : 3306", "'presence_database_host',\n\t\tport   : 3306"},
		{"user   : 'presence'", "user   : 'presence_database_user'"},
		{`'pa\'ss;#"1'`, "'presence_database_password'"},
		{"name   : 'presence'", "name   : 'presence_database_name'"},
		{"/opt/friendos/cfg/crt/key.pem", "path_to_key.pem"},
		{"/opt/friendos/cfg/crt/certificate.pem", "path_to_cert.pem"},
		{"domain : 'friend.example.com'", "domain : '{YourDomain}'"},
		{"host        : 'friend.example.com'", "host        : 'friendcore_domain'"},
		{"stun:stun.example.com:3478", "stun:your_stun_server.com:xxxx"},
		{"turn:turn.example.com:3478", "turn:turn_url.com"},
	} {
		if !strings.Contains(text, r[0]) {
			t.Fatalf("%q is not in the file", r[0])
		}
		text = strings.Replace(text, r[0], r[1], 1)
	}
	c, notes := former(t, text)
	if diff := cmp.Diff(Default(), c, sameConfig); diff != "" {
		t.Errorf("(-default +got):\n%s", diff)
	}
	var want []string
	for _, at := range []string{
		"7: server.mysql.host", "9: server.mysql.user", "10: server.mysql.pass", "11: server.mysql.name",
		"14: server.tls.keyPath", "15: server.tls.certPath", "19: server.domain", "29: server.friendcore.host",
	} {
		want = append(want, "config.js:"+at+" is still the placeholder of the example; it counts as not set")
	}
	want = append(want,
		"config.js:78: shared.rtc.iceServers[0].urls is still the placeholder of the example; the server counts as not there",
		"config.js:83: shared.rtc.iceServers[1].urls is still the placeholder of the example; the server counts as not there")
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	for text, placeholder := range map[string]bool{
		"turn:turn_url.com?transport=udp": true, "turns:turn_url.com:5349": true, "stun:": true, "turn:": true, "turn_username": true,
		"your_turn_password": true, "turn:{YourDomain}:3478": true, "stun:stun_url.com.example.com": false, "stun:a": false, "u": false, "": false,
	} {
		if isICEPlaceholder(text) != placeholder {
			t.Errorf("%q: placeholder is not %v", text, placeholder)
		}
	}
}

// Which database is meant. Without an access to MySQL nothing of the former server
// is found again, which the administrator must hear.
func TestFormerDatabase(t *testing.T) {
	for mysql, driver := range map[string]string{
		`{}`: "sqlite", `{ host : null, socket : null, port : 3306 }`: "sqlite", `{ user : 'presence_database_user', name : '' }`: "sqlite",
		`{ user : 'u', name : 'n' }`: "mysql", `{ socket : '/s', user : 'u', name : 'n', host : 'presence_database_host' }`: "mysql",
	} {
		c, notes, err := Parse("config.js", "exports.server = { mysql : "+mysql+" }; exports.shared = {}")
		if err != nil {
			t.Errorf("%s: %v", mysql, err)
			continue
		}
		told := slices.ContainsFunc(notes, func(n Note) bool { return n.Text == mysqlNote })
		if c.Database.Driver != driver || told != (driver == "sqlite") {
			t.Errorf("%s: driver %s, notes %v", mysql, c.Database.Driver, notes)
		}
	}
	_, _, err := Parse("config.js", "exports.server = { mysql : {\n host : 'h' } }")
	want := "config.js:2: server.mysql.user ([database] user): is needed with driver = mysql\n" +
		"config.js:2: server.mysql.name ([database] name): is needed with driver = mysql"
	if err == nil || err.Error() != want {
		t.Errorf("half an access: %v", err)
	}
}

func TestFormerJanus(t *testing.T) {
	const old = "config.js:1: server.streamProxy and server.classroomProxy are old names of server.live.webRTCProxy and count like it; " +
		"the setting of a room is isStream, never isClassroom"
	const http = "config.js:1: server.janus.api_url is the address of Janus for HTTP and is not needed: its websocket at server.janus.domain and port is used"
	const off = "config.js:1: server.janus is not used, because server.live.webRTCProxy is not set; write webRTCProxy : 'janus' to use it"
	for server, want := range map[string][]string{
		`{ live : { webRTCProxy : null }, janus : { api_url : null, domain : 'localhost', port : 13131 } }`: {""},
		`{ live : { webRTCProxy : 'janus' } }`:                                                             {"ws://localhost:13131"},
		`{ live : { webRTCProxy : 'janus' }, janus : null }`:                                               {"ws://localhost:13131", "config.js:1: server.janus is null; nothing in it counts as set"},
		`{ live : { webRTCProxy : 'janus' }, janus : { domain : 'j.example.com', port : '8188' } }`:        {"ws://j.example.com:8188"},
		`{ live : { webRTCProxy : 'janus' }, janus : { api_url : 'HTTPS://j:8089/janus', domain : 'j' } }`: {"ws://j:13131", http},
		`{ live : { webRTCProxy : 'janus' }, janus : { api_url : 'wss://j/x', domain : 'k' } }`:            {"wss://j/x"},
		`{ janus : { api_url : 'http://j:8088/janus', api_secret : 's' } }`:                                {"", off},
		`{ classroomProxy : 'janus' }`:                                                                     {"ws://localhost:13131", old},
		`{ streamProxy : 'janus' }`:                                                                        {"ws://localhost:13131", old},
		`{ streamProxy : null, classroomProxy : null }`:                                                    {""},
		`{ live : { webRTCProxy : false } }`:                                                               {""},
	} {
		c, notes := former(t, "exports.server = "+server+"; exports.shared = {}")
		if diff := cmp.Diff(want, append([]string{strings.Join(c.Janus.Servers, ", ")}, notes...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", server, diff)
		}
	}
	for server, want := range map[string]string{
		`{ live : { webRTCProxy : 'janus' }, janus : { api_url : 'j:8188' } }`:       "server.janus.api_url ([janus] servers): entry 1: is not an address of the form ws://host:port or wss://host:port",
		`{ live : { webRTCProxy : 'janus' }, janus : { api_url : 5 } }`:              "server.janus.api_url is a number; write a text in quotes",
		`{ live : { webRTCProxy : 'janus' }, janus : { domain : 5, port : {a:1} } }`: "server.janus.domain is a number; write a text in quotes\nconfig.js:1: server.janus.port is an object; write a number",
		`{ live : { webRTCProxy : 'janus' }, janus : { domain : 'u:hunter2@h' } }`:   "server.janus.domain, port ([janus] servers): entry 1: is not an address of the form ws://host:port or wss://host:port",
		`{ live : { webRTCProxy : 'janus' }, janus : { port : 65536 } }`:             `server.janus.domain, port ([janus] servers): "65536" is not a port; write a number from 1 to 65535`,
	} {
		_, _, err := Parse("config.js", "exports.server = "+server)
		if err == nil || !strings.HasPrefix(strings.ReplaceAll(err.Error(), "entry 1: \"", "\""), "config.js:1: "+want) {
			t.Errorf("%s: %v", server, err)
		}
	}
}

func TestFormerICE(t *testing.T) {
	c, notes := former(t, `exports.server = {}; exports.shared = { rtc : { iceServers : [
	{ urls : 'stun:a' }, { url : 'stun:b' }, { urls : [ 'stun:c', ' stun:d ' ], url : 'stun:old' }, undefined,
	{ urls : 'turn:e', username : 'u', credential : 'hunter2', credentialType : 'password', usrname : 'hunter2' },
	{ urls : 'turn:f', username : 'turn_username', credential : 'turn_password' },
] } }`)
	want := []ICEServer{
		{"server-1", []string{"stun:a"}, "", ""}, {"server-2", []string{"stun:b"}, "", ""}, {"server-3", []string{"stun:c", "stun:d"}, "", ""},
		{"server-5", []string{"turn:e"}, "u", "hunter2"},
	}
	if diff := cmp.Diff(want, c.ICE); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantNotes := []string{
		"config.js:2: unknown key shared.rtc.iceServers[2].url, which is not read; did you mean urls?",
		"config.js:2: shared.rtc.iceServers[3] is undefined; it counts as not there",
		"config.js:3: unknown key shared.rtc.iceServers[4].credentialType, which is not read; did you mean credential?",
		"config.js:3: unknown key shared.rtc.iceServers[4].usrname, which is not read; did you mean username?",
		"config.js:4: shared.rtc.iceServers[5].username is still the placeholder of the example; the server counts as not there",
	}
	if diff := cmp.Diff(wantNotes, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if shown := shownSetting(c, keyName{`ice "server-5"`, "credential"}); shown != "*** (config.js:3)" {
		t.Error(shown)
	}
	for list, want := range map[string]string{
		`null`: "", `[]`: "", `[ null ]`: "",
		`{ urls : 'stun:a' }`:                    "shared.rtc.iceServers is an object; write a list: [ ... ]",
		`'stun:a'`:                               "shared.rtc.iceServers is a text; write a list: [ ... ]",
		`[ 'stun:a' ]`:                           "shared.rtc.iceServers[0] is a text; write an object: { urls : [ 'stun:host:port' ] }",
		`[ {} ]`:                                 `[ice "server-1"] has no urls; add urls = stun:host:port`,
		`[ { urls : [] } ]`:                      `[ice "server-1"] has no urls; add urls = stun:host:port`,
		`[ { urls : 5 } ]`:                       "shared.rtc.iceServers[0].urls is neither a text nor a list of texts; write [ 'stun:host:port' ]",
		`[ { urls : [ 5 ] } ]`:                   "shared.rtc.iceServers[0].urls is neither a text nor a list of texts; write [ 'stun:host:port' ]",
		`[ { urls : 'turn:u:hunter2@h' } ]`:      `shared.rtc.iceServers[0].urls ([ice "server-1"] urls): entry 1: is not of the form stun:host:port or turn:host:port?transport=udp`,
		`[ { urls : 'turn:h' } ]`:                `shared.rtc.iceServers[0].urls ([ice "server-1"] urls): a TURN server needs username and credential`,
		`[ { urls : 'stun:h\n' } ]`:              "shared.rtc.iceServers[0].urls: holds a control character; take it out",
		`[ { urls : 'stun:h', username : [] } ]`: "shared.rtc.iceServers[0].username is a list; write a text in quotes",
	} {
		_, _, err := Parse("config.js", "exports.server = {}; exports.shared = { rtc : { iceServers : "+list+" } }")
		switch {
		case want == "" && err == nil:
		case err == nil || want == "" || !strings.Contains(err.Error(), "config.js:1: "+want):
			t.Errorf("%s: %v", list, err)
		case strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s tells the secret: %v", list, err)
		}
	}
}

// Settings that must agree are checked as in presence.ini, and named as in config.js.
func TestFormerChecks(t *testing.T) {
	for server, want := range map[string][]string{
		"{ tcp : { port : 5 },\n ws : { port : 5 } }": {"2: server.ws.port ([ws] port): 5 is the port of [tcp] as well; choose another"},
		"{ tls : {\n keyPath : 'a' } }":               {"2: server.tls.keyPath ([tls] key_path): needs cert_path beside it; set both, or none for a self-signed pair"},
		"{ friendcore : {\n serviceKey : 'a b' } }":   {`2: server.friendcore.serviceKey ([friendcore] service_key): has a blank, " or \ in it, which FriendCore cannot match; choose letters, digits, _ and -`},
		"{ domain : '' , ws : { port : 0 } }": {
			"1: server.domain ([server] domain): is empty; write a value, or take the line out for the default",
			`1: server.ws.port ([ws] port): "0" is not a port; write a number from 1 to 65535`,
		},
		"{ mysql : { user : 'u', name : 'n',\n pass : '" + strings.Repeat("x", 2000) + "' } }": {"2: server.mysql.pass ([database] pass): is longer than 1024 characters"},
		"{ friendcore : { caFile : 'a',\n insecure : true } }":                                 {"2: server.friendcore.insecure ([friendcore] insecure): with it ca_file is never looked at; take one of them out"},
	} {
		_, _, err := Parse("config.js", "exports.server = "+server)
		refused, _ := errors.AsType[*Error](err)
		if refused == nil || strings.ReplaceAll(err.Error(), "config.js:", "") != strings.Join(want, "\n") {
			t.Errorf("%s:\n%v\nwant\n%s", server, err, strings.Join(want, "\n"))
		}
	}
}

// An installer's file names every key; only what was changed is worth a word.
func TestFormerNotInEffect(t *testing.T) {
	text := readTestFile(t, "testdata/configjs/installer.config.js")
	c, _ := former(t, strings.Replace(text, "stun:stun.example.com:3478", "stun:stun_url.com", 1))
	for _, name := range c.NotInEffect() {
		if !strings.HasPrefix(name, "[ice ") {
			t.Errorf("%s has its default", name)
		}
	}
	c, _ = former(t, "exports.shared = {}; exports.server = {\n workroom : { showUserList : false, subsHaveSuperView : true },\n live : { recordPath : '/r' } }")
	table := notYet()
	var want []string
	if _, listed := table["workroom"]; listed {
		want = append(want, "[workroom] show_user_list (config.js:2)")
	}
	if slices.Contains(table["live"], "record_path") {
		want = append(want, "[live] record_path (config.js:3)")
	}
	if diff := cmp.Diff(want, c.NotInEffect()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
