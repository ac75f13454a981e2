package friendcoretest

import (
	"slices"
	"time"
)

// Status of a user.
const (
	Enabled  = 0
	Disabled = 1
	Blocked  = 2
	Removing = 3
)

// DefaultPassword is what users without a Password log in with.
const DefaultPassword = "HASHED0000000000000000000000000000000000000000000000000000000000000000"

// User is a user of FriendCore. AddUser fills in what is zero.
type User struct {
	ID         int    // numeric id, counted up; one given must be higher than the last
	UniqueID   string // 64 hex digits
	AuthID     string // 32 hex digits, of the app Friend Chat
	Login      string
	FullName   string
	Email      string
	Level      string // "User", "Admin", "API" or "Guest"
	Status     int
	ModifyTime int64  // seconds; moved by SetUser and SetStatus
	Password   string // as sent by clients: "HASHED" and the SHA-256
	// NoSession leaves the user logged out: his AuthID is good only from the next
	// Login on.
	NoSession bool

	created  int64
	loggedIn int64
}

type session struct {
	user   int
	device string
}

func (s *Server) addFirstUsers() {
	for _, u := range []User{
		{Login: "fadmin", FullName: "Friend Administrator", Level: "Admin", UniqueID: randomHex(32)},
		{Login: "apiuser", Level: "API"},
		{Login: "guest", Level: "Guest"},
	} {
		s.enterUser(u).created = 0
	}
	s.lastGroup = 3 // the level groups Admin, User, API
}

// AddUser creates a user as an administrator does: services hear of it. Unless
// NoSession is set he has a session, so that his AuthID works.
func (s *Server) AddUser(u User, groups ...int) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	added := s.enterUser(u)
	for _, id := range groups {
		s.join(id, added.ID)
	}
	if !u.NoSession {
		s.openSession(added, "added")
	}
	s.tell(s.userEvent("create", added))
	return *added
}

// enterUser fills in what is missing; mu is held, or nobody else is there yet.
func (s *Server) enterUser(u User) *User {
	s.lastUser = max(s.lastUser+1, u.ID)
	u.ID = s.lastUser
	if u.UniqueID == "" {
		u.UniqueID = randomHex(64)
	}
	if u.AuthID == "" {
		u.AuthID = randomHex(32)
	}
	if u.Level == "" {
		u.Level = "User"
	}
	if u.Password == "" {
		u.Password = DefaultPassword
	}
	u.created = time.Now().Unix()
	s.users[u.ID] = &u
	return &u
}

// SetUser changes login, full name, email, level and status of the user with u.ID,
// as user/update does; a new status makes FriendCore send a damaged or an
// incomplete event first.
func (s *Server) SetUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.users[u.ID]
	if old == nil {
		return
	}
	status := u.Status != old.Status
	old.Login, old.FullName, old.Email, old.Level, old.Status = u.Login, u.FullName, u.Email, u.Level, u.Status
	s.userUpdated(old, status)
}

// userUpdated is the end of user/update; mu is held.
func (s *Server) userUpdated(u *User, status bool) {
	u.ModifyTime = time.Now().Unix()
	if status && u.Status != Enabled {
		s.tell(event("user", "update", `{"userid":"%s","isdisabled","true"}`, u.UniqueID))
	} else if status {
		s.tell(event("user", "update", `{"userid":"%s"}`, u.UniqueID))
	}
	s.tell(s.userEvent("update", u))
}

// SetStatus changes the status of a user as user/updatestatus does.
func (s *Server) SetStatus(id, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[id]; u != nil {
		u.Status = status
		u.ModifyTime = time.Now().Unix()
		s.tell(s.userEvent("update", u))
	}
}

// SetUserGroups puts a user into exactly these workgroups, as user/updategroups
// does: two events, the second from freed memory if the user has no session.
func (s *Server) SetUserGroups(id int, groups ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[id]
	if u == nil {
		return
	}
	s.regroup(id, groups)
	frame := s.userEvent("update", u)
	s.tell(frame)
	if !s.hasSession(id) {
		freed := *u
		freed.UniqueID, freed.Login = "\x1b\xd8v\xf70\x7f", "\xa0\x8dw\xf70\x7f"
		frame = s.userEvent("update", &freed)
	}
	s.tell(frame)
}

// regroup puts a user into exactly these groups; mu is held.
func (s *Server) regroup(user int, groups []int) {
	for id, g := range s.groups {
		if !slices.Contains(groups, id) {
			g.remove(user)
		}
	}
	for _, id := range groups {
		s.join(id, user)
	}
}

// DeleteUser removes a user. FriendCore tells services nothing.
func (s *Server) DeleteUser(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, id)
	for _, g := range s.groups {
		g.remove(id)
	}
	for key, open := range s.sessions {
		if open.user == id {
			delete(s.sessions, key)
		}
	}
}

// Login opens a session of a user on a device, or returns the one that is open
// there; empty if there is no such user.
func (s *Server) Login(id int, device string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[id] == nil {
		return ""
	}
	return s.openSession(s.users[id], device)
}

// Logout ends all sessions of a user: his AuthID is refused until the next Login.
func (s *Server) Logout(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, open := range s.sessions {
		if open.user == id {
			delete(s.sessions, key)
		}
	}
}

// openSession is Login; mu is held.
func (s *Server) openSession(u *User, device string) string {
	u.loggedIn = time.Now().Unix()
	for key, open := range s.sessions {
		if open == (session{u.ID, device}) {
			return key
		}
	}
	key := randomHex(40)
	s.sessions[key] = session{u.ID, device}
	return key
}

func (s *Server) hasSession(id int) bool {
	for _, open := range s.sessions {
		if open.user == id {
			return true
		}
	}
	return false
}

// listed says whether user list names the user; mu is held.
func (u *User) listed() bool { return u.Login != "apiuser" && u.Login != "guest" }

// sortedUsers lists users by numeric id; mu is held.
func (s *Server) sortedUsers() []*User {
	users := make([]*User, 0, len(s.users))
	for _, u := range s.users {
		users = append(users, u)
	}
	slices.SortFunc(users, func(a, b *User) int { return a.ID - b.ID })
	return users
}

// userByUnique finds a user by his unique id, or nil; mu is held.
func (s *Server) userByUnique(id string) *User {
	for _, u := range s.users {
		if u.UniqueID == id {
			return u
		}
	}
	return nil
}

// User returns a user by login name as he is now; ok is false if there is none.
func (s *Server) User(login string) (u User, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, found := range s.users {
		if found.Login == login {
			return *found, true
		}
	}
	return User{}, false
}
