import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelConfig } from '../../../../config/sections/models.js';
import { BlissError } from '../../../errors.js';
import { rmsNorm, silu, softmaxAlong, tf, type Shapes } from '../../../tensor/index.js';
import { createDecoder, type Attending } from '../../decoder.js';
import { headWidthOf } from '../../heads.js';
import { linear } from '../../linear.js';
import type { Model, ModelOptions } from '../../model.js';
import { rotaryTable, rotate, type RotaryTable } from '../../rotary.js';
import { within, type Weights } from '../../weights.js';

export type LlamaConfig = Extract<ModelConfig, { architecture: 'llama' }>;

interface Tables {
  readonly keys: RotaryTable;
  /** the same once for each query head that shares a key: [1, 1, h, g·T] */
  readonly queries: RotaryTable;
}

/**
 * LLaMA: blocks x' = x + attn(rms₁ x), then x' + down(silu(gate y) · up y) of y = rms₂ x', a final RMSNorm, and an output projection that is the
 * embedding where they are tied. No biases, rotary on whole heads, g query heads to each key and value head.
 * @throws BlissError ConfigInvalid where heads do not divide the width or keyValueHeads the heads, or heads are of an odd width  @see method §8
 */
export function createLlama(config: LlamaConfig, options: ModelOptions = {}): Model {
  const { width, rotaryBase, rmsNormEpsilon, tieEmbeddings } = config;
  const grouping = groupingOf(config);
  const norm = (x: Tensor, weights: Weights): Tensor => rmsNorm(x, weights('weight'), rmsNormEpsilon, 0);
  const embedding = 'model.embed_tokens.weight';
  return createDecoder<Tables>({
    config,
    options,
    names: { embedding, blocks: 'model.layers', finalNorm: 'model.norm', output: tieEmbeddings ? embedding : 'lm_head.weight' },
    blockShapes: blockShapes(config, grouping),
    finalNormShapes: { weight: [width] },
    tables: (length) => {
      const keys = rotaryTable({ length, dimensions: grouping.headWidth, base: rotaryBase });
      return { keys, queries: repeated(keys, grouping.queriesPerKey) };
    },
    norm,
    block: (x, weights, attending) => {
      const attended = tf.add(x, attention(norm(x, within(weights, 'input_layernorm')), within(weights, 'self_attn'), attending, grouping));
      return tf.add(attended, swiglu(norm(attended, within(weights, 'post_attention_layernorm')), within(weights, 'mlp')));
    },
  });
}

interface Grouping {
  /** h */
  readonly headWidth: number;
  readonly keyValueHeads: number;
  /** g, query heads that share a key head: those of key head j are j·g … j·g + g − 1 */
  readonly queriesPerKey: number;
}

/**
 * v softmax(kᵀ q / √h + mask), then the output projection. The g query heads of a key head stand side by side as its columns, so that keys and
 * values are never copied and a group is one product; keys run down the columns of the attention matrix, as in GPT-NeoX.
 * @param x [d, n·T] @returns [d, n·T]
 */
function attention(x: Tensor, weights: Weights, { n, length, tables, mask }: Attending<Tables>, { headWidth, keyValueHeads, queriesPerKey }: Grouping): Tensor {
  const [width]: number[] = x.shape;
  const project = (name: string): Tensor => linear(x, weights(`${name}.weight`));
  const byKeyHead = (projected: Tensor): Tensor => tf.transpose(tf.reshape(projected, [keyValueHeads, headWidth, n, length]), [0, 2, 1, 3]);
  const [key, value] = [byKeyHead(project('k_proj')), byKeyHead(project('v_proj'))];
  const byGroup = tf.transpose(tf.reshape(project('q_proj'), [keyValueHeads, queriesPerKey, headWidth, n, length]), [0, 3, 2, 1, 4]);
  const query = tf.reshape(byGroup, [keyValueHeads, n, headWidth, queriesPerKey * length]);

  const products = tf.matMul(rotate(key, tables.keys), rotate(query, tables.queries), true, false);
  const scaled = tf.mul(products, 1 / Math.sqrt(headWidth));
  const attended = tf.matMul(value, softmaxAlong(mask === undefined ? scaled : masked(scaled, mask, queriesPerKey), 2));
  const split = tf.reshape(attended, [keyValueHeads, n, headWidth, queriesPerKey, length]);
  const joined = tf.reshape(tf.transpose(split, [0, 3, 2, 1, 4]), [width, n * length]);
  return linear(joined, weights('o_proj.weight'));
}

/** The mask on each of a group's queries; repeated, it would be a constant g times its size. @param scaled [heads, n, T, g·T] @param mask [1, 1, T, T] */
function masked(scaled: Tensor, mask: Tensor, queriesPerKey: number): Tensor {
  if (queriesPerKey === 1) return tf.add(scaled, mask);
  const [heads, n, length]: number[] = scaled.shape;
  const byQuery = tf.reshape(scaled, [heads, n, length, queriesPerKey, length]);
  return tf.reshape(tf.add(byQuery, tf.reshape(mask, [1, 1, length, 1, length])), scaled.shape);
}

/** @param x [d, positions] @returns [d, positions] */
function swiglu(x: Tensor, weights: Weights): Tensor {
  const gated = tf.mul(silu(linear(x, weights('gate_proj.weight'))), linear(x, weights('up_proj.weight')));
  return linear(gated, weights('down_proj.weight'));
}

function repeated({ cos, sin }: RotaryTable, times: number): RotaryTable {
  const side = (table: Tensor): Tensor => (times === 1 ? table : tf.tile(table, [1, 1, 1, times]));
  return { cos: side(cos), sin: side(sin) };
}

/** Tensors of one block, in the checkpoint's order. */
function blockShapes({ width, intermediate }: LlamaConfig, { headWidth, keyValueHeads }: Grouping): Shapes {
  const keyValueWidth = keyValueHeads * headWidth;
  return {
    'self_attn.q_proj.weight': [width, width],
    'self_attn.k_proj.weight': [keyValueWidth, width],
    'self_attn.v_proj.weight': [keyValueWidth, width],
    'self_attn.o_proj.weight': [width, width],
    'mlp.gate_proj.weight': [intermediate, width],
    'mlp.up_proj.weight': [intermediate, width],
    'mlp.down_proj.weight': [width, intermediate],
    'input_layernorm.weight': [width],
    'post_attention_layernorm.weight': [width],
  };
}

function groupingOf(config: LlamaConfig): Grouping {
  const { heads, keyValueHeads } = config;
  const headWidth = headWidthOf(config);
  if (headWidth % 2 !== 0) {
    throw new BlissError({ code: 'ConfigInvalid', message: `heads of ${headWidth} channels cannot turn in pairs`, fix: 'choose width and heads so that a head has an even number of channels' });
  }
  if (heads % keyValueHeads !== 0) {
    throw new BlissError({ code: 'ConfigInvalid', message: `${heads} query heads do not share ${keyValueHeads} key and value heads evenly`, fix: 'choose keyValueHeads that divide heads' });
  }
  return { headWidth, keyValueHeads, queriesPerKey: heads / keyValueHeads };
}
