package ticket_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/signing"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestAColdTenantCostsThreeCallsHoweverManyAsk(t *testing.T) {
	t.Parallel()
	const callers = 1000
	n := newNode(t)
	answers := make([]signing.Answer, callers)
	failures := make([]error, callers)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			<-start
			answers[i], failures[i] = n.Sign(t.Context(), n.app, page)
		})
	}
	begun := time.Now()
	close(start)
	group.Wait()
	t.Logf("%d callers served in %v", callers, time.Since(begun).Round(time.Millisecond))
	for i := range callers {
		require.NoError(t, failures[i])
		require.NoError(t, n.Verify(n.app, page, answers[i]))
	}
	require.Equal(t, made{1, 1, 1}, n.made())
}

func TestMemoryThenRowThenWeCom(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	require.Equal(t, made{1, 1, 1}, n.since(func() { n.mustSign(t) }), "nothing is held anywhere")

	statements := n.Store.Statements()
	require.Zero(t, n.since(func() {
		n.mustSign(t)
		_, err := n.signConfig(t.Context(), n.app) // asks the cache itself, not the pair that the app holds
		require.NoError(t, err)
		_, err = n.signAgentConfig(t.Context(), n.app)
		require.NoError(t, err)
	}), "it is in memory")
	require.Equal(t, statements, n.Store.Statements(), "and the row is not asked")

	again := n.restart(t)
	statements = again.Store.Statements()
	require.Zero(t, again.since(func() { again.mustSign(t) }), "memory is empty, the rows are not")
	require.Positive(t, again.Store.Statements()-statements)
	statements = again.Store.Statements()
	again.mustSign(t)
	require.Equal(t, statements, again.Store.Statements(), "what came from a row is in memory now")

	n.DB.Exec(t, `DELETE FROM signet.tickets WHERE kind <> 'access_token'`)
	once := n.restart(t)
	require.Equal(t, made{0, 1, 1}, once.since(func() { once.mustSign(t) }), "the token has a row of its own")
}

func TestATrialsTokenAndAgentTicketAreUsed(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.app = n.App(t, n.tenant, "1000300", apptest.Secret("tried"), host)
	require.Equal(t, made{0, 1, 0}, n.since(func() { n.mustSign(t) }))
}

func TestTheSharedFlightOutlivesItsFirstCaller(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Behaviour: wecomtest.Hang, Times: 1})
	ctx, leave := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := n.Sign(ctx, n.app, page)
		first <- err
	}()
	n.awaitHanging(t, 1)
	leave()
	err := <-first
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, fault.Has(err, fault.WeComUnavailable))

	second := make(chan error, 1)
	go func() {
		_, err := n.Sign(t.Context(), n.app, page)
		second <- err
	}()
	n.WeCom.Release()
	require.NoError(t, <-second)
	require.Equal(t, made{1, 1, 1}, n.made(), "the second caller is served by the first one's call")
}

