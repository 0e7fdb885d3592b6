import type { Language } from '../i18n/languages';
import { type Answer, post } from './call';
import type { Role } from './signin';

/** What an invitation is for. */
export interface Invitation {
  /** Left out where it is one of the platform. */
  tenantName?: string;
  email: string;
  role: Role;
  /** RFC 3339. */
  expiresAt: string;
  /** Whoever accepts signs in first, and chooses no password. */
  memberExists: boolean;
}

/** Whose password a reset is for. */
export interface Reset {
  email: string;
  /** Second factors go as well. */
  factors: boolean;
  expiresAt: string;
}

// The token goes in the body, never in an address: addresses stand in logs.

export function readInvitation(token: string, language: Language): Promise<Answer<Invitation>> {
  return post('/invitations/read', { token }, language);
}

/** Accepts as somebody new, with the password chosen. */
export function acceptInvitation(
  token: string,
  password: string,
  language: Language,
): Promise<Answer<{ email: string; role: Role }>> {
  return post('/invitations/accept', { token, password }, language);
}

export function readReset(token: string, language: Language): Promise<Answer<Reset>> {
  return post('/resets/read', { token }, language);
}

export function applyReset(token: string, password: string, language: Language): Promise<Answer<undefined>> {
  return post('/resets/use', { token, password }, language);
}
