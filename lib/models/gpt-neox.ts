import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelConfig } from '../../config/sections/models.js';
import { BlissError } from '../errors.js';
import { embedding, gelu, layerNorm, optimizationBarrier, recomputed, softmaxAlong, tf, type NamedTensors, type Shape, type Shapes } from '../tensor/index.js';
import { causalMask } from './causal-mask.js';
import { initialise } from './initialise.js';
import { linear } from './linear.js';
import { batchShape, type ForwardInput, type Model, type ModelOptions } from './model.js';
import { rotaryTable, rotate, type RotaryTable } from './rotary.js';

export type GptNeoXConfig = Extract<ModelConfig, { architecture: 'gpt-neox' }>;

/** what the attention of every block shares */
interface Attending {
  readonly n: number;
  readonly length: number;
  readonly heads: number;
  readonly rotary: RotaryTable;
  /** [1, 1, T, T], keys × queries, or none: every position sees every other */
  readonly mask: Tensor | undefined;
}

/**
 * GPT-NeoX (Pythia): embedding → blocks of parallel residuals, x + attn(ln₁ x) + mlp(ln₂ x) → final LayerNorm → untied
 * output projection. Exact GELU, rotary on the first part of each head, no dropout. Activations are features × positions (`linear`).
 * @throws BlissError ConfigInvalid where heads do not divide the width or the rotated dimensions are odd  @see method §8
 */
export function createGptNeoX(config: GptNeoXConfig, { recomputeBlocks = false }: ModelOptions = {}): Model {
  const { layers, width, heads, rotaryBase, layerNormEpsilon } = config;
  const rotaryDimensions = rotaryWidth(config);
  const norm = (x: Tensor, weights: Weights): Tensor => layerNorm(x, weights('weight'), weights('bias'), layerNormEpsilon, 0);
  const apply = (x: Tensor, weights: Weights): Tensor => linear(x, weights('weight'), weights('bias'));

  const block = (x: Tensor, weights: Weights, attending: Attending): Tensor => {
    const attended = attention(norm(x, within(weights, 'input_layernorm')), within(weights, 'attention'), attending);
    const raised = gelu(apply(norm(x, within(weights, 'post_attention_layernorm')), within(weights, 'mlp.dense_h_to_4h')));
    return tf.add(x, tf.add(attended, apply(raised, within(weights, 'mlp.dense_4h_to_h'))));
  };

  /** its weights are inputs of the recomputation: they are differentiated too */
  const recomputedBlock = (x: Tensor, weights: Weights, attending: () => Attending): Tensor => {
    const names = Object.keys(blockShapes(width));
    // the tables are made anew each time: run eagerly, those of the forward pass are gone by then
    return recomputed(([input, ...tensors]) => block(input, byName(Object.fromEntries(names.map((name, i) => [name, tensors[i]]))), attending()), [x, ...names.map(weights)]);
  };

  const hidden = ({ params, ids, causal }: ForwardInput): Tensor => {
    const [n, length] = batchShape(ids);
    const attending = (): Attending => {
      const rotary = rotaryTable({ length, dimensions: rotaryDimensions, base: rotaryBase });
      return { n, length, heads, rotary, mask: causal ? causalMask(length) : undefined };
    };
    const tables = attending();
    const neox = within(byName(params), 'gpt_neox');
    // its gradient is turned back: all that is summed into it must be there first, or each part would be read across its rows
    let x = optimizationBarrier(tf.transpose(tf.reshape(embedding(neox('embed_in.weight'), ids), [n * length, width])));
    for (let layer = 0; layer < layers; layer++) {
      const weights = within(neox, `layers.${layer}`);
      x = recomputeBlocks ? recomputedBlock(x, weights, attending) : block(x, weights, tables);
    }
    return norm(x, within(neox, 'final_layer_norm'));
  };

  const backboneShapes = (vocabularySize: number): Shapes => {
    const shapes: Record<string, Shape> = { 'gpt_neox.embed_in.weight': [vocabularySize, width] };
    for (let layer = 0; layer < layers; layer++) {
      for (const [name, shape] of Object.entries(blockShapes(width))) shapes[`gpt_neox.layers.${layer}.${name}`] = shape;
    }
    shapes['gpt_neox.final_layer_norm.weight'] = [width];
    shapes['gpt_neox.final_layer_norm.bias'] = [width];
    return shapes;
  };
  const shapes = (vocabularySize: number): Shapes => ({ ...backboneShapes(vocabularySize), 'embed_out.weight': [vocabularySize, width] });

  return {
    config,
    shapes,
    backboneShapes,
    hidden,
    outputWeight: (params) => byName(params)('embed_out.weight'),
    logits: (input) => tf.transpose(linear(hidden(input), byName(input.params)('embed_out.weight'))),
    init: ({ vocabularySize, seed }) =>
      initialise({ shapes: shapes(vocabularySize), seed, standardDeviation: config.initStandardDeviation }),
  };
}

