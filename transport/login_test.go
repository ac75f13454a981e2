package transport

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"presence/rooms"
)

// TestLogin is the whole exchange, message by message (docs/protocol.md 2.2).
func TestLogin(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.auth.groups, w.auth.groupsFound = rooms.GroupSettings{Stream: []string{"Streamers"}}, true
		w.start()
		ada := w.connect(over)
		ada.want(`{"type":"authenticate"}`)
		ada.send(authFrame("ada"))
		ada.want(`{"type":"authenticate","data":true}`, `{"type":"msg","data":{"type":"account","data":null}}`)
		w.wantCalls()
		ada.send(loginEventFrame("ada"))
		ada.entered("ada")
		w.wantCalls("open acc-ada")
		ada.send(ada.event(`{"type":"initialize","data":null}`))
		synctest.Wait()
		heard := w.hub.heard()
		if len(heard) != 1 || heard[0].event != `{"type":"initialize","data":null}` || heard[0].from.Account != "acc-ada" || heard[0].from.Conn == 0 {
			t.Errorf("the hub heard %v", heard)
		}
		if len(w.hub.applied) != 1 || fmt.Sprint(w.hub.applied[0].Stream) != "[Streamers]" {
			t.Errorf("settings taken over: %v", w.hub.applied)
		}
		if n := w.value("presence_logins_total", "result=accepted"); n != 1 {
			t.Errorf("%v logins counted", n)
		}
		if strings.Contains(w.log.String(), "auth-ada") || strings.Contains(w.log.String(), ada.id) {
			t.Errorf("the log has a secret:\n%s", w.log)
		}
	})
}

// TestRefusals: what can never succeed is answered with authenticate:false and close
// code 1008 (docs/protocol.md 1.9).
func TestRefusals(t *testing.T) {
	bundle := func(inner string) string { return `{"type":"authenticate","data":` + inner + `}` }
	for name, frame := range map[string]string{
		"unknown authid":       bundle(`{"type":"authid","data":{"tokens":{"authId":"auth-nobody"},"login":"ada"}}`),
		"another login name":   bundle(`{"type":"authid","data":{"tokens":{"authId":"auth-ada"},"login":"bo"}}`),
		"upper case":           bundle(`{"type":"authid","data":{"tokens":{"authId":"auth-ada"},"login":"Ada"}}`),
		"no login name":        bundle(`{"type":"authid","data":{"tokens":{"authId":"auth-ada"}}}`),
		"long login name":      bundle(`{"type":"authid","data":{"tokens":{"authId":"auth-ada"},"login":"` + strings.Repeat("a", 256) + `"}}`),
		"no authid":            bundle(`{"type":"authid","data":{"tokens":{},"login":"ada"}}`),
		"long authid":          bundle(`{"type":"authid","data":{"tokens":{"authId":"` + strings.Repeat("a", 1025) + `"},"login":"ada"}}`),
		"no tokens":            bundle(`{"type":"authid","data":{"login":"ada"}}`),
		"tokens are null":      bundle(`{"type":"authid","data":{"tokens":null,"login":"ada"}}`),
		"authid is an object":  bundle(`{"type":"authid","data":{"tokens":{"authId":{}},"login":"ada"}}`),
		"inner data is null":   bundle(`{"type":"authid","data":null}`),
		"inner data is a list": bundle(`{"type":"authid","data":[]}`),
		"no inner data":        bundle(`{"type":"authid"}`),
		"unknown kind":         bundle(`{"type":"password","data":{}}`),
		"kind is a number":     bundle(`{"type":5,"data":{}}`),
		"null":                 bundle(`null`),
		"a list":               bundle(`[]`),
		"no data":              `{"type":"authenticate"}`,
		"disabled":             bundle(`{"type":"authid","data":{"tokens":{"authId":"auth-off"},"login":"off"}}`),
		"guest":                bundle(`{"type":"anon-invite","data":{"tokens":{"token":"public-5","roomId":"room-7"},"identity":{"name":"Quiet Otter"}}}`),
		"guest without name":   bundle(`{"type":"anon-invite","data":{"tokens":{"token":"public-5","roomId":"room-7"}}}`),
		"guest without token":  bundle(`{"type":"anon-invite","data":{"tokens":null,"identity":null}}`),
		"guest without data":   bundle(`{"type":"anon-invite"}`),
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *world, over string) {
				w.auth.users["auth-off"] = rooms.User{ID: "id-off", Login: "off", Disabled: true}
				w.start()
				c := w.connect(over)
				c.want(challengeFrame)
				c.send(frame)
				c.want(`{"type":"authenticate","data":false}`)
				c.wantEnd(1008)
				w.wantCalls()
				if n := w.value("presence_logins_total", "result=refused"); n != 1 {
					t.Errorf("%v refused logins counted", n)
				}
			})
		})
	}
}

