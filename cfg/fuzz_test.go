package cfg

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// maxOutput bounds what one problem may say, whatever stands in the file.
const maxOutput = 2000

func FuzzPresenceINI(f *testing.F) {
	for _, seed := range []string{
		"", Example(), uncommented(Example()), "[tcp]\nport = 5\nprot = 6\n", "[ice \"a\"]\nurls = turn:h\n[ice \"a\"]\n",
		"[local_users]\na = b, C, admin\n", "[database]\npass = \"a \\\" ; \\\\\"\n", "[\n[]\n[a b]\n=\n'\n\"", "\ufeff[tcp]\r\nbind=::1\r\n",
		"[limits]\ntrusted = 10.0.0.0/8, ::1\n", "[session]\nping = 1h1m1s\ngrace_buffer = 999999999MiB\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		// A directory would have the fuzzer read files by chance.
		if strings.Contains(strings.ReplaceAll(text, "data_dir", ""), "dir") {
			return
		}
		c, notes, err := Parse("p.ini", text)
		for _, n := range notes {
			if len(n.String()) > maxOutput {
				t.Errorf("note of %d bytes", len(n.String()))
			}
		}
		if err != nil {
			checkRefusal(t, c, err)
			return
		}
		if n := len(c.Explain()); n < len(c.settings()) {
			t.Errorf("only %d settings explained", n)
		}
		c.NotInEffect()
		sameAsINI(t, c)
	})
}

func FuzzConfigJS(f *testing.F) {
	for _, file := range formerFiles(f) {
		f.Add(readTestFile(f, file))
	}
	for _, seed := range []string{
		"", "module.exports = { server : { ws : { port : 5 } }, shared }", "exports.server = { tcp : { port : '5' } }; exports.server.ws = null",
		"const a = { b : [ 1, -2.5e3, 0x1F, 'x' + `y` ] }; a.b[0] = a; exports.server = a.b", "'\\x41\\u{1F600}\\\n'", "#!\n/* */ // \r\n;",
		"exports.shared = { rtc : { iceServers : [ { url : [ 'turn:h' ], username : 'u', credential : 'c' }, null ] } }",
		"exports.server = { live : { webRTCProxy : 'janus' }, mysql : { user : 'u', name : 'n', pass : '\"' } }", "let a = b = c.d['e'][0] = (5)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, notes, err := Parse("config.js", text)
		for _, n := range notes {
			if len(n.String()) > maxOutput {
				t.Errorf("note of %d bytes", len(n.String()))
			}
		}
		if err != nil {
			checkRefusal(t, c, err)
			return
		}
		c.NotInEffect()
		sameAsINI(t, c)
	})
}

// checkRefusal tells whether a refusal is an *Error of bounded size.
func checkRefusal(t *testing.T, c *Config, err error) {
	t.Helper()
	refused, ok := errors.AsType[*Error](err)
	if !ok || c != nil || len(refused.Problems) == 0 {
		t.Fatalf("config %v with error %v", c, err)
	}
	if len(err.Error()) > (maxShown+1)*maxOutput {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

func FuzzFriendINI(f *testing.F) {
	for _, seed := range []string{
		"", "[ServiceKeys]\npresence = \"secret\"\n", "[SerivceKeys]\npresence = secret ; c\n", "[Core]\r\nport=1\r\nSSLEnable=1",
		"[a]\nx = `\n[b]\ny = \"\"\"\n\"\"\" = 1\n", "[\n", "[]\n", "x = a\\\nb\\\n", "- = 1\n- = 2\n[DEFAULT]\n[default]\n", "\xff\xfe\x00[a]\n",
	} {
		f.Add(seed)
	}
	if text, err := os.ReadFile("example.presence.ini"); err == nil {
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		ini, err := ParseFriendINI("cfg.ini", text)
		if err != nil {
			checkRefusal(t, nil, err)
			return
		}
		for _, p := range []int{ini.Port, ini.WSNotificationPort, ini.Database.Port} {
			if p < 1 || p > 65535 {
				t.Errorf("port %d", p)
			}
		}
		for name, key := range ini.ServiceKeys {
			if len(name)+len(key) > len(text) {
				t.Errorf("%q has a key longer than the file", name)
			}
		}
		for _, n := range ini.Notes {
			if len(n.String()) > maxOutput {
				t.Errorf("note of %d bytes", len(n.String()))
			}
		}
	})
}
