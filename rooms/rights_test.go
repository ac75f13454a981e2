package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// guest opens a guest by an invite token and asks for its state.
func (w *world) guest(room RoomID, token, name string) *person {
	w.t.Helper()
	g, err := w.tryGuest(room, token, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

func (w *world) tryGuest(room RoomID, token, name string) (*person, error) {
	id, err := w.hub.AdmitGuest(context.Background(), GuestClaim{Token: token, Room: room, Name: name, From: "192.0.2.1"})
	if err != nil {
		return nil, err
	}
	if err := w.hub.Open(context.Background(), id); err != nil {
		w.t.Fatal(err)
	}
	g := &person{w, id}
	g.send("initialize", nil, "")
	return g, nil
}

// publicToken makes the room's public token.
func (p *person) publicToken(room RoomID) string {
	p.w.t.Helper()
	var link publicLink
	p.ask(room, "invite", "public", nil).into(p.w.t, &link)
	return link.Token
}

// privateToken makes a token for one use.
func (p *person) privateToken(room RoomID) string {
	p.w.t.Helper()
	var link publicLink
	p.ask(room, "invite", "private", nil).into(p.w.t, &link)
	return link.Token
}

// said writes a message and returns its id.
func (p *person) said(room RoomID, text string) string {
	p.w.t.Helper()
	var m struct {
		Data struct {
			MsgID string `json:"msgId"`
		} `json:"data"`
	}
	p.ask(room, "chat", "msg", map[string]any{"message": text}).into(p.w.t, &m)
	return m.Data.MsgID
}

// scene is a room with somebody in each role, as docs/protocol.md 7.8 names them. In
// a contact room nobody is anything else than one of the two.
type scene struct {
	w      *world
	room   RoomID // as the one in question knows it
	actor  *person
	other  *person // somebody else in the room
	token  string  // for one use, made by somebody else
	mine   string  // a message of the actor
	theirs string  // a message of somebody else
}

var allRoles = []string{"owner", "admin", "authorized", "workgroup", "guest", "contact", "work", "work-super", "work-admin", "viewer"}

// newScene makes the room for one role; temporary rooms have no workgroups.
func newScene(w *world, role string, temporary bool) *scene {
	if slices.Contains(strings.Fields(inWork+" viewer"), role) {
		return newWorkScene(w, role)
	}
	ada, adm, bo, cy := w.login("ada"), w.login("adm"), w.login("bo"), w.login("cy")
	w.login("dan")
	w.sync(group("11", "cy"), group("12", "dan"))
	s := &scene{w: w, other: ada}
	name := "Road map"
	if temporary && role != "workgroup" {
		name = ""
	}
	if role == "contact" {
		s.actor, s.room = bo, RoomID(ada.id)
		bo.request("relation-add", map[string]any{"clientId": ada.id})
		s.theirs = ada.said(RoomID(bo.id), "by ada")
	} else {
		s.room = ada.makeRoom(name)
		ada.add(s.room, adm)
		ada.add(s.room, bo)
		if name != "" {
			adm.set(s.room, "workgroups", map[string]any{"clientId": "friend_wg_11", "value": true})
		}
		public := ada.publicToken(s.room)
		s.theirs, s.token = ada.said(s.room, "by ada"), ada.privateToken(s.room)
		switch role {
		case "owner":
			s.actor, s.other = ada, bo
			s.theirs, s.token = bo.said(s.room, "by bo"), bo.privateToken(s.room)
		case "admin":
			s.actor = adm
		case "authorized":
			s.actor = bo
		case "workgroup":
			s.actor = cy
		case "guest":
			s.actor = w.guest(s.room, public, "Gus")
		}
	}
	s.mine = s.actor.said(s.room, "by myself")
	s.actor.take()
	s.other.take()
	return s
}

// newWorkScene is the same in a work room: that of a child group for members, of its
// parent for who looks in (docs/protocol.md 15.2).
func newWorkScene(w *world, role string) *scene {
	ada, adm, bo, cy := w.login("ada"), w.login("adm"), w.login("bo"), w.login("cy")
	w.login("dan")
	w.hub.opt.Work = asShipped
	w.sync(group("11", "cy"), group("12", "dan"), group("21", "cy"), child(group("22", "ada", "adm", "bo"), "21"))
	w.super("21")
	s := &scene{w: w, other: ada, room: w.workRoom("friend_wg_22")}
	switch role {
	case "work":
		s.actor = bo
	case "work-super":
		s.actor = cy
	case "work-admin":
		s.actor = adm
	case "viewer":
		s.actor, s.other, s.room = bo, cy, w.workRoom("friend_wg_21")
	}
	if role == "viewer" {
		var m struct{ Data struct{ MsgID string } }
		cy.ask(s.room, "chat", "work-msg", map[string]any{
			"message": "by cy", "targets": map[string]any{"friend_wg_22": []AccountID{bo.id}},
		}).into(w.t, &m)
		s.theirs = m.Data.MsgID
	} else {
		s.theirs = ada.said(s.room, "by ada")
	}
	s.mine = s.actor.said(s.room, "by myself")
	s.actor.take()
	s.other.take()
	return s
}

// right is a message and the roles that may send it, written down from
// docs/protocol.md 7.8. sign is what the sender or another member gets if it is done.
type right struct {
	name, component, typ string
	data                 func(s *scene) any
	may                  string
	sign                 string
	temporary            bool
}

const (
	inWork      = "work work-super work-admin"
	everyone    = inRooms + " contact " + inWork + " viewer"
	insiders    = inRooms + " contact " + inWork // those who do not only look in
	inRooms     = "owner admin authorized workgroup guest"
	allAccounts = "owner admin authorized workgroup"
	ruling      = "owner admin"
	done        = `"error":null`
)

func nothing(*scene) any { return nil }

func value(v any) func(*scene) any { return func(*scene) any { return v } }

func change(name string, v any) func(*scene) any {
	return value(map[string]any{"setting": name, "value": v})
}

func edit(id func(*scene) string) func(*scene) any {
	return func(s *scene) any { return map[string]any{"msgId": id(s), "message": "new text", "reason": "a reason"} }
}

func mine(s *scene) string   { return s.mine }
func theirs(s *scene) string { return s.theirs }

func message(id func(*scene) string) func(*scene) any {
	return func(s *scene) any { return map[string]any{"msgId": id(s)} }
}

func account(name string) func(*scene) any {
	return func(s *scene) any {
		return map[string]any{"clientId": s.w.hub.dir.byFriendID(user(name).ID).ID}
	}
}

var rights = []right{
	{"read the state", "", "initialize", nothing, everyone, `"type":"initialize"`, false},
	{"open", "", "open", nothing, "contact", `"type":"open","data":true`, false},
	{"give a name", "", "persist", value(map[string]any{"name": "Named"}), ruling, `"type":"persistent"`, true},
	{"leave", "", "leave", nothing, inRooms, done, false},
	{"look at it", "", "active", value(map[string]any{"isActive": true}), everyone, done, false},
	{"reset the counter", "", "counter-reset", nothing, everyone, `"type":"counter-reset"`, false},
	{"join the call", "", "live-join", value("lc-1"), insiders, `"type":"open"`, false},
	{"take up the call", "", "live-restore", value(map[string]any{"clientId": "lc-1"}), insiders, `"type":"open"`, false},
	{"leave the call", "", "live-leave", nothing, insiders, done, false},
	{"send to the call", "", "live", value(map[string]any{"type": "quality", "data": "low"}), insiders, done, false},
	{"give oneself a name", "", "identity", value(map[string]any{"name": "Otter"}), inRooms + " contact", done, false},

	{"write", "chat", "msg", value(map[string]any{"message": "hello"}), everyone, `"message":"hello"`, false},
	{"write to other workgroups", "chat", "work-msg", value(map[string]any{"message": "hello", "targets": map[string]any{"friend_wg_21": true}}), inWork, `"type":"work-msg"`, false},
	{"read the log", "chat", "log", nothing, everyone, `"type":"log"`, false},
	{"type", "chat", "state", value(map[string]any{"type": "set-typing"}), insiders, done, false},
	{"confirm", "chat", "confirm", func(s *scene) any { return map[string]any{"type": "message", "eventId": s.theirs} }, everyone, done, false},
	{"read a message", "chat", "msg-get", message(theirs), everyone, `"message":"by `, false},
	{"read a message to edit", "chat", "edit-get", message(mine), everyone, `"message":"by myself"`, false},
	{"search", "chat", "search", value(map[string]any{"text": "myself"}), insiders, `"message":"by myself"`, false},
	{"edit an own message", "chat", "edit-save", edit(mine), allAccounts + " contact " + inWork + " viewer", `"type":"update"`, false},
	{"edit others' messages", "chat", "edit-save", edit(theirs), "admin work-admin", `"type":"edit"`, false},
	{"delete others' messages", "chat", "delete", message(theirs), "admin work-admin", `"type":"remove"`, false},
	{"delete an own message", "chat", "delete", message(mine), "admin contact work-admin", `"status":"delete"`, false},

	{"see the public token", "invite", "state", nothing, inRooms, `"publicToken":"public-`, false},
	{"see other tokens", "invite", "state", nothing, allAccounts, `"privateTokens":["private-`, false},
	{"make a public token", "invite", "public", nothing, allAccounts, `"token":"public-`, false},
	{"make a token for one use", "invite", "private", nothing, allAccounts, `"token":"private-`, false},
	{"revoke the public token", "invite", "revoke", value("public"), allAccounts, `"type":"revoke","data":"public"`, false},
	{"revoke an own token", "invite", "revoke", func(s *scene) any {
		frames := s.actor.asked(s.room, "invite", "private", nil)
		text, found := between(frames, `"token":"`, `"`)
		if !found {
			return "private-none"
		}
		return text
	}, allAccounts, `"type":"revoke"`, false},
	{"revoke others' tokens", "invite", "revoke", func(s *scene) any { return s.token }, ruling, `"type":"revoke"`, false},
	{"invite somebody", "invite", "room-invite", account("dan"), allAccounts, done, false},
	{"add somebody", "invite", "room-add", account("dan"), allAccounts, `"type":"join"`, false},
	{"send a mail", "invite", "email", value(map[string]any{"email": "x"}), inRooms, done, false},

	{"read settings", "settings", "get", nothing, everyone, done, false},
	{"read the name", "settings", "get", nothing, inRooms, `"roomName":"`, false},
	{"read workgroups in the settings", "settings", "get", nothing, "admin", `"workgroups":{`, false},
	{"read the list of members", "settings", "get", nothing, ruling, `"authorized":[`, false},
	{"save settings", "settings", "save", nothing, everyone, done, false},
	{"set the name", "settings", "setting", change("roomName", "Other"), ruling, `"type":"room-update"`, false},
	{"set the limit", "settings", "setting", change("userLimit", 3), ruling, `"success":true`, false},
	{"hide addresses", "settings", "setting", change("hideAddresses", true), ruling, "ERR_NO_RELAY", false},
	{"set streaming", "settings", "setting", change("isStream", true), ruling, "ERR_NO_PROXY", false},
	{"set recording", "settings", "setting", change("isRecording", true), ruling, "ERR_NO_PROXY", false},
	{"assign workgroups", "settings", "setting", change("workgroups", map[string]any{"clientId": "friend_wg_12", "value": true}), "admin", `"type":"assigned"`, false},
	{"dismiss workgroups", "settings", "setting", change("workgroups", map[string]any{"clientId": "friend_wg_11", "value": false}), "admin", `"type":"assigned"`, false},
	{"remove a member", "settings", "setting", func(s *scene) any {
		return map[string]any{"setting": "authorized", "value": account("bo")(s)}
	}, ruling, `"setting":"authorized","value":{"clientId":"acc-`, false},
}

// asked sends a room request and returns all that came of it.
func (p *person) asked(room RoomID, component, typ string, data any) []string {
	p.take()
	p.to(room, component, typ, data, "r-1")
	return p.take()
}

// between finds what stands between two parts in one of the frames.
func between(frames []string, before, after string) (string, bool) {
	for _, f := range frames {
		if _, rest, ok := strings.Cut(f, before); ok {
			text, _, _ := strings.Cut(rest, after)
			return text, true
		}
	}
	return "", false
}

// TestRights walks every cell of role and message: what is allowed each in a room of
// its own, what is refused in one room, which must not change by it.
func TestRights(t *testing.T) {
	for _, role := range allRoles {
		t.Run("allowed to "+role, func(t *testing.T) {
			for _, r := range rights {
				if r.allows(role) {
					inWorld(t, func(t *testing.T, w *world) { r.try(t, newScene(w, role, r.temporary), true) })
				}
			}
		})
		for _, temporary := range []bool{false, true} {
			t.Run(fmt.Sprintf("refused to %s, temporary %v", role, temporary), func(t *testing.T) {
				inWorld(t, func(t *testing.T, w *world) {
					s := newScene(w, role, temporary)
					for _, r := range rights {
						if !r.allows(role) && r.temporary == temporary {
							r.try(t, s, false)
						}
					}
				})
			})
		}
	}
}

func (r right) allows(role string) bool { return slices.Contains(strings.Fields(r.may), role) }

// try sends the message and fails unless it is done, or refused.
func (r right) try(t *testing.T, s *scene, may bool) {
	t.Helper()
	data := r.data(s)
	s.other.take()
	frames := s.actor.asked(s.room, r.component, r.typ, data)
	others := s.other.take()
	if did := index(frames, r.sign) >= 0; did != may {
		t.Errorf("%s: done: %v, want %v; got %q", r.name, did, may, frames)
	}
	if !may && r.typ != "get" && r.typ != "state" { // what these tell depends on who asks
		refusedTo(t, frames, others)
	}
}

// refusedTo fails unless the sender was refused and nobody else heard of it.
func refusedTo(t *testing.T, frames, others []string) {
	t.Helper()
	if index(frames, `"ERR_`) < 0 {
		t.Errorf("no refusal in %q", frames)
	}
	if len(others) > 0 {
		t.Errorf("others heard %q", others)
	}
}

// TestRightsAreComplete: the table above has every message there is.
func TestRightsAreComplete(t *testing.T) {
	listed := map[string]bool{"/chat": true, "/invite": true, "/settings": true}
	for _, r := range rights {
		listed[r.component+"/"+r.typ] = true
		if strings.HasPrefix(r.typ, "setting") {
			text, _ := json.Marshal(r.data(&scene{w: &world{hub: &Hub{dir: bareDirectory()}}}))
			name, _ := between([]string{string(text)}, `"setting":"`, `"`)
			listed["setting:"+name] = true
		}
	}
	for component, table := range map[string]map[string]action{
		"": roomHandlers, "chat": chatHandlers, "invite": inviteHandlers, "settings": settingsHandlers,
	} {
		for typ := range table {
			if !listed[component+"/"+typ] {
				t.Errorf("no right is written down for %s/%s", component, typ)
			}
		}
	}
	for name := range settingHandlers {
		if !listed["setting:"+name] {
			t.Errorf("no right is written down for the setting %s", name)
		}
	}
}

func bareDirectory() *directory {
	d := newDirectory()
	d.put([]AccountRecord{{ID: "acc-1", FUserID: user("bo").ID, FUsername: "bo"}})
	return d
}

// TestStrangersHaveNoRights: who is not in a room is told so, whatever he sends.
func TestStrangersHaveNoRights(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := newScene(w, "owner", false)
		eve := w.login("eve")
		for _, r := range rights {
			s.actor.take()
			frames := eve.asked(s.room, r.component, r.typ, r.data(s))
			s.actor.take()
			if len(frames) != 1 || index(frames, `"error":"ERR_NO_LISTENER"`) != 0 {
				t.Errorf("%s: a stranger got %q", r.name, frames)
			}
		}
	})
}

