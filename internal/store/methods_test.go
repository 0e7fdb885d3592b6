package store_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/store"
)

// The calls that a method is tried by, with the ids of r. A call gives what it
// was answered, without ids and times that are drawn anew.
type (
	tenantCall   func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error)
	platformCall func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error)
	keysCall     func(ctx context.Context, tx *store.KeysTx, r tenantRows) (any, error)
	systemCall   func(ctx context.Context, tx *store.SystemTx, r tenantRows) (any, error)
)

var wholePage = core.Page{Limit: core.MaxPageLimit}

// tenantCalls has a row for each method of TenantTx, with those of its other half.
var tenantCalls = joined(apiKeyCalls, map[string]tenantCall{
	"Announce": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		// The tenant named here must count for nothing.
		return nil, tx.Announce(ctx, store.Change{TenantID: r.ID, Kind: store.AppChanged, AppID: r.App.ID, AppKey: r.App.Key})
	},
	"Audit": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.Audit(ctx, core.AuditEntry{Action: "test.audit", SubjectKind: "test", Subject: "test"})
	},
	"CountCalls": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		k := r.calls()
		k.API = "agent/get" // ListCalls looks at another
		return tx.CountCalls(ctx, k, 1, 1, 0)
	},
	"ListCalls": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return callsOf(tx.ListCalls(ctx, r.calls()))
	},
	"ListTenantCalls": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		list, err := tx.ListTenantCalls(ctx)
		return len(list), err
	},
	"FindPauses": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return toldBy(tx.FindPauses(ctx, r.pause()))
	},
	"ListPauses": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return toldBy(tx.ListPauses(ctx))
	},
	"ClaimProbe": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return tx.ClaimProbe(ctx, r.pause(), time.Minute)
	},
	"CountFailure": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return tx.CountFailure(ctx, r.pause(), "quota", 1, r.told("new"))
	},
	"HoldPause": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.HoldPause(ctx, r.pause(), time.Minute)
	},
	"LiftPause": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.LiftPause(ctx, r.pause())
	},
	"LiftAppPauses": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.LiftAppPauses(ctx, r.App.ID)
	},
	"CountDomains": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return tx.CountDomains(ctx, r.App.ID)
	},
	"CountRefusedCalls": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.CountRefusedCalls(ctx, "gettoken", 40001, 1, 0)
	},
	"CreateApp": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		_, err := tx.CreateApp(ctx, core.App{ID: core.NewAppID(), CorpID: r.Corp, AgentID: "77", Key: core.NewAppKey(), Name: "new", Kind: core.SelfBuilt})
		return nil, err
	},
	"CreateCorp": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.CreateCorp(ctx, "ww_another_corp")
	},
	"CreateSecret": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		made, err := tx.CreateSecret(ctx, secretOf(r.App.ID, 2, "new"))
		return made.Activation, err
	},
	"CreateDomain": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		_, err := tx.CreateDomain(ctx, core.TrustedDomain{ID: core.NewDomainID(), AppID: r.App.ID, Host: "new.example.com"})
		return nil, err
	},
	"CreateMembership": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.CreateMembership(ctx, r.freeMember, core.TenantViewer)
	},
	"CreateTenant": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.CreateTenant(ctx, "again") // fails: there is one
	},
	"CreateTenantKey": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.CreateTenantKey(ctx, store.WrappedKey{Version: 2, RootEpoch: 1, Wrapped: []byte("new")})
	},
	"CurrentSecretVersions": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		found, err := tx.CurrentSecretVersions(ctx, r.App.ID)
		return len(found), err
	},
	"DeleteApp": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.DeleteApp(ctx, r.App.ID)
	},
	"DeleteDomain": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		gone, err := tx.DeleteDomain(ctx, r.App.ID, r.Domain.ID)
		return gone.Host, err
	},
	"EndTurn": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return tx.EndTurn(ctx, store.Turn{Kind: core.CorpTicket, Whose: r.corpSubject(), Epoch: 1})
	},
	"RenewTurn": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return tx.RenewTurn(ctx, store.Turn{Kind: core.CorpTicket, Whose: r.corpSubject(), Epoch: 1}, time.Minute)
	},
	"TakeTurn": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		turn, _, ok, err := tx.TakeTurn(ctx, core.AgentTicket, r.appSubject(), uuid.New(), time.Minute)
		return []any{turn.Epoch, ok}, err
	},
	"ForceTurn": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return tx.ForceTurn(ctx, store.Turn{Kind: core.CorpTicket, Whose: r.corpSubject(), Epoch: 1}, time.Minute)
	},
	"VoidTurn": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.VoidTurn(ctx, core.CorpTicket, r.corpSubject())
	},
	"DeleteTenant": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.DeleteTenant(ctx)
	},
	"HoldTenant": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) { return tx.HoldTenant(ctx) },
	"ScheduleDeletion": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.ScheduleDeletion(ctx, time.Hour)
	},
	"RestoreTenant": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.RestoreTenant(ctx)
	},
	"LockDueTenant": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		if err := tx.ScheduleDeletion(ctx, 0); err != nil {
			return nil, err
		}
		return tx.LockDueTenant(ctx)
	},
	"LastTrace": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		last, err := tx.LastTrace(ctx)
		return last.IsZero(), err
	},
	"GetEstate": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		e, err := tx.GetEstate(ctx)
		return []any{e.Apps, e.Secrets, e.Fingerprints, e.Keys}, err
	},
	"DeleteTicket": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.DeleteTicket(ctx, core.AccessToken, r.appSubject(), 1)
	},
	"FindTicket": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		row, found, err := tx.FindTicket(ctx, core.AccessToken, r.appSubject())
		return []any{string(row.Sealed), found}, err
	},
	"GetApp": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		app, err := tx.GetApp(ctx, r.App.ID)
		return app.Name, err
	},
	"GetCurrentSecret": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		s, err := tx.GetCurrentSecret(ctx, r.App.ID)
		return string(s.Sealed), err
	},
	"GetSealedSecret": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		s, err := tx.GetSealedSecret(ctx, r.App.ID, 1)
		return string(s.Sealed), err
	},
	"SecretLife": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		life, err := tx.SecretLife(ctx, r.App.ID, 0)
		return len(life), err
	},
	"MoveSecrets": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.MoveSecrets(ctx, r.App.ID, []core.SecretStep{{Version: 1, To: core.SecretDestroyed}}, false)
	},
	"PostponeSecret": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.PostponeSecret(ctx, r.App.ID, 1, time.Minute)
	},
	"ScheduleSecret": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		at := time.Now()
		return nil, tx.ScheduleSecret(ctx, r.App.ID, 1, &at)
	},
	"ClaimDueSecret": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		_, claimed, err := tx.ClaimDueSecret(ctx, r.App.ID, 1, time.Minute)
		return claimed, err
	},
	"PutTrialGrants": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.PutTrialGrants(ctx, r.App.ID, 1, []store.TrialGrant{{Kind: core.AgentTicket, Sealed: []byte("new"), KeyVersion: 1, FetchedAt: time.Now()}})
	},
	"ListTrialGrants": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		list, err := tx.ListTrialGrants(ctx, r.App.ID, 1, time.Hour)
		return len(list), err
	},
	"SetSecretAge": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.SetSecretAge(ctx, 90)
	},
	"Now": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		now, err := tx.Now(ctx)
		return !now.IsZero(), err
	},
	"CreateIntakeLink": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		_, err := tx.CreateIntakeLink(ctx, core.NewLinkID(), r.App.ID, [32]byte{1}, time.Hour)
		return nil, err
	},
	"ListIntakeLinks": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		list, err := tx.ListIntakeLinks(ctx, r.App.ID, wholePage)
		return len(list.Items), err
	},
	"LockIntakeLink": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		link, err := tx.LockIntakeLink(ctx, r.Intake)
		return link.MadeBy, err
	},
	"FindIntakeLink": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		link, err := tx.FindIntakeLink(ctx, r.Intake, [32]byte{})
		return link.MadeBy, err
	},
	"UseIntakeLink": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.UseIntakeLink(ctx, r.Intake, 1)
	},
	"ReserveHandIn": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return tx.ReserveHandIn(ctx, r.Intake, 9)
	},
	"GiveBackHandIn": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.GiveBackHandIn(ctx, r.Intake)
	},
	"RevokeIntakeLink": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.RevokeIntakeLink(ctx, r.Intake)
	},
	"BindWeComPerson": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		if _, err := tx.UnbindWeComPeopleOf(ctx, r.Member); err != nil {
			return nil, err
		}
		p, err := tx.BindWeComPerson(ctx, r.Corp, "somebody", r.Member)
		return p.UserID, err
	},
	"FindWeComPerson": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		p, found, err := tx.FindWeComPerson(ctx, r.Corp, r.User)
		return []any{p.UserID, found}, err
	},
	"ListWeComPeopleOf": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		list, err := tx.ListWeComPeopleOf(ctx, r.Member)
		return len(list), err
	},
	"UnbindWeComPeopleOf": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		list, err := tx.UnbindWeComPeopleOf(ctx, r.Member)
		return len(list), err
	},
	"HoldSecret": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return tx.HoldSecret(ctx, r.App.ID, 1)
	},
	"GetTenant": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		tenant, err := tx.GetTenant(ctx)
		return []any{tenant.Name, tenant.Corps}, err
	},
	"GetTenantKey": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		k, err := tx.GetTenantKey(ctx, 1)
		return string(k.Wrapped), err
	},
	"HasApp": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return tx.HasApp(ctx, r.Corp, r.App.AgentID)
	},
	"ListAppNames": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		names, err := tx.ListAppNames(ctx)
		return len(names), err
	},
	"ListApps": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		list, err := tx.ListApps(ctx, wholePage)
		var names []string
		for _, app := range list.Items {
			names = append(names, app.Name)
		}
		return names, err
	},
	"GetAuditEnd": auditCalls["GetAuditEnd"],
	"ReadAudit":   auditCalls["ReadAudit"],
	"ListAudit": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		list, err := tx.ListAudit(ctx, wholePage)
		var subjects []string
		for _, row := range list.Items {
			subjects = append(subjects, row.Subject)
		}
		return subjects, err
	},
	"ListDomains": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		list, err := tx.ListDomains(ctx, r.App.ID, wholePage)
		return len(list.Items), err
	},
	"ListSecretVersions": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		list, err := tx.ListSecretVersions(ctx, r.App.ID, wholePage)
		return len(list.Items), err
	},
	"LockApp": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		app, err := tx.LockApp(ctx, r.App.ID)
		return app.Name, err
	},
	"LockTenant": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) { return tx.LockTenant(ctx) },
	"NewestTenantKey": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		k, err := tx.NewestTenantKey(ctx)
		return string(k.Wrapped), err
	},
	"NextSecretVersion": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return tx.NextSecretVersion(ctx, r.App.ID)
	},
	"PutTicket": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		_, err := tx.PutTicket(ctx, core.AgentTicket, r.appSubject(), r.ticket(1, "new"))
		if err != nil {
			return nil, err
		}
		return tx.PutTicket(ctx, core.AccessToken, r.appSubject(), r.ticket(2, "new"))
	},
	"ListRefusedCalls": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return callsOf(tx.ListRefusedCalls(ctx))
	},
	"TouchApp": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.TouchApp(ctx, r.App.ID)
	},
	"TurnTenantKey": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.TurnTenantKey(ctx, store.WrappedKey{Version: 3, RootEpoch: 1, Wrapped: []byte("new")})
	},
	"TakeSealed": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		values, err := tx.TakeSealed(ctx, 2, 10)
		return sealedOf(values), err
	},
	"ListPutBackSecrets": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		list, err := tx.ListPutBackSecrets(ctx)
		return len(list), err
	},
	"ListSealed": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		values, err := tx.ListSealed(ctx)
		return sealedOf(values), err
	},
	"PutResealed": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.PutResealed(ctx, []store.SealedValue{
			{Kind: store.ValueOfSecret, AppID: r.App.ID, Number: 1, Sealed: []byte("anew"), KeyVersion: 2, Fingerprint: "anew"},
			{Kind: store.ValueOfTicket, Ticket: core.AccessToken, AppID: r.App.ID, Number: 1, Sealed: []byte("anew"), KeyVersion: 2},
			{Kind: store.ValueOfTicket, Ticket: core.CorpTicket, CorpID: r.Corp, Number: 1, Sealed: []byte("anew"), KeyVersion: 2},
		})
	},
	"ListKeyVersions": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		versions, err := tx.ListKeyVersions(ctx)
		var values []int64
		for _, v := range versions {
			values = append(values, v.Values)
		}
		return values, err
	},
	"RetireTenantKeys": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		retired, left, err := tx.RetireTenantKeys(ctx, 2)
		return []any{retired, left}, err
	},
	"UpdateApp": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		app, err := tx.UpdateApp(ctx, core.App{ID: r.App.ID, Name: "changed", Status: core.Suspended})
		return app.Name, err
	},
	"UpdateSecretOutcome": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.UpdateSecretOutcome(ctx, r.App.ID, 1, "wecom.secret_rejected")
	},
	"UpdateTenant": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.UpdateTenant(ctx, "changed", core.Suspended)
	},
})

