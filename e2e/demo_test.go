package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// demo is a running presence demo. It may be stopped and started again; its port
// and its folder stay.
type demo struct {
	t       *testing.T
	folder  string
	port    int
	log     *output // of all starts
	proc    *process
	browser context.Context
}

// newDemo starts the program and a browser, with more settings than usual if wanted.
func newDemo(t *testing.T, more ...chromedp.ExecAllocatorOption) *demo {
	t.Helper()
	d := &demo{t: t, browser: newBrowser(t, more...), folder: t.TempDir(), port: freePort(t), log: newOutput()}
	for second, third := freePort(t), freePort(t); second != d.port+1 || third != d.port+2; { // admin, TURN
		d.port, second, third = second, third, freePort(t)
	}
	t.Cleanup(d.judge)
	d.start()
	return d
}

func (d *demo) start() {
	d.t.Helper()
	out := newOutput()
	d.proc = launch(d.t, out, d.folder, program(d.t), "demo", "-dir", filepath.Join(d.folder, "demo"), "-port", fmt.Sprint(d.port))
	d.proc.awaitLine(fmt.Sprintf("http://localhost:%d/", d.port))
}

func (d *demo) stop() {
	d.t.Helper()
	d.proc.signal(syscall.SIGTERM)
	if status := d.proc.exitStatus(stopTime); status != 0 {
		d.t.Errorf("exit status %d after SIGTERM, want 0", status)
	}
	fmt.Fprint(d.log, d.proc.output)
}

// judge stops the program after the test and looks at what it said.
func (d *demo) judge() {
	if d.proc != nil && d.proc.running() {
		d.stop()
	}
	for _, bad := range []string{"DATA RACE", "panic", "defect in the program", "level=ERROR"} {
		if strings.Contains(d.log.String(), bad) {
			d.t.Errorf("the log says %q", bad)
		}
	}
	if d.t.Failed() {
		d.t.Logf("log of the program:\n%s", lastLines(d.log.String(), 200))
	}
}

