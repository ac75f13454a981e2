package friendcore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"presence/friendcore/friendcoretest"
	"presence/rooms"
)

func TestLinkLoadsUsersAndGroups(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		a := w.fc.AddUser(friendcoretest.User{Login: "alice", FullName: "Alice Ålesund"})
		b := w.fc.AddUser(friendcoretest.User{Login: "bob", Status: friendcoretest.Disabled})
		g := w.fc.AddGroup("Staff", 0, a.ID, b.ID)
		w.fc.AddGroup("Crew", g.ID)
		w.fc.AddGroupOf(friendcoretest.Group{Name: "Not a workgroup", Type: "Custom"})
		w.ready()
		w.wantNames("(bob)", "Alice Ålesund", "Friend Administrator")
		w.wantGroups("Crew:", "Staff: alice bob")
		w.wantState(Ready)
		for _, group := range w.dir.groups {
			if group.Name == "Crew" && (group.ParentID != "4" || group.ID != "5") || group.Name == "Staff" && group.ParentID != "" {
				t.Errorf("ids of %s: %q below %q", group.Name, group.ID, group.ParentID)
			}
		}
		for _, u := range w.dir.users {
			if u.Admin != nil {
				t.Errorf("%s: the lists do not say who is an administrator", u.Login)
			}
		}
	})
}

func TestLinkAsksOnlyForWhatIsNew(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		a := w.fc.AddUser(friendcoretest.User{Login: "alice"})
		w.ready()
		w.fc.DropServices()
		w.pass(5 * time.Second)
		if syncs, last := w.dir.count(); syncs != 2 || len(last) != 0 {
			t.Errorf("after a reconnect: %d loads, the last one asked for %q", syncs, last)
		}
		w.fc.SetStatus(a.ID, friendcoretest.Disabled)
		w.pass(time.Second)
		if _, last := w.dir.count(); len(last) != 1 || last[0] != "alice" {
			t.Errorf("after a change the link asked for %q", last)
		}
	})
}

func TestLinkFollowsEvents(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		a := w.fc.AddUser(friendcoretest.User{Login: "alice"})
		g := w.fc.AddGroup("Staff", 0)
		w.ready()
		b := w.fc.AddUser(friendcoretest.User{Login: "bob", NoSession: true})
		w.fc.SetUsers(g.ID, a.ID, b.ID)
		w.pass(time.Second)
		w.wantNames("Friend Administrator", "alice", "bob")
		w.wantGroups("Staff: alice bob")

		a.FullName = "Alice" // within the same second: the time of change does not move on
		w.fc.SetUser(a)
		w.pass(400 * time.Millisecond)
		a.FullName = "Alice A"
		w.fc.SetUser(a)
		w.fc.SetUserGroups(b.ID) // its second event is garbage
		w.pass(time.Second)
		w.wantNames("Alice A", "Friend Administrator", "bob")
		w.wantGroups("Staff: alice")

		w.fc.RemoveUsers(g.ID, a.ID)
		g.Name = "Crew"
		w.fc.SetGroup(g)
		w.pass(time.Second)
		w.wantGroups("Crew:")
		w.fc.DeleteGroup(g.ID)
		w.pass(time.Second)
		w.wantGroups()
		w.wantState(Ready)
	})
}

func TestLinkFindsWhatFriendCoreDoesNotTell(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		a := w.fc.AddUser(friendcoretest.User{Login: "alice"})
		w.ready()
		w.fc.DeleteUser(a.ID)
		w.pass(time.Minute)
		w.wantNames("Friend Administrator", "alice")
		w.pass(5 * time.Minute)
		w.wantNames("Friend Administrator")
	})
}

