package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"presence/friendcore/friendcoretest"
)

// line is one line of a transcript (testdata/transcripts/README.md).
type line struct {
	Scenario, About string // first line only

	Dir  string
	Conn string
	Tr   transport
	Msg  any
	Text string // raw, note
	Call string // control
	Body object

	Answer any // of a request of FriendCore
}

func readTranscript(t testing.TB, path string) []line {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var lines []line
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			t.Fatalf("%s:%d: %v", path, len(lines)+1, err)
		}
		lines = append(lines, l)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// replay plays one transcript against a server of its own.
type replay struct {
	t        testing.TB
	scenario string
	lines    []line
	number   int // of the line being played
	line     line
	core     *friendCore
	server   *server
	observer *observer
	stale    bool // FriendCore announced something that the server may not know yet
	conns    map[string]*client
	recorded map[string]*login // by connection
	b        *bindings

	lastName string  // of the last persist that was sent
	lastSent *client // who sent last
}

// login is how far a recorded connection has come.
type login struct{ attached, detached bool }

// play plays the lines.
func (r *replay) play(lines []line) {
	r.lines = lines
	for n, l := range lines[1:] {
		r.number, r.line = n+2, l
		if l.Dir != "control" && r.stale {
			r.observer.awaitSync()
			r.stale = false
		}
		r.step(l)
	}
	r.checkLeftovers()
}

func (r *replay) step(l line) {
	r.t.Helper()
	switch l.Dir {
	case "control":
		r.control(l)
	case "open":
		r.conns[l.Conn] = r.server.dial(r.t, l.Conn, l.Tr)
		r.recorded[l.Conn] = &login{}
	case "send":
		r.send(l)
	case "raw":
		text, err := r.b.text(l.Text)
		if err != nil {
			r.fatal("%v", err)
		}
		r.conns[l.Conn].sendRaw(text)
	case "recv":
		r.receive(l)
	case "close":
		r.close(l)
	case "note":
		r.note(l)
	default:
		r.fatal("unknown line %q", l.Dir)
	}
}

func (r *replay) fatal(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("%s.jsonl:%d: %s", r.scenario, r.number, fmt.Sprintf(format, args...))
}

func (r *replay) send(l line) {
	r.t.Helper()
	if name, ok := dig(l.Msg, "data", "data", "data", "data", "name").(string); ok {
		r.lastName = name
	}
	r.b.inventUnknown(l.Msg)
	v, err := r.b.value(l.Msg)
	if err != nil {
		r.fatal("%v", err)
	}
	c := r.conns[l.Conn]
	if r.lastSent != nil && r.lastSent != c {
		// What different connections send has no order but this one.
		select {
		case <-r.lastSent.done:
		default:
			r.lastSent.sync()
		}
	}
	r.lastSent = c
	c.send(v)
}

// recordedBefore says whether such a room event was sent before the present line.
func (r *replay) recordedBefore(typ string) bool {
	return slices.ContainsFunc(r.lines[:r.number-1], func(l line) bool {
		return l.Dir == "send" && dig(l.Msg, "data", "data", "data", "type") == typ
	})
}

// receive waits for a recorded frame, as our server sends it.
func (r *replay) receive(l line) {
	r.t.Helper()
	want, sent := r.adapt(l)
	if !sent {
		return
	}
	for _, w := range want {
		_, bound, err := r.conns[l.Conn].await(w, r.b, patience)
		if err != nil {
			r.fatal("%v", err)
		}
		r.b = bound
	}
	r.remember(l)
}

// remember keeps in mind who is logged in, to tell who ends a connection.
func (r *replay) remember(l line) {
	o, _ := l.Msg.(object)
	if o["type"] != "session" {
		return
	}
	_, isID := o["data"].(string)
	r.recorded[l.Conn].attached = isID
	r.recorded[l.Conn].detached = !isID
}

