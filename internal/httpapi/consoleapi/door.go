package consoleapi

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/httpapi"
	"signet/internal/identity"
)

// entry is what a request must show to come in.
type entry int

const (
	withToken              entry = iota // a session's access token or an API key, and for a change what fromNoOther asks; the default
	freely                              // nothing
	fromNoOther                         // not to come from another site, if it comes from a browser
	fromNoOtherOrWithToken              // as fromNoOther; an access token that it brings must be good
	fromOurPages                        // to come from the console's own pages: it brings a cookie
)

// entries lists the operations that need no access token. A test holds it
// against the contract.
var entries = map[string]entry{
	"GetDocument":    freely,
	"CreateSession":  fromNoOther,
	"RefreshSession": fromOurPages,
	"DeleteSession":  fromOurPages,
	"ReadIntake":     fromNoOther,
	"HandInSecret":   fromNoOther,

	"BeginWeComSignIn":    fromNoOther,
	"ReturnFromWeCom":     freely, // WeCom's page sends the browser; its cookie and the state belong together
	"AskFactorAfterWeCom": fromOurPages,

	"FinishSignIn":        fromNoOther,
	"BeginPasskeySignIn":  fromNoOther,
	"FinishPasskeySignIn": fromNoOther,
	"GetWays":             freely,
	"BeginOIDC":           fromNoOther,
	"FinishOIDC":          fromOurPages,
	"ReadInvitation":      fromNoOther,
	"AcceptInvitation":    fromNoOtherOrWithToken,
	"ReadReset":           fromNoOther,
	"UseReset":            fromNoOther,
	"ForgetPassword":      fromNoOther,
}

// The bound on an access token is far above what identity makes, and stands
// before anything takes it apart.
const maxTokenLength = 4 << 10

// admit lets a request in to an operation, before its body is looked at. It
// fails with fault.SessionRequired or fault.RequestForeign.
func (a *api) admit(c *fiber.Ctx, operation string) error {
	event := httpapi.EventOf(c)
	event.Operation = operation
	noteIDs(c, event)
	v := visit{
		requestID: event.RequestID, client: httpapi.NetworkOf(event.Client),
		agent: string(c.Request().Header.Peek(fiber.HeaderUserAgent)), device: deviceOf(c), former: formerOf(c),
		note:      event.Note,
		setCookie: func(text string) { c.Response().Header.Add(fiber.HeaderSetCookie, text) },
	}
	switch entries[operation] {
	case fromNoOther:
		if err := a.checkOrigin(c, false); err != nil {
			return err
		}
	case fromOurPages:
		if err := a.checkOrigin(c, true); err != nil {
			return err
		}
	case fromNoOtherOrWithToken:
		if err := a.checkOrigin(c, false); err != nil {
			return err
		}
		if len(c.Request().Header.Peek(fiber.HeaderAuthorization)) > 0 {
			if err := a.authenticate(c, &v); err != nil {
				return err
			}
		}
	case withToken:
		if !isSafe(c.Method()) {
			if err := a.checkOrigin(c, false); err != nil {
				return err
			}
		}
		if err := a.authenticate(c, &v); err != nil {
			return err
		}
		if c.Request().Header.Peek(idempotencyKey) != nil {
			v.request = requestHash(c)
		}
	case freely:
	}
	c.SetUserContext(context.WithValue(event.Context(), visitKey{}, v))
	return nil
}

// isSafe tells whether a method only reads (RFC 9110 9.2.1).
func isSafe(method string) bool { return method == fiber.MethodGet || method == fiber.MethodHead }

// decode reads a body strictly.
func (a *api) decode(c *fiber.Ctx, body any) error { return httpapi.DecodeBody(c, body) }

// bearerOf takes the access token out of the one Authorization header.
func bearerOf(c *fiber.Ctx) (string, error) {
	lines := c.Request().Header.PeekAll(fiber.HeaderAuthorization)
	if len(lines) != 1 || len(lines[0]) > maxTokenLength {
		return "", fault.New(fault.SessionRequired, nil)
	}
	scheme, token, found := strings.Cut(string(lines[0]), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", fault.New(fault.SessionRequired, nil)
	}
	return token, nil
}

// noteIDs puts the ids of the path into the log, if they are ids.
func noteIDs(c *fiber.Ctx, event *httpapi.Event) {
	if id, err := core.ParseTenantID(c.Params("tenantId")); err == nil {
		event.Note(slog.String("tenant_id", id.String()))
	}
	if id, err := core.ParseAppID(c.Params("appId")); err == nil {
		event.Note(slog.String("app_id", id.String()))
	}
}

// visit is what the door found out. It travels in the context for the short way
// through the generated code, whose operations take nothing else; from the
// operations on, the actor is a parameter.
type visit struct {
	actor     core.Actor
	requestID string
	client    netip.Prefix
	agent     string
	device    core.Secret
	former    core.Secret // the refresh token that the browser still has

	// setCookie sets a cookie beside what the operation answers, while the request
	// lasts.
	setCookie func(string)
	request   [32]byte // a hash of what is asked for, where it may be repeated

	note func(slog.Attr) // adds a fact to the log line of the request
}

type visitKey struct{}

func actorOf(ctx context.Context) core.Actor { return ctx.Value(visitKey{}).(visit).actor }

func requestIDOf(ctx context.Context) string { return ctx.Value(visitKey{}).(visit).requestID }

// identityVisit is what identity wants to know of who comes in.
func identityVisit(ctx context.Context) identity.Visit {
	v := ctx.Value(visitKey{}).(visit)
	return identity.Visit{Client: v.client, Agent: v.agent, Device: v.device, RequestID: v.requestID}
}

func clientOf(ctx context.Context) netip.Prefix { return ctx.Value(visitKey{}).(visit).client }
