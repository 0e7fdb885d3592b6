package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
)

// demoResult is a demo tenant as it stands.
type demoResult struct {
	name, key, state string
}

const demoPage = "https://" + demoDomain + "/sidebar?customer=42"

func (d demoResult) curl(public string) string {
	return fmt.Sprintf("curl -sG %s/v1/signatures -d app=%s --data-urlencode 'url=%s'", public, d.key, demoPage)
}

// seedDemo makes the owner and the demo tenants where they are not there yet.
// From the sign-in on it is a program like any other: it has the console's
// address and a password, and no door of its own.
func seedDemo(ctx context.Context, node *Server, n *notes, _ string) ([]demoResult, error) {
	_, err := node.rooms.identity.CreateOwner(ctx, n.OwnerEmail, core.NewSecret(n.OwnerPassword))
	if err != nil && !fault.Has(err, fault.MemberExists) {
		return nil, err
	}
	c := newConsoleClient("http://" + node.ConsoleAddr() + "/api/v1")
	var session struct {
		AccessToken string `json:"accessToken"`
	}
	if err := c.call(ctx, http.MethodPost, "/session", map[string]string{"email": n.OwnerEmail, "password": n.OwnerPassword}, &session); err != nil {
		return nil, err
	}
	c.token = session.AccessToken
	var made []demoResult
	for _, d := range n.Tenants {
		one, err := c.ensureTenant(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Name, err)
		}
		made = append(made, one)
	}
	return made, signOnce(ctx, "http://"+node.PublicAddr(), made[0])
}

// signOnce asks for the first signature as a page would, so that the demo
// tenant is one that signs already.
func signOnce(ctx context.Context, public string, d demoResult) error {
	c := newConsoleClient(public)
	query := url.Values{"app": {d.key}, "url": {demoPage}}
	var signed struct {
		Config struct {
			Signature string `json:"signature"`
		} `json:"config"`
	}
	// What was just made is in force when the change feed has brought it, at most
	// two seconds later.
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for giveUp := time.After(feedPatience); ; {
		err := c.call(ctx, http.MethodGet, "/v1/signatures?"+query.Encode(), nil, &signed)
		if err == nil {
			return nil
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

type listOf[T any] struct {
	Items []T `json:"items"`
}

// ensureTenant makes a tenant, its app and its domains, as far as they are not
// there.
func (c *consoleClient) ensureTenant(ctx context.Context, d demoNote) (demoResult, error) {
	tenant, err := ensure(ctx, c, "/tenants", map[string]any{"name": d.Name, "corpId": d.CorpID},
		func(t demoTenant) bool { return len(t.Corps) > 0 && t.Corps[0].CorpID == d.CorpID })
	if err != nil {
		return demoResult{}, err
	}
	path := "/tenants/" + tenant.ID + "/apps"
	app, err := ensure(ctx, c, path, map[string]any{"name": d.App, "agentId": d.AgentID, "secret": d.Secret},
		func(a demoApp) bool { return a.AgentID == d.AgentID })
	if err != nil {
		return demoResult{}, err
	}
	state := "signs pages on"
	for _, domain := range d.Domains {
		if _, err := ensure(ctx, c, path+"/"+app.ID+"/domains", map[string]any{"host": domain},
			func(h demoHost) bool { return h.Host == domain }); err != nil {
			return demoResult{}, err
		}
		state += " " + domain
	}
	if len(d.Domains) == 0 {
		state = "has no trusted domain yet"
	}
	return demoResult{name: d.Name, key: app.Key, state: state}, nil
}

// ensure gives the item of a list that is wanted, and makes it where it is not.
func ensure[T any](ctx context.Context, c *consoleClient, path string, body map[string]any, wanted func(T) bool) (T, error) {
	var list listOf[T]
	var made T
	if err := c.call(ctx, http.MethodGet, path+"?limit=200", nil, &list); err != nil {
		return made, err
	}
	for _, item := range list.Items {
		if wanted(item) {
			return item, nil
		}
	}
	return made, c.call(ctx, http.MethodPost, path, body, &made)
}

// consoleClient calls a listener over HTTP, as anybody's program would.
type consoleClient struct {
	base, token string
	http        *http.Client
}

func newConsoleClient(base string) *consoleClient {
	return &consoleClient{base: base, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
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
		var problem struct{ Code, Detail string }
		_ = json.NewDecoder(response.Body).Decode(&problem)
		return errors.New(problem.Code + ": " + problem.Detail)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
