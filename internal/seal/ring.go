package seal

import (
	"crypto/cipher"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// Ring holds the opened root keys. From it come new scope keys, the Sealer and
// the Openers. It shows nothing but its epochs.
type Ring struct {
	master *Master
	keys   []rootKey // by epoch, without gaps
}

type rootKey struct {
	epoch       int32
	fingerprint RootFingerprint
	createdAt   time.Time
	sealedBy    map[string]string // by recipient, of the wraps whose MAC holds
	key         func() []byte     // a function, so that no printing reaches it
	wrap        cipher.AEAD       // locks scope keys
}

// OpenRing verifies the MAC of every wrap that an identity of the file has
// sealed and opens every root key: one age file for each epoch. Rows may come in
// any order.
//
// It fails with ErrWrongMaster where no identity opens a row, naming those
// wanted and those given; with ErrForged where a row is not authentic; with
// ErrMissingEpoch where there is no row, or a gap between them. Nothing is
// opened from a row that is not authentic.
func OpenRing(m *Master, rows []RootKeyRow) (*Ring, error) {
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: the database has none; start signet serve once, or restore the key backup", ErrMissingEpoch)
	}
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b RootKeyRow) int { return int(int64(a.Epoch) - int64(b.Epoch)) })
	ring := &Ring{master: m, keys: make([]rootKey, 0, len(rows))}
	for i, row := range rows {
		switch {
		case row.Epoch < firstEpoch || i > 0 && row.Epoch == rows[i-1].Epoch:
			return nil, fmt.Errorf("root key %d: %w: there is no such epoch, or it stands twice", row.Epoch, ErrForged)
		case i > 0 && row.Epoch != rows[i-1].Epoch+1:
			return nil, fmt.Errorf("root key %d: %w: the database has older and newer ones; restore the key backup", rows[i-1].Epoch+1, ErrMissingEpoch)
		}
		authentic, err := m.verify(row)
		if err != nil {
			return nil, err
		}
		key, err := m.openRow(row, authentic)
		if err != nil {
			return nil, err
		}
		held, err := newRootKey(row, key, authentic)
		if err != nil {
			return nil, err
		}
		ring.keys = append(ring.keys, held)
	}
	return ring, nil
}

func newRootKey(row RootKeyRow, key []byte, authentic []RootKeyWrap) (rootKey, error) {
	wrapKey, err := fromKey(key, labelRootWrap, keyLength)
	if err != nil {
		return rootKey{}, fmt.Errorf("root key %d: %w", row.Epoch, err)
	}
	defer clear(wrapKey)
	wrap, err := chacha20poly1305.NewX(wrapKey)
	if err != nil {
		return rootKey{}, fmt.Errorf("root key %d: %w", row.Epoch, err)
	}
	held := rootKey{
		epoch: row.Epoch, fingerprint: slices.Clone(row.Fingerprint), createdAt: row.CreatedAt,
		sealedBy: make(map[string]string, len(authentic)),
		key:      func() []byte { return key },
		wrap:     wrap,
	}
	for _, w := range authentic {
		held.sealedBy[w.Recipient] = w.SealedBy
	}
	return held, nil
}

func (r *Ring) newest() *rootKey { return &r.keys[len(r.keys)-1] }

func (r *Ring) find(epoch int32) (*rootKey, error) {
	at := int64(epoch) - int64(r.keys[0].epoch)
	if at < 0 || at >= int64(len(r.keys)) {
		return nil, fmt.Errorf("root key %d: %w: restore the key backup, or restart this node if keys were rotated just now", epoch, ErrMissingEpoch)
	}
	return &r.keys[at], nil
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
	list := make([]Epoch, len(r.keys))
	for i, k := range r.keys {
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
	for _, k := range r.keys {
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

// String implements fmt.Stringer with the number of the newest epoch alone.
func (r *Ring) String() string {
	return "ring up to root key " + strconv.Itoa(int(r.newest().epoch))
}

// Format implements fmt.Formatter, so that no verb reaches a key.
func (r *Ring) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, r.String()) }

// LogValue implements slog.LogValuer without a key.
func (r *Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }
