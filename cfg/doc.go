// Package cfg turns presence.ini, and FriendCore's cfg.ini when it is at hand,
// into one typed and checked Config.
//
// The embedded example.presence.ini is the only list of defaults: it is what an
// administrator reads, and what every Config starts from. keys.go says which key
// fills which field. Later layers win:
//
//	example.presence.ini  <  FriendCore's cfg.ini  <  presence.ini
//
// Whatever is wrong is reported at once, with file, line and cure, in one *Error;
// nothing half-read is ever returned.
//
// The package must never know what the settings are used for: it opens no socket
// or database, starts nothing, and imports nothing of Presence. It writes no
// logs; what an administrator should hear comes back as a list of Note.
package cfg
