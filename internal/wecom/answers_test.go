package wecom

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestAnswer_with_a_usable_value_is_taken(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]time.Duration{
		`{"errcode":0,"errmsg":"ok","access_token":"accesstoken000001","expires_in":7200}`:                7200 * time.Second,
		`{"access_token":"t","expires_in":1}`:                                                             time.Second,
		` {"errcode":0,"access_token":"t","expires_in":7201,"errmsg":null} `:                              7200 * time.Second,
		`{"access_token":"t","expires_in":9223372036854775807}`:                                           7200 * time.Second,
		`{"access_token":"t","expires_in":99999999999999999999}`:                                          7200 * time.Second,
		`{"access_token":"t","expires_in":"7200"}`:                                                        7200 * time.Second,
		`{"access_token":"t","expires_in":7000,"ticket":"other","more":{"a":[1,{"b":null}]},"errmsg":[]}`: 7000 * time.Second,
		`{"access_token":"` + strings.Repeat("t", 1024) + `","expires_in":7200}`:                          7200 * time.Second,
		`{"access_token":"` + strings.Repeat("t", 512) + `","expires_in":7200,"warning_msg":"old TLS"}`:   7200 * time.Second,
	} {
		errcode, _, err := parseHead([]byte(body))
		require.NoError(t, err, body)
		require.Zero(t, errcode)
		value, life, err := parseGrant(GetToken, []byte(body))
		require.NoError(t, err, body)
		require.Equal(t, want, life, body)
		require.NotZero(t, value.Len())
	}
	value, _, err := parseGrant(GetAgentTicket, []byte(`{"ticket":"XEdpActNnf3X+QGOng9/hA==","expires_in":7200}`))
	require.NoError(t, err)
	require.Equal(t, "XEdpActNnf3X+QGOng9/hA==", value.Expose(), "raw, as it will be signed")
}

func TestAnswer_that_cannot_be_trusted_is_refused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"array":             `[]`,
		"array of object":   `[{"access_token":"t","expires_in":7200}]`,
		"null":              `null`,
		"number":            `0`,
		"string":            `"ok"`,
		"two objects":       `{"access_token":"t","expires_in":7200}{}`,
		"trailing text":     `{"access_token":"t","expires_in":7200} x`,
		"duplicate":         `{"errcode":0,"errcode":40001}`,
		"duplicate inside":  `{"access_token":"t","expires_in":7200,"x":{"a":1,"a":2}}`,
		"escaped duplicate": `{"errcode":0,"\u0065rrcode":40001}`,
		"invalid utf-8":     "{\"access_token\":\"t\",\"expires_in\":7200,\"x\":\"\xff\"}",
		"lone surrogate":    `{"access_token":"t","expires_in":7200,"x":"\ud800"}`,
		"bom":               "\uFEFF" + `{"access_token":"t","expires_in":7200}`,
		"html":              `<html>`,
		"errcode string":    `{"errcode":"0"}`,
		"errcode fraction":  `{"errcode":0.5}`,
		"errcode huge":      `{"errcode":99999999999999999999}`,
		"deep":              `{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`,
		"very deep":         strings.Repeat(`{"a":`, 9000),
	} {
		_, _, err := parseHead([]byte(body))
		require.ErrorIs(t, err, errNotJSON, name)
	}
	for name, body := range map[string]string{"nothing": "", "blanks": " \r\n", "half": `{"errcode":0,"acc`, "brace": `{`, "no end": `{"a":[1,2`} {
		_, _, err := parseHead([]byte(body))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
	}
}

