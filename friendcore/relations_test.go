package friendcore

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"presence/friendcore/friendcoretest"
)

func TestReadRelations(t *testing.T) {
	for _, c := range []struct{ data, source, contacts string }{
		{`{"sourceId":"a","contactIds":["b","c"]}`, "a", "b c"},
		{`{"sourceId":"a","contactIds":"b"}`, "a", "b"},
		{`{"sourceId":"a","contactIds":["b","a","b","",7,null,["c"],"d e","\u001b","c"]}`, "a", "b c"},
		{`{"sourceId":"a","contactIds":["b"],"sourceId":"x","contactIds":["y"]}`, "a", "b"},
		{`{"sourceId":"a","contactIds":[]}`, "a", ""},
		{`{"sourceId":"a","contactIds":null}`, "a", ""},
		{`{"sourceId":"a","contactIds":{"b":"c"}}`, "a", ""},
		{`{"sourceId":"a"}`, "a", ""},
		// Damaged: what stands before the damage.
		{`{"sourceId":"a","contactIds":["b","c",d]}`, "a", "b c"},
		{`{"sourceId":"a","contactIds":["b""c"]}`, "a", "b"},
		{`{"sourceId":"a","contactIds":["b",,"c"]}`, "a", "b"},
		{`{"sourceId":"a","contactIds":["b","c`, "a", "b"},
		{`{"sourceId":"a","contactIds":b}`, "", ""},
		{`{"sourceId":"a","contactIds":[b,"c"]}`, "", ""},
		{`{"sourceId":"a"b","contactIds":["c"]}`, "", ""},
		{"{\"sourceId\":\"\xff\",\"contactIds\":[\"c\"],}", "", ""},
		{`{"sourceId":"a","contactIds":["b"],,"originUserId":"x"}`, "", ""},
	} {
		f, _ := parseFrame([]byte(`{"type":"service","data":{"type":"user","data":{"type":"relation-add","data":` + c.data + `}}}`))
		e, ok := f.(event)
		if got := strings.Join(e.relation.contacts, " "); !ok || got != c.contacts || e.relation.source != c.source {
			t.Errorf("%s: %#v", c.data, f)
		}
	}
	for _, made := range []string{
		`{"type":"service","data":{"type":"user","data":{"type":"relation-add","data":{"sourceId":"a","contactIds":["b"],"originUserId":"x"}}}}`,
		`{"type":"service","data":{"type":"user","originUserId":"x","data":{"type":"relation-add","data":{"sourceId":"a","contactIds":["b"]}}}}`,
		`{"type":"service","data":{"type":"group","data":{"type":"relation-add","data":{"sourceId":"a","contactIds":["b"]}}}}`,
		`{"originUserId":"x","type":"service","data":{"type":"user","data":{"type":"relation-add","data":{"sourceId":"a","contactIds":["b"]}}}}`,
	} {
		f, _ := parseFrame([]byte(made))
		if e, _ := f.(event); len(e.relation.contacts) != 0 {
			t.Errorf("%s: %#v", made, f)
		}
	}
}

func TestLongListOfContacts(t *testing.T) {
	ids := make([]string, maxContacts+10)
	for n := range ids {
		ids[n] = fmt.Sprintf(`"u%d"`, n)
	}
	o, err := parseObject([]byte(`{"sourceId":"a","contactIds":[` + strings.Join(ids, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	if r := readRelation(o); len(r.contacts) != maxContacts {
		t.Errorf("%d contacts were read", len(r.contacts))
	}
}

// people makes users who have to be read from the lists.
func (w *world) people(logins ...string) (ids []string) {
	for _, login := range logins {
		ids = append(ids, w.fc.AddUser(friendcoretest.User{Login: login}).UniqueID)
	}
	return ids
}

// relate has FriendCore tell of a relation.
func (w *world) relate(ids ...string) {
	w.fc.AddRelation(ids[0], `["`+strings.Join(ids[1:], `","`)+`"]`)
}

func TestRelations(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ids := w.people("alice", "bob", "carol")
		w.ready()
		before, _ := w.dir.count()
		w.relate(ids...)
		w.pass(0)
		w.wantRelations("alice: bob carol")
		w.fc.Push([]byte(`{"type":"service","data":{"type":"user","data":{"type":"relation-add","data":{"sourceId":"` + ids[1] +
			`","contactIds":["` + ids[2] + `"],"originUserId":"` + ids[1] + `"}}}}`))
		w.pass(time.Minute)
		w.wantRelations("alice: bob carol")
		if after, _ := w.dir.count(); after != before {
			t.Errorf("the lists were read %d times for it", after-before)
		}
	})
}

func TestRelationOfNewUsers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.people("alice")
		w.ready()
		w.fc.SetFaults(friendcoretest.Faults{SilentEvents: true})
		ids := w.people("bob", "carol")
		w.fc.SetFaults(friendcoretest.Faults{})
		w.relate(ids...)
		w.pass(time.Second)
		w.wantRelations("bob: carol")
	})
}

func TestRelationOfUnknownUsers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ids := w.people("alice", "bob")
		w.ready()
		before, _ := w.dir.count()
		w.relate(ids[0], "nobody", ids[1])
		w.relate("nobody", ids[0])
		w.pass(time.Second)
		w.wantRelations("alice: bob")
		w.pass(time.Minute)
		if after, _ := w.dir.count(); after != before+1 {
			t.Errorf("the lists were read %d times", after-before)
		}
		w.pass(20 * time.Minute)
		if n := w.link.Stats().RelationsDropped; n != 2 || len(w.link.sync.relations.take()) != 0 {
			t.Errorf("%d were given up", n)
		}
		w.wantRelations("alice: bob")
	})
}

func TestRelationsWhileLoading(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ids := w.people("alice", "bob", "carol")
		w.fc.SetFaults(friendcoretest.Faults{SilentRequests: true})
		w.run()
		w.pass(time.Second)
		w.wantState(Loading)
		w.relate(ids[0], ids[1])
		w.pass(10 * time.Second)
		w.wantRelations()
		w.fc.DropServices() // what came before is not forgotten
		w.fc.SetFaults(friendcoretest.Faults{})
		w.pass(10 * time.Second)
		w.wantRelations("alice: bob")
	})
}

func TestRelationsAreTriedAgain(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ids := w.people("alice", "bob", "carol")
		w.ready()
		w.dir.failRelations = maxRelationTries - 1
		w.relate(ids[0], ids[1])
		w.pass(time.Second)
		w.wantRelations()
		w.pass(3 * time.Minute)
		w.wantRelations("alice: bob")

		w.dir.failRelations = maxRelationTries
		w.relate(ids[1], ids[2])
		w.pass(10 * time.Minute)
		w.wantRelations("alice: bob")
		w.wantLog("a relation of FriendCore is given up", 1)
		w.relate(ids[2], ids[0])
		w.pass(time.Second)
		w.wantRelations("alice: bob", "carol: alice")
		if s := w.link.Stats(); s.Relations != 2 || s.RelationsDropped != 1 {
			t.Errorf("%d were taken over, %d given up", s.Relations, s.RelationsDropped)
		}
	})
}

// TestOneBadRelation shows that a relation that never works does not stop others.
func TestOneBadRelation(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ids := w.people("alice", "bob", "carol")
		w.ready()
		w.dir.failRelations = 1
		w.relate(ids[0], ids[1])
		w.relate(ids[1], ids[2])
		w.relate(ids[2], ids[0])
		w.pass(5 * time.Second)
		slices.Sort(w.dir.relations)
		w.wantRelations("alice: bob", "bob: carol", "carol: alice")
	})
}

func TestRelationsAreBounded(t *testing.T) {
	log := &records{}
	counts := &status{}
	q := newRelations(counts, log.logger())
	r := relation{source: "a", contacts: make([]string, maxQueuedContacts/4)}
	for range 10 {
		q.put(r)
	}
	if n := counts.relationsDropped.Load(); n != 6 || q.contacts != maxQueuedContacts {
		t.Errorf("%d were dropped, %d contacts wait", n, q.contacts)
	}
	if n := strings.Count(log.String(), "too many relations"); n != 1 {
		t.Errorf("%d lines were logged", n)
	}
	all := q.take()
	q.put(relation{source: "b", contacts: []string{"c"}})
	q.putBack(all)
	if all = q.take(); len(all) != 5 || all[4].source != "b" || q.contacts != 0 {
		t.Errorf("%d are left, %d contacts are counted", len(all), q.contacts)
	}
}
