package core_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signet/internal/core"
	"signet/internal/fault"
)

// every is a life with a version in each state: 5 pending, 4 current, 3 previous,
// 2 retired, 1 destroyed.
func every() core.SecretLife {
	return core.SecretLife{
		{Version: 5, State: core.SecretPending},
		{Version: 4, State: core.SecretCurrent},
		{Version: 3, State: core.SecretPrevious},
		{Version: 2, State: core.SecretRetired},
		{Version: 1, State: core.SecretDestroyed},
	}
}

// outcome is "1>retired 2>current", "nothing" for no step, or the code and reason.
func outcome(steps []core.SecretStep, err error) string {
	if err != nil {
		f := fault.Find(err)
		return fmt.Sprint(f.Code, " ", f.Reason)
	}
	if len(steps) == 0 {
		return "nothing"
	}
	text := ""
	for _, s := range steps {
		text += fmt.Sprintf("%d>%s ", s.Version, s.To)
	}
	return text[:len(text)-1]
}

// Every move from every state: the whole table.
func TestWhatEveryMoveDoesToEveryState(t *testing.T) {
	t.Parallel()
	moves := map[string]func(core.SecretLife, int32) ([]core.SecretStep, error){
		"activate": core.SecretLife.Activate, "retire": core.SecretLife.Retire, "destroy": core.SecretLife.Destroy,
	}
	const (
		over, inUse, notRetired = "secret.state secret_over", "secret.state secret_in_use", "secret.state secret_not_retired"
		unknown                 = "secret.unknown "
	)
	for move, want := range map[string][6]string{ // by version; 0 is none
		"activate": {unknown, over, over, "4>previous 3>current", "nothing", "3>retired 4>previous 5>current"},
		"retire":   {unknown, "nothing", "nothing", "3>retired", inUse, "5>retired"},
		"destroy":  {unknown, "nothing", "2>destroyed", notRetired, inUse, notRetired},
	} {
		for version, wanted := range want {
			got := outcome(moves[move](every(), int32(version)))
			require.Equal(t, wanted, got, "%s %d", move, version)
		}
	}
	require.Equal(t, "5>retired 3>retired 4>previous", outcome(every().Put(core.SecretCurrent), nil))
	require.Equal(t, "5>retired", outcome(every().Put(core.SecretPending), nil))
	require.Empty(t, core.SecretLife{}.Put(core.SecretCurrent), "the first secret moves nothing")
	_, err := every().Destroy(4)
	require.Equal(t, fault.Args{"version": "4", "state": "current"}, fault.Find(err).Args)
}

// The fall-back: once for each activation, within its time, and never to a version
// that WeCom has refused as well.
func TestWhenASecretIsLeftForTheOneBeforeIt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	life := func(change func(current, previous *core.SecretVersion)) core.SecretLife {
		l := core.SecretLife{
			{Version: 2, State: core.SecretCurrent, ActivatedAt: ago(time.Minute)},
			{Version: 1, State: core.SecretPrevious},
		}
		change(&l[0], &l[1])
		return l
	}
	for name, c := range map[string]struct {
		change  func(current, previous *core.SecretVersion)
		refused int32
		falls   bool
	}{
		"just activated":                   {func(_, _ *core.SecretVersion) {}, 2, true},
		"within the time":                  {func(c, _ *core.SecretVersion) { c.ActivatedAt = ago(core.FallBackWithin - time.Nanosecond) }, 2, true},
		"too late":                         {func(c, _ *core.SecretVersion) { c.ActivatedAt = ago(core.FallBackWithin) }, 2, false},
		"never activated":                  {func(c, _ *core.SecretVersion) { c.ActivatedAt = nil }, 2, false},
		"it is a fall-back itself":         {func(c, _ *core.SecretVersion) { c.FellBack = true }, 2, false},
		"another version is refused":       {func(_, _ *core.SecretVersion) {}, 1, false},
		"the previous was refused as well": {func(_, p *core.SecretVersion) { p.Problem = string(fault.SecretRejected) }, 2, false},
		"the previous had another trouble": {func(_, p *core.SecretVersion) { p.Problem = string(fault.IPRefused) }, 2, true},
		"there is no previous":             {func(_, p *core.SecretVersion) { p.State = core.SecretRetired }, 2, false},
	} {
		steps, ok := life(c.change).FallBack(c.refused, now)
		require.Equal(t, c.falls, ok, name)
		if ok {
			require.Equal(t, "2>previous 1>current", outcome(steps, nil), name)
		}
	}
}

// Whatever is asked for in whatever order: at most one version is in each of the
// three states, no version comes back from the dead, a current one is never lost
// but to another, and every move asked for twice changes nothing the second time.
func TestNoOrderOfMovesBreaksTheLifeOfASecret(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var life core.SecretLife
		order := map[core.SecretState]int{core.SecretRetired: 1, core.SecretDestroyed: 2}
		for range rapid.IntRange(1, 40).Draw(t, "moves") {
			before := life
			version := int32(rapid.IntRange(0, len(life)+1).Draw(t, "version"))
			var steps []core.SecretStep
			var err error
			switch move := rapid.SampledFrom([]string{"put", "keep", "activate", "retire", "destroy"}).Draw(t, "move"); move {
			case "put", "keep":
				as := map[string]core.SecretState{"put": core.SecretCurrent, "keep": core.SecretPending}[move]
				life = append(life.After(life.Put(as)), core.SecretVersion{Version: int32(len(life) + 1), State: as})
			default:
				do := map[string]func(core.SecretLife, int32) ([]core.SecretStep, error){
					"activate": core.SecretLife.Activate, "retire": core.SecretLife.Retire, "destroy": core.SecretLife.Destroy}[move]
				if steps, err = do(life, version); err != nil {
					continue
				}
				life = life.After(steps)
				again, err := do(life, version)
				require.NoError(t, err)
				require.Empty(t, again, "a second time")
			}
			count := map[core.SecretState]int{}
			for _, v := range life {
				count[v.State]++
			}
			for _, state := range []core.SecretState{core.SecretPending, core.SecretCurrent, core.SecretPrevious} {
				require.LessOrEqual(t, count[state], 1, state)
			}
			if _, had := before.In(core.SecretCurrent); had {
				require.Equal(t, 1, count[core.SecretCurrent])
			}
			for _, v := range before {
				now, err := life.Find(v.Version)
				require.NoError(t, err)
				require.GreaterOrEqual(t, order[now.State], order[v.State], "%d came back", v.Version)
			}
		}
	})
}

func TestHowOldASecretMayBecome(t *testing.T) {
	t.Parallel()
	for days, ok := range map[int64]bool{-1: false, 0: true, 1: true, 3650: true, 3651: false, 1 << 40: false} {
		age, err := core.ParseSecretAge("/secretMaxAgeDays", days)
		require.Equal(t, ok, err == nil, days)
		if ok {
			require.EqualValues(t, days, age)
		}
	}
}
