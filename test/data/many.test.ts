import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { differences } from '../../cli/plan/differences.js';
import { columns } from '../../cli/format.js';
import { mostRows } from '../../lib/data/index.js';
import { resolveFiles } from '../../lib/data/sources/index.js';
import { BYTE_CHARACTERS } from '../../lib/data/tokenizer/bytes.js';
import { createTokenizer } from '../../lib/data/tokenizer/tokenizer.js';
import { temporaryFolder } from './temporary.js';

/** V8 takes some 120,000 arguments: what spreads lists of its input as arguments ends with these */
const MANY = 300_000;

test('a folder of 130,000 files below another', async () => {
  const folder = await temporaryFolder();
  const sub = path.join(folder, 'corpus/sub');
  mkdirSync(sub, { recursive: true });
  writeFileSync(path.join(sub, '0.txt'), 'a b c');
  // links are made in a third of the time of files
  let origin = path.join(sub, '0.txt');
  for (let i = 1; i < 130_000; i++) {
    const file = path.join(sub, `${i}.txt`);
    if (i % 30_000 === 0) writeFileSync((origin = file), 'a b c');
    else linkSync(origin, file);
  }
  expect(await resolveFiles({ paths: ['corpus'], format: 'auto', folder, field: 'paths', folders: {} })).toHaveLength(130_000);
}, 120_000);

test('entries of a vocabulary', () => {
  const vocabulary = new Map([...BYTE_CHARACTERS.map((character, i) => [character, i] as const), ...Array.from({ length: MANY }, (_, i) => [`<${i}>`, 256 + i] as const)]);
  const { vocabularySize, encode } = createTokenizer({ vocabulary, merges: [], added: [], endOfText: 0, normalizer: null, preTokenizer: { splits: [], addPrefixSpace: false, useRegex: true }, ignoreMerges: false });
  expect(vocabularySize).toBe(256 + MANY);
  expect(encode('ab')).toEqual([97, 98]);
});

test('parts of a dataset, rows of a table, inputs of a stage', () => {
  expect(mostRows(Array.from({ length: MANY }, (_, i) => ({ rows: i % 1_000 })))).toBe(999);
  expect(columns(Array.from({ length: MANY }, (_, i) => [String(i), '']))).toHaveLength(MANY);
  const inputs = Array.from({ length: MANY }, (_, i) => ({ name: `${i}.txt`, sha256: String(i) }));
  expect(differences({ files: inputs }, { files: [...inputs, { name: 'new.txt', sha256: 'new' }] })).toEqual([{ field: 'files', before: undefined, now: 'new.txt' }]);
});
