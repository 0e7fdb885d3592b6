package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
)

// demo is a demo tenant as it stands. What keeps it from signing is a word to
// the person at the terminal and no failure of dev: it may well be that
// person's own doing.
type demo struct {
	name  string
	key   string // of its app; "" where there is none, or it is not known
	page  string // that it signs, or would
	signs bool
	state string
}

func (d demo) curl(public string) string {
	return fmt.Sprintf("curl -sG %s/v1/signatures -d app=%s --data-urlencode 'url=%s'", public, d.key, d.page)
}

// seedDemo makes the owner, and the demo tenants unless an earlier run has: what
// became of those stays as it is. From the sign-in on it is a program like any
// other: it has the console's address and a password, and no door of its own.
// The demos come in the order of the notes.
func seedDemo(ctx context.Context, node *Server, n *notes) ([]demo, error) {
	_, err := node.rooms.identity.CreateOwner(ctx, n.OwnerEmail, core.NewSecret(n.OwnerPassword))
	switch {
	case err == nil: // the database is a new one, and the ids of a former mean nothing
		n.forgetIDs()
	case !fault.Has(err, fault.MemberExists):
		return nil, err
	}
	c := newConsoleClient("http://" + node.ConsoleAddr() + "/api/v1")
	refused := c.signIn(ctx, n)
	var demos []demo
	for i := range n.Tenants {
		note := &n.Tenants[i]
		d, err := demo{}, refused
		if err == nil {
			d, err = c.ensureDemo(ctx, note, "http://"+node.PublicAddr())
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			d = demo{name: note.Name, state: "is not ready: " + err.Error()}
		}
		demos = append(demos, d)
	}
	return demos, errors.Join(ctx.Err(), n.save())
}

// ensureDemo makes a tenant, its app and its domains as far as they are not
// there, and notes their ids; a page is then asked for at the public listener.
// What the notes name is looked at and not made again.
func (c *consoleClient) ensureDemo(ctx context.Context, note *demoNote, public string) (demo, error) {
	tenant, made, err := ensure(ctx, c, "/tenants", note.TenantID, map[string]any{"name": note.Name, "corpId": note.CorpID},
		func(t demoTenant) bool { return len(t.Corps) > 0 && t.Corps[0].CorpID == note.CorpID })
	if has(err, fault.TenantUnknown) {
		return demo{name: note.Name, state: "was deleted; `signet dev --fresh` begins anew"}, nil
	}
	if err != nil {
		return demo{}, err
	}
	note.TenantID = tenant.ID
	path := "/tenants/" + tenant.ID + "/apps"
	app, appMade, err := ensure(ctx, c, path, note.AppID, map[string]any{"name": note.App, "agentId": note.AgentID, "secret": note.Secret},
		func(a demoApp) bool { return a.AgentID == note.AgentID })
	if has(err, fault.AppUnknown) {
		return demo{name: tenant.Name, state: "has lost its app, which was deleted; `signet dev --fresh` begins anew"}, nil
	}
	if err != nil {
		return demo{}, err
	}
	path += "/" + app.ID + "/domains"
	if note.AppID == "" {
		for _, domain := range note.Domains {
			_, domainMade, err := ensure(ctx, c, path, "", map[string]any{"host": domain}, func(h demoHost) bool { return h.Host == domain })
			if err != nil {
				return demo{}, err
			}
			made = made || domainMade
		}
	}
	note.AppID = app.ID // last, so that a start cut short goes on where it was
	hosts, err := all[demoHost](ctx, c, path)
	if err != nil {
		return demo{}, err
	}
	d := demo{name: tenant.Name, key: app.Key}
	return d.look(ctx, public, hosts, made || appMade), nil
}

// look asks for a signature, as a page would.
func (d demo) look(ctx context.Context, public string, hosts []demoHost, made bool) demo {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[len(hosts)-1-i] = h.Host // the list has the newest first
	}
	first := demoDomain
	if len(names) > 0 && !slices.Contains(names, demoDomain) {
		first = strings.Replace(names[0], "*", "crm", 1)
	}
	d.page = "https://" + first + "/sidebar?customer=42"
	err := signOnce(ctx, newConsoleClient(public), d, made, len(hosts) > 0)
	switch {
	case err == nil:
		d.signs, d.state = true, "signs pages on "+strings.Join(names, " ")
	case len(hosts) == 0 && has(err, fault.URLUntrusted):
		d.state = "has no trusted domain yet"
	default:
		d.state = "does not sign: " + err.Error()
	}
	return d
}

// signOnce asks for one signature. What was made just now is in force when the
// change feed has brought it, at most two seconds later; everything else is
// asked for once, because asking again would mend none of it.
func signOnce(ctx context.Context, c *consoleClient, d demo, made, trusted bool) error {
	query := url.Values{"app": {d.key}, "url": {d.page}}
	var signed struct {
		Config struct {
			Signature string `json:"signature"`
		} `json:"config"`
	}
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for giveUp := time.After(feedPatience); ; {
		err := c.call(ctx, http.MethodGet, "/v1/signatures?"+query.Encode(), nil, &signed)
		underWay := made && (has(err, fault.AppUnknown) || has(err, fault.AppNotReady) || trusted && has(err, fault.URLUntrusted))
		if !underWay {
			return err
		}
		select {
		case <-every.C:
		case <-giveUp:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const feedPatience = 5 * time.Second

type demoTenant struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Corps []struct {
		CorpID string `json:"corpId"`
	} `json:"corps"`
}

type demoApp struct {
	ID      string `json:"id"`
	Key     string `json:"key"`
	AgentID string `json:"agentId"`
}

type demoHost struct {
	Host string `json:"host"`
}

// ensure gives the item with that id. Where no id is known it gives the oldest
// item of the list that is wanted, and makes it where there is none.
func ensure[T any](ctx context.Context, c *consoleClient, path, id string, body map[string]any, wanted func(T) bool) (item T, made bool, err error) {
	if id != "" {
		return item, false, c.call(ctx, http.MethodGet, path+"/"+id, nil, &item)
	}
	items, err := all[T](ctx, c, path)
	if err != nil {
		return item, false, err
	}
	for _, item := range slices.Backward(items) {
		if wanted(item) {
			return item, false, nil
		}
	}
	err = c.call(ctx, http.MethodPost, path, body, &item)
	return item, err == nil, err
}

// all reads a list to its end, the newest first.
func all[T any](ctx context.Context, c *consoleClient, path string) ([]T, error) {
	var items []T
	for query := "?limit=200"; ; {
		var page struct {
			Items      []T    `json:"items"`
			NextCursor string `json:"nextCursor"`
		}
		if err := c.call(ctx, http.MethodGet, path+query, nil, &page); err != nil {
			return nil, err
		}
		if items = append(items, page.Items...); page.NextCursor == "" {
			return items, nil
		}
		query = "?limit=200&cursor=" + url.QueryEscape(page.NextCursor)
	}
}

// consoleClient calls a listener over HTTP, as anybody's program would.
type consoleClient struct {
	base, token string
	http        *http.Client
}

func newConsoleClient(base string) *consoleClient {
	return &consoleClient{base: base, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// problem is what a listener answered instead of what was asked for: code and
// detail as in its documents.
type problem struct{ Code, Detail string }

// Error gives the sentence for people, which names the mend.
func (p problem) Error() string { return cmp.Or(p.Detail, p.Code, "no answer that can be read") }

func has(err error, code fault.Code) bool {
	var p problem
	return errors.As(err, &p) && p.Code == string(code)
}

func (c *consoleClient) signIn(ctx context.Context, n *notes) error {
	var session struct {
		AccessToken string `json:"accessToken"`
	}
	err := c.call(ctx, http.MethodPost, "/session", map[string]string{"email": n.OwnerEmail, "password": n.OwnerPassword}, &session)
	c.token = session.AccessToken
	return err
}

func (c *consoleClient) call(ctx context.Context, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var sent io.Reader
	if body != nil {
		content, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(content)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, sent)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept-Language", "en")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusBadRequest {
		var p problem
		_ = json.NewDecoder(response.Body).Decode(&p)
		return p
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
