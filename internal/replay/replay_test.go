package replay_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity"
	"signet/internal/replay"
	"signet/internal/seal"
)

const shownOnce = "signet_what-is-shown-once-CANARY"

type bundle struct {
	*apptest.House
	tenant core.Tenant
	keeper *replay.Keeper
	log    *bytes.Buffer
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := bundle{House: apptest.New(t, apptest.Config{}), log: &bytes.Buffer{}}
	b.tenant = b.Tenant(t, "蓝湖科技", "ww0123456789abcdef")
	b.keeper = replay.New(replay.Config{Store: b.Store, Sealer: b.Ring.Sealer(), Opener: b.Ring.Opener(seal.IdempotentAnswer), Log: slog.New(slog.NewTextHandler(b.log, nil))})
	_, err := identity.New(t.Context(), identity.Config{ // makes the platform's key
		Store: b.Store, Sealer: b.Ring.Sealer(), Opener: b.Ring.Opener(seal.SessionKey), Issuer: "https://console.example.com",
		NewPlatformKey: func() (seal.WrappedKey, error) { return b.Ring.NewScopeKey(seal.Platform(), 1) },
	})
	require.NoError(t, err)
	return b
}

var member = apptest.Operator()

// calls are one of each sort: of a tenant, and of the platform.
func (b bundle) calls() map[string]replay.Call {
	return map[string]replay.Call{
		"tenant":   {Actor: member, Tenant: b.tenant.ID, Key: "key-1", Request: [32]byte{1}},
		"platform": {Actor: member, Key: "key-1", Request: [32]byte{1}},
	}
}

func created() replay.Answer {
	return replay.Answer{Status: 201, ContentType: "application/json", ETag: `"1"`, Location: "/api/v1/x", Body: core.NewSecret(shownOnce)}
}

func TestTheFirstAnswerIsGivenAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range b.calls() {
		run, answer, err := b.keeper.Begin(t.Context(), c)
		require.NoError(t, err, name)
		require.Nil(t, answer, name)
		_, _, err = b.keeper.Begin(t.Context(), c)
		require.True(t, fault.Has(err, fault.IdempotencyRunning), "%s: %v", name, err)
		require.Positive(t, fault.Find(err).RetryAfter)
		b.keeper.End(t.Context(), run, created())
		require.Empty(t, b.log.String())
		_, answer, err = b.keeper.Begin(t.Context(), c)
		require.NoError(t, err, name)
		require.Equal(t, shownOnce, answer.Body.Expose())
		require.Equal(t, []any{201, "application/json", `"1"`, "/api/v1/x"}, []any{answer.Status, answer.ContentType, answer.ETag, answer.Location})

		other := c
		other.Request = [32]byte{2}
		_, _, err = b.keeper.Begin(t.Context(), other)
		require.True(t, fault.Has(err, fault.IdempotencyMismatch), "%s: %v", name, err)
	}
	// Another actor, another key and another tenant are other calls.
	elsewhere := b.Tenant(t, "北辰物流", "wwfedcba0987654321")
	for _, change := range []func(*replay.Call){
		func(c *replay.Call) { c.Actor = apptest.Operator() },
		func(c *replay.Call) { c.Key = "key-2" },
		func(c *replay.Call) { c.Tenant = elsewhere.ID },
	} {
		c := b.calls()["tenant"]
		change(&c)
		_, answer, err := b.keeper.Begin(t.Context(), c)
		require.NoError(t, err)
		require.Nil(t, answer)
	}
}

func TestOfEqualCallsAtOnceOneIsMade(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range b.calls() {
		var made atomic.Int32
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				run, answer, err := b.keeper.Begin(t.Context(), c)
				switch {
				case err != nil:
					if !fault.Has(err, fault.IdempotencyRunning) {
						t.Errorf("%s: %v", name, err)
					}
				case answer == nil:
					made.Add(1)
					b.keeper.End(t.Context(), run, created())
				}
			})
		}
		group.Wait()
		require.EqualValues(t, 1, made.Load(), name)
	}
}

