import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { BlissError } from '../../lib/errors.js';
import { createModel, openHuggingFace, readHuggingFaceConfig, type HuggingFaceModel } from '../../lib/models/index.js';
import { tf, type NamedArrays } from '../../lib/tensor/index.js';
import { pythonWith } from '../needs/python.js';
import { idsOf, tensorsOf } from './tiny.js';

/** What versions of transformers read of positions, recorded (test/fixtures/README.md) and, where it is installed, asked now. */
const fixtures = path.join(import.meta.dirname, '..', 'fixtures');
type Fields = Readonly<Record<string, unknown>>;
type Reading = { readonly frequencies: readonly number[] } | { readonly error: string };
const { cases, readings } = JSON.parse(readFileSync(path.join(fixtures, 'positions', 'readings.json'), 'utf8')) as { readonly cases: readonly Fields[]; readonly readings: Readonly<Record<string, readonly Reading[]>> };
const [NEWEST] = Object.keys(readings);

const SIZES = { hidden_size: 64, num_hidden_layers: 1, num_attention_heads: 4, vocab_size: 32, max_position_embeddings: 64 };
const saidOf = ({ intermediate_size: _size, ...fields }: Fields): Fields => Object.fromEntries(Object.entries(fields).filter(([name]) => !Object.hasOwn(SIZES, name)));
const named = cases.map((fields, i) => [JSON.stringify(saidOf(fields)), fields, i] as const);

function read(fields: Fields): HuggingFaceModel | BlissError {
  try {
    return readHuggingFaceConfig(fields);
  } catch (error) {
    if (error instanceof BlissError) return error;
    throw error;
  }
}

/** θ^(−2i/r), i < r/2, of what we read */
function frequenciesOf({ model }: HuggingFaceModel): number[] {
  const rotated = (model.width / model.heads) * (model.architecture === 'gpt-neox' ? model.rotaryFraction : 1);
  return Array.from({ length: rotated / 2 }, (_, i) => model.rotaryBase ** ((-2 * i) / rotated));
}

function expectSame(ours: readonly number[], theirs: Reading, what: string): void {
  if ('error' in theirs) throw new Error(`${what}: transformers: ${theirs.error}`);
  expect(theirs.frequencies, what).toHaveLength(ours.length);
  theirs.frequencies.forEach((frequency, i) => expect(Math.abs(frequency / ours[i] - 1), what).toBeLessThan(1e-5));
}

/** spellings that versions before 5 know, each where they know it */
const isOld = (fields: Fields): boolean => fields['rope_parameters'] === undefined && (fields['rope_scaling'] == null || Object.keys(fields['rope_scaling']).length === 0);

describe('of what config.json says of positions', () => {
  test.each(named)('%s is computed as the newest transformers does, or refused by name', (_name, fields, i) => {
    const ours = read(fields);
    if (ours instanceof BlissError) {
      expect(ours).toMatchObject({ code: 'ConfigInvalid', where: 'config.json', fix: expect.any(String) });
      const field = ours.bare.split(' ', 1)[0].split('.').at(-1);
      expect(JSON.stringify(saidOf(fields)), ours.message).toContain(`"${field}"`);
      return;
    }
    expectSame(frequenciesOf(ours), readings[NEWEST][i], NEWEST);
    if (!isOld(fields)) return;
    for (const [version, all] of Object.entries(readings)) if (!('error' in all[i])) expectSame(frequenciesOf(ours), all[i], version);
  });

  test('what versions read differently where two spellings disagree is refused', () => {
    const two = named.filter(([, fields]) => ['rope_theta', 'rotary_emb_base'].some((name) => typeof fields[name] === 'number') && !isOld(fields));
    const differ = two.filter(([, , i]) => JSON.stringify(readings[NEWEST][i]) !== JSON.stringify(readings['4.57.6'][i]));
    expect(differ.length).toBeGreaterThan(4);
    for (const [name, fields] of differ) {
      const settings = { ...(fields['rope_parameters'] as Fields | undefined), ...(fields['rope_scaling'] as Fields | undefined) };
      if (settings['rope_theta'] === fields['rope_theta'] || settings['rope_theta'] === fields['rotary_emb_base']) continue;
      expect(read(fields), name).toBeInstanceOf(BlissError);
    }
  });

  const llama = { ...SIZES, model_type: 'llama', intermediate_size: 96 };
  const neox = { ...SIZES, model_type: 'gpt_neox', intermediate_size: 256 };
  test.each([
    [{ ...llama, rope_scaling: { rope_type: 'default', rope_theta: 500_000 } }, 500_000],
    [{ ...llama, rope_scaling: { type: 'default' }, rope_theta: 500_000 }, 500_000],
    [{ ...llama, rope_scaling: {}, rope_parameters: { rope_theta: 500_000 } }, 500_000],
    [{ ...llama, rope_interleaved: false, sliding_window: null, layer_types: ['full_attention'] }, 10_000],
    [{ ...neox, rope_scaling: { rope_type: 'default', rope_theta: 500_000 } }, 500_000],
    [{ ...neox, rotary_emb_base: 500_000, rope_theta: 500_000, partial_rotary_factor: 0.25 }, 500_000],
  ])('%j has the base %d', (fields, base) => {
    expect(readHuggingFaceConfig(fields).model.rotaryBase).toBe(base);
  });

  test.each([
    [{ ...llama, rotary_emb_base: 500_000 }, /^rotary_emb_base is 500000, of which transformers takes no notice in a llama model: it computes with 10000$/, 'write rope_theta: 500000'],
    [{ ...neox, rope_theta: 500_000 }, /^rope_theta is 500000, of which .* gpt_neox/, 'write rotary_emb_base: 500000'],
    [{ ...neox, partial_rotary_factor: 0.5 }, /^partial_rotary_factor is 0.5, of which .* it computes with 0.25$/, 'write rotary_pct: 0.5'],
    [{ ...llama, rope_scaling: { rope_theta: 500_000 }, rope_theta: 10_000 }, /^rope_scaling.rope_theta is 500000, and rope_theta is 10000: versions/, 'leave the one'],
    [{ ...llama, rope_scaling: { type: 'default' }, rope_parameters: { rope_theta: 500_000 } }, /^rope_scaling.rope_theta is not there, and rope_parameters.rope_theta is 500000: versions/, 'leave the mapping'],
    [{ ...llama, rope_parameters: { full_attention: { rope_theta: 500_000 } } }, /^rope_parameters.full_attention is/, 'only rope_type'],
    [{ ...llama, rope_theta: null }, /^rope_theta is null/, 'write a number > 0'],
    [{ ...llama, rope_theta: '5e5' }, /^rope_theta is "5e5"/, 'write a number > 0'],
    [{ ...neox, rotary_pct: 1.5 }, /^rotary_pct is 1.5/, 'write a number > 0 and ≤ 1'],
    [{ ...llama, rope_scaling: 2 }, /^rope_scaling is 2/, 'write a mapping, or null'],
    [{ ...llama, rope_interleaved: true }, /^rope_interleaved is true, a setting of positions that is not known here$/, 'leave it out'],
    [{ ...llama, use_rope: false }, /^use_rope is false/, 'leave it out'],
    [{ ...llama, sliding_window: 4096 }, /^sliding_window is 4096/, 'leave it out'],
    [{ ...llama, no_rope_layers: [1, 0] }, /^no_rope_layers is \[1,0\]/, 'leave it out'],
    [{ ...llama, layer_types: ['sliding_attention'] }, /^layer_types is/, 'leave it out'],
    [{ ...llama, position_embedding_type: 'alibi' }, /^position_embedding_type is "alibi"/, 'leave it out'],
  ])('%j is refused', (fields, message, fix) => {
    expect(read(fields)).toMatchObject({ code: 'ConfigInvalid', bare: expect.stringMatching(message), fix: expect.stringContaining(fix) });
  });
});

