package seal

import (
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
)

// Recipient is the public half of an age identity: something can be sealed to
// it and nothing opened with it. The zero Recipient is none. Two are the same
// if their String is.
type Recipient struct {
	text string
	to   age.Recipient
}

// The beginnings of age's texts, as its specification fixes them.
const (
	prefixX25519          = "age1"
	prefixHybrid          = "age1pq1"
	prefixX25519Identity  = "AGE-SECRET-KEY-1"
	prefixHybridIdentity  = "AGE-SECRET-KEY-PQ-1"
	prefixPluginIdentity  = "AGE-PLUGIN-"
	prefixEncrypted       = "age-encryption.org/"
	prefixEncryptedArmour = "-----BEGIN AGE ENCRYPTED FILE-----"
	prefixPEM             = "-----BEGIN "
)

// ParseRecipient reads a recovery recipient: age's X25519 (age1…) or its
// post-quantum hybrid (age1pq1…). Blanks round it are cut. The error says what
// is wrong and what to give instead; it never repeats the text, which may be a
// secret pasted by mistake.
func ParseRecipient(text string) (Recipient, error) {
	text = strings.TrimSpace(text)
	lower := strings.ToLower(text)
	switch {
	case text == "":
		return Recipient{}, errors.New("the recipient is empty: give the line that begins with age1")
	case strings.HasPrefix(lower, "age-secret-key-") || strings.HasPrefix(lower, "age-plugin-"):
		return Recipient{}, errors.New("this is a secret identity and not a recipient: keep it offline and give the public line that begins with age1 (age-keygen -y prints it)")
	case strings.HasPrefix(text, prefixHybrid):
		r, err := age.ParseHybridRecipient(text)
		if err != nil {
			return Recipient{}, errMistyped
		}
		return Recipient{text: r.String(), to: r}, nil
	case strings.HasPrefix(text, prefixX25519):
		r, err := age.ParseX25519Recipient(text)
		if err != nil {
			return Recipient{}, errMistyped
		}
		return Recipient{text: r.String(), to: r}, nil
	}
	return Recipient{}, errors.New("not an age recipient: give one that begins with age1 (X25519) or age1pq1 (post-quantum), as age-keygen prints it")
}

var errMistyped = errors.New("the recipient is cut or mistyped: copy the whole line that begins with age1")

// String gives the recipient as age writes it.
func (r Recipient) String() string { return r.text }

// IsZero tells whether there is no recipient.
func (r Recipient) IsZero() bool { return r.to == nil }

// Short gives a recipient as people can compare it: an X25519 one whole, the
// head and the tail of a hybrid one, which is about 2,000 letters long.
func (r Recipient) Short() string { return shorten(r.text) }

const longestShown = 72

// shorten also keeps foreign text, such as a recipient out of a row that
// somebody else wrote, from breaking a line of the log.
func shorten(text string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '?'
	}, text)
	if len(clean) <= longestShown {
		return clean
	}
	return clean[:24] + "..." + clean[len(clean)-16:]
}

func shortenAll(recipients []string) string {
	short := make([]string, len(recipients))
	for i, r := range recipients {
		short[i] = shorten(r)
	}
	if len(short) == 0 {
		return "nobody"
	}
	return strings.Join(short, ", ")
}

// distinct refuses a list of recovery recipients which would look like recovery
// without being it.
func distinct(m *Master, recovery []Recipient) error {
	seen := make(map[string]bool, len(recovery))
	for _, r := range recovery {
		switch {
		case r.IsZero():
			return fmt.Errorf("recovery recipient: %w", ErrIncomplete)
		case m.find(r.text) != nil:
			return fmt.Errorf("recovery recipient %s stands in the identity file itself, so both would be lost together: make another identity on an offline machine", r.Short())
		case seen[r.text]:
			return fmt.Errorf("recovery recipient %s is given twice: leave one", r.Short())
		}
		seen[r.text] = true
	}
	return nil
}
