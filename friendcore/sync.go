package friendcore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"presence/rooms"
)

const (
	maxGets       = 32      // user get requests at the same time
	maxUnanswered = 8       // user get requests without a reply before a load is given up
	maxNoted      = 1 << 16 // users noted by events; more are found by their time of change
)

// asker sends a request to FriendCore and waits for the result.
type asker interface {
	ask(ctx context.Context, request func(id string) []byte) (json.RawMessage, error)
}

// syncer keeps a Directory like FriendCore's lists. It outlives connections; run
// is called for one connection at a time.
type syncer struct {
	dir   Directory
	times Timings
	log   *slog.Logger
	wake  chan struct{} // one token: something changed

	relations      *relations
	relateFailures int // of the directory, in a row; owned by run

	mu    sync.Mutex // guards noted
	noted map[string]bool

	told map[string]bool // users the directory was told of: disabled or not; owned by run
}

func newSyncer(dir Directory, times Timings, s *status, log *slog.Logger) *syncer {
	return &syncer{
		dir: dir, times: times, log: log, relations: newRelations(s, log),
		wake: make(chan struct{}, 1), noted: map[string]bool{}, told: map[string]bool{},
	}
}

// changed asks for a re-sync soon. A user id, if there is one, is asked for even if
// FriendCore's time of change did not move: it counts in seconds.
func (y *syncer) changed(userID string) {
	if usableID(userID) {
		y.mu.Lock()
		if len(y.noted) < maxNoted {
			y.noted[userID] = true
		}
		y.mu.Unlock()
	}
	select {
	case y.wake <- struct{}{}:
	default:
	}
}

// takeNoted empties the set of noted users.
func (y *syncer) takeNoted() map[string]bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	noted := y.noted
	y.noted = map[string]bool{}
	return noted
}

func (y *syncer) putBack(noted map[string]bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for id := range noted {
		y.noted[id] = true
	}
}

