import type { Addresses } from './server';

/** Calls the console API as a program does. Fails where the answer is no success. */
export async function send<Answer>(
  address: string,
  body: object | undefined,
  accessToken?: string,
  method = 'POST',
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(address, {
    method,
    headers: {
      ...headers,
      ...(body && { 'Content-Type': 'application/json' }),
      ...(accessToken && { Authorization: `Bearer ${accessToken}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${new URL(address).pathname} answered ${response.status}: ${text}`);
  }
  return (text ? JSON.parse(text) : undefined) as Answer;
}

/** Signs in as the owner and gives the base of the API and an access token. */
export async function signInAsOwner(signet: Addresses): Promise<{ api: string; token: string }> {
  const api = `${signet.console}/api/v1`;
  const { accessToken } = await send<{ accessToken: string }>(`${api}/session`, signet.owner);
  return { api, token: accessToken };
}
