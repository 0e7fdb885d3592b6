package seal

import (
	"bytes"
	"crypto/subtle"
	"fmt"
)

const firstEpoch = 1

// FirstRootKey makes the first root key of a platform, wrapped to the first
// identity and to each recovery recipient.
//
// The key is derived from the first identity. So signet keys init, which knows
// no database, can print its fingerprint, and nodes that start at once make the
// same key. It costs nothing: whoever holds the identity and any backup has the
// root key anyway. But it means that a stolen identity calls for a new root key
// too, and not for a new identity alone. Later epochs are random.
func FirstRootKey(m *Master, recovery []Recipient) (RootKeyRow, error) {
	key, err := m.firstRootKey()
	if err != nil {
		return RootKeyRow{}, err
	}
	defer clear(key)
	return m.makeRow(firstEpoch, key, recovery)
}

// FirstRootFingerprint is the fingerprint of the key that FirstRootKey makes.
func (m *Master) FirstRootFingerprint() (RootFingerprint, error) {
	key, err := m.firstRootKey()
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return fingerprintOf(firstEpoch, key)
}

func (m *Master) firstRootKey() ([]byte, error) {
	key, err := fromIdentity(m.first().text(), labelFirstRoot)
	if err != nil {
		return nil, fmt.Errorf("derive first root key: %w", err)
	}
	return key, nil
}

func (m *Master) makeRow(epoch int32, key []byte, recovery []Recipient) (RootKeyRow, error) {
	if err := distinct(m, recovery); err != nil {
		return RootKeyRow{}, err
	}
	fingerprint, err := fingerprintOf(epoch, key)
	if err != nil {
		return RootKeyRow{}, err
	}
	row := RootKeyRow{Epoch: epoch, Fingerprint: fingerprint}
	for _, to := range m.sealsTo(recovery) {
		wrap, err := m.wrapTo(to, epoch, fingerprint, key)
		if err != nil {
			return RootKeyRow{}, err
		}
		row.Wraps = append(row.Wraps, wrap)
	}
	return row, nil
}

func (m *Master) sealsTo(recovery []Recipient) []Recipient {
	return append([]Recipient{m.first().recipient}, recovery...)
}

// NextRootKey makes a random root key for the epoch after the newest, wrapped
// to the first identity and to each recovery recipient. The ring does not hold
// it: store the row, then open a ring from all rows.
func (r *Ring) NextRootKey(recovery []Recipient) (RootKeyRow, error) {
	key := random(keyLength)
	defer clear(key)
	return r.master.makeRow(r.newest().epoch+1, key, recovery)
}

