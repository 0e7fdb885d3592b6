package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/identity/identitytest"
)

// Who asks in the matrix besides a member of each role; "" is a member without any.
const (
	noSession  core.Role = "(no session)"
	fullKey    core.Role = "(key with every scope)"
	pagesKey   core.Role = "(key that only signs)"
	foreignKey core.Role = "(key of another tenant)"
	revokedKey core.Role = "(key that was revoked)"
)

// memberRoles are those of people who are signed in.
func memberRoles() []core.Role { return append(core.Roles(), "") }

func keyRoles() []core.Role { return []core.Role{fullKey, pagesKey, foreignKey, revokedKey} }

// wallRoles are those for which each route has its cells.
func wallRoles() []core.Role { return append(append(memberRoles(), noSession), keyRoles()...) }

func isKey(role core.Role) bool { return slices.Contains(keyRoles(), role) }

// isStranger tells who shows nothing that is good.
func isStranger(role core.Role) bool { return role == noSession || role == revokedKey }

// holds tells whether a role carries a permission in its own tenant or on the platform,
// by the one table.
func holds(role core.Role, p core.Permission) bool {
	if isKey(role) {
		return role == fullKey && p.IsScope()
	}
	return role.Can(p)
}

// guest is the address of the tenant's own member.
func (w world) guest() string { return "guest" + w.number + "@test.example" }

// addPeople gives the tenant a member, one that it had, an invitation and a reset, and
// the platform a person and an invitation of its own.
func (w world) addPeople(t *testing.T, n *node, tenant core.TenantID) {
	t.Helper()
	do, ctx, operator := n.server.Actions(), t.Context(), apptest.Operator()
	w.own["memberId"] = insertMember(t, n, w.guest(), nil)
	w.own["personId"] = w.own["memberId"]
	w.gone["memberId"] = insertMember(t, n, "former-"+w.guest(), nil)
	w.own["operatorId"] = insertMember(t, n, "op"+w.number+"@test.example", core.PlatformAuditor)
	w.gone["operatorId"] = w.gone["memberId"]
	n.db.Exec(t, `INSERT INTO signet.memberships (tenant_id, member_id, role) VALUES ($1, $2, 'tenant_viewer')`, tenant.String(), w.own["memberId"])
	n.bindToWeCom(t, tenant.String(), w.own["memberId"])
	guest, err := core.ParseMemberID(w.own["memberId"])
	require.NoError(t, err)
	invited, err := do.CreateInvitation(ctx, operator, tenant, admin.NewInvitation{Email: "invited-" + w.guest(), Role: string(core.TenantViewer)})
	require.NoError(t, err)
	w.own["invitationId"], w.own["inviteToken"] = invited.ID.String(), invited.Token.Text().Expose()
	called, err := do.CreatePlatformInvitation(ctx, operator, admin.NewInvitation{Email: "called-" + w.guest(), Role: string(core.PlatformAuditor)})
	require.NoError(t, err)
	w.own["operatorLinkId"] = called.ID.String()
	reset, err := do.CreatePlatformReset(ctx, operator, guest, admin.NewReset{})
	require.NoError(t, err)
	w.own["resetToken"] = reset.Token.Text().Expose()
}

// insertMember makes a person whose password is the owner's.
func insertMember(t *testing.T, n *node, email string, platform any) string {
	t.Helper()
	if role, ok := platform.(core.Role); ok {
		platform = string(role)
	}
	id := core.NewMemberID().String()
	n.db.Exec(t, `INSERT INTO signet.members (member_id, email, password_hash, platform_role)
		SELECT $1, $2, password_hash, $3 FROM signet.members WHERE email = $4`, id, email, platform, ownerEmail)
	return id
}

type madeKey struct{ id, token string }

func makeKey(t *testing.T, n *node, tenant core.TenantID, k admin.NewAPIKey) madeKey {
	t.Helper()
	key, token, err := n.server.Actions().CreateAPIKey(t.Context(), apptest.Operator(), tenant, k)
	require.NoError(t, err)
	return madeKey{key.ID.String(), token.Text().Expose()}
}

