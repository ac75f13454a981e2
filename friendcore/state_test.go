package friendcore

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"presence/friendcore/friendcoretest"
	"presence/rooms"
)

func TestRetryPlan(t *testing.T) {
	times := Timings{}.withDefaults()
	away := dialError{errors.New("connection refused")}
	lost := registeredError{io.EOF}
	for _, c := range []struct {
		name  string
		ends  []error
		state State
		least time.Duration
	}{
		{"first failure", []error{away}, Waiting, 2 * time.Second},
		{"third failure", []error{away, away, away}, Waiting, 8 * time.Second},
		{"many failures", []error{away, away, away, away, away, away, away, away}, Waiting, time.Minute},
		{"lost after failures", []error{away, away, away, lost}, Waiting, 2 * time.Second},
		{"refused", []error{errRefused}, Refused, 2 * time.Minute},
		{"two crashes", []error{errSilentClose, errSilentClose}, Waiting, 4 * time.Second},
		{"three crashes", []error{errSilentClose, errSilentClose, errSilentClose}, Crashing, 5 * time.Minute},
		{"crashes with restarts", []error{errSilentClose, away, errSilentClose, away, away, errSilentClose}, Crashing, 5 * time.Minute},
		{"a connection between crashes", []error{errSilentClose, errSilentClose, lost, errSilentClose}, Waiting, 4 * time.Second},
	} {
		var r retry
		var p plan
		for _, err := range c.ends {
			p = r.plan(err, times)
		}
		if p.state != c.state || p.wait < c.least*8/10 || p.wait > c.least*12/10 {
			t.Errorf("%s: %s for %s, not %s for %s", c.name, p.state, p.wait, c.state, c.least)
		}
	}
}

func TestLinkSeesWhoWasDisabled(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		a := w.fc.AddUser(friendcoretest.User{Login: "alice", ModifyTime: 7, Status: friendcoretest.Disabled})
		w.dir.users[a.UniqueID] = rooms.User{ID: a.UniqueID, Login: "alice", LastUpdate: 7}
		w.ready()
		w.wantNames("(alice)", "Friend Administrator")
		w.fc.DropServices()
		w.pass(10 * time.Second)
		if _, last := w.dir.count(); len(last) != 0 {
			t.Errorf("%q were asked for again", last)
		}
	})
}

func TestAskForgetsWhatItAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Link{times: Timings{}.withDefaults()}
		s := &session{link: l, out: make(chan []byte, 8), pending: newPending()}
		if _, err := s.ask(t.Context(), userListFrame); !errors.Is(err, errNoReply) {
			t.Errorf("without a reply: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.ask(ctx, userListFrame); !errors.Is(err, context.Canceled) {
			t.Errorf("after a cancel: %v", err)
		}
		if n := len(s.pending.waiting); n != 0 {
			t.Errorf("%d requests are kept", n)
		}
		id, replies := s.pending.open()
		s.pending.resolve(reply{id: id, failed: "a"})
		s.pending.resolve(reply{id: id, failed: "b"}) // doubled, as after a double registration
		if r := <-replies; r.failed != "a" || len(replies) != 0 {
			t.Errorf("reply %+v", r)
		}
	})
}
