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
