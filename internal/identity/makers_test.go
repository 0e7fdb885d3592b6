package identity

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

// person makes somebody who is invited to be that, and signs them in; the zero tenant
// is the platform.
func (h *house) person(t *testing.T, email string, tenant core.TenantID, role core.Role) core.Actor {
	t.Helper()
	require.NoError(t, h.accept(t, h.invite(t, tenant, email, role), chosen, core.Actor{}))
	return h.as(t, email, chosen)
}

// become lets something become of a member ($1); $2 is another tenant.
func (h *house) become(t *testing.T, statement string, member core.MemberID, other core.TenantID) {
	t.Helper()
	h.damage(t, strings.NewReplacer("$1", "'"+member.String()+"'", "$2", "'"+other.String()+"'").Replace(statement))
}

// What an operator may have reset is who is nobody on the platform: by a link from
// before they became an owner of it, the operator would be one too.
func TestAResetDoesNotOutliveThatItsMemberHasNoRoleOnThePlatform(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	operator := h.person(t, "operator@example.com", core.TenantID{}, core.PlatformOperator)
	bob := h.person(t, "bob@example.com", h.tenant(t, "一"), core.TenantViewer)
	link := h.resetBy(t, operator, core.Reset{Member: bob.MemberID})
	_, err := h.ReadReset(t.Context(), link.Text().Expose(), "")
	require.NoError(t, err)

	require.NoError(t, h.accept(t, h.invite(t, core.TenantID{}, "bob@example.com", core.PlatformOwner), core.Secret{}, bob))
	requireFault(t, fault.ResetRevoked, h.use(t, link, core.NewSecret("what the operator would")))
	require.Equal(t, core.PlatformOwner, h.as(t, "bob@example.com", chosen).Grants.Platform)
	require.Equal(t, []string{"true"}, h.texts(t, `SELECT (revoked_at IS NOT NULL)::text FROM signet.resets`), "the row says it too")
}

// A link is worth what its maker may do when it is used: else who was taken out would
// come back in by one that they have put by.
func TestALinkIsNoLongerGoodOnceItsMakerMayNotMakeIt(t *testing.T) {
	t.Parallel()
	became := map[string]struct {
		statement string
		good      map[string]bool
	}{
		"nothing else":             {`SELECT 1`, map[string]bool{"owner": true, "viewer": true, "reset": true}},
		"one who left the tenant":  {`DELETE FROM signet.memberships WHERE member_id = $1`, nil},
		"an administrator":         {`UPDATE signet.memberships SET role = 'tenant_admin' WHERE member_id = $1`, nil},
		"an owner somewhere else":  {`UPDATE signet.memberships SET tenant_id = $2 WHERE member_id = $1`, nil},
		"an operator besides":      {`UPDATE signet.members SET platform_role = 'platform_operator' WHERE member_id = $1`, map[string]bool{"owner": true, "viewer": true, "reset": true}},
		"only one of the platform": {`WITH gone AS (DELETE FROM signet.memberships WHERE member_id = $1) UPDATE signet.members SET platform_role = 'platform_auditor' WHERE member_id = $1`, nil},
	}
	for what, c := range became {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			tenant, other := h.tenant(t, "一"), h.tenant(t, "二")
			maker := h.person(t, "maker@example.com", tenant, core.TenantOwner)
			bob := h.person(t, "bob@example.com", tenant, core.TenantOwner)
			links := map[string]core.LinkToken{
				"owner":  h.inviteBy(t, maker, tenant, "another@example.com", core.TenantOwner),
				"viewer": h.inviteBy(t, maker, tenant, "third@example.com", core.TenantViewer),
				"reset":  h.resetBy(t, maker, core.Reset{Member: bob.MemberID, Tenant: tenant}),
			}
			h.become(t, c.statement, maker.MemberID, other)
			for name, link := range links {
				err, ended := h.accept(t, link, chosen, core.Actor{}), fault.InvitationRevoked
				if name == "reset" {
					err, ended = h.use(t, link, core.NewSecret("what the maker would")), fault.ResetRevoked
				}
				if c.good[name] {
					require.NoError(t, err, name)
					continue
				}
				requireFault(t, ended, err)
				require.Equal(t, fault.ReasonMakerMayNot, fault.Find(err).Reason, name)
			}
			if c.good == nil {
				require.Empty(t, h.texts(t, `SELECT email FROM signet.members WHERE email IN ('another@example.com', 'third@example.com')`))
				h.as(t, "bob@example.com", chosen)
			}
		})
	}
}

