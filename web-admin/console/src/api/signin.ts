import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/browser';
import type { Language } from '../i18n/languages';
import { type Answer, call } from './call';

export type Role =
  | 'platform_owner'
  | 'platform_operator'
  | 'platform_auditor'
  | 'tenant_owner'
  | 'tenant_admin'
  | 'tenant_viewer';

export interface TenantRole {
  tenantId: string;
  role: Role;
}

/** Who is signed in, and what they are where. */
export interface Member {
  id: string;
  email: string;
  platformRole: Role | null;
  tenantRoles: TenantRole[];
}

export interface Session {
  accessToken: string;
  /** Seconds. */
  expiresIn: number;
  member: Member;
}

export type FactorKind = 'totp' | 'passkey';

/** A step on the way in that waits for something to be shown. */
export interface Waiting {
  token: string;
  /** RFC 3339. */
  until: string;
  /** Any of which will do; a recovery code will instead of any. */
  factors: FactorKind[];
  passkey?: PublicKeyCredentialRequestOptionsJSON;
}

/** What a member shows: exactly one of them. */
export type Proof = { code: string } | { recoveryCode: string } | { passkey: AuthenticationResponseJSON };

/** The ways in that there are. */
export interface Ways {
  password: boolean;
  passkey: boolean;
  oidc?: { name: string };
  /** Named where it was asked for an app that people sign in through. */
  wecom?: { app: string };
  mail: boolean;
}

/** Where to send the browser. */
export interface Leaving {
  url: string;
  until: string;
}

/** What a sign-in provider has sent the browser back with. */
export interface Returned {
  state: string;
  code: string;
}

export function isSession(answer: Session | Waiting): answer is Session {
  return 'accessToken' in answer;
}

const send = <Value>(path: string, body: unknown, language: Language): Promise<Answer<Value>> =>
  call('POST', path, { body, language, withCookies: true });

/** Asks which ways in there are; through WeCom only where the app's key is known. */
export function readWays(app: string | undefined, language: Language): Promise<Answer<Ways>> {
  const query = app ? `?${new URLSearchParams({ app })}` : '';
  return call('GET', `/session/ways${query}`, { language });
}

export const signIn = (email: string, password: string, language: Language) =>
  send<Session | Waiting>('/session', { email, password }, language);

export const showFactor = (token: string, proof: Proof, language: Language) =>
  send<Session>('/session/second-factor', { token, ...proof }, language);

export const askPasskey = (language: Language) =>
  send<Waiting>('/session/passkey/options', undefined, language);

export const showPasskey = (token: string, passkey: AuthenticationResponseJSON, language: Language) =>
  send<Session>('/session/passkey', { token, passkey }, language);

export const goToProvider = (language: Language) => send<Leaving>('/session/oidc', undefined, language);

export const comeFromProvider = (returned: Returned, language: Language) =>
  send<Session | Waiting>('/session/oidc/return', returned, language);

export const goToWeCom = (app: string, language: Language) =>
  send<Leaving>('/session/wecom', { app }, language);

export const askFactorAfterWeCom = (language: Language) =>
  send<Waiting>('/session/wecom/second-factor', undefined, language);

export const forgetPassword = (email: string, language: Language) =>
  send<undefined>('/session/forgotten', { email }, language);

export const refresh = (language: Language) => send<Session>('/session/refresh', undefined, language);

export const signOut = (language: Language) =>
  call<undefined>('DELETE', '/session', { language, withCookies: true });
