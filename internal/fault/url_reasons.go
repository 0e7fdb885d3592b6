package fault

// Reasons about a host name or a port, wherever it was met: in the address of
// a page and in a trusted domain as it was entered.
const (
	ReasonHostMissing    Reason = "host_missing"
	ReasonHostCase       Reason = "host_case"
	ReasonHostCharacter  Reason = "host_character"
	ReasonHostIP         Reason = "host_ip"
	ReasonHostSingle     Reason = "host_single_label"
	ReasonHostEmptyLabel Reason = "host_empty_label"
	ReasonHostFinalDot   Reason = "host_final_dot"
	ReasonHostLongLabel  Reason = "host_long_label"
	ReasonHostLong       Reason = "host_long"
	ReasonPort           Reason = "port"
	ReasonPortEmpty      Reason = "port_empty"
	ReasonPortDefault    Reason = "port_default"
)

// Reasons why the address of a page is none that a browser reports.
const (
	ReasonURLLong        Reason = "url_long"
	ReasonURLBlank       Reason = "url_blank"
	ReasonURLNotASCII    Reason = "url_not_ascii"
	ReasonURLEncoded     Reason = "url_encoded"
	ReasonURLScheme      Reason = "url_scheme"
	ReasonURLSchemeCase  Reason = "url_scheme_case"
	ReasonURLHTTP        Reason = "url_http"
	ReasonURLSlashes     Reason = "url_slashes"
	ReasonURLPathMissing Reason = "url_path_missing"
	ReasonURLUserinfo    Reason = "url_userinfo"
	ReasonURLBackslash   Reason = "url_backslash"
	ReasonURLHostPercent Reason = "url_host_percent"
	ReasonURLDotSegment  Reason = "url_dot_segment"
)

// Reasons why a trusted domain is not taken as it was entered.
const (
	ReasonDomainScheme         Reason = "domain_scheme"
	ReasonDomainUserinfo       Reason = "domain_userinfo"
	ReasonDomainPath           Reason = "domain_path"
	ReasonDomainBlank          Reason = "domain_blank"
	ReasonDomainIDN            Reason = "domain_idn"
	ReasonDomainWildcard       Reason = "domain_wildcard"
	ReasonDomainSuffix         Reason = "domain_public_suffix"
	ReasonDomainWildcardSuffix Reason = "domain_wildcard_public_suffix"
)

