package e2e

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// deviation is a place where our server does something else than the recorded one
// did, on purpose.
type deviation struct {
	why       string
	scenarios []string // empty: all
	recorded  pattern  // the recorded frame that is meant
	// instead is what our server sends in its place, if not nil: no frame at all if
	// it returns none.
	instead func(r *replay, recorded object) []pattern
}

// deviations are the rules by which recorded frames are read differently.
var deviations = []deviation{
	{
		why:      "persistent carries the new name; the original sent the old one (docs/protocol.md 7.5)",
		recorded: toAccount(toRoomOf(object{"type": "persistent", "data": object{"persistent": true, "name": anything}})),
		instead: func(r *replay, recorded object) []pattern {
			return []pattern{changed(recorded, r.lastName, "data", "data", "data", "data", "name")}
		},
	},
	{
		why:       "an account is made at the first login; the original knew only whom FriendCore had announced (2.4)",
		scenarios: []string{"login-unknown-account"},
		recorded:  object{"type": "msg", "data": object{"type": "error"}},
		instead: func(*replay, object) []pattern {
			return []pattern{
				object{"type": "session", "data": "<session:1>"},
				object{"type": "msg", "data": object{"type": "account", "data": object{"type": "login", "data": "<acc:ghost>"}}},
			}
		},
	},
	{
		why:       "memberships are announced when they change, not at each login and each new name (5.3, 6)",
		scenarios: []string{"identity-update-online", "identity-update-name"},
		recorded:  toAccount(object{"type": "identity-update", "data": object{"key": "workgroups"}}),
		instead:   func(*replay, object) []pattern { return nil },
	},
	{
		why:       "what answers a connection goes to that connection only (7.9)",
		scenarios: []string{"two-connections-one-account"},
		recorded: toAccount(toRoomOf(object{"type": "invite", "data": object{
			"type": "public", "data": object{"reqId": anything},
		}})),
		instead: func(r *replay, recorded object) []pattern {
			if r.lastSent == r.conns[r.line.Conn] {
				return []pattern{recorded}
			}
			return nil
		},
	},
	{
		why:       "the names of a room's members are those of now; the original waited two seconds (7.4)",
		scenarios: []string{"room-leave"},
		recorded:  toAccount(toRoomOf(object{"type": "initialize", "data": object{"atNames": list{"Alice", "Bob", "Carol"}, "users": list{anything, anything}}})),
		instead: func(_ *replay, recorded object) []pattern {
			return []pattern{changed(recorded, list{"Alice", "Carol"}, "data", "data", "data", "data", "atNames")}
		},
	},
	{
		why:       "the names of a room's members are those of now; the original waited two seconds (7.4)",
		scenarios: []string{"guest-drops-named"},
		recorded:  toAccount(toRoomOf(object{"type": "initialize", "data": object{"atNames": list{"Alice", "One"}, "guests": list{}}})),
		instead: func(_ *replay, recorded object) []pattern {
			names := changed(recorded, list{"Alice"}, "data", "data", "data", "data", "atNames")
			return []pattern{changed(names, list{}, "data", "data", "data", "data", "recent")}
		},
	},
	{
		why:       "the names of a room's members are those of now; the original waited two seconds (7.4)",
		scenarios: []string{"guest-leaves"},
		recorded:  toAccount(toRoomOf(object{"type": "initialize", "data": object{"atNames": list{"Alice", "One", "Two"}, "guests": list{anything}}})),
		instead: func(_ *replay, recorded object) []pattern {
			names := changed(recorded, list{"Alice", "Two"}, "data", "data", "data", "data", "atNames")
			return []pattern{changed(names, anything, "data", "data", "data", "data", "relation", "unreadMessages")}
		},
	},
	{
		why:       "the names of a room's members are those of now; the original waited two seconds (7.4)",
		scenarios: []string{"service-user-disabled"},
		recorded:  toAccount(toRoomOf(object{"type": "initialize", "data": object{"atNames": list{"Alice", "Bob"}, "users": list{anything}}})),
		instead: func(_ *replay, recorded object) []pattern {
			return []pattern{changed(recorded, list{"Alice"}, "data", "data", "data", "data", "atNames")}
		},
	},
	{
		why:       "the names of a room's members are those of now; the original waited two seconds (7.4)",
		scenarios: []string{"workgroup-dismiss"},
		recorded:  toAccount(toRoomOf(object{"type": "initialize", "data": object{"atNames": list{"Adam", "Bob", "Carol"}, "users": list{anything}}})),
		instead: func(_ *replay, recorded object) []pattern {
			return []pattern{changed(recorded, list{"Adam"}, "data", "data", "data", "data", "atNames")}
		},
	},
	{
		why:       "an identity does not say that it is not disabled (5.1)",
		scenarios: []string{"service-user-disabled"},
		recorded:  toAccount(object{"type": "initialize", "data": object{"account": object{"identity": object{"fIsDisabled": false}}}}),
		instead: func(_ *replay, recorded object) []pattern {
			identity := maps.Clone(dig(recorded, "data", "data", "data", "account", "identity").(object))
			delete(identity, "fIsDisabled")
			return []pattern{changed(recorded, identity, "data", "data", "data", "account", "identity")}
		},
	},
	{
		why:      "the code for a deletion that is not allowed is spelled right (8.7)",
		recorded: toAccount(object{"type": anything, "data": object{"type": "chat", "data": object{"response": object{"data": object{"error": "ERR_DELTE_NOT_ALLOWED"}}}}}),
		instead: func(_ *replay, recorded object) []pattern {
			return []pattern{changed(recorded, "ERR_DELETE_NOT_ALLOWED", "data", "data", "data", "data", "response", "data", "error")}
		},
	},
	{
		why:      "the text of a deleted message is not told again (8.7)",
		recorded: toAccount(toRoomOf(object{"type": "chat", "data": object{"data": object{"data": object{"status": "delete"}}}})),
		instead: func(_ *replay, recorded object) []pattern {
			return []pattern{changed(recorded, "", "data", "data", "data", "data", "data", "data", "message")}
		},
	},
	{
		why:       "the text of a deleted message is not told again (8.7)",
		scenarios: []string{"contact-delete"},
		recorded:  toAccount(object{"type": anything, "data": object{"type": "chat", "data": object{"type": "log", "data": object{"data": object{"events": list{object{"data": object{"status": "delete"}}}}}}}}),
		instead: func(_ *replay, recorded object) []pattern {
			path := []string{"data", "data", "data", "data", "data", "data", "events"}
			event := dig(recorded, path...).(list)[0].(object)
			return []pattern{changed(recorded, list{changed(event, "", "data", "message")}, path...)}
		},
	},
	{
		why:      "contacts are not among the rooms of current (4.3)",
		recorded: toAccount(object{"type": "join", "data": object{"joined": anything, "current": withContacts}}),
		instead: func(_ *replay, recorded object) []pattern {
			current, _ := dig(recorded, "data", "data", "data", "current").(list)
			return []pattern{changed(recorded, withoutContacts(current), "data", "data", "data", "current")}
		},
	},
	{
		why: "who wrote lately is known from the log after a restart; the original forgot (7.4). " +
			"One's own messages are not unread (8.4)",
		scenarios: []string{"named-room-survives-restart"},
		recorded: toAccount(toRoomOf(object{"type": "initialize", "data": object{
			"recent": list{}, "relation": object{"lastMessage": object{"type": "msg"}},
		}})),
		instead: func(_ *replay, recorded object) []pattern {
			recent := changed(recorded, list{"<acc:alice>", "<acc:bob>"}, "data", "data", "data", "data", "recent")
			return []pattern{changed(recent, 1.0, "data", "data", "data", "data", "relation", "unreadMessages")}
		},
	},
	{
		why:      "unread messages are counted in rooms without a name as well (8.4)",
		recorded: toAccount(toRoomOf(object{"type": "initialize", "data": object{"persistent": false}})),
		instead: func(_ *replay, recorded object) []pattern {
			return []pattern{changed(recorded, anything, "data", "data", "data", "data", "relation", "unreadMessages")}
		},
	},
	{
		why:       "a call tells the newest messages of a room without a name too (16.2)",
		scenarios: []string{"live-join"},
		recorded:  toCall(object{"type": "open", "data": object{"live": object{"liveConf": object{"logTail": list{}}}}}),
		instead: func(_ *replay, recorded object) []pattern {
			return []pattern{changed(recorded, anything, "data", "data", "data", "data", "data", "live", "liveConf", "logTail")}
		},
	},
	{
		why:       "who moves to another browser keeps the place in the call (16.2)",
		scenarios: []string{"live-second-client"},
		recorded:  toCall(object{"type": "open", "data": object{"clientId": "live-2"}}),
		instead: func(_ *replay, recorded object) []pattern {
			return []pattern{changed(recorded, list{"<acc:alice>", "<acc:bob>"}, "data", "data", "data", "data", "data", "live", "liveConf", "peerList")}
		},
	},
	{
		why:       "open comes before everything else of a call (16.2)",
		scenarios: []string{"live-restore-new"},
		recorded:  toCall(object{"type": "peers"}),
		instead:   func(*replay, object) []pattern { return nil },
	},
	{
		why:       "open comes before everything else of a call (16.2)",
		scenarios: []string{"live-restore-new"},
		recorded:  toCall(object{"type": "open", "data": object{"clientId": "live-alice"}}),
		instead: func(_ *replay, recorded object) []pattern {
			return []pattern{recorded, toCall(object{"type": "peers", "data": object{"peerIds": list{"<acc:bob>", "<acc:alice>"}}})}
		},
	},
	{
		why:       "the quality goes by the number of peers at once; the original waited for more changes (16.5)",
		scenarios: []string{"live-mode-ends"},
		recorded:  toCall(object{"type": "quality", "data": object{"scale": 0.75}}),
		instead: func(r *replay, recorded object) []pattern {
			if r.recordedBefore("live-leave") {
				return []pattern{changed(recorded, 1.0, "data", "data", "data", "data", "data", "scale")}
			}
			return []pattern{recorded}
		},
	},
	{
		why:       "current has the rooms that were joined until then (4.3)",
		scenarios: []string{"work-rooms-join", "work-room-chat"},
		recorded:  toAccount(object{"type": "join", "data": object{"joined": object{"workgroupId": anything}, "current": list{anything, anything}}}),
		instead: func(_ *replay, recorded object) []pattern {
			return []pattern{changed(recorded, anything, "data", "data", "data", "current")}
		},
	},
	{
		why:       "a search for what is no text is refused; the original found nobody (4.5)",
		scenarios: []string{"search-user"},
		recorded:  toAccount(object{"requestId": "req-8", "response": list{}}),
		instead: func(_ *replay, recorded object) []pattern {
			reply := changed(recorded, nil, "data", "data", "response")
			return []pattern{changed(reply, "ERR_INVALID_DATA", "data", "data", "error")}
		},
	},
}

