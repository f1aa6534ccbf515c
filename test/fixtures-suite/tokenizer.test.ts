import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { loadTokenizer } from '../../lib/data/index.js';
import { holds, inFixtures, readJson } from './folder.js';

interface Cases {
  readonly cases: { readonly text: string; readonly ids: number[]; readonly decoded: string }[];
}

const neox = process.env['BLISS_NEOX_TOKENIZER'] ?? path.join(import.meta.dirname, '../../../shared/data/20B_tokenizer.json');

if (!holds('tokenizer-cases.json')) test.skip('no tokenizer-cases.json in the folder', () => undefined);

test.skipIf(!holds('tokenizer-cases.json') || !existsSync(neox))('the GPT-NeoX tokenizer gives the ids of Hugging Face’s on all cases, and their text (skipped where BLISS_NEOX_TOKENIZER names no file)', async () => {
  const { cases } = readJson<Cases>(inFixtures('tokenizer-cases.json'));
  const tokenizer = await loadTokenizer(neox);
  expect(tokenizer).toMatchObject({ vocabularySize: 50_277, endOfText: 0 });
  for (const { text, ids, decoded } of cases) {
    expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(decoded);
  }
  expect(cases.length).toBeGreaterThan(0);
});
