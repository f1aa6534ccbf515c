import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelConfig } from '../../config/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { openDataset, readBatch } from '../../lib/data/index.js';
import { createModel, readHuggingFaceConfig, readSafetensors, requireModel, writeHuggingFace, writeSafetensors } from '../../lib/models/index.js';
import { openSelection } from '../../lib/stages/contents/corpus.js';
import { stageByName, stageKey, type StageInputs } from '../../lib/stages/index.js';
import { digestState } from '../../lib/stages/state.js';
import { tf, type NamedArrays } from '../../lib/tensor/index.js';
import { idsOf, tensorsOf, unsettle } from '../models/tiny.js';
import { call, config, left, prepared, root, store } from './small-home.js';

afterAll(() => rmSync(root, { recursive: true }));

const fixture = (name: string): string => path.join(import.meta.dirname, '..', 'fixtures', name);
/** A copy that may be changed, of what transformers saved. */
function copyOf(name: string, to: string): string {
  const folder = path.join(root, to);
  cpSync(fixture(name), folder, { recursive: true });
  return folder;
}
function inputOf(folder: string): StageInputs['importing'] {
  const { model, vocabularySize } = readHuggingFaceConfig(JSON.parse(readFileSync(path.join(fixture(folder.includes('llama') ? 'tiny-llama' : 'tiny-neox'), 'config.json'), 'utf8')));
  return { model, vocabularySize, which: 'target', folder: path.basename(folder), configFolder: path.dirname(folder) };
}
const arraysOf = async (ref: Ref, file: string) => readSafetensors(await (await store.open(ref)).file(file));
const bytesOf = (arrays: NamedArrays): Record<string, Buffer> => Object.fromEntries(Object.entries(arrays).map(([name, { buffer, byteOffset, byteLength }]) => [name, Buffer.from(buffer, byteOffset, byteLength)]));

describe.each(['tiny-neox', 'tiny-llama'])('%s', (name) => {
  test('of transformers becomes a state: every weight bit by bit, moments of 0, no update counted', async () => {
    const folder = copyOf(name, `state-${name}`);
    const { ref, summary } = await call('importing', inputOf(folder));
    const saved = await readSafetensors(path.join(fixture(name), 'model.safetensors'));
    const weights = await arraysOf(ref, 'weights.safetensors');
    expect(bytesOf(weights.arrays)).toEqual(bytesOf(saved.arrays));
    expect(weights.shapes).toEqual(saved.shapes);
    const moments = await arraysOf(ref, 'optimizer.safetensors');
    expect(Object.keys(moments.arrays).sort()).toEqual(Object.keys(saved.arrays).flatMap((tensor) => [`adam.m/${tensor}`, `adam.u/${tensor}`]).sort());
    for (const [moment, array] of Object.entries(moments.arrays)) {
      expect(array.length, moment).toBe(saved.arrays[moment.slice('adam.m/'.length)].length);
      expect(array.every((value) => value === 0), moment).toBe(true);
    }
    expect(JSON.parse(await readFile(await (await store.open(ref)).file('state.json'), 'utf8'))).toEqual({ updates: 0 });
    // the digest that a warm-up of the same content would have
    expect(ref.digest).toBe(digestState({ params: saved.arrays, moments: moments.arrays, updates: 0 }, saved.shapes));
    expect(summary).toEqual({ parameters: Object.values(saved.arrays).reduce((sum, { length }) => sum + length, 0), updates: 0 });
  });

  test('is found again wherever the folder lies, computed anew where a weight is another, and is the same content in shards', async () => {
    const folder = copyOf(name, `key-${name}`);
    const first = await call('importing', inputOf(folder));
    renameSync(folder, `${folder}-moved`);
    expect(await call('importing', inputOf(`${folder}-moved`))).toEqual({ ...first, cached: true });

    const { arrays, shapes } = await readSafetensors(path.join(fixture(name), 'model.safetensors'));
    const sharded = path.join(root, `sharded-${name}`);
    mkdirSync(sharded);
    const { model, vocabularySize } = inputOf(folder);
    await writeHuggingFace({ folder: sharded, model, vocabularySize, contextLength: 64, shapes, shardBytes: 30_000, read: async (tensor) => Float32Array.from(arrays[tensor]) });
    const inShards = await call('importing', inputOf(sharded));
    expect(inShards.cached).toBe(false);
    expect(inShards.ref.digest).toBe(first.ref.digest);

    const [tensor] = Object.keys(arrays);
    const changed = { ...arrays, [tensor]: Float32Array.from(arrays[tensor], (value, i) => (i === 3 ? value + 2 ** -20 : value)) };
    await writeSafetensors({ path: path.join(`${folder}-moved`, 'model.safetensors'), arrays: changed, shapes });
    const edited = await call('importing', inputOf(`${folder}-moved`));
    expect(edited.cached).toBe(false);
    expect(edited.ref.digest).not.toBe(first.ref.digest);
  });
});

