package consoleapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/fault"
)

func TestAChangeNeedsTheVersionThatWasRead(t *testing.T) {
	t.Parallel()
	tenant := "/tenants/" + tenantID.String()
	changeable := map[string]string{tenant: `{"name":"b"}`, tenant + "/apps/" + appID.String(): `{"name":"b"}`,
		tenant + "/members/" + memberID.String(): `{"role":"tenant_viewer"}`, "/platform/members/" + memberID.String(): `{"role":"platform_auditor"}`}
	for _, row := range []struct {
		name, header string // "-" for none
		patch, del   int
	}{
		{"none", "-", 428, 204},
		{"the version", `"7"`, 200, 204},
		{"an older one", `"6"`, 412, 412},
		{"whatever is there", `*`, 200, 204},
		{"one of several", `"3", "7"`, 200, 204},
		{"none of several", `"3","4"`, 412, 412},
		{"a weak one", `W/"7"`, 412, 412},
		{"another spelling", `"07"`, 412, 412},
		{"a signed one", `"+7"`, 412, 412},
		{"a foreign one", `"abc"`, 412, 412},
		{"an empty one", `""`, 412, 412},
		{"without quotes", `7`, 400, 400},
		{"half of the quotes", `"7`, 400, 400},
		{"nothing", ``, 400, 400},
		{"a star among others", `"7",*`, 400, 400},
		{"blanks inside", `"7 "`, 400, 400},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			for path, change := range changeable {
				var headers []string
				if row.header != "-" {
					headers = []string{"If-Match", row.header}
				}
				patch := b.act(t, "PATCH", path, change, headers...)
				require.Equal(t, row.patch, patch.StatusCode, "%s", patch.Text)
				switch row.patch {
				case 200:
					require.Equal(t, `"7"`, patch.Header.Get("ETag"))
				case 428:
					patch.requireProblem(t, 428, "if_match.missing")
				case 412:
					patch.requireProblem(t, 412, "if_match.conflict")
				case 400:
					patch.requirePlace(t, "?If-Match", "if_match")
				}
				require.Equal(t, row.del, b.act(t, "DELETE", path, "", headers...).StatusCode)
			}
			require.Equal(t, map[int]int{200: len(changeable)}[row.patch]+map[int]int{204: len(changeable)}[row.del], b.admin.count())
		})
	}
}

func TestTwoLinesOfIfMatchAreOneList(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	path := "/tenants/" + tenantID.String()
	require.Equal(t, 200, b.act(t, "PATCH", path, `{"name":"b"}`, "If-Match", `"3"`, "If-Match", `"7"`).StatusCode)
	require.Equal(t, 412, b.act(t, "PATCH", path, `{"name":"b"}`, "If-Match", `"3"`, "If-Match", `"4"`).StatusCode)
}

func TestAPostAsksForNoVersionAndAnswersWithOne(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.act(t, "POST", "/tenants", `{"name":"示例企业","corpId":"wwexamplecorp00001"}`, "If-Match", `"99"`)
	require.Equal(t, 201, a.StatusCode)
	require.Equal(t, `"7"`, a.Header.Get("ETag"))
	require.Equal(t, "/api/v1/tenants/"+tenantID.String(), a.Header.Get("Location"))
	require.Equal(t, admin.NewTenant{Name: "示例企业", CorpID: "wwexamplecorp00001"}, b.admin.last)
	require.Equal(t, memberID, b.admin.actor.MemberID)
	require.Equal(t, a.Header.Get("X-Request-Id"), b.admin.actor.RequestID)
	require.JSONEq(t, fmt.Sprintf(`{"id":%q,"name":"示例企业","corps":[{"corpId":"wwexamplecorp00001"}],"status":"active","secretMaxAgeDays":0,"secondFactorRequired":false,
		"createdAt":"2025-11-22T12:00:00Z","updatedAt":"2025-11-22T12:00:00Z"}`, tenantID), string(a.Text))
}

