import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { itemDigests, readItems } from '../../lib/evaluation/items.js';
import { taskByName } from '../../lib/evaluation/index.js';
import { temporaryFolder } from '../data/temporary.js';

const fixtures = path.join(import.meta.dirname, '..', 'fixtures', 'lm-eval');
const { results } = JSON.parse(await readFile(path.join(fixtures, 'expected.json'), 'utf8')) as { readonly results: Readonly<Record<string, Readonly<Record<string, { readonly items: readonly { readonly doc: Record<string, unknown>; readonly requests: readonly object[] }[] }>>>> };
const expected = (task: string) => results['maxLength1024'][task].items;
const requestsOf = (task: string) => expected(task).map(({ requests }) => requests.map((request) => ({ context: (request as { context: string }).context, continuation: (request as { continuation: string }).continuation })));

const read = (task: string, file: string, limit?: number) => readItems({ task: taskByName(task), path: file, folder: fixtures, field: '--data', limit });

describe('items', () => {
  test.each(['arc_easy', 'boolq', 'hellaswag'])('of %s are those of the harness, from the hub’s Parquet', async (task) => {
    const { items, documents } = await read(task, `${task}.parquet`);
    expect(items.map(({ requests }) => requests)).toEqual(requestsOf(task));
    expect(documents).toBe(items.length);
    expect(items[0].document).toMatchObject(expected(task)[0].doc);
  });

  test.each(Object.keys(results['maxLength1024']))('of %s are those of the harness, from JSON lines', async (task) => {
    const file = path.join(await temporaryFolder(), `${task}.jsonl.gz`);
    await writeFile(file, gzipSync(expected(task).map(({ doc }) => JSON.stringify(doc)).join('\n')));
    expect((await read(task, file)).items.map(({ requests }) => requests)).toEqual(requestsOf(task));
  });

  test('with flat columns are the same as with nested ones', async () => {
    const file = path.join(await temporaryFolder(), 'arc.jsonl');
    await writeFile(file, expected('arc_easy').map(({ doc: { choices, ...rest } }) => JSON.stringify({ ...rest, 'choices.text': (choices as { text: unknown }).text, 'choices.label': (choices as { label: unknown }).label })).join('\n'));
    expect((await read('arc_easy', file)).items.map(({ requests }) => requests)).toEqual(requestsOf('arc_easy'));
  });

  test('of PIQA have their labels from the file beside them, as its authors give it', async () => {
    const { items } = await read('piqa', 'piqa/valid.jsonl');
    expect(items.map(({ target }) => target)).toEqual([0, 1, 1, 1, 0, 1, 1, 0]);
    expect(items[1].requests[0]).toEqual({ context: 'Question: dresser\nAnswer:', continuation: ' replace drawer with bobby pin ' });
  });

  test('are the first ones under a limit, and all are counted', async () => {
    const { items, documents } = await read('piqa', 'piqa/*.jsonl', 3);
    expect([items.length, documents]).toEqual([3, 8]);
  });

  test('are told apart by content, labels included, and not by where they lie', async () => {
    const digests = (folder: string) => itemDigests({ task: taskByName('piqa'), path: 'valid.jsonl', folder, field: 'f' });
    const here = await digests(path.join(fixtures, 'piqa'));
    const folder = await temporaryFolder();
    await cp(path.join(fixtures, 'piqa'), folder, { recursive: true });
    expect(await digests(folder)).toEqual(here);
    await writeFile(path.join(folder, 'valid-labels.lst'), '1\n'.repeat(8));
    expect(await digests(folder)).not.toEqual(here);
  });
});

describe('a bad item is told by file, place, field and fix', () => {
  const lines = async (file: string, ...documents: readonly unknown[]): Promise<string> => {
    const full = path.join(await temporaryFolder(), file);
    await writeFile(full, documents.map((document) => JSON.stringify(document)).join('\n'));
    return full;
  };
  const good = { goal: 'g', sol1: 'a', sol2: 'b', label: 0 };

  test('in JSON lines', async () => {
    const file = await lines('piqa.jsonl', good, { ...good, sol2: 3 });
    await expect(read('piqa', file)).rejects.toMatchObject({ code: 'DataInvalid', where: `${file}:2`, bare: expect.stringContaining('the field sol2'), fix: expect.stringContaining('baber/piqa') });
  });

  test('in Parquet, by row group', async () => {
    await expect(read('piqa', path.join(fixtures, 'arc_easy.parquet'))).rejects.toMatchObject({ where: expect.stringMatching(/arc_easy\.parquet \(row group 0, row 0\)$/), bare: expect.stringContaining('the field goal') });
    await expect(read('winogrande', path.join(fixtures, 'boolq.parquet'))).rejects.toMatchObject({ bare: expect.stringContaining('the field sentence') });
  });

  test('in the file of labels', async () => {
    const { label: _label, ...unlabelled } = good;
    const file = await lines('valid.jsonl', unlabelled, unlabelled);
    const labels = path.join(path.dirname(file), 'valid-labels.lst');
    await expect(read('piqa', file)).rejects.toMatchObject({ where: `${file}:1`, bare: expect.stringContaining('the field label') });
    await writeFile(labels, '0\n');
    await expect(read('piqa', file)).rejects.toMatchObject({ where: `${labels}:2`, bare: 'the line is missing' });
    await writeFile(labels, '0\nyes\n');
    await expect(read('piqa', file)).rejects.toMatchObject({ where: `${labels}:2`, bare: '"yes" is no label' });
    await writeFile(labels, '0\n1\n0\n');
    await expect(read('piqa', file)).rejects.toMatchObject({ where: `${labels}:3`, bare: 'there are 3 labels, and 2 documents in valid.jsonl' });
    await expect(read('piqa', file, 1)).rejects.toMatchObject({ where: `${labels}:3` });
  });

  test('and so is a file without items', async () => {
    await expect(read('piqa', await lines('piqa.jsonl'))).rejects.toMatchObject({ code: 'DataInvalid', where: '--data', bare: expect.stringContaining('there is no item of piqa') });
    await expect(read('piqa', 'nowhere.jsonl')).rejects.toMatchObject({ code: 'DataInvalid', where: '--data' });
  });
});