// TestLinkRepairsWhatIsNotTold changes FriendCore as its PHP modules do.
func TestLinkRepairsWhatIsNotTold(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		a := w.fc.AddUser(friendcoretest.User{Login: "alice"})
		b := w.fc.AddUser(friendcoretest.User{Login: "bob"})
		c := w.fc.AddUser(friendcoretest.User{Login: "carol"})
		staff := w.fc.AddGroup("Staff", 0, a.ID)
		gone := w.fc.AddGroup("Gone", 0, b.ID)
		w.ready()
		w.fc.SetFaults(friendcoretest.Faults{SilentEvents: true})
		w.fc.AddUser(friendcoretest.User{Login: "dave"})
		a.FullName = "Alice A"
		w.fc.SetUser(a)
		w.fc.SetStatus(b.ID, friendcoretest.Disabled)
		w.fc.DeleteUser(c.ID)
		staff.Name, staff.Members = "Crew", []int{b.ID, c.ID}
		w.fc.SetGroup(staff)
		w.fc.DeleteGroup(gone.ID)
		w.fc.AddGroup("New", staff.ID, a.ID)
		w.pass(4 * time.Minute)
		w.wantNames("Friend Administrator", "alice", "bob", "carol")
		w.pass(2 * time.Minute)
		w.wantNames("(bob)", "Alice A", "Friend Administrator", "dave")
		w.wantGroups("Crew: bob", "New: alice")

		w.fc.AddUser(friendcoretest.User{Login: "carol", UniqueID: c.UniqueID}) // back again
		w.fc.SetStatus(b.ID, friendcoretest.Enabled)
		w.pass(5 * time.Minute)
		w.wantNames("Alice A", "Friend Administrator", "bob", "carol", "dave")
	})
}

// TestLinkGroupUpdateWithUsers: the event says nothing of the members.
func TestLinkGroupUpdateWithUsers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		a := w.fc.AddUser(friendcoretest.User{Login: "alice"})
		b := w.fc.AddUser(friendcoretest.User{Login: "bob"})
		g := w.fc.AddGroup("Staff", 0, a.ID)
		w.ready()
		g.Members = []int{b.ID}
		w.fc.SetGroup(g)
		w.pass(time.Second)
		w.wantGroups("Staff: bob")
	})
}

func TestLinkPutsEventsTogether(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		g := w.fc.AddGroup("Staff", 0)
		for range 30 { // one every 200 ms for 6 s: never quiet for 300 ms
			w.pass(200 * time.Millisecond)
			w.fc.SetGroup(g)
		}
		w.pass(3 * time.Second)
		if syncs, _ := w.dir.count(); syncs < 4 || syncs > 6 {
			t.Errorf("%d loads for a row of events over 6 s; one each 2 s was expected", syncs)
		}
	})
}

func TestLinkSurvivesQuotes(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		a := w.fc.AddUser(friendcoretest.User{Login: `ev"e`, FullName: `Eve "The\One" Ål`, Email: `"e"@x`})
		w.fc.AddGroup(`Quote "Q" \ group`, 0, a.ID)
		w.ready()
		w.wantNames(`Eve "The\One" Ål`, "Friend Administrator")
		w.wantGroups(`Quote "Q" \ group: ev"e`)
		if w.link.Stats().Repaired < 2 {
			t.Error("the repaired frames were not counted")
		}
	})
}

func TestLinkPingsAndNeverPongs(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		w.fc.Push([]byte(`{"type":"ping","data":"1"}`))
		w.pass(65 * time.Second)
		pings := w.frames(`{"type":"ping","data":"`)
		if len(pings) != 6 {
			t.Errorf("%d pings in 65 s", len(pings))
		}
		if pongs := w.frames(`"pong"`); len(pongs) != 0 {
			t.Errorf("a pong was sent: %q", pongs)
		}
		w.wantState(Ready)
	})
}

func TestLinkLeavesASilentFriendCore(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		w.fc.SetFaults(friendcoretest.Faults{SilentPings: true})
		w.pass(15*time.Second - time.Millisecond)
		if w.fc.Connections() != 1 {
			t.Error("the link gave up before the limit")
		}
		w.pass(2 * time.Millisecond)
		if w.fc.Connections() != 0 {
			t.Error("the connection is still open")
		}
		w.wantState(Waiting)
		w.fc.SetFaults(friendcoretest.Faults{})
		w.pass(3 * time.Second)
		w.wantState(Ready)
		if n := w.fc.Registered(); n != 1 {
			t.Errorf("%d registrations", n)
		}
	})
}

func TestLinkRequestTimeoutKeepsTheConnection(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.fc.SetFaults(friendcoretest.Faults{SilentRequests: true})
		w.run()
		w.pass(30 * time.Second)
		w.wantState(Loading)
		select {
		case <-w.link.Ready():
			t.Error("ready without any list")
		default:
		}
		w.fc.SetFaults(friendcoretest.Faults{})
		w.pass(time.Minute)
		w.wantState(Ready)
		if n := w.link.Stats().Connections; n != 1 {
			t.Errorf("%d connections; the first one should have been kept", n)
		}
	})
}

func TestLinkIgnoresUnknownReplies(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		w.fc.Push([]byte(`{"type":"reply","data":{"requestId":"somebody-elses","result":[]}}`))
		w.fc.Push([]byte(`{"type":"reply","data":{"requestId":"x","error":"y"}}`))
		w.pass(time.Second)
		w.wantNames("Friend Administrator")
		w.wantState(Ready)
	})
}

