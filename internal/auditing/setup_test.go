package auditing_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/auditing"
	"signet/internal/core"
	"signet/internal/store"
)

var someone = core.Actor{Kind: core.ActorMember, MemberID: core.NewMemberID(), Name: "a@test.example", RequestID: "request"}

// site is a House with a chain of so many rows, all vouched for.
type site struct {
	*apptest.House
	tenant core.TenantID
}

func setup(t *testing.T, rows int) site {
	t.Helper()
	s := site{apptest.New(t, apptest.Config{}), core.NewTenantID()}
	s.write(t, s.tenant, rows)
	return s
}

// write appends rows to a tenant's chain, in one transaction.
func (s site) write(t *testing.T, tenant core.TenantID, rows int) {
	t.Helper()
	require.NoError(t, s.Store.Tenant(t.Context(), someone, tenant, func(tx *store.TenantTx) error {
		for n := range rows {
			entry := core.AuditEntry{Action: "app.update", SubjectKind: "app", Subject: fmt.Sprint(n), Detail: map[string]string{"name": "应用", "empty": ""}}
			if err := tx.Audit(t.Context(), entry); err != nil {
				return err
			}
		}
		return nil
	}))
}

// bad proves every chain and gives what is wrong, in words.
func (s site) bad(t *testing.T, marks ...auditing.Marks) []string {
	t.Helper()
	report := s.report(t, marks...)
	list := []string{}
	for _, b := range report.Bad {
		list = append(list, fmt.Sprintf("%s %d %s", b.Chain, b.Seq, b.Wrong))
	}
	return list
}

func (s site) report(t *testing.T, marks ...auditing.Marks) auditing.Report {
	t.Helper()
	proof := auditing.Proof{Store: s.Store, Keys: s.keys(t)}
	if len(marks) > 0 {
		proof.Marks = marks[0]
	}
	report, err := auditing.Verify(t.Context(), proof)
	require.NoError(t, err)
	return report
}

func (s site) name(seq int, wrong auditing.Wrong) []string {
	return []string{fmt.Sprintf("%s %d %s", core.TenantChain(s.tenant), seq, wrong)}
}

// keys opens the keys as another process does.
func (s site) keys(t *testing.T) *auditing.Keys {
	t.Helper()
	return s.Keys(t).Audit
}

// checkpoint is one of every chain as it is.
func (s site) checkpoint(t *testing.T) auditing.Marks {
	t.Helper()
	heads, err := auditing.ReadHeads(context.Background(), s.Store)
	require.NoError(t, err)
	c, err := auditing.ParseCheckpoint(s.keys(t).Checkpoint(heads, time.Now()))
	require.NoError(t, err)
	marks := auditing.Marks{}
	require.NoError(t, marks.Add("kept elsewhere", c))
	return marks
}

// rewrite computes hashes anew from a row on, as somebody does who has the database and
// this code and no key; macs stay, or are taken away. It leaves the head in order.
func (s site) rewrite(t *testing.T, from int64, keepMACs bool) {
	t.Helper()
	chain := core.TenantChain(s.tenant)
	var rows []core.AuditRow
	require.NoError(t, s.Store.Tenant(t.Context(), someone, s.tenant, func(tx *store.TenantTx) (err error) {
		rows, err = tx.ReadAudit(t.Context(), store.AuditSpan{Until: 1 << 40}, 1<<20)
		return err
	}))
	var last []byte
	for _, row := range rows {
		if row.Seq >= from {
			row.PreviousHash = last
			if last == nil {
				row.PreviousHash = []byte{}
			}
			row.Hash = row.HashIn(chain)
			s.DB.Exec(t, `UPDATE signet.audit SET previous_hash = $3, hash = $4 WHERE tenant_id = $1 AND seq = $2`, s.tenant.String(), row.Seq, row.PreviousHash, row.Hash)
		}
		last = row.Hash
	}
	if !keepMACs {
		s.DB.Exec(t, `UPDATE signet.audit SET mac = NULL, mac_key = NULL WHERE tenant_id = $1`, s.tenant.String())
	}
	s.DB.Exec(t, `UPDATE signet.audit_heads SET hash = $2, seq = $3 WHERE tenant_id = $1`, s.tenant.String(), last, rows[len(rows)-1].Seq)
}

// apptestNew is a House whose first node has not run yet.
func apptestNew(t *testing.T) *apptest.House {
	t.Helper()
	return apptest.New(t, apptest.Config{NoAuditKey: true})
}

// rewriteHeadless makes a chain of rows that somebody put there, with its head.
func (s site) rewriteHeadless(t *testing.T) {
	t.Helper()
	s.DB.Exec(t, `INSERT INTO signet.audit_heads VALUES ($1, 0, '')`, s.tenant.String())
	s.rewrite(t, 1, false)
}

// rehash gives a row the hash of what it holds.
func (s site) rehash(t *testing.T, seq int64) {
	t.Helper()
	var rows []core.AuditRow
	require.NoError(t, s.Store.Tenant(t.Context(), someone, s.tenant, func(tx *store.TenantTx) (err error) {
		rows, err = tx.ReadAudit(t.Context(), store.AuditSpan{After: seq - 1, Until: seq}, 1)
		return err
	}))
	s.DB.Exec(t, `UPDATE signet.audit SET hash = $3 WHERE tenant_id = $1 AND seq = $2`, s.tenant.String(), seq, rows[0].HashIn(core.TenantChain(s.tenant)))
}
