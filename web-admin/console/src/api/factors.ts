import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/browser';
import type { Language } from '../i18n/languages';
import type { Account } from './account';
import type { FactorKind, Leaving, Member, Proof, Returned, Role, Waiting } from './signin';

export interface Factor {
  id: string;
  kind: FactorKind;
  name: string;
  createdAt: string;
  /** Absent while it does not count. */
  confirmedAt?: string;
  usedAt?: string;
}

export interface Factors {
  items: Factor[];
  /** How many are left. */
  recoveryCodes: number;
  /** There is one. */
  password: boolean;
}

/** An authenticator to be confirmed; what is in it is shown once. */
export interface NewTOTP {
  id: string;
  seed: string;
  uri: string;
}

export interface RecoveryCodes {
  recoveryCodes: string[];
}

/** A session in some browser. */
export interface SessionInfo {
  id: string;
  current: boolean;
  begunWith: 'password' | 'passkey' | 'oidc' | 'wecom';
  secondFactor: boolean;
  client: string;
  agent: string;
  createdAt: string;
  refreshedAt: string;
  endsAt: string;
}

export interface Tenant {
  id: string;
  name: string;
  status: string;
  secondFactorRequired: boolean;
}

export interface WeComBinding {
  tenantId: string;
  corpId: string;
  userId: string;
  boundAt: string;
}

/** What will do as a proof. */
export interface StepUpWaiting extends Waiting {
  password: boolean;
}

/** What is asked of the browser for a new passkey. */
export interface NewPasskeyWaiting {
  token: string;
  passkey: PublicKeyCredentialCreationOptionsJSON;
}

export interface RoleTable {
  roles: Role[];
  permissions: { permission: string; roles: Role[]; stepUp: boolean; apiKeyScope: boolean }[];
}

interface Items<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** What one does with one's own account. */
export function operationsOf(account: Account, language: Language) {
  const get = <Value>(path: string) => account.call<Value>('GET', path, language);
  const send = <Value>(path: string, body?: unknown) => account.call<Value>('POST', path, language, body);
  const remove = <Value = undefined>(path: string) => account.call<Value>('DELETE', path, language);
  return {
    readMember: () => get<Member>('/session'),
    /** A page of the tenants that the member belongs to, or of all for the platform's people. */
    readTenants: () => get<Items<Tenant>>('/tenants?limit=200'),
    readTenant: (id: string) => get<Tenant>(`/tenants/${id}`),
    readSessions: () => get<Items<SessionInfo>>('/sessions'),
    endSession: (id: string) => remove(`/sessions/${id}`),
    endOtherSessions: () => remove<{ ended: number }>('/sessions'),
    readFactors: () => get<Factors>('/factors'),
    beginTOTP: (name: string) => send<NewTOTP>('/factors/totp', { name }),
    confirmTOTP: (id: string, code: string) =>
      send<RecoveryCodes>(`/factors/totp/${id}/confirmation`, { code }),
    beginPasskey: () => send<NewPasskeyWaiting>('/factors/passkeys/options'),
    addPasskey: (token: string, name: string, passkey: RegistrationResponseJSON) =>
      send<RecoveryCodes>('/factors/passkeys', { token, name, passkey }),
    renewRecoveryCodes: () => send<RecoveryCodes>('/factors/recovery-codes'),
    removeFactor: (id: string) => remove(`/factors/${id}`),
    changePassword: (password: string, newPassword: string) =>
      send<undefined>('/password', { password, newPassword }),
    readWeCom: () => get<{ items: WeComBinding[] }>('/account/wecom'),
    unbindWeCom: (tenant: string) => remove(`/account/wecom/${tenant}`),
    bindWeCom: (app: string) => send<Leaving>('/account/wecom', { app }),
    /** The apps of a tenant, of which people sign in through at most one. */
    readApps: (tenant: string) =>
      get<Items<{ key: string; name: string; signIn: boolean }>>(`/tenants/${tenant}/apps?limit=200`),
    readRoles: () => get<RoleTable>('/roles'),
    acceptInvitation: (token: string) =>
      send<{ email: string; role: Role }>('/invitations/accept', { token }),
  };
}

export type Operations = ReturnType<typeof operationsOf>;

/** What one proves with once more who one is. It asks for no proof itself. */
export function proofsOf(account: Account, language: Language) {
  const send = <Value>(path: string, body?: unknown) =>
    account.callWithoutProof<Value>('POST', path, language, body);
  return {
    begin: () => send<StepUpWaiting>('/session/step-up/options'),
    show: (token: string, proof: Proof | { password: string } | { passkey: AuthenticationResponseJSON }) =>
      send<{ until: string }>('/session/step-up', { token, ...proof }),
    goToProvider: () => send<Leaving>('/session/step-up/oidc/options'),
    comeFromProvider: (returned: Returned) => send<{ until: string }>('/session/step-up/oidc', returned),
  };
}
