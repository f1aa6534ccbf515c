import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tokenizerJson, trainTokenizer } from '../../lib/data/index.js';
import { createModel, openHuggingFace, writeHuggingFace } from '../../lib/models/index.js';
import { tf, type NamedArrays } from '../../lib/tensor/index.js';
import { pythonWith } from '../needs/python.js';
import { idsOf, tensorsOf, tinyConfig, tinyIds, tinyLlama, unsettle } from './tiny.js';


const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-transformers-'));
afterAll(() => rmSync(root, { recursive: true }));

const V = 300;
const texts = ['It is a truth universally acknowledged.', 'ünïcode, tabs\tand  spaces<|endoftext|>', '12345'];
const models = {
  'GPT-NeoX': { config: { ...tinyConfig, layers: 2 }, shardBytes: undefined },
  'GPT-NeoX in shards, other rotary settings': { config: { ...tinyConfig, rotaryFraction: 0.5, rotaryBase: 500 }, shardBytes: 20_000 },
  'LLaMA, tied': { config: tinyLlama, shardBytes: undefined },
  'LLaMA in shards, untied, other rotary base': { config: { ...tinyLlama, layers: 2, tieEmbeddings: false, rotaryBase: 500 }, shardBytes: 10_000 },
} as const;

interface Loaded {
  readonly class: string;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly mismatched: number;
  readonly eos: number;
  readonly logits: readonly number[];
  readonly tokenizer: { readonly ids?: readonly (readonly number[])[]; readonly eos?: number; readonly error?: string };
}

describe('transformers loads what we write', () => {
  test('every model with our logits, no tensor missing or unexpected, and the tokenizer with our ids', { timeout: 300_000 }, async (context) => {
    const python = pythonWith(context, ['torch', 'transformers']);
    const tokenizer = await trainTokenizer({ texts: (async function* () { yield texts.join(' ').repeat(20); })(), vocabularySize: V, sampleBytes: Infinity });
    const file = path.join(root, 'tokenizer.json');
    writeFileSync(file, tokenizerJson(tokenizer));
    const written: { readonly folder: string; readonly arrays: NamedArrays; readonly name: keyof typeof models }[] = [];
    for (const name of Object.keys(models) as (keyof typeof models)[]) {
      const { config, shardBytes } = models[name];
      const folder = path.join(root, name.replaceAll(/\W+/g, '-'));
      mkdirSync(folder);
      const arrays = unsettle(createModel(config).init({ vocabularySize: V, seed: name }), 1);
      await writeHuggingFace({
        folder, model: config, shapes: createModel(config).shapes(V), vocabularySize: V, contextLength: 64, read: async (tensor) => Float32Array.from(arrays[tensor]),
        tokenizer: { file, endOfText: { id: tokenizer.endOfText, content: tokenizer.decode([tokenizer.endOfText]) } }, ...(shardBytes === undefined ? {} : { shardBytes }),
      });
      written.push({ folder, arrays, name });
    }
    const { stdout, stderr, status } = spawnSync(python, [path.join(import.meta.dirname, 'load-by-transformers.py'), ...written.map(({ folder }) => folder)], {
      input: JSON.stringify([tinyIds, texts]), encoding: 'utf8', maxBuffer: 2 ** 28, env: { ...process.env, CUDA_VISIBLE_DEVICES: '', HF_HUB_OFFLINE: '1' },
    });
    expect(status, stderr).toBe(0);
    const answers = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Loaded);
    expect(answers).toHaveLength(written.length);
    for (const [i, { folder, arrays, name }] of written.entries()) {
      const { logits, tokenizer: theirs, ...rest } = answers[i];
      expect(rest, name).toEqual({ class: models[name].config.architecture === 'llama' ? 'LlamaForCausalLM' : 'GPTNeoXForCausalLM', missing: [], unexpected: [], mismatched: 0, eos: tokenizer.endOfText });
      const { model, shapes, close } = await openHuggingFace(folder);
      await close();
      const ours = tf.tidy(() => createModel(model).logits({ params: tensorsOf(arrays, shapes), ids: idsOf(tinyIds), causal: true }).dataSync());
      const scale = Math.max(...ours.map(Math.abs));
      expect(logits.length, name).toBe(ours.length);
      expect(Math.max(...logits.map((value, k) => Math.abs(value - ours[k]))) / scale, name).toBeLessThan(1e-5);
      expect(theirs, name).toEqual({ ids: texts.map((text) => [...tokenizer.encode(text)]), eos: tokenizer.endOfText });
    }
  });
});
