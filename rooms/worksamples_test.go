package rooms

import (
	"slices"
	"strings"
	"testing"
)

// workSamples are data of chat/work-msg by somebody in the room of group 22, whose
// parent is 21; $OTHER is in 21.
var workSamples = samples{
	valid: []sample{
		{`{"message":"hello","targets":{"friend_wg_21":true}}`, ""}, {`{"message":"hello","targets":{"friend_wg_21":["$OTHER"]}}`, ""},
		{`{"message":"hello","targets":{"friend_wg_21":true,"friend_wg_99":true,"all_groups":0},"type":"msg","source":"friend_wg_21"}`, ""},
	},
	invalid: []sample{
		{`null`, "ERR_INVALID_MESSAGE"}, {``, "ERR_INVALID_MESSAGE"}, {`"hello"`, "ERR_INVALID_MESSAGE"}, {`{"targets":{"friend_wg_21":true}}`, "ERR_INVALID_MESSAGE"},
		{`{"message":["x"],"targets":{"friend_wg_21":true}}`, "ERR_INVALID_MESSAGE"}, {`{"message":"","targets":{"friend_wg_21":true}}`, "ERR_INVALID_MESSAGE"},
		{`{"message":"hello"}`, "ERR_NO_TARGET"}, {`{"message":"hello","targets":null}`, "ERR_NO_TARGET"}, {`{"message":"hello","targets":"friend_wg_21"}`, "ERR_NO_TARGET"},
		{`{"message":"hello","targets":{"friend_wg_22":true}}`, "ERR_NO_TARGET"}, {`{"message":"hello","targets":{"all_groups":true}}`, "ERR_NO_TARGET"},
		{`{"message":"hello","targets":{"friend_wg_21":["$ID",{"a":1}]}}`, "ERR_NO_TARGET"}, {`{"message":"hello","targets":{"friend_wg_21":{}}}`, "ERR_NO_TARGET"},
		{`{"message":"` + strings.Repeat("x", 32<<10+1) + `","targets":{"friend_wg_21":true}}`, "ERR_MESSAGE_TOO_LONG"},
	},
}

// refusedIn are the events that have no handler in work rooms, and those of the others
// that viewers may not send (docs/protocol.md 15.2).
var (
	refusedInWork = []string{
		"/open", "/leave", "/identity", "settings/setting", "invite/state", "invite/public", "invite/private", "invite/revoke",
		"invite/room-invite", "invite/room-add", "invite/email",
	}
	refusedToViewers = []string{
		"chat/work-msg", "chat/state", "chat/search", "/live-join", "/live-restore", "/live-leave", "/live",
	}
)

// TestWorkRoomSamples sends every sample of every room event in work rooms, in each
// role: replies are as written down and come at the layer of the request, and the rooms
// live on.
func TestWorkRoomSamples(t *testing.T) {
	for name, all := range roomSamples {
		for _, role := range []string{"work", "work-super", "work-admin", "viewer"} {
			if name == "chat/work-msg" {
				all = workSamples
			}
			t.Run(name+" by "+role, func(t *testing.T) {
				inWorld(t, func(t *testing.T, w *world) {
					s := newScene(w, role, false)
					other := w.hub.dir.byFriendID(user("cy").ID).ID
					names := strings.NewReplacer("$ID", string(w.hub.dir.byFriendID(user("bo").ID).ID), "$OTHER", string(other))
					refused := slices.Contains(refusedInWork, name) || role == "viewer" && slices.Contains(refusedToViewers, name)
					for _, sample := range append(slices.Clone(all.valid), all.invalid...) {
						s.actor.take()
						s.actor.handle(roomEventText(s.room, name, names.Replace(sample.data), "r-1"))
						frames := s.actor.take()
						if noRoomReply(name) {
							if index(frames, `"requestId"`) >= 0 || index(frames, `"type":"initialize"`) < 0 {
								t.Errorf("%.80s is answered with %q", sample.data, frames)
							}
							continue
						}
						layers := []string{string(s.room)}
						if component, _, _ := strings.Cut(name, "/"); component != "" {
							layers = append(layers, component)
						}
						want := sample.code
						if refused {
							want = "ERR_NOT_ALLOWED"
						}
						if got, _ := s.actor.reply(frames, "r-1", layers...).Error.(string); got != want {
							t.Errorf("%.80s: the error is %v, want %q", sample.data, got, want)
						}
						s.actor.handle(roomEventText(s.room, name, names.Replace(sample.data), ""))
						s.actor.gotNone(`"requestId"`)
					}
					for id, frames := range w.in.frames {
						for _, frame := range frames {
							wellFormed(t, id, frame)
						}
					}
					if n := w.hub.Stats().Panics; n != 0 {
						t.Errorf("%d defects", n)
					}
					s.other.ask(s.room, "", "active", nil).is(t, "null")
				})
			})
		}
	}
}

// fuzzedWork feeds an arbitrary event of somebody in a work room to the program.
func fuzzedWork(f *testing.F, role string) {
	addRoomSamples(f, func(s samples) []sample { return append(s.valid, s.invalid...) })
	for _, s := range append(slices.Clone(workSamples.valid), workSamples.invalid...) {
		f.Add([]byte(rawEvent("chat", rawEvent("work-msg", s.data, "r-1"), "")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		inWorld(t, func(t *testing.T, w *world) {
			s := newScene(w, role, false)
			names := strings.NewReplacer("$ID", string(s.actor.id), "$OTHER", string(s.other.id), "$ROOM", string(s.room), "$MSG", s.mine)
			for range 2 { // the second time much of it is there already
				w.hub.Handle(t.Context(), s.actor.address(), inRoomEvent(s.room, []byte(names.Replace(string(data)))))
				w.settle()
			}
			if n := w.hub.Stats().Panics; n != 0 {
				t.Fatalf("%d defects", n)
			}
			for id, frames := range w.in.frames {
				for _, frame := range frames {
					wellFormed(t, id, frame)
				}
			}
			s.other.ask(s.room, "", "active", nil).is(t, "null")
		})
	})
}

func FuzzWorkRoomEvent(f *testing.F) { fuzzedWork(f, "work") }

func FuzzViewerEvent(f *testing.F) { fuzzedWork(f, "viewer") }
