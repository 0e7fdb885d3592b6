package wecomtest_test

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"signet/internal/papers"
	"signet/internal/wecom/wecomtest"
)

// known is the first official vector as WeCom would push it.
func known(address string) wecomtest.Callback {
	return wecomtest.Callback{
		URL: address, Token: "QDG6eK", EncodingAESKey: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", ReceiveID: "wx5823bf96d3bd56c7",
		Timestamp: "1409659589", Nonce: "263014780", Random: [16]byte([]byte("c41b64491c2468d0")), Message: []byte("1616140317555161061"),
	}
}

const (
	knownEcho      = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
	knownSignature = "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"
)

func TestVerifyCallback_sends_the_echo_and_wants_it_back_plain(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	var query url.Values
	var raw string
	reply := "1616140317555161061"
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, raw = r.URL.Query(), r.URL.RawQuery
		_, _ = io.WriteString(w, reply)
	}))
	defer receiver.Close()

	answer, err := s.VerifyCallback(t.Context(), known(receiver.URL+"/cb?corpid=wx5823bf96d3bd56c7"))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.Status)
	require.Equal(t, url.Values{
		"corpid": {"wx5823bf96d3bd56c7"}, "msg_signature": {knownSignature}, "timestamp": {"1409659589"}, "nonce": {"263014780"}, "echostr": {knownEcho},
	}, query)
	require.NotContains(t, raw, "echostr="+knownEcho, "percent-encoded once")

	for _, bad := range []string{"success", `"1616140317555161061"`, "1616140317555161061\n", ""} {
		reply = bad
		_, err := s.VerifyCallback(t.Context(), known(receiver.URL))
		require.ErrorIs(t, err, wecomtest.ErrEcho, bad)
	}
}

func TestPushCallback_posts_an_encrypted_message(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	var body struct{ ToUserName, AgentID, Encrypt string }
	var query url.Values
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err == nil {
			err = xml.Unmarshal(text, &body)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		query = r.URL.Query()
		_, _ = io.WriteString(w, "success")
	}))
	defer receiver.Close()
	push := known(receiver.URL)
	push.AgentID = "218"

	answer, err := s.PushCallback(t.Context(), push)

	require.NoError(t, err)
	require.Equal(t, "success", string(answer.Body))
	require.Nil(t, answer.Reply)
	require.Equal(t, knownEcho, body.Encrypt)
	require.Equal(t, push.ReceiveID, body.ToUserName)
	require.Equal(t, "218", body.AgentID)
	require.Equal(t, knownSignature, query.Get("msg_signature"))

	// What is left open is made anew for each push.
	push.Timestamp, push.Nonce, push.Random = "", "", [16]byte{}
	_, err = s.PushCallback(t.Context(), push)
	require.NoError(t, err)
	first := body.Encrypt
	_, err = s.PushCallback(t.Context(), push)
	require.NoError(t, err)
	require.NotEqual(t, first, body.Encrypt)
}

func TestPushCallback_opens_an_encrypted_reply(t *testing.T) {
	t.Parallel()
	var vectors struct {
		Reply struct {
			Token     string `json:"token"`
			Key       string `json:"encoding_aes_key"`
			ReceiveID string `json:"receive_id"`
			Message   string `json:"msg"`
			Body      string `json:"body"`
		} `json:"callback_reply"`
	}
	require.NoError(t, json.Unmarshal(papers.Read(t, "wecom-vectors.json"), &vectors))
	s, _ := newFake()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, vectors.Reply.Body) }))
	defer receiver.Close()
	push := wecomtest.Callback{URL: receiver.URL, Token: vectors.Reply.Token, EncodingAESKey: vectors.Reply.Key, ReceiveID: vectors.Reply.ReceiveID, Message: []byte("<xml/>")}

	answer, err := s.PushCallback(t.Context(), push)
	require.NoError(t, err)
	require.Equal(t, vectors.Reply.Message, string(answer.Reply))

	push.ReceiveID = "ww0000000000000000"
	_, err = s.PushCallback(t.Context(), push)
	require.ErrorContains(t, err, "-40005")
}

func TestPushCallback_fails_without_an_answer(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	cancel()
	for _, c := range []wecomtest.Callback{
		known("http://127.0.0.1:1"), known("://"), {URL: "http://127.0.0.1:1", EncodingAESKey: "short"},
	} {
		_, err := s.PushCallback(ctx, c)
		require.Error(t, err)
		_, err = s.VerifyCallback(ctx, c)
		require.Error(t, err)
	}
}
