package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"presence/cfg"
	"presence/friendcore"
	"presence/rooms"
	"presence/sql"
	"presence/transport"
)

// service is the running whole: what New made, in the order in which it is ended.
type service struct {
	config *cfg.Config
	log    *slog.Logger
	demo   *transport.Demo // nil but for presence demo
	ready  func()          // called once clients are served; may be nil

	metrics  *transport.Metrics
	cert     atomic.Pointer[transport.Certificate] // nil: no TLS (yet)
	stage    atomic.Pointer[string]                // what the start waits for; nil: nothing
	database atomic.Pointer[sql.DB]
	link     atomic.Pointer[friendcore.Link] // nil: no service connection (yet)
}

// stopTime bounds the end of what is written at the end.
const stopTime = 5 * time.Second

// run serves until ctx ends.
func (s *service) run(ctx context.Context) error {
	if err := os.MkdirAll(s.config.Server.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the folder %s for data ([server] data_dir): %w", s.config.Server.DataDir, err)
	}
	if err := s.loadCertificate(); err != nil {
		return err
	}
	s.metrics = transport.NewMetrics()
	s.waitFor("starting")
	g, ctx := errgroup.WithContext(ctx)
	if err := s.startAdmin(ctx, g); err != nil {
		return err
	}
	g.Go(func() error {
		if err := s.serve(ctx); err != nil {
			return err
		}
		return errStopped // ends the others
	})
	if err := g.Wait(); !errors.Is(err, errStopped) {
		return err
	}
	return nil
}

var errStopped = errors.New("stopped as asked")

// waitFor notes what the start waits for, for /readyz.
func (s *service) waitFor(what string) { s.stage.Store(&what) }

// loadCertificate reads or makes what TLS needs.
func (s *service) loadCertificate() error {
	t := s.config.TLS
	if t.Off {
		return nil
	}
	if t.CertPath != "" {
		cert, err := transport.LoadCertificate(t.CertPath, t.KeyPath)
		s.cert.Store(cert)
		return err
	}
	cert, err := transport.OwnCertificate(s.config.Server.DataDir, s.config.Server.Domain)
	if err != nil {
		return err
	}
	s.cert.Store(cert)
	s.log.Info("self-signed certificate in use; browsers will ask before they trust it",
		"domain", s.config.Server.Domain, "sha256", cert.Fingerprint())
	return nil
}