func TestLinkWaitsLongerAndLonger(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.fc.SetFaults(friendcoretest.Faults{RefuseServices: true})
		w.run()
		w.pass(10 * time.Minute)
		tries := strings.Count(w.log.String(), "no service connection to FriendCore")
		if tries < 12 || tries > 20 { // 2+4+8+16+32 s, then one a minute
			t.Errorf("%d tries in 10 minutes", tries)
		}
		w.wantLog("level=WARN", 1+(tries-1)/warnEvery)
		w.fc.SetFaults(friendcoretest.Faults{})
		w.pass(73 * time.Second)
		w.wantState(Ready)
	})
}

func TestLinkRefusedKey(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.fc.SetFaults(friendcoretest.Faults{RefuseKey: true})
		w.run()
		w.pass(time.Minute)
		w.wantState(Refused)
		if n := len(w.frames("authenticate")); n != 1 {
			t.Errorf("%d tries within a minute", n)
		}
		w.wantLog("[ServiceKeys]", 1)
		w.wantLog("[SerivceKeys]", 1)
		if strings.Contains(w.log.String(), w.fc.ServiceKey()) {
			t.Error("the service key is in the log")
		}
		w.fc.SetFaults(friendcoretest.Faults{})
		w.pass(2 * time.Minute)
		w.wantState(Ready)
	})
}

func TestLinkNamesTheCrash(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.fc.SetFaults(friendcoretest.Faults{CrashOnAuthenticate: true})
		w.run()
		w.pass(time.Minute)
		w.wantState(Crashing)
		if n := len(w.frames("authenticate")); n != 3 {
			t.Errorf("authenticate was sent %d times within a minute, not 3", n)
		}
		w.wantLog("notification manager is switched off", 1)
		w.pass(4 * time.Minute)
		if n := len(w.frames("authenticate")); n > 4 {
			t.Errorf("authenticate was sent %d times within 5 minutes", n)
		}
		w.fc.SetFaults(friendcoretest.Faults{})
		w.pass(6 * time.Minute)
		w.wantState(Ready)
	})
}

func TestLinkAuthenticateWithoutAnswer(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.fc.SetFaults(friendcoretest.Faults{SilentAuthenticate: true})
		w.run()
		w.pass(9 * time.Second)
		w.wantState(Authenticating)
		w.pass(2 * time.Second)
		w.wantState(Waiting)
		w.wantLog("notification manager", 0)
	})
}

func TestLinkAuthenticatesOnceAtATime(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		for range 5 {
			w.fc.DropServices()
			w.pass(10 * time.Second)
			if r, c := w.fc.Registered(), w.fc.Connections(); r != 1 || c != 1 {
				t.Fatalf("%d registrations on %d connections", r, c)
			}
		}
		if n := len(w.frames("authenticate")); n != 6 {
			t.Errorf("authenticate was sent %d times over 6 connections", n)
		}
	})
}

func TestLinkRetriesWhenTheDirectoryFails(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.dir.fail = errors.New("the database is away")
		w.run()
		w.pass(20 * time.Second)
		w.wantState(Loading)
		w.dir.mu.Lock()
		w.dir.fail = nil
		w.dir.mu.Unlock()
		w.pass(time.Minute)
		w.wantState(Ready)
		w.wantNames("Friend Administrator")
	})
}

func TestLinkOneUserThatCannotBeRead(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.fc.AddUser(friendcoretest.User{Login: "alice"})
		bad := w.fc.AddUser(friendcoretest.User{Login: "bad\",\"groups\":[}"})
		w.ready()
		if _, last := w.dir.count(); len(last) != 2 {
			t.Errorf("users are %q", last)
		}
		if !w.dir.present[bad.UniqueID] {
			t.Error("a user that cannot be read was taken for a deleted one")
		}
	})
}

func TestLinkManyUsers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for range 3000 {
			w.fc.AddUser(friendcoretest.User{Login: "user", NoSession: true})
		}
		w.ready()
		if n := len(w.dir.names()); n != 3001 {
			t.Errorf("%d users", n)
		}
	})
}

func TestLinkReadsAgainAfterGarbage(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		before, _ := w.dir.count()
		for range 100 {
			w.fc.Push([]byte("\x00\xffgarbage"))
		}
		w.pass(5 * time.Second)
		if after, _ := w.dir.count(); after != before+1 {
			t.Errorf("%d re-syncs, not 1", after-before)
		}
		if n := w.link.Stats().Damaged; n != 100 {
			t.Errorf("%d damaged frames were counted", n)
		}
		w.wantState(Ready)
	})
}

