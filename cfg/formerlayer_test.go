package cfg

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// presenceDir makes services/Presence in a run directory of FriendCore, enters it and
// returns both. Without a cfg.ini there is none.
func presenceDir(t *testing.T, friendINI, configJS string) (friend, presence string) {
	t.Helper()
	if friendINI != "" {
		friend = friendDir(t, friendINI)
	} else {
		friend = t.TempDir()
	}
	presence = filepath.Join(friend, "services", "Presence")
	if err := os.MkdirAll(presence, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(presence)
	write(t, FormerFile, configJS)
	return friend, presence
}

// A config.js in services/Presence lies in FriendCore's run directory: what it leaves
// open comes from there. DIR in the notes stands for that directory.
func TestFormerWithFriendCoreAround(t *testing.T) {
	const (
		full = "[Core]\nport = 7000\nSSLEnable = 1\nwsnotificationport = 7001\n[FriendCore]\nfchost = f.example.com\n[ServiceKeys]\npresence = \"right\"\nother = \"wrong\"\n"
		bare = "[Core]\nport = 6502\n[FriendCore]\nfchost = f.example.com\n"

		taken = "config.js: server.friendcore.serviceKey is not set: the key in [ServiceKeys] of DIR/cfg/cfg.ini counts; " +
			"write serviceKey : '' to do without the service connection"
		none = "DIR/cfg/cfg.ini: [ServiceKeys] has no key named presence: there will be no service connection; " +
			"add presence = \"<secret>\" and restart FriendCore"
	)
	for name, test := range map[string]struct {
		ini, friendcore string
		want            FriendCore
		notes           []string
	}{
		"nothing set": {full, "", FriendCore{
			Host: "127.0.0.1", Port: 7000, UseTLS: true, TLSName: "f.example.com", WSPort: 7001, ServiceKey: "right", ServiceName: "presence",
		}, []string{taken}},
		"as the installer leaves it": {bare, "host : 'f.example.com', port : 6502, wsPort : 6498, wsProxy : null, useTLS : false, serviceKey : null, serviceName : 'presence'", FriendCore{
			Host: "f.example.com", Port: 6502, WSPort: 6498, ServiceName: "presence",
		}, []string{none}},
		"key is null": {full, "host : 'F.example.com', port : 7000, wsPort : 7001, serviceKey : null", FriendCore{
			Host: "F.example.com", Port: 7000, UseTLS: true, WSPort: 7001, ServiceKey: "right", ServiceName: "presence",
		}, []string{taken}},
		"no key wanted": {full, "serviceKey : ''", FriendCore{
			Host: "127.0.0.1", Port: 7000, UseTLS: true, TLSName: "f.example.com", WSPort: 7001, ServiceName: "presence",
		}, nil},
		"other name": {full, "serviceName : 'other', host : 'localhost'", FriendCore{
			Host: "localhost", Port: 7000, UseTLS: true, WSPort: 7001, ServiceKey: "wrong", ServiceName: "other",
		}, []string{taken}},
		"keys differ": {full, "serviceKey : 'mine'", FriendCore{
			Host: "127.0.0.1", Port: 7000, UseTLS: true, TLSName: "f.example.com", WSPort: 7001, ServiceKey: "mine", ServiceName: "presence",
		}, []string{"DIR/cfg/cfg.ini: [ServiceKeys] presence differs from [friendcore] service_key in config.js; FriendCore will refuse the latter"}},
		"proxy on another port": {bare, "host : 'own.example.com', port : 443, serviceKey : ''", FriendCore{
			Host: "own.example.com", Port: 443, UseTLS: true, WSPort: 6498, ServiceName: "presence",
		}, nil},
		"misspelled section": {"[SerivceKeys]\npresence = \"hunter2\"\n", "", FriendCore{
			Host: "127.0.0.1", Port: 6502, WSPort: 6498, ServiceName: "presence",
		}, []string{"DIR/cfg/cfg.ini:1: [SerivceKeys] is a typing error: FriendCore reads [ServiceKeys] only; rename the section and restart FriendCore", none}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := presenceDir(t, test.ini, "exports.shared = {}; exports.server = { domain : 'own.example.com', friendcore : {"+test.friendcore+"} }")
			c, notes, err := Load("")
			if err != nil {
				t.Fatal(err)
			}
			test.want.Dir = dir
			if diff := cmp.Diff(test.want, c.FriendCore); diff != "" || c.FriendCore.ServiceKey != test.want.ServiceKey {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var texts []string
			for _, text := range noteTexts(notes) {
				texts = append(texts, strings.ReplaceAll(text, dir, "DIR"))
			}
			if diff := cmp.Diff(test.notes, texts); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
			again, _, err := Parse("presence.ini", c.INI())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c, again, sameConfig); diff != "" || !again.SameSecrets(c) {
				t.Errorf("written as presence.ini (-config.js +presence.ini):\n%s\n%s", diff, c.INI())
			}
		})
	}
}