// startAdmin opens the admin listener first, so that a start that waits can say
// what for.
func (s *service) startAdmin(ctx context.Context, g *errgroup.Group) error {
	if s.config.Admin.Listen == "" {
		return nil
	}
	admin, err := transport.NewAdmin(transport.AdminOptions{
		Token: s.config.Admin.Token.Reveal(), Metrics: s.metrics, Log: s.log, Ready: s.readyChecks(),
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", s.config.Admin.Listen)
	if err != nil {
		return fmt.Errorf("open the admin listener ([admin] listen): %w", err)
	}
	g.Go(func() error { return admin.Run(ctx, l) })
	return nil
}

func (s *service) readyChecks() []transport.ReadyCheck {
	checks := []transport.ReadyCheck{
		{Name: "start", Check: func(context.Context) error {
			if what := s.stage.Load(); what != nil {
				return errors.New(*what)
			}
			return nil
		}},
		{Name: "database", Check: func(ctx context.Context) error {
			db := s.database.Load()
			if db == nil {
				return errors.New("not open yet")
			}
			if err := db.Ping(ctx); err != nil {
				return errors.New("does not answer") // the log says why
			}
			return nil
		}},
	}
	if s.demo == nil && s.config.FriendCore.ServiceKey != "" {
		checks = append(checks, transport.ReadyCheck{Name: "friendcore", Check: func(context.Context) error {
			link := s.link.Load()
			switch {
			case link == nil:
				return errors.New("service connection: not begun")
			case link.State() != friendcore.Ready:
				return errors.New("service connection: " + link.State().String())
			}
			return nil
		}})
	}
	return checks
}

// serve opens everything in order, serves, and ends it in the opposite order.
func (s *service) serve(ctx context.Context) error {
	s.waitFor("waiting for the database")
	db, err := sql.Open(ctx, databaseConfig(s.config), s.log)
	if err != nil {
		return stopped(ctx, err)
	}
	s.database.Store(db)
	err = s.serveFrom(ctx, db)
	if ctx.Err() != nil {
		s.log.Info("stopped")
	}
	return errors.Join(stopped(ctx, err), db.Close())
}

// stopped takes an error for the end that was asked for.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *service) serveFrom(ctx context.Context, db *sql.DB) error {
	sessions, err := transport.NewSessions(transport.SessionOptions{
		Grace: s.config.Session.Grace, GraceBuffer: int(s.config.Session.GraceBuffer),
		Rate: s.config.Limits.Rate, Burst: s.config.Limits.Burst, Metrics: s.metrics,
	})
	if err != nil {
		return err
	}
	relays, err := s.newRelays()
	if err != nil {
		return err
	}
	hub, err := rooms.New(ctx, rooms.Options{
		Store: db, Post: sessions, Log: s.log, Host: s.config.Host(),
		MaxText: int(s.config.Messages.MaxSize), EmptyAfter: s.config.Room.EmptyAfter, RecentFor: s.config.Room.RecentFor,
		EditGrace: s.config.Messages.EditGrace, UserLimit: s.config.Live.UserLimit,
		AvatarSide: s.config.TinyAvatar.ImageSidePX, Notifier: s.notifier(), Work: workRules(s.config.Workroom),
		Relays: newICE(s.config, relays), HideAddresses: s.config.TURN.HideAddresses, Rate: s.config.Limits.Rate,
	})
	if err != nil {
		return err
	}
	server, err := s.newServer(hub, sessions)
	if err != nil {
		return err
	}
	if s.config.FriendCore.ServiceKey != "" {
		options := linkOptions(s.config, s.log)
		options.Directory, options.Handler = hub, hub
		link, err := friendcore.NewLink(options)
		if err != nil {
			return err
		}
		s.link.Store(link)
	}
	s.watch(db, hub, relays)
	err = s.serveClients(ctx, server, relays)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return errors.Join(err, hub.Stop(ending))
}

// notifier hands notifications on to FriendCore's connection, which is made after
// the rooms are; nil without one.
func (s *service) notifier() rooms.Notifier {
	if s.config.FriendCore.ServiceKey == "" {
		return nil
	}
	return linkNotifier{&s.link}
}

type linkNotifier struct {
	link *atomic.Pointer[friendcore.Link]
}

func (n linkNotifier) Notify(note rooms.Notification) {
	if link := n.link.Load(); link != nil {
		link.Notify(note)
	}
}

// newServer makes what takes clients in.
func (s *service) newServer(hub *rooms.Hub, sessions *transport.Sessions) (*transport.Server, error) {
	auth, err := s.authenticator()
	if err != nil {
		return nil, err
	}
	c := s.config
	return transport.NewServer(transport.ServerOptions{
		Hub: hub, Auth: auth, Sessions: sessions, Metrics: s.metrics, Log: s.log,
		Times: transport.Times{LoginTimeout: c.Session.LoginTimeout, Ping: c.Session.Ping, DeadAfter: c.Session.DeadAfter},
		Limits: transport.Limits{
			SizeBeforeLogin: int(c.Limits.SizeBeforeLogin), SizeAfterLogin: int(c.Limits.SizeAfterLogin),
			QueueBytes:                queueBytes(c),
			UnauthenticatedPerAddress: c.Limits.UnauthenticatedPerAddress,
			FailuresPerAddress:        c.Limits.FailuresPerAddress,
			ConnectionsPerAddress:     c.Limits.ConnectionsPerAddress,
			Trusted:                   c.Limits.Trusted, TrustedProxies: c.Limits.TrustedProxies,
		},
		Proxy: c.WS.Proxy, Origins: c.WS.Origins, Demo: s.demo,
	})
}

// queueBytes is how much may wait for a client that reads slowly: some of the
// largest messages that there can be.
func queueBytes(c *cfg.Config) int { return 2 * int(c.Limits.SizeAfterLogin) }

// authenticator asks the local users first: their authids go nowhere else.
func (s *service) authenticator() (transport.Authenticator, error) {
	var local []transport.LocalUser
	for _, u := range s.config.LocalUsers.Users {
		local = append(local, transport.LocalUser{Login: u.Login, AuthID: u.AuthID.Reveal(), Name: u.Name, Admin: u.Admin})
	}
	if s.demo != nil {
		return transport.NewLocalUsers(local), nil
	}
	client, err := friendcore.NewClient(clientOptions(s.config, s.log))
	if err != nil {
		return nil, err
	}
	if len(local) == 0 {
		return client, nil
	}
	return transport.Chain(transport.NewLocalUsers(local), client), nil
}

// watch shows figures of other packages among the metrics.
func (s *service) watch(db *sql.DB, hub *rooms.Hub, relays *relays) {
	sources := transport.Sources{
		Rooms:              func() int { return hub.Stats().Rooms },
		Accounts:           func() int { return hub.Stats().Accounts },
		ChatMessages:       func() uint64 { return hub.Stats().Messages },
		ChatMessagesFailed: func() uint64 { return hub.Stats().NotStored },
		RoomPanics:         func() uint64 { return hub.Stats().Panics },
		Queries:            db.Queries,
		Calls:              func() int { return hub.Stats().Calls },
		Peers:              func() int { return hub.Stats().Peers },
		Relayed:            func() uint64 { return hub.Stats().Relayed },
	}
	if relays != nil {
		sources.TURN = relays.server
	}
	if link := s.link.Load(); link != nil {
		sources.FriendCoreUp = func() bool { return link.State() == friendcore.Ready }
		sources.SyncErrors = func() uint64 { return uint64(link.Stats().SyncErrors) }
		sources.NotificationsSent = func() uint64 { return uint64(link.Stats().NotificationsSent) }
		sources.NotificationsLost = func() uint64 { return uint64(link.Stats().NotificationsDropped) }
	}
	s.metrics.Watch(sources)
}

// serveClients keeps the service connection to FriendCore and, once its users and
// groups are known, the listeners.
func (s *service) serveClients(ctx context.Context, server *transport.Server, relays *relays) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return relays.run(ctx) })
	// FriendCore's connection ends after the clients' connections have.
	linkCtx, endLink := context.WithCancel(context.WithoutCancel(ctx))
	defer endLink()
	link := s.link.Load()
	if link != nil {
		g.Go(func() error { return link.Run(linkCtx) })
	}
	g.Go(func() error {
		defer endLink()
		if link != nil {
			s.waitFor("waiting for FriendCore's users and workgroups")
			if err := link.WaitReady(ctx); err != nil {
				return err
			}
		}
		return s.listen(ctx, server)
	})
	return g.Wait()
}

