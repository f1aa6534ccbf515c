import { printable } from './progress.mjs';

/** What stops a set-up: what was wrong, and what the user does about it. */
export class SetupError extends Error {
  /** @param {{ message: string, fix: string, cause?: unknown }} what  `message` one sentence without a full stop, `fix` in the imperative */
  constructor({ message, fix, cause }) {
    super(message, { cause });
    this.name = 'SetupError';
    this.fix = fix;
  }
}

/**
 * The one error a user sees, as a terminal may show it. Anything but a SetupError is a fault of ours, so its stack goes along.
 * @param {unknown} error
 */
export const explain = (error) => printable(textOf(error));

/**
 * @param {unknown} error
 * @returns {string}
 */
function textOf(error) {
  if (error instanceof SetupError) return `set-up: ${error.message}\n        fix: ${error.fix}\n`;
  if (isErrno(error, 'ENOSPC')) return textOf(noSpace(error.message));
  return `set-up: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
}

/** @param {string} detail */
export const noSpace = (detail) =>
  new SetupError({ message: `no space left on the disk (${detail})`, fix: 'free some space, or set BLISS_CACHE to a folder on another disk, and run again: what is complete is kept' });

/**
 * @param {unknown} error @param {string} code
 * @returns {error is NodeJS.ErrnoException}
 */
export const isErrno = (error, code) => error instanceof Error && 'code' in error && error.code === code;

/** As programs that fetch read them, in either spelling. */
const PROXY_VARIABLES = ['https_proxy', 'http_proxy', 'all_proxy'];

/**
 * A `fix` for what could not be fetched, with the proxy on the way named where there is one.
 * @param {string} fix @param {NodeJS.ProcessEnv} env
 */
export function fixOfFetching(fix, env) {
  const named = PROXY_VARIABLES.flatMap((name) => [name, name.toUpperCase()]).filter((name) => (env[name] ?? '') !== '');
  return named.length === 0 ? fix : `${fix}; it goes through the proxy of ${named.join(' and ')}: check that too`;
}
