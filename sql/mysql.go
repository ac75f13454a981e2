package sql

import (
	"context"
	dbsql "database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// idle is how long a server of MySQL keeps a connection that nobody uses, in
// seconds. It is set per connection, so that the pool gives one up before the
// server does, whatever the server's own setting is.
const (
	idleOnServer = "600"
	idleInPool   = 2 * time.Minute
	lifeInPool   = 5 * time.Minute
)

func mysqlDialect() *dialect {
	return &dialect{
		words: strings.NewReplacer(
			"$ID", "INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY",
			"$JSON", "JSON",
			"$OPTIONS", "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci",
		),
		ignoreDuplicate: func(column string) string {
			return fmt.Sprintf(" ON DUPLICATE KEY UPDATE %s = %s", column, column)
		},
		// The assignments take place from left to right: the time comes last.
		forwardMark: ` ON DUPLICATE KEY UPDATE
			lastReadId = IF(COALESCE(VALUES(lastReadTime), 0) > COALESCE(lastReadTime, 0),
				VALUES(lastReadId), lastReadId),
			lastReadTime = IF(COALESCE(VALUES(lastReadTime), 0) > COALESCE(lastReadTime, 0),
				VALUES(lastReadTime), lastReadTime)`,
		// With an equation MariaDB reads the room's log from its end, however far
		// from there the time is.
		inRoom: func(room string) string { return "m.roomId >= " + room + " AND m.roomId <= " + room },
		// The range is looked up anew for each row ("range checked for each record").
		// No other index may be there to choose from, else all messages are read.
		eachLog:     ` STRAIGHT_JOIN message m FORCE INDEX (message_by_time) ON `,
		search:      searchMySQL,
		minToken:    `SELECT @@innodb_ft_min_token_size`,
		forUpdate:   " FOR UPDATE",
		open:        openMySQL,
		openAdmin:   openMySQLAdmin,
		openLook:    openMySQLAdmin,
		exclusively: lockMySQL,
		takesOver:   true,
		// A change of a table that others hold gives up after a while; what takes long
		// itself may.
		patience:  `SET SESSION lock_wait_timeout = 60 /*M! , max_statement_time = 0 */`,
		preflight: preflightMySQL,
		objects: `SELECT TABLE_NAME AS objectName, TABLE_TYPE = 'BASE TABLE' AS isTable, @@lower_case_table_names > 0 AS folded
			FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()`,
		columns: `SELECT TABLE_NAME AS tableName, COLUMN_NAME AS columnName
			FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()`,
		indexes: `SELECT TABLE_NAME AS tableName, INDEX_NAME AS indexName, COLUMN_NAME AS columnName,
			INDEX_TYPE = 'FULLTEXT' AS ofTexts FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND COLUMN_NAME IS NOT NULL
			ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
		version: `SELECT CONCAT(IF(LOCATE('MariaDB', VERSION()) > 0, '', 'MySQL '), VERSION())`,
	}
}

// openMySQL makes the pool that serves; each answer of the server has a time
// limit, also that to a commit, which knows no context.
func openMySQL(c Config) (writer, reader *sqlx.DB, err error) {
	m := mysqlConfig(c)
	m.ReadTimeout, m.WriteTimeout = c.Timeout, c.Timeout
	db, err := mysqlPool(m)
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(c.PoolSize)
	db.SetMaxIdleConns(c.PoolSize)
	db.SetConnMaxIdleTime(idleInPool)
	db.SetConnMaxLifetime(lifeInPool)
	return db, db, nil
}

func openMySQLAdmin(c Config) (*sqlx.DB, error) {
	return mysqlPool(mysqlConfig(c))
}

func mysqlPool(m *mysql.Config) (*sqlx.DB, error) {
	if err := m.Apply(mysql.Charset("utf8mb4", "utf8mb4_unicode_ci")); err != nil {
		return nil, configError("%v", err)
	}
	connector, err := mysql.NewConnector(m)
	if err != nil {
		return nil, configError("%v", err)
	}
	return sqlx.NewDb(dbsql.OpenDB(connector), "mysql"), nil
}

func mysqlConfig(c Config) *mysql.Config {
	m := mysql.NewConfig()
	m.User, m.Passwd, m.DBName = c.User, c.Pass, c.Name
	m.Net, m.Addr = "tcp", c.address()
	if c.Socket != "" {
		m.Net, m.Addr = "unix", c.Socket
	}
	m.Timeout = c.Timeout
	m.ClientFoundRows = true      // an update that changes nothing still found its row
	m.Logger = &mysql.NopLogger{} // what it would say comes back as errors
	m.Params = map[string]string{
		"time_zone":                "'+00:00'",
		"sql_mode":                 "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
		"wait_timeout":             idleOnServer,
		"innodb_lock_wait_timeout": strconv.Itoa(max(1, int(c.Timeout.Seconds())-1)),
	}
	return m
}

// errUpgrading says that somebody else holds the upgrade lock.
var errUpgrading = errors.New("another program is upgrading the database")

// lockMySQL waits a few seconds for the lock. The server gives it back when the
// connection ends, however that happens.
func lockMySQL(ctx context.Context, c *sqlx.Conn, database string, f func() error) error {
	var got dbsql.NullInt64
	if err := c.GetContext(ctx, &got, `SELECT GET_LOCK(?, 3)`, lockName(database)); err != nil {
		return fmt.Errorf("wait for the upgrade lock: %w", err)
	}
	if got.Int64 != 1 {
		return fmt.Errorf("wait for the upgrade lock: %w", errUpgrading)
	}
	err := f()
	// With a context of its own: the lock is given back after a cancel too. If that
	// fails, the end of the connection does it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = c.GetContext(ctx, &got, `SELECT RELEASE_LOCK(?)`, lockName(database))
	return err
}

// lockName tells databases apart: locks are the server's.
func lockName(database string) string {
	h := fnv.New64a()
	h.Write([]byte(database))
	return fmt.Sprintf("presence-upgrade-%016x", h.Sum64())
}
