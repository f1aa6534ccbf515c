import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { modelSchema } from '../../config/sections/models.js';
import { readHuggingFaceConfig, writeHuggingFaceConfig } from '../../lib/models/index.js';
import { tinyConfig, tinyLlama } from './tiny.js';

const fixture = (...parts: string[]): Record<string, unknown> => JSON.parse(readFileSync(path.join(import.meta.dirname, '..', 'fixtures', ...parts), 'utf8')) as Record<string, unknown>;

describe.each([
  ['tiny-neox', { architecture: 'gpt-neox', layers: 2, width: 32, heads: 4, rotaryFraction: 0.25, rotaryBase: 10_000, layerNormEpsilon: 1e-5, initStandardDeviation: 0.02 }],
  ['tiny-llama', { architecture: 'llama', layers: 2, width: 32, heads: 4, keyValueHeads: 2, intermediate: 88, rotaryBase: 10_000, rmsNormEpsilon: 1e-5, tieEmbeddings: false, initStandardDeviation: 0.02 }],
])('%s', (name, model) => {
  test.each(['config.json', 'config.v4-style.json'])('%s is read', (file) => {
    expect(readHuggingFaceConfig(fixture(name, file))).toEqual({ model, vocabularySize: 256, contextLength: 64 });
  });

  test('what is written is read back, by either spelling alone', () => {
    // every number differs from a default, so that one left out shows
    const odd = modelSchema.parse({ ...model, rotaryBase: 5000, initStandardDeviation: 0.03, ...(model.architecture === 'gpt-neox' ? { rotaryFraction: 0.5, layerNormEpsilon: 1e-6 } : { rmsNormEpsilon: 1e-4, tieEmbeddings: true }) });
    const all = { model: odd, vocabularySize: 300, contextLength: 99 };
    const { rope_parameters: nested, rotary_pct, rotary_emb_base, rope_theta, ...common } = writeHuggingFaceConfig(all);
    const old = model.architecture === 'gpt-neox' ? { rotary_pct, rotary_emb_base } : { rope_theta };
    expect(readHuggingFaceConfig({ ...common, rope_parameters: nested })).toEqual(all);
    expect(readHuggingFaceConfig({ ...common, ...old })).toEqual(all);
    const theirs = fixture(name, 'config.json');
    const ours = writeHuggingFaceConfig(readHuggingFaceConfig(theirs));
    for (const [field, value] of Object.entries(ours)) if (field in theirs) expect(value, field).toEqual(theirs[field]);
  });
});

describe.each(Object.entries(fixture('config-defaults.json') as Record<string, Record<'gpt_neox' | 'llama', Record<string, unknown>>>))('transformers %s', (_version, defaults) => {
  test.each(['gpt_neox', 'llama'] as const)('of %s what a config.json leaves out is what it takes for it', (type) => {
    const sizes = { model_type: type, vocab_size: 300, hidden_size: 64, intermediate_size: 256, num_hidden_layers: 3, num_attention_heads: 4, max_position_embeddings: 99 };
    const bare = readHuggingFaceConfig(sizes);
    expect(bare).toEqual(readHuggingFaceConfig({ ...defaults[type], ...sizes }));
    const [epsilon, theirs] = bare.model.architecture === 'llama' ? [bare.model.rmsNormEpsilon, defaults[type]['rms_norm_eps']] : [bare.model.layerNormEpsilon, defaults[type]['layer_norm_eps']];
    expect(epsilon).toBe(theirs);
  });
});

test('variants that would be computed wrongly are refused by field', () => {
  const good = writeHuggingFaceConfig({ model: tinyConfig, vocabularySize: 24, contextLength: 8 });
  expect(readHuggingFaceConfig(good).model).toEqual(tinyConfig);
  for (const [field, value, message] of [
    ['hidden_act', 'gelu_new', /x\.json: hidden_act is "gelu_new"; only "gelu"/],
    ['use_parallel_residual', false, /use_parallel_residual is false/],
    ['attention_bias', false, /attention_bias is false/],
    ['tie_word_embeddings', true, /tie_word_embeddings is true/],
    ['intermediate_size', 100, /intermediate_size is 100/],
    ['rope_parameters', { rope_type: 'yarn', rope_theta: 1e4 }, /rope_type is "yarn"/],
    ['rope_scaling', { factor: 2, type: 'linear' }, /rope_scaling\.type is "linear"; only "default"/],
    ['quantization_config', { quant_method: 'fp8' }, /quantization_config is/],
    ['num_key_value_heads', 1, /num_key_value_heads is 1; only num_attention_heads/],
    ['head_dim', 16, /head_dim is 16; only hidden_size/],
    ['max_position_embeddings', 0, /max_position_embeddings/],
    ['model_type', 'mamba', /x\.json: model_type is "mamba"; only "gpt_neox" or "llama" is computed here/],
    ['model_type', undefined, /model_type is not there; only "gpt_neox"/],
    ['num_hidden_layers', 'six', /num_hidden_layers/],
  ] as const) {
    expect(() => readHuggingFaceConfig({ ...good, [field]: value }, 'x.json'), field).toThrow(message);
  }
});

test('variants of LLaMA that would be computed wrongly are refused by field', () => {
  const good = writeHuggingFaceConfig({ model: tinyLlama, vocabularySize: 24, contextLength: 8 });
  expect(readHuggingFaceConfig({ ...good, num_key_value_heads: null }).model).toEqual({ ...tinyLlama, keyValueHeads: 4 });
  for (const [field, value, message] of [
    ['hidden_act', 'gelu', /x\.json: hidden_act is "gelu"; only "silu"/],
    ['attention_bias', true, /attention_bias is true/],
    ['mlp_bias', true, /mlp_bias is true/],
    ['head_dim', 8, /head_dim is 8; only hidden_size \/ num_attention_heads/],
    ['rope_parameters', { rope_type: 'llama3', rope_theta: 5e5 }, /rope_type is "llama3"/],
    ['rope_parameters', { rope_theta: 1e4, partial_rotary_factor: 0.5 }, /partial_rotary_factor is 0.5; only 1/],
    ['rope_scaling', { type: 'linear', factor: 2 }, /rope_scaling\.type is "linear"/],
  ] as const) {
    expect(() => readHuggingFaceConfig({ ...good, [field]: value }, 'x.json'), field).toThrow(message);
  }
});
