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
	Upgrade []string // the steps that the next start of the service will make

	Changes  []Planned // everything that these steps do, in order
	Repairs  []Repair  // what they do to rows of the predecessor's
	Problems []string  // why nothing of it will be done
	Notes    []string  // what an administrator should know before
	Bytes    int64     // that the database server wants free on its disk, roughly
}

// Planned is a part of an upgrade.
type Planned struct {
	What string
	Rows int64 // of the table that is written anew for it, roughly; 0: it is not
}

// Check looks at the database without changing anything: whether it answers, what
// it holds, what an upgrade would do. It tries once; an error says what is wrong
// and how to mend it. Rows that are to be repaired are counted, which takes as long as
// reading the tables does.
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
	plan, err := r.lookAt(ctx, c, steps)
	if err != nil {
		return r, explain(err, c)
	}
	r.Problems, r.Notes, r.Bytes = plan.problems, plan.notes, plan.bytes
	if plan.takeover != nil && len(plan.takeover.changes) > 0 {
		r.Upgrade = append(r.Upgrade, fmt.Sprintf("%d: tables of the former server", baseVersion))
		for _, repair := range plan.takeover.repairs {
			r.Repairs = append(r.Repairs, repair.Repair)
		}
	}
	for _, s := range plan.steps {
		r.Upgrade = append(r.Upgrade, fmt.Sprintf("%d: %s", s.version, s.comment))
	}
	return r, plan.refusal()
}

func (r *Report) lookAt(ctx context.Context, c Config, steps []step) (plan upgradePlan, err error) {
	if c.Driver == SQLite {
		if empty, err := fileToMake(c.File); empty || err != nil {
			return upgradePlan{steps: steps}, err
		}
	}
	d := dialectOf(c.Driver)
	err = withConn(ctx, c, d.openLook, func(conn *sqlx.Conn) error {
		if err := conn.GetContext(ctx, &r.Server, d.version); err != nil {
			return damaged(err)
		}
		u := upgrader{conn: conn, dialect: d, config: c, steps: steps}
		plan, err = u.plan(ctx)
		r.Version = u.have.version
		for _, change := range plan.changes {
			planned := Planned{What: change.what}
			if change.rebuild {
				planned.Rows = u.rows[change.table]
			}
			r.Changes = append(r.Changes, planned)
		}
		return err
	})
	return plan, err
}
