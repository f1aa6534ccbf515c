import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelConfig } from '../../../../config/sections/models.js';
import { BlissError } from '../../../errors.js';
import { gelu, layerNorm, softmaxAlong, tf, type Shape, type Shapes } from '../../../tensor/index.js';
import { createDecoder, type Attending } from '../../decoder.js';
import { headWidthOf } from '../../heads.js';
import { linear } from '../../linear.js';
import type { Model, ModelOptions } from '../../model.js';
import { rotaryTable, rotate, type RotaryTable } from '../../rotary.js';
import { within, type Weights } from '../../weights.js';

export type GptNeoXConfig = Extract<ModelConfig, { architecture: 'gpt-neox' }>;

/**
 * GPT-NeoX (Pythia): blocks of parallel residuals, x + attn(ln₁ x) + mlp(ln₂ x), a final LayerNorm and an untied output projection.
 * Exact GELU, rotary on the first part of each head, no dropout.
 * @throws BlissError ConfigInvalid where heads do not divide the width or the rotated dimensions are odd  @see method §8
 */
export function createGptNeoX(config: GptNeoXConfig, options: ModelOptions = {}): Model {
  const { width, heads, rotaryBase, layerNormEpsilon } = config;
  const rotaryDimensions = rotaryWidth(config);
  const norm = (x: Tensor, weights: Weights): Tensor => layerNorm(x, weights('weight'), weights('bias'), layerNormEpsilon, 0);
  return createDecoder<RotaryTable>({
    config,
    options,
    names: { embedding: 'gpt_neox.embed_in.weight', blocks: 'gpt_neox.layers', finalNorm: 'gpt_neox.final_layer_norm', output: 'embed_out.weight' },
    blockShapes: blockShapes(width),
    finalNormShapes: { weight: [width], bias: [width] },
    tables: (length) => rotaryTable({ length, dimensions: rotaryDimensions, base: rotaryBase }),
    norm,
    block: (x, weights, attending) => {
      const attended = attention(norm(x, within(weights, 'input_layernorm')), within(weights, 'attention'), { ...attending, heads });
      const raised = gelu(apply(norm(x, within(weights, 'post_attention_layernorm')), within(weights, 'mlp.dense_h_to_4h')));
      return tf.add(x, tf.add(attended, apply(raised, within(weights, 'mlp.dense_4h_to_h'))));
    },
  });
}

const apply = (x: Tensor, weights: Weights): Tensor => linear(x, weights('weight'), weights('bias'));

/**
 * v softmax(kᵀ q / √h + mask) over all heads, then the output projection. One fused product makes [q k v] head by head. Keys run down the
 * columns of the attention matrix and queries along its rows, so that none of its products and of their derivatives transposes it.
 * @param x [d, n·T] @returns [d, n·T]
 */
function attention(x: Tensor, weights: Weights, { n, length, heads, tables: rotary, mask }: Attending<RotaryTable> & { readonly heads: number }): Tensor {
  const [width]: number[] = x.shape;
  const headWidth = width / heads;
  const fused = apply(x, within(weights, 'query_key_value'));
  const byHead = tf.transpose(tf.reshape(fused, [heads, 3 * headWidth, n, length]), [0, 2, 1, 3]);
  const [query, key, value] = tf.split(byHead, 3, 2);
  const products = tf.matMul(rotate(key, rotary), rotate(query, rotary), true, false);
  const scaled = tf.mul(products, 1 / Math.sqrt(headWidth));
  const attended = tf.matMul(value, softmaxAlong(mask === undefined ? scaled : tf.add(scaled, mask), 2));
  const joined = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [width, n * length]);
  return apply(joined, within(weights, 'dense'));
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
function rotaryWidth(config: GptNeoXConfig): number {
  const { rotaryFraction } = config;
  const headWidth = headWidthOf(config);
  const dimensions = Math.floor(headWidth * rotaryFraction);
  if (dimensions < 2 || dimensions % 2 !== 0) {
    throw new BlissError({
      code: 'ConfigInvalid',
      message: `rotaryFraction ${rotaryFraction} of a head of ${headWidth} rotates ${dimensions} dimensions`,
      fix: 'choose width, heads and rotaryFraction so that an even number of at least 2 is rotated',
    });
  }
  return dimensions;
}
