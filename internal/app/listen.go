package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"signet/internal/config"
	"signet/internal/httpapi"
	"signet/internal/httpapi/consoleapi"
	"signet/internal/httpapi/opsapi"
	"signet/internal/httpapi/signapi"
)

// listeners are the three sockets of a node.
type listeners struct{ public, console, metrics net.Listener }

// listen opens the three sockets, as far as they have an address. Its error is a
// joined one; what could be opened is open all the same.
func listen(ctx context.Context, cfg config.Config) (listeners, error) {
	var l listeners
	var problems []error
	for _, want := range []struct {
		key, addr string
		to        *net.Listener
	}{
		{config.PublicAddr, cfg.PublicAddr, &l.public},
		{config.ConsoleAddr, cfg.ConsoleAddr, &l.console},
		{config.MetricsAddr, cfg.MetricsAddr, &l.metrics},
	} {
		if want.addr == "" {
			continue
		}
		opened, err := listenOn(ctx, want.key, want.addr)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		*want.to = opened
	}
	return l, errors.Join(problems...)
}

// listenOn listens on a TCP address; the error names the key (or flag) that
// chose it, and the mend.
func listenOn(ctx context.Context, key, addr string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return listener, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another program listens on %s; stop it or choose another address", key, addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: listening on %s is not allowed to this user; choose a port above 1023", key, addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s: %s is no address of this machine; choose one that is, or :PORT for all", key, addr)
	case errors.As(err, new(*net.DNSError)):
		return nil, fmt.Errorf("%s: no address is known for the host of %s; write the address itself, or :PORT for all", key, addr)
	}
	return nil, fmt.Errorf("%s: cannot listen on %s: %w", key, addr, err)
}

func (l listeners) close() {
	for _, one := range []net.Listener{l.public, l.console, l.metrics} {
		if one != nil {
			_ = one.Close()
		}
	}
}

// PublicAddr is where the public listener is.
func (s *Server) PublicAddr() string { return s.listeners.public.Addr().String() }

// ConsoleAddr is where the console listener is.
func (s *Server) ConsoleAddr() string { return s.listeners.console.Addr().String() }

// MetricsAddr is where the metrics listener is.
func (s *Server) MetricsAddr() string { return s.listeners.metrics.Addr().String() }

// surface is what a slice of httpapi gives: something that answers on a
// listener until it is shut down.
type surface interface {
	Listener(listener net.Listener) error
	ShutdownWithTimeout(patience time.Duration) error
}

type served struct {
	surface  surface
	listener net.Listener
}

// surfaces are what answers on the three listeners.
type surfaces struct{ public, console, metrics served }

func (s *Server) surfaces() surfaces {
	return surfaces{
		public: served{signapi.New(signapi.Config{
			Signer: s.rooms.signer, Log: s.log, TrustedProxies: s.cfg.TrustedProxies, Observe: s.metrics.observe, Tracer: s.traces.Tracer,
			PublicURL: s.cfg.PublicURL, Leaving: s.leaving.Load,
		}), httpapi.LazyDeadlines(s.listeners.public)},
		console: served{consoleapi.New(consoleapi.Config{
			Identity: s.rooms.identity, Admin: s.rooms.admin, Answers: s.rooms.answers, Log: s.log, TrustedProxies: s.cfg.TrustedProxies,
			ConsoleURL: s.cfg.ConsoleURL, Observe: s.metrics.observe, Tracer: s.traces.Tracer, Leaving: s.leaving.Load,
		}), s.listeners.console},
		metrics: served{opsapi.New(opsapi.Config{Log: s.log, Ready: s.ready.Load, Metrics: s.metrics.handler()}), s.listeners.metrics},
	}
}
