// Package friendcoretest is a FriendCore for tests and for trying things out, in
// the way of net/http/httptest: New starts it on loopback ports, Close ends it.
//
// It answers as a real FriendCore 1.3 does (docs/protocol.md 12): module calls
// and administration over HTTP, and the service websocket with its events. It is
// as strict (keys are read by position, wrong sub-protocols are cut off) and as
// careless (nothing is escaped, some frames are damaged) as the original, and it
// has faults that can be switched on. A test plays recorded traffic of a real
// FriendCore against it.
//
// It differs on purpose in two points: it answers requests of apps at once, where
// FriendCore looks for the answer once a second, and it keeps nothing on disk.
//
// It must never know Presence: no package of this module is imported here.
package friendcoretest
