package signapi

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/signing"
)

// The answers as the standard library would read them.
type signatureBody struct {
	Timestamp int64  `json:"timestamp"`
	NonceStr  string `json:"nonceStr"`
	Signature string `json:"signature"`
}

type answerBody struct {
	CorpID      string        `json:"corpId"`
	AgentID     string        `json:"agentId"`
	URL         string        `json:"url"`
	Config      signatureBody `json:"config"`
	AgentConfig signatureBody `json:"agentConfig"`
}

type legacyBody struct {
	Code string `json:"code"`
	Data struct {
		signatureBody
		CorpID  string `json:"corpid"`
		AgentID string `json:"agentid"`
	} `json:"data"`
	Message string `json:"message"`
}

func read(t *testing.T, text []byte, v any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(v), "%s", text)
	require.False(t, decoder.More())
}

func FuzzAnAnswerMeansWhatTheStandardLibraryReads(f *testing.F) {
	f.Add("wwexamplecorp00001", "1000247", page, int64(1763787600))
	f.Add(`ww"\<>&`, "", `https://crm.example.com/"<script>'\{}|^`+"`", int64(-1))
	f.Add("\x00\x7f", "\u2028", "https://crm.example.com/?a=&b=%E4", int64(0))
	f.Fuzz(func(t *testing.T, corpID, agentID, url string, timestamp int64) {
		a := signing.Answer{CorpID: core.CorpID(corpID), AgentID: core.AgentID(agentID), URL: url, Timestamp: timestamp}
		copy(a.Nonce[:], nonceText)
		copy(a.Config[:], configHex)
		copy(a.AgentConfig[:], agentHex)

		// What is not UTF-8 comes out as the standard library has it.
		var corp, agent, page string
		for text, to := range map[*string]string{&corp: corpID, &agent: agentID, &page: url} {
			standard, err := json.Marshal(to)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(standard, text))
		}
		config := signatureBody{timestamp, nonceText, configHex}
		agentConfig := signatureBody{timestamp, nonceText, agentHex}

		var got answerBody
		read(t, AppendAnswer(nil, &a), &got)
		require.Equal(t, answerBody{corp, agent, page, config, agentConfig}, got)

		for want, appendTo := range map[signatureBody]func([]byte, *signing.Answer) []byte{config: appendLegacyConfig, agentConfig: appendLegacyAgentConfig} {
			var legacy legacyBody
			read(t, appendTo(nil, &a), &legacy)
			require.Equal(t, "0", legacy.Code)
			require.Equal(t, "success", legacy.Message)
			require.Equal(t, want, legacy.Data.signatureBody)
			require.Equal(t, corp, legacy.Data.CorpID)
			require.Equal(t, agent, legacy.Data.AgentID)
		}
	})
}

func TestAnAnswerIsWrittenWithoutAnAllocationBeyondItsBuffer(t *testing.T) {
	a := signing.Answer{CorpID: "wwexamplecorp00001", AgentID: "1000247", URL: page, Timestamp: 1763787600}
	buffer := make([]byte, 0, roomForAnyAnswer+len(page))
	require.Zero(t, testing.AllocsPerRun(100, func() { AppendAnswer(buffer, &a) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { appendLegacyConfig(buffer, &a) }))
	require.LessOrEqual(t, len(AppendAnswer(nil, &a)), cap(buffer))
}
