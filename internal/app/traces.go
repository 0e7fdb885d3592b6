package app

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"signet/internal/config"
	"signet/internal/tracing"
)

// flushTime is how long the last spans may take to be sent at the end.
const flushTime = 2 * time.Second

// troubleEvery is how often at most the log says that spans cannot be sent.
const troubleEvery = time.Minute

// traces keeps spans and sends them by OTLP over HTTP, where the environment
// asks for it (ADR 0026). A signature never waits for that: spans that come
// faster than they can be sent are dropped.
type traces struct {
	tracing.Tracer
	stop func() // sends what is left, as long as flushTime allows
}

var noTraces = traces{stop: func() {}}

// startTraces makes what keeps spans. Where they are to go, which of them are
// kept and how they are sent, the SDK reads from its own variables. What is
// wrong with those is logged, and pages are signed without traces.
func startTraces(ctx context.Context, cfg config.Traces, log *slog.Logger, counts *logCounts) traces {
	if cfg.Ignored != "" {
		log.Warn(cfg.Ignored)
	}
	if !cfg.On {
		return noTraces
	}
	otel.SetErrorHandler(newTraceTrouble(log, counts)) // the SDK has one for the process
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		log.Warn("no traces are kept", "error", err)
		return noTraces
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "signet"), attribute.String("service.version", Version().Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv()) // the environment's word comes last and counts
	if err != nil {
		log.Warn("what OTEL_RESOURCE_ATTRIBUTES says cannot be read whole", "error", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return traces{tracing.NewTracer(provider), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		_ = provider.Shutdown(ctx) // traceTrouble has heard of it
	}}
}

// traceTrouble hears from the SDK what goes wrong.
type traceTrouble struct {
	log    *slog.Logger
	counts *logCounts
	said   atomic.Int64 // when the log said it last, in Unix seconds
}

func newTraceTrouble(log *slog.Logger, counts *logCounts) *traceTrouble {
	return &traceTrouble{log: log, counts: counts}
}

// Handle implements otel.ErrorHandler. Of an error it tells the innermost text:
// those around it repeat the address, which may hold a password.
func (t *traceTrouble) Handle(err error) {
	t.counts.traceTrouble.Inc()
	now, last := time.Now().Unix(), t.said.Load()
	if now-last < int64(troubleEvery/time.Second) || !t.said.CompareAndSwap(last, now) {
		return
	}
	reason := "they were not taken"
	var call *url.Error
	if errors.As(err, &call) {
		reason = call.Err.Error()
	}
	t.log.Warn("traces cannot be sent; pages are signed without them", "reason", reason)
}
