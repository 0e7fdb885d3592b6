package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"
)

// RootKeyRow is one epoch of the root key as it lies in the database.
type RootKeyRow struct {
	Epoch       int32 // from 1, without gaps
	Fingerprint RootFingerprint
	CreatedAt   time.Time // set by the database; nothing is decided by it
	Wraps       []RootKeyWrap
}

// RootKeyWrap is a root key sealed to one recipient: one age file for each,
// because age refuses to mix classic and post-quantum recipients in one.
type RootKeyWrap struct {
	Recipient string
	Wrapped   []byte
	SealedBy  string // recipient of the identity that the MAC comes from
	MAC       []byte // HMAC-SHA256, 32 bytes
}

const fingerprintLength = 16

// RootFingerprint tells one root key from every other without telling anything
// of it: 16 bytes, made from key and epoch. It stands on the recovery sheet.
type RootFingerprint []byte

// String gives the fingerprint as it stands on paper: eight groups of four
// lower-case hex digits.
func (f RootFingerprint) String() string {
	digits := hex.EncodeToString(f)
	var b strings.Builder
	for i := 0; i < len(digits); i += 4 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(digits[i:min(i+4, len(digits))])
	}
	return b.String()
}

// ParseRootFingerprint reads a fingerprint as somebody types it from a sheet:
// 32 hex digits in either case, with or without blanks and hyphens.
func ParseRootFingerprint(text string) (RootFingerprint, error) {
	digits := strings.NewReplacer(" ", "", "-", "", "\t", "").Replace(strings.TrimSpace(text))
	f, err := hex.DecodeString(digits)
	if err != nil || len(f) != fingerprintLength {
		return nil, errors.New("not a root key fingerprint: give the 32 digits (0-9, a-f) from the recovery sheet")
	}
	return f, nil
}

func fingerprintOf(epoch int32, key []byte) (RootFingerprint, error) {
	label := appendNumber([]byte(labelRootPrint), int64(epoch))
	f, err := fromKey(key, string(label), fingerprintLength)
	if err != nil {
		return nil, fmt.Errorf("fingerprint root key: %w", err)
	}
	return f, nil
}

// A hybrid wrap has about 2 KiB; whatever is far above is none of ours.
const maxWrapped = 16 << 10

// wrapTo makes one wrap of a root key, authenticated by the first identity.
func (m *Master) wrapTo(to Recipient, epoch int32, fingerprint RootFingerprint, key []byte) (RootKeyWrap, error) {
	m.ageOperations.Add(1)
	var file bytes.Buffer
	w, err := age.Encrypt(&file, to.to)
	if err != nil {
		return RootKeyWrap{}, fmt.Errorf("wrap root key %d to %s: %w", epoch, to.Short(), err)
	}
	_, err = w.Write(key)
	if err = errors.Join(err, w.Close()); err != nil {
		return RootKeyWrap{}, fmt.Errorf("wrap root key %d to %s: %w", epoch, to.Short(), err)
	}
	wrap := RootKeyWrap{Recipient: to.text, Wrapped: file.Bytes(), SealedBy: m.first().recipient.text}
	wrap.MAC = m.first().authenticate(epoch, fingerprint, wrap)
	return wrap, nil
}

// authenticate makes the MAC of a wrap. Everything that a reader relies on is
// in it, so that no part can be taken from another row.
func (one identity) authenticate(epoch int32, fingerprint RootFingerprint, w RootKeyWrap) []byte {
	text := appendPart(make([]byte, 0, 512+len(w.Wrapped)), labelRow)
	text = appendNumber(text, int64(epoch))
	text = appendPart(text, fingerprint)
	text = appendPart(text, w.Recipient)
	text = appendPart(text, w.SealedBy)
	text = appendPart(text, w.Wrapped)
	mac := hmac.New(sha256.New, one.mac())
	mac.Write(text)
	return mac.Sum(nil)
}