// newBrowser starts Chromium without a window; it ends with the test. It reaches
// this machine only.
func newBrowser(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path := chromium(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // tests may run as root, where Chromium has none
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	ctx, _ := chromedp.NewContext(allocator, chromedp.WithErrorf(t.Logf))
	t.Cleanup(func() {
		limited, cancel := context.WithTimeout(ctx, stopTime)
		defer cancel()
		if err := chromedp.Cancel(limited); err != nil {
			t.Errorf("the browser did not end well: %v", err)
		}
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// chromium finds the browser; without one the test is skipped.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const why = "Chromium is not installed (Debian: apt-get install chromium)"
	if os.Getenv("PRESENCE_TEST_REQUIRE_ALL") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

// window is a browser window that shares nothing with the others.
type window struct {
	t    *testing.T
	name string
	ctx  context.Context

	mu         sync.Mutex // guards complaints
	complaints []string
}

// open opens a page of the demo in a window of its own.
func (d *demo) open(name, path string) *window {
	d.t.Helper()
	ctx, cancel := chromedp.NewContext(d.browser, chromedp.WithNewBrowserContext())
	w := &window{t: d.t, name: name, ctx: ctx}
	w.do(chromedp.EmulateViewport(1280, 800))
	console, listened := chromedp.Console(ctx), make(chan struct{})
	go func() {
		defer close(listened)
		for m, err := range console {
			if err != nil {
				return // the window is closed
			}
			w.listen(m)
		}
	}()
	d.t.Cleanup(func() {
		if d.t.Failed() {
			w.describe()
		}
		cancel()
		<-listened
		w.judge()
	})
	w.do(chromedp.Navigate(fmt.Sprintf("http://localhost:%d%s", d.port, path)))
	return w
}

// listen notes what the browser complains about: exceptions, refused content, and
// all else but that nobody answers while the program is stopped.
func (w *window) listen(m chromedp.ConsoleMessage) {
	away := strings.Contains(m.Text, "net::ERR_CONNECTION_") || strings.Contains(m.Text, "net::ERR_EMPTY_RESPONSE")
	switch m.Type {
	case chromedp.ConsoleError, chromedp.ConsoleWarning, chromedp.ConsoleException:
		if !away {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.complaints = append(w.complaints, m.String())
		}
	}
}

func (w *window) judge() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.complaints {
		w.t.Errorf("%s: the browser complains: %s", w.name, c)
	}
}

// describe logs what can be read in the window.
func (w *window) describe() {
	ctx, cancel := context.WithTimeout(w.ctx, time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	w.t.Logf("%s sees (%v):\n%s", w.name, err, text)
}

func (w *window) do(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := w.limited()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		w.t.Fatalf("%s: %v", w.name, err)
	}
}

// limited is the window's context for one step. The first one makes the window,
// which must outlive it.
func (w *window) limited() (context.Context, context.CancelFunc) {
	if c := chromedp.FromContext(w.ctx); c.Target == nil {
		return w.ctx, func() {}
	}
	return context.WithTimeout(w.ctx, 2*patience)
}

// await waits until an expression is true in the page.
func (w *window) await(what, expression string) {
	w.t.Helper()
	_, err := chromedp.Run(w.ctx, chromedp.Poll[bool]("!!("+expression+")",
		chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	if err != nil {
		w.t.Fatalf("%s: waiting for %s: %v", w.name, what, err)
	}
}

// texts lists the texts of elements.
func (w *window) texts(selector string) []string {
	w.t.Helper()
	found, err := chromedp.Run(w.ctx, chromedp.Evaluate[[]string](
		"[...document.querySelectorAll("+js(selector)+")].map(e => e.textContent)"))
	if err != nil {
		w.t.Fatalf("%s: %v", w.name, err)
	}
	return found
}

// js renders a text as it is written in a script.
func js(text string) string {
	quoted, _ := json.Marshal(text) // a string always has a JSON form
	return string(quoted)
}

func (w *window) click(selector string) {
	w.t.Helper()
	w.do(chromedp.Click(chromedp.CSS(selector)))
}

func (w *window) press(keys string) {
	w.t.Helper()
	w.do(chromedp.KeyEvent(keys))
}

// awaitText waits until an element has a text.
func (w *window) awaitText(selector, text string) {
	w.t.Helper()
	w.await(fmt.Sprintf("%q in %s", text, selector),
		"[...document.querySelectorAll("+js(selector)+")].some(e => e.textContent.includes("+js(text)+"))")
}

func (w *window) awaitSignedIn() {
	w.t.Helper()
	w.awaitText(".me", "online")
	w.await("the rooms", "document.querySelector('.workspace') && !document.querySelector('.banner:not([hidden], .good)')")
}

func (w *window) signIn(login string) {
	w.t.Helper()
	w.click("[data-login=" + login + "]")
	w.awaitSignedIn()
}

// makeRoom makes a temporary room and waits until one can write in it.
func (w *window) makeRoom() {
	w.t.Helper()
	before := w.texts(".rooms a")
	w.click(".new-room")
	w.await("a new room", fmt.Sprintf("document.querySelectorAll('.rooms a').length > %d", len(before)))
	w.awaitText(".room h1", "Example’s room")
	w.await("the composer to have the focus", "document.activeElement.id === 'composer'")
}

// enter opens a room of the list.
func (w *window) enter(title string) {
	w.t.Helper()
	w.awaitText(".rooms a", title)
	w.click(".rooms a")
	w.awaitText(".room h1", title)
}

// say sends a message; it must come back from the server.
func (w *window) say(text string) {
	w.t.Helper()
	w.do(chromedp.Focus(chromedp.CSS("#composer")))
	w.press(text + kb.Enter)
	w.sees(text)
}

// sees waits until the log shows exactly this text.
func (w *window) sees(text string) {
	w.t.Helper()
	w.await(fmt.Sprintf("the message %q", text),
		"[...document.querySelectorAll('[data-message] .text')].some(e => e.textContent === "+js(text)+")")
}

// add lets a person into the open room.
func (w *window) add(name string) {
	w.t.Helper()
	w.click(".empty .primary")
	w.await(name+" to be found", "document.querySelector("+js(`dialog [aria-label="Add `+name+`"]`)+")")
	w.click(`dialog [aria-label="Add ` + name + `"]`)
	w.awaitText("dialog", name+" is in the room now.")
	w.press(kb.Escape)
	w.await("the dialog to close", "!document.querySelector('dialog')")
}

func (w *window) awaitBack() {
	w.t.Helper()
	w.awaitText(".banner", "Connected again")
	w.awaitText(".me", "online")
}

// TestDemo is what the demo is for: two people choose who they are, talk, name the
// room, and find room and log again after a restart.
func TestDemo(t *testing.T) {
	d := newDemo(t)
	alice, bob := d.open("Alice", "/"), d.open("Bob", "/")
	alice.signIn("alice")
	bob.signIn("bob")

	alice.makeRoom()
	alice.add("Bob Example")
	bob.enter("Alice Example’s room")
	alice.say("Good morning, Bob")
	bob.sees("Good morning, Bob")
	bob.say("Good morning, Alice")
	alice.sees("Good morning, Alice")

	// Texts of users stay texts.
	hostile := `<img src=x onerror="document.title='taken over'"></script><b>bold</b>`
	bob.say(hostile)
	alice.sees(hostile)
	for _, w := range []*window{alice, bob} {
		if made := w.texts(".messages .text *"); len(made) != 0 {
			t.Errorf("%s: a message became elements: %q", w.name, made)
		}
	}

	alice.click(".room-header .primary")
	alice.press("Harbor plans" + kb.Enter)
	alice.awaitText(".room h1", "Harbor plans")
	bob.awaitText(".room h1", "Harbor plans")

	d.stop()
	alice.awaitText(".banner", "Connection lost")
	alice.do(chromedp.Focus(chromedp.CSS("#composer")))
	alice.press("Written meanwhile" + kb.Enter)
	alice.awaitText(".message.waiting", "Written meanwhile")
	d.start()

	alice.awaitBack()
	bob.awaitBack()
	alice.sees("Written meanwhile")
	bob.sees("Written meanwhile")
	want := []string{"Good morning, Bob", "Good morning, Alice", hostile, "Written meanwhile"}
	for _, w := range []*window{alice, bob} {
		if got := w.texts(".messages .text"); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: the log after the restart is %q, want %q", w.name, got, want)
		}
		w.awaitText(".room h1", "Harbor plans")
	}
	bob.say("Here again")
	alice.sees("Here again")

	bob.do(chromedp.Reload())
	bob.awaitSignedIn()
	bob.awaitText(".room h1", "Harbor plans")
	bob.sees("Here again")
	for _, w := range []*window{alice, bob} {
		if title := w.texts("title"); strings.Contains(title[0], "taken over") {
			t.Errorf("%s: a message ran as a script", w.name)
		}
	}
}

// TestDemoTemporaryRoomEnds: a room without a name does not survive a restart, and
// the page says so instead of showing what is not there.
func TestDemoTemporaryRoomEnds(t *testing.T) {
	d := newDemo(t)
	alice := d.open("Alice", "/")
	alice.signIn("alice")
	alice.makeRoom()
	alice.say("Nobody will read this")
	d.stop()
	alice.awaitText(".banner", "Connection lost")
	d.start()
	alice.awaitText(".notice", "is gone")
	alice.await("an empty list", "document.querySelectorAll('.rooms a').length === 0")
	alice.awaitText(".welcome", "Make your first room")
}

// TestDemoInviteLink: whoever opens the link of a room and chooses a person is in.
func TestDemoInviteLink(t *testing.T) {
	d := newDemo(t)
	alice := d.open("Alice", "/")
	alice.signIn("alice")
	alice.makeRoom()
	alice.say("Come in")
	alice.click(".aside .row-button:nth-child(2)")
	alice.await("the link", "document.querySelector('#invite-link')?.value.includes('#join=')")
	link, err := chromedp.Run(alice.ctx, chromedp.Evaluate[string]("new URL(document.querySelector('#invite-link').value).hash"))
	if err != nil {
		t.Fatal(err)
	}

	carol := d.open("Carol", "/"+link)
	carol.awaitText("h1", "You are invited to a room")
	carol.signIn("carol")
	carol.awaitText(".room h1", "Alice Example’s room")
	carol.sees("Come in")

	bob := d.open("Bob", "/#join=room-of-nobody,public-token")
	bob.signIn("bob")
	bob.awaitText(".notice", "This invite link does not work")
}

// TestDemoByKeyboard does without a mouse, and lives below the proxy's path.
func TestDemoByKeyboard(t *testing.T) {
	d := newDemo(t)
	w := d.open("Bob", "/presence/guest/")
	w.await("the people", "document.querySelector('[data-login=bob]')")
	w.tabTo("Bob Example")
	w.press(kb.Enter)
	w.awaitSignedIn()
	w.tabTo("New room")
	w.press(kb.Enter)
	w.await("the composer to have the focus", "document.activeElement.id === 'composer'")
	w.press("Typed" + kb.Enter)
	w.sees("Typed")

	w.tabTo("Name this room")
	w.press(kb.Enter)
	w.await("the dialog", "document.activeElement.id === 'room-name'")
	w.press(kb.Escape)
	w.await("the dialog to close", "!document.querySelector('dialog')")
	if at := w.focused(); !strings.Contains(at, "Name this room") {
		t.Errorf("after Escape the focus is at %q, want the button that opened the dialog", at)
	}
	w.press(kb.Enter)
	w.await("the dialog", "document.activeElement.id === 'room-name'")
	w.press("No mouse" + kb.Enter)
	w.awaitText(".room h1", "No mouse")
	w.tabTo("Leave room")
	w.press(kb.Enter)
	w.await("the dialog", "document.querySelector('dialog')")
	w.tabTo("Leave room")
	w.press(kb.Enter)
	w.awaitText(".welcome", "Make your first room")
}

// focused is the text of what has the focus.
func (w *window) focused() string {
	w.t.Helper()
	text, err := chromedp.Run(w.ctx, chromedp.Evaluate[string]("document.activeElement.textContent.trim()"))
	if err != nil {
		w.t.Fatalf("%s: %v", w.name, err)
	}
	return text
}

// tabTo presses the tabulator until something with this text has the focus.
func (w *window) tabTo(text string) {
	w.t.Helper()
	var passed []string
	for range 40 {
		at := w.focused()
		if strings.Contains(at, text) && len(at) < len(text)+40 {
			return
		}
		passed = append(passed, at)
		w.press(kb.Tab)
	}
	w.t.Fatalf("%s: the tabulator does not lead to %q but to %q", w.name, text, passed)
}
