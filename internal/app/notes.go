package app

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

// notesName is the file in which `signet dev` keeps what it drew, 0600.
const notesName = "dev.json"

// notes is what must be the same after a restart. All of it was drawn at
// random on this machine; nothing here is a default.
type notes struct {
	OwnerEmail       string     `json:"ownerEmail"`
	OwnerPassword    string     `json:"ownerPassword"`
	DatabasePassword string     `json:"databasePassword"`
	WeComSeed        string     `json:"weComSeed"`
	Tenants          []demoNote `json:"tenants"`

	path string // of the file
}

// demoNote is one demo tenant, as the fake WeCom knows it, and by which ids the
// console does. AppID stands only where the domains were made too; notes of an
// earlier version have no ids.
type demoNote struct {
	Name    string   `json:"name"`
	CorpID  string   `json:"corpId"`
	AgentID string   `json:"agentId"`
	App     string   `json:"app"`
	Secret  string   `json:"secret"`
	Domains []string `json:"domains"` // in the console, to begin with; weComApp says what WeCom knows

	TenantID string `json:"tenantId,omitempty"`
	AppID    string `json:"appId,omitempty"`
}

// demoDomain is the trusted domain of the demo tenant that signs already.
const demoDomain = "crm.example.com"

func (d demoNote) weComApp() wecomtest.App {
	return wecomtest.App{
		Corp: core.CorpID(d.CorpID), Agent: core.AgentID(d.AgentID), Name: d.App, Secret: d.Secret,
		Domains: []string{demoDomain},
	}
}

// setUp lets the fake WeCom know the demo apps. One that it knows already, by
// whichever secret, stays as somebody has changed it.
func (n *notes) setUp(fake *wecomtest.Server) {
	known := fake.Apps()
	for _, tenant := range n.Tenants {
		app := tenant.weComApp()
		if !slices.ContainsFunc(known, func(k wecomtest.App) bool { return k.Corp == app.Corp && k.Agent == app.Agent }) {
			fake.AddApp(app)
		}
	}
}

func (n *notes) forgetIDs() {
	for i := range n.Tenants {
		n.Tenants[i].TenantID, n.Tenants[i].AppID = "", ""
	}
}

// readNotes reads the notes of an earlier run, or draws new ones.
func readNotes(path string) (*notes, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return drawNotes(path)
	}
	if err != nil {
		return nil, err
	}
	n := notes{path: path}
	if err := json.Unmarshal(content, &n); err != nil || len(n.Tenants) < 2 {
		return nil, fmt.Errorf("%s is damaged; `signet dev --fresh` begins anew", path)
	}
	return &n, nil
}

func drawNotes(path string) (*notes, error) {
	n := &notes{
		path:       path,
		OwnerEmail: "owner@signet.localhost", OwnerPassword: rand.Text(), DatabasePassword: rand.Text(), WeComSeed: rand.Text(),
		Tenants: []demoNote{
			{Name: "蓝湖科技（演示）", CorpID: "ww" + drawHex(16), AgentID: "1000002", App: "客户侧边栏", Secret: drawSecret(), Domains: []string{demoDomain}},
			{Name: "北辰物流（演示）", CorpID: "ww" + drawHex(16), AgentID: "1000003", App: "售后侧边栏", Secret: drawSecret()},
		},
	}
	return n, n.save()
}

// save writes the notes, whole or not at all.
func (n *notes) save() error {
	content, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(n.path), "."+notesName+"-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(next.Name()) }()
	_, err = next.Write(append(content, '\n'))
	if err = errors.Join(err, next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), n.path)
}

func drawHex(digits int) string {
	raw := make([]byte, digits/2)
	_, _ = rand.Read(raw)
	return fmt.Sprintf("%x", raw)
}

// drawSecret makes a secret of WeCom's form: 43 letters and digits.
func drawSecret() string { return (rand.Text() + rand.Text())[:43] }
