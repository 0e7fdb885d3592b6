package config

import "strings"

// The variables of OpenTelemetry that decide whether traces are kept. They are
// its own names, not keys of Signet: everything else about traces (headers,
// certificates, sampling, batches) its SDK reads by itself.
const (
	otelDisabled       = "OTEL_SDK_DISABLED"
	otelExporter       = "OTEL_TRACES_EXPORTER"
	otelEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	otelTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	otelProtocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	otelTracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
)

// otlpOverHTTP is the one protocol that is spoken.
const otlpOverHTTP = "http/protobuf"

// Traces says whether traces are kept, and what the environment asks for that
// there is not. That is no reason to refuse a start: these variables are often
// set for a whole machine, and pages are signed without traces.
type Traces struct {
	On      bool
	Ignored string // a sentence; "": nothing
}

// readTraces reads what OpenTelemetry's variables say. Off is the default.
func readTraces(environ []string) Traces {
	values := map[string]string{}
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "OTEL_") {
			values[name] = value
		}
	}
	protocol := values[otelTracesProtocol]
	if protocol == "" {
		protocol = values[otelProtocol]
	}
	exporter := values[otelExporter]
	wanted := exporter == "otlp" || exporter == "" && (values[otelEndpoint] != "" || values[otelTracesEndpoint] != "")
	switch {
	case strings.EqualFold(values[otelDisabled], "true"), exporter == "none", exporter == "" && !wanted:
		return Traces{}
	case !wanted:
		return Traces{Ignored: otelExporter + " names an exporter that is not here: there are otlp and none, so no traces are kept"}
	case protocol != "" && protocol != otlpOverHTTP:
		return Traces{Ignored: "the protocol of OTLP is not " + otlpOverHTTP + ", which is the only one here, so no traces are kept"}
	}
	return Traces{On: true}
}
