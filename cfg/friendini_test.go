package cfg

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The forms of docs/protocol.md 12.1: those that FriendCore reads are read the
// same way, and those at which it refuses to start do no harm.
func TestServiceKeyForms(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"quoted":                  {"[ServiceKeys]\npresence = \"secret\"\n", "secret"},
		"no blanks":               {"[ServiceKeys]\npresence=\"secret\"\n", "secret"},
		"not quoted":              {"[ServiceKeys]\npresence = secret\n", "secret"},
		"comment behind":          {"[ServiceKeys]\npresence = secret ; comment\n", "secret"},
		"comment behind, #":       {"[ServiceKeys]\npresence = secret # comment\n", "secret"},
		"comment without a blank": {"[ServiceKeys]\npresence = secret;comment\n", "secret"},
		"marks in quotes":         {"[ServiceKeys]\npresence = \"pre;sec#ret@1\"\n", "pre;sec#ret@1"},
		"comment behind quotes":   {"[ServiceKeys]\npresence = \"secret\" ; comment\n", "secret"},
		"single quotes":           {"[ServiceKeys]\npresence = 'secret'\n", "'secret'"},
		"at sign":                 {"[ServiceKeys]\npresence = sec@ret\n", "sec@ret"},
		"quote in a comment":      {"[ServiceKeys]\n; a = \"b\" c\npresence = \"secret\"\n", "secret"},
		"apostrophe in a comment": {"[ServiceKeys]\n; it's = fine\npresence = \"secret\"\n", "secret"},
		"hash comment":            {"# presence = no\n[ServiceKeys]\n#presence = no\npresence = \"secret\"\n", "secret"},
		"CRLF":                    {"[ServiceKeys]\r\npresence = \"secret\"\r\n", "secret"},
		"CRLF, not quoted":        {"[ServiceKeys]\r\npresence = secret\r\n", "secret"},
		"no newline at the end":   {"[ServiceKeys]\npresence = \"secret\"", "secret"},
		"BOM":                     {"\ufeff[ServiceKeys]\npresence = \"secret\"\n", "secret"},
		"section twice":           {"[ServiceKeys]\nother = \"a\"\n[Core]\nport = 1\n[ServiceKeys]\npresence = \"secret\"\n", "secret"},
		"key twice":               {"[ServiceKeys]\npresence = \"old\"\npresence = \"secret\"\n", "secret"},
		"lower case section":      {"[servicekeys]\npresence = \"secret\"\n", "secret"},
		"capital key":             {"[ServiceKeys]\nPresence = \"Secret\"\n", "Secret"},
		"text behind a header":    {"[ServiceKeys] ; keys\npresence = \"secret\"\n", "secret"},
		"bracket behind a header": {"[ServiceKeys] ; [old]\npresence = \"secret\"\n", "secret"},
		"blanks in a header":      {"  [ ServiceKeys ]\n\tpresence\t=\t\"secret\"\n", "secret"},
		"goes on":                 {"[ServiceKeys]\npresence = sec\\\nret\n", "secret"},
		"goes on, CRLF":           {"[ServiceKeys]\r\npresence = sec\\\r\nret\r\n", "secret"},
		"goes on to the end":      {"[ServiceKeys]\npresence = secret\\", "secret"},
		"equals sign":             {"[ServiceKeys]\npresence = \"a=b:c\"\n", "a=b:c"},
		"colon is no separator":   {"[ServiceKeys]\nx:presence = no\npresence = \"secret\"\n", "secret"},
		"percent":                 {"[ServiceKeys]\nother = x\npresence = \"%(other)s\"\n", "%(other)s"},
		"backtick":                {"[ServiceKeys]\nother = `a\npresence = \"secret\"\n", "secret"},
		"backticks":               {"[ServiceKeys]\npresence = `a`\n", "`a`"},
		"three quotes":            {"[ServiceKeys]\nother = \"\"\"a\npresence = \"secret\"\n", "secret"},
		"quoted key":              {"[ServiceKeys]\n\"open = 1\n`open = 1\n\"\" = 1\npresence = \"secret\"\n", "secret"},
		"nonsense lines":          {"[ServiceKeys]\nnonsense\n= 5\n- = 6\npresence = \"secret\"\n", "secret"},
		"empty quotes":            {"[ServiceKeys]\npresence = \"\"\n", ""},
		"empty":                   {"[ServiceKeys]\npresence =\n", ""},
		"missing":                 {"[ServiceKeys]\nother = \"secret\"\n", ""},
		"other section":           {"[Core]\npresence = \"secret\"\n", ""},
		"before any section":      {"presence = \"secret\"\n[ServiceKeys]\n", ""},
		"empty file":              {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ParseFriendINI("cfg.ini", test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.ServiceKey("presence").Reveal(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if len(f.Notes) > 0 {
				t.Errorf("notes %v", f.Notes)
			}
		})
	}
}

