package sql

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// Report is what Check found.
type Report struct {
	Where   string   // the database, without password
	Server  string   // name and version of the database program; empty: no file yet
	Version int      // of the schema; 0: the database is empty
	Upgrade []string // what the next start of the service will change
}

// Check looks at the database without changing anything: whether it answers, what
// it holds, what an upgrade would do. It tries once; an error says what is wrong
// and how to mend it.
func Check(ctx context.Context, c Config) (Report, error) {
	r := Report{Where: c.where()}
	if err := c.check(); err != nil {
		return r, err
	}
	c = c.withDefaults()
	steps, err := loadSteps(schemaFiles, c.Driver)
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*c.Timeout)
	defer cancel()
	have, err := r.lookAt(ctx, c)
	if err != nil {
		return r, explain(err, c)
	}
	todo, err := have.plan(steps)
	if err != nil {
		return r, err
	}
	r.Version = have.version
	for _, s := range todo {
		r.Upgrade = append(r.Upgrade, fmt.Sprintf("%d: %s", s.version, s.comment))
	}
	return r, nil
}

func (r *Report) lookAt(ctx context.Context, c Config) (have contents, err error) {
	if c.Driver == SQLite {
		if empty, err := fileToMake(c.File); empty || err != nil {
			return have, err
		}
	}
	d := dialectOf(c.Driver)
	err = withConn(ctx, c, d.openLook, func(conn *sqlx.Conn) error {
		if err := conn.GetContext(ctx, &r.Server, d.version); err != nil {
			return damaged(err)
		}
		have, err = look(ctx, conn, d)
		return damaged(err)
	})
	return have, err
}
