package core

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"signet/internal/fault"
)

// SecretState is where a version of an app's secret stands in its life:
// pending → current → previous → retired → destroyed.
type SecretState string

// The states of a secret version. An app has at most one pending, one current and
// one previous version.
const (
	SecretPending   SecretState = "pending"   // put, and not yet used
	SecretCurrent   SecretState = "current"   // access tokens are fetched with it
	SecretPrevious  SecretState = "previous"  // was current until the last move: one step back
	SecretRetired   SecretState = "retired"   // of no use any more; its value still lies sealed
	SecretDestroyed SecretState = "destroyed" // its value is gone, its history stays
)

// PreviousKept is how long a version stays previous before it is retired. WeCom
// has killed it long before, at the reset that made the next one.
const PreviousKept = 24 * time.Hour

// FallBackWithin is how long after its activation a version that WeCom refuses is
// left for the one before it.
const FallBackWithin = 10 * time.Minute

// SecretVersion is what may be known of one version of an app's secret. The
// value itself is elsewhere, sealed.
type SecretVersion struct {
	AppID       AppID
	Version     int32
	State       SecretState
	Fingerprint string // keyed; equal within a tenant when the values are equal
	KeyVersion  int32  // of the tenant's key that sealed it and made the fingerprint
	Activation  int64  // the app's count of activations when this one became current last; 0: never
	ActivatedAt *time.Time
	ActivateAt  *time.Time // of a pending one: when it is to become current; nil: when somebody says so
	FellBack    bool       // the last activation was no person's but a fall-back
	MovedAt     time.Time  // when it came into its state
	CheckedAt   *time.Time // when WeCom accepted it last
	Problem     string     // code of the last refusal by WeCom, "" if none
	CreatedAt   time.Time
	DueAt       *time.Time // of the current one: when it is too old by the tenant's policy; nil: there is none
}

// SecretStep is one version's way into another state.
type SecretStep struct {
	Version int32
	To      SecretState
}

// SecretLife is the versions of one app's secret, in any order. Its methods say
// what a move changes and change nothing. No steps and no error mean that
// everything is as it should be already, so that a move may be asked for twice.
type SecretLife []SecretVersion

// In gives the version in a state of which there is at most one; ok is false where
// there is none.
func (l SecretLife) In(state SecretState) (v SecretVersion, ok bool) {
	return l.find(func(v SecretVersion) bool { return v.State == state })
}

// Find gives a version by its number. It fails with fault.SecretUnknown.
func (l SecretLife) Find(version int32) (SecretVersion, error) {
	if v, ok := l.find(func(v SecretVersion) bool { return v.Version == version }); ok {
		return v, nil
	}
	return SecretVersion{}, fault.New(fault.SecretUnknown, fault.Args{"version": strconv.Itoa(int(version))})
}

func (l SecretLife) find(is func(SecretVersion) bool) (SecretVersion, bool) {
	if i := slices.IndexFunc(l, is); i >= 0 {
		return l[i], true
	}
	return SecretVersion{}, false
}

// Put makes room for a new version, which is to be pending or current. Whatever it
// takes the place of moves on: a pending one is retired by either, a current one
// becomes previous, and the previous one is retired.
func (l SecretLife) Put(as SecretState) []SecretStep {
	steps := l.pass(SecretPending, SecretRetired)
	if as == SecretCurrent {
		steps = append(steps, l.pass(SecretPrevious, SecretRetired)...)
		steps = append(steps, l.pass(SecretCurrent, SecretPrevious)...)
	}
	return steps
}

// Activate makes a pending version current, or steps back to the previous one. It
// fails with fault.SecretUnknown, or with fault.SecretState for a version that is
// retired or destroyed.
func (l SecretLife) Activate(version int32) ([]SecretStep, error) {
	v, err := l.Find(version)
	if err != nil {
		return nil, err
	}
	switch v.State {
	case SecretCurrent:
		return nil, nil
	case SecretPending:
		steps := append(l.pass(SecretPrevious, SecretRetired), l.pass(SecretCurrent, SecretPrevious)...)
		return append(steps, SecretStep{version, SecretCurrent}), nil
	case SecretPrevious:
		return append(l.pass(SecretCurrent, SecretPrevious), SecretStep{version, SecretCurrent}), nil
	case SecretRetired, SecretDestroyed:
	}
	return nil, refuseMove(v, fault.ReasonSecretOver)
}

