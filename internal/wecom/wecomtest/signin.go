package wecomtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"signet/internal/core"
)

// The page on which a person confirms that they sign in to somebody's console
// (protocol notes 1.7). The real one is on a host of its own.
const (
	LoginPath   = "/wwlogin/sso/login"
	confirmPath = "/wwlogin/sso/confirm"
)

// codeLife is how long a code waits to be used (protocol notes 1.7).
const codeLife = 5 * time.Minute

// Outsider is who confirms and is nobody of the corp: the code tells an openid.
const Outsider = "outsider"

// signInCode is a code that was given, and for whom.
type signInCode struct {
	corp  core.CorpID
	agent core.AgentID
	user  string
	end   time.Time
	used  bool
}

var stateForm = regexp.MustCompile(`^[a-zA-Z0-9]{0,128}$`)

// signInRequest is what the address of the page says.
type signInRequest struct {
	Corp, Agent, Redirect, State string
	app                          App
}

// readSignIn reads the address of the page, or says in the words of the page what is
// wrong with it.
func (s *Server) readSignIn(query url.Values) (r signInRequest, wrong string) {
	r = signInRequest{Corp: query.Get("appid"), Agent: query.Get("agentid"), Redirect: query.Get("redirect_uri"), State: query.Get("state")}
	s.mu.Lock()
	defer s.mu.Unlock()
	if query.Get("login_type") != "CorpApp" {
		return r, "login_type 参数错误"
	}
	found := s.credentials(core.CorpID(r.Corp), core.AgentID(r.Agent))
	if len(found) == 0 {
		return r, "应用不存在（appid 或 agentid 错误）"
	}
	r.app = found[len(found)-1].app
	switch {
	case r.app.Closed:
		return r, "应用已停用（50003）"
	case !stateForm.MatchString(r.State):
		return r, "state 只能是 128 字节以内的字母和数字（84025）"
	case !DomainExact.Trusts(r.app.RedirectDomain, r.Redirect):
		return r, "redirect_uri 与应用的授权回调域不一致（50001）"
	}
	return r, ""
}

var signInPage = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>企业微信登录（模拟）</title>
<h1>企业微信登录（模拟）</h1>
<p>{{.App}} 申请确认您的身份。真实环境里在这里扫码；模拟环境请直接选择是谁。</p>
<form method="post" action="` + confirmPath + `?{{.Query}}">
{{range $i, $user := .People}}<p><label><input type="radio" name="user" value="{{$user}}"{{if eq $i 0}} checked{{end}}> {{$user}}</label></p>
{{end}}<p><label><input type="radio" name="user" value="` + Outsider + `"> 企业外的人</label></p>
<p><button name="do" value="confirm">确认登录</button> <button name="do" value="cancel">取消</button></p>
</form>
`))

var signInError = template.Must(template.New("error").Parse(`<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>企业微信登录（模拟）</title>
<h1>无法登录</h1>
<p>{{.}}</p>
`))

// serveSignIn shows the page, or takes what was chosen on it.
func (s *Server) serveSignIn(w http.ResponseWriter, r *http.Request) {
	asked, wrong := s.readSignIn(r.URL.Query())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if wrong != "" {
		w.WriteHeader(http.StatusBadRequest)
		_ = signInError.Execute(w, wrong)
		return
	}
	if r.URL.Path == LoginPath {
		_ = signInPage.Execute(w, map[string]any{"App": asked.app.Name, "People": asked.app.People, "Query": template.URL(r.URL.RawQuery)}) //nolint:gosec // our own address, checked
		return
	}
	answer := url.Values{"state": {asked.State}}
	if r.PostFormValue("do") == "confirm" {
		code, ok := s.giveCode(asked, r.PostFormValue("user"))
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			_ = signInError.Execute(w, "没有这个成员")
			return
		}
		answer.Set("code", code)
	}
	target, _ := url.Parse(asked.Redirect) // read before
	query := target.Query()
	for name, values := range answer {
		query[name] = values
	}
	target.RawQuery = query.Encode()
	http.Redirect(w, r, target.String(), http.StatusFound)
}

// giveCode draws a code for a person of the app's corp, or for an outsider.
func (s *Server) giveCode(asked signInRequest, user string) (string, bool) {
	if user != Outsider && !slices.Contains(asked.app.People, user) {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	code := rand.Text() + rand.Text()
	s.codes[code] = &signInCode{corp: core.CorpID(asked.Corp), agent: core.AgentID(asked.Agent), user: user, end: s.cfg.Clock().Add(codeLife)}
	return code, true
}

// showUser answers auth/getuserinfo: a code is good once, for the app that it was
// given for, and five minutes long.
func (s *Server) showUser(req *request) reply {
	if refusal := closedApp(req.by); refusal != errcodeOK {
		return reply{errcode: refusal}
	}
	code := s.codes[req.query.Get("code")]
	if code == nil || code.used || !req.now.Before(code.end) || code.corp != req.by.app.Corp || code.agent != req.by.app.Agent {
		return reply{errcode: errcodeBadCode}
	}
	code.used = true
	if code.user == Outsider {
		return reply{members: []member{{"openid", "o" + rand.Text()}}}
	}
	return reply{members: []member{{"userid", code.user}}}
}

// Confirm does what a person does on the page at that address: it confirms as user, or
// cancels where user is "". It gives the address to which WeCom then sends the
// browser.
func Confirm(ctx context.Context, page, user string) (back string, err error) {
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if _, err := send(ctx, client, http.MethodGet, page, ""); err != nil {
		return "", err
	}
	form := url.Values{"do": {"confirm"}, "user": {user}}
	if user == "" {
		form = url.Values{"do": {"cancel"}}
	}
	return send(ctx, client, http.MethodPost, strings.Replace(page, LoginPath, confirmPath, 1), form.Encode())
}

var errPage = errors.New("the page of the fake WeCom refuses")

func send(ctx context.Context, client *http.Client, method, address, form string) (location string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%w: %s", errPage, text)
	}
	return response.Header.Get("Location"), err
}
