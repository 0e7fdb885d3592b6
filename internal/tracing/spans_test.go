package tracing_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/tracing"
)

// kept makes a Tracer whose spans can be looked at.
func kept(options ...sdktrace.TracerProviderOption) (tracing.Tracer, *tracetest.SpanRecorder) {
	recorder := tracetest.NewSpanRecorder()
	return tracing.NewTracer(sdktrace.NewTracerProvider(append(options, sdktrace.WithSpanProcessor(recorder))...)), recorder
}

// part is what a room does at every step of a request.
func part(ctx context.Context, tenant core.TenantID, err error) {
	_, span := tracing.Begin(ctx, "part", tracing.Inside)
	if span.On() {
		span.Note(tracing.Tenant(tenant))
	}
	span.End(err)
}

func TestWithoutTracesAPartCostsNoMemory(t *testing.T) { // not parallel: it counts allocations
	type key struct{}
	ctx, tenant := context.WithValue(t.Context(), key{}, 1), core.NewTenantID()
	err := fault.New(fault.WeComUnavailable, nil)
	require.Zero(t, testing.AllocsPerRun(1000, func() { part(ctx, tenant, err) }))
	var off tracing.Tracer
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		ctx, span := off.Begin(ctx, "request", tracing.Server)
		span.Rename("public signatures.get")
		part(ctx, tenant, nil)
		span.EndAs(false)
	}))
	require.False(t, off.On())
	require.Empty(t, tracing.TraceID(ctx))

	sampledOut, recorder := kept(sdktrace.WithSampler(sdktrace.NeverSample()))
	passed, span := sampledOut.Begin(ctx, "request", tracing.Server)
	require.False(t, span.On())
	require.Zero(t, testing.AllocsPerRun(1000, func() { part(passed, tenant, err) }), "of a request that the sampler has passed over")
	require.Empty(t, tracing.TraceID(passed))
	require.Empty(t, recorder.Ended())
}

func TestSpansHangBelowTheOneOfTheirContext(t *testing.T) {
	t.Parallel()
	tracer, recorder := kept()
	strange, other := tracer.Begin(t.Context(), "another request", tracing.Server)
	ctx, request := tracer.Begin(strange, "request", tracing.Server)
	part(context.WithoutCancel(ctx), core.NewTenantID(), nil)
	request.EndAs(false)
	other.EndAs(false)
	spans := recorder.Ended()
	require.Len(t, spans, 3)
	require.Equal(t, "part", spans[0].Name())
	require.Equal(t, spans[1].SpanContext().SpanID(), spans[0].Parent().SpanID())
	require.False(t, spans[1].Parent().IsValid(), "a request begins a tree, whatever its context")
	require.NotEqual(t, spans[2].SpanContext().TraceID(), spans[1].SpanContext().TraceID())
	require.Equal(t, spans[1].SpanContext().TraceID().String(), tracing.TraceID(ctx))
}

func TestOfAnErrorASpanKeepsTheCode(t *testing.T) {
	t.Parallel()
	const canary = "CANARY-of-an-error"
	for name, c := range map[string]struct {
		err    error
		code   fault.Code
		status codes.Code
	}{
		"none":                   {nil, "", codes.Unset},
		"ours":                   {fault.Wrap(errors.New(canary), fault.StoreUnavailable, fault.Args{"host": canary}), fault.StoreUnavailable, codes.Error},
		"with no name":           {errors.New(canary), fault.InternalError, codes.Error},
		"the caller's":           {fault.New(fault.URLUntrusted, fault.Args{"host": canary}), fault.URLUntrusted, codes.Unset},
		"of a caller who is off": {fault.Wrap(context.Canceled, fault.WeComUnavailable, nil), fault.WeComUnavailable, codes.Unset},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer, recorder := kept()
			_, span := tracer.Begin(t.Context(), "request", tracing.Server)
			span.End(c.err)
			got := recorder.Ended()[0]
			require.Equal(t, c.status, got.Status().Code)
			require.Empty(t, got.Status().Description)
			require.Empty(t, got.Events(), "no error is written down whole")
			if c.code == "" {
				require.Empty(t, got.Attributes())
				return
			}
			require.Equal(t, []attribute.KeyValue{tracing.Code(c.code)}, got.Attributes())
		})
	}
}
