package friendcore

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"

	"presence/rooms"
)

// maxGroupNames bounds a list of groups in the settings.
const maxGroupNames = 1000

// GroupSettings reads the system setting presence/systemsettings
// (docs/protocol.md 12.6). ok is false if it is not set or cannot be read. A
// property that no row has is nil; one that is there and empty is an empty list.
func (c *Client) GroupSettings(ctx context.Context, authID string) (s rooms.GroupSettings, ok bool, err error) {
	answer, err := c.module(ctx, "/system.library/module", "getsystemsetting", authID,
		`{"type":"presence","key":"systemsettings"}`)
	if err != nil {
		return s, false, err
	}
	s, ok = mergeSettings(answer)
	return s, ok, nil
}

// mergeSettings reads the rows; a later row overrides an earlier one per property,
// rows that cannot be read are left out.
func mergeSettings(answer []byte) (s rooms.GroupSettings, ok bool) {
	rows, err := parseList(answer)
	if err != nil {
		return s, false
	}
	for _, row := range rows {
		r, err := parseObject(row)
		if err != nil {
			continue
		}
		data, err := parseObject(settingData(r.get("Data")))
		if err != nil {
			continue
		}
		ok = true
		for _, p := range []struct {
			name string
			into *[]string
		}{{"stream_groups", &s.Stream}, {"supergroups", &s.Super}, {"super_groups", &s.Super}} {
			if names, said := groupNames(data, p.name); said {
				*p.into = names
			}
		}
	}
	return s, ok
}

// settingData is the text of a row: JSON within a JSON string.
func settingData(raw json.RawMessage) []byte {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []byte(text)
	}
	return raw
}

// groupNames splits a comma list of names or ids; a list that is one already is
// taken as well. said is false if the property is missing or of another kind.
func groupNames(data object, key string) (names []string, said bool) {
	raw := data.get(key)
	if raw == nil || string(raw) == "null" {
		return nil, false
	}
	var parts []string
	if text, one := data.scalar(key); one {
		parts = strings.Split(unescaped(text), ",")
	} else if json.Unmarshal(raw, &parts) != nil {
		return nil, false
	}
	names = []string{}
	for _, name := range parts {
		if name = strings.TrimSpace(name); name != "" && len(names) < maxGroupNames {
			names = append(names, name)
		}
	}
	return names, true
}

// What FriendCore's Server app does to a value before it makes JSON of it.
var (
	escapedTwice = regexp.MustCompile(`^(?:[^\\]|\\[\\"nr])*$`)
	unescape     = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n", `\r`, "\r")
)

// unescaped undoes that. A text that cannot come from it is left alone.
func unescaped(text string) string {
	if !escapedTwice.MatchString(text) {
		return text
	}
	return unescape.Replace(text)
}
