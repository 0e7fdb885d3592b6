package store_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

func TestHostIsBoundOnceOnTheWholePlatform(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		a, b := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
		bind := func(r tenantRows) (made bool, err error) {
			err = st.Platform(t.Context(), someone, func(tx *store.PlatformTx) (err error) {
				_, made, err = tx.BindLegacyHost(t.Context(), core.LegacyHost{Host: "once.example.com", TenantID: r.ID, AppID: r.App.ID})
				return err
			})
			return made, err
		}
		// At once: one makes it, those of the same app find it, the others are refused.
		var made, again, refused atomic.Int64
		var group errgroup.Group
		for i := range 16 {
			group.Go(func() error {
				ok, err := bind([]tenantRows{a, b}[i%2])
				switch {
				case fault.Has(err, fault.LegacyHostTaken):
					refused.Add(1)
					return nil
				case err == nil && ok:
					made.Add(1)
				case err == nil:
					again.Add(1)
				}
				return err
			})
		}
		require.NoError(t, group.Wait())
		require.Equal(t, []int64{1, 7, 8}, []int64{made.Load(), again.Load(), refused.Load()})

		_, err := bind(stranger(a))
		require.Equal(t, fault.LegacyHostTaken, codeOf(err), "of a host that is taken nothing more is told")
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
			_, err := tx.UnbindLegacyHost(ctx, "once.example.com")
			require.NoError(t, err)
			_, err = tx.UnbindLegacyHost(ctx, "once.example.com")
			require.Equal(t, fault.LegacyHostUnknown, codeOf(err))
			return nil
		})
		_, err = bind(stranger(a))
		require.Equal(t, fault.AppUnknown, codeOf(err))
		mixed := a
		mixed.App.ID = b.App.ID // an app that exists, of another tenant
		_, err = bind(mixed)
		require.Equal(t, fault.AppUnknown, codeOf(err))
	})
}

func TestRefreshTokenIsLockedAndUsedOnce(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		look := func() (token store.RefreshToken) {
			onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) (err error) {
				token, err = tx.LockRefreshToken(ctx, r.Token)
				return err
			})
			token.ExpiresAt = time.Time{}
			return token
		}
		require.Equal(t, store.RefreshToken{SessionID: r.Session}, look())
		var first atomic.Int64
		var group errgroup.Group
		for range 8 {
			group.Go(func() error {
				return st.Platform(t.Context(), someone, func(tx *store.PlatformTx) error {
					token, err := tx.LockRefreshToken(t.Context(), r.Token)
					if err != nil || token.Used {
						return err
					}
					first.Add(1)
					return tx.UseRefreshToken(t.Context(), r.Token)
				})
			})
		}
		require.NoError(t, group.Wait())
		require.EqualValues(t, 1, first.Load())
		require.Equal(t, store.RefreshToken{SessionID: r.Session, Used: true, JustUsed: true}, look())
		db.Exec(t, `UPDATE signet.refresh_tokens SET used_at = now() - interval '10 seconds'`)
		require.Equal(t, store.RefreshToken{SessionID: r.Session, Used: true}, look())
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error { return tx.EndSession(ctx, r.Session) })
		require.Equal(t, store.RefreshToken{SessionID: r.Session, Used: true, Ended: true}, look())
		err := st.Platform(t.Context(), someone, func(tx *store.PlatformTx) error {
			_, err := tx.GetSession(t.Context(), r.Session)
			return err
		})
		require.Equal(t, fault.SessionRequired, codeOf(err))
	})
}

func TestSessionAndTokenEndByTheClockOfTheDatabase(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		db.Exec(t, `UPDATE signet.refresh_tokens SET expires_at = now() - interval '1 second'`)
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
			token, err := tx.LockRefreshToken(ctx, r.Token)
			require.True(t, token.Ended)
			return err
		})
		db.Exec(t, `UPDATE signet.sessions SET expires_at = now() - interval '1 second'`)
		err := st.Platform(t.Context(), someone, func(tx *store.PlatformTx) error {
			_, err := tx.GetSession(t.Context(), r.Session)
			return err
		})
		require.Equal(t, fault.SessionRequired, codeOf(err))
		err = st.Platform(t.Context(), someone, func(tx *store.PlatformTx) error {
			_, err := tx.LockRefreshToken(t.Context(), [32]byte{9})
			return err
		})
		require.Equal(t, fault.SessionRequired, codeOf(err))
	})
}