func TestALinkOfThePlatformIsNoLongerGoodOnceItsMakerMayNotMakeIt(t *testing.T) {
	t.Parallel()
	for role, good := range map[core.Role][]string{
		core.PlatformOwner:    {"invitation", "into a tenant", "of an operator", "of one of a tenant", "with factors"},
		core.PlatformOperator: {"into a tenant", "of one of a tenant"},
		core.PlatformAuditor:  nil,
		"":                    nil,
	} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			tenant := h.tenant(t, "一")
			maker := h.person(t, "maker@example.com", core.TenantID{}, core.PlatformOwner)
			operator := h.person(t, "operator@example.com", core.TenantID{}, core.PlatformOperator)
			bob, eve := h.person(t, "bob@example.com", tenant, core.TenantViewer), h.person(t, "eve@example.com", tenant, core.TenantViewer)
			invitations := map[string]core.LinkToken{
				"invitation":    h.inviteBy(t, maker, core.TenantID{}, "one@example.com", core.PlatformAuditor),
				"into a tenant": h.inviteBy(t, maker, tenant, "two@example.com", core.TenantOwner),
			}
			resets := map[string]core.LinkToken{
				"of an operator":     h.resetBy(t, maker, core.Reset{Member: operator.MemberID}),
				"of one of a tenant": h.resetBy(t, maker, core.Reset{Member: bob.MemberID}),
				"with factors":       h.resetBy(t, maker, core.Reset{Member: eve.MemberID, Factors: true}),
			}
			h.become(t, `UPDATE signet.members SET platform_role = nullif('`+string(role)+`', '') WHERE member_id = $1`, maker.MemberID, tenant)
			var worked []string
			for name, link := range invitations {
				if err := h.accept(t, link, chosen, core.Actor{}); err == nil {
					worked = append(worked, name)
				} else {
					requireFault(t, fault.InvitationRevoked, err)
				}
			}
			for name, link := range resets {
				if err := h.use(t, link, core.NewSecret("what the maker would")); err == nil {
					worked = append(worked, name)
				} else {
					requireFault(t, fault.ResetRevoked, err)
				}
			}
			require.ElementsMatch(t, good, worked)
		})
	}
}

// Anybody may say that an address has forgotten its password, and must not take away by
// that the link which an owner has made for them.
func TestWhoAsksForALetterTakesNoLinkBackThatSomebodyHasMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	box := &letterbox{}
	h.mailer = box
	bob := h.person(t, "bob@example.com", h.tenant(t, "一"), core.TenantViewer)
	made := h.resetBy(t, h.as(t, ownerEmail, ownerPassword), core.Reset{Member: bob.MemberID, Factors: true})
	for range 2 {
		require.NoError(t, h.Forget(t.Context(), office, "bob@example.com", ""))
	}
	require.Len(t, box.letters, 2)
	requireFault(t, fault.ResetRevoked, h.use(t, box.letters[0].Link, ownerPassword))
	require.NoError(t, h.use(t, made, ownerPassword))
	requireFault(t, fault.ResetRevoked, h.use(t, box.letters[1].Link, chosen))
}

// Who changes their password because somebody may be at their account has no link
// lying about by which it is changed again.
func TestAChangedPasswordTakesTheResetsBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	link := h.reset(t, h.owner.ID, core.TenantID{})
	require.NoError(t, h.ChangePassword(t.Context(), h.as(t, ownerEmail, ownerPassword), atOffice, ownerPassword, chosen))
	requireFault(t, fault.ResetRevoked, h.use(t, link, ownerPassword))
	h.as(t, ownerEmail, chosen)
}