func TestAnAppIsMadeAsTheContractShowsIt(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	path := "/tenants/" + tenantID.String() + "/apps"
	for agentID, status := range map[string]int{`"1000247"`: 201, `1000247`: 201, `1e3`: 400, `1.0`: 400, `-1`: 400, `"-1"`: 400, `01`: 400, `""`: 400, `12345678901`: 400, `true`: 400, `[1]`: 400} {
		a := b.act(t, "POST", path, `{"name":"侧边栏","secret":"`+agentSecret+`","agentId":`+agentID+`}`)
		require.Equal(t, status, a.StatusCode, "%s: %s", agentID, a.Text)
		if status == 201 {
			require.Contains(t, string(a.Text), `"agentId":"1000247"`)
			made := b.admin.last.(admin.NewApp)
			require.Equal(t, agentSecret, made.Secret.Expose())
			require.Equal(t, "1000247", made.AgentID)
			require.False(t, made.SkipCheck)
			require.Empty(t, made.CorpID)
		}
	}
	tried := b.act(t, "POST", path, `{"name":"侧边栏","secret":"`+agentSecret+`","agentId":1}`)
	require.JSONEq(t, fmt.Sprintf(`{"id":%q,"key":%q,"name":"侧边栏","corpId":"wwexamplecorp00001","agentId":"1000247","kind":"self_built",
		"status":"active","allowHttp":false,"strict":false,"serverOnly":false,"signIn":false,"secret":{"version":1,"state":"current","fingerprint":"9f2c41d07be85a36",
		"activation":1,"activatedAt":"2025-11-22T12:00:00Z","fellBack":false,"movedAt":"2025-11-22T12:00:00Z","checkedAt":"2025-11-22T12:00:00Z","createdAt":"2025-11-22T12:00:00Z"},
		"createdAt":"2025-11-22T12:00:00Z","updatedAt":"2025-11-22T12:00:00Z"}`, appID, core.AppKey{}.String()), string(tried.Text))
	untried := b.act(t, "POST", path+"?check=skip", `{"name":"a","secret":"`+agentSecret+`","agentId":1,"corpId":"wwx"}`)
	require.Equal(t, 201, untried.StatusCode)
	require.Contains(t, string(untried.Text), `"checkedAt":null`, "it says that it was not tried")
	require.True(t, b.admin.last.(admin.NewApp).SkipCheck)
	require.Equal(t, "wwx", b.admin.last.(admin.NewApp).CorpID)
	for _, check := range []string{"check=", "check=Skip", "check=true", "check=skip%20", "check"} {
		b.act(t, "POST", path+"?"+check, `{"name":"a","secret":"s","agentId":1}`).requirePlace(t, "?check", "check")
	}
	b.act(t, "POST", path+"?check=skip&check=skip", `{"name":"a","secret":"s","agentId":1}`).requirePlace(t, "?check", "repeated")
	b.act(t, "POST", path+"?check=%zz", `{"name":"a","secret":"s","agentId":1}`).requirePlace(t, "?check", "escape")
}

func TestASecretThatWeComRefusesIsToldWithItsNumber(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.admin.fail = fault.New(fault.SecretRefused, fault.Args{"errcode": "40001"}).WithErrcode(40001).WithReason(fault.ReasonWrongSecret)
	a := b.act(t, "POST", "/tenants/"+tenantID.String()+"/apps/"+appID.String()+"/secrets", `{"secret":"`+agentSecret+`"}`, "Accept-Language", "en")
	a.requireProblem(t, 422, "secret.refused")
	require.Contains(t, string(a.Text), `"upstream":{"errcode":40001}`)
	require.Contains(t, string(a.Text), "The secret is wrong or was reset.")
	require.Equal(t, "en", a.Header.Get("Content-Language"))
}

func TestListsArePaged(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	tenant := "/tenants/" + tenantID.String()
	app := tenant + "/apps/" + appID.String()
	for _, path := range []string{"/tenants", tenant + "/apps", app + "/secrets", app + "/domains", tenant + "/audit", "/audit", "/legacy-hosts", tenant + "/members", tenant + "/invitations", "/platform/members", "/platform/invitations"} {
		a := b.act(t, "GET", path, "")
		require.Equal(t, 200, a.StatusCode)
		require.Contains(t, string(a.Text), `"nextCursor":"more"`)
		require.Equal(t, core.Page{Limit: 50}, b.admin.page)
		last := b.act(t, "GET", path+"?limit=200&cursor=a%2Bb%3D", "")
		require.Contains(t, string(last.Text), `"nextCursor":null`)
		require.Equal(t, core.Page{Limit: 200, Cursor: "a+b="}, b.admin.page)
		for _, limit := range []string{"0", "201", "-1", "1.5", "abc", "", "01", "%2B1", "1%00", "99999999999999999999"} {
			b.act(t, "GET", path+"?limit="+limit, "").requirePlace(t, "?limit", "limit")
		}
		b.act(t, "GET", path+"?limit=1&limit=2", "").requirePlace(t, "?limit", "repeated")
		b.act(t, "GET", path+"?cursor="+strings.Repeat("a", 600), "").requirePlace(t, "?cursor", "cursor")
		b.act(t, "GET", path+"?cursor=%", "").requirePlace(t, "?cursor", "escape")
	}
}

