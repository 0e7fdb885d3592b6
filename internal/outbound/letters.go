package outbound

import (
	"html/template"
	"strings"
	"time"

	"signet/internal/core"
)

// written is a letter in words: Chinese first, then English, since nobody has said
// which of the two they read.
type written struct{ subject, plain, html string }

// paragraphs of a letter, and what one can do: an address, or "".
type paragraphs struct {
	Chinese, English []string
	Address          string
}

// page is the one form of a letter in HTML: text, one link, nothing that is fetched.
var page = template.Must(template.New("letter").Parse(`<!doctype html>
<html><head><meta charset="utf-8"></head>
<body style="font-family:sans-serif;font-size:15px;line-height:1.6;color:#1f1f1f">
{{range .Chinese}}<p>{{.}}</p>
{{end}}{{if .Address}}<p><a href="{{.Address}}">{{.Address}}</a></p>
{{end}}<hr style="border:0;border-top:1px solid #d9d9d9">
{{range .English}}<p lang="en">{{.}}</p>
{{end}}</body></html>
`))

func (p paragraphs) written(subject string) written {
	var html strings.Builder
	if err := page.Execute(&html, p); err != nil {
		panic("the form of letters: " + err.Error()) // it is a constant, and so are its fields
	}
	parts := append([]string{}, p.Chinese...)
	if p.Address != "" {
		parts = append(parts, p.Address)
	}
	parts = append(append(parts, "--------"), p.English...)
	return written{subject: subject, plain: strings.Join(parts, "\n\n") + "\n", html: html.String()}
}

func (m *Mail) write(l core.Letter) envelope {
	at := l.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC")
	p := paragraphs{Address: l.Link.Address(m.cfg.ConsoleURL).Expose()}
	subject := ""
	switch l.Kind {
	case core.InvitationLetter:
		subject = "邀请你使用 Signet 控制台 / You are invited to Signet"
		zh, en := "平台", "the platform"
		if l.TenantName != "" {
			zh, en = "企业“"+oneLine(l.TenantName)+"”", "“"+oneLine(l.TenantName)+"”"
		}
		p.Chinese = []string{
			oneLine(l.MadeBy) + " 邀请你加入" + zh + "，角色是" + roleNames[l.Role].chinese + "。",
			"请打开下面的链接接受邀请。链接只能使用一次，" + at + " 前有效；不要转发给别人。",
		}
		p.English = []string{
			oneLine(l.MadeBy) + " invites you to " + en + " as " + roleNames[l.Role].english + ".",
			"Open the link above to accept. It works once, until " + at + "; do not pass it on.",
			"If you do not know what this is about, do nothing.",
		}
	case core.ResetLetter, core.ForgottenLetter:
		subject = "重新设置 Signet 密码 / Choose a new password for Signet"
		zh, en := "管理员为你生成了一个重置密码的链接。", "An administrator has made a link for you to choose a new password."
		if l.Kind == core.ForgottenLetter {
			zh, en = "有人（应该是你本人）说忘记了这个邮箱的密码。", "Somebody, presumably you, says that the password of this address is forgotten."
		}
		p.Chinese = []string{zh, "请打开下面的链接设置新密码。链接只能使用一次，" + at + " 前有效；不要转发给别人。若与你无关，不用理会，密码不会改变。"}
		p.English = []string{en, "Open the link above to choose a new one. It works once, until " + at + "; do not pass it on. If this is nothing to you, do nothing: the password stays as it is."}
	}
	return envelope{kind: string(l.Kind), to: l.To, text: p.written(subject)}
}

// words are something in both languages.
type words struct{ chinese, english string }

var roleNames = map[core.Role]words{
	core.PlatformOwner:    {"平台所有者", "an owner of the platform"},
	core.PlatformOperator: {"平台运营", "an operator of the platform"},
	core.PlatformAuditor:  {"平台审计", "an auditor of the platform"},
	core.TenantOwner:      {"所有者", "an owner"},
	core.TenantAdmin:      {"管理员", "an administrator"},
	core.TenantViewer:     {"只读成员", "a reader"},
}

var noticeWords = map[core.NoticeKind]words{
	core.PasswordNotice:      {"你的密码已更改", "your password was changed"},
	core.FactorAddedNotice:   {"你的账号增加了一种验证方式", "a second factor or passkey was added to your account"},
	core.FactorRemovedNotice: {"你的账号移除了一种验证方式", "a second factor or passkey was removed from your account"},
	core.NewDeviceNotice:     {"你的账号在一台新设备上登录", "your account was signed in to from a device that is new"},
}

// chinaTime is the zone of those who read the Chinese half. China keeps one, without
// summer time.
var chinaTime = time.FixedZone("UTC+8", 8*60*60)

// writeNotice writes a notice. What the browser calls itself is anybody's to choose,
// so it is read and not repeated.
func (m *Mail) writeNotice(n core.Notice) envelope {
	w, browser := noticeWords[n.Kind], browserOf(n.Agent)
	from := words{}
	if n.Client != "" {
		from = words{"来自：" + oneLine(n.Client) + "，" + browser.chinese + "。", " From: " + oneLine(n.Client) + ", " + browser.english + "."}
	}
	p := paragraphs{
		Chinese: []string{
			w.chinese + "。",
			"时间：" + n.At.In(chinaTime).Format("2006-01-02 15:04") + "（北京时间）。" + from.chinese,
			"如果不是你本人操作，请立即登录控制台更改密码、结束其他会话，并告诉管理员。",
		},
		English: []string{
			strings.ToUpper(w.english[:1]) + w.english[1:] + ".",
			"When: " + n.At.UTC().Format("2006-01-02 15:04 UTC") + "." + from.english,
			"If that was not you, sign in to the console now, change your password, end the other sessions, and tell an administrator.",
		},
	}
	return envelope{kind: string(n.Kind), to: n.To, text: p.written("Signet：" + w.chinese + " / Signet: " + w.english)}
}

// browserOf names a browser and its system in words of our own.
func browserOf(agent string) words {
	find := func(list [][2]string) string {
		for _, row := range list {
			if strings.Contains(agent, row[0]) {
				return row[1]
			}
		}
		return ""
	}
	// In this order: each pretends to be those below it.
	browser := find([][2]string{{"wxwork/", "WeCom"}, {"MicroMessenger/", "WeChat"}, {"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}})
	system := find([][2]string{{"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iOS"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}})
	switch {
	case browser == "":
		return words{"未知的浏览器", "a browser that is not known"}
	case system == "":
		return words{browser, browser}
	}
	return words{browser + "（" + system + "）", browser + " on " + system}
}
