package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"presence/friendcore/friendcoretest"
	"presence/sql"
)

// invitesOf lists the tokens of the invitations that the account's state shows.
func (u *user) invitesOf(room string) []string {
	u.t.Helper()
	u.initialize()
	var tokens []string
	all, _ := u.state["invites"].(list)
	for _, i := range all {
		if dig(i, "roomId") == room && dig(i, "targetId") == u.id {
			token, _ := dig(i, "token").(string)
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// respond accepts or declines an invitation and returns the response.
func (u *user) respond(room, token string, accepted bool) any {
	u.t.Helper()
	return u.request("invite-response", object{"accepted": accepted, "roomId": room, "token": token})["response"]
}

const couldNotJoin = "ERR_COULD_NOT_JOIN"

// TestInvitationsOutliveARestart: an invitation waits for the account it is for, and
// for nobody else, until it is accepted, declined or revoked; then it is dead.
func TestInvitationsOutliveARestart(t *testing.T) {
	onEach(t, func(t *testing.T, c sql.Config) {
		s := newServer(t)
		s.useDatabase(c)
		s.localUsers("ada", "bo", "eve")
		s.start()
		ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), ws)
		ends := map[string]func(t *testing.T, ada, bo *user, room, token string){
			"accept": func(t *testing.T, ada, bo *user, room, token string) {
				if got := bo.respond(room, token, true); got != nil {
					t.Fatalf("accepted: %v", got)
				}
				if texts := bo.logOf(room); !slices.Equal(texts, []string{"welcome"}) {
					t.Errorf("the log is %q", texts)
				}
				ada.expect(ada.inRoom(room, object{"type": "join", "data": object{"clientId": bo.id, "isAuthed": true}}))
				ada.say(room, "there you are")
				bo.sees(room, "there you are")
			},
			"decline": func(t *testing.T, ada, bo *user, room, token string) {
				bo.account(object{"type": "invite-response", "requestId": "req-decline", "data": object{"roomId": room, "token": token}})
				bo.expect(bo.event(object{"type": "invite", "data": object{"type": "remove", "data": token}}))
				bo.expect(bo.event(object{"requestId": "req-decline", "response": true, "error": nil}))
			},
			"revoke": func(t *testing.T, ada, bo *user, room, token string) {
				if reply := ada.ask(room, "invite", "revoke", token); reply["error"] != nil {
					t.Errorf("revoked: %s", show(reply))
				}
				bo.expect(bo.event(object{"type": "invite", "data": object{"type": "remove", "data": token}}))
			},
		}
		rooms, tokens := map[string]string{}, map[string]string{}
		for end := range ends {
			room := ada.createRoom("")
			rooms[end] = room
			if end == "decline" {
				ada.nameRoom(room, end)
			}
			ada.say(room, "welcome")
			ada.sees(room, "welcome")
			for range 2 { // there is one for each
				ada.ask(room, "invite", "room-invite", object{"clientId": bo.id})
			}
			if end != "decline" {
				ada.nameRoom(room, end) // the invitation is of the time before
			}
			if open := bo.invitesOf(room); len(open) != 1 {
				t.Fatalf("%s: %d invitations before the restart", end, len(open))
			}
		}
		s.restart()
		ada, bo = s.login(t, local("ada"), ws), s.login(t, local("bo"), tcp)
		eve := s.login(t, local("eve"), ws)
		for end := range ends {
			open := bo.invitesOf(rooms[end])
			if len(open) != 1 {
				t.Fatalf("%s: %d invitations after the restart", end, len(open))
			}
			room, token := rooms[end], open[0]
			tokens[end] = token
			if got := eve.respond(room, token, true); got != couldNotJoin {
				t.Errorf("%s: somebody else accepts: %v", end, got)
			}
			eve.respond(room, token, false)
			if reply := eve.request("room-join", object{"invite": object{"roomId": room, "token": token}}); reply["error"] != couldNotJoin {
				t.Errorf("%s: somebody else joins: %s", end, show(reply))
			}
			if _, in := s.try(t, ws, room, token); in {
				t.Errorf("%s: a guest comes by it", end)
			}
			if still := bo.invitesOf(room); !slices.Equal(still, open) {
				t.Errorf("%s: %q is left of %q", end, still, open)
			}
			ends[end](t, ada, bo, room, token)
			if left := bo.invitesOf(room); len(left) != 0 {
				t.Errorf("%s: %q is left", end, left)
			}
		}
		s.restart()
		ada, bo = s.login(t, local("ada"), ws), s.login(t, local("bo"), ws)
		for end, room := range rooms {
			if left := bo.invitesOf(room); len(left) != 0 {
				t.Errorf("%s: %q is back", end, left)
			}
			if reply := bo.request("room-get", room); end != "accept" && reply["error"] != nil {
				t.Errorf("%s: room-get: %s", end, show(reply))
			}
			if got := bo.respond(room, tokens[end], true); end != "accept" && got != couldNotJoin {
				t.Errorf("%s: accepted afterwards: %v", end, got)
			}
			want := 1
			if end == "accept" {
				want = 2
			}
			if in, _ := ada.roomState(room)["users"].(list); len(in) != want {
				t.Errorf("%s: %s are in the room", end, show(in))
			}
		}
	})
}

// crew are all kinds of people around a room.
type crew struct {
	owner, member, admin, far, stranger, guest *user // far is an admin who is not in it
	room, other                                string
}

func newCrew(t *testing.T, s *server, core *friendCore, name string) *crew {
	t.Helper()
	admin := func(login string) person {
		if _, known := core.User(login); known {
			t.Fatalf("%s is there already", login)
		}
		return core.personOf(friendcoretest.User{Login: login, FullName: fullName(login), Level: "Admin"})
	}
	c := &crew{
		owner: s.login(t, core.person("ada"), ws), member: s.login(t, core.person("bo"), tcp),
		admin: s.login(t, admin("adam"), ws), far: s.login(t, admin("afar"), ws), stranger: s.login(t, core.person("eve"), tcp),
	}
	c.room, c.other = c.owner.createRoom(name), c.owner.createRoom("Other")
	c.owner.add(c.room, c.member)
	c.owner.add(c.room, c.admin)
	c.guest = s.guest(t, tcp, c.room, c.owner.token(c.room, "public"), "Gil")
	return c
}

// writes says something and returns the id of the message.
func (u *user) writes(room, text string) string {
	u.t.Helper()
	u.say(room, text)
	id, _ := u.sees(room, text)["msgId"].(string)
	return id
}

// outcome is the code with which an edit or a deletion is refused; empty if it is
// done. Who is not in the room is answered at another layer.
func (u *user) outcome(room, kind string, data object) string {
	u.t.Helper()
	u.requests++
	id := fmt.Sprintf("req-outcome-%d", u.requests)
	u.toRoom(room, object{"type": "chat", "data": object{"type": kind, "data": data, "requestId": id}})
	answer := show(u.expect(func(v any) error {
		if !strings.Contains(show(v), id) {
			return fmt.Errorf("another frame")
		}
		return nil
	}))
	_, rest, refused := strings.Cut(answer, "ERR_")
	if !refused {
		return ""
	}
	code, _, _ := strings.Cut(rest, `"`)
	return "ERR_" + code
}

// TestWhoEditsAndDeletes: edits and deletions by those who may not change nothing and
// are told to nobody (docs/protocol.md 8.6, 8.7).
func TestWhoEditsAndDeletes(t *testing.T) {
	for _, name := range []string{"", "Harbor"} {
		t.Run("room "+name, func(t *testing.T) {
			s, core := withFriendCore(t)
			c := newCrew(t, s, core, name)
			of := map[string]string{
				"owner": c.owner.writes(c.room, "the owner's"), "member": c.member.writes(c.room, "the member's"),
				"guest": c.guest.writes(c.room, "the guest's"), "elsewhere": c.owner.writes(c.other, "elsewhere"), "nobody": "msg-1",
			}
			for _, u := range []*user{c.owner, c.member, c.admin, c.guest} {
				u.barrier(c.room)
			}
			for _, a := range []struct {
				who  string
				by   *user
				kind string
				msg  string
				want string
			}{
				{"owner", c.owner, "edit-save", "member", "ERR_EDIT_NOT_ALLOWED"},
				{"owner", c.owner, "edit-save", "guest", "ERR_EDIT_NOT_ALLOWED"},
				{"owner", c.owner, "edit-save", "elsewhere", "ERR_EVENT_NOT_FOUND"},
				{"owner", c.owner, "edit-save", "nobody", "ERR_EVENT_NOT_FOUND"},
				{"member", c.member, "edit-save", "owner", "ERR_EDIT_NOT_ALLOWED"},
				{"guest", c.guest, "edit-save", "guest", "ERR_EDIT_NOT_ALLOWED"},
				{"guest", c.guest, "edit-save", "owner", "ERR_EDIT_NOT_ALLOWED"},
				{"stranger", c.stranger, "edit-save", "owner", "ERR_NO_LISTENER"},
				{"admin elsewhere", c.far, "edit-save", "owner", "ERR_NO_LISTENER"},
				{"owner", c.owner, "delete", "owner", "ERR_NOT_ADMIN"},
				{"owner", c.owner, "delete", "member", "ERR_NOT_ADMIN"},
				{"member", c.member, "delete", "member", "ERR_NOT_ADMIN"},
				{"guest", c.guest, "delete", "guest", "ERR_NOT_ADMIN"},
				{"stranger", c.stranger, "delete", "owner", "ERR_NO_LISTENER"},
				{"admin elsewhere", c.far, "delete", "owner", "ERR_NO_LISTENER"},
				{"admin", c.admin, "delete", "elsewhere", "ERR_NO_MESSAGE"},
				{"admin", c.admin, "delete", "nobody", "ERR_NO_MESSAGE"},
			} {
				data := object{"msgId": of[a.msg], "message": "changed", "reason": "because"}
				if got := a.by.outcome(c.room, a.kind, data); got != a.want {
					t.Errorf("%s: %s of %s: %q, want %q", a.who, a.kind, a.msg, got, a.want)
				}
			}
			if got := c.admin.outcome(c.room, "edit-save", object{"msgId": of["owner"], "message": "changed"}); got != "ERR_EDIT_NO_REASON" {
				t.Errorf("an admin without a reason: %q", got)
			}
			for _, u := range []*user{c.owner, c.member, c.admin, c.guest} {
				u.barrier(c.room)
				for _, kind := range []string{"edit", "update", "delete", "remove", "last-message"} {
					u.refute(u.inRoom(c.room, chat(kind, anything)))
				}
				if texts := u.logOf(c.room); !slices.Equal(texts, []string{"the owner's", "the member's", "the guest's"}) {
					t.Errorf("%s: the log is %q", u.label, texts)
				}
			}
			c.admin.changes(t, c, of)
		})
	}
}

// changes is what an admin may do, and what may not be done after it.
func (u *user) changes(t *testing.T, c *crew, of map[string]string) {
	t.Helper()
	if got := u.outcome(c.room, "edit-save", object{"msgId": of["member"], "message": "seemly", "reason": "unseemly"}); got != "" {
		t.Errorf("an admin edits: %q", got)
	}
	if got := c.member.outcome(c.room, "edit-save", object{"msgId": of["member"], "message": "back"}); got != "ERR_EDIT_NO_REASON" {
		t.Errorf("the author takes an admin's edit back without a trace: %q", got)
	}
	for _, want := range []string{"", "ERR_NO_MESSAGE"} {
		if got := u.outcome(c.room, "delete", object{"msgId": of["owner"]}); got != want {
			t.Errorf("an admin deletes: %q, want %q", got, want)
		}
	}
	if got := c.owner.outcome(c.room, "edit-save", object{"msgId": of["owner"], "message": "risen", "reason": "because"}); got == "" {
		t.Error("a deleted message was edited")
	}
	for _, reader := range []*user{c.member, c.guest} {
		for _, kind := range []string{"msg-get", "edit-get"} {
			if got := show(reader.ask(c.room, "chat", kind, object{"msgId": of["owner"]})); strings.Contains(got, "the owner's") {
				t.Errorf("%s tells a deleted text: %s", kind, got)
			}
		}
		if texts := reader.logOf(c.room); !slices.Equal(texts, []string{"seemly", "the guest's"}) {
			t.Errorf("the log is %q", texts)
		}
	}
}

// TestEditAfterGrace: for a short time authors change their text without a trace;
// afterwards a reason is needed, and the edit is told as one.
func TestEditAfterGrace(t *testing.T) {
	s := newServer(t)
	s.localUsers("ada")
	s.ini.set("messages", "edit_grace = 1s")
	s.start()
	ada := s.login(t, local("ada"), ws)
	room := ada.createRoom("Harbor")
	id := ada.writes(room, "first")
	last := "first"
	poll(t, func() bool {
		switch code := ada.outcome(room, "edit-save", object{"msgId": id, "message": last + "+"}); code {
		case "":
			last += "+"
			return false
		case "ERR_EDIT_NO_REASON":
			return true
		default:
			t.Fatalf("refused with %s", code)
			return false
		}
	}, func() string { return "an edit needs no reason" })
	for _, reason := range []any{"", "  ", 5, object{}, strings.Repeat("x", 1001)} {
		if code := ada.outcome(room, "edit-save", object{"msgId": id, "message": "no", "reason": reason}); !strings.HasPrefix(code, "ERR_EDIT_") {
			t.Errorf("reason %v: %q", show(reason), code)
		}
	}
	if texts := ada.logOf(room); !slices.Equal(texts, []string{last}) {
		t.Errorf("the log is %q, want %q", texts, last)
	}
	if code := ada.outcome(room, "edit-save", object{"msgId": id, "message": "second", "reason": "typo"}); code != "" {
		t.Errorf("with a reason: %s", code)
	}
	s.restart()
	ada = s.login(t, local("ada"), tcp)
	ada.expect(ada.event(object{"type": "join", "data": object{"joined": object{"clientId": room}}}))
	if msg := ada.logMessages(room, nil)[0]; msg["message"] != "second" || msg["editReason"] != "typo" || msg["editBy"] != ada.id || msg["msgId"] != id {
		t.Errorf("after the restart the message is %s", show(msg))
	}
}

// found searches a room and returns the texts.
func (u *user) found(room, words string) []string {
	u.t.Helper()
	var texts []string
	events, _ := dig(u.ask(room, "chat", "search", object{"text": words}), "response", "data", "events").(list)
	for _, e := range events {
		text, _ := dig(e, "data", "message").(string)
		texts = append(texts, text)
	}
	return texts
}

// TestSearchTellsNoMore: a search finds what the log shows now, in this room, and
// answers members only.
func TestSearchTellsNoMore(t *testing.T) {
	onEach(t, func(t *testing.T, config sql.Config) {
		for _, name := range []string{"", "Harbor"} {
			t.Run("room "+name, func(t *testing.T) {
				core := newFriendCore(t, friendcoretest.Options{})
				s := core.serve(t)
				s.useDatabase(config)
				s.start()
				c := newCrew(t, s, core, name)
				kept := "apple one"
				c.owner.writes(c.room, kept)
				unseen, edited := c.owner.writes(c.room, "apple unseen"), c.member.writes(c.room, "apple edited")
				deleted := c.member.writes(c.room, "apple deleted")
				c.owner.writes(c.other, "apple elsewhere")
				for _, done := range []string{
					c.owner.outcome(c.room, "edit-save", object{"msgId": unseen, "message": "pear two"}),
					c.admin.outcome(c.room, "edit-save", object{"msgId": edited, "message": "pear three", "reason": "apple"}),
					c.admin.outcome(c.room, "delete", object{"msgId": deleted}),
				} {
					if done != "" {
						t.Fatalf("refused: %s", done)
					}
				}
				for words, want := range map[string][]string{
					"apple": {kept}, "APPLE One": {kept}, "appl": {kept}, "pear": {"pear two", "pear three"},
					"elsewhere": nil, "deleted": nil, "edited": nil, "unseen": nil, "apple pear": nil,
					`apple" OR "pear`: nil, "apple -one": {kept}, "apple*": {kept}, "+apple ~one": {kept},
				} {
					for _, u := range []*user{c.owner, c.guest} {
						if got := u.found(c.room, words); !slices.Equal(got, want) {
							t.Errorf("%s finds %q by %q, want %q", u.label, got, words, want)
						}
					}
				}
				for _, u := range []*user{c.stranger, c.far} {
					if got := u.outcome(c.room, "search", object{"text": "apple"}); got != "ERR_NO_LISTENER" {
						t.Errorf("%s searches: %q", u.label, got)
					}
				}
				for _, bad := range []object{{}, {"text": ""}, {"text": "%"}, {"text": "a"}, {"text": 5}, {"text": strings.Repeat("x", 2000)}} {
					if got := c.owner.outcome(c.room, "search", bad); got != "ERR_INVALID_DATA" {
						t.Errorf("search for %s: %q", show(bad)[:min(40, len(show(bad)))], got)
					}
				}
			})
		}
	})
}

// TestRemovedMember: who was removed from a room, there or away, is out of it at once
// and for good, and neither reads nor writes there any more.
func TestRemovedMember(t *testing.T) {
	for _, away := range []bool{false, true} {
		t.Run(fmt.Sprint("away ", away), func(t *testing.T) {
			s := newServer(t)
			s.localUsers("ada", "bo")
			s.start()
			ada, bo := s.login(t, local("ada"), ws), s.login(t, local("bo"), tcp)
			room := ada.createRoom("Harbor")
			ada.add(room, bo)
			ada.say(room, "secret")
			bo.sees(room, "secret")
			if away {
				s.goes(bo, 1)
			}
			reply := ada.ask(room, "settings", "setting", object{"setting": "authorized", "value": object{"clientId": bo.id}})
			if reply["error"] != nil {
				t.Fatalf("not removed: %s", show(reply))
			}
			if away {
				bo = s.login(t, local("bo"), ws)
			} else {
				bo.expect(bo.event(object{"type": "close", "data": room}))
			}
			out := func() {
				for kind, data := range map[string]object{
					"msg": {"message": "I am back"}, "log": {}, "search": {"text": "secret"}, "confirm": {"type": "message", "eventId": "msg-1"},
				} {
					if code := bo.outcome(room, kind, data); code != "ERR_NO_LISTENER" {
						t.Errorf("%s is answered with %q", kind, code)
					}
				}
				bo.request("room-get", room)
			}
			out()
			ada.say(room, "among us")
			ada.sees(room, "among us")
			out()
			bo.refute(bo.inRoom(room, chat("msg", object{"message": "among us"})))
			if in, _ := ada.roomState(room)["users"].(list); len(in) != 1 {
				t.Errorf("in the room: %s", show(in))
			}
			s.restart()
			bo = s.login(t, local("bo"), ws)
			out()
			bo.refute(bo.event(object{"type": "join"}))
			ada = s.login(t, local("ada"), ws)
			ada.expect(ada.event(object{"type": "join", "data": object{"joined": object{"clientId": room}}}))
			if texts := ada.logOf(room); !slices.Equal(texts, []string{"secret", "among us"}) {
				t.Errorf("the log is %q", texts)
			}
		})
	}
}
