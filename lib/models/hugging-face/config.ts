import { z } from 'zod';
import type { ModelConfig } from '../../../config/sections/models.js';
import { BlissError } from '../../errors.js';
import { readPositions } from './positions.js';

/** What a checkpoint's `config.json` says, beside the weights. */
export interface HuggingFaceModel {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  /** T, the longest row the model was made for */
  readonly contextLength: number;
}

const size = z.number().int().min(1);

const common = {
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  max_position_embeddings: size,
  initializer_range: z.number().positive().default(0.02),
};

const neoxSchema = z.looseObject({
  model_type: z.literal('gpt_neox'),
  ...common,
  layer_norm_eps: z.number().default(1e-5),
  hidden_act: z.string().default('gelu'),
  use_parallel_residual: z.boolean().default(true),
  attention_bias: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(false),
});

const llamaSchema = z.looseObject({
  model_type: z.literal('llama'),
  ...common,
  rms_norm_eps: z.number().default(1e-6),
  hidden_act: z.string().default('silu'),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
});

/**
 * The model of a Hugging Face `config.json`: what it says of how the model computes is applied, or refused by name.
 * @param where the file, for errors
 * @throws BlissError ConfigInvalid for another architecture, or a variant of these two that is not computed here
 */
export function readHuggingFaceConfig(json: unknown, where = 'config.json'): HuggingFaceModel {
  const need = (holds: boolean, field: string, found: unknown, only: string): void => {
    if (holds) return;
    throw new BlissError({ code: 'ConfigInvalid', where, message: `${field} is ${JSON.stringify(found) ?? 'not there'}`, fix: `only ${only} is computed here` });
  };
  const named = z.looseObject({ model_type: z.unknown() }).safeParse(json).data?.model_type;
  need(named === 'gpt_neox' || named === 'llama', 'model_type', named, '"gpt_neox" or "llama"');
  const parsed = z.discriminatedUnion('model_type', [neoxSchema, llamaSchema]).safeParse(json);
  if (!parsed.success) {
    throw new BlissError({ code: 'ConfigInvalid', where, message: `not the configuration of a GPT-NeoX or LLaMA model: ${z.prettifyError(parsed.error)}`, fix: 'copy or download it again, or fix that field' });
  }
  const file = parsed.data;
  const positions = readPositions({ file, where, modelType: file.model_type });
  need(file['quantization_config'] == null, 'quantization_config', file['quantization_config'], 'what is saved in float32, float16 or bfloat16');
  const heads = file.num_attention_heads;
  need((file.head_dim ?? file.hidden_size / heads) * heads === file.hidden_size, 'head_dim', file.head_dim, 'hidden_size / num_attention_heads');
  const shared = {
    layers: file.num_hidden_layers,
    width: file.hidden_size,
    heads,
    initStandardDeviation: file.initializer_range,
  };
  const sizes = { vocabularySize: file.vocab_size, contextLength: file.max_position_embeddings };
  if (file.model_type === 'gpt_neox') {
    need(file.hidden_act === 'gelu', 'hidden_act', file.hidden_act, '"gelu"');
    need(file.use_parallel_residual, 'use_parallel_residual', false, 'true');
    need(file.attention_bias, 'attention_bias', false, 'true');
    need(!file.tie_word_embeddings, 'tie_word_embeddings', true, 'false');
    need((file.num_key_value_heads ?? heads) === heads, 'num_key_value_heads', file.num_key_value_heads, 'num_attention_heads');
    need(file.intermediate_size === 4 * file.hidden_size, 'intermediate_size', file.intermediate_size, '4 · hidden_size');
    return {
      ...sizes,
      model: {
        architecture: 'gpt-neox',
        ...shared,
        rotaryFraction: positions.fraction,
        rotaryBase: positions.base,
        layerNormEpsilon: file.layer_norm_eps,
      },
    };
  }
  need(file.hidden_act === 'silu', 'hidden_act', file.hidden_act, '"silu"');
  need(!file.attention_bias, 'attention_bias', true, 'false');
  need(!file.mlp_bias, 'mlp_bias', true, 'false');
  need(positions.fraction === 1, 'partial_rotary_factor', positions.fraction, '1');
  return {
    ...sizes,
    model: {
      architecture: 'llama',
      ...shared,
      keyValueHeads: file.num_key_value_heads ?? heads,
      intermediate: file.intermediate_size,
      rotaryBase: positions.base,
      rmsNormEpsilon: file.rms_norm_eps,
      tieEmbeddings: file.tie_word_embeddings,
    },
  };
}

/** A `config.json` that old and new transformers read alike: the rotary settings stand in both places. @param endOfText id of the token that begins and ends texts */
export function writeHuggingFaceConfig({ model, vocabularySize, contextLength }: HuggingFaceModel, endOfText = 0): Record<string, unknown> {
  const shared = {
    vocab_size: vocabularySize,
    hidden_size: model.width,
    num_hidden_layers: model.layers,
    num_attention_heads: model.heads,
    max_position_embeddings: contextLength,
    initializer_range: model.initStandardDeviation,
    bos_token_id: endOfText,
    eos_token_id: endOfText,
    dtype: 'float32',
    torch_dtype: 'float32',
    use_cache: true,
    rope_scaling: null,
  };
  if (model.architecture === 'gpt-neox') {
    return {
      architectures: ['GPTNeoXForCausalLM'],
      model_type: 'gpt_neox',
      ...shared,
      intermediate_size: 4 * model.width,
      hidden_act: 'gelu',
      layer_norm_eps: model.layerNormEpsilon,
      attention_bias: true,
      use_parallel_residual: true,
      attention_dropout: 0,
      hidden_dropout: 0,
      tie_word_embeddings: false,
      rotary_pct: model.rotaryFraction,
      rotary_emb_base: model.rotaryBase,
      rope_parameters: { rope_type: 'default', rope_theta: model.rotaryBase, partial_rotary_factor: model.rotaryFraction },
    };
  }
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    ...shared,
    intermediate_size: model.intermediate,
    hidden_act: 'silu',
    num_key_value_heads: model.keyValueHeads,
    head_dim: model.width / model.heads,
    rms_norm_eps: model.rmsNormEpsilon,
    attention_bias: false,
    mlp_bias: false,
    attention_dropout: 0,
    tie_word_embeddings: model.tieEmbeddings,
    rope_theta: model.rotaryBase,
    rope_parameters: { rope_type: 'default', rope_theta: model.rotaryBase },
  };
}
