package identity

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity/identitytest"
	"signet/internal/store"
)

// withProvider is a house with a sign-in provider, at which the owner has an account.
type withProvider struct {
	*house
	at *identitytest.Provider
}

// theOwner is what the provider says of the owner.
func theOwner(more map[string]any) map[string]any {
	claims := map[string]any{"sub": "subject-of-the-owner", "email": "Owner@Example.com", "email_verified": true}
	maps.Copy(claims, more)
	return claims
}

func newWithProvider(t *testing.T, change func(*OIDC)) *withProvider {
	t.Helper()
	h := newHouse(t)
	p := identitytest.NewProvider(t, h.cfg.Clock, theOwner(nil))
	cfg := &OIDC{
		Issuer: p.URL, ClientID: identitytest.ClientID, ClientSecret: core.NewSecret(identitytest.ClientSecret), Name: "公司账号",
		Client: boundedClient(2 * time.Second), ReturnTo: issuer + "/oidc",
	}
	if change != nil {
		change(cfg)
	}
	h.cfg.OIDC = cfg
	h.Identity = h.open(t)
	return &withProvider{h, p}
}

// boundedClient is like the one that the wiring gives: it follows nothing, and waits for
// nobody.
func boundedClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout, Transport: shortAnswers{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type shortAnswers struct{}

func (shortAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r) //nolint:forbidigo // to a provider of the test's own
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, 1<<20)
	}
	return answer, err
}

func (w *withProvider) leave(t *testing.T) (Leaving, Returned) {
	t.Helper()
	l, err := w.BeginOIDC(t.Context(), Visit{Client: office})
	require.NoError(t, err)
	state, code, _ := w.at.Visit(t, l.URL)
	return l, Returned{Token: l.Token, State: state, Code: core.NewSecret(code)}
}

func (w *withProvider) finish(t *testing.T, r Returned) (Entry, error) {
	t.Helper()
	return w.FinishOIDC(t.Context(), Visit{Client: office, RequestID: "req-oidc"}, r)
}

func (w *withProvider) comeIn(t *testing.T) (Entry, error) {
	t.Helper()
	_, r := w.leave(t)
	return w.finish(t, r)
}

// requireRefused wants the one refusal, and the reason in the audit.
func (w *withProvider) requireRefused(t *testing.T, err error, reason string) {
	t.Helper()
	require.True(t, fault.Has(err, fault.OIDCRefused), "%v", err)
	rows := w.audit(t)
	last := rows[len(rows)-1]
	require.Equal(t, "session.refuse", last.Action)
	require.Equal(t, "oidc", last.Detail["with"])
	require.Equal(t, reason, last.Detail["reason"])
}

func (w *withProvider) sessions(t *testing.T) int {
	return len(w.texts(t, `SELECT session_id::text FROM signet.sessions`))
}

func TestWhoComesFromTheProviderIsTheMemberWithThatAddress(t *testing.T) {
	t.Parallel()
	w := newWithProvider(t, nil)
	l, r := w.leave(t)
	require.WithinDuration(t, w.clock().Add(5*time.Minute), l.Until, time.Minute)
	require.True(t, strings.HasPrefix(r.State, "in."))
	entry, err := w.finish(t, r)
	require.NoError(t, err)
	require.Nil(t, entry.Waiting)
	require.Equal(t, w.owner, entry.Session.Member)
	actor, err := w.Authenticate(t.Context(), entry.Session.AccessToken.Expose(), "")
	require.NoError(t, err)
	require.Equal(t, core.PlatformOwner, actor.Grants.Platform)

	rows := w.audit(t)
	require.Equal(t, "oidc.bind", rows[len(rows)-2].Action)
	require.Equal(t, map[string]string{"email": ownerEmail, "issuer": w.at.URL, "subject": "subject-of-the-owner"}, rows[len(rows)-2].Detail)
	require.Equal(t, "session.create", rows[len(rows)-1].Action)
	require.Equal(t, "oidc", rows[len(rows)-1].Detail["with"])
	require.Equal(t, []string{"oidc"}, w.texts(t, `SELECT begun_with FROM signet.sessions`))

	// No row of the way holds anything that redeems a code.
	held := strings.Join(w.texts(t, `SELECT data::text || encode(token_hash, 'hex') FROM signet.ceremonies`), " ")
	s := secretsOf(l.Token, ofOIDC)
	for _, secret := range []string{s.verifier, s.nonce, s.state, l.Token.Expose(), r.Code.Expose()} {
		require.NotContains(t, held, secret)
	}
}