// TestAccountRights: guests may ask for their state and for identities, no more.
func TestAccountRights(t *testing.T) {
	forGuests := []string{"initialize", "identity"}
	for typ := range accountHandlers {
		if _, there := accountSamples[typ]; !there {
			t.Errorf("%s has no sample", typ)
		}
	}
	for typ, all := range accountSamples {
		t.Run(typ, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				ada, bo := w.login("ada"), w.login("bo")
				room := ada.makeRoom("Road map")
				gus := w.guest(room, ada.publicToken(room), "Gus")
				names := strings.NewReplacer("$ID", string(ada.id), "$OTHER", string(bo.id), "$ROOM", string(room))
				for _, s := range append(all.valid, all.invalid...) {
					gus.take()
					ada.take()
					gus.handle(rawEvent(typ, names.Replace(s.data), "r-1"))
					frames := gus.take()
					refused := index(frames, `{"requestId":"r-1","response":null,"error":"ERR_NOT_ALLOWED"}`) >= 0
					if may := slices.Contains(forGuests, typ); refused == may {
						t.Errorf("%.80s of a guest is answered with %q", s.data, frames)
					}
					ada.gotNone(string(gus.id))
					ada.handle(rawEvent(typ, names.Replace(s.data), "r-1"))
					if frames := ada.take(); index(frames, "ERR_NOT_ALLOWED") >= 0 {
						t.Errorf("%.80s of an account is answered with %q", s.data, frames)
					}
				}
			})
		})
	}
}