// A cfg.ini that cannot be used, or that is another FriendCore's, stops nothing: the
// former server never looked at it.
func TestFormerWithoutFriendCoreAround(t *testing.T) {
	alone := FriendCore{Host: "127.0.0.1", Port: 6502, UseTLS: true, WSPort: 6498, ServiceName: "presence"}
	for name, test := range map[string]struct {
		ini, friendcore string
		host            string
		note            string // the first
	}{
		"no cfg.ini":      {"", "", "127.0.0.1", ""},
		"broken cfg.ini":  {"[Core\nport = 7000\n", "", "127.0.0.1", "DIR/cfg/cfg.ini:1: a section header is not complete; write [Name]"},
		"another machine": {"[Core]\nport = 7000\n[ServiceKeys]\npresence = \"hunter2\"\n", "host : '10.0.0.1'", "10.0.0.1", "config.js:1: server.friendcore.host is another machine, as far as DIR/cfg/cfg.ini and server.domain tell; what that file says is not used"},
	} {
		dir, _ := presenceDir(t, test.ini, "exports.shared = {}; exports.server = { friendcore : {"+test.friendcore+"} }")
		c, notes, err := Load("")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := alone
		want.Host = test.host
		if diff := cmp.Diff(want, c.FriendCore); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if first := strings.ReplaceAll(strings.Join(append(noteTexts(notes), ""), "\n"), dir, "DIR"); !strings.HasPrefix(first, test.note) || test.note == "" && first != "" {
			t.Errorf("%s: notes %q", name, first)
		}
	}
	// Another folder than services is no place in FriendCore's.
	friend := friendDir(t, "[Core]\nport = 7000\n")
	elsewhere := filepath.Join(friend, "other", "Presence")
	if err := os.MkdirAll(elsewhere, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(elsewhere, FormerFile), "exports.server = exports.shared = {}; exports.shared = {}")
	if c, _, err := Load(filepath.Join(elsewhere, FormerFile)); err != nil || c.FriendCore.Dir != "" || c.FriendCore.Port != 6502 {
		t.Errorf("not in services: %v, %v", c, err)
	}
}

// Which file is read: presence.ini, else config.js, else none; or the one that is
// named, whatever else there is.
func TestLoadChoosesFile(t *testing.T) {
	t.Chdir(t.TempDir())
	port := func(path string) (int, []string) {
		t.Helper()
		c, notes, err := Load(path)
		if err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		return c.WS.Port, noteTexts(notes)
	}
	const unread = "config.js: is not read, because there is presence.ini"
	expect := func(path string, want int, notes ...string) {
		t.Helper()
		if got, texts := port(path); got != want || !cmp.Equal(notes, texts) {
			t.Errorf("%q: port %d, notes %q; want %d, %q", path, got, texts, want, notes)
		}
	}
	expect("", 27970)
	write(t, FormerFile, "exports.shared = {}; exports.server = { ws : { port : 1001 } }")
	expect("", 1001)
	expect("config.js", 1001)
	expect("./config.js", 1001)
	write(t, DefaultFile, "[ws]\nport = 1002\n")
	expect("", 1002, unread)
	expect("presence.ini", 1002)
	expect("config.js", 1001)
	write(t, "Old.JS", "exports.shared = {}; exports.server = { ws : { port : 1003 } }")
	expect("Old.JS", 1003)
	write(t, DefaultFile, "[wss]\n")
	if _, notes, err := Load(""); err == nil || len(notes) != 1 || notes[0].String() != unread {
		t.Errorf("a wrong presence.ini: notes %v, error %v", notes, err)
	}
	if err := os.Remove(DefaultFile); err != nil {
		t.Fatal(err)
	}

	write(t, FormerFile, strings.Repeat("// \n", maxFile))
	if _, _, err := Load(""); err == nil || !strings.Contains(err.Error(), "config.js: cannot be read: larger than 1024 KiB") {
		t.Errorf("big file: %v", err)
	}
	write(t, FormerFile, "const fs = require('fs')\n")
	_, _, err := Load("")
	if _, ok := errors.AsType[*Error](err); !ok || err.Error() != "config.js:1: fs: require"+notRun {
		t.Errorf("a program: %v", err)
	}
	if err := os.Remove(FormerFile); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", FormerFile); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(""); err == nil || err.Error() != "config.js: cannot be read: no such file or directory" {
		t.Errorf("a dangling link counts as no file: %v", err)
	}
}

