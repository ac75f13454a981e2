package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"presence/sql"
)

// migrateSchema upgrades the schema of a database, or says what that would do.
func migrateSchema(ctx context.Context, c sql.Config, dryRun bool, out io.Writer) error {
	report, err := sql.Check(ctx, c)
	tellReport(out, report)
	if err != nil || dryRun || len(report.Changes) == 0 && report.Version > 0 {
		return err
	}
	var log bytes.Buffer // shown when the bar is gone
	bar := newUpgradeBar(newProgress(os.Stderr, isTerminal(os.Stderr)))
	err = sql.Upgrade(ctx, c, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})), bar.show)
	bar.end(err)
	if _, failed := log.WriteTo(out); err == nil && failed != nil {
		return fmt.Errorf("say what was repaired: %w", failed)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "done: the schema has version %d\n", sql.SchemaVersion)
	return nil
}

// tellReport says what the database is and what an upgrade does to it.
func tellReport(out io.Writer, r sql.Report) {
	fmt.Fprintln(out, r.Where+serverText(r.Server))
	switch {
	case len(r.Upgrade) > 0 && r.Version == 0:
		fmt.Fprintf(out, "empty; this program makes the tables, version %d\n", sql.SchemaVersion)
		return
	case len(r.Upgrade) > 0:
		fmt.Fprintf(out, "schema version %d; this program brings it to %d:\n", r.Version, sql.SchemaVersion)
	case r.Version > 0:
		fmt.Fprintf(out, "schema version %d; nothing is to be done\n", r.Version)
		return
	}
	for n, c := range r.Changes {
		fmt.Fprintf(out, "%5d  %s%s\n", n+1, c.What, anew(c.Rows))
	}
	if len(r.Repairs) > 0 {
		fmt.Fprintln(out, "rows that are repaired:")
	}
	for _, x := range r.Repairs {
		fmt.Fprintf(out, "%8s  %s: %s\n", counted(x.Rows), x.Table, x.What)
	}
	if r.Bytes > 0 {
		fmt.Fprintf(out, "free space that the database server needs meanwhile: about %s MB\n", grouped(r.Bytes>>20+1))
	}
	for _, n := range r.Notes {
		fmt.Fprintln(out, "note: "+n)
	}
	for _, p := range r.Problems {
		fmt.Fprintln(out, "in the way: "+p)
	}
}

func serverText(server string) string {
	if server == "" {
		return ""
	}
	return ", " + server
}

func anew(rows int64) string {
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf(" (writes about %s rows anew)", grouped(rows))
}

// counted is a number of rows; some are counted only when their turn comes.
func counted(rows int64) string {
	if rows < 0 {
		return "some"
	}
	return grouped(rows)
}

// upgradeBar shows an upgrade as one piece of work after the other. A statement of which
// nobody knows how far it is shows how long it takes.
type upgradeBar struct {
	ended  chan struct{} // closed by end
	ticker sync.WaitGroup

	mu       sync.Mutex // guards what follows
	progress *progress
	step     int
	total    int64
}

// newUpgradeBar also begins to draw again and again, until end is called.
func newUpgradeBar(p *progress) *upgradeBar {
	b := &upgradeBar{progress: p, ended: make(chan struct{})}
	b.ticker.Go(func() {
		ticker := time.NewTicker(2 * barEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				b.again()
			case <-b.ended:
				return
			}
		}
	})
	return b
}

func (b *upgradeBar) again() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.step > 0 && b.total < 0 {
		b.progress.At(0)
	}
}

func (b *upgradeBar) show(now sql.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Total == 0 {
		now.Total = -1 // a statement
	}
	if now.Step != b.step && b.step > 0 {
		b.progress.End()
	}
	if now.Step != b.step || now.Total != b.total {
		const shown = 60
		what := []rune(fmt.Sprintf("%d/%d %s", now.Step, now.Steps, now.What))
		b.progress.Begin(string(what[:min(len(what), shown)]), 0, now.Total)
		b.step, b.total = now.Step, now.Total
	}
	b.progress.At(now.Done)
}

func (b *upgradeBar) end(err error) {
	close(b.ended)
	b.ticker.Wait()
	switch {
	case b.step == 0:
	case err != nil:
		b.progress.Stop()
	default:
		b.progress.End()
	}
}