// platformCalls has a row for each method of PlatformTx. Each succeeds through
// the platform's door where r is a tenant that is there.
var platformCalls = joined(platformAnswerCalls, map[string]platformCall{
	"Announce": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.Announce(ctx, store.Change{TenantID: r.ID, Kind: store.LegacyHostChanged, Host: r.Legacy})
	},
	"Audit": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return nil, tx.Audit(ctx, core.AuditEntry{Action: "test.audit", SubjectKind: "test", Subject: "test"})
	},
	"BindLegacyHost": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		_, made, err := tx.BindLegacyHost(ctx, core.LegacyHost{Host: "new.example.com", TenantID: r.ID, AppID: r.App.ID})
		return made, err
	},
	"CreateRootKey": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		k := commonRootKey
		k.Epoch = 2
		return nil, tx.CreateRootKey(ctx, k)
	},
	"EnsurePlatformKey": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		k, err := tx.EnsurePlatformKey(ctx, store.WrappedKey{Version: 1, RootEpoch: 1, Wrapped: []byte("platform")})
		return string(k.Wrapped), err
	},
	"AuditBy":        platformAuditCalls["AuditBy"],
	"CreateAuditKey": platformAuditCalls["CreateAuditKey"],
	"GetAuditEnd":    platformAuditCalls["GetAuditEnd"],
	"ListAudit":      platformAuditCalls["ListAudit"],
	"ListAuditKeys":  platformAuditCalls["ListAuditKeys"],
	"LockAuditKeys":  platformAuditCalls["LockAuditKeys"],
	"ReadAudit":      platformAuditCalls["ReadAudit"],
	"GetPlatformKey": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		if _, err := tx.EnsurePlatformKey(ctx, store.WrappedKey{Version: 1, RootEpoch: 1, Wrapped: []byte("platform")}); err != nil {
			return nil, err
		}
		k, err := tx.GetPlatformKey(ctx, 1)
		return string(k.Wrapped), err
	},
	"ListLegacyHosts": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		list, err := tx.ListLegacyHosts(ctx, wholePage)
		return len(list.Items), err
	},
	"RecordDeletion": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.RecordDeletion(ctx, core.Destroyed{TenantID: r.ID, At: time.Now(), UnopenableFrom: time.Now()})
	},
	"SealedWithoutRoot": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return tx.SealedWithoutRoot(ctx)
	},
	"ListRootKeys": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		keys, err := tx.ListRootKeys(ctx)
		return len(keys), err
	},
	"TrimCalls": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return tx.TrimCalls(ctx)
	},
	"TrimIntakeLinks": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return tx.TrimIntakeLinks(ctx)
	},
	"TrimTrialGrants": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return tx.TrimTrialGrants(ctx)
	},
	"TrimChanges": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) { return tx.TrimChanges(ctx) },
	"UnbindLegacyHost": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		_, err := tx.UnbindLegacyHost(ctx, r.Legacy)
		return nil, err
	},
})

