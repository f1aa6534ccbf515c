import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkpoints, collectGarbage, digestJson, fileBlobs, heldBy, hold, openStore, sha256, type Ref } from '../../lib/artifacts/index.js';

let root = '';
beforeEach(async () => { root = await mkdtemp(path.join(os.tmpdir(), 'bliss-garbage-')); });
afterEach(async () => { await rm(root, { recursive: true, force: true }); });

async function folderWith(text: string): Promise<string> {
  const folder = await mkdtemp(path.join(root, 'folder-'));
  await writeFile(path.join(folder, 'data'), text);
  return folder;
}

/** corpus → weights, both used by way of the weights; an old corpus and its scores, used by nobody; a run that is open and one that is gone */
async function filled() {
  const blobs = fileBlobs({ root: path.join(root, 'store') });
  const store = openStore({ blobs, codeVersion: 'test' });
  const finish = async (text: string, from: readonly Ref[] = []): Promise<Ref> => {
    const inputs = Object.fromEntries(from.map(({ sha256: id, digest }, i) => [`input${i}`, { sha256: id, digest }]));
    const ref = await store.publish({ kind: 'state', folder: await folderWith(text), digest: sha256(text), lineage: { stage: 'training', stageVersion: 1, inputs }, summary: {} });
    await store.record(digestJson(text), { ref, summary: {} });
    return ref;
  };
  const corpus = await finish('corpus');
  const weights = await finish('weights', [corpus]);
  const oldCorpus = await finish('old corpus');
  const scores = await finish('old scores!', [oldCorpus]);
  for (const run of ['open', 'gone']) {
    const series = checkpoints({ store, blobs, run, stage: 'bilevel', key: 'k' });
    const token = { epoch: await series.claimEpoch({ claimant: 'me' }), attempt: 1 };
    await series.begin({ token });
    await series.save({ token, step: 1, folder: await folderWith(run), summary: {} });
  }
  return { blobs, store, corpus, weights, oldCorpus, scores };
}

test('what a run refers to stays, with what that was made from and the checkpoints of runs that may go on; all else goes', async () => {
  const { blobs, store, corpus, weights, oldCorpus, scores } = await filled();
  const input = { blobs, runs: new Set(['open']), used: new Set([weights.uri]), open: new Set(['open']) };
  const before = await blobs.list('');
  const planned = await collectGarbage({ ...input, dryRun: true });
  expect(await blobs.list('')).toEqual(before);
  expect(planned).toMatchObject({ artifacts: { count: 2 }, checkpoints: { count: 1 }, notes: { count: 2 } });

  expect(await collectGarbage({ ...input, dryRun: false })).toEqual(planned);
  const left = await blobs.list('');
  const gone = before.filter(({ key }) => !left.some((blob) => blob.key === key));
  for (const { key } of gone) expect(key).toMatch(new RegExp(`^(artifacts/(${oldCorpus.sha256}|${scores.sha256})/|stages/|checkpoints/gone/|fences/gone/)`));
  for (const [text, ref] of [['corpus', corpus], ['weights', weights]] as const) {
    expect(await store.find(digestJson(text))).toMatchObject({ ref });
    await (await store.open(ref)).file('data');
  }
  expect(await store.find(digestJson('old scores!'))).toBeUndefined();
  expect(left.filter(({ key }) => key.startsWith('checkpoints/')).every(({ key }) => key.startsWith('checkpoints/open/'))).toBe(true);
  expect(await collectGarbage({ ...input, dryRun: false })).toMatchObject({ artifacts: { count: 0 }, checkpoints: { count: 0 }, notes: { count: 0 } });
});

test('what the store holds for a run stays for as long as the run is there, and goes with it before its artifacts do', async () => {
  const { blobs, store, corpus, weights, oldCorpus, scores } = await filled();
  await hold({ blobs, run: 'open', stage: 'seed-0/warm-up/target', ref: weights });
  await hold({ blobs, run: 'given-up', stage: 'seed-0/bliss/round-1/scoring', ref: scores });
  // a note that a run relies on, of something that the disk lost: it keeps nothing else from being collected
  await hold({ blobs, run: 'open', stage: 'seed-0/prepare', ref: { ...corpus, uri: `store:artifacts/${sha256('lost')}/manifest.json` } });
  const input = { blobs, used: new Set<string>(), open: new Set(['open']), dryRun: false };

  expect(await collectGarbage({ ...input, runs: new Set(['open', 'given-up']) })).toMatchObject({ artifacts: { count: 0 }, refs: { count: 0 } });
  const deleted: string[] = [];
  const watched = { ...blobs, delete: (key: string) => (deleted.push(key), blobs.delete(key)) };
  expect(await collectGarbage({ ...input, blobs: watched, runs: new Set(['open']) })).toMatchObject({ artifacts: { count: 2 }, refs: { count: 1 } });
  const first = (start: string): number => deleted.findIndex((key) => key.startsWith(start));
  expect(first('refs/')).toBeLessThan(first('artifacts/'));
  expect(first('stages/')).toBeLessThan(first('artifacts/'));
  expect((await heldBy({ blobs })).map(({ run }) => run)).toEqual(['open', 'open']);
  for (const ref of [corpus, weights]) await (await store.open(ref)).file('data');
  for (const ref of [oldCorpus, scores]) await expect(store.open(ref)).rejects.toThrow('is not in the store');
});

test('a run that has ended keeps the checkpoints that it asked to keep, and no others', async () => {
  const { blobs, store } = await filled();
  const series = checkpoints({ store, blobs, run: 'done', stage: 'seed-0/warm-up/target', key: 'k' });
  await series.begin({ token: { epoch: 1, attempt: 1 } });
  for (const step of [10, 20, 30]) await series.save({ token: { epoch: 1, attempt: 1 }, step, folder: await folderWith(`${step}`), summary: {} });
  // overtaken: what follows the heir's base is off the chain
  await series.begin({ token: { epoch: 2, attempt: 1 } });
  const late = (await blobs.list('checkpoints/done/')).find(({ key }) => key.includes('step-000000030') && key.endsWith('/data'));
  await blobs.putIfAbsent(late?.key.replace('step-000000030', 'step-000000040') ?? '', Buffer.from('late'));
  const input = { blobs, runs: new Set(['open', 'gone', 'done']), used: new Set<string>(), open: new Set(['open', 'gone']), keepEvery: new Map([['done', 20]]) };
  const steps = async (): Promise<(string | undefined)[]> => (await blobs.list('checkpoints/done/')).filter(({ key }) => key.endsWith('/data')).map(({ key }) => /step-0*(\d+)/.exec(key)?.[1]);

  const planned = await collectGarbage({ ...input, dryRun: true });
  expect(planned.checkpoints.count).toBe(1);
  expect(await steps()).toEqual(['10', '20', '30', '40']);
  expect(await collectGarbage({ ...input, dryRun: false })).toEqual(planned);
  expect(await steps()).toEqual(['20']);
  expect(await series.isCurrent({ epoch: 1, attempt: 1 })).toBe(false);
  expect(await collectGarbage({ ...input, dryRun: true })).toMatchObject({ checkpoints: { count: 0 } });

  await collectGarbage({ ...input, keepEvery: new Map(), dryRun: false });
  expect(await blobs.list('checkpoints/done/')).toEqual([]);
  expect(await blobs.list('fences/done/')).toEqual([]);
});
