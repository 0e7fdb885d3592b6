package identity

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity/identitytest"
	"signet/internal/store"
)

// actor is who a session lets in.
func (h *house) actor(t testing.TB, s Session) core.Actor {
	t.Helper()
	actor, err := h.Authenticate(t.Context(), s.AccessToken.Expose(), "req")
	require.NoError(t, err)
	return actor
}

// phone is an authenticator with its seed.
type phone struct {
	seed  core.Secret
	codes []core.Secret // for recovery
	id    core.FactorID
}

func (p phone) code(t testing.TB, at time.Time) core.Secret {
	t.Helper()
	return core.NewSecret(identitytest.Code(t, p.seed.Expose(), at))
}

// withPhone gives the owner an authenticator, and moves the clock by a step.
func (h *house) withPhone(t testing.TB) phone {
	t.Helper()
	actor := h.actor(t, h.signIn(t))
	made, err := h.BeginTOTP(t.Context(), actor, "手机")
	require.NoError(t, err)
	p := phone{seed: made.Seed, id: made.Factor.ID}
	p.codes, err = h.ConfirmTOTP(t.Context(), actor, made.Factor.ID, p.code(t, h.clock()))
	require.NoError(t, err)
	h.forward(2 * totpStep)
	return p
}

// waits signs the owner in as far as the second factor.
func (h *house) waits(t testing.TB) *Waiting {
	t.Helper()
	entry, err := h.Identity.SignIn(t.Context(), atOffice, ownerEmail, ownerPassword)
	require.NoError(t, err)
	require.NotNil(t, entry.Waiting, "no second factor is asked for")
	require.True(t, entry.Session.AccessToken.IsZero())
	return entry.Waiting
}

func (h *house) finish(t testing.TB, w *Waiting, a Answer) (Session, error) {
	t.Helper()
	return h.FinishSignIn(t.Context(), atOffice, w.Token, a)
}

func requireCode(t testing.TB, err error, code fault.Code) {
	t.Helper()
	require.True(t, fault.Has(err, code), "want %s, got %v", code, err)
}

