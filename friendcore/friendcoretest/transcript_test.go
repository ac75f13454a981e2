package friendcoretest

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
)

// transcript is a file of testdata: what was said to a real FriendCore, and what
// it answered.
type transcript struct{ Steps []step }

type step struct {
	Name   string
	HTTP   *exchange
	Frames []recorded
}

type exchange struct {
	Request struct {
		Method, Path, Body string
		ContentType        string `json:"content_type"`
	}
	Reply struct {
		Status  int
		Headers map[string]string
		Body    string
	}
}

type recorded struct {
	Dir      string
	Text     string
	Base64   string
	Protocol string
}

func (r recorded) raw(t *testing.T) string {
	t.Helper()
	if r.Base64 == "" {
		return expand(r.Text)
	}
	raw, err := base64.StdEncoding.DecodeString(r.Base64)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func readTranscript(t *testing.T, name string) transcript {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var tr transcript
	if err := json.Unmarshal(text, &tr); err != nil {
		t.Fatal(err)
	}
	return tr
}

// expand writes "x(20000 times)" out.
func expand(text string) string {
	return timesPattern.ReplaceAllStringFunc(text, func(m string) string {
		parts := timesPattern.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], n)
	})
}

var (
	timesPattern = regexp.MustCompile(`([a-z])\(([0-9]+) times\)`)
	idPattern    = regexp.MustCompile(`\b[0-9a-f]{32,64}\b|EXTSER_[0-9]{16}_ID`)
	timePattern  = regexp.MustCompile(`\b1[78][0-9]{8}\b`)
)

// player plays a transcript against a Server. Ids of the recording are replaced by
// those that the Server made up.
type player struct {
	*testing.T
	s   *Server
	ids *idTable
}

// idTable maps ids of the recording to those of this run.
type idTable struct {
	mu  sync.Mutex
	now map[string]string
}

func (i *idTable) get(id string) (now string, known bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now, known = i.now[id]
	return now, known
}

func (i *idTable) set(id, now string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now[id] = now
}

// here turns ids of the recording into those of this run.
func (p *player) here(text string) string {
	return idPattern.ReplaceAllStringFunc(text, func(id string) string {
		if now, known := p.ids.get(id); known {
			return now
		}
		return id
	})
}

// compare demands that an answer is the recorded one but for ids and times. What
// an id stands for is learned where it occurs first; session ids may change.
func (p *player) compare(what, want, got string) {
	p.Helper()
	was, is := idPattern.FindAllString(want, -1), idPattern.FindAllString(got, -1)
	for n := 0; n < min(len(was), len(is)); n++ {
		if _, known := p.ids.get(was[n]); !known || len(was[n]) == 40 {
			p.ids.set(was[n], is[n])
		}
	}
	want, got = plain(p.here(want)), plain(got)
	if diff := cmp.Diff(want, got); diff != "" {
		p.Errorf("%s (-recorded +here):\n%s", what, diff)
	}
}

// plain takes times and freed memory out. Bytes that are not UTF-8 became
// replacement characters in the recording.
func plain(text string) string {
	if end := strings.Index(text, "}}\x00"); end >= 0 {
		text = text[:end+2] + "(" + strconv.Itoa(min(len(text)-end-2, 16)) + " bytes of memory)"
	}
	return timePattern.ReplaceAllString(string([]rune(text)), "TIME")
}

// call makes the recorded HTTP call and compares the answer, headers included.
func (p *player) call(name string, x *exchange) {
	p.Helper()
	r, err := http.NewRequest(x.Request.Method, p.s.URL()+p.here(x.Request.Path), strings.NewReader(p.here(x.Request.Body)))
	if err != nil {
		p.Fatal(err)
	}
	if x.Request.ContentType != "" {
		r.Header.Set("Content-Type", x.Request.ContentType)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	w, err := client.Do(r)
	if err != nil {
		p.Fatalf("%s: %v", name, err)
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		p.Fatalf("%s: %v", name, err)
	}
	if w.StatusCode != x.Reply.Status {
		p.Errorf("%s: status %d, recorded %d", name, w.StatusCode, x.Reply.Status)
	}
	if !w.Close {
		p.Errorf("%s: the connection is kept open", name)
	}
	for _, key := range []string{"content-type", "access-control-allow-origin", "content-length"} {
		got := w.Header.Get(key)
		if key == "content-length" && x.Reply.Headers[key] == "" {
			continue // net/http always writes one
		}
		if got != x.Reply.Headers[key] {
			p.Errorf("%s: %s is %q, recorded %q", name, key, got, x.Reply.Headers[key])
		}
	}
	p.compare(name, expand(x.Reply.Body), string(body))
}

// calling makes a call that has to wait for a service; wait waits for its end.
func (p *player) calling(name string, x *exchange) (wait func()) {
	var caller sync.WaitGroup
	caller.Go(func() {
		p.Run(name, func(t *testing.T) { (&player{t, p.s, p.ids}).call(name, x) })
	})
	return caller.Wait
}

// peer is a service's end of a connection.
type peer struct {
	*player
	conn *websocket.Conn
}

func (p *player) dial(protocols ...string) (*peer, error) {
	d := websocket.Dialer{Subprotocols: protocols, HandshakeTimeout: 10 * time.Second}
	conn, _, err := d.Dial(p.s.ServiceURL()+"any/path", nil)
	if err != nil {
		return nil, err
	}
	p.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	return &peer{p, conn}, nil
}

// registered is a connection that has authenticated.
func (p *player) registered() *peer {
	p.Helper()
	c, err := p.dial(subprotocol)
	if err != nil {
		p.Fatal(err)
	}
	c.say(`{"type":"authenticate","data":{"serviceKey":"` + p.s.ServiceKey() + `","serviceName":"` + p.s.ServiceName() + `"}}`)
	c.hear("authenticate", `{"type":"authenticate","data":{"status":0 }}`)
	return c
}

func (c *peer) say(text string) {
	c.Helper()
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(c.here(text))); err != nil {
		c.Fatal(err)
	}
}

func (c *peer) next(name string) string {
	c.Helper()
	_, raw, err := c.conn.ReadMessage()
	if err != nil {
		c.Fatalf("%s: %v", name, err)
	}
	return string(raw)
}

func (c *peer) hear(name, want string) {
	c.Helper()
	c.compare(name, want, c.next(name))
}

// frames plays the frames of a step and makes sure that nothing else arrives.
func (c *peer) frames(s step) {
	c.Helper()
	for _, f := range s.Frames {
		switch f.Dir {
		case "out":
			c.say(f.raw(c.T))
		case "in":
			c.hear(s.Name, f.raw(c.T))
		}
	}
	c.silent(s.Name)
}

// silent makes sure that nothing has been sent: FriendCore handles messages one
// after another, so that after a pong a mark in the queue comes next.
func (c *peer) silent(name string) {
	c.Helper()
	answered := false
	c.conn.SetPongHandler(func(string) error {
		answered = true
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		for other := range c.s.services {
			other.send([]byte("mark"))
		}
		return nil
	})
	if err := c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)); err != nil {
		c.Fatal(err)
	}
	if got := c.next(name); got != "mark" {
		c.Errorf("%s: more than was recorded: %s", name, got)
	}
	if !answered {
		c.Errorf("%s: a ping got no pong", name)
	}
}

// drain reads up to the mark that another connection's silent has set.
func (c *peer) drain(name string) {
	c.Helper()
	if got := c.next(name); got != "mark" {
		c.Errorf("%s: more than was recorded: %s", name, got)
	}
}

func (p *player) sessionOf(id string, user int) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.sessions[id] = session{user, id}
}
