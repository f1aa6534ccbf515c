import { expect, test } from 'vitest';
import { loadTokenizer } from '../../lib/data/index.js';
import { neoxTokenizer } from '../needs/python.js';
import { holds, inFixtures, lacks, readJson } from './folder.js';

interface Cases {
  readonly cases: { readonly text: string; readonly ids: number[]; readonly decoded: string }[];
}

if (!holds('tokenizer-cases.json')) lacks('tokenizer-cases.json');
else test('the GPT-NeoX tokenizer gives the ids of Hugging Face’s on all cases, and their text', async (context) => {
  const { cases } = readJson<Cases>(inFixtures('tokenizer-cases.json'));
  const tokenizer = await loadTokenizer(neoxTokenizer(context));
  expect(tokenizer).toMatchObject({ vocabularySize: 50_277, endOfText: 0 });
  for (const { text, ids, decoded } of cases) {
    expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(decoded);
  }
  expect(cases.length).toBeGreaterThan(0);
});
