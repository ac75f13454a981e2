// Package avatar makes the pictures that stand for people and rooms, as data URLs
// of PNG.
//
// It draws one for those who have none of their own: a round pattern for people, a
// square one for rooms, and one fixed picture for guests (docs/protocol.md 5.5). The
// same name always gives the same picture.
//
// It takes the pictures that people send of themselves (docs/protocol.md 5.6): Own
// bounds, decodes, crops and scales them, and makes them fit the database's column.
//
// It is pure: names or pictures in, pictures out. It must never know who they belong
// to, nor keep or cache anything. For the worst that somebody can send, Own
// takes about a second and 250 MiB: how many run at a time is up to the caller.
package avatar
