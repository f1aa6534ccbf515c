import { z } from 'zod';
import { commonFields, huggingFaceForm } from '../../hugging-face/form.js';
import type { GptNeoXConfig } from './create.js';

export const gptNeoXForm = huggingFaceForm({
  name: 'GPT-NeoX',
  modelType: 'gpt_neox',
  className: 'GPTNeoXForCausalLM',
  file: z.looseObject({
    ...commonFields,
    layer_norm_eps: z.number().default(1e-5),
    hidden_act: z.string().default('gelu'),
    use_parallel_residual: z.boolean().default(true),
    attention_bias: z.boolean().default(true),
    tie_word_embeddings: z.boolean().default(false),
  }),
  positions: { base: 'rotary_emb_base', fraction: 'rotary_pct', fractionByDefault: 0.25 },
  constants: /\.(attention\.(bias|masked_bias)|rotary_emb\.inv_freq)$/,
  tied: () => undefined,
  read: ({ file, positions, sizes, need }): GptNeoXConfig => {
    const heads = file.num_attention_heads;
    need(file.hidden_act === 'gelu', 'hidden_act', file.hidden_act, '"gelu"');
    need(file.use_parallel_residual, 'use_parallel_residual', false, 'true');
    need(file.attention_bias, 'attention_bias', false, 'true');
    need(!file.tie_word_embeddings, 'tie_word_embeddings', true, 'false');
    need((file.num_key_value_heads ?? heads) === heads, 'num_key_value_heads', file.num_key_value_heads, 'num_attention_heads');
    need(file.intermediate_size === 4 * file.hidden_size, 'intermediate_size', file.intermediate_size, '4 · hidden_size');
    return {
      architecture: 'gpt-neox',
      ...sizes,
      rotaryFraction: positions.fraction,
      rotaryBase: positions.base,
      layerNormEpsilon: file.layer_norm_eps,
    };
  },
  write: (model: GptNeoXConfig) => ({
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
  }),
});
