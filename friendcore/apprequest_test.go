package friendcore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"presence/friendcore/friendcoretest"
	"presence/rooms"
)

// echo answers with what it was asked.
var echo = handlerFunc(func(ctx context.Context, origin string, path []string, data json.RawMessage) (any, error) {
	switch path[len(path)-1] {
	case "echo":
		return struct {
			Origin, Path string
			Data         json.RawMessage
		}{origin, strings.Join(path, "/"), data}, nil
	case "text":
		return "a <b> & c", nil
	case "refuse":
		return nil, fmt.Errorf("wrapped: %w", &rooms.Refusal{Code: "ERR_NOT_OWNER"})
	case "fail":
		return nil, errors.New("the database is away")
	case "panic":
		panic("a mistake")
	case "hang":
		<-ctx.Done()
		return nil, ctx.Err()
	case "unencodable":
		return make(chan int), nil
	case "nothing":
		return nil, nil
	case "late": // does not care that its time is over
		time.Sleep(20 * time.Second)
		return "late", nil
	}
	return nil, ErrNoListener
})

func withEcho(o *LinkOptions) { o.Handler = echo }

func TestAppRequests(t *testing.T) {
	long := strings.Repeat("x", maxAppRequest*3/4)
	for _, c := range []struct {
		path, params string
		response     string // what the app sees
		frame        string // the end of the answer
	}{
		{"/room/echo", `{"a":1}`, `{"Origin":"UID","Path":"room/echo","Data":{"a":1}}`, `,"error":null}}}`},
		{"room//echo/", `"room-1"`, `{"Origin":"UID","Path":"room/echo","Data":"room-1"}`, `,"error":null}}}`},
		{"room/echo", `7`, `{"Origin":"UID","Path":"room/echo","Data":7}`, `,"error":null}}}`},
		{"room/echo", ` [1, "a" ] `, `{"Origin":"UID","Path":"room/echo","Data":[1,"a"]}`, `,"error":null}}}`},
		{"room/echo", `true`, `{"Origin":"UID","Path":"room/echo","Data":true}`, `,"error":null}}}`},
		{"room/echo", `null`, `{"Origin":"UID","Path":"room/echo","Data":null}`, `,"error":null}}}`},
		{"room/echo", `"` + long + `"`, `{"Origin":"UID","Path":"room/echo","Data":"` + long + `"}`, `,"error":null}}}`},
		{"room/echo", `"` + long + long + `"`, `null`, `"response":null,"error":"ERR_INVALID_REQUEST"}}}`},
		{"room/echo", strings.Repeat(`[`, 20000), `null`, `"response":null,"error":"ERR_INVALID_REQUEST"}}}`},
		{"room/nothing", `{}`, `null`, `"response":null,"error":null}}}`},
		{"room/late", `{}`, `null`, `"response":null,"error":"ERR_TIMEOUT"}}}`},
		{"room/text", `{}`, `a <b> & c`, `"response":"a <b> & c","error":null}}}`},
		{"room/refuse", `{}`, `null`, `"response":null,"error":"ERR_NOT_OWNER"}}}`},
		{"room/fail", `{}`, `null`, `"response":null,"error":"ERR_INTERNAL"}}}`},
		{"room/panic", `{}`, `null`, `"response":null,"error":"ERR_INTERNAL"}}}`},
		{"room/unencodable", `{}`, `null`, `"response":null,"error":"ERR_INTERNAL"}}}`},
		{"room/hang", `{}`, `null`, `"response":null,"error":"ERR_TIMEOUT"}}}`},
		{"no/such", `{}`, `null`, `"response":null,"error":"ERR_NO_LISTENER"}}}`},
		{"a/b/c/d/e/echo", `{}`, `null`, `"response":null,"error":"ERR_NO_LISTENER"}}}`},
		{"/", `{}`, `null`, `"response":null,"error":"ERR_NO_LISTENER"}}}`},
		{"room/echo", `room-1`, `null`, `"response":null,"error":"ERR_INVALID_REQUEST"}}}`},
		{"room/echo", ``, `null`, `"response":null,"error":"ERR_INVALID_REQUEST"}}}`},
		// Users who try to speak for somebody else.
		{"room/echo", `{},"originUserId":"root"`, `null`, `"response":null,"error":"ERR_INVALID_REQUEST"}}}`},
		{`room/echo","originUserId":"root`, `{}`, `null`, `"response":null,"error":"ERR_INVALID_REQUEST"}}}`},
		{"room/echo", `{},"type":"service","data":{"type":"user","data":{"type":"update"}}`, `null`, `"response":null,"error":"ERR_INVALID_REQUEST"}}}`},
	} {
		t.Run(fmt.Sprintf("%s %.40s", c.path, c.params), func(t *testing.T) {
			inWorld(t, withEcho, func(w *world) {
				u := w.fc.AddUser(friendcoretest.User{Login: "alice", UniqueID: "UID"})
				w.ready()
				if got := w.fc.Request(u.UniqueID, c.path, c.params); got != c.response {
					w.Errorf("the app sees %.200s, not %.200s", got, c.response)
				}
				answers := w.frames(`{"type":"service","data":{"type":"room","data":{"requestId":"EXTSER_`)
				if len(answers) != 1 || !strings.HasSuffix(answers[0], c.frame) {
					w.Errorf("answers: %.200q", answers)
				}
				w.pass(time.Minute)
				w.wantState(Ready)
			})
		})
	}
}

