import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { collectGarbage, fileBlobs, heldBy, openStore, type Blobs } from '../../../lib/artifacts/index.js';
import { packageRoot } from '../../../lib/package-root.js';
import type { StageResult } from '../../../lib/stages/types.js';
import { place } from './plain-stage.js';

/** A stage of a process of its own, which is really killed. */
const CHILD = fileURLToPath(new URL('killed-child.mjs', import.meta.url));

function attempt(root: string, number: number, { run = 'run', kill }: { readonly run?: string; readonly kill?: readonly ['before' | 'after', string] } = {}): StageResult | 'killed' {
  const { signal, status, stdout, stderr } = spawnSync(process.execPath, [CHILD, path.join(packageRoot(), 'dist', 'lib'), root, run, String(number), ...(kill ?? [])], { encoding: 'utf8' });
  if (signal === 'SIGKILL') return 'killed';
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as StageResult;
}

/** Of an open run, as `bliss gc` does it. */
const collect = (blobs: Blobs): ReturnType<typeof collectGarbage> => collectGarbage({ blobs, runs: new Set(['run']), used: new Set(), open: new Set(['run']), dryRun: false });
const blobsOf = (root: string): Blobs => fileBlobs({ root: path.join(root, 'store') });
const artifactsIn = async (blobs: Blobs): Promise<string[]> => (await blobs.list('artifacts/')).map(({ key }) => key).filter((key) => key.endsWith('manifest.json'));

test.each([
  ['before its artifact is whole', ['before', '^artifacts/.*/manifest.json$'], { kept: 0, cached: false }],
  ['between its artifact and its reference', ['before', '^refs/'], { kept: 0, cached: false }],
  ['between its reference and its note', ['after', '^refs/'], { kept: 1, cached: false }],
  ['between its note and its word to the worker', ['after', '^stages/'], { kept: 1, cached: true }],
] as const)('a stage killed %s, collected for garbage and begun again gives what is there afterwards', async (_, kill, { kept, cached }) => {
  const root = place();
  const blobs = blobsOf(root);
  expect(attempt(root, 1, { kill })).toBe('killed');
  await collect(blobs);
  expect(await artifactsIn(blobs)).toHaveLength(kept);

  const result = attempt(root, 2);
  if (result === 'killed') throw new Error('nobody killed it');
  expect(result.cached).toBe(cached);
  expect((await heldBy({ blobs, run: 'run' })).at(-1)).toEqual({ run: 'run', stage: 'seed-0/warm-up/selection', uri: result.ref.uri });
  await collect(blobs);
  await (await openStore({ blobs }).open(result.ref)).file('result');
  expect(attempt(root, 3)).toMatchObject({ cached: true, ref: result.ref });
});

test('nothing that says that a stage is done is put before what it refers to', async () => {
  const root = place();
  const blobs = blobsOf(root);
  for (const [number, kind] of [[1, '^inputs/'], [2, '^stages/']] as const) {
    expect(attempt(root, number, { kill: ['before', kind] })).toBe('killed');
    expect(await heldBy({ blobs, run: 'run' })).toHaveLength(number);
  }
});

test('a result that another run made is held for each run that found it, and goes with the last of them', async () => {
  const root = place();
  const blobs = blobsOf(root);
  const made = attempt(root, 1, { run: 'other' });
  expect(attempt(root, 1)).toMatchObject({ cached: true, ref: made === 'killed' ? undefined : made.ref });
  await collect(blobs); // of the two runs only one is there
  expect(await heldBy({ blobs })).toHaveLength(1);
  expect(await artifactsIn(blobs)).toHaveLength(1);
  expect(attempt(root, 2)).toMatchObject({ cached: true });
  await collectGarbage({ blobs, runs: new Set(), used: new Set(), open: new Set(), dryRun: false });
  expect(await blobs.list('')).toEqual([]);
});
