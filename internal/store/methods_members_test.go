package store_test

import (
	"context"
	"maps"
	"time"

	"signet/internal/core"
	"signet/internal/store"
)

// The rows of tenantCalls and platformCalls about members, invitations and resets.
func init() {
	maps.Copy(tenantCalls, tenantPeopleCalls)
	maps.Copy(platformCalls, platformPeopleCalls)
}

var tenantPeopleCalls = map[string]tenantCall{
	"ListMemberships": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		list, err := tx.ListMemberships(ctx, wholePage)
		return len(list.Items), err
	},
	"GetMembership": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		m, err := tx.GetMembership(ctx, r.Member)
		return m.Role, err
	},
	"LockMembership": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		m, err := tx.LockMembership(ctx, r.Member)
		return m.Version, err
	},
	"LockOwners": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		owners, err := tx.LockOwners(ctx)
		return len(owners), err
	},
	"UpdateMembership": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.UpdateMembership(ctx, r.Member, core.TenantViewer)
	},
	"DeleteMembership": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.DeleteMembership(ctx, r.Member)
	},
	"SetSecondFactor": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.SetSecondFactor(ctx, true)
	},
	"Invitations.Create": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		made, err := tx.Invitations().Create(ctx, core.NewLinkID(), "bravo@guest.example.com", core.TenantAdmin, [32]byte{1}, time.Hour)
		return made.Role, err
	},
	"Invitations.List": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		list, err := tx.Invitations().List(ctx, wholePage)
		return len(list.Items), err
	},
	"Invitations.Lock": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		i, err := tx.Invitations().Lock(ctx, r.Invite)
		return i.Email, err
	},
	"Invitations.Find": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		i, err := tx.Invitations().Find(ctx, r.Invite, [32]byte{})
		return i.Email, err
	},
	"Invitations.Use": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.Invitations().Use(ctx, r.Invite)
	},
	"Invitations.Revoke": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.Invitations().Revoke(ctx, r.Invite)
	},
}

var platformPeopleCalls = map[string]platformCall{
	"ListPlatformMembers": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		list, err := tx.ListPlatformMembers(ctx, wholePage)
		return len(list.Items), err
	},
	"GetPlatformMember": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		if err := tx.SetPlatformRole(ctx, r.Member, core.PlatformOwner); err != nil {
			return nil, err
		}
		m, err := tx.GetPlatformMember(ctx, r.Member)
		return m.Version, err
	},
	"LockPlatformMember": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		if err := tx.SetPlatformRole(ctx, r.Member, core.PlatformOwner); err != nil {
			return nil, err
		}
		m, err := tx.LockPlatformMember(ctx, r.Member)
		return m.Version, err
	},
	"LockPlatformOwners": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		if err := tx.SetPlatformRole(ctx, r.Member, core.PlatformOwner); err != nil {
			return nil, err
		}
		owners, err := tx.LockPlatformOwners(ctx)
		return len(owners), err
	},
	"SetPlatformRole": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.SetPlatformRole(ctx, r.Member, core.PlatformAuditor)
	},
	"SetPasswordHash": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.SetPasswordHash(ctx, r.Member, core.NewSecret("another hash"))
	},
	"DescribeMembers": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		people, err := tx.DescribeMembers(ctx, []core.MemberID{r.Member, r.freeMember})
		return len(people), err
	},
	"Invitations.Create": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		made, err := tx.Invitations().Create(ctx, core.NewLinkID(), "new@example.com", core.PlatformOperator, [32]byte{1}, time.Hour)
		return made.Role, err
	},
	"Invitations.List": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		list, err := tx.Invitations().List(ctx, wholePage)
		return len(list.Items), err
	},
	"Invitations.Lock": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		i, err := tx.Invitations().Lock(ctx, r.Calling)
		return i.Email, err
	},
	"Invitations.Find": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		i, err := tx.Invitations().Find(ctx, r.Calling, [32]byte{})
		return i.Email, err
	},
	"Invitations.Use": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.Invitations().Use(ctx, r.Calling)
	},
	"Invitations.Revoke": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.Invitations().Revoke(ctx, r.Calling)
	},
	"CreateReset": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		_, err := tx.CreateReset(ctx, core.Reset{ID: core.NewLinkID(), Member: r.freeMember, Tenant: r.ID}, [32]byte{1}, time.Hour)
		return nil, err
	},
	"RevokeResetsOf": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.RevokeResetsOf(ctx, r.Member, core.LinkID{})
	},
	"LockReset": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		reset, err := tx.LockReset(ctx, r.Reset, [32]byte{})
		return reset.Member, err
	},
	"UseReset": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return nil, tx.UseReset(ctx, r.Reset)
	},
	"Now": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		now, err := tx.Now(ctx)
		return !now.IsZero(), err
	},
	"TrimInvitations": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return tx.TrimInvitations(ctx)
	},
	"TrimResets": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return tx.TrimResets(ctx)
	},
}