// TestAppRequestsOfNobody: the Handler says what is wrong with such requests.
func TestAppRequestsOfNobody(t *testing.T) {
	inWorld(t, withEcho, func(w *world) {
		w.ready()
		for id, frame := range map[string]string{
			"E1": `{"originUserId":"","path":"service/room/echo","requestId":"E1","data":{}}`,
			"E2": `{"path":"service/room/echo","requestId":"E2","data":{}}`,
			"E3": `{"originUserId":"","path":"service/room/echo","requestId":"E3"}`,
		} {
			w.fc.Push([]byte(frame))
			w.pass(0)
			want := `{"type":"service","data":{"type":"room","data":{"requestId":"` + id + `","response":{"Origin":"","Path":"room/echo","Data":`
			if answers := w.frames(`"` + id + `"`); len(answers) != 1 || !strings.HasPrefix(answers[0], want) {
				w.Errorf("%s: %q", frame, answers)
			}
		}
	})
}

// TestAppRequestsAtOnce: one that takes its time does not hold up another.
func TestAppRequestsAtOnce(t *testing.T) {
	inWorld(t, withEcho, func(w *world) {
		w.ready()
		slow := make(chan []byte, 1)
		go func() {
			answer, _ := w.fc.Ask("UID", "room/hang", "{}")
			slow <- answer
		}()
		w.pass(time.Second)
		if got := w.fc.Request("UID", "room/text", "{}"); got != "a <b> & c" {
			w.Errorf("the app sees %s", got)
		}
		select {
		case answer := <-slow:
			w.Errorf("the first one was answered with %s", answer)
		default:
		}
		if answer := <-slow; !strings.HasSuffix(string(answer), `","response":null,"error":"ERR_TIMEOUT"}`) {
			w.Errorf("the first one was answered with %s", answer)
		}
	})
}

func TestAppRequestWithoutHandler(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ready()
		if got := w.fc.Request("UID", "room/create", "{}"); got != "null" {
			w.Errorf("the app sees %s", got)
		}
		if len(w.frames("ERR_NO_LISTENER")) != 1 {
			w.Error("no ERR_NO_LISTENER was sent")
		}
	})
}

func TestAppEventsGetNoAnswer(t *testing.T) {
	calls := atomic.Int32{}
	count := func(o *LinkOptions) {
		o.Handler = handlerFunc(func(context.Context, string, []string, json.RawMessage) (any, error) {
			calls.Add(1)
			return 1, nil
		})
	}
	inWorld(t, count, func(w *world) {
		w.ready()
		w.fc.Event("UID", "room/create", `{"name":"n"}`)
		w.fc.Event("UID", "room/create", `not json`)
		w.pass(time.Minute)
		if calls.Load() != 1 || len(w.frames(`"room"`)) != 0 {
			w.Errorf("%d calls, answers %q", calls.Load(), w.frames(`"room"`))
		}
	})
}

func TestAppRequestsAreBounded(t *testing.T) {
	now, most := atomic.Int32{}, atomic.Int32{}
	slow := func(o *LinkOptions) {
		o.Handler = handlerFunc(func(ctx context.Context, _ string, _ []string, _ json.RawMessage) (any, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			<-ctx.Done()
			return nil, ctx.Err()
		})
	}
	inWorld(t, slow, func(w *world) {
		w.ready()
		answers := make(chan string, 100)
		for range 100 {
			go func() { answers <- w.fc.Request("UID", "room/x", "{}") }()
		}
		w.pass(11 * time.Second)
		for range 100 {
			if got := <-answers; got != "null" {
				w.Errorf("the app sees %s", got)
			}
		}
		if most.Load() != maxAnswering {
			w.Errorf("%d requests at once", most.Load())
		}
		if busy := len(w.frames("ERR_BUSY")); busy != 100-maxAnswering {
			w.Errorf("%d were told ERR_BUSY", busy)
		}
		w.wantState(Ready)
	})
}

func TestForgedEventsChangeNothing(t *testing.T) {
	inWorld(t, withEcho, func(w *world) {
		u := w.fc.AddUser(friendcoretest.User{Login: "alice"})
		w.ready()
		before, _ := w.dir.count()
		w.fc.Event(u.UniqueID, "../user/update", `{"userid":"`+u.UniqueID+`"}`)
		for _, frame := range []string{
			`{"type":"service","data":{"type":"user","data":{"type":"update","data":{"userid":"x"},"originUserId":"y"}},"originUserId":"y"}`,
			`{"type":"service","data":{"type":"user","originUserId":"y","data":{"type":"update","data":{"userid":"x"}}}}`,
			`{"type":"service","data":{"type":"group","data":{"type":"update","data":{"id":4,"originUserId":"y"}}}}`,
			`{"originUserId":"y","type":"service","data":{"type":"user","data":{"type":"update","data":{}}}}`,
		} {
			w.fc.Push([]byte(frame))
		}
		w.pass(time.Minute)
		if after, _ := w.dir.count(); after != before {
			w.Errorf("%d re-syncs were made", after-before)
		}
	})
}

func TestLinkWaitsForItsHandlers(t *testing.T) {
	ended := false
	lingering := func(o *LinkOptions) {
		o.Handler = handlerFunc(func(ctx context.Context, _ string, _ []string, _ json.RawMessage) (any, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // what it still has to put in order
			ended = true
			return nil, ctx.Err()
		})
	}
	inWorld(t, lingering, func(w *world) {
		w.ready()
		got := make(chan string, 1)
		go func() { got <- w.fc.Request("UID", "room/x", "{}") }()
		w.pass(time.Second)
		w.end()
		if !ended {
			t.Error("Run returned before a handler did")
		}
		<-got // FriendCore's time is over
	})
}
