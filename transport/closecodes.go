package transport

// closeCode says in a websocket close frame why the server ends a connection
// (docs/protocol.md 1.9). On TCP it is only logged.
type closeCode uint16

const (
	closeNormal    closeCode = 1000 // the client left, or its session was ended
	closeGoingAway closeCode = 1001 // the server stops
	closeMalformed closeCode = 1007 // too much that is no JSON
	closePolicy    closeCode = 1008 // login refused, or too late, or too much before it
	closeTooBig    closeCode = 1009 // message larger than allowed
	closeTryLater  closeCode = 1013 // who vouches for users cannot answer now
	closeSlow      closeCode = 3008 // the client reads too slowly
)

func (c closeCode) String() string {
	switch c {
	case closeNormal:
		return "bye"
	case closeGoingAway:
		return "server going away"
	case closeMalformed:
		return "malformed messages"
	case closePolicy:
		return "not logged in"
	case closeTooBig:
		return "message too big"
	case closeTryLater:
		return "try again later"
	case closeSlow:
		return "reading too slowly"
	}
	return "closed"
}
