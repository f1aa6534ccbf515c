import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { once } from './cache.mjs';
import { capture, lastLines } from './command.mjs';
import { findOnPath, isExecutable } from './facts.mjs';
import { layOut } from './layout.mjs';
import { secondsSince } from './progress.mjs';
import { withLibraryPath } from './record.mjs';
import { SetupError } from './setup-error.mjs';
import { libraryPath } from './tensorflow.mjs';

const FILE = 'tfjs_binding.node';
/** Node-API version that the package's loader picks on Node 20 and 22. */
const NAPI = 8;
const NO_COMPILER = 'install one (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++), or set CXX to it';

/** @param {string} root */
const packageFolder = (root) => path.join(root, 'node_modules', '@tensorflow', 'tfjs-node-gpu');

/**
 * The compiler: `CXX`, else the first of the usual names.
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ program: string, args: readonly string[] }}
 */
export function findCompiler(env) {
  const own = env['CXX'];
  if (own !== undefined && own !== '') {
    const [name = '', ...args] = own.split(/\s+/); // `ccache g++` is usual
    const program = name.includes('/') ? (isExecutable(name) ? name : null) : findOnPath(name, env);
    if (program === null) throw new SetupError({ message: `CXX is "${own}", which is no program`, fix: 'set CXX to a C++ compiler, or unset it' });
    return { program, args };
  }
  for (const name of ['g++', 'c++', 'clang++']) {
    const program = findOnPath(name, env);
    if (program !== null) return { program, args: [] };
  }
  throw new SetupError({ message: 'no C++ compiler found (g++, c++, clang++); the TensorFlow binding is compiled here', fix: NO_COMPILER });
}

/**
 * The binding in node_modules was built from these sources and was seen to load this TensorFlow.
 * @param {string} root @param {import('./tensorflow.mjs').Tensorflow} tensorflow
 */
export function bindingIsCurrent(root, tensorflow) {
  const built = path.join(packageFolder(root), 'lib', `napi-v${NAPI}`);
  try {
    const stamp = JSON.parse(readFileSync(path.join(built, '.bliss-binding.json'), 'utf8'));
    return stamp.key === bindingKey(root, tensorflow) && stamp.dir === tensorflow.dir && statSync(path.join(built, FILE)).size === stamp.size;
  } catch {
    return false;
  }
}

/**
 * Lays TensorFlow out under the npm package and puts the binding in, from the cache if it was built before.
 * The copy finds TensorFlow by its place in the package, so one build serves all clones.
 * @param {{ root: string, cache: string, env: NodeJS.ProcessEnv, say: import('./progress.mjs').Say, tensorflow: import('./tensorflow.mjs').Tensorflow }} input
 */
export async function provideBinding({ root, cache, env, say, tensorflow }) {
  const folder = packageFolder(root);
  layOut({ deps: path.join(folder, 'deps'), tensorflow });
  if (bindingIsCurrent(root, tensorflow)) return;
  const compiler = findCompiler(env);
  const key = bindingKey(root, tensorflow);
  const cached = await once({
    cache,
    name: `bindings/${key}-${await compilerKey(compiler)}`,
    say,
    make: async (into) => {
      await compile({ root, compiler, into, say });
      return [FILE];
    },
  });
  const built = path.join(folder, 'lib', `napi-v${NAPI}`);
  const target = path.join(built, FILE);
  mkdirSync(built, { recursive: true });
  copyFileSync(path.join(cached, FILE), `${target}.${process.pid}`);
  renameSync(`${target}.${process.pid}`, target); // a process that has the old one loaded keeps it
  const version = await tryLoading({ target, env, tensorflow });
  writeFileSync(path.join(built, '.bliss-binding.json'), JSON.stringify({ key, dir: tensorflow.dir, size: statSync(target).size }));
  say(`TensorFlow ${version} loads under the binding (${tensorflow.device})`);
}

