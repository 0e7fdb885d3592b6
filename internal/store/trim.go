package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// How long rows stay, in the statements below and as policies in the schema,
// which let nobody delete younger ones.
//
// A change is kept for 24 hours: far longer than a node signs for strict apps
// without the feed (60 minutes), so that one which was cut off over a night
// still reads what it missed instead of everything.
//
// A session is kept for 24 hours after its end. Its tokens are refused as soon
// as it has expired, with the row or without it; the day is for clocks that
// differ and for who looks into a complaint.
//
// An intake link is kept for 90 days after it was used, was taken back or expired,
// so that whoever asks what became of one finds it on the app's page. The audit
// knows it for longer.
//
// An API key is kept for 90 days after its end, for the same reason.
//
// The answer to a call that may be repeated is kept for 24 hours, as the API says.
// So is an invitation; and a reset for seven days, because a stranger can have them
// made for addresses that nobody has.
//
// What a trial has fetched is kept for ten minutes, after which nobody uses it
// (admin.trialHolds).

// What people have come in by goes sooner: a ceremony an hour after its end, an
// allowance for tries an hour after all of it is there again, a device that was used
// half a year ago.

// trimBatch bounds one transaction, so that no lock is held for long.
const trimBatch = 5000

// trimmings delete a batch of old rows each, and give how many.
var trimmings = []func(*PlatformTx, context.Context) (int64, error){
	(*PlatformTx).TrimChanges,
	(*PlatformTx).TrimSessions,
	(*PlatformTx).TrimCalls,
	(*PlatformTx).TrimIntakeLinks,
	(*PlatformTx).TrimTrialGrants,
	(*PlatformTx).TrimComingIn,
	(*PlatformTx).TrimAPIKeys,
	(*PlatformTx).TrimAnswers,
	(*PlatformTx).TrimInvitations,
	(*PlatformTx).TrimResets,
}

// trimLock lets one node at a time do it; another has nothing to do then.
const trimLock = `SELECT pg_try_advisory_xact_lock(hashtext('signet trim'))`

// Trim deletes the rows that nobody can need any more, in batches, and gives how
// many they were. Any node may call it at any time: while one does it, the others
// do nothing. It fails with fault.StoreUnavailable, and what was deleted by then
// stays so.
func (s *Store) Trim(ctx context.Context) (rows int64, err error) {
	for _, trim := range trimmings {
		for more := true; more; {
			err := s.Platform(ctx, core.System("trim"), func(tx *PlatformTx) error {
				mine, err := one(ctx, tx.tx, fault.InternalError, pgx.RowTo[bool], trimLock)
				if err != nil || !mine {
					more = false
					return err
				}
				batch, err := trim(tx, ctx)
				rows += batch
				more = batch >= trimBatch
				return err
			})
			if err != nil {
				return rows, err
			}
		}
	}
	return rows, nil
}

// Changes are deleted only behind the oldest transaction that is still open, so
// that every snapshot from now on has seen them: whoever follows the feed cannot
// have missed one, and who has not read so far finds their highest id beyond the
// beginning of its snapshot. An id that lies ahead was written on another cluster,
// whose dump was restored here, and counts no more.
const trimChanges = `
WITH gone AS (
    DELETE FROM signet.change_log
    WHERE seq IN (
        SELECT seq FROM signet.change_log
        WHERE at < now() - interval '24 hours' AND xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY seq
        LIMIT $1
    )
    RETURNING xid
), mark AS (
    INSERT INTO signet.change_log_trimmed AS held (xid)
    SELECT max(xid) FROM gone HAVING count(*) > 0
    ON CONFLICT (one) DO UPDATE
    SET xid = CASE WHEN held.xid < pg_snapshot_xmin(pg_current_snapshot())
                   THEN greatest(held.xid, EXCLUDED.xid) ELSE EXCLUDED.xid END
)
SELECT count(*) FROM gone`

// TrimChanges deletes a batch of changes that are older than 24 hours, notes in
// the same transaction how far that went, and gives how many they were.
func (tx *PlatformTx) TrimChanges(ctx context.Context) (int64, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[int64], trimChanges, trimBatch)
}

const trimSessions = `
WITH gone AS (
    DELETE FROM signet.sessions
    WHERE session_id IN (
        SELECT session_id FROM signet.sessions
        WHERE expires_at < now() - interval '24 hours'
        ORDER BY expires_at
        LIMIT $1
    )
    RETURNING session_id
)
SELECT count(*) FROM gone`

// TrimSessions deletes a batch of sessions that have expired 24 hours ago, with
// their refresh tokens, and gives how many sessions they were.
func (tx *PlatformTx) TrimSessions(ctx context.Context) (int64, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[int64], trimSessions, trimBatch)
}

