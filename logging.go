package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"presence/cfg"
)

// logFile is where the log goes. It can be opened anew while the service writes, so
// that a log that was moved away is begun again.
type logFile struct {
	path string // empty: standard error

	mu  sync.Mutex // guards out
	out io.WriteCloser
}

func openLogFile(path string) (*logFile, error) {
	f := &logFile{path: path, out: os.Stderr}
	if path == "" {
		return f, nil
	}
	return f, f.reopen()
}

// reopen goes on in a new file at the same path; on failure in the former one.
func (f *logFile) reopen() error {
	if f.path == "" {
		return nil
	}
	next, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("open the log ([log] file): %w", err)
	}
	f.mu.Lock()
	former := f.out
	f.out = next
	f.mu.Unlock()
	if former != os.Stderr {
		_ = former.Close() // everything is written: each line is one write
	}
	return nil
}

func (f *logFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.Write(p)
}

// newLog makes the log as section [log] wants it; level can be changed later.
func newLog(c cfg.Log, to io.Writer, level *slog.LevelVar) *slog.Logger {
	level.Set(c.Level)
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}
