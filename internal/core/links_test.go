package core_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

func TestALinkTokenHasOneSpelling(t *testing.T) {
	t.Parallel()
	made := core.NewLinkToken(core.InvitationPurpose, core.NewTenantID(), core.NewLinkID())
	text := made.Text().Expose()
	require.Len(t, text, 86)
	read, ok := core.ParseLinkToken(core.InvitationPurpose, text)
	require.True(t, ok)
	require.Equal(t, made.Tenant, read.Tenant)
	require.Equal(t, made.Link, read.Link)
	require.Equal(t, made.Hash(), read.Hash())
	other, ok := core.ParseLinkToken(core.ResetPurpose, text)
	require.True(t, ok)
	require.NotEqual(t, made.Hash(), other.Hash(), "a token of one purpose is unknown for another")
	require.Equal(t, "https://c.example.com/invite#"+text, made.Address("https://c.example.com").Expose())
	intake, ok := core.ParseLinkToken(core.IntakePurpose, text)
	require.True(t, ok)
	require.Equal(t, sha256.Sum256([]byte("signet intake 1 "+text)), intake.Hash(), "as it is kept of links that are out")
	require.Equal(t, "https://c.example.com/intake#"+text, intake.Address("https://c.example.com").Expose())
	require.Equal(t, "https://c.example.com/reset#"+text, other.Address("https://c.example.com").Expose())
	for _, bad := range []string{"", text[:85], text + "A", text + "=", text[:85] + "\n", " " + text, strings.Repeat("A", 85), strings.Repeat("é", 43)} {
		_, ok := core.ParseLinkToken(core.InvitationPurpose, bad)
		require.False(t, ok, "%q", bad)
	}
	printed := fmt.Sprintf("%v %+v %#v", made, made, made)
	require.NotContains(t, printed, text)
}

func TestTheStateOfALink(t *testing.T) {
	t.Parallel()
	made := time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)
	end, later := made.Add(time.Hour), made.Add(2*time.Hour)
	half := made.Add(30 * time.Minute)
	for name, c := range map[string]struct {
		used, revoked *time.Time
		now           time.Time
		state         core.LinkState
		at            time.Time
	}{
		"open":                           {nil, nil, half, core.LinkOpen, made},
		"at its end":                     {nil, nil, end, core.LinkExpired, end},
		"used":                           {&half, nil, later, core.LinkUsed, half},
		"taken back":                     {nil, &half, later, core.LinkRevoked, half},
		"taken back when it had expired": {nil, &later, later, core.LinkExpired, end},
	} {
		times := core.LinkTimes{CreatedAt: made, ExpiresAt: end, UsedAt: c.used, RevokedAt: c.revoked}
		state, at := times.State(c.now)
		require.Equal(t, c.state, state, name)
		require.Equal(t, c.at, at, name)
		for _, purpose := range []core.LinkPurpose{core.IntakePurpose, core.InvitationPurpose, core.ResetPurpose} {
			err := times.RefuseEnded(purpose, c.now)
			if c.state == core.LinkOpen {
				require.NoError(t, err, name)
				continue
			}
			require.True(t, fault.Has(err, fault.Code(string(purpose)+"."+string(c.state))), "%s: %v", name, err)
			require.Equal(t, fault.At(c.at), fault.Find(err).Args, name)
		}
	}
}

// Nobody gives what they do not have, and those who may give a role have all of it.
func TestWhoMayGiveARole(t *testing.T) {
	t.Parallel()
	tenant := core.NewTenantID()
	for _, own := range core.Roles() {
		actor := core.Actor{Kind: core.ActorMember, Proved: true}
		if own.OfPlatform() {
			actor.Grants.Platform = own
		} else {
			actor.Grants.Tenants = map[core.TenantID]core.Role{tenant: own}
		}
		for _, given := range []core.Role{core.TenantOwner, core.TenantAdmin, core.TenantViewer} {
			err := actor.MayGiveRole(tenant, given)
			if own == core.PlatformOwner || own == core.PlatformOperator || own == core.TenantOwner {
				require.NoError(t, err, "%s gives %s", own, given)
			} else {
				require.True(t, fault.Has(err, fault.PermissionDenied), "%s gives %s", own, given)
			}
		}
		if own != core.PlatformOwner {
			require.True(t, fault.Has(actor.MayGiveRole(tenant, core.PlatformOwner), fault.PermissionDenied), "%s gives what is the platform's", own)
		}
		require.Equal(t, own == core.PlatformOwner || own == core.PlatformOperator, actor.Grants.Works(), own)
	}
}