func TestAnswer_without_a_usable_value_is_refused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"errcode":0,"errmsg":"ok"}`,
		`{"ticket":"","expires_in":7200}`,
		`{"ticket":null,"expires_in":7200}`,
		`{"access_token":"t","expires_in":7200}`,
		`{"Ticket":"t","expires_in":7200}`,
		`{"ticket":"a&b","expires_in":7200}`,
		`{"ticket":"a b","expires_in":7200}`,
		`{"ticket":"a\nb","expires_in":7200}`,
		`{"ticket":"a\u0000b","expires_in":7200}`,
		`{"ticket":"a\u007fb","expires_in":7200}`,
		`{"ticket":"票","expires_in":7200}`,
		`{"ticket":"` + strings.Repeat("t", 513) + `","expires_in":7200}`,
		`{"ticket":"t"}`,
		`{"ticket":"t","expires_in":0}`,
		`{"ticket":"t","expires_in":-1}`,
		`{"ticket":"t","expires_in":-99999999999999999999}`,
		`{"ticket":"t","expires_in":"0"}`,
		`{"ticket":"t","expires_in":""}`,
		`{"ticket":"t","expires_in":" 7200"}`,
		`{"ticket":"t","expires_in":"2h"}`,
		`{"ticket":"t","expires_in":7200.5}`,
		`{"ticket":"t","expires_in":7.2e3}`,
		`{"ticket":"t","expires_in":true}`,
		`{"ticket":"t","expires_in":null}`,
		`{"ticket":"t","expires_in":[7200]}`,
		`{"ticket":{},"expires_in":7200}`,
	} {
		_, _, err := parseHead([]byte(body))
		require.NoError(t, err, body)
		value, life, err := parseGrant(GetCorpTicket, []byte(body))
		require.Error(t, err, body)
		require.True(t, value.IsZero())
		require.Zero(t, life)
	}
	_, _, err := parseGrant(GetToken, []byte(`{"access_token":"`+strings.Repeat("t", 1025)+`","expires_in":7200}`))
	require.ErrorIs(t, err, errUnusable)
}

func TestAnswer_about_an_agent_must_name_it(t *testing.T) {
	t.Parallel()
	found, err := parseAgent([]byte(`{"agentid":1000005,"name":"HR","close":1}`))
	require.NoError(t, err)
	require.Equal(t, Agent{AgentID: "1000005", Name: "HR", Closed: true}, found)

	found, err = parseAgent([]byte(`{"agentid":1000005,"name":"H\u202eR"}`))
	require.NoError(t, err)
	require.Equal(t, Agent{AgentID: "1000005"}, found, "a name that cannot be shown is left out")

	for _, body := range []string{`{}`, `{"agentid":0}`, `{"agentid":-1}`, `{"agentid":"1000005"}`, `{"agentid":99999999999}`, `{"agentid":1,"close":"1"}`} {
		_, err := parseAgent([]byte(body))
		require.Error(t, err, body)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"errcode":0,"errmsg":"ok","access_token":"accesstoken000001","expires_in":7200}`,
		`{"errcode":0,"errmsg":"ok","ticket":"XEdpActNnf3XvQGOng9vhA==","expires_in":7200}`,
		`{"errcode":60020,"errmsg":"not allow, hint: [1], from ip: 203.0.113.7, more info at https://open.work.weixin.qq.com/devtool/query?e=60020"}`,
		`{"errcode":0,"agentid":1000005,"name":"HR","close":0}`,
		`{"errcode":0,"errcode":40001}`, `[]`, `{"ticket":"a&b","expires_in":"7200"}`, `{"ticket":"t","expires_in":1e9}`, "\uFEFF{}", `{"a":[[[[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		errcode, errmsg, err := parseHead(body)
		if err != nil {
			if !errors.Is(err, errNotJSON) && !errors.Is(err, errCut) {
				t.Fatalf("a foreign error: %v", err)
			}
			return
		}
		if !utf8.ValidString(errmsg) {
			t.Fatal("errmsg is not UTF-8")
		}
		if ip := parseCallerIP(errmsg); strings.ContainsAny(ip, " \r\n<>%&") {
			t.Fatalf("not an address: %q", ip)
		}
		if errcode != 0 {
			return
		}
		for api, longest := range map[API]int{GetToken: 1024, GetCorpTicket: 512, GetAgentTicket: 512} {
			value, life, err := parseGrant(api, body)
			if err != nil {
				if !value.IsZero() || life != 0 {
					t.Fatal("a value beside an error")
				}
				continue
			}
			if life <= 0 || life > MaxLife || life%time.Second != 0 {
				t.Fatalf("life %v", life)
			}
			text := value.Expose()
			if text == "" || len(text) > longest || strings.ContainsFunc(text, func(r rune) bool { return r < '!' || r > '~' || r == '&' }) {
				t.Fatalf("a value of %d bytes that must not be signed with", len(text))
			}
		}
		if found, err := parseAgent(body); err == nil && found.AgentID == "" {
			t.Fatal("an agent without an id")
		}
	})
}