// FriendUP's updateDomain.sh replaces the placeholder in the file; what is loaded
// next has the new name.
func TestLoadFormerAfterUpdateDomain(t *testing.T) {
	t.Chdir(t.TempDir())
	text := strings.ReplaceAll(readTestFileFrom(t, "installer"), "friend.example.com", "{YourDomain}")
	write(t, FormerFile, text)
	before, notes, err := Load("")
	if err != nil || before.Server.Domain != "localhost" || before.FriendCore.Host != "127.0.0.1" || len(noteTexts(notes)) != 2 {
		t.Errorf("before: %v, notes %q", err, noteTexts(notes))
	}
	write(t, FormerFile, strings.ReplaceAll(text, "{YourDomain}", "new.example.com"))
	after, notes, err := Load("")
	if err != nil || after.Server.Domain != "new.example.com" || after.FriendCore.Host != "new.example.com" || len(noteTexts(notes)) != 0 {
		t.Errorf("after: %v, notes %q", err, noteTexts(notes))
	}
	if err := os.Chmod(FormerFile, 0o644); err != nil {
		t.Fatal(err)
	}
	_, notes, err = Load("")
	want := []string{"config.js: holds secrets and can be read by every user of this machine; run: chmod o-rwx config.js"}
	if err != nil || !cmp.Equal(noteTexts(notes), want) {
		t.Errorf("for all to read: notes %q, error %v", noteTexts(notes), err)
	}
}

// testdataDir is the folder of the realistic files, also after t.Chdir.
var testdataDir, _ = filepath.Abs("testdata/configjs")

func readTestFileFrom(t testing.TB, name string) string {
	t.Helper()
	return readTestFile(t, filepath.Join(testdataDir, name+".config.js"))
}

// Every key that takes a secret, written in every wrong and right way: the secret is
// in no error, no note and no dump.
func TestFormerSecretsStayHidden(t *testing.T) {
	checked := 0
	for _, key := range []string{"mysql : { user : 'u', name : 'n', pass", "friendcore : { serviceKey", "janus : { api_secret"} {
		for _, form := range []string{
			": '%s'", ": `%s`", ": \"%s\"", ": '%s", ": %s", ": '%s'x", ": 'x'%s'", ": x'%s'", ": '%s' '%[1]s'", ": '%s\\n'", ": '%s\\x'", "= '%s'", "'%s'",
			": [ '%s' ]", ": { '%s' : 1 }", ": { a : '%s' }", ": '%s' + 5", ": '%s' + x", ": f('%s')", ": `%s${x}`", ": '%s' ? 1 : 2", ": 5%s", ": 5, '%s'", ": /%s/",
			": '%s', %[1]s", ": '%s'; %[1]s", ": '%s' } }; %[1]s = 5; //", ": '%s' } }; let %[1]s; let %[1]s //", ": process.env['%s']", ": '" + strings.Repeat("%[1]s", 100) + "'",
			": '%s' } }, { '%[1]s' : { '%[1]s'", ": { %s }", ": { %s() {} }", ": { ...%s }", ": -%s", ": (%s)", ": %s.%[1]s", ": '%s'.length",
		} {
			checked++
			assertFormerHidden(t, "exports.server = { "+key+" "+fmt.Sprintf(form, strings.ReplaceAll(sesame, "-", "_"))+" } }")
		}
	}
	for _, server := range []string{
		"{ urls : 'turn:u:%s@h' }", "{ urls : 'turn:h', username : 'u', credential : '%s' }", "{ urls : 'turn:h', credential : '%s' }",
		"{ urls : 'turn:h', username : 'u', credential : [ '%s' ] }", "{ urls : 'turn:h', username : 'u', credentials : '%s' }", "'%s'", "{ '%s'", "%s",
	} {
		assertFormerHidden(t, "exports.shared = { rtc : { iceServers : [ "+fmt.Sprintf(server, strings.ReplaceAll(sesame, "-", "_"))+" ] } }")
	}
	if checked < 100 {
		t.Errorf("only %d forms checked", checked)
	}
}

func assertFormerHidden(t *testing.T, text string) {
	t.Helper()
	c, notes, err := Parse("config.js", text)
	out := fmt.Sprintf("%v %v", notes, err)
	if c != nil {
		out += fmt.Sprintf("%v %+v %#v %v %v", c, c, c, c.Explain(), c.NotInEffect())
	}
	if strings.Contains(out, strings.ReplaceAll(sesame, "-", "_")) {
		t.Errorf("%q tells the secret:\n%s", text, out)
	}
}