// close ends a connection, or waits for its end if the server is the one to end
// it: after a refusal and after session:null.
func (r *replay) close(l line) {
	r.t.Helper()
	c, state := r.conns[l.Conn], r.recorded[l.Conn]
	if state.attached && !state.detached && r.server.proc.running() {
		c.close()
		r.awaitOffline()
		return
	}
	c.expectEnd()
}

// awaitOffline waits until the server has closed the sessions without connection,
// as the recorded server did within a quarter of a second.
func (r *replay) awaitOffline() {
	r.t.Helper()
	open := 1 // the observer
	if r.observer == nil {
		open = 0
	}
	accounts := map[string]bool{}
	for name, c := range r.conns {
		select {
		case <-c.done:
		default:
			if r.recorded[name].attached {
				login, _, _ := strings.Cut(name, "#")
				accounts[login] = true
			}
		}
	}
	open += len(accounts)
	r.server.awaitAdmin("/metrics", func(_ int, body string) bool {
		return metric(body, "presence_sessions") == float64(open)
	})
}

// metric is the value of a metric without labels; -1 if it is not there.
func metric(body, name string) float64 {
	for l := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(l, name+" "); ok {
			if v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64); err == nil {
				return v
			}
		}
	}
	return -1
}

func (r *replay) note(l line) {
	r.t.Helper()
	if l.Text != "server restarted" {
		r.fatal("unknown note %q", l.Text)
	}
	r.server.restart()
	for _, state := range r.recorded {
		state.attached = false // the server ended the connections
	}
	r.observer = nil
}

// control does in FriendCore what was done when the transcript was recorded.
func (r *replay) control(l line) {
	r.t.Helper()
	switch l.Call {
	case "/user":
		r.controlUser(l.Body)
	case "/user/set":
		r.controlUserSet(l.Body)
	case "/group":
		r.controlGroup(l.Body)
	case "/group/users":
		r.controlGroupUsers(l.Body)
	case "/setting":
		r.controlSetting(l.Body)
	case "/push":
		r.controlPush(l.Body)
	case "/request":
		r.controlRequest(l)
	default:
		r.fatal("control %s belongs to a transcript that is not replayed yet", l.Call)
	}
	r.stale = r.observer != nil
}

func (r *replay) controlUser(body object) {
	name, _ := body["name"].(string)
	full, _ := body["fullname"].(string)
	level, _ := body["level"].(string)
	p := r.core.personOf(friendcoretest.User{Login: name, FullName: full, Level: level})
	r.b.values["<authid:"+name+">"] = p.authID
	r.b.values["<fuser:"+name+">"] = p.fUserID
}

func (r *replay) controlUserSet(body object) {
	id, _ := body["userid"].(string)
	login := strings.TrimSuffix(strings.TrimPrefix(id, "<fuser:"), ">")
	u, ok := r.core.User(login)
	if !ok {
		r.fatal("FriendCore has no user %s", login)
	}
	for key, value := range body["set"].(object) {
		switch value := value.(type) {
		case string:
			if key != "fullname" {
				r.fatal("%s cannot be set", key)
			}
			u.FullName = value
		case bool:
			u.Status = friendcoretest.Enabled
			if value {
				u.Status = friendcoretest.Disabled
			}
		}
	}
	r.core.SetUser(u)
	if u.Status == friendcoretest.Enabled {
		r.core.Login(u.ID, "again") // being disabled ended all sessions
	}
}

// logins are the people whom symbols of user ids name.
func (r *replay) logins(ids any) []int {
	var people []person
	all, _ := ids.(list)
	for _, id := range all {
		symbol, _ := id.(string)
		people = append(people, person{login: strings.TrimSuffix(strings.TrimPrefix(symbol, "<fuser:"), ">")})
	}
	return r.core.numbers(people)
}

// controlGroupUsers changes who is in a workgroup.
func (r *replay) controlGroupUsers(body object) {
	symbol, _ := body["id"].(string)
	name := strings.TrimSuffix(strings.TrimPrefix(symbol, "<fgroup:"), ">")
	id := r.core.groups[name].ID
	if add, ok := body["add"]; ok {
		r.core.AddUsers(id, r.logins(add)...)
	}
	if remove, ok := body["remove"]; ok {
		r.core.RemoveUsers(id, r.logins(remove)...)
	}
	if set, ok := body["setusers"]; ok {
		r.core.SetUsers(id, r.logins(set)...)
	}
}

