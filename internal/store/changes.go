package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
)

// ChangeKind says what changed.
type ChangeKind string

// The kinds of changes that nodes hear of.
const (
	TenantChanged     ChangeKind = "tenant"      // its status: every app of it
	AppChanged        ChangeKind = "app"         // the app, its domains, or that it is gone
	SecretChanged     ChangeKind = "secret"      // another version is current: drop the access token
	LegacyHostChanged ChangeKind = "legacy_host" // bound or unbound
	TicketChanged     ChangeKind = "ticket"      // a turn that somebody waits for is over
	APIKeyChanged     ChangeKind = "api_key"     // one of the tenant's: every key of it
)

// Change says what changed, enough for a node to read the rest again.
type Change struct {
	TenantID core.TenantID
	Kind     ChangeKind
	AppID    core.AppID  // of AppChanged and SecretChanged
	AppKey   core.AppKey // likewise
	Host     core.Host   // of LegacyHostChanged
}

// changeChannel carries the number of a new row, and nothing else.
const changeChannel = "signet_changes"

const insertChange = `
WITH change AS (
    INSERT INTO signet.change_log (tenant_id, kind, app_id, app_key, host)
    VALUES ($1, $2, $3, $4, $5)
    RETURNING seq
)
SELECT pg_notify('` + changeChannel + `', seq::text)
FROM change`

// Announce writes a change of this tenant into the feed. Nodes hear of it when
// the transaction commits.
func (tx *TenantTx) Announce(ctx context.Context, c Change) error {
	c.TenantID = tx.tenantID
	return announce(ctx, tx.tx, c)
}

// Announce writes a change of a bound host into the feed.
func (tx *PlatformTx) Announce(ctx context.Context, c Change) error { return announce(ctx, tx.tx, c) }

func announce(ctx context.Context, tx pgx.Tx, c Change) error {
	var appID, host *string
	var key []byte
	if !c.AppID.IsZero() {
		id := c.AppID.String()
		appID, key = &id, c.AppKey[:]
	}
	if c.Host != "" {
		text := string(c.Host)
		host = &text
	}
	_, err := tx.Exec(ctx, insertChange, c.TenantID, c.Kind, appID, key, host)
	return translate(err)
}
