package cfg

import (
	"fmt"
	"slices"
	"strings"
)

// Setting is one setting as it counts, for a person to read.
type Setting struct {
	Section string // tcp, or ice "office"
	Key     string
	Value   string // "***" for a secret, empty if there is none
	Origin  string // "default", or the file and, but for cfg.ini, the line
}

// String is "[section] key = value (origin)".
func (s Setting) String() string {
	return fmt.Sprintf("[%s] %s = %s (%s)", s.Section, s.Key, s.Value, s.Origin)
}

// Explain lists every setting with its value and where it comes from, in the
// order of the example file. Secrets are masked.
func (c *Config) Explain() []Setting {
	var list []Setting
	for _, s := range c.all() {
		list = append(list, Setting{s.section, s.key, s.show(), c.origins[s.keyName].String()})
	}
	return list
}

// SameSecrets says whether all secrets are those of another configuration.
func (c *Config) SameSecrets(other *Config) bool {
	return slices.Equal(c.secrets(), other.secrets())
}

func (c *Config) secrets() []string {
	all := []Secret{
		c.Admin.Token, c.Database.Pass, c.FriendCore.ServiceKey,
		c.Janus.APISecret, c.Janus.Token, c.Janus.AdminKey, c.TURN.Secret,
	}
	for _, s := range c.ICE {
		all = append(all, s.Credential)
	}
	for _, u := range c.LocalUsers.Users {
		all = append(all, u.AuthID)
	}
	texts := make([]string, len(all))
	for n, s := range all {
		texts[n] = s.Reveal()
	}
	return texts
}

// all is the table of settings together with those whose names a file chooses.
func (c *Config) all() []setting {
	list := c.settings()
	users := make([]setting, len(c.LocalUsers.Users))
	for i, u := range c.LocalUsers.Users {
		users[i] = setting{keyName{usersSection, u.Login}, field{show: u.String, reveal: u.line}}
	}
	list = insertBehind(list, usersSection, users)
	for i := range c.ICE {
		title := section{kind: iceSection, name: c.ICE[i].Name}.title()
		for _, k := range c.ICE[i].keys() {
			list = append(list, setting{keyName{title, k.key}, k.field})
		}
	}
	return list
}

// insertBehind puts more behind the last setting of a section.
func insertBehind(list []setting, section string, more []setting) []setting {
	for i := len(list); i > 0; i-- {
		if list[i-1].section == section {
			return slices.Insert(list, i, more...)
		}
	}
	return append(list, more...)
}

// notYet is the table of settings that this version reads and checks but does not
// use. A section without keys stands for all of its keys.
func notYet() map[string][]string {
	return map[string][]string{
		"messages": {"force_show_read"},
		"live":     {"mode", "mesh_limit", "is_stream", "is_recording", "record_path"},
		"janus":    nil,
	}
}

// NotInEffect lists the settings that were set in presence.ini and that this
// version does not use, as "[turn] realm (presence.ini:12)". A config.js names all
// there are, so of those only the ones that differ from the default are listed.
func (c *Config) NotInEffect() []string {
	table := notYet()
	usual := map[keyName]string{}
	for _, s := range Default().all() {
		usual[s.keyName] = s.show()
	}
	var names []string
	for _, s := range c.all() {
		from := c.origins[s.keyName]
		kind, _, _ := strings.Cut(s.section, " ") // ice of ice "office"
		keys, listed := table[kind]
		unchanged := from.path != "" && s.show() == usual[s.keyName]
		if from.file != "" && listed && !unchanged && (keys == nil || slices.Contains(keys, s.key)) {
			names = append(names, fmt.Sprintf("[%s] %s (%v)", s.section, s.key, from))
		}
	}
	return names
}
