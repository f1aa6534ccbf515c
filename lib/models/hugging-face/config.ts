import { z } from 'zod';
import type { ModelConfig } from '../../../config/sections/models.js';
import { BlissError } from '../../errors.js';
import { allFamilies, familyOf } from '../families/index.js';
import { readPositions } from './positions.js';

/** What a checkpoint's `config.json` says, beside the weights. */
export interface HuggingFaceModel {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  /** T, the longest row the model was made for */
  readonly contextLength: number;
}

/**
 * The model of a Hugging Face `config.json`: what it says of how the model computes is applied, or refused by name.
 * @param where the file, for errors
 * @throws BlissError ConfigInvalid for an architecture, or a variant of one, that is not computed here
 */
export function readHuggingFaceConfig(json: unknown, where = 'config.json'): HuggingFaceModel {
  const need = (holds: boolean, field: string, found: unknown, only: string): void => {
    if (!holds) throw notComputed(where, field, found, only);
  };
  const forms = allFamilies.map(({ huggingFace }) => huggingFace);
  const named = z.looseObject({ model_type: z.unknown() }).safeParse(json).data?.model_type;
  const form = forms.find(({ modelType }) => modelType === named);
  if (form === undefined) throw notComputed(where, 'model_type', named, forms.map(({ modelType }) => JSON.stringify(modelType)).join(' or '));
  const parsed = form.parse(json);
  if ('problem' in parsed) {
    throw new BlissError({ code: 'ConfigInvalid', where, message: `not the configuration of a ${form.name} model: ${parsed.problem}`, fix: 'copy or download it again, or fix that field' });
  }
  const { file } = parsed;
  const positions = readPositions({ file, where, of: form, all: forms.map((one) => one.positions) });
  need(file['quantization_config'] == null, 'quantization_config', file['quantization_config'], 'what is saved in float32, float16 or bfloat16');
  const heads = file.num_attention_heads;
  need((file.head_dim ?? file.hidden_size / heads) * heads === file.hidden_size, 'head_dim', file.head_dim, 'hidden_size / num_attention_heads');
  const sizes = {
    layers: file.num_hidden_layers,
    width: file.hidden_size,
    heads,
    initStandardDeviation: file.initializer_range,
  };
  return { model: parsed.model({ positions, sizes, need }), vocabularySize: file.vocab_size, contextLength: file.max_position_embeddings };
}

/** A `config.json` that old and new transformers read alike: the rotary settings stand in both places. @param endOfText id of the token that begins and ends texts */
export function writeHuggingFaceConfig({ model, vocabularySize, contextLength }: HuggingFaceModel, endOfText = 0): Record<string, unknown> {
  const { className, modelType, write } = familyOf(model).huggingFace;
  return {
    architectures: [className],
    model_type: modelType,
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
    ...write(model),
  };
}

const notComputed = (where: string, field: string, found: unknown, only: string): BlissError =>
  new BlissError({ code: 'ConfigInvalid', where, message: `${field} is ${JSON.stringify(found) ?? 'not there'}`, fix: `only ${only} is computed here` });
