package wecom_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom"
)

func TestGuard_lets_a_client_of_the_real_WeCom_reach_public_addresses_only(t *testing.T) {
	t.Parallel()
	check := wecom.Guard(false)
	for _, public := range []string{"101.226.1.1:443", "1.1.1.1:443", "[2402:4e00::1]:443", "[::ffff:1.1.1.1]:443", "172.15.0.1:443", "172.32.0.1:443", "100.128.0.1:443", "192.0.1.1:443"} {
		require.NoError(t, check("tcp", public, nil), public)
	}
	for _, inside := range []string{
		"127.0.0.1:443", "127.255.255.254:443", "0.0.0.0:443", "0.1.2.3:443", "10.0.0.1:443", "172.16.0.1:443", "172.31.255.255:443",
		"192.168.0.1:443", "169.254.169.254:80", "100.64.0.1:443", "100.127.255.255:443", "192.0.0.8:443", "192.0.2.1:443", "198.18.0.1:443",
		"198.19.255.255:443", "198.51.100.1:443", "203.0.113.1:443", "224.0.0.1:443", "240.0.0.1:443", "255.255.255.255:443",
		"[::]:443", "[::1]:443", "[::ffff:127.0.0.1]:443", "[::ffff:10.0.0.1]:443", "[::ffff:100.64.0.1]:443", "[::ffff:192.0.0.8]:443", "[::7f00:1]:443", "[64:ff9b::7f00:1]:443", "[64:ff9b:1::1]:443",
		"[100::1]:443", "[2001::1]:443", "[2001:db8::1]:443", "[2002:7f00:1::]:443", "[fc00::1]:443", "[fd12::1]:443", "[fe80::1%eth0]:443",
		"[fec0::1]:443", "[ff02::1]:443", "[5f00::1]:443", "not an address", "1.1.1.1",
	} {
		require.Error(t, check("tcp", inside, nil), inside)
	}
}

func TestGuard_lets_a_client_of_a_loopback_WeCom_reach_loopback_only(t *testing.T) {
	t.Parallel()
	check := wecom.Guard(true)
	for _, loopback := range []string{"127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "[::ffff:127.0.0.1]:1"} {
		require.NoError(t, check("tcp", loopback, nil), loopback)
	}
	for _, other := range []string{"1.1.1.1:1", "10.0.0.1:1", "169.254.169.254:80", "[::]:1", "0.0.0.0:1", "[fe80::1%lo]:1"} {
		require.Error(t, check("tcp", other, nil), other)
	}
}