// What is over for two hours counts nowhere; the door's policies show no younger
// row.
const (
	trimCalls = `
DELETE FROM signet.calls WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.calls WHERE minute < now() - interval '2 hours' LIMIT $1))`

	trimRefusedCalls = `
DELETE FROM signet.refused_calls WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.refused_calls WHERE minute < now() - interval '2 hours' LIMIT $1))`

	trimPauses = `
DELETE FROM signet.call_pauses WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.call_pauses WHERE coalesce(until, since) < now() - interval '2 hours' LIMIT $1))`
)

// TrimCalls deletes calls, refused calls and pauses that have been over for two
// hours, a batch of each, and gives how many they were.
func (tx *PlatformTx) TrimCalls(ctx context.Context) (int64, error) {
	var gone int64
	for _, statement := range []string{trimCalls, trimRefusedCalls, trimPauses} {
		tag, err := tx.tx.Exec(ctx, statement, trimBatch)
		if err != nil {
			return gone, translate(err)
		}
		gone += tag.RowsAffected()
	}
	return gone, nil
}

const trimIntakeLinks = `
DELETE FROM signet.intake_links WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.intake_links
    WHERE coalesce(used_at, revoked_at, expires_at) < now() - interval '90 days'
    LIMIT $1))`

// TrimIntakeLinks deletes a batch of links that ended 90 days ago, and gives how
// many they were.
func (tx *PlatformTx) TrimIntakeLinks(ctx context.Context) (int64, error) {
	tag, err := tx.tx.Exec(ctx, trimIntakeLinks, trimBatch)
	return tag.RowsAffected(), translate(err)
}

const (
	trimInvitations = `
DELETE FROM signet.invitations WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.invitations
    WHERE coalesce(used_at, revoked_at, expires_at) < now() - interval '90 days'
    LIMIT $1))`

	trimPlatformInvitations = `
DELETE FROM signet.platform_invitations WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.platform_invitations
    WHERE coalesce(used_at, revoked_at, expires_at) < now() - interval '90 days'
    LIMIT $1))`

	trimResets = `
DELETE FROM signet.resets WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.resets
    WHERE coalesce(used_at, revoked_at, expires_at) < now() - interval '7 days'
    LIMIT $1))`
)

// TrimInvitations deletes a batch of invitations that ended 90 days ago, of tenants
// and of the platform each, and gives how many they were.
func (tx *PlatformTx) TrimInvitations(ctx context.Context) (int64, error) {
	var gone int64
	for _, statement := range []string{trimInvitations, trimPlatformInvitations} {
		tag, err := tx.tx.Exec(ctx, statement, trimBatch)
		if err != nil {
			return gone, translate(err)
		}
		gone += tag.RowsAffected()
	}
	return gone, nil
}

// TrimResets deletes a batch of resets that ended seven days ago, and gives how many
// they were.
func (tx *PlatformTx) TrimResets(ctx context.Context) (int64, error) {
	tag, err := tx.tx.Exec(ctx, trimResets, trimBatch)
	return tag.RowsAffected(), translate(err)
}

// The door's policy says what is old. The statement reads no column, so that this
// door deletes what is sealed for a tenant without seeing it.
const trimTrialGrants = `
DELETE FROM signet.trial_grants
WHERE current_setting('signet.platform', true) = 'on'`

// TrimTrialGrants deletes what trials have fetched more than ten minutes ago, all of
// it, since that is little, and gives how many rows they were.
func (tx *PlatformTx) TrimTrialGrants(ctx context.Context) (int64, error) {
	tag, err := tx.tx.Exec(ctx, trimTrialGrants)
	return tag.RowsAffected(), translate(err)
}

const (
	trimCeremonies = `
DELETE FROM signet.ceremonies WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.ceremonies WHERE expires_at < now() - interval '1 hour' LIMIT $1))`

	trimTries = `
DELETE FROM signet.tries WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.tries WHERE full_at < now() - interval '1 hour' LIMIT $1))`

	trimDevices = `
DELETE FROM signet.devices WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.devices WHERE used_at < now() - interval '180 days' LIMIT $1))`
)

// TrimComingIn deletes ceremonies, allowances and devices that are of no use any
// more, a batch of each, and gives how many they were.
func (tx *PlatformTx) TrimComingIn(ctx context.Context) (int64, error) {
	var gone int64
	for _, statement := range []string{trimCeremonies, trimTries, trimDevices} {
		tag, err := tx.tx.Exec(ctx, statement, trimBatch)
		if err != nil {
			return gone, translate(err)
		}
		gone += tag.RowsAffected()
	}
	return gone, nil
}
