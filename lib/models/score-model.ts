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
  /** φ, float32 [n, K]; of a model with features only */
  readonly features?: Tensor;
}

/** What a score model sees of a row besides its tokens. */
export interface ScoreFeatures {
  /** K */
  readonly count: number;
  /** κ */
  readonly scale: number;
  /** false: nothing but features, no transformer */
  readonly backbone: boolean;
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
 *     f(ξ) = head · mean_t LN(backbone(ξ))_t + bias + κ ⟨w, φ(ξ)⟩
 *
 * the backbone without a causal mask: every position sees the whole row. A row's score does not depend on its neighbours in the batch.
 * Without features there is no last term; without a backbone nothing but bias and it. w begins at 0.  @see method §1
 */
export function createScoreModel(backbone: Model, features?: ScoreFeatures): ScoreModel {
  const { width, initStandardDeviation } = backbone.config;
  const seesTokens = features?.backbone !== false;
  const headShapes: Shapes = seesTokens ? { 'head.weight': [1, width], 'head.bias': [1] } : { 'head.bias': [1] };
  const featureShapes: Shapes = features === undefined ? {} : { 'features.weight': [1, features.count] };
  const backboneShapes = (vocabularySize: number): Shapes => (seesTokens ? backbone.backboneShapes(vocabularySize) : {});
  const shapes = (vocabularySize: number): Shapes => ({ ...backboneShapes(vocabularySize), ...headShapes, ...featureShapes });
  const ofTokens = ({ params, ids }: ScoreInput): Tensor => {
    const [n, length] = batchShape(ids);
    const positions = tf.reshape(backbone.hidden({ params, ids, causal: false }), [width, n, length]);
    return tf.reshape(linear(tf.mean(positions, 2), params['head.weight'], params['head.bias']), [n]);
  };
  const ofFeatures = (params: NamedTensors, given: Tensor | undefined, { count, scale }: ScoreFeatures): Tensor => {
    if (given === undefined) throw new RangeError('a score model of features was given none');
    // a sum of products, which stays float32 under bf16-mixed: without a backbone it is all that ranks the rows
    return tf.mul(tf.sum(tf.mul(given, tf.reshape(params['features.weight'], [1, count])), 1), scale);
  };
  const logits = (input: ScoreInput): Tensor => {
    if (features === undefined) return ofTokens(input);
    const said = ofFeatures(input.params, input.features, features);
    return tf.add(seesTokens ? ofTokens(input) : input.params['head.bias'], said);
  };
  const fresh = (shapesOf: Shapes, { seed }: InitInput): NamedArrays => ({
    ...initialise({ shapes: shapesOf, seed, standardDeviation: initStandardDeviation }),
    ...(features === undefined ? {} : { 'features.weight': new Float32Array(features.count) }),
  });
  return {
    backbone,
    shapes,
    logits,
    scores: (input) => tf.sigmoid(logits(input)),
    init: (input) => fresh({ ...backboneShapes(input.vocabularySize), ...headShapes }, input),
    fromProxy: ({ proxy, ...input }) => ({ ...pick(proxy, Object.keys(backboneShapes(input.vocabularySize))), ...fresh(headShapes, input) }),
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
