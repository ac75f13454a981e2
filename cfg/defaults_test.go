package cfg

import (
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameConfig compares values and leaves out where they come from.
var sameConfig = cmp.Options{
	cmpopts.IgnoreUnexported(Config{}),
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
	cmpopts.EquateEmpty(),
}

func TestDefaults(t *testing.T) {
	want := &Config{
		Server:     Server{Domain: "localhost", DataDir: "data"},
		TCP:        TCP{Enabled: true, Port: 27960},
		WS:         WS{Port: 27970, Proxy: "/presence/guest/", Origins: []string{"*"}},
		Admin:      Admin{Listen: "127.0.0.1:27971"},
		Database:   Database{Driver: "sqlite", File: "presence.db", Host: "127.0.0.1", Port: 3306},
		FriendCore: FriendCore{Host: "127.0.0.1", Port: 6502, UseTLS: true, WSPort: 6498, ServiceName: "presence"},
		Session:    Session{20 * time.Second, time.Minute, 1 << 20, 5 * time.Second, 15 * time.Second},
		Room:       Room{EmptyAfter: 10 * time.Minute, RecentFor: 8 * time.Hour},
		Workroom:   Workroom{true, true, true, true},
		Messages:   Messages{MaxSize: 32 << 10, EditGrace: 5 * time.Minute},
		TinyAvatar: TinyAvatar{ImageSidePX: 128},
		Live:       Live{Mode: "auto", MeshLimit: 4},
		TURN: TURN{
			Enabled: true, Listen: ":3478", RelayPorts: PortRange{49160, 49999}, TTL: 6 * time.Hour, Idle: 10 * time.Minute, TLSPort: 5349,
			MaxAllocations: 2000, MaxAllocationsPerUser: 20,
		},
		Limits: Limits{
			SizeBeforeLogin: 12 << 10, SizeAfterLogin: 4 << 20,
			UnauthenticatedPerAddress: 50, FailuresPerAddress: 20, Rate: 50, Burst: 200,
			Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		},
		Log: Log{Level: slog.LevelInfo, Format: "text"},
	}
	if diff := cmp.Diff(want, Default(), sameConfig); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	for name, text := range map[string]string{
		"empty file":   "",
		"example":      Example(),
		"example set":  uncommented(Example()),
		"CRLF example": strings.ReplaceAll(uncommented(Example()), "\n", "\r\n"),
		"BOM":          "\ufeff[tcp]\nport = 27960",
	} {
		c, notes, err := Parse("presence.ini", text)
		if err != nil || len(notes) > 0 {
			t.Errorf("%s: notes %v, error %v", name, notes, err)
			continue
		}
		if diff := cmp.Diff(want, c, sameConfig); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The example is the list of defaults: each key stands there once, in the order
// of the table, below an explanation.
func TestExampleIsComplete(t *testing.T) {
	sections, problems := scan("example", uncommented(Example()))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var inExample, inTable []keyName
	for _, s := range sections {
		for _, e := range s.entries {
			inExample = append(inExample, keyName{s.kind, e.key})
		}
	}
	for _, s := range Default().settings() {
		inTable = append(inTable, s.keyName)
	}
	if diff := cmp.Diff(inTable, inExample, cmp.AllowUnexported(keyName{})); diff != "" {
		t.Errorf("keys of the table and of the example (-table +example):\n%s", diff)
	}
	for _, block := range strings.Split(Example(), "\n\n") {
		if !strings.Contains(block, "# ") {
			t.Errorf("no explanation in:\n%s", block)
		}
	}
	if line := regexp.MustCompile(`(?m)^;[^a-z].*|^.{101,}$`).FindString(Example()); line != "" {
		t.Errorf("strange line %q", line)
	}
}

// Every value that is shown can be written back: Explain speaks the language of
// the file.
func TestShownValuesCanBeRead(t *testing.T) {
	c := Default()
	for _, s := range c.settings() {
		if s.show() == "" {
			continue
		}
		before := s.show()
		if err := s.set(before); err != nil || s.show() != before {
			t.Errorf("%v: %q becomes %q, error %v", s.keyName, before, s.show(), err)
		}
	}
}

func TestNotYetNamesKnownKeys(t *testing.T) {
	keys := Default().index()
	for section, names := range notYet() {
		if section != iceSection && !slices.Contains(keys.sections, section) {
			t.Errorf("unknown section %s", section)
		}
		for _, name := range names {
			if _, known := keys.fields[keyName{section, name}]; !known {
				t.Errorf("unknown key [%s] %s", section, name)
			}
		}
	}
}
