package fault

// What the HTTP edge alone may have to say.
const (
	RequestTimeout Code = "request.timeout"
	RequestForeign Code = "request.foreign_origin"

	ReasonURLEscape Reason = "url_escape"
	ReasonEscape    Reason = "escape"
	ReasonDepth     Reason = "depth"
	ReasonRepeated  Reason = "repeated"
	ReasonCheck     Reason = "check"
	ReasonLater     Reason = "later"
	ReasonDays      Reason = "days"
)

var _ = includeCodes(map[Code]row{
	RequestTimeout: {TimedOut,
		Text{"请求没有按时到齐", "Request took too long to arrive"},
		Text{"请求没有在规定的时间内完整到达。请检查网络后再试。",
			"The request did not arrive whole in the time allowed. Check the connection and try again."}},
	RequestForeign: {Forbidden,
		Text{"请求来自别的网站", "Request comes from another site"},
		Text{"这个操作只能从控制台自己的页面发起。请打开控制台再试。",
			"This can only be asked for by the console's own pages. Open the console and try again."}},
})

var _ = include(map[Reason]Text{
	ReasonURLEscape: {"url 参数里的百分号编码不完整（% 后应为两位十六进制数）。请用 encodeURIComponent 编码一次。", "The percent-encoding of url is broken (two hexadecimal digits should follow each %). Encode it once with encodeURIComponent."},
	ReasonEscape:    {"百分号编码不完整（% 后应为两位十六进制数）。", "Its percent-encoding is broken (two hexadecimal digits should follow each %)."},
	ReasonDepth:     {"嵌套太深。", "It is nested too deeply."},
	ReasonRepeated:  {"出现了不止一次。请只留一个。", "It stands there more than once. Leave one."},
	ReasonCheck:     {"只能是 skip，或者不写。", "It can be skip, or be left out."},
	ReasonDays:      {"应为 0 到 3650 的整数（天）。", "It should be a whole number of days from 0 to 3650."},
	ReasonLater:     {"只能是 later，或者不写。", "It can be later, or be left out."},
})

func includeCodes(more map[Code]row) int { //nolint:unparam // as include
	for code, r := range more {
		catalogue[code] = r
	}
	return len(more)
}
