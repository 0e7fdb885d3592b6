/** The main language. Its shape is the type that every other language satisfies. */
export const zhCN = {
  title: '印信 Signet',
  brand: '印信 Signet',
  switchLanguage: '切换语言',
  motto: '一枚印，替每一家企业只签该签的页面',
  command: {
    copy: '复制命令',
    copied: '已复制',
    selected: '已选中，按 Ctrl+C 复制',
  },
  intake: {
    title: '提交应用 Secret · 印信',
    reading: '正在读取链接…',
    heading: '提交应用 Secret',
    lead: '请把下面这个应用在企业微信中的 Secret 直接交给平台。它会被加密保存，不再显示给任何人，包括发给你链接的人。',
    facts: {
      tenant: '企业',
      app: '应用',
      corp: '企业ID',
      agent: 'AgentId',
      until: '链接有效至',
    },
    where: {
      heading: '在哪里找到 Secret',
      open: '登录企业微信管理后台，打开“<wecom>{{apps}}</wecom>”，点开 AgentId 为 <code>{{agent}}</code> 的应用。',
      view: '在 Secret 一行点“<wecom>{{view}}</wecom>”，企业微信会把它发到你的手机上。',
      reset: '只在需要更换时点“<wecom>{{reset}}</wecom>”：旧的 Secret 当即失效，请马上把新的填在下面。',
    },
    field: 'Secret',
    fieldHint: '直接粘贴即可，前后的空格会自动去掉。',
    show: '显示',
    hide: '隐藏',
    empty: '请先粘贴 Secret。',
    submit: '提交 Secret',
    trying: '正在试用…',
    wait: '正在用它向企业微信取凭证，最多 30 秒。请不要关闭这一页。',
    current: {
      heading: 'Secret 已启用',
      text: '企业微信接受了它，应用的页面继续正常使用。这个链接已经用完，可以关闭这一页了。',
    },
    pending: {
      heading: 'Secret 已保存，稍后自动试用',
      text: '企业微信此刻没有给出结果。平台会自动再试，被接受后立即启用，你不需要再做什么。在那之前请不要再重置它。',
    },
    missing: {
      heading: '请重新打开收到的链接',
      text: '这一页需要链接中“#”之后的内容，现在没有。请回到邮件或消息，点开完整的链接。',
    },
    unreachable: {
      heading: '没有连上平台',
      text: '没有收到平台的回答。请检查网络，然后再试一次。',
      unsure: '没有收到平台的回答，所以不确定 Secret 是否已送达。请检查网络，再提交一次：重复提交没有坏处。',
    },
    again: '再试一次',
    requestId: '请求编号',
    hint: {
      unsure:
        '你刚才提交时连接中断过。如果上面的时间就是那一刻，那么用掉链接的正是你自己的提交，Secret 已经送达。',
      leaving: '你不需要做什么。如有疑问，请联系发给你链接的人。',
      unchanged: '如果它就是应用现在的 Secret，就不必再提交，告诉发给你链接的人即可。',
      conflict: '如果你填的仍是应用现在的 Secret，请再提交一次；不确定时请先问发给你链接的人。',
    },
  },
  welcome: {
    heading: '控制台的页面会在这里',
    lead: '页面还没有做好，接口已经可以用了：企业、应用、密钥、可信域名和审计，现在都通过接口管理。侧边栏页面的签名不经过控制台，不受影响。',
    owner: {
      heading: '建立第一位平台所有者',
      text: '没有默认账号，也没有默认密码。在服务器上运行，密码从标准输入读取：',
      hint: '用 <code>signet dev</code> 启动时已经建好一位，登录信息在它的输出里。',
    },
    session: {
      heading: '登录，取得访问令牌',
      text: '把邮箱和密码写进 <code>login.json</code>（用完删除），形如 <code>{{sample}}</code>：',
      hint: '之后的每个请求都带上 <code>{{header}}</code>，值是回答里的 <code>{{field}}</code>。',
    },
    api: {
      heading: '查接口',
      text: '每条路径、每个字段、每种错误都写在 OpenAPI 3.1 描述里，也可以用它生成客户端。',
      open: '打开接口描述',
    },
    docs: {
      heading: '读文档',
      text: '文档和源码在一起：',
      readme: '从这里开始',
      architecture: '由什么组成，为什么这样',
      openapi: '接口描述的源文件',
      deploy: '部署、密钥保管、备份',
    },
  },
};

export type Phrases = typeof zhCN;
