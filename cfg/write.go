package cfg

import (
	"fmt"
	"strings"
)

// INI writes the configuration as a presence.ini that says the same: what differs
// from the default, and what was set where FriendCore's cfg.ini would count
// otherwise. It holds the secrets, so it belongs into a file that others cannot read.
func (c *Config) INI() string {
	usual := map[keyName]string{}
	for _, s := range Default().all() {
		usual[s.keyName] = s.plain()
	}
	var b strings.Builder
	last := ""
	for _, s := range c.all() {
		if !c.belongsInFile(s, usual) {
			continue
		}
		if s.section != last {
			fmt.Fprintf(&b, "\n[%s]\n", s.section)
			last = s.section
		}
		fmt.Fprintln(&b, strings.TrimSpace(s.key+" = "+quoteValue(s.plain())))
	}
	return strings.TrimPrefix(b.String(), "\n")
}

func (c *Config) belongsInFile(s setting, usual map[keyName]string) bool {
	from := c.origins[s.keyName]
	if from.file != "" && from.line == 0 && s.key != "dir" {
		return false // cfg.ini gives it again
	}
	if s.section == "friendcore" && c.FriendCore.Dir != "" && from.file != "" {
		return true
	}
	value, fixed := usual[s.keyName]
	return s.plain() != value || !fixed && s.plain() != ""
}

// quoteValue puts a value into double quotes if it would be read otherwise without.
func quoteValue(value string) string {
	if value == strings.TrimSpace(value) && !strings.HasPrefix(value, `"`) && !strings.HasPrefix(value, `'`) && !commentBehind(value) {
		return value
	}
	return inQuotes(value)
}

// inQuotes is what unescape reads.
func inQuotes(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
