package friendcoretest

import (
	"strings"
	"testing"
	"time"
)

// Ids of the recordings.
const (
	aliceID   = "5f74293c7e2e1dcd4115882ebd47ea909b5815f0c14f4d91ecd1806ce510e993"
	aliceAuth = "8595a88e390a0f300ea4ddbdb1f78c5f"
	bobID     = "b71d1d2a1245fb71c4a474db4c072fd5a400b7938982aef993d3946653897ae9"
	carolID   = "c6d2585aaf1ed369b80883debeac51c3d7bb8711eb19358a2a3793ffdc6af5c3"
	adminID   = "68793b9f425ea113874ecea4d3de4412"

	adminSession  = "f44bcea8bcca3ed83a76474d4e0db60d14e80a13"
	adminSession2 = "48b49d932619046aa775f80f198fe40f32adc340"
	aliceSession  = "dfeba78e06f4e228241cb49e2d35b56b10c6f3a0"
	aliceSession2 = "a4cb2bdced40961440aaba2e68820735dff918b4"
)

// empty is a FriendCore just installed.
func empty(t *testing.T, o Options) *player {
	p := &player{T: t, s: New(t, o), ids: &idTable{now: map[string]string{}}}
	p.s.users[1].UniqueID = adminID
	p.sessionOf(adminSession, 1)
	p.sessionOf(adminSession2, 1)
	p.s.users[1].loggedIn = time.Now().Unix()
	return p
}

// staffed is a FriendCore as it was when most files were recorded.
func staffed(t *testing.T, o Options) *player {
	p := empty(t, o)
	now := time.Now().Unix()
	p.s.AddGroupOf(Group{ID: 4, Name: "Staff", UUID: "07a896a0e0ace71f6ef9517c371fb9bf420bc2b873dff1b102c43ae77deee41c"})
	p.s.AddGroupOf(Group{ID: 5, Name: "Streamers", ParentID: 4, UUID: "5ee95ed33c0f707d3d97793025bd2f5dcda8646dca180b1ca12b78dcabd0aea3"})
	bob := User{ID: 5, UniqueID: bobID, Login: "bob", FullName: "Robert Builder", Email: "bob@example.test", ModifyTime: now}
	alice := User{ID: 4, UniqueID: aliceID, AuthID: aliceAuth, Login: "alice", FullName: "Alice Ålesund", Email: "alice@example.test", NoSession: true}
	p.s.AddUser(alice, 4, 5)
	p.s.AddUser(bob)
	p.s.AddUser(User{ID: 6, UniqueID: carolID, Login: "carol", FullName: "Carol", ModifyTime: now})
	p.s.users[4].loggedIn = now
	return p
}

func TestReplayLogin(t *testing.T) {
	p := staffed(t, Options{})
	for _, s := range readTranscript(t, "01-http-login-and-session.json").Steps {
		if s.Name == "bad login" { // all passwords of the recording were made equal
			s.HTTP.Request.Body = strings.Replace(s.HTTP.Request.Body, "HASHED0", "HASHED1", 1)
		}
		p.call(s.Name, s.HTTP)
	}
}

func TestReplayModuleCalls(t *testing.T) {
	p := staffed(t, Options{})
	p.sessionOf(aliceSession, 4)
	skipped := map[string]string{
		"install FriendChat":  "installing apps is not the stand-in's job; AddUser gives an authid",
		"activate FriendChat": "as above",
		"friendapplication":   "as above",
	}
	for _, s := range readTranscript(t, "02-http-module-calls.json").Steps {
		if skipped[s.Name] != "" {
			t.Logf("%s is not replayed: %s", s.Name, skipped[s.Name])
			continue
		}
		if s.Name == "getsystemsetting by authid" { // recorded after file 03
			p.s.SetSettings(`{"stream_groups":"Streamers,Staff","super_groups":"Staff"}`)
		}
		p.call(s.Name, s.HTTP)
	}
}

func TestReplaySystemSettings(t *testing.T) {
	p := staffed(t, Options{})
	p.sessionOf(aliceSession, 4)
	for _, s := range readTranscript(t, "03-http-systemsettings.json").Steps {
		p.call(s.Name, s.HTTP)
	}
}

func TestReplayAuthenticate(t *testing.T) {
	for _, s := range readTranscript(t, "04-ws-authenticate-and-errors.json").Steps {
		t.Run(s.Name, func(t *testing.T) {
			o := Options{}
			switch {
			case strings.HasPrefix(s.Name, "key written Mixed"):
				o = Options{ServiceKey: "mixed-case-test-key", ServiceName: "mixed"}
			case s.Name == "browser ws port 6500":
				t.Skip("the port of browsers is not the stand-in's job")
			}
			p := staffed(t, o)
			if s.Frames[0].Dir == "error" {
				if _, err := p.dial("FriendApp-v1"); err == nil {
					t.Fatal("a connection with another sub-protocol was not cut off")
				}
				return
			}
			var protocols []string
			if s.Frames[0].Protocol != "" {
				protocols = []string{s.Frames[0].Protocol}
			}
			c, err := p.dial(protocols...)
			if err != nil {
				t.Fatal(err)
			}
			c.frames(s)
		})
	}
}

