package wecom

import (
	"context"
	"net/url"

	"github.com/go-json-experiment/json"

	"signet/internal/core"
)

// User is who has confirmed a sign-in in WeCom.
type User struct {
	ID    core.WeComUserID // "": nobody of the corp itself, but an outsider or a linked corp's person
	Tries int              // how often WeCom was asked
}

// User trades the code of a sign-in for the person who confirmed it, with the access
// token of the app that they came through (auth/getuserinfo, protocol notes 1.7). A
// code is good once, for five minutes. It fails with *Error; one for which BadCode is
// true says nothing of the app.
func (c *Client) User(ctx context.Context, token, code core.Secret) (User, error) {
	answer, tries, err := c.ask(ctx, GetUser, url.Values{"access_token": {token.Expose()}, "code": {code.Expose()}})
	if err != nil {
		return User{}, err
	}
	id, cause := parseUser(answer.body)
	if cause != nil {
		return User{}, unusable(GetUser, cause, tries)
	}
	return User{ID: id, Tries: tries}, nil
}

// BadCode tells whether the code of a sign-in was used, too old, or another app's.
func (e *Error) BadCode() bool { return e.API == GetUser && e.Errcode == errcodeCode }

// parseUser reads who it was out of an answer with errcode 0. An answer that names
// both a person of the corp and an outsider is none.
func parseUser(body []byte) (core.WeComUserID, error) {
	var answer struct {
		UserID         *string `json:"userid"`
		OpenID         *string `json:"openid"`
		ExternalUserID *string `json:"external_userid"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", errNotJSON
	}
	isOutsider := answer.OpenID != nil || answer.ExternalUserID != nil
	switch {
	case answer.UserID == nil && isOutsider:
		return "", nil
	case answer.UserID == nil, isOutsider:
		return "", errUnusable
	case isLinked(*answer.UserID):
		return "", nil
	}
	id, ok := core.ParseWeComUserID(*answer.UserID)
	if !ok {
		return "", errUnusable
	}
	return id, nil
}

// isLinked tells whether a user id is that of a linked corp's person: CorpId/userid.
func isLinked(text string) bool {
	for i := range len(text) {
		if text[i] == '/' {
			return true
		}
	}
	return false
}
