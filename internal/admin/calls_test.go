package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// budgetOf gives the item of an API, and that there is one.
func budgetOf(t *testing.T, b admin.Budget, api wecom.API) admin.BudgetItem {
	t.Helper()
	for _, item := range b.Items {
		if item.API == string(api) {
			return item
		}
	}
	t.Fatalf("no item of %s in %+v", api, b.Items)
	return admin.BudgetItem{}
}

func (b bundle) budget(t *testing.T) admin.Budget {
	t.Helper()
	budget, err := b.Admin.GetBudget(t.Context(), apptest.Operator(), b.tenant.ID)
	require.NoError(t, err)
	return budget
}

// filled raises the calls of an API to what they are said to be.
func (b bundle) filled(t *testing.T, tenant core.TenantID, app core.AppID, api wecom.API, calls int) {
	t.Helper()
	b.DB.Exec(t, `INSERT INTO signet.calls (tenant_id, corp_id, app_id, api, minute, calls, accepted)
		VALUES ($1, $2, $3, $4, date_trunc('minute', now()) - interval '30 minutes', $5, $5)`, tenant.String(), corp, app.String(), string(api), calls)
}

func TestTheBudgetTellsWhatCallsCost(t *testing.T) {
	t.Parallel()
	b := setup(t) // its secret was tried: three calls
	item := budgetOf(t, b.budget(t), wecom.GetToken)
	require.Equal(t, admin.BudgetItem{CorpID: corp, AppID: b.app.ID, API: "gettoken", Calls: 1, Accepted: 1, Soft: 20, Hard: 60, Expected: 4}, item)
	require.Zero(t, b.budget(t).Refused.Calls)

	b.filled(t, b.tenant.ID, b.app.ID, wecom.GetToken, 58)
	item = budgetOf(t, b.budget(t), wecom.GetToken)
	require.EqualValues(t, 59, item.Calls)
	require.WithinDuration(t, time.Now(), *item.SoftAt, time.Minute, "reached")
	require.WithinDuration(t, time.Now().Add(15*time.Minute), *item.HardAt, 2*time.Minute, "one call in a quarter of an hour")
	require.Nil(t, item.Held)

	b.filled(t, b.tenant.ID, b.app.ID, wecom.GetAgent, 60)
	held := budgetOf(t, b.budget(t), wecom.GetAgent).Held
	require.Equal(t, fault.ReasonOwnBudget, held.Reason)
	require.WithinDuration(t, time.Now().Add(30*time.Minute), held.Until, 2*time.Minute)
}

// Of a limit that others have filled a tenant learns that it holds, not who they
// are nor how much is theirs.
func TestTheBudgetTellsNobodysShareOfACorp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := budgetOf(t, b.budget(t), wecom.GetAgentTicket)
	b.filled(t, core.NewTenantID(), core.NewAppID(), wecom.GetAgentTicket, 298)
	require.Equal(t, before, budgetOf(t, b.budget(t), wecom.GetAgentTicket), "one is left")
	b.filled(t, core.NewTenantID(), core.NewAppID(), wecom.GetAgentTicket, 1)
	b.filled(t, core.NewTenantID(), core.NewAppID(), wecom.GetToken, 299)
	after := budgetOf(t, b.budget(t), wecom.GetAgentTicket)
	require.Equal(t, fault.ReasonCorpBudget, after.Held.Reason)
	after.Held = nil
	require.Equal(t, before, after)
	require.Nil(t, budgetOf(t, b.budget(t), wecom.GetToken).Held)
	require.Len(t, b.budget(t).Items, 3)
}

func TestTheBudgetTellsWhatIsHeldBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.WeCom.Inject(wecomtest.Fault{API: wecom.GetCorpTicket, Errcode: 60020})
	_, err := b.Sign(t.Context(), b.app, page)
	require.Error(t, err)
	budget := b.budget(t)
	held := budgetOf(t, budget, wecom.GetCorpTicket).Held
	require.Equal(t, fault.IPRefused, held.Code)
	require.Equal(t, 60020, held.Errcode)
	require.WithinDuration(t, time.Now().Add(time.Minute), held.Until, 30*time.Second)
	require.Nil(t, budgetOf(t, budget, wecom.GetToken).Held)
	require.EqualValues(t, 1, budget.Refused.Calls)

	troubles, err := b.Admin.ListTroubles(t.Context(), apptest.Operator(), 10)
	require.NoError(t, err)
	require.Len(t, troubles, 1)
	require.Equal(t, b.tenant.ID, troubles[0].TenantID)
	require.EqualValues(t, 1, troubles[0].Refused)
	require.Equal(t, map[fault.Code]int64{fault.IPRefused: 1}, troubles[0].Pauses)
}

// What holds the calls of an app at an API back is its own pause or its corp's, at
// that API, and of several the one that holds longest.
func TestOnlyWhatIsAgainstACallHoldsIt(t *testing.T) {
	t.Parallel()
	b := bundle{House: apptest.New(t, apptest.Config{})}
	b.tenant = b.Tenant(t, "蓝湖科技", corp)
	const other = "ww_the_other_corp"
	first, second, silent := core.NewAppID(), core.NewAppID(), core.NewAppID()
	if first.String() > second.String() {
		first, second = second, first
	}
	for _, c := range []struct {
		corp core.CorpID
		app  core.AppID
		api  string
	}{{other, first, "gettoken"}, {corp, second, "gettoken"}, {corp, first, "ticket/get"}, {corp, first, "gettoken"}} {
		for _, minutesAgo := range []int{5, 30} {
			b.DB.Exec(t, `INSERT INTO signet.calls (tenant_id, corp_id, app_id, api, minute, calls, accepted)
				VALUES ($1, $2, $3, $4, date_trunc('minute', now()) - make_interval(mins => $5), 2, 1)`, b.tenant.ID.String(), string(c.corp), c.app.String(), c.api, minutesAgo)
		}
	}
	pause := func(corp core.CorpID, subject, api, code string, minutes int) {
		b.DB.Exec(t, `INSERT INTO signet.call_pauses (tenant_id, corp_id, subject, api, kind, failures, code, reason, args, errcode, until)
			VALUES ($1, $2, $3, $4, 'refused', 1, $5, 'because', '{}', 60020, now() + make_interval(mins => $6))
			ON CONFLICT (tenant_id, corp_id, subject, api) DO UPDATE SET until = EXCLUDED.until`, b.tenant.ID.String(), string(corp), subject, api, code, minutes)
	}
	names := strings.NewReplacer(first.String(), "first", second.String(), "second", silent.String(), "silent")
	told := func() (list []string) {
		for _, item := range b.budget(t).Items {
			line := fmt.Sprint(item.CorpID, " ", item.AppID, " ", item.API, " ", item.Calls, " ", item.Accepted)
			if h := item.Held; h != nil {
				require.Equal(t, fault.Reason("because"), h.Reason)
				line += fmt.Sprint(" ", h.Code, " ", h.Errcode, " ", time.Until(h.Until).Round(time.Minute))
			}
			list = append(list, names.Replace(line))
		}
		return list
	}
	for range 60 { // always in this order
		require.Equal(t, []string{corp + " first gettoken 4 2", corp + " first ticket/get 4 2", corp + " second gettoken 4 2", other + " first gettoken 4 2"}, told())
	}
	pause(corp, first.String(), "gettoken", "wecom.ip_refused", 10)
	require.Equal(t, []string{corp + " first gettoken 4 2 wecom.ip_refused 60020 10m0s", corp + " first ticket/get 4 2", corp + " second gettoken 4 2", other + " first gettoken 4 2"}, told())
	pause(corp, "", "gettoken", "wecom.quota", 5)
	require.Equal(t, []string{corp + " first gettoken 4 2 wecom.ip_refused 60020 10m0s", corp + " first ticket/get 4 2",
		corp + " second gettoken 4 2 wecom.quota 60020 5m0s", other + " first gettoken 4 2"}, told())
	pause(corp, "", "gettoken", "wecom.quota", 20)
	require.Equal(t, []string{corp + " first gettoken 4 2 wecom.quota 60020 20m0s", corp + " first ticket/get 4 2",
		corp + " second gettoken 4 2 wecom.quota 60020 20m0s", other + " first gettoken 4 2"}, told())
	pause(corp, "", "gettoken", "wecom.quota", -1)
	pause(corp, first.String(), "gettoken", "wecom.ip_refused", -1)
	pause(corp, silent.String(), "agent/get", "app.not_ready", 3)
	pause("ww_a_third_corp", "", "gettoken", "wecom.quota", 3)
	require.ElementsMatch(t, []string{corp + " first gettoken 4 2", corp + " first ticket/get 4 2", corp + " second gettoken 4 2", other + " first gettoken 4 2",
		corp + " silent agent/get 0 0 app.not_ready 60020 3m0s"}, told(), "an app that is held back has made no call yet; a corp is no app")
}

