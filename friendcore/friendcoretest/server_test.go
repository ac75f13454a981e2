package friendcoretest

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestWithoutATest(t *testing.T) {
	s := New(nil, Options{TLS: true, ServiceTLS: true})
	defer s.Close()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: s.CertPool()}}}
	w, err := c.Get(s.URL() + "/system.library/validate?authid=x")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if body, _ := io.ReadAll(w.Body); !strings.HasPrefix(string(body), "fail") {
		t.Errorf("answer %q", body)
	}
	if !strings.HasPrefix(s.ServiceURL(), "wss://127.0.0.1:") || len(s.CertPEM()) == 0 {
		t.Errorf("service at %s", s.ServiceURL())
	}
}

// TestCloseEndsEverything leaves hanging calls, waiting apps and connections to
// Close; the leak check of TestMain would find what it leaves behind.
func TestCloseEndsEverything(t *testing.T) {
	p := empty(t, Options{})
	p.registered()
	p.s.SetFaults(Faults{HTTP: HTTPHangs})
	var others sync.WaitGroup
	hanging := make(chan struct{})
	others.Go(func() {
		c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		close(hanging)
		if w, err := c.Get(p.s.URL()); err == nil {
			w.Body.Close()
		}
	})
	others.Go(func() { p.s.Request(adminID, "room/create", "{}") })
	<-hanging
	p.s.Close()
	others.Wait()
	p.s.Close() // a second time does no harm
}

func TestReads(t *testing.T) {
	s := New(t, Options{})
	u := s.AddUser(User{Login: "alice", FullName: "Alice"})
	g := s.AddGroup("Staff", 0, u.ID)
	s.AddUsers(g.ID, u.ID) // once only
	if got, ok := s.Group("Staff"); !ok || len(got.Members) != 1 || got.Members[0] != u.ID {
		t.Errorf("group %+v", got)
	}
	got, ok := s.User("alice")
	if !ok || got.UniqueID != u.UniqueID || len(got.UniqueID) != 64 || len(got.AuthID) != 32 {
		t.Errorf("user %+v", got)
	}
	if _, ok := s.Group("x"); ok {
		t.Error("a group that is not there was found")
	}
	if _, ok := s.User("x"); ok || s.Login(99, "d") != "" {
		t.Error("a user who is not there was found")
	}
	if got := s.Request(u.UniqueID, "room/create", "{}"); got != noConnection {
		t.Errorf("without a service an app sees %s", got)
	}
}

func TestAsk(t *testing.T) {
	p := empty(t, Options{RequestTimeout: 20 * time.Millisecond})
	if answer, ok := p.s.Ask(adminID, "room/create", "{}"); ok {
		t.Errorf("without a service: %s", answer)
	}
	c := p.registered()
	if answer, ok := p.s.Ask(adminID, "room/create", "{}"); ok {
		t.Errorf("without an answer: %s", answer)
	}
	c.next("the request nobody answers")
	p.s.options.RequestTimeout = 20 * time.Second
	var app sync.WaitGroup
	app.Go(func() {
		answer, ok := p.s.Ask(adminID, "/room/create", `{"name":"n"}`)
		if !ok || !strings.HasSuffix(string(answer), `","response":null,"error":"ERR_INVALID_NAME"}`) {
			t.Errorf("answer %s", answer)
		}
	})
	request := c.next("the request")
	id := idPattern.FindAllString(request, -1)[1]
	c.say(`{"type":"service","data":{"type":"room","data":{"requestId":"` + id + `","response":null,"error":"ERR_INVALID_NAME"}}}`)
	app.Wait()
}

func TestSilentEvents(t *testing.T) {
	p := empty(t, Options{})
	c := p.registered()
	p.s.SetFaults(Faults{SilentEvents: true})
	u := p.s.AddUser(User{Login: "alice"})
	g := p.s.AddGroup("Staff", 0, u.ID)
	p.s.SetStatus(u.ID, Disabled)
	p.s.DeleteGroup(g.ID)
	c.silent("changes")
	p.s.SetFaults(Faults{})
	p.s.AddGroup("Crew", 0)
	if frame := c.next("a change"); !strings.Contains(frame, `"name":"Crew"`) {
		t.Errorf("frame %s", frame)
	}
}

func TestDelay(t *testing.T) {
	p := empty(t, Options{})
	c := p.registered()
	p.s.SetFaults(Faults{Delay: 50 * time.Millisecond})
	began := time.Now()
	c.say(`{"type":"ping","data":"1"}`)
	c.hear("pong", `{"type":"pong","data":"1"}`)
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("the answer came after %s", took)
	}
}

func TestServiceFaults(t *testing.T) {
	p := empty(t, Options{})
	p.s.SetFaults(Faults{RefuseServices: true})
	if _, err := p.dial(subprotocol); err == nil {
		t.Error("RefuseServices lets a service in")
	}
	p.s.SetFaults(Faults{CrashOnAuthenticate: true})
	c, err := p.dial(subprotocol)
	if err != nil {
		t.Fatal(err)
	}
	c.say(`{"type":"authenticate","data":{"serviceKey":"k","serviceName":"n"}}`)
	if _, raw, err := c.conn.ReadMessage(); err == nil {
		t.Errorf("CrashOnAuthenticate answers %s", raw)
	}
	p.s.SetFaults(Faults{})
	p.registered()
	p.s.DropServices()
	if err := p.s.WaitRegistered(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
}
