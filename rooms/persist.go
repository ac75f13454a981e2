package rooms

import (
	"strings"
)

// persist gives a temporary room a name and keeps it from then on: room, log,
// members, tokens and name are stored in one step (docs/protocol.md 7.5). Owner
// and admins may do it; in a saved room it means nothing.
func (r *Room) persist(c call) {
	var in struct {
		Name string `json:"name"`
	}
	c.into(&in)
	name := strings.TrimSpace(in.Name)
	switch {
	case r.persistent:
		r.answer(c, "", nil, "ERR_ALREADY_PERSISTENT")
	case !validName(name):
		r.refusePersist(c, "ERR_INVALID_NAME")
	default:
		r.persistAs(c, name)
	}
}

// persistRefused is the answer to those who may not name the room.
func (r *Room) persistRefused(c call) {
	if r.persistent {
		r.answer(c, "", nil, "ERR_ALREADY_PERSISTENT")
		return
	}
	r.refusePersist(c, "ERR_NOT_ADMIN")
}

// refusePersist speaks as a refused setting does, which every client understands.
func (r *Room) refusePersist(c call, code string) {
	r.toAsker(c, "settings", "update", settingUpdate{ErrMsg: code, Setting: "roomName"})
	r.answer(c, "", nil, code)
}

func (r *Room) persistAs(c call, name string) {
	record := r.record
	record.Name = name
	record.Settings = r.settings.stored()
	if err := r.storeAll(record); err != nil {
		r.log.Error("room not stored", "err", err)
		r.refusePersist(c, "ERR_NOT_STORED")
		return
	}
	r.record, r.persistent = record, true
	r.invitationsStored()
	r.chat.complete = true // what memory had lost before is nowhere
	r.refresh()
	r.toAll("", "persistent", struct {
		Persistent bool   `json:"persistent"`
		Name       string `json:"name"`
	}{true, name})
	for _, id := range r.order {
		r.hub.setTemporary(r.id, id, false)
		if m := r.members[id]; !m.authorized && !m.guest {
			m.authorized, m.marked = true, true
			r.authorized = append(r.authorized, id)
			if m.attached {
				r.toOne(id, "", "authed", authedData{UserID: id, IsAuthed: true})
			}
		}
	}
	r.tellName()
	r.answer(c, "", r.conf.Load(), "")
}

func (r *Room) storeAll(record RoomRecord) error {
	data := RoomData{Room: record, Tail: r.chat.tail, Tokens: r.tokens}
	for _, id := range r.order {
		if r.members[id].guest {
			continue
		}
		data.Authorized = append(data.Authorized, id)
		mark := r.members[id].mark
		mark.Account = id
		data.Marks = append(data.Marks, mark)
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	return r.hub.store.PersistRoom(ctx, &data)
}

// invitationsStored forgets what the hub keeps of invitations to temporary rooms:
// the database has them now.
func (r *Room) invitationsStored() {
	for _, t := range r.tokens {
		if t.Target != "" {
			r.hub.setInvited(t.Target, t.Token, nil)
		}
	}
}
