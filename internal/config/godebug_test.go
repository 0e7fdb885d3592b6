package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASettingOfGoIsAddedToThoseThatAreThere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		given, want []string
		ok          bool
	}{
		{"none", []string{"A=1"}, []string{"A=1", "GODEBUG=x=1"}, true},
		{"an empty one", []string{"GODEBUG=", "A=1"}, []string{"A=1", "GODEBUG=x=1"}, true},
		{"another", []string{"GODEBUG=xx=0,y=2", "A=1"}, []string{"A=1", "GODEBUG=xx=0,y=2,x=1"}, true},
		{"the same", []string{"GODEBUG=y=2,x=0"}, []string{"GODEBUG=y=2,x=0"}, false},
	} {
		environ, ok := withGoDebug(c.given, "x", "1")
		require.Equal(t, c.ok, ok, c.name)
		require.Equal(t, c.want, environ, c.name)
	}
}