// controlPush sends a frame over the service connection.
func (r *replay) controlPush(body object) {
	frame, err := r.b.value(body)
	if err != nil {
		r.fatal("%v", err)
	}
	text, err := json.Marshal(frame)
	if err != nil {
		r.fatal("%v", err)
	}
	r.core.Push(text)
}

// controlRequest has an app of FriendCore ask the server.
func (r *replay) controlRequest(l line) {
	body, err := r.b.value(l.Body)
	if err != nil {
		r.fatal("%v", err)
	}
	params, err := json.Marshal(dig(body, "data"))
	if err != nil {
		r.fatal("%v", err)
	}
	origin, _ := dig(body, "originUserId").(string)
	path, _ := dig(body, "path").(string)
	text, ok := r.core.Ask(origin, path, string(params))
	if !ok {
		r.fatal("no answer")
	}
	var answer any
	if err := json.Unmarshal(text, &answer); err != nil {
		r.fatal("%s: %v", text, err)
	}
	bound := r.b.clone()
	if err := match(answerAsOurs(dig(l.Answer, "data", "data")), answer, bound); err != nil {
		r.fatal("the answer %s: %v", text, err)
	}
	r.b = bound
}

// answerAsOurs is a recorded answer as our server gives it: the settings of a room
// are an object on every database, and its last activity is noted (12.3).
func answerAsOurs(recorded any) any {
	o, _ := recorded.(object)
	if dig(o, "response", "room") == nil {
		return recorded
	}
	o = changed(o, object{}, "response", "room", "settings")
	return changed(o, anything, "response", "room", "lastActivity")
}

func (r *replay) controlGroup(body object) {
	name, _ := body["name"].(string)
	parent := 0
	if symbol, ok := body["parentid"].(string); ok {
		parent = r.core.groups[strings.TrimSuffix(strings.TrimPrefix(symbol, "<fgroup:"), ">")].ID
	}
	g := r.core.AddGroup(name, parent, r.logins(body["userids"])...)
	r.core.groups[name] = g
	r.b.values["<fgroup:"+name+">"] = strconv.Itoa(g.ID)
	r.b.values["<fgroupuid:"+name+">"] = g.UUID
	r.b.values["friend_wg_<"+name+">"] = workgroup(g.ID)
}

// controlSetting sets FriendCore's system setting of Presence.
func (r *replay) controlSetting(body object) {
	data, err := r.b.value(body["data"])
	if err != nil {
		r.fatal("%v", err)
	}
	text, err := json.Marshal(data)
	if err != nil {
		r.fatal("%v", err)
	}
	r.core.SetSettings(string(text))
}

// checkLeftovers fails if the server sent what was not recorded and is not known
// to be ours.
func (r *replay) checkLeftovers() {
	for name, c := range r.conns {
		for _, f := range c.leftovers() {
			if !r.known(f) {
				r.t.Errorf("%s.jsonl: %s got what was not recorded: %s", r.scenario, name, show(f))
			}
		}
	}
}

// newReplay starts the server that a transcript is played against. An account
// leaves at once when its last connection says farewell, as it did then.
func newReplay(t testing.TB, scenario string) *replay {
	core := newFriendCore(t, friendcoretest.Options{})
	s := core.serve(t)
	s.ini.set("session", "grace = 1s\nping = 2s")
	s.ini.set(`ice "1"`, "urls = stun:stun.example.test")
	s.ini.set(`ice "2"`, "urls = turn:turn.example.test\nusername = turnuser\ncredential = turnpass")
	s.start()
	r := &replay{
		t: t, scenario: scenario, core: core, server: s,
		conns: map[string]*client{}, recorded: map[string]*login{}, b: newBindings(),
	}
	r.observer = core.observe(s)
	return r
}
