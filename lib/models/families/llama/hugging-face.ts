import { z } from 'zod';
import { commonFields, huggingFaceForm } from '../../hugging-face/form.js';
import type { LlamaConfig } from './create.js';

export const llamaForm = huggingFaceForm({
  name: 'LLaMA',
  modelType: 'llama',
  className: 'LlamaForCausalLM',
  file: z.looseObject({
    ...commonFields,
    rms_norm_eps: z.number().default(1e-6),
    hidden_act: z.string().default('silu'),
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    tie_word_embeddings: z.boolean().default(false),
  }),
  positions: { base: 'rope_theta', fraction: 'partial_rotary_factor', fractionByDefault: 1 },
  constants: /\.rotary_emb\.inv_freq$/,
  tied: ({ tieEmbeddings }: LlamaConfig) => (tieEmbeddings ? { embedding: 'model.embed_tokens.weight', output: 'lm_head.weight' } : undefined),
  read: ({ file, positions, sizes, need }): LlamaConfig => {
    need(file.hidden_act === 'silu', 'hidden_act', file.hidden_act, '"silu"');
    need(!file.attention_bias, 'attention_bias', true, 'false');
    need(!file.mlp_bias, 'mlp_bias', true, 'false');
    need(positions.fraction === 1, 'partial_rotary_factor', positions.fraction, '1');
    return {
      architecture: 'llama',
      ...sizes,
      keyValueHeads: file.num_key_value_heads ?? file.num_attention_heads,
      intermediate: file.intermediate_size,
      rotaryBase: positions.base,
      rmsNormEpsilon: file.rms_norm_eps,
      tieEmbeddings: file.tie_word_embeddings,
    };
  },
  write: (model: LlamaConfig) => ({
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
  }),
});