// Retire puts a pending or previous version aside for good. It fails with
// fault.SecretUnknown, or with fault.SecretState for the current one, without which
// the app could sign nothing.
func (l SecretLife) Retire(version int32) ([]SecretStep, error) {
	v, err := l.Find(version)
	if err != nil {
		return nil, err
	}
	switch v.State {
	case SecretRetired, SecretDestroyed:
		return nil, nil
	case SecretPending, SecretPrevious:
		return []SecretStep{{version, SecretRetired}}, nil
	case SecretCurrent:
	}
	return nil, refuseMove(v, fault.ReasonSecretInUse)
}

// Destroy takes the value of a retired version away and leaves its history. It
// fails with fault.SecretUnknown, or with fault.SecretState for one that could
// still be used.
func (l SecretLife) Destroy(version int32) ([]SecretStep, error) {
	v, err := l.Find(version)
	if err != nil {
		return nil, err
	}
	switch v.State {
	case SecretDestroyed:
		return nil, nil
	case SecretRetired:
		return []SecretStep{{version, SecretDestroyed}}, nil
	case SecretCurrent:
		return nil, refuseMove(v, fault.ReasonSecretInUse)
	case SecretPending, SecretPrevious:
	}
	return nil, refuseMove(v, fault.ReasonSecretNotRetired)
}

// FallBack says how to leave a version that WeCom refuses for the one before it: ok
// only where it is current, became so by a person less than FallBackWithin before
// now, and the previous one has not been refused since. A fall-back is never left
// by another, so two dead versions do not take turns.
func (l SecretLife) FallBack(refused int32, now time.Time) (steps []SecretStep, ok bool) {
	current, _ := l.In(SecretCurrent)
	previous, found := l.In(SecretPrevious)
	switch {
	case !found || current.Version != refused || current.FellBack:
		return nil, false
	case current.ActivatedAt == nil || now.Sub(*current.ActivatedAt) >= FallBackWithin:
		return nil, false
	case previous.Problem == string(fault.SecretRejected):
		return nil, false
	}
	return []SecretStep{{current.Version, SecretPrevious}, {previous.Version, SecretCurrent}}, true
}

func (l SecretLife) pass(from, to SecretState) []SecretStep {
	if v, ok := l.In(from); ok {
		return []SecretStep{{v.Version, to}}
	}
	return nil
}

func refuseMove(v SecretVersion, why fault.Reason) error {
	return fault.New(fault.SecretState, fault.Args{"version": strconv.Itoa(int(v.Version)), "state": string(v.State)}).WithReason(why)
}

// After gives the versions as they are when the steps are done.
func (l SecretLife) After(steps []SecretStep) SecretLife {
	next := slices.Clone(l)
	for _, step := range steps {
		for i := range next {
			if next[i].Version == step.Version {
				next[i].State = step.To
			}
		}
	}
	slices.SortFunc(next, func(a, b SecretVersion) int { return cmp.Compare(b.Version, a.Version) })
	return next
}

// MaxSecretAgeDays bounds a tenant's policy for the age of its secrets.
const MaxSecretAgeDays = 3650

// ParseSecretAge checks how many days a tenant's secrets may be old: 1 to 3650, or
// 0 for no policy. It fails with fault.RequestInvalid pointing at pointer.
func ParseSecretAge(pointer string, days int64) (int32, error) {
	if days < 0 || days > MaxSecretAgeDays {
		return 0, fault.InvalidField(pointer, fault.ReasonSecretAge, nil)
	}
	return int32(days), nil
}

// DueSecret is a current secret with the time at which it is too old by its tenant's
// policy.
type DueSecret struct {
	TenantID   TenantID
	TenantName string
	AppID      AppID
	AppName    string
	Version    int32
	PutAt      time.Time
	DueAt      time.Time
}
