package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strings"
	"unicode/utf8"

	"signet/internal/core"
)

// Visit is what is known of somebody who wants to come in.
type Visit struct {
	Client    netip.Prefix // the network from which they ask, as httpapi.NetworkOf gives it
	Agent     string       // what their browser calls itself
	Device    core.Secret  // what it was given when somebody came in with it, zero: nothing
	RequestID string
}

const (
	deviceLength = 32
	maxAgent     = 200 // bytes; no browser needs as many
)

// agent is the browser's name as it is kept: printable, and of a bounded length.
func (v Visit) agent() string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, v.Agent)
	for len(text) > maxAgent {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// device is how the browser is known, if it was given something.
func (v Visit) device() (hash [32]byte, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(v.Device.Expose())
	if err != nil || len(raw) != deviceLength {
		return hash, false
	}
	return sha256.Sum256(append([]byte("signet device 1 "), raw...)), true
}

// home is how the visit's network is known.
func (v Visit) home() [32]byte {
	return sha256.Sum256([]byte("signet home 1 " + v.Client.String()))
}

// newDevice draws what a browser is given to be known by.
func newDevice() core.Secret {
	var raw [deviceLength]byte
	_, _ = rand.Read(raw[:]) // crypto/rand never fails (it stops the program instead)
	return core.NewSecret(base64.RawURLEncoding.EncodeToString(raw[:]))
}
