import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { dataSchema, heldOutSchema, tokenizerSchema } from '../../config/sections/data.js';
import { openSources, prepareCorpus, type Document } from '../../lib/data/index.js';
import { saying } from '../../lib/data/turns.js';
import { collect, temporaryFolder } from './temporary.js';

const { sources } = dataSchema.parse({ rowsPerGroup: 1, sources: [{ type: 'files', name: 'mine', paths: ['corpus'], weight: 1.5 }] });

async function corpus(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'corpus'));
  for (let i = 0; i < 40; i++) {
    const text = `${i} ${Array.from({ length: 80 }, (_, j) => ['one', 'two', 'three', 'four', 'five'][(i * j + j) % 5]).join(' ')} end.`;
    await writeFile(path.join(folder, 'corpus', `${i}.txt`), text);
    await writeFile(path.join(folder, `held-${i}.txt`), `held ${text}`);
  }
  return folder;
}

test('a source looks its files up once: what comes meanwhile is of no corpus', async () => {
  const folder = await corpus();
  const [source] = openSources({ sources }, folder, '0');
  await source.find?.();
  await writeFile(path.join(folder, 'corpus', 'late.txt'), 'late');
  expect((await collect(source.documents()) as Document[]).some(({ text }) => text === 'late')).toBe(false);
  expect(await source.inputs()).toHaveLength(40);
});

test('what counts no steps is said before it begins: looking files up, reading them for their digests', async () => {
  const folder = await corpus();
  const said: string[] = [];
  await mkdir(path.join(folder, 'out'));
  await prepareCorpus({
    sources: openSources({ sources }, folder, '0'),
    tokenizer: tokenizerSchema.parse({ type: 'train', vocabularySize: 280 }),
    heldOut: heldOutSchema.parse({ source: { type: 'files', paths: ['held-*.txt'] }, validation: 4, tuning: 4, test: 4 }),
    sequenceLength: 32,
    rowsPerGroup: 10,
    groups: 2,
    rowsPerShard: 10,
    seed: '0',
    vocabularySize: 300,
    outputFolder: path.join(folder, 'out'),
    configFolder: folder,
    onPhase: (what) => void said.push(what),
  });
  expect(said).toEqual(['finding the files', 'reading the sources for their digests']);
});

test('a phase that goes on for long hears a stop', async () => {
  const say = saying({ onPhase: () => undefined, shouldStop: () => true }, 'reading');
  await expect(say(true)).rejects.toMatchObject({ code: 'Stopped' });
});
