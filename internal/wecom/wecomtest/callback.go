package wecomtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Callback is a push to a callback address (protocol notes 2.6 and 3). What is
// zero of Timestamp, Nonce and Random is made anew for each push.
type Callback struct {
	URL            string
	Token          string
	EncodingAESKey string
	ReceiveID      string // corp, suite or provider, by the kind of callback
	ToUserName     string // "" is ReceiveID
	AgentID        string // "" for a command callback
	Message        []byte // the plain message: XML for a push, any text for a verification

	Timestamp string
	Nonce     string
	Random    [16]byte
}

// CallbackAnswer is what the callback address answered.
type CallbackAnswer struct {
	Status int
	Body   []byte
	Reply  []byte // the decrypted reply where the body holds an encrypted one
	Took   time.Duration
}

const (
	callbackTimeout = 5 * time.Second // WeCom pushes again after it (protocol notes 2.6)
	maxCallbackBody = 64 << 10
)

// PushCallback posts an encrypted message and reads the answer. It fails where
// there is no answer within 5 s, or where an encrypted reply is not one that
// WeCom would take. A redirect is an answer and is not followed.
func (s *Server) PushCallback(ctx context.Context, c Callback) (*CallbackAnswer, error) {
	encrypted, query, err := s.sealCallback(&c)
	if err != nil {
		return nil, err
	}
	query.Set("msg_signature", signCallback(c.Token, c.Timestamp, c.Nonce, encrypted))
	body := "<xml><ToUserName><![CDATA[" + c.ToUserName + "]]></ToUserName>" +
		"<AgentID><![CDATA[" + c.AgentID + "]]></AgentID>" +
		"<Encrypt><![CDATA[" + encrypted + "]]></Encrypt></xml>"
	answer, err := s.sendCallback(ctx, http.MethodPost, c.URL, query, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(answer.Body), []byte("<xml>")) {
		if answer.Reply, err = openReply(c, answer.Body); err != nil {
			return nil, fmt.Errorf("open the reply: %w", err)
		}
	}
	return answer, nil
}

// ErrEcho is that a callback address did not answer a verification with the
// plain message and nothing else.
var ErrEcho = errors.New("the answer to the verification is not the plain echo")

// VerifyCallback does what WeCom does when a callback address is saved: a GET
// with an encrypted echo that must come back plain, within 1 s.
func (s *Server) VerifyCallback(ctx context.Context, c Callback) (*CallbackAnswer, error) {
	if c.Message == nil {
		c.Message = []byte(strconv.FormatInt(s.cfg.Clock().UnixNano(), 10))
	}
	encrypted, query, err := s.sealCallback(&c)
	if err != nil {
		return nil, err
	}
	query.Set("msg_signature", signCallback(c.Token, c.Timestamp, c.Nonce, encrypted))
	query.Set("echostr", encrypted)
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	answer, err := s.sendCallback(ctx, http.MethodGet, c.URL, query, nil)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK || !bytes.Equal(answer.Body, c.Message) {
		return answer, ErrEcho
	}
	return answer, nil
}

// sealCallback fills in what was left to the fake and encrypts the message.
func (s *Server) sealCallback(c *Callback) (encrypted string, query url.Values, err error) {
	if c.Timestamp == "" {
		c.Timestamp = strconv.FormatInt(s.cfg.Clock().Unix(), 10)
	}
	if c.Nonce == "" {
		c.Nonce = rand.Text()[:10]
	}
	if c.Random == [16]byte{} {
		copy(c.Random[:], rand.Text())
	}
	if c.ToUserName == "" {
		c.ToUserName = c.ReceiveID
	}
	encrypted, err = encryptCallback(c.EncodingAESKey, c.Random, c.Message, c.ReceiveID)
	if err != nil {
		return "", nil, err
	}
	return encrypted, url.Values{"timestamp": {c.Timestamp}, "nonce": {c.Nonce}}, nil
}

func (s *Server) sendCallback(ctx context.Context, method, address string, query url.Values, body io.Reader) (*CallbackAnswer, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("read the callback address: %w", err)
	}
	// The address may have a query of its own (corpid=$CORPID$).
	if target.RawQuery != "" {
		target.RawQuery += "&"
	}
	target.RawQuery += query.Encode()

	ctx, cancel := context.WithTimeout(ctx, callbackTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make the callback: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "text/xml")
	}
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	begun := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("push the callback: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxCallbackBody))
	if err != nil {
		return nil, fmt.Errorf("read the answer to the callback: %w", err)
	}
	return &CallbackAnswer{Status: response.StatusCode, Body: text, Took: time.Since(begun)}, nil
}

// openReply checks and decrypts a passive reply.
func openReply(c Callback, body []byte) ([]byte, error) {
	var reply struct {
		Encrypt      string
		MsgSignature string
		TimeStamp    string
		Nonce        string
	}
	if err := xml.Unmarshal(body, &reply); err != nil {
		return nil, errors.New("-40002: the reply is not XML")
	}
	if signCallback(c.Token, reply.TimeStamp, reply.Nonce, reply.Encrypt) != reply.MsgSignature {
		return nil, errSignature
	}
	return decryptCallback(c.EncodingAESKey, reply.Encrypt, c.ReceiveID)
}
