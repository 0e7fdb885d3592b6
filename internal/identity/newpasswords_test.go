package identity

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

func TestAPasswordThatIsTriedFirstIsNotTaken(t *testing.T) {
	t.Parallel()
	for _, tried := range []string{
		"password1234", "passwordpassword", "123456789012", "aaaaaaaaaaaa", "qwertyuiop123", "letmein12345", "iloveyou1234",
		"0123456789abcdef", "abcdefghijkl", "P@ssw0rd1234", "Admin@123456", "owner@example.com", "owner-password-1",
		"PASSWORD1234", "Passw0rd2026!", "qwerty12345678", "1q2w3e4r5t6y", "changeme-changeme", "adminadminadmin", "admin@example1", "woaini1314520", "zxcvbnm987654", strings.Repeat("ab", 100),
	} {
		_, err := checkNewPassword(nil, "/password", core.NewSecret(tried), ownerEmail)
		require.True(t, fault.Has(err, fault.RequestInvalid), tried)
		require.Equal(t, fault.Field{Pointer: "/password", Reason: fault.ReasonCommonPassword}, fault.Find(err).Fields[0], tried)
	}
	for _, wrong := range []string{"", "short", "elevenbytes", strings.Repeat("x", 257), "\xff\xfe twelve bytes"} {
		_, err := checkNewPassword(nil, "/password", core.NewSecret(wrong), ownerEmail)
		require.Equal(t, fault.ReasonPassword, fault.Find(err).Fields[0].Reason, "%q", wrong)
	}
	for _, good := range []string{"correct horse battery", "test-password-123", "Sup3rSecretThing!", "a-long-enough-password", "correct horse battery staple", "CANARY-admin-Passw0rd-E", "another long password", "密码很长但是没有人猜得到它", "x7#kQp2!vLm9zR", strings.Repeat("correct horse ", 18)} {
		password, err := checkNewPassword(nil, "/password", core.NewSecret(good), ownerEmail)
		require.NoError(t, err, good)
		require.Equal(t, good, password.Expose())
	}
}
