package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// person is a Friend user.
type person struct {
	login, name     string
	authID, fUserID string
}

// localAuthID is the authid of a user from [local_users].
func localAuthID(login string) string { return "local-authid-of-" + login + "-0123456789" }

func fullName(login string) string { return strings.ToUpper(login[:1]) + login[1:] }

// local is a person from [local_users].
func local(login string) person {
	return person{login: login, name: fullName(login), authID: localAuthID(login)}
}

// user is a person who is logged in on one connection.
type user struct {
	*client
	person
	id       string // account id
	session  string
	state    object // what initialize answered
	requests int
}

// login logs a person in and asks for the account's state (docs/protocol.md 2.2).
func (s *server) login(t testing.TB, p person, tr transport) *user {
	t.Helper()
	u := &user{client: s.dial(t, p.login, tr), person: p}
	u.authenticate()
	u.expect(object{"type": "authenticate", "data": true})
	u.enter()
	u.initialize()
	return u
}

// authenticate answers the challenge with the bundle.
func (u *user) authenticate() {
	u.t.Helper()
	u.expect(object{"type": "authenticate"})
	u.send(object{"type": "authenticate", "data": object{"type": "authid", "data": object{
		"tokens": object{"authId": u.authID, "userId": "4"}, "login": u.login,
	}}})
}

// enter passes the account stage.
func (u *user) enter() {
	u.t.Helper()
	u.expect(stage("account", nil))
	u.send(stage("login", object{"fUserId": nullIfEmpty(u.fUserID), "fUsername": u.login, "name": u.name, "avatar": nil}))
	u.session, _ = u.expect(object{"type": "session", "data": containing("")})["data"].(string)
	f := u.expect(stage("account", object{"type": "login", "data": containing("acc-")}))
	u.id, _ = dig(f, "data", "data", "data").(string)
}

func (u *user) initialize() {
	u.t.Helper()
	u.account(object{"type": "initialize", "data": nil})
	f := u.expect(u.event(object{"type": "initialize", "data": object{"rooms": anything}}))
	u.state, _ = dig(f, "data", "data", "data").(object)
}

// resume takes up a session on a new connection (docs/protocol.md 2.6).
func (s *server) resume(t testing.TB, old *user, tr transport) *user {
	t.Helper()
	u := &user{client: s.dial(t, old.login+" again", tr), person: old.person, id: old.id, session: old.session}
	u.expect(object{"type": "authenticate"})
	u.send(object{"type": "session", "data": old.session})
	return u
}

func nullIfEmpty(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// stage is a message of the login (docs/protocol.md 2.2).
func stage(kind string, data any) object {
	return object{"type": "msg", "data": object{"type": kind, "data": data}}
}

// event is an account event on the wire (docs/protocol.md 3.1).
func (u *user) event(e2 any) object { return stage(u.id, e2) }

// account sends an account event.
func (u *user) account(e2 any) { u.t.Helper(); u.send(u.event(e2)) }

// inRoom is a room event on the wire.
func (u *user) inRoom(room string, e3 any) object {
	return u.event(object{"type": room, "data": e3})
}

// toRoom sends a room event.
func (u *user) toRoom(room string, e3 any) { u.t.Helper(); u.send(u.inRoom(room, e3)) }

// request asks and returns the reply: requestId, response and error.
func (u *user) request(kind string, data any) object {
	u.t.Helper()
	u.requests++
	id := fmt.Sprintf("req-%s-%d", u.login, u.requests)
	u.account(object{"type": kind, "data": data, "requestId": id})
	f := u.expect(u.event(object{"requestId": id, "response": anything, "error": anything}))
	reply, _ := dig(f, "data", "data").(object)
	return reply
}

// createRoom makes a room, a temporary one if it has no name, and returns its id.
func (u *user) createRoom(name string) string {
	u.t.Helper()
	reply := u.request("room-create", object{"name": nullIfEmpty(name)})
	id, _ := dig(reply, "response", "clientId").(string)
	if !strings.HasPrefix(id, "room-") || reply["error"] != nil {
		u.t.Fatalf("room-create answered %s", show(reply))
	}
	return id
}

// add lets somebody into the room, and returns when he gets what is said there.
func (u *user) add(room string, other *user) {
	u.t.Helper()
	u.toRoom(room, object{"type": "invite", "data": object{"type": "room-add", "data": object{"clientId": other.id}}})
	other.expect(other.event(object{"type": "join", "data": object{"joined": object{"clientId": room}}}))
	u.expect(u.inRoom(room, object{"type": "join", "data": object{"clientId": other.id}}))
	other.barrier(room)
}

// roomState asks for the state of a room.
func (u *user) roomState(room string) object {
	u.t.Helper()
	u.toRoom(room, object{"type": "initialize", "data": nil})
	f := u.expect(u.inRoom(room, object{"type": "initialize", "data": object{"id": room}}))
	state, _ := dig(f, "data", "data", "data", "data").(object)
	return state
}

// nameRoom makes a temporary room a saved one.
func (u *user) nameRoom(room, name string) {
	u.t.Helper()
	u.toRoom(room, object{"type": "persist", "data": object{"name": name, "persistent": true}})
	u.expect(u.inRoom(room, object{"type": "room-update", "data": object{"clientId": room, "name": name}}))
}

// say sends a chat message.
func (u *user) say(room, text string) {
	u.t.Helper()
	u.toRoom(room, chat("msg", object{"message": text}))
}

func chat(kind string, data any) object {
	return object{"type": "chat", "data": object{"type": kind, "data": data}}
}

// sees waits for a chat message and returns it.
func (u *user) sees(room, text string) object {
	u.t.Helper()
	f := u.expect(u.inRoom(room, chat("msg", object{"message": text})))
	msg, _ := dig(f, "data", "data", "data", "data", "data").(object)
	return msg
}

// logOf asks for the newest messages of a room and returns their texts.
func (u *user) logOf(room string) []string {
	u.t.Helper()
	return u.logPage(room, nil)
}

// logPage asks for a part of the log and returns the texts.
func (u *user) logPage(room string, query any) []string {
	u.t.Helper()
	var texts []string
	for _, msg := range u.logMessages(room, query) {
		text, _ := msg["message"].(string)
		texts = append(texts, text)
	}
	return texts
}

func (u *user) logMessages(room string, query any) []object {
	u.t.Helper()
	u.toRoom(room, chat("log", query))
	f := u.expect(u.inRoom(room, chat("log", object{"type": anything, "data": object{"events": anything}})))
	events, _ := dig(f, "data", "data", "data", "data", "data", "data", "events").(list)
	var messages []object
	for _, e := range events {
		msg, _ := dig(e, "data").(object)
		messages = append(messages, msg)
	}
	return messages
}

// barrier waits until the room has handled everything that this connection has
// sent it: the echo comes behind all that was caused before.
func (u *user) barrier(room string) {
	u.t.Helper()
	u.toRoom(room, object{"type": "counter-reset"})
	u.expect(u.inRoom(room, object{"type": "counter-reset"}))
}

// dig follows keys into nested objects.
func dig(v any, keys ...string) any {
	for _, key := range keys {
		o, _ := v.(object)
		v = o[key]
	}
	return v
}
