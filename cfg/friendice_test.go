package cfg

import (
	"fmt"
	"strings"
	"testing"
)

// TestServersOfCfgINI: what Friend Chat's installer wrote down is offered to calls.
func TestServersOfCfgINI(t *testing.T) {
	const turn = "turn_srv = turn.example.com:3478\nturn_user = u\nturn_pass = hunter2\n"
	for name, test := range map[string]struct{ presence, own, want, note string }{
		"both": {"stun_srv = stun.example.com:3478\n" + turn, "",
			"cfg.ini stun [stun:stun.example.com:3478]   | cfg.ini turn [turn:turn.example.com:3478] u hunter2", ""},
		"with their schemes": {"stun_srv = \"stun:stun.example.com\"\nturn_srv = turns:t.example.com:443?transport=tcp\nturn_user = u\nturn_pass = hunter2\n", "",
			"cfg.ini stun [stun:stun.example.com]   | cfg.ini turn [turns:t.example.com:443?transport=tcp] u hunter2", ""},
		"placeholders": {"stun_srv = your_stun_server.com:xxxx\nturn_srv = your_turn_server.com:xxxx\nturn_user = your_turn_username\nturn_pass = your_turn_password\n", "", "", ""},
		"listed already": {turn, "[ice \"mine\"]\nurls = turn:Turn.example.com:3478?transport=udp\nusername = a\ncredential = b\n",
			"mine [turn:Turn.example.com:3478?transport=udp] a b", ""},
		"no password":   {"turn_srv = turn.example.com\nturn_user = u\n", "", "", "turn_user and turn_pass"},
		"no address":    {"stun_srv = stun.example.com:port\n", "", "", "[Presence] stun_srv is not of the form host:port"},
		"nothing there": {"", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := friendDir(t, "[Presence]\n"+test.presence)
			c, notes, err := Parse("presence.ini", "[friendcore]\ndir = "+dir+"\n"+test.own)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range c.ICE {
				got = append(got, fmt.Sprintf("%s %v %s %s", s.Name, s.URLs, s.Username, s.Credential.Reveal()))
			}
			if text := strings.Join(got, " | "); strings.TrimSpace(text) != strings.TrimSpace(test.want) {
				t.Errorf("servers are %q, want %q", text, test.want)
			}
			if text := fmt.Sprint(notes); !strings.Contains(text, test.note) || strings.Contains(text, "hunter2") || test.note == "" && strings.Contains(text, "[Presence]") {
				t.Errorf("notes are %s", text)
			}
			if strings.Contains(c.INI(), "turn.example.com:3478") && test.own == "" {
				t.Errorf("the written file repeats cfg.ini:\n%s", c.INI())
			}
		})
	}
}
