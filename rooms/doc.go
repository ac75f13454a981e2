// Package rooms is the heart of Presence: accounts, identities and workgroups,
// rooms with their chat, log, members and settings.
//
// It must never know a socket, a query language, an HTTP request or a frame of
// FriendCore. What it needs from the outside is written down in ports.go; what
// the outside asks of it are the methods of Hub.
//
//	transport ── Handle, Open, Show … ──►  Hub ──► Account ──┐ events by id
//	    ▲                                   │                ▼
//	    └────── Post: encoded events ───────┴────────────  Room ──► Store
//
// Who owns what:
//
//   - A Room owns its members, its log tail and its settings. All events of a
//     room are handled one after another by the room's mailbox.
//   - An Account owns what a logged-in user sees: the rooms it has joined and
//     whether its client has asked for its state. It has a mailbox too.
//   - The Directory (identities, workgroups) and the registry of rooms are
//     tables: a mutex and maps, never held over I/O or over a call outside.
//
// Rooms and accounts address each other by id and hand over small values that
// could cross a wire; neither waits for the other. Client events go from the
// connection's reader straight into the mailbox of the room or account they are
// addressed to, and the reader waits when that mailbox is full: a client that
// sends too fast slows down itself only.
//
// The protocol is described in docs/protocol.md; comments cite its sections.
package rooms
