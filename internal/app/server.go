package app

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"signet/internal/admin"
	"signet/internal/config"
	"signet/internal/identity"
	"signet/internal/seal"
	"signet/internal/signing"
	"signet/internal/store"
	"signet/internal/ticket"
	"signet/internal/upstream"
	"signet/internal/wecom"
)

// drainTime is how long requests under way may take after the signal to stop.
const drainTime = 15 * time.Second

// Server is one node: the main path, the console's API and what watches them.
type Server struct {
	cfg       config.Config
	log       *slog.Logger
	listeners listeners
	rooms     rooms
	from      store.FeedPosition
	ready     atomic.Bool
	metrics   *metrics
	traces    traces
}

// rooms are the parts of a node that has passed every check.
type rooms struct {
	store     *store.Store
	ring      *seal.Ring
	wecom     *wecom.Client
	gate      *upstream.Gate
	tickets   *ticket.Cache
	directory *signing.Directory
	signer    *signing.Signer
	identity  *identity.Identity
	admin     *admin.Actions
}

// NewServer checks everything and puts a node together. It listens when it
// returns, and serves in Run. What can be found wrong without anything else is
// looked for at once, and all of it is told: a joined error with a line for each
// problem. Nothing is written before all of it holds.
func NewServer(ctx context.Context, cfg config.Config, log *slog.Logger) (*Server, error) {
	s := &Server{cfg: cfg, metrics: newMetrics()}
	log = slog.New(newLogbook(log.Handler(), s.metrics.log))
	s.log = log
	s.traces = startTraces(ctx, cfg.Traces, log, s.metrics.log)
	found, err := survey(ctx, cfg, log)
	s.listeners, s.rooms.store = found.listeners, found.store
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
	client, r := found.wecom, rooms{store: found.store, wecom: found.wecom}
	var err error
	if r.ring, err = openRing(ctx, r.store, found.master, found.recovery, s.log); err != nil {
		return err
	}
	gate := upstream.New(client, r.store, s.log, upstream.WithObserver(s.metrics.weCom.observe))
	r.gate = gate
	r.tickets = ticket.New(ticket.Config{
		Store: r.store, Gate: gate, Sealer: r.ring.Sealer(), Log: s.log, Observer: s.metrics.tickets,
		Opener: r.ring.Opener(seal.AppSecret, seal.AccessToken, seal.CorpTicket, seal.AgentTicket),
	})
	r.directory = signing.NewDirectory(r.store)
	if s.from, err = r.directory.Load(ctx); err != nil {
		return err
	}
	r.signer = signing.NewSigner(r.directory, r.tickets, time.Now)
	r.identity, err = identity.New(ctx, identity.Config{
		Store: r.store, Sealer: r.ring.Sealer(), Opener: r.ring.Opener(seal.SessionKey), Issuer: s.cfg.ConsoleURL,
		NewPlatformKey: func() (seal.WrappedKey, error) { return r.ring.NewScopeKey(seal.Platform(), 1) },
	})
	if err != nil {
		return err
	}
	r.admin = admin.New(admin.Config{Store: r.store, Gate: gate, Sealer: r.ring.Sealer(), NewScopeKey: r.ring.NewScopeKey, Log: s.log})
	s.rooms = r
	s.metrics.watch(r)
	s.metrics.watchReady(s.ready.Load)
	return nil
}

// Run serves until ctx ends, then lets what is under way finish. It returns nil
// after a clean end.
func (s *Server) Run(ctx context.Context) error {
	defer s.Close()
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return s.follow(running) })
	group.Go(func() error { s.metrics.samples.run(running, s.rooms); return nil })
	for _, l := range s.surfaces() {
		group.Go(func() error { return serve(running, l) })
	}
	s.ready.Store(true)
	s.log.Info("serving", "public", s.PublicAddr(), "console", s.ConsoleAddr(), "metrics", s.MetricsAddr(),
		"apps", s.rooms.directory.Len(), "version", Version().Version)
	<-running.Done()
	s.ready.Store(false)
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// follow keeps the directory and the tickets current. Where the database behind
// the feed is another than before (restored, or promoted elsewhere), what is
// known is read anew, and until that can be done signing goes on with it.
func (s *Server) follow(ctx context.Context) error {
	from := s.from
	for {
		err := s.rooms.store.FollowChanges(ctx, from, s.rooms.signer.Apply, s.noteFeed)
		if !errors.Is(err, store.ErrFeedBroken) {
			return err
		}
		s.log.Warn("the database is another than before; everything is read anew")
		if from, err = s.reload(ctx); err != nil {
			return nil //nolint:nilerr // ctx has ended
		}
	}
}

// reload reads every app anew, as soon as Postgres lets it. It fails only when
// ctx ends.
func (s *Server) reload(ctx context.Context) (store.FeedPosition, error) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		from, err := s.rooms.directory.Load(ctx)
		if ctx.Err() != nil {
			return from, ctx.Err()
		}
		s.noteFeed(err)
		if err == nil {
			return from, nil
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return from, ctx.Err()
		}
	}
}

// noteFeed says once that the change feed stands still, and once that it runs
// again.
func (s *Server) noteFeed(err error) {
	was := s.rooms.directory.NoteFeed(err == nil)
	if err == nil {
		s.metrics.feedAge.note(time.Now())
	}
	switch {
	case err != nil && was:
		s.log.Error("the change feed cannot be read; signing goes on with what is known", "alert", "feed_stopped", "error", err)
	case err == nil && !was:
		s.log.Info("the change feed is read again")
	}
}

// Close gives up what NewServer has opened. It is for a server that was not run;
// Run closes by itself.
func (s *Server) Close() {
	s.listeners.close()
	if s.rooms.store != nil {
		s.rooms.store.Close()
	}
	s.traces.stop()
}

// serve answers on one listener until ctx ends, then drains it.
func serve(ctx context.Context, s served) error {
	ended := make(chan error, 1)
	go func() { ended <- s.surface.Listener(s.listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	err := s.surface.ShutdownWithTimeout(drainTime)
	_ = s.listener.Close() // or a shutdown that came before the first accept would be missed
	if served := <-ended; err == nil {
		err = served
	}
	return err
}
