package app_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

const (
	wallAgent  = "1000247"
	freshAgent = "1000999" // known to WeCom, not yet to Signet
)

// world is a tenant that has one of everything, and has had another that is gone.
type world struct {
	number  string
	own     ids      // what it has
	gone    ids      // what it had
	marks   []string // texts that only answers about it hold
	host    string
	key     string // of the app
	goneKey string
	next    string // a secret that WeCom takes for the app, not yet stored
	fresh   string // one that WeCom takes for an app of freshAgent
	step    string // of a member who has come from WeCom, and is to show a second factor
	cookie  string // of a session that is nobody's but this request's
	keys    map[core.Role]string
}

// newWorld makes a world by the actions of an operator. Its app gets a secret and so
// many more, of which the last waits and the others are retired.
func newWorld(t *testing.T, n *node, number string, more int) world {
	t.Helper()
	do, ctx, operator := n.server.Actions(), t.Context(), apptest.Operator()
	corp := "wwcell" + strings.ReplaceAll(number, "-", "")
	w := world{number: number, host: "host" + number + ".example.com", next: apptest.Secret("next" + number), fresh: apptest.Secret("fresh" + number), own: ids{}, gone: ids{}}
	tenant, err := do.CreateTenant(ctx, operator, admin.NewTenant{Name: "企业" + number, CorpID: corp})
	require.NoError(t, err)
	made, err := do.CreateApp(ctx, operator, tenant.ID, admin.NewApp{Name: "应用" + number, AgentID: wallAgent, Secret: core.NewSecret(apptest.Secret("first" + number)), SkipCheck: true})
	require.NoError(t, err)
	passing, err := do.CreateApp(ctx, operator, tenant.ID, admin.NewApp{Name: "旧应用" + number, AgentID: "1000001", SecretLater: true})
	require.NoError(t, err)
	n.db.Exec(t, `UPDATE signet.apps SET sign_in = true WHERE app_id = $1`, made.ID)
	w.gone["appId"], w.goneKey = passing.ID.String(), passing.Key.String()
	w.gone["keyId"] = makeKey(t, n, tenant.ID, admin.NewAPIKey{Name: "旧密钥", Scopes: []string{string(core.PagesSign)}, AppID: passing.ID.String()}).id
	require.NoError(t, do.DeleteApp(ctx, operator, tenant.ID, passing.ID, nil))
	for i, host := range []string{"gone." + w.host, w.host} {
		domain, err := do.CreateDomain(ctx, operator, tenant.ID, made.ID, host)
		require.NoError(t, err)
		link, token, err := do.CreateIntakeLink(ctx, operator, tenant.ID, made.ID)
		require.NoError(t, err)
		_, err = do.BindLegacyHost(ctx, operator, host, tenant.ID, made.ID)
		require.NoError(t, err)
		of := []ids{w.gone, w.own}[i]
		of["domainId"], of["linkId"], of["host"], of["token"] = domain.ID.String(), link.ID.String(), host, token.Text().Expose()
	}
	gone := w.gone["domainId"]
	id, err := core.ParseDomainID(gone)
	require.NoError(t, err)
	require.NoError(t, do.DeleteDomain(ctx, operator, tenant.ID, made.ID, id, nil))
	link, err := core.ParseLinkID(w.gone["linkId"])
	require.NoError(t, err)
	require.NoError(t, do.RevokeIntakeLink(ctx, operator, tenant.ID, made.ID, link))
	delete(w.gone, "linkId") // it is listed on
	require.NoError(t, do.UnbindLegacyHost(ctx, operator, w.gone["host"]))
	var version int32
	for i := range more {
		secret := apptest.Secret(fmt.Sprint("kept", i, number))
		n.weCom.AddApp(wecomtest.App{Corp: core.CorpID(corp), Agent: wallAgent, Name: "app", Secret: secret})
		kept, err := do.KeepSecret(ctx, operator, tenant.ID, made.ID, admin.KeptSecret{Secret: core.NewSecret(secret)})
		require.NoError(t, err)
		version = kept.Version
	}
	n.weCom.AddApp(wecomtest.App{Corp: core.CorpID(corp), Agent: wallAgent, Name: "app", Secret: w.next})
	n.weCom.AddApp(wecomtest.App{Corp: core.CorpID(corp), Agent: freshAgent, Name: "app", Secret: w.fresh})
	w.own["tenantId"], w.own["appId"], w.own["secretVersion"], w.key = tenant.ID.String(), made.ID.String(), fmt.Sprint(version), made.Key.String()
	w.own["app"], w.gone["app"] = w.key, w.goneKey
	w.addPeople(t, n, tenant.ID)
	w.addKeys(t, n, tenant.ID, made.ID)
	w.marks = []string{"企业" + number, "应用" + number, corp, w.host, w.key}
	for _, name := range []string{"tenantId", "appId", "domainId", "linkId", "memberId", "invitationId", "keyId"} {
		w.marks = append(w.marks, w.own[name])
	}
	w.marks = append(w.marks, w.guest())
	return w
}

