package rooms

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// search returns the texts that were found.
func (p *person) search(room RoomID, data map[string]any) []string {
	p.w.t.Helper()
	var answer struct {
		Type string
		Data struct {
			Events []struct{ Data struct{ Message string } }
		}
	}
	p.ask(room, "chat", "search", data).into(p.w.t, &answer)
	if answer.Type != "search" {
		p.w.t.Fatalf("the answer has the type %q", answer.Type)
	}
	var found []string
	for _, e := range answer.Data.Events {
		found = append(found, e.Data.Message)
	}
	return found
}

// TestSearch finds words in saved and in temporary rooms alike.
func TestSearch(t *testing.T) {
	for _, name := range []string{"Road map", ""} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				adm := w.login("adm")
				room, other := adm.makeRoom(name), adm.makeRoom("Other")
				adm.say(other, "hello from elsewhere")
				for _, text := range []string{"Hello world", "hello Wörld, again", "help", "good bye"} {
					adm.say(room, text)
				}
				adm.deletes(room, adm.said(room, "hello, deleted")).into(t, new(any))
				for _, tc := range []struct {
					data map[string]any
					want []string
				}{
					{map[string]any{"text": "hello"}, []string{"Hello world", "hello Wörld, again"}},
					{map[string]any{"text": "HEL"}, []string{"Hello world", "hello Wörld, again", "help"}},
					{map[string]any{"text": "wör hello"}, []string{"hello Wörld, again"}},
					{map[string]any{"text": "orld"}, nil}, // words are found by their beginning
					{map[string]any{"text": "deleted"}, nil},
					{map[string]any{"text": "hel", "length": 1}, []string{"help"}}, // the newest first chosen
					{map[string]any{"text": "'; drop table"}, nil},
				} {
					if got := adm.search(room, tc.data); !slices.Equal(got, tc.want) {
						t.Errorf("%v finds %q, want %q", tc.data, got, tc.want)
					}
				}
				adm.ask(room, "chat", "search", map[string]any{"text": "nothing"}).is(t, `{"type":"search","data":{"events":null}}`)
			})
		})
	}
}

// TestSearchPages goes back through what was found.
func TestSearchPages(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada := w.login("ada")
		room := ada.makeRoom("Road map")
		all := w.fillLog(room, 95, 10)
		ada = w.login("ada")
		var found []string
		before := int64(0)
		for {
			page := ada.search(room, map[string]any{"text": "text", "before": before, "length": 10})
			if len(page) == 0 {
				break
			}
			found = append(page, found...)
			n := slices.IndexFunc(all, func(m Message) bool { return m.Text == page[0] })
			before = all[n].Time
		}
		if !slices.Equal(found, texts(all)) {
			t.Errorf("%d of %d were found", len(found), len(all))
		}
	})
}

func TestSearchFails(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		w.store.failOnly("Search")
		ada.ask(room, "chat", "search", map[string]any{"text": "hello"}).fails(t, "ERR_LOG_FAILED")
		w.store.setFault(nil)
		release := w.store.holdUp("Search")
		for range maxReading {
			ada.to(room, "chat", "search", map[string]any{"text": "hello"}, "r-0")
		}
		w.settle()
		ada.ask(room, "chat", "search", map[string]any{"text": "hello"}).fails(t, "ERR_LOG_FAILED") // too many
		release()
	})
}

func TestSearchWords(t *testing.T) {
	for text, want := range map[string][]string{
		"": nil, " ,.;% ": nil, "a b": nil, "Hello, hello WORLD": {"hello", "world"}, "ab2 c ü1": {"ab2", "ü1"},
		"नमस्ते":                     {"नमस्ते"}, // letters and marks
		strings.Repeat("x", 100):     {strings.Repeat("x", maxWord)},
		"a1 a2 a3 a4 a5 a6 a7 a8 a9": {"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"},
	} {
		if got := searchWords(text); !slices.Equal(got, want) {
			t.Errorf("%q has the words %q, want %q", text, got, want)
		}
	}
}

// TestTextsStayOutOfLogs: a message that is logged shows its ids alone.
func TestTextsStayOutOfLogs(t *testing.T) {
	m := Message{ID: "msg-1", Room: "room-1", Text: "secret"}
	if s := fmt.Sprintf("%v %s %+v", m, m, []Message{m}); strings.Contains(s, "secret") {
		t.Errorf("it is logged as %s", s)
	}
	if text, err := json.Marshal(m); err != nil || !strings.Contains(string(text), "secret") {
		t.Errorf("it is encoded as %s, %v", text, err)
	}
}
