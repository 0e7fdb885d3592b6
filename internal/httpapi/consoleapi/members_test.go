package consoleapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

// What the API shows is what the server goes by.
func TestTheTableOfRolesIsTheOneThatIsEnforced(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.act(t, "GET", "/roles", "")
	requireSchema(t, "RoleTable", a.Text)
	var shown struct {
		Roles       []core.Role
		Permissions []struct {
			Permission  core.Permission
			Roles       []core.Role
			StepUp      bool
			APIKeyScope bool `json:"apiKeyScope"`
		}
	}
	require.NoError(t, json.Unmarshal(a.Text, &shown))
	require.Equal(t, core.Roles(), shown.Roles)
	require.Len(t, shown.Permissions, len(core.Rules()))
	for i, rule := range core.Rules() {
		row := shown.Permissions[i]
		require.Equal(t, rule.Permission, row.Permission)
		require.ElementsMatch(t, rule.Roles, row.Roles)
		require.Equal(t, rule.StepUp, row.StepUp)
		require.Equal(t, rule.Scope, row.APIKeyScope)
	}
}

func TestAnInvitationIsAcceptedByWhoIsSignedInOrByNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	body := `{"token":"x","password":"` + goodPassword + `"}`
	ask := func(headers ...string) answer {
		return b.ask(t, "POST", apiPath+"/invitations/accept", body, append(headers, "Content-Type", "application/json")...)
	}
	require.Equal(t, 201, ask().StatusCode)
	require.Equal(t, core.Actor{}, b.identity.accepted)
	require.Equal(t, 201, ask("Authorization", "Bearer "+goodToken).StatusCode)
	require.Equal(t, memberID, b.identity.accepted.MemberID)
	ask("Authorization", "Bearer x").requireProblem(t, 401, "session.required")
	ask("Sec-Fetch-Site", "cross-site").requireProblem(t, 403, "request.foreign_origin")
}

// A link stands behind the "#", where no server on the way sees it.
func TestTheAddressesOfLinks(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	tenant := "/tenants/" + tenantID.String()
	for path, row := range map[string]struct{ body, page string }{
		tenant + "/invitations":                             {`{"email":"bob@example.com","role":"tenant_viewer"}`, "/invite#"},
		"/platform/invitations":                             {`{"email":"bob@example.com","role":"platform_auditor"}`, "/invite#"},
		tenant + "/members/" + memberID.String() + "/reset": {"", "/reset#"},
		"/platform/members/" + memberID.String() + "/reset": {`{"factors":true}`, "/reset#"},
	} {
		a := b.act(t, "POST", path, row.body)
		require.Equal(t, 201, a.StatusCode, "%s", a.Text)
		var made struct{ Address string }
		require.NoError(t, json.Unmarshal(a.Text, &made))
		token, ok := strings.CutPrefix(made.Address, consoleURL+row.page)
		require.True(t, ok, made.Address)
		require.Len(t, token, 86)
	}
}