func TestAWayBackIsGoodOnceAndInTheBrowserThatHasLeft(t *testing.T) {
	t.Parallel()
	w := newWithProvider(t, nil)
	l, r := w.leave(t)
	other, _ := w.leave(t)
	for name, wrong := range map[string]Returned{
		"another browser": {Token: other.Token, State: r.State, Code: r.Code},
		"no browser":      {State: r.State, Code: r.Code},
		"another state":   {Token: l.Token, State: secretsOf(other.Token, ofOIDC).state, Code: r.Code},
		"no state":        {Token: l.Token, Code: r.Code},
		"a step-up":       {Token: l.Token, State: secretsOf(l.Token, ofOIDCStepUp).state, Code: r.Code},
	} {
		_, err := w.finish(t, wrong)
		require.True(t, fault.Has(err, fault.CeremonyOver), "%s: %v", name, err)
	}
	require.Zero(t, w.at.Asked("/token"), "no code was shown to anybody")

	// The code of one browser with the token and the state of another: what somebody
	// would be made to bring who shall be signed in as somebody else.
	_, err := w.finish(t, Returned{Token: other.Token, State: secretsOf(other.Token, ofOIDC).state, Code: r.Code})
	w.requireRefused(t, err, "code")

	l, r = w.leave(t)
	_, err = w.finish(t, r)
	require.NoError(t, err)
	_, err = w.finish(t, r)
	require.True(t, fault.Has(err, fault.CeremonyOver), "again: %v", err)
	late, r := w.leave(t)
	w.db.Exec(t, `UPDATE signet.ceremonies SET expires_at = now() - interval '1 second'`)
	_, err = w.finish(t, r)
	require.True(t, fault.Has(err, fault.CeremonyOver), "late: %v", err)
	require.NotEqual(t, l.Token.Expose(), late.Token.Expose())
	require.Equal(t, 1, w.sessions(t))
}

func TestTwoWhoComeBackAtOnceAreOne(t *testing.T) {
	t.Parallel()
	w := newWithProvider(t, nil)
	_, r := w.leave(t)
	results := make(chan error)
	for range 8 {
		go func() {
			_, err := w.FinishOIDC(context.WithoutCancel(t.Context()), Visit{Client: office}, r)
			results <- err
		}()
	}
	in := 0
	for range 8 {
		if err := <-results; err == nil {
			in++
		} else {
			require.True(t, fault.Has(err, fault.CeremonyOver), "%v", err)
		}
	}
	require.Equal(t, 1, in)
	require.Equal(t, 1, w.at.Asked("/token"))
}

