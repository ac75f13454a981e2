// Package friendcore is everything that Presence exchanges with FriendCore, the
// server of the Friend desktop (docs/protocol.md 12):
//
//	Client  module calls over HTTP: who is this user, which groups are special
//	Link    the service websocket: lists of users and groups, events about them,
//	        requests from apps, and notifications for phones
//
// A Link keeps one registered connection and no more, and starts again when it is
// lost. What it learns goes to a Directory, what apps ask goes to a Handler; both
// belong to the caller.
//
//	FriendCore ──frames──► parseFrame ──► session ─┬─ replies ──► ask (sync.go)
//	                                               ├─ events ───► re-sync ──► Directory
//	                                               ├─ relations ─────────► Directory
//	                                               └─ requests ─► Handler
//	FriendCore ◄──frames── session ◄── notifier ◄── Notify
//
// FriendCore escapes nothing and damages some of its frames, and users choose
// parts of what stands in them. Hence three rules: of keys that occur twice the
// first one counts, because FriendCore writes its own before a user's text; an
// event is only a reason to read the lists again, but for relations, which are in
// no list; and what comes with the id of its sender is a request of an app and
// never an event.
//
// The package must never know rooms, connections of clients or the database, and
// must never log or return an authid, the service key, or anything of a module
// call's answer.
package friendcore
