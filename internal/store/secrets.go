package store

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// The tenant is $1 wherever these are read: a secret is due by its policy.
const secretColumns = `app_id, version, state, fingerprint, key_version, activation, activated_at, activate_at, fell_back, moved_at, checked_at, problem, created_at,
    CASE WHEN state = 'current' THEN created_at + make_interval(days => (SELECT t.secret_max_age_days FROM signet.tenants t WHERE t.tenant_id = $1)) END`

func scanSecretVersion(row pgx.CollectableRow) (core.SecretVersion, error) {
	var v core.SecretVersion
	err := row.Scan(&v.AppID, &v.Version, &v.State, &v.Fingerprint, &v.KeyVersion, &v.Activation, &v.ActivatedAt, &v.ActivateAt, &v.FellBack,
		&v.MovedAt, &v.CheckedAt, &v.Problem, &v.CreatedAt, &v.DueAt)
	return v, err
}

const selectNextSecretVersion = `
SELECT coalesce(max(version), 0) + 1
FROM signet.app_secrets
WHERE tenant_id = $1 AND app_id = $2`

// NextSecretVersion gives the number that the app's next secret will bear. The
// app must be locked, so that nobody else takes it.
func (tx *TenantTx) NextSecretVersion(ctx context.Context, app core.AppID) (int32, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[int32], selectNextSecretVersion, tx.tenantID, app)
}

const selectSecretLife = `
SELECT ` + secretColumns + `
FROM signet.app_secrets
WHERE tenant_id = $1 AND app_id = $2 AND (state IN ('pending', 'current', 'previous') OR version = $3)
ORDER BY version DESC`

// SecretLife gives the versions of an app's secret that are not over, and the one
// named (0: none) whatever it is, newest first. For a move the app must be locked.
func (tx *TenantTx) SecretLife(ctx context.Context, app core.AppID, named int32) (core.SecretLife, error) {
	return all(ctx, tx.tx, scanSecretVersion, selectSecretLife, tx.tenantID, app, named)
}

// An index allows one version in each of three states, and is asked row by row. So
// whoever moves goes out of the way first.
const clearSecretStates = `
UPDATE signet.app_secrets
SET state = 'retired', activate_at = NULL, try_after = NULL
WHERE tenant_id = $1 AND app_id = $2 AND version = ANY ($3::int[]) AND state <> 'retired'`

const setSecretStates = `
UPDATE signet.app_secrets s
SET state = step.state, moved_at = now(), sealed = CASE WHEN step.state <> 'destroyed' THEN s.sealed END
FROM unnest($3::int[], $4::text[]) AS step (version, state)
WHERE s.tenant_id = $1 AND s.app_id = $2 AND s.version = step.version`

const forgetTrialGrants = `
DELETE FROM signet.trial_grants
WHERE tenant_id = $1 AND app_id = $2 AND version = ANY ($3::int[])`

// What WeCom said of the version before is not held against it: it may have been put
// there since, and nothing is fetched with a version that is known to be refused.
const markActivation = `
UPDATE signet.app_secrets
SET activation = $4, activated_at = now(), fell_back = $5, problem = ''
WHERE tenant_id = $1 AND app_id = $2 AND version = $3`

// MoveSecrets carries out the steps of one move. Where a version becomes current
// by it, the app's count of activations rises. The app must be locked. fellBack
// says that no person asked for it.
func (tx *TenantTx) MoveSecrets(ctx context.Context, app core.AppID, steps []core.SecretStep, fellBack bool) error {
	versions, states := make([]int32, len(steps)), make([]string, len(steps))
	current := int32(0)
	for i, step := range steps {
		versions[i], states[i] = step.Version, string(step.To)
		if step.To == core.SecretCurrent {
			current = step.Version
		}
	}
	if _, err := tx.tx.Exec(ctx, clearSecretStates, tx.tenantID, app, versions); err != nil {
		return translate(err)
	}
	if _, err := tx.tx.Exec(ctx, setSecretStates, tx.tenantID, app, versions, states); err != nil {
		return translate(err)
	}
	if _, err := tx.tx.Exec(ctx, forgetTrialGrants, tx.tenantID, app, versions); err != nil {
		return translate(err)
	}
	if current == 0 {
		return nil
	}
	activation, err := tx.countActivation(ctx, app)
	if err != nil {
		return err
	}
	_, err = tx.tx.Exec(ctx, markActivation, tx.tenantID, app, current, activation, fellBack)
	return translate(err)
}

// What the audit tells of an app, and the number that it tells last of an activation.
const (
	audited           = ` FROM signet.audit a WHERE a.tenant_id = $1 AND a.subject_kind = 'app' AND a.subject = `
	lastTold          = ` AND a.detail ? 'activation' ORDER BY a.seq DESC LIMIT 1`
	auditedActivation = `SELECT (a.detail ->> 'activation')::bigint` + audited + `($2::uuid)::text` + lastTold
)