// addKeys gives the tenant an API key to be named and the keys that ask.
func (w *world) addKeys(t *testing.T, n *node, tenant core.TenantID, app core.AppID) {
	t.Helper()
	w.own["keyId"] = makeKey(t, n, tenant, admin.NewAPIKey{Name: "密钥" + w.number, Scopes: []string{string(core.TenantRead)}}).id
	var every []string
	for _, rule := range core.Rules() {
		if rule.Scope {
			every = append(every, string(rule.Permission))
		}
	}
	only := []string{string(core.PagesSign)}
	full := makeKey(t, n, tenant, admin.NewAPIKey{Name: "全", Scopes: every})
	pages := makeKey(t, n, tenant, admin.NewAPIKey{Name: "签", Scopes: only, AppID: app.String()})
	revoked := makeKey(t, n, tenant, admin.NewAPIKey{Name: "废", Scopes: every})
	id, err := core.ParseAPIKeyID(revoked.id)
	require.NoError(t, err)
	require.NoError(t, n.server.Actions().RevokeAPIKey(t.Context(), apptest.Operator(), tenant, id))
	w.keys = map[core.Role]string{fullKey: full.token, pagesKey: pages.token, revokedKey: revoked.token}
	// The use of a key is written once a minute, which is no doing of a cell.
	n.db.Exec(t, `UPDATE signet.api_keys SET last_used_at = now() + interval '1 day' WHERE tenant_id = $1`, tenant.String())
}

// person is somebody who is signed in, with what is theirs and nobody else's.
type person struct {
	id, email, token string
	own, gone        ids // sessionId, factorId
	seed             string
}

// people are a member of each role, by the role; those of a tenant are none's yet.
type people struct {
	of     map[core.Role]person
	tokens map[core.Role]string
	since  time.Time // when they signed in
	made   int
}

func newPeople(t *testing.T, n *node) *people {
	t.Helper()
	p := &people{of: map[core.Role]person{}, tokens: map[core.Role]string{}}
	for _, role := range memberRoles() {
		p.of[role] = p.newPerson(t, n, role)
		p.of[role].lose(t, n)
		p.tokens[role] = p.of[role].token
	}
	p.since = time.Now()
	return p
}

// newPerson makes a member of a role who is signed in and has begun with an
// authenticator.
func (p *people) newPerson(t *testing.T, n *node, role core.Role) person {
	t.Helper()
	p.made++
	who := person{email: fmt.Sprintf("role%d@test.example", p.made), own: ids{}, gone: ids{}}
	var platform any
	if role.OfPlatform() {
		platform = role
	}
	who.id = insertMember(t, n, who.email, platform)
	who.own["sessionId"], who.token = sessionOf(t, n, who.email)
	who.own["factorId"], who.seed = who.begin(t, n)
	return who
}

// begin begins with an authenticator.
func (who person) begin(t *testing.T, n *node) (id, seed string) {
	t.Helper()
	made := as(t, n, who.token, http.MethodPost, "/factors/totp", `{"name":"手机"}`)
	require.Equal(t, http.StatusCreated, made.status, string(made.body))
	return made.text(t, "id"), made.text(t, "seed")
}

// lose gives a person a session and an authenticator, and takes them away.
func (who person) lose(t *testing.T, n *node) {
	t.Helper()
	who.gone["sessionId"], _ = sessionOf(t, n, who.email)
	who.gone["factorId"], _ = who.begin(t, n)
	for _, path := range []string{"/sessions/" + who.gone["sessionId"], "/factors/" + who.gone["factorId"]} {
		require.Equal(t, http.StatusNoContent, as(t, n, who.token, http.MethodDelete, path, "").status)
	}
}

// signIn gives each a session that has just begun.
func (p *people) signIn(t *testing.T, n *node) {
	t.Helper()
	for role, who := range p.of {
		_, p.tokens[role] = sessionOf(t, n, who.email)
	}
	p.since = time.Now()
}

// renew begins the sessions anew before their tokens and proofs are too old.
func (p *people) renew(t *testing.T, n *node) {
	t.Helper()
	if time.Since(p.since) > 3*time.Minute {
		p.signIn(t, n)
	}
}

// join gives the members of a tenant's roles theirs in a world.
func (p *people) join(t *testing.T, n *node, w world) {
	t.Helper()
	for _, role := range core.Roles() {
		p.enter(t, n, w, role, p.of[role])
	}
}

func (p *people) enter(t *testing.T, n *node, w world, role core.Role, who person) {
	t.Helper()
	if role.Valid() && !role.OfPlatform() {
		n.db.Exec(t, `INSERT INTO signet.memberships (tenant_id, member_id, role) VALUES ($1, $2, $3)`, w.own["tenantId"], who.id, string(role))
		n.bindToWeCom(t, w.own["tenantId"], who.id)
	}
}

// as asks the console with a token.
func as(t *testing.T, n *node, token, method, path, body string) answer {
	t.Helper()
	headers := []string{"Authorization", "Bearer " + token}
	if body != "" {
		headers = append(headers, "Content-Type", "application/json")
	}
	return do(t, method, n.console()+path, strings.NewReader(body), headers...)
}