// withContacts matches a list that names an account.
func withContacts(v any) error {
	current, _ := v.(list)
	if len(withoutContacts(current)) == len(current) {
		return errors.New("no contact is in the list")
	}
	return nil
}

func withoutContacts(current list) list {
	rooms := list{}
	for _, id := range current {
		if s, _ := id.(string); !strings.HasPrefix(s, "<acc:") {
			rooms = append(rooms, id)
		}
	}
	return rooms
}

// toAccount is a frame with an account event, toRoomOf an account event with a
// room event, whoever they are addressed to.
func toAccount(e2 pattern) object {
	return object{"type": "msg", "data": object{"type": anything, "data": e2}}
}

// toCall is a frame with an event of a call.
func toCall(e pattern) object { return toAccount(toRoomOf(object{"type": "live", "data": e})) }

func toRoomOf(e3 pattern) object { return object{"type": anything, "data": e3} }

// changed is a copy of a frame with another value at the end of a path.
func changed(o object, value any, path ...string) object {
	c := maps.Clone(o)
	if len(path) == 1 {
		c[path[0]] = value
		return c
	}
	inner, _ := c[path[0]].(object)
	c[path[0]] = changed(inner, value, path[1:]...)
	return c
}

// addition is a frame that our server sends and the recorded one did not.
type addition struct {
	why       string
	scenarios []string // empty: all
	frame     pattern
}

