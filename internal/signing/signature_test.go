package signing

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pgregory.net/rapid"

	"signet/internal/papers"
)

// signatureVector is a row of the vectors for WeCom's algorithm.
type signatureVector struct {
	ID        string
	PageHref  string `json:"page_href"`
	URLSigned string `json:"url_signed"`
	Ticket    string `json:"jsapi_ticket"`
	Nonce     string `json:"noncestr"`
	Timestamp int64
	String1   string
	Signature string
	AsBrowser bool `json:"href_as_browser"`
}

func signatureVectors(t *testing.T) (rows []signatureVector, equal [][]string) {
	t.Helper()
	var file struct {
		Rows  []signatureVector `json:"jssdk_signature"`
		Equal [][]string        `json:"jssdk_equal_groups"`
	}
	require.NoError(t, json.Unmarshal(papers.Read(t, "wecom-vectors.json"), &file))
	return file.Rows, file.Equal
}

func TestSignatureOfOfficialExample(t *testing.T) {
	t.Parallel()
	// Document 96909 of WeCom's developer centre. Its address has no path, so
	// ParsePage refuses it; the function signs what it is given.
	require.Equal(t, "0f9de62fce790f9a083d5c99e95740ceb90c27ed", Signature(
		"sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg",
		"Wm3WZYTPz0wzccnW", 1414587457, "http://mp.weixin.qq.com?params=value"))
}

func TestSignatureVectorsRowByRow(t *testing.T) {
	t.Parallel()
	rows, equal := signatureVectors(t)
	require.Len(t, rows, 33)
	signatures := map[string]string{}
	for _, row := range rows {
		require.Equal(t, row.Signature, Signature(row.Ticket, row.Nonce, row.Timestamp, row.URLSigned), row.ID)
		signatures[row.ID] = row.Signature
		if p, err := ParsePage(row.PageHref, true); err == nil {
			require.True(t, row.AsBrowser, row.ID)
			require.Equal(t, row.URLSigned, p.String(), row.ID)
		} else if row.ID != "userinfo" { // which a browser reports, and the rule refuses all the same
			require.False(t, row.AsBrowser, row.ID)
		}
	}
	require.NotEmpty(t, equal)
	for _, group := range equal {
		for _, id := range group {
			require.Equal(t, signatures[group[0]], signatures[id], id)
		}
	}
}

func TestSignatureIsTheHashOfString1(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ticket := rapid.StringMatching(`[A-Za-z0-9_-]{1,600}`).Draw(t, "ticket")
		nonce := rapid.StringMatching(`[A-Za-z0-9]{1,32}`).Draw(t, "nonce")
		timestamp := rapid.Int64().Draw(t, "timestamp")
		url := rapid.String().Draw(t, "url") + strings.Repeat("x", rapid.IntRange(0, 3000).Draw(t, "more"))
		sum := sha1.Sum(fmt.Appendf(nil, "jsapi_ticket=%s&noncestr=%s&timestamp=%d&url=%s", ticket, nonce, timestamp, url))
		require.Equal(t, hex.EncodeToString(sum[:]), Signature(ticket, nonce, timestamp, url))
	})
}

func TestSignatureDoesNotAllocate(t *testing.T) {
	var digits [40]byte
	require.Zero(t, testing.AllocsPerRun(100, func() {
		signature(&digits, benchTicket, "k7Qf2LxN9sVbA1b2", 1763787600, benchPage)
	}))
}

func TestSignatureLeavesNoTicketBehind(t *testing.T) {
	var digits [40]byte
	signature(&digits, benchTicket, "k7Qf2LxN9sVbA1b2", 1763787600, benchPage)
	buffer := strings1.Get().(*[]byte)
	require.NotContains(t, string((*buffer)[:cap(*buffer)]), benchTicket)
	strings1.Put(buffer)
}

func ExampleSignature() {
	fmt.Println(Signature("ticket", "k7Qf2LxN9sVb", 1700000000, "https://crm.example.com/sidebar"))
	// Output: 3040b391af66e7f36ef3bbfde5ee5b41155b6446
}