// The count goes on from the audit's, should the app's own have been put back.
const countActivation = `
UPDATE signet.apps
SET activation = greatest(activation, (` + auditedActivation + `)) + 1
WHERE tenant_id = $1 AND app_id = $2
RETURNING activation`

func (tx *TenantTx) countActivation(ctx context.Context, app core.AppID) (int64, error) {
	return one(ctx, tx.tx, fault.AppUnknown, pgx.RowTo[int64], countActivation, tx.tenantID, app)
}

// NewSecret is a sealed secret about to be stored.
type NewSecret struct {
	AppID       core.AppID
	Version     int32
	State       core.SecretState // pending or current
	Fingerprint string
	Sealed      []byte
	KeyVersion  int32
	CheckedAt   *time.Time // when WeCom accepted it; nil: not tried
	ActivateAt  *time.Time // of a pending one: when it is to become current
}

const insertSecret = `
INSERT INTO signet.app_secrets (tenant_id, app_id, version, state, fingerprint, sealed, key_version, checked_at, activate_at, activation, activated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::bigint, CASE WHEN $10::bigint > 0 THEN now() END)
RETURNING ` + secretColumns

// CreateSecret stores a new version, after the steps that make room for it. A
// current one raises the app's count of activations. The app must be locked.
func (tx *TenantTx) CreateSecret(ctx context.Context, s NewSecret) (core.SecretVersion, error) {
	life, err := tx.SecretLife(ctx, s.AppID, 0)
	if err != nil {
		return core.SecretVersion{}, err
	}
	if steps := life.Put(s.State); len(steps) > 0 {
		if err := tx.MoveSecrets(ctx, s.AppID, steps, false); err != nil {
			return core.SecretVersion{}, err
		}
	}
	activation := int64(0)
	if s.State == core.SecretCurrent {
		if activation, err = tx.countActivation(ctx, s.AppID); err != nil {
			return core.SecretVersion{}, err
		}
	}
	return one(ctx, tx.tx, fault.InternalError, scanSecretVersion, insertSecret, tx.tenantID, s.AppID, s.Version, s.State,
		s.Fingerprint, s.Sealed, s.KeyVersion, s.CheckedAt, s.ActivateAt, activation)
}

const listSecretVersions = `
SELECT ` + secretColumns + `
FROM signet.app_secrets
WHERE tenant_id = $1 AND app_id = $2 AND version < $3::bigint
ORDER BY version DESC
LIMIT $4`

// ListSecretVersions gives what may be known of an app's secrets, newest first.
func (tx *TenantTx) ListSecretVersions(ctx context.Context, app core.AppID, p core.Page) (core.List[core.SecretVersion], error) {
	below, err := parseNumber(secretList, p.Cursor)
	if err != nil {
		return core.List[core.SecretVersion]{}, err
	}
	items, err := all(ctx, tx.tx, scanSecretVersion, listSecretVersions, tx.tenantID, app, below, p.Limit+1)
	return pageByNumber(secretList, items, p.Limit, func(v core.SecretVersion) int64 { return int64(v.Version) }), err
}

const currentSecretVersions = `
SELECT ` + secretColumns + `
FROM signet.app_secrets
WHERE tenant_id = $1 AND state = 'current' AND app_id = ANY ($2::uuid[])`

// CurrentSecretVersions gives what may be known of the current secrets of the
// named apps.
func (tx *TenantTx) CurrentSecretVersions(ctx context.Context, apps ...core.AppID) (map[core.AppID]core.SecretVersion, error) {
	ids := make([]string, len(apps))
	for i, id := range apps {
		ids[i] = id.String()
	}
	list, err := all(ctx, tx.tx, scanSecretVersion, currentSecretVersions, tx.tenantID, ids)
	byApp := make(map[core.AppID]core.SecretVersion, len(list))
	for _, v := range list {
		byApp[v.AppID] = v
	}
	return byApp, err
}

// SealedSecret is a version of an app's secret as it lies in its row.
type SealedSecret struct {
	Version    int32
	State      core.SecretState
	Sealed     []byte
	KeyVersion int32
	Checked    bool   // WeCom has accepted it at least once
	Problem    string // what WeCom said last, "" if it was accepted
	PutBack    bool   // an older row, or for the current one an older app, put back whole
	Fresh      bool   // it is current, and became so less than core.FallBackWithin ago
}

func scanStoredSecret(row pgx.CollectableRow) (SealedSecret, error) {
	var s SealedSecret
	err := row.Scan(&s.Version, &s.State, &s.Sealed, &s.KeyVersion, &s.Checked, &s.Problem, &s.PutBack, &s.Fresh)
	return s, err
}

