import type { Language } from '../i18n/languages';
import { type Answer, post } from './call';

/** What an intake link is for. */
export interface Intake {
  tenantName: string;
  appName: string;
  corpId: string;
  agentId: string;
  /** RFC 3339. */
  expiresAt: string;
}

/** Where a secret is after it was handed in: in use, or kept until WeCom has judged it. */
export interface Handed {
  state: 'current' | 'pending';
}

// The token goes in the body, never in an address: addresses stand in logs.

/** Asks what a link is for. */
export function readIntake(token: string, language: Language): Promise<Answer<Intake>> {
  return post('/intake', { token }, language);
}

/** Hands a secret in. The server tries it at WeCom first, which takes up to half a minute. */
export function handIn(token: string, secret: string, language: Language): Promise<Answer<Handed>> {
  return post('/intake/secret', { token, secret }, language);
}