func TestATOTPIsASecondFactor(t *testing.T) {
	t.Parallel()

	t.Run("once its first code was right, and not before", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		actor := h.actor(t, h.signIn(t))
		made, err := h.BeginTOTP(t.Context(), actor, "手机")
		require.NoError(t, err)
		require.Equal(t, 32, made.Seed.Len())
		require.Contains(t, made.URI.Expose(), "otpauth://totp/Signet:owner@example.com?")
		h.signIn(t) // without it
		p := phone{seed: made.Seed}
		_, err = h.ConfirmTOTP(t.Context(), actor, made.Factor.ID, core.NewSecret("000000"))
		requireCode(t, err, fault.SecondFactorRefused)
		_, err = h.ConfirmTOTP(t.Context(), actor, core.NewFactorID(), p.code(t, h.clock()))
		requireCode(t, err, fault.FactorUnknown)
		codes, err := h.ConfirmTOTP(t.Context(), actor, made.Factor.ID, p.code(t, h.clock()))
		require.NoError(t, err)
		require.Len(t, codes, recoveryCodes)
		different := map[string]bool{}
		for _, code := range codes {
			require.Regexp(t, `^([a-z2-7]{4}-){3}[a-z2-7]{4}$`, code.Expose(), "eighty bits")
			different[code.Expose()] = true
		}
		require.Len(t, different, recoveryCodes)
		_, err = h.ConfirmTOTP(t.Context(), actor, made.Factor.ID, p.code(t, h.clock()))
		requireCode(t, err, fault.FactorUnknown)
		require.Equal(t, []core.FactorKind{core.TOTP}, h.waits(t).Factors)
	})

	t.Run("by which a session knows that it was shown", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.withPhone(t)
		s, err := h.finish(t, h.waits(t), Answer{Code: p.code(t, h.clock())})
		require.NoError(t, err)
		h.requireLive(t, s)
		list, err := h.ListSessions(t.Context(), h.actor(t, s))
		require.NoError(t, err)
		require.True(t, list[0].SecondFactor)
		rows := h.audit(t)
		require.Equal(t, map[string]string{"with": "password", "second_factor": "true", "factor": "totp", "client": office.String()}, rows[len(rows)-1].Detail)
	})

	t.Run("whose code is good once, on all nodes together", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.withPhone(t)
		first, second := h.waits(t), h.waits(t)
		code := p.code(t, h.clock())
		_, err := h.finish(t, first, Answer{Code: code})
		require.NoError(t, err)
		other := &house{Identity: h.open(t), db: h.db, cfg: h.cfg}
		_, err = other.finish(t, second, Answer{Code: code})
		requireCode(t, err, fault.SecondFactorRefused)
		_, err = h.finish(t, second, Answer{Code: p.code(t, h.clock().Add(-totpStep))})
		requireCode(t, err, fault.SecondFactorRefused)
		_, err = other.finish(t, second, Answer{Code: p.code(t, h.clock().Add(totpStep))})
		require.NoError(t, err, "the next one is")
	})

	t.Run("whose clock may be a step off and no more", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.withPhone(t)
		h.forward(10 * totpStep)
		for _, off := range []time.Duration{-2 * totpStep, 2 * totpStep, -10 * totpStep, 10 * totpStep} {
			_, err := h.finish(t, h.waits(t), Answer{Code: p.code(t, h.clock().Add(off))})
			requireCode(t, err, fault.SecondFactorRefused)
		}
		for _, off := range []time.Duration{-totpStep, 0, totpStep} {
			_, err := h.finish(t, h.waits(t), Answer{Code: p.code(t, h.clock().Add(off))})
			require.NoError(t, err)
		}
	})

	t.Run("whose codes cannot be guessed", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.withPhone(t)
		w := h.waits(t)
		for range triesPerCeremony {
			_, err := h.finish(t, w, Answer{Code: core.NewSecret("000000")})
			requireCode(t, err, fault.SecondFactorRefused)
		}
		_, err := h.finish(t, w, Answer{Code: p.code(t, h.clock())})
		requireCode(t, err, fault.CeremonyOver)
		w = h.waits(t)
		for range codesPerMember.Burst - triesPerCeremony {
			_, err := h.finish(t, w, Answer{Code: core.NewSecret("000000")})
			requireCode(t, err, fault.SecondFactorRefused)
		}
		_, err = h.finish(t, h.waits(t), Answer{Code: p.code(t, h.clock())})
		requireCode(t, err, fault.RateLimitedCode)
		h.rest(t, codesPerMember.Interval)
		_, err = h.finish(t, h.waits(t), Answer{Code: p.code(t, h.clock())})
		require.NoError(t, err)
	})

	t.Run("that is asked for within five minutes, of the one whose password was right", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.withPhone(t)
		_, err := h.finish(t, &Waiting{Token: core.NewSecret("nobody's")}, Answer{Code: p.code(t, h.clock())})
		requireCode(t, err, fault.CeremonyOver)
		w := h.waits(t)
		h.damage(t, `UPDATE signet.ceremonies SET expires_at = now() - interval '1 second'`)
		_, err = h.finish(t, w, Answer{Code: p.code(t, h.clock())})
		requireCode(t, err, fault.CeremonyOver)
	})

	t.Run("for which a recovery code stands in, once each", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.withPhone(t)
		typed := core.NewSecret(" " + strings.ToUpper(strings.ReplaceAll(p.codes[0].Expose(), "-", " ")))
		s, err := h.finish(t, h.waits(t), Answer{RecoveryCode: typed})
		require.NoError(t, err)
		_, err = h.finish(t, h.waits(t), Answer{RecoveryCode: p.codes[0]})
		requireCode(t, err, fault.SecondFactorRefused)
		f, err := h.ListFactors(t.Context(), h.actor(t, s))
		require.NoError(t, err)
		require.EqualValues(t, recoveryCodes-1, f.RecoveryCodes)

		anew, err := h.RenewRecoveryCodes(t.Context(), h.actor(t, s))
		require.NoError(t, err)
		_, err = h.finish(t, h.waits(t), Answer{RecoveryCode: p.codes[1]})
		requireCode(t, err, fault.SecondFactorRefused)
		_, err = h.finish(t, h.waits(t), Answer{RecoveryCode: anew[1]})
		require.NoError(t, err)
	})

	t.Run("which is nobody else's, and not in another's row", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.withPhone(t)
		_, err := h.CreateOwner(t.Context(), "second@example.com", ownerPassword)
		require.NoError(t, err)
		h.damage(t, `UPDATE signet.factors SET member_id = (SELECT member_id FROM signet.members WHERE email = 'second@example.com')`)
		entry, err := h.Identity.SignIn(t.Context(), atOffice, "second@example.com", ownerPassword)
		require.NoError(t, err)
		_, err = h.finish(t, entry.Waiting, Answer{Code: p.code(t, h.clock())})
		require.ErrorIs(t, err, errFactorMoved)
	})

	t.Run("until it is removed, with its recovery codes", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.withPhone(t)
		s, err := h.finish(t, h.waits(t), Answer{Code: p.code(t, h.clock())})
		require.NoError(t, err)
		require.NoError(t, h.RemoveFactor(t.Context(), h.actor(t, s), p.id))
		requireCode(t, h.RemoveFactor(t.Context(), h.actor(t, s), p.id), fault.FactorUnknown)
		h.signIn(t)
		require.Equal(t, []string{"0"}, h.texts(t, `SELECT count(sealed)::text FROM signet.factors`))
		_, err = h.RenewRecoveryCodes(t.Context(), h.actor(t, s))
		requireCode(t, err, fault.FactorUnknown)
	})

	t.Run("of which nothing stands in the database or the audit", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.withPhone(t)
		w := h.waits(t)
		kept := strings.Join(h.texts(t, `
SELECT f::text FROM signet.factors f UNION ALL SELECT c::text FROM signet.recovery_codes c
UNION ALL SELECT c::text FROM signet.ceremonies c UNION ALL SELECT a::text FROM signet.platform_audit a`), "\n")
		for _, secret := range append(p.codes, p.seed, w.Token) {
			require.False(t, strings.Contains(kept, secret.Expose()), "a secret is kept")
		}
	})
}