func TestAMalformedIDIsAnsweredLikeOneThatNobodyHas(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	same := func(method, pattern, body string, random string, code string) {
		t.Helper()
		want := b.act(t, method, fmt.Sprintf(pattern, random), body, "X-Request-Id", "request-0001", "If-Match", "*")
		want.requireProblem(t, 404, code)
		for _, id := range []string{
			"1", "x", strings.ToUpper(random), "{" + random + "}", "urn:uuid:" + random, strings.ReplaceAll(random, "-", ""),
			random + "%00", "%00", "%2e%2e", "..%2f..", "'%20or%201=1--", strings.Repeat("a", 3000), "%F0%9F%98%80", random + "%20",
		} {
			got := b.act(t, method, fmt.Sprintf(pattern, id), body, "X-Request-Id", "request-0001", "If-Match", "*")
			require.Equal(t, 404, got.StatusCode, id)
			require.Equal(t, string(want.Text), string(got.Text), id)
		}
	}
	tenant := "/tenants/" + tenantID.String()
	same("GET", "/tenants/%s", "", core.NewTenantID().String(), "tenant.unknown")
	same("PATCH", "/tenants/%s", `{"name":"a"}`, core.NewTenantID().String(), "tenant.unknown")
	same("DELETE", "/tenants/%s", "", core.NewTenantID().String(), "tenant.unknown")
	same("GET", "/tenants/%s/audit", "", core.NewTenantID().String(), "tenant.unknown")
	same("GET", "/tenants/%s/audit/export", "", core.NewTenantID().String(), "tenant.unknown")
	same("GET", "/tenants/%s/audit/checkpoint", "", core.NewTenantID().String(), "tenant.unknown")
	same("GET", tenant+"/apps/%s", "", core.NewAppID().String(), "app.unknown")
	same("DELETE", tenant+"/apps/%s", "", core.NewAppID().String(), "app.unknown")
	same("DELETE", tenant+"/apps/"+appID.String()+"/domains/%s", "", core.NewDomainID().String(), "domain.unknown")
	same("GET", tenant+"/members/%s", "", core.NewMemberID().String(), "member.unknown")
	same("PATCH", tenant+"/members/%s", `{"role":"tenant_viewer"}`, core.NewMemberID().String(), "member.unknown")
	same("DELETE", "/platform/members/%s", "", core.NewMemberID().String(), "member.unknown")
	same("DELETE", tenant+"/invitations/%s", "", core.NewLinkID().String(), "invitation.unknown")
	b.act(t, "GET", "/tenants/%zz", "").requirePlace(t, "?tenantId", "escape")
	require.Zero(t, b.admin.count())
}

func TestAHostInThePathIsDecodedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	body := fmt.Sprintf(`{"tenantId":%q,"appId":%q}`, tenantID, appID)
	for encoded, want := range map[string]string{
		"crm.example.com":           "crm.example.com",
		"crm.example.com:8443":      "crm.example.com:8443",
		"crm.example.com%3A8443":    "crm.example.com:8443",
		"*.example.com":             "*.example.com",
		"%2A.example.com":           "*.example.com",
		"%E4%BE%8B%E5%AD%90.com.cn": "例子.com.cn",
	} {
		a := b.act(t, "PUT", "/legacy-hosts/"+encoded, body)
		require.Equal(t, 200, a.StatusCode, "%s", a.Text)
		require.Equal(t, want, b.admin.last)
		require.Equal(t, 204, b.act(t, "DELETE", "/legacy-hosts/"+encoded, "").StatusCode)
		require.Equal(t, want, b.admin.last)
	}
	b.act(t, "PUT", "/legacy-hosts/crm.example.com%2500", body).requireProblem(t, 400, "request.invalid")
	b.act(t, "PUT", "/legacy-hosts/a%00b.example.com", body).requireProblem(t, 400, "request.invalid")
	b.act(t, "PUT", "/legacy-hosts/crm.example.com", fmt.Sprintf(`{"tenantId":"x","appId":%q}`, appID)).requirePlace(t, "/tenantId", "id")
	b.act(t, "PUT", "/legacy-hosts/crm.example.com", fmt.Sprintf(`{"tenantId":%q,"appId":"x"}`, tenantID)).requirePlace(t, "/appId", "id")
}

