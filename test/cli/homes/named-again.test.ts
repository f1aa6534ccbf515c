import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { createRunFolderActivities } from '../../../activities/index.js';
import { claimRunFolder, readJson } from '../../../cli/runs.js';
import { writeRun } from '../../../cli/submit/submit.js';
import { finishedStages } from '../../../cli/fork/finished.js';
import { loadConfig } from '../../../config/index.js';
import { fileBlobs, heldBy, hold, openStore, sha256, type Ref } from '../../../lib/artifacts/index.js';
import { openHome } from '../../../lib/home.js';
import type { FinishedStage } from '../../../lib/stages/types.js';
import { place } from '../bliss.js';

const SERVER = { server: 'local', address: '', namespace: 'default' } as const;

function opened() {
  const home = openHome(place().home);
  const blobs = fileBlobs({ root: home.store });
  const store = openStore({ blobs });
  const publish = (text: string): Promise<Ref> => {
    const folder = place().folder;
    writeFileSync(path.join(folder, 'data'), text);
    return store.publish({ kind: 'selection', folder, digest: sha256(text), lineage: { stage: 'selection', stageVersion: 1, inputs: {} }, summary: { selector: 'bliss' } });
  };
  return { home, blobs, store, publish };
}

test('a run that has the name of one that was given up does not pass for having finished that one’s stages', async () => {
  const { home, blobs, store, publish } = opened();
  const loaded = loadConfig({ source: 'smoke', cwd: '/' });
  const submit = async () => {
    expect(claimRunFolder(home, 'again')).toBe(true);
    return writeRun({ home, run: 'again', loaded, fresh: false, server: SERVER });
  };
  const first = await submit();
  await hold({ blobs, run: 'again', stage: 'seed-0/warm-up/selection', ref: await publish('rows') });
  expect((await finishedStages({ home, store, input: first })).map(({ stage }) => stage)).toEqual(['seed-0/warm-up/selection']);
  rmSync(home.run('again').root, { recursive: true });
  expect(await finishedStages({ home, store, input: await submit() })).toEqual([]);
});

test('what a fork takes over is held from before its record is there', async () => {
  const { home, blobs, publish } = opened();
  const known = await publish('list');
  expect(claimRunFolder(home, 'fork')).toBe(true);
  const rest = { forked: { from: 'other', stage: 'round-1/selection' }, stages: [] };
  await writeRun({ home, run: 'fork', loaded: loadConfig({ source: 'smoke', cwd: '/' }), fresh: false, server: SERVER, taken: { known, ...rest } });
  expect(await heldBy({ blobs, run: 'fork' })).toEqual([{ run: 'fork', stage: 'kept', uri: known.uri }]);
  expect(readJson(home.run('fork').record)).toMatchObject({ run: 'fork' });
  // where it was collected as garbage since it was looked up, nothing begins
  expect(claimRunFolder(home, 'late')).toBe(true);
  const gone = { ...known, uri: `store:artifacts/${sha256('gone')}/manifest.json`, sha256: sha256('gone') };
  await expect(writeRun({ home, run: 'late', loaded: loadConfig({ source: 'smoke', cwd: '/' }), fresh: false, server: SERVER, taken: { known: gone, ...rest } })).rejects.toThrow('collected as garbage meanwhile; fork again');
  expect(readJson(home.run('late').record)).toBeUndefined();
});

test('another run’s selection is held for the run that takes it, as soon as it is found', async () => {
  const { home, blobs, store, publish } = opened();
  const ref = await publish('chosen rows');
  const stage: FinishedStage = { stage: 'seed-0/bliss/round-2/selection', name: 'selection', seed: 0, arm: 'bliss', round: 2, results: [{ ref, summary: { selector: 'bliss' }, cached: false }] };
  mkdirSync(home.run('other').root, { recursive: true });
  writeFileSync(path.join(home.run('other').root, 'stages.json'), JSON.stringify([stage]));
  const environment = new MockActivityEnvironment({ workflowExecution: { workflowId: 'mine', runId: '1' } });
  const { resolveSelection } = createRunFolderActivities({ store, home });
  expect(await environment.run(resolveSelection, { from: 'other/round-2', seed: 0 })).toEqual(ref);
  expect(await heldBy({ blobs })).toEqual([{ run: 'mine', stage: 'chosen/seed-0', uri: ref.uri }]);
});
