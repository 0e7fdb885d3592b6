package core_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

func recovered(work func(a [32]byte, s string), value string) (p *core.Panic) {
	defer func() { p = core.Recovered(recover()) }()
	var argument [32]byte
	copy(argument[:], value)
	work(argument, value)
	return nil
}

// Whatever is thrown, neither it nor what stood on the stack is shown.
func TestAPanicSaysItsTypeAndItsPlaceAndNeverItsValue(t *testing.T) {
	t.Parallel()
	address := "https://qyapi.weixin.qq.com/cgi-bin/gettoken?corpsecret=" + hidden
	for what, thrown := range map[string]any{
		"a string":            hidden,
		"a []uint8":           []byte(hidden),
		"a core.Secret":       core.NewSecret(hidden),
		"a *url.Error":        &url.Error{Op: "Get", URL: address, Err: errors.New("refused")},
		"a *fmt.wrapError":    fmt.Errorf("gettoken: %w", errors.New(address)),
		"a *errors.joinError": errors.Join(errors.New(address), errors.New(hidden)),
		"a core_test.holder":  newHolder(),
		"a slog.Value":        slog.StringValue(hidden),
	} {
		p := recovered(func([32]byte, string) { panic(thrown) }, hidden)
		require.Equal(t, what, p.What())
		for _, shown := range []string{p.Error(), p.Stack(), fmt.Sprintf("%v %+v %#v", p, p, p), fmt.Sprint(errors.Join(p))} {
			requireHidden(t, shown)
			require.NotContains(t, shown, "0x73337263", "an argument as words") // "s3cr"
		}
		require.Contains(t, p.Error(), "core_test.TestAPanicSaysItsTypeAndItsPlaceAndNeverItsValue.func1 (panics_test.go:")
		require.Contains(t, p.Stack(), "core_test.recovered (panics_test.go:")
		require.NotContains(t, p.Stack(), "runtime.", "where it was thrown comes first")
	}
}

func TestAPanicOfGoItselfIsSaid(t *testing.T) {
	t.Parallel()
	p := recovered(func(a [32]byte, s string) {
		at := len(s) + len(a)
		_ = a[at%64]
	}, strings.Repeat("x", 16))
	require.Equal(t, "runtime error: index out of range [48] with length 32", p.What())
	require.Contains(t, p.Error(), "panics_test.go:")
	require.Nil(t, core.Recovered(nil))
}