// listen opens the ports for clients and serves them.
func (s *service) listen(ctx context.Context, server *transport.Server) error {
	var l transport.Listeners
	var err error
	if l.WS, err = net.Listen("tcp", s.config.WS.Addr()); err != nil {
		return fmt.Errorf("open the websocket listener ([ws] bind, port): %w", err)
	}
	if s.config.TCP.Enabled {
		if l.TCP, err = net.Listen("tcp", s.config.TCP.Addr()); err != nil {
			return errors.Join(fmt.Errorf("open the TCP listener ([tcp] bind, port): %w", err), l.WS.Close())
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	cert := s.cert.Load()
	if cert != nil {
		l.TLS = cert.TLS()
		g.Go(func() error { cert.Run(ctx, s.log); return nil })
	}
	g.Go(func() error { return server.Run(ctx, l) })
	s.stage.Store(nil)
	s.log.Info("serving", "ws", s.config.WS.Addr(), "tcp", tcpAddr(s.config), "tls", cert != nil,
		"friendcore", s.link.Load() != nil, "version", version)
	if s.ready != nil {
		s.ready()
	}
	return g.Wait()
}

func tcpAddr(c *cfg.Config) string {
	if !c.TCP.Enabled {
		return "off"
	}
	return c.TCP.Addr()
}

// What the packages need to know of the configuration.

func databaseConfig(c *cfg.Config) sql.Config {
	d := c.Database
	return sql.Config{
		Driver: d.Driver, File: c.DatabaseFile(), Socket: d.Socket, Host: d.Host, Port: d.Port,
		User: d.User, Pass: d.Pass.Reveal(), Name: d.Name,
	}
}

func workRules(w cfg.Workroom) rooms.WorkRules {
	return rooms.WorkRules{
		SubsHaveSuperView: w.SubsHaveSuperView, SupersHaveSubRoom: w.SupersHaveSubRoom,
		SupersSubHideSuper: w.SupersSubHideSuper, ShowUserList: w.ShowUserList,
	}
}

func friendTLS(c *cfg.Config) friendcore.TLSOptions {
	return friendcore.TLSOptions{
		CAFile: c.FriendCore.CAFile, ServerName: c.FriendCore.TLSName, Insecure: c.FriendCore.Insecure,
	}
}

func clientOptions(c *cfg.Config, log *slog.Logger) friendcore.ClientOptions {
	f := c.FriendCore
	return friendcore.ClientOptions{Host: f.Host, Port: f.Port, UseTLS: f.UseTLS, TLS: friendTLS(c), Logger: log}
}

func linkOptions(c *cfg.Config, log *slog.Logger) friendcore.LinkOptions {
	f := c.FriendCore
	return friendcore.LinkOptions{
		Host: f.Host, Port: f.WSPort, UseTLS: f.WSUseTLS, ProxyPath: f.WSProxy, TLS: friendTLS(c),
		ServiceKey: f.ServiceKey.Reveal(), ServiceName: f.ServiceName, LogEvents: f.LogEvents,
		Logger: log,
	}
}
