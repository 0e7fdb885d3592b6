package identity

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// Codes of RFC 6238 as every authenticator makes them: six digits, SHA-1, a step of
// 30 seconds. A clock may be one step off, which is what the RFC allows for.
const (
	totpStep   = 30 * time.Second
	totpDrift  = 1 // steps, to either side
	totpIssuer = "Signet"
	totpSeed   = 20 // bytes
)

// NewTOTP is a TOTP that is to be confirmed by its first code. Its seed is shown once.
type NewTOTP struct {
	Factor core.Factor
	Seed   core.Secret // base32
	URI    core.Secret // otpauth://…, for a QR code
}

// BeginTOTP makes a TOTP for the actor, which counts once it is confirmed. It fails
// with fault.FactorsFull, fault.RequestInvalid (/name) and fault.StepUpRequired.
func (i *Identity) BeginTOTP(ctx context.Context, actor core.Actor, name string) (NewTOTP, error) {
	if err := requireProof(actor); err != nil {
		return NewTOTP{}, err
	}
	name, err := core.ParseName("/name", name)
	if err != nil {
		return NewTOTP{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: totpIssuer, AccountName: actor.Name, SecretSize: totpSeed})
	if err != nil {
		return NewTOTP{}, err
	}
	row := store.FactorRow{Factor: core.Factor{ID: core.NewFactorID(), Kind: core.TOTP, Name: name}, MemberID: actor.MemberID}
	seed := core.NewSecret(key.Secret())
	made, _, err := i.addFactor(ctx, actor, row, seed, false)
	return NewTOTP{Factor: made, Seed: seed, URI: core.NewSecret(key.URL())}, err
}

// ConfirmTOTP lets a TOTP of the actor count, once its code is right, and gives
// recovery codes with the first factor that counts. It fails with
// fault.SecondFactorRefused, fault.FactorUnknown, fault.RateLimitedCode and
// fault.StepUpRequired.
func (i *Identity) ConfirmTOTP(ctx context.Context, actor core.Actor, factor core.FactorID, code core.Secret) ([]core.Secret, error) {
	if err := requireProof(actor); err != nil {
		return nil, err
	}
	if err := i.takeCode(ctx, actor.MemberID); err != nil {
		return nil, err
	}
	var codes []core.Secret
	err := i.onPlatformKey(ctx, actor, func(tx *store.PlatformTx) error {
		if err := tx.LockFactors(ctx, actor.MemberID); err != nil {
			return err
		}
		rows, err := tx.ListFactors(ctx, actor.MemberID)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.ID != factor || row.Kind != core.TOTP || row.ConfirmedAt != nil {
				continue
			}
			seed, err := i.openFactor(ctx, tx, row)
			if err != nil {
				return err
			}
			step, right := i.stepOf(seed, code)
			if right {
				right, err = tx.ConfirmFactor(ctx, row.ID, step)
			}
			if err != nil {
				return err
			}
			if !right {
				return fault.New(fault.SecondFactorRefused, nil)
			}
			if err := tx.GiveTryBack(ctx, codeKey(actor.MemberID), codesPerMember); err != nil {
				return err
			}
			codes, err = factorCounts(ctx, tx, row, rows)
			return err
		}
		return fault.New(fault.FactorUnknown, nil)
	})
	if err == nil {
		i.notify(core.FactorAddedNotice, actor.Name, Visit{})
	}
	return codes, err
}

// stepOf tells whether a code is right now, and of which step it is.
func (i *Identity) stepOf(seed, code core.Secret) (step int64, right bool) {
	now := i.clock()
	for drift := -totpDrift; drift <= totpDrift; drift++ {
		at := now.Add(time.Duration(drift) * totpStep)
		want, err := totp.GenerateCodeCustom(seed.Expose(), at, totp.ValidateOpts{Period: uint(totpStep / time.Second), Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code.Expose())) == 1 {
			step, right = at.Unix()/int64(totpStep/time.Second), true
		}
	}
	return step, right
}

func codeKey(m core.MemberID) [32]byte { return store.TryKey("code", m.String()) }

// takeCode counts a try at a code of a member's second factors, and keeps it counted
// whatever comes of the rest.
func (i *Identity) takeCode(ctx context.Context, m core.MemberID) error {
	return i.takeBrakes(ctx, brake{codeKey(m), codesPerMember})
}
