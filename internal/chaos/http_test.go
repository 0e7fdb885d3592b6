package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// answer is what came back, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
}

// code is the code of a problem, "" of anything else.
func (a answer) code() string {
	var problem struct {
		Code string `json:"code"`
	}
	if a.status < 400 || json.Unmarshal(a.body, &problem) != nil {
		return ""
	}
	return problem.Code
}

// read reads the body.
func (a answer) read(into any) error { return json.Unmarshal(a.body, into) }

// text reads one text of the body.
func (a answer) text(t *testing.T, member string) string {
	t.Helper()
	var members map[string]any
	require.NoError(t, json.Unmarshal(a.body, &members), string(a.body))
	text, ok := members[member].(string)
	require.True(t, ok, "%s of %s", member, a.body)
	return text
}

// once keeps no connection: for calls that are few.
var once = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// send sends one request. The context bounds it.
func send(ctx context.Context, method, address string, body any, headers ...string) (answer, error) {
	return sendBy(ctx, once, method, address, body, headers...)
}

func sendBy(ctx context.Context, client *http.Client, method, address string, body any, headers ...string) (answer, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		content = bytes.NewReader(text)
		headers = append(headers, "Content-Type", "application/json")
	}
	request, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	begun := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return answer{took: time.Since(begun)}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, text, time.Since(begun)}, err
}
