package chaos_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/custody"
	"signet/internal/seal"
)

const (
	provedRows   = 100_000
	exportedRows = 1_000_000
)

// TestFiguresOfAudit measures the proof of a long chain by the built binary, and the
// export of a longer one from a node, each with the most memory that its process had.
func TestFiguresOfAudit(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures (make bench)")
	}
	c := startCluster(t, plan{nodes: 1})
	c.writeChain(t, c.warm[0].tenantID, provedRows)
	took, peak := c.proveAudit(t)
	table := []apptest.Figure{
		{Name: fmt.Sprintf("`signet audit verify` over %d rows", provedRows), Value: took.Seconds(), Bound: 30, Unit: " s"},
		{Name: "the most memory that it had", Value: peak, Bound: 256, Unit: " MiB"},
	}
	c.writeLongAudit(t, c.warm[3].tenantID, exportedRows)
	before := c.nodes[0].peak(t)
	for _, format := range []string{"jsonl", "csv"} {
		took, size := c.exportAudit(t, c.warm[3].tenantID, format)
		table = append(table, apptest.Figure{Name: fmt.Sprintf("export of %d rows as %s, %d MB", exportedRows, format, size/1_000_000), Value: took.Seconds(), Bound: 120, Unit: " s"})
	}
	table = append(table, apptest.Figure{Name: fmt.Sprintf("the most memory that the node had meanwhile, above the %.0f MiB before", before), Value: c.nodes[0].peak(t) - before, Bound: 64, Unit: " MiB"})
	rows := apptest.FigureTable(table)
	fmt.Println(rows)
	if *writeTable != "" {
		apptest.WriteSection(t, *writeTable, "The audit", "The built binary; the export over the console's API, read as fast as it comes. Written by `make bench WRITE=1`.\n\n"+apptest.Machine()+rows)
	}
}

// writeChain makes a tenant's chain longer by so many rows, each with its hash and its
// mac, as the nodes would have written them.
func (c *cluster) writeChain(t *testing.T, tenantID string, count int) {
	t.Helper()
	master, err := seal.ReadMaster(c.identityFile(t))
	require.NoError(t, err)
	keys, err := custody.Read(t.Context(), custody.Config{Store: c.postgres.Open(t), Master: master})
	require.NoError(t, err)
	tenant, err := core.ParseTenantID(tenantID)
	require.NoError(t, err)
	chain := core.TenantChain(tenant)
	last := core.AuditRow{}
	head := c.postgres.List(t, `SELECT seq || ' ' || encode(hash, 'hex') FROM signet.audit_heads WHERE tenant_id = $1`, tenantID)[0]
	_, err = fmt.Sscanf(head, "%d %x", &last.Seq, &last.Hash)
	require.NoError(t, err)
	begun := time.Now().UTC().Truncate(time.Microsecond)
	rows := make([][]any, count)
	for i := range rows {
		row := core.AuditRow{
			Seq: last.Seq + 1, At: begun.Add(time.Duration(i) * time.Microsecond), ActorKind: core.ActorSystem, ActorName: "test",
			AuditEntry: core.AuditEntry{Action: "domain.create", SubjectKind: "app", Subject: tenantID, Detail: map[string]string{"host": fmt.Sprintf("h%d.example.com", i)}},
			RequestID:  "request-of-a-figure", PreviousHash: last.Hash,
		}
		row.Hash = row.HashIn(chain)
		row.MAC, row.MACKey, err = keys.Audit.Vouch(chain, row.Hash)
		require.NoError(t, err)
		rows[i] = []any{tenant.UUID, row.Seq, row.At, string(row.ActorKind), row.ActorName, row.Action, row.SubjectKind, row.Subject, row.Detail, row.RequestID, row.PreviousHash, row.Hash, row.MAC, row.MACKey}
		last = row
	}
	c.postgres.Copy(t, "signet.audit", []string{"tenant_id", "seq", "at", "actor_kind", "actor_name", "action", "subject_kind", "subject", "detail", "request_id", "previous_hash", "hash", "mac", "mac_key"}, rows)
	c.postgres.Exec(t, `UPDATE signet.audit_heads SET seq = $2, hash = $3 WHERE tenant_id = $1`, tenantID, last.Seq, last.Hash)
}

// writeLongAudit makes a tenant's audit longer by so many rows that nobody will prove.
func (c *cluster) writeLongAudit(t *testing.T, tenantID string, count int) {
	t.Helper()
	c.postgres.Exec(t, `
INSERT INTO signet.audit (tenant_id, seq, at, actor_kind, actor_name, action, subject_kind, subject, detail, request_id, previous_hash, hash)
SELECT tenant_id, h.seq + i, now(), 'system', 'test', 'domain.create', 'app', tenant_id::text, jsonb_build_object('host', 'h' || i || '.example.com'), 'request-of-a-figure', h.hash, h.hash
FROM signet.audit_heads h, generate_series(1, $2::int) i WHERE tenant_id = $1`, tenantID, count)
	c.postgres.Exec(t, `UPDATE signet.audit_heads SET seq = seq + $2 WHERE tenant_id = $1`, tenantID, count)
	c.postgres.Exec(t, `VACUUM ANALYZE signet.audit`)
}

func (c *cluster) identityFile(t *testing.T) string {
	t.Helper()
	for _, pair := range c.env {
		if path, ok := strings.CutPrefix(pair, "SIGNET_IDENTITY_FILE="); ok {
			return path
		}
	}
	t.Fatal("no identity")
	return ""
}

// proveAudit runs the command, and gives how long it took and the most memory it had,
// in MiB.
func (c *cluster) proveAudit(t *testing.T) (took time.Duration, peak float64) {
	t.Helper()
	binary, err := builtBinary()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), binary, "audit", "verify")
	cmd.Env = c.direct()
	begun := time.Now()
	said, err := cmd.CombinedOutput()
	took = time.Since(begun)
	require.NoError(t, err, string(said))
	require.Contains(t, string(said), "nothing is bad")
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	require.True(t, ok)
	return took, float64(usage.Maxrss) / 1024
}

// exportAudit reads a whole export, and gives how long it took and its bytes.
func (c *cluster) exportAudit(t *testing.T, tenantID, format string) (took time.Duration, size int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.nodes[0].at.Load().console+"/tenants/"+tenantID+"/audit/export?format="+format, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+c.token)
	begun := time.Now()
	response, err := once.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	lines, buffer := 0, make([]byte, 64<<10)
	for {
		n, err := response.Body.Read(buffer)
		lines, size = lines+bytes.Count(buffer[:n], []byte("\n")), size+int64(n)
		if err != nil {
			break
		}
	}
	require.GreaterOrEqual(t, lines, exportedRows, "the export was cut short")
	return time.Since(begun), size
}

// peak is the most memory that the process of a node has had, in MiB.
func (n *node) peak(t *testing.T) float64 {
	t.Helper()
	n.mu.Lock()
	pid := n.cmd.Process.Pid
	n.mu.Unlock()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "VmHWM:")
	require.True(t, found)
	var kib float64
	_, err = fmt.Sscan(rest, &kib)
	require.NoError(t, err)
	return kib / 1024
}
