package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// anonymous is the bundle of somebody without an account (docs/protocol.md 2.7).
func anonymous(room, token string, name any) object {
	return object{"type": "authenticate", "data": object{"type": "anon-invite", "data": object{
		"tokens": object{"roomId": room, "token": token}, "identity": object{"name": name},
	}}}
}

// knock shows an invite, and does not wait for the answer.
func (s *server) knock(t testing.TB, tr transport, room, token string, name any) *user {
	t.Helper()
	u := &user{client: s.dial(t, fmt.Sprint(name, " by ", tr), tr)}
	u.expect(object{"type": "authenticate"})
	u.send(anonymous(room, token, name))
	return u
}

// guest lets somebody in by an invite, who then is in the room.
func (s *server) guest(t testing.TB, tr transport, room, token string, name any) *user {
	t.Helper()
	u := s.knock(t, tr, room, token, name)
	u.comeIn(room)
	return u
}

// comeIn is what follows for a guest who is let in.
func (u *user) comeIn(room string) {
	u.t.Helper()
	u.expect(object{"type": "authenticate", "data": true})
	u.session, _ = u.expect(object{"type": "session", "data": containing("")})["data"].(string)
	u.id, _ = dig(u.expect(stage("account", object{"type": "login", "data": containing("guest-")})), "data", "data", "data").(string)
	u.account(object{"type": "initialize", "data": nil})
	u.expect(u.event(object{"type": "initialize", "data": object{"account": object{"clientId": u.id}}}))
	u.expect(u.event(object{"type": "join", "data": object{"joined": object{"clientId": room}, "current": list{room}}}))
}

// ask is a request to a component of a room; it returns response and error.
func (u *user) ask(room, component, kind string, data any) object {
	u.t.Helper()
	u.requests++
	id := fmt.Sprintf("ask-%s-%d", kind, u.requests)
	u.toRoom(room, object{"type": component, "data": object{"type": kind, "data": data, "requestId": id}})
	f := u.expect(u.inRoom(room, object{"type": component, "data": object{"requestId": id}}))
	reply, _ := dig(f, "data", "data", "data", "data").(object)
	return reply
}

// token makes an invite of a kind: public or private.
func (u *user) token(room, kind string) string {
	u.t.Helper()
	token, _ := dig(u.ask(room, "invite", kind, object{"reqId": "t"}), "response", "token").(string)
	if !strings.HasPrefix(token, kind+"-") {
		u.t.Fatalf("%s token %q", kind, token)
	}
	return token
}

// verdict is all that the server says to somebody with an invite.
type verdict struct {
	said string
	code int
}

// try shows an invite and listens until the server has answered: until the end if
// it refuses, else to the first word.
func (s *server) try(t testing.TB, tr transport, room, token string) (verdict, bool) {
	t.Helper()
	w, err := s.connect(tr)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	hello, err := w.receive()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.send([]byte(show(anonymous(room, token, "Mallory")))); err != nil {
		t.Fatal(err)
	}
	v := verdict{said: string(hello)}
	for {
		text, err := w.receive()
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &closed):
			v.code = closed.Code
			return v, false
		case err != nil:
			return v, false
		case strings.HasPrefix(string(text), `{"type":"ping"`):
			continue
		}
		v.said += string(text)
		if strings.HasSuffix(v.said, `"data":true}`) {
			return v, true
		}
	}
}

// TestGuestsByPublicLink: a public link lets many in, over both transports, into
// temporary and saved rooms; each sees what the others write, and nobody's name is
// an account's.
func TestGuestsByPublicLink(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada")
	s.start()
	for _, kind := range []string{"", "Harbor"} {
		t.Run("room "+kind, func(t *testing.T) {
			ada := s.login(t, local("ada"), ws)
			room := ada.createRoom(kind)
			token := ada.token(room, "public")
			var guests []*user
			for n := range 6 {
				guests = append(guests, s.guest(t, []transport{ws, tcp}[n%2], room, token, fmt.Sprint("Guest ", n)))
			}
			for n, g := range guests {
				g.say(room, fmt.Sprint("hello from ", n))
				for _, other := range append(guests, ada) {
					msg := other.sees(room, fmt.Sprint("hello from ", n))
					if msg["fromId"] != nil || msg["name"] != fmt.Sprint("Guest ", n) {
						t.Errorf("the message of a guest is %s", show(msg))
					}
				}
			}
			if in, _ := ada.roomState(room)["guests"].(list); len(in) != len(guests) {
				t.Errorf("%d guests in the room, want %d", len(in), len(guests))
			}
		})
	}
}