func TestALoadHasADeadlineOfItsOwn(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(c *apptest.Config) {
		c.FlightTime = 2 * time.Second // enough for a busy machine to sign at the end
		c.CallTime = time.Hour         // so that it cannot be the client that gives up
	})
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Behaviour: wecomtest.Hang, Times: 1})
	patient, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var group sync.WaitGroup
	failures := make([]error, 100)
	for i := range failures {
		group.Go(func() { _, failures[i] = n.Sign(patient, n.app, page) })
	}
	group.Wait()
	require.NoError(t, patient.Err(), "it is the load that gives up, not its callers")
	for _, err := range failures {
		if err == nil {
			continue // came after the deadline, and found WeCom well
		}
		require.True(t, fault.Has(err, fault.WeComUnavailable), err)
		require.Positive(t, fault.Find(err).RetryAfter)
	}
	require.True(t, errors.Is(errors.Join(failures...), context.DeadlineExceeded))
	n.WeCom.Release()
	require.Eventually(t, func() bool { // the load of the token within may end a moment later
		_, err := n.Sign(t.Context(), n.app, page)
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
	n.mustSign(t)
}

func TestAnErrorIsNeverKept(t *testing.T) {
	t.Parallel()
	for _, api := range []wecom.API{wecom.GetToken, wecom.GetCorpTicket, wecom.GetAgentTicket} {
		for _, name := range []string{"http-500", "ticket-empty", "ticket-ampersand", "json-array", "redirect-302", "expires-0", "45033"} {
			t.Run(string(api)+" "+name, func(t *testing.T) {
				t.Parallel()
				n := newNode(t)
				f, ok := wecomtest.FindFault(name)
				require.True(t, ok)
				f.API, f.Times = api, 1
				n.WeCom.Inject(f)
				n.mustRefuse(t, fault.WeComUnavailable)
				n.mustSign(t)
			})
		}
	}
}

func TestWithoutPostgresTheWarmSignOnAndTheColdAreToldSo(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.mustSign(t)
	cold := n
	cold.tenant = n.Tenant(t, "北辰物流", "wwfedcba0987654321")
	cold.app = n.ColdApp(t, cold.tenant, agent, apptest.Secret("cold"), host)

	back := n.cutOff(t)
	for range 1000 {
		n.mustSign(t)
	}
	calls := n.made()
	cold.mustRefuse(t, fault.StoreUnavailable)
	require.Equal(t, calls, n.made(), "no secret can be read, so nobody is asked")
	back()
	cold.mustSign(t)
}

func TestATicketThatCannotBeStoredStaysInMemory(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetCorpTicket, Behaviour: wecomtest.Hang, Times: 1})
	answers := make(chan signing.Answer, 1)
	go func() {
		answer, _ := n.signConfig(t.Context(), n.app)
		answers <- answer
	}()
	n.awaitHanging(t, 1)
	back := n.cutOff(t)
	n.WeCom.Release()
	require.NotZero(t, (<-answers).Config)
	_, err := n.signConfig(t.Context(), n.app)
	require.NoError(t, err)
	require.Equal(t, 1, n.logged("stays in memory"))
	require.Equal(t, 1, n.made().corpTickets)
	back()
}

// The row of a deleted app is gone by the time its ticket has come.
func TestAnAppThatIsDeletedMeanwhileIsUnknown(t *testing.T) {
	t.Parallel()
	for _, kind := range []core.TicketKind{core.CorpTicket, core.AgentTicket} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			api, sign := wecom.GetAgentTicket, n.signAgentConfig
			if kind == core.CorpTicket {
				api, sign = wecom.GetCorpTicket, n.signConfig
			}
			n.WeCom.Inject(wecomtest.Fault{API: api, Behaviour: wecomtest.Hang, Times: 1})
			failed := make(chan error, 1)
			go func() {
				_, err := sign(t.Context(), n.app)
				failed <- err
			}()
			n.awaitHanging(t, 1)
			require.NoError(t, n.Admin.DestroyTenant(t.Context(), apptest.Operator(), n.tenant.ID, nil))
			n.WeCom.Release()
			err := <-failed
			require.True(t, fault.Has(err, fault.AppUnknown), err)
		})
	}
}

// A cold page waits for both tickets together no longer than one load may take.
func TestACallerWaitsForBothTicketsAsLongAsForOne(t *testing.T) {
	t.Parallel()
	const one, released = 6 * time.Second, 4 * time.Second
	n := newNode(t, func(c *apptest.Config) { c.FlightTime = one })
	n.WeCom.Inject(wecomtest.Fault{Name: "corp", API: wecom.GetCorpTicket, Behaviour: wecomtest.Hang, Times: 1})
	n.WeCom.Inject(wecomtest.Fault{Name: "agent", API: wecom.GetAgentTicket, Behaviour: wecomtest.Hang})
	begun := time.Now()
	timer := time.AfterFunc(released, func() { n.WeCom.Release() })
	t.Cleanup(func() { timer.Stop() })
	n.mustRefuse(t, fault.WeComUnavailable)
	require.Less(t, time.Since(begun), one+released-time.Second)
}
