package wecom

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// API names a call of WeCom's by its path after /cgi-bin/.
type API string

// The calls that this package makes.
const (
	GetToken       API = "gettoken"
	GetCorpTicket  API = "get_jsapi_ticket"
	GetAgentTicket API = "ticket/get"
	GetAgent       API = "agent/get"
	GetUser        API = "auth/getuserinfo"
)

// APIs lists the calls that this package makes.
func APIs() []API { return []API{GetToken, GetCorpTicket, GetAgentTicket, GetAgent, GetUser} }

const (
	maxAnswer = 64 << 10

	// Tries of one call. WeCom's own advice for "busy" is at most three
	// (protocol notes 7, -1).
	maxTries = 3
	maxCuts  = 1

	firstPause = 200 * time.Millisecond

	// MaxRetryAfter is the longest wait that is believed; WeCom's hourly
	// limits block for 60 minutes (protocol notes 1.4).
	MaxRetryAfter = time.Hour
)

// answer is one with errcode 0.
type answer struct {
	body []byte
	took time.Duration // the try that brought it
}

// ask makes one call and gives an answer with errcode 0, and how often WeCom was
// asked for it. It tries again where WeCom cannot have counted
// the call as wrong: it was busy, or the connection broke before the answer was
// whole.
func (c *Client) ask(ctx context.Context, api API, query url.Values) (answer, int, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()

	address := c.base + "/cgi-bin/" + string(api) + "?" + query.Encode()
	for try, cuts := 1, 0; ; try++ {
		begun := time.Now()
		body, failure := c.askOnce(ctx, api, address)
		if failure == nil {
			return answer{body, time.Since(begun)}, try, nil
		}
		failure.Tries = try
		switch {
		case try == c.tries:
			return answer{}, try, failure
		case failure.Errcode == errcodeBusy:
		case failure.cut() && cuts < maxCuts:
			cuts++
		default:
			return answer{}, try, failure
		}
		if !pause(ctx, c.jitter(firstPause<<(try-1))) {
			return answer{}, try, failure
		}
	}
}

func (c *Client) askOnce(ctx context.Context, api API, address string) ([]byte, *Error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, unanswered(api, errTransport)
	}
	request.Header.Set("User-Agent", "signet")
	request.Header.Set("Accept", "application/json")

	response, err := c.http.Do(request)
	if err != nil {
		return nil, unanswered(api, strip(ctx, err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		return nil, unanswered(api, errRedirect)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, unanswered(api, strip(ctx, err))
	}
	return c.judge(api, response, body)
}

// judge decides by errcode alone where there is one, whatever the status says.
func (c *Client) judge(api API, response *http.Response, body []byte) ([]byte, *Error) {
	failure := &Error{API: api, Class: NoAnswer}
	if response.StatusCode != http.StatusOK {
		failure.Status = response.StatusCode
		failure.cause = errStatus
	}
	switch response.StatusCode {
	case http.StatusTooManyRequests:
		failure.Class = BackOff
		fallthrough
	case http.StatusServiceUnavailable:
		failure.RetryAfter = parseRetryAfter(response.Header.Get("Retry-After"), c.now())
	}

	if len(body) > maxAnswer {
		failure.cause = errLarge
		return nil, failure
	}
	errcode, errmsg, err := parseHead(body)
	switch {
	case err == nil && errcode != 0:
		failure.refuse(errcode, errmsg)
		return nil, failure
	case failure.Status != 0:
		return nil, failure
	case err != nil:
		failure.cause = err
		return nil, failure
	}
	return body, nil
}

// parseRetryAfter reads both forms of the header. What cannot be read is 0,
// which is "not said".
func parseRetryAfter(text string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(min(max(seconds, 0), int64(MaxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), MaxRetryAfter)
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// cut tells whether the connection broke under a call that was on its way.
func (e *Error) cut() bool {
	return errors.Is(e.cause, io.ErrUnexpectedEOF) || errors.Is(e.cause, syscall.ECONNRESET)
}
