import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileBlobs, heldBy, hold, letGo, sha256, type Blobs, type Ref } from '../../lib/artifacts/index.js';

let root = '';
let blobs: Blobs;
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'bliss-references-'));
  blobs = fileBlobs({ root });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const refTo = (text: string): Ref => ({ uri: `store:artifacts/${sha256(text)}/manifest.json`, sha256: sha256(text), size: 1, digest: sha256(text) });
const held = async (run?: string): Promise<string[]> => (await heldBy({ blobs, ...(run === undefined ? {} : { run }) })).map((one) => `${one.run} ${one.stage} ${one.uri}`);

test('every artifact that a stage gave is held, the one that it gave last comes last, and one that is given again is held once', async () => {
  const stage = 'seed-0/bliss/round-1/scoring';
  for (const text of ['b', 'a', 'a', 'b', 'b']) await hold({ blobs, run: 'run', stage, ref: refTo(text) });
  expect(await held('run')).toEqual(['b', 'a', 'b'].map((text) => `run ${stage} ${refTo(text).uri}`));
  const before = await blobs.list('');
  await hold({ blobs, run: 'run', stage, ref: refTo('b') });
  expect(await blobs.list('')).toEqual(before);
});

test('a stage and its parts are told apart, and so are runs of which one’s name begins with the other’s', async () => {
  await hold({ blobs, run: 'run', stage: 'a/scoring/shards-0-2', ref: refTo('part') });
  await hold({ blobs, run: 'run', stage: 'a/scoring', ref: refTo('whole') });
  await hold({ blobs, run: 'run-2', stage: 'a/scoring', ref: refTo('other') });
  expect((await held('run')).toSorted()).toEqual([`run a/scoring ${refTo('whole').uri}`, `run a/scoring/shards-0-2 ${refTo('part').uri}`]);
  await letGo({ blobs, run: 'run' });
  expect(await held()).toEqual([`run-2 a/scoring ${refTo('other').uri}`]);
});

test('attempts that end at the same moment each hold what they gave', async () => {
  const texts = Array.from({ length: 8 }, (_, i) => `attempt ${i}`);
  await Promise.all(texts.map((text) => hold({ blobs, run: 'run', stage: 'a', ref: refTo(text) })));
  expect(new Set(await held('run'))).toEqual(new Set(texts.map((text) => `run a ${refTo(text).uri}`)));
});
