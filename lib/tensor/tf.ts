import { createRequire } from 'node:module';
import util from 'node:util';
import type * as TensorFlow from '@tensorflow/tfjs-node-gpu';

// tfjs-node 4.22 calls util.isNullOrUndefined, gone from Node 23 on.
if (!('isNullOrUndefined' in util)) {
  Object.defineProperty(util, 'isNullOrUndefined', { value: (x: unknown) => x === null || x === undefined });
}
process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';

// tfjs-core alone resolves to a build without gradients in Node: the node package brings the whole. Imported, its megabytes of CommonJS
// would first be searched for names to export, a third of the time they take to load.
const tf: typeof TensorFlow = createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu');
await tf.ready();

export { tf };
