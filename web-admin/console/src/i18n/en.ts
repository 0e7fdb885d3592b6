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