// systemCalls has a row for each method of SystemTx.
var systemCalls = joined(signingKeyCalls, map[string]systemCall{
	"CountSealed": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		counts, err := tx.CountSealed(ctx)
		return counts[1], err
	},
	"ListTurningTenants": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		return tx.ListTurningTenants(ctx, core.TenantID{}, 10)
	},
	"Clock": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		at, err := tx.Clock(ctx)
		return !at.IsZero(), err
	},
	"ListAppsInUse": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		apps, err := tx.ListAppsInUse(ctx, time.Time{}, time.Time{})
		return len(apps), err
	},
	"EachLegacyHost": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		hosts := 0
		err := tx.EachLegacyHost(ctx, func(core.Host, core.AppKey) { hosts++ })
		return hosts, err
	},
	"EachSigningApp": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		apps := 0
		err := tx.EachSigningApp(ctx, func(*store.SigningApp) { apps++ })
		return apps, err
	},
	"EachSigningAppNamed": func(ctx context.Context, tx *store.SystemTx, r tenantRows) (any, error) {
		apps := 0
		err := tx.EachSigningAppNamed(ctx, []core.AppKey{r.App.Key}, []core.TenantID{r.ID}, func(*store.SigningApp) { apps++ })
		return apps, err
	},
	"FindLegacyHostApp": func(ctx context.Context, tx *store.SystemTx, r tenantRows) (any, error) {
		_, found, err := tx.FindLegacyHostApp(ctx, r.Legacy)
		return found, err
	},
	"Horizon": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) { return tx.Horizon(ctx) },
	"ListMemberships": func(ctx context.Context, tx *store.SystemTx, r tenantRows) (any, error) {
		return tx.ListMemberships(ctx, r.Member)
	},
	"ListTenants": func(ctx context.Context, tx *store.SystemTx, r tenantRows) (any, error) {
		return tx.ListTenants(ctx, false, []core.TenantID{r.ID}, core.EveryTenant, wholePage)
	},
	"ListDueTenants": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		return tx.ListDueTenants(ctx, 10)
	},
	"ListDeletions":      func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) { return tx.ListDeletions(ctx) },
	"ListAuditHeads":     systemAuditCalls["ListAuditHeads"],
	"ListAuditedTenants": systemAuditCalls["ListAuditedTenants"],
	"ListKeylessTenants": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		return tx.ListKeylessTenants(ctx)
	},
	"ReadChanges": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		changes, _, err := tx.ReadChanges(ctx, store.FeedPosition{})
		return changes, err
	},
	"ListCorpCalls": func(ctx context.Context, tx *store.SystemTx, r tenantRows) (any, error) {
		list, err := tx.ListCorpCalls(ctx, r.Corp)
		return len(list), err
	},
	"ListDueSecrets": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		return tx.ListDueSecrets(ctx, 10)
	},
	"ListSupersededSecrets": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		return tx.ListSupersededSecrets(ctx, 0, 10)
	},
	"ListSecretsByAge": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		return tx.ListSecretsByAge(ctx, time.Now(), wholePage)
	},
	"ListTroubles": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		return tx.ListTroubles(ctx, 10)
	},
	"ListRefusedCalls": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		return callsOf(tx.ListRefusedCalls(ctx))
	},
})

