package sql

import (
	"context"
	"log/slog"
	"time"
)

// Progress tells how far an upgrade is.
type Progress struct {
	Step, Steps int    // the change that is being made, from 1 on, and how many there are
	What        string // the change
	Done, Total int64  // its rows; 0: a statement whose progress nobody knows
}

// tellEvery is the shortest time between two lines of the log.
const tellEvery = 3 * time.Second

// manyRows is how many rows make a statement long.
const manyRows = 100_000

// progress passes on how far an upgrade is: to watch at once, to the log every few
// seconds.
type progress struct {
	log   *slog.Logger
	watch func(Progress)

	now            Progress
	started, since time.Time // of the upgrade, of the change
	told           time.Time // when the log was written last
}

func (p *progress) begin(steps int) {
	p.now = Progress{Steps: steps}
	p.started = time.Now()
	p.told = p.started
}

func (p *progress) total() time.Duration { return time.Since(p.started) }

// next begins a change.
func (p *progress) next(what string) {
	p.now = Progress{Step: p.now.Step + 1, Steps: p.now.Steps, What: what}
	p.since = time.Now()
	p.show()
}

// long says that the change may take long, and nobody will hear of it meanwhile.
func (p *progress) long(rows int64) {
	if rows >= manyRows {
		p.log.Info("database upgrade", "change", p.now.What, "step", p.now.Step, "of", p.now.Steps, "rows_about", rows)
		p.told = time.Now()
	}
}

// rows says how many rows of the change are done.
func (p *progress) rows(done, total int64) {
	p.now.Done, p.now.Total = done, max(done, total)
	p.show()
}

func (p *progress) show() {
	if p.watch != nil {
		p.watch(p.now)
	}
	level := slog.LevelDebug
	if time.Since(p.told) >= tellEvery {
		level = slog.LevelInfo
		p.told = time.Now()
	}
	p.log.Log(context.Background(), level, "database upgrade", "change", p.now.What, "step", p.now.Step, "of", p.now.Steps,
		"rows", p.now.Done, "rows_of", p.now.Total)
}

// finished ends a change; one that took long is told.
func (p *progress) finished() {
	if took := time.Since(p.since); took >= tellEvery {
		p.log.Info("database upgrade: done", "change", p.now.What, "step", p.now.Step, "of", p.now.Steps,
			"took", took.Round(time.Millisecond))
		p.told = time.Now()
	}
}
