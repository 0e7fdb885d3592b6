package core_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

// One person has one address, however they type it, and no other letters become theirs:
// a provider that vouches for "\u212aate@" (the sign of the kelvin) does not vouch for
// "kate@".
func TestAnEMailAddressIsReadInOneWay(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"kate@example.com": "kate@example.com", " Kate@EXAMPLE.com ": "kate@example.com", "o'neil+x@example.com": "o'neil+x@example.com",
		"李四@example.com": "李四@example.com", "MÜLLER@example.com": "müller@example.com",
	} {
		email, err := core.ParseEmail("/email", typed)
		require.NoError(t, err, "%q", typed)
		require.Equal(t, want, email)
	}
	for name, typed := range map[string]string{
		"the kelvin sign": "\u212aate@example.com", "a dotted capital I": "kate@example.\u0130nfo",
		"a blank of no width": "ka\u200bte@example.com", "another direction": "kate\u202e@example.com", "a soft hyphen": "ka\u00adte@example.com",
		"a line end": "kate\u2028@example.com", "next line": "ka\u0085te@example.com", "a header": "kate@example.com\r\nBcc: eve@example.com",
		"a name": "Kate <kate@example.com>", "a comment": "kate@example.com (owner)", "two": "kate@example.com, eve@example.com",
		"quotes": `"kate"@example.com`, "no text": "kate\xff@example.com", "nothing": "", "a long one": "kate@" + string(make([]byte, 250)),
	} {
		_, err := core.ParseEmail("/email", typed)
		require.True(t, fault.Has(err, fault.RequestInvalid), "%s: %q: %v", name, typed, err)
	}
}
