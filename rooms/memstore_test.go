package rooms

import (
	"cmp"
	"context"
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

// do runs f under the lock, unless a fault is switched on.
func (s *memStore) do(call string, f func() error) error {
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
		d := s.rooms[id]
		if d == nil || s.removed[id] {
			return ErrNotFound
		}
		c := *d
		c.Authorized, c.Marks = slices.Clone(d.Authorized), slices.Clone(d.Marks)
		all := s.messages[id]
		c.Tail = slices.Clone(all[max(0, len(all)-tail):])
		data = &c
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
		return nil
	})
	return marks, err
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
			if !s.removed[id] && (assigned || slices.Contains(d.Authorized, account)) {
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
			if q.After > 0 && m.Time >= q.After || q.Before > 0 && m.Time < q.Before {
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
			if m.Time > after && m.From != account {
				n++
			}
		}
		return nil
	})
	return n, err
}

func (s *memStore) AddToken(_ context.Context, t Token) error {
	return s.do("AddToken", func() error { s.rooms[t.Room].PublicToken = t.Token; return nil })
}

func (s *memStore) RevokeToken(_ context.Context, id RoomID, _ string, _ AccountID) error {
	return s.do("RevokeToken", func() error { s.rooms[id].PublicToken = ""; return nil })
}
