package store

import "context"

// trimBatch is the most rows of a table that one TrimCalls deletes.
const trimBatch = "5000"

// What is over for two hours counts nowhere; the door's policies show no younger
// row.
const (
	trimCalls = `
DELETE FROM signet.calls WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.calls WHERE minute < now() - interval '2 hours' LIMIT ` + trimBatch + `))`

	trimRefusedCalls = `
DELETE FROM signet.refused_calls WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.refused_calls WHERE minute < now() - interval '2 hours' LIMIT ` + trimBatch + `))`

	trimPauses = `
DELETE FROM signet.call_pauses WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.call_pauses WHERE coalesce(until, since) < now() - interval '2 hours' LIMIT ` + trimBatch + `))`
)

// TrimCalls deletes calls, refused calls and pauses that have been over for two
// hours, some thousand rows of each at most, and tells how many went. Call it
// again until it gives 0.
func (tx *PlatformTx) TrimCalls(ctx context.Context) (int64, error) {
	var gone int64
	for _, statement := range []string{trimCalls, trimRefusedCalls, trimPauses} {
		tag, err := tx.tx.Exec(ctx, statement)
		if err != nil {
			return gone, translate(err)
		}
		gone += tag.RowsAffected()
	}
	return gone, nil
}