const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-positions-'));
afterAll(() => rmSync(root, { recursive: true }));

test('logits under each spelling of the settings are those of transformers', async () => {
  interface Case {
    readonly model: string;
    readonly without: readonly string[];
    readonly fields: Fields;
    readonly ids: readonly number[];
    readonly lastLogits: readonly number[];
  }
  const { cases: all } = JSON.parse(readFileSync(path.join(fixtures, 'positions', 'logits.json'), 'utf8')) as { readonly cases: readonly Case[] };
  for (const [i, { model: name, without, fields, ids, lastLogits }] of all.entries()) {
    const folder = path.join(root, String(i));
    mkdirSync(folder);
    cpSync(path.join(fixtures, name, 'model.safetensors'), path.join(folder, 'model.safetensors'));
    const theirs = JSON.parse(readFileSync(path.join(fixtures, name, 'config.json'), 'utf8')) as Fields;
    writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ ...Object.fromEntries(Object.entries(theirs).filter(([field]) => !without.includes(field))), ...fields }));
    const { model, shapes, read: tensor, close } = await openHuggingFace(folder);
    const arrays: Record<string, NamedArrays[string]> = {};
    for (const one of Object.keys(shapes)) arrays[one] = await tensor(one);
    await close();
    const logits = tf.tidy(() => createModel(model).logits({ params: tensorsOf(arrays, shapes), ids: idsOf([ids]), causal: true }).dataSync());
    const last = logits.slice(logits.length - 256).slice(0, lastLogits.length);
    last.forEach((value, k) => expect(Math.abs(value - lastLogits[k]), `${JSON.stringify(fields)} ${k}`).toBeLessThan(1e-4));
  }
});

test('the transformers that is installed reads positions as we do', { timeout: 300_000 }, (context) => {
  const python = pythonWith(context, ['torch', 'transformers']);
  const { stdout, stderr, status } = spawnSync(python, [path.join(import.meta.dirname, 'positions-by-transformers.py')], { input: JSON.stringify(cases), encoding: 'utf8', env: { ...process.env, CUDA_VISIBLE_DEVICES: '', HF_HUB_OFFLINE: '1' } });
  expect(status, stderr).toBe(0);
  const [{ transformers: version }, ...answers] = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { readonly transformers: string } & Reading);
  const isNew = Number(version.split('.')[0]) >= 5;
  expect(answers).toHaveLength(cases.length);
  for (const [name, fields, i] of named) {
    const ours = read(fields);
    // before 5 an empty rope_scaling is an error
    if (!(ours instanceof BlissError) && (isNew || (isOld(fields) && !('error' in answers[i])))) expectSame(frequenciesOf(ours), answers[i], `${version} ${name}`);
  }
});