// A node that dies between the change and the answer leaves a call of which nobody
// knows what became; nobody makes it again for a day.
func TestACallThatNobodyEndedIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range b.calls() {
		late, _, err := b.keeper.Begin(t.Context(), c)
		require.NoError(t, err, name)
		b.age(t, "2 minutes")
		_, _, err = b.keeper.Begin(t.Context(), c)
		require.True(t, fault.Has(err, fault.IdempotencyUnknown), "%s: %v", name, err)
		b.age(t, "23 hours")
		_, _, err = b.keeper.Begin(t.Context(), c)
		require.True(t, fault.Has(err, fault.IdempotencyUnknown), "%s: %v", name, err)
		b.age(t, "58 minutes 1 second")
		run, answer, err := b.keeper.Begin(t.Context(), c)
		require.NoError(t, err, name)
		require.Nil(t, answer)
		// The one that was thought dead says nothing in the other's name.
		b.keeper.End(t.Context(), late, created())
		require.Contains(t, b.log.String(), "could not be kept")
		_, _, err = b.keeper.Begin(t.Context(), c)
		require.True(t, fault.Has(err, fault.IdempotencyRunning), "%s: %v", name, err)
		b.log.Reset()
		b.keeper.End(t.Context(), run, created())
		require.Empty(t, b.log.String())
	}
}

// age lets time go by for every call.
func (b bundle) age(t *testing.T, by string) {
	t.Helper()
	for _, table := range []string{"idempotent_answers", "platform_answers"} {
		b.DB.Exec(t, `UPDATE signet.`+table+` SET begun_at = begun_at - $1::interval`, by)
	}
}

func TestAKeyIsFreeAgainWhereNothingWasChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n, row := range []struct {
		err   error
		again fault.Code
	}{
		{fault.New(fault.SecretRefused, nil), ""},
		{fault.New(fault.PermissionDenied, nil), ""},
		{fault.New(fault.WeComUnavailable, nil), ""},
		{fault.New(fault.StoreUnavailable, nil), fault.IdempotencyUnknown},
		{fault.New(fault.InternalError, nil), fault.IdempotencyUnknown},
		{fmt.Errorf("something of ours"), fault.IdempotencyUnknown},
	} {
		for name, c := range b.calls() {
			c.Key = fmt.Sprint("key-", n)
			run, _, err := b.keeper.Begin(t.Context(), c)
			require.NoError(t, err)
			b.keeper.Fail(t.Context(), run, row.err)
			c.Request = [32]byte{byte(n)} // also another request, where the key is free
			if row.again != "" {
				c.Request = [32]byte{1}
			}
			_, answer, err := b.keeper.Begin(t.Context(), c)
			if row.again != "" {
				require.True(t, fault.Has(err, row.again), "%s after %v: %v", name, row.err, err)
				continue
			}
			require.NoError(t, err, name)
			require.Nil(t, answer)
		}
	}
	require.Empty(t, b.log.String())
}

// What is shown once lies sealed, bound to who called under which key.
func TestAnAnswerLiesSealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range b.calls() {
		run, _, err := b.keeper.Begin(t.Context(), c)
		require.NoError(t, err)
		b.keeper.End(t.Context(), run, created())
		c.Key = "another"
		run, _, err = b.keeper.Begin(t.Context(), c)
		require.NoError(t, err)
		b.keeper.End(t.Context(), run, created())
	}
	for _, table := range []string{"idempotent_answers", "platform_answers"} {
		rows := strings.Join(b.DB.List(t, `SELECT to_jsonb(r)::text FROM signet.`+table+` r`), "\n")
		for _, text := range []string{"CANARY", "key-1", hex.EncodeToString([]byte("CANARY"))} {
			require.NotContains(t, rows, text, table)
		}
		b.DB.Exec(t, `UPDATE signet.`+table+` SET sealed = (SELECT max(encode(sealed, 'hex')) FROM signet.`+table+`)::text::bytea WHERE false`)
		b.DB.Exec(t, `UPDATE signet.`+table+` a SET sealed = b.sealed FROM signet.`+table+` b WHERE a.answer <> b.answer`)
	}
	for name, c := range b.calls() {
		_, _, err := b.keeper.Begin(t.Context(), c)
		require.ErrorIs(t, err, seal.ErrAltered, "%s: another's answer", name)
	}
}

func TestOfATenantThatIsNotThereNothingIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.calls()["tenant"]
	c.Tenant = core.NewTenantID()
	_, _, err := b.keeper.Begin(t.Context(), c)
	require.True(t, fault.Has(err, fault.TenantUnknown), "%v", err)
}
