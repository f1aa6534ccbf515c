import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * What the checks need to know of a machine. Read once and handed in, so that tests can describe other machines.
 * @typedef {object} Facts
 * @property {string} platform `linux`
 * @property {string} arch `x64`
 * @property {string} node `20.20.2`
 * @property {string | null} glibc `2.36`; null on musl (Alpine) and where there is no glibc at all
 * @property {boolean} avx the CPU has AVX, which TensorFlow's libraries are compiled for
 * @property {boolean} gpu an NVIDIA driver was found
 */

/** @returns {Facts} */
export function readFacts(env = process.env) {
  return {
    platform: process.platform,
    arch: process.arch,
    node: process.versions.node,
    glibc: process.platform === 'linux' ? glibcVersion() : null,
    avx: hasAvx(),
    gpu: existsSync('/dev/nvidia0') || existsSync('/proc/driver/nvidia/version') || findOnPath('nvidia-smi', env) !== null,
  };
}

/** 4 ms; with its network section the report would look host names up. */
function glibcVersion() {
  /** @type {{ excludeNetwork?: boolean, getReport(): object } | undefined} */
  const reporter = process.report;
  if (!reporter) return null;
  reporter.excludeNetwork = true;
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (reporter.getReport());
  return report.header?.glibcVersionRuntime ?? null;
}

function hasAvx() {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
    return flags === undefined || flags.split(' ').includes('avx');
  } catch {
    return true; // not to be known here: TensorFlow itself will say so
  }
}

/**
 * @param {string} name @param {NodeJS.ProcessEnv} env
 * @returns {string | null} absolute path of the first executable file of that name
 */
export function findOnPath(name, env = process.env) {
  for (const folder of (env['PATH'] ?? '').split(path.delimiter)) {
    if (folder !== '' && isExecutable(path.join(folder, name))) return path.resolve(folder, name);
  }
  return null;
}

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** This user may write into the folder, or make it. @param {string} folder */
export function isWritable(folder) {
  let there = path.resolve(folder);
  while (!existsSync(there)) there = path.dirname(there);
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