// destroy makes a world one that was.
func (w world) destroy(t *testing.T, n *node) {
	t.Helper()
	id, err := core.ParseTenantID(w.own["tenantId"])
	require.NoError(t, err)
	require.NoError(t, n.server.Actions().DestroyTenant(t.Context(), apptest.Operator(), id, nil))
}

// stranger gives ids that nobody has.
func stranger() ids {
	link := core.NewLinkID()
	return ids{
		"tenantId": core.NewTenantID().String(), "appId": core.NewAppID().String(), "domainId": core.NewDomainID().String(), "linkId": link.String(),
		"memberId": core.NewMemberID().String(), "operatorId": core.NewMemberID().String(), "personId": core.NewMemberID().String(),
		"invitationId": core.NewLinkID().String(), "operatorLinkId": core.NewLinkID().String(), "keyId": core.NewAPIKeyID().String(),
		"sessionId": core.NewSessionID().String(), "factorId": core.NewFactorID().String(),
		"inviteToken":   core.NewLinkToken(core.InvitationPurpose, core.NewTenantID(), core.NewLinkID()).Text().Expose(),
		"resetToken":    core.NewLinkToken(core.ResetPurpose, core.TenantID{}, core.NewLinkID()).Text().Expose(),
		"secretVersion": "7", "host": "nobody.example.com", "app": core.NewAppKey().String(), "token": core.NewLinkToken(core.IntakePurpose, core.NewTenantID(), link).Text().Expose(),
	}
}

// bindToWeCom lets a member be a person of the tenant's corp.
func (n *node) bindToWeCom(t *testing.T, tenant, member string) {
	t.Helper()
	n.db.Exec(t, `INSERT INTO signet.wecom_people (tenant_id, corp_id, user_id, member_id, bound_by) SELECT tenant_id, corp_id, $2, $2::text::uuid, 'test' FROM signet.corps WHERE tenant_id = $1`, tenant, member)
}

// newStep lets the owner have come from WeCom, as far as their second factor.
func newStep(t *testing.T, n *node) string {
	t.Helper()
	token := rand.Text()
	hash := sha256.Sum256([]byte("signet ceremony 1 " + token))
	n.db.Exec(t, `INSERT INTO signet.ceremonies (token_hash, kind, member_id, data, expires_at)
		SELECT $1, 'wecom_factor', member_id, '{"wecom":{"Corp":"wwcell"}}', now() + interval '1 minute' FROM signet.members WHERE email = $2`, hash[:], ownerEmail)
	return token
}

// marksIn tells which marks of a world stand in a text.
func (w world) marksIn(text string) []string {
	return slices.DeleteFunc(slices.Clone(w.marks), func(mark string) bool { return !strings.Contains(text, mark) })
}
