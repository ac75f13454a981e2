package friendcore

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"presence/friendcore/friendcoretest"
	"presence/rooms"
)

// client makes a Client for a FriendCore.
func client(t *testing.T, fc *friendcoretest.Server, change func(*ClientOptions)) *Client {
	t.Helper()
	o := ClientOptions{Host: fc.Host(), Port: fc.HTTPPort()}
	if change != nil {
		change(&o)
	}
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ill says whether an error tells that FriendCore could not answer.
func ill(err error) bool { return err != nil && !errors.Is(err, rooms.ErrDenied) }

func TestAuthenticate(t *testing.T) {
	fc := friendcoretest.New(t, friendcoretest.Options{})
	alice := fc.AddUser(friendcoretest.User{Login: "alice", FullName: "Alice / Ålesund 😀"})
	root := fc.AddUser(friendcoretest.User{Login: "root", Level: "Admin"})
	c := client(t, fc, nil)

	u, err := c.Authenticate(t.Context(), alice.AuthID)
	if err != nil {
		t.Fatal(err)
	}
	if u.ID != alice.UniqueID || u.Login != "alice" || u.Name != alice.FullName || u.Admin == nil || *u.Admin || u.Disabled || u.LastUpdate != 0 {
		t.Errorf("alice is %+v", u)
	}
	if u, err = c.Authenticate(t.Context(), root.AuthID); err != nil || u.Admin == nil || !*u.Admin {
		t.Errorf("root is %+v, %v", u, err)
	}

	fc.Logout(alice.ID)
	if _, err = c.Authenticate(t.Context(), alice.AuthID); !errors.Is(err, rooms.ErrDenied) {
		t.Errorf("without a session: %v", err)
	}
	fc.Login(alice.ID, "desk")
	if _, err = c.Authenticate(t.Context(), alice.AuthID); err != nil {
		t.Errorf("after a new login: %v", err)
	}
	for _, status := range []int{friendcoretest.Disabled, friendcoretest.Blocked, friendcoretest.Removing} {
		fc.SetStatus(alice.ID, status)
		if _, err = c.Authenticate(t.Context(), alice.AuthID); !errors.Is(err, rooms.ErrDenied) {
			t.Errorf("with status %d: %v", status, err)
		}
	}
	for _, bad := range []string{"", "deadbeef", `" OR "1"="1`, "a&b=c", strings.Repeat("x", 10000)} {
		if _, err = c.Authenticate(t.Context(), bad); !errors.Is(err, rooms.ErrDenied) {
			t.Errorf("authid %.20q: %v", bad, err)
		}
	}
}

func TestAuthenticateWhenFriendCoreIsIll(t *testing.T) {
	fc := friendcoretest.New(t, friendcoretest.Options{})
	alice := fc.AddUser(friendcoretest.User{Login: "alice"})
	for _, c := range []struct {
		name   string
		faults friendcoretest.Faults
		says   string
	}{
		{"hangs", friendcoretest.Faults{HTTP: friendcoretest.HTTPHangs}, "deadline"},
		{"slow", friendcoretest.Faults{Delay: time.Minute}, "deadline"},
		{"empty body", friendcoretest.Faults{HTTP: friendcoretest.HTTPEmpty}, "PHP"},
		{"not found", friendcoretest.Faults{HTTP: friendcoretest.HTTPNotFound}, "404"},
		{"garbage", friendcoretest.Faults{HTTP: friendcoretest.HTTPGarbage}, "not a JSON object"},
		{"truncated", friendcoretest.Faults{HTTP: friendcoretest.HTTPTruncated}, "EOF"},
		{"endless", friendcoretest.Faults{HTTP: friendcoretest.HTTPEndless}, "longer than"},
		{"redirect", friendcoretest.Faults{HTTP: friendcoretest.HTTPRedirect}, "302"},
		{"always dropped", friendcoretest.Faults{DropHTTP: 2}, "use_tls"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fc.SetFaults(c.faults)
			limit := func(o *ClientOptions) { o.Timeout = 300 * time.Millisecond }
			if !strings.Contains(c.says, "deadline") {
				limit = nil
			}
			_, err := client(t, fc, limit).Authenticate(t.Context(), alice.AuthID)
			if !ill(err) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error: %v", err)
			}
		})
	}
	fc.SetFaults(friendcoretest.Faults{DropHTTP: 1})
	if _, err := client(t, fc, nil).Authenticate(t.Context(), alice.AuthID); err != nil {
		t.Errorf("a connection dropped once was not tried again: %v", err)
	}
}

func TestAuthenticateNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	c, err := NewClient(ClientOptions{Host: "127.0.0.1", Port: port})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Authenticate(t.Context(), "deadbeef"); !ill(err) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Authenticate(ctx, "deadbeef"); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: %v", err)
	}
}

func TestClientTLS(t *testing.T) {
	secure := friendcoretest.New(t, friendcoretest.Options{TLS: true})
	plain := friendcoretest.New(t, friendcoretest.Options{})
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, secure.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		fc   *friendcoretest.Server
		tls  bool
		TLSOptions
		says string // empty: it works
	}{
		{"trusted pool", secure, true, TLSOptions{RootCAs: secure.CertPool()}, ""},
		{"trusted file", secure, true, TLSOptions{CAFile: file}, ""},
		{"insecure", secure, true, TLSOptions{Insecure: true}, ""},
		{"name in the certificate", secure, true, TLSOptions{CAFile: file, ServerName: "localhost"}, ""},
		{"another name", secure, true, TLSOptions{CAFile: file, ServerName: "example.org"}, "ca_file"},
		{"not trusted", secure, true, TLSOptions{}, "ca_file"},
		{"no TLS there", plain, true, TLSOptions{}, "use_tls"},
		{"only TLS there", secure, false, TLSOptions{}, "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			alice := c.fc.AddUser(friendcoretest.User{Login: "alice"})
			_, err := client(t, c.fc, func(o *ClientOptions) { o.UseTLS, o.TLS = c.tls, c.TLSOptions }).Authenticate(t.Context(), alice.AuthID)
			if c.says == "" && err != nil || c.says != "" && (!ill(err) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("error: %v", err)
			}
		})
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{empty, empty + ".missing"} {
		if _, err := NewClient(ClientOptions{TLS: TLSOptions{CAFile: bad}}); err == nil || !strings.Contains(err.Error(), "ca_file") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestUserInfo(t *testing.T) {
	for _, c := range []struct{ answer, login, id string }{
		{`{"Name":"a","UniqueID":"U","Status":0,"Level":null,"ModifyTime":17}`, "a", "U"},
		{`{"Name":"a","userid":"U"}`, "a", "U"},
		{`{"Name":"a","UniqueID":null,"userid":12,"Status":null,"FullName":["x"]}`, "a", "12"},
		{`{"Name":"a"}`, "a", ""},
		{`{"Name":7,"UniqueID":"U"}`, "7", "U"},
		{`{"NAME":"b","Name":"a","Name":"c","UniqueID":"U"}`, "a", "U"}, // exact names, the first one
		{`{"Name":"a","UniqueID":"U","Workgroup":[1,{"x":[]}],"WorkgroupIds":7}`, "a", "U"},
	} {
		o, err := parseObject([]byte(c.answer))
		if err != nil {
			t.Fatal(err)
		}
		if u, err := userInfo(o); err != nil || u.Login != c.login || u.ID != c.id {
			t.Errorf("%s: %+v, %v", c.answer, u, err)
		}
	}
	for answer, denied := range map[string]bool{
		`{}`:                                          true,
		`{"Name":null,"UniqueID":"U"}`:                true,
		`{"Name":"","UniqueID":"U"}`:                  true,
		`{"Name":{},"UniqueID":"U"}`:                  true,
		`{"Name":"a","Status":1}`:                     true,
		`{"Name":"a","Status":"2"}`:                   true,
		`{"Name":"a","Status":"x"}`:                   true,
		`{"Name":"a","Status":true}`:                  true,
		`{"Name":"` + strings.Repeat("é", 192) + `"}`: true,
		`{"Name":"a","UniqueID":"a b"}`:               false,
	} {
		o, err := parseObject([]byte(answer))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := userInfo(o); err == nil || errors.Is(err, rooms.ErrDenied) != denied {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestVerdict(t *testing.T) {
	for body, denied := range map[string]bool{
		`fail<!--separate-->{"response":"User session not found","code":"11"}`: true,
		`fail<!--separate-->{"response":"missing","code":3}`:                   true,
		`fail<!--separate-->{"response":"x","code":"1"}`:                       false,
		`fail<!--separate-->{"response":"uncaught command exception"}`:         false,
		`fail<!--separate-->text`:                                              false,
		`fail<!--separate-->`:                                                  false,
		` `:                                                                    false,
	} {
		if _, err := verdict(200, []byte(body)); err == nil || errors.Is(err, rooms.ErrDenied) != denied {
			t.Errorf("%s: %v", body, err)
		}
	}
	if got, err := verdict(200, []byte("\nok<!--separate-->ok<!--separate-->{}\n")); err != nil || string(got) != "{}" {
		t.Errorf("ok: %q, %v", got, err)
	}
}

func TestGroupSettings(t *testing.T) {
	fc := friendcoretest.New(t, friendcoretest.Options{})
	alice := fc.AddUser(friendcoretest.User{Login: "alice"})
	c := client(t, fc, nil)
	for _, test := range []struct {
		rows          []string
		stream, super []string
		ok            bool
	}{
		{nil, nil, nil, false},
		{[]string{""}, nil, nil, false},
		{[]string{"not json", "[]", "7"}, nil, nil, false},
		{[]string{"{}"}, nil, nil, true},
		{[]string{`{"stream_groups":"Streamers"}`}, []string{"Streamers"}, nil, true},
		{[]string{`{"stream_groups":"A, B ,,C","super_groups":"11,14"}`}, []string{"A", "B", "C"}, []string{"11", "14"}, true},
		{[]string{`{"stream_groups":"A","super_groups":"1"}`, "broken", `{"stream_groups":" Helpdesk , \"x\" "}`}, []string{"Helpdesk", `"x"`}, []string{"1"}, true},
		{[]string{`{"stream_groups":"A"}`, `{"stream_groups":""}`}, []string{}, nil, true},
		{[]string{`{"supergroups":"1"}`}, nil, []string{"1"}, true},
		{[]string{`{"super_groups":"2","supergroups":"1"}`}, nil, []string{"2"}, true},
		{[]string{`{"super_groups":"2"}`, `{"supergroups":"3"}`}, nil, []string{"3"}, true},
		{[]string{`{"stream_groups":["A"," B"],"super_groups":11}`}, []string{"A", "B"}, []string{"11"}, true},
		// As the Server app saves quotes, backslashes and line ends.
		{[]string{`{"stream_groups":"\\\"A\\\", B\\\\C \\n,D\\r\\n"}`}, []string{`"A"`, `B\C`, "D"}, nil, true},
		{[]string{`{"stream_groups":"C:\\dir, \\"}`}, []string{`C:\dir`, `\`}, nil, true},
		{[]string{`{"stream_groups":null,"super_groups":{"a":1}}`}, nil, nil, true},
	} {
		fc.SetSettings(test.rows...)
		got, ok, err := c.GroupSettings(t.Context(), alice.AuthID)
		if err != nil || ok != test.ok || !same(got.Stream, test.stream) || !same(got.Super, test.super) {
			t.Errorf("%q: %q, %t, %v", test.rows, got, ok, err)
		}
	}
	many := strings.Repeat("A,", maxGroupNames+5)
	fc.SetSettings(`{"super_groups":"` + many + `"}`)
	if got, _, _ := c.GroupSettings(t.Context(), alice.AuthID); len(got.Super) != maxGroupNames {
		t.Errorf("%d names were read", len(got.Super))
	}
	fc.Logout(alice.ID)
	if _, _, err := c.GroupSettings(t.Context(), alice.AuthID); !errors.Is(err, rooms.ErrDenied) {
		t.Errorf("without a session: %v", err)
	}
	fc.SetFaults(friendcoretest.Faults{HTTP: friendcoretest.HTTPEmpty})
	if _, _, err := c.GroupSettings(t.Context(), alice.AuthID); !ill(err) {
		t.Errorf("ill: %v", err)
	}
}

// TestRecordedSettings reads the answers of a real FriendCore (file 03) while an
// administrator fills in the settings.
func TestRecordedSettings(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("friendcoretest", "testdata", "03-http-systemsettings.json"))
	if err != nil {
		t.Fatal(err)
	}
	var recording struct {
		Steps []struct {
			Name string
			HTTP struct{ Reply struct{ Body string } }
		}
	}
	if err := json.Unmarshal(text, &recording); err != nil {
		t.Fatal(err)
	}
	want := map[string]struct{ stream, super string }{
		"read after add (Data empty)": {"none", "none"},
		"read one property":           {"Streamers", "none"},
		"read two properties":         {"Streamers|Staff", "Staff"},
		"read rows":                   {`Helpdesk|"x"`, "Staff"},
	}
	shown := func(names []string) string {
		if names == nil {
			return "none"
		}
		return strings.Join(names, "|")
	}
	for _, s := range recording.Steps {
		w, ok := want[s.Name]
		if !ok {
			continue
		}
		delete(want, s.Name)
		answer, err := verdict(200, []byte(s.HTTP.Reply.Body))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := mergeSettings(answer); shown(got.Stream) != w.stream || shown(got.Super) != w.super {
			t.Errorf("%s: %q", s.Name, got)
		}
	}
	if len(want) > 0 {
		t.Errorf("not in the recording: %v", want)
	}
}

// same compares lists; nil and empty differ.
func same(a, b []string) bool {
	return (a == nil) == (b == nil) && strings.Join(a, "|") == strings.Join(b, "|")
}

// TestClientKeepsSecrets logs everything there is and looks for what must not be
// in a log or an error.
func TestClientKeepsSecrets(t *testing.T) {
	fc := friendcoretest.New(t, friendcoretest.Options{})
	alice := fc.AddUser(friendcoretest.User{Login: "alice", Email: "alice@example.test"})
	log := &records{}
	c := client(t, fc, func(o *ClientOptions) { o.Logger, o.Timeout = log.logger(), 300*time.Millisecond })
	text := &strings.Builder{}
	for fault := friendcoretest.HTTPWorks; fault <= friendcoretest.HTTPRedirect; fault++ {
		fc.SetFaults(friendcoretest.Faults{HTTP: fault, DropHTTP: 1})
		_, err := c.Authenticate(t.Context(), alice.AuthID)
		_, _, err2 := c.GroupSettings(t.Context(), alice.AuthID)
		slog.New(slog.NewTextHandler(text, nil)).Info("errors", "a", err, "b", err2)
	}
	fc.SetFaults(friendcoretest.Faults{})
	fc.SetStatus(alice.ID, friendcoretest.Disabled)
	_, err := c.Authenticate(t.Context(), alice.AuthID)
	all := log.String() + text.String() + err.Error()
	if !strings.Contains(log.String(), "userinfoget") {
		t.Error("nothing was logged")
	}
	for _, secret := range []string{alice.AuthID, "{S6}", strings.Repeat("0", 64), alice.Email, "Fatal error"} {
		if strings.Contains(all, secret) {
			t.Errorf("%q was logged or returned", secret)
		}
	}
}
