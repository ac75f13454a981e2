// Package e2e tests the whole of Presence from the outside: the tests build the
// program, run it as a process with a configuration of their own, and speak to it
// as clients, as FriendCore and as an administrator do. So its memory and CPU time
// can be told from those of the clients, and it can be killed.
//
//	test ── client (websocket, TLS-TCP) ──► presence ──► database (file or MariaDB)
//	   └─── friendcoretest, in the test ◄──────┘
//
// Where things are:
//
//   - process_test.go, server_test.go: the program as a process, its settings
//   - wire_test.go, client_test.go, match_test.go: a client and its expectations
//   - people_test.go, friendcore_test.go: users, and the FriendCore they come from
//   - transcripts_test.go, replay_test.go, deviations_test.go: recorded exchanges
//     (testdata/transcripts) played against the program
//   - configjs_test.go, takeover_test.go, migrate_test.go: an installation of the
//     predecessor taken over, its settings and its database; SQLite to MariaDB
//   - workrooms_test.go: work rooms
//   - story_test.go, lifecycle_test.go, database_test.go, hostile_test.go,
//     secrets_test.go, demo_test.go: what users, operators and attackers see
//   - protocoldoc_test.go: docs/protocol.md against the code and the tests
//   - imports_test.go: the import directions and other rules of the source
//   - bench_test.go, workbench_test.go: the measures, run with -bench
//
// The package must never reach into the program: what the tests want to know they
// learn over its sockets, its logs, its exit status and from the operating system.
// Nothing imports it.
package e2e
