import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { loadTokenizer } from '../../lib/data/index.js';
import { encodeRequest, readItems, taskByName } from '../../lib/evaluation/index.js';
import { neoxTokenizer } from '../needs/python.js';

const fixtures = path.join(import.meta.dirname, '..', 'fixtures', 'lm-eval', 'piqa');

test('PIQA’s requests have the tokens that the Rust tokenizers give, whole and cut', async (testContext) => {
  const tokenizer = await loadTokenizer(neoxTokenizer(testContext));
  const expected = JSON.parse(await readFile(path.join(fixtures, 'tokens.json'), 'utf8')) as readonly (readonly { readonly context: readonly number[]; readonly continuation: readonly number[] }[])[];
  const { items } = await readItems({ task: taskByName('piqa'), path: 'valid.jsonl', folder: fixtures, field: 'f' });
  for (const maxLength of [2048, 24]) {
    expect(items.map(({ requests }) => requests.map((request) => encodeRequest({ request, tokenizer, maxLength })))).toEqual(
      expected.map((choices) =>
        choices.map(({ context, continuation }) => {
          const whole = [...context, ...continuation];
          return { tokens: whole.slice(-maxLength - 1), predicted: Math.min(continuation.length, maxLength), isCut: whole.length > maxLength + 1, isContinuationCut: continuation.length > maxLength };
        }),
      ),
    );
  }
});
