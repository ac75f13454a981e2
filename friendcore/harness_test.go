package friendcore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presence/friendcore/friendcoretest"
	"presence/rooms"
)

// directory is a Directory that keeps what it is told, as rooms.Hub does.
type directory struct {
	mu      sync.Mutex
	users   map[string]rooms.User
	present map[string]bool
	groups  []rooms.Group
	fetched [][]string // logins of each SyncUsers
	syncs   int        // SyncGroups
	fail    error      // of SyncUsers

	relations     []string // "login: login login" of each AddRelations
	failRelations int      // how often AddRelations fails from now on
}

func newDirectory() *directory { return &directory{users: map[string]rooms.User{}} }

func (d *directory) KnownUsers() map[string]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := map[string]int64{}
	for id, u := range d.users {
		known[id] = u.LastUpdate
	}
	return known
}

func (d *directory) SyncUsers(_ context.Context, changed []rooms.User, present map[string]bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	var logins []string
	for _, u := range changed {
		d.users[u.ID] = u
		logins = append(logins, u.Login)
	}
	d.fetched = append(d.fetched, logins)
	d.present = present
	return nil
}

func (d *directory) SyncGroups(_ context.Context, groups []rooms.Group) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.groups = groups
	d.syncs++
	return nil
}

func (d *directory) AddRelations(_ context.Context, source string, contacts []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failRelations > 0 {
		d.failRelations--
		return errors.New("the database is away")
	}
	text := d.users[source].Login + ":"
	for _, c := range contacts {
		text += " " + d.users[c].Login
	}
	d.relations = append(d.relations, text)
	return nil
}

// names lists the full names of the users that are there, disabled ones in
// parentheses, sorted.
func (d *directory) names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for id := range d.present {
		u := d.users[id]
		if u.Disabled {
			names = append(names, "("+u.DisplayName()+")")
		} else {
			names = append(names, u.DisplayName())
		}
	}
	slices.Sort(names)
	return names
}

// memberships is "group: member member" per group, sorted, by login names.
func (d *directory) memberships() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, g := range d.groups {
		text := g.Name + ":"
		for _, m := range g.Members {
			text += " " + d.users[m].Login
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

func (d *directory) count() (syncs int, last []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.fetched) > 0 {
		last = d.fetched[len(d.fetched)-1]
	}
	return d.syncs, last
}

// pipes is a listener without a network, so that a test's clock can be a false one.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// records keeps what is logged, all levels.
type records struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *records) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func (r *records) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// handlerFunc is a Handler.
type handlerFunc func(ctx context.Context, origin string, path []string, data json.RawMessage) (any, error)

func (f handlerFunc) ServiceRequest(ctx context.Context, origin string, path []string, data json.RawMessage) (any, error) {
	return f(ctx, origin, path, data)
}

// world is a FriendCore and a Link in a bubble of false time.
type world struct {
	*testing.T
	fc   *friendcoretest.Server
	dir  *directory
	link *Link
	log  *records
	pipe *pipes

	mu   sync.Mutex
	said []string // frames of the Link
	stop context.CancelFunc
	done chan error
}

// inWorld runs a test in a bubble. The link is made but does not run yet.
func inWorld(t *testing.T, change func(*LinkOptions), test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, dir: newDirectory(), log: &records{}, pipe: newPipes()}
		w.fc = friendcoretest.New(t, friendcoretest.Options{
			HTTPListener: newPipes(), ServiceListener: w.pipe,
			Received: func(frame []byte) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.said = append(w.said, string(frame))
			},
		})
		o := LinkOptions{
			Host: "friendcore.test", Port: 6498,
			ServiceKey: w.fc.ServiceKey(), ServiceName: w.fc.ServiceName(),
			LogEvents: true, Directory: w.dir, Logger: w.log.logger(),
		}
		if change != nil {
			change(&o)
		}
		link, err := NewLink(o)
		if err != nil {
			t.Fatal(err)
		}
		link.dial = w.pipe.dial
		w.link = link
		test(w)
		w.end()
	})
}

// run starts the link.
func (w *world) run() {
	ctx, stop := context.WithCancel(w.Context())
	w.stop, w.done = stop, make(chan error, 1)
	go func() { w.done <- w.link.Run(ctx) }()
}

// end stops the link and waits for it.
func (w *world) end() {
	w.Helper()
	if w.stop == nil {
		return
	}
	w.stop()
	if err := <-w.done; err != nil {
		w.Errorf("Run returned %v", err)
	}
	if s := w.link.State(); s != Stopped {
		w.Errorf("the link is %s after its end", s)
	}
	w.stop = nil
}

// ready runs the link and waits until everything is loaded.
func (w *world) ready() {
	w.Helper()
	w.run()
	if err := w.link.WaitReady(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// pass lets false time pass, and everything that happens in it.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// frames are those that the Link sent and that contain a text.
func (w *world) frames(with string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []string
	for _, f := range w.said {
		if strings.Contains(f, with) {
			found = append(found, f)
		}
	}
	return found
}

func (w *world) wantState(s State) {
	w.Helper()
	if got := w.link.State(); got != s {
		w.Errorf("the link is %s, not %s", got, s)
	}
}

func (w *world) wantNames(names ...string) {
	w.Helper()
	if got := w.dir.names(); !slices.Equal(got, names) {
		w.Errorf("users are %q, not %q", got, names)
	}
}

func (w *world) wantGroups(groups ...string) {
	w.Helper()
	if got := w.dir.memberships(); !slices.Equal(got, groups) {
		w.Errorf("groups are %q, not %q", got, groups)
	}
}

func (w *world) wantRelations(relations ...string) {
	w.Helper()
	w.dir.mu.Lock()
	defer w.dir.mu.Unlock()
	if !slices.Equal(w.dir.relations, relations) {
		w.Errorf("relations are %q, not %q", w.dir.relations, relations)
	}
}

// wantNotified demands these counts of requests for notifications.
func (w *world) wantNotified(sent, failed, dropped int64) {
	w.Helper()
	s := w.link.Stats()
	if s.NotificationsSent != sent || s.NotificationsFailed != failed || s.NotificationsDropped != dropped {
		w.Errorf("%d sent, %d failed, %d dropped; not %d, %d, %d",
			s.NotificationsSent, s.NotificationsFailed, s.NotificationsDropped, sent, failed, dropped)
	}
}

// wantLog demands that a text was logged so and so often.
func (w *world) wantLog(text string, times int) {
	w.Helper()
	if n := strings.Count(w.log.String(), text); n != times {
		w.Errorf("%q was logged %d times, not %d", text, n, times)
	}
}

// refusal is an error with a code, as rooms returns them.
func refusal(code string) error { return &rooms.Refusal{Code: code} }

// sortedUsers brings neighboring user get frames into order.
func sortedUsers(frames []string) []string {
	isGet := func(f string) bool { return strings.Contains(f, `"type":"get"`) }
	for from := 0; from < len(frames); from++ {
		to := from
		for to < len(frames) && isGet(frames[to]) {
			to++
		}
		slices.Sort(frames[from:to])
		from = max(from, to-1)
	}
	return frames
}
