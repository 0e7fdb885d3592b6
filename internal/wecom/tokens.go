package wecom

import (
	"context"
	"net/url"
	"time"

	"signet/internal/core"
)

// MaxLife is the longest life that a grant is believed to have; WeCom's own
// is 7200 s (protocol notes 1.1 and 1.2).
const MaxLife = 7200 * time.Second

// Grant is an access token or a ticket as WeCom gave it.
type Grant struct {
	Value      core.Secret   // visible ASCII without "&"; a token 1 to 1024 bytes, a ticket 1 to 512
	ExpiresIn  time.Duration // above 0, at most MaxLife, whole seconds
	ReceivedAt time.Time     // when the answer was whole, by the client's clock
	Took       time.Duration // from when WeCom was asked the last time until then
	Tries      int           // how often WeCom was asked for it
}

// promptly is how long an answer may take and count as given when it came.
const promptly = 500 * time.Millisecond

// Ends tells when the value ends. Its life counts from when WeCom made the answer:
// of one that was long on its way nobody knows how long ago that was, and so it
// counts from when it was asked for.
func (g Grant) Ends() time.Time {
	return g.ReceivedAt.Add(g.ExpiresIn - max(g.Took-promptly, 0))
}

// AccessToken fetches the access token of the app whose secret it is
// (gettoken, protocol notes 1.1). It fails with *Error; one for which
// DeadSecret is true must not be tried again with the same secret.
func (c *Client) AccessToken(ctx context.Context, corp core.CorpID, secret core.Secret) (Grant, error) {
	return c.grant(ctx, GetToken, url.Values{
		"corpid":     {string(corp)},
		"corpsecret": {secret.Expose()}, // WeCom wants it in the query
	})
}

// grant asks for a token or a ticket and checks it.
func (c *Client) grant(ctx context.Context, api API, query url.Values) (Grant, error) {
	answer, tries, err := c.ask(ctx, api, query)
	if err != nil {
		return Grant{}, err
	}
	received := c.now()
	value, life, cause := parseGrant(api, answer.body)
	if cause != nil {
		return Grant{}, unusable(api, cause, tries)
	}
	return Grant{Value: value, ExpiresIn: life, ReceivedAt: received, Took: answer.took, Tries: tries}, nil
}
