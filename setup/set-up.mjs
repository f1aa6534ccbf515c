import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bindingIsCurrent, findCompiler, provideBinding } from './binding.mjs';
import { cacheFolder, shareCache } from './cache.mjs';
import { endWithUs } from './command.mjs';
import { build, buildIsCurrent } from './compile.mjs';
import { dependenciesAreCurrent, installDependencies } from './dependencies.mjs';
import { readFacts } from './facts.mjs';
import { lockClone } from './lock.mjs';
import { checkPlatform } from './platform.mjs';
import { say as sayOnStderr, secondsSince } from './progress.mjs';
import { writeRecord } from './record.mjs';
import { chooseTemporal, fetchTemporal } from './temporal.mjs';
import { chooseTensorflow, fetchTensorflow, libraryPath } from './tensorflow.mjs';
import { checkDisk, checkFlock, checkPip } from './tools.mjs';

/** The project's folder. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Brings a clone to where it runs: npm packages, TensorFlow under its binding, the Temporal CLI, the build.
 * What is there already is left alone; where all is, this takes some tens of milliseconds.
 * @param {object} [input]
 * @param {string} [input.root]
 * @param {NodeJS.ProcessEnv} [input.env]
 * @param {import('./facts.mjs').Facts} [input.facts] of this machine by default
 * @param {import('./progress.mjs').Say} [input.say]
 * @param {boolean} [input.needTemporal] also where a server's address is configured
 * @param {(folder: string) => number} [input.freeBytes]
 * @returns {Promise<import('./record.mjs').SetupRecord>}
 * @throws {import('./setup-error.mjs').SetupError} what is wrong, and the fix
 */
export async function setUp({ root = ROOT, env = process.env, facts = readFacts(env), say = sayOnStderr, needTemporal = false, freeBytes } = {}) {
  const started = performance.now();
  checkPlatform(facts);
  const cache = cacheFolder(env);
  const off = endWithUs();
  try {
    return await lockClone({ root, cache, say }, async () => {
      shareCache(cache);
      const tensorflow = chooseTensorflow({ env, facts, cache });
      const temporal = chooseTemporal({ env, cache, needed: needTemporal });
      const wheels = [...tensorflow.missing, ...temporal.missing];
      const dependencies = !dependenciesAreCurrent(root);
      const binding = dependencies || !bindingIsCurrent(root, tensorflow.tensorflow);

      // what would stop us later stops us now, before minutes of downloads
      if (wheels.length > 0) await checkPip(env);
      if (binding) findCompiler(env);
      checkFlock(env);
      checkDisk({ root, cache, wheels, dependencies, ...(freeBytes && { freeBytes }) });

      if (dependencies) await installDependencies({ root, env, say });
      await fetchTensorflow({ wheels: tensorflow.missing, cache, env, say });
      await fetchTemporal({ missing: temporal.missing, cache, env, say });
      await provideBinding({ root, cache, env, say, tensorflow: tensorflow.tensorflow });
      const { dir, version, device } = tensorflow.tensorflow;
      /** @type {import('./record.mjs').SetupRecord} */
      const record = { version: 1, tensorflow: { dir, version, device }, temporal: temporal.path, libraryPath: libraryPath(tensorflow.tensorflow) };
      writeRecord(root, record);
      const built = buildIsCurrent(root);
      if (!built) await build({ root, env, say });
      const did = dependencies || wheels.length > 0 || binding || !built;
      say(did ? `done in ${secondsSince(started)}` : 'all there');
      return record;
    });
  } finally {
    off();
  }
}
