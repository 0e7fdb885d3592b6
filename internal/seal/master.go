package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"

	"filippo.io/age"

	"signet/internal/core"
)

// Master is the platform's master: one or more age identities. The first seals
// and authenticates, all open. It shows nothing but its recipients.
type Master struct {
	identities    []identity
	ageOperations atomic.Int64
}

type identity struct {
	recipient Recipient
	opener    age.Identity
	text      func() string // the secret text; a function, so that no printing reaches it
	mac       func() []byte // the key of the MACs over root key rows, likewise
}

// Kind is the kind of a master identity to be made.
type Kind string

// The kinds of identities. The hybrid one stays safe should a quantum computer
// come, and its recipient is about 2,000 letters long.
const (
	X25519      Kind = "x25519"
	PostQuantum Kind = "post-quantum"
)

// GenerateMaster makes a master of one new identity, and the content of its
// file for WriteMaster.
func GenerateMaster(kind Kind) (*Master, core.Secret, error) {
	var made interface {
		age.Identity
		fmt.Stringer
	}
	var err error
	switch kind {
	case X25519:
		made, err = age.GenerateX25519Identity()
	case PostQuantum:
		made, err = age.GenerateHybridIdentity()
	default:
		return nil, core.Secret{}, fmt.Errorf("identity kind %q: choose %s or %s", string(kind), X25519, PostQuantum)
	}
	if err != nil {
		return nil, core.Secret{}, fmt.Errorf("generate identity: %w", err)
	}
	one, err := parseIdentity(made.String())
	if err != nil {
		return nil, core.Secret{}, fmt.Errorf("generate identity: %w", err)
	}
	content := "# Signet master identity (age). Whoever has this file and the database has every secret.\n" +
		"# public key: " + one.recipient.text + "\n" + made.String() + "\n"
	return &Master{identities: []identity{one}}, core.NewSecret(content), nil
}

// A file of many hybrid identities is far below this.
const maxMasterLength = 64 << 10

// ParseMaster reads age identities, one on each line; empty lines and those
// that begin with "#" are skipped. Encrypted files, plugins and SSH keys are
// refused: the server has to open the file alone. An error names the line and
// the mend, and never shows what stands in it.
func ParseMaster(r io.Reader) (*Master, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxMasterLength+1))
	defer func() { clear(content) }()
	if err != nil {
		return nil, fmt.Errorf("read identities: %w", err)
	}
	if len(content) > maxMasterLength {
		return nil, errors.New("is longer than 64 KiB, so it is no identity file: check the path")
	}
	if isEncrypted(content) {
		return nil, ErrEncrypted
	}
	m := &Master{}
	number := 0
	for line := range bytes.Lines(content) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		one, err := parseIdentity(text)
		if errors.Is(err, ErrEncrypted) {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("line %d %w", number, err)
		}
		if m.find(one.recipient.text) != nil {
			return nil, fmt.Errorf("line %d repeats an identity that stands above: remove it", number)
		}
		m.identities = append(m.identities, one)
	}
	if len(m.identities) == 0 {
		return nil, errors.New("holds no identity: make one with signet keys init --out FILE")
	}
	return m, nil
}

// ErrEncrypted says that an identity file is protected, and no passphrase was given.
var ErrEncrypted = errors.New("is encrypted: decrypt it with age -d and give the file that comes out, which begins with AGE-SECRET-KEY-")

func isEncrypted(content []byte) bool {
	return bytes.HasPrefix(content, []byte(prefixEncrypted)) || bytes.HasPrefix(bytes.TrimSpace(content), []byte(prefixEncryptedArmour))
}

func parseIdentity(text string) (identity, error) {
	var one identity
	switch {
	case strings.HasPrefix(text, prefixX25519Identity):
		parsed, err := age.ParseX25519Identity(text)
		if err != nil {
			return identity{}, errCutIdentity
		}
		one.opener = parsed
		one.recipient = Recipient{text: parsed.Recipient().String(), to: parsed.Recipient()}
	case strings.HasPrefix(text, prefixHybridIdentity):
		parsed, err := age.ParseHybridIdentity(text)
		if err != nil {
			return identity{}, errCutIdentity
		}
		one.opener = parsed
		one.recipient = Recipient{text: parsed.Recipient().String(), to: parsed.Recipient()}
	case strings.HasPrefix(text, prefixEncryptedArmour):
		return identity{}, ErrEncrypted
	case strings.HasPrefix(text, prefixX25519):
		return identity{}, errors.New("is a public recipient and not an identity: give the file that holds the line beginning with AGE-SECRET-KEY-")
	case strings.HasPrefix(text, prefixPluginIdentity):
		return identity{}, errors.New("is the identity of an age plugin, which a server cannot ask: make one with signet keys init --out FILE")
	case strings.HasPrefix(text, prefixPEM) || strings.HasPrefix(text, "ssh-"):
		return identity{}, errors.New("is no age identity but a key of another program: make one with signet keys init --out FILE")
	default:
		return identity{}, errors.New("is no age identity (those begin with AGE-SECRET-KEY-): check the path")
	}
	mac, err := fromIdentity(text, labelRowMAC)
	if err != nil {
		return identity{}, fmt.Errorf("cannot be used: %w", err)
	}
	one.text = func() string { return text }
	one.mac = func() []byte { return mac }
	return one, nil
}

var errCutIdentity = errors.New("is an identity that is cut or mistyped: restore the file from its backup")

// Recipients lists the public halves of the identities, in the order of the
// file: the first is the one that seals.
func (m *Master) Recipients() []string {
	list := make([]string, len(m.identities))
	for i, one := range m.identities {
		list[i] = one.recipient.text
	}
	return list
}

// First gives the master of the first identity alone.
func (m *Master) First() *Master { return &Master{identities: m.identities[:1:1]} }

// AgeOperations counts how often age has opened or sealed something with this
// master. It is by far the dearest thing here: a fifth of a millisecond each.
func (m *Master) AgeOperations() int64 { return m.ageOperations.Load() }

func (m *Master) first() identity { return m.identities[0] }

func (m *Master) find(recipient string) *identity {
	for i := range m.identities {
		if m.identities[i].recipient.text == recipient {
			return &m.identities[i]
		}
	}
	return nil
}

// String implements fmt.Stringer with the recipients alone.
func (m *Master) String() string { return "master identity " + shortenAll(m.Recipients()) }

// Format implements fmt.Formatter, so that no verb reaches an identity.
func (m *Master) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, m.String()) }

// LogValue implements slog.LogValuer with the recipients alone.
func (m *Master) LogValue() slog.Value { return slog.StringValue(m.String()) }
