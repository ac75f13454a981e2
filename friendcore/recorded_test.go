package friendcore

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"presence/friendcore/friendcoretest"
)

// Ids of the recordings.
const (
	adminID = "68793b9f425ea113874ecea4d3de4412"
	aliceID = "5f74293c7e2e1dcd4115882ebd47ea909b5815f0c14f4d91ecd1806ce510e993"
	bobID   = "b71d1d2a1245fb71c4a474db4c072fd5a400b7938982aef993d3946653897ae9"
	carolID = "c6d2585aaf1ed369b80883debeac51c3d7bb8711eb19358a2a3793ffdc6af5c3"
	staffID = "07a896a0e0ace71f6ef9517c371fb9bf420bc2b873dff1b102c43ae77deee41c"
	crewID  = "5ee95ed33c0f707d3d97793025bd2f5dcda8646dca180b1ca12b78dcabd0aea3"
)

type recordedFrame struct {
	dir string
	raw []byte
}

// recordedFrames are the frames of a recording in order.
func recordedFrames(t *testing.T, file string) []recordedFrame {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("friendcoretest", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var recording struct {
		Steps []struct {
			Frames []struct{ Dir, Text, Base64 string }
		}
	}
	if err := json.Unmarshal(text, &recording); err != nil {
		t.Fatal(err)
	}
	var all []recordedFrame
	for _, s := range recording.Steps {
		for _, f := range s.Frames {
			raw := []byte(f.Text)
			if f.Base64 != "" {
				if raw, err = base64.StdEncoding.DecodeString(f.Base64); err != nil {
					t.Fatal(err)
				}
			}
			all = append(all, recordedFrame{f.Dir, raw})
		}
	}
	return all
}

// asRecorded fills a FriendCore with what it held when the recordings ended.
func (w *world) asRecorded() {
	w.fc.AddUser(friendcoretest.User{Login: "alice", UniqueID: aliceID, FullName: "Alice Ålesund", Email: "alice@example.test"})
	w.fc.AddUser(friendcoretest.User{Login: "bob", UniqueID: bobID, FullName: "Robert Builder", Email: "bob@example.test", ModifyTime: 1795333195})
	w.fc.AddUser(friendcoretest.User{Login: "carol", UniqueID: carolID, FullName: "Carol", ModifyTime: 1795333199})
	w.fc.AddGroupOf(friendcoretest.Group{Name: "Staff", UUID: staffID, Members: []int{4, 5}})
	w.fc.AddGroupOf(friendcoretest.Group{Name: "Streamers", UUID: crewID, ParentID: 4, Members: []int{4, 6}})
}

// TestRecordedFrames plays FriendCore's side of the recordings against a Link:
// damaged frames, replies that nobody asked for, events of things long gone. The
// Link keeps its connection and ends with what the lists say.
func TestRecordedFrames(t *testing.T) {
	for _, file := range []string{
		"04-ws-authenticate-and-errors.json", "05-ws-events.json", "06-ws-malformed-frames.json",
		"07-service-requests-raw.json", "08-ws-notifications.json",
	} {
		t.Run(file, func(t *testing.T) {
			inWorld(t, withEcho, func(w *world) {
				w.asRecorded()
				w.ready()
				played := 0
				for _, f := range recordedFrames(t, file) {
					if f.dir == "in" {
						w.fc.Push(f.raw)
						played++
						w.pass(100 * time.Millisecond)
					}
				}
				w.pass(10 * time.Second)
				w.wantState(Ready)
				w.wantNames("Alice Ålesund", "Carol", "Friend Administrator", "Robert Builder")
				w.wantGroups("Staff: alice bob", "Streamers: alice carol")
				if n := w.link.Stats().Connections; n != 1 {
					t.Errorf("%d connections", n)
				}
				if played < 10 {
					t.Errorf("only %d frames were played", played)
				}
				if len(w.frames("authenticate")) != 1 {
					t.Error("authenticate was sent again")
				}
			})
		})
	}
}

// TestRecordedRequests plays the requests of file 07: each one with an id gets
// exactly one answer with that id.
func TestRecordedRequests(t *testing.T) {
	inWorld(t, withEcho, func(w *world) {
		w.asRecorded()
		w.ready()
		ids := regexp.MustCompile(`EXTSER_[0-9]+_ID`)
		for _, f := range recordedFrames(t, "07-service-requests-raw.json") {
			if f.dir != "in" {
				continue
			}
			w.fc.Push(f.raw)
			w.pass(time.Second)
			if id := ids.Find(f.raw); id != nil {
				answers := w.frames(string(id))
				if len(answers) != 1 || !strings.HasPrefix(answers[0], `{"type":"service","data":{"type":"room","data":{"requestId":"`+string(id)+`","response":`) {
					t.Errorf("%s\nwas answered with %q", f.raw, answers)
				}
			}
		}
	})
}

// TestRecordedPresence compares what a Link says, byte for byte but for ids, with
// what the original Presence said to the same FriendCore (file 10).
func TestRecordedPresence(t *testing.T) {
	frames := recordedFrames(t, "10-original-presence-frames.json")
	type answered struct {
		Data struct {
			Data struct {
				RequestID string          `json:"requestId"`
				Response  json.RawMessage `json:"response"`
				Error     any             `json:"error"`
			} `json:"data"`
		} `json:"data"`
	}
	answers := make(chan answered, 1) // what the original answered to the request under way
	handler := func(o *LinkOptions) {
		o.Handler = handlerFunc(func(context.Context, string, []string, json.RawMessage) (any, error) {
			a := <-answers
			if code, failed := a.Data.Data.Error.(string); failed {
				return nil, refusal(code)
			}
			return a.Data.Data.Response, nil
		})
	}
	inWorld(t, handler, func(w *world) {
		w.asRecorded()
		w.fc.SetUserGroups(5, 4)
		w.ready()
		var want []string
		for n, f := range frames {
			switch {
			case f.dir == "out" && !strings.Contains(string(f.raw), `"type":"room"`):
				want = append(want, string(f.raw)) // authenticate and the lists
			case f.dir == "in" && strings.HasPrefix(string(f.raw), `{"originUserId"`):
				var a answered
				if n+1 == len(frames) || frames[n+1].dir != "out" || json.Unmarshal(frames[n+1].raw, &a) != nil {
					continue // the original did not answer
				}
				if _, thrown := a.Data.Data.Error.(map[string]any); thrown {
					continue // it answered with a thrown error, which it calls {}
				}
				want = append(want, string(frames[n+1].raw))
				answers <- a
				w.fc.Push(f.raw)
				w.pass(time.Second)
			}
		}
		made := regexp.MustCompile(`req-[0-9A-Za-z-]+`)
		admin, _ := w.fc.User("fadmin")
		var got []string
		for _, f := range w.frames("") {
			f = strings.ReplaceAll(f, admin.UniqueID, adminID)
			if !strings.Contains(f, `"type":"ping"`) {
				got = append(got, made.ReplaceAllString(f, "REQ"))
			}
		}
		for n := range want {
			want[n] = made.ReplaceAllString(want[n], "REQ")
		}
		if len(want) < 10 {
			t.Fatalf("only %d frames in the recording", len(want))
		}
		// The original asks for users in any order; so do we.
		if diff := cmp.Diff(sortedUsers(want), sortedUsers(got)); diff != "" {
			t.Errorf("frames (-original +ours):\n%s", diff)
		}
	})
}
