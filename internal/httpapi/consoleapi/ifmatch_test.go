package consoleapi

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

// A trusted domain has no version of its own: the app's counts its changes too.
func TestADomainIsDeletedAtTheVersionOfItsApp(t *testing.T) {
	t.Parallel()
	app := "/tenants/" + tenantID.String() + "/apps/" + appID.String()
	path := app + "/domains/" + domainID.String()
	for _, row := range []struct {
		name, header string // "-" for none
		status       int
	}{
		{"none", "-", 204},
		{"the app's version", `"7"`, 204},
		{"an older one", `"6"`, 412},
		{"whatever is there", `*`, 204},
		{"one of several", `"3", "7"`, 204},
		{"none of several", `"3","4"`, 412},
		{"a weak one", `W/"7"`, 412},
		{"a foreign one", `"abc"`, 412},
		{"without quotes", `7`, 400},
		{"nothing", ``, 400},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			var headers []string
			if row.header != "-" {
				headers = []string{"If-Match", row.header}
			}
			a := b.act(t, "DELETE", path, "", headers...)
			switch row.status {
			case 204:
				require.Equal(t, 204, a.StatusCode, "%s", a.Text)
				require.Equal(t, 1, b.admin.count())
				return
			case 412:
				a.requireProblem(t, 412, "if_match.conflict")
			case 400:
				a.requirePlace(t, "?If-Match", "if_match")
			}
			require.Zero(t, b.admin.count(), "nothing is deleted")
		})
	}
	// What the API gives as the app's ETag is what it takes here.
	b := setup(t, nil)
	read := b.act(t, "GET", app, "")
	require.Equal(t, 204, b.act(t, "DELETE", path, "", "If-Match", read.Header.Get("ETag")).StatusCode)
	gone := app + "/domains/" + core.NewDomainID().String()
	b.act(t, "DELETE", gone, "", "If-Match", `"7"`).requireProblem(t, 404, "domain.unknown")
}

// A binding has no ETag: who sends one has it from somewhere else.
func TestABindingIsRemovedAtNoETag(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const path = "/legacy-hosts/crm.example.com"
	for _, header := range []string{`"7"`, `"3","7"`, `W/"7"`, `"abc"`, `""`, `"abc","def"`} {
		b.act(t, "DELETE", path, "", "If-Match", header).requireProblem(t, 412, "if_match.conflict")
	}
	b.act(t, "DELETE", path, "", "If-Match", "7").requirePlace(t, "?If-Match", "if_match")
	require.Zero(t, b.admin.count())
	require.Equal(t, 204, b.act(t, "DELETE", path, "", "If-Match", "*").StatusCode)
	require.Equal(t, 204, b.act(t, "DELETE", path, "").StatusCode)
	require.Equal(t, 2, b.admin.count())
}
