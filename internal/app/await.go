package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"signet/internal/config"
	"signet/internal/fault"
	"signet/internal/httpapi"
	"signet/internal/httpapi/consoleapi"
	"signet/internal/httpapi/opsapi"
	"signet/internal/httpapi/signapi"
	"signet/internal/signing"
	"signet/internal/store"
)

const (
	// How often a node that waits for Postgres looks whether it is there.
	awaitEvery = time.Second
	// How often it says in the log that it still waits.
	awaitSaid = 30 * time.Second
)

// isOnly tells whether an error, and every part of a joined one, is target.
func isOnly(err, target error) bool {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return errors.Is(err, target)
	}
	for _, part := range joined.Unwrap() {
		if !isOnly(part, target) {
			return false
		}
	}
	return true
}

// awaitPostgres answers for a node that cannot be put together because Postgres
// is not there: alive, not ready, and store.unavailable to pages and people, so
// that whoever started it need not start it again. It returns nil when Postgres
// answers, whatever it says then, and the error when ctx ends.
func awaitPostgres(ctx context.Context, cfg config.Config, log *slog.Logger, missing error) error {
	open, err := listen(ctx, cfg)
	if err != nil {
		open.close()
		return err
	}
	waiting, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	for _, l := range closedSurfaces(open, cfg, log) {
		group.Go(func() { _ = serve(waiting, log, l, metricsTime) })
	}
	defer group.Wait()
	defer stop()

	every := time.NewTicker(awaitEvery)
	defer every.Stop()
	var said time.Time
	for {
		if time.Since(said) >= awaitSaid {
			log.ErrorContext(ctx, "waiting for Postgres; requests are answered store.unavailable meanwhile",
				"public", open.public.Addr().String(), "console", open.console.Addr().String(), "metrics", open.metrics.Addr().String(), "error", missing)
			said = time.Now()
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		found, err := openStore(ctx, cfg)
		if found != nil {
			found.Close()
		}
		if ctx.Err() == nil && !errors.Is(err, store.ErrNoAnswer) {
			return nil
		}
	}
}

// closedSurfaces are what answers while there is no node yet. Whoever watches sees
// that it is not ready, and whom it turns away.
func closedSurfaces(open listeners, cfg config.Config, log *slog.Logger) []served {
	m, ready := newMetrics(), func() bool { return false }
	m.watchReady(ready)
	return []served{
		{signapi.New(signapi.Config{Signer: noSigner{}, Log: log, PublicURL: cfg.PublicURL, TrustedProxies: cfg.TrustedProxies, Observe: m.observe}), open.public},
		{httpapi.Closed(httpapi.Config{
			Name: "console", Log: log, BodyLimit: 1 << 20, TrustedProxies: cfg.TrustedProxies, Headers: consoleapi.Headers(cfg.ConsoleURL), Observe: m.observe,
		}, errNoStore()), open.console},
		{opsapi.New(opsapi.Config{Log: log, Ready: ready, Metrics: m.handler()}), open.metrics},
	}
}

func errNoStore() *fault.Error {
	return fault.New(fault.StoreUnavailable, nil).WithRetryAfter(5 * time.Second)
}

// noSigner signs nothing, and says that this will pass.
type noSigner struct{}

var _ signapi.Signer = noSigner{}

func (noSigner) Sign(context.Context, signing.Request) (signing.Answer, error) {
	return signing.Answer{}, errNoStore()
}

func (noSigner) SignConfig(context.Context, signing.Request) (signing.Answer, error) {
	return signing.Answer{}, errNoStore()
}

func (noSigner) SignAgentConfig(context.Context, signing.Request) (signing.Answer, error) {
	return signing.Answer{}, errNoStore()
}
