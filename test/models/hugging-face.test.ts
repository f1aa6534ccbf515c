import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createModel, openHuggingFace, readSafetensors, writeHuggingFace, writeSafetensors, type HuggingFaceModel, type LlamaConfig, type WriteHuggingFace } from '../../lib/models/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { tinyLlama, unsettle } from './tiny.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-hugging-face-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
function empty(): string {
  const folder = path.join(root, String(folders++));
  mkdirSync(folder);
  return folder;
}
const fixture = (name: string): string => path.join(import.meta.dirname, '..', 'fixtures', name);
const json = (...parts: string[]): Record<string, unknown> => JSON.parse(readFileSync(path.join(...parts), 'utf8')) as Record<string, unknown>;
const floats = (arrays: NamedArrays) => async (name: string): Promise<Float32Array> => Float32Array.from(arrays[name]);

async function contentOf(folder: string): Promise<{ readonly model: HuggingFaceModel & Pick<WriteHuggingFace, 'shapes'>; readonly arrays: NamedArrays; readonly files: readonly string[] }> {
  const { read, close, files, ...model } = await openHuggingFace(folder);
  const arrays: Record<string, Float32Array> = {};
  for (const name of Object.keys(model.shapes)) arrays[name] = await read(name);
  await close();
  return { model, arrays, files };
}

describe.each(['tiny-neox', 'tiny-llama'])('%s', (name) => {
  test('of transformers is read: every tensor as it lies in the file', async () => {
    const { arrays, files } = await contentOf(fixture(name));
    expect(arrays).toEqual((await readSafetensors(path.join(fixture(name), 'model.safetensors'))).arrays);
    expect(files).toEqual(['model.safetensors']);
  });

  test('written and read back in one file, bit by bit', async () => {
    const { model, arrays } = await contentOf(fixture(name));
    const folder = empty();
    await writeHuggingFace({ folder, ...model, read: floats(arrays) });
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'generation_config.json', 'model.safetensors']);
    expect(await contentOf(folder)).toEqual({ model, arrays, files: ['model.safetensors'] });
  });

  test('written and read back in shards of 20 kB, one tensor at a time', async () => {
    const { model, arrays } = await contentOf(fixture(name));
    const folder = empty();
    const asked: string[] = [];
    await writeHuggingFace({ folder, ...model, shardBytes: 20_000, read: async (tensor) => (asked.push(tensor), Float32Array.from(arrays[tensor])) });
    expect(asked).toEqual(Object.keys(arrays));
    const { weight_map: home, metadata } = json(folder, 'model.safetensors.index.json');
    const shards = readdirSync(folder).filter((file) => file.endsWith('.safetensors')).sort();
    expect(shards.length).toBeGreaterThan(3);
    shards.forEach((shard, i) => expect(shard).toBe(`model-0000${i + 1}-of-0000${shards.length}.safetensors`));
    const bytes = Object.values(arrays).reduce((sum, array) => sum + array.byteLength, 0);
    expect(metadata).toEqual({ total_parameters: bytes / 4, total_size: bytes });
    expect(Object.keys(home as object)).toEqual(Object.keys(arrays));
    for (const shard of shards) {
      const { arrays: held, metadata: kind } = await readSafetensors(path.join(folder, shard));
      expect(kind).toEqual({ format: 'pt' });
      const sizes = Object.values(held).map((array) => array.byteLength);
      expect(sizes.length === 1 || sizes.reduce((a, b) => a + b) <= 20_000, shard).toBe(true);
    }
    expect(await contentOf(folder)).toEqual({ model, arrays, files: shards });
  });
});

