package identity

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// makeKey makes a tenant with an API key.
func (h *house) makeKey(t testing.TB) (core.TenantID, core.APIKeyToken) {
	t.Helper()
	tenant := core.NewTenantID()
	token := core.NewAPIKeyToken(tenant, core.NewAPIKeyID())
	key := core.APIKey{ID: token.Key, Name: "夜间同步", Prefix: token.Shown(), Scopes: []core.Permission{core.AppsWrite, core.TenantRead}}
	h.within(t, tenant, func(ctx context.Context, tx *store.TenantTx) error {
		if err := tx.CreateTenant(ctx, "蓝湖科技"); err != nil {
			return err
		}
		_, err := tx.CreateAPIKey(ctx, store.NewAPIKey{APIKey: key, Hash: token.Hash(), SignHash: token.SignHash(), Life: time.Hour})
		return err
	})
	return tenant, token
}

func (h *house) within(t testing.TB, tenant core.TenantID, work func(context.Context, *store.TenantTx) error) {
	t.Helper()
	require.NoError(t, h.store.Tenant(t.Context(), core.System("test"), tenant, func(tx *store.TenantTx) error { return work(t.Context(), tx) }))
}

func TestAnAPIKeyActsInItsTenant(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tenant, token := h.makeKey(t)
	actor, err := h.AuthenticateAPIKey(t.Context(), office, token, "req-1")
	require.NoError(t, err)
	require.Equal(t, core.ActorAPIKey, actor.Kind)
	require.Equal(t, []string{token.Key.String(), "夜间同步", "req-1"}, []string{actor.ID(), actor.Name, actor.RequestID})
	require.NoError(t, actor.MayIn(tenant, core.AppsWrite))
	require.True(t, fault.Has(actor.MayIn(tenant, core.SecretsWrite), fault.PermissionDenied))
	require.True(t, fault.Has(actor.MayIn(core.NewTenantID(), core.AppsWrite), fault.TenantUnknown))

	used := `SELECT last_used_network || ' ' || (last_used_at = date_trunc('minute', last_used_at))::text FROM signet.api_keys`
	require.Equal(t, []string{office.String() + " true"}, h.texts(t, used))
	_, err = h.AuthenticateAPIKey(t.Context(), network(7), token, "req-2")
	require.NoError(t, err)
	require.Equal(t, []string{office.String() + " true"}, h.texts(t, used), "it is written once a minute")
	h.damage(t, `UPDATE signet.api_keys SET last_used_at = last_used_at - interval '2 minutes'`)
	_, err = h.AuthenticateAPIKey(t.Context(), network(7), token, "req-3")
	require.NoError(t, err)
	require.Equal(t, []string{network(7).String() + " true"}, h.texts(t, used))
}

// Who holds the row, or a row that cannot be written, is in nobody's way.
func TestTheUseOfAKeyWaitsForNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tenant, token := h.makeKey(t)
	h.within(t, tenant, func(ctx context.Context, tx *store.TenantTx) error {
		if err := tx.RevokeAPIKey(ctx, token.Key); err != nil { // holds it, and is not seen yet
			return err
		}
		_, err := h.AuthenticateAPIKey(ctx, office, token, "")
		require.NoError(t, err)
		return nil
	})
	_, err := h.AuthenticateAPIKey(t.Context(), office, token, "")
	require.True(t, fault.Has(err, fault.SessionRequired))

	// The statement itself waits for nobody, and writes once a minute.
	tenant, other := h.makeKey(t)
	use := func(client string) {
		h.within(t, tenant, func(ctx context.Context, tx *store.TenantTx) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return tx.UseAPIKey(ctx, other.Key, time.Now(), client)
		})
	}
	h.within(t, tenant, func(ctx context.Context, tx *store.TenantTx) error {
		_, err := tx.ReplaceAPIKey(ctx, other.Key, core.NewAPIKeyID(), time.Hour)
		use("held by another")
		return err
	})
	use("first")
	use("second")
	require.Equal(t, []string{"first"}, h.texts(t, `SELECT last_used_network FROM signet.api_keys WHERE tenant_id = '`+tenant.String()+`'`))

	_, other = h.makeKey(t)
	h.rule(t, `REVOKE UPDATE ON signet.api_keys FROM signet_app`)
	h.rule(t, `REVOKE UPDATE (last_used_at, last_used_network) ON signet.api_keys FROM signet_app`)
	_, err = h.AuthenticateAPIKey(t.Context(), office, other, "")
	require.NoError(t, err)
}