// MissingWraps gives the wraps which the rows lack, in rows that hold nothing
// but those: to the first identity and to each recovery recipient, wherever
// there is none that the first identity has authenticated. It is empty when
// nothing is lacking. A new first identity in the file, or a recovery recipient
// set later, is taken over by storing what this gives, in place of a wrap of
// the same epoch and recipient if there is one.
func (r *Ring) MissingWraps(recovery []Recipient) ([]RootKeyRow, error) {
	if err := distinct(r.master, recovery); err != nil {
		return nil, err
	}
	var rows []RootKeyRow
	for _, k := range r.present() {
		row := RootKeyRow{Epoch: k.epoch, Fingerprint: k.fingerprint, CreatedAt: k.createdAt}
		for _, to := range r.master.sealsTo(recovery) {
			if k.sealedBy[to.text] == r.master.first().recipient.text {
				continue
			}
			held, err := k.open()
			if err != nil {
				return nil, err
			}
			wrap, err := r.master.wrapTo(to, k.epoch, k.fingerprint, held.key())
			if err != nil {
				return nil, err
			}
			row.Wraps = append(row.Wraps, wrap)
		}
		if len(row.Wraps) > 0 {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// RecoverRing opens root keys with the offline recovery identity, when the
// master identity is lost, and hands them over to a new master. The recovery
// identity cannot check the MACs, so each key is accepted only if its
// fingerprint equals the one on the recovery sheet; sheet holds them by epoch.
//
// It gives the ring and the rows wrapped and authenticated anew, to the new
// master and to the recovery identity. Store them, in place of the old wraps,
// only after Ring.CheckScopeKey has passed for every scope key.
func RecoverRing(recovery, next *Master, rows []RootKeyRow, sheet map[int32]RootFingerprint) (*Ring, []RootKeyRow, error) {
	keep := make([]Recipient, len(recovery.identities))
	for i, one := range recovery.identities {
		keep[i] = one.recipient
	}
	anew := make([]RootKeyRow, len(rows))
	for i, row := range rows {
		wanted, ok := sheet[row.Epoch]
		if !ok || len(wanted) != fingerprintLength {
			return nil, nil, fmt.Errorf("root key %d: %w on the recovery sheet: take the sheet that keys rotate printed for it", row.Epoch, ErrMissingEpoch)
		}
		key, err := recovery.recoverKey(row, wanted)
		if err != nil {
			return nil, nil, err
		}
		anew[i], err = next.makeRow(row.Epoch, key, keep)
		clear(key)
		if err != nil {
			return nil, nil, err
		}
		anew[i].CreatedAt = row.CreatedAt
	}
	ring, err := OpenRing(next, anew)
	if err != nil {
		return nil, nil, err
	}
	return ring, anew, nil
}

func (m *Master) recoverKey(row RootKeyRow, wanted RootFingerprint) ([]byte, error) {
	opened := false
	for _, w := range row.Wraps {
		own := m.find(w.Recipient)
		if own == nil {
			continue
		}
		m.ageOperations.Add(1)
		key, err := own.unwrap(w)
		if err != nil {
			return nil, fmt.Errorf("root key %d: %w", row.Epoch, err)
		}
		fingerprint, err := fingerprintOf(row.Epoch, key)
		if err != nil {
			return nil, err
		}
		if subtle.ConstantTimeCompare(fingerprint, wanted) == 1 {
			return key, nil
		}
		opened = true
	}
	if opened {
		return nil, fmt.Errorf("root key %d: %w: its fingerprint is not the one on the recovery sheet; take another backup", row.Epoch, ErrForged)
	}
	return nil, m.whyClosed(row)
}

// ProveRing opens root keys with the offline recovery identity alone, to try
// whether it opens everything. Each key must be the one that its row names by
// fingerprint, and the one on the recovery sheet where sheet holds its epoch; so it
// is with those that come when the rows are read anew. What comes out is for looking:
// nothing may be sealed by it.
func ProveRing(recovery *Master, rows []RootKeyRow, sheet map[int32]RootFingerprint) (*Ring, error) {
	ring := &Ring{master: recovery, renewal: newRenewal()}
	ring.judge = func(rows []RootKeyRow, held []*rootKey) ([]*rootKey, error) {
		return recovery.proveKeys(rows, held, sheet)
	}
	keys, err := ring.judge(rows, nil)
	if err != nil {
		return nil, err
	}
	ring.held.Store(&keys)
	return ring, nil
}

// proveKeys makes the keys of ProveRing out of rows, oldest first, and takes over those
// that are held already.
func (m *Master) proveKeys(rows []RootKeyRow, held []*rootKey, sheet map[int32]RootFingerprint) ([]*rootKey, error) {
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: the database has none; restore the key backup", ErrMissingEpoch)
	}
	keys := make([]*rootKey, 0, len(rows))
	for _, row := range rows {
		if wanted, ok := sheet[row.Epoch]; ok && !bytes.Equal(wanted, row.Fingerprint) {
			return nil, fmt.Errorf("root key %d: %w: its fingerprint is %s, and the recovery sheet says %s", row.Epoch, ErrForged, row.Fingerprint, wanted)
		}
		if same := findKey(held, row.Epoch); same != nil && bytes.Equal(same.fingerprint, row.Fingerprint) {
			keys = append(keys, &rootKey{epoch: row.Epoch, fingerprint: row.Fingerprint, createdAt: row.CreatedAt, open: same.open})
			continue
		}
		key, err := m.recoverKey(row, row.Fingerprint)
		if err != nil {
			return nil, err
		}
		opened, err := openedOf(row.Epoch, key)
		if err != nil {
			return nil, err
		}
		keys = append(keys, &rootKey{epoch: row.Epoch, fingerprint: row.Fingerprint, createdAt: row.CreatedAt,
			open: func() (openedKey, error) { return opened, nil }})
	}
	return keys, nil
}
