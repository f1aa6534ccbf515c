import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sourceSchema } from '../../config/sections/data.js';
import { openSources } from '../../lib/data/index.js';
import { valueAsWritten } from '../../lib/data/sources/json-id.js';
import { randomStream, type RandomStream } from '../../lib/random.js';
import { collect, temporaryFolder } from './temporary.js';

const tokenVocabulary = { size: 100, endOfText: 0 };

/** Ids of the documents of a source. */
async function idsOf({ folder, ...source }: { readonly folder: string } & Record<string, unknown>): Promise<readonly string[]> {
  const [opened] = openSources({ sources: [sourceSchema.parse({ type: 'files', name: 'mine', ...source })] }, folder);
  return (await collect(opened.documents(tokenVocabulary))).map(({ id }) => id);
}

describe('ids that are numbers in JSON', () => {
  /** as written, each another id */
  const numbers = ['1234567890123456700', '1234567890123456701', '-9223372036854775808', '18446744073709551615', '0.1', '0.10', '1e3', '1000', '1E+3', '1000.0', '-0', '0', '0.1000000000000000000001'];

  test('are their digits as written: none becomes another', async () => {
    const folder = await temporaryFolder();
    const line = (number: string, i: number): string => `{"text":"text ${i} \\" ,{[","meta":{"id":${number},"other":[{"id":1},"}"]},"input_ids":[1,2],"id": ${number} }`;
    await writeFile(path.join(folder, 'a.jsonl'), numbers.map(line).join('\n'));
    expect(await idsOf({ folder, paths: ['a.jsonl'], idColumn: 'id' })).toEqual(numbers);
    expect(await idsOf({ folder, paths: ['a.jsonl'], idColumn: 'meta.id' })).toEqual(numbers);
    expect(await idsOf({ folder, type: 'tokens', paths: ['a.jsonl'], idColumn: 'meta.id' })).toEqual(numbers);
  });

  test('texts stay what they are; of a key that comes twice the last counts, as for the text', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'a.jsonl'), ['{"id":"007","text":"a"}', '{"id":1,"text":"b","id":2}', '{"i\\u0064":3.50,"text":"c"}', '{"a.b":4.0,"text":"d","a":{"b":5}}'].join('\n'));
    expect((await idsOf({ folder, paths: ['a.jsonl'], idColumn: 'id' }).catch(String))).toContain('DataInvalid'); // the fourth line has none
    await writeFile(path.join(folder, 'a.jsonl'), ['{"id":"007","text":"a"}', '{"id":1,"text":"b","id":2}', '{"i\\u0064":3.50,"text":"c"}'].join('\n'));
    expect(await idsOf({ folder, paths: ['a.jsonl'], idColumn: 'id' })).toEqual(['007', '2', '3.50']);
    await writeFile(path.join(folder, 'b.jsonl'), '{"a.b":4.0,"text":"d","a":{"b":5}}');
    expect(await idsOf({ folder, paths: ['b.jsonl'], idColumn: 'a.b' })).toEqual(['4.0']);
  });

  test('what stands at a path is what JSON.parse reads there, in any JSON', () => {
    const random = randomStream('json');
    for (let i = 0; i < 2_000; i++) {
      const value = Array.from({ length: 1 + random.below(4) }, () => anyValue(random, 3));
      const object = Object.fromEntries(value.map((item, key) => [['a', 'b"', 'c\\', '{d', ''][key], item]));
      const json = JSON.stringify(object, null, random.below(3));
      for (const [key, item] of Object.entries(object)) {
        expect(JSON.parse(valueAsWritten(json, [key]) ?? '')).toEqual(item);
        if (typeof item === 'object' && item !== null) for (const [inner, deep] of Object.entries(item)) expect(JSON.parse(valueAsWritten(json, [key, inner]) ?? '')).toEqual(deep);
      }
      expect(valueAsWritten(json, ['none'])).toBeUndefined();
    }
  });
});

function anyValue(random: RandomStream, depth: number): unknown {
  const kind = random.below(depth > 0 ? 6 : 4);
  const text = ['', 'a"', '\\', '\\"', ']}', ', :', 'ä\u2028\n'][random.below(7)];
  if (kind === 0) return text;
  if (kind === 1) return random.below(1_000) / 8;
  if (kind === 2) return [true, false, null][random.below(3)];
  if (kind === 3) return -1 - random.below(9);
  const items = Array.from({ length: random.below(3) }, () => anyValue(random, depth - 1));
  return kind === 4 ? items : Object.fromEntries(items.map((item, i) => [`${text}${i}`, item]));
}

describe('ids of places', () => {
  test('are the same where a corpus is moved as a whole, and others where a file is renamed', async () => {
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'one/corpus/sub'), { recursive: true });
    await writeFile(path.join(folder, 'one/corpus/sub/a.jsonl'), '{"text":"a"}\n{"text":"b"}');
    await writeFile(path.join(folder, 'one/corpus/b.txt'), 'c');
    const paths = (root: string): string[] => [`${root}/corpus/**/*.jsonl`, `${root}/corpus/b.txt`];
    const before = await idsOf({ folder, paths: paths('one') });
    expect(before).toEqual(['sub/a.jsonl:1', 'sub/a.jsonl:2', 'b.txt']);
    await mkdir(path.join(folder, 'far/away'), { recursive: true });
    await rename(path.join(folder, 'one/corpus'), path.join(folder, 'far/away/corpus'));
    expect(await idsOf({ folder, paths: paths('far/away') })).toEqual(before);
    expect(await idsOf({ folder: path.join(folder, 'far/away'), paths: paths('.') })).toEqual(before);
    await rename(path.join(folder, 'far/away/corpus/b.txt'), path.join(folder, 'far/away/corpus/c.txt'));
    expect(await idsOf({ folder, paths: [paths('far/away')[0], 'far/away/corpus/c.txt'] })).toEqual(['sub/a.jsonl:1', 'sub/a.jsonl:2', 'c.txt']);
  });
});

test('a weight takes its part of the documents, whatever their ids', async () => {
  const folder = await temporaryFolder();
  const line = (i: number, id: string): string => JSON.stringify({ id, text: `text ${i}` });
  await writeFile(path.join(folder, 'same.jsonl'), Array.from({ length: 1_000 }, (_, i) => line(i, 'same')).join('\n'));
  // σ = √(1,000/4) = 16
  for (const seed of ['0', '1', '2']) {
    const [source] = openSources({ sources: [sourceSchema.parse({ type: 'files', name: 'mine', paths: ['same.jsonl'], idColumn: 'id', weight: 0.5 })] }, folder, seed);
    expect(Math.abs((await collect(source.documents())).length - 500)).toBeLessThan(65);
  }
});