func TestATokenOfTheProviderIsReadStrictly(t *testing.T) {
	t.Parallel()
	w := newWithProvider(t, nil)
	change := func(name string, value any) func(jwt.MapClaims) string {
		return func(claims jwt.MapClaims) string {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
			return w.at.Signed(claims)
		}
	}
	now := w.clock()
	for name, row := range map[string]struct {
		sign   func(jwt.MapClaims) string
		reason string
	}{
		"alg none":                            {identitytest.Unsigned, "id_token"},
		"HS256 with the client's id":          {w.at.SignedWithSecret(identitytest.ClientID), "id_token"},
		"HS256 with the client's secret":      {w.at.SignedWithSecret(identitytest.ClientSecret), "id_token"},
		"a key of somebody else":              {w.at.SignedByNobody, "id_token"},
		"another nonce":                       {change("nonce", "another"), "nonce"},
		"no nonce":                            {change("nonce", nil), "nonce"},
		"another audience":                    {change("aud", "somebody-else"), "id_token"},
		"no audience":                         {change("aud", nil), "id_token"},
		"another issuer":                      {change("iss", "https://login.example.com"), "id_token"},
		"expired":                             {change("exp", now.Add(-time.Second).Unix()), "id_token"},
		"no end":                              {change("exp", nil), "id_token"},
		"not yet":                             {change("nbf", now.Add(time.Hour).Unix()), "id_token"},
		"for another party":                   {change("azp", "somebody-else"), "authorized_party"},
		"for several and no party":            {change("aud", []string{identitytest.ClientID, "somebody-else"}), "authorized_party"},
		"no subject":                          {change("sub", nil), "subject"},
		"a subject of any length":             {change("sub", strings.Repeat("a", 256)), "subject"},
		"an address that is not verified":     {change("email_verified", false), "email_not_verified"},
		"an address that may be verified":     {change("email_verified", nil), "email_not_verified"},
		"an address that is verified in text": {change("email_verified", "true"), "email_not_verified"},
		"no address":                          {change("email", nil), "email"},
		"an address of nobody":                {change("email", "nobody@example.com"), "nobody"},
		"garbage":                             {func(jwt.MapClaims) string { return "a.b.c" }, "id_token"},
		"nothing":                             {func(jwt.MapClaims) string { return "" }, "no_id_token"},
	} {
		w.at.SignWith(row.sign)
		_, err := w.comeIn(t)
		t.Log(name)
		w.requireRefused(t, err, row.reason)
	}
	require.Empty(t, w.texts(t, `SELECT subject FROM signet.oidc_identities`))
	require.Zero(t, w.sessions(t))

	w.at.SignWith(change("aud", []string{identitytest.ClientID}))
	_, err := w.comeIn(t)
	require.NoError(t, err)
}

func TestOnlyThePlatformsPeopleComeFromTheProvider(t *testing.T) {
	t.Parallel()
	w := newWithProvider(t, nil)
	plain := core.Member{ID: core.NewMemberID(), Email: "plain@example.com"}
	require.NoError(t, w.cfg.Store.Platform(t.Context(), system(""), func(tx *store.PlatformTx) error {
		return tx.CreateMember(t.Context(), store.MemberRow{Member: plain})
	}))
	w.at.SignIn(theOwner(map[string]any{"sub": "plain", "email": plain.Email}))
	_, err := w.comeIn(t)
	w.requireRefused(t, err, "no_platform_role")
	unknown := err
	w.at.SignIn(theOwner(map[string]any{"sub": "nobody", "email": "nobody@example.com"}))
	_, err = w.comeIn(t)
	w.requireRefused(t, err, "nobody")
	require.Equal(t, fault.Find(unknown).Detail(fault.English), fault.Find(err).Detail(fault.English), "they are told the same")
	require.Len(t, w.texts(t, `SELECT email FROM signet.members`), 2, "nobody is made")
	require.Empty(t, w.texts(t, `SELECT subject FROM signet.oidc_identities`))

	// A role that is taken away counts for who is bound already.
	w.at.SignIn(theOwner(nil))
	_, err = w.comeIn(t)
	require.NoError(t, err)
	w.db.Exec(t, `UPDATE signet.members SET platform_role = NULL`)
	_, err = w.comeIn(t)
	w.requireRefused(t, err, "no_platform_role")
}