// additions are the frames that may come besides the recorded ones.
var additions = []addition{
	{
		why:   "pings of calls come when it is time; the recording left them out (16.3)",
		frame: toCall(object{"type": "ping", "data": anything}),
	},
	{
		why:       "refusals are said; the original closed without a word or left the connection open (1.9)",
		scenarios: []string{"login-as-somebody-else", "wrong-login-name", "guest-wrong-token", "invite-single-use"},
		frame:     object{"type": "authenticate", "data": false},
	},
	{
		why:       "a relation is told to both, whoever made it (4.6)",
		scenarios: []string{"relation-add"},
		frame:     toAccount(object{"type": "relation-add", "data": object{"state": nil}}),
	},
	{
		why:       "a new name is told as a setting too (12.3)",
		scenarios: []string{"service-room-update"},
		frame: toAccount(toRoomOf(object{"type": "settings", "data": object{
			"type": "update", "data": object{"success": true, "setting": "roomName"},
		}})),
	},
	{
		why:       "the names of a room's members are those of now; the original waited two seconds (7.4)",
		scenarios: []string{"service-user-disabled"},
		frame:     toAccount(toRoomOf(object{"type": "at-add", "data": "Bob"})),
	},
	{
		why:       "who leaves a workgroup hears of it too, and whom it has no longer as contacts (6)",
		scenarios: []string{"workgroup-user-removed", "workgroup-setusers"},
		frame:     toAccount(object{"type": "workgroup-update", "data": object{"remove": list{anything}}}),
	},
	{
		why:       "who leaves a workgroup hears of it too, and whom it has no longer as contacts (6)",
		scenarios: []string{"workgroup-user-removed", "workgroup-setusers"},
		frame:     toAccount(object{"type": "contact-remove", "data": anything}),
	},
}

// adapt returns what our server sends for a recorded frame; false: nothing.
func (r *replay) adapt(l line) ([]pattern, bool) {
	for _, d := range deviations {
		if len(d.scenarios) > 0 && !slices.Contains(d.scenarios, r.scenario) {
			continue
		}
		if match(d.recorded, l.Msg, newBindings()) == nil {
			recorded, _ := l.Msg.(object)
			want := d.instead(r, recorded)
			return want, len(want) > 0
		}
	}
	return []pattern{l.Msg}, true
}

// known says whether a frame is one of the additions.
func (r *replay) known(f frame) bool {
	return slices.ContainsFunc(additions, func(a addition) bool {
		if len(a.scenarios) > 0 && !slices.Contains(a.scenarios, r.scenario) {
			return false
		}
		return match(a.frame, f, newBindings()) == nil
	})
}
