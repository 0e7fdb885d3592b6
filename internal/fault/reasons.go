package fault

// Reason explains one code, or one field of a request, in detail.
type Reason string

// Reasons about members of a request.
const (
	ReasonMissing   Reason = "missing"
	ReasonType      Reason = "type"
	ReasonUnknown   Reason = "unknown_member"
	ReasonDuplicate Reason = "duplicate_member"
	ReasonUTF8      Reason = "utf8"
	ReasonSyntax    Reason = "syntax"
	ReasonID        Reason = "id"
	ReasonCursor    Reason = "cursor"
	ReasonLimit     Reason = "limit"
	ReasonIfMatch   Reason = "if_match"
	ReasonEmpty     Reason = "empty"

	ReasonName     Reason = "name"
	ReasonCorpID   Reason = "corp_id"
	ReasonAgentID  Reason = "agent_id"
	ReasonSecret   Reason = "secret"
	ReasonStatus   Reason = "status"
	ReasonEmail    Reason = "email"
	ReasonPassword Reason = "password"

	ReasonCommonPassword   Reason = "password_common"
	ReasonBreachedPassword Reason = "password_breached"
	ReasonOneProof         Reason = "one_proof"

	ReasonSecretAge  Reason = "secret_age"
	ReasonActivateAt Reason = "activate_at"

	ReasonTooMany    Reason = "too_many"
	ReasonNoWildcard Reason = "no_wildcard"

	ReasonTenantFilter Reason = "tenant_filter"
	ReasonNow          Reason = "now"
	ReasonExportFormat Reason = "export_format"
	ReasonInstant      Reason = "instant"
)

// Reasons why WeCom refuses a secret that is being tried.
const (
	ReasonWrongSecret Reason = "wrong_secret"
	ReasonWrongCorp   Reason = "wrong_corp"
	ReasonWrongAgent  Reason = "wrong_agent"
	ReasonAppDisabled Reason = "app_disabled"
	ReasonIPRefused   Reason = "ip_refused"
	ReasonOther       Reason = "other"
)

// Reasons why a version of a secret cannot be moved.
const (
	ReasonSecretOver       Reason = "secret_over"
	ReasonSecretInUse      Reason = "secret_in_use"
	ReasonSecretNotRetired Reason = "secret_not_retired"
	ReasonSecretScheduled  Reason = "secret_not_pending"
)

// Reasons why no call is made although WeCom has set no limit yet.
const (
	ReasonOwnBudget  Reason = "own_budget"
	ReasonCorpBudget Reason = "corp_budget"
)

// ReasonBehind says why a node that does not hear of changes refuses a strict app.
const ReasonBehind Reason = "behind"

var reasons = map[Reason]Text{
	ReasonMissing:   {"缺少这一项。", "This member is missing."},
	ReasonType:      {"类型不对，应为 {want}。", "It has the wrong type; it should be {want}."},
	ReasonUnknown:   {"没有这一项。请删去它，或检查拼写。", "There is no such member. Remove it, or check its spelling."},
	ReasonDuplicate: {"这一项出现了两次。请只留一个。", "This member stands twice. Leave one."},
	ReasonUTF8:      {"不是有效的 UTF-8。", "It is not valid UTF-8."},
	ReasonSyntax:    {"不是完整的 JSON。", "It is not well-formed JSON."},
	ReasonID:        {"不是编号。应为小写带连字符的 UUID。", "It is no id. It should be a UUID in lower case with hyphens."},
	ReasonCursor:    {"不是上一页给出的 nextCursor。请从第一页重新开始。", "It is not a nextCursor of an earlier page. Begin again at the first page."},
	ReasonLimit:     {"应为 1 到 200 的整数。", "It should be a whole number from 1 to 200."},
	ReasonIfMatch:   {"应为读取时得到的 ETag，例如 \"3\"。", "It should be the ETag that you got when reading, such as \"3\"."},
	ReasonEmpty:     {"没有要修改的内容。", "There is nothing to change in it."},

	ReasonName:    {"应为 1 到 80 个字，不含控制字符和不可见字符。", "It should be 1 to 80 characters without control or invisible ones."},
	ReasonCorpID:  {"应为“我的企业 → 企业信息”中的企业ID（ww 开头，区分大小写）。", "It should be the corp id from 我的企业 → 企业信息 in WeCom (it begins with ww; case counts)."},
	ReasonAgentID: {"应为应用详情页中的 AgentId，1 到 10 位数字。", "It should be the AgentId from the app's page in WeCom, 1 to 10 digits."},
	ReasonSecret:  {"应为应用详情页中的 Secret，16 到 128 个字母、数字、- 和 _。", "It should be the Secret from the app's page in WeCom: 16 to 128 letters, digits, - and _."},
	ReasonStatus:  {"应为 active 或 suspended。", "It should be active or suspended."},

	ReasonTenantFilter: {"应为 active、suspended 或 leaving，或者不写。", "It should be active, suspended or leaving, or be left out."},
	ReasonExportFormat: {"只能是 jsonl 或 csv，或者不写。", "It can be jsonl or csv, or be left out."},
	ReasonInstant:      {"应为 RFC 3339 格式的时间，例如 2025-11-22T05:00:00Z。", "It should be a time as RFC 3339 has it, such as 2025-11-22T05:00:00Z."},
	ReasonNow:          {"只能是 true，或者不写。", "It can be true, or be left out."},

	ReasonEmail:    {"应为一个邮箱地址。", "It should be an e-mail address."},
	ReasonPassword: {"应为 12 到 256 个字节的 UTF-8 文本。", "It should be UTF-8 text of 12 to 256 bytes."},

	ReasonOneProof: {"请在 code、recoveryCode、passkey（再次验证时还有 password）中恰好给出一个。",
		"Give exactly one of code, recoveryCode and passkey (and password, where that is asked for)."},
	ReasonCommonPassword: {"这个密码太容易被猜到：它在常见密码之列，或由重复、连续的字符、你的邮箱构成。请换成几个不相干的词，或用密码管理器生成。",
		"It is too easily guessed: it is among the passwords that people choose, or made of repetitions, rows of keys or your address. Take some words that have nothing to do with each other, or let a password manager make one."},
	ReasonBreachedPassword: {"这个密码曾在别处泄露，出现在公开的泄露密码清单中，猜密码的人会先试它。请换一个；在别处用着同一个密码的话，也请在那里更换。",
		"It was given away somewhere and stands in a public list of such passwords, which guessers try first. Take another one, and change it wherever else you use it."},

	ReasonSecretAge:  {"应为 1 到 3650 的整数（天），或 0 表示不限。", "It should be a whole number of days from 1 to 3650, or 0 for no limit."},
	ReasonActivateAt: {"应为将来一年内的时间，例如 2026-03-01T22:00:00+08:00。", "It should be a time within the next year, such as 2026-03-01T22:00:00+08:00."},

	ReasonTooMany:    {"已经有 {max} 个，不能再多。请先删去不用的。", "There are {max} already, which is the most. Delete some that are not used."},
	ReasonNoWildcard: {"这里不能用通配符。请写一个完整的主机。", "A wildcard cannot stand here. Write one whole host."},

	ReasonWrongSecret:      {"密钥不对，或已在管理后台被重置。请在“应用详情 → Secret”重新获取。", "The secret is wrong or was reset. Copy it anew from the app's Secret in WeCom."},
	ReasonWrongCorp:        {"CorpID 不对，或密钥属于另一家企业。请对照“我的企业 → 企业信息”。", "The corp id is wrong, or the secret belongs to another corp. Compare it with 我的企业 → 企业信息."},
	ReasonWrongAgent:       {"AgentId 与密钥不属于同一个应用。请从同一个应用详情页复制两者。", "The agent id and the secret belong to different apps. Copy both from one app's page."},
	ReasonAppDisabled:      {"应用在企业微信中已停用。请先在管理后台启用它。", "The app is disabled in WeCom. Enable it there first."},
	ReasonIPRefused:        {"企业微信不允许平台的出口地址 {ip}。请把它加入应用详情的“企业可信IP”。", "WeCom refuses the platform's address {ip}. Add it under the app's trusted IPs (企业可信IP)."},
	ReasonSecretOver:       {"它已经停用。请把密钥作为新版本重新提交。", "It is over. Put the secret again, as a new version."},
	ReasonSecretInUse:      {"它正在使用。请先启用另一个版本；若要停止签名，请暂停应用。", "It is in use. Make another version current first; to stop signing, suspend the app."},
	ReasonSecretNotRetired: {"请先停用（retire）它，再销毁其值。", "Retire it first, then destroy its value."},
	ReasonSecretScheduled:  {"只有待启用的版本才能定时启用。", "Only a pending version can be given a time."},

	ReasonOwnBudget:  {"这是平台自设的预算：为避免企业微信把应用锁定一小时，本应用对这个接口的调用已暂停。", "This is the platform's own budget: the app's calls to this API wait, so that WeCom does not lock the app out for an hour."},
	ReasonCorpBudget: {"这是平台自设的预算：为避免企业微信把整个企业锁定一小时，这家企业的取票调用已暂停。", "This is the platform's own budget: the corp's ticket calls wait, so that WeCom does not lock the whole corp out for an hour."},
	ReasonBehind:     {"这个节点一个小时没有读到变更了，而这个应用要求在此时停止签名。", "This node has not heard of changes for an hour, and the app asks not to be signed for then."},
	ReasonOther:      {"请在企业微信的错误码页查询这个号码。", "Look the number up on WeCom's page of error codes."},
}

// Text gives the reason as a sentence.
func (r Reason) Text(lang Language, args Args) string { return reasons[r].In(lang, args) }

// Reasons lists every reason that has a text, in no particular order.
func Reasons() []Reason {
	list := make([]Reason, 0, len(reasons))
	for r := range reasons {
		list = append(list, r)
	}
	return list
}
