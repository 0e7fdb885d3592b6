package fault

// What whoever has, makes or needs an API key may be told.
const (
	APIKeyRequired Code = "api_key.required"
	APIKeyRefused  Code = "api_key.refused"
	APIKeyUnknown  Code = "api_key.unknown"
	APIKeyOver     Code = "api_key.over"
	APIKeyRotating Code = "api_key.rotating"

	ReasonScope        Reason = "scope"
	ReasonScopeNotHeld Reason = "scope_not_held"
	ReasonKeyDays      Reason = "api_key_days"
	ReasonKeyApp       Reason = "api_key_app"
	ReasonOverlap      Reason = "overlap"
)

var _ = includeCodes(map[Code]row{
	APIKeyRequired: {Unauthenticated,
		Text{"需要 API 密钥", "API key required"},
		Text{"这个应用只为服务器签名。请把有 pages.sign 权限的 API 密钥（以 signet_ 开头）作为 Bearer 放进 Authorization 头。",
			"This app signs for servers only. Send an API key with the scope pages.sign (it begins with signet_) as Authorization: Bearer."}},
	APIKeyRefused: {Unauthenticated,
		Text{"API 密钥不被接受", "API key refused"},
		Text{"这个 API 密钥不能为这个应用签名：可能写错、已过期、已撤销、没有 pages.sign 权限，或属于别的企业或应用。请在控制台查看。",
			"This API key does not sign for this app: it may be mistyped, expired, revoked, without the scope pages.sign, or another tenant's or app's. Look it up in the console."}},
	APIKeyUnknown: {NotFound,
		Text{"没有这个 API 密钥", "No such API key"},
		Text{"这家企业没有这个编号的 API 密钥。请刷新列表后再试。",
			"This tenant has no API key with this id. Reload the list and try again."}},
	APIKeyOver: {Conflict,
		Text{"API 密钥已失效", "API key is over"},
		Text{"这个 API 密钥已过期、已撤销或已被替换，不能轮换。请新建一个。",
			"This API key has expired, was revoked or was replaced, and cannot be rotated. Make a new one."}},
	APIKeyRotating: {Conflict,
		Text{"API 密钥正在轮换", "API key is being rotated"},
		Text{"旧密钥和新密钥还在并行使用。请等并行期结束，或先撤销旧密钥（{old}），再轮换。",
			"The old key and its successor are both in use yet. Wait until the overlap ends, or revoke the old one ({old}) first, then rotate."}},
})

var _ = include(map[Reason]Text{
	ReasonScope:        {"这不是 API 密钥能有的权限。可用的见接口文档。", "That is no scope of an API key. The API document lists them."},
	ReasonScopeNotHeld: {"你自己没有 {scope}，不能给密钥。", "You do not hold {scope} yourself, so you cannot give it to a key."},
	ReasonKeyDays:      {"应为 1 到 366 的整数（天）。", "It should be a whole number of days from 1 to 366."},
	ReasonKeyApp:       {"只有仅含 pages.sign 的密钥才能限定到一个应用。", "Only a key whose one scope is pages.sign can be bound to an app."},
	ReasonOverlap:      {"应为 0 到 168 的整数（小时）。", "It should be a whole number of hours from 0 to 168."},
})
