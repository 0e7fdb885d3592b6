package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
)

const knowDevice = `
INSERT INTO signet.devices (device_hash, member_id)
VALUES ($1, $2)
ON CONFLICT (device_hash, member_id) DO UPDATE
SET used_at = now()`

// KnowDevice notes that a member has come in from a device, given as its hash.
func (tx *PlatformTx) KnowDevice(ctx context.Context, deviceHash [32]byte, member core.MemberID) error {
	_, err := tx.tx.Exec(ctx, knowDevice, deviceHash[:], member)
	return translate(err)
}

const knownDevices = `
SELECT d.device_hash
FROM signet.devices d
JOIN signet.members m ON m.member_id = d.member_id
WHERE d.device_hash = ANY ($1) AND m.email = $2 AND d.used_at > now() - interval '180 days'`

// KnownDevices gives those of the devices, as hashes, from which the member with that
// address has come in.
func (tx *PlatformTx) KnownDevices(ctx context.Context, devices [][]byte, email string) ([][32]byte, error) {
	return all(ctx, tx.tx, func(row pgx.CollectableRow) ([32]byte, error) {
		var hash []byte
		var known [32]byte
		err := row.Scan(&hash)
		copy(known[:], hash)
		return known, err
	}, knownDevices, devices, email)
}
