package upstream

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
)

var (
	errSilent  = &wecom.Error{Class: wecom.NoAnswer}
	errRefused = &wecom.Error{Errcode: 60020}
	errQuota   = &wecom.Error{Class: wecom.BackOff, Status: 429}
	errGivenUp = errors.New("not asked")
)

// through enters the lane and leaves it with an outcome.
func through(t *testing.T, l *lanes, who Caller, outcome error) error {
	t.Helper()
	leave, err := l.enter(t.Context(), who)
	if err == nil {
		leave(outcome)
	}
	return err
}

func TestATenantHasTwoCallsUnderWayAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		who, neighbour := Caller{TenantID: core.NewTenantID()}, Caller{TenantID: core.NewTenantID()}
		first, err := l.enter(t.Context(), who)
		require.NoError(t, err)
		_, err = l.enter(t.Context(), who)
		require.NoError(t, err)
		third := make(chan error, 1)
		go func() { third <- through(t, l, who, nil) }()
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		_, err = l.enter(ctx, who)
		require.True(t, fault.Has(err, fault.WeComUnavailable), "no longer than its caller waits: %v", err)
		synctest.Wait()
		require.Empty(t, third)
		require.NoError(t, through(t, l, neighbour, nil), "a neighbour waits for nobody")
		first(nil)
		require.NoError(t, <-third)
	})
}

func TestALaneIsShutAfterFiveCallsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		who, neighbour := Caller{TenantID: core.NewTenantID()}, Caller{TenantID: core.NewTenantID()}
		for _, answered := range []error{nil, errRefused, errQuota} { // any answer begins the count anew
			for range 4 {
				require.NoError(t, through(t, l, who, errSilent))
			}
			require.NoError(t, through(t, l, who, errGivenUp), "says nothing about WeCom")
			require.NoError(t, through(t, l, who, answered))
		}
		for range 4 {
			require.NoError(t, through(t, l, who, errSilent))
		}
		require.NoError(t, through(t, l, who, errGivenUp))
		require.NoError(t, through(t, l, who, errSilent))
		for _, standing := range []Standing{Trial, Untried, KnownGood} {
			who.Standing = standing
			err := through(t, l, who, nil)
			require.True(t, fault.Has(err, fault.WeComUnavailable), err)
			require.Equal(t, laneShut, fault.Find(err).RetryAfter)
		}
		require.NoError(t, through(t, l, neighbour, nil))

		<-time.After(laneShut + 1)
		probe, err := l.enter(t.Context(), who)
		require.NoError(t, err)
		require.Error(t, through(t, l, who, nil), "one finds out")
		probe(errGivenUp)
		probe, err = l.enter(t.Context(), who)
		require.NoError(t, err, "and if it gives up, another does")
		probe(errSilent)
		require.Error(t, through(t, l, who, nil))
		<-time.After(laneShut + 1)
		require.NoError(t, through(t, l, who, nil))
	})
}

func TestLanesOfIdleTenantsAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		for range 1000 {
			require.NoError(t, through(t, l, Caller{TenantID: core.NewTenantID()}, nil))
		}
		require.Empty(t, l.held, "there is nothing to remember of them")
		for range 1000 {
			require.NoError(t, through(t, l, Caller{TenantID: core.NewTenantID()}, errSilent))
		}
		require.Len(t, l.held, 1000)
		<-time.After(laneMemory)
		busy, err := l.enter(t.Context(), Caller{TenantID: core.NewTenantID()})
		require.NoError(t, err)
		require.Len(t, l.held, 1)
		<-time.After(2 * laneMemory)
		require.NoError(t, through(t, l, Caller{TenantID: core.NewTenantID()}, nil))
		require.Len(t, l.held, 1, "one that is in use stays")
		busy(nil)
		require.Empty(t, l.held)
	})
}
