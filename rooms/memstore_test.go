package rooms

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
)

// memStore is a Store in memory, with a fault to switch on.
type memStore struct {
	mu       sync.Mutex
	fault    error             // every call fails with it
	only     string            // the call that fails, empty: all
	before   func(name string) // called before each call, unless nil
	accounts map[AccountID]AccountRecord
	avatars  map[AccountID]string
	rooms    map[RoomID]*RoomData
	removed  map[RoomID]bool
	messages map[RoomID][]Message
	calls    map[string]int

	gates     map[string]chan struct{} // calls wait until theirs is closed
	tokens    []Token                  // those that are valid
	relations []Relation
}

var errAway = errors.New("database away")

func newMemStore() *memStore {
	return &memStore{
		accounts: map[AccountID]AccountRecord{}, avatars: map[AccountID]string{}, rooms: map[RoomID]*RoomData{},
		removed: map[RoomID]bool{}, messages: map[RoomID][]Message{}, calls: map[string]int{},
	}
}

func (s *memStore) setFault(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.only = err, ""
}

// failOnly lets one kind of call fail.
func (s *memStore) failOnly(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.only = errAway, call
}

// onCall calls f before each call.
func (s *memStore) onCall(f func(name string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

func (s *memStore) count(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[call]
}

// holdUp has one kind of call wait until release is called.
func (s *memStore) holdUp(call string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gate := make(chan struct{})
	s.gates = map[string]chan struct{}{call: gate}
	return func() { close(gate) }
}

// do runs f under the lock, unless a fault is switched on.
func (s *memStore) do(call string, f func() error) error {
	s.mu.Lock()
	gate := s.gates[call]
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[call]++
	if s.before != nil {
		s.before(call)
	}
	if s.fault != nil && (s.only == "" || s.only == call) {
		return s.fault
	}
	return f()
}

func (s *memStore) Accounts(context.Context) (all []AccountRecord, err error) {
	err = s.do("Accounts", func() error {
		for _, r := range s.accounts {
			all = append(all, r)
		}
		return nil
	})
	return all, err
}

func (s *memStore) CreateAccounts(_ context.Context, records []AccountRecord) error {
	return s.do("CreateAccounts", func() error {
		for _, r := range records {
			s.accounts[r.ID] = r
		}
		return nil
	})
}

func (s *memStore) UpdateAccounts(ctx context.Context, records []AccountRecord) error {
	return s.do("UpdateAccounts", func() error {
		for _, r := range records {
			s.accounts[r.ID] = r
		}
		return nil
	})
}

func (s *memStore) Avatars(_ context.Context, ids []AccountID) (own map[AccountID]string, err error) {
	err = s.do("Avatars", func() error {
		own = map[AccountID]string{}
		for _, id := range ids {
			if picture := s.avatars[id]; picture != "" {
				own[id] = picture
			}
		}
		return nil
	})
	return own, err
}

func (s *memStore) TouchLogin(_ context.Context, id AccountID) error {
	return s.do("TouchLogin", func() error { return nil })
}

func (s *memStore) TouchOnline(_ context.Context, id AccountID) error {
	return s.do("TouchOnline", func() error { return nil })
}

func (s *memStore) CreateRoom(_ context.Context, room RoomRecord, authorized []AccountID) error {
	return s.do("CreateRoom", func() error {
		d := &RoomData{Room: room, Authorized: slices.Clone(authorized)}
		for _, id := range authorized {
			d.Marks = append(d.Marks, ReadMark{Account: id})
		}
		s.rooms[room.ID] = d
		return nil
	})
}

func (s *memStore) LoadRoom(_ context.Context, id RoomID, tail int) (data *RoomData, err error) {
	err = s.do("LoadRoom", func() error {
		if data = s.load(id, tail); data == nil {
			return ErrNotFound
		}
		return nil
	})
	return data, err
}

func (s *memStore) PersistRoom(_ context.Context, d *RoomData) error {
	return s.do("PersistRoom", func() error {
		c := *d
		c.Authorized, c.Marks = slices.Clone(d.Authorized), slices.Clone(d.Marks)
		s.messages[d.Room.ID] = slices.Clone(d.Tail)
		for _, t := range d.Tokens {
			if t.Type == "public" {
				c.PublicToken = t.Token
			}
			s.tokens = append(s.tokens, t)
		}
		c.Tail, c.Tokens = nil, nil
		s.rooms[d.Room.ID] = &c
		return nil
	})
}

func (s *memStore) RenameRoom(_ context.Context, id RoomID, name string) error {
	return s.do("RenameRoom", func() error { s.rooms[id].Room.Name = name; return nil })
}

func (s *memStore) SetRoomSetting(_ context.Context, id RoomID, key string, value []byte) error {
	return s.do("SetRoomSetting", func() error {
		s.rooms[id].Room.Settings = []byte(`{"` + key + `":` + string(value) + `}`)
		return nil
	})
}

func (s *memStore) Authorize(_ context.Context, id RoomID, accounts []AccountID) (marks []ReadMark, err error) {
	err = s.do("Authorize", func() error {
		d := s.rooms[id]
		for _, a := range accounts {
			if !slices.Contains(d.Authorized, a) {
				d.Authorized = append(d.Authorized, a)
			}
		}
		marks = s.makeMarks(id, accounts)
		return nil
	})
	return marks, err
}

// makeMarks gives those a mark who have none; the lock is held.
func (s *memStore) makeMarks(id RoomID, accounts []AccountID) (marks []ReadMark) {
	d := s.rooms[id]
	for _, a := range accounts {
		i := slices.IndexFunc(d.Marks, func(m ReadMark) bool { return m.Account == a })
		if i < 0 {
			m := ReadMark{Account: a}
			if all := s.messages[id]; len(all) > 0 {
				m.MsgID, m.Time = all[len(all)-1].ID, all[len(all)-1].Time
			}
			d.Marks = append(d.Marks, m)
			i = len(d.Marks) - 1
		}
		marks = append(marks, d.Marks[i])
	}
	return marks
}

func (s *memStore) Unauthorize(_ context.Context, id RoomID, account AccountID) error {
	return s.do("Unauthorize", func() error {
		s.rooms[id].Authorized = remove(s.rooms[id].Authorized, account)
		return nil
	})
}

func (s *memStore) RoomsOf(_ context.Context, account AccountID, groups []string) (ids []RoomID, err error) {
	err = s.do("RoomsOf", func() error {
		for id, d := range s.rooms {
			assigned := slices.ContainsFunc(d.Assigned, func(a Assignment) bool { return slices.Contains(groups, a.FID) })
			if !s.removed[id] && !d.Room.IsPrivate && (assigned || slices.Contains(d.Authorized, account)) {
				ids = append(ids, id)
			}
		}
		slices.SortFunc(ids, func(a, b RoomID) int {
			return cmp.Compare(s.rooms[a].Room.Created.UnixNano(), s.rooms[b].Room.Created.UnixNano())
		})
		return nil
	})
	return ids, err
}

func (s *memStore) SaveReadMarks(_ context.Context, id RoomID, marks []ReadMark) error {
	return s.do("SaveReadMarks", func() error { s.saveMarks(id, marks); return nil })
}

func (s *memStore) saveMarks(id RoomID, marks []ReadMark) {
	d := s.rooms[id]
	for _, m := range marks {
		i := slices.IndexFunc(d.Marks, func(o ReadMark) bool { return o.Account == m.Account })
		switch {
		case i < 0:
			d.Marks = append(d.Marks, m)
		case d.Marks[i].Time < m.Time:
			d.Marks[i] = m
		}
	}
}

func (s *memStore) RemoveRoom(_ context.Context, id RoomID) error {
	return s.do("RemoveRoom", func() error { s.removed[id] = true; return nil })
}

func (s *memStore) AddMessages(_ context.Context, id RoomID, messages []Message, readBy []AccountID) error {
	return s.do("AddMessages", func() error {
		s.messages[id] = append(s.messages[id], messages...)
		last := messages[len(messages)-1]
		for _, a := range readBy {
			s.saveMarks(id, []ReadMark{{a, last.ID, last.Time}})
		}
		return nil
	})
}

func (s *memStore) Page(_ context.Context, id RoomID, q PageQuery) (page []Message, err error) {
	err = s.do("Page", func() error {
		for _, m := range s.messages[id] {
			in := q.After > 0 && m.Time >= q.After || q.Before > 0 && m.Time < q.Before
			if in && (q.Deleted || m.Status == "") {
				page = append(page, m)
			}
		}
		if len(page) > q.Limit {
			if q.After > 0 {
				page = page[:q.Limit]
			} else {
				page = page[len(page)-q.Limit:]
			}
		}
		return nil
	})
	return page, err
}

func (s *memStore) Message(_ context.Context, room RoomID, id string) (msg Message, err error) {
	err = s.do("Message", func() error {
		for _, m := range s.messages[room] {
			if m.ID == id {
				msg = m
				return nil
			}
		}
		return ErrNotFound
	})
	return msg, err
}

func (s *memStore) CountUnread(_ context.Context, id RoomID, account AccountID, after int64) (n int, err error) {
	err = s.do("CountUnread", func() error {
		for _, m := range s.messages[id] {
			if m.Time > after && m.From != account && m.Status == "" {
				n++
			}
		}
		return nil
	})
	return n, err
}

func (s *memStore) UnreadIn(_ context.Context, account AccountID, in []RoomID) (all map[RoomID]Unread, err error) {
	err = s.do("UnreadIn", func() error {
		all = map[RoomID]Unread{}
		for _, id := range in {
			if s.rooms[id] == nil {
				continue
			}
			u := Unread{}
			for _, m := range s.rooms[id].Marks {
				if m.Account == account {
					u.After = m.Time
				}
			}
			for _, m := range s.messages[id] {
				if m.Time > u.After && m.From != account && m.Status == "" {
					u.Count, u.Newest = u.Count+1, m.Time
				}
			}
			if u.Count > 0 {
				all[id] = u
			}
		}
		return nil
	})
	return all, err
}

func (s *memStore) AddToken(_ context.Context, t Token) error {
	return s.do("AddToken", func() error {
		s.tokens = append(s.tokens, t)
		if t.Type == publicToken {
			s.rooms[t.Room].PublicToken = t.Token
		}
		return nil
	})
}

func (s *memStore) RevokeToken(_ context.Context, id RoomID, text string, _ AccountID) error {
	return s.do("RevokeToken", func() error {
		s.tokens = slices.DeleteFunc(s.tokens, func(t Token) bool { return t.Token == text && t.Room == id })
		if s.rooms[id].PublicToken == text {
			s.rooms[id].PublicToken = ""
		}
		return nil
	})
}

func (s *memStore) SetAvatar(_ context.Context, id AccountID, url string) error {
	return s.do("SetAvatar", func() error {
		if url == "" {
			delete(s.avatars, id)
		} else {
			s.avatars[id] = url
		}
		r := s.accounts[id]
		r.HasAvatar = url != ""
		s.accounts[id] = r
		return nil
	})
}

func (s *memStore) SetAccountSetting(_ context.Context, id AccountID, key string, value []byte) (all json.RawMessage, err error) {
	err = s.do("SetAccountSetting", func() error {
		r := s.accounts[id]
		r.Settings = []byte(`{"` + key + `":` + string(value) + `}`)
		s.accounts[id], all = r, r.Settings
		return nil
	})
	return all, err
}

func (s *memStore) LoadRooms(_ context.Context, ids []RoomID, tail int, reader AccountID) (all []*RoomData, err error) {
	err = s.do("LoadRooms", func() error {
		for _, id := range ids {
			if d := s.load(id, tail); d != nil {
				d.Unread = s.unreadOf(id, reader)
				all = append(all, d)
			}
		}
		return nil
	})
	return all, err
}

// load copies a room; the lock is held.
func (s *memStore) load(id RoomID, tail int) *RoomData {
	d := s.rooms[id]
	if d == nil || s.removed[id] {
		return nil
	}
	c := *d
	c.Authorized = slices.DeleteFunc(slices.Clone(d.Authorized), func(a AccountID) bool {
		return s.accounts[a].Disabled && !d.Room.IsPrivate
	})
	c.Marks, c.Assigned = slices.Clone(d.Marks), slices.Clone(d.Assigned)
	c.Tokens = s.validTokens(id)
	var all []Message
	for _, m := range s.messages[id] {
		if m.Status == "" || d.Room.IsPrivate {
			all = append(all, m)
		}
	}
	c.Tail = slices.Clone(all[max(0, len(all)-tail):])
	c.Relation = s.relationOfRoom(id)
	return &c
}

func (s *memStore) validTokens(id RoomID) []Token {
	var all []Token
	for _, t := range s.tokens {
		if t.Room == id && !s.removed[id] {
			all = append(all, t)
		}
	}
	return all
}

func (s *memStore) unreadOf(id RoomID, account AccountID) (n int) {
	var after int64
	for _, m := range s.rooms[id].Marks {
		if m.Account == account {
			after = m.Time
		}
	}
	for _, m := range s.messages[id] {
		if m.Time > after && m.From != account && m.Status == "" {
			n++
		}
	}
	return n
}

func (s *memStore) MakeReadMarks(ctx context.Context, id RoomID, accounts []AccountID) (marks []ReadMark, err error) {
	err = s.do("MakeReadMarks", func() error { marks = s.makeMarks(id, accounts); return nil })
	return marks, err
}

func (s *memStore) Assign(_ context.Context, id RoomID, a Assignment) error {
	return s.do("Assign", func() error {
		s.rooms[id].Assigned = append(s.rooms[id].Assigned, a)
		return nil
	})
}

func (s *memStore) Dismiss(_ context.Context, id RoomID, fID string) error {
	return s.do("Dismiss", func() error {
		s.rooms[id].Assigned = slices.DeleteFunc(s.rooms[id].Assigned, func(a Assignment) bool { return a.FID == fID })
		return nil
	})
}

func (s *memStore) Overview(_ context.Context, id RoomID) (o *Overview, err error) {
	err = s.do("Overview", func() error {
		d := s.rooms[id]
		if d == nil || s.removed[id] {
			return ErrNotFound
		}
		o = &Overview{
			Room: d.Room, Authorized: slices.Clone(d.Authorized), Assigned: slices.Clone(d.Assigned),
			Tokens: s.validTokens(id), Messages: len(s.messages[id]),
		}
		return nil
	})
	return o, err
}

// change edits a message that is not deleted.
func (s *memStore) change(call string, room RoomID, id string, edit func(*Message)) error {
	return s.do(call, func() error {
		for n := range s.messages[room] {
			if m := &s.messages[room][n]; m.ID == id && m.Status == "" {
				edit(m)
				return nil
			}
		}
		return ErrNotFound
	})
}

func (s *memStore) SetText(_ context.Context, room RoomID, id, text string) error {
	return s.change("SetText", room, id, func(m *Message) { m.Text = text })
}

func (s *memStore) AddEdit(_ context.Context, room RoomID, e Edit) error {
	return s.change("AddEdit", room, e.MsgID, func(m *Message) {
		m.Text, m.EditID, m.EditBy, m.EditTime, m.EditReason = e.Text, e.ID, e.By, e.Time, e.Reason
	})
}

func (s *memStore) DeleteMessage(_ context.Context, room RoomID, d Deletion) error {
	return s.change("DeleteMessage", room, d.MsgID, func(m *Message) { m.Status, m.StatusID = "delete", d.ID })
}

func (s *memStore) Search(_ context.Context, room RoomID, q SearchQuery) (found []Message, err error) {
	err = s.do("Search", func() error {
		log := chatLog{tail: s.messages[room]}
		found = log.search(q)
		return nil
	})
	return found, err
}

func (s *memStore) UseToken(_ context.Context, room RoomID, text string, by AccountID) (used Token, err error) {
	err = s.do("UseToken", func() error {
		for n, t := range s.tokens {
			if t.Token != text || t.Room != room || s.removed[room] || t.Target != "" && t.Target != by {
				continue
			}
			used = t
			if t.SingleUse {
				s.tokens = slices.Delete(s.tokens, n, n+1)
			}
			return nil
		}
		return ErrNotFound
	})
	return used, err
}

func (s *memStore) Invitations(_ context.Context, account AccountID) (all []Invitation, err error) {
	err = s.do("Invitations", func() error {
		for _, t := range s.tokens {
			if t.Target == account && !s.removed[t.Room] {
				all = append(all, Invitation{t, s.rooms[t.Room].Room.Name, s.rooms[t.Room].Room.OwnerID})
			}
		}
		return nil
	})
	return all, err
}

// relationWith is the stored direction, filled in; the lock is held.
func (s *memStore) relationWith(a, b AccountID) (Relation, bool) {
	n := slices.IndexFunc(s.relations, func(r Relation) bool { return r.Account == a && r.Contact == b })
	if n < 0 {
		return Relation{}, false
	}
	r := s.relations[n]
	r.ContactDisabled = s.accounts[b].Disabled
	for _, m := range s.messages[r.Room] {
		last := m
		r.Last = &last
		if m.From == b && m.Time > r.Read.Time && m.Status == "" {
			r.Unread++
		}
	}
	return r, true
}

func (s *memStore) relationOfRoom(id RoomID) (both []Relation) {
	for _, r := range s.relations {
		if r.Room == id {
			filled, _ := s.relationWith(r.Account, r.Contact)
			both = append(both, filled)
		}
	}
	return both
}

func (s *memStore) Relations(_ context.Context, account AccountID) (all []Relation, err error) {
	err = s.do("Relations", func() error {
		for _, r := range s.relations {
			if r.Account == account {
				filled, _ := s.relationWith(account, r.Contact)
				all = append(all, filled)
			}
		}
		return nil
	})
	return all, err
}

func (s *memStore) Relation(_ context.Context, a, b AccountID) (both []Relation, err error) {
	err = s.do("Relation", func() error {
		ab, ok := s.relationWith(a, b)
		if !ok {
			return ErrNotFound
		}
		ba, _ := s.relationWith(b, a)
		both = []Relation{ab, ba}
		return nil
	})
	return both, err
}

func (s *memStore) Relate(_ context.Context, a AccountID, contacts []AccountID) (made []AccountID, err error) {
	err = s.do("Relate", func() error {
		for _, b := range contacts {
			if s.relate(a, b) {
				made = append(made, b)
			}
		}
		return nil
	})
	return made, err
}

func (s *memStore) relate(a, b AccountID) bool {
	if _, ok := s.relationWith(a, b); ok {
		return false
	}
	id := newID("rel")
	s.relations = append(s.relations,
		Relation{ID: id, Account: a, Contact: b, Read: ReadMark{Account: a}},
		Relation{ID: id, Account: b, Contact: a, Read: ReadMark{Account: b}})
	return true
}

func (s *memStore) OpenContact(_ context.Context, a, b AccountID, record RoomRecord) (room RoomID, err error) {
	err = s.do("OpenContact", func() error {
		s.relate(a, b)
		r, _ := s.relationWith(a, b)
		if r.Room != "" {
			room = r.Room
			return nil
		}
		room, record.OwnerID = record.ID, AccountID(r.ID)
		s.rooms[room] = &RoomData{Room: record, Authorized: []AccountID{a, b}}
		for n := range s.relations {
			if s.relations[n].ID == r.ID {
				s.relations[n].Room = room
			}
		}
		return nil
	})
	return room, err
}

func (s *memStore) SaveContactMark(_ context.Context, account, contact AccountID, mark ReadMark, at int64) error {
	return s.do("SaveContactMark", func() error {
		for n := range s.relations {
			if r := &s.relations[n]; r.Account == account && r.Contact == contact && r.Read.Time < mark.Time {
				r.Read, r.ReadAt = mark, at
			}
		}
		return nil
	})
}