/** @param {string} root @param {import('./tensorflow.mjs').Tensorflow} tensorflow */
function bindingKey(root, tensorflow) {
  const sources = path.join(packageFolder(root), 'binding');
  const hash = createHash('sha256').update(`${tensorflow.version}\n${NAPI}\n${JSON.stringify(FLAGS)}\n`);
  hash.update(readFileSync(path.join(root, 'node_modules', 'node-api-headers', 'package.json')));
  hash.update(readFileSync(SESSION_OPTIONS));
  for (const file of readdirSync(sources).sort()) hash.update(file).update(readFileSync(path.join(sources, file)));
  return hash.digest('hex').slice(0, 16);
}

/** @param {{ program: string, args: readonly string[] }} compiler */
async function compilerKey({ program, args }) {
  const { code, output } = await capture(program, [...args, '--version']);
  if (code !== 0) throw new SetupError({ message: `${program} --version fails: ${lastLines(output, 3)}`, fix: NO_COMPILER });
  return createHash('sha256').update(output).digest('hex').slice(0, 8);
}

const FLAGS = ['-std=c++17', '-O2', '-shared', '-fPIC', `-DNAPI_VERSION=${NAPI}`, '-DNODE_GYP_MODULE_NAME=tfjs_binding', '-DTF_NewSessionOptions=bliss_NewSessionOptions'];

/** Our own part of it: the options of its sessions. */
const SESSION_OPTIONS = fileURLToPath(new URL('session-options.cc', import.meta.url));

/** @param {{ root: string, compiler: { program: string, args: readonly string[] }, into: string, say: import('./progress.mjs').Say }} input */
async function compile({ root, compiler, into, say }) {
  const started = performance.now();
  say(`compiling the TensorFlow binding with ${compiler.program}`);
  const { code, output } = await capture(
    compiler.program,
    // prettier-ignore
    [...compiler.args, ...FLAGS, '-I..', '-Ideps/include', `-I${path.join(root, 'node_modules', 'node-api-headers', 'include')}`,
      'binding/tfjs_backend.cc', 'binding/tfjs_binding.cc', SESSION_OPTIONS, '-o', path.join(into, FILE),
      '-Ldeps/lib', '-ltensorflow', '-l:libtensorflow_framework.so.2', '-Wl,-rpath,$ORIGIN/../../deps/lib'],
    { cwd: packageFolder(root) },
  );
  if (code !== 0) throw new SetupError({ message: `the TensorFlow binding did not compile:\n${lastLines(output)}`, fix: 'use g++ 9 or later or clang 10 or later (CXX names another compiler), with the C++ standard library\'s headers' });
  say(`  compiled in ${secondsSince(started)}`);
}

/**
 * Loads it once in a process of its own: what fails here would fail in the middle of a run.
 * @param {{ target: string, env: NodeJS.ProcessEnv, tensorflow: import('./tensorflow.mjs').Tensorflow }} input
 */
async function tryLoading({ target, env, tensorflow }) {
  const script = `process.stdout.write('version ' + require(${JSON.stringify(target)}).TF_Version + '\\n')`;
  const { code, output } = await capture(process.execPath, ['-e', script], { env: { ...withLibraryPath(env, libraryPath(tensorflow)), TF_CPP_MIN_LOG_LEVEL: '2' } });
  const version = /^version (.+)$/m.exec(output)?.[1];
  if (code !== 0 || version === undefined) {
    rmSync(target, { force: true });
    throw new SetupError({ message: `the TensorFlow binding does not load:\n${lastLines(output)}`, fix: tensorflow.version.startsWith('own-') ? 'unset BLISS_TENSORFLOW_DIR, or set it to a TensorFlow 2.21 for this machine' : tensorflow.device === 'gpu' ? 'set BLISS_DEVICE=cpu to go on without the GPU, or fix its driver (nvidia-smi)' : 'remove the folder wheels/ of the cache (BLISS_CACHE) and run again' });
  }
  return version;
}
