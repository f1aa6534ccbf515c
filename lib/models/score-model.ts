import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { BlissError } from '../errors.js';
import { tf, type NamedArrays, type NamedTensors, type Shapes } from '../tensor/index.js';
import { initialise } from './initialise.js';
import { linear } from './linear.js';
import { batchShape, type InitInput, type Model, type TokenIds } from './model.js';

export interface ScoreInput {
  /** θ_s by name: the backbone's names, `head.weight` [1, d] and `head.bias` [1] */
  readonly params: NamedTensors;
  /** int32 [n, T] */
  readonly ids: TokenIds;
}

export interface ScoreModel {
  /** the proxy's architecture, whose backbone this is */
  readonly backbone: Model;
  shapes(vocabularySize: number): Shapes;
  /** f(ξ), before the sigmoid: [n]. What rows are ranked by. */
  logits(input: ScoreInput): Tensor;
  /** s = sigmoid(f): [n], in (0, 1) */
  scores(input: ScoreInput): Tensor;
  /** everything fresh */
  init(input: InitInput): NamedArrays;
  /** θ_s of round 1: the backbone of θ_p⁰ and a fresh head. @param proxy every weight of the proxy; its output projection is left out */
  fromProxy(input: InitInput & { readonly proxy: NamedArrays }): NamedArrays;
}

/**
 * f(ξ) = head · mean_t LN(backbone(ξ))_t + bias, the backbone without a causal mask: every position sees the whole row. A row's
 * score does not depend on its neighbours in the batch.  @see method §1
 */
export function createScoreModel(backbone: Model): ScoreModel {
  const { width, initStandardDeviation } = backbone.config;
  const headShapes: Shapes = { 'head.weight': [1, width], 'head.bias': [1] };
  const shapes = (vocabularySize: number): Shapes => ({ ...backbone.backboneShapes(vocabularySize), ...headShapes });
  const logits = ({ params, ids }: ScoreInput): Tensor => {
    const [n, length] = batchShape(ids);
    const positions = tf.reshape(backbone.hidden({ params, ids, causal: false }), [width, n, length]);
    return tf.reshape(linear(tf.mean(positions, 2), params['head.weight'], params['head.bias']), [n]);
  };
  return {
    backbone,
    shapes,
    logits,
    scores: (input) => tf.sigmoid(logits(input)),
    init: ({ vocabularySize, seed }) => initialise({ shapes: shapes(vocabularySize), seed, standardDeviation: initStandardDeviation }),
    fromProxy: ({ proxy, vocabularySize, seed }) => ({
      ...pick(proxy, Object.keys(backbone.backboneShapes(vocabularySize))),
      ...initialise({ shapes: headShapes, seed, standardDeviation: initStandardDeviation }),
    }),
  };
}

function pick(arrays: NamedArrays, names: readonly string[]): NamedArrays {
  return Object.fromEntries(
    names.map((name) => {
      if (!Object.hasOwn(arrays, name)) throw new BlissError({ code: 'CheckpointCorrupt', message: `the proxy's weights lack ${name}` });
      return [name, arrays[name].slice()];
    }),
  );
}
