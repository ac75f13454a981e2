package rooms

// Notification tells people of a message who may not see it otherwise
// (docs/protocol.md 12.3).
type Notification struct {
	Users          []string // FriendCore's login names
	Channel        RoomID
	Title, Message string
	Time           int64  // of the message, milliseconds
	Extra          string // JSON: where a phone finds the message
}

// maxNotified bounds the text of a notification, in characters: it is for a small
// screen, and the whole is in the log.
const maxNotified = 500

// notifiedRoom and notifiedChat are what Extra holds. The order of keys counts.
type notifiedRoom struct {
	RoomID RoomID `json:"roomId"`
	MsgID  string `json:"msgId"`
}

type notifiedChat struct {
	IsPrivate bool      `json:"isPrivate"`
	RoomID    AccountID `json:"roomId"` // the author: under this id the receiver knows the chat
	MsgID     string    `json:"msgId"`
}

// Notifier hands notifications on to FriendCore. Notify must not block.
type Notifier interface{ Notify(n Notification) }

// notified lists the login names of those who are told.
func (r *Room) notified(ids []AccountID, author AccountID) (users []string) {
	for _, id := range ids {
		m := r.members[id]
		if m == nil || id == author || m.active || m.absent || m.guest || m.login == "" {
			continue
		}
		if r.isContact() && r.hub.isDisabled(id) {
			continue // in contact rooms nobody is absent
		}
		users = append(users, m.login)
	}
	return users
}

// notify tells those members of a message who do not look at the room. Guests and
// accounts without a login name have no place where it could go.
func (r *Room) notify(author AccountID, msg *Message) { r.notifyThese(r.order, author, msg) }

// notifyThese is notify for some of them.
func (r *Room) notifyThese(ids []AccountID, author AccountID, msg *Message) {
	if r.hub.notifier == nil {
		return
	}
	users := r.notified(ids, author)
	if len(users) == 0 {
		return
	}
	text := clip(msg.Text, maxNotified)
	n := Notification{
		Users: users, Channel: r.id, Time: msg.Time,
		Title: "#" + r.record.Name, Message: msg.Name + ": " + text,
		Extra: string(encode(notifiedRoom{r.id, msg.ID})),
	}
	if r.isContact() {
		n.Title, n.Message = msg.Name, text
		n.Extra = string(encode(notifiedChat{true, author, msg.ID}))
	}
	r.hub.notifier.Notify(n)
}