// Three stops stand before a tenant's calls, at the limits of the ledger.
func TestATenantsRefusedCallsTellWhichStopsHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refuse := func(minutesAgo, calls int) {
		b.DB.Exec(t, `INSERT INTO signet.refused_calls (tenant_id, minute, api, errcode, calls)
			VALUES ($1, date_trunc('minute', now()) - make_interval(mins => $2), 'gettoken', 40001, $3)`, b.tenant.ID.String(), minutesAgo, calls)
	}
	refuse(50, 29)
	refused := b.budget(t).Refused
	require.EqualValues(t, 29, refused.Calls)
	require.Zero(t, refused.Expected)
	for _, stop := range refused.Stops {
		require.Nil(t, stop.Until, stop.Stops)
		require.Nil(t, stop.At, stop.Stops)
	}
	refuse(20, 30)
	refused = b.budget(t).Refused
	require.Len(t, refused.Stops, 3)
	for i, want := range []struct {
		stops string
		limit int64
		holds bool
	}{{"trials", 30, true}, {"untried", 30, true}, {"all", 60, false}} {
		stop := refused.Stops[i]
		require.Equal(t, []any{want.stops, want.limit}, []any{stop.Stops, stop.Limit})
		if want.holds {
			require.WithinDuration(t, time.Now().Add(40*time.Minute), *stop.Until, 2*time.Minute)
		} else {
			require.Nil(t, stop.Until)
		}
	}
	refuse(10, 1)
	all := b.budget(t).Refused.Stops[2]
	require.WithinDuration(t, time.Now().Add(10*time.Minute), *all.Until, 2*time.Minute, "until the first have left")
	require.WithinDuration(t, time.Now(), *all.At, time.Minute)
}

func TestThePlatformsRefusedCallsTellWhichStopsHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refuse := func(minutesAgo, calls int) {
		b.DB.Exec(t, `INSERT INTO signet.refused_calls (tenant_id, minute, api, errcode, calls)
			VALUES ($1, date_trunc('minute', now()) - make_interval(mins => $2), 'gettoken', 40001, $3)`, core.NewTenantID().String(), minutesAgo, calls)
	}
	refuse(30, 300)
	refuse(5, 200)
	refused, err := b.Admin.GetRefusedCalls(t.Context(), apptest.Operator())
	require.NoError(t, err)
	require.EqualValues(t, 500, refused.Calls)
	require.EqualValues(t, 800, refused.Expected)
	require.Len(t, refused.Stops, 2)
	trials, untried := refused.Stops[0], refused.Stops[1]
	require.Equal(t, []any{"trials", int64(500), "untried", int64(1000)}, []any{trials.Stops, trials.Limit, untried.Stops, untried.Limit})
	require.WithinDuration(t, time.Now().Add(30*time.Minute), *trials.Until, 2*time.Minute)
	require.WithinDuration(t, time.Now(), *trials.At, time.Minute)
	require.Nil(t, untried.Until)
	require.Nil(t, untried.At, "what leaves in half an hour makes room again")
}
