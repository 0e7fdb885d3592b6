package fault

import "time"

// What is said about members, invitations and resets.
const (
	MemberLastOwner        Code = "member.last_owner"
	InvitationUnknown      Code = "invitation.unknown"
	InvitationUsed         Code = "invitation.used"
	InvitationExpired      Code = "invitation.expired"
	InvitationRevoked      Code = "invitation.revoked"
	InvitationMemberExists Code = "invitation.member_exists"
	InvitationOtherMember  Code = "invitation.other_member"
	ResetUnknown           Code = "reset.unknown"
	ResetUsed              Code = "reset.used"
	ResetExpired           Code = "reset.expired"
	ResetRevoked           Code = "reset.revoked"
	MailNotConfigured      Code = "mail.not_configured"

	ReasonTenantRole     Reason = "tenant_role"
	ReasonPlatformRole   Reason = "platform_role"
	ReasonBelongsBeyond  Reason = "belongs_beyond"
	ReasonOfThePlatform  Reason = "of_the_platform"
	ReasonNoLongerAllows Reason = "no_longer_allowed"
	ReasonMakerMayNot    Reason = "maker_may_not"
)

// At fills {at} with a moment.
func At(t time.Time) Args { return Args{"at": t.UTC().Format("2006-01-02 15:04 UTC")} }

var _ = includeCodes(map[Code]row{
	MemberLastOwner: {Conflict,
		Text{"这是最后一位所有者", "The last owner"},
		Text{"这是最后一位所有者，不能移除，也不能改成别的角色。请先让另一位成员成为所有者。",
			"This is the last owner, who can be neither removed nor given another role. Make somebody else an owner first."}},
	InvitationUnknown: {NotFound,
		Text{"没有这个邀请", "No such invitation"},
		Text{"这个邀请不存在，或者链接不完整。请从邮件或消息中完整复制，或请邀请人重新邀请。",
			"There is no such invitation, or the link is cut. Copy it whole from the message, or ask to be invited anew."}},
	InvitationUsed: {Gone,
		Text{"邀请已使用", "Invitation used already"},
		Text{"这个邀请已在 {at} 用过，请直接登录。若不是你本人接受的，请立即联系邀请人。",
			"This invitation was accepted at {at}: sign in. If that was not you, tell who invited you at once."}},
	InvitationExpired: {Gone,
		Text{"邀请已过期", "Invitation expired"},
		Text{"这个邀请已在 {at} 过期（有效期 72 小时）。请邀请人重新邀请。",
			"This invitation expired at {at} (it is good for 72 hours). Ask to be invited anew."}},
	InvitationRevoked: {Gone,
		Text{"邀请已撤销", "Invitation taken back"},
		Text{"这个邀请已在 {at} 撤销，或被一个新的邀请取代。请使用最新的邀请，或请邀请人重新邀请。",
			"This invitation was taken back at {at}, or a newer one took its place. Use the newest, or ask to be invited anew."}},
	InvitationMemberExists: {Conflict,
		Text{"这个邮箱已有账号", "There is an account already"},
		Text{"被邀请的邮箱已经有账号。请先用该邮箱登录，再打开这个邀请；邀请仍然有效，密码没有改变。",
			"The invited e-mail address has an account already. Sign in with it, then open the invitation again: it is still good, and the password is as it was."}},
	InvitationOtherMember: {Conflict,
		Text{"邀请属于另一个邮箱", "Invitation for somebody else"},
		Text{"这个邀请发给了另一个邮箱，而你现在用别的账号登录。请先退出，再用被邀请的邮箱打开它；邀请仍然有效。",
			"This invitation is for another e-mail address than the one you are signed in with. Sign out first, then open it as that person: it is still good."}},
	ResetUnknown: {NotFound,
		Text{"没有这个重置链接", "No such reset link"},
		Text{"这个链接不存在，或者不完整。请从邮件或消息中完整复制，或重新申请一个。",
			"There is no such link, or it is cut. Copy it whole from the message, or ask for a new one."}},
	ResetUsed: {Gone,
		Text{"重置链接已使用", "Reset link used already"},
		Text{"这个链接已在 {at} 用过，请用新密码登录。若不是你本人，请立即联系管理员。",
			"This link was used at {at}: sign in with the new password. If that was not you, tell an administrator at once."}},
	ResetExpired: {Gone,
		Text{"重置链接已过期", "Reset link expired"},
		Text{"这个链接已在 {at} 过期（有效期 24 小时）。请重新申请一个。",
			"This link expired at {at} (it is good for 24 hours). Ask for a new one."}},
	ResetRevoked: {Gone,
		Text{"重置链接已失效", "Reset link no longer good"},
		Text{"这个链接已在 {at} 失效，或被一个新的链接取代。请使用最新的链接，或重新申请一个。",
			"This link is no longer good since {at}, or a newer one took its place. Use the newest, or ask for a new one."}},
	MailNotConfigured: {NotFound,
		Text{"没有设置邮件", "No mail is set up"},
		Text{"这个平台没有设置邮件发送。忘记密码时，请联系你的管理员取得一个重置链接。",
			"This platform sends no mail. If you have forgotten your password, ask your administrator for a reset link."}},
})

var _ = include(map[Reason]Text{
	ReasonTenantRole:     {"应为 tenant_owner、tenant_admin 或 tenant_viewer。", "It should be tenant_owner, tenant_admin or tenant_viewer."},
	ReasonPlatformRole:   {"应为 platform_owner、platform_operator 或 platform_auditor。", "It should be platform_owner, platform_operator or platform_auditor."},
	ReasonBelongsBeyond:  {"这位成员还属于别的企业或平台，他的密码只能由平台运营方重置。", "This member also belongs to another tenant or to the platform, whose operators alone can make the link."},
	ReasonOfThePlatform:  {"这位成员在平台上有角色，他的密码只能由平台所有者重置。", "This member has a role on the platform, and an owner of the platform alone can make the link."},
	ReasonNoLongerAllows: {"这位成员在此期间加入了别的企业或平台。", "The member has joined another tenant or the platform meanwhile."},
	ReasonMakerMayNot:    {"生成这个链接的人已不再有这个权限。", "Who made the link may not make it any more."},
})