// TestLoginEventRefusals: the error comes first, then authenticate:false
// (docs/protocol.md 2.4).
func TestLoginEventRefusals(t *testing.T) {
	disabled := func(context.Context, rooms.User) (rooms.AccountID, error) {
		return "", fmt.Errorf("resolve: %w", &rooms.Refusal{Code: "ERR_ACCOUNT_DISABLED"})
	}
	long := `{"fUserId":"` + strings.Repeat("x", 5000) + `"}`
	for name, c := range map[string]struct {
		resolve          func(context.Context, rooms.User) (rooms.AccountID, error)
		data, code, echo string
	}{
		"no data":            {data: "", code: "ERR_NO_LOGIN_DATA", echo: "null"},
		"null":               {data: "null", code: "ERR_NO_LOGIN_DATA", echo: "null"},
		"a list":             {data: `[1]`, code: "ERR_NO_LOGIN_DATA", echo: `[1]`},
		"empty":              {data: `{}`, code: "ERR_INVALID_AUTH", echo: `{}`},
		"other id":           {data: `{"fUserId":"id-bo","fUsername":"ada"}`, code: "ERR_INVALID_AUTH", echo: `{"fUserId":"id-bo","fUsername":"ada"}`},
		"other name":         {data: `{"fUsername":"bo"}`, code: "ERR_INVALID_AUTH", echo: `{"fUsername":"bo"}`},
		"fields of any type": {data: `{"fUserId":{},"fUsername":[5]}`, code: "ERR_INVALID_AUTH", echo: `{"fUserId":{},"fUsername":[5]}`},
		"long":               {data: long, code: "ERR_INVALID_AUTH", echo: "null"},
		"disabled":           {resolve: disabled, data: `{"fUserId":"id-ada"}`, code: "ERR_ACCOUNT_DISABLED", echo: `{"fUserId":"id-ada"}`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.hub.resolve = c.resolve
				w.start()
				ada := w.connect(overWS).toAccount("ada")
				text := `{"type":"msg","data":{"type":"login"}}`
				if c.data != "" {
					text = `{"type":"msg","data":{"type":"login","data":` + c.data + `}}`
				}
				ada.send(text)
				ada.want(`{"type":"msg","data":{"type":"error","data":{"error":"`+c.code+`","data":`+c.echo+`}}}`, refusedFrame)
				ada.wantEnd(closePolicy)
				w.wantCalls()
			})
		})
	}
}

// TestLoginByEitherName: one of both names is enough; the id counts if it is given.
func TestLoginByEitherName(t *testing.T) {
	for name, data := range map[string]string{
		"id":                    `{"fUserId":"id-ada"}`,
		"name":                  `{"fUsername":"ada"}`,
		"id with another name":  `{"fUserId":"id-ada","fUsername":"bo"}`,
		"name and an empty id":  `{"fUserId":"","fUsername":"ada"}`,
		"name and a numeric id": `{"fUserId":17,"fUsername":"ada"}`,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.start()
				ada := w.connect(overTCP).toAccount("ada")
				ada.send(`{"type":"msg","data":{"type":"login","data":` + data + `}}`)
				ada.entered("ada")
			})
		})
	}
}

