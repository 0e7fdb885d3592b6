package core

import "time"

// LegacyHost is a host whose pages may call the original program's two routes
// without naming an app. Only an operator of the platform binds one, and a host
// is bound once on the whole platform.
type LegacyHost struct {
	Host      Host
	TenantID  TenantID
	AppID     AppID
	CreatedAt time.Time
}
