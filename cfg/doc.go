// Package cfg turns presence.ini, or the config.js of the server that Presence
// replaces, and FriendCore's cfg.ini when it is at hand, into one typed and checked
// Config.
//
// The embedded example.presence.ini is the only list of defaults: it is what an
// administrator reads, and what every Config starts from. keys.go says which key
// fills which field. Later layers win:
//
//	example.presence.ini  <  FriendCore's cfg.ini  <  presence.ini or config.js
//
// A config.js goes the same way as a presence.ini once it has been turned into the
// sections and keys of one, so that no rule for a value stands twice:
//
//	config.js ─ jslex, jsparse ─► values ─ formerkeys, former ─► sections ─┐
//	presence.ini ────────────── scan ───────────────────────────► sections ─┴─ load ─► Config
//
// Whatever is wrong is reported at once, with file, line and cure, in one *Error;
// nothing half-read is ever returned. Of a config.js that is no plain JavaScript
// only the first mistake is known.
//
// The package must never know what the settings are used for: it opens no socket
// or database, starts nothing, and imports nothing of Presence. It writes no
// logs; what an administrator should hear comes back as a list of Note.
package cfg
