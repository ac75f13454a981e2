package main

import (
	"strings"
	"testing"

	"presence/cfg"
	"presence/sql"
)

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]sql.Config{
		"mysql://presence@db.example.com/chat":             {Host: "db.example.com", Port: 3306, User: "presence", Name: "chat"},
		"mariadb://presence@[::1]:3307/chat":               {Host: "::1", Port: 3307, User: "presence", Name: "chat"},
		"mysql://p%40x:a%2Fb%3A%20c@127.0.0.1:1/a%20b":     {Host: "127.0.0.1", Port: 1, User: "p@x", Pass: "a/b: c", Name: "a b"},
		"mysql://presence@/chat?socket=/run/mysqld/m.sock": {Socket: "/run/mysqld/m.sock", Port: 3306, User: "presence", Name: "chat"},
		"mysql://presence:@h/chat":                         {Host: "h", Port: 3306, User: "presence", Name: "chat"},
	} {
		want.Driver = sql.MySQL
		got, hasPassword, err := parseTarget(text)
		if err != nil || got != want || hasPassword != strings.Contains(text, ":a%2F") && hasPassword != strings.Contains(text, "presence:@") {
			t.Errorf("%s: %#v %v %v", text, got, hasPassword, err)
		}
	}
}

// TestParseTargetRefuses: no error repeats a part of what may be a password.
func TestParseTargetRefuses(t *testing.T) {
	for _, text := range []string{
		"", "chat", "/var/lib/chat", "mysql:chat", "http://u@h/chat", "sqlite:///tmp/x.db", "postgres://u:s3cr3t@h/n",
		"mysql://h/chat", "mysql://:s3cr3t@h/chat", "mysql://u:s3cr3t@h", "mysql://u:s3cr3t@h/", "mysql://u:s3cr3t@h/a/b",
		"mysql://u:s3cr3t@h:port/chat", "mysql://u:s3cr3t@h:99999999999999999999/chat",
		"mysql://u:s3cr3t/x@h/chat", "mysql://u:s3cr3t#x@h/chat", "mysql://u:s3cr3t?x@h/chat", "mysql://u:s3cr3t%zz@h/chat",
		"mysql://u:123/s3cr3t@h/chat", "mysql://u:12?s3cr3t@h/chat", "mysql://u:s3cr3t x@h/chat", "mysql://u:s3cr3t\x01@h/chat",
		"mysql://u@h/chat?password=s3cr3t", "mysql://u@h/chat?socket=/a&s3cr3t=1", "mysql://u@h/chat?socket=/a",
		"mysql://u@/chat?socket=/a&socket=/b", "mysql://u@h/chat?%zz",
	} {
		c, _, err := parseTarget(text)
		if err == nil {
			t.Errorf("%s is taken for %v", text, c)
			continue
		}
		if said := err.Error(); strings.Contains(said, "s3cr3t") || strings.Contains(said, "123") {
			t.Errorf("%s: the error has the password: %v", text, err)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	f.Add("mysql://u:p@h:1/n?socket=/s")
	f.Add("mysql://u@[::1%25eth0]/n")
	f.Fuzz(func(t *testing.T, text string) {
		c, _, err := parseTarget(text)
		if err == nil && (c.Driver != sql.MySQL || c.User == "" || c.Name == "") {
			t.Errorf("%q: %#v", text, c)
		}
	})
}

func TestReadOnlyLine(t *testing.T) {
	for text, want := range map[string]string{"a b \n": "a b ", "ä\r\n": "ä", "x": "x"} {
		if got, err := readOnlyLine(strings.NewReader(text)); got != want || err != nil {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	for _, text := range []string{"", "\n", "\r\n", "a\nb", "a\n\n", "a\x00b", strings.Repeat("x", maxSecret+1), strings.Repeat("x", 1<<20)} {
		if _, err := readOnlyLine(strings.NewReader(text)); err == nil || len(text) > 5 && strings.Contains(err.Error(), "xxx") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// TestTargetSettings: what is to be written into presence.ini is read as it was
// meant.
func TestTargetSettings(t *testing.T) {
	for _, want := range []sql.Config{
		{Host: "db.example.com", Port: 3307, User: "presence", Name: "chat", Pass: "x"},
		{Host: "::1", Port: 3306, User: `a "b" \c`, Name: "; # '"},
		{Socket: "/run/my sql/s", User: "ä", Name: " n ", Port: 3306},
	} {
		text := targetSettings(want)
		c, _, err := cfg.Parse("test", text)
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		d := c.Database
		if d.Driver != sql.MySQL || d.Socket != want.Socket || want.Socket == "" && (d.Host != want.Host || d.Port != want.Port) || d.User != want.User || d.Name != want.Name {
			t.Errorf("%+v\n%s", d, text)
		}
		if strings.Contains(text, "pass") != (want.Pass != "") {
			t.Errorf("the password: %s", text)
		}
	}
}
