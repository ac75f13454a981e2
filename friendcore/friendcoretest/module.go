package friendcoretest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// settingRow is a row of FriendCore's table of settings, of type presence and key
// systemsettings.
type settingRow struct {
	ID   int
	Data string
}

// SetSettings puts rows with these texts in the place of all rows of the system
// setting presence/systemsettings (docs/protocol.md 12.6). Without any it is not set.
func (s *Server) SetSettings(data ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings = nil
	for _, d := range data {
		s.addSetting(d)
	}
}

func (s *Server) addSetting(data string) int {
	s.lastRow++
	s.settings = append(s.settings, settingRow{s.lastRow, data})
	return s.lastRow
}

// module is a call that PHP answers.
func (c *call) module() {
	if c.form("module") != "system" {
		c.answer(http.StatusNotFound, "", "")
		return
	}
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	switch c.form("command") {
	case "userinfoget":
		c.php(okay + s.userInfo(s.users[c.user.ID]))
	case "workgroups":
		c.php(okay + s.workgroups(s.users[c.user.ID]))
	case "getsystemsetting", "listsystemsettings":
		c.php(okay + s.settingRows(c.form("command"), c.form("args")))
	case "saveserversetting", "deleteserversetting":
		c.changeSetting()
	default:
		c.php(fail + `{"response":"uncaught command exception"}`)
	}
}

// userInfo is the answer of userinfoget; every scalar is a string. mu is held.
func (s *Server) userInfo(u *User) string {
	if u == nil {
		return `{"response":"user info get failed"}`
	}
	var names, ids []string
	for _, g := range s.groupsOf(u.ID) {
		names, ids = append(names, g.Name), append(ids, phpText(g.UUID))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `{"ID":"%d","Name":%s,"Password":"{S6}%s","PublicKey":null,"FullName":%s,"Email":%s,"Timezone":"Europe\/Oslo"`,
		u.ID, phpText(u.Login), strings.Repeat("0", 64), phpText(u.FullName), phpNullable(u.Email))
	fmt.Fprintf(&b, `,"SessionID":null,"LastActionTime":"%d","CreationTime":"%d","Image":null,"LoginTime":"%d"`,
		u.loggedIn, u.created, u.loggedIn)
	fmt.Fprintf(&b, `,"MaxStoredBytes":"0","MaxReadedBytes":"0","UniqueID":"%s","ServerToken":"","Status":"%d","ModifyTime":"%d","LoginCounter":"-1","Level":"%s"`,
		u.UniqueID, u.Status, u.ModifyTime, u.Level)
	switch {
	case u.Status != Enabled:
		b.WriteString(`,"Workgroup":""`)
	case len(names) == 0:
		b.WriteString(`,"Workgroup":null`)
	default:
		fmt.Fprintf(&b, `,"Workgroup":%s`, phpText(strings.Join(names, ", ")))
	}
	if len(ids) > 0 {
		fmt.Fprintf(&b, `,"WorkgroupIds":[%s]`, strings.Join(ids, ","))
	}
	if u.Status != Enabled {
		b.WriteString(`,"WorkgroupIDs":""`)
	}
	b.WriteByte('}')
	return b.String()
}

// workgroups lists all groups for administrators, else the caller's; mu is held.
func (s *Server) workgroups(u *User) string {
	var rows []string
	for _, g := range s.sortedGroups() {
		member := "null"
		if slices.Contains(g.Members, u.ID) {
			member = fmt.Sprintf(`"%d"`, u.ID)
		} else if u.Level != "Admin" {
			continue
		}
		rows = append(rows, fmt.Sprintf(`{"ID":"%d","UniqueID":"%s","Name":%s,"ParentID":"%d","UserID":"1","WorkgroupUserID":%s,"ValueNumber":null,"ValueString":null}`,
			g.ID, g.UUID, phpText(g.Name), g.ParentID, member))
	}
	return "[" + strings.Join(rows, ",") + "]"
}

// settingRows is the answer of getsystemsetting and listsystemsettings; mu is held.
func (s *Server) settingRows(command, args string) string {
	var asked struct{ Type, Key string }
	known := command == "listsystemsettings" ||
		json.Unmarshal([]byte(args), &asked) == nil && asked.Type == "presence" && asked.Key == "systemsettings"
	if !known || len(s.settings) == 0 {
		return "settingnotfouns"
	}
	rows := make([]string, len(s.settings))
	for n, r := range s.settings {
		rows[n] = fmt.Sprintf(`{"ID":"%d","UserID":"-1","Type":"presence","Key":"systemsettings","Data":%s}`, r.ID, phpText(r.Data))
	}
	return "[" + strings.Join(rows, ",") + "]"
}

// changeSetting is what the Server app does: a row is added empty, then its text
// is replaced as a whole. mu is held.
func (c *call) changeSetting() {
	s := c.server
	var args struct {
		Key, Type  string
		SettingsID string `json:"settingsid"`
		Settings   string `json:"settings"`
		SID        string `json:"sid"`
	}
	if c.user.Level != "Admin" || json.Unmarshal([]byte(c.form("args")), &args) != nil {
		c.php(fail + `{"response":"uncaught command exception"}`)
		return
	}
	switch {
	case c.form("command") == "deleteserversetting":
		s.settings = slices.DeleteFunc(s.settings, func(r settingRow) bool { return fmt.Sprint(r.ID) == args.SID })
		c.php(okay)
	case args.SettingsID == "":
		c.php(fmt.Sprint(okay, s.addSetting("")))
	default:
		for n := range s.settings {
			if fmt.Sprint(s.settings[n].ID) == args.SettingsID {
				s.settings[n].Data = args.Settings
			}
		}
		c.php(okay + args.SettingsID)
	}
}

func phpNullable(text string) string {
	if text == "" {
		return "null"
	}
	return phpText(text)
}

// phpText is a string as PHP's json_encode writes it: ASCII only, slashes escaped.
func phpText(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\' || r == '/':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r >= ' ' && r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