// run loads everything, then again after events and from time to time, because
// FriendCore does not tell everything (docs/protocol.md 12.4). A load that fails
// is tried again on the same connection.
func (y *syncer) run(ctx context.Context, s *session) error {
	l := s.link
	for failures := 0; ; {
		err := y.load(ctx, s)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			failures = 0
			l.status.syncs.Add(1)
			l.loaded()
			err = y.idle(ctx)
		default:
			failures++
			l.status.syncErrors.Add(1)
			wait := jitter(min(y.times.RetryMin<<min(failures-1, 16), y.times.RetryMax))
			y.log.Warn("users and groups of FriendCore could not be loaded", "err", err, "next_try", wait.Round(time.Second))
			err = pause(ctx, wait)
		}
		if err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// idle waits until it is time for the next load: some time without any event, or
// a moment after the last of a row of events. Relations are handed over meanwhile.
func (y *syncer) idle(ctx context.Context) error {
	regular := time.NewTimer(y.times.Resync)
	defer regular.Stop()
	relate := time.NewTimer(y.relate(ctx, true))
	defer relate.Stop()
	for {
		select {
		case <-y.wake:
			return y.quiet(ctx)
		case <-y.relations.arrived:
			relate.Reset(y.relate(ctx, false))
		case <-relate.C:
			relate.Reset(y.relate(ctx, false))
		case <-regular.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// quiet waits for the end of a row of events, but not for long.
func (y *syncer) quiet(ctx context.Context) error {
	quiet, most := time.NewTimer(y.times.EventQuiet), time.NewTimer(y.times.EventMax)
	defer quiet.Stop()
	defer most.Stop()
	for {
		select {
		case <-y.wake:
			quiet.Reset(y.times.EventQuiet)
		case <-quiet.C:
			return nil
		case <-most.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// load reads users and groups once and hands them to the directory.
func (y *syncer) load(ctx context.Context, s asker) error {
	select {
	case <-y.wake: // everything up to here is in the lists
	default:
	}
	y.relations.loading()
	noted := y.takeNoted()
	if err := y.loadUsers(ctx, s, noted); err != nil {
		y.putBack(noted)
		return err
	}
	return y.loadGroups(ctx, s)
}

func (y *syncer) loadUsers(ctx context.Context, s asker, noted map[string]bool) error {
	raw, err := s.ask(ctx, userListFrame)
	if err != nil {
		return fmt.Errorf("ask for the list of users: %w", err)
	}
	list, skipped, err := readUserList(raw)
	if err != nil {
		return fmt.Errorf("read the list of users: %w", err)
	}
	if skipped > 0 {
		y.log.Warn("entries of FriendCore's list of users are of no use", "count", skipped)
	}
	wanted := y.wanted(list, noted)
	found, err := y.fetch(ctx, s, wanted)
	if err != nil {
		return err
	}
	present := make(map[string]bool, len(list))
	for _, u := range list {
		if !found.gone[u.id] {
			present[u.id] = true
		}
	}
	if err := y.dir.SyncUsers(ctx, found.users, present); err != nil {
		return fmt.Errorf("take over %d users: %w", len(found.users), err)
	}
	y.remember(list, found)
	return nil
}

// wanted are the users to ask for: new ones, newer ones, those that an event
// named, and those who were disabled or enabled since the directory was told.
func (y *syncer) wanted(list []listedUser, noted map[string]bool) []listedUser {
	known := y.dir.KnownUsers()
	var wanted []listedUser
	for _, u := range list {
		last, isKnown := known[u.id]
		if !isKnown || last < u.lastUpdate || noted[u.id] || y.told[u.id] != u.disabled {
			wanted = append(wanted, u)
		}
	}
	return wanted
}

// remember notes what the directory knows now. Users that could not be read are
// left out and asked for again.
func (y *syncer) remember(list []listedUser, found fetched) {
	for _, u := range found.users {
		y.told[u.ID] = u.Disabled
	}
	listed := make(map[string]bool, len(list))
	for _, u := range list {
		listed[u.id] = true
	}
	for id := range y.told {
		if !listed[id] {
			delete(y.told, id)
		}
	}
}

// fetched is what came of asking for users.
type fetched struct {
	users []rooms.User    // in the order of the list
	gone  map[string]bool // deleted since the list was written
}

// fetch asks for users, many at once. A user that FriendCore cannot write down
// properly is left out; only when it stops answering at all is that an error.
func (y *syncer) fetch(ctx context.Context, s asker, wanted []listedUser) (fetched, error) {
	records := make([]rooms.User, len(wanted))
	found := fetched{gone: map[string]bool{}}
	unanswered := 0
	var mu sync.Mutex // guards found and unanswered
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(maxGets)
	for n, u := range wanted {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			user, err := y.get(gctx, s, u)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				records[n] = user
			case isNotFound(err):
				found.gone[u.id] = true
			case errors.Is(err, errNoReply):
				if unanswered++; unanswered > maxUnanswered {
					return fmt.Errorf("ask for %d users: %w", len(wanted), err)
				}
			case gctx.Err() != nil:
				return gctx.Err()
			default:
				y.log.Warn("a user of FriendCore could not be read", "user", u.id, "err", err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fetched{}, err
	}
	if err := ctx.Err(); err != nil {
		return fetched{}, err
	}
	if unanswered > 0 {
		y.log.Warn("FriendCore gave no reply about some users", "count", unanswered)
	}
	found.users = slices.DeleteFunc(records, func(u rooms.User) bool { return u.ID == "" })
	return found, nil
}

// get asks for one user.
func (y *syncer) get(ctx context.Context, s asker, listed listedUser) (rooms.User, error) {
	raw, err := s.ask(ctx, func(id string) []byte { return userGetFrame(id, listed.id) })
	if err != nil {
		return rooms.User{}, err
	}
	return readUser(raw, listed)
}

func isNotFound(err error) bool {
	var f *failedReply
	return errors.As(err, &f) && f.reason == "User not found"
}

func (y *syncer) loadGroups(ctx context.Context, s asker) error {
	raw, err := s.ask(ctx, groupListFrame)
	if err != nil {
		return fmt.Errorf("ask for the list of groups: %w", err)
	}
	groups, skipped, err := readGroupList(raw)
	if err != nil {
		return fmt.Errorf("read the list of groups: %w", err)
	}
	if skipped > 0 {
		y.log.Warn("entries of FriendCore's list of groups are of no use", "count", skipped)
	}
	if err := y.dir.SyncGroups(ctx, groups); err != nil {
		return fmt.Errorf("take over %d groups: %w", len(groups), err)
	}
	return nil
}