func TestLinkWithoutRepliesAboutUsers(t *testing.T) {
	for _, c := range []struct {
		silent, loads int // of the first minute
	}{{1, 1}, {maxUnanswered, 1}, {maxUnanswered + 1, 0}} {
		inWorld(t, nil, func(w *world) {
			for range 20 {
				w.fc.AddUser(friendcoretest.User{Login: "user"})
			}
			w.fc.SetFaults(friendcoretest.Faults{SilentGets: c.silent})
			w.run()
			w.pass(5*time.Second + 100*time.Millisecond)
			if syncs, _ := w.dir.count(); syncs != c.loads {
				t.Errorf("%d silent users: %d loads", c.silent, syncs)
			}
			w.pass(6 * time.Minute)
			if n := len(w.dir.KnownUsers()); n != 21 {
				t.Errorf("%d silent users: %d users are known at last", c.silent, n)
			}
			w.wantState(Ready)
		})
	}
}

func TestLinkOverTLS(t *testing.T) {
	fc := friendcoretest.New(t, friendcoretest.Options{ServiceTLS: true})
	for _, c := range []struct {
		tls    TLSOptions
		useTLS bool
		says   string
	}{
		{TLSOptions{RootCAs: fc.CertPool()}, true, ""},
		{TLSOptions{Insecure: true}, true, ""},
		{TLSOptions{}, true, "ca_file"},
		{TLSOptions{}, false, "HTTP status 400"},
	} {
		log := &records{}
		l, err := NewLink(LinkOptions{
			Host: fc.Host(), Port: fc.ServicePort(), UseTLS: c.useTLS, TLS: c.tls,
			ServiceKey: fc.ServiceKey(), ServiceName: fc.ServiceName(), Directory: newDirectory(), Logger: log.logger(),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if c.says != "" {
			if err := l.connection(ctx); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error: %v", err)
			}
			cancel()
			continue
		}
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		if err := l.WaitReady(t.Context()); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestServiceURL(t *testing.T) {
	for want, o := range map[string]LinkOptions{
		"ws://fc.test:6498/":       {Host: "fc.test", Port: 6498},
		"wss://fc.test:6498/":      {Host: "fc.test", Port: 6498, UseTLS: true},
		"wss://fc.test/fc/service": {Host: "fc.test", Port: 6498, UseTLS: true, ProxyPath: "/fc/service"},
		"ws://fc.test/fc":          {Host: "fc.test", Port: 6498, ProxyPath: "fc"},
		"ws://[::1]:6498/":         {Host: "::1", Port: 6498},
		"wss://[::1]/p":            {Host: "::1", UseTLS: true, ProxyPath: "/p"},
	} {
		if got := serviceURL(o); got != want {
			t.Errorf("%s instead of %s", got, want)
		}
	}
}

func TestNewLinkRefuses(t *testing.T) {
	good := LinkOptions{Host: "h", Port: 1, ServiceKey: "k", ServiceName: "presence", Directory: newDirectory()}
	if _, err := NewLink(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*LinkOptions){
		"no host":         func(o *LinkOptions) { o.Host = "" },
		"no key":          func(o *LinkOptions) { o.ServiceKey = "" },
		"no name":         func(o *LinkOptions) { o.ServiceName = "" },
		"upper-case name": func(o *LinkOptions) { o.ServiceName = "Presence" },
		"no directory":    func(o *LinkOptions) { o.Directory = nil },
		"no ca file":      func(o *LinkOptions) { o.TLS.CAFile = "does/not/exist" },
	} {
		o := good
		spoil(&o)
		if _, err := NewLink(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestWaitReadyEndsWithItsContext(t *testing.T) {
	l, err := NewLink(LinkOptions{Host: "h", ServiceKey: "k", ServiceName: "presence", Directory: newDirectory()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.WaitReady(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
}

func TestStatesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for s := Waiting; s <= Stopped; s++ {
		if seen[s.String()] || s.String() == "unknown" {
			t.Errorf("state %d is %q", s, s)
		}
		seen[s.String()] = true
	}
	if State(99).String() != "unknown" || State(-1).String() != "unknown" {
		t.Error("a number that is no state has a name")
	}
}

// The hub of package rooms is the Directory of the running service.
var _ Directory = (*rooms.Hub)(nil)
