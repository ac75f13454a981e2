package sql

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The values of Config.Driver.
const (
	SQLite = "sqlite"
	MySQL  = "mysql" // also MariaDB
)

// Config says where the database is. A zero duration or number means its default.
type Config struct {
	Driver string // SQLite or MySQL

	File string // SQLite: the file; its folder must exist

	Socket string // MySQL: path of a unix socket; wins over Host and Port
	Host   string // MySQL: name or address, without port
	Port   int
	User   string
	Pass   string
	Name   string // MySQL: name of the database, which must exist

	PoolSize   int           // connections at most; for SQLite those that read (10; 4)
	Timeout    time.Duration // one call of a store, or one attempt to connect (5s)
	RetryFirst time.Duration // pause after the first failed attempt of Open; doubles (1s)
	RetryMax   time.Duration // longest such pause (30s)
}

// ErrConfig says that the configuration cannot work, whatever the state of the
// database: trying again is of no use.
var ErrConfig = errors.New("wrong database configuration")

func configError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...))
}

// withDefaults fills in what was left zero.
func (c Config) withDefaults() Config {
	if c.PoolSize <= 0 {
		c.PoolSize = 10
		if c.Driver == SQLite {
			c.PoolSize = 4
		}
	}
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	if c.RetryFirst <= 0 {
		c.RetryFirst = time.Second
	}
	if c.RetryMax <= 0 {
		c.RetryMax = 30 * time.Second
	}
	return c
}

// check names the first setting that cannot work.
func (c Config) check() error {
	switch c.Driver {
	case SQLite:
		return c.checkFile()
	case MySQL:
		return c.checkServer()
	}
	return configError("unknown driver %q; it may be %q or %q", c.Driver, SQLite, MySQL)
}

func (c Config) checkFile() error {
	switch {
	case c.File == "":
		return configError("no file is named for the embedded database")
	case strings.ContainsRune(c.File, 0):
		return configError("the name of the database file holds a zero byte")
	}
	return nil
}

func (c Config) checkServer() error {
	switch {
	case c.Name == "":
		return configError("no name of a database is set")
	case c.User == "":
		return configError("no user is set for the database server")
	case c.Socket != "":
		if !filepath.IsAbs(c.Socket) {
			return configError("the socket %q must be an absolute path", c.Socket)
		}
		return nil
	case c.Host == "":
		return configError("neither host nor socket of the database server is set")
	case !validHost(c.Host):
		return configError("the host %q is neither a name nor an address (the port has a setting of its own)", c.Host)
	case c.Port < 1 || c.Port > 65535:
		return configError("the port %d is not between 1 and 65535", c.Port)
	}
	return nil
}

// validHost tells names and addresses from what was mixed up with them: ports,
// addresses of pages, users.
func validHost(host string) bool {
	if net.ParseIP(host) != nil {
		return true
	}
	for _, r := range host {
		letter := 'a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9'
		if !letter && r != '-' && r != '.' && r != '_' {
			return false
		}
	}
	return len(host) <= 253
}

// String is for logs: it has no password.
func (c Config) String() string { return c.Driver + ": " + c.where() }

// GoString is String, so that no verb prints the password.
func (c Config) GoString() string { return c.String() }

// where names the database in errors and logs; never the password.
func (c Config) where() string {
	switch {
	case c.Driver == SQLite:
		return c.File
	case c.Socket != "":
		return fmt.Sprintf("database %s at %s", c.Name, c.Socket)
	}
	return fmt.Sprintf("database %s at %s", c.Name, c.address())
}

func (c Config) address() string {
	return net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
}