var urlReasons = map[Reason]Text{
	ReasonHostMissing:    {"缺少主机名。应形如 crm.example.com。", "The host is missing. It should look like crm.example.com."},
	ReasonHostCase:       {"主机名里有大写字母。浏览器总是写成小写；请原样传 location.href，不要自己拼接。", "The host has upper-case letters. A browser always writes it in lower case; send location.href untouched instead of building the address."},
	ReasonHostCharacter:  {"主机名里有不允许的字符 {character}。只能用小写字母、数字、连字符和点（均为半角）。", "The host has a character that cannot stand there: {character}. Use letters a to z, digits, hyphens and dots only."},
	ReasonHostIP:         {"主机不能是 IP 地址，也不能是会被读成 IP 的写法（最后一段不以字母开头）。请使用域名。", "The host must not be an IP address, nor read as one (its last label does not begin with a letter). Use a domain name."},
	ReasonHostSingle:     {"主机名至少要有两段，如 crm.example.com；localhost 这样的单段名不行。请使用完整域名。", "A host needs two labels at least, as in crm.example.com; a single one such as localhost will not do. Use the full domain name."},
	ReasonHostEmptyLabel: {"主机名里有空的一段（以点开头，或两个点相连）。请去掉多余的点。", "The host has an empty label (it begins with a dot, or two dots touch). Remove the extra dot."},
	ReasonHostFinalDot:   {"主机名以点结尾。请去掉最后的点；页面也要用不带点的地址打开。", "The host ends in a dot. Remove it, and open the page at the address without it."},
	ReasonHostLongLabel:  {"主机名里有一段超过 63 个字符。请缩短它（中文域名按 xn-- 写法计算）。", "A label of the host is longer than 63 characters. Shorten it (the xn-- form counts)."},
	ReasonHostLong:       {"主机名超过 253 个字符。请缩短它（中文域名按 xn-- 写法计算）。", "The host is longer than 253 characters. Shorten it (the xn-- form counts)."},
	ReasonPort:           {"端口不对。应为 1 到 65535 的数字，不带前导零，只写一次。", "The port is not right. It should be a number from 1 to 65535 without leading zeros, written once."},
	ReasonPortEmpty:      {"冒号后面没有端口。请写上端口，或去掉冒号。", "There is no port behind the colon. Write the port, or remove the colon."},
	ReasonPortDefault:    {"{port} 是默认端口，浏览器给出的地址里不会有。请去掉 :{port}。", "{port} is the default port, which a browser leaves out. Remove :{port}."},

	ReasonURLLong:        {"地址超过 {max} 个字节。请传 location.href.split('#')[0]；仍然过长时请缩短页面的查询参数。", "The address is longer than {max} bytes. Send location.href.split('#')[0]; if it is still too long, shorten the page's query."},
	ReasonURLBlank:       {"第 {at} 个字节是空白或控制字符。两端多了空白，或页面用 decodeURI 解码过；请原样传 location.href。", "Byte {at} is a blank or a control character. There is a blank round the address, or the page decoded it with decodeURI: send location.href untouched."},
	ReasonURLNotASCII:    {"第 {at} 个字节起有非 ASCII 字符（如汉字）。浏览器会写成 %E4… 或 xn--…，多半是页面用 decodeURI 解码过；请原样传 location.href。", "From byte {at} on there is a character outside ASCII. A browser writes %E4… or xn--… there; you probably decoded it: send location.href untouched."},
	ReasonURLEncoded:     {"地址仍带着一层百分号编码。放在查询参数里时只用 encodeURIComponent 编码一次；放在 JSON 里时不要编码。", "The address is still percent-encoded. In a query encode it once with encodeURIComponent; in JSON do not encode it at all."},
	ReasonURLScheme:      {"地址应以 https:// 开头。请传完整的 location.href，不要只传主机或路径。", "The address should begin with https://. Send the whole of location.href, not the host or the path alone."},
	ReasonURLSchemeCase:  {"地址开头的协议名里有大写字母。浏览器总是写成小写；请原样传 location.href。", "The scheme has upper-case letters. A browser always writes it in lower case: send location.href untouched."},
	ReasonURLHTTP:        {"页面用的是 http://，而这个应用只签 https:// 的页面。请用 https 打开页面，或请管理员在控制台为这个应用允许 http。", "The page is on http://, and this app signs pages on https:// only. Open the page over https, or have an administrator allow http for the app in the console."},
	ReasonURLSlashes:     {"协议名的冒号后面应恰好是两个正斜杠。请原样传 location.href。", "Exactly two forward slashes should follow the scheme. Send location.href untouched."},
	ReasonURLPathMissing: {"主机后面缺少 /。浏览器总会写上它（https://crm.example.com/）；请原样传 location.href。", "The / behind the host is missing. A browser always writes it (https://crm.example.com/): send location.href untouched."},
	ReasonURLUserinfo:    {"主机前面有用户名或密码（@ 之前的部分）。请用不带它们的地址打开页面。", "A user name or password stands before the host (what comes before the @). Open the page at an address without it."},
	ReasonURLBackslash:   {"主机或路径里有反斜杠。浏览器会写成 /；请原样传 location.href。", "There is a backslash in the host or the path. A browser writes / there: send location.href untouched."},
	ReasonURLHostPercent: {"主机名里有百分号。浏览器给出的主机名已经解码；请原样传 location.href，不要再编码。", "There is a percent sign in the host. A browser reports the host decoded: send location.href untouched, without encoding it again."},
	ReasonURLDotSegment:  {"路径里有 . 或 .. 这样的一段（包括 %2e 的写法）。浏览器会先化简路径；请原样传 location.href。", "The path has a segment that reads . or .. (also as %2e). A browser resolves it first: send location.href untouched."},

	ReasonDomainScheme:         {"只填主机名，不要带 https:// 这样的开头。", "Enter only the host, without https:// before it."},
	ReasonDomainUserinfo:       {"只填主机名，不要带用户名、密码和 @。", "Enter only the host, without a user name, a password or an @."},
	ReasonDomainPath:           {"只填主机名，不要带 / 及其后的路径、查询或片段。", "Enter only the host, without a path, query or fragment behind it."},
	ReasonDomainBlank:          {"主机名中间有空白或控制字符。请删去；一次只填一个主机名。", "There is a blank or a control character in the host. Remove it; enter one host at a time."},
	ReasonDomainIDN:            {"这个名称不是有效的国际化域名。请检查拼写，或填写它的 xn-- 写法。", "This is not a valid internationalised domain name. Check its spelling, or enter its xn-- form."},
	ReasonDomainWildcard:       {"星号只能是完整的第一段，如 *.example.com。", "An asterisk can only be the whole first label, as in *.example.com."},
	ReasonDomainSuffix:         {"{suffix} 是公共后缀，不属于任何一家企业。请在它前面写上自己的域名。", "{suffix} is a public suffix and belongs to nobody. Enter the full host, with a name of your own before it."},
	ReasonDomainWildcardSuffix: {"*.{suffix} 会信任公共后缀 {suffix} 下所有人的网站。请在星号后写上自己的域名。", "*.{suffix} would trust everybody's sites under the public suffix {suffix}. Put a domain of your own behind the asterisk."},
}

// They stand in the one table of reasons as soon as that table exists: the
// reference to it inside include orders the two.
var _ = include(urlReasons)

func include(more map[Reason]Text) int { //nolint:unparam // a variable needs some value to be set to
	for reason, text := range more {
		reasons[reason] = text
	}
	return len(more)
}
