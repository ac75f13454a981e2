package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// client is a peer of the server. It reads by itself and answers pings.
type client struct {
	t    testing.TB
	mem  *memConn
	net  net.Conn        // TLS or mem
	ws   *websocket.Conn // nil on TCP
	id   string          // of the session
	acc  string          // account id
	done chan struct{}   // closed when the reader has ended

	writing sync.Mutex

	mu      sync.Mutex
	change  *sync.Cond
	frames  []string
	pings   []time.Time // when pings came
	pongs   []string    // of the websocket protocol
	mute    bool        // pings get no answer
	ended   error
	expired bool
}

const (
	overWS  = "ws"
	overTCP = "tcp"
)

// patience is longer than anything takes in the time of a bubble.
const patience = 10 * time.Minute

func newClient(t testing.TB, mem *memConn, c net.Conn, ws *websocket.Conn) *client {
	k := &client{t: t, mem: mem, net: c, ws: ws, done: make(chan struct{})}
	k.change = sync.NewCond(&k.mu)
	if ws != nil {
		ws.SetPongHandler(func(text string) error {
			k.do(func() { k.pongs = append(k.pongs, text) })
			return nil
		})
		ws.SetCloseHandler(func(int, string) error { return nil })
	}
	return k
}

func (c *client) do(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	c.change.Broadcast()
}

// read takes what comes, until the end.
func (c *client) read() {
	defer close(c.done)
	decoder := json.NewDecoder(c.net)
	for {
		var text []byte
		var err error
		if c.ws != nil {
			_, text, err = c.ws.ReadMessage()
		} else {
			var raw json.RawMessage
			err = decoder.Decode(&raw)
			text = raw
		}
		if err != nil {
			c.do(func() { c.ended = err })
			_ = c.mem.Close()
			return
		}
		c.take(text)
	}
}

func (c *client) take(text []byte) {
	data, isPing := bytes.CutPrefix(text, []byte(`{"type":"ping","data":`))
	if !isPing {
		c.do(func() { c.frames = append(c.frames, string(text)) })
		return
	}
	var mute bool
	c.do(func() { c.pings = append(c.pings, time.Now()); mute = c.mute })
	if !mute {
		_ = c.trySend(`{"type":"pong","data":` + string(data)) // with the brace of the ping
	}
}

func (c *client) trySend(text string) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.ws != nil {
		return c.ws.WriteMessage(websocket.TextMessage, []byte(text))
	}
	_, err := io.WriteString(c.net, text)
	return err
}

// send sends messages, each by itself.
func (c *client) send(texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		if err := c.trySend(text); err != nil {
			c.t.Fatalf("send %s: %v", text, err)
		}
	}
}

// await waits until something is true of the fields under the lock.
func (c *client) await(what string, reached func() bool) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	timer := time.AfterFunc(patience, func() { c.do(func() { c.expired = true }) })
	defer timer.Stop()
	for !reached() {
		if c.expired || c.ended != nil {
			c.t.Fatalf("%s did not come (end: %v); the rest is %q", what, c.ended, c.frames)
		}
		c.change.Wait()
	}
}

// next is the next message that is no ping.
func (c *client) next() (text string) {
	c.t.Helper()
	c.await("a message", func() bool { return len(c.frames) > 0 })
	c.do(func() { text, c.frames = c.frames[0], c.frames[1:] })
	return text
}

// want takes the next messages.
func (c *client) want(texts ...string) {
	c.t.Helper()
	for _, want := range texts {
		if got := c.next(); got != want {
			c.t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// wantEnd waits for the end, without any message before, and checks the close code;
// zero: none, for the connection just broke or the transport has none.
func (c *client) wantEnd(code closeCode) {
	c.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		c.t.Fatalf("the connection does not end; the rest is %q", c.frames)
	}
	synctest.Wait() // until the server knows it too
	if len(c.frames) > 0 {
		c.t.Errorf("before the end came %q", c.frames)
	}
	var closed *websocket.CloseError
	switch isClose := errors.As(c.ended, &closed) && closed.Code != websocket.CloseAbnormalClosure; {
	case c.ws == nil && code != 0:
		if !errors.Is(c.ended, io.EOF) {
			c.t.Errorf("ended with %v, want an orderly end", c.ended)
		}
	case !isClose && code != 0:
		c.t.Errorf("ended with %v, want close code %d", c.ended, code)
	case isClose && closed.Code != int(code):
		c.t.Errorf("ended with close code %d, want %d", closed.Code, code)
	}
}

// leave says goodbye in the way of the transport, and waits until that is over.
func (c *client) leave() {
	if c.ws != nil {
		_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
	} else if t, ok := c.net.(*tls.Conn); ok {
		_ = t.CloseWrite()
	} else {
		_ = c.mem.CloseWrite()
	}
	<-c.done
	synctest.Wait()
}

// lose breaks the connection, and waits until the server has noticed it.
func (c *client) lose() {
	c.mem.lose()
	<-c.done
	synctest.Wait()
}

// event is an account event as the client receives or sends it.
func (c *client) event(e string) string {
	return fmt.Sprintf(`{"type":"msg","data":{"type":%q,"data":%s}}`, c.acc, e)
}

// dialWS opens a websocket over a connection in memory.
func dialWS(t testing.TB, mem *memConn, secure bool, header http.Header) (*client, *http.Response, error) {
	ws, answer, err := openWS(mem, secure, header)
	if err != nil {
		return nil, answer, err
	}
	return newClient(t, mem, ws.NetConn(), ws), answer, nil
}

func openWS(c net.Conn, secure bool, header http.Header) (*websocket.Conn, *http.Response, error) {
	dialer := websocket.Dialer{
		NetDialContext:  func(context.Context, string, string) (net.Conn, error) { return c, nil },
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		ReadBufferSize:  512, WriteBufferSize: 512,
	}
	scheme := "ws"
	if secure {
		scheme = "wss"
	}
	return dialer.Dial(scheme+"://example.org/presence/guest/", header)
}

// long is a message of exactly n bytes.
func long(n int) string {
	const head, tail = `{"type":"nonsense","data":"`, `"}`
	return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
}
