// Package sql keeps accounts, rooms, messages and invites in a database: an
// embedded SQLite file, or a MySQL or MariaDB server. A DB is the rooms.Store of
// the service.
//
//	Open ──► connect (mysql.go, sqlite.go) ──► upgrade.go (schema/*.sql) ──► DB
//	DB: accounts.go rooms.go load.go overview.go readmarks.go messages.go edits.go
//	    search.go invites.go relations.go relate.go workrooms.go worklog.go
//	    worktargets.go
//	     └─► session.go: one transaction or read, counted, limited in time
//	Copy: copy.go ──► copysource.go, copytarget.go; copycheck.go, copykeys.go, copyverify.go
//
// Both kinds of database get the same tables from the same files in schema, and
// the same statements; what differs stands in a dialect. A database of the
// predecessor is used in place (takeover*.go, docs/protocol.md 11.5).
//
// The package must never know what a room does with its data, who is connected,
// or a wire format. Its errors and log lines never hold a password, a token or
// the text of a message.
package sql
