package identity

import (
	"context"
	"crypto/sha256"
	"strings"

	crand "crypto/rand"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// Ten codes of 80 random bits, which are stored hashed only; a plain SHA-256 is
// enough for what nobody can guess.
const (
	recoveryCodes      = 10
	recoveryCodeLength = 16 // characters of base32, in groups of four
)

// newRecoveryCode draws a code, such as "k3fw-9q2d-…".
func newRecoveryCode() core.Secret {
	text := strings.ToLower(crand.Text()[:recoveryCodeLength])
	return core.NewSecret(text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:])
}

// hashRecoveryCode reads a code as somebody types it from paper. What is none hashes
// to something that nobody has.
func hashRecoveryCode(m core.MemberID, typed core.Secret) [32]byte {
	text := strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(typed.Expose()))
	return sha256.Sum256([]byte("signet recovery code 1 " + m.String() + " " + text))
}

// giveRecoveryCodes gives a member new codes, in the place of those they had. They
// are shown once.
func giveRecoveryCodes(ctx context.Context, tx *store.PlatformTx, member core.MemberID) ([]core.Secret, error) {
	codes := make([]core.Secret, recoveryCodes)
	hashes := make([][32]byte, recoveryCodes)
	for n := range codes {
		codes[n] = newRecoveryCode()
		hashes[n] = hashRecoveryCode(member, codes[n])
	}
	return codes, tx.ReplaceRecoveryCodes(ctx, member, hashes)
}

// RenewRecoveryCodes gives the actor new recovery codes; the old ones are good for
// nothing from then on. It fails with fault.FactorUnknown where there is no second
// factor that they could stand in for, and with fault.StepUpRequired.
func (i *Identity) RenewRecoveryCodes(ctx context.Context, actor core.Actor) ([]core.Secret, error) {
	if err := requireProof(actor); err != nil {
		return nil, err
	}
	var codes []core.Secret
	err := i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		if err := tx.LockFactors(ctx, actor.MemberID); err != nil {
			return err
		}
		rows, err := tx.ListFactors(ctx, actor.MemberID)
		if err != nil {
			return err
		}
		if len(counting(rows)) == 0 {
			return fault.New(fault.FactorUnknown, nil)
		}
		if codes, err = giveRecoveryCodes(ctx, tx, actor.MemberID); err != nil {
			return err
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "recovery_codes.renew", SubjectKind: "member", Subject: actor.MemberID.String()})
	})
	return codes, err
}
