package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"presence/cfg"
	"presence/friendcore"
	"presence/sql"
	"presence/transport"
)

// checkTime bounds one look at something.
const checkTime = 15 * time.Second

// checks tries everything that a configuration promises, one line each.
type checks struct {
	config  *cfg.Config
	out     io.Writer
	failed  bool
	running bool // the service runs already, with this admin listener
}

// runCheck is presence check. It changes nothing.
func runCheck(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	path := configFlag(flags)
	settings := flags.Bool("settings", false, "only list every setting, its value and where it comes from")
	c, notes, err := loadConfig(flags, path, args)
	if err != nil {
		return err
	}
	if *settings {
		for _, s := range c.Explain() {
			fmt.Println(s)
		}
		return nil
	}
	k := &checks{config: c, out: os.Stdout}
	for _, n := range notes {
		k.warn("configuration", n.String())
	}
	for _, name := range c.NotInEffect() {
		k.warn("configuration", "this version does not use "+name)
	}
	k.ok("configuration", "no mistakes")
	for _, check := range []func(context.Context){
		k.service, k.dataFolder, k.certificate, k.listeners, k.database, k.friendCoreHTTP, k.friendCoreService,
	} {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		limited, cancel := context.WithTimeout(ctx, checkTime)
		check(limited)
		cancel()
	}
	if k.failed {
		return silentError{exitFailed}
	}
	return nil
}

func (k *checks) ok(what, text string) { fmt.Fprintf(k.out, "ok    %-18s %s\n", what, text) }

func (k *checks) warn(what, text string) { fmt.Fprintf(k.out, "note  %-18s %s\n", what, text) }

func (k *checks) bad(what string, err error) {
	k.failed = true
	fmt.Fprintf(k.out, "WRONG %-18s %s\n", what, strings.ReplaceAll(err.Error(), "\n", "; "))
}

// service looks whether the service runs: then its ports are taken by itself, and
// FriendCore must not be given a second registration.
func (k *checks) service(ctx context.Context) {
	if k.config.Admin.Listen == "" {
		return
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+k.config.Admin.Listen+"/readyz", nil)
	if err != nil {
		k.bad("service", err)
		return
	}
	if token := k.config.Admin.Token.Reveal(); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		k.ok("service", "is not running")
		return
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	k.running = true
	if answer.StatusCode == http.StatusOK {
		k.ok("service", "is running and ready")
		return
	}
	k.bad("service", fmt.Errorf("is running and not ready: %s", strings.TrimSpace(string(text))))
}

// dataFolder looks whether the service can keep what it must.
func (k *checks) dataFolder(context.Context) {
	folder := k.config.Server.DataDir
	info, err := os.Stat(folder)
	switch {
	case missing(folder):
		k.ok("data folder", folder+" is made at the first start")
	case err != nil:
		k.bad("data folder", fmt.Errorf("%w; see [server] data_dir", err))
	case !info.IsDir():
		k.bad("data folder", fmt.Errorf("%s is no folder; see [server] data_dir", folder))
	case syscall.Access(folder, 2|1) != nil:
		k.bad("data folder", fmt.Errorf("%s cannot be written by this user: mend its rights, or see [server] data_dir", folder))
	default:
		k.ok("data folder", folder)
	}
}

// missing says that there is nothing at path.
func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// certificateSoon is when the end of a certificate is worth a note.
const certificateSoon = 14 * 24 * time.Hour

func (k *checks) certificate(context.Context) {
	t := k.config.TLS
	switch {
	case t.Off:
		k.ok("certificate", "TLS is off; a proxy on this machine must provide it")
		return
	case t.CertPath == "":
		k.ok("certificate", "self-signed, made at the first start; browsers will ask before they trust it")
		return
	}
	cert, err := transport.LoadCertificate(t.CertPath, t.KeyPath)
	if err != nil {
		k.bad("certificate", err)
		return
	}
	end := cert.NotAfter()
	switch left := time.Until(end); {
	case left < 0:
		k.bad("certificate", fmt.Errorf("%s ended at %s; renew it", t.CertPath, end.Format(time.DateTime)))
	case cert.Covers(k.config.Server.Domain) != nil:
		k.bad("certificate", fmt.Errorf("%s: %w; see [server] domain", t.CertPath, cert.Covers(k.config.Server.Domain)))
	case left < certificateSoon:
		k.warn("certificate", fmt.Sprintf("%s ends soon, at %s", t.CertPath, end.Format(time.DateTime)))
	default:
		k.ok("certificate", fmt.Sprintf("%s, good until %s", t.CertPath, end.Format(time.DateOnly)))
	}
}

