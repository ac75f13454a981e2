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
		again, _, err := Parse("p.ini", written(c))
		if err != nil || written(again) != written(c) {
			t.Errorf("written back: %v\n%s", err, written(c))
		}
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

// written is a presence.ini with the settings of c that are no secrets.
func written(c *Config) string {
	var b strings.Builder
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	last := ""
	for _, s := range c.settings() {
		if s.secret {
			continue
		}
		if s.section != last {
			b.WriteString("[" + s.section + "]\n")
			last = s.section
		}
		b.WriteString(s.key + ` = "` + escape.Replace(s.show()) + "\"\n")
	}
	if c.Admin.Token != "" {
		b.WriteString("[admin]\ntoken = 0123456789abcdef\n")
	}
	return b.String()
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
