package fault

// What is said about coming in from the sign-in provider.
const (
	OIDCNotConfigured Code = "oidc.not_configured"
	OIDCUnavailable   Code = "oidc.unavailable"
	OIDCRefused       Code = "oidc.refused"
)

var _ = includeCodes(map[Code]row{
	OIDCNotConfigured: {NotFound,
		Text{"没有设置统一登录", "No sign-in provider is set up"},
		Text{"这个平台没有设置统一登录。请用密码或通行密钥登录。",
			"This platform has no sign-in provider. Sign in with a password or a passkey."}},
	OIDCUnavailable: {Unavailable,
		Text{"统一登录暂时不可用", "The sign-in provider does not answer"},
		Text{"统一登录的服务没有正常应答。请稍后再试，或用密码、通行密钥登录。",
			"The sign-in provider does not answer as it should. Try again in a moment, or sign in with a password or a passkey."}},
	OIDCRefused: {Unauthenticated,
		Text{"统一登录未被接受", "This sign-in is not accepted"},
		Text{"统一登录返回的身份不能登录这个控制台：它只供平台的人员使用，首次登录时邮箱须已验证并与平台成员一致。请换一个账号，或请平台所有者查看审计记录里的原因。",
			"Who the provider says you are cannot sign in here: it is for the platform's own people, and the first time with a verified e-mail address that is theirs here. Use another account, or ask an owner of the platform for the reason, which is in the audit."}},
})
