import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTokenizer, tokenizerJson, type Tokenizer } from '../../lib/data/index.js';
import { randomStream } from '../../lib/random.js';
import { pythonWith } from '../needs/python.js';
import { temporaryFolder } from './temporary.js';

const folder = path.join(import.meta.dirname, '../fixtures/tokenizers');
const readJson = <T>(file: string): T => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as T;

/** @see ../fixtures/tokenizers/make.py */
const { texts, ids, variants } = readJson<{ texts: string[]; ids: Record<string, number[][]>; variants: Record<string, Record<string, unknown>> }>('cases.json');
const names = Object.keys(ids);

/** The file of a form: llama-3 and qwen-2.5 as they lie there, a variant as llama-3 with its own pre-tokenizer. */
async function fileOf(name: string): Promise<string> {
  if (!(name in variants)) return path.join(folder, `${name}.json`);
  const file = path.join(await temporaryFolder(), 'tokenizer.json');
  await writeFile(file, JSON.stringify({ ...readJson<object>('llama-3.json'), ...variants[name] }));
  return file;
}

test('the forms are those of the models', () => {
  expect(names).toEqual(['llama-3', 'qwen-2.5', ...Object.keys(variants)]);
  const regex = (file: string): unknown => readJson<{ pre_tokenizer: { pretokenizers: { pattern?: { Regex: string } }[] } }>(file).pre_tokenizer.pretokenizers[0].pattern?.Regex;
  expect(regex('llama-3.json')).toContain("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|");
  expect(regex('qwen-2.5.json')).toContain('?\\p{L}+|\\p{N}|');
  expect(readJson<{ normalizer: unknown }>('qwen-2.5.json').normalizer).toEqual({ type: 'NFC' });
});

describe.each(names)('%s', (name) => {
  test('gives the ids of Hugging Face’s tokenizers', async () => {
    const tokenizer = await loadTokenizer(await fileOf(name));
    expect(ids[name].length).toBeGreaterThan(90);
    for (const [i, expected] of ids[name].entries()) expect(tokenizer.encode(texts[i]), JSON.stringify(texts[i])).toEqual(expected);
  });

  test('stays what it is when written and read again', async () => {
    const tokenizer = await loadTokenizer(await fileOf(name));
    const again = await loadTokenizer(await write(tokenizer));
    expect(again.parts.preTokenizer).toEqual(tokenizer.parts.preTokenizer);
    for (const text of texts) expect(again.encode(text)).toEqual(tokenizer.encode(text));
  });
});

test('decoding gives the text back where the normalizer leaves it and nothing is added', async () => {
  for (const name of ['llama-3', 'qwen-2.5']) {
    const tokenizer = await loadTokenizer(await fileOf(name));
    for (const text of texts) expect(tokenizer.decode(tokenizer.encode(text))).toBe(name === 'llama-3' ? text : text.normalize('NFC'));
  }
});

async function write(tokenizer: Tokenizer): Promise<string> {
  const file = path.join(await temporaryFolder(), 'tokenizer.json');
  await writeFile(file, tokenizerJson(tokenizer));
  return file;
}

test('random texts get the ids of Hugging Face’s tokenizers, by the files given and by those written', { timeout: 240_000 }, async (context) => {
  const python = pythonWith(context, ['tokenizers']);
  const some = randomTexts(1_500);
  // as one, longer than what is cut at a time, and a run that is longer
  const random = [...some, some.join(' '), `${'e\u0301a'.repeat(40_000)} ${'日'.repeat(70_000)}`];
  const files: string[] = [];
  const ours: number[][][] = [];
  for (const name of names) {
    const file = await fileOf(name);
    const tokenizer = await loadTokenizer(file);
    const encoded = random.map((text) => tokenizer.encode(text));
    files.push(file, await write(tokenizer));
    ours.push(encoded, encoded);
  }
  const { stdout, stderr, status } = spawnSync(python, [path.join(import.meta.dirname, 'encode-by-tokenizers.py')], { input: JSON.stringify({ files, texts: random }), encoding: 'utf8', maxBuffer: 2 ** 29 });
  expect(status, stderr).toBe(0);
  const theirs = JSON.parse(stdout) as number[][][];
  expect(theirs).toHaveLength(files.length);
  for (const [f, expected] of theirs.entries()) {
    for (const [i, text] of random.entries()) {
      const name = `${names[Math.floor(f / 2)]}: ${JSON.stringify(text.slice(0, 1_000))}`;
      if (text.length > 10_000) expect(ours[f][i].join() === expected[i].join(), name).toBe(true);
      else expect(ours[f][i], name).toEqual(expected[i]);
    }
  }
});

/** assigned since before any Unicode that Node or tokenizers know, so that versions decide nothing */
const OLD_RANGES = [[0, 0x24f], [0x300, 0x36f], [0x370, 0x3ff], [0x5d0, 0x5ea], [0x620, 0x669], [0x900, 0x965], [0x1e00, 0x1eff], [0x2000, 0x206f], [0x2100, 0x218b], [0x2460, 0x24ff], [0x3000, 0x30ff], [0x4e00, 0x9fa5], [0xac00, 0xd7a3], [0xfb00, 0xfb06], [0xff00, 0xffef], [0x1d400, 0x1d7ff], [0x1f300, 0x1f64f]] as const;

/** Pieces of the committed texts, and characters from all over. */
function randomTexts(count: number): string[] {
  const random = randomStream('tokenizer forms');
  const pieces = ['<|begin_of_text|>', '<|end_of_text|>', '<|endoftext|>', '<tool>', ...texts.flatMap((text) => Array.from(text.matchAll(/\p{L}{1,4}|\p{N}{1,4}|\p{White_Space}{1,3}|[^\p{L}\p{N}\p{White_Space}]{1,2}/gu), ([piece]) => piece))];
  const character = (): string => {
    for (;;) {
      const [first, last] = OLD_RANGES[random.below(OLD_RANGES.length)];
      const one = String.fromCodePoint(first + random.below(last - first + 1));
      if (!/\p{Cn}/u.test(one)) return one;
    }
  };
  return Array.from({ length: count }, () => Array.from({ length: 1 + random.below(25) }, () => (random.uniform() < 0.9 ? pieces[random.below(pieces.length)] : character())).join(''));
}
