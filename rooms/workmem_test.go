package rooms

import (
	"cmp"
	"context"
	"slices"
)

// The part of memStore that keeps work rooms.

func (s *memStore) MakeWorkRooms(_ context.Context, records []RoomRecord) (all []RoomRecord, err error) {
	err = s.do("MakeWorkRooms", func() error {
		for _, r := range records {
			all = append(all, s.makeWorkRoom(r))
		}
		return nil
	})
	return all, err
}

func (s *memStore) makeWorkRoom(r RoomRecord) RoomRecord {
	for id, d := range s.rooms {
		if d.Room.WorkgroupID == r.WorkgroupID {
			delete(s.removed, id)
			return d.Room
		}
	}
	s.rooms[r.ID] = &RoomData{Room: r}
	return r
}

func (s *memStore) LoadWorkRooms(_ context.Context, records []RoomRecord, tail int) (all []*RoomData, err error) {
	err = s.do("LoadWorkRooms", func() error {
		for _, r := range records {
			d := s.rooms[r.ID]
			if d == nil {
				continue
			}
			c := &RoomData{Room: d.Room, Marks: slices.Clone(d.Marks)}
			c.Tail = slices.DeleteFunc(s.workLog(r.ID, r.WorkgroupID), func(m Message) bool { return m.Status != "" })
			c.Older = len(c.Tail) > tail
			c.Tail = c.Tail[max(0, len(c.Tail)-tail):]
			all = append(all, c)
		}
		return nil
	})
	return all, err
}

// workLog lists what was written in a room or is aimed at its workgroup; the lock is held.
func (s *memStore) workLog(room RoomID, group WorkgroupID) (all []Message) {
	for id, messages := range s.messages {
		for _, m := range messages {
			if _, aimed := m.target(group); id == room || aimed {
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, func(a, b Message) int { return cmp.Compare(a.Time, b.Time) })
	return all
}

func (s *memStore) readable(w WorkReader) []Message {
	return slices.DeleteFunc(w.allSeen(s.workLog(w.Room, w.Group)), func(m Message) bool { return m.Status != "" })
}

func (s *memStore) WorkPage(_ context.Context, w WorkReader, q PageQuery) (page []Message, err error) {
	err = s.do("WorkPage", func() error {
		page, _ = (&chatLog{tail: s.readable(w), complete: true}).page(q)
		return nil
	})
	return page, err
}

func (s *memStore) WorkMessage(_ context.Context, id string) (msg Message, err error) {
	err = s.do("WorkMessage", func() error {
		for _, messages := range s.messages {
			for _, m := range messages {
				if m.ID == id {
					msg = m
					return nil
				}
			}
		}
		return ErrNotFound
	})
	return msg, err
}

func (s *memStore) countWork(w WorkReader, after int64) (u Unread) {
	u.After = after
	for _, m := range s.readable(w) {
		if m.Time > after && m.From != w.Account {
			u.Count, u.Newest = u.Count+1, m.Time
		}
	}
	return u
}

func (s *memStore) WorkUnread(_ context.Context, w WorkReader, after int64) (n int, err error) {
	err = s.do("WorkUnread", func() error { n = s.countWork(w, after).Count; return nil })
	return n, err
}

func (s *memStore) WorkUnreadIn(_ context.Context, account AccountID, readers []WorkReader) (all map[RoomID]Unread, err error) {
	err = s.do("WorkUnreadIn", func() error {
		all = map[RoomID]Unread{}
		for _, w := range readers {
			after := int64(0)
			for _, m := range s.rooms[w.Room].Marks {
				if m.Account == account {
					after = m.Time
				}
			}
			if u := s.countWork(w, after); u.Count > 0 {
				all[w.Room] = u
			}
		}
		return nil
	})
	return all, err
}

func (s *memStore) MakeWorkMarks(_ context.Context, marks map[RoomID][]ReadMark) error {
	return s.do("MakeWorkMarks", func() error {
		for id, list := range marks {
			for _, m := range list {
				d := s.rooms[id]
				if !slices.ContainsFunc(d.Marks, func(o ReadMark) bool { return o.Account == m.Account }) {
					d.Marks = append(d.Marks, m)
				}
			}
		}
		return nil
	})
}