func TestOnceBoundTheSubjectCountsAndTheAddressNoMore(t *testing.T) {
	t.Parallel()
	w := newWithProvider(t, nil)
	second, err := w.CreateOwner(t.Context(), "second@example.com", core.NewSecret("another long password"))
	require.NoError(t, err)
	_, err = w.comeIn(t)
	require.NoError(t, err)

	// Somebody who has got the owner's address at the provider.
	w.at.SignIn(theOwner(map[string]any{"sub": "somebody-else"}))
	_, err = w.comeIn(t)
	w.requireRefused(t, err, "other_subject")

	// The owner with the address of another member, or with none that is verified.
	for _, claims := range []map[string]any{{"email": second.Email}, {"email_verified": false}, {"email": nil}} {
		w.at.SignIn(theOwner(claims))
		entry, err := w.comeIn(t)
		require.NoError(t, err)
		require.Equal(t, w.owner.ID, entry.Session.Member.ID)
	}
	require.Equal(t, []string{w.owner.ID.String()}, w.texts(t, `SELECT member_id::text FROM signet.oidc_identities WHERE unbound_at IS NULL`))
	require.Equal(t, 1, countActions(w.audit(t), "oidc.bind"))

	// Another owner forgets it, for the person has got another account.
	actor := core.Actor{Kind: core.ActorMember, MemberID: second.ID, Name: second.Email, Grants: core.Grants{Platform: core.PlatformOwner}}
	require.True(t, fault.Has(w.UnbindOIDC(t.Context(), actor, w.owner.ID), fault.StepUpRequired))
	actor.Proved = true
	require.True(t, fault.Has(w.UnbindOIDC(t.Context(), actor, core.NewMemberID()), fault.MemberUnknown))
	require.NoError(t, w.accept(t, w.invite(t, w.tenant(t, "蓝湖科技"), "li@lanhu.example.com", core.TenantOwner), core.NewSecret("correct horse 7 staple"), core.Actor{}))
	ofTenant := w.as(t, "li@lanhu.example.com", core.NewSecret("correct horse 7 staple"))
	require.True(t, fault.Has(w.UnbindOIDC(t.Context(), actor, ofTenant.MemberID), fault.MemberUnknown), "whoever is none of the platform's people is nobody here")
	require.NoError(t, w.UnbindOIDC(t.Context(), actor, w.owner.ID))
	require.NoError(t, w.UnbindOIDC(t.Context(), actor, w.owner.ID), "there is nothing more")
	require.Equal(t, 1, countActions(w.audit(t), "oidc.unbind"))
	actor.Grants.Platform = core.PlatformOperator
	require.True(t, fault.Has(w.UnbindOIDC(t.Context(), actor, w.owner.ID), fault.PermissionDenied))
	w.at.SignIn(theOwner(map[string]any{"sub": "somebody-else"}))
	_, err = w.comeIn(t)
	require.NoError(t, err)
}

func countActions(rows []auditRow, action string) (n int) {
	for _, row := range rows {
		if row.Action == action {
			n++
		}
	}
	return n
}

func TestTheProviderIsNoSecondFactorUnlessItIsTrusted(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{false, true} {
		w := newWithProvider(t, func(cfg *OIDC) { cfg.TrustMFA = trusted })
		seed := w.giveTOTP(t)
		for name, row := range map[string]struct {
			claims map[string]any
			strong bool
		}{
			"a password":        {map[string]any{"amr": []string{"pwd"}}, false},
			"nothing":           {nil, false},
			"a text":            {map[string]any{"amr": "mfa"}, false},
			"several":           {map[string]any{"amr": []string{"pwd", "mfa"}}, true},
			"a key":             {map[string]any{"amr": []string{"hwk"}}, true},
			"a level":           {map[string]any{"acr": "phr"}, true},
			"a level of theirs": {map[string]any{"acr": "1"}, false},
		} {
			w.at.SignIn(theOwner(row.claims))
			entry, err := w.comeIn(t)
			require.NoError(t, err, name)
			require.Equal(t, row.strong && trusted, entry.Waiting == nil, name)
		}
		if trusted {
			require.Equal(t, []string{"true", "true", "true"}, w.texts(t, `SELECT second_factor::text FROM signet.sessions`))
			continue
		}
		entry, err := w.comeIn(t)
		require.NoError(t, err)
		require.Zero(t, w.sessions(t))
		s, err := w.FinishSignIn(t.Context(), Visit{Client: office}, entry.Waiting.Token, Answer{Code: core.NewSecret(identitytest.Code(t, seed, w.clock()))})
		require.NoError(t, err)
		require.Equal(t, w.owner.ID, s.Member.ID)
		require.Equal(t, []string{"oidc true"}, w.texts(t, `SELECT begun_with || ' ' || second_factor FROM signet.sessions`))
	}
}

