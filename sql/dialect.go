package sql

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"

	"presence/rooms"
)

// dialect is what differs between the kinds of database.
type dialect struct {
	// words stand in the schema files for types and table options.
	words *strings.Replacer
	// ignoreDuplicate ends an insert: rows that exist are left as they are. Other
	// failures still fail.
	ignoreDuplicate func(column string) string
	// forwardMark ends an insert of read marks: an existing one is overwritten by
	// a newer one only.
	forwardMark string
	// inRoom is true of the messages m of a room, which it takes twice. Followed by
	// a condition on the time it makes the database begin at that time.
	inRoom func(room string) string
	// eachLog joins what stands before it, row by row, with messages m: a condition
	// that begins with inRoom has to follow.
	eachLog   string
	forUpdate string // ends a select of rows that the transaction will change
	// search finds messages, the newest first; minToken asks for the length of the
	// shortest words in a full-text index, if the database has a bound.
	search   func(context.Context, session, rooms.RoomID, rooms.SearchQuery) ([]messageRow, error)
	minToken string

	// open makes the pools for writing and for reading, which may be the same. It
	// asks no server yet.
	open func(Config) (writer, reader *sqlx.DB, err error)
	// openAdmin makes a pool for an upgrade: statements may take their time.
	// openLook makes one that changes nothing.
	openAdmin, openLook func(Config) (*sqlx.DB, error)
	// exclusively calls f while c holds the upgrade lock.
	exclusively func(ctx context.Context, c *sqlx.Conn, database string, f func() error) error
	// takesOver: databases of the predecessor of any version are brought to its last
	// one. patience sets up a connection for changes that take long. preflight looks
	// for what could stop an upgrade in the middle.
	takesOver bool
	patience  string
	preflight func(context.Context, *upgrader, *upgradePlan) error

	// What the database holds.
	objects string // rows of object: tables, views and the like
	columns string // rows of table name, column name
	indexes string // rows of table name, index name, column name, of texts or not, in order
	version string // one row: name and version of the program
}

// columnRow and indexRow are the rows of dialect.columns and dialect.indexes.
type columnRow struct {
	Table  string `db:"tableName"`
	Column string `db:"columnName"`
}

type indexRow struct {
	Table   string `db:"tableName"`
	Index   string `db:"indexName"`
	Column  string `db:"columnName"`
	OfTexts bool   `db:"ofTexts"`
}

// dialectOf is called with a driver that Config.check has accepted.
func dialectOf(driver string) *dialect {
	if driver == MySQL {
		return mysqlDialect()
	}
	return sqliteDialect()
}
