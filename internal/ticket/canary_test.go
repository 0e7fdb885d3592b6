package ticket_test

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

// forms are the shapes in which a value could come out somewhere.
func forms(value string) map[string]string {
	reversed := []rune(value)
	slices.Reverse(reversed)
	sum := sha1.Sum([]byte(value))
	list := map[string]string{
		"plain":     value,
		"base64":    base64.StdEncoding.EncodeToString([]byte(value)),
		"base64url": base64.RawURLEncoding.EncodeToString([]byte(value)),
		"hex":       hex.EncodeToString([]byte(value)),
		"reversed":  string(reversed),
		"url":       url.QueryEscape(value),
		"sha1":      hex.EncodeToString(sum[:]),
	}
	if strings.HasPrefix(value, "CANARY") {
		list["beginning"] = value[:12]
		list["end"] = value[len(value)-12:]
	}
	return list
}

// A thousand things go wrong at level DEBUG, and no secret, token or ticket is
// in what was logged, returned or audited, in any form.
func TestNoSecretComesOut(t *testing.T) {
	t.Parallel()
	secrets := []string{"CANARYcorpSecret0000000000000000000000000A", "CANARYagentSecret000000000000000000000000B", "CANARYtypedSecret000000000000000000000000C"}
	n := newNode(t, func(c *apptest.Config) { c.CallTime = 200 * time.Millisecond })
	n.app = n.ColdApp(t, n.tenant, "1000300", secrets[0], host)
	var said strings.Builder
	note := func(value any, err error) {
		for e := err; e != nil; e = errors.Unwrap(e) {
			fmt.Fprintf(&said, "%v %+v %#v %s %q\n", e, e, e, e, e)
		}
		fmt.Fprintf(&said, "%v %+v %#v\n", value, value, value)
	}
	sign := func() {
		answer, err := n.Sign(t.Context(), n.app, page)
		note("", err)
		if err == nil {
			require.NoError(t, n.Verify(n.app, page, answer))
		}
	}
	for _, name := range append([]string{"ok"}, wecomtest.FaultNames()...) {
		f, _ := wecomtest.FindFault(name)
		n.WeCom.Inject(f)
		n.DB.Exec(t, `DELETE FROM signet.tickets`)
		n.DB.Exec(t, `UPDATE signet.app_secrets SET problem = ''`)
		n = n.restart(t)
		sign()
		version, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID, admin.NewSecret{Secret: core.NewSecret(secrets[2])})
		note(version, err)
		app, err := n.Admin.CreateApp(t.Context(), apptest.Operator(), n.tenant.ID,
			admin.NewApp{Name: "x", AgentID: "1000301", Secret: core.NewSecret(secrets[1] + " not a secret's form")})
		note(app, err)
		n.WeCom.ClearFaults()
		n.WeCom.Release()
		n.clock.Advance(2 * time.Hour)
		n.DB.Exec(t, `DELETE FROM signet.refused_calls`)
		sign()
		version, err = n.Admin.TrySecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID, 1)
		note(version, err)
		require.NoError(t, err)
	}
	n.DB.Exec(t, damages["forged"], n.tenant.ID.String())
	n.DB.Exec(t, `UPDATE signet.app_secrets SET sealed = sealed || '\x00'`)
	n = n.restart(t)
	sign()
	back := n.cutOff(t)
	sign()
	back()

	audit := strings.Join(n.DB.List(t, `SELECT a::text FROM signet.audit a UNION ALL SELECT p::text FROM signet.platform_audit p`), "\n")
	kept := strings.Join(n.DB.List(t, `SELECT t::text FROM signet.tickets t UNION ALL SELECT s::text FROM signet.app_secrets s
		UNION ALL SELECT c::text FROM signet.change_log c UNION ALL SELECT r::text FROM signet.refused_calls r`), "\n")
	require.NotEmpty(t, audit)
	require.NotEmpty(t, kept)
	values := slices.Clone(secrets)
	for _, kind := range []core.TicketKind{core.AccessToken, core.CorpTicket, core.AgentTicket} {
		issued := n.WeCom.Issued(corp, n.app.AgentID, kind)
		require.NotEmpty(t, issued)
		values = append(values, issued...)
	}
	for place, text := range map[string]string{"log": n.log.String(), "errors": said.String(), "audit": audit, "rows": kept} {
		require.NotEmpty(t, text)
		lower := strings.ToLower(text)
		for _, value := range values {
			for form, looked := range forms(value) {
				require.False(t, strings.Contains(text, looked) || form == "hex" && strings.Contains(lower, looked), "a value is in the %s, %s", place, form)
			}
		}
	}
	t.Logf("%d values in %d forms, %d bytes of log, %d of errors", len(values), len(forms("")), len(n.log.String()), said.Len())
}
