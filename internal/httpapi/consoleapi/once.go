package consoleapi

import (
	"context"
	"crypto/sha256"

	"github.com/gofiber/fiber/v2"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/replay"
)

// Answers keeps the answers to calls that may be repeated. *replay.Keeper is the one
// outside of tests.
type Answers interface {
	Begin(ctx context.Context, c replay.Call) (replay.Run, *replay.Answer, error)
	End(ctx context.Context, r replay.Run, a replay.Answer)
	Fail(ctx context.Context, r replay.Run, err error)
}

var _ Answers = (*replay.Keeper)(nil)

const (
	idempotencyKey    = "Idempotency-Key"
	maxIdempotencyKey = 255
	replayedHeader    = "Idempotent-Replayed"
)

// once runs an operation, or gives its first answer again where the request repeats
// one under the same key (draft-ietf-httpapi-idempotency-key-header-07). Without a key
// it runs.
func (a *api) once(c *fiber.Ctx, key *string, run func() error) error {
	if key == nil {
		return run()
	}
	if !isIdempotencyKey(*key) {
		return fault.InvalidField("?"+idempotencyKey, fault.ReasonIdempotencyKey, nil)
	}
	call, ok := callOf(c, *key)
	if !ok {
		return run() // it is refused there
	}
	ctx := c.UserContext()
	held, answer, err := a.answers.Begin(ctx, call)
	if err != nil {
		return err
	}
	if answer != nil {
		return repeat(c, *answer)
	}
	if err := run(); err != nil {
		a.answers.Fail(ctx, held, err)
		return err
	}
	h := &c.Response().Header
	a.answers.End(ctx, held, replay.Answer{
		Status: c.Response().StatusCode(), ContentType: string(h.ContentType()),
		ETag: string(h.Peek(fiber.HeaderETag)), Location: string(h.Peek(fiber.HeaderLocation)),
		Body: core.NewSecret(string(c.Response().Body())),
	})
	return nil
}

// isIdempotencyKey tells whether a key is one: several lines are joined by a blank.
func isIdempotencyKey(key string) bool {
	if key == "" || len(key) > maxIdempotencyKey {
		return false
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return false
		}
	}
	return true
}

// callOf says which call a request is. ok is false where it is about a tenant that the
// actor has nothing to do with, or has not yet, or about none that can be.
func callOf(c *fiber.Ctx, key string) (call replay.Call, ok bool) {
	v := c.UserContext().Value(visitKey{}).(visit)
	call = replay.Call{Actor: v.actor, Key: key, Request: v.request}
	text := c.Params("tenantId")
	if text == "" {
		return call, call.Actor.Grants.Platform != ""
	}
	tenant, err := core.ParseTenantID(text)
	_, belongs := call.Actor.Grants.Tenants[tenant]
	call.Tenant = tenant
	return call, err == nil && (belongs && !call.Actor.Grants.Unproved[tenant] || call.Actor.Grants.Platform != "")
}

// requestHash is made of all that says what is asked for: method, path, query and body.
// It is made at the door, because a body that was decoded is wiped out.
func requestHash(c *fiber.Ctx) [32]byte {
	hash := sha256.New()
	for _, part := range [][]byte{c.Request().Header.Method(), c.Request().URI().PathOriginal(), c.Request().URI().QueryString(), c.Request().Body()} {
		sum := sha256.Sum256(part)
		_, _ = hash.Write(sum[:])
	}
	return [32]byte(hash.Sum(nil))
}

// repeat gives an answer again, and says so.
func repeat(c *fiber.Ctx, a replay.Answer) error {
	h := &c.Response().Header
	h.Set(replayedHeader, "true")
	h.SetContentType(a.ContentType)
	for name, value := range map[string]string{fiber.HeaderETag: a.ETag, fiber.HeaderLocation: a.Location} {
		if value != "" {
			h.Set(name, value)
		}
	}
	c.Status(a.Status)
	return c.SendString(a.Body.Expose())
}
