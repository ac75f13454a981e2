package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"presence/cfg"
)

// runService is presence run.
func runService(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	path := configFlag(flags)
	c, notes, err := loadConfig(flags, path, args)
	if err != nil {
		return err
	}
	file, err := openLogFile(c.Log.File)
	if err != nil {
		return err
	}
	var level slog.LevelVar
	log := newLog(c.Log, file, &level)
	tell(log, c, notes)
	s := &service{config: c, log: log}
	stop := s.onHangup(ctx, reloader{path: *path, started: c, file: file, level: &level, log: log})
	defer stop()
	return s.run(ctx)
}

// tell says what the administrator should know of the configuration.
func tell(log *slog.Logger, c *cfg.Config, notes []cfg.Note) {
	for _, n := range notes {
		log.Warn("configuration: " + n.String())
	}
	for _, name := range c.NotInEffect() {
		log.Warn("configuration: this version does not use " + name)
	}
}

// onHangup reloads at each SIGHUP until ctx ends or stop is called.
func (s *service) onHangup(ctx context.Context, r reloader) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-signals:
				r.reload()
				if cert := s.cert.Load(); cert != nil {
					cert.ReloadAndTell(s.log)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		cancel()
		<-done
	}
}

// reloader reads the configuration again while the service runs.
type reloader struct {
	path    string
	started *cfg.Config // what the service was started with
	file    *logFile
	level   *slog.LevelVar
	log     *slog.Logger
}

// reload takes over what can change while the service runs: the level of the log,
// which is also begun anew. What else is different is named.
func (r reloader) reload() {
	if err := r.file.reopen(); err != nil {
		r.log.Error("the log goes on in the former file", "err", err)
	}
	c, notes, err := cfg.Load(r.path)
	if err != nil {
		r.log.Error("the configuration is refused, nothing of it is taken over", "err", err)
		return
	}
	tell(r.log, c, notes)
	r.level.Set(c.Log.Level)
	r.log.Info("configuration read anew")
	for _, name := range changed(r.started, c) {
		if name != "[log] level" {
			r.log.Warn("configuration: a change counts from the next start on", "setting", name)
		}
	}
}

// changed lists the settings that differ.
func changed(a, b *cfg.Config) []string {
	before := map[string]cfg.Setting{}
	for _, s := range a.Explain() {
		before[settingName(s)] = s
	}
	var names []string
	for _, s := range b.Explain() {
		name := settingName(s)
		if old, ok := before[name]; !ok || old.Value != s.Value {
			names = append(names, name)
		}
		delete(before, name)
	}
	for name := range before {
		names = append(names, name)
	}
	if !a.SameSecrets(b) {
		names = append(names, "a secret")
	}
	return names
}

func settingName(s cfg.Setting) string { return "[" + s.Section + "] " + s.Key }