test('the tokenizer goes along, and its end-of-text token is the model’s', async () => {
  const folder = empty();
  const file = path.join(root, 'tokenizer.json');
  writeFileSync(file, '{"a": 1}');
  const model = { ...tinyLlama, tieEmbeddings: true };
  const arrays = createModel(model).init({ vocabularySize: 12, seed: 1 });
  await writeHuggingFace({ folder, model, shapes: createModel(model).shapes(12), vocabularySize: 12, contextLength: 77, read: floats(arrays), tokenizer: { file, endOfText: { id: 5, content: '</s>' } } });
  expect(readFileSync(path.join(folder, 'tokenizer.json'), 'utf8')).toBe('{"a": 1}');
  expect(json(folder, 'tokenizer_config.json')).toMatchObject({ eos_token: '</s>', model_max_length: 77 });
  expect(json(folder, 'config.json')).toMatchObject({ bos_token_id: 5, eos_token_id: 5, tie_word_embeddings: true });
  expect(json(folder, 'generation_config.json')).toMatchObject({ eos_token_id: 5 });
  expect(Object.keys((await contentOf(folder)).arrays)).not.toContain('lm_head.weight');
});

/** A tiny LLaMA as another program would save it. */
async function saved({ change = (arrays) => arrays, config = {}, model = {} }: { readonly change?: (arrays: NamedArrays) => NamedArrays; readonly config?: object; readonly model?: Partial<LlamaConfig> } = {}): Promise<{ readonly folder: string; readonly arrays: NamedArrays }> {
  const folder = empty();
  const created = createModel({ ...tinyLlama, tieEmbeddings: false, ...model });
  const arrays = unsettle(created.init({ vocabularySize: 12, seed: 1 }), 1);
  await writeHuggingFace({ folder, model: created.config, shapes: created.shapes(12), vocabularySize: 12, contextLength: 8, read: floats(arrays) });
  const shapes = created.shapes(12);
  const changed = change(arrays);
  await writeSafetensors({ path: path.join(folder, 'model.safetensors'), arrays: changed, shapes: Object.fromEntries(Object.entries(changed).map(([name, array]) => [name, shapes[name]?.reduce((a, b) => a * b, 1) === array.length ? shapes[name] : [array.length]])) });
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ ...json(folder, 'config.json'), ...config }));
  return { folder, arrays };
}

const ROUND = { F16: 2 ** -11, BF16: 2 ** -8 } as const;

test.each(['F16', 'BF16'] as const)('weights stored as %s come as the float32 nearest to what was stored', async (type) => {
  const { folder, arrays } = await saved();
  const shapes = createModel({ ...tinyLlama, tieEmbeddings: false }).shapes(12);
  writeHalves(path.join(folder, 'model.safetensors'), arrays, shapes, type);
  const { arrays: read } = await contentOf(folder);
  for (const [name, array] of Object.entries(arrays)) array.forEach((value, i) => expect(Math.abs(read[name][i] - value), name).toBeLessThanOrEqual(ROUND[type] * Math.abs(value) + 2 ** -24));
  expect(read['model.norm.weight']).not.toEqual(arrays['model.norm.weight']);
});

/** rounding to nearest by arithmetic, not by tables */
function writeHalves(file: string, arrays: NamedArrays, shapes: Readonly<Record<string, readonly number[]>>, type: 'F16' | 'BF16'): void {
  const header: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const words = Uint16Array.from(array, (value) => (type === 'BF16' ? (new Uint32Array(Float32Array.of(value).buffer)[0] + 0x8000) >>> 16 : binary16(value)));
    header[name] = { dtype: type, shape: shapes[name], data_offsets: [offset, (offset += words.byteLength)] };
    parts.push(Buffer.from(words.buffer));
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(file, Buffer.concat([length, text, ...parts]));
}
function binary16(value: number): number {
  const size = Math.abs(value);
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const fraction = Math.round((size / 2 ** exponent) * 1024);
  const bits = size === 0 ? 0 : fraction < 1024 ? fraction : ((exponent + 15) << 10) + fraction - 1024;
  return bits | (value < 0 ? 0x8000 : 0);
}

