import type { TestProject } from 'vitest/node';
import { type Addresses, startServer } from './server';

declare module 'vitest' {
  interface ProvidedContext {
    signet: Addresses;
  }
}

/** Starts one `signet dev` for all tests. Giving back its stop makes vitest call that at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer();
  project.provide('signet', server.addresses);
  return () =>
    server.stop().catch((error) => {
      // Vitest prints what goes wrong at the end, but does not count it.
      process.exitCode = 1;
      throw error;
    });
}