// TestSingleUseTokenOnce: of ten who use a token for one use at the same time, on
// both transports, exactly one gets in.
func TestSingleUseTokenOnce(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada")
	s.start()
	for _, c := range []struct {
		what, name string
		away       bool // the room is not in memory
	}{{"temporary", "", false}, {"saved", "Harbor", false}, {"saved, nobody there", "Dock", true}} {
		t.Run(c.what, func(t *testing.T) {
			ada := s.login(t, local("ada"), ws)
			room := ada.createRoom(c.name)
			token := ada.token(room, "private")
			if c.away {
				s.restart()
			}
			waiting := make([]*user, 10)
			for n := range waiting {
				waiting[n] = &user{client: s.dial(t, fmt.Sprint("racer ", n), []transport{ws, tcp}[n%2])}
				waiting[n].expect(object{"type": "authenticate"})
			}
			var all sync.WaitGroup
			for _, u := range waiting {
				all.Go(func() { _ = u.trySend(anonymous(room, token, "Racer")) })
			}
			all.Wait()
			in := 0
			for _, u := range waiting {
				answer := u.expect(object{"type": "authenticate", "data": anything})
				if answer["data"] == true {
					in++
					continue
				}
				u.expectEnd()
				u.refute(object{"type": "session"})
			}
			if in != 1 {
				t.Errorf("%d got in, want 1", in)
			}
			if c.away {
				ada = s.login(t, local("ada"), ws)
				ada.expect(ada.event(object{"type": "join", "data": object{"joined": object{"clientId": room}}}))
			} else {
				ada.expect(ada.inRoom(room, object{"type": "invite", "data": object{"type": "revoke", "data": token}}))
			}
			if left := dig(ada.ask(room, "invite", "state", nil), "response", "privateTokens"); show(left) != "[]" {
				t.Errorf("tokens left: %s", show(left))
			}
		})
	}
}

// TestGuestRefusalsAlike: what is wrong with an invite cannot be told from the
// answer, byte by byte (docs/protocol.md 2.7).
func TestGuestRefusalsAlike(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada", "bo")
	s.start()
	ada := s.login(t, local("ada"), ws)
	bo := s.login(t, local("bo"), ws)
	room, other := ada.createRoom("Harbor"), ada.createRoom("Dock")
	good := ada.token(other, "public")
	revoked := ada.token(room, "public")
	if reply := ada.ask(room, "invite", "revoke", "public"); reply["error"] != nil {
		t.Fatalf("revoke: %s", show(reply))
	}
	ada.ask(room, "invite", "room-invite", object{"clientId": bo.id})
	f := bo.expect(bo.event(object{"type": "invite", "data": object{"type": "add", "data": object{"roomId": room}}}))
	personal, _ := dig(f, "data", "data", "data", "data", "token").(string)
	gone := ada.createRoom("Gone")
	old := ada.token(gone, "public")
	ada.toRoom(gone, object{"type": "leave"})
	ada.expect(ada.event(object{"type": "close", "data": gone}))

	for _, tr := range []transport{ws, tcp} {
		want, in := s.try(t, tr, "room-00000000-0000-0000-0000-000000000000", "public-00000000")
		if in {
			t.Fatal("an unknown room let somebody in")
		}
		for name, c := range map[string][2]string{
			"wrong token":                  {room, "public-11111111"},
			"revoked token":                {room, revoked},
			"token of another room":        {room, good},
			"right token, unknown room":    {"room-11111111-1111-1111-1111-111111111111", good},
			"invitation of somebody else":  {room, personal},
			"token of a room that is gone": {gone, old},
			"name of the kind as token":    {other, "public"},
			"another case":                 {other, strings.ToUpper(good)},
			"contact":                      {bo.id, good},
			"pattern":                      {other, "%"},
		} {
			if got, in := s.try(t, tr, c[0], c[1]); in || got != want {
				t.Errorf("%s, %s: let in %v, says %v, want %v", tr, name, in, got, want)
			}
		}
		if _, in := s.try(t, tr, other, good); !in {
			t.Errorf("%s: the right token is refused", tr)
		}
	}
}

