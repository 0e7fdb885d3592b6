package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTracesAreKeptWhereOpenTelemetrysVariablesSaySo(t *testing.T) {
	t.Parallel()
	const at = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
	cases := []struct {
		name    string
		environ []string
		on      bool
		ignored string
	}{
		{"nothing is said", nil, false, ""},
		{"variables of something else", []string{"OTEL_SERVICE_NAME=signet", "PATH=/bin"}, false, ""},
		{"an endpoint", []string{at}, true, ""},
		{"an endpoint for traces", []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:4318/v1/traces"}, true, ""},
		{"an empty endpoint", []string{"OTEL_EXPORTER_OTLP_ENDPOINT="}, false, ""},
		{"the exporter", []string{"OTEL_TRACES_EXPORTER=otlp"}, true, ""},
		{"no exporter, whatever the endpoint", []string{at, "OTEL_TRACES_EXPORTER=none"}, false, ""},
		{"switched off", []string{at, "OTEL_TRACES_EXPORTER=otlp", "OTEL_SDK_DISABLED=TRUE"}, false, ""},
		{"the protocol that is spoken", []string{at, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, true, ""},
		{"another protocol", []string{at, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, false, "http/protobuf"},
		{"another protocol for others alone", []string{at, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf"}, true, ""},
		{"another exporter", []string{at, "OTEL_TRACES_EXPORTER=zipkin"}, false, "otlp and none"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := Read(Source{Environ: c.environ})
			require.NoError(t, err, "these are no keys of Signet")
			require.Equal(t, c.on, cfg.Traces.On)
			if c.ignored == "" {
				require.Empty(t, cfg.Traces.Ignored)
			} else {
				require.Contains(t, cfg.Traces.Ignored, c.ignored)
			}
		})
	}
}
