import { bilevelSchema } from '../../config/sections/bilevel.js';
import type { BilevelModels, BilevelSettings } from '../../lib/bilevel/index.js';
import { createModel, createScoreModel } from '../../lib/models/index.js';
import { mapNamed } from '../../lib/optim/index.js';
import { randomStream } from '../../lib/random.js';
import { innerProduct, tf, type NamedTensors } from '../../lib/tensor/index.js';
import { fivePositions, idsOf, randomIds, tensorsOf, tinyConfig, unsettle, vocabularySize } from '../models/tiny.js';

const proxy = createModel(tinyConfig);
const target = createModel({ ...tinyConfig, width: 16, heads: 2 });
const score = createScoreModel(proxy);
export const models: BilevelModels = { proxy, target, score };
/** the proxy whose logits are made in parts */
export const inParts = createModel(tinyConfig, { logitsAtOnce: fivePositions });

export const shapes = { proxy: proxy.shapes(vocabularySize), target: target.shapes(vocabularySize), score: score.shapes(vocabularySize) };
export const arrays = {
  proxy: unsettle(proxy.init({ vocabularySize, seed: 'p' }), 1),
  target: unsettle(target.init({ vocabularySize, seed: 'r' }), 2),
  score: unsettle(score.init({ vocabularySize, seed: 's' }), 3),
};
export const weights = { proxy: tensorsOf(arrays.proxy, shapes.proxy), target: tensorsOf(arrays.target, shapes.target), score: tensorsOf(arrays.score, shapes.score) };

export const [n, m, T] = [4, 3, 8];
export const rows = { ids: randomIds({ rows: n, length: T, seed: 1 }), validation: randomIds({ rows: m, length: T, seed: 2 }) };
export const ids = idsOf(rows.ids);
export const validationIds = idsOf(rows.validation);
/** row i counts its last i + 1 tokens */
export const mask = rows.validation.map((row, i) => row.map((_, t) => (t >= T - 1 - i ? 1 : 0)));

/** weights of the terms large enough that each shows in G */
export function settingsWith(changes: Partial<BilevelSettings> = {}): BilevelSettings {
  return { ...bilevelSchema.parse({ klWeight: 0.3, l2Weight: 0.01, solver: { steps: 3 } }), ...changes };
}

/** a direction in the space of `like`, of norm about 1 */
export function direction(like: NamedTensors, seed: number): NamedTensors {
  const drawn = mapNamed(like, (x, name) => {
    const random = randomStream('direction', seed, name);
    return tf.tensor(Float32Array.from({ length: x.size }, () => random.normal()), x.shape);
  });
  const norm = Math.sqrt(innerProduct(drawn, drawn).dataSync()[0]);
  return mapNamed(drawn, (x) => tf.div(x, norm));
}

export const shifted = (point: NamedTensors, along: NamedTensors, distance: number): NamedTensors => mapNamed(point, (x, name) => tf.add(x, tf.mul(along[name], distance)));
export const numbers = (tensor: { dataSync(): ArrayLike<number> }): number[] => Array.from(tensor.dataSync());
/** ‖a − b‖ / ‖b‖ over all tensors */
export function relativeError(a: NamedTensors, b: NamedTensors): number {
  const difference = mapNamed(b, (x, name) => tf.sub(a[name], x));
  return Math.sqrt(innerProduct(difference, difference).dataSync()[0] / innerProduct(b, b).dataSync()[0]);
}