// TestGuestThrottle: after ten failures of an address, or in a room, a right token
// is refused too, in the same words; other rooms are not concerned.
func TestGuestThrottle(t *testing.T) {
	for _, c := range []struct {
		name     string
		trusted  string // 127.0.0.0/8 is not counted by address, as by default
		tries    func(n int, room string) string
		elseOpen bool
	}{
		{"one room", "", func(_ int, room string) string { return room }, true},
		{"one address, many rooms", "trusted = 192.0.2.0/24", func(n int, _ string) string { return fmt.Sprint("room-unknown-", n) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t)
			s.localUsers("ada")
			if c.trusted != "" {
				s.ini.set("limits", "%s", c.trusted)
			}
			s.start()
			ada := s.login(t, local("ada"), ws)
			room, other := ada.createRoom("Harbor"), ada.createRoom("Dock")
			token, elsewhere := ada.token(room, "public"), ada.token(other, "public")
			var refused [2]verdict
			for n := range 10 {
				if n == 9 {
					if _, in := s.try(t, tcp, room, token); !in {
						t.Fatal("nine failures closed the door already")
					}
				}
				v, in := s.try(t, []transport{ws, tcp}[n%2], c.tries(n, room), "public-guess")
				if in {
					t.Fatal("a guess was right")
				}
				refused[n%2] = v
			}
			for n, tr := range []transport{ws, tcp} {
				if v, in := s.try(t, tr, room, token); in || v != refused[n] {
					t.Errorf("%s: let in %v after ten failures, says %v, want %v", tr, in, v, refused[n])
				}
				if _, in := s.try(t, tr, other, elsewhere); in != c.elseOpen {
					t.Errorf("%s: let into the other room: %v, want %v", tr, in, c.elseOpen)
				}
			}
		})
	}
}

// shut is a place with a guest who is where he may be, and people and rooms that he
// must not reach.
type shut struct {
	ada, bo, guest *user
	room, hidden   string // the guest is in room
	hiddenToken    string
	invited        string // an invitation of bo to hidden
	message        object // of ada in room
	publicOf       string
}

func newShut(t *testing.T, s *server, tr transport) *shut {
	h := &shut{ada: s.login(t, local("ada"), ws), bo: s.login(t, local("bo"), tcp)}
	h.room, h.hidden = h.ada.createRoom("Harbor"), h.ada.createRoom("Hidden")
	h.publicOf, h.hiddenToken = h.ada.token(h.room, "public"), h.ada.token(h.hidden, "public")
	h.ada.ask(h.hidden, "invite", "room-invite", object{"clientId": h.bo.id})
	f := h.bo.expect(h.bo.event(object{"type": "invite", "data": object{"type": "add"}}))
	h.invited, _ = dig(f, "data", "data", "data", "data", "token").(string)
	h.ada.account(object{"type": "contact", "data": object{"type": "open-chat", "data": h.bo.id}})
	h.bo.expect(h.bo.event(object{"type": "join", "data": object{"joined": object{"clientId": h.ada.id}}}))
	h.ada.say(h.hidden, "secret")
	h.ada.sees(h.hidden, "secret")
	h.guest = s.guest(t, tr, h.room, h.publicOf, "Gil")
	h.ada.expect(h.ada.inRoom(h.room, object{"type": "join", "data": object{"clientId": h.guest.id}}))
	h.ada.say(h.room, "hers")
	h.message = h.ada.sees(h.room, "hers")
	h.guest.sees(h.room, "hers")
	return h
}

// fence waits until what the guest sent has had its effect on everybody.
func (h *shut) fence(n int) {
	h.guest.sync()
	text := fmt.Sprint("fence ", n)
	h.guest.say(h.room, text)
	h.ada.sees(h.room, text)
	h.ada.say(h.hidden, text)
	h.ada.sees(h.hidden, text)
	h.ada.toRoom(h.bo.id, chat("msg", object{"message": text}))
	h.bo.sees(h.ada.id, text)
	h.ada.sees(h.bo.id, text)
}

