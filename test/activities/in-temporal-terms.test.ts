import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { createControlActivities, createCpuActivities, createGpuActivities, progressFiles } from '../../activities/index.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import { BlissError } from '../../lib/errors.js';
import { openHome } from '../../lib/home.js';
import { recordInputs } from '../workflows/recorded-inputs.js';

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
])('%s ends at once where no further try fixes it, with our code and the fix', async (_name, activity, type) => {
  const failure = await failureOf(activity());
  expect(failure).toBeInstanceOf(ApplicationFailure);
  expect(failure).toMatchObject({ type, nonRetryable: true, details: [{ fix: expect.any(String) }] });
});

test('what only waiting fixes is tried again every few seconds: an epoch claimed on a disk that is full', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const { claimEpoch } = control({ ...files, putIfAbsent: () => Promise.reject(full) });
  expect(await failureOf(claimEpoch({ run: 'run', stage: 'report', claimant: 'a' }))).toMatchObject({ type: 'DiskFull', nonRetryable: false, nextRetryDelay: '10s', details: [{ fix: expect.stringContaining('free some space') }] });
});

test('an epoch that cannot be claimed for good ends its stage', async () => {
  const { claimEpoch } = control({ ...files, list: () => Promise.reject(new BlissError({ code: 'ArtifactMissing', message: 'the store is gone', fix: 'bring it back' })) });
  expect(await failureOf(claimEpoch({ run: 'run', stage: 'report', claimant: 'a' }))).toMatchObject({ type: 'ArtifactMissing', nonRetryable: true, message: 'the store is gone; bring it back', details: [{ fix: 'bring it back' }] });
});

test('what is no error of ours stays as it is: Temporal tries again', async () => {
  const broken = new TypeError('a fault of the code');
  expect(await failureOf(control({ ...files, list: () => Promise.reject(broken) }).claimEpoch({ run: 'run', stage: 'report', claimant: 'a' }))).toBe(broken);
});

/** What a run gives each of the stages' activities. */
async function inputsByActivity(): Promise<Readonly<Record<string, unknown>>> {
  const { config } = loadConfig({ source: 'smoke', overrides: ['comparison.arms=[{name: bliss, selector: bliss}, {name: dsir, selector: dsir}, {name: mates, selector: mates}, {name: color, selector: color}, {name: target, selector: color-target}, {name: repsim, selector: repsim}, {name: gradsim, selector: gradsim}]'], cwd: home.root });
  const recorded = await recordInputs({ config, refOf: () => GONE });
  return {
    prepareCorpus: recorded.of('prepare', 'seed-0/prepare'),
    selectRows: recorded.of('selection', 'seed-0/warm-up/selection'),
    importWeights: { model: config.models.target, vocabularySize: config.models.vocabularySize, which: 'target', folder: 'model', configFolder: '/' },
    train: recorded.of('training', 'seed-0/warm-up/target'),
    learnScores: recorded.of('bilevel', 'seed-0/bliss/round-1/bilevel'),
    weighNgrams: recorded.of('lexical', 'seed-0/dsir/round-1/lexical'),
    learnInfluence: recorded.of('mates', 'seed-0/mates/round-1/mates'),
    fineTuneProxy: recorded.of('color', 'seed-0/color/round-1/color'),
    fineTuneTarget: recorded.of('recolor', 'seed-0/target/round-1/recolor'),
    gatherRepresentations: recorded.of('repsim', 'seed-0/repsim/round-1/repsim'),
    gatherGradients: recorded.of('gradsim', 'seed-0/gradsim/round-1/gradsim'),
    scoreShards: recorded.of('scoring', 'seed-0/bliss/round-1/scoring'),
    evaluate: recorded.of('evaluation', 'seed-0/bliss/round-1/evaluation'),
    writeReport: { run: 'run', config, stages: GONE },
  };
}

test('the stages of either worker speak in the same terms, whatever of an attempt it is that fails', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, mkdir'), { code: 'ENOSPC' });
  const stage = { ...progressFiles(home).stage({ run: 'run', stage: 'report', epoch: 1, attempt: 1, device: false }), started: () => Promise.reject(full) };
  const worker = { trainer: { run: () => Promise.reject(new Error('not reached')), close: () => undefined }, home: home.root, progressFiles: { stage: () => stage } };
  const activities: Readonly<Record<string, (input: never) => Promise<unknown>>> = { ...createCpuActivities(worker), ...createGpuActivities(worker) };
  const inputs = await inputsByActivity();
  expect(Object.keys(activities).sort((a, b) => a.localeCompare(b))).toEqual(Object.keys(inputs).sort((a, b) => a.localeCompare(b)));
  for (const [name, activity] of Object.entries(activities)) {
    const request = { run: 'run', stage: 'report', input: inputs[name], epoch: 1, scope: '', keepCheckpoints: 1, compileTimeout: 10 };
    const failure = await failureOf(new MockActivityEnvironment(undefined, { logger: new DefaultLogger('ERROR') }).run(activity, request as never)); // of the activity's own kind
    expect(failure, name).toMatchObject({ type: 'DiskFull', nonRetryable: false, nextRetryDelay: '10s' });
  }
});