test('constants that older transformers saved beside the weights are left where they are, whatever they are stored as', async () => {
  const folder = empty();
  cpSync(fixture('tiny-neox'), folder, { recursive: true });
  const { arrays, shapes } = await readSafetensors(path.join(folder, 'model.safetensors'));
  const constants = { 'gpt_neox.layers.0.attention.bias': Float32Array.of(1, 1), 'gpt_neox.layers.0.attention.masked_bias': Float32Array.of(-1e9), 'gpt_neox.layers.1.attention.rotary_emb.inv_freq': Float32Array.of(1) };
  const file = path.join(folder, 'model.safetensors');
  await writeSafetensors({ path: file, arrays: { ...constants, ...arrays }, shapes: { ...shapes, ...Object.fromEntries(Object.entries(constants).map(([name, array]) => [name, [array.length]])) } });
  // the mask is of booleans there
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE());
  const header = bytes.toString('utf8', 8, 8 + length);
  expect(header).toContain('attention.bias":{"dtype":"F32","shape":[2]');
  bytes.write(header.replace('attention.bias":{"dtype":"F32","shape":[2]', 'attention.bias":{"dtype":"U8","shape":[8]').padEnd(length, ' '), 8);
  writeFileSync(file, bytes);
  expect((await contentOf(folder)).arrays).toEqual(arrays);
});

test('a tied projection that was saved too must be the embedding', async () => {
  const both = (change: number) => (arrays: NamedArrays): NamedArrays => ({ ...arrays, 'lm_head.weight': Float32Array.from(arrays['model.embed_tokens.weight'], (x, i) => (i === 7 ? x + change : x)) });
  const equal = await saved({ model: { tieEmbeddings: true }, change: both(0) });
  expect((await contentOf(equal.folder)).arrays).toEqual(equal.arrays);
  const other = await saved({ model: { tieEmbeddings: true }, change: both(1) });
  await expect(openHuggingFace(other.folder)).rejects.toMatchObject({ code: 'DataInvalid', where: path.join(other.folder, 'model.safetensors'), message: expect.stringMatching(/lm_head\.weight is not model\.embed_tokens\.weight.*"tie_word_embeddings": false/) });
});

