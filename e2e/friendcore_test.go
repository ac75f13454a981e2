package e2e

import (
	"strconv"
	"testing"

	"presence/friendcore/friendcoretest"
)

// friendCore is the stand-in for FriendCore that a test's server is registered
// with. It is the test's own; people are made in it as an administrator would.
type friendCore struct {
	*friendcoretest.Server
	t      testing.TB
	groups map[string]friendcoretest.Group // by name
	users  []string                        // ids of the people that were made
}

func newFriendCore(t testing.TB, o friendcoretest.Options) *friendCore {
	return &friendCore{Server: friendcoretest.New(t, o), t: t, groups: map[string]friendcoretest.Group{}}
}

// serve makes a server that is registered with this FriendCore, and does not
// start it.
func (f *friendCore) serve(t testing.TB) *server {
	s := newServer(t)
	s.ini.set("friendcore", "host = %s\nport = %d\nuse_tls = false\nws_port = %d\nservice_key = %s\nlog_events = true",
		f.Host(), f.HTTPPort(), f.ServicePort(), f.ServiceKey())
	return s
}

// withFriendCore starts a server and the FriendCore that it is registered with.
func withFriendCore(t testing.TB) (*server, *friendCore) {
	t.Helper()
	f := newFriendCore(t, friendcoretest.Options{})
	return f.serve(t).start(), f
}

// person makes a user of FriendCore.
func (f *friendCore) person(login string) person {
	return f.personOf(friendcoretest.User{Login: login, FullName: fullName(login)})
}

func (f *friendCore) personOf(u friendcoretest.User) person {
	u = f.AddUser(u)
	f.users = append(f.users, u.UniqueID)
	return person{login: u.Login, name: u.FullName, authID: u.AuthID, fUserID: u.UniqueID}
}

// group makes a workgroup and returns its client id.
func (f *friendCore) group(name string, members ...person) string {
	g := f.AddGroup(name, 0, f.numbers(members)...)
	f.groups[name] = g
	return workgroup(g.ID)
}

// workgroup is the client id of a workgroup (docs/protocol.md 6).
func workgroup(id int) string { return "friend_wg_" + strconv.Itoa(id) }

// numbers are FriendCore's numeric ids of people.
func (f *friendCore) numbers(people []person) []int {
	f.t.Helper()
	var ids []int
	for _, p := range people {
		u, ok := f.User(p.login)
		if !ok {
			f.t.Fatalf("FriendCore has no user %s", p.login)
		}
		ids = append(ids, u.ID)
	}
	return ids
}

// observer is a user who is there to tell when the server has taken over what
// FriendCore announced. FriendCore's lists are read as a whole: users are known when
// all of them are, and what came before a change of the observer's workgroup has been
// taken over together with it.
type observer struct {
	*user
	core  *friendCore
	group string // its workgroup
	in    bool
	known int // so many of FriendCore's users are known to the server
}

// observe logs the observer in.
func (f *friendCore) observe(s *server) *observer {
	f.t.Helper()
	o := &observer{core: f}
	p := f.person("observer")
	o.group = f.group("observed")
	o.user = s.login(f.t, p, ws)
	return o
}

// awaitSync waits until the server knows all that FriendCore knows now.
func (o *observer) awaitSync() {
	o.t.Helper()
	for _, user := range o.core.users[o.known:] {
		poll(o.t, func() bool { return o.request("friend-get", object{"friendId": user})["response"] != nil },
			func() string { return "the server does not know the user " + user })
	}
	o.known = len(o.core.users)
	id := o.core.groups["observed"].ID
	number := o.core.numbers([]person{o.person})
	change := "add"
	if o.in {
		change = "remove"
		o.core.RemoveUsers(id, number...)
	} else {
		o.core.AddUsers(id, number...)
	}
	o.in = !o.in
	o.expect(o.event(object{"type": "workgroup-update", "data": object{"id": o.group, change: list{o.id}}}))
}