// TestNobodyCanDecide: who may be let in later is not refused (docs/protocol.md 1.9).
func TestNobodyCanDecide(t *testing.T) {
	t.Run("FriendCore", func(t *testing.T) {
		onBoth(t, func(t *testing.T, w *world, over string) {
			w.auth.answer = func(context.Context, string) (rooms.User, error) { return rooms.User{}, errIll }
			w.start()
			ada := w.connect(over)
			ada.want(challengeFrame)
			ada.send(authFrame("ada"))
			ada.wantEnd(closeTryLater)
			if n := w.value("presence_logins_total", "result=unavailable"); n != 1 {
				t.Errorf("%v counted", n)
			}
		})
	})
	tryLater := `{"type":"msg","data":{"type":"error","data":{"error":"ERR_TRY_LATER","data":{"fUserId":"id-ada","fUsername":"ada"}}}}`
	t.Run("resolve", func(t *testing.T) {
		bubble(t, func(t *testing.T, w *world) {
			w.hub.resolve = func(context.Context, rooms.User) (rooms.AccountID, error) { return "", errors.New("database away") }
			w.start()
			ada := w.connect(overWS).toAccount("ada")
			ada.send(loginEventFrame("ada"))
			ada.want(tryLater)
			ada.wantEnd(closeTryLater)
			w.wantCalls()
		})
	})
	t.Run("open", func(t *testing.T) {
		bubble(t, func(t *testing.T, w *world) {
			w.hub.open = func(context.Context, rooms.AccountID) error { return errors.New("database away") }
			w.start()
			ada := w.connect(overWS).toAccount("ada")
			ada.send(loginEventFrame("ada"))
			ada.want(tryLater)
			ada.wantEnd(closeTryLater)
			w.wantCalls("open acc-ada")
			w.hub.open = nil
			w.login("ada", overWS) // nothing of the failure stays
			w.wantCalls("open acc-ada")
		})
	})
	t.Run("settings", func(t *testing.T) {
		bubble(t, func(t *testing.T, w *world) {
			w.auth.groupsErr = errIll
			w.start()
			w.login("ada", overWS) // without them
			if len(w.hub.applied) != 0 {
				t.Errorf("taken over: %v", w.hub.applied)
			}
		})
	})
}

// TestLoginTimeLimit: the limit bounds the whole login, in whatever stage it hangs.
func TestLoginTimeLimit(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, c := range map[string]struct {
		prepare func(*world)
		until   func(*client)
	}{
		"challenged": {func(*world) {}, func(c *client) { c.want(challengeFrame) }},
		"checking": {func(w *world) {
			w.auth.answer = func(ctx context.Context, _ string) (rooms.User, error) { return rooms.User{}, hang(ctx) }
		}, func(c *client) { c.want(challengeFrame); c.send(authFrame("ada")) }},
		"account stage": {func(*world) {}, func(c *client) { c.toAccount("ada") }},
		"resolving": {func(w *world) {
			w.hub.resolve = func(ctx context.Context, _ rooms.User) (rooms.AccountID, error) { return "", hang(ctx) }
		}, func(c *client) { c.toAccount("ada").send(loginEventFrame("ada")) }},
		"opening": {func(w *world) {
			w.hub.open = func(ctx context.Context, _ rooms.AccountID) error { return hang(ctx) }
		}, func(c *client) {
			c.toAccount("ada")
			time.Sleep(time.Second) // opening has a limit of its own, as long as this one
			c.send(loginEventFrame("ada"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *world, over string) {
				c.prepare(w)
				w.start()
				began := time.Now()
				ada := w.connect(over)
				c.until(ada)
				ada.wantEnd(closePolicy)
				if took := time.Since(began); took < 20*time.Second || took > 22*time.Second {
					t.Errorf("it took %v, want 20 s", took)
				}
				if n := w.value("presence_logins_total", "result=timeout"); n != 1 {
					t.Errorf("%v counted", n)
				}
			})
		})
	}
}

