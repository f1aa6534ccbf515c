import { SetupError } from './setup-error.mjs';

/** TensorFlow's wheels are `manylinux_2_27`: they need this glibc or a later one. */
const OLDEST_GLIBC = [2, 27];
const OLDEST_NODE = [20, 19];
/** Node 23 dropped functions that tfjs-node 4.22 calls. */
const FIRST_NODE_TOO_NEW = [23, 0];
const CONTAINER = 'run it in a Linux x64 container or machine, for example: docker run --platform linux/amd64 -it node:22-bookworm';

/**
 * One clear error on a machine that cannot run the pipeline, before anything is fetched.
 * @param {import('./facts.mjs').Facts} facts
 */
export function checkPlatform(facts) {
  if (facts.platform === 'darwin') throw new SetupError({ message: 'macOS is not supported: the TensorFlow library under the binding is a Linux one', fix: CONTAINER });
  if (facts.platform === 'win32') throw new SetupError({ message: 'Windows is not supported: the TensorFlow library under the binding is a Linux one', fix: 'run it under WSL 2 (wsl --install), inside the Linux file system' });
  if (facts.platform !== 'linux') throw new SetupError({ message: `${facts.platform} is not supported: only Linux x64 is`, fix: CONTAINER });
  if (facts.arch !== 'x64') throw new SetupError({ message: `Linux on ${facts.arch} is not supported: there is no TensorFlow library with the C API for it`, fix: CONTAINER.replace('container or machine', 'machine (or, slowly, in an emulated container)') });
  if (facts.glibc === null) throw new SetupError({ message: 'musl libc (Alpine) is not supported: TensorFlow and Temporal\'s native core need glibc', fix: 'use an image with glibc, such as node:22-bookworm instead of node:22-alpine' });
  if (before(facts.glibc, OLDEST_GLIBC)) throw new SetupError({ message: `glibc ${facts.glibc} is too old: TensorFlow needs ${OLDEST_GLIBC.join('.')} or later`, fix: 'use a newer distribution (Debian 10, Ubuntu 18.10, RHEL 9 or later)' });
  if (before(facts.node, OLDEST_NODE)) throw new SetupError({ message: `Node ${facts.node} is too old: ${OLDEST_NODE.join('.')} or later is needed`, fix: 'install Node 22 or 20 (nvm install 22)' });
  if (!before(facts.node, FIRST_NODE_TOO_NEW)) throw new SetupError({ message: `Node ${facts.node} is too new: tfjs-node 4.22 runs on Node 20 and 22`, fix: 'install Node 22 (nvm install 22)' });
  if (!facts.avx) throw new SetupError({ message: 'this CPU has no AVX, which TensorFlow is compiled for', fix: 'use a machine with AVX, or set BLISS_TENSORFLOW_DIR to a TensorFlow compiled for this one' });
}

/** @param {string} version @param {number[]} bound major and minor */
function before(version, bound) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [boundMajor = 0, boundMinor = 0] = bound;
  return major < boundMajor || (major === boundMajor && minor < boundMinor);
}