describe('a folder that is not the model’s is refused, by file and tensor', () => {
  const without = (...names: string[]) => (arrays: NamedArrays): NamedArrays => Object.fromEntries(Object.entries(arrays).filter(([name]) => !names.includes(name)));
  const refusal = async (folder: string): Promise<unknown> => openHuggingFace(folder).then(() => undefined, (error: unknown) => error);

  test.each([
    ['missing', { change: without('model.layers.0.mlp.up_proj.weight') }, 'DataInvalid', 'model.safetensors: model.layers.0.mlp.up_proj.weight is missing, which config.json'],
    ['several missing', { config: { num_hidden_layers: 2 } }, 'DataInvalid', /model\.layers\.1\.self_attn\.q_proj\.weight, .* and 6 more are missing/],
    ['extra', { change: (a: NamedArrays) => ({ ...a, 'model.layers.0.self_attn.q_proj.bias': Float32Array.of(1) }) }, 'DataInvalid', 'model.safetensors: model.layers.0.self_attn.q_proj.bias is not of config.json'],
    ['untied where config.json ties', { config: { tie_word_embeddings: true } }, 'DataInvalid', 'lm_head.weight is not model.embed_tokens.weight'],
    ['misshapen', { config: { vocab_size: 13 } }, 'DataInvalid', 'model.safetensors: model.embed_tokens.weight is [12, 16], config.json’s model wants [13, 16]'.replace('’', "'")],
    ['integers', { change: (a: NamedArrays) => ({ ...a, 'model.norm.weight': new Int32Array(16) }) }, undefined, 'model.norm.weight holds integers'],
    ['heads that do not fit', { config: { num_key_value_heads: 3 } }, 'ConfigInvalid', /config\.json: 4 query heads do not share 3/],
    ['another architecture', { config: { model_type: 'qwen2' } }, 'ConfigInvalid', 'config.json: model_type is "qwen2"; only "gpt_neox" or "llama" is computed here'],
  ] as const)('%s', async (_, how, code, says) => {
    const { folder } = await saved(how);
    const error = code === undefined ? await contentOf(folder).catch((e: unknown) => e) : await refusal(folder);
    expect(error).toMatchObject({ code: code ?? 'DataInvalid', where: expect.stringMatching(new RegExp(`^${folder}/(config\\.json|model\\.safetensors)$`)) });
    if (typeof says === 'string') expect(String(error)).toContain(says);
    else expect(String(error)).toMatch(says);
  });

  const sharded = async (): Promise<{ readonly folder: string; readonly shards: string[]; readonly home: Record<string, string> }> => {
    const { model, arrays } = await contentOf(fixture('tiny-llama'));
    const folder = empty();
    await writeHuggingFace({ folder, ...model, shardBytes: 30_000, read: floats(arrays) });
    return { folder, shards: readdirSync(folder).filter((file) => /-of-/.test(file)).sort(), home: json(folder, 'model.safetensors.index.json')['weight_map'] as Record<string, string> };
  };

  test('a shard that ends early', async () => {
    const { folder, shards } = await sharded();
    const shard = path.join(folder, shards[2]);
    truncateSync(shard, statSync(shard).size - 1);
    expect(await refusal(folder)).toMatchObject({ code: 'DataCorrupt', where: shard, message: expect.stringMatching(/model\.layers\.\d\.\S+ \[\d+, \d+\] does not fit its place in the file; copy or download it again/) });
  });

  test('a shard that is not there, and one that lacks or has what the index says otherwise', async () => {
    const { folder, shards, home } = await sharded();
    const [name] = Object.keys(home).filter((tensor) => home[tensor] === shards[1]);
    const index = path.join(folder, 'model.safetensors.index.json');
    const { [name]: _, ...others } = home;
    writeFileSync(index, JSON.stringify({ weight_map: others }));
    expect(await refusal(folder)).toMatchObject({ where: path.join(folder, shards[1]), message: expect.stringContaining(`${name} lies in it, and model.safetensors.index.json says nothing of it`) });
    writeFileSync(index, JSON.stringify({ weight_map: { ...home, 'model.extra': shards[0] } }));
    expect(await refusal(folder)).toMatchObject({ message: expect.stringContaining('model.extra is not of') });
    writeFileSync(index, JSON.stringify({ weight_map: { ...home, [name]: '../elsewhere.safetensors' } }));
    expect(await refusal(folder)).toMatchObject({ code: 'DataInvalid', where: index, message: expect.stringContaining(`${name} is said to lie in "../elsewhere.safetensors"`) });
    const absent = { ...home, 'model.norm.weight': shards[0] };
    writeFileSync(index, JSON.stringify({ weight_map: absent }));
    expect(await refusal(folder)).toMatchObject({ message: expect.stringContaining('model.norm.weight') });
    writeFileSync(index, JSON.stringify({ weight_map: home }));
    rmSync(path.join(folder, shards[1]));
    expect(await refusal(folder)).toMatchObject({ code: 'DataInvalid', where: path.join(folder, shards[1]), message: expect.stringContaining('cannot be read') });
  });

  test('no weights as safetensors, no config.json, an index that is none', async () => {
    const { folder } = await saved();
    rmSync(path.join(folder, 'model.safetensors'));
    expect(await refusal(folder)).toMatchObject({ code: 'DataInvalid', where: folder, message: expect.stringContaining('neither model.safetensors nor model.safetensors.index.json') });
    writeFileSync(path.join(folder, 'model.safetensors.index.json'), '{"weight_map": [1]}');
    expect(await refusal(folder)).toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('not an index of shards') });
    writeFileSync(path.join(folder, 'config.json'), '{');
    expect(await refusal(folder)).toMatchObject({ code: 'DataInvalid', where: path.join(folder, 'config.json'), message: expect.stringContaining('not JSON') });
    expect(await refusal(path.join(folder, 'nowhere'))).toMatchObject({ code: 'DataInvalid', where: path.join(folder, 'nowhere', 'config.json') });
  });
});
