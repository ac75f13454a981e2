// Package transport turns bytes into events and back: listeners, TLS, framing,
// login, sessions that outlive a lost connection, limits, and the HTTP routes
// that live on the same ports.
//
// It must never know what an event means: which rooms there are, who may do what,
// what is stored where. It addresses accounts by id and carries account events
// (docs/protocol.md 3.1, E2) as encoded JSON in both directions.
//
//	            ┌─ wsWire ──┐
//	socket ─────┤           ├── conn ──── session ──── Sessions ── Post ◄── rooms
//	(rawConn)   └─ tcpWire ─┘    │ │                                          ▲
//	                             │ └─ msg after login ── Hub.Handle ──────────┤
//	                             └─── login ── Authenticator, Hub.Resolve ────┘
//
// Who owns what:
//
//   - A conn owns its socket. One goroutine reads (conn.run) and waits for the
//     two others that a conn can have: a writer, which exists only while
//     something is queued, and a login check. A timer drives pings and time
//     limits. Nobody but the writer sends, so nobody else waits for the socket.
//   - A session owns the open life of one account: Hub.Open, Show, Hide and Close
//     are called by its runner, a goroutine that exists only while the state that
//     is wanted differs from the one reached, so these calls never overlap.
//   - Sessions is a table, a mutex and two maps. Locks nest in one direction,
//     Sessions, session, conn, and none is held over I/O or over a call to Hub.
//   - Server owns the listeners and waits for all connections.
//
// What a peer can make the process hold before it has logged in is bounded at each
// step: the TLS handshake by rawConn, the HTTP header by headConn, messages and
// the queue by conn, the number of such peers by turnstile.
//
// What happens when a connection ends, and for how long its session can be
// taken up again, is in session.go (docs/protocol.md 2.6).
package transport