// verify checks the MACs of a row and gives the wraps whose MAC holds. A wrap
// by an identity which is not in the file cannot be judged: it is left out and
// never opened.
func (m *Master) verify(row RootKeyRow) ([]RootKeyWrap, error) {
	if len(row.Fingerprint) != fingerprintLength {
		return nil, fmt.Errorf("root key %d: %w: its fingerprint has %d bytes; restore the row from a backup", row.Epoch, ErrForged, len(row.Fingerprint))
	}
	authentic := make([]RootKeyWrap, 0, len(row.Wraps))
	for _, w := range row.Wraps {
		by := m.find(w.SealedBy)
		if by == nil {
			continue
		}
		if len(w.Wrapped) > maxWrapped {
			return nil, fmt.Errorf("root key %d, wrap to %s: %w: it has %d bytes; restore the row from a backup", row.Epoch, shorten(w.Recipient), ErrTooLarge, len(w.Wrapped))
		}
		if !hmac.Equal(by.authenticate(row.Epoch, row.Fingerprint, w), w.MAC) {
			return nil, fmt.Errorf("root key %d, wrap to %s: %w: restore the row from a backup and find out who wrote it", row.Epoch, shorten(w.Recipient), ErrForged)
		}
		authentic = append(authentic, w)
	}
	return authentic, nil
}

// findOwn gives an identity of the file and the wrap that it opens, of those that
// were verified.
func (m *Master) findOwn(row RootKeyRow, authentic []RootKeyWrap) (*identity, RootKeyWrap, error) {
	for _, w := range authentic {
		if own := m.find(w.Recipient); own != nil {
			return own, w, nil
		}
	}
	return nil, RootKeyWrap{}, m.whyClosed(row)
}

// openRow opens the root key of a row with age.
func (m *Master) openRow(row RootKeyRow, own *identity, w RootKeyWrap) (openedKey, error) {
	m.ageOperations.Add(1)
	key, err := own.unwrap(w)
	if err != nil {
		return openedKey{}, fmt.Errorf("root key %d: %w", row.Epoch, err)
	}
	fingerprint, err := fingerprintOf(row.Epoch, key)
	if err != nil {
		return openedKey{}, err
	}
	if subtle.ConstantTimeCompare(fingerprint, row.Fingerprint) != 1 {
		return openedKey{}, fmt.Errorf("root key %d: %w: it is not the key that its fingerprint names; restore the row from a backup", row.Epoch, ErrForged)
	}
	return openedOf(row.Epoch, key)
}

func openedOf(epoch int32, key []byte) (openedKey, error) {
	wrapKey, err := fromKey(key, labelRootWrap, keyLength)
	if err != nil {
		return openedKey{}, fmt.Errorf("root key %d: %w", epoch, err)
	}
	defer clear(wrapKey)
	aead, err := chacha20poly1305.NewX(wrapKey)
	if err != nil {
		return openedKey{}, fmt.Errorf("root key %d: %w", epoch, err)
	}
	return openedKey{key: func() []byte { return key }, wrap: aead}, nil
}

// whyClosed tells a file with the wrong identities from a row that could be
// opened but must not be.
func (m *Master) whyClosed(row RootKeyRow) error {
	wanted := make([]string, 0, len(row.Wraps))
	for _, w := range row.Wraps {
		if m.find(w.Recipient) != nil {
			return fmt.Errorf("root key %d, wrap to %s: %w by any identity of the file; it says it was sealed by %s: add that identity to the file, or recover with the recovery sheet if it is lost",
				row.Epoch, shorten(w.Recipient), ErrForged, shorten(w.SealedBy))
		}
		wanted = append(wanted, w.Recipient)
	}
	return fmt.Errorf("root key %d: %w: it is sealed to %s, and the identity file holds %s; give the file that belongs to this database",
		row.Epoch, ErrWrongMaster, shortenAll(wanted), shortenAll(m.Recipients()))
}

// unwrap opens one wrap. It asks nothing of the wrap's origin: the caller has
// verified the MAC, or compares the fingerprint with the recovery sheet.
func (one identity) unwrap(w RootKeyWrap) ([]byte, error) {
	if len(w.Wrapped) > maxWrapped {
		return nil, fmt.Errorf("wrap to %s: %w: it has %d bytes", shorten(w.Recipient), ErrTooLarge, len(w.Wrapped))
	}
	r, err := age.Decrypt(bytes.NewReader(w.Wrapped), one.opener)
	if err != nil {
		return nil, fmt.Errorf("wrap to %s: %w: it is no age file for this identity", shorten(w.Recipient), ErrAltered)
	}
	key := make([]byte, keyLength+1)
	n, err := io.ReadFull(r, key)
	if n != keyLength || !errors.Is(err, io.ErrUnexpectedEOF) {
		clear(key)
		return nil, fmt.Errorf("wrap to %s: %w: it does not hold a key of %d bytes", shorten(w.Recipient), ErrAltered, keyLength)
	}
	return key[:keyLength], nil
}
