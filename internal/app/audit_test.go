package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

func (n *node) verifyAudit(t *testing.T, ask app.AuditProof) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := app.VerifyAudit(t.Context(), n.cfg, ask, &out)
	return out.String(), err
}

// From the command line: an honest platform is fine, a damaged one is not, and a
// checkpoint that is none is an error.
func TestTheAuditIsVerifiedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept.jsonl")
	require.NoError(t, app.WriteCheckpoint(t.Context(), n.cfg, kept, io.Discard))
	require.ErrorContains(t, app.WriteCheckpoint(t.Context(), n.cfg, kept, io.Discard), "not overwritten")
	var text bytes.Buffer
	require.NoError(t, app.WriteCheckpoint(t.Context(), n.cfg, "-", &text))
	require.Contains(t, text.String(), "tenant:"+m.tenantID)

	said, err := n.verifyAudit(t, app.AuditProof{Checkpoints: []string{kept}})
	require.NoError(t, err, said)
	require.Contains(t, said, "nothing is bad: chains 2,")
	require.Contains(t, said, "rows that checkpoints name 2")
	require.Contains(t, said, "platform: rows 1 to 2 may be without a mac", "the owner, and the first root key")
	require.Equal(t, []string{"2"}, n.db.List(t, `SELECT count(*)::text FROM signet.platform_audit WHERE mac IS NULL`))
	require.Equal(t, []string{"0"}, n.db.List(t, `SELECT count(*)::text FROM signet.audit WHERE mac IS NULL`))

	spoilt := filepath.Join(dir, "spoilt.jsonl")
	require.NoError(t, os.WriteFile(spoilt, bytes.Replace(text.Bytes(), []byte(`"madeAt":"2`), []byte(`"madeAt":"1`), 1), 0o600))
	for _, file := range []string{spoilt, filepath.Join(dir, "none"), n.cfg.IdentityFile} {
		said, err = n.verifyAudit(t, app.AuditProof{Checkpoints: []string{file}})
		require.ErrorContains(t, err, file)
		require.NotContains(t, said, "nothing is bad")
	}
	other := startNode(t, wecomtest.Config{})
	said, err = other.verifyAudit(t, app.AuditProof{Checkpoints: []string{kept}})
	require.ErrorContains(t, err, "the platform does not have the key that signed it")
	require.Empty(t, said)

	n.db.Exec(t, `UPDATE signet.audit SET actor_name = 'nobody' WHERE seq = 2`)
	said, err = n.verifyAudit(t, app.AuditProof{})
	require.ErrorContains(t, err, "bad chains: 1 of 2")
	require.Contains(t, said, "BAD tenant:"+m.tenantID+": row 2 was changed")
	require.NotContains(t, said, "nothing is bad")
	tenant, err := core.ParseTenantID(m.tenantID)
	require.NoError(t, err)
	_, err = n.verifyAudit(t, app.AuditProof{Tenant: &tenant})
	require.ErrorContains(t, err, "bad chains: 1 of 1")

	require.NoError(t, app.RotateAuditKey(t.Context(), n.cfg, io.Discard))
	_, err = n.verifyAudit(t, app.AuditProof{Checkpoints: []string{kept}})
	require.ErrorContains(t, err, "bad chains: 1 of 2", "the checkpoint of the older key is accepted")
}

// A node gives the platform's chain to the log and all of them to the folder.
func TestANodeKeepsCheckpoints(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{})
	n.cfg.AuditCheckpointDir = t.TempDir()
	require.NoError(t, createOwner(t, n.cfg, ownerPassword))
	n.start(t)
	require.NoError(t, n.server.KeepCheckpoint(t.Context()))
	require.NoError(t, n.server.KeepCheckpoint(t.Context()))
	files, err := filepath.Glob(filepath.Join(n.cfg.AuditCheckpointDir, "signet-audit-*.jsonl"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	logged := ""
	for line := range strings.Lines(n.logs.String()) {
		var members struct{ Msg, Checkpoint string }
		if json.Unmarshal([]byte(line), &members) == nil && members.Msg == "audit checkpoint" {
			logged = members.Checkpoint
		}
	}
	fromLog := filepath.Join(t.TempDir(), "log.jsonl")
	require.NoError(t, os.WriteFile(fromLog, []byte(logged), 0o600))
	said, err := n.verifyAudit(t, app.AuditProof{Checkpoints: append(files, fromLog)})
	require.NoError(t, err)
	require.Contains(t, said, "rows that checkpoints name 1\n")
	n.cfg.AuditCheckpointDir = filepath.Join(n.cfg.AuditCheckpointDir, "gone")
	require.NoError(t, n.stop())
	n.start(t)
	require.ErrorContains(t, n.server.KeepCheckpoint(t.Context()), "SIGNET_AUDIT_CHECKPOINT_DIR")
}

// The export holds every row whole, in both forms, and its own reading where it is of
// another's audit.
func TestTheAuditIsExported(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "=1+1 客户", "ww1111111111111111", "1000002", crmHost)
	tenant, err := core.ParseTenantID(m.tenantID)
	require.NoError(t, err)
	path := "/tenants/" + m.tenantID + "/audit"

	lines := n.want(t, http.StatusOK, http.MethodGet, path+"/export", "")
	require.Equal(t, "application/jsonl", lines.header.Get("Content-Type"))
	require.Contains(t, lines.header.Get("Content-Disposition"), `attachment; filename="signet-audit-rows-`)
	var seqs []int64
	var last string
	for line := range strings.Lines(string(lines.body)) {
		var row struct {
			Chain, Action, Hash, Mac, MacKey, PreviousHash string
			Seq                                            int64
		}
		require.NoError(t, json.Unmarshal([]byte(line), &row))
		require.Equal(t, string(core.TenantChain(tenant)), row.Chain)
		require.Equal(t, last, row.PreviousHash)
		require.Len(t, row.Mac, 64)
		require.NotEmpty(t, row.MacKey)
		seqs, last = append(seqs, row.Seq), row.Hash
		if int64(len(seqs)) == row.Seq && row.Action == "audit.read" {
			require.Contains(t, line, `"what":"export"`)
			require.Contains(t, line, `"format":"jsonl"`)
		}
	}
	require.Greater(t, len(seqs), 3)
	require.Contains(t, string(lines.body), "audit.read", "an owner of the platform is no member of the tenant")

	for language, heading := range map[string]string{"en": "chain,number,time,action", "zh-CN": "链,序号,时间,操作"} {
		table := n.want(t, http.StatusOK, http.MethodGet, path+"/export?format=csv", "", "Accept-Language", language)
		require.True(t, strings.HasPrefix(string(table.body), "\ufeff"+heading), "%.60s", table.body)
		rows, err := core.ParseTable(string(table.body))
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(rows), len(seqs)+1)
		for i, row := range rows[1:] {
			require.Len(t, row, 15)
			require.Equal(t, string(core.TenantChain(tenant)), row[0])
			require.Equal(t, row[1], strings.TrimSpace(row[1]), i)
		}
	}
	none := n.want(t, http.StatusOK, http.MethodGet, path+"/export?to=2001-01-01T00:00:00Z", "")
	require.Empty(t, none.body)
	for _, query := range []string{"format=xlsx", "from=yesterday", "to=2001-01-01"} {
		require.Equal(t, http.StatusBadRequest, n.call(t, http.MethodGet, path+"/export?"+query, "").status, query)
	}

	kept := filepath.Join(t.TempDir(), "tenant.jsonl")
	require.NoError(t, os.WriteFile(kept, n.want(t, http.StatusOK, http.MethodGet, path+"/checkpoint", "").body, 0o600))
	said, err := n.verifyAudit(t, app.AuditProof{Checkpoints: []string{kept}})
	require.NoError(t, err)
	require.Contains(t, said, "rows that checkpoints name 1\n")

	platform := n.want(t, http.StatusOK, http.MethodGet, "/audit?limit=1", "").json(t)["items"].([]any)
	require.Len(t, platform, 1)
	require.Contains(t, string(n.want(t, http.StatusOK, http.MethodGet, "/audit/export", "").body), `"action":"session.create"`)

	// What cannot be recorded is not given out.
	n.db.Exec(t, `CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$`)
	n.db.Exec(t, `CREATE TRIGGER full_disk BEFORE INSERT ON signet.audit FOR EACH ROW EXECUTE FUNCTION public.full_disk()`)
	n.db.Exec(t, `CREATE TRIGGER full_disk BEFORE INSERT ON signet.platform_audit FOR EACH ROW EXECUTE FUNCTION public.full_disk()`)
	for _, at := range []string{"", "/export", "/checkpoint"} {
		a := n.call(t, http.MethodGet, path+at, "")
		require.Equal(t, http.StatusServiceUnavailable, a.status)
		require.NotContains(t, string(a.body), "app.create")
	}
}
