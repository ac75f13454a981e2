package friendcore

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"presence/rooms"
)

// maxRecipients bounds the users of one request: some versions of FriendCore read
// no message of more than 512 parts.
const maxRecipients = 100

// Notify has a notification sent to the phones of users (docs/protocol.md 12.3) and
// never blocks. It is not sent if title or message is empty or no user is left who can
// be named. It is given up, and counted in Stats, if FriendCore fails it three times,
// if it waits for too long, or if too many newer ones wait.
func (l *Link) Notify(n rooms.Notification) {
	if n.Title == "" || n.Message == "" {
		return
	}
	now := time.Now()
	var pushes []*push
	for users := range slices.Chunk(recipients(n.Users), maxRecipients) {
		pushes = append(pushes, &push{id: "req-" + rand.Text(), users: users, note: n, since: now})
	}
	l.notifier.add(pushes)
}

// recipients are the users who can be named to FriendCore, each once.
func recipients(logins []string) []string {
	users := make([]string, 0, len(logins))
	seen := make(map[string]bool, len(logins))
	for _, login := range logins {
		if canBeNamed(login) && !seen[login] {
			seen[login] = true
			users = append(users, login)
		}
	}
	return users
}

// canBeNamed says whether FriendCore can take a login name: it puts names as they
// are between the quotes of an SQL statement.
func canBeNamed(login string) bool {
	return login != "" && utf8.ValidString(login) && utf8.RuneCountInString(login) <= maxName &&
		!strings.ContainsFunc(login, func(r rune) bool {
			return r == '"' || r == '\'' || r == '\\' || !unicode.IsPrint(r)
		})
}

// push is a notification for the users of one request.
type push struct {
	id    string // of the request; the same at each try, so that a late reply counts
	users []string
	note  rooms.Notification
	since time.Time // Notify was called

	// The notifier's, guarded by its mutex.
	order int64     // counts up with since
	tries int       // requests sent so far
	due   time.Time // not to be sent before
	limit time.Time // the reply is late from here on
}

// size is about what a push holds in memory.
func (p *push) size() int {
	size := 256 + len(p.note.Channel) + len(p.note.Title) + len(p.note.Message) + len(p.note.Extra)
	for _, login := range p.users {
		size += 16 + len(login)
	}
	return size
}

func (p *push) frame() []byte {
	body := pushBody{
		Users: p.users, TimeCreated: p.note.Time, ChannelID: string(p.note.Channel), Type: 1,
		Title: p.note.Title, Message: p.note.Message, Application: "FriendChat",
	}
	if p.note.Extra != "" {
		body.Extra = &p.note.Extra
	}
	return encode(message{"service", message{"notification", pushRequest{p.id, body}}})
}
