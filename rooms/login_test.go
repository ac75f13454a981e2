package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// populate stores rooms that ada and bo are in, and contacts of ada, each with a
// message of bo's that ada has not read.
func (w *world) populate(ada, bo AccountID, rooms, contacts int) {
	for n := range rooms {
		id := RoomID(fmt.Sprintf("room-%03d", n))
		w.store.rooms[id] = &RoomData{
			Room:       RoomRecord{ID: id, Name: fmt.Sprint("Room ", n), OwnerID: bo, Settings: []byte("{}")},
			Authorized: []AccountID{ada, bo}, Marks: []ReadMark{{Account: ada}, {Account: bo}},
		}
		w.store.messages[id] = []Message{{ID: fmt.Sprint("msg-", n), Room: id, From: bo, Type: "msg", Name: "Bo", Time: 1_000_000, Text: "hello"}}
	}
	var ids []AccountID
	for n := range contacts {
		ids = append(ids, w.resolve(user(fmt.Sprint("c", n))))
	}
	if _, err := w.store.Relate(context.Background(), ada, ids); err != nil {
		w.t.Fatal(err)
	}
}

// loginCalls logs ada in and returns how often each method of the store was called.
func loginCalls(t *testing.T, rooms, contacts int) (calls map[string]int) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.resolve(user("ada")), w.resolve(user("bo"))
		w.populate(ada, bo, rooms, contacts)
		w.restart()
		before := maps.Clone(w.store.calls)
		p := w.login("ada")
		frames := p.take()
		joins := 0
		for _, f := range frames {
			if strings.Contains(f, `{"type":"join"`) {
				joins++
			}
		}
		if joins != rooms || len(p.initialState(frames).Relations) != contacts {
			t.Errorf("ada joined %d rooms of %d and has %d relations of %d", joins, rooms, len(p.initialState(frames).Relations), contacts)
		}
		for n := range rooms { // the client asks for the state of each
			if got := p.unread(RoomID(fmt.Sprintf("room-%03d", n))); got != "1" {
				t.Errorf("%s unread in room %d", got, n)
			}
		}
		calls = map[string]int{}
		for name, n := range w.store.calls {
			if n -= before[name]; n > 0 {
				calls[name] = n
			}
		}
	})
	return calls
}

// TestLoginCost: the number of queries depends neither on the number of rooms nor on
// that of contacts (defect 27).
func TestLoginCost(t *testing.T) {
	few, many := loginCalls(t, 2, 3), loginCalls(t, 200, 500)
	if !maps.Equal(few, many) {
		t.Errorf("with 2 rooms and 3 contacts: %v; with 200 and 500: %v", few, many)
	}
	if few["LoadRooms"] != 1 || few["RoomsOf"] != 1 || few["Relations"] != 1 || few["CountUnread"] != 0 || few["LoadRoom"] != 0 {
		t.Errorf("the calls are %v", few)
	}
}

// TestLoginToRoomsInMemory reads nothing again, and counts what is not read at once.
func TestLoginToRoomsInMemory(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo := w.resolve(user("ada")), w.resolve(user("bo"))
		w.populate(ada, bo, 20, 0)
		w.login("bo")
		counted := w.store.count("UnreadIn")
		before := w.store.count("LoadRooms") + w.store.count("LoadRoom")
		p := w.login("ada")
		if n := w.store.count("LoadRooms") + w.store.count("LoadRoom") - before; n != 0 {
			t.Errorf("rooms were read %d times", n)
		}
		if got := p.unread("room-007"); got != "1" {
			t.Errorf("%s unread", got)
		}
		if n := w.store.count("UnreadIn") - counted; n != 1 {
			t.Errorf("unread messages were counted %d times", n)
		}
	})
}

// TestLoginWithoutRelations: the client gets what is known.
func TestLoginWithoutRelations(t *testing.T) {
	related(t, func(t *testing.T, w *world, ada, bo *person) {
		w.store.failOnly("Relations")
		ada.send("initialize", nil, "")
		s := ada.initialState(ada.take())
		if len(s.Relations) != 1 || s.Relations[bo.id].Relation.UnreadMessages != nil {
			t.Errorf("the relations are %v", s.Relations)
		}
		w.store.failOnly("Invitations")
		ada.send("initialize", nil, "")
		ada.got(`"type":"initialize"`, `"invites":null`)
	})
}

// initial is what a test looks at in an account's initialize.
type initial struct {
	Relations map[AccountID]struct {
		Relation struct {
			UnreadMessages any `json:"unreadMessages"`
		} `json:"relation"`
	} `json:"relations"`
}

func (p *person) initialState(frames []string) (s initial) {
	p.w.t.Helper()
	n := index(frames, `{"type":"initialize"`)
	if n < 0 {
		p.w.t.Fatalf("no initialize in %q", frames)
	}
	inner, _ := unwrap([]byte(frames[n]), []string{"initialize"})
	if err := json.Unmarshal(inner, &s); err != nil {
		p.w.t.Fatal(err)
	}
	return s
}
