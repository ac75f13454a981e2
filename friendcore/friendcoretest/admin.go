package friendcoretest

import (
	"fmt"
	"strings"
)

// What an administrator does over HTTP, with FriendCore's own spelling in the
// answers. The caller's level is not checked: no test of ours depends on it.

func (c *call) userCreate() {
	u := c.server.AddUser(User{
		Login: c.form("username"), FullName: c.form("fullname"), Email: c.form("email"),
		Level: c.form("level"), Password: c.form("password"), NoSession: true,
	}, numbers(c.form("workgroups"))...)
	c.html(okay+`{"create":"sucess","id":"%d","uuid":"%s"}`, u.ID, u.UniqueID)
}

// userUpdate changes the fields that the form has.
func (c *call) userUpdate() {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[c.number("id")]; u != nil {
		for key, value := range map[string]*string{"username": &u.Login, "fullname": &u.FullName, "email": &u.Email, "level": &u.Level} {
			if given := c.form(key); given != "" {
				*value = given
			}
		}
		if groups := c.form("workgroups"); groups != "" {
			s.regroup(u.ID, numbers(groups))
		}
		status := c.form("status") != ""
		if status {
			u.Status = c.number("status")
		}
		s.userUpdated(u, status)
	}
	c.html(okay + `{"update":"success!"}`)
}

func (c *call) userUpdateStatus() {
	c.server.SetStatus(c.number("id"), c.number("status"))
	c.html(okay + `{"Result":"success"}`)
}

func (c *call) userUpdateGroups() {
	c.server.SetUserGroups(c.number("id"), numbers(c.form("workgroups"))...)
	c.html(okay + `{"update":"success!"}`)
}

func (c *call) userDelete() {
	c.server.DeleteUser(c.number("id"))
	c.html(okay + `{"Result":"success"}`)
}

func (c *call) userAddRelationship() {
	if c.form("mode") != "presence" {
		c.html("mode not supported")
		return
	}
	c.server.AddRelation(c.form("sourceid"), c.form("contactids"))
	c.html(okay + `{"result":"sucess"}`)
}

func (c *call) groupCreate() {
	g := c.server.AddGroupOf(Group{
		Name: c.form("groupname"), Type: c.form("type"), ParentID: c.number("parentid"), Members: numbers(c.form("users")),
	})
	c.html(okay+`{"response":"success","id":%d,"uuid":"%s"}`, g.ID, g.UUID)
}

// groupUpdate changes the fields that the form has.
func (c *call) groupUpdate() {
	c.changeGroup(func(g *Group) {
		if name := c.form("groupname"); name != "" {
			g.Name = name
		}
		if c.form("parentid") != "" {
			g.ParentID = c.number("parentid")
		}
		if users := c.form("users"); users != "" {
			g.Members = numbers(users)
		}
	})
	c.html(okay+`{"response":"sucess","id":%d}`, c.number("id"))
}

func (c *call) groupUpdateStatus() {
	c.changeGroup(func(g *Group) { g.Status = c.number("status") })
	c.html(okay+`{"response":"sucess","id":%d,"status":%d}`, c.number("id"), c.number("status"))
}

// changeGroup edits a copy of the group that the form names.
func (c *call) changeGroup(edit func(*Group)) {
	s := c.server
	s.mu.Lock()
	old := s.groups[c.number("id")]
	if old == nil {
		s.mu.Unlock()
		return
	}
	g := *old
	s.mu.Unlock()
	edit(&g)
	s.SetGroup(g)
}

func (c *call) groupDelete() {
	c.server.DeleteGroup(c.number("id"))
	c.html(okay + `{"Result":"success"}`)
}

func (c *call) groupAddUsers() {
	users := numbers(c.form("users"))
	c.server.AddUsers(c.number("id"), users...)
	c.groupUsers(users, func(u User) string {
		return fmt.Sprintf(`{"id":"%d","uuid":"%s","lastupdate":%d}`, u.ID, u.UniqueID, u.ModifyTime)
	})
}

func (c *call) groupRemoveUsers() {
	users := numbers(c.form("users"))
	c.server.RemoveUsers(c.number("id"), users...)
	c.groupUsers(users, func(u User) string { return fmt.Sprintf(`{"userid":"%s","status":"%d"}`, u.UniqueID, u.Status) })
}

// groupUsers answers with the group and the users that the call was about.
func (c *call) groupUsers(users []int, show func(User) string) {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[c.number("id")]
	if g == nil {
		c.html(fail + `{"response":"Group not found","code":"1"}`)
		return
	}
	var shown []string
	for _, id := range users {
		if u := s.users[id]; u != nil {
			shown = append(shown, show(*u))
		}
	}
	c.html(okay+`{"groupid":%d,"uuid":"%s","userids":[%s]}`, g.ID, g.UUID, strings.Join(shown, ","))
}

func (c *call) groupSetUsers() {
	c.server.SetUsers(c.number("id"), numbers(c.form("users"))...)
	c.html(okay+`{"response":"sucess","id":%d}`, c.number("id"))
}
