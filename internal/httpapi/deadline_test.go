package httpapi

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADeadlineWakesWhoeverAsksAndCostsNothingOtherwise(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &deadline{at: time.Now().Add(time.Minute)}
		require.NoError(t, d.Err())
		require.Nil(t, d.inner, "asking how it stands makes no timer")
		child, cancel := context.WithTimeout(d, time.Hour)
		defer cancel()
		at, ok := child.Deadline()
		require.True(t, ok)
		require.Equal(t, d.at, at)
		began := time.Now()
		<-child.Done()
		require.Equal(t, time.Minute, time.Since(began))
		require.ErrorIs(t, child.Err(), context.DeadlineExceeded)
		require.ErrorIs(t, d.Err(), context.DeadlineExceeded)
	})
}

func TestADeadlineIsOverWithItsRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := &deadline{at: time.Now().Add(time.Minute)}
		child, cancel := context.WithCancel(asked)
		defer cancel()
		asked.end()
		<-child.Done()
		require.ErrorIs(t, asked.Err(), context.Canceled)

		neverAsked := &deadline{at: time.Now().Add(time.Minute)}
		neverAsked.end()
		require.ErrorIs(t, neverAsked.Err(), context.Canceled)
		<-neverAsked.Done()

		late := &deadline{at: time.Now()}
		require.ErrorIs(t, late.Err(), context.DeadlineExceeded)
	})
}
