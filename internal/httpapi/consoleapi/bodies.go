package consoleapi

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json"

	"signet/internal/core"
)

// SecretText is a secret in a body: it is read as a string and never printed.
type SecretText struct{ core.Secret }

// UnmarshalJSON implements json.Unmarshaler.
func (s *SecretText) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	s.Secret = core.NewSecret(text)
	return nil
}

// JSONType names the type for the one who sent another.
func (SecretText) JSONType() string { return "string" }

// PasskeyJSON is what a browser is asked about a passkey, or what it says. It is
// handed on as it is: identity reads it.
type PasskeyJSON struct{ Raw []byte }

// UnmarshalJSON implements json.Unmarshaler.
func (p *PasskeyJSON) UnmarshalJSON(data []byte) error {
	if len(data) <= len("{}") || data[0] != '{' { // one without members says nothing either
		return errNoObject
	}
	p.Raw = bytes.Clone(data)
	return nil
}

// MarshalJSON implements json.Marshaler.
func (p PasskeyJSON) MarshalJSON() ([]byte, error) { return p.Raw, nil }

// JSONType names the type for the one who sent another.
func (PasskeyJSON) JSONType() string { return "object" }

var errNoObject = errors.New("not an object")

// AgentIDText is an agent id in a body: a string, or a number as in WeCom's own
// JSON. A number is taken as it is written; what is none that WeCom gives is for
// core.ParseAgentID to refuse.
type AgentIDText string

// UnmarshalJSON implements json.Unmarshaler.
func (a *AgentIDText) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && (data[0] == '-' || data[0] >= '0' && data[0] <= '9') {
		*a = AgentIDText(data)
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*a = AgentIDText(text)
	return nil
}

// JSONType names the type for the one who sent another.
func (AgentIDText) JSONType() string { return "string / integer" }
