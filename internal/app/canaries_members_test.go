package app_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// liveThroughPeople invites people to a place, a tenant or the platform, and does with
// one of them all that can be done.
func (n *node) liveThroughPeople(t *testing.T, place, role, next string) {
	t.Helper()
	invite := func(email string) (id, token string) {
		made := n.want(t, http.StatusCreated, http.MethodPost, place+"/invitations", fmt.Sprintf(`{"email":%q,"role":%q}`, email, role))
		return made.text(t, "id"), n.record.lastGiven(t, givenInvite)
	}
	email := role + ".guest@example.com"
	back, _ := invite(email)
	n.want(t, http.StatusNoContent, http.MethodDelete, place+"/invitations/"+back, "")
	_, token := invite(email)
	accept := func(password string) string { return fmt.Sprintf(`{"token":%q,"password":%q}`, token, password) }
	n.outside(t, http.StatusOK, "/invitations/read", fmt.Sprintf(`{"token":%q}`, token))
	n.outside(t, http.StatusBadRequest, "/invitations/accept", accept("CANARY"))
	n.outside(t, http.StatusBadRequest, "/invitations/accept", accept(canaryGuestPassword)+"x")
	n.want(t, http.StatusConflict, http.MethodPost, "/invitations/accept", accept(canaryGuestPassword)) // somebody else is signed in
	n.outside(t, http.StatusCreated, "/invitations/accept", accept(canaryGuestPassword))
	n.outside(t, http.StatusGone, "/invitations/accept", accept(canaryPasswordOfNone))
	n.want(t, http.StatusOK, http.MethodGet, place+"/invitations", "")

	items, ok := n.want(t, http.StatusOK, http.MethodGet, place+"/members", "").json(t)["items"].([]any)
	require.True(t, ok)
	guest, ok := items[0].(map[string]any) // the newest
	require.True(t, ok)
	require.Equal(t, email, guest["email"])
	member := fmt.Sprint(place, "/members/", guest["id"])
	etag := n.want(t, http.StatusOK, http.MethodGet, member, "").header.Get("ETag")
	n.want(t, http.StatusOK, http.MethodPatch, member, fmt.Sprintf(`{"role":%q}`, next), "If-Match", etag)

	body := ""
	if place == "/platform" {
		body = `{"factors":true}`
	}
	n.want(t, http.StatusCreated, http.MethodPost, member+"/reset", body)
	reset := n.record.lastGiven(t, givenReset)
	n.outside(t, http.StatusOK, "/resets/read", fmt.Sprintf(`{"token":%q}`, reset))
	for _, status := range []int{http.StatusNoContent, http.StatusGone} {
		n.outside(t, status, "/resets/use", fmt.Sprintf(`{"token":%q,"password":%q}`, reset, canaryResetPassword))
	}
	n.outside(t, http.StatusUnauthorized, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, email, canaryGuestPassword))
	n.outside(t, http.StatusOK, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, email, canaryResetPassword))
	n.outside(t, http.StatusNotFound, "/session/forgotten", fmt.Sprintf(`{"email":%q}`, email))
	n.want(t, http.StatusNoContent, http.MethodDelete, member, "")
	n.want(t, http.StatusOK, http.MethodGet, "/roles", "")
}