describe('training from it', () => {
  let rows: Ref;
  beforeAll(async () => {
    rows = (await call('selection', { selector: 'random', fraction: 0.5, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: (await prepared()).ref, group: 1, scores: [], seed: '0' })).ref;
  }, 60_000);

  const shape = { layers: 1, width: 32, heads: 4, rotaryBase: 10_000, initStandardDeviation: 0.11 } as const;
  test.each<ModelConfig>([
    { architecture: 'gpt-neox', ...shape, rotaryFraction: 0.25, layerNormEpsilon: 1e-5 },
    { architecture: 'llama', ...shape, keyValueHeads: 2, intermediate: 48, rmsNormEpsilon: 1e-5, tieEmbeddings: true },
  ])('begins at the loss of the folder’s weights, of $architecture, and takes the first step of AdamW', async (model) => {
    const { vocabularySize } = config.models;
    const T = config.data.sequenceLength;
    const created = createModel(model);
    const shapes = created.shapes(vocabularySize);
    const arrays = unsettle(created.init({ vocabularySize, seed: 7 }), 7);
    const folder = path.join(root, `train-${model.architecture}`);
    mkdirSync(folder);
    await writeHuggingFace({ folder, model, vocabularySize, contextLength: T, shapes, read: async (name) => Float32Array.from(arrays[name]) });
    const start = await call('importing', { model, vocabularySize, which: 'target', folder, configFolder: '/' });

    const peak = 1e-3;
    const adam = { ...config.pretraining.adam, weightDecay: 0 };
    const trained = await call('training', {
      purpose: 'pretraining', model, vocabularySize, sequenceLength: T, selection: rows, start: { state: start.ref }, steps: 1, batchSize: 4,
      schedule: { type: 'wsd', peak, warmUpSteps: 0 }, gradientClip: 1, adam, checkpointEvery: 100, compiler: 'graph', precision: 'float32', recompute: 'none', numerics: 'continue', seed: 'order',
    });
    expect(trained.summary['updates']).toBe(1);

    const selected = await openSelection({ store, ref: rows, batchSize: 4, sequenceLength: T, stage: 'test' });
    const { tokens } = await readBatch({ dataset: await openDataset(selected.artifact, selected.index), request: { kind: 'ordered', seed: 'order', step: 0 }, batchSize: 4 });
    const batch = Array.from({ length: 4 }, (_, i) => Array.from(tokens.subarray(i * T, (i + 1) * T)));
    const logits = tf.tidy(() => created.logits({ params: tensorsOf(arrays, shapes), ids: idsOf(batch), causal: true }).dataSync<'float32'>());
    let loss = 0;
    batch.forEach((row, b) => {
      for (let t = 0; t + 1 < T; t++) {
        const at = (b * T + t) * vocabularySize;
        const values = Float64Array.from(logits.subarray(at, at + vocabularySize));
        const top = Math.max(...values);
        loss += (top + Math.log(values.reduce((sum, x) => sum + Math.exp(x - top), 0)) - values[row[t + 1]]) / (4 * (T - 1));
      }
    });
    expect(Math.abs(Number(trained.summary['loss']) - loss)).toBeLessThan(1e-4);
    // bias-corrected moments of a first update are g and |g|: every weight with a gradient moves by the learning rate
    const after = (await arraysOf(trained.ref, 'weights.safetensors')).arrays;
    const moved = Object.keys(arrays).flatMap((name) => Array.from(arrays[name], (value, i) => Math.abs(after[name][i] - value))).filter((by) => by > 0).sort((a, b) => a - b);
    expect(moved[moved.length >> 1]).toBeGreaterThan(0.98 * peak);
    expect(moved.at(-1)).toBeLessThan(1.02 * peak);
  }, 60_000);
});

