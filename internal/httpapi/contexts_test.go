package httpapi

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheContextOfARequestNamesIt(t *testing.T) {
	t.Parallel()
	require.Empty(t, RequestID(t.Context()))
	require.Empty(t, RequestID(&deadline{at: time.Now().Add(time.Minute)}))

	e := &edge{}
	event := &Event{RequestID: "of-this-request", context: &deadline{at: time.Now().Add(time.Minute)}}
	e.enter(event)
	type key struct{}
	below, cancel := context.WithTimeout(context.WithValue(event.Context(), key{}, 1), time.Second)
	defer cancel()
	require.Equal(t, "of-this-request", RequestID(below))
	event.context.end()
	event.giveBack()
	require.Equal(t, "of-this-request", RequestID(context.WithoutCancel(below)), "also what outlives it")
	require.Nil(t, below.Value("another"))
}

func TestARequestThatIsNotTracedPaysNoMemoryForIt(t *testing.T) { // not parallel: it counts allocations
	e := &edge{}
	event := &Event{RequestID: "of-this-request", context: &deadline{}}
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		e.enter(event)
		event.endSpan(&e.cfg, 200)
	}))
}
