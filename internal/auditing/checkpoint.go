package auditing

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"signet/internal/core"
	"signet/internal/store"
)

// What a signed statement is. It stands in its first line, and so none passes for the
// other.
const (
	checkpointFormat = "signet audit checkpoint 1"
	beginningFormat  = "signet audit beginning 1"
)

// A Checkpoint says how far chains went at one time: lines of JSON, a header, a line
// for each chain, and the Ed25519 signature over all bytes before its line.
type Checkpoint struct {
	MadeAt    time.Time
	KeyID     string
	PublicKey ed25519.PublicKey
	Heads     []core.AuditHead
}

type headerLine struct {
	Format    string `json:"format"`
	MadeAt    string `json:"madeAt"`
	KeyID     string `json:"keyId"`
	PublicKey string `json:"publicKey"`
}

type headLine struct {
	Chain string `json:"chain"`
	Seq   int64  `json:"seq"`
	Hash  string `json:"hash"`
}

type signatureLine struct {
	Signature string `json:"signature"`
}

// ReadHeads gives the last row of every chain, in one snapshot.
func ReadHeads(ctx context.Context, st *store.Store) (heads []core.AuditHead, err error) {
	err = st.System(ctx, func(tx *store.SystemTx) error {
		heads, err = tx.ListAuditHeads(ctx)
		return err
	})
	if heads == nil {
		heads = []core.AuditHead{}
	}
	return heads, err
}

// Checkpoint signs how far chains go, with the newest key.
func (k *Keys) Checkpoint(heads []core.AuditHead, at time.Time) []byte {
	return k.newest.sign(checkpointFormat, heads, at)
}

func (k *key) sign(format string, heads []core.AuditHead, at time.Time) []byte {
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	_ = lines.Encode(headerLine{format, at.UTC().Truncate(time.Second).Format(time.RFC3339), k.id, hex.EncodeToString(k.public())}) // texts and numbers cannot fail
	for _, h := range heads {
		_ = lines.Encode(headLine{string(h.Chain), h.Seq, hex.EncodeToString(h.Hash)})
	}
	_ = lines.Encode(signatureLine{hex.EncodeToString(ed25519.Sign(k.private, text.Bytes()))})
	return text.Bytes()
}

// errCut says that a statement does not end as one.
var errCut = errors.New("it was cut short: its last line is no signature; take another copy")

// ParseCheckpoint reads a checkpoint whole and checks that the key in it has signed it.
// Whether that key is to be trusted is another question: Keys.Trusts.
func ParseCheckpoint(text []byte) (Checkpoint, error) { return parse(checkpointFormat, text) }

func parse(format string, text []byte) (Checkpoint, error) {
	signed := bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n') + 1
	var end signatureLine
	if !bytes.HasSuffix(text, []byte("\n")) || signed == 0 || readLine(text[signed:], &end) != nil {
		return Checkpoint{}, errCut
	}
	signature, err := hex.DecodeString(end.Signature)
	if err != nil || len(signature) != ed25519.SignatureSize {
		return Checkpoint{}, errCut
	}
	c, err := parseLines(format, text[:signed])
	if err != nil {
		return Checkpoint{}, err
	}
	if !ed25519.Verify(c.PublicKey, text[:signed], signature) {
		return Checkpoint{}, errors.New("its signature does not fit: it was changed after it was signed; take another copy")
	}
	return c, nil
}

func parseLines(format string, text []byte) (c Checkpoint, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		if number == 1 {
			err = c.readHeader(format, lines.Bytes())
		} else {
			err = c.readHead(lines.Bytes())
		}
		if err != nil {
			return Checkpoint{}, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return c, lines.Err()
}

func (c *Checkpoint) readHeader(format string, line []byte) error {
	var header headerLine
	if readLine(line, &header) != nil || header.Format != format {
		return fmt.Errorf("it is no %q", format)
	}
	public, err := hex.DecodeString(header.PublicKey)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return errors.New("publicKey is not an Ed25519 key in hex")
	}
	at, err := time.Parse(time.RFC3339, header.MadeAt)
	if err != nil {
		return errors.New("madeAt is not a time")
	}
	c.MadeAt, c.KeyID, c.PublicKey = at, header.KeyID, public
	return nil
}

func (c *Checkpoint) readHead(line []byte) error {
	var head headLine
	if readLine(line, &head) != nil {
		return errors.New("it is not JSON of a chain")
	}
	chain, err := core.ParseAuditChain(head.Chain)
	if err != nil {
		return err
	}
	hash, err := hex.DecodeString(head.Hash)
	if err != nil || head.Seq < 1 {
		return errors.New("it names no row")
	}
	c.Heads = append(c.Heads, core.AuditHead{Chain: chain, Seq: head.Seq, Hash: hash})
	return nil
}

func readLine(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("more than one value")
	}
	return nil
}

// Trusts tells whether one of the sealed keys has signed the checkpoint, or the key
// with the pinned fingerprint.
func (k *Keys) Trusts(c Checkpoint, pinned string) bool {
	own, ok := k.all[c.KeyID]
	return ok && own.public().Equal(c.PublicKey) || pinned != "" && Fingerprint(c.PublicKey) == pinned
}

// ReadPlatformHead gives the last row of the platform's chain, as the one head of a
// list, or none.
func ReadPlatformHead(ctx context.Context, st *store.Store) ([]core.AuditHead, error) {
	heads := []core.AuditHead{}
	err := st.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		end, err := tx.GetAuditEnd(ctx)
		if err == nil && end.Seq > 0 {
			heads = append(heads, core.AuditHead{Chain: core.PlatformChain, Seq: end.Seq, Hash: end.Hash})
		}
		return err
	})
	return heads, err
}
