package friendcore

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	maxContacts       = 1 << 14 // of one event
	maxQueuedContacts = 1 << 16 // of all events that wait
	maxRelationTries  = 5       // of the directory
	maxRelationLoads  = 3       // loads of the lists until unknown users are given up
)

// relation is what a user relation-add event says (docs/protocol.md 12.4).
type relation struct {
	source   string
	contacts []string

	asked    bool // the lists are or were read since it came
	loads    int  // of the lists, since, without finding all its users
	failures int  // of the directory
}

// readRelation reads the data of a relation-add event. The list of contacts is text
// of FriendCore's caller: what is no id in it is left out.
func readRelation(data object) (r relation) {
	r.source = data.text("sourceId")
	raw := data.get("contactIds")
	list, err := parseList(raw)
	if err != nil {
		list = []json.RawMessage{raw} // one contact, or nothing of use
	}
	var contacts []string
	for _, entry := range list {
		var id string
		if json.Unmarshal(entry, &id) == nil {
			contacts = append(contacts, id)
		}
	}
	r.contacts = contactsOf(r.source, contacts)
	return r
}

const idPattern = `"[!#-\[\]-~]{1,191}"`

var relationPattern = regexp.MustCompile(`^\{"type":"service","data":\{"type":"user","data":\{"type":"relation-add","data":\{"sourceId":(` +
	idPattern + `),"contactIds":\[(` + idPattern + `(?:,` + idPattern + `)*)`)

// salvageRelation reads a damaged relation-add event up to the damage.
func salvageRelation(raw []byte) (r relation) {
	m := relationPattern.FindSubmatch(raw)
	if m == nil || bytes.Contains(raw, []byte(`"originUserId"`)) {
		return relation{}
	}
	r.source = strings.Trim(string(m[1]), `"`)
	r.contacts = contactsOf(r.source, strings.Split(strings.ReplaceAll(string(m[2]), `"`, ""), ","))
	return r
}

// contactsOf are those ids that can be contacts of a user, each once.
func contactsOf(source string, ids []string) (contacts []string) {
	seen := map[string]bool{source: true}
	for _, id := range ids {
		if usableID(id) && !seen[id] && len(contacts) < maxContacts {
			seen[id] = true
			contacts = append(contacts, id)
		}
	}
	return contacts
}

// split parts the contacts into those that are known and those that are not.
func (r relation) split(known map[string]int64) (ready, missing []string) {
	if _, ok := known[r.source]; !ok {
		return nil, r.contacts
	}
	for _, id := range r.contacts {
		if _, ok := known[id]; ok {
			ready = append(ready, id)
		} else {
			missing = append(missing, id)
		}
	}
	return ready, missing
}

// relations keeps relations until the directory has taken them over.
type relations struct {
	log     *slog.Logger
	status  *status
	arrived chan struct{} // one token: there are new ones

	mu       sync.Mutex // guards the following fields
	queue    []relation
	contacts int  // in the queue
	full     bool // since it was empty
}

func newRelations(s *status, log *slog.Logger) *relations {
	return &relations{log: log, status: s, arrived: make(chan struct{}, 1)}
}

// put queues a relation, unless too many wait.
func (q *relations) put(r relation) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.contacts+len(r.contacts) > maxQueuedContacts {
		q.status.relationsDropped.Add(1)
		if !q.full {
			q.full = true
			q.log.Warn("too many relations of FriendCore wait to be taken over, new ones are dropped", "limit", maxQueuedContacts)
		}
		return
	}
	q.queue = append(q.queue, r)
	q.contacts += len(r.contacts)
	select {
	case q.arrived <- struct{}{}:
	default:
	}
}

// loading notes that all who are named in the queue will be looked for.
func (q *relations) loading() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := range q.queue {
		q.queue[n].asked = true
	}
}

// take empties the queue.
func (q *relations) take() []relation {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.queue
	q.queue, q.contacts, q.full = nil, 0, false
	return all
}

// putBack queues what could not be handed over, before everything that came since.
func (q *relations) putBack(all []relation) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range all {
		q.contacts += len(r.contacts)
	}
	q.queue = append(all, q.queue...)
}

// relate hands queued relations over to the directory and says when to do so again
// at the latest. loaded: the lists were just read. Contacts who are unknown wait
// for the lists to be read.
func (y *syncer) relate(ctx context.Context, loaded bool) time.Duration {
	waiting := y.relations.take()
	if len(waiting) == 0 {
		return y.times.Resync
	}
	wait := y.times.Resync
	known := y.dir.KnownUsers()
	var kept []relation
	for n, r := range waiting {
		ready, missing := r.split(known)
		if err := y.addRelations(ctx, r.source, ready); err != nil {
			kept = append(kept, waiting[n+1:]...)
			kept = append(kept, y.failedRelation(ctx, r, err)...)
			wait = jitter(min(y.times.RetryMin<<min(y.relateFailures, 16), y.times.RetryMax))
			y.relateFailures++
			break
		}
		y.relateFailures = 0
		r.contacts = missing
		kept = append(kept, y.unknownRelation(r, loaded)...)
	}
	y.relations.putBack(kept)
	return wait
}

func (y *syncer) addRelations(ctx context.Context, source string, contacts []string) error {
	if len(contacts) == 0 {
		return nil
	}
	if err := y.dir.AddRelations(ctx, source, contacts); err != nil {
		return err
	}
	y.relations.status.relations.Add(1)
	return nil
}

// failedRelation is what is left of a relation that the directory did not take.
func (y *syncer) failedRelation(ctx context.Context, r relation, err error) []relation {
	if ctx.Err() == nil {
		r.failures++
	}
	if r.failures < maxRelationTries {
		y.log.Debug("a relation of FriendCore could not be taken over", "err", err, "tries", r.failures)
		return []relation{r}
	}
	y.relations.status.relationsDropped.Add(1)
	y.log.Warn("a relation of FriendCore is given up", "contacts", len(r.contacts), "err", err, "tries", r.failures)
	return nil
}

// unknownRelation is what is left of a relation some of whose users are unknown: it
// waits for the lists to be read, and again in case FriendCore did not answer.
func (y *syncer) unknownRelation(r relation, loaded bool) []relation {
	if len(r.contacts) == 0 {
		return nil
	}
	if !r.asked {
		r.asked = true
		y.changed("")
	} else if loaded {
		r.loads++
	}
	if r.loads < maxRelationLoads {
		return []relation{r}
	}
	y.relations.status.relationsDropped.Add(1)
	y.log.Debug("a relation of FriendCore names users that do not exist", "unknown", len(r.contacts))
	return nil
}
