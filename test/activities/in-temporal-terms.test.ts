import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { createControlActivities, createCpuActivities, createGpuActivities, progressFiles } from '../../activities/index.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import { BlissError } from '../../lib/errors.js';
import { openHome } from '../../lib/home.js';

const home = openHome(mkdtempSync(path.join(os.tmpdir(), 'bliss-terms-')));
const files = fileBlobs({ root: home.store });
const GONE = { uri: `store:artifacts/${'ab'.repeat(32)}/manifest.json`, sha256: 'ab'.repeat(32), size: 1, digest: 'cd'.repeat(32) };
const control = (blobs = files) => createControlActivities({ home, blobs, store: openStore({ blobs }), environment: {} });
const failureOf = (doing: Promise<unknown>): Promise<unknown> => doing.then(() => 'it went well', (error: unknown) => error);

test.each([
  ['keepFinished', () => control().keepFinished({ run: 'run', known: GONE, stages: [], order: [] }), 'ArtifactMissing'],
  ['knownStages', () => control().knownStages({ known: GONE, page: 0 }), 'ArtifactMissing'],
  ['presentRun', () => control().presentRun({ run: 'run', report: GONE }), 'ArtifactMissing'],
  ['resolveSelection', () => control().resolveSelection({ from: 'other/round-1', seed: 0 }), 'ConfigInvalid'],
  ['checkTasks', () => control().checkTasks({ tasks: { of: [{ name: 'piqa', path: 'gone.jsonl' }], folder: home.root } }), 'DataInvalid'],
  ['notify', () => control().notify({ notice: { id: '1', run: 'run', event: 'done', at: '' }, channel: 'webhook', notices: { events: ['done'], webhook: { urlVariable: 'BLISS_NOWHERE' } } }), 'ConfigInvalid'],
])('%s ends at once where no further try mends it, with our code and the mend', async (_name, activity, type) => {
  const failure = await failureOf(activity());
  expect(failure).toBeInstanceOf(ApplicationFailure);
  expect(failure).toMatchObject({ type, nonRetryable: true, details: [{ mend: expect.any(String) }] });
});

test('what only waiting mends is tried again every few seconds: an epoch claimed on a disk that is full', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const { claimEpoch } = control({ ...files, putIfAbsent: () => Promise.reject(full) });
  expect(await failureOf(claimEpoch({ run: 'run', stage: 'report', claimant: 'a' }))).toMatchObject({ type: 'DiskFull', nonRetryable: false, nextRetryDelay: '10s', details: [{ mend: expect.stringContaining('free some space') }] });
});

test('an epoch that cannot be claimed for good ends its stage', async () => {
  const { claimEpoch } = control({ ...files, list: () => Promise.reject(new BlissError({ code: 'ArtifactMissing', message: 'the store is gone', mend: 'bring it back' })) });
  expect(await failureOf(claimEpoch({ run: 'run', stage: 'report', claimant: 'a' }))).toMatchObject({ type: 'ArtifactMissing', nonRetryable: true, message: 'the store is gone; bring it back', details: [{ mend: 'bring it back' }] });
});

test('what is no error of ours stays as it is: Temporal tries again', async () => {
  const broken = new TypeError('a fault of the code');
  expect(await failureOf(control({ ...files, list: () => Promise.reject(broken) }).claimEpoch({ run: 'run', stage: 'report', claimant: 'a' }))).toBe(broken);
});

test('the stages of either worker speak in the same terms, whatever of an attempt it is that fails', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, mkdir'), { code: 'ENOSPC' });
  const stage = { ...progressFiles(home).stage({ run: 'run', stage: 'report', epoch: 1, attempt: 1, device: false }), started: () => Promise.reject(full) };
  const worker = { trainer: { run: () => Promise.reject(new Error('not reached')), close: () => undefined }, home: home.root, progressFiles: { stage: () => stage } };
  const activities: Readonly<Record<string, (input: never) => Promise<unknown>>> = { ...createCpuActivities(worker), ...createGpuActivities(worker) };
  expect(Object.keys(activities)).toHaveLength(10);
  for (const activity of Object.values(activities)) {
    const failure = await failureOf(new MockActivityEnvironment(undefined, { logger: new DefaultLogger('ERROR') }).run(activity, { run: 'run', stage: 'report', input: {}, epoch: 1, scope: '', keepCheckpoints: 1, compileTimeout: 10 } as never)); // no stage gets as far as its input
    expect(failure).toMatchObject({ type: 'DiskFull', nonRetryable: false, nextRetryDelay: '10s' });
  }
});
