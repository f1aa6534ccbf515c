import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelConfig } from '../../config/sections/models.js';
import { embedding, optimizationBarrier, recomputed, tf, type Shapes } from '../tensor/index.js';
import { causalMask } from './causal-mask.js';
import { initialise } from './initialise.js';
import { keyMask } from './key-mask.js';
import { linear } from './linear.js';
import { batchShape, type ForwardInput, type Model, type ModelOptions } from './model.js';
import { LOGITS_AT_ONCE } from './over-logits.js';
import { byName, within, type Weights } from './weights.js';

/** What the attention of every block is given beside its weights. */
export interface Attending<Tables> {
  readonly n: number;
  readonly length: number;
  readonly tables: Tables;
  /** [1, 1, T, T], keys × queries, or none: every position sees every other */
  readonly mask: Tensor | undefined;
}

/** What tells one architecture from another. Shapes and names are of the Hugging Face checkpoint. */
export interface Architecture<Tables> {
  readonly config: ModelConfig;
  readonly options: ModelOptions;
  readonly names: {
    readonly embedding: string;
    /** block i is `${blocks}.${i}` */
    readonly blocks: string;
    readonly finalNorm: string;
    /** the embedding's name where it is the output projection too */
    readonly output: string;
  };
  /** tensors of one block, in the checkpoint's order */
  readonly blockShapes: Shapes;
  readonly finalNormShapes: Shapes;
  /** what depends on the row length alone, such as rotary angles */
  tables(length: number): Tables;
  /** @param x [d, n·T] @returns the same shape */
  block(x: Tensor, weights: Weights, attending: Attending<Tables>): Tensor;
  norm(x: Tensor, weights: Weights): Tensor;
}

/** Embedding → blocks → final norm → output projection. Activations are features × positions (`linear`).  @see method §8 */
export function createDecoder<Tables>({ config, options, names, blockShapes, finalNormShapes, tables, block, norm }: Architecture<Tables>): Model {
  const { layers, width, initStandardDeviation } = config;
  const { recomputeBlocks = false, logitsAtOnce = LOGITS_AT_ONCE } = options;

  /** its weights are inputs of the recomputation: they are differentiated too */
  const recomputedBlock = (x: Tensor, weights: Weights, attending: () => Attending<Tables>): Tensor => {
    const own = Object.keys(blockShapes);
    // the tables are made anew each time: run eagerly, those of the forward pass are gone by then
    return recomputed(([input, ...tensors]) => block(input, byName(Object.fromEntries(own.map((name, i) => [name, tensors[i]]))), attending()), [x, ...own.map(weights)]);
  };

  const hidden = ({ params, ids, causal, seen }: ForwardInput): Tensor => {
    const [n, length] = batchShape(ids);
    const attending = (): Attending<Tables> => ({ n, length, tables: tables(length), mask: maskOf(length, causal, seen) });
    const shared = attending();
    const all = byName(params);
    // its gradient is turned back: all that is summed into it must be there first, or each part would be read across its rows
    let x = optimizationBarrier(tf.transpose(tf.reshape(embedding(all(names.embedding), ids), [n * length, width])));
    for (let layer = 0; layer < layers; layer++) {
      const weights = within(all, `${names.blocks}.${layer}`);
      x = recomputeBlocks ? recomputedBlock(x, weights, attending) : block(x, weights, shared);
    }
    return norm(x, within(all, names.finalNorm));
  };

  const backboneShapes = (vocabularySize: number): Shapes => ({
    [names.embedding]: [vocabularySize, width],
    ...Object.assign({}, ...Array.from({ length: layers }, (_, layer) => prefixed(`${names.blocks}.${layer}`, blockShapes))),
    ...prefixed(names.finalNorm, finalNormShapes),
  });
  const shapes = (vocabularySize: number): Shapes => ({ ...backboneShapes(vocabularySize), [names.output]: [vocabularySize, width] });

  return {
    config,
    logitsAtOnce,
    shapes,
    backboneShapes,
    hidden,
    outputWeight: (params) => byName(params)(names.output),
    logits: (input) => tf.transpose(linear(hidden(input), byName(input.params)(names.output))),
    init: ({ vocabularySize, seed }) => initialise({ shapes: shapes(vocabularySize), seed, standardDeviation: initStandardDeviation }),
  };
}

function maskOf(length: number, causal: boolean, seen: ForwardInput['seen']): Tensor | undefined {
  if (seen === undefined) return causal ? causalMask(length) : undefined;
  return causal ? tf.add(causalMask(length), keyMask(seen)) : keyMask(seen);
}

const prefixed = (prefix: string, shapes: Shapes): Shapes => Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [`${prefix}.${name}`, shape]));