// TestGuestReachesOneRoom: whatever a guest sends beside what it may, it reaches
// nobody, changes nothing, and a request is refused (docs/protocol.md 2.7).
func TestGuestReachesOneRoom(t *testing.T) {
	for _, tr := range []transport{ws, tcp} {
		t.Run(string(tr), func(t *testing.T) {
			s := newServer(t)
			s.localUsers("ada", "bo")
			s.start()
			h := newShut(t, s, tr)
			h.fence(0)
			before := [2]int{len(h.ada.leftovers()), len(h.bo.leftovers())}
			for _, attempt := range h.attempts() {
				h.refused(t, attempt)
			}
			h.fence(1)
			for n, u := range []*user{h.ada, h.bo} {
				for _, f := range u.leftovers()[before[n]:] {
					if match(u.event(object{"data": object{"type": "recent-add"}}), f, newBindings()) != nil {
						t.Errorf("%s got %s", u.label, show(f))
					}
				}
			}
			h.unchanged(t)
		})
	}
}

// attempts are account events, as requests where that can be.
func (h *shut) attempts() []object {
	inRoom := func(room, component, kind string, data any) object {
		return object{"type": room, "data": object{"type": component, "data": object{"type": kind, "data": data}}}
	}
	msg := object{"message": "boo"}
	all := []object{
		{"type": "room-get", "data": h.hidden},
		{"type": "room-create", "data": object{"name": "Mine"}},
		{"type": "room-join", "data": object{"invite": object{"token": h.hiddenToken, "roomId": h.hidden}}},
		{"type": "contact", "data": object{"type": "open-chat", "data": h.ada.id}},
		{"type": "contact-list"},
		{"type": "relation-add", "data": object{"clientId": h.ada.id}},
		{"type": "hidden-list"},
		{"type": "hidden-open", "data": h.bo.id},
		{"type": "hidden-close", "data": h.bo.id},
		{"type": "invite-response", "data": object{"accepted": true, "roomId": h.hidden, "token": h.invited}},
		{"type": "invite-response", "data": object{"accepted": false, "roomId": h.hidden, "token": h.invited}},
		{"type": "search-user", "data": object{"needle": "a"}},
		{"type": "friend-get", "data": object{"friendId": ""}},
		{"type": "avatar", "data": object{"avatar": "data:image/png;base64,AAAA"}},
		{"type": "account-settings-set", "data": object{"setting": "popupChat", "value": true}},
		{"type": "settings", "data": object{}},
		{"type": "room", "data": object{}},
		inRoom(h.hidden, "chat", "msg", msg), inRoom(h.hidden, "chat", "log", nil),
		inRoom(h.hidden, "chat", "search", object{"text": "secret"}),
		inRoom(h.ada.id, "chat", "msg", msg), inRoom(h.bo.id, "chat", "msg", msg), inRoom("cont-1", "chat", "msg", msg),
		{"type": h.hidden, "data": object{"type": "initialize"}},
		{"type": h.room, "data": object{"type": "persist", "data": object{"name": "Guested"}}},
		inRoom(h.room, "chat", "edit-save", object{"msgId": h.message["msgId"], "message": "his", "reason": "because"}),
		inRoom(h.room, "chat", "delete", object{"msgId": h.message["msgId"]}),
		inRoom(h.room, "invite", "public", object{"reqId": "x"}), inRoom(h.room, "invite", "private", object{"reqId": "x"}),
		inRoom(h.room, "invite", "revoke", "public"), inRoom(h.room, "invite", "revoke", h.publicOf),
		inRoom(h.room, "invite", "room-invite", object{"clientId": h.bo.id}),
		inRoom(h.room, "invite", "room-add", object{"clientId": h.bo.id}),
	}
	for setting, value := range map[string]any{
		"roomName": "Guested", "userLimit": 1, "workgroups": object{"assigned": "x"},
		"authorized": object{"clientId": h.ada.id}, "isStream": true,
	} {
		all = append(all, inRoom(h.room, "settings", "setting", object{"setting": setting, "value": value}))
	}
	return all
}

