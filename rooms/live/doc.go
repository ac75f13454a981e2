// Package live is the state of one call: who is in it and in which browser, who
// speaks and who presents, and whether everybody is still there (docs/protocol.md 16).
//
// A Session decides what is told to whom and hands it to an Out; it sends nothing
// itself, has no goroutine and no clock: its owner calls it in turn, tells it the time,
// and wakes it when Next says. It must never know a room, a socket or what peers send
// each other: that is passed on as it came, in calls that hide addresses without those.
//
//	session.go   joining, moving to another browser, leaving, coming back
//	alive.go     pings, signs of life, the time of grace
//	relay.go     events from one peer to others
//	hide.go      what is cut out of them in calls that hide addresses
//	hide.go      calls whose peers do not learn each other's addresses
//	floor.go     quality, speaking, mode
package live
