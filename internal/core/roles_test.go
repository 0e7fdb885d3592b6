package core_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

func TestTheTableOfWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	seen := map[core.Permission]bool{}
	for _, r := range core.Rules() {
		require.False(t, seen[r.Permission], "%s has two rows", r.Permission)
		seen[r.Permission] = true
		ofPlatform := strings.HasPrefix(string(r.Permission), "platform.")
		for _, role := range core.Roles() {
			require.Equal(t, slices.Contains(r.Roles, role), role.Can(r.Permission))
			if ofPlatform && !role.OfPlatform() {
				require.False(t, role.Can(r.Permission), "%s is not a tenant's to give", r.Permission)
			}
		}
		require.False(t, ofPlatform && r.Scope, "%s: an API key is a tenant's", r.Permission)
		require.Equal(t, r.Scope, r.Permission.IsScope())
	}
	// Who may do more on the platform or in a tenant may do all that the next may.
	for _, pair := range [][2]core.Role{{core.PlatformOwner, core.PlatformOperator}, {core.PlatformOwner, core.PlatformAuditor}, {core.TenantOwner, core.TenantAdmin}, {core.TenantAdmin, core.TenantViewer}} {
		for _, r := range core.Rules() {
			require.True(t, pair[0].Can(r.Permission) || !pair[1].Can(r.Permission), "%s of %s", r.Permission, pair[0])
		}
	}
	// The table that was given out is the caller's.
	given := core.Rules()
	given[0].Roles[0] = core.TenantViewer
	require.False(t, core.TenantViewer.Can(given[0].Permission))
	require.Equal(t, core.PlatformOwner, core.Rules()[0].Roles[0])
}

func TestWhatAnActorMay(t *testing.T) {
	t.Parallel()
	own, other := core.NewTenantID(), core.NewTenantID()
	member := func(role core.Role) core.Actor {
		return core.Actor{Kind: core.ActorMember, Grants: core.Grants{Tenants: map[core.TenantID]core.Role{own: role}}}
	}
	proved := func(a core.Actor) core.Actor { a.Proved = true; return a }
	unproved := member(core.TenantOwner)
	unproved.Grants.Unproved = map[core.TenantID]bool{own: true}
	key := core.Actor{Kind: core.ActorAPIKey, Grants: core.Grants{
		Tenants: map[core.TenantID]core.Role{own: ""},
		Scopes:  []core.Permission{core.SecretsWrite, core.MembersWrite},
	}}
	operator := core.Actor{Kind: core.ActorMember, Grants: core.Grants{Platform: core.PlatformOperator}}
	scopedMember := member(core.TenantViewer)
	scopedMember.Grants.Scopes = []core.Permission{core.AppsWrite}

	for name, c := range map[string]struct {
		actor  core.Actor
		tenant core.TenantID
		what   core.Permission
		want   fault.Code
	}{
		"a viewer reads":                        {member(core.TenantViewer), own, core.TenantRead, ""},
		"a viewer writes":                       {member(core.TenantViewer), own, core.AppsWrite, fault.PermissionDenied},
		"elsewhere":                             {member(core.TenantOwner), other, core.TenantRead, fault.TenantUnknown},
		"a secret without proof":                {member(core.TenantAdmin), own, core.SecretsWrite, fault.StepUpRequired},
		"a secret with proof":                   {proved(member(core.TenantAdmin)), own, core.SecretsWrite, ""},
		"too small a role is told before proof": {member(core.TenantViewer), own, core.SecretsWrite, fault.PermissionDenied},
		"a tenant that wants a second factor":   {proved(unproved), own, core.TenantRead, fault.SecondFactorRequired},
		"a key in its scope":                    {key, own, core.SecretsWrite, ""},
		"a key beyond its scope":                {key, own, core.AppsWrite, fault.PermissionDenied},
		"a key with what no key can carry":      {key, own, core.MembersWrite, fault.PermissionDenied},
		"a key elsewhere":                       {key, other, core.SecretsWrite, fault.TenantUnknown},
		"scopes are for keys alone":             {scopedMember, own, core.AppsWrite, fault.PermissionDenied},
		"an operator anywhere":                  {operator, other, core.AppsWrite, ""},
		"an operator beyond the role":           {operator, other, core.TenantDelete, fault.PermissionDenied},
		"Signet itself":                         {core.System("test"), other, core.TenantDelete, ""},
		"who hands a secret in":                 {core.IntakeActor(own, core.NewLinkID(), ""), own, core.SecretsWrite, ""},
	} {
		err := c.actor.MayIn(c.tenant, c.what)
		if c.want == "" {
			require.NoError(t, err, name)
		} else {
			require.True(t, fault.Has(err, c.want), "%s: %v", name, err)
		}
	}
	require.NoError(t, proved(core.Actor{Kind: core.ActorMember, Grants: core.Grants{Platform: core.PlatformOwner}}).May(core.OperatorsWrite))
	require.True(t, fault.Has(core.Actor{Kind: core.ActorMember, Grants: core.Grants{Platform: core.PlatformOwner}}.May(core.OperatorsWrite), fault.StepUpRequired))
	require.True(t, fault.Has(key.May(core.TenantsList), fault.PermissionDenied))
}