// giveTOTP gives the owner a second factor, whose last code was that of two steps ago.
func (w *withProvider) giveTOTP(t *testing.T) (seed string) {
	t.Helper()
	actor := core.Actor{Kind: core.ActorMember, MemberID: w.owner.ID, Name: ownerEmail, Proved: true}
	made, err := w.BeginTOTP(t.Context(), actor, "phone")
	require.NoError(t, err)
	seed = made.Seed.Expose()
	_, err = w.ConfirmTOTP(t.Context(), actor, made.Factor.ID, core.NewSecret(identitytest.Code(t, seed, w.clock().Add(-30*time.Second))))
	require.NoError(t, err)
	return seed
}

func TestAStepUpAtTheProviderIsASignInOfAMomentAgo(t *testing.T) {
	t.Parallel()
	w := newWithProvider(t, nil)
	entry, err := w.comeIn(t)
	require.NoError(t, err)
	actorNow := func() core.Actor {
		actor, err := w.Authenticate(t.Context(), entry.Session.AccessToken.Expose(), "")
		require.NoError(t, err)
		return actor
	}
	actor := actorNow()
	visit := Visit{Client: office}
	leave := func() Returned {
		l, err := w.BeginOIDCStepUp(t.Context(), actor, visit)
		require.NoError(t, err)
		state, code, asked := w.at.Visit(t, l.URL)
		require.Equal(t, "login", asked.Get("prompt"))
		require.Equal(t, "0", asked.Get("max_age"))
		require.True(t, strings.HasPrefix(state, "up."))
		return Returned{Token: l.Token, State: state, Code: core.NewSecret(code)}
	}
	old := func() { w.db.Exec(t, `UPDATE signet.sessions SET proved_at = now() - interval '1 hour'`) }
	old()
	require.False(t, actorNow().Proved)

	for name, at := range map[string]any{"before": w.clock().Add(-10 * time.Minute).Unix(), "long before": 1, "never": nil, "to come": w.clock().Add(time.Hour).Unix()} {
		w.at.SignIn(theOwner(map[string]any{"auth_time": at}))
		_, err := w.StepUpOIDC(t.Context(), actor, visit, leave())
		t.Log(name)
		w.requireRefused(t, err, "auth_time")
	}
	second, err := w.CreateOwner(t.Context(), "second@example.com", core.NewSecret("another long password"))
	require.NoError(t, err)
	w.at.SignIn(theOwner(map[string]any{"sub": "second", "email": second.Email}))
	_, err = w.StepUpOIDC(t.Context(), actor, visit, leave())
	w.requireRefused(t, err, "another_member")
	w.at.SignIn(theOwner(nil))
	require.False(t, actorNow().Proved)

	r := leave()
	_, err = w.finish(t, r)
	require.True(t, fault.Has(err, fault.CeremonyOver), "it is no sign-in: %v", err)
	another, err := w.comeIn(t)
	require.NoError(t, err)
	other, err := w.Authenticate(t.Context(), another.Session.AccessToken.Expose(), "")
	require.NoError(t, err)
	_, err = w.StepUpOIDC(t.Context(), other, visit, leave())
	require.True(t, fault.Has(err, fault.CeremonyOver), "another session: %v", err)

	old()
	until, err := w.StepUpOIDC(t.Context(), actor, visit, leave())
	require.NoError(t, err)
	require.WithinDuration(t, w.clock().Add(core.ProofLife), until, time.Minute)
	require.True(t, actorNow().Proved)

	w.giveTOTP(t)
	old()
	_, err = w.StepUpOIDC(t.Context(), actor, visit, leave())
	require.True(t, fault.Has(err, fault.SecondFactorRefused), "%v", err)
	require.False(t, actorNow().Proved)

	actor.OnlyTenant = core.NewTenantID()
	_, err = w.BeginOIDCStepUp(t.Context(), actor, visit)
	require.True(t, fault.Has(err, fault.PermissionDenied), "%v", err)
}

