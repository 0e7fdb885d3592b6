package app

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"

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
}

// demoNote is one demo tenant, as the fake WeCom knows it.
type demoNote struct {
	Name    string   `json:"name"`
	CorpID  string   `json:"corpId"`
	AgentID string   `json:"agentId"`
	App     string   `json:"app"`
	Secret  string   `json:"secret"`
	Domains []string `json:"domains"` // in the console; WeCom knows weComDomains
}

// demoDomain is the trusted domain of the demo tenant that signs already.
const demoDomain = "crm.example.com"

func (d demoNote) weComApp() wecomtest.App {
	return wecomtest.App{
		Corp: core.CorpID(d.CorpID), Agent: core.AgentID(d.AgentID), Name: d.App, Secret: d.Secret,
		Domains: []string{demoDomain},
	}
}

func (n *notes) demoTenants() []demoNote { return n.Tenants }

// readNotes reads the notes of an earlier run, or draws new ones.
func readNotes(path string) (*notes, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return drawNotes(path)
	}
	if err != nil {
		return nil, err
	}
	var n notes
	if err := json.Unmarshal(content, &n); err != nil || len(n.Tenants) < 2 {
		return nil, fmt.Errorf("%s is damaged; `signet dev --fresh` begins anew", path)
	}
	return &n, nil
}

func drawNotes(path string) (*notes, error) {
	n := &notes{
		OwnerEmail: "owner@signet.localhost", OwnerPassword: rand.Text(), DatabasePassword: rand.Text(), WeComSeed: rand.Text(),
		Tenants: []demoNote{
			{Name: "蓝湖科技（演示）", CorpID: "ww" + drawHex(16), AgentID: "1000002", App: "客户侧边栏", Secret: drawSecret(), Domains: []string{demoDomain}},
			{Name: "北辰物流（演示）", CorpID: "ww" + drawHex(16), AgentID: "1000003", App: "售后侧边栏", Secret: drawSecret()},
		},
	}
	content, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return nil, err
	}
	return n, os.WriteFile(path, append(content, '\n'), 0o600)
}

func drawHex(digits int) string {
	raw := make([]byte, digits/2)
	_, _ = rand.Read(raw)
	return fmt.Sprintf("%x", raw)
}

// drawSecret makes a secret of WeCom's form: 43 letters and digits.
func drawSecret() string { return (rand.Text() + rand.Text())[:43] }
