// Finds a Chromium that is on this machine already. Nothing is ever downloaded.
// As a program it prints the path, or says what to do and exits with 1; `make browser` asks it.

import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const environmentKey = 'CHROMIUM';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

const places = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** @param {string} file */
function runs(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The path of a Chromium: the one that CHROMIUM names, else the first on
 * PATH, else where macOS keeps it. Throws where CHROMIUM names something
 * that cannot be run; gives undefined where there is none.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @returns {string | undefined}
 */
export function findBrowser(environment = process.env) {
  const named = environment[environmentKey];
  if (named) {
    if (!isAbsolute(named) || !runs(named)) {
      throw new Error(
        `${environmentKey}=${named} is not a program: give the absolute path of a Chromium, or unset it`,
      );
    }
    return named;
  }
  const folders = (environment.PATH ?? '').split(delimiter).filter(isAbsolute);
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...onPath, ...places].find(runs);
}

/**
 * As findBrowser, but none is an error that says the mend.
 *
 * @returns {string}
 */
export function requireBrowser() {
  const browser = findBrowser();
  if (!browser) {
    throw new Error(`no Chromium found: run "make browser", or set ${environmentKey} to the path of one`);
  }
  return browser;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(requireBrowser());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
