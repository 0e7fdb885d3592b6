import type { Language } from '../i18n/languages';

const base = '/api/v1';

// Above what the server gives a request (30 s), so that its own answer comes first.
const patience = 45_000;

/** A failure as the server tells of it (RFC 9457), in the language that was asked for. */
export interface Problem {
  title: string;
  detail: string;
  code: string;
  requestId: string;
  /** What was wrong in which member of the request, as [JSON pointer, sentence]. */
  fields: [string, string][];
  language: Language;
}

/** What became of a call. Unreachable: no answer, or none of the server's; whether it acted is not known. */
export type Answer<Value> =
  | { kind: 'value'; value: Value }
  | { kind: 'problem'; problem: Problem }
  | { kind: 'unreachable' };

/** What did not become of a call. */
export type Failure = Exclude<Answer<never>, { kind: 'value' }>;

export type Method = 'GET' | 'POST' | 'DELETE';

/** What is sent besides the method and the path. */
export interface Sent {
  language: Language;
  /** Left out where the operation takes none. */
  body?: unknown;
  /** The access token, where the operation asks for one. */
  token?: string | undefined;
  /** Whether the browser's cookies go along and are set. They are the server's alone: no script sees them. */
  withCookies?: boolean;
}

/** Calls an operation of the console API. It never throws. */
export async function call<Value>(method: Method, path: string, sent: Sent): Promise<Answer<Value>> {
  try {
    const response = await fetch(base + path, {
      method,
      headers: {
        ...(sent.body !== undefined && { 'Content-Type': 'application/json' }),
        ...(sent.token && { Authorization: `Bearer ${sent.token}` }),
        'Accept-Language': sent.language,
      },
      ...(sent.body !== undefined && { body: JSON.stringify(sent.body) }),
      cache: 'no-store',
      credentials: sent.withCookies ? 'same-origin' : 'omit',
      redirect: 'error',
      signal: AbortSignal.timeout(patience),
    });
    const text = await response.text();
    const answer: unknown = text ? JSON.parse(text) : undefined;
    if (response.ok) {
      return { kind: 'value', value: answer as Value };
    }
    const problem = readProblem(answer, sent.language);
    return problem ? { kind: 'problem', problem } : { kind: 'unreachable' };
  } catch {
    // No network, too late, or the answer of something on the way that is not ours.
    return { kind: 'unreachable' };
  }
}

/** Posts a body without a token and without cookies, as who has only a link does. */
export function post<Value>(path: string, body: unknown, language: Language): Promise<Answer<Value>> {
  return call('POST', path, { body, language });
}

/** What is wrong with one member of the request, in the server's words, if anything is. */
export function complaintAt(failure: Failure | undefined, pointer: string): string | undefined {
  return failure?.kind === 'problem'
    ? failure.problem.fields.find(([named]) => named === pointer)?.[1]
    : undefined;
}

/** Reads a problem; undefined where a proxy on the way has answered in its own words. */
function readProblem(answer: unknown, language: Language): Problem | undefined {
  const { title, detail, code, request_id, errors } = Object(answer) as Record<string, unknown>;
  if (typeof title !== 'string' || typeof detail !== 'string' || typeof code !== 'string') {
    return undefined;
  }
  const fields = (Array.isArray(errors) ? errors : []).map((field): [string, string] => [
    String(field?.pointer),
    String(field?.detail),
  ]);
  return { title, detail, code, requestId: String(request_id ?? ''), fields, language };
}
