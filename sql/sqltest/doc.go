// Package sqltest gives tests a database of every kind: an SQLite file in the
// test's folder, and a fresh database on a private MariaDB server, which is
// started with the first test that wants it and ends with the test process.
//
//	func TestMain(m *testing.M) { sqltest.Main(m) }
//
//	func TestRooms(t *testing.T) {
//		sqltest.Each(t, func(t *testing.T, open func() *sql.DB) { … })
//	}
//
// The server needs MariaDB's programs mariadbd and mariadb-install-db; without
// them its tests are skipped, or fail if PRESENCE_TEST_REQUIRE_ALL is 1. With
// PRESENCE_TEST_MYSQL=host:port:user:password a server that runs already is used:
// databases named presence_test_… are made and dropped there.
//
// The package must never be imported by anything but tests.
package sqltest