describe('a folder that cannot be gone on from is one error, by file, tensor and fix, and leaves nothing', () => {
  const file = (folder: string) => path.join(folder, 'model.safetensors');
  const rewrite = async (folder: string, change: (arrays: Record<string, Float32Array | Int32Array>) => void, reshape: Record<string, readonly number[]> = {}): Promise<void> => {
    const { arrays, shapes } = await readSafetensors(file(folder));
    const changed = { ...arrays };
    change(changed);
    await writeSafetensors({ path: file(folder), arrays: changed, shapes: { ...shapes, ...reshape } });
  };
  const BIAS = 'gpt_neox.layers.1.mlp.dense_4h_to_h.bias';

  test.each<readonly [string, (folder: string) => unknown, string, RegExp]>([
    ['no config.json', (folder) => rmSync(path.join(folder, 'config.json')), 'DataInvalid', /config\.json: the file cannot be read; name a folder as transformers saves a model/],
    ['no weights', (folder) => rmSync(file(folder)), 'DataInvalid', /neither model\.safetensors nor model\.safetensors\.index\.json; save the model as safetensors/],
    ['a missing shard', (folder) => (renameSync(file(folder), path.join(folder, 'a.safetensors')), writeFileSync(path.join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: { [BIAS]: 'b.safetensors' } }))), 'DataInvalid', /b\.safetensors: the shard cannot be read; copy or download it again, as model\.safetensors\.index\.json names it/],
    ['a missing tensor', (folder) => rewrite(folder, (arrays) => void delete arrays[BIAS]), 'DataInvalid', /model\.safetensors: gpt_neox\.layers\.1\.mlp\.dense_4h_to_h\.bias is missing, .*; give the weights and the config\.json of one model/],
    ['a wrong shape', (folder) => rewrite(folder, () => undefined, { [BIAS]: [4, 8] }), 'DataInvalid', /dense_4h_to_h\.bias is \[4, 8\], config\.json's model wants \[32\]/],
    ['a torn file', (folder) => truncateSync(file(folder), statSync(file(folder)).size - 1), 'DataCorrupt', /model\.safetensors: not a sound safetensors file: .* does not fit its place in the file; copy or download it again/],
    ['a weight that is no number', (folder) => rewrite(folder, (arrays) => void (arrays[BIAS] = arrays[BIAS].map((value, i) => (i === 5 ? Number.NaN : value)))), 'DataInvalid', /dense_4h_to_h\.bias holds NaN at element 5; give a checkpoint of before/],
    ['another number of heads, which fits the same tensors', (folder) => writeFileSync(path.join(folder, 'config.json'), readFileSync(path.join(folder, 'config.json'), 'utf8').replace('"num_attention_heads": 4', '"num_attention_heads": 2')), 'ConfigInvalid', /config\.json: the weights are of another model than the configuration's: heads is 2, models\.target\.heads 4; write models\.target: \{heads: 2\}, or name another folder in models\.target\.from/],
  ])('%s', async (what, damage, code, says) => {
    const folder = copyOf('tiny-neox', `damaged-${what.replaceAll(/\W/g, '-')}`);
    await damage(folder);
    const before = left();
    await expect(call('importing', inputOf(folder))).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
    expect(left()).toEqual(before);
  });

  test('every field that decides what the weights compute is held against the configuration’s', () => {
    const { model, vocabularySize } = inputOf(fixture('tiny-llama'));
    const refusal = (asked: { readonly model?: object; readonly vocabularySize?: number }): string => {
      try {
        requireModel({ found: { model, vocabularySize }, asked: { model: { ...model, ...asked.model }, vocabularySize: asked.vocabularySize ?? vocabularySize }, where: 'f/config.json', field: 'models.proxy' });
      } catch (error) {
        return String(error);
      }
      return 'none';
    };
    expect(refusal({ model: { initStandardDeviation: 0.5 } })).toBe('none');
    for (const field of Object.keys(model)) {
      if (['architecture', 'initStandardDeviation'].includes(field)) continue;
      const value = (model as unknown as Readonly<Record<string, unknown>>)[field];
      const other = typeof value === 'boolean' ? !value : Number(value) * 2;
      expect(refusal({ model: { [field]: other } })).toContain(`${field} is ${String(value)}, models.proxy.${field} ${String(other)}; write models.proxy: {${field}: ${String(value)}}, or`);
    }
    expect(refusal({ vocabularySize: 512, model: { layers: 3, heads: 2 } })).toContain('layers is 2, models.proxy.layers 3; heads is 4, models.proxy.heads 2; vocab_size is 256, models.vocabularySize 512; write models.proxy: {layers: 2, heads: 4} and models.vocabularySize: 256, or');
    expect(refusal({ model: { architecture: 'gpt-neox' } })).toContain('architecture is llama, models.proxy.architecture gpt-neox; write models.proxy: {architecture: llama, layers: 2, width: 32, heads: 4, keyValueHeads: 2, intermediate: 88, rotaryBase: 10000, rmsNormEpsilon: 0.00001, tieEmbeddings: false}, or');
  });

  test('the key knows what the weights must be of', async () => {
    const input = inputOf(copyOf('tiny-neox', 'of-what'));
    const key = (changed: Partial<StageInputs['importing']>): Promise<string> => stageKey(stageByName('importing'), { input: { ...input, ...changed }, scope: '' });
    expect(await key({ which: 'proxy' })).toBe(await key({}));
    expect(await key({ vocabularySize: 512 })).not.toBe(await key({}));
  });
});
