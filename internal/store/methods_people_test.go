package store_test

import (
	"context"
	"maps"
	"time"

	"signet/internal/core"
	"signet/internal/store"
)

func init() { maps.Copy(platformCalls, peopleCalls) }

// peopleCalls are those of platformCalls that are about people.
var peopleCalls = map[string]platformCall{
	"CreateMember": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		m := core.Member{ID: core.NewMemberID(), Email: "new@example.com", Platform: core.PlatformOwner}
		return nil, tx.CreateMember(ctx, store.MemberRow{Member: m, PasswordHash: core.NewSecret("hash")})
	},
	"CreateRefreshToken": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.CreateRefreshToken(ctx, [32]byte{1}, r.Session, time.Now().Add(time.Hour))
	},
	"CreateSession": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.CreateSession(ctx, r.session(core.NewSessionID()))
	},
	"EndSession": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.EndSession(ctx, r.Session)
	},
	"EnsureSessionKey": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		keys, err := tx.EnsureSessionKey(ctx, store.SessionKey{ID: "k1", PublicKey: []byte("public"), Sealed: []byte("sealed"), KeyVersion: 1})
		return len(keys), err
	},
	"FindMemberByEmail": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		_, found, err := tx.FindMemberByEmail(ctx, r.App.Name+"@example.com")
		return found, err
	},
	"GetSession": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		m, err := tx.GetSession(ctx, r.Session)
		return m.Email, err
	},
	"ListSessionKeys": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		keys, err := tx.ListSessionKeys(ctx)
		return len(keys), err
	},
	"LockRefreshToken": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		token, err := tx.LockRefreshToken(ctx, r.Token)
		return token.Used, err
	},
	"TrimSessions": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return tx.TrimSessions(ctx)
	},
	"UpdatePasswordHash": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.UpdatePasswordHash(ctx, r.Member, core.NewSecret("hash"), core.NewSecret("another hash"))
	},
	"UseRefreshToken": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.UseRefreshToken(ctx, r.Token)
	},
	"HoldPassword": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.HoldPassword(ctx, r.Member, core.NewSecret("hash"))
	},
	"ConfirmFactor": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		f, err := tx.CreateFactor(ctx, r.totp(), false)
		if err != nil {
			return nil, err
		}
		return tx.ConfirmFactor(ctx, f.ID, 1)
	},
	"BindOIDCIdentity": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return tx.BindOIDCIdentity(ctx, "https://id.example.com", "subject", r.Member)
	},
	"UseOIDCIdentity": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		if _, err := tx.BindOIDCIdentity(ctx, "https://id.example.com", "subject", r.Member); err != nil {
			return nil, err
		}
		_, found, err := tx.UseOIDCIdentity(ctx, "https://id.example.com", "subject")
		return found, err
	},
	"UnbindOIDCIdentities": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return tx.UnbindOIDCIdentities(ctx, r.Member)
	},
	"CountRecoveryCodes": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return tx.CountRecoveryCodes(ctx, r.Member)
	},
	"CreateCeremony": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.CreateCeremony(ctx, r.ceremony(), time.Minute)
	},
	"CreateFactor": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		f, err := tx.CreateFactor(ctx, r.totp(), true)
		return f.Name, err
	},
	"EndEverySession": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return tx.EndEverySession(ctx)
	},
	"EndSessionOf": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return tx.EndSessionOf(ctx, r.Member, r.Session)
	},
	"EndSessionsOf": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return tx.EndSessionsOf(ctx, r.Member, core.SessionID{})
	},
	"EndTenantSessionsOf": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return tx.EndTenantSessionsOf(ctx, r.Member, r.ID)
	},
	"FindMember": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		_, found, err := tx.FindMember(ctx, r.Member)
		return found, err
	},
	"GiveTryBack": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return nil, tx.GiveTryBack(ctx, [32]byte{1}, store.Allowance{Burst: 1, Interval: time.Minute})
	},
	"KnowDevice": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.KnowDevice(ctx, [32]byte{1}, r.Member)
	},
	"KnownDevices": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		known, err := tx.KnownDevices(ctx, [][]byte{make([]byte, 32)}, r.App.Name+"@example.com")
		return len(known), err
	},
	"ListFactors": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		list, err := tx.ListFactors(ctx, r.Member)
		return len(list), err
	},
	"ListSessions": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		list, err := tx.ListSessions(ctx, r.Member, time.Hour)
		return len(list), err
	},
	"LockFactors": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.LockFactors(ctx, r.Member)
	},
	"NoteRefresh": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.NoteRefresh(ctx, r.Session, "203.0.113.9/32", "a browser")
	},
	"ProveSession": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		at, err := tx.ProveSession(ctx, r.Session, true)
		return !at.IsZero(), err
	},
	"RemoveFactor": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		f, err := tx.CreateFactor(ctx, r.totp(), true)
		if err != nil {
			return nil, err
		}
		return nil, tx.RemoveFactor(ctx, r.Member, f.ID)
	},
	"RemoveFactorsOf": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return tx.RemoveFactorsOf(ctx, r.Member)
	},
	"ReplaceRecoveryCodes": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.ReplaceRecoveryCodes(ctx, r.Member, [][32]byte{{1}})
	},
	"LockSessionKeys": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		_, ok, err := tx.LockSessionKeys(ctx)
		return ok, err
	},
	"TakeCeremony": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		if err := tx.CreateCeremony(ctx, r.ceremony(), time.Minute); err != nil {
			return nil, err
		}
		c, err := tx.TakeCeremony(ctx, r.ceremony().TokenHash, "test", 1)
		return c.Kind, err
	},
	"TakeTry": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return tx.TakeTry(ctx, [32]byte{1}, store.Allowance{Burst: 1, Interval: time.Minute})
	},
	"TrimComingIn": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return tx.TrimComingIn(ctx)
	},
	"TurnSessionKey": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return nil, tx.TurnSessionKey(ctx, store.SessionKey{ID: "k2", PublicKey: []byte("public"), Sealed: []byte("sealed"), KeyVersion: 1}, time.Minute)
	},
	"UseCeremony": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		if err := tx.CreateCeremony(ctx, r.ceremony(), time.Minute); err != nil {
			return nil, err
		}
		return nil, tx.UseCeremony(ctx, r.ceremony().TokenHash)
	},
	"UsePasskey": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		f, err := tx.CreateFactor(ctx, r.totp(), true)
		if err != nil {
			return nil, err
		}
		return nil, tx.UsePasskey(ctx, f.ID, 1)
	},
	"UseRecoveryCode": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return tx.UseRecoveryCode(ctx, r.Member, [32]byte{1})
	},
	"UseStep": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return tx.UseStep(ctx, core.NewFactorID(), 1)
	},
}

func (r tenantRows) totp() store.FactorRow {
	return store.FactorRow{Factor: core.Factor{ID: core.NewFactorID(), Kind: core.TOTP, Name: "phone"}, MemberID: r.Member, Sealed: []byte("sealed"), KeyVersion: 1}
}

func (r tenantRows) ceremony() store.Ceremony {
	return store.Ceremony{TokenHash: [32]byte{2}, Kind: "test", MemberID: r.Member, SessionID: r.Session, Data: []byte(`{}`)}
}
