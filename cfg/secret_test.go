package cfg

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const sesame = "open-sesame-4711"

func TestSecretIsNeverPrinted(t *testing.T) {
	type holder struct {
		S Secret
		M map[string]Secret
		P *Secret
		u Secret
	}
	s := Secret(sesame)
	h := holder{s, map[string]Secret{"k": s}, &s, ""}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%10s", "%c"} {
		fmt.Fprintf(&out, verb+verb+verb, s, h, []Secret{s})
	}
	encoded, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "s", s, "h", h)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", s, "h", h)
	for _, form := range []string{sesame, fmt.Sprintf("%x", sesame), fmt.Sprintf("%X", sesame), fmt.Sprint([]byte(sesame))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%s is in\n%s", form, out.String())
		}
	}
	if s.Reveal() != sesame || !strings.Contains(out.String(), mask) || h.u != "" {
		t.Error("the text is lost, or nothing was printed")
	}
}

// Every key that takes a secret, written in every wrong and right way: the secret
// is in no error, no note and no dump.
func TestSecretsStayOutOfErrorsAndDumps(t *testing.T) {
	lines := map[string]string{
		"[admin]":      "token",
		"[database]":   "pass",
		"[friendcore]": "service_key",
		"[janus]":      "api_secret|token|admin_key",
		"[ice \"a\"]":  "urls|username|credential",
		"[turn]":       "secret",
	}
	checked := 0
	for header, keys := range lines {
		for key := range strings.SplitSeq(keys, "|") {
			if key == "urls" || key == "username" {
				continue
			}
			for _, form := range []string{
				"%s = %s", "%s = '%s'", "%s = \"%s", "%s = \"%s\" x", "%s = a %s", "%s = x ; %s", "%s = \"\\%s\"", "%sx = %s", "%s = 1\x00%s",
				"%[1]s = x\n%[2]s", "%[1]s = x\n%[1]s = %[2]s",
			} {
				assertHidden(t, header+"\n"+fmt.Sprintf(form, key, sesame)+"\n")
				checked++
			}
		}
	}
	for _, value := range []string{
		sesame, sesame + ",", sesame + ", A, x", sesame + " x, A", "\"" + sesame, sesame + ", A\nb = " + sesame + ", B",
		sesame + ", A", sesame + ", A, admin", strings.Repeat(sesame, 50) + ", A",
	} {
		assertHidden(t, "[local_users]\na = "+value+"\n")
		assertHidden(t, "[local_users]\nallow_remote = true\na = "+value+"\n")
	}
	assertHidden(t, "[ice \"a\"]\nurls = turn:u:"+sesame+"@h\n")
	assertHidden(t, "[janus]\nservers = ws://u:"+sesame+"@h\n")
	for _, form := range []string{"[ServiceKeys]\npresence = \"%s\"\n", "[SerivceKeys]\npresence = \"%s\"\n", "[ServiceKeys\npresence = %s", "[Core]\nport = %s"} {
		assertHidden(t, "[friendcore]\ndir = "+friendDir(t, fmt.Sprintf(form, sesame))+"\nservice_key = x"+sesame+"\n")
		assertHidden(t, "[friendcore]\ndir = "+friendDir(t, fmt.Sprintf(form, sesame))+"\n")
	}
	if checked < 50 {
		t.Errorf("only %d forms checked", checked)
	}
}

func assertHidden(t *testing.T, text string) {
	t.Helper()
	c, notes, err := Parse("p.ini", text)
	out := fmt.Sprintf("%v %v", notes, err)
	if c != nil {
		out += fmt.Sprintf("%v %+v %#v %v %v", c, c, c, c.Explain(), c.NotInEffect())
	}
	if strings.Contains(out, sesame) {
		t.Errorf("%q tells the secret:\n%s", text, out)
	}
}
