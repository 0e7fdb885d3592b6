package seal

import "fmt"

// Resealer turns values from one version of their scope's key to another. It
// opens and locks within one call and shows nothing of what it has opened.
type Resealer struct{ ring *Ring }

// Resealed is a value under the key that it was turned to.
type Resealed struct {
	Bytes       []byte
	Fingerprint string // as Sealer.Fingerprint makes it; "" for a value with an end
}

// Reseal turns a value that was locked for b under from to the key to. Its end, if
// it has one, stays. It fails as Opener.Open and Sealer.Seal do, but for
// ErrPurpose: any value can be turned, and none is seen.
func (s *Resealer) Reseal(from, to WrappedKey, b Binding, sealed []byte) (Resealed, error) {
	format, label := formOf(sealed)
	plain, err := s.ring.openValue(from, b, format, label, sealed)
	if err != nil {
		return Resealed{}, err
	}
	defer clear(plain)
	var turned Resealed
	if turned.Bytes, err = s.ring.sealValue(to, b, format, label, plain); err != nil {
		return Resealed{}, fmt.Errorf("reseal: %w", err)
	}
	if format == formatValue {
		turned.Fingerprint, err = s.ring.fingerprint(to, plain)
	}
	return turned, err
}

// CheckValue opens a value of any purpose and forgets it at once. It fails as
// Opener.Open does.
func (r *Ring) CheckValue(key WrappedKey, b Binding, sealed []byte) error {
	format, label := formOf(sealed)
	plain, err := r.openValue(key, b, format, label, sealed)
	clear(plain)
	return err
}

// formOf tells the form in which a value says that it was locked.
func formOf(sealed []byte) (format byte, label string) {
	if len(sealed) > 0 && sealed[0] == formatValueWithEnd {
		return formatValueWithEnd, labelValueWithTime
	}
	return formatValue, labelValue
}