func TestAProviderThatIsNotWellIsTold(t *testing.T) {
	t.Parallel()
	gone := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	garbage := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`<html>CANARY`)) }
	slow := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the client has gone
		<-r.Context().Done()
	}
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	elsewhere := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }
	for name, answer := range map[string]http.HandlerFunc{"gone": gone, "garbage": garbage, "slow": slow, "cut": cut, "redirecting": elsewhere, "huge": identitytest.Huge} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWithProvider(t, func(cfg *OIDC) { cfg.Client = boundedClient(300 * time.Millisecond) })
			requireAway := func(err error) {
				t.Helper()
				require.True(t, fault.Has(err, fault.OIDCUnavailable), "%v", err)
				require.Positive(t, fault.Find(err).RetryAfter)
				require.NotContains(t, err.Error()+errors.Unwrap(err).Error(), "CANARY")
				require.NotContains(t, errors.Unwrap(err).Error(), identitytest.ClientSecret)
			}
			const discovery = "/.well-known/openid-configuration"
			w.at.Answer(discovery, answer)
			for range 5 {
				_, err := w.BeginOIDC(t.Context(), Visit{Client: office})
				requireAway(err)
			}
			require.Equal(t, 1, w.at.Asked(discovery), "it is left alone for a moment")
			_, err := w.Identity.SignIn(t.Context(), Visit{Client: office}, ownerEmail, ownerPassword)
			require.NoError(t, err, "the other ways work")
			w.at.Answer(discovery, nil)
			w.ahead.Add(int64(discoveryPause))

			w.at.Answer("/token", answer)
			_, err = w.comeIn(t)
			requireAway(err)
			w.at.Answer("/token", nil)
			w.at.Answer("/keys", answer)
			_, err = w.comeIn(t)
			require.True(t, fault.Has(err, fault.OIDCUnavailable) || fault.Has(err, fault.OIDCRefused), "%v", err)
			w.at.Answer("/keys", nil)
			_, err = w.comeIn(t)
			require.NoError(t, err)
			require.Zero(t, w.at.Asked("/elsewhere"))

			// What was found is believed on while it is away, and asked for anew.
			asked := w.at.Asked(discovery)
			w.ahead.Add(int64(discoveryLife))
			w.at.Answer(discovery, answer)
			for range 3 {
				_, err = w.comeIn(t)
				require.NoError(t, err)
			}
			require.LessOrEqual(t, w.at.Asked(discovery), asked+2, "net/http itself asks again where a kept connection is cut")
		})
	}
}

func TestAProviderThatSendsItsCallersElsewhereIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWithProvider(t, nil)
	for name, text := range map[string]string{
		"another issuer":   `{"issuer":"https://login.example.com","authorization_endpoint":"ISSUER/authorize","token_endpoint":"ISSUER/token","jwks_uri":"ISSUER/keys"}`,
		"a plain endpoint": `{"issuer":"ISSUER","authorization_endpoint":"http://login.example.com/a","token_endpoint":"ISSUER/token","jwks_uri":"ISSUER/keys"}`,
		"a script":         `{"issuer":"ISSUER","authorization_endpoint":"javascript:alert(1)","token_endpoint":"ISSUER/token","jwks_uri":"ISSUER/keys"}`,
		"plain keys":       `{"issuer":"ISSUER","authorization_endpoint":"ISSUER/authorize","token_endpoint":"ISSUER/token","jwks_uri":"http://login.example.com/keys"}`,
		"no endpoint":      `{"issuer":"ISSUER"}`,
	} {
		w.at.Answer("/.well-known/openid-configuration", func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Content-Type", "application/json")
			_, _ = out.Write([]byte(strings.ReplaceAll(text, "ISSUER", w.at.URL)))
		})
		_, err := w.BeginOIDC(t.Context(), Visit{Client: office})
		require.True(t, fault.Has(err, fault.OIDCUnavailable), "%s: %v", name, err)
		w.ahead.Add(int64(discoveryPause))
	}
}