/**
 * v softmax(kᵀ q / √h + mask) over all heads, then the output projection. One fused product makes [q k v] head by head. Keys run down the
 * columns of the attention matrix and queries along its rows, so that none of its products and of their derivatives transposes it.
 * @param x [d, n·T] @returns [d, n·T]
 */
function attention(x: Tensor, weights: Weights, { n, length, heads, rotary, mask }: Attending): Tensor {
  const [width]: number[] = x.shape;
  const headWidth = width / heads;
  const fused = linear(x, weights('query_key_value.weight'), weights('query_key_value.bias'));
  const byHead = tf.transpose(tf.reshape(fused, [heads, 3 * headWidth, n, length]), [0, 2, 1, 3]);
  const [query, key, value] = tf.split(byHead, 3, 2);
  const products = tf.matMul(rotate(key, rotary), rotate(query, rotary), true, false);
  const scaled = tf.mul(products, 1 / Math.sqrt(headWidth));
  const attended = tf.matMul(value, softmaxAlong(mask === undefined ? scaled : tf.add(scaled, mask), 2));
  const joined = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [width, n * length]);
  return linear(joined, weights('dense.weight'), weights('dense.bias'));
}

/** Tensors of one block, in the checkpoint's order. @param width d */
function blockShapes(width: number): Shapes {
  const weights: Readonly<Record<string, Shape>> = {
    input_layernorm: [width],
    post_attention_layernorm: [width],
    'attention.query_key_value': [3 * width, width],
    'attention.dense': [width, width],
    'mlp.dense_h_to_4h': [4 * width, width],
    'mlp.dense_4h_to_h': [width, 4 * width],
  };
  return Object.fromEntries(Object.entries(weights).flatMap(([name, shape]) => [[`${name}.weight`, shape], [`${name}.bias`, [shape[0]]]]));
}

/** r, rotated dimensions a head */
function rotaryWidth({ width, heads, rotaryFraction }: GptNeoXConfig): number {
  if (width % heads !== 0) {
    throw new BlissError({ code: 'ConfigInvalid', message: `a width of ${width} does not divide into ${heads} heads`, mend: 'choose heads that divide width' });
  }
  const dimensions = Math.floor((width / heads) * rotaryFraction);
  if (dimensions < 2 || dimensions % 2 !== 0) {
    throw new BlissError({
      code: 'ConfigInvalid',
      message: `rotaryFraction ${rotaryFraction} of a head of ${width / heads} rotates ${dimensions} dimensions`,
      mend: 'choose width, heads and rotaryFraction so that an even number of at least 2 is rotated',
    });
  }
  return dimensions;
}

/** one tensor by the end of its name */
type Weights = (name: string) => Tensor;

function byName(params: NamedTensors): Weights {
  return (name) => {
    if (!Object.hasOwn(params, name)) throw new RangeError(`the weights lack ${name}`);
    return params[name];
  };
}

const within =
  (weights: Weights, prefix: string): Weights =>
  (name) =>
    weights(`${prefix}.${name}`);