func TestEveryMethodOfEveryDoorHasARow(t *testing.T) {
	t.Parallel()
	for _, door := range []struct{ tx, calls reflect.Value }{
		{reflect.ValueOf((*store.TenantTx)(nil)), reflect.ValueOf(tenantCalls)},
		{reflect.ValueOf((*store.PlatformTx)(nil)), reflect.ValueOf(platformCalls)},
		{reflect.ValueOf((*store.KeysTx)(nil)), reflect.ValueOf(keysCalls)},
		{reflect.ValueOf((*store.SystemTx)(nil)), reflect.ValueOf(systemCalls)},
	} {
		var methods, rows []string
		for i := range door.tx.NumMethod() {
			name := door.tx.Type().Method(i).Name
			if name != "Invitations" {
				methods = append(methods, name)
				continue
			}
			part := reflect.TypeFor[*store.InvitationTx]()
			for j := range part.NumMethod() {
				methods = append(methods, name+"."+part.Method(j).Name)
			}
		}
		for _, name := range door.calls.MapKeys() {
			rows = append(rows, name.String())
		}
		require.ElementsMatch(t, methods, rows, door.tx.Type().String())
	}
}

func sealedOf(values []store.SealedValue) (sealed []string) {
	for _, v := range values {
		sealed = append(sealed, string(v.Sealed))
	}
	return sealed
}

// callsOf gives the sum, which is the same however long the minutes have left.
func callsOf(minutes []store.CallMinute, err error) (int64, error) {
	var sum int64
	for _, m := range minutes {
		sum += m.Calls
	}
	return sum, err
}

// toldBy gives what callers are told, which is the same however long it holds yet.
func toldBy(pauses []store.Pause, err error) ([]string, error) {
	var told []string
	for _, p := range pauses {
		told = append(told, fmt.Sprint(p.Kind, p.Failures, p.Told, p.Told.Args))
	}
	return told, err
}