// signedInAs begins a session with the one password.
func signedInAs(t *testing.T, n *node, email string, status int) answer {
	t.Helper()
	a := do(t, http.MethodPost, n.console()+"/session", strings.NewReader(fmt.Sprintf(`{"email":%q,"password":%q}`, email, ownerPassword)), "Content-Type", "application/json")
	require.Equal(t, status, a.status, string(a.body))
	return a
}

func sessionOf(t *testing.T, n *node, email string) (id, token string) {
	t.Helper()
	token = signedInAs(t, n, email, http.StatusOK).text(t, "accessToken")
	var list struct {
		Items []struct {
			ID      string
			Current bool
		}
	}
	require.NoError(t, json.Unmarshal(as(t, n, token, http.MethodGet, "/sessions", "").body, &list))
	for _, s := range list.Items {
		if s.Current {
			id = s.ID
		}
	}
	require.NotEqual(t, uuid.Nil.String(), id)
	return id, token
}

// newCookie begins a session of the owner for its refresh token.
func newCookie(t *testing.T, n *node) string {
	t.Helper()
	for _, line := range signedInAs(t, n, ownerEmail, http.StatusOK).header.Values("Set-Cookie") {
		if cookie, ok := strings.CutPrefix(line, "__Host-signet_refresh="); ok {
			cookie, _, _ = strings.Cut(cookie, ";")
			return cookie
		}
	}
	t.Fatal("no refresh cookie")
	return ""
}

// The preparations of the routes about one's own account: each puts into i what its
// request says.

type prepare func(t *testing.T, n *node, who person, i ids)

func aCode(t *testing.T, _ *node, who person, i ids) {
	t.Helper()
	i["code"] = identitytest.Code(t, who.seed, time.Now())
}

func confirmed(t *testing.T, n *node, who person, _ ids) {
	t.Helper()
	code := identitytest.Code(t, who.seed, time.Now().Add(-30*time.Second))
	a := as(t, n, who.token, http.MethodPost, "/factors/totp/"+who.own["factorId"]+"/confirmation", fmt.Sprintf(`{"code":%q}`, code))
	require.Equal(t, http.StatusOK, a.status, string(a.body))
}

func aSecondFactor(t *testing.T, n *node, who person, i ids) {
	t.Helper()
	confirmed(t, n, who, i)
	i["waiting"] = signedInAs(t, n, who.email, http.StatusAccepted).text(t, "token")
	aCode(t, n, who, i)
}

func aNewPasskey(t *testing.T, n *node, who person, i ids) {
	t.Helper()
	asked := as(t, n, who.token, http.MethodPost, "/factors/passkeys/options", "")
	i["waiting"] = asked.text(t, "token")
	i["passkey"] = string(identitytest.NewAuthenticator(t, n.cfg.ConsoleURL).Create(t, asked.member(t, "passkey")))
}

func aPasskey(t *testing.T, n *node, who person, i ids) {
	t.Helper()
	device := identitytest.NewAuthenticator(t, n.cfg.ConsoleURL)
	asked := as(t, n, who.token, http.MethodPost, "/factors/passkeys/options", "")
	made := as(t, n, who.token, http.MethodPost, "/factors/passkeys",
		fmt.Sprintf(`{"token":%q,"name":"笔记本","passkey":%s}`, asked.text(t, "token"), device.Create(t, asked.member(t, "passkey"))))
	require.Equal(t, http.StatusCreated, made.status, string(made.body))
	asked = as(t, n, "", http.MethodPost, "/session/passkey/options", "")
	i["waiting"], i["passkey"] = asked.text(t, "token"), string(device.Get(t, asked.member(t, "passkey")))
}

func aStepUp(t *testing.T, n *node, who person, i ids) {
	t.Helper()
	i["waiting"] = as(t, n, who.token, http.MethodPost, "/session/step-up/options", "").text(t, "token")
}

// words writes a body of what was prepared. Who was prepared nothing shows words that are
// good for nothing.
func words(format string, names ...string) func(ids, world) string {
	return func(i ids, _ world) string {
		values := make([]any, len(names))
		for n, name := range names {
			switch values[n] = i[name]; {
			case i[name] != "":
			case name == "passkey":
				values[n] = `{"id":"nothing"}`
			default:
				values[n] = url.PathEscape("no " + name)
			}
		}
		return fmt.Sprintf(format, values...)
	}
}
