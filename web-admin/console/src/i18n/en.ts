import type { Phrases } from './zh-CN';

export const en: Phrases = {
  title: 'Signet',
  brand: 'Signet',
  switchLanguage: 'Switch language',
  motto: 'One seal that signs, for each enterprise, only the pages it should',
  command: {
    copy: 'Copy command',
    copied: 'Copied',
    selected: 'Selected, press Ctrl+C to copy',
  },
  intake: {
    title: 'Hand in the app secret · Signet',
    reading: 'Reading the link…',
    heading: 'Hand in the app secret',
    lead: 'Hand the WeCom Secret of the app below straight to the platform. It is stored encrypted and shown to nobody, not even to whoever sent you the link.',
    facts: {
      tenant: 'Enterprise',
      app: 'App',
      corp: 'Corp id',
      agent: 'AgentId',
      until: 'Link valid until',
    },
    where: {
      heading: 'Where to find the Secret',
      open: 'Sign in to the WeCom admin console, open “<wecom>{{apps}}</wecom>” (Apps) and choose the app with AgentId <code>{{agent}}</code>.',
      view: 'Beside Secret, press “<wecom>{{view}}</wecom>” (View). WeCom sends it to your phone.',
      reset:
        'Press “<wecom>{{reset}}</wecom>” (Reset) only to replace it: the old Secret dies at once, so hand the new one in below right away.',
    },
    field: 'Secret',
    fieldHint: 'Just paste it. Blanks around it are cut off.',
    show: 'Show',
    hide: 'Hide',
    empty: 'Paste the Secret first.',
    submit: 'Hand in the Secret',
    trying: 'Trying it…',
    wait: 'The platform is asking WeCom with it, for up to 30 seconds. Keep this page open.',
    current: {
      heading: 'The Secret is in use',
      text: 'WeCom accepted it, and the pages of the app go on as before. The link is used up; you can close this page.',
    },
    pending: {
      heading: 'The Secret is kept and will be tried by itself',
      text: 'WeCom has given no verdict just now. The platform tries again by itself and uses the Secret as soon as WeCom accepts it; there is nothing more for you to do. Do not reset it until then.',
    },
    missing: {
      heading: 'Open the link you were sent once more',
      text: 'This page needs what stands behind the “#” in the link, and it is not there. Go back to the message and open the whole link.',
    },
    unreachable: {
      heading: 'The platform was not reached',
      text: 'There was no answer from the platform. Check the network, then try again.',
      unsure:
        'There was no answer from the platform, so the Secret may or may not have arrived. Check the network and hand it in again: twice does no harm.',
    },
    again: 'Try again',
    requestId: 'Request id',
    hint: {
      unsure:
        'The connection broke while you handed the Secret in. If the time above is that moment, it was you who used the link, and the Secret has arrived.',
      leaving: 'There is nothing for you to do. If in doubt, ask whoever sent you the link.',
      unchanged:
        'If this is the present Secret of the app, you need not hand it in; tell whoever sent you the link.',
      conflict:
        'If yours is still the present Secret of the app, hand it in again; if in doubt, ask whoever sent you the link first.',
    },
  },
  welcome: {
    heading: 'The console will be here',
    lead: 'Its pages are not built yet. Its API is ready: tenants, apps, secrets, trusted domains and the audit trail are all managed through it today. Signing for sidebar pages does not pass through the console and is not affected.',
    owner: {
      heading: 'Create the first platform owner',
      text: 'There is no default account and no default password. Run this on the server; the password is read from standard input:',
      hint: 'Under <code>signet dev</code> one owner exists already; its login is in what the command printed.',
    },
    session: {
      heading: 'Sign in for an access token',
      text: 'Put the email and the password into <code>login.json</code> (delete it afterwards), as in <code>{{sample}}</code>:',
      hint: 'Send <code>{{header}}</code> with every request from then on; the value is <code>{{field}}</code> of the answer.',
    },
    api: {
      heading: 'Look up the API',
      text: 'Every path, field and error is in the OpenAPI 3.1 document. Generate your client from it.',
      open: 'Open the API document',
    },
    docs: {
      heading: 'Read the documents',
      text: 'They live beside the source:',
      readme: 'start here',
      architecture: 'what it is made of, and why',
      openapi: 'the source of the API document',
      deploy: 'deployment, custody of keys, backups',
    },
  },
};
