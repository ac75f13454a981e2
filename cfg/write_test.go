package cfg

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sameAsINI checks that a configuration, written as presence.ini, is read again.
func sameAsINI(t *testing.T, c *Config) {
	t.Helper()
	text := c.INI()
	again, _, err := Parse("presence.ini", text)
	if err != nil {
		t.Errorf("not readable: %v\n%s", err, text)
		return
	}
	if diff := cmp.Diff(c, again, sameConfig); diff != "" || !c.SameSecrets(again) {
		t.Errorf("another configuration (-before +after), same secrets %v:\n%s\n%s", c.SameSecrets(again), diff, text)
	}
	if twice := again.INI(); twice != text {
		t.Errorf("written again:\n%s\nfirst:\n%s", twice, text)
	}
}

func TestINI(t *testing.T) {
	if text := Default().INI(); text != "" {
		t.Errorf("the defaults are written:\n%s", text)
	}
	const text = `[tcp]
enabled = false

[ws]
bind = 127.0.0.1

[admin]
listen =

[database]
pass = "a;b #c \" \\ "

[local_users]
alice = "x, Alice ;A, admin"
bob = y, Bob

[session]
ping = 1m30s
dead_after = 2m

[live]
is_stream = false

[limits]
trusted_proxies = 10.0.0.0/8

[ice "my \"office\""]
urls = stun:a, stun:b

[ice "b"]
urls = turn:h
username = "'u'"
credential = "\"c\""
`
	c, _, err := Parse("p.ini", text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, c.INI()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sameAsINI(t, c)
}

func TestINIOfFormerFiles(t *testing.T) {
	for _, file := range formerFiles(t) {
		c, _, err := Parse(file, readTestFile(t, file))
		if err != nil {
			t.Fatal(err)
		}
		sameAsINI(t, c)
	}
}

// What FriendCore's cfg.ini gives is left to it, and what was set against it stays.
func TestINIWithFriendCore(t *testing.T) {
	dir := friendDir(t, "[Core]\nport = 7000\nSSLEnable = 1\n[ServiceKeys]\npresence = \"right\"\n")
	for own, want := range map[string]string{
		"":                                "",
		"port = 6502\n":                   "port = 6502\n",
		"host = h\nservice_key = other\n": "host = h\nservice_key = other\n",
		"use_tls = true\nservice_key =\n": "use_tls = true\nservice_key =\n",
	} {
		c, _, err := Parse("p.ini", "[friendcore]\n"+own+"dir = "+dir+"\n")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("[friendcore]\ndir = "+dir+"\n"+want, c.INI()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		sameAsINI(t, c)
	}
}
