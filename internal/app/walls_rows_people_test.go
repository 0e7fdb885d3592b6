package app_test

import (
	"fmt"

	"signet/internal/core"
	"signet/internal/fault"
)

const (
	ofMember   = ofTenant + "/members/:memberId"
	ofKey      = ofTenant + "/api-keys/:keyId"
	ofOperator = "/api/v1/platform/members/:memberId"
)

var (
	asOperator = map[string]string{"memberId": "operatorId"}
	asPerson   = map[string]string{"memberId": "personId"}
)

// peopleRoutes are the rows of sessions, accounts, members and API keys.
var peopleRoutes = map[string]route{
	"POST /api/v1/session/second-factor":   {needs: nobodys, done: 200, write: true, mine: true, ready: aSecondFactor, body: words(`{"token":%q,"code":%q}`, "waiting", "code")},
	"POST /api/v1/session/passkey/options": {needs: nobodys, done: 200, write: true},
	"POST /api/v1/session/passkey":         {needs: nobodys, done: 200, write: true, mine: true, ready: aPasskey, body: words(`{"token":%q,"passkey":%s}`, "waiting", "passkey")},
	"POST /api/v1/session/step-up/options": {needs: signedIn, done: 200, write: true, mine: true},
	"POST /api/v1/session/step-up":         {needs: signedIn, done: 200, write: true, mine: true, ready: aStepUp, body: words(`{"token":%q,"password":"`+ownerPassword+`"}`, "waiting")},
	// No node of tests has a provider (internal/app/people_test.go has one).
	"GET /api/v1/session/ways":                  {needs: nobodys, done: 200},
	"POST /api/v1/session/oidc":                 {needs: nobodys, done: 404, code: fault.OIDCNotConfigured, write: true},
	"POST /api/v1/session/oidc/return":          {needs: nobodys, done: 404, code: fault.OIDCNotConfigured, write: true, with: fromConsole, body: body(`{"state":"in.a","code":"b"}`)},
	"POST /api/v1/session/step-up/oidc/options": {needs: signedIn, done: 404, code: fault.OIDCNotConfigured, write: true},
	"POST /api/v1/session/step-up/oidc":         {needs: signedIn, done: 404, code: fault.OIDCNotConfigured, write: true, body: body(`{"state":"up.a","code":"b"}`)},
	"DELETE " + ofOperator + "/oidc":            {needs: core.OperatorsWrite, done: 204, write: true, as: asOperator},
	"POST /api/v1/session/forgotten":            {needs: nobodys, done: 404, code: fault.MailNotConfigured, write: true, body: body(`{"email":"` + ownerEmail + `"}`)},

	"GET /api/v1/sessions":               {needs: signedIn, done: 200},
	"DELETE /api/v1/sessions":            {needs: signedIn, done: 200, write: true, mine: true},
	"DELETE /api/v1/sessions/:sessionId": {needs: signedIn, done: 204, write: true, mine: true},
	"POST /api/v1/password":              {needs: signedIn, done: 204, write: true, mine: true, body: body(`{"password":"` + ownerPassword + `","newPassword":"another long password of a test"}`)},

	"GET /api/v1/factors":                              {needs: signedIn, done: 200},
	"POST /api/v1/factors/totp":                        {needs: signedIn, done: 201, write: true, mine: true, body: body(`{"name":"手机"}`)},
	"POST /api/v1/factors/totp/:factorId/confirmation": {needs: signedIn, counted: true, done: 200, write: true, mine: true, ready: aCode, body: words(`{"code":%q}`, "code")},
	"POST /api/v1/factors/passkeys/options":            {needs: signedIn, done: 200, write: true, mine: true},
	"POST /api/v1/factors/passkeys":                    {needs: signedIn, done: 201, write: true, mine: true, ready: aNewPasskey, body: words(`{"token":%q,"name":"笔记本","passkey":%s}`, "waiting", "passkey")},
	"POST /api/v1/factors/recovery-codes":              {needs: signedIn, done: 200, write: true, mine: true, ready: confirmed},
	"DELETE /api/v1/factors/:factorId":                 {needs: signedIn, done: 204, write: true, mine: true},

	"GET /api/v1/roles":                                 {needs: anybodys, done: 200},
	"GET " + ofTenant + "/members":                      {needs: core.MembersRead, done: 200},
	"GET " + ofMember:                                   {needs: core.MembersRead, done: 200},
	"PATCH " + ofMember:                                 {needs: core.MembersWrite, done: 200, write: true, match: true, inside: fault.MemberUnknown, lookup: core.MembersRead, body: body(`{"role":"tenant_admin"}`)},
	"DELETE " + ofMember:                                {needs: core.MembersWrite, done: 204, write: true, match: true, inside: fault.MemberUnknown, lookup: core.MembersRead},
	"POST " + ofMember + "/reset":                       {needs: core.MembersWrite, done: 201, write: true},
	"GET " + ofTenant + "/invitations":                  {needs: core.MembersRead, done: 200},
	"POST " + ofTenant + "/invitations":                 {needs: core.MembersWrite, done: 201, write: true, body: body(`{"email":"new@test.example","role":"tenant_viewer"}`)},
	"DELETE " + ofTenant + "/invitations/:invitationId": {needs: core.MembersWrite, done: 204, inside: fault.InvitationUnknown, write: true},

	"POST /api/v1/invitations/read": {needs: nobodys, done: 200, in: "body", more: []string{"inviteToken"}, body: body(`{"token":%q}`, "inviteToken")},
	"POST /api/v1/invitations/accept": {needs: nobodys, done: 201, write: true, members: fault.InvitationOtherMember, in: "body", more: []string{"inviteToken"},
		body: body(`{"token":%q,"password":"another long password of a test"}`, "inviteToken")},
	"POST /api/v1/resets/read": {needs: nobodys, done: 200, in: "body", more: []string{"resetToken"}, body: body(`{"token":%q}`, "resetToken")},
	"POST /api/v1/resets/use": {needs: nobodys, done: 204, write: true, in: "body", more: []string{"resetToken"},
		body: body(`{"token":%q,"password":"another long password of a test"}`, "resetToken")},

	"GET " + ofTenant + "/api-keys": {needs: core.APIKeysRead, done: 200},
	"POST " + ofTenant + "/api-keys": {needs: core.APIKeysWrite, done: 201, write: true, in: "body", more: []string{"appId"},
		body: body(fmt.Sprintf(`{"name":"新密钥","scopes":[%q],"appId":%%q}`, core.PagesSign), "appId")},
	"GET " + ofKey:                 {needs: core.APIKeysRead, done: 200},
	"DELETE " + ofKey:              {needs: core.APIKeysWrite, done: 204, write: true},
	"POST " + ofKey + "/rotations": {needs: core.APIKeysWrite, done: 201, write: true, query: []string{"", "overlapHours=0"}},

	"GET /api/v1/platform/members":       {needs: core.OperatorsRead, done: 200},
	"GET " + ofOperator:                  {needs: core.OperatorsRead, done: 200, as: asOperator},
	"PATCH " + ofOperator:                {needs: core.OperatorsWrite, done: 200, write: true, match: true, as: asOperator, lookup: core.OperatorsRead, body: body(`{"role":"platform_operator"}`)},
	"DELETE " + ofOperator:               {needs: core.OperatorsWrite, done: 204, write: true, match: true, as: asOperator, lookup: core.OperatorsRead},
	"POST " + ofOperator + "/reset":      {needs: core.OperatorsWrite, done: 201, write: true, as: asPerson, body: body(`{"factors":false}`)},
	"DELETE " + ofOperator + "/sessions": {needs: core.OperatorsWrite, done: 200, write: true, as: asPerson},

	"GET /api/v1/platform/invitations":                  {needs: core.OperatorsRead, done: 200},
	"POST /api/v1/platform/invitations":                 {needs: core.OperatorsWrite, done: 201, write: true, body: body(`{"email":"new@test.example","role":"platform_auditor"}`)},
	"DELETE /api/v1/platform/invitations/:invitationId": {needs: core.OperatorsWrite, done: 204, write: true, as: map[string]string{"invitationId": "operatorLinkId"}},
}
