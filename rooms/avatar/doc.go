// Package avatar draws the pictures of those who have none of their own: a round
// pattern for people, a square one for rooms, and one fixed picture for guests
// (docs/protocol.md 5.5). The same name always gives the same picture.
//
// It is pure: names in, bytes out. It must never know who a name belongs to, nor
// keep or cache anything.
package avatar
