import { randomBytes } from 'node:crypto';
import { send, signInAsOwner } from './api';
import type { Addresses } from './server';

/** An app whose secret is waited for, with an open intake link. */
export interface Waiting {
  /** The address, with the token behind the "#". */
  address: string;
  token: string;
  /** Adds a secret of the app to the fake WeCom, which then accepts it. */
  letWeComKnow(secret: string): Promise<void>;
  /** Lets the fake WeCom fail at its next calls for this app's corp, so that no secret is judged. */
  letWeComFail(): Promise<void>;
  /** Takes the link back. */
  revoke(): Promise<void>;
}

/** Signs in as the owner and gives a maker of waiting apps, each in a tenant of its own. */
export async function linkMaker(signet: Addresses): Promise<(tenantName: string) => Promise<Waiting>> {
  const { api, token: accessToken } = await signInAsOwner(signet);
  return async (tenantName) => {
    const corp = `ww${randomBytes(8).toString('hex')}`;
    const agent = '1000247';
    const tenant = await send<{ id: string }>(
      `${api}/tenants`,
      { name: tenantName, corpId: corp },
      accessToken,
    );
    const apps = `${api}/tenants/${tenant.id}/apps`;
    const app = await send<{ id: string }>(
      `${apps}?secret=later`,
      { name: '客户侧边栏', agentId: agent },
      accessToken,
    );
    const links = `${apps}/${app.id}/intake-links`;
    const link = await send<{ id: string; address: string }>(links, undefined, accessToken);
    const fake = (what: string, body: object) => send(`${signet.weCom}/_fake/${what}`, body);
    return {
      address: link.address,
      token: new URL(link.address).hash.slice(1),
      letWeComKnow: async (secret) => {
        await fake('apps', {
          corp,
          agent,
          name: '客户侧边栏',
          secret,
          domains: [],
          allowedIps: [],
          closed: false,
        });
      },
      letWeComFail: async () => {
        await fake('faults', { status: 502, corp, times: 0 });
      },
      revoke: async () => {
        await send(`${links}/${link.id}`, undefined, accessToken, 'DELETE');
      },
    };
  };
}

/** A secret of WeCom's form that nobody has. */
export const drawSecret = () => randomBytes(32).toString('base64url');
