package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// recomputed gives the hash of a row as an auditor computes it who has the
// description in audit.go and not the code.
func recomputed(chain string, r core.AuditRow) []byte {
	detail, err := json.Marshal(r.Detail)
	if err != nil {
		return nil
	}
	var text []byte
	for _, part := range []string{"signet audit 1", chain, string(r.PreviousHash), fmt.Sprint(r.Seq), r.At.UTC().Format(time.RFC3339Nano), string(r.ActorKind),
		r.ActorID, r.ActorName, r.Action, r.SubjectKind, r.Subject, string(detail), r.RequestID} {
		text = append(binary.BigEndian.AppendUint64(text, uint64(len(part))), part...)
	}
	hash := sha256.Sum256(text)
	return hash[:]
}

func auditOf(t *testing.T, st *store.Store, tenant core.TenantID) (rows []core.AuditRow) {
	t.Helper()
	page := core.Page{Limit: 7}
	for {
		var list core.List[core.AuditRow]
		onTenant(t, st, tenant, func(ctx context.Context, tx *store.TenantTx) (err error) {
			list, err = tx.ListAudit(ctx, page)
			return err
		})
		rows = append(rows, list.Items...)
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			slices.Reverse(rows)
			return rows
		}
	}
}

func TestAuditIsOneChainThatCanBeRecomputed(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		member := core.Actor{Kind: core.ActorMember, MemberID: r.Member, Name: "a@example.com", RequestID: "req-1"}
		entries := []core.AuditEntry{
			{Action: "app.create", SubjectKind: "app", Subject: r.App.ID.String(), Detail: map[string]string{"name": "<客户> & \"quotes\" \u2028", "a": "", "z": "2"}},
			{Action: "", SubjectKind: "", Subject: ""},
		}
		for _, e := range entries {
			require.NoError(t, st.Tenant(t.Context(), member, r.ID, func(tx *store.TenantTx) error { return tx.Audit(t.Context(), e) }))
		}
		rows := auditOf(t, st, r.ID)
		require.Len(t, rows, 3)
		require.Equal(t, entries[0], rows[1].AuditEntry)
		require.Equal(t, []string{r.Member.String(), "a@example.com", "req-1", "member"}, []string{rows[1].ActorID, rows[1].ActorName, rows[1].RequestID, string(rows[1].ActorKind)})
		require.Equal(t, "system", string(rows[0].ActorKind))
		require.Empty(t, rows[0].ActorID)
		requireChain(t, "tenant:"+r.ID.String(), rows)

		// Any change of a row breaks the chain from there on.
		db.Exec(t, `UPDATE signet.audit SET detail = '{"name": "another"}' WHERE seq = 2`)
		rows = auditOf(t, st, r.ID)
		require.NotEqual(t, recomputed("tenant:"+r.ID.String(), rows[1]), rows[1].Hash)
	})
}

func requireChain(t *testing.T, chain string, rows []core.AuditRow) {
	t.Helper()
	var last []byte
	for i, row := range rows {
		require.EqualValues(t, i+1, row.Seq)
		require.Equal(t, append([]byte{}, last...), append([]byte{}, row.PreviousHash...))
		require.Equal(t, recomputed(chain, row), row.Hash, "row %d", row.Seq)
		last = row.Hash
	}
}

func TestWritersOfOneChainNumberItWithoutAGap(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		tenant := core.NewTenantID() // a chain needs no tenant: it outlives it
		var group errgroup.Group
		group.SetLimit(16)
		for i := range 60 {
			group.Go(func() error {
				err := st.Tenant(t.Context(), someone, tenant, func(tx *store.TenantTx) error {
					if err := tx.Audit(t.Context(), core.AuditEntry{Action: "test", Subject: fmt.Sprint(i)}); err != nil {
						return err
					}
					if i%3 == 0 {
						return errRefused
					}
					return nil
				})
				if i%3 == 0 {
					return nil
				}
				return err
			})
			group.Go(func() error {
				return st.Platform(t.Context(), someone, func(tx *store.PlatformTx) error {
					return tx.Audit(t.Context(), core.AuditEntry{Action: "test", Subject: fmt.Sprint(i)})
				})
			})
		}
		require.NoError(t, group.Wait())
		rows := auditOf(t, st, tenant)
		require.Len(t, rows, 40)
		requireChain(t, "tenant:"+tenant.String(), rows)
		requirePlatformChain(t, db, 60)
	})
}

// requirePlatformChain recomputes the platform's chain, which nothing lists yet.
func requirePlatformChain(t *testing.T, db storetest.DB, length int) {
	t.Helper()
	lines := db.List(t, `
SELECT jsonb_build_object('Seq', seq, 'At', at, 'ActorKind', actor_kind, 'ActorID', coalesce(actor_id::text, ''), 'ActorName', actor_name, 'Action', action,
    'SubjectKind', subject_kind, 'Subject', subject, 'Detail', detail, 'RequestID', request_id,
    'PreviousHash', encode(previous_hash, 'base64'), 'Hash', encode(hash, 'base64'))::text FROM signet.platform_audit ORDER BY seq`)
	var rows []core.AuditRow
	for _, line := range lines {
		var row core.AuditRow
		require.NoError(t, json.Unmarshal([]byte(line), &row))
		rows = append(rows, row)
	}
	require.Len(t, rows, length)
	requireChain(t, "platform", rows)
	require.Equal(t, []string{fmt.Sprintf("%d %s", length, hex.EncodeToString(rows[length-1].Hash))},
		db.List(t, `SELECT seq || ' ' || encode(hash, 'hex') FROM signet.platform_audit_head`))
}

func TestChangeThatCannotBeAuditedDoesNotHappen(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		db.Exec(t, `
CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON signet.audit FOR EACH ROW EXECUTE FUNCTION public.full_disk();
CREATE TRIGGER full_disk BEFORE INSERT ON signet.platform_audit FOR EACH ROW EXECUTE FUNCTION public.full_disk()`)
		before := rowsOf(t, db, r.ID)
		feed := reading{st: st}
		feed.next(t)
		err := st.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) error {
			return steps(
				func() error { return tx.UpdateTenant(t.Context(), "changed", core.Suspended) },
				func() error { _, err := tx.CreateSecret(t.Context(), secretOf(r.App.ID, 2, "x")); return err },
				func() error { return tx.Announce(t.Context(), store.Change{Kind: store.TenantChanged}) },
				func() error { return tx.Audit(t.Context(), core.AuditEntry{Action: "tenant.update"}) },
			)
		})
		require.Equal(t, "store.unavailable", string(codeOf(err)))
		require.Equal(t, before, rowsOf(t, db, r.ID))
		require.Empty(t, feed.next(t))
		err = st.Platform(t.Context(), someone, func(tx *store.PlatformTx) error {
			return steps(
				func() error { _, err := tx.UnbindLegacyHost(t.Context(), r.Legacy); return err },
				func() error { return tx.Audit(t.Context(), core.AuditEntry{Action: "legacy_host.unbind"}) },
			)
		})
		require.Equal(t, "store.unavailable", string(codeOf(err)))
		require.Equal(t, before, rowsOf(t, db, r.ID))
	})
}
