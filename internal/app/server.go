package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"signet/internal/admin"
	"signet/internal/config"
	"signet/internal/custody"
	"signet/internal/identity"
	"signet/internal/outbound"
	"signet/internal/replay"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/signing"
	"signet/internal/store"
	"signet/internal/ticket"
	"signet/internal/tracing"
	"signet/internal/trial"
	"signet/internal/upstream"
	"signet/internal/wecom"
)

// Server is one node: the main path, the console's API and what watches them.
type Server struct {
	cfg       config.Config
	log       *slog.Logger
	listeners listeners
	rooms     rooms
	from      store.FeedPosition
	ready     atomic.Bool
	leaving   atomic.Bool // the signal to stop has come
	clock     nodeClock
	metrics   *metrics
	traces    traces

	feedStopped bool // as was told last; who follows the feed alone reads and writes it
}

// How many connections the console has for itself, and how long it waits for one:
// a person is told within a second that Postgres does not answer.
const (
	consoleConns    = 8
	consolePatience = 900 * time.Millisecond
)

// How many connections the keys have for themselves: one to turn them with, and one
// to read the root keys while somebody waits for that with a connection in hand.
const (
	keyConns    = 2
	keyPatience = 2 * time.Second
)

// rooms are the parts of a node that has passed every check.
type rooms struct {
	store     *store.Store // of the main path
	console   *store.Store // of people, so that they cannot take the main path's connections
	keyStore  *store.Store // of the keys, which must be read while all others are in use
	keys      *custody.Keys
	wecom     *wecom.Client
	gate      *upstream.Gate
	tickets   *ticket.Cache
	directory *signing.Directory
	signer    *signing.Signer
	identity  *identity.Identity
	admin     *admin.Actions
	mail      *outbound.Mail // nil: no mail is sent
	answers   *replay.Keeper
	breached  *identity.Breached // nil: no list
}

