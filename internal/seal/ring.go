package seal

import (
	"bytes"
	"cmp"
	"crypto/cipher"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Ring holds the root keys. From it come new scope keys, the Sealer, the Openers
// and the Resealer, and they keep pointing at it: what it learns of the root keys
// while it is in use, all of them know. It shows nothing but its epochs.
type Ring struct {
	master *Master
	held   atomic.Pointer[[]*rootKey] // by epoch, without gaps; replaced whole, never changed
	judge  func(rows []RootKeyRow, held []*rootKey) ([]*rootKey, error)
	renewal
}

// rootKey is one epoch. Its wraps were verified; age opens one of them when the
// key is needed for the first time, and never before.
type rootKey struct {
	epoch       int32
	fingerprint RootFingerprint
	createdAt   time.Time
	sealedBy    map[string]string // by recipient, of the wraps whose MAC holds
	goneAt      time.Time         // when its row was missed first; zero: it is there (renew.go)
	open        func() (openedKey, error)
}

type openedKey struct {
	key  func() []byte // a function, so that no printing reaches it
	wrap cipher.AEAD   // locks scope keys
}

// OpenRing verifies the MAC of every wrap that an identity of the file has
// sealed, and that each row has a wrap which the file opens. Rows may come in any
// order. With age it opens nothing yet: a root key is opened when something under
// it is asked for, so that a start opens one however many there are.
//
// It fails with ErrWrongMaster where no identity opens a row, naming those
// wanted and those given; with ErrForged where a row is not authentic; with
// ErrMissingEpoch where there is no row, or a gap between them.
func OpenRing(m *Master, rows []RootKeyRow) (*Ring, error) {
	keys, err := m.rootKeys(rows, nil)
	if err != nil {
		return nil, err
	}
	ring := &Ring{master: m, judge: m.rootKeys, renewal: newRenewal()}
	ring.held.Store(&keys)
	return ring, nil
}

// rootKeys makes the keys of a ring out of rows, and takes over those that are
// held already.
func (m *Master) rootKeys(rows []RootKeyRow, held []*rootKey) ([]*rootKey, error) {
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: the database has none; start signet serve once, or restore the key backup", ErrMissingEpoch)
	}
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b RootKeyRow) int { return cmp.Compare(a.Epoch, b.Epoch) })
	keys := make([]*rootKey, 0, len(rows))
	for i, row := range rows {
		switch {
		case row.Epoch < firstEpoch || i > 0 && row.Epoch == rows[i-1].Epoch:
			return nil, fmt.Errorf("root key %d: %w: there is no such epoch, or it stands twice", row.Epoch, ErrForged)
		case i > 0 && row.Epoch != rows[i-1].Epoch+1:
			return nil, fmt.Errorf("root key %d: %w: the database has older and newer ones; restore the key backup", rows[i-1].Epoch+1, ErrMissingEpoch)
		}
		key, err := m.rootKey(row, findKey(held, row.Epoch))
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// rootKey makes one key of a ring. One that is held with the same fingerprint is
// the same key, and stays open also where the master has been turned since and
// its new wraps cannot be judged here.
func (m *Master) rootKey(row RootKeyRow, held *rootKey) (*rootKey, error) {
	authentic, err := m.verify(row)
	if err != nil {
		return nil, err
	}
	same := held != nil && bytes.Equal(held.fingerprint, row.Fingerprint)
	key := &rootKey{
		epoch: row.Epoch, fingerprint: slices.Clone(row.Fingerprint), createdAt: row.CreatedAt,
		sealedBy: make(map[string]string, len(authentic)),
	}
	for _, w := range authentic {
		key.sealedBy[w.Recipient] = w.SealedBy
	}
	if same {
		key.open = held.open
		return key, nil
	}
	own, wrap, err := m.findOwn(row, authentic)
	if err != nil {
		return nil, err
	}
	key.open = sync.OnceValues(func() (openedKey, error) { return m.openRow(row, own, wrap) })
	return key, nil
}

func findKey(keys []*rootKey, epoch int32) *rootKey {
	for _, k := range keys {
		if k.epoch == epoch {
			return k
		}
	}
	return nil
}

// newest is the key that locks new scope keys.
func (r *Ring) newest() *rootKey {
	keys := *r.held.Load()
	for _, k := range slices.Backward(keys) {
		if k.goneAt.IsZero() {
			return k
		}
	}
	return keys[len(keys)-1]
}

// present are the keys that were among the rows when they were read last.
func (r *Ring) present() []*rootKey {
	return slices.DeleteFunc(slices.Clone(*r.held.Load()), func(k *rootKey) bool { return !k.goneAt.IsZero() })
}

// find gives the key of an epoch, and reads the rows anew where it is not held: a
// process beside this one may have turned the root key.
func (r *Ring) find(epoch int32) (*rootKey, error) {
	if k := findKey(*r.held.Load(), epoch); k != nil {
		return k, nil
	}
	err := r.renewOnce()
	if k := findKey(*r.held.Load(), epoch); k != nil {
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("root key %d: %w, and the rows could not be read anew: %w", epoch, ErrMissingEpoch, err)
	}
	return nil, fmt.Errorf("root key %d: %w: restore the key backup", epoch, ErrMissingEpoch)
}

// Epoch is what may be known of one root key.
type Epoch struct {
	Number      int32
	Fingerprint RootFingerprint
	CreatedAt   time.Time
	Recipients  []string // those with an authentic wrap, sorted
}

// Epochs lists the root keys, oldest first. The last one locks new scope keys.
func (r *Ring) Epochs() []Epoch {
	keys := r.present()
	list := make([]Epoch, len(keys))
	for i, k := range keys {
		recipients := make([]string, 0, len(k.sealedBy))
		for recipient := range k.sealedBy {
			recipients = append(recipients, recipient)
		}
		slices.Sort(recipients)
		list[i] = Epoch{Number: k.epoch, Fingerprint: slices.Clone(k.fingerprint), CreatedAt: k.createdAt, Recipients: recipients}
	}
	return list
}

// Uncovered lists the epochs whose root key has no authentic wrap to the
// recipient. With none, the holder of its identity can recover everything.
func (r *Ring) Uncovered(recipient Recipient) []int32 {
	var epochs []int32
	for _, k := range r.present() {
		if _, ok := k.sealedBy[recipient.text]; !ok {
			epochs = append(epochs, k.epoch)
		}
	}
	return epochs
}

// Sealer gives the power to lock values.
func (r *Ring) Sealer() *Sealer { return &Sealer{ring: r} }

// Opener gives the power to open values of the given purposes, and of no other.
func (r *Ring) Opener(purposes ...Purpose) *Opener {
	return &Opener{ring: r, purposes: slices.Clone(purposes)}
}

// Resealer gives the power to turn values from one version of their scope's key
// to another, without anybody seeing them.
func (r *Ring) Resealer() *Resealer { return &Resealer{ring: r} }

// OpenAll opens every root key, which proves that the master's identities open
// them. It fails as OpenRing does.
func (r *Ring) OpenAll() error {
	for _, k := range r.present() {
		if _, err := k.open(); err != nil {
			return err
		}
	}
	return nil
}

// String implements fmt.Stringer with the number of the newest epoch alone.
func (r *Ring) String() string {
	return "ring up to root key " + strconv.Itoa(int(r.newest().epoch))
}

// Format implements fmt.Formatter, so that no verb reaches a key.
func (r *Ring) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, r.String()) }

// LogValue implements slog.LogValuer without a key.
func (r *Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }
