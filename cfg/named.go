package cfg

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxNamed bounds how many users or ICE servers a file may list.
const maxNamed = 1000

var loginForm = regexp.MustCompile(`^[A-Za-z0-9_.@-]{1,64}$`)

// iceServer finds the server of [ice "name"], or adds it.
func (c *Config) iceServer(name string) (*ICEServer, error) {
	for i := range c.ICE {
		if c.ICE[i].Name == name {
			return &c.ICE[i], nil
		}
	}
	switch {
	case name == "":
		return nil, errors.New(`[ice] needs a name of your choice: [ice "NAME"]`)
	case len(name) > maxGuess:
		return nil, fmt.Errorf("[ice %s]: the name is longer than %d characters", quote(name), maxGuess)
	case len(c.ICE) == maxNamed:
		return nil, fmt.Errorf("there are more than %d [ice] sections", maxNamed)
	}
	c.ICE = append(c.ICE, ICEServer{Name: name})
	return &c.ICE[len(c.ICE)-1], nil
}

// addUser reads a line of [local_users]. Its errors never repeat the value, which
// holds an authid.
func (c *Config) addUser(login, value string) error {
	switch {
	case !loginForm.MatchString(login):
		return errors.New("a login may have letters, digits and _ . @ - only, 64 at most")
	case len(c.LocalUsers.Users) == maxNamed:
		return fmt.Errorf("there are more than %d users", maxNamed)
	}
	user := LocalUser{Login: login}
	parts := strings.Split(value, ",")
	if len(parts) == 3 && strings.TrimSpace(parts[2]) == "admin" {
		user.Admin, parts = true, parts[:2]
	}
	if len(parts) != 2 {
		return errors.New("a user is written: login = authid, Full Name or login = authid, Full Name, admin")
	}
	user.AuthID, user.Name = Secret(strings.TrimSpace(parts[0])), strings.TrimSpace(parts[1])
	switch {
	case user.AuthID == "" || len(user.AuthID) > 255 || strings.ContainsAny(user.AuthID.Reveal(), " \t"):
		return errors.New("the authid (in front of the comma) has 1 to 255 characters and no blanks")
	case user.Name == "" || utf8.RuneCountInString(user.Name) > 100:
		return errors.New("the full name (behind the comma) has 1 to 100 characters")
	}
	c.LocalUsers.Users = append(c.LocalUsers.Users, user)
	return nil
}

// String is the line of the user in [local_users], the authid masked.
func (u LocalUser) String() string { return u.lineWith(mask) }

// line is what addUser reads.
func (u LocalUser) line() string { return u.lineWith(u.AuthID.Reveal()) }

func (u LocalUser) lineWith(authID string) string {
	line := authID + ", " + u.Name
	if u.Admin {
		line += ", admin"
	}
	return line
}
