package wecom

import (
	"errors"
	"io"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/core"
)

const (
	maxDepth        = 32 // WeCom's deepest answer here, agent/get, has three levels
	maxTokenLength  = 1024
	maxTicketLength = 512
)

// parseHead reads errcode and errmsg of an answer and checks that the whole of
// it is well-formed: one JSON object, UTF-8, no member twice, at most maxDepth
// levels. An absent errcode is 0 (protocol notes, head); whether the answer
// then holds what was asked for is the next reader's to check.
func parseHead(body []byte) (errcode int, errmsg string, err error) {
	if err := checkShape(body); err != nil {
		return 0, "", err
	}
	var head struct {
		Errcode *int           `json:"errcode"`
		Errmsg  jsontext.Value `json:"errmsg"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return 0, "", errNotJSON
	}
	if head.Errcode != nil {
		errcode = *head.Errcode
	}
	if json.Unmarshal(head.Errmsg, &errmsg) != nil {
		errmsg = "" // it is only ever searched for an address
	}
	return errcode, errmsg, nil
}

func checkShape(body []byte) error {
	decoder := jsontext.NewDecoder(strings.NewReader(string(body)))
	for {
		token, err := decoder.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			if len(strings.TrimSpace(string(body))) == 0 {
				return errCut
			}
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errCut
		case err != nil:
			return errNotJSON
		case decoder.StackDepth() > maxDepth:
			return errNotJSON
		case decoder.StackDepth() == 0 && token.Kind() != '}':
			return errNotJSON // a bare value, or an array's end
		}
	}
}

// parseGrant reads a token or a ticket out of an answer with errcode 0.
func parseGrant(api API, body []byte) (core.Secret, time.Duration, error) {
	var answer struct {
		AccessToken string         `json:"access_token"`
		Ticket      string         `json:"ticket"`
		ExpiresIn   jsontext.Value `json:"expires_in"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return core.Secret{}, 0, errNotJSON
	}
	value, longest := answer.Ticket, maxTicketLength
	if api == GetToken {
		value, longest = answer.AccessToken, maxTokenLength
	}
	if len(value) == 0 || len(value) > longest || !isPlain(value) {
		return core.Secret{}, 0, errUnusable
	}
	life, err := parseLife(answer.ExpiresIn)
	if err != nil {
		return core.Secret{}, 0, err
	}
	return core.NewSecret(value), life, nil
}

// isPlain keeps out what would change the signed string or a header: a ticket
// goes into it raw, joined by "&" (protocol notes 4.1).
func isPlain(value string) bool {
	for i := range len(value) {
		if c := value[i]; c <= 0x20 || c >= 0x7f || c == '&' {
			return false
		}
	}
	return true
}

// parseLife takes whole seconds as a number or, because WeCom is not always
// sure of its types (created_at, protocol notes 1.11), as a string of digits.
func parseLife(raw jsontext.Value) (time.Duration, error) {
	text := string(raw)
	if raw.Kind() == '"' {
		if json.Unmarshal(raw, &text) != nil {
			return 0, errUnusable
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrRange) && seconds == math.MaxInt64 {
		err = nil
	}
	if err != nil || seconds <= 0 {
		return 0, errUnusable
	}
	return time.Duration(min(seconds, int64(MaxLife/time.Second))) * time.Second, nil
}

// parseAgent reads an app out of an answer with errcode 0.
func parseAgent(body []byte) (Agent, error) {
	var answer struct {
		AgentID int64  `json:"agentid"`
		Name    string `json:"name"`
		Close   int    `json:"close"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return Agent{}, errNotJSON
	}
	id, err := core.ParseAgentID("", strconv.FormatInt(answer.AgentID, 10))
	if err != nil {
		return Agent{}, errUnusable
	}
	name, err := core.ParseName("", answer.Name)
	if err != nil {
		name = ""
	}
	return Agent{AgentID: id, Name: name, Closed: answer.Close != 0}, nil
}

// parseCallerIP finds our own address in the errmsg of a 60020, in its usual
// form "…, from ip: 203.0.113.7, more info at …". Anything that is not an
// address is "".
func parseCallerIP(errmsg string) string {
	_, rest, found := strings.Cut(errmsg, "from ip:")
	if !found {
		return ""
	}
	rest, _, _ = strings.Cut(rest, ",")
	addr, err := netip.ParseAddr(strings.TrimSpace(rest))
	if err != nil || addr.Zone() != "" {
		return ""
	}
	return addr.Unmap().String()
}
