import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { I18nextProvider } from 'react-i18next';
import { vi } from 'vitest';
import type { Member, Session } from '../api/signin';
import { App } from '../app/App';
import { createI18n } from '../i18n/i18n';

/** What a page has sent. */
export interface Request {
  /** Such as "POST /session". */
  operation: string;
  body: unknown;
  token: string | undefined;
  language: string | null;
  credentials: RequestCredentials | undefined;
}

/** An answer, as a status and a body; nothing is no answer at all. */
export type Reply = [status: number, body?: unknown] | undefined;

/** What an operation answers, or the answers one after the other, of which the last stays. */
export type Plan = Record<string, Reply | Reply[] | ((request: Request) => Reply)>;

export const alice: Member = {
  id: '0d6f0c52-8a0e-4c8e-9d1b-6a5b4c3d2e1f',
  email: 'alice@example.com',
  platformRole: null,
  tenantRoles: [{ tenantId: 'tenant-1', role: 'tenant_owner' }],
};

export const session = (token = 'token-1', member = alice): Session => ({
  accessToken: token,
  expiresIn: 600,
  member,
});

export const problem = (code: string, more: object = {}) => ({
  title: `title of ${code}`,
  detail: `detail of ${code}`,
  code,
  request_id: 'request-7',
  ...more,
});

export const ways = { password: true, passkey: true, mail: true };

// What the pages ask for by themselves, so that a story names only what it is about.
const usual: Plan = {
  'GET /session/ways': [200, ways],
  'GET /session': [200, alice],
  'GET /tenants?limit=200': [
    200,
    {
      items: [{ id: 'tenant-1', name: 'Example Ltd', status: 'active', secondFactorRequired: false }],
      nextCursor: null,
    },
  ],
  'GET /factors': [200, { items: [], recoveryCodes: 0, password: true }],
  'GET /sessions': [200, { items: [], nextCursor: null }],
  'GET /account/wecom': [200, { items: [] }],
  'GET /tenants/tenant-1/apps?limit=200': [200, { items: [], nextCursor: null }],
};

const isList = (reply: Plan[string]): reply is Reply[] =>
  Array.isArray(reply) && (reply.length === 0 || typeof reply[0] !== 'number');

/** Stands where the server is. An operation that the plan does not name is a fault of the test. */
export function serve(plan: Plan): { requests: Request[]; sent: (operation: string) => Request[] } {
  const requests: Request[] = [];
  const counts = new Map<string, number>();
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const headers = new Headers(init?.headers);
    const operation = `${init?.method} ${String(input).replace('/api/v1', '')}`;
    const request: Request = {
      operation,
      body: init?.body ? JSON.parse(String(init.body)) : undefined,
      token: headers.get('Authorization')?.replace('Bearer ', ''),
      language: headers.get('Accept-Language'),
      credentials: init?.credentials,
    };
    requests.push(request);
    const named = operation in plan ? plan[operation] : usual[operation];
    if (!(operation in plan) && !(operation in usual)) {
      throw new Error(`no plan for ${operation}`);
    }
    const at = counts.get(operation) ?? 0;
    counts.set(operation, at + 1);
    const reply =
      typeof named === 'function'
        ? named(request)
        : isList(named)
          ? named[Math.min(at, named.length - 1)]
          : named;
    if (!reply) {
      throw new TypeError('Failed to fetch');
    }
    const [status, body] = reply;
    return new Response(body === undefined ? null : JSON.stringify(body), { status });
  });
  return { requests, sent: (operation) => requests.filter((request) => request.operation === operation) };
}

/** Opens the console as a browser does: everything that a reload forgets is made anew. */
export function open(address = '/') {
  history.replaceState(null, '', address);
  const i18n = createI18n();
  const page = render(
    <I18nextProvider i18n={i18n}>
      <App />
    </I18nextProvider>,
  );
  return {
    ...page,
    user: userEvent.setup(),
    speak: (language: string) => act(() => i18n.changeLanguage(language)),
  };
}

/** Opens it in a browser that has been signed in before. */
export function openSignedIn(address: string) {
  localStorage.setItem('signet.session', '1');
  return open(address);
}

export const heading = (name: string | RegExp) => screen.findByRole('heading', { name });
