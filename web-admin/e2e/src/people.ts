import { createHmac, randomBytes } from 'node:crypto';
import { send, signInAsOwner } from './api';
import type { Addresses } from './server';

/** Somebody with an account, made by the API alone. */
export interface Person {
  email: string;
  password: string;
}

/** What a platform owner does for people, by the API. */
export interface People {
  /** Makes a tenant of that name; members may be asked for a second factor. */
  tenant(name: string, wantsSecondFactor?: boolean): Promise<string>;
  /** Invites an address into a tenant, and gives the link. */
  invite(tenant: string, email: string, role?: string): Promise<{ id: string; address: string }>;
  /** Takes an invitation back. */
  revoke(tenant: string, invitation: string): Promise<void>;
  /** Makes a member of a tenant, who has accepted. */
  member(tenant: string): Promise<Person>;
  /** Makes a reset for a member, and gives the link. */
  reset(tenant: string, email: string): Promise<string>;
  /** Adds an authenticator to a person's account. Gives its seed. */
  authenticator(person: Person): Promise<string>;
  /** Signs a person in elsewhere, in a browser of that name. */
  signInElsewhere(person: Person, agent: string): Promise<void>;
}

/** An address that nobody has, and a password that nobody guesses. */
export const drawPerson = (): Person => ({
  email: `${randomBytes(4).toString('hex')}@people.example`,
  password: randomBytes(15).toString('base64url'),
});

export async function peopleMaker(signet: Addresses): Promise<People> {
  const { api, token } = await signInAsOwner(signet);
  const signIn = ({ email, password }: Person) =>
    send<{ accessToken: string }>(`${api}/session`, { email, password });
  const people: People = {
    async tenant(name, wantsSecondFactor = false) {
      const corpId = `ww${randomBytes(8).toString('hex')}`;
      const { id } = await send<{ id: string }>(`${api}/tenants`, { name, corpId }, token);
      if (wantsSecondFactor) {
        await send(`${api}/tenants/${id}`, { secondFactorRequired: true }, token, 'PATCH', {
          'If-Match': '*',
        });
      }
      return id;
    },
    invite: (tenant, email, role = 'tenant_admin') =>
      send(`${api}/tenants/${tenant}/invitations`, { email, role }, token),
    revoke: (tenant, invitation) =>
      send(`${api}/tenants/${tenant}/invitations/${invitation}`, undefined, token, 'DELETE'),
    async member(tenant) {
      const person = drawPerson();
      const { address } = await people.invite(tenant, person.email);
      await send(`${api}/invitations/accept`, { token: tokenOf(address), password: person.password });
      return person;
    },
    async reset(tenant, email) {
      const members = await send<{ items: { id: string; email: string }[] }>(
        `${api}/tenants/${tenant}/members`,
        undefined,
        token,
        'GET',
      );
      const member = members.items.find((one) => one.email === email);
      const { address } = await send<{ address: string }>(
        `${api}/tenants/${tenant}/members/${member?.id}/reset`,
        undefined,
        token,
      );
      return address;
    },
    async authenticator(person) {
      const { accessToken } = await signIn(person);
      const made = await send<{ id: string; seed: string }>(
        `${api}/factors/totp`,
        { name: '手机验证器' },
        accessToken,
      );
      await send(`${api}/factors/totp/${made.id}/confirmation`, { code: codeOf(made.seed, -1) }, accessToken);
      return made.seed;
    },
    async signInElsewhere({ email, password }, agent) {
      const response = await fetch(`${api}/session`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'User-Agent': agent },
        body: JSON.stringify({ email, password }),
      });
      if (response.status !== 200) {
        throw new Error(`signing in elsewhere was answered with ${response.status}`);
      }
    },
  };
  return people;
}

/** What stands behind the "#" of a link. */
export const tokenOf = (address: string) => new URL(address).hash.slice(1);

/**
 * The code of an authenticator (RFC 6238), some steps from now. A code is good once, and
 * the server takes those of the neighbouring steps too: who needs a second one right
 * after the first takes the next.
 */
export function codeOf(seed: string, steps = 0): string {
  const counter = Buffer.alloc(8);
  counter.writeBigInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const digest = createHmac('sha1', base32(seed)).update(counter).digest();
  const at = digest.readUInt8(digest.length - 1) & 0x0f;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

function base32(text: string): Buffer {
  const bits = [...text.replace(/[= ]/g, '')]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