// TestStages: what does not belong to the stage is dropped, and the login goes on
// (docs/protocol.md 2.1).
func TestStages(t *testing.T) {
	probes := []string{
		`{"type":"msg","data":{"type":"acc-ada","data":{"type":"initialize"}}}`,
		`{"type":"msg","data":{"type":"acc-bo","data":{"type":"initialize"}}}`,
		`{"type":"msg","data":null}`, `{"type":"msg"}`, `{"type":"msg","data":5}`,
		`{"type":"nonsense"}`, `{"type":""}`, `{"data":1}`, `null`, `5`, `"text"`, `[]`, `{}`,
		`{"type":"pong","data":1}`, `{"type":"pong","data":"x"}`, `{"type":"pong"}`,
	}
	// ping and verify are answered at every stage.
	answered := func(c *client) {
		c.t.Helper()
		c.send(probes...)
		c.send(`{"type":"ping","data":{"a": 1709283600123}}`, `{"type":"verify","data":"x"}`, `{"type":"ping"}`)
		c.want(`{"type":"pong","data":{"a": 1709283600123}}`, `{"type":"verify","data":"x"}`, `{"type":"pong","data":null}`)
	}
	onBoth(t, func(t *testing.T, w *world, over string) {
		letIn, opened := make(chan struct{}), make(chan struct{})
		w.auth.answer = func(ctx context.Context, id string) (rooms.User, error) {
			return w.auth.users[id], wait(ctx, letIn)
		}
		w.hub.open = func(ctx context.Context, _ rooms.AccountID) error { return wait(ctx, opened) }
		w.start()
		early := []string{authFrame("bo"), `{"type":"session","data":"session-x"}`, `{"type":"session","data":null}`}

		ada := w.connect(over)
		ada.want(challengeFrame)
		answered(ada)
		ada.send(loginEventFrame("ada"))

		ada.send(authFrame("ada"))
		ada.send(early...)
		ada.send(loginEventFrame("ada"))
		answered(ada)
		close(letIn)
		ada.want(acceptedFrame, accountChallengeFrame)

		ada.send(early...)
		ada.send(`{"type":"msg","data":{"type":"create","data":{"a":1}}}`, `{"type":"msg","data":{"type":"logout","data":{}}}`)
		answered(ada)

		ada.send(loginEventFrame("ada"), loginEventFrame("ada"), loginEventFrame("bo"))
		ada.send(early...)
		answered(ada)
		close(opened)
		ada.entered("ada")

		ada.send(authFrame("bo"), `{"type":"session","data":"session-x"}`, `{"type":"session","data":5}`, loginEventFrame("ada"))
		probes = probes[1:] // the first is an event of this account now
		answered(ada)
		w.wantCalls("open acc-ada")
		if heard := w.hub.heard(); len(heard) != 0 {
			t.Errorf("the hub heard %v", heard)
		}
		if asked := w.auth.askedFor(); len(asked) != 1 {
			t.Errorf("asked for %v", asked)
		}
		ada.send(ada.event(`{"type":"x"}`))
		synctest.Wait()
		if heard := w.hub.heard(); len(heard) != 1 {
			t.Errorf("the hub heard %v, want the one event", heard)
		}
	})
}

// TestLongEcho: data that is too long to be repeated is dropped.
func TestLongEcho(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		c := w.connect(overWS)
		fits := `"` + strings.Repeat("x", maxEcho-2) + `"`
		c.send(`{"type":"ping","data":`+fits[:len(fits)-1]+`x"}`, `{"type":"ping","data":`+fits+`}`)
		c.want(challengeFrame, `{"type":"pong","data":`+fits+`}`)
	})
}

// TestSessionNullBeforeLogin is a farewell (docs/protocol.md 1.9).
func TestSessionNullBeforeLogin(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.start()
		c := w.connect(over)
		c.want(challengeFrame)
		c.send(`{"type":"session","data":null}`)
		c.wantEnd(closeNormal)
	})
}

// TestTooMuchBeforeLogin: strangers may say little.
func TestTooMuchBeforeLogin(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.start()
		c := w.connect(over)
		for range maxEarly + 1 {
			c.send(`{"type":"pong"}`)
		}
		c.want(challengeFrame)
		c.wantEnd(closePolicy)
	})
	t.Run("websocket pings count", func(t *testing.T) {
		bubble(t, func(t *testing.T, w *world) {
			w.start()
			c := w.connect(overWS)
			for range maxEarly + 1 {
				if err := c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // so that no more than one answer waits
			}
			c.want(challengeFrame)
			c.wantEnd(closePolicy)
		})
	})
}

// TestSizeLimits: a message of the allowed size is taken, before and after the
// login, and a longer one ends the connection (docs/protocol.md 1.8).
func TestSizeLimits(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.start()
		c := w.connect(over)
		c.want(challengeFrame)
		c.send(long(w.server.Limits.SizeBeforeLogin), `{"type":"ping"}`)
		c.want(`{"type":"pong","data":null}`)
		_ = c.trySend(long(w.server.Limits.SizeBeforeLogin + 1))
		c.wantEnd(closeTooBig)

		ada := w.login("ada", over)
		ada.send(long(w.server.Limits.SizeAfterLogin), `{"type":"ping"}`)
		ada.want(`{"type":"pong","data":null}`)
		_ = ada.trySend(long(w.server.Limits.SizeAfterLogin + 1))
		ada.wantEnd(closeTooBig)
	})
}

// TestMalformed: what is no JSON is dropped and counted on websockets, while TCP
// cannot go on (docs/protocol.md 1.3, 1.4).
func TestMalformed(t *testing.T) {
	t.Run(overTCP, func(t *testing.T) {
		bubble(t, func(t *testing.T, w *world) {
			w.start()
			c := w.connect(overTCP)
			c.send(`{"type":"ping","data":1} }`)
			c.want(challengeFrame, `{"type":"pong","data":1}`)
			c.wantEnd(closeMalformed)
		})
	})
	t.Run(overWS, func(t *testing.T) {
		bubble(t, func(t *testing.T, w *world) {
			w.start()
			ada := w.login("ada", overWS)
			for range maxFaults {
				ada.send(`{`)
			}
			ada.send(`{"type":"ping"}`)
			ada.want(`{"type":"pong","data":null}`)
			ada.send(`nul`)
			ada.wantEnd(closeMalformed)
			if n := w.value("presence_drops_total", "reason=syntax"); n != maxFaults+1 {
				t.Errorf("%v counted", n)
			}
		})
	})
}