func TestADomainIsShownBothWays(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.act(t, "POST", "/tenants/"+tenantID.String()+"/apps/"+appID.String()+"/domains", `{"host":"*.例子.com:8443"}`)
	require.Equal(t, 201, a.StatusCode)
	require.JSONEq(t, fmt.Sprintf(`{"id":%q,"host":"*.xn--fsqu00a.com:8443","unicode":"*.例子.com:8443","wildcard":true,"mixedScripts":false,"createdAt":"2025-11-22T12:00:00Z"}`, domainID), string(a.Text))
	bad := b.act(t, "POST", "/tenants/"+tenantID.String()+"/apps/"+appID.String()+"/domains", `{"host":"https://crm.example.com/"}`)
	bad.requirePlace(t, "/host", "domain_scheme")
}

func TestUnknownRoutesAndMethodsOfTheAPIAreProblems(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, path := range []string{"/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/tenants", "/api/v1/tenants/", "/api/v1/Tenants", "/api/v1/tenants/" + tenantID.String() + "/nothing"} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			b.ask(t, method, path, "").requireProblem(t, 404, "route.unknown")
		}
	}
	for _, row := range []struct{ method, path, allow string }{
		{"PUT", "/api/v1/tenants", "GET, HEAD, POST"},
		{"GET", "/api/v1/session/refresh", "POST"},
		{"POST", "/api/v1/openapi.json", "GET, HEAD"},
		{"PROPFIND", "/api/v1/legacy-hosts/crm.example.com", "PUT, DELETE"},
	} {
		a := b.ask(t, row.method, row.path, "")
		a.requireProblem(t, 405, "method.refused")
		require.ElementsMatch(t, strings.Split(row.allow, ", "), strings.Split(a.Header.Get("Allow"), ", "))
	}
	require.Empty(t, b.ask(t, "OPTIONS", "/api/v1/tenants", "", "Origin", "https://evil.example.net", "Access-Control-Request-Method", "POST").
		Header.Get("Access-Control-Allow-Origin"), "no other site may call the console")
}

// Whoever deletes a tenant says so plainly if it is to be without its grace time.
func TestATenantIsDestroyedNowOnlyWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	path := "/tenants/" + tenantID.String()
	for query, want := range map[string]string{"": "DeleteTenant", "?now=true": "DestroyTenant"} {
		b := setup(t, nil)
		require.Equal(t, 204, b.act(t, "DELETE", path+query, "").StatusCode)
		require.Equal(t, []string{want}, b.admin.changes)
	}
	b := setup(t, nil)
	for _, text := range []string{"false", "", "TRUE", "1"} {
		b.act(t, "DELETE", path+"?now="+text, "").requirePlace(t, "?now", "now")
	}
	b.act(t, "DELETE", path+"?now=true&now=true", "").requirePlace(t, "?now", "repeated")
	require.Empty(t, b.admin.changes)
}

func TestTenantsAreListedByTheirStatus(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	leaving := b.act(t, "GET", "/tenants?status=leaving", "")
	require.Equal(t, 200, leaving.StatusCode)
	require.Contains(t, string(leaving.Text), `"deletion":{"dueAt":`)
	requireSchema(t, "TenantList", leaving.Text)
	every := b.act(t, "GET", "/tenants", "")
	require.Equal(t, 1, strings.Count(string(every.Text), `"deletion"`), "one that stays has none")
	for _, text := range []string{"", "gone", "LEAVING"} {
		b.act(t, "GET", "/tenants?status="+text, "").requirePlace(t, "?status", "tenant_filter")
	}
}