// refused sends an attempt as it is, under the ids of others, and as a request,
// whose answer must be a refusal.
func (h *shut) refused(t *testing.T, attempt object) {
	t.Helper()
	h.guest.account(attempt)
	h.guest.send(stage(h.ada.id, attempt))
	h.guest.send(stage(h.room, attempt))
	deepest := attempt
	var layers []string
	for {
		inner, ok := deepest["data"].(object)
		if _, typed := inner["type"].(string); !ok || !typed {
			break
		}
		layers, deepest = append(layers, "data"), inner
	}
	asked := changed(attempt, "req-refused", append(layers, "requestId")...)
	h.guest.account(asked)
	f := h.guest.expect(func(v any) error {
		if !strings.Contains(show(v), `"req-refused"`) {
			return errors.New("another frame")
		}
		return nil
	})
	if answer := show(f); !strings.Contains(answer, "ERR_") || strings.Contains(answer, "secret") {
		t.Errorf("%s is answered with %s", show(attempt), answer)
	}
}

// unchanged looks at what the guest may have changed.
func (h *shut) unchanged(t *testing.T) {
	t.Helper()
	state := h.ada.roomState(h.room)
	if state["name"] != "Harbor" || len(state["users"].(list)) != 2 {
		t.Errorf("the guest's room is now %s", show(state))
	}
	if texts := h.ada.logOf(h.room); !slices.Equal(texts, []string{"hers", "fence 0", "fence 1"}) {
		t.Errorf("the log is %q", texts)
	}
	if got := dig(h.ada.ask(h.room, "invite", "state", nil), "response"); dig(got, "publicToken") != h.publicOf || show(dig(got, "privateTokens")) != "[]" {
		t.Errorf("the tokens are %s", show(got))
	}
	h.bo.initialize()
	if invites, _ := h.bo.state["invites"].(list); len(invites) != 1 {
		t.Errorf("the invitations of bo are %s", show(invites))
	}
}

// TestGuestAsksAboutCompany: a guest learns who those are who share its room with
// it, and nothing of anybody else.
func TestGuestAsksAboutCompany(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada", "bo")
	s.start()
	h := newShut(t, s, ws)
	identities := func(kind string, data any) any {
		h.guest.account(object{"type": "identity", "data": object{"type": kind, "data": data, "requestId": "req-" + kind}})
		f := h.guest.expect(h.guest.event(object{"type": "identity", "data": object{"requestId": "req-" + kind}}))
		return dig(f, "data", "data", "data", "response")
	}
	if got := identities("get", h.bo.id); got != nil {
		t.Errorf("get of bo: %s", show(got))
	}
	if got, _ := identities("get-list", list{h.bo.id, h.ada.id, h.guest.id}).(list); len(got) != 2 {
		t.Errorf("get-list: %s", show(got))
	}
	if got, _ := identities("refresh", object{h.bo.id: 0, h.ada.id: 0}).(list); len(got) != 1 || dig(got[0], "clientId") != h.ada.id {
		t.Errorf("refresh: %s", show(got))
	}
}