// TestClientGoesDuringLogin: a connection that ends while its login is being decided
// leaves nothing behind.
func TestClientGoesDuringLogin(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		opened := make(chan struct{})
		w.hub.open = func(ctx context.Context, _ rooms.AccountID) error { return wait(ctx, opened) }
		w.start()
		ada := w.connect(overWS).toAccount("ada")
		ada.send(loginEventFrame("ada"))
		w.wantCalls("open acc-ada")
		ada.lose()
		synctest.Wait()
		close(opened)
		time.Sleep(leaveDelay)
		w.wantCalls("close acc-ada") // nobody came to use it
		if n := w.value("presence_sessions"); n != 0 {
			t.Errorf("%v sessions", n)
		}
	})
}

// TestAttachAfterTheEnd: a login that is decided in the moment in which the reader
// ends does not leave a connection in its session that nobody serves.
func TestAttachAfterTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada := w.connect(overWS).toAccount("ada")
		synctest.Wait()
		c := w.conns()[0]
		c.settle(errGoodbye)
		s := newSession(w.sessions, "acc-ada", newSessionID())
		if s.attach(c, false) {
			t.Error("a connection whose reader has ended was attached")
		}
		ada.lose()
	})
}

// admitted lets every claim in as guest-1.
func admitted(context.Context, rooms.GuestClaim) (rooms.AccountID, error) { return "guest-1", nil }

const guestFrame = `{"type":"authenticate","data":{"type":"anon-invite","data":{"tokens":{"token":"public-5","roomId":"room-7"},` +
	`"identity":{"name":"Quiet Otter","avatar":"data:image/png;base64,AAAA"}}}}`

// TestGuestLogin: a guest is in with one step (docs/protocol.md 2.7).
func TestGuestLogin(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.hub.admit = admitted
		w.start()
		c := w.connect(over)
		c.want(challengeFrame)
		c.send(guestFrame)
		c.want(acceptedFrame)
		if f := c.next(); !strings.HasPrefix(f, `{"type":"session","data":"session-`) {
			t.Errorf("got %s, want the session", f)
		}
		c.want(`{"type":"msg","data":{"type":"account","data":{"type":"login","data":"guest-1"}}}`)
		w.wantCalls("open guest-1")
		want := rooms.GuestClaim{Token: "public-5", Room: "room-7", Name: "Quiet Otter", From: testAddress}
		if len(w.hub.claims) != 1 || w.hub.claims[0] != want {
			t.Errorf("the claim is %+v, want %+v", w.hub.claims, want)
		}
	})
}

// TestGuestIsLost: a guest who is lost is hidden after 5 s and gone after the grace.
func TestGuestIsLost(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.hub.admit = admitted
		w.start()
		c := w.connect(over)
		c.want(challengeFrame)
		c.send(guestFrame)
		c.want(acceptedFrame)
		c.next()
		c.next()
		synctest.Wait()
		c.lose()
		time.Sleep(guestLossDelay - time.Second)
		synctest.Wait()
		w.wantCalls("open guest-1")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.wantCalls("hide guest-1")
		time.Sleep(w.session.Grace)
		synctest.Wait()
		w.wantCalls("close guest-1")
	})
}

// TestGuestNotDecided: when the database does not answer the guest is not refused.
func TestGuestNotDecided(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.hub.admit = func(context.Context, rooms.GuestClaim) (rooms.AccountID, error) { return "", errors.New("away") }
		w.start()
		c := w.connect(over)
		c.want(challengeFrame)
		c.send(guestFrame)
		c.wantEnd(1013)
	})
}

// TestGuestNotOpened: a guest who is admitted and cannot be opened is given up.
func TestGuestNotOpened(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world, over string) {
		w.hub.admit = admitted
		w.hub.open = func(context.Context, rooms.AccountID) error { return errors.New("away") }
		w.start()
		c := w.connect(over)
		c.want(challengeFrame)
		c.send(guestFrame)
		c.want(acceptedFrame)
		c.wantEnd(1013)
		synctest.Wait()
		w.wantCalls("open guest-1", "close guest-1")
	})
}