func TestFriendINIValues(t *testing.T) {
	got, err := ParseFriendINI("cfg.ini", `; Friend
[DatabaseUser]
login = "friend"
password = "pa;ss"
host = "db.example.com"
dbname = "FriendMaster2"
port = 3307
[FriendCore]
fchost = "friend.example.com"
port = 9999
[core]
PORT = "7000"
sslenable = 1
wsnotificationport = 7001 ; services
disablews = 1
Certpath = "/etc/crt/"
[ServiceKeys]
Mixed = "m"
presence = "p"
[Presence]
dbname = "presence"
dbpass = "x"
`)
	if err != nil {
		t.Fatal(err)
	}
	want := &FriendINI{
		Path: "cfg.ini", Port: 7000, SSLEnable: true, WSNotificationPort: 7001, ServicesOff: true,
		CertPath: "/etc/crt/", FCHost: "friend.example.com",
		Database:    FriendDatabase{"friend", "pa;ss", "db.example.com", 3307, "FriendMaster2"},
		ServiceKeys: map[string]Secret{"mixed": "m", "presence": "p"},
		Presence:    map[string]Secret{"dbname": "presence", "dbpass": "x"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFriendINIDefaults(t *testing.T) {
	got, err := ParseFriendINI("cfg.ini", "[Core]\nport = 0\nwsnotificationport = x\nSSLEnable = true\n")
	if err != nil {
		t.Fatal(err)
	}
	want := &FriendINI{
		Path: "cfg.ini", Port: 6502, WSNotificationPort: 6498, CertPath: "cfg/crt/",
		Database:    FriendDatabase{"root", "root", "localhost", 3306, "FriendMaster"},
		ServiceKeys: map[string]Secret{}, Presence: map[string]Secret{},
		Notes: []Note{
			{"cfg.ini", 0, "[Core] port is not a port; 6502 is taken"},
			{"cfg.ini", 0, "[Core] wsnotificationport is not a port; 6498 is taken"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMisspelledServiceKeys(t *testing.T) {
	for header, misspelled := range map[string]bool{
		"SerivceKeys": true, "serivcekeys": true, "ServiceKey": true, "Service Keys": true, "Service_Keys": true,
		"ServiceKeys": false, "servicekeys": false, "SERVICEKEYS": false, "Services": false, "Core": false,
	} {
		f, err := ParseFriendINI("/f/cfg/cfg.ini", "[Core]\nx = a\\\nb\n["+header+"]\npresence = \"hunter2\"\n")
		if err != nil {
			t.Errorf("%s: %v", header, err)
			continue
		}
		var want []Note
		if misspelled {
			want = []Note{{"/f/cfg/cfg.ini", 4, "[" + header + "] is a typing error: " +
				"FriendCore reads [ServiceKeys] only; rename the section and restart FriendCore"}}
		}
		if diff := cmp.Diff(want, f.Misspelled); diff != "" {
			t.Errorf("%s (-want +got):\n%s", header, diff)
		}
		if misspelled && f.ServiceKey("presence") != "" {
			t.Errorf("%s: its key is used", header)
		}
	}
}

func TestFriendINIRefused(t *testing.T) {
	for text, want := range map[string]string{
		"[Core]\n[ServiceKeys\npresence = hunter2\n": "cfg.ini:2: a section header is not complete; write [Name]",
		"[]\nx = hunter2\n":                          "cfg.ini:1: a section header is not complete; write [Name]",
		strings.Repeat("x\n", maxFriendLines+1):      "cfg.ini: has more than 10000 lines: not FriendCore's cfg.ini",
	} {
		if _, err := ParseFriendINI("cfg.ini", text); err == nil || err.Error() != want {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// friendDir makes a run directory of FriendCore with this cfg.ini.
func friendDir(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "cfg"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, FriendINIPath(dir), text)
	return dir
}

func TestFriendCoreLayer(t *testing.T) {
	const full = "[Core]\nport = 7000\nSSLEnable = 1\nwsnotificationport = 7001\n[FriendCore]\nfchost = f.example.com\n" +
		"[ServiceKeys]\npresence = \"right\"\nother = \"wrong\"\n"
	for name, test := range map[string]struct {
		friend, own string
		want        FriendCore
		notes       []string
	}{
		"all from cfg.ini": {full, "", FriendCore{
			Host: "127.0.0.1", Port: 7000, UseTLS: true, TLSName: "f.example.com", WSPort: 7001, ServiceKey: "right", ServiceName: "presence",
		}, nil},
		"FriendCore's own defaults": {"[ServiceKeys]\npresence = \"right\"\n", "", FriendCore{
			Host: "127.0.0.1", Port: 6502, WSPort: 6498, ServiceKey: "right", ServiceName: "presence",
		}, nil},
		"own keys win": {full, "host = h\nport = 1\nuse_tls = false\nws_port = 2\nservice_key = right\n", FriendCore{
			Host: "h", Port: 1, WSPort: 2, ServiceKey: "right", ServiceName: "presence",
		}, nil},
		"even with the default's value": {full, "port = 6502\nuse_tls = true\n", FriendCore{
			Host: "127.0.0.1", Port: 6502, UseTLS: true, TLSName: "f.example.com", WSPort: 7001, ServiceKey: "right", ServiceName: "presence",
		}, nil},
		"no key wanted": {full, "service_key =\n", FriendCore{
			Host: "127.0.0.1", Port: 7000, UseTLS: true, TLSName: "f.example.com", WSPort: 7001, ServiceName: "presence",
		}, nil},
		"other name": {full, "service_name = other\n", FriendCore{
			Host: "127.0.0.1", Port: 7000, UseTLS: true, TLSName: "f.example.com", WSPort: 7001, ServiceKey: "wrong", ServiceName: "other",
		}, nil},
		"keys differ": {full, "service_key = mine\n", FriendCore{
			Host: "127.0.0.1", Port: 7000, UseTLS: true, TLSName: "f.example.com", WSPort: 7001, ServiceKey: "mine", ServiceName: "presence",
		}, []string{"[ServiceKeys] presence differs from [friendcore] service_key in p.ini; FriendCore will refuse the latter"}},
		"local fchost": {"[FriendCore]\nfchost = localhost\n[ServiceKeys]\npresence = \"right\"\n", "", FriendCore{
			Host: "127.0.0.1", Port: 6502, WSPort: 6498, ServiceKey: "right", ServiceName: "presence",
		}, nil},
		"services off": {"[Core]\ndisablews = 1\n[ServiceKeys]\npresence = \"right\"\n", "", FriendCore{
			Host: "127.0.0.1", Port: 6502, WSPort: 6498, ServiceKey: "right", ServiceName: "presence",
		}, []string{"[Core] disablews or disableexternalws is 1: FriendCore does not open its port for services; take the line out and restart FriendCore"}},
		"misspelled": {"[SerivceKeys]\npresence = \"right\"\n", "", FriendCore{
			Host: "127.0.0.1", Port: 6502, WSPort: 6498, ServiceName: "presence",
		}, []string{
			"[SerivceKeys] is a typing error: FriendCore reads [ServiceKeys] only; rename the section and restart FriendCore",
			"[ServiceKeys] has no key named presence: there will be no service connection; add presence = \"<secret>\" and restart FriendCore",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			test.want.Dir = friendDir(t, test.friend)
			c, notes, err := Parse("p.ini", "[friendcore]\ndir = "+test.want.Dir+"\n"+test.own)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, c.FriendCore); diff != "" || c.FriendCore.ServiceKey != test.want.ServiceKey {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var texts []string
			for _, n := range notes {
				texts = append(texts, n.Text)
			}
			if diff := cmp.Diff(test.notes, texts); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBrokenFriendINIStopsTheStart(t *testing.T) {
	dir := friendDir(t, "[Core\n")
	_, _, err := Parse("p.ini", "[friendcore]\ndir = "+dir+"\n")
	if err == nil || !strings.Contains(err.Error(), "cfg.ini:1: a section header is not complete") ||
		!strings.Contains(err.Error(), "p.ini:2") {
		t.Error(err)
	}
}