// NewServer checks everything and puts a node together. It listens when it
// returns, and serves in Run. What can be found wrong without anything else is
// looked for at once, and all of it is told: a joined error with a line for each
// problem. Nothing is written before all of it holds.
func NewServer(ctx context.Context, cfg config.Config, log *slog.Logger) (*Server, error) {
	s := &Server{cfg: cfg, metrics: newMetrics(), clock: nodeClock{Clock: store.NewClock(time.Now)}}
	log = slog.New(newLogbook(log.Handler(), s.metrics.log))
	s.log = log
	s.traces = startTraces(ctx, cfg.Traces, log, s.metrics.log)
	found, err := survey(ctx, cfg, s.clock.Now, log)
	s.listeners, s.rooms.store, s.rooms.breached = found.listeners, found.store, found.breached
	if err == nil {
		err = found.requireAll()
	}
	if err == nil {
		err = s.open(ctx, found)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) open(ctx context.Context, found surroundings) error {
	// `dev` leaves these open: on a free port nobody knows them before.
	s.cfg.PublicURL = cmp.Or(s.cfg.PublicURL, asLocalhost(s.PublicAddr()))
	s.cfg.ConsoleURL = cmp.Or(s.cfg.ConsoleURL, asLocalhost(s.ConsoleAddr()))
	client, r := found.wecom, rooms{store: found.store, wecom: found.wecom, breached: found.breached}
	var err error
	if s.rooms.keyStore, err = r.store.Beside(ctx, keyConns, keyPatience); err != nil {
		return err
	}
	r.keyStore = s.rooms.keyStore
	if r.keys, err = custody.Open(ctx, custody.Config{Store: r.keyStore, Master: found.master, Recovery: found.recovery, Log: s.log}); err != nil {
		return err
	}
	ring := r.keys.Ring
	if s.rooms.console, err = r.store.Beside(ctx, consoleConns, consolePatience); err != nil {
		return err
	}
	r.console = s.rooms.console
	if err := s.setClock(ctx, r.store); err != nil {
		return err
	}
	gate := upstream.New(client, r.store, s.log, upstream.WithObserver(s.metrics.weCom.observe), upstream.WithClock(s.clock.Now))
	r.gate = gate
	alerts := sealed.NewAlerts(s.log)
	r.tickets = ticket.New(ticket.Config{
		Store: r.store, Gate: gate, Sealer: ring.Sealer(), Log: s.log, Alerts: alerts, Observer: s.metrics.tickets, Now: s.clock.Now,
		SetClock: func(ctx context.Context, right time.Time, within time.Duration) bool {
			off, moved := s.clock.Set(right, within)
			s.clockWasSet(ctx, off, moved)
			return moved != 0
		},
		Opener: ring.Opener(seal.AppSecret, seal.AccessToken, seal.CorpTicket, seal.AgentTicket),
	})
	r.directory = signing.NewDirectory(r.store)
	if s.from, err = r.directory.Load(ctx); err != nil {
		return err
	}
	r.signer = signing.NewSigner(r.directory, r.tickets, s.clock.Now)
	people := identity.Config{
		Store: r.console, Sealer: ring.Sealer(), Opener: ring.Opener(seal.SessionKey, seal.Factor), Issuer: s.cfg.ConsoleURL, Clock: s.clock.Now,
		WeCom: r.tickets, WeComLoginURL: s.cfg.WeComLoginURL,
		NewPlatformKey: func() (seal.WrappedKey, error) { return ring.NewScopeKey(seal.Platform(), 1) },
		OIDC:           s.provider(),
		Breached:       found.breached,
	}
	var mailer admin.Mailer
	if r.mail, err = s.openMail(); err != nil {
		return err
	}
	if r.mail != nil {
		people.Mailer, people.Notifier, mailer = r.mail.Queue(), r.mail.Queue(), r.mail
	}
	if r.identity, err = identity.New(ctx, people); err != nil {
		return err
	}
	trials := trial.New(trial.Config{Gate: gate, Opener: ring.Opener(seal.AppSecret, seal.AccessToken, seal.AgentTicket), Alerts: alerts, Now: s.clock.Now})
	r.admin = admin.New(admin.Config{Store: r.console, Trials: trials, Sealer: ring.Sealer(), NewScopeKey: ring.NewScopeKey, RenewKeys: ring.Renew, Checkpoint: r.keys.Audit.Checkpoint, Log: s.log, Alerts: alerts,
		DeletionGrace: s.cfg.DeletionGrace, KeyBackupDays: s.cfg.KeyBackupDays, Mailer: mailer})
	r.answers = replay.New(replay.Config{Store: r.console, Sealer: ring.Sealer(), Opener: ring.Opener(seal.IdempotentAnswer), Log: s.log})
	s.rooms = r
	s.metrics.watch(r)
	s.metrics.watchReady(s.ready.Load)
	s.metrics.watchClock(s.clock.ahead)
	return nil
}

// Run serves until ctx ends, then drains (drain.go). It returns nil after a clean
// end.
func (s *Server) Run(ctx context.Context) error {
	defer s.Close()
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	taking, stopTaking := context.WithCancel(failed) // requests for pages and people
	lasting, stopLasting := context.WithCancel(failed)
	defer stopLasting()
	defer stopTaking()

	var requests sync.WaitGroup
	surfaces := s.surfaces()
	for _, l := range []served{surfaces.public, surfaces.console} {
		requests.Add(1)
		group.Go(func() error { defer requests.Done(); return serve(taking, s.log, l, s.finishTime()) })
	}
	for _, work := range []func() error{
		func() error { return serve(lasting, s.log, surfaces.metrics, metricsTime) },
		func() error { return s.rooms.signer.Follow(lasting, s.from, s.noteFeed) },
		func() error { return s.trim(lasting) },
		func() error { return s.runChores(lasting, s.chores()) },
		func() error { return s.keepClock(lasting) },
		func() error { return s.sendLetters(lasting) },
		func() error { s.metrics.samples.run(lasting, s.rooms); return nil },
		func() error { s.rooms.signer.KeepFresh(tracing.With(taking, s.traces.Tracer)); return nil },
	} {
		group.Go(s.quietly(lasting, work))
	}
	s.ready.Store(true)
	s.log.Info("serving", "public", s.PublicAddr(), "console", s.ConsoleAddr(), "metrics", s.MetricsAddr(),
		"apps", s.rooms.directory.Len(), "version", Version().Version)
	select {
	case <-ctx.Done():
	case <-failed.Done():
	}
	s.drain(failed, stopTaking, &requests)
	stopLasting()
	return group.Wait()
}

// noteFeed says once that the change feed stands still, and once that it runs
// again. A feed that is broken off stands still when not everything can be read
// anew either.
func (s *Server) noteFeed(err error) {
	switch {
	case errors.Is(err, store.ErrFeedBroken):
		s.log.Warn("everything is read anew", "reason", err)
	case err != nil && !s.feedStopped:
		s.feedStopped = true
		s.log.Error("the change feed cannot be read; signing goes on with what is known", "alert", "feed_stopped", "error", err)
	case err == nil && s.feedStopped:
		s.feedStopped = false
		s.log.Info("the change feed is read again")
	}
}

// Close gives up what NewServer has opened. It is for a server that was not run;
// Run closes by itself.
func (s *Server) Close() {
	s.listeners.close()
	closeStores(s.rooms.keyStore, s.rooms.console, s.rooms.store)
	s.rooms.breached.Close()
	s.traces.stop()
}