// Whatever is wrong with a key is answered in the same words.
func TestAKeyThatIsNotGoodIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tenant, token := h.makeKey(t)
	elsewhere, foreign := h.makeKey(t)
	moved := foreign
	moved.Tenant = tenant
	for name, wrong := range map[string]core.APIKeyToken{
		"guessed": core.NewAPIKeyToken(tenant, token.Key), "unknown": core.NewAPIKeyToken(tenant, core.NewAPIKeyID()),
		"of no tenant": core.NewAPIKeyToken(core.NewTenantID(), token.Key), "another tenant's": moved,
		"with another tenant's id": core.NewAPIKeyToken(elsewhere, token.Key), "zero": {},
	} {
		_, err := h.AuthenticateAPIKey(t.Context(), office, wrong, "")
		require.True(t, fault.Has(err, fault.SessionRequired), "%s: %v", name, err)
		require.Equal(t, string(fault.SessionRequired), err.Error(), name)
	}
	for statement, want := range map[string]fault.Code{
		`UPDATE signet.api_keys SET revoked_at = now()`:                                                                                       fault.SessionRequired,
		`UPDATE signet.api_keys SET expires_at = now()`:                                                                                       fault.SessionRequired,
		`UPDATE signet.api_keys SET replaced_by = gen_random_uuid(), overlap_until = now()`:                                                   fault.SessionRequired,
		`UPDATE signet.tenants SET status = 'suspended'`:                                                                                      fault.TenantSuspended,
		`UPDATE signet.tenants SET deletion_requested_at = now(), deletion_due_at = now(), deletion_requested_by = 'x', status = 'suspended'`: fault.TenantSuspended,
	} {
		h.damage(t, statement)
		_, err := h.AuthenticateAPIKey(t.Context(), office, token, "")
		require.True(t, fault.Has(err, want), "%s: %v", statement, err)
		if strings.Contains(statement, "signet.tenants") {
			_, err = h.AuthenticateAPIKey(t.Context(), office, core.NewAPIKeyToken(tenant, token.Key), "")
			require.True(t, fault.Has(err, fault.SessionRequired), "how the tenant stands is told to its own keys alone")
			h.rule(t, `UPDATE signet.tenants SET status = 'active', deletion_requested_at = NULL, deletion_due_at = NULL, deletion_requested_by = NULL`)
		} else {
			h.rule(t, `UPDATE signet.api_keys SET revoked_at = NULL, expires_at = now() + interval '1 hour', replaced_by = NULL, overlap_until = NULL`)
		}
		_, err = h.AuthenticateAPIKey(t.Context(), office, token, "")
		require.NoError(t, err)
	}
	h.damage(t, `UPDATE signet.api_keys SET replaced_by = gen_random_uuid(), overlap_until = now() + interval '1 minute'`)
	_, err := h.AuthenticateAPIKey(t.Context(), office, token, "")
	require.NoError(t, err, "it overlaps")
}

func TestWhatIsSpeltWronglyAsksNobody(t *testing.T) {
	t.Parallel()
	text := core.NewAPIKeyToken(core.NewTenantID(), core.NewAPIKeyID()).Text().Expose()
	token, err := ParseAPIKey(text)
	require.NoError(t, err)
	require.False(t, token.IsZero())
	require.True(t, IsAPIKey(text))
	require.False(t, IsAPIKey("header.claims.signature"))
	for _, wrong := range []string{"signet_", text + "a", strings.ToUpper(text)} {
		_, err := ParseAPIKey(wrong)
		require.Equal(t, string(fault.SessionRequired), err.Error())
	}
}
