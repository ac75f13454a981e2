package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"presence/rooms"
)

var (
	// ErrTooLong says that a value does not fit its column; the database was not
	// asked.
	ErrTooLong = errors.New("too long")
	// ErrInvalid says that a value can be stored in no database: not UTF-8, not
	// JSON, or a missing id. The database was not asked.
	ErrInvalid = errors.New("invalid value")
	// ErrExists says that a row with such an id exists already.
	ErrExists = errors.New("exists already")
)

// Numbers of MySQL and MariaDB errors that are told apart.
const (
	myTooManyConnections = 1040
	myAccessDeniedDB     = 1044
	myAccessDenied       = 1045
	myUnknownDatabase    = 1049
	myShutdown           = 1053
	myDuplicate          = 1062
	myCommandDenied      = 1142
	myLockWait           = 1205
	myDeadlock           = 1213
	myNoSuchParent       = 1452
	myTextInvalid        = 1366
	myTooLong            = 1406
	myKilled             = 1927
)

// translate makes an error of a driver one of ours where callers tell it apart,
// and takes out texts that may quote stored values.
func translate(err error) error {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return translateMySQL(my)
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() {
		case sqlitelib.SQLITE_CONSTRAINT_UNIQUE, sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY:
			return ErrExists
		case sqlitelib.SQLITE_CONSTRAINT_FOREIGNKEY:
			return fmt.Errorf("a row that is referred to: %w", rooms.ErrNotFound)
		}
	}
	return err
}

func translateMySQL(err *mysql.MySQLError) error {
	switch err.Number {
	case myDuplicate:
		return ErrExists
	case myNoSuchParent:
		return fmt.Errorf("a row that is referred to: %w", rooms.ErrNotFound)
	case myTooLong:
		return fmt.Errorf("a column of the database (error %d): %w", err.Number, ErrTooLong)
	case myTextInvalid:
		return fmt.Errorf("a text for a column of the database (error %d): %w", err.Number, ErrInvalid)
	}
	return err
}

// conflicted says that the database gave up the transaction in favor of another
// one: running it again is safe and likely to work.
func conflicted(err error) bool {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return my.Number == myDeadlock || my.Number == myLockWait
	}
	return liteCode(err) == sqlitelib.SQLITE_BUSY
}

// lost says that the connection is gone. Before the commit that means that nothing
// was changed.
func lost(err error) bool {
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) {
		return true
	}
	var my *mysql.MySQLError
	return errors.As(err, &my) && (my.Number == myKilled || my.Number == myShutdown)
}

// liteCode is the basic code of an error of SQLite, 0 for other errors.
func liteCode(err error) int {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() & 0xff
	}
	return 0
}

// damaged turns an error that means that a file is no database, which no waiting
// mends, into ErrSchema.
func damaged(err error) error {
	if code := liteCode(err); code == sqlitelib.SQLITE_NOTADB || code == sqlitelib.SQLITE_CORRUPT {
		return schemaError("the file is no SQLite database, or it is damaged; name another file, or restore it from a backup (%v)", err)
	}
	return err
}

// explain adds what can be done about an error.
func explain(err error, c Config) error {
	if errors.Is(err, ErrConfig) || errors.Is(err, ErrSchema) {
		return err // says it itself
	}
	return fmt.Errorf("%w; %s", err, advice(err, c))
}

// advice says what an administrator can do about a database that does not open.
func advice(err error, c Config) string {
	var my *mysql.MySQLError
	var dns *net.DNSError
	switch {
	case errors.As(err, &my):
		return adviceMySQL(my, c)
	case errors.As(err, &dns):
		return fmt.Sprintf("check the host %q in the configuration, and name resolution on this machine", c.Host)
	case errors.Is(err, errUpgrading):
		return "wait until it has finished; if there is none, end the connection that holds the lock"
	case errors.Is(err, context.DeadlineExceeded):
		return "the server did not answer in time; check that it runs and that no firewall is in between"
	case liteCode(err) == sqlitelib.SQLITE_BUSY:
		return "another program holds the file; stop it, or wait until it has finished"
	case c.Driver == MySQL && c.Socket != "":
		return "check that the database server runs, and the path of its socket in the configuration"
	case c.Driver == MySQL:
		return "check that the database server runs, and host and port in the configuration"
	}
	return "check the file and its folder"
}

func adviceMySQL(err *mysql.MySQLError, c Config) string {
	switch err.Number {
	case myAccessDenied:
		return fmt.Sprintf("the server refuses user %q: check user and password in the configuration", c.User)
	case myAccessDeniedDB, myCommandDenied:
		return fmt.Sprintf("user %q has no rights there: GRANT ALL ON %s.* TO that user", c.User, quoteName(c.Name))
	case myUnknownDatabase:
		return fmt.Sprintf("create it: CREATE DATABASE %s CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", quoteName(c.Name))
	case myTooManyConnections:
		return "the server has too many connections; raise its max_connections"
	}
	return "see the log of the database server"
}

// quoteName writes a name as MySQL wants it.
func quoteName(name string) string {
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}