func TestMemberIsKnownByOneAddress(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		m := store.MemberRow{Member: core.Member{ID: core.NewMemberID(), Email: "o@example.com", Platform: core.PlatformOwner}, PasswordHash: core.NewSecret("first")}
		create := func() error {
			return st.Platform(t.Context(), someone, func(tx *store.PlatformTx) error { return tx.CreateMember(t.Context(), m) })
		}
		require.NoError(t, create())
		m.ID = core.NewMemberID()
		err := create()
		require.Equal(t, fault.MemberExists, codeOf(err))
		require.NotContains(t, err.Error(), "o@example.com")

		hash := func() string {
			var found store.MemberRow
			onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) (err error) {
				var ok bool
				found, ok, err = tx.FindMemberByEmail(ctx, "o@example.com")
				require.True(t, ok)
				require.Equal(t, core.PlatformOwner, found.Platform)
				return err
			})
			return found.PasswordHash.Expose()
		}
		rehash := func(id core.MemberID, old, hash string) {
			onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
				return tx.UpdatePasswordHash(ctx, id, core.NewSecret(old), core.NewSecret(hash))
			})
		}
		id, err := core.ParseMemberID(db.List(t, `SELECT member_id::text FROM signet.members`)[0])
		require.NoError(t, err)
		rehash(id, "first", "second")
		require.Equal(t, "second", hash())
		rehash(id, "first", "third") // the password was changed meanwhile
		require.Equal(t, "second", hash())
		rehash(core.NewMemberID(), "second", "third")
		require.Equal(t, "second", hash())
	})
}

// Of two nodes that start at the same instant the second waits for the first
// and takes its key.
func TestNodesThatStartAtOnceAgreeOnTheirKeys(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error { return tx.CreateRootKey(ctx, commonRootKey) })
		ensure := map[string]func(tx *store.PlatformTx, own string) (string, error){
			"the platform's key": func(tx *store.PlatformTx, own string) (string, error) {
				k, err := tx.EnsurePlatformKey(t.Context(), store.WrappedKey{Version: 1, RootEpoch: 1, Wrapped: []byte(own)})
				return string(k.Wrapped), err
			},
			"the sessions' key": func(tx *store.PlatformTx, own string) (string, error) {
				keys, err := tx.EnsureSessionKey(t.Context(), store.SessionKey{ID: own, PublicKey: []byte(own), Sealed: []byte(own), KeyVersion: 1})
				if err != nil {
					return "", err
				}
				require.Len(t, keys, 1)
				return keys[0].ID, nil
			},
		}
		for name, ensure := range ensure {
			node := func(own string, got *string, wait func()) error {
				return st.Platform(t.Context(), someone, func(tx *store.PlatformTx) (err error) {
					*got, err = ensure(tx, own)
					wait()
					return err
				})
			}
			var first, second string
			var group errgroup.Group
			require.NoError(t, node("first", &first, func() {
				group.Go(func() error { return node("second", &second, func() {}) })
				blocked := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
				require.Eventually(t, func() bool { return len(db.List(t, blocked)) == 1 }, 2*time.Second, poll, name)
			}))
			require.NoError(t, group.Wait(), name)
			require.Equal(t, "first", first, name)
			require.Equal(t, "first", second, name)
		}
	})
}

func TestWrapOfAnotherRootKeyDoesNotGetUnderAnEpoch(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		wrap := func(recipient string) []store.RootKeyWrap {
			return []store.RootKeyWrap{{Recipient: recipient, Wrapped: []byte("wrapped"), SealedBy: "s", MAC: []byte("m")}}
		}
		for _, k := range []store.RootKeyRow{
			{Epoch: 1, Fingerprint: []byte("theirs"), Wraps: wrap("one")},
			{Epoch: 1, Fingerprint: []byte("ours"), Wraps: wrap("two")}, // lost the race
			{Epoch: 1, Fingerprint: []byte("theirs"), Wraps: wrap("three")},
			{Epoch: 2, Fingerprint: []byte("next"), Wraps: wrap("one")},
		} {
			onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error { return tx.CreateRootKey(ctx, k) })
		}
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
			keys, err := tx.ListRootKeys(ctx)
			require.Len(t, keys, 2)
			require.Equal(t, "theirs", string(keys[0].Fingerprint))
			require.Equal(t, append(wrap("one"), wrap("three")...), keys[0].Wraps)
			require.Equal(t, wrap("one"), keys[1].Wraps)
			return err
		})
	})
}