// A row that was current once and is put back whole opens like any other. It is
// found by its activation, which is no longer the app's, or, where the app's row
// was put back with it, no longer the one that the audit told last.
const selectCurrentSecret = `
SELECT s.version, s.state, s.sealed, s.key_version, s.checked_at IS NOT NULL, s.problem,
       s.activation <> app.activation OR s.activation < coalesce((` + auditedActivation + `), 0),
       s.activated_at IS NOT NULL AND s.activated_at > now() - $3::interval
FROM signet.app_secrets s
JOIN signet.apps app USING (tenant_id, app_id)
WHERE s.tenant_id = $1 AND s.app_id = $2 AND s.state = 'current'`

// GetCurrentSecret gives the sealed current secret of an app, or
// fault.AppNotReady.
func (tx *TenantTx) GetCurrentSecret(ctx context.Context, app core.AppID) (SealedSecret, error) {
	return one(ctx, tx.tx, fault.AppNotReady, scanStoredSecret, selectCurrentSecret, tx.tenantID, app, core.FallBackWithin)
}

// Of any version the audit tells when it became current last, and that its value was
// destroyed. Of what was done before that was written there, nothing can be said.
const putBack = `
    coalesce(s.state = 'current' AND (s.activation <> app.activation
            OR s.activation < (SELECT (a.detail ->> 'activation')::bigint` + audited + `s.app_id::text` + lastTold + `))
        OR s.activation < (SELECT (a.detail ->> 'activation')::bigint` + audited + `s.app_id::text AND a.detail ->> 'version' = s.version::text` + lastTold + `)
        OR s.sealed IS NOT NULL AND EXISTS (SELECT` + audited + `s.app_id::text AND a.action = 'secret.destroy' AND a.detail ->> 'version' = s.version::text), false)`

const selectSealedSecret = `
SELECT s.version, s.state, s.sealed, s.key_version, s.checked_at IS NOT NULL, s.problem, ` + putBack + `, false
FROM signet.app_secrets s
JOIN signet.apps app USING (tenant_id, app_id)
WHERE s.tenant_id = $1 AND s.app_id = $2 AND s.version = $3`

// GetSealedSecret gives one version of an app's secret, without its bytes if they
// were destroyed, or fault.SecretUnknown. It does not tell whether it is fresh.
func (tx *TenantTx) GetSealedSecret(ctx context.Context, app core.AppID, version int32) (SealedSecret, error) {
	s, found, err := find(ctx, tx.tx, scanStoredSecret, selectSealedSecret, tx.tenantID, app, version)
	if err == nil && !found {
		err = fault.New(fault.SecretUnknown, fault.Args{"version": strconv.Itoa(int(version))})
	}
	return s, err
}

const listPutBackSecrets = `
SELECT s.tenant_id, s.app_id, s.version
FROM signet.app_secrets s
JOIN signet.apps app USING (tenant_id, app_id)
WHERE s.tenant_id = $1 AND ` + putBack + `
ORDER BY s.app_id, s.version`

// ListPutBackSecrets gives the versions of the tenant's secrets whose row is an older
// one put back whole.
func (tx *TenantTx) ListPutBackSecrets(ctx context.Context) ([]SecretRef, error) {
	return all(ctx, tx.tx, pgx.RowToStructByPos[SecretRef], listPutBackSecrets, tx.tenantID)
}

const keepApp = `
SELECT true
FROM signet.apps
WHERE tenant_id = $1 AND app_id = $2
FOR SHARE SKIP LOCKED`

const secretIsCurrent = `
SELECT EXISTS (
    SELECT FROM signet.app_secrets
    WHERE tenant_id = $1 AND app_id = $2 AND version = $3 AND state = 'current'
)`

// HoldSecret tells whether a version of an app's secret is the current one, and
// keeps it so until the transaction ends. It waits for nobody: while somebody
// changes the app, nothing can be said, and held is false.
func (tx *TenantTx) HoldSecret(ctx context.Context, app core.AppID, version int32) (held bool, err error) {
	// Two statements, so that the second sees what was written before the first.
	if _, held, err = find(ctx, tx.tx, pgx.RowTo[bool], keepApp, tx.tenantID, app); err != nil || !held {
		return false, err
	}
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[bool], secretIsCurrent, tx.tenantID, app, version)
}

const updateSecretOutcome = `
UPDATE signet.app_secrets
SET problem = $4, checked_at = CASE WHEN $4 = '' THEN now() ELSE checked_at END
WHERE tenant_id = $1 AND app_id = $2 AND version = $3`

// UpdateSecretOutcome notes what WeCom said of a version of a secret: a fault
// code, or "" when it was accepted.
func (tx *TenantTx) UpdateSecretOutcome(ctx context.Context, app core.AppID, version int32, problem fault.Code) error {
	_, err := tx.tx.Exec(ctx, updateSecretOutcome, tx.tenantID, app, version, string(problem))
	return translate(err)
}
