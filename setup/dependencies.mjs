import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { capture, lastLines } from './command.mjs';
import { secondsSince } from './progress.mjs';
import { SetupError, fixOfFetching, noSpace } from './setup-error.mjs';

/** @param {string} root */
const stampFile = (root) => path.join(root, 'node_modules', '.bliss-lock-sha256');
/** @param {string} root */
const lockSha256 = (root) => createHash('sha256').update(readFileSync(path.join(root, 'package-lock.json'))).digest('hex');

/** node_modules holds what package-lock.json says. @param {string} root */
export function dependenciesAreCurrent(root) {
  try {
    if (readFileSync(stampFile(root), 'utf8').trim() === lockSha256(root)) return true;
  } catch {
    // no stamp: npm itself may have been called, see below
  }
  if (!installedByNpm(root)) return false;
  writeFileSync(stampFile(root), lockSha256(root));
  return true;
}

/**
 * npm writes `node_modules/.package-lock.json` when an installation has come to its end: where that agrees, a plain
 * `npm install` of the user's is as good as ours.
 * @param {string} root
 */
function installedByNpm(root) {
  try {
    /** @type {Record<string, { version?: string, integrity?: string, optional?: boolean, link?: boolean }>} */
    const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
    /** @type {typeof wanted} */
    const found = JSON.parse(readFileSync(path.join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages;
    const same = Object.entries(found).every(([name, entry]) => wanted[name]?.version === entry.version && wanted[name]?.integrity === entry.integrity);
    const all = Object.entries(wanted).every(([name, entry]) => name === '' || entry.optional === true || name in found);
    return same && all;
  } catch {
    return false;
  }
}

/** @param {{ root: string, env: NodeJS.ProcessEnv, say: import('./progress.mjs').Say }} input */
export async function installDependencies({ root, env, say }) {
  const started = performance.now();
  say('installing npm packages (npm ci, install scripts off)');
  const { code, output } = await npm(['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-fund', '--no-audit', '--no-progress', '--loglevel=error'], root, env);
  if (code === 127) throw new SetupError({ message: 'npm was not found', fix: 'install it with Node (Debian: apt install npm; nvm brings it)' });
  if (/ENOSPC/.test(output)) throw noSpace('npm packages');
  if (code !== 0) throw new SetupError({ message: `npm ci failed:\n${lastLines(output)}`, fix: fixOfFetching('check the network and the registry that npm is set to (npm config get registry), then run again', env) });
  writeFileSync(stampFile(root), lockSha256(root));
  say(`  installed in ${secondsSince(started)}`);
}

/** The npm that called us, if one did. @param {readonly string[]} args @param {string} root @param {NodeJS.ProcessEnv} env */
function npm(args, root, env) {
  const script = env['npm_execpath'];
  const byNpm = script !== undefined && path.basename(script) === 'npm-cli.js';
  return byNpm ? capture(process.execPath, [script, ...args], { cwd: root, env }) : capture('npm', args, { cwd: root, env });
}