// TestGuestNames: a guest's name is cleaned and bounded, at the door and later, and
// seen by others under no account's id (docs/protocol.md 2.7).
func TestGuestNames(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada")
	s.start()
	ada := s.login(t, local("ada"), ws)
	room := ada.createRoom("Harbor")
	token := ada.token(room, "public")
	long := strings.Repeat("x", 10_000)
	for _, c := range []struct {
		what string
		name any
		want string
	}{
		{"plain", "Gil", "Gil"},
		{"accents and other scripts", "Zoë 李", "Zoë 李"},
		{"control characters", "G\x00i\x1bl\x7f", "Gil"},
		{"turned around", "G\u202eil\u2066\u200f", "Gil"},
		{"invisible", "G\u200bi\u2060l\ufeff", "Gil"},
		{"lines", " G\r\n\ti  l ", "G i l"},
		{"blank", " \u00a0\u3000\t", "Guest"},
		{"nothing to see", "\u202e\u200b\x00", "Guest"},
		{"no text", 5, "Guest"},
		{"an object", object{"name": "x"}, "Guest"},
		{"null", nil, "Guest"},
		{"long", long, long[:80]},
	} {
		t.Run(c.what, func(t *testing.T) {
			g := s.guest(t, ws, room, token, c.name)
			joined := ada.expect(ada.inRoom(room, object{"type": "join", "data": object{"clientId": g.id, "isGuest": true}}))
			seen, _ := dig(joined, "data", "data", "data", "data", "name").(string)
			if seen != c.want || utf8.RuneCountInString(seen) > 80 || strings.ContainsFunc(seen, unicode.IsControl) {
				t.Errorf("is seen as %q, want %q", seen, c.want)
			}
			g.say(room, "I am "+c.what)
			if msg := ada.sees(room, "I am "+c.what); msg["name"] != c.want || msg["fromId"] != nil {
				t.Errorf("writes as %s", show(msg))
			}
			if _, isText := c.name.(string); !isText || c.want == "Guest" {
				return // a name that is none changes nothing
			}
			g.rename(room, object{"name": "Other"}, "Other")
			g.rename(room, object{"name": c.name, "clientId": ada.id, "fromId": ada.id}, c.want)
			g.say(room, "renamed, "+c.what)
			if msg := ada.sees(room, "renamed, "+c.what); msg["name"] != c.want || msg["fromId"] != nil {
				t.Errorf("after another name it writes as %s", show(msg))
			}
		})
	}
}

// rename gives a guest another name and waits until everybody knows it; nobody else
// has both the old and the new one at that time.
func (u *user) rename(room string, identity object, want string) {
	u.t.Helper()
	u.toRoom(room, object{"type": "identity", "data": identity})
	u.expect(u.inRoom(room, object{"type": "at-names", "data": func(v any) error {
		names, _ := v.(list)
		if !slices.Contains(names, any(want)) || want != "Other" && slices.Contains(names, any("Other")) {
			return fmt.Errorf("the names are %s", show(v))
		}
		return nil
	}}))
}

// TestGuestIsNoAccount: a guest cannot become an account by what it sends.
func TestGuestIsNoAccount(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada", "bo")
	s.start()
	h := newShut(t, s, ws)
	for _, claim := range []object{
		stage("login", object{"fUserId": nil, "fUsername": "ada", "name": "Ada"}),
		stage("account", object{"type": "login", "data": h.ada.id}),
		{"type": "authenticate", "data": object{"type": "authid", "data": object{"tokens": object{"authId": localAuthID("ada")}, "login": "ada"}}},
		stage(h.ada.id, object{"type": h.room, "data": chat("msg", object{"message": "as ada"})}),
		stage(h.ada.id, object{"type": "initialize", "data": nil}),
		h.guest.inRoom(h.room, chat("msg", object{"message": "from ada", "fromId": h.ada.id, "name": "Ada", "msgId": "msg-1"})),
		{"type": "session", "data": h.ada.session},
	} {
		h.guest.send(claim)
	}
	msg := h.ada.sees(h.room, "from ada")
	if msg["fromId"] != nil || msg["name"] != "Gil" || msg["msgId"] == "msg-1" {
		t.Errorf("the guest writes as %s", show(msg))
	}
	h.fence(2)
	for _, u := range []*user{h.ada, h.bo, h.guest} {
		u.refute(u.inRoom(h.room, chat("msg", object{"message": "as ada"})))
	}
	h.guest.refute(h.ada.event(anything))

	named := s.guest(t, tcp, h.room, h.publicOf, h.ada.id)
	if named.id == h.ada.id || !strings.HasPrefix(named.id, "guest-") {
		t.Errorf("a guest with the name of an account's id got the id %s", named.id)
	}
}