func TestATenantMayWantASecondFactor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tenant := core.NewTenantID()
	require.NoError(t, h.store.Tenant(t.Context(), system(""), tenant, func(tx *store.TenantTx) error {
		if err := tx.CreateTenant(t.Context(), "蓝湖科技"); err != nil {
			return err
		}
		return tx.CreateMembership(t.Context(), h.owner.ID, core.TenantOwner)
	}))
	h.damage(t, `UPDATE signet.members SET platform_role = NULL`)
	s := h.signIn(t)
	require.NoError(t, h.actor(t, s).MayIn(tenant, core.TenantRead))
	h.damage(t, `UPDATE signet.tenants SET second_factor_required = true`)
	requireCode(t, h.actor(t, s).MayIn(tenant, core.TenantRead), fault.SecondFactorRequired)
	p := h.withPhone(t) // it is at the account, so that nobody is locked out
	requireCode(t, h.actor(t, s).MayIn(tenant, core.TenantRead), fault.SecondFactorRequired)
	with, err := h.finish(t, h.waits(t), Answer{Code: p.code(t, h.clock())})
	require.NoError(t, err)
	require.NoError(t, h.actor(t, with).MayIn(tenant, core.TenantRead))
}

func TestThePlatformMayWantASecondFactorOfItsPeople(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	require.NoError(t, h.actor(t, h.signIn(t)).May(core.TenantsList))
	h.cfg.SecondFactorRequired = true
	h.Identity = h.open(t)
	s := h.signIn(t)
	requireCode(t, h.actor(t, s).May(core.TenantsList), fault.SecondFactorRequired)
	requireCode(t, h.actor(t, s).MayIn(core.NewTenantID(), core.TenantRead), fault.SecondFactorRequired)
	p := h.withPhone(t)
	requireCode(t, h.actor(t, s).May(core.TenantsList), fault.SecondFactorRequired)
	with, err := h.finish(t, h.waits(t), Answer{Code: p.code(t, h.clock())})
	require.NoError(t, err)
	require.NoError(t, h.actor(t, with).May(core.TenantsList))
	refreshed, err := h.Refresh(t.Context(), with.Refresh, "")
	require.NoError(t, err)
	require.Equal(t, core.PlatformOwner, refreshed.Grants.Platform)
}

func TestAnAccountIsItsMembersAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	own := h.actor(t, h.signIn(t))
	key, ofOneTenant, stale := own, own, own
	key.Kind = core.ActorAPIKey
	ofOneTenant.OnlyTenant = core.NewTenantID()
	stale.Proved = false
	for name, call := range map[string]func(core.Actor) error{
		"ListFactors":      func(a core.Actor) error { _, err := h.ListFactors(t.Context(), a); return err },
		"ListSessions":     func(a core.Actor) error { _, err := h.ListSessions(t.Context(), a); return err },
		"EndOwnSession":    func(a core.Actor) error { return h.EndOwnSession(t.Context(), a, core.NewSessionID()) },
		"EndOtherSessions": func(a core.Actor) error { _, err := h.EndOtherSessions(t.Context(), a); return err },
		"BeginTOTP":        func(a core.Actor) error { _, err := h.BeginTOTP(t.Context(), a, "x"); return err },
		"ConfirmTOTP": func(a core.Actor) error {
			_, err := h.ConfirmTOTP(t.Context(), a, core.NewFactorID(), core.Secret{})
			return err
		},
		"BeginPasskey": func(a core.Actor) error { _, err := h.BeginPasskey(t.Context(), a); return err },
		"AddPasskey": func(a core.Actor) error {
			_, _, err := h.AddPasskey(t.Context(), a, core.Secret{}, "x", nil)
			return err
		},
		"RenewRecoveryCodes": func(a core.Actor) error { _, err := h.RenewRecoveryCodes(t.Context(), a); return err },
		"RemoveFactor":       func(a core.Actor) error { return h.RemoveFactor(t.Context(), a, core.NewFactorID()) },
		"ChangePassword": func(a core.Actor) error {
			return h.ChangePassword(t.Context(), a, atOffice, ownerPassword, core.NewSecret("another horse for it"))
		},
	} {
		requireCode(t, call(key), fault.PermissionDenied)
		requireCode(t, call(ofOneTenant), fault.PermissionDenied)
		if !strings.HasPrefix(name, "List") && !strings.HasPrefix(name, "End") {
			requireCode(t, call(stale), fault.StepUpRequired)
		}
	}
}
