package tracing

import (
	"go.opentelemetry.io/otel/attribute"

	"signet/internal/core"
	"signet/internal/fault"
)

// Fact is one thing that a span says. Only the functions below make one.
type Fact = attribute.KeyValue

// Tenant names whose work it was.
func Tenant(id core.TenantID) Fact { return attribute.String("signet.tenant_id", id.String()) }

// App names for which app.
func App(id core.AppID) Fact { return attribute.String("signet.app_id", id.String()) }

// Ticket names which kind of value was wanted.
func Ticket(kind core.TicketKind) Fact { return attribute.String("signet.ticket", string(kind)) }

// Code names the refusal.
func Code(code fault.Code) Fact { return attribute.String("signet.code", string(code)) }

// RequestID is the id by which the log knows the request. Its alphabet is narrow.
func RequestID(id string) Fact { return attribute.String("signet.request_id", id) }

// Listener names on which a request came. It takes a constant.
func Listener(name string) Fact { return attribute.String("signet.listener", name) }

// Operation names the route. It takes a constant.
func Operation(name string) Fact { return attribute.String("http.route", name) }

// Method is the HTTP method, one of the known ones.
func Method(name string) Fact { return attribute.String("http.request.method", name) }

// Status is the HTTP status.
func Status(status int) Fact { return attribute.Int("http.response.status_code", status) }

// API names the call to WeCom. It takes a constant.
func API(name string) Fact { return attribute.String("wecom.api", name) }

// Errcode is WeCom's number.
func Errcode(errcode int) Fact { return attribute.Int("wecom.errcode", errcode) }
