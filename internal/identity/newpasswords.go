package identity

import (
	"strings"

	"github.com/ccojocar/zxcvbn-go"

	"signet/internal/core"
	"signet/internal/fault"
)

// leastEntropy is what a new password must have at least, in bits as zxcvbn weighs
// them: a quarter of a million guesses of somebody who begins with what people choose,
// with digits behind it, with rows of keys and with repetitions. All networks together
// may try that many in nine days (brakes.go).
const leastEntropy = 18

// leastRunes is how many different characters there must be: zxcvbn knows repetitions
// of one, and not of a few.
const leastRunes = 5

// weighedLength bounds how much of a password is weighed, in bytes: what comes behind
// makes it no weaker, and the weighing takes the square of it.
const weighedLength = 64

// checkNewPassword reads a password that somebody chooses: of 12 to 256 bytes, and not
// one of those that are tried first. It fails with fault.RequestInvalid pointing at
// pointer.
func (i *Identity) checkNewPassword(pointer string, typed core.Secret, email string) (core.Secret, error) {
	return checkNewPassword(pointer, typed, email)
}

func checkNewPassword(pointer string, typed core.Secret, email string) (core.Secret, error) {
	password, err := core.ParsePassword(pointer, typed.Expose())
	if err != nil {
		return password, err
	}
	name, domain, _ := strings.Cut(email, "@")
	text := password.Expose()
	text = text[:min(len(text), weighedLength)]
	if fewerRunes(text, leastRunes) || zxcvbn.PasswordStrength(text, []string{email, name, domain, strings.ToLower(totpIssuer)}).Entropy < leastEntropy {
		return core.Secret{}, fault.InvalidField(pointer, fault.ReasonCommonPassword, nil)
	}
	return password, nil
}

func fewerRunes(text string, least int) bool {
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen) < least
}
