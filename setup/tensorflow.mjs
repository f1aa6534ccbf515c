import { createHash } from 'node:crypto';
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { CUDA, TENSORFLOW_CPU, TENSORFLOW_CUDA } from './pins.mjs';
import { SetupError } from './setup-error.mjs';
import { isComplete } from './cache.mjs';
import { provideWheel, wheelFolder } from './wheel.mjs';

const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/**
 * @typedef {object} Tensorflow
 * @property {string} dir holds `include/` and the two libraries
 * @property {string} version `2.21.0`; of one's own `own-` and a digest
 * @property {'cpu' | 'gpu'} device
 * @property {Readonly<Record<string, string>>} cuda folder of each CUDA part, `cublas`
 */

/**
 * Which TensorFlow this machine gets, and the wheels that it comes from. Nothing is fetched yet.
 * @param {{ env: NodeJS.ProcessEnv, facts: import('./facts.mjs').Facts, cache: string }} input
 * @returns {{ tensorflow: Tensorflow, wheels: readonly import('./pins.mjs').Pin[], missing: readonly import('./pins.mjs').Pin[] }}
 */
export function chooseTensorflow({ env, facts, cache }) {
  const device = chooseDevice(env, facts);
  const own = env['BLISS_TENSORFLOW_DIR'];
  if (own !== undefined && own !== '') return { tensorflow: ownTensorflow(path.resolve(own), device), wheels: [], missing: [] };
  const main = device === 'gpu' ? TENSORFLOW_CUDA : TENSORFLOW_CPU;
  const parts = device === 'gpu' ? CUDA : [];
  const wheels = [main, ...parts];
  return {
    tensorflow: {
      dir: path.join(wheelFolder(main, cache), 'tensorflow'),
      version: main.version,
      device,
      cuda: Object.fromEntries(parts.map((pin) => [pin.part, path.join(wheelFolder(pin, cache), 'nvidia', pin.part)])),
    },
    wheels,
    missing: wheels.filter((pin) => !isComplete(wheelFolder(pin, cache))),
  };
}

/** @param {NodeJS.ProcessEnv} env @param {import('./facts.mjs').Facts} facts @returns {'cpu' | 'gpu'} */
function chooseDevice(env, facts) {
  const asked = env['BLISS_DEVICE'];
  if (asked === undefined || asked === '') return facts.gpu ? 'gpu' : 'cpu';
  if (asked === 'cpu' || asked === 'gpu') return asked;
  throw new SetupError({ message: `BLISS_DEVICE is "${asked}"`, fix: 'set it to cpu or gpu, or unset it: a GPU is taken where its driver is found' });
}

/** @param {string} dir @param {'cpu' | 'gpu'} device @returns {Tensorflow} */
function ownTensorflow(dir, device) {
  const missing = ['include/tensorflow/c/c_api.h', ...LIBRARIES].filter((file) => !existsSync(path.join(dir, file)));
  if (missing.length > 0) {
    throw new SetupError({ message: `BLISS_TENSORFLOW_DIR is ${dir}, which lacks ${missing.join(', ')}`, fix: 'set it to the tensorflow folder of an installed wheel (python3 -c "import tensorflow; print(tensorflow.__path__[0])"), or unset it' });
  }
  // Beside an installed wheel lie the CUDA libraries that pip installed with it.
  const nvidia = path.join(dir, '..', 'nvidia');
  const parts = existsSync(nvidia) ? readdirSync(nvidia).filter((part) => existsSync(path.join(nvidia, part, 'lib')) || part === 'cuda_nvcc') : [];
  const identity = [realpathSync(dir), ...LIBRARIES.map((file) => statSync(path.join(dir, file))).flatMap(({ size, mtimeMs }) => [size, mtimeMs])];
  return { dir, version: `own-${createHash('sha256').update(identity.join('\n')).digest('hex').slice(0, 12)}`, device, cuda: Object.fromEntries(parts.map((part) => [part, path.join(nvidia, part)])) };
}

/** Folders that the loader must know before TensorFlow loads. @param {Tensorflow} tensorflow */
export function libraryPath({ cuda }) {
  const folders = Object.values(cuda).map((part) => path.join(part, 'lib')).filter((folder) => existsSync(folder));
  const unusable = folders.find((folder) => /[:;]/.test(folder));
  if (unusable === undefined) return folders;
  throw new SetupError({ message: `${unusable} holds a colon or a semicolon, at which the loader of libraries divides its path`, fix: 'set BLISS_CACHE (or BLISS_TENSORFLOW_DIR, where that is set) to a folder without either' });
}

/**
 * @param {{ wheels: readonly import('./pins.mjs').Pin[], cache: string, env: NodeJS.ProcessEnv, say: import('./progress.mjs').Say }} input
 */
export async function fetchTensorflow({ wheels, cache, env, say }) {
  for (const pin of wheels) await provideWheel({ pin, cache, env, say });
}
