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

/** Posts a body to an operation of the console API. It never throws. */
export async function post<Value>(path: string, body: unknown, language: Language): Promise<Answer<Value>> {
  try {
    const response = await fetch(base + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Accept-Language': language },
      body: JSON.stringify(body),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      signal: AbortSignal.timeout(patience),
    });
    const answer: unknown = await response.json();
    if (response.ok) {
      return { kind: 'value', value: answer as Value };
    }
    const problem = readProblem(answer, language);
    return problem ? { kind: 'problem', problem } : { kind: 'unreachable' };
  } catch {
    // No network, too late, or the answer of something on the way that is not ours.
    return { kind: 'unreachable' };
  }
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