// listeners looks whether the ports are free.
func (k *checks) listeners(context.Context) {
	k.port("websocket", k.config.WS.Addr(), "[ws] bind, port")
	if k.config.TCP.Enabled {
		k.port("TLS-TCP", k.config.TCP.Addr(), "[tcp] bind, port")
	}
	if k.config.TURN.Enabled {
		k.relays()
	}
	if k.config.Admin.Listen != "" {
		k.port("admin", k.config.Admin.Listen, "[admin] listen")
	}
}

// relays looks whether the port of the built-in TURN server is free: without it the
// service starts all the same.
func (k *checks) relays() {
	addr := k.config.TURN.Listen
	l, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		_ = l.Close()
		k.ok("TURN", addr+" is free")
	case k.running && errors.Is(err, syscall.EADDRINUSE):
		k.ok("TURN", addr+" is in use by the running service")
	default:
		k.warn("TURN", fmt.Sprintf("%v; without it calls need another server in [ice \"NAME\"]; see [turn] listen", err))
	}
}

func (k *checks) port(what, addr, setting string) {
	l, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		_ = l.Close()
		k.ok(what, addr+" is free")
	case k.running && errors.Is(err, syscall.EADDRINUSE):
		k.ok(what, addr+" is in use by the running service")
	default:
		k.bad(what, fmt.Errorf("%w; see %s", err, setting))
	}
}

func (k *checks) database(ctx context.Context) {
	file := k.config.DatabaseFile()
	if k.config.Database.Driver == sql.SQLite && filepath.Dir(file) == filepath.Clean(k.config.Server.DataDir) && missing(k.config.Server.DataDir) {
		k.ok("database", file+" is made at the first start")
		return
	}
	// Rows that an upgrade would repair are counted, however many there are.
	counting, cancel := context.WithTimeout(context.WithoutCancel(ctx), countTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			cancel() // the program is to end
		}
	})()
	report, err := sql.Check(counting, databaseConfig(k.config))
	for _, note := range report.Notes {
		k.warn("database", note)
	}
	if err != nil {
		k.bad("database", err)
		return
	}
	text := report.Where + serverText(report.Server)
	switch {
	case len(report.Upgrade) == 0:
		text += fmt.Sprintf(", schema version %d", report.Version)
	case report.Version == 0:
		text += ", empty; the first start makes the tables"
	default:
		text += fmt.Sprintf(", schema version %d; the next start changes it: %s", report.Version, strings.Join(report.Upgrade, ", ")) +
			upgradeText(report)
	}
	k.ok("database", text)
}

// countTime bounds the look at the rows of a database that is to be upgraded.
const countTime = 5 * time.Minute

// upgradeText says what an upgrade does to rows and what it takes; presence migrate
// -dry-run has the details.
func upgradeText(r sql.Report) string {
	var parts []string
	rewritten := int64(0)
	for _, c := range r.Changes {
		rewritten += c.Rows
	}
	if rewritten > 0 {
		parts = append(parts, fmt.Sprintf("writes about %s rows anew", grouped(rewritten)))
	}
	for _, x := range r.Repairs {
		parts = append(parts, fmt.Sprintf("%s: %s (%s)", x.Table, x.What, counted(x.Rows)))
	}
	if r.Bytes > 0 {
		parts = append(parts, fmt.Sprintf("needs about %s MB of free space", grouped(r.Bytes>>20+1)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "; " + strings.Join(parts, "; ")
}

func (k *checks) friendCoreHTTP(ctx context.Context) {
	f := k.config.FriendCore
	client, err := friendcore.NewClient(clientOptions(k.config, slog.New(slog.DiscardHandler)))
	if err == nil {
		err = client.Probe(ctx)
	}
	switch {
	case err == nil:
		k.ok("FriendCore HTTP", fmt.Sprintf("%s:%d answers", f.Host, f.Port))
	case len(k.config.LocalUsers.Users) > 0 && f.ServiceKey == "":
		k.warn("FriendCore HTTP", fmt.Sprintf("only local users can log in: %v", err))
	default:
		k.bad("FriendCore HTTP", err)
	}
}

func (k *checks) friendCoreService(ctx context.Context) {
	f := k.config.FriendCore
	switch {
	case f.ServiceKey == "":
		k.warn("FriendCore service", "no service_key in section [friendcore]: users and workgroups are known from their first login on")
		return
	case k.running:
		k.ok("FriendCore service", "not tried: the running service has the one registration that there may be")
		return
	}
	if err := friendcore.Probe(ctx, linkOptions(k.config, slog.New(slog.DiscardHandler))); err != nil {
		k.bad("FriendCore service", fmt.Errorf("%w; see service_key, service_name and ws_port of section [friendcore], and [ServiceKeys] in FriendCore's cfg/cfg.ini", err))
		return
	}
	k.ok("FriendCore service", fmt.Sprintf("%s:%d accepts the key of %q", f.Host, f.WSPort, f.ServiceName))
}
