package wecomtest

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"pgregory.net/rapid"

	"signet/internal/papers"
)

type callbackVector struct {
	ID        string `json:"id"`
	Token     string `json:"token"`
	Key       string `json:"encoding_aes_key"`
	ReceiveID string `json:"receive_id"`
	Timestamp string `json:"timestamp"`
	Nonce     string `json:"nonce"`
	Encrypt   string `json:"encrypt"`
	Signature string `json:"msg_signature"`
	Random    string `json:"random16"`
	Message   string `json:"msg"`
	Body      string `json:"body"`
}

func callbackVectors(t *testing.T) (pushes []callbackVector, reply callbackVector) {
	t.Helper()
	var vectors struct {
		Pushes []callbackVector `json:"callback_crypto"`
		Reply  callbackVector   `json:"callback_reply"`
	}
	require.NoError(t, json.Unmarshal(papers.Read(t, "wecom-vectors.json"), &vectors))
	require.Len(t, vectors.Pushes, 13)
	return vectors.Pushes, vectors.Reply
}

func TestCallback_crypto_agrees_with_the_vectors(t *testing.T) {
	t.Parallel()
	pushes, reply := callbackVectors(t)
	for _, v := range append(pushes, reply) {
		require.Len(t, v.Random, 16, v.ID)
		encrypted, err := encryptCallback(v.Key, [16]byte([]byte(v.Random)), []byte(v.Message), v.ReceiveID)
		require.NoError(t, err, v.ID)
		require.Equal(t, v.Encrypt, encrypted, v.ID)
		require.Equal(t, v.Signature, signCallback(v.Token, v.Timestamp, v.Nonce, v.Encrypt), v.ID)

		message, err := decryptCallback(v.Key, v.Encrypt, v.ReceiveID)
		require.NoError(t, err, v.ID)
		require.Equal(t, v.Message, string(message), v.ID)
		_, err = decryptCallback(v.Key, v.Encrypt, "ww0000000000000000")
		require.ErrorIs(t, err, errReceiveID, v.ID)
	}
}

func TestCallback_reply_agrees_with_the_vector(t *testing.T) {
	t.Parallel()
	_, v := callbackVectors(t)
	c := Callback{Token: v.Token, EncodingAESKey: v.Key, ReceiveID: v.ReceiveID}
	message, err := openReply(c, []byte(v.Body))
	require.NoError(t, err)
	require.Equal(t, v.Message, string(message))

	c.Token = "another"
	_, err = openReply(c, []byte(v.Body))
	require.ErrorIs(t, err, errSignature)
}

func TestCallback_crypto_refuses_what_is_not_a_callback(t *testing.T) {
	t.Parallel()
	const key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	for _, bad := range []string{"short", "", key + "=", "!bcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"} {
		_, err := encryptCallback(bad, [16]byte{}, nil, "")
		require.ErrorIs(t, err, errAESKey)
		_, err = decryptCallback(bad, "", "")
		require.ErrorIs(t, err, errAESKey)
	}
	for sealed, want := range map[string]error{"": errDecrypt, "!": errBase64, "AAAA": errDecrypt, "AAAAAAAAAAAAAAAAAAAAAA==": errBuffer} {
		_, err := decryptCallback(key, sealed, "")
		require.ErrorIs(t, err, want, sealed)
	}
}

func TestCallback_crypto_gives_back_any_message(t *testing.T) {
	t.Parallel()
	const key = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	rapid.Check(t, func(t *rapid.T) {
		message := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "message")
		id := rapid.StringMatching(`[a-zA-Z0-9]{0,40}`).Draw(t, "id")
		sealed, err := encryptCallback(key, [16]byte{1}, message, id)
		require.NoError(t, err)
		opened, err := decryptCallback(key, sealed, id)
		require.NoError(t, err)
		require.Equal(t, string(message), string(opened))
	})
}