func TestReplayEvents(t *testing.T) {
	p := empty(t, Options{})
	c := p.registered()
	for _, s := range readTranscript(t, "05-ws-events.json").Steps {
		if s.HTTP != nil {
			p.call(s.Name, s.HTTP)
		}
		c.frames(s)
	}
}

func TestReplayMalformedFrames(t *testing.T) {
	p := staffed(t, Options{})
	p.s.SetGroup(Group{ID: 4, Name: "Staff", Members: []int{5, 4}})
	p.s.SetGroup(Group{ID: 5, Name: "Streamers", ParentID: 4, Members: []int{5, 6}})
	p.s.DeleteGroup(p.s.AddGroupOf(Group{ID: 6, Name: "Helpdesk"}).ID)
	p.s.users[4].ModifyTime = time.Now().Unix()
	// What the administrator did where the recording has only the frames.
	acts := map[string]func(){
		"user/updategroups":         func() { p.s.SetUserGroups(5, 4, 5) },
		"user/update with status 1": func() { u := *p.s.users[6]; u.Status = Disabled; p.s.SetUser(u) },
		"user/updatestatus back to 0": func() {
			p.s.SetStatus(6, Enabled)
		},
		"group/setusers":                      func() { p.s.SetUsers(5, 4, 6) },
		"user with a quote in its login name": func() { p.s.AddUser(User{ID: 8, Login: `ev"e`, FullName: `Eve "The" One`, NoSession: true}) },
	}
	c, err := p.dial(subprotocol)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range readTranscript(t, "06-ws-malformed-frames.json").Steps {
		if act := acts[s.Name]; act != nil {
			act()
			delete(acts, s.Name)
		}
		if strings.HasPrefix(s.Name, "group list again") { // members come in the order of the database
			p.s.groups[4].Members = []int{4, 5}
		}
		if s.HTTP != nil {
			p.call(s.Name, s.HTTP)
		}
		c.frames(s)
	}
	if len(acts) > 0 {
		t.Errorf("steps that the recording does not have: %v", acts)
	}
}

func TestReplayServiceRequests(t *testing.T) {
	p := staffed(t, Options{})
	p.sessionOf(aliceSession, 4)
	c := p.registered()
	for _, s := range readTranscript(t, "07-service-requests-raw.json").Steps {
		if s.Name == "params not json (string)" { // nobody answers; FriendCore waits 31 s
			p.s.options.RequestTimeout = 50 * time.Millisecond
		}
		p.asked(c, s)
		p.s.options.RequestTimeout = 31 * time.Second
	}
}

// asked makes the HTTP call of a step while the service answers.
func (p *player) asked(c *peer, s step) {
	p.Helper()
	wait := p.calling(s.Name, s.HTTP)
	for _, f := range s.Frames {
		if f.Dir == "in" {
			c.hear(s.Name, f.raw(p.T))
			continue
		}
		c.say(f.raw(p.T))
	}
	wait()
	c.silent(s.Name)
}

func TestReplayNotifications(t *testing.T) {
	p := staffed(t, Options{})
	c := p.registered()
	steps := readTranscript(t, "08-ws-notifications.json").Steps
	for _, s := range steps {
		c.frames(s) // "ws ping frame" has no frames: silent sends the ping
	}
	if got := p.s.Notifications(); len(got) != 6 || got[0].Users[0] != "bob" || len(got[5].Message) != 60000 {
		t.Errorf("%d notifications were kept", len(got))
	}
}

// TestReplayTwoServices plays file 11, whose steps name the side they were seen on.
func TestReplayTwoServices(t *testing.T) {
	p := staffed(t, Options{RequestTimeout: 300 * time.Millisecond})
	p.sessionOf(aliceSession2, 4)
	now := time.Now().Unix()
	p.s.users[4].ModifyTime = now
	steps := readTranscript(t, "11-two-services-and-none.json").Steps
	a, b := p.registered(), p.registered()
	a.frames(steps[0])
	b.hear(steps[1].Name, steps[1].Frames[0].Text)
	b.drain(steps[1].Name)

	wait := p.calling(steps[2].Name, steps[2].HTTP)
	atA, atB := a.next("A"), b.next("B")
	answer := func(c *peer, frame string, s step) {
		p.compare(s.Name, s.Frames[0].Text, frame)
		c.say(s.Frames[1].Text)
		c.say(`{"type":"ping","data":"done"}`)
		c.hear(s.Name, `{"type":"pong","data":"done"}`)
	}
	answer(a, atA, steps[3])
	answer(b, atB, steps[4])
	wait()

	b.conn.Close()
	if err := p.s.WaitRegistered(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	wait = p.calling(steps[5].Name, steps[5].HTTP)
	id := idPattern.FindAllString(a.next(steps[5].Name), -1)[1]
	a.say(`{"type":"service","data":{"type":"room","data":{"requestId":"` + id + `","response":{"from":"A"},"error":null}}}`)
	wait()

	a.conn.Close()
	if err := p.s.WaitRegistered(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	p.call(steps[6].Name, steps[6].HTTP)
}
