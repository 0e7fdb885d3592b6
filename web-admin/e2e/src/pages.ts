import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { selfSigned } from './certificate';

export interface Pages {
  /** Flags that lead Chromium to these pages for every name under the domain. */
  flags: string[];
  close(): Promise<void>;
}

/**
 * Serves an empty page at every address of a domain over HTTPS on a free port.
 * Chromium takes it for the real hosts: `location.href` says
 * https://crm.example.com/…, with no port, as on the web.
 */
export async function servePages(domain: string): Promise<Pages> {
  const server = createServer(selfSigned(domain, `*.${domain}`), (_request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end('<!doctype html><html lang="en"><title>a page</title>');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    flags: [`--host-resolver-rules=MAP *.${domain} 127.0.0.1:${port}`],
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}