func TestAKeyThatTheProviderTurnsIsFetched(t *testing.T) {
	t.Parallel()
	w := newWithProvider(t, nil)
	for range 3 {
		_, err := w.comeIn(t)
		require.NoError(t, err)
	}
	require.Equal(t, 1, w.at.Asked("/keys"))
	w.at.TurnKey()
	_, err := w.comeIn(t)
	require.NoError(t, err)
	require.Equal(t, 2, w.at.Asked("/keys"))
	require.Equal(t, 1, w.at.Asked("/.well-known/openid-configuration"))
}

func TestWithoutAProviderThereIsNoWayByIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	require.Equal(t, Ways{}, waysTo(t, h.Identity, ""))
	_, err := h.BeginOIDC(t.Context(), Visit{Client: office})
	require.True(t, fault.Has(err, fault.OIDCNotConfigured), "%v", err)
	_, err = h.FinishOIDC(t.Context(), Visit{Client: office}, Returned{Token: core.NewSecret("a"), State: "in.a"})
	require.True(t, fault.Has(err, fault.OIDCNotConfigured), "%v", err)
	w := newWithProvider(t, nil)
	require.Equal(t, Ways{OIDC: "公司账号"}, waysTo(t, w.Identity, ""))
}

func waysTo(t *testing.T, i *Identity, app string) Ways {
	t.Helper()
	there, err := i.Ways(t.Context(), Visit{Client: office}, app)
	require.NoError(t, err)
	return there
}

func TestAClientThatKeepsComingFromTheProviderIsBraked(t *testing.T) {
	t.Parallel()
	w := newWithProvider(t, nil)
	v := Visit{Client: netip.MustParsePrefix("203.0.113.77/32")}
	braked := 0
	for range triesPerClient.burst + 5 {
		if _, err := w.FinishOIDC(t.Context(), v, Returned{Token: core.NewSecret("a"), State: "in.a"}); fault.Has(err, fault.RateLimitedCode) {
			braked++
		}
	}
	require.GreaterOrEqual(t, braked, 4)
	_, err := w.BeginOIDC(t.Context(), v)
	require.True(t, fault.Has(err, fault.RateLimitedCode), "%v", err)
}

// The provider is for the platform's own people: who has lost their role there, or their
// account at the provider, while a second factor was asked for does not come in by it.
func TestWhoIsTakenOutBeforeTheSecondFactorDoesNotComeInFromTheProvider(t *testing.T) {
	t.Parallel()
	for name, taken := range map[string]string{
		"the role":    `UPDATE signet.members SET platform_role = NULL`,
		"the account": `UPDATE signet.oidc_identities SET unbound_at = now()`,
	} {
		w := newWithProvider(t, nil)
		seed := w.giveTOTP(t)
		w.at.SignIn(theOwner(nil))
		entry, err := w.comeIn(t)
		require.NoError(t, err)
		require.NotNil(t, entry.Waiting)
		w.damage(t, taken)
		_, err = w.FinishSignIn(t.Context(), Visit{Client: office}, entry.Waiting.Token, Answer{Code: core.NewSecret(identitytest.Code(t, seed, w.clock()))})
		requireCode(t, err, fault.CeremonyOver)
		require.Zero(t, w.sessions(t), name)
	}
}
