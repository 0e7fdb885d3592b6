import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Where a running `signet dev` is, taken from what it printed. */
export interface Addresses {
  /** Base of the console, such as http://localhost:40213. */
  console: string;
  /** Base of the public listener. */
  public: string;
  /** Base of the fake WeCom. */
  weCom: string;
  /** Login of the owner, drawn for this run. */
  owner: { email: string; password: string };
  /** Public key of the demo app that signs already. */
  appKey: string;
  /** A page that this app trusts, such as https://crm.example.com/sidebar. */
  page: string;
}

export interface Server {
  addresses: Addresses;
  /** Stops it as Ctrl-C does. Throws where it does not end well. */
  stop(): Promise<void>;
}

const repository = join(import.meta.dirname, '../../..');
const startLimit = 180_000; // the first start may fetch Postgres
const stopLimit = 30_000;
const keptLines = 40;
const keptKeys = ['SIGNET_POSTGRES_BIN_DIR'];

/**
 * Starts `bin/signet dev` on free ports, with data of its own that is dropped at
 * the next start, and waits until it has printed the `curl` line for a signature.
 * BINARY names another binary.
 */
export async function startServer(): Promise<Server> {
  const binary = process.env.BINARY || join(repository, 'bin/signet');
  if (!existsSync(binary)) {
    throw new Error(`${binary} is missing: run "make build"`);
  }
  const listeners = ['--public-addr', '--console-addr', '--metrics-addr', '--wecom-addr'].flatMap((flag) => [
    flag,
    '127.0.0.1:0',
  ]);
  const child = spawn(
    binary,
    ['dev', '--fresh', '--dir', join(import.meta.dirname, '../.signet'), ...listeners],
    {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const ended = end(child);
  const complaints: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    complaints.push(line);
    complaints.splice(0, complaints.length - keptLines);
  });
  try {
    const addresses = await Promise.race([
      announced(child),
      ended.then((how) => {
        throw new Error(`signet dev ${how} before it was ready`);
      }),
      late(startLimit, 'signet dev printed no console address and no curl line in time'),
    ]);
    return { addresses, stop: () => stop(child, ended) };
  } catch (error) {
    child.kill('SIGKILL');
    // Standard output carries the demo login, so only the other one is shown.
    throw new Error(`${String(error)}\n${complaints.join('\n')}`);
  }
}

/** This process's environment without the keys that somebody has set for a signet of their own. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('SIGNET_') || keptKeys.includes(name)),
  );
}

/** Reads standard output to its end (a full pipe would stop the server) and settles at the `curl` line. */
function announced(child: ChildProcess): Promise<Addresses> {
  return new Promise((resolve, reject) => {
    if (!child.stdout) {
      return reject(new Error('signet dev has no standard output'));
    }
    const said = new Map<string, string>();
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, name, value] = /^ {2}(console|login|password|fake WeCom) +(\S+)$/.exec(line) ?? [];
      if (name && value) {
        said.set(name, value);
      }
      const [address, appKey, page] = [
        /\bcurl\b.* (https?:\/\/[\w.:-]+)/.exec(line)?.[1],
        /\bapp=(app_\w+)/.exec(line)?.[1],
        /\burl=(https:\/\/[^\s'"]+)/.exec(line)?.[1],
      ];
      if (!address) {
        return;
      }
      const [console, email, password, weCom] = ['console', 'login', 'password', 'fake WeCom'].map((key) =>
        said.get(key),
      );
      if (console && email && password && weCom && appKey && page) {
        const owner = { email, password };
        resolve({ console, public: address, weCom: new URL(weCom).origin, owner, appKey, page });
      } else {
        reject(
          new Error(`no console, login or fake WeCom before this line, or no app and url in it: ${line}`),
        );
      }
    });
  });
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill('SIGTERM');
  const how = await Promise.race([ended, late(stopLimit, 'signet dev did not stop in time')]).catch(
    (error) => {
      child.kill('SIGKILL');
      throw error;
    },
  );
  if (how !== 'ended with 0') {
    throw new Error(`signet dev ${how} when it was told to stop`);
  }
}

function end(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`did not start: ${error.message}`));
    child.once('exit', (code, signal) => resolve(`ended with ${code ?? signal}`));
  });
}

function late(milliseconds: number, what: string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(what)), milliseconds).unref();
  });
}
