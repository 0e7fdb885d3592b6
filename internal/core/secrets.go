package core

import "time"

// SecretState is where a version of an app's secret stands in its life:
// pending → current → previous → retired → destroyed.
type SecretState string

// The states of a secret version. An app has at most one current and at most
// one previous version.
const (
	SecretPending   SecretState = "pending"
	SecretCurrent   SecretState = "current"
	SecretPrevious  SecretState = "previous"
	SecretRetired   SecretState = "retired"
	SecretDestroyed SecretState = "destroyed"
)

// SecretVersion is what may be known of one version of an app's secret. The
// value itself is elsewhere, sealed.
type SecretVersion struct {
	AppID       AppID
	Version     int32
	State       SecretState
	Fingerprint string // keyed; equal within a tenant when the values are equal
	Activation  int64  // rises with every move of the app's secrets
	CheckedAt   *time.Time
	Problem     string // code of the last refusal by WeCom, "" if none
	CreatedAt   time.Time
}