// TestGuestComesAndGoes: a lost guest comes back to its place and misses nothing;
// one that goes is seen to go, and does not come back under its session.
func TestGuestComesAndGoes(t *testing.T) {
	for _, tr := range []transport{ws, tcp} {
		t.Run(string(tr), func(t *testing.T) {
			s := newServer(t)
			s.localUsers("ada")
			s.start()
			ada := s.login(t, local("ada"), ws)
			room := ada.createRoom("Harbor")
			token := ada.token(room, "private")
			g := s.guest(t, tr, room, token, "Gil")
			ada.expect(ada.inRoom(room, object{"type": "join", "data": object{"clientId": g.id}}))
			g.abort()
			for n := range 20 {
				ada.say(room, fmt.Sprint("while away ", n))
			}
			ada.sees(room, "while away 19")

			again := s.resume(t, g, tr)
			again.expect(object{"type": "session", "data": g.session})
			for n := range 20 {
				again.sees(room, fmt.Sprint("while away ", n))
			}
			again.say(room, "back")
			if msg := ada.sees(room, "back"); msg["name"] != "Gil" {
				t.Errorf("back as %s", show(msg))
			}

			again.send(object{"type": "session", "data": nil})
			again.expectEnd()
			ada.expect(ada.inRoom(room, object{"type": "leave", "data": g.id}))
			if in, _ := ada.roomState(room)["guests"].(list); len(in) != 0 {
				t.Errorf("still in the room: %s", show(in))
			}
			gone := s.resume(t, g, tr)
			gone.expect(object{"type": "session", "data": false})
			gone.expectEnd()
			if _, in := s.try(t, tr, room, token); in {
				t.Error("the token for one use let in twice")
			}
		})
	}
}

// TestTokensDieWithTheRoom: when a room is removed its guests are out and its
// tokens are dead, also after a restart.
func TestTokensDieWithTheRoom(t *testing.T) {
	s, core := withFriendCore(t)
	bob, alice := core.person("bob"), core.person("alice")
	ada, bo := s.login(t, alice, ws), s.login(t, bob, ws)
	room := ada.createRoom("Harbor")
	public, private := ada.token(room, "public"), ada.token(room, "private")
	ada.ask(room, "invite", "room-invite", object{"clientId": bo.id})
	f := bo.expect(bo.event(object{"type": "invite", "data": object{"type": "add"}}))
	personal, _ := dig(f, "data", "data", "data", "data", "token").(string)
	g := s.guest(t, tcp, room, public, "Gil")

	if answer := core.asks(alice, "room/remove", object{"roomId": room}); answer["error"] != nil {
		t.Fatalf("remove: %s", show(answer))
	}
	g.expect(g.event(object{"type": "close", "data": room}))
	bo.expect(bo.event(object{"type": "invite", "data": object{"type": "remove", "data": personal}}))
	dead := func(when string) {
		for _, token := range []string{public, private} {
			if _, in := s.try(t, ws, room, token); in {
				t.Errorf("%s: %s lets in", when, token)
			}
			if reply := bo.request("room-join", object{"invite": object{"roomId": room, "token": token}}); reply["error"] != "ERR_COULD_NOT_JOIN" {
				t.Errorf("%s: room-join with %s: %s", when, token, show(reply))
			}
		}
		reply := bo.request("invite-response", object{"accepted": true, "roomId": room, "token": personal})
		if reply["response"] != "ERR_COULD_NOT_JOIN" {
			t.Errorf("%s: the invitation: %s", when, show(reply))
		}
		if bo.state["invites"] != nil && when != "before" {
			t.Errorf("%s: invitations %s", when, show(bo.state["invites"]))
		}
	}
	dead("before")
	s.restart()
	bo = s.login(t, bob, tcp)
	dead("after the restart")
}

// TestGuestStateAgain: a guest whose state is sent anew - to a second connection of its
// session, after a loss with too much missed, or because it asks - is still told of its
// room.
func TestGuestStateAgain(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada")
	s.start()
	ada := s.login(t, local("ada"), ws)
	room := ada.createRoom("Harbor")
	g := s.guest(t, ws, room, ada.token(room, "public"), "Gil")
	told := func(u *user) object {
		return u.event(object{"type": "initialize", "data": object{"rooms": list{object{"clientId": room}}}})
	}
	second := s.resume(t, g, tcp)
	second.expect(object{"type": "session", "data": g.session})
	second.expect(told(second))
	g.account(object{"type": "initialize", "data": nil})
	g.expect(told(g))
}
